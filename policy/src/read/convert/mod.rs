//! libpg_query's tree of a query as the AST that is judged.
//!
//! The tree is Postgres' own grammar's, so that every form that it reads is known, and every operator binds as in Postgres. What
//! sqlparser's tree has no place for is [coded](super::coded). Nothing hangs on this translation being right: the text that is
//! printed of the AST is read again by both readers, and its tree compared with the one that this began with.
//!
//! Every field of every node is named in the patterns below, so that a new one is a new decision.

mod call;
mod expr;
mod from;
mod names;
mod select;
mod xml;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};
use sqlparser::ast::{Ident, Query};
use sqlparser::tokenizer::{Location, Span};

use super::postgres::Raw;
use crate::{Refusal, SqlState};

/// The AST of a query, in the normal form of [`Reading`](super::Reading).
///
/// # Errors
/// `read.unread` for what no supported Postgres reads, or reads only in newer versions, or pgveil not yet.
pub(super) fn query(raw: &Raw, select: &SelectStmt) -> Result<Box<Query>, Refusal> {
    Convert { text: raw.text, start: raw.start, client: raw.client }.query(select).map(Box::new).map_err(|Unread { what, at }| {
        Refusal::new(SqlState::UNSUPPORTED, "read.unread", format!("pgveil does not read {what} yet"))
            .with_hint("Write it in another way.")
            .at(at.and_then(|at| raw.text.get(..at)).map(|before| before.chars().count() + 1))
    })
}

/// What could not be converted, and where it stands, in bytes from the start.
struct Unread {
    what: String,
    at: Option<usize>,
}

type Made<T> = Result<T, Unread>;

/// The text, where it begins in the one that was parsed, and whether places are kept. A place of -1 is none.
struct Convert<'t> {
    text: &'t str,
    start: i32,
    client: bool,
}

impl Convert<'_> {
    fn unread<T>(&self, what: &str, location: i32) -> Made<T> {
        let at = location.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        Err(Unread { what: what.to_owned(), at: at.filter(|_| location > 0) })
    }

    /// A place as [`position`](super::position) finds it again: a line of its own, and the byte.
    fn span(&self, location: i32) -> Span {
        match location.checked_sub(self.start).and_then(|at| u64::try_from(at).ok()) {
            Some(at) if location >= 0 && self.client => {
                let place = Location { line: 1, column: at + 1 };
                Span { start: place, end: place }
            }
            _ => Span::empty(),
        }
    }

    fn ident(&self, name: &str, location: i32) -> Ident {
        Ident { value: name.to_owned(), quote_style: Some('"'), span: self.span(location) }
    }

    /// A word of the grammar where a name could stand.
    fn keyword(&self, word: &str, location: i32) -> Ident {
        Ident { value: word.to_owned(), quote_style: None, span: self.span(location) }
    }
}

/// What a node holds.
fn held(node: &Node) -> Made<&NodeEnum> {
    node.node.as_ref().ok_or(Unread { what: "an empty part of a statement".to_owned(), at: None })
}

/// What a node that must be there holds.
fn given(node: Option<&Node>) -> Made<&NodeEnum> {
    node.and_then(|node| node.node.as_ref()).ok_or(Unread { what: "a statement with a part left out".to_owned(), at: None })
}

/// A list of names.
fn strings(nodes: &[Node]) -> Made<Vec<&str>> {
    nodes
        .iter()
        .map(|node| match held(node)? {
            NodeEnum::String(name) => Ok(name.sval.as_str()),
            _ => Err(Unread { what: "this name".to_owned(), at: None }),
        })
        .collect()
}
