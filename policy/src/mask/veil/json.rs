//! Masks of JSON objects.

use std::collections::BTreeMap;

use super::number::numeric_floor;
use super::text::keep_text;
use super::{column_as, constant, finish, literal, op};
use crate::catalog::ColumnType;
use crate::mask::spec::{DEFAULT_REDACTION, JsonMask};

/// The most levels of objects that a mask may name: the expression grows with each.
pub const MAX_DEPTH: usize = 4;

/// A JSON object with each named key masked; keys that are not there are not added. What is no object becomes NULL.
pub fn json(keys: &BTreeMap<String, JsonMask>, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "jsonb", ty);
    finish(&format!("CASE WHEN {} THEN {} END", is_a("object", &value), object(keys, &value)), ty)
}

/// `value` must be a JSON object.
fn object(keys: &BTreeMap<String, JsonMask>, value: &str) -> String {
    let mut out = value.to_owned();
    for (key, mask) in keys {
        let key = constant(key, "text");
        let Some(masked) = member(mask, &op(value, "->", &key)) else { continue };
        out = format!("pg_catalog.jsonb_set({out}, ARRAY[{key}], {masked}, false)");
    }
    out
}

/// An expression that is never NULL, even where the value is (its key is not there), since jsonb_set is strict.
fn member(mask: &JsonMask, value: &str) -> Option<String> {
    let null = constant("null", "jsonb");
    let only = |kind: &str, masked: String| Some(format!("CASE WHEN {} THEN {masked} ELSE {null} END", is_a(kind, value)));
    match mask {
        JsonMask::Clear => None,
        JsonMask::Null => Some(null),
        JsonMask::Redact(text) => Some(string(&constant(text.as_deref().unwrap_or(DEFAULT_REDACTION), "text"))),
        JsonMask::Keep(keep) => only("string", string(&keep_text(keep, &unquoted(value)))),
        JsonMask::Bucket(width) => {
            let number = format!("CAST({value} AS pg_catalog.\"numeric\")");
            only("number", format!("CAST(CAST({} AS pg_catalog.text) AS pg_catalog.jsonb)", numeric_floor(width, &number)))
        }
        JsonMask::Object(keys) => only("object", object(keys, value)),
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
