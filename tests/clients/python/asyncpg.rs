//! asyncpg.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "asyncpg_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "asyncpg_check.py", &[]);
}
