//! Names that mean another object under another search_path.

use super::*;

attacks![
    attack("unqualified after SET", &["SET search_path = shop", "SELECT full_name FROM customers WHERE id = {id}"], Rows("[name]")),
    attack(
        "unqualified after set_config",
        &["SELECT set_config('search_path', 'shop', false)", "SELECT email FROM customers WHERE id = {id}"],
        Harmless
    ),
    attack(
        "in one statement",
        &["SELECT set_config('search_path', 'shop', true), (SELECT email FROM customers WHERE id = {id})"],
        Harmless
    ),
    attack("in one text", &["SET search_path = shop; SELECT full_name FROM customers WHERE id = {id}"], Harmless),
    attack("SET LOCAL", &["BEGIN", "SET LOCAL search_path = shop", "SELECT ssn FROM customers WHERE id = {id}"], Rows("∅")),
    attack(
        "and rolled back",
        &["BEGIN", "SET LOCAL search_path = public", "ROLLBACK", "SELECT ssn FROM customers WHERE id = {id}"],
        Rows("∅")
    ),
    attack(
        "savepoint",
        &["BEGIN", "SAVEPOINT s", "SET search_path = public", "ROLLBACK TO s", "SELECT ssn FROM customers WHERE id = {id}"],
        Rows("∅")
    ),
    attack("RESET", &["SET search_path = public", "RESET search_path", "SELECT ssn FROM customers WHERE id = {id}"], Rows("∅")),
    attack("RESET ALL", &["SET search_path = public", "RESET ALL", "SELECT ssn FROM customers WHERE id = {id}"], Rows("∅")),
    attack("DISCARD ALL", &["SET search_path = public", "DISCARD ALL", "SELECT ssn FROM customers WHERE id = {id}"], Rows("∅")),
    attack("SET SCHEMA", &["SET SCHEMA 'shop'", "SELECT ssn FROM customers WHERE id = {id}"], Harmless),
    attack("pg_catalog last", &["SET search_path = adhoc, shop, pg_catalog", "SELECT ssn FROM customers WHERE id = {id}"], Harmless),
    attack("pg_temp in the path", &["SET search_path = pg_temp, shop", "SELECT ssn FROM customers WHERE id = {id}"], Harmless),
    attack("odd spelling", &["SET search_path TO \"shop\", 'public'", "SELECT ssn FROM customers WHERE id = {id}"], Harmless),
    attack("as a time zone's neighbour", &["SET SESSION search_path = shop", "SELECT ssn FROM customers WHERE id = {id}"], Rows("∅")),
    attack("ALTER ROLE", &["ALTER ROLE CURRENT_USER SET search_path = shop"], Refused),
    attack("update pg_settings", &["UPDATE pg_settings SET setting = 'shop' WHERE name = 'search_path'"], Refused),
    attack("partitions by their own names", &["SELECT ship_email FROM shop.orders_q1 LIMIT 2"], Harmless),
    attack("a partition's veiled column", &["SELECT DISTINCT card_number FROM shop.orders_q1"], Rows("∅")),
    attack("an inheritance child", &["SELECT email FROM shop.contacts_old WHERE email IS NOT NULL LIMIT 2"], Pseudonyms),
    attack(
        "the row filter of the parent on a partition",
        &["SELECT count(*) FROM shop.orders_q1 o LEFT JOIN shop.customers c ON c.id = o.customer_id WHERE c.id IS NULL"],
        Rows("0")
    ),
];
