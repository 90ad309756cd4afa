//! The most rows and bytes that a statement gives.

use pgveil_policy::policy::{Limit, Limits};

use super::fake::{Server, Talk, server};

fn limits(rows: Option<u64>, bytes: Option<u64>) -> Limits {
    let limit = |most: Option<u64>, line| most.map(|most| Limit { most, line });
    Limits { seconds: None, rows: limit(rows, 7), bytes: limit(bytes, 8) }
}

/// With a prepared statement `s` and two rows at most.
fn two_rows(text: &str, origins: &[(u32, i16)]) -> Talk {
    Talk::within(limits(Some(2), None)).and_statement("s", text, origins)
}

const OVER: &str = "E 54000 role reader: a statement may give 2 rows at most detail=Rule: policy line 7 (role reader, limits). \
                    hint=Write LIMIT, or an aggregate; else ask whoever writes the policy. (refusals.md: limit.rows)";

fn run(talk: &mut Talk) {
    let sent = talk.client(|c| {
        c.bind("", "s", &[]);
        c.execute("");
        c.sync();
    });
    // The Sync waits.
    assert_eq!(sent, ["B  s", "E ", "H"]);
}

fn rows(s: &mut Server, all: &[&str]) {
    all.iter().for_each(|one| s.row(&[Some(one)]));
}

#[test]
fn as_many_rows_as_it_may_give_are_given() {
    let mut talk = two_rows("rows s", &[(9, 1)]);
    run(&mut talk);
    let told = talk.server(|s| {
        s.bare('2');
        rows(s, &["a", "b"]);
        s.complete("SELECT 2");
    });
    assert_eq!(told, ["2", "D #a", "D #b", "C SELECT 2"]);
    assert!(!talk.conversation.wants_brake());
    assert_eq!(talk.client(|_| {}), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
}

#[test]
fn one_that_ends_too_soon_to_be_cancelled_is_made_to_fail() {
    for pattern in ["rows -", "rows s"] {
        let mut talk = two_rows(pattern, &[(9, if pattern == "rows s" { 1 } else { 2 })]);
        run(&mut talk);
        let told = talk.server(|s| {
            s.bare('2');
            rows(s, &["a", "b", "c", "d"]);
            s.complete("SELECT 4");
        });
        assert_eq!((told.len(), told[0].as_str()), (3, "2"), "{told:?}");
        assert!(!talk.conversation.wants_brake());
        // Nothing of the client's is taken before that has failed.
        assert_eq!(talk.client(|_| {}), ["P pgveil_refused pgveil refused this statement"]);
        // A request of the client's own to cancel may meet it.
        assert_eq!(talk.server(|s| s.error("57014", "canceling statement due to user request")), [OVER]);
        assert_eq!(talk.client(|_| {}), ["S"]);
        assert_eq!(talk.server(|s| s.ready('E')), ["Z E"]);
    }
}

#[test]
fn one_that_goes_on_is_cancelled_and_its_end_waits_for_the_request() {
    let mut talk = two_rows("rows s", &[(9, 1)]);
    run(&mut talk);
    let told = talk.server(|s| {
        s.bare('2');
        rows(s, &["a", "b", "c"]);
    });
    assert_eq!(told, ["2", "D #a", "D #b"]);
    assert!(talk.conversation.wants_brake() && !talk.conversation.wants_brake() && talk.conversation.runs());
    assert!(talk.server(|s| rows(s, &["d", "e"])).is_empty());
    let end = server(|s| s.error("57014", "canceling statement due to user request"));
    let mut out = super::super::Out::default();
    assert_eq!(talk.conversation.from_server(&end, &mut out).unwrap(), 0);
    assert!(talk.client(|_| {}).is_empty());
    talk.conversation.braked();
    assert_eq!(talk.server(|s| s.error("57014", "canceling statement due to user request")), [OVER]);
    assert_eq!(talk.client(|_| {}), ["S"]);
    assert_eq!(talk.server(|s| s.ready('I')), ["Z I"]);
    // The next one has its own count.
    run(&mut talk);
    let told = talk.server(|s| {
        s.bare('2');
        rows(s, &["a"]);
        s.error("22012", "division by zero");
    });
    assert_eq!(told, ["2", "D #a", "E 22012 division by zero"]);
}

#[test]
fn a_query_is_sent_in_steps_and_its_sync_waits() {
    let mut talk = Talk::within(limits(Some(2), None));
    let sent = talk.client(|c| c.query("set x;rows s;set y"));
    assert_eq!(sent.iter().filter(|m| m.starts_with("P ")).count(), 2, "{sent:?}");
    assert_eq!(sent.last().unwrap(), "H");
    let told = talk.server(|s| {
        s.bare('3');
        s.bare('3');
        s.step(|s| {
            s.bare('n');
            s.complete("SET");
        });
        s.step(|s| {
            s.columns(&[(9, 1)]);
            rows(s, &["a", "b", "c"]);
            s.complete("SELECT 3");
        });
    });
    assert_eq!(told, ["C SET", "T ?column?:9.1", "D #a", "D #b"]);
    // What stands behind it is never sent.
    assert_eq!(talk.client(|_| {}), ["P pgveil_refused pgveil refused this statement", "S"]);
    let told = talk.server(|s| {
        s.error("42601", "syntax error");
        s.ready('I');
    });
    assert_eq!(told, [OVER, "Z I"]);
    // What gives no rows goes as ever.
    assert_eq!(talk.client(|c| c.query("set x")), ["Q sent:set x"]);
}

#[test]
fn what_has_ended_is_not_cancelled_though_its_last_answers_are_still_to_come() {
    let mut talk = Talk::within(limits(Some(2), None));
    talk.client(|c| c.query("rows s"));
    let told = talk.server(|s| {
        "33312".chars().for_each(|tag| s.bare(tag));
        s.columns(&[(9, 1)]);
        rows(s, &["a", "b", "c"]);
        s.complete("SELECT 3");
    });
    assert_eq!(told, ["T ?column?:9.1", "D #a", "D #b"]);
    assert!(!talk.conversation.wants_brake());
    assert_eq!(talk.take_sent(), [""; 0]);
    assert_eq!(talk.server(|s| "33".chars().for_each(|tag| s.bare(tag))), [""; 0]);
    assert_eq!(talk.take_sent(), ["P pgveil_refused pgveil refused this statement", "S"]);
}

#[test]
fn a_cursor_counts_what_all_who_read_it_are_given() {
    let mut talk = Talk::within(limits(Some(2), None));
    talk.client(|c| c.query("begin;declare c rows s"));
    talk.server(|s| {
        s.complete("BEGIN");
        s.complete("DECLARE CURSOR");
        s.ready('T');
    });
    for (text, all, told_rows) in [("move c", 0, 0), ("fetch c", 1, 1), ("fetch c", 1, 1), ("fetch c", 1, 0)] {
        talk.client(|c| c.query(text));
        let told = talk.server(|s| {
            s.bare('3');
            s.bare('3');
            s.step(|s| {
                if text == "move c" {
                    s.bare('n')
                } else {
                    s.columns(&[(9, 1)])
                };
                rows(s, &vec!["a"; all]);
                s.complete("FETCH");
            });
        });
        assert_eq!(told.iter().filter(|m| m.starts_with("D ")).count(), told_rows, "{text}: {told:?}");
        let over = all > told_rows;
        assert_eq!(talk.client(|_| {}).len(), 1 + usize::from(over), "{text}");
        let told = talk.server(|s| {
            if over {
                s.error("42601", "syntax error");
            }
            s.ready(if over { 'E' } else { 'T' });
        });
        assert_eq!(told.len(), 1 + usize::from(over), "{text}: {told:?}");
    }
    // A portal of the protocol that is read in pieces.
    let mut talk = two_rows("rows s", &[(9, 1)]);
    talk.client(|c| c.bind("p", "s", &[]));
    talk.server(|s| s.bare('2'));
    for row in ["a", "b"] {
        assert_eq!(talk.client(|c| c.execute("p")), ["E p", "H"]);
        let told = talk.server(|s| {
            rows(s, &[row]);
            s.bare('s');
        });
        assert_eq!(told, [format!("D #{row}"), "s".to_owned()]);
    }
    talk.client(|c| c.execute("p"));
    assert!(
        talk.server(|s| {
            rows(s, &["c"]);
            s.bare('s');
        })
        .is_empty()
    );
    assert_eq!(talk.take_sent(), ["P pgveil_refused pgveil refused this statement"]);
}

#[test]
fn the_lines_of_a_copy_count_and_neither_header_nor_trailer() {
    for sealed in ["s", "-"] {
        let mut talk = Talk::within(limits(Some(2), None));
        talk.client(|c| c.query(&format!("copyout {sealed}")));
        let told = talk.server(|s| {
            s.bare('3');
            s.bare('3');
            "312".chars().for_each(|tag| s.bare(tag));
            s.bare('n');
            s.copies('H', 0, 1);
            ["a\n", "b\n", "c\n", "d\n"].iter().for_each(|line| s.data(line));
            s.bare('c');
            s.complete("COPY 4");
            s.bare('3');
            s.bare('3');
        });
        assert_eq!(told.iter().filter(|m| m.starts_with("d ")).count(), 2, "{told:?}");
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(talk.take_sent().last().unwrap(), "S");
    }
}

#[test]
fn bytes_are_those_that_the_client_is_sent() {
    // A message of one column: 5 of head, 2 of count, 4 of length. A pseudonym here is one longer than its value.
    for (pattern, attribute, longer) in [("rows -", 2, 0), ("rows s", 1, 1)] {
        for (value, fits) in [(8, true), (9, false)] {
            let most = 2 * (11 + 8 + longer);
            let mut talk = Talk::within(limits(None, Some(most))).and_statement("s", pattern, &[(9, attribute)]);
            run(&mut talk);
            let told = talk.server(|s| {
                s.bare('2');
                rows(s, &["12345678", &"x".repeat(value)]);
                s.complete("SELECT 2");
            });
            assert_eq!(told.len(), if fits { 4 } else { 2 }, "{pattern} {value}: {told:?}");
            if !fits {
                talk.take_sent();
                let told = talk.server(|s| s.error("42601", "x"));
                assert!(
                    told[0].starts_with(&format!("E 54000 role reader: a statement may give {most} bytes of rows at most")),
                    "{told:?}"
                );
            }
        }
    }
    // A large row, of which a part has come when it is found too large, is not begun.
    for (pattern, attribute) in [("rows -", 2), ("rows s", 1), ("rows s-", 1)] {
        let columns = pattern.len() - "rows ".len();
        let origins: Vec<_> = (0..columns).map(|n| (9, if n == 0 { attribute } else { 2 })).collect();
        let mut talk = Talk::within(limits(None, Some(1 << 20))).and_statement("s", pattern, &origins);
        run(&mut talk);
        talk.server(|s| s.bare('2'));
        let value = "x".repeat(2 << 20);
        let values: Vec<_> = (0..columns).map(|n| Some(if n + 1 == columns { value.as_str() } else { "a" })).collect();
        talk.server_at_once(|s| {
            s.row(&values);
            s.row(&values);
        });
        assert!(talk.take_told().is_empty() && talk.conversation.at_boundary(), "{pattern}");
        assert!(talk.conversation.wants_brake(), "{pattern}");
    }
}
