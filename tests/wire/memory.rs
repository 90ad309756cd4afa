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
    let run = child.args([&format!("memory::{name}"), "--nocapture"]).env("PGVEIL_ALONE", "1").output().unwrap();
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

/// Sends what `write` writes, in a session of its own, and gives the most memory beyond what it was before, in MB, with the last
/// message's type and what the answers' bodies have in all, in bytes.
fn talk(role: &str, mut readies: usize, write: impl FnOnce(&mut std::net::TcpStream) + Send + 'static) -> (usize, u8, usize) {
    let mut session = Stage::get().session(role);
    session.query("SET statement_timeout = 0").ok();
    let mut stream = session.into_stream();
    let before = resident();
    let mut writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || write(&mut writing));
    let (mut total, mut most, mut last) = (0, 0, 0);
    let mut chunk = vec![0; 1 << 16];
    let mut said = String::new();
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap_or_else(|e| panic!("{e} after {total} bytes and {said}"));
        let mut left = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
        total += left;
        while left > 0 {
            let n = left.min(chunk.len());
            stream.read_exact(&mut chunk[..n]).unwrap();
            left -= n;
            most = most.max(resident());
            if head[0] == b'E' {
                said = chunk[..n.min(200)].escape_ascii().to_string();
            }
        }
        readies -= usize::from(head[0] == b'Z');
        if readies == 0 {
            println!("{role}: {total} bytes of answers {said}");
            break;
        }
        if head[0] != b'Z' {
            last = head[0];
        }
    }
    writer.join().unwrap();
    (most.saturating_sub(before), last, total)
}

/// Bytes of a large value: 1 GB, the largest there is, where there is time.
fn large() -> usize {
    if std::env::var_os("PGVEIL_FUZZ").is_some() { 1_000_000_000 } else { 100_000_000 }
}

fn flood(to: &mut std::net::TcpStream, head: &[u8], length: usize, tail: &[u8]) {
    to.write_all(head).unwrap();
    let part = vec![b'x'; 1 << 20];
    let mut left = length;
    while left > 0 {
        let n = left.min(part.len());
        to.write_all(&part[..n]).unwrap();
        left -= n;
    }
    to.write_all(tail).unwrap();
}

#[test]
fn large_values_both_ways() {
    alone("large_values_both_ways", large_values);
}

fn large_values() {
    let n = large();
    let most = 60;
    let row = |role: &'static str, sql: String| {
        let (grown, last, total) = talk(role, 1, move |to| to.write_all(&message(b'Q', format!("{sql}\0").as_bytes())).unwrap());
        assert!(last == b'C' && grown < most && total > n, "{role}: {grown} MB of {total}, {}", char::from(last));
    };
    // `make soak` has the time.
    let roles = if std::env::var_os("PGVEIL_FUZZ").is_some() { &["analyst", "admin"][..] } else { &["analyst"] };
    for role in roles {
        // Bound, as text.
        let (grown, last, _) = talk(role, 1, move |to| {
            to.write_all(&message(b'P', b"\0SELECT length($1::text)\0\0\0")).unwrap();
            let head = [&b"B"[..], &(n as u32 + 16).to_be_bytes(), b"\0\0\0\0\0\x01", &(n as u32).to_be_bytes()].concat();
            let tail = [&b"\0\0"[..], &message(b'E', &[0; 5]), &message(b'S', b"")].concat();
            flood(to, &head, n, &tail);
        });
        assert!(last == b'C' && grown < most, "{role}: {grown} MB, {}", char::from(last));
        // In a row.
        row(role, format!("SELECT repeat('x', {n})"));
    }
    if roles.len() > 1 {
        // Stored in a column that nothing protects.
        let stored = format!(
            "SET statement_timeout = 0; CREATE TABLE shop.large AS SELECT 1 AS id, repeat('x', {n}) AS word; GRANT SELECT ON shop.large TO PUBLIC"
        );
        World::get().cluster().execute(&Stage::get().both.a, &stored).unwrap();
        roles.iter().for_each(|role| row(role, "SELECT id, word FROM shop.large".to_owned()));
    }
    // Behind a sealed column.
    row("analyst", format!("SELECT email, repeat('x', {n}) FROM shop.customers WHERE id = 2"));
    // Out of a COPY.
    let sql = format!("COPY (SELECT repeat('x', {n}) FROM generate_series(1, 2)) TO STDOUT");
    let (grown, last, total) = talk("analyst", 1, move |to| to.write_all(&message(b'Q', format!("{sql}\0").as_bytes())).unwrap());
    assert!(last == b'C' && grown < most && total > 2 * n, "{grown} MB of {total}, {}", char::from(last));
    // Into one.
    let (grown, last, _) = talk("analyst", 2, move |to| {
        to.write_all(&message(b'Q', b"CREATE TEMP TABLE large (x text)\0")).unwrap();
        to.write_all(&message(b'Q', b"COPY large FROM STDIN\0")).unwrap();
        // The server itself has no room for a line of 1 GB.
        let n = n.min(300_000_000);
        flood(to, &[&b"d"[..], &(n as u32 + 5).to_be_bytes()].concat(), n, &[&b"\n"[..], &message(b'c', b"")].concat());
    });
    assert!(last == b'C' && grown < most, "{grown} MB, {}", char::from(last));
    // An error that quotes what was bound.
    let (grown, last, _) = talk("analyst", 1, move |to| {
        to.write_all(&message(b'P', b"\0SELECT $1::int\0\0\0")).unwrap();
        let n = 20_000_000;
        let head = [&b"B"[..], &(n as u32 + 16).to_be_bytes(), b"\0\0\0\0\0\x01", &(n as u32).to_be_bytes()].concat();
        let tail = [&b"\0\0"[..], &message(b'E', &[0; 5]), &message(b'S', b"")].concat();
        flood(to, &head, n, &tail);
    });
    assert!(last == b'E' && grown < most, "{grown} MB, {}", char::from(last));
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
