//! Aggregates of an outer query's columns, written in a subquery: they belong to the outer query (PostgreSQL documentation, 4.2.7),
//! whose rows they see in no order that protected values decide.

use super::*;

attacks![
    attack("array_agg, one level in", &["SELECT dept, (SELECT array_agg(e.id)) FROM shop.employees AS e GROUP BY dept"], Harmless),
    attack(
        "json_agg of whole rows, one level in",
        &["SELECT dept, (SELECT json_agg(e.*)) FROM (SELECT id, dept FROM shop.employees) AS e GROUP BY dept"],
        Harmless
    ),
    attack(
        "string_agg, two levels in",
        &["SELECT dept, (SELECT (SELECT string_agg(e.id::text, ','))) FROM shop.employees AS e GROUP BY dept"],
        Harmless
    ),
    attack(
        "LIMIT 1 of what looks like a single row",
        &[
            "SELECT (SELECT e.id FROM shop.employees AS e WHERE e.dept = 3 AND max(c.x) = 1 LIMIT 1) FROM (VALUES (1)) AS c (x) GROUP BY c.x"
        ],
        Harmless
    ),
    attack(
        "an aggregate of its own level",
        &["SELECT (SELECT max(e.dept + v.x) FROM (VALUES (1), (2)) AS v (x)) - e.dept FROM shop.employees AS e WHERE e.id = 1"],
        Rows("2")
    ),
];
