//! The answers that the server still owes, in the order in which they will come (pgbouncer's `OutstandingRequest`).

use std::collections::VecDeque;
use std::sync::Arc;

use pgveil_policy::read::places::client_position;
use pgveil_policy::{Kind, Refusal};

use super::among::Asking;
use super::ask::Asked;
use super::carry::Carrying;
use super::names::Names;
use super::statement::Statement;
use super::steps::Step;
use crate::rows::Formats;
use crate::wire::answer::Report;
use crate::wire::message::Target;

/// A name of a statement or portal; empty for the unnamed one.
pub type Name = Box<[u8]>;

/// What is owed for one message that was sent.
#[derive(Debug)]
pub enum Owed {
    /// For Query: everything up to ReadyForQuery.
    Simple(Simple),
    /// For Parse: ParseComplete. The name means something only when the [`Owed::Witness`] behind it has come, too.
    Parse {
        /// Its statement's name.
        name: Name,
        /// What was judged.
        statement: Arc<Statement>,
        /// Under which search_path.
        epoch: u64,
        /// For the places of errors.
        texts: Texts,
    },
    /// For the Describe that follows each Parse: ParameterDescription, then RowDescription or NoData. The client sees neither.
    Witness {
        /// The statement's name.
        name: Name,
        /// What was judged.
        statement: Arc<Statement>,
        /// ParameterDescription is there.
        parameters: bool,
    },
    /// For Bind: BindComplete.
    Bind {
        /// The portal.
        portal: Name,
        /// The statement's name: what it means is looked up when the server confirms.
        statement: Name,
        /// Result formats.
        formats: Formats,
    },
    /// For Describe of a statement: ParameterDescription, then RowDescription or NoData.
    DescribeStatement {
        /// Its name.
        name: Name,
        /// ParameterDescription is there.
        parameters: bool,
    },
    /// For Describe of a portal: RowDescription or NoData.
    DescribePortal {
        /// Its name.
        name: Name,
        /// The client asked, and is told.
        told: bool,
    },
    /// For Execute: rows, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute {
        /// The portal.
        portal: Name,
    },
    /// For Close: CloseComplete.
    Close {
        /// Of what.
        target: Target,
        /// Its name.
        name: Name,
    },
    /// For text that cannot be parsed, sent in place of a message that was refused: an error.
    Refused(Refusal),
    /// For Sync: ReadyForQuery.
    Sync,
    /// For the question which Syncs among the data of a COPY were answered.
    Among(Asking),
    /// For questions of pgveil's own.
    Asked(Box<Asked>),
    /// For one statement of a text whose statements are sent one by one.
    Step(Box<Step>),
    /// For all that keeps a query's rows: nothing is sent after it before it is done.
    Carry(Box<Carrying>),
}

/// What is owed for a Query.
#[derive(Debug, Default)]
pub struct Simple {
    /// What was judged, one for each statement that was sent.
    pub statements: Vec<Arc<Statement>>,
    /// The statement whose answers come now.
    pub at: usize,
    /// It was refused: text that cannot be parsed was sent in its place.
    pub refusal: Option<Refusal>,
    /// An error was seen: only ReadyForQuery is still owed.
    pub failed: bool,
    /// Under which search_path it was judged.
    pub epoch: u64,
    /// The client's text, where it may be judged and sent again: nothing else of its transaction has been, or can have had an effect.
    pub text: Option<Box<[u8]>>,
    /// It is stale: the error that is told where it is not sent again.
    pub stale: Option<Report>,
    /// For the places of errors.
    pub texts: Texts,
}

/// A text as the client wrote it, and as it was sent.
#[derive(Debug, Default)]
pub struct Texts {
    /// The client's.
    pub client: Box<str>,
    /// The server's.
    pub sent: Box<str>,
}

impl Texts {
    /// `client` is kept where it is UTF-8.
    pub fn of(client: &[u8], sent: String) -> Self {
        Texts { client: std::str::from_utf8(client).unwrap_or_default().into(), sent: sent.into() }
    }

    /// Gives an error's report, as it is to be told, the place in the client's text of what the server's is about.
    pub fn place(&self, said: &Report, told: &mut Report) {
        let position = said.field(b'P').and_then(|p| std::str::from_utf8(p).ok()?.parse().ok());
        let place = position.and_then(|position| client_position(&self.client, &self.sent, position));
        if let Some(place) = place.filter(|_| told.field(b'P').is_none()) {
            told.fields.push((b'P', place.to_string().into_bytes()));
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    owed: VecDeque<Owed>,
}

impl Ledger {
    /// How many messages are owed an answer.
    pub fn len(&self) -> usize {
        self.owed.len()
    }

    /// Nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// A message was sent.
    pub fn push(&mut self, owed: Owed) {
        self.owed.push_back(owed);
    }

    /// What is owed next.
    pub fn front(&self) -> Option<&Owed> {
        self.owed.front()
    }

    /// What is owed next, to be filled.
    pub fn front_mut(&mut self) -> Option<&mut Owed> {
        self.owed.front_mut()
    }

    /// What a Bind that is sent now will be bound to, where that is certain: the statement whose Parse goes before it in this
    /// stretch up to a Sync, or else `confirmed`, if no Parse of that name is under way. A Parse is under way until its witness is
    /// there: the server has the statement from ParseComplete on, of which it may send the one and keep back the other. If either
    /// fails, the Bind is skipped.
    ///
    /// # Errors
    /// The statements that it may be, where one of several may be meant.
    pub fn bound_to<'a>(
        &'a self,
        name: &[u8],
        confirmed: Option<&'a Arc<Statement>>,
    ) -> Result<Option<&'a Arc<Statement>>, Vec<&'a Arc<Statement>>> {
        let mut candidates: Vec<&Arc<Statement>> = Vec::new();
        let mut here = true;
        for owed in self.owed.iter().rev() {
            match owed {
                Owed::Parse { name: made, statement, .. } | Owed::Witness { name: made, statement, .. } if **made == *name => {
                    if here {
                        return Ok(Some(statement));
                    }
                    candidates.push(statement);
                }
                Owed::Sync | Owed::Simple(_) | Owed::Carry(_) => here = false,
                Owed::Parse { .. }
                | Owed::Witness { .. }
                | Owed::Bind { .. }
                | Owed::DescribeStatement { .. }
                | Owed::DescribePortal { .. }
                | Owed::Execute { .. }
                | Owed::Close { .. }
                | Owed::Refused(_)
                | Owed::Among(_)
                | Owed::Asked(_)
                | Owed::Step(_) => {}
            }
        }
        // None, or the same one: what SQL made is described before each Bind.
        if candidates.iter().all(|&candidate| confirmed.is_some_and(|known| Arc::ptr_eq(candidate, known))) {
            return Ok(confirmed);
        }
        candidates.extend(confirmed);
        Err(candidates)
    }

    /// What an Execute that is sent now will run, by the same rule: the portal whose Bind goes before it in this stretch, or else
    /// the confirmed one, if no Bind of that name is under way. `None` where that is not certain.
    pub fn run_by<'a>(&'a self, portal: &[u8], names: &'a Names) -> Option<Option<&'a Arc<Statement>>> {
        let mut bound: Option<&[u8]> = None;
        let mut here = true;
        for owed in self.owed.iter().rev() {
            match (owed, bound) {
                (Owed::Bind { portal: made, statement, .. }, None) if **made == *portal => {
                    if !here {
                        return None;
                    }
                    bound = Some(statement);
                }
                (Owed::Parse { name, statement, .. } | Owed::Witness { name, statement, .. }, Some(bound)) if **name == *bound => {
                    return here.then_some(Some(statement));
                }
                (Owed::Sync | Owed::Simple(_) | Owed::Carry(_) | Owed::Step(_), _) => here = false,
                (
                    Owed::Parse { .. }
                    | Owed::Witness { .. }
                    | Owed::Bind { .. }
                    | Owed::DescribeStatement { .. }
                    | Owed::DescribePortal { .. }
                    | Owed::Execute { .. }
                    | Owed::Close { .. }
                    | Owed::Refused(_)
                    | Owed::Among(_)
                    | Owed::Asked(_),
                    _,
                ) => {}
            }
        }
        Some(match bound {
            Some(statement) => names.statement(statement),
            None => names.portal(portal).map(|p| &p.statement),
        })
    }

    /// Takes what is owed next.
    pub fn take(&mut self) -> Option<Owed> {
        self.owed.pop_front()
    }

    /// Another COPY FROM follows in the text whose COPY FROM is answered now.
    pub fn asks_for_more(&self) -> bool {
        match self.owed.back() {
            Some(Owed::Simple(simple)) => simple.statements.iter().skip(simple.at.saturating_add(1)).any(|s| s.kind == Some(Kind::CopyIn)),
            _ => false,
        }
    }

    /// The client has been told of what is owed next: it cannot be sent again.
    pub fn begun(&mut self) {
        if let Some(Owed::Simple(simple)) = self.owed.front_mut() {
            simple.text = None;
        }
    }

    /// More of it is owed than has come.
    pub fn put_back(&mut self, owed: Owed) {
        self.owed.push_front(owed);
    }

    /// An error in the extended protocol: the server skips all before the next Sync, a Query too. Whether there is a Sync.
    pub fn skip_to_sync(&mut self) -> bool {
        while let Some(front) = self.owed.front() {
            if matches!(front, Owed::Sync) {
                return true;
            }
            self.owed.pop_front();
        }
        false
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Owed> {
        self.owed.iter()
    }

    /// Gives back its room: a session that idles needs none.
    pub fn shrink(&mut self) {
        if self.owed.is_empty() {
            self.owed = VecDeque::new();
        }
    }
}
