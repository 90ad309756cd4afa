//! One statement, by what it is: which judgement is asked, and what it comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::engine::{RoleEngine, Subject};
use super::facts::Facts;
use super::label::Label;
use super::scope::Col;
use super::token::Tokens;
use super::{Judge, barrier, channel, copy, define, explain, gate, keep, kinds, lock_table, named, procedure, refuse, stored};
use crate::builtin::settings::STATEMENT_TIMEOUT;
use crate::catalog::form::Forms;
use crate::catalog::{Catalog, Oid};
use crate::mask::Mask;
use crate::plan::{Kind, Origin, Output, Planned, SqlText};
use crate::read::{self, Body};
use crate::{Refusal, SqlState};

/// Judges one statement. `text`: the client's, from where it begins.
pub(super) fn plan(role: &RoleEngine, who: &Subject, body: Body, text: &str) -> Result<Planned, Refusal> {
    kinds::check(role, &body)?;
    match body {
        Body::Query(reading) => {
            let Judgement { sql, cols, moves, order_is_data, tokens, filtered } = query(role, who, &reading, text, Gate::Inserted)?;
            Ok(Planned {
                text: SqlText::with_holes(&sql, role.facts.marker(), tokens.literals()),
                outputs: outputs(&cols, &role.facts.catalog.forms),
                moves_search_path: moves,
                order_is_data,
                tokens: tokens.parameters(),
                filtered,
                ..Planned::plain(Kind::Query, "")
            })
        }
        Body::Explain { options, of } if options.veil == Some(true) => explain::veil(role, who, &options, *of, text),
        Body::Explain { options, of } => match *of {
            Body::Query(reading) => explain::query(role, who, &options, &reading, text),
            Body::Named(named @ read::Named::Execute { .. }) => {
                explain::executed(&options, named::plan(role, who, named, text)?, &who.role)
            }
            inner @ (Body::Keep(_) | Body::Write(_)) => explain::around(&options, plan(role, who, inner, text)?, &who.role),
            Body::Explain { .. }
            | Body::Control(_)
            | Body::View(_)
            | Body::Copy(_)
            | Body::Lock(_)
            | Body::Named(_)
            | Body::Channel(_)
            | Body::Call(_)
            | Body::Define(_) => Err(explain::other("such a statement", &who.role)),
            Body::Other { what } => Err(explain::other(what, &who.role)),
        },
        Body::Named(named) => named::plan(role, who, named, text),
        Body::Channel(channel) => channel::plan(role, who, channel),
        Body::Call(call) => procedure::plan(role, who, call, text),
        Body::Define(statement) => {
            define::plan(&role.facts, who, statement).map_err(|r| if r.position.is_none() { r.at(Some(1)) } else { r })
        }
        Body::View(view) => stored::view(role, who, &view, text),
        Body::Keep(kept) => keep::plan(role, who, &kept, text),
        Body::Write(write) => {
            check_path(role.facts.catalog.as_ref(), &who.search_path)?;
            super::write::plan(role, who, &write, text)
        }
        Body::Control(control) => {
            if control.read_write && role.facts.rights.never_writes() {
                return Err(role.facts.rights.stays_read_only(&who.role).at(Some(1)));
            }
            if let Some(timeout) = &control.timeout {
                role.facts.rights.lasts(STATEMENT_TIMEOUT, Some(timeout)).map_err(|r| r.at(Some(1)))?;
            }
            let shown = Output { name: String::new(), origin: Origin::Computed, of_view: None, mask: Mask::Clear, type_oid: None };
            let outputs: Arc<[Output]> = std::iter::repeat_n(shown, control.columns).collect();
            let tag = (control.columns > 1).then_some("SHOW");
            Ok(Planned { outputs, tag, moves_search_path: control.moves_search_path, ..Planned::plain(control.kind, control.text) })
        }
        Body::Copy(copy) => copy::plan(role, who, &copy, text),
        Body::Lock(lock) => lock_table::plan(role, who, &lock, text),
        Body::Other { what } => Err(refuse::kind_of_statement(what, &who.role)),
    }
}

/// What became of a query.
pub(super) struct Judgement {
    pub sql: String,
    pub cols: Vec<Col>,
    /// A call of set_config changes search_path.
    pub moves: bool,
    pub order_is_data: bool,
    pub tokens: Tokens,
    /// Relations that it reads, of which rows are hidden.
    pub filtered: Vec<Oid>,
}

/// Whether a text checks its names when it runs.
#[derive(Clone, Copy)]
pub(super) enum Gate {
    Inserted,
    /// It is only planned: nothing of a table's comes back, and the check would show in the plan. Or it is stored, where OIDs may be
    /// others by then.
    LeftOut,
    /// The same for a text that is judged again whenever somebody reads it: the order of its rows is not seen here.
    Stored,
}

pub(super) fn query(role: &RoleEngine, who: &Subject, reading: &read::Reading, text: &str, gate: Gate) -> Result<Judgement, Refusal> {
    check_path(role.facts.catalog.as_ref(), &who.search_path)?;
    let mut redacted = BTreeSet::new();
    let mut judged = query_on(&role.facts, who, reading, text, gate);
    // As often as there are classes: each round redacts at least one more.
    while let Err(refusal) = &judged
        && refusal.sealed.iter().any(|class| redacted.insert(class.clone()))
        && let Some(facts) = role.otherwise(&redacted)
    {
        judged = query_on(&facts, who, reading, text, gate);
    }
    judged
}

fn query_on(facts: &Facts, who: &Subject, reading: &read::Reading, text: &str, gate: Gate) -> Result<Judgement, Refusal> {
    let mut ast = (*reading.ast).clone();
    let mut judge = Judge::new(facts, &who.search_path, &who.role, text);
    let cols = judge.statement(&mut ast, !matches!(gate, Gate::Stored))?;
    let (moves, order_is_data) = (judge.moves_search_path, judge.reads > 0);
    let filtered = barrier::relations(&judge.barriers);
    let tokens = judge.tokens;
    match gate {
        Gate::Inserted => gate::insert(&mut ast, &facts.catalog)?,
        Gate::LeftOut | Gate::Stored => {}
    }
    let marker = (!tokens.literals().is_empty()).then(|| facts.marker());
    Ok(Judgement { sql: reading.print_with_holes(&ast, marker)?, cols, moves, order_is_data, tokens, filtered })
}

/// pg_catalog must come first: otherwise a user's type or operator could stand for one of Postgres' own.
/// Temporary schemas come before it all the same; Postgres finds no functions or operators there, but types.
pub(super) fn check_path(catalog: &Catalog, path: &[String]) -> Result<(), Refusal> {
    let temporary = |s: &&String| s.starts_with("pg_temp_") || s.starts_with("pg_toast_temp_");
    let own = catalog.types.get("pg_catalog");
    let shadowing = path.iter().filter(temporary).filter_map(|s| catalog.types.get(s)).flat_map(|t| t.keys());
    let hidden = shadowing.filter(|name| own.is_some_and(|own| own.contains_key(*name))).min();
    if let Some(name) = hidden {
        return Err(Refusal::new(
            SqlState::DENIED,
            "path.hostile",
            format!("a temporary table or type has the name of Postgres' type {name}"),
        )
        .with_hint("Drop it, or give it another name."));
    }
    if path.iter().find(|s| !temporary(s)).is_some_and(|s| s == "pg_catalog") {
        return Ok(());
    }
    Err(Refusal::new(
        SqlState::DENIED,
        "path.hostile",
        "search_path has another schema before pg_catalog, so that names of Postgres' own could mean something else",
    )
    .with_hint("Leave pg_catalog out of search_path: Postgres then looks there first."))
}

pub(super) fn outputs(cols: &[Col], forms: &Forms) -> Arc<[Output]> {
    cols.iter()
        .map(|c| Output {
            name: c.name.clone(),
            origin: c.origin.clone(),
            of_view: c.of_view,
            mask: match &c.label {
                Label::Sealed(s) => Mask::Seal(Arc::clone(&s.spec)),
                Label::SealedArray(s) => Mask::SealElements(Arc::clone(&s.spec)),
                Label::Clear | Label::Null => Mask::Clear,
            },
            type_oid: c.ty.map(|t| forms.bottom(t.settled().oid)),
        })
        .collect()
}
