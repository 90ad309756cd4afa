//! An engineer, from whom one class is protected, and an administrator, from whom nothing is.

use super::*;

#[test]
fn an_engineer_sees_all_but_one_class() {
    same(
        "engineer",
        "SELECT id, full_name, email, ssn, salary, device FROM shop.customers WHERE id < 30 ORDER BY id",
        "SELECT id, full_name, email, NULL, salary, device FROM shop.customers WHERE id < 30 ORDER BY id",
    );
    same(
        "engineer",
        "SELECT upper(email), length(notes) FROM shop.customers WHERE email LIKE 'l%' ORDER BY id",
        "SELECT upper(email), length(notes) FROM shop.customers WHERE email LIKE 'l%' ORDER BY id",
    );
    same("engineer", "SELECT count(card_number), count(*) FROM shop.orders", "SELECT 0, count(*) FROM shop.orders");
}

#[test]
fn a_role_with_one_masked_column_is_a_role_with_masks() {
    for sql in ["DO 'BEGIN END'", "CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"] {
        let answer = ask("engineer", sql);
        assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{sql}: {answer:?}");
    }
}

#[test]
fn an_administrator_does_what_postgres_does() {
    same("admin", "SELECT * FROM shop.customers ORDER BY id LIMIT 20", "SELECT * FROM shop.customers ORDER BY id LIMIT 20");
    let mut session = Stage::get().session("admin");
    for sql in [
        "CREATE TEMP TABLE t (a int PRIMARY KEY, b text)",
        "INSERT INTO t VALUES (1, 'x') RETURNING a",
        "UPDATE t SET b = 'y'",
        "DO $$ BEGIN PERFORM 1; END $$",
        "DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM shop.customers",
        "FETCH 2 FROM c",
        "SET work_mem = '8MB'",
        "EXPLAIN ANALYZE SELECT * FROM shop.customers",
    ] {
        session.query(sql).ok();
    }
    let failed = session.query("INSERT INTO t VALUES (1, 'x')");
    assert_eq!(failed.error().unwrap()[&'D'], "Key (a)=(1) already exists.");
}
