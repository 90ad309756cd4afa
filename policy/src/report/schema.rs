//! The JSON Schema (draft 2020-12) of a policy file, for editors. TOML's tables, strings and numbers are JSON's there.
//!
//! Which keys and masks there are comes from the reader's own lists ([`Policy::keys`]). One that is described here is described in full; of
//! one that is not, only the name is known.

use serde_json::{Map, Value, json};

use crate::mask::spec::Unit;
use crate::policy::{Policy, StatementKind, tests_in_file};

/// One part of a pattern.
const PART: &str = r#"(?:"(?:[^"]|"")+"|[^".\s](?:[^".]*[^".\s])?)"#;

/// The schema.
pub fn schema() -> Value {
    let [top, class, role, masks] = Policy::keys();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pgveil policy",
        "description": "What columns hold (classes), and what each class looks like to whom (roles).",
        "type": "object",
        "required": ["version"],
        "properties": properties(top, top_key),
        "additionalProperties": false,
        "$defs": {
            "class": {
                "type": "object",
                "required": ["columns"],
                "properties": properties(class, class_key),
                "additionalProperties": false,
            },
            "role": { "type": "object", "properties": properties(role, role_key), "additionalProperties": false },
            "mask": mask(masks),
            "json_mask": json_mask(),
            "test": test(masks),
        },
    })
}

fn properties(keys: &[&str], describe: fn(&str) -> Value) -> Value {
    Value::Object(keys.iter().map(|key| ((*key).to_owned(), describe(key))).collect())
}

fn pattern(parts: usize) -> String {
    format!("^{}$", vec![PART; parts].join(r"\."))
}

fn top_key(key: &str) -> Value {
    let named = |of: &str, what: &str| {
        json!({
            "description": what,
            "type": "object",
            "propertyNames": { "minLength": 1 },
            "additionalProperties": { "$ref": format!("#/$defs/{of}") },
        })
    };
    match key {
        "version" => json!({ "description": "The version of this format.", "const": 1 }),
        "unclassified" => json!({
            "description": "What columns that no class names look like.",
            "enum": ["clear", "redact", "refuse"],
            "default": "clear",
        }),
        "class" => named("class", "What columns hold."),
        "role" => named("role", "What each class looks like to whom."),
        "test" => json!({
            "description": "Statements, and what they must come to; pgveil check runs them.",
            "type": "array",
            "items": { "$ref": "#/$defs/test" },
        }),
        _ => json!({}),
    }
}

fn class_key(key: &str) -> Value {
    match key {
        "columns" => json!({
            "description": "Patterns schema.table.column; * stands for any characters within a part.",
            "type": "array",
            "items": { "type": "string", "pattern": pattern(3) },
            "uniqueItems": true,
        }),
        _ => json!({}),
    }
}

fn role_key(key: &str) -> Value {
    let list = |what: &str, pattern: String| json!({ "description": what, "type": "array", "items": { "type": "string", "pattern": pattern }, "uniqueItems": true });
    let flag = |what: &str| json!({ "description": what, "type": "boolean", "default": false });
    match key {
        "inherits" => json!({
            "description": "Roles from which it has what it does not say itself.",
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string", "minLength": 1 }, "uniqueItems": true },
            ],
        }),
        "default" => json!({
            "description": "What a class looks like that mask does not name.",
            "enum": ["clear", "redact"],
            "default": "redact",
        }),
        "read_only" => flag("Nothing may be written but in writable_schemas."),
        "writable_schemas" => list("Schemas that a read-only role may write.", pattern(1)),
        "functions" => list("Functions outside pg_catalog that it may call, as schema.function.", pattern(2)),
        "trusted_code" => flag("It may create and run code bodies, hence read everything."),
        "channels" => list("Channels on which it may LISTEN and NOTIFY; * stands for any characters.", pattern(1)),
        "mask" => json!({
            "description": "By class, what its columns look like to the role.",
            "type": "object",
            "additionalProperties": { "$ref": "#/$defs/mask" },
        }),
        "rows" => json!({
            "description": "By schema.table, a condition: rows for which it is not true do not exist for the role. {user} and {attr.NAME} stand for who asks.",
            "type": "object",
            "propertyNames": { "pattern": pattern(2) },
            "additionalProperties": { "type": "string", "minLength": 1 },
        }),
        "statements" => json!({
            "description": "The kinds of statements that it may send; all, where it is not said.",
            "type": "array",
            "items": { "enum": StatementKind::ALL.map(StatementKind::word) },
            "uniqueItems": true,
        }),
        "limits" => json!({
            "description": "What one statement may take.",
            "type": "object",
            "properties": { "seconds": { "description": "Its longest time.", "type": "integer", "minimum": 1, "maximum": 2_147_483 } },
            "additionalProperties": false,
        }),
        "expires" => json!({ "description": "From then on nobody has the role: a date (in UTC), or a date and time with an offset." }),
        _ => json!({}),
    }
}

/// Whether a mask may be a word, and its argument where it takes one. `None`: it is not described here.
fn described(name: &str) -> Option<(bool, Option<Value>)> {
    let whole = |low: i64, high: i64| json!({ "type": "integer", "minimum": low, "maximum": high });
    let prefix = || json!({ "description": "What pseudonyms begin with.", "type": "string", "pattern": "^[!-~]{0,32}$" });
    Some(match name {
        "clear" | "null" | "refuse" => (true, None),
        "redact" => (true, Some(json!({ "description": "The text in place of the value.", "type": "string", "maxLength": 200 }))),
        "keep" => (false, Some(table(json!({ "first": whole(0, 1000), "last": whole(0, 1000), "fill": character() })))),
        "truncate" => (false, Some(json!({ "enum": Unit::ALL.map(Unit::name) }))),
        "bucket" => (false, Some(width())),
        "network" => {
            let both = table(json!({ "v4": whole(0, 31), "v6": whole(0, 127) }));
            (false, Some(json!({ "anyOf": [whole(0, 31), both] })))
        }
        "hash" => (true, Some(table(json!({ "length": whole(16, 64), "prefix": prefix() })))),
        "token" => (true, Some(table(json!({ "bucket": whole(16, 1024), "prefix": prefix() })))),
        "json" => (
            false,
            Some(json!({
                "description": "A mask for each key; keys that are not named stay.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "$ref": "#/$defs/json_mask" },
            })),
        ),
        _ => return None,
    })
}

fn table(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn character() -> Value {
    json!({ "description": "One character.", "type": "string", "minLength": 1, "maxLength": 1 })
}

fn width() -> Value {
    json!({ "description": "Values are rounded down to multiples of it.", "type": "number", "minimum": 0.000_001, "maximum": 1e15 })
}

fn mask(names: &[&str]) -> Value {
    let known = names.iter().map(|name| (*name, described(name)));
    let words: Vec<&str> = known.clone().filter(|(_, d)| d.as_ref().is_none_or(|(word, _)| *word)).map(|(name, _)| name).collect();
    let mut properties = Map::new();
    let mut one_of = vec![json!({ "required": ["mask", "write"] })];
    let mut further = false;
    for (name, described) in known {
        let argument = match described {
            Some((_, None)) => continue,
            Some((_, Some(argument))) => argument,
            None => {
                further = true;
                json!({})
            }
        };
        properties.insert(name.to_owned(), argument);
        one_of.push(json!({ "required": [name] }));
    }
    properties.insert("mask".to_owned(), json!({ "description": "A mask that is a word, where write stands beside it.", "enum": words }));
    properties.insert(
        "otherwise".to_owned(),
        json!({
            "description": "What the class looks like in statements that use it as a pseudonym cannot be.",
            "const": "redact",
        }),
    );
    properties.insert("write".to_owned(), json!({ "description": "The role may write columns of the class.", "type": "boolean" }));
    let mut call = json!({ "type": "object", "properties": properties, "oneOf": one_of });
    if let (Value::Object(call), false) = (&mut call, further) {
        call.insert("additionalProperties".to_owned(), json!(false));
    }
    json!({ "description": "What a value looks like.", "anyOf": [{ "enum": words }, call] })
}

fn json_mask() -> Value {
    let argument = |name: &str| described(name).and_then(|(_, argument)| argument).unwrap_or_else(|| json!({}));
    let keys = ["redact", "keep", "bucket", "json"];
    let properties: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), argument(key))).collect();
    json!({
        "description": "What the value under a key looks like.",
        "anyOf": [
            { "type": "string" },
            { "type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1 },
        ],
    })
}

fn test(masks: &[&str]) -> Value {
    let looks: Vec<&str> = masks.iter().copied().chain(tests_in_file::WORDS).collect();
    let cell = json!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, { "type": "object", "maxProperties": 0 }] });
    let key = |key: &str| match key {
        "name" => json!({ "description": "What it shows, in words.", "type": "string" }),
        "role" => json!({ "description": "Who asks.", "type": "string" }),
        "sql" => json!({ "description": "What is asked.", "type": "string" }),
        "expect" => json!({
            "description": "What must come of it.",
            "anyOf": [
                { "enum": ["refused", "answered"] },
                {
                    "type": "object",
                    "properties": {
                        "refused": { "description": "The id of the refusal, as docs/refusals.md lists them.", "type": "string" },
                        "columns": { "description": "By result column, its mask.", "type": "object", "additionalProperties": { "enum": looks } },
                        "rows": {
                            "description": "All rows in order; {} stands for NULL.",
                            "type": "array",
                            "items": { "type": "array", "items": cell },
                        },
                    },
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ],
        }),
        _ => json!({}),
    };
    json!({
        "type": "object",
        "required": ["role", "sql", "expect"],
        "properties": Value::Object(tests_in_file::KEYS.iter().map(|k| ((*k).to_owned(), key(k))).collect()),
        "additionalProperties": false,
    })
}
