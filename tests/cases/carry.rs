//! Pseudonyms that are kept in tables: what lands there is what the role sees.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::client::{Call, Client, Login, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

const SCHEMA: &str = "
    CREATE SCHEMA shop;
    CREATE SCHEMA adhoc;
    GRANT ALL ON SCHEMA adhoc TO pgveil;
    CREATE DOMAIN shop.mail AS varchar(40) CHECK (VALUE ~ '@');
    CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
    CREATE TABLE shop.customers (
        id int PRIMARY KEY, email varchar(30), alt shop.mail, code char(16), device uuid, account bigint,
        phone text, born date, tags text[], price numeric(10, 2), seen timestamptz, mood shop.mood, extra jsonb);
    INSERT INTO shop.customers
        SELECT i, 'raw' || i % 500 || '@canary.example', 'raw' || i % 500 || '@canary.example', 'rawcode' || i % 7,
               md5((i % 100)::text)::uuid, i % 50, '+49 555 ' || i, date '1980-05-17' + i, ARRAY['a', NULL, 'b' || i],
               i / 7.0, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', 'ok', jsonb_build_object('n', i)
        FROM generate_series(1, 20000) AS i;
    INSERT INTO shop.customers (id) VALUES (0);
    CREATE TABLE shop.leads (email text, score int);
    INSERT INTO shop.leads SELECT 'raw' || i || '@canary.example', i FROM generate_series(1, 40) AS i;
";

const POLICY: &str = r#"
version = 1
unclassified = "clear"
[class.email]
columns = ["shop.customers.email", "shop.customers.alt", "shop.leads.email"]
[class.code]
columns = ["shop.customers.code"]
[class.device]
columns = ["shop.customers.device"]
[class.account]
columns = ["shop.customers.account"]
[class.phone]
columns = ["shop.customers.phone"]
[class.born]
columns = ["shop.customers.born"]

[role.analyst]
default = "clear"
read_only = true
writable_schemas = ["adhoc"]
[role.analyst.mask]
email = { hash = { length = 26, prefix = "u_" } }
code = { hash = { length = 16 } }
device = "hash"
account = "hash"
phone = { keep = { last = 2, fill = "*" } }
born = { truncate = "year" }

[role.tokens]
default = "clear"
read_only = true
writable_schemas = ["adhoc"]
[role.tokens.mask]
email = "token"
device = "token"
account = "token"
"#;

const USERS: [(&str, &str); 2] = [("analyst", "analyst"), ("tokens", "tokens")];

/// A database of its own, behind a proxy that is shared.
pub(crate) struct Place {
    database: String,
}

fn proxy() -> &'static Proxy {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    PROXY.get_or_init(|| World::get().proxy(POLICY, &USERS))
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { database: World::get().database(SCHEMA) }
    }

    fn login(&self, user: &str) -> Login {
        let proxy = proxy();
        Login::local(proxy.addr().port(), &self.database, user, &proxy.password(user))
    }

    pub(crate) fn session(&self, user: &str) -> Client {
        Client::connect(&self.login(user)).unwrap()
    }

    /// Straight to Postgres, as the superuser.
    pub(crate) fn plain(&self, sql: &str) -> String {
        let cluster = World::get().cluster();
        let login = Login::local(cluster.port(), &self.database, SUPERUSER, cluster.password());
        Client::connect(&login).unwrap().query(sql).ok().table()
    }

    pub(crate) fn is_there(&self, table: &str) -> bool {
        self.plain(&format!("SELECT to_regclass('{table}') IS NOT NULL")) == "t"
    }
}

#[test]
fn what_is_kept_is_what_is_seen() {
    let place = Place::new();
    let mut session = place.session("analyst");
    let query = "SELECT id, email, alt, code, device, account, phone, born, tags, price, seen, mood, extra FROM shop.customers ORDER BY id";
    let answer = session.query(&format!("CREATE TABLE adhoc.x AS {query}")).ok();
    assert_eq!((answer.tags(), answer.status()), (vec!["SELECT 20001"], Some('I')));
    let seen = session.query(query).ok().table();
    assert_eq!(place.plain("SELECT * FROM adhoc.x ORDER BY id"), seen);
    assert_eq!(session.query("SELECT * FROM adhoc.x ORDER BY id").ok().table(), seen);
    assert!(!seen.contains("canary") && !seen.contains("rawcode"));
    // Types as they were, but for lengths and domains that pseudonyms need not keep to.
    let types = "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute \
                 WHERE attrelid = 'adhoc.x'::regclass AND attnum > 0";
    assert_eq!(
        place.plain(types),
        "integer,character varying,character varying,bpchar,uuid,bigint,text,date,text[],numeric(10,2),timestamp with time zone,shop.mood,jsonb"
    );
}

#[test]
fn kept_pseudonyms_join_with_each_other() {
    let place = Place::new();
    let mut session = place.session("analyst");
    assert_eq!(session.query("SELECT email, count(*) AS n INTO adhoc.a FROM shop.customers GROUP BY 1").ok().tags(), ["SELECT 501"]);
    session.query("CREATE TABLE adhoc.b AS SELECT email, score FROM shop.leads").ok();
    assert_eq!(session.query("SELECT count(*), sum(n) FROM adhoc.a JOIN adhoc.b USING (email)").ok().table(), "40|1600");
    // What is kept holds no raw value: it cannot be compared with the column itself.
    let refused = session.query("SELECT count(*) FROM adhoc.a JOIN shop.leads USING (email)");
    assert_eq!(refused.sqlstate(), "42501", "{refused:?}");
    let arrays = "CREATE TABLE adhoc.c (mails, n) AS SELECT array_agg(email ORDER BY score), count(*) FROM shop.leads";
    assert_eq!(session.query(arrays).ok().tags(), ["SELECT 1"]);
    assert_eq!(session.query("SELECT count(*) FROM adhoc.c, unnest(mails) AS m JOIN adhoc.b ON b.email = m").ok().table(), "40");
    assert!(!place.plain("SELECT mails FROM adhoc.c").contains("canary"));
}

#[test]
fn tokens_stay_tokens() {
    let place = Place::new();
    let mut session = place.session("tokens");
    session.query("CREATE TABLE adhoc.t AS SELECT id, email, device, account FROM shop.customers WHERE id BETWEEN 1 AND 3").ok();
    let token = session.query("SELECT email FROM adhoc.t WHERE id = 1").value().unwrap();
    assert!(!token.contains("canary"));
    let found = session.query(&format!("SELECT min(id) FROM shop.customers WHERE email = '{token}'")).ok();
    assert_eq!(found.table(), "1");
    let by_token = format!("CREATE TABLE adhoc.t2 AS SELECT id, email FROM shop.customers WHERE email = '{token}'");
    assert_eq!(session.query(&by_token).ok().tags(), ["SELECT 40"]);
}

#[test]
fn it_is_one_transaction() {
    let place = Place::new();
    let mut session = place.session("analyst");
    session.query("BEGIN").ok();
    assert_eq!(session.query("CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers").ok().status(), Some('T'));
    assert!(!place.is_there("adhoc.x"));
    session.query("ROLLBACK").ok();
    assert!(!place.is_there("adhoc.x"));
    for sql in ["BEGIN", "CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers", "SAVEPOINT s"] {
        session.query(sql).ok();
    }
    let failed = session.query("CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers");
    assert_eq!((failed.sqlstate(), failed.status()), ("42P07", Some('E')));
    session.query("ROLLBACK TO s").ok();
    session.query("COMMIT").ok();
    assert_eq!(place.plain("SELECT count(*) FROM adhoc.x"), "20001");
}

#[test]
fn an_error_in_the_middle_leaves_nothing() {
    let place = Place::new();
    let mut session = place.session("analyst");
    let sql = "CREATE TABLE adhoc.x AS SELECT email, 1 / (id - 15000) FROM shop.customers";
    let failed = session.query(sql);
    assert_eq!((failed.error().is_some(), failed.status()), (true, Some('I')), "{failed:?}");
    assert!(!place.is_there("adhoc.x"));
    session.query("BEGIN").ok();
    assert_eq!(session.query(sql).status(), Some('E'));
    assert_eq!(session.query("SELECT 1").sqlstate(), "25P02");
    assert_eq!(session.query("COMMIT").tags(), ["ROLLBACK"]);
    assert!(!place.is_there("adhoc.x"));
    session.query("BEGIN READ ONLY").ok();
    assert_eq!(session.query("CREATE TABLE adhoc.x AS SELECT email FROM shop.customers").sqlstate(), "25006");
    session.query("ROLLBACK").ok();
    // Nothing of it is left in the session either.
    assert_eq!(session.query("CREATE TABLE adhoc.x AS SELECT email FROM shop.customers").ok().tags(), ["SELECT 20001"]);
}

#[test]
fn forms_of_create_table_as() {
    let place = Place::new();
    let mut session = place.session("analyst");
    let count = |session: &mut Client, table: &str| session.query(&format!("SELECT count(*) FROM {table}")).ok().table();
    assert_eq!(session.query("CREATE TABLE adhoc.n AS SELECT email FROM shop.customers WITH NO DATA").ok().tags(), ["CREATE TABLE AS"]);
    assert_eq!(count(&mut session, "adhoc.n"), "0");
    assert_eq!(session.query("CREATE TABLE IF NOT EXISTS adhoc.n AS SELECT email FROM shop.leads").ok().tags(), ["CREATE TABLE AS"]);
    assert_eq!(count(&mut session, "adhoc.n"), "0");
    assert_eq!(session.query("CREATE TABLE IF NOT EXISTS adhoc.m AS SELECT email FROM shop.leads").ok().tags(), ["SELECT 40"]);
    assert_eq!(
        session.query("CREATE UNLOGGED TABLE adhoc.u (\"E Mail\") WITH (fillfactor = 70) AS SELECT email FROM shop.leads").ok().tags(),
        ["SELECT 40"]
    );
    assert_eq!(session.query("SELECT count(DISTINCT \"E Mail\") FROM adhoc.u").ok().table(), "40");
    assert_eq!(session.query("CREATE TABLE adhoc.d AS SELECT email, email FROM shop.leads").sqlstate(), "42701");
    assert_eq!(session.query("CREATE TABLE adhoc.e AS SELECT email FROM shop.leads WHERE false").ok().tags(), ["SELECT 0"]);
    assert_eq!(session.query("CREATE TABLE shop.e AS SELECT email FROM shop.leads").sqlstate(), "42501");
    assert_eq!(session.query("CREATE TEMP TABLE t AS SELECT email FROM shop.leads").ok().tags(), ["SELECT 40"]);
    for sql in ["BEGIN", "CREATE TEMP TABLE o ON COMMIT DROP AS SELECT email FROM shop.leads", "COMMIT"] {
        session.query(sql).ok();
    }
}

#[test]
fn the_extended_protocol() {
    let place = Place::new();
    let mut session = place.session("analyst");
    let call = Call { sql: "CREATE TABLE adhoc.x AS SELECT id, email FROM shop.customers".to_owned(), ..Call::default() };
    assert_eq!(session.call(&call).ok().tags(), ["SELECT 20001"]);
    assert_eq!(session.call(&call).sqlstate(), "42P07");
    // With other statements in one pipeline, and one transaction.
    session.pipeline(|out| {
        for (n, sql) in
            ["CREATE TABLE adhoc.y AS SELECT email FROM shop.leads", "SELECT 1", "CREATE TABLE adhoc.z AS SELECT email FROM shop.leads"]
                .into_iter()
                .enumerate()
        {
            let (name, call) = (format!("s{n}"), Call::default());
            frontend::parse(&name, sql, [], out).unwrap();
            bind("", &name, &call, out);
            frontend::execute("", 0, out).unwrap();
        }
        frontend::sync(out);
    });
    assert_eq!(session.answer().ok().tags(), ["SELECT 40", "SELECT 1", "SELECT 40"]);
    assert_eq!(session.query("SELECT count(*) FROM adhoc.y JOIN adhoc.z USING (email)").ok().table(), "40");
}

#[test]
fn cancel_timeout_and_hanging_up_stop_it() {
    let place = Place::new();
    let slow = "CREATE TABLE adhoc.x AS SELECT a.id, a.email FROM shop.customers a, shop.customers b WHERE b.id < 2000";
    let mut session = place.session("analyst");
    let key = session.key.clone().unwrap();
    session.put_query(slow);
    thread::sleep(Duration::from_millis(700));
    let mut other = Client::open("127.0.0.1", proxy().addr().port());
    let mut cancel = bytes::BytesMut::new();
    cancel.extend_from_slice(&u32::try_from(12 + key.1.len()).unwrap().to_be_bytes());
    cancel.extend_from_slice(&80_877_102_u32.to_be_bytes());
    cancel.extend_from_slice(&key.0.to_be_bytes());
    cancel.extend_from_slice(&key.1);
    other.send(&cancel);
    let answer = session.answer();
    assert_eq!((answer.sqlstate(), answer.status()), ("57014", Some('I')));
    assert!(!place.is_there("adhoc.x"));
    session.put_query(slow);
    thread::sleep(Duration::from_millis(700));
    session.hang_up();
    let gone = Instant::now();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'pgveil'";
    while place.plain(running) != "0" {
        assert!(gone.elapsed() < Duration::from_secs(60), "it goes on without its client");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(!place.is_there("adhoc.x"));
}
