//! Which protocol pgveil and a real server settle on: 3.2 from PostgreSQL 18 on, 3.0 before; and the keys for cancellations in each.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pgveil_tests::version::Feature;

use super::cancel::{LONG, request, wait_until_active};
use super::own::{self, Own};
use super::server_login::POLICY;
use super::startup_parameters::notices_of_startup;
use super::*;

/// Passes on what pgveil and the server say, and keeps it.
struct Tap {
    port: u16,
    heard: Arc<Mutex<Vec<Connection>>>,
}

/// What both have said on one connection.
#[derive(Debug, Default, Clone)]
struct Connection {
    proxy: Vec<u8>,
    server: Vec<u8>,
}

impl Tap {
    fn before(server: u16) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for proxy in listener.incoming() {
                let (proxy, server) = (proxy.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
                let number = {
                    let mut all = all.lock().unwrap();
                    all.push(Connection::default());
                    all.len() - 1
                };
                let (back, forth) = ((server.try_clone().unwrap(), proxy.try_clone().unwrap()), (proxy, server));
                let (from_proxy, from_server) = (Arc::clone(&all), Arc::clone(&all));
                thread::spawn(move || pass(forth, |bytes| from_proxy.lock().unwrap()[number].proxy.extend_from_slice(bytes)));
                thread::spawn(move || pass(back, |bytes| from_server.lock().unwrap()[number].server.extend_from_slice(bytes)));
            }
        });
        Tap { port, heard }
    }

    fn connections(&self) -> Vec<Connection> {
        self.heard.lock().unwrap().clone()
    }

    /// The server's own keys by its processes.
    fn keys(&self) -> HashMap<i32, Vec<u8>> {
        let keys = self.connections().into_iter().filter_map(|connection| {
            let key = frames(&connection.server).find(|(tag, _)| *tag == b'K')?.1.to_vec();
            Some((i32::from_be_bytes(key[..4].try_into().unwrap()), key[4..].to_vec()))
        });
        keys.collect()
    }
}

/// Kept before it is passed on: who has the answer finds it here.
fn pass((mut from, mut to): (TcpStream, TcpStream), mut keep: impl FnMut(&[u8])) {
    let mut chunk = [0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        keep(&chunk[..n]);
        if to.write_all(&chunk[..n]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Write);
}

/// The whole messages at the beginning of what a server has said.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
        let (tag, body) = (bytes[0], bytes.get(5..=length)?);
        bytes = &bytes[length + 1..];
        Some((tag, body))
    })
}

/// Sends a CancelRequest and waits until the connection is closed.
fn cancel(port: u16, process: i32, secret: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&request(process, secret)).unwrap();
    let _reset = stream.read(&mut [0]);
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[test]
fn a_real_servers_protocol_and_its_key() {
    let world = World::get();
    let newest = world.has(Feature::LongKeys);
    let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret");
    let tap = Tap::before(world.cluster().port());
    let own = Own { upstream: own::service(tap.port), ..Own::new(POLICY) }.user("ana", "reader").user("boss", "admin");
    let server = own.start("server_protocol").unwrap();
    let port = server.addr().port();
    for (user, minor) in [("ana", 0), ("ana", 2), ("boss", 0), ("boss", 2)] {
        let mut client = Client::open("127.0.0.1", port);
        client.send(&startup(minor, &[("user", user), ("database", &database)]));
        notices_of_startup(&mut client, user);
        let (process, ours) = client.key.clone().unwrap();
        let theirs = tap.keys()[&process].clone();
        // The client's is its own protocol's, whatever is spoken with the server.
        assert_eq!((ours.len(), theirs.len()), (if minor == 2 { 32 } else { 4 }, if newest { 32 } else { 4 }), "{user} {minor}");
        assert!(!find(&theirs, &ours) && !find(&ours, &theirs), "{user} {minor}");
        client.put_query(LONG);
        wait_until_active(process);
        // What the server's key, half of ours and more than ours do not.
        for wrong in [&theirs[..], &ours[..ours.len() / 2], &[&ours[..], &[0]].concat()] {
            cancel(port, process, wrong);
        }
        thread::sleep(Duration::from_millis(200));
        wait_until_active(process);
        let sent = request(process, &theirs);
        assert!(!tap.connections().iter().any(|c| c.proxy == sent), "{user} {minor}");
        cancel(port, process, &ours);
        assert_eq!(client.answer().sqlstate(), "57014", "{user} {minor}");
        assert!(tap.connections().iter().any(|c| c.proxy == sent), "{user} {minor}: the whole key");
        assert_eq!(client.query("SELECT id FROM s.t").ok().table(), "1", "{user} {minor}");
    }
    let heard = tap.connections();
    let logins = heard.iter().filter(|c| !c.server.is_empty());
    let settled: Vec<(&[u8], bool)> = logins.map(|c| (&c.proxy[4..8], frames(&c.server).any(|(tag, _)| tag == b'v'))).collect();
    assert!(settled.len() > 4 && settled.iter().all(|one| *one == (&[0, 3, 0, 2][..], !newest)), "{settled:?}");
}
