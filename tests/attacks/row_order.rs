//! Row order that follows raw values: the twins have other orders.

use super::*;

attacks![
    attack("index (dept, salary) walked", &["SELECT id FROM shop.employees WHERE dept = 3 LIMIT 5"], Harmless),
    attack("index (dept, salary), ORDER BY dept", &["SELECT id FROM shop.employees ORDER BY dept LIMIT 8"], Harmless),
    attack("DISTINCT ON (dept)", &["SELECT DISTINCT ON (dept) dept, id FROM shop.employees"], Harmless),
    attack("DISTINCT ON, ordered", &["SELECT DISTINCT ON (dept) dept, id FROM shop.employees ORDER BY dept"], Harmless),
    attack("index (score, phone)", &["SELECT id FROM shop.customers WHERE score = 7"], Harmless),
    attack("index (score, phone), range", &["SELECT id FROM shop.customers WHERE score BETWEEN 7 AND 9 LIMIT 10"], Harmless),
    attack("index (city, dob)", &["SELECT id FROM shop.customers WHERE city = 'Ulm' LIMIT 10"], Harmless),
    attack("index (country, salary)", &["SELECT id FROM shop.customers WHERE country = 'DE' LIMIT 10"], Harmless),
    attack("covering index (ssn) INCLUDE (id)", &["SELECT id FROM shop.customers"], Harmless),
    attack("count with it", &["SELECT array_agg(id) FROM (SELECT id FROM shop.customers LIMIT 20) AS x"], Harmless),
    attack("partial index", &["SELECT id FROM shop.customers WHERE score > 55"], Harmless),
    attack("index (status, card_number) of partitions", &["SELECT id FROM shop.orders WHERE status = 'lost' LIMIT 10"], Harmless),
    attack("GROUP BY comes out sorted", &["SELECT email, count(*) FROM shop.customers GROUP BY email LIMIT 10"], Harmless),
    attack(
        "a tie-break that is called like an output",
        &["SELECT c.email AS id, count(*) FROM shop.customers c JOIN shop.orders o USING (id) GROUP BY id, c.email"],
        Harmless
    ),
    attack(
        "the same of grouping sets",
        &["SELECT c.email AS id, count(*) FROM shop.customers c JOIN shop.orders o USING (id) GROUP BY GROUPING SETS ((id, c.email))"],
        Harmless
    ),
    attack("a tie-break that is a position", &["SELECT email, 1 AS k, count(*) FROM shop.customers GROUP BY ROLLUP (email), 2"], Harmless),
    attack("DISTINCT comes out sorted", &["SELECT DISTINCT email FROM shop.leads"], Harmless),
    attack("UNION comes out sorted", &["SELECT email FROM shop.leads UNION SELECT email FROM shop.employees"], Harmless),
    attack("INTERSECT comes out sorted", &["SELECT email FROM shop.leads INTERSECT SELECT email FROM shop.customers"], Harmless),
    attack("EXCEPT comes out hashed", &["SELECT email FROM shop.leads EXCEPT SELECT email FROM shop.employees"], Harmless),
    attack("an index-only scan", &["SELECT email FROM shop.customers LIMIT 10"], Harmless),
    attack("merge or hash join", &["SELECT c.id, l.owner FROM shop.customers c JOIN shop.leads l ON l.email = c.email"], Harmless),
    attack(
        "join of large tables",
        &["SELECT c.id, o.id FROM shop.customers c JOIN shop.orders o ON o.ship_email = c.email LIMIT 50"],
        Harmless
    ),
    attack("semi-join", &["SELECT id FROM shop.customers WHERE email IN (SELECT email FROM shop.employees) LIMIT 20"], Harmless),
    attack(
        "anti-join",
        &["SELECT id FROM shop.customers c WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.ship_email = c.email) LIMIT 20"],
        Harmless
    ),
    attack("array_agg without an order", &["SELECT array_agg(id) FROM shop.employees WHERE dept = 2"], Harmless),
    attack("string_agg without an order", &["SELECT string_agg(id::text, ',') FROM shop.employees WHERE dept = 2"], Harmless),
    attack("json_agg without an order", &["SELECT json_agg(id) FROM shop.employees WHERE dept = 2"], Harmless),
    attack("xmlagg without an order", &["SELECT xmlagg(('<a>' || id || '</a>')::xml) FROM shop.employees WHERE dept = 2"], Harmless),
    attack("row_number() over nothing", &["SELECT row_number() OVER (), id FROM shop.employees WHERE dept = 2"], Harmless),
    attack("first_value over nothing", &["SELECT first_value(id) OVER () FROM shop.employees WHERE dept = 2 LIMIT 1"], Harmless),
    attack(
        "window by a sealed partition",
        &["SELECT id, row_number() OVER (PARTITION BY email) FROM shop.orders o JOIN shop.customers USING (id) LIMIT 30"],
        Harmless
    ),
    attack("ties of one's own order", &["SELECT id, dept FROM shop.employees ORDER BY dept DESC"], Harmless),
    attack("a scalar subquery with LIMIT 1", &["SELECT (SELECT id FROM shop.employees WHERE dept = 4 LIMIT 1)"], Harmless),
    attack("ARRAY of a subquery", &["SELECT ARRAY(SELECT id FROM shop.employees WHERE dept = 4)"], Harmless),
    attack(
        "LATERAL with LIMIT",
        &["SELECT d, x.id FROM generate_series(1, 4) AS d, LATERAL (SELECT id FROM shop.employees WHERE dept = d LIMIT 2) AS x"],
        Harmless
    ),
    attack("an index-only scan of (email, id): a mask needs no column", &["SELECT id, name FROM shop.employees"], Harmless),
    attack(
        "an index-only scan of (email, id): Postgres drops what cannot matter",
        &["SELECT id, CASE WHEN false THEN title END FROM shop.employees", "SELECT id, coalesce(1, dept) FROM shop.employees LIMIT 5"],
        Harmless
    ),
    attack("a cursor", &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM shop.employees WHERE dept = 3", "FETCH 5 FROM c"], Harmless),
    attack("nextval per row", &["SELECT nextval('s'), id FROM shop.employees WHERE dept = 3"], Harmless),
    attack("OFFSET", &["SELECT id FROM shop.employees WHERE dept = 3 OFFSET 5 LIMIT 1"], Harmless),
    attack("FETCH FIRST WITH TIES", &["SELECT id FROM shop.employees ORDER BY dept FETCH FIRST 3 ROWS WITH TIES"], Harmless),
    attack(
        "a float sum in another order",
        &[
            "SELECT sum(x) FROM (SELECT CASE WHEN id % 3 = 0 THEN 1e16::float8 WHEN id % 3 = 1 THEN 1 ELSE -1e16 END AS x FROM shop.employees WHERE dept = 3) AS t"
        ],
        Harmless
    ),
    attack(
        "recursion by levels",
        &[
            "WITH RECURSIVE r AS (SELECT id FROM shop.employees WHERE boss IS NULL UNION ALL SELECT e.id FROM shop.employees e JOIN r ON e.boss = r.id) SELECT * FROM r LIMIT 30"
        ],
        Harmless
    ),
    attack("no primary key", &["SELECT owner FROM shop.leads WHERE score = 3"], Harmless),
    attack("no primary key, ORDER BY", &["SELECT owner, source FROM shop.leads ORDER BY score"], Harmless),
    attack("ROLLUP", &["SELECT email, count(*) FROM shop.leads GROUP BY ROLLUP (email)"], Harmless),
    attack(
        "a set-returning function in the list",
        &["SELECT id, generate_series(1, 2) FROM shop.employees WHERE dept = 5 LIMIT 6"],
        Harmless
    ),
    attack("min with ties by another column", &["SELECT (array_agg(id ORDER BY dept))[1] FROM shop.employees"], Harmless),
    attack("last one wins in jsonb_object_agg", &["SELECT jsonb_object_agg(dept, id) FROM shop.employees"], Harmless),
];
