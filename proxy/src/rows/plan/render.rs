//! A plan's shape as text: laid out as Postgres does in each format.

use pgveil_policy::PlanFormat;

/// A piece of a plan.
pub(super) enum Doc {
    /// A string.
    Text(String),
    /// A number or a truth value, as it is written.
    Bare(String),
    /// Keys and values.
    Group(Vec<(&'static str, Doc)>),
    /// Elements; the name of each in XML.
    List(&'static str, Vec<Doc>),
}

/// `doc`: the list of the statements' groups.
pub(super) fn render(doc: &Doc, format: PlanFormat) -> String {
    let mut out = String::new();
    match format {
        PlanFormat::Json => json(&mut out, doc, 0),
        PlanFormat::Xml => {
            out.push_str("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n");
            if let Doc::List(_, statements) = doc {
                statements.iter().for_each(|statement| xml(&mut out, "Query", statement, 1));
            }
            out.push_str("</explain>");
        }
        PlanFormat::Yaml => {
            if let Doc::List(_, statements) = doc {
                yaml_items(&mut out, statements, 0);
            }
            // The value does not end in a line end.
            out.truncate(out.trim_end_matches('\n').len());
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn json(out: &mut String, doc: &Doc, depth: usize) {
    let inner = depth.saturating_add(1);
    match doc {
        Doc::Text(text) => quoted(out, text),
        Doc::Bare(text) => out.push_str(text),
        Doc::Group(fields) => {
            out.push('{');
            for (n, (key, value)) in fields.iter().enumerate() {
                out.push_str(if n == 0 { "\n" } else { ",\n" });
                indent(out, inner);
                quoted(out, key);
                out.push_str(": ");
                json(out, value, inner);
            }
            out.push('\n');
            indent(out, depth);
            out.push('}');
        }
        Doc::List(_, items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n == 0 { "\n" } else { ",\n" });
                indent(out, inner);
                json(out, item, inner);
            }
            out.push('\n');
            indent(out, depth);
            out.push(']');
        }
    }
}

/// As a JSON string, which is a YAML one too.
fn quoted(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn xml(out: &mut String, name: &str, doc: &Doc, depth: usize) {
    let name = name.replace(' ', "-");
    let inner = depth.saturating_add(1);
    indent(out, depth);
    match doc {
        Doc::Text(text) | Doc::Bare(text) => {
            out.push_str(&format!("<{name}>{}</{name}>\n", escaped(text)));
            return;
        }
        Doc::Group(fields) => {
            out.push_str(&format!("<{name}>\n"));
            fields.iter().for_each(|(key, value)| xml(out, key, value, inner));
        }
        Doc::List(element, items) => {
            out.push_str(&format!("<{name}>\n"));
            items.iter().for_each(|item| xml(out, element, item, inner));
        }
    }
    indent(out, depth);
    out.push_str(&format!("</{name}>\n"));
}

/// As `escape_xml`.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#x0d;")
}

fn yaml_items(out: &mut String, items: &[Doc], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Doc::Group(fields) => yaml_fields(out, fields, depth.saturating_add(1), true),
            Doc::Text(text) => {
                quoted(out, text);
                out.push('\n');
            }
            Doc::Bare(text) => out.push_str(&format!("{text}\n")),
            Doc::List(_, items) => yaml_items(out, items, depth.saturating_add(1)),
        }
    }
}

/// `begun`: the first stands on the line of its dash.
fn yaml_fields(out: &mut String, fields: &[(&'static str, Doc)], depth: usize, begun: bool) {
    for (n, (key, value)) in fields.iter().enumerate() {
        if n > 0 || !begun {
            indent(out, depth);
        }
        out.push_str(key);
        out.push_str(": ");
        match value {
            Doc::Text(text) => {
                quoted(out, text);
                out.push('\n');
            }
            Doc::Bare(text) => out.push_str(&format!("{text}\n")),
            Doc::Group(fields) => {
                out.push('\n');
                yaml_fields(out, fields, depth.saturating_add(1), false);
            }
            Doc::List(_, items) => {
                out.push('\n');
                yaml_items(out, items, depth.saturating_add(1));
            }
        }
    }
}
