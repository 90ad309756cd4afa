//! What the judgement rests on, per database: loaded at its first session, and again when the catalog has changed (it is asked
//! every [`PERIOD`]), every [`LONGEST`] in any case, and when something does not fit. What it is put on, the policy, can be another
//! from one moment to the next, for all databases or for none: [`Snapshots::rebase`].

mod fresh;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::{DashMap, Entry};
use tokio::sync::{Mutex, RwLock};
use tokio::time::{Instant, sleep, timeout};

use crate::error::UpstreamError;
use crate::log;
use crate::relay::Refresh;

/// Between two questions whether the catalog has changed.
pub const PERIOD: Duration = Duration::from_secs(2);

/// The greatest age of a snapshot, whatever the answers.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Between two refreshes that sessions ask for.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The longest that a load waits for a lock: whoever changes tables in a transaction holds up nobody else. What was loaded last stands.
pub const LOCKED: Duration = Duration::from_secs(1);

/// The same of a first load, without which nobody can log in.
pub const LOCKED_FIRST: Duration = Duration::from_secs(10);

/// The longest that a load or a look takes, whatever it waits for.
pub const MOST: Duration = Duration::from_secs(120);

/// Between two loads where the first has failed and the catalog is what it was.
pub const AGAIN: Duration = Duration::from_secs(10);

/// Reads a snapshot of a database from its server.
pub trait Load: Send + Sync + 'static {
    /// What is read: a catalog, and the engines on it.
    type Snapshot: Send + Sync + 'static;

    /// What is the same for all databases: the policy.
    type Basis: Send + Sync + 'static;

    /// What [`Load::stored`] wants to know of a load.
    type Receipt: Send;

    /// Reads it. `locked`: the longest that it waits for a lock.
    ///
    /// # Errors
    /// Where the server cannot be asked, its answers do not make a snapshot, or the basis does not fit it.
    fn load(
        &self,
        database: &str,
        basis: &Arc<Self::Basis>,
        locked: Duration,
    ) -> impl Future<Output = Result<(Self::Snapshot, Self::Receipt), UpstreamError>> + Send;

    /// Puts a basis on what was read before, without asking the server.
    ///
    /// # Errors
    /// The basis does not fit it.
    fn reuse(
        &self,
        database: &str,
        basis: &Arc<Self::Basis>,
        last: &Self::Snapshot,
    ) -> Result<(Self::Snapshot, Self::Receipt), UpstreamError>;

    /// What was loaded is what sessions see from now on.
    fn stored(&self, database: &str, basis: &Arc<Self::Basis>, snapshot: &Self::Snapshot, receipt: Self::Receipt);

    /// A connection on which changes are looked for.
    type Watch: Send + 'static;

    /// Opens one.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    fn watch(&self, database: &str) -> impl Future<Output = Result<Self::Watch, UpstreamError>> + Send;

    /// A text that is another one once the catalog has changed.
    ///
    /// # Errors
    /// Where the server does not answer.
    fn state(&self, watch: &mut Self::Watch) -> impl Future<Output = Result<String, UpstreamError>> + Send;
}

/// The snapshots of all databases that sessions are in.
pub struct Snapshots<L: Load> {
    load: Arc<L>,
    basis: Arc<ArcSwap<L::Basis>>,
    databases: DashMap<String, Arc<Database<L>>>,
    /// Of databases that are loaded for the first time: held while one session loads, with how that failed last.
    loading: DashMap<String, Arc<Mutex<Option<Failure>>>>,
    /// Held to read while a database is loaded for the first time, to write while all are put on another basis.
    opening: RwLock<()>,
}

/// When and how a load failed.
type Failure = (Instant, Arc<UpstreamError>);

/// The snapshot of one database.
pub struct Database<L: Load> {
    name: String,
    load: Arc<L>,
    basis: Arc<ArcSwap<L::Basis>>,
    current: ArcSwap<Shown<L>>,
    /// How often a session committed a change that it does not show.
    changes: AtomicU64,
    /// Of these, as many as it shows for certain.
    shown: AtomicU64,
    /// When the last load began; held while one is under way.
    loaded: Mutex<Instant>,
    /// It gave nothing.
    failed: AtomicBool,
}

/// A snapshot, and what it is put on.
pub struct Shown<L: Load> {
    /// Another one for each snapshot of the database.
    pub number: u64,
    /// What it is put on.
    pub basis: Arc<L::Basis>,
    /// What was read.
    pub snapshot: L::Snapshot,
}

impl<L: Load> Deref for Shown<L> {
    type Target = L::Snapshot;

    fn deref(&self) -> &L::Snapshot {
        &self.snapshot
    }
}

impl<L: Load> Snapshots<L> {
    /// None yet.
    pub fn new(load: L, basis: Arc<L::Basis>) -> Self {
        let basis = Arc::new(ArcSwap::new(basis));
        Snapshots { load: Arc::new(load), basis, databases: DashMap::new(), loading: DashMap::new(), opening: RwLock::new(()) }
    }

    /// That of a database, loaded if it is the first to be asked for. Of sessions that begin at the same time one loads it, and the
    /// others wait; if it fails, it has failed for all that waited.
    ///
    /// # Errors
    /// As [`Load::load`].
    pub async fn of(&self, database: &str) -> Result<Arc<Database<L>>, Arc<UpstreamError>> {
        let known = || self.databases.get(database).map(|known| Arc::clone(&known));
        if let Some(known) = known() {
            return Ok(known);
        }
        let asked = Instant::now();
        let turn = Arc::clone(&self.loading.entry(database.to_owned()).or_default());
        let mut last = turn.lock().await;
        if let Some(known) = known() {
            return Ok(known);
        }
        if let Some((_, error)) = last.as_ref().filter(|(failed, _)| *failed >= asked) {
            return Err(Arc::clone(error));
        }
        let _same_basis = self.opening.read().await;
        let basis = self.basis.load_full();
        let (snapshot, receipt) = match in_time(self.load.load(database, &basis, LOCKED_FIRST)).await {
            Ok(loaded) => loaded,
            Err(error) => {
                let error = Arc::new(error);
                *last = Some((Instant::now(), Arc::clone(&error)));
                return Err(error);
            }
        };
        Ok(match self.databases.entry(database.to_owned()) {
            Entry::Occupied(other) => Arc::clone(other.get()),
            Entry::Vacant(place) => {
                self.load.stored(database, &basis, &snapshot, receipt);
                let fresh = Database {
                    name: database.to_owned(),
                    load: Arc::clone(&self.load),
                    basis: Arc::clone(&self.basis),
                    current: ArcSwap::from_pointee(Shown { number: 0, basis, snapshot }),
                    changes: AtomicU64::new(0),
                    shown: AtomicU64::new(0),
                    loaded: Mutex::new(Instant::now()),
                    failed: AtomicBool::new(false),
                };
                Arc::clone(&place.insert(Arc::new(fresh)))
            }
        })
    }

    /// Puts all databases that sessions are in on another basis, at once; those that are opened later are loaded on it.
    ///
    /// # Errors
    /// One for each database that it does not fit: all stay as they are. One that cannot be read now is put on it as it was read last: who
    /// holds a lock, or all connections that the server has, does not choose the policy.
    pub async fn rebase(&self, basis: Arc<L::Basis>) -> Result<(), Vec<UpstreamError>> {
        let _none_is_opened = self.opening.write().await;
        // Nobody is in these: they are loaded when somebody comes.
        self.databases.retain(|_, database| Arc::strong_count(database) > 1);
        let mut all: Vec<_> = self.databases.iter().map(|d| Arc::clone(&d)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mut held = Vec::new();
        for database in &all {
            // Nobody else loads, and stores a snapshot on the old basis.
            held.push(database.loaded.lock().await);
        }
        let (mut fresh, mut errors) = (Vec::new(), Vec::new());
        for (database, loaded) in all.iter().zip(&mut held) {
            **loaded = Instant::now();
            let changes = database.changes();
            match in_time(self.load.load(&database.name, &basis, LOCKED)).await {
                Ok((snapshot, receipt)) => fresh.push((database, changes, snapshot, receipt)),
                Err(error @ UpstreamError::Policy { .. }) => errors.push(error),
                Err(error) => match self.load.reuse(&database.name, &basis, &database.current()) {
                    Ok((snapshot, receipt)) => {
                        log::warn("snapshot.reused", &[("database", &database.name), ("why", &error)]);
                        database.failed.store(true, Ordering::Release);
                        // It is read at the next look.
                        **loaded = Instant::now().checked_sub(LONGEST).unwrap_or(**loaded);
                        fresh.push((database, database.shown(), snapshot, receipt));
                    }
                    Err(unfit) => errors.push(unfit),
                },
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.basis.store(Arc::clone(&basis));
        for (database, changes, snapshot, receipt) in fresh {
            database.store(Arc::clone(&basis), changes, snapshot, receipt);
        }
        Ok(())
    }
}

impl<L: Load> Database<L> {
    /// The snapshot of this moment.
    pub fn current(&self) -> Arc<Shown<L>> {
        self.current.load_full()
    }

    /// The database's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What loads it.
    pub fn loader(&self) -> &L {
        &self.load
    }

    /// How often a session committed a change of the catalog.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// As many of them as the snapshot shows for certain.
    pub fn shown(&self) -> u64 {
        self.shown.load(Ordering::Acquire)
    }

    /// A session has committed a change of the catalog. Gives the number before.
    pub fn changed(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::AcqRel)
    }

    async fn age(&self) -> Duration {
        self.loaded.lock().await.elapsed()
    }

    // A load that fails leaves the last snapshot, and waits its turn like one that does not.
    async fn replace(&self, loaded: &mut Instant) {
        *loaded = Instant::now();
        let (changes, basis) = (self.changes(), self.basis.load_full());
        match in_time(self.load.load(&self.name, &basis, LOCKED)).await {
            Ok((snapshot, receipt)) => {
                self.store(basis, changes, snapshot, receipt);
                self.failed.store(false, Ordering::Release);
            }
            Err(error) => {
                log::warn("snapshot.failed", &[("database", &self.name), ("why", &error)]);
                self.failed.store(true, Ordering::Release);
            }
        }
    }

    // `loaded` is held.
    fn store(&self, basis: Arc<L::Basis>, changes: u64, snapshot: L::Snapshot, receipt: L::Receipt) {
        self.load.stored(&self.name, &basis, &snapshot, receipt);
        let number = self.current.load().number.wrapping_add(1);
        self.current.store(Arc::new(Shown { number, basis, snapshot }));
        self.shown.store(changes, Ordering::Release);
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, UpstreamError>>) -> Result<T, UpstreamError> {
    let late = |_| UpstreamError::Io(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", MOST.as_secs())));
    timeout(MOST, work).await.map_err(late)?
}

impl<L: Load> Refresh for Database<L> {
    /// At most once a [`PAUSE`]: who asks sooner waits, and one load serves all who asked before it began.
    async fn refresh(&self) {
        let asked = Instant::now();
        let mut loaded = self.loaded.lock().await;
        if *loaded >= asked {
            return;
        }
        sleep(PAUSE.saturating_sub(loaded.elapsed())).await;
        self.replace(&mut loaded).await;
    }
}
