//! Expressions: binds names, infers labels, rewrites what must be rewritten.

use sqlparser::ast::{BinaryOperator, CeilFloorKind, DateTimeField, Expr, LimitClause, Query, SetExpr, Value};

use super::function::Judged;
use super::holds::comparable;
use super::label::Label;
use super::refuse;
use super::row::{put_row, starred};
use super::scope::{Col, Scope};
use super::sealed::{array, meet};
use super::token::is_operand;
use super::typing::place;
use super::{Judge, build};
use crate::Refusal;

/// The scope of an expression: `None` where no column may be named (LIMIT, VALUES outside a query).
pub(crate) type InScope<'a> = Option<&'a Scope<'a>>;

impl Judge<'_> {
    /// Judges an expression that must hold nothing sealed; `usage` names the place for the refusal.
    pub(crate) fn clear(&mut self, e: &mut Expr, scope: InScope, usage: &str) -> Result<(), Refusal> {
        match self.expr(e, scope)? {
            Label::Clear | Label::Null => Ok(()),
            Label::Sealed(s) | Label::SealedArray(s) => Err(refuse::sealed_use(self.role, &s, usage).at(self.position(e))),
        }
    }

    /// Judges several, as [`Judge::clear`].
    pub(crate) fn all_clear<'e>(
        &mut self,
        es: impl IntoIterator<Item = &'e mut Expr>,
        scope: InScope,
        usage: &str,
    ) -> Result<Label, Refusal> {
        for e in es {
            self.clear(e, scope, usage)?;
        }
        Ok(Label::Clear)
    }

    /// Two values whose equality shows.
    pub(crate) fn compare(&self, a: Label, b: Label, at: &Expr, usage: &str) -> Result<Label, Refusal> {
        meet::compare(a, b).map_err(|c| refuse::clash(self.role, &c, usage).at(self.position(at)))?;
        Ok(Label::Clear)
    }

    /// Two values that share a place.
    pub(crate) fn join(&self, a: Label, b: Label, at: &Expr, usage: &str) -> Result<Label, Refusal> {
        meet::join(a, b).map_err(|c| refuse::clash(self.role, &c, usage).at(self.position(at)))
    }

    /// Judges an expression.
    pub(crate) fn expr(&mut self, e: &mut Expr, scope: InScope) -> Result<Label, Refusal> {
        let judged = self.any_expr(e, scope);
        self.placed(judged, e)
    }

    fn any_expr(&mut self, e: &mut Expr, scope: InScope) -> Result<Label, Refusal> {
        match e {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.reference(e, scope),
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Value(v) => match &v.value {
                Value::Null => Ok(Label::Null),
                Value::Placeholder(name) => {
                    let name = name.clone();
                    self.clear_parameter(&name).map(|()| Label::Clear)
                }
                _ => Ok(Label::Clear),
            },
            Expr::TypedString(t) => self.data_type(&mut t.data_type).map(|()| Label::Clear),
            Expr::Interval(i) => self.all_clear([&mut *i.value], scope, "an interval"),
            Expr::Subquery(query) => self.scalar_subquery(query, scope),
            Expr::Exists { subquery, .. } => {
                let fails = self.fails;
                self.subquery(subquery, scope, false)?;
                if self.watches() && self.fails == fails {
                    self.fine.push(((**subquery).clone(), None));
                }
                Ok(Label::Clear)
            }
            Expr::Function(_) if starred(e).is_some_and(|_| self.find_row(e, scope).is_some()) => self.reference(e, scope),
            Expr::Function(f) => match self.function(f, scope)? {
                Judged::Call(label) => Ok(label),
                Judged::Replaced(expr, label) => {
                    *e = *expr;
                    Ok(label)
                }
                Judged::Column(expr, label) => {
                    *e = *expr;
                    Ok(label)
                }
            },
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand_label = match operand {
                    Some(o) => {
                        self.implied_operators(&["="])?;
                        Some(self.expr(o, scope)?)
                    }
                    None => None,
                };
                let mut result = Label::Null;
                for when in conditions {
                    match &operand_label {
                        Some(o) => {
                            let l = self.beside(&mut when.condition, std::slice::from_ref(o), scope)?;
                            self.compare_rows(std::slice::from_ref(o), &l, &when.condition, "a CASE")?;
                        }
                        None => self.clear(&mut when.condition, scope, "a condition")?,
                    }
                    result = self.joined(result, &mut when.result, scope, "the results of a CASE")?;
                }
                if let Some(other) = else_result {
                    result = self.joined(result, other, scope, "the results of a CASE")?;
                }
                Ok(result)
            }
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                if let Some(row) = self.find_row(inner, scope) {
                    let value = self.row_value(&row, true)?;
                    put_row(inner, value);
                    return Ok(Label::Clear);
                }
                self.tuple_or_value(inner, scope).map(|_| Label::Clear)
            }
            Expr::QualifiedWildcard(..) => self.reference(e, scope),
            Expr::IsFalse(i) | Expr::IsNotFalse(i) | Expr::IsTrue(i) | Expr::IsNotTrue(i) | Expr::IsUnknown(i) | Expr::IsNotUnknown(i) => {
                self.all_clear([&mut **i], scope, "a condition")
            }
            Expr::IsJson { expr, .. } => self.all_clear([&mut **expr], scope, "IS JSON"),
            Expr::IsNormalized { expr, .. } => self.all_clear([&mut **expr], scope, "IS NORMALIZED"),
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => {
                self.implied_operators(&["="])?;
                self.equality(a, b, scope, "IS DISTINCT FROM")
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope),
            Expr::AnyOp { left, compare_op, right, .. } => self.quantified(left, compare_op, right, scope, "ANY"),
            Expr::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, scope, "ALL"),
            Expr::InList { expr, list, negated } => {
                self.implied_operators(if *negated { &["<>"] } else { &["="] })?;
                let left = self.tuple_or_value(expr, scope)?;
                // More than one may become an array of one type.
                let alone = list.len() == 1;
                for item in list {
                    let right = self.beside(item, &left, scope)?;
                    self.compare_rows(&left, &right, item, "IN")?;
                    if let ([a], [b], false) = (left.as_slice(), right.as_slice(), alone) {
                        self.join(a.clone(), b.clone(), item, "IN")?;
                    }
                }
                Ok(Label::Clear)
            }
            Expr::InSubquery { expr, subquery, .. } => {
                self.implied_operators(&["="])?;
                let left = self.tuple_or_value(expr, scope)?;
                let right = self.compared_subquery(expr, subquery, scope)?;
                self.compare_rows(&left, &right, expr, "IN")?;
                Ok(Label::Clear)
            }
            Expr::Between { expr, low, high, .. } => {
                self.implied_operators(&["<", ">", "<=", ">="])?;
                self.all_clear([&mut **expr, &mut **low, &mut **high], scope, "BETWEEN")
            }
            Expr::Like { any: false, expr, pattern, escape_char, .. } | Expr::ILike { any: false, expr, pattern, escape_char, .. } => {
                self.implied_operators(&["~~", "!~~", "~~*", "!~~*"])?;
                self.clear(expr, scope, "LIKE")?;
                self.clear(pattern, scope, "LIKE")?;
                escape_char.as_deref_mut().map_or(Ok(Label::Clear), |x| self.all_clear([x], scope, "LIKE"))
            }
            Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                self.implied_operators(&["~", "!~"])?;
                self.clear(expr, scope, "SIMILAR TO")?;
                self.clear(pattern, scope, "SIMILAR TO")?;
                escape_char.as_deref_mut().map_or(Ok(Label::Clear), |x| self.all_clear([x], scope, "SIMILAR TO"))
            }
            Expr::UnaryOp { op, expr } => {
                self.unary_operator(op)?;
                self.all_clear([&mut **expr], scope, &format!("operator {op}"))
            }
            Expr::Cast { expr, data_type, format: None, .. } => {
                self.data_type(data_type)?;
                let label = self.expr(expr, scope)?;
                if label == Label::Null && !self.fits_beside_sealed(data_type) {
                    return Ok(Label::Clear);
                }
                match (array::cast(&label, data_type), label.sealed()) {
                    (Some(cast), _) => Ok(cast),
                    (None, Some(s)) => {
                        Err(refuse::sealed_use(self.role, s, &format!("a cast to {}", shown_type(data_type))).at(self.position(&**expr)))
                    }
                    (None, None) => Ok(Label::Clear),
                }
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.all_clear([&mut **timestamp, &mut **time_zone], scope, "AT TIME ZONE"),
            Expr::Extract { expr, .. } => self.all_clear([&mut **expr], scope, "EXTRACT"),
            Expr::Ceil { .. } | Expr::Floor { .. } | Expr::Substring { special: true, .. } => {
                // sqlparser has nodes of their own for these; to Postgres they are functions like any other.
                *e = as_call(e).ok_or_else(|| refuse::not_yet("form.expression", "this form of ceil() or floor()"))?;
                self.expr(e, scope)
            }
            Expr::Position { expr, r#in } => self.all_clear([&mut **expr, &mut **r#in], scope, "POSITION"),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.clear(expr, scope, "SUBSTRING")?;
                self.all_clear(substring_from.as_deref_mut().into_iter().chain(substring_for.as_deref_mut()), scope, "SUBSTRING")
            }
            Expr::Trim { trim_what, expr, trim_characters: None, .. } => {
                self.clear(expr, scope, "TRIM")?;
                self.all_clear(trim_what.as_deref_mut(), scope, "TRIM")
            }
            Expr::Trim { trim_what: None, expr, trim_characters: Some(characters), .. } => {
                self.clear(expr, scope, "TRIM")?;
                self.all_clear(characters, scope, "TRIM")
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.all_clear([&mut **expr, &mut **overlay_what, &mut **overlay_from], scope, "OVERLAY")?;
                self.all_clear(overlay_for.as_deref_mut(), scope, "OVERLAY")
            }
            Expr::Collate { expr, collation } => {
                self.collation(collation)?;
                self.all_clear([&mut **expr], scope, "COLLATE")
            }
            Expr::Tuple(es) => self.all_clear(es, scope, "a row"),
            Expr::Array(a) => self.array_of(&mut a.elem, scope),
            Expr::CompoundFieldAccess { root, access_chain } => match self.last_attribute(root, access_chain, scope)? {
                Some(at) => self.attribute(e, at, scope),
                None => {
                    let label = match self.field_of_row(root, access_chain, scope)? {
                        Some(label) if access_chain.is_empty() => {
                            *e = (**root).clone();
                            return Ok(label);
                        }
                        Some(label) => label,
                        None => self.expr(root, scope)?,
                    };
                    self.access(label, root, access_chain, scope)
                }
            },
            other => {
                Err(refuse::not_yet("form.expression", &format!("the expression {}", shorten(&other.to_string()))).at(self.position(other)))
            }
        }
    }

    /// The labels of a row's parts, or of one value.
    pub(crate) fn tuple_or_value(&mut self, e: &mut Expr, scope: InScope) -> Result<Vec<Label>, Refusal> {
        match e {
            Expr::Nested(inner) => self.tuple_or_value(inner, scope),
            Expr::Tuple(parts) => parts.iter_mut().map(|p| self.expr(p, scope)).collect(),
            other => Ok(vec![self.expr(other, scope)?]),
        }
    }

    fn compare_rows(&self, a: &[Label], b: &[Label], at: &Expr, usage: &str) -> Result<(), Refusal> {
        if a.len() != b.len() {
            let sealed = a.iter().chain(b).find_map(Label::sealed);
            return match sealed {
                Some(s) => Err(refuse::sealed_use(self.role, s, usage).at(self.position(at))),
                None => Ok(()),
            };
        }
        for (a, b) in a.iter().zip(b) {
            self.compare(a.clone(), b.clone(), at, usage)?;
        }
        Ok(())
    }

    fn equality(&mut self, a: &mut Expr, b: &mut Expr, scope: InScope, usage: &str) -> Result<Label, Refusal> {
        let (left, right) = if is_operand(a) {
            let right = self.tuple_or_value(b, scope)?;
            (self.beside(a, &right, scope)?, right)
        } else {
            let left = self.tuple_or_value(a, scope)?;
            let right = self.beside(b, &left, scope)?;
            (left, right)
        };
        self.compare_rows(&left, &right, b, usage)?;
        Ok(Label::Clear)
    }

    fn binary(&mut self, left: &mut Expr, op: &mut BinaryOperator, right: &mut Expr, scope: InScope) -> Result<Label, Refusal> {
        if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            self.clear(right, scope, "a condition")?;
            return self.all_clear([left], scope, "a condition");
        }
        self.operator(op)?;
        match op {
            BinaryOperator::Eq => self.equality(left, right, scope, "a comparison with ="),
            BinaryOperator::NotEq => self.equality(left, right, scope, "a comparison with <>"),
            other => {
                let (a, b) = (self.expr(left, scope)?, self.expr(right, scope)?);
                if let Some(judged) = self.array_operator(other, &a, &b, right) {
                    return judged;
                }
                let usage = format!("operator {other}");
                let sealed = [(a, &*left), (b, &*right)].into_iter().find_map(|(l, e)| l.sealed().cloned().map(|s| (s, e)));
                match sealed {
                    Some((s, e)) => Err(refuse::sealed_use(self.role, &s, &usage).at(self.position(e))),
                    None => Ok(Label::Clear),
                }
            }
        }
    }

    /// `x op ANY (…)`: equality with a subquery's column is allowed for sealed values.
    fn quantified(
        &mut self,
        left: &mut Expr,
        op: &mut BinaryOperator,
        right: &mut Expr,
        scope: InScope,
        word: &str,
    ) -> Result<Label, Refusal> {
        self.operator(op)?;
        let mut inner = &mut *right;
        while let Expr::Nested(deeper) = inner {
            inner = deeper;
        }
        if let (BinaryOperator::Eq | BinaryOperator::NotEq, Expr::Subquery(query)) = (&*op, &mut *inner) {
            let a = self.tuple_or_value(left, scope)?;
            let b = self.compared_subquery(left, query, scope)?;
            self.compare_rows(&a, &b, left, word)?;
            return Ok(Label::Clear);
        }
        if !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) {
            // By another operator than those: it is not known whether it can fail.
            let of_query = matches!(build::bare(right), Expr::Subquery(_));
            self.fails = self.fails.saturating_add(usize::from(of_query));
            let first = self.reached.len();
            self.clear(left, scope, word)?;
            let label = self.all_clear([&mut *right], scope, word)?;
            if of_query {
                self.fence_reached(first);
            }
            return Ok(label);
        }
        let label = self.expr(left, scope)?;
        if let Some(tokens) = self.tokens(right, &label, scope)? {
            return self.compare(label, tokens, left, word);
        }
        let array = self.expr(right, scope)?;
        self.compare_elements(label, array, right, word)
    }

    /// A subquery whose columns are compared with an expression: their labels.
    fn compared_subquery(&mut self, left: &Expr, query: &mut Query, scope: InScope) -> Result<Vec<Label>, Refusal> {
        let (first, fails) = (self.reached.len(), self.fails);
        let cols = self.subquery(query, scope, false)?;
        if self.watches() {
            let parts = match build::bare(left) {
                Expr::Tuple(parts) => parts.as_slice(),
                one => std::slice::from_ref(one),
            };
            let fine = parts.len() == cols.len()
                && parts.iter().zip(&cols).all(|(part, col)| {
                    self.holds(part, scope).zip(col.holds.as_ref()).is_some_and(|(left, right)| comparable(&left, right))
                });
            if !fine {
                self.fence_reached(first);
            } else if self.fails == fails {
                self.fine.push((query.clone(), None));
            }
        }
        Ok(cols.into_iter().map(|c| c.label).collect())
    }

    fn scalar_subquery(&mut self, query: &mut Query, scope: InScope) -> Result<Label, Refusal> {
        let at = place(query);
        let fails = self.fails;
        let cols = self.subquery(query, scope, false)?;
        if let [only] = cols.as_slice() {
            self.note_subquery(at, only.ty);
        }
        if self.watches() {
            // More than one row is an error.
            let one = self.single_row || one_at_most(query);
            match cols.as_slice() {
                [Col { holds: Some(holds), .. }] if one && self.fails == fails => self.fine.push((query.clone(), Some(holds.clone()))),
                _ => self.fails = self.fails.saturating_add(1),
            }
        }
        match <[_; 1]>::try_from(cols) {
            Ok([col]) => Ok(col.label),
            Err(cols) => match cols.iter().find_map(|c| c.label.sealed()) {
                Some(s) => Err(refuse::sealed_use(self.role, s, "a row")),
                None => Ok(Label::Clear),
            },
        }
    }
}

/// LIMIT 1, or no FROM.
fn one_at_most(query: &Query) -> bool {
    let is_one = |e: &Expr| matches!(build::bare(e), Expr::Value(v) if matches!(&v.value, Value::Number(n, _) if n == "1" || n == "0"));
    let limited = matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit: Some(limit), .. }) if is_one(limit));
    let fetched = query.fetch.as_ref().is_some_and(|f| !f.with_ties && f.quantity.as_ref().is_none_or(is_one));
    let from_nothing = matches!(&*query.body, SetExpr::Select(s) if s.from.is_empty());
    limited || fetched || from_nothing
}

/// `ceil(x)`, `floor(x)`, `substring(x, y)` and `substr(x, y)` as calls.
fn as_call(e: &Expr) -> Option<Expr> {
    let (name, args) = match e {
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => ("ceil", vec![&**expr]),
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => ("floor", vec![&**expr]),
        Expr::Substring { expr, substring_from, substring_for, shorthand, .. } => (
            if *shorthand { "substr" } else { "substring" },
            [Some(expr), substring_from.as_ref(), substring_for.as_ref()].into_iter().flatten().map(|b| &**b).collect(),
        ),
        _ => return None,
    };
    Some(build::call(&[name], args.into_iter().cloned().collect()))
}

/// A type as a client would write it, for a message.
fn shown_type(t: &sqlparser::ast::DataType) -> String {
    t.to_string().replace("\"pg_catalog\".", "").replace('"', "")
}

/// The first characters of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
