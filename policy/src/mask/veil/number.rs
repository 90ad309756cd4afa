//! Masks of numbers.

use super::{column_as, constant, finish, op};
use crate::catalog::{BaseType, ColumnType};
use crate::mask::fit::Misfit;
use crate::mask::spec::Width;

/// The largest multiple of the width that is not larger than the value. NaN and infinities stay; what would fall below
/// the type's smallest value becomes that value.
///
/// # Errors
/// A width that leaves every value of the type as it is.
pub fn bucket(width: &Width, column: &str, ty: &ColumnType) -> Result<String, Misfit> {
    match ty.base {
        BaseType::Int2 => integer(width, column, ty, i64::from(i16::MIN)),
        BaseType::Int4 => integer(width, column, ty, i64::from(i32::MIN)),
        BaseType::Int8 => integer(width, column, ty, i64::MIN),
        BaseType::Float4 | BaseType::Float8 => Ok(float(width, column, ty)),
        _ => numeric(width, column, ty),
    }
}

fn integer(width: &Width, column: &str, ty: &ColumnType, min: i64) -> Result<String, Misfit> {
    let Some(width) = width.whole.filter(|w| *w > 1) else {
        let why = format!("buckets of {} leave a whole number as it is, or part of it", width.decimal);
        return Err(Misfit { why, help: "write a whole number from 2".to_owned() });
    };
    let value = column_as(column, "int8");
    let n = constant(&width.to_string(), "int8");
    // From the smallest multiple on, neither the remainder nor the difference can overflow.
    let smallest = min - min % width;
    let remainder = op(&op(&op(&value, "%", &n), "+", &n), "%", &n);
    let floor = op(&value, "-", &remainder);
    let (edge, min) = (constant(&smallest.to_string(), "int8"), constant(&min.to_string(), "int8"));
    Ok(finish(&format!("CASE WHEN {} THEN {min} ELSE {floor} END", op(&value, "<", &edge)), ty))
}

/// Beyond this, numeric and double precision count as this.
const FAR: &str = "1e300";
const MINUS_FAR: &str = "-1e300";

fn float(width: &Width, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "float8");
    let n = constant(&width.decimal, "float8");
    let is = |operator: &str, text: &str| op(&value, operator, &constant(text, "float8"));
    let far = constant(FAR, "float8");
    let minus_far = constant(MINUS_FAR, "float8");
    let minus_n = constant(&format!("-{}", width.decimal), "float8");
    let zero = constant("0", "float8");
    // Around zero the quotient could underflow, far out it could overflow: both are errors.
    let cut = format!(
        "CASE WHEN {} THEN {value} WHEN {} THEN {value} WHEN {} THEN {value} WHEN {} THEN {far} WHEN {} THEN {minus_far} \
         WHEN {} THEN CASE WHEN {} THEN {minus_n} ELSE {zero} END ELSE {} END",
        is("=", "NaN"),
        is("=", "Infinity"),
        is("=", "-Infinity"),
        is(">", FAR),
        is("<", MINUS_FAR),
        format_args!("({} AND {})", op(&value, "<", &n), op(&value, ">=", &minus_n)),
        op(&value, "<", &zero),
        op(&format!("pg_catalog.floor({})", op(&value, "/", &n)), "*", &n),
    );
    finish(&cut, ty)
}

fn numeric(width: &Width, column: &str, ty: &ColumnType) -> Result<String, Misfit> {
    let declared = precision_and_scale(ty);
    if let Some((_, scale)) = declared
        && width.decimal.parse::<f64>().is_ok_and(|w| w <= 10f64.powi(-i32::from(scale)))
    {
        let why = format!("buckets of {} leave a number with {scale} decimals as it is", width.decimal);
        return Err(Misfit { why, help: "write a wider bucket".to_owned() });
    }
    let cut = numeric_floor(width, &column_as(column, "\"numeric\""));
    let Some((precision, scale)) = declared else { return Ok(finish(&cut, ty)) };
    let nines = "9".repeat(usize::from(precision));
    let min = constant(&format!("-{nines}e{}", -i32::from(scale)), "\"numeric\"");
    let clamped = format!("CASE WHEN {} THEN {min} ELSE {cut} END", op(&cut, "<", &min));
    Ok(finish(&clamped, ty))
}

/// The floor for any expression of type numeric, between -1e300 - width and 1e300.
pub(super) fn numeric_floor(width: &Width, value: &str) -> String {
    let numeric = "\"numeric\"";
    let is = |operator: &str, text: &str| op(value, operator, &constant(text, numeric));
    let n = constant(&width.decimal, numeric);
    let modulo = |a: &str| format!("pg_catalog.mod({a}, {n})");
    let floor = op(value, "-", &modulo(&op(&modulo(value), "+", &n)));
    // NaN counts as larger than all else; the remainder of an infinity would be NaN.
    format!(
        "CASE WHEN {} THEN CASE WHEN {} THEN {far} ELSE {value} END WHEN {} THEN CASE WHEN {} THEN {minus_far} ELSE {value} END \
         ELSE {floor} END",
        is(">", FAR),
        is("<", "Infinity"),
        is("<", MINUS_FAR),
        is(">", "-Infinity"),
        far = constant(FAR, numeric),
        minus_far = constant(MINUS_FAR, numeric),
    )
}

/// The p and s of numeric(p,s).
fn precision_and_scale(ty: &ColumnType) -> Option<(u16, i16)> {
    let modifiers = ty.base_sql.rsplit_once('(')?.1.strip_suffix(')')?;
    match modifiers.split_once(',') {
        Some((precision, scale)) => Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?)),
        None => Some((modifiers.trim().parse().ok()?, 0)),
    }
}
