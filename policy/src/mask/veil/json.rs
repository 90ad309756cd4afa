//! Masks of JSON objects.

use std::collections::BTreeMap;

use super::number::numeric_floor;
use super::text::keep_text;
use super::{column_as, constant, finish, literal, op};
use crate::catalog::ColumnType;
use crate::mask::spec::{ANY_KEY, Constant, DEFAULT_REDACTION, JsonMask};

/// The most levels of objects that a mask may name: the expression grows with each.
pub const MAX_DEPTH: usize = 4;

/// A JSON object with each named key masked; keys that are not there are not added. What is no object becomes NULL, but for an array whose
/// elements have a mask.
pub fn json(keys: &BTreeMap<String, JsonMask>, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "jsonb", ty);
    finish(&format!("CASE {} END", cases(keys, &value, 1)), ty)
}

/// `WHEN value is an object THEN … WHEN it is an array THEN …`
fn cases(keys: &BTreeMap<String, JsonMask>, value: &str, depth: usize) -> String {
    let Some(any) = keys.get(ANY_KEY) else { return format!("WHEN {} THEN {}", is_a("object", value), object(keys, value, depth)) };
    let (table, key, element, place) =
        (format!("veil_j{depth}"), format!("veil_jk{depth}"), format!("veil_je{depth}"), format!("veil_jn{depth}"));
    let mut of_key = String::new();
    for (name, mask) in keys.iter().filter(|(name, _)| *name != ANY_KEY) {
        of_key.push_str(&format!("WHEN {} THEN {} ", op(&key, "=", &constant(name, "text")), masked(mask, &element, depth)));
    }
    let other = masked(any, &element, depth);
    let of_key = if of_key.is_empty() { other.clone() } else { format!("CASE {of_key}ELSE {other} END") };
    // Of no rows an aggregate gives NULL.
    format!(
        "WHEN {} THEN COALESCE((SELECT pg_catalog.jsonb_object_agg({key}, {of_key}) FROM pg_catalog.jsonb_each({value}) AS {table} ({key}, {element})), {}) \
         WHEN {} THEN COALESCE((SELECT pg_catalog.jsonb_agg({other} ORDER BY {place}) \
         FROM pg_catalog.jsonb_array_elements({value}) WITH ORDINALITY AS {table} ({element}, {place})), {})",
        is_a("object", value),
        constant("{}", "jsonb"),
        is_a("array", value),
        constant("[]", "jsonb"),
    )
}

fn masked(mask: &JsonMask, value: &str, depth: usize) -> String {
    member(mask, value, depth).unwrap_or_else(|| value.to_owned())
}

/// `value` must be a JSON object.
fn object(keys: &BTreeMap<String, JsonMask>, value: &str, depth: usize) -> String {
    let mut out = value.to_owned();
    for (key, mask) in keys {
        let key = constant(key, "text");
        let Some(masked) = member(mask, &op(value, "->", &key), depth) else { continue };
        out = format!("pg_catalog.jsonb_set({out}, ARRAY[{key}], {masked}, false)");
    }
    out
}

/// An expression that is never NULL, even where the value is (its key is not there), since jsonb_set is strict.
fn member(mask: &JsonMask, value: &str, depth: usize) -> Option<String> {
    let null = constant("null", "jsonb");
    let only = |kind: &str, masked: String| Some(format!("CASE WHEN {} THEN {masked} ELSE {null} END", is_a(kind, value)));
    match mask {
        JsonMask::Clear => None,
        JsonMask::Null => Some(null),
        JsonMask::Redact(None) => Some(string(&constant(DEFAULT_REDACTION, "text"))),
        JsonMask::Redact(Some(Constant::Text(text))) => Some(string(&constant(text, "text"))),
        JsonMask::Redact(Some(other)) => Some(constant(other.text(), "jsonb")),
        JsonMask::Keep(keep) => only("string", string(&keep_text(keep, &unquoted(value)))),
        JsonMask::Bucket(width) => {
            let number = format!("CAST({value} AS pg_catalog.\"numeric\")");
            only("number", format!("CAST(CAST({} AS pg_catalog.text) AS pg_catalog.jsonb)", numeric_floor(width, &number)))
        }
        JsonMask::Object(keys) => Some(format!("CASE {} ELSE {null} END", cases(keys, value, depth.saturating_add(1)))),
    }
}

fn is_a(kind: &str, value: &str) -> String {
    op(&format!("pg_catalog.jsonb_typeof({value})"), "=", &literal(kind))
}

/// A JSON string's text.
fn unquoted(value: &str) -> String {
    format!("({value} OPERATOR(pg_catalog.#>>) CAST('{{}}' AS pg_catalog.text[]))")
}

/// A text as a JSON string. Not by `to_jsonb`, which is not immutable.
fn string(text: &str) -> String {
    let key = constant("v", "text");
    op(&format!("pg_catalog.jsonb_object(ARRAY[{key}, {text}])"), "->", &key)
}
