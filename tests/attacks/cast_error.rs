//! Casts that fail: the message, or that there is one, tells the value.

use super::*;

attacks![
    attack("the value in the message", &["SELECT email::int FROM shop.customers WHERE id = {id}"], Refused),
    attack("veiled: the mask in the message at most", &["SELECT full_name::int FROM shop.customers WHERE id = {id}"], Nothing),
    attack("veiled to NULL: no failure", &["SELECT ssn::int FROM shop.customers WHERE id = {id}"], Rows("∅")),
    attack("whether it is a number", &["SELECT count(ssn::bigint) FROM shop.customers"], Rows("0")),
    attack("to a date", &["SELECT email::date FROM shop.customers WHERE id = {id}"], Refused),
    attack("to json", &["SELECT notes::json FROM shop.customers WHERE id = {id}"], Harmless),
    attack("to xml", &["SELECT email::xml FROM shop.customers WHERE id = {id}"], Refused),
    attack("to regclass: relation does not exist", &["SELECT ssn::regclass FROM shop.customers WHERE id = {id}"], Harmless),
    attack("to regclass, sealed", &["SELECT email::regclass FROM shop.customers WHERE id = {id}"], Refused),
    attack("to an enum", &["SELECT email::shop.mood FROM shop.customers WHERE id = {id}"], Refused),
    attack("to an array", &["SELECT email::int[] FROM shop.customers WHERE id = {id}"], Refused),
    attack("CAST spelt out", &["SELECT CAST(email AS int) FROM shop.customers WHERE id = {id}"], Refused),
    attack("type name before", &["SELECT int4(email) FROM shop.customers WHERE id = {id}"], Refused),
    attack("to_number", &["SELECT to_number(email, '9') FROM shop.customers WHERE id = {id}"], Refused),
    attack("setting of that name", &["SELECT current_setting(email) FROM shop.customers WHERE id = {id}"], Refused),
    attack("sequence of that name", &["SELECT nextval(email) FROM shop.customers WHERE id = {id}"], Refused),
    attack("failing conversion", &["SELECT convert_to(email, 'LATIN1') FROM shop.customers WHERE id = {id}"], Refused),
    attack("a failure in WHERE", &["SELECT 1 FROM shop.customers WHERE id = {id} AND email::int > 0"], Refused),
    attack("overflow as an oracle", &["SELECT 2147483647 + (salary % 2)::int FROM shop.customers WHERE id = {id}"], Rows("2147483647")),
    attack("division by zero as an oracle", &["SELECT 1 / (salary::int - 41732) FROM shop.customers WHERE id = {id}"], Harmless),
    attack(
        "failing only for a guess",
        &["SELECT 1 / (CASE WHEN phone LIKE '{phone}' THEN 0 ELSE 1 END) FROM shop.customers WHERE id = {id}"],
        Rows("1")
    ),
    attack(
        "sealed in the failing CASE",
        &["SELECT 1 / (CASE WHEN email = '{email}' THEN 0 ELSE 1 END) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
];
