//! One way to the server: a conversation goes in as bytes, what comes back is cut into messages.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use pgveil_tests::client::{Client, Login};
use pgveil_tests::rng::Rng;

/// A message of either side: its type and its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Frame {
    pub fn new(tag: u8, body: impl Into<Vec<u8>>) -> Frame {
        Frame { tag, body: body.into() }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.escape_ascii().to_string();
        match body.len() {
            0..400 => write!(f, "{} {body}", self.tag.escape_ascii()),
            n => write!(f, "{} {}… ({n})", self.tag.escape_ascii(), &body[..400]),
        }
    }
}

/// How the bytes are cut on their way.
#[derive(Debug, Clone, Copy)]
pub enum Split {
    Whole,
    Bytes,
    Random(u64),
}

/// How a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The session goes on: everything is taken back.
    Reset,
    /// The client says that it will send nothing more, and reads to the end.
    HangUp,
    /// It sends Terminate, and reads to the end.
    Terminate,
}

/// What came, and whether the connection is closed.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    pub frames: Vec<Frame>,
    pub closed: bool,
    /// The last message came in part.
    pub cut: bool,
}

/// A session, made anew where the last conversation has ended it.
#[derive(Debug)]
pub struct Line {
    login: Login,
    stream: Option<TcpStream>,
}

/// What comes last in a conversation that resets its session.
const LAST: &[u8] = b"DISCARD ALL\0";

impl Line {
    pub fn new(login: Login) -> Line {
        Line { login, stream: None }
    }

    /// Sends all of that and reads what comes.
    pub fn run(&mut self, script: &[Vec<u8>], end: End, split: Split) -> Heard {
        let stream = self.stream.take().unwrap_or_else(|| {
            let stream = Client::connect(&self.login).unwrap_or_else(|e| panic!("login: {e:?}")).into_stream();
            stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
            stream
        });
        let mut bytes = script.concat();
        if end == End::Reset {
            for (tag, body) in [(b'f', &b"the end\0"[..]), (b'S', b""), (b'Q', b"ROLLBACK\0"), (b'Q', LAST)] {
                bytes.extend(super::super::message(tag, body));
            }
        }
        if end == End::Terminate {
            bytes.extend(super::super::message(b'X', b""));
        }
        let heard = std::thread::scope(|scope| {
            // Both ways at once: an answer can be larger than what the system keeps.
            scope.spawn(|| {
                send(&stream, &bytes, split);
                if end == End::HangUp {
                    let _ = stream.shutdown(Shutdown::Write);
                }
            });
            hear(&stream, end)
        });
        if !heard.closed {
            self.stream = Some(stream);
        }
        heard
    }
}

fn hear(mut from: &TcpStream, end: End) -> Heard {
    let mut heard = Heard { frames: Vec::new(), closed: false, cut: false };
    let mut bytes = Vec::new();
    let mut read = 0;
    let mut chunk = vec![0; 1 << 16];
    loop {
        while let Some((head, rest)) = bytes.get(read..).and_then(|b: &[u8]| b.split_first_chunk::<5>()) {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
            let Some(body) = rest.get(..length) else { break };
            heard.frames.push(Frame::new(head[0], body));
            read += 5 + length;
            // Parameters that change are told between the two.
            let before = heard.frames.iter().rev().skip(1).find(|f| f.tag != b'S');
            if end == End::Reset && head[0] == b'Z' && before.is_some_and(|f| f.tag == b'C' && f.body == LAST) {
                return heard;
            }
        }
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(e) => {
                panic!("nothing comes any more ({e}); what came ends with {:?}", heard.frames.iter().rev().take(5).collect::<Vec<_>>())
            }
        }
    }
    // A server that is hung up on in the middle of a pipeline does not send the rest of its buffer.
    heard.cut = read < bytes.len();
    heard.closed = true;
    heard
}

fn send(mut to: &TcpStream, bytes: &[u8], split: Split) {
    let mut rest = bytes;
    let mut rng = Rng::new(match split {
        Split::Random(seed) => seed,
        Split::Whole | Split::Bytes => 0,
    });
    while !rest.is_empty() {
        let n = match split {
            Split::Whole => rest.len(),
            Split::Bytes => 1,
            Split::Random(_) => {
                let most = if rng.chance(50) { 7 } else { 200 };
                1 + rng.below(most)
            }
        };
        let (now, later) = rest.split_at(n.min(rest.len()));
        if to.write_all(now).is_err() {
            return;
        }
        rest = later;
    }
}

/// A session that is spoken with step by step.
#[derive(Debug)]
pub struct Talk {
    stream: TcpStream,
    login: Login,
    key: (i32, Vec<u8>),
    bytes: Vec<u8>,
    /// The server's process, for whoever is to disturb it.
    pub process: i32,
    pub closed: bool,
}

impl Talk {
    pub fn new(login: &Login) -> Talk {
        let mut client = Client::connect(login).unwrap_or_else(|e| panic!("login: {e:?}"));
        let process = client.query("SELECT pg_backend_pid()").value().unwrap().parse().unwrap();
        let key = client.key.clone().unwrap();
        let stream = client.into_stream();
        stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
        Talk { stream, login: login.clone(), key, bytes: Vec::new(), process, closed: false }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn hang_up(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// A CancelRequest, on a connection of its own.
    pub fn cancel(&self) {
        let mut other = TcpStream::connect((self.login.host.as_str(), self.login.port)).unwrap();
        let body = [&80_877_102_u32.to_be_bytes()[..], &self.key.0.to_be_bytes(), &self.key.1].concat();
        other.write_all(&[&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()).unwrap();
        // Closed once it has been passed on.
        let _ = other.read(&mut [0]);
    }

    /// Messages up to the next of that type, or to the end.
    pub fn until(&mut self, tag: u8) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next() {
            let last = frame.tag == tag;
            frames.push(frame);
            if last {
                break;
            }
        }
        frames
    }

    /// Messages up to the end of the connection.
    pub fn rest(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&mut self) -> Option<Frame> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some((head, rest)) = self.bytes.split_first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
                if let Some(body) = rest.get(..length) {
                    let frame = Frame::new(head[0], body);
                    self.bytes.drain(..5 + length);
                    return Some(frame);
                }
            }
            match self.stream.read(&mut chunk) {
                Ok(n) if n > 0 => self.bytes.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() != std::io::ErrorKind::ConnectionReset => panic!("nothing comes any more: {e}"),
                _ => {
                    self.closed = true;
                    return None;
                }
            }
        }
    }
}
