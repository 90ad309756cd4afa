//! Row filters: hidden rows do not exist.

use super::*;

#[test]
fn counts_and_aggregates() {
    for role in ["analyst", "filtered"] {
        same(
            role,
            "SELECT count(*), min(id), max(id), sum(score) FROM shop.customers",
            "SELECT count(*), min(id), max(id), sum(score) FROM shop.customers WHERE id % 2 = 0",
        );
        same(
            role,
            "SELECT country, count(*) FROM shop.customers GROUP BY country ORDER BY country",
            "SELECT country, count(*) FROM shop.customers WHERE country IN ('DE', 'AT') GROUP BY country ORDER BY country",
        );
        same(
            role,
            "SELECT status, count(*), sum(amount) FROM shop.orders GROUP BY status ORDER BY status",
            "SELECT status, count(*), sum(amount) FROM shop.orders WHERE id % 2 = 0 GROUP BY status ORDER BY status",
        );
    }
}

#[test]
fn joins_and_outer_joins() {
    same(
        "filtered",
        "SELECT n.code, count(c.id) FROM shop.countries n LEFT JOIN shop.customers c ON c.country = n.code GROUP BY n.code ORDER BY n.code",
        "SELECT n.code, count(c.id) FROM shop.countries n LEFT JOIN shop.customers c ON c.country = n.code AND c.id % 2 = 0 GROUP BY n.code ORDER BY n.code",
    );
}

#[test]
fn clear_columns_of_visible_rows_are_clear() {
    same(
        "filtered",
        "SELECT id, full_name, email, salary FROM shop.customers WHERE id < 50 ORDER BY id",
        "SELECT id, full_name, email, salary FROM shop.customers WHERE id < 50 AND id % 2 = 0 ORDER BY id",
    );
}

#[test]
fn expressions_that_fail_on_hidden_rows_only() {
    // id - 1 is 0 on a hidden row alone.
    same(
        "filtered",
        "SELECT count(*) FROM shop.customers WHERE 10 / (id - 1) >= 0",
        "SELECT count(*) FROM shop.customers WHERE id % 2 = 0",
    );
}
