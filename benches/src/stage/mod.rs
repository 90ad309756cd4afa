//! What is measured: a private Postgres with tables, PgBouncer and pgveil in front of it, all stopped with us.

mod pgbouncer;
mod process;
mod proxy;

use std::path::{Path, PathBuf};

use pgveil::demo::cluster::{Cluster, Options};
use pgveil_certs::throwaway::Ca;

use crate::client::{Account, Client};
use crate::error::BenchError;
use crate::measure::Effort;
use process::Process;

/// The database.
pub const DATABASE: &str = "bench";
/// The account on the server: PgBouncer's clients log in with it, and pgveil itself.
pub const SERVER_USER: &str = "bench";
/// Connections that each side must bear.
const CONNECTIONS: u32 = 1200;
/// pgbench's scale: 100,000 accounts each.
pub const SCALE: u32 = 10;

/// The policy: of the exported table two columns are hashed and two veiled for ana; of pgbench's accounts one is veiled.
pub const POLICY: &str = r#"version = 1
unclassified = "clear"
[class.email]
columns = ["shop.customers.email"]
[class.phone]
columns = ["shop.customers.phone"]
[class.person_name]
columns = ["shop.customers.full_name"]
[class.birth_date]
columns = ["shop.customers.dob"]
[class.filler]
columns = ["public.pgbench_accounts.filler"]
[role.analyst.mask]
email = { hash = { length = 32, prefix = "u_" } }
phone = "hash"
person_name = { redact = "[name]" }
birth_date = { truncate = "year" }
filler = "redact"
[role.plain]
default = "clear"
"#;

const TABLES: &str = "
CREATE SCHEMA shop;
CREATE TABLE shop.customers AS SELECT
  i AS id,
  'Given' || i % 3001 || ' Family' || i % 7919 AS full_name,
  ('person' || i || '@example' || i % 97 || '.test')::varchar(120) AS email,
  '+49 30 ' || 1000000 + i AS phone,
  date '1940-01-01' + (i * 7 % 24000)::int AS dob,
  (array['DE', 'FR', 'IT', 'ES'])[1 + i % 4]::char(2) AS country,
  'City ' || i % 500 AS city,
  (i % 50)::int AS orders,
  (i % 100000 / 100.0)::numeric(10,2) AS balance,
  timestamptz '2020-01-01 00:00+00' + i * interval '40 seconds' AS created
FROM generate_series(1::bigint, :rows) AS i;
ALTER TABLE shop.customers ADD PRIMARY KEY (id);
CREATE TABLE shop.orders AS SELECT i AS id, 1 + i % :rows AS customer_id, (i % 1000)::numeric(10,2) AS total FROM generate_series(1::bigint, 1000) AS i;
ALTER TABLE shop.orders ADD PRIMARY KEY (id);
GRANT USAGE ON SCHEMA shop, public TO bench;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO bench;
VACUUM (FREEZE, ANALYZE);
";

/// A way to the database.
#[derive(Debug, Clone)]
pub struct Route {
    /// As the report calls it.
    pub name: &'static str,
    /// On 127.0.0.1.
    pub port: u16,
    /// Who logs in.
    pub account: Account,
}

/// What is measured.
pub struct Stage {
    /// Straight to Postgres.
    pub direct: Route,
    /// Through PgBouncer.
    pub pgbouncer: Route,
    /// Through pgveil, with four masked columns.
    pub ana: Route,
    /// Through pgveil, as a role from whom nothing is protected.
    pub plain: Route,
    /// Verifies PgBouncer's and pgveil's certificates.
    pub tls: std::sync::Arc<rustls::ClientConfig>,
    /// PgBouncer's version.
    pub pgbouncer_version: String,
    // Dropped in this order: the proxies stop before the server.
    _bouncer: Process,
    _proxy: Process,
    ground: Ground,
}

/// A proxy that nobody has used yet.
pub struct Fresh {
    /// Its port.
    pub port: u16,
    process: Process,
}

impl Fresh {
    /// Resident memory, kB.
    pub fn memory(&self) -> Result<f64, BenchError> {
        self.process.memory()
    }
}

impl Stage {
    /// Starts all, and fills the tables.
    pub fn set(effort: &Effort) -> Result<Stage, BenchError> {
        let settings = [
            ("max_connections", CONNECTIONS.to_string()),
            ("shared_buffers", "1GB".to_owned()),
            // Two scans at a time of a large table would start in its middle, and share what they read.
            ("synchronize_seqscans", "off".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let cluster = Cluster::start(Options { settings, ..Options::default() })?;
        let password = pgveil::demo::secret::random_hex(8)?;
        cluster.execute("postgres", &format!("CREATE ROLE {SERVER_USER} LOGIN PASSWORD '{password}'"))?;
        cluster.execute("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        pgbench_tables(&cluster)?;
        cluster.script(DATABASE, TABLES, &[("rows", &effort.rows.to_string())])?;
        // One verifier for all: PgBouncer can log in with what its client proves only where it is the server's own.
        let verifier = cluster.execute("postgres", &format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{SERVER_USER}'"))?;
        let verifier = verifier.trim().to_owned();

        let ca = Ca::new()?;
        let root = ca.write_into(cluster.folder(), "bench-ca")?;
        let files = ca.issue_into(cluster.folder(), "bench", &[])?;
        let tls = pgveil_certs::client::config(pgveil_certs::Verify::Full(&root))?;
        let ground = Ground { cluster, verifier, password, certificate: files };
        let (bouncer, bouncer_port, pgbouncer_version) = pgbouncer::start(&ground)?;
        let (proxy, proxy_port) = proxy::start(&ground)?;
        let route = |name, port, user| Route { name, port, account: Account::new(user, &ground.password) };
        let stage = Stage {
            direct: route("direct", ground.cluster.port(), SERVER_USER),
            pgbouncer: route("PgBouncer", bouncer_port, SERVER_USER),
            ana: route("pgveil", proxy_port, "ana"),
            plain: route("pgveil, nothing masked", proxy_port, "plain"),
            tls,
            pgbouncer_version,
            _bouncer: bouncer,
            _proxy: proxy,
            ground,
        };
        stage.check()?;
        Ok(stage)
    }

    /// The private Postgres.
    pub fn cluster(&self) -> &Cluster {
        &self.ground.cluster
    }

    /// Another PgBouncer.
    pub fn another_pgbouncer(&self) -> Result<Fresh, BenchError> {
        pgbouncer::start(&self.ground).map(|(process, port, _)| Fresh { port, process })
    }

    /// Another pgveil.
    pub fn another_pgveil(&self) -> Result<Fresh, BenchError> {
        proxy::start(&self.ground).map(|(process, port)| Fresh { port, process })
    }

    // That ana's values are masked, and nobody else's: otherwise the figures would be of something else.
    fn check(&self) -> Result<(), BenchError> {
        for (route, masked) in [(&self.direct, false), (&self.pgbouncer, false), (&self.plain, false), (&self.ana, true)] {
            let mut client = Client::connect(route)?;
            let rows = client.rows("SELECT email, phone, full_name, dob FROM shop.customers WHERE id = 7")?;
            let values: Vec<&str> = rows.iter().flatten().flatten().map(String::as_str).collect();
            let [email, phone, name, dob] = values.as_slice() else { return Err(BenchError::Protocol("no customer 7")) };
            let hashed = email.starts_with("u_") && email.len() == 34 && phone.len() == 32;
            let veiled = *name == "[name]" && *dob == "1940-01-01";
            let raw = *email == "person7@example7.test" && *phone == "+49 30 1000007" && *name == "Given7 Family7" && *dob == "1940-02-19";
            let as_meant = if masked { hashed && veiled } else { raw };
            if !as_meant {
                return Err(BenchError::Answer { route: route.name, message: format!("customer 7 is {values:?}") });
            }
        }
        Ok(())
    }
}

/// What the proxies stand on.
struct Ground {
    cluster: Cluster,
    verifier: String,
    password: String,
    certificate: pgveil_certs::throwaway::Files,
}

impl Ground {
    fn file(&self, name: &str, text: &str) -> Result<PathBuf, BenchError> {
        let path = self.cluster.folder().join(name);
        pgveil::demo::secret::write_secret(&path, text.as_bytes())?;
        Ok(path)
    }

    fn folder(&self) -> &Path {
        self.cluster.folder()
    }
}

fn pgbench_tables(cluster: &Cluster) -> Result<(), BenchError> {
    let mut command = pgbench(cluster);
    command.args(["-i", "-q", "-I", "dtgp", "-s", &SCALE.to_string(), "-h", "127.0.0.1", "-p", &cluster.port().to_string()]);
    command.args(["-U", cluster.superuser(), DATABASE]).env("PGPASSWORD", cluster.password());
    process::output("pgbench", command).map(drop)
}

/// The `pgbench` beside the server's psql, or in PATH.
pub fn pgbench(cluster: &Cluster) -> std::process::Command {
    let beside = cluster.psql().with_file_name("pgbench");
    let mut command = std::process::Command::new(if beside.exists() { beside } else { "pgbench".into() });
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGSSLMODE", "disable");
    command
}

pub use process::output;
