use std::collections::HashMap;

use super::*;
use crate::catalog::{BaseType, Catalog, RelationKind};
use crate::policy::Policy;
use crate::policy::protection::tests::relation_of;

fn look(table: &str, column: &str, base: BaseType, values: &[&str]) -> Option<Suspect> {
    let relation = relation_of(1, table, &[(column, base)]);
    let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
    suspect(&relation, &relation.columns[0], (!values.is_empty()).then_some(values.as_slice()))
}

fn likely(table: &str, column: &str, base: BaseType, values: &[&str]) -> Option<Kind> {
    look(table, column, base, values).filter(Suspect::is_likely).map(|s| s.kind)
}

#[test]
fn values_tell_what_names_do_not() {
    let text = BaseType::Text;
    let emails = ["a@example.com", "b@example.com", "c@example.org", "d@example.net", "e@example.com", ""];
    assert_eq!(likely("x.t", "c7", text, &emails), Some(Kind::Email));
    assert_eq!(
        likely(
            "x.t",
            "c7",
            text,
            &["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NL91ABNA0417164300", "BE68539007547034"]
        ),
        Some(Kind::BankAccount)
    );
    assert_eq!(
        likely("x.t", "ref", text, &["078-05-1120", "219-09-9999", "457-55-5462", "123-45-6789", "321-54-9876"]),
        Some(Kind::NationalId)
    );
    assert_eq!(likely("x.t", "v", text, &["Anna Müller", "Jürgen Koch", "Lea Martin", "Hugo Petit", "Zofia Nowak"]), Some(Kind::Name));
    assert_eq!(
        likely("x.t", "v", text, &["see mail to ana@example.com please", "nothing at all to say here", "x", "y", "z"]),
        Some(Kind::FreeText)
    );
    // Numbers that go up, as ids do.
    let ids: Vec<String> = (100_000_000..100_000_200).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(likely("x.t", "ref", BaseType::Int8, &ids), None);
    assert_eq!(likely("x.t", "version", text, &["1.2.3.4", "1.2.3.5", "1.2.4.0", "1.3.0.0", "2.0.0.1"]), None);
}

#[test]
fn values_contradict_names() {
    let text = BaseType::Text;
    assert_eq!(likely("x.t", "email", text, &["weekly", "daily", "never", "weekly", "monthly", "daily"]), None);
    assert_eq!(likely("x.users", "email", text, &[]), Some(Kind::Email));
    assert_eq!(likely("x.users", "email", BaseType::Bool, &[]), None);
    assert_eq!(likely("x.users", "phone", text, &["iPhone", "Pixel", "Galaxy", "iPhone", "Nokia"]), None);
    assert_eq!(likely("x.products", "name", text, &["Lamp", "Chair", "Table", "Sofa", "Desk"]), None);
    assert_eq!(likely("x.customers", "name", text, &["Ng", "Oyelaran", "Tuomi", "Xhosa", "Quispe"]), Some(Kind::Name));
    assert_eq!(likely("x.t", "data", BaseType::Jsonb, &[r#"{"contact": {"email": "a@b.de"}}"#]), Some(Kind::Document));
    assert_eq!(likely("x.t", "data", BaseType::Jsonb, &[r#"{"color": "red"}"#]), None);
    assert_eq!(likely("x.customers", "address", BaseType::Jsonb, &[r#"{"street": "Hauptstraße 5", "zip": "1"}"#]), Some(Kind::Address));
    assert_eq!(likely("x.t", "emails", BaseType::Array, &["{a@b.de,c@d.de}", "{e@f.de,g@h.de}", "{i@j.de}"]), Some(Kind::Email));
}

#[test]
fn a_reason_holds_no_value() {
    let found = look(
        "x.t",
        "c",
        BaseType::Text,
        &["secret1@example.com", "secret2@example.com", "secret3@example.com", "secret4@x.io", "secret5@x.io"],
    )
    .unwrap();
    assert!(!found.reason.contains("secret") && found.reason.contains("5 of 5"), "{}", found.reason);
}

#[test]
fn a_proposal_is_a_policy_that_loads() {
    let mut catalog = Catalog { database: "shop\"\n".into(), ..Catalog::default() };
    catalog.insert(relation_of(
        1,
        "shop.customers",
        &[("id", BaseType::Int4), ("e.mail", BaseType::Text), ("full_name", BaseType::Text), ("gender", BaseType::Text)],
    ));
    catalog.insert(relation_of(2, "pg_catalog.pg_user", &[("email", BaseType::Text)]));
    let mut child = relation_of(3, "shop.customers_de", &[("full_name", BaseType::Text), ("tax_id", BaseType::Text)]);
    child.parents = vec![1];
    catalog.insert(child);
    let proposal = propose(&catalog, None, &HashMap::new());
    let text = proposal.policy(None);
    let policy = Policy::parse("p", &text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let columns: Vec<String> = policy.classes.iter().flat_map(|c| c.columns.iter().map(|(p, _)| format!("{}: {p}", c.name))).collect();
    assert_eq!(
        columns,
        ["email: shop.customers.\"e.mail\"", "person_name: shop.customers.full_name", "national_id: shop.customers_de.tax_id"]
    );
    assert_eq!(policy.roles["analyst"].masks.len(), 3);
    assert!(text.contains("gender"), "worth a look");
    // With that policy nothing is left to propose.
    let again = propose(&catalog, Some(&policy), &HashMap::new());
    assert_eq!((again.likely().count(), again.classified), (0, 3));
}

#[test]
fn questions_read_few_pages() {
    let table = relation_of(1, "shop.a\"b", &[("id", BaseType::Int4), ("x", BaseType::Text), ("born", BaseType::Date)]);
    let small = sample::query(&table, 3.0).unwrap();
    assert_eq!(small.sql, "SELECT pg_catalog.left(CAST(\"x\" AS pg_catalog.text), 400) FROM \"shop\".\"a\"\"b\" LIMIT 400");
    assert_eq!(small.columns, [2]);
    let large = sample::query(&table, 100_000.0).unwrap();
    assert!(large.sql.contains("TABLESAMPLE SYSTEM (0.1000) REPEATABLE (0)"), "{}", large.sql);
    assert_eq!(sample::query(&Relation { kind: RelationKind::View, ..table }, 3.0), None);
}
