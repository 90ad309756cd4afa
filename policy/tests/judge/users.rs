//! Row filters that know who asks.

use std::sync::Arc;

use pgveil_policy::policy::user::User;
use pgveil_policy::{Engine, Plan, Policy, Refusal, Subject};

use crate::fixture::{catalog, engine_of, subject};

const POLICY: &str = r#"
version = 1
[class.email]
columns = ["shop.customers.email"]
[role.own]
default = "clear"
writable_schemas = ["adhoc"]
[role.own.mask]
email = { token = { prefix = "t_" } }
[role.own.rows]
"shop.customers" = "full_name = {user} OR city LIKE {attr.city}"
"shop.orders" = "customer_id = {attr.customer}"
"#;

fn user(name: &str, attributes: &[(&str, &str)]) -> Option<Arc<User>> {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Some(Arc::new(User { name: name.to_owned(), attributes }))
}

fn judge(engine: &Engine, user: Option<Arc<User>>, sql: &str) -> Result<Arc<Plan>, Refusal> {
    engine.judge(&Subject { user, ..subject("own") }, sql)
}

fn sent(plan: &Plan) -> String {
    let texts = plan.statements.iter().map(|s| s.text.render("KEY", |token| format!("raw {}", token.text), str::to_owned));
    texts.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_value_is_the_content_of_a_constant() {
    let engine = engine_of(POLICY, catalog());
    for name in ["ana", "o'brien", "' OR true --", "\\", "\\'", "$1", "''", "{user}"] {
        let text = sent(&judge(&engine, user(name, &[("customer", "7")]), "SELECT id FROM orders").unwrap());
        assert!(text.contains("(\"customer_id\" = '7')"), "{text}");
        let text = sent(&judge(&engine, user(name, &[("city", name)]), "SELECT id FROM customers WHERE email = 'x'").unwrap());
        let quoted = format!("'{}'", name.replace('\'', "''"));
        assert!(text.contains(&format!("= {quoted}) OR (\"city\" LIKE {quoted})")), "{text}");
        assert!(text.contains("'raw x'") && !text.contains("0rderKey"), "{text}");
        let tree = pg_query::parse(&text, pg_query::ParserOptions::default()).unwrap();
        assert_eq!(tree.protobuf.stmts.len(), 1, "{text}");
    }
    // Nobody asks: what is shown is what the policy says.
    let text = sent(&judge(&engine, None, "SELECT id FROM orders").unwrap());
    assert!(text.contains("(\"customer_id\" = '{attr.customer}')"), "{text}");
}

#[test]
fn what_is_prepared_declared_and_kept_is_filled_too() {
    let engine = engine_of(POLICY, catalog());
    for sql in [
        "PREPARE p AS SELECT id FROM orders",
        "DECLARE c CURSOR FOR SELECT id FROM orders",
        "COPY (SELECT id FROM orders) TO STDOUT",
        "COPY orders_2024 TO STDOUT",
        "CREATE TABLE adhoc.t AS SELECT id FROM orders",
        "CREATE TABLE adhoc.t AS SELECT o.id, c.email FROM orders o, customers c",
        "INSERT INTO adhoc.leads_hot (email) SELECT ship_email FROM orders",
        "UPDATE orders SET status = 'x'",
        "DELETE FROM orders WHERE 1 / total > 1",
        "EXPLAIN SELECT id FROM orders",
        "SELECT id FROM products WHERE EXISTS (SELECT FROM orders)",
        "WITH o AS (UPDATE orders SET status = 'x' RETURNING id) SELECT id FROM o",
    ] {
        let plan = judge(&engine, user("ana", &[("customer", "7"), ("city", "Ulm")]), sql).unwrap_or_else(|r| panic!("{sql}: {r:?}"));
        let all = format!("{plan:?}");
        assert!(!all.contains("User(") && all.contains("'7'") || all.contains("\"7\""), "{sql}: {all}");
        assert!(!all.contains("0rderKeyMarker"), "{sql}: {all}");
        let refusal = judge(&engine, user("ana", &[("city", "Ulm")]), sql).unwrap_err();
        assert_eq!(refusal.id, "rows.attribute", "{sql}");
    }
}

#[test]
fn a_pattern_that_is_not_known_may_fail() {
    let engine = engine_of(POLICY, catalog());
    // Guarded or fenced as any filter that can fail: nothing of the client's runs on what it hides.
    let fails = |city: &str| sent(&judge(&engine, user("ana", &[("city", city)]), "SELECT id FROM customers WHERE 1 / id > 0").unwrap());
    assert_eq!(fails("U%").replace("U%", "?"), fails("U\\").replace("U\\", "?"), "one judgement for all");
    assert!(engine.filters_may_fail("own"));
}

#[test]
fn two_users_share_a_judgement_and_nothing_else() {
    let engine = engine_of(POLICY, catalog());
    for _ in 0..2 {
        for customer in ["1", "2", "3"] {
            let text = sent(&judge(&engine, user("ana", &[("customer", customer)]), "SELECT id FROM orders").unwrap());
            assert!(text.contains(&format!("= '{customer}'")), "{text}");
        }
        assert_eq!(judge(&engine, user("ana", &[]), "SELECT id FROM orders").unwrap_err().id, "rows.attribute");
    }
}

#[test]
fn nothing_of_who_asks_is_stored() {
    let engine = engine_of(POLICY, catalog());
    for sql in ["CREATE VIEW adhoc.v AS SELECT id FROM orders", "CREATE MATERIALIZED VIEW adhoc.v AS SELECT id FROM orders"] {
        let refusal = judge(&engine, user("ana", &[("customer", "7")]), sql).unwrap_err();
        assert!(matches!(refusal.id, "keep.user" | "keep.filtered"), "{sql}: {refusal:?}");
    }
}

#[test]
fn a_filter_that_names_a_value_where_none_can_stand_does_not_load() {
    for filter in ["owner = '{user}'", "owner = {user", "owner = {users}", "owner IN {attr.teams}", "owner = \\\"{user}\\\""] {
        let text = format!("version = 1\n[role.r]\n[role.r.rows]\n\"s.t\" = \"{filter}\"\n");
        let errors = Policy::parse("policy.toml", &text).unwrap_err();
        assert_eq!((errors.len(), errors[0].line), (1, 4), "{filter}: {errors:?}");
    }
}
