//! What a session's own task is asked, and told, of requests to cancel.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

/// What a session's task is told.
#[derive(Debug)]
pub enum Asked {
    /// To say at which count of ReadyForQuery messages all that is under way will have ended; `None` where nothing is.
    Now(oneshot::Sender<Option<u64>>),
    /// The server has taken a request for what ends with that count.
    Delivered(u64),
}

/// What a session's task is asked. A channel would take most of what a session keeps while it idles.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// In order; `None`: the session is over. Never held across a wait; at most [`super::ASKING`] questions and one delivery.
    open: Mutex<Option<Vec<Asked>>>,
    more: Notify,
}

impl Questions {
    /// A session may be asked from now on.
    pub fn new() -> Arc<Questions> {
        Arc::new(Questions { open: Mutex::new(Some(Vec::new())), more: Notify::new() })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Option<Vec<Asked>>) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is somebody to be told.
    pub fn tell(&self, asked: Asked) -> bool {
        let told = self.with(|open| open.as_mut().map(|open| open.push(asked))).is_some();
        self.more.notify_one();
        told
    }

    /// The next one. Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Asked {
        loop {
            if let Some(asked) = self.with(|open| open.as_mut().filter(|open| !open.is_empty()).map(|open| open.remove(0))) {
                return asked;
            }
            self.more.notified().await;
        }
    }

    /// The session is over.
    pub fn close(&self) {
        drop(self.with(Option::take));
    }

    /// It is over.
    pub fn is_closed(&self) -> bool {
        self.with(|open| open.is_none())
    }
}
