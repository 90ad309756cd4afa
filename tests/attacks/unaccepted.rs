//! A table that nobody has accepted yet: who may define, but is kept from it, brings its values under an accepted name.

use std::fs;

use pgveil_policy::Policy;
use pgveil_policy::policy::lock::Lock;
use pgveil_tests::client::{Client, Login};
use pgveil_tests::world::{Proxy, World};

const RAW: &str = "rawvalue";

const SCHEMA: &str = "CREATE SCHEMA shop; CREATE SCHEMA adhoc; GRANT ALL ON SCHEMA shop, adhoc TO pgveil; \
    CREATE TABLE shop.people (id int, name text, mail text); INSERT INTO shop.people VALUES (1, 'x', 'rawvalue'); \
    CREATE TABLE shop.other (id int, note text); CREATE TABLE shop.log (id int, note text) PARTITION BY LIST (id); \
    ALTER TABLE shop.people OWNER TO pgveil; ALTER TABLE shop.other OWNER TO pgveil; ALTER TABLE shop.log OWNER TO pgveil;";

/// What comes later, past pgveil.
const LATER: &str = "CREATE TABLE shop.fresh (id int, note text); INSERT INTO shop.fresh VALUES (1, 'rawvalue'); \
    ALTER TABLE shop.fresh OWNER TO pgveil; ALTER TABLE shop.people ADD phone text; UPDATE shop.people SET phone = 'rawvalue'";

const POLICY: &str = "version = 1\n[class.mail]\ncolumns = [\"shop.people.mail\"]\n\
    [role.engineer]\ndefault = \"clear\"\nmask.mail = \"null\"\n\
    [role.analyst]\nread_only = true\nwritable_schemas = [\"adhoc\"]\nmask.mail = \"null\"\n";

/// Texts of one session each, as the engineer and then as the analyst.
const ATTACKS: &[&[&str]] = &[
    &["DROP TABLE shop.other", "ALTER TABLE shop.fresh RENAME TO other"],
    &["BEGIN; DROP TABLE shop.other; ALTER TABLE shop.fresh RENAME TO other; COMMIT"],
    &["ALTER TABLE shop.fresh SET SCHEMA adhoc", "TABLE adhoc.fresh"],
    &["ALTER SCHEMA shop RENAME TO adhoc2", "ALTER SCHEMA adhoc RENAME TO x; ALTER SCHEMA shop RENAME TO adhoc"],
    &["ALTER TABLE shop.log ATTACH PARTITION shop.fresh DEFAULT", "TABLE shop.log"],
    &["ALTER TABLE shop.fresh INHERIT shop.other", "TABLE shop.other"],
    &["ALTER TABLE shop.people DROP COLUMN name", "ALTER TABLE shop.people RENAME COLUMN phone TO name", "SELECT name FROM shop.people"],
    &["ALTER TABLE shop.people RENAME COLUMN mail TO post", "SELECT post FROM shop.people"],
    &["ALTER TABLE shop.people ALTER COLUMN name TYPE text USING phone", "SELECT name FROM shop.people"],
    &["UPDATE shop.people SET name = phone", "SELECT name FROM shop.people"],
    &["INSERT INTO shop.other SELECT * FROM shop.fresh", "TABLE shop.other"],
    &["CREATE TABLE adhoc.copy AS TABLE shop.fresh", "TABLE adhoc.copy"],
    &["CREATE VIEW adhoc.shown AS TABLE shop.fresh", "TABLE adhoc.shown"],
    &["CREATE MATERIALIZED VIEW adhoc.kept AS TABLE shop.fresh", "TABLE adhoc.kept"],
    &["CREATE TABLE adhoc.child () INHERITS (shop.fresh)", "TABLE adhoc.child"],
    &["CREATE TABLE adhoc.deflt (LIKE shop.people INCLUDING ALL)", "INSERT INTO adhoc.deflt (id) VALUES (1) RETURNING phone"],
    &["COPY shop.fresh TO STDOUT", "SELECT note FROM shop.fresh WHERE note LIKE 'raw%'", "SELECT f FROM shop.fresh f"],
    &["CREATE INDEX ON shop.fresh ((note::int))", "ALTER TABLE shop.fresh ADD CHECK (note::int > 0)"],
    &["ALTER TABLE shop.fresh ALTER COLUMN note TYPE int USING note::int"],
];

/// Reads of every relation that there is now.
fn reads(database: &str) -> Vec<String> {
    let sql = "SELECT format('TABLE %I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema'";
    World::get().cluster().execute(database, sql).unwrap().lines().map(str::to_owned).collect()
}

/// The lock file that accepts what there is in these databases.
fn lock(databases: &[String]) -> String {
    let policy = Policy::parse("policy.toml", POLICY).unwrap();
    let identity =
        "SELECT s.system_identifier || '.' || d.oid FROM pg_control_system() s, pg_database d WHERE datname = current_database()";
    let accepting = |lock: Lock, database: &String| {
        let identity = World::get().cluster().execute(database, identity).unwrap();
        lock.accepting(identity.trim(), &World::get().catalog(database), &policy)
    };
    databases.iter().fold(Lock::default(), accepting).render()
}

fn proxy(lock: &str) -> Proxy {
    let users = [("engineer", "engineer"), ("analyst", "analyst")];
    World::get().proxy_with(POLICY, &users, |config| fs::write(config.policy.with_extension("lock"), lock).unwrap())
}

/// Everything that a session is sent, as text.
fn all(proxy: &Proxy, database: &str, user: &str, texts: &[&str]) -> String {
    let login = Login::local(proxy.addr().port(), database, user, &proxy.password(user));
    let mut session = Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"));
    texts.iter().map(|text| format!("{user}: {text}\n{:?}\n{}\n", session.query(text), session.query("ROLLBACK").message())).collect()
}

fn has_raw(told: &str) -> bool {
    // Cells are bytes in debug form.
    let bytes = format!("{:?}", RAW.as_bytes());
    told.contains(bytes.trim_matches(['[', ']'])) || told.replace("LIKE 'raw%'", "").contains(RAW)
}

#[test]
fn what_nobody_has_accepted_is_not_brought_under_an_accepted_name() {
    let databases: Vec<String> = (0..=ATTACKS.len()).map(|_| World::get().database(SCHEMA)).collect();
    let lock = lock(&databases);
    let first = proxy(&lock);
    let mut told: Vec<String> = Vec::new();
    for (database, attack) in databases.iter().zip(ATTACKS) {
        World::get().cluster().execute(database, LATER).unwrap();
        told.push(["engineer", "analyst"].map(|user| all(&first, database, user, attack)).concat());
    }
    first.stop();
    // What has been seen is forgotten.
    let second = proxy(&lock);
    for (database, told) in databases.iter().zip(&mut told) {
        let reads = reads(database);
        let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
        told.push_str(&["engineer", "analyst"].map(|user| all(&second, database, user, &reads)).concat());
    }
    let leaks: Vec<&String> = told.iter().filter(|told| has_raw(told)).collect();
    assert!(leaks.is_empty(), "{} leak:\n{leaks:#?}", leaks.len());
    // It is there to be seen, once it is accepted.
    let last = &databases[ATTACKS.len()];
    World::get().cluster().execute(last, LATER).unwrap();
    let accepted = proxy(&self::lock(std::slice::from_ref(last)));
    assert!(has_raw(&all(&accepted, last, "engineer", &["TABLE shop.fresh"])));
}
