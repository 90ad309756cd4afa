//! Masks that are written as SQL: what is taken, what is sent for it, and what is refused when the policy meets the database.

use std::sync::Arc;

use pgveil_policy::{Engine, Policy};

use crate::fixture::{MARKER, catalog, subject};

fn engine(column: &str, sql: &str) -> Result<Engine, String> {
    let policy = format!(
        "version = 1\n[class.c]\ncolumns = [\"{column}\"]\n[role.analyst]\ndefault = \"clear\"\n[role.analyst.mask]\nc = {{ sql = \"\"\"{sql}\"\"\" }}\n"
    );
    let told = |errors: Vec<pgveil_policy::PolicyError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let policy = Policy::parse("policy.toml", &policy).map_err(told)?;
    Engine::new(&policy, Arc::new(catalog()), MARKER).map_err(told)
}

fn sent(column: &str, sql: &str, statement: &str) -> String {
    let engine = engine(column, sql).unwrap_or_else(|e| panic!("{column} {sql}: {e}"));
    let plan = engine.judge(&subject("analyst"), statement).unwrap_or_else(|r| panic!("{r:?}"));
    crate::case::gateless(&plan.statements[0].text.render("KEY", |token| format!("raw({})", token.text), str::to_owned))
}

#[test]
fn an_expression_is_printed_in_full() {
    assert_eq!(
        sent("shop.customers.phone", "left({column}, 3) || '…'", "SELECT phone FROM customers"),
        r#"SELECT "customers"."phone" FROM (SELECT CAST(CAST(("pg_catalog"."left"("phone", 3) || '…') AS "pg_catalog"."text") AS "pg_catalog"."text") AS "phone" FROM "shop"."customers") AS "customers""#
    );
    let clamped = sent("shop.products.price", "CASE WHEN {column} > 9 THEN 9 ELSE {column} END", "SELECT price FROM products");
    assert!(clamped.contains("9999999999e-2") && clamped.contains(r#"AS "pg_catalog"."numeric"(10, 2))"#), "{clamped}");
}

#[test]
fn what_cannot_fail_and_reads_no_setting_is_taken() {
    for (column, sql) in [
        ("shop.customers.phone", "coalesce(nullif(left({column}, 2), ''), '-') -- the first two"),
        ("shop.customers.phone", "CASE WHEN length({column}) > 5 THEN '{long}' ELSE 'short' END"),
        ("shop.customers.phone", "split_part({column}, '@', 2)"),
        ("shop.customers.phone", "upper(btrim({column}, ' '))::varchar(4)"),
        ("shop.customers.phone", "NULL"),
        ("shop.customers.ssn", "'***-**-' || right({column}, 4)"),
        ("shop.customers.dob", "CASE WHEN {column} < '1970-01-01' THEN date '1960-01-01' ELSE date '1980-01-01' END"),
        ("shop.customers.dob", "CASE WHEN extract(year FROM {column}) > 1990 THEN {column} END"),
        ("shop.customers.created", "CASE WHEN {column} > '1970-01-01 00:00:00+00' THEN {column} END"),
        ("shop.customers.ip", "CASE WHEN family({column}) = 4 THEN inet '10.0.0.0' END"),
        ("shop.employees.salary", "{column} / 1000 % 100"),
        ("shop.employees.salary", "length({column}::text)"),
        ("shop.employees.salary", "{column}::int8"),
        ("shop.employees.name", "left({column}, 1)"),
        ("shop.products.price", "round({column})"),
        ("shop.customers.address", "{column} -> 'city'"),
        ("shop.customers.address", "CASE WHEN jsonb_typeof({column}) = 'object' THEN '{}'::jsonb END"),
        ("shop.products.mood", "CASE WHEN {column} IS NULL THEN {column} END"),
    ] {
        let sql = if sql == "NULL" { "CASE WHEN {column} IS NULL THEN NULL END" } else { sql };
        assert!(engine(column, sql).is_ok(), "{column} {sql}: {}", engine(column, sql).unwrap_err());
    }
}

#[test]
fn what_could_fail_or_change_is_refused_with_the_reason() {
    let fails = "it could fail on a stored value, and the error would show the value";
    let setting = "is written as a setting of the session says";
    for (column, sql, why) in [
        ("shop.customers.phone", "{column}::int::text", fails),
        ("shop.employees.salary", "{column} + 1", fails),
        ("shop.employees.salary", "1000 / {column}", fails),
        ("shop.customers.phone", "left({column}, length({column}) - 2)", fails),
        ("shop.customers.phone", "split_part({column}, '@', 0)", fails),
        ("shop.customers.phone", "{column} LIKE {column}", fails),
        ("shop.customers.dob", "date_trunc('year', {column})", fails),
        ("shop.customers.dob", "{column} - {column}", fails),
        ("shop.customers.phone", "length({column})", "it gives a value of type int4, which cannot become the column's type"),
        ("shop.employees.salary", "CASE WHEN {column} > 1 THEN 'x' END", "it gives nothing but constants without a type"),
        ("shop.employees.salary", "{column}::numeric", "it gives a value of type numeric"),
        ("shop.customers.dob", "CASE WHEN length({column}::text) > 9 THEN {column} END", setting),
        (
            "shop.customers.dob",
            "CASE WHEN {column} < 'today' THEN {column} END",
            "the constant 'today' could mean another time under another setting",
        ),
        ("shop.customers.dob", "CASE WHEN {column} < '01/02/1970' THEN {column} END", "the constant '01/02/1970' could mean"),
        (
            "shop.customers.dob",
            "CASE WHEN {column} < timestamptz '1970-01-01 00:00:00+00' THEN {column} END",
            "with and without a time zone",
        ),
        ("shop.customers.created", "CASE WHEN {column} < date '1970-01-01' THEN {column} END", "with and without a time zone"),
        ("shop.customers.created", "CASE WHEN extract(hour FROM {column}) < 12 THEN {column} END", fails),
        ("shop.customers.created", "date_trunc('day', {column})", fails),
        ("shop.customers.dob", "CASE WHEN {column} < date '1970-02-30' THEN {column} END", "the constant '1970-02-30' could mean"),
        ("shop.products.mood", "{column}::text", setting),
    ] {
        let told = engine(column, sql).err().unwrap_or_else(|| panic!("{column} {sql} is taken"));
        assert!(told.contains(why), "{column} {sql}: {told}");
        assert!(told.contains("does not fit") && told.starts_with("policy.toml:7"), "{told}");
    }
}

#[test]
fn a_mask_of_one_type_is_told_for_each_column_that_it_does_not_fit() {
    let told = engine("shop.customers.*", "left({column}, 2)").err().unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines.iter().all(|l| l.starts_with("policy.toml:7:1: mask sql (role analyst, class c) does not fit shop.customers.")),
        "{told}"
    );
    for column in ["id", "dob", "ip", "address"] {
        assert!(told.contains(&format!("shop.customers.{column} of type")), "{column}\n{told}");
    }
    assert!(!told.contains("customers.phone") && !told.contains("customers.ssn"));
}

/// What the client brings along in its search_path does not stand for an operator of the mask.
#[test]
fn operators_of_the_mask_are_postgres_own() {
    let mut catalog = catalog();
    catalog.schemas.insert("evil".into());
    let operator = pgveil_policy::catalog::Operator { schema: "evil".into(), extension: None };
    catalog.foreign_operators.entry("||".into()).or_default().push(operator);
    let policy = "version = 1\n[class.c]\ncolumns = [\"shop.customers.phone\"]\n[role.analyst]\ndefault = \"clear\"\n[role.analyst.mask]\nc = { sql = \"left({column}, 1) || '…'\" }\n";
    let policy = Policy::parse("policy.toml", policy).unwrap();
    let engine = Engine::new(&policy, Arc::new(catalog), MARKER).unwrap();
    let who = crate::fixture::on_path("analyst", &["pg_catalog", "evil", "shop"]);
    assert_eq!(engine.judge(&who, "SELECT phone FROM shop.customers").unwrap_err().id, "operator.foreign");
    assert!(engine.judge(&subject("analyst"), "SELECT phone FROM shop.customers").is_ok());
}

/// A statement that writes has no derived table for its target: the masks stand in its expressions.
#[test]
fn masks_with_subqueries_stand_in_statements_that_write() {
    let policy = "version = 1\n[class.c]\ncolumns = [\"shop.customers.address\"]\n[role.analyst]\ndefault = \"clear\"\n[role.analyst.mask]\n\
        c = { json = { \"*\" = { json = { \"*\" = \"null\" } } } }\n";
    let engine = Engine::new(&Policy::parse("policy.toml", policy).unwrap(), Arc::new(catalog()), MARKER).unwrap();
    for sql in [
        "SELECT address FROM customers",
        "UPDATE customers SET city = 'x' WHERE address ->> 'a' = 'b'",
        "DELETE FROM customers WHERE address IS NULL",
        "UPDATE customers SET city = 'x' WHERE id = 1 RETURNING address",
    ] {
        let plan = engine.judge(&subject("analyst"), sql).unwrap_or_else(|r| panic!("{sql}: {r:?}"));
        let text = plan.statements[0].text.render("KEY", |token| token.text.clone(), str::to_owned);
        assert!(text.contains("jsonb_object_agg") && text.contains("veil_je2"), "{text}");
    }
}
