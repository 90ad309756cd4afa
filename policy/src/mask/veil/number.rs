//! Masks of numbers.

use super::{NUMERIC, column_as, constant, finish, op};
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
    let value = column_as(column, "int8", ty);
    let n = constant(&width.to_string(), "int8");
    // From the smallest multiple on, neither the remainder nor the difference can overflow.
    let smallest = min - min % width;
    let remainder = op(&op(&op(&value, "%", &n), "+", &n), "%", &n);
    let floor = op(&value, "-", &remainder);
    let (edge, min) = (constant(&smallest.to_string(), "int8"), constant(&min.to_string(), "int8"));
    Ok(finish(&format!("CASE WHEN {} THEN {min} ELSE {floor} END", op(&value, "<", &edge)), ty))
}

/// Beyond this, numeric and double precision count as this.
pub(super) const FAR: &str = "1e300";
const MINUS_FAR: &str = "-1e300";

fn float(width: &Width, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "float8", ty);
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
        op(&format!("pg_catalog.\"floor\"({})", op(&value, "/", &n)), "*", &n),
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
    let value = column_as(column, NUMERIC, ty);
    let Some((precision, scale)) = declared else { return Ok(finish(&numeric_floor(width, &value), ty)) };
    // Neither infinite nor of more digits than numeric can compute with. NaN counts as larger than all else and stays.
    let min = constant(&format!("-{}e{}", "9".repeat(usize::from(precision)), -i32::from(scale)), NUMERIC);
    let smallest = op(&min, "-", &format!("pg_catalog.mod({min}, {})", constant(&width.decimal, NUMERIC)));
    Ok(finish(&format!("CASE WHEN {} THEN {min} ELSE {} END", op(&value, "<", &smallest), multiple(width, &value)), ty))
}

/// The floor, where the value is finite and the floor within the type; with the width's decimals, since those
/// that the value was written with would show in `10.00` and `10.000`.
fn multiple(width: &Width, value: &str) -> String {
    let n = constant(&width.decimal, NUMERIC);
    let modulo = |a: &str| format!("pg_catalog.mod({a}, {n})");
    let decimals = width.decimal.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("pg_catalog.round({}, {decimals})", op(value, "-", &modulo(&op(&modulo(value), "+", &n))))
}

/// The floor for any expression of type numeric, between -1e300 - width and 1e300.
pub(super) fn numeric_floor(width: &Width, value: &str) -> String {
    let is = |operator: &str, text: &str| op(value, operator, &constant(text, NUMERIC));
    let floor = multiple(width, value);
    // NaN counts as larger than all else; the remainder of an infinity would be NaN.
    format!(
        "CASE WHEN {} THEN CASE WHEN {} THEN {far} ELSE {value} END WHEN {} THEN CASE WHEN {} THEN {minus_far} ELSE {value} END \
         ELSE {floor} END",
        is(">", FAR),
        is("<", "Infinity"),
        is("<", MINUS_FAR),
        is(">", "-Infinity"),
        far = constant(FAR, NUMERIC),
        minus_far = constant(MINUS_FAR, NUMERIC),
    )
}

/// Whether a number in decimal notation is a value of a numeric column, with all its digits.
pub(super) fn holds(number: &str, ty: &ColumnType) -> bool {
    let Some((precision, scale)) = precision_and_scale(ty) else { return true };
    let digits = number.trim_start_matches('-');
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0').len();
    let decimals = decimals.trim_end_matches('0').len();
    let most = i32::from(precision).saturating_sub(i32::from(scale));
    scale >= 0 && i32::try_from(whole).is_ok_and(|n| n <= most) && i16::try_from(decimals).is_ok_and(|n| n <= scale)
}

/// The p and s of numeric(p,s).
pub(super) fn precision_and_scale(ty: &ColumnType) -> Option<(u16, i16)> {
    let modifiers = ty.base_sql.rsplit_once('(')?.1.strip_suffix(')')?;
    match modifiers.split_once(',') {
        Some((precision, scale)) => Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?)),
        None => Some((modifiers.trim().parse().ok()?, 0)),
    }
}
