//! What definitions tell of the stored values of a column: expressions, constraints, types, order. The engineer is kept from `ssn`.

use super::*;

const ATTACKS: &[Attack] = &[
    attack(
        "an expression index as an oracle",
        &["CREATE INDEX ON shop.customers ((1 / (CASE WHEN ssn = '{ssn}' THEN 0 ELSE 1 END)))"],
        Refused,
    ),
    attack("its condition", &["CREATE INDEX ON shop.customers (id) WHERE ssn = '{ssn}'"], Refused),
    attack("a CHECK", &["ALTER TABLE shop.customers ADD CHECK (ssn <> '{ssn}')"], Refused),
    attack("a CHECK of the whole row", &["ALTER TABLE shop.customers ADD CHECK (customers::text NOT LIKE '%{ssn}%')"], Refused),
    attack("a CHECK of a field", &["ALTER TABLE shop.customers ADD CHECK ((customers).ssn <> '{ssn}')"], Refused),
    attack("a CHECK of a column's function", &["ALTER TABLE shop.customers ADD CHECK (ssn(customers) <> '{ssn}')"], Nothing),
    attack(
        "a CHECK of the row's columns",
        &["ALTER TABLE shop.customers ADD CHECK (row_to_json(customers.*)::text NOT LIKE '%{ssn}%')"],
        Refused,
    ),
    attack(
        "a CHECK of the whole row as a column's function",
        &["ALTER TABLE shop.customers ADD CHECK (customers.row_to_json ->> 'ssn' <> '{ssn}')"],
        Refused,
    ),
    attack(
        "a CHECK of the whole row as a column's function, by its schema",
        &["ALTER TABLE shop.customers ADD CHECK ((customers).row_to_json ->> 'ssn' <> '{ssn}')"],
        Refused,
    ),
    attack("an index of the same", &["CREATE INDEX ON shop.customers ((customers.row_to_json ->> 'ssn'))"], Nothing),
    attack(
        "a generated column of the same",
        &["ALTER TABLE shop.customers ADD COLUMN x json GENERATED ALWAYS AS (customers.to_json) STORED"],
        Refused,
    ),
    attack("a generated column", &["ALTER TABLE shop.customers ADD COLUMN x text GENERATED ALWAYS AS (ssn) STORED"], Refused),
    attack("USING moves it", &["ALTER TABLE shop.customers ALTER COLUMN city TYPE text USING ssn"], Refused),
    attack("a narrower type", &["ALTER TABLE shop.customers ALTER COLUMN ssn TYPE varchar(3)"], Refused),
    attack("a number's type", &["ALTER TABLE shop.customers ALTER COLUMN ssn TYPE int USING ssn::int"], Refused),
    attack(
        "a domain that checks",
        &["CREATE DOMAIN adhoc.guess AS text CHECK (VALUE <> '{ssn}')", "ALTER TABLE shop.customers ALTER COLUMN ssn TYPE adhoc.guess"],
        Refused,
    ),
    attack(
        "a reference as a guess",
        &[
            "CREATE TABLE adhoc.guesses (g char(11) PRIMARY KEY)",
            "ALTER TABLE shop.customers ADD FOREIGN KEY (ssn) REFERENCES adhoc.guesses",
        ],
        Refused,
    ),
    attack("a reference to it", &["CREATE TABLE adhoc.moved (s char(11) REFERENCES shop.customers (ssn) ON UPDATE CASCADE)"], Refused),
    attack("a unique index over two rows", &["CREATE UNIQUE INDEX ON shop.customers (ssn) WHERE id IN (2, 4)"], Refused),
    attack("values that exclude each other", &["ALTER TABLE shop.customers ADD EXCLUDE (ssn WITH =)"], Refused),
    attack("rows in its order", &["CLUSTER shop.customers USING customers_ssn_id_idx"], Refused),
    attack("the same by ALTER TABLE", &["ALTER TABLE shop.customers CLUSTER ON customers_ssn_id_idx"], Refused),
    attack("a policy that looks", &["CREATE POLICY p ON shop.customers USING (ssn = '{ssn}')"], Refused),
    attack(
        "a policy of another table",
        &["CREATE POLICY p ON shop.leads USING (EXISTS (SELECT 1 FROM shop.customers WHERE ssn = '{ssn}'))"],
        Refused,
    ),
    attack("statistics of an expression", &["CREATE STATISTICS adhoc.st ON (left(ssn, 1)), (left(ssn, 2)) FROM shop.customers"], Refused),
    attack(
        "statistics, gathered and read",
        &[
            "CREATE STATISTICS shop.st (mcv) ON ssn, city FROM shop.customers",
            "ANALYZE VERBOSE shop.customers",
            "SELECT most_common_vals FROM pg_stats_ext",
        ],
        Harmless,
    ),
    attack(
        "a new column, read in the same transaction",
        &[
            "BEGIN",
            "ALTER TABLE shop.customers ADD COLUMN n1 int DEFAULT 7",
            "SELECT (c).ssn, (c).n1 FROM shop.customers c WHERE id = {id}",
        ],
        Harmless,
    ),
    attack(
        "another type, read in the same transaction",
        &["BEGIN", "ALTER TABLE shop.customers ALTER COLUMN ssn TYPE text", "SELECT ssn FROM shop.customers LIMIT 1"],
        Harmless,
    ),
    attack(
        "a partition by it",
        &["CREATE TABLE adhoc.by_ssn (LIKE shop.customers) PARTITION BY LIST (ssn)", "SELECT count(*) FROM adhoc.by_ssn"],
        Rows("0"),
    ),
];

#[test]
fn attacks() {
    run_writing("engineer", ATTACKS);
}

/// A role with a row filter alters nothing of which it does not see all rows.
#[test]
fn of_hidden_rows() {
    let stage = Stage::writable();
    for sql in [
        "TRUNCATE shop.customers",
        "DROP TABLE shop.customers",
        "ALTER TABLE shop.customers ADD CHECK (country <> 'FR')",
        "ALTER TABLE shop.customers ADD UNIQUE (city)",
        "CREATE UNIQUE INDEX ON shop.customers (city)",
        "CREATE INDEX ON shop.customers ((1 / (id - 3)))",
        "CREATE TABLE shop.refers (id int REFERENCES shop.customers)",
        "ALTER TABLE shop.customers RENAME COLUMN country TO land",
        "CREATE MATERIALIZED VIEW adhoc.hidden AS SELECT id FROM shop.customers",
    ] {
        let answers = both_on(stage, "filtered", |session| vec![session.query(sql)]).unwrap();
        for answer in answers {
            seen(&answer, Refused).unwrap_or_else(|why| panic!("{sql}: {why}"));
        }
    }
}
