//! What an error of the server's becomes: told in its words or ours, or a reason to judge again.

use pgveil_policy::judge::channel::CLOSED;
use pgveil_policy::read::role_alone;
use pgveil_policy::{Kind, Refusal, SqlState};

use super::ledger::{Owed, Simple};
use super::refusals::closed;
use super::statement::Statement;
use super::{Conversation, End, Judge, Out, Veto, limit, stale};
use crate::scrub::Scrub;
use crate::wire::answer::Report;

/// SQLSTATE and message of whatever is sent in a transaction that has failed.
const FAILED: (&str, &str) = ("25P02", "current transaction is aborted, commands ignored until end of transaction block");

/// SQLSTATE of what is not run while a transaction is open.
const IN_TRANSACTION: &[u8] = b"25001";

/// What of the statement that failed matters to its error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ran {
    /// See [`pgveil_policy::Planned::order_is_data`].
    pub order_is_data: bool,
    /// Constraints, triggers and computed columns see stored values.
    pub writes: bool,
    /// SET pgveil.role, in whose place another statement was sent.
    pub takes_role: bool,
    /// What it is; `None` where that is not known.
    pub kind: Option<Kind>,
}

impl Ran {
    pub(super) fn of(statement: &Statement) -> Self {
        // EXECUTE runs what its name means.
        let kind = statement.leans.as_ref().map_or(statement.kind, |l| l.meant.kind);
        Ran { order_is_data: statement.order_is_data, writes: kind == Some(Kind::Write), takes_role: statement.effect.takes_role(), kind }
    }
}

impl<J: Judge> Conversation<J> {
    pub(super) fn error(&mut self, report: &Report, out: &mut Out) -> Result<(), End> {
        let failed = self.copies_in();
        if failed && let Some(end) = self.still_copying(report, out) {
            return Err(end);
        }
        let done = self.error_of(report, out);
        self.copy_failed();
        if failed && done.is_ok() {
            self.ask_for_syncs(out);
        }
        done
    }

    fn error_of(&mut self, report: &Report, out: &mut Out) -> Result<(), End> {
        self.rows = None;
        if report.is_fatal() {
            let shown = self.scrub.error(report);
            shown.put(&mut out.to_client, b'E');
            return Err(End::ServerEnded { code: String::from_utf8_lossy(shown.code()).into_owned() });
        }
        if let Some(refusal) = self.passed() {
            self.ledger.take();
            Report::of(&refusal).put(&mut out.to_client, b'E');
            self.skip(out);
            return Ok(());
        }
        match self.ledger.take() {
            None => return Err(Veto::Unexpected { tag: 'E' }.into()),
            Some(Owed::Simple(simple)) if simple.failed => return Err(Veto::Unexpected { tag: 'E' }.into()),
            Some(Owed::Simple(simple)) => {
                let ran = self.ran(&simple);
                let begun = simple.at > 0 || simple.refusal.is_some();
                if !begun && (stale::is_stale(report) || simple.text.is_some() && stale::is_of_a_name(report)) {
                    // Told, or not, when the server is ready for the text again.
                    self.wants_fresh = true;
                    self.held.clear();
                    let mut told = if stale::is_stale(report) { told_stale(report, ran) } else { self.scrub.error(report) };
                    simple.texts.place(report, &mut told);
                    self.ledger.put_back(Owed::Simple(Simple { failed: true, stale: Some(told), ..simple }));
                    return Ok(());
                }
                // Its error stands; the next text is judged by what is there now.
                self.wants_fresh |= simple.refusal.is_none() && stale::is_of_a_name(report);
                out.to_client.append(&mut self.held);
                let mut told = self.report(report, simple.refusal.as_ref(), ran);
                simple.texts.place(report, &mut told);
                told.put(&mut out.to_client, b'E');
                self.ledger.put_back(Owed::Simple(Simple { failed: true, ..simple }));
            }
            Some(Owed::Asked(asked)) => self.asking_failed(asked, report, out),
            Some(Owed::Step(step)) => {
                self.wants_fresh |= stale::is_of_a_name(report);
                let ran = self.ran_as(step.statement());
                let mut told = self.report(report, None, ran);
                step.place(report, &mut told);
                told.put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Among(asking)) => self.asked_in_vain(asking),
            Some(Owed::Carry(carrying)) => self.carry_failed(carrying, report, out),
            Some(Owed::Sync) => {
                // What is held runs when the transaction ends.
                let ran = Ran { order_is_data: self.names.holds_order(), ..Ran::default() };
                self.report(report, None, ran).put(&mut out.to_client, b'E');
                self.ledger.put_back(Owed::Sync);
            }
            Some(Owed::Refused(refusal)) => {
                self.report(report, Some(&refusal), Ran::default()).put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Bind { .. }) if stale::is_of_a_name(report) => {
                self.wants_fresh = true;
                stale::report().put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Parse { texts, .. }) => {
                // The client's next try is judged by what is there now.
                self.wants_fresh |= stale::is_of_a_name(report);
                let mut told = self.report(report, None, Ran::default());
                texts.place(report, &mut told);
                told.put(&mut out.to_client, b'E');
                self.skip(out);
            }
            // The query in a COPY is analysed when it runs.
            Some(Owed::Execute { .. }) if !self.copies_in() && stale::is_of_a_name(report) => {
                self.wants_fresh = true;
                stale::report().put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Execute { portal }) => {
                let unknown = Ran { order_is_data: true, writes: true, ..Ran::default() };
                let ran = self.names.portal(&portal).map_or(unknown, |p| self.ran_as(&p.statement));
                self.report(report, None, ran).put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Witness { name, statement, .. }) => {
                if !statement.by_sql {
                    self.names.made_unwitnessed(name);
                }
                self.report(report, None, Ran::default()).put(&mut out.to_client, b'E');
                self.skip(out);
            }
            Some(Owed::Bind { .. } | Owed::DescribeStatement { .. } | Owed::DescribePortal { .. } | Owed::Close { .. }) => {
                self.report(report, None, Ran::default()).put(&mut out.to_client, b'E');
                self.skip(out);
            }
        }
        Ok(())
    }

    fn ran(&self, simple: &Simple) -> Ran {
        match simple.statements.get(simple.at) {
            // The last one is done when the transaction is, but in a block.
            Some(statement) if simple.at.saturating_add(1) == simple.statements.len() && !self.in_block => {
                let ran = self.ran_as(statement);
                Ran { order_is_data: ran.order_is_data || self.names.holds_order(), ..ran }
            }
            Some(statement) => self.ran_as(statement),
            // The end of the implicit transaction.
            None => {
                let order_is_data = self.names.holds_order() || simple.statements.iter().any(|s| s.order_is_data);
                Ran { order_is_data, ..Ran::default() }
            }
        }
    }

    fn ran_as(&self, statement: &Statement) -> Ran {
        let ran = Ran::of(statement);
        Ran { order_is_data: ran.order_is_data || self.may_end_transaction(statement) && self.names.holds_order(), ..ran }
    }

    // Cursors that are held run with it.
    fn may_end_transaction(&self, statement: &Statement) -> bool {
        match statement.kind {
            Some(Kind::Transaction | Kind::Call) => true,
            // VACUUM and its like commit by themselves.
            Some(Kind::Define | Kind::Utility) => !self.in_block,
            None
            | Some(
                Kind::Query
                | Kind::Carry
                | Kind::Write
                | Kind::Explain
                | Kind::ExplainTree(_)
                | Kind::Set
                | Kind::Show
                | Kind::CopyOut
                | Kind::CopyIn
                | Kind::Lock
                | Kind::Name
                | Kind::Named
                | Kind::Keep,
            ) => false,
        }
    }

    pub(super) fn report(&mut self, report: &Report, refusal: Option<&Refusal>, ran: Ran) -> Report {
        if refusal.is_none() && stale::is_stale(report) {
            self.wants_fresh = true;
            return told_stale(report, ran);
        }
        match refusal {
            // Whatever failed: it was made to.
            Some(refusal) if limit::is_of_one(refusal) => Report::of(refusal),
            // Another code means that it was not our text that failed: a cancelled query, say.
            Some(refusal) if report.code() == SqlState::SYNTAX.0.as_bytes() => match refusal.id {
                stale::ID => stale::report(),
                // In a transaction that has failed Postgres looks at nothing but the grammar of a text.
                id if self.failed && !id.starts_with("read.") && !id.starts_with("wire.") => Report::ours("ERROR", FAILED.0, FAILED.1),
                _ => Report::of(refusal),
            },
            _ if ran.takes_role && report.code() == IN_TRANSACTION => Report::of(&role_alone()),
            // Beside protected relations pg_notify is not called: there it would be an expression that says the same.
            _ if is_closed(report) && !ran.order_is_data => Report::of(&closed()),
            _ if self.copies_in() => self.scrub.of_copied(report),
            _ if ran.writes && Scrub::is_of_a_constraint(report) => Scrub::constraint(report),
            _ if ran.order_is_data && Scrub::is_of_a_row(report, ran.kind) => Scrub::failed_on_a_row(report),
            _ if ran.writes => self.scrub.of_a_write(report),
            _ => self.scrub.error(report),
        }
    }

    pub(super) fn skip(&mut self, out: &mut Out) {
        let synced = self.ledger.skip_to_sync();
        match (synced, self.steps.take()) {
            (true, _) => {}
            (false, Some(_)) => self.end_steps(out),
            (false, None) => {
                self.skipping = true;
                self.moving = false;
                self.waiting = false;
            }
        }
        self.names.rebuild(&self.ledger);
    }
}

// Where it tells which row fails first it is told like any other; what is prepared is found to be stale when it is bound next.
fn told_stale(report: &Report, ran: Ran) -> Report {
    if ran.order_is_data && stale::is_of_a_gate(report) { Scrub::failed_on_a_row(report) } else { stale::report() }
}

/// pg_notify was given a channel that is not open: the server says so in the words that the judgement gave it.
fn is_closed(report: &Report) -> bool {
    let message = report.field(b'M').unwrap_or_default();
    report.code() == b"22P02" && message.windows(CLOSED.len()).any(|w| w == CLOSED.as_bytes())
}
