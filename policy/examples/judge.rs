//! Judges the statements on standard input (one a line) against a live database through psql. For development.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::*;
use std::io::Read;
use std::process::Command;
use std::sync::Arc;

fn psql(args: &[&str], sql: &str) -> (String, String) {
    let o = Command::new("psql")
        .args(["-h", "/tmp", "-p", "5999", "-U", "postgres", "-X", "-d", "shop"])
        .args(args)
        .arg("-c")
        .arg(sql)
        .output()
        .unwrap();
    (String::from_utf8_lossy(&o.stdout).into(), String::from_utf8_lossy(&o.stderr).into())
}

fn main() {
    let mut a = std::env::args().skip(1);
    let policy_file = a.next().unwrap();
    let role = a.next().unwrap();
    let run = a.next().is_some();
    let text = std::fs::read_to_string(&policy_file).unwrap();
    let policy = Policy::parse("policy.toml", &text).unwrap_or_else(|e| panic!("{e:#?}"));
    let mut b = Builder::new();
    for (name, sql) in QUERIES {
        let (out, err) = psql(
            &["-q", "-A", "-t", "-F", "\u{1}", "-R", "\u{2}", "-P", "null=\u{3}"],
            &format!("set client_min_messages=error; set search_path=''; {sql}"),
        );
        assert!(err.is_empty(), "{name} {err}");
        let rows: Vec<Vec<Option<String>>> = out
            .trim_end_matches('\n')
            .split('\u{2}')
            .filter(|r| !r.is_empty())
            .map(|r| r.split('\u{1}').map(|c| (c != "\u{3}").then(|| c.to_owned())).collect())
            .collect();
        let rows =
            if sql.trim_start().to_ascii_uppercase().starts_with("SELECT") || sql.trim_start().to_ascii_uppercase().starts_with("WITH") {
                rows
            } else {
                vec![]
            };
        b.rows(name, rows).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    let catalog = b.finish().unwrap();
    let engine = Engine::new(&policy, Arc::new(catalog), "k7Jq2vXz81LmNpQr4TyU").unwrap_or_else(|e| panic!("{e:#?}"));
    let who = Subject { role, search_path: vec!["pg_catalog".to_owned(), "shop".into(), "public".into()].into() };
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    for line in input.lines().filter(|l| !l.trim().is_empty()) {
        let sql: String = if line.starts_with('{') {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["sql"].as_str().unwrap().to_owned()
        } else {
            line.to_owned()
        };
        println!("-- {}", sql.replace('\n', " "));
        match engine.judge(&who, &sql) {
            Err(r) => println!("   REFUSED {} [{}] {:?} pos {:?} {:?}", r.message, r.id, r.detail, r.position, r.hint),
            Ok(p) => {
                for s in &p.statements {
                    let t = s.text.render("KEY");
                    println!("   {t}");
                    for o in s.outputs.iter() {
                        if !matches!(o.mask, Mask::Clear) {
                            println!("     {} {:?}", o.name, o.mask);
                        }
                    }
                    if run {
                        let (o, e) = psql(
                            &["-q"],
                            &format!("set search_path=shop,public; {}", if t.starts_with("EXPLAIN") { t.clone() } else { format!("{t}") }),
                        );
                        println!("{}{}", o.lines().take(6).collect::<Vec<_>>().join("\n"), e);
                    }
                }
            }
        }
    }
}
