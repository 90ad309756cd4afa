//! A client that does as little as possible: what is measured is on the other side.

mod scram;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::error::BenchError;
use crate::stage::{DATABASE, Route};
use scram::{Exchange, Salted};

/// Bytes read at once.
const SIZE: usize = 256 * 1024;
/// Nothing that is measured takes longer to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name.
    pub user: &'static str,
    /// The password.
    pub password: String,
    salted: Salted,
}

impl Account {
    /// With a password.
    pub fn new(user: &'static str, password: &str) -> Account {
        Account { user, password: password.to_owned(), salted: Salted::default() }
    }
}

/// How rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// By a simple query.
    Text,
    /// By the extended protocol, all columns in binary.
    Binary,
}

/// What a statement gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Rows.
    pub rows: u64,
    /// Bytes of all messages.
    pub bytes: u64,
}

/// A session.
pub struct Client {
    route: &'static str,
    stream: Stream,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Logs in, up to the first ReadyForQuery.
    pub fn connect(route: &Route) -> Result<Client, BenchError> {
        Client::log_in(route, Stream::Plain(tcp(route)?), SIZE)
    }

    /// The same with a small buffer, as for a session that is to do nothing; over TLS where it is given.
    pub fn connect_idle(route: &Route, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Client, BenchError> {
        let mut tcp = tcp(route)?;
        let Some(config) = tls else { return Client::log_in(route, Stream::Plain(tcp), 8 * 1024) };
        // SSLRequest (PostgreSQL documentation, 55.7).
        tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut answer = [0];
        tcp.read_exact(&mut answer)?;
        if answer != [b'S'] {
            return Err(BenchError::Protocol("no TLS"));
        }
        let name = rustls::pki_types::ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(|_| BenchError::Protocol("TLS"))?;
        Client::log_in(route, Stream::Tls(Box::new(StreamOwned::new(connection, tcp))), 8 * 1024)
    }

    fn log_in(route: &Route, stream: Stream, size: usize) -> Result<Client, BenchError> {
        let mut client = Client { route: route.name, stream, buffer: vec![0; size], at: 0, end: 0 };
        let account = &route.account;
        let mut body = (3_u32 << 16).to_be_bytes().to_vec();
        for text in ["user", account.user, "database", DATABASE, ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        let mut packet = length(body.len()).to_vec();
        packet.extend_from_slice(&body);
        client.send(&packet)?;
        let exchange = Exchange::new()?;
        loop {
            let (tag, body) = client.message()?;
            match (tag, body.split_first_chunk::<4>()) {
                (b'R', Some(([0, 0, 0, 10], _))) => {
                    let first = exchange.first();
                    let mut out = b"SCRAM-SHA-256\0".to_vec();
                    out.extend_from_slice(&u32::try_from(first.len()).unwrap_or_default().to_be_bytes());
                    out.extend_from_slice(first.as_bytes());
                    client.send(&frame(b'p', &out))?;
                }
                (b'R', Some(([0, 0, 0, 11], rest))) => {
                    let server = std::str::from_utf8(rest).map_err(|_| BenchError::Protocol("SCRAM"))?;
                    let answer = exchange.answer(server, &account.password, &account.salted)?;
                    client.send(&frame(b'p', answer.as_bytes()))?;
                }
                (b'Z', _) => return Ok(client),
                (b'R' | b'S' | b'K' | b'N', _) => {}
                _ => return Err(BenchError::Protocol("a message during login")),
            }
        }
    }

    /// Runs a simple query: its rows, as text.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, BenchError> {
        self.send(&query(sql))?;
        let mut rows = Vec::new();
        loop {
            let (tag, body) = self.message()?;
            match tag {
                b'D' => rows.push(values(&body).ok_or(BenchError::Protocol("DataRow"))?),
                b'Z' => return Ok(rows),
                _ => {}
            }
        }
    }

    /// Runs a statement and counts what comes.
    pub fn drain(&mut self, sql: &str, format: Format) -> Result<Drained, BenchError> {
        match format {
            Format::Text => self.send(&query(sql))?,
            Format::Binary => {
                let parse = frame(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
                let bind = frame(b'B', &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
                self.send(&[parse, bind, frame(b'E', &[0; 5]), frame(b'S', &[])].concat())?;
            }
        }
        self.count()
    }

    /// Prepares a statement under the name `p`.
    pub fn prepare(&mut self, sql: &str) -> Result<(), BenchError> {
        let parse = frame(b'P', &[b"p\0", sql.as_bytes(), b"\0\0\0"].concat());
        self.send(&[parse, frame(b'S', &[])].concat())?;
        self.count().map(drop)
    }

    /// Runs the prepared statement with one parameter, in text.
    pub fn run(&mut self, parameter: &str) -> Result<Drained, BenchError> {
        self.send(&[bind("p", parameter), frame(b'E', &[0; 5]), frame(b'S', &[])].concat())?;
        self.count()
    }

    /// Parses and runs an unnamed statement with one parameter, in text.
    pub fn ask(&mut self, sql: &str, parameter: &str) -> Result<Drained, BenchError> {
        let parse = frame(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
        self.send(&[parse, bind("", parameter), frame(b'E', &[0; 5]), frame(b'S', &[])].concat())?;
        self.count()
    }

    /// Says that it goes, and goes.
    pub fn close(mut self) -> Result<(), BenchError> {
        self.send(&frame(b'X', &[]))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes)?,
            Stream::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    // Up to ReadyForQuery. Bodies are skipped, but for an error's.
    fn count(&mut self) -> Result<Drained, BenchError> {
        let mut drained = Drained { rows: 0, bytes: 0 };
        loop {
            self.have(5)?;
            let (tag, body) = self.head()?;
            drained.bytes = drained.bytes.saturating_add(5).saturating_add(u64::try_from(body).unwrap_or_default());
            if tag == b'E' {
                return Err(self.answer_of_error(body));
            }
            drained.rows = drained.rows.saturating_add(u64::from(tag == b'D'));
            self.skip(body)?;
            if tag == b'Z' {
                return Ok(drained);
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), BenchError> {
        self.have(5)?;
        let (tag, body) = self.head()?;
        if tag == b'E' {
            return Err(self.answer_of_error(body));
        }
        let mut out = Vec::with_capacity(body);
        while out.len() < body {
            self.have(1)?;
            let take = body.saturating_sub(out.len()).min(self.end.saturating_sub(self.at));
            out.extend_from_slice(self.buffer.get(self.at..self.at.saturating_add(take)).unwrap_or_default());
            self.at = self.at.saturating_add(take);
        }
        Ok((tag, out))
    }

    fn head(&mut self) -> Result<(u8, usize), BenchError> {
        let bytes = self.buffer.get(self.at..self.end).unwrap_or_default();
        let Some(([tag, a, b, c, d], _)) = bytes.split_first_chunk() else { return Err(BenchError::Protocol("a header")) };
        self.at = self.at.saturating_add(5);
        let body = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or_default();
        Ok((*tag, body.saturating_sub(4)))
    }

    fn answer_of_error(&mut self, size: usize) -> BenchError {
        let mut words = Vec::new();
        while words.len() < size && self.have(1).is_ok() {
            words.extend_from_slice(self.buffer.get(self.at..self.end).unwrap_or_default());
            self.at = self.end;
        }
        let fields = words.split(|byte| *byte == 0).filter(|field| matches!(field.first(), Some(b'C' | b'M' | b'D')));
        let text: Vec<String> = fields.map(|field| String::from_utf8_lossy(field.get(1..).unwrap_or_default()).into_owned()).collect();
        BenchError::Answer { route: self.route, message: text.join(" ") }
    }

    fn skip(&mut self, mut bytes: usize) -> Result<(), BenchError> {
        loop {
            let here = bytes.min(self.end.saturating_sub(self.at));
            self.at = self.at.saturating_add(here);
            bytes = bytes.saturating_sub(here);
            if bytes == 0 {
                return Ok(());
            }
            self.have(1)?;
        }
    }

    // Makes sure that so many bytes (at most a header's) are in the buffer.
    fn have(&mut self, bytes: usize) -> Result<(), BenchError> {
        while self.end.saturating_sub(self.at) < bytes {
            self.buffer.copy_within(self.at..self.end, 0);
            self.end = self.end.saturating_sub(self.at);
            self.at = 0;
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(room)?,
                Stream::Tls(stream) => stream.read(room)?,
            };
            if read == 0 {
                return Err(BenchError::Protocol("the connection was closed"));
            }
            self.end = self.end.saturating_add(read);
        }
        Ok(())
    }
}

fn tcp(route: &Route) -> Result<TcpStream, BenchError> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, route.port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn bind(statement: &str, parameter: &str) -> Vec<u8> {
    let size = u32::try_from(parameter.len()).unwrap_or_default().to_be_bytes();
    frame(b'B', &[b"\0", statement.as_bytes(), b"\0\0\0\0\x01", &size[..], parameter.as_bytes(), b"\0\0"].concat())
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], &length(body.len())[..], body].concat()
}

fn length(body: usize) -> [u8; 4] {
    u32::try_from(body.saturating_add(4)).unwrap_or(u32::MAX).to_be_bytes()
}

fn values(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (size, after) = rest.split_first_chunk::<4>()?;
        let Ok(size) = usize::try_from(i32::from_be_bytes(*size)) else {
            values.push(None);
            rest = after;
            continue;
        };
        let (value, after) = after.split_at_checked(size)?;
        values.push(Some(String::from_utf8(value.to_vec()).ok()?));
        rest = after;
    }
    Some(values)
}
