//! What is protected: a conversation about it through pgveil, against the same conversation about a table that stores the masks.
//!
//! `w.masked` is filled with what the role sees of `w.people`; then Postgres itself says what the answers must be.

use pgveil_tests::client::Client;
use pgveil_tests::world::World;

use super::compare::{Whose, compare};
use super::ground::Ground;
use super::make::{Maker, Mood, Pool, Text};
use super::sizes::{bind, parse, query, run, sync};
use super::speak::{End, Heard, Line, Split};
use super::*;

/// Each orders its rows, since pgveil chooses an order where SQL leaves it open.
const TEXTS: &[Text] = &[
    ("SELECT * FROM w.{} ORDER BY id", 0, 10),
    ("SELECT id, email, nick, device, account FROM w.{} WHERE id < $1 ORDER BY id", 1, 5),
    ("SELECT email AS e, born, salary, name FROM w.{} WHERE id = $1 OR city = $2 ORDER BY id DESC", 2, 4),
    ("SELECT account, account, id + 1, device FROM w.{} ORDER BY id LIMIT 5", 0, 4),
    ("SELECT array_agg(email ORDER BY id), array_agg(account ORDER BY id), count(DISTINCT nick) FROM w.{}", 0, 3),
    ("SELECT city, count(email), array_agg(device ORDER BY id) FROM w.{} GROUP BY city ORDER BY city", 0, 3),
    ("SELECT p.id, q.email FROM w.{} AS p JOIN w.{} AS q ON p.id = q.id + 1 ORDER BY p.id", 0, 2),
    ("SELECT salary + 1, upper(name), extract(year FROM born) FROM w.{} ORDER BY id", 0, 3),
    ("SELECT id, email FROM w.{} WHERE false", 0, 2),
    ("SELECT CASE WHEN id < 5 THEN email END, coalesce(email, NULL) FROM w.{} ORDER BY id LIMIT 9", 0, 2),
    ("DECLARE c CURSOR FOR SELECT id, email, account FROM w.{} ORDER BY id", 0, 0),
    ("DECLARE c SCROLL CURSOR FOR SELECT id, nick, device FROM w.{} ORDER BY id", 0, 0),
    ("DECLARE h BINARY CURSOR WITH HOLD FOR SELECT id, email, account, device FROM w.{} ORDER BY id", 0, 0),
    ("FETCH 4 FROM c", 0, 3),
    ("FETCH ALL FROM h", 0, 4),
    ("MOVE 3 IN c", 0, 0),
    ("PREPARE a (int) AS SELECT email, nick FROM w.{} WHERE id = $1", 0, 0),
    ("EXECUTE a (7)", 0, 2),
    ("COPY (SELECT id, email, nick, note FROM w.{} ORDER BY id) TO STDOUT", 0, 4),
    ("COPY (SELECT id, email, nick, account, note FROM w.{} ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (nick))", 0, 5),
    ("COPY (SELECT id, email, nick, account, device, born, note FROM w.{} ORDER BY id) TO STDOUT (FORMAT binary)", 0, 7),
    ("COPY (SELECT email, note FROM w.{} ORDER BY id) TO STDOUT (DELIMITER '|', NULL 'none')", 0, 2),
    ("BEGIN", 0, 0),
    ("COMMIT", 0, 0),
    ("ROLLBACK", 0, 0),
    ("SELECT 1", 0, 1),
];

const SEVERAL: &[&str] = &[
    "SELECT email FROM w.{} WHERE id < 4 ORDER BY id; SELECT id, city FROM w.{} WHERE id < 4 ORDER BY id",
    "BEGIN; DECLARE c CURSOR FOR SELECT account FROM w.{} ORDER BY id; FETCH 3 FROM c; FETCH 3 FROM c",
    "COPY (SELECT id, email FROM w.{} ORDER BY id) TO STDOUT; SELECT name, email FROM w.{} WHERE id = 3",
    "PREPARE a (int) AS SELECT device, name FROM w.{} WHERE id = $1; EXECUTE a (2); EXECUTE a (3); DEALLOCATE a",
];

/// Fills `w.masked` of both databases with what the role sees.
fn fill(ground: &Ground, role: &str) {
    let mut session = Client::connect(&ground.veiled(role)).unwrap_or_else(|e| panic!("{e:?}"));
    let seen = session.query("SELECT * FROM w.people ORDER BY id").ok();
    let quoted = |cell: &Option<String>| cell.as_ref().map_or("NULL".to_owned(), |c| format!("'{}'", c.replace('\'', "''")));
    let rows: Vec<String> = seen.rows().iter().map(|row| format!("({})", row.iter().map(quoted).collect::<Vec<_>>().join(", "))).collect();
    assert_eq!(rows.len(), 60);
    // A token can be longer than its column.
    let alter = if role == "tokens" { "ALTER TABLE w.masked ALTER nick TYPE varchar;" } else { "" };
    let sql = format!("{alter} INSERT INTO w.masked VALUES {}", rows.join(", "));
    for database in [&ground.direct, &ground.veiled] {
        World::get().cluster().execute(database, &sql).unwrap();
    }
}

/// Where a column comes from, which is another table here: zero.
pub(super) fn without_origin(mut heard: Heard) -> Heard {
    for frame in heard.frames.iter_mut().filter(|f| f.tag == b'T') {
        let mut at = 2;
        while at < frame.body.len() {
            at += frame.body[at..].iter().position(|b| *b == 0).unwrap() + 1;
            let computed = frame.body[at..at + 6] == [0; 6];
            frame.body[at..at + 4].fill(if computed { 0 } else { 1 });
            at += 18;
        }
    }
    heard
}

fn differ(role: &str, count: u64, short: Duration) {
    let ground = Ground::new();
    fill(&ground, role);
    let (mut direct, mut veiled) = (Line::new(ground.direct(role)), Line::new(ground.veiled(role)));
    let pool = |relation| Pool { texts: TEXTS, several: SEVERAL, relation };
    let (until, long) = minutes(short);
    let mut tally = Tally::default();
    for seed in first_seed().. {
        if Instant::now() > until || !long && tally.done >= count {
            break;
        }
        let asked = Maker::new(seed, Mood::Legal, pool("masked")).conversation();
        let masked = Maker::new(seed, Mood::Legal, pool("people")).conversation();
        let split = if seed % 3 == 0 { Split::Random(seed) } else { Split::Whole };
        let theirs = without_origin(direct.run(&asked, End::Reset, Split::Whole));
        let ours = without_origin(veiled.run(&masked, End::Reset, split));
        tally.count(seed, End::Reset, &masked, compare(Whose::Masked, &theirs, &ours));
    }
    tally.end(role);
}

#[test]
fn as_many_columns_as_there_can_be() {
    let ground = Ground::new();
    fill(&ground, "analyst");
    let conversation = |relation: &str, count: usize, which: &str| {
        let columns = ["email", "nick", "device", "account", "name", "born", "salary"].into_iter().cycle().take(count);
        let list = columns.enumerate().map(|(n, column)| format!("{column} AS c{n}")).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT {list} FROM w.{relation} WHERE {which}");
        let formats: Vec<u16> = (0..count).map(|n| (n / 7 % 2) as u16).collect();
        [query(&text), parse("", &text, &[]), bind("", "", &[], &[], &formats), run(""), sync()]
    };
    // What orders rows, and is not asked for, is a column too.
    for (count, which) in [0, 1, 1663, 1664, 1665].into_iter().flat_map(|n| [(n, "id = 3"), (n, "id < 4 ORDER BY id")]) {
        let asked = conversation("masked", count, which);
        let theirs = without_origin(Line::new(ground.direct("analyst")).run(&asked, End::Reset, Split::Whole));
        for split in [Split::Whole, Split::Random(count as u64)] {
            let asked = conversation("people", count, which);
            let ours = without_origin(Line::new(ground.veiled("analyst")).run(&asked, End::Reset, split));
            let verdict = compare(Whose::Masked, &theirs, &ours);
            assert!(verdict == Verdict::Equal, "{count}, {which}: {:.2000}", format!("{verdict:?}"));
        }
    }
}

#[test]
fn answers_about_what_is_protected_are_those_of_a_table_of_masks() {
    differ("analyst", 250, Duration::from_secs(12));
    differ("tokens", 250, Duration::from_secs(12));
}
