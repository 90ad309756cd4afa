//! psycopg 2.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "psycopg2_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "psycopg2_check.py", &[]);
}
