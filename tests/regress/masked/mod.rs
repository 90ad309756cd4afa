//! The regression tests' statements, asked as roles with masks on tables that have nothing to do with them: what is answered must be what
//! Postgres answers, and how much is refused is counted.

mod known;
mod lockstep;
mod script;
mod tally;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lockstep::Three;
use pgveil::config::UpstreamConfig;
use tally::Tally;

use crate::beside::Side;
use crate::regression::{FILES, SETTINGS};
use crate::{alone, sources};

/// Two engineers: one may run code, one may not.
const POLICY: &str = r#"
version = 1
unclassified = "clear"
[class.secret]
columns = ["shop.secret.x"]
[role.admin]
default = "clear"
[role.trusted]
default = "clear"
trusted_code = true
[role.trusted.mask]
secret = "null"
[role.engineer]
default = "clear"
[role.engineer.mask]
secret = "null"
"#;
/// What other files stand on; run as they are, by pg_regress.
const GROUND: &[&str] =
    &["test_setup", "create_function_c", "create_misc", "create_operator", "create_procedure", "create_type", "create_index"];
/// Files that are asked where PGVEIL_REGRESS_FILES names no others (`all`: those of the schedule, which takes an hour or so in a debug build).
const FILES_ASKED: &[&str] = &[
    "boolean",
    "char",
    "text",
    "int4",
    "numeric",
    "uuid",
    "date",
    "timestamp",
    "strings",
    "select",
    "select_distinct",
    "select_having",
    "select_into",
    "subselect",
    "union",
    "case",
    "join",
    "aggregates",
    "arrays",
    "groupingsets",
    "window",
    "with",
    "json",
    "jsonb",
    "limit",
    "returning",
];
/// Files that are never asked: they are about psql's own commands, or wait for counters and other processes.
const LEFT_OUT: &[&str] = &["psql", "psql_crosstab", "stats", "vacuum_parallel", "maintain_every"];

/// Which files, in the order of the schedule.
fn files(regress: &Path) -> Vec<String> {
    let named = std::env::var("PGVEIL_REGRESS_FILES").unwrap_or_else(|_| FILES_ASKED.join(" "));
    let named: Vec<&str> = named.split([',', ' ']).collect();
    let schedule = fs::read_to_string(regress.join("parallel_schedule")).unwrap();
    let all = schedule.lines().filter_map(|line| line.strip_prefix("test:")).flat_map(str::split_whitespace);
    let asked = |name: &&str| named.contains(name) || named == ["all"] && !GROUND.contains(name) && !LEFT_OUT.contains(name);
    all.filter(asked).map(str::to_owned).collect()
}

fn run(role: &str) {
    let _alone = alone();
    let from = sources::tree().join("src/test/regress");
    let sides: Vec<Side> = std::thread::scope(|scope| {
        let ground = || {
            let side = Side::direct(SETTINGS);
            let folder = side.folder("regress", &from, FILES);
            let schedule = folder.join("ground");
            fs::write(&schedule, GROUND.iter().map(|test| format!("test: {test}\n")).collect::<String>()).unwrap();
            side.regress(&from.join("pg_regress"), &folder, &schedule, &["--dbname=regression"]);
            side.world().cluster().execute("regression", "CREATE SCHEMA shop; CREATE TABLE shop.secret AS SELECT 'x' AS x").unwrap();
            side
        };
        let started: Vec<_> = (0..3).map(|_| scope.spawn(ground)).collect();
        started.into_iter().map(|side| side.join().unwrap()).collect()
    });
    let proxy = sides[2].world().proxy_with(POLICY, &[(role, role)], |config| {
        let mut upstream = UpstreamConfig::clone(&config.upstream);
        upstream.accounts.insert(role.to_owned(), upstream.accounts["admin"].clone());
        config.upstream = upstream.into();
    });
    let three =
        Three { direct: [sides[0].world(), sides[1].world()], through: (sides[2].world(), &proxy), user: role, database: "regression" };
    let folder = sides[0].world().cluster().folder().join("regress");
    let folder = folder.to_str().unwrap();
    let variables = [("PG_ABS_SRCDIR", folder), ("PG_ABS_BUILDDIR", folder), ("PG_LIBDIR", folder), ("PG_DLSUFFIX", ".so")];
    let mut all = Tally::default();
    let (mut faults, mut met) = (String::new(), BTreeSet::new());
    println!("as {role}: file, statements, same, same error, other error, withheld, open, refused, faults");
    for file in files(&from) {
        let Ok(text) = fs::read(from.join(format!("sql/{file}.sql"))) else { continue };
        let tally = three.run(&String::from_utf8_lossy(&text), &variables);
        println!(
            "{file:28} {:5} {:5} {:5} {:4} {:5} {:4} {:5} {:4}",
            tally.statements(),
            tally.same,
            tally.errors,
            tally.other_errors,
            tally.withheld,
            tally.open,
            tally.refusals(),
            tally.faults.len()
        );
        for (sql, how) in &tally.faults {
            let known = known::KNOWN.iter().position(|(of, start, _)| *of == file && one_line(sql).starts_with(start));
            match known {
                Some(n) => drop(met.insert(n)),
                None => {
                    println!("    FAULT {}\n  {how}", one_line(sql));
                    writeln!(faults, "{file}: {sql}\n  {how}").unwrap();
                }
            }
        }
        for (n, (_, start, reason)) in
            known::KNOWN.iter().enumerate().filter(|(n, (of, ..))| role == "trusted" && *of == file && !met.contains(n))
        {
            writeln!(faults, "{file}: no known difference any more (number {n}, {reason}): {start}").unwrap();
        }
        all.append(tally);
    }
    let percent = |n: usize| 100.0 * n as f64 / all.statements().max(1) as f64;
    println!(
        "in all {} statements: {:.1} % answered alike, {:.1} % the same error, {:.1} % another error, {:.1} % withheld, {:.1} % open, {:.1} % refused",
        all.statements(),
        percent(all.same),
        percent(all.errors),
        percent(all.other_errors),
        percent(all.withheld),
        percent(all.open),
        percent(all.refusals())
    );
    let mut refused: Vec<_> = all.refused.iter().collect();
    refused.sort_by_key(|(_, texts)| std::cmp::Reverse(texts.len()));
    for (id, texts) in refused {
        let short = |text: &String| one_line(text).chars().take(120).collect::<String>();
        let examples: Vec<String> = texts.iter().step_by(texts.len().div_ceil(3).max(1)).map(short).collect();
        println!("{:6} {id}: {}", texts.len(), examples.join(" // "));
    }
    println!("known differences met: {} of {}", met.len(), known::KNOWN.len());
    assert!(faults.is_empty(), "{faults}");
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn who_may_run_code_gets_what_postgres_gives() {
    run("trusted");
}

#[test]
fn who_may_not_gets_what_postgres_gives() {
    run("engineer");
}
