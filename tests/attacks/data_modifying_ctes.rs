//! Statements that write inside WITH. Each is rolled back.

use super::*;

attacks![
    attack(
        "what it returns",
        &["BEGIN", "WITH x AS (UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING email) SELECT email FROM x"],
        Harmless
    ),
    attack(
        "what it returns, changed",
        &["BEGIN", "WITH x AS (UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING email) SELECT upper(email) FROM x"],
        Refused
    ),
    attack(
        "one that is not read",
        &["BEGIN", "WITH x AS (INSERT INTO shop.leads (source) SELECT email FROM shop.customers) SELECT 1"],
        Refused
    ),
    attack("one that deletes by a guess", &["BEGIN", "WITH x AS (DELETE FROM shop.customers WHERE email LIKE 'l%') SELECT 1"], Refused),
    attack("hidden rows, counted", &["BEGIN", "WITH x AS (DELETE FROM shop.orders RETURNING id) SELECT count(*) FROM x"], Harmless),
    attack(
        "from one to the next",
        &["BEGIN", "WITH x AS (DELETE FROM shop.leads RETURNING email) INSERT INTO shop.products (id, name) SELECT 1000, email FROM x"],
        Refused
    ),
    attack("in EXPLAIN", &["BEGIN", "EXPLAIN WITH x AS (DELETE FROM shop.leads RETURNING email) SELECT * FROM x"], Harmless),
];
