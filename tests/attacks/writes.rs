//! Values that leave by writing them somewhere. Each is rolled back.

use super::*;

attacks![
    attack(
        "a copy of the table",
        &["BEGIN", "CREATE TABLE adhoc.t1 AS SELECT id, email FROM shop.customers", "SELECT email FROM adhoc.t1 LIMIT 1"],
        Harmless
    ),
    attack("SELECT INTO", &["BEGIN", "SELECT email INTO adhoc.t2 FROM shop.customers", "SELECT email FROM adhoc.t2 LIMIT 1"], Harmless),
    attack(
        "a temporary copy",
        &["CREATE TEMP TABLE t3 AS SELECT email FROM shop.customers", "SELECT (SELECT email FROM t3 LIMIT 1)"],
        Harmless
    ),
    attack(
        "INSERT ... SELECT",
        &[
            "BEGIN",
            "CREATE TABLE adhoc.t4 (e text)",
            "INSERT INTO adhoc.t4 SELECT email FROM shop.customers",
            "SELECT e FROM adhoc.t4 LIMIT 1"
        ],
        Harmless
    ),
    attack("INSERT RETURNING", &["BEGIN", "INSERT INTO shop.leads (email) SELECT email FROM shop.customers RETURNING email"], Refused),
    attack("a pseudonymised column in a clear one", &["BEGIN", "UPDATE shop.customers SET city = email WHERE id = {id}"], Refused),
    attack("by a subquery", &["BEGIN", "UPDATE shop.products SET name = (SELECT email FROM shop.customers WHERE id = {id})"], Refused),
    attack("by VALUES", &["BEGIN", "INSERT INTO shop.leads (source) VALUES ((SELECT email FROM shop.customers WHERE id = {id}))"], Refused),
    attack("by INSERT … SELECT", &["BEGIN", "INSERT INTO shop.leads (source) SELECT email FROM shop.customers"], Refused),
    attack(
        "through a CTE",
        &["BEGIN", "WITH x AS (SELECT email FROM shop.customers) INSERT INTO shop.leads (source) SELECT email FROM x"],
        Refused
    ),
    attack(
        "by several columns at once",
        &["BEGIN", "UPDATE shop.products SET (name, price) = (SELECT email, 1 FROM shop.customers WHERE id = {id})"],
        Refused
    ),
    attack("another class's column", &["BEGIN", "UPDATE shop.leads SET email = source"], Refused),
    attack("from FROM", &["BEGIN", "UPDATE shop.products SET name = c.email FROM shop.customers c WHERE c.id = {id}"], Refused),
    attack(
        "a masked column lands as its mask",
        &[
            "BEGIN",
            "UPDATE shop.products p SET name = c.full_name || c.phone FROM shop.customers c WHERE c.id = {id} AND p.id = 1",
            "SELECT name FROM shop.products WHERE id = 1"
        ],
        Harmless
    ),
    attack(
        "of the target itself",
        &["BEGIN", "UPDATE shop.customers SET city = full_name WHERE id = {id}", "SELECT city FROM shop.customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "INSERT … SELECT of masks",
        &[
            "BEGIN",
            "INSERT INTO shop.leads (source, score) SELECT full_name, CAST(salary AS int) FROM shop.customers WHERE id = {id}",
            "SELECT source FROM shop.leads WHERE source = '[name]'"
        ],
        Rows("[name]")
    ),
    attack("a predicate sees masks", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE full_name = '{name}'"], Harmless),
    attack("LIKE on a pseudonymised column", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE email LIKE 'l%'"], Refused),
    attack("DELETE by LIKE", &["BEGIN", "DELETE FROM shop.customers WHERE email LIKE 'l%'"], Refused),
    attack("DELETE by a guess", &["BEGIN", "DELETE FROM shop.customers WHERE email = '{email}'"], Refused),
    attack("DELETE USING", &["BEGIN", "DELETE FROM shop.products USING shop.customers c WHERE c.email LIKE 'l%'"], Refused),
    attack("DELETE by a mask", &["BEGIN", "DELETE FROM shop.customers WHERE salary > 50000 AND phone LIKE '%12'"], Harmless),
    attack("a mask is written back", &["BEGIN", "UPDATE shop.customers SET phone = phone WHERE id = {id}"], Refused),
    attack("a value is planted", &["BEGIN", "UPDATE shop.customers SET email = 'x@y.z' WHERE id = {id}"], Refused),
    attack("a value is planted in a new row", &["BEGIN", "INSERT INTO shop.leads (email) VALUES ('x@y.z')"], Refused),
    attack("ctid", &["BEGIN", "DELETE FROM shop.customers WHERE ctid = '(0,1)'"], Refused),
    attack("a whole row", &["BEGIN", "UPDATE shop.products SET name = CAST(c AS text) FROM shop.customers c WHERE c.id = {id}"], Refused),
    attack("the target's whole row", &["BEGIN", "UPDATE shop.customers SET city = CAST(customers AS text) WHERE id = {id}"], Refused),
    attack("a view", &["BEGIN", "UPDATE shop.customer_orders SET status = email"], Refused),
    attack("an alias of pgveil's", &["BEGIN", "UPDATE shop.products AS pgveil_target SET name = 'x' WHERE pgveil_target.id = 1"], Harmless),
    attack(
        "the raw column under the printed alias",
        &[
            "BEGIN",
            "UPDATE shop.customers SET city = pgveil_target.full_name WHERE id = {id}",
            "SELECT city FROM shop.customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "a subquery with the printed alias",
        &[
            "BEGIN",
            "UPDATE shop.customers SET city = (SELECT pgveil_target.name FROM shop.products AS pgveil_target WHERE pgveil_target.id = 1) WHERE id = {id}"
        ],
        Error("42939")
    ),
    attack(
        "the order of an index, in a sequence",
        &["BEGIN", "CREATE TEMP SEQUENCE s", "UPDATE shop.employees SET boss = nextval('s') WHERE dept = 2"],
        Nothing
    ),
    attack("the order of an index, in the table", &["BEGIN", "UPDATE shop.employees SET boss = 1 WHERE dept = 2"], Refused),
    attack("the order of a join", &["BEGIN", "UPDATE shop.leads SET score = 1 FROM shop.contacts c WHERE c.email = leads.email"], Refused),
    attack(
        "INSERT … SELECT in the order of an index",
        &[
            "BEGIN",
            "CREATE TEMP TABLE o (id int)",
            "INSERT INTO shop.products (id, name) SELECT id + 1000, 'x' FROM shop.employees WHERE dept = 2",
            "SELECT id FROM shop.products WHERE id > 1000"
        ],
        Harmless
    ),
    attack("a materialised view", &["CREATE MATERIALIZED VIEW adhoc.m AS SELECT email FROM shop.customers"], Harmless),
    attack("a sequence as a letter box", &["SELECT setval('s', (SELECT account FROM shop.customers WHERE id = {id}))"], Refused),
    attack("NOTIFY", &["NOTIFY c, 'x'"], Harmless),
    attack("LISTEN", &["LISTEN c"], Harmless),
    attack("LOCK", &["BEGIN", "LOCK TABLE shop.customers"], Harmless),
    attack("TRUNCATE", &["BEGIN", "TRUNCATE shop.customers"], Refused),
    attack("COMMENT", &["BEGIN", "COMMENT ON TABLE shop.customers IS 'x'"], Harmless),
    attack("GRANT", &["BEGIN", "GRANT SELECT ON shop.customers TO PUBLIC"], Harmless),
    attack("SECURITY LABEL", &["BEGIN", "SECURITY LABEL ON TABLE shop.customers IS 'x'"], Nothing),
    attack("VACUUM VERBOSE counts rows", &["VACUUM VERBOSE shop.customers"], Harmless),
    attack("ANALYZE VERBOSE counts rows", &["BEGIN", "ANALYZE VERBOSE shop.customers"], Harmless),
    attack("CALL", &["CALL adhoc.p()"], Nothing),
    attack("REFRESH", &["REFRESH MATERIALIZED VIEW adhoc.m"], Nothing),
    attack("PREPARE TRANSACTION", &["BEGIN", "PREPARE TRANSACTION 'x'"], Refused),
];
