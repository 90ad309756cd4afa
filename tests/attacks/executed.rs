//! PREPARE by SQL, EXECUTE later: under another search_path, by another name, with arguments that ask.

use pgveil_tests::client::{Call, bind};
use postgres_protocol::message::frontend;

use super::*;

attacks![
    attack("pseudonyms", &["PREPARE p AS SELECT email FROM shop.customers WHERE id = {id}", "EXECUTE p"], Pseudonyms),
    attack("masks", &["PREPARE p (int) AS SELECT full_name, ssn FROM shop.customers WHERE id = $1", "EXECUTE p ({id})"], Rows("[name]|∅")),
    attack(
        "search_path moved in between",
        &["SET search_path = adhoc", "PREPARE p AS SELECT email FROM customers WHERE id = 2", "SET search_path = shop", "EXECUTE p"],
        Error("0A000")
    ),
    attack(
        "prepared again in one text",
        &["PREPARE p AS SELECT 1; DEALLOCATE p; PREPARE p AS SELECT email FROM shop.customers WHERE id = {id}; EXECUTE p"],
        Pseudonyms
    ),
    attack(
        "an argument that reads",
        &["PREPARE p (text) AS SELECT $1", "EXECUTE p ((SELECT email FROM shop.customers WHERE id = {id}))"],
        Refused
    ),
    attack("a guess as an argument", &["PREPARE p (text) AS SELECT count(*) FROM shop.customers WHERE email = $1"], Refused),
    attack(
        "a veiled column guessed",
        &["PREPARE p (text) AS SELECT count(*) FROM shop.customers WHERE ssn = $1", "EXECUTE p ('{ssn}')"],
        Rows("0")
    ),
    attack("EXPLAIN of it", &["PREPARE p AS SELECT id FROM shop.customers WHERE ssn = 'x'", "EXPLAIN EXECUTE p"], Harmless),
    attack(
        "EXPLAIN of it, that runs",
        &["PREPARE p AS SELECT id FROM shop.customers WHERE ssn = 'x'", "EXPLAIN (ANALYZE) EXECUTE p"],
        Refused
    ),
    attack(
        "a value that fits in the plan of it",
        &["PREPARE p (text) AS SELECT id FROM shop.customers WHERE full_name = $1", "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE p ('{name}')"],
        Harmless
    ),
    attack("a table of it", &["PREPARE p AS SELECT email FROM shop.customers", "CREATE TABLE adhoc.x AS EXECUTE p"], Refused),
    attack("a cursor for it", &["PREPARE p AS SELECT email FROM shop.customers", "DECLARE c CURSOR WITH HOLD FOR EXECUTE p"], Nothing),
    attack("the name of nothing", &["EXECUTE p"], Error("26000")),
    attack("a name of pgveil's own", &["PREPARE pgveil_path AS SELECT 1"], Nothing),
];

#[test]
fn a_name_prepared_by_sql_and_bound_by_the_protocol() {
    let [a, b] = both("analyst", |session| {
        let mut all = vec![session.query("PREPARE s AS SELECT id FROM shop.customers WHERE id = 2")];
        session.pipeline(|out| {
            frontend::close(b'S', "s", out).unwrap();
            frontend::parse("", "PREPARE s AS SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 3", [], out)
                .unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            bind("p", "s", &Call::default(), out);
            frontend::describe(b'P', "p", out).unwrap();
            frontend::execute("p", 0, out).unwrap();
            frontend::sync(out);
        });
        all.push(session.answer());
        all
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert!(cells.len() == 3 && cells.iter().all(|c| is_pseudonym(c)), "{answer:?}");
    }
}

#[test]
fn a_name_parsed_by_the_protocol_and_executed_by_sql() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("s", "SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 3", [], out).unwrap();
            frontend::sync(out);
        });
        vec![session.answer(), session.query("EXECUTE s")]
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert!(cells.len() == 3 && cells.iter().all(|c| is_pseudonym(c)), "{answer:?}");
    }
}

#[test]
fn explain_parsed_by_the_protocol_and_executed_by_sql() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("s", "EXPLAIN SELECT id FROM shop.customers WHERE ssn = 'x'", [], out).unwrap();
            frontend::sync(out);
        });
        vec![session.answer(), session.query("EXECUTE s")]
    })
    .unwrap();
    for answer in [a, b] {
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("0A000", 0), "{answer:?}");
    }
}

#[test]
fn a_token_is_turned_back_for_its_own_statement_only() {
    let [a, b] = both("tokens", |session| {
        let token = session.query("SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 1").value().unwrap();
        let mut all = vec![session.query("PREPARE p (text) AS SELECT count(*) > 0 FROM shop.customers WHERE email = $1")];
        let found = session.query(&format!("EXECUTE p ('{token}')"));
        assert_eq!(found.value().as_deref(), Some("t"));
        // The text of x was made for that p; for the next p it must not run.
        session.pipeline(|out| {
            frontend::parse("x", &format!("EXECUTE p ('{token}')"), [], out).unwrap();
            frontend::sync(out);
        });
        session.answer().ok();
        all.push(session.query("DEALLOCATE p; PREPARE p (text) AS SELECT $1 = upper($1)"));
        session.pipeline(|out| {
            bind("", "x", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::sync(out);
        });
        all.push(session.answer());
        all
    })
    .unwrap();
    for answer in [a, b] {
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("0A000", 0), "{answer:?}");
    }
}
