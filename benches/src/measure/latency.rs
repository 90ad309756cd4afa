//! Point queries, one client: what a proxy adds.

use std::time::Instant;

use super::Effort;
use crate::client::{Client, Drained};
use crate::error::BenchError;
use crate::figures::{Spread, median, quantile};
use crate::report::{Report, Row};
use crate::stage::Stage;

/// Queries in a row on one route.
pub const BLOCK: u32 = 200;

/// Goal for what is added to the median of a prepared one, µs.
const GOAL: f64 = 10.0;

const ACCOUNT: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = $1";
const CUSTOMER: &str = "SELECT id, full_name, email, phone, dob FROM shop.customers WHERE id = $1";

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    point(stage, effort, report, ("prepared point query", Some(GOAL)), &|client| client.prepare(ACCOUNT), &Client::run)?;
    let parsed = |client: &mut Client, key: &str| client.ask(CUSTOMER, key);
    point(stage, effort, report, ("point query parsed each time, four columns masked", None), &|_| Ok(()), &parsed)
}

type Begin<'a> = &'a dyn Fn(&mut Client) -> Result<(), BenchError>;
type Ask<'a> = &'a dyn Fn(&mut Client, &str) -> Result<Drained, BenchError>;

fn point(
    stage: &Stage,
    effort: &Effort,
    report: &mut Report,
    (what, goal): (&str, Option<f64>),
    begin: Begin<'_>,
    ask: Ask<'_>,
) -> Result<(), BenchError> {
    let mut sessions = Vec::new();
    for route in [&stage.direct, &stage.pgbouncer, &stage.ana, &stage.plain] {
        let mut client = Client::connect(route)?;
        begin(&mut client)?;
        sessions.push((client, Vec::new()));
    }
    let mut key = 0_u32;
    for round in 0..effort.latency_rounds.saturating_add(2) {
        for (client, blocks) in &mut sessions {
            let mut times = Vec::new();
            for _ in 0..BLOCK {
                key = (key.wrapping_add(7919)) % 500_000;
                let parameter = key.saturating_add(1).to_string();
                let started = Instant::now();
                let drained = ask(client, &parameter)?;
                times.push(started.elapsed().as_secs_f64() * 1e6);
                if drained.rows != 1 {
                    return Err(BenchError::Protocol("a point query without its row"));
                }
            }
            // The first rounds warm up.
            if round > 1 {
                blocks.push((median(&times), quantile(&times, 0.99)));
            }
        }
    }
    let figures: Vec<(Vec<f64>, Vec<f64>)> = sessions.into_iter().map(|(_, blocks)| blocks.into_iter().unzip()).collect();
    let [direct, bouncer, ana, plain] = figures.as_slice() else { return Ok(()) };
    for (name, (p50, p99)) in [("", ana), (", nothing masked", plain)] {
        let quantiles = [("p50", p50, &direct.0, &bouncer.0, goal), ("p99", p99, &direct.1, &bouncer.1, None)];
        for (quantile, pgveil, direct, bouncer, goal) in quantiles {
            let added = Spread::differences(pgveil, direct);
            let beside = Spread::differences(bouncer, direct).median();
            report.add(Row {
                what: format!("{what}, one client, {quantile}{name}"),
                unit: "µs",
                direct: format!("{:.1}", median(direct)),
                pgbouncer: format!("{:.1}", median(bouncer)),
                pgveil: format!("{:.1}", median(pgveil)),
                ratio: format!("{:+.1} µs; PgBouncer {beside:+.1} µs", added.median()),
                goal: goal.map(|goal| format!("≤ +{goal:.0} µs")).unwrap_or_default(),
                met: goal.map(|goal| added.keeps_to(goal)),
            });
        }
    }
    Ok(())
}
