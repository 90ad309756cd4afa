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
    attack("window over hidden rows", &["SELECT max(n) FROM (SELECT row_number() OVER () AS n FROM shop.customers) AS x"], Rows("1500")),
];

/// With every value clear, all that is left to hide are the rows.
#[test]
fn attacks_without_masks() {
    run("filtered", ATTACKS);
}
