//! The command line.

mod attempt;
mod audit;
mod check;
mod demo;
mod diff;
mod explain;
mod ground;
mod lock;
mod report;
mod scan;
mod schema;
mod serve;
mod table;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::ConfigError;

/// Exit code: bad configuration (EX_CONFIG of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;
/// Exit code: found problems.
const PROBLEMS: u8 = 1;

/// A Postgres proxy that lets people work on the real data without seeing the personal data in it.
///
/// Exit codes: 0 done, 1 found problems, 2 wrong usage, 78 bad configuration.
#[derive(Debug, Parser)]
#[command(name = "pgveil", version, propagate_version = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows and checks the audit log
    Audit(audit::Arguments),
    /// Holds a policy against itself and a live database: errors, and what is most likely not meant; runs its tests
    Check(check::Arguments),
    /// Private Postgres, sample data and the proxy; shows what two users see and how to connect
    Demo(demo::Arguments),
    /// Two policies: who sees more and who sees less
    Diff(diff::Arguments),
    /// Says what becomes of a statement: per column its origin, class, mask and rule, and the text that is sent; or why not
    Explain(explain::Arguments),
    /// Compares databases with the lock file, policy.lock beside the policy, and accepts what has changed
    ///
    /// Exit code 1 where something has changed and is not accepted.
    Lock(lock::Arguments),
    /// Looks for personal data in a whole database, by names, types and samples of values, and proposes a policy to edit
    ///
    /// Values are read by the account that is named, a few hundred of each table, and printed nowhere: a column's line says what share of them
    /// looks like what.
    Scan(scan::Arguments),
    /// The JSON Schema of the policy file, for editors
    Schema(schema::Arguments),
    /// Runs the proxy until SIGTERM or SIGINT
    ///
    /// Sessions then end with 57P01. The log goes to standard error, one line per event; PGVEIL_LOG=error|warn|info says how
    /// much. PGVEIL_KEY and PGVEIL_UPSTREAM_PASSWORD stand before the files that the configuration names.
    Serve(serve::Arguments),
    /// Asks as a role of the policy on a live database: one query, or a prompt
    Try(attempt::Arguments),
    /// Adds, lists and removes users
    User(user::Arguments),
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// The configuration file; paths in it are relative to it
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = "pgveil.toml")]
    config: PathBuf,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// Runs a command line; its first word is the program's name. One that is wrong ends the process.
pub fn run_with(line: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    match Line::parse_from(line).command {
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Try(arguments) => attempt::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::User(arguments) => user::run(&arguments),
    }
}

/// Says what is wrong with the configuration.
fn bad_configuration(error: &ConfigError) -> ExitCode {
    say(&format!("pgveil: {error}"));
    ExitCode::from(BAD_CONFIGURATION)
}

/// Says what went wrong otherwise.
fn problem(error: &dyn std::fmt::Display) -> ExitCode {
    say(&format!("pgveil: {error}"));
    ExitCode::from(PROBLEMS)
}

/// To standard output, whether or not anybody reads it.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line to standard error, whether or not anybody reads it.
fn say(text: &str) {
    use std::io::Write as _;
    let _unread = writeln!(std::io::stderr(), "{text}");
}
