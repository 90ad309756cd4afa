//! RETURNING: what comes back of rows that are written. Each is rolled back.

use super::*;

attacks![
    attack("a pseudonymised column", &["BEGIN", "UPDATE shop.customers SET score = score WHERE id = {id} RETURNING email"], Pseudonyms),
    attack(
        "masked columns",
        &["BEGIN", "UPDATE shop.customers SET score = score WHERE id = {id} RETURNING full_name, ssn"],
        Rows("[name]|∅")
    ),
    attack("of a DELETE", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING email"], Pseudonyms),
    attack("all columns", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING *"], Harmless),
    attack(
        "an expression over a pseudonymised column",
        &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING upper(email)"],
        Refused
    ),
    attack("a whole row", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING customers"], Refused),
    attack("a whole row as JSON", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING row_to_json(customers)"], Refused),
    attack("ctid", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING ctid"], Refused),
    attack("xmax", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING xmax"], Refused),
    attack(
        "a subquery",
        &["BEGIN", "UPDATE shop.products SET price = 1 WHERE id = 1 RETURNING (SELECT email FROM shop.customers WHERE id = {id})"],
        Pseudonyms
    ),
    attack(
        "another table",
        &["BEGIN", "UPDATE shop.products p SET price = 1 FROM shop.customers c WHERE p.id = 1 AND c.id = {id} RETURNING c.email"],
        Pseudonyms
    ),
    attack("the rows' order", &["BEGIN", "UPDATE shop.employees SET boss = 1 WHERE dept = 2 RETURNING id"], Harmless),
    attack("the rows' order, of a DELETE", &["BEGIN", "DELETE FROM shop.employees WHERE dept = 2 RETURNING id"], Harmless),
    attack("the order of filtered rows", &["BEGIN", "DELETE FROM shop.customers WHERE city = 'Bonn' RETURNING id"], Harmless),
    attack("a row that is hidden", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE country = 'FR' RETURNING id"], Harmless),
    attack("how many rows are hidden", &["BEGIN", "UPDATE shop.customers SET score = 1"], Harmless),
    attack("how many rows are hidden, by DELETE", &["BEGIN", "DELETE FROM shop.orders"], Harmless),
    attack(
        "a hidden row fails",
        &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE 1 / (CASE country WHEN 'DE' THEN 1 WHEN 'AT' THEN 1 ELSE 0 END) > 0"],
        Harmless
    ),
    attack(
        "a hidden row fails in a subquery",
        &[
            "BEGIN",
            "DELETE FROM shop.orders WHERE EXISTS (SELECT FROM shop.products p WHERE 1 / (orders.quantity - orders.quantity % 1000000) > p.id)"
        ],
        Harmless
    ),
    attack(
        "of a row that is moved out of sight",
        &["BEGIN", "UPDATE shop.customers SET country = 'FR' WHERE id = {id} RETURNING full_name, country"],
        Rows("[name]|FR")
    ),
    attack(
        "and is then changed",
        &[
            "BEGIN",
            "UPDATE shop.customers SET country = 'FR' WHERE id = {id}",
            "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING id"
        ],
        Rows("")
    ),
    attack("of a new row", &["BEGIN", "INSERT INTO shop.leads (source) VALUES ('x') RETURNING email, source"], Rows("∅|x")),
    attack(
        "of new rows from elsewhere",
        &["BEGIN", "INSERT INTO shop.leads (score) SELECT id FROM shop.employees WHERE dept = 2 RETURNING score"],
        Harmless
    ),
];
