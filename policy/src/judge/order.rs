//! The order of rows: where it can be seen, and what makes it total and independent of protected values.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Expr, OrderByExpr};

use super::expr::InScope;
use super::facts::TieBreak;
use super::label::Label;
use super::query::position_of;
use super::scope::{Col, Item, Level, Out, Scope};
use super::{Judge, build, refuse};
use crate::plan::Origin;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// Whether the rows of this level come in an order that no protected value can change: one table, read whole,
    /// none of whose indexes could answer alone.
    pub(crate) fn streams(&self, level: &Level) -> bool {
        let [item] = level.items.as_slice() else { return level.items.is_empty() };
        let Some(relation) = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)) else { return false };
        if self.facts.guard(relation.oid).is_some_and(|g| !g.filters.is_empty())
            || !matches!(relation.kind, crate::catalog::RelationKind::Table | crate::catalog::RelationKind::Partitioned)
        {
            return false;
        }
        // Partitions are read one after the other, in the order of their bounds.
        let partitioned_by =
            |table: &crate::catalog::Oid| *table == relation.oid || self.facts.catalog.ancestors(*table).contains(&relation.oid);
        if self.facts.catalog.partition_keys.keys().filter(|t| partitioned_by(t)).any(|t| self.partitioned_by_protected(*t)) {
            return false;
        }
        let needed: BTreeSet<i16> = item
            .used
            .borrow()
            .iter()
            .filter_map(|i| item.cols.get(*i))
            .filter_map(|c| match &c.origin {
                Origin::Column { attribute, .. } => Some(*attribute),
                Origin::Veiled { .. } | Origin::Computed => None,
            })
            .collect();
        !needed.is_empty() && !relation.indexes.iter().any(|index| needed.iter().all(|n| index.returns.contains(n)))
    }

    /// A protected column decides in which partition of the table a row lies.
    pub(crate) fn partitioned_by_protected(&self, table: crate::catalog::Oid) -> bool {
        let guard = self.facts.guard(table);
        let protected = |n: &i16| guard.is_some_and(|g| *n == 0 || g.columns.contains_key(n));
        self.facts.catalog.partition_keys.get(&table).is_some_and(|key| key.iter().any(protected))
    }

    /// Protected relations were seen at this level or below.
    pub(crate) fn tainted(&self) -> bool {
        self.levels.last().is_some_and(|l| self.touched > l.touched_before)
    }

    /// Keys that identify a row of the innermost level.
    pub(crate) fn row_identity(&self) -> Vec<Expr> {
        let keys = self.levels.last().map(|l| l.identity.as_slice()).unwrap_or_default();
        keys.iter()
            .map(|k| {
                if let Some((item, index)) = &k.of {
                    item.used.borrow_mut().insert(*index);
                }
                k.expr.clone()
            })
            .collect()
    }

    /// An expression of DISTINCT ON: grouped by value, so that a sealed one is grouped by its digest.
    pub(crate) fn distinct_key(&mut self, key: &mut Expr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        let mut item = build::ascending(key.clone());
        self.order_output(&mut item, outs, scope)?;
        *key = item.expr;
        Ok(())
    }

    /// ORDER BY: a name is a column of the select list first, and only then of FROM; a number is a position.
    pub(crate) fn order_output(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        match self.placed(named_output(&item.expr, outs), &item.expr)? {
            Some(out) => {
                if out.col.label.sealed().is_some() {
                    item.expr = build::keyed(out.expr.clone(), self.facts.marker());
                }
                Ok(())
            }
            None => self.order_item(item, Some(scope)),
        }
    }

    /// The same for a query that will be wrapped: expressions are left as they are in the select list.
    pub(crate) fn wrapped_order_item(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        if let Some(out) = self.placed(named_output(&item.expr, outs), &item.expr)? {
            item.expr = out.expr.clone();
            return Ok(());
        }
        self.expr(&mut item.expr, Some(scope))?;
        Ok(())
    }

    /// Tie-breaks that make the order of this level's rows total, independent of what is protected.
    pub(crate) fn identity(&self, items: &[Rc<Item>]) -> Vec<TieBreak> {
        let mut keys = Vec::new();
        for item in items {
            let all: Vec<usize> = self.all_columns(item);
            for index in if item.key.is_empty() { &all } else { &item.key } {
                if let Some(col) = item.cols.get(*index).filter(|c| c.refused.is_none()) {
                    let expr = self.tie_break(item.reference(col), col);
                    keys.push(TieBreak { expr, of: Some((Rc::clone(item), *index)) });
                }
            }
        }
        keys
    }

    /// All columns of an item that can be seen and named: a hidden `tableoid` only where its tables are many.
    fn all_columns(&self, item: &Item) -> Vec<usize> {
        let catalog = &self.facts.catalog;
        let many = item.oid.is_some_and(|oid| catalog.relations.values().any(|r| r.parents.contains(&oid)));
        let shown: BTreeSet<usize> = item.shown().map(|(index, _)| index).collect();
        let unnamed: BTreeSet<usize> = item.ambiguous().collect();
        (0..item.cols.len()).filter(|index| (many || shown.contains(index)) && !unnamed.contains(index)).collect()
    }

    /// One expression as a tie-break.
    pub(crate) fn tie_break(&self, expr: sqlparser::ast::Expr, col: &Col) -> sqlparser::ast::Expr {
        match &col.label {
            Label::Sealed(_) => build::keyed(expr, self.facts.marker()),
            Label::Clear | Label::Null => build::total(expr, col.base),
        }
    }

    /// An ORDER BY item that is an expression: sealed values get their keyed order.
    pub(crate) fn order_item(&mut self, item: &mut OrderByExpr, scope: InScope) -> Result<(), Refusal> {
        if item.with_fill.is_some() {
            return Err(refuse::unsupported("WITH FILL"));
        }
        if let Label::Sealed(_) = self.expr(&mut item.expr, scope)? {
            item.expr = build::keyed(item.expr.clone(), self.facts.marker());
        }
        Ok(())
    }
}

/// The output that an ORDER BY item means by name or position.
pub(crate) fn named_output<'o>(e: &Expr, outs: &'o [Out]) -> Result<Option<&'o Out>, Refusal> {
    match build::bare(e) {
        Expr::Identifier(id) => {
            let mut found = outs.iter().filter(|o| o.col.name == id.value);
            let first = found.next();
            if let Some(first) = first
                && found.any(|o| build::bare(&o.expr) != build::bare(&first.expr))
            {
                return Err(Refusal::new(SqlState::AMBIGUOUS_COLUMN, "name.ambiguous", format!("ORDER BY \"{}\" is ambiguous", id.value)));
            }
            Ok(first)
        }
        other => match position_of(other) {
            Some(n) => outs.get(n).map(Some).ok_or_else(|| no_position("ORDER BY", n)),
            None => Ok(None),
        },
    }
}

/// A position, from 0, beyond the select list.
pub(crate) fn no_position(clause: &str, position: usize) -> Refusal {
    let message = format!("{clause} position {} is not in select list", position.saturating_add(1));
    Refusal::new(SqlState("42P10"), "order.position", message)
}
