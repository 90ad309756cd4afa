//! pgveil stops while sessions are open: each is told so, after whole messages.

use std::thread::JoinHandle;

use super::*;

const WORDS: &str = "pgveil is shutting down";

/// As [`LARGE`], of values that are masked for some.
const LARGE_OF_PEOPLE: &str = "SELECT p.sec, repeat('x', 5000) FROM shop.people p, generate_series(1, 500) g";

/// It ends when all clients have hung up, or have been waited for.
fn stopping(proxy: Proxy) -> JoinHandle<()> {
    std::thread::spawn(move || proxy.stop())
}

#[test]
fn idle_sessions_are_told_whatever_is_read_of_them() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut sessions = ["otto", "otto", "ana", "ana"].map(|user| session(&proxy, &database, user));
    for (session, sql) in sessions.iter_mut().zip([SEC, "BEGIN", SEC, "BEGIN"]) {
        session.query(sql).ok();
    }
    let stopping = stopping(proxy);
    sessions.iter_mut().for_each(|session| assert_ended(session, WORDS));
    drop(sessions);
    stopping.join().unwrap();
}

#[test]
fn in_the_middle_of_a_result_messages_are_whole() {
    let database = World::get().database(SCHEMA);
    for user in ["otto", "ana"] {
        let proxy = proxy(&policy(A));
        let mut busy = session(&proxy, &database, user);
        begin_large(&mut busy, LARGE_OF_PEOPLE);
        let stopping = stopping(proxy);
        assert_cut_between_rows(busy);
        stopping.join().unwrap();
    }
}
