//! What is asked of the columns, and in which forms.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, Field, Message};
use postgres_protocol::message::frontend;

use super::*;

/// What is selected; `{…}`: that text for each column, `$` in it the column.
const SHAPES: [(&str, &str); 13] = [
    ("column", "SELECT id, {$} FROM {t} ORDER BY id"),
    ("alias", "SELECT {$ AS \"Ä $\"} FROM {t} AS s (id) ORDER BY s.id DESC"),
    ("subquery", "SELECT {$} FROM (SELECT id, {$} FROM {t} OFFSET 0) AS s ORDER BY id"),
    ("CASE", "SELECT id, {CASE WHEN id % 2 = 0 THEN $ END} FROM {t} ORDER BY id"),
    ("array_agg", "SELECT {array_agg($ ORDER BY id)} FROM {t}"),
    ("array", "SELECT {ARRAY[$, NULL, $]} FROM {t} ORDER BY id"),
    ("array of arrays", "SELECT {ARRAY[ARRAY[$], ARRAY[$]]} FROM {t} ORDER BY id"),
    ("slice", "SELECT {(array_agg($ ORDER BY id))[2:3]} FROM {t}"),
    ("unnest", "SELECT {(SELECT array_agg(u) FROM unnest(ARRAY[$, $]) AS u)} FROM {t} ORDER BY id"),
    ("row", "SELECT {ROW(id, $)} FROM {t} ORDER BY id"),
    ("row of a subquery", "SELECT {s}[] FROM (SELECT id, {$} FROM {t}) AS s ORDER BY s.id"),
    ("json", "SELECT {to_jsonb($)} FROM {t} ORDER BY id"),
    ("window", "SELECT {lag($) OVER (ORDER BY id)} FROM {t} ORDER BY id"),
];

/// The text for some columns of a table.
fn render(shape: &str, table: &str, columns: &[&str]) -> String {
    // One output whatever the columns.
    let mut shape = shape.replace("{t}", table).replace("{s}[]", "s");
    while let Some((start, rest)) = shape.split_once('{') {
        let (each, end) = rest.split_once('}').unwrap();
        let all: Vec<String> = columns.iter().map(|column| each.replace('$', column)).collect();
        shape = format!("{start}{}{end}", all.join(", "));
    }
    shape
}

/// The forms of a request.
const FORMS: [&str; 8] = ["text", "binary", "copy", "copy binary", "simple", "prepared", "binary cursor", "copy csv"];
/// Of the more involved shapes, the first of these.
const LEAST: usize = 4;

fn ask(client: &mut Client, form: &str, sql: &str) -> Answer {
    let call = |format| Call { sql: sql.to_owned(), results: vec![format], ..Call::default() };
    let several = |client: &mut Client, before: &str, sql: &str, after: &str| {
        let begun = client.query(before);
        let answer = if begun.error().is_none() { client.query(sql) } else { begun };
        client.query(after);
        answer
    };
    match form {
        "simple" => client.query(sql),
        "text" => client.call(&call(0)),
        "binary" => client.call(&call(1)),
        "prepared" => several(client, &format!("PREPARE p AS {sql}"), "EXECUTE p", "DEALLOCATE ALL"),
        "binary cursor" => {
            client.query("BEGIN").ok();
            several(client, &format!("DECLARE c BINARY CURSOR FOR {sql}"), "FETCH ALL FROM c", "ROLLBACK")
        }
        "copy" => client.query(&format!("COPY ({sql}) TO STDOUT")),
        "copy csv" => client.query(&format!("COPY ({sql}) TO STDOUT (FORMAT csv, HEADER, NULL 'no')")),
        "copy binary" => client.query(&format!("COPY ({sql}) TO STDOUT (FORMAT binary)")),
        other => panic!("{other}"),
    }
}

/// All that a client is told, but for where columns come from; COPY's data as one.
fn told(answer: &Answer) -> Vec<Message> {
    let mut out: Vec<Message> = Vec::new();
    for message in &answer.messages {
        match message {
            Message::RowDescription(fields) => {
                out.push(Message::RowDescription(fields.iter().map(|f| Field { table: 0, attribute: 0, ..f.clone() }).collect()));
            }
            Message::ParameterStatus(..) => {}
            Message::CopyData(data) => match out.last_mut() {
                Some(Message::CopyData(before)) => before.extend_from_slice(data),
                _ => out.push(message.clone()),
            },
            other => out.push(other.clone()),
        }
    }
    out
}

fn refusal(answer: &Answer) -> Option<String> {
    let hint = answer.error()?.get(&'H').cloned().unwrap_or_default();
    let id = hint.rsplit_once("(refusals.md: ").map(|(_, id)| id.trim_end_matches(')').to_owned());
    Some(id.unwrap_or_else(|| answer.message().to_owned()))
}

#[derive(Default)]
struct Figures {
    same: usize,
    refused: BTreeMap<(&'static str, &'static str, String), BTreeSet<&'static str>>,
    wrong: Vec<String>,
}

impl Figures {
    fn add(&mut self, other: Figures) {
        self.same += other.same;
        self.wrong.extend(other.wrong);
        for (place, types) in other.refused {
            self.refused.entry(place).or_default().extend(types);
        }
    }
}

struct Three {
    reader: Client,
    raw: Client,
    copy: Client,
}

impl Three {
    fn compare(&mut self, kind: &Kind, shape: (&'static str, &'static str), masks: &[&'static str], figures: &mut Figures) {
        let columns: Vec<String> = masks.iter().map(|m| if *m == "clear" { "plain".to_owned() } else { format!("m_{m}") }).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let sql = render(shape.1, kind.table, &columns);
        let all = matches!(shape.0, "column" | "alias" | "array_agg" | "row");
        let raw = self.raw.call(&Call { sql: sql.clone(), ..Call::default() });
        for form in FORMS.into_iter().take(if all { FORMS.len() } else { LEAST }) {
            let seen = ask(&mut self.reader, form, &sql);
            if let Some(id) = refusal(&seen).filter(|_| matches!(seen.sqlstate(), "42501" | "0A000")) {
                assert!(seen.broken.is_none(), "{sql}");
                if raw.error().is_none() {
                    let mask = if masks.len() == 1 { masks[0] } else { "veils" };
                    figures.refused.entry((shape.0, mask, id)).or_default().insert(kind.table);
                    continue;
                }
            }
            let meant = ask(&mut self.copy, form, &sql);
            let (seen_told, meant_told) = (told(&seen), told(&meant));
            // Both say no, each in its words; of an expression that fails for a row, pgveil does not say how.
            if let (Some(_), Some(_)) = (seen.error(), meant.error()) {
                let class = |answer: &Answer| answer.sqlstate()[..2].to_owned();
                assert!(class(&seen) == class(&meant), "{form}, {sql}: {:?} {:?}", seen.error(), meant.error());
                continue;
            }
            if seen_told != meant_told {
                let at = seen_told.iter().zip(&meant_told).position(|(a, b)| a != b).unwrap_or(0);
                figures.wrong.push(format!(
                    "{form}, {}: {sql}\n  seen  {:?}\n  meant {:?}",
                    kind.sql,
                    seen_told.get(at).map(short),
                    meant_told.get(at).map(short)
                ));
                continue;
            }
            let origin = |answer: &Answer| answer.columns().iter().map(|f| (f.table, f.attribute)).collect::<Vec<_>>();
            if raw.error().is_none() && !seen.columns().is_empty() && origin(&seen) != origin(&raw) {
                let (seen, meant) = (origin(&seen), origin(&raw));
                figures.wrong.push(format!("{form}, {}: {sql}\n  origin seen {seen:?}\n  meant {meant:?}", kind.sql));
                continue;
            }
            figures.same += 1;
        }
    }
}

fn short(message: &Message) -> String {
    match message {
        Message::CopyData(data) => format!("CopyData {}", data.escape_ascii()),
        Message::DataRow(cells) => {
            let cell = |c: &Option<Vec<u8>>| c.as_ref().map_or("∅".to_owned(), |v| v.escape_ascii().to_string());
            format!("DataRow {}", cells.iter().map(cell).collect::<Vec<_>>().join(" | "))
        }
        other => format!("{other:?}"),
    }
}

/// Shape, mask (`veils`: all that SQL computes), refusal, types.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("array of arrays", "digits", "seal.use", "words"),
    ("array of arrays", "email", "seal.use", "words"),
    ("array of arrays", "fake", "seal.use", "words"),
    ("array of arrays", "hash", "seal.use", "words"),
    ("array of arrays", "token", "seal.use", "words"),
    ("json", "digits", "seal.use", "bpchar bpchar20 mail tag text text_array text_c varchar varchar20 varchar_array words"),
    ("json", "email", "seal.use", "bpchar bpchar20 citext folded mail tag text text_array text_c varchar varchar20 varchar_array words"),
    ("json", "fake", "seal.use", "bpchar bpchar20 citext folded label mail tag text text_array text_c varchar varchar20 words"),
    (
        "json",
        "hash",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 citext folded key label mail number tag text text_array text_c uuid uuid_array varchar varchar20 words",
    ),
    (
        "json",
        "token",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 int int_array key mail number small tag text text_array text_c uuid uuid_array varchar varchar20 varchar_array words",
    ),
    ("row", "digits", "seal.use", "bpchar bpchar20 mail tag text text_array text_c varchar varchar20 varchar_array words"),
    ("row", "email", "seal.use", "bpchar bpchar20 citext folded mail tag text text_array text_c varchar varchar20 varchar_array words"),
    ("row", "fake", "seal.use", "bpchar bpchar20 citext folded label mail tag text text_array text_c varchar varchar20 words"),
    (
        "row",
        "hash",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 citext folded key label mail number tag text text_array text_c uuid uuid_array varchar varchar20 words",
    ),
    (
        "row",
        "token",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 int int_array key mail number small tag text text_array text_c uuid uuid_array varchar varchar20 varchar_array words",
    ),
    ("row of a subquery", "digits", "seal.use", "bpchar bpchar20 mail tag text text_array text_c varchar varchar20 varchar_array words"),
    (
        "row of a subquery",
        "email",
        "seal.use",
        "bpchar bpchar20 citext folded mail tag text text_array text_c varchar varchar20 varchar_array words",
    ),
    (
        "row of a subquery",
        "fake",
        "seal.use",
        "bpchar bpchar20 citext folded label mail tag text text_array text_c varchar varchar20 words",
    ),
    (
        "row of a subquery",
        "hash",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 citext folded key label mail number tag text text_array text_c uuid uuid_array varchar varchar20 words",
    ),
    (
        "row of a subquery",
        "token",
        "seal.use",
        "bigint bigint_array bpchar bpchar20 int int_array key mail number small tag text text_array text_c uuid uuid_array varchar varchar20 varchar_array words",
    ),
];

#[test]
fn every_form_is_the_masked_databases() {
    let matrix = Matrix::get();
    let three =
        |canary| Three { reader: matrix.reader(canary), raw: matrix.plain(&matrix.raw, "m"), copy: matrix.plain(&matrix.masked, "masked") };
    let mut figures = Figures::default();
    let run = |kinds: &[Kind]| {
        let (mut masked, mut clear) = (three(true), three(false));
        let mut figures = Figures::default();
        for kind in kinds {
            let (seals, veils): (Vec<&str>, Vec<&str>) = kind.masks().map(|m| m.0).partition(|m| SEALS.contains(m));
            // Which of several elements comes first out of unnest, an aggregate does not say.
            for shape in SHAPES.into_iter().filter(|shape| shape.0 != "unnest" || !kind.is_array()) {
                masked.compare(kind, shape, &veils, &mut figures);
                seals.iter().for_each(|seal| masked.compare(kind, shape, &[seal], &mut figures));
                clear.compare(kind, shape, &["clear"], &mut figures);
            }
        }
        figures
    };
    // A few sessions at one time.
    std::thread::scope(|scope| {
        let threads: Vec<_> = KINDS.chunks(KINDS.len().div_ceil(4)).map(|kinds| scope.spawn(|| run(kinds))).collect();
        threads.into_iter().for_each(|thread| figures.add(thread.join().unwrap()));
    });
    println!("types: {} answers like the masked database's", figures.same);
    let list = |types: &BTreeSet<&str>| types.iter().copied().collect::<Vec<_>>().join(" ");
    let refused: Vec<_> = figures.refused.iter().map(|((shape, mask, id), types)| (*shape, *mask, id.as_str(), list(types))).collect();
    for (shape, mask, id, types) in &refused {
        println!("    ({shape:?}, {mask:?}, {id:?}, {types:?}),");
    }
    assert!(figures.wrong.is_empty(), "{} differences:\n{}", figures.wrong.len(), figures.wrong.join("\n"));
    let expected: Vec<_> = REFUSED.iter().map(|(shape, mask, id, types)| (*shape, *mask, *id, (*types).to_owned())).collect();
    assert_eq!(refused, expected);
}

/// In one pipeline, each column in another format.
#[test]
fn formats_by_column() {
    let matrix = Matrix::get();
    let (mut reader, mut copy) = (matrix.reader(true), matrix.plain(&matrix.masked, "masked"));
    for kind in KINDS {
        let names: Vec<String> = kind.masks().map(|m| format!("m_{}", m.0)).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY id", names.join(", "), kind.table);
        for turn in 0..2 {
            let call = Call { sql: sql.clone(), results: (0..names.len()).map(|n| ((n + turn) % 2) as i16).collect(), ..Call::default() };
            let run = |client: &mut Client| {
                client.pipeline(|out: &mut BytesMut| {
                    frontend::parse("", &call.sql, [], out).unwrap();
                    pgveil_tests::client::bind("", "", &call, out);
                    frontend::describe(b'P', "", out).unwrap();
                    // Two rows, then the rest.
                    frontend::execute("", 2, out).unwrap();
                    frontend::execute("", 0, out).unwrap();
                    frontend::sync(out);
                });
                told(&client.answer().ok())
            };
            assert_eq!(run(&mut reader), run(&mut copy), "{sql}");
        }
    }
}
