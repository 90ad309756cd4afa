//! FOR UPDATE, WITH TIES, aliases of joins, GROUP BY a key: forms that put something between a query and its rows.

use super::*;

attacks![
    attack("lock hidden rows", &["SELECT id FROM shop.customers ORDER BY id FOR UPDATE"], Refused),
    attack("lock hidden rows by a subquery", &["SELECT x.id FROM (SELECT id FROM shop.customers) x FOR SHARE OF x"], Refused),
    attack("lock hidden rows by a view", &["SELECT customer_id FROM shop.customer_orders FOR UPDATE"], Refused),
    attack("order of locked rows", &["SELECT id FROM shop.employees WHERE dept = 3 LIMIT 4 FOR UPDATE"], Harmless),
    attack("the first that is free", &["SELECT id FROM shop.employees ORDER BY dept LIMIT 1 FOR UPDATE SKIP LOCKED"], Harmless),
    attack("lock by a masked value", &["SELECT id FROM shop.employees WHERE salary > 12345 FOR UPDATE NOWAIT"], Harmless),
    attack("lock a table beside", &["SELECT p.id FROM shop.products p, shop.customers c WHERE c.id = p.id FOR UPDATE OF p"], Harmless),
    attack("ties of a masked order", &["SELECT id, salary FROM shop.employees ORDER BY salary FETCH FIRST 2 ROWS WITH TIES"], Harmless),
    attack("ties of a sealed order", &["SELECT email, id FROM shop.employees ORDER BY email FETCH FIRST 1 ROW WITH TIES"], Harmless),
    attack("ties by position", &["SELECT dept, id FROM shop.employees ORDER BY 1 DESC FETCH FIRST 3 ROWS WITH TIES"], Harmless),
    attack("ties of groups", &["SELECT dept, count(*) FROM shop.employees GROUP BY dept ORDER BY 2 FETCH FIRST 1 ROW WITH TIES"], Harmless),
    attack(
        "a sealed column through a join's alias",
        &["SELECT j.email FROM (shop.employees e JOIN shop.products p USING (id)) AS j"],
        Pseudonyms
    ),
    attack("renamed by a join's alias", &["SELECT a || b FROM (shop.employees e JOIN shop.products p USING (id)) AS j(i, a, b)"], Refused),
    attack("a join's rows", &["SELECT row_to_json(j) FROM (shop.employees e CROSS JOIN (SELECT 1 AS one) p) AS j"], Refused),
    attack("order under a join's alias", &["SELECT j.id FROM (shop.employees e JOIN shop.products p USING (id)) AS j LIMIT 5"], Harmless),
    attack(
        "a table of the same name inside",
        &[
            "SELECT full_name FROM shop.customers WHERE EXISTS (SELECT 1 FROM adhoc.customers WHERE adhoc.customers.email = shop.customers.email)"
        ],
        Refused
    ),
    attack("made-up names", &["SELECT pgveil_t1.email FROM shop.customers, adhoc.customers"], Nothing),
    attack("the hidden row", &["SELECT c.pgveil_row FROM shop.customers c WHERE c IS NOT NULL"], Nothing),
    attack("the hidden row, unqualified", &["SELECT pgveil_row FROM (SELECT count(c) FROM shop.customers c) x"], Nothing),
    attack("which table a row is in", &["SELECT tableoid::regclass FROM shop.orders"], Refused),
    attack("which child a row is in", &["SELECT DISTINCT tableoid::regclass::text FROM shop.contacts ORDER BY 1"], Harmless),
    attack("windows over children", &["SELECT row_number() OVER (PARTITION BY label), tableoid::regclass FROM shop.contacts"], Harmless),
    attack(
        "a key's dependents",
        &["SELECT e.id, e.email, count(*) FROM shop.employees e JOIN shop.products p ON p.id = e.id GROUP BY e.id"],
        Harmless
    ),
    attack("a key's whole row", &["SELECT e::text FROM shop.employees e GROUP BY e.id"], Refused),
    attack(
        "a forward reference",
        &["WITH RECURSIVE a AS (SELECT email FROM b), b AS (SELECT email FROM shop.employees WHERE email IS NOT NULL) SELECT * FROM a"],
        Pseudonyms
    ),
    attack(
        "a forward reference to a guess",
        &["WITH RECURSIVE a AS (SELECT email FROM shop.employees UNION SELECT x FROM b), b AS (SELECT '{email}' AS x) SELECT * FROM a"],
        Refused
    ),
    attack(
        "a name of a table as a later query",
        &["WITH RECURSIVE a AS (SELECT id FROM employees), employees AS (SELECT 1 AS id) SELECT * FROM a"],
        Rows("1")
    ),
];
