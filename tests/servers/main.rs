//! Other major versions of the server: `make test-servers`.
//!
//! The suite runs once for each of them, a process at a time, on the binaries of [`install`]; what it compares it compares with that very
//! server. `PGVEIL_SERVERS=17,18` runs these only. The version that is installed on the machine is `make test`'s.

mod cpu;
mod install;
mod report;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pgveil_tests::world::World;

use cpu::Cpu;
use report::{GROUPS, Report};

/// Statements of each twin test and role: a few hundred; and sessions, a step of which is a statement.
const STATEMENTS: &str = "400";
const SESSIONS: &str = "80";

/// Parts of the suite that run in full; of the twins, the statements and sessions above.
const PARTS: &[&str] = &["attacks::", "cases::", "corpora::", "drivers::", "dump::", "total::", "tpch::", "twins::", "wire::"];

/// Which say nothing about a version of the server: hostile texts that reach no server, sizes of memory.
const LEFT_OUT: &[&str] = &["wire::noise", "wire::memory", "wire::hostile_sql"];

struct Run {
    major: u32,
    version: String,
    report: Report,
    seconds: u64,
    /// Seconds of processors: tests with the proxy, servers.
    cpu: (u64, u64),
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
        println!("PostgreSQL {} ({}): {} in {} s", run.major, run.version, run.report.result, run.seconds);
        runs.push(run);
    }
    assert!(!runs.is_empty(), "PGVEIL_SERVERS={} names none of the versions", wanted.unwrap_or_default());
    print_table(&runs);
    let failed: Vec<_> = runs.iter().filter(|r| !r.report.failed.is_empty()).map(|r| r.major).collect();
    assert!(failed.is_empty(), "failed on PostgreSQL {failed:?}");
}

fn print_table(runs: &[Run]) {
    println!("\nTests that passed / failed / were left out, seconds, and seconds of processors: tests with the proxy + servers\n");
    let heads: String = GROUPS.iter().map(|(name, _)| format!("{name:>11}")).collect();
    println!("{:<10}{heads}{:>6}  processors", "", "s");
    for run in runs {
        let cells: String = GROUPS.iter().map(|(name, _)| format!("{:>11}", run.report.count(name).to_string())).collect();
        println!("{:<10}{cells}{:>6}  {} + {}", run.version, run.seconds, run.cpu.0, run.cpu.1);
    }
    for run in runs {
        for line in run.report.failed.iter().map(|test| format!("FAILED: {test}")).chain(run.report.left_out.iter().cloned()) {
            println!("{}: {line}", run.version);
        }
    }
    println!("Nowhere: {}", LEFT_OUT.join(", "));
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
    // More at once than there are cores, as in make test: many of them wait.
    let threads = 2 * thread::available_parallelism().map_or(1, usize::from);
    command.args(["--show-output", "--test-threads", &threads.to_string()]);
    command
        .env("PGVEIL_POSTGRES_BIN", binaries)
        .env("PGVEIL_STATEMENTS", STATEMENTS)
        .env("PGVEIL_SESSIONS", SESSIONS)
        .env_remove("PGVEIL_FUZZ");
    command.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file);
    let mut cpu = Cpu::of(binaries);
    let mut suite = command.spawn().expect("cargo");
    let status = loop {
        cpu.look();
        match suite.try_wait().expect("cargo") {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(500)),
        }
    };
    let printed = String::from_utf8_lossy(&fs::read(&log).expect("a log")).into_owned();
    let mut report = Report::read(&printed);
    if !status.success() && report.failed.is_empty() {
        report.failed.push(format!("{status}: {}", printed.lines().last().unwrap_or_default()));
    }
    if !report.failed.is_empty() {
        let from = printed.find("\nfailures:\n").unwrap_or_default();
        println!("{}", printed.get(from..).unwrap_or_default());
    }
    Run { major, version: version(binaries), report, seconds: began.elapsed().as_secs(), cpu: cpu.seconds() }
}

/// As the server tells it.
fn version(binaries: &Path) -> String {
    let output = Command::new(binaries.join("postgres")).arg("--version").output().expect("postgres");
    String::from_utf8_lossy(&output.stdout).split_whitespace().last().unwrap_or_default().to_owned()
}
