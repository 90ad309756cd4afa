//! Several statements in one text, of which later ones hang on what earlier ones leave behind.
//!
//! A text is sent in one Query wherever none does. Else pgveil takes the Query apart: each statement is parsed, bound, described, run and closed
//! in the extended protocol, under a name of pgveil's own; the unnamed ones are closed first, as the Query would have dropped them. Without a Sync between them the server keeps the implicit
//! transaction of a Query (PostgreSQL documentation, 55.2.3 and 55.2.2.1): it commits at the end or with a COMMIT among them, a BEGIN makes it a block that stays
//! open, an error takes all of it back and ends the text. After each stretch of statements that could be judged pgveil waits for the
//! answers (Flush), asks what has changed, and judges the rest. The client is told what a Query's answer says, and one ReadyForQuery.

use std::sync::Arc;

use pgveil_policy::read::role_alone;
use pgveil_policy::{Kind, Plan, Planned, Refusal};

use super::client::UNPARSABLE;
use super::ledger::{Owed, Texts};
use super::named::takes_role;
use super::refusals::{REFUSED, shifted, streams_among_steps};
use super::statement::Statement;
use super::{Conversation, End, Judge, Out, Veto, witness};
use crate::wire::answer::Report;
use crate::wire::message::{self, Target};

/// What of a text is still to be judged.
#[derive(Debug)]
pub struct Steps {
    text: Box<str>,
    /// Characters of the client's text before it.
    before: usize,
}

/// Name of the statement and portal of each step.
const STEP: &[u8] = b"pgveil_step";

/// What is owed for one statement: CloseComplete, ParseComplete, BindComplete, RowDescription or NoData, rows, CommandComplete, and
/// CloseComplete twice. An open portal would keep the next statement from altering its tables.
#[derive(Debug)]
pub struct Step {
    statement: Arc<Statement>,
    /// Under which search_path it was judged.
    epoch: u64,
    texts: Texts,
    before: usize,
    described: bool,
    /// CloseComplete that is owed after CommandComplete, once that is there.
    closing: Option<u8>,
}

impl Step {
    /// The client's own text.
    pub(super) fn text(&self) -> &str {
        &self.texts.client
    }

    /// What was judged.
    pub(super) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Gives an error's report its place in the client's text.
    pub fn place(&self, said: &Report, told: &mut Report) {
        self.texts.place(said, told);
        told.shift(self.before);
    }
}

impl<J: Judge> Conversation<J> {
    /// How many of a plan's statements can be sent at once: all, or up to one on which others hang.
    pub(super) fn certain(&self, plan: &Plan) -> usize {
        let count = plan.statements.len();
        let ends = |(n, s): &(usize, &Planned)| self.is_limited(s) || self.moves(s) && (plan.rest.is_some() || n.saturating_add(1) < count);
        plan.statements.iter().enumerate().find(ends).map_or(count, |(n, _)| n.saturating_add(1))
    }

    /// Whether the statements of a text must be sent one by one.
    pub(super) fn needs_steps(&self, plan: &Plan) -> bool {
        plan.rest.is_some() || self.certain(plan) < plan.statements.len() || plan.statements.iter().any(|s| self.is_limited(s))
    }

    /// Sends the first of them. Nothing is owed.
    pub(super) fn begin_steps(&mut self, text: &str, plan: &Plan, generation: u64, out: &mut Out) {
        self.put_steps(&Steps { text: text.into(), before: 0 }, plan, generation, out);
    }

    /// Goes on with the rest of a text. Nothing is owed.
    pub(super) fn go_on(&mut self, steps: Steps, out: &mut Out) {
        if steps.text.is_empty() {
            return self.end_steps(out);
        }
        if !self.settled(out) {
            self.steps = Some(steps);
            return;
        }
        let generation = self.judge.generation();
        match self.judged(steps.text.as_bytes()) {
            None => self.steps = Some(steps),
            Some(Ok(plan)) => self.put_steps(&steps, &plan, generation, out),
            Some(Err(refusal)) => {
                self.note_refusal(steps.text.as_bytes(), &refusal);
                self.put_refused_step(shifted(refusal, steps.before), out);
            }
        }
    }

    // As a Query does.
    fn drop_unnamed(&mut self, out: &mut Out) {
        for target in [Target::Statement, Target::Portal] {
            self.names.closed(target, b"");
            message::put_close(&mut out.to_server, target, b"");
        }
    }

    fn put_steps(&mut self, steps: &Steps, plan: &Plan, generation: u64, out: &mut Out) {
        let certain = self.certain(plan);
        if plan.statements.iter().take(certain).any(|s| s.carry.is_some() || s.kind == Kind::CopyIn) {
            return self.put_refused_step(streams_among_steps(), out);
        }
        if plan.statements.iter().any(takes_role) {
            return self.put_refused_step(role_alone(), out);
        }
        let ready = match self.ready_to_send(plan.statements.get(..certain).unwrap_or_default(), generation) {
            Ok(ready) => ready,
            Err(refusal) => {
                self.note_refusal(steps.text.as_bytes(), &refusal);
                return self.put_refused_step(shifted(refusal, steps.before), out);
            }
        };
        if steps.before == 0 {
            self.drop_unnamed(out);
        }
        for (n, (statement, sent)) in ready.statements.into_iter().zip(ready.texts).enumerate() {
            let start = plan.starts.get(n).copied().unwrap_or_default();
            let end = plan.starts.get(n.saturating_add(1)).copied().or(plan.rest).unwrap_or(steps.text.len());
            let own = steps.text.get(start..end).unwrap_or_default();
            if let Err(refusal) = self.note_run(&statement, Some(own)) {
                return self.put_refused_step(refusal, out);
            }
            let before = steps.before.saturating_add(characters(&steps.text, start));
            let to = &mut out.to_server;
            // It is still there where an earlier one failed.
            message::put_close(to, Target::Statement, STEP);
            message::put_parse(to, STEP, sent.as_bytes(), &[]);
            match statement.leans.as_ref().is_some_and(|l| l.binary) {
                true => message::put_bind_binary(to, STEP, STEP),
                false => message::put_bind(to, STEP, STEP),
            }
            message::put_describe(to, Target::Portal, STEP);
            message::put_execute(to, STEP);
            message::put_close(to, Target::Portal, STEP);
            message::put_close(to, Target::Statement, STEP);
            let texts = Texts::of(own.as_bytes(), sent);
            self.owe(Owed::Step(Box::new(Step { statement, epoch: self.path.epoch(), texts, before, described: false, closing: None })));
        }
        self.waiting = true;
        let limited = certain.checked_sub(1).and_then(|last| plan.statements.get(last)).is_some_and(|last| self.is_limited(last));
        match plan.starts.get(certain).copied().or(plan.rest).or(limited.then_some(steps.text.len())) {
            Some(rest) => {
                message::put_bare(&mut out.to_server, b'H');
                let before = steps.before.saturating_add(characters(&steps.text, rest));
                self.steps = Some(Steps { text: steps.text.get(rest..).unwrap_or_default().into(), before });
            }
            None => self.end_steps(out),
        }
    }

    pub(super) fn put_refused_step(&mut self, refusal: Refusal, out: &mut Out) {
        message::put_parse(&mut out.to_server, REFUSED, UNPARSABLE, &[]);
        self.owe(Owed::Refused(refusal));
        self.end_steps(out);
    }

    /// ReadyForQuery is all that is still to come.
    pub(super) fn end_steps(&mut self, out: &mut Out) {
        self.steps = None;
        self.waiting = true;
        message::put_bare(&mut out.to_server, b'S');
        self.owe(Owed::Sync);
    }

    pub(super) fn step(&mut self, mut step: Box<Step>, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        let statement = Arc::clone(&step.statement);
        match tag {
            b'1' | b'2' | b'3' if body.is_empty() && !step.described => {}
            b'3' if body.is_empty() => match step.closing {
                Some(2) => step.closing = Some(1),
                Some(1) => return Ok(None),
                _ => return Err(Veto::Unexpected { tag: '3' }.into()),
            },
            b'T' if !step.described => {
                if step.epoch != self.path.epoch() {
                    return Err(Veto::PathMoved.into());
                }
                self.bears(&statement)?;
                let fields = witness::check(&self.judge, &statement, body)?;
                self.rows = Some(Arc::new(statement.rows_of_query(&fields)?));
                witness::put(&mut out.to_client, statement.told(fields));
                self.begins(&statement, Arc::default())?;
                self.first_line = true;
                step.described = true;
            }
            // What it leans on is not there (any more): it fails when it runs.
            b'n' if !step.described && body.is_empty() && (statement.outputs.is_empty() || statement.leans.is_some()) => {
                step.described = true;
            }
            b'H' | b'c' if step.described && step.closing.is_none() => self.copy_answer(&statement, tag, body, false, out)?,
            b'C' if step.described && step.closing.is_none() => {
                self.completed(&statement, body, out)?;
                step.closing = Some(2);
            }
            _ => return Err(Veto::Unexpected { tag: char::from(tag) }.into()),
        }
        Ok(Some(Owed::Step(step)))
    }
}

fn characters(text: &str, bytes: usize) -> usize {
    text.get(..bytes).map_or(0, |t| t.chars().count())
}
