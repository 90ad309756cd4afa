//! What is known of a user beside the name: texts, numbers, truths, and lists of them, that row filters ask for as `{attr.NAME}`.

use std::collections::BTreeMap;

use serde_json::Value;
use toml_edit::{Item, Value as Toml};

use super::user::{is_attribute, list};

/// By name, as texts; a list as PostgreSQL writes an array.
pub type Attributes = BTreeMap<String, String>;

/// Those of the users file, or of a test. The error: which one is wrong (`.NAME`; nothing where all are), and how.
///
/// # Errors
/// It is no table, or one of them is none.
pub fn of_toml(item: &Item) -> Result<Attributes, (String, &'static str)> {
    let Some(table) = item.as_table_like() else { return Err((String::new(), "is no table")) };
    let one = |value: &Toml| match value {
        Toml::String(text) => Some(text.value().clone()),
        Toml::Integer(number) => Some(number.value().to_string()),
        Toml::Boolean(is) => Some(is.value().to_string()),
        Toml::Float(_) | Toml::Datetime(_) | Toml::Array(_) | Toml::InlineTable(_) => None,
    };
    let mut found = Attributes::new();
    for (name, item) in table.iter() {
        let wrong = |why| (format!(".{name}"), why);
        let value = match item.as_value() {
            Some(Toml::Array(values)) => values.iter().map(one).collect::<Option<Vec<_>>>().map(|all| written(&all)),
            Some(value) => one(value),
            None => None,
        };
        let value = value.ok_or_else(|| wrong("is no text, whole number, truth or list of such"))?;
        found.insert(name.to_owned(), fit(name, value).map_err(wrong)?);
    }
    Ok(found)
}

/// Those of a JSON object; `None` where it is none, or one of them is wrong.
pub fn of_json(text: &[u8]) -> Option<Attributes> {
    let Ok(Value::Object(values)) = serde_json::from_slice(text) else { return None };
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let mut found = Attributes::new();
    for (name, value) in &values {
        let value = match value {
            // As if it were not there: a statement that needs it is refused.
            Value::Null => continue,
            Value::Array(values) => written(&values.iter().map(one).collect::<Option<Vec<_>>>()?),
            value => one(value)?,
        };
        found.insert(name.clone(), fit(name, value).ok()?);
    }
    Some(found)
}

fn written(values: &[String]) -> String {
    list(values.iter().map(String::as_str))
}

/// The value, where both can be an attribute's.
///
/// # Errors
/// What is wrong with them, in words.
pub fn fit(name: &str, value: String) -> Result<String, &'static str> {
    if !is_attribute(name) {
        return Err("is no name of an attribute: letters, digits and _, no digit first");
    }
    if value.contains('\0') {
        return Err("holds U+0000, which no text of PostgreSQL does");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_give_the_same() {
        let toml: toml_edit::DocumentMut =
            r#"a = { region = "eu's", tenant = 7, boss = true, teams = ["x", "y\"z"], none = [] }"#.parse().unwrap();
        let json = r#"{"region": "eu's", "tenant": 7, "boss": true, "teams": ["x", "y\"z"], "none": [], "gone": null}"#;
        let found = of_toml(&toml["a"]).unwrap();
        assert_eq!(Some(&found), of_json(json.as_bytes()).as_ref());
        let shown: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["boss=true", "none={}", "region=eu's", r#"teams={"x","y\"z"}"#, "tenant=7"]);
    }

    #[test]
    fn what_is_none_is_an_error() {
        for (text, key) in [
            ("a = 1", ""),
            ("a = { x = 1.5 }", ".x"),
            ("a = { x = { y = 1 } }", ".x"),
            ("a = { x = [[1]] }", ".x"),
            ("a = { x = \"\\u0000\" }", ".x"),
            ("a = { 'x y' = 1 }", ".x y"),
        ] {
            let toml: toml_edit::DocumentMut = text.parse().unwrap();
            assert_eq!(of_toml(&toml["a"]).unwrap_err().0, key, "{text}");
        }
        for text in ["[]", "{", r#"{"x": {}}"#, r#"{"x": [[1]]}"#, r#"{"x": "\u0000"}"#, r#"{"x y": 1}"#, "\u{1}{}"] {
            assert_eq!(of_json(text.as_bytes()), None, "{text}");
        }
    }
}
