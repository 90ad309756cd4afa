//! SQLAlchemy 2, by each of its drivers for PostgreSQL; pandas, which reads and writes through it.

fn check(role: &str) {
    let ground = super::Ground::new();
    for driver in ["psycopg2", "psycopg", "asyncpg"] {
        ground.script(role, "sqlalchemy_check.py", &[driver]);
    }
}

#[test]
fn analyst() {
    check("analyst");
}

#[test]
fn engineer() {
    check("engineer");
}
