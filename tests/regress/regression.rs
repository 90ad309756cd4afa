//! The regression tests: src/test/regress.

use std::path::Path;

use crate::beside::{Outcomes, Side, compare};
use crate::{alone, sources};

/// Files that pass directly, but not through pgveil; each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];
/// As pg_regress sets up a server of its own.
pub const SETTINGS: &[(&str, &str)] =
    &[("max_prepared_transactions", "2"), ("autovacuum", "on"), ("wal_level", "replica"), ("log_statement", "none")];
/// What the server and psql read.
pub const FILES: &[&str] = &["sql", "expected", "data", "parallel_schedule", "resultmap", "regress.so", "refint.so", "autoinc.so"];

/// Runs all of them.
pub fn run(side: &Side) -> Outcomes {
    let from = sources::tree().join("src/test/regress");
    let folder = side.folder("regress", &from, FILES);
    let arguments = ["--dbname=regression", "--max-concurrent-tests=20", "--max-connections=4"];
    side.regress(&from.join("pg_regress"), &folder, Path::new(&folder.join("parallel_schedule")), &arguments)
}

#[test]
fn the_same_files_pass() {
    let _alone = alone();
    sources::tree();
    let (directly, through) = std::thread::scope(|scope| {
        let directly = scope.spawn(|| run(&Side::direct(SETTINGS)));
        let through = scope.spawn(|| run(&Side::through(SETTINGS)));
        (directly.join().unwrap(), through.join().unwrap())
    });
    assert!(directly.len() > 180, "{}", directly.len());
    compare(&directly, &through, EXCEPTIONS);
}
