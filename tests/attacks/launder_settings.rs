//! Values that a setting carries: into what the server says of itself, into another statement, past a rollback.

use super::*;

attacks![
    attack(
        "search_path is a value",
        &["SELECT set_config('search_path', (SELECT email FROM shop.customers WHERE id = {id}), false)"],
        Refused
    ),
    attack(
        "application_name is a value",
        &["SELECT set_config('application_name', email, false) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack(
        "application_name is a masked value",
        &[
            "SELECT set_config('application_name', full_name || ssn || notes, false) FROM shop.customers WHERE id = {id}",
            "SHOW application_name"
        ],
        Harmless
    ),
    attack(
        "a setting of one's own is a value",
        &["SELECT set_config('my.value', email, false) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack("a setting of one's own", &["SET my.value = 'x'"], Refused),
    attack("a setting of one's own, read back", &["SELECT current_setting('my.value', true)"], Refused),
    attack(
        "a date style that fails with the value",
        &["SELECT set_config('datestyle', email, false) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack(
        "a time zone that fails with a masked value",
        &["SELECT set_config('timezone', (SELECT full_name FROM shop.customers WHERE id = {id}), false)"],
        Nothing
    ),
    attack("a value in SET", &["SET application_name = (SELECT email FROM shop.customers WHERE id = {id})"], Error("42601")),
    attack("a function in SET", &["SET application_name = upper('x')"], Error("42601")),
    attack("SET with a name that a value gives", &["SELECT set_config(email, 'x', false) FROM shop.customers WHERE id = {id}"], Refused),
    attack(
        "a path that holds after its rollback",
        &["BEGIN", "SET LOCAL search_path = adhoc", "ROLLBACK", "SELECT full_name FROM customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "a path that holds after a savepoint's rollback",
        &["BEGIN", "SAVEPOINT s", "SET search_path = adhoc", "ROLLBACK TO s", "SELECT full_name FROM customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "a path that fails with its transaction",
        &["BEGIN", "SET search_path = adhoc", "SELECT 1/0", "COMMIT", "SELECT full_name FROM customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "a path within a failed text",
        &["SET search_path = adhoc; SELECT 1/0", "SELECT full_name FROM customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "set_config, local, after the transaction",
        &["SELECT set_config('search_path', 'adhoc', true)", "SELECT full_name FROM customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "set_config on a row that a filter removes",
        &[
            "SELECT set_config('search_path', 'adhoc', false) FROM shop.customers WHERE country = 'FR'",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack("the keyed order's key", &["SELECT * FROM pg_settings WHERE setting LIKE '%0rder%'"], Rows("")),
    attack("settings with passwords", &["SHOW primary_conninfo"], Refused),
    attack("files of settings", &["SELECT * FROM pg_file_settings"], Refused),
    attack("what the session runs", &["SELECT query FROM pg_stat_activity WHERE query <> ''"], Rows("")),
    attack("what the session runs, by its function", &["SELECT current_query() LIKE '%country%'"], Harmless),
];

/// A token is turned back into the value in the text that goes upstream: nowhere can that text be read.
#[test]
fn the_text_that_goes_upstream_is_not_seen() {
    let mut session = Stage::get().session("tokens");
    let fill = |sql: &str| Victim::get().fill(sql);
    let rows = session.query(&fill("SELECT email, account FROM shop.customers WHERE id = {id}")).ok().rows();
    let [Some(email), Some(account)] = &rows[0][..] else { panic!("two cells: {rows:?}") };
    let raw = fill("{account}");
    for sql in [
        "SELECT current_query(), id FROM shop.customers WHERE email = '$' AND account = #",
        "SELECT query FROM pg_stat_activity, shop.customers WHERE email = '$' AND account = # AND pid = pg_backend_pid()",
        "SELECT statement FROM pg_prepared_statements, shop.customers WHERE email = '$' AND account = #",
        "SELECT statement FROM pg_cursors, shop.customers WHERE email = '$' AND account = #",
        "SELECT a.*, p.* FROM pg_stat_activity a, pg_prepared_statements p, shop.customers WHERE email = '$' AND account = #",
        "EXPLAIN SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "EXPLAIN VERBOSE SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "EXPLAIN (ANALYZE, FORMAT YAML) SELECT id, '$' FROM shop.customers WHERE email = '$' AND account = #",
        "EXPLAIN (FORMAT XML) SELECT id FROM shop.customers WHERE email = '$' AND account = # ORDER BY email",
        "SELECT id / (id - id) FROM shop.customers WHERE email = '$' AND account = #",
        "SELECT id FROM shop.customers WHERE email = '$' AND account = # AND nothing = 1",
        "SELECT id FROM shop.customers WHERE email = '$' AND account = # AND 'x'::int = 1",
        "PREPARE own_text AS SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "SELECT statement FROM pg_prepared_statements",
        "DECLARE own_text CURSOR WITH HOLD FOR SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "SELECT statement FROM pg_cursors",
        "CREATE TEMP VIEW own_text AS SELECT id FROM shop.customers WHERE email = '$' AND account = #",
        "SELECT pg_get_viewdef('own_text'::regclass)",
        "SELECT definition FROM pg_views WHERE viewname = 'own_text'",
        "SELECT view_definition FROM information_schema.views WHERE table_name = 'own_text'",
    ] {
        let text = sql.replace('$', email).replace('#', account);
        // The canary speaks for the e-mail address.
        let answer = session.query(&text);
        let told = format!("{answer:?}");
        assert!(answer.broken.is_none() && !told.contains(&raw), "{text}: {told}");
    }
    // Another session of the same account sees what the first one runs no better.
    let mut other = Stage::get().session("tokens");
    let answer = other.query("SELECT * FROM pg_stat_activity");
    assert!(!format!("{answer:?}").contains(&raw), "{answer:?}");
}
