//! What was known of columns, under another policy.

use super::*;

#[test]
fn a_class_that_is_taken_away_is_gone_and_a_renamed_column_stays_hidden() {
    let world = World::get();
    let (proxy, database) = (proxy(&policy(A)), world.database(SCHEMA));
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    // Renamed by somebody else, seen, and then another policy that has nothing to do with it.
    world.cluster().execute(&database, "ALTER TABLE shop.people RENAME sec TO label").unwrap();
    let label = "SELECT label FROM shop.people WHERE id = 7";
    assert_eq!(session.query(label).value().unwrap(), "[a]");
    assert!(proxy.change_policy(&format!("{}# a remark\n", policy(A))));
    assert_eq!(session.query(label).value().unwrap(), "[a]");
    // Its old name's pattern is gone: nobody has said that the column may be seen.
    let away = policy(B).replace("shop.people.sec", "shop.people.nothing");
    assert!(proxy.change_policy(&away));
    assert_eq!(session.query(label).value().unwrap(), "[b]");
    assert_eq!(ana(&proxy, &database).query(label).value().unwrap(), "[b]");
    // Now somebody has.
    let named = away.replace("[role.other]", "[class.open]\ncolumns = [\"shop.people.label\"]\n[role.other]");
    assert!(proxy.change_policy(&named));
    assert_eq!(session.query(label).value().unwrap(), "rawvalue7");
    // A class that goes away from a column that is called what it was.
    let back = policy(A).replace("shop.people.sec", "shop.people.label");
    assert!(proxy.change_policy(&back));
    assert_eq!(session.query(label).value().unwrap(), "[a]");
    assert!(proxy.change_policy(&policy(A).replace("shop.people.sec", "shop.people.name")));
    assert_eq!(session.query("SELECT label, name FROM shop.people WHERE id = 7").table(), "rawvalue7|[a]");
}

#[test]
fn a_column_that_is_renamed_at_the_very_time_stays_hidden() {
    let world = World::get();
    let database = world.database(SCHEMA);
    let proxy = world.proxy_with(&policy(A), USERS, |config| config.look_every = Duration::from_secs(3600));
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    // No snapshot has seen the new name before the policy changes.
    world.cluster().execute(&database, "ALTER TABLE shop.people RENAME sec TO label").unwrap();
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query("SELECT label FROM shop.people WHERE id = 7").value().unwrap(), "[b]");
}

#[test]
fn a_database_that_nobody_is_in_remembers_too() {
    let world = World::get();
    let database = world.database(SCHEMA);
    let proxy = world.proxy_with(&policy(A), USERS, |config| config.look_every = Duration::from_millis(50));
    drop(ana(&proxy, &database));
    std::thread::sleep(Duration::from_millis(500));
    world.cluster().execute(&database, "ALTER TABLE shop.people RENAME sec TO label").unwrap();
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(ana(&proxy, &database).query("SELECT label FROM shop.people WHERE id = 7").value().unwrap(), "[b]");
}

#[test]
fn what_a_session_has_made_is_judged_by_the_policy_of_the_moment() {
    let world = World::get();
    let wide = |mask: &str| policy(mask).replace("\"shop.people.sec\"", "\"shop.people.sec\", \"adhoc.*.ssn\"");
    let (proxy, database) = (proxy(&wide(A).replace("[a]\"", "[a]\", write = true")), world.database(SCHEMA));
    let mut session = ana(&proxy, &database);
    session.query("CREATE TABLE adhoc.t (ssn text); INSERT INTO adhoc.t VALUES ('mine')").ok();
    assert_eq!(session.query("SELECT ssn FROM adhoc.t").value().unwrap(), "[a]");
    // Taken away before any snapshot of all sessions shows the table, or just behind it.
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query("SELECT ssn FROM adhoc.t").value().unwrap(), "mine");
    assert_eq!(ana(&proxy, &database).query("SELECT ssn FROM adhoc.t").value().unwrap(), "mine");
}
