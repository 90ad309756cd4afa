//! Whether a level's rows come in an order that protected values can change.
//!
//! Which plan is chosen is no secret (the shape of plans is declared), but within a plan nothing may follow a protected value: no
//! index over one, no partition by one, no sort or hash table that carries one and spills by its width.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{Expr, Query, Visit, Visitor};

use super::Judge;
use super::scope::{Item, Level};
use super::stand_in::quote;
use crate::catalog::{Index, Oid, RelationKind};
use crate::plan::Origin;
use crate::policy::protection::Action;

/// Columns of one item, as the planner's choice of an index can rest on them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    /// Those that can stand in a condition or key.
    pub clauses: BTreeSet<usize>,
    /// Those that are shown as they are and cannot be left out: an index without one of them cannot answer alone. Of what stands
    /// in expressions Postgres drops what cannot matter, as in `CASE WHEN false THEN x END`.
    pub shown: BTreeSet<usize>,
}

impl Judge<'_> {
    /// Protected relations were seen at this level or below.
    pub(crate) fn tainted(&self) -> bool {
        self.levels.last().is_some_and(|l| self.touched > l.touched_before)
    }

    /// The rows of one table in the order in which they lie or in that of an index over nothing protected: nothing is sorted,
    /// grouped or joined. `clauses`: see [`Judge::unmoved`].
    pub(crate) fn scans(&self, level: &Level, selection: Option<&Expr>, clauses: &[Demand]) -> bool {
        matches!((level.items.as_slice(), clauses), ([only], [clauses]) if self.clean(only, clauses))
            && selection.is_none_or(|s| !has_query(s))
    }

    /// Nothing protected has a part in the order of the level's rows: of protected relations only columns are read that are not
    /// protected, by plans that touch no others. `clauses`: columns that stand in conditions and keys, item by item.
    pub(crate) fn unmoved(&self, level: &Level, clauses: &[Demand]) -> bool {
        let Some(order) = self.levels.last() else { return false };
        let protected: Vec<(&Rc<Item>, &Demand)> = level
            .items
            .iter()
            .zip(clauses)
            .filter(|(item, _)| {
                item.oid.is_some_and(|oid| self.facts.guard(oid).is_some() || item.lost_key && !item.key.is_empty() || self.is_view(oid))
            })
            .collect();
        // Whatever else was seen is a subquery's.
        self.touched.saturating_sub(order.touched_before) == protected.len()
            && protected.iter().all(|(item, clauses)| self.clean(item, clauses) && !self.reads_protected(item))
    }

    /// A protected column decides in which partition of the table a row lies.
    pub(crate) fn partitioned_by_protected(&self, table: Oid) -> bool {
        let guard = self.facts.guard(table);
        let protected = |n: &i16| guard.is_some_and(|g| *n == 0 || g.columns.contains_key(n));
        self.facts.catalog.partition_keys.get(&table).is_some_and(|key| key.iter().any(protected))
    }

    fn is_view(&self, oid: Oid) -> bool {
        self.facts.catalog.relations.get(&oid).is_some_and(|r| r.kind == RelationKind::View)
    }

    /// No plan for this table's own rows can follow a protected value.
    fn clean(&self, item: &Item, demand: &Demand) -> bool {
        let Some(relation) = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)) else { return false };
        let Some(guard) = self.facts.guard(relation.oid) else { return false };
        if !guard.filters.is_empty()
            // A materialised view's rows lie in the order in which they were computed.
            || !matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned)
        {
            return false;
        }
        // Partitions are read one after the other, in the order of their bounds.
        let partitioned_by = |table: &Oid| *table == relation.oid || self.facts.catalog.ancestors(*table).contains(&relation.oid);
        if self.facts.catalog.partition_keys.keys().filter(|t| partitioned_by(t)).any(|t| self.partitioned_by_protected(*t)) {
            return false;
        }
        let attributes = |cols: &BTreeSet<usize>| -> BTreeSet<i16> { cols.iter().filter_map(|c| attribute(item, *c)).collect() };
        let (used, clauses, shown) = (attributes(&item.used.borrow()), attributes(&demand.clauses), attributes(&demand.shown));
        let follows = |index: &Index| {
            index.mentions.iter().any(|n| *n == Index::OF_A_CHILD || guard.columns.contains_key(n))
                && (index.mentions.iter().any(|n| clauses.contains(n))
                    || index.returns.iter().any(|n| used.contains(n)) && shown.iter().all(|n| index.returns.contains(n)))
        };
        !relation.indexes.iter().any(follows)
    }

    /// A protected column is read, be it behind a mask: its width can decide what fits into memory, and so the order in which a
    /// sort or hash table gives out what is equal in it.
    fn reads_protected(&self, item: &Item) -> bool {
        let guard = item.oid.and_then(|oid| self.facts.guard(oid));
        item.used.borrow().iter().filter_map(|c| item.cols.get(*c).map(|col| (*c, col))).any(|(index, col)| {
            if col.label.sealed().is_some() {
                return true;
            }
            let treatment = attribute(item, index).and_then(|n| guard.and_then(|g| g.columns.get(&n).map(|t| (n, t))));
            match treatment.map(|(n, t)| (n, &t.action)) {
                None => !matches!(col.origin, Origin::Column { .. }),
                Some((n, Action::Veil(sql))) => {
                    let name = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)?.attribute(n).map(|c| quote(&c.name)));
                    name.is_none_or(|name| sql.contains(&name))
                }
                Some((_, Action::Seal(_))) => true,
                Some((_, Action::Refuse)) => false,
            }
        })
    }
}

fn attribute(item: &Item, col: usize) -> Option<i16> {
    match &item.cols.get(col)?.origin {
        Origin::Column { attribute, .. } | Origin::Veiled { attribute, .. } => Some(*attribute),
        Origin::Computed => None,
    }
}

fn has_query(e: &Expr) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    e.visit(&mut Find).is_break()
}
