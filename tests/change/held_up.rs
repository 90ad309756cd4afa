//! Who holds a lock on what a view reads, so that its definition cannot be asked for, holds up nobody else.

use std::time::Instant;

use pgveil::demo::cluster::SUPERUSER;

use super::*;

/// With a view: its definition cannot be read while a table that it names is locked.
fn database() -> String {
    World::get().database(&format!("{SCHEMA} CREATE VIEW shop.names AS SELECT id, name FROM shop.people; CREATE TABLE shop.kept (id int);"))
}

/// A session that has locked the table, or done more, until it is dropped.
fn holder(database: &str, sql: &str) -> Client {
    let cluster = World::get().cluster();
    let mut holder = Client::connect(&Login::local(cluster.port(), database, SUPERUSER, cluster.password())).unwrap();
    holder.query("BEGIN").ok();
    holder.query(sql).ok();
    holder
}

/// Without a bound it would be as long as the lock is held.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn an_unknown_name_is_told_while_a_table_is_locked() {
    let (proxy, database) = (proxy(&policy(A)), database());
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    let mut holder = holder(&database, "LOCK TABLE shop.people IN ACCESS EXCLUSIVE MODE");
    let begun = Instant::now();
    assert_eq!(session.query("SELECT 1 FROM shop.nothing").sqlstate(), "42P01");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // Others are let in, and judged.
    assert_eq!(ana(&proxy, &database).query("SELECT count(*) FROM shop.kept").value().unwrap(), "0");
    holder.query("CREATE TABLE shop.made (id int); GRANT SELECT ON shop.made TO pgveil").ok();
    holder.query("COMMIT").ok();
    assert_eq!(session.query("SELECT count(*) FROM shop.made").value().unwrap(), "0");
}

#[test]
fn a_session_that_changes_a_table_itself_is_told_of_an_unknown_name() {
    let (proxy, database) = (proxy(&policy(A)), database());
    World::get().cluster().execute(&database, "ALTER TABLE shop.people OWNER TO pgveil; GRANT ALL ON SCHEMA shop TO pgveil").unwrap();
    let mut session = ana(&proxy, &database);
    session.query("BEGIN").ok();
    session.query("LOCK TABLE shop.people IN ACCESS EXCLUSIVE MODE").ok();
    let begun = Instant::now();
    assert_eq!(session.query("SELECT 1 FROM shop.nothing").sqlstate(), "42P01");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    session.query("ROLLBACK").ok();
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
}

#[test]
fn a_policy_comes_into_force_while_a_table_is_locked() {
    let (proxy, database) = (proxy(&policy(A)), database());
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    let holder = holder(&database, "LOCK TABLE shop.people IN ACCESS EXCLUSIVE MODE");
    let begun = Instant::now();
    assert!(proxy.change_policy(&policy(B)));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // What does not fit is refused as ever.
    assert!(!proxy.change_policy(&policy("{ truncate = \"year\" }")));
    drop(holder);
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
}

#[test]
fn a_policy_comes_into_force_while_the_server_takes_no_more_sessions() {
    let world = World::start(pgveil::demo::cluster::Options {
        settings: vec![("max_connections".to_owned(), "8".to_owned()), ("superuser_reserved_connections".to_owned(), "1".to_owned())],
        ..Default::default()
    });
    let (proxy, database) = (world.proxy(&policy(A), USERS), world.database(SCHEMA));
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    let mut others = Vec::new();
    while let Ok(other) = Client::connect(&login(&proxy, &database, "ana")) {
        others.push(other);
    }
    assert!(!others.is_empty());
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
    // It is read again as soon as it can be: what was made meanwhile is seen.
    drop(others);
    world.cluster().execute(&database, "CREATE TABLE shop.made (id int); GRANT SELECT ON shop.made TO pgveil").unwrap();
    until("the table is known", || session.query("SELECT count(*) FROM shop.made").error().is_none());
}

#[test]
fn a_database_that_is_held_up_holds_up_no_other() {
    let (proxy, locked, other) = (proxy(&policy(A)), database(), database());
    let (_in_locked, mut in_other) = (ana(&proxy, &locked), ana(&proxy, &other));
    let _holder = holder(&locked, "LOCK TABLE shop.people IN ACCESS EXCLUSIVE MODE; CREATE TABLE shop.mine (id int)");
    World::get().cluster().execute(&other, "ALTER TABLE shop.kept ADD COLUMN sec text").unwrap();
    // A known table with another column: only who looks for changes can tell.
    until("the column is known", || in_other.query("SELECT sec FROM shop.kept").error().is_none());
}
