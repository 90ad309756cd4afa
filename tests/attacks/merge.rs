//! MERGE. Each is rolled back.

use super::*;

attacks![
    attack(
        "a pseudonymised column in a clear one",
        &["BEGIN", "MERGE INTO shop.products p USING shop.customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET name = c.email"],
        Refused
    ),
    attack(
        "the target's own",
        &["BEGIN", "MERGE INTO shop.leads l USING shop.customers c ON l.email = c.email WHEN MATCHED THEN UPDATE SET source = l.email"],
        Refused
    ),
    attack(
        "by a condition",
        &["BEGIN", "MERGE INTO shop.products p USING shop.customers c ON p.id = c.id WHEN MATCHED AND c.email LIKE 'l%' THEN DELETE"],
        Refused
    ),
    attack(
        "hidden rows are not matched",
        &["BEGIN", "MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN MATCHED THEN UPDATE SET score = 1"],
        Harmless
    ),
    attack(
        "a new row with a value",
        &[
            "BEGIN",
            "MERGE INTO shop.products p USING shop.customers c ON p.id = c.id AND false WHEN NOT MATCHED THEN INSERT (id, name) VALUES (c.id + 1000000, c.email)"
        ],
        Refused
    ),
    attack(
        "a new row with a value by a name that both have",
        &[
            "BEGIN",
            "MERGE INTO shop.contacts t USING shop.leads s ON t.email = s.email AND false WHEN NOT MATCHED THEN INSERT (id, label) VALUES (owner, email)"
        ],
        Refused
    ),
    attack(
        "by a condition on a name that both have",
        &[
            "BEGIN",
            "MERGE INTO shop.contacts t USING shop.leads s ON false WHEN NOT MATCHED AND email LIKE 'l%' THEN INSERT (id) VALUES (owner)"
        ],
        Refused
    ),
    attack(
        "the target's columns where nothing matches",
        &[
            "BEGIN",
            "MERGE INTO shop.contacts t USING shop.products p ON false WHEN NOT MATCHED THEN INSERT (id, label) VALUES (p.id, t.email)"
        ],
        Error("42P01")
    ),
];
