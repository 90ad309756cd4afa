//! What a session sees: its search_path, and what it has made itself.

use super::fake::{Server, Talk};

#[test]
fn search_path_is_asked_again_before_the_client_is_told_that_it_is_ready() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.client(|c| {
            c.query("set path");
            c.query("rows -");
        }),
        ["Q sent:set path"]
    );
    assert_eq!(
        talk.server(|s| {
            s.complete("SET");
            s.ready('I');
        }),
        ["C SET"]
    );
    assert_eq!(
        talk.take_sent(),
        [
            "C Spgveil_path",
            "P pgveil_path SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(true))",
            "B pgveil_path pgveil_path",
            "E pgveil_path",
            "C Ppgveil_path",
            "C Spgveil_path",
            "S"
        ]
    );
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog","shop"]"#, 'I')), ["Z I"]);
    // What waited is judged under the new path.
    assert_eq!(talk.client(|_| {}), ["Q sent:rows -"]);
    assert_eq!(talk.paths(), [vec!["pg_catalog", "public"], vec!["pg_catalog", "shop"]]);
}

#[test]
fn a_text_in_the_pipeline_of_one_that_moves_search_path_waits_for_it() {
    let mut talk = Talk::with_statement("set", "set path", &[]);
    let sent = talk.client(|c| {
        c.bind("", "set", &[]);
        c.execute("");
        c.parse("", "rows -");
        c.sync();
        c.parse("", "rows -");
    });
    // No Sync: it would end the implicit transaction.
    assert_eq!(sent, ["B  set", "E ", "H"]);
    let told = talk.server(|s| {
        s.bare('2');
        s.complete("SET");
    });
    assert_eq!(told, ["2", "C SET"]);
    let sent = talk.client(|_| {});
    assert_eq!((sent.first().unwrap().as_str(), sent.last().unwrap().as_str()), ("C Spgveil_path", "H"));
    assert!(talk.server(|s| s.answers(&[&[r#"["pg_catalog","shop"]"#]])).is_empty());
    // The Sync ends the transaction in which it has moved: what comes after it waits.
    assert_eq!(talk.client(|_| {}), ["P  sent:rows -", "D S", "S"]);
    assert_eq!(talk.paths().last().unwrap(), &vec!["pg_catalog", "shop"]);
    let described = |s: &mut Server| {
        s.bare('1');
        s.parameters(0);
        s.columns(&[(9, 2)]);
    };
    assert_eq!(talk.server(described), ["1"]);
    assert!(talk.server(|s| s.ready('I')).is_empty());
    assert_eq!(talk.take_sent().last().unwrap(), "S");
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog","public"]"#, 'I')), ["Z I"]);
    assert_eq!(talk.client(|_| {}), ["P  sent:rows -", "D S"]);
    assert_eq!(talk.server(described), ["1"]);
    assert_eq!(talk.paths().last().unwrap(), &vec!["pg_catalog", "public"]);
}

#[test]
fn a_query_that_ends_the_transaction_in_which_search_path_has_moved_is_waited_for() {
    let mut talk = Talk::with_statement("set", "set path", &[]);
    talk.client(|c| {
        c.bind("", "set", &[]);
        c.execute("");
        c.query("rows -");
        c.query("rows -");
    });
    talk.server(|s| {
        s.bare('2');
        s.complete("SET");
    });
    assert_eq!(talk.client(|_| {}).last().unwrap(), "H");
    talk.server(|s| s.answers(&[&[r#"["pg_catalog","shop"]"#]]));
    assert_eq!(talk.client(|_| {}), ["Q sent:rows -"]);
    let told = talk.server(|s| {
        s.columns(&[(9, 2)]);
        s.complete("SELECT 0");
        s.ready('I');
    });
    assert_eq!(told, ["T ?column?:9.2", "C SELECT 0"]);
    talk.take_sent();
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog","public"]"#, 'I')), ["Z I"]);
    assert_eq!(talk.client(|_| {}), ["Q sent:rows -"]);
}

#[test]
fn what_runs_is_certain_where_it_may_move_search_path() {
    // The name is taken: what it meant before is run, and moves it.
    let mut talk = Talk::with_statement("s", "set path", &[]);
    let sent = talk.client(|c| {
        c.parse("s", "rows -");
        c.sync();
        c.bind("", "s", &[]);
        c.execute("");
        c.parse("", "rows -");
        c.sync();
    });
    assert_eq!(sent, ["P s sent:rows -", "D Ss", "S", "B  s", "H"]);
    talk.server(|s| {
        s.error("42P05", "prepared statement \"s\" already exists");
        s.ready('I');
        s.bare('2');
    });
    assert_eq!(talk.client(|_| {}), ["E ", "H"]);
    assert_eq!(talk.server(|s| s.complete("SET")), ["C SET"]);
    assert_eq!(talk.client(|_| {}).first().unwrap(), "C Spgveil_path");
}

#[test]
fn a_question_that_fails_in_a_pipeline_is_an_error_of_the_pipeline() {
    let mut talk = Talk::with_statement("set", "set path", &[]);
    talk.client(|c| {
        c.bind("", "set", &[]);
        c.execute("");
        c.parse("", "rows -");
        c.sync();
    });
    talk.server(|s| {
        s.bare('2');
        s.complete("SET");
    });
    assert_eq!(talk.client(|_| {}).last().unwrap(), "H");
    let told = talk.server(|s| s.error("57014", "canceling statement due to statement timeout"));
    assert_eq!(told, ["E 57014 canceling statement due to statement timeout"]);
    // The server skips to it, and so do we.
    assert_eq!(talk.client(|_| {}), ["S"]);
    talk.server(|s| s.ready('I'));
    let sent = talk.take_sent();
    assert_eq!((sent.len(), sent.last().unwrap().as_str()), (7, "S"));
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog"]"#, 'I')), ["Z I"]);
}

#[test]
fn what_the_session_has_made_is_asked_before_the_client_is_told_that_it_is_ready() {
    let mut talk = Talk::new();
    assert_eq!(talk.client(|c| c.query("create t")), ["Q sent:create t"]);
    assert_eq!(
        talk.server(|s| {
            s.complete("CREATE TABLE");
            s.ready('T');
        }),
        ["C CREATE TABLE"]
    );
    let sent = talk.take_sent();
    assert_eq!((sent.len(), sent[7].as_str(), sent.last().unwrap().as_str()), (13, "P pgveil_path SELECT own", "S"));
    assert!(
        talk.server(|s| {
            s.answers(&[&[r#"["pg_catalog"]"#], &["t", "more"]]);
            s.ready('T');
        })
        .is_empty()
    );
    assert_eq!(talk.take_sent()[1], "P pgveil_path SELECT more");
    let told = talk.server(|s| {
        s.answers(&[&["t"]]);
        s.ready('T');
    });
    assert_eq!(told, ["Z T"]);
    assert_eq!(talk.client(|c| c.query("rows own t")), ["Q sent:rows own t"]);
    talk.server(|s| {
        s.columns(&[(0, 0)]);
        s.complete("SELECT 0");
        s.ready('T');
    });
    // Its transaction is rolled back: what it sees is asked again.
    talk.client(|c| c.query("rollback"));
    talk.server(|s| {
        s.complete("ROLLBACK");
        s.ready('I');
    });
    assert_eq!(talk.take_sent().len(), 13);
    assert_eq!(
        talk.server(|s| {
            s.answers(&[&[r#"["pg_catalog"]"#], &[]]);
            s.ready('I');
        }),
        ["Z I"]
    );
    talk.client(|c| c.query("rows own t"));
    assert!(talk.conversation.wants_fresh());
}

#[test]
fn where_it_is_not_known_what_the_session_sees_no_name_is_read() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("create t"));
    talk.server(|s| {
        s.complete("CREATE TABLE");
        s.ready('I');
    });
    let told = talk.server(|s| {
        s.bare('3');
        s.error("57014", "canceling statement due to statement timeout");
        s.ready('I');
    });
    assert_eq!(told, ["Z I"]);
    talk.take_sent();
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q pgveil refused this statement"]);
}

#[test]
fn a_rollback_moves_search_path_back() {
    let mut talk = Talk::new();
    for (text, tag, status) in [("begin", "BEGIN", 'T'), ("set path", "SET", 'T'), ("rollback", "ROLLBACK", 'I')] {
        talk.client(|c| c.query(text));
        let told = talk.server(|s| {
            s.complete(tag);
            s.ready(status);
        });
        if text == "begin" {
            assert_eq!(told, ["C BEGIN", "Z T"]);
        } else {
            assert_eq!(told, [format!("C {tag}")]);
            talk.take_sent();
            talk.server(|s| s.path(r#"["pg_catalog","public"]"#, status));
        }
    }
    talk.client(|c| c.query("begin"));
    assert_eq!(
        talk.server(|s| {
            s.complete("BEGIN");
            s.ready('T');
        }),
        ["C BEGIN", "Z T"]
    );
}

#[test]
fn in_a_failed_transaction_search_path_is_unknown_until_it_ends() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("begin"));
    talk.server(|s| {
        s.complete("BEGIN");
        s.ready('T');
    });
    talk.client(|c| {
        c.parse("", "set path");
        c.bind("", "", &[]);
        c.execute("");
        c.execute("");
        c.sync();
    });
    let told = talk.server(|s| {
        s.bare('1');
        s.parameters(0);
        s.bare('n');
        s.bare('2');
        s.complete("SET");
        s.error("55000", "portal \"\" cannot be run");
        s.ready('E');
    });
    assert_eq!(told.last().unwrap(), "Z E");
    assert!(talk.take_sent().is_empty());
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q pgveil refused this statement"]);
    let told = talk.server(|s| {
        s.error("42601", "x");
        s.ready('E');
    });
    assert!(told[0].starts_with("E 25P02 "), "{told:?}");
    assert_eq!(talk.client(|c| c.query("rollback")), ["Q sent:rollback"]);
    assert_eq!(
        talk.server(|s| {
            s.complete("ROLLBACK");
            s.ready('I');
        }),
        ["C ROLLBACK"]
    );
    talk.take_sent();
    assert_eq!(talk.server(|s| s.path(r#"["pg_catalog","public"]"#, 'I')), ["Z I"]);
    assert_eq!(talk.client(|c| c.query("rows -")), ["Q sent:rows -"]);
}
