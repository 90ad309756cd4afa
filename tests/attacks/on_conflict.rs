//! ON CONFLICT: rows that were there before, hidden ones too. Each is rolled back.

use super::*;

attacks![
    attack(
        "DO UPDATE returns a row",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET score = 1 RETURNING email"
        ],
        Pseudonyms
    ),
    attack(
        "DO UPDATE sees masks",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = customers.full_name RETURNING city"
        ],
        Rows("[name]")
    ),
    attack(
        "DO UPDATE copies a pseudonymised column",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = customers.email"
        ],
        Refused
    ),
    attack(
        "DO UPDATE with a predicate",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET score = 1 WHERE customers.email LIKE 'l%'"
        ],
        Refused
    ),
    attack(
        "DO UPDATE with a mask in its predicate",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET score = 1 WHERE customers.full_name = '{name}'"
        ],
        Harmless
    ),
    attack(
        "excluded is masked, too",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = excluded.full_name RETURNING city"
        ],
        Rows("[name]")
    ),
    attack(
        "DO UPDATE copies a pseudonymised column of WITH",
        &[
            "BEGIN",
            "WITH a AS (SELECT email FROM shop.customers WHERE id = {id}) INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = (SELECT email FROM a) RETURNING city"
        ],
        Refused
    ),
    attack(
        "a WITH that hides a table, whose rows must be sorted",
        &[
            "BEGIN",
            "SET search_path = shop",
            "WITH customers AS (SELECT id, country, created, 'x' AS email FROM shop.customers) INSERT INTO shop.customers (id, country, created) (SELECT id, country, created FROM customers UNION SELECT {id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = (SELECT max(email) FROM customers) RETURNING city"
        ],
        Harmless
    ),
    attack(
        "the WITH of the rows themselves hides no table from DO UPDATE",
        &[
            "BEGIN",
            "SET search_path = shop",
            "INSERT INTO shop.customers (id, country, created) WITH customers AS (SELECT 'x' AS email) SELECT {id}, 'DE', date '2024-01-01' FROM customers ON CONFLICT (id) DO UPDATE SET city = (SELECT email FROM customers WHERE id = {id}) RETURNING city"
        ],
        Refused
    ),
    attack(
        "another excluded",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET city = (SELECT excluded.name FROM shop.products AS excluded LIMIT 1)"
        ],
        Refused
    ),
    attack(
        "a hidden row is not changed and does not come back",
        &[
            "BEGIN",
            "UPDATE shop.customers SET country = 'FR' WHERE id = {id}",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT (id) DO UPDATE SET score = 1 RETURNING id, city"
        ],
        Rows("")
    ),
    attack(
        "DO NOTHING",
        &[
            "BEGIN",
            "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01') ON CONFLICT DO NOTHING RETURNING id"
        ],
        Rows("")
    ),
    attack(
        "the constraint's values",
        &["BEGIN", "INSERT INTO shop.customers (id, country, created) VALUES ({id}, 'DE', '2024-01-01')"],
        Error("23505")
    ),
];
