//! PostgreSQL's own tests, directly and through pgveil as a role from whom nothing is withheld: `make test-regress`.
//!
//! They come with the sources of the installed server ([`sources`]). What passes directly must pass through pgveil. Then the regression
//! tests' statements are asked as roles with masks on other tables ([`masked`]): what is answered must be what Postgres answers.

mod beside;
mod isolation;
mod masked;
mod pipeline;
mod regression;
mod sources;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One after the other: each keeps the machine busy, and some of Postgres' tests have time-outs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
