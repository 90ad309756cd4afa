//! Prepared statements: text that is judged at one time and run at another.

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, bind};
use postgres_protocol::message::frontend;

use super::*;

fn parse(session: &mut Client, name: &str, sql: &str) -> Answer {
    session.pipeline(|out| {
        frontend::parse(name, sql, [], out).unwrap();
        frontend::sync(out);
    });
    session.answer()
}

fn execute(out: &mut BytesMut, portal: &str, statement: &str, rows: i32) {
    bind(portal, statement, &Call::default(), out);
    frontend::describe(b'P', portal, out).unwrap();
    frontend::execute(portal, rows, out).unwrap();
}

fn run_prepared(session: &mut Client, name: &str) -> Answer {
    session.pipeline(|out| {
        execute(out, "", name, 0);
        frontend::sync(out);
    });
    session.answer()
}

attacks![
    attack("SQL PREPARE", &["PREPARE p AS SELECT email FROM shop.customers WHERE id = {id}", "EXECUTE p"], Harmless),
    attack("SQL PREPARE, refused text", &["PREPARE p AS SELECT upper(email) FROM shop.customers"], Refused),
    attack(
        "executed after SET search_path",
        &["SET search_path = adhoc", "PREPARE p AS SELECT email FROM customers WHERE id = 2", "SET search_path = shop", "EXECUTE p"],
        Harmless
    ),
    attack(
        "EXECUTE with a value",
        &["PREPARE p (text) AS SELECT id FROM shop.customers WHERE email = $1", "EXECUTE p('{email}')"],
        Harmless
    ),
    attack(
        "a statement of that name in the catalog",
        &["PREPARE p AS SELECT 1", "SELECT count(statement) FROM pg_prepared_statements"],
        Harmless
    ),
];

#[test]
fn bound_after_set_search_path() {
    let [a, b] = both("analyst", |session| {
        let mut all = vec![session.query("SET search_path = adhoc"), parse(session, "s", "SELECT email FROM customers WHERE id = 2")];
        all.push(run_prepared(session, "s"));
        all.push(session.query("SET search_path = shop"));
        all.push(run_prepared(session, "s"));
        all
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        // What was judged, or what the new path means, masked – or a refusal.
        assert!(cells.iter().all(|c| c.as_slice() == b"decoy" || is_pseudonym(c)), "{answer:?}");
        assert!(answer.error().is_some() || cells.len() == 1, "{answer:?}");
    }
}

#[test]
fn set_search_path_between_parse_and_bind_of_one_pipeline() {
    let [a, b] = both("analyst", |session| {
        session.query("SET search_path = adhoc").ok();
        session.pipeline(|out| {
            frontend::parse("s", "SELECT email FROM customers WHERE id = 2", [], out).unwrap();
            frontend::parse("", "SET search_path = shop", [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            execute(out, "p", "s", 0);
            frontend::parse("", "SELECT email FROM customers WHERE id = 2", [], out).unwrap();
            execute(out, "q", "", 0);
            frontend::sync(out);
        });
        vec![session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        assert!(answer.raw_rows().flatten().flatten().all(|c| c.as_slice() == b"decoy" || is_pseudonym(c)), "{answer:?}");
    }
}

#[test]
fn a_refused_parse_leaves_nothing_to_execute() {
    let [a, _] = both("analyst", |session| {
        let refused = parse(session, "s", "SELECT upper(email) FROM shop.customers");
        assert_eq!(refused.sqlstate(), "42501", "{refused:?}");
        vec![refused, run_prepared(session, "s")]
    })
    .unwrap();
    assert_eq!((a.sqlstate(), a.raw_rows().count()), ("26000", 0), "{a:?}");
}

#[test]
fn a_refused_parse_does_not_replace_the_unnamed_statement_with_something_else() {
    let [a, _] = both("analyst", |session| {
        let first = parse(session, "", "SELECT 1");
        let refused = parse(session, "", "SELECT upper(email) FROM shop.customers");
        vec![first, refused, run_prepared(session, "")]
    })
    .unwrap();
    // Postgres drops the unnamed statement when a new one does not parse.
    assert_eq!(a.sqlstate(), "26000", "{a:?}");
}

#[test]
fn a_portal_read_in_pieces_is_masked_in_each() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("", "SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 7", [], out).unwrap();
            execute(out, "p", "", 3);
            frontend::execute("p", 3, out).unwrap();
            frontend::execute("p", 0, out).unwrap();
            frontend::sync(out);
        });
        vec![session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert!(cells.len() == 7 && cells.iter().all(|c| is_pseudonym(c)), "{answer:?}");
    }
}

#[test]
fn two_portals_in_turns_keep_their_masks() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("s", "SELECT id FROM shop.customers ORDER BY id LIMIT 4", [], out).unwrap();
            frontend::parse("t", "SELECT email FROM shop.leads WHERE email IS NOT NULL ORDER BY owner, score LIMIT 4", [], out).unwrap();
            bind("p", "s", &Call::default(), out);
            bind("q", "t", &Call::default(), out);
            for _ in 0..2 {
                frontend::execute("p", 2, out).unwrap();
                frontend::execute("q", 2, out).unwrap();
            }
            frontend::sync(out);
        });
        vec![session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert_eq!(cells.iter().filter(|c| is_pseudonym(c)).count(), 4, "{answer:?}");
        assert_eq!(cells.len(), 8, "{answer:?}");
    }
}

#[test]
fn a_name_used_twice_does_not_lend_its_masks() {
    let [a, _] = both("analyst", |session| {
        let first = parse(session, "s", "SELECT id FROM shop.customers WHERE id = 2");
        let second = parse(session, "s", "SELECT email FROM shop.customers WHERE id = 2");
        vec![first, second, run_prepared(session, "s")]
    })
    .unwrap();
    assert_eq!(a.raw_rows().next().unwrap()[0].as_deref(), Some(&b"2"[..]), "{a:?}");
}

#[test]
fn closed_and_parsed_again_under_the_same_name() {
    let [a, b] = both("analyst", |session| {
        let first = parse(session, "s", "SELECT id FROM shop.customers WHERE id = 2");
        session.pipeline(|out| {
            frontend::close(b'S', "s", out).unwrap();
            frontend::parse("s", "SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 1", [], out).unwrap();
            execute(out, "", "s", 0);
            frontend::sync(out);
        });
        vec![first, session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        assert!(answer.raw_rows().flatten().flatten().all(|c| is_pseudonym(c)) && answer.raw_rows().count() == 1, "{answer:?}");
    }
}
