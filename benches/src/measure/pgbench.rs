//! `pgbench -S`: transactions per second. For ana a column of the table is veiled, so every text is judged.

use std::process::Command;

use super::Effort;
use crate::error::BenchError;
use crate::figures::{Spread, median};
use crate::report::{Report, Row};
use crate::stage::{self, DATABASE, Route, SCALE, Stage};

/// What `-S` runs. Named here, since with `-S` pgbench first asks the catalog for partitions.
const SCRIPT: &str = "\\set aid random(1, 100000 * :scale)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n";

/// Goal: of PgBouncer's rate.
const GOAL: f64 = 1.0;

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    let script = stage.cluster().folder().join("select.pgbench");
    std::fs::write(&script, SCRIPT).map_err(BenchError::file(&script))?;
    for protocol in ["simple", "extended", "prepared"] {
        for clients in [1_u32, 8, 32] {
            let routes = [&stage.direct, &stage.pgbouncer, &stage.ana];
            let mut rates = [Vec::new(), Vec::new(), Vec::new()];
            for round in 0..effort.pgbench_rounds {
                // Each round begins with another route: what is slow at its start does not always hit the same.
                for place in 0..routes.len() {
                    let at = round.wrapping_add(place) % routes.len();
                    let (Some(route), Some(rates)) = (routes.get(at), rates.get_mut(at)) else { continue };
                    let mut command = stage::pgbench(stage.cluster());
                    command.arg("-f").arg(&script).args(["-s", &SCALE.to_string(), "-M", protocol]);
                    rates.push(rate(command, route, clients, effort.pgbench_seconds)?);
                }
            }
            let [direct, bouncer, pgveil] = rates;
            let beside = Spread::ratios(&pgveil, &bouncer);
            report.add(Row {
                what: format!("pgbench -S, {protocol}, {clients} client{}", if clients == 1 { "" } else { "s" }),
                unit: "TPS",
                direct: format!("{:.0}", median(&direct)),
                pgbouncer: format!("{:.0}", median(&bouncer)),
                pgveil: format!("{:.0}", median(&pgveil)),
                ratio: format!("{} × PgBouncer; {} × direct", beside.show(2), Spread::ratios(&pgveil, &direct).show(2)),
                // There is no goal for the rate of one client: its goal there is the latency.
                goal: if clients == 1 { String::new() } else { format!("≥ {GOAL:.1} × PgBouncer") },
                met: (clients > 1).then(|| beside.reaches(GOAL)),
            });
        }
    }
    Ok(())
}

fn rate(mut command: Command, route: &Route, clients: u32, seconds: u32) -> Result<f64, BenchError> {
    command.args(["-n", "-T", &seconds.to_string(), "-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
    command.args(["-h", "127.0.0.1", "-p", &route.port.to_string(), "-U", route.account.user, DATABASE]);
    command.env("PGPASSWORD", &route.account.password);
    let printed = stage::output("pgbench", command)?;
    let line = printed.lines().find_map(|line| line.strip_prefix("tps = "));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or(BenchError::Program { program: "pgbench", why: printed })
}
