//! Masks of dates and times.

use super::{column_as, constant, finish, op};
use crate::catalog::{BaseType, ColumnType};
use crate::mask::spec::Unit;

/// The start of the unit, in UTC. Infinities stay; what lies beyond [`EARLIEST`] and [`LATEST`] counts as these.
///
/// `date_trunc` on timestamptz takes the session's TimeZone, and its form with a zone is not immutable before
/// Postgres 18: therefore the detour over a timestamp at offset 0.
pub fn truncate(unit: Unit, column: &str, ty: &ColumnType) -> String {
    let (value, own) = in_utc(column, ty);
    let clamped = within(&value, own, EARLIEST, LATEST);
    let start = format!("pg_catalog.date_trunc('{}', CAST({clamped} AS pg_catalog.timestamp))", unit.name());
    let cut = format!("CASE WHEN pg_catalog.isfinite({value}) THEN CAST({start} AS pg_catalog.{own}) ELSE {value} END");
    from_utc(&cut, ty)
}

/// The column as a date or timestamp without time zone, and the name of that type.
pub(super) fn in_utc(column: &str, ty: &ColumnType) -> (String, &'static str) {
    match ty.base {
        BaseType::Date => (column_as(column, "date", ty), "date"),
        BaseType::Timestamptz => (format!("pg_catalog.timezone({UTC}, {})", column_as(column, "timestamptz", ty)), "timestamp"),
        _ => (column_as(column, "timestamp", ty), "timestamp"),
    }
}

/// The way back from [`in_utc`].
pub(super) fn from_utc(value: &str, ty: &ColumnType) -> String {
    match ty.base {
        BaseType::Timestamptz => finish(&format!("pg_catalog.timezone({UTC}, {value})"), ty),
        _ => finish(value, ty),
    }
}

/// A value of that type; what lies outside counts as the limit.
pub(super) fn within(value: &str, own: &str, low: &str, high: &str) -> String {
    let (low, high) = (constant(low, own), constant(high, own));
    format!("CASE WHEN {} THEN {low} WHEN {} THEN {high} ELSE {value} END", op(value, "<", &low), op(value, ">", &high))
}

/// No unit's start falls before the first instant of a timestamp (4714-11-24 BC) from here on.
pub(super) const EARLIEST: &str = "4000-01-01 BC";

/// A date goes on to the year 5874897, a timestamp does not.
const LATEST: &str = "294276-12-31";

const UTC: &str = "CAST('0' AS pg_catalog.\"interval\")";
