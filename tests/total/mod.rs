//! The list of total functions is right: nothing on it fails, whatever it is called with.
//!
//! Every signature of `policy/src/builtin/total.rs` is called with each combination of extreme and random values of its arguments'
//! types, under settings and collations that change from round to round. `PGVEIL_SEED` repeats a run; `PGVEIL_FUZZ` runs on until
//! Ctrl-C. docs/total-functions.md is the list; `PGVEIL_BLESS=1` writes it.

mod pool;
mod veils;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pgveil::demo::cluster::SUPERUSER;
use pgveil_policy::builtin::total::{Condition, Kind, Signature, signatures};
use pgveil_tests::client::{Client, Login};
use pgveil_tests::rng::Rng;
use pgveil_tests::world::World;

/// How long `make test` calls them.
const BUDGET: Duration = Duration::from_secs(10);

/// What a session may set that changes how values are written, read or compared.
const SETTINGS: &[(&str, &[&str])] = &[
    ("TimeZone", &["UTC", "America/New_York", "Asia/Kathmandu", "<x>-167", "<x>167:59", "Pacific/Kiritimati"]),
    ("DateStyle", &["ISO, MDY", "German", "SQL, DMY", "Postgres, YMD"]),
    ("IntervalStyle", &["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
    ("extra_float_digits", &["1", "3", "0", "-15"]),
    ("bytea_output", &["hex", "escape"]),
    ("enable_hashjoin", &["on", "off"]),
    ("enable_hashagg", &["on", "off"]),
    ("enable_nestloop", &["on", "off"]),
];
const COLLATIONS: &[&str] = &["default", "C", "und-x-icu", "tr-x-icu", "de-x-icu", "ucs_basic"];

fn client(database: &str) -> Client {
    let cluster = World::get().cluster();
    Client::connect(&Login::local(cluster.port(), database, SUPERUSER, cluster.password())).unwrap()
}

#[test]
fn nothing_on_the_list_fails() {
    let database = World::get().database("CREATE TYPE mood AS ENUM ('low', 'mid', 'high');");
    let seed = std::env::var("PGVEIL_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let endless = std::env::var_os("PGVEIL_FUZZ").is_some();
    println!("total functions: seed {seed}");
    let mut session = client(&database);
    let (started, mut rounds, mut calls) = (Instant::now(), 0_u64, 0_u64);
    let mut faults = BTreeSet::new();
    while rounds == 0 || endless || started.elapsed() < BUDGET {
        let mut rng = Rng::new(seed + rounds);
        for (name, values) in SETTINGS {
            session.query(&format!("SET {name} = '{}'", rng.pick(values))).rows();
        }
        let before = settings(&mut session);
        let unreadable: Vec<String> = pool::tables(&mut rng, COLLATIONS)
            .iter()
            .filter_map(|sql| Some(format!("{:.60}: {}", sql, session.query(sql).error()?.get(&'M')?)))
            .collect();
        assert!(unreadable.is_empty(), "{unreadable:#?}");
        for signature in signatures() {
            let (call, from) = call(signature);
            let answer = session.query(&format!("SELECT count(*), count({call}) FROM {from}"));
            if answer.error().is_some() || !answer.notices().is_empty() {
                faults.insert(format!("{}: {} {:?}", signature.text(), answer.message(), answer.notices()));
            } else {
                calls += answer.rows()[0][0].as_ref().and_then(|n| n.parse::<u64>().ok()).unwrap();
            }
        }
        for (a, b) in pool::compared() {
            for sql in [
                format!("SELECT count(*) FROM p_{a} a JOIN p_{b} b ON a.x = b.x"),
                format!("SELECT count(*) FROM p_{a} a FULL JOIN p_{b} b ON a.x = b.x"),
                format!("SELECT count(*) FROM (SELECT x, row_number() OVER (ORDER BY x) FROM p_{a} ORDER BY x DESC) AS s"),
                format!("SELECT count(*) FROM (SELECT DISTINCT x FROM p_{a} UNION SELECT x FROM p_{a}) AS s"),
                format!("SELECT count(*) FROM p_{a} WHERE x IN (SELECT x FROM p_{b}) OR x = ANY (ARRAY(SELECT x FROM p_{b}))"),
                format!("SELECT count(greatest(a.x, c.x)), count(nullif(a.x, c.x)), count(coalesce(a.x, c.x)) FROM p_{a} a, p_{a} c"),
            ] {
                // An array type has no arrays of its own.
                let sql = if a.ends_with("[]") { sql.replace(&format!(" OR x = ANY (ARRAY(SELECT x FROM p_{b}))"), "") } else { sql };
                let answer = session.query(&sql.replace("[]", "_array"));
                if answer.error().is_some() || !answer.notices().is_empty() {
                    faults.insert(format!("{a} beside {b}: {sql}: {}", answer.message()));
                }
            }
        }
        assert_eq!(before, settings(&mut session), "a call has changed a setting");
        assert!(faults.is_empty(), "PGVEIL_SEED={} raises:\n{}", seed + rounds, faults.into_iter().collect::<Vec<_>>().join("\n"));
        rounds += 1;
    }
    println!("total functions: {} signatures, {rounds} rounds, {calls} calls", signatures().len());
}

fn settings(session: &mut Client) -> Option<String> {
    session
        .query("SELECT md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings WHERE name <> 'transaction_read_only'")
        .value()
}

/// The call over columns `a.x`, `b.x`, …, and the FROM that gives them.
fn call(signature: &Signature) -> (String, String) {
    let mut arguments = Vec::new();
    let mut from = Vec::new();
    for (n, (name, condition)) in signature.arguments.iter().enumerate() {
        let alias = char::from(b'a' + u8::try_from(n).unwrap());
        let table = format!("p_{}", name.replace("[]", "_array"));
        let source = match condition {
            Condition::None => table,
            Condition::Within(low, high) => {
                format!("(SELECT x FROM {table} WHERE x BETWEEN {low} AND {high} OFFSET 0)")
            }
            Condition::Among(words) => {
                let words: Vec<String> = words.iter().map(|w| format!("('{w}')")).collect();
                format!("(SELECT CAST(x AS text) AS x FROM (VALUES {}) AS v (x) OFFSET 0)", words.join(", "))
            }
            Condition::Pattern => "p_pattern".to_owned(),
            Condition::Short => "p_short".to_owned(),
        };
        // Three arguments: not all combinations.
        let source =
            if signature.arguments.len() > 2 { format!("(SELECT x FROM {source} AS s ORDER BY random() LIMIT 15)") } else { source };
        from.push(format!("{source} AS {alias}"));
        arguments.push(format!("{alias}.x"));
    }
    let list = arguments.join(", ");
    let call = match signature.kind {
        Kind::Operator => format!("{} OPERATOR(pg_catalog.{}) {}", arguments[0], signature.name, arguments[1]),
        Kind::Cast => format!("CAST({list} AS {})", signature.name),
        Kind::Aggregate => {
            // One row of its own: an aggregate inside count() is no SQL.
            return ("s.x".to_owned(), format!("(SELECT {}({list}) AS x FROM {}) AS s", signature.name, from.join(", ")));
        }
        // Grammar of its own, which gives it the arguments the other way round.
        Kind::Function if signature.name == "position" => format!("position({} IN {})", arguments[0], arguments[1]),
        Kind::Function => format!("pg_catalog.{}({list})", signature.name),
    };
    if from.is_empty() {
        from.push("(VALUES (1)) AS v".to_owned());
    }
    (call, from.join(", "))
}

/// The pool finds what is not total: without that, the test above would show nothing.
#[test]
fn the_values_find_what_fails() {
    let database = World::get().database("CREATE TYPE mood AS ENUM ('low', 'mid', 'high');");
    let mut session = client(&database);
    for sql in pool::tables(&mut Rng::new(1), COLLATIONS) {
        assert!(session.query(&sql).error().is_none(), "{sql}");
    }
    for failing in [
        "a.x + b.x FROM p_int4 a, p_int4 b",
        "a.x * b.x FROM p_numeric a, p_numeric b",
        "a.x / 2 FROM p_float8 a WHERE a.x / a.x = 1",
        "date_trunc('year', a.x) FROM p_timestamp a",
        "CAST(a.x AS timestamp) FROM p_date a",
        "CAST(a.x AS float8) FROM p_numeric a",
        "CAST(a.x AS int4) FROM p_text a",
        "a.x LIKE b.x FROM p_text a, p_text b",
        "a.x ->> 'a' FROM p_json a",
        "substr(a.x, 1, b.x) FROM p_text a, p_int4 b",
        "split_part(a.x, 'a', b.x) FROM p_text a, p_int4 b",
        "a.x - a.x FROM p_date a",
        "array_position(a.x, 1) FROM p_int4_array a",
        "a.x ~ b.x FROM p_text a, p_text b",
    ] {
        let answer = session.query(&format!("SELECT {failing}"));
        assert!(answer.error().is_some(), "{failing} does not fail");
    }
}

/// What is called is what the list says: of Postgres' own, and not volatile.
#[test]
fn everything_on_the_list_is_harmless_by_the_catalog() {
    let mut session = client("postgres");
    let mut faults = Vec::new();
    for signature in signatures() {
        let names: Vec<String> =
            signature.arguments.iter().map(|(n, _)| if *n == "any" { "\"any\"".to_owned() } else { format!("pg_catalog.{n}") }).collect();
        let polymorphic: Vec<String> =
            names.iter().map(|n| if n.ends_with("[]") { "pg_catalog.anyarray".into() } else { n.clone() }).collect();
        let function = match signature.kind {
            Kind::Function | Kind::Aggregate => {
                format!(
                    "coalesce(to_regprocedure('pg_catalog.{0}({1})'), to_regprocedure('pg_catalog.{0}({2})'))",
                    signature.name,
                    names.join(", "),
                    polymorphic.join(", ")
                )
            }
            Kind::Operator => {
                format!(
                    "coalesce((SELECT oprcode FROM pg_operator WHERE oid = to_regoperator('pg_catalog.{0}({1})')), \
                     (SELECT oprcode FROM pg_operator WHERE oid = to_regoperator('pg_catalog.{0}({2})')))",
                    signature.name,
                    names.join(", "),
                    polymorphic.join(", ")
                )
            }
            Kind::Cast => continue,
        };
        let sql = format!(
            "SELECT count(*) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = {function} \
             AND p.provolatile <> 'v' AND l.lanname IN ('internal', 'sql') AND p.oid < 16384 AND NOT p.proretset"
        );
        let found = session.query(&sql);
        if found.error().is_some() || found.value().as_deref() != Some("1") {
            faults.push(format!("{} {}", signature.text(), found.message()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_list_in_the_documentation_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/total-functions.md");
    let text = pgveil_policy::builtin::total::document();
    if std::env::var_os("PGVEIL_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/total-functions.md is another list: write it with PGVEIL_BLESS=1");
}
