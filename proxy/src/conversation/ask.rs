//! Questions that pgveil asks of the session's own server connection, between two statements of the client's: under which search_path
//! it is, and what its catalog holds that others do not see.
//!
//! They are asked when nothing else is owed. Where the client has sent Sync, or a Query, they are a message of their own that ends with
//! Sync; within its pipeline, or between the statements of one text, they must leave the implicit transaction open, and end with Flush.

use super::ledger::Owed;
use super::{ANSWER_LIMIT, Conversation, End, Judge, Out, Veto, path};
use crate::wire::answer::{self, Report, Status};
use crate::wire::cursor::Cursor;
use crate::wire::message::{self, Target};

/// Rows of one question, in text format.
pub type Rows = Vec<Vec<Option<String>>>;

/// Questions that are under way.
#[derive(Debug)]
pub struct Asked {
    /// The first is that after search_path.
    path: bool,
    /// The others are the judgement's, after the session's own catalog.
    own: bool,
    ends: Ends,
    questions: usize,
    answers: Vec<Rows>,
    rows: Rows,
    closed: usize,
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With ReadyForQuery, which the client awaits.
    Ready,
    /// With ReadyForQuery, which the client does not see.
    Silent,
    /// With the last answer.
    Flushed,
}

impl<J: Judge> Conversation<J> {
    /// Whether it is known under what texts are judged, as far as it can be. Where not, it is being found out, and nothing is to be
    /// judged before it is.
    pub(super) fn settled(&mut self, out: &mut Out) -> bool {
        if !self.ledger.is_empty() {
            // An answer is of one policy: what is owed comes first.
            let moving = self.moving || self.path.is_stale() || self.own.is_stale() || self.policy_waits;
            if moving {
                // The server keeps its answers back until it is told otherwise.
                message::put_bare(&mut out.to_server, b'H');
                self.waiting = true;
            }
            return !moving;
        }
        self.moving = false;
        if std::mem::take(&mut self.policy_waits) {
            let names = &self.names;
            self.judge.take_up(&|policy| names.are_of(policy));
            self.scrub.filters_may_fail(self.judge.filters_may_fail());
            self.own.rebased(&self.judge);
        }
        let outdated = self.judge.own_is_outdated() && (self.quiet || self.fresh);
        if !self.failed && !self.gave_up && (self.path.is_stale() || self.own.is_stale() || outdated) {
            self.ask(if self.unsynced { Ends::Flushed } else { Ends::Silent }, out);
            return false;
        }
        true
    }

    // The client's ReadyForQuery follows the answers.
    pub(super) fn ask_before_ready(&mut self, out: &mut Out) {
        self.ask(Ends::Ready, out);
    }

    fn ask(&mut self, ends: Ends, out: &mut Out) {
        let own = self.own.is_stale() || self.judge.own_is_outdated();
        let mut questions = vec![path::QUESTION.to_owned()];
        if own {
            questions.extend(self.judge.ask_own());
        }
        self.put_questions(&questions, (true, own), ends, out);
    }

    fn put_questions(&mut self, questions: &[String], (path, own): (bool, bool), ends: Ends, out: &mut Out) {
        let to = &mut out.to_server;
        for question in questions {
            // It is still there where an earlier question failed half-way.
            message::put_close(to, Target::Statement, path::ASKER);
            message::put_parse(to, path::ASKER, question.as_bytes(), &[]);
            message::put_bind(to, path::ASKER, path::ASKER);
            message::put_execute(to, path::ASKER);
            message::put_close(to, Target::Portal, path::ASKER);
            message::put_close(to, Target::Statement, path::ASKER);
        }
        message::put_bare(to, if ends == Ends::Flushed { b'H' } else { b'S' });
        self.waiting = true;
        let questions = questions.len();
        let asked = Asked { path, own, ends, questions, answers: vec![], rows: vec![], closed: 0, failed: false };
        self.ledger.push(Owed::Asked(Box::new(asked)));
    }

    pub(super) fn asked_row(&mut self, body: &[u8]) -> Result<(), Veto> {
        if body.len() > ANSWER_LIMIT {
            return Err(Veto::TooLarge { tag: 'D', length: body.len() });
        }
        let mut c = Cursor::new(body);
        let read = (|| {
            let mut row = Vec::new();
            for _ in 0..c.u16()? {
                row.push(match c.value()? {
                    Some(value) => Some(std::str::from_utf8(value).ok()?.to_owned()),
                    None => None,
                });
            }
            c.end(row)
        })();
        let row = read.ok_or(Veto::Malformed { tag: 'D' })?;
        match self.ledger.take() {
            Some(Owed::Asked(mut asked)) if !asked.failed && asked.answers.len() < asked.questions => {
                asked.rows.push(row);
                self.ledger.put_back(Owed::Asked(asked));
                Ok(())
            }
            _ => Err(Veto::Unexpected { tag: 'D' }),
        }
    }

    pub(super) fn asked(&mut self, mut asked: Box<Asked>, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        match tag {
            b'1' | b'2' if body.is_empty() => {}
            b'3' if body.is_empty() => asked.closed = asked.closed.saturating_add(1),
            b'C' => {
                answer::command_tag(body).ok_or(Veto::Malformed { tag: 'C' })?;
                let rows = std::mem::take(&mut asked.rows);
                asked.answers.push(rows);
            }
            b'Z' if asked.ends != Ends::Flushed => {
                let status = Status::decode(body).ok_or(Veto::Malformed { tag: 'Z' })?;
                self.failed = status == Status::Failed;
                self.in_block = status != Status::Idle;
                self.answered(*asked, Some(status), out);
                return Ok(None);
            }
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        }
        // Each question closes three things.
        let all = asked.answers.len() == asked.questions && asked.closed == asked.questions.saturating_mul(3);
        if asked.ends == Ends::Flushed && all {
            self.answered(*asked, None, out);
            return Ok(None);
        }
        Ok(Some(Owed::Asked(asked)))
    }

    fn answered(&mut self, asked: Asked, status: Option<Status>, out: &mut Out) {
        let complete = !asked.failed && asked.answers.len() == asked.questions;
        self.gave_up |= !complete;
        let mut answers = asked.answers.into_iter();
        if asked.path {
            let path = answers.next().into_iter().flatten().flatten().flatten().next();
            self.path.answered(path.as_deref().filter(|_| complete));
        }
        if asked.own && complete {
            match self.judge.own_answered(answers.collect(), self.quiet || status == Some(Status::Idle)) {
                Some(further) if further.is_empty() => {
                    self.own.answered();
                    self.scrub.filters_may_fail(self.judge.filters_may_fail());
                }
                Some(further) => return self.put_questions(&further, (false, true), asked.ends, out),
                None => self.gave_up = true,
            }
        }
        if let Some(status) = status.filter(|_| asked.ends == Ends::Ready) {
            status.put(&mut out.to_client);
        }
    }

    // An error: the client's own transaction has failed with it, where there is one.
    pub(super) fn asking_failed(&mut self, mut asked: Box<Asked>, report: &Report, out: &mut Out) {
        asked.failed = true;
        if asked.ends != Ends::Flushed {
            return self.ledger.put_back(Owed::Asked(asked));
        }
        self.answered(*asked, None, out);
        let told = self.scrub.error(report);
        told.put(&mut out.to_client, b'E');
        self.skip(out);
    }
}
