//! What is told of a statement to whoever writes the audit log: before it is sent, or when it is refused.

use std::sync::Arc;

use pgveil_policy::{Kind, Output, Plan, Refusal};

use super::statement::Statement;
use super::{Conversation, Judge};

/// One statement.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// The client's text; empty where a message has none and names nothing.
    pub sql: &'a str,
    /// What it is; `None` where it was not judged, or is empty.
    pub kind: Option<Kind>,
    /// Its result columns.
    pub outputs: &'a [Output],
    /// Under which it was judged; `None` where it is not known.
    pub search_path: Option<&'a [String]>,
    /// It is refused; `None`: it is sent.
    pub refusal: Option<&'a Refusal>,
}

impl<J: Judge> Conversation<J> {
    /// Tells of the statements of a text, which are to be sent.
    ///
    /// # Errors
    /// They must not be, since it cannot be told.
    pub(super) fn note_plan(&self, text: &str, plan: &Plan) -> Result<(), Refusal> {
        if !self.judge.notes() {
            return Ok(());
        }
        for (n, one) in plan.statements.iter().enumerate() {
            let start = plan.starts.get(n).copied().unwrap_or_default();
            let end = plan.starts.get(n.saturating_add(1)).copied().or(plan.rest).unwrap_or(text.len());
            let own = if plan.statements.len() > 1 || plan.rest.is_some() { text.get(start..end).unwrap_or(text) } else { text };
            self.note(Note { sql: own, kind: Some(one.kind), outputs: &one.outputs, search_path: None, refusal: None })?;
        }
        Ok(())
    }

    /// Tells of a statement that is to be run. `sql`: its text, where it is not a prepared one.
    ///
    /// # Errors
    /// As [`Conversation::note_plan`].
    pub(super) fn note_run(&self, statement: &Arc<Statement>, sql: Option<&str>) -> Result<(), Refusal> {
        if !self.judge.notes() {
            return Ok(());
        }
        let sql = sql.unwrap_or(&statement.client);
        self.note(Note { sql, kind: statement.kind, outputs: &statement.outputs, search_path: None, refusal: None })
    }

    /// Tells of a refusal.
    pub(super) fn note_refusal(&self, sql: &[u8], refusal: &Refusal) {
        if self.judge.notes() {
            let sql = String::from_utf8_lossy(sql.get(..super::TEXT_LIMIT).unwrap_or(sql));
            // It is refused in any case.
            let _told = self.note(Note { sql: &sql, kind: None, outputs: &[], search_path: None, refusal: Some(refusal) });
        }
    }

    fn note(&self, note: Note<'_>) -> Result<(), Refusal> {
        self.judge.note(&Note { search_path: self.path.schemas(), ..note })
    }
}
