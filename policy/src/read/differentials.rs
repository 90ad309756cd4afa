//! Tests: texts that sqlparser and Postgres are known to read differently, and those that sqlparser does not read. Each is
//! refused or exactly right.

use super::coded::Form;
use super::{Body, Reading, expression, query, read};
use crate::SqlState;

/// What Postgres' grammar makes of a text, without places. Independent of [`super::postgres::Tree`].
fn meaning(sql: &str) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                let place = |name: &str| name.ends_with("location") || name.contains("list_start") || name.contains("list_end");
                fields.retain(|name, value| !(value.is_i64() && (place(name) || name == "stmt_len")));
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(pg_query::parse(sql, 0).unwrap().protobuf).unwrap();
    strip(&mut value);
    value
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
    // Postgres' grammar takes the minus into the number.
    assert_eq!(sent("SELECT - - -1, - -1"), Ok("SELECT (-1), 1".to_owned()));
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
    for (sql, text) in [
        ("SELECT 1 FROM ONLY t", "SELECT 1 FROM ONLY \"t\""),
        ("SELECT 1 FROM ONLY (s.t)", "SELECT 1 FROM ONLY \"s\".\"t\""),
        ("SELECT 1 FROM only t AS x", "SELECT 1 FROM ONLY \"t\" AS \"x\""),
        ("SELECT 1 FROM t *", "SELECT 1 FROM \"t\""),
        ("SELECT 1 FROM a, ONLY b", "SELECT 1 FROM \"a\", ONLY \"b\""),
        ("TABLE ONLY t", "SELECT * FROM ONLY \"t\""),
        ("SELECT 1 FROM \"only\" t", "SELECT 1 FROM \"only\" AS \"t\""),
    ] {
        assert_eq!(sent(sql), Ok(text.to_owned()));
    }
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
    assert_eq!(sent("SELECT a = b ~ c FROM t").unwrap(), "SELECT (\"a\" = (\"b\" ~ \"c\")) FROM \"t\"");
    assert_eq!(sent("SELECT $1 = email ~ '^ana' FROM t").unwrap(), "SELECT ($1 = (\"email\" ~ '^ana')) FROM \"t\"");
    assert_eq!(sent("SELECT -a ^ 2 FROM t").unwrap(), "SELECT ((-\"a\") ^ 2) FROM \"t\"");
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
    assert_eq!(sent("SELECT system_user FROM t"), Err("read.unread"));
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
            Body::Copy(_) => "copy",
            Body::Lock(_) => "lock",
            Body::Write(write) => write.shell.verb.name(),
            Body::Other { what } => what,
            _ => "another",
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
        Some(Body::Explain { options, of }) => match *of {
            Body::Query(query) => Ok((options, query.print(&query.ast).unwrap())),
            other => panic!("{sql}: {other:?}"),
        },
        other => panic!("{sql}: {other:?}"),
    };
    let (options, text) = explained("EXPLAIN (ANALYZE true, buffers off, FORMAT json) (SELECT 1)").unwrap();
    assert_eq!((options.analyze, options.buffers, options.format), (Some(true), Some(false), super::ExplainFormat::Json));
    assert_eq!(text, "SELECT 1");
    let (options, _) = explained("EXPLAIN ANALYZE VERBOSE SELECT 1").unwrap();
    assert_eq!((options.analyze, options.verbose, options.costs), (Some(true), Some(true), None));
    assert_eq!(explained("explain (with x as (select 1) select * from x)").unwrap().0, super::ExplainOptions::default());
    for kept in ["DECLARE c SCROLL CURSOR FOR SELECT 1", "CREATE TABLE t AS SELECT 1", "SELECT 1 INTO t"] {
        assert_eq!(explained(&format!("EXPLAIN {kept}")).unwrap().1, "SELECT 1", "{kept}");
    }
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
fn forms_that_sqlparser_does_not_read() {
    for sql in [
        "SELECT a ISNULL, b NOTNULL, (a ISNULL) = b FROM t LIMIT ALL",
        "SELECT 1 FROM t LIMIT NULL OFFSET (SELECT 1)",
        "SELECT a FROM t ORDER BY a OFFSET 2 FETCH FIRST 3 ROWS WITH TIES",
        "SELECT a LIKE ALL (b), a NOT ILIKE ANY (ARRAY['x']), a ~~ SOME (SELECT 1), a ^@ ANY (b), a = ANY ((SELECT b)) FROM t",
        "SELECT a OPERATOR(s.=) ANY (b), a OPERATOR(pg_catalog.<>) ALL (SELECT 1), (a, b) OPERATOR(\"S\".<) ANY (SELECT 1, 2) FROM t",
        "SELECT a BETWEEN SYMMETRIC b AND c OR d, NOT a NOT BETWEEN SYMMETRIC b AND c FROM t",
        "SELECT !! a, OPERATOR(\"S s\".-) a, @-@ b, a OPERATOR(\"S\".&>) b, a &> b, a @@@ b, |/ a + b FROM t",
        "SELECT COLLATION FOR (a), normalize(a), normalize(a, NFKD), a IS NOT NFC NORMALIZED, a AT TIME ZONE b FROM t",
        "SELECT f(VARIADIC a), s.f(x, VARIADIC y => a), f(DISTINCT a ORDER BY c USING OPERATOR(s.<) NULLS FIRST) FROM t",
        "SELECT xmlelement(NAME \"a\"\"b\", xmlattributes(a AS \"x'y\", b), 'c', xmlconcat(d, e)), xmlforest(a, b AS c) FROM t",
        "SELECT xmlparse(DOCUMENT a), xmlparse(CONTENT a PRESERVE WHITESPACE), xmlpi(NAME p, a), xmlpi(NAME q) FROM t",
        "SELECT xmlroot(a, VERSION NO VALUE, STANDALONE NO), xmlroot(a, VERSION b) FROM t",
        "SELECT xmlserialize(CONTENT a AS character varying(3)), a IS NOT DOCUMENT, xmlexists('//a' PASSING BY REF b) FROM t",
        "SELECT x.* FROM t, LATERAL XMLTABLE(XMLNAMESPACES('u' AS n), '/r' PASSING t.a COLUMNS a int PATH '@a' NOT NULL, b FOR ORDINALITY, \
         c text PATH 'c' DEFAULT 'XMLTABLE(' NOT NULL, d int NOT NULL, e text DEFAULT 'x') AS x",
        "SELECT (t.*, 1), ROW(t.*), (t.*).a, t.*::text, ((t)).a, ROW((t).*, 1) FROM t",
        "SELECT a[1:], a[:2], a[:], (a)[1:2][3], (f(x)).b[1].c FROM t",
        "SELECT 1 FROM ROWS FROM (f(1), g(2) AS (a int, \"b'c\" numeric(5,2)[])) WITH ORDINALITY AS r(x)",
        "SELECT 1 FROM t, LATERAL ROWS FROM (s.f(t.a), current_date) r",
        "SELECT 1 FROM f() AS (a int), g(1) x(a text, b s.t), current_date, coalesce(1, 2) AS c, CAST(1 AS int) d, LATERAL unnest(a) u",
        "SELECT 1 FROM (a JOIN b USING (x, y) AS j) AS k(p, q) JOIN c USING (x) AS \"J\"",
        "SELECT 1 FROM a JOIN b JOIN c ON x ON y NATURAL LEFT JOIN (d CROSS JOIN e) FULL JOIN f USING (z) AS j",
        "SELECT 1 FROM t TABLESAMPLE SYSTEM (a + 1) REPEATABLE (2), ONLY u AS v TABLESAMPLE BERNOULLI (1)",
        "SELECT 1 FROM t GROUP BY DISTINCT a, ROLLUP (b, (c, d)), GROUPING SETS (a, (), (b, c)), ()",
        "SELECT 1 FROM t GROUP BY GROUPING SETS (ROLLUP (a, (b, c)), CUBE (d), GROUPING SETS ((e), ()), f)",
        "SELECT f(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND a + 1 FOLLOWING EXCLUDE TIES), \
         g() OVER (GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW), \
         h() OVER (ORDER BY a RANGE '1 day' PRECEDING EXCLUDE GROUP) FROM t",
        "WITH RECURSIVE t(a, b) AS (SELECT 1, ')' UNION ALL SELECT a, b FROM t) SEARCH BREADTH FIRST BY a, b SET o \
         CYCLE a SET c TO 'Y''' DEFAULT 'N' USING p, u AS MATERIALIZED (SELECT 1 UNION SELECT 2) SEARCH DEPTH FIRST BY x SET y SELECT 1",
        "WITH a AS NOT MATERIALIZED (SELECT 1), b AS MATERIALIZED (SELECT 2) SELECT 1 FROM ONLY a",
        "SELECT 1 FROM a, b FOR NO KEY UPDATE OF a SKIP LOCKED FOR KEY SHARE NOWAIT FOR SHARE OF a, b FOR UPDATE OF a, b FOR UPDATE OF b",
        "SELECT interval '1' day, interval(2) '1', interval '1' hour to second(3), '1'::bit(3), bit varying(4) '1', national character 'a'",
        "SELECT TREAT(a AS s.t), CAST(a AS geometry(Point, 4326)), a::s.t[][3], time(2) with time zone '1', a::float(3) FROM t",
        "SELECT extract(isodow FROM a), extract('we ird' FROM a), trim(LEADING FROM a), trim(TRAILING b FROM a), trim(BOTH a), trim(a, b) FROM t",
        "SELECT overlay(a PLACING b FROM 1), overlay(a, b), substring(a SIMILAR b ESCAPE c), substring(a FOR 2), substring(a, 1) FROM t",
        "SELECT position(a IN b), (a, b) OVERLAPS (c, d), ROW(a, b) OVERLAPS ROW(c, d), ROW(), (SELECT ROW(1)).f1 FROM t",
        "SELECT FROM t WHERE EXISTS (SELECT FROM ONLY u)",
        "SELECT 1 FROM t ORDER BY a USING <, b USING OPERATOR(pg_catalog.~>~) NULLS LAST, 1 + 1 DESC",
        "SELECT -1, - 1.5, -a, - -2, +1, 9223372036854775808, 1e400, '-1'::int, -(1)::int FROM t WHERE a = -1",
        "SELECT \"a!\"\"b\", 'it''s', E'\\'' FROM \"A b\".\"c.d\" AS \"e\"\"f\"(\"g h\")",
    ] {
        assert_eq!(sent(sql).map(|_| ()), Ok(()), "{sql}");
    }
}

#[test]
fn what_stands_for_a_form_cannot_be_written() {
    // Names are cut at 63 bytes, which these are longer than; in constants and comments they are not names.
    for form in
        [Form::Only, Form::RowsFrom, Form::Item, Form::Variadic, Form::Using, Form::Recursion, Form::UsingAlias, Form::Lock, Form::Nothing]
    {
        let name = form.name();
        let unicode: String = name.chars().map(|c| format!("\\{:04X}", c as u32)).collect();
        assert!(name.len() > 63 && Form::of(name).is_some() && name.get(..63).is_some_and(|cut| Form::of(cut).is_none()));
        for sql in [
            format!("SELECT 1 FROM \"{name}\".\"t\""),
            format!("SELECT 1 FROM \"{name}\""),
            format!("SELECT 1 FROM \"{name}\"(f(1)) AS \"{name}\"(\"{name}\")"),
            format!("SELECT \"{name}\"(1), \"{name}\"('', '<', 1) AS \"{name}\" FROM t ORDER BY \"{name}\""),
            format!("SELECT U&\"{unicode}\"('a', 1) FROM t"),
            format!("SELECT 1 FROM U&\"{unicode}\".t"),
            format!("SELECT 1 FROM a JOIN b USING (\"{name}\", c)"),
            format!("WITH t(\"{name}\") AS (SELECT 1) SELECT 1 FROM t"),
            format!("SELECT '\"{name}\"(1)', E'\"{name}\".', $$\"{name}\"$$ /* \"{name}\" */ FROM t -- \"{name}\"."),
            format!("SELECT f('x''\"{name}\"(', \"a\"\"{name}\") FROM ONLY t"),
            format!("SELECT 1 FROM t FOR UPDATE OF \"{name}\""),
            format!("SELECT (a).\"{name}\", \"{name}\".*, a OPERATOR(\"{name}\".=) b FROM t, ONLY u"),
        ] {
            // `sent` has compared the meaning; a name that is left is a cut one.
            let text = sent(&sql).unwrap_or_else(|id| panic!("{sql}: {id}"));
            assert!(!text.split('\'').step_by(2).any(|code| code.contains(name)), "{text}");
        }
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
