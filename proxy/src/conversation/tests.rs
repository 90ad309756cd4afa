//! Transcripts: what each side sends, and what the other is told.

mod carry;
mod copy;
mod fake;
mod model;
mod named;
mod steps;
mod visible;

use fake::{Talk, server};

const SEALED: &str = "rows s-";

#[test]
fn a_simple_query_is_judged_and_its_rows_are_masked() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("rows s-v")), ["Q sent:rows s-v"]);
    let told = talk.server(|s| {
        s.columns(&[(9, 1), (9, 2), (0, 0)]);
        s.row(&[Some("ana"), Some("1"), None]);
        s.row(&[None, Some("2"), Some("x")]);
        s.complete("SELECT 2");
        s.ready('I');
    });
    assert_eq!(told, ["T ?column?:9.1 ?column?:9.2 ?column?:9.3", "D #ana|1|NULL", "D NULL|2|x", "C SELECT 2", "Z I"]);
}

#[test]
fn each_statement_of_a_text_has_its_own_masks() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("begin;rows -;rows s;")), ["Q sent:begin; sent:rows -; sent:rows s"]);
    let told = talk.server(|s| {
        s.complete("BEGIN");
        s.columns(&[(9, 2)]);
        s.row(&[Some("a")]);
        s.complete("SELECT 1");
        s.columns(&[(9, 1)]);
        s.row(&[Some("a")]);
        s.complete("SELECT 1");
        s.ready('T');
    });
    assert_eq!(told, ["C BEGIN", "T ?column?:9.2", "D a", "C SELECT 1", "T ?column?:9.1", "D #a", "C SELECT 1", "Z T"]);
}

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
        move |s: &mut fake::Server| {
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
fn a_statement_is_described_to_us_before_it_is_used() {
    let mut talk = Talk::new();
    let sent = talk.client(|c| {
        c.parse("s", SEALED);
        c.describe('S', "s");
        c.bind("p", "s", &[1]);
        c.describe('P', "p");
        c.execute("p");
        c.sync();
    });
    assert_eq!(sent, ["P s sent:rows s-", "D Ss", "D Ss", "B p s", "D Pp", "E p", "S"]);
    let told = talk.server(|s| {
        s.bare('1');
        s.parameters(1);
        s.columns(&[(9, 1), (9, 2)]);
        s.parameters(1);
        s.columns(&[(9, 1), (9, 2)]);
        s.bare('2');
        s.columns(&[(9, 1), (9, 2)]);
        s.row(&[Some("ana"), Some("ana")]);
        s.bare('s');
        s.ready('T');
    });
    assert_eq!(told, ["1", "t 1", "T ?column?:9.1 ?column?:9.2", "2", "T ?column?:9.1 ?column?:9.2", "D %ana|ana", "s", "Z T"]);
    assert_eq!(talk.client(|c| c.execute("p")), ["E p"]);
    assert_eq!(
        talk.server(|s| {
            s.row(&[Some("bob"), Some("bob")]);
            s.complete("SELECT 1");
        }),
        ["D %bob|bob", "C SELECT 1"]
    );
}

#[test]
fn formats_may_differ_by_column() {
    let mut talk = Talk::with_statement("s", "rows ss", &[(9, 1), (9, 1)]);
    talk.client(|c| {
        c.bind("", "s", &[0, 1]);
        c.execute("");
        c.sync();
    });
    let told = talk.server(|s| {
        s.bare('2');
        s.row(&[Some("a"), Some("b")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told, ["2", "D #a|%b", "C SELECT 1", "Z I"]);
    // Postgres says so when it is to write a row.
    talk.client(|c| {
        c.bind("", "s", &[0, 1, 1]);
        c.execute("");
    });
    let row = |s: &mut fake::Server| {
        s.bare('2');
        s.row(&[Some("a"), Some("b")]);
    };
    assert_eq!(talk.veto(row), "veto: the server took result formats that do not fit the plan");
}

#[test]
fn unknown_names_are_not_asked_for() {
    let mut talk = Talk::new();
    let ask = |talk: &mut Talk, write: &dyn Fn(&mut fake::Client)| {
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
fn a_statement_whose_witness_failed_means_nothing() {
    let mut talk = Talk::with_statement("", "rows -", &[(9, 2)]);
    talk.client(|c| {
        c.parse("", "rows s");
        c.sync();
    });
    talk.server(|s| {
        s.bare('1');
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    let sent = talk.client(|c| {
        c.bind("", "", &[]);
        c.sync();
    });
    assert_eq!(sent[0], "P pgveil_refused pgveil refused this statement");

    let mut talk = Talk::new();
    talk.client(|c| {
        c.parse("n", "rows s");
        c.sync();
        c.bind("", "n", &[]);
        c.execute("");
    });
    talk.server(|s| {
        s.bare('1');
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    assert_eq!(talk.veto(|s| s.bare('2')), "veto: the server knows a statement or portal that was not judged");
}

#[test]
fn the_witness_vetoes() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows -"));
    assert_eq!(talk.veto(|s| s.columns(&[(9, 1)])), "veto: column 1 comes from relation 9, attribute 1, and was not judged so");
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows v"));
    assert_eq!(talk.veto(|s| s.columns(&[(9, 3)])), "veto: column 1 comes from relation 9, attribute 3, and was not judged so");
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows --"));
    assert_eq!(talk.veto(|s| s.columns(&[(9, 2)])), "veto: 1 columns where 2 were judged");
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows -"));
    assert_eq!(talk.veto(|s| s.row(&[Some("x")])), "veto: message 'D' of the server was not expected here");
    let mut talk = Talk::new();
    talk.client(|c| c.parse("", "rows -"));
    assert_eq!(
        talk.veto(|s| {
            s.bare('1');
            s.parameters(0);
            s.columns(&[(9, 1)]);
        }),
        "veto: column 1 comes from relation 9, attribute 1, and was not judged so"
    );
}

#[test]
fn rows_must_have_the_columns_that_were_judged() {
    for text in ["rows -", "rows s", "explain"] {
        let mut talk = Talk::new();
        talk.client(|c| c.query(text));
        let origin = if text == "rows s" { (9, 1) } else { (0, 0) };
        talk.server(|s| s.columns(&[origin]));
        assert_eq!(talk.veto(|s| s.row(&[Some("a"), Some("b")])), "veto: a row of 2 columns where 1 were judged", "{text}");
    }
}

#[test]
fn arrays_are_masked_element_by_element_or_not_sent() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows a-"));
    let told = talk.server(|s| {
        s.columns(&[(0, 5), (9, 2)]);
        s.row(&[Some("[0:2]={Ana,NULL,\"B o\"}"), Some("1")]);
        s.row(&[Some("{}"), None]);
    });
    assert_eq!(told[1..], ["D [0:2]={#ana,NULL,\"#b o\"}|1", "D {}|NULL"]);
    for hostile in ["Ana", "{Ana", "{{Ana}", "[0:1]{Ana}", "{Ana}}", "{\"Ana}", ""] {
        let mut talk = Talk::new();
        talk.client(|c| c.query("rows a"));
        talk.server(|s| s.columns(&[(0, 5)]));
        let veto = talk.veto(|s| s.row(&[Some(hostile)]));
        assert_eq!(veto, "veto: column 1: a value is none of the type that its seal was made for", "{hostile}");
    }
    // A value where an array was judged.
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows a"));
    assert!(talk.veto(|s| s.columns(&[(0, 0)])).starts_with("veto: column 1 "));
}

#[test]
fn copy_is_not_expected() {
    for tag in ['G', 'H', 'W'] {
        let mut talk = Talk::new();
        talk.client(|c| c.query("rows -"));
        assert_eq!(talk.veto(|s| s.bare(tag)), format!("veto: message {tag:?} of the server was not expected here"));
    }
}

#[test]
fn an_explained_plan_keeps_its_shape_only() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("explain"));
    let told = talk.server(|s| {
        s.columns(&[(0, 0)]);
        s.row(&[Some("Seq Scan on customers c  (cost=0.00..1.05 rows=1 width=33)")]);
        s.row(&[Some("  Filter: (ssn = '1'::text)")]);
        s.complete("EXPLAIN");
        s.ready('I');
    });
    assert_eq!(told, ["T ?column?:0.0", "D Seq Scan on customers c", "C EXPLAIN", "Z I"]);
}

#[test]
fn asynchronous_messages_come_anywhere() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows s"));
    let told = talk.server(|s| {
        s.status("TimeZone", "UTC");
        s.status("app.secret", "ana");
        s.columns(&[(9, 1)]);
        s.notice("25P01", "there is no transaction in progress");
        s.row(&[Some("a")]);
        s.notice("00000", "ana");
        s.notify("channel");
        s.complete("SELECT 1");
        s.ready('I');
        s.notify("channel");
    });
    // The columns wait for the first row: until then the text may be sent again. What belongs to no answer does not.
    assert_eq!(told, ["S TimeZone=UTC", "N 25P01 there is no transaction in progress", "T ?column?:9.1", "D #a", "C SELECT 1", "Z I"]);
    assert_eq!(
        talk.veto(|s| s.status("client_encoding", "LATIN1")),
        "veto: the server's client_encoding has a value under which values cannot be masked"
    );
}

#[test]
fn an_unknown_name_is_judged_again_on_a_fresh_catalog() {
    let mut talk = Talk::new();
    assert!(talk.client(|c| c.query("unknown t")).is_empty());
    assert!(talk.conversation.wants_fresh() && !talk.conversation.listening());
    talk.conversation.refreshed();
    assert_eq!(talk.client(|_| {}), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('I');
    });
    assert_eq!(told, ["E 42P01 unknown", "Z I"]);
}

#[test]
fn empty_texts_and_several_in_one_parse() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("")), ["Q "]);
    assert_eq!(
        talk.server(|s| {
            s.bare('I');
            s.ready('I');
        }),
        ["I", "Z I"]
    );
    assert_eq!(
        talk.client(|c| {
            c.parse("", "");
            c.bind("", "", &[]);
            c.execute("");
            c.sync();
        }),
        ["P  ", "D S", "B  ", "E ", "S"]
    );
    let told = talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.bare('n');
        s.bare('2');
        s.bare('I');
        s.ready('I');
    });
    assert_eq!(told, ["1", "2", "I", "Z I"]);
    talk.client(|c| {
        c.parse("", "rows -;rows -");
        c.sync();
    });
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('I');
    });
    assert_eq!(told, ["E 42601 cannot insert multiple commands into a prepared statement", "Z I"]);
}

#[test]
fn function_calls_and_bad_text_are_refused() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(fake::Client::function_call), ["Q pgveil refused this statement"]);
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
    let mut large = vec![b'x'; super::TEXT_LIMIT + 1];
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
fn what_breaks_the_protocol_ends_the_session() {
    for (tag, body) in [(b'p', &b"secret\0"[..]), (b'Q', b"no end"), (b'B', b"\0"), (b'Z', b"I"), (b'S', b"x")] {
        let mut talk = Talk::new();
        let end = talk.try_client(|c| c.raw(tag, body)).unwrap_err();
        assert!(matches!(end, super::End::Protocol(_)), "{end}");
    }
    let mut talk = Talk::new();
    assert!(matches!(talk.try_client(|c| c.raw(b'E', &vec![0; 10_001])), Err(super::End::Protocol(_))));
    let mut talk = Talk::new();
    assert_eq!(talk.try_client(|c| c.raw(b'X', b"")), Err(super::End::Terminated));
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

#[test]
fn large_rows_without_seals_pass_as_they_arrive() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("rows -"));
    talk.server(|s| s.columns(&[(9, 2)]));
    // The columns wait for the first row.
    talk.server(|s| s.row(&[Some("first")]));
    let value = "x".repeat(300_000);
    let mut bytes = server(|s| {
        s.row(&[Some(&value)]);
        s.row(&[Some("y")]);
    });
    let whole = bytes.clone();
    let mut passed = Vec::new();
    let mut out = super::Out::default();
    while !bytes.is_empty() {
        let n = bytes.len().min(10_000);
        let used = talk.conversation.from_server(&bytes[..n], &mut out).unwrap();
        assert!(used > 0 && out.to_client.len() < 2 * super::FULL);
        passed.append(&mut out.to_client);
        bytes.drain(..used);
    }
    assert_eq!(passed, whole);
}
