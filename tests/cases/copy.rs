//! COPY: byte for byte what the server would send, had the columns held what they are shown as; and rows of the client's.

use std::sync::OnceLock;

use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::client::{Answer, Call, Client, Login, Message, bind};
use pgveil_tests::rng::Rng;
use pgveil_tests::version::Feature;
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

/// Values that end a cell, a row, the data, or are NULL, in one form or another; among them what pseudonyms begin with.
const HOSTILE: &[&str] = &[
    "",
    "\\N",
    "\\.",
    "\\",
    "\\\\",
    "\t",
    "a\tb",
    "\n",
    "a\nb",
    "\r\n",
    "\r",
    ",",
    ";",
    "|",
    "\"",
    "\"\"",
    "a\"b",
    "'",
    "\\\"",
    "null",
    "NULL",
    " ",
    "x ",
    "\u{1}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{7f}",
    "ä€😀",
    "{a,b}",
    "{\"a\"}",
    "u,\"\\|;'_",
    "iloulou\t\\N",
    "lou,\"iol",
    "a|b;c",
    "\\t",
    "\\n",
];

/// A prefix of everything that has a meaning in some form.
const POLICY: &str = r#"
version = 1
unclassified = "clear"
[class.email]
columns = ["s.t.email", "s.keep.email"]
[class.device]
columns = ["s.t.device"]
[class.name]
columns = ["s.t.name"]
[role.reader]
read_only = true
writable_schemas = ["own"]
[role.reader.mask]
email = { hash = { length = 16, prefix = '''u,"\|;'_''' } }
device = "hash"
name = { redact = 'n,"\|' }
[role.reader.rows]
"s.keep" = "shown"
"#;

struct Copies {
    proxy: Proxy,
    database: String,
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

impl Copies {
    fn get() -> &'static Copies {
        static COPIES: OnceLock<Copies> = OnceLock::new();
        COPIES.get_or_init(|| {
            let world = World::get();
            let rows: Vec<String> = HOSTILE
                .iter()
                .enumerate()
                .map(|(n, text)| {
                    let text = literal(text);
                    let other = literal(HOSTILE[(n * 7 + 3) % HOSTILE.len()]);
                    format!("({n}, {text}, {other}, ARRAY[{text}, NULL, {other}], md5({text})::uuid, 'lou')")
                })
                .collect();
            let database = world.database(&format!(
                "CREATE SCHEMA s; CREATE SCHEMA own; \
                 CREATE TABLE s.t (id int PRIMARY KEY, email text, \"o,t\"\"h\" text, mails text[], device uuid, name text, \
                   g text GENERATED ALWAYS AS ('x'::text) STORED); \
                 INSERT INTO s.t VALUES {}, (1000, NULL, NULL, NULL, NULL, NULL); \
                 CREATE TABLE s.keep (id int PRIMARY KEY, email text, label text NOT NULL, shown boolean DEFAULT true, UNIQUE (label)); \
                 INSERT INTO s.keep VALUES (1, 'illouil', 'a', true), (2, 'oulliuo', 'iloulou', false); \
                 CREATE TABLE own.t (a int PRIMARY KEY, b text, CHECK (a < 100)); CREATE VIEW own.v AS SELECT * FROM own.t; \
                 GRANT ALL ON SCHEMA own TO pgveil; GRANT ALL ON ALL TABLES IN SCHEMA own, s TO pgveil",
                rows.join(", ")
            ));
            let proxy = world.proxy(POLICY, &[("reader", "reader"), ("writer", "reader")]);
            let copies = Copies { proxy, database };
            copies.mask();
            copies
        })
    }

    /// `s.masked`: what the reader sees of `s.t`.
    fn mask(&self) {
        let rows = self.through().query("SELECT id, email, \"o,t\"\"h\", mails, device, name FROM s.t ORDER BY id").rows();
        let value = |cell: &Option<String>| cell.as_deref().map_or("NULL".to_owned(), literal);
        let rows: Vec<String> = rows.iter().map(|row| format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))).collect();
        let sql = "CREATE TABLE s.masked (id int PRIMARY KEY, email text, \"o,t\"\"h\" text, mails text[], device uuid, name text)";
        let mut plain = self.plain();
        plain.query(sql).ok();
        plain.query(&format!("INSERT INTO s.masked VALUES {}", rows.join(", "))).ok();
    }

    fn login(&self, user: &str, password: &str, port: u16, canary: bool) -> Client {
        let login = Login { canary, ..Login::local(port, &self.database, user, password) };
        Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
    }

    fn through(&self) -> Client {
        self.login("reader", &self.proxy.password("reader"), self.proxy.addr().port(), false)
    }

    fn plain(&self) -> Client {
        let cluster = World::get().cluster();
        self.login(SUPERUSER, cluster.password(), cluster.port(), false)
    }
}

/// The messages, an error's but for where it was found and what is said beside it.
fn seen(answer: &Answer) -> String {
    match answer.error() {
        Some(error) => format!("{} {}", error[&'C'], error[&'M']),
        None => answer.messages.iter().map(|m| format!("{m:?}\n")).collect(),
    }
}

#[test]
fn every_option_gives_the_bytes_that_the_server_would_send() {
    let copies = Copies::get();
    let (mut through, mut plain) = (copies.through(), copies.plain());
    let pseudonym = plain.query("SELECT email FROM s.masked WHERE id = 3").value().unwrap();
    let columns = "id, email, \"o,t\"\"h\", ARRAY[email, NULL, email] AS mails, device, name";
    let mut rng = Rng::new(15);
    let (mut alike, mut failed) = (0, 0);
    for round in 0..260 {
        let mut options = Vec::new();
        let mut option = |name: &str, values: &[&str], rng: &mut Rng| {
            if rng.chance(60) {
                options.push(format!("{name} {}", rng.pick(values)));
            }
        };
        let format = *rng.pick(&["text", "csv", "csv", "binary"]);
        if format == "binary" {
            option("NULL", &["''"; 1], &mut Rng::new(if round % 9 == 0 { 1 } else { 2 }));
        } else {
            option(
                "DELIMITER",
                &["','", "';'", "'|'", "'_'", "E'\\t'", "E'\\x01'", "'N'", "'a'", "'\"'", "'ab'", "'ä'", "'\\'", "E'\\n'"],
                &mut rng,
            );
            let null = literal(&pseudonym);
            option("NULL", &["''", "'\\N'", "'null'", "'x '", &null, "'a|b'", "E'a\\nb'", "'\"'"], &mut rng);
            option("HEADER", &["", "true", "false", "'on'", "1", "match", "'x'"], &mut rng);
        }
        if format == "csv" {
            option("QUOTE", &["'\"'", "''''", "'u'", "'|'", "E'\\n'", "'\\'", "'ab'"], &mut rng);
            option("ESCAPE", &["'\"'", "'\\'", "'u'", "','", "E'\\t'"], &mut rng);
            option("FORCE_QUOTE", &["*", "(email)", "(id, email, mails)", "(\"o,t\"\"h\")", "(nothing)", "(id, id)"], &mut rng);
        }
        options.push(format!("FORMAT {format}"));
        rng.shuffle(&mut options);
        // A single column has a rule of its own.
        let columns = if rng.chance(25) { "email" } else { columns };
        let options = options.join(", ");
        // Only CSV has a header there, and none that matches.
        if options.contains("HEADER")
            && !World::get().has(Feature::HeaderInText)
            && (format != "csv" || options.contains("HEADER match") || options.contains("HEADER 'x'"))
        {
            continue;
        }
        let masked = through.query(&format!("COPY (SELECT {columns} FROM s.t ORDER BY id) TO STDOUT ({options})"));
        let truth = plain.query(&format!("COPY (SELECT {columns} FROM s.masked ORDER BY id) TO STDOUT ({options})"));
        // Later versions say the same with other codes, from 17 on one of them with a word more.
        let known = |answer: &Answer| match answer.error() {
            Some(_) if World::get().has(Feature::WordsOfCopy) => answer.message().replace("COPY delimiter character", "COPY delimiter"),
            _ => seen(answer),
        };
        assert_eq!(known(&masked), known(&truth), "{columns}: {options}");
        if truth.error().is_none() { alike += 1 } else { failed += 1 }
    }
    assert!(alike > 60 && failed > 20, "{alike} {failed}");
}

#[test]
fn a_table_and_its_columns() {
    let copies = Copies::get();
    let (mut through, mut plain) = (copies.through(), copies.plain());
    for (masked, truth) in [
        ("COPY s.t TO STDOUT", "COPY (SELECT * FROM s.masked ORDER BY id) TO STDOUT"),
        ("COPY s.t TO STDOUT BINARY", "COPY (SELECT * FROM s.masked ORDER BY id) TO STDOUT BINARY"),
        ("COPY s.t (name, id, email) TO STDOUT CSV HEADER", "COPY (SELECT name, id, email FROM s.masked ORDER BY id) TO STDOUT CSV HEADER"),
        (
            "COPY s.t (id, \"o,t\"\"h\") TO STDOUT (DELIMITER '|')",
            "COPY (SELECT id, \"o,t\"\"h\" FROM s.masked ORDER BY id) TO STDOUT (DELIMITER '|')",
        ),
        ("COPY s.keep (id, label) TO STDOUT", "COPY (VALUES (1, 'a')) TO STDOUT"),
        ("COPY (SELECT 1 WHERE false) TO STDOUT BINARY", "COPY (SELECT 1 WHERE false) TO STDOUT BINARY"),
        ("COPY (SELECT email FROM s.t WHERE false) TO STDOUT BINARY", "COPY (SELECT email FROM s.masked WHERE false) TO STDOUT BINARY"),
        (
            "SELECT 1; COPY (SELECT email FROM s.t WHERE id < 3 ORDER BY id) TO STDOUT; SELECT 2",
            "SELECT 1; COPY (SELECT email FROM s.masked WHERE id < 3 ORDER BY id) TO STDOUT; SELECT 2",
        ),
        ("COPY own.v TO STDOUT", "COPY own.v TO STDOUT"),
        ("COPY s.t (g) TO STDOUT", "COPY s.t (g) TO STDOUT"),
        ("COPY s.t (nope) TO STDOUT", "COPY s.t (nope) TO STDOUT"),
        ("COPY s.t (id, id) TO STDOUT", "COPY s.t (id, id) TO STDOUT"),
    ] {
        let (masked, truth) = (through.query(masked), plain.query(truth));
        assert_eq!(seen(&masked), seen(&truth), "{masked:?}");
    }
}

#[test]
fn in_the_extended_protocol() {
    let copies = Copies::get();
    let (mut through, mut plain) = (copies.through(), copies.plain());
    let call =
        |table: &str| Call { sql: format!("COPY (SELECT id, email FROM s.{table} ORDER BY id) TO STDOUT (FORMAT csv)"), ..Call::default() };
    assert_eq!(seen(&through.call(&call("t"))), seen(&plain.call(&call("masked"))));
    let data = |client: &mut Client, first: bool, sql: &str, rows: &[u8]| {
        client.pipeline(|out| {
            frontend::parse("", sql, [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::describe(b'P', "", out).unwrap();
            frontend::execute("", 0, out).unwrap();
            // As libpq does, before it knows that this is a COPY.
            if first {
                frontend::sync(out);
            }
            frontend::CopyData::new(rows).unwrap().write(out);
            frontend::copy_done(out);
            frontend::sync(out);
        });
        client.answer()
    };
    for first in [true, false] {
        let mut through = copies.through();
        through.query("BEGIN").ok();
        let copied = data(&mut through, first, "COPY own.t FROM STDIN", b"1\tx\n2\t\\N\n");
        assert!(copied.messages.contains(&Message::CommandComplete("COPY 2".to_owned())), "{copied:?}");
        assert_eq!(through.query("SELECT a, b FROM own.t WHERE a < 50 ORDER BY a").table(), "1|x\n2|∅");
        let failed = data(&mut through, first, "COPY own.t FROM STDIN", b"3\tx\n1\ty\n");
        assert_eq!((failed.sqlstate(), failed.message()), ("23505", "duplicate key value violates a unique constraint"));
        assert_eq!(failed.error().unwrap().get(&'W').map(String::as_str), Some("COPY, line 2"));
        through.query("ROLLBACK").ok();
    }
}

fn fill(client: &mut Client, sql: &str, data: &[&[u8]]) -> Answer {
    client.pipeline(|out| {
        frontend::query(sql, out).unwrap();
        for piece in data {
            frontend::CopyData::new(*piece).unwrap().write(out);
        }
        frontend::copy_done(out);
    });
    client.answer()
}

#[test]
fn rows_of_the_client() {
    let mut through = Copies::get().through();
    through.query("BEGIN").ok();
    let matched = if World::get().has(Feature::HeaderInText) { "match" } else { "true" };
    let matched = format!("COPY own.t (a) FROM STDIN (FORMAT csv, HEADER {matched})");
    for (sql, data) in [
        ("COPY own.t FROM STDIN", &[&b"1\ta"[..], b"b\n2\t", b"\\N\n\\.\n"][..]),
        ("COPY own.t (b, a) FROM STDIN CSV HEADER", &[b"whatever,x\n\"q\"\"\n,\",3\n"]),
        (&matched, &[b"a\n4\n"]),
        ("COPY own.t (a, b) FROM STDIN (FORMAT csv, FORCE_NULL (b), NULL 'n')", &[b"5,\"n\"\n"]),
        ("COPY own.t FROM STDIN BINARY", &[b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", b"\0\x02\0\0\0\x04\0\0\0\x06\0\0\0\x01z", b"\xff\xff"]),
    ] {
        let answer = fill(&mut through, sql, data);
        assert!(answer.error().is_none(), "{sql}: {answer:?}");
    }
    // Others commit rows from 50 on meanwhile.
    assert_eq!(through.query("SELECT a, b FROM own.t WHERE a < 50 ORDER BY a").table(), "1|ab\n2|∅\n3|q\"\n,\n4|∅\n5|∅\n6|z");
    let large = "x".repeat(1 << 20);
    assert!(fill(&mut through, "COPY own.t FROM STDIN", &[format!("7\t{large}\n").as_bytes()]).error().is_none());
    assert_eq!(through.query("SELECT length(b) FROM own.t WHERE a = 7").table(), "1048576");
    through.query("ROLLBACK").ok();
}

#[test]
fn what_may_not_be_written_and_what_errors_tell() {
    let copies = Copies::get();
    let mut through = copies.through();
    for (sql, data, code, message) in [
        ("COPY s.keep (label) FROM STDIN", "x\n", "42501", "role reader may only read: COPY into s.keep is refused"),
        ("COPY own.v FROM STDIN", "1\tx\n", "42809", "cannot copy to view \"v\""),
        ("COPY own.t (a, nope) FROM STDIN", "1\n", "42703", "column \"nope\" of relation \"t\" does not exist"),
        ("COPY own.t FROM STDIN", "iloulou\tx\n", "22P02", "a value has not the syntax of its type"),
        ("COPY own.t FROM STDIN", "1\n", "22P04", "missing data for column \"b\""),
        ("COPY own.t FROM STDIN", "1\tx\ty\n", "22P04", "extra data after last expected column"),
        ("COPY own.t FROM STDIN", "200\tiloulou\n", "23514", "a check constraint is violated, or no partition takes the row"),
        ("COPY own.t FROM STDIN", "\\N\tiloulou\n", "23502", "null value violates a not-null constraint"),
        ("COPY own.t FROM STDIN WHERE a > 1", "1\tx\n", "0A000", "WHERE of a COPY FROM cannot be used through pgveil by a role with masks"),
    ] {
        let answer = fill(&mut through, sql, &[data.as_bytes()]);
        let error = answer.error().unwrap_or_else(|| panic!("{sql}: {answer:?}"));
        assert_eq!((error[&'C'].as_str(), error[&'M'].as_str()), (code, message), "{sql}");
        assert!(!error.values().any(|text| text.contains("iloulou")), "{error:?}");
        // The session goes on.
        assert_eq!(through.query("SELECT 1").table(), "1");
    }
    through.pipeline(|out| {
        frontend::query("COPY own.t FROM STDIN", out).unwrap();
        frontend::CopyData::new(&b"1\tx\n"[..]).unwrap().write(out);
        frontend::copy_fail("changed my mind", out).unwrap();
    });
    let failed = through.answer();
    assert_eq!((failed.sqlstate(), failed.message()), ("57014", "COPY from stdin failed: changed my mind"));
    assert_eq!(through.query("SELECT count(*) FROM own.t WHERE a < 50").table(), "0");
}

#[test]
fn psql_copies_both_ways() {
    let copies = Copies::get();
    let psql = |script: &str| copies.proxy.psql("writer", &copies.database, script);
    let out = psql("\\copy (SELECT id, label FROM s.keep) TO STDOUT CSV HEADER");
    assert_eq!((out.out.as_str(), out.err.as_str()), ("id,label\n1,a\n", ""));
    let folder = World::get().cluster().folder().join("copied.csv");
    std::fs::write(&folder, "50,fifty\n51,\n").unwrap();
    let out = psql(&format!("\\copy own.t FROM '{}' CSV", folder.display()));
    assert_eq!(out.err, "");
    assert_eq!(psql("SELECT a, b FROM own.t WHERE a >= 50 ORDER BY a").out, "50|fifty\n51|\n");
    copies.plain().query("DELETE FROM own.t WHERE a >= 50").ok();
}

#[test]
fn locks() {
    let copies = Copies::get();
    let (mut reader, mut plain) = (copies.through(), copies.plain());
    plain.query("BEGIN").ok();
    plain.query("LOCK TABLE s.t IN ACCESS EXCLUSIVE MODE").ok();
    reader.query("BEGIN").ok();
    assert_eq!(reader.query("LOCK TABLE ONLY s.t IN ACCESS SHARE MODE NOWAIT").sqlstate(), "55P03");
    plain.query("ROLLBACK").ok();
    reader.query("ROLLBACK").ok();
    reader.query("BEGIN").ok();
    reader.query("LOCK TABLE s.t, s.keep IN ACCESS SHARE MODE").ok();
    assert_eq!(reader.query("LOCK s.t").sqlstate(), "42501");
    reader.query("ROLLBACK").ok();
    reader.query("BEGIN").ok();
    reader.query("LOCK own.t IN EXCLUSIVE MODE").ok();
    reader.query("ROLLBACK").ok();
}
