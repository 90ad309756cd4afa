//! What all connections share: snapshots, never locks held across a wait.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::queue::Queue;
use crate::cancel::Registry;
use crate::config::Config;
use crate::error::ConfigError;
use crate::judgement::{self, Engines};
use crate::login::scram::hmac_sha256;
use crate::login::tries::Tries;
use crate::lookup::Lookup;
use crate::snapshot::Snapshots;
use crate::users::Directory;
use pgveil_policy::Policy;

/// What all connections share.
pub struct Shared {
    /// The configuration.
    pub config: Config,
    /// Who may log in.
    pub users: Directory,
    /// Users that the database knows.
    pub lookup: Option<Lookup>,
    /// Which sessions can be cancelled.
    pub cancels: Registry,
    /// The policy, and what it means on each database that sessions are in.
    pub policy: Arc<Policy>,
    pub(super) engines: Snapshots<Engines>,
    pub(super) mock: [u8; 32],
    pub(super) tries: Tries,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) queue: Queue,
}

impl Shared {
    pub(super) fn new(config: Config) -> Result<Shared, ConfigError> {
        let users = Directory::open(&config.users)?;
        // From the key, so that a name gets the same salt after a restart and from every proxy with that key: else a salt
        // that changes would tell that there is no such user.
        let mock = hmac_sha256(&config.key.0, &[b"pgveil: SCRAM exchange with unknown users"]);
        let tries = hmac_sha256(&config.key.0, &[b"pgveil: counting failed logins"]);
        let tries = Tries::new(tries, config.failed_logins, config.failed_within);
        let asks_clients = config.tls.server().is_some_and(|server| server.asks_clients());
        let policy = Arc::new(judgement::policy(&config.policy, &config.file)?);
        let fault = |key: &str, problem: String, remedy: &str| ConfigError {
            file: config.file.clone(),
            key: key.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        for (name, user) in users.users().0.iter() {
            if user.auth.needs_certificate() && !asks_clients {
                return Err(ConfigError {
                    file: config.users.clone(),
                    key: format!("user.{name}.auth"),
                    problem: "a certificate is needed, but clients are not asked for one".to_owned(),
                    remedy: format!("write client_ca below [tls] in {}, with the roots that sign them", config.file.display()),
                });
            }
            if let Some(role) = user.roles.iter().find(|r| !policy.roles.contains_key(*r)) {
                let known: Vec<&str> = policy.roles.keys().map(String::as_str).collect();
                return Err(ConfigError {
                    file: config.users.clone(),
                    key: format!("user.{name}.roles"),
                    problem: format!("the policy has no role \"{role}\""),
                    remedy: format!(
                        "give the user one of its roles ({}), or add the role to {}",
                        known.join(", "),
                        config.policy.display()
                    ),
                });
            }
        }
        let named = config.auth.iter().flat_map(|auth| {
            let default = auth.default_role.iter().map(|role| ("auth.default_role".to_owned(), role));
            auth.groups.iter().map(|(group, role)| (format!("auth.roles.{group}"), role)).chain(default)
        });
        for (key, role) in named.chain(config.upstream.logins.keys().map(|role| (format!("upstream.account.{role}"), role))) {
            if !policy.roles.contains_key(role) {
                let known: Vec<&str> = policy.roles.keys().map(String::as_str).collect();
                return Err(fault(
                    &key,
                    format!("the policy has no role \"{role}\""),
                    &format!("name one of its roles: {}", known.join(", ")),
                ));
            }
        }
        let lookup = config.auth.as_ref().map(|auth| Lookup::new(Arc::clone(auth), Arc::clone(&config.upstream)));
        let engines = Engines::new(Arc::clone(&policy), Arc::clone(&config.upstream))
            .ok_or_else(|| fault("policy", "the system has no secure randomness".to_owned(), "repair the system's random source"))?;
        let sessions = Arc::new(Semaphore::new(config.max_connections));
        let queue = Queue::new(config.server_logins, config.login_timeout);
        Ok(Shared {
            config,
            users,
            lookup,
            cancels: Registry::default(),
            policy,
            engines: Snapshots::new(engines),
            mock,
            tries,
            sessions,
            queue,
        })
    }

    /// Whether anything is protected from a role.
    pub fn protects(&self, role: &str) -> bool {
        match self.policy.roles.get(role) {
            Some(role) => role.read_only || !role.sees_everything(self.policy.unclassified),
            None => true,
        }
    }
}
