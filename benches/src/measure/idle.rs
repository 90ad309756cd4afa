//! Memory of a session that has run a query and idles: growth of the process's resident memory.

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
        // Where a catalog was read, sessions first use the memory that this has freed: ana's figure is a lower bound.
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
                met: Some(if pgveil > goal {
                    "no"
                } else if name.is_empty() {
                    "yes?"
                } else {
                    "yes"
                }),
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
    // What a process takes once, it shall have taken before, also when it first asks whether the catalog has changed; and what
    // it has freed since shall be used up: so the second half of the sessions is measured.
    let held = open()?;
    sleep(Duration::from_secs(4));
    let half = effort.idle / 2;
    let mut sessions = vec![held];
    for _ in 0..half {
        sessions.push(open()?);
    }
    sleep(Duration::from_millis(500));
    let before = fresh.memory()?;
    for _ in half..effort.idle {
        sessions.push(open()?);
    }
    sleep(Duration::from_millis(500));
    let after = fresh.memory()?;
    for client in sessions {
        client.close()?;
    }
    // The next one finds room for its sessions.
    drop(fresh);
    sleep(Duration::from_millis(500));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    Ok((after - before) / effort.idle.saturating_sub(half) as f64)
}
