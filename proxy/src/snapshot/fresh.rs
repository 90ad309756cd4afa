//! Looking for changes of the catalogs of the databases that sessions are in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use super::{AGAIN, Database, LONGEST, Load, Snapshots, in_time};
use crate::error::UpstreamError;
use crate::log;
use crate::relay::Refresh;

/// What is known of a database between two looks at it.
pub(super) struct Watched<W> {
    pub(super) connection: W,
    pub(super) state: String,
    /// What was read of that state is not there: it is read again.
    pub(super) missed: bool,
}

impl<L: Load> Snapshots<L> {
    /// Looks, every `period`, for changes of the databases that sessions hold, and forgets the rest. Does not end. A database that
    /// answers late holds up no other.
    pub async fn keep_fresh(&self, period: Duration) {
        let mut watched: HashMap<String, Watched<L::Watch>> = HashMap::new();
        let mut under_way: HashMap<Id, String> = HashMap::new();
        let mut looks = JoinSet::new();
        loop {
            let next = sleep(period);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    Some(done) = looks.join_next_with_id() => match done {
                        Ok((id, seen)) => {
                            if let (Some(name), Some(seen)) = (under_way.remove(&id), seen) {
                                watched.insert(name, seen);
                            }
                        }
                        Err(error) => {
                            under_way.remove(&error.id());
                            log::error("snapshot.panicked", &[("error", &error)]);
                        }
                    },
                }
            }
            self.databases.retain(|_, database| Arc::strong_count(database) > 1);
            self.loading.retain(|_, turn| Arc::strong_count(turn) > 1);
            let held: Vec<_> = self.databases.iter().map(|d| Arc::clone(&d)).collect();
            watched.retain(|name, _| held.iter().any(|d| d.name == *name));
            for database in held {
                if !under_way.values().any(|name| *name == database.name) {
                    let (name, last) = (database.name.clone(), watched.remove(&database.name));
                    under_way.insert(looks.spawn(async move { database.keep(last).await }).id(), name);
                }
            }
        }
    }
}

impl<L: Load> Database<L> {
    /// Looks at it, and loads it where it has changed or is old.
    pub(super) async fn keep(&self, last: Option<Watched<L::Watch>>) -> Option<Watched<L::Watch>> {
        let missed = last.as_ref().is_some_and(|last| last.missed);
        let (connection, state, changed) = match in_time(self.look(last)).await {
            Ok(seen) => seen,
            Err(error) => {
                log::warn("snapshot.watch", &[("database", &self.name), ("why", &error)]);
                return None;
            }
        };
        let age = self.age().await;
        let due = changed || age >= LONGEST || missed && age >= AGAIN;
        if due {
            self.refresh().await;
        }
        let missed = if due { self.failed.load(Ordering::Acquire) } else { missed };
        Some(Watched { connection, state, missed })
    }

    /// Whether the catalog is another than when it was last looked at; true at the first time.
    pub(super) async fn look(&self, last: Option<Watched<L::Watch>>) -> Result<(L::Watch, String, bool), UpstreamError> {
        let (mut watch, before) = match last {
            Some(Watched { connection, state, .. }) => (connection, Some(state)),
            None => (self.load.watch(&self.name).await?, None),
        };
        let state = self.load.state(&mut watch).await?;
        let changed = before.as_ref() != Some(&state);
        Ok((watch, state, changed))
    }
}
