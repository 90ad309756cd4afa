//! Measures pgveil beside the direct connection and PgBouncer, all in one run and interleaved: see docs/benchmarks.md.

mod client;
mod error;
mod figures;
mod measure;
mod report;
mod stage;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use error::BenchError;
use measure::Effort;
use report::Report;
use stage::Stage;

/// Measures pgveil beside the direct connection and PgBouncer.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Fewer rounds, fewer rows: under three minutes
    #[arg(long)]
    quick: bool,
    /// Puts the table into docs/benchmarks.md, between its markers
    #[arg(long)]
    write: bool,
    /// Only these parts: pgbench, latency, export, login, idle, judging
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

fn main() -> ExitCode {
    // The proxy runs as a process of its own, from this same program: its memory can be told from ours.
    if std::env::args().nth(1).is_some_and(|word| word == "serve") {
        return pgveil::command::run();
    }
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let started = Instant::now();
    let effort = if arguments.quick { Effort::quick() } else { Effort::full() };
    let wanted = |part: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == part);
    let say = |text: &str| eprintln!("[{:>4.0} s] {text}", started.elapsed().as_secs_f64());
    say("Postgres, tables, PgBouncer, pgveil");
    let stage = Stage::set(&effort)?;
    let mut report = Report::new(&stage, &effort);
    type Part = fn(&Stage, &Effort, &mut Report) -> Result<(), BenchError>;
    let parts: [(&str, &str, Part); 6] = [
        ("judging", "judging", measure::judging::run),
        ("latency", "prepared point query, one client", measure::latency::run),
        ("login", "logins", measure::login::run),
        ("export", "export", measure::export::run),
        ("pgbench", "pgbench", measure::pgbench::run),
        ("idle", "idle connections", measure::idle::run),
    ];
    for (name, words, part) in parts {
        if wanted(name) {
            say(words);
            part(&stage, &effort, &mut report)?;
        }
    }
    say("done");
    report.ended();
    println!("{}", report.table());
    if arguments.write { report.write("docs/benchmarks.md") } else { Ok(()) }
}
