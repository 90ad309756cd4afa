//! What is measured, one room each.

pub mod export;
pub mod idle;
pub mod judging;
pub mod latency;
pub mod login;
pub mod pgbench;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rows of the exported table.
    pub rows: u64,
    /// Rounds of pgbench for each protocol and number of clients.
    pub pgbench_rounds: usize,
    /// Seconds of each run of pgbench.
    pub pgbench_seconds: u32,
    /// Rounds of the export.
    pub export_rounds: usize,
    /// Rounds of point queries, [`latency::BLOCK`] each.
    pub latency_rounds: usize,
    /// Rounds of logins, [`login::BLOCK`] each.
    pub login_rounds: usize,
    /// Sessions that idle.
    pub idle: usize,
    /// Rounds of judging.
    pub judging_rounds: usize,
}

impl Effort {
    /// For the table in the documentation.
    pub fn full() -> Effort {
        Effort {
            rows: 2_000_000,
            pgbench_rounds: 3,
            pgbench_seconds: 2,
            export_rounds: 4,
            latency_rounds: 60,
            login_rounds: 30,
            idle: 500,
            judging_rounds: 15,
        }
    }

    /// For a glance.
    pub fn quick() -> Effort {
        Effort {
            rows: 500_000,
            pgbench_rounds: 2,
            pgbench_seconds: 1,
            export_rounds: 3,
            latency_rounds: 15,
            login_rounds: 10,
            idle: 200,
            judging_rounds: 5,
        }
    }
}
