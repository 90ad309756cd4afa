//! Lines for a long SELECT, so that people can read it. What pgveil prints is laid out, nothing else: names are quoted in it.

use pgveil_policy::judge::gate::STALE;

/// Words before which a line begins, at the level of a SELECT.
const BREAKS: [&str; 16] = [
    "FROM",
    "WHERE",
    "JOIN",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "INNER",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
];

/// What a bracket opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Query,
    Other,
}

/// Stands for the checks of names, which are as long as the rest together.
const CHECK: &str = "<these names still mean what was judged>";

/// The same text with those checks in short.
pub(super) fn without_checks(sql: &str) -> String {
    let end = format!("CAST(\"pg_catalog\".\"concat\"('{STALE}') AS \"pg_catalog\".\"bool\") END");
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once(end.as_str()) {
        match before.rsplit_once("CASE WHEN ") {
            Some((kept, _)) => out.push_str(&format!("{kept}{CHECK}")),
            None => out.push_str(&format!("{before}{end}")),
        }
        rest = after;
    }
    out + rest
}

/// The same text with line breaks in place of blanks.
pub(super) fn lines(sql: &str) -> String {
    let mut out = String::new();
    let mut levels = vec![Level::Query];
    let mut rest = sql;
    let mut before_blank = false;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' | '"' => quoted(rest, c),
            c if c.is_ascii_alphabetic() => word(rest),
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match c {
            '(' => levels.push(if after.starts_with("SELECT ") { Level::Query } else { Level::Other }),
            ')' => drop(levels.pop()),
            _ => {}
        }
        let query = levels.last() == Some(&Level::Query);
        // JOIN goes on behind LEFT and its like.
        let joined = piece == "JOIN" && ["LEFT ", "RIGHT ", "FULL ", "CROSS ", "INNER ", "OUTER "].iter().any(|w| out.ends_with(w));
        let distinct = piece == "FROM" && out.ends_with("DISTINCT ");
        if before_blank && query && BREAKS.contains(&piece) && !joined && !distinct {
            out.truncate(out.trim_end_matches(' ').len());
            let depth = levels.iter().filter(|l| **l == Level::Query).count().saturating_sub(1);
            out.push_str(&format!("\n{}", "  ".repeat(depth)));
        }
        out.push_str(piece);
        before_blank = c == ' ';
        rest = after;
    }
    out
}

/// The length of a quoted name or constant; a quote in it is written twice.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at.saturating_add(1);
        }
    }
    text.len()
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_become_lines() {
        let sql = "SELECT \"a\", extract(YEAR FROM \"d\"), ' FROM ''x' FROM (SELECT \"a\" FROM \"t\" WHERE (\"b\" = 1)) AS \"t\" LEFT JOIN \"u\" ON true ORDER BY \"a\"";
        let laid = lines(sql);
        assert_eq!(
            laid,
            "SELECT \"a\", extract(YEAR FROM \"d\"), ' FROM ''x'\nFROM (SELECT \"a\"\n  FROM \"t\"\n  WHERE (\"b\" = 1)) AS \"t\"\nLEFT JOIN \"u\" ON true\nORDER BY \"a\""
        );
        assert_eq!(laid.split_whitespace().collect::<Vec<_>>(), sql.split_whitespace().collect::<Vec<_>>());
        assert_eq!(lines("'open FROM "), "'open FROM ");
        let gated = "SELECT CASE WHEN a THEN b END WHERE CASE WHEN (x) THEN true ELSE CAST(\"pg_catalog\".\"concat\"('pgveil_stale') AS \"pg_catalog\".\"bool\") END LIMIT 1";
        assert_eq!(without_checks(gated), "SELECT CASE WHEN a THEN b END WHERE <these names still mean what was judged> LIMIT 1");
    }
}
