//! Row filters that cost little: conditions that cannot fail are repeated inside the fence, where an index can answer them.
//!
//! A comparison of a column of a built-in type with a constant is leakproof in Postgres (`pg_proc.proleakproof`): it can
//! neither fail nor tell of a row that the filter removes.

use std::rc::Rc;

use sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, TableFactor, TableWithJoins, Value};

use super::Judge;
use super::build;
use super::scope::{Item, Scope};
use crate::catalog::BaseType;
use crate::plan::Origin;

impl Judge<'_> {
    /// Repeats the simple conditions of WHERE inside the fences of the relations that they are about.
    pub(crate) fn repeat_conditions(&mut self, from: &mut [TableWithJoins], selection: Option<&Expr>, scope: &Scope) {
        let Some(selection) = selection else { return };
        if !scope.level.items.iter().any(|i| self.fenced(i)) {
            return;
        }
        let mut conjuncts = Vec::new();
        split(selection, &mut conjuncts);
        for conjunct in conjuncts {
            if let Some((item, condition)) = self.repeatable(conjunct, scope) {
                for tree in &mut *from {
                    insert(&mut tree.relation, &item, &condition);
                    for join in &mut tree.joins {
                        insert(&mut join.relation, &item, &condition);
                    }
                }
            }
        }
    }

    fn fenced(&self, item: &Item) -> bool {
        item.oid.and_then(|oid| self.facts.guard(oid)).is_some_and(|g| !g.filters.is_empty())
    }

    /// The condition in terms of the relation's own column, and which item it is about.
    fn repeatable(&mut self, conjunct: &Expr, scope: &Scope) -> Option<(Rc<Item>, Expr)> {
        match build::bare(conjunct) {
            Expr::BinaryOp { left, op, right }
                if matches!(
                    op,
                    BinaryOperator::Eq | BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq
                ) =>
            {
                let (column, constant, left_is_column) = if is_constant(right) { (left, right, true) } else { (right, left, false) };
                if !is_constant(constant) {
                    return None;
                }
                let (item, own) = self.own_column(column, scope)?;
                let (left, right) = if left_is_column { (own, (**constant).clone()) } else { ((**constant).clone(), own) };
                Some((item, Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }))
            }
            Expr::InList { expr, list, negated: false } if list.iter().all(is_constant) => {
                let (item, own) = self.own_column(expr, scope)?;
                Some((item, Expr::InList { expr: Box::new(own), list: list.clone(), negated: false }))
            }
            _ => None,
        }
    }

    /// A column that is shown as it is stored, of a type whose comparisons are leakproof.
    fn own_column(&mut self, column: &Expr, scope: &Scope) -> Option<(Rc<Item>, Expr)> {
        let (item, index) = self.plain_column(column, Some(scope))?;
        if !scope.level.items.iter().any(|i| Rc::ptr_eq(i, &item)) {
            return None;
        }
        let col = item.cols.get(index)?;
        let Origin::Column { relation, attribute } = col.origin else { return None };
        let leakproof = matches!(
            col.base?,
            BaseType::Int2
                | BaseType::Int4
                | BaseType::Int8
                | BaseType::Bool
                | BaseType::Uuid
                | BaseType::Text
                | BaseType::Varchar
                | BaseType::Bpchar
                | BaseType::Date
                | BaseType::Timestamp
                | BaseType::Timestamptz
        );
        if col.label.sealed().is_some() || !leakproof || !self.fenced(&item) || item.oid != Some(relation) || item.whole {
            return None;
        }
        let own = self.facts.catalog.relations.get(&relation)?.attribute(attribute)?;
        if own.data_type.nondeterministic || own.data_type.is_domain {
            return None;
        }
        let own = Expr::Identifier(build::ident(&own.name));
        Some((item, own))
    }
}

/// Literals and parameters.
fn is_constant(e: &Expr) -> bool {
    match build::bare(e) {
        Expr::Value(v) => matches!(v.value, Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Placeholder(_)),
        _ => false,
    }
}

fn split<'e>(e: &'e Expr, out: &mut Vec<&'e Expr>) {
    match build::bare(e) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            split(left, out);
            split(right, out);
        }
        other => out.push(other),
    }
}

fn insert(factor: &mut TableFactor, item: &Item, condition: &Expr) {
    match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => {
            insert(&mut table_with_joins.relation, item, condition);
            for join in &mut table_with_joins.joins {
                insert(&mut join.relation, item, condition);
            }
        }
        TableFactor::Derived { subquery, alias: Some(alias), .. } if item.printed.as_ref() == Some(&alias.name.value) => {
            and(subquery, condition);
        }
        _ => {}
    }
}

fn and(query: &mut Query, condition: &Expr) {
    if let SetExpr::Select(select) = &mut *query.body
        && let Some(filter) = select.selection.take()
    {
        let both = Expr::BinaryOp { left: Box::new(filter), op: BinaryOperator::And, right: Box::new(condition.clone()) };
        select.selection = Some(both);
    }
}
