//! Requests to cancel what a session runs: it has given more than it may, or the session ends before it does.

use std::sync::Arc;

use super::{Session, Shared};
use crate::log;
use crate::relay::pump::Cancel;
use crate::upstream::Upstream;

/// Cancels what a session runs at the server.
#[derive(Debug)]
pub struct Brake {
    id: u64,
    pid: i32,
    secret: Vec<u8>,
    shared: Arc<Shared>,
}

impl Brake {
    pub(super) fn of(session: &Session, shared: &Arc<Shared>) -> Box<Brake> {
        let (pid, secret) = session.upstream.key();
        Box::new(Brake { id: session.id, pid, secret: secret.to_vec(), shared: Arc::clone(shared) })
    }

    /// For a statement that has given more than it may. Ends when the server has taken it, or cannot be told: that is the log's business.
    pub async fn pull(&self) {
        let _taken = self.send("limit.cancel_failed").await;
    }

    async fn send(&self, failed: &str) -> bool {
        let Brake { id, pid, secret, shared } = self;
        let sent = Upstream::cancel(&shared.config.upstream, *pid, secret, || true).await;
        if let Err(e) = &sent {
            log::error(failed, &[("id", id), ("pid", pid), ("error", e)]);
        }
        sent.is_ok()
    }
}

impl Cancel for Brake {
    /// For a session that ends. Among those of clients: when pgveil stops, it may be many at once.
    async fn cancel(&self) -> bool {
        let _place = self.shared.cancels.place().await;
        self.send("cancel.failed").await
    }
}
