//! Masks as SQL expressions.
//!
//! Each is *total* (no stored value makes it fail), *immutable* (no setting of the session enters it) and of the column's
//! type, typmod and collation. The column's quoted name is its only reference; types, functions and operators
//! are those of pg_catalog by name, so that nothing in search_path is ever meant instead.
//!
//! A column of a domain is masked in the type at the bottom of the domain, since the domain's constraints could
//! refuse a mask's value: such a column comes out with the base type.

pub mod fields;
pub mod json;
pub mod keyed;
pub mod network;
pub mod noise;
pub mod number;
pub mod shift;
pub mod sql;
pub mod text;
pub mod time;

use super::fit::Misfit;
use super::spec::Constant;
use crate::catalog::{BaseType, ColumnType};

/// NULL of the column's type.
pub fn null(ty: &ColumnType) -> String {
    finish("NULL", ty)
}

/// The value as it is.
pub fn clear(column: &str, ty: &ColumnType) -> String {
    finish(&identifier(column), ty)
}

/// A constant, where it is one of a type that is no text; NULL where it could not be meant for that type, such as a text for a number.
///
/// # Errors
/// One that is meant for the type and is none of its values.
pub fn constant_of(value: &Constant, ty: &ColumnType) -> Result<String, Misfit> {
    let no = |what: &str| {
        let help = "write a constant of the type, or `redact` without one, which is NULL".to_owned();
        Err(Misfit { why: format!("{what} {} is none of type {}", value.text(), ty.base_sql), help })
    };
    let limits = match ty.base {
        BaseType::Int2 => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        BaseType::Int4 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        BaseType::Int8 => Some((i64::MIN, i64::MAX)),
        _ => None,
    };
    let fits = match (value, ty.base) {
        (Constant::Number(number), BaseType::Int2 | BaseType::Int4 | BaseType::Int8) => {
            let within = |n: i64| limits.is_some_and(|(low, high)| (low..=high).contains(&n));
            if !number.parse().is_ok_and(within) {
                return no("the number");
            }
            number.clone()
        }
        (Constant::Number(number), BaseType::Numeric) => {
            if !number::holds(number, ty) {
                return no("the number");
            }
            number.clone()
        }
        (Constant::Number(number), BaseType::Float4 | BaseType::Float8) => number.clone(),
        (Constant::Truth(_), BaseType::Bool) => value.text().to_owned(),
        (Constant::Text(text), BaseType::Date | BaseType::Timestamp | BaseType::Timestamptz)
            if text.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            let zoned = ty.base == BaseType::Timestamptz;
            // Without a zone it is in UTC, as all of the policy is.
            let text = if zoned && sql::is_fixed_time(text, false) { format!("{text}+00") } else { text.clone() };
            if !sql::is_fixed_time(&text, zoned) {
                return no("the date");
            }
            text
        }
        (Constant::Text(text), BaseType::Uuid) if sql::is_readable(text, "uuid") => text.clone(),
        _ => return Ok(null(ty)),
    };
    Ok(finish(&literal(&fits), ty))
}

/// `expression`, cast to the column's type and with its collation.
///
/// The cast must not be able to fail for any value of `expression`.
fn finish(expression: &str, ty: &ColumnType) -> String {
    let cast = format!("CAST({expression} AS {})", ty.base_sql);
    match &ty.collation {
        Some(collation) => format!("({cast} COLLATE {collation})"),
        None => cast,
    }
}

/// A name as an identifier in SQL.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal in SQL, under `standard_conforming_strings = on`.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The column as a value of a built-in type, so that every operator on it is the one we mean.
fn column_as(column: &str, name: &str, ty: &ColumnType) -> String {
    let own = match ty.base {
        BaseType::Text => "text",
        BaseType::Int8 => "int8",
        BaseType::Numeric => NUMERIC,
        BaseType::Float8 => "float8",
        BaseType::Date => "date",
        BaseType::Timestamp => "timestamp",
        BaseType::Timestamptz => "timestamptz",
        BaseType::Inet => "inet",
        BaseType::Jsonb => "jsonb",
        _ => "",
    };
    match own == name && !ty.is_domain {
        true => identifier(column),
        false => format!("CAST({} AS pg_catalog.{name})", identifier(column)),
    }
}

/// As `pg_catalog.numeric` is written: quoted, since it is a keyword.
const NUMERIC: &str = "\"numeric\"";

/// A constant of a built-in type, read by the type's own input function when the statement is parsed.
fn constant(value: &str, ty: &str) -> String {
    format!("CAST({} AS pg_catalog.{ty})", literal(value))
}

/// `(a OPERATOR(pg_catalog.op) b)`
fn op(left: &str, operator: &str, right: &str) -> String {
    format!("({left} OPERATOR(pg_catalog.{operator}) {right})")
}

#[cfg(test)]
pub(crate) mod tests;
