//! Several statements in one text, and what a session has made itself.

use pgveil_tests::client::{Call, bind};
use postgres_protocol::message::frontend;

use super::*;

#[test]
fn later_statements_hang_on_earlier_ones() {
    let mut session = Stage::get().session("analyst");
    let answer = session.query("SET search_path = public; SHOW search_path; SET search_path = shop; SELECT count(*) FROM customers").ok();
    assert_eq!((answer.tags(), answer.status()), (vec!["SET", "SHOW", "SET", "SELECT 1"], Some('I')));
    let answer = session
        .query("CREATE TEMP TABLE t AS SELECT 1 AS a; SELECT a FROM t; CREATE TEMP TABLE u AS SELECT a + 1 AS b FROM t; SELECT b FROM u");
    assert_eq!(answer.ok().tags(), ["SELECT 1", "SELECT 1", "SELECT 1", "SELECT 1"]);
    assert_eq!(session.query("SELECT a, b FROM t, u").ok().table(), "1|2");
}

#[test]
fn an_error_takes_the_implicit_transaction_back() {
    let mut session = Stage::get().session("analyst");
    let answer = session.query("CREATE TEMP TABLE t AS SELECT 1 AS a; SELECT 1 / 0; SELECT 2");
    assert_eq!((answer.tags(), answer.sqlstate(), answer.status()), (vec!["SELECT 1"], "22012", Some('I')));
    assert_eq!(session.query("SELECT a FROM t").sqlstate(), "42P01");
    let answer = session.query("CREATE TEMP TABLE t AS SELECT 1 AS a; COMMIT; SELECT 1 / 0");
    assert_eq!((answer.tags(), answer.sqlstate()), (vec!["SELECT 1", "COMMIT"], "22012"));
    assert_eq!(session.query("SELECT a FROM t").ok().table(), "1");
    let answer = session.query("CREATE TEMP TABLE u AS SELECT 1 AS a; SELECT upper(email) FROM customers; SELECT 2");
    assert_eq!((answer.tags(), answer.sqlstate()), (vec!["SELECT 1"], "42501"));
    assert_eq!(session.query("SELECT a FROM u").sqlstate(), "42P01");
}

#[test]
fn a_block_that_a_text_begins_stays_open() {
    let mut session = Stage::get().session("analyst");
    let answer = session.query("CREATE TEMP TABLE t AS SELECT 1 AS a; BEGIN; SELECT a FROM t").ok();
    assert_eq!((answer.tags(), answer.status()), (vec!["SELECT 1", "BEGIN", "SELECT 1"], Some('T')));
    // The table was made in it.
    session.query("ROLLBACK").ok();
    assert_eq!(session.query("SELECT a FROM t").sqlstate(), "42P01");
    let answer = session.query("SET search_path = shop; SAVEPOINT s; SELECT 1");
    assert_eq!((answer.tags(), answer.sqlstate()), (vec!["SET"], "25P01"));
}

#[test]
fn what_a_session_makes_it_sees_at_once() {
    let mut session = Stage::get().session("analyst");
    for (sql, expected) in [
        ("CREATE TEMP TABLE t AS SELECT 1 AS a", Some("")),
        ("SELECT a FROM t", Some("1")),
        ("SELECT a FROM pg_temp.t", Some("1")),
        ("BEGIN", Some("")),
        ("SAVEPOINT s", Some("")),
        ("CREATE TEMP TABLE u AS SELECT a, 2 AS b FROM t", Some("")),
        ("SELECT a, b FROM u JOIN t USING (a)", Some("1|2")),
        ("ROLLBACK TO s", Some("")),
        ("SELECT b FROM u", None),
        ("ROLLBACK", Some("")),
        ("SELECT a FROM t", Some("1")),
        ("CREATE TEMP VIEW v AS SELECT a, now() FROM t", Some("")),
        ("SELECT a FROM v", Some("1")),
        ("DISCARD TEMP", Some("")),
        ("SELECT a FROM t", None),
    ] {
        let answer = session.query(sql);
        match expected {
            Some(table) => assert_eq!(answer.ok().table(), table, "{sql}"),
            None => assert_eq!(answer.sqlstate(), "42P01", "{sql}"),
        }
    }
}

#[test]
fn a_pipeline_waits_for_what_it_hangs_on() {
    let mut session = Stage::get().session("analyst");
    session.pipeline(|out| {
        for sql in
            ["CREATE TEMP TABLE t AS SELECT 7 AS a", "SELECT a FROM t", "SET search_path = pg_catalog", "SELECT count(*) > 0 FROM pg_class"]
        {
            frontend::parse("", sql, [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
        }
        frontend::sync(out);
    });
    let answer = session.answer().ok();
    assert_eq!((answer.tags(), answer.table()), (vec!["SELECT 1", "SELECT 1", "SET", "SELECT 1"], "7\nt".to_owned()));
}
