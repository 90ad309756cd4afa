//! The marks of barriers in a statement that is being judged, and what they become.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, LimitClause, Offset, OffsetRows, Query, SelectItem, SetExpr, Value, VisitorMut};

use super::{Barrier, both, hidden, is_comparison, is_condition};
use crate::judge::build;

/// Stands for OFFSET 0 until it is known whether it is needed; the number follows.
const FENCE: &str = "pgveil_fence";
/// The column by which a derived table says that its row is visible; the number follows.
pub(super) const OK: &str = "pgveil_ok";

/// The clause that marks a derived table as that barrier's.
pub(crate) fn mark(query: &mut Query, number: usize) {
    query.limit_clause = Some(offset(Expr::Identifier(build::ident(format!("{FENCE}{number}")))));
}

fn offset(value: Expr) -> LimitClause {
    LimitClause::LimitOffset { limit: None, offset: Some(Offset { value, rows: OffsetRows::None }), limit_by: vec![] }
}

fn marked(query: &Query) -> Option<usize> {
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: None, offset: Some(Offset { value: Expr::Identifier(id), .. }), .. }) => {
            number(&id.value, FENCE)
        }
        _ => None,
    }
}

fn number(name: &str, of: &str) -> Option<usize> {
    name.strip_prefix(of)?.parse().ok()
}

/// Gives the barriers of a stand-in other numbers.
pub(super) struct Shift(pub(super) usize);

impl VisitorMut for Shift {
    type Break = ();
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(n) = marked(query) {
            mark(query, n.saturating_add(self.0));
        }
        ControlFlow::Continue(())
    }
    fn pre_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = e
            && let [_, last] = parts.as_mut_slice()
            && let Some(n) = number(&last.value, OK)
        {
            last.value = format!("{OK}{}", n.saturating_add(self.0));
        }
        ControlFlow::Continue(())
    }
}

/// Puts what was decided of each barrier in the place of its mark.
pub(super) struct Settle<'b>(pub(super) &'b [Barrier]);

impl VisitorMut for Settle<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(n) = marked(query) else { return ControlFlow::Continue(()) };
        // A number that is not known cannot be; it would be fenced.
        let unknown = Barrier { fenced: true, ..Barrier::default() };
        let barrier = self.0.get(n).unwrap_or(&unknown);
        query.limit_clause = barrier.fenced.then(|| offset(build::value(Value::Number("0".to_owned(), false))));
        let SetExpr::Select(select) = &mut *query.body else { return ControlFlow::Continue(()) };
        if barrier.guarded && !barrier.whole_row {
            let visible = match &select.selection {
                Some(filter) if !barrier.fenced => Expr::IsTrue(Box::new(filter.clone())),
                _ => build::value(Value::Boolean(true)),
            };
            select.projection.push(SelectItem::ExprWithAlias { expr: visible, alias: build::ident(format!("{OK}{n}")) });
        }
        if barrier.fenced && !barrier.may_fail {
            select.selection = select.selection.take().map(|filter| barrier.repeats.iter().cloned().fold(filter, both));
        }
        ControlFlow::Continue(())
    }
    fn post_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if let Expr::Case { operand: None, conditions, else_result: None, .. } = e
            && let [when] = conditions.as_mut_slice()
            && let Some(asked) = asked(&when.condition)
            && asked.iter().any(|n| self.0.get(*n).is_none_or(|b| b.whole_row))
        {
            // A whole row cannot be asked: its relation is fenced.
            let judged = std::mem::replace(&mut when.result, build::value(Value::Null));
            let shown = matches!(&judged, Expr::BinaryOp { op, .. } if is_comparison(op)) || !is_condition(&judged);
            *e = if shown { judged } else { hidden(judged) };
        }
        ControlFlow::Continue(())
    }
}

/// The barriers whose `pgveil_ok` a guard asks for; `None` for anything else than a guard.
fn asked(condition: &Expr) -> Option<Vec<usize>> {
    match condition {
        Expr::IsNotFalse(inner) => match &**inner {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [_, last] => number(&last.value, OK).map(|n| vec![n]),
                _ => None,
            },
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = asked(left)?;
            all.extend(asked(right)?);
            Some(all)
        }
        _ => None,
    }
}
