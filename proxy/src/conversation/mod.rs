//! A conversation with one client of a role with masks: a state machine without I/O.
//!
//! Bytes of either side go in, bytes for both sides come out. What the server still owes is kept in a [`ledger`]; names of statements
//! and portals get their meaning when the server *confirms* them, in the order in which it works, so that pipelining, errors and
//! skipping to Sync cannot pair rows with the masks of another statement.
//!
//! * `intake`: which of a client's bytes are done with; `client`: what a message becomes; `refusals`: ours of them;
//! * [`server`]: what an answer becomes; `errors`: an error; `copy`: the data of a COPY, both ways;
//! * [`names`]: statements and portals; `named`: the texts that make and use them;
//! * `tokens`: texts made ready, tokens turned back; [`statement`]: what of a plan the conversation needs;
//! * [`witness`]: the RowDescription against the plan;
//! * [`among`]: what else comes among the data of a COPY;
//! * [`notes`]: what the audit log is told;
//! * `large`: messages that are not kept whole;
//! * [`limit`]: the most rows and bytes that a statement gives;
//! * [`stale`]: what a statement means has changed since it was judged;
//! * [`carry`]: rows that are kept with their pseudonyms, in a table;
//! * [`path`]: the effective search_path, [`own`]: the session's own catalog, and when they must be asked again; [`ask`]: how;
//! * [`steps`]: several statements in one text, of which later ones hang on earlier ones.

pub mod among;
pub mod ask;
pub mod carry;
mod client;
mod copy;
mod errors;
mod intake;
mod large;
pub mod ledger;
pub mod limit;
mod named;
pub mod names;
pub mod notes;
pub mod own;
pub mod path;
mod refusals;
mod row;
pub mod server;
pub mod stale;
pub mod statement;
pub mod steps;
#[cfg(test)]
mod tests;
mod tokens;
pub mod witness;

use std::sync::Arc;

use pgveil_policy::catalog::Oid;
use pgveil_policy::mask::seal::SealSpec;
use pgveil_policy::policy::Limits;
use pgveil_policy::{Output, Plan, Refusal};

use crate::error::ProtocolError;
use crate::rows::{Pseudonym, RowFault, Treatment};
use crate::scrub::Scrub;
use ledger::Ledger;
use limit::Limiting;
use names::Names;
use notes::Note;
use own::Own;
use path::Path;
use steps::Steps;

/// What the conversation asks of the judgement. One role on one database, under the policy and catalog of the moment.
pub trait Judge {
    /// Judges one text. `search_path`: as [`pgveil_policy::Subject::search_path`].
    ///
    /// # Errors
    /// The refusal that the client sees.
    fn judge(&self, search_path: &[String], sql: &str) -> Result<Arc<Plan>, Refusal>;

    /// Compares where the server says that columns come from, (0, 0) for an expression, with what was judged. As many as `outputs`.
    ///
    /// # Errors
    /// The index of a column that comes from protected data and was not judged so.
    fn witness(&self, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize>;

    /// The same for what was judged under an earlier policy: see [`Judge::policy`].
    ///
    /// # Errors
    /// As [`Judge::witness`].
    fn witness_under(&self, _policy: u64, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize> {
        self.witness(outputs, origins)
    }

    /// The number of the policy that it judges by.
    fn policy(&self) -> u64 {
        0
    }

    /// Another policy is in force, and not taken up.
    fn has_new_policy(&self) -> bool {
        false
    }

    /// Judges by the policy that is in force from now on. `in_use`: something that was judged under that number is open or prepared still.
    fn take_up(&mut self, _in_use: &dyn Fn(u64) -> bool) {}

    /// What one statement may take. The numbers do not change while a session lasts.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// The role, for messages.
    fn role(&self) -> &str {
        ""
    }

    /// Errors about values may come from a row filter of the policy, and hold what is stored in a row that it hides.
    fn filters_may_fail(&self) -> bool;

    /// Which catalog and policy it judges by at this moment: another number means that a judgement may be another.
    fn generation(&self) -> u64;

    /// Whether the client is told what is sent on a channel.
    fn hears(&self, channel: &str) -> bool;

    /// It judges by a catalog of this session's own.
    fn has_own(&self) -> bool;

    /// That catalog was held against a snapshot that is not the latest; or other sessions have committed what no snapshot shows yet.
    fn own_is_outdated(&self) -> bool;

    /// This session has changed the catalog, in a transaction that is over.
    fn has_changed(&mut self);

    /// Begins to find out what this session sees that others do not: queries for its server, in this order, in one transaction.
    fn ask_own(&mut self) -> Vec<String>;

    /// Takes their rows. `idle`: no transaction is open. Gives what is to be asked besides, empty when it is known and judged by; `None`
    /// where nothing can be made of the rows.
    fn own_answered(&mut self, answers: Vec<ask::Rows>, idle: bool) -> Option<Vec<String>>;

    /// Whether [`Judge::note`] does anything.
    fn notes(&self) -> bool {
        false
    }

    /// A statement is to be sent, or is refused.
    ///
    /// # Errors
    /// It must not be sent, since it cannot be written down.
    fn note(&self, _note: &Note<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    /// The role that a client gets which asks for this one of its user's, or, with `None`, for the one that its session was begun with.
    ///
    /// # Errors
    /// It cannot have it.
    fn may_take(&self, asked: Option<&str>) -> Result<String, Refusal>;

    /// What replaces the values of a sealed column.
    fn pseudonym(&self, spec: &Arc<SealSpec>) -> Arc<dyn Pseudonym>;

    /// The key of the veils of a domain: letters and digits.
    fn veil_key(&self, domain: &str) -> String;
}

/// Bytes to be sent. The conversation only appends.
#[derive(Debug, Default)]
pub struct Out {
    /// To the server.
    pub to_server: Vec<u8>,
    /// To the client.
    pub to_client: Vec<u8>,
}

/// More bytes than this in a direction, and no further message for it is taken.
pub const FULL: usize = 64 * 1024;

/// Largest text of a Query or Parse that is read, in bytes; a larger one is refused and the session goes on.
pub const TEXT_LIMIT: usize = 16 << 20;

/// Largest Bind with tokens that is read, in bytes; a larger one is refused and the session goes on. Others pass as they arrive.
pub const BIND_LIMIT: usize = 64 << 20;

/// Most bytes of a row that are kept: those up to its last sealed column. All else is passed on as it arrives.
pub const ROW_LIMIT: usize = 64 << 20;

/// Largest message of the server's that is not a row, in bytes.
pub const ANSWER_LIMIT: usize = 16 << 20;

/// Answers owed at which no further message of the client's is taken.
const OWED_LIMIT: usize = 16 * 1024;

/// Why a conversation is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The client said so.
    #[error("the client ended the session")]
    Terminated,
    /// The server said so, in an error that the client was given.
    #[error("the server ended the session ({code})")]
    ServerEnded {
        /// Its SQLSTATE.
        code: String,
    },
    /// The client's fault: 08P01.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A row with sealed columns over [`ROW_LIMIT`]: 54000.
    #[error("a row of {length} bytes has pseudonymised columns; at most {ROW_LIMIT} bytes are read up to the last of them")]
    RowTooLarge {
        /// Of the row.
        length: usize,
    },
    /// The client is to have another session, of this role. It has been told so, and not yet that it may go on.
    #[error("the user took another role")]
    TakesRole(String),
    /// What the server answered is not what was judged: XX000, and an alarm.
    #[error("veto: {0}")]
    Veto(#[from] Veto),
}

/// What in an answer does not fit. Names nothing but numbers: it is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Veto {
    /// A message that is not owed here.
    #[error("message {tag:?} of the server was not expected here")]
    Unexpected {
        /// Its type.
        tag: char,
    },
    /// A message that does not decode.
    #[error("message {tag:?} of the server is malformed")]
    Malformed {
        /// Its type.
        tag: char,
    },
    /// A message that is larger than is read.
    #[error("message {tag:?} of the server has {length} bytes")]
    TooLarge {
        /// Its type.
        tag: char,
        /// Header and body.
        length: usize,
    },
    /// A result with another number of columns than was judged.
    #[error("{found} columns where {judged} were judged")]
    Columns {
        /// In the plan.
        judged: usize,
        /// In the RowDescription.
        found: usize,
    },
    /// A column that comes from elsewhere than was judged.
    #[error("column {column} comes from relation {relation}, attribute {attribute}, and was not judged so")]
    Origin {
        /// From 1.
        column: usize,
        /// OID, as the server says.
        relation: Oid,
        /// Number, as the server says.
        attribute: i16,
    },
    /// A sealed column of a type that its seal is not made for.
    #[error("column {column} has type {type_oid}, for which its seal is not made")]
    Type {
        /// From 1.
        column: usize,
        /// OID, as the server says.
        type_oid: Oid,
    },
    /// A row that does not fit.
    #[error(transparent)]
    Row(#[from] RowFault),
    /// The server knows a statement or portal that the conversation does not.
    #[error("the server knows a statement or portal that was not judged")]
    Name,
    /// The server took result formats that do not fit the plan.
    #[error("the server took result formats that do not fit the plan")]
    Formats,
    /// A text was judged under a search_path that another statement has moved since.
    #[error("a text was judged under a search_path that has moved")]
    PathMoved,
    /// The server ran text that cannot be parsed.
    #[error("the server did not refuse text that cannot be parsed")]
    NotRefused,
    /// A setting on which the reading of texts and values rests has another value.
    #[error("the server's {0} has a value under which values cannot be masked")]
    Setting(&'static str),
}

/// One client's conversation. See the module.
#[derive(Debug)]
pub struct Conversation<J> {
    judge: J,
    order_key: String,
    scrub: Scrub,
    ledger: Ledger,
    names: Names,
    path: Path,
    own: Own,
    /// What of a text is still to be judged, when what was sent of it is done.
    steps: Option<Steps>,
    /// The transaction has failed.
    failed: bool,
    /// A transaction block was open when the server was last ready, and no statement of transaction control is done since.
    in_block: bool,
    /// A question failed, and is not asked again before something else was done.
    gave_up: bool,
    /// The client has sent messages of the extended protocol, and no Sync yet.
    unsynced: bool,
    /// An error was seen and the client has not sent Sync: the server skips, and so do we.
    skipping: bool,
    /// A statement that may move search_path or change the catalog was sent since the last Sync.
    moving: bool,
    /// Nothing is taken from the client until everything owed is there.
    waiting: bool,
    /// A text names something unknown: it is to be judged again on a fresh catalog.
    wants_fresh: bool,
    fresh: bool,
    /// A Bind waits until it is certain what its statement's name means.
    unsettled: bool,
    /// A statement was parsed that is run only where it is certain that it is, and no other in its place: see
    /// [`statement::Statement::is_told_apart`].
    choosy: bool,
    /// The server was asked for what it keeps back.
    flushed: bool,
    /// Bytes of a client's message that are dropped.
    dropping: usize,
    /// Bytes of a row that are passed on.
    passing: usize,
    /// What happens to the rows that come now.
    rows: Option<Arc<Rows>>,
    first_line: bool,
    /// A simple query's RowDescription, until there is more to tell: its rows, its end, or an error.
    held: Vec<u8>,
    /// Another policy was in force when the client's bytes came: it is taken up before the next judgement. What comes in one piece is
    /// judged by one policy, so that a Parse and its Bind go together.
    policy_waits: bool,
    /// No transaction is open, and nothing was sent since the server said so.
    quiet: bool,
    /// A text that the server found stale and that has not begun to be answered: it is judged and sent again.
    again: Option<Box<[u8]>>,
    /// The COPY whose data flows now.
    copying: copy::Copying,
    /// What is done with CopyData of the client's.
    inflow: copy::Inflow,
    /// Sync messages that were sent on among the data of the present COPY FROM.
    syncs: usize,
    /// The type of a message that is none of its data: the server was asked whether it still reads these.
    strange: Option<u8>,
    /// Bytes of the client's CopyData that are passed on.
    sending: usize,
    /// A large Bind of the client's that is passed on.
    binding: Option<large::Binding>,
    /// Bytes of an answer that are not read.
    ignoring: usize,
    /// The client sends nothing more.
    hung_up: bool,
    /// SET pgveil.role was sent, by an Execute: nothing is run before the Sync.
    taking: bool,
    /// It was done: the session ends when the server is ready.
    takes: Option<String>,
    /// A statement may give so many rows or bytes.
    limiting: Option<Box<Limiting>>,
}

/// A result's rows.
#[derive(Debug)]
pub struct Rows {
    /// Number of columns of each.
    pub columns: usize,
    /// What happens to each.
    pub treatment: Treatment,
}

impl<J: Judge> Conversation<J> {
    /// Begins. `order_key`: secret, letters and digits, one per session. `schemas`: what [`path::QUESTION`] answered at the start, one
    /// JSON array of names.
    pub fn new(judge: J, order_key: String, schemas: &str) -> Self {
        Conversation {
            scrub: Scrub::new(&order_key, judge.filters_may_fail()),
            limiting: Limiting::of(judge.limits()),
            judge,
            order_key,
            ledger: Ledger::default(),
            names: Names::default(),
            path: Path::new(schemas),
            own: Own::default(),
            steps: None,
            failed: false,
            in_block: false,
            gave_up: false,
            unsynced: false,
            skipping: false,
            moving: false,
            waiting: false,
            wants_fresh: false,
            fresh: false,
            unsettled: false,
            choosy: false,
            flushed: false,
            dropping: 0,
            passing: 0,
            rows: None,
            first_line: false,
            held: Vec::new(),
            policy_waits: false,
            quiet: true,
            again: None,
            copying: copy::Copying::No,
            inflow: copy::Inflow::Closed,
            syncs: 0,
            strange: None,
            sending: 0,
            binding: None,
            ignoring: 0,
            hung_up: false,
            taking: false,
            takes: None,
        }
    }

    /// Whether a message of the client's is taken now. Where not, an answer of the server's (or [`Conversation::refreshed`]) changes it.
    pub fn listening(&self) -> bool {
        let settled = self.syncs == 0 || self.inflow.is_open();
        // Data is a part of what is waited for.
        let waiting = self.waiting && !(self.inflow.is_open() && self.strange.is_none());
        !waiting && !self.unsettled && !self.wants_fresh && !self.inflow.is_asked() && settled && self.ledger.len() < OWED_LIMIT
    }

    /// Whether rows are being kept: that takes long, and ends if the client is gone. Nothing is taken from it, but its bytes are read.
    pub fn carrying(&self) -> bool {
        matches!(self.ledger.front(), Some(ledger::Owed::Carry(_)))
    }

    /// Whether a text waits for a fresh catalog snapshot.
    pub fn wants_fresh(&self) -> bool {
        self.wants_fresh
    }

    /// The snapshot is as fresh as it gets: the text that waits is judged again, for good.
    pub fn refreshed(&mut self) {
        self.wants_fresh = false;
        self.fresh = true;
    }

    /// The client sends nothing more, and what it has sent is taken: the server is told so, and asked nothing any more.
    pub fn hung_up(&mut self) {
        self.hung_up = true;
    }

    /// The server has taken a request to cancel what is under way. Where rows are being kept it may have come between two of its commands,
    /// and be lost: the next chunk of them fails.
    pub fn cancelled(&mut self) {
        if let Some(ledger::Owed::Carry(carrying)) = self.ledger.front_mut() {
            carrying.cancelled();
        }
    }

    /// Whether there is something to send without a further byte of the client's: a text again, or the rest of one.
    pub fn is_under_way(&self) -> bool {
        self.again.is_some() || self.steps.is_some()
    }

    /// What is held back of a simple query is told: its text cannot be sent again.
    fn tell(&mut self, out: &mut Out) {
        if !self.held.is_empty() {
            out.to_client.append(&mut self.held);
            self.ledger.begun();
        }
    }

    /// Whether the client has been told whole messages only: another one may follow.
    pub fn at_boundary(&self) -> bool {
        self.passing == 0
    }

    /// The judgement it asks.
    pub fn judge(&self) -> &J {
        &self.judge
    }
}
