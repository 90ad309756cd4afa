//! psycopg 3.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "psycopg3_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "psycopg3_check.py", &[]);
}
