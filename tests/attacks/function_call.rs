//! The FunctionCall message runs any function by its OID (PostgreSQL documentation, 55.2.6): it is refused, and the session goes on.

use pgveil_tests::client::{Answer, Client};

use super::*;

/// OID of `query_to_xml`, the same in all versions of Postgres.
const QUERY_TO_XML: u32 = 2925;

fn call(session: &mut Client, function: u32, argument: &[u8]) -> Answer {
    let mut body = Vec::new();
    body.extend(function.to_be_bytes());
    body.extend([0, 0, 0, 1]);
    body.extend((argument.len() as u32).to_be_bytes());
    body.extend(argument);
    body.extend([0, 0]);
    let mut message = vec![b'F'];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    session.send(&message);
    session.answer()
}

#[test]
fn function_calls_are_refused() {
    let [a, b] = both("analyst", |session| {
        let refused = call(session, QUERY_TO_XML, b"TABLE shop.customers");
        let after = session.query("SELECT 1");
        vec![after, refused]
    })
    .unwrap();
    for answer in [a, b] {
        assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{answer:?}");
        assert_eq!(answer.status(), Some('I'));
    }
}

#[test]
fn a_function_call_in_a_transaction_aborts_it() {
    let [a, _] = both("analyst", |session| {
        session.query("BEGIN").ok();
        vec![call(session, QUERY_TO_XML, b"x")]
    })
    .unwrap();
    assert_eq!((a.status(), a.error().is_some()), (Some('E'), true));
}
