//! Whether the session sees a catalog of its own: what it has made and not committed, and temporary relations; and when the server must
//! be asked what it is.

use super::Judge;
use super::path::Path;

/// See the module.
#[derive(Debug, Default)]
pub struct Own {
    /// Something changed since it was asked.
    stale: bool,
    /// Something changed in the transaction that is open: its end, or a rollback to a savepoint, changes it again.
    in_transaction: bool,
}

impl Own {
    /// It must be asked.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// A COMMIT or ROLLBACK would change it.
    pub fn ends_with_transaction(&self) -> bool {
        self.in_transaction || self.stale
    }

    /// A statement that changes the catalog is done. It may have made the first schema of the path, too.
    pub fn changed(&mut self, path: &mut Path) {
        self.stale = true;
        self.in_transaction = true;
        path.moved();
    }

    /// A statement of transaction control is done.
    pub fn transaction_control(&mut self) {
        self.stale = self.ends_with_transaction();
    }

    /// No transaction is open any more.
    pub fn transaction_over(&mut self, judge: &mut impl Judge) {
        if self.in_transaction {
            judge.has_changed();
        }
        self.stale = self.ends_with_transaction();
        self.in_transaction = false;
    }

    /// DISCARD of temporary relations.
    pub fn discarded(&mut self, judge: &impl Judge) {
        self.stale |= judge.has_own();
    }

    /// Another policy is taken up: what the session alone sees is put on it anew.
    pub fn rebased(&mut self, judge: &impl Judge) {
        self.stale |= judge.has_own();
    }

    /// The judgement knows it.
    pub fn answered(&mut self) {
        self.stale = false;
    }
}
