//! The audit log: who asked what, and what became of it. One line of JSON each, chained so that an edit is found.
//!
//! Sessions put lines into a bounded queue; a thread of its own writes them. Where it cannot – the disk is full, say – a role with masks
//! runs nothing more until it can (`on_failure = "refuse"`), or lines are lost, and counted in the next one that is written (`continue`).
//! Parameters, passwords and what tokens stand for are never in it. The text of a statement is: it holds what users typed.

pub mod chain;
pub mod line;
pub mod tap;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use pgveil_policy::{Refusal, SqlState};

use crate::counters::Counters;
use crate::log;
use chain::Chain;
use line::{Line, Who};

/// The most lines that wait to be written.
const LINES: usize = 16 * 1024;

/// The most bytes of them.
const BYTES: usize = 64 << 20;

/// What is done when nothing can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Roles with masks run nothing.
    #[default]
    Refuse,
    /// All goes on, and lines are lost.
    Continue,
}

/// Where sessions put lines.
#[derive(Debug)]
pub struct Audit {
    to: SyncSender<Order>,
    on_failure: OnFailure,
    state: Arc<State>,
}

/// What both ends know.
#[derive(Debug, Default)]
struct State {
    /// The last attempt to write has failed.
    fails: AtomicBool,
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// Lines that had no room, since one was written last.
    lost: AtomicU64,
    /// The file was renamed: it is to be opened anew.
    renamed: AtomicBool,
    counters: Arc<Counters>,
}

/// What the thread is to do.
#[derive(Debug)]
enum Order {
    /// A line, without number and chain.
    Write(Vec<u8>),
    /// Look at [`State::renamed`].
    Look,
    /// Nothing more comes.
    Close(SyncSender<()>),
}

impl Audit {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// The file cannot be opened, read to its end or locked: another process writes to it.
    pub fn open(file: &Path, chain: Chain, on_failure: OnFailure, counters: Arc<Counters>) -> std::io::Result<Audit> {
        let (to, from): (_, Receiver<Order>) = sync_channel(LINES);
        let state = Arc::new(State { counters, ..State::default() });
        let writer = write::Writer::open(PathBuf::from(file), chain, Arc::clone(&state))?;
        thread::Builder::new().name("pgveil-audit".into()).spawn(move || writer.work(&from))?;
        Ok(Audit { to, on_failure, state })
    }

    /// Something that has happened.
    pub fn tell(&self, line: &Line<'_>) {
        let _lost = self.put(line);
    }

    /// Something that is about to be done for a role with masks.
    ///
    /// # Errors
    /// It must not be done, since it cannot be told.
    pub fn ask(&self, line: &Line<'_>) -> Result<(), Refusal> {
        let told = !self.state.fails.load(Ordering::Acquire) && self.put(line);
        if told || self.on_failure == OnFailure::Continue { Ok(()) } else { Err(refusal()) }
    }

    fn put(&self, line: &Line<'_>) -> bool {
        let bytes = line.bytes();
        let waiting = self.state.waiting.fetch_add(bytes.len(), Ordering::AcqRel);
        let length = bytes.len();
        let put = waiting.saturating_add(length) <= BYTES && self.to.try_send(Order::Write(bytes)).is_ok();
        if !put {
            self.state.waiting.fetch_sub(length, Ordering::AcqRel);
            self.state.counters.audit_lost.add();
            if self.state.lost.fetch_add(1, Ordering::AcqRel) == 0 {
                log::error("audit.lost", &[("why", &"more lines wait to be written than are kept")]);
            }
        }
        put
    }

    /// The file was renamed: a new one is begun.
    pub fn reopen(&self) {
        self.state.renamed.store(true, Ordering::Release);
        // Where there is no room it is awake.
        let _full = self.to.try_send(Order::Look);
    }

    /// All that was told is in the file when this returns, unless it cannot be written.
    pub fn close(&self) {
        let (done, wait) = sync_channel(1);
        if self.to.try_send(Order::Close(done)).is_ok() {
            let _late = wait.recv_timeout(std::time::Duration::from_secs(5));
        }
    }
}

/// Tells of one session.
#[derive(Debug, Clone)]
pub struct Auditor {
    /// Where to.
    pub audit: Arc<Audit>,
    /// Whose lines they are.
    pub who: Arc<Who>,
}

impl Auditor {
    /// A line of this session.
    pub fn line(&self, event: &'static str, outcome: Option<&'static str>) -> Line<'_> {
        let mut line = Line::new(event, Some(&self.who));
        line.outcome = outcome;
        line
    }
}

fn refusal() -> Refusal {
    Refusal::new(SqlState("58030"), "audit.unavailable", "the statement cannot be written to pgveil's audit log, and is not run")
        .with_detail("Its disk may be full.")
        .with_hint("Try again later, or tell whoever runs pgveil.")
}
