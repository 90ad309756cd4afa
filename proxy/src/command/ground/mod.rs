//! What several commands stand on: a policy file, and a live database with its catalog.

pub(super) mod passfile;
pub(super) mod session;
pub(super) mod url;
pub(super) mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::policy::Known;
use pgveil_policy::policy::lock::Lock;
use pgveil_policy::report::finding::Finding;
use pgveil_policy::{Catalog, Engine, Policy, PolicyError};
use tokio::runtime::Runtime;

use super::{BAD_CONFIGURATION, PROBLEMS, bad_configuration, say};
use crate::config::{Config, UpstreamConfig};
use crate::error::{ConfigError, UpstreamError};
use crate::judgement::identity;
use crate::rules::lock_file;
use crate::upstream::{Upstream, Who};
use url::Target;

/// Exit code: wrong usage, as clap's own.
const WRONG_USAGE: u8 = 2;

/// Which policy.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArguments {
    /// The configuration file: it names the policy, and the server and account for --database
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = "pgveil.toml")]
    pub(super) config: PathBuf,
    /// The policy file; the configuration is then read only for --database
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

/// Which live database, if any.
#[derive(Debug, clap::Args)]
pub(super) struct DatabaseArguments {
    /// A database of the configuration's server; pgveil logs in there as its service account
    #[arg(long, value_name = "NAME", conflicts_with = "database_url")]
    pub(super) database: Option<String>,
    /// A database, as postgres://user@host:5432/name?sslmode=verify-full&sslrootcert=ca.pem
    ///
    /// Without a password: that comes from PGPASSWORD, or from the file that PGPASSFILE names (else ~/.pgpass), as for psql. sslmode
    /// is disable, require, verify-ca or verify-full; without it, disable on this machine, verify-full where sslrootcert is given,
    /// and an error elsewhere.
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
}

/// Why a command did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The policy does not load, or does not fit the database.
    #[error("{0}")]
    Policy(String),
    /// The database cannot be asked.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A file or the system.
    #[error("{0}")]
    System(String),
}

impl Trouble {
    /// Says what is wrong; the exit code.
    pub(super) fn tell(&self) -> ExitCode {
        match self {
            Trouble::Config(error) => bad_configuration(error),
            Trouble::Usage(words) => {
                say(&format!("pgveil: {words}"));
                ExitCode::from(WRONG_USAGE)
            }
            Trouble::Policy(words) => {
                say(words.trim_end());
                ExitCode::from(BAD_CONFIGURATION)
            }
            Trouble::Upstream(_) | Trouble::System(_) => {
                say(&format!("pgveil: {self}"));
                ExitCode::from(PROBLEMS)
            }
        }
    }
}

/// A policy file that loads.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) text: String,
    pub(super) policy: Policy,
    /// The lock file beside it.
    pub(super) lock: Option<Lock>,
}

impl Loaded {
    /// Reads a policy whose faults are not what the command is about.
    ///
    /// # Errors
    /// It is not there, or has faults.
    pub(super) fn open(file: &Path) -> Result<Loaded, Trouble> {
        let text = read(file)?;
        match Policy::parse(&file.display().to_string(), &text) {
            Ok(policy) => Ok(Loaded { text, policy, lock: lock_of(file)? }),
            Err(errors) => Err(faults(errors, &text)),
        }
    }
}

/// The lock file beside a policy, where there is one.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn lock_of(policy: &Path) -> Result<Option<Lock>, Trouble> {
    let file = lock_file(policy);
    if matches!(file.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let text = read(&file)?;
    Lock::parse(&file.display().to_string(), &text).map(Some).map_err(|errors| faults(errors, &text))
}

/// Faults of a policy as they are shown.
pub(super) fn faults(errors: Vec<PolicyError>, text: &str) -> Trouble {
    let all: Vec<String> = errors.into_iter().map(|e| Finding::from(e).render(Some(text))).collect();
    Trouble::Policy(all.join("\n"))
}

/// The text of a file that was named.
pub(super) fn read(file: &Path) -> Result<String, Trouble> {
    fs::read_to_string(file).map_err(|e| Trouble::System(format!("{}: {e}", file.display())))
}

impl PolicyArguments {
    /// Where the policy is.
    ///
    /// # Errors
    /// The configuration does not say.
    pub(super) fn file(&self) -> Result<PathBuf, Trouble> {
        match &self.policy {
            Some(file) => Ok(file.clone()),
            None => Ok(Config::policy_file(&self.config).map_err(|mut e| {
                if e.key == "(the file)" {
                    e.remedy = "name it with -c, or name the policy alone with --policy".to_owned();
                }
                e
            })?),
        }
    }
}

/// Where a live database is.
#[derive(Debug)]
pub(super) enum Source {
    /// The server of this configuration.
    Config(Box<Config>),
    /// A URL of the command line.
    Url(Box<Target>),
}

/// A live database.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) source: Source,
    pub(super) database: String,
    pub(super) catalog: Arc<Catalog>,
    /// `current_schemas(true)` of the account.
    pub(super) search_path: Vec<String>,
    server: Upstream,
    runtime: Runtime,
}

impl DatabaseArguments {
    /// Opens the database that the command line names and reads its catalog; `None` where it names none.
    ///
    /// # Errors
    /// A wrong URL or configuration, or the server's.
    pub(super) fn open(&self, policy: &PolicyArguments) -> Result<Option<Live>, Trouble> {
        let (source, database) = match (&self.database, &self.database_url) {
            (None, None) => return Ok(None),
            (Some(database), _) => (Source::Config(Box::new(Config::load(&policy.config)?)), database.clone()),
            (None, Some(url)) => {
                let target = Target::parse(url, &|name| std::env::var(name).ok().filter(|v| !v.is_empty())).map_err(Trouble::Usage)?;
                let database = target.database.clone();
                (Source::Url(Box::new(target)), database)
            }
        };
        Live::open(source, &database).map(Some)
    }

    /// The same where the command cannot do without.
    ///
    /// # Errors
    /// As [`DatabaseArguments::open`], or none is named.
    pub(super) fn need(&self, policy: &PolicyArguments) -> Result<Live, Trouble> {
        self.open(policy)?.ok_or_else(|| {
            Trouble::Usage(
                "which database? Name one of the configuration's server with --database NAME, or any with --database-url URL".to_owned(),
            )
        })
    }
}

impl Live {
    fn open(source: Source, database: &str) -> Result<Live, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Trouble::System(format!("cannot start: {e}")))?;
        let upstream: Arc<UpstreamConfig> = match &source {
            Source::Config(config) => Arc::clone(&config.upstream),
            Source::Url(target) => Arc::new(target.upstream()?),
        };
        let (server, catalog, search_path) = runtime.block_on(async {
            let name = [("application_name".to_owned(), "pgveil".to_owned())];
            let mut server = Upstream::connect(&upstream, Who::Account(&upstream.account), database, &name).await?;
            let mut builder = Builder::new();
            let broken = |e: &dyn std::fmt::Display| UpstreamError::Protocol(e.to_string());
            for (name, sql) in QUERIES {
                let rows = server.query(sql).await?;
                builder.rows(name, rows).map_err(|e| broken(&e))?;
            }
            let catalog = builder.finish().map_err(|e| broken(&e))?;
            let path = server.query("SELECT pg_catalog.unnest(pg_catalog.current_schemas(true))").await?;
            let path = path.into_iter().flatten().flatten().collect::<Vec<String>>();
            Ok::<_, UpstreamError>((server, Arc::new(catalog), path))
        })?;
        Ok(Live { source, database: database.to_owned(), catalog, search_path, server, runtime })
    }

    /// One query of our own, as the account that reads the catalog: the rows of its first result, as text.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, UpstreamError> {
        self.runtime.block_on(self.server.query(sql))
    }

    /// What tells it apart, for the lock file.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn identity(&mut self) -> Result<String, UpstreamError> {
        self.runtime.block_on(identity(&mut self.server))
    }

    /// The policy on it, as `pgveil serve` puts it there.
    ///
    /// # Errors
    /// The policy does not fit.
    pub(super) fn engine(&mut self, loaded: &Loaded) -> Result<Engine, Trouble> {
        self.try_engine(&loaded.policy, loaded.lock.as_ref())?.map_err(|errors| faults(errors, &loaded.text))
    }

    /// The same; else the faults of the policy.
    ///
    /// # Errors
    /// The server's; the system has no secure randomness.
    pub(super) fn try_engine(&mut self, policy: &Policy, lock: Option<&Lock>) -> Result<Result<Engine, Vec<PolicyError>>, Trouble> {
        let marker = crate::relay::order_key().ok_or_else(|| Trouble::System("the system has no secure randomness".to_owned()))?;
        if let Err(errors) = Engine::check(policy, &self.catalog) {
            return Ok(Err(errors));
        }
        let known = match lock {
            Some(lock) => Known::default().locked(lock, false, &self.identity()?, &self.catalog, policy),
            None => Known::default(),
        };
        Ok(Engine::renewed(policy, Arc::clone(&self.catalog), &marker, &known))
    }
}

/// A role of the policy.
///
/// # Errors
/// The policy does not have it.
pub(super) fn known_role(policy: &Policy, role: &str) -> Result<(), Trouble> {
    if policy.roles.contains_key(role) {
        return Ok(());
    }
    let known: Vec<&str> = policy.roles.keys().map(String::as_str).collect();
    Err(Trouble::Usage(format!("the policy has no role \"{role}\"; its roles are: {}", known.join(", "))))
}
