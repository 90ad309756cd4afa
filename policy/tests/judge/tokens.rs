//! Columns of tokens, and `otherwise = "redact"`.

use pgveil_policy::{Engine, Planned, Refusal};

use crate::fixture::{catalog, engine_of, subject};

const TOKENS: &str = r#"
version = 1
[class.email]
columns = ["shop.customers.email", "crm.leads.email"]
[class.city]
columns = ["shop.customers.city"]
[role.analyst]
default = "clear"
[role.analyst.mask]
email = { token = { prefix = "t_" } }
city = { hash = {}, otherwise = "redact" }
"#;

fn engine() -> Engine {
    engine_of(TOKENS, catalog())
}

fn planned(sql: &str) -> Planned {
    engine().judge(&subject("analyst"), sql).unwrap_or_else(|r| panic!("{sql}: {r:?}")).statements[0].clone()
}

fn sent(sql: &str) -> String {
    planned(sql).text.render("KEY", |token| format!("raw({})", token.text), str::to_owned)
}

fn refused(sql: &str) -> Refusal {
    engine().judge(&subject("analyst"), sql).unwrap_err()
}

#[test]
fn a_literal_beside_a_column_of_tokens_is_turned_back() {
    for (sql, part) in [
        ("SELECT id FROM customers WHERE email = 't_x'", "= CAST('raw(t_x)' AS \"pg_catalog\".\"text\")"),
        ("SELECT id FROM customers WHERE 't_x' <> email", "CAST('raw(t_x)' AS \"pg_catalog\".\"text\") <>"),
        ("SELECT id FROM customers WHERE email = 't_x'::text", "CAST('raw(t_x)' AS \"pg_catalog\".\"text\")"),
        ("SELECT id FROM customers WHERE email IN ('a', 'b')", "'raw(b)'"),
        ("SELECT id FROM customers WHERE email = ANY (ARRAY['a', 'b'])", "'raw(b)'"),
        ("SELECT id FROM customers WHERE (id, email) = (1, 'a')", "'raw(a)'"),
        ("SELECT CASE email WHEN 'a' THEN 1 END FROM customers", "'raw(a)'"),
        ("SELECT id FROM customers WHERE email IS NOT DISTINCT FROM 'a'", "'raw(a)'"),
        ("SELECT id FROM customers c WHERE EXISTS (SELECT FROM crm.leads l WHERE l.email = 'a')", "'raw(a)'"),
        ("SELECT id FROM customers WHERE email = 'it''s'", "'raw(it''s)'"),
    ] {
        let text = sent(sql);
        assert!(text.contains(part), "{sql}\n{text}");
    }
    let apart = sent("SELECT 't_x' AS t FROM customers WHERE email = 't_x'");
    assert!(apart.contains("'t_x' AS \"t\"") && apart.contains("'raw(t_x)'"), "{apart}");
}

#[test]
fn a_parameter_beside_a_column_of_tokens_is_noted() {
    let note = |sql: &str| planned(sql).tokens.iter().map(|t| (t.index, t.array)).collect::<Vec<_>>();
    assert_eq!(note("SELECT id FROM customers WHERE email = $1 AND id = $2"), [(0, false)]);
    assert_eq!(note("SELECT id FROM customers WHERE email = $1::varchar OR email = $1"), [(0, false)]);
    assert_eq!(note("SELECT id FROM customers WHERE email = ANY ($2::text[]) AND id = $1"), [(1, true)]);
    assert_eq!(note("SELECT id FROM customers WHERE email IN ($1, $2)"), [(0, false), (1, false)]);
    for sql in [
        "SELECT $1::text FROM customers WHERE email = $1",
        "SELECT id FROM customers WHERE email = $1 AND full_name = $1",
        "SELECT id FROM customers WHERE email = $1 AND email = ANY ($1)",
        "SELECT id FROM customers WHERE email = $1 LIMIT $1",
    ] {
        assert_eq!(refused(sql).id, "seal.parameter", "{sql}");
    }
}

#[test]
fn what_would_show_more_than_equality_of_a_token_is_refused() {
    for sql in [
        "SELECT id FROM customers WHERE email LIKE 't_%'",
        "SELECT id FROM customers WHERE email > 'a'",
        "SELECT COALESCE(email, 'a') FROM customers",
        "SELECT email FROM customers UNION SELECT 'a'",
        "SELECT id FROM customers WHERE email = lower('A')",
        "SELECT id FROM customers WHERE email = 'a'::varchar(1)",
        "SELECT id FROM customers WHERE email = ANY ('{a,b}')",
    ] {
        assert!(refused(sql).id.starts_with("seal."), "{sql}");
    }
}

#[test]
fn otherwise_redacts_the_class_in_that_statement() {
    assert!(!sent("SELECT city FROM customers").contains("redacted"));
    let text = sent("SELECT upper(city) FROM customers");
    assert!(text.contains("'[redacted]'"), "{text}");
    let both = sent("SELECT city FROM customers WHERE city LIKE 'B%'");
    assert!(both.contains("'[redacted]'"), "{both}");
    assert_eq!(refused("SELECT upper(email) FROM customers").id, "seal.use");
    assert_eq!(refused("SELECT upper(email), upper(city) FROM customers").id, "seal.use");
}
