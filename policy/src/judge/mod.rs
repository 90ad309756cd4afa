//! The judgement.

use crate::{Plan, Refusal};

/// Who asks, and what of the session matters to the meaning of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The role of the policy that is active.
    pub role: String,
    /// Effective search_path: existing schemas in order, with pg_catalog where Postgres looks for it, as `current_schemas(true)` says.
    pub search_path: Vec<String>,
}

/// A policy on a catalog, ready to judge.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// Judges one client text.
    ///
    /// # Errors
    /// A [`Refusal`] for a statement that the role may not run or that pgveil cannot judge.
    pub fn judge(&self, _who: &Subject, _sql: &str) -> Result<Plan, Refusal> {
        Err(Refusal::new(crate::SqlState::UNSUPPORTED, "stub", "not yet"))
    }
}
