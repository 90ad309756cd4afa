//! What of SQL means the same in every session: nothing that reads a setting, a clock or another row.

use std::collections::BTreeSet;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

use crate::judge::alone::Held;

/// As help.
pub(super) const ALLOWED: &str = "use columns, constants, CASE, COALESCE, comparisons, and the functions of docs/total-functions.md that \
    read no clock: they cannot fail";

/// Functions of the list that are not immutable.
const CLOCKS: [&str; 3] = ["now", "transaction_timestamp", "statement_timestamp"];
/// Grammar that looks like a call.
const CONSTRUCTS: [&str; 4] = ["coalesce", "nullif", "greatest", "least"];
/// Units of extract() and date_trunc().
const UNITS: [&str; 15] = [
    "year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "week", "quarter", "isoyear", "decade", "century", "epoch",
];

/// A look at an expression.
pub(super) struct Look<'a> {
    names: &'a [&'a str],
    /// How often a column is named.
    pub references: usize,
    /// Those that are.
    pub named: BTreeSet<String>,
    /// It is nothing but the column.
    pub is_bare: bool,
    /// What is cast to a text type, as SQL.
    pub turned_to_text: Vec<String>,
    texts: Vec<String>,
    /// Dates and times by constants.
    times: bool,
    zoned: bool,
    unzoned: bool,
}

impl<'a> Look<'a> {
    /// `names`: of the columns that may be named.
    pub fn new(names: &'a [&'a str]) -> Self {
        let (turned_to_text, texts) = (vec![], vec![]);
        Look {
            names,
            references: 0,
            named: BTreeSet::new(),
            is_bare: false,
            turned_to_text,
            texts,
            times: false,
            zoned: false,
            unzoned: false,
        }
    }

    /// Looks at a whole expression.
    ///
    /// # Errors
    /// What in it may not stand there, in words.
    pub fn at(&mut self, e: &Expr) -> Result<(), String> {
        self.is_bare = matches!(bare(e), Expr::Identifier(_));
        self.each(e)
    }

    /// Looks at the constants that it met: beside columns with dates or times, these must be written so that no setting changes them.
    /// `unzoned`, `other`, `zoned`: it names columns with dates or times without a time zone, of types that may hold any, with one.
    ///
    /// # Errors
    /// The first that is not, in words.
    pub fn constants(&self, unzoned: bool, other: bool, zoned: bool) -> Result<(), String> {
        let mixed = || "dates and times with and without a time zone are compared by the session's own".to_owned();
        let zoned = zoned || self.zoned;
        if zoned && (unzoned || self.unzoned) {
            return Err(mixed());
        }
        if unzoned || other || zoned || self.times {
            let fixed = |text: &&String| UNITS.contains(&text.as_str()) || is_fixed_time(text, zoned);
            if let Some(other) = self.texts.iter().find(|text| !fixed(text)) {
                let form = if zoned { "'2024-12-31 23:59:59+00'" } else { "'2024-12-31' or '2024-12-31 23:59:59'" };
                return Err(format!("the constant '{other}' could mean another time under another setting: write it as {form}"));
            }
        }
        Ok(())
    }

    fn all<'e>(&mut self, parts: impl IntoIterator<Item = &'e Expr>) -> Result<(), String> {
        parts.into_iter().try_for_each(|e| self.each(e))
    }

    fn each(&mut self, e: &Expr) -> Result<(), String> {
        match e {
            Expr::Nested(inner) => self.each(inner),
            Expr::Identifier(name) if self.names.contains(&name.value.as_str()) => {
                self.references = self.references.saturating_add(1);
                self.named.insert(name.value.clone());
                Ok(())
            }
            Expr::Identifier(name) => Err(format!("it names {}, which is not open to it", name.value)),
            Expr::Value(v) => match &v.value {
                Value::SingleQuotedString(text) => {
                    self.texts.push(text.clone());
                    Ok(())
                }
                Value::Number(_, false) | Value::Null | Value::Boolean(_) => Ok(()),
                other => Err(format!("{other} may not stand in it")),
            },
            Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, expr } => self.each(expr),
            Expr::BinaryOp { left, op, right } => {
                own_operator(op)?;
                self.all([&**left, &**right])
            }
            Expr::IsNull(i)
            | Expr::IsNotNull(i)
            | Expr::IsTrue(i)
            | Expr::IsNotTrue(i)
            | Expr::IsFalse(i)
            | Expr::IsNotFalse(i)
            | Expr::IsUnknown(i)
            | Expr::IsNotUnknown(i) => self.each(i),
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => self.all([&**a, &**b]),
            Expr::Between { expr, low, high, .. } => self.all([&**expr, &**low, &**high]),
            Expr::InList { expr, list, .. } => {
                self.each(expr)?;
                self.all(list)
            }
            Expr::Like { any: false, expr, pattern, escape_char: None, .. }
            | Expr::ILike { any: false, expr, pattern, escape_char: None, .. } => self.all([&**expr, &**pattern]),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.all(operand.as_deref().into_iter().chain(else_result.as_deref()))?;
                conditions.iter().try_for_each(|CaseWhen { condition, result }| self.all([condition, result]))
            }
            Expr::Cast { expr, data_type, format: None, .. } => self.cast(expr, data_type),
            Expr::Extract { expr, .. } => self.each(expr),
            Expr::Position { expr, r#in } => self.all([&**expr, &**r#in]),
            Expr::Substring { expr, substring_from, substring_for, special: false, .. } => {
                self.all([Some(&**expr), substring_from.as_deref(), substring_for.as_deref()].into_iter().flatten())
            }
            Expr::Trim { expr, trim_what, trim_characters: None, .. } => {
                self.all([Some(&**expr), trim_what.as_deref()].into_iter().flatten())
            }
            Expr::Collate { expr, .. } => self.each(expr),
            Expr::Function(f) => self.call(f),
            _ => Err("a form of expression stands in it that is not looked into".to_owned()),
        }
    }

    fn call(&mut self, f: &Function) -> Result<(), String> {
        let parts: Vec<&str> = f.name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
        let (["pg_catalog", name] | [name]) = parts.as_slice() else {
            return Err(format!("{}() is no function of Postgres' own", parts.join(".")));
        };
        let plain =
            f.over.is_none() && f.filter.is_none() && f.within_group.is_empty() && f.null_treatment.is_none() && !f.uses_odbc_syntax;
        if !plain || !matches!(f.parameters, FunctionArguments::None) {
            return Err(format!("{name}() may not be called so in it"));
        }
        let construct = CONSTRUCTS.iter().any(|word| name.eq_ignore_ascii_case(word));
        let listed = crate::builtin::total::is_function(name);
        if CLOCKS.contains(name) || !(construct || listed) {
            return Err(format!("{name}() is not on the list of functions that cannot fail and read nothing else"));
        }
        let FunctionArguments::List(list) = &f.args else { return Err(format!("{name}() may not be called so in it")) };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(format!("{name}() may not be called so in it"));
        }
        list.args.iter().try_for_each(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.each(e),
            _ => Err(format!("{name}() may not be called so in it")),
        })
    }

    fn cast(&mut self, expr: &Expr, to: &DataType) -> Result<(), String> {
        let written = to.to_string().replace('"', "").to_ascii_lowercase();
        let bare_type = written.strip_prefix("pg_catalog.").unwrap_or(&written);
        let name = bare_type.split_once('(').map_or(bare_type, |(name, _)| name).trim();
        let is_text = matches!(name, "text" | "varchar" | "character varying" | "char" | "character" | "bpchar" | "name");
        match name {
            "date" | "timestamp" | "timestamp without time zone" | "time" | "time without time zone" => {
                (self.times, self.unzoned) = (true, true);
            }
            "timestamptz" | "timestamp with time zone" => (self.times, self.zoned) = (true, true),
            "smallint" | "int2" | "integer" | "int" | "int4" | "bigint" | "int8" | "numeric" | "decimal" | "real" | "float4"
            | "double precision" | "float8" | "boolean" | "bool" | "uuid" | "inet" | "jsonb" => {}
            _ if is_text => {}
            _ => return Err(format!("a cast to {written} may not stand in it")),
        }
        if let Expr::Value(v) = bare(expr) {
            return match &v.value {
                Value::SingleQuotedString(text) if !is_text && !self.times && !is_readable(text, name) => {
                    Err(format!("'{text}' is no constant of type {written}"))
                }
                // Nothing else can become of it.
                Value::SingleQuotedString(_) if is_text => Ok(()),
                _ => self.each(expr),
            };
        }
        if is_text {
            self.turned_to_text.push(expr.to_string());
        }
        self.each(expr)
    }
}

fn bare(e: &Expr) -> &Expr {
    match e {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

fn own_operator(op: &BinaryOperator) -> Result<(), String> {
    match op {
        BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
            [_] => Ok(()),
            [schema, _] if schema.trim_matches('"') == "pg_catalog" => Ok(()),
            _ => Err(format!("operator {} is not one of Postgres' own", parts.join("."))),
        },
        _ => Ok(()),
    }
}

/// Its text is the same under every setting: not that of a date (DateStyle), a float (extra_float_digits), an enum, an array.
pub(super) fn has_one_text(held: &Held) -> bool {
    match held {
        Held::Type(name) => {
            matches!(*name, "text" | "bpchar" | "name" | "int2" | "int4" | "int8" | "numeric" | "bool" | "uuid" | "inet" | "jsonb" | "json")
        }
        Held::Undecided => true,
        Held::Enum(_) => false,
    }
}

/// `2024-12-31`, `2024-12-31 23:59:59.5`; with `+00` behind it where there is a time zone.
pub fn is_fixed_time(text: &str, zoned: bool) -> bool {
    let text = match (zoned, text.strip_suffix("+00").or(text.strip_suffix('Z'))) {
        (true, Some(before)) => before,
        (true, None) => return false,
        (false, _) => text,
    };
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let numbers = |text: &str, sign: char, lengths: &[usize]| -> Option<Vec<u32>> {
        let parts: Vec<&str> = text.split(sign).collect();
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let fits = parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, length)| part.len() == *length && digits(part));
        fits.then(|| parts.iter().filter_map(|part| part.parse().ok()).collect())
    };
    let Some([year, month, day]) = numbers(date, '-', &[4, 2, 2]).and_then(|n| <[u32; 3]>::try_from(n).ok()) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return false,
    };
    let in_day = |time: &str| {
        let (whole, part) = time.split_once('.').unwrap_or((time, "0"));
        let fits = |n: Vec<u32>| n.iter().zip([24, 60, 60]).all(|(n, limit)| *n < limit);
        !part.is_empty()
            && part.len() <= 6
            && part.bytes().all(|b| b.is_ascii_digit())
            && (numbers(whole, ':', &[2, 2, 2]).is_some_and(fits) || part == "0" && numbers(whole, ':', &[2, 2]).is_some_and(fits))
    };
    year > 0 && (1..=days).contains(&day) && time.is_none_or(in_day)
}

/// A constant that the type's input function takes: else every statement would fail.
pub fn is_readable(text: &str, name: &str) -> bool {
    match name {
        "smallint" | "int2" => text.parse::<i16>().is_ok(),
        "integer" | "int" | "int4" => text.parse::<i32>().is_ok(),
        "bigint" | "int8" => text.parse::<i64>().is_ok(),
        "numeric" | "decimal" | "real" | "float4" | "double precision" | "float8" => {
            text.len() <= 30 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) && text.parse::<f64>().is_ok()
        }
        "boolean" | "bool" => matches!(text, "t" | "f" | "true" | "false"),
        "uuid" => {
            text.len() == 36
                && text.bytes().enumerate().all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
        }
        "inet" => {
            text.split_once('/').map_or(text, |(address, _)| address).parse::<std::net::IpAddr>().is_ok()
                && text.split_once('/').is_none_or(|(_, bits)| bits.parse::<u8>().is_ok_and(|bits| bits <= 32))
        }
        "jsonb" => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_setting_changes() {
        for text in ["2024-12-31", "2024-02-29", "0001-01-01", "2024-12-31 23:59", "2024-12-31 23:59:59.123456"] {
            assert!(is_fixed_time(text, false) && is_fixed_time(&format!("{text}+00"), true) && !is_fixed_time(text, true), "{text}");
        }
        for text in [
            "now",
            "today",
            "tomorrow",
            "epoch",
            "infinity",
            "01/02/2024",
            "2024-2-1",
            "2023-02-29",
            "2024-13-01",
            "2024-12-31 24:00",
            "2024-12-31T10:00",
            "2024-12-31 10:00 PST",
            "20241231",
            "",
            "2024-12-31 ",
            "2024-12-31 10:00:00.",
            "0000-01-01",
            "٢٠٢٤-12-31",
        ] {
            assert!(!is_fixed_time(text, false) && !is_fixed_time(text, true), "{text}");
        }
    }
}
