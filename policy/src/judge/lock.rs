//! FOR UPDATE and its like over protected relations.
//!
//! A lock goes through a derived table to the rows of the relation behind it, and through a fence to all rows inside the fence: so
//! relations with a row filter cannot be locked. Locking shows nothing of a row but that others hold it locked.

use sqlparser::ast::{LockClause, Query};

use super::scope::Level;
use super::{Judge, refuse};
use crate::{Refusal, SqlState};

/// Postgres' own refusal of a lock beside a clause that joins rows.
pub(crate) fn not_with(clause: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "lock.clause", format!("FOR UPDATE is not allowed with {clause}"))
        .with_hint("Lock the rows in a query of their own, which names their table.")
}

impl Judge<'_> {
    /// The locking clauses of a SELECT. `filtered_before`: references to filtered relations before its FROM.
    pub(crate) fn locks(&mut self, query: &mut Query, level: &Level, filtered_before: usize) -> Result<(), Refusal> {
        let filters = self.filtered > filtered_before;
        for LockClause { lock_type: _, of, nonblock: _ } in &mut query.locks {
            let Some(of) = of else {
                if filters {
                    return Err(self.lock_of_filtered("all tables of this query"));
                }
                continue;
            };
            let parts = self.name_parts(of)?;
            let [name] = parts.as_slice() else {
                return Err(Refusal::new(SqlState::SYNTAX, "lock.name", "FOR UPDATE must specify unqualified relation names"));
            };
            let Some(item) = level.items.iter().find(|i| i.visible == *name) else {
                let message = format!("relation \"{name}\" in FOR UPDATE clause not found in FROM clause");
                return Err(Refusal::new(SqlState::UNDEFINED_TABLE, "lock.name", message).at(self.name_position(of)));
            };
            if item.filtered || filters && item.oid.is_none() {
                return Err(self.lock_of_filtered(&format!("\"{name}\"")).at(self.name_position(of)));
            }
            if item.printed.as_ref().is_some_and(|p| p != name) {
                return Err(refuse::unsupported("FOR UPDATE OF a table whose name stands twice").with_hint("Give the tables aliases."));
            }
        }
        Ok(())
    }

    fn lock_of_filtered(&self, what: &str) -> Refusal {
        let message = format!("rows of {what} cannot be locked: some are hidden from role {}", self.role);
        Refusal::new(SqlState::UNSUPPORTED, "lock.filtered", message)
            .with_detail("Rows that a row filter hides would be locked too.")
            .with_hint("Read without FOR UPDATE or FOR SHARE, or lock other tables with FOR UPDATE OF.")
    }
}
