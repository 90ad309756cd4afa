//! The judgement of live sessions: the policy on the catalogs of the databases that sessions are in.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dashmap::DashMap;
use pgveil_policy::catalog::Oid;
use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::mask::seal::{Key, SealSpec, Sealer};
use pgveil_policy::policy::Known;
use pgveil_policy::{Engine, Output, Plan, Policy, Refusal, Subject};

use crate::config::{SecretKey, UpstreamConfig};
use crate::conversation::Judge;
use crate::error::{ConfigError, UpstreamError};
use crate::log;
use crate::relay::order_key;
use crate::rows::{Pseudonym, Unsealable};
use crate::snapshot::{Database, Load};
use crate::upstream::Upstream;

/// Reads the policy file.
///
/// # Errors
/// All its faults, each with file, line, column and a remedy.
pub fn policy(file: &Path, configuration: &Path) -> Result<Policy, ConfigError> {
    let fault = |problem: String, remedy: &str| ConfigError {
        file: configuration.to_owned(),
        key: "policy".to_owned(),
        problem,
        remedy: remedy.to_owned(),
    };
    let text = fs::read_to_string(file).map_err(|e| fault(format!("{}: {e}", file.display()), "write a policy there"))?;
    // Its name alone: it stands in refusals that clients see.
    let name = file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
    Policy::parse(&name, &text).map_err(|errors| {
        let faults: Vec<String> = errors.iter().map(|e| e.render(&text)).collect();
        fault(format!("{} does not load\n{}", file.display(), faults.join("\n")), "mend the policy at the places named above")
    })
}

/// Loads the catalog of a database and puts the policy on it.
#[derive(Debug)]
pub struct Engines {
    policy: Arc<Policy>,
    upstream: Arc<UpstreamConfig>,
    marker: String,
    /// What was protected in each database since the process began: it stays so.
    known: DashMap<String, Known>,
}

impl Engines {
    /// `None` where there is no secure randomness.
    pub fn new(policy: Arc<Policy>, upstream: Arc<UpstreamConfig>) -> Option<Self> {
        Some(Engines { policy, upstream, marker: order_key()?, known: DashMap::new() })
    }
}

impl Load for Engines {
    type Snapshot = Engine;

    async fn load(&self, database: &str) -> Result<Engine, UpstreamError> {
        let started = std::time::Instant::now();
        // No role is called so: the service account that sees the whole catalog.
        let mut server = Upstream::connect(&self.upstream, "", database, &[]).await?;
        let mut builder = Builder::new();
        for (name, sql) in QUERIES {
            let rows = server.query(sql).await?;
            builder.rows(name, rows).map_err(|e| UpstreamError::Protocol(e.to_string()))?;
        }
        let catalog = builder.finish().map_err(|e| UpstreamError::Protocol(e.to_string()))?;
        let relations = catalog.relations.len();
        let known = self.known.get(database).map(|k| k.clone()).unwrap_or_default();
        let engine = Engine::renewed(&self.policy, Arc::new(catalog), &self.marker, &known).map_err(|errors| UpstreamError::Policy {
            database: database.to_owned(),
            faults: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        })?;
        self.known.insert(database.to_owned(), engine.known().clone());
        log::info("catalog.loaded", &[("database", &database), ("relations", &relations), ("ms", &started.elapsed().as_millis())]);
        Ok(engine)
    }

    type Watch = Upstream;

    async fn watch(&self, database: &str) -> Result<Upstream, UpstreamError> {
        Upstream::connect(&self.upstream, "", database, &[]).await
    }

    async fn state(&self, watch: &mut Upstream) -> Result<String, UpstreamError> {
        let rows = watch.query(STATE).await?;
        rows.into_iter().flatten().flatten().next().ok_or_else(|| UpstreamError::Protocol("no state of the catalog".to_owned()))
    }
}

/// Counts and sums that change with every row of the catalogs that a snapshot is made of; temporary tables, which no snapshot
/// needs to know, come and go without a sign.
const STATE: &str = "\
SELECT pg_catalog.concat_ws(' ', \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_class WHERE relpersistence OPERATOR(pg_catalog.<>) 't'), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(a.xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
  WHERE c.relpersistence OPERATOR(pg_catalog.<>) 't'), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_rewrite), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_proc), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_operator), \
 (SELECT pg_catalog.concat_ws('.', pg_catalog.count(*), pg_catalog.sum(CAST(CAST(xmin AS pg_catalog.text) AS pg_catalog.int8))) \
  FROM pg_catalog.pg_namespace))";

/// The judgement for one session.
pub struct SessionJudge {
    /// The snapshot of its database.
    pub database: Arc<Database<Engines>>,
    /// The role that is active.
    pub role: String,
    /// Pseudonyms are made from it.
    pub key: SecretKey,
}

impl Judge for SessionJudge {
    fn judge(&self, search_path: &[String], sql: &str) -> Result<Arc<Plan>, Refusal> {
        let who = Subject { role: self.role.clone(), search_path: Arc::from(search_path) };
        self.database.current().judge(&who, sql)
    }

    fn witness(&self, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize> {
        self.database.current().witness(&self.role, outputs, origins).map_err(|veto| veto.column)
    }

    fn filters_may_fail(&self) -> bool {
        self.database.current().filters_may_fail(&self.role)
    }

    fn generation(&self) -> u64 {
        self.database.generation()
    }

    fn hears(&self, channel: &str) -> bool {
        self.database.current().hears(&self.role, channel)
    }

    fn pseudonym(&self, spec: &Arc<SealSpec>) -> Arc<dyn Pseudonym> {
        Arc::new(Hashed(Sealer::new(&Key::new(self.key.0), spec)))
    }
}

#[derive(Debug)]
struct Hashed(Sealer);

impl Pseudonym for Hashed {
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.text(value, out).map_err(|_| Unsealable)
    }

    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.binary(value, out).map_err(|_| Unsealable)
    }

    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.open_text(token, out).map_err(|_| Unsealable)
    }

    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.open_binary(token, out).map_err(|_| Unsealable)
    }
}
