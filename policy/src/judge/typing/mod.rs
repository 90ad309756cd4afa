//! The type of an expression, as Postgres' parser would find it (PostgreSQL documentation, chapter 10).
//!
//! A pure function of the expression and its scope: of names as the client wrote them and as pgveil prints them. It says
//! nothing (`None`) where it is not sure: parameters, whole rows, types that only a call's result would tell.
//!
//! * `coerce`: what may become what, and the common type of several; `resolve`: which function or operator is meant;
//! * `reference`: types of columns; `written`: types by their names in SQL;
//! * `field`: whether a name behind a value is a field's or a function's; `apart`: functions in FROM that may have more columns than
//!   are known.

mod apart;
mod coerce;
mod field;
mod reference;
mod resolve;
mod written;

use sqlparser::ast::{
    BinaryOperator, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SetExpr, UnaryOperator, Value,
};

pub(crate) use apart::may_show_more;

use super::expr::InScope;
use super::{Judge, build};
use crate::catalog::{ColumnType, Oid};

/// OIDs of types; those of Postgres' own never change (src/include/catalog/pg_type.dat).
pub(crate) mod oid {
    use crate::catalog::Oid;
    pub const BOOL: Oid = 16;
    pub const NAME: Oid = 19;
    pub const INT8: Oid = 20;
    pub const INT4: Oid = 23;
    pub const TEXT: Oid = 25;
    pub const FLOAT8: Oid = 701;
    pub const UNKNOWN: Oid = 705;
    pub const BPCHAR: Oid = 1042;
    pub const VARCHAR: Oid = 1043;
    pub const DATE: Oid = 1082;
    pub const TIME: Oid = 1083;
    pub const TIMESTAMP: Oid = 1114;
    pub const TIMESTAMPTZ: Oid = 1184;
    pub const INTERVAL: Oid = 1186;
    pub const TIMETZ: Oid = 1266;
    pub const BIT: Oid = 1560;
    pub const NUMERIC: Oid = 1700;
    pub const RECORD: Oid = 2249;
    pub const JSONB: Oid = 3802;
}

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ty {
    /// As `pg_typeof` says: a domain's own. `unknown` for a literal without a type, which is text once it is a column.
    pub oid: Oid,
    /// Values that are equal under its collation have the same bytes; true for types without collation.
    pub deterministic: bool,
    /// As `atttypmod`, where all values are known to keep to it; [`Ty::ONE_SCALE`]; else -1.
    pub typmod: i32,
}

impl Ty {
    /// In `typmod`, of a numeric: all values have one scale, whichever.
    pub const ONE_SCALE: i32 = -2;

    fn one_scale(self, certain: bool) -> Self {
        if certain && self.oid == oid::NUMERIC { Ty { typmod: Self::ONE_SCALE, ..self } } else { self }
    }

    fn has_one_scale(self) -> bool {
        matches!(self.oid, 20 | 21 | 23) || self.oid == oid::NUMERIC && self.typmod != -1
    }

    /// A type whose collation, where it has one, is deterministic.
    pub fn of(oid: Oid) -> Self {
        Ty { oid, deterministic: true, typmod: -1 }
    }

    /// A column's, as it is declared.
    pub fn of_column(column: &ColumnType) -> Self {
        Ty { oid: column.oid, deterministic: !column.nondeterministic, typmod: column.typmod }
    }

    /// What a column has whose values are such literals.
    pub fn settled(self) -> Self {
        if self.oid == oid::UNKNOWN { Ty { oid: oid::TEXT, ..self } } else { self }
    }
}

impl Judge<'_> {
    /// The type of an expression; `None` where it is not certain.
    pub(crate) fn type_of(&self, e: &Expr, scope: InScope) -> Option<Ty> {
        match e {
            Expr::Nested(inner) => self.type_of(inner, scope),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.type_of_reference(e, scope),
            Expr::Value(v) => constant(&v.value),
            Expr::TypedString(t) => self.written_type(&t.data_type),
            Expr::Interval(_) => Some(Ty::of(oid::INTERVAL)),
            Expr::Subquery(query) => self.known_subquery(query),
            Expr::Exists { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsJson { .. }
            | Expr::IsNormalized { .. }
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. } => Some(Ty::of(oid::BOOL)),
            Expr::Function(f) => self.type_of_call(f, scope),
            Expr::Case { conditions, else_result, .. } => {
                // The order in which transformCaseExpr looks at them.
                let other = match else_result {
                    Some(e) => self.type_of(e, scope),
                    None => Some(Ty::of(oid::UNKNOWN)),
                };
                let mut types = vec![other?];
                for when in conditions {
                    types.push(self.type_of(&when.result, scope)?);
                }
                self.common_type(&types)
            }
            Expr::BinaryOp { left, op, right } => self.type_of_binary(left, op, right, scope),
            Expr::UnaryOp { op, expr } => match op {
                UnaryOperator::Not => Some(Ty::of(oid::BOOL)),
                UnaryOperator::Minus if negated(expr).is_some() => negated(expr),
                other => self.operator_type(None, &other.to_string(), None, self.type_of(expr, scope)),
            },
            Expr::Cast { expr, data_type, format: None, .. } => {
                let target = self.written_type(data_type)?;
                let deterministic = match self.type_of(expr, scope) {
                    Some(source) => source.deterministic,
                    // Without a collation of its own there is none to take over.
                    None => !self.facts.catalog.forms.types.get(&target.oid)?.collatable,
                };
                Some(Ty { deterministic: target.deterministic && deterministic, ..target })
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.call_type(Some("pg_catalog"), "timezone", &[self.type_of(time_zone, scope), self.type_of(timestamp, scope)])
            }
            Expr::Extract { expr, .. } => self
                .call_type(Some("pg_catalog"), "extract", &[Some(Ty::of(oid::TEXT)), self.type_of(expr, scope)])
                .map(|t| t.one_scale(true)),
            Expr::Ceil { expr, field: sqlparser::ast::CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call_type(None, "ceil", &[self.type_of(expr, scope)]).map(|t| t.one_scale(true))
            }
            Expr::Floor { expr, field: sqlparser::ast::CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call_type(None, "floor", &[self.type_of(expr, scope)]).map(|t| t.one_scale(true))
            }
            Expr::Position { expr, r#in } => {
                self.call_type(Some("pg_catalog"), "position", &[self.type_of(r#in, scope), self.type_of(expr, scope)])
            }
            Expr::Substring { expr, substring_from, substring_for, shorthand, special } => {
                let (schema, name) = match (shorthand, special) {
                    (true, _) => (None, "substr"),
                    (false, true) => (None, "substring"),
                    (false, false) => (Some("pg_catalog"), "substring"),
                };
                let args = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
                let mut types: Vec<Option<Ty>> = args.into_iter().flatten().map(|a| self.type_of(a, scope)).collect();
                if substring_from.is_none() && substring_for.is_some() && types.len() == 2 {
                    types.insert(1, Some(Ty::of(oid::INT4)));
                }
                self.call_type(schema, name, &types)
            }
            Expr::Trim { expr, trim_what, trim_characters, trim_where } => {
                let name = match trim_where {
                    Some(sqlparser::ast::TrimWhereField::Leading) => "ltrim",
                    Some(sqlparser::ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "btrim",
                };
                let mut types = vec![self.type_of(expr, scope)];
                types.extend(trim_what.iter().map(|e| self.type_of(e, scope)));
                types.extend(trim_characters.iter().flatten().map(|e| self.type_of(e, scope)));
                self.call_type(Some("pg_catalog"), name, &types)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let args = [Some(expr), Some(overlay_what), Some(overlay_from), overlay_for.as_ref()];
                let types: Vec<Option<Ty>> = args.into_iter().flatten().map(|a| self.type_of(a, scope)).collect();
                self.call_type(Some("pg_catalog"), "overlay", &types)
            }
            Expr::Collate { expr, collation } => {
                let name = collation.0.last()?.as_ident()?.value.as_str();
                let deterministic = !self.facts.catalog.forms.nondeterministic.iter().any(|(_, n)| n == name);
                let inner = self.type_of(expr, scope)?.settled();
                Some(Ty { deterministic, ..inner })
            }
            Expr::Tuple(_) => Some(Ty::of(oid::RECORD)),
            Expr::Array(a) => self.type_of_array(&a.elem, scope),
            Expr::CompoundFieldAccess { root, access_chain } => self.type_behind(root, access_chain, scope),
            _ => None,
        }
    }

    /// The type that the expressions of one place get together, as in CASE, VALUES and set operations.
    pub(crate) fn common_type_of(&self, a: Option<Ty>, b: Option<Ty>) -> Option<Ty> {
        self.common_type(&[a?, b?])
    }

    /// Notes the type of the only column of a subquery that stands in an expression.
    pub(crate) fn note_subquery(&self, at: Option<(u64, u64)>, ty: Option<Ty>) {
        if let (Some(at), Some(ty)) = (at, ty) {
            self.subquery_types.borrow_mut().insert(at, ty.settled());
        }
    }

    /// That type, where the subquery has been judged.
    fn known_subquery(&self, query: &Query) -> Option<Ty> {
        self.subquery_types.borrow().get(&place(query)?).copied()
    }

    fn type_of_binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr, scope: InScope) -> Option<Ty> {
        let (schema, name) = match op {
            BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Overlaps => return Some(Ty::of(oid::BOOL)),
            BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
                [name] => (None, name.clone()),
                [schema, name] => (Some(schema.as_str()), name.clone()),
                _ => return None,
            },
            other => (None, other.to_string()),
        };
        if matches!(build::bare(left), Expr::Tuple(_)) {
            // A comparison of rows, member by member.
            return matches!(name.as_str(), "=" | "<>" | "<" | "<=" | ">" | ">=").then(|| Ty::of(oid::BOOL));
        }
        let (left, right) = (self.type_of(left, scope), self.type_of(right, scope));
        let one_scale = matches!(name.as_str(), "+" | "-" | "*") && [left, right].iter().all(|t| t.is_some_and(Ty::has_one_scale));
        self.operator_type(schema, &name, Some(left), right).map(|t| t.one_scale(one_scale))
    }

    fn type_of_array(&self, elements: &[Expr], scope: InScope) -> Option<Ty> {
        let mut types = Vec::new();
        for e in elements {
            types.push(self.type_of(e, scope)?);
        }
        let forms = &self.facts.catalog.forms;
        let common = self.common_type(&types)?;
        let nested = types.iter().any(|t| forms.element(t.oid).is_some());
        match forms.element(common.oid) {
            Some(_) if nested => Some(Ty { oid: forms.bottom(common.oid), ..common }),
            Some(_) => None,
            None if nested => None,
            None => Some(Ty { oid: forms.array_of(common.oid)?, ..common }),
        }
    }

    fn type_of_call(&self, f: &Function, scope: InScope) -> Option<Ty> {
        let parts: Vec<&str> = f.name.0.iter().map(|p| p.as_ident().map(|i| i.value.as_str())).collect::<Option<_>>()?;
        let quoted = f.name.0.iter().any(|p| p.as_ident().is_some_and(|i| i.quote_style.is_some()));
        if let ([word], false) = (parts.as_slice(), quoted)
            && let Some(construct) = self.type_of_construct(&word.to_ascii_lowercase(), &f.args, scope)
        {
            return construct;
        }
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return None,
        };
        let mut types = Vec::new();
        match &f.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) => return None,
            FunctionArguments::List(list) => {
                for arg in &list.args {
                    match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => types.push(self.type_of(e, scope)),
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 => {}
                        FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_)) => types.push(None),
                        _ => return None,
                    }
                }
            }
        }
        types.extend(f.within_group.iter().map(|item| self.type_of(&item.expr, scope)));
        let one_scale = match (name, types.as_slice()) {
            ("floor" | "ceil" | "ceiling" | "round" | "trunc", [_]) => true,
            ("round" | "trunc", [_, _]) => last_is_constant(&f.args),
            ("sum" | "abs", [Some(of)]) => of.has_one_scale(),
            _ => false,
        };
        self.call_type(schema, name, &types).map(|t| t.one_scale(one_scale))
    }

    /// Grammar that looks like a call; the outer `None` where it is none.
    fn type_of_construct(&self, word: &str, args: &FunctionArguments, scope: InScope) -> Option<Option<Ty>> {
        let given = || -> Option<Vec<Option<Ty>>> {
            let FunctionArguments::List(list) = args else { return None };
            list.args
                .iter()
                .map(|a| match a {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(self.type_of(e, scope)),
                    _ => None,
                })
                .collect()
        };
        let common = || self.common_type(&given()?.into_iter().collect::<Option<Vec<_>>>()?);
        Some(match word {
            "coalesce" | "greatest" | "least" => common(),
            "nullif" => given().and_then(|types| match types.as_slice() {
                [Some(a), Some(b)] => self.compared_as(*a, *b),
                _ => None,
            }),
            "grouping" => Some(Ty::of(oid::INT4)),
            "row" => Some(Ty::of(oid::RECORD)),
            "array" => match args {
                FunctionArguments::Subquery(query) => self.known_subquery(query).and_then(|ty| {
                    let forms = &self.facts.catalog.forms;
                    match forms.element(ty.oid) {
                        Some(_) => Some(Ty { oid: forms.bottom(ty.oid), ..ty }),
                        None => Some(Ty { oid: forms.array_of(ty.oid)?, ..ty }),
                    }
                }),
                _ => None,
            },
            "current_date" => Some(Ty::of(oid::DATE)),
            "current_time" => Some(Ty::of(oid::TIMETZ)),
            "current_timestamp" => Some(Ty::of(oid::TIMESTAMPTZ)),
            "localtime" => Some(Ty::of(oid::TIME)),
            "localtimestamp" => Some(Ty::of(oid::TIMESTAMP)),
            "current_user" | "session_user" | "user" | "current_role" | "current_catalog" | "current_schema" => Some(Ty::of(oid::NAME)),
            _ => return None,
        })
    }
}

/// Where a query's first SELECT stands in its text: tells subqueries of one text apart.
pub(crate) fn place(query: &Query) -> Option<(u64, u64)> {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Select(s) => {
                let start = s.select_token.0.span.start;
                return (start.line > 0).then_some((start.line, start.column));
            }
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = &inner.body,
            _ => return None,
        }
    }
}

fn last_is_constant(args: &FunctionArguments) -> bool {
    let FunctionArguments::List(list) = args else { return false };
    matches!(list.args.last(), Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e))) if matches!(build::bare(e), Expr::Value(v) if matches!(v.value, Value::Number(..))))
}

/// `-5` is a constant to Postgres' grammar, and so is `-2147483648`.
fn negated(e: &Expr) -> Option<Ty> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::Number(n, false) => number(&format!("-{n}")),
            _ => None,
        },
        _ => None,
    }
}

fn constant(value: &Value) -> Option<Ty> {
    Some(Ty::of(match value {
        Value::Number(n, false) => return number(n),
        Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_) | Value::DollarQuotedString(_) | Value::Null => oid::UNKNOWN,
        Value::Boolean(_) => oid::BOOL,
        Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_) => oid::BIT,
        _ => return None,
    }))
}

fn number(digits: &str) -> Option<Ty> {
    let oid = if digits.parse::<i32>().is_ok() {
        oid::INT4
    } else if digits.parse::<i64>().is_ok() {
        oid::INT8
    } else {
        oid::NUMERIC
    };
    Some(Ty::of(oid).one_scale(true))
}
