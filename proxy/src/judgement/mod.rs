//! The judgement of live sessions: the policy on the catalogs of the databases that sessions are in.

mod session;

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use pgveil_policy::Engine;
use pgveil_policy::catalog::Catalog;
use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::policy::{Known, PolicyError};

use crate::config::UpstreamConfig;
use crate::error::UpstreamError;
use crate::log;
use crate::relay::order_key;
use crate::rules::Rules;
use crate::snapshot::{LOCKED, Load, MOST};
use crate::upstream::{Upstream, Who};

pub use session::{Keys, SessionJudge};

/// Loads the catalog of a database and puts the policy on it.
#[derive(Debug)]
pub struct Engines {
    upstream: Arc<UpstreamConfig>,
    marker: String,
    /// What was protected in each database since the process began, under which policy: it stays so.
    known: DashMap<String, (Arc<Rules>, Known)>,
    /// What sessions have seen to be protected in what they have committed, since a snapshot was loaded; in that order.
    learned: DashMap<String, Vec<(Arc<Rules>, Known)>>,
    /// What tells each database apart from all others: see [`identity`].
    identities: DashMap<String, String>,
}

impl Engines {
    /// `None` where there is no secure randomness.
    pub fn new(upstream: Arc<UpstreamConfig>) -> Option<Self> {
        Some(Engines { upstream, marker: order_key()?, known: DashMap::new(), learned: DashMap::new(), identities: DashMap::new() })
    }

    /// As the service account, which sees the whole catalog, whoever logs in for a role. `locked`: the longest that a question waits for
    /// a lock.
    async fn connect(&self, database: &str, locked: Duration) -> Result<Upstream, UpstreamError> {
        let name = [("application_name".to_owned(), "pgveil".to_owned())];
        let mut server = Upstream::connect(&self.upstream, Who::Account(&self.upstream.account), database, &name).await?;
        server.query(&format!("SET lock_timeout = {}; SET statement_timeout = {}", locked.as_millis(), MOST.as_millis())).await?;
        Ok(server)
    }

    /// Puts rules on a catalog of the database.
    fn judged_by(&self, database: &str, rules: &Arc<Rules>, catalog: Arc<Catalog>) -> Result<(Engine, usize), UpstreamError> {
        let unfit = |errors: Vec<PolicyError>| UpstreamError::Policy {
            database: database.to_owned(),
            faults: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        let before = self.known.get(database).map(|k| k.clone());
        let is_first = before.is_none();
        let (under, known) = before.unwrap_or_else(|| (Arc::clone(rules), Known::default()));
        if is_first || under.number != rules.number {
            // Of a policy that is not in force yet every fault is one.
            Engine::check(&rules.policy, &catalog).map_err(unfit)?;
        }
        let now = |under: &Rules, known: &Known| match under.number == rules.number {
            true => known.clone(),
            false => known.under(&under.policy, &rules.policy, &catalog),
        };
        let learned = self.learned.get(database).map(|all| all.clone()).unwrap_or_default();
        let known = learned.iter().fold(now(&under, &known), |known, (under, more)| known.learned(now(under, more)));
        let known = match &rules.lock {
            Some(lock) if is_first || under.number != rules.number => {
                let identity = self.identities.get(database).map(|i| i.clone()).unwrap_or_default();
                known.locked(lock, under.lock != rules.lock, &identity, &catalog, &rules.policy)
            }
            Some(_) => known,
            None => known.unlocked(),
        };
        let engine = Engine::renewed(&rules.policy, catalog, &self.marker, &known).map_err(unfit)?;
        Ok((engine, learned.len()))
    }

    /// A session knows, under a policy, of relations of its own that it has committed.
    fn learn(&self, database: &str, rules: &Arc<Rules>, known: Known) {
        if !known.is_empty() {
            self.learned.entry(database.to_owned()).or_default().push((Arc::clone(rules), known));
        }
    }
}

impl Load for Engines {
    type Snapshot = Engine;
    type Basis = Rules;
    /// How much of what sessions have learned is in the snapshot.
    type Receipt = usize;

    async fn load(&self, database: &str, rules: &Arc<Rules>, locked: Duration) -> Result<(Engine, usize), UpstreamError> {
        let started = std::time::Instant::now();
        let mut server = self.connect(database, locked).await?;
        let catalog = catalog(&mut server).await?;
        self.identities.insert(database.to_owned(), identity(&mut server).await?);
        let relations = catalog.relations.len();
        let loaded = self.judged_by(database, rules, Arc::new(catalog))?;
        log::info("catalog.loaded", &[("database", &database), ("relations", &relations), ("ms", &started.elapsed().as_millis())]);
        Ok(loaded)
    }

    fn reuse(&self, database: &str, rules: &Arc<Rules>, last: &Engine) -> Result<(Engine, usize), UpstreamError> {
        let (engine, _) = self.judged_by(database, rules, Arc::clone(last.catalog()))?;
        // What sessions have learned is of relations that this catalog may not have: it is for the next one that is read.
        Ok((engine, 0))
    }

    fn stored(&self, database: &str, rules: &Arc<Rules>, engine: &Engine, learned: usize) {
        self.known.insert(database.to_owned(), (Arc::clone(rules), engine.known().as_ref().clone()));
        if let Some(mut all) = self.learned.get_mut(database) {
            let those = learned.min(all.len());
            all.drain(..those);
        }
    }

    type Watch = Upstream;

    async fn watch(&self, database: &str) -> Result<Upstream, UpstreamError> {
        self.connect(database, LOCKED).await
    }

    async fn state(&self, watch: &mut Upstream) -> Result<String, UpstreamError> {
        one(watch, STATE).await
    }
}

/// The catalog of the database that a connection is in.
///
/// # Errors
/// The server does not answer, or its answers make none.
pub async fn catalog(server: &mut Upstream) -> Result<Catalog, UpstreamError> {
    let mut builder = Builder::new();
    for (name, sql) in QUERIES {
        let rows = server.query(sql).await?;
        builder.rows(name, rows).map_err(|e| UpstreamError::Protocol(e.to_string()))?;
    }
    builder.finish().map_err(|e| UpstreamError::Protocol(e.to_string()))
}

/// What tells the database apart from all others, and from copies of it that have OIDs of their own, for the lock file: the server's
/// system identifier and the database's OID. Where the account may not ask for the former, `any` stands for it: a column of another
/// server's database that has the OID of an accepted one is then redacted until its own is accepted, or has that one's class too.
///
/// # Errors
/// The server does not answer.
pub async fn identity(server: &mut Upstream) -> Result<String, UpstreamError> {
    let may = one(server, MAY_IDENTIFY).await?;
    let system = if may == "t" { one(server, SYSTEM).await? } else { "any".to_owned() };
    Ok(format!("{system}.{}", one(server, DATABASE).await?))
}

async fn one(server: &mut Upstream, sql: &str) -> Result<String, UpstreamError> {
    let rows = server.query(sql).await?;
    rows.into_iter().flatten().flatten().next().ok_or_else(|| UpstreamError::Protocol("a query of pgveil's own has no answer".to_owned()))
}

const MAY_IDENTIFY: &str = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')";
const SYSTEM: &str = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
const DATABASE: &str = "SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

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
