//! `SELECT *` of the large table: rows per second, counted and thrown away.

use std::time::Instant;

use super::{Effort, judging};
use crate::client::{Client, Format};
use crate::error::BenchError;
use crate::figures::{Spread, median};
use crate::report::{Report, Row};
use crate::stage::Stage;

/// Goal: of the rate of the direct, unmasked export.
const GOAL: f64 = 0.90;

const SQL: &str = "SELECT * FROM shop.customers";

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    let veil = judging::text(stage, SQL)?;
    for (format, name) in [(Format::Text, "text"), (Format::Binary, "binary")] {
        let mut sessions = Vec::new();
        // Last, what pgveil sends for ana, without pgveil: what Postgres itself takes for the veil.
        let routes = [(&stage.direct, SQL), (&stage.pgbouncer, SQL), (&stage.plain, SQL), (&stage.ana, SQL), (&stage.direct, &veil)];
        for (route, sql) in routes {
            sessions.push((Client::connect(route)?, sql, Vec::new()));
        }
        for round in 0..effort.export_rounds.saturating_add(1) {
            for (client, sql, rates) in &mut sessions {
                let started = Instant::now();
                let drained = client.drain(sql, format)?;
                let seconds = started.elapsed().as_secs_f64();
                if drained.rows != effort.rows {
                    return Err(BenchError::Protocol("an export without all its rows"));
                }
                // The first round warms up.
                if round > 0 {
                    #[expect(clippy::cast_precision_loss, reason = "a few million")]
                    rates.push(drained.rows as f64 / seconds);
                }
            }
        }
        let rates: Vec<Vec<f64>> = sessions.into_iter().map(|(_, _, rates)| rates).collect();
        let [direct, bouncer, plain, ana, veiled] = rates.as_slice() else { return Ok(()) };
        let passed = Spread::ratios(bouncer, direct);
        let kinds = [
            ("two columns hashed, two veiled", ana, Some(GOAL)),
            ("nothing masked", plain, None),
            ("the veiled text straight to Postgres", veiled, None),
        ];
        for (what, rates, goal) in kinds {
            let ratio = Spread::ratios(rates, direct);
            report.add(Row {
                what: format!("export of {} rows, {name}, {what}", effort.rows),
                unit: "rows/s",
                direct: format!("{:.0}", median(direct)),
                pgbouncer: format!("{:.0}", median(bouncer)),
                pgveil: format!("{:.0}", median(rates)),
                ratio: format!("{} × direct; PgBouncer {}", ratio.show(2), passed.show(2)),
                goal: goal.map(|goal| format!("≥ {goal:.2} × direct")).unwrap_or_default(),
                met: goal.map(|goal| ratio.reaches(goal)),
            });
        }
    }
    Ok(())
}
