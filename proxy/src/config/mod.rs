//! `pgveil.toml`: read, checked and loaded once, at start.

mod load;
mod section;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pgveil_certs::server::Server;

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
    /// The database server.
    pub upstream: Arc<UpstreamConfig>,
    /// TLS towards clients.
    pub tls: ClientTls,
    /// What certificate every login needs.
    pub client_cert: ClientCert,
    /// Where the audit log goes.
    pub audit: Option<PathBuf>,
    /// The most connections at one time; further ones get 53300.
    pub max_connections: usize,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// How many logins of one user from one address may fail within [`Config::failed_within`].
    pub failed_logins: u32,
    /// See [`Config::failed_logins`].
    pub failed_within: Duration,
    /// The order key of every session, in place of a random one for each. The file cannot say it: it is for tests that
    /// compare the orders of rows of two databases. 32 letters and digits.
    pub order_key: Option<String>,
    /// Between two questions to a database whether its catalog has changed. The file cannot say it: it is for tests that want to be
    /// judged by a stale one.
    pub look_every: Duration,
    /// What is allowed but unwise, one line each.
    pub warnings: Vec<String>,
}

/// 32 secret bytes; never printed.
#[derive(Clone)]
pub struct SecretKey(pub [u8; 32]);

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
    /// How long connecting and logging in may take.
    pub timeout: Duration,
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
    pub password: Option<String>,
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
