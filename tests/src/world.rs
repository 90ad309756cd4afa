//! The world that tests happen in: one private Postgres for each test process, databases in it, proxies in front of it.
//!
//! ```no_run
//! use pgveil_tests::world::World;
//! let world = World::get();
//! let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret");
//! let proxy = world.proxy("version = 1\n[class.c]\ncolumns = [\"s.t.secret\"]\n[role.r]\n[role.r.mask]\nc = \"null\"\n", &[("ana", "r")]);
//! assert_eq!(proxy.psql("ana", &database, "SELECT * FROM s.t").out, "1|\n");
//! ```

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use pgveil::config::Config;
use pgveil::demo::cluster::{Cluster, Options, SUPERUSER};
use pgveil::demo::sample::{OWNER, SERVICE, Sample};
use pgveil::serve::Server;
use pgveil_certs::throwaway::Ca;
use pgveil_policy::Catalog;
use pgveil_policy::catalog::load::{Builder, QUERIES};

use crate::client::Login;

/// The service account's password, and the owner's.
pub const SERVICE_PASSWORD: &str = "service-account";

/// A private Postgres, shared by all tests of the process. It stops, and its folder goes, when the process ends.
#[derive(Debug)]
pub struct World {
    cluster: Cluster,
    number: AtomicUsize,
    /// Databases by what made them: copied, never used themselves.
    templates: Mutex<HashMap<String, String>>,
}

/// A proxy in this process, in front of the world's Postgres. Dropped, it stops.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    psql: PathBuf,
    policy: PathBuf,
    certificate: PathBuf,
}

/// What psql printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Exit status 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl World {
    /// The world of this process, made where it is asked for first.
    pub fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let world = World::start(Options::default());
            pgveil::log::to_file(&world.cluster.folder().join("pgveil.log")).unwrap();
            world
        })
    }

    /// A world apart from that of the process, for tests that change what all databases of a server share.
    pub fn start(options: Options) -> World {
        let cluster = Cluster::start(options).unwrap_or_else(|e| panic!("{e}"));
        for role in [SERVICE, OWNER] {
            cluster.execute("postgres", &format!("CREATE ROLE {role} LOGIN PASSWORD '{SERVICE_PASSWORD}'")).unwrap();
        }
        World { cluster, number: AtomicUsize::new(0), templates: Mutex::default() }
    }

    /// The private Postgres.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The server's major version, such as 15.
    pub fn major(&self) -> u32 {
        self.cluster.version().split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok()).expect("a version")
    }

    /// A new database, made by that SQL and readable by the service account; its name. The same SQL is run once only, and
    /// copied from then on.
    pub fn database(&self, sql: &str) -> String {
        self.copy_of(sql, |name| {
            self.cluster.execute("postgres", &format!("CREATE DATABASE {name}")).unwrap();
            self.cluster.execute(name, sql).unwrap();
            self.grant(name);
        })
    }

    /// A new database with the demo's sample, of that many customers; its name.
    pub fn sample(&self, customers: u32) -> String {
        self.copy_of(&format!("-- sample {customers}"), |name| {
            let password = || SERVICE_PASSWORD.to_owned();
            Sample { customers, service_password: password(), owner_password: password() }.load(&self.cluster, name, |_| ()).unwrap();
        })
    }

    /// A snapshot of a database's catalog.
    pub fn catalog(&self, database: &str) -> Catalog {
        // Separators that no catalog holds.
        let mut script = "\\pset fieldsep '\\x1f'\n\\pset recordsep '\\x1e'\n\\pset null '\\x1d'\n".to_owned();
        for (name, sql) in QUERIES {
            script.push_str(&format!("\\echo '\\x1c{name}\\x1e'\n{sql};\n"));
        }
        let printed = self.cluster.execute(database, &script).unwrap();
        let mut builder = Builder::new();
        for block in printed.split('\u{1c}').skip(1) {
            let mut records = block.trim_end_matches('\n').trim_end_matches('\u{1e}').split('\u{1e}');
            let name = records.next().unwrap();
            let cell = |cell: &str| (cell != "\u{1d}").then(|| cell.to_owned());
            let rows = records.map(|r| r.strip_prefix('\n').unwrap_or(r)).filter(|r| !r.is_empty());
            builder.rows(name, rows.map(|row| row.split('\u{1f}').map(cell).collect()).collect()).unwrap();
        }
        builder.finish().unwrap()
    }

    /// A proxy with that policy and these users, each with a role. It takes connections in plain and over TLS. Role `admin`
    /// is the superuser on the server, the others are the service account.
    pub fn proxy(&self, policy: &str, users: &[(&str, &str)]) -> Proxy {
        self.proxy_with(policy, users, |_| ())
    }

    /// The same with users of any name, each with its lines of the users file but for the verifier, such as `roles = ["r"]`.
    pub fn proxy_of(&self, policy: &str, users: &[(&str, &str)]) -> Proxy {
        self.proxy_of_with(policy, users, |_| ())
    }

    /// The same with another configuration.
    pub fn proxy_of_with(&self, policy: &str, users: &[(&str, &str)], change: impl FnOnce(&mut Config)) -> Proxy {
        let user = |(name, lines): &(&str, &str)| {
            let verifier = postgres_protocol::password::scram_sha_256(password(name).as_bytes());
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("[user.\"{name}\"]\nverifier = \"{verifier}\"\n{lines}\n")
        };
        self.proxy_with(policy, &[], |config| {
            fs::write(&config.users, users.iter().map(user).collect::<String>()).unwrap();
            change(config);
        })
    }

    /// The same with another configuration.
    pub fn proxy_with(&self, policy: &str, users: &[(&str, &str)], change: impl FnOnce(&mut Config)) -> Proxy {
        let stem = format!("proxy{}", self.next());
        let path = |extension: &str| self.cluster.folder().join(format!("{stem}.{extension}"));
        let ca = Ca::new().unwrap();
        ca.write_into(self.cluster.folder(), &format!("{stem}-ca")).unwrap();
        ca.issue_into(self.cluster.folder(), &stem, &[]).unwrap();
        write_users(&path("users"), users);
        let port = self.cluster.port();
        let text = format!(
            "listen = \"127.0.0.1:0\"\npolicy = \"{stem}.policy\"\nusers = \"{stem}.users\"\nkey_file = \"{stem}.secret\"\n\
             [upstream]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"disable\"\nuser = \"{SERVICE}\"\npassword_file = \"{stem}.service\"\n\
             [upstream.account.admin]\nuser = \"{SUPERUSER}\"\npassword_file = \"{stem}.superuser\"\n\
             [tls]\nmode = \"allow\"\ncert = \"{stem}.crt\"\nkey = \"{stem}.key\"\n"
        );
        secret(&path("secret"), &"5e".repeat(32));
        secret(&path("service"), SERVICE_PASSWORD);
        secret(&path("superuser"), self.cluster.password());
        fs::write(path("policy"), policy).unwrap();
        fs::write(path("toml"), text).unwrap();
        let mut config = Config::load_with(&path("toml"), &|_| None).unwrap_or_else(|e| panic!("{e}"));
        // The same keyed order in every session: the twin databases are made so that it is the same on both.
        config.order_key = Some("0rder".repeat(6) + "ky");
        // Tests fail to log in as often as they like; those of the limit set it.
        config.failed_logins = 1_000_000;
        change(&mut config);
        let server = Server::start(config).unwrap_or_else(|e| panic!("{e}"));
        Proxy {
            server,
            psql: self.cluster.psql(),
            policy: path("policy"),
            certificate: self.cluster.folder().join(format!("{stem}-ca.crt")),
        }
    }

    fn copy_of(&self, key: &str, make: impl FnOnce(&str)) -> String {
        // Held while the template is made and copied: Postgres copies no database that somebody is connected to.
        let mut templates = self.templates.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let template = templates.entry(key.to_owned()).or_insert_with(|| {
            let name = format!("template_{}", self.next());
            make(&name);
            name
        });
        let name = format!("db_{}", self.next());
        self.cluster.execute("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        name
    }

    fn grant(&self, database: &str) {
        let schemas = "SELECT format('GRANT USAGE ON SCHEMA %1$I TO pgveil; \
                       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO pgveil', nspname) \
                       FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' \\gexec";
        self.cluster.execute(database, schemas).unwrap();
    }

    fn next(&self) -> usize {
        self.number.fetch_add(1, Ordering::Relaxed)
    }
}

impl Proxy {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// How a user logs in.
    pub fn login(&self, user: &str, database: &str) -> Login {
        Login::local(self.addr().port(), database, user, &password(user))
    }

    /// The password of a user.
    pub fn password(&self, user: &str) -> String {
        password(user)
    }

    /// The CA of its certificate, as a PEM file.
    pub fn ca(&self) -> &Path {
        &self.certificate
    }

    /// Runs psql with a connection string that has its own idea of who, where and how; `host` is the proxy's where it does not say.
    pub fn psql_with(&self, connection: &str, password: Option<&str>, script: &str) -> Printed {
        let target = format!("host=127.0.0.1 port={} connect_timeout=60 {connection}", self.addr().port());
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-w", "-q", "-A", "-t", "-d", &target, "-c", script]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGCLIENTENCODING", "UTF8");
        command.envs(password.map(|password| ("PGPASSWORD", password)));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Printed { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Replaces the policy file, in one piece as editors do. The proxy finds out by itself.
    pub fn set_policy(&self, text: &str) {
        let fresh = self.policy.with_extension("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, &self.policy).unwrap();
    }

    /// Replaces the policy file and has it read at once, as by SIGHUP; whether it is in force then.
    ///
    /// # Panics
    /// Where nothing came of it within a minute.
    pub fn change_policy(&self, text: &str) -> bool {
        let counters = self.server.counters();
        let (changes, failures) = (counters.policy_changes.get(), counters.policy_failures.get());
        self.set_policy(text);
        self.server.reload();
        for _ in 0..60_000 {
            if counters.policy_changes.get() > changes || counters.policy_failures.get() > failures {
                return counters.policy_changes.get() > changes;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("the policy was not read");
    }

    /// Stops it, and waits until it has.
    pub fn stop(self) {
        self.server.stop();
    }

    /// Where the policy stands.
    pub fn policy_file(&self) -> &Path {
        &self.policy
    }

    /// The proxy itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Runs a psql script as one of the users, over TLS: rows unaligned, columns between `|`; goes on after an error.
    pub fn psql(&self, user: &str, database: &str, script: &str) -> Printed {
        let ca = self.certificate.display();
        let target =
            format!("host=127.0.0.1 port={} user={user} dbname={database} sslmode=verify-full sslrootcert={ca}", self.addr().port());
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-A", "-t", "-d", &target, "-c", script]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PGPASSWORD", password(user)).env("PGCLIENTENCODING", "UTF8");
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Printed { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn password(user: &str) -> String {
    format!("{user}-password")
}

fn write_users(path: &Path, users: &[(&str, &str)]) {
    let user = |(name, role): &(&str, &str)| {
        let verifier = postgres_protocol::password::scram_sha_256(password(name).as_bytes());
        format!("[user.{name}]\nverifier = \"{verifier}\"\nroles = [\"{role}\"]\n")
    };
    fs::write(path, users.iter().map(user).collect::<String>()).unwrap();
}

fn secret(path: &Path, text: &str) {
    pgveil::demo::secret::write_secret(path, text.as_bytes()).unwrap();
}

#[cfg(test)]
mod tests {
    use pgveil_policy::catalog::{BaseType, Index, RelationKind};

    use super::*;

    #[test]
    fn databases_are_made_once_and_copied() {
        let world = World::get();
        let sql = "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id";
        let (first, second) = (world.database(sql), world.database(sql));
        assert_ne!(first, second);
        world.cluster().execute(&first, "INSERT INTO s.t VALUES (2)").unwrap();
        assert_eq!(world.cluster().execute(&second, "SELECT * FROM s.t").unwrap(), "1\n");
    }

    #[test]
    fn a_role_without_masks_passes_through() {
        let world = World::get();
        let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id");
        let proxy = world.proxy("version = 1\nunclassified = \"clear\"\n[role.all]\ndefault = \"clear\"\n", &[("sec", "all")]);
        let printed = proxy.psql("sec", &database, "SELECT id + 1 FROM s.t");
        assert_eq!(printed, Printed { ok: true, out: "2\n".to_owned(), err: String::new() });
        assert!(proxy.psql("nobody", &database, "SELECT 1").err.contains("password authentication failed"));
    }

    #[test]
    fn the_samples_catalog() {
        let world = World::get();
        let catalog = world.catalog(&world.sample(200));
        assert!(catalog.server_version >= 130_000);
        assert!(catalog.functions.len() > 2000 && catalog.functions["fmt_money"][0].schema == "shop");
        let orders = catalog.relation("shop", "orders").unwrap();
        assert_eq!(orders.kind, RelationKind::Partitioned);
        assert_eq!(orders.primary_key, [1, 7]);
        assert!(orders.indexes.iter().any(|i| i.mentions == [4, 6]), "{:?}", orders.indexes);
        let part = catalog.relation("shop", "orders_2023").unwrap();
        assert_eq!(part.parents, [orders.oid]);
        let sql = |relation: &str, column: &str| catalog.relation("shop", relation).unwrap().column(column).unwrap().data_type.sql.clone();
        assert_eq!(sql("orders", "status"), "\"shop\".\"order_status\"");
        assert_eq!(sql("orders", "total"), "numeric(10,2)");
        assert_eq!(sql("customers", "email"), "character varying(120)");
        assert_eq!(sql("customers", "ssn"), "character(11)");
        assert_eq!(sql("customers", "notes"), "pg_catalog.text");
        let view = catalog.relation("shop", "customer_orders").unwrap();
        assert!(view.definition.as_ref().unwrap().contains("FROM (shop.orders o"), "{:?}", view.definition);
        assert!(view.reads.contains(&orders.oid));
        let customers = catalog.relation("shop", "customers").unwrap();
        // The index on lower(email), and the partial one on the notes of those whose id it holds.
        assert!(customers.indexes.contains(&Index { mentions: vec![3], returns: vec![] }), "{:?}", customers.indexes);
        assert!(customers.indexes.contains(&Index { mentions: vec![1, 11], returns: vec![1] }), "{:?}", customers.indexes);
        assert!(catalog.relation("pg_catalog", "pg_stats").unwrap().definition.is_none());
    }

    #[test]
    fn types_in_the_catalog_mean_the_same_under_every_search_path() {
        let world = World::get();
        let database = world.database(
            "CREATE SCHEMA a; CREATE TYPE a.text AS (x int); CREATE TYPE a.\"Mood\" AS ENUM ('x'); \
             CREATE DOMAIN a.short AS varchar(8) COLLATE \"C\"; CREATE DOMAIN a.shorter AS a.short; \
             CREATE TABLE a.t (a text, b text[], c bpchar, d char(3), e varchar(5)[], f a.\"Mood\", g a.\"Mood\"[], h a.shorter, \
               i a.text, j timestamp(3) with time zone, k interval day to second(2), l bit, m bit varying, n \"char\", o name, \
               p text COLLATE \"C\", q numeric(10,2)[], r text GENERATED ALWAYS AS (upper(a) || d) STORED); \
             CREATE INDEX ON a.t ((a.t.* IS NULL)); CREATE TABLE a.p (id int PRIMARY KEY); CREATE TABLE a.c (ssn text) INHERITS (a.p); \
             CREATE INDEX ON a.c (id, ssn)",
        );
        let catalog = world.catalog(&database);
        let t = catalog.relation("a", "t").unwrap();
        // Each written form, read back under a search_path that prefers the user's types, is the column's own type.
        let casts: Vec<String> = t
            .columns
            .iter()
            .map(|c| format!("SELECT pg_catalog.pg_typeof(CAST(NULL AS {}))::oid = {}", c.data_type.sql, c.data_type.oid))
            .collect();
        let script = format!("SET search_path = a, pg_catalog; {}", casts.join(" UNION ALL "));
        let answers = world.cluster().execute(&database, &script).unwrap();
        assert_eq!(answers, "t\n".repeat(t.columns.len()));
        let column = |name: &str| t.column(name).unwrap();
        assert_eq!(column("h").data_type.base, BaseType::Varchar);
        assert_eq!(column("h").data_type.base_sql, "character varying(8)");
        assert!(column("h").data_type.is_domain);
        assert_eq!(column("p").data_type.collation.as_deref(), Some("\"pg_catalog\".\"C\""));
        assert_eq!(column("r").generated_from, [1, 4]);
        assert_eq!(t.indexes[0].mentions.len(), t.columns.len());
        let parent = catalog.relation("a", "p").unwrap();
        assert_eq!(parent.primary_key, [] as [i16; 0]);
        assert!(parent.indexes.iter().any(|i| i.mentions == [Index::OF_A_CHILD, 1]), "{:?}", parent.indexes);
    }
}
