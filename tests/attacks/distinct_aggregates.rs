//! An aggregate of DISTINCT values sorts them as they are stored; what is first then, and the rows of what stands beside it, are in that order.

use super::*;

attacks![
    attack("any_value of DISTINCT values", &["SELECT any_value(DISTINCT email) FROM shop.customers"], Harmless),
    attack(
        "which of two any_value takes",
        &["SELECT any_value(DISTINCT email) = (SELECT email FROM shop.customers WHERE id = {id}) FROM shop.customers"],
        Harmless
    ),
    attack("any_value of DISTINCT arrays", &["SELECT any_value(DISTINCT ARRAY[email]) FROM shop.customers"], Harmless),
    attack("any_value by groups", &["SELECT country, any_value(DISTINCT email) FROM shop.customers GROUP BY country"], Harmless),
    attack("any_value of ALL values", &["SELECT any_value(ALL email) FROM shop.customers"], Harmless),
    attack(
        "any_value of DISTINCT veiled values",
        &["SELECT any_value(DISTINCT salary), any_value(DISTINCT phone) FROM shop.customers"],
        Harmless
    ),
    attack(
        "ids beside a count of DISTINCT values",
        &["SELECT array_agg(s.id), count(DISTINCT s.email) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"],
        Harmless
    ),
    attack(
        "ids beside a count in HAVING",
        &["SELECT array_agg(s.id) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s HAVING count(DISTINCT s.email) > 0"],
        Harmless
    ),
    attack(
        "ids beside a count in ORDER BY",
        &[
            "SELECT string_agg(s.id::text, ',') FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s ORDER BY count(DISTINCT s.email)"
        ],
        Harmless
    ),
    attack(
        "ids beside a count in DISTINCT ON",
        &["SELECT DISTINCT ON (count(DISTINCT s.email)) array_agg(s.id) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"],
        Harmless
    ),
    attack(
        "ids beside a count in a window's order",
        &[
            "SELECT array_agg(s.id), rank() OVER (ORDER BY count(DISTINCT s.email)) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"
        ],
        Harmless
    ),
    attack(
        "ids beside a count in a named window",
        &["SELECT array_agg(s.id), rank() OVER w FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s \
           WINDOW w AS (ORDER BY count(DISTINCT s.email))"],
        Harmless
    ),
    attack(
        "ids beside a count within an expression",
        &["SELECT json_agg(s.id), 1 + count(DISTINCT s.device) FROM (SELECT id, device FROM shop.customers ORDER BY id) AS s"],
        Harmless
    ),
    attack(
        "ids beside a count with a filter",
        &["SELECT array_agg(s.id) FILTER (WHERE s.id > 0), count(DISTINCT s.email) FILTER (WHERE s.id > 0) \
           FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"],
        Harmless
    ),
    attack(
        "ids beside a minimum of DISTINCT values",
        &[
            "SELECT array_agg(s.id), min(DISTINCT s.email), max(DISTINCT s.email) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"
        ],
        Harmless
    ),
    attack(
        "ids beside DISTINCT values of a query further in",
        &["SELECT array_agg(s.id), (SELECT count(DISTINCT s.email)) FROM (SELECT id, email FROM shop.customers ORDER BY id) AS s"],
        Harmless
    ),
];
