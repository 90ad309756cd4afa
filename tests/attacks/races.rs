//! Races: somebody else changes what names mean, between the judgement and the last row.
//!
//! The proxy here does not look for changes of the catalog, so that its judgement is stale for as long as nothing else tells it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::client::{Answer, Call, Client, Login, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

/// Stands in every protected value, and in rows that a filter removes.
const RAW: &[u8] = b"rawvalue";

const SCHEMA: &str = "CREATE SCHEMA shop; CREATE SCHEMA other; CREATE SCHEMA vault; \
    CREATE TABLE shop.people (id int PRIMARY KEY, pub text, sec text, extra text); \
    INSERT INTO shop.people SELECT g, 'pub' || g, 'rawvalue' || g, 'extra' || g FROM generate_series(1, 50) g; \
    CREATE TABLE shop.notes (id int PRIMARY KEY, note text, other text); \
    INSERT INTO shop.notes SELECT g, 'note' || g, 'x' FROM generate_series(1, 50) g; \
    CREATE TABLE vault.notes (id int PRIMARY KEY, note text, other text); \
    INSERT INTO vault.notes SELECT g, 'rawvalue' || g, 'x' FROM generate_series(1, 50) g; \
    CREATE TABLE shop.filtered (id int PRIMARY KEY, owner text, hidden text, body text); \
    INSERT INTO shop.filtered SELECT g, CASE WHEN g % 2 = 0 THEN 'me' ELSE 'you' END, 'me', \
      CASE WHEN g % 2 = 0 THEN 'mine' ELSE 'rawvalue' END FROM generate_series(1, 50) g; \
    CREATE VIEW shop.v AS SELECT id, note FROM shop.notes; \
    CREATE TABLE shop.part (id int, sec text) PARTITION BY RANGE (id); \
    CREATE TABLE shop.part1 PARTITION OF shop.part FOR VALUES FROM (0) TO (1000); \
    INSERT INTO shop.part SELECT g, 'rawvalue' || g FROM generate_series(1, 50) g; \
    CREATE MATERIALIZED VIEW shop.m AS SELECT id, note FROM shop.notes; \
    GRANT USAGE ON SCHEMA shop, other, vault TO pgveil; \
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pgveil;";

const POLICY: &str = "version = 1\n[class.secret]\ncolumns = [\"shop.people.sec\", \"vault.notes.note\", \"shop.part.sec\", \"*.*.ssn\"]\n\
    [role.analyst]\ndefault = \"clear\"\n[role.analyst.mask]\nsecret = { redact = \"[x]\" }\n\
    [role.analyst.rows]\n\"shop.filtered\" = \"owner = 'me'\"\n";

struct Race {
    what: &'static str,
    /// Reads nothing raw as long as names mean what they do at first.
    reads: &'static str,
    /// After it, the same text read without pgveil shows raw values.
    ddl: &'static str,
}

const fn race(what: &'static str, reads: &'static str, ddl: &'static str) -> Race {
    Race { what, reads, ddl }
}

const SWAP_COLUMNS: &str = "ALTER TABLE shop.people RENAME pub TO x; ALTER TABLE shop.people RENAME sec TO pub; \
                            ALTER TABLE shop.people RENAME x TO sec";
const SWAP_TABLES: &str =
    "ALTER TABLE shop.notes RENAME TO gone; ALTER TABLE vault.notes DROP CONSTRAINT notes_pkey; ALTER TABLE vault.notes SET SCHEMA shop";
const SWAP_SCHEMAS: &str = "ALTER SCHEMA shop RENAME TO gone; ALTER SCHEMA vault RENAME TO shop";

const RACES: &[Race] = &[
    race("columns swapped", "SELECT id, pub FROM shop.people ORDER BY id", SWAP_COLUMNS),
    race("columns swapped, in an expression", "SELECT upper(pub) || '' FROM shop.people", SWAP_COLUMNS),
    race(
        "columns swapped, in a subquery",
        "SELECT (SELECT max(pub || '') FROM shop.people p WHERE p.id = n.id) FROM shop.notes n",
        SWAP_COLUMNS,
    ),
    race("columns swapped, in a CTE", "WITH p AS MATERIALIZED (SELECT * FROM shop.people) SELECT pub || '' FROM p", SWAP_COLUMNS),
    race("columns swapped, in a set operation", "SELECT note FROM shop.notes UNION ALL SELECT pub || '' FROM shop.people", SWAP_COLUMNS),
    race(
        "columns swapped, on the far side of an outer join",
        "SELECT p.pub || '' FROM shop.notes n LEFT JOIN shop.people p ON p.id = n.id",
        SWAP_COLUMNS,
    ),
    race("columns swapped, in a whole row", "SELECT row_to_json(p)::text FROM (SELECT id, pub FROM shop.people) p", SWAP_COLUMNS),
    race(
        "a column dropped, and another one in its place and name",
        "SELECT pub || '' FROM shop.people",
        "ALTER TABLE shop.people DROP pub; ALTER TABLE shop.people RENAME sec TO pub; ALTER TABLE shop.people ADD sec text",
    ),
    race(
        "a column dropped, so that others move up",
        "SELECT extra || '', pub || '' FROM shop.people",
        "ALTER TABLE shop.people DROP extra; ALTER TABLE shop.people DROP pub; ALTER TABLE shop.people RENAME sec TO extra; \
         ALTER TABLE shop.people ADD pub text; ALTER TABLE shop.people ADD sec text",
    ),
    race(
        "columns added and dropped again before",
        "SELECT pub || '' FROM shop.people",
        "ALTER TABLE shop.people ADD a text; ALTER TABLE shop.people ADD b text; ALTER TABLE shop.people DROP a; ALTER TABLE shop.people DROP b; \
         ALTER TABLE shop.people DROP pub; ALTER TABLE shop.people RENAME sec TO pub; ALTER TABLE shop.people ADD sec text",
    ),
    race("tables swapped", "SELECT note FROM shop.notes", SWAP_TABLES),
    race("tables swapped, in an expression", "SELECT max(n.note || '') FROM shop.notes n", SWAP_TABLES),
    race("tables swapped, where a join reads them", "SELECT n.note || '' FROM shop.people p JOIN shop.notes n USING (id)", SWAP_TABLES),
    race(
        "tables swapped, below a view",
        "SELECT note || '' FROM shop.v",
        "DROP VIEW shop.v; ALTER TABLE shop.notes RENAME TO gone; \
         ALTER TABLE vault.notes DROP CONSTRAINT notes_pkey; ALTER TABLE vault.notes SET SCHEMA shop; CREATE VIEW shop.v AS SELECT id, note FROM shop.notes",
    ),
    race("schemas swapped", "SELECT note || '' FROM shop.notes", SWAP_SCHEMAS),
    race(
        "a table made anew, with a protected column",
        "SELECT n::text FROM shop.notes n",
        "DROP TABLE shop.notes CASCADE; CREATE TABLE shop.notes AS SELECT id, note AS ssn, other FROM vault.notes",
    ),
    race("a view replaced", "SELECT note || '' FROM shop.v", "CREATE OR REPLACE VIEW shop.v AS SELECT id, note FROM vault.notes"),
    race(
        "a view's columns swapped",
        "SELECT note || '' FROM shop.v",
        "CREATE OR REPLACE VIEW shop.v AS SELECT id, sec AS note FROM shop.people",
    ),
    race(
        "a table in a view's place",
        "SELECT note || '' FROM shop.v",
        "DROP VIEW shop.v; CREATE TABLE shop.v AS SELECT * FROM vault.notes",
    ),
    race(
        "a materialised view made anew",
        "SELECT note || '' FROM shop.m",
        "DROP MATERIALIZED VIEW shop.m; CREATE MATERIALIZED VIEW shop.m AS SELECT id, note FROM vault.notes",
    ),
    race(
        "the row filter's column swapped",
        "SELECT body FROM shop.filtered",
        "ALTER TABLE shop.filtered RENAME owner TO x; ALTER TABLE shop.filtered RENAME hidden TO owner; \
         ALTER TABLE shop.filtered RENAME x TO hidden",
    ),
    race(
        "a column added that a whole row shows",
        "SELECT n::text FROM shop.notes n",
        "ALTER TABLE shop.notes ADD ssn text DEFAULT 'rawvalue'",
    ),
    race("a partition detached", "SELECT sec || '' FROM shop.part1", "ALTER TABLE shop.part DETACH PARTITION shop.part1"),
    race(
        "a partition detached and renamed",
        "SELECT sec || '' FROM shop.part1",
        "ALTER TABLE shop.part DETACH PARTITION shop.part1; \
         ALTER TABLE shop.part1 RENAME TO part2; CREATE VIEW shop.part1 AS SELECT * FROM shop.part2",
    ),
];

fn proxy() -> &'static Proxy {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    PROXY.get_or_init(|| World::get().proxy_with(POLICY, &[("analyst", "analyst")], |c| c.look_every = Duration::from_secs(3600)))
}

fn analyst(proxy: &Proxy, database: &str) -> Client {
    let login = Login {
        host: "127.0.0.1".to_owned(),
        port: proxy.addr().port(),
        database: database.to_owned(),
        user: "analyst".to_owned(),
        password: Some(proxy.password("analyst")),
        settings: Vec::new(),
        canary: true,
    };
    Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
}

fn superuser(database: &str) -> Client {
    let cluster = World::get().cluster();
    let login = Login {
        host: "127.0.0.1".to_owned(),
        port: cluster.port(),
        database: database.to_owned(),
        user: SUPERUSER.to_owned(),
        password: Some(cluster.password().to_owned()),
        settings: Vec::new(),
        canary: false,
    };
    Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
}

/// How a text reaches the server, and when the change falls.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Simple, right after the judgement that everything rests on was made.
    Simple,
    /// In a transaction that has read before, under this isolation level.
    Inside(&'static str),
    /// Between Parse and Bind.
    Parsed,
    /// Between two executions, often enough for a generic plan.
    Generic,
    /// Between Parse and Bind, in a transaction.
    ParsedInside(&'static str),
    /// Between PREPARE and EXECUTE.
    Prepared,
    /// Between two EXECUTEs, often enough for a generic plan.
    PreparedGeneric,
    /// Between PREPARE and Bind.
    PreparedBound,
    /// Between the Parse of a DECLARE and its Bind.
    Declared,
    /// Between a DECLARE and the FETCH of what is held.
    Held,
}

const WAYS: &[Way] = &[
    Way::Simple,
    Way::Inside("READ COMMITTED"),
    Way::Inside("REPEATABLE READ"),
    Way::Inside("SERIALIZABLE"),
    Way::Parsed,
    Way::Generic,
    Way::ParsedInside("REPEATABLE READ"),
    Way::Prepared,
    Way::PreparedGeneric,
    Way::PreparedBound,
    Way::Declared,
    Way::Held,
];

fn parse(session: &mut Client, sql: &str) {
    session.pipeline(|out| {
        frontend::parse("s", sql, [], out).unwrap();
        frontend::sync(out);
    });
    session.answer();
}

fn execute(session: &mut Client) -> Answer {
    session.pipeline(|out: &mut BytesMut| {
        bind("", "s", &Call::default(), out);
        frontend::execute("", 0, out).unwrap();
        frontend::sync(out);
    });
    session.answer()
}

fn shows(answer: &Answer) -> bool {
    let contains = |bytes: &[u8]| bytes.to_ascii_lowercase().windows(RAW.len()).any(|w| w == RAW);
    answer.raw_rows().flatten().flatten().any(|cell| contains(cell))
        || answer.error().is_some_and(|fields| fields.values().any(|text| contains(text.as_bytes())))
}

/// What such an error may be: a driver knows what to do, or the name is not there any more.
const KNOWN: &[&str] = &["0A000", "22000", "42P01", "42703", "42501", "XX000", "42846", "42P10"];

fn one(proxy: &Proxy, race: &Race, way: Way) -> Result<bool, String> {
    let database = World::get().database(SCHEMA);
    let mut admin = superuser(&database);
    let mut session = analyst(proxy, &database);
    let before = session.query(race.reads);
    if shows(&before) || before.error().is_some() || before.raw_rows().next().is_none() {
        return Err(format!("before the change: {before:?}"));
    }
    let change = |admin: &mut Client| admin.query(&format!("BEGIN; {}; COMMIT", race.ddl)).ok();
    let answer = match way {
        Way::Simple => {
            change(&mut admin);
            session.query(race.reads)
        }
        Way::Inside(level) => {
            session.query(&format!("BEGIN ISOLATION LEVEL {level}")).ok();
            session.query("SELECT count(*) FROM pg_class").ok();
            change(&mut admin);
            session.query(race.reads)
        }
        Way::Parsed => {
            parse(&mut session, race.reads);
            change(&mut admin);
            execute(&mut session)
        }
        Way::Generic => {
            parse(&mut session, race.reads);
            for _ in 0..7 {
                execute(&mut session);
            }
            change(&mut admin);
            execute(&mut session)
        }
        Way::Prepared | Way::PreparedGeneric | Way::PreparedBound => {
            session.query(&format!("PREPARE s AS {}", race.reads)).ok();
            for _ in 0..if matches!(way, Way::PreparedGeneric) { 7 } else { 0 } {
                session.query("EXECUTE s").ok();
            }
            change(&mut admin);
            if matches!(way, Way::PreparedBound) { execute(&mut session) } else { session.query("EXECUTE s") }
        }
        Way::Declared => {
            parse(&mut session, &format!("DECLARE c CURSOR WITH HOLD FOR {}", race.reads));
            change(&mut admin);
            let declared = execute(&mut session);
            if declared.error().is_some() { declared } else { session.query("FETCH ALL FROM c") }
        }
        Way::Held => {
            session.query(&format!("DECLARE c CURSOR WITH HOLD FOR {}", race.reads)).ok();
            change(&mut admin);
            session.query("FETCH ALL FROM c")
        }
        Way::ParsedInside(level) => {
            parse(&mut session, race.reads);
            session.query(&format!("BEGIN ISOLATION LEVEL {level}")).ok();
            session.query("SELECT count(*) FROM pg_class").ok();
            change(&mut admin);
            execute(&mut session)
        }
    };
    if shows(&answer) {
        return Err(format!("raw values: {answer:?}"));
    }
    if answer.error().is_some() && !KNOWN.contains(&answer.sqlstate()) {
        return Err(format!("an unknown error: {answer:?}"));
    }
    // By now the proxy may know the new catalog: what was protected still is.
    let mut later = analyst(proxy, &database);
    for again in [later.query(race.reads), later.query(&race.reads.replace("|| ''", "")), execute(&mut session)] {
        if shows(&again) {
            return Err(format!("raw values afterwards: {again:?}"));
        }
    }
    let direct = admin.query(race.reads);
    Ok(shows(&direct))
}

/// Runs `each` on four threads.
fn all<T: Sync>(of: &[T], each: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(one) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = each(one);
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    faults.into_inner().unwrap()
}

#[test]
fn nothing_shows_whenever_names_change() {
    let both: Vec<(&Race, Way)> = RACES.iter().flat_map(|race| WAYS.iter().map(move |way| (race, *way))).collect();
    let faults = all(&both, |(race, way)| match one(proxy(), race, *way) {
        Ok(true) => None,
        Ok(false) => Some(format!("{} ({way:?}): a race that shows nothing without pgveil", race.what)),
        Err(why) => Some(format!("{} ({way:?}): {why:.900}", race.what)),
    });
    assert!(faults.is_empty(), "{} faults of {}:\n{}", faults.len(), both.len(), faults.join("\n"));
}

#[test]
fn a_simple_query_is_judged_again_and_answered() {
    let database = World::get().database(SCHEMA);
    let (mut admin, mut session) = (superuser(&database), analyst(proxy(), &database));
    assert_eq!(session.query("SELECT id, sec FROM shop.people WHERE id = 1").table(), "1|[x]");
    admin.query("ALTER TABLE shop.people DROP extra; ALTER TABLE shop.people ADD more text").ok();
    admin.query("DROP TABLE shop.notes CASCADE; CREATE TABLE shop.notes AS SELECT 7 AS id, 'new' AS note").ok();
    assert_eq!(session.query("SELECT id, note FROM shop.notes").table(), "7|new");
    // A text of several statements is one transaction, of which nothing has been told yet.
    admin.query("DROP TABLE shop.notes; CREATE TABLE shop.notes AS SELECT 8 AS id").ok();
    assert_eq!(session.query("SELECT id FROM shop.notes; SELECT 5").table(), "8\n5");
    // In a transaction of its own it is not, nor with a statement before it.
    admin.query("DROP TABLE shop.notes; CREATE TABLE shop.notes AS SELECT 9 AS id").ok();
    session.query("BEGIN").ok();
    let stale = session.query("SELECT id FROM shop.notes");
    assert_eq!((stale.sqlstate(), stale.message()), ("0A000", "cached plan must not change result type"));
    session.query("ROLLBACK").ok();
    assert_eq!(session.query("SELECT id FROM shop.notes").table(), "9");
}

#[test]
fn a_prepared_statement_is_told_to_be_stale_as_drivers_know_it() {
    let database = World::get().database(SCHEMA);
    let (mut admin, mut session) = (superuser(&database), analyst(proxy(), &database));
    parse(&mut session, "SELECT id, sec FROM shop.people WHERE id = 1");
    assert_eq!(execute(&mut session).table(), "1|[x]");
    admin.query(SWAP_COLUMNS).ok();
    // Columns are found by their place: what was called sec is still masked, and pub is not.
    assert_eq!(execute(&mut session).table(), "1|[x]");
    admin.query("ALTER TABLE shop.people DROP pub").ok();
    let stale = execute(&mut session);
    assert_eq!((stale.sqlstate(), stale.message()), ("0A000", "cached plan must not change result type"), "{stale:?}");
    assert_eq!(stale.error().unwrap().get(&'R').map(String::as_str), Some("RevalidateCachedQuery"));
}

#[test]
fn a_prepared_statement_means_what_search_path_says_when_it_is_bound() {
    let database = World::get().database(SCHEMA);
    let mut session = analyst(proxy(), &database);
    session.query("SET search_path = shop").ok();
    parse(&mut session, "SELECT note FROM notes WHERE id = 1");
    assert_eq!(execute(&mut session).table(), "note1");
    let moves = [
        vec!["SET search_path = vault"],
        vec!["BEGIN", "SET LOCAL search_path = vault"],
        vec!["BEGIN", "SAVEPOINT s", "SELECT set_config('search_path', 'vault', true)"],
        vec!["SET search_path = vault", "DISCARD TEMP"],
    ];
    for texts in moves {
        for text in &texts {
            session.query(text).ok();
        }
        assert_eq!(execute(&mut session).sqlstate(), "0A000", "{texts:?}");
        session.query("ROLLBACK");
        session.query("SET search_path = shop").ok();
        assert_eq!(execute(&mut session).table(), "note1", "{texts:?}");
    }
    // A rollback moves it back.
    session.query("BEGIN").ok();
    session.query("SAVEPOINT s").ok();
    session.query("SET LOCAL search_path = vault").ok();
    session.query("ROLLBACK TO s").ok();
    assert_eq!(execute(&mut session).table(), "note1");
    session.query("COMMIT").ok();
    assert_eq!(execute(&mut session).table(), "note1");
}

#[test]
fn a_portal_in_pieces_stays_what_it_was_bound_to() {
    let database = World::get().database(SCHEMA);
    let (mut admin, mut session) = (superuser(&database), analyst(proxy(), &database));
    session.query("BEGIN").ok();
    session.pipeline(|out| {
        frontend::parse("", "SELECT id, sec FROM shop.people ORDER BY id", [], out).unwrap();
        bind("p", "", &Call::default(), out);
        frontend::execute("p", 3, out).unwrap();
        frontend::sync(out);
    });
    assert_eq!(session.answer().raw_rows().count(), 3);
    admin.query("SET lock_timeout = '100ms'").ok();
    // Its locks keep tables as they are; the schema's name is nobody's lock.
    assert_eq!(admin.query(SWAP_COLUMNS).sqlstate(), "55P03");
    admin.query(SWAP_SCHEMAS).ok();
    session.pipeline(|out| {
        frontend::execute("p", 0, out).unwrap();
        frontend::sync(out);
    });
    let rest = session.answer();
    assert!(rest.raw_rows().count() == 47 && !shows(&rest), "{rest:?}");
}

#[test]
fn swaps_without_end_show_nothing_to_readers_without_end() {
    let database = World::get().database(SCHEMA);
    let over = AtomicBool::new(false);
    let swaps = [
        SWAP_COLUMNS,
        "ALTER TABLE shop.notes RENAME TO tmp; ALTER TABLE shop.people RENAME TO notes; ALTER TABLE shop.tmp RENAME TO people",
    ];
    // A proxy that looks for changes all the time, as in service, is in the same race.
    let fresh = World::get().proxy_with(POLICY, &[("analyst", "analyst")], |c| c.look_every = Duration::from_millis(50));
    // Which column the policy means by a name is settled when a database is first seen.
    for proxy in [proxy(), &fresh] {
        assert_eq!(analyst(proxy, &database).query("SELECT sec FROM shop.people WHERE id = 1").table(), "[x]");
    }
    let read = &|proxy: &Proxy, prepared: bool| {
        let (mut rows, mut errors) = (0, 0);
        let mut session = analyst(proxy, &database);
        while !over.load(Ordering::Relaxed) {
            let answer = if prepared {
                session.query("DEALLOCATE ALL");
                parse(&mut session, "SELECT id, pub FROM shop.people WHERE id < 20");
                execute(&mut session)
            } else {
                session.query("SELECT id, pub || '' FROM shop.people WHERE id < 20")
            };
            assert!(!shows(&answer), "{answer:?}");
            match answer.sqlstate() {
                "00000" => rows += answer.raw_rows().count(),
                known if KNOWN.contains(&known) || known == "26000" => errors += 1,
                other => panic!("{other}: {answer:?}"),
            }
            if answer.broken.is_some() || answer.sqlstate() == "XX000" {
                session = analyst(proxy, &database);
            }
        }
        (rows, errors)
    };
    let seen = std::thread::scope(|scope| {
        let readers = [(proxy(), false), (proxy(), true), (&fresh, false), (&fresh, true)]
            .map(|(proxy, prepared)| scope.spawn(move || read(proxy, prepared)));
        let mut admin = superuser(&database);
        let until = std::time::Instant::now() + Duration::from_secs(4);
        let mut n = 0;
        while std::time::Instant::now() < until {
            // There and back: in between the text reads raw values where nobody checks.
            for swap in [swaps[n % 2], swaps[n % 2]] {
                admin.query(&format!("BEGIN; {swap}; COMMIT"));
                std::thread::sleep(Duration::from_millis(3));
            }
            n += 1;
        }
        over.store(true, Ordering::Relaxed);
        readers.map(|r| r.join().unwrap())
    });
    println!("rows and errors: {seen:?}");
    assert!(seen.iter().map(|(rows, _)| rows).sum::<usize>() > 0, "{seen:?}");
}
