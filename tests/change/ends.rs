//! A session ends where what it was begun with would be otherwise now.

use super::*;

/// The role from which nothing is protected has a mask now.
fn protects_other() -> String {
    policy(A).replace("[role.other]\n", "[role.other]\nmask.secret = \"null\"\n")
}

#[test]
fn an_untouched_session_ends_when_its_role_is_protected() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut idle = session(&proxy, &database, "otto");
    let mut open = session(&proxy, &database, "otto");
    let mut masked = ana(&proxy, &database);
    assert_eq!(idle.query(SEC).value().unwrap(), "rawvalue7");
    open.query("BEGIN").ok();
    assert!(proxy.change_policy(&protects_other()));
    // Whatever it says now is not heard.
    open.put_query(SEC);
    assert_ended(&mut idle, "the policy now protects data from role \"other\"");
    assert_ended(&mut open, "the policy now protects data from role \"other\"");
    assert_eq!(masked.query(SEC).value().unwrap(), "[a]");
    assert_eq!(session(&proxy, &database, "otto").query(SEC).table(), "∅");
    until("both are counted", || proxy.server().counters().policy_ended_sessions.get() == 2);
}

#[test]
fn an_untouched_session_ends_between_two_messages() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut busy = session(&proxy, &database, "otto");
    begin_large(&mut busy, LARGE);
    assert!(proxy.change_policy(&protects_other()));
    assert_cut_between_rows(busy);
}

#[test]
fn an_untouched_session_goes_on_where_nothing_changes_for_it() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut plain = session(&proxy, &database, "otto");
    for _ in 0..5 {
        for mask in [B, A] {
            assert!(proxy.change_policy(&policy(mask)));
            assert_eq!(plain.query(SEC).value().unwrap(), "rawvalue7");
        }
    }
}

#[test]
fn a_session_ends_when_its_role_is_gone_or_writes_otherwise() {
    let world = World::get();
    let database = world.database(SCHEMA);
    let reads = policy(A).replace("[role.analyst]\n", "[role.analyst]\nread_only = true\n");
    let without = "version = 1\n[role.other]\ndefault = \"clear\"\n".to_owned();
    for (before, after, words) in [
        (policy(A), reads.clone(), "role \"analyst\" now has other rights to write"),
        (reads, policy(A), "role \"analyst\" now has other rights to write"),
        (policy(A), without, "role \"analyst\" is no longer in the policy"),
    ] {
        let proxy = proxy(&before);
        let mut sessions = [ana(&proxy, &database), ana(&proxy, &database)];
        sessions[0].query("BEGIN").ok();
        assert!(proxy.change_policy(&after), "{words}");
        sessions.iter_mut().for_each(|session| assert_ended(session, words));
        let again = Client::connect(&login(&proxy, &database, "ana"));
        if words.contains("no longer") {
            assert_eq!(again.unwrap_err()[&'C'], "28000");
        } else {
            assert_eq!(again.unwrap().query(SEC).value().unwrap(), "[a]");
        }
    }
}

#[test]
fn a_masked_session_ends_between_two_messages() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut busy = ana(&proxy, &database);
    busy.put_query("SELECT p.sec, repeat('x', 5000) FROM shop.people p, generate_series(1, 500) g");
    for _ in 0..10 {
        busy.receive().unwrap();
    }
    assert!(proxy.change_policy("version = 1\n[role.other]\ndefault = \"clear\"\n"));
    assert_ended(&mut busy, "role \"analyst\" is no longer in the policy");
}
