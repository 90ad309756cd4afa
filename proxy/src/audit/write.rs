//! The thread that writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::chain::{Chain, Link};
use super::line::Line;
use super::{Order, State};
use crate::log;

/// Between two attempts to write, where one has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The most time that lines which are written stay in the system's memory only.
const DURABLE: Duration = Duration::from_secs(1);

/// Bytes from the end of a file in which its last line is looked for: more than a line has.
const TAIL: u64 = 1 << 20;

pub(super) struct Writer {
    path: PathBuf,
    file: File,
    chain: Chain,
    at: Link,
    state: Arc<State>,
    /// Lines of the members that could not be written yet.
    kept: Option<Vec<u8>>,
    unsynced: Option<Instant>,
}

impl Writer {
    pub(super) fn open(path: PathBuf, chain: Chain, state: Arc<State>) -> io::Result<Writer> {
        let mut file = open(&path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let (at, torn) = match chain.resume(&end) {
            Some((at, torn)) => (at, u64::try_from(torn).unwrap_or(u64::MAX)),
            None if end.contains(&b'\n') => return Err(io::Error::other("it holds something else than an audit log")),
            None => (Link::default(), length),
        };
        if torn > 0 {
            // No line: the process or the machine went down while it was written.
            file.set_len(length.saturating_sub(torn))?;
        }
        let mut writer = Writer { path, file, chain, at, state, kept: None, unsynced: None };
        let mut opened = Line::new("opened", None);
        opened.why = (torn > 0).then(|| format!("{torn} bytes of a line that was cut short were taken away"));
        writer.write(&opened.bytes())?;
        Ok(writer)
    }

    pub(super) fn work(mut self, from: &Receiver<Order>) {
        loop {
            if self.state.renamed.swap(false, Ordering::AcqRel) {
                self.reopen();
            }
            if let Some(kept) = self.kept.take() {
                self.put(kept);
                if self.kept.is_some() {
                    // Nothing is taken from the queue meanwhile: it fills, and then lines are lost, which is counted.
                    std::thread::sleep(PAUSE);
                    continue;
                }
            }
            let patience = self.unsynced.map_or(Duration::from_secs(3600), |since| DURABLE.saturating_sub(since.elapsed()));
            match from.recv_timeout(patience) {
                Ok(Order::Write(members)) => {
                    self.state.waiting.fetch_sub(members.len(), Ordering::AcqRel);
                    let lost = self.state.lost.swap(0, Ordering::AcqRel);
                    if lost > 0 {
                        let mut line = Line::new("lost", None);
                        line.lines = Some(lost);
                        if self.write(&line.bytes()).is_err() {
                            self.state.lost.fetch_add(lost, Ordering::AcqRel);
                        }
                    }
                    self.put(members);
                }
                Ok(Order::Look) => {}
                Ok(Order::Close(done)) => {
                    self.sync();
                    log::info("audit.closed", &[("lines", &self.at.next.saturating_sub(1)), ("digest", &self.at.digest)]);
                    let _gone = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
            if self.unsynced.is_some_and(|since| since.elapsed() >= DURABLE) {
                self.sync();
            }
        }
    }

    fn put(&mut self, members: Vec<u8>) {
        match self.write(&members) {
            Ok(()) => {
                if self.state.fails.swap(false, Ordering::AcqRel) {
                    log::info("audit.goes_on", &[("file", &self.path.display())]);
                }
            }
            Err(error) => {
                self.state.counters.audit_failures.add();
                if !self.state.fails.swap(true, Ordering::AcqRel) {
                    log::error("audit.failed", &[("file", &self.path.display()), ("error", &error)]);
                }
                self.kept = Some(members);
            }
        }
    }

    // A line is in the file as a whole, or not at all.
    fn write(&mut self, members: &[u8]) -> io::Result<()> {
        let mut at = self.at.clone();
        let line = self.chain.line(&mut at, members);
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(before)?;
            return Err(error);
        }
        self.at = at;
        self.unsynced.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn sync(&mut self) {
        self.unsynced = None;
        if let Err(error) = self.file.sync_data() {
            log::error("audit.sync", &[("file", &self.path.display()), ("error", &error)]);
        }
    }

    fn reopen(&mut self) {
        self.sync();
        match open(&self.path) {
            Ok(file) => {
                self.file = file;
                // What waits goes first.
                if self.kept.is_none() {
                    self.put(Line::new("opened", None).bytes());
                }
            }
            // Of this process: the file was not renamed.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => log::error("audit.reopen", &[("file", &self.path.display()), ("error", &error)]),
        }
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(io::ErrorKind::WouldBlock, "another process writes to it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Audit, OnFailure};
    use super::*;
    use crate::config::SecretKey;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("pgveil-audit-{name}-{}", std::process::id()));
            let _old = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    fn chain() -> Chain {
        Chain::new(&SecretKey([1; 32]))
    }

    #[test]
    fn the_chain_goes_on_over_restarts_and_rotations() {
        let folder = Folder::new("chain");
        let (file, old) = (folder.0.join("a"), folder.0.join("a.1"));
        let audit = Audit::open(&file, chain(), OnFailure::Refuse, Arc::default()).unwrap();
        assert!(Audit::open(&file, chain(), OnFailure::Refuse, Arc::default()).is_err(), "one process at a time");
        audit.ask(&Line::new("statement", None).sql("one")).unwrap();
        audit.close();
        fs::rename(&file, &old).unwrap();
        audit.reopen();
        audit.tell(&Line::new("statement", None).sql("two"));
        audit.reopen();
        audit.close();
        drop(audit);
        let (first, second) = (fs::read(&old).unwrap(), fs::read(&file).unwrap());
        let (first, second) = (chain().verify(&first).unwrap(), chain().verify(&second).unwrap());
        assert_eq!((first.lines, second.lines), (2, 2));
        assert_eq!(second.first.unwrap(), (3, first.last.digest));
        // The machine went down within a line.
        let mut torn = OpenOptions::new().append(true).open(&file).unwrap();
        torn.write_all(b"{\"seq\":5,\"ti").unwrap();
        let mut again = Audit::open(&file, chain(), OnFailure::Refuse, Arc::default());
        for _ in 0..600 {
            // The thread of the one before holds the file until it has seen that it is dropped.
            if again.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            again = Audit::open(&file, chain(), OnFailure::Refuse, Arc::default());
        }
        again.unwrap().close();
        let text = fs::read(&file).unwrap();
        assert_eq!(chain().verify(&text).unwrap().last.next, 6);
        assert!(String::from_utf8(text).unwrap().contains("12 bytes of a line that was cut short"));
        fs::write(folder.0.join("b"), "[class.c]\n").unwrap();
        assert!(Audit::open(&folder.0.join("b"), chain(), OnFailure::Refuse, Arc::default()).is_err(), "another file");
    }

    #[test]
    fn nothing_is_run_that_cannot_be_told() {
        // Every write to it says that the disk is full.
        let full = PathBuf::from("/dev/full");
        let state = Arc::new(State::default());
        let file = OpenOptions::new().write(true).open(&full).unwrap();
        let mut writer =
            Writer { path: full, file, chain: chain(), at: Link::default(), state: Arc::clone(&state), kept: None, unsynced: None };
        writer.put(Line::new("statement", None).bytes());
        assert!(writer.kept.is_some() && state.fails.load(Ordering::Acquire) && writer.at == Link::default());
        let (to, _from) = std::sync::mpsc::sync_channel(1);
        let audit = |on_failure| Audit { to: to.clone(), on_failure, state: Arc::clone(&state) };
        let line = Line::new("statement", None);
        assert_eq!(audit(OnFailure::Refuse).ask(&line).unwrap_err().id, "audit.unavailable");
        assert!(audit(OnFailure::Continue).ask(&line).is_ok());
        // Room again, and then none in the queue.
        state.fails.store(false, Ordering::Release);
        assert!(audit(OnFailure::Refuse).ask(&line).is_ok() && audit(OnFailure::Refuse).ask(&line).is_err());
        assert_eq!(state.lost.load(Ordering::Acquire), 1);
    }
}
