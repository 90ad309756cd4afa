//! What a session has made itself: temporary relations that take the place of others, and what a rollback or DISCARD leaves.

use super::*;

attacks![
    attack(
        "a temporary table hides the protected one, and its columns are not that one's",
        &["CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS email", "SELECT concat(email) FROM customers"],
        Rows("mine")
    ),
    attack(
        "with its schema the protected one is meant all the same",
        &["CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS full_name", "SELECT full_name FROM shop.customers WHERE id = {id}"],
        Rows("[name]")
    ),
    attack(
        "hidden no more after DISCARD TEMP",
        &[
            "CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS full_name",
            "DISCARD TEMP",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "hidden no more after DISCARD ALL",
        &[
            "CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS full_name",
            "DISCARD ALL",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "hidden no more after ROLLBACK",
        &[
            "BEGIN",
            "CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS full_name",
            "ROLLBACK",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "hidden no more at the end of the transaction",
        &[
            "BEGIN",
            "CREATE TEMP TABLE customers ON COMMIT DROP AS SELECT 1 AS id, 'mine' AS full_name",
            "COMMIT",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "in one text",
        &[
            "BEGIN; CREATE TEMP TABLE customers AS SELECT 1 AS id, 'mine' AS full_name; ROLLBACK; SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("[name]")
    ),
    attack(
        "the same name with other columns after ROLLBACK TO",
        &[
            "BEGIN",
            "SAVEPOINT s",
            "CREATE TEMP TABLE t AS SELECT 'a' AS a, 'b' AS b",
            "ROLLBACK TO s",
            "CREATE TEMP TABLE t AS SELECT 'b' AS b, full_name AS a FROM shop.customers WHERE id = {id}",
            "SELECT concat(a) FROM t"
        ],
        Rows("[name]")
    ),
    attack(
        "a temporary view hides the protected table",
        &[
            "CREATE TEMP VIEW customers AS SELECT id, ssn AS full_name FROM shop.customers",
            "SELECT full_name FROM customers WHERE id = {id}"
        ],
        Rows("∅")
    ),
    attack(
        "a temporary view of a temporary table keeps masks",
        &[
            "CREATE TEMP TABLE t AS SELECT id, full_name FROM shop.customers",
            "CREATE TEMP VIEW v AS SELECT full_name FROM t WHERE id = {id}",
            "SELECT concat(full_name) FROM v"
        ],
        Rows("[name]")
    ),
    attack(
        "a type of Postgres' own is hidden",
        &["CREATE TEMP TABLE text AS SELECT 1 AS a", "SELECT CAST(full_name AS text) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack(
        "a type of Postgres' own is hidden, in one text",
        &["CREATE TEMP TABLE text AS SELECT 1 AS a; SELECT CAST(full_name AS text) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack(
        "a row of the hiding table's type",
        &[
            "CREATE TEMP TABLE customers AS SELECT 1 AS id",
            "SELECT c.full_name FROM shop.customers c WHERE (c.id, 1) = (SELECT {id}, id FROM customers)"
        ],
        Rows("[name]")
    ),
    attack(
        "the gate of a prepared statement whose table is hidden since",
        &[
            "CREATE TEMP TABLE t AS SELECT full_name AS a FROM shop.customers WHERE id = {id}",
            "CREATE TEMP VIEW w AS SELECT a FROM t",
            "SELECT concat(w.a, t.a) FROM w, t"
        ],
        Rows("[name][name]")
    ),
    attack(
        "renamed away and back in one transaction",
        &[
            "BEGIN",
            "ALTER TABLE shop.customers RENAME COLUMN ssn TO country_code",
            "SELECT country_code FROM shop.customers WHERE id = {id}"
        ],
        Harmless
    ),
    attack(
        "a protected table under the name of one's own",
        &[
            "BEGIN",
            "CREATE TABLE adhoc.mine AS SELECT 1 AS ssn",
            "ALTER TABLE adhoc.mine RENAME TO away",
            "ALTER TABLE shop.customers SET SCHEMA adhoc",
            "ALTER TABLE adhoc.customers RENAME TO mine",
            "SELECT ssn FROM adhoc.mine WHERE id = {id}"
        ],
        Harmless
    ),
    attack(
        "inherits from a protected table",
        &["CREATE TEMP TABLE t () INHERITS (shop.customers)", "SELECT ssn FROM shop.customers WHERE id = {id}"],
        Harmless
    ),
];

/// A temporary table of another session means nothing here, whatever its name.
#[test]
fn a_temporary_table_of_another_session() {
    let stage = Stage::get();
    let mut other = stage.session("analyst");
    other.query("CREATE TEMP TABLE customers AS SELECT 'mine' AS full_name").ok();
    let mut session = stage.session("analyst");
    assert_eq!(session.query("SELECT full_name FROM customers LIMIT 1").ok().table(), "[name]");
    session.query("CREATE TEMP TABLE customers AS SELECT 'yours' AS full_name").ok();
    assert_eq!(session.query("SELECT full_name FROM customers").ok().table(), "yours");
    assert_eq!(other.query("SELECT full_name FROM customers").ok().table(), "mine");
}
