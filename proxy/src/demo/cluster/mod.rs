//! A private Postgres: initialised, started on a free port of 127.0.0.1, stopped with us.
//!
//! ```no_run
//! use pgveil::demo::cluster::{Cluster, Options};
//! let cluster = Cluster::start(Options::default())?;
//! assert_eq!(cluster.execute("postgres", "SELECT 1 + 1")?.trim(), "2");
//! # Ok::<(), pgveil::demo::cluster::ClusterError>(())
//! ```

mod account;
mod binaries;
mod folder;
mod server;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use account::Account;
use binaries::Binaries;
use folder::{Folder, SOCKET, SUPERUSER_PASSWORD};
use server::Server;

pub use folder::cache_home;

/// Name of the superuser that `initdb` makes.
pub const SUPERUSER: &str = "postgres";

/// A private Postgres could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No PostgreSQL on this machine.
    #[error(
        "no PostgreSQL server found (looked with pg_config, in /usr/lib/postgresql/*/bin and in PATH)\n  remedy: apt-get install postgresql"
    )]
    NoBinaries,
    /// The folder named by `PGVEIL_POSTGRES_BIN` has no PostgreSQL that runs.
    #[error("PGVEIL_POSTGRES_BIN={folder}: no PostgreSQL server that runs: {output}\n  remedy: name the folder with postgres and initdb, or unset it", folder = .folder.display())]
    NotGiven {
        /// As it was given.
        folder: PathBuf,
        /// What was wrong.
        output: String,
    },
    /// We are root, Postgres refuses to run as root, and there is nobody else.
    #[error("PostgreSQL does not run as root, and /etc/passwd has no user \"postgres\" or \"nobody\" to run it")]
    NoAccount,
    /// A file or folder of ours.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// The server ended while starting, or was not ready in time.
    #[error("PostgreSQL did not start: {why}; the end of its log:\n{log}")]
    NotReady {
        /// In which way.
        why: &'static str,
        /// The last lines of the server's log.
        log: String,
    },
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

impl ClusterError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ClusterError {
        let path = path.into();
        move |source| ClusterError::File { path, source }
    }
}

/// What kind of cluster is wanted. The default is a temporary one without TLS.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives; `None` for a temporary folder that goes with it.
    pub folder: Option<PathBuf>,
    /// Where `initdb`'s result is kept for the next one; `None` for nowhere.
    pub cache: Option<PathBuf>,
    /// A server certificate and its key, PEM files that are copied: TLS is on.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Further settings of the server.
    pub settings: Vec<(String, String)>,
    /// How long the start may take.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { folder: None, cache: cache_home(), tls: None, settings: Vec::new(), timeout: Duration::from_secs(60) }
    }
}

/// A running private Postgres. Dropped, it is stopped, and a temporary folder is removed; the same happens when this
/// process dies without a chance to drop anything.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the server stops before its folder goes.
    server: Server,
    folder: Folder,
    binaries: Binaries,
    password: String,
}

impl Cluster {
    /// Finds the binaries (those in the folder that `PGVEIL_POSTGRES_BIN` names, where it is set), makes the data directory where there is none yet, starts, waits until it is ready.
    ///
    /// # Errors
    /// See [`ClusterError`]; a server that does not come up shows the end of its log.
    pub fn start(options: Options) -> Result<Cluster, ClusterError> {
        let binaries = Binaries::find()?;
        let account = Account::for_server()?;
        let folder = match options.folder {
            Some(path) => Folder::kept(path, &account)?,
            None => Folder::temporary(&account)?,
        };
        folder.initialise(&binaries, &account, options.cache.as_deref())?;
        if let Some((cert, key)) = &options.tls {
            folder.put_certificate(&account, cert, key)?;
        }
        let server = Server::start(&binaries, &account, &folder, &options.settings, options.tls.is_some(), options.timeout)?;
        let file = folder.path(SUPERUSER_PASSWORD);
        let password = std::fs::read_to_string(&file).map_err(ClusterError::file(file))?.trim().to_owned();
        Ok(Cluster { server, folder, binaries, password })
    }

    /// On 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The superuser's name.
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where it lives: data directory, socket, log.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The folder of its Unix socket; `None` where the path is too long for one.
    pub fn socket(&self) -> Option<PathBuf> {
        server::socket_fits(&self.folder).then(|| self.folder.path(SOCKET))
    }

    /// As `postgres --version` says, such as `15.18`.
    pub fn version(&self) -> &str {
        self.binaries.version()
    }

    /// The `psql` beside its binaries, or in PATH.
    pub fn psql(&self) -> PathBuf {
        self.binaries.psql()
    }

    /// Runs SQL as the superuser, up to the first error; returns the rows, unaligned, columns between `|`.
    ///
    /// # Errors
    /// What psql says.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String, ClusterError> {
        self.script(database, sql, &[])
    }

    /// The same for a psql script with variables.
    ///
    /// # Errors
    /// What psql says.
    pub fn script(&self, database: &str, sql: &str, variables: &[(&str, &str)]) -> Result<String, ClusterError> {
        let mut command = std::process::Command::new(self.psql());
        command.args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", database]);
        command.args(["-p", &self.port().to_string()]);
        command.args(["-f", "-"]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PGPASSWORD", &self.password).env("PGCLIENTENCODING", "UTF8").env("PGOPTIONS", "-c client_min_messages=warning");
        // Not as arguments: everybody on the machine can read those.
        let set = |(name, value): &(&str, &str)| format!("\\set {name} '{}'\n", value.replace('\\', "\\\\").replace('\'', "\\'"));
        let text: String = variables.iter().map(set).chain([sql.to_owned()]).collect();
        server::run_with_input("psql", command, text.as_bytes())
    }

    /// Stops it and removes a temporary folder.
    pub fn stop(self) {
        drop(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_answers_stops_and_leaves_nothing() {
        let cluster = Cluster::start(Options { cache: None, ..Options::default() }).unwrap();
        assert_eq!(cluster.execute("postgres", "SELECT 1 + 1").unwrap(), "2\n");
        let error = cluster.execute("postgres", "SELECT 1 / 0; SELECT 3").unwrap_err().to_string();
        assert!(error.contains("division by zero"), "{error}");
        let (folder, port) = (cluster.folder().to_owned(), cluster.port());
        assert!(folder.exists());
        cluster.stop();
        assert!(!folder.exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }

    #[test]
    fn a_setting_that_the_server_refuses_is_shown_with_its_log() {
        let settings = vec![("work_mem".to_owned(), "lots".to_owned())];
        let error = Cluster::start(Options { settings, ..Options::default() }).unwrap_err().to_string();
        assert!(error.contains("work_mem"), "{error}");
    }

    #[test]
    fn without_us_it_ends_by_itself() {
        let mut cluster = Cluster::start(Options::default()).unwrap();
        let (folder, port) = (cluster.folder().to_owned(), cluster.port());
        cluster.server.abandon();
        cluster.folder.keep();
        std::mem::forget(cluster);
        let gone = || !folder.exists() && std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
        for _ in 0..100 {
            if gone() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{} is still there", folder.display());
    }
}
