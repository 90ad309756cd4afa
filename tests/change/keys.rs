//! Another key: what it makes, and what tokens of the key before stand for.

use pgveil::config::SecretKey;

use super::*;

const FIRST: [u8; 32] = [0x11; 32];
const SECOND: [u8; 32] = [0x22; 32];

fn keyed(mask: &str, newest: [u8; 32], old: &[[u8; 32]]) -> Proxy {
    World::get().proxy_with(&policy(mask), USERS, |config| {
        config.key = SecretKey(newest);
        config.old_keys = old.iter().map(|key| SecretKey(*key)).collect();
    })
}

/// Rows found by a token: in the text, as a parameter in text and in binary, in a list, and in a write.
fn found(session: &mut Client, token: &str) -> Vec<String> {
    let literal = session.query(&format!("SELECT id FROM shop.people WHERE sec = '{token}'")).table();
    let listed = session.query(&format!("SELECT id FROM shop.people WHERE sec IN ('nothing', '{token}')")).table();
    let mut all = vec![literal, listed];
    for format in [0, 1] {
        let call = Call {
            sql: "SELECT id FROM shop.people WHERE sec = $1".to_owned(),
            values: vec![Some(token.as_bytes().to_vec())],
            formats: vec![format],
            ..Call::default()
        };
        all.push(session.call(&call).table());
    }
    session.query(&format!("PREPARE p (text) AS SELECT id FROM shop.people WHERE sec = $1; EXECUTE p ('{token}')"));
    all.push(session.query(&format!("EXECUTE p ('{token}')")).table());
    session.query("DEALLOCATE p");
    all
}

#[test]
fn tokens_of_an_old_key_are_turned_back_until_it_is_retired() {
    let database = World::get().database(SCHEMA);
    let shown = |proxy: &Proxy| ana(proxy, &database).query(SEC).value().unwrap();
    let first = keyed("\"token\"", FIRST, &[]);
    let before = shown(&first);
    assert_eq!(found(&mut ana(&first, &database), &before), ["7"; 5]);
    let second = keyed("\"token\"", SECOND, &[FIRST]);
    let after = shown(&second);
    assert_ne!(before, after, "tokens are made with the newest key only");
    let mut session = ana(&second, &database);
    for token in [&before, &after] {
        assert_eq!(found(&mut session, token), ["7"; 5], "{token}");
    }
    // What comes back is a token of the newest key.
    assert_eq!(session.query(&format!("SELECT sec FROM shop.people WHERE sec = '{before}'")).table(), after);
    // Retired: as any text that is no token; and a key that was never told.
    let third = keyed("\"token\"", SECOND, &[]);
    for (token, rows) in [(&before, ""), (&after, "7"), (&"rawvalue7".to_owned(), "")] {
        assert_eq!(found(&mut ana(&third, &database), token), [rows; 5], "{token}");
    }
    assert_eq!(found(&mut ana(&first, &database), &after), [""; 5]);
    // The value itself finds nothing, whichever keys are read.
    assert_eq!(found(&mut session, "rawvalue7"), [""; 5]);
}

#[test]
fn a_token_of_an_old_key_is_written_as_its_value() {
    let world = World::get();
    let database = world.database(&format!("{SCHEMA} GRANT ALL ON ALL TABLES IN SCHEMA shop TO pgveil"));
    let before = ana(&keyed("\"token\"", FIRST, &[]), &database).query(SEC).value().unwrap();
    let second = keyed("\"token\"", SECOND, &[FIRST]);
    let mut session = ana(&second, &database);
    session.query(&format!("INSERT INTO shop.people VALUES (1000, 'n', '{before}')")).ok();
    assert_eq!(world.cluster().execute(&database, "SELECT sec FROM shop.people WHERE id = 1000").unwrap(), "rawvalue7\n");
    // Retired, it is refused as any text that is none.
    let third = keyed("\"token\"", SECOND, &[]);
    let answer = ana(&third, &database).query(&format!("INSERT INTO shop.people VALUES (1001, 'n', '{before}')"));
    assert!(answer.error().is_some(), "{answer:?}");
    assert_eq!(world.cluster().execute(&database, "SELECT count(*) FROM shop.people WHERE id > 1000").unwrap(), "0\n");
}

#[test]
fn hashes_change_and_nothing_else_tells_of_the_old_key() {
    let database = World::get().database(SCHEMA);
    let shown = |proxy: &Proxy| ana(proxy, &database).query(SEC).value().unwrap();
    let [first, second, alone] =
        [(FIRST, vec![]), (SECOND, vec![FIRST]), (SECOND, vec![])].map(|(key, old)| shown(&keyed("\"hash\"", key, &old)));
    assert_ne!(first, second);
    assert_eq!(second, alone);
}
