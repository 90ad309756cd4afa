//! The regression tests: src/test/regress.

use crate::beside::Family;

/// As pg_regress sets up a server of its own.
pub const SETTINGS: &[(&str, &str)] =
    &[("max_prepared_transactions", "2"), ("autovacuum", "on"), ("wal_level", "replica"), ("log_statement", "none")];
/// What the server and psql read.
pub const FILES: &[&str] = &["sql", "expected", "data", "parallel_schedule", "resultmap", "regress.so", "refint.so", "autoinc.so"];

const REGRESSION: Family = Family {
    name: "regress",
    part: "src/test/regress",
    files: FILES,
    program: "pg_regress",
    schedule: "parallel_schedule",
    arguments: &["--dbname=regression", "--max-concurrent-tests=20", "--max-connections=4"],
    settings: SETTINGS,
    exceptions: &[],
    more_than: 180,
};

#[test]
fn the_same_files_pass() {
    REGRESSION.compare();
}
