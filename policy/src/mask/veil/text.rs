//! Masks of text types.

use super::{column_as, constant, finish, identifier, literal, op};
use crate::catalog::ColumnType;
use crate::mask::spec::{DEFAULT_REDACTION, Keep, SEPARATORS};

/// The longest run of fill characters: keeps a fill of several bytes from making a value larger than Postgres can hold.
const MAX_FILL: u32 = 1_000_000;

/// A constant, also where the value is NULL: which values are missing does not show.
///
/// Cut to the n of varchar(n) and character(n).
pub fn redact(text: Option<&str>, ty: &ColumnType) -> String {
    finish(&literal(text.unwrap_or(DEFAULT_REDACTION)), ty)
}

/// Some characters at the ends, the rest filled. A value that is not longer than what is kept is filled wholly.
pub fn keep(keep: &Keep, column: &str, ty: &ColumnType) -> String {
    // From character(n) to text the padding falls away: `last` counts from the last character that was written.
    finish(&keep_text(keep, &column_as(column, "text", ty)), ty)
}

/// The same for each element of an array, of which one dimension remains.
pub fn keep_each(keep: &Keep, column: &str, ty: &ColumnType) -> String {
    let array = identifier(column);
    let element = keep_text(keep, "CAST(veil_ae AS pg_catalog.text)");
    // Of no rows an aggregate gives NULL.
    let each = format!(
        "CASE WHEN {array} IS NOT NULL THEN COALESCE((SELECT pg_catalog.array_agg({element} ORDER BY veil_an) \
         FROM pg_catalog.unnest({array}) WITH ORDINALITY AS veil_a (veil_ae, veil_an)), {}) END",
        constant("{}", "text[]")
    );
    finish(&each, ty)
}

/// The same for any expression of type text.
pub(super) fn keep_text(keep: &Keep, value: &str) -> String {
    let Keep { first, last, fill, separators } = keep;
    let kept = u64::from(*first) + u64::from(*last);
    let length = format!("pg_catalog.length({value})");
    if *separators {
        return keep_separators(keep, value, kept, &length);
    }
    let fill = constant(&fill.to_string(), "text");
    let filled = |count: &str| {
        let (max, capped) = (MAX_FILL, op(count, ">", &MAX_FILL.to_string()));
        format!("pg_catalog.repeat({fill}, CASE WHEN {capped} THEN {max} ELSE {count} END)")
    };
    if kept == 0 {
        return filled(&length);
    }
    let rest = filled(&op(&length, "-", &kept.to_string()));
    let mut long = rest;
    if *first > 0 {
        long = op(&format!("pg_catalog.\"left\"({value}, {first})"), "||", &long);
    }
    if *last > 0 {
        long = op(&long, "||", &format!("pg_catalog.\"right\"({value}, {last})"));
    }
    format!("CASE WHEN {} THEN {} ELSE {long} END", op(&length, "<=", &kept.to_string()), filled(&length))
}

/// The same with what divides the parts left where it is.
fn keep_separators(Keep { first, last, fill, .. }: &Keep, value: &str, kept: u64, length: &str) -> String {
    // A backslash in what is put there would begin a reference.
    let fill = constant(&fill.to_string().replace('\\', "\\\\"), "text");
    let others = constant(&format!("[^{SEPARATORS}]"), "text");
    // A nondeterministic collation knows no regular expressions; the one of the result is the column's again.
    let filled = |text: &str| {
        let cut = format!("pg_catalog.\"left\"({text}, {MAX_FILL})");
        let replaced = format!("pg_catalog.regexp_replace(({cut} COLLATE pg_catalog.\"C\"), {others}, {fill}, {})", constant("g", "text"));
        format!("({replaced} COLLATE pg_catalog.\"default\")")
    };
    if kept == 0 {
        return filled(value);
    }
    let middle = format!("pg_catalog.\"substr\"({value}, {}, {})", u64::from(*first).saturating_add(1), op(length, "-", &kept.to_string()));
    let mut long = filled(&middle);
    if *first > 0 {
        long = op(&format!("pg_catalog.\"left\"({value}, {first})"), "||", &long);
    }
    if *last > 0 {
        long = op(&long, "||", &format!("pg_catalog.\"right\"({value}, {last})"));
    }
    format!("CASE WHEN {} THEN {} ELSE {long} END", op(length, "<=", &kept.to_string()), filled(value))
}
