//! Which of the client's bytes are done with, and which come again: messages are taken one after another, as long as nothing must be waited
//! for, and no longer than their kind may be.

use pgveil_policy::{Refusal, SqlState};

use super::client::Taken;
use super::refusals::function_call;
use super::{BIND_LIMIT, Conversation, End, FULL, Judge, Out, TEXT_LIMIT, large};
use crate::error::ProtocolError;
use crate::wire::frame::{self, HEADER};

/// Largest message of any other type (`PQ_SMALL_MESSAGE_LIMIT`).
const SMALL_LIMIT: usize = 10_000;

/// Largest body whatever its type.
const FRAME_LIMIT: usize = 1 << 30;

impl<J: Judge> Conversation<J> {
    /// Takes what the client has sent; gives how many bytes are done with. The rest comes again, with what follows it.
    ///
    /// # Errors
    /// [`End`] when the conversation is over. What is in `out` is to be sent before.
    pub fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        let mut used = 0_usize;
        self.policy_waits = self.judge.has_new_policy();
        if self.listening()
            && let Some(text) = self.again.take()
            && matches!(self.query(&text, None, out), Taken::Later)
        {
            self.again = Some(text);
        }
        if self.listening()
            && let Some(steps) = self.steps.take()
        {
            self.go_on(steps, out);
        }
        while self.listening() && self.steps.is_none() && out.to_server.len() < FULL {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.dropping > 0 {
                let n = self.dropping.min(rest.len());
                self.dropping = self.dropping.saturating_sub(n);
                used = used.saturating_add(n);
                if n == 0 {
                    break;
                }
                continue;
            }
            if self.binding.is_some() {
                match self.bind_on(rest, out)? {
                    0 => break,
                    n => used = used.saturating_add(n),
                }
                continue;
            }
            if self.sending > 0 {
                match self.send_on(rest, out) {
                    0 => break,
                    n => used = used.saturating_add(n),
                }
                continue;
            }
            let Some(head) = frame::head(rest, FRAME_LIMIT)? else { break };
            if head.tag == b'd' && self.inflow.is_open() {
                self.sending = head.total;
                continue;
            }
            if self.inflow.is_open() && !matches!(head.tag, b'c' | b'f' | b'H' | b'S') {
                self.ask_whether_copying(head.tag, out);
                break;
            }
            if head.tag == b'B' && head.total > large::LARGE && !self.skipping {
                match self.begin_large_bind(rest, head, out)? {
                    None => {}
                    Some(0) => break,
                    Some(n) => {
                        used = used.saturating_add(n);
                        continue;
                    }
                }
            }
            let limit = limit(head.tag)?;
            if head.total.saturating_sub(HEADER) > limit {
                self.too_large(head, limit, out)?;
                self.dropping = head.total.saturating_sub(HEADER);
                used = used.saturating_add(HEADER);
                continue;
            }
            let Some(whole) = rest.get(..head.total) else { break };
            match self.message(head.tag, whole, out)? {
                Taken::Yes => used = used.saturating_add(head.total),
                Taken::Later => break,
            }
        }
        Ok(used)
    }

    fn too_large(&mut self, head: frame::Head, limit: usize, out: &mut Out) -> Result<(), End> {
        let refusal = || {
            Refusal::new(SqlState::TOO_LARGE, "wire.large", format!("a message of {} bytes is too large", head.total))
                .with_detail(format!("pgveil reads at most {limit} bytes of this kind of message for a role with masks."))
        };
        match head.tag {
            b'F' | b'd' | b'c' | b'f' if self.skipping => {}
            b'Q' | b'P' | b'B' if self.skipping => {}
            b'Q' => self.refuse_query(b"", refusal(), out),
            b'P' | b'B' => self.refuse(refusal(), out),
            b'F' => self.refuse_query(b"", function_call(), out),
            b'd' | b'c' | b'f' if !self.inflow.is_open() => {}
            tag => {
                let length = u32::try_from(head.total).unwrap_or(u32::MAX);
                return Err(ProtocolError::Length { tag: char::from(tag), length, limit }.into());
            }
        }
        Ok(())
    }
}

fn limit(tag: u8) -> Result<usize, ProtocolError> {
    match tag {
        b'Q' | b'P' => Ok(TEXT_LIMIT),
        b'B' => Ok(BIND_LIMIT),
        b'D' | b'E' | b'C' | b'S' | b'H' | b'X' | b'F' | b'd' | b'c' | b'f' => Ok(SMALL_LIMIT),
        _ => Err(ProtocolError::Unexpected { tag: char::from(tag) }),
    }
}
