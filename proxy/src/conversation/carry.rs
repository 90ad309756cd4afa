//! Rows that are kept with their pseudonyms: a query's rows pass through the proxy into a table of the same server, in one transaction.
//!
//! Inside the database a sealed column is raw, so what the client's CREATE TABLE AS would store is no pseudonym. pgveil works it out in
//! steps instead, in the extended protocol, on the session's own connection, without a Sync between them:
//!
//! 1. the query is parsed and bound, with binary results (by the client's own messages where it uses the extended protocol);
//! 2. the table is made, empty, and its column types are held against those of the query: COPY's binary format checks none;
//! 3. the portal gives so many rows as make about [`CHUNK`] bytes, which are sealed. A DataRow's body is a tuple of COPY's binary format
//!    (PostgreSQL documentation, COPY, "Tuples"), so they go into the table as they are; then the portal is asked for more;
//! 4. for an INSERT, the client's statement runs with the table as its source, and the table is dropped.
//!
//! All is sent ahead as far as it is known, so that the server hardly ever is between two commands, where a request to cancel is lost:
//! while a chunk is sealed the server is inside COPY, and waits for its data. One that was delivered and did nothing fails the next chunk.
//!
//! An error at any of them fails the transaction, as an error of the client's own statement would; the Sync that ends a simple Query's
//! steps is sent by pgveil, and commits nothing then. Memory is bounded by [`HELD`].

use std::collections::VecDeque;
use std::sync::Arc;

use pgveil_policy::{Planned, Refusal};

use super::errors::Ran;
use super::ledger::{Name, Owed};
use super::refusals::carries_too_much;
use super::statement::Statement;
use super::{Conversation, End, Judge, Out, Rows, Veto, stale, witness};
use crate::rows::{Formats, Treatment, seal};
use crate::wire::answer::{self, Report, Status};
use crate::wire::frame;
use crate::wire::message::{self, Bind, Target};

/// Bytes of rows that are fetched at once, about.
pub const CHUNK: usize = 1 << 20;

/// Bytes of rows that are held at most, where they grow from one chunk to the next: then the statement fails.
pub const HELD: usize = 64 << 20;

/// Rows of the first chunk, and of any.
const FIRST: usize = 64;
const MOST: usize = 4096;

/// Name of the statement and portal of a simple Query's query.
const QUERY: &[u8] = b"pgveil_carry";

/// Name of the statement and portal of all else.
const STEP: &[u8] = b"pgveil_keep";

/// COPY's binary format begins so: signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = [255, 255];

/// What the server says of a statement that was cancelled; a COPY that is told to fail has the same SQLSTATE.
const CANCELLED: (&str, &str) = ("57014", "canceling statement due to user request");

/// One statement whose rows are being kept.
#[derive(Debug)]
pub struct Carrying {
    statement: Arc<Statement>,
    rows: Arc<Rows>,
    portal: Name,
    simple: Option<Simple>,
    /// Answers that are owed, in order.
    due: VecDeque<Due>,
    /// The table is there, and is as it should be.
    made: bool,
    /// Types of the query's columns.
    types: Vec<u32>,
    chunk: Vec<u8>,
    chunk_rows: usize,
    limit: usize,
    kept: u64,
    /// The query has no more rows.
    last: bool,
    /// What the client is told, when all is done.
    tag: Option<Box<[u8]>>,
    /// Why it is to fail.
    refusal: Option<Refusal>,
    /// It was cancelled.
    cancelled: bool,
    failed: bool,
}

/// What a simple Query needs besides.
#[derive(Debug)]
struct Simple {
    epoch: u64,
    /// As [`super::ledger::Simple::text`].
    text: Option<Box<[u8]>>,
    /// As [`super::ledger::Simple::stale`].
    stale: Option<Report>,
    /// Sync was sent.
    synced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A message without a body.
    Bare(u8),
    /// ParameterDescription.
    Parameters,
    /// The query's RowDescription.
    Witness,
    /// The table's.
    Shape,
    /// Rows, then PortalSuspended or CommandComplete.
    Rows,
    /// CopyInResponse.
    CopyIn,
    /// CommandComplete of a step.
    Done,
    /// CommandComplete that is the client's.
    Tag,
    /// An error: COPY was told to fail.
    Failure,
    /// ReadyForQuery.
    Ready,
}

impl Carrying {
    fn new(statement: Arc<Statement>, rows: Arc<Rows>, portal: &[u8], simple: Option<Simple>) -> Self {
        Carrying {
            statement,
            rows,
            portal: portal.into(),
            simple,
            due: VecDeque::new(),
            made: false,
            types: Vec::new(),
            chunk: Vec::new(),
            chunk_rows: 0,
            limit: FIRST,
            kept: 0,
            last: false,
            tag: None,
            refusal: None,
            cancelled: false,
            failed: false,
        }
    }

    /// Seals a row of the query's into the chunk. `body`: the DataRow's.
    ///
    /// # Errors
    /// [`Veto`] where no row is owed, or it does not fit.
    pub fn row(&mut self, body: &[u8]) -> Result<(), Veto> {
        let (Some(Due::Rows), Treatment::Seal(seals)) = (self.due.front(), &self.rows.treatment) else {
            return Err(Veto::Unexpected { tag: 'D' });
        };
        if self.refusal.is_some() {
            return Ok(());
        }
        seal::put_tuple(&mut self.chunk, body, seals)?;
        self.chunk_rows = self.chunk_rows.saturating_add(1);
        if self.chunk.len() > HELD {
            self.refusal = Some(carries_too_much(HELD));
            self.chunk = Vec::new();
        }
        Ok(())
    }

    /// It ends with its next chunk, if there is one.
    pub fn cancelled(&mut self) {
        self.cancelled = true;
    }

    // Gives the chunk, and sets how many rows the next one has.
    fn take_chunk(&mut self) -> Vec<u8> {
        let chunk = std::mem::take(&mut self.chunk);
        if self.chunk_rows > 0 {
            let width = chunk.len().checked_div(self.chunk_rows).unwrap_or_default().max(1);
            self.kept = self.kept.saturating_add(u64::try_from(self.chunk_rows).unwrap_or(u64::MAX));
            self.limit = CHUNK.checked_div(width).unwrap_or_default().clamp(1, MOST).min(self.limit.saturating_mul(4));
            self.chunk_rows = 0;
        }
        chunk
    }

    // A statement of our own, up to its Execute; with `end` it gives no rows and wants no data.
    fn run(&mut self, out: &mut Vec<u8>, text: &str, end: Due) {
        self.start(out, text);
        self.end(out, end);
    }

    fn start(&mut self, out: &mut Vec<u8>, text: &str) {
        message::put_close(out, Target::Statement, STEP);
        message::put_parse(out, STEP, text.as_bytes(), &[]);
        message::put_bind(out, STEP, STEP);
        message::put_execute(out, STEP);
        self.due.extend([Due::Bare(b'3'), Due::Bare(b'1'), Due::Bare(b'2')]);
    }

    fn end(&mut self, out: &mut Vec<u8>, end: Due) {
        message::put_close(out, Target::Portal, STEP);
        message::put_close(out, Target::Statement, STEP);
        self.due.extend([end, Due::Bare(b'3'), Due::Bare(b'3')]);
    }

    // Asks for rows, and opens the COPY that takes them. CopyInResponse needs no Flush.
    fn fetch(&mut self, out: &mut Vec<u8>, copy: &str) {
        message::put_execute_some(out, &self.portal, i32::try_from(self.limit).unwrap_or(1));
        self.due.push_back(Due::Rows);
        self.start(out, copy);
        self.due.push_back(Due::CopyIn);
    }

    // Takes one answer. Whether it is one that is owed.
    fn answered(&mut self, tag: u8, body: &[u8]) -> Option<Due> {
        let due = self.due.pop_front()?;
        let fits = match due {
            Due::Bare(wanted) => tag == wanted && body.is_empty(),
            Due::Parameters => tag == b't' && answer::parameter_description(body).is_some(),
            Due::Witness | Due::Shape => tag == b'T',
            Due::Rows => {
                self.last = tag == b'C' && answer::command_tag(body).is_some();
                self.last || tag == b's' && body.is_empty()
            }
            Due::CopyIn => tag == b'G',
            Due::Done | Due::Tag => tag == b'C' && answer::command_tag(body).is_some(),
            Due::Failure => false,
            Due::Ready => tag == b'Z',
        };
        fits.then_some(due)
    }
}

impl<J: Judge> Conversation<J> {
    // A simple Query. `text`: the client's, where it may be sent again.
    pub(super) fn carry_query(&mut self, planned: &Planned, text: Option<Box<[u8]>>, out: &mut Out) {
        let statement = Arc::new(Statement::new(planned, &self.judge));
        let Some(rows) = statement.rows(&Formats::read(&BINARY)) else { return };
        let simple = Simple { epoch: self.path.epoch(), text, stale: None, synced: false };
        let mut carrying = Carrying::new(statement, Arc::new(rows), QUERY, Some(simple));
        let sent = self.render_text(&planned.text);
        let to = &mut out.to_server;
        // They are still there where an earlier one failed half-way.
        message::put_close(to, Target::Statement, QUERY);
        message::put_close(to, Target::Portal, QUERY);
        message::put_parse(to, QUERY, sent.as_bytes(), &[]);
        message::put_bind_binary(to, QUERY, QUERY);
        carrying.due.extend([Due::Bare(b'3'), Due::Bare(b'3'), Due::Bare(b'1'), Due::Bare(b'2')]);
        self.begin(carrying, out);
    }

    // An Execute. Nothing else is owed.
    pub(super) fn carry_portal(&mut self, portal: &[u8], statement: Arc<Statement>, out: &mut Out) {
        let Some(rows) = self.names.portal(portal).map(|p| Arc::clone(&p.rows)) else { return };
        self.begin(Carrying::new(statement, rows, portal, None), out);
    }

    fn begin(&mut self, mut c: Carrying, out: &mut Out) {
        let Some(carry) = c.statement.carry.clone() else { return };
        let to = &mut out.to_server;
        message::put_describe(to, Target::Portal, &c.portal);
        c.due.push_back(Due::Witness);
        c.run(to, &self.render_text(&carry.create), Due::Done);
        message::put_parse(to, STEP, carry.shape.as_bytes(), &[]);
        message::put_describe(to, Target::Statement, STEP);
        c.due.extend([Due::Bare(b'1'), Due::Parameters, Due::Shape]);
        c.fetch(to, &carry.copy);
        self.waiting = true;
        self.owe(Owed::Carry(Box::new(c)));
    }

    pub(super) fn carried(&mut self, mut carrying: Box<Carrying>, tag: u8, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        let c = &mut *carrying;
        match c.answered(tag, body).ok_or(Veto::Unexpected { tag: char::from(tag) })? {
            Due::Witness => {
                if c.simple.as_ref().is_some_and(|s| s.epoch != self.path.epoch()) {
                    return Err(Veto::PathMoved.into());
                }
                let fields = witness::check(&self.judge, &c.statement, body)?;
                c.types = fields.iter().map(|f| f.type_oid).collect();
            }
            Due::Shape => {
                let fields = answer::row_description(body).ok_or(Veto::Malformed { tag: 'T' })?;
                if !fields.iter().map(|f| f.type_oid).eq(c.types.iter().copied()) {
                    // What a name means has changed in between.
                    c.refusal = Some(stale::refusal());
                }
                c.made = true;
            }
            Due::CopyIn => self.fill(c, out),
            Due::Tag => c.tag = Some(body.into()),
            Due::Ready => return self.committed(carrying, body, out),
            Due::Bare(_) | Due::Parameters | Due::Rows | Due::Done | Due::Failure => {}
        }
        if c.due.is_empty() {
            self.tell_kept(c, out)?;
            return Ok(None);
        }
        Ok(Some(Owed::Carry(carrying)))
    }

    // The server waits for the chunk. With it goes what follows: the next rows, or the end.
    fn fill(&mut self, c: &mut Carrying, out: &mut Out) {
        let Some(carry) = c.statement.carry.clone() else { return };
        let to = &mut out.to_server;
        if c.refusal.is_some() || c.cancelled {
            frame::put(to, b'f', |b| message::put_cstring(b, b"refused"));
            c.due.push_back(Due::Failure);
            // The error comes at once, but an answer that follows it would not.
            return message::put_bare(to, b'H');
        }
        let chunk = c.take_chunk();
        frame::put(to, b'd', |b| {
            b.extend_from_slice(HEADER);
            b.extend_from_slice(&chunk);
            b.extend_from_slice(&TRAILER);
        });
        message::put_bare(to, b'c');
        c.end(to, Due::Done);
        if !c.last {
            return c.fetch(to, &carry.copy);
        }
        message::put_close(to, Target::Portal, &c.portal);
        c.due.push_back(Due::Bare(b'3'));
        if let Some(finish) = &carry.finish {
            c.run(to, &self.render_text(finish), Due::Tag);
        }
        if let Some(drop) = &carry.drop {
            c.run(to, drop, Due::Done);
        }
        match &mut c.simple {
            Some(simple) => {
                simple.synced = true;
                message::put_close(to, Target::Statement, QUERY);
                message::put_bare(to, b'S');
                c.due.extend([Due::Bare(b'3'), Due::Ready]);
            }
            None => message::put_bare(to, b'H'),
        }
    }

    fn tell_kept(&mut self, c: &mut Carrying, out: &mut Out) -> Result<(), End> {
        self.names.closed(Target::Portal, &c.portal);
        let tag = c.tag.take().unwrap_or_else(|| format!("SELECT {}\0", c.kept).into_bytes().into());
        let statement = Arc::clone(&c.statement);
        self.completed(&statement, &tag, out)
    }

    // ReadyForQuery after a simple Query: it is committed, or rolled back.
    fn committed(&mut self, mut carrying: Box<Carrying>, body: &[u8], out: &mut Out) -> Result<Option<Owed>, End> {
        // A simple Query drops them.
        self.names.closed(Target::Statement, b"");
        self.names.closed(Target::Portal, b"");
        let idle = Status::decode(body) == Some(Status::Idle);
        if !carrying.failed {
            self.tell_kept(&mut carrying, out)?;
        } else if let Some(Simple { stale: Some(told), text, .. }) = carrying.simple {
            match text {
                Some(text) if idle && !self.path.is_stale() => {
                    self.quiet = true;
                    self.again = Some(text);
                    return Ok(None);
                }
                Some(_) | None => told.put(&mut out.to_client, b'E'),
            }
        }
        self.ready(body, out)?;
        Ok(None)
    }

    pub(super) fn carry_failed(&mut self, mut carrying: Box<Carrying>, report: &Report, out: &mut Out) {
        let c = &mut *carrying;
        let named = !c.made && stale::is_of_a_name(report);
        // COPY was told to fail.
        let told_to = c.due.front() == Some(&Due::Failure);
        let refusal = c.refusal.take().filter(|_| told_to);
        let is_stale = named || stale::is_stale(report) || refusal.as_ref().is_some_and(|r| r.id == stale::ID);
        self.wants_fresh |= is_stale;
        // Where the transaction ends, cursors that are held run.
        let held = c.due.front() == Some(&Due::Ready) && self.names.holds_order();
        let order_is_data = held || c.statement.order_is_data && c.due.front() == Some(&Due::Rows);
        let told = match refusal {
            Some(refusal) if refusal.id == stale::ID => stale::report(),
            Some(refusal) => Report::of(&refusal),
            None if told_to && c.cancelled && report.code() == CANCELLED.0.as_bytes() => Report::ours("ERROR", CANCELLED.0, CANCELLED.1),
            None => {
                let writes = c.made && c.due.front() != Some(&Due::Rows);
                self.report(report, None, Ran { order_is_data, writes, ..Ran::default() })
            }
        };
        let Some(simple) = &mut c.simple else {
            told.put(&mut out.to_client, b'E');
            return self.skip(out);
        };
        if is_stale && simple.text.is_some() {
            simple.stale = Some(told);
        } else {
            told.put(&mut out.to_client, b'E');
        }
        if !simple.synced {
            simple.synced = true;
            message::put_bare(&mut out.to_server, b'S');
        }
        c.failed = true;
        c.chunk = Vec::new();
        c.due.clear();
        c.due.push_back(Due::Ready);
        self.ledger.put_back(Owed::Carry(carrying));
    }
}

/// One result-format code for all columns: binary.
pub(super) const BINARY: [u8; 2] = [0, 1];

/// The same Bind with all results in binary.
pub(super) fn in_binary(bind: &Bind<'_>, whole: &[u8]) -> Vec<u8> {
    let formats = bind.result_formats.len().saturating_add(2);
    let rest = whole.get(frame::HEADER..whole.len().saturating_sub(formats)).unwrap_or_default();
    let mut out = Vec::with_capacity(whole.len().saturating_add(2));
    frame::put(&mut out, b'B', |b| {
        b.extend_from_slice(rest);
        b.extend_from_slice(&[0, 1]);
        b.extend_from_slice(&BINARY);
    });
    out
}
