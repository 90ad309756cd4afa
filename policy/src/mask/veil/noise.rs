//! Numbers, moved by a secret amount.

use super::keyed::secret_number;
use super::number::{FAR, precision_and_scale};
use super::{NUMERIC, column_as, constant, finish, op};
use crate::catalog::{BaseType, ColumnType};
use crate::mask::fit::Misfit;
use crate::mask::spec::{Noise, Width};

/// The amount hangs on the value and the key alone: asked again, a value moves by the same. NaN and infinities stay; what would fall out of
/// the type becomes its smallest or largest value.
///
/// # Errors
/// An amount that would leave a number as it is.
pub fn noise(noise: &Noise, class: &str, column: &str, ty: &ColumnType) -> Result<String, Misfit> {
    let domain = format!("noise of {class}");
    if matches!(ty.base, BaseType::Float4 | BaseType::Float8) {
        return Ok(float(noise, &domain, column, ty));
    }
    let (decimals, limit) = match (ty.base, precision_and_scale(ty)) {
        (BaseType::Numeric, Some((precision, scale))) => (scale, format!("{}e{}", "9".repeat(usize::from(precision)), -i32::from(scale))),
        (BaseType::Numeric, None) => (decimals(noise), FAR.to_owned()),
        (BaseType::Int2, _) => (0, i16::MAX.to_string()),
        (BaseType::Int4, _) => (0, i32::MAX.to_string()),
        _ => (0, i64::MAX.to_string()),
    };
    if let Noise::Amount(Width { decimal, .. }) = noise
        && decimal.parse::<f64>().is_ok_and(|amount| amount < 10f64.powi(-i32::from(decimals)))
    {
        let why = format!("noise of up to {decimal} leaves a number with {decimals} decimals as it is");
        return Err(Misfit { why, help: "write a larger amount".to_owned() });
    }
    let value = column_as(column, NUMERIC, ty);
    let number = secret_number(&domain, &format!("pg_catalog.numeric_send(pg_catalog.trim_scale({value}))"));
    let part = op(&format!("CAST({number} AS pg_catalog.{NUMERIC})"), "/", &constant(HALF, NUMERIC));
    let part = op(&part, "-", &constant("1", NUMERIC));
    let bound = |sign: &str| constant(&format!("{sign}{limit}"), NUMERIC);
    let (low, high) = (bound("-"), bound(""));
    // The smallest integer is one less than the negative of the largest.
    let within = format!("LEAST(GREATEST({value}, {low}), {high})");
    let moved = match noise {
        Noise::Amount(amount) => op(&within, "+", &op(&part, "*", &constant(&amount.decimal, NUMERIC))),
        Noise::Fraction(fraction) => op(&within, "+", &op(&op(&within, "*", &part), "*", &constant(&fraction.decimal, NUMERIC))),
    };
    let rounded = format!("LEAST(GREATEST(pg_catalog.round({moved}, {decimals}), {low}), {high})");
    let shown = match ty.base {
        // NaN counts as larger than all else.
        BaseType::Numeric => format!(
            "CASE WHEN {} THEN {value} WHEN {} THEN {value} ELSE {rounded} END",
            op(&value, ">=", &constant("Infinity", NUMERIC)),
            op(&value, "=", &constant("-Infinity", NUMERIC)),
        ),
        // Of NULL, LEAST and GREATEST make their other argument.
        _ => rounded,
    };
    Ok(finish(&format!("CASE WHEN {value} IS NOT NULL THEN {shown} END"), ty))
}

/// What a secret number is divided by: parts are from -1 to just below 1.
const HALF: &str = "2147483648";
/// The largest value of real.
const FAR_REAL: &str = "3.4028234e38";
/// What is nearer to zero counts as zero: products of less could be too small for the type.
const NEAR: &str = "1e-30";

/// Of a numeric without a scale, a fraction of which has no decimals of its own.
fn decimals(noise: &Noise) -> i16 {
    let of = |width: &Width| width.decimal.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match noise {
        Noise::Amount(amount) => i16::try_from(of(amount)).unwrap_or(6),
        Noise::Fraction(_) => 6,
    }
}

fn float(noise: &Noise, domain: &str, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "float8", ty);
    let number = |text: &str| constant(text, "float8");
    let is = |operator: &str, text: &str| op(&value, operator, &number(text));
    // 0 and -0 are equal.
    let secret = secret_number(domain, &format!("pg_catalog.float8send({})", op(&value, "+", &number("0"))));
    let part = op(&op(&format!("CAST({secret} AS pg_catalog.float8)"), "/", &number(HALF)), "-", &number("1"));
    let limit = if ty.base == BaseType::Float4 { FAR_REAL } else { FAR };
    let (low, high) = (number(&format!("-{limit}")), number(limit));
    let near = format!("({} AND {})", is("<", NEAR), is(">", &format!("-{NEAR}")));
    let within = format!("CASE WHEN {near} THEN {} ELSE LEAST(GREATEST({value}, {low}), {high}) END", number("0"));
    let moved = match noise {
        Noise::Amount(amount) => op(&within, "+", &op(&part, "*", &number(&amount.decimal))),
        Noise::Fraction(fraction) => op(&within, "*", &op(&number("1"), "+", &op(&part, "*", &number(&fraction.decimal)))),
    };
    let shown = format!(
        "CASE WHEN {value} IS NOT NULL THEN CASE WHEN {} THEN {value} WHEN {} THEN {value} ELSE LEAST(GREATEST({moved}, {low}), {high}) END END",
        is(">=", "Infinity"),
        is("=", "-Infinity"),
    );
    finish(&shown, ty)
}
