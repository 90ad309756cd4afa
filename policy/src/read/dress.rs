//! An AST made ready to be printed.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Ident, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Value, ValueWithSpan,
    VisitMut, VisitorMut,
};

use super::normal::{around, empty_query, take};

/// Prints an AST in normal form, with brackets around every part of an expression and quotes around every name.
///
/// A chain of one operator (`a OR b OR c`) keeps the one form that both readers group from the left; brackets there would only
/// nest deeper.
pub(super) fn text(query: &Query) -> String {
    let mut dressed = Box::new(query.clone());
    let _ = VisitMut::visit(&mut dressed, &mut Dress);
    dressed.to_string()
}

/// Prints an expression, as [`text`] does.
pub(super) fn expression(expr: &Expr) -> String {
    let mut dressed = expr.clone();
    let _ = VisitMut::visit(&mut dressed, &mut Dress);
    dressed.to_string()
}

/// Adds brackets, and the escapes that sqlparser's printing expects to be there already.
struct Dress;

impl VisitorMut for Dress {
    type Break = ();

    fn post_visit_ident(&mut self, ident: &mut Ident) -> ControlFlow<()> {
        if ident.quote_style == Some('"') && ident.value.contains('"') {
            ident.value = ident.value.replace('"', "\"\"");
        }
        ControlFlow::Continue(())
    }

    fn post_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &mut value.value
            && text.contains('\'')
        {
            *text = text.replace('\'', "''");
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, .. } => {
                if let Expr::Nested(inner) = &mut **left
                    && let Expr::BinaryOp { op: of_left, .. } = &**inner
                    && of_left == op
                    && groups_from_left(op)
                {
                    **left = take(inner);
                }
            }
            Expr::CompoundFieldAccess { root, .. } if !matches!(**root, Expr::Nested(_)) => nest(root),
            Expr::Like { any: true, pattern, .. } | Expr::ILike { any: true, pattern, .. } if !matches!(**pattern, Expr::Nested(_)) => {
                nest(pattern);
            }
            _ => {}
        }
        if !stands_alone(expr) {
            nest(expr);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) = item
                && !matches!(expr, Expr::Nested(_))
            {
                nest(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        wrap_operands(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn wrap_operands(body: &mut Box<SetExpr>) {
    let SetExpr::SetOperation { left, op, set_quantifier, right } = &mut **body else { return };
    let flat =
        matches!(&**left, SetExpr::SetOperation { op: of_left, set_quantifier: also, .. } if of_left == op && also == set_quantifier);
    for (side, flat) in [(left, flat), (right, false)] {
        wrap_operands(side);
        if !flat && matches!(**side, SetExpr::SetOperation { .. }) {
            let inner = std::mem::replace(side, empty_query().body);
            **side = SetExpr::Query(Box::new(around(inner)));
        }
    }
}

/// Operators that both grammars group from the left with themselves.
fn groups_from_left(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::StringConcat
    )
}

/// Needs no brackets wherever it stands; or cannot bear them.
fn stands_alone(expr: &Expr) -> bool {
    match expr {
        Expr::Exists { negated, .. } => !negated,
        Expr::Cast { kind, .. } => *kind == CastKind::Cast,
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Function(_)
        | Expr::Case { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Tuple(_)
        | Expr::Named { .. }
        | Expr::Array(_)
        | Expr::Interval(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..)
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. } => true,
        Expr::CompoundFieldAccess { .. }
        | Expr::JsonAccess { .. }
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::IsJson { .. }
        | Expr::IsNormalized { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::InUnnest { .. }
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::RLike { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Convert { .. }
        | Expr::AtTimeZone { .. }
        | Expr::Collate { .. }
        | Expr::Prefixed { .. }
        | Expr::Struct { .. }
        | Expr::Dictionary(_)
        | Expr::Map(_)
        | Expr::MatchAgainst { .. }
        | Expr::OuterJoin(_)
        | Expr::Prior(_)
        | Expr::Lambda(_)
        | Expr::MemberOf(_) => false,
    }
}

fn nest(expr: &mut Expr) {
    *expr = Expr::Nested(Box::new(take(expr)));
}
