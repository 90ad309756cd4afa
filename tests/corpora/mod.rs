//! What real clients send, as an analyst from whom some of the columns are protected: what is accepted, and what is answered.
//!
//! Reads are counted apart from transactions and settings, and from writes, DDL, COPY and cursors, which are not open to roles
//! with masks. `introspection.jsonl` was recorded from psql 15, pgcli 4.7, SQLAlchemy 2.1 (psycopg 3 and psycopg2), Django 5.2
//! (inspectdb), asyncpg 0.32, psycopg 3.3, psycopg2 2.9, pgjdbc 42.5 (DatabaseMetaData) and pg_dump 15 on `schema.sql`.
//! `bi_tools.jsonl` is written after the shapes that Metabase, Superset, Looker, Tableau, Power BI, DBeaver, DataGrip and pgAdmin send.

mod answers;
mod decided;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pgveil_policy::{Engine, Policy, Subject};
use pgveil_tests::world::World;

use answers::{Sort, names_protected, sort};

/// All files.
const FILES: &[&str] = &[
    "bi_tools",
    "client_asyncpg",
    "client_django",
    "client_pgcli",
    "client_psycopg",
    "client_sqlalchemy",
    "introspection",
    "pg_dump",
    "psql_backslash",
    "tpch",
];

/// Reads that are refused, by file and id: they use protected columns for what masks do not allow, or what is not built yet.
const REFUSED: &[(&str, &str, usize)] = &[
    // min, max and array_agg of a pseudonymised column.
    ("bi_tools", "seal.use", 2),
    ("client_django", "relation.derived", 1),
    ("client_django", "seal.mix", 1),
    ("client_django", "seal.use", 2),
    ("client_django", "order.locking", 1),
    ("client_sqlalchemy", "seal.use", 2),
    ("client_sqlalchemy", "order.locking", 2),
    // OPERATOR(…) ANY (…)
    ("pg_dump", "read.unread", 1),
];

/// One recorded statement.
struct Recorded {
    sql: String,
    params: Vec<Option<String>>,
}

#[derive(Default)]
struct Figures {
    judged: usize,
    /// The server knows the name as little as pgveil does.
    unknown: usize,
    /// How often, and one statement, by the refusal's id.
    refused: BTreeMap<String, (usize, String)>,
}

#[test]
fn the_share_of_real_statements_that_is_judged() {
    let database = World::get().database(&script());
    let engine = engine_of(&database);
    let who = Subject { role: "analyst".to_owned(), search_path: ["pg_catalog", "public"].map(str::to_owned).to_vec().into(), user: None };
    let mut faults = Vec::new();
    for file in FILES {
        let mut figures: BTreeMap<Sort, Figures> = BTreeMap::new();
        for Recorded { sql, .. } in statements(file) {
            let (sort, sql) = sort(&sql);
            let entry = figures.entry(sort).or_default();
            match engine.judge(&who, &without_placeholders(sql)) {
                Ok(_) => entry.judged += 1,
                // Recorded on PostgreSQL 15: other versions lack some columns and functions of its catalogs.
                Err(refusal) if refusal.id.starts_with("name.") && World::get().major() != 15 && is_unknown(&database, sql) => {
                    entry.unknown += 1;
                }
                Err(refusal) => {
                    let example = format!("{}: {}", refusal.message, sql.split_whitespace().collect::<Vec<_>>().join(" "));
                    entry.refused.entry(refusal.id.to_owned()).or_insert((0, example.chars().take(200).collect())).0 += 1;
                    if sort == Sort::Read && !names_protected(sql) && refusal.id != "read.unread" {
                        faults.push(format!("{file}: reads nothing protected and is refused: {example}"));
                    }
                }
            }
        }
        for (sort, figures) in &figures {
            let all = figures.judged + figures.refused.values().map(|(n, _)| n).sum::<usize>();
            println!("{file}: {sort:?}: {} of {all} judged ({} %)", figures.judged, figures.judged * 100 / all);
            if figures.unknown > 0 {
                println!("  {:4} name what this server has not", figures.unknown);
            }
            for (id, (n, example)) in &figures.refused {
                println!("  {n:4} refused: {id}\n         {example}");
                let known = REFUSED.iter().find(|(f, i, _)| f == file && i == id).map_or(0, |(_, _, n)| *n);
                if *sort == Sort::Read && *n > known {
                    faults.push(format!("{file}: {n} reads refused with {id}, {known} are known: {example}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Postgres itself does not know a name in the statement.
fn is_unknown(database: &str, sql: &str) -> bool {
    let analysed = World::get().cluster().execute(database, &format!("PREPARE p AS {}", without_placeholders(sql)));
    analysed.is_err_and(|e| e.to_string().contains("does not exist"))
}

fn statements(name: &str) -> Vec<Recorded> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name).with_extension("jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let recorded = |line: &str| {
        let value = serde_json::from_str::<serde_json::Value>(line).unwrap();
        let params = value["params"].as_array().cloned().unwrap_or_default();
        Recorded { sql: value["sql"].as_str().unwrap().to_owned(), params: params.iter().map(|p| p.as_str().map(str::to_owned)).collect() }
    };
    text.lines().map(recorded).collect()
}

/// `{pg_class customers}` stands for an OID.
fn without_placeholders(sql: &str) -> String {
    let mut parts = sql.split("{pg_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "0" + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// The tables that the files' statements name: those that they make themselves, and those they were run against.
fn script() -> String {
    let mut script = include_str!("schema.sql").to_owned();
    for Recorded { sql, .. } in statements("client_django").iter().filter(|r| r.sql.starts_with("CREATE TABLE")) {
        script.push_str(sql);
        script.push_str(";\n");
    }
    // What its migrations changed.
    script.push_str("ALTER TABLE django_content_type DROP COLUMN name;");
    script
}

fn policy() -> &'static str {
    include_str!("policy.toml")
}

fn engine_of(database: &str) -> Engine {
    let policy = Policy::parse("policy.toml", policy()).unwrap_or_else(|e| panic!("{e:?}"));
    Engine::new(&policy, World::get().catalog(database).into(), "marker0marker1marker2").unwrap_or_else(|e| panic!("{e:?}"))
}
