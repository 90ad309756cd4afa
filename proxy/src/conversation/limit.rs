//! The most rows, and bytes of them, that one statement gives the client.
//!
//! For a role that has such a limit, what gives rows is the last thing that the server has been sent until it has ended: of a Query too,
//! whose statements are then sent one by one ([`super::steps`]), its Sync held back. Once the limit is passed nothing more is told, and
//! the server is asked to cancel. Where the statement has ended before that, text that cannot be parsed is sent behind it: either way
//! it fails at the server too, is undone, and nothing that stood behind it is run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgveil_policy::policy::{Limit, Limits};
use pgveil_policy::{Planned, Refusal, SqlState};

use super::copy::Copying;
use super::ledger::Owed;
use super::refusals::REFUSED;
use super::statement::Statement;
use super::{Conversation, End, Judge, Out, Veto};
use crate::wire::answer::Report;
use crate::wire::frame::{HEADER, Head};
use crate::wire::message::Target;

/// What one statement, or a cursor by all that read it, has given.
#[derive(Debug, Default)]
pub struct Given {
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Limiting {
    limits: Limits,
    given: Arc<Given>,
    /// The COPY that runs writes the binary form.
    binary: bool,
    /// The line that comes next holds names.
    header: bool,
    /// The limit is passed, and the statement has not ended.
    over: Option<Refusal>,
    brake: Brake,
}

/// The request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brake {
    No,
    Wanted,
    /// Under way: what comes next at the server must not meet it, so that the end of the statement waits.
    Pulled,
}

/// Ids of the refusals.
const ROWS_ID: &str = "limit.rows";
const BYTES_ID: &str = "limit.bytes";

/// The most bytes of each text of an error or notice.
const TEXT: usize = 200;

/// The binary form's trailer, which has a message of its own unless there are no rows.
const TRAILER: [u8; 2] = [0xff, 0xff];

/// It says that a statement has given too much.
pub(super) fn is_of_one(refusal: &Refusal) -> bool {
    matches!(refusal.id, ROWS_ID | BYTES_ID)
}

impl Limiting {
    /// `None` where neither rows nor bytes are limited.
    pub fn of(limits: Limits) -> Option<Box<Self>> {
        limits.rows.or(limits.bytes)?;
        let given = Arc::default();
        Some(Box::new(Limiting { limits, given, binary: false, header: false, over: None, brake: Brake::No }))
    }

    /// Counts what fits; else what is passed, and its unit.
    fn take(&mut self, rows: u64, bytes: usize) -> Option<(Limit, &'static str)> {
        self.header = false;
        let Given { rows: all_rows, bytes: all_bytes } = &*self.given;
        let rows = all_rows.load(Ordering::Relaxed).saturating_add(rows);
        let bytes = all_bytes.load(Ordering::Relaxed).saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let passes = |limit: Option<Limit>, count: u64| limit.filter(|limit| count > limit.most);
        let passed =
            passes(self.limits.rows, rows).map(|l| (l, ROWS_ID)).or_else(|| passes(self.limits.bytes, bytes).map(|l| (l, BYTES_ID)));
        if passed.is_none() {
            all_rows.store(rows, Ordering::Relaxed);
            all_bytes.store(bytes, Ordering::Relaxed);
        }
        passed
    }
}

impl<J: Judge> Conversation<J> {
    /// The server is to be asked to cancel what runs: said once, and answered with [`Conversation::braked`].
    pub fn wants_brake(&mut self) -> bool {
        match &mut self.limiting {
            Some(limiting) if limiting.brake == Brake::Wanted => {
                limiting.brake = Brake::Pulled;
                true
            }
            Some(_) | None => false,
        }
    }

    /// It has taken the request, or cannot be told.
    pub fn braked(&mut self) {
        if let Some(limiting) = &mut self.limiting {
            limiting.brake = Brake::No;
        }
    }

    /// Something is owed an answer.
    pub fn runs(&self) -> bool {
        !self.ledger.is_empty()
    }

    /// The statement is one whose rows are counted.
    pub(super) fn is_limited(&self, planned: &Planned) -> bool {
        self.limiting.is_some() && planned.kind.gives_rows(!planned.outputs.is_empty())
    }

    /// Rows of a statement are to come. `given`: its own count, where they are not those of a cursor.
    pub(super) fn begins(&mut self, statement: &Statement, given: Arc<Given>) -> Result<(), Veto> {
        let Some(limiting) = &mut self.limiting else { return Ok(()) };
        let flow = statement.copy.as_ref();
        (limiting.binary, limiting.header) = (flow.is_some_and(|f| f.binary), flow.is_some_and(|f| f.header));
        limiting.given = match statement.leans.as_ref().filter(|leans| leans.on == Target::Portal) {
            Some(leans) => Arc::clone(&self.names.portal(&leans.name).ok_or(Veto::Name)?.given),
            None => given,
        };
        Ok(())
    }

    /// A row has come: where it is counted, nothing was sent behind its statement.
    pub(super) fn counts(&self) -> Result<(), Veto> {
        let last = matches!(self.ledger.front(), Some(Owed::Execute { .. } | Owed::Step(_))) && self.ledger.len() == 1;
        if self.limiting.is_none() || last { Ok(()) } else { Err(Veto::Unexpected { tag: 'D' }) }
    }

    /// An error or notice as it may be told: what a value makes of its text is no way round a limit.
    pub(super) fn brief(&self, mut report: Report) -> Report {
        if self.limiting.is_some() {
            report.fields.iter_mut().for_each(|(_, text)| cut(text));
        }
        report
    }

    /// How many rows a CopyData is; `None` where more of it must be there first.
    pub(super) fn lines(&self, rest: &[u8], head: Head) -> Option<u64> {
        let Some(limiting) = &self.limiting else { return Some(1) };
        if limiting.binary && head.total == HEADER.saturating_add(TRAILER.len()) {
            return rest.get(HEADER..head.total).map(|body| u64::from(body != TRAILER));
        }
        Some(u64::from(!limiting.header))
    }

    /// Whether rows of so many bytes, as the client is sent them, are within the limits. They are counted.
    pub(super) fn fits(&mut self, rows: u64, bytes: usize) -> bool {
        let Some((limit, id)) = self.limiting.as_mut().and_then(|limiting| limiting.take(rows, bytes)) else { return true };
        let refusal = refusal(self.judge.role(), limit, id);
        let text = match self.ledger.front() {
            Some(Owed::Execute { portal }) => self.names.portal(portal).map(|p| &*p.statement.client),
            Some(Owed::Step(step)) => Some(step.text()),
            Some(_) | None => None,
        };
        self.note_refusal(text.unwrap_or_default().as_bytes(), &refusal);
        if let Some(limiting) = &mut self.limiting {
            (limiting.over, limiting.brake) = (Some(refusal), Brake::Wanted);
        }
        false
    }

    /// The limit is passed, and the statement has not ended.
    pub(super) fn is_over(&self) -> bool {
        self.limiting.as_ref().is_some_and(|limiting| limiting.over.is_some())
    }

    /// The end of the statement waits.
    pub(super) fn brakes(&self) -> bool {
        self.limiting.as_ref().is_some_and(|limiting| limiting.over.is_some() && limiting.brake == Brake::Pulled)
    }

    /// The statement has ended: what the client is told of it.
    pub(super) fn passed(&mut self) -> Option<Refusal> {
        let limiting = self.limiting.as_mut()?;
        limiting.brake = Brake::No;
        limiting.over.take()
    }

    /// An answer to what has passed the limit, and did not fail: the client is not told it.
    pub(super) fn over(&mut self, tag: u8, body: &[u8], out: &mut Out) -> Result<(), End> {
        if let Some(limiting) = self.limiting.as_mut().filter(|_| matches!(tag, b'C' | b's')) {
            // Nothing of it is left to cancel: a request now would meet what comes next.
            limiting.brake = Brake::No;
        }
        let mut aside = Out::default();
        let more = match (self.ledger.take(), tag) {
            (Some(owed @ (Owed::Execute { .. } | Owed::Step(_))), b'c')
                if body.is_empty() && matches!(self.copying, Copying::Out { .. }) =>
            {
                self.copying = Copying::OutDone;
                Some(owed)
            }
            (Some(Owed::Execute { portal }), b'C' | b's') => self.executed(&portal, tag, body, &mut aside)?,
            (Some(Owed::Step(step)), b'C' | b'3') => self.step(step, tag, body, &mut aside)?,
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        };
        match more {
            Some(more) => self.ledger.put_back(more),
            None => self.undo(out),
        }
        Ok(())
    }

    // It was carried out: with what fails now it is taken back.
    fn undo(&mut self, out: &mut Out) {
        match (self.passed(), &self.steps) {
            (None, _) => {}
            (Some(refusal), Some(_)) => self.put_refused_step(refusal, out),
            (Some(refusal), None) => self.refuse_as(REFUSED, refusal, out),
        }
    }
}

/// To its first [`TEXT`] bytes, or a little less where a character stands there.
fn cut(text: &mut Vec<u8>) {
    if text.len() > TEXT {
        let first = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 != 0x80);
        text.truncate((0..=TEXT).rev().find(|at| first(text.get(*at))).unwrap_or_default());
        text.extend_from_slice("…".as_bytes());
    }
}

fn refusal(role: &str, Limit { most, line }: Limit, id: &'static str) -> Refusal {
    let (unit, less) = match id {
        ROWS_ID => ("rows", "Write LIMIT, or an aggregate"),
        _ => ("bytes of rows", "Read fewer or shorter columns, or fewer rows"),
    };
    Refusal::new(SqlState::TOO_LARGE, id, format!("role {role}: a statement may give {most} {unit} at most"))
        .with_detail(format!("Rule: policy line {line} (role {role}, limits)."))
        .with_hint(format!("{less}; else ask whoever writes the policy."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, kept) in [("x".repeat(200), 200), ("x".repeat(201), 200), ("é".repeat(101), 200), (format!("x{}", "é".repeat(100)), 199)]
        {
            let mut cut_text = text.clone().into_bytes();
            cut(&mut cut_text);
            let more = if text.len() > 200 { "…" } else { "" };
            assert_eq!(String::from_utf8(cut_text).unwrap(), format!("{}{more}", text.get(..kept).unwrap()));
        }
    }
}
