//! What an expression holds where it cannot fail: its type, as far as the list of total functions needs it.
//!
//! `None` means that it may fail, or that too little is known of it. Judged expressions are looked at: names of functions and
//! types are qualified by then. The list is [`total`]; what is said here beside it is grammar.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Query,
    TrimWhereField, UnaryOperator, Value, WindowType,
};

use super::expr::InScope;
use super::scope::{Col, Item, Level};
use super::{Judge, build};
use crate::builtin::total::{Condition, Kind, SHORT, Signature, named};
use crate::catalog::{BaseType, Catalog, ColumnType, Oid};

/// The type of an expression that cannot fail.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holds {
    of: Of,
    /// At most so many digits before and after the point, of a number.
    digits: Option<u32>,
    /// The collation is deterministic.
    deterministic: bool,
    /// A collation that is not the type's default.
    collation: Option<String>,
    /// A parameter: its type is the client's to say when it sends the text.
    parameter: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    /// As the list names it.
    Named(&'static str),
    Enum(Oid),
    /// A string constant, NULL or parameter: Postgres gives it the type that fits.
    Undecided,
}

const UNDECIDED: Holds = Holds { of: Of::Undecided, digits: None, deterministic: true, collation: None, parameter: false };
const COMPARISONS: [&str; 6] = ["=", "<>", "<", ">", "<=", ">="];

impl Holds {
    pub fn named(name: &'static str) -> Self {
        let digits = matches!(name, "int2" | "int4" | "int8").then_some(19);
        Holds { of: Of::Named(name), digits, deterministic: true, collation: None, parameter: false }
    }

    /// What a column of that type holds; `None` for types that the list does not know.
    pub fn column(t: &ColumnType) -> Option<Self> {
        let of = match t.base {
            BaseType::Enum if !t.is_domain => Of::Enum(t.oid),
            base => Of::Named(named_base(base).or_else(|| named_oid(t.oid))?),
        };
        let number = match of {
            Of::Named(name) => Holds::named(name).digits,
            Of::Enum(_) | Of::Undecided => None,
        };
        // numeric(p, s): PostgreSQL's numerictypmodin.
        let declared = (of == Of::Named("numeric") && !t.is_domain && t.typmod >= 4).then(|| {
            let packed = t.typmod.saturating_sub(4);
            let precision = u32::try_from((packed >> 16) & 0xffff).unwrap_or(u32::MAX);
            let scale = ((packed & 0x7ff) ^ 1024).saturating_sub(1024);
            precision.saturating_add(scale.unsigned_abs())
        });
        Some(Holds {
            of,
            digits: declared.or(number),
            deterministic: !t.nondeterministic,
            collation: t.collation.clone(),
            parameter: false,
        })
    }

    /// A value of a type of pg_catalog.
    pub fn of_type(oid: Oid, deterministic: bool) -> Option<Self> {
        let name = match oid {
            16 => "bool",
            17 => "bytea",
            20 => "int8",
            21 => "int2",
            23 => "int4",
            25 | 1043 => "text",
            114 => "json",
            650 | 869 => "inet",
            700 => "float4",
            701 => "float8",
            1042 => "bpchar",
            1082 => "date",
            1114 => "timestamp",
            1184 => "timestamptz",
            1700 => "numeric",
            2950 => "uuid",
            3802 => "jsonb",
            other => named_oid(other)?,
        };
        Some(Holds { deterministic, ..Holds::named(name) })
    }

    /// The same type, of any length.
    pub fn unbounded(self) -> Self {
        match self.of {
            Of::Named("numeric") => Holds { digits: None, ..self },
            _ => self,
        }
    }

    fn name(&self) -> Option<&'static str> {
        match self.of {
            Of::Named(name) => Some(name),
            Of::Enum(_) | Of::Undecided => None,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.of, Of::Named("text" | "bpchar" | "name"))
    }

    fn is_bool(&self) -> bool {
        matches!(self.of, Of::Named("bool") | Of::Undecided)
    }

    fn short(&self) -> bool {
        self.digits.is_some_and(|d| d <= SHORT)
    }
}

fn named_base(base: BaseType) -> Option<&'static str> {
    Some(match base {
        BaseType::Text | BaseType::Varchar => "text",
        BaseType::Bpchar => "bpchar",
        BaseType::Uuid => "uuid",
        BaseType::Int2 => "int2",
        BaseType::Int4 => "int4",
        BaseType::Int8 => "int8",
        BaseType::Numeric => "numeric",
        BaseType::Float4 => "float4",
        BaseType::Float8 => "float8",
        BaseType::Bool => "bool",
        BaseType::Date => "date",
        BaseType::Timestamp => "timestamp",
        BaseType::Timestamptz => "timestamptz",
        BaseType::Inet | BaseType::Cidr => "inet",
        BaseType::Json => "json",
        BaseType::Jsonb => "jsonb",
        BaseType::Bytea => "bytea",
        BaseType::Citext | BaseType::Array | BaseType::Enum | BaseType::Composite | BaseType::Other => return None,
    })
}

/// Types of pg_catalog have fixed OIDs.
fn named_oid(oid: Oid) -> Option<&'static str> {
    Some(match oid {
        19 => "name",
        26 => "oid",
        829 => "macaddr",
        1083 => "time",
        1186 => "interval",
        1266 => "timetz",
        1000 => "bool[]",
        1005 => "int2[]",
        1007 => "int4[]",
        1009 | 1015 => "text[]",
        1016 => "int8[]",
        1022 => "float8[]",
        1115 => "timestamp[]",
        1182 => "date[]",
        1185 => "timestamptz[]",
        1231 => "numeric[]",
        2951 => "uuid[]",
        _ => return None,
    })
}

fn element(array: &str) -> Option<&'static str> {
    let name = array.strip_suffix("[]")?;
    ["bool", "int2", "int4", "int8", "text", "float8", "timestamp", "date", "timestamptz", "numeric", "uuid"]
        .into_iter()
        .find(|n| *n == name)
}

fn array_of(element: &str) -> Option<&'static str> {
    ["bool[]", "int2[]", "int4[]", "int8[]", "text[]", "float8[]", "timestamp[]", "date[]", "timestamptz[]", "numeric[]", "uuid[]"]
        .into_iter()
        .find(|n| n.strip_suffix("[]") == Some(element))
}

/// Whether values of the two can be compared, sorted and hashed together without failing.
pub(crate) fn comparable(a: &Holds, b: &Holds) -> bool {
    if overflows(a, b) {
        return false;
    }
    if a.collation.is_some() && b.collation.is_some() && a.collation != b.collation {
        return false;
    }
    match (&a.of, &b.of) {
        (Of::Undecided, Of::Undecided) => true,
        (Of::Undecided, Of::Named(n)) | (Of::Named(n), Of::Undecided) => has_equality(n),
        (Of::Enum(_), Of::Undecided) | (Of::Undecided, Of::Enum(_)) => true,
        (Of::Enum(x), Of::Enum(y)) => x == y,
        (Of::Named(x), Of::Named(y)) => {
            let integer = |n: &str| matches!(n, "int2" | "int4" | "int8");
            let text = |n: &str| matches!(n, "text" | "bpchar" | "name");
            let listed = named(Kind::Operator, "=").iter().any(|s| matches!(s.arguments.as_slice(), [(l, _), (r, _)] if l == x && r == y));
            listed
                || text(x) && text(y)
                || integer(x) && matches!(*y, "numeric" | "float4" | "float8")
                || integer(y) && matches!(*x, "numeric" | "float4" | "float8")
        }
        (Of::Enum(_), Of::Named(_)) | (Of::Named(_), Of::Enum(_)) => false,
    }
}

/// A parameter declared as a float turns a numeric beside it into one, which may be too large for it.
fn overflows(a: &Holds, b: &Holds) -> bool {
    let large = |h: &Holds| matches!(h.of, Of::Named("numeric" | "numeric[]")) && h.digits.is_none_or(|d| d > 300);
    a.parameter && large(b) || b.parameter && large(a)
}

fn has_equality(name: &str) -> bool {
    named(Kind::Operator, "=").iter().any(|s| s.arguments.iter().all(|(n, _)| *n == name))
}

/// The type of a place that both share.
pub(crate) fn unify(a: Holds, b: Holds) -> Option<Holds> {
    if a.collation.is_some() && b.collation.is_some() && a.collation != b.collation || overflows(&a, &b) {
        return None;
    }
    let deterministic = a.deterministic && b.deterministic;
    let digits = a.digits.zip(b.digits).map(|(x, y)| x.max(y));
    let of = match (a.of, b.of) {
        (Of::Undecided, other) | (other, Of::Undecided) => {
            let (digits, collation) = (a.digits.or(b.digits), a.collation.or(b.collation));
            return Some(Holds { of: other, digits, deterministic, collation, parameter: a.parameter || b.parameter });
        }
        (x, y) if x == y => x,
        (Of::Named(x), Of::Named(y)) => {
            let rank = |n: &str| ["int2", "int4", "int8", "numeric"].iter().position(|m| *m == n);
            match (rank(x), rank(y)) {
                (Some(i), Some(j)) => Of::Named(if i > j { x } else { y }),
                _ if matches!((x, y), ("text", "bpchar" | "name") | ("bpchar" | "name", "text")) => Of::Named("text"),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Holds { of, digits, deterministic, collation: a.collation.or(b.collation), parameter: false })
}

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

/// Whether the arguments are those of the signature, and so that Postgres finds no other function for them.
fn fits(signature: &Signature, args: &[&Expr], held: &[Holds]) -> bool {
    let all = signature.arguments.iter().zip(args).zip(held).all(|(((name, condition), arg), holds)| {
        let constant = constant(arg);
        let conditioned = match condition {
            Condition::None => true,
            Condition::Within(low, high) => {
                constant.as_ref().and_then(|c| c.parse::<i64>().ok()).is_some_and(|n| (*low..=*high).contains(&n))
            }
            Condition::Among(words) => constant.as_ref().is_some_and(|c| words.contains(&c.to_ascii_lowercase().as_str())),
            Condition::Pattern => constant.as_ref().is_some_and(|c| c.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 0),
            Condition::Short => return holds.short() && matches!(holds.of, Of::Named("numeric" | "int2" | "int4" | "int8")),
        };
        let other = |of: &Holds| signature.kind == Kind::Operator && held.iter().any(|h| h == of);
        let undecided = holds.of == Of::Undecided
            && (*name == "text"
                || *name == "any"
                || other(&Holds::named(known(name))) && signature.arguments.iter().all(|(n, _)| n == name));
        conditioned && (undecided || matches_type(holds, name))
    });
    // Two integers have operators of their own.
    let short = signature.arguments.iter().any(|(_, c)| *c == Condition::Short);
    let numeric = held.iter().any(|h| h.of == Of::Named("numeric"));
    all && (!short || numeric)
}

fn known(name: &'static str) -> &'static str {
    name
}

fn matches_type(holds: &Holds, name: &str) -> bool {
    match holds.of {
        Of::Named(n) => n == name || name == "any" || name == "text" && matches!(n, "bpchar" | "name"),
        Of::Enum(_) => matches!(name, "anyenum" | "any"),
        Of::Undecided => name == "any",
    }
}

/// A constant's value as text.
fn constant(e: &Expr) -> Option<String> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) | Value::Number(s, _) => Some(s.clone()),
            _ => None,
        },
        Expr::Cast { expr, data_type, .. } if type_name(data_type).is_some_and(|(n, shortens)| n == "text" && !shortens) => constant(expr),
        _ => None,
    }
}

fn literal(value: &Value) -> Option<Holds> {
    match value {
        Value::Number(text, _) if text.parse::<i32>().is_ok() => Some(Holds::named("int4")),
        Value::Number(text, _) if text.parse::<i64>().is_ok() => Some(Holds::named("int8")),
        Value::Number(text, _) => {
            let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let digits = plain.then(|| u32::try_from(text.len()).unwrap_or(u32::MAX));
            Some(Holds { digits, ..Holds::named("numeric") })
        }
        Value::SingleQuotedString(_) | Value::Null => Some(UNDECIDED),
        Value::Placeholder(_) => Some(Holds { parameter: true, ..UNDECIDED }),
        Value::Boolean(_) => Some(Holds::named("bool")),
        _ => None,
    }
}

/// `now() - interval '7 days'` and `current_date - 30`: a type where the result cannot be out of range.
fn recent(left: &Expr, right: &Expr) -> Option<&'static str> {
    let Expr::Function(f) = build::bare(left) else { return None };
    if f.over.is_some() || f.filter.is_some() {
        return None;
    }
    let last = f.name.0.last().and_then(|p| p.as_ident())?.value.to_ascii_lowercase();
    let base = match last.as_str() {
        "now" | "current_timestamp" | "transaction_timestamp" | "statement_timestamp" => "timestamptz",
        "localtimestamp" => "timestamp",
        "current_date" => "date",
        _ => return None,
    };
    if !matches!(&f.args, FunctionArguments::None) && !matches!(&f.args, FunctionArguments::List(l) if l.args.is_empty()) {
        return None;
    }
    match build::bare(right) {
        Expr::Value(v) => match &v.value {
            Value::Number(n, _) => (base == "date" && n.parse::<u32>().is_ok_and(|n| n <= 100_000)).then_some("date"),
            _ => None,
        },
        Expr::Interval(i) if i.last_field.is_none() && i.leading_precision.is_none() => {
            let text = constant(&i.value)?;
            let unit = i.leading_field.as_ref().map(|f| f.to_string().to_ascii_lowercase());
            let whole = unit.map_or_else(|| text.clone(), |u| format!("{text} {u}"));
            modest(&whole).then_some(if base == "date" { "timestamp" } else { base })
        }
        Expr::Cast { expr, data_type, .. } if type_name(data_type) == Some(("interval", false)) => {
            modest(&constant(expr)?).then_some(if base == "date" { "timestamp" } else { base })
        }
        _ => None,
    }
}

/// `7 days`, `1 year 3 months`: at most some thousand of each.
fn modest(interval: &str) -> bool {
    const UNITS: [&str; 8] = ["second", "minute", "hour", "day", "week", "month", "mon", "year"];
    let words: Vec<&str> = interval.split_ascii_whitespace().collect();
    let pair = |pair: &[&str]| match pair {
        [number, unit] => {
            let number = number.strip_prefix('-').unwrap_or(number);
            let unit = unit.to_ascii_lowercase();
            number.len() <= 4 && number.parse::<u32>().is_ok() && UNITS.contains(&unit.strip_suffix('s').unwrap_or(&unit))
        }
        _ => false,
    };
    !words.is_empty() && words.len() <= 8 && words.chunks(2).all(pair)
}

/// The operator's name, where it is one of pg_catalog.
fn operator_name(op: &BinaryOperator) -> Option<String> {
    match op {
        BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
            [name] => Some(name.clone()),
            [schema, name] if schema == "pg_catalog" => Some(name.clone()),
            _ => None,
        },
        other => Some(other.to_string()),
    }
}

fn plain_arguments(list: &[FunctionArg]) -> Option<Vec<&Expr>> {
    list.iter()
        .map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
            _ => None,
        })
        .collect()
}

/// The type that a cast names, and whether a length is given.
fn type_name(t: &DataType) -> Option<(&'static str, bool)> {
    Some(match t {
        DataType::SmallInt(None) | DataType::Int2(None) => ("int2", false),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => ("int4", false),
        DataType::BigInt(None) | DataType::Int8(None) => ("int8", false),
        DataType::Real | DataType::Float4 => ("float4", false),
        DataType::DoublePrecision | DataType::Float8 => ("float8", false),
        DataType::Numeric(p) | DataType::Decimal(p) | DataType::Dec(p) => ("numeric", !matches!(p, sqlparser::ast::ExactNumberInfo::None)),
        DataType::Boolean | DataType::Bool => ("bool", false),
        DataType::Text => ("text", false),
        DataType::Varchar(n) | DataType::CharacterVarying(n) | DataType::CharVarying(n) => ("text", n.is_some()),
        DataType::Char(_) | DataType::Character(_) => ("bpchar", true),
        DataType::Date => ("date", false),
        DataType::Timestamp(p, sqlparser::ast::TimezoneInfo::None | sqlparser::ast::TimezoneInfo::WithoutTimeZone) => {
            ("timestamp", p.is_some())
        }
        DataType::Timestamp(p, sqlparser::ast::TimezoneInfo::WithTimeZone | sqlparser::ast::TimezoneInfo::Tz) => {
            ("timestamptz", p.is_some())
        }
        DataType::Time(p, sqlparser::ast::TimezoneInfo::None | sqlparser::ast::TimezoneInfo::WithoutTimeZone) => ("time", p.is_some()),
        DataType::Interval { fields, precision } => ("interval", fields.is_some() || precision.is_some()),
        DataType::Uuid => ("uuid", false),
        DataType::JSON => ("json", false),
        DataType::JSONB => ("jsonb", false),
        DataType::Bytea => ("bytea", false),
        DataType::Array(
            sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)
            | sqlparser::ast::ArrayElemTypeDef::AngleBracket(inner)
            | sqlparser::ast::ArrayElemTypeDef::Parenthesis(inner),
        ) => {
            let (name, shortens) = type_name(inner)?;
            (array_of(name)?, shortens)
        }
        DataType::Custom(name, modifiers) => {
            let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
            let ["pg_catalog", short] = parts.as_slice() else { return None };
            let found = match *short {
                "varchar" => "text",
                "cidr" => return None,
                short => {
                    let own = [
                        "int2",
                        "int4",
                        "int8",
                        "float4",
                        "float8",
                        "numeric",
                        "bool",
                        "text",
                        "bpchar",
                        "name",
                        "date",
                        "timestamp",
                        "timestamptz",
                        "time",
                        "timetz",
                        "interval",
                        "uuid",
                        "json",
                        "jsonb",
                        "bytea",
                        "inet",
                        "macaddr",
                        "oid",
                    ];
                    own.into_iter().find(|n| *n == short)?
                }
            };
            (found, !modifiers.is_empty())
        }
        _ => return None,
    })
}

fn enum_type(catalog: &Catalog, t: &DataType) -> Option<Oid> {
    let DataType::Custom(name, _) = t else { return None };
    let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
    let [schema, short] = parts.as_slice() else { return None };
    let found = catalog.types.get(*schema)?.get(*short)?;
    // Enough to tell an enum: some column is declared so.
    let is_enum =
        catalog.relations.values().flat_map(|r| &r.columns).any(|c| c.data_type.oid == found.oid && c.data_type.base == BaseType::Enum);
    (is_enum && found.fields.is_empty()).then_some(found.oid)
}

/// The column that a reference names; `None` where that is not certain.
fn column_of(e: &Expr, scope: InScope) -> Option<Col> {
    match place(e, scope)? {
        Place::Column(_, _, col) => Some(col),
        Place::Merged(col) => Some(col),
    }
}

/// Where a reference leads.
pub(crate) enum Place {
    /// A column of an item, so many levels out.
    Column(std::rc::Rc<Item>, usize, Col),
    /// A column merged by USING or NATURAL.
    Merged(Col),
}

/// Finds a judged reference; `None` where that is not certain.
pub(crate) fn place(e: &Expr, scope: InScope) -> Option<Place> {
    let levels: Vec<&Level> = scope.map(|s| s.levels().collect()).unwrap_or_default();
    match build::bare(e) {
        Expr::Identifier(id) => {
            for (outwards, level) in levels.iter().enumerate() {
                let mut found = level.slots.iter().filter(|s| s.name == id.value);
                if let Some(slot) = found.next() {
                    if found.next().is_some() {
                        return None;
                    }
                    return Some(match &slot.merged {
                        Some(col) => Place::Merged((**col).clone()),
                        None => Place::Column(std::rc::Rc::clone(&slot.item), outwards, slot.item.cols.get(slot.col)?.clone()),
                    });
                }
            }
            None
        }
        Expr::CompoundIdentifier(parts) => {
            let (schema, qualifier, name) = match parts.as_slice() {
                [qualifier, name] => (None, qualifier, name),
                [schema, qualifier, name] => (Some(schema), qualifier, name),
                _ => return None,
            };
            for (outwards, level) in levels.iter().enumerate() {
                let matches = |i: &&std::rc::Rc<Item>| match schema {
                    Some(s) => i.relation.as_ref().is_some_and(|(rs, rn)| *rs == s.value && *rn == qualifier.value),
                    None => i.printed.as_ref().unwrap_or(&i.visible) == &qualifier.value,
                };
                let mut found = level.items.iter().filter(matches);
                let Some(item) = found.next() else { continue };
                if found.next().is_some() {
                    return None;
                }
                let mut cols = item.cols.iter().filter(|c| c.name == name.value);
                return match (cols.next(), cols.next()) {
                    (Some(col), None) => Some(Place::Column(std::rc::Rc::clone(item), outwards, col.clone())),
                    _ => None,
                };
            }
            None
        }
        _ => None,
    }
}
