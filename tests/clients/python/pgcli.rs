//! pgcli.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "pgcli_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "pgcli_check.py", &[]);
}
