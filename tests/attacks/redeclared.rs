//! A name that comes to mean other rows while the masks of the old ones are remembered.

use pgveil_tests::client::{Call, bind};
use postgres_protocol::message::frontend;

use super::*;

attacks![
    attack(
        "declared again after ROLLBACK TO",
        &[
            "BEGIN",
            "SAVEPOINT s",
            "DECLARE c CURSOR FOR SELECT city FROM shop.customers WHERE id = {id}",
            "ROLLBACK TO s",
            "DECLARE c CURSOR FOR SELECT email FROM shop.customers WHERE id = {id}",
            "FETCH c"
        ],
        Pseudonyms
    ),
    attack(
        "an older cursor behind a newer one that was rolled back",
        &[
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT email FROM shop.customers WHERE id = {id}",
            "SAVEPOINT s",
            "CLOSE c",
            "DECLARE c CURSOR FOR SELECT city FROM shop.customers WHERE id = {id}",
            "ROLLBACK TO s",
            "FETCH c"
        ],
        Error("34000")
    ),
    attack(
        "declared twice: the first stays",
        &[
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT email FROM shop.customers WHERE id = {id}",
            "SAVEPOINT s",
            "DECLARE c CURSOR FOR SELECT city FROM shop.customers WHERE id = {id}",
            "ROLLBACK TO s",
            "FETCH c"
        ],
        Pseudonyms
    ),
    attack(
        "closed and declared in one text",
        &[
            "BEGIN; DECLARE c CURSOR FOR SELECT city FROM shop.customers WHERE id = {id}; FETCH c; CLOSE c; DECLARE c CURSOR FOR SELECT email FROM shop.customers WHERE id = {id}",
            "FETCH c"
        ],
        Pseudonyms
    ),
    attack(
        "a held cursor's name used again after COMMIT",
        &[
            "DECLARE c CURSOR WITH HOLD FOR SELECT city FROM shop.customers WHERE id = {id}",
            "CLOSE c",
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT email FROM shop.customers WHERE id = {id}",
            "FETCH c"
        ],
        Pseudonyms
    ),
];

#[test]
fn a_portal_of_the_protocol_fetched_by_name() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("", "SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id", [], out).unwrap();
            bind("w", "", &Call::default(), out);
            frontend::parse("", "FETCH 2 FROM w", [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::execute("w", 2, out).unwrap();
            frontend::sync(out);
        });
        vec![session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        let cells: Vec<_> = answer.raw_rows().flatten().flatten().collect();
        assert!(cells.len() == 4 && cells.iter().all(|c| is_pseudonym(c)), "{answer:?}");
    }
}

#[test]
fn a_fetch_parsed_for_another_cursor() {
    let [a, b] = both("analyst", |session| {
        let mut all = vec![session.query("BEGIN"), session.query("DECLARE c CURSOR FOR SELECT city FROM shop.customers WHERE id = 2")];
        session.pipeline(|out| {
            frontend::parse("f", "FETCH c", [], out).unwrap();
            frontend::parse("", "CLOSE c", [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::parse("", "DECLARE c CURSOR FOR SELECT ssn, email FROM shop.customers WHERE id = 2", [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            bind("", "f", &Call::default(), out);
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

#[test]
fn fetched_from_explain() {
    let [a, b] = both("analyst", |session| {
        session.pipeline(|out| {
            frontend::parse("", "EXPLAIN SELECT id FROM shop.customers WHERE id = 2", [], out).unwrap();
            bind("w", "", &Call::default(), out);
            frontend::parse("", "FETCH ALL FROM w", [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
            frontend::sync(out);
        });
        vec![session.answer()]
    })
    .unwrap();
    for answer in [a, b] {
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("0A000", 0), "{answer:?}");
    }
}
