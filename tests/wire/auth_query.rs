//! Users that the database knows.

use std::time::{Duration, Instant, SystemTime};

use pgveil::users::until;

use super::own::{Own, log, login, session, superuser};
use super::*;

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n[class.secret]\ncolumns = [\"s.t.secret\"]\n\
    [role.admin]\ndefault = \"clear\"\n[role.reader]\ndefault = \"clear\"\n[role.reader.mask]\nsecret = \"null\"\n";

const SCHEMA: &str = "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret";

const LOOK: &str = "SELECT secret FROM s.t";

/// Roles of these names, apart from those of other tests.
fn roles(prefix: &str) {
    let sql = "CREATE ROLE {p}staff; CREATE ROLE {p}all; CREATE ROLE {p}deep IN ROLE {p}all; \
        CREATE ROLE {p}dora LOGIN PASSWORD 'pw' IN ROLE {p}staff, {p}all; CREATE ROLE {p}dan LOGIN PASSWORD 'pw' IN ROLE {p}deep; \
        CREATE ROLE {p}none LOGIN PASSWORD 'pw'; CREATE ROLE {p}old LOGIN PASSWORD 'pw' VALID UNTIL '2001-01-01' IN ROLE {p}all; \
        CREATE ROLE {p}late LOGIN PASSWORD 'pw' VALID UNTIL '2901-01-01' IN ROLE {p}all; \
        CREATE ROLE {p}ever LOGIN PASSWORD 'pw' VALID UNTIL 'infinity' IN ROLE {p}all; \
        CREATE ROLE {p}nologin PASSWORD 'pw' IN ROLE {p}all; CREATE ROLE {p}bare LOGIN IN ROLE {p}all; \
        SET password_encryption = 'md5'; CREATE ROLE {p}md5 LOGIN PASSWORD 'pw' IN ROLE {p}all";
    World::get().cluster().execute("postgres", &sql.replace("{p}", prefix)).unwrap();
}

fn auth(prefix: &str, seconds: u32) -> String {
    format!("[auth]\n{}cache_seconds = {seconds}\n[auth.roles]\n{prefix}staff = \"admin\"\n{prefix}all = \"reader\"", superuser())
}

fn refused(server: &pgveil::serve::Server, database: &str, user: &str, password: &str) {
    let mut error = login(server, database, user, password, &[]).err().unwrap_or_else(|| panic!("{user} was let in"));
    let message = error.remove(&'M').unwrap().replace(user, "…");
    let told: Vec<(char, String)> = error.into_iter().collect();
    let expected = [('C', "28P01"), ('S', "FATAL"), ('V', "FATAL")].map(|(tag, text)| (tag, text.to_owned()));
    assert_eq!((told, message.as_str()), (expected.to_vec(), "password authentication failed for user \"…\""), "{user}");
}

#[test]
fn groups_of_the_database_give_roles() {
    let database = World::get().database(SCHEMA);
    roles("aq1_");
    let server = Own::new(POLICY).user("aq1_none", "admin").more(&auth("aq1_", 60)).start("auth_groups").unwrap();
    for (user, seen) in [("aq1_dora", "x"), ("aq1_dan", "∅"), ("aq1_late", "∅"), ("aq1_ever", "∅")] {
        for _ in 0..2 {
            assert_eq!(session(&server, &database, user, "pw").query(LOOK).table(), seen, "{user}");
            refused(&server, &database, user, "wrong");
        }
    }
    for user in ["aq1_old", "aq1_nologin", "aq1_bare", "aq1_md5", "aq1_unheard", "postgres"] {
        refused(&server, &database, user, "pw");
    }
    let log = log();
    let log: Vec<&str> = log.lines().filter(|line| line.contains("aq1_")).collect();
    for (user, why) in [
        ("aq1_old", "valid_until is over"),
        ("aq1_nologin", "no such user"),
        ("aq1_bare", "no password"),
        ("aq1_md5", "stored as MD5"),
        ("aq1_unheard", "no such user"),
    ] {
        assert!(log.iter().any(|line| line.contains(user) && line.contains(why)), "{user} {why}: {log:#?}");
    }
    // The users file stands before the database.
    assert_eq!(session(&server, &database, "aq1_none", "aq1_none").query(LOOK).table(), "x");
    refused(&server, &database, "aq1_none", "pw");
}

/// What the database says of a user's end holds as that of the users file, also while the answer is kept and for who is logged in.
#[test]
fn valid_until_of_the_database_ends_logins_and_sessions() {
    let database = World::get().database(SCHEMA);
    roles("aq7_");
    let server = Own::new(POLICY).more(&auth("aq7_", 600)).start("auth_valid_until").unwrap();
    for password in ["pw", "wrong"] {
        refused(&server, &database, "aq7_old", password);
    }
    let mut late = session(&server, &database, "aq7_late", "pw");
    let soon = SystemTime::now() + Duration::from_secs(6);
    let brief = format!("CREATE ROLE aq7_brief LOGIN PASSWORD 'pw' VALID UNTIL '{}' IN ROLE aq7_all", until::show(soon));
    World::get().cluster().execute("postgres", &brief).unwrap();
    let (mut asks, mut idle) = (session(&server, &database, "aq7_brief", "pw"), session(&server, &database, "aq7_brief", "pw"));
    assert_eq!(asks.query(LOOK).table(), "∅");
    std::thread::sleep(soon.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_millis(500));
    let ended = asks.query(LOOK);
    let told = ("57P01", "terminating connection because your login is no longer valid");
    assert_eq!((ended.sqlstate(), ended.message()), told);
    // A session that asks for nothing is ended all the same.
    let ended = idle.answer();
    assert_eq!((ended.sqlstate(), ended.message()), told);
    for password in ["pw", "wrong"] {
        refused(&server, &database, "aq7_brief", password);
    }
    assert_eq!(late.query(LOOK).table(), "∅");
    assert!(log().lines().any(|line| line.contains("aq7_brief") && line.contains("valid_until is over")));
}

#[test]
fn a_name_is_a_value_and_never_sql() {
    let database = World::get().database(SCHEMA);
    roles("aq2_");
    let server = Own::new(POLICY).more(&auth("aq2_", 60)).start("auth_injection").unwrap();
    session(&server, &database, "aq2_dora", "pw");
    let long = format!("aq2_{}", "d".repeat(59));
    World::get().cluster().execute("postgres", &format!("CREATE ROLE {long} LOGIN PASSWORD 'pw' IN ROLE aq2_staff")).unwrap();
    session(&server, &database, &long, "pw");
    for user in [
        "' OR '1'='1",
        "aq2_dora'--",
        "aq2_dora' OR rolname = 'aq2_dora",
        "x' UNION SELECT rolname, rolpassword, NULL, NULL FROM pg_authid --",
        "'; ALTER ROLE aq2_dan SUPERUSER; --",
        "$1",
        "\\'",
        "aq2\\_dora",
        "aq2_%",
        "%",
        "AQ2_DORA",
        "\"aq2_dora\"",
        "aq2_dora ",
        " aq2_dora",
        "aq2_dor\u{430}",
        // The server would cut it to the name of another role.
        &format!("{long}d"),
        &"ü".repeat(32),
    ] {
        refused(&server, &database, user, "pw");
    }
    // The connection that asks has survived it all.
    assert_eq!(session(&server, &database, "aq2_dan", "pw").query(LOOK).table(), "∅");
    let sql = "SELECT rolsuper FROM pg_authid WHERE rolname = 'aq2_dan'";
    assert_eq!(World::get().cluster().execute("postgres", sql).unwrap(), "f\n");
}

#[test]
fn answers_are_kept_for_a_while_and_no_longer() {
    let world = World::get();
    let database = world.database(SCHEMA);
    roles("aq3_");
    let server = Own::new(POLICY)
        .more(&auth("aq3_", 3).replacen("[auth]\n", &format!("[auth]\ndatabase = \"{database}\"\n"), 1))
        .start("auth_cache")
        .unwrap();
    let begun = Instant::now();
    session(&server, &database, "aq3_dan", "pw");
    refused(&server, &database, "aq3_new", "pw");
    world
        .cluster()
        .execute("postgres", "ALTER ROLE aq3_dan PASSWORD 'new'; CREATE ROLE aq3_new LOGIN PASSWORD 'pw' IN ROLE aq3_all")
        .unwrap();
    let (old, unknown) = (login(&server, &database, "aq3_dan", "pw", &[]), login(&server, &database, "aq3_new", "pw", &[]));
    if begun.elapsed() < Duration::from_secs(3) {
        assert!(old.is_ok() && unknown.is_err(), "both answers are kept");
    }
    let becomes = |user: &str, password: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while login(&server, &database, user, password, &[]).is_err() {
            assert!(Instant::now() < deadline, "{user} is not let in");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    becomes("aq3_dan", "new");
    becomes("aq3_new", "pw");
    refused(&server, &database, "aq3_dan", "pw");
    // The connection that asks is ended by the server, and made again.
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE application_name = 'pgveil auth' AND datname = '{database}'"
    );
    assert_eq!(world.cluster().execute("postgres", &end).unwrap(), "t\n");
    becomes("aq3_ever", "pw");
}

/// As PgBouncer's documentation has it: a function that may read what the asking account may not.
#[test]
fn a_function_asks_for_an_account_with_few_rights() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret; \
         CREATE FUNCTION s.user_lookup(INOUT p_user name, OUT p_hash text) RETURNS record LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog \
           AS 'SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin'",
    );
    roles("aq4_");
    let auth =
        format!("[auth]\nquery = \"SELECT p_user, p_hash FROM s.user_lookup($1)\"\ndatabase = \"{database}\"\ndefault_role = \"reader\"");
    let server = Own::new(POLICY).more(&auth).start("auth_function").unwrap();
    assert_eq!(session(&server, &database, "aq4_dora", "pw").query(LOOK).table(), "∅");
    refused(&server, &database, "aq4_dora", "wrong");
    refused(&server, &database, "aq4_unheard", "pw");
}

/// Whatever is wrong with the question, nobody is let in by it, and users of the file are not held up.
#[test]
fn a_question_that_fails_lets_nobody_in() {
    let database = World::get().database(SCHEMA);
    roles("aq5_");
    let role = "default_role = \"reader\"";
    for (n, (lines, why)) in [
        (format!("{}database = \"no_such_database\"\n{role}", superuser()), "does not exist"),
        (format!("user = \"postgres\"\npassword_file = \"wrong\"\n{role}"), "password authentication failed"),
        (format!("query = \"SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1\"\n{role}"), "permission denied"),
        (format!("{}query = \"SELECT nonsense($1)\"\n{role}", superuser()), "does not exist"),
        (format!("{}query = \"SELECT rolname FROM pg_authid WHERE rolname = $1\"\n{role}", superuser()), "two columns"),
        (format!("{}query = \"SELECT rolname, rolpassword, oid FROM pg_authid WHERE rolname = $1\"\n{role}", superuser()), "none of"),
        (
            format!(
                "{}query = \"SELECT 'aq5_dan'::text, rolpassword FROM pg_authid WHERE rolname = 'aq5_dan' AND $1::text IS NOT NULL\"\n{role}",
                superuser()
            ),
            "another user",
        ),
        (
            format!(
                "{}query = \"SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1\"\n[auth.roles]\naq5_all = \"reader\"",
                superuser()
            ),
            "no column",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("auth_fails_{n}");
        let server = Own::new(POLICY).user("here", "reader").more(&format!("[auth]\n{lines}")).start(&name).unwrap();
        refused(&server, &database, "aq5_dora", "pw");
        refused(&server, &database, "aq5_dora", "wrong");
        assert_eq!(session(&server, &database, "here", "here").query(LOOK).table(), "∅");
        let log = log();
        assert!(log.lines().any(|line| line.contains("auth.failed") && line.contains("aq5_dora") && line.contains(why)), "{why}: {log}");
    }
    for (more, says) in [
        ("[auth]\ndefault_role = \"nobody\"", "auth.default_role"),
        ("[auth.roles]\nx = \"nobody\"", "auth.roles.x"),
        ("[auth]", "auth.roles"),
    ] {
        let error = Own::new(POLICY).more(more).start("auth_bad").err().unwrap();
        assert!(error.contains(says), "{error}");
    }
}

/// What PgBouncer's users have: the database knows the users, and they log in there as themselves.
#[test]
fn the_databases_users_log_in_as_themselves() {
    let world = World::get();
    let database = world.database(SCHEMA);
    roles("aq6_");
    world.cluster().execute(&database, "GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT ON s.t TO aq6_all").unwrap();
    let server = Own::new(POLICY).upstream("login = \"user\"").more(&auth("aq6_", 60)).start("auth_user").unwrap();
    for (user, seen) in [("aq6_dora", "x"), ("aq6_dan", "∅")] {
        for _ in 0..2 {
            let mut client = session(&server, &database, user, "pw");
            assert_eq!(client.query("SELECT session_user").table(), user);
            assert_eq!(client.query(LOOK).table(), seen);
        }
    }
    refused(&server, &database, "aq6_dora", "wrong");
}
