//! Becoming somebody else, in every spelling; at the start of a session too.

use super::*;

attacks![
    attack("SET ROLE", &["SET ROLE postgres"], Refused),
    attack("SET ROLE, a name in quotes", &["SET ROLE \"postgres\""], Refused),
    attack("SET ROLE, a string", &["SET ROLE 'postgres'"], Refused),
    attack("SET LOCAL ROLE", &["BEGIN", "SET LOCAL ROLE postgres"], Refused),
    attack("SET SESSION ROLE", &["SET SESSION ROLE postgres"], Refused),
    attack("as any setting", &["SET role = postgres"], Refused),
    attack("as any setting, in quotes", &["SET \"role\" TO postgres"], Refused),
    attack("as any setting, in capitals and quotes", &["SET \"ROLE\" TO postgres"], Refused),
    attack("as any setting, as a string", &["SET role TO 'postgres'"], Refused),
    attack("the session's user", &["SET SESSION AUTHORIZATION postgres"], Refused),
    attack("the session's user, a string", &["SET SESSION AUTHORIZATION 'postgres'"], Refused),
    attack("the session's user, for a transaction", &["BEGIN", "SET LOCAL SESSION AUTHORIZATION postgres"], Refused),
    attack("the session's user as any setting", &["SET session_authorization = postgres"], Refused),
    attack("by set_config", &["SELECT set_config('role', 'postgres', false)"], Refused),
    attack("by set_config, in capitals", &["SELECT set_config('ROLE', 'postgres', true)"], Refused),
    attack("by set_config, for the session", &["SELECT set_config('session_authorization', 'postgres', false)"], Refused),
    attack("by set_config, with a name that is computed", &["SELECT set_config('ro' || 'le', 'postgres', false)"], Refused),
    attack(
        "by set_config, with a name out of rows",
        &["SELECT set_config(n, 'postgres', false) FROM (VALUES ('role')) AS v (n)", "SELECT current_user, current_setting('role')"],
        Nothing
    ),
    attack(
        "by set_config, with a name out of rows, seen",
        &["SELECT set_config(n, 'postgres', false) FROM (VALUES ('role')) AS v (n)", "SELECT current_user, session_user"],
        Rows("pgveil|pgveil")
    ),
    attack("by set_config in a subquery", &["SELECT (SELECT set_config('role', 'postgres', false))"], Refused),
    attack("by set_config in FROM", &["SELECT * FROM set_config('role', 'postgres', false)"], Refused),
    attack("by set_config in VALUES", &["VALUES (set_config('role', 'postgres', false))"], Refused),
    attack("by pg_settings", &["UPDATE pg_settings SET setting = 'postgres' WHERE name = 'role'"], Refused),
    attack("by a role's defaults", &["ALTER ROLE pgveil SET role = 'postgres'"], Refused),
    attack("by the database's defaults", &["ALTER DATABASE postgres SET role = 'postgres'"], Refused),
    attack(
        "by a function's settings",
        &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE sql SET role = 'postgres' AS 'SELECT 1'"],
        Refused
    ),
    attack("as the function's owner", &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"], Refused),
    attack("a member of a role", &["GRANT postgres TO pgveil"], Refused),
    attack("what belongs to others", &["REASSIGN OWNED BY postgres TO pgveil"], Refused),
    attack("a new login", &["CREATE ROLE eve LOGIN SUPERUSER"], Refused),
    attack("a user mapping", &["CREATE USER MAPPING FOR pgveil SERVER files"], Refused),
    attack("with several statements", &["SET ROLE postgres; SELECT email FROM shop.customers WHERE id = {id}"], Refused),
];

/// `options` and settings of their own name in the startup message.
#[test]
fn nobody_starts_as_somebody_else() {
    let stage = Stage::get();
    for (name, value) in [
        ("options", "-c role=postgres"),
        ("options", "--role=postgres"),
        ("options", "-crole=postgres"),
        ("options", "-c session_authorization=postgres"),
        ("options", "-c search_path=pg_catalog\\ -c\\ role=postgres"),
        ("role", "postgres"),
        ("ROLE", "postgres"),
        ("session_authorization", "postgres"),
    ] {
        let mut login = stage.login("analyst", &stage.both.a);
        login.settings.push((name.to_owned(), value.to_owned()));
        if let Ok(mut session) = Client::connect(&login) {
            let answer =
                session.query(&Victim::get().fill("SELECT current_user, session_user, full_name FROM shop.customers WHERE id = {id}"));
            if answer.error().is_none() {
                assert_eq!(answer.table(), "pgveil|pgveil|[name]", "{name} = {value}");
            }
        }
    }
}
