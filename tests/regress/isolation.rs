//! The isolation tests: src/test/isolation. They look at who waits for whom by the process ids that clients are told.

use crate::beside::{Outcomes, Side, compare};
use crate::{alone, sources};

/// Tests that pass directly, but not through pgveil; each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];
const SETTINGS: &[(&str, &str)] = &[("max_prepared_transactions", "2"), ("autovacuum", "on"), ("wal_level", "replica")];

fn run(side: &Side) -> Outcomes {
    let from = sources::tree().join("src/test/isolation");
    let folder = side.folder("isolation", &from, &["specs", "expected", "isolation_schedule"]);
    side.regress(&from.join("pg_isolation_regress"), &folder, &folder.join("isolation_schedule"), &["--dbname=isolation_regression"])
}

#[test]
fn the_same_tests_pass() {
    let _alone = alone();
    sources::tree();
    let (directly, through) = std::thread::scope(|scope| {
        let directly = scope.spawn(|| run(&Side::direct(SETTINGS)));
        let through = scope.spawn(|| run(&Side::through(SETTINGS)));
        (directly.join().unwrap(), through.join().unwrap())
    });
    assert!(directly.len() > 100, "{}", directly.len());
    compare(&directly, &through, EXCEPTIONS);
}
