//! Other major versions of the server: `make test-servers`.
//!
//! The suite runs once for each of them, a process at a time, on the binaries of [`install`]; what it compares it compares with that very
//! server. `PGVEIL_SERVERS=17,18` runs these only. The version that is installed on the machine is `make test`'s.

mod install;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pgveil_tests::world::World;

/// Statements of each twin test and role: a few hundred; and sessions, a step of which is a statement.
const STATEMENTS: &str = "400";
const SESSIONS: &str = "80";

/// Parts of the suite that run in full; of the twins, the statements and sessions above.
const PARTS: &[&str] = &["attacks::", "cases::", "corpora::", "drivers::", "dump::", "total::", "tpch::", "twins::", "wire::"];

/// Which say nothing about a version of the server: Python's driver, hostile texts that reach no server, sizes of memory.
const LEFT_OUT: &[&str] = &["drivers::psycopg", "wire::noise", "wire::memory", "wire::hostile_sql"];

struct Run {
    major: u32,
    version: String,
    result: String,
    failed: Vec<String>,
    /// What tests say that they left out.
    left_out: Vec<String>,
    seconds: u64,
}

#[test]
fn every_major_version() {
    let installed = World::get().major();
    let wanted = env::var("PGVEIL_SERVERS").ok();
    let is_wanted = |major: u32| wanted.as_deref().is_none_or(|w| w.split(',').any(|one| one.trim().parse() == Ok(major)));
    let mut runs = Vec::new();
    for (major, package) in install::PACKAGES {
        if !is_wanted(*major) {
            continue;
        }
        if *major == installed && wanted.is_none() {
            println!("PostgreSQL {major} is what is installed here: its run is that of make test");
            continue;
        }
        let binaries = install::binaries(package).unwrap_or_else(|e| panic!("{package}: {e}"));
        let run = run(*major, &binaries);
        println!("PostgreSQL {} ({}): {} in {} s", run.major, run.version, run.result, run.seconds);
        runs.push(run);
    }
    assert!(!runs.is_empty(), "PGVEIL_SERVERS={} names none of the versions", wanted.unwrap_or_default());
    println!("\n{:<6} {:<10} {:>6}  result", "major", "version", "s");
    for run in &runs {
        println!("{:<6} {:<10} {:>6}  {}", run.major, run.version, run.seconds, run.result);
        for line in run.failed.iter().map(|test| format!("FAILED: {test}")).chain(run.left_out.iter().cloned()) {
            println!("{:>26}{line}", "");
        }
    }
    let failed: Vec<_> = runs.iter().filter(|r| !r.failed.is_empty()).map(|r| r.major).collect();
    assert!(failed.is_empty(), "failed on PostgreSQL {failed:?}");
}

/// The suite on these binaries, in a process of its own: a process has one world.
fn run(major: u32, binaries: &Path) -> Run {
    let began = Instant::now();
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("servers-{major}.log"));
    println!("PostgreSQL {major}: the suite runs; what it prints goes to {}", log.display());
    let file = fs::File::create(&log).expect("a log");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["test", "--workspace", "--locked", "--test", "suite", "--"]).args(PARTS);
    for part in LEFT_OUT {
        command.args(["--skip", part]);
    }
    command.arg("--show-output");
    command
        .env("PGVEIL_POSTGRES_BIN", binaries)
        .env("PGVEIL_STATEMENTS", STATEMENTS)
        .env("PGVEIL_SESSIONS", SESSIONS)
        .env_remove("PGVEIL_FUZZ");
    command.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file);
    let status = command.status().expect("cargo");
    let printed = String::from_utf8_lossy(&fs::read(&log).expect("a log")).into_owned();
    let mut failed: Vec<String> =
        printed.lines().filter_map(|l| l.strip_prefix("test ")?.strip_suffix(" ... FAILED")).map(str::to_owned).collect();
    let result = printed.lines().rev().find_map(|l| l.strip_prefix("test result: ")).unwrap_or("no result").to_owned();
    if !status.success() && failed.is_empty() {
        failed.push(format!("{status}: {}", printed.lines().last().unwrap_or_default()));
    }
    // Of several tests that leave out the same, one speaks for all.
    let mut left_out: Vec<String> = printed.lines().filter(|l| l.starts_with("SKIPPED")).map(str::to_owned).collect();
    left_out.sort();
    left_out.dedup();
    if !failed.is_empty() {
        let from = printed.find("\nfailures:\n").unwrap_or_default();
        println!("{}", printed.get(from..).unwrap_or_default());
    }
    Run {
        major,
        version: version(binaries),
        result: result.split("; 0 measured").next().unwrap_or_default().to_owned(),
        failed,
        left_out,
        seconds: began.elapsed().as_secs(),
    }
}

/// As the server tells it.
fn version(binaries: &Path) -> String {
    let output = Command::new(binaries.join("postgres")).arg("--version").output().expect("postgres");
    String::from_utf8_lossy(&output.stdout).split_whitespace().last().unwrap_or_default().to_owned()
}
