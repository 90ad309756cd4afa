//! SET pgveil.role of a client whose other messages nobody reads: they are walked over, and its own is taken out.

use pgveil_policy::Refusal;
use pgveil_policy::read::{asked_role, role_alone};

use super::turns::Turns;
use crate::conversation::{End, Out};
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
    /// The role that is taken.
    taken: Option<String>,
}

impl Asks {
    /// From the first message after the login on.
    pub fn new(roles: Roles) -> Self {
        Asks { roles, turns: Turns::default(), left: 0, taken: None }
    }

    /// Whether the client's bytes are taken.
    pub fn listening(&self) -> bool {
        self.taken.is_none()
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
        if tag == b'P' {
            let mut sent = Vec::new();
            message::put_parse(&mut sent, name, NOT_PARSED.as_bytes(), &[]);
            self.pass(&sent, out);
            return true;
        }
        if self.turns.until().is_some() || self.turns.begun() > 0 {
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

    fn taken_by(&self, asked: Result<Option<String>, Refusal>) -> Result<String, Refusal> {
        let asked = asked?;
        if self.turns.status() != Status::Idle {
            return Err(role_alone());
        }
        self.roles.may_take(asked.as_deref())
    }

    /// Sees what the client is sent by the server.
    ///
    /// # Errors
    /// [`End::TakesRole`], where that is asked for.
    pub fn from_server(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.turns.told(bytes);
        match self.taken.take() {
            Some(role) => Err(End::TakesRole(role)),
            None => Ok(()),
        }
    }
}
