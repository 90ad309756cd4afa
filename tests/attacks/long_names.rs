//! Names of more than 63 bytes: the server looks at the first 63 only, so that two of them are one.

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, bind};
use postgres_protocol::message::frontend;

use super::*;

fn long(last: &str) -> String {
    "n".repeat(63) + last
}

fn send(session: &mut Client, write: impl FnOnce(&mut BytesMut)) -> Answer {
    session.pipeline(|out| {
        write(out);
        frontend::sync(out);
    });
    session.answer()
}

const HARMLESS: &str = "SELECT city FROM shop.customers WHERE id < 50 ORDER BY id";
const SEALED: &str = "SELECT email FROM shop.customers WHERE id < 50 ORDER BY id";

/// Each value that came is a pseudonym or NULL, or none came.
fn no_value(answer: &Answer) {
    assert!(answer.raw_rows().flatten().flatten().all(|cell| is_pseudonym(cell)), "{answer:?}");
}

#[test]
fn a_statement_under_two_names() {
    let mut session = Stage::get().session("analyst");
    send(&mut session, |out| frontend::parse(&long("x"), HARMLESS, [], out).unwrap()).ok();
    let again = send(&mut session, |out| frontend::parse(&long("y"), SEALED, [], out).unwrap());
    assert_eq!(again.sqlstate(), "42P05", "one name");
    send(&mut session, |out| frontend::close(b'S', &long("z"), out).unwrap()).ok();
    send(&mut session, |out| frontend::parse(&long("y"), SEALED, [], out).unwrap()).ok();
    for name in [long("x"), long("y"), long("")] {
        let answer = send(&mut session, |out| {
            bind("", &name, &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
        });
        assert!(answer.raw_rows().count() > 10, "{answer:?}");
        no_value(&answer);
    }
}

#[test]
fn a_portal_under_two_names() {
    let mut session = Stage::get().session("analyst");
    let answer = send(&mut session, |out| {
        frontend::parse("harmless", HARMLESS, [], out).unwrap();
        frontend::parse("sealed", SEALED, [], out).unwrap();
        bind(&long("x"), "harmless", &Call::default(), out);
        frontend::close(b'P', &long("y"), out).unwrap();
        bind(&long("z"), "sealed", &Call::default(), out);
        frontend::execute(&long("x"), 0, out).unwrap();
        frontend::execute(&long("z"), 0, out).unwrap();
    });
    let answer = answer.ok();
    no_value(&answer);
}

#[test]
fn by_sql_and_by_message() {
    let mut session = Stage::get().session("analyst");
    session.query(&format!("PREPARE {} AS {HARMLESS}", long("x"))).ok();
    send(&mut session, |out| frontend::close(b'S', &long("y"), out).unwrap()).ok();
    send(&mut session, |out| frontend::parse(&long("z"), SEALED, [], out).unwrap()).ok();
    let answer = session.query(&format!("EXECUTE {}", long("x")));
    no_value(&answer);
    session.query("BEGIN").ok();
    session.query(&format!("DECLARE {} CURSOR FOR {HARMLESS}", long("x"))).ok();
    send(&mut session, |out| frontend::close(b'P', &long("y"), out).unwrap()).ok();
    send(&mut session, |out| bind(&long("z"), &long("z"), &Call::default(), out)).ok();
    no_value(&session.query(&format!("FETCH ALL IN {}", long("x"))));
}
