//! Between pgveil and the server: messages that are mutated, cut, doubled, left out, moved, made up, in the middle of real conversations.
//!
//! Whatever comes from the server, pgveil neither panics nor hangs, the session ends, and no raw value of a pseudonymised column is sent.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::frames::{self, Ended};
use bytes::BytesMut;
use pgveil::config::Address;
use pgveil_tests::client::{Call, Client, Login, bind};
use pgveil_tests::rng::Rng;
use pgveil_tests::stage::{POLICY, Stage, USERS};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

/// What is done to the messages of one server session from now on.
struct Plan {
    rng: Rng,
    /// Messages up to the first that is changed.
    clean: usize,
    /// Changes that are left.
    changes: usize,
    done: Vec<String>,
}

type Plans = Arc<Mutex<HashMap<i32, Arc<Mutex<Plan>>>>>;

struct Stand {
    proxy: Proxy,
    plans: Plans,
}

fn stand() -> &'static Stand {
    static STAND: OnceLock<Stand> = OnceLock::new();
    STAND.get_or_init(|| {
        let plans = Plans::default();
        let port = listen(Arc::clone(&plans));
        let proxy = World::get().proxy_with(POLICY, &USERS.map(|user| (user, user)), |config| {
            let mut upstream = (*config.upstream).clone();
            upstream.address = Address::Tcp("127.0.0.1".to_owned(), port);
            config.upstream = Arc::new(upstream);
        });
        Stand { proxy, plans }
    })
}

/// Passes everything on, but for sessions that have a plan.
fn listen(plans: Plans) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = World::get().cluster().port();
    std::thread::spawn(move || {
        for proxy in listener.incoming() {
            let (mut proxy, mut server) = (proxy.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
            let (mut from_proxy, mut to_server) = (proxy.try_clone().unwrap(), server.try_clone().unwrap());
            let plans = Arc::clone(&plans);
            std::thread::spawn(move || {
                let _gone = std::io::copy(&mut from_proxy, &mut to_server);
                let _gone = to_server.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                pass(&mut server, &mut proxy, &plans);
                let _gone = (proxy.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
        }
    });
    port
}

/// The server's messages to pgveil.
fn pass(server: &mut TcpStream, proxy: &mut TcpStream, plans: &Plans) {
    let mut process = 0;
    let mut plan: Option<Arc<Mutex<Plan>>> = None;
    let (mut inbox, mut kept, mut chunk) = (Vec::new(), None, vec![0; 1 << 16]);
    // A session that waits for what was left out is ended.
    server.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    loop {
        let n = match server.read(&mut chunk) {
            Ok(0) => return,
            Ok(n) => n,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                if plan.is_some() {
                    return;
                } else {
                    continue;
                }
            }
            Err(_) => return,
        };
        inbox.extend_from_slice(&chunk[..n]);
        let mut out = Vec::new();
        while inbox.len() >= 5 {
            let total = 1 + u32::from_be_bytes([inbox[1], inbox[2], inbox[3], inbox[4]]) as usize;
            if inbox.len() < total {
                break;
            }
            let message: Vec<u8> = inbox.drain(..total).collect();
            if message[0] == b'K' {
                process = i32::from_be_bytes(message[5..9].try_into().unwrap());
            }
            if plan.is_none() {
                plan = plans.lock().unwrap().get(&process).cloned();
            }
            match &plan {
                Some(plan) => plan.lock().unwrap().change(message, &mut kept, &mut out),
                None => out.extend(message),
            }
        }
        if proxy.write_all(&out).is_err() {
            return;
        }
    }
}

impl Plan {
    fn change(&mut self, message: Vec<u8>, kept: &mut Option<Vec<u8>>, out: &mut Vec<u8>) {
        if self.clean > 0 || self.changes == 0 {
            self.clean = self.clean.saturating_sub(1);
            out.extend(message);
            out.extend(kept.take().unwrap_or_default());
            return;
        }
        self.changes -= 1;
        self.done.push(frames::change(&mut self.rng, (MADE_UP, TAGS), message, kept, out));
    }
}

const TAGS: &[u8] = b"TDCEZSNAtHGWcd123nsIRK\0";

/// Made up, with values that no table holds.
const MADE_UP: &[(u8, &[u8])] = &[
    (b'S', b"client_encoding\0LATIN1\0"),
    (b'S', b"standard_conforming_strings\0off\0"),
    (b'S', b"search_path\0other\0"),
    (b'S', b"x"),
    (b'N', b"SNOTICE\0C00000\0Mnothing\0\0"),
    (b'N', b""),
    (b'E', b"SERROR\0C22P02\0Mfailed\0\0"),
    (b'E', b"SFATAL\0C57P01\0Mfailed\0\0"),
    (b'E', b"SERROR\0"),
    (b'A', b"\0\0\0\x07jobs\0\0"),
    (b'A', b"\0\0"),
    (b'Z', b"I"),
    (b'Z', b"T"),
    (b'Z', b"?"),
    (b'C', b"SELECT 1\0"),
    (b'T', b"\0\0"),
    (b'T', b"\xff\xff"),
    (b'D', b"\0\0"),
    (b'D', b"\0\x01\0\0\0\x7f"),
    (b't', b"\0\0"),
    (b'1', b""),
    (b'2', b""),
    (b'3', b""),
    (b'n', b""),
    (b's', b""),
    (b'I', b""),
    (b'G', b"\0\0\0"),
    (b'H', b"\0\0\x01\0\0"),
    (b'H', b"\x01\0\x01\0\x01"),
    (b'W', b"\0\0\0"),
    (b'c', b""),
    (b'd', b""),
    (b'd', b"\\.\n"),
    (b'R', b"\0\0\0\0"),
    (b'R', b"\0\0\0\x03"),
    (b'K', b"\0\0\0\x01\0\0\0\x02"),
    (b'v', b"\0\0\0\0\0\0\0\0"),
    (b'V', b"\0\0\0\0"),
    (0, b""),
    (0xff, b"xyz"),
];

/// Everything that a client may ask for; the raw values of `email` pass in each.
fn conversation(rng: &mut Rng, session: &mut Client) {
    let select = *rng.pick(&[
        "SELECT email FROM shop.customers",
        "SELECT id, email, full_name FROM shop.customers ORDER BY id",
        "SELECT array_agg(email) FROM shop.orders AS o JOIN shop.customers AS c ON c.id = o.customer_id",
        "SELECT city, min(email) FROM shop.customers GROUP BY city",
        "SELECT city FROM shop.customers",
    ]);
    let call = Call { sql: select.to_owned(), results: vec![rng.below(2) as i16], ..Call::default() };
    match rng.below(9) {
        0 => session.put_query(select),
        1 => session.put_call(&call),
        2 => session.pipeline(|out: &mut BytesMut| {
            for sql in ["SELECT city FROM shop.customers", select, "SELECT 1", "SELECT email FROM shop.customers LIMIT 3"] {
                frontend::parse("", sql, [], out).unwrap();
                bind("", "", &call, out);
                frontend::describe(b'P', "", out).unwrap();
                frontend::execute("", 2, out).unwrap();
                frontend::execute("", 0, out).unwrap();
            }
            frontend::sync(out);
        }),
        3 => session.put_query(&format!("COPY ({select}) TO STDOUT")),
        4 => session.put_query(&format!("COPY ({select}) TO STDOUT (FORMAT {})", if rng.chance(50) { "csv, HEADER" } else { "binary" })),
        5 => session.put_query(&format!("SELECT 1; SELECT city FROM shop.customers; {select}; SET work_mem = '5MB'; {select}")),
        6 => {
            for sql in [&format!("BEGIN; DECLARE c CURSOR FOR {select}"), "FETCH 2 FROM c", "FETCH ALL FROM c", "COMMIT"] {
                session.put_query(sql);
            }
        }
        7 => {
            session.put_query(&format!("CREATE TEMP TABLE kept AS {select}"));
            session.put_query("SELECT * FROM kept");
        }
        _ => {
            for sql in [
                &format!("PREPARE p AS {select}"),
                "EXECUTE p",
                "SET search_path = shop",
                "EXECUTE p",
                "EXPLAIN SELECT email FROM customers",
            ] {
                session.put_query(sql);
            }
        }
    }
}

fn login(role: &str) -> Login {
    let stand = stand();
    Login { canary: true, ..Login::local(stand.proxy.addr().port(), &Stage::small().values_only.a, role, &stand.proxy.password(role)) }
}

/// One conversation with a server that goes wrong.
fn round(seed: u64) -> Result<Ended, String> {
    let stand = stand();
    let mut rng = Rng::new(seed);
    let role = if rng.chance(80) { "analyst" } else { "tokens" };
    let mut session = Client::connect(&login(role)).map_err(|e| format!("login: {e:?}"))?;
    let process = session.key.as_ref().map_or(0, |k| k.0);
    let plan = Plan { rng: rng.clone(), clean: rng.below(14), changes: 1, done: Vec::new() };
    let plan = Arc::new(Mutex::new(plan));
    stand.plans.lock().unwrap().insert(process, Arc::clone(&plan));
    let began = Instant::now();
    conversation(&mut rng, &mut session);
    // Its canary looks at all that comes.
    session.drain();
    stand.plans.lock().unwrap().remove(&process);
    let what = format!("{role}; changed: {:?}", plan.lock().unwrap().done);
    Ok(Ended { began, took: began.elapsed(), what })
}

#[test]
fn a_server_that_goes_wrong_makes_no_leak() {
    frames::rounds("the server's", 150, 6, round, |log| {
        println!("fuzz: {} sessions ended by a veto", log.matches("session.veto").count());
        // Whoever has a faithful server is served.
        assert_eq!(Client::connect(&login("analyst")).unwrap().query("SELECT 1").ok().table(), "1");
    });
}
