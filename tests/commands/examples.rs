//! The example policies of docs/policies, the schema for editors, and policies that are none.

use std::fs;
use std::path::{Path, PathBuf};

use pgveil_policy::policy::PolicyTest;
use pgveil_policy::report::diff::diff;
use pgveil_policy::{Engine, Policy};
use pgveil_tests::rng::Rng;
use pgveil_tests::stage::MARKER;
use pgveil_tests::world::World;
use serde_json::{Value, json};

use super::{PASSWORD, database, folder, pgveil, url};

const EXAMPLES: [&str; 5] = ["shop", "health", "hr", "saas", "gdpr"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn example_policies_load_and_their_tests_pass() {
    for name in EXAMPLES {
        let database = World::get().database(&fs::read_to_string(folder().join(format!("policies/{name}.sql"))).unwrap());
        let policy = root().join(format!("docs/policies/{name}.toml"));
        let run = pgveil(&["check", "--policy", policy.to_str().unwrap(), "--database-url", &url(&database), "--json"], &PASSWORD, "");
        let document: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{name}: {e}\n{}{}", run.out, run.err));
        assert_eq!((run.code, &document["errors"], &document["warnings"]), (0, &json!(0), &json!(0)), "{name}: {document:#}");
        let tests = document["tests"].as_array().unwrap();
        assert!(tests.len() >= 3 && tests.iter().all(|t| t["passed"] == true), "{name}: {document:#}");
    }
}

#[test]
fn every_finding_is_documented() {
    let page = fs::read_to_string(root().join("docs/commands.md")).unwrap();
    for (id, meaning) in pgveil_policy::report::finding::IDS {
        assert!(
            page.lines().any(|line| line.starts_with(&format!("| `{id}` |")) && line.ends_with(&format!("| {meaning} |"))),
            "{id}: {meaning}"
        );
    }
}

/// All policies that are kept in files here, and load.
fn policies() -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = EXAMPLES.iter().map(|name| root().join(format!("docs/policies/{name}.toml"))).collect();
    files.extend(["good", "loose", "new", "misfit"].map(|name| folder().join(format!("{name}.toml"))));
    files.extend(
        ["policy.toml", "corpora/policy.toml", "dump/policy.toml", "tpch/policy.toml", "clients/python/policy.toml"]
            .map(|f| root().join("tests").join(f)),
    );
    files.extend(["policy/tests/example.toml", "proxy/src/demo/policy.toml"].map(|f| root().join(f)));
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())))).collect()
}

#[test]
fn the_schema_takes_every_policy() {
    let schema = schema();
    for (file, text) in policies() {
        Policy::parse("p", &text).unwrap_or_else(|e| panic!("{}: {e:?}", file.display()));
        let faults = validate(&schema, &schema, &as_json(&text).unwrap(), "");
        assert_eq!(faults, [] as [String; 0], "{}", file.display());
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let schema = schema();
    let base = |role: &str| format!("version = 1\n[class.c]\ncolumns = [\"a.b.c\"]\n[role.r]\n{role}\n");
    let mask = |mask: &str| base(&format!("[role.r.mask]\nc = {mask}"));
    let wrong = [
        "unclassified = \"clear\"".to_owned(),
        "version = 2".to_owned(),
        "version = 1\nclas = 1".to_owned(),
        "version = 1\nunclassified = \"hidden\"".to_owned(),
        "version = 1\n[class.c]".to_owned(),
        "version = 1\n[class.c]\ncolumns = \"a.b.c\"".to_owned(),
        "version = 1\n[class.c]\ncolumns = [\"a.b\"]".to_owned(),
        "version = 1\n[class.c]\ncolumns = [\"a.b. c\"]".to_owned(),
        "version = 1\n[class.c]\ncolumns = ['a.b.c\"d\"']".to_owned(),
        "version = 1\n[class.c]\ncolumns = [\"a.b.c\"]\nmask = \"null\"".to_owned(),
        base("default = \"null\""),
        base("read_only = \"yes\""),
        base("reads_only = true"),
        base("writable_schemas = [\"a.b\"]"),
        base("functions = [\"f\"]"),
        base("channels = [\"a.b\"]"),
        base("[role.r.rows]\n\"a\" = \"true\""),
        base("[role.r.rows]\n\"a.b\" = true"),
        mask("\"hush\""),
        mask("\"keep\""),
        mask("{ keep = 2 }"),
        mask("{ keep = { first = -1 } }"),
        mask("{ keep = { fill = \"**\" } }"),
        mask("{ keep = { frist = 1 } }"),
        mask("{ truncate = \"yaer\" }"),
        mask("{ bucket = 0 }"),
        mask("{ bucket = \"10\" }"),
        mask("{ network = 32 }"),
        mask("{ network = { v4 = 24, v5 = 1 } }"),
        mask("{ hash = { length = 8 } }"),
        mask("{ hash = { prefix = \"ü\" } }"),
        mask("{ token = { bucket = 8 } }"),
        mask("{ json = {} }"),
        mask("{ null = true }"),
        mask("{ bucket = 10, truncate = \"year\" }"),
        mask("{ hash = { length = 16 }, otherwise = \"null\" }"),
        mask("{ mask = \"null\", write = \"yes\" }"),
        mask("{}"),
        base("[role.r.when]"),
        base("when.networks = []"),
        base("when.network = [\"::/0\"]"),
        base("when.applications = [\"\"]"),
        base("when.hours = { days = [\"monday\"] }"),
        base("when.hours = [{ from = \"8:00\" }]"),
        base("when.hours = []"),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\""),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\"\nexpect = \"fine\""),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\"\nexpect = { columns = { a = \"hush\" } }"),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\"\nexpect = { rows = [1] }"),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\"\nexpect = { rows = [[[1]]] }"),
        base("[[test]]\nrole = \"r\"\nsql = \"SELECT 1\"\nexpect = \"refused\"\nmore = 1"),
        base("[[test]]\nrole = \"r\"\nuser = \"\"\nsql = \"SELECT 1\"\nexpect = \"refused\""),
        base("[[test]]\nrole = \"r\"\nuser = 1\nsql = \"SELECT 1\"\nexpect = \"refused\""),
        base("[[test]]\nrole = \"r\"\nattributes = 1\nsql = \"SELECT 1\"\nexpect = \"refused\""),
        base("[[test]]\nrole = \"r\"\nattributes = { \"a b\" = 1 }\nsql = \"SELECT 1\"\nexpect = \"refused\""),
        base("[[test]]\nrole = \"r\"\nattributes = { a = 1.5 }\nsql = \"SELECT 1\"\nexpect = \"refused\""),
        base("[[test]]\nrole = \"r\"\nattributes = { a = [[1]] }\nsql = \"SELECT 1\"\nexpect = \"refused\""),
    ];
    for text in &wrong {
        assert!(Policy::parse("p", text).is_err(), "the reader takes it:\n{text}");
        assert_ne!(validate(&schema, &schema, &as_json(text).unwrap(), ""), [] as [String; 0], "the schema takes it:\n{text}");
    }
    // Whatever the schema refuses, the reader does: keys that are misspelled in policies that load.
    let mut rng = Rng::new(7);
    let (mut tried, mut refused) = (0, 0);
    for (_, text) in policies() {
        for _ in 0..60 {
            let changed = edited(&text, &mut rng);
            let Some(value) = as_json(&changed) else { continue };
            tried += 1;
            if !validate(&schema, &schema, &value, "").is_empty() {
                refused += 1;
                assert!(
                    Policy::parse("p", &changed).is_err(),
                    "the schema is stricter than the reader:\n{:?}\n{changed}",
                    validate(&schema, &schema, &value, "")
                );
            }
        }
    }
    println!("schema: {} wrong policies, {tried} edits that are TOML, of which {refused} are refused by both", wrong.len());
    assert!(refused > 20, "{refused} of {tried}");
}

#[test]
fn edits_of_a_policy_never_panic_and_every_fault_has_a_place() {
    let mut rng = Rng::new(20_26);
    let (mut loads, mut faults, mut engines) = (0, 0, 0);
    let catalog = std::sync::Arc::new(World::get().catalog(database()));
    for (_, text) in policies() {
        let before = Policy::parse("p.toml", &text).unwrap();
        for _ in 0..400 {
            let mut changed = text.clone();
            for _ in 0..=rng.below(4) {
                changed = edited(&changed, &mut rng);
            }
            match Policy::parse("p.toml", &changed) {
                Ok(policy) => {
                    loads += 1;
                    let _told = diff(&before, &policy, None).unwrap();
                    // What does not fit the database is said, too. They take longest.
                    if loads % 8 == 0 {
                        engines += 1;
                        let misfits = Engine::new(&policy, std::sync::Arc::clone(&catalog), MARKER).err().unwrap_or_default();
                        assert!(misfits.iter().all(|e| !e.message.is_empty() && e.help.is_some()), "{misfits:?}");
                    }
                }
                Err(errors) => {
                    assert!(!errors.is_empty());
                    for error in errors {
                        let shown = error.render(&changed);
                        assert!(shown.starts_with("error: ") && shown.contains("p.toml"), "{shown}");
                        assert!(error.line <= changed.matches('\n').count() + 1, "{shown}");
                        assert!(shown.contains(&error.message) && error.help.is_some_and(|h| !h.is_empty()), "{shown}");
                        faults += 1;
                    }
                }
            }
            let _ = PolicyTest::parse_file("t.toml", &changed, &["analyst"]);
        }
    }
    println!("edits of policies: {loads} still load, of which {engines} met a database; {faults} faults in the others");
    assert!(loads > 50 && faults > 500 && engines > 5, "{loads} {faults} {engines}");
}

/// The text with one change: a piece removed, doubled, moved, or put in from elsewhere.
fn edited(text: &str, rng: &mut Rng) -> String {
    let characters: Vec<char> = text.chars().collect();
    let place = |rng: &mut Rng| rng.below(characters.len().max(1));
    let (a, b) = (place(rng), place(rng));
    let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 1 + rng.below(30)));
    let piece: String = characters[from..to].iter().collect();
    let (before, after): (String, String) = (characters[..from].iter().collect(), characters[to..].iter().collect());
    const BITS: [&str; 36] = [
        "#",
        "*",
        "0",
        "nan",
        "mask",
        "hash",
        "fake",
        "sql",
        "keep",
        "otherwise",
        "{column}",
        "shop.customers.email",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\t",
        "\0",
        "ü",
        "\u{10ffff}",
        "-1",
        "99999999999999999999",
        "1e400",
        "true",
        "null",
        "\"\"\"",
        "[[test]]",
        "[role.x.mask]\n",
        "inf",
        "1979-05-27",
    ];
    match rng.below(5) {
        0 => format!("{before}{after}"),
        1 => format!("{before}{piece}{piece}{after}"),
        2 => format!("{before}{}{piece}{after}", BITS[rng.below(BITS.len())]),
        3 => format!("{before}{}{after}", BITS[rng.below(BITS.len())]),
        _ => format!("{before}{}{after}", piece.chars().rev().collect::<String>()),
    }
}

fn schema() -> Value {
    let run = pgveil(&["schema"], &[], "");
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// TOML as JSON; `None` for what is no TOML.
fn as_json(text: &str) -> Option<Value> {
    let document: toml_edit::DocumentMut = text.parse().ok()?;
    Some(table(document.as_table()))
}

fn table(table: &dyn toml_edit::TableLike) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), item_as_json(item))).collect())
}

fn item_as_json(item: &toml_edit::Item) -> Value {
    match item {
        toml_edit::Item::None => Value::Null,
        toml_edit::Item::Value(value) => value_as_json(value),
        toml_edit::Item::Table(inner) => table(inner),
        toml_edit::Item::ArrayOfTables(tables) => tables.iter().map(|t| table(t)).collect(),
    }
}

fn value_as_json(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as V;
    match value {
        V::String(text) => json!(text.value()),
        V::Integer(number) => json!(number.value()),
        V::Float(number) => json!(number.value()),
        V::Boolean(truth) => json!(truth.value()),
        V::Datetime(time) => json!(time.value().to_string()),
        V::Array(values) => values.iter().map(value_as_json).collect(),
        V::InlineTable(inner) => table(inner),
    }
}

/// Where a value is not as a schema says: the keywords that ours uses, and no other (JSON Schema 2020-12, Validation).
fn validate(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(schema) = schema.as_object() else { return faults };
    for (keyword, wanted) in schema {
        let mut say = |holds: bool| {
            if !holds {
                faults.push(format!("{at}: {keyword} {wanted}, not {value}"));
            }
        };
        let (text, number) = (value.as_str(), value.as_f64());
        let length = text.map(|t| t.chars().count() as u64);
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => {}
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                faults.extend(validate(root, root.pointer(pointer).expect("a definition"), value, at));
            }
            "type" => {
                let is = |name: &str| match name {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("type {other}"),
                };
                say(wanted.as_str().map_or_else(|| wanted.as_array().unwrap().iter().any(|t| is(t.as_str().unwrap())), is));
            }
            "const" => say(value == wanted),
            "enum" => say(wanted.as_array().unwrap().contains(value)),
            "minimum" => say(number.is_none_or(|n| n >= wanted.as_f64().unwrap())),
            "maximum" => say(number.is_none_or(|n| n <= wanted.as_f64().unwrap())),
            "minLength" => say(length.is_none_or(|l| l >= wanted.as_u64().unwrap())),
            "maxLength" => say(length.is_none_or(|l| l <= wanted.as_u64().unwrap())),
            "pattern" => say(text.is_none_or(|t| regex_lite::Regex::new(wanted.as_str().unwrap()).unwrap().is_match(t))),
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                say(items.iter().enumerate().all(|(n, item)| !items[..n].contains(item)));
            }
            "minItems" => say(value.as_array().is_none_or(|a| a.len() as u64 >= wanted.as_u64().unwrap())),
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    faults.extend(validate(root, wanted, item, &format!("{at}/{n}")));
                }
            }
            "required" => {
                say(value.as_object().is_none_or(|o| wanted.as_array().unwrap().iter().all(|k| o.contains_key(k.as_str().unwrap()))))
            }
            "minProperties" => say(value.as_object().is_none_or(|o| o.len() as u64 >= wanted.as_u64().unwrap())),
            "maxProperties" => say(value.as_object().is_none_or(|o| o.len() as u64 <= wanted.as_u64().unwrap())),
            "propertyNames" => {
                for key in value.as_object().into_iter().flat_map(|o| o.keys()) {
                    faults.extend(validate(root, wanted, &json!(key), &format!("{at}/{key}")));
                }
            }
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = wanted.get(key) {
                        faults.extend(validate(root, schema, inner, &format!("{at}/{key}")));
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, inner) in value.as_object().into_iter().flatten().filter(|(key, _)| known.is_none_or(|k| !k.contains_key(*key))) {
                    match wanted {
                        Value::Bool(false) => faults.push(format!("{at}/{key}: unknown")),
                        schema => faults.extend(validate(root, schema, inner, &format!("{at}/{key}"))),
                    }
                }
            }
            "anyOf" | "oneOf" => {
                let fit = wanted.as_array().unwrap().iter().filter(|s| validate(root, s, value, at).is_empty()).count();
                say(if keyword == "anyOf" { fit > 0 } else { fit == 1 });
            }
            other => panic!("the test does not know the keyword {other}"),
        }
    }
    faults
}
