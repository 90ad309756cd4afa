//! LOCK TABLE: which relations, and how strongly a role may lock them.

use super::Judge;
use super::engine::{RoleEngine, Subject};
use super::stand_in::quote;
use super::statement::check_path;
use crate::Refusal;
use crate::plan::{Kind, Planned};
use crate::read::lock_table::Lock;

/// Judges a LOCK. A lock shows nothing of what is stored; one that keeps writers out needs the right to write.
pub(super) fn plan(role: &RoleEngine, who: &Subject, lock: &Lock, text: &str) -> Result<Planned, Refusal> {
    check_path(role.facts.catalog.as_ref(), &who.search_path)?;
    let judge = Judge::new(&role.facts, &who.search_path, &who.role, text);
    let mut names = Vec::new();
    for named in &lock.relations {
        let relation = judge.find_relation(&named.parts).map_err(|r| r.at(named.place))?;
        if !lock.mode.of_readers {
            let what = format!("LOCK of {}.{} in {} mode", relation.schema, relation.name, lock.mode.words);
            role.facts.rights.write(&relation.schema, &what).map_err(|r| r.at(named.place))?;
        }
        let only = if named.only { "ONLY " } else { "" };
        names.push(format!("{only}{}.{}", quote(&relation.schema), quote(&relation.name)));
    }
    let nowait = if lock.nowait { " NOWAIT" } else { "" };
    Ok(Planned::plain(Kind::Lock, format!("LOCK TABLE {} IN {} MODE{nowait}", names.join(", "), lock.mode.words)))
}
