//! ORDER BY and LIMIT: their items, and what these name.

use sqlparser::ast::{Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Value};

use crate::judge::scope::Col;
use crate::judge::{build, refuse};
use crate::{Refusal, SqlState};

/// LIMIT, OFFSET and FETCH of numbers and parameters.
pub(super) fn constant_limits(query: &Query) -> bool {
    let constant = |e: &Expr| matches!(build::bare(e), Expr::Value(_));
    let limit = match &query.limit_clause {
        None => true,
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.as_ref().is_none_or(constant) && offset.as_ref().is_none_or(|o| constant(&o.value))
        }
        Some(LimitClause::OffsetCommaLimit { .. }) => false,
    };
    limit && query.fetch.as_ref().and_then(|f| f.quantity.as_ref()).is_none_or(constant)
}

/// The items of ORDER BY.
pub(crate) fn order_items(query: &mut Query) -> Result<&mut [OrderByExpr], Refusal> {
    match &mut query.order_by {
        None => Ok(&mut []),
        Some(OrderBy { kind: OrderByKind::Expressions(items), interpolate: None }) if items.iter().all(|i| i.with_fill.is_none()) => {
            Ok(items)
        }
        Some(_) => Err(refuse::not_yet("form.order", "this ORDER BY")),
    }
}

/// Adds items to ORDER BY.
pub(crate) fn append_order(query: &mut Query, more: Vec<OrderByExpr>) {
    if more.is_empty() {
        return;
    }
    match &mut query.order_by {
        Some(OrderBy { kind: OrderByKind::Expressions(items), .. }) => {
            for item in more {
                if !items.iter().any(|i| build::bare(&i.expr) == build::bare(&item.expr)) {
                    items.push(item);
                }
            }
        }
        _ => {
            let mut items: Vec<OrderByExpr> = vec![];
            for item in more {
                if !items.iter().any(|i| build::bare(&i.expr) == build::bare(&item.expr)) {
                    items.push(item);
                }
            }
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(items), interpolate: None });
        }
    }
}

/// A position in the select list, from 0.
pub(crate) fn position_of(e: &Expr) -> Option<usize> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::Number(n, false) => n.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

/// The output column that an ORDER BY item of a set operation names.
pub(super) fn output_index(e: &Expr, cols: &[Col]) -> Result<usize, Refusal> {
    let found = match build::bare(e) {
        Expr::Identifier(id) => cols.iter().position(|c| c.name == id.value),
        other => position_of(other).filter(|n| *n < cols.len()),
    };
    found.ok_or_else(|| {
        Refusal::new(SqlState::UNSUPPORTED, "order.output", "ORDER BY of this query can only name its result columns, or their positions")
            .with_hint("Put the query into FROM, and order outside.")
    })
}
