//! What the judgement rests on, per database: loaded at its first session, refreshed on a timer and when something does not fit.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::error::UpstreamError;
use crate::log;
use crate::relay::Refresh;

/// Between two refreshes that nobody asked for.
pub const PERIOD: Duration = Duration::from_secs(60);

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
}

/// The snapshots of all databases that sessions are in.
pub struct Snapshots<L: Load> {
    load: Arc<L>,
    databases: DashMap<String, Arc<Database<L>>>,
}

/// The snapshot of one database.
pub struct Database<L: Load> {
    name: String,
    load: Arc<L>,
    current: ArcSwap<L::Snapshot>,
    /// When the last load ended; held while one is under way.
    loaded: Mutex<Instant>,
}

impl<L: Load> Snapshots<L> {
    /// None yet.
    pub fn new(load: L) -> Self {
        Snapshots { load: Arc::new(load), databases: DashMap::new() }
    }

    /// That of a database, loaded if it is the first to be asked for. Sessions that begin at the same time may both load it.
    ///
    /// # Errors
    /// As [`Load::load`].
    pub async fn of(&self, database: &str) -> Result<Arc<Database<L>>, UpstreamError> {
        if let Some(known) = self.databases.get(database) {
            return Ok(Arc::clone(&known));
        }
        let snapshot = self.load.load(database).await?;
        let fresh = Database {
            name: database.to_owned(),
            load: Arc::clone(&self.load),
            current: ArcSwap::from_pointee(snapshot),
            loaded: Mutex::new(Instant::now()),
        };
        Ok(Arc::clone(&self.databases.entry(database.to_owned()).or_insert(Arc::new(fresh))))
    }

    /// Refreshes, every [`PERIOD`], what sessions hold, and forgets the rest. Does not end.
    pub async fn keep_fresh(&self) {
        loop {
            sleep(PERIOD).await;
            self.databases.retain(|_, database| Arc::strong_count(database) > 1);
            let held: Vec<_> = self.databases.iter().map(|d| Arc::clone(&d)).collect();
            for database in held {
                database.refresh().await;
            }
        }
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

    // A load that fails leaves the last snapshot, and waits its turn like one that does not.
    async fn replace(&self, loaded: &mut Instant) {
        match self.load.load(&self.name).await {
            Ok(snapshot) => self.current.store(Arc::new(snapshot)),
            Err(error) => log::warn("snapshot.failed", &[("database", &self.name), ("why", &error)]),
        }
        *loaded = Instant::now();
    }
}

impl<L: Load> Refresh for Database<L> {
    async fn refresh(&self) {
        let mut loaded = self.loaded.lock().await;
        if loaded.elapsed() >= PAUSE {
            self.replace(&mut loaded).await;
        }
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
            let n = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
            if database == "gone" || n == 3 { Err(UpstreamError::Protocol("gone".into())) } else { Ok(n) }
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
            shop.refresh().await;
            assert_eq!(*shop.current(), 1, "just loaded");
            *shop.loaded.lock().await = Instant::now() - PAUSE;
            shop.refresh().await;
            shop.refresh().await;
            assert_eq!(*shop.current(), 2);
            *shop.loaded.lock().await = Instant::now() - PAUSE;
            shop.refresh().await;
            assert_eq!(*shop.current(), 2, "a load that fails leaves the last one");
            snapshots.reload().await;
            assert_eq!(*shop.current(), 4);
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
}
