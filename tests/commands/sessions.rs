//! `pgveil try` as a prompt, with a configuration; EXPLAIN (VEIL) through the proxy.

use std::fs;

use pgveil_tests::client::{Call, Client, Login};
use pgveil_tests::world::{SERVICE_PASSWORD, World};

use super::{PASSWORD, database, folder, pgveil, url};

#[test]
fn a_prompt_reads_up_to_a_semicolon() {
    let arguments = ["try", "--role", "analyst", "--policy", "good.toml", "--database-url", &url(database())];
    let run = pgveil(
        &arguments,
        &PASSWORD,
        "SELECT 1\n AS one;\n\nSET search_path = shop;\nSELECT nope\nFROM customers;\nSELECT id FROM customers WHERE id = 2",
    );
    assert_eq!(run.out, " one\n-----\n   1\n(1 row)\n\nSET\n id\n----\n  2\n(1 row)\n\n");
    assert!(run.err.contains("ERROR:  column \"nope\" does not exist\nLINE 1: SELECT nope\n               ^"), "{}", run.err);
    assert_eq!(run.code, 1);
    assert_eq!(pgveil(&arguments, &PASSWORD, "\\q\n").code, 0);
}

/// A configuration as an operator writes one; its policy is `good.toml`.
fn configuration(name: &str) -> std::path::PathBuf {
    let place = World::get().cluster().folder().join(name);
    fs::create_dir_all(&place).unwrap();
    fs::copy(folder().join("good.toml"), place.join("policy.toml")).unwrap();
    pgveil::demo::secret::write_secret(&place.join("key"), "ab".repeat(32).as_bytes()).unwrap();
    pgveil::demo::secret::write_secret(&place.join("password"), SERVICE_PASSWORD.as_bytes()).unwrap();
    fs::write(place.join("users.toml"), "").unwrap();
    let text = format!(
        "policy = \"policy.toml\"\nusers = \"users.toml\"\nkey_file = \"key\"\n[upstream]\nhost = \"127.0.0.1\"\nport = {}\n\
         tls = \"disable\"\nuser = \"pgveil\"\npassword_file = \"password\"\n",
        World::get().cluster().port()
    );
    fs::write(place.join("pgveil.toml"), text).unwrap();
    place.join("pgveil.toml")
}

#[test]
fn with_a_configuration() {
    let file = configuration("commands");
    let config = file.to_str().unwrap();
    let run = |arguments: &[&str]| pgveil(&[arguments, &["-c", config, "--database", database()]].concat(), &[], "");
    let found = run(&["check"]);
    assert_eq!(
        (found.code, found.err.contains("1 test passed") || found.err.contains("1 of 1 test passed")),
        (0, true),
        "{}{}",
        found.out,
        found.err
    );
    let explained = run(&["explain", "--role", "analyst", "SELECT email FROM shop.customers"]);
    assert!(explained.code == 0 && explained.out.contains("class email"), "{}{}", explained.out, explained.err);
    let sql = "SELECT email FROM shop.customers WHERE id = 1";
    let tried = run(&["try", "--role", "analyst", sql]);
    // The key of the configuration: the same pseudonym each time, and another than with another key.
    assert_eq!((tried.code, run(&["try", "--role", "analyst", sql]).out), (0, tried.out.clone()), "{}", tried.err);
    let other = pgveil(&["try", "--role", "analyst", "--policy", "good.toml", "--database-url", &url(database()), sql], &PASSWORD, "");
    assert!(tried.out.contains("u_") && tried.out != other.out && !tried.out.contains("example.com"), "{}{}", tried.out, other.out);
    // Roles that the configuration knows, and the policy does not.
    fs::write(file.with_file_name("users.toml"), "[user.ana]\nverifier = \"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA\"\nroles = [\"analist\"]\n")
        .unwrap();
    let named = fs::read_to_string(&file).unwrap() + "[upstream.account.dba]\nuser = \"dba\"\n";
    fs::write(&file, named).unwrap();
    let found = run(&["check"]);
    assert!(found.code == 1 && found.out.contains("upstream.account.dba names the role dba"), "{}{}", found.out, found.err);
}

#[test]
fn nothing_is_left_behind() {
    let before = || {
        fs::read_dir(std::env::temp_dir())
            .unwrap()
            .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with("pgveil-try-"))
            .count()
    };
    let known = before();
    let run = pgveil(&["try", "--role", "analyst", "--policy", "good.toml", "--database-url", &url(database()), "SELECT 1"], &PASSWORD, "");
    assert_eq!(run.code, 0, "{}", run.err);
    // Others of this file may be under way at the same time, but they go.
    for _ in 0..600 {
        if before() <= known {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("a folder is left behind");
}

#[test]
fn explain_veil_answers_as_rows() {
    let world = World::get();
    let policy = fs::read_to_string(folder().join("good.toml")).unwrap();
    let proxy = world.proxy(&policy, &[("ana", "analyst"), ("gus", "german"), ("all", "all")]);
    let login = |user: &str| Login::local(proxy.addr().port(), database(), user, &proxy.password(user));
    let mut ana = Client::connect(&login("ana")).unwrap();
    let sql = "EXPLAIN (VEIL) SELECT id, email, upper(phone) AS p, salary FROM shop.customers";
    let expected = "\
id|integer|shop.customers.id|∅|clear|no class names it
email|character varying(120)|shop.customers.email|email|hash|policy:LINE (role analyst, class email)
p|∅|from shop.customers.phone|∅|computed|∅
salary|integer|shop.customers.salary|salary|bucket|policy:LINE (role analyst, class salary)";
    let shown = |table: String| {
        let lines = table.lines().map(|line| match line.rsplit_once('|') {
            Some((head, rule)) => format!("{head}|{}", line_number(rule)),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown(ana.query(sql).table()), expected);
    // Filters are rows of their own; refusals are refusals.
    let mut gus = Client::connect(&login("gus")).unwrap();
    let table = shown(gus.query("EXPLAIN (VEIL) SELECT total FROM shop.orders").table());
    assert_eq!(
        table,
        "total|numeric(10,2)|shop.orders.total|∅|clear|no class names it\n\
         ∅|∅|shop.orders|∅|row filter|policy:LINE (role german, rows of shop.orders)"
    );
    // Another role's rules do not show, nor a token's value.
    assert!(!table.contains("analyst"));
    for (sql, words) in [
        ("EXPLAIN (VEIL) SELECT iban FROM shop.customers", "iban"),
        ("EXPLAIN (VEIL, ANALYZE) SELECT 1", "VEIL goes with no other option"),
        ("EXPLAIN (VEIL) EXECUTE x", "EXPLAIN of"),
        ("EXPLAIN (VEIL perhaps) SELECT 1", "VEIL"),
        ("EXPLAIN (VEIL) EXPLAIN SELECT 1", "syntax error"),
        ("EXPLAIN (VEIL) SELECT * FROM pg_catalog.pg_largeobject", "may not be read"),
    ] {
        let answer = ana.query(sql);
        assert!(answer.error().is_some() && answer.message().contains(words), "{sql}: {answer:?}");
    }
    // The same in the extended protocol, in binary too: text is text.
    let call = Call { sql: sql.to_owned(), results: vec![1], ..Call::default() };
    assert_eq!(shown(ana.call(&call).table()), expected);
    // What a client calls its columns is a constant in the text that is sent, whatever it holds.
    for name in ["x') UNION SELECT email, '', '', '', '', '' FROM shop.customers --", "\\", "E'\\'", "$$", "pgveil_stale"] {
        let answer = ana.query(&format!("EXPLAIN (VEIL) SELECT 1 AS \"{name}\""));
        assert_eq!(
            answer.rows(),
            [[Some(name.chars().take(63).collect::<String>()), None, None, None, Some("computed".into()), None]],
            "{name}"
        );
    }
    // Nothing is run: neither what writes nor what counts.
    let table = shown(gus.query("EXPLAIN (VEIL) DELETE FROM shop.customers RETURNING id").table());
    assert!(table.starts_with("id|integer|shop.customers.id|∅|clear|"), "{table}");
    assert_eq!(world.cluster().execute(database(), "SELECT count(*) FROM shop.customers").unwrap(), "3\n");
    // Without VEIL it is the server's plan.
    assert!(ana.query("EXPLAIN (VEIL off) SELECT id FROM shop.customers").table().contains("Scan"));
    assert_eq!(ana.query("EXPLAIN (VEIL) TABLE shop.lengths").table().lines().count(), 3);
}

/// Without the policy's file name and line, which other tests move.
fn line_number(rule: &str) -> String {
    match rule.split_once(" (role") {
        Some((_, role)) => format!("policy:LINE (role{role}"),
        None => rule.to_owned(),
    }
}
