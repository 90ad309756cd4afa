//! A refusal is a decision, not a fault: the session goes on.

pub mod kinds;

use std::fmt;

/// A five-character SQLSTATE (PostgreSQL documentation, appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlState(pub &'static str);

impl SqlState {
    /// `42501 insufficient_privilege`: the policy does not allow it.
    pub const DENIED: SqlState = SqlState("42501");
    /// `0A000 feature_not_supported`: pgveil cannot judge it, so it does not pass.
    pub const UNSUPPORTED: SqlState = SqlState("0A000");
    /// `42601 syntax_error`.
    pub const SYNTAX: SqlState = SqlState("42601");
    /// `42P01 undefined_table`.
    pub const UNDEFINED_TABLE: SqlState = SqlState("42P01");
    /// `42703 undefined_column`.
    pub const UNDEFINED_COLUMN: SqlState = SqlState("42703");
    /// `42702 ambiguous_column`.
    pub const AMBIGUOUS_COLUMN: SqlState = SqlState("42702");
    /// `42883 undefined_function`.
    pub const UNDEFINED_FUNCTION: SqlState = SqlState("42883");
    /// `42704 undefined_object`.
    pub const UNDEFINED_OBJECT: SqlState = SqlState("42704");
    /// `42712 duplicate_alias`.
    pub const DUPLICATE_ALIAS: SqlState = SqlState("42712");
    /// `54000 program_limit_exceeded`: larger than pgveil reads.
    pub const TOO_LARGE: SqlState = SqlState("54000");
    /// `54001 statement_too_complex`: nested deeper than pgveil reads.
    pub const TOO_COMPLEX: SqlState = SqlState("54001");
}

/// Why a statement is not run, in words for the person who sent it.
///
/// Never holds a protected value: the judgement sees none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the client's driver sees.
    pub code: SqlState,
    /// A stable name for this kind of refusal, such as `seal.function`; for logs, figures and docs.
    pub id: &'static str,
    /// One line: what is refused; names column, class and role where there are such.
    pub message: String,
    /// Which rule decided, or why.
    pub detail: Option<String>,
    /// What to do instead.
    pub hint: Option<String>,
    /// Where in the client's text: 1-based, in characters, as Postgres counts.
    pub position: Option<usize>,
    /// Classes whose pseudonyms it is about: with `otherwise = "redact"` for all of them the statement is judged again.
    pub sealed: Vec<String>,
}

impl Refusal {
    /// A refusal with a message; see the `with_` methods for the rest.
    pub fn new(code: SqlState, id: &'static str, message: impl Into<String>) -> Self {
        debug_assert!(kinds::kind(id).is_some(), "refusal {id} is not in refusal/kinds");
        Refusal { code, id, message: message.into(), detail: None, hint: None, position: None, sealed: Vec::new() }
    }

    /// The hint with the id behind it, for whoever looks it up in docs/refusals.md; without the id where Postgres would have said
    /// the same.
    pub fn hint_with_id(&self) -> Option<String> {
        if kinds::kind(self.id).is_some_and(|kind| kind.of_postgres) {
            return self.hint.clone();
        }
        let id = format!("(refusals.md: {})", self.id);
        Some(self.hint.as_ref().map_or(id.clone(), |hint| format!("{hint} {id}")))
    }

    /// Adds which rule decided, or why.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do instead.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a class whose pseudonyms it is about.
    pub fn about(mut self, class: &str) -> Self {
        self.sealed.push(class.to_owned());
        self
    }

    /// Adds where: 1-based, in characters. A position that is already set is kept.
    pub fn at(mut self, position: Option<usize>) -> Self {
        self.position = self.position.or(position);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code.0)
    }
}

impl std::error::Error for Refusal {}
