//! Who is told 57P01 while a statement runs finds that it was not run: as with PostgreSQL, where that code stands for a rollback.

use std::time::Instant;

use super::*;

/// Keeps a row, after longer than any test here may last.
fn slow(id: u32) -> String {
    format!("INSERT INTO shop.people (id, name) SELECT {id}, 'late' WHERE pg_sleep(40) IS NOT NULL")
}

/// How many sessions of a database have run that, in such a state.
fn count(database: &str, state: &str) -> usize {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE '%pg_sleep%' AND {state}");
    World::get().cluster().execute("postgres", &sql).unwrap().trim().parse().unwrap()
}

/// `end` has the sessions end; what it gives back is kept.
fn is_undone<T>(words: &str, end: impl FnOnce(Proxy) -> T) {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut sessions = ["ana", "otto", "ana", "otto"].map(|user| session(&proxy, &database, user));
    // Two as a simple query, two in the extended protocol.
    for (n, session) in sessions.iter_mut().enumerate() {
        let sql = slow(900 + n as u32);
        if n < 2 {
            session.put_query(&sql);
        } else {
            session.put_call(&Call { sql, ..Call::default() });
        }
    }
    until("all run", || count(&database, "state = 'active'") == 4);
    let begun = Instant::now();
    let kept = end(proxy);
    sessions.iter_mut().for_each(|session| assert_ended(session, words));
    until("all are gone from the server", || count(&database, "true") == 0);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let left = World::get().cluster().execute(&database, "SELECT count(*) FROM shop.people WHERE name = 'late'").unwrap();
    assert_eq!(left, "0\n");
    drop(kept);
}

#[test]
fn when_a_policy_ends_the_session() {
    is_undone("is no longer in the policy", |proxy| {
        assert!(proxy.change_policy("version = 1\n[role.third]\ndefault = \"clear\"\n"));
        proxy
    });
}

#[test]
fn when_pgveil_stops() {
    // Dropped, it stops.
    is_undone("pgveil is shutting down", drop);
}

/// What has ended is kept, and a session that runs nothing ends as before.
#[test]
fn what_was_done_before_stays() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut sessions = ["ana", "otto"].map(|user| session(&proxy, &database, user));
    for (n, session) in sessions.iter_mut().enumerate() {
        session.query(&format!("INSERT INTO shop.people (id, name) VALUES ({}, 'done')", 900 + n)).ok();
        session.query(&format!("BEGIN; INSERT INTO shop.people (id, name) VALUES ({}, 'open')", 910 + n)).ok();
    }
    assert!(proxy.change_policy("version = 1\n[role.third]\ndefault = \"clear\"\n"));
    sessions.iter_mut().for_each(|session| assert_ended(session, "is no longer in the policy"));
    let names = "SELECT count(*) FILTER (WHERE name = 'done'), count(*) FILTER (WHERE name = 'open') FROM shop.people";
    let seen = || World::get().cluster().execute(&database, names).unwrap();
    assert_eq!(seen(), "2|0\n");
}
