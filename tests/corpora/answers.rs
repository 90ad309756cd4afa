//! Statements that read only catalogs and unprotected tables: all are accepted, and answered as Postgres answers them directly, but
//! for what the built-in rules withhold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use pgveil::demo::cluster::SUPERUSER;
use pgveil::demo::sample::SERVICE;
use pgveil_policy::{Engine, Subject};
use pgveil_tests::client::{Answer, Call, Client, Login};
use pgveil_tests::world::{SERVICE_PASSWORD, World};

use super::{FILES, Recorded, engine_of, policy, script, statements};

/// Result columns that the built-in rules withhold, as the recorded statements call them: they may be NULL, -1 or 0.
const WITHHELD: &[&str] = &[
    "Size",
    "Total size",
    "size",
    "toastpages",
    // pgjdbc calls reltuples and relpages so.
    "cardinality",
    "pages",
    "boot_val",
    "reltuples",
    "relpages",
    "reset_val",
    "rolconfig",
    "rolpassword",
    "setting",
    "useconfig",
    "last_value",
    "attmissingval",
    "missingval",
    "umoptions",
    "srvoptions",
    "ftoptions",
    "fdwoptions",
    "Value",
    "Default",
    "FDW options",
    "Settings",
    // Counters.
    "n_tup_ins",
    "n_live_tup",
    "value",
];

/// Words of statements whose answers differ from session to session.
const OF_THE_SESSION: &[&str] =
    &["pg_backend_pid", "pg_stat_activity", "txid_", "clock_timestamp", "pg_my_temp_schema", "pg_locks", "pg_export_snapshot"];

/// What Postgres itself refuses to pgveil's account: withheld, so that the rest of the answer comes.
const WITHHELD_FROM_ALL: &[&str] = &["subconninfo", "pg_tablespace_size"];

/// Conditions over what is withheld: they choose other rows. (psql's `\dconfig`)
const CONDITIONS_ON_WITHHELD: &[&str] = &["s.setting IS DISTINCT FROM s.boot_val"];

/// Tables and views of these files that the policy protects or that read such.
const PROTECTED: &[&str] = &["customers", "child", "auth_user", "customer", "supplier", "v_cust", "v_customers", "mv_cust", "leads"];

/// What kind of statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A query, SHOW, or EXPLAIN.
    Read,
    /// Transactions and settings.
    Session,
    /// Writes, DDL, COPY, cursors, PREPARE, locks, LISTEN: not open to roles with masks.
    Other,
}

/// The query inside PREPARE counts as a query.
pub(super) fn sort(sql: &str) -> (Sort, &str) {
    let start = sql.trim_start().trim_start_matches('(').trim_start();
    let word: String = start.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase();
    let sort = match word.as_str() {
        "SELECT" | "VALUES" | "TABLE" | "SHOW" | "EXPLAIN" => Sort::Read,
        "WITH" if ["INSERT INTO", "DELETE FROM", "UPDATE "].iter().any(|w| sql.to_ascii_uppercase().contains(w)) => Sort::Other,
        "WITH" => Sort::Read,
        "BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "SET" | "RESET" | "DISCARD" | "DEALLOCATE" | "CLOSE"
        | "UNLISTEN" => Sort::Session,
        "PREPARE" => match sql.split_once(" AS") {
            Some((_, query)) => return (Sort::Read, query.trim_start()),
            None => Sort::Other,
        },
        _ => Sort::Other,
    };
    (sort, sql)
}

/// Outside of string constants it names something protected.
pub(super) fn names_protected(sql: &str) -> bool {
    let outside: String = sql.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let mut words = outside.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| PROTECTED.contains(&word.to_ascii_lowercase().as_str()))
}

fn login(user: &str, password: &str, port: u16, database: &str) -> Client {
    let login = Login::local(port, database, user, password);
    Client::connect(&login).unwrap_or_else(|e| panic!("{user}: {e:?}"))
}

#[test]
fn what_reads_nothing_protected_is_answered_as_postgres_answers_it() {
    let world = World::get();
    let database = world.database(&script());
    let engine = engine_of(&database);
    let proxy = world.proxy(policy(), &[("analyst", "analyst")]);
    let cluster = world.cluster();
    let mut plain = login(SUPERUSER, cluster.password(), cluster.port(), &database);
    let mut faults = Vec::new();
    for file in FILES {
        let mut direct = login(SERVICE, SERVICE_PASSWORD, cluster.port(), &database);
        let mut through = login("analyst", &proxy.password("analyst"), proxy.addr().port(), &database);
        let (mut alike, mut rows, mut failed, mut took) = (0, 0, 0, (0.0, 0.0));
        for recorded in statements(file) {
            let recorded = fill(&mut plain, &recorded);
            let (sort, sql) = sort(&recorded.sql);
            let excepted = OF_THE_SESSION.iter().chain(CONDITIONS_ON_WITHHELD).any(|w| sql.contains(w));
            if sort != Sort::Read || excepted || !only_unprotected(&engine, sql) {
                continue;
            }
            let mut both = || {
                [&mut direct, &mut through].map(|client| {
                    let start = Instant::now();
                    (ask(client, sql, &recorded.params), start.elapsed().as_secs_f64())
                })
            };
            let [(mut wanted, plainly), (mut got, judged)] = both();
            // Other tests make databases meanwhile.
            for _ in 0..5 {
                if !sql.contains("pg_database") || compare(sql, &wanted, &got).is_ok() {
                    break;
                }
                [(wanted, _), (got, _)] = both();
            }
            (took.0, took.1) = (took.0 + plainly, took.1 + judged);
            match compare(sql, &wanted, &got) {
                Ok(()) => alike += 1,
                Err(why) => faults.push(format!("{file}: {}\n    {why}", short(sql))),
            }
            failed += usize::from(wanted.error().is_some());
            rows += wanted.raw_rows().count();
        }
        println!(
            "{file}: {alike} reads of nothing protected are answered alike, {rows} rows in all; Postgres refuses {failed} of them; \
             {:.0} ms direct, {:.0} ms through pgveil, judged for the first time",
            took.0 * 1000.0,
            took.1 * 1000.0
        );
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

/// An accepted statement says it itself; a refused one by the names in it.
fn only_unprotected(engine: &Engine, sql: &str) -> bool {
    let who = Subject { role: "analyst".to_owned(), search_path: ["pg_catalog", "public"].map(str::to_owned).to_vec().into(), user: None };
    match engine.judge(&who, sql) {
        Ok(plan) => plan.statements.iter().all(|s| !s.order_is_data) && !sql.trim_start().to_ascii_uppercase().starts_with("EXPLAIN"),
        // Known, and said by the other test.
        Err(refusal) if refusal.id == "read.unread" => false,
        Err(_) => !names_protected(sql),
    }
}

/// `{pg_class customers}` and its like stand for OIDs, which are another in each database.
fn fill(plain: &mut Client, recorded: &Recorded) -> Recorded {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut one = |text: &str| {
        let mut filled = text.to_owned();
        for (catalog, kind) in [("{pg_class ", "regclass"), ("{pg_type ", "regtype"), ("{pg_proc ", "regprocedure")] {
            while let Some(start) = filled.find(catalog) {
                let name = filled[start + catalog.len()..].split('}').next().unwrap().to_owned();
                let oid = found
                    .entry(format!("{catalog}{name}"))
                    .or_insert_with(|| plain.query(&format!("SELECT COALESCE(to_{kind}('{name}')::oid, 0)")).value().unwrap());
                filled = filled.replace(&format!("{catalog}{name}}}"), oid);
            }
        }
        filled
    };
    let params = recorded.params.iter().map(|p| p.as_deref().map(&mut one)).collect();
    Recorded { sql: one(&recorded.sql), params }
}

fn ask(client: &mut Client, sql: &str, params: &[Option<String>]) -> Answer {
    let named = (1..100).take_while(|n| sql.contains(&format!("${n}"))).count();
    let answer = if named == 0 {
        client.query(sql)
    } else {
        let values = (0..named).map(|n| params.get(n).cloned().flatten().map(String::into_bytes)).collect();
        client.call(&Call { sql: sql.to_owned(), values, ..Call::default() })
    };
    if answer.status() != Some('I') {
        client.query("ROLLBACK");
    }
    answer
}

fn compare(sql: &str, wanted: &Answer, got: &Answer) -> Result<(), String> {
    if wanted.sqlstate() == "42501" && got.error().is_none() && WITHHELD_FROM_ALL.iter().any(|w| sql.contains(w)) {
        return Ok(());
    }
    if wanted.sqlstate() != got.sqlstate() {
        return Err(format!("SQLSTATE {} instead of {}: {} {:?}", got.sqlstate(), wanted.sqlstate(), got.message(), wanted.message()));
    }
    let shape = |a: &Answer| a.columns().iter().map(|c| (c.name.clone(), c.type_oid)).collect::<Vec<_>>();
    if shape(wanted) != shape(got) {
        return Err(format!("columns {:?} instead of {:?}", shape(got), shape(wanted)));
    }
    let withheld: BTreeSet<usize> =
        wanted.columns().iter().enumerate().filter(|(_, c)| WITHHELD.contains(&c.name.as_str())).map(|(n, _)| n).collect();
    let nothing = |cell: &Option<Vec<u8>>| cell.as_deref().is_none_or(|v| v == b"-1" || v == b"0" || v == b"0 bytes");
    let rows = |a: &Answer| -> Vec<Vec<Option<Vec<u8>>>> {
        a.raw_rows()
            .map(|row| row.iter().enumerate().map(|(n, cell)| if withheld.contains(&n) { None } else { cell.clone() }).collect())
            .collect()
    };
    let (mut left, mut right) = (rows(wanted), rows(got));
    if !sql.to_ascii_uppercase().contains("ORDER BY") {
        left.sort();
        right.sort();
    }
    if left != right {
        let differing = left.iter().zip(&right).find(|(l, r)| l != r);
        let text = |row: &Vec<Option<Vec<u8>>>| {
            row.iter().map(|c| c.as_deref().map_or("∅".into(), String::from_utf8_lossy)).collect::<Vec<_>>().join("|")
        };
        let lines = differing.map(|(l, r)| format!("\n    wanted {}\n    got    {}", text(l), text(r))).unwrap_or_default();
        return Err(format!("{} rows instead of {}{lines}", right.len(), left.len()));
    }
    let shown: Vec<Vec<Option<Vec<u8>>>> = wanted.raw_rows().cloned().collect();
    let unlike = got.raw_rows().zip(&shown).find(|(got, wanted)| withheld.iter().any(|n| got[*n] != wanted[*n] && !nothing(&got[*n])));
    match unlike {
        Some(_) if sql.to_ascii_uppercase().contains("ORDER BY") => Err("a withheld column shows something else than nothing".to_owned()),
        _ => Ok(()),
    }
}

fn short(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(600).collect()
}
