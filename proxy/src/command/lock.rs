//! `pgveil lock`

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pgveil_policy::policy::lock::{Change, Lock, What, compare};

use super::{ConfigArgument, PROBLEMS, bad_configuration, problem};
use crate::config::Config;
use crate::error::{ConfigError, UpstreamError};
use crate::judgement::{catalog, identity};
use crate::rules::{Rules, lock_file};
use crate::upstream::{Upstream, Who};

/// Arguments of `pgveil lock`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Writes the lock file: all columns that there are now are accepted
    #[arg(long)]
    accept: bool,
    /// The changes as JSON, one line each
    #[arg(long)]
    json: bool,
    /// Databases; those of the lock file where none is named
    #[arg(value_name = "DATABASE")]
    databases: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let loaded = Config::load(&arguments.config.config).and_then(|c| Rules::first(&c.policy, &c.file).map(|rules| (c, rules)));
    let (config, rules) = match loaded {
        Ok(loaded) => loaded,
        Err(e) => return bad_configuration(&e),
    };
    let file = lock_file(&config.policy);
    let databases = match databases(arguments, &rules, &config, &file) {
        Ok(databases) => databases,
        Err(e) => return bad_configuration(&e),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return problem(&e),
    };
    match runtime.block_on(look(&config, &rules, &databases)) {
        Err((database, e)) => problem(&format!("database {database}: {e}")),
        Ok(looked) => tell(arguments, &file, &looked),
    }
}

fn databases(arguments: &Arguments, rules: &Rules, config: &Config, file: &Path) -> Result<Vec<String>, ConfigError> {
    let known: Vec<String> = rules.lock.iter().flat_map(|lock| lock.databases()).map(str::to_owned).collect();
    let chosen = if arguments.databases.is_empty() { known } else { arguments.databases.clone() };
    if chosen.is_empty() {
        return Err(ConfigError {
            file: config.file.clone(),
            key: "policy".to_owned(),
            problem: format!("there is no {}, and no database is named", file.display()),
            remedy: "name one: pgveil lock --accept DATABASE".to_owned(),
        });
    }
    Ok(chosen)
}

/// What was found.
struct Looked {
    /// By database.
    changes: Vec<(String, Vec<Change>)>,
    /// With all that there is now.
    lock: Lock,
}

async fn look(config: &Config, rules: &Rules, databases: &[String]) -> Result<Looked, (String, UpstreamError)> {
    let mut lock = rules.lock.as_deref().cloned().unwrap_or_default();
    let mut changes = Vec::new();
    for database in databases {
        let of = |e| (database.clone(), e);
        let account = Who::Account(&config.upstream.account);
        let name = [("application_name".to_owned(), "pgveil lock".to_owned())];
        let mut server = Upstream::connect(&config.upstream, account, database, &name).await.map_err(of)?;
        let catalog = catalog(&mut server).await.map_err(of)?;
        let identity = identity(&mut server).await.map_err(of)?;
        changes.push((database.clone(), compare(&lock, &identity, &catalog, &rules.policy)));
        lock = lock.accepting(&identity, &catalog, &rules.policy);
    }
    Ok(Looked { changes, lock })
}

fn tell(arguments: &Arguments, file: &Path, looked: &Looked) -> ExitCode {
    let mut out = String::new();
    for (database, change) in looked.changes.iter().flat_map(|(database, all)| all.iter().map(move |change| (database, change))) {
        match arguments.json {
            true => out.push_str(&format!("{}\n", json(database, change))),
            false => out.push_str(&format!("{database}: {change}\n")),
        }
    }
    if arguments.accept {
        if let Err(e) = write(file, &looked.lock.render()) {
            return problem(&format!("{}: {e}", file.display()));
        }
        if !arguments.json {
            out.push_str(&format!("{} is written\n", file.display()));
        }
    }
    let changed = looked.changes.iter().any(|(_, all)| !all.is_empty());
    let _unread = std::io::stdout().write_all(out.as_bytes());
    if changed && !arguments.accept { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS }
}

fn json(database: &str, change: &Change) -> serde_json::Value {
    let (what, before) = match &change.what {
        What::New => ("new", None),
        What::Renamed(before) => ("renamed", Some(before.join("."))),
        What::Vanished => ("vanished", None),
        What::Retyped(before) => ("retyped", Some(before.clone())),
        What::Reclassed(before) => ("reclassed", before.clone()),
    };
    serde_json::json!({ "database": database, "column": change.names, "change": what, "before": before, "class": change.class })
}

/// In one piece: a proxy may read it at any moment.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let fresh = PathBuf::from(format!("{}.new", file.display()));
    let mut out = fs::File::create(&fresh)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&fresh, file)
}
