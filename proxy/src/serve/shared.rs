//! What all connections share: snapshots, never locks held across a wait.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::cancel::Registry;
use crate::config::Config;
use crate::error::ConfigError;
use crate::login::scram::hmac_sha256;
use crate::users::Directory;

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// The configuration.
    pub config: Config,
    /// Who may log in.
    pub users: Directory,
    /// Which sessions can be cancelled.
    pub cancels: Registry,
    pub(super) mock: [u8; 32],
    pub(super) sessions: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(config: Config) -> Result<Shared, ConfigError> {
        let users = Directory::open(&config.users)?;
        // From the key, so that a name gets the same salt after a restart and from every proxy with that key: else a salt
        // that changes would tell that there is no such user.
        let mock = hmac_sha256(&config.key.0, &[b"pgveil: SCRAM exchange with unknown users"]);
        let sessions = Arc::new(Semaphore::new(config.max_connections));
        Ok(Shared { config, users, cancels: Registry::default(), mock, sessions })
    }

    /// Whether anything is protected from a role. Until the policy says otherwise, something is.
    pub fn protects(&self, _role: &str) -> bool {
        true
    }
}
