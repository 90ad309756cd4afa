//! What has happened since the process began, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// See the module. Each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Policies that came into force after the first.
    pub policy_changes: Counter,
    /// Policies that did not.
    pub policy_failures: Counter,
    /// Sessions that a change of the policy has ended.
    pub policy_ended_sessions: Counter,
    /// Attempts to write the audit log that failed.
    pub audit_failures: Counter,
    /// Lines of the audit log that are lost.
    pub audit_lost: Counter,
}

/// One of them.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
