//! The words of refusals: which column, class, role and rule, and what to do instead.

use sqlparser::ast::Spanned;
use sqlparser::tokenizer::Location;

use super::label::Sealed;
use super::scope::RefusedColumn;
use super::sealed::meet::Clash;
use crate::read;
use crate::{Refusal, SqlState};

/// What one can do with a pseudonymised column.
const ALLOWED: &str = "Pseudonymised columns can be selected, joined, grouped, counted, sorted, collected in arrays, compared with columns of the same class and tested for NULL.";

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
        .with_hint(if let Some(role) = a.spec.kept_by.as_ref().or(b.spec.kept_by.as_ref()).filter(|_| !a.spec.shares_domain(&b.spec)) {
            format!("What role {role} keeps in its own schemas and temporary tables has pseudonyms of its own.")
        } else if a.spec.class == b.spec.class {
            format!(
                "They are of the types {} and {}, whose equality is not that of their pseudonyms. Cast to text first.",
                a.ty.sql, b.ty.sql
            )
        } else {
            "Columns that are to be joined or compared must be of one class and type in the policy.".to_owned()
        })
        .about(&a.spec.class)
        .about(&b.spec.class),
        Clash::Array(s) => Refusal::new(
            SqlState::DENIED,
            "seal.mix",
            format!(
                "column {} (class {}) is pseudonymised for role {role}: in {usage} a value of it meets an array of such values",
                s.column, s.spec.class
            ),
        )
        .with_detail(format!("Rule: {}.", s.rule))
        .with_hint("Compare a value with an array by = ANY (array).")
        .about(&s.spec.class),
    }
}

/// A column with mask `refuse`.
pub(crate) fn column(role: &str, refused: &RefusedColumn) -> Refusal {
    let class = refused.class.as_deref().map(|c| format!(" (class {c})")).unwrap_or_default();
    Refusal::new(SqlState::DENIED, "column.refused", format!("column {}{class} may not be read by role {role}", refused.column))
        .with_detail(format!("Rule: {}.", refused.rule))
        .with_hint("Name the columns you need instead of * or the whole row, and leave this one out.")
}

/// A statement that is not open to a role with masks.
pub(crate) fn kind_of_statement(what: &str, role: &str) -> Refusal {
    let message = format!("{what} is not open to role {role}, for which columns are masked or rows filtered");
    Refusal::new(SqlState::DENIED, "statement.kind", message)
        .with_hint(
            "Queries, writes, definitions, COPY, cursors, prepared statements, transactions and settings are; docs/refusals.md says more.",
        )
        .at(Some(1))
}

/// Something that pgveil does not judge yet, by the id of its kind.
pub(crate) fn not_yet(id: &'static str, what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, id, format!("{what} cannot be used through pgveil by a role with masks yet"))
        .with_hint("Write the query without it, or ask for a role without masks.")
}

/// Something that pgveil does not judge yet and that has no kind of its own.
pub(crate) fn unsupported(what: &str) -> Refusal {
    not_yet("unsupported", what)
}

/// Where a piece of the tree stands in `text`.
pub(crate) fn position(text: &str, piece: &impl Spanned) -> Option<usize> {
    let start: Location = piece.span().start;
    read::position(text, start)
}
