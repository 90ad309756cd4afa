//! Whether a row filter can fail on a stored value: an error would carry that value, of a row that may not even be visible.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Visit, Visitor};

use super::build;

/// Only comparisons of columns with columns and constants, and what joins these together. A cast or call on a constant alone
/// fails for every row or for none.
pub(crate) fn is_total(filter: &Expr) -> bool {
    struct Fails;
    impl Visitor for Fails {
        type Break = ();
        fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
            let fine = match e {
                Expr::BinaryOp { op, .. } | Expr::AnyOp { compare_op: op, .. } | Expr::AllOp { compare_op: op, .. } => matches!(
                    op,
                    BinaryOperator::Eq
                        | BinaryOperator::NotEq
                        | BinaryOperator::Lt
                        | BinaryOperator::Gt
                        | BinaryOperator::LtEq
                        | BinaryOperator::GtEq
                        | BinaryOperator::And
                        | BinaryOperator::Or
                ),
                Expr::UnaryOp { op, .. } => matches!(op, sqlparser::ast::UnaryOperator::Not),
                Expr::Cast { expr, .. } => matches!(build::bare(expr), Expr::Value(_)),
                Expr::Identifier(_)
                | Expr::CompoundIdentifier(_)
                | Expr::Value(_)
                | Expr::TypedString(_)
                | Expr::Nested(_)
                | Expr::Tuple(_)
                | Expr::InList { .. }
                | Expr::InSubquery { .. }
                | Expr::Exists { .. }
                | Expr::Between { .. }
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsNotTrue(_)
                | Expr::IsFalse(_)
                | Expr::IsNotFalse(_)
                | Expr::IsUnknown(_)
                | Expr::IsNotUnknown(_)
                | Expr::IsDistinctFrom(..)
                | Expr::IsNotDistinctFrom(..) => true,
                _ => false,
            };
            if fine { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    filter.visit(&mut Fails).is_continue()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    #[test]
    fn what_can_fail_on_a_stored_value_is_not_total() {
        for filter in [
            "country = 'DE'",
            "customer_id IN (SELECT id FROM shop.customers WHERE country = 'DE')",
            "created >= DATE '2024-01-01' AND NOT (deleted IS TRUE OR x IS NULL)",
            "(a, b) IN (('x', 'y'))",
        ] {
            assert!(is_total(&read::expression(filter).unwrap()), "{filter}");
        }
        for filter in ["email::int > 0", "1 / n > 0", "lower(country) = 'de'", "id IN (SELECT id FROM t WHERE f(x))", "x ~ y"] {
            assert!(!is_total(&read::expression(filter).unwrap()), "{filter}");
        }
    }
}
