//! What comes unasked: notifications, terminated sessions, time-outs, cancellations; while idle, in a statement, in a COPY, in a pipeline.

use std::time::Duration;

use pgveil_tests::client::Client;
use pgveil_tests::world::World;

use super::super::message;
use super::compare::{Verdict, Whose, compare};
use super::ground::Ground;
use super::sizes::{parse, query};
use super::speak::{Frame, Heard, Talk};

pub(super) fn extended(text: &str) -> Vec<u8> {
    let parse = message(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"].concat());
    [parse, message(b'B', &[0; 8]), message(b'E', &[0; 5])].concat()
}

/// Plays it on both ways, as both roles; what is heard must be the same.
fn same(what: &str, play: impl Fn(&mut Talk, &str) -> Vec<Frame>) {
    for whose in [Whose::Admin, Whose::Masked] {
        same_to(whose, what, &play);
    }
}

fn same_to(whose: Whose, what: &str, play: impl Fn(&mut Talk, &str) -> Vec<Frame>) {
    let ground = Ground::shared();
    let role = if whose == Whose::Admin { "admin" } else { "analyst" };
    let heard = [(ground.direct(role), &ground.direct), (ground.veiled(role), &ground.veiled)].map(|(login, database)| {
        let mut talk = Talk::new(&login);
        let mut frames = play(&mut talk, database);
        // Process ids.
        frames.iter_mut().filter(|f| f.tag == b'A').for_each(|f| f.body[..4].fill(0));
        Heard { frames, closed: talk.closed, cut: false }
    });
    let verdict = compare(whose, &heard[0], &heard[1]);
    assert_eq!(verdict, Verdict::Equal, "{what}, {role}");
}

fn control(database: &str, sql: &str) {
    World::get().cluster().execute(database, sql).unwrap();
}

fn terminate(talk: &Talk) {
    control("postgres", &format!("SELECT pg_terminate_backend({})", talk.process));
}

/// Until the server works on it.
fn under_way(talk: &Talk) {
    for _ in 0..600 {
        let sql = format!("SELECT state FROM pg_stat_activity WHERE pid = {} AND state <> 'active'", talk.process);
        if World::get().cluster().execute("postgres", &sql).unwrap().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the statement does not run");
}

#[test]
fn notifications_while_idle() {
    same("LISTEN", |talk, database| {
        talk.send(&query("LISTEN jobs"));
        let mut frames = talk.until(b'Z');
        control(database, "NOTIFY other, 'unheard'; NOTIFY jobs, 'first'; NOTIFY jobs");
        frames.extend(talk.until(b'A'));
        frames.extend(talk.until(b'A'));
        talk.send(&query("UNLISTEN *"));
        frames.extend(talk.until(b'Z'));
        frames
    });
}

#[test]
fn terminated() {
    same("while idle", |talk, _| {
        terminate(talk);
        talk.rest()
    });
    same("in a transaction", |talk, _| {
        talk.send(&query("BEGIN; SELECT 1"));
        let mut frames = talk.until(b'Z');
        terminate(talk);
        frames.extend(talk.rest());
        frames
    });
    same("in a statement", |talk, _| {
        talk.send(&query("SELECT id FROM w.plain ORDER BY id; SELECT pg_sleep(40)"));
        under_way(talk);
        std::thread::sleep(Duration::from_millis(300));
        terminate(talk);
        talk.rest()
    });
    same("in a pipeline", |talk, _| {
        talk.send(&[extended("SELECT 1"), extended("SELECT pg_sleep(40)"), extended("SELECT 2"), message(b'S', b"")].concat());
        under_way(talk);
        std::thread::sleep(Duration::from_millis(300));
        terminate(talk);
        talk.rest()
    });
    same("in COPY FROM", |talk, _| {
        talk.send(&query("COPY w.sink FROM STDIN"));
        let mut frames = talk.until(b'G');
        talk.send(&message(b'd', b"500\tx\n"));
        std::thread::sleep(Duration::from_millis(300));
        terminate(talk);
        frames.extend(talk.rest());
        frames
    });
    same("in COPY TO", |talk, _| {
        talk.send(&query("COPY (SELECT id, pg_sleep(CASE WHEN id = 20 THEN 40 ELSE 0 END) FROM w.plain ORDER BY id) TO STDOUT"));
        under_way(talk);
        std::thread::sleep(Duration::from_millis(300));
        terminate(talk);
        talk.rest()
    });
}

#[test]
fn timeouts() {
    same("statement_timeout", |talk, _| {
        talk.send(&query("SET statement_timeout = '300ms'"));
        let mut frames = talk.until(b'Z');
        talk.send(&query("SELECT 1; SELECT pg_sleep(40)"));
        frames.extend(talk.until(b'Z'));
        talk.send(&[extended("SELECT pg_sleep(40)"), extended("SELECT 1"), message(b'S', b"")].concat());
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("idle_in_transaction_session_timeout", |talk, _| {
        talk.send(&query("SET idle_in_transaction_session_timeout = '300ms'"));
        let mut frames = talk.until(b'Z');
        talk.send(&query("BEGIN"));
        frames.extend(talk.rest());
        frames
    });
}

#[test]
fn cancelled() {
    same("in a statement", |talk, _| {
        talk.send(&query("SELECT 1; SELECT pg_sleep(40); SELECT 2"));
        under_way(talk);
        talk.cancel();
        let mut frames = talk.until(b'Z');
        talk.send(&query("SELECT 3"));
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("in a pipeline", |talk, _| {
        talk.send(&[extended("SELECT 1"), extended("SELECT pg_sleep(40)"), extended("SELECT 2"), message(b'S', b"")].concat());
        under_way(talk);
        talk.cancel();
        talk.until(b'Z')
    });
    same("in a portal that was suspended", |talk, _| {
        let rows = "SELECT id, pg_sleep(CASE WHEN id = 5 THEN 40 ELSE 0 END) FROM w.plain ORDER BY id";
        let run = |rows: u32| message(b'E', &[&b"p\0"[..], &rows.to_be_bytes()].concat());
        talk.send(&[parse("", rows, &[]), message(b'B', b"p\0\0\0\0\0\0\0\0"), run(3), message(b'H', b"")].concat());
        let mut frames = talk.until(b's');
        talk.send(&[run(9), run(9), message(b'S', b"")].concat());
        under_way(talk);
        talk.cancel();
        frames.extend(talk.until(b'Z'));
        talk.send(&[run(1), message(b'S', b""), query("SELECT 3")].concat());
        frames.extend(talk.until(b'Z'));
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("in FETCH", |talk, _| {
        let cursor = "DECLARE c CURSOR FOR SELECT id, pg_sleep(CASE WHEN id = 5 THEN 40 ELSE 0 END) FROM w.plain ORDER BY id";
        talk.send(&query(&format!("BEGIN; {cursor}; FETCH 3 FROM c")));
        let mut frames = talk.until(b'Z');
        talk.send(&query("FETCH 9 FROM c"));
        under_way(talk);
        talk.cancel();
        frames.extend(talk.until(b'Z'));
        talk.send(&query("FETCH 1 FROM c; ROLLBACK"));
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("in COPY FROM", |talk, _| {
        talk.send(&query("COPY w.sink FROM STDIN"));
        let mut frames = talk.until(b'G');
        talk.cancel();
        std::thread::sleep(Duration::from_millis(500));
        talk.send(&[message(b'd', b"501\tx\n"), message(b'd', b"502\tx\n"), message(b'c', b""), query("SELECT 4")].concat());
        frames.extend(talk.until(b'Z'));
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("in COPY TO", |talk, _| {
        talk.send(&query("COPY (SELECT id, pg_sleep(CASE WHEN id = 20 THEN 40 ELSE 0 END) FROM w.plain ORDER BY id) TO STDOUT"));
        under_way(talk);
        talk.cancel();
        talk.until(b'Z')
    });
}

#[test]
fn copies_that_fail() {
    same("the client fails", |talk, _| {
        talk.send(&[query("COPY w.loud FROM STDIN"), message(b'd', b"1\tx\n"), message(b'f', b"because\0"), query("SELECT 1")].concat());
        let mut frames = talk.until(b'Z');
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("the client hangs up", |talk, _| {
        talk.send(&[query("COPY w.sink FROM STDIN"), message(b'd', b"700\tx\n")].concat());
        let mut frames = talk.until(b'G');
        talk.hang_up();
        frames.extend(talk.rest());
        frames
    });
    same("the client hangs up in the middle of a row", |talk, _| {
        talk.send(&[query("COPY w.sink FROM STDIN"), b"d\0\0\0\x63half a".to_vec()].concat());
        let mut frames = talk.until(b'G');
        talk.hang_up();
        frames.extend(talk.rest());
        frames
    });
    same("in a pipeline", |talk, _| {
        let data = [message(b'd', b"701\tx\n"), message(b'd', b"nonsense\n"), message(b'c', b"")].concat();
        talk.send(&[extended("SELECT 1"), extended("COPY w.sink FROM STDIN"), data, extended("SELECT 2"), message(b'S', b"")].concat());
        let mut frames = talk.until(b'Z');
        talk.send(&[extended("SELECT count(*) FROM w.sink"), message(b'S', b"")].concat());
        frames.extend(talk.until(b'Z'));
        frames
    });
    same("notices between", |talk, _| {
        let data = [message(b'd', b"1\tx\n"), message(b'd', b"2\ty\n"), message(b'c', b"")].concat();
        talk.send(&[query("COPY w.loud FROM STDIN"), data, query("SELECT 1")].concat());
        let mut frames = talk.until(b'Z');
        frames.extend(talk.until(b'Z'));
        frames
    });
    // COPY of a statement that writes is not open to roles with masks.
    same_to(Whose::Admin, "notices between, on the way out", |talk, _| {
        let copy = "COPY (INSERT INTO w.loud SELECT n, 'x' FROM generate_series(1, 3) AS n RETURNING id) TO STDOUT";
        talk.send(&query(copy));
        talk.until(b'Z')
    });
}

#[test]
fn what_the_client_has_not_read_is_not_lost() {
    same("a large answer before Terminate", |talk, _| {
        talk.send(&[query("SELECT repeat('x', 100000) FROM generate_series(1, 100)"), message(b'X', b"")].concat());
        // Longer than the system keeps bytes for one that does not read.
        std::thread::sleep(Duration::from_secs(7));
        talk.rest()
    });
    same("and before hanging up", |talk, _| {
        talk.send(&query("SELECT repeat('x', 100000) FROM generate_series(1, 100)"));
        talk.hang_up();
        std::thread::sleep(Duration::from_secs(7));
        talk.rest()
    });
    // A session whose server side is gone says so at once.
    let ground = Ground::shared();
    let mut session = Client::connect(&ground.veiled("analyst")).unwrap();
    assert_eq!(session.query("SELECT 1").value().as_deref(), Some("1"));
}
