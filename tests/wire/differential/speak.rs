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

    pub fn bytes(&self) -> Vec<u8> {
        super::super::message(self.tag, &self.body)
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
            Err(e) => panic!("nothing comes any more ({e}); what came ends with {:?}", heard.frames.iter().rev().take(5).collect::<Vec<_>>()),
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
