//! A function in the notation of a field, `(x).function`, of a value of any type: it is what the call would be.

use super::*;

attacks![
    attack(
        "pgveil's own text, with the order key",
        &["SELECT (g).pg_stat_get_backend_activity FROM generate_series(0, 200) AS g, \
             (SELECT email FROM shop.customers ORDER BY email LIMIT 1) AS e"],
        Refused
    ),
    attack("the same of a column", &["SELECT (s.n).pg_stat_get_backend_activity FROM (SELECT 1 AS n) AS s"], Refused),
    attack("any setting", &["SELECT ('hba_file').current_setting"], Refused),
    attack("any setting, by a text", &["SELECT (CAST('hba_file' AS text)).current_setting"], Refused),
    attack("any setting, by a column", &["SELECT (s.n).current_setting FROM (SELECT 'hba_file'::text AS n) AS s"], Refused),
    attack("any setting, by a value of unknown type", &["SELECT (s).current_setting FROM (VALUES ('hba_file')) AS s"], Nothing),
    attack("any setting, behind a function", &["SELECT (('hba_file'::text).lower).current_setting"], Refused),
    attack("any setting, at the end of a chain", &["SELECT ('HBA_FILE'::text).lower.current_setting"], Refused),
    attack("any setting, in an order", &["SELECT code FROM shop.countries ORDER BY ('hba_file').current_setting"], Refused),
    attack("any setting, in a group", &["SELECT count(*) FROM shop.countries GROUP BY ('hba_file').current_setting"], Refused),
    attack("any setting, in a condition", &["SELECT code FROM shop.countries WHERE ('hba_file').current_setting LIKE '/%'"], Refused),
    attack("any setting, in a window", &["SELECT rank() OVER (ORDER BY ('hba_file').current_setting) FROM shop.countries"], Refused),
    attack("any setting, in FROM", &["SELECT s.x FROM shop.countries, LATERAL (SELECT ('hba_file').current_setting AS x) AS s"], Refused),
    attack("any setting, of a row that is one value", &["SELECT g.current_setting FROM lower('HBA_FILE') AS g"], Error("42703")),
    attack(
        "another session's text, of such a row",
        &["SELECT g.pg_stat_get_backend_activity FROM generate_series(0, 200) AS g"],
        Error("42703")
    ),
    attack(
        "a column that has a function's name",
        &["SELECT (u).current_setting, u.current_setting FROM unnest(ARRAY['hba_file']) AS u(current_setting)"],
        Rows("hba_file|hba_file")
    ),
    attack("a prepared setting", &["PREPARE p(text) AS SELECT ($1).current_setting", "EXECUTE p('hba_file')"], Nothing),
    attack("the size of a table", &["SELECT ('shop.customers'::regclass).pg_relation_size"], Refused),
    attack("the size of a table, by its number", &["SELECT (c.oid).pg_table_size FROM pg_class AS c WHERE relname = 'customers'"], Refused),
    attack("the rows of a table", &["SELECT (16386::oid).pg_stat_get_live_tuples"], Refused),
    attack("the rows of a table, in an array", &["SELECT (ARRAY[16386::oid])[1].pg_stat_get_live_tuples"], Refused),
    attack("the rows of a table, by a subquery", &["SELECT (SELECT 16386::oid).pg_stat_get_live_tuples"], Refused),
    attack("the size of a row", &["SELECT (e).pg_column_size FROM shop.employees AS e"], Refused),
    attack("the size of a value", &["SELECT (salary).pg_column_size FROM shop.employees"], Refused),
    attack(
        "rows in the order of their values",
        &["SELECT (SELECT (s.m).array_agg FROM (SELECT min(id) AS m FROM shop.customers GROUP BY email) AS s)"],
        Refused
    ),
    attack(
        "records in the order of their values",
        &["SELECT (SELECT (s).array_agg::text FROM (SELECT min(id) AS m FROM shop.customers GROUP BY email) AS s)"],
        Refused
    ),
    attack(
        "JSON in the order of values",
        &["SELECT (s.m).json_agg FROM (SELECT min(score) AS m FROM shop.leads GROUP BY email) AS s"],
        Refused
    ),
    attack("known random numbers", &["SELECT id, (0.5::float8).setseed FROM shop.employees WHERE dept = 3"], Refused),
    attack("a pseudonymised value in capitals", &["SELECT (c.email).upper FROM shop.customers AS c WHERE id = {id}"], Refused),
    attack("the greatest pseudonymised value", &["SELECT (c.email).max FROM shop.customers AS c"], Refused),
    attack("a whole row", &["SELECT (c).row_to_json FROM shop.customers AS c WHERE id = {id}"], Refused),
    attack("a function of a veiled field", &["SELECT (c).phone.length FROM shop.customers AS c WHERE id = {id}"], Harmless),
    attack("a function of a value", &["SELECT ('Ab'::text).lower, ('ab'::text).upper.length, (2.5).floor"], Rows("ab|2|2")),
    attack("a function of a row", &["SELECT (c).row_to_json ->> 'code' FROM shop.countries AS c WHERE code = 'DE'"], Rows("DE")),
    attack(
        "a field of a row",
        &["SELECT (x.c).code, (x.c).name FROM (SELECT c FROM shop.countries AS c WHERE code = 'DE') AS x"],
        Rows("DE|Land 0")
    ),
    attack(
        "a field that has a function's name",
        &["SELECT (json_populate_record(CAST(NULL AS shop.countries), '{\"name\": \"x\"}')).name"],
        Rows("x")
    ),
];

const OWN: &[Attack] = &[
    attack(
        "a field that has the name of a function of two arguments",
        &[
            "CREATE TYPE adhoc.place AS (street text, position int)",
            "CREATE TABLE adhoc.places (id int, addr adhoc.place)",
            "INSERT INTO adhoc.places VALUES (1, ROW('a', 7))",
            "SELECT (addr).street, (addr).position FROM adhoc.places",
        ],
        Rows("a|7"),
    ),
    attack("a setting in RETURNING", &["INSERT INTO adhoc.places VALUES (2, NULL) RETURNING ('hba_file').current_setting"], Refused),
    attack("a table's rows, written", &["UPDATE adhoc.places SET id = (16386::oid).pg_stat_get_live_tuples"], Refused),
    attack(
        "a setting on conflict",
        &["INSERT INTO adhoc.customers VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET full_name = ('hba_file').current_setting"],
        Refused,
    ),
    attack("a function as a target", &["UPDATE adhoc.places SET addr.lower = 'x'"], Nothing),
    attack("a setting by DEFAULT", &["CREATE TABLE adhoc.set (x text DEFAULT ('hba_file').current_setting)"], Refused),
    attack("a text by DEFAULT", &["CREATE TABLE adhoc.set (x text DEFAULT (200).pg_stat_get_backend_activity)"], Refused),
    attack("a setting by a view", &["CREATE VIEW adhoc.set AS SELECT ('hba_file').current_setting"], Refused),
    attack("what is left of it", &["DROP TABLE adhoc.places", "DROP TYPE adhoc.place"], Harmless),
];

#[test]
fn written() {
    run_writing("analyst", OWN);
}
