//! Whether an expression can fail, from the inside out.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Query,
    TrimWhereField, UnaryOperator, Value, WindowType,
};

use super::words::{column_of, enum_type, fits, literal, matches_type, operator_name, plain_arguments, recent, type_name};
use super::{COMPARISONS, Holds, Of, UNDECIDED, array_of, comparable, element, unify};
use crate::builtin::total::{Kind, named};
use crate::judge::expr::InScope;
use crate::judge::{Judge, build};

impl Judge<'_> {
    /// What a judged expression holds; `None` where it may fail.
    pub(crate) fn holds(&self, e: &Expr, scope: InScope) -> Option<Holds> {
        match e {
            Expr::Nested(inner) => self.holds(inner, scope),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => column_of(e, scope).and_then(|c| c.holds.clone()),
            Expr::Value(v) => literal(&v.value),
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => match build::bare(expr) {
                Expr::Value(v) if matches!(v.value, Value::Number(..)) => literal(&v.value),
                _ => None,
            },
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.truth(expr, scope),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.truth(right, scope)?;
                self.truth(left, scope)
            }
            Expr::BinaryOp { left, op, right } => self.operator_holds(left, op, right, scope),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => match build::bare(inner) {
                Expr::Tuple(parts) => parts.iter().map(|p| self.holds(p, scope)).collect::<Option<Vec<_>>>().map(|_| Holds::named("bool")),
                inner => self.holds(inner, scope).map(|_| Holds::named("bool")),
            },
            Expr::IsTrue(i) | Expr::IsNotTrue(i) | Expr::IsFalse(i) | Expr::IsNotFalse(i) | Expr::IsUnknown(i) | Expr::IsNotUnknown(i) => {
                self.truth(i, scope)
            }
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => self.compared(a, b, scope),
            Expr::Between { expr, low, high, .. } => {
                self.compared(expr, low, scope)?;
                self.compared(expr, high, scope)
            }
            Expr::InList { expr, list, .. } => {
                // One comparison in one type: that of all of them.
                let all = list.iter().try_fold(Vec::new(), |mut known: Vec<Holds>, item| {
                    self.compared(expr, item, scope)?;
                    if let Some(first) = known.first() {
                        unify(first.clone(), self.holds(item, scope)?)?;
                    } else if !matches!(build::bare(item), Expr::Tuple(_)) {
                        known.push(self.holds(item, scope)?);
                    }
                    Some(known)
                });
                all.map(|_| Holds::named("bool"))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.call_holds(Kind::Operator, if *negated { "!~~" } else { "~~" }, &[expr, pattern], scope)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.call_holds(Kind::Operator, if *negated { "!~~*" } else { "~~*" }, &[expr, pattern], scope)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } | Expr::AllOp { left, compare_op, right } => {
                self.quantified_holds(left, compare_op, right, scope)
            }
            // What stands inside was looked at when the subquery was judged.
            Expr::Exists { subquery, .. } | Expr::InSubquery { subquery, .. } => self.is_fine(subquery),
            Expr::Subquery(query) => self.fine.iter().rev().find(|(q, _)| **query == *q).and_then(|(_, holds)| holds.clone()),
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut result = UNDECIDED;
                for CaseWhen { condition, result: value } in conditions {
                    match operand {
                        Some(operand) => self.compared(operand, condition, scope)?,
                        None => self.truth(condition, scope)?,
                    };
                    result = unify(result, self.holds(value, scope)?)?;
                }
                match else_result {
                    Some(other) => unify(result, self.holds(other, scope)?),
                    None => Some(result),
                }
            }
            Expr::Cast { expr, data_type, .. } => self.cast_holds(expr, data_type, scope),
            Expr::Interval(i) => matches!(build::bare(&i.value), Expr::Value(_)).then(|| Holds::named("interval")),
            Expr::Function(f) => self.function_holds(f, scope),
            Expr::Extract { field, expr, .. } => {
                let field = build::value(Value::SingleQuotedString(field.to_string().to_ascii_lowercase()));
                self.call_holds(Kind::Function, "extract", &[&field, expr], scope)
            }
            Expr::Position { expr, r#in } => self.call_holds(Kind::Function, "position", &[r#in, expr], scope),
            Expr::Substring { expr, substring_from: Some(from), substring_for, special: false, .. } => {
                let args: Vec<&Expr> = [Some(&**expr), Some(&**from), substring_for.as_deref()].into_iter().flatten().collect();
                self.call_holds(Kind::Function, "substring", &args, scope)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let args: Vec<&Expr> = [Some(&**expr), trim_what.as_deref()].into_iter().flatten().collect();
                self.call_holds(Kind::Function, name, &args, scope)
            }
            Expr::Collate { expr, collation } => {
                let inner = self.holds(expr, scope)?;
                let last = collation.0.last().and_then(|p| p.as_ident())?;
                let known = matches!(last.value.as_str(), "C" | "POSIX");
                (known && inner.is_text()).then(|| Holds { deterministic: true, collation: Some(last.value.clone()), ..inner })
            }
            Expr::Array(a) => {
                let parts = a.elem.iter().map(|x| self.holds(x, scope)).collect::<Option<Vec<_>>>()?;
                let one = parts.into_iter().try_fold(UNDECIDED, unify)?;
                array_of(one.name().unwrap_or("text")).map(Holds::named)
            }
            _ => None,
        }
    }

    /// A subquery of which nothing but whether there is a row, or whether it is equal to one, is asked.
    fn is_fine(&self, query: &Query) -> Option<Holds> {
        self.fine.iter().any(|(q, _)| q == query).then(|| Holds::named("bool"))
    }

    fn truth(&self, e: &Expr, scope: InScope) -> Option<Holds> {
        // Chains of one operator nest to the left, as long as they like.
        self.holds(e, scope).filter(Holds::is_bool).map(|_| Holds::named("bool"))
    }

    /// Two values or rows that are compared.
    fn compared(&self, a: &Expr, b: &Expr, scope: InScope) -> Option<Holds> {
        match (build::bare(a), build::bare(b)) {
            (Expr::Tuple(left), Expr::Tuple(right)) if left.len() == right.len() => {
                left.iter().zip(right).try_for_each(|(l, r)| self.compared(l, r, scope).map(|_| ()))?;
                Some(Holds::named("bool"))
            }
            (Expr::Tuple(_), _) | (_, Expr::Tuple(_)) => None,
            (a, b) => {
                let number = |e: &Expr| matches!(e, Expr::Value(v) if matches!(v.value, Value::Number(..)));
                let (left, right) = (self.holds(a, scope)?, self.holds(b, scope)?);
                // A number is turned into another type when the statement is planned.
                let float = |h: &Holds| matches!(h.of, Of::Named("float4" | "float8"));
                let fits = comparable(&left, &right) || number(a) && float(&right) || number(b) && float(&left);
                fits.then(|| Holds::named("bool"))
            }
        }
    }

    fn operator_holds(&self, left: &Expr, op: &BinaryOperator, right: &Expr, scope: InScope) -> Option<Holds> {
        let name = operator_name(op)?;
        if COMPARISONS.contains(&name.as_str()) {
            return self.compared(left, right, scope);
        }
        if matches!(name.as_str(), "+" | "-")
            && let Some(found) = recent(left, right)
        {
            return Some(Holds::named(found));
        }
        let found = self.call_holds(Kind::Operator, &name, &[left, right], scope)?;
        if matches!(name.as_str(), "+" | "-" | "*") {
            let digits = |e: &Expr| self.holds(e, scope).and_then(|h| h.digits);
            let (l, r) = (digits(left)?, digits(right)?);
            let digits = if name == "*" { l.saturating_add(r) } else { l.max(r).saturating_add(1) };
            return Some(Holds { digits: Some(digits), ..found });
        }
        Some(found)
    }

    fn quantified_holds(&self, left: &Expr, op: &BinaryOperator, right: &Expr, scope: InScope) -> Option<Holds> {
        // A subquery's column was compared when it was judged.
        if let Expr::Subquery(query) = build::bare(right) {
            return self.is_fine(query);
        }
        let name = operator_name(op)?;
        if !COMPARISONS.contains(&name.as_str()) {
            return None;
        }
        let (left, right) = (self.holds(left, scope)?, self.holds(right, scope)?);
        let element = match right.of {
            Of::Undecided => left.clone(),
            _ => Holds::named(element(right.name()?)?),
        };
        comparable(&left, &element).then(|| Holds::named("bool"))
    }

    fn cast_holds(&self, expr: &Expr, data_type: &DataType, scope: InScope) -> Option<Holds> {
        let literal = matches!(build::bare(expr), Expr::Value(v) if !matches!(v.value, Value::Placeholder(_)));
        if literal {
            // Read when the statement is planned, whatever is stored.
            return match type_name(data_type) {
                Some((name, _)) => Some(Holds::named(name)),
                None => Some(Holds { of: Of::Enum(enum_type(&self.facts.catalog, data_type)?), ..UNDECIDED }),
            };
        }
        let (name, shortens) = type_name(data_type)?;
        let inner = self.holds(expr, scope)?;
        if inner.of == Of::Undecided {
            let parameter = matches!(build::bare(expr), Expr::Value(_));
            return (self.casts_count && parameter).then(|| Holds::named(name));
        }
        let keeps = inner.of == Of::Named(name) || inner.is_text() && matches!(name, "text" | "bpchar");
        // An explicit cast cuts a text, silently. Other lengths can refuse a value.
        if shortens && !matches!(name, "text" | "bpchar") {
            return None;
        }
        if keeps {
            return Some(Holds { of: Of::Named(name), ..inner });
        }
        let listed = named(Kind::Cast, name).iter().any(|s| s.arguments.iter().all(|(from, _)| matches_type(&inner, from)));
        let digits = (name == "numeric").then_some(inner.digits).flatten();
        listed.then(|| Holds { digits: digits.or(Holds::named(name).digits), ..Holds::named(name) })
    }

    fn function_holds(&self, f: &Function, scope: InScope) -> Option<Holds> {
        let Function {
            name,
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args,
            filter,
            null_treatment: None,
            over,
            within_group,
        } = f
        else {
            return None;
        };
        if !within_group.is_empty() {
            return None;
        }
        let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
        let construct = name.0.last().and_then(|p| p.as_ident()).is_some_and(|i| i.quote_style.is_none());
        let list = match args {
            FunctionArguments::None => &[] as &[FunctionArg],
            FunctionArguments::List(list) => {
                for clause in &list.clauses {
                    let FunctionArgumentClause::OrderBy(items) = clause else { return None };
                    for item in items {
                        self.holds(&item.expr, scope)?;
                    }
                }
                list.args.as_slice()
            }
            FunctionArguments::Subquery(_) => return None,
        };
        if let Some(filter) = filter {
            self.truth(filter, scope)?;
        }
        if let Some(window) = over {
            return match (parts.as_slice(), window) {
                (["pg_catalog", name], WindowType::WindowSpec(spec)) if spec.window_frame.is_none() && spec.window_name.is_none() => {
                    for e in spec.partition_by.iter().chain(spec.order_by.iter().map(|i| &i.expr)) {
                        self.holds(e, scope)?;
                    }
                    match *name {
                        "row_number" | "rank" | "dense_rank" if list.is_empty() => Some(Holds::named("int8")),
                        name => self.plain_call(Kind::Aggregate, name, list, scope),
                    }
                }
                _ => None,
            };
        }
        match parts.as_slice() {
            ["pg_catalog", "count"] if matches!(list, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) => Some(Holds::named("int8")),
            ["pg_catalog", name] => {
                let kind = if named(Kind::Aggregate, name).is_empty() { Kind::Function } else { Kind::Aggregate };
                self.plain_call(kind, name, list, scope)
            }
            [word] if construct => {
                let args = plain_arguments(list)?;
                match word.to_ascii_lowercase().as_str() {
                    "coalesce" | "greatest" | "least" => {
                        let all = args.iter().map(|a| self.holds(a, scope)).collect::<Option<Vec<_>>>()?;
                        let one = all.into_iter().try_fold(UNDECIDED, unify)?;
                        let sorts = word.eq_ignore_ascii_case("coalesce") || comparable(&one, &one);
                        sorts.then_some(one)
                    }
                    "nullif" => {
                        let [a, b] = args.as_slice() else { return None };
                        self.compared(a, b, scope)?;
                        self.holds(a, scope)
                    }
                    "current_date" if args.is_empty() => Some(Holds::named("date")),
                    "current_timestamp" if args.is_empty() => Some(Holds::named("timestamptz")),
                    "localtimestamp" if args.is_empty() => Some(Holds::named("timestamp")),
                    "current_user" | "session_user" | "user" | "current_role" | "current_catalog" => Some(Holds::named("name")),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn plain_call(&self, kind: Kind, name: &str, list: &[FunctionArg], scope: InScope) -> Option<Holds> {
        self.call_holds(kind, name, &plain_arguments(list)?, scope)
    }

    fn call_holds(&self, kind: Kind, name: &str, args: &[&Expr], scope: InScope) -> Option<Holds> {
        // An extension's operator could fit polymorphic ones better.
        let foreign = kind == Kind::Operator && self.facts.catalog.foreign_operators.contains_key(name);
        let held = args.iter().map(|a| self.holds(a, scope)).collect::<Option<Vec<_>>>()?;
        let found = named(kind, name).iter().find(|s| s.arguments.len() == args.len() && fits(s, args, &held))?;
        if foreign && found.arguments.iter().any(|(n, _)| n.ends_with("[]")) {
            return None;
        }
        let mut collations = held.iter().filter_map(|h| h.collation.clone());
        let collation = collations.next();
        if collations.any(|c| Some(c) != collation) || held.iter().any(|h| h.is_text() && !h.deterministic) {
            return None;
        }
        let result = match (found.result, held.first()) {
            ("anyenum", Some(first)) => first.clone(),
            (result, _) => Holds::named(result),
        };
        let digits = held.first().and_then(|h| h.digits).filter(|_| result.of == Of::Named("numeric") && kind == Kind::Function);
        let collation = collation.filter(|_| result.is_text());
        Some(Holds { digits: digits.or(result.digits), collation, ..result })
    }
}
