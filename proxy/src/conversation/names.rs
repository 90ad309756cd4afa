//! Statements and portals by name: what the server has confirmed, and what it will know once all that was sent is done.
//!
//! Only the confirmed view decides how rows are masked. The view ahead decides what is worth sending: a name that no message can have
//! made is not asked for. A Close that is under way takes nothing from it, for an error before it would skip it. Stale names are harmless: for every name that lives in the server, the last confirmed meaning is here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Rows;
use super::ledger::{Ledger, Name, Owed};
use super::limit::Given;
use super::statement::{Cursor, Effect, Leans, Statement};
use crate::rows::Formats;
use crate::wire::message::Target;

/// Most statements, and most portals, of one session.
pub const LIMIT: usize = 10_000;

/// Bytes of a name that count for the server, which looks names up in tables whose keys have `NAMEDATALEN` bytes, the last one zero.
const SIGNIFICANT: usize = 63;

/// What of a name of a statement or portal, as a message has it, counts: two that are alike so far are one name.
pub fn key(name: &[u8]) -> &[u8] {
    name.get(..SIGNIFICANT).unwrap_or(name)
}

/// A portal that the server has.
#[derive(Debug, Clone)]
pub struct Portal {
    /// What it runs.
    pub statement: Arc<Statement>,
    /// What happens to its rows.
    pub rows: Arc<Rows>,
    /// DECLARE made it, and says this of it.
    pub cursor: Option<Cursor>,
    /// What it has given so far.
    pub given: Arc<Given>,
    /// Its transaction is over, at whose end its query ran.
    pub kept: bool,
}

impl Portal {
    /// FETCH in a simple query gives its rows in binary.
    pub fn is_binary(&self) -> bool {
        self.cursor.is_some_and(|c| c.binary)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Names {
    statements: HashMap<Name, Arc<Statement>>,
    portals: HashMap<Name, Portal>,
    /// Statements that the server has made and not described: they mean nothing here, and the names are taken.
    unwitnessed: HashSet<Name>,
    ahead: Ahead,
}

#[derive(Debug, Default)]
struct Ahead {
    statements: HashMap<Name, Arc<Statement>>,
    portals: HashMap<Name, Arc<Statement>>,
}

impl Names {
    /// What a statement's name means now.
    pub fn statement(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.statements.get(name)
    }

    /// What a portal's name means now.
    pub fn portal(&self, name: &[u8]) -> Option<&Portal> {
        self.portals.get(name)
    }

    /// What a statement's name may mean when a message that is sent now is worked on.
    pub fn statement_ahead(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.ahead.statements.get(name).or_else(|| self.statements.get(name))
    }

    /// What a portal's name may mean when a message that is sent now is worked on.
    pub fn portal_ahead(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.ahead.portals.get(name).or_else(|| self.portals.get(name).map(|p| &p.statement))
    }

    /// Something that was judged under that policy is prepared or open.
    pub fn are_of(&self, policy: u64) -> bool {
        let portals = self.portals.values().map(|portal| &portal.statement);
        self.statements.values().chain(portals).any(|statement| statement.policy() == policy)
    }

    /// No further name fits.
    pub fn full(&self) -> bool {
        let confirmed = self.statements.len().max(self.portals.len()).max(self.unwitnessed.len());
        confirmed.max(self.ahead.statements.len()).max(self.ahead.portals.len()) >= LIMIT
    }

    /// A message was sent.
    pub fn sent(&mut self, owed: &Owed) {
        match owed {
            Owed::Parse { name, statement, .. } => {
                self.ahead.statements.insert(name.clone(), Arc::clone(statement));
            }
            Owed::Bind { portal, statement, .. } => {
                if let Some(made) = self.statement_ahead(statement).cloned() {
                    self.ahead.portals.insert(portal.clone(), made);
                }
            }
            Owed::Close { .. }
            | Owed::Simple(_)
            | Owed::Witness { .. }
            | Owed::DescribeStatement { .. }
            | Owed::DescribePortal { .. }
            | Owed::Execute { .. }
            | Owed::Refused(_)
            | Owed::Sync
            | Owed::Carry(_)
            | Owed::Among(_)
            | Owed::Asked(_)
            | Owed::Step(_) => {}
        }
    }

    /// Messages were skipped: what is still owed is all that is ahead.
    pub fn rebuild(&mut self, ledger: &Ledger) {
        self.ahead = Ahead::default();
        for owed in ledger.iter() {
            self.sent(owed);
        }
    }

    /// Nothing is owed: nothing is ahead.
    pub fn settle(&mut self) {
        // With their room: a session may idle from here on.
        self.ahead = Ahead::default();
    }

    /// The server has made a statement.
    pub fn confirm_statement(&mut self, name: Name, statement: Arc<Statement>) {
        self.unwitnessed.remove(&name);
        self.statements.insert(name, statement);
    }

    /// The server has made a statement, and failed to describe it.
    pub fn made_unwitnessed(&mut self, name: Name) {
        self.unwitnessed.insert(name);
    }

    /// The server may have a statement of that name which is not known here.
    pub fn is_unwitnessed(&self, name: &[u8]) -> bool {
        self.unwitnessed.contains(name)
    }

    /// The server has made a portal.
    pub fn confirm_portal(&mut self, name: Name, portal: Portal) {
        self.portals.insert(name, portal);
    }

    /// The server has closed a statement or portal.
    pub fn closed(&mut self, target: Target, name: &[u8]) {
        match target {
            Target::Statement => {
                self.unwitnessed.remove(name);
                self.statements.remove(name);
            }
            Target::Portal => drop(self.portals.remove(name)),
        }
    }

    /// A statement is done that makes names or ends them.
    pub fn done(&mut self, effect: &Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::Prepares(name, statement) => self.confirm_statement(name.clone(), Arc::clone(statement)),
            Effect::Declares(name, statement, cursor) => {
                // Formats that nobody has named are text: that is what an Execute of a cursor gives, BINARY or not.
                if let Some(rows) = statement.rows(&Formats::default()) {
                    let portal = Portal {
                        statement: Arc::clone(statement),
                        rows: Arc::new(rows),
                        cursor: Some(*cursor),
                        given: Arc::default(),
                        kept: false,
                    };
                    self.confirm_portal(name.clone(), portal);
                }
            }
            Effect::Deallocates(name) => self.closed(Target::Statement, name),
            Effect::DeallocatesAll => self.no_named_statements(),
            Effect::Closes(name) => self.closed(Target::Portal, name),
            Effect::ClosesAll => self.portals.clear(),
            Effect::Discards | Effect::TakesRole(_) => {
                self.no_named_statements();
                self.portals.clear();
            }
        }
    }

    // The unnamed one is not among those that DEALLOCATE and DISCARD know (`DropAllPreparedStatements`).
    fn no_named_statements(&mut self) {
        self.statements.retain(|name, _| name.is_empty());
        self.unwitnessed.retain(|name| name.is_empty());
    }

    /// What the name that a statement leans on means now is what it meant when its text was made ready.
    pub fn bears(&self, leans: &Leans) -> bool {
        match leans.on {
            Target::Statement => self.statement(&leans.name).is_some_and(|now| leans.fits(now, false)),
            Target::Portal => self.portal(&leans.name).is_some_and(|now| leans.fits(&now.statement, now.is_binary())),
        }
    }

    /// A cursor that outlives the transaction reads protected relations: where that ends, an error may be its.
    pub fn holds_order(&self) -> bool {
        self.portals.values().any(|p| !p.kept && p.cursor.is_some_and(|c| c.hold) && p.statement.order_is_data)
    }

    /// The transaction is over, and its portals with it, but for cursors that are held.
    pub fn transaction_over(&mut self) {
        self.portals.retain(|_, portal| portal.cursor.is_some_and(|c| c.hold));
        self.portals.values_mut().for_each(|portal| portal.kept = true);
    }
}
