//! What the example policy does not have: refused columns, classified materialised views, odd databases.

use pgveil_policy::catalog::{Catalog, Oid, Relation, RelationKind, Type};
use pgveil_policy::{Engine, Refusal};

use crate::case::word_at;
use crate::fixture::{catalog, engine_of, on_path, subject, table};

const REFUSED_EMAIL: &str = r#"
version = 1
[class.email]
columns = ["shop.customers.email", "crm.leads.email"]
[role.analyst]
default = "clear"
[role.analyst.mask]
email = "refuse"
"#;

fn sent(engine: &Engine, sql: &str) -> String {
    let plan = engine.judge(&subject("analyst"), sql).unwrap();
    crate::case::gateless(&plan.statements[0].text.render("KEY", |token| format!("raw({})", token.text), str::to_owned))
}

fn refused(engine: &Engine, sql: &str) -> Refusal {
    engine.judge(&subject("analyst"), sql).unwrap_err()
}

#[test]
fn a_refused_column_is_refused_wherever_it_is_named() {
    let engine = engine_of(REFUSED_EMAIL, catalog());
    for (sql, word) in [
        ("SELECT id, email FROM customers", "email"),
        ("SELECT id FROM customers c WHERE c.email IS NULL", "c.email"),
        ("SELECT * FROM customers", "SELECT"),
        ("SELECT c.* FROM customers c", "SELECT"),
        ("SELECT c FROM customers c", "c"),
        ("SELECT count(c.*) FROM customers c", "count(c.*"),
        ("SELECT 1 FROM customers c JOIN crm.leads l USING (email)", "email"),
        ("SELECT x.m FROM (SELECT email AS m FROM customers) x", "email"),
        ("SELECT mail FROM mails", "mails"),
        ("SELECT id FROM customers ORDER BY email", "email"),
        ("SELECT count(*) FROM customers GROUP BY email", "email"),
    ] {
        let refusal = refused(&engine, sql);
        assert_eq!((refusal.id, refusal.code.0), ("column.refused", "42501"), "{sql}");
        assert!(refusal.message.contains(".email (class email) may not be read by role analyst"), "{sql}: {}", refusal.message);
        assert!(refusal.detail.clone().unwrap().contains("Rule: policy.toml:8 (role analyst, class email)."), "{sql}: {refusal:?}");
        assert_eq!(word_at(sql, refusal.position.unwrap()), word, "{sql}");
    }
}

#[test]
fn a_table_with_a_refused_column_can_be_read_without_it() {
    let engine = engine_of(REFUSED_EMAIL, catalog());
    assert_eq!(
        sent(&engine, "SELECT city FROM customers WHERE id = 1"),
        r#"SELECT "customers"."city" FROM (SELECT "id", "city" FROM "shop"."customers") AS "customers" WHERE ("customers"."id" = 1)"#
    );
    assert_eq!(
        sent(&engine, "SELECT count(*) FROM customers"),
        r#"SELECT "pg_catalog"."count"(*) AS "count" FROM (SELECT "id" FROM "shop"."customers") AS "customers""#
    );
}

fn classified_totals(rows: &str) -> Engine {
    let policy = format!(
        r#"
version = 1
[class.total]
columns = ["shop.totals.customer_id", "shop.totals.total"]
[role.analyst]
default = "clear"
[role.analyst.mask]
total = "null"
[role.analyst.rows]
"shop.orders" = "customer_id < 10"
{rows}
"#
    );
    engine_of(&policy, catalog())
}

#[test]
fn a_materialised_view_does_not_show_rows_that_are_filtered_from_its_sources() {
    let refusal = refused(&classified_totals(""), "SELECT count(*) FROM totals");
    assert_eq!(refusal.id, "relation.derived");
    assert_eq!(refusal.message, "materialised view shop.totals is computed from shop.orders, of which rows are hidden from role analyst");
    assert_eq!(
        sent(&classified_totals(r#""shop.totals" = "customer_id < 10""#), "SELECT count(*) FROM totals"),
        r#"SELECT "pg_catalog"."count"(*) AS "count" FROM (SELECT CAST(NULL AS "pg_catalog"."int4") AS "customer_id" FROM "shop"."totals" WHERE ("customer_id" < 10)) AS "totals""#
    );
}

#[test]
fn a_temporary_type_does_not_stand_for_one_of_postgres() {
    let mut catalog = catalog();
    catalog
        .types
        .entry("pg_temp_3".into())
        .or_default()
        .insert("text".into(), Type { oid: 9999, relation: 0, fields: vec![], columns: vec![] });
    let engine = engine_of(REFUSED_EMAIL, catalog);
    let sql = "SELECT name::text FROM products";
    let refusal = engine.judge(&on_path("analyst", &["pg_temp_3", "pg_catalog", "shop"]), sql).unwrap_err();
    assert_eq!((refusal.id, refusal.message.as_str()), ("path.hostile", "a temporary table or type has the name of Postgres' type text"));
    assert!(engine.judge(&on_path("analyst", &["pg_temp_4", "pg_catalog", "shop"]), sql).is_ok());
}

/// `deep.v1` to `deep.v<count>`, each a view of the one before, the first of shop.customers.
fn nested_views(count: Oid) -> Catalog {
    let mut catalog = catalog();
    for n in 1..=count {
        let source = if n == 1 { "shop.customers".to_owned() } else { format!("deep.v{}", n - 1) };
        let reads = if n == 1 { vec![101] } else { vec![5000 + n - 1] };
        let definition = Some(format!(" SELECT id FROM {source};"));
        catalog.insert(Relation { definition, reads, ..table(5000 + n, &format!("deep.v{n}"), RelationKind::View, "id int4") });
    }
    catalog
}

#[test]
fn views_nested_too_deeply_are_refused_and_the_inner_ones_are_not() {
    let engine = engine_of(REFUSED_EMAIL, nested_views(60));
    let refusal = refused(&engine, "SELECT id FROM deep.v60");
    assert_eq!((refusal.id, refusal.position), ("view.depth", Some(16)));
    assert!(refusal.detail.clone().unwrap().starts_with("In view deep.v60. "), "{refusal:?}");
    assert!(sent(&engine, "SELECT id FROM deep.v20").contains(r#"FROM "shop"."customers""#));
}

const FED_FILTER: &str = r#"
version = 1
[class.email]
columns = ["crm.leads.email"]
[role.analyst]
default = "clear"
[role.analyst.rows]
"shop.orders" = "customer_id IN (SELECT id FROM shop.products)"
"crm.leads" = "email IN (SELECT email FROM shop.customers)"
"shop.customers" = "country = 'DE'"
"#;

#[test]
fn what_a_row_filter_reads_is_not_written_to() {
    let engine = engine_of(FED_FILTER, catalog());
    for sql in [
        "INSERT INTO products (id) VALUES (1)",
        "INSERT INTO products (id) SELECT id FROM products ON CONFLICT DO NOTHING",
        "UPDATE products SET id = 2",
        "DELETE FROM products",
        "WITH w AS (INSERT INTO products (id) VALUES (1) RETURNING id) SELECT id FROM w",
        "MERGE INTO products p USING customers c ON p.id = c.id WHEN MATCHED THEN DELETE",
        "COPY products (id) FROM STDIN",
        "TRUNCATE products",
        "ALTER TABLE products RENAME TO goods",
        "ALTER TABLE products ADD COLUMN x int",
        "DROP TABLE products",
    ] {
        let refusal = refused(&engine, sql);
        assert_eq!((refusal.id, refusal.code.0), ("write.filter_source", "42501"), "{sql}: {refusal:?}");
        assert!(refusal.message.ends_with("a row filter of role analyst reads it"), "{sql}: {}", refusal.message);
        assert!(refusal.detail.unwrap().starts_with("Rule: policy line 8 "), "{sql}");
    }
    // What leaves the rows as they are, and what is filtered itself, may.
    for sql in
        ["COMMENT ON TABLE products IS 'x'", "ANALYZE products", "UPDATE customers SET city = 'x' WHERE id = 1", "SELECT id FROM products"]
    {
        assert!(engine.judge(&subject("analyst"), sql).is_ok(), "{sql}: {:?}", refused(&engine, sql));
    }
}
