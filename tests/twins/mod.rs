//! The twin test: two databases that differ only in what a role must not see give it the same answers, and right ones.
//!
//! `PGVEIL_SEED` repeats a run, `PGVEIL_STATEMENTS` says how many statements (as the analyst; a part of them as each other role),
//! `PGVEIL_FUZZ` runs on until Ctrl-C. Rooms:
//!
//! * `data`, `stage` (of the test bench): the twins; `keyed`: those of a role with a policy of its own; `masked`: the databases of the masks; `campaign`: batches, workers, settings of the planner;
//! * `generate`: statements from a grammar; `mutate`: from real ones (`sql/`, the corpora);
//! * `run`: one statement on all databases; `compare`: twins; `meaning`, `perturb`: right answers, and open ones;
//! * `sessions`: whole connections instead of single statements;
//! * `constructs`, `tally`: how often each construct was accepted, and how often it must be; `shrink`: smaller statements.

mod campaign;
pub mod compare;
mod constructs;
pub mod generate;
mod keyed;
mod least;
mod masked;
mod meaning;
pub mod mutate;
mod perturb;
pub mod run;
mod sessions;
mod shrink;
pub mod tally;

use std::env;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use pgveil_tests::rng::Rng;
pub use pgveil_tests::{data, stage};

use generate::{Generator, Statement};
use run::Pair;
use stage::Stage;
use tally::Report;

/// Statements of a usual run.
const ANALYST: usize = 1_200;
/// From so many on, the least shares of constructs count.
const FULL: usize = 13_000;
/// The same as each of two other roles.
const OTHERS: usize = 600;
/// Differences that are shown before a run gives up.
const SHOWN: usize = 5;

/// From the environment; else the same in each run, so that a change is tried on what was tried before, but for a fuzzer, which goes by
/// the clock.
pub fn seed() -> u64 {
    match env::var("PGVEIL_SEED") {
        Ok(seed) => seed.parse().expect("PGVEIL_SEED is a number"),
        Err(_) if env::var_os("PGVEIL_FUZZ").is_some() => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
        Err(_) => 1_795_381_816,
    }
}

fn statements(standard: usize) -> usize {
    env::var("PGVEIL_STATEMENTS").map_or(standard, |n| n.parse().expect("PGVEIL_STATEMENTS is a number"))
}

/// Runs that many statements as that role; with `PGVEIL_FUZZ`, again and again.
fn run(stage: &Stage, role: &'static str, count: usize) {
    let mut seed = seed();
    loop {
        println!("{role}: seed {seed}");
        let began = Instant::now();
        let report = campaign::run(stage, role, seed, count);
        println!("{}  {:.0} statements per second", report.show(role), report.all.generated as f64 / began.elapsed().as_secs_f64());
        assert!(report.differences.is_empty(), "{role}: PGVEIL_SEED={seed} shows:\n{}", report.differences.join("\n\n"));
        assert!(report.wrong.is_empty(), "{role}: PGVEIL_SEED={seed} is answered wrongly:\n{}", report.wrong.join("\n\n"));
        // As many as a usual run has: fewer say little.
        if role == "analyst" && report.all.generated >= FULL {
            let fallen = least::fallen(&report);
            assert!(fallen.is_empty(), "too little is accepted (tests/twins/least.rs):\n{}", fallen.join("\n"));
        }
        if env::var_os("PGVEIL_FUZZ").is_none() {
            return;
        }
        seed += 1;
    }
}

fn once(seed: u64, mut pair: Pair, count: usize) -> Report {
    let mut report = Report::default();
    for n in 0..count {
        pair.note(&statement(seed, n), &mut report);
        if report.differences.len() >= SHOWN {
            break;
        }
    }
    report
}

/// Each has a seed of its own, so that it can be had again alone.
fn statement(seed: u64, number: usize) -> Statement {
    if let Some(original) = mutate::original(number) {
        return original;
    }
    let mut rng = Rng::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    if rng.chance(40) { mutate::mutant(&mut rng) } else { Generator::new(rng.next(), Stage::small().values).statement() }
}

#[test]
fn twins_look_alike_to_an_analyst() {
    run(Stage::small(), "analyst", statements(ANALYST));
}

#[test]
fn twins_look_alike_to_a_role_with_veils() {
    run(Stage::small(), "veiled", statements(OTHERS * 4) / 4);
}

#[test]
fn twins_look_alike_to_a_role_with_row_filters() {
    run(Stage::small(), "filtered", statements(OTHERS * 4) / 4);
}

#[test]
fn twins_look_alike_to_a_role_with_fakes() {
    run(Stage::small(), "faked", statements(OTHERS * 4) / 12);
}

#[test]
fn twins_look_alike_to_a_role_with_keyed_veils() {
    run(keyed::stage(), keyed::ROLE, statements(OTHERS * 4) / 32);
}

/// Without pgveil between, the same test must fail, soon: else it could not fail at all.
#[test]
fn twins_differ_to_who_sees_everything() {
    let stage = Stage::small();
    for twins in [&stage.both, &stage.values_only, &stage.rows_only] {
        let pair = Pair::plain(stage.plain(&twins.a), stage.plain(&twins.b), stage.plain(&twins.a));
        let report = once(7, pair, 120);
        assert!(report.differences.len() >= SHOWN, "{}", report.show("plain"));
    }
}

/// The generator's text is SQL: what it proves about pgveil, it proves about statements that Postgres runs.
#[test]
fn most_random_statements_are_valid() {
    let stage = Stage::small();
    let mut pair = Pair::plain(stage.plain(&stage.both.a), stage.plain(&stage.both.a), stage.plain(&stage.both.a));
    let mut report = Report::default();
    let seed = seed();
    for n in 0..300 {
        pair.note(&statement(seed, n), &mut report);
    }
    println!("{}", report.show("the same database twice"));
    assert!(report.all.valid * 100 >= report.all.generated * 85, "{}", report.show("plain"));
}

/// Prints what is sent for the statement in PGVEIL_SQL, for who looks into a difference.
#[test]
fn show() {
    if let Ok(sql) = env::var("PGVEIL_SQL") {
        let role = env::var("PGVEIL_ROLE").unwrap_or_else(|_| "analyst".to_owned());
        println!("{}", Stage::small().sent(&role, &sql));
    }
}
