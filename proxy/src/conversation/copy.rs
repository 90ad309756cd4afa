//! COPY: data of the server's to the client, row by row where values are sealed; data of the client's to the server, as it comes.
//!
//! While the server reads data it takes nothing else (it ignores Flush and Sync). So once a COPY FROM is sent, nothing more is taken
//! from the client until the server has said what became of it: it asks for data (CopyInResponse), or it has failed.

use std::sync::Arc;

use pgveil_policy::Kind;

use super::server::bare;
use super::statement::{Flow, Statement};
use super::{Conversation, End, Judge, Out, ROW_LIMIT, Veto};
use crate::error::ProtocolError;
use crate::rows::RowFault;
use crate::rows::copy::{Progress, Sealing};
use crate::wire::answer::{self, Report};
use crate::wire::frame::{self, HEADER, Head};
use crate::wire::message;

/// The COPY whose data flows now, as the server has said.
#[derive(Debug)]
pub(super) enum Copying {
    /// None.
    No,
    /// TO STDOUT.
    Out { sealing: Option<Arc<Sealing>>, progress: Progress },
    /// TO STDOUT, and all of the data is there.
    OutDone,
    /// FROM STDIN.
    In,
}

/// What is done with CopyData of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inflow {
    /// Dropped, as the server would do.
    Closed,
    /// A COPY FROM was sent: nothing is taken until it is known what became of it.
    Asked,
    /// Passed on.
    Open,
}

impl Inflow {
    pub fn is_asked(self) -> bool {
        self == Inflow::Asked
    }

    pub fn is_open(self) -> bool {
        self == Inflow::Open
    }

    /// All that was sent is answered.
    pub fn nothing_owed(&mut self) {
        *self = Inflow::Closed;
    }
}

impl<J: Judge> Conversation<J> {
    /// These are sent now.
    pub(super) fn asks_for_data(&mut self, statements: &[Arc<Statement>]) {
        if statements.iter().any(|s| s.kind == Some(Kind::CopyIn)) {
            self.inflow = Inflow::Asked;
        }
    }

    /// A message of the client's while the server reads data.
    pub(super) fn while_copying(&mut self, tag: u8, whole: &[u8], out: &mut Out) -> Result<(), End> {
        match tag {
            b'c' | b'f' => {
                let body = whole.get(HEADER..).unwrap_or_default();
                if tag == b'c' && !body.is_empty() || tag == b'f' && answer::command_tag(body).is_none() {
                    return Err(ProtocolError::Malformed { tag: char::from(tag) }.into());
                }
                out.to_server.extend_from_slice(whole);
                if self.syncs > 0 {
                    // Nothing more is taken until it is known what became of them.
                    message::put_bare(&mut out.to_server, b'H');
                }
                // Another COPY FROM may follow in the same text.
                let follows = self.ledger.asks_for_more();
                self.inflow = if follows { Inflow::Asked } else { Inflow::Closed };
                Ok(())
            }
            // The server ignores it there.
            b'H' => Ok(()),
            b'S' => {
                self.sync_among_data(out);
                Ok(())
            }
            _ => Err(Self::among_data(tag, out)),
        }
    }

    /// What is neither data nor its end, while the server reads data. It would not read it, since it loses its place in the stream: it
    /// is not told of it, and the client hears what it would say.
    pub(super) fn among_data(tag: u8, out: &mut Out) -> End {
        let message = format!("unexpected message type 0x{tag:02X} during COPY from stdin");
        Report::ours("ERROR", "08P01", &message).put(&mut out.to_client, b'E');
        ProtocolError::AmongData.into()
    }

    /// Passes on what is there of a CopyData of the client's.
    pub(super) fn send_on(&mut self, rest: &[u8], out: &mut Out) -> usize {
        let part = rest.get(..self.sending).unwrap_or(rest);
        out.to_server.extend_from_slice(part);
        self.sending = self.sending.saturating_sub(part.len());
        part.len()
    }

    /// CopyOutResponse, CopyInResponse or CopyDone of the server's. `again`: the text may still turn out to be stale.
    pub(super) fn copy_answer(&mut self, statement: &Statement, tag: u8, body: &[u8], again: bool, out: &mut Out) -> Result<(), End> {
        let unexpected = || End::from(Veto::Unexpected { tag: char::from(tag) });
        let flow = statement.copy.as_ref().ok_or_else(unexpected)?;
        match (tag, statement.kind, &self.copying) {
            (b'H', Some(Kind::CopyOut), Copying::No) => {
                fits(flow, tag, body)?;
                self.begins(statement, Arc::default())?;
                self.copying = Copying::Out { sealing: flow.sealing.clone(), progress: Progress::default() };
                let to = if again { &mut self.held } else { &mut out.to_client };
                frame::put(to, tag, |b| b.extend_from_slice(body));
                if let Some(sealing) = &flow.sealing {
                    sealing.put_header(to);
                }
            }
            // Nothing was sent after it: the server would take it for data.
            (b'G', Some(Kind::CopyIn), Copying::No) if self.inflow.is_asked() && self.ledger.is_empty() => {
                fits(flow, tag, body)?;
                self.copying = Copying::In;
                self.inflow = Inflow::Open;
                self.held.clear();
                frame::put(&mut out.to_client, tag, |b| b.extend_from_slice(body));
            }
            (b'c', Some(Kind::CopyOut), Copying::Out { sealing, progress }) => {
                if sealing.as_ref().is_some_and(|sealing| !progress.may_end(sealing)) {
                    return Err(unexpected());
                }
                self.copying = Copying::OutDone;
                let mut whole = Out::default();
                bare(&mut whole, tag, body)?;
                let to = if again { &mut self.held } else { &mut out.to_client };
                to.append(&mut whole.to_client);
            }
            _ => return Err(unexpected()),
        }
        Ok(())
    }

    /// CopyData of the server's. Gives how many bytes are done with: 0 where it is not all there.
    pub(super) fn data(&mut self, rest: &[u8], head: Head, out: &mut Out) -> Result<usize, End> {
        let Copying::Out { sealing, progress } = &mut self.copying else { return Err(Veto::Unexpected { tag: 'd' }.into()) };
        let (sealing, before) = (sealing.clone(), *progress);
        self.counts()?;
        let Some(rows) = self.lines(rest, head) else { return Ok(0) };
        let Some(sealing) = sealing else {
            if !self.fits(rows, head.total) {
                return Ok(0);
            }
            self.tell(out);
            self.passing = head.total;
            // The loop passes them on as they come.
            let part = rest.get(..head.total).unwrap_or(rest);
            out.to_client.extend_from_slice(part);
            self.passing = self.passing.saturating_sub(part.len());
            return Ok(part.len());
        };
        if head.total > ROW_LIMIT {
            return Err(End::RowTooLarge { length: head.total });
        }
        let Some(body) = rest.get(HEADER..head.total) else { return Ok(0) };
        let mut after = before;
        if !self.held.is_empty() {
            out.to_client.append(&mut self.held);
            self.ledger.begun();
        }
        let told = out.to_client.len();
        sealing.put(&mut after, body, &mut out.to_client).map_err(Veto::from)?;
        if !self.fits(rows, out.to_client.len().saturating_sub(told)) {
            out.to_client.truncate(told);
        }
        self.copying = Copying::Out { sealing: Some(sealing), progress: after };
        Ok(head.total)
    }

    /// CommandComplete has come.
    pub(super) fn copy_completed(&mut self, statement: &Statement) -> Result<(), Veto> {
        let done = match statement.kind {
            Some(Kind::CopyOut) => matches!(self.copying, Copying::OutDone),
            Some(Kind::CopyIn) => matches!(self.copying, Copying::In),
            _ => matches!(self.copying, Copying::No),
        };
        if !done {
            return Err(Veto::Unexpected { tag: 'C' });
        }
        self.copying = Copying::No;
        // It has read all of them as data.
        self.syncs = 0;
        Ok(())
    }

    /// The error that comes is of the data of a COPY FROM.
    pub(super) fn copies_in(&self) -> bool {
        matches!(self.copying, Copying::In)
    }

    /// An error has come: no data flows any more, and what the client still sends the server ignores.
    pub(super) fn copy_failed(&mut self) {
        self.copying = Copying::No;
        if self.inflow.is_open() || self.ledger.is_empty() {
            self.inflow = Inflow::Closed;
        }
    }
}

/// CopyOutResponse or CopyInResponse: the formats and the number of columns that were judged.
fn fits(flow: &Flow, tag: u8, body: &[u8]) -> Result<(), Veto> {
    let (binary, formats) = answer::copy_response(body).ok_or(Veto::Malformed { tag: char::from(tag) })?;
    if formats.len() != flow.columns {
        return Err(Veto::Row(RowFault::Columns { judged: flow.columns, found: formats.len() }));
    }
    if binary != flow.binary || formats.iter().any(|format| *format != i16::from(binary)) {
        return Err(Veto::Formats);
    }
    Ok(())
}
