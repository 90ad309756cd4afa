//! LOCK TABLE.

use pg_query::NodeEnum;
use pg_query::protobuf::LockStmt;

use super::Body;
use super::copy::{Named, named};
use super::postgres::Raw;
use crate::{Refusal, SqlState};

/// A LOCK of relations.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Which.
    pub relations: Vec<Named>,
    /// How strongly.
    pub mode: Mode,
    /// NOWAIT
    pub nowait: bool,
}

/// A lock's mode, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// `ACCESS SHARE` and the like.
    pub words: &'static str,
    /// Readers take it too.
    pub of_readers: bool,
}

/// In the order of their numbers, from 1 (`src/include/storage/lockdefs.h`).
const MODES: [Mode; 8] = [
    Mode { words: "ACCESS SHARE", of_readers: true },
    Mode { words: "ROW SHARE", of_readers: true },
    Mode { words: "ROW EXCLUSIVE", of_readers: false },
    Mode { words: "SHARE UPDATE EXCLUSIVE", of_readers: false },
    Mode { words: "SHARE", of_readers: false },
    Mode { words: "SHARE ROW EXCLUSIVE", of_readers: false },
    Mode { words: "EXCLUSIVE", of_readers: false },
    Mode { words: "ACCESS EXCLUSIVE", of_readers: false },
];

/// Reads a LOCK.
pub(super) fn lock(raw: &Raw, statement: &LockStmt) -> Result<Body, Refusal> {
    let unknown = || Refusal::new(SqlState::UNSUPPORTED, "read.lock", "pgveil does not know this form of LOCK");
    let number = usize::try_from(statement.mode).ok().and_then(|n| n.checked_sub(1));
    let mode = *number.and_then(|n| MODES.get(n)).ok_or_else(unknown)?;
    let mut relations = Vec::new();
    for node in &statement.relations {
        let Some(NodeEnum::RangeVar(relation)) = &node.node else { return Err(unknown()) };
        relations.push(named(raw, relation));
    }
    Ok(Body::Lock(Lock { relations, mode, nowait: statement.nowait }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{self, Statement};

    #[test]
    fn modes() {
        for (sql, words, of_readers, nowait) in [
            ("LOCK t", "ACCESS EXCLUSIVE", false, false),
            ("LOCK TABLE ONLY s.t, u IN ACCESS SHARE MODE NOWAIT", "ACCESS SHARE", true, true),
            ("LOCK t IN ROW SHARE MODE", "ROW SHARE", true, false),
            ("LOCK t IN ROW EXCLUSIVE MODE", "ROW EXCLUSIVE", false, false),
            ("LOCK t IN SHARE UPDATE EXCLUSIVE MODE", "SHARE UPDATE EXCLUSIVE", false, false),
            ("LOCK t IN SHARE MODE", "SHARE", false, false),
            ("LOCK t IN SHARE ROW EXCLUSIVE MODE", "SHARE ROW EXCLUSIVE", false, false),
            ("LOCK t IN EXCLUSIVE MODE", "EXCLUSIVE", false, false),
        ] {
            match read::read(sql).unwrap().pop() {
                Some(Statement { body: Body::Lock(lock), .. }) => {
                    assert_eq!((lock.mode.words, lock.mode.of_readers, lock.nowait), (words, of_readers, nowait), "{sql}");
                }
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}
