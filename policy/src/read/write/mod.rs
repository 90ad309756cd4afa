//! Statements that write: INSERT, UPDATE, DELETE, MERGE, and queries with such a statement in WITH.
//!
//! What is judged are queries, so such a statement is read as a *shell* – target, columns, which of them get their DEFAULT, what
//! a conflict does – and up to three queries that hold every expression of it:
//!
//! * `source`: the rows of an INSERT, with its WITH;
//! * `action`: `SELECT assigned…, returned… FROM target, other items WHERE condition` of an UPDATE or DELETE, with its WITH;
//!   `SELECT assigned… FROM target, target AS excluded WHERE condition` of ON CONFLICT DO UPDATE;
//! * `returning`: `SELECT returned… FROM target` of an INSERT.
//!
//! A MERGE is an `action` over the target and its source, `SELECT conditions and values… FROM target, source WHERE condition`. A query
//! with a statement that writes in WITH is a `source`; a placeholder stands there for the statement, which is read by itself.
//!
//! Each is a [`Reading`] like any other. What is sent is printed from the shell and the judged queries, read again by Postgres' own
//! grammar, and must fall into the same shell and the same queries.

mod print;
mod shell;

use super::postgres::Raw;
use super::{Reading, agree};
use crate::Refusal;
use pg_query::NodeEnum;
pub use print::Sent;
use shell::Parts;
pub use shell::{Assigned, Conflict, Inferred, Overriding, Shell, Target, Then, Verb, When};
pub(crate) use shell::{EXCLUDED, placeholder_word as placeholder};

/// A statement that writes, read.
#[derive(Debug, Clone)]
pub struct Write {
    /// What stands around its queries.
    pub shell: Shell,
    /// The rows that an INSERT is given; `None` for DEFAULT VALUES, and for other statements.
    pub source: Option<Reading>,
    /// What is assigned, on which rows; of an INSERT, only by ON CONFLICT DO UPDATE.
    pub action: Option<Reading>,
    /// What an INSERT returns.
    pub returning: Option<Reading>,
    /// Statements in its WITH that write, by their place there.
    pub ctes: Vec<(usize, Write)>,
    /// The WITH of `source` stands before INSERT: all of the statement sees it.
    pub shares_with: bool,
}

/// Reads a statement that writes; `None` for any other.
///
/// # Errors
/// As [`super::read`].
pub(super) fn write(raw: &Raw, node: &NodeEnum) -> Result<Option<Write>, Refusal> {
    shell::of(node).map_err(|r| r.at(Some(1)))?.map(|parts| read(raw, parts)).transpose()
}

fn read(raw: &Raw, parts: Parts) -> Result<Write, Refusal> {
    let Parts { shell, queries, ctes, shares_with } = parts;
    let reading = |select: Option<Box<_>>| select.map(|s| agree::reading(raw, &NodeEnum::SelectStmt(s))).transpose();
    Ok(Write {
        shell,
        source: reading(queries.source)?,
        action: reading(queries.action)?,
        returning: reading(queries.returning)?,
        ctes: ctes.into_iter().map(|(index, parts)| Ok((index, read(raw, parts)?))).collect::<Result<_, Refusal>>()?,
        shares_with,
    })
}
