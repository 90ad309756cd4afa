//! `pgveil lock`

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pgveil_policy::policy::lock::{Change, Lock, What, compare};

use super::ground::{DatabaseArguments, Live, Loaded, PolicyArguments, Trouble, faults};
use super::{PROBLEMS, print};
use crate::rules::lock_file;

/// Arguments of `pgveil lock`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Exit codes: 0 nothing has changed, or it is accepted; 1 something has changed; 2 wrong usage; 78 bad configuration.

  pgveil lock --accept shop crm                         databases of the configuration's server, for the first time
  pgveil lock                                           what has changed in those of the lock file
  pgveil lock --accept                                  accepts that
  pgveil lock --policy policy.toml --database-url postgres://pgveil@127.0.0.1/shop")]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// Writes the lock file: all columns that there are now are accepted
    #[arg(long)]
    accept: bool,
    /// The changes as JSON, one line each: {"database", "column": [schema, relation, column], "change": "new" | "renamed" | "vanished" | "retyped" | "reclassed", "before", "class"}
    #[arg(long)]
    json: bool,
    /// A database that no configuration names, as for pgveil check
    #[arg(long, value_name = "URL", conflicts_with = "databases")]
    database_url: Option<String>,
    /// Databases of the configuration's server; those of the lock file where none is named
    #[arg(value_name = "DATABASE")]
    databases: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    look(arguments).unwrap_or_else(|trouble| trouble.tell())
}

fn look(arguments: &Arguments) -> Result<ExitCode, Trouble> {
    let path = arguments.policy.file()?;
    let loaded = Loaded::open(&path)?;
    let before = loaded.lock.clone().unwrap_or_default();
    let (mut lock, mut changed) = (before.clone(), false);
    for database in databases(arguments, &before, &path)? {
        let mut live = database.open(&arguments.policy)?.ok_or_else(|| Trouble::Usage("which database?".to_owned()))?;
        // What does not fit has no meaning that could be accepted.
        live.try_engine(&loaded.policy, None)?.map_err(|errors| faults(errors, &loaded.text))?;
        let identity = live.identity()?;
        let changes = compare(&before, &identity, &live.catalog, &loaded.policy);
        changed |= !changes.is_empty() || !before.knows(&live.database);
        print(&told(arguments.json, &before, &live, &changes));
        lock = lock.accepting(&identity, &live.catalog, &loaded.policy);
    }
    if !arguments.accept {
        return Ok(if changed { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS });
    }
    if lock != before || loaded.lock.is_none() {
        let file = lock_file(&path);
        write(&file, &lock.render()).map_err(|e| Trouble::System(format!("{}: {e}", file.display())))?;
        if !arguments.json {
            print(&format!("{} is written\n", file.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn databases(arguments: &Arguments, lock: &Lock, policy: &Path) -> Result<Vec<DatabaseArguments>, Trouble> {
    if arguments.database_url.is_some() {
        return Ok(vec![DatabaseArguments { database: None, database_url: arguments.database_url.clone() }]);
    }
    let known = || lock.databases().map(str::to_owned).collect();
    let chosen: Vec<String> = if arguments.databases.is_empty() { known() } else { arguments.databases.clone() };
    if chosen.is_empty() {
        let file = lock_file(policy);
        return Err(Trouble::Usage(format!("{} has no database yet: name one, as in pgveil lock --accept shop", file.display())));
    }
    Ok(chosen.into_iter().map(|name| DatabaseArguments { database: Some(name), database_url: None }).collect())
}

fn told(is_json: bool, lock: &Lock, live: &Live, changes: &[Change]) -> String {
    let database = &live.database;
    if is_json {
        return changes.iter().map(|change| format!("{}\n", json(database, change))).collect();
    }
    if !lock.knows(database) {
        let classed = changes.iter().filter(|c| c.class.is_some()).count();
        return format!("{database}: not in the lock file yet: {} columns, {classed} of them with a class\n", changes.len());
    }
    changes.iter().map(|change| format!("{database}: {change}\n")).collect()
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

/// In one piece: a proxy may read it at any moment. A link stays a link.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let fresh = PathBuf::from(format!("{}.new", target.display()));
    let mut out = fs::File::create(&fresh)?;
    let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).and_then(|()| fs::rename(&fresh, &target));
    if written.is_err() {
        let _left = fs::remove_file(&fresh);
    }
    written
}
