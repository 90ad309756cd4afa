//! `pgveil diff OLD NEW`

mod replay;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use pgveil_policy::report::diff::{Change, Difference, Subject, diff};
use serde_json::{Value, json};

use super::ground::{DatabaseArguments, Loaded, PolicyArguments, Trouble, faults};
use super::table::columns;
use super::{PROBLEMS, print};
use replay::Replay;

/// Arguments of `pgveil diff`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
With a database, columns and relations are those that are there; without one, those that the patterns of both files name.
Exit codes: 0 nobody sees or may do more, 1 somebody does or could, 2 wrong usage, 78 bad configuration.

  pgveil diff policy.toml new.toml
  pgveil diff policy.toml new.toml --database shop --replay audit.log")]
pub(super) struct Arguments {
    /// The policy as it is
    old: PathBuf,
    /// The policy as it would be
    new: PathBuf,
    /// The configuration file, for --database
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = "pgveil.toml")]
    config: PathBuf,
    #[command(flatten)]
    database: DatabaseArguments,
    /// Judges the statements of an audit log under both policies: how many change their answer or become refused. Needs a database
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// One JSON document: {"old", "new", "database", "differences": [{"change", "role", "subject", "name", "before", "after", "old_line", "new_line"}], "replay": {"statements", "same", "changed", "refused", "allowed", "skipped", "examples": […]}}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match compare(arguments) {
        Ok(code) => code,
        Err(trouble) => trouble.tell(),
    }
}

fn compare(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    // The lock file is one policy's, and no part of it.
    let [old, new] = [&arguments.old, &arguments.new].map(|file| Loaded::open(file).map(|loaded| Loaded { lock: None, ..loaded }));
    let (old, new) = (old?, new?);
    let configuration = PolicyArguments { config: arguments.config.clone(), policy: None };
    let mut live = match arguments.replay {
        Some(_) => Some(arguments.database.need(&configuration)?),
        None => arguments.database.open(&configuration)?,
    };
    let found = diff(&old.policy, &new.policy, live.as_ref().map(|l| l.catalog.as_ref())).map_err(|errors| {
        let of_new = errors.first().is_some_and(|e| e.file == new.policy.file);
        faults(errors, if of_new { &new.text } else { &old.text })
    })?;
    let replay = match (&arguments.replay, &mut live) {
        (Some(file), Some(live)) => {
            let engines = [live.engine(&old)?, live.engine(&new)?];
            Some(Replay::run(file, live, engines.each_ref())?)
        }
        _ => None,
    };
    let database = live.as_ref().map(|l| l.database.as_str());
    if arguments.json {
        let document = json!({
            "old": old.policy.file, "new": new.policy.file, "database": database,
            "differences": found.iter().map(one).collect::<Vec<_>>(),
            "replay": replay.as_ref().map(Replay::json),
        });
        print(&format!("{document:#}\n"));
    } else {
        print(&text(&found));
        if let Some(replay) = &replay {
            print(&format!("\n{}", replay.text()));
        }
    }
    let more = found.iter().any(|d| d.change.may_show_more());
    Ok(if more { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
}

fn one(d: &Difference) -> Value {
    let (old, new) = d.lines;
    json!({
        "change": word(d.change), "role": d.role, "subject": d.subject.name(), "name": d.name,
        "before": d.before, "after": d.after, "old_line": old, "new_line": new,
    })
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Clearer => "clearer",
        Change::Other => "other",
        Change::Form => "form",
        Change::Masked => "masked",
    }
}

fn title(change: Change) -> &'static str {
    match change {
        Change::Clearer => "Shown or allowed that was not",
        Change::Other => "Shown in another way: look at it as if it were more",
        Change::Form => "Shown as much as before, in another form",
        Change::Masked => "Shown or allowed no more",
    }
}

/// For people: what may show more first, and columns of one role that change alike together.
fn text(found: &[Difference]) -> String {
    if found.is_empty() {
        return "Nobody sees or may do anything else.\n".to_owned();
    }
    let mut out = String::new();
    for change in [Change::Clearer, Change::Other, Change::Form, Change::Masked] {
        let mut alike: BTreeMap<_, Vec<&Difference>> = BTreeMap::new();
        for d in found.iter().filter(|d| d.change == change) {
            // Rights and rows stand alone.
            let own = if d.subject == Subject::Column { "" } else { d.name.as_str() };
            alike.entry((&d.role, d.subject, own, &d.before, &d.after)).or_default().push(d);
        }
        if alike.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", title(change)));
        let mut rows = Vec::new();
        for ((role, subject, _, before, after), group) in alike {
            let what = match (subject, group.as_slice()) {
                (Subject::Role, _) => "the role".to_owned(),
                (Subject::Rows, [one, ..]) => format!("rows of {}", one.name),
                (_, [one]) => one.name.clone(),
                (_, [one, two]) => format!("{}, {}", one.name, two.name),
                (_, [one, more @ ..]) => format!("{} and {} more", one.name, more.len()),
                (_, []) => String::new(),
            };
            let place = group.first().map(|d| d.lines).map(|(old, new)| format!("{} → {}", line(old), line(new)));
            rows.push(vec![role.clone(), what, format!("{before} → {after}"), place.unwrap_or_default()]);
        }
        out.push_str(&columns(&rows, "  "));
    }
    out
}

fn line(number: usize) -> String {
    if number == 0 { "—".to_owned() } else { format!("line {number}") }
}
