//! Between ParseComplete and the description of the rows: the server sends what its buffer has no room for, and keeps the rest back. The
//! name is made by then, and the witness has not spoken.

use pgveil_tests::client::{Answer, Call, Client, Message, bind};
use postgres_protocol::message::frontend;

use super::*;
use crate::cases::carry::Place;

/// So many columns that their description is larger than the server's buffer, which has 8 kB.
fn wide(column: &str) -> String {
    let name = "x".repeat(57);
    (0..130).map(|n| format!(", {column} AS {name}{n:03}")).collect()
}

/// Parses, and waits for ParseComplete: what comes before the end of the buffer comes unasked.
fn parsed(session: &mut Client, name: &str, sql: &str) {
    session.pipeline(|out| frontend::parse(name, sql, [], out).unwrap());
    loop {
        match session.receive() {
            Ok(Message::Other('1', _)) => return,
            Ok(Message::Error(fields)) => panic!("{sql}: {fields:?}"),
            Ok(_) => {}
            Err(why) => panic!("{sql}: {why}"),
        }
    }
}

fn bound(session: &mut Client, name: &str, values: &[&str]) -> Answer {
    let values = values.iter().map(|value| Some(value.as_bytes().to_vec())).collect();
    session.pipeline(|out| {
        bind("", name, &Call { values, ..Call::default() }, out);
        frontend::execute("", 0, out).unwrap();
        frontend::sync(out);
    });
    session.answer()
}

#[test]
fn a_value_is_no_token() {
    let sql = format!("SELECT id{} FROM shop.customers WHERE email = $1", wide("id"));
    let guess = Victim::get().fill("{email}");
    let [a, b] = both("tokens", |session| {
        parsed(session, "s", &sql);
        vec![bound(session, "s", &[&guess])]
    })
    .unwrap();
    for answer in [a, b] {
        assert!(answer.error().is_none() && answer.raw_rows().count() == 0, "{answer:?}");
    }
    // A token is.
    let mut session = Stage::get().session("tokens");
    let token = session.query(&Victim::get().fill("SELECT email FROM shop.customers WHERE id = {id}")).value().unwrap();
    parsed(&mut session, "s", &sql);
    let answer = bound(&mut session, "s", &[&token]);
    assert!(answer.rows().iter().any(|row| row[0] == Some(Victim::get().fill("{id}"))), "{answer:?}");
}

#[test]
fn a_protected_column_of_a_new_row_is_null() {
    let sql = format!("INSERT INTO shop.leads (email, source) VALUES ($1, $2) RETURNING source{}", wide("source"));
    let guess = Victim::get().fill("{email}");
    let answers = both("analyst", |session| {
        session.query("BEGIN").ok();
        parsed(session, "s", &sql);
        vec![bound(session, "s", &[&guess, "web"])]
    });
    for answer in answers.unwrap() {
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("42501", 0), "{answer:?}");
    }
}

#[test]
fn a_token_is_turned_back_for_its_own_statement_only() {
    let prepare = format!("PREPARE p (text) AS SELECT id{} FROM shop.customers WHERE email = $1", wide("id"));
    let [a, b] = both("tokens", |session| {
        let token = session.query("SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 1").value().unwrap();
        session.query(&prepare).ok();
        parsed(session, "x", &format!("EXECUTE p ('{token}')"));
        session.pipeline(|out| {
            frontend::close(b'S', "p", out).unwrap();
            let tells = "SELECT has_column_privilege('shop.customers', CAST($1 AS text), 'SELECT')";
            frontend::parse("p", tells, [], out).unwrap();
        });
        vec![bound(session, "x", &[])]
    })
    .unwrap();
    for answer in [a, b] {
        assert_eq!((answer.sqlstate(), answer.raw_rows().count()), ("0A000", 0), "{answer:?}");
    }
}

#[test]
fn rows_that_are_kept_are_sealed() {
    let place = Place::new();
    let mut session = place.session("analyst");
    parsed(&mut session, "s", &format!("CREATE TABLE adhoc.w AS SELECT email{} FROM shop.customers WHERE id < 100", wide("id")));
    bound(&mut session, "s", &[]).ok();
    assert_eq!(place.plain("SELECT count(*) FROM adhoc.w"), "100");
    assert_eq!(place.plain(r"SELECT count(*) FROM adhoc.w WHERE email NOT LIKE 'u\_%'"), "0");
}
