//! After login: messages that are malformed, too long, cut off, or not legal there.

use postgres_protocol::message::frontend;

use super::*;

/// Sends bytes in a session: what comes back must be an error that says so, and an end.
fn fatal(what: &str, bytes: &[u8]) {
    let mut session = Stage::get().session("analyst");
    session.send(bytes);
    let fields = error(&mut session).unwrap_or_else(|| panic!("{what}: no error"));
    assert_eq!((fields[&'S'].as_str(), fields[&'C'].as_str()), ("FATAL", "08P01"), "{what}: {fields:?}");
    assert!(ended(&mut session), "{what}");
}

#[test]
fn malformed_messages() {
    for (what, bytes) in [
        ("a length of 3", vec![b'Q', 0, 0, 0, 3]),
        ("a length of 0", vec![b'Q', 0, 0, 0, 0]),
        ("a length of 4 GB", vec![b'Q', 0xff, 0xff, 0xff, 0xff]),
        ("a length of 2 GB", vec![b'P', 0x7f, 0xff, 0xff, 0xff]),
        ("an unknown type", message(b'~', b"")),
        ("a message of the server's", message(b'T', b"\0\0")),
        ("Sync with a body", message(b'S', b"x")),
        ("a password after login", message(b'p', b"x\0")),
    ] {
        fatal(what, &bytes);
    }
    all_is_well();
}

#[test]
fn a_message_that_is_cut_off() {
    for bytes in [&b"Q"[..], &[b'Q', 0, 0], &[b'Q', 0, 0, 1, 0, b'S'], &message(b'P', b"\0SELECT 1\0\0\0")[..8]] {
        let mut session = Stage::get().session("analyst");
        session.send(bytes);
        drop(session);
    }
    all_is_well();
}

#[test]
fn copy_messages_outside_of_a_copy_are_ignored() {
    // PostgreSQL documentation, 55.2.6: "the backend will ignore" them.
    let mut session = Stage::get().session("analyst");
    session.send(&[message(b'd', b"x"), message(b'c', b""), message(b'f', b"x\0"), message(b'Q', b"SELECT 1\0")].concat());
    let answer = session.answer();
    assert!(answer.broken.is_some() || answer.ok().table() == "1");
}

#[test]
fn text_that_is_not_utf8() {
    let mut session = Stage::get().session("analyst");
    session.send(&message(b'Q', b"SELECT '\xff\xfe'\0"));
    let answer = session.answer();
    assert!(matches!(answer.sqlstate(), "22021" | "08P01"), "{answer:?}");
    all_is_well();
}

#[test]
fn names_that_are_not_there() {
    let mut session = Stage::get().session("analyst");
    for (body, code) in [
        (message(b'D', b"Snothing\0"), "26000"),
        (message(b'D', b"Pnothing\0"), "34000"),
        (message(b'E', b"nothing\0\0\0\0\0"), "34000"),
        (message(b'B', b"\0nothing\0\0\0\0\0\0\0"), "26000"),
    ] {
        session.send(&[body, message(b'S', b"")].concat());
        assert_eq!(session.answer().sqlstate(), code);
    }
    session.send(&[message(b'C', b"Snothing\0"), message(b'S', b"")].concat());
    session.answer().ok();
}

#[test]
fn bytes_one_at_a_time() {
    let mut session = Stage::get().session("analyst");
    let mut out = bytes::BytesMut::new();
    frontend::query("SELECT full_name FROM shop.customers WHERE id = 2", &mut out).unwrap();
    for byte in out {
        session.send(&[byte]);
        std::thread::sleep(std::time::Duration::from_micros(300));
    }
    assert_eq!(session.answer().ok().table(), "[name]");
}

#[test]
fn syncs_in_a_row_and_terminate_in_the_middle() {
    let mut session = Stage::get().session("analyst");
    session.send(&message(b'S', b"").repeat(100));
    for _ in 0..100 {
        assert_eq!(session.answer().ok().status(), Some('I'));
    }
    session.send(&[message(b'Q', b"SELECT count(*) FROM shop.orders\0"), message(b'X', b""), message(b'Q', b"SELECT 1\0")].concat());
    assert!(ended(&mut session));
    all_is_well();
}
