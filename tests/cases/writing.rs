//! Writing, as roles with masks: what real clients send. Each statement is rolled back.

use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use super::*;

/// Runs statements in a transaction of that role; the answer to the last, and what somebody who sees everything finds then.
fn written(role: &str, sql: &[&str]) -> Answer {
    let mut session = Stage::get().session(role);
    session.query("BEGIN").ok();
    let (last, before) = sql.split_last().unwrap();
    for one in before {
        session.query(one).ok();
    }
    let last = session.query(last);
    session.query("ROLLBACK");
    last
}

fn tag(answer: &Answer) -> String {
    answer.tags().join("; ")
}

#[test]
fn rows_come_and_go() {
    for role in ["engineer", "analyst", "tokens", "filtered", "veiled"] {
        for (sql, tags) in [
            ("INSERT INTO shop.products (id, name, price) VALUES (9001, 'a', 1.5), (9002, 'b', DEFAULT)", "INSERT 0 2"),
            ("INSERT INTO shop.products (id, name) SELECT id + 9000, name FROM shop.products WHERE id < 4", "INSERT 0 3"),
            ("UPDATE shop.products SET price = price * 2, tags = ARRAY['x'] WHERE id = 1", "UPDATE 1"),
            (
                "UPDATE shop.products p SET (name, price) = (SELECT c.name, 1 FROM shop.countries c WHERE c.code = 'DE') WHERE p.id = 1",
                "UPDATE 1",
            ),
            ("DELETE FROM shop.products WHERE id = 1", "DELETE 1"),
            ("INSERT INTO shop.products (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name", "INSERT 0 1"),
            ("INSERT INTO shop.products (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING", "INSERT 0 0"),
            ("WITH x AS (DELETE FROM shop.products WHERE id < 3 RETURNING id) SELECT count(*) FROM x", "SELECT 1"),
            (
                "MERGE INTO shop.products p USING (VALUES (1, 'x'), (9001, 'y')) v (id, name) ON p.id = v.id WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, v.name)",
                "MERGE 2",
            ),
        ] {
            if sql.starts_with("MERGE") && !World::get().has(Feature::Merge) {
                continue;
            }
            let answer = written(role, &[sql]);
            assert!(answer.error().is_none(), "{role}: {sql}: {answer:?}");
            assert_eq!(tag(&answer), tags, "{role}: {sql}");
        }
    }
}

#[test]
fn protected_tables_are_written_to_but_for_their_protected_columns() {
    for role in ["engineer", "analyst", "tokens", "veiled"] {
        for sql in [
            "UPDATE shop.customers SET city = 'x' WHERE id = 1 RETURNING id, city",
            "UPDATE shop.customers SET score = score + 1 WHERE city = 'Bonn' AND id = 2",
            "INSERT INTO shop.customers (id, country, city, created) VALUES (90001, 'DE', 'x', '2024-01-01') RETURNING id, full_name, city",
            "INSERT INTO shop.leads (source, score) VALUES ('x', 1)",
            "DELETE FROM shop.leads WHERE source = 'web' AND score > 3",
            "DELETE FROM shop.contacts WHERE id = 1",
        ] {
            let answer = written(role, &[sql]);
            assert!(answer.error().is_none(), "{role}: {sql}: {answer:?}");
        }
        for sql in [
            "UPDATE shop.customers SET ssn = 'x'",
            "INSERT INTO shop.customers (id, country, created, ssn) VALUES (90001, 'DE', now(), 'x')",
        ] {
            assert_eq!(written(role, &[sql]).sqlstate(), "42501", "{role}: {sql}");
        }
    }
}

#[test]
fn only_visible_rows_are_changed_and_counted() {
    let visible = ask("filtered", "SELECT count(*) FROM shop.customers").ok().table();
    let count = visible.trim();
    for role in ["filtered", "analyst"] {
        assert_eq!(tag(&written(role, &["UPDATE shop.customers SET city = 'x'"])), format!("UPDATE {count}"), "{role}");
        assert_eq!(tag(&written(role, &["DELETE FROM shop.customers"])), format!("DELETE {count}"), "{role}");
        let returned = written(role, &["DELETE FROM shop.customers RETURNING id"]);
        assert_eq!(tag(&returned), format!("DELETE {count}"), "{role}");
        assert_eq!(returned.raw_rows().count().to_string(), count, "{role}");
    }
}

#[test]
fn what_is_returned_is_masked() {
    let returned =
        written("analyst", &["UPDATE shop.customers SET score = 7 WHERE id = 1 RETURNING id, full_name, email, phone, ssn, salary, score"]);
    let read = ask("analyst", "SELECT id, full_name, email, phone, ssn, salary, 7 FROM shop.customers WHERE id = 1").ok();
    assert_eq!(returned.ok().table(), read.table());
}

#[test]
fn a_token_is_written_as_the_value_that_it_stands_for() {
    let token = ask("tokens", "SELECT email FROM shop.customers WHERE email IS NOT NULL ORDER BY id LIMIT 1").ok().table();
    let token = token.trim();
    let source = ask("tokens", "SELECT min(source) FROM shop.leads").ok().table();
    let update = format!("UPDATE shop.leads SET email = '{token}' WHERE source = '{}' RETURNING email", source.trim());
    let written_back = written("tokens", &[&update, &format!("SELECT count(*) > 0 FROM shop.leads WHERE email = '{token}'")]);
    assert_eq!(written_back.ok().table().trim(), "t");
    let refused = written("tokens", &["INSERT INTO shop.leads (email) VALUES ('no@token')"]);
    assert_eq!(refused.sqlstate(), "42501", "{refused:?}");
}

#[test]
fn constraints_say_their_names_and_no_values() {
    let answer = written("engineer", &["INSERT INTO shop.products (id, name) VALUES (1, 'x')"]);
    let error = answer.error().unwrap();
    assert_eq!((error[&'C'].as_str(), error[&'n'].as_str(), error.get(&'D')), ("23505", "products_pkey", None));
    let answer = written("engineer", &["INSERT INTO shop.products (id) VALUES (9001)"]);
    assert_eq!(answer.error().unwrap()[&'M'], "null value in column \"name\" violates not-null constraint");
}

#[test]
fn shapes_of_orms() {
    for sql in [
        // SQLAlchemy: insertmanyvalues.
        "INSERT INTO shop.products (id, name, price) SELECT p0::INTEGER, p1::TEXT, p2::NUMERIC(10, 2) FROM (VALUES (9001, 'a', 1.5, 0), (9002, 'b', 2.5, 1)) AS imp_sen(p0, p1, p2, sen_counter) ORDER BY sen_counter RETURNING shop.products.id, shop.products.id AS id__1",
        // Django: save, update, delete, bulk_create, get_or_create.
        "UPDATE \"shop\".\"products\" SET \"name\" = 'x', \"price\" = NULL WHERE \"shop\".\"products\".\"id\" = 1",
        "UPDATE \"shop\".\"orders\" SET \"quantity\" = (\"shop\".\"orders\".\"quantity\" + 1) WHERE \"shop\".\"orders\".\"customer_id\" IN (SELECT U0.\"id\" FROM \"shop\".\"customers\" U0 WHERE U0.\"city\" = 'Bonn')",
        "DELETE FROM \"shop\".\"products\" WHERE \"shop\".\"products\".\"id\" IN (1, 2, 3)",
        "INSERT INTO \"shop\".\"products\" (\"id\", \"name\", \"price\") VALUES (9001, 'x', NULL) RETURNING \"shop\".\"products\".\"id\"",
        "INSERT INTO \"shop\".\"products\" (\"id\", \"name\") VALUES (1, 'x') ON CONFLICT(\"id\") DO UPDATE SET \"name\" = EXCLUDED.\"name\" RETURNING \"shop\".\"products\".\"id\"",
    ] {
        let answer = written("engineer", &[sql]);
        assert!(answer.error().is_none(), "{sql}: {answer:?}");
    }
}
