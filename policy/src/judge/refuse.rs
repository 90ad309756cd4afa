//! The words of refusals: which column, class, role and rule, and what to do instead.

use sqlparser::ast::Spanned;
use sqlparser::tokenizer::Location;

use super::label::{Clash, Sealed};
use super::scope::RefusedColumn;
use crate::read;
use crate::{Refusal, SqlState};

/// What one can do with a pseudonymised column.
const ALLOWED: &str =
    "Pseudonymised columns can be selected, joined, grouped, counted, sorted, compared with columns of the same class and tested for NULL.";

/// A sealed value used where more than equality could show.
pub(crate) fn sealed_use(role: &str, sealed: &Sealed, usage: &str) -> Refusal {
    Refusal::new(
        SqlState::DENIED,
        "seal.use",
        format!("column {} (class {}) is pseudonymised for role {role} and cannot be used in {usage}", sealed.column, sealed.spec.class),
    )
    .with_detail(format!("Rule: {}.", sealed.rule))
    .with_hint(ALLOWED)
    .about(&sealed.spec.class)
}

/// A sealed value beside one that is not of its class.
pub(crate) fn clash(role: &str, clash: &Clash, usage: &str) -> Refusal {
    match clash {
        Clash::Unsealed(s) => Refusal::new(
            SqlState::DENIED,
            "seal.mix",
            format!(
                "column {} (class {}) is pseudonymised for role {role}: in {usage} it can only meet columns of its own class, or NULL",
                s.column, s.spec.class
            ),
        )
        .with_detail(format!("Rule: {}. With literals, parameters or other columns every pseudonym could be guessed.", s.rule))
        .with_hint(format!("Find rows by another column, or by a join with a column of class {}.", s.spec.class))
        .about(&s.spec.class),
        Clash::Classes(a, b) => Refusal::new(
            SqlState::DENIED,
            "seal.class",
            format!(
                "columns {} (class {}) and {} (class {}) are pseudonymised for role {role} in different ways and cannot meet in {usage}",
                a.column, a.spec.class, b.column, b.spec.class
            ),
        )
        .with_detail(format!("Rules: {}; {}.", a.rule, b.rule))
        .with_hint("Columns that are to be joined or compared must be of one class and type in the policy.")
        .about(&a.spec.class)
        .about(&b.spec.class),
    }
}

/// A column with mask `refuse`.
pub(crate) fn column(role: &str, refused: &RefusedColumn) -> Refusal {
    let class = refused.class.as_deref().map(|c| format!(" (class {c})")).unwrap_or_default();
    Refusal::new(SqlState::DENIED, "column.refused", format!("column {}{class} may not be read by role {role}", refused.column))
        .with_detail(format!("Rule: {}.", refused.rule))
        .with_hint("Name the columns you need instead of * or the whole row, and leave this one out.")
}

/// Something that pgveil does not judge yet.
pub(crate) fn unsupported(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "unsupported", format!("{what} cannot be used through pgveil by a role with masks yet"))
        .with_hint("Write the query without it, or ask for a role without masks.")
}

/// Where a piece of the tree stands in `text`.
pub(crate) fn position(text: &str, piece: &impl Spanned) -> Option<usize> {
    let start: Location = piece.span().start;
    read::position(text, start)
}
