//! Statements whose names have come to mean something else since they were judged: by DDL of others, another policy, another search_path.
//!
//! A text is held against the catalog twice. When a prepared statement is bound and the judgement's basis is another than when it was
//! parsed, it is judged again: it goes on only if the same text came out. And each text checks itself when it runs
//! ([`pgveil_policy::judge::gate`]). Either way the client is told what Postgres tells of a cached plan that does not fit any more, which
//! drivers know how to recover from: they prepare the statement again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pgveil_policy::judge::gate::STALE;
use pgveil_policy::{Plan, Refusal, SqlState};

use super::statement::{Judged, Statement};
use super::{Conversation, Judge};
use crate::wire::answer::Report;

/// Stable name of the refusal.
pub const ID: &str = "statement.stale";

const MESSAGE: &str = "cached plan must not change result type";
const DETAIL: &str = "A relation that the statement names, the policy or search_path has changed since pgveil judged the statement.";
const HINT: &str = "Prepare or send the statement again.";

/// The routine that drivers look for beside the message.
const ROUTINE: &str = "RevalidateCachedQuery";

/// What says that a relation has fewer columns than FROM has names for: pgveil lists as many as there were. It has no position.
const PINNED: (&[u8], &[u8]) = (b"42P10", b"buildRelationAliases");

/// Errors of the analysis of a text that no text has when it is judged on the catalog of the moment.
const NAMES: &[&str] = &["42P01", "42703", "42702"];

/// The error that the client sees.
pub fn report() -> Report {
    let mut report = Report::ours("ERROR", SqlState::UNSUPPORTED.0, MESSAGE);
    for (tag, text) in [(b'D', DETAIL), (b'H', HINT), (b'R', ROUTINE)] {
        report.fields.push((tag, text.as_bytes().to_vec()));
    }
    report
}

/// A gate says so, or an expression of the client's that looks like one; in a subquery it may do so for some rows only.
pub fn is_of_a_gate(report: &Report) -> bool {
    let message = report.field(b'M').unwrap_or_default();
    report.code() == b"22P02" && message.windows(STALE.len()).any(|w| w == STALE.as_bytes())
}

/// What went wrong was a gate or a pinned list of columns, or Postgres found by itself that a cached plan does not fit.
pub fn is_stale(report: &Report) -> bool {
    let pinned = (report.code(), report.field(b'R').unwrap_or_default()) == PINNED;
    is_of_a_gate(report) || pinned || report.code() == SqlState::UNSUPPORTED.0.as_bytes() && report.field(b'R') == Some(ROUTINE.as_bytes())
}

/// A name was not found, or did not fit, where a text that had been judged was analysed.
pub fn is_of_a_name(report: &Report) -> bool {
    report.field(b'P').is_some() && NAMES.iter().any(|code| code.as_bytes() == report.code())
}

/// The same, as a refusal.
pub(super) fn refusal() -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, ID, MESSAGE).with_detail(DETAIL).with_hint(HINT)
}

impl<J: Judge> Conversation<J> {
    /// Whether a prepared statement still is what was judged, as far as is known here. The server's gates do the rest.
    ///
    /// # Errors
    /// The refusal of what it means now, or that it is stale.
    pub(super) fn still_meant(&self, statement: &Statement) -> Result<(), Refusal> {
        let Some(judged) = &statement.judged else { return Ok(()) };
        let now = (self.judge.generation(), self.path.epoch());
        if now == (judged.generation.load(Ordering::Relaxed), judged.epoch.load(Ordering::Relaxed)) {
            return Ok(());
        }
        let Some(schemas) = self.path.schemas().filter(|_| !self.own.is_stale()) else { return Err(refusal()) };
        let plan = self.judge.judge(schemas, &judged.client)?;
        if !same(&plan, judged) {
            return Err(refusal());
        }
        judged.generation.store(now.0, Ordering::Relaxed);
        judged.epoch.store(now.1, Ordering::Relaxed);
        statement.is_of(self.judge.policy());
        Ok(())
    }
}

fn same(plan: &Arc<Plan>, judged: &Judged) -> bool {
    match plan.statements.as_slice() {
        [one] => one.kind.looks_names_up() && *one == judged.planned,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stale() {
        let of = |code: &str, message: &str, more: Option<(u8, &str)>| {
            let mut report = Report::ours("ERROR", code, message);
            report.fields.extend(more.map(|(tag, text)| (tag, text.as_bytes().to_vec())));
            report
        };
        assert!(is_stale(&of("22P02", "invalid input syntax for type boolean: \"pgveil_stale\"", None)));
        assert!(is_stale(&of("0A000", "anything, in any language", Some((b'R', ROUTINE)))));
        assert!(is_stale(&of("42P10", "table has 3 columns available but 4 columns specified", Some((b'R', "buildRelationAliases")))));
        assert!(!is_stale(&of("42P10", "raised by a function", Some((b'R', "exec_stmt_raise")))));
        assert!(!is_stale(&of("22P02", "invalid input syntax for type boolean: \"x\"", None)));
        assert!(!is_stale(&of("42704", "pgveil_stale", None)) && !is_stale(&of("0A000", MESSAGE, None)));
        assert!(is_of_a_name(&of("42703", "column does not exist", Some((b'P', "8")))));
        assert!(!is_of_a_name(&of("42703", "column does not exist", None)) && !is_of_a_name(&of("42601", "x", Some((b'P', "8")))));
        let told = report();
        assert_eq!((told.code(), told.field(b'R')), (&b"0A000"[..], Some(ROUTINE.as_bytes())));
    }
}
