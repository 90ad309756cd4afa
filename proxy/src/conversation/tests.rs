//! Transcripts: what each side sends, and what the other is told.

mod carry;
mod copy;
mod fake;
mod limits;
mod model;
mod named;
mod refused;
mod role;
mod steps;
mod visible;
mod window;

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
fn a_statement_whose_witness_failed_means_nothing() {
    let mut talk = Talk::with_statement("", "rows -", &[(9, 2)]);
    talk.parses_in_vain("", "rows s");
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
