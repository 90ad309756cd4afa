//! What can be learnt from whether a write is accepted, and how it fails. Each is rolled back.

use super::*;

attacks![
    attack("Failing row contains", &["BEGIN", "UPDATE shop.customers SET country = NULL WHERE id = {id}"], Error("23502")),
    attack("a type's error", &["BEGIN", "UPDATE shop.customers SET score = CAST(city AS int)"], Nothing),
    attack("a mask's text in a type's error", &["BEGIN", "UPDATE shop.customers SET score = CAST(phone AS int) WHERE id = {id}"], Nothing),
    attack(
        "a pseudonymised value in a type's error",
        &["BEGIN", "UPDATE shop.customers SET score = CAST(email AS int) WHERE id = {id}"],
        Refused
    ),
    attack("a value that is too long", &["BEGIN", "UPDATE shop.employees SET title = name WHERE id = 1"], Harmless),
    attack("a pseudonymised value that is too long", &["BEGIN", "UPDATE shop.employees SET title = email WHERE id = 1"], Refused),
    attack("a duplicate", &["BEGIN", "UPDATE shop.customers SET id = id + 1 - 1 WHERE id = {id}"], Harmless),
    attack(
        "a duplicate of a visible row",
        &["BEGIN", "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01')"],
        Error("23505")
    ),
    attack("an aggregate", &["BEGIN", "UPDATE shop.customers SET score = max(salary)"], Error("42803")),
    attack(
        "a division over filtered rows",
        &["BEGIN", "UPDATE shop.customers SET score = 1 / (CASE country WHEN 'DE' THEN 1 WHEN 'AT' THEN 1 ELSE 0 END)"],
        Harmless
    ),
    attack("a prepared update", &["BEGIN", "PREPARE p AS UPDATE shop.customers SET city = email", "EXECUTE p"], Nothing),
    attack("EXPLAIN of an update", &["BEGIN", "EXPLAIN UPDATE shop.customers SET score = 1 WHERE email = '{email}'"], Refused),
    attack("an update of a catalog", &["BEGIN", "UPDATE pg_catalog.pg_class SET relname = 'x'"], Refused),
    attack("a generated column", &["BEGIN", "UPDATE shop.profiles SET email_key = 'x'"], Nothing),
    attack("what a generated column is made from", &["BEGIN", "UPDATE shop.profiles SET email = nick"], Refused),
    attack("a partition", &["BEGIN", "UPDATE shop.orders_q1 SET status = ship_email"], Refused),
    attack("a partition's rows that are hidden", &["BEGIN", "UPDATE shop.orders_q1 SET status = 'x'"], Harmless),
    attack("children", &["BEGIN", "UPDATE shop.contacts_old SET label = email"], Refused),
    attack("ONLY", &["BEGIN", "UPDATE ONLY shop.contacts SET label = email"], Refused),
];
