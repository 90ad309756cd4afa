//! Masks as SQL expressions.
//!
//! Each is *total* (no stored value makes it fail), *immutable* (no setting of the session enters it) and of the column's
//! type, typmod and collation. The column's quoted name is its only reference; types, functions and operators
//! are those of pg_catalog by name, so that nothing in search_path is ever meant instead.
//!
//! A column of a domain is masked in the type at the bottom of the domain, since the domain's constraints could
//! refuse a mask's value: such a column comes out with the base type.

pub mod json;
pub mod network;
pub mod number;
pub mod text;
pub mod time;

use crate::catalog::{BaseType, ColumnType};

/// NULL of the column's type.
pub fn null(ty: &ColumnType) -> String {
    finish("NULL", ty)
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
