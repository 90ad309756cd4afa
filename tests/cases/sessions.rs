//! Transactions, errors and recovery, settings, prepared statements, cancelling.

use std::time::{Duration, Instant};

use pgveil_tests::client::{Call, Login, bind};
use pgveil_tests::world::World;
use postgres_protocol::message::frontend;

use super::*;

#[test]
fn transactions() {
    let mut session = Stage::get().session("analyst");
    for (sql, tag, status) in [
        ("BEGIN", "BEGIN", 'T'),
        ("SELECT 1", "SELECT 1", 'T'),
        ("SAVEPOINT s", "SAVEPOINT", 'T'),
        ("ROLLBACK TO s", "ROLLBACK", 'T'),
        ("RELEASE s", "RELEASE", 'T'),
        ("COMMIT", "COMMIT", 'I'),
        ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "START TRANSACTION", 'T'),
        ("END", "COMMIT", 'I'),
    ] {
        let answer = session.query(sql).ok();
        assert_eq!((answer.tags().as_slice(), answer.status()), (&[tag][..], Some(status)), "{sql}");
    }
}

#[test]
fn an_error_aborts_the_transaction_as_in_postgres() {
    let mut session = Stage::get().session("analyst");
    session.query("BEGIN").ok();
    assert_eq!(session.query("SELECT 1 / 0").sqlstate(), "22012");
    assert_eq!(session.query("SELECT 1").sqlstate(), "25P02");
    assert_eq!(session.query("COMMIT").tags(), ["ROLLBACK"]);
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
}

#[test]
fn a_refusal_aborts_the_transaction_too() {
    let mut session = Stage::get().session("analyst");
    session.query("BEGIN").ok();
    let refused = session.query("SELECT upper(email) FROM shop.customers");
    assert_eq!((refused.sqlstate(), refused.status()), ("42501", Some('E')));
    assert_eq!(session.query("SELECT 1").sqlstate(), "25P02");
    assert_eq!(session.query("ROLLBACK").ok().status(), Some('I'));
}

#[test]
fn several_statements_in_one_text() {
    let mut session = Stage::get().session("analyst");
    let answer = session.query("SELECT 1; SELECT 2; SELECT 1 / 0; SELECT 3");
    assert_eq!((answer.tags(), answer.sqlstate()), (vec!["SELECT 1", "SELECT 1"], "22012"));
    assert!(session.query("").messages.iter().any(|m| matches!(m, pgveil_tests::client::Message::Other('I', _))));
    assert_eq!(session.query(";").ok().status(), Some('I'));
}

#[test]
fn settings() {
    let mut session = Stage::get().session("analyst");
    session.query("SET application_name = 'report'").ok();
    assert_eq!(session.query("SHOW application_name").value().as_deref(), Some("report"));
    assert_eq!(session.parameters["application_name"], "report");
    session.query("SET search_path = public").ok();
    assert_eq!(session.query("SELECT count(*) FROM customers").sqlstate(), "42P01");
    session.query("SET search_path = shop, public").ok();
    assert_eq!(session.query("SELECT count(*) FROM customers").value().as_deref(), Some("1500"));
    for sql in ["BEGIN", "SET LOCAL search_path = public", "COMMIT"] {
        session.query(sql).ok();
    }
    session.query("SELECT count(*) FROM customers").ok();
    session.query("DISCARD ALL").ok();
    session.query("SELECT count(*) FROM customers").ok();
}

#[test]
fn startup_options() {
    let stage = Stage::get();
    let mut login = stage.login("analyst", &stage.both.a);
    login.settings = vec![("options".to_owned(), "-c search_path=public".to_owned()), ("application_name".to_owned(), "x".to_owned())];
    let mut session = Client::connect(&login).unwrap();
    assert_eq!(session.query("SELECT count(*) FROM customers").sqlstate(), "42P01");
    assert_eq!(session.query("SELECT count(*) FROM shop.customers").value().as_deref(), Some("1500"));
}

#[test]
fn prepared_statements() {
    let mut session = Stage::get().session("analyst");
    session.pipeline(|out| {
        frontend::parse("by_id", "SELECT full_name, city FROM shop.customers WHERE id = $1", [23], out).unwrap();
        frontend::describe(b'S', "by_id", out).unwrap();
        frontend::sync(out);
    });
    let described = session.answer().ok();
    assert_eq!(described.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["full_name", "city"]);
    for id in [2_i32, 4, 6] {
        session.pipeline(|out| {
            let call = Call { values: vec![Some(id.to_be_bytes().to_vec())], formats: vec![1], ..Call::default() };
            bind("", "by_id", &call, out);
            frontend::execute("", 0, out).unwrap();
            frontend::sync(out);
        });
        assert_eq!(session.answer().ok().rows()[0][0].as_deref(), Some("[name]"));
    }
    session.pipeline(|out| {
        frontend::close(b'S', "by_id", out).unwrap();
        frontend::sync(out);
    });
    session.answer().ok();
}

#[test]
fn pipelines() {
    let mut session = Stage::get().session("analyst");
    session.pipeline(|out| {
        for n in 0..200 {
            let call = Call { sql: format!("SELECT {n}, email FROM shop.leads ORDER BY owner, score LIMIT 1"), ..Call::default() };
            frontend::parse("", &call.sql, [], out).unwrap();
            bind("", "", &call, out);
            frontend::describe(b'P', "", out).unwrap();
            frontend::execute("", 0, out).unwrap();
            if n % 10 == 9 {
                frontend::sync(out);
            }
        }
    });
    let mut rows = 0;
    for _ in 0..20 {
        rows += session.answer().ok().rows().len();
    }
    assert_eq!(rows, 200);
}

#[test]
fn an_error_in_a_pipeline_skips_to_sync() {
    let mut session = Stage::get().session("analyst");
    session.pipeline(|out| {
        for sql in ["SELECT 1", "SELECT upper(email) FROM shop.customers", "SELECT 2"] {
            frontend::parse("", sql, [], out).unwrap();
            bind("", "", &Call::default(), out);
            frontend::execute("", 0, out).unwrap();
        }
        frontend::sync(out);
        frontend::query("SELECT 3", out).unwrap();
    });
    let first = session.answer();
    assert_eq!((first.tags(), first.sqlstate()), (vec!["SELECT 1"], "42501"));
    assert_eq!(session.answer().ok().table(), "3");
}

#[test]
fn cancelling() {
    let mut session = Stage::get().session("filtered");
    let (process, secret) = session.key.clone().unwrap();
    let address = Stage::get().proxy.addr();
    session.pipeline(|out| frontend::query("SELECT count(*) FROM generate_series(1, 100000000)", out).unwrap());
    std::thread::sleep(Duration::from_millis(300));
    let mut other = Client::open("127.0.0.1", address.port());
    let mut request = ((12 + secret.len()) as u32).to_be_bytes().to_vec();
    request.extend(80_877_102_u32.to_be_bytes());
    request.extend(process.to_be_bytes());
    request.extend(secret);
    let start = Instant::now();
    other.send(&request);
    assert_eq!(session.answer().sqlstate(), "57014");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
}

#[test]
fn a_role_that_may_write_nowhere_is_read_only_to_the_database() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret; \
         CREATE FUNCTION s.writes() RETURNS int LANGUAGE sql AS 'INSERT INTO s.t VALUES (2, NULL); SELECT 1'; \
         GRANT ALL ON SCHEMA s TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA s TO PUBLIC",
    );
    let policy = "version = 1\n[class.c]\ncolumns = [\"s.t.secret\"]\n[role.r]\nread_only = true\nfunctions = [\"s.writes\"]\n\
                  [role.w]\nfunctions = [\"s.writes\"]\n";
    let proxy = world.proxy(policy, &[("reader", "r"), ("writer", "w")]);
    let ask = |user: &str, sql: &str| proxy.psql(user, &database, sql);
    assert_eq!(ask("reader", "SHOW default_transaction_read_only").out, "on\n");
    assert_eq!(ask("writer", "SHOW default_transaction_read_only").out, "off\n");
    assert_eq!(ask("writer", "SELECT s.writes()").out, "1\n");
    let login = |user: &str| Login {
        settings: vec![("default_transaction_read_only".to_owned(), "off".to_owned())],
        ..Login::local(proxy.addr().port(), &database, user, &proxy.password(user))
    };
    for before in [
        "SELECT 1",
        "BEGIN",
        "RESET ALL",
        "DISCARD ALL",
        "RESET default_transaction_read_only",
        "SET default_transaction_read_only TO DEFAULT",
    ] {
        let mut session = Client::connect(&login("reader")).unwrap();
        session.query(before).ok();
        assert_eq!(session.query("SELECT s.writes()").sqlstate(), "25006", "{before}");
    }
    for lifting in [
        "BEGIN READ WRITE",
        "SET TRANSACTION READ WRITE",
        "SET transaction_read_only = off",
        "RESET transaction_read_only",
        "SET default_transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
    ] {
        let printed = ask("reader", lifting);
        assert!(!printed.ok && printed.err.contains("stay READ ONLY"), "{lifting}: {printed:?}");
    }
}

#[test]
fn procedures_that_the_policy_names() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret; \
         CREATE PROCEDURE s.adds(a int, INOUT b int DEFAULT 1) LANGUAGE plpgsql AS 'BEGIN b := a + b; COMMIT; END'; \
         CREATE PROCEDURE s.other() LANGUAGE sql AS 'SELECT 1'",
    );
    let policy = "version = 1\n[class.c]\ncolumns = [\"s.t.secret\"]\n[role.r]\nfunctions = [\"s.adds\"]\n";
    let proxy = world.proxy(policy, &[("ana", "r")]);
    let ask = |sql: &str| proxy.psql("ana", &database, sql);
    assert_eq!(ask("CALL s.adds(2, 3)").out, "5\n");
    assert_eq!(ask("CALL s.adds(b => 4, a => length('xx'))").out, "6\n");
    for refused in ["CALL s.other()", "CALL s.adds((SELECT id FROM s.t))"] {
        assert!(!ask(refused).ok, "{refused}");
    }
}
