//! Views, and views over views.

use super::*;

#[test]
fn a_view_shows_masks() {
    same(
        "analyst",
        "SELECT customer_id, email, full_name, salary, order_id, amount FROM shop.customer_orders WHERE customer_id <= 40 ORDER BY order_id",
        "SELECT customer_id, email, '[name]', (floor(salary / 10000) * 10000)::numeric(10,2), order_id, amount FROM shop.customer_orders WHERE customer_id <= 40 AND customer_id % 2 = 0 ORDER BY order_id",
    );
}

#[test]
fn a_view_over_a_view() {
    same(
        "analyst",
        "SELECT order_id, email FROM shop.big_orders ORDER BY order_id LIMIT 30",
        "SELECT order_id, email FROM shop.big_orders WHERE order_id % 2 = 0 ORDER BY order_id LIMIT 30",
    );
}

#[test]
fn a_view_that_aggregates() {
    same(
        "analyst",
        "SELECT dept, people, payroll FROM shop.staff ORDER BY dept",
        "SELECT dept, count(*), sum((floor(salary / 10000) * 10000)::numeric(10,2)) FROM shop.employees GROUP BY dept ORDER BY dept",
    );
}

#[test]
fn partitions_and_children() {
    same(
        "analyst",
        "SELECT count(*), count(ship_email), count(card_number) FROM shop.orders_q1",
        "SELECT count(*), count(ship_email), 0 FROM shop.orders_q1 WHERE id % 2 = 0",
    );
    same("analyst", "SELECT id, email FROM shop.contacts ORDER BY id", "SELECT id, email FROM shop.contacts ORDER BY id");
    same("analyst", "SELECT id, email FROM shop.contacts_old ORDER BY id", "SELECT id, email FROM shop.contacts_old ORDER BY id");
}
