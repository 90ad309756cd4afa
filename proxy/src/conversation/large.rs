//! Messages that are too large to be kept: a Bind's parameters pass as they arrive, and a row's columns behind the last sealed one; of
//! an error the beginning is read.
//!
//! A Bind has its names first, its result formats last. Nothing but these is looked at where no parameter holds tokens, so that the
//! values in between need not be there at once. It is sent when nothing is owed: until its end nothing else may be written to the
//! server, and there is no answer for which anything would have to be.

use std::sync::Arc;

use super::client::Taken;
use super::ledger::{Name, Owed};
use super::names::key;
use super::{Conversation, End, Judge, Out, ROW_LIMIT, Veto};
use crate::error::ProtocolError;
use crate::rows::{Format, Formats, Pseudonym, RowFault, seal};
use crate::wire::answer::Report;
use crate::wire::cursor::Cursor;
use crate::wire::frame::{HEADER, Head};
use crate::wire::message::Bind;

/// A Bind, or a row with sealed columns, of more bytes than this is passed on in parts.
pub(super) const LARGE: usize = 1 << 20;

/// What replaces the values of each column.
type Seals = [Option<(Arc<dyn Pseudonym>, Format)>];

/// Bytes in which a large Bind's names and parameter formats must be: 65,535 formats and room for the names.
const FRONT: usize = 256 * 1024;

/// Bytes of a Bind's end: a count, and 65,535 result formats.
const BACK: usize = 2 + 2 * 65_535;

/// Bytes of a large error that are read.
const REPORT: usize = 64 * 1024;

/// A Bind that is under way.
#[derive(Debug)]
pub(super) struct Binding {
    portal: Name,
    statement: Name,
    /// Bytes of the message that are still to come.
    left: usize,
    parameters: u16,
    /// Bytes of the value that is passed on.
    value: usize,
    /// A part of a length, or of the result formats.
    piece: Vec<u8>,
}

impl Binding {
    /// Takes the next bytes, of which none may be behind the message; gives the result formats at its end.
    fn take(&mut self, mut bytes: &[u8]) -> Result<Option<Formats>, ProtocolError> {
        let malformed = || ProtocolError::Malformed { tag: 'B' };
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(malformed)?;
        while !bytes.is_empty() {
            if self.value > 0 {
                let n = self.value.min(bytes.len());
                self.value = self.value.saturating_sub(n);
                bytes = bytes.get(n..).unwrap_or_default();
            } else if self.parameters > 0 {
                let n = 4_usize.saturating_sub(self.piece.len()).min(bytes.len());
                let (length, rest) = bytes.split_at_checked(n).ok_or_else(malformed)?;
                self.piece.extend_from_slice(length);
                bytes = rest;
                if let Some(length) = self.piece.first_chunk::<4>() {
                    self.value = match i32::from_be_bytes(*length) {
                        -1 => 0,
                        n => usize::try_from(n).map_err(|_| malformed())?,
                    };
                    self.piece.clear();
                    self.parameters = self.parameters.saturating_sub(1);
                }
            } else {
                self.piece.extend_from_slice(bytes);
                bytes = &[];
            }
        }
        if self.value > self.left || self.parameters == 0 && self.value == 0 && self.piece.len().saturating_add(self.left) > BACK {
            return Err(malformed());
        }
        if self.left > 0 {
            return Ok(None);
        }
        let mut c = Cursor::new(&self.piece);
        let formats = c.u16().and_then(|count| c.bytes(usize::from(count).checked_mul(2)?)).and_then(|codes| c.end(codes));
        match formats {
            Some(codes) if self.parameters == 0 && self.value == 0 => Ok(Some(Formats::read(codes))),
            _ => Err(malformed()),
        }
    }
}

impl<J: Judge> Conversation<J> {
    /// Begins a Bind that is larger than [`LARGE`], of which `rest` is there. Gives how many bytes are done with; 0: more must be there first,
    /// or the server must have answered; `None`: it is to be kept and read whole.
    pub(super) fn begin_large_bind(&mut self, rest: &[u8], head: Head, out: &mut Out) -> Result<Option<usize>, End> {
        let Some(front) = front(rest.get(HEADER..).unwrap_or_default()) else {
            return if rest.len() < FRONT { Ok(Some(0)) } else { Ok(None) };
        };
        if !self.ledger.is_empty() {
            self.settle(out);
            return Ok(Some(0));
        }
        let bind = Bind { portal: front.portal, statement: front.statement, result_formats: &[] };
        match self.bindable(&bind, out) {
            Err(Taken::Later) => return Ok(Some(0)),
            Err(Taken::Yes) => {
                self.dropping = head.total.saturating_sub(HEADER);
                return Ok(Some(HEADER));
            }
            // Tokens must be turned back, or the formats be others: the length of what is sent would not be known at its beginning.
            Ok(Some(bound)) if !bound.openings.is_empty() || bound.carry.is_some() => return Ok(None),
            Ok(_) => {}
        }
        let used = HEADER.saturating_add(front.length);
        let left = head.total.checked_sub(used).ok_or(ProtocolError::Malformed { tag: 'B' })?;
        out.to_server.extend_from_slice(rest.get(..used).unwrap_or_default());
        self.binding = Some(Binding {
            portal: key(front.portal).into(),
            statement: key(front.statement).into(),
            left,
            parameters: front.parameters,
            value: 0,
            piece: Vec::new(),
        });
        Ok(Some(used))
    }

    /// Passes on what is there of a large Bind. Gives how many bytes are done with.
    pub(super) fn bind_on(&mut self, rest: &[u8], out: &mut Out) -> Result<usize, End> {
        let Some(binding) = &mut self.binding else { return Ok(0) };
        let part = rest.get(..binding.left).unwrap_or(rest);
        if let Some(formats) = binding.take(part)? {
            let (portal, statement) = (binding.portal.clone(), binding.statement.clone());
            self.binding = None;
            self.owe(Owed::Bind { portal, statement, formats });
        }
        out.to_server.extend_from_slice(part);
        Ok(part.len())
    }

    /// A row with sealed columns: what stands up to the last of them is read, the rest passes as it arrives. Gives how many bytes are done
    /// with; 0: more must be there first.
    pub(super) fn large_row(&mut self, rest: &[u8], head: Head, seals: &Seals, out: &mut Out) -> Result<usize, End> {
        let there = rest.get(HEADER..rest.len().min(head.total)).unwrap_or_default();
        match seal::front(there, seals).map_err(Veto::from)? {
            Some(end) if end <= ROW_LIMIT => {
                let total = head.total.saturating_sub(HEADER);
                seal::put_front(&mut out.to_client, there.get(..end).unwrap_or_default(), total, seals).map_err(Veto::from)?;
                self.passing = total.saturating_sub(end);
                Ok(HEADER.saturating_add(end))
            }
            None if there.len() <= ROW_LIMIT && there.len().saturating_add(HEADER) < head.total => Ok(0),
            None if there.len() <= ROW_LIMIT => Err(Veto::Row(RowFault::Malformed).into()),
            Some(_) | None => Err(End::RowTooLarge { length: head.total }),
        }
    }

    /// An error or notice that is too large to be kept: what stands at its front is told. Gives how many bytes are done with.
    pub(super) fn large_report(&mut self, rest: &[u8], head: Head, out: &mut Out) -> Result<usize, End> {
        let Some(front) = rest.get(HEADER..REPORT) else { return Ok(0) };
        let report = self.brief(Report::decode_front(front));
        match head.tag {
            b'E' => self.error(&report, out)?,
            _ => {
                if let Some(notice) = self.scrub.notice(&report) {
                    notice.put(&mut out.to_client, b'N');
                }
            }
        }
        self.ignoring = head.total.saturating_sub(REPORT);
        Ok(REPORT)
    }
}

struct Front<'a> {
    portal: &'a [u8],
    statement: &'a [u8],
    parameters: u16,
    length: usize,
}

fn front(body: &[u8]) -> Option<Front<'_>> {
    let mut c = Cursor::new(body);
    let (portal, statement) = (c.cstring()?, c.cstring()?);
    let formats = usize::from(c.u16()?);
    c.bytes(formats.checked_mul(2)?)?;
    let parameters = c.u16()?;
    Some(Front { portal, statement, parameters, length: body.len().saturating_sub(c.left()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(left: usize, parameters: u16) -> Binding {
        Binding { portal: Name::default(), statement: Name::default(), left, parameters, value: 0, piece: Vec::new() }
    }

    #[test]
    fn a_bind_is_followed_however_it_is_cut() {
        let rest = [&[0, 0, 0, 3][..], b"abc", &[255; 4], &[0, 0, 0, 0], &[0, 2, 0, 1, 0, 0]].concat();
        for first in 0..rest.len() {
            for second in first..rest.len() {
                let mut binding = binding(rest.len(), 3);
                let parts = [&rest[..first], &rest[first..second], &rest[second..]];
                let mut done: Vec<_> = parts.iter().map(|part| binding.take(part).unwrap()).collect();
                assert_eq!(done.pop().unwrap(), Some(Formats::read(&[0, 1, 0, 0])), "{first} {second}");
                assert!(done.iter().all(Option::is_none));
            }
        }
    }

    #[test]
    fn what_is_no_bind_is_none() {
        for (bytes, parameters) in [
            (&[0, 0, 0, 9, 1, 2, 3][..], 1),
            (&[255, 255, 255, 254, 0, 0], 1),
            (&[0, 0, 0, 0, 0, 0], 2),
            (&[0, 1, 0], 0),
            (&[0, 0, 0], 0),
            (&[0], 0),
        ] {
            assert!(binding(bytes.len(), parameters).take(bytes).is_err(), "{bytes:?}");
        }
        assert!(binding(BACK + 10, 0).take(&[0, 1]).is_err());
    }
}
