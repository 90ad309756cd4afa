//! Several statements in one text, of which later ones hang on earlier ones.

use super::fake::{Server, Talk};

fn step(text: &str) -> Vec<String> {
    let name = "pgveil_step";
    let close = |what| format!("C {what}{name}");
    let run = [format!("P {name} sent:{text}"), format!("B {name} {name}"), format!("D P{name}"), format!("E {name}")];
    [vec![close('S')], run.to_vec(), vec![close('P'), close('S')]].concat()
}

#[test]
fn statements_that_hang_on_each_other_are_sent_one_by_one_and_told_as_one_query() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.client(|c| {
            c.query("rows s;create t;rows own t;rows -");
            c.query("rows -");
        }),
        [vec!["C S".to_owned(), "C P".to_owned()], step("rows s"), step("create t"), vec!["H".to_owned()]].concat()
    );
    let told = talk.server(|s| {
        s.bare('3');
        s.bare('3');
        s.step(|s| {
            s.columns(&[(9, 1)]);
            s.row(&[Some("ana")]);
            s.complete("SELECT 1");
        });
        s.step(|s| {
            s.bare('n');
            s.complete("CREATE TABLE");
        });
    });
    assert_eq!(told, ["T ?column?:9.1", "D #ana", "C SELECT 1", "C CREATE TABLE"]);
    let sent = talk.client(|_| {});
    assert_eq!((sent.len(), sent.last().unwrap().as_str()), (13, "H"));
    assert!(talk.server(|s| s.answers(&[&[r#"["pg_catalog"]"#], &["t"]])).is_empty());
    assert_eq!(talk.client(|_| {}), [step("rows own t"), step("rows -"), vec!["S".to_owned()]].concat());
    let told = talk.server(|s| {
        for _ in 0..2 {
            s.step(|s| {
                s.columns(&[(0, 0)]);
                s.complete("SELECT 0");
            });
        }
        s.ready('I');
    });
    // The transaction is over: what the session sees is asked once more.
    assert_eq!(told, ["T ?column?:0.0", "C SELECT 0", "T ?column?:0.0", "C SELECT 0"]);
    talk.take_sent();
    assert_eq!(
        talk.server(|s| {
            s.answers(&[&[r#"["pg_catalog"]"#], &["t"]]);
            s.ready('I');
        }),
        ["Z I"]
    );
    assert_eq!(talk.client(|_| {}), ["Q sent:rows -"]);
}

#[test]
fn an_error_when_a_held_cursor_is_filled_by_one_of_them_tells_no_row() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("begin;set path;hold h rows protected;commit"));
    let done = |tag: &'static str| {
        move |s: &mut Server| {
            s.bare('n');
            s.complete(tag);
        }
    };
    talk.server(|s| {
        s.bare('3');
        s.bare('3');
        s.step(done("BEGIN"));
        s.step(done("SET"));
    });
    assert_eq!(talk.client(|_| {}).last().unwrap(), "H");
    talk.server(|s| s.answers(&[&[r#"["pg_catalog","shop"]"#]]));
    assert_eq!(talk.client(|_| {}), [step("hold h rows protected"), step("commit"), vec!["S".to_owned()]].concat());
    let told = talk.server(|s| {
        s.step(done("DECLARE CURSOR"));
        "312n".chars().for_each(|tag| s.bare(tag));
        s.error("22P02", "invalid input syntax for type integer: \"x17\"");
    });
    assert_eq!(told.len(), 2);
    assert!(told[1].starts_with("E 22000 an expression of the statement fails"), "{told:?}");
}

#[test]
fn an_error_or_a_refusal_ends_the_steps_of_a_text() {
    let mut talk = Talk::new();
    talk.client(|c| c.query("create t;rows -"));
    let told = talk.server(|s| {
        s.bare('1');
        s.bare('2');
        s.bare('n');
        s.error("42P07", "relation \"t\" already exists");
    });
    assert_eq!(told.len(), 1);
    assert_eq!(talk.take_sent(), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);

    talk.client(|c| c.query("create t;deny this"));
    talk.server(|s| {
        s.step(|s| {
            s.bare('n');
            s.complete("CREATE TABLE");
        });
    });
    talk.client(|_| {});
    talk.server(|s| s.answers(&[&[r#"["pg_catalog"]"#], &["t"]]));
    assert_eq!(talk.client(|_| {}), ["P pgveil_refused pgveil refused this statement", "S"]);
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert_eq!(told, ["E 42501 denied hint=other"]);
    talk.take_sent();
    let told = talk.server(|s| {
        s.answers(&[&[r#"["pg_catalog"]"#], &[]]);
        s.ready('I');
    });
    assert_eq!(told, ["Z I"]);
}
