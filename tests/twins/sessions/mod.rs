//! Twin sessions: what a connection is told from its first message to its last is the same on both twins.
//!
//! `PGVEIL_SEED` repeats a run, `PGVEIL_SESSIONS` says how many, `PGVEIL_FUZZ` runs on until Ctrl-C. Rooms:
//!
//! * `ground`: databases and proxy; `step`: what a session is; `make`: random ones;
//! * `run`: one session on twins and masked databases; `copied`: COPY as rows; `kept`: what it left in tables of its own;
//! * `shrink`: shorter sessions.

mod copied;
mod ground;
mod kept;
mod make;
mod run;
mod shrink;
mod step;

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::campaign;
use super::masked::Masked;
use super::stage::Stage;
use super::tally::Report;
use super::{SHOWN, seed};
use run::{Fault, Runner};
use step::{Session, Step, show};

/// Sessions of a usual run.
const ANALYST: usize = 300;
/// The same as each of the other roles.
const OTHERS: usize = 80;
/// Sessions under the same settings of the planner.
const BATCH: usize = 100;

fn count(standard: usize) -> usize {
    env::var("PGVEIL_SESSIONS").map_or(standard, |n| n.parse().expect("PGVEIL_SESSIONS is a number"))
}

fn session(seed: u64, number: usize) -> Session {
    make::session(seed.wrapping_mul(1_000_003).wrapping_add(number as u64), number, Stage::small().values)
}

/// Runs sessions as that role, by so many workers, each on twins of its own; with `PGVEIL_FUZZ`, again and again.
fn run(role: &'static str, workers: usize, count: usize) {
    let mut seed = seed();
    loop {
        println!("sessions of {role}: seed {seed}");
        let began = Instant::now();
        let next = AtomicUsize::new(0);
        let mut report = Report::default();
        thread::scope(|scope| {
            let all: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(role, seed, &next, count))).collect();
            all.into_iter().for_each(|worker| report.add(worker.join().unwrap()));
        });
        let sessions = next.load(Ordering::Relaxed).min(count);
        println!("{}  {sessions} sessions, {:.1} per second", report.show(role), sessions as f64 / began.elapsed().as_secs_f64());
        assert!(report.differences.is_empty(), "{role}: PGVEIL_SEED={seed} shows:\n{}", report.differences.join("\n\n"));
        assert!(report.wrong.is_empty(), "{role}: PGVEIL_SEED={seed} is answered wrongly:\n{}", report.wrong.join("\n\n"));
        if env::var_os("PGVEIL_FUZZ").is_none() {
            return;
        }
        seed += 1;
    }
}

fn work(role: &str, seed: u64, next: &AtomicUsize, last: usize) -> Report {
    let ground = ground::ground(role);
    let masked = Masked::make(&ground, role);
    let mut runner = Runner::new(&ground, role, &masked);
    let mut report = Report::default();
    for done in 0.. {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= last || report.differences.len() + report.wrong.len() >= SHOWN {
            break;
        }
        if done % BATCH == 0 {
            campaign::plan(&ground, role, campaign::PLANS[done / BATCH % campaign::PLANS.len()]);
            runner.reconnect();
        }
        note(&mut runner, &session(seed, n), &mut report);
    }
    report
}

/// With other names for its objects.
fn renamed(session: &Session, trial: usize) -> Session {
    let mut session = session.clone();
    for step in &mut session.steps {
        *step = step.with_sql(step.sql().replace(make::OWN, &format!("{}{trial}x", make::OWN)));
    }
    session
}

/// Plays a session, and where something is the matter finds a shorter one.
fn note(runner: &mut Runner, session: &Session, report: &mut Report) {
    let Some(fault) = runner.note(session, report) else { return };
    let different = matches!(fault, Fault::Different(_));
    let first = fault.words().to_owned();
    let mut what = fault;
    let mut trials = 0;
    let small = shrink::shrink(session, &mut |smaller| {
        // Under names of its own: a proxy may still know what the last trial dropped behind its back.
        trials += 1;
        match runner.fault(&renamed(smaller, trials)) {
            Some(found) if matches!(found, Fault::Different(_)) == different => {
                what = found;
                true
            }
            _ => false,
        }
    });
    let told = format!("{}\n{}--- shrunk from ({first})\n{}", what.words(), show(&small), show(session));
    if different { report.differences.push(told) } else { report.wrong.push(told) }
}

#[test]
fn sessions_of_an_analyst() {
    run("analyst", 2, count(ANALYST));
}

#[test]
fn sessions_of_a_role_with_veils() {
    run("veiled", 1, count(OTHERS * 4) / 4);
}

#[test]
fn sessions_of_a_role_with_row_filters() {
    run("filtered", 1, count(OTHERS * 4) / 4);
}

/// Without pgveil between, the same test must fail, soon; and most of what is generated is SQL that Postgres runs.
#[test]
fn sessions_differ_to_who_sees_everything() {
    let ground = ground::ground("analyst");
    let mut runner = Runner::plain(&ground);
    let mut report = Report::default();
    let found = (0..60).filter(|n| matches!(runner.note(&session(7, *n), &mut report), Some(Fault::Different(_)))).count();
    assert!(found >= 30, "{found} of 60 sessions differ");
}

/// The same through a proxy, as a role without masks.
#[test]
fn sessions_of_a_role_without_masks_differ() {
    let ground = ground::ground("analyst");
    let logins = [&ground.both.a, &ground.both.b].map(|database| ground.login("admin", database));
    let mut runner = Runner::through(&ground, logins);
    let found = (0..20).filter(|n| runner.play(&session(7, *n)).difference.is_some()).count();
    assert!(found >= 8, "{found} of 20 sessions differ");
}

/// What is stored raw is found, also where nobody reads it back.
#[test]
fn a_stored_value_is_found() {
    let ground = ground::ground("analyst");
    let mut runner = Runner::plain(&ground);
    let kept = |filter: &str| Session {
        steps: vec![
            Step::simple("CREATE TABLE", "CREATE TABLE adhoc.o_leak (id int, mail text)"),
            Step::simple("INSERT", format!("INSERT INTO adhoc.o_leak SELECT id, email FROM shop.customers WHERE {filter}")),
        ],
    };
    assert_eq!(runner.play(&kept("false")).difference, None);
    let stored = runner.play(&kept("country = 'DE'")).difference.unwrap_or_default();
    assert!(stored.contains("stored in adhoc.o_leak"), "{stored}");
}

#[test]
fn most_random_sessions_are_valid() {
    let ground = ground::ground("analyst");
    let (mut made, mut valid) = (0, 0);
    let mut runner = Runner::plain(&ground);
    let mut errors = std::collections::BTreeMap::<String, usize>::new();
    for n in 0..150 {
        let session = session(seed(), n);
        for (step, answer) in session.steps.iter().zip(runner.valid(&session)) {
            let Some(answer) = answer.filter(|_| step.kind != "error") else { continue };
            made += 1;
            valid += usize::from(answer.error().is_none());
            if answer.error().is_some() {
                *errors.entry(format!("{}: {} {}", step.kind, answer.sqlstate(), super::run::shape(answer.message()))).or_default() += 1;
            }
        }
    }
    println!("{valid} of {made} steps are valid\n{errors:#?}");
    assert!(valid * 100 >= made * 85, "{valid} of {made} steps are valid");
}
