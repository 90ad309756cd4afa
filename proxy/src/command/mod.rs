//! The command line.

mod audit;
mod demo;
mod lock;
mod serve;
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
    /// Private Postgres, sample data and the proxy; shows what two users see and how to connect
    Demo(demo::Arguments),
    /// Compares databases with the lock file, policy.lock beside the policy, and accepts what has changed
    ///
    /// Exit code 1 where something has changed and is not accepted.
    Lock(lock::Arguments),
    /// Runs the proxy until SIGTERM or SIGINT
    ///
    /// Sessions then end with 57P01. The log goes to standard error, one line per event; PGVEIL_LOG=error|warn|info says how
    /// much. PGVEIL_KEY and PGVEIL_UPSTREAM_PASSWORD stand before the files that the configuration names.
    Serve(serve::Arguments),
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
    match Line::parse().command {
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments),
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

/// A line to standard error, whether or not anybody reads it.
fn say(text: &str) {
    use std::io::Write as _;
    let _unread = writeln!(std::io::stderr(), "{text}");
}
