//! What all connections share: snapshots, never locks held across a wait.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};

use super::queue::Queue;
use crate::audit::Audit;
use crate::audit::chain::Chain;
use crate::cancel::Registry;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ConfigError;
use crate::judgement::{Engines, Keys};
use crate::login::scram::hmac_sha256;
use crate::login::tries::Tries;
use crate::lookup::Lookup;
use crate::rules::Rules;
use crate::snapshot::Snapshots;
use crate::users::{Directory, Users};
use pgveil_policy::Policy;
use pgveil_policy::policy::Circumstances;

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
    /// What has happened so far.
    pub counters: Arc<Counters>,
    /// Where it is written down.
    pub audit: Option<Arc<Audit>>,
    /// The policy in force; sessions are told of another one.
    pub(crate) all_rules: watch::Sender<Arc<Rules>>,
    /// What it means on each database that sessions are in.
    pub(crate) engines: Snapshots<Engines>,
    /// Somebody asks for the policy file to be read.
    pub(crate) reload: Notify,
    /// What sessions make pseudonyms from.
    pub(super) keys: Keys,
    pub(super) mock: [u8; 32],
    pub(super) tries: Tries,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) queue: Queue,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config.file).finish_non_exhaustive()
    }
}

impl Shared {
    /// What conditions of roles ask for; `None` where they are not asked.
    pub(super) fn circumstances(&self, peer: SocketAddr, application: String) -> Option<Circumstances> {
        self.config.asks_conditions.then(|| Circumstances { from: peer.ip(), application })
    }

    pub(super) fn new(config: Config) -> Result<Shared, ConfigError> {
        let users = Directory::open(&config.users)?;
        // From the key, so that a name gets the same salt after a restart and from every proxy with that key: else a salt
        // that changes would tell that there is no such user.
        let mock = hmac_sha256(&config.key.0, &[b"pgveil: SCRAM exchange with unknown users"]);
        let tries = hmac_sha256(&config.key.0, &[b"pgveil: counting failed logins"]);
        let tries = Tries::new(tries, config.failed_logins, config.failed_within);
        let asks_clients = config.tls.server().is_some_and(|server| server.asks_clients());
        let rules = Arc::new(Rules::first(&config.policy, &config.file)?);
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
        }
        if let Some(fault) = config.roles_unknown_to(&rules.policy, &users.users().0).into_iter().next() {
            return Err(fault);
        }
        let lookup = config.auth.as_ref().map(|auth| Lookup::new(Arc::clone(auth), Arc::clone(&config.upstream)));
        let engines = Engines::new(Arc::clone(&config.upstream))
            .ok_or_else(|| fault("policy", "the system has no secure randomness".to_owned(), "repair the system's random source"))?;
        let sessions = Arc::new(Semaphore::new(config.max_connections));
        let queue = Queue::new(config.server_logins, config.login_timeout);
        let counters = Arc::new(Counters::default());
        let open = |file: &PathBuf| {
            Audit::open(file, Chain::with_old(&config.key, &config.old_keys), config.audit_on_failure, Arc::clone(&counters))
                .map(Arc::new)
                .map_err(|e| {
                    fault("audit.file", format!("{}: {e}", file.display()), "name a file that pgveil can write, and no other process does")
                })
        };
        let audit = config.audit.as_ref().map(open).transpose()?;
        Ok(Shared {
            audit,
            keys: Keys::new(&config.key, &config.old_keys),
            users,
            lookup,
            cancels: Registry::default(),
            counters,
            engines: Snapshots::new(engines, Arc::clone(&rules)),
            all_rules: watch::Sender::new(rules),
            reload: Notify::new(),
            mock,
            tries,
            sessions,
            queue,
            config,
        })
    }

    /// The policy in force.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.all_rules.borrow())
    }
}

impl Config {
    /// A fault for each role that a user, a group or an account has, and the policy has not.
    pub(crate) fn roles_unknown_to(&self, policy: &Policy, users: &Users) -> Vec<ConfigError> {
        let known = || policy.roles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut faults = Vec::new();
        for (name, role) in users.iter().flat_map(|(name, user)| user.roles.iter().map(move |role| (name, role))) {
            if !policy.roles.contains_key(role) {
                faults.push(ConfigError {
                    file: self.users.clone(),
                    key: format!("user.{name}.roles"),
                    problem: format!("the policy has no role \"{role}\""),
                    remedy: format!("give the user one of its roles ({}), or add the role to {}", known(), self.policy.display()),
                });
            }
        }
        let named = self.auth.iter().flat_map(|auth| {
            let default = auth.default_role.iter().map(|role| ("auth.default_role".to_owned(), role));
            auth.groups.iter().map(|(group, role)| (format!("auth.roles.{group}"), role)).chain(default)
        });
        for (key, role) in named.chain(self.upstream.logins.keys().map(|role| (format!("upstream.account.{role}"), role))) {
            if !policy.roles.contains_key(role) {
                faults.push(ConfigError {
                    file: self.file.clone(),
                    key,
                    problem: format!("the policy has no role \"{role}\""),
                    remedy: format!("name one of its roles: {}", known()),
                });
            }
        }
        faults
    }
}
