//! Moves bytes: reads of a side only while the other side's outgoing buffer has room, so that memory stays bounded.

mod close;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::asks::Asks;
use super::buffers;
use super::turns::Turns;
use crate::audit::tap::Tap;
use crate::conversation::{Conversation, End, FULL, Judge, Out};
use crate::rules::follow::Behind;

pub use close::Cancel;

/// What stands between the two sides.
#[expect(clippy::wrong_self_convention, reason = "they take what comes from a side; nothing is converted")]
pub trait Between {
    /// See [`Conversation::from_client`].
    ///
    /// # Errors
    /// [`End`] when the session is over.
    fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End>;

    /// See [`Conversation::from_server`].
    ///
    /// # Errors
    /// [`End`] when the session is over.
    fn from_server(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End>;

    /// See [`Conversation::listening`].
    fn listening(&self) -> bool;

    /// See [`Conversation::carrying`].
    fn carrying(&self) -> bool;

    /// The length of a message that waits, and what follows it too. No more is read than is kept, so that a client is seen that hangs up.
    fn waits(&self) -> Option<usize> {
        None
    }

    /// See [`Conversation::wants_fresh`].
    fn wants_fresh(&self) -> bool;

    /// See [`Conversation::refreshed`].
    fn refreshed(&mut self);

    /// See [`Conversation::hung_up`].
    fn hung_up(&mut self);

    /// The session goes on under a policy, which has come since it began. Who judges takes it up between two statements.
    fn goes_on_under(&mut self, _policy: u64) {}

    /// See [`Conversation::cancelled`].
    fn cancelled(&mut self);

    /// See [`Conversation::wants_brake`].
    fn wants_brake(&mut self) -> bool {
        false
    }

    /// See [`Conversation::braked`].
    fn braked(&mut self) {}

    /// See [`Conversation::runs`].
    fn runs(&self) -> bool {
        false
    }
}

impl<J: Judge> Between for Conversation<J> {
    fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        Conversation::from_client(self, bytes, out)
    }

    fn from_server(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        Conversation::from_server(self, bytes, out)
    }

    fn listening(&self) -> bool {
        Conversation::listening(self)
    }

    fn carrying(&self) -> bool {
        Conversation::carrying(self)
    }

    fn wants_fresh(&self) -> bool {
        Conversation::wants_fresh(self)
    }

    fn refreshed(&mut self) {
        Conversation::refreshed(self);
    }

    fn hung_up(&mut self) {
        Conversation::hung_up(self);
    }

    fn cancelled(&mut self) {
        Conversation::cancelled(self);
    }

    fn wants_brake(&mut self) -> bool {
        Conversation::wants_brake(self)
    }

    fn braked(&mut self) {
        Conversation::braked(self);
    }

    fn runs(&self) -> bool {
        Conversation::runs(self)
    }
}

/// Nothing: bytes go on as they come. Of the client's none are taken while a policy has come that nobody has looked at.
#[derive(Debug, Default)]
pub struct Nothing {
    /// Says so.
    pub behind: Option<Behind>,
    /// Is told what the client says.
    pub tap: Option<Tap>,
    /// Takes SET pgveil.role out, where there is more than one.
    pub asks: Option<Box<Asks>>,
}

impl Between for Nothing {
    fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        let used = match &mut self.asks {
            Some(asks) => asks.from_client(bytes, out),
            None => {
                out.to_server.extend_from_slice(bytes);
                bytes.len()
            }
        };
        if let Some(tap) = &mut self.tap {
            tap.over(bytes.get(..used).unwrap_or_default());
        }
        Ok(used)
    }

    fn from_server(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        out.to_client.extend_from_slice(bytes);
        if let Some(asks) = &mut self.asks {
            asks.from_server(bytes)?;
        }
        Ok(bytes.len())
    }

    fn listening(&self) -> bool {
        self.behind.as_ref().is_none_or(|behind| !behind.is_true()) && self.asks.as_ref().is_none_or(|asks| asks.listening())
    }

    fn waits(&self) -> Option<usize> {
        self.asks.as_ref().and_then(|asks| asks.waits())
    }

    fn goes_on_under(&mut self, policy: u64) {
        if let Some(behind) = &mut self.behind {
            behind.seen(policy);
        }
    }

    fn carrying(&self) -> bool {
        false
    }

    fn wants_fresh(&self) -> bool {
        false
    }

    fn refreshed(&mut self) {}

    fn hung_up(&mut self) {}

    fn cancelled(&mut self) {}
}

/// Why the pump stopped.
#[derive(Debug)]
pub enum Stopped {
    /// The session is over.
    End(End),
    /// The client is gone.
    ClientGone,
    /// The server is gone.
    ServerGone,
    /// A text waits for a fresh catalog snapshot.
    WantsFresh,
    /// What runs has given more than it may: it is to be cancelled, and goes on until it is.
    WantsBrake,
    /// It was told to leave, and the client is being sent whole messages only.
    Left,
}

impl Stopped {
    /// Nobody broke off: what was said is to be heard to its end.
    fn is_orderly(&self) -> bool {
        matches!(
            self,
            Stopped::ServerGone | Stopped::ClientGone | Stopped::End(End::Terminated | End::ServerEnded { .. } | End::TakesRole(_))
        )
    }
}

/// Two connections and what stands between them.
#[derive(Debug)]
pub struct Pump<B, C, S> {
    /// What stands between.
    pub between: B,
    /// Bytes that are still to be sent.
    pub out: Out,
    /// What the client waits for.
    pub turns: Turns,
    client: Side<C>,
    server: Side<S>,
    /// Bytes of what is to be sent to the client that `turns` has seen.
    walked: usize,
    /// It is over; what the client has not read yet comes first.
    ending: Option<Stopped>,
    /// It stops at the next boundary between messages.
    leaving: bool,
}

#[derive(Debug)]
struct Side<T> {
    stream: T,
    /// Read and not yet taken.
    inbox: Vec<u8>,
    /// Bytes of the outgoing buffer that are sent.
    sent: usize,
    unflushed: bool,
    /// It says nothing more.
    ended: bool,
    /// It is told nothing more: it has been said so, or takes nothing.
    deaf: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Side<T> {
    fn new(stream: T, inbox: Vec<u8>) -> Self {
        Side { stream, inbox, sent: 0, unflushed: false, ended: false, deaf: false }
    }

    // Ready when all is sent.
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &mut Vec<u8>) -> Poll<io::Result<()>> {
        while let Some(rest) = bytes.get(self.sent..).filter(|r| !r.is_empty()) {
            let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, rest)? else { return Poll::Pending };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(written);
            self.unflushed = true;
        }
        self.sent = 0;
        buffers::give_back(bytes);
        if self.unflushed {
            let Poll::Ready(()) = Pin::new(&mut self.stream).poll_flush(cx)? else { return Poll::Pending };
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    // Reads once and lets `take` have what is there; ready with whether bytes came.
    fn poll_take(&mut self, cx: &mut Context<'_>, take: impl FnOnce(&[u8]) -> Result<usize, End>) -> Poll<io::Result<Result<bool, End>>> {
        buffers::with_reading(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => return Poll::Pending,
                // TLS without close_notify: many clients just go. As with Postgres, whole messages that came before count.
                Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                Poll::Ready(done) => done?,
            }
            let bytes = read.filled();
            if bytes.is_empty() {
                self.ended = true;
                return Poll::Ready(Ok(Ok(false)));
            }
            let taken = if self.inbox.is_empty() {
                take(bytes).map(|used| self.inbox.extend_from_slice(bytes.get(used..).unwrap_or_default()))
            } else {
                self.inbox.extend_from_slice(bytes);
                take(&self.inbox).map(|used| used_up(&mut self.inbox, used))
            };
            Poll::Ready(Ok(taken.map(|()| true)))
        })
    }
}

fn used_up(inbox: &mut Vec<u8>, used: usize) {
    if used >= inbox.len() {
        *inbox = Vec::new();
    } else if used > 0 {
        inbox.drain(..used);
    }
}

impl<B: Between, C: AsyncRead + AsyncWrite + Unpin, S: AsyncRead + AsyncWrite + Unpin> Pump<B, C, S> {
    /// Of two connections, each with the bytes that were already read from it.
    pub fn new(between: B, client: (C, Vec<u8>), server: (S, Vec<u8>), turns: Turns) -> Self {
        Pump {
            between,
            out: Out::default(),
            turns,
            client: Side::new(client.0, client.1),
            server: Side::new(server.0, server.1),
            walked: 0,
            ending: None,
            leaving: false,
        }
    }

    /// Stops at the next boundary between messages to the client: at once, unless a part of one is sent already.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    // Whole messages only are left to be sent.
    fn cut(&mut self) -> bool {
        let unsent = self.out.to_client.len().saturating_sub(self.client.sent);
        let cut = self.turns.begun() <= unsent;
        if cut {
            self.out.to_client.truncate(self.out.to_client.len().saturating_sub(self.turns.begun()));
        }
        cut
    }

    /// Moves bytes until something ends or is wanted. Nothing is lost when the future is dropped: call it again.
    pub async fn run(&mut self) -> Stopped {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stopped> {
        loop {
            let mut moved = false;
            // Before more is sent: what has just come may be the beginning of a message.
            if self.leaving && self.ending.is_none() && self.cut() {
                return Poll::Ready(Stopped::Left);
            }
            if self.server.deaf {
                self.out.to_server.clear();
            } else if let Poll::Ready(Err(_)) = self.server.poll_send(cx, &mut self.out.to_server) {
                // It has hung up. What it said before, its last words, is still to be read.
                self.server.deaf = true;
            }
            let told = match self.client.poll_send(cx, &mut self.out.to_client) {
                Poll::Ready(Err(_)) => return Poll::Ready(Stopped::ClientGone),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            if let Some(stopped) = self.ending.take() {
                if told {
                    return Poll::Ready(stopped);
                }
                self.ending = Some(stopped);
                return Poll::Pending;
            }
            let stepped = self.step(cx, &mut moved);
            // Whatever came of it: what was passed on may be the last.
            self.turns.told(self.out.to_client.get(self.walked..).unwrap_or_default());
            self.walked = self.out.to_client.len();
            match stepped {
                Ok(()) if self.between.wants_fresh() => return Poll::Ready(Stopped::WantsFresh),
                Ok(()) if self.between.wants_brake() => return Poll::Ready(Stopped::WantsBrake),
                Ok(()) if moved => {}
                Ok(()) => return Poll::Pending,
                Err(stopped) if stopped.is_orderly() => self.ending = Some(stopped),
                Err(stopped) => return Poll::Ready(stopped),
            }
        }
    }

    // What waits comes before what is read. A side that has ended is no reason to stop while the other's buffer keeps bytes back.
    fn step(&mut self, cx: &mut Context<'_>, moved: &mut bool) -> Result<(), Stopped> {
        let Pump { between, out, client, server, turns, walked, .. } = self;
        // What is sent is gone from the buffer.
        *walked = out.to_client.len().min(*walked);
        if out.to_client.len() < FULL {
            buffers::lend(&mut out.to_client);
            buffers::lend(&mut out.to_server);
            let used = between.from_server(&server.inbox, out).map_err(Stopped::End)?;
            *moved |= used > 0;
            used_up(&mut server.inbox, used);
        }
        if out.to_client.len() < FULL {
            match server.poll_take(cx, |bytes| between.from_server(bytes, out)) {
                Poll::Ready(Ok(Ok(true))) => *moved = true,
                Poll::Ready(Ok(Ok(false)) | Err(_)) if client.ended => return Err(Stopped::ClientGone),
                Poll::Ready(Ok(Ok(false)) | Err(_)) => return Err(Stopped::ServerGone),
                Poll::Ready(Ok(Err(end))) => return Err(Stopped::End(end)),
                Poll::Pending => {}
            }
        }
        if between.listening() && out.to_server.len() < FULL {
            buffers::lend(&mut out.to_server);
            let before = out.to_server.len();
            let used = between.from_client(&client.inbox, out).map_err(Stopped::End)?;
            // What is sent again comes from no byte of the client's.
            *moved |= used > 0 || out.to_server.len() > before;
            turns.taken(client.inbox.get(..used).unwrap_or_default());
            used_up(&mut client.inbox, used);
        }
        let taking = between.listening() && out.to_server.len() < FULL;
        let keeping = (between.carrying() || between.waits().is_some()) && client.inbox.len() < FULL;
        if !client.ended && (taking || keeping) {
            let take = |bytes: &[u8]| {
                let used = if taking { between.from_client(bytes, out)? } else { 0 };
                turns.taken(bytes.get(..used).unwrap_or_default());
                Ok(used)
            };
            match client.poll_take(cx, take) {
                Poll::Ready(Ok(Ok(true))) => *moved = true,
                // It may still read: the server is told, and says when it is done.
                Poll::Ready(Ok(Ok(false))) if !between.carrying() => *moved = true,
                Poll::Ready(Ok(Ok(false)) | Err(_)) => return Err(Stopped::ClientGone),
                Poll::Ready(Ok(Err(end))) => return Err(Stopped::End(end)),
                Poll::Pending => {}
            }
        }
        // All that can be taken of what it said is taken; what waits is not the server's to hear.
        let done = taking || between.waits() == Some(client.inbox.len());
        if client.ended && !*moved && done && out.to_server.is_empty() && !server.deaf {
            let shut = Pin::new(&mut server.stream).poll_shutdown(cx);
            server.deaf = shut.is_ready();
            between.hung_up();
        }
        for buffer in [&mut out.to_client, &mut out.to_server] {
            if buffer.is_empty() {
                buffers::give_back(buffer);
            }
        }
        Ok(())
    }
}
