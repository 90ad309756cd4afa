//! Bad input and faults: each gets a clear error of the right SQLSTATE, the process lives, other sessions go on.

mod auth_query;
mod cancel;
mod certificates;
mod differential;
mod hostile_server;
mod hostile_sql;
mod identity;
mod login;
mod memory;
mod messages;
mod noise;
mod own;
mod server_login;
mod server_protocol;
mod startup_parameters;
mod tls;
mod tls_close;
mod tls_raw;
mod upstream;

use pgveil_tests::client::{Client, Fields, Login, Message};
use pgveil_tests::world::World;

use pgveil_tests::stage::Stage;

/// Startup packet of version 3.`minor`.
fn startup(minor: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = (3 << 16 | minor).to_be_bytes().to_vec();
    for text in parameters.iter().flat_map(|(name, value)| [name, value]) {
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    packet(&body)
}

/// A packet without a type: its length, then its body.
fn packet(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
}

/// A message: its type, its length, its body.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &packet(body)].concat()
}

/// A new connection to the proxy, on which nothing has been said.
fn knock() -> Client {
    Client::open("127.0.0.1", Stage::get().proxy.addr().port())
}

/// Reads until an error comes; `None` where the connection ends without one.
fn error(client: &mut Client) -> Option<Fields> {
    loop {
        match client.receive() {
            Ok(Message::Error(fields)) => return Some(fields),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// The connection has an end: no byte comes any more.
fn ended(client: &mut Client) -> bool {
    loop {
        match client.receive() {
            Ok(_) => {}
            Err(why) => return why.contains("closed") || why.contains("reset"),
        }
    }
}

/// The proxy lives, sessions can be had, and no task of it has panicked.
fn all_is_well() {
    assert_eq!(Stage::get().session("analyst").query("SELECT count(*) FROM shop.customers").value().as_deref(), Some("1500"));
    let log = std::fs::read_to_string(World::get().cluster().folder().join("pgveil.log")).unwrap();
    assert!(!log.contains("panicked"), "{}", log.lines().filter(|l| l.contains("panicked")).collect::<Vec<_>>().join("\n"));
}
