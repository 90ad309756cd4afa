//! A prepared point query, one client: what a proxy adds.

use std::time::Instant;

use super::Effort;
use crate::client::Client;
use crate::error::BenchError;
use crate::figures::{Spread, median, quantile};
use crate::report::{Report, Row};
use crate::stage::Stage;

/// Queries in a row on one route.
pub const BLOCK: u32 = 200;

/// Goal for what is added to the median, µs.
const GOAL: f64 = 10.0;

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    let mut sessions = Vec::new();
    for route in [&stage.direct, &stage.pgbouncer, &stage.ana, &stage.plain] {
        let mut client = Client::connect(route)?;
        client.prepare("SELECT abalance FROM pgbench_accounts WHERE aid = $1")?;
        sessions.push((client, Vec::new()));
    }
    let mut key = 0_u32;
    for round in 0..effort.latency_rounds.saturating_add(2) {
        for (client, blocks) in &mut sessions {
            let mut times = Vec::new();
            for _ in 0..BLOCK {
                key = (key.wrapping_add(7919)) % 1_000_000;
                let parameter = key.saturating_add(1).to_string();
                let started = Instant::now();
                let drained = client.run(&parameter)?;
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
    let (masked, unmasked) = ((&ana.0, &ana.1), (&plain.0, &plain.1));
    for (name, (p50, p99)) in [("", masked), (", nothing masked", unmasked)] {
        let added = Spread::differences(p50, &direct.0);
        let beside = Spread::differences(&bouncer.0, &direct.0);
        report.add(Row {
            what: format!("prepared point query, one client, p50{name}"),
            unit: "µs",
            direct: format!("{:.1}", median(&direct.0)),
            pgbouncer: format!("{:.1}", median(&bouncer.0)),
            pgveil: format!("{:.1}", median(p50)),
            ratio: format!("{:+.1} µs; PgBouncer {:+.1} µs", added.median(), beside.median()),
            goal: format!("≤ +{GOAL:.0} µs"),
            met: Some(added.median() <= GOAL),
        });
        let added = Spread::differences(p99, &direct.1);
        let beside = Spread::differences(&bouncer.1, &direct.1);
        report.add(Row {
            what: format!("the same, p99{name}"),
            unit: "µs",
            direct: format!("{:.1}", median(&direct.1)),
            pgbouncer: format!("{:.1}", median(&bouncer.1)),
            pgveil: format!("{:.1}", median(p99)),
            ratio: format!("{:+.1} µs; PgBouncer {:+.1} µs", added.median(), beside.median()),
            goal: String::new(),
            met: None,
        });
    }
    Ok(())
}
