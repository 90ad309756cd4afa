//! Views, views over views, and views of one's own.

use super::*;

attacks![
    attack("through a view", &["SELECT email FROM shop.customer_orders LIMIT 3"], Pseudonyms),
    attack("veiled through a view", &["SELECT DISTINCT full_name FROM shop.customer_orders"], Rows("[name]")),
    attack("through a view over a view", &["SELECT email FROM shop.big_orders LIMIT 3"], Pseudonyms),
    attack(
        "an aggregate over a protected column",
        &["SELECT dept, payroll % 10000 FROM shop.staff ORDER BY dept LIMIT 2"],
        Rows("1|0.00\n2|0.00")
    ),
    attack("hidden rows through a view", &["SELECT count(*) FROM shop.customer_orders WHERE country NOT IN ('DE', 'AT')"], Rows("0")),
    attack("predicate on a view", &["SELECT count(*) FROM shop.customer_orders WHERE email LIKE 'l%'"], Refused),
    attack("whole row of a view", &["SELECT v::text FROM shop.big_orders v LIMIT 1"], Refused),
    attack("a view of one's own", &["CREATE VIEW adhoc.v AS SELECT email FROM shop.customers", "SELECT * FROM adhoc.v"], Harmless),
    attack("a temporary view", &["CREATE TEMP VIEW v AS SELECT email FROM shop.customers"], Harmless),
    attack("the definition of a view", &["SELECT pg_get_viewdef('shop.big_orders'::regclass) <> ''"], Harmless),
    attack("its rewrite rule", &["SELECT ev_action FROM pg_rewrite LIMIT 1"], Harmless),
];
