//! More than the policy gives: kinds of statements, time for a statement, for a role, for a user.

use std::time::{Duration, Instant, SystemTime};

use pgveil::users::until;
use pgveil_tests::client::{Call, Client, Fields};
use pgveil_tests::world::{Proxy, World};

const SCHEMA: &str = "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'ana@example.org' AS email, '0'::text AS zero";
const SLOW: &str = "SELECT count(*) FROM generate_series(1, 400000000)";

fn policy(more: &str) -> String {
    format!(
        "version = 1\n[class.email]\ncolumns = [\"s.t.email\"]\n[role.masked]\nlimits.seconds = 1\n[role.clear]\ndefault = \"clear\"\n\
         limits = {{ seconds = 1 }}\n[role.heir]\ninherits = \"masked\"\n[role.free]\n{more}\n"
    )
}

fn begin(proxy: &Proxy, database: &str, user: &str, settings: &[(&str, &str)]) -> Result<Client, Fields> {
    let mut login = proxy.login(user, database);
    login.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Client::connect(&login)
}

#[test]
fn a_statement_ends_in_its_time() {
    let database = World::get().database(SCHEMA);
    let proxy = World::get().proxy(&policy(""), &[("masked", "masked"), ("clear", "clear"), ("heir", "heir"), ("free", "free")]);
    for user in ["masked", "clear", "heir"] {
        for settings in [
            &[][..],
            &[("options", "-c statement_timeout=0")],
            &[("statement_timeout", "0")],
            &[("STATEMENT_TIMEOUT", "1h")],
            &[("options", "-cstatement_timeout=500 --statement-timeout=0")],
        ] {
            let mut session = begin(&proxy, &database, user, settings).unwrap();
            let limit = session.query("SHOW statement_timeout").table();
            assert!(["1s", "500ms"].contains(&limit.as_str()), "{user} {settings:?}: {limit}");
        }
        let mut session = begin(&proxy, &database, user, &[]).unwrap();
        for (sql, code) in [
            ("SET statement_timeout = 0", "42501"),
            ("SET statement_timeout = '2s'", "42501"),
            ("SET SESSION Statement_Timeout TO '1min'", "42501"),
            ("SET \"statement_timeout\" = -1", "42501"),
            ("SET statement_timeout = 0.4", "42501"),
            ("SET statement_timeout = 900; SET statement_timeout = 0", "42501"),
            ("SELECT set_config('statement_timeout', '0', false)", "42501"),
            ("SELECT set_config('STATEMENT_TIMEOUT', '1d', true)", "42501"),
            ("SELECT set_config('statement_timeout', zero, false) FROM s.t", "42501"),
            // Found out at run time: NULL, and nothing is set.
            ("SELECT set_config(n, '0', false) FROM (VALUES ('statement_timeout')) AS v (n)", "00000"),
            ("SELECT set_config(n, z, false) FROM (VALUES ('statement_timeout', '0')) AS v (n, z)", "00000"),
            ("SELECT set_config('statement_' || 'timeout', '0', false)", "42501"),
            ("RESET statement_timeout", "00000"),
            ("SET statement_timeout TO DEFAULT", "00000"),
            ("RESET ALL", "00000"),
            ("DISCARD ALL", "00000"),
            ("SET statement_timeout = 300", "00000"),
            ("SELECT set_config('statement_timeout', '0.5 s', false)", "00000"),
        ] {
            assert_eq!(session.query(sql).sqlstate(), code, "{user}: {sql}");
            let limit = session.query("SHOW statement_timeout").table();
            assert!(["1s", "900ms", "300ms", "500ms"].contains(&limit.as_str()), "{user}: {sql}: {limit}");
        }
        let named = Call {
            sql: "SELECT set_config($1, $2, false)".to_owned(),
            values: vec![Some(b"statement_timeout".to_vec()), Some(b"0".to_vec())],
            ..Call::default()
        };
        session.call(&named);
        let value = Call {
            sql: "SELECT set_config('statement_timeout', $1, false)".to_owned(),
            values: vec![Some(b"0".to_vec())],
            ..Call::default()
        };
        assert_eq!(session.call(&value).sqlstate(), "42501");
        let begun = Instant::now();
        let ended = session.query(SLOW);
        assert_eq!(ended.sqlstate(), "57014", "{user}: {ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{user}");
        let refused = session.query("SET statement_timeout = 0");
        assert_eq!(refused.message(), format!("role {user}: a statement may take 1 seconds at most"));
    }
    assert_eq!(begin(&proxy, &database, "free", &[]).unwrap().query("SET statement_timeout = 0").sqlstate(), "00000");
}

#[test]
fn a_role_that_is_over_is_nobodys() {
    let database = World::get().database(SCHEMA);
    let proxy = World::get().proxy(&policy("expires = 2999-01-01"), &[("free", "free"), ("masked", "masked")]);
    let (mut free, mut masked) = (begin(&proxy, &database, "free", &[]).unwrap(), begin(&proxy, &database, "masked", &[]).unwrap());
    assert_eq!(free.query("SELECT email FROM s.t").table(), "[redacted]");
    assert!(proxy.change_policy(&policy("expires = 2020-01-01T00:00:00Z")));
    let error = begin(&proxy, &database, "free", &[]).unwrap_err();
    assert_eq!((error[&'C'].as_str(), error[&'M'].as_str()), ("28000", "role \"free\" has expired"));
    let ended = free.query("SELECT email FROM s.t");
    assert_eq!((ended.sqlstate(), ended.message()), ("57P01", "terminating connection because role \"free\" has expired"));
    assert_eq!(masked.query("SELECT email FROM s.t").table(), "[redacted]");
}

#[test]
fn a_user_that_is_over_leaves() {
    let database = World::get().database(SCHEMA);
    let soon = SystemTime::now() + Duration::from_secs(4);
    let lines = format!("role = \"free\"\nvalid_until = {}", until::show(soon));
    let proxy = World::get().proxy_of(&policy(""), &[("brief", &lines), ("long", "role = \"free\"")]);
    let (mut brief, mut long) = (begin(&proxy, &database, "brief", &[]).unwrap(), begin(&proxy, &database, "long", &[]).unwrap());
    assert_eq!(brief.query("SELECT email FROM s.t").table(), "[redacted]");
    std::thread::sleep(soon.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_millis(500));
    let ended = brief.query("SELECT email FROM s.t");
    assert_eq!((ended.sqlstate(), ended.message()), ("57P01", "terminating connection because your login is no longer valid"));
    assert_eq!(long.query("SELECT email FROM s.t").table(), "[redacted]");
}

#[test]
fn a_kind_of_statement_is_one_wherever_it_stands() {
    let database = World::get().database(SCHEMA);
    let policy = "version = 1\n[role.reads]\ndefault = \"clear\"\nstatements = [\"select\"]\n[role.adds]\ndefault = \"clear\"\n\
                  statements = [\"select\", \"insert\", \"copy\"]\n[role.heir]\ninherits = \"reads\"\n";
    let proxy = World::get().proxy(policy, &[("reads", "reads"), ("adds", "adds"), ("heir", "heir")]);
    for user in ["reads", "heir"] {
        let mut session = begin(&proxy, &database, user, &[]).unwrap();
        for sql in [
            "INSERT INTO s.t VALUES (2)",
            "WITH w AS (INSERT INTO s.t VALUES (2) RETURNING id) SELECT id FROM w",
            "WITH w AS (WITH v AS (DELETE FROM s.t RETURNING id) SELECT id FROM v) SELECT id FROM w",
            "UPDATE s.t SET id = 2",
            "DELETE FROM s.t",
            "MERGE INTO s.t USING (VALUES (1)) AS v (i) ON t.id = v.i WHEN MATCHED THEN DELETE",
            "PREPARE p AS DELETE FROM s.t",
            "EXPLAIN ANALYZE DELETE FROM s.t",
            "SELECT 1; DELETE FROM s.t",
            "TRUNCATE s.t",
            "DROP TABLE s.t",
            "CREATE TEMP TABLE x AS SELECT 1 AS a",
            "SELECT 1 AS a INTO TEMP x",
            "CREATE TEMP VIEW v AS SELECT 1 AS a",
            "COPY s.t TO STDOUT",
            "COPY (SELECT 1) TO STDOUT",
            "COPY s.t FROM STDIN",
            "LOCK TABLE s.t",
            "DO $$ BEGIN DELETE FROM s.t; END $$",
        ] {
            let answer = session.query(sql);
            assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{user}: {sql}: {answer:?}");
            let call = Call { sql: sql.to_owned(), ..Call::default() };
            assert_ne!(session.call(&call).sqlstate(), "00000", "{user}: {sql}");
        }
        for sql in [
            "SELECT count(*) FROM s.t",
            "VALUES (1)",
            "BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH c; COMMIT",
            "SET application_name = 'x'",
        ] {
            assert_eq!(session.query(sql).sqlstate(), "00000", "{user}: {sql}");
        }
    }
    let mut session = begin(&proxy, &database, "adds", &[]).unwrap();
    assert_eq!(session.query("INSERT INTO s.t (id) VALUES (2)").sqlstate(), "00000");
    assert_eq!(session.query("COPY (SELECT id FROM s.t) TO STDOUT").sqlstate(), "00000");
    let refused = session.query("UPDATE s.t SET id = 3");
    assert_eq!(refused.message(), "role adds may not send statements of the kind update");
    assert!(format!("{refused:?}").contains("It may send: select, insert, copy."), "{refused:?}");
    assert_eq!(session.query("SELECT count(*) FROM s.t").table(), "2");
}
