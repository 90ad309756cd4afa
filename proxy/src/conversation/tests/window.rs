//! Between ParseComplete and the witness's RowDescription: the server sends what fits into its buffer, and keeps the rest back.

use super::fake::{Server, Talk};

const NAMES: &[(u32, i16)] = &[(9, 2); 5];

/// A statement of which the server has said no more than ParseComplete.
fn parsed(mut talk: Talk, name: &str, text: &str) -> Talk {
    let sent = talk.client(|c| c.parse(name, text));
    assert_eq!((sent.len(), sent.last().unwrap().as_str()), (2, format!("D S{name}").as_str()));
    assert_eq!(talk.server(|s| s.bare('1')), ["1"]);
    talk
}

fn refused(code: &'static str) -> impl FnOnce(&mut Server) {
    move |s| {
        s.error(code, "syntax error");
        s.ready('I');
    }
}

#[test]
fn a_token_is_turned_back() {
    let mut talk = parsed(Talk::new(), "s", "rows token");
    let sent = talk.client(|c| {
        c.bind_value("", "s", "tana");
        c.execute("");
        c.sync();
    });
    assert_eq!(sent, ["B  s ana", "E ", "S"]);
    let told = talk.server(|s| {
        s.parameters(1);
        s.columns(NAMES);
        s.bare('2');
        s.complete("SELECT 0");
        s.ready('I');
    });
    assert_eq!(told, ["2", "C SELECT 0", "Z I"]);

    // A value is no token.
    let mut talk = parsed(Talk::new(), "s", "rows token");
    let sent = talk.client(|c| {
        c.bind_value("", "s", "ana");
        c.sync();
    });
    assert_eq!(sent, ["P pgveil_refused pgveil refused this statement", "S"]);
}

#[test]
fn in_a_later_stretch_it_waits_for_the_witness() {
    let mut talk = Talk::new();
    talk.client(|c| {
        c.parse("s", "rows token");
        c.sync();
    });
    talk.server(|s| s.bare('1'));
    assert!(talk.client(|c| c.bind_value("", "s", "tana")).is_empty());
    talk.server(|s| {
        s.parameters(1);
        s.columns(NAMES);
    });
    assert_eq!(talk.client(|_| {}), ["B  s ana"]);
}

#[test]
fn what_must_be_null_is_null() {
    let mut talk = parsed(Talk::new(), "s", "rows nulled");
    let sent = talk.client(|c| {
        c.bind_value("", "s", "x");
        c.sync();
    });
    assert_eq!(sent, ["P pgveil_refused pgveil refused this statement", "S"]);
    let told = talk.server(|s| {
        s.parameters(1);
        s.columns(&[(9, 2); 6]);
        refused("42601")(s);
    });
    assert_eq!(told, ["E 42501 nothing but NULL hint=(refusals.md: write.protected)", "Z I"]);
}

#[test]
fn what_leans_on_a_name_is_not_run_for_another() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("prepare p rows token"));
    talk.server(|s| {
        s.complete("PREPARE");
        s.ready('I');
    });
    let mut talk = parsed(talk, "x", "execute p tana");
    let sent = talk.client(|c| {
        c.close('S', "p");
        c.parse("p", "rows -----");
        c.bind("", "x", &[]);
        c.execute("");
        c.sync();
    });
    // What p means by then must be certain.
    assert_eq!(sent, ["C Sp", "P p sent:rows -----", "D Sp", "H"]);
    talk.server(|s| {
        s.parameters(0);
        s.columns(NAMES);
        s.bare('3');
        s.bare('1');
        s.parameters(0);
        s.columns(NAMES);
    });
    let sent = talk.client(|_| {});
    assert_eq!((sent[0].as_str(), sent.last().unwrap().as_str()), ("P pgveil_refused pgveil refused this statement", "S"));
    assert!(!sent.iter().any(|m| m.starts_with("B ") || m.starts_with("E ")), "{sent:?}");
    let told = talk.server(refused("42601"));
    assert!(told[0].starts_with("E 0A000 cached plan must not change result type"), "{told:?}");
}

#[test]
fn what_makes_a_name_is_waited_for() {
    let mut talk = parsed(Talk::new(), "", "prepare q rows s");
    let sent = talk.client(|c| {
        c.bind("", "", &[]);
        c.execute("");
        c.bind("", "q", &[]);
    });
    assert_eq!(sent, ["B  ", "E ", "H"]);
}

#[test]
fn rows_that_are_kept_come_in_binary() {
    let mut talk = parsed(Talk::new(), "s", "keep s-");
    talk.try_client(|c| c.bind("p", "s", &[0])).unwrap();
    let bodies = talk.sent_bodies(b'B');
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].ends_with(&[0, 1, 0, 1]), "{bodies:?}");
}

#[test]
fn what_sql_has_made_is_described_before_each_bind_and_waited_for_by_none() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("prepare p rows s"));
    talk.server(|s| {
        s.complete("PREPARE");
        s.ready('I');
    });
    let sent = talk.client(|c| {
        for _ in 0..2 {
            c.bind("", "p", &[]);
            c.execute("");
            c.sync();
        }
    });
    let once = ["D Sp", "B  p", "E ", "S"];
    assert_eq!(sent, [once, once].concat());
}

#[test]
fn what_runs_is_certain_where_it_matters() {
    // The name is taken: what it meant before is run.
    for (before, after, origins) in [("rows -", "copyin -", &[(9, 2)][..]), ("copyin -", "rows -", &[][..])] {
        let mut talk = Talk::with_statement("s", before, origins);
        let sent = talk.client(|c| {
            c.parse("s", after);
            c.sync();
            c.bind("", "s", &[]);
            c.execute("");
            c.sync();
        });
        assert_eq!(sent, [format!("P s sent:{after}").as_str(), "D Ss", "S", "B  s", "H"]);
        let told = talk.server(|s| {
            s.error("42P05", "prepared statement \"s\" already exists");
            s.ready('I');
            s.bare('2');
        });
        assert_eq!(told, ["E 42P05 prepared statement \"s\" already exists", "Z I", "2"]);
        let sent = talk.client(|_| {});
        if before == "rows -" {
            assert_eq!(sent, ["E ", "S"]);
            let told = talk.server(|s| {
                s.row(&[Some("x")]);
                s.complete("SELECT 1");
                s.ready('I');
            });
            assert_eq!(told, ["D x", "C SELECT 1", "Z I"]);
        } else {
            assert_eq!(sent, ["E ", "H"]);
            assert_eq!(talk.server(|s| s.copies('G', 0, 1)), ["G"]);
            assert_eq!(talk.client(|c| c.done()), ["S", "c", "H"]);
        }
    }
}

#[test]
fn a_statement_whose_witness_failed_is_not_bound_in_the_place_of_another() {
    let mut talk = Talk::new();
    talk.parses_in_vain("n", "rows token");
    let sent = talk.client(|c| {
        c.parse("n", "rows -");
        c.sync();
        c.bind_value("", "n", "ana");
        c.execute("");
        c.sync();
    });
    // The name is taken, by a statement that wants a token.
    assert_eq!(sent, ["P n sent:rows -", "D Sn", "S"]);
    talk.server(|s| {
        s.error("42P05", "prepared statement \"n\" already exists");
        s.ready('I');
    });
    let sent = talk.client(|_| {});
    assert_eq!((sent[0].as_str(), sent.last().unwrap().as_str()), ("P pgveil_refused pgveil refused this statement", "S"));
    assert!(!sent.iter().any(|m| m.starts_with("B ") || m.starts_with("E ")), "{sent:?}");
}

#[test]
fn the_unnamed_statement_outlives_deallocate_all() {
    for text in ["deallocate all", "close all"] {
        let mut talk = Talk::with_statement("", "rows -", &[(9, 2)]).and_statement("d", text, &[]);
        talk.client(|c| {
            c.bind("", "d", &[]);
            c.execute("");
            c.sync();
        });
        talk.server(|s| {
            s.bare('2');
            s.complete("DONE");
            s.ready('I');
        });
        assert_eq!(talk.client(|c| c.bind("", "", &[])), ["B  "], "{text}");
    }
    let mut talk = Talk::with_statement("n", "rows -", &[(9, 2)]);
    talk.client(|c| c.query("deallocate all"));
    talk.server(|s| {
        s.complete("DEALLOCATE ALL");
        s.ready('I');
    });
    assert_eq!(talk.client(|c| c.bind("", "n", &[])), ["P pgveil_refused pgveil refused this statement"]);
}
