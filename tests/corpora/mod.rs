//! What real clients send: the share of each file's statements that is judged, as an analyst from whom some of the columns are
//! protected. It may grow; if it falls, somebody's tool stopped working.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pgveil_policy::{Engine, Policy, Subject};
use pgveil_tests::world::World;

/// Files, and the percentage of each that was judged when it was last looked at, rounded down.
const REACHED: &[(&str, usize)] = &[
    ("client_asyncpg", 78),
    ("client_django", 58),
    ("client_pgcli", 100),
    ("client_psycopg", 61),
    ("client_sqlalchemy", 93),
    ("pg_dump", 67),
    ("psql_backslash", 99),
    ("tpch", 100),
];

struct Figures {
    judged: usize,
    /// How often, and one statement, by the refusal's id.
    refused: BTreeMap<String, (usize, String)>,
}

impl Figures {
    fn all(&self) -> usize {
        self.judged + self.refused.values().map(|(n, _)| n).sum::<usize>()
    }

    fn percent(&self) -> usize {
        self.judged * 100 / self.all()
    }
}

#[test]
fn the_share_of_real_statements_that_is_judged() {
    let engine = engine();
    let mut fallen = Vec::new();
    for (name, reached) in REACHED {
        let figures = judge(&engine, &statements(name));
        println!("{name}: {} statements, {} judged ({} %)", figures.all(), figures.judged, figures.percent());
        for (reason, (n, example)) in &figures.refused {
            println!("  {n:4} refused: {reason}\n         {example}");
        }
        if figures.percent() < *reached {
            fallen.push(format!("{name}: {} % of {} judged, {reached} % had been reached", figures.percent(), figures.all()));
        }
    }
    assert!(fallen.is_empty(), "{}", fallen.join("\n"));
}

fn statements(name: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name).with_extension("jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let sql = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["sql"].as_str().unwrap().to_owned();
    text.lines().map(sql).collect()
}

/// The tables that the files' statements name: those that they make themselves, and those they were run against.
fn engine() -> Engine {
    let world = World::get();
    let mut script = include_str!("schema.sql").to_owned();
    let django = statements("client_django");
    for sql in django.iter().filter(|sql| sql.starts_with("CREATE TABLE")) {
        script.push_str(sql);
        script.push_str(";\n");
    }
    // What its migrations changed.
    script.push_str("ALTER TABLE django_content_type DROP COLUMN name;");
    let database = world.database(&script);
    let policy = Policy::parse("policy.toml", include_str!("policy.toml")).unwrap_or_else(|e| panic!("{e:?}"));
    Engine::new(&policy, world.catalog(&database).into(), "marker0marker1marker2").unwrap_or_else(|e| panic!("{e:?}"))
}

fn judge(engine: &Engine, statements: &[String]) -> Figures {
    let who = Subject { role: "analyst".to_owned(), search_path: ["pg_catalog", "public"].map(str::to_owned).to_vec().into() };
    let mut figures = Figures { judged: 0, refused: BTreeMap::new() };
    for sql in statements {
        match engine.judge(&who, sql) {
            Ok(_) => figures.judged += 1,
            Err(refusal) => {
                let example = format!("{}: {}", refusal.message, sql.split_whitespace().collect::<Vec<_>>().join(" "));
                let entry = figures.refused.entry(refusal.id.to_owned()).or_insert((0, example.chars().take(160).collect()));
                entry.0 += 1;
            }
        }
    }
    figures
}
