//! Statements made to bring a parser down.

use super::*;

/// Runs each in one session: an answer comes, and the session goes on.
fn survives(what: &str, sql: &str) {
    let mut session = Stage::get().session("analyst");
    let answer = session.query(sql);
    assert!(answer.broken.is_none(), "{what}: {:?} {:?}", answer.broken, answer.error());
    // A limit, or what Postgres says of it; never a fault of pgveil's own.
    let class = &answer.sqlstate()[..2];
    assert!(matches!(class, "00" | "54" | "0A" | "42" | "57"), "{what}: {:?}", answer.error());
    assert_eq!(session.query("SELECT 1").ok().table(), "1", "{what}");
}

#[test]
fn long() {
    survives("a literal of 10 MB", &format!("SELECT length('{}')", "x".repeat(10_000_000)));
    survives("10 MB of blanks", &format!("SELECT {} 1", " ".repeat(10_000_000)));
    survives("10 MB of comment", &format!("SELECT /*{}*/ 1", "x".repeat(10_000_000)));
    survives("a name of 1 MB", &format!("SELECT 1 AS {}", "x".repeat(1_000_000)));
    survives("100,000 statements", &"SELECT 1;".repeat(100_000));
    survives("100,000 outputs", &format!("SELECT {}", vec!["1"; 100_000].join(",")));
    survives("100,000 values", &format!("VALUES {}", vec!["(1)"; 100_000].join(",")));
    survives("100,000 in a list", &format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 100_000].join(",")));
    survives("100,000 tables", &format!("SELECT 1 FROM {}", vec!["shop.countries"; 100_000].join(",")));
    all_is_well();
}

#[test]
fn chains() {
    for (what, head, link, count) in [
        ("OR", "SELECT 1 WHERE true", " OR true", 100_000),
        ("AND", "SELECT 1 WHERE true", " AND true", 100_000),
        ("plus", "SELECT 1", " + 1", 100_000),
        ("concatenation", "SELECT 'a'", " || 'a'", 100_000),
        ("UNION", "SELECT 1", " UNION ALL SELECT 1", 20_000),
        ("casts", "SELECT 1", "::int", 100_000),
        ("subscripts", "SELECT ARRAY[1]", "[1]", 50_000),
        ("arrows", "SELECT '{}'::jsonb", " -> 'a'", 50_000),
        ("COLLATE", "SELECT 'a'", " COLLATE \"C\"", 50_000),
        ("joins", "SELECT 1 FROM shop.countries", " CROSS JOIN shop.countries", 5_000),
        ("fields", "SELECT a", ".a", 50_000),
        ("IS NULL", "SELECT 1", " IS NULL", 50_000),
        ("AT TIME ZONE", "SELECT now()", " AT TIME ZONE 'UTC'", 50_000),
        ("BETWEEN", "SELECT 1", " BETWEEN 1 AND 1", 20_000),
    ] {
        survives(what, &format!("{head}{}", link.repeat(count)));
    }
    all_is_well();
}

#[test]
fn nested() {
    for (what, open, core, close) in [
        ("parentheses", "SELECT ", "(", ")"),
        ("subqueries", "SELECT ", "(SELECT ", ")"),
        ("derived tables", "SELECT 1 FROM ", "(SELECT * FROM ", ") AS x"),
        ("functions", "SELECT ", "abs(", ")"),
        ("NOT", "SELECT ", "NOT ", ""),
        ("minus", "SELECT ", "- ", ""),
        ("arrays", "SELECT ", "ARRAY[", "]"),
        ("CASE", "SELECT ", "CASE WHEN true THEN ", " END"),
        ("EXISTS", "SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", ")"),
        ("CTEs", "", "WITH a AS (", ") SELECT 1"),
        ("rows", "SELECT ", "ROW(", ")"),
        ("joins in parentheses", "SELECT 1 FROM ", "(", " CROSS JOIN shop.countries)"),
        ("casts", "SELECT ", "CAST(", " AS int)"),
        ("comments", "SELECT ", "/*", "*/"),
    ] {
        for depth in [30, 200, 10_000] {
            let core_text = match what {
                "derived tables" | "joins in parentheses" => "shop.countries AS y",
                "EXISTS" => "true",
                "CTEs" => "SELECT 1",
                _ => "1",
            };
            survives(&format!("{what}, {depth}"), &format!("{open}{}{core_text}{}", core.repeat(depth), close.repeat(depth)));
        }
    }
    all_is_well();
}

#[test]
fn nested_in_prepared_statements() {
    let mut session = Stage::get().session("analyst");
    let call = pgveil_tests::client::Call { sql: format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)), ..Default::default() };
    let answer = session.call(&call);
    assert!(answer.error().is_some() && answer.status() == Some('I'), "{answer:?}");
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
}

#[test]
fn moderately_large_statements_are_read() {
    let mut session = Stage::get().session("analyst");
    let ids = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(session.query(&format!("SELECT count(*) FROM shop.customers WHERE id IN ({ids})")).value().as_deref(), Some("499"));
    let ors = (0..200).map(|n| format!("id = {n}")).collect::<Vec<_>>().join(" OR ");
    assert_eq!(session.query(&format!("SELECT count(*) FROM shop.customers WHERE {ors}")).value().as_deref(), Some("99"));
    let nested = format!("SELECT {}1{}", "(".repeat(25), ")".repeat(25));
    assert_eq!(session.query(&nested).value().as_deref(), Some("1"));
}
