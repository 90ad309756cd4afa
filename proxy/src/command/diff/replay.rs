//! `--replay`: the statements of an audit log under two policies.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use pgveil_policy::{Engine, Plan, Refusal, Subject};
use serde_json::{Value, json};

use crate::command::ground::{Live, Trouble};

/// So many statements of each kind are shown.
const EXAMPLES: usize = 10;
/// So many characters of one.
const LONGEST: usize = 160;

/// What became of the recorded statements.
#[derive(Debug, Default)]
pub(super) struct Replay {
    statements: usize,
    same: usize,
    /// Answered under both, but not alike.
    changed: usize,
    /// Answered before, refused now.
    refused: usize,
    /// Refused before, answered now.
    allowed: usize,
    /// Of another database, or no statement.
    skipped: usize,
    examples: Vec<Example>,
}

/// A statement that does not come to the same.
#[derive(Debug)]
struct Example {
    kind: Kind,
    role: String,
    sql: String,
    times: usize,
    /// Why it is refused, before or now.
    why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Changed,
    Refused,
    Allowed,
}

/// A statement as the audit log has it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Recorded {
    role: String,
    path: Vec<String>,
    sql: String,
}

impl Replay {
    /// Reads an audit log and judges what it holds. `[old, new]`.
    pub(super) fn run(file: &Path, live: &Live, engines: [&Engine; 2]) -> Result<Replay, Trouble> {
        let unreadable = |e: std::io::Error| Trouble::System(format!("{}: {e}", file.display()));
        let mut replay = Replay::default();
        // Most statements come again and again.
        let mut known: HashMap<Recorded, (Kind, Option<usize>)> = HashMap::new();
        for line in BufReader::new(File::open(file).map_err(unreadable)?).lines() {
            let line = line.map_err(unreadable)?;
            let Some(recorded) = recorded(&line, live) else {
                replay.skipped = replay.skipped.saturating_add(usize::from(!line.trim().is_empty()));
                continue;
            };
            let (kind, example) = match known.get(&recorded) {
                Some(known) => *known,
                None => {
                    let (kind, why) = judged(&recorded, engines);
                    let example = (kind != Kind::Same).then(|| {
                        let (role, sql) = (recorded.role.clone(), short(&recorded.sql));
                        replay.examples.push(Example { kind, role, sql, times: 0, why });
                        replay.examples.len().saturating_sub(1)
                    });
                    known.insert(recorded, (kind, example));
                    (kind, example)
                }
            };
            if let Some(example) = example.and_then(|n| replay.examples.get_mut(n)) {
                example.times = example.times.saturating_add(1);
            }
            let count = match kind {
                Kind::Same => &mut replay.same,
                Kind::Changed => &mut replay.changed,
                Kind::Refused => &mut replay.refused,
                Kind::Allowed => &mut replay.allowed,
            };
            *count = count.saturating_add(1);
            replay.statements = replay.statements.saturating_add(1);
        }
        replay.examples.sort_by_key(|e| std::cmp::Reverse(e.times));
        Ok(replay)
    }

    pub(super) fn json(&self) -> Value {
        let example = |e: &Example| {
            let kind = match e.kind {
                Kind::Same => "same",
                Kind::Changed => "changed",
                Kind::Refused => "refused",
                Kind::Allowed => "allowed",
            };
            json!({ "kind": kind, "role": e.role, "sql": e.sql, "times": e.times, "why": e.why })
        };
        json!({
            "statements": self.statements, "same": self.same, "changed": self.changed, "refused": self.refused,
            "allowed": self.allowed, "skipped": self.skipped,
            "examples": self.examples.iter().map(example).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self) -> String {
        let skipped = if self.skipped > 0 {
            format!(" ({} lines skipped: no statements, or of other databases)", self.skipped)
        } else {
            String::new()
        };
        let mut out = format!(
            "Of {} recorded statements {} come to the same, {} would be answered otherwise, {} be refused that were not, {} be answered that were refused{skipped}.\n",
            self.statements, self.same, self.changed, self.refused, self.allowed
        );
        for (kind, title) in [(Kind::Refused, "Refused"), (Kind::Changed, "Answered otherwise"), (Kind::Allowed, "No longer refused")] {
            let examples: Vec<&Example> = self.examples.iter().filter(|e| e.kind == kind).collect();
            if examples.is_empty() {
                continue;
            }
            out.push_str(&format!("\n{title}\n"));
            for e in examples.iter().take(EXAMPLES) {
                let why = e.why.as_ref().map(|why| format!("\n      {why}")).unwrap_or_default();
                out.push_str(&format!("  {}×  {}: {}{why}\n", e.times, e.role, e.sql));
            }
            if let Some(more) = examples.len().checked_sub(EXAMPLES).filter(|n| *n > 0) {
                out.push_str(&format!("  and {more} more\n"));
            }
        }
        out
    }
}

/// A line's statement, where it is one of this database.
fn recorded(line: &str, live: &Live) -> Option<Recorded> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    if text("database").is_some_and(|database| database != live.database) {
        return None;
    }
    let parts = |text: &str| text.split(',').map(|s| s.trim().trim_matches('"').to_owned()).filter(|s| !s.is_empty()).collect::<Vec<_>>();
    let path = match value.get("search_path") {
        Some(Value::Array(schemas)) => schemas.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(schemas)) => parts(schemas),
        _ => live.search_path.clone(),
    };
    let path = if path.iter().any(|s| s == "pg_catalog") { path } else { std::iter::once("pg_catalog".to_owned()).chain(path).collect() };
    Some(Recorded { role: text("role")?.to_owned(), path, sql: text("sql")?.to_owned() })
}

fn judged(recorded: &Recorded, [old, new]: [&Engine; 2]) -> (Kind, Option<String>) {
    let who = Subject { role: recorded.role.clone(), search_path: recorded.path.clone().into(), user: None };
    // The text of a role that is passed through is never read.
    let judge = |engine: &Engine| match engine.unprotected(&who.role) {
        true => Ok(None),
        false => engine.judge(&who, &recorded.sql).map(Some),
    };
    let why = |r: &Refusal| Some(format!("{} ({})", r.message, r.id));
    match (judge(old), judge(new)) {
        (Ok(None), Ok(None)) => (Kind::Same, None),
        (Ok(Some(old)), Ok(Some(new))) => (if alike(&old, &new) { Kind::Same } else { Kind::Changed }, None),
        (Ok(_), Ok(_)) => (Kind::Changed, None),
        (Ok(_), Err(refusal)) => (Kind::Refused, why(&refusal)),
        (Err(refusal), Ok(_)) => (Kind::Allowed, why(&refusal)),
        (Err(_), Err(_)) => (Kind::Same, None),
    }
}

/// The same text is sent, and the same is done with what comes back.
fn alike(old: &Plan, new: &Plan) -> bool {
    let text = |sql: &pgveil_policy::SqlText| sql.render("", |token| token.text.clone(), str::to_owned);
    old.rest == new.rest
        && old.statements.len() == new.statements.len()
        && old.statements.iter().zip(&new.statements).all(|(old, new)| {
            text(&old.text) == text(&new.text) && old.kind == new.kind && old.shown() == new.shown() && old.tokens == new.tokens
        })
}

fn short(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    format!("{}…", line.chars().take(LONGEST).collect::<String>())
}
