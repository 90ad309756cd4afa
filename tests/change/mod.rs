//! What changes while sessions are open: the policy, and what was told of it.

mod audit;
mod carries_on;
mod ends;
mod exempt;
mod flips;
mod held_up;
mod keys;
mod known;
mod locked;
mod opened;
mod stops;
mod undone;

use std::time::Duration;

use bytes::BytesMut;
use pgveil_tests::client::{Answer, Call, Client, Login, Message, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

/// Stands in every protected value.
const RAW: &str = "rawvalue";

const SCHEMA: &str = "CREATE SCHEMA shop; CREATE SCHEMA adhoc; \
    CREATE TABLE shop.people (id int PRIMARY KEY, name text, sec text); \
    INSERT INTO shop.people SELECT g, 'name' || g, 'rawvalue' || g FROM generate_series(1, 200) g; \
    GRANT USAGE ON SCHEMA shop TO pgveil; GRANT ALL ON SCHEMA adhoc TO pgveil; \
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pgveil;";

/// A policy in which role `analyst` sees `sec` so.
fn policy(mask: &str) -> String {
    format!(
        "version = 1\n[class.secret]\ncolumns = [\"shop.people.sec\"]\n[role.other]\ndefault = \"clear\"\n\
         [role.analyst]\ndefault = \"clear\"\n[role.analyst.mask]\nsecret = {mask}\n"
    )
}

/// The same with another column masked, so that the role is in the masked path whatever else it sees.
fn with_names_hidden(policy: &str) -> String {
    let named = policy.replacen("[class.secret]", "[class.name]\ncolumns = [\"shop.people.name\"]\n[class.secret]", 1);
    format!("{named}name = \"null\"\n")
}

const A: &str = "{ redact = \"[a]\" }";
const B: &str = "{ redact = \"[b]\" }";

const USERS: &[(&str, &str)] = &[("ana", "analyst"), ("otto", "other")];

fn proxy(policy: &str) -> Proxy {
    World::get().proxy(policy, USERS)
}

fn login(proxy: &Proxy, database: &str, user: &str) -> Login {
    Login::local(proxy.addr().port(), database, user, &proxy.password(user))
}

fn session(proxy: &Proxy, database: &str, user: &str) -> Client {
    Client::connect(&login(proxy, database, user)).unwrap_or_else(|e| panic!("{e:?}"))
}

fn ana(proxy: &Proxy, database: &str) -> Client {
    session(proxy, database, "ana")
}

const SEC: &str = "SELECT sec FROM shop.people WHERE id = 7";

fn prepare(session: &mut Client, name: &str, sql: &str) -> Answer {
    session.pipeline(|out| {
        frontend::parse(name, sql, [], out).unwrap();
        frontend::sync(out);
    });
    session.answer()
}

fn put_run(out: &mut BytesMut, name: &str) {
    bind("", name, &Call::default(), out);
    frontend::execute("", 0, out).unwrap();
}

fn run(session: &mut Client, name: &str) -> Answer {
    session.pipeline(|out| {
        put_run(out, name);
        frontend::sync(out);
    });
    session.answer()
}

/// All cells of an answer, as text, whether or not an error came.
fn cells(answer: &Answer) -> Vec<String> {
    answer.raw_rows().flatten().map(|cell| String::from_utf8_lossy(cell.as_deref().unwrap_or_default()).into_owned()).collect()
}

/// It is what drivers know how to deal with: they prepare again.
fn is_stale(answer: &Answer) -> bool {
    answer.sqlstate() == "0A000" && answer.error().and_then(|e| e.get(&'R')).is_some_and(|r| r == "RevalidateCachedQuery")
}

/// The session was ended by pgveil in these words.
fn assert_ended(session: &mut Client, words: &str) {
    let mut last = None;
    while let Ok(message) = session.receive() {
        last = Some(message);
    }
    match last {
        Some(Message::Error(fields)) => {
            assert_eq!((fields[&'C'].as_str(), fields[&'S'].as_str()), ("57P01", "FATAL"), "{fields:?}");
            assert!(fields[&'M'].contains(words), "{fields:?}");
        }
        other => panic!("{words}: the last message is {other:?}"),
    }
}

/// A statement whose result is far more than all buffers on the way hold, of rows of one number and 5,000 letters.
const LARGE: &str = "SELECT g, repeat('x', 5000) FROM generate_series(1, 100000) g";

/// The session's large result begins.
fn begin_large(session: &mut Client, sql: &str) {
    session.put_query(sql);
    for _ in 0..10 {
        session.receive().unwrap();
    }
}

/// It ended with 57P01 after whole rows, before the last of them.
fn assert_cut_between_rows(mut session: Client) {
    let mut rows = 0;
    let last = loop {
        match session.receive().unwrap() {
            Message::DataRow(row) => {
                assert_eq!(row[1].as_ref().unwrap().len(), 5000);
                rows += 1;
            }
            other => break other,
        }
    };
    assert!(rows < 99_000, "{rows} rows came");
    assert!(matches!(&last, Message::Error(fields) if fields[&'C'] == "57P01"), "{last:?}");
    assert!(session.receive().is_err());
}

/// Waits, for a minute at most.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}
