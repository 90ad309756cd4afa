//! SET pgveil.role of a client whose other messages nobody reads: they are walked over, and its own is taken out.

use pgveil_policy::Refusal;
use pgveil_policy::read::{asked_role, role_alone};

use super::turns::Turns;
use crate::conversation::{End, FULL, Out};
use crate::serve::Roles;
use crate::wire::answer::{Report, Status};
use crate::wire::frame::{self, HEADER, Head};
use crate::wire::message::{self, put_cstring};

/// Longest message that is looked into, in bytes: a longer text asks for more than a role.
const LONGEST: usize = 1024;

/// What the server is sent in place of a Parse of it: an error that says so.
const NOT_PARSED: &str = "'SET pgveil.role: for this role, send it as a simple query, or connect again with options=-c pgveil.role=ROLE'";

/// Looks for it.
#[derive(Debug)]
pub struct Asks {
    roles: Roles,
    turns: Turns,
    /// Of the client's present message, still to come.
    left: usize,
    /// A role is asked for in a message of that length, and it is not time for an answer: something before it has not ended, or the
    /// client does not read.
    waits: Option<usize>,
    /// The role that is taken.
    taken: Option<String>,
}

impl Asks {
    /// From the first message after the login on.
    pub fn new(roles: Roles) -> Self {
        Asks { roles, turns: Turns::default(), left: 0, waits: None, taken: None }
    }

    /// Whether the client's bytes are taken.
    pub fn listening(&self) -> bool {
        self.taken.is_none() && self.waits.is_none()
    }

    /// The length of a message that waits for the server, or for the client to read. [`Asks::from_server`] changes it, be it with no byte.
    pub fn waits(&self) -> Option<usize> {
        self.waits
    }

    /// Passes the client's bytes on; gives how many are done with.
    pub fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> usize {
        let mut used = 0_usize;
        while self.listening() {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.left > 0 {
                let part = rest.get(..self.left).unwrap_or(rest);
                if part.is_empty() {
                    break;
                }
                self.pass(part, out);
                self.left = self.left.saturating_sub(part.len());
                used = used.saturating_add(part.len());
                continue;
            }
            let head = match frame::head(rest, usize::MAX) {
                Ok(None) => break,
                Ok(Some(head)) => head,
                // The server says what is wrong with it.
                Err(_) => Head { tag: 0, total: rest.len() },
            };
            if !matches!(head.tag, b'Q' | b'P') || head.total > LONGEST {
                self.left = head.total;
                continue;
            }
            let Some(whole) = rest.get(..head.total) else { break };
            match self.text(head.tag, whole, out) {
                true => used = used.saturating_add(head.total),
                false => break,
            }
        }
        used
    }

    fn pass(&mut self, bytes: &[u8], out: &mut Out) {
        self.turns.taken(bytes);
        out.to_server.extend_from_slice(bytes);
    }

    // Whether it is done with.
    fn text(&mut self, tag: u8, whole: &[u8], out: &mut Out) -> bool {
        let body = whole.get(HEADER..).unwrap_or_default();
        let mut parts = body.split(|byte| *byte == 0);
        let name = if tag == b'P' { parts.next().unwrap_or_default() } else { &[] };
        let text = parts.next().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let Some(asked) = asked_role(text) else {
            self.pass(whole, out);
            return true;
        };
        if self.turns.is_copying() {
            // No place for it: the server says so.
            self.pass(whole, out);
            return true;
        }
        if tag == b'P' {
            let mut sent = Vec::new();
            message::put_parse(&mut sent, name, NOT_PARSED.as_bytes(), &[]);
            self.pass(&sent, out);
            return true;
        }
        if self.is_owed() || out.to_client.len() >= FULL {
            self.waits = Some(whole.len());
            return false;
        }
        match self.taken_by(asked) {
            Ok(role) => {
                frame::put(&mut out.to_client, b'C', |body| put_cstring(body, b"SET"));
                self.taken = Some(role);
            }
            Err(refusal) => {
                Report::of(&refusal).put(&mut out.to_client, b'E');
                self.turns.status().put(&mut out.to_client);
            }
        }
        true
    }

    // Not while the server reads the data of a COPY: it says what is wrong with a query among them.
    fn is_owed(&self) -> bool {
        !self.turns.is_copying() && (self.turns.until(false).is_some() || self.turns.begun() > 0)
    }

    fn taken_by(&self, asked: Result<Option<String>, Refusal>) -> Result<String, Refusal> {
        let asked = asked?;
        if self.turns.status() != Status::Idle {
            return Err(role_alone());
        }
        self.roles.may_take(asked.as_deref())
    }

    /// Sees what the client is sent by the server, where there is room for more.
    ///
    /// # Errors
    /// [`End::TakesRole`], where that is asked for.
    pub fn from_server(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.turns.told(bytes);
        self.waits = self.waits.filter(|_| self.is_owed());
        match self.taken.take() {
            Some(role) => Err(End::TakesRole(role)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(status: &[u8]) -> Asks {
        let mut asks = Asks::new(Roles::for_tests(&["admin", "analyst"]));
        asks.from_server(&message_of(b'Z', status)).unwrap();
        asks
    }

    fn message_of(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::put(&mut out, tag, |b| b.extend_from_slice(body));
        out
    }

    fn query(sql: &str) -> Vec<u8> {
        message_of(b'Q', &[sql.as_bytes(), b"\0"].concat())
    }

    /// What is left of it, in the order in which it came, when it comes in pieces of a size.
    fn say(asks: &mut Asks, bytes: &[u8], size: usize, out: &mut Out) -> Vec<u8> {
        let mut waits = Vec::new();
        for piece in bytes.chunks(size) {
            waits.extend_from_slice(piece);
            let used = asks.from_client(&waits, out);
            waits.drain(..used);
        }
        waits
    }

    #[test]
    fn all_else_passes_as_it_comes_however_it_is_cut() {
        let said = [
            query("SELECT 'pgveil.role'"),
            query("SET pgveil.user = 'role'"),
            message_of(b'P', b"name\0SELECT 1 AS \"pgveil.role\"\0\0\0"),
            message_of(b'd', &query("SET pgveil.role = 'analyst'")),
            query(&format!("SELECT '{}'", "x".repeat(5000))),
            message_of(b'Q', b"\xff SET pgveil.role = 'analyst'\0"),
            message_of(b'S', b""),
        ]
        .concat();
        for size in [1, 2, 5, 7, 100, said.len()] {
            let (mut asks, mut out) = (asks(b"I"), Out::default());
            assert!(say(&mut asks, &said, size, &mut out).is_empty());
            assert!(out.to_server == said && out.to_client.is_empty(), "{size} at a time");
        }
    }

    #[test]
    fn a_role_is_taken_when_nothing_is_owed_and_what_follows_waits() {
        for size in [1, 6, 1000] {
            let (mut asks, mut out) = (asks(b"I"), Out::default());
            let (first, set, last) = (query("SELECT 1"), query("SET pgveil.role TO analyst"), query("SELECT 2"));
            let waits = say(&mut asks, &[first.clone(), set.clone(), last.clone()].concat(), size, &mut out);
            assert!(out.to_server == first && waits == [set.clone(), last.clone()].concat());
            asks.from_server(&message_of(b'C', b"SELECT 1\0")).unwrap();
            assert_eq!(asks.from_client(&waits, &mut out), 0, "the first is not over");
            assert!(asks.waits() == Some(set.len()) && !asks.listening(), "no more of it is read than is kept");
            asks.from_server(&message_of(b'Z', b"I")).unwrap();
            assert!(asks.waits().is_none() && asks.listening());
            let used = asks.from_client(&waits, &mut out);
            assert_eq!(waits.get(used..), Some(last.as_slice()));
            assert_eq!(out.to_client, message_of(b'C', b"SET\0"));
            assert!(!asks.listening());
            assert_eq!(asks.from_server(b""), Err(End::TakesRole("analyst".to_owned())));
        }
    }

    #[test]
    fn it_is_refused_in_a_transaction_among_others_and_for_other_roles() {
        for (status, sql, code) in [
            (b"T", "SET pgveil.role = 'analyst'", "C25001"),
            (b"E", "SET pgveil.role = 'analyst'", "C25001"),
            (b"I", "SELECT 1; SET pgveil.role = 'analyst'", "C25001"),
            (b"I", "SET LOCAL pgveil.role = 'analyst'", "C0A000"),
            (b"I", "SET pgveil.role = 'boss'", "C42501"),
        ] {
            let (mut asks, mut out) = (asks(status), Out::default());
            assert!(say(&mut asks, &query(sql), 3, &mut out).is_empty());
            let text = String::from_utf8_lossy(&out.to_client).into_owned();
            assert!(out.to_server.is_empty() && text.contains(code), "{sql}: {text}");
            assert!(out.to_client.ends_with(&message_of(b'Z', status)), "the status is the server's");
            assert!(asks.listening());
        }
    }

    #[test]
    fn who_does_not_read_is_not_answered_without_end() {
        let (mut asks, mut out) = (asks(b"I"), Out::default());
        let flood = query("SET pgveil.role = 'boss'").repeat(20_000);
        let used = asks.from_client(&flood, &mut out);
        assert!(used < flood.len() && out.to_client.len() < 2 * FULL && asks.waits().is_some());
        // It has read all that.
        out.to_client.clear();
        asks.from_server(b"").unwrap();
        assert!(asks.listening() && asks.from_client(flood.get(used..).unwrap(), &mut out) > 0);
    }

    #[test]
    fn it_is_not_prepared() {
        let (mut asks, mut out) = (asks(b"I"), Out::default());
        assert!(say(&mut asks, &message_of(b'P', b"n\0SET pgveil.role = 'analyst'\0\0\0"), 4, &mut out).is_empty());
        let sent = String::from_utf8_lossy(&out.to_server).into_owned();
        assert!(sent.contains("simple query") && !sent.contains("analyst"), "{sent}");
    }

    #[test]
    fn among_the_data_of_a_copy_the_server_says_what_is_wrong() {
        let (mut asks, mut out) = (asks(b"I"), Out::default());
        say(&mut asks, &query("COPY t FROM STDIN"), 100, &mut out);
        asks.from_server(&message_of(b'G', b"\0\0\0")).unwrap();
        let set = query("SET pgveil.role = 'analyst'");
        assert!(say(&mut asks, &set, 100, &mut out).is_empty());
        assert!(out.to_server.ends_with(&set));
    }

    #[test]
    fn behind_a_copy_it_waits_until_the_server_reads_data() {
        let (mut asks, mut out) = (asks(b"I"), Out::default());
        let (copy, set) = (query("COPY t FROM STDIN"), query("SET pgveil.role = 'analyst'"));
        let waits = say(&mut asks, &[copy.clone(), set.clone()].concat(), 100, &mut out);
        assert!(waits == set && out.to_server == copy && asks.waits().is_some());
        asks.from_server(&message_of(b'G', b"\0\0\0")).unwrap();
        assert!(asks.listening() && asks.waits().is_none());
        assert_eq!(asks.from_client(&set, &mut out), set.len());
        assert!(out.to_server.ends_with(&set));
    }
}
