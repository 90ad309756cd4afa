//! What is repeated inside a fence, where an index can answer it: conditions that cannot fail, on the relation's own columns and those
//! of the queries around.

use sqlparser::ast::{BinaryOperator, Expr, JoinOperator, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::barrier::{Repeat, for_each};
use super::expr::InScope;
use super::holds::{Place, place};
use super::scope::Item;
use super::{Judge, build};
use crate::plan::Origin;

impl Judge<'_> {
    /// Keeps a condition that cannot fail for the fence of the only item that it mentions.
    pub(crate) fn repeat(&mut self, condition: &Expr, scope: InScope, repeat: Repeat) {
        let allowed = match repeat {
            Repeat::Any => true,
            Repeat::Strict => is_strict(condition),
            Repeat::None | Repeat::Having => false,
        };
        if !allowed {
            return;
        }
        let mut only: Option<Rc<Item>> = None;
        let mut one = true;
        let mut outer: Vec<String> = Vec::new();
        for_each(condition, &mut |e| {
            if matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                match place(e, scope) {
                    Some(Place::Column(item, 0, _)) => match &only {
                        Some(known) => one &= Rc::ptr_eq(known, &item),
                        None => only = Some(item),
                    },
                    // A column from further out means the same inside the fence.
                    Some(Place::Column(item, _, _)) if matches!(e, Expr::CompoundIdentifier(_)) => {
                        outer.push(item.printed.clone().unwrap_or_else(|| item.visible.clone()))
                    }
                    Some(Place::Column(..) | Place::Merged(_)) | None => one = false,
                }
            }
        });
        let Some(item) = only.filter(|_| one) else { return };
        let Some(number) = item.behind.own else { return };
        let name = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)).map(|r| &r.name);
        if outer.iter().any(|alias| Some(alias) == name) {
            return;
        }
        let mut own = condition.clone();
        let whole = own.visit(&mut Own { judge: self, scope, item: &item });
        if whole.is_continue()
            && let Some(barrier) = self.barriers.get_mut(number)
        {
            barrier.repeats.push(own);
        }
    }

    /// The stored column's name, where a reference shows it as it is stored.
    fn stored(&self, e: &Expr, scope: InScope, of: &Item) -> Option<Expr> {
        let Some(Place::Column(_, 0, col)) = place(e, scope) else { return None };
        let Origin::Column { relation, attribute } = col.origin else { return None };
        if col.label.sealed().is_some() || of.oid != Some(relation) {
            return None;
        }
        let own = self.facts.catalog.relations.get(&relation)?.attribute(attribute)?;
        Some(Expr::Identifier(build::ident(&own.name)))
    }
}

struct Own<'j, 'a, 's> {
    judge: &'j Judge<'a>,
    scope: InScope<'s>,
    item: &'j Item,
}

impl VisitorMut for Own<'_, '_, '_> {
    type Break = ();
    fn post_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            && !matches!(place(e, self.scope), Some(Place::Column(_, outwards, _)) if outwards > 0)
        {
            match self.judge.stored(e, self.scope, self.item) {
                Some(own) => *e = own,
                None => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }
}

/// A plain comparison of a column with constants or another column: not true of NULL.
fn is_strict(e: &Expr) -> bool {
    let column = |e: &Expr| matches!(build::bare(e), Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    match build::bare(e) {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq | BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq,
            right,
        } => column(left) && (is_constant(right) || column(right)) || column(right) && is_constant(left),
        Expr::InList { expr, list, negated: false } => column(expr) && list.iter().all(is_constant),
        Expr::Between { expr, negated: false, low, high } => column(expr) && is_constant(low) && is_constant(high),
        _ => false,
    }
}

/// Literals and parameters.
fn is_constant(e: &Expr) -> bool {
    match build::bare(e) {
        Expr::Value(v) => matches!(v.value, Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Placeholder(_)),
        Expr::Cast { expr, .. } => is_constant(expr),
        _ => false,
    }
}

/// Whether conditions of WHERE may be repeated at a level with this FROM.
pub(crate) fn repeats(from: &[TableWithJoins]) -> Repeat {
    fn outer(tree: &TableWithJoins) -> bool {
        let inner = |f: &TableFactor| matches!(f, TableFactor::NestedJoin { table_with_joins, .. } if outer(table_with_joins));
        inner(&tree.relation)
            || tree.joins.iter().any(|j| {
                inner(&j.relation)
                    || !matches!(j.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
            })
    }
    if from.iter().any(outer) { Repeat::Strict } else { Repeat::Any }
}
