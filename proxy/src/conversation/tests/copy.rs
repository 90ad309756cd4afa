//! COPY, both ways.

use super::fake::Talk;

#[test]
fn data_to_the_client_is_masked_row_by_row() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("rows -;copyout s-;begin")), ["Q sent:rows -; sent:copyout s-; sent:begin"]);
    let told = talk.server(|s| {
        s.columns(&[(9, 2)]);
        s.complete("SELECT 0");
        s.copies('H', 0, 2);
        s.data("Ana\tx,y\n");
        s.data("\\N\t\\N\n");
        s.bare('c');
        s.complete("COPY 2");
        s.complete("BEGIN");
        s.ready('T');
    });
    assert_eq!(told[2..], ["H", r##"d "#ana,\"x,y\"\n""##, r#"d ",\n""#, "c", "C COPY 2", "C BEGIN", "Z T"].map(str::to_owned));
}

#[test]
fn data_without_seals_passes_as_it_comes() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyout --"));
    let told = talk.server(|s| {
        s.copies('H', 0, 2);
        s.data("anything");
        s.data("");
        s.bare('c');
        s.complete("COPY 1");
        s.ready('I');
    });
    assert_eq!(told, ["H", "d \"anything\"", "d \"\"", "c", "C COPY 1", "Z I"]);
}

#[test]
fn an_error_ends_it() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyout s"));
    let told = talk.server(|s| {
        s.copies('H', 0, 1);
        s.data("a\n");
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    assert_eq!(told, ["H", "d \"#a\\n\"", "E 57014 canceling statement due to user request", "Z I"]);
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
    assert_eq!(talk.veto(|s| s.data("a\n")), "veto: message 'd' of the server was not expected here");
}

#[test]
fn in_the_extended_protocol() {
    let mut talk = Talk::with_statement("s", "copyout s", &[]);
    talk.client(|c| {
        c.bind("", "s", &[]);
        c.describe('P', "");
        c.execute("");
        c.sync();
    });
    let told = talk.server(|s| {
        s.bare('2');
        s.bare('n');
        s.copies('H', 0, 1);
        s.data("a\n");
        s.bare('c');
        s.complete("COPY 1");
        s.ready('I');
    });
    assert_eq!(told, ["2", "n", "H", "d \"#a\\n\"", "c", "C COPY 1", "Z I"]);
}

#[test]
fn what_was_not_judged_is_a_veto() {
    for (what, text, act) in [
        ("too few columns", "copyout s-", &(|s: &mut super::fake::Server| s.copies('H', 0, 1)) as &dyn Fn(&mut super::fake::Server)),
        ("another format", "copyout s-", &|s| s.copies('H', 1, 2)),
        ("the other way", "copyout s-", &|s| s.copies('G', 0, 2)),
        ("the other way", "copyin --", &|s| s.copies('H', 0, 2)),
        ("no COPY", "rows -", &|s| s.copies('H', 0, 1)),
        ("both ways", "copyout s-", &|s| s.copies('W', 0, 2)),
        ("data at once", "copyout s-", &|s| s.data("a\tb\n")),
        ("two rows", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.data("a\tb\nc\td\n");
        }),
        ("half a row", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.data("a\t");
        }),
        ("no end", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.complete("COPY 0");
        }),
        ("data after the end", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.bare('c');
            s.data("a\tb\n");
        }),
        ("rows", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.row(&[Some("a"), None]);
        }),
        ("twice", "copyout s-", &|s| {
            s.copies('H', 0, 2);
            s.copies('H', 0, 2);
        }),
    ] {
        let mut talk = Talk::new();
        talk.client(|c| c.query(text));
        assert!(talk.veto(act).starts_with("veto: "), "{what}");
    }
}

#[test]
fn data_of_the_client_flows_once_it_is_asked_for() {
    let mut talk = Talk::new();
    // It does not wait.
    let sent = talk.client(|c| {
        c.query("copyin --");
        c.data("1,a\n");
        c.sync();
        c.flush();
        c.data("2,b\n");
        c.done();
        c.query("rows -");
    });
    assert_eq!(sent, ["Q sent:copyin --"]);
    assert_eq!(talk.server(|s| s.copies('G', 0, 2)), ["G"]);
    assert_eq!(talk.client(|_| ()), ["d \"1,a\\n\"", "S", "d \"2,b\\n\"", "c", "H"]);
    assert_eq!(talk.server(|s| s.complete("COPY 2")), ["C COPY 2"]);
    assert_eq!(talk.client(|_| ()), ["Q sent:rows -"]);
    let told = talk.server(|s| {
        s.ready('I');
        s.columns(&[(9, 2)]);
        s.complete("SELECT 0");
        s.ready('I');
    });
    assert_eq!(told, ["Z I", "T ?column?:9.2", "C SELECT 0", "Z I"]);
}

#[test]
fn a_copy_that_fails_before_or_in_the_middle() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyin -"));
    assert_eq!(talk.client(|c| c.data("x\n")), [""; 0]);
    talk.server(|s| {
        s.error("42P01", "relation does not exist");
        s.ready('I');
    });
    assert_eq!(talk.client(|c| c.done()), [""; 0], "the server would ignore them");

    talk.client(|c| c.query("copyin -"));
    talk.server(|s| s.copies('G', 0, 1));
    assert_eq!(talk.client(|c| c.data("x\n")), ["d \"x\\n\""]);
    let told = talk.server(|s| {
        s.error("23505", "Key (email)=(CANARY) already exists.");
        s.ready('I');
    });
    assert!(told[0].starts_with("E 23505 duplicate key value violates a unique constraint") && !told[0].contains("CANARY"), "{told:?}");
    assert_eq!(talk.client(|c| c.data("y\n")), [""; 0]);
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
}

#[test]
fn two_in_one_text() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyin -;rows -;copyin --"));
    talk.server(|s| s.copies('G', 0, 1));
    let sent = talk.client(|c| {
        c.data("1\n");
        c.done();
        c.data("2,3\n");
        c.raw(b'f', b"no more\0");
    });
    assert_eq!(sent, ["d \"1\\n\"", "c"]);
    talk.server(|s| {
        s.complete("COPY 1");
        s.columns(&[(9, 2)]);
        s.complete("SELECT 0");
        s.copies('G', 0, 2);
    });
    assert_eq!(talk.client(|_| ()), ["d \"2,3\\n\"", "f"]);
    let told = talk.server(|s| {
        s.error("57014", "COPY from stdin failed: no more");
        s.ready('I');
    });
    assert_eq!(told, ["E 57014 COPY from stdin failed: no more", "Z I"]);
}

#[test]
fn filling_in_the_extended_protocol() {
    let mut talk = Talk::with_statement("s", "copyin -", &[]);
    // As libpq does: Sync goes before the data, and again after it.
    let sent = talk.client(|c| {
        c.bind("", "s", &[]);
        c.execute("");
        c.sync();
    });
    // Were it another statement, the server would keep its answers back: it is asked for them. While it reads data it ignores that.
    assert_eq!(sent, ["B  s", "E ", "H"]);
    talk.server(|s| {
        s.bare('2');
        s.copies('G', 0, 1);
    });
    let sent = talk.client(|c| {
        c.data("1\n");
        c.done();
        c.sync();
    });
    assert_eq!(sent, ["S", "d \"1\\n\"", "c", "H"], "the last Sync waits: whether the first was ignored is not known yet");
    assert_eq!(talk.server(|s| s.complete("COPY 1")), ["C COPY 1"]);
    assert_eq!(talk.client(|_| ()), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);

    // An error skips to Sync.
    talk.client(|c| {
        c.bind("", "s", &[]);
        c.execute("");
    });
    let told = talk.server(|s| {
        s.bare('2');
        s.copies('G', 0, 1);
        s.error("22P02", "invalid input syntax for type integer: \"CANARY\"");
    });
    assert!(told[2].starts_with("E 22P02 a value has not the syntax of its type"), "{told:?}");
    let sent = talk.client(|c| {
        c.data("2\n");
        c.done();
        c.sync();
    });
    assert_eq!(sent, ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn data_flows_though_the_end_of_its_text_is_waited_for() {
    let mut talk = Talk::new();
    for (text, tag) in [("begin", "BEGIN"), ("set path", "SET")] {
        talk.client(|c| c.query(text));
        talk.server(|s| {
            s.complete(tag);
            s.ready('T');
        });
    }
    talk.take_sent();
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog","shop"]"#, 'T')), ["Z T"]);
    // Its end may be that of the transaction in which search_path has moved.
    let sent = talk.client(|c| {
        c.query("copyin --");
        c.data("1,a\n");
        c.done();
        c.query("rows -");
    });
    assert_eq!(sent, ["Q sent:copyin --"]);
    assert_eq!(talk.server(|s| s.copies('G', 0, 2)), ["G"]);
    assert_eq!(talk.client(|_| ()), ["d \"1,a\\n\"", "c"]);
    let told = talk.server(|s| {
        s.complete("COPY 1");
        s.ready('T');
    });
    assert_eq!(told, ["C COPY 1", "Z T"]);
    assert_eq!(talk.client(|_| ()), ["Q sent:rows -"]);
}

#[test]
fn nothing_else_is_taken_while_the_server_reads_data() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyin -"));
    talk.server(|s| s.copies('G', 0, 1));
    // Whether it does is asked: it may have failed.
    assert_eq!(talk.client(|c| c.query("rows -")), ["S", "Q "]);
    assert_eq!(
        talk.veto(|s| s.error("08P01", "unexpected message type 0x51 during COPY from stdin")),
        "terminating connection because protocol synchronization was lost"
    );
    assert_eq!(talk.take_told(), ["E 08P01 unexpected message type 0x51 during COPY from stdin"]);
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyin -"));
    talk.server(|s| s.copies('G', 0, 1));
    assert_eq!(talk.client(|c| c.query("rows -")), ["S", "Q "]);
    let told = talk.server(|s| {
        s.error("22P02", "x");
        s.ready('I');
        s.ready('I');
        s.bare('I');
        s.ready('I');
    });
    assert_eq!(told.last().map(String::as_str), Some("Z I"));
    assert_eq!((told.len(), talk.client(|_| ())), (2, vec!["Q sent:rows -".to_owned()]));
    // While the server sends data, the client's is dropped.
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyout -"));
    talk.server(|s| s.copies('H', 0, 1));
    assert_eq!(talk.client(|c| c.data("x")), [""; 0]);
}

#[test]
fn a_sync_among_data_of_a_copy_that_has_failed_is_answered() {
    // The server says how many it has answered: none, the second, or both.
    for (answered, told_then) in [(0, vec![]), (1, vec!["Z I"]), (2, vec!["Z I", "Z I"])] {
        let mut talk = Talk::with_statement("s", "copyin -", &[]);
        talk.client(|c| {
            c.bind("", "s", &[]);
            c.execute("");
        });
        talk.server(|s| {
            s.bare('2');
            s.copies('G', 0, 1);
        });
        let sent = talk.client(|c| {
            c.sync();
            c.data("1\n");
            c.sync();
            c.data("2\n");
        });
        assert_eq!(sent, ["S", "d \"1\\n\"", "S", "d \"2\\n\""]);
        assert_eq!(talk.server(|s| s.error("22P02", "x")).len(), 1);
        assert_eq!(talk.take_sent(), ["S", "Q "]);
        assert_eq!(talk.client(|c| c.query("rows -")), [""; 0], "not before it is known");
        let told = talk.server(|s| {
            (0..=answered).for_each(|_| s.ready('I'));
            s.bare('I');
            s.ready('I');
        });
        assert_eq!(told, told_then);
        let goes_on: &[&str] = if answered > 0 { &["Q sent:rows -"] } else { &[] };
        assert_eq!(talk.client(|_| ()), goes_on, "skipped where no Sync has ended it");
    }
}

#[test]
fn a_sync_among_data_of_a_simple_copy_that_has_failed_is_answered() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("copyin -"));
    talk.server(|s| s.copies('G', 0, 1));
    talk.client(|c| {
        c.data("1\n");
        c.sync();
    });
    assert_eq!(talk.server(|s| s.error("22P02", "x")).len(), 1);
    assert_eq!(talk.take_sent(), ["S", "Q "]);
    let told = talk.server(|s| {
        s.ready('I');
        s.ready('I');
        s.ready('I');
        // A request to cancel, say.
        s.error("57014", "canceling statement due to user request");
        s.ready('I');
    });
    assert_eq!(told, ["Z I", "Z I"]);
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
}
