use std::sync::atomic::{AtomicUsize, Ordering};

use super::fresh::Watched;
use super::*;

#[derive(Default)]
struct Counter {
    loads: AtomicUsize,
    /// The server cannot be read.
    locked: AtomicBool,
}

fn unfit(database: &str) -> UpstreamError {
    UpstreamError::Policy { database: database.to_owned(), faults: "13".to_owned() }
}

impl Load for Counter {
    type Snapshot = usize;
    type Basis = usize;
    type Receipt = ();

    async fn load(&self, database: &str, basis: &Arc<usize>, _: Duration) -> Result<(usize, ()), UpstreamError> {
        tokio::task::yield_now().await;
        let n = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        if database == "gone" || n == 3 || self.locked.load(Ordering::Relaxed) {
            return Err(UpstreamError::Protocol("gone".into()));
        }
        if **basis == 13 { Err(unfit(database)) } else { Ok((n, ())) }
    }

    fn reuse(&self, database: &str, basis: &Arc<usize>, last: &usize) -> Result<(usize, ()), UpstreamError> {
        if **basis == 13 { Err(unfit(database)) } else { Ok((*last, ())) }
    }

    fn stored(&self, _: &str, _: &Arc<usize>, _: &usize, (): ()) {}

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
        let snapshots = Snapshots::new(Counter::default(), Arc::new(1));
        let shop = snapshots.of("shop").await.unwrap();
        assert!(Arc::ptr_eq(&shop, &snapshots.of("shop").await.unwrap()));
        let begun = Instant::now();
        tokio::join!(shop.refresh(), shop.refresh(), shop.refresh());
        assert_eq!(**shop.current(), 2, "one load serves all who asked before it");
        assert!(begun.elapsed() >= PAUSE / 2, "just loaded: it waits");
        *shop.loaded.lock().await = Instant::now() - PAUSE;
        shop.refresh().await;
        assert_eq!(**shop.current(), 2, "a load that fails leaves the last one");
    });
}

#[test]
fn all_databases_get_another_basis_or_none_does() {
    run(async {
        let snapshots = Snapshots::new(Counter { loads: AtomicUsize::new(10), ..Counter::default() }, Arc::new(1));
        let (shop, town) = (snapshots.of("shop").await.unwrap(), snapshots.of("town").await.unwrap());
        drop(snapshots.of("left").await.unwrap());
        let seen = || [&shop, &town].map(|d| (d.current().number, *d.current().basis));
        assert_eq!(snapshots.rebase(Arc::new(13)).await.unwrap_err().len(), 2);
        assert_eq!(seen(), [(0, 1); 2]);
        assert!(!snapshots.databases.contains_key("left"), "it is loaded when somebody comes");
        snapshots.rebase(Arc::new(2)).await.unwrap();
        assert_eq!(seen(), [(1, 2); 2]);
        shop.refresh().await;
        assert_eq!(seen(), [(2, 2), (1, 2)]);
        assert_eq!(*snapshots.of("late").await.unwrap().current().basis, 2);
    });
}

#[test]
fn a_change_of_the_catalog_is_seen_once() {
    run(async {
        let snapshots = Snapshots::new(Counter::default(), Arc::new(1));
        let shop = snapshots.of("shop").await.unwrap();
        let mut last = None;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (connection, state, changed) = shop.look(last).await.unwrap();
            seen.push(changed);
            last = Some(Watched { connection, state, missed: false });
        }
        assert_eq!(seen, [true, true, false, true]);
    });
}

#[test]
fn another_basis_does_not_wait_for_a_server_that_cannot_be_read() {
    run(async {
        let snapshots = Snapshots::new(Counter { loads: AtomicUsize::new(10), ..Counter::default() }, Arc::new(1));
        let shop = snapshots.of("shop").await.unwrap();
        snapshots.load.locked.store(true, Ordering::Relaxed);
        let seen = || (shop.current().number, *shop.current().basis, **shop.current());
        assert_eq!(snapshots.rebase(Arc::new(13)).await.unwrap_err().len(), 1, "it does not fit what was read last");
        assert_eq!(seen(), (0, 1, 11));
        snapshots.rebase(Arc::new(2)).await.unwrap();
        assert_eq!(seen(), (1, 2, 11), "what was read last");
        let kept = shop.keep(None).await.unwrap();
        assert!(kept.missed && seen() == (1, 2, 11));
        snapshots.load.locked.store(false, Ordering::Relaxed);
        // Not at once, where the catalog is what it was.
        let kept = shop.keep(Some(Watched { connection: 0, ..kept })).await.unwrap();
        assert!(kept.missed && seen().0 == 1);
        *shop.loaded.lock().await = Instant::now() - AGAIN;
        let kept = shop.keep(Some(Watched { connection: 0, ..kept })).await.unwrap();
        assert!(!kept.missed);
        assert_eq!((seen().0, seen().1), (2, 2));
    });
}

#[test]
fn a_database_that_cannot_be_loaded_is_not_kept() {
    run(async {
        let snapshots = Snapshots::new(Counter::default(), Arc::new(1));
        assert!(snapshots.of("gone").await.is_err());
        assert!(snapshots.databases.is_empty());
    });
}

#[test]
fn sessions_that_begin_together_load_once_and_fail_together() {
    run(async {
        let snapshots = Snapshots::new(Counter::default(), Arc::new(1));
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
