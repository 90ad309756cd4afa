//! Everything that the demo needs, running.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cluster::{self, Cluster, cache_home};
use super::files::{DemoFiles, DemoUser};
use super::sample::{self, Sample};
use super::secret::{random_hex, write_secret};
use super::{DemoError, compare};
use crate::config::Config;
use crate::log;
use crate::serve::Server;

/// The sample database's name.
pub const DATABASE: &str = "shop";
const CLUSTER: &str = "postgres";
const LOADED: &str = "loaded";

/// What kind of demo.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the proxy listens on 127.0.0.1, if that is free.
    pub port: u16,
    /// Customers in the sample.
    pub customers: u32,
}

/// A private Postgres with the sample, and the proxy in front of it. Dropped, both stop; a temporary folder goes.
#[derive(Debug)]
pub struct Stage {
    // Dropped in this order: nobody's connection outlives its server, no server its folder.
    server: Server,
    cluster: Cluster,
    files: DemoFiles,
    users: Vec<DemoUser>,
    place: Place,
    policy_is_new: bool,
}

impl Stage {
    /// Sets everything up, from the cache where an earlier demo of the same size left it; `step` is told what comes next.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub fn set(options: &Options, mut step: impl FnMut(&str)) -> Result<Stage, DemoError> {
        let place = Place::find(options.customers)?;
        let files = DemoFiles::new(&place.folder);
        let log = files.path("pgveil.log");
        log::to_file(&log).map_err(|source| DemoError::File { path: log, source })?;
        let certificate = files.certificates()?;
        let cluster_options = || cluster::Options {
            // A temporary one removes itself even when this process is killed.
            folder: (!place.temporary).then(|| place.folder.join(CLUSTER)),
            tls: Some((certificate.cert.clone(), certificate.key.clone())),
            timeout: Duration::from_secs(120),
            ..cluster::Options::default()
        };
        let cached = files.path(LOADED).exists();
        let mut running = None;
        if cached {
            step("private PostgreSQL, with the data of the last demo");
            // A data directory that a crash of the machine left behind may not start: it is made again.
            running = Cluster::start(cluster_options()).ok();
        }
        let cluster = match running {
            Some(cluster) => cluster,
            None => {
                remove(&files.path(LOADED))?;
                remove(&place.folder.join(CLUSTER))?;
                step("private PostgreSQL");
                let cluster = Cluster::start(cluster_options())?;
                let sample = Sample {
                    customers: options.customers,
                    service_password: files.secret(&format!("{}.password", sample::SERVICE), || random_hex(16))?,
                    owner_password: files.secret(&format!("{}.password", sample::OWNER), || random_hex(16))?,
                };
                sample.load(&cluster, DATABASE, |words| step(&format!("sample data: {words}")))?;
                write_secret(&files.path(LOADED), b"")?;
                cluster
            }
        };
        step("pgveil: configuration, policy, users, certificates");
        let users = files.users()?;
        let policy_is_new = files.policy()?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_or_any(options.port)));
        let path = files.configuration(listen, cluster.port())?;
        // What is in the environment is meant for another proxy.
        let config = Config::load_with(&path, &|_| None)?;
        let server = Server::start(config)?;
        Ok(Stage { server, cluster, files, users, place, policy_is_new })
    }

    /// Where the proxy listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The private Postgres.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A file of the demo's.
    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    /// Whether the policy file was written now; else it is as it was left.
    pub fn policy_is_new(&self) -> bool {
        self.policy_is_new
    }

    /// Whether the folder stays when this goes.
    pub fn is_kept(&self) -> bool {
        !self.place.temporary
    }

    /// The users, by name in the order in which they are shown.
    pub fn users(&self) -> &[DemoUser] {
        &self.users
    }

    /// Asks through the proxy as one of the users.
    pub fn ask(&self, user: &DemoUser, sql: &str) -> compare::Answer {
        compare::ask(&self.cluster.psql(), self.addr(), DATABASE, user, sql)
    }

    /// Ends the sessions, stops both servers, cleans up.
    pub fn strike(self) {
        self.server.stop();
    }
}

/// The demo's folder.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    temporary: bool,
    /// Locked as long as it is in use: a second demo at the same time takes a temporary folder.
    _lock: Option<File>,
}

impl Place {
    fn find(customers: u32) -> Result<Place, DemoError> {
        // Another sample, policy format or size is another folder.
        let mut hasher = DefaultHasher::new();
        (sample::text(), include_str!("policy.toml"), env!("CARGO_PKG_VERSION"), customers).hash(&mut hasher);
        let name = format!("demo-{:08x}", hasher.finish() & 0xffff_ffff);
        if let Some(folder) = cache_home().map(|home| home.join(&name)).filter(|folder| open(folder).is_ok()) {
            let lock = File::create(folder.join("lock")).ok().filter(|file| file.try_lock().is_ok());
            if lock.is_some() {
                return Ok(Place { folder, temporary: false, _lock: lock });
            }
        }
        let folder = std::env::temp_dir().join(format!("pgveil-demo-{}", random_hex(8)?));
        open(&folder).map_err(|source| DemoError::File { path: folder.clone(), source })?;
        Ok(Place { folder, temporary: true, _lock: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing is left to be told of a folder that cannot be removed.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A folder that the server's account can enter and only we can list.
fn open(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}

fn remove(path: &Path) -> Result<(), DemoError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(DemoError::File { path: path.to_owned(), source }),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn free_or_any(port: u16) -> u16 {
    let bound = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    bound(port).or_else(|_| bound(0)).map_or(port, |address| address.port())
}
