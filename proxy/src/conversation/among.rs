//! What is neither data nor its end among the data of a COPY FROM.
//!
//! While the server reads data it ignores Sync, and any other message is its end; once the COPY has failed it takes them. Which of the
//! two a message will meet, or has met, nobody can tell before the server's error has come. So Syncs are all sent on, and where the COPY
//! fails the server is asked: a Sync and an empty query of pgveil's own. As many ReadyForQuery messages as come before the
//! EmptyQueryResponse, but for one, are the client's. Before another message is taken the same is asked: a server that still reads data
//! says that it has lost its place.

use super::ledger::Owed;
use super::server::bare;
use super::{Conversation, End, Judge, Out, Veto};
use crate::wire::answer::{Report, Status};
use crate::wire::message;

/// What has come of the answers to both.
#[derive(Debug, Default)]
pub struct Asking {
    /// Bodies of ReadyForQuery.
    ready: Vec<Vec<u8>>,
    /// EmptyQueryResponse is there, or an error in its place.
    over: bool,
    /// The server skips to a Sync, unless one of the client's has come through.
    skips: bool,
}

impl<J: Judge> Conversation<J> {
    /// One has come, while the server reads data. The server skips it, or answers it.
    pub(super) fn sync_among_data(&mut self, out: &mut Out) {
        self.syncs = self.syncs.saturating_add(1);
        message::put_bare(&mut out.to_server, b'S');
    }

    /// A message that is no data and no Sync comes next, by its type: whether the COPY has failed must be known first.
    pub(super) fn ask_whether_copying(&mut self, tag: u8, out: &mut Out) {
        self.strange = Some(tag);
        self.waiting = true;
        message::put_bare(&mut out.to_server, b'S');
        message::put_query(&mut out.to_server, b"");
    }

    /// An error has come while the server reads data. Gives the end, where it is that pgveil has asked in vain whether it does.
    pub(super) fn still_copying(&self, report: &Report, out: &mut Out) -> Option<End> {
        let tag = self.strange.filter(|_| !report.is_fatal() && report.code() == b"08P01")?;
        Some(Self::among_data(tag, out))
    }

    /// The COPY has failed: finds out which Syncs the server has answered. Nothing was taken from the client since its data ended.
    pub(super) fn ask_for_syncs(&mut self, out: &mut Out) {
        let asked = self.strange.take().is_some();
        if std::mem::take(&mut self.syncs) == 0 && !asked {
            return;
        }
        let skips = std::mem::take(&mut self.skipping);
        if !self.hung_up && !asked {
            message::put_bare(&mut out.to_server, b'S');
            message::put_query(&mut out.to_server, b"");
        }
        self.owe(Owed::Among(Asking { skips, ..Asking::default() }));
        self.waiting = true;
    }

    pub(super) fn among(&mut self, mut asking: Asking, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        match tag {
            b'I' if !asking.over && !asking.ready.is_empty() => {
                bare(&mut Out::default(), tag, body)?;
                asking.over = true;
            }
            b'Z' if asking.over => {
                // The last one that came before was pgveil's own.
                asking.ready.pop();
                self.skipping = asking.skips && asking.ready.is_empty();
                for (left, body) in (0..asking.ready.len()).rev().zip(&asking.ready) {
                    match left {
                        0 => self.ready(body, out)?,
                        _ => Status::decode(body).ok_or(Veto::Malformed { tag: 'Z' })?.put(&mut out.to_client),
                    }
                }
                return Ok(None);
            }
            b'Z' => asking.ready.push(body.to_vec()),
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        }
        Ok(Some(Owed::Among(asking)))
    }

    /// An error while it is asked, such as of a CancelRequest: in place of the EmptyQueryResponse.
    pub(super) fn asked_in_vain(&mut self, asking: Asking) {
        self.ledger.put_back(Owed::Among(Asking { over: true, ..asking }));
    }
}
