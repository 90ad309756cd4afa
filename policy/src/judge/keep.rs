//! Queries whose rows are kept: what lands in the new table is what the role would have seen.

use super::engine::{RoleEngine, Subject};
use super::place;
use super::statement::{self, Gate, Judgement};
use crate::plan::{Kind, Planned, SqlText};
use crate::read::keep::Keep;
use crate::{Refusal, SqlState};

/// Judges a CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW.
pub(super) fn plan(role: &RoleEngine, who: &Subject, keep: &Keep, text: &str) -> Result<Planned, Refusal> {
    let schema = place::of_new(&role.facts, who, &keep.made.name, keep.made.what).map_err(|r| r.at(Some(1)))?;
    if keep.made.materialized {
        return super::stored::materialized(role, who, keep, schema, text);
    }
    let judged = statement::query(role, who, &keep.query, text, Gate::Inserted)?;
    if let Some(name) = judged.cols.iter().find(|c| c.label.sealed().is_some()).map(|c| c.name.clone()) {
        return carried(role, who, keep, schema.as_deref(), &judged, &name);
    }
    let Judgement { sql, moves, order_is_data, tokens, .. } = judged;
    Ok(Planned {
        text: SqlText::with_holes(&keep.made.print(schema.as_deref(), &sql)?, role.facts.marker(), tokens.literals()),
        moves_search_path: moves,
        order_is_data,
        tokens: tokens.parameters(),
        changes_catalog: true,
        ..Planned::plain(Kind::Keep, "")
    })
}

/// Rows with pseudonyms: inside the database their columns hold raw values. `column`: the first of them.
fn carried(_: &RoleEngine, who: &Subject, keep: &Keep, _: Option<&str>, judged: &Judgement, column: &str) -> Result<Planned, Refusal> {
    let sealed = judged.cols.iter().find_map(|c| c.label.sealed());
    let refusal = Refusal::new(
        SqlState::DENIED,
        "keep.sealed",
        format!("{}: column {column} is pseudonymised for role {}, and would be kept as it is stored", keep.made.what, who.role),
    )
    .with_hint("Leave the column out, or keep what is computed from it, such as counts.")
    .at(Some(1));
    Err(match sealed {
        Some(sealed) => refusal.with_detail(format!("Rule: {}.", sealed.rule)).about(&sealed.spec.class),
        None => refusal,
    })
}
