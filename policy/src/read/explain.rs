//! EXPLAIN: its options, and the query that it explains.

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, ExplainStmt};

use super::{Body, ExplainFormat, ExplainOptions, agree, control, postgres};
use crate::{Refusal, SqlState};

/// Reads an EXPLAIN of a query.
pub(super) fn explain(text: &str, statement: &ExplainStmt) -> Result<Body, Refusal> {
    let Some(NodeEnum::SelectStmt(select)) = statement.query.as_deref().and_then(|node| node.node.as_ref()) else {
        return Ok(Body::Other { what: "EXPLAIN of a statement that is not a query" });
    };
    if select.into_clause.is_some() {
        return Ok(Body::Other { what: "EXPLAIN of a statement that is not a query" });
    }
    let mut options = ExplainOptions::default();
    for option in &statement.options {
        let Some(NodeEnum::DefElem(element)) = &option.node else { return Err(unknown("an option")) };
        set(&mut options, element)?;
    }
    let node = NodeEnum::SelectStmt(select.clone());
    let query = after_options(text).ok_or_else(|| unknown("where its query begins"))?;
    let shift = text.chars().count() - query.chars().count();
    let reading = agree::reading(query, &node).map_err(|refusal| Refusal { position: refusal.position.map(|p| p + shift), ..refusal })?;
    Ok(Body::Explain { options, query: reading })
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

/// The text after EXPLAIN and its options. By Postgres' own tokens: the options are one bracket that does not begin a query,
/// or the words ANALYZE and VERBOSE.
fn after_options(text: &str) -> Option<&str> {
    use pg_query::protobuf::Token;
    let tokens = postgres::tokens(text)?;
    let mut tokens = tokens
        .iter()
        .filter_map(|token| Some((Token::try_from(token.token).ok()?, usize::try_from(token.start).ok()?)))
        .filter(|(kind, _)| !matches!(kind, Token::SqlComment | Token::CComment))
        .peekable();
    tokens.next().filter(|(kind, _)| *kind == Token::Explain)?;
    let mut ahead = tokens.clone();
    ahead.next();
    let query_word =
        |kind: &Token| matches!(kind, Token::Select | Token::With | Token::WithLa | Token::Values | Token::Table | Token::Ascii40);
    let (first, second) = (tokens.peek()?.0, ahead.next()?.0);
    if first == Token::Ascii40 && !query_word(&second) {
        // Options hold no brackets of their own.
        tokens.by_ref().find(|(kind, _)| *kind == Token::Ascii41)?;
    } else {
        while tokens.next_if(|(kind, _)| matches!(kind, Token::Analyze | Token::Verbose)).is_some() {}
    }
    text.get(tokens.next()?.1..)
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.explain", format!("pgveil does not know {what} of this EXPLAIN"))
        .with_hint("Known options are ANALYZE, VERBOSE, COSTS, BUFFERS, TIMING, SUMMARY, WAL, SETTINGS and FORMAT.")
}
