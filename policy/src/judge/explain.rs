//! EXPLAIN: what is explained is judged as if it ran; what the server may say of it is as little as a plan's shape needs.

use std::sync::Arc;

use super::describe::Described;
use super::engine::{RoleEngine, Subject};
use super::refuse;
use super::statement::{self, Gate, Judgement};
use crate::mask::Mask;
use crate::plan::{Act, Kind, Origin, Output, PlanFormat, Planned, SqlText};
use crate::read::{Body, ExplainFormat, ExplainOptions, Reading};
use crate::{Refusal, SqlState};

/// Judges an EXPLAIN of a query.
pub(super) fn query(role: &RoleEngine, who: &Subject, options: &ExplainOptions, reading: &Reading, text: &str) -> Result<Planned, Refusal> {
    let runs = options.analyze == Some(true);
    // What is only planned gives nothing of a table's, and the check of its names would show in the plan.
    let gate = if runs { Gate::Inserted } else { Gate::LeftOut };
    let Judgement { sql, moves, order_is_data, tokens, filtered, .. } = statement::query(role, who, reading, text, gate)?;
    Ok(Planned {
        text: SqlText::with_holes(&format!("EXPLAIN ({}) {sql}", asked(options)), role.facts.marker(), tokens.literals()),
        outputs: Arc::from([output()]),
        moves_search_path: moves,
        order_is_data,
        filtered,
        tokens: tokens.parameters(),
        ..Planned::plain(kind(options.format), "")
    })
}

/// EXPLAIN (VEIL): what is done with each column of a statement, and which row filters it meets, as rows. The text that is sent holds
/// nothing but these words: nothing is read.
pub(super) fn veil(role: &RoleEngine, who: &Subject, options: &ExplainOptions, of: Body, text: &str) -> Result<Planned, Refusal> {
    if *options != (ExplainOptions { veil: Some(true), ..ExplainOptions::default() }) {
        return Err(Refusal::new(SqlState::UNSUPPORTED, "read.explain", "VEIL goes with no other option of EXPLAIN")
            .with_hint("Write EXPLAIN (VEIL) for what pgveil does with each column, and EXPLAIN without it for the server's plan.")
            .at(Some(1)));
    }
    let from = role.sources(who, &of, text);
    let planned = statement::plan(role, who, of, text)?;
    let shown = match (planned.kind, &planned.act) {
        (Kind::Query | Kind::Write | Kind::Carry | Kind::Keep, _) => &planned.outputs,
        (Kind::Name, Act::Declare { query, .. }) => &query.outputs,
        (
            Kind::Explain
            | Kind::ExplainTree(_)
            | Kind::Transaction
            | Kind::Set
            | Kind::Show
            | Kind::CopyOut
            | Kind::CopyIn
            | Kind::Lock
            | Kind::Utility
            | Kind::Name
            | Kind::Named
            | Kind::Call
            | Kind::Define,
            _,
        ) => return Err(other("such a statement", &who.role)),
    };
    let mut rows: Vec<[Option<String>; 6]> = Vec::new();
    for described in role.described(shown, from) {
        let from = described.from_text();
        let Described { name, data_type, origin, class, mask, rule, .. } = described;
        rows.push([Some(name), data_type, origin.or(from), class, Some(mask), rule]);
    }
    rows.extend(
        role.hidden(&planned).into_iter().map(|h| [None, None, Some(h.relation), None, Some("row filter".to_owned()), Some(h.rule)]),
    );
    let outputs = VEIL_COLUMNS.map(|name| Output {
        name: name.to_owned(),
        origin: Origin::Computed,
        of_view: None,
        mask: Mask::Clear,
        type_oid: Some(TEXT),
    });
    Ok(Planned { outputs: Arc::from(outputs), ..Planned::plain(Kind::Query, values(&rows)) })
}

const VEIL_COLUMNS: [&str; 6] = ["column", "type", "origin", "class", "mask", "rule"];
/// The OID of `text`.
const TEXT: u32 = 25;

/// A query that gives these rows.
fn values(rows: &[[Option<String>; 6]]) -> String {
    let names = VEIL_COLUMNS.map(super::stand_in::quote).join(", ");
    let cell = |cell: &Option<String>| match cell {
        Some(text) => format!("CAST('{}' AS pg_catalog.text)", text.replace('\'', "''")),
        None => "CAST(NULL AS pg_catalog.text)".to_owned(),
    };
    let row = |row: &[Option<String>; 6]| format!("({})", row.iter().map(cell).collect::<Vec<_>>().join(", "));
    match rows {
        [] => format!("SELECT {names} FROM (VALUES {}) AS \"v\" ({names}) LIMIT 0", row(&[const { None }; 6])),
        rows => format!("SELECT {names} FROM (VALUES {}) AS \"v\" ({names})", rows.iter().map(row).collect::<Vec<_>>().join(", ")),
    }
}

/// Puts EXPLAIN before a statement that was judged as it would run, and runs with ANALYZE.
///
/// # Errors
/// `statement.kind` where it is none whose errors and effects are the same behind an EXPLAIN.
pub(super) fn around(options: &ExplainOptions, planned: Planned, role: &str) -> Result<Planned, Refusal> {
    let runs = options.analyze == Some(true);
    match planned.kind {
        Kind::Keep => {}
        // Only planned: of one that is carried, the query.
        Kind::Write | Kind::Carry if !runs => {}
        // Its errors, and rows that pass through the proxy, are told apart by what it is.
        Kind::Write | Kind::Carry => return Err(other("a statement that writes, with ANALYZE,", role)),
        Kind::Query
        | Kind::CopyOut
        | Kind::CopyIn
        | Kind::Lock
        | Kind::Explain
        | Kind::ExplainTree(_)
        | Kind::Define
        | Kind::Transaction
        | Kind::Set
        | Kind::Show
        | Kind::Name
        | Kind::Named
        | Kind::Call
        | Kind::Utility => return Err(other("such a statement", role)),
    }
    let text = planned.text.after(&format!("EXPLAIN ({}) ", asked(options)));
    Ok(Planned {
        kind: kind(options.format),
        text,
        outputs: Arc::from([output()]),
        carry: None,
        tag: None,
        changes_catalog: planned.changes_catalog && runs,
        ..planned
    })
}

/// Puts EXPLAIN before an EXECUTE.
///
/// # Errors
/// `statement.kind` where it would run: its errors and effects would be told by what the name means.
pub(super) fn executed(options: &ExplainOptions, planned: Planned, role: &str) -> Result<Planned, Refusal> {
    let Act::Execute { name, arguments, .. } = planned.act else { return Err(other("such a statement", role)) };
    if options.analyze == Some(true) {
        return Err(other("EXECUTE, with ANALYZE,", role));
    }
    let explain = format!("EXPLAIN ({}) ", asked(options));
    Ok(Planned {
        kind: kind(options.format),
        text: planned.text.after(&explain),
        outputs: Arc::from([output()]),
        act: Act::Execute { name, arguments, explain },
        ..planned
    })
}

fn output() -> Output {
    Output { name: "QUERY PLAN".into(), origin: Origin::Computed, of_view: None, mask: Mask::Clear, type_oid: None }
}

/// An EXPLAIN of anything else.
pub(super) fn other(what: &str, role: &str) -> Refusal {
    refuse::kind_of_statement(&format!("EXPLAIN of {what}"), role)
}

fn kind(format: ExplainFormat) -> Kind {
    match format {
        ExplainFormat::Text => Kind::Explain,
        ExplainFormat::Json => Kind::ExplainTree(PlanFormat::Json),
        ExplainFormat::Yaml => Kind::ExplainTree(PlanFormat::Yaml),
        ExplainFormat::Xml => Kind::ExplainTree(PlanFormat::Xml),
    }
}

/// The options that go upstream. Those that only add what is cut out again are left out, but where Postgres says that they do not
/// go together. In another format than text the server is asked for JSON, of which a tree can be read.
fn asked(options: &ExplainOptions) -> String {
    let runs = options.analyze == Some(true);
    let mut out = vec!["COSTS FALSE".to_owned()];
    let mut add = |name: &str, value: Option<bool>| out.extend(value.map(|on| format!("{name} {}", if on { "TRUE" } else { "FALSE" })));
    add("ANALYZE", runs.then_some(true));
    add("VERBOSE", options.verbose);
    add("SUMMARY", options.summary);
    // The clock is read for each row otherwise.
    add("TIMING", if runs { Some(false) } else { options.timing });
    add("WAL", if runs { None } else { options.wal });
    out.push(if options.format == ExplainFormat::Text { "FORMAT TEXT".to_owned() } else { "FORMAT JSON".to_owned() });
    out.join(", ")
}
