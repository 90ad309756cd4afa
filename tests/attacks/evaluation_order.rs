//! Functions whose results tell in which order rows are come to, wherever they stand in the statement.

use super::*;

attacks![
    attack("a clock per row", &["SELECT id, clock_timestamp() FROM shop.employees WHERE dept = 3"], Refused),
    attack(
        "a clock in LATERAL",
        &["SELECT e.id, z.r FROM shop.employees AS e, LATERAL (SELECT clock_timestamp() AS r WHERE e.id > 0) AS z WHERE e.dept = 3"],
        Refused
    ),
    attack(
        "a clock in a scalar subquery",
        &["SELECT id, (SELECT clock_timestamp() WHERE e.id > 0) FROM shop.employees AS e WHERE dept = 3"],
        Refused
    ),
    attack(
        "known random numbers",
        &["SELECT setseed(0.5)", "SELECT id, (SELECT random() WHERE e.id > 0) FROM shop.employees AS e WHERE dept = 3"],
        Refused
    ),
    attack("random numbers from FROM", &["SELECT id, r FROM shop.employees AS e, LATERAL random() AS r WHERE dept = 3"], Refused),
    attack(
        "random numbers in a CTE",
        &["WITH r AS (SELECT random() AS n FROM generate_series(1, 9)) SELECT id, n FROM shop.employees, r WHERE dept = 3"],
        Refused
    ),
    attack(
        "a setting's name that changes between check and use",
        &["SELECT current_setting(CASE WHEN random() < 0.5 THEN 'timezone' ELSE 'data_directory' END)"],
        Refused
    ),
];
