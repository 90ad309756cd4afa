//! The ends of TLS sessions: with close_notify from the client, without it, and in the middle of a message or of a TLS record.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::tls::proxy;
use super::tls_raw::{direct, log_in, negotiated, next};
use super::*;
use pgveil_tests::world::{Proxy, World};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// More than what the system keeps of an answer.
const ROWS: usize = 20_000;

/// How the client says that it will send nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// TLS is closed, the connection is not.
    Notify,
    NotifyAndShutdown,
    /// TLS is cut off.
    Shutdown,
}

impl End {
    fn of(self, stream: &mut Tls) {
        if self != End::Shutdown {
            stream.conn.send_close_notify();
        }
        stream.flush().unwrap();
        if self != End::Notify {
            stream.sock.shutdown(Shutdown::Write).unwrap();
        }
    }
}

const ENDS: [End; 3] = [End::Notify, End::NotifyAndShutdown, End::Shutdown];

fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), b"\0"].concat())
}

/// The types of the messages up to the end.
fn types(stream: &mut Tls) -> Vec<u8> {
    std::iter::from_fn(|| next(stream).map(|(tag, _)| tag)).collect()
}

/// TLS is closed in order: not cut off.
fn closes(stream: &mut Tls) -> bool {
    stream.read(&mut [0]).is_ok_and(|n| n == 0)
}

fn session(proxy: &Proxy, database: &str, by: fn(&Proxy) -> Tls) -> Tls {
    let mut stream = by(proxy);
    assert!(log_in(&mut stream, 0, &[("application_name", "closing")], database, None).is_ready());
    stream
}

/// The server's sessions have ended too.
fn none_is_left(proxy: &Proxy, database: &str) {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name LIKE '%closing%'");
    let sessions = || World::get().cluster().execute("postgres", &sql).unwrap();
    let one = session(proxy, database, direct);
    assert_ne!(sessions(), "0\n");
    drop(one);
    let gone = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        sessions() == "0\n"
    });
    assert!(gone, "{} are left", sessions());
}

#[test]
fn answers_that_are_owed_still_come() {
    let (proxy, database) = proxy(|_| ());
    for by in [negotiated, direct] {
        for end in ENDS {
            let mut stream = session(&proxy, &database, by);
            let rows = format!("SELECT repeat('x', 1000) FROM generate_series(1, {ROWS})");
            stream.write_all(&[query(&rows), query("SELECT 1"), message(b'S', b"")].concat()).unwrap();
            end.of(&mut stream);
            // One that is slow to read.
            std::thread::sleep(Duration::from_millis(500));
            let types = types(&mut stream);
            assert_eq!(
                types.iter().filter(|tag| **tag == b'D').count(),
                ROWS + 1,
                "{end:?}: {:?}",
                types.last().map(|tag| char::from(*tag))
            );
            assert!(types.ends_with(b"CZTDCZZ"), "{end:?}");
            assert!(closes(&mut stream), "{end:?}");
        }
    }
    none_is_left(&proxy, &database);
    all_is_well();
}

#[test]
fn what_is_cut_off_is_not_run() {
    let (proxy, database) = proxy(|_| ());
    World::get().cluster().execute(&database, "CREATE TABLE public.t (a int)").unwrap();
    let insert = query("INSERT INTO public.t VALUES (1)");
    let copied = [query("COPY public.t FROM STDIN"), message(b'd', b"2\n3\n")].concat();
    let parsed = [message(b'P', b"\0INSERT INTO public.t VALUES (4)\0\0\0"), message(b'B', &[0; 8]), message(b'E', &[0; 5])].concat();
    for end in ENDS {
        for (what, bytes) in [
            ("half a message", &insert[..insert.len() - 1]),
            ("its head", &insert[..4]),
            ("COPY that is not ended", &copied[..]),
            ("COPY in the middle of its data", &copied[..copied.len() - 1]),
            ("a pipeline without Sync", &parsed[..]),
        ] {
            let mut stream = session(&proxy, &database, negotiated);
            stream.write_all(&[&query("SELECT 1")[..], bytes].concat()).unwrap();
            end.of(&mut stream);
            let types = types(&mut stream);
            assert!(types.starts_with(b"TDCZ"), "{end:?}, {what}: {}", types.escape_ascii());
        }
    }
    none_is_left(&proxy, &database);
    assert_eq!(World::get().cluster().execute(&database, "SELECT count(*) FROM public.t").unwrap(), "0\n");
    all_is_well();
}

#[test]
fn a_record_that_is_cut_off_is_nothing() {
    let (proxy, database) = proxy(|_| ());
    World::get().cluster().execute(&database, "CREATE TABLE public.t (a int)").unwrap();
    for keep in [1, 5, 6, 40] {
        let mut stream = session(&proxy, &database, direct);
        stream.conn.writer().write_all(&query("INSERT INTO public.t VALUES (1)")).unwrap();
        let mut record = Vec::new();
        stream.conn.write_tls(&mut record).unwrap();
        stream.sock.write_all(&record[..keep]).unwrap();
        stream.sock.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(!matches!(&ended, Err(e) if e.kind() == io::ErrorKind::WouldBlock) && !rest.contains(&b'C'), "{keep}: {ended:?}");
    }
    // And one that somebody has changed.
    let mut stream = session(&proxy, &database, negotiated);
    stream.conn.writer().write_all(&query("INSERT INTO public.t VALUES (1)")).unwrap();
    let mut record = Vec::new();
    stream.conn.write_tls(&mut record).unwrap();
    if let Some(last) = record.last_mut() {
        *last ^= 1;
    }
    stream.sock.write_all(&record).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(error.to_string().contains("BadRecordMac") || error.kind() == io::ErrorKind::UnexpectedEof, "{error}");
    none_is_left(&proxy, &database);
    assert_eq!(World::get().cluster().execute(&database, "SELECT count(*) FROM public.t").unwrap(), "0\n");
    all_is_well();
}
