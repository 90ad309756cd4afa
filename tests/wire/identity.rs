//! What the server knows of who asks, and that nobody can forge it.

use super::own::{Own, log, login, session};
use super::*;

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n[class.secret]\ncolumns = [\"s.notes.secret\"]\n\
    [role.admin]\ndefault = \"clear\"\n[role.reader]\ndefault = \"clear\"\n[role.reader.mask]\nsecret = \"null\"\n\
    [role.sealed]\nread_only = true\ndefault = \"clear\"\n[role.sealed.mask]\nsecret = \"hash\"\n";

/// Each sees its own rows, by what pgveil says of who asks; a trigger writes down who wrote.
const SCHEMA: &str = "CREATE SCHEMA s; CREATE TABLE s.notes (owner text, body text, secret text); \
    INSERT INTO s.notes VALUES ('ana', 'of ana', 'a'), ('bob', 'of bob', 'b'), ('boss', 'of boss', 'c'); \
    ALTER TABLE s.notes ENABLE ROW LEVEL SECURITY; \
    CREATE POLICY own ON s.notes USING (owner = current_setting('pgveil.user', true)); \
    CREATE TABLE s.log (what text, who text DEFAULT current_setting('pgveil.user', true) || '/' || current_setting('pgveil.role', true))";

const BODIES: &str = "SELECT body FROM s.notes ORDER BY body";

fn own() -> Own {
    Own::new(POLICY).user("ana", "reader").user("bob", "sealed").user("boss", "admin")
}

#[test]
fn row_level_security_reads_who_asks() {
    let database = World::get().database(SCHEMA);
    let server = own().start("identity_rls").unwrap();
    for (user, role) in [("ana", "reader"), ("bob", "sealed"), ("boss", "admin")] {
        let mut client = session(&server, &database, user, user);
        assert_eq!(client.query(BODIES).table(), format!("of {user}"), "{role}");
        let who = "SELECT current_setting('pgveil.user'), current_setting('pgveil.role', true)";
        assert_eq!(client.query(who).table(), format!("{user}|{role}"));
        assert_eq!(client.query("SHOW pgveil.role").table(), role);
        // As after a pool has cleaned up.
        for clean in ["RESET ALL", "DISCARD ALL"] {
            client.query(clean);
            assert_eq!(client.query(BODIES).table(), format!("of {user}"), "{role} after {clean}");
        }
    }
    let mut client = session(&server, &database, "ana", "ana");
    client.query("INSERT INTO s.log (what) VALUES ('x')").ok();
    assert_eq!(World::get().cluster().execute(&database, "SELECT who FROM s.log").unwrap(), "ana/reader\n");
}

#[test]
fn a_role_with_masks_forges_nothing() {
    let database = World::get().database(SCHEMA);
    let server = own().start("identity_forged").unwrap();
    for attempt in [
        "SET pgveil.user = 'boss'",
        "SET SESSION pgveil.user TO 'boss'",
        "SET LOCAL pgveil.user = 'boss'",
        "SET \"pgveil.user\" = 'boss'",
        "SET \"PGVEIL.USER\" = 'boss'",
        "SET PgVeil.User = boss",
        "BEGIN; SET LOCAL pgveil.user = 'boss'",
        "RESET pgveil.\"user\"",
        "SET pgveil.\"user\" = 'boss'",
        "SET LOCAL \"pgveil\".\"user\" TO 'boss'",
        "SET pgveil.role = 'admin'; SET PGVEIL.\"USER\" = 'boss'",
        "SET pgveil.\"user\" TO DEFAULT",
        "SET pgveil.user TO DEFAULT",
        "SELECT set_config('pgveil.user', 'boss', false)",
        "SELECT set_config('PGVEIL.user', 'boss', true)",
        "SELECT set_config('pgveil' || '.user', 'boss', false)",
        "SELECT set_config(n, 'boss', false) FROM (VALUES ('pgveil.user')) AS v (n)",
        "SELECT pg_catalog.set_config($$pgveil.user$$, 'boss', false)",
        "UPDATE pg_settings SET setting = 'boss' WHERE name = 'pgveil.user'",
        "ALTER ROLE pgveil SET pgveil.user = 'boss'",
        "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET pgveil.user = 'boss' AS 'SELECT 1'",
        "DO $$ BEGIN PERFORM set_config('pgveil.user', 'boss', false); END $$",
        "SET search_path = 'pgveil.user'",
    ] {
        for user in ["ana", "bob"] {
            let mut client = session(&server, &database, user, user);
            let answer = client.query(attempt);
            let seen = client.query(BODIES);
            assert!(seen.error().is_some() || seen.table() == format!("of {user}"), "{user}: {attempt}: {seen:?}");
            // In the statement itself as well.
            assert!(!answer.raw_rows().flatten().flatten().any(|v| v == b"boss"), "{user}: {attempt}: {answer:?}");
        }
    }
    // A prepared call whose name comes as a parameter.
    let mut client = session(&server, &database, "ana", "ana");
    let call = pgveil_tests::client::Call {
        sql: "SELECT set_config($1, $2, false)".to_owned(),
        values: vec![Some(b"pgveil.user".to_vec()), Some(b"boss".to_vec())],
        ..Default::default()
    };
    client.call(&call);
    assert_eq!(client.query(BODIES).table(), "of ana");
    for (name, value) in [
        ("pgveil.user", "boss"),
        ("PGVEIL.USER", "boss"),
        ("pgveil.role", "admin"),
        ("options", "-c pgveil.user=boss"),
        ("options", "--pgveil.user=boss"),
        ("options", "-cPGVEIL.user=boss"),
        ("options", "-c application_name=x\\ -c\\ pgveil.user=boss"),
        ("application_name", "x\u{1}pgveil.user=boss"),
    ] {
        match login(&server, &database, "ana", "ana", &[(name, value)]) {
            Ok(mut client) => assert_eq!(client.query(BODIES).table(), "of ana", "{name} = {value}"),
            // A role may be asked for, by who has it.
            Err(error) => assert_eq!(error[&'C'], if name == "pgveil.role" { "28000" } else { "42501" }, "{name} = {value}: {error:?}"),
        }
    }
}

/// Of a role from whom nothing is withheld it is said at the start who it is; what it does then is its own affair.
#[test]
fn a_role_without_masks_starts_as_itself() {
    let database = World::get().database(SCHEMA);
    let server = own().start("identity_admin").unwrap();
    for (name, value) in
        [("pgveil.user", "ana"), ("PGVEIL.USER", "ana"), ("options", "-c pgveil.user=ana"), ("options", "--pgveil.user=ana")]
    {
        let mut client = login(&server, &database, "boss", "boss", &[(name, value)]).unwrap();
        assert_eq!(client.query(BODIES).table(), "of boss", "{name} = {value}");
        client.query("SET pgveil.\"user\" = 'ana'").ok();
        assert_eq!(client.query(BODIES).table(), "of ana");
        client.query("RESET pgveil.\"user\"").ok();
        assert_eq!(client.query(BODIES).table(), "of boss");
    }
}

#[test]
fn the_settings_can_be_left_out() {
    let database = World::get().database(SCHEMA);
    let server = own().upstream("identity = false").start("identity_none").unwrap();
    for user in ["ana", "boss"] {
        let mut client = session(&server, &database, user, user);
        assert_eq!(client.query("SELECT count(*), current_setting('pgveil.user', true) FROM s.notes").table(), "0|∅");
    }
}

#[test]
fn application_name_says_who_it_is() {
    let database = World::get().database(SCHEMA);
    let server = own().upstream("application_name = \"{application} ({user}, {role})\"").start("identity_name").unwrap();
    let forged = format!("{} (boss, admin)", "x".repeat(48));
    for (user, role) in [("ana", "reader"), ("boss", "admin")] {
        for (said, seen) in [
            ("psql", format!("psql ({user}, {role})")),
            ("", format!(" ({user}, {role})")),
            ("caf\u{e9}", format!("caf?? ({user}, {role})")),
            (&forged, String::new()),
        ] {
            let mut client = login(&server, &database, user, user, &[("application_name", said)]).unwrap();
            let pid = client.query("SELECT pg_backend_pid()").value().unwrap();
            let sql = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {pid}");
            let shown = World::get().cluster().execute("postgres", &sql).unwrap();
            let shown = shown.trim_end_matches('\n');
            assert!(shown.ends_with(&format!(" ({user}, {role})")) && shown.len() <= 63, "{shown}");
            if said != forged {
                assert_eq!(shown, seen);
            }
            // The client is told what it would be told without pgveil.
            let mut plain = Stage::get().plain(&database);
            plain.settings = vec![("application_name".to_owned(), said.to_owned())];
            let direct = Client::connect(&plain).unwrap();
            assert_eq!(client.parameters["application_name"], direct.parameters["application_name"], "{user}");
        }
    }
}

/// With `login = "user"` the database's own grants and policies count, whatever the role's masks.
#[test]
fn users_log_in_with_the_server_themselves() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA s; CREATE TABLE s.notes (owner text, body text, secret text); \
         INSERT INTO s.notes VALUES ('wire_carl', 'of carl', 'a'), ('wire_cora', 'of cora', 'b'); \
         ALTER TABLE s.notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON s.notes USING (owner = session_user); \
         CREATE TABLE s.hidden AS SELECT 1 AS id",
    );
    world
        .cluster()
        .execute(
            "postgres",
            "CREATE ROLE wire_carl LOGIN PASSWORD 'pw of carl'; CREATE ROLE wire_cora LOGIN PASSWORD 'pw of cora'; \
             CREATE ROLE wire_gone PASSWORD 'pw'; CREATE ROLE wire_other LOGIN PASSWORD 'pw of other'",
        )
        .unwrap();
    world.cluster().execute(&database, "GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT ON s.notes TO PUBLIC").unwrap();
    let other = postgres_protocol::password::scram_sha_256(b"pw of other");
    let mut own = Own::new(POLICY)
        .user_of_the_server("wire_carl", "reader")
        .user_of_the_server("wire_cora", "admin")
        .user_of_the_server("wire_gone", "reader")
        .user("service", "sealed")
        .upstream("login = \"user\"\n[upstream.account.sealed]\nuser = \"pgveil\"\npassword_file = \"service\"");
    own.users.push(("wire_other".to_owned(), other, "reader".to_owned()));
    let server = own.start("identity_user").unwrap();
    for (user, name, secret) in [("wire_carl", "carl", "∅"), ("wire_cora", "cora", "b")] {
        let mut client = session(&server, &database, user, &format!("pw of {name}"));
        assert_eq!(client.query("SELECT session_user, current_user").table(), format!("{user}|{user}"));
        assert_eq!(client.query("SELECT body, secret FROM s.notes").table(), format!("of {name}|{secret}"));
        assert_eq!(client.query("SELECT * FROM s.hidden").sqlstate(), "42501", "the service account may read it, {user} may not");
        assert_eq!(client.query("SHOW pgveil.\"user\"").table(), user);
        let pid = client.query("SELECT pg_backend_pid()").value().unwrap();
        let sql = format!("SELECT usename FROM pg_stat_activity WHERE pid = {pid}");
        assert_eq!(world.cluster().execute("postgres", &sql).unwrap().trim(), user);
        // A second login: nothing of the first is needed.
        session(&server, &database, user, &format!("pw of {name}"));
        let wrong = login(&server, &database, user, "pw", &[]).unwrap_err();
        assert_eq!(wrong[&'C'], "28P01");
    }
    let mut client = session(&server, &database, "service", "service");
    assert_eq!(client.query("SELECT session_user").table(), "pgveil", "a role with an account of its own");
    // Another verifier of the same password: its keys open nothing there.
    let error = login(&server, &database, "wire_other", "pw of other", &[]).unwrap_err();
    assert_eq!((error[&'C'].as_str(), error[&'S'].as_str()), ("28P01", "FATAL"), "{error:?}");
    assert!(!error[&'M'].contains("verifier") && log().contains("its verifier of the user is another than pgveil's"), "{error:?}");
    // Somebody whom the server does not let in.
    let error = login(&server, &database, "wire_gone", "pw", &[]).unwrap_err();
    assert_eq!(error[&'C'], "28000", "{error:?}");
    assert!(!error.values().any(|text| text.contains("permitted")), "{error:?}");
}
