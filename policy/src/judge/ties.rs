//! FETCH FIRST … WITH TIES over protected relations.
//!
//! Which rows it gives follows from the client's ORDER BY alone; only their order among ties is open. So the query stays as it is, as
//! the only FROM item of an outer one, which sorts by the same and then by all columns.

use sqlparser::ast::{Expr, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins};

use super::query::{bare_query, empty_values, order_items};
use super::relation::alias_column;
use super::scope::Col;
use super::sealed::keyed;
use super::{Judge, build};
use crate::{Refusal, SqlState};

/// Whether a query asks for ties.
pub(crate) fn has_ties(query: &Query) -> bool {
    query.fetch.as_ref().is_some_and(|f| f.with_ties)
}

impl Judge<'_> {
    /// Puts the query into a FROM of its own. `keys`: for each item of its ORDER BY, the output that it is.
    pub(crate) fn wrap_ties(&mut self, query: &mut Query, cols: &[Col], keys: &[usize]) -> Result<(), Refusal> {
        let alias = self.fresh("pgveil_q");
        let names: Vec<String> = (1..=cols.len()).map(|n| format!("pgveil_c{n}")).collect();
        let mut order: Vec<OrderByExpr> = Vec::new();
        for (item, index) in order_items(query)?.iter().zip(keys) {
            let (Some(name), Some(col)) = (names.get(*index), cols.get(*index)) else { continue };
            let plain = build::column(&alias, name);
            let expr = keyed::order(&plain, &col.label, self.facts.marker()).unwrap_or(plain);
            order.push(OrderByExpr { expr, ..item.clone() });
        }
        for (name, col) in names.iter().zip(cols) {
            let untyped = Col { base: None, ..col.clone() };
            order.push(build::ascending(self.tie_break(build::column(&alias, name), &untyped)));
        }
        let projection = names
            .iter()
            .zip(cols)
            .map(|(name, col)| SelectItem::ExprWithAlias { expr: build::column(&alias, name), alias: build::ident(&col.name) })
            .collect();
        let inner = std::mem::replace(query, bare_query(SetExpr::Values(empty_values())));
        let from = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(inner),
            alias: Some(TableAlias {
                explicit: true,
                name: build::ident(alias),
                columns: names.iter().map(|n| alias_column(n)).collect(),
                at: None,
            }),
            sample: None,
        };
        let select =
            sqlparser::ast::Select { projection, from: vec![TableWithJoins { relation: from, joins: vec![] }], ..super::empty_select() };
        *query.body = SetExpr::Select(Box::new(select));
        query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order), interpolate: None });
        Ok(())
    }

    /// The output that each item of ORDER BY is: an outer query can only sort by those.
    pub(crate) fn tie_keys(&self, keys: Vec<Option<usize>>, items: &[Expr]) -> Result<Vec<usize>, Refusal> {
        let missing = keys.iter().position(Option::is_none);
        if let Some(index) = missing {
            let at = items.get(index).and_then(|e| self.position(e));
            return Err(Refusal::new(
                SqlState::UNSUPPORTED,
                "order.ties",
                "WITH TIES over protected relations can only be ordered by what is in the select list",
            )
            .with_hint("Add the ORDER BY expression to the select list.")
            .at(at));
        }
        Ok(keys.into_iter().flatten().collect())
    }
}
