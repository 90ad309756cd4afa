//! Error and notice texts that carry data.

use super::*;

attacks![
    attack(
        "Key already exists",
        &["BEGIN", "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', now())"],
        Error("23505")
    ),
    attack("failing row contains", &["BEGIN", "INSERT INTO shop.customers (id) VALUES (-1)"], Error("23502")),
    attack("no partition for a row", &["BEGIN", "INSERT INTO shop.orders SELECT * FROM shop.orders LIMIT 1"], Refused),
    attack("a failing cast in a subquery", &["SELECT count(*) FROM (SELECT notes::int FROM shop.customers) AS x"], Harmless),
    attack("more than one row", &["SELECT (SELECT full_name FROM shop.customers)"], Error("22000")),
    attack(
        "which row fails first",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 3 WHEN 0 THEN 1/(i-i) > 0 ELSE ('x'||i)::int > 0 END"
        ],
        Error("22000")
    ),
    attack(
        "which row fails first, by a column that is not there",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE has_column_privilege('shop.customers', 'c' || i, 'SELECT')"
        ],
        Error("22000")
    ),
    attack(
        "which row fails first, by the sequence of such a column",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE pg_get_serial_sequence('shop.customers', 'c' || i) IS NOT NULL"
        ],
        Error("22000")
    ),
    attack(
        "how the first row fails: an internal error",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 2 WHEN 0 THEN setweight(array_to_tsvector(ARRAY[i::text]), 'x') IS NOT NULL ELSE 1/(i-i) > 0 END"
        ],
        Error("22000")
    ),
    attack(
        "how the first row fails: the server's state",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 2 WHEN 0 THEN pg_is_wal_replay_paused() ELSE 1/(i-i) > 0 END"
        ],
        Error("22000")
    ),
    attack(
        "how the first row fails: a schema that is closed",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 2 WHEN 0 THEN ('pg_toast.x' || i)::regclass IS NOT NULL ELSE 1/(i-i) > 0 END"
        ],
        Error("22000")
    ),
    attack(
        "how the first row fails: as a name that means something else does",
        &[
            "SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 2 WHEN 0 THEN ('pgveil_' || 'stale' || i)::bool ELSE 1/(i-i) > 0 END"
        ],
        Error("22000")
    ),
    attack(
        "how the first row fails: the same, prepared",
        &[
            "PREPARE p AS SELECT count(*) FROM (SELECT email, min(id) i FROM shop.customers GROUP BY email) x WHERE CASE i % 2 WHEN 0 THEN ('pgveil_' || 'stale' || i)::bool ELSE 1/(i-i) > 0 END",
            "EXECUTE p"
        ],
        Error("22000")
    ),
    attack("an invalid regular expression from data", &["SELECT 'x' ~ notes FROM shop.customers"], Harmless),
    attack("NOTICE of to_tsvector", &["SELECT length(to_tsvector(notes)) FROM shop.customers LIMIT 5"], Harmless),
    attack("client_min_messages", &["SET client_min_messages = debug5", "SELECT full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("debug_print_plan", &["SET debug_print_plan = on"], Refused),
    attack("log_statement", &["SET log_statement = 'all'"], Refused),
    attack("array bounds", &["SELECT (ARRAY[1,2,3])[salary::int] FROM shop.customers WHERE id = {id}"], Rows("∅")),
    attack(
        "numeric overflow by salary",
        &["SELECT (salary::int % 10000)::int2 * 32767::int2 FROM shop.customers WHERE id = {id}"],
        Harmless
    ),
    attack("a relation of that name", &["SELECT * FROM shop.customers c, LATERAL (SELECT to_regclass(c.email)) AS x LIMIT 1"], Refused),
    attack("an unknown column is hinted at", &["SELECT emial FROM shop.customers"], Error("42703")),
    attack("an unknown table", &["SELECT * FROM shop.customer"], Error("42P01")),
    attack("setting from a value", &["SELECT set_config('application_name', email, false) FROM shop.customers WHERE id = {id}"], Refused),
    attack(
        "setting from a veiled value",
        &["SELECT set_config('application_name', full_name, false) FROM shop.customers WHERE id = {id}"],
        Harmless
    ),
    attack("text too long", &["SELECT notes::varchar(3)::int FROM shop.customers WHERE id = {id}"], Harmless),
    attack("syntax error near text", &["SELECT full_name FROM shop.customers WHERE id = {id} WHERE"], Error("42601")),
];
