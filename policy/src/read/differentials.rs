//! Tests: texts that sqlparser and Postgres are known to read differently. Each is refused or exactly right.

use super::{Body, Reading, expression, query, read};
use crate::SqlState;

/// What Postgres' grammar makes of a text, in its own words. Independent of [`super::postgres::Tree`].
fn meaning(sql: &str) -> String {
    pg_query::parse(sql, 0).unwrap().deparse(Default::default()).unwrap()
}

/// The text that would be sent, which means the same to Postgres; or the id of the refusal.
fn sent(sql: &str) -> Result<String, &'static str> {
    let reading: Reading = query(sql).map_err(|refusal| refusal.id)?;
    let text = reading.print(&reading.ast).map_err(|refusal| refusal.id)?;
    assert_eq!(meaning(sql), meaning(&text), "{sql} became {text}");
    Ok(text)
}

#[test]
fn quotes_do_not_break_out() {
    assert_eq!(sent(r"SELECT '\', 2"), Ok(r"SELECT '\', 2".to_owned()));
    assert_eq!(sent(r"SELECT '\''', email, '"), Err("read.syntax"));
    assert_eq!(sent(r"SELECT '\''', '''', 1"), Ok(r"SELECT '\''', '''', 1".to_owned()));
    assert_eq!(sent(r"SELECT E'\'', ', 1 --'"), Ok("SELECT '''', ', 1 --'".to_owned()));
    assert_eq!(sent(r"SELECT E'a\'b\\\n\x41\u0042'"), Ok("SELECT 'a''b\\\nAB'".to_owned()));
    assert_eq!(sent("SELECT $x$ ' $$ $x$, $$'$$"), Ok("SELECT ' '' $$ ', ''''".to_owned()));
    assert_eq!(sent("SELECT '''', '''''' FROM t"), Ok("SELECT '''', '''''' FROM \"t\"".to_owned()));
    assert_eq!(sent(r#"SELECT "a""b", "\""", "x\" FROM t"#), Ok(r#"SELECT "a""b", "\""", "x\" FROM "t""#.to_owned()));
    for sql in [
        r"SELECT U&'d\0061t\+000061'",
        r#"SELECT U&"d\0061t" FROM t"#,
        "SELECT 'a'\n'b'",
        "SELECT E'a'\n'\\'b'",
        "SELECT N'x'",
        "SELECT B'101', X'1F'",
        "SELECT Q'(x)'",
        "SELECT _utf8'x'",
        "SELECT e'\\000'",
    ] {
        let _ = sent(sql);
    }
}

#[test]
fn comments_do_not_appear() {
    assert_eq!(sent("SELECT - -x FROM t"), Ok("SELECT (-(-\"x\")) FROM \"t\"".to_owned()));
    assert_eq!(sent("SELECT - - -1"), Ok("SELECT (-(-(-1)))".to_owned()));
    assert_eq!(sent("SELECT 1 - -1"), Ok("SELECT (1 - (-1))".to_owned()));
    for sql in [
        "SELECT a ||-- b\n c FROM t",
        "SELECT a +-- b\n c FROM t",
        "SELECT a -/* /* nested */ */ b FROM t",
        "SELECT 1 /*+ hint */ FROM t",
        "SELECT /*+ '*/ email, ' */ 1 FROM t",
        "SELECT a @-- b\n 1 FROM t",
        "SELECT a */* x */ b FROM t",
    ] {
        if let Ok(text) = sent(sql) {
            assert!(!text.contains("--") && !text.contains("/*"), "{text}");
        }
    }
    assert_eq!(sent("SELECT /*+ SeqScan(t) */ 1 FROM t"), Ok("SELECT 1 FROM \"t\"".to_owned()));
}

#[test]
fn only_is_not_a_table() {
    for sql in
        ["SELECT 1 FROM ONLY t", "SELECT 1 FROM ONLY (t)", "SELECT 1 FROM only t AS x", "SELECT 1 FROM t *", "SELECT 1 FROM a, ONLY b"]
    {
        assert!(sent(sql).is_err(), "{sql}");
    }
    let refusal = query("SELECT 1 FROM ONLY t").unwrap_err();
    assert!(refusal.detail.unwrap().contains("ONLY"), "the refusal names it");
    assert!(sent("SELECT 1 FROM \"only\" t").is_ok());
}

#[test]
fn operators_bind_as_in_postgres() {
    for sql in [
        "SELECT a = b ~ c FROM t",
        "SELECT a ~ b || c FROM t",
        "SELECT a ~~ b || c FROM t",
        "SELECT a ~* b -> c FROM t",
        "SELECT a LIKE b ~ c FROM t",
        "SELECT -a ^ 2 FROM t",
        "SELECT @ a + b FROM t",
        "SELECT |/ a + b FROM t",
        "SELECT - a AT TIME ZONE z FROM t",
        "SELECT $1 = email ~ '^ana' FROM t",
        "SELECT NOT a = b FROM t",
        "SELECT a < b = c FROM t",
        "SELECT a IS NULL = b FROM t",
        "SELECT a = b IS NULL FROM t",
        "SELECT a BETWEEN b AND c AND d FROM t",
        "SELECT a BETWEEN b AND c = d FROM t",
        "SELECT NOT a IN (1) FROM t",
        "SELECT a::int::text || b COLLATE \"C\" FROM t",
        "SELECT a || b COLLATE \"C\" FROM t",
        "SELECT -a::int, -1::int FROM t",
        "SELECT a ^ b ^ c, 2 ^ -1 FROM t",
        "SELECT a @@@ b, a <-> b <-> c FROM t",
        "SELECT a -> b ->> 'c' = d FROM t",
        "SELECT a OPERATOR(pg_catalog.+) b * c FROM t",
        "SELECT a IN (1, 2) = b FROM t",
        "SELECT a ISNULL, b NOTNULL FROM t",
        "SELECT a IS DISTINCT FROM b OR c FROM t",
        "SELECT a LIKE b ESCAPE c || d FROM t",
        "SELECT a OR b AND NOT c FROM t",
        "SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4",
        "SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)",
        "SELECT * FROM a JOIN b JOIN c ON x ON y",
        "SELECT * FROM a NATURAL JOIN b, c LEFT JOIN (d CROSS JOIN e) ON true",
    ] {
        // `sent` asserts that what it lets through means the same.
        if let Err(id) = sent(sql) {
            assert!(matches!(id, "read.disagree" | "read.unread" | "read.syntax"), "{sql}: {id}");
        }
    }
    assert_eq!(sent("SELECT a = b ~ c FROM t"), Err("read.disagree"));
    assert_eq!(sent("SELECT $1 = email ~ '^ana' FROM t"), Err("read.disagree"));
    assert_eq!(sent("SELECT a = 1 AND b = 2 OR NOT c FROM t").unwrap(), "SELECT (((\"a\" = 1) AND (\"b\" = 2)) OR (NOT \"c\")) FROM \"t\"");
}

#[test]
fn constants_keep_their_value() {
    for sql in [
        "SELECT 0o17",
        "SELECT 0x1F",
        "SELECT 0b11",
        "SELECT 1_000",
        "SELECT 1e10, .5, 5., 1.5e-3",
        "SELECT 'a' 'b'",
        "SELECT interval(2) '1 day'",
        "SELECT interval '1' day, interval '1 day' second(3)",
        "SELECT sum(a) OVER (ORDER BY b RANGE '1 day' PRECEDING) FROM t",
        "SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING) FROM t",
        "SELECT date '2020-01-01', timestamp with time zone '2020-01-01', float8 '1.5', point '(1,2)'",
        "SELECT 'x'::\"char\", 'x'::char, 'x'::char(3), 'x'::bpchar, 1::numeric(10,2), 1::dec, '{}'::int[][3]",
        "SELECT true, null, TRUE",
    ] {
        if let Ok(text) = sent(sql) {
            assert!(!text.contains("0x") && !text.contains("0o") && !text.contains("_000"), "{text}");
        }
    }
    for sql in ["SELECT 0o17", "SELECT 0x1F", "SELECT 0b11", "SELECT 1_000"] {
        assert!(sent(sql).is_err(), "{sql}: an error on Postgres 15");
    }
}

#[test]
fn keywords_and_names() {
    assert_eq!(
        sent("SELECT CURRENT_USER, current_schema, \"current_user\", current_schema() FROM T"),
        Ok("SELECT current_user, current_schema, \"current_user\", \"current_schema\"() FROM \"t\"".to_owned())
    );
    assert_eq!(
        sent("SELECT Coalesce(A, 1), \"coalesce\"(a) FROM t"),
        Ok("SELECT coalesce(\"a\", 1), \"coalesce\"(\"a\") FROM \"t\"".to_owned())
    );
    assert_eq!(sent("TABLE Shop.T"), Ok("SELECT * FROM \"shop\".\"t\"".to_owned()));
    assert_eq!(sent("SELECT É, Straße FROM t"), Ok("SELECT \"É\", \"straße\" FROM \"t\"".to_owned()));
    let long = "é".repeat(40);
    assert_eq!(sent(&format!("SELECT {long} FROM t")), Ok(format!("SELECT \"{}\" FROM \"t\"", "é".repeat(31))));
    assert_eq!(sent("SELECT system_user FROM t"), Err("read.disagree"));
    assert_eq!(
        sent("SELECT (c).email, c.email, t.a[1] FROM t AS c").unwrap(),
        "SELECT ((\"c\").\"email\"), \"c\".\"email\", ((\"t\".\"a\")[1]) FROM \"t\" AS \"c\""
    );
}

#[test]
fn one_statement_after_another() {
    let statements = read("/* é; */ SELECT ';' ;; BEGIN; INSERT INTO t VALUES (1) ;").unwrap();
    let kinds: Vec<_> = statements
        .iter()
        .map(|statement| match &statement.body {
            Body::Query(_) => "query",
            Body::Explain { .. } => "explain",
            Body::Control(_) => "control",
            Body::Other { what } => what,
        })
        .collect();
    assert_eq!(kinds, ["query", "control", "INSERT"]);
    assert!(read(" ; ").unwrap().is_empty() && read("").unwrap().is_empty() && read("-- x").unwrap().is_empty());
    let refusal = read("SELECT 1; SELEC 2").unwrap_err();
    assert_eq!((refusal.code, refusal.position), (SqlState::SYNTAX, Some(11)), "{refusal:?}");
    assert_eq!(read("SELECT 'é' +").unwrap_err().position, Some(13));
}

#[test]
fn explain_and_its_options() {
    let explained = |sql: &str| match read(sql).map_err(|refusal| refusal.id)?.pop().map(|statement| statement.body) {
        Some(Body::Explain { options, query }) => Ok((options, query.print(&query.ast).unwrap())),
        other => panic!("{sql}: {other:?}"),
    };
    let (options, text) = explained("EXPLAIN (ANALYZE true, buffers off, FORMAT json) (SELECT 1)").unwrap();
    assert_eq!((options.analyze, options.buffers, options.format), (Some(true), Some(false), super::ExplainFormat::Json));
    assert_eq!(text, "SELECT 1");
    let (options, _) = explained("EXPLAIN ANALYZE VERBOSE SELECT 1").unwrap();
    assert_eq!((options.analyze, options.verbose, options.costs), (Some(true), Some(true), None));
    assert_eq!(explained("explain (with x as (select 1) select * from x)").unwrap().0, super::ExplainOptions::default());
    assert_eq!(explained("EXPLAIN (GENERIC_PLAN) SELECT 1"), Err("read.explain"));
}

#[test]
fn forms_that_clients_use() {
    for sql in [
        "SELECT a LIKE ANY (ARRAY['x', 'y']), a NOT ILIKE ANY ('{x}') FROM t",
        "SELECT make_interval(days => 10), f(a := 1, b => 2)",
        "SELECT a1.attname FROM c JOIN a1 ON a1.attnum = c.conkey[1]",
        "SELECT count(*) FILTER (WHERE a), percentile_cont(0.5) WITHIN GROUP (ORDER BY b DESC NULLS LAST) FROM t GROUP BY ROLLUP (a, b)",
        "SELECT * FROM unnest(ARRAY[1, 2], ARRAY[3, 4]) WITH ORDINALITY AS u(a, b, n)",
        "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM t",
        "SELECT NOT (EXISTS(SELECT 1)), NOT EXISTS (SELECT 1), (a, b) IN (SELECT 1, 2) FROM t",
        "SELECT c.relkind OPERATOR(pg_catalog.~) '^x$' COLLATE pg_catalog.default FROM pg_catalog.pg_class c",
        "(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT b FROM u) ORDER BY 1 OFFSET 2 FETCH FIRST 3 ROWS ONLY",
        "WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x) SELECT DISTINCT ON (a) a FROM x ORDER BY a FOR UPDATE",
    ] {
        assert_eq!(sent(sql).map(|_| ()), Ok(()), "{sql}");
    }
}

#[test]
fn expressions() {
    assert_eq!(expression("country = 'DE' -- only there").unwrap().to_string(), "\"country\" = 'DE'");
    for not_one in ["a, b", "", "1 FROM t", "a) AS b, (c", "1; SELECT 2", "a) FROM t WHERE (b"] {
        assert!(expression(not_one).is_err(), "{not_one}");
    }
}

#[test]
fn parameters_are_counted() {
    assert_eq!(query("SELECT $2, $11 FROM t WHERE a = $1").unwrap().parameters(), 11);
}
