//! The isolation tests: src/test/isolation. They look at who waits for whom by the process ids that clients are told.

use crate::beside::Family;

const ISOLATION: Family = Family {
    name: "isolation",
    part: "src/test/isolation",
    files: &["specs", "expected", "isolation_schedule"],
    program: "pg_isolation_regress",
    schedule: "isolation_schedule",
    arguments: &["--dbname=isolation_regression"],
    settings: &[("max_prepared_transactions", "2"), ("autovacuum", "on"), ("wal_level", "replica")],
    exceptions: &[],
    more_than: 100,
};

#[test]
fn the_same_tests_pass() {
    ISOLATION.compare();
}
