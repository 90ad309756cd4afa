//! EXPLAIN: its options, and what it explains.

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, ExplainStmt};

use super::postgres::Raw;
use super::{Body, ExplainFormat, ExplainOptions, control};
use crate::{Refusal, SqlState};

/// Reads an EXPLAIN.
pub(super) fn explain(raw: &Raw, statement: &ExplainStmt) -> Result<Body, Refusal> {
    let mut options = ExplainOptions::default();
    for option in &statement.options {
        let Some(NodeEnum::DefElem(element)) = &option.node else { return Err(unknown("an option")) };
        set(&mut options, element)?;
    }
    let Some(node) = statement.query.as_deref().and_then(|node| node.node.clone()) else {
        return Ok(Body::Other { what: "EXPLAIN of nothing" });
    };
    let node = planned(node, options.analyze == Some(true));
    // Places in the text are those of the whole statement.
    let inner = Raw { node, offset: raw.offset, text: raw.text, start: raw.start, client: raw.client };
    Ok(Body::Explain { options, of: Box::new(super::body(&inner)?) })
}

/// What Postgres plans: of a statement that names a cursor, and of one that keeps a query's rows where it is not run, the query.
fn planned(node: NodeEnum, runs: bool) -> NodeEnum {
    let inner = match &node {
        NodeEnum::CreateTableAsStmt(keeps) if !runs => keeps.query.as_deref(),
        NodeEnum::DeclareCursorStmt(cursor) => cursor.query.as_deref(),
        _ => None,
    };
    match inner.and_then(|inner| inner.node.clone()) {
        Some(query @ NodeEnum::SelectStmt(_)) => query,
        _ => match node {
            NodeEnum::SelectStmt(mut select) if !runs => {
                select.into_clause = None;
                NodeEnum::SelectStmt(select)
            }
            node => node,
        },
    }
}

fn set(options: &mut ExplainOptions, element: &DefElem) -> Result<(), Refusal> {
    let place = match element.defname.as_str() {
        "analyze" => &mut options.analyze,
        "verbose" => &mut options.verbose,
        "costs" => &mut options.costs,
        "buffers" => &mut options.buffers,
        "timing" => &mut options.timing,
        "summary" => &mut options.summary,
        "wal" => &mut options.wal,
        "settings" => &mut options.settings,
        "veil" => &mut options.veil,
        "format" => {
            options.format = match control::word(element.arg.as_deref()).as_deref() {
                Some("text") => ExplainFormat::Text,
                Some("xml") => ExplainFormat::Xml,
                Some("json") => ExplainFormat::Json,
                Some("yaml") => ExplainFormat::Yaml,
                _ => return Err(unknown("its FORMAT")),
            };
            return Ok(());
        }
        other => return Err(unknown(&format!("the option {}", other.to_ascii_uppercase()))),
    };
    // As `defGetBoolean`: an option without a value is on.
    *place = Some(match element.arg.as_deref() {
        None => true,
        Some(_) => match control::word(element.arg.as_deref()).as_deref() {
            Some("true" | "on" | "1") => true,
            Some("false" | "off" | "0") => false,
            _ => return Err(unknown(&format!("the value of {}", element.defname.to_ascii_uppercase()))),
        },
    });
    Ok(())
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.explain", format!("pgveil does not know {what} of this EXPLAIN"))
        .with_hint("Known options are ANALYZE, VERBOSE, COSTS, BUFFERS, TIMING, SUMMARY, WAL, SETTINGS, FORMAT and VEIL.")
}
