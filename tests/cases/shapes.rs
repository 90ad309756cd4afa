//! The shapes that analysts' SQL has.

use super::*;

/// With the row filter spelt out, what an analyst asks of columns that are not protected is what everybody gets.
fn as_it_is(sql: &str) {
    let plain = sql
        .replace("shop.customers", "(SELECT * FROM shop.customers WHERE id % 2 = 0)")
        .replace("shop.orders", "(SELECT * FROM shop.orders WHERE id % 2 = 0)");
    same("analyst", sql, &plain);
}

#[test]
fn selects() {
    as_it_is("SELECT c.city, count(*) AS n FROM shop.customers AS c GROUP BY c.city ORDER BY n DESC, 1");
    as_it_is("SELECT DISTINCT mood FROM shop.customers AS c ORDER BY mood");
    as_it_is(
        "SELECT id, CASE WHEN score > 30 THEN 'high' WHEN score IS NULL THEN 'none' ELSE 'low' END AS band FROM shop.customers AS c WHERE id < 60 ORDER BY id",
    );
    as_it_is("SELECT o.id, p.name FROM shop.orders AS o LEFT JOIN shop.products AS p ON p.id = o.product_id WHERE o.id < 90 ORDER BY o.id");
    as_it_is("SELECT date_trunc('month', placed) AS month, sum(amount) FROM shop.orders AS o GROUP BY 1 ORDER BY 1");
    as_it_is("SELECT id FROM shop.customers AS c WHERE score BETWEEN 10 AND 12 AND active ORDER BY id LIMIT 10 OFFSET 3");
    as_it_is("SELECT coalesce(score, 0) + 1 AS s FROM shop.customers AS c WHERE id IN (2, 4, 6, 8) ORDER BY id");
}

#[test]
fn ctes() {
    as_it_is(
        "WITH big AS (SELECT customer_id, sum(amount) AS total FROM shop.orders AS o GROUP BY customer_id), top AS (SELECT * FROM big WHERE total > 5000) SELECT c.city, count(*) FROM top JOIN shop.customers AS c ON c.id = top.customer_id GROUP BY c.city ORDER BY 1",
    );
    as_it_is(
        "WITH RECURSIVE chain AS (SELECT id, boss, 0 AS level FROM shop.employees WHERE boss IS NULL UNION ALL SELECT e.id, e.boss, level + 1 FROM shop.employees e JOIN chain ON e.boss = chain.id) SELECT level, count(*) FROM chain GROUP BY level ORDER BY level",
    );
}

#[test]
fn windows() {
    as_it_is(
        "SELECT id, row_number() OVER (ORDER BY id), sum(amount) OVER (PARTITION BY status ORDER BY id) FROM shop.orders AS o WHERE id < 60 ORDER BY id",
    );
    as_it_is(
        "SELECT id, rank() OVER (PARTITION BY city ORDER BY score DESC NULLS LAST), lag(score) OVER (ORDER BY id) FROM shop.customers AS c WHERE id < 60 ORDER BY id",
    );
}

#[test]
fn aggregates() {
    as_it_is(
        "SELECT city, avg(score), stddev(score), count(*) FILTER (WHERE active), string_agg(id::text, ',' ORDER BY id) FROM shop.customers AS c WHERE id < 200 GROUP BY city ORDER BY city",
    );
    as_it_is("SELECT city, mood, count(*) FROM shop.customers AS c GROUP BY ROLLUP (city, mood) ORDER BY city NULLS LAST, mood NULLS LAST");
    as_it_is("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FROM shop.customers AS c");
    as_it_is("SELECT array_agg(id ORDER BY id) FROM shop.customers AS c WHERE score = 7");
    as_it_is(
        "SELECT jsonb_object_agg(status, n ORDER BY status) FROM (SELECT status, count(*) AS n FROM shop.orders AS o GROUP BY status) AS x",
    );
}

#[test]
fn set_operations() {
    as_it_is("SELECT id FROM shop.customers AS c WHERE id < 10 UNION SELECT id FROM shop.orders AS o WHERE id < 20 ORDER BY 1");
    as_it_is("SELECT city FROM shop.customers AS c EXCEPT SELECT 'Ulm' ORDER BY 1");
}

#[test]
fn subqueries_and_laterals() {
    as_it_is(
        "SELECT c.id, l.amount FROM shop.customers AS c CROSS JOIN LATERAL (SELECT amount FROM shop.orders AS o WHERE o.customer_id = c.id ORDER BY o.id LIMIT 1) AS l WHERE c.id < 40 ORDER BY c.id",
    );
    as_it_is(
        "SELECT id, (SELECT count(*) FROM shop.orders AS o WHERE o.customer_id = c.id) FROM shop.customers AS c WHERE id < 40 ORDER BY id",
    );
    as_it_is("SELECT id FROM shop.customers AS c WHERE score > (SELECT avg(score) + 25 FROM shop.customers AS d) ORDER BY id LIMIT 20");
}

#[test]
fn no_tables() {
    as_it_is("SELECT 1 AS one, 'x' AS x, NULL AS nothing, ARRAY[1, 2] AS a, now() IS NOT NULL AS t");
    as_it_is("VALUES (1, 'a'), (2, 'b')");
    as_it_is("SELECT * FROM generate_series(1, 3) AS n");
    as_it_is("SELECT '2024-02-29'::date + interval '1 year', 10 / 4.0, 7 % 3, 'a' || 'b', ascii('x')");
}

#[test]
fn unprotected_tables_are_as_they_are() {
    as_it_is("SELECT * FROM shop.products ORDER BY id");
    as_it_is("TABLE shop.countries");
    as_it_is("SELECT c::text FROM shop.countries AS c ORDER BY code");
}
