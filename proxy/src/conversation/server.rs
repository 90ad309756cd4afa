//! What an answer of the server's becomes: passed on, masked, put in our words, or kept from the client.

use std::sync::Arc;

use pgveil_policy::Kind;

use super::copy::Copying;
use super::ledger::{Name, Owed, Simple};
use super::names::Portal;
use super::statement::{Effect, Statement};
use super::{ANSWER_LIMIT, Conversation, End, FULL, Judge, Out, Rows, Veto, witness};
use crate::rows::Treatment;
use crate::wire::answer::{self, Report, Status};
use crate::wire::frame::{self, HEADER, Head};
use crate::wire::message::{self, Target, put_cstring};

/// Largest message of the server's (`MaxAllocSize`).
const FRAME_LIMIT: usize = 1 << 30;

impl<J: Judge> Conversation<J> {
    /// Takes what the server has sent; gives how many bytes are done with. The rest comes again, with what follows it.
    ///
    /// # Errors
    /// [`End`] when the conversation is over. What is in `out` is to be sent before.
    pub fn from_server(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        let mut used = 0_usize;
        self.unsettled = false;
        while out.to_client.len() < FULL {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.passing > 0 {
                let part = rest.get(..self.passing).unwrap_or(rest);
                if part.is_empty() {
                    break;
                }
                out.to_client.extend_from_slice(part);
                self.passing = self.passing.saturating_sub(part.len());
                used = used.saturating_add(part.len());
                continue;
            }
            if self.ignoring > 0 {
                let n = self.ignoring.min(rest.len());
                if n == 0 {
                    break;
                }
                self.ignoring = self.ignoring.saturating_sub(n);
                used = used.saturating_add(n);
                continue;
            }
            let Some(head) = cut(rest)? else { break };
            if self.is_over() && matches!(head.tag, b'D' | b'd') {
                self.ignoring = head.total;
                continue;
            }
            if self.brakes() && matches!(head.tag, b'C' | b's' | b'E') {
                break;
            }
            let tag = char::from(head.tag);
            if head.tag == b'D' {
                match self.row(rest, head, out)? {
                    0 if !self.is_over() => break,
                    n => used = used.saturating_add(n),
                }
                continue;
            }
            if head.tag == b'd' {
                match self.data(rest, head, out)? {
                    0 if !self.is_over() => break,
                    n => used = used.saturating_add(n),
                }
                continue;
            }
            if head.total > ANSWER_LIMIT && matches!(head.tag, b'E' | b'N') {
                match self.large_report(rest, head, out)? {
                    0 => break,
                    n => used = used.saturating_add(n),
                }
                continue;
            }
            if head.total > ANSWER_LIMIT {
                return Err(Veto::TooLarge { tag, length: head.total }.into());
            }
            let Some(body) = rest.get(HEADER..head.total) else { break };
            self.answer(head.tag, body, out)?;
            used = used.saturating_add(head.total);
        }
        Ok(used)
    }

    fn answer(&mut self, tag: u8, body: &[u8], out: &mut Out) -> Result<(), End> {
        let malformed = Veto::Malformed { tag: char::from(tag) };
        match tag {
            b'N' => {
                if let Some(notice) = self.scrub.notice(&self.brief(Report::decode(body).ok_or(malformed)?)) {
                    notice.put(&mut out.to_client, b'N');
                }
                Ok(())
            }
            b'S' => self.parameter(body, out),
            b'A' => {
                let channel = answer::notification(body).ok_or(malformed)?;
                if std::str::from_utf8(channel).is_ok_and(|channel| self.judge.hears(channel)) {
                    frame::put(&mut out.to_client, tag, |b| b.extend_from_slice(body));
                }
                Ok(())
            }
            b'E' => {
                let report = self.brief(Report::decode(body).ok_or(malformed)?);
                self.error(&report, out)
            }
            _ if self.is_over() => self.over(tag, body, out),
            _ => {
                let owed = self.ledger.take().ok_or(Veto::Unexpected { tag: char::from(tag) })?;
                if let Some(more) = self.owed(owed, tag, body, out)? {
                    self.ledger.put_back(more);
                }
                if self.ledger.is_empty() {
                    self.names.settle();
                    self.ledger.shrink();
                    self.waiting = false;
                    self.inflow.nothing_owed();
                }
                Ok(())
            }
        }
    }

    // Gives back what is still owed of it.
    fn owed(&mut self, owed: Owed, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        let unexpected = || End::from(Veto::Unexpected { tag: char::from(tag) });
        match owed {
            Owed::Simple(simple) => self.simple(simple, tag, body, out),
            Owed::Parse { epoch, name, statement: _, texts: _ } => {
                if tag != b'1' {
                    return Err(unexpected());
                }
                if epoch != self.path.epoch() {
                    return Err(Veto::PathMoved.into());
                }
                // The server has it from here on, but until the witness has spoken the name means nothing: not what it meant before.
                self.names.closed(Target::Statement, &name);
                bare(out, tag, body)?;
                Ok(None)
            }
            Owed::Witness { name, statement, parameters } => {
                if tag == b't' && !parameters {
                    answer::parameter_description(body).ok_or(Veto::Malformed { tag: 't' })?;
                    return Ok(Some(Owed::Witness { name, statement, parameters: true }));
                }
                match tag {
                    b'T' if parameters => drop(witness::check(&self.judge, &statement, body)?),
                    // What it leans on is not there (any more).
                    b'n' if parameters && (statement.outputs.is_empty() || statement.leans.is_some()) => {}
                    _ => return Err(unexpected()),
                }
                self.names.confirm_statement(name, statement);
                Ok(None)
            }
            Owed::Bind { portal, statement, formats } => {
                if tag != b'2' {
                    return Err(unexpected());
                }
                let statement = Arc::clone(self.names.statement(&statement).ok_or(Veto::Name)?);
                let rows = statement.rows(&formats);
                let rows = Arc::new(rows.unwrap_or(Rows { columns: statement.outputs.len(), treatment: Treatment::Never }));
                self.names.confirm_portal(portal, Portal { statement, rows, cursor: None, given: Arc::default(), kept: false });
                bare(out, tag, body)?;
                Ok(None)
            }
            Owed::DescribeStatement { name, parameters } => {
                if tag == b't' && !parameters {
                    answer::parameter_description(body).ok_or(Veto::Malformed { tag: 't' })?;
                    frame::put(&mut out.to_client, tag, |b| b.extend_from_slice(body));
                    return Ok(Some(Owed::DescribeStatement { name, parameters: true }));
                }
                let statement = Arc::clone(self.names.statement(&name).ok_or(Veto::Name)?);
                if !parameters {
                    return Err(unexpected());
                }
                self.described(&statement, tag, body, out)?;
                Ok(None)
            }
            Owed::DescribePortal { name, told } => {
                let statement = Arc::clone(&self.names.portal(&name).ok_or(Veto::Name)?.statement);
                let mut aside = Out::default();
                self.described(&statement, tag, body, if told { out } else { &mut aside })?;
                Ok(None)
            }
            Owed::Carry(carrying) => self.carried(carrying, tag, body, out),
            Owed::Execute { portal } => self.executed(&portal, tag, body, out),
            Owed::Close { target, name } => {
                if tag != b'3' {
                    return Err(unexpected());
                }
                self.names.closed(target, &name);
                bare(out, tag, body)?;
                Ok(None)
            }
            Owed::Refused(_) => Err(Veto::NotRefused.into()),
            Owed::Sync => {
                if tag != b'Z' {
                    return Err(unexpected());
                }
                self.ready(body, out)?;
                Ok(None)
            }
            Owed::Among(asking) => self.among(asking, tag, body, out),
            Owed::Asked(asked) => self.asked(asked, tag, body, out),
            Owed::Step(step) => self.step(step, tag, body, out),
        }
    }

    fn simple(&mut self, mut simple: Simple, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        if tag == b'Z' {
            let done = simple.failed || simple.refusal.is_none() && simple.at >= simple.statements.len().max(1);
            if !done {
                return Err(if simple.refusal.is_some() { Veto::NotRefused } else { Veto::Unexpected { tag: 'Z' } }.into());
            }
            self.names.closed(Target::Statement, b"");
            self.names.closed(Target::Portal, b"");
            let idle = Status::decode(body) == Some(Status::Idle);
            match (simple.stale, simple.text) {
                (Some(_), Some(text)) if idle && !self.path.is_stale() && !self.own.is_stale() && self.ledger.is_empty() => {
                    self.quiet = true;
                    self.again = Some(text);
                    return Ok(None);
                }
                (Some(stale), _) => {
                    out.to_client.append(&mut self.held);
                    stale.put(&mut out.to_client, b'E');
                }
                (None, _) => {}
            }
            self.ready(body, out)?;
            return Ok(None);
        }
        let unexpected = || End::from(Veto::Unexpected { tag: char::from(tag) });
        if simple.failed {
            return Err(unexpected());
        }
        if simple.refusal.is_some() {
            return Err(Veto::NotRefused.into());
        }
        match (tag, simple.statements.get(simple.at)) {
            (b'I', None) if simple.statements.is_empty() && simple.at == 0 => bare(out, tag, body)?,
            (b'T', Some(statement)) if self.rows.is_none() => {
                if simple.epoch != self.path.epoch() {
                    return Err(Veto::PathMoved.into());
                }
                self.bears(statement)?;
                let fields = witness::check(&self.judge, statement, body)?;
                let rows = statement.rows_of_query(&fields)?;
                // Once it is told the text cannot be sent again.
                let again = simple.text.is_some() && simple.at == 0;
                witness::put(if again { &mut self.held } else { &mut out.to_client }, statement.told(fields));
                self.rows = Some(Arc::new(rows));
                self.first_line = true;
                return Ok(Some(Owed::Simple(simple)));
            }
            (b'H' | b'G' | b'c', Some(statement)) => {
                if simple.epoch != self.path.epoch() {
                    return Err(Veto::PathMoved.into());
                }
                let statement = Arc::clone(statement);
                let again = simple.text.is_some() && simple.at == 0;
                self.copy_answer(&statement, tag, body, again, out)?;
                // Data of the client's is gone once it is sent.
                simple.text = simple.text.filter(|_| tag != b'G');
                return Ok(Some(Owed::Simple(simple)));
            }
            (b'C', Some(statement)) => {
                let statement = Arc::clone(statement);
                self.completed(&statement, body, out)?;
            }
            _ => return Err(unexpected()),
        }
        simple.at = simple.at.saturating_add(1);
        Ok(Some(Owed::Simple(simple)))
    }

    pub(super) fn executed(&mut self, portal: &Name, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        let statement = Arc::clone(&self.names.portal(portal).ok_or(Veto::Name)?.statement);
        match tag {
            b'H' | b'G' | b'c' => {
                self.copy_answer(&statement, tag, body, false, out)?;
                return Ok(Some(Owed::Execute { portal: portal.clone() }));
            }
            b'C' => self.completed(&statement, body, out)?,
            b's' if matches!(self.copying, Copying::No) => bare(out, tag, body)?,
            b'I' if statement.kind.is_none() => bare(out, tag, body)?,
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        }
        self.rows = None;
        Ok(None)
    }

    fn described(&self, statement: &Statement, tag: u8, body: &[u8], out: &mut Out) -> Result<(), End> {
        match tag {
            b'T' if statement.carry.is_some() => {
                witness::check(&self.judge, statement, body)?;
                message::put_bare(&mut out.to_client, b'n');
            }
            b'T' => {
                let fields = witness::check(&self.judge, statement, body)?;
                witness::put(&mut out.to_client, statement.told(fields));
            }
            b'n' if statement.outputs.is_empty() || statement.leans.is_some() => bare(out, tag, body)?,
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        }
        Ok(())
    }

    pub(super) fn completed(&mut self, statement: &Statement, body: &[u8], out: &mut Out) -> Result<(), End> {
        answer::command_tag(body).ok_or(Veto::Malformed { tag: 'C' })?;
        self.copy_completed(statement)?;
        self.rows = None;
        self.bears(statement)?;
        self.names.done(&statement.effect);
        self.choosy |= statement.effect.makes();
        match statement.kind {
            None => return Err(Veto::Unexpected { tag: 'C' }.into()),
            Some(Kind::Transaction) => {
                self.path.transaction_control();
                self.own.transaction_control();
                self.failed = false;
                self.in_block = false;
            }
            Some(_) if statement.changes_catalog => self.own.changed(&mut self.path),
            Some(kind) if statement.moves_search_path => {
                self.path.moved();
                if kind == Kind::Utility {
                    self.own.discarded(&self.judge);
                }
            }
            Some(_) => {}
        }
        self.gave_up = false;
        out.to_client.append(&mut self.held);
        if let Effect::TakesRole(role) = &statement.effect {
            self.takes = Some(role.clone());
            frame::put(&mut out.to_client, b'C', |b| put_cstring(b, b"SET"));
            return Ok(());
        }
        match (statement.tag, body.strip_prefix(b"SELECT")) {
            (Some(tag), Some(count)) => frame::put(&mut out.to_client, b'C', |b| {
                b.extend_from_slice(tag.as_bytes());
                b.extend_from_slice(count);
            }),
            _ => frame::put(&mut out.to_client, b'C', |b| b.extend_from_slice(body)),
        }
        Ok(())
    }

    /// What a statement's rows are those of, the name still means.
    pub(super) fn bears(&self, statement: &Statement) -> Result<(), Veto> {
        match &statement.leans {
            Some(leans) if !self.names.bears(leans) => Err(Veto::Name),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn ready(&mut self, body: &[u8], out: &mut Out) -> Result<(), End> {
        let status = Status::decode(body).ok_or(Veto::Malformed { tag: 'Z' })?;
        self.rows = None;
        if status == Status::Idle {
            self.quiet = self.ledger.is_empty();
            self.names.transaction_over();
            self.path.transaction_over();
            self.own.transaction_over(&mut self.judge);
        }
        // Nothing was sent since: see `taking`, `waiting`.
        if let Some(role) = self.takes.take_if(|_| status == Status::Idle && self.ledger.is_empty()) {
            return Err(End::TakesRole(role));
        }
        self.failed = status == Status::Failed;
        self.in_block = status != Status::Idle;
        self.gave_up = false;
        if self.ledger.is_empty() {
            self.unsynced = false;
        }
        if (self.path.is_stale() || self.own.is_stale()) && !self.failed && !self.hung_up && self.ledger.is_empty() {
            self.ask_before_ready(out);
        } else {
            status.put(&mut out.to_client);
        }
        Ok(())
    }

    fn parameter(&mut self, body: &[u8], out: &mut Out) -> Result<(), End> {
        let (name, value) = answer::parameter_status(body).ok_or(Veto::Malformed { tag: 'S' })?;
        check_setting(name, value)?;
        if self.scrub.parameter(name, value) {
            frame::put(&mut out.to_client, b'S', |b| b.extend_from_slice(body));
        }
        Ok(())
    }
}

/// Checks a parameter on which the reading of texts and values rests, at the start of a session and whenever it changes.
///
/// # Errors
/// [`Veto::Setting`] where texts or values would be read otherwise than they are judged.
pub fn check_setting(name: &[u8], value: &[u8]) -> Result<(), Veto> {
    let (known, needed): (&'static str, &[u8]) = match name {
        b"client_encoding" => ("client_encoding", b"UTF8"),
        b"standard_conforming_strings" => ("standard_conforming_strings", b"on"),
        _ => return Ok(()),
    };
    if value == needed { Ok(()) } else { Err(Veto::Setting(known)) }
}

pub(super) fn cut(bytes: &[u8]) -> Result<Option<Head>, Veto> {
    frame::head(bytes, FRAME_LIMIT).map_err(|_| Veto::Malformed { tag: bytes.first().map_or('\0', |b| char::from(*b)) })
}

// A message that has no body.
pub(super) fn bare(out: &mut Out, tag: u8, body: &[u8]) -> Result<(), Veto> {
    if !body.is_empty() {
        return Err(Veto::Malformed { tag: char::from(tag) });
    }
    message::put_bare(&mut out.to_client, tag);
    Ok(())
}
