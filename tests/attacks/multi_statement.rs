//! Several statements in one text.

use super::*;

attacks![
    attack("a second statement", &["SELECT 1; SELECT email FROM shop.customers WHERE id = {id}"], Harmless),
    attack("veiled in the second", &["SELECT 1; SELECT full_name FROM shop.customers WHERE id = {id}"], Rows("1\n[name]")),
    attack("a refused second stops the first", &["SELECT 1; SELECT upper(email) FROM shop.customers"], Harmless),
    attack("path set for the second", &["SET search_path = public; SELECT ssn FROM customers WHERE id = {id}"], Harmless),
    attack("empty statements", &[";;SELECT full_name FROM shop.customers WHERE id = {id};;"], Rows("[name]")),
    attack("a transaction in one text", &["BEGIN; SELECT full_name FROM shop.customers WHERE id = {id}; COMMIT"], Rows("[name]")),
    attack(
        "prepared and executed in one text",
        &["PREPARE p AS SELECT full_name FROM shop.customers WHERE id = {id}; EXECUTE p"],
        Harmless
    ),
    attack(
        "a function body with semicolons",
        &["CREATE FUNCTION adhoc.f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT email FROM shop.customers LIMIT 1; END"],
        Refused
    ),
    attack("DO", &["DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM shop.customers LIMIT 1); END $$"], Refused),
    attack("SET ROLE in between", &["SET ROLE postgres; SELECT full_name FROM shop.customers WHERE id = {id}"], Refused),
    attack("RESET SESSION AUTHORIZATION", &["RESET SESSION AUTHORIZATION; SELECT email FROM shop.customers WHERE id = {id}"], Harmless),
    attack("a temporary table in between", &["CREATE TEMP TABLE t AS SELECT email FROM shop.customers; SELECT * FROM t"], Harmless),
];
