//! Pseudonyms: they join, group, count and stay the same everywhere.

use super::*;

const VISIBLE: &str = "(SELECT * FROM shop.customers WHERE id % 2 = 0)";

#[test]
fn output() {
    same(
        "analyst",
        "SELECT id, email, device FROM shop.customers WHERE id <= 60 ORDER BY id",
        &format!("SELECT id, email, device FROM {VISIBLE} AS c WHERE id <= 60 ORDER BY id"),
    );
}

#[test]
fn they_are_text_and_uuid_and_bigint() {
    let answer = ask("analyst", "SELECT email, device, account FROM shop.customers WHERE email IS NOT NULL AND device IS NOT NULL AND account IS NOT NULL ORDER BY id LIMIT 1").ok();
    let row = &answer.rows()[0];
    assert!(row[0].as_ref().unwrap().starts_with("u_"));
    assert_eq!(&row[1].as_ref().unwrap()[14..15], "8", "version of RFC 9562 for one's own use");
    assert!(row[2].as_ref().unwrap().parse::<i64>().unwrap() > 0);
    assert_eq!(answer.columns().iter().map(|c| c.type_oid).collect::<Vec<_>>(), [25, 2950, 20]);
}

#[test]
fn joins_of_one_class() {
    same(
        "analyst",
        "SELECT c.id, e.id, e.email FROM shop.customers c JOIN shop.employees e ON e.email = c.email ORDER BY 1, 2",
        &format!("SELECT c.id, e.id, e.email FROM {VISIBLE} AS c JOIN shop.employees e ON e.email = c.email ORDER BY 1, 2"),
    );
    same(
        "analyst",
        "SELECT l.owner, l.score, l.source, count(c.id) FROM shop.leads l LEFT JOIN shop.customers c USING (email) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        &format!(
            "SELECT l.owner, l.score, l.source, count(c.id) FROM shop.leads l LEFT JOIN {VISIBLE} AS c USING (email) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ),
    );
}

#[test]
fn grouping_and_counting() {
    same(
        "analyst",
        "SELECT count(*), count(email), count(DISTINCT email), count(DISTINCT device) FROM shop.customers",
        &format!("SELECT count(*), count(email), count(DISTINCT email), count(DISTINCT device) FROM {VISIBLE} AS c"),
    );
    same(
        "analyst",
        "SELECT n, count(*) FROM (SELECT email, count(*) AS n FROM shop.customers WHERE email IS NOT NULL GROUP BY email) AS x GROUP BY n ORDER BY n",
        &format!(
            "SELECT n, count(*) FROM (SELECT email, count(*) AS n FROM {VISIBLE} AS c WHERE email IS NOT NULL GROUP BY email) AS x GROUP BY n ORDER BY n"
        ),
    );
    same(
        "analyst",
        "SELECT count(*) FROM (SELECT DISTINCT email FROM shop.leads) AS x",
        "SELECT count(*) FROM (SELECT DISTINCT email FROM shop.leads) AS x",
    );
}

#[test]
fn null_stays_null() {
    same(
        "analyst",
        "SELECT count(*) FROM shop.customers WHERE email IS NULL",
        &format!("SELECT count(*) FROM {VISIBLE} AS c WHERE email IS NULL"),
    );
}

#[test]
fn subqueries() {
    same(
        "analyst",
        "SELECT id FROM shop.employees WHERE email IN (SELECT email FROM shop.leads) ORDER BY id",
        "SELECT id FROM shop.employees WHERE email IN (SELECT email FROM shop.leads) ORDER BY id",
    );
    same(
        "analyst",
        "SELECT id FROM shop.employees e WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.ship_email = e.email) ORDER BY id",
        "SELECT id FROM shop.employees e WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.ship_email = e.email AND o.id % 2 = 0) ORDER BY id",
    );
}

#[test]
fn set_operations_of_one_class() {
    same(
        "analyst",
        "SELECT count(*) FROM (SELECT email FROM shop.leads INTERSECT SELECT email FROM shop.employees) AS x",
        "SELECT count(*) FROM (SELECT email FROM shop.leads INTERSECT SELECT email FROM shop.employees) AS x",
    );
}

#[test]
fn the_same_in_each_session() {
    let ask = || ask("analyst", "SELECT email FROM shop.customers WHERE id <= 20 ORDER BY id").table();
    assert_eq!(ask(), ask());
}

#[test]
fn a_refusal_says_what_to_do() {
    let answer = ask("analyst", "SELECT upper(c.email) FROM shop.customers c");
    let error = answer.error().unwrap();
    assert_eq!((error[&'C'].as_str(), error[&'S'].as_str()), ("42501", "ERROR"));
    for word in ["shop.customers.email", "email", "analyst", "upper"] {
        assert!(error[&'M'].contains(word), "{error:?}");
    }
    assert!(error.contains_key(&'H'), "{error:?}");
    // At the column, or at the call it stands in.
    let position: usize = error[&'P'].parse().unwrap();
    assert!((8..=14).contains(&position), "{error:?}");
}
