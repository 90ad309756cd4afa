//! `pgveil.toml`: read, checked and loaded once, at start.

mod key;
mod load;
mod section;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pgveil_certs::server::Server;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::audit::OnFailure;
use crate::upstream::Salted;

/// All that `pgveil serve` needs, with its files loaded.
#[derive(Debug, Clone)]
pub struct Config {
    /// The configuration file itself, for messages.
    pub file: PathBuf,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The policy file, as an absolute path or relative to the working directory.
    pub policy: PathBuf,
    /// The users file, likewise.
    pub users: PathBuf,
    /// The key from which pseudonyms are made.
    pub key: SecretKey,
    /// Keys from which they were made before: their tokens are still turned back.
    pub old_keys: Vec<SecretKey>,
    /// The database server.
    pub upstream: Arc<UpstreamConfig>,
    /// TLS towards clients.
    pub tls: ClientTls,
    /// What certificate every login needs.
    pub client_cert: ClientCert,
    /// Where the audit log goes.
    pub audit: Option<PathBuf>,
    /// What is done when nothing can be written there.
    pub audit_on_failure: OnFailure,
    /// The most connections at one time; further ones get 53300.
    pub max_connections: usize,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// Sessions that log in with the server at one time; further ones wait, as long as a login may take.
    pub server_logins: usize,
    /// How many logins of one user from one address may fail within [`Config::failed_within`].
    pub failed_logins: u32,
    /// See [`Config::failed_logins`].
    pub failed_within: Duration,
    /// The order key of every session, in place of a random one for each. The file cannot say it: it is for tests that
    /// compare the orders of rows of two databases. 32 letters and digits.
    pub order_key: Option<String>,
    /// Conditions of roles are asked; not in the proxy of a command that shows what roles see.
    pub asks_conditions: bool,
    /// Between two questions to a database whether its catalog has changed. The file cannot say it: it is for tests that want to be
    /// judged by a stale one.
    pub look_every: Duration,
    /// Users that the database knows; `None`: only those of the users file.
    pub auth: Option<Arc<AuthConfig>>,
    /// Startup parameters that are left out, with a notice, where they are not allowed.
    pub ignored_parameters: Vec<String>,
    /// What is allowed but unwise, one line each.
    pub warnings: Vec<String>,
}

/// 32 secret bytes; never printed, and wiped when they are dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey(pub [u8; 32]);

impl SecretKey {
    /// What tells it apart from others, in logs: 8 hexadecimal digits.
    pub fn id(&self) -> String {
        let digest = blake3::derive_key("pgveil 2026-11 key id", &self.0);
        digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The database server and the accounts on it.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Where it listens.
    pub address: Address,
    /// TLS with it; `None` for plain.
    pub tls: Option<UpstreamTls>,
    /// The service account.
    pub account: Account,
    /// Other accounts, by role.
    pub accounts: HashMap<String, Account>,
    /// Whether a login is bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Who logs in for a role that has no account of its own.
    pub login: LogsIn,
    /// Who logs in for these roles, whatever the rule is.
    pub logins: HashMap<String, LogsIn>,
    /// Whether sessions have the settings `pgveil.user` and `pgveil.role`.
    pub identity: bool,
    /// What `application_name` becomes, with `{application}`, `{user}` and `{role}`; `None`: what the client says.
    pub application_name: Option<String>,
    /// How long connecting may take.
    pub timeout: Duration,
    /// How long logging in may take, connecting included.
    pub login_timeout: Duration,
    /// Turns true when the server has refused protocol 3.2: it is asked for 3.0 from then on.
    pub is_old: Arc<AtomicBool>,
}

impl UpstreamConfig {
    /// The account that logs in for a role; `None` where the user itself does.
    pub fn account_of(&self, role: &str) -> Option<&Account> {
        let own = self.accounts.get(role);
        let rule = if own.is_some() { LogsIn::Account } else { self.login };
        match self.logins.get(role).copied().unwrap_or(rule) {
            LogsIn::Account => Some(own.unwrap_or(&self.account)),
            LogsIn::User => None,
        }
    }
}

/// Who logs in with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsIn {
    /// The service account, or the role's own.
    Account,
    /// The user, with the keys that its proof to pgveil shows.
    User,
}

/// Whether a login with the server is bound to the TLS connection (SCRAM-SHA-256-PLUS), as libpq's `channel_binding` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the server offers it.
    Prefer,
    /// A login of any other kind fails.
    Require,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host's name or address, and its port.
    Tcp(String, u16),
    /// The folder of a Unix socket, and the port that is part of its name.
    Unix(PathBuf, u16),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(folder, port) => write!(f, "{}/.s.PGSQL.{port}", folder.display()),
        }
    }
}

/// Where users come from that the users file does not name.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Asks for the user that is its parameter $1.
    pub query: String,
    /// The database in which it is asked.
    pub database: String,
    /// The account that asks.
    pub account: Account,
    /// How long an answer counts.
    pub keep: Duration,
    /// Groups of the database (`*` stands for any characters) and the role of the policy that their members have, in order of precedence.
    pub groups: Vec<(String, String)>,
    /// Who is in several may choose among their roles; otherwise the first counts.
    pub all_roles: bool,
    /// The role of who is in none of them.
    pub default_role: Option<String>,
}

/// TLS with the server.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// Verifies as the configuration says.
    pub client: Arc<rustls::ClientConfig>,
}

/// A database account.
#[derive(Clone)]
pub struct Account {
    /// Its name.
    pub user: String,
    /// Its password, where it has one.
    pub password: Option<Zeroizing<String>>,
    /// TLS with its own certificate, where that is not [`UpstreamConfig::tls`].
    pub tls: Option<UpstreamTls>,
    /// What was made of the password last.
    pub salted: Arc<Salted>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// TLS towards clients.
#[derive(Clone, Debug)]
pub enum ClientTls {
    /// `mode = "disable"`: SSLRequest is answered with `N`.
    Disable,
    /// `mode = "allow"`: for clients that ask for it.
    Allow(Arc<Server>),
    /// `mode = "require"`: a login in plain is refused.
    Require(Arc<Server>),
}

impl ClientTls {
    /// Its files, where there is TLS.
    pub fn server(&self) -> Option<&Arc<Server>> {
        match self {
            ClientTls::Disable => None,
            ClientTls::Allow(server) | ClientTls::Require(server) => Some(server),
        }
    }
}

/// What certificate every login needs, whatever its user does; the words are those of `clientcert` in Postgres' pg_hba.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCert {
    /// `optional`: none, unless the user's `auth` says so.
    Optional,
    /// `verify-ca`: one that `client_ca` signed.
    Ca,
    /// `verify-full`: the same, and it names the user.
    Full,
}
