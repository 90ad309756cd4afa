//! Constants, types and signatures as they are written in an expression.

use sqlparser::ast::{BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::{Holds, Of, UNDECIDED, array_of};
use crate::builtin::total::{Condition, Kind, Signature};
use crate::catalog::{BaseType, Catalog, Oid};
use crate::judge::build;
use crate::judge::expr::InScope;
use crate::judge::scope::{Col, Item, Level};

/// Whether the arguments are those of the signature, and so that Postgres finds no other function for them.
pub(super) fn fits(signature: &Signature, args: &[&Expr], held: &[Holds]) -> bool {
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

pub(super) fn known(name: &'static str) -> &'static str {
    name
}

pub(super) fn matches_type(holds: &Holds, name: &str) -> bool {
    match holds.of {
        Of::Named(n) => n == name || name == "any" || name == "text" && matches!(n, "bpchar" | "name"),
        Of::Enum(_) => matches!(name, "anyenum" | "any"),
        Of::Undecided => name == "any",
    }
}

/// A constant's value as text.
pub(super) fn constant(e: &Expr) -> Option<String> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) | Value::Number(s, _) => Some(s.clone()),
            _ => None,
        },
        Expr::Cast { expr, data_type, .. } if type_name(data_type).is_some_and(|(n, shortens)| n == "text" && !shortens) => constant(expr),
        _ => None,
    }
}

pub(super) fn literal(value: &Value) -> Option<Holds> {
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
pub(super) fn recent(left: &Expr, right: &Expr) -> Option<&'static str> {
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
pub(super) fn modest(interval: &str) -> bool {
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
pub(super) fn operator_name(op: &BinaryOperator) -> Option<String> {
    match op {
        BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
            [name] => Some(name.clone()),
            [schema, name] if schema == "pg_catalog" => Some(name.clone()),
            _ => None,
        },
        other => Some(other.to_string()),
    }
}

pub(super) fn plain_arguments(list: &[FunctionArg]) -> Option<Vec<&Expr>> {
    list.iter()
        .map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
            _ => None,
        })
        .collect()
}

/// The type that a cast names, and whether a length is given.
pub(super) fn type_name(t: &DataType) -> Option<(&'static str, bool)> {
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

pub(super) fn enum_type(catalog: &Catalog, t: &DataType) -> Option<Oid> {
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
pub(super) fn column_of(e: &Expr, scope: InScope) -> Option<Col> {
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
