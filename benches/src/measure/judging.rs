//! Judging alone: texts that were never seen, and one that was.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::{Engine, Policy, Subject};

use super::Effort;
use crate::client::Client;
use crate::error::BenchError;
use crate::figures::Spread;
use crate::report::{Report, Row};
use crate::stage::{POLICY, Stage};

/// Texts in a row.
const COLD: u32 = 500;
/// Look-ups in a row.
const CACHED: u32 = 50_000;
/// Goals, µs.
const COLD_GOAL: f64 = 80.0;
const CACHED_GOAL: f64 = 0.5;

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    let engine = engine(stage)?;
    // On a stack like those of pgveil's workers.
    let work = std::thread::Builder::new().name("judging".to_owned()).stack_size(pgveil_policy::read::THREAD_STACK);
    let measured = std::thread::scope(|scope| work.spawn_scoped(scope, || measure(&engine, effort)).map(|thread| thread.join()))?;
    let [points, joins, hits] = measured.map_err(|_| BenchError::Judging("panicked".to_owned()))??;
    for (what, times, decimals, goal) in [
        ("judging, point select never seen", points, 1, Some(COLD_GOAL)),
        ("judging, join with GROUP BY never seen", joins, 1, None),
        ("judging, seen before", hits, 3, Some(CACHED_GOAL)),
    ] {
        let spread = Spread::new(times);
        report.add(Row {
            what: what.to_owned(),
            unit: "µs",
            direct: String::new(),
            pgbouncer: String::new(),
            pgveil: spread.show(decimals),
            ratio: String::new(),
            goal: goal.map(|goal| format!("≤ {goal} µs")).unwrap_or_default(),
            met: goal.map(|goal| spread.keeps_to(goal)),
        });
    }
    Ok(())
}

// Of a point select, a join, and a text that was seen before: microseconds each, in every round.
fn measure(engine: &Engine, effort: &Effort) -> Result<[Vec<f64>; 3], BenchError> {
    let path: Arc<[String]> = ["pg_catalog", "public"].map(str::to_owned).into();
    let ana = Subject { role: "analyst".to_owned(), search_path: path, user: None };
    let mut number = 0_u32;
    let mut cold = |text: fn(u32) -> String| -> Result<f64, BenchError> {
        let texts: Vec<String> = (0..COLD).map(|n| text(number.wrapping_add(n))).collect();
        number = number.wrapping_add(COLD);
        time(COLD, || texts.iter().try_for_each(|text| judge(engine, &ana, text)))
    };
    let point = |n| format!("SELECT id, full_name, email, created FROM shop.customers WHERE id = {n}");
    let join = |n| {
        format!(
            "SELECT c.email, count(*) AS orders, sum(o.total) AS total FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id \
             WHERE c.country = 'DE' AND o.total > {n} GROUP BY c.email ORDER BY total DESC LIMIT 10"
        )
    };
    let known = point(0);
    let (mut points, mut joins, mut hits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.judging_rounds {
        points.push(cold(point)?);
        joins.push(cold(join)?);
        judge(engine, &ana, &known)?;
        hits.push(time(CACHED, || (0..CACHED).try_for_each(|_| judge(engine, &ana, black_box(&known))))?);
    }
    Ok([points, joins, hits])
}

/// What pgveil sends to the server for ana.
pub fn text(stage: &Stage, sql: &str) -> Result<String, BenchError> {
    let ana = Subject { role: "analyst".to_owned(), search_path: Arc::from(["pg_catalog".to_owned()]), user: None };
    let plan = engine(stage)?.judge(&ana, sql).map_err(|refusal| BenchError::Judging(refusal.message))?;
    let texts: Vec<String> = plan.statements.iter().map(|s| s.text.render("0", |_| String::new(), str::to_owned)).collect();
    Ok(texts.join("; "))
}

fn engine(stage: &Stage) -> Result<Engine, BenchError> {
    let mut client = Client::connect(&stage.direct)?;
    let mut builder = Builder::new();
    for (name, sql) in QUERIES {
        builder.rows(name, client.rows(sql)?).map_err(|e| BenchError::Judging(e.to_string()))?;
    }
    let catalog = builder.finish().map_err(|e| BenchError::Judging(e.to_string()))?;
    let policy = Policy::parse("bench", POLICY).map_err(|e| BenchError::Judging(format!("{e:?}")))?;
    Engine::new(&policy, Arc::new(catalog), "zq9Jw2Vx81LmNpQr4TyU").map_err(|e| BenchError::Judging(format!("{e:?}")))
}

fn judge(engine: &Engine, who: &Subject, sql: &str) -> Result<(), BenchError> {
    engine.judge(who, sql).map(|plan| drop(black_box(plan))).map_err(|refusal| BenchError::Judging(format!("{sql}: {}", refusal.message)))
}

// Microseconds for each.
fn time(count: u32, work: impl FnOnce() -> Result<(), BenchError>) -> Result<f64, BenchError> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}
