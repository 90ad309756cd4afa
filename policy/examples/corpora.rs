//! Prints, per file of statements (JSON lines with `sql`), how many are read and why the others are not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
use pgveil_policy::read::{self, Body};
use std::collections::BTreeMap;
fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut count: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let sql = value["sql"].as_str().unwrap();
            let keys: Vec<String> = match read::read(sql) {
                Ok(list) if list.is_empty() => vec!["empty".into()],
                Ok(list) => list
                    .into_iter()
                    .map(|s| match s.body {
                        Body::Query(r) => match r.print(&r.ast) {
                            Ok(_) => "query".into(),
                            Err(e) => format!("PRINT {} {}", e.id, e.message),
                        },
                        Body::Explain { .. } => "explain".to_string(),
                        Body::Control(c) => format!("control {:?}", c.kind),
                        Body::Other { what } => format!("other {what}"),
                    })
                    .collect(),
                Err(e) => vec![format!("REFUSED {} {} | {}", e.id, e.message, e.detail.unwrap_or_default())],
            };
            for k in keys {
                let e = count.entry(k).or_insert((0, sql.chars().take(3000).collect()));
                e.0 += 1;
            }
        }
        println!("{path}");
        for (k, (n, sql)) in count {
            println!("  {n:4} {k}");
            if k.starts_with("REFUSED") || k.starts_with("PRINT") {
                println!("       {}", sql.replace('\n', " "));
            }
        }
    }
}
