//! Tables and views of one's own: what lands there is what the role sees.

use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use super::*;

fn analyst() -> Client {
    let stage = Stage::writable();
    Client::connect(&stage.login("analyst", &stage.both.a)).unwrap()
}

#[test]
fn a_table_of_a_query_holds_what_the_query_gives() {
    let mut session = analyst();
    let query = "SELECT id, full_name, phone, dob, salary, ssn, city FROM shop.customers";
    session.query(&format!("CREATE TABLE adhoc.own_1 AS {query}")).ok();
    let direct = session.query(&format!("{query} ORDER BY id")).ok().table();
    assert_eq!(session.query("SELECT * FROM adhoc.own_1 ORDER BY id").ok().table(), direct);
    // Read past pgveil too.
    let stage = Stage::writable();
    let stored = Client::connect(&stage.plain(&stage.both.a)).unwrap().query("SELECT * FROM adhoc.own_1 ORDER BY id").ok().table();
    assert_eq!(stored, direct);
    session.query("SELECT id INTO adhoc.own_2 FROM shop.customers").ok();
    session.query("CREATE TABLE IF NOT EXISTS adhoc.own_2 AS SELECT 1 AS a").ok();
    assert_eq!(session.query("CREATE TABLE adhoc.own_2 AS SELECT 1 AS a").sqlstate(), "42P07");
    session.query("DROP TABLE adhoc.own_1, adhoc.own_2").ok();
    session.query("DROP TABLE IF EXISTS adhoc.own_1 CASCADE").ok();
}

#[test]
fn a_view_gives_what_the_query_gives() {
    let mut session = analyst();
    for (name, query) in [
        ("stg", "SELECT * FROM shop.customers"),
        ("joined", "SELECT c.email, o.ship_email, o.amount FROM shop.customers c JOIN shop.orders o ON o.ship_email = c.email"),
        ("counted", "SELECT city, count(DISTINCT email) AS n, max(salary) AS top FROM shop.customers GROUP BY city"),
    ] {
        let made = session.query(&format!("CREATE VIEW adhoc.own_{name} AS ({query})"));
        // Without them it would show what is stored.
        if name != "counted" && !World::get().has(Feature::SecurityInvoker) {
            assert_eq!(made.sqlstate(), "42501", "{made:?}");
            continue;
        }
        made.ok();
        let all = |session: &mut Client, from: &str| {
            let mut rows = session.query(&format!("SELECT * FROM {from} AS q")).ok().rows();
            rows.sort();
            rows
        };
        let direct = all(&mut session, &format!("({query})"));
        assert!(!direct.is_empty());
        assert_eq!(all(&mut session, &format!("adhoc.own_{name}")), direct, "{name}");
        session.query(&format!("DROP VIEW adhoc.own_{name} CASCADE")).ok();
    }
}

#[test]
fn as_dbt_writes_it() {
    let stage = Stage::writable();
    let database = &stage.both.a;
    let mut session = analyst();
    let model = format!("\"{database}\".\"adhoc\".\"model");
    for sql in [
        "create schema if not exists adhoc".to_owned(),
        format!("create table {model}__dbt_tmp\" as (select id, city from \"{database}\".\"shop\".\"customers\")"),
        format!("alter table {model}__dbt_tmp\" rename to \"model\""),
        format!("create index if not exists \"i\" on {model}\" using btree (id)"),
        format!("comment on table {model}\" is $dbt$ what it is $dbt$"),
        format!("analyze {model}\""),
        format!("drop table if exists {model}__dbt_backup\" cascade"),
        format!("truncate table {model}\""),
        format!("drop table if exists {model}\" cascade"),
    ] {
        session.query(&sql).ok();
    }
}

#[test]
fn what_is_not_ones_own_is_left_alone() {
    let mut session = analyst();
    for sql in [
        "CREATE TABLE shop.mine (a int)",
        "CREATE TABLE shop.mine AS SELECT 1 AS a",
        "ALTER TABLE shop.products ADD COLUMN x int",
        "DROP TABLE shop.products",
        "TRUNCATE shop.products",
        "COMMENT ON TABLE shop.products IS 'x'",
        "CREATE INDEX ON shop.products (name)",
        "CREATE SCHEMA another",
    ] {
        let answer = session.query(sql);
        assert_eq!(answer.sqlstate(), "42501", "{sql}: {answer:?}");
    }
}

/// dbt replaces a table on one connection and reads it on another, inside a transaction, where nothing can be sent again.
#[test]
fn what_one_session_has_committed_the_next_sees_at_once() {
    let (mut maker, mut reader) = (analyst(), analyst());
    maker.query("CREATE TABLE adhoc.swap AS SELECT id, email FROM shop.customers").ok();
    for round in 0..4 {
        reader.query("BEGIN").ok();
        let answer = reader.query("SELECT email FROM adhoc.swap WHERE email IS NOT NULL");
        assert!(
            answer.error().is_none() && answer.rows().iter().all(|row| row[0].as_ref().unwrap().starts_with("u_")),
            "{round}: {answer:?}"
        );
        reader.query("COMMIT").ok();
        for text in [
            "BEGIN",
            "CREATE TABLE adhoc.swap_new AS SELECT email, id, city FROM shop.customers",
            "ALTER TABLE adhoc.swap RENAME TO swap_old",
            "ALTER TABLE adhoc.swap_new RENAME TO swap",
            "COMMIT",
            "DROP TABLE adhoc.swap_old",
        ] {
            maker.query(text).ok();
        }
    }
    // What is rolled back, and what is temporary, concerns nobody else.
    for text in ["BEGIN", "DROP TABLE adhoc.swap", "ROLLBACK", "CREATE TEMP TABLE swap (x int)"] {
        maker.query(text).ok();
    }
    assert!(reader.query("SELECT count(email) FROM adhoc.swap").error().is_none());
    maker.query("DROP TABLE adhoc.swap").ok();
    assert_eq!(reader.query("SELECT 1 FROM adhoc.swap").sqlstate(), "42P01");
}
