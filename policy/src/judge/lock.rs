//! FOR UPDATE and its like over protected relations.
//!
//! A lock goes through a derived table to the rows of the relation behind it, and through a fence to all rows inside the fence: so
//! relations with a row filter cannot be locked. Locking shows nothing of a row but that others hold it locked.

use sqlparser::ast::{Expr, Ident, LockClause, ObjectName, ObjectNamePart, Query};

use super::scope::Level;
use super::{Judge, refuse};
use crate::read::coded::Form;
use crate::{Refusal, SqlState};

/// Postgres' own refusal of a lock beside a clause that joins rows.
pub(crate) fn not_with(clause: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "lock.clause", format!("FOR UPDATE is not allowed with {clause}"))
        .with_hint("Lock the rows in a query of their own, which names their table.")
}

/// The names behind OF: the first two parts of the coded form are its words.
fn locked(of: &ObjectName) -> &[ObjectNamePart] {
    let parts = of.0.as_slice();
    let coded = parts.first().and_then(|p| p.as_ident()).is_some_and(|i| i.value == Form::Lock.name());
    if coded { parts.get(2..).unwrap_or_default() } else { parts }
}

impl Judge<'_> {
    /// The locking clauses of a SELECT. `barriers_before`: how many row filters there were before its FROM.
    pub(crate) fn locks(&mut self, query: &Query, level: &Level, barriers_before: usize) -> Result<(), Refusal> {
        let filters = self.barriers.len() > barriers_before;
        for LockClause { lock_type: _, of, nonblock: _ } in &query.locks {
            let names = of.as_ref().map(locked).unwrap_or_default();
            if names.is_empty() && filters {
                return Err(self.lock_of_filtered("all tables of this query"));
            }
            for name in names {
                let ObjectNamePart::Identifier(id) = name else {
                    return Err(Refusal::new(SqlState::SYNTAX, "lock.name", "FOR UPDATE must specify unqualified relation names"));
                };
                self.lock_of(id, level, filters).map_err(|r| r.at(self.position(&Expr::Identifier(id.clone()))))?;
            }
        }
        Ok(())
    }

    fn lock_of(&self, id: &Ident, level: &Level, filters: bool) -> Result<(), Refusal> {
        let name = &id.value;
        let mut found = level.items.iter().filter(|i| i.visible == *name);
        let Some(item) = found.next() else {
            let message = format!("relation \"{name}\" in FOR UPDATE clause not found in FROM clause");
            return Err(Refusal::new(SqlState::UNDEFINED_TABLE, "lock.name", message));
        };
        if !item.behind.reached.is_empty() || filters && item.oid.is_none() {
            return Err(self.lock_of_filtered(&format!("\"{name}\"")));
        }
        if found.next().is_some() || item.printed.as_ref().is_some_and(|p| p != name) {
            return Err(
                refuse::not_yet("order.locking", "FOR UPDATE OF a table whose name stands twice").with_hint("Give the tables aliases.")
            );
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
