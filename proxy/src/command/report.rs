//! Errors and refusals as psql shows them.

use pgveil_policy::Refusal;
use unicode_width::UnicodeWidthStr as _;

use crate::wire::answer::Report;

/// Of a field, as text.
fn field(report: &Report, tag: u8) -> Option<String> {
    report.field(tag).map(|text| String::from_utf8_lossy(text).into_owned())
}

/// The message and its SQLSTATE.
pub(super) fn message(report: &Report) -> String {
    let code = field(report, b'C').unwrap_or_default();
    format!("{} ({code})", field(report, b'M').unwrap_or_default())
}

/// An error or notice with the line that it is about.
pub(super) fn shown(report: &Report, sql: &str) -> String {
    let severity = field(report, b'S').unwrap_or_else(|| "ERROR".to_owned());
    let mut out = format!("{severity}:  {}\n", field(report, b'M').unwrap_or_default());
    if let Some(position) = field(report, b'P').and_then(|p| p.parse().ok()) {
        out.push_str(&caret(sql, position));
    }
    for (tag, name) in [(b'D', "DETAIL"), (b'H', "HINT")] {
        if let Some(text) = field(report, tag) {
            out.push_str(&format!("{name}:  {text}\n"));
        }
    }
    out
}

/// An error as JSON.
pub(super) fn json(report: &Report) -> serde_json::Value {
    let text = |tag: u8| field(report, tag);
    let position = text(b'P').and_then(|p| p.parse::<u64>().ok());
    serde_json::json!({ "code": text(b'C'), "message": text(b'M'), "detail": text(b'D'), "hint": text(b'H'), "position": position })
}

/// A refusal as its client would see it.
pub(super) fn refusal(refusal: &Refusal, sql: &str) -> String {
    let mut out = format!("ERROR:  {}\n", refusal.message);
    if let Some(position) = refusal.position {
        out.push_str(&caret(sql, position));
    }
    if let Some(detail) = &refusal.detail {
        out.push_str(&format!("DETAIL:  {detail}\n"));
    }
    if let Some(hint) = refusal.hint_with_id() {
        out.push_str(&format!("HINT:  {hint}\n"));
    }
    out
}

/// The line of a text that a position is in, from 1 in characters, with a caret below.
pub(super) fn caret(sql: &str, position: usize) -> String {
    let before: String = sql.chars().take(position.saturating_sub(1)).collect();
    let line = before.matches('\n').count();
    let Some(text) = sql.lines().nth(line) else { return String::new() };
    let head = format!("LINE {}: ", line.saturating_add(1));
    let start = before.rsplit('\n').next().unwrap_or_default();
    let shown = text.replace('\t', " ");
    format!("{head}{shown}\n{}^\n", " ".repeat(head.width().saturating_add(start.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        assert_eq!(caret("SELECT 'ü',\n  x FROM t", 15), "LINE 2:   x FROM t\n          ^\n");
        assert_eq!(caret("SELECT x", 8), "LINE 1: SELECT x\n               ^\n");
        assert_eq!(caret("", 1), "");
    }
}
