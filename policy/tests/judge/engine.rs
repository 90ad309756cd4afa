//! What the engine does around a judgement: its cache, its witness, its roles.

use std::sync::Arc;

use pgveil_policy::judge::Veto;
use pgveil_policy::{Origin, Plan};

use crate::fixture::{engine, on_path, subject};

const CUSTOMERS: u32 = 101;
const LEADS: u32 = 131;
const PRODUCTS: u32 = 121;

fn plan(sql: &str) -> Arc<Plan> {
    engine().judge(&subject("analyst"), sql).unwrap()
}

#[test]
fn the_same_text_is_judged_once() {
    let engine = engine();
    let first = engine.judge(&subject("analyst"), "SELECT email FROM customers").unwrap();
    let again = engine.judge(&subject("analyst"), "SELECT email FROM customers").unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let refused = |sql| engine.judge(&subject("analyst"), sql).unwrap_err();
    assert_eq!(refused("SELECT lower(email) FROM customers"), refused("SELECT lower(email) FROM customers"));
}

#[test]
fn role_and_search_path_are_part_of_what_is_remembered() {
    let engine = engine();
    let sql = "SELECT id FROM customers";
    let judge = |role: &str, path: &[&str]| engine.judge(&on_path(role, path), sql).unwrap();
    let shop = judge("analyst", &["pg_catalog", "shop"]);
    let crm = judge("analyst", &["pg_catalog", "crm"]);
    let engineer = judge("engineer", &["pg_catalog", "shop"]);
    assert_ne!(shop, crm);
    assert_ne!(shop, engineer);
    assert_eq!(shop.statements[0].outputs[0].origin, Origin::Column { relation: CUSTOMERS, attribute: 1 });
    assert_eq!(crm.statements[0].outputs[0].origin, Origin::Column { relation: 130, attribute: 1 });
}

#[test]
fn a_text_too_long_to_remember_is_judged_each_time() {
    let engine = engine();
    let sql = format!("SELECT id FROM products WHERE name = '{}'", "x".repeat(70_000));
    let first = engine.judge(&subject("analyst"), &sql).unwrap();
    let again = engine.judge(&subject("analyst"), &sql).unwrap();
    assert_eq!(first, again);
    assert!(!Arc::ptr_eq(&first, &again));
}

#[test]
fn only_a_role_without_rules_is_passed_through() {
    let engine = engine();
    assert!(engine.unprotected("admin"));
    for role in ["analyst", "engineer", "nobody"] {
        assert!(!engine.unprotected(role), "{role}");
    }
    assert!(engine.knows("engineer") && !engine.knows("nobody"));
}

#[test]
fn each_session_fills_in_its_own_order_key() {
    let plan = plan("SELECT email FROM customers ORDER BY email");
    let text = &plan.statements[0].text;
    assert!(
        text.render("first", |token| format!("raw({})", token.text), str::to_owned).contains("'first'")
            && !text.render("first", |token| format!("raw({})", token.text), str::to_owned).contains("Marker")
    );
    assert_eq!(
        text.render("first", |token| format!("raw({})", token.text), str::to_owned).replace("first", "second"),
        text.render("second", |token| format!("raw({})", token.text), str::to_owned)
    );
}

#[test]
fn the_witness_agrees_with_what_was_planned() {
    let outputs = Arc::clone(&plan("SELECT id, email, full_name, lower(city) FROM customers").statements[0].outputs);
    let columns = [(CUSTOMERS, 1), (CUSTOMERS, 3), (0, 0), (0, 0)];
    assert_eq!(engine().witness("analyst", &outputs, &columns), Ok(()));
}

#[test]
fn the_witness_vetoes_every_mismatch() {
    let engine = engine();
    let outputs = Arc::clone(&plan("SELECT id, email, full_name FROM customers").statements[0].outputs);
    let veto = |column, relation, attribute| Err(Veto { column, relation, attribute });
    let witness = |columns: &[(u32, i16)]| engine.witness("analyst", &outputs, columns);
    // A sealed column where a clear one was planned.
    assert_eq!(witness(&[(CUSTOMERS, 3), (CUSTOMERS, 3), (0, 0)]), veto(0, CUSTOMERS, 3));
    // A veiled column, raw.
    assert_eq!(witness(&[(CUSTOMERS, 1), (CUSTOMERS, 3), (CUSTOMERS, 2)]), veto(2, CUSTOMERS, 2));
    // A veiled column where a sealed one was planned.
    assert_eq!(witness(&[(CUSTOMERS, 1), (CUSTOMERS, 2), (0, 0)]), veto(1, CUSTOMERS, 2));
    // A protected column beyond those that were planned.
    assert_eq!(witness(&[(CUSTOMERS, 1), (CUSTOMERS, 3), (0, 0), (CUSTOMERS, 4)]), veto(3, CUSTOMERS, 4));
    // Another column of the same class is masked in the same way; one that is clear may be anything.
    assert_eq!(witness(&[(PRODUCTS, 2), (LEADS, 1), (0, 0)]), Ok(()));
    // A role that is not known sees nothing.
    assert!(engine.witness("nobody", &outputs, &[]).is_err());
}
