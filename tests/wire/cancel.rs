//! CancelRequest: the right session, never a later statement, and a storm of them harms nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pgveil_tests::client::{Answer, Call};
use postgres_protocol::message::frontend;

use super::*;

/// Runs for a minute unless it is cancelled, and holds no lock that another test waits for.
pub const LONG: &str = "SELECT count(*) FROM generate_series(1, 2000000000)";

pub fn request(process: i32, secret: &[u8]) -> Vec<u8> {
    packet(&[&80_877_102_u32.to_be_bytes()[..], &process.to_be_bytes(), secret].concat())
}

/// Sends a CancelRequest and waits until the connection is closed, as PQcancel does.
fn cancel(process: i32, secret: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", Stage::get().proxy.addr().port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&request(process, secret)).unwrap();
    let _reset = stream.read(&mut [0]);
}

/// A session without a time limit of its own.
fn session(role: &str) -> Client {
    let mut session = Stage::get().session(role);
    session.query("SET statement_timeout = 0").ok();
    session
}

fn key(session: &Client) -> (i32, Vec<u8>) {
    session.key.clone().unwrap()
}

/// A superuser past pgveil.
fn plain() -> Client {
    let stage = Stage::get();
    Client::connect(&stage.plain(&stage.both.a)).unwrap()
}

/// Waits until the server session does something.
pub fn wait_until_active(process: i32) {
    let mut plain = plain();
    for _ in 0..600 {
        let active = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process} AND state = 'active'");
        if plain.query(&active).value().as_deref() == Some("1") {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing runs");
}

/// Sends something long, cancels it when it runs, and gives the answer.
fn cancelled(session: &mut Client, send: impl FnOnce(&mut Client)) -> Answer {
    let (process, secret) = key(session);
    send(session);
    wait_until_active(process);
    cancel(process, &secret);
    let answer = session.answer();
    assert_eq!(answer.sqlstate(), "57014", "{answer:?}");
    answer
}

#[test]
fn process_ids_are_the_servers_own() {
    let stage = Stage::get();
    for role in ["admin", "analyst"] {
        let (mut session, mut other) = (stage.session(role), stage.session("admin"));
        let (process, _) = key(&session);
        let told = |session: &mut Client, sql: &str| session.query(sql).ok().table();
        assert_eq!(told(&mut session, "SELECT pg_backend_pid()"), process.to_string(), "{role}");
        assert_eq!(told(&mut session, "SELECT DISTINCT pid FROM pg_locks WHERE pid = pg_backend_pid()"), process.to_string(), "{role}");
        assert_eq!(told(&mut session, "SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()"), process.to_string(), "{role}");
        // Who waits for whom, as somebody else sees it.
        session.query("BEGIN; SELECT id FROM shop.products WHERE id = 1 FOR SHARE").ok();
        other.query("BEGIN").ok();
        other.put_query("SELECT id FROM shop.products WHERE id = 1 FOR UPDATE");
        let (waiting, _) = key(&other);
        let blocking = format!("SELECT pg_blocking_pids({waiting})::text");
        let mut plain = plain();
        let found = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            plain.query(&blocking).value() == Some(format!("{{{process}}}"))
        });
        assert!(found, "{role}");
        session.query("COMMIT").ok();
        other.answer().ok();
        other.query("COMMIT").ok();
        // A notification says who sent it.
        session.query("LISTEN jobs").ok();
        other.query("NOTIFY jobs, 'x'").ok();
        let notified = (0..200).find_map(|_| {
            let answer = session.query("SELECT 1");
            answer.messages.into_iter().find(|m| matches!(m, Message::Notification(..)))
        });
        assert_eq!(notified, Some(Message::Notification("jobs".into(), "x".into())), "{role}");
    }
}

#[test]
fn a_statement_is_cancelled_in_each_form() {
    let call = || Call { sql: LONG.to_owned(), ..Call::default() };
    for role in ["analyst", "engineer", "admin"] {
        let mut session = session(role);
        cancelled(&mut session, |s| s.put_query(LONG));
        assert_eq!(session.query("SELECT 1").ok().table(), "1", "{role}");
        cancelled(&mut session, |s| s.put_call(&call()));
        // In a pipeline: what came before is answered, what comes after is skipped.
        let answer = cancelled(&mut session, |s| {
            s.pipeline(|out| {
                for sql in ["SELECT 'before'", LONG, "SELECT 'after'"] {
                    frontend::parse("", sql, [], out).unwrap();
                    pgveil_tests::client::bind("", "", &Call::default(), out);
                    frontend::execute("", 0, out).unwrap();
                }
                frontend::sync(out);
            });
        });
        assert_eq!(answer.raw_rows().count(), 1, "{role}: {answer:?}");
        let answer = cancelled(&mut session, |s| s.put_query(&format!("SELECT 'before'; {LONG}; SELECT 'after'")));
        assert_eq!(answer.raw_rows().count(), 1, "{role}: {answer:?}");
        cancelled(&mut session, |s| s.put_query(&format!("COPY ({LONG}) TO STDOUT")));
        // A cursor, in a transaction that then has failed.
        session.query(&format!("BEGIN; DECLARE c CURSOR FOR {LONG}")).ok();
        let answer = cancelled(&mut session, |s| s.put_query("FETCH c"));
        assert_eq!(answer.status(), Some('E'), "{role}");
        session.query("ROLLBACK").ok();
        assert_eq!(session.query("SELECT 2").ok().table(), "2", "{role}");
    }
}

#[test]
fn copy_from_is_cancelled_while_the_server_waits_for_data() {
    let mut session = session("admin");
    session.query("CREATE TEMP TABLE t (a int)").ok();
    let (process, secret) = key(&session);
    session.put_query("COPY t FROM STDIN");
    while !matches!(session.receive().unwrap(), Message::Other('G', _)) {}
    session.send(&message(b'd', b"1\n"));
    wait_until_active(process);
    cancel(process, &secret);
    // Postgres looks when more data comes.
    session.send(&message(b'd', b"2\n"));
    session.send(&message(b'c', b""));
    assert_eq!(session.answer().sqlstate(), "57014");
    assert_eq!(session.query("SELECT count(*) FROM t").ok().table(), "0");
}

#[test]
fn pseudonyms_that_are_being_kept() {
    let mut session = session("analyst");
    let sql = "CREATE TEMP TABLE kept AS SELECT c.email FROM shop.customers AS c, generate_series(1, 3000000)";
    cancelled(&mut session, |s| s.put_query(sql));
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
    assert_eq!(session.query("SELECT count(*) FROM kept").sqlstate(), "42P01");
}

/// A request that comes when nothing runs is not kept for what comes next.
#[test]
fn an_idle_session_is_left_alone() {
    for role in ["analyst", "admin"] {
        let mut session = session(role);
        let (process, secret) = key(&session);
        for n in 0..40 {
            cancel(process, &secret);
            let answer = session.query(&format!("SELECT {n} FROM generate_series(1, 20000) AS g HAVING count(*) > 0"));
            assert_eq!(answer.ok().table(), n.to_string(), "{role}");
        }
    }
}

/// Requests race with the ends of statements, from clients that do not wait. What is cancelled is a statement that ran when the
/// request was sent: never one that the client had not sent by then.
#[test]
fn no_later_statement_is_cancelled() {
    let mut late = 0;
    for role in ["analyst", "admin"] {
        let mut session = session(role);
        let (process, secret) = key(&session);
        for n in 0..60_usize {
            // Its end comes sooner or later than the request.
            session.put_query(&format!("SELECT count(*) FROM generate_series(1, {})", 1 + n * 500));
            let mut stream = TcpStream::connect(("127.0.0.1", Stage::get().proxy.addr().port())).unwrap();
            stream.write_all(&request(process, &secret)).unwrap();
            let first = session.answer();
            assert!(matches!(first.sqlstate(), "00000" | "57014"), "{first:?}");
            // PQcancel's promise: when the connection is closed, the request has done what it will do.
            let _reset = stream.read(&mut [0]);
            let next = session.query("SELECT count(*) FROM generate_series(1, 3000)");
            late += usize::from(next.sqlstate() == "57014");
        }
    }
    // The server takes a request in a process of its own, and signals the session some time after it has closed the connection (the race is
    // PostgreSQL's): only many would be pgveil's.
    assert!(late <= 3, "{late} statements were cancelled by requests for others");
}

#[test]
fn secrets_of_every_length_but_the_right_one() {
    let session = session("admin");
    let (process, secret) = key(&session);
    for length in (0..=300).filter(|n| *n != secret.len()) {
        let mut stream = TcpStream::connect(("127.0.0.1", Stage::get().proxy.addr().port())).unwrap();
        stream.write_all(&request(process, &vec![7; length])).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // It closes, with an error at most.
        let mut end = Vec::new();
        let _reset = stream.read_to_end(&mut end);
    }
    all_is_well();
}

/// Thousands of requests from many connections at once, with right and wrong secrets.
#[test]
fn a_storm_harms_nobody() {
    let stage = Stage::get();
    let port = stage.proxy.addr().port();
    let mut victim = session("analyst");
    let (process, secret) = key(&victim);
    victim.put_query(LONG);
    wait_until_active(process);
    let over = AtomicBool::new(false);
    let (most, sent, slowest) = std::thread::scope(|scope| {
        let storms: Vec<_> = (0..8)
            .map(|n| {
                let (right, wrong) = (request(process, &secret), request(process, &vec![0; secret.len()]));
                let over = &over;
                scope.spawn(move || {
                    let mut sent = 0;
                    while !over.load(Ordering::Relaxed) {
                        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                        // One of eight guesses.
                        let _gone = stream.write_all(if n == 0 { &wrong } else { &right });
                        sent += 1;
                        if sent % 2 == 0 {
                            let _gone = stream.read(&mut [0]);
                        }
                    }
                    sent
                })
            })
            .collect();
        let (mut most, mut slowest) = (0, Duration::ZERO);
        let mut plain = plain();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            // Others log in and are served meanwhile.
            let asked = Instant::now();
            let mut other = stage.session("analyst");
            assert_eq!(other.query("SELECT 1").ok().table(), "1");
            slowest = slowest.max(asked.elapsed());
            let backends: usize = plain.query("SELECT count(*) FROM pg_stat_activity").value().unwrap().parse().unwrap();
            most = most.max(backends);
        }
        over.store(true, Ordering::Relaxed);
        (most, storms.into_iter().map(|s| s.join().unwrap()).sum::<usize>(), slowest)
    });
    // Those of tests that run beside this one, and eight at most that cancel.
    println!("cancel: {sent} requests in 3 s, at most {most} server processes, slowest login and query {slowest:?}");
    // The address has guessed too often to be heard, or the statement is cancelled by now.
    plain().query(&format!("SELECT pg_cancel_backend({process})")).ok();
    assert_eq!(victim.answer().sqlstate(), "57014");
    assert_eq!(victim.query("SELECT 1").ok().table(), "1");
    all_is_well();
}
