//! Rows that are kept: each step, and an error at each.

use super::fake::{Server, Talk};

const ORIGINS: &[(u32, i16)] = &[(9, 1), (9, 2)];

/// Sent for a statement of our own, up to its Execute; and after it.
fn start(text: &str) -> Vec<String> {
    ["C Spgveil_keep", &format!("P pgveil_keep {text}"), "B pgveil_keep pgveil_keep", "E pgveil_keep"].map(str::to_owned).to_vec()
}

fn end() -> Vec<String> {
    ["C Ppgveil_keep", "C Spgveil_keep"].map(str::to_owned).to_vec()
}

fn run(text: &str) -> Vec<String> {
    [start(text), end()].concat()
}

fn one(message: &str) -> Vec<String> {
    vec![message.to_owned()]
}

fn fetch(portal: &str) -> Vec<String> {
    [one(&format!("E {portal}")), start("copy")].concat()
}

// From the table on.
fn making(portal: &str) -> Vec<String> {
    let shape = ["P pgveil_keep shape", "D Spgveil_keep"].map(str::to_owned).to_vec();
    [one(&format!("D P{portal}")), run("create"), shape, fetch(portal)].concat()
}

fn started(s: &mut Server) {
    s.bare('3');
    s.bare('1');
    s.bare('2');
}

fn ended(s: &mut Server, tag: &str) {
    s.complete(tag);
    s.bare('3');
    s.bare('3');
}

fn ran(s: &mut Server, tag: &str) {
    started(s);
    ended(s, tag);
}

fn opened(s: &mut Server) {
    s.bare('3');
    s.bare('3');
    s.bare('1');
    s.bare('2');
}

fn made(s: &mut Server) {
    s.columns(ORIGINS);
    ran(s, "CREATE TABLE AS");
    s.bare('1');
    s.parameters(0);
    s.columns(&[(77, 1), (77, 2)]);
}

fn asks(s: &mut Server) {
    started(s);
    s.copy_in();
}

fn rows(s: &mut Server) {
    s.row(&[Some("Ana"), Some("1")]);
    s.row(&[None, Some("2")]);
}

// What was sent, without the data of a COPY.
fn took(talk: &mut Talk) -> Vec<String> {
    let bare = |sent: String| if sent.starts_with("d ") || sent.starts_with("f ") { sent.chars().take(1).collect() } else { sent };
    talk.take_sent().into_iter().map(bare).collect()
}

// A simple Query, until rows are owed.
fn begun(text: &str) -> Talk {
    let mut talk = Talk::new();
    let sent = talk.client(|c| c.query(text));
    let query = format!("P pgveil_carry sent:{text}");
    let open = ["C Spgveil_carry", "C Ppgveil_carry", &query, "B pgveil_carry pgveil_carry"].map(str::to_owned).to_vec();
    assert_eq!(sent, [open, making("pgveil_carry")].concat());
    let told = talk.server(|s| {
        opened(s);
        made(s);
    });
    assert!(told.is_empty());
    assert!(took(&mut talk).is_empty());
    talk
}

#[test]
fn a_query_is_kept_chunk_by_chunk() {
    let mut talk = begun("keep s-");
    assert!(talk.conversation.carrying() && !talk.conversation.listening());
    talk.server(|s| {
        rows(s);
        s.bare('s');
        started(s);
    });
    // Nothing goes into the table before the server asks for it.
    assert!(took(&mut talk).is_empty());
    let told = talk.server(|s| s.copy_in());
    assert!(told.is_empty());
    let data = talk.sent_data();
    assert_eq!(&data[..19], b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    assert_eq!(&data[19..34], b"\0\x02\0\0\0\x04%ana\0\0\0\x011");
    assert_eq!(&data[data.len() - 2..], [255, 255]);
    let filling = [one("d"), one("c"), end()].concat();
    assert_eq!(took(&mut talk), [filling.clone(), fetch("pgveil_carry")].concat());
    talk.server(|s| {
        ended(s, "COPY 2");
        s.row(&[Some("Bob"), None]);
        s.complete("SELECT 1");
        asks(s);
    });
    assert_eq!(took(&mut talk), [filling, one("C Ppgveil_carry"), one("C Spgveil_carry"), one("S")].concat());
    let told = talk.server(|s| {
        ended(s, "COPY 1");
        s.bare('3');
        s.bare('3');
    });
    // A simple Query's tag comes when it is committed.
    assert!(told.is_empty());
    assert_eq!(talk.server(|s| s.ready('I')), ["C SELECT 3", "Z I"]);
    assert!(talk.conversation.listening() && !talk.conversation.carrying());
}

#[test]
fn a_stage_is_emptied_and_dropped() {
    let mut talk = begun("insert s-");
    talk.server(|s| {
        s.complete("SELECT 0");
        asks(s);
    });
    let wanted = [one("d"), one("c"), end(), one("C Ppgveil_carry"), run("finish"), run("drop"), one("C Spgveil_carry"), one("S")];
    assert_eq!(took(&mut talk), wanted.concat());
    let told = talk.server(|s| {
        ended(s, "COPY 0");
        s.bare('3');
        ran(s, "INSERT 0 0");
        ran(s, "DROP TABLE");
        s.bare('3');
        s.ready('T');
    });
    assert_eq!(told, ["C INSERT 0 0", "Z T"]);
}

#[test]
fn an_error_at_any_step_ends_it_with_one_sync() {
    type Before = fn(&mut Server);
    let befores: [(Before, usize); 4] = [
        (|_| {}, 1),
        (rows, 1),
        (
            |s| {
                rows(s);
                s.bare('s');
                asks(s);
            },
            1,
        ),
        // The Sync went with the last chunk.
        (
            |s| {
                s.complete("SELECT 0");
                asks(s);
                ended(s, "COPY 0");
            },
            1,
        ),
    ];
    for (before, syncs) in befores {
        let mut talk = begun("keep s-");
        talk.server(before);
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
fn a_cancel_that_the_server_lost_fails_the_next_chunk() {
    let words = "E 57014 canceling statement due to user request";
    let mut talk = begun("keep s-");
    talk.server(rows);
    talk.conversation.cancelled();
    talk.server(|s| {
        s.bare('s');
        asks(s);
    });
    assert_eq!(took(&mut talk), ["f", "H"]);
    assert_eq!(talk.server(|s| s.error("57014", "COPY from stdin failed: refused")), [words]);
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
    // It was not lost; and one that comes when all is kept changes nothing.
    let mut talk = begun("keep s-");
    talk.conversation.cancelled();
    assert_eq!(talk.server(|s| s.error("57014", "canceling statement due to user request")), [words]);
    let mut talk = begun("keep s-");
    talk.server(|s| {
        s.complete("SELECT 0");
        asks(s);
    });
    talk.conversation.cancelled();
    let told = talk.server(|s| {
        ended(s, "COPY 0");
        s.bare('3');
        s.bare('3');
        s.ready('I');
    });
    assert_eq!(told, ["C SELECT 0", "Z I"]);
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
    assert_eq!(talk.client(|_| {}), making("p"));
    assert!(!talk.conversation.listening());
    talk.server(|s| {
        made(s);
        rows(s);
        s.complete("SELECT 2");
        asks(s);
    });
    assert_eq!(took(&mut talk), [one("d"), one("c"), end(), one("C Pp"), run("finish"), run("drop"), one("H")].concat());
    let told = talk.server(|s| {
        ended(s, "COPY 2");
        s.bare('3');
        ran(s, "INSERT 0 2");
        ran(s, "DROP TABLE");
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
    assert_eq!(talk.client(|_| {}), making(""));
    let told = talk.server(|s| {
        s.columns(ORIGINS);
        s.error("42P07", "relation \"x\" already exists");
    });
    assert_eq!(told, ["E 42P07 relation \"x\" already exists"]);
    // The Query before the Sync is skipped, as the server skips it.
    assert_eq!(talk.client(|_| {}), ["S", "Q sent:rows -"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn a_table_of_other_types_is_not_filled() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("begin"));
    talk.server(|s| {
        s.complete("BEGIN");
        s.ready('T');
    });
    talk.client(|c| c.query("keep s-"));
    talk.server(|s| {
        opened(s);
        s.columns(ORIGINS);
        ran(s, "CREATE TABLE AS");
        s.bare('1');
        s.parameters(0);
        s.columns(&[(77, 1), (77, 5)]);
        rows(s);
        s.bare('s');
        asks(s);
    });
    assert_eq!(took(&mut talk), ["f", "H"]);
    let told = talk.server(|s| s.error("57014", "COPY from stdin failed: refused"));
    assert!(told[0].starts_with("E 0A000 cached plan must not change result type"), "{told:?}");
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('E')), ["Z E"]);
}

#[test]
fn a_copy_that_does_not_fail_is_not_heard_further() {
    let mut talk = begun("keep s-");
    let wide = "x".repeat(super::super::carry::HELD / 8);
    for _ in 0..9 {
        talk.server_at_once(|s| s.row(&[None, Some(&wide)]));
    }
    talk.server(|s| {
        s.bare('s');
        asks(s);
    });
    assert_eq!(took(&mut talk), ["f", "H"]);
    assert_eq!(talk.veto(|s| s.complete("COPY 9")), "veto: message 'C' of the server was not expected here");
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
    talk.server(|s| {
        s.bare('s');
        asks(s);
    });
    assert_eq!(took(&mut talk), ["f", "H"]);
    let told = talk.server(|s| s.error("57014", "COPY from stdin failed: refused"));
    assert!(told[0].starts_with("E 54000 rows that are kept"), "{told:?}");
    assert_eq!(took(&mut talk), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
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
        opened(s);
        s.columns(&[(9, 1), (9, 1)]);
    });
    assert_eq!(veto, "veto: column 2 comes from relation 9, attribute 1, and was not judged so");
}
