//! The request to cancel what has given more than it may.

use std::sync::Arc;

use super::{Session, Shared};
use crate::log;
use crate::upstream::Upstream;

/// Cancels what a session runs at the server, where a statement of its role may give so many rows or bytes and no more.
#[derive(Debug)]
pub struct Brake {
    id: u64,
    pid: i32,
    secret: Vec<u8>,
    shared: Arc<Shared>,
}

impl Brake {
    pub(super) fn of(session: &Session, shared: &Arc<Shared>) -> Option<Box<Brake>> {
        let [_, rows, bytes] = session.follow.began().limits();
        rows.or(bytes)?;
        let (pid, secret) = session.upstream.key();
        Some(Box::new(Brake { id: session.id, pid, secret: secret.to_vec(), shared: Arc::clone(shared) }))
    }

    /// Ends when the server has taken it, or cannot be told: that is the log's business.
    pub async fn pull(&self) {
        let Brake { id, pid, secret, shared } = self;
        let sent = Upstream::cancel(&shared.config.upstream, *pid, secret, || true).await;
        if let Err(e) = sent {
            log::error("limit.cancel_failed", &[("id", id), ("pid", pid), ("error", &e)]);
        }
    }
}
