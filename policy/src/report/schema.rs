//! The JSON Schema (draft 2020-12) of a policy file, for editors. TOML's tables, strings and numbers are JSON's there.
//!
//! Which keys and masks there are comes from the reader's own lists ([`Policy::keys`]). One that is described here is described in full; of
//! one that is not, only the name is known.

use serde_json::{Map, Value, json};

use crate::mask::fake::{FakeKind, Locale};
use crate::mask::spec::Unit;
use crate::policy::conditions::hours::DAYS;
use crate::policy::{Limits, Policy, StatementKind, tests_in_file};

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

fn flag(what: &str) -> Value {
    json!({ "description": what, "type": "boolean", "default": false })
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
        "unclassified_new" => json!({
            "description": "What columns that no class names and the lock file does not have look like, where there is a lock file.",
            "enum": ["clear", "redact", "refuse"],
            "default": "redact",
        }),
        "class" => named("class", "What columns hold."),
        "role" => named("role", "What each class looks like to whom."),
        "exemption" => json!({
            "description": "What a user sees in a role as it is stored, for some time.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["user", "role", "classes", "until", "reason"],
                "properties": {
                    "user": { "description": "Who logs in.", "type": "string", "minLength": 1 },
                    "role": { "description": "In which role.", "type": "string", "minLength": 1 },
                    "classes": { "description": "What is shown as it is stored.", "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true },
                    "until": { "description": "Date, time and offset, not in quotes: 2026-12-31T12:00:00Z.", "type": "string", "format": "date-time" },
                    "reason": { "description": "Why: the audit log has it in each line of such a session.", "type": "string", "minLength": 1 },
                },
                "additionalProperties": false,
            },
        }),
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
            "properties": {
                "seconds": { "description": "Its longest time.", "type": "integer", "minimum": 1, "maximum": Limits::MOST_SECONDS },
                "rows": { "description": "The most rows that it gives.", "type": "integer", "minimum": 1, "maximum": Limits::MOST_GIVEN },
                "bytes": { "description": "The most bytes of row data that it gives.", "type": "integer", "minimum": 1, "maximum": Limits::MOST_GIVEN },
            },
            "additionalProperties": false,
        }),
        "expires" => json!({ "description": "From then on nobody has the role: a date (in UTC), or a date and time with an offset." }),
        "when" => conditions(),
        _ => json!({}),
    }
}

/// Conditions of a role.
fn conditions() -> Value {
    let list = |what: &str| json!({ "description": what, "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1, "uniqueItems": true });
    let time = |what: &str| json!({ "description": what, "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$|^24:00(:00)?$" });
    let hours = json!({
        "type": "object",
        "properties": {
            "days": {
                "description": "On which they begin; all, where it is not said.",
                "type": "array",
                "items": { "enum": DAYS },
                "minItems": 1,
                "uniqueItems": true,
            },
            "from": time("From then on; 00:00, where it is not said."),
            "to": time("Until then, on the day after where it is earlier than from; 24:00, where it is not said."),
            "zone": { "description": "By whose clock: Europe/Berlin, +02:00; UTC, where it is not said.", "type": "string", "minLength": 1 },
        },
        "minProperties": 1,
        "additionalProperties": false,
    });
    json!({
        "description": "When the role may be used: all that are said must hold.",
        "type": "object",
        "properties": {
            "networks": list("Where connections come from: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7."),
            "hours": { "description": "Hours of the week, or several.", "anyOf": [hours, { "type": "array", "items": hours, "minItems": 1 }] },
            "applications": list("What clients call themselves (application_name); * stands for any characters. No boundary."),
        },
        "minProperties": 1,
        "additionalProperties": false,
    })
}

/// Whether a mask may be a word, and its argument where it takes one. `None`: it is not described here.
fn described(name: &str) -> Option<(bool, Option<Value>)> {
    let whole = |low: i64, high: i64| json!({ "type": "integer", "minimum": low, "maximum": high });
    let prefix = || json!({ "description": "What pseudonyms begin with.", "type": "string", "pattern": "^[!-~]{0,32}$" });
    Some(match name {
        "clear" | "null" | "refuse" => (true, None),
        "redact" => {
            let constant = json!({
                "description": "What stands in place of the value: a text, a number, a date or time, true or false.",
                "type": ["string", "number", "boolean"],
                "maxLength": 200,
            });
            (true, Some(constant))
        }
        "keep" => {
            let separators = flag("-, ., /, @ and blanks stay where they are.");
            let keys = json!({ "first": whole(0, 1000), "last": whole(0, 1000), "fill": character(), "separators": separators });
            (false, Some(table(keys)))
        }
        "truncate" => (false, Some(json!({ "enum": Unit::ALL.map(Unit::name) }))),
        "bucket" => (false, Some(width())),
        "network" => {
            let both = table(json!({ "v4": whole(0, 31), "v6": whole(0, 127) }));
            (false, Some(json!({ "anyOf": [whole(0, 31), both] })))
        }
        "hash" | "email" => (true, Some(table(json!({ "length": whole(16, 64), "prefix": prefix() })))),
        "fake" => {
            let kind = json!({ "description": "What a fake is one of.", "enum": FakeKind::ALL.map(FakeKind::name) });
            let locale = json!({ "description": "Where it could be from.", "enum": Locale::ALL.map(Locale::name), "default": "en" });
            let both = requiring("kind", json!({ "kind": kind.clone(), "locale": locale }));
            (false, Some(json!({ "anyOf": [kind, both] })))
        }
        "token" => {
            let digits = flag("What is made of digits becomes as many other digits.");
            (true, Some(table(json!({ "bucket": whole(16, 1024), "prefix": prefix(), "digits": digits }))))
        }
        "sql" => {
            let what = "An expression; {column} stands for the value.";
            (false, Some(json!({ "description": what, "type": "string", "minLength": 1 })))
        }
        "shift" => {
            let names = || json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 });
            let columns = json!({ "anyOf": [{ "type": "string", "minLength": 1 }, names()] });
            let by = json!({
                "description": "The column that says whose date it is; or by schema.table, that of each.",
                "anyOf": [
                    columns,
                    { "type": "object", "propertyNames": { "pattern": pattern(2) }, "additionalProperties": columns, "minProperties": 1 },
                ],
            });
            let days = json!({ "description": "Dates move by up to as many days.", "type": "integer", "minimum": 7, "maximum": 36_500, "default": 365 });
            (false, Some(requiring("by", json!({ "by": by, "days": days }))))
        }
        "noise" => {
            let fraction = json!({ "description": "A part of the value.", "type": "number", "minimum": 0.001, "maximum": 0.9 });
            let amount = json!({ "description": "Numbers move by up to that.", "type": "number", "minimum": 0.000_001, "maximum": 1e15 });
            let mut noise = table(json!({ "amount": amount, "fraction": fraction }));
            if let Value::Object(noise) = &mut noise {
                noise.insert("minProperties".to_owned(), json!(1));
                noise.insert("maxProperties".to_owned(), json!(1));
            }
            (false, Some(noise))
        }
        "fields" => (
            false,
            Some(json!({
                "description": "A mask for each field of a composite type; those that are not named are redacted, * stands for these.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "$ref": "#/$defs/mask" },
            })),
        ),
        "when" => {
            (false, Some(json!({ "description": "A condition over the columns of the same row.", "type": "string", "minLength": 1 })))
        }
        "json" => (
            false,
            Some(json!({
                "description": "A mask for each key; * stands for every key that is not named, and for every element of an array. Others stay.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "$ref": "#/$defs/json_mask" },
            })),
        ),
        _ => return None,
    })
}

fn requiring(key: &str, properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "required": [key], "additionalProperties": false })
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
    let branch = |what: &str| json!({ "description": what, "$ref": "#/$defs/mask" });
    properties.insert("then".to_owned(), branch("The mask where the condition of when is true."));
    properties.insert("else".to_owned(), branch("The mask where it is false or NULL; redact where it is not said."));
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
    let attribute = json!({ "type": ["string", "integer", "boolean"] });
    let key = |key: &str| match key {
        "name" => json!({ "description": "What it shows, in words.", "type": "string" }),
        "role" => json!({ "description": "Who asks.", "type": "string" }),
        "user" => json!({ "description": "What {user} in row filters stands for.", "type": "string", "minLength": 1 }),
        "attributes" => json!({
            "description": "What {attr.NAME} in row filters stand for, as in the users file.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": { "anyOf": [attribute, { "type": "array", "items": attribute }] },
        }),
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
