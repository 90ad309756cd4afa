//! Refusals, errors, and what is skipped after them.

use super::SEALED;
use super::fake::{Client, Server, Talk};
use crate::conversation::{ANSWER_LIMIT, End, TEXT_LIMIT};
use crate::wire::answer::Report;

#[test]
fn a_refusal_stands_where_the_servers_error_was() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("deny this")), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "syntax error at or near \"pgveil\"");
        s.ready('I');
    });
    assert_eq!(told, ["E 42501 denied hint=other", "Z I"]);

    let sent = talk.client(|c| {
        c.parse("s", "deny this");
        c.bind("", "s", &[]);
        c.execute("");
        c.sync();
    });
    // Nothing made the statement s: the Bind that asks for it is not sent on.
    assert_eq!(sent[0], "P s pgveil refused this statement");
    assert_eq!(sent[1], "P pgveil_refused pgveil refused this statement");
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert_eq!(told, ["E 42501 denied hint=other", "Z I"]);
}

#[test]
fn a_refusal_in_a_transaction_that_has_failed_says_so_as_postgres_does() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("deny this"));
    let refuse = |status: char| {
        move |s: &mut Server| {
            s.error("42601", "syntax error");
            s.ready(status);
        }
    };
    assert_eq!(talk.server(refuse('E')), ["E 42501 denied hint=other", "Z E"]);
    talk.client(|c| c.query("deny this"));
    let aborted = "E 25P02 current transaction is aborted, commands ignored until end of transaction block";
    assert_eq!(talk.server(refuse('E')), [aborted, "Z E"]);
}

#[test]
fn another_error_in_place_of_a_refusal_is_the_servers_own() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("deny this"));
    let told = talk.server(|s| {
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    assert_eq!(told, ["E 57014 canceling statement due to user request", "Z I"]);
}

#[test]
fn a_server_that_runs_refused_text_is_not_heard_further() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("deny this"));
    assert_eq!(talk.veto(|s| s.complete("SELECT 1")), "veto: the server did not refuse text that cannot be parsed");
    let mut talk = Talk::new();
    talk.client(|c| c.query("deny this"));
    assert_eq!(talk.veto(|s| s.ready('I')), "veto: the server did not refuse text that cannot be parsed");
}

#[test]
fn unknown_names_are_not_asked_for() {
    let mut talk = Talk::new();
    let ask = |talk: &mut Talk, write: &dyn Fn(&mut Client)| {
        let sent = talk.client(|c| {
            write(c);
            c.sync();
        });
        assert_eq!(sent, ["P pgveil_refused pgveil refused this statement", "S"]);
        talk.server(|s| {
            s.error("42601", "syntax error");
            s.ready('I');
        })
    };
    assert_eq!(ask(&mut talk, &|c| c.bind("", "nope", &[])), ["E 26000 prepared statement \"nope\" does not exist", "Z I"]);
    assert_eq!(ask(&mut talk, &|c| c.describe('S', "")), ["E 26000 unnamed prepared statement does not exist", "Z I"]);
    assert_eq!(ask(&mut talk, &|c| c.execute("c1")), ["E 34000 portal \"c1\" does not exist", "Z I"]);
    assert_eq!(ask(&mut talk, &|c| c.describe('P', "c1")), ["E 34000 portal \"c1\" does not exist", "Z I"]);
    assert_eq!(
        ask(&mut talk, &|c| c.parse("pgveil_path", "rows -")),
        [
            "E 42939 the name \"pgveil_path\" is reserved detail=Names that begin with \"pgveil_\" are pgveil's own. hint=(refusals.md: wire.reserved)",
            "Z I"
        ]
    );
}

#[test]
fn an_error_skips_to_sync_and_what_was_skipped_never_was() {
    let mut talk = Talk::with_statement("s", SEALED, &[(9, 1), (9, 2)]);
    // After the failing Parse the server skips both the Close and the new s: the second Bind is of the old one.
    talk.client(|c| {
        c.parse("x", "rows -");
        c.close('S', "s");
        c.parse("s", "rows --");
        c.query("rows -");
        c.sync();
        c.bind("", "s", &[]);
        c.execute("");
        c.sync();
    });
    let told = talk.server(|s| {
        s.error("42P01", "relation \"x\" does not exist");
        s.ready('I');
        s.bare('2');
        s.row(&[Some("ana"), Some("1")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told, ["E 42P01 relation \"x\" does not exist", "Z I", "2", "D #ana|1", "C SELECT 1", "Z I"]);
}

#[test]
fn after_an_error_the_client_is_skipped_too() {
    let mut talk = Talk::new();
    talk.client(|c| c.parse("x", "rows -"));
    talk.server(|s| s.error("42P01", "relation \"x\" does not exist"));
    let sent = talk.client(|c| {
        c.parse("y", "rows -");
        c.query("rows -");
        c.function_call();
        c.flush();
        c.sync();
    });
    assert_eq!(sent, ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn function_calls_and_bad_text_are_refused() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(Client::function_call), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 0A000 the FunctionCall message"), "{told:?}");
    talk.client(|c| c.raw(b'Q', b"select '\xff'\0"));
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('I');
    });
    assert_eq!(told[0], "E 22021 invalid byte sequence for encoding \"UTF8\": 0xff hint=(refusals.md: wire.encoding)");
}

#[test]
fn texts_over_the_limit_are_refused_and_the_session_goes_on() {
    let mut talk = Talk::new();
    let mut large = vec![b'x'; TEXT_LIMIT + 1];
    large.push(0);
    let sent = talk.client(|c| {
        c.raw(b'Q', &large);
        c.query("rows -");
    });
    assert_eq!(sent, ["Q pgveil refused this statement", "Q sent:rows -"]);
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 54000 a message of 16777223 bytes is too large"), "{told:?}");
}

#[test]
fn an_error_that_is_too_large_to_be_read_may_be_a_functions_own() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows -"));
    let mut report = Report::ours("ERROR", "22012", "CANARY");
    report.fields.push((b'D', vec![b'x'; ANSWER_LIMIT]));
    report.fields.push((b'W', b"PL/pgSQL function f() line 1 at RAISE".to_vec()));
    talk.server_at_once(|s| report.put(&mut s.0, b'E'));
    let told = talk.take_told();
    assert!(told[0].starts_with("E 22012 division by zero detail=") && !told[0].contains("CANARY"), "{told:?}");
}

#[test]
fn what_breaks_the_protocol_ends_the_session() {
    for (tag, body) in [(b'p', &b"secret\0"[..]), (b'Z', b"I"), (b'S', b"x")] {
        let mut talk = Talk::new();
        let end = talk.try_client(|c| c.raw(tag, body)).unwrap_err();
        assert!(matches!(end, End::Protocol(_)), "{end}");
    }
    let mut talk = Talk::new();
    assert!(matches!(talk.try_client(|c| c.raw(b'E', &vec![0; 10_001])), Err(End::Protocol(_))));
    for body in [&b""[..], b"x"] {
        let mut talk = Talk::new();
        assert_eq!(talk.try_client(|c| c.raw(b'X', body)), Err(End::Terminated));
        assert_eq!(talk.take_sent(), ["X"]);
    }
}

#[test]
fn a_malformed_message_is_an_error_in_the_servers_words() {
    for (tag, body, words) in [
        (b'Q', &b"no end"[..], "invalid string in message"),
        (b'Q', b"rows -\0x", "invalid message format"),
        (b'P', b"\0rows -\0\0\x02\0\0\0\x17", "insufficient data left in message"),
        (b'D', b"X\0", "invalid DESCRIBE message subtype 88"),
        (b'C', b"", "no data left in message"),
        (b'E', b"\0\0", "insufficient data left in message"),
        (b'H', b"x", "invalid message format"),
    ] {
        let mut talk = Talk::new();
        let sent = talk.client(|c| c.raw(tag, body));
        let simple = tag == b'Q';
        let unparsable = if simple { "Q pgveil refused this statement" } else { "P pgveil_refused pgveil refused this statement" };
        assert_eq!(sent, [unparsable]);
        let told = talk.server(|s| {
            s.error("42601", "x");
            if simple {
                s.ready('I');
            }
        });
        assert!(told[0].starts_with(&format!("E 08P01 {words}")), "{told:?}");
        assert_eq!(talk.client(|c| c.query("rows -")).len(), usize::from(simple), "else skipped to Sync");
    }
}

#[test]
fn a_fatal_error_is_told_and_ends_the_session() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.veto(|s| s.fatal("57P01", "terminating connection due to administrator command")),
        "the server ended the session (57P01)"
    );
    assert_eq!(talk.take_told(), ["E 57P01 terminating connection due to administrator command"]);
}
