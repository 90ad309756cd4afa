//! A session goes on, by the new policy from its next statement.

use super::*;

#[test]
fn a_changed_file_is_found_and_a_bad_one_is_not_taken() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    prepare(&mut session, "s", SEC).ok();
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    proxy.set_policy(&policy(B));
    until("the file is read", || proxy.server().policy_number() == 2);
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
    assert!(is_stale(&run(&mut session, "s")));
    assert_eq!(session.call(&Call { sql: SEC.into(), ..Call::default() }).value().unwrap(), "[b]");
    for bad in ["", "version = 1\n[role", &policy("\"nul\""), &policy("{ truncate = \"year\" }")] {
        let failures = proxy.server().counters().policy_failures.get();
        proxy.set_policy(bad);
        until("the file is read", || proxy.server().counters().policy_failures.get() > failures);
        assert_eq!(session.query(SEC).value().unwrap(), "[b]");
        assert_eq!(ana(&proxy, &database).query(SEC).value().unwrap(), "[b]");
    }
    assert!(proxy.change_policy(&policy(A)));
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    assert_eq!(proxy.server().policy_number(), 3);
}

#[test]
fn a_policy_holds_for_all_databases_or_for_none() {
    let world = World::get();
    let proxy = proxy(&policy(A));
    let (one, two) = (world.database(SCHEMA), world.database(&SCHEMA.replace("sec text", "sec varchar(20)")));
    let mut sessions = [ana(&proxy, &one), ana(&proxy, &two)];
    let mut see = || sessions.each_mut().map(|session| session.query(SEC).value().unwrap());
    // A text that the shorter column does not hold.
    let long = "{ redact = \"[a very long word indeed]\" }";
    assert!(!proxy.change_policy(&policy(long)));
    assert_eq!(see(), ["[a]", "[a]"]);
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(see(), ["[b]", "[b]"]);
    // Nobody is in the other one any more: there is nothing that it does not fit.
    let [mut first, second] = sessions;
    drop(second);
    drop(ana(&proxy, &two));
    until("nobody is left", || proxy.change_policy(&policy(long)));
    assert_eq!(first.query(SEC).value().unwrap(), "[a very long word indeed]");
    let refused = Client::connect(&login(&proxy, &two, "ana")).unwrap_err();
    assert_eq!(refused[&'C'], "F0000", "{refused:?}");
}

#[test]
fn a_session_from_which_nothing_is_protected_any_more_goes_on() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
    assert!(proxy.change_policy(&policy("\"clear\"")));
    assert_eq!(session.query(SEC).value().unwrap(), "rawvalue7");
    assert_eq!(session.query("SELECT upper(sec) FROM shop.people WHERE id = 7").value().unwrap(), "RAWVALUE7");
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
}

#[test]
fn a_transaction_goes_on_under_the_new_policy() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    session.query("BEGIN").ok();
    session.query("CREATE TEMP TABLE kept AS SELECT id, sec FROM shop.people WHERE id < 3").ok();
    session.query("CREATE TEMP TABLE mine (ssn text); INSERT INTO mine VALUES ('x')").ok();
    let named = policy(B).replace("\"shop.people.sec\"", "\"shop.people.sec\", \"*.*.ssn\"");
    assert!(proxy.change_policy(&named));
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
    assert_eq!(session.query("SELECT DISTINCT sec FROM kept").value().unwrap(), "[a]", "what was kept is what was seen");
    assert_eq!(session.query("SELECT ssn FROM mine").value().unwrap(), "[b]", "its own tables are under the new policy, too");
    session.query("COMMIT").ok();
    assert!(proxy.change_policy(&policy(A)));
    assert_eq!(session.query("SELECT ssn FROM mine").value().unwrap(), "x");
    assert_eq!(session.query(SEC).value().unwrap(), "[a]");
}

#[test]
fn what_means_the_same_goes_on_without_a_word() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    prepare(&mut session, "s", SEC).ok();
    session.query("PREPARE p AS SELECT id FROM shop.people WHERE id = 1").ok();
    prepare(&mut session, "e", "EXECUTE p").ok();
    assert!(proxy.change_policy(&format!("{}# a remark\n", policy(A))));
    assert_eq!(run(&mut session, "s").value().unwrap(), "[a]");
    assert_eq!(session.query("EXECUTE p").value().unwrap(), "1");
    assert_eq!(run(&mut session, "e").value().unwrap(), "1");
}

#[test]
fn a_file_that_grows_while_it_is_read_is_not_taken_in_part() {
    use std::io::Write as _;
    // Cut behind `default = "clear"` it would be a policy that protects nothing.
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    let text = policy(B);
    let cut = text.find("[role.analyst.mask]").unwrap();
    let mut file = std::fs::File::create(proxy.policy_file()).unwrap();
    for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
        file.write_all(part).unwrap();
        file.flush().unwrap();
        std::thread::sleep(Duration::from_millis(400));
        assert!(!cells(&session.query(SEC)).concat().contains(RAW));
    }
    until("the file is read", || cells(&session.query(SEC)) == ["[b]"]);
    assert_eq!(proxy.server().policy_number(), 2);
}
