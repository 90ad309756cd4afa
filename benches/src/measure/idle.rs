//! Memory of a session that has run a query and idles: resident memory of the process, with so many sessions and without.

use std::thread::sleep;
use std::time::Duration;

use super::Effort;
use crate::client::Client;
use crate::error::BenchError;
use crate::report::{Report, Row};
use crate::stage::{Fresh, Route, Stage};

/// Goals, kB.
const GOALS: [f64; 2] = [6.0, 24.0];

pub fn run(stage: &Stage, effort: &Effort, report: &mut Report) -> Result<(), BenchError> {
    for (tls, goal) in [false, true].into_iter().zip(GOALS) {
        let bouncer = measure(stage, effort, &stage.pgbouncer, tls, stage.another_pgbouncer()?)?;
        let ana = measure(stage, effort, &stage.ana, tls, stage.another_pgveil()?)?;
        let plain = measure(stage, effort, &stage.plain, tls, stage.another_pgveil()?)?;
        let kind = if tls { "TLS" } else { "plain" };
        for (name, pgveil) in [("", ana), (", nothing masked", plain)] {
            report.add(Row {
                what: format!("idle connection, {kind}{name}"),
                unit: "kB",
                direct: String::new(),
                pgbouncer: format!("{bouncer:.1}"),
                pgveil: format!("{pgveil:.1}"),
                ratio: String::new(),
                goal: format!("≤ {goal:.0} kB"),
                met: Some(if pgveil <= goal { "yes" } else { "no" }),
            });
        }
    }
    Ok(())
}

// Kilobytes for each session. In a process of its own: one that has freed memory before would not grow.
fn measure(stage: &Stage, effort: &Effort, route: &Route, tls: bool, fresh: Fresh) -> Result<f64, BenchError> {
    let tls = tls.then_some(&stage.tls);
    let route = Route { port: fresh.port, ..route.clone() };
    let open = || -> Result<Client, BenchError> {
        let mut client = Client::connect_idle(&route, tls)?;
        client.rows("SELECT abalance FROM pgbench_accounts WHERE aid = 1")?;
        Ok(client)
    };
    // What a process takes once, it shall have taken before.
    for _ in 0..20 {
        open()?.close()?;
    }
    sleep(Duration::from_millis(300));
    let before = fresh.memory()?;
    let sessions = (0..effort.idle).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
    sleep(Duration::from_millis(500));
    let after = fresh.memory()?;
    for client in sessions {
        client.close()?;
    }
    // The next one finds room for its sessions.
    drop(fresh);
    sleep(Duration::from_millis(500));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    Ok((after - before) / effort.idle as f64)
}
