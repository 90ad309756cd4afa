//! Logins with SCRAM, one after the other: connection, proof, ReadyForQuery, Terminate.

use std::time::Instant;

use super::Effort;
use crate::client::Client;
use crate::error::BenchError;
use crate::figures::{Spread, median};
use crate::report::{Report, Row};
use crate::stage::Stage;

/// Logins in a row on one route.
pub const BLOCK: u32 = 20;

/// Goal, ms.
const GOAL: f64 = 0.12;

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    let routes = [&stage.direct, &stage.pgbouncer, &stage.ana, &stage.plain];
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for round in 0..effort.login_rounds.saturating_add(1) {
        for (route, times) in routes.iter().zip(&mut times) {
            let mut block = Vec::new();
            for _ in 0..BLOCK {
                let started = Instant::now();
                let client = Client::connect(route)?;
                block.push(started.elapsed().as_secs_f64() * 1e3);
                client.close()?;
            }
            // The first round warms up: the client salts its password, PgBouncer opens its server connection.
            if round > 0 {
                times.push(median(&block));
            }
        }
    }
    let [direct, bouncer, ana, plain] = times;
    for (name, pgveil) in [("", ana), (", nothing masked", plain)] {
        report.add(Row {
            what: format!("login with SCRAM{name}"),
            unit: "ms",
            direct: format!("{:.3}", median(&direct)),
            pgbouncer: format!("{:.3}", median(&bouncer)),
            pgveil: format!("{:.3}", median(&pgveil)),
            ratio: format!(
                "{} × direct; PgBouncer {}",
                Spread::ratios(&pgveil, &direct).show(2),
                Spread::ratios(&bouncer, &direct).show(2)
            ),
            goal: format!("≤ {GOAL} ms"),
            met: Some(Spread::new(pgveil).keeps_to(GOAL)),
        });
    }
    Ok(())
}
