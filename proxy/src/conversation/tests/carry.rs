//! Rows that are kept: each step, and an error at each.

use super::fake::{Server, Talk};

const ORIGINS: &[(u32, i16)] = &[(9, 1), (9, 2)];

// A statement of our own that has been sent, and its answer around `answer`.
const STEP: [&str; 6] =
    ["C Spgveil_keep", "P pgveil_keep TEXT", "B pgveil_keep pgveil_keep", "E pgveil_keep", "C Ppgveil_keep", "C Spgveil_keep"];

fn step(text: &str, data: bool) -> Vec<String> {
    let mut sent: Vec<String> = STEP.iter().map(|s| s.replace("TEXT", text)).collect();
    if data {
        sent.splice(4..4, ["d".to_owned(), "c".to_owned()]);
    }
    sent
}

fn stepped(s: &mut Server, answer: impl FnOnce(&mut Server)) {
    s.bare('3');
    s.bare('1');
    s.bare('2');
    answer(s);
    s.bare('3');
    s.bare('3');
}

fn opened(s: &mut Server) {
    s.bare('3');
    s.bare('3');
    s.bare('1');
    s.bare('2');
    s.columns(ORIGINS);
}

fn made(s: &mut Server) {
    stepped(s, |s| s.complete("CREATE TABLE AS"));
    s.bare('1');
    s.parameters(0);
    s.columns(&[(77, 1), (77, 2)]);
}

fn filled(s: &mut Server) {
    stepped(s, |s| {
        s.copy_in();
        s.complete("COPY 2");
    });
}

// Up to the first fetch.
fn begun(text: &str) -> Talk {
    let mut talk = Talk::new();
    let sent = talk.client(|c| c.query(text));
    let query = format!("P pgveil_carry sent:{text}");
    assert_eq!(sent, ["C Spgveil_carry", "C Ppgveil_carry", &query, "B pgveil_carry pgveil_carry", "D Ppgveil_carry", "H"]);
    assert_eq!(talk.server(opened), Vec::<String>::new());
    let mut wanted = step("create", false);
    wanted.extend(["P pgveil_keep shape", "D Spgveil_keep", "H"].map(str::to_owned));
    assert_eq!(took(&mut talk), wanted);
    assert_eq!(talk.server(made), Vec::<String>::new());
    assert_eq!(took(&mut talk), ["E pgveil_carry", "H"]);
    talk
}

fn rows(s: &mut Server) {
    s.row(&[Some("Ana"), Some("1")]);
    s.row(&[None, Some("2")]);
}

/// What was sent, without the data of a COPY.
fn took(talk: &mut Talk) -> Vec<String> {
    talk.take_sent().into_iter().map(|sent| if sent.starts_with("d ") { "d".to_owned() } else { sent }).collect()
}

fn with_h(mut sent: Vec<String>) -> Vec<String> {
    sent.push("H".into());
    sent
}

#[test]
fn a_query_is_kept_chunk_by_chunk() {
    let mut talk = begun("keep s-");
    assert!(talk.conversation.carrying() && !talk.conversation.listening());
    let told = talk.server(|s| {
        rows(s);
        s.bare('s');
    });
    assert!(told.is_empty());
    let data = talk.sent_data();
    assert_eq!(&data[..19], b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    assert_eq!(&data[19..34], b"\0\x02\0\0\0\x04%ana\0\0\0\x011");
    assert_eq!(&data[data.len() - 2..], [255, 255]);
    assert_eq!(took(&mut talk), with_h(step("copy", true)));
    assert!(talk.server(filled).is_empty());
    assert_eq!(took(&mut talk), ["E pgveil_carry", "H"]);
    talk.server(|s| {
        s.row(&[Some("Bob"), None]);
        s.complete("SELECT 1");
    });
    assert_eq!(took(&mut talk), with_h(step("copy", true)));
    talk.server(filled);
    assert_eq!(took(&mut talk), ["C Ppgveil_carry", "C Spgveil_carry", "H"]);
    talk.server(|s| {
        s.bare('3');
        s.bare('3');
    });
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["C SELECT 3", "Z I"]);
    assert!(talk.conversation.listening() && !talk.conversation.carrying());
}

#[test]
fn no_rows_are_kept_without_a_copy_and_a_stage_is_emptied_and_dropped() {
    let mut talk = begun("insert s-");
    talk.server(|s| s.complete("SELECT 0"));
    let mut wanted = vec!["C Ppgveil_carry".to_owned()];
    wanted.extend(step("finish", false));
    wanted.extend(step("drop", false));
    wanted.extend(["C Spgveil_carry".to_owned(), "H".to_owned()]);
    assert_eq!(took(&mut talk), wanted);
    let told = talk.server(|s| {
        s.bare('3');
        stepped(s, |s| s.complete("INSERT 0 0"));
        stepped(s, |s| s.complete("DROP TABLE"));
        s.bare('3');
    });
    assert!(told.is_empty());
    assert_eq!(talk.server(|s| s.ready('T')), ["C INSERT 0 0", "Z T"]);
}

#[test]
fn an_error_at_any_step_ends_it_with_one_sync() {
    type Before = fn(&mut Talk);
    let fetched: Before = |t| drop(t.server(|s| s.row(&[Some("Ana"), Some("1")])));
    let fill: Before = |t| {
        t.server(|s| {
            rows(s);
            s.bare('s');
        });
        t.take_sent();
        t.server(|s| {
            s.bare('3');
            s.bare('1');
            s.bare('2');
            s.copy_in();
        });
    };
    let commit: Before = |t| {
        t.server(|s| s.complete("SELECT 0"));
        t.server(|s| {
            s.bare('3');
            s.bare('3');
        });
        assert_eq!(t.take_sent().last().map(String::as_str), Some("S"));
    };
    for (before, syncs) in [(fetched, 1), (fill, 1), (commit, 0)] {
        let mut talk = begun("keep s-");
        before(&mut talk);
        let told = talk.server(|s| s.error("57014", "canceling statement due to user request"));
        assert_eq!(told, ["E 57014 canceling statement due to user request"]);
        assert_eq!(took(&mut talk).iter().filter(|m| *m == "S").count(), syncs);
        assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
        assert!(talk.conversation.listening());
        assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
    }
    let mut talk = Talk::new();
    talk.client(|c| c.query("keep s-"));
    assert_eq!(talk.server(|s| s.error("42P07", "relation \"x\" already exists")), ["E 42P07 relation \"x\" already exists"]);
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('E')), ["Z E"]);
}

#[test]
fn the_extended_protocol_keeps_at_execute() {
    let mut talk = Talk::new();
    let sent = talk.client(|c| {
        c.parse("s", "insert s-");
        c.describe('S', "s");
        c.bind("p", "s", &[0]);
        c.describe('P', "p");
        c.execute("p");
        c.sync();
    });
    // What the portal means must be certain before it is run: the server is asked for its answers, and the Sync waits.
    assert_eq!(sent, ["P s sent:insert s-", "D Ss", "D Ss", "B p s", "D Pp", "H"]);
    let told = talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.columns(ORIGINS);
        s.parameters(0);
        s.columns(ORIGINS);
        s.bare('2');
        s.columns(ORIGINS);
    });
    assert_eq!(told, ["1", "t 0", "n", "2", "n"]);
    assert_eq!(talk.client(|_| {}), ["D Pp", "H"]);
    assert!(!talk.conversation.listening());
    talk.server(|s| s.columns(ORIGINS));
    took(&mut talk);
    talk.server(made);
    assert_eq!(took(&mut talk), ["E p", "H"]);
    talk.server(|s| {
        rows(s);
        s.complete("SELECT 2");
    });
    took(&mut talk);
    talk.server(filled);
    took(&mut talk);
    let told = talk.server(|s| {
        s.bare('3');
        stepped(s, |s| s.complete("INSERT 0 2"));
        stepped(s, |s| s.complete("DROP TABLE"));
    });
    assert_eq!(told, ["C INSERT 0 2"]);
    // Only now.
    assert_eq!(talk.client(|_| {}), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn an_error_in_the_extended_protocol_skips_to_the_clients_sync() {
    let mut talk = Talk::with_statement("s", "keep s-", ORIGINS);
    let sent = talk.client(|c| {
        c.bind("", "s", &[]);
        c.execute("");
        c.query("rows -");
        c.sync();
        c.query("rows -");
    });
    assert_eq!(sent, ["B  s", "H"]);
    talk.server(|s| s.bare('2'));
    assert_eq!(talk.client(|_| {}), ["D P", "H"]);
    talk.server(|s| s.columns(ORIGINS));
    took(&mut talk);
    let told = talk.server(|s| s.error("42P07", "relation \"x\" already exists"));
    assert_eq!(told, ["E 42P07 relation \"x\" already exists"]);
    // The Query before the Sync is skipped, as the server skips it.
    assert_eq!(talk.client(|_| {}), ["S", "Q sent:rows -"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn a_table_of_other_types_is_not_filled() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("keep s-"));
    talk.server(opened);
    took(&mut talk);
    talk.server(|s| {
        stepped(s, |s| s.complete("CREATE TABLE AS"));
        s.bare('1');
        s.parameters(0);
        s.columns(&[(77, 1), (77, 5)]);
    });
    assert_eq!(took(&mut talk), ["P pgveil_keep pgveil refused this statement", "H"]);
    let told = talk.server(|s| s.error("42601", "syntax error at or near \"pgveil\""));
    assert!(told[0].starts_with("E 0A000 cached plan must not change result type"), "{told:?}");
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn a_stale_text_is_judged_and_sent_again() {
    let mut talk = begun("keep s-");
    let told = talk.server(|s| s.error("22P02", "invalid input syntax for type boolean: \"pgveil_stale\""));
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(took(&mut talk), ["S"]);
    assert!(talk.server(|s| s.ready('I')).is_empty());
    assert!(talk.conversation.wants_fresh());
    talk.conversation.refreshed();
    assert_eq!(talk.client(|_| {})[2], "P pgveil_carry sent:keep s-");
}

#[test]
fn it_stands_alone() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("begin;keep s-")), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 0A000 a statement that keeps pseudonyms must be the only one of its text"), "{told:?}");
}

#[test]
fn rows_that_grow_without_measure_are_not_held() {
    let mut talk = begun("keep s-");
    let wide = "x".repeat(super::super::carry::HELD / 8);
    for _ in 0..9 {
        talk.server_at_once(|s| s.row(&[None, Some(&wide)]));
    }
    talk.server(|s| s.bare('s'));
    assert_eq!(took(&mut talk), ["P pgveil_keep pgveil refused this statement", "H"]);
    let told = talk.server(|s| s.error("42601", "syntax error at or near \"pgveil\""));
    assert!(told[0].starts_with("E 54000 rows that are kept"), "{told:?}");
}

#[test]
fn raw_rows_never_reach_the_client() {
    let mut talk = begun("keep s-");
    assert!(talk.server(rows).is_empty());
    // Rows where none are owed.
    let mut talk = Talk::new();
    talk.client(|c| c.query("keep s-"));
    assert_eq!(talk.veto(rows), "veto: message 'D' of the server was not expected here");
    // An answer to another step.
    let mut talk = begun("keep s-");
    assert_eq!(talk.veto(|s| s.copy_in()), "veto: message 'G' of the server was not expected here");
    // Another number of columns.
    let mut talk = begun("keep s-");
    assert_eq!(talk.veto(|s| s.row(&[None])), "veto: a row of 1 columns where 2 were judged");
    // A column that is sealed and was not judged so.
    let mut talk = Talk::new();
    talk.client(|c| c.query("keep s-"));
    let veto = talk.veto(|s| {
        s.bare('3');
        s.bare('3');
        s.bare('1');
        s.bare('2');
        s.columns(&[(9, 1), (9, 1)]);
    });
    assert_eq!(veto, "veto: column 2 comes from relation 9, attribute 1, and was not judged so");
}
