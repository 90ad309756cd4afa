//! Where the conversations happen: two copies of one database, a proxy, and logins that are the same person on both ways.

use std::sync::OnceLock;

use pgveil::demo::cluster::SUPERUSER;
use pgveil::demo::sample::SERVICE;
use pgveil_tests::client::Login;
use pgveil_tests::world::{Proxy, SERVICE_PASSWORD, World};

/// `w.plain` and what stands around it holds nothing protected. `w.people` does; `w.masked` holds what a role sees of it: it is filled
/// through the proxy.
const SCHEMA: &str = "\
CREATE SCHEMA w; \
CREATE DOMAIN w.short AS varchar(12); \
CREATE TABLE w.plain (id int PRIMARY KEY, t text, v varchar(9), c char(4), n numeric(9,2), b bytea, d date, ts timestamptz, j jsonb, \
  a int[], u uuid, f float8, bo bool, i8 bigint, s w.short); \
INSERT INTO w.plain SELECT i, CASE WHEN i % 7 > 0 THEN repeat(chr(97 + i), i) END, 'v' || i, 'c' || i, i * 1.25, decode(md5(i::text), 'hex'), \
  date '2020-01-01' + i, timestamptz '2021-01-01 00:00+00' + make_interval(hours => i), jsonb_build_object('k', i), ARRAY[i, NULL, i + 1], \
  md5(i::text)::uuid, i / 3.0, i % 2 = 0, i * 10000000000, 's' || i FROM generate_series(1, 40) AS i; \
CREATE TABLE w.sink (id int PRIMARY KEY, t text); \
CREATE TABLE w.loud (id int, t text); \
CREATE FUNCTION w.say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', NEW.id; RETURN NEW; END $$; \
CREATE TRIGGER say BEFORE INSERT ON w.loud FOR EACH ROW EXECUTE FUNCTION w.say(); \
CREATE TABLE w.people (id int PRIMARY KEY, city text, email text, nick varchar(40), device uuid, account bigint, name text, born date, salary int, note text); \
INSERT INTO w.people SELECT i, 'city ' || i % 5, CASE WHEN i % 6 > 0 THEN 'p' || i || '@example.org' END, CASE WHEN i % 5 > 0 THEN 'nick-' || i END, \
  md5(i::text)::uuid, i * 7919, 'Name ' || i, date '1950-03-04' + i * 100, 1000 * i + 7, CASE WHEN i % 4 > 0 THEN 'n' || i END \
  FROM generate_series(1, 60) AS i; \
CREATE TABLE w.masked (LIKE w.people); ALTER TABLE w.masked ADD PRIMARY KEY (id); \
GRANT USAGE ON SCHEMA w TO pgveil;";

/// What each role sees. `analyst` has pseudonyms, `tokens` such as can be searched by.
pub const POLICY: &str = r#"
version = 1
unclassified = "clear"
[class.email]
columns = ["w.people.email", "w.people.nick"]
[class.device]
columns = ["w.people.device"]
[class.account]
columns = ["w.people.account"]
[class.name]
columns = ["w.people.name"]
[class.born]
columns = ["w.people.born"]
[class.salary]
columns = ["w.people.salary"]
[role.admin]
default = "clear"
[role.analyst]
default = "redact"
channels = ["jobs"]
[role.analyst.mask]
email = { hash = { length = 20, prefix = "u_" } }
device = "hash"
account = "hash"
name = { redact = "[name]" }
born = { truncate = "year" }
salary = { bucket = 10000 }
[role.tokens]
default = "redact"
channels = ["jobs"]
[role.tokens.mask]
email = { token = { prefix = "t_", bucket = 16 } }
device = "token"
account = "token"
name = { redact = "[name]" }
born = { truncate = "year" }
salary = { bucket = 10000 }
"#;

/// Two copies of one database, so that what one way writes the other does not see; OIDs are the same in both.
#[derive(Debug)]
pub struct Ground {
    pub proxy: Proxy,
    world: &'static World,
    /// For whoever goes straight to Postgres.
    pub direct: String,
    /// For whoever goes through pgveil.
    pub veiled: String,
}

impl Ground {
    /// A proxy and two databases that nobody else uses.
    pub fn new() -> Ground {
        Ground::on(World::get())
    }

    /// The same on that server.
    pub fn on(world: &'static World) -> Ground {
        let proxy = world.proxy(POLICY, &["admin", "analyst", "tokens"].map(|user| (user, user)));
        let [direct, veiled] = [(); 2].map(|()| world.database(SCHEMA));
        for database in [&direct, &veiled] {
            // A session that waits for what does not come is to be found out.
            world.cluster().execute("postgres", &format!("ALTER DATABASE {database} SET statement_timeout = '50s'")).unwrap();
        }
        Ground { proxy, world, direct, veiled }
    }

    /// One that tests share which change nothing in it.
    pub fn shared() -> &'static Ground {
        static GROUND: OnceLock<Ground> = OnceLock::new();
        GROUND.get_or_init(Ground::new)
    }

    /// Straight to Postgres, as whom the proxy is there for that role.
    pub fn direct(&self, role: &str) -> Login {
        let cluster = self.world.cluster();
        match role {
            "admin" => Login::local(cluster.port(), &self.direct, SUPERUSER, cluster.password()),
            _ => Login::local(cluster.port(), &self.direct, SERVICE, SERVICE_PASSWORD),
        }
    }

    /// Through pgveil.
    pub fn veiled(&self, role: &str) -> Login {
        Login::local(self.proxy.addr().port(), &self.veiled, role, &self.proxy.password(role))
    }
}
