//! Operators that two readers bind differently.

use super::*;

attacks![
    attack("sealed = x ~ y", &["SELECT id FROM shop.customers WHERE true = email ~ '^l'"], Refused),
    attack("sealed = sealed ~ pattern", &["SELECT id FROM shop.customers WHERE email = email ~ '^l'"], Refused),
    attack("a ~ b || c", &["SELECT id FROM shop.customers WHERE 'x' ~ full_name || 'y'"], Harmless),
    attack("a LIKE b ~ c", &["SELECT id FROM shop.customers WHERE city LIKE 'U%' ~ 't' LIMIT 3"], Harmless),
    attack("minus and power", &["SELECT -2 ^ 2, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("prefix @", &["SELECT @ -5 + 2, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("square root", &["SELECT |/ 16 + 9, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("minus AT TIME ZONE", &["SELECT created - created AT TIME ZONE 'UTC' FROM shop.customers WHERE id = {id}"], Harmless),
    attack("NOT and =", &["SELECT NOT eu = false FROM shop.countries WHERE code = 'DE'"], Rows("t")),
    attack("comparison chain", &["SELECT 1 < 2 = true, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("IS and OR", &["SELECT email IS NULL OR ssn IS NULL FROM shop.customers WHERE id = {id}"], Rows("t")),
    attack("cast binds tightest", &["SELECT -'2'::int, full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack(
        "BETWEEN and AND",
        &["SELECT id FROM shop.customers WHERE id BETWEEN 2 AND 4 AND full_name = '[name]' ORDER BY id"],
        Rows("2\n4")
    ),
    attack("JSON arrows", &["SELECT address -> 'zip' ->> 'a' FROM shop.customers WHERE id = {id}"], Rows("∅")),
    attack("COLLATE", &["SELECT full_name COLLATE \"C\" || 'x' FROM shop.customers WHERE id = {id}"], Harmless),
    attack("IN and ~", &["SELECT id FROM shop.customers WHERE full_name IN ('[name]') = true AND id = {id}"], Harmless),
];
