//! Statements that write: INSERT, UPDATE, DELETE.
//!
//! What is judged are queries, so such a statement is read as a *shell* – target, columns, which of them get their DEFAULT, what
//! a conflict does – and up to three queries that hold every expression of it:
//!
//! * `source`: the rows of an INSERT, with its WITH;
//! * `action`: `SELECT assigned…, returned… FROM target, other items WHERE condition` of an UPDATE or DELETE, with its WITH;
//!   `SELECT assigned… FROM target, target AS excluded WHERE condition` of ON CONFLICT DO UPDATE;
//! * `returning`: `SELECT returned… FROM target` of an INSERT.
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
pub(crate) use shell::EXCLUDED;
pub use shell::{Assigned, Conflict, Inferred, Overriding, Shell, Target, Verb};

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
}

/// Reads an INSERT, UPDATE or DELETE; `None` for any other statement.
///
/// # Errors
/// As [`super::read`].
pub(super) fn write(raw: &Raw, node: &NodeEnum) -> Result<Option<Write>, Refusal> {
    let Some((shell, queries)) = shell::of(node)? else { return Ok(None) };
    let reading = |select: Option<Box<_>>| select.map(|s| agree::reading(raw, &NodeEnum::SelectStmt(s))).transpose();
    Ok(Some(Write { shell, source: reading(queries.source)?, action: reading(queries.action)?, returning: reading(queries.returning)? }))
}
