//! What the judgement decided: the text that goes upstream, and what happens to each column on its way back.

use std::sync::Arc;

use crate::catalog::Oid;
use crate::mask::Mask;
use crate::mask::seal::SealSpec;

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
    /// Parameters that hold tokens.
    pub tokens: Arc<[TokenParameter]>,
    /// After it, the session sees another catalog: names mean something else for it, be it before it commits or for good.
    pub changes_catalog: bool,
}

impl Planned {
    /// A statement that is sent as it stands: it gives no rows, reads nothing protected and moves nothing.
    pub fn plain(kind: Kind, text: impl Into<String>) -> Self {
        Planned {
            kind,
            text: SqlText::plain(text),
            outputs: Arc::from([]),
            moves_search_path: false,
            order_is_data: false,
            tokens: Arc::from([]),
            changes_catalog: false,
        }
    }
}

/// What kind of statement was judged. A new kind is a new decision for the conversation: no wildcard there permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SELECT, VALUES, TABLE: rows with [`Planned::outputs`].
    Query,
    /// EXPLAIN: rows of one text column that must be reduced to the plan's shape.
    Explain,
    /// EXPLAIN in another format: one row with a plan in JSON, to be cut down to its shape and told in that format.
    ExplainTree(PlanFormat),
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION.
    Transaction,
    /// SET and RESET of an allowed setting.
    Set,
    /// SHOW of an allowed setting: one text column that holds no data.
    Show,
    /// DISCARD, DEALLOCATE, CLOSE, UNLISTEN and the like: no rows, no data.
    Utility,
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW: a query runs, and its rows stay in the database.
    Keep,
    /// A statement that defines, alters or drops objects, or keeps house among them: no rows.
    Define,
}

impl Kind {
    /// Names of relations or functions stand in its text: what it means hangs on the catalog and on search_path.
    pub fn looks_names_up(self) -> bool {
        match self {
            Kind::Query | Kind::Explain | Kind::ExplainTree(_) | Kind::Keep | Kind::Define => true,
            Kind::Transaction | Kind::Set | Kind::Show | Kind::Utility => false,
        }
    }
}

/// FORMAT of an EXPLAIN that is one value and no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum PlanFormat {
    Json,
    Xml,
    Yaml,
}

/// SQL for the server, with holes for the session's order key and for what tokens stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    OrderKey,
    Token(Token),
}

/// A literal that is compared with a column of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Of the column.
    pub spec: Arc<SealSpec>,
    /// As the client wrote it.
    pub text: String,
}

impl SqlText {
    /// Text without a hole.
    pub fn plain(text: impl Into<String>) -> Self {
        SqlText { pieces: vec![Piece::Text(text.into())] }
    }

    /// Text in which each occurrence of `marker` is a hole: for a token where [`SqlText::token_hole`] wrote it, else for the
    /// session's order key.
    pub fn with_holes(text: &str, marker: &str, tokens: &[Token]) -> Self {
        let mut parts = text.split(marker);
        let mut pieces: Vec<Piece> = parts.next().map(|first| Piece::Text(first.to_owned())).into_iter().collect();
        for part in parts {
            let token = part.strip_prefix('#').and_then(|rest| rest.split_once('.')).and_then(|(number, rest)| {
                let token = tokens.get(number.parse::<usize>().ok()?)?;
                Some((token.clone(), rest))
            });
            match token {
                Some((token, rest)) => pieces.extend([Piece::Token(token), Piece::Text(rest.to_owned())]),
                None => pieces.extend([Piece::OrderKey, Piece::Text(part.to_owned())]),
            }
        }
        SqlText { pieces }
    }

    /// The same text behind one without a hole.
    pub fn prefixed(&self, before: &str) -> Self {
        SqlText { pieces: std::iter::once(Piece::Text(before.to_owned())).chain(self.pieces.iter().cloned()).collect() }
    }

    /// The content of the string constant that is printed for a token: a hole that nothing of a client's can make.
    pub fn token_hole(marker: &str, number: usize) -> String {
        format!("{marker}#{number}.")
    }

    /// The text to send. `order_key`: letters and digits only, secret, one per session. `open`: the value that a token stands
    /// for, in text format; it is written as the content of a string constant (with standard_conforming_strings).
    pub fn render(&self, order_key: &str, mut open: impl FnMut(&Token) -> String) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::OrderKey => out.push_str(order_key),
                Piece::Token(token) => out.push_str(&open(token).replace('\'', "''")),
            }
        }
        out
    }
}

/// A parameter that is compared with columns of tokens only: what a client binds is turned back before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenParameter {
    /// Of `$n`, from 0.
    pub index: usize,
    /// Of the columns.
    pub spec: Arc<SealSpec>,
    /// It is an array of tokens (`= ANY($1)`).
    pub array: bool,
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
