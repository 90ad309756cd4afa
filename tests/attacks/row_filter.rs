//! Rows that a row filter hides: seen by errors, functions, counts.

use super::*;

attacks![
    attack("count them", &["SELECT count(*) FROM shop.customers"], Rows("1500")),
    attack("count them otherwise", &["SELECT count(1), count(DISTINCT id), max(id) FROM shop.customers"], Rows("1500|1500|3000")),
    attack("name them", &["SELECT id FROM shop.customers WHERE id = 1 OR id = 3"], Rows("")),
    attack("negate the filter", &["SELECT count(*) FROM shop.customers WHERE NOT (country IN ('DE', 'AT')) OR country IS NULL"], Rows("0")),
    attack("divide by zero on one of them", &["SELECT count(*) FROM shop.customers WHERE 1 / (id - 1) > 5"], Harmless),
    attack("divide by zero on one that B has", &["SELECT count(*) FROM shop.customers WHERE 1 / (id - 3) > 5"], Harmless),
    attack("divide in the list", &["SELECT 1 / (id - 5) FROM shop.customers ORDER BY id LIMIT 2"], Harmless),
    attack("divide below a semi-join", &["SELECT count(*) FROM shop.orders WHERE 1 / (id - 1) > 5"], Harmless),
    attack("divide below a semi-join, B's", &["SELECT count(*) FROM shop.orders WHERE 1 / (id - 3) > 5"], Harmless),
    attack("cast that fails on one of them", &["SELECT count(*) FROM shop.customers WHERE (country || '1')::int > 0"], Harmless),
    attack("HAVING without an aggregate", &["SELECT id FROM shop.customers GROUP BY id HAVING 1 / (id - 3) > 5"], Harmless),
    attack("a CTE is no fence", &["WITH c AS (SELECT * FROM shop.customers) SELECT count(*) FROM c WHERE 1 / (id - 3) > 5"], Harmless),
    attack(
        "left join that pads",
        &["SELECT count(*) FROM generate_series(1, 50) AS n LEFT JOIN shop.customers c ON c.id = n WHERE c.id IS NULL"],
        Rows("25")
    ),
    attack(
        "anti-join",
        &["SELECT count(*) FROM shop.orders o WHERE NOT EXISTS (SELECT 1 FROM shop.customers c WHERE c.id = o.customer_id)"],
        Rows("0")
    ),
    attack("orders of hidden customers", &["SELECT count(*) FROM shop.orders WHERE customer_id % 2 = 1"], Rows("0")),
    attack("subquery in a filter's place", &["SELECT (SELECT count(*) FROM shop.customers WHERE id % 2 = 1)"], Rows("0")),
    attack("an index condition before the filter", &["SELECT count(*) FROM shop.customers WHERE id IN (1, 3, 5, 7)"], Rows("0")),
    attack("statistics of hidden rows in EXPLAIN", &["EXPLAIN SELECT * FROM shop.customers WHERE id % 2 = 1"], Harmless),
    attack("locking hidden rows", &["SELECT id FROM shop.customers FOR UPDATE"], Harmless),
    attack("skip locked", &["SELECT id FROM shop.customers FOR UPDATE SKIP LOCKED LIMIT 1"], Harmless),
    attack("a volatile function per row", &["SELECT count(*) FROM shop.customers WHERE random() >= 0"], Harmless),
    attack("a notice per row", &["SELECT count(to_tsvector(city)) FROM shop.customers"], Harmless),
    // What the planner moves down to the scan, beside the filter.
    attack(
        "a subquery's column in WHERE",
        &["SELECT count(*) FROM (SELECT 1 / (id - 3) AS y FROM shop.customers) AS s WHERE y > 5"],
        Harmless
    ),
    attack(
        "a CTE's column in WHERE",
        &["WITH s AS (SELECT 1 / (id - 3) AS y FROM shop.customers) SELECT count(*) FROM s WHERE y > 5"],
        Harmless
    ),
    attack(
        "a column of UNION ALL in WHERE",
        &["SELECT count(*) FROM (SELECT 1 / (id - 3) AS y FROM shop.customers UNION ALL SELECT 7) AS s WHERE y > 5"],
        Harmless
    ),
    attack(
        "a grouped column in HAVING and outside",
        &[
            "SELECT count(*) FROM (SELECT 1 / (id - 3) AS y FROM shop.customers GROUP BY 1 HAVING 1 / (id - 3) >= 0) AS s",
            "SELECT count(*) FROM (SELECT 1 / (id - 3) AS y, count(*) FROM shop.customers GROUP BY 1) AS s WHERE y > 5"
        ],
        Harmless
    ),
    attack(
        "LATERAL that only computes",
        &["SELECT count(*) FROM shop.customers c, LATERAL (SELECT 1 / (c.id - 3) AS y) AS s WHERE y > 5"],
        Harmless
    ),
    attack(
        "LATERAL with a condition",
        &[
            "SELECT count(*) FROM shop.customers c, LATERAL (SELECT 1 FROM shop.products p WHERE 1 / (c.id - 3) > p.id) AS s",
            "SELECT count(*) FROM shop.customers c, LATERAL (SELECT 1 WHERE 1 / (c.id - 3) > 5) AS s",
            "SELECT count(*) FROM shop.customers c, LATERAL (SELECT 1 FROM (SELECT 1 / (c.id - 3) AS y) AS t WHERE t.y > 5) AS s",
            "SELECT count(*) FROM shop.customers c, LATERAL (WITH t AS (SELECT 1 / (c.id - 3) AS y) SELECT 1 FROM t WHERE t.y > 5) AS s",
            "SELECT count(*) FROM shop.customers c LEFT JOIN LATERAL (SELECT 1 / (c.id - 3) AS y) AS s ON s.y > 5",
            "SELECT count(*) FROM shop.customers c, LATERAL (SELECT p.id FROM shop.products p JOIN shop.countries n ON 1 / (c.id - 3) > p.id) AS s"
        ],
        Harmless
    ),
    attack("LATERAL VALUES", &["SELECT count(*) FROM shop.customers c, LATERAL (VALUES (1 / (c.id - 3))) AS s (y) WHERE y > 5"], Harmless),
    attack(
        "a function in FROM over hidden rows",
        &["SELECT count(*) FROM shop.customers c, generate_series(1, 10 / (c.id - 3)) AS n"],
        Harmless
    ),
    attack(
        "a function in FROM below a semi-join",
        &["SELECT count(*) FROM shop.orders o, generate_series(1, 10 / (o.customer_id - 3)) AS n"],
        Harmless
    ),
    attack("a set in the list", &["SELECT count(*) FROM (SELECT generate_series(1, 10 / (id - 3)) FROM shop.customers) AS s"], Harmless),
    attack(
        "joins on what fails",
        &[
            "SELECT count(*) FROM shop.customers c JOIN shop.countries n ON n.code = c.country AND 1 / (c.id - 3) > 5",
            "SELECT count(*) FROM shop.countries n LEFT JOIN shop.customers c ON n.code = c.country AND 1 / (c.id - 3) > 5",
            "SELECT count(*) FROM shop.customers c JOIN shop.products p ON p.id = 1 / (c.id - 3)",
            "SELECT count(*) FROM shop.orders c JOIN shop.products p ON p.id = 1 / (c.customer_id - 3)",
            "SELECT count(*) FROM (SELECT 1 / (id - 3) AS id FROM shop.customers) AS c JOIN shop.products p USING (id)"
        ],
        Harmless
    ),
    attack(
        "a merge join on what fails",
        &["SELECT count(*) FROM shop.customers a FULL JOIN shop.orders b ON 1 / (a.id - 3) = 1 / (b.customer_id - 3)"],
        Harmless
    ),
    attack(
        "IN and ANY with what fails inside",
        &[
            "SELECT count(*) FROM shop.products WHERE id IN (SELECT 1 / (id - 3) FROM shop.customers)",
            "SELECT count(*) FROM shop.products WHERE id = ANY (SELECT 1 / (id - 3) FROM shop.customers)",
            "SELECT count(*) FROM shop.products WHERE id NOT IN (SELECT 1 / (customer_id - 3) FROM shop.orders)",
            "SELECT count(*) FROM shop.products p WHERE p.id < ALL (SELECT 1 / (c.id - 3) FROM shop.customers c)"
        ],
        Harmless
    ),
    attack(
        "EXISTS with what fails inside",
        &[
            "SELECT count(*) FROM shop.products p WHERE EXISTS (SELECT FROM shop.customers c WHERE 1 / (c.id - 3) > p.id)",
            "SELECT count(*) FROM shop.customers c WHERE NOT EXISTS (SELECT FROM shop.products p WHERE 1 / (c.id - 3) > p.id)",
            "SELECT count(*) FROM shop.customers c WHERE EXISTS (SELECT FROM shop.products p, LATERAL (SELECT 1 / (c.id - 3) AS y) AS s WHERE s.y > p.id)"
        ],
        Harmless
    ),
    attack(
        "a subquery of two rows for a hidden row alone",
        &["SELECT count(*) FROM shop.customers c WHERE c.id = (SELECT s.n FROM (VALUES (3, 3), (3, 4)) AS s (id, n) WHERE s.id = c.id)"],
        Rows("0")
    ),
    attack(
        "a sum that overflows for a hidden row alone",
        &[
            "SELECT count(*) FROM shop.customers c WHERE (SELECT sum(9223372036854775807 / (CASE c.id WHEN 3 THEN 1 ELSE 100 END) * 1.0::float8) FROM shop.products) > 0"
        ],
        Harmless
    ),
    attack(
        "an order by what fails, below a semi-join",
        &["SELECT id FROM shop.orders ORDER BY 1 / (customer_id - 3), id LIMIT 3"],
        Harmless
    ),
    attack(
        "grouped by what fails, below a semi-join",
        &["SELECT count(*) FROM shop.orders GROUP BY 1 / (customer_id - 3) ORDER BY 1"],
        Harmless
    ),
    attack("the least of what fails", &["SELECT min(1 / (id - 3)), max(1 / (id - 3)) FROM shop.customers"], Harmless),
    attack("a pattern with an error in it", &[r"SELECT count(*) FROM shop.customers WHERE country LIKE '%R'"], Harmless),
    attack(
        "the same in a subquery's column",
        &[r"SELECT count(*) FROM (SELECT country AS k FROM shop.customers) AS s WHERE k LIKE '%R'"],
        Harmless
    ),
    attack(
        "the same of a whole row",
        &[r"SELECT c FROM (SELECT city, country FROM shop.customers) AS c WHERE country LIKE '%R' AND c IS NOT NULL"],
        Harmless
    ),
    attack("the same by OR", &[r"SELECT count(*) FROM shop.customers WHERE country LIKE '%R' OR id < 0"], Harmless),
    attack("the same of a parameter's cast", &["SELECT count(*) FROM shop.customers WHERE id = 3 AND score = '1x'::text::int"], Harmless),
    attack("casts of several kinds", &["SELECT count(*) FROM shop.customers WHERE country::int > 0 OR country::date > now()"], Harmless),
    attack(
        "dates out of range",
        &["SELECT count(*) FROM shop.customers WHERE created + score * interval '100000 years' > now()"],
        Harmless
    ),
    attack("case that fails", &["SELECT count(*) FROM shop.customers WHERE CASE id WHEN 3 THEN 1 / (id - 3) ELSE 1 END = 1"], Harmless),
    attack("coalesce that fails", &["SELECT count(*) FROM shop.customers WHERE coalesce(nullif(id, 3), 1 / (id - id)) > 0"], Rows("1500")),
    attack("a row that fails", &["SELECT count(*) FROM shop.customers WHERE (id, 1 / (id - 3)) > (0, 5)"], Harmless),
    attack("a row in brackets", &["SELECT count(*) FROM shop.customers WHERE (id, score) IN ((3, 1 / (id - 3)))"], Harmless),
    attack("a regular expression", &["SELECT count(*) FROM shop.customers WHERE city ~ ('(' || id)"], Harmless),
    attack(
        "an order key of a subquery with LIMIT",
        &["SELECT count(*) FROM (SELECT id FROM shop.customers ORDER BY 1 / (id - 3) LIMIT 5) AS s"],
        Harmless
    ),
    attack(
        "its column in another's ON",
        &["SELECT count(*) FROM shop.products p LEFT JOIN (SELECT 1 / (id - 3) AS y FROM shop.customers) AS s ON s.y = p.id"],
        Harmless
    ),
    attack("a view's column", &["SELECT count(*) FROM shop.customer_orders WHERE 1 / (customer_id - 3) > 5"], Harmless),
    attack(
        "a view's column in a join",
        &["SELECT count(*) FROM shop.big_orders b JOIN shop.customers c ON 1 / (b.customer_id - 3) = c.id"],
        Harmless
    ),
    attack("a partition", &["SELECT count(*) FROM shop.orders_q1 WHERE 1 / (customer_id - 3) > 5"], Harmless),
    attack(
        "pruning by what fails",
        &["SELECT count(*) FROM shop.orders WHERE placed > DATE '2024-01-01' + 1 / (customer_id - 3)"],
        Harmless
    ),
    attack(
        "a subquery in the list that fails",
        &["SELECT (SELECT 1 / (c.id - 3) FROM shop.products LIMIT 1) FROM shop.customers c ORDER BY id LIMIT 1"],
        Harmless
    ),
    attack(
        "windows of what fails",
        &[
            "SELECT count(*) FROM (SELECT id, rank() OVER (PARTITION BY 1 / (id - 3) ORDER BY id) AS r FROM shop.customers) AS s WHERE r = 1"
        ],
        Harmless
    ),
    attack(
        "the names that pgveil makes up",
        &["SELECT count(*) FROM shop.customers WHERE customers.pgveil_ok0 AND 1 / (id - 3) > 5"],
        Error("42703")
    ),
    attack("all names of the derived table", &["SELECT * FROM shop.customers WHERE id = 2 AND 1 / (id - 1) > 0"], Harmless),
    attack(
        "rows of it as one value",
        &[
            "SELECT row_to_json(n) FROM (SELECT * FROM shop.countries NATURAL JOIN (SELECT country AS code FROM shop.customers WHERE 1 / (id - 3) >= 0) AS c) AS n ORDER BY 1::text LIMIT 1"
        ],
        Harmless
    ),
    attack("window over hidden rows", &["SELECT max(n) FROM (SELECT row_number() OVER () AS n FROM shop.customers) AS x"], Rows("1500")),
];

/// With every value clear, all that is left to hide are the rows.
#[test]
fn attacks_without_masks() {
    run("filtered", ATTACKS);
}
