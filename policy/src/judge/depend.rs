//! GROUP BY a primary key: the columns that hang on it (PostgreSQL documentation, 7.2.3).
//!
//! A derived table has no primary key. Where one stands for a relation that is grouped by its whole key, the columns that the query
//! uses outside aggregates become keys too: the groups stay the same. Types without equality cannot be keys, whole rows may hold
//! such: they become `(array_agg(x))[1]`, all values in a group being those of one row.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{AccessExpr, Distinct, Expr, GroupByExpr, OrderByExpr, Query, SelectItem, Subscript, Value, VisitMut, VisitorMut};

use super::group::Groups;
use super::row::ROW;
use super::scope::{Item, Level};
use super::{Judge, build};
use crate::catalog::FunctionKind;

/// Base types of `pg_catalog` that have neither a hash nor a btree operator class.
const WITHOUT_EQUALITY: [&str; 10] = ["json", "xml", "point", "lseg", "path", "box", "polygon", "line", "circle", "jsonpath"];

/// The clauses in which such columns may stand.
pub(crate) struct Clauses<'q> {
    pub projection: &'q mut [SelectItem],
    pub having: Option<&'q mut Expr>,
    pub distinct: Option<&'q mut Distinct>,
    pub query: &'q mut Query,
}

impl Judge<'_> {
    /// Adds to GROUP BY the columns that hang on a primary key in it.
    pub(crate) fn keep_group_keys(&mut self, group_by: &mut GroupByExpr, groups: Option<&Groups>, level: &Level, clauses: Clauses) {
        let Some(groups) = groups.filter(|g| !g.sets) else { return };
        let GroupByExpr::Expressions(items, _) = group_by else { return };
        let mut picked: Vec<Expr> = Vec::new();
        for item in level.items.iter().filter(|i| i.lost_key && !i.primary.is_empty()) {
            let grouped: BTreeSet<usize> =
                groups.keys.iter().filter_map(|k| k.place.as_ref()).filter(|(i, _)| Rc::ptr_eq(i, item)).map(|(_, c)| *c).collect();
            if !item.primary.iter().all(|k| grouped.contains(k)) {
                continue;
            }
            let alias = item.printed.as_deref().unwrap_or(&item.visible);
            // With a masked key a group may hold several rows: then there is no one value to pick.
            let unique = item.primary.iter().all(|k| item.cols.get(*k).is_some_and(|c| matches!(c.origin, crate::Origin::Column { .. })));
            for index in item.bare.borrow().iter().filter(|c| !grouped.contains(c)) {
                match item.cols.get(*index) {
                    Some(col) if unique && !self.has_equality(item, *index) => picked.push(build::column(alias, &col.name)),
                    Some(col) => items.push(build::column(alias, &col.name)),
                    None if unique && item.row.as_ref().is_some_and(|r| r.index == *index) => picked.push(build::column(alias, ROW)),
                    None if item.row.is_some() => items.push(build::column(alias, ROW)),
                    None => {}
                }
            }
            // A row that is a record, of all that may be among the keys by now or not.
            if unique && item.row.is_none() {
                picked.push(Expr::Identifier(build::ident(alias)));
            }
        }
        if !picked.is_empty() {
            self.pick(&picked, clauses);
        }
    }

    /// Whether a column of a relation has a type that can be grouped by.
    fn has_equality(&self, item: &Item, index: usize) -> bool {
        let column = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)).and_then(|r| r.columns.get(index));
        let Some(column) = column else { return true };
        let base = column.data_type.base_sql.trim_start_matches("pg_catalog.").trim_matches('"');
        !WITHOUT_EQUALITY.contains(&base)
    }

    fn pick(&self, picked: &[Expr], clauses: Clauses) {
        let is_aggregate = |name: &str| {
            let all = self.facts.catalog.functions.get(name).map(Vec::as_slice).unwrap_or_default();
            all.iter().any(|f| f.kind == FunctionKind::Aggregate)
        };
        let mut pick = Pick { picked, is_aggregate: &is_aggregate, inside: 0 };
        for item in clauses.projection {
            let _ = item.visit(&mut pick);
        }
        if let Some(having) = clauses.having {
            let _ = having.visit(&mut pick);
        }
        if let Some(Distinct::On(keys)) = clauses.distinct {
            let _ = keys.visit(&mut pick);
        }
        let order: &mut [OrderByExpr] = super::query::order_items(clauses.query).unwrap_or_default();
        for item in order {
            let _ = item.expr.visit(&mut pick);
        }
    }
}

/// Replaces columns outside of aggregates and subqueries.
struct Pick<'p> {
    picked: &'p [Expr],
    is_aggregate: &'p dyn Fn(&str) -> bool,
    /// Aggregates and subqueries around the expression.
    inside: usize,
}

impl Pick<'_> {
    fn aggregates(&self, e: &Expr) -> bool {
        let Expr::Function(f) = e else { return false };
        let name = f.name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.as_str()).unwrap_or_default();
        f.over.is_none() && (self.is_aggregate)(name)
    }
}

impl VisitorMut for Pick<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside = self.inside.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside = self.inside.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if self.aggregates(e) {
            self.inside = self.inside.saturating_add(1);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if self.aggregates(e) {
            self.inside = self.inside.saturating_sub(1);
        } else if self.inside == 0 && self.picked.contains(e) {
            let all = build::call(&["pg_catalog", "array_agg"], vec![e.clone()]);
            let first = build::value(Value::Number("1".to_owned(), false));
            *e = Expr::CompoundFieldAccess {
                root: Box::new(all),
                access_chain: vec![AccessExpr::Subscript(Subscript::Index { index: first })],
            };
        }
        ControlFlow::Continue(())
    }
}
