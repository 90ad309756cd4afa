//! The twin databases in the world, a proxy in front of them, and logins for each role.

use std::sync::OnceLock;

use crate::client::{Client, Login};
use crate::world::{Proxy, World};
use pgveil::demo::cluster::SUPERUSER;
use pgveil_policy::{Engine, Policy, Subject};

use crate::data::{self, Differ, Pool, Size, Twin, Values};

/// Stands for the order key in texts that are judged without a session.
pub const MARKER: &str = "marker0marker1marker2";
/// The policy of all tests here.
pub const POLICY: &str = include_str!("../policy.toml");
/// The roles of `policy.toml` as users of the same name.
pub const USERS: [&str; 7] = ["analyst", "engineer", "admin", "filtered", "veiled", "tokens", "faked"];
/// As the service account's sessions find it, and those that go straight to Postgres.
const SETTINGS: &[&str] = &["search_path = shop, public", "statement_timeout = '3s'"];

/// What the service account needs for definitions.
const WRITABLE: &str = "\
GRANT ALL ON SCHEMA shop, adhoc TO pgveil; \
DO $$ DECLARE r record; BEGIN \
  EXECUTE format('GRANT CREATE, TEMP ON DATABASE %I TO pgveil', current_database()); \
  FOR r IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname IN ('shop', 'adhoc') AND c.relkind IN ('r', 'p', 'v', 'm') \
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO pgveil', r.name); END LOOP; END $$";

/// Two databases that differ in what a role must not see.
#[derive(Debug, Clone)]
pub struct Twins {
    pub a: String,
    pub b: String,
}

/// All of one size, made once for each test process.
#[derive(Debug)]
pub struct Stage {
    pub proxy: &'static Proxy,
    /// Values and hidden rows differ: for roles with masks and filters.
    pub both: Twins,
    /// Only values differ: for roles with masks.
    pub values_only: Twins,
    /// Only hidden rows differ: for roles with filters.
    pub rows_only: Twins,
    pub values: &'static Values,
    pub schema: &'static str,
}

/// What stages of every size share.
#[derive(Debug)]
struct Common {
    proxy: Proxy,
    values: Values,
}

impl Stage {
    /// The large one.
    pub fn get() -> &'static Stage {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| Stage::make(Size::LARGE))
    }

    /// The small one, for many statements.
    pub fn small() -> &'static Stage {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| Stage::make(Size::SMALL))
    }

    /// One whose roles may write: the analyst in `adhoc` only, the engineer anywhere. The service account owns what lies there, and may
    /// make more.
    pub fn writable() -> &'static Stage {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| {
            let world = World::get();
            let policy = POLICY.replacen("[role.analyst]\n", "[role.analyst]\nread_only = true\nwritable_schemas = [\"adhoc\"]\n", 1);
            let proxy = Box::leak(Box::new(world.proxy(&policy, &USERS.map(|user| (user, user)))));
            let common = Stage::small();
            let pair = |differ: Differ| {
                let [a, b] = [Twin::A, Twin::B].map(|twin| {
                    let name = database(world, Size::SMALL, twin, differ, common.values);
                    world.cluster().execute(&name, WRITABLE).unwrap();
                    name
                });
                Twins { a, b }
            };
            let both = pair(Differ { values: true, rows: true });
            let values_only = pair(Differ { values: true, rows: false });
            Stage { proxy, rows_only: both.clone(), both, values_only, values: common.values, schema: data::SCHEMA }
        })
    }

    /// A small database that nobody else uses, which those of [`Stage::writable`] may write to.
    pub fn workshop() -> String {
        let stage = Stage::writable();
        let world = World::get();
        let name = database(world, Size::SMALL, Twin::A, Differ { values: true, rows: true }, stage.values);
        world.cluster().execute(&name, WRITABLE).unwrap();
        // A program's every statement may take as long as the machine needs.
        world.cluster().execute("postgres", &format!("ALTER DATABASE {name} SET statement_timeout = 0")).unwrap();
        name
    }

    fn make(size: Size) -> Stage {
        static COMMON: OnceLock<Common> = OnceLock::new();
        let world = World::get();
        let Common { proxy, values } = COMMON.get_or_init(|| {
            let proxy = world.proxy(POLICY, &USERS.map(|user| (user, user)));
            let mut values = Values::new();
            align(world, &proxy, &mut values);
            Common { proxy, values }
        });
        let pair =
            |differ: Differ| Twins { a: database(world, size, Twin::A, differ, values), b: database(world, size, Twin::B, differ, values) };
        Stage {
            both: pair(Differ { values: true, rows: true }),
            values_only: pair(Differ { values: true, rows: false }),
            rows_only: pair(Differ { values: false, rows: true }),
            proxy,
            values,
            schema: data::SCHEMA,
        }
    }

    /// Twins like `both` that nobody else uses.
    pub fn fresh_twins(&self) -> Twins {
        let differ = Differ { values: true, rows: true };
        let [a, b] = [Twin::A, Twin::B].map(|twin| database(World::get(), Size::LARGE, twin, differ, self.values));
        Twins { a, b }
    }

    /// Twins of that kind only, that nobody else uses, behind another proxy.
    pub fn apart(&self, proxy: &'static Proxy, size: Size, differ: Differ) -> Stage {
        self.altered(proxy, size, differ, data::SCHEMA, |statement, _| statement)
    }

    /// The same with another schema, and with what `edit` makes of the statements that fill it.
    pub fn altered(
        &self,
        proxy: &'static Proxy,
        size: Size,
        differ: Differ,
        schema: &'static str,
        edit: fn(String, Twin) -> String,
    ) -> Stage {
        let [a, b] = [Twin::A, Twin::B].map(|twin| {
            let rows = data::rows(size, twin, differ, self.values).into_iter().map(|statement| edit(statement, twin));
            filled(World::get(), schema, &rows.collect::<Vec<_>>())
        });
        let twins = Twins { a, b };
        Stage { proxy, both: twins.clone(), values_only: twins.clone(), rows_only: twins, values: self.values, schema }
    }

    /// Small ones in which addresses have the same domains, behind another proxy. Their keyed order is another in each.
    pub fn of_domains(proxy: &'static Proxy) -> Stage {
        let values: &'static Values = Box::leak(Box::new(Values::with_domains()));
        let differ = Differ { values: true, rows: false };
        let [a, b] = [Twin::A, Twin::B].map(|twin| database(World::get(), Size::SMALL, twin, differ, values));
        let twins = Twins { a, b };
        Stage { proxy, both: twins.clone(), values_only: twins.clone(), rows_only: twins, values, schema: data::SCHEMA }
    }

    /// Through pgveil, as that role.
    pub fn login(&self, role: &str, database: &str) -> Login {
        through(self.proxy, role, database)
    }

    /// The databases that must look alike to a role.
    pub fn twins_of(&self, role: &str) -> &Twins {
        match role {
            "filtered" => &self.rows_only,
            "veiled" | "faked" => &self.values_only,
            _ => &self.both,
        }
    }

    /// Straight to Postgres, as the superuser.
    pub fn plain(&self, database: &str) -> Login {
        let cluster = World::get().cluster();
        Login::local(cluster.port(), database, SUPERUSER, cluster.password())
    }

    /// The policy on the twins, as the proxy has it: their catalogs are all the same.
    pub fn engine(&self) -> &'static Engine {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        ENGINE.get_or_init(|| engine(&self.both.a))
    }

    /// What pgveil sends for a statement, or why it does not.
    pub fn sent(&self, role: &str, sql: &str) -> String {
        let who =
            Subject { role: role.to_owned(), search_path: ["pg_catalog", "shop", "public"].map(str::to_owned).to_vec().into(), user: None };
        match self.engine().judge(&who, sql) {
            Ok(plan) => plan
                .statements
                .iter()
                .map(|s| s.text.render("k", |token| format!("value of {}", token.text), str::to_owned))
                .collect::<Vec<_>>()
                .join(";\n"),
            Err(refusal) => refusal.to_string(),
        }
    }

    /// A session of that role on the first of the twins.
    pub fn session(&self, role: &str) -> Client {
        Client::connect(&self.login(role, &self.both.a)).unwrap_or_else(|e| panic!("login as {role}: {e:?}"))
    }
}

/// The policy on a database.
pub fn engine(database: &str) -> Engine {
    let policy = Policy::parse("policy.toml", POLICY).unwrap_or_else(|e| panic!("{e:?}"));
    Engine::new(&policy, World::get().catalog(database).into(), MARKER).unwrap_or_else(|e| panic!("{e:?}"))
}

fn through(proxy: &Proxy, role: &str, database: &str) -> Login {
    Login {
        // Those from whom no text is protected see protected text.
        canary: matches!(role, "analyst" | "veiled" | "tokens" | "faked" | "named" | "domains" | "written" | "keyed"),
        ..Login::local(proxy.addr().port(), database, role, &proxy.password(role))
    }
}

fn database(world: &World, size: Size, twin: Twin, differ: Differ, values: &Values) -> String {
    filled(world, data::SCHEMA, &data::rows(size, twin, differ, values))
}

/// A copy of one empty database, so that OIDs are the same in all of them; filled.
fn filled(world: &World, schema: &str, rows: &[String]) -> String {
    let name = world.database(schema);
    world.cluster().execute(&name, &format!("{};", rows.join(";\n"))).unwrap();
    configure(world, &name);
    name
}

/// A copy of a database does not take its settings along.
pub fn configure(world: &World, database: &str) {
    for setting in SETTINGS {
        world.cluster().execute("postgres", &format!("ALTER DATABASE {database} SET {setting}")).unwrap();
    }
}

/// Makes the keyed order of the pseudonymised values the same on both twins: it is asked for through pgveil, as the analyst.
fn align(world: &World, proxy: &Proxy, values: &mut Values) {
    for (pool, column) in [(Pool::Email, "email"), (Pool::Device, "device"), (Pool::Account, "account")] {
        let order = [Twin::A, Twin::B].map(|twin| {
            let rows: Vec<String> =
                values.all(pool, twin).iter().enumerate().map(|(n, value)| format!("({n}, {})", data::quote(value))).collect();
            let name = world.database(data::SCHEMA);
            world.cluster().execute(&name, &format!("INSERT INTO shop.pool (person, {column}) VALUES {}", rows.join(", "))).unwrap();
            let mut session = Client::connect(&through(proxy, "analyst", &name)).unwrap_or_else(|e| panic!("{e:?}"));
            let answer = session.query(&format!("SELECT person FROM shop.pool ORDER BY {column}")).ok();
            answer.rows().iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect::<Vec<usize>>()
        });
        values.align(pool, &order[0], &order[1]);
    }
}
