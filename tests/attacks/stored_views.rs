//! Values that leave through the text of a view, or through what is made on top of one.

use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use super::*;

/// Views of what is pseudonymised: from version 15 on they can be made to read with the reader's rights.
const OF_PSEUDONYMS: &[Attack] = &[
    attack(
        "a view of a pseudonymised column shows it raw",
        &["CREATE VIEW adhoc.sv1 AS SELECT id, email FROM shop.customers", "SELECT email FROM adhoc.sv1 WHERE email IS NOT NULL"],
        Pseudonyms,
    ),
    attack(
        "with other names, and replaced",
        &[
            "CREATE VIEW adhoc.sv2 (a, b) AS SELECT id, email FROM shop.customers",
            "CREATE OR REPLACE VIEW adhoc.sv2 (a, b, c) AS SELECT id, email, ssn FROM shop.customers",
            "SELECT b FROM adhoc.sv2 WHERE b IS NOT NULL",
        ],
        Pseudonyms,
    ),
    attack(
        "a view on a view",
        &[
            "CREATE VIEW adhoc.sv3 AS SELECT email AS x FROM shop.customers",
            "CREATE VIEW adhoc.sv4 AS SELECT x AS y FROM adhoc.sv3",
            "SELECT y FROM adhoc.sv4 WHERE y IS NOT NULL",
        ],
        Pseudonyms,
    ),
    attack(
        "a materialised view on top",
        &[
            "CREATE VIEW adhoc.sv5 AS SELECT email AS x FROM shop.customers",
            "CREATE MATERIALIZED VIEW adhoc.sm5 AS SELECT x FROM adhoc.sv5",
        ],
        Refused,
    ),
    attack(
        "the owner's rights instead of the reader's",
        &[
            "CREATE VIEW adhoc.sv6 WITH (security_invoker = false) AS SELECT email FROM shop.customers",
            "SELECT reloptions FROM pg_class WHERE relname = 'sv6'",
        ],
        Rows("{security_invoker=true,security_barrier=true}"),
    ),
    attack(
        "the same by ALTER VIEW",
        &["CREATE VIEW adhoc.sv7 AS SELECT email FROM shop.customers", "ALTER VIEW adhoc.sv7 SET (security_invoker = false)"],
        Refused,
    ),
    attack(
        "the same by ALTER TABLE",
        &["CREATE VIEW adhoc.sv8 AS SELECT email FROM shop.customers", "ALTER TABLE adhoc.sv8 RESET (security_invoker)"],
        Refused,
    ),
];

const ATTACKS: &[Attack] = &[
    attack(
        "the session's key in a stored text",
        &["CREATE VIEW adhoc.sv9 AS SELECT email FROM shop.customers ORDER BY email LIMIT 1"],
        Refused,
    ),
    attack("the same by a maximum", &["CREATE VIEW adhoc.sv10 AS SELECT max(email) AS m FROM shop.customers"], Refused),
    attack(
        "hidden rows, counted through a view",
        &[
            "CREATE VIEW adhoc.sv11 AS SELECT country FROM shop.customers",
            "SELECT count(*) FROM adhoc.sv11 WHERE country NOT IN ('DE', 'AT')",
        ],
        Rows("0"),
    ),
    attack(
        "a mask undone by a second one",
        &[
            "CREATE VIEW adhoc.sv12 AS SELECT id, phone, dob, salary, full_name, ssn FROM shop.customers",
            "SELECT count(*) FROM adhoc.sv12 v JOIN shop.customers c USING (id) WHERE (v.phone, v.dob, v.salary, v.full_name, v.ssn) IS DISTINCT FROM (c.phone, c.dob, c.salary, c.full_name, c.ssn)",
        ],
        Rows("0"),
    ),
    attack(
        "search_path moved by whoever reads",
        &["CREATE VIEW adhoc.sv13 AS SELECT set_config('search_path', 'adhoc', false) AS s"],
        Refused,
    ),
    attack(
        "GRANT of what a view reads",
        &["CREATE VIEW adhoc.sv14 AS SELECT id FROM shop.customers", "GRANT SELECT ON shop.customers TO PUBLIC"],
        Refused,
    ),
    attack(
        "a temporary view that stands for a table",
        &["CREATE TEMP VIEW customers AS SELECT email FROM shop.customers", "SELECT email FROM customers WHERE email IS NOT NULL"],
        Harmless,
    ),
];

#[test]
fn attacks() {
    run_writing("analyst", ATTACKS);
}

#[test]
fn of_pseudonyms() {
    if World::get().has(Feature::SecurityInvoker) {
        return run_writing("analyst", OF_PSEUDONYMS);
    }
    // There they cannot be made.
    let made: Vec<Attack> = OF_PSEUDONYMS.iter().map(|a| Attack { sql: &a.sql[..1], expect: Refused, ..*a }).collect();
    run_writing("analyst", &made);
}
