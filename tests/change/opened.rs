//! What was opened under a policy is read by it to the end; what is only prepared is judged again.

use super::*;

#[test]
fn a_cursor_keeps_its_masks() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    session.query("BEGIN").ok();
    session.query("DECLARE c CURSOR FOR SELECT sec FROM shop.people ORDER BY id").ok();
    session.query("DECLARE h CURSOR WITH HOLD FOR SELECT sec FROM shop.people ORDER BY id").ok();
    for mask in [B, "\"null\"", "\"hash\"", "\"clear\"", "\"refuse\""] {
        assert!(proxy.change_policy(&policy(mask)), "{mask}");
        assert_eq!(session.query("FETCH 2 FROM c").table(), "[a]\n[a]", "{mask}");
        let fetched = session.call(&Call { sql: "FETCH c".into(), ..Call::default() });
        assert_eq!(fetched.value().unwrap(), "[a]", "{mask}");
    }
    session.query("COMMIT").ok();
    assert!(proxy.change_policy(&policy(B)));
    assert_eq!(session.query("FETCH 1 FROM h").value().unwrap(), "[a]");
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
}

#[test]
fn a_sealed_cursor_is_sealed_to_its_end_and_a_clear_one_is_as_it_was_opened() {
    let (proxy, database) = (proxy(&policy("\"hash\"")), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    session.query("BEGIN").ok();
    session.query("DECLARE c CURSOR FOR SELECT sec FROM shop.people ORDER BY id").ok();
    let first = session.query("FETCH ABSOLUTE 1 FROM c");
    // A cursor that is sorted may not be scrolled back: the next row then.
    let hashed = |text: &str| text.len() == 32 && !text.contains(RAW);
    assert!(first.error().is_some() || hashed(&first.value().unwrap()), "{first:?}");
    for mask in ["\"clear\"", A] {
        assert!(proxy.change_policy(&policy(mask)));
        let row = session.query("FETCH c").value().unwrap();
        assert!(hashed(&row), "{row}");
    }
}

#[test]
fn a_portal_keeps_its_masks() {
    let (proxy, database) = (proxy(&policy(A)), World::get().database(SCHEMA));
    let mut session = ana(&proxy, &database);
    session.query("BEGIN").ok();
    session.pipeline(|out| {
        frontend::parse("s", "SELECT sec FROM shop.people", [], out).unwrap();
        bind("p", "s", &Call::default(), out);
        frontend::execute("p", 2, out).unwrap();
        frontend::sync(out);
    });
    assert_eq!(session.answer().table(), "[a]\n[a]");
    assert!(proxy.change_policy(&policy(B)));
    session.pipeline(|out| {
        frontend::describe(b'P', "p", out).unwrap();
        frontend::execute("p", 2, out).unwrap();
        frontend::sync(out);
    });
    assert_eq!(session.answer().table(), "[a]\n[a]");
    assert_eq!(session.query(SEC).value().unwrap(), "[b]");
    session.pipeline(|out| {
        frontend::execute("p", 1, out).unwrap();
        frontend::describe(b'S', "s", out).unwrap();
        frontend::sync(out);
    });
    assert_eq!(session.answer().table(), "[a]");
    let bound = run(&mut session, "s");
    assert!(is_stale(&bound), "{bound:?}");
}

#[test]
fn what_is_prepared_is_judged_again() {
    let proxy = proxy(&with_names_hidden(&policy("\"clear\"")));
    let database = World::get().database(SCHEMA);
    let mut session = ana(&proxy, &database);
    assert_eq!(session.query(SEC).value().unwrap(), "rawvalue7", "clear at first");
    prepare(&mut session, "s", SEC).ok();
    session.query(&format!("PREPARE p AS {SEC}")).ok();
    prepare(&mut session, "e", "EXECUTE p").ok();
    for name in ["s", "e"] {
        assert_eq!(run(&mut session, name).value().unwrap(), "rawvalue7");
    }
    assert!(proxy.change_policy(&with_names_hidden(&policy(B))));
    for answer in [run(&mut session, "e"), session.query("EXECUTE p"), run(&mut session, "s")] {
        assert!(is_stale(&answer) && cells(&answer).is_empty(), "{answer:?}");
    }
    session.query("DEALLOCATE p").ok();
    session.query(&format!("PREPARE p AS {SEC}")).ok();
    assert_eq!(session.query("EXECUTE p").value().unwrap(), "[b]");
    assert!(proxy.change_policy(&policy("\"refuse\"")));
    let refused = session.query("EXECUTE p");
    assert!(refused.sqlstate() == "42501" && cells(&refused).is_empty(), "{refused:?}");
}
