//! What the judgement rests on, per database: loaded at its first session, and again when the catalog has changed (it is asked
//! every [`PERIOD`]), every [`LONGEST`] in any case, and when something does not fit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::error::UpstreamError;
use crate::log;
use crate::relay::Refresh;

/// Between two questions whether the catalog has changed.
pub const PERIOD: Duration = Duration::from_secs(2);

/// The greatest age of a snapshot, whatever the answers.
pub const LONGEST: Duration = Duration::from_secs(60);

/// Between two refreshes that sessions ask for.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Reads a snapshot of a database from its server.
pub trait Load: Send + Sync + 'static {
    /// What is read: a catalog, and the engines on it.
    type Snapshot: Send + Sync + 'static;

    /// Reads it.
    ///
    /// # Errors
    /// Where the server cannot be asked, or its answers do not make a snapshot.
    fn load(&self, database: &str) -> impl Future<Output = Result<Self::Snapshot, UpstreamError>> + Send;

    /// A connection on which changes are looked for.
    type Watch: Send;

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
    databases: DashMap<String, Arc<Database<L>>>,
    /// Of databases that are loaded for the first time: held while one session loads, with how that failed last.
    loading: DashMap<String, Arc<Mutex<Option<Failure>>>>,
}

/// When and how a load failed.
type Failure = (Instant, Arc<UpstreamError>);

/// The snapshot of one database.
pub struct Database<L: Load> {
    name: String,
    load: Arc<L>,
    current: ArcSwap<L::Snapshot>,
    /// How often it was replaced.
    generation: AtomicU64,
    /// How often a session committed a change that it does not show.
    changes: AtomicU64,
    /// Of these, as many as it shows for certain.
    shown: AtomicU64,
    /// When the last load began; held while one is under way.
    loaded: Mutex<Instant>,
}

impl<L: Load> Snapshots<L> {
    /// None yet.
    pub fn new(load: L) -> Self {
        Snapshots { load: Arc::new(load), databases: DashMap::new(), loading: DashMap::new() }
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
        let snapshot = match self.load.load(database).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let error = Arc::new(error);
                *last = Some((Instant::now(), Arc::clone(&error)));
                return Err(error);
            }
        };
        let fresh = Database {
            name: database.to_owned(),
            load: Arc::clone(&self.load),
            current: ArcSwap::from_pointee(snapshot),
            generation: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            shown: AtomicU64::new(0),
            loaded: Mutex::new(Instant::now()),
        };
        Ok(Arc::clone(&self.databases.entry(database.to_owned()).or_insert(Arc::new(fresh))))
    }

    /// Looks, every `period`, for changes of the databases that sessions hold, and forgets the rest. Does not end.
    pub async fn keep_fresh(&self, period: Duration) {
        let mut watched: HashMap<String, (L::Watch, String)> = HashMap::new();
        loop {
            sleep(period).await;
            self.databases.retain(|_, database| Arc::strong_count(database) > 1);
            self.loading.retain(|_, turn| Arc::strong_count(turn) > 1);
            let held: Vec<_> = self.databases.iter().map(|d| Arc::clone(&d)).collect();
            watched.retain(|name, _| held.iter().any(|d| d.name == *name));
            for database in held {
                match self.look(&database.name, watched.remove(&database.name)).await {
                    Ok((watch, state, changed)) => {
                        if changed || database.age().await >= LONGEST {
                            database.refresh().await;
                        }
                        watched.insert(database.name.clone(), (watch, state));
                    }
                    Err(error) => log::warn("snapshot.watch", &[("database", &database.name), ("why", &error)]),
                }
            }
        }
    }

    /// Whether the catalog is another than when it was last looked at; true at the first time.
    async fn look(&self, database: &str, last: Option<(L::Watch, String)>) -> Result<(L::Watch, String, bool), UpstreamError> {
        let (mut watch, before) = match last {
            Some((watch, state)) => (watch, Some(state)),
            None => (self.load.watch(database).await?, None),
        };
        let state = self.load.state(&mut watch).await?;
        let changed = before.as_ref() != Some(&state);
        Ok((watch, state, changed))
    }

    /// Loads all again, whenever they were loaded: the policy has changed.
    pub async fn reload(&self) {
        let all: Vec<_> = self.databases.iter().map(|d| Arc::clone(&d)).collect();
        for database in all {
            let mut loaded = database.loaded.lock().await;
            database.replace(&mut loaded).await;
        }
    }
}

impl<L: Load> Database<L> {
    /// The snapshot of this moment.
    pub fn current(&self) -> Arc<L::Snapshot> {
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

    /// Another number once the snapshot is another.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
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
        let changes = self.changes();
        match self.load.load(&self.name).await {
            Ok(snapshot) => {
                self.current.store(Arc::new(snapshot));
                self.shown.store(changes, Ordering::Release);
                // Behind the snapshot: who has seen the new number gets the new snapshot.
                self.generation.fetch_add(1, Ordering::Release);
            }
            Err(error) => log::warn("snapshot.failed", &[("database", &self.name), ("why", &error)]),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counter {
        loads: AtomicUsize,
    }

    impl Load for Counter {
        type Snapshot = usize;

        async fn load(&self, database: &str) -> Result<usize, UpstreamError> {
            tokio::task::yield_now().await;
            let n = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
            if database == "gone" || n == 3 { Err(UpstreamError::Protocol("gone".into())) } else { Ok(n) }
        }

        type Watch = usize;

        async fn watch(&self, _database: &str) -> Result<usize, UpstreamError> {
            Ok(0)
        }

        // Another one at every second question.
        async fn state(&self, watch: &mut usize) -> Result<String, UpstreamError> {
            *watch += 1;
            Ok((*watch / 2).to_string())
        }
    }

    fn run(work: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work);
    }

    #[test]
    fn a_database_is_loaded_once_and_refreshed_at_most_once_a_second() {
        run(async {
            let snapshots = Snapshots::new(Counter::default());
            let shop = snapshots.of("shop").await.unwrap();
            assert!(Arc::ptr_eq(&shop, &snapshots.of("shop").await.unwrap()));
            let begun = Instant::now();
            tokio::join!(shop.refresh(), shop.refresh(), shop.refresh());
            assert_eq!(*shop.current(), 2, "one load serves all who asked before it");
            assert!(begun.elapsed() >= PAUSE / 2, "just loaded: it waits");
            *shop.loaded.lock().await = Instant::now() - PAUSE;
            shop.refresh().await;
            assert_eq!(*shop.current(), 2, "a load that fails leaves the last one");
            snapshots.reload().await;
            assert_eq!(*shop.current(), 4);
        });
    }

    #[test]
    fn a_change_of_the_catalog_is_seen_once() {
        run(async {
            let snapshots = Snapshots::new(Counter::default());
            let mut last = None;
            let mut seen = Vec::new();
            for _ in 0..4 {
                let (watch, state, changed) = snapshots.look("shop", last).await.unwrap();
                seen.push(changed);
                last = Some((watch, state));
            }
            assert_eq!(seen, [true, true, false, true]);
        });
    }

    #[test]
    fn a_database_that_cannot_be_loaded_is_not_kept() {
        run(async {
            let snapshots = Snapshots::new(Counter::default());
            assert!(snapshots.of("gone").await.is_err());
            assert!(snapshots.databases.is_empty());
        });
    }

    #[test]
    fn sessions_that_begin_together_load_once_and_fail_together() {
        run(async {
            let snapshots = Snapshots::new(Counter::default());
            let (a, b, c) = tokio::join!(snapshots.of("shop"), snapshots.of("shop"), snapshots.of("shop"));
            let shop = a.unwrap();
            assert!(Arc::ptr_eq(&shop, &b.unwrap()) && Arc::ptr_eq(&shop, &c.unwrap()));
            assert_eq!(snapshots.load.loads.load(Ordering::Relaxed), 1);
            let (a, b) = tokio::join!(snapshots.of("gone"), snapshots.of("gone"));
            assert!(Arc::ptr_eq(&a.err().unwrap(), &b.err().unwrap()));
            assert_eq!(snapshots.load.loads.load(Ordering::Relaxed), 2);
            assert!(snapshots.of("gone").await.is_err());
            assert_eq!(snapshots.load.loads.load(Ordering::Relaxed), 3, "who asks later asks anew");
        });
    }
}
