//! Transcripts of SET pgveil.role.

use super::fake::{Client, Talk};

fn executed(c: &mut Client, text: &str) {
    c.parse("", text);
    c.bind("", "", &[]);
    c.execute("");
}

#[test]
fn the_session_ends_when_the_server_is_ready() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("role x")), ["Q role x"]);
    // What comes behind it is for another session.
    assert!(talk.client(|c| c.query("rows -")).is_empty());
    let end = talk.veto(|s| {
        s.complete("DISCARD ALL");
        s.ready('I');
    });
    assert_eq!((end.as_str(), talk.take_told()), ("the user took another role", vec!["C SET".to_owned()]));
}

#[test]
fn in_the_extended_protocol_it_ends_with_the_sync() {
    let mut talk = Talk::new();
    let sent = talk.client(|c| {
        executed(c, "role x");
        executed(c, "rows -");
        c.sync();
        c.query("rows -");
    });
    assert_eq!(sent.get(..4).unwrap(), ["P  role x", "D S", "B  ", "E "]);
    assert_eq!(sent.last().unwrap(), "S", "the query comes later");
    assert!(sent.iter().skip(4).all(|sent| sent.contains("pgveil_refused") || sent == "S"), "{sent:?}");
    let end = talk.veto(|s| {
        s.bare('1');
        s.parameters(0);
        s.bare('n');
        s.bare('2');
        s.complete("DISCARD ALL");
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert_eq!(end, "the user took another role");
    let told = talk.take_told();
    assert_eq!(told.first().map(String::as_str), Some("1"));
    assert!(told.contains(&"C SET".to_owned()) && told.last().unwrap().contains("25001"), "{told:?}");
}

#[test]
fn in_a_transaction_it_fails_in_its_own_words() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("role x"));
    let told = talk.server(|s| {
        s.error("25001", "DISCARD ALL cannot run inside a transaction block");
        s.ready('E');
    });
    assert!(told.first().unwrap().contains("SET pgveil.role cannot run") && told.last().unwrap() == "Z E", "{told:?}");
    // It goes on as it was.
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
}

#[test]
fn among_others_or_for_a_role_of_somebody_else_nothing_is_sent() {
    for text in ["role x;rows -", "rows -;role x", "role boss"] {
        let mut talk = Talk::new();
        let sent = talk.client(|c| c.query(text));
        assert!(!sent.iter().any(|text| text.contains("role")), "{text}: {sent:?}");
    }
}

#[test]
fn what_may_take_a_role_is_run_only_when_that_is_certain() {
    let mut talk = Talk::with_statement("s", "rows -", &[(9, 2)]).and_statement("r", "role x", &[]);
    // Whether the second Bind has failed, and p takes a role, the server alone knows.
    let sent = talk.client(|c| {
        c.bind("p", "r", &[]);
        c.sync();
        c.bind("p", "s", &[]);
        c.sync();
        c.execute("p");
    });
    assert_eq!(sent, ["B p r", "S", "B p s", "S", "H"]);
}
