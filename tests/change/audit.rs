//! The audit log: what is in it, and what is not.

use std::path::{Path, PathBuf};

use pgveil::audit::OnFailure;
use pgveil::audit::chain::Chain;
use pgveil::config::SecretKey;
use serde_json::Value;

use super::*;

/// The key of the bench's proxies.
const KEY: SecretKey = SecretKey([0x5e; 32]);

fn file(name: &str) -> PathBuf {
    World::get().cluster().folder().join(format!("audit-{name}.log"))
}

fn audited(policy: &str, file: &Path) -> Proxy {
    World::get().proxy_with(policy, USERS, |config| config.audit = Some(file.to_owned()))
}

/// All lines, when the proxy has stopped.
fn lines(proxy: Proxy, file: &Path) -> Vec<Value> {
    proxy.stop();
    let text = std::fs::read(file).unwrap();
    Chain::new(&KEY).verify(&text).unwrap();
    String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Some members of lines, where they are texts.
fn of<'a>(lines: &'a [Value], event: &str, keys: &[&str]) -> Vec<Vec<&'a str>> {
    let member = |line: &'a Value, key: &str| line.get(key).and_then(Value::as_str).unwrap_or("-");
    lines.iter().filter(|line| line["event"] == event).map(|line| keys.iter().map(|key| member(line, key)).collect()).collect()
}

#[test]
fn who_asked_what_and_what_became_of_it() {
    let (file, database) = (file("what"), World::get().database(SCHEMA));
    let proxy = audited(&policy("\"hash\""), &file);
    let mut session = ana(&proxy, &database);
    session.query(SEC).ok();
    session.query("SELECT upper(sec) FROM shop.people");
    session.query("BEGIN; SELECT 1 AS one; SELECT id, sec FROM shop.people LIMIT 1; COMMIT").ok();
    session
        .call(&Call {
            sql: "SELECT name FROM shop.people WHERE name = $1".into(),
            values: vec![Some(b"a parameter".to_vec())],
            ..Call::default()
        })
        .ok();
    prepare(&mut session, "s", "SELECT 2").ok();
    run(&mut session, "s").ok();
    run(&mut session, "s").ok();
    session.query("ALTER ROLE pgveil PASSWORD 'geheim'");
    session.query("SELECT nothing");
    session.query("CREATE TEMP TABLE t AS SELECT 3 AS x; SELECT x FROM t").ok();
    drop(session);
    assert!(proxy.change_policy(&policy(A)));
    assert!(!proxy.change_policy("version"));
    let mut wrong = login(&proxy, &database, "ana");
    wrong.password = Some("a wrong password".to_owned());
    Client::connect(&wrong).unwrap_err();
    let lines = lines(proxy, &file);
    let statements = of(&lines, "statement", &["user", "role", "kind", "outcome", "refusal", "sql"]);
    let expected = [
        "query sent - SELECT sec FROM shop.people WHERE id = 7",
        "- refused seal.function SELECT upper(sec) FROM shop.people",
        "transaction sent - BEGIN;",
        "query sent - SELECT 1 AS one;",
        "query sent - SELECT id, sec FROM shop.people LIMIT 1;",
        "transaction sent - COMMIT",
        "query sent - SELECT name FROM shop.people WHERE name = $1",
        "query sent - SELECT 2",
        "query sent - SELECT 2",
        "- refused statement.kind ALTER ROLE pgveil PASSWORD '[withheld]'",
        "- refused name.column SELECT nothing",
        "keep sent - CREATE TEMP TABLE t AS SELECT 3 AS x;",
        "query sent - SELECT x FROM t",
    ];
    let shown: Vec<String> = statements.iter().map(|s| s[2..].iter().map(|w| w.trim()).collect::<Vec<_>>().join(" ")).collect();
    let same = |(shown, expected): (&String, &&str)| {
        shown == expected
            || shown.starts_with("- refused")
                && expected.starts_with("- refused")
                && shown.rsplit(' ').next() == expected.rsplit(' ').next()
    };
    assert!(shown.len() == expected.len() && shown.iter().zip(&expected).all(same), "{shown:#?}");
    assert!(statements.iter().all(|s| s[..2] == ["ana", "analyst"]));
    let first = lines.iter().find(|line| line["event"] == "statement").unwrap();
    assert_eq!(first["columns"], serde_json::json!({ "shop.people.sec": "hash" }));
    assert_eq!(first["search_path"], serde_json::json!(["pg_catalog", "public"]));
    assert_eq!(first["policy"].as_str().unwrap().len(), 16);
    assert_eq!(of(&lines, "login", &["user", "outcome"]), [["ana", "accepted"], ["ana", "denied"]]);
    assert_eq!(of(&lines, "logout", &["user"]), [["ana"]]);
    assert_eq!(of(&lines, "policy", &["outcome"]), [["accepted"], ["refused"]]);
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in ["a parameter", "geheim", "a wrong password", "rawvalue", "ana-password"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn untouched_sessions_are_in_it_too() {
    let (file, database) = (file("plain"), World::get().database(SCHEMA));
    let proxy = audited(&policy(A), &file);
    let mut plain = session(&proxy, &database, "otto");
    plain.query(SEC).ok();
    prepare(&mut plain, "s", "SELECT 'prepared'").ok();
    plain.query("ALTER ROLE nobody PASSWORD 'geheim'");
    plain.query(&format!("SELECT '{}'", "x".repeat(200_000))).ok();
    prepare(&mut plain, &"n".repeat(67_000), "SELECT 'a long name'").ok();
    drop(plain);
    let lines = lines(proxy, &file);
    let statements = of(&lines, "statement", &["role", "kind", "outcome", "sql"]);
    assert_eq!(statements[0], ["other", "query", "passed", SEC]);
    assert_eq!(statements[1], ["other", "parse", "passed", "SELECT 'prepared'"]);
    assert_eq!(statements[2][3], "ALTER ROLE nobody PASSWORD '[withheld]'");
    assert_eq!((statements[3][3].len(), statements.len()), (64 * 1024, 5));
    assert_eq!(statements[4], ["other", "parse", "passed", "SELECT 'a long name'"]);
    assert_eq!(lines.iter().filter_map(|line| line["sql_bytes"].as_u64()).collect::<Vec<_>>(), [200_009]);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("geheim"));
}

#[test]
fn nothing_is_run_for_a_role_with_masks_that_cannot_be_written_down() {
    let database = World::get().database(SCHEMA);
    for on_failure in [OnFailure::Refuse, OnFailure::Continue] {
        let file = file(&format!("full-{on_failure:?}"));
        let proxy = World::get().proxy_with(&policy(A), USERS, |config| {
            config.audit = Some(file.clone());
            config.audit_on_failure = on_failure;
        });
        let (mut masked, mut plain) = (ana(&proxy, &database), session(&proxy, &database, "otto"));
        prepare(&mut masked, "s", SEC).ok();
        masked.query(SEC).ok();
        // From here on each write says that the disk is full.
        let old = file.with_extension("old");
        std::fs::rename(&file, &old).unwrap();
        std::os::unix::fs::symlink("/dev/full", &file).unwrap();
        proxy.server().reload();
        if on_failure == OnFailure::Continue {
            until("the file is opened", || proxy.server().counters().audit_failures.get() > 0);
            assert_eq!(masked.query(SEC).value().unwrap(), "[a]");
        } else {
            until("it is refused", || masked.query(SEC).error().is_some());
            for answer in [masked.query("SELECT 1"), masked.call(&Call { sql: SEC.into(), ..Call::default() }), run(&mut masked, "s")] {
                assert!(answer.sqlstate() == "58030" && cells(&answer).is_empty(), "{answer:?}");
            }
            assert!(masked.query("SELECT nothing").error().is_some());
        }
        // Whoever sees everything can mend it.
        assert_eq!(plain.query(SEC).value().unwrap(), "rawvalue7");
        std::fs::remove_file(&file).unwrap();
        proxy.server().reload();
        until("there is room again", || masked.query(SEC).error().is_none());
        drop((masked, plain));
        proxy.stop();
        let (first, second) = (std::fs::read(&old).unwrap(), std::fs::read(&file).unwrap());
        let (first, second) = (Chain::new(&KEY).verify(&first).unwrap(), Chain::new(&KEY).verify(&second).unwrap());
        assert_eq!(second.first.unwrap(), (first.last.next, first.last.digest));
    }
}

#[test]
fn how_a_session_ended_is_told() {
    let (file, database) = (file("ends"), World::get().database(SCHEMA));
    let proxy = audited(&policy(A), &file);
    let mut busy = ana(&proxy, &database);
    busy.query(SEC).ok();
    assert!(proxy.change_policy("version = 1\n[role.other]\ndefault = \"clear\"\n"));
    assert_ended(&mut busy, "no longer in the policy");
    let lines = lines(proxy, &file);
    let logout = of(&lines, "logout", &["why"]);
    assert!(logout.len() == 1 && logout[0][0].contains("Gone"), "{logout:?}");
}

#[test]
fn a_role_that_is_asked_for_in_vain_is_told() {
    let (file, database) = (file("roles"), World::get().database(SCHEMA));
    let users = [("both", "roles = [\"other\", \"analyst\"]")];
    let proxy = World::get().proxy_of_with(&policy(A), &users, |config| config.audit = Some(file.clone()));
    let mut login = proxy.login("both", &database);
    login.settings = vec![("transform_null_equals".into(), "on".into())];
    let mut client = Client::connect(&login).unwrap();
    assert_eq!(client.query(SEC).value().unwrap(), "rawvalue7");
    let refused = client.query("SET pgveil.role = 'analyst'");
    assert!(refused.sqlstate() == "42501" && refused.message().contains("transform_null_equals"), "{refused:?}");
    assert!(client.query(SEC).broken.is_some(), "no session is left");
    drop(client);
    let lines = lines(proxy, &file);
    assert_eq!(of(&lines, "login", &["user", "role", "outcome"]), [["both", "other", "accepted"], ["both", "analyst", "denied"]]);
    assert_eq!(of(&lines, "login", &["why"])[1], [refused.message()]);
    assert_eq!(of(&lines, "logout", &["role", "why"]), [["other", "SET pgveil.role to analyst"]]);
}
