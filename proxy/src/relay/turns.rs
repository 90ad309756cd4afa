//! How many ReadyForQuery messages a client has been sent, and how many it still waits for: whether a request of it is under way.
//!
//! Only the frames are walked. Between CopyInResponse and the end of the data the server passes over each Sync.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::wire::answer::Status;

/// Requests that are remembered by their kind; of further ones only the number is.
const REMEMBERED: usize = 1024;

/// The counts of one session; `done` is shared with whoever wants to know whether a request has ended.
#[derive(Debug, Default)]
pub struct Turns {
    client: Walk,
    server: Walk,
    /// `Q`, `S` or `F` of each request that has not ended.
    open: VecDeque<u8>,
    /// Those that came when `open` was full.
    more: u64,
    copying: bool,
    done: Arc<AtomicU64>,
}

impl Turns {
    /// With a count that others see.
    pub fn new(done: Arc<AtomicU64>) -> Self {
        Turns { done, ..Turns::default() }
    }

    /// Bytes that were taken from the client.
    pub fn taken(&mut self, bytes: &[u8]) {
        let Turns { client, open, more, copying, .. } = self;
        client.over(bytes, |tag| match tag {
            b'c' | b'f' => *copying = false,
            b'S' if *copying => {}
            // Query, Sync, FunctionCall: each is answered with one ReadyForQuery.
            b'Q' | b'S' | b'F' if open.len() < REMEMBERED => open.push_back(tag),
            b'Q' | b'S' | b'F' => *more = more.saturating_add(1),
            _ => {}
        });
    }

    /// Bytes that the client is sent.
    pub fn told(&mut self, bytes: &[u8]) {
        let Turns { server, open, more, copying, done, .. } = self;
        server.over(bytes, |tag| match tag {
            b'Z' => {
                *copying = false;
                if open.pop_front().is_none() {
                    *more = more.saturating_sub(1);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            b'G' => {
                *copying = true;
                // Those that came with its Execute.
                while open.front() == Some(&b'S') {
                    open.pop_front();
                }
            }
            _ => {}
        });
        if open.is_empty() {
            *open = VecDeque::new();
        }
    }

    /// Bytes that the client has been sent of a message that is not whole yet.
    pub fn begun(&self) -> usize {
        self.server.begun
    }

    /// What the last ReadyForQuery said. Certain between two messages.
    pub fn status(&self) -> Status {
        self.server.status.unwrap_or(Status::Idle)
    }

    /// The server reads the data of a COPY.
    pub fn is_copying(&self) -> bool {
        self.copying
    }

    /// The count of ReadyForQuery messages that the client was sent.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The count of ReadyForQuery messages at which all that is under way will have ended; `None` where nothing is. `runs`: something is,
    /// though what ends it may not have been taken.
    pub fn until(&self, runs: bool) -> Option<u64> {
        let open = u64::try_from(self.open.len()).unwrap_or(u64::MAX).saturating_add(self.more);
        // One that copies is under way, though what ends it has not come.
        let open = open.max(u64::from(self.copying || runs));
        (open > 0).then(|| self.done().saturating_add(open))
    }
}

/// A place in a stream of messages.
#[derive(Debug, Default)]
struct Walk {
    /// Of the present message, still to come.
    body: usize,
    head: [u8; 5],
    /// Bytes of `head` that have come.
    filled: usize,
    /// Bytes of the present message, head and body, that have come; 0 between two messages.
    begun: usize,
    /// The type of the present message.
    tag: u8,
    /// Of the last ReadyForQuery.
    status: Option<Status>,
}

impl Walk {
    fn over(&mut self, mut bytes: &[u8], mut each: impl FnMut(u8)) {
        while !bytes.is_empty() {
            if self.body > 0 {
                if self.tag == b'Z' {
                    self.status = bytes.get(..1).and_then(Status::decode);
                }
                let step = self.body.min(bytes.len());
                self.body = self.body.saturating_sub(step);
                self.begun = if self.body == 0 { 0 } else { self.begun.saturating_add(step) };
                bytes = bytes.get(step..).unwrap_or_default();
                continue;
            }
            let head = match bytes.first_chunk::<5>() {
                Some(head) if self.filled == 0 => {
                    bytes = bytes.get(5..).unwrap_or_default();
                    *head
                }
                Some(_) | None => {
                    let Some((first, rest)) = bytes.split_first() else { return };
                    if let Some(to) = self.head.get_mut(self.filled) {
                        *to = *first;
                    }
                    self.filled = self.filled.saturating_add(1);
                    self.begun = self.filled;
                    bytes = rest;
                    if self.filled < self.head.len() {
                        continue;
                    }
                    self.filled = 0;
                    self.head
                }
            };
            let [tag, a, b, c, d] = head;
            each(tag);
            self.tag = tag;
            self.body = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX).saturating_sub(4);
            self.begun = if self.body == 0 { 0 } else { head.len() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    #[test]
    fn requests_and_their_ends_are_counted_however_they_are_cut() {
        let asked = [message(b'Q', b"SELECT 'Q\0S'\0"), message(b'P', b"QQQQQ"), message(b'S', b""), message(b'F', b"xyz")].concat();
        let told = [message(b'D', b"Z\0\0\0\x05I"), message(b'C', b"x\0"), message(b'Z', b"I"), message(b'Z', b"I")].concat();
        for cut in 1..12 {
            let mut turns = Turns::default();
            assert_eq!(turns.until(false), None);
            asked.chunks(cut).for_each(|part| turns.taken(part));
            assert_eq!(turns.until(false), Some(3));
            told.chunks(cut).for_each(|part| turns.told(part));
            assert_eq!((turns.until(false), turns.done.load(Ordering::Relaxed)), (Some(3), 2));
            turns.told(&message(b'Z', b"T"));
            assert_eq!((turns.until(false), turns.status()), (None, Status::Transaction));
        }
    }

    #[test]
    fn what_has_begun_of_a_message_is_known() {
        let all = [message(b'D', b"abc"), message(b'n', b""), message(b'Z', b"I")].concat();
        let ends = [0, 8, 13, 19];
        for cut in 1..9 {
            let (mut turns, mut told) = (Turns::default(), 0);
            for part in all.chunks(cut) {
                turns.told(part);
                told += part.len();
                let start = ends.iter().rev().find(|end| **end <= told).unwrap();
                assert_eq!(turns.begun(), told - start, "{told} bytes, {cut} at a time");
            }
        }
    }

    #[test]
    fn a_sync_within_copy_is_none() {
        let mut turns = Turns::default();
        for tag in *b"PBES" {
            turns.taken(&message(tag, b""));
        }
        turns.told(&message(b'G', b""));
        assert_eq!(turns.until(false), Some(1));
        for tag in *b"dSdcS" {
            turns.taken(&message(tag, b""));
        }
        assert_eq!(turns.until(false), Some(1));
        turns.told(&message(b'Z', b"I"));
        assert_eq!(turns.until(false), None);
        // One that fails, by a simple query.
        turns.taken(&message(b'Q', b"COPY"));
        turns.told(&[message(b'G', b""), message(b'E', b""), message(b'Z', b"I")].concat());
        turns.taken(&message(b'd', b""));
        assert_eq!(turns.until(false), None);
    }

    #[test]
    fn a_flood_of_requests_is_counted_and_not_kept() {
        let mut turns = Turns::default();
        turns.taken(&message(b'S', b"").repeat(100_000));
        assert_eq!((turns.until(false), turns.open.len()), (Some(100_000), REMEMBERED));
        turns.told(&message(b'Z', b"I").repeat(100_000));
        assert_eq!(turns.until(false), None);
    }

    #[test]
    fn lengths_that_are_none_are_walked_over() {
        let mut turns = Turns::default();
        turns.taken(b"Q\0\0\0\0Q\xff\xff\xff\xff....");
        assert_eq!(turns.until(false), Some(2));
    }
}
