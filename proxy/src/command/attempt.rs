//! `pgveil try`

use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use super::ground::session::{Session, Stage};
use super::ground::user::UserArguments;
use super::ground::{DatabaseArguments, Loaded, PolicyArguments, Source, Trouble, known_role};
use super::table::table;
use super::{PROBLEMS, print, report, say};
use crate::upstream::Answer;
use serde_json::{Value, json};

/// Arguments of `pgveil try`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The statements go through a proxy of this command's own, with the policy as the file has it now: what comes back is what the role
would get. It logs in with the database as the role's account. Nothing goes to the audit log. Without SQL a prompt reads statements up
to a semicolon; \\q or Ctrl-D ends it. Writes are real.

Without a configuration pseudonyms are made with PGVEIL_KEY, or with a key that lives as long as this command.
Exit codes: 0 done, 1 a statement was refused or failed, 2 wrong usage, 78 bad configuration.

  pgveil try --role analyst --database shop \"SELECT email FROM shop.customers LIMIT 3\"
  pgveil try --role analyst --policy new.toml --database-url postgres://pgveil@127.0.0.1/shop")]
pub(super) struct Arguments {
    /// The role of the policy that asks
    #[arg(long, value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    user: UserArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    /// One JSON document: [{"columns", "rows", "tag", "error": {"code", "message", "detail", "hint", "position"}}], one for each statement
    #[arg(long, requires = "sql")]
    json: bool,
    /// What is asked; without it a prompt
    sql: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match attempt(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(PROBLEMS),
        Err(trouble) => trouble.tell(),
    }
}

/// Whether all went well.
fn attempt(arguments: &Arguments) -> Result<bool, Trouble> {
    let file = arguments.policy.file()?;
    let loaded = Loaded::open(&file)?;
    known_role(&loaded.policy, &arguments.role)?;
    let user = arguments.user.user()?;
    let mut live = arguments.database.need(&arguments.policy)?;
    // A policy that does not fit is told here, where its lines can be shown.
    live.engine(&loaded)?;
    if matches!(live.source, Source::Url(_)) && std::env::var("PGVEIL_KEY").map_or(true, |key| key.is_empty()) {
        say("pgveil: no PGVEIL_KEY: pseudonyms are made with a key of this run, and differ from those of the proxy");
    }
    let stage = Stage::open(&file, &live.source, &live.database)?;
    let mut session = stage.session(&user, &arguments.role)?;
    match &arguments.sql {
        Some(sql) => {
            let answers = session.run(sql)?;
            if arguments.json {
                print(&format!("{:#}\n", answers.iter().map(document).collect::<Value>()));
            } else {
                tell(&answers, sql);
            }
            Ok(answers.iter().all(|a| a.error.is_none()))
        }
        None => prompt(&mut session, &arguments.role),
    }
}

/// Reads statements up to a semicolon at the end of a line.
fn prompt(session: &mut Session<'_>, role: &str) -> Result<bool, Trouble> {
    let asks = io::stdin().is_terminal();
    let mut text = String::new();
    let mut well = true;
    loop {
        if asks {
            print(&if text.is_empty() { format!("{role}=> ") } else { format!("{role}-> ") });
        }
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).map_err(|e| Trouble::System(format!("standard input: {e}")))?;
        if read == 0 || text.is_empty() && matches!(line.trim(), "\\q" | "quit" | "exit") {
            if !text.trim().is_empty() {
                well &= ask(session, &text)?;
            }
            if asks && read == 0 {
                print("\n");
            }
            return Ok(well);
        }
        text.push_str(&line);
        if line.trim_end().ends_with(';') {
            well &= ask(session, &std::mem::take(&mut text))?;
        } else if text.trim().is_empty() {
            text.clear();
        }
    }
}

fn ask(session: &mut Session<'_>, sql: &str) -> Result<bool, Trouble> {
    let answers = session.run(sql)?;
    tell(&answers, sql);
    Ok(answers.iter().all(|a| a.error.is_none()))
}

fn tell(answers: &[Answer], sql: &str) {
    for answer in answers {
        for notice in &answer.notices {
            say(report::shown(notice, sql).trim_end());
        }
        if let Some(columns) = &answer.columns {
            let header: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
            let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
            let rows: Vec<Vec<String>> = answer.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            let right: Vec<bool> = columns.iter().map(|(_, oid)| NUMBERS.contains(oid)).collect();
            print(&table(&header, &rows, &right));
            print(&format!("({} row{})\n\n", rows.len(), if rows.len() == 1 { "" } else { "s" }));
        } else {
            print(&String::from_utf8_lossy(&answer.copied));
            if let Some(tag) = &answer.tag {
                print(&format!("{tag}\n"));
            }
        }
        if let Some(error) = &answer.error {
            say(report::shown(error, sql).trim_end());
        }
    }
}

/// OIDs of the types that are aligned to the right: int8, int2, int4, oid, float4, float8, numeric.
const NUMBERS: [u32; 7] = [20, 21, 23, 26, 700, 701, 1700];

fn document(answer: &Answer) -> Value {
    json!({
        "columns": answer.columns.as_ref().map(|columns| columns.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        "rows": answer.columns.as_ref().map(|_| &answer.rows),
        "tag": answer.tag,
        "error": answer.error.as_ref().map(report::json),
    })
}
