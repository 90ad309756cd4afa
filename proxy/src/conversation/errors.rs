//! What an error of the server's becomes: told in its words or ours, or a reason to judge again.

use pgveil_policy::{Refusal, SqlState};

use super::ledger::{Owed, Simple};
use super::{Conversation, End, Judge, Out, Veto, stale};
use crate::scrub::Scrub;
use crate::wire::answer::Report;

impl<J: Judge> Conversation<J> {
    pub(super) fn error(&mut self, report: &Report, out: &mut Out) -> Result<(), End> {
        self.rows = None;
        if report.is_fatal() {
            let shown = self.scrub.error(report);
            shown.put(&mut out.to_client, b'E');
            return Err(End::ServerEnded { code: String::from_utf8_lossy(shown.code()).into_owned() });
        }
        match self.ledger.take() {
            None => return Err(Veto::Unexpected { tag: 'E' }.into()),
            Some(Owed::Simple(simple)) if simple.failed => return Err(Veto::Unexpected { tag: 'E' }.into()),
            Some(Owed::Simple(simple)) => {
                let order_is_data = simple.statements.get(simple.at).is_some_and(|s| s.order_is_data);
                let begun = simple.at > 0 || simple.refusal.is_some();
                if !begun && (stale::is_stale(report) || simple.text.is_some() && stale::is_of_a_name(report)) {
                    // Told, or not, when the server is ready for the text again.
                    self.wants_fresh = true;
                    self.held.clear();
                    let mut told = if stale::is_stale(report) { stale::report() } else { self.scrub.error(report) };
                    simple.texts.place(report, &mut told);
                    self.ledger.put_back(Owed::Simple(Simple { failed: true, stale: Some(told), ..simple }));
                    return Ok(());
                }
                // Its error stands; the next text is judged by what is there now.
                self.wants_fresh |= simple.refusal.is_none() && stale::is_of_a_name(report);
                out.to_client.append(&mut self.held);
                let mut told = self.report(report, simple.refusal.as_ref(), order_is_data);
                simple.texts.place(report, &mut told);
                told.put(&mut out.to_client, b'E');
                self.ledger.put_back(Owed::Simple(Simple { failed: true, ..simple }));
            }
            Some(Owed::Path { answer, failed: _ }) => self.ledger.put_back(Owed::Path { answer, failed: true }),
            Some(Owed::Sync) => {
                self.report(report, None, false).put(&mut out.to_client, b'E');
                self.ledger.put_back(Owed::Sync);
            }
            Some(Owed::Refused(refusal)) => {
                self.report(report, Some(&refusal), false).put(&mut out.to_client, b'E');
                self.skip();
            }
            Some(Owed::Bind { .. }) if stale::is_of_a_name(report) => {
                self.wants_fresh = true;
                stale::report().put(&mut out.to_client, b'E');
                self.skip();
            }
            Some(Owed::Parse { texts, .. }) => {
                // The client's next try is judged by what is there now.
                self.wants_fresh |= stale::is_of_a_name(report);
                let mut told = self.report(report, None, false);
                texts.place(report, &mut told);
                told.put(&mut out.to_client, b'E');
                self.skip();
            }
            Some(Owed::Execute { portal }) => {
                let order_is_data = self.names.portal(&portal).is_none_or(|p| p.statement.order_is_data);
                self.report(report, None, order_is_data).put(&mut out.to_client, b'E');
                self.skip();
            }
            Some(
                Owed::Witness { .. }
                | Owed::Bind { .. }
                | Owed::DescribeStatement { .. }
                | Owed::DescribePortal { .. }
                | Owed::Close { .. },
            ) => {
                self.report(report, None, false).put(&mut out.to_client, b'E');
                self.skip();
            }
        }
        Ok(())
    }

    /// `order_is_data`: see [`pgveil_policy::Planned::order_is_data`].
    fn report(&mut self, report: &Report, refusal: Option<&Refusal>, order_is_data: bool) -> Report {
        if refusal.is_none() && stale::is_stale(report) {
            self.wants_fresh = true;
            return stale::report();
        }
        match refusal {
            // Another code means that it was not our text that failed: a cancelled query, say.
            Some(refusal) if report.code() == SqlState::SYNTAX.0.as_bytes() => match refusal.id {
                stale::ID => stale::report(),
                _ => Report::of(refusal),
            },
            _ if order_is_data && Scrub::is_of_a_row(report) => Scrub::failed_on_a_row(report),
            _ => self.scrub.error(report),
        }
    }

    fn skip(&mut self) {
        if !self.ledger.skip_to_sync() {
            self.skipping = true;
            self.moving = false;
            self.waiting = false;
        }
        self.names.rebuild(&self.ledger);
    }
}
