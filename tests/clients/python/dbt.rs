//! dbt, with a project that has models of every kind.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "dbt_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "dbt_check.py", &[]);
}
