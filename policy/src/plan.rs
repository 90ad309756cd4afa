//! What the judgement decided: the text that goes upstream, and what happens to each column on its way back.

use std::sync::Arc;

use crate::catalog::Oid;
use crate::mask::Mask;

/// The judged form of one client text: its statements in order. Empty for an empty text.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One for each statement of the text.
    pub statements: Vec<Planned>,
}

/// One statement, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What kind of statement it is, for the conversation.
    pub kind: Kind,
    /// The text that goes upstream, without a closing semicolon.
    pub text: SqlText,
    /// One for each result column; empty where the statement returns no rows.
    pub outputs: Arc<[Output]>,
    /// After it, `search_path` may be another: it must be asked from the server again before the next judgement.
    pub moves_search_path: bool,
    /// It reads protected relations: which of their rows an expression fails on first, and how, would tell their order.
    pub order_is_data: bool,
}

/// What kind of statement was judged. A new kind is a new decision for the conversation: no wildcard there permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SELECT, VALUES, TABLE: rows with [`Planned::outputs`].
    Query,
    /// EXPLAIN: rows of one text column that must be reduced to the plan's shape.
    Explain,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION.
    Transaction,
    /// SET and RESET of an allowed setting.
    Set,
    /// SHOW of an allowed setting: one text column that holds no data.
    Show,
    /// DISCARD, DEALLOCATE, CLOSE, UNLISTEN and the like: no rows, no data.
    Utility,
}

/// SQL for the server, with holes for the session's order key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    pieces: Vec<String>,
}

impl SqlText {
    /// Text without a hole.
    pub fn plain(text: impl Into<String>) -> Self {
        SqlText { pieces: vec![text.into()] }
    }

    /// Text in which each occurrence of `marker` is a hole for the session's order key.
    pub fn with_holes(text: &str, marker: &str) -> Self {
        SqlText { pieces: text.split(marker).map(str::to_owned).collect() }
    }

    /// The text to send. `order_key`: letters and digits only, secret, one per session.
    pub fn render(&self, order_key: &str) -> String {
        self.pieces.join(order_key)
    }
}

/// One result column.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The column's name as the client sees it.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What happens to it on its way back. `Mask::Clear` is a decision, not an absence.
    pub mask: Mask,
    /// The OID of its type as the server's RowDescription says it (below domains), where the judgement is certain of it.
    pub type_oid: Option<Oid>,
}

/// Where an output column comes from, as Postgres' RowDescription would say it without a veil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An expression, or more than one column.
    Computed,
    /// A column of a relation, as it is stored.
    Column {
        /// The relation's OID.
        relation: Oid,
        /// The attribute's number, from 1.
        attribute: i16,
    },
    /// A column that a veil computes: the server says origin (0, 0), the client is told this one.
    Veiled {
        /// The relation's OID.
        relation: Oid,
        /// The attribute's number, from 1.
        attribute: i16,
    },
}
