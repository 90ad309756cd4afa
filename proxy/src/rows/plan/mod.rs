//! EXPLAIN in JSON, XML and YAML, reduced to the plan's shape.
//!
//! The server is asked for JSON whatever the client wants: a tree in which every text has an end that nothing in it can forge. What is
//! not named here is left out: conditions, sort keys, outputs, estimates, counts, buffers, memory and the times of nodes.

mod render;

use pgveil_policy::PlanFormat;
use serde_json::{Map, Value};

use super::RowFault;
use crate::scrub::OWN_NAMES;
use crate::wire::cursor::Cursor;
use crate::wire::frame;
use render::Doc;

/// Appends the DataRow of a plan in JSON, reduced, in that format: a value of json, xml or text looks the same in text and binary.
///
/// # Errors
/// [`RowFault`] where the row is not one column of JSON.
pub fn put_plan(out: &mut Vec<u8>, body: &[u8], format: PlanFormat) -> Result<(), RowFault> {
    let mut c = Cursor::new(body);
    match c.u16().map(usize::from).ok_or(RowFault::Malformed)? {
        1 => {}
        found => return Err(RowFault::Columns { judged: 1, found }),
    }
    let value = c.value().and_then(|v| c.end(v)).flatten().ok_or(RowFault::Malformed)?;
    let text = render::render(&shape(value).ok_or(RowFault::Malformed)?, format);
    let length = u32::try_from(text.len()).map_err(|_| RowFault::Malformed)?;
    frame::put(out, b'D', |b| {
        b.extend_from_slice(&1_u16.to_be_bytes());
        b.extend_from_slice(&length.to_be_bytes());
        b.extend_from_slice(text.as_bytes());
    });
    Ok(())
}

/// What may be shown of a node, in Postgres' order (`src/backend/commands/explain.c`, `ExplainNode`).
const NODE: &[(&str, Kind)] = &[
    ("Node Type", Kind::Word),
    ("Strategy", Kind::Word),
    ("Partial Mode", Kind::Word),
    ("Operation", Kind::Word),
    ("Parent Relationship", Kind::Word),
    ("Subplan Name", Kind::Name),
    ("Parallel Aware", Kind::Truth),
    ("Async Capable", Kind::Truth),
    ("Scan Direction", Kind::Word),
    ("Index Name", Kind::Name),
    ("Relation Name", Kind::Name),
    ("Function Name", Kind::Name),
    ("Table Function Name", Kind::Name),
    ("CTE Name", Kind::Name),
    ("Tuplestore Name", Kind::Name),
    ("Schema", Kind::Name),
    ("Alias", Kind::Name),
    ("Join Type", Kind::Word),
    ("Command", Kind::Word),
    ("Inner Unique", Kind::Truth),
    ("Single Copy", Kind::Truth),
    ("Conflict Resolution", Kind::Word),
    ("Plans", Kind::Nodes),
];

/// What may be shown of a statement: how long it took is a declared exception of the promise.
const STATEMENT: &[(&str, Kind)] = &[("Plan", Kind::Node), ("Planning Time", Kind::Time), ("Execution Time", Kind::Time)];

/// What a value must be.
#[derive(Clone, Copy)]
enum Kind {
    /// Postgres' own words.
    Word,
    /// A name of the client's text or of the catalog: no constant stands in one.
    Name,
    Truth,
    Time,
    Node,
    Nodes,
}

/// `None` where it is no plan in JSON.
fn shape(json: &[u8]) -> Option<Doc> {
    let Ok(Value::Array(statements)) = serde_json::from_slice(json) else { return None };
    let statements = statements.iter().map(|s| Some(Doc::Group(shown(s.as_object()?, STATEMENT)))).collect::<Option<_>>()?;
    Some(Doc::List("Query", statements))
}

fn shown(of: &Map<String, Value>, keys: &[(&'static str, Kind)]) -> Vec<(&'static str, Doc)> {
    keys.iter().filter_map(|(key, kind)| Some((*key, value(of.get(*key)?, *kind)?))).collect()
}

fn value(value: &Value, kind: Kind) -> Option<Doc> {
    match kind {
        Kind::Word => {
            let word = value.as_str()?;
            word.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ').then(|| Doc::Text(word.to_owned()))
        }
        Kind::Name => value.as_str().map(|name| Doc::Text(name.to_owned())),
        Kind::Truth => value.as_bool().map(|truth| Doc::Bare(truth.to_string())),
        Kind::Time => value.as_f64().map(|time| Doc::Bare(format!("{time:.3}"))),
        Kind::Node => value.as_object().map(|node| Doc::Group(shown(node, NODE))),
        Kind::Nodes => {
            let nodes = value.as_array()?.iter().filter_map(Value::as_object).filter(|node| !is_own(node));
            Some(Doc::List("Plan", nodes.map(|node| Doc::Group(shown(node, NODE))).collect()))
        }
    }
}

/// What pgveil added to check the statement's names.
fn is_own(node: &Map<String, Value>) -> bool {
    let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
    text("Parent Relationship") == "InitPlan" && text("Alias").starts_with(OWN_NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"[{"Plan": {"Node Type": "Hash Join", "Parallel Aware": false, "Join Type": "Inner", "Hash Cond": "(KEY)",
        "Actual Rows": 3, "Output": ["KEY"], "Plans": [
          {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "a <b> \"c\"", "Alias": "x", "Filter": "(KEY)"},
          {"Node Type": "Index Scan", "Scan Direction": "Backward", "Index Name": "i", "Index Cond": "(KEY)", "Workers": [{"KEY": 1}]}]},
        "Settings": {"KEY": "KEY"}, "Planning Time": 0.1, "Triggers": [{"Trigger Name": "KEY", "Calls": 3}], "Execution Time": 12.3456}]"#;

    fn told(json: &str, format: PlanFormat) -> String {
        let mut body = vec![0, 1];
        body.extend_from_slice(&(json.len() as u32).to_be_bytes());
        body.extend_from_slice(json.as_bytes());
        let mut out = Vec::new();
        put_plan(&mut out, &body, format).unwrap();
        String::from_utf8(out.split_off(11)).unwrap()
    }

    #[test]
    fn json_as_postgres_writes_it() {
        let want = "[\n  {\n    \"Plan\": {\n      \"Node Type\": \"Hash Join\",\n      \"Parallel Aware\": false,\n      \"Join Type\": \"Inner\",\n      \
                    \"Plans\": [\n        {\n          \"Node Type\": \"Seq Scan\",\n          \"Parent Relationship\": \"Outer\",\n          \
                    \"Relation Name\": \"a <b> \\\"c\\\"\",\n          \"Alias\": \"x\"\n        },\n        {\n          \
                    \"Node Type\": \"Index Scan\",\n          \"Scan Direction\": \"Backward\",\n          \"Index Name\": \"i\"\n        }\n      ]\n    },\n    \
                    \"Planning Time\": 0.100,\n    \"Execution Time\": 12.346\n  }\n]";
        assert_eq!(told(PLAN, PlanFormat::Json), want);
    }

    #[test]
    fn xml_and_yaml_as_postgres_writes_them() {
        let small = r#"[{"Plan": {"Node Type": "Append", "Plans": [{"Node Type": "Result", "Alias": "<&>"}]}, "Planning Time": 1}]"#;
        assert_eq!(
            told(small, PlanFormat::Xml),
            "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n    <Plan>\n      <Node-Type>Append</Node-Type>\n      <Plans>\n        \
             <Plan>\n          <Node-Type>Result</Node-Type>\n          <Alias>&lt;&amp;&gt;</Alias>\n        </Plan>\n      </Plans>\n    </Plan>\n    \
             <Planning-Time>1.000</Planning-Time>\n  </Query>\n</explain>"
        );
        assert_eq!(
            told(small, PlanFormat::Yaml),
            "- Plan: \n    Node Type: \"Append\"\n    Plans: \n      - Node Type: \"Result\"\n        Alias: \"<&>\"\n  Planning Time: 1.000"
        );
    }

    #[test]
    fn nothing_else_is_shown() {
        for format in [PlanFormat::Json, PlanFormat::Xml, PlanFormat::Yaml] {
            let told = told(PLAN, format);
            assert!(!told.contains("KEY") && !told.contains("Rows"), "{told}");
        }
        // A word that is none of Postgres'.
        assert!(!told(r#"[{"Plan": {"Node Type": "Seq Scan'", "Strategy": 5}}]"#, PlanFormat::Json).contains("Scan"));
    }

    #[test]
    fn what_is_no_plan_is_a_fault() {
        let mut out = Vec::new();
        for body in [&b"\0\x01\0\0\0\x02{}"[..], b"\0\x01\0\0\0\x03[1]", b"\0\x02", b"\0\x01\xff\xff\xff\xff", b"\0\x01\0\0\0\x01["] {
            assert!(put_plan(&mut out, body, PlanFormat::Json).is_err(), "{body:?}");
        }
        assert!(out.is_empty());
    }
}
