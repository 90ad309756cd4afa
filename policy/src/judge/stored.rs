//! Queries that are stored as text: views and materialised views.
//!
//! What is stored is the judged text, with the veils and row filters of whoever makes it. No secret of a session may stand in it: no
//! order key, nothing that a token stands for.

use super::engine::{RoleEngine, Subject};
use super::keep::makes_no_guess;
use super::place;
use super::statement::{self, Gate, Judgement};
use crate::plan::{Kind, Planned, SqlText};
use crate::read::keep::Keep;
use crate::read::view::{Guarded, View};
use crate::{Refusal, SqlState};

/// Judges a CREATE MATERIALIZED VIEW in `schema`.
pub(super) fn materialized(role: &RoleEngine, who: &Subject, keep: &Keep, schema: Option<String>, text: &str) -> Result<Planned, Refusal> {
    let judged = statement::query(role, who, &keep.query, text, Gate::LeftOut)?;
    let what = keep.made.what;
    if let Some((column, sealed)) = judged.cols.iter().find_map(|c| Some((&c.name, c.label.sealed()?))) {
        let message = format!("{what}: column {column} is pseudonymised for role {}, and would be kept as it is stored", who.role);
        return Err(Refusal::new(SqlState::DENIED, "keep.sealed", message)
            .with_detail(format!("Rule: {}.", sealed.rule))
            .with_hint("CREATE TABLE AS keeps pseudonyms.")
            .about(&sealed.spec.class)
            .at(Some(1)));
    }
    if !judged.filtered.is_empty() {
        let message = format!("{what}: it reads a relation of which rows are hidden from role {}", who.role);
        return Err(Refusal::new(SqlState::DENIED, "keep.filtered", message)
            .with_hint("CREATE TABLE AS keeps the rows that you see, CREATE VIEW shows them as they are at any time.")
            .at(Some(1)));
    }
    holds_no_secret(role, &judged, what)?;
    makes_no_guess(role, who, (schema.as_deref(), &keep.made.name.name), (&keep.made.columns, &judged.cols), what)?;
    Ok(Planned {
        order_is_data: judged.order_is_data,
        changes_catalog: true,
        ..Planned::plain(Kind::Keep, keep.made.print(schema.as_deref(), &judged.sql)?)
    })
}

/// `server_version_num` from which on a view can be read with the reader's own rights.
const INVOKER: u32 = 150_000;

/// Judges a CREATE VIEW. Through pgveil a view is always expanded, and judged for whoever reads it; what is stored matters to those who
/// read it otherwise, with the rights of the account that owns it. So its text holds the maker's veils and row filters; pseudonyms
/// cannot be computed in the database, and a view that shows such columns is one that demands the reader's own rights.
pub(super) fn view(role: &RoleEngine, who: &Subject, view: &View, text: &str) -> Result<Planned, Refusal> {
    const WHAT: &str = "CREATE VIEW";
    let mut schema = place::of_new(&role.facts, who, &view.name, WHAT).map_err(|r| r.at(Some(1)))?;
    let judged = statement::query(role, who, &view.query, text, Gate::Stored)?;
    holds_no_secret(role, &judged, WHAT)?;
    let sealed = judged.cols.iter().find_map(|c| Some((&c.name, c.label.sealed()?)));
    if let Some((column, sealed)) = sealed.filter(|_| role.facts.catalog.server_version < INVOKER) {
        let message = format!("{WHAT}: column {column} is pseudonymised for role {}, and the view would show it as it is stored", who.role);
        return Err(Refusal::new(SqlState::DENIED, "keep.sealed", message)
            .with_detail(format!("Rule: {}. Views that are read with the reader's own rights came with PostgreSQL 15.", sealed.rule))
            .with_hint("CREATE TABLE AS keeps pseudonyms.")
            .about(&sealed.spec.class)
            .at(Some(1)));
    }
    // As Postgres does with a view of temporary tables that is named without a schema.
    if view.name.schema.is_none() && judged.sql.contains("\"pg_temp_") {
        role.facts.rights.write("pg_temp", WHAT).map_err(|r| r.at(Some(1)))?;
        schema = None;
    }
    makes_no_guess(role, who, (schema.as_deref(), &view.name.name), (&view.columns, &judged.cols), WHAT)?;
    let guarded = Guarded { invoker: sealed.is_some(), barrier: !judged.filtered.is_empty() };
    Ok(Planned { changes_catalog: true, ..Planned::plain(Kind::Define, view.print(schema.as_deref(), guarded, &judged.sql)?) })
}

/// The judged text has no hole: neither for the order key nor for what a token stands for.
fn holds_no_secret(role: &RoleEngine, judged: &Judgement, what: &str) -> Result<(), Refusal> {
    if !judged.tokens.literals().is_empty() || !judged.tokens.parameters().is_empty() {
        let message = format!("{what}: what a token stands for would stand in the stored text");
        return Err(Refusal::new(SqlState::DENIED, "keep.token", message)
            .with_hint("Compare with the token in the query that reads it.")
            .at(Some(1)));
    }
    if judged.moves {
        let message = format!("{what}: it would move search_path whenever it is read");
        return Err(Refusal::new(SqlState::DENIED, "keep.setting", message).with_hint("Use SET search_path.").at(Some(1)));
    }
    if SqlText::with_holes(&judged.sql, role.facts.marker(), &[]).asks() {
        let message =
            format!("{what}: a row filter of role {} that it meets goes by who asks, and would be kept for whoever makes it", role.name);
        return Err(Refusal::new(SqlState::DENIED, "keep.user", message)
            .with_hint("CREATE TABLE AS keeps the rows that you see.")
            .at(Some(1)));
    }
    if judged.sql.contains(&SqlText::key_hole(role.facts.marker())) {
        let message = format!("{what}: the stored text would hold the key of a mask that moves dates or numbers");
        return Err(Refusal::new(SqlState::DENIED, "keep.key", message)
            .with_detail("Tables with such a mask stand with all their columns in what is stored.")
            .with_hint("CREATE TABLE AS keeps the rows that you see.")
            .at(Some(1)));
    }
    if judged.sql.contains(role.facts.marker()) {
        let message = format!("{what}: it goes by the order of pseudonyms, whose key belongs to this session");
        return Err(Refusal::new(SqlState::DENIED, "keep.key", message)
            .with_hint("Leave ORDER BY, LIMIT, min and max of pseudonymised columns to the query that reads it, or use CREATE TABLE AS.")
            .at(Some(1)));
    }
    Ok(())
}
