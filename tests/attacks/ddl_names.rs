//! Protected columns and tables that lose the name, schema or parent that their class goes by. The engineer is kept from `ssn`.

use super::*;

const ATTACKS: &[Attack] = &[
    attack(
        "a renamed column, in one transaction",
        &["BEGIN", "ALTER TABLE shop.customers RENAME COLUMN ssn TO x", "SELECT x FROM shop.customers"],
        Nothing,
    ),
    attack("by ALTER TYPE", &["ALTER TYPE shop.customers RENAME ATTRIBUTE ssn TO x"], Refused),
    attack("by ALTER VIEW", &["ALTER VIEW shop.customers RENAME COLUMN ssn TO x"], Refused),
    attack("a renamed table", &["ALTER TABLE shop.customers RENAME TO clients"], Refused),
    attack("by ALTER INDEX", &["ALTER INDEX shop.customers RENAME TO clients"], Refused),
    attack("by ALTER SEQUENCE", &["ALTER SEQUENCE shop.customers RENAME TO clients"], Refused),
    attack("another schema", &["ALTER TABLE shop.customers SET SCHEMA adhoc"], Refused),
    attack("a renamed schema", &["ALTER SCHEMA shop RENAME TO store"], Refused),
    attack(
        "two tables swapped",
        &["BEGIN", "CREATE TABLE shop.customers_new (LIKE shop.customers)", "ALTER TABLE shop.customers RENAME TO old"],
        Nothing,
    ),
    attack(
        "a parent whose columns are not protected",
        &["CREATE TABLE adhoc.parent (LIKE shop.customers)", "ALTER TABLE shop.customers INHERIT adhoc.parent"],
        Refused,
    ),
    attack(
        "a partitioned parent",
        &[
            "CREATE TABLE adhoc.parted (LIKE shop.customers) PARTITION BY LIST (country)",
            "ALTER TABLE adhoc.parted ATTACH PARTITION shop.customers DEFAULT",
        ],
        Refused,
    ),
    attack("a partition on its own", &["ALTER TABLE shop.orders DETACH PARTITION shop.orders_q1"], Refused),
    attack(
        "LIKE brings rows or statistics",
        &["CREATE TABLE adhoc.alike (LIKE shop.customers INCLUDING ALL)", "SELECT count(*) FROM adhoc.alike"],
        Rows("0"),
    ),
    attack(
        "a copy under another name",
        &[
            "CREATE TABLE adhoc.copied AS SELECT id, ssn AS x FROM shop.customers WHERE country IN ('DE', 'AT')",
            "SELECT count(x) FROM adhoc.copied",
        ],
        Rows("0"),
    ),
    attack("the rows read by another account", &["GRANT SELECT ON shop.customers TO PUBLIC"], Refused),
    attack("all of them", &["GRANT SELECT ON ALL TABLES IN SCHEMA shop TO PUBLIC"], Refused),
    attack("those to come", &["ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC"], Refused),
    attack("another owner", &["ALTER TABLE shop.customers OWNER TO PUBLIC"], Nothing),
    attack("a replica", &["CREATE PUBLICATION p FOR TABLE shop.customers"], Refused),
    attack("a role of one's own", &["CREATE ROLE mine SUPERUSER LOGIN"], Refused),
    attack("another database", &["CREATE DATABASE mine TEMPLATE template1"], Refused),
];

#[test]
fn attacks() {
    run_writing("engineer", ATTACKS);
}
