//! A raw client for the tests: it keeps every byte that the server sends, and looks for canaries in them.
//!
//! Blocking, on a plain socket. Every test that plays a role with masks speaks through it (or through a
//! recorder that listens on a driver's socket), so that the canary holds for the whole suite.

mod answer;
mod message;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub use answer::Answer;
pub use message::{Field, Fields, Message};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;

use crate::canary;

/// Longest wait for a byte.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where to and as whom.
#[derive(Debug, Clone)]
pub struct Login {
    /// A host name or address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// For SCRAM; `None` where the server trusts us.
    pub password: Option<String>,
    /// Further startup parameters, such as `options`.
    pub settings: Vec<(String, String)>,
    /// No piece of a protected value may be among the bytes that come.
    pub canary: bool,
}

impl Login {
    /// To this machine, with a password and no further settings. Nothing is looked for in what comes.
    pub fn local(port: u16, database: &str, user: &str, password: &str) -> Self {
        Login {
            host: "127.0.0.1".to_owned(),
            port,
            database: database.to_owned(),
            user: user.to_owned(),
            password: Some(password.to_owned()),
            settings: Vec::new(),
            canary: false,
        }
    }
}

/// A connection after login.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    /// Bytes of `received` that were decoded.
    read: usize,
    /// Bytes of `received` in which canaries were looked for.
    checked: usize,
    canary: bool,
    given_away: bool,
    /// The transaction's status, as the last ReadyForQuery said.
    status: char,
    /// ParameterStatus values as they are now.
    pub parameters: BTreeMap<String, String>,
    /// BackendKeyData: process and secret key.
    pub key: Option<(i32, Vec<u8>)>,
}

/// A request in the extended protocol.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The statement.
    pub sql: String,
    /// OIDs of the parameters' types; 0 or left out: the server infers it.
    pub types: Vec<u32>,
    /// Values in the format that `formats` says.
    pub values: Vec<Option<Vec<u8>>>,
    /// Formats of the parameters; empty: all text.
    pub formats: Vec<i16>,
    /// Formats of the result; empty: all text.
    pub results: Vec<i16>,
}

impl Client {
    /// Logs in.
    ///
    /// # Errors
    /// What the server said, or an empty map where it only closed the connection.
    pub fn connect(login: &Login) -> Result<Client, Fields> {
        let mut out = BytesMut::new();
        let mut parameters: Vec<(&str, &str)> = vec![("user", &login.user), ("database", &login.database)];
        parameters.extend(login.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        frontend::startup_message(parameters, &mut out).unwrap();
        let mut client = Client::open(&login.host, login.port);
        client.send(&out);
        client.authenticate(login)?;
        // Nonces are random base64 digits: canaries are looked for from here on.
        client.sent.clear();
        client.checked = client.read;
        client.canary = login.canary;
        loop {
            match client.receive() {
                Ok(Message::ReadyForQuery(_)) => return Ok(client),
                Ok(Message::Error(fields)) => return Err(fields),
                Ok(_) => {}
                Err(_) => return Err(Fields::new()),
            }
        }
    }

    /// A socket on which nothing has been said yet.
    pub fn open(host: &str, port: u16) -> Client {
        let stream = TcpStream::connect((host, port)).unwrap_or_else(|e| panic!("cannot connect to {host}:{port}: {e}"));
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            sent: Vec::new(),
            received: Vec::new(),
            read: 0,
            checked: 0,
            canary: false,
            given_away: false,
            status: 'I',
            parameters: BTreeMap::new(),
            key: None,
        }
    }

    fn authenticate(&mut self, login: &Login) -> Result<(), Fields> {
        let password = login.password.as_deref().unwrap_or_default().as_bytes();
        let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
        loop {
            let body = match self.receive() {
                Ok(Message::Other('R', body)) => body,
                Ok(Message::Error(fields)) => return Err(fields),
                Ok(Message::Other('v', _) | Message::Notice(_)) => continue,
                Ok(other) => panic!("unexpected during login: {other:?}"),
                Err(_) => return Err(Fields::new()),
            };
            let (kind, data) = body.split_at(4);
            let mut out = BytesMut::new();
            match kind[3] {
                0 => return Ok(()),
                3 => frontend::password_message(password, &mut out).unwrap(),
                10 => frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out).unwrap(),
                11 => {
                    scram.update(data).unwrap();
                    frontend::sasl_response(scram.message(), &mut out).unwrap();
                }
                12 => {
                    scram.finish(data).unwrap();
                    continue;
                }
                kind => panic!("authentication of kind {kind}"),
            }
            self.send(&out);
        }
    }

    /// A simple query.
    pub fn query(&mut self, sql: &str) -> Answer {
        self.put_query(sql);
        self.answer()
    }

    /// A simple query whose answer is read later.
    pub fn put_query(&mut self, sql: &str) {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out).unwrap();
        self.send(&out);
    }

    /// Parse, Bind, Describe portal, Execute, Sync, all unnamed.
    pub fn call(&mut self, call: &Call) -> Answer {
        self.put_call(call);
        self.answer()
    }

    /// A call whose answer is read later.
    pub fn put_call(&mut self, call: &Call) {
        let mut out = BytesMut::new();
        frontend::parse("", &call.sql, call.types.iter().copied(), &mut out).unwrap();
        bind("", "", call, &mut out);
        frontend::describe(b'P', "", &mut out).unwrap();
        frontend::execute("", 0, &mut out).unwrap();
        frontend::sync(&mut out);
        self.send(&out);
    }

    /// Sends messages that `write` puts together, as many as it likes.
    pub fn pipeline(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let mut out = BytesMut::new();
        write(&mut out);
        self.send(&out);
    }

    /// Sends bytes as they are. A server that has hung up is found out on reading.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.sent.len() > 1 << 20 {
            self.sent.drain(..self.sent.len() / 2);
        }
        self.sent.extend_from_slice(bytes);
        let _ = self.stream.write_all(bytes);
    }

    /// Messages up to ReadyForQuery.
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            match self.receive() {
                Ok(message @ Message::ReadyForQuery(_)) => {
                    answer.messages.push(message);
                    return answer;
                }
                Ok(message) => answer.messages.push(message),
                Err(why) => {
                    answer.broken = Some(why);
                    return answer;
                }
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// The connection is closed, or nothing came in time.
    pub fn receive(&mut self) -> Result<Message, String> {
        loop {
            let rest = &self.received[self.read..];
            if let Some(head) = rest.first_chunk::<5>() {
                let total = 1 + u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if rest.len() >= total {
                    let message = Message::decode(head[0], &rest[5..total]);
                    self.read += total;
                    self.note(&message);
                    return Ok(message);
                }
            }
            let mut chunk = [0; 1 << 16];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err("the connection is closed".to_owned()),
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    /// Reads until the connection ends, or nothing comes in time. Nothing is decoded; canaries are looked for in all that came. The number of
    /// bytes.
    pub fn drain(mut self) -> usize {
        let mut chunk = [0; 1 << 16];
        let before = self.received.len();
        while let Ok(n) = self.stream.read(&mut chunk) {
            if n == 0 {
                break;
            }
            self.received.extend_from_slice(&chunk[..n]);
        }
        self.received.len() - before
    }

    /// The transaction's status: `I`, `T` or `E`.
    pub fn status(&self) -> char {
        self.status
    }

    /// The next byte as it comes, as after an SSLRequest; `None` where the connection is closed.
    pub fn byte(&mut self) -> Option<u8> {
        let mut one = [0];
        self.stream.read_exact(&mut one).ok().map(|()| one[0])
    }

    /// Says that nothing more will be sent.
    pub fn hang_up(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// The socket as it is: what comes on it from now on is neither kept nor looked at.
    pub fn into_stream(mut self) -> TcpStream {
        self.given_away = true;
        self.stream.try_clone().unwrap()
    }

    fn note(&mut self, message: &Message) {
        match message {
            Message::ParameterStatus(name, value) => {
                self.parameters.insert(name.clone(), value.clone());
            }
            Message::Other('K', body) => self.key = Some((i32::from_be_bytes(body[..4].try_into().unwrap()), body[4..].to_vec())),
            Message::ReadyForQuery(status) => {
                self.status = *status;
                self.check();
            }
            _ => {}
        }
    }

    /// Looks for canaries in what came since the last look, and forgets it.
    fn check(&mut self) {
        if self.canary {
            canary::assert_clean(&self.sent, &self.received[self.checked.min(self.read)..]);
        }
        self.received.drain(..self.read);
        self.read = 0;
        self.checked = 0;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.canary && !std::thread::panicking() {
            canary::assert_clean(&self.sent, &self.received[self.checked.min(self.received.len())..]);
        }
        if !self.given_away {
            let _ = self.stream.write_all(b"X\0\0\0\x04");
        }
    }
}

/// A Bind message.
pub fn bind(portal: &str, statement: &str, call: &Call, out: &mut BytesMut) {
    let value = |value: &Option<Vec<u8>>, out: &mut BytesMut| match value {
        Some(bytes) => {
            out.extend_from_slice(bytes);
            Ok(IsNull::No)
        }
        None => Ok(IsNull::Yes),
    };
    let formats = call.formats.iter().copied();
    if frontend::bind(portal, statement, formats, call.values.iter(), value, call.results.iter().copied(), out).is_err() {
        panic!("a Bind message could not be written");
    }
}
