//! Queries whose rows are kept: what lands in the new table is what the role would have seen.

use super::engine::{RoleEngine, Subject};
use super::scope::Col;
use super::statement::{self, Gate, Judgement};
use super::{carry, place};
use crate::Refusal;
use crate::plan::{Kind, Planned, SqlText};
use crate::read::keep::Keep;

/// Judges a CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW.
pub(super) fn plan(role: &RoleEngine, who: &Subject, keep: &Keep, text: &str) -> Result<Planned, Refusal> {
    let schema = place::of_new(&role.facts, who, &keep.made.name, keep.made.what).map_err(|r| r.at(Some(1)))?;
    if keep.made.materialized {
        return super::stored::materialized(role, who, keep, schema, text);
    }
    let judged = statement::query(role, who, &keep.query, text, Gate::Inserted)?;
    makes_no_guess(role, who, (schema.as_deref(), &keep.made.name.name), (&keep.made.columns, &judged.cols), keep.made.what)?;
    if judged.cols.iter().any(|c| c.label.sealed().is_some()) {
        return carry::table(role, &keep.made, schema.as_deref(), &judged);
    }
    let Judgement { sql, moves, order_is_data, tokens, filtered, .. } = judged;
    Ok(Planned {
        text: SqlText::with_holes(&keep.made.print(schema.as_deref(), &sql)?, role.facts.marker(), tokens.literals()),
        moves_search_path: moves,
        order_is_data,
        filtered,
        tokens: tokens.parameters(),
        changes_catalog: true,
        ..Planned::plain(Kind::Keep, "")
    })
}

/// No column of what is made shows pseudonyms of others, but where it holds what is pseudonymised already. `written`: names of the first
/// columns, beside those that the query gives. `schema`: `None` for the session's temporary one.
///
/// # Errors
/// `define.class`
pub(super) fn makes_no_guess(
    role: &RoleEngine,
    who: &Subject,
    (schema, name): (Option<&str>, &str),
    (written, cols): (&[String], &[Col]),
    what: &str,
) -> Result<(), Refusal> {
    let Some(schema) = schema else { return Ok(()) };
    for (number, col) in cols.iter().enumerate().filter(|(_, col)| col.label.sealed().is_none()) {
        let column = written.get(number).unwrap_or(&col.name);
        role.facts.makes_no_guess(schema, name, column, what, &who.role).map_err(|r| r.at(Some(1)))?;
    }
    Ok(())
}
