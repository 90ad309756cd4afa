//! Sessions of any role through the proxy itself, which runs in this process: for `pgveil try` and the tests of a policy.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use pgveil_policy::policy::user::User;
use postgres_protocol::password::scram_sha_256;
use tokio::runtime::Runtime;
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

use super::{Source, Trouble};
use crate::config::{ClientCert, ClientTls, Config, LogsIn, UpstreamConfig};
use crate::demo::secret::{random_hex, write_secret};
use crate::log;
use crate::serve::{Server, StartError};
use crate::upstream::{Answer, Upstream, Who};

/// A proxy of our own on a loopback port, which takes nobody but us. Dropped, it stops and its files go.
#[derive(Debug)]
pub(in crate::command) struct Stage {
    server: Option<Server>,
    folder: Folder,
    password: String,
    target: UpstreamConfig,
    database: String,
    runtime: Runtime,
    /// Sessions that were asked for.
    begun: AtomicU64,
}

/// A session through it.
#[derive(Debug)]
pub(in crate::command) struct Session<'s> {
    stage: &'s Stage,
    connection: Upstream,
}

impl Stage {
    /// On a database. A source without a configuration has no key: `PGVEIL_KEY`, or one of this run alone.
    ///
    /// # Errors
    /// What `pgveil serve` would not start with.
    pub(in crate::command) fn open(policy: &Path, source: &Source, database: &str) -> Result<Stage, Trouble> {
        let system = |e: &dyn std::fmt::Display| Trouble::System(e.to_string());
        let folder = Folder::make().map_err(|e| system(&e))?;
        // What it says is not what the command is about.
        log::to_file(&folder.0.join("log")).map_err(|e| system(&e))?;
        let password = random_hex(32).map_err(|e| system(&e))?;
        write_secret(&folder.users(), b"").map_err(|e| system(&e))?;
        let policy = std::path::absolute(policy).map_err(|e| system(&e))?;
        let mut config = match source {
            Source::Config(config) => (**config).clone(),
            Source::Url(target) => {
                let mut document = DocumentMut::new();
                document.insert("policy", value(policy.display().to_string()));
                document.insert("users", value("users.toml"));
                document.insert("upstream", target.table().into());
                let file = folder.0.join("pgveil.toml");
                write_secret(&file, document.to_string().as_bytes()).map_err(|e| system(&e))?;
                let key = std::env::var("PGVEIL_KEY").ok().filter(|key| !key.is_empty());
                let key = key.map_or_else(|| random_hex(32).map_err(|e| system(&e)), Ok)?;
                Config::load_with(&file, &|name| match name {
                    "PGVEIL_KEY" => Some(key.clone()),
                    "PGVEIL_UPSTREAM_PASSWORD" => target.password.clone(),
                    _ => None,
                })?
            }
        };
        config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.policy = policy;
        config.users = folder.users();
        config.tls = ClientTls::Disable;
        config.client_cert = ClientCert::Optional;
        config.audit = None;
        config.auth = None;
        // What a role sees is asked here, not whether somebody may have it now.
        config.asks_conditions = false;
        // Nobody's own password is at hand.
        let upstream = Arc::make_mut(&mut config.upstream);
        upstream.login = LogsIn::Account;
        upstream.logins.clear();
        let server = Server::start(config).map_err(|e| match e {
            StartError::Config(e) => Trouble::Config(e),
            StartError::System(e) => system(&e),
        })?;
        let mut document = DocumentMut::new();
        let mut table = Table::new();
        table.insert("host", value(server.addr().ip().to_string()));
        table.insert("port", value(i64::from(server.addr().port())));
        table.insert("tls", value("disable"));
        table.insert("user", value("pgveil"));
        document.insert("upstream", Item::Table(table));
        let target =
            Config::upstream_of(Path::new("pgveil"), &document, &|name| (name == "PGVEIL_UPSTREAM_PASSWORD").then(|| password.clone()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| system(&e))?;
        Ok(Stage { server: Some(server), folder, password, target, database: database.to_owned(), runtime, begun: AtomicU64::new(0) })
    }

    /// A session of a user in a role. They are the only user that there is, until another session is asked for.
    ///
    /// # Errors
    /// The server's.
    pub(in crate::command) fn session(&self, user: &User, role: &str) -> Result<Session<'_>, Trouble> {
        self.admit(user, role).map_err(|e| Trouble::System(e.to_string()))?;
        let parameters = [("application_name".to_owned(), "pgveil try".to_owned())];
        let mut account = self.target.account.clone();
        account.user.clone_from(&user.name);
        let connection = self.runtime.block_on(Upstream::connect(&self.target, Who::Account(&account), &self.database, &parameters))?;
        Ok(Session { stage: self, connection })
    }

    fn admit(&self, user: &User, role: &str) -> Result<(), Box<dyn std::error::Error>> {
        let file = self.folder.users();
        write_secret(&file, users(user, &self.password, role).as_bytes())?;
        // The proxy reads it again when its time has changed, which two writes in one tick of the clock would not show.
        let later = Duration::from_secs(self.begun.fetch_add(1, Ordering::Relaxed));
        let time = SystemTime::UNIX_EPOCH.checked_add(later).ok_or("no such time")?;
        Ok(fs::File::options().write(true).open(&file)?.set_modified(time)?)
    }
}

impl Session<'_> {
    /// Runs a text: one answer for each statement of it.
    ///
    /// # Errors
    /// The session has ended.
    pub(in crate::command) fn run(&mut self, sql: &str) -> Result<Vec<Answer>, Trouble> {
        Ok(self.stage.runtime.block_on(self.connection.run(sql))?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let _left = fs::remove_dir_all(&self.folder.0);
    }
}

/// A folder that only we can read.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> std::io::Result<Folder> {
        let name = random_hex(8).map_err(|e| std::io::Error::other(e.to_string()))?;
        let folder = std::env::temp_dir().join(format!("pgveil-try-{name}"));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Folder(folder))
    }

    fn users(&self) -> PathBuf {
        self.0.join("users.toml")
    }
}

fn users(user: &User, password: &str, role: &str) -> String {
    let mut one = Table::new();
    one.insert("verifier", value(scram_sha_256(password.as_bytes())));
    one.insert("role", value(role));
    let attributes: InlineTable = user.attributes.iter().map(|(name, text)| (name, text.as_str())).collect();
    one.insert("attributes", value(attributes));
    let all: Table = [(user.name.as_str(), Item::Table(one))].into_iter().collect();
    let mut document = DocumentMut::new();
    document.insert("user", Item::Table(all));
    document.to_string()
}
