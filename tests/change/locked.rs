//! The lock file: what nobody has accepted yet, and what was renamed since, over restarts too.

use std::fs;

use pgveil_policy::Policy;
use pgveil_policy::policy::lock::Lock;

use super::*;

const WITH_LOG: &str = "CREATE TABLE shop.log (id int, note text) PARTITION BY LIST (id); \
    CREATE TABLE shop.log_1 PARTITION OF shop.log FOR VALUES IN (1); INSERT INTO shop.log VALUES (1, 'one');";

/// What `redact` makes of a text.
const REDACTED: &str = "[redacted]";

/// The lock file that accepts what there is in a database.
fn lock(policy: &str, database: &str) -> String {
    let world = World::get();
    let identity =
        "SELECT s.system_identifier || '.' || d.oid FROM pg_control_system() s, pg_database d WHERE datname = current_database()";
    let identity = world.cluster().execute(database, identity).unwrap();
    let policy = Policy::parse("policy.toml", policy).unwrap();
    Lock::default().accepting(identity.trim(), &world.catalog(database), &policy).render()
}

/// A proxy that begins with a lock file; also one that was started again.
fn locked(policy: &str, lock: &str) -> Proxy {
    World::get().proxy_with(policy, USERS, |config| fs::write(config.policy.with_extension("lock"), lock).unwrap())
}

fn lock_of(proxy: &Proxy) -> std::path::PathBuf {
    proxy.policy_file().with_extension("lock")
}

/// A database with its lock file and a proxy on it.
fn stage() -> (String, String, Proxy) {
    let database = World::get().database(&format!("{SCHEMA}{WITH_LOG}"));
    let lock = lock(&policy(A), &database);
    let proxy = locked(&policy(A), &lock);
    (database, lock, proxy)
}

fn alter(database: &str, sql: &str) {
    World::get().cluster().execute(database, sql).unwrap();
}

fn value(session: &mut Client, sql: &str) -> String {
    session.query(sql).value().unwrap()
}

#[test]
fn a_new_column_is_redacted_until_it_is_accepted() {
    let (database, before, proxy) = stage();
    let mut session = ana(&proxy, &database);
    alter(
        &database,
        "ALTER TABLE shop.people ADD mail text DEFAULT 'rawvalue'; CREATE TABLE shop.fresh AS SELECT 1 AS id, 'rawvalue' AS x",
    );
    let mail = "SELECT mail FROM shop.people WHERE id = 7";
    assert_eq!(value(&mut session, mail), REDACTED);
    assert_eq!(value(&mut session, "SELECT x FROM shop.fresh"), REDACTED);
    assert_eq!(session.query("SELECT id, name FROM shop.people WHERE id = 7").table(), "7|name7");
    // Somebody from whom nothing is protected sees it.
    assert_eq!(value(&mut super::session(&proxy, &database, "otto"), mail), "rawvalue");
    // The lock file alone changes, and nothing is said.
    let after = lock(&policy(A), &database);
    fs::write(lock_of(&proxy), &after).unwrap();
    until("the lock file is read", || value(&mut session, mail) == "rawvalue");
    assert_eq!(value(&mut session, "SELECT x FROM shop.fresh"), "rawvalue");
    assert_eq!(value(&mut ana(&proxy, &database), SEC), "[a]");
    // And back again.
    fs::write(lock_of(&proxy), &before).unwrap();
    until("the lock file is read", || value(&mut session, mail) == REDACTED);
}

#[test]
fn a_renamed_column_keeps_its_class_when_the_proxy_starts_again() {
    let (database, lock, proxy) = stage();
    assert_eq!(value(&mut ana(&proxy, &database), SEC), "[a]");
    proxy.stop();
    alter(&database, "ALTER TABLE shop.people RENAME sec TO label");
    let again = locked(&policy(A), &lock);
    let mut session = ana(&again, &database);
    assert_eq!(value(&mut session, "SELECT label FROM shop.people WHERE id = 7"), "[a]");
    // Another table, and another schema.
    alter(&database, "ALTER TABLE shop.people RENAME TO folk; ALTER TABLE shop.folk SET SCHEMA adhoc");
    let again = locked(&policy(A), &lock);
    // What had no class is new under its new name.
    assert_eq!(ana(&again, &database).query("SELECT DISTINCT id, label, name FROM adhoc.folk").table(), format!("∅|[a]|{REDACTED}"));
}

#[test]
fn swapped_names_show_neither() {
    let (database, lock, proxy) = stage();
    proxy.stop();
    alter(
        &database,
        "ALTER TABLE shop.people RENAME sec TO x; ALTER TABLE shop.people RENAME name TO sec; ALTER TABLE shop.people RENAME x TO name",
    );
    let again = locked(&policy(A), &lock);
    let mut session = ana(&again, &database);
    assert_eq!(session.query("SELECT name, sec FROM shop.people WHERE id = 7").table(), "[a]|[a]");
}

#[test]
fn a_column_that_is_made_anew_is_another_one() {
    let (database, lock, proxy) = stage();
    proxy.stop();
    alter(&database, "ALTER TABLE shop.people DROP name; ALTER TABLE shop.people ADD name text; UPDATE shop.people SET name = sec");
    let again = locked(&policy(A), &lock);
    let mut session = ana(&again, &database);
    assert_eq!(value(&mut session, "SELECT name FROM shop.people WHERE id = 7"), REDACTED);
}

#[test]
fn a_table_that_is_made_anew_under_its_name_is_known_by_it() {
    let (database, lock, proxy) = stage();
    proxy.stop();
    alter(
        &database,
        "DROP TABLE shop.people; CREATE TABLE shop.people AS SELECT 7 AS id, 'name7' AS name, 'rawvalue' AS sec, 'rawvalue' AS more",
    );
    let again = locked(&policy(A), &lock);
    let mut session = ana(&again, &database);
    assert_eq!(session.query("SELECT id, name, sec, more FROM shop.people").table(), format!("7|name7|[a]|{REDACTED}"));
}

#[test]
fn a_new_partition_is_its_parents() {
    let (database, _, proxy) = stage();
    let mut session = ana(&proxy, &database);
    alter(
        &database,
        "CREATE TABLE shop.log_2 PARTITION OF shop.log FOR VALUES IN (2); INSERT INTO shop.log VALUES (2, 'two'); \
         CREATE TABLE shop.log_3 (id int, note text); INSERT INTO shop.log_3 VALUES (3, 'three'); GRANT SELECT ON ALL TABLES IN SCHEMA shop TO pgveil",
    );
    assert_eq!(value(&mut session, "SELECT note FROM shop.log_2"), "two");
    assert_eq!(value(&mut session, "SELECT note FROM shop.log_3"), REDACTED);
    // By somebody who could have written its rows there.
    alter(&database, "ALTER TABLE shop.log ATTACH PARTITION shop.log_3 FOR VALUES IN (3)");
    assert_eq!(session.query("SELECT note FROM shop.log ORDER BY id").table(), "one\ntwo\nthree");
}

#[test]
fn a_lock_file_that_is_gone_or_broken_changes_nothing() {
    let (database, lock, proxy) = stage();
    let mut session = ana(&proxy, &database);
    alter(&database, "ALTER TABLE shop.people ADD mail text DEFAULT 'rawvalue'");
    let mail = "SELECT mail FROM shop.people WHERE id = 7";
    assert_eq!(value(&mut session, mail), REDACTED);
    fs::write(lock_of(&proxy), &lock[..lock.len() / 2]).unwrap();
    assert!(!proxy.change_policy(&policy(B)));
    fs::remove_file(lock_of(&proxy)).unwrap();
    assert!(!proxy.change_policy(&policy(B)));
    assert_eq!(session.query("SELECT mail, sec FROM shop.people WHERE id = 7").table(), format!("{REDACTED}|[a]"));
    fs::write(lock_of(&proxy), &lock).unwrap();
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query("SELECT mail, sec FROM shop.people WHERE id = 7").table(), format!("{REDACTED}|[b]"));
}
