//! Where a statement writes: the relation, and how it stands in the FROM of the query that is judged.

use std::sync::Arc;

use sqlparser::ast::{TableAlias, TableWithJoins};

use super::super::from::alone;
use super::super::scope::Level;
use super::super::{Judge, build, refuse};
use super::assign::Into;
use crate::catalog::{Relation, RelationKind};
use crate::policy::pattern::is_system_schema;
use crate::read::{EXCLUDED, Shell};
use crate::{Refusal, SqlState};

/// The alias of a target of which something is protected, wherever it is printed.
pub(super) const PRINTED: &str = "pgveil_target";
/// The same of `excluded`, while it is judged.
pub(super) const PRINTED_EXCLUDED: &str = "pgveil_excluded";

/// One of these.
pub(crate) fn is_printed(alias: &str) -> bool {
    alias == PRINTED || alias == PRINTED_EXCLUDED
}

/// The target, while a query over it is judged.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) only: bool,
    /// Something of it is protected.
    pub(super) veiled: bool,
    /// The second item of FROM is the row that was proposed for insertion.
    pub(super) excluded: bool,
    /// The order in which its rows are met shows: subqueries of its conditions are not to become joins.
    pub unsorted: bool,
    /// Where the first expressions of the select list are written to.
    pub into: Vec<Into>,
    /// Those of them, by number, in which the target has no names: WHEN NOT MATCHED.
    pub unmatched: std::collections::BTreeSet<usize>,
}

/// What an item of FROM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The target.
    Target,
    /// `excluded`.
    Excluded,
}

impl Target {
    /// What the item of that index in FROM is; `None` for one of the client's.
    pub fn place(&self, index: usize) -> Option<Place> {
        match index {
            0 => Some(Place::Target),
            1 if self.excluded => Some(Place::Excluded),
            _ => None,
        }
    }

    pub(super) fn printed(&self, place: Place) -> Option<&'static str> {
        match place {
            Place::Target => self.veiled.then_some(PRINTED),
            Place::Excluded => self.veiled.then_some(PRINTED_EXCLUDED),
        }
    }
}

impl Judge<'_> {
    /// The relation that a statement writes to, where the role may.
    pub(super) fn write_target(&self, shell: &Shell) -> Result<Arc<Relation>, Refusal> {
        let relation = self.find_relation(&shell.target.name)?;
        let full = format!("{}.{}", relation.schema, relation.name);
        let what = match shell.verb {
            crate::read::Verb::Insert => format!("INSERT into {full}"),
            crate::read::Verb::Update => format!("UPDATE of {full}"),
            crate::read::Verb::Delete => format!("DELETE from {full}"),
            crate::read::Verb::Merge => format!("MERGE into {full}"),
            crate::read::Verb::Select => full.clone(),
        };
        if is_system_schema(&relation.schema) {
            return Err(Refusal::new(SqlState::DENIED, "write.catalog", format!("{what}: catalogs are not written to")));
        }
        self.facts.rights.write(&relation.schema, &what)?;
        self.facts.feeds_no_filter(&relation, &what, self.role)?;
        match relation.kind {
            RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => Ok(relation),
            RelationKind::View => {
                Err(Refusal::new(SqlState::UNSUPPORTED, "write.view", format!("{what}: it is a view, which pgveil does not write through"))
                    .with_hint("Write to its table."))
            }
            RelationKind::MaterializedView | RelationKind::Sequence => {
                Err(Refusal::new(SqlState("42809"), "write.kind", format!("cannot change rows of {full}: it is no table")))
            }
        }
    }

    /// The target, or `excluded`, as an item of FROM.
    pub(crate) fn target_item(&mut self, tree: &mut TableWithJoins, target: &Target, place: Place) -> Result<Level, Refusal> {
        let own = match place {
            Place::Target => target.alias.clone(),
            Place::Excluded => Some(EXCLUDED.to_owned()),
        };
        let printed = target.printed(place);
        let alias = |name: &str| TableAlias { explicit: true, name: build::ident(name), columns: vec![], at: None };
        let (factor, level) = self.relation(
            &[target.schema.clone(), target.name.clone()],
            printed.map(str::to_owned).or(own.clone()).as_deref().map(alias),
            target.only && place == Place::Target,
        )?;
        tree.relation = factor;
        let Some(printed) = printed else {
            // A target of that name is none that Postgres would tell from it before somebody names one of them.
            if place == Place::Target || self.levels.last().is_none_or(|l| !l.names.contains_key(EXCLUDED)) {
                self.take_names(&level)?;
            }
            return Ok(level);
        };
        let mut barrier = None;
        let level = alone(level, |item| {
            item.relation = own.is_none().then(|| (target.schema.clone(), target.name.clone()));
            item.visible = own.unwrap_or_else(|| target.name.clone());
            item.printed = Some(printed.to_owned());
            barrier = item.behind.own;
        });
        if let Some(barrier) = barrier.and_then(|n| self.barriers.get_mut(n)) {
            barrier.target = Some(printed);
            if barrier.may_fail && place == Place::Target {
                return Err(Refusal::new(
                    SqlState::DENIED,
                    "write.filter",
                    format!(
                        "the row filter of {}.{} can fail on a stored value, so that role {} cannot write there",
                        target.schema, target.name, self.role
                    ),
                )
                .with_hint("Whoever keeps the policy can write the filter so that it cannot fail, such as by a CASE."));
            }
        }
        self.take_names(&level)?;
        Ok(level)
    }

    /// Aggregates and window functions have no place in a statement that writes.
    pub(crate) fn no_aggregates(&self) -> Result<(), Refusal> {
        match self.levels.last() {
            Some(level) if level.aggregates || level.windows => Err(Refusal::new(
                SqlState("42803"),
                "write.aggregate",
                "aggregate and window functions are not allowed in a statement that writes",
            )
            .with_hint("Compute them in a subquery.")),
            _ => Ok(()),
        }
    }

    /// A whole row of the target, which has no derived table to make it.
    pub(super) fn no_whole_row() -> Refusal {
        refuse::not_yet("write.row", "the whole row of what is written to, as one value,").with_hint("Name the columns, or write *.")
    }
}
