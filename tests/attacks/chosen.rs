//! Values that the attacker chooses, in a column that a pattern of the policy puts in a class: its pseudonym would be that of a guess.

use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use super::*;

/// Of a role that keeps what it makes in a schema of its own: pseudonyms there are others.
const OWN: &[Attack] = &[
    attack(
        "a guess kept in a column that has a class, joined",
        &[
            "CREATE TABLE adhoc.mine_a AS SELECT '{device}'::uuid AS device",
            "SELECT count(*) FROM adhoc.mine_a AS m JOIN shop.customers AS c ON m.device = c.device",
        ],
        Refused,
    ),
    attack(
        "the same with a number",
        &[
            "CREATE TABLE adhoc.mine_b AS SELECT {account}::bigint AS account",
            "SELECT count(*) FROM adhoc.mine_b AS m WHERE account IN (SELECT account FROM shop.customers)",
        ],
        Refused,
    ),
    attack("beside others in one column", &["SELECT device FROM adhoc.mine_a UNION ALL SELECT device FROM shop.customers"], Refused),
    attack(
        "in a temporary table",
        &[
            "CREATE TEMP TABLE mine_c AS SELECT '{device}'::uuid AS device",
            "SELECT count(*) FROM mine_c AS m JOIN shop.customers AS c USING (device)",
        ],
        Refused,
    ),
    attack(
        "in a view",
        &[
            "CREATE TEMP VIEW mine_d AS SELECT '{device}'::uuid AS device",
            "SELECT count(*) FROM mine_d AS m JOIN shop.customers AS c USING (device)",
        ],
        Refused,
    ),
    attack(
        "renamed afterwards",
        &[
            "CREATE TABLE adhoc.mine_e AS SELECT '{device}'::uuid AS d",
            "ALTER TABLE adhoc.mine_e RENAME d TO device",
            "SELECT count(*) FROM adhoc.mine_e AS m JOIN shop.customers AS c USING (device)",
        ],
        Refused,
    ),
    attack(
        "by default",
        &[
            "CREATE TABLE adhoc.mine_g (id int, device uuid DEFAULT '{device}')",
            "INSERT INTO adhoc.mine_g (id) VALUES (1)",
            "SELECT count(*) FROM adhoc.mine_g AS m JOIN shop.customers AS c USING (device)",
        ],
        Refused,
    ),
    attack(
        "that what is kept joins with itself",
        &["SELECT count(*) FROM adhoc.mine_a AS a JOIN adhoc.mine_g AS g USING (device)"],
        Rows("1"),
    ),
];

/// A view that reads with the reader's own rights.
const VIEW: &[Attack] = &[attack(
    "that a view of others' values is theirs",
    &[
        "CREATE TEMP VIEW theirs AS SELECT id, device FROM shop.customers",
        "SELECT count(*) > 0 FROM theirs AS t JOIN shop.customers AS c USING (device)",
    ],
    Rows("t"),
)];

/// Of a role that may define things everywhere.
const ANYWHERE: &[Attack] = &[
    attack("kept", &["CREATE TABLE adhoc.made_a AS SELECT '{device}'::uuid AS device"], Refused),
    attack("kept under a name for it", &["CREATE TABLE adhoc.made_a (device) AS SELECT '{device}'::uuid"], Refused),
    attack("by SELECT INTO", &["SELECT '{device}'::uuid AS device INTO adhoc.made_a"], Refused),
    attack("as a materialised view", &["CREATE MATERIALIZED VIEW adhoc.made_a AS SELECT '{device}'::uuid AS device"], Refused),
    attack("as a view", &["CREATE VIEW adhoc.made_a AS SELECT '{device}'::uuid AS device"], Refused),
    attack("by default", &["CREATE TABLE adhoc.made_a (id int, device uuid DEFAULT '{device}')"], Refused),
    attack("computed", &["CREATE TABLE adhoc.made_a (id int, device uuid GENERATED ALWAYS AS ('{device}'::uuid) STORED)"], Refused),
    attack(
        "like another",
        &["CREATE TEMP TABLE l (device uuid DEFAULT '{device}')", "CREATE TABLE adhoc.made_a (LIKE l INCLUDING ALL)"],
        Refused,
    ),
    attack("of another", &["CREATE TABLE adhoc.made_b (d uuid)", "ALTER TABLE adhoc.made_b RENAME d TO device"], Refused),
    attack("added to it", &["ALTER TABLE adhoc.made_b ADD device uuid DEFAULT '{device}'"], Refused),
    attack("the default of a column that is there", &["ALTER TABLE shop.customers ALTER device SET DEFAULT '{device}'"], Refused),
    attack("counted", &["ALTER TABLE shop.customers ALTER account ADD GENERATED ALWAYS AS IDENTITY (START {account})"], Refused),
    attack(
        "a child with a value of its own",
        &["CREATE TABLE adhoc.made_c (device uuid DEFAULT '{device}') INHERITS (shop.customers)"],
        Refused,
    ),
    attack("put below it", &["CREATE TEMP TABLE c (LIKE shop.customers)", "ALTER TABLE c INHERIT shop.customers"], Refused),
    attack(
        "in a temporary table, joined",
        &[
            "CREATE TEMP TABLE mine AS SELECT '{device}'::uuid AS device",
            "SELECT count(*) FROM mine JOIN shop.customers AS c USING (device)",
        ],
        Refused,
    ),
    attack("another name", &["CREATE TABLE adhoc.made_d AS SELECT '{device}'::uuid AS d", "SELECT count(*) FROM adhoc.made_d"], Rows("1")),
];

#[test]
fn in_schemas_of_ones_own() {
    run_writing("analyst", OWN);
    if World::get().has(Feature::SecurityInvoker) {
        run_writing("analyst", VIEW);
    }
}

#[test]
fn in_any_schema() {
    run_writing("tokens", ANYWHERE);
}
