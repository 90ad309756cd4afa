//! CancelRequest: which client secret cancels which server session.
//!
//! The server's own key never reaches a client. A client is told the server's process id and a secret of ours; only that
//! pair is forwarded, to exactly that server session, and only while it lasts.

use std::sync::Arc;

use dashmap::DashMap;
use subtle::ConstantTimeEq;

/// Bytes of a secret in protocol 3.0.
const SHORT: usize = 4;
/// Bytes of a secret from protocol 3.2 on.
const LONG: usize = 32;

/// All sessions that can be cancelled.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    entries: Arc<DashMap<i32, Entry>>,
}

#[derive(Debug)]
struct Entry {
    ours: Vec<u8>,
    server: Vec<u8>,
}

/// A session's place in the [`Registry`]; dropped, it cannot be cancelled any more.
#[derive(Debug)]
pub struct CancelGuard {
    /// The server's process id, which the client is told too.
    pub pid: i32,
    /// The secret that the client was told: 4 bytes for protocol 3.0, 32 from 3.2 on.
    pub secret: Vec<u8>,
    entries: Arc<DashMap<i32, Entry>>,
}

impl Registry {
    /// Registers a server session and draws the client's secret.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn register(&self, pid: i32, server: &[u8], long: bool) -> Result<CancelGuard, getrandom::Error> {
        let mut secret = vec![0; if long { LONG } else { SHORT }];
        getrandom::fill(&mut secret)?;
        self.entries.insert(pid, Entry { ours: secret.clone(), server: server.to_vec() });
        Ok(CancelGuard { pid, secret, entries: Arc::clone(&self.entries) })
    }

    /// The server's secret for a client's pid and secret; `None` where there is no such session or the secret is another.
    pub fn find(&self, pid: i32, secret: &[u8]) -> Option<Vec<u8>> {
        let entry = self.entries.get(&pid)?;
        bool::from(entry.ours.ct_eq(secret)).then(|| entry.server.clone())
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        // The server may have given the pid to a newer session: only our own entry goes.
        self.entries.remove_if(&self.pid, |_, entry| entry.ours == self.secret);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pair_that_the_client_was_told_cancels() {
        let all = Registry::default();
        let guard = all.register(7, b"server", false).unwrap();
        assert_eq!(guard.secret.len(), SHORT);
        assert_eq!(all.find(7, &guard.secret).as_deref(), Some(&b"server"[..]));
        assert_eq!(all.find(7, b"server"), None);
        assert_eq!(all.find(7, &[]), None);
        assert_eq!(all.find(8, &guard.secret), None);
        let told = guard.secret.clone();
        drop(guard);
        assert_eq!(all.find(7, &told), None);
    }

    #[test]
    fn a_newer_session_with_the_same_pid_stays() {
        let all = Registry::default();
        let old = all.register(7, b"old", true).unwrap();
        let new = all.register(7, b"new", true).unwrap();
        assert_eq!(new.secret.len(), LONG);
        drop(old);
        assert_eq!(all.find(7, &new.secret).as_deref(), Some(&b"new"[..]));
    }
}
