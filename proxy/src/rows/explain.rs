//! EXPLAIN in text format, reduced to the plan's shape: node types and the names of what they read.
//!
//! An estimate, a width or a filter's text is computed from, or holds, what a role may not see. And a literal may hold line breaks,
//! so that any line can be forged by the client up to some point, and go on with text of ours (a row filter, the order key): a line
//! is therefore not stripped of what is known to be bad but read word by word for what is known to be good, and ends there.

use super::RowFault;
use crate::wire::cursor::Cursor;
use crate::wire::frame;

/// Appends the DataRow of a plan's line, reduced; nothing for a line that shows no shape.
///
/// # Errors
/// [`RowFault`] where the row is not one column of text.
pub fn put_explained(out: &mut Vec<u8>, body: &[u8], first: bool) -> Result<(), RowFault> {
    let mut c = Cursor::new(body);
    match c.u16().map(usize::from).ok_or(RowFault::Malformed)? {
        1 => {}
        found => return Err(RowFault::Columns { judged: 1, found }),
    }
    let value = c.value().and_then(|v| c.end(v)).ok_or(RowFault::Malformed)?;
    let line = value.and_then(|v| std::str::from_utf8(v).ok()).and_then(|text| shape(text, first));
    if let Some(line) = line {
        // Not longer than the line it comes from, whose length had 32 bits.
        let length = u32::try_from(line.len()).map_err(|_| RowFault::Malformed)?;
        frame::put(out, b'D', |b| {
            b.extend_from_slice(&1_u16.to_be_bytes());
            b.extend_from_slice(&length.to_be_bytes());
            b.extend_from_slice(line.as_bytes());
        });
    }
    Ok(())
}

/// The line without anything but node type and names; `None` where it is no node's and no header of a subplan.
pub fn shape(line: &str, first: bool) -> Option<String> {
    let text = line.trim_start_matches(' ');
    let indent = " ".repeat(line.len().saturating_sub(text.len()));
    match text.strip_prefix("->  ") {
        Some(node) => Some(format!("{indent}->  {}", self::node(node)?)),
        None if first => Some(format!("{indent}{}", node(text)?)),
        None => Some(format!("{indent}{}", header(text).or_else(|| total(text))?)),
    }
}

fn header(text: &str) -> Option<String> {
    let (word, rest) = text.split_once(' ')?;
    match word {
        "CTE" => name(rest).filter(|(_, left)| left.is_empty()).map(|(name, _)| format!("CTE {name}")),
        "SubPlan" | "InitPlan" => {
            let number = rest.split(' ').next()?;
            number.bytes().all(|b| b.is_ascii_digit()).then(|| format!("{word} {number}"))
        }
        _ => None,
    }
}

/// How long planning and running took in all.
fn total(text: &str) -> Option<String> {
    let (what, time) = text.split_once(": ")?;
    let number = time.strip_suffix(" ms")?;
    let fits = matches!(what, "Planning Time" | "Execution Time") && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    fits.then(|| text.to_owned())
}

/// Words of node types (`src/backend/commands/explain.c`, `ExplainNode`) and of what they do to a table.
const WORDS: &[&str] = &[
    "Aggregate",
    "All",
    "Anti",
    "Append",
    "Async",
    "Backward",
    "Bitmap",
    "Delete",
    "BitmapAnd",
    "BitmapOr",
    "CTE",
    "Except",
    "Finalize",
    "Full",
    "Function",
    "Gather",
    "Group",
    "GroupAggregate",
    "Hash",
    "HashAggregate",
    "HashSetOp",
    "Heap",
    "Incremental",
    "Index",
    "Inner",
    "Insert",
    "Intersect",
    "Join",
    "Left",
    "Limit",
    "LockRows",
    "Loop",
    "Materialize",
    "Memoize",
    "ModifyTable",
    "Merge",
    "MixedAggregate",
    "Nested",
    "Only",
    "Parallel",
    "Partial",
    "ProjectSet",
    "Range",
    "Recursive",
    "Result",
    "Right",
    "Sample",
    "Scan",
    "Semi",
    "Seq",
    "SetOp",
    "Sort",
    "Subquery",
    "Table",
    "Tid",
    "Union",
    "Unique",
    "Update",
    "Values",
    "WindowAgg",
    "WorkTable",
    "Foreign",
];

fn node(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut rest = text;
    loop {
        let word = rest.split(' ').next().unwrap_or_default();
        if !WORDS.contains(&word) {
            break;
        }
        push_word(&mut shown, word);
        rest = rest.strip_prefix(word).unwrap_or_default();
        match rest.strip_prefix(' ') {
            Some(more) => rest = more,
            None => break,
        }
    }
    if shown.is_empty() {
        return None;
    }
    for preposition in ["using", "on"] {
        let Some(after) = rest.strip_prefix(preposition).and_then(|r| r.strip_prefix(' ')) else { continue };
        let Some((object, left)) = qualified(after) else { break };
        push_word(&mut shown, preposition);
        push_word(&mut shown, &object);
        rest = left.strip_prefix(' ').unwrap_or_default();
        if preposition == "on"
            && let Some((alias, _)) = name(rest)
        {
            push_word(&mut shown, &alias);
        }
    }
    Some(shown)
}

fn push_word(shown: &mut String, word: &str) {
    if !shown.is_empty() {
        shown.push(' ');
    }
    shown.push_str(word);
}

fn qualified(text: &str) -> Option<(String, &str)> {
    let (first, rest) = name(text)?;
    match rest.strip_prefix('.').and_then(name) {
        Some((second, rest)) => Some((format!("{first}.{second}"), rest)),
        None => Some((first, rest)),
    }
}

// A name with a single quote or a parenthesis in it may be the end of a literal and the start of ours: such a name is not shown.
fn name(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (inner, rest) = quoted.split_once('"')?;
        let fit = !inner.is_empty() && !rest.starts_with('"') && !inner.contains(['\'', '(', ')', '\\']);
        return fit.then(|| (format!("\"{inner}\""), rest));
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let starts = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts.then(|| (word.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_their_type_and_names() {
        for (line, first, want) in [
            ("Nested Loop Left Join  (cost=0.42..16.47 rows=1 width=33)", true, "Nested Loop Left Join"),
            (
                "  ->  Index Scan using customers_pkey on customers c  (cost=0.42..8.44 rows=1 width=4)",
                false,
                "  ->  Index Scan using customers_pkey on customers c",
            ),
            (
                "  ->  Parallel Seq Scan on shop.customers  (cost=1 rows=2 width=3) (actual time=1..2 rows=3 loops=1)",
                false,
                "  ->  Parallel Seq Scan on shop.customers",
            ),
            (
                "        ->  Index Only Scan Backward using \"Odd Name\" on \"T\" pgveil_1  (cost=0)",
                false,
                "        ->  Index Only Scan Backward using \"Odd Name\" on \"T\" pgveil_1",
            ),
            ("Finalize HashAggregate", true, "Finalize HashAggregate"),
            ("  CTE recent", false, "  CTE recent"),
            ("  InitPlan 1 (returns $0)", false, "  InitPlan 1"),
            ("Seq Scan on a (actual rows=3 loops=1)", true, "Seq Scan on a"),
            ("  ->  Seq Scan on a b (never executed)", false, "  ->  Seq Scan on a b"),
            ("Execution Time: 12.345 ms", false, "Execution Time: 12.345 ms"),
        ] {
            assert_eq!(shape(line, first).as_deref(), Some(want));
        }
    }

    #[test]
    fn everything_else_is_dropped() {
        for line in [
            "        Filter: ((ssn)::text = '123'::text)",
            "  Sort Key: (sha256(textsend('KEY'::text || email)))",
            "  Rows Removed by Filter: 3",
            "Execution Time: 1 'KEY' ms",
            "Planning Time: 1 ms KEY",
            "  Output: id, ssn",
            "[",
            "  CTE x' || 'KEY",
            "  SubPlan 'KEY'",
        ] {
            assert_eq!(shape(line, false), None, "{line}");
        }
        assert_eq!(shape("[", true), None);
        assert_eq!(shape("Truncate on customers", true), None);
    }

    #[test]
    fn a_forged_line_shows_nothing_of_what_follows_it() {
        for (line, want) in [
            ("  ->  Seq Scan on x'::text), (sha256('KEY'))", "  ->  Seq Scan on x"),
            ("  ->  Seq Scan on '::text), (sha256('KEY'))", "  ->  Seq Scan"),
            ("  ->  Seq Scan on \"'::text), (sha256('KEY')) = \"x\"", "  ->  Seq Scan"),
            ("  ->  Seq Scan on x \"'::text || 'KEY' = \"x\"", "  ->  Seq Scan on x"),
            ("  ->  Sort KEY", "  ->  Sort"),
        ] {
            assert_eq!(shape(line, false).as_deref(), Some(want));
        }
    }

    #[test]
    fn a_row_that_is_no_line_is_a_fault() {
        let mut out = Vec::new();
        assert!(put_explained(&mut out, &[0, 2, 255, 255, 255, 255, 255, 255, 255, 255], true).is_err());
        assert!(put_explained(&mut out, &[0, 1, 0, 0, 0, 9, b'x'], true).is_err());
        put_explained(&mut out, &[0, 1, 255, 255, 255, 255], true).unwrap();
        put_explained(&mut out, b"\0\x01\0\0\0\x01[", true).unwrap();
        assert!(out.is_empty());
        put_explained(&mut out, b"\0\x01\0\0\0\x06Result", true).unwrap();
        assert_eq!(out, b"D\0\0\0\x10\0\x01\0\0\0\x06Result");
    }
}
