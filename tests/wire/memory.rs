//! Memory stays bounded, whatever the size of a result and however slowly it is read.

use std::io::{Read, Write};
use std::time::Duration;

use super::*;

/// Resident memory of this process, in which the proxy runs too, in MB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// Sends a query in a session of its own and gives the socket back unread: the client would keep what comes.
fn asked(sql: &str) -> std::net::TcpStream {
    let mut session = Stage::get().session("analyst");
    // The machine may be slow.
    session.query("SET statement_timeout = 0").ok();
    let mut stream = session.into_stream();
    stream.write_all(&message(b'Q', format!("{sql}\0").as_bytes())).unwrap();
    stream
}

/// Runs a test in a process of its own: the memory of this one is also that of all tests that run beside it.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os("PGVEIL_ALONE").is_some() {
        return test();
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let run = child.args([&format!("wire::memory::{name}"), "--exact", "--nocapture"]).env("PGVEIL_ALONE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_large_result_is_streamed() {
    alone("a_large_result_is_streamed", large_result);
}

fn large_result() {
    let before = resident();
    let mut stream = asked("SELECT repeat('x', 1000) FROM generate_series(1, 250000)");
    let mut chunk = vec![0; 1 << 16];
    let mut total = 0;
    let mut most = 0;
    while total < 250_000_000 {
        let n = stream.read(&mut chunk).unwrap();
        assert!(n > 0, "closed after {total} bytes");
        total += n;
        most = most.max(resident());
    }
    assert!(most < before + 100, "from {before} to {most} MB while {total} bytes passed");
}

#[test]
fn a_client_that_does_not_read_stops_the_server_not_the_proxy() {
    alone("a_client_that_does_not_read_stops_the_server_not_the_proxy", slow_clients);
}

fn slow_clients() {
    let before = resident();
    let streams: Vec<_> = (0..4).map(|_| asked("SELECT repeat('x', 1000) FROM generate_series(1, 250000)")).collect();
    std::thread::sleep(Duration::from_secs(1));
    let after = resident();
    assert!(after < before + 100, "from {before} to {after} MB");
    all_is_well();
    drop(streams);
}

#[test]
fn a_session_ends_on_the_server_when_the_client_goes() {
    let stage = Stage::get();
    let mut plain = Client::connect(&stage.plain(&stage.both.b)).unwrap();
    let mut sessions: Vec<_> = (0..5).map(|_| Client::connect(&stage.login("analyst", &stage.values_only.b)).unwrap()).collect();
    for session in &mut sessions {
        session.query("SELECT 'leaving' AS word").ok();
    }
    drop(sessions);
    let count = format!("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%leaving%' AND datname = '{}'", stage.values_only.b);
    for _ in 0..50 {
        if plain.query(&count).value().as_deref() == Some("0") {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("sessions are left on the server");
}

#[test]
fn many_sessions_at_once() {
    let threads: Vec<_> = (0..30)
        .map(|n| {
            std::thread::spawn(move || {
                let mut session = Stage::get().session("analyst");
                for _ in 0..5 {
                    assert_eq!(session.query(&format!("SELECT count(*) + {n} FROM shop.leads")).value(), Some((40 + n).to_string()));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
