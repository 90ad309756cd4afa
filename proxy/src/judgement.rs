//! The judgement of live sessions: the policy on the catalogs of the databases that sessions are in.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dashmap::DashMap;
use pgveil_policy::catalog::Oid;
use pgveil_policy::catalog::load::{Builder, QUERIES};
use pgveil_policy::catalog::own::{Asking, Next, Own, Rows};
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
use crate::upstream::{Upstream, Who};

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
    /// What sessions have seen to be protected in what they have committed, since a snapshot was loaded.
    learned: DashMap<String, Known>,
}

impl Engines {
    /// `None` where there is no secure randomness.
    pub fn new(policy: Arc<Policy>, upstream: Arc<UpstreamConfig>) -> Option<Self> {
        Some(Engines { policy, upstream, marker: order_key()?, known: DashMap::new(), learned: DashMap::new() })
    }
}

impl Engines {
    /// As the service account, which sees the whole catalog, whoever logs in for a role.
    async fn connect(&self, database: &str) -> Result<Upstream, UpstreamError> {
        let name = [("application_name".to_owned(), "pgveil".to_owned())];
        Upstream::connect(&self.upstream, Who::Account(&self.upstream.account), database, &name).await
    }

    /// A session knows of relations of its own that it has committed.
    fn learn(&self, database: &str, known: Known) {
        if !known.is_empty() {
            let mut before = self.learned.entry(database.to_owned()).or_default();
            *before = std::mem::take(&mut *before).learned(known);
        }
    }
}

impl Load for Engines {
    type Snapshot = Engine;

    async fn load(&self, database: &str) -> Result<Engine, UpstreamError> {
        let started = std::time::Instant::now();
        let mut server = self.connect(database).await?;
        let mut builder = Builder::new();
        for (name, sql) in QUERIES {
            let rows = server.query(sql).await?;
            builder.rows(name, rows).map_err(|e| UpstreamError::Protocol(e.to_string()))?;
        }
        let catalog = builder.finish().map_err(|e| UpstreamError::Protocol(e.to_string()))?;
        let relations = catalog.relations.len();
        let known = self.known.get(database).map(|k| k.clone()).unwrap_or_default();
        let known = match self.learned.remove(database) {
            Some((_, learned)) => known.learned(learned),
            None => known,
        };
        let engine = Engine::renewed(&self.policy, Arc::new(catalog), &self.marker, &known).map_err(|errors| UpstreamError::Policy {
            database: database.to_owned(),
            faults: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        })?;
        self.known.insert(database.to_owned(), engine.known().as_ref().clone());
        log::info("catalog.loaded", &[("database", &database), ("relations", &relations), ("ms", &started.elapsed().as_millis())]);
        Ok(engine)
    }

    type Watch = Upstream;

    async fn watch(&self, database: &str) -> Result<Upstream, UpstreamError> {
        self.connect(database).await
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
    database: Arc<Database<Engines>>,
    role: String,
    key: SecretKey,
    own: Option<OwnEngine>,
    asking: Option<(Asking, Shared)>,
    /// How often its own catalog was another.
    number: u64,
    /// [`Database::changes`] when it asked last.
    seen: u64,
    /// It has changed the catalog itself since then.
    changed: bool,
}

/// A snapshot that many sessions judge by, and its number.
type Shared = (Arc<Engine>, u64);

/// What a session judges by that sees what others do not.
struct OwnEngine {
    engine: Engine,
    /// The number of the snapshot that it differs from.
    of: u64,
}

/// Generations of own catalogs have this bit, so that none is a snapshot's.
const OWN: u64 = 1 << 63;

impl SessionJudge {
    /// In a database, for the role that is active; pseudonyms are made from `key`.
    pub fn new(database: Arc<Database<Engines>>, role: String, key: SecretKey) -> Self {
        SessionJudge { database, role, key, own: None, asking: None, number: 0, seen: 0, changed: false }
    }

    fn with<T>(&self, ask: impl FnOnce(&Engine) -> T) -> T {
        match &self.own {
            Some(own) => ask(&own.engine),
            None => ask(&self.database.current()),
        }
    }

    fn differs(&mut self, own: &Own, (engine, of): Shared, idle: bool) -> Option<Vec<String>> {
        let known = self.own.as_ref().map(|own| own.engine.known().as_ref().clone()).unwrap_or_default();
        let engine = engine.upon(&self.role, own, known).ok()?;
        if idle {
            let permanent = |oid| own.catalog.relations.get(&oid).is_some_and(|r| !r.schema.starts_with("pg_temp"));
            self.database.loader().learn(self.database.name(), engine.known().own(permanent));
            let temporary = |oid| own.catalog.relations.get(oid).is_some_and(|r| r.schema.starts_with("pg_temp"));
            let shows = own.changed.as_ref().is_none_or(|changed| changed.is_empty() || !changed.iter().all(temporary));
            // The others are to look, too: those that only look do not say so again.
            if std::mem::take(&mut self.changed) && shows && self.database.changed() == self.seen {
                self.seen = self.seen.wrapping_add(1);
            }
        }
        self.own = Some(OwnEngine { engine, of });
        self.number = self.number.wrapping_add(1);
        Some(Vec::new())
    }
}

impl Judge for SessionJudge {
    fn judge(&self, search_path: &[String], sql: &str) -> Result<Arc<Plan>, Refusal> {
        let who = Subject { role: self.role.clone(), search_path: Arc::from(search_path) };
        self.with(|engine| engine.judge(&who, sql))
    }

    fn witness(&self, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize> {
        self.with(|engine| engine.witness(&self.role, outputs, origins).map_err(|veto| veto.column))
    }

    fn filters_may_fail(&self) -> bool {
        self.with(|engine| engine.filters_may_fail(&self.role))
    }

    fn generation(&self) -> u64 {
        if self.own.is_some() { OWN | self.number } else { self.database.generation() }
    }

    fn has_own(&self) -> bool {
        self.own.is_some()
    }

    fn own_is_outdated(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.of != self.database.generation())
            || self.seen.max(self.database.shown()) < self.database.changes()
    }

    fn has_changed(&mut self) {
        self.changed = true;
    }

    fn ask_own(&mut self) -> Vec<String> {
        // The number first: with a newer snapshot it is only asked once more.
        let of = self.database.generation();
        self.seen = self.database.changes();
        let engine = self.database.current();
        let asking = Asking::new(Arc::clone(engine.catalog()));
        let questions = asking.questions().to_vec();
        self.asking = Some((asking, (engine, of)));
        questions
    }

    fn own_answered(&mut self, answers: Vec<Rows>, idle: bool) -> Option<Vec<String>> {
        let (asking, shared) = self.asking.take()?;
        let next = match asking.answered(answers) {
            Ok(next) => next,
            Err(error) => {
                log::warn("catalog.own", &[("database", &self.database.name()), ("why", &error)]);
                return None;
            }
        };
        match next {
            Next::Ask(asking) => {
                let questions = asking.questions().to_vec();
                self.asking = Some((*asking, shared));
                Some(questions)
            }
            Next::Same => {
                self.own = None;
                self.changed = false;
                Some(Vec::new())
            }
            Next::Differs(own) => self.differs(&own, shared, idle),
        }
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
