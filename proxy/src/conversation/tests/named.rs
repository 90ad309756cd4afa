//! Transcripts of texts about names.

use super::fake::{Client, Server, Talk};
use crate::wire::answer::Report;

fn ask(talk: &mut Talk, text: &str, answer: impl FnOnce(&mut Server)) -> Vec<String> {
    talk.client(|c| c.query(text));
    talk.server(answer)
}

fn done(tag: &str, status: char) -> impl FnOnce(&mut Server) {
    move |s| {
        s.complete(tag);
        s.ready(status);
    }
}

#[test]
fn what_prepare_makes_execute_masks() {
    let mut talk = Talk::new();
    assert_eq!(ask(&mut talk, "prepare p rows s-", done("PREPARE", 'I')), ["C PREPARE", "Z I"]);
    assert_eq!(talk.client(|c| c.query("execute p")), ["Q EXECUTE \"p\""]);
    let told = talk.server(|s| {
        s.columns(&[(9, 1), (9, 2)]);
        s.row(&[Some("ana"), Some("1")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told, ["T ?column?:9.1 ?column?:9.2", "D #ana|1", "C SELECT 1", "Z I"]);
}

#[test]
fn what_prepare_makes_is_described_before_it_is_bound() {
    let mut talk = Talk::new();
    ask(&mut talk, "prepare p rows s", done("PREPARE", 'I'));
    let sent = talk.client(|c| {
        c.bind("", "p", &[1]);
        c.execute("");
        c.sync();
    });
    assert_eq!(sent, ["D Sp", "B  p", "E ", "S"]);
    let told = talk.server(|s| {
        s.parameters(0);
        s.columns(&[(9, 1)]);
        s.bare('2');
        s.row(&[Some("ana")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told, ["2", "D %ana", "C SELECT 1", "Z I"]);
    // The server knows another statement of that name.
    let mut talk = Talk::new();
    ask(&mut talk, "prepare p rows -", done("PREPARE", 'I'));
    talk.client(|c| c.bind("", "p", &[]));
    let veto = talk.veto(|s| {
        s.parameters(0);
        s.columns(&[(9, 1)]);
    });
    assert_eq!(veto, "veto: column 1 comes from relation 9, attribute 1, and was not judged so");
}

#[test]
fn nothing_is_taken_while_a_name_is_being_made() {
    let mut talk = Talk::with_statement("p", "rows -", &[(9, 2)]);
    let write = |c: &mut Client| {
        c.query("deallocate p;prepare p rows s");
        c.bind("", "p", &[]);
        c.execute("");
        c.sync();
    };
    assert_eq!(talk.client(write), ["Q deallocate p; sent:prepare p rows s"]);
    talk.server(|s| {
        s.complete("DEALLOCATE");
        s.complete("PREPARE");
        s.ready('I');
    });
    assert_eq!(talk.client(|_| {}), ["D Sp", "B  p", "E ", "S"]);
    let told = talk.server(|s| {
        s.parameters(0);
        s.columns(&[(9, 1)]);
        s.bare('2');
        s.row(&[Some("ana")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told, ["2", "D #ana", "C SELECT 1", "Z I"]);
}

#[test]
fn a_name_is_used_when_nothing_is_owed() {
    let mut talk = Talk::new();
    let sent = talk.client(|c| {
        c.parse("p", "rows s");
        c.query("execute p");
    });
    // The server is asked to answer what it holds back; then the name means what it has confirmed.
    assert_eq!(sent, ["P p sent:rows s", "D Sp", "H"]);
    talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.columns(&[(9, 1)]);
    });
    assert_eq!(talk.client(|_| {}), ["Q EXECUTE \"p\""]);
}

#[test]
fn names_within_one_text_are_followed() {
    let mut talk = Talk::new();
    let sent = talk.client(|c| c.query("prepare p rows s;execute p;deallocate p;prepare p rows -;execute p"));
    assert_eq!(sent, ["Q sent:prepare p rows s; EXECUTE \"p\"; deallocate p; sent:prepare p rows -; EXECUTE \"p\""]);
    let told = talk.server(|s| {
        s.complete("PREPARE");
        s.columns(&[(9, 1)]);
        s.row(&[Some("ana")]);
        s.complete("SELECT 1");
        s.complete("DEALLOCATE");
        s.complete("PREPARE");
        s.columns(&[(9, 2)]);
        s.row(&[Some("b")]);
        s.complete("SELECT 1");
        s.ready('I');
    });
    assert_eq!(told[2..4], ["D #ana", "C SELECT 1"]);
    assert_eq!(told[7..], ["D b", "C SELECT 1", "Z I"]);
    talk.client(|c| c.query("deallocate p;execute p"));
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert_eq!(told, ["E 26000 prepared statement \"p\" does not exist", "Z I"]);
}

#[test]
fn tokens_among_arguments_are_turned_back_for_that_statement_only() {
    let mut talk = Talk::new();
    ask(&mut talk, "prepare p rows token", done("PREPARE", 'I'));
    assert_eq!(talk.client(|c| c.query("execute p tana")), ["Q EXECUTE \"p\" ('ana')"]);
    talk.server(|s| {
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    // Made ready for p as it was: for another p it must not run.
    talk.client(|c| {
        c.parse("x", "execute p tana");
        c.sync();
    });
    talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.columns(&[(9, 2), (9, 2), (9, 2), (9, 2), (9, 2)]);
        s.ready('I');
    });
    for text in ["deallocate p", "prepare p rows -----"] {
        ask(&mut talk, text, done("DONE", 'I'));
    }
    let sent = talk.client(|c| {
        c.bind("", "x", &[]);
        c.sync();
    });
    assert_eq!(sent, ["P pgveil_refused pgveil refused this statement", "S"]);
}

#[test]
fn cursors_have_the_masks_of_their_query() {
    let mut talk = Talk::new();
    ask(&mut talk, "begin", done("BEGIN", 'T'));
    ask(&mut talk, "binary c rows s", done("DECLARE CURSOR", 'T'));
    let told = ask(&mut talk, "fetch c", |s| {
        s.columns_in(1, &[(9, 1)]);
        s.row(&[Some("ana")]);
        s.complete("FETCH 1");
        s.ready('T');
    });
    assert_eq!(told, ["T ?column?:9.1", "D %ana", "C FETCH 1", "Z T"]);
    assert_eq!(ask(&mut talk, "move c", done("MOVE 2", 'T')), ["C MOVE 2", "Z T"]);
    // An Execute of it gives text, and nobody has described it.
    assert_eq!(
        talk.client(|c| {
            c.execute("c");
            c.sync();
        }),
        ["D Pc", "E c", "S"]
    );
    let told = talk.server(|s| {
        s.columns(&[(9, 1)]);
        s.row(&[Some("ana")]);
        s.complete("SELECT 1");
        s.ready('T');
    });
    assert_eq!(told, ["D #ana", "C SELECT 1", "Z T"]);
    talk.client(|c| c.query("fetch c"));
    assert_eq!(talk.veto(|s| s.columns(&[(9, 1)])), "veto: the server took result formats that do not fit the plan");
}

#[test]
fn a_cursor_that_is_held_outlives_its_transaction_and_others_do_not() {
    let mut talk = Talk::new();
    ask(&mut talk, "begin", done("BEGIN", 'T'));
    ask(&mut talk, "hold h rows s", done("DECLARE CURSOR", 'T'));
    ask(&mut talk, "declare c rows -", done("DECLARE CURSOR", 'T'));
    ask(&mut talk, "commit", done("COMMIT", 'I'));
    assert_eq!(talk.client(|c| c.query("fetch c")), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 34000 cursor \"c\" does not exist"), "{told:?}");
    let told = ask(&mut talk, "fetch h", |s| {
        s.columns(&[(9, 1)]);
        s.row(&[Some("ana")]);
        s.complete("FETCH 1");
        s.ready('I');
    });
    assert_eq!(told[1], "D #ana");
}

#[test]
fn a_fetch_that_was_parsed_for_another_cursor_is_stale() {
    let mut talk = Talk::new();
    ask(&mut talk, "begin", done("BEGIN", 'T'));
    ask(&mut talk, "declare c rows -", done("DECLARE CURSOR", 'T'));
    talk.client(|c| {
        c.parse("f", "fetch c");
        c.sync();
    });
    talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.columns(&[(9, 2)]);
        s.ready('T');
    });
    ask(&mut talk, "close c", done("CLOSE CURSOR", 'T'));
    ask(&mut talk, "declare c rows s", done("DECLARE CURSOR", 'T'));
    assert_eq!(talk.client(|c| c.bind("", "f", &[])), ["P pgveil_refused pgveil refused this statement"]);
    let told = talk.server(|s| s.error("42601", "syntax error"));
    assert!(told[0].starts_with("E 0A000 cached plan must not change result type"), "{told:?}");
}

#[test]
fn an_error_when_a_held_cursor_is_filled_tells_no_row() {
    let mut talk = Talk::new();
    ask(&mut talk, "begin", done("BEGIN", 'T'));
    ask(&mut talk, "hold h rows protected", done("DECLARE CURSOR", 'T'));
    let told = ask(&mut talk, "commit", |s| {
        s.error("22P02", "invalid input syntax for type integer: \"ana\"");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 22000 an expression of the statement fails"), "{told:?}");
}

#[test]
fn an_error_at_the_end_of_the_text_that_has_made_a_held_cursor_tells_no_row() {
    let mut talk = Talk::new();
    // The last statement is not done before the cursor is filled.
    let fails = |s: &mut Server| {
        s.error("22P02", "invalid input syntax for type integer: \"ana\"");
        s.ready('I');
    };
    talk.client(|c| c.query("hold h rows protected;set x"));
    let told = talk.server(|s| {
        s.complete("DECLARE CURSOR");
        fails(s);
    });
    assert!(told[1].starts_with("E 22000 an expression of the statement fails"), "{told:?}");
    // In a block it is not filled yet, and when the block is over it is filled already: an error is the statement's own.
    ask(&mut talk, "begin", done("BEGIN", 'T'));
    ask(&mut talk, "hold h rows protected", done("DECLARE CURSOR", 'T'));
    let told = ask(&mut talk, "set x", |s| {
        s.error("22023", "invalid value for parameter \"x\"");
        s.ready('T');
    });
    assert_eq!(told, ["E 22023 invalid value for parameter \"x\"", "Z T"]);
    ask(&mut talk, "commit", done("COMMIT", 'I'));
    assert_eq!(ask(&mut talk, "set x", fails)[0], "E 22P02 invalid input syntax for type integer: \"ana\"");
}

#[test]
fn no_code_tells_which_row_fails_first() {
    for text in ["rows protected", "execute p"] {
        for (code, routine) in [("42703", "convert_column_name"), ("XX000", "tsvector_setweight"), ("55000", "pg_is_wal_replay_paused")] {
            let mut talk = Talk::new();
            ask(&mut talk, "prepare p rows protected", done("PREPARE", 'I'));
            let told = ask(&mut talk, text, |s| {
                let mut report = Report::ours("ERROR", code, "column \"c17\" does not exist");
                report.fields.push((b'R', routine.into()));
                report.put(&mut s.0, b'E');
                s.ready('I');
            });
            assert!(told[0].starts_with("E 22000 an expression of the statement fails"), "{text} {code}: {told:?}");
        }
    }
    // Others say what they have to say.
    let mut talk = Talk::new();
    let told = ask(&mut talk, "rows -", |s| {
        s.error("42703", "column \"c17\" does not exist");
        s.ready('I');
    });
    assert_eq!(told[0], "E 42703 column \"c17\" does not exist");
}

#[test]
fn notifications_pass_on_open_channels() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.server(|s| {
            s.notify("open");
            s.notify("closed");
        }),
        ["A"]
    );
}

#[test]
fn what_must_be_null_is_bound_as_null_only() {
    let mut talk = Talk::new();
    talk.client(|c| {
        c.parse("p", "rows nulled");
        c.sync();
    });
    talk.server(|s| {
        s.bare('1');
        s.parameters(1);
        s.columns(&[(9, 2); 6]);
        s.ready('I');
    });
    let bind = |value: Option<&[u8]>| {
        let mut body = b"\0p\0".to_vec();
        body.extend([0, 0, 0, 1]);
        body.extend(value.map_or(-1_i32, |v| i32::try_from(v.len()).unwrap()).to_be_bytes());
        body.extend(value.unwrap_or_default());
        body.extend([0, 0]);
        body
    };
    for (value, passes) in [(None, true), (Some(&b""[..]), false), (Some(&b"x"[..]), false)] {
        let sent = talk.client(|c| {
            c.raw(b'B', &bind(value));
            c.sync();
        });
        if passes {
            assert_eq!(sent, ["B  p", "S"], "{value:?}");
            talk.server(|s| {
                s.bare('2');
                s.ready('I');
            });
        } else {
            assert_eq!(sent, ["P pgveil_refused pgveil refused this statement", "S"], "{value:?}");
            let told = talk.server(|s| {
                s.error("42601", "syntax error");
                s.ready('I');
            });
            assert_eq!(told, ["E 42501 nothing but NULL hint=(refusals.md: write.protected)", "Z I"]);
        }
    }
    // By EXECUTE, too.
    ask(&mut talk, "prepare q rows nulled", done("PREPARE", 'I'));
    assert_eq!(talk.client(|c| c.query("execute q tana")), ["Q pgveil refused this statement"]);
}
