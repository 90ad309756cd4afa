//! What is printed, to the letter.

use std::fs;

use super::{PASSWORD, database, folder, pgveil, url};

/// Runs commands and compares all that they print with a file; `URL` in an argument stands for the database's.
fn golden(name: &str, commands: &[&[&str]]) {
    let mut text = String::new();
    let url = url(database());
    for command in commands {
        let arguments: Vec<&str> = command.iter().map(|a| if *a == "URL" { url.as_str() } else { a }).collect();
        let run = pgveil(&arguments, &PASSWORD, "");
        text.push_str(&format!("$ pgveil {}\n{}", command.join(" "), run.out));
        if !run.err.is_empty() {
            text.push_str(&format!("--- standard error\n{}", run.err));
        }
        text.push_str(&format!("--- exit code {}\n\n", run.code));
    }
    let text = settled(&text);
    let path = folder().join("golden").join(format!("{name}.txt"));
    if std::env::var_os("PGVEIL_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != text {
        let at = expected.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or(expected.lines().count().min(text.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
        panic!(
            "golden/{name}.txt, line {}:\nexpected {}\nfound    {}\nPGVEIL_BLESS=1 writes it anew\n\n{text}",
            at + 1,
            line(&expected),
            line(&text)
        );
    }
}

/// Names and numbers that are others in each run.
fn settled(text: &str) -> String {
    let text = text.replace(&url(database()), "URL").replace(database(), "DB");
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        // OIDs of what the schema made.
        let quoted = out.ends_with('\'') && c == '\'' && digits.len() >= 5;
        out.push_str(if quoted { "OID" } else { &digits });
        digits.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[test]
fn check() {
    golden(
        "check",
        &[
            &["check", "--policy", "broken.toml"],
            &["check", "--policy", "misfit.toml", "--database-url", "URL"],
            &["check", "--policy", "loose.toml", "--database-url", "URL"],
            &["check", "--policy", "good.toml"],
            &["check", "--policy", "good.toml", "--database-url", "URL"],
        ],
    );
}

#[test]
fn check_for_programs() {
    golden(
        "check_for_programs",
        &[
            &["check", "--policy", "broken.toml", "--github"],
            &["check", "--policy", "loose.toml", "--database-url", "URL", "--github"],
            &["check", "--policy", "loose.toml", "--database-url", "URL", "--json"],
            &["check", "--policy", "good.toml", "--database-url", "URL", "--json"],
        ],
    );
}

#[test]
fn findings_are_allowed_and_denied() {
    golden(
        "check_allow_deny",
        &[
            &["check", "--policy", "good.toml", "--deny", "test.not_run"],
            &["check", "--policy", "good.toml", "--allow", "test.not_run"],
            &["check", "--policy", "good.toml", "--allow", "test.nought"],
        ],
    );
}

#[test]
fn explain() {
    let on = |sql: &'static str| ["explain", "--role", "analyst", "--policy", "good.toml", "--database-url", "URL", sql];
    let of_german = |sql: &'static str| ["explain", "--role", "german", "--policy", "good.toml", "--database-url", "URL", sql];
    golden(
        "explain",
        &[
            &on("SELECT id, email, upper(full_name) AS n, full_name, country FROM shop.customers ORDER BY email LIMIT 5"),
            &on("SELECT iban FROM shop.customers"),
            &on("SELECT lower(email) AS e, email FROM shop.customers"),
            &on(
                "SELECT x.u, (SELECT max(c.phone) FROM shop.customers c) AS m, 1 + 1 AS two FROM (SELECT full_name || phone AS u FROM shop.customers UNION SELECT initials FROM shop.customers) x",
            ),
            &on("SELECT * FROM shop.names"),
            &on("SELECT * FROM shop.lengths"),
            &on("COPY (SELECT email FROM shop.customers) TO STDOUT"),
            &of_german("SELECT id, email FROM shop.customers WHERE email = 't_nonsense' AND country <> 'x'"),
            &of_german("SELECT o.total FROM shop.orders o"),
            &of_german("BEGIN; UPDATE shop.customers SET country = 'AT' WHERE id = 1 RETURNING id, email"),
            &["explain", "--role", "all", "--policy", "good.toml", "--database-url", "URL", "SELECT 1"],
        ],
    );
}

#[test]
fn explain_for_programs() {
    let on = |sql: &'static str| ["explain", "--json", "--role", "analyst", "--policy", "good.toml", "--database-url", "URL", sql];
    golden(
        "explain_for_programs",
        &[
            &on("EXPLAIN SELECT id, email FROM shop.customers"),
            &on("SELECT 1 AS one"),
            &on("SELECT iban FROM shop.customers"),
            &[
                "explain",
                "--json",
                "--search-path",
                "shop",
                "--role",
                "german",
                "--policy",
                "good.toml",
                "--database-url",
                "URL",
                "EXPLAIN SELECT id FROM customers",
            ],
        ],
    );
}

#[test]
fn diff() {
    golden(
        "diff",
        &[
            &["diff", "good.toml", "good.toml"],
            &["diff", "good.toml", "new.toml"],
            &["diff", "new.toml", "good.toml", "--database-url", "URL"],
            &["diff", "good.toml", "new.toml", "--database-url", "URL", "--json"],
            &["diff", "good.toml", "misfit.toml", "--database-url", "URL"],
        ],
    );
}

#[test]
fn diff_with_a_replay() {
    // The log names the database that it was written for.
    let log = folder().join("audit.log");
    let here = std::env::temp_dir().join(format!("pgveil-replay-{}.log", std::process::id()));
    fs::write(&here, fs::read_to_string(log).unwrap().replace("\"DB\"", &format!("\"{}\"", database()))).unwrap();
    let file = here.display().to_string();
    let url = url(database());
    let run = |more: &[&str]| {
        let arguments = [&["diff", "good.toml", "new.toml", "--database-url", &url, "--replay", &file], more].concat();
        pgveil(&arguments, &PASSWORD, "")
    };
    let text = run(&[]).out;
    let (_, replay) = text.split_once("\nOf ").unwrap_or_else(|| panic!("{text}"));
    assert_eq!(
        replay,
        "6 recorded statements 2 come to the same, 2 would be answered otherwise, 1 be refused that were not, 1 be answered that were \
         refused (3 lines skipped: no statements, or of other databases).\n\
         \nRefused\n  1×  analyst: SELECT lower(email) FROM shop.customers\n      \
         column shop.customers.email (class email) is pseudonymised for role analyst and cannot be used in function lower() (seal.use)\n\
         \nAnswered otherwise\n  2×  analyst: SELECT id, phone FROM customers\n\
         \nNo longer refused\n  1×  analyst: SELECT iban FROM shop.customers\n      \
         column shop.customers.iban (class account) may not be read by role analyst (column.refused)\n"
    );
    let document: serde_json::Value = serde_json::from_str(&run(&["--json"]).out).unwrap();
    let counts = ["statements", "same", "changed", "refused", "allowed", "skipped"].map(|key| document["replay"][key].as_u64().unwrap());
    assert_eq!(counts, [6, 2, 2, 1, 1, 3]);
    fs::remove_file(here).unwrap();
    let without = pgveil(&["diff", "good.toml", "new.toml", "--replay", "audit.log"], &[], "");
    assert_eq!((without.code, without.err.contains("which database?")), (2, true), "{}", without.err);
}

#[test]
fn attempt() {
    let on = |sql: &'static str| ["try", "--role", "analyst", "--policy", "good.toml", "--database-url", "URL", sql];
    golden(
        "try",
        &[
            &on("SELECT id, full_name, phone, salary FROM shop.customers ORDER BY id"),
            &on("SELECT count(*) FROM shop.customers; SELECT iban\n  FROM shop.customers"),
            &on("CREATE TABLE shop.mine AS SELECT 1 AS one"),
            &on("COPY (SELECT id, full_name FROM shop.customers ORDER BY id) TO STDOUT (FORMAT csv)"),
            &[
                "try",
                "--json",
                "--role",
                "analyst",
                "--policy",
                "good.toml",
                "--database-url",
                "URL",
                "SELECT 1 AS one, NULL AS none; SELECT x",
            ],
            &["try", "--role", "nobody", "--policy", "good.toml", "--database-url", "URL", "SELECT 1"],
        ],
    );
}

#[test]
fn help() {
    let all: Vec<[&str; 2]> = ["check", "explain", "diff", "try", "schema", "lock"].map(|command| [command, "--help"]).to_vec();
    golden("help", &all.iter().map(<[&str; 2]>::as_slice).collect::<Vec<_>>());
}

#[test]
fn wrong_usage_is_told_apart_from_findings() {
    for (arguments, code, words) in [
        (vec!["check", "--policy", "good.toml", "--database-url", "postgres://ana:secret@h/d"], 2, "no password on the command line"),
        (vec!["check", "--policy", "good.toml", "--database", "shop"], 78, "pgveil.toml"),
        (vec!["check"], 78, "name the policy alone with --policy"),
        (vec!["check", "--policy", "nowhere.toml"], 1, "nowhere.toml"),
        (vec!["explain", "--role", "analyst", "--policy", "good.toml", "SELECT 1"], 2, "which database?"),
        (vec!["explain", "--role", "analyst", "--policy", "broken.toml", "SELECT 1"], 78, "did you mean"),
        (vec!["explain", "--role", "nobody", "--policy", "good.toml", "SELECT 1"], 2, "its roles are: all, analyst, german"),
        (vec!["diff", "good.toml"], 2, "<NEW>"),
        (vec!["try", "--policy", "good.toml"], 2, "--role"),
    ] {
        let run = pgveil(&arguments, &[], "");
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(words), "{arguments:?}: {}", run.err);
        assert!(!run.err.contains("secret"), "{}", run.err);
    }
}
