//! Masks that need a key in the database: the key does not come out, nobody learns from values of his own what it does to those of others, and
//! what is seen is a function of the masks.

use std::sync::OnceLock;

use pgveil_policy::mask::seal::{Key, veil_key};
use pgveil_tests::client::{Client, Login};
use pgveil_tests::world::{Proxy, World};

const SCHEMA: &str = "\
CREATE SCHEMA shop; CREATE SCHEMA own; \
CREATE TABLE shop.people (id int PRIMARY KEY, born date); \
CREATE TABLE shop.visits (id int PRIMARY KEY, person bigint, at timestamptz, day date, cost numeric(10,2), weight float8); \
CREATE INDEX ON shop.visits (day); \
CREATE MATERIALIZED VIEW shop.copied AS SELECT id, id AS person, day, at FROM shop.visits; \
CREATE VIEW shop.recent AS SELECT id, person, day FROM shop.visits; \
INSERT INTO shop.people SELECT n, date '1950-03-01' + n * 331 FROM generate_series(1, 30) n; \
INSERT INTO shop.people VALUES (31, NULL), (32, 'infinity'); \
INSERT INTO shop.visits SELECT n, n % 30 + 1, timestamptz '2020-05-04 10:11:12.5+00' + n * interval '41 hours', date '2020-05-04' + n, n * 17.25, n * 1.5 \
    FROM generate_series(1, 200) n; \
INSERT INTO shop.visits VALUES (201, NULL, '2020-01-01', '2020-01-01', 5, 5); \
REFRESH MATERIALIZED VIEW shop.copied; GRANT USAGE, CREATE ON SCHEMA own TO PUBLIC; ANALYZE";

const POLICY: &str = r#"
version = 1
[class.day]
columns = ["shop.people.born", "*.visits.at", "*.visits.day", "shop.recent.day"]
[class.cost]
columns = ["*.visits.cost", "*.visits.weight"]
[role.analyst]
read_only = true
writable_schemas = ["own"]
[role.analyst.mask]
day = { shift = { by = { "shop.people" = "id", "*.visits" = "person", "*.recent" = "person" }, days = 90 } }
cost = { noise = { amount = 1000 } }
"#;

struct Shifted {
    a: (Proxy, String),
    /// Under another key, with other dates that look the same.
    b: (Proxy, String),
}

impl Shifted {
    fn get() -> &'static Shifted {
        static SHIFTED: OnceLock<Shifted> = OnceLock::new();
        SHIFTED.get_or_init(|| {
            let world = World::get();
            let users = [("analyst", "analyst")];
            let a = (world.proxy(POLICY, &users), world.database(SCHEMA));
            let other = world.proxy_with(POLICY, &users, |config| config.key.0 = [0x77; 32]);
            let b = (other, world.database(SCHEMA));
            // By how much each person's dates move under both keys.
            let moved = |proxy: &(Proxy, String)| session(proxy).query("SELECT id, born FROM shop.people WHERE id <= 30 ORDER BY id").ok().rows();
            for (seen_a, seen_b) in moved(&a).iter().zip(moved(&b)) {
                let [id, at_a] = seen_a.as_slice() else { panic!() };
                let (id, at_a, at_b) = (id.as_deref().unwrap(), at_a.as_deref().unwrap(), seen_b[1].clone().unwrap());
                let by = format!("(date '{at_a}' - date '{at_b}')");
                let sql = format!(
                    "UPDATE shop.people SET born = born + {by} WHERE id = {id}; \
                     UPDATE shop.visits SET day = day + {by}, at = (at AT TIME ZONE 'UTC' + {by} * interval '1 day') AT TIME ZONE 'UTC' WHERE person = {id}"
                );
                world.cluster().execute(&b.1, &sql).unwrap();
                // Stored alike.
                world.cluster().execute(&a.1, &sql.replace(&by, "0")).unwrap();
            }
            Shifted { a, b }
        })
    }
}

fn session((proxy, database): &(Proxy, String)) -> Client {
    let login = Login::local(proxy.addr().port(), database, "analyst", &proxy.password("analyst"));
    Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
}

fn direct(database: &str) -> Client {
    let cluster = World::get().cluster();
    let login = Login::local(cluster.port(), database, pgveil::demo::cluster::SUPERUSER, cluster.password());
    Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
}

/// Of one person all dates move by the same, of different ones by others; none stays, NULL and infinity do.
#[test]
fn intervals_of_one_person_stay() {
    let shifted = Shifted::get();
    let (mut seen, mut raw) = (session(&shifted.a), direct(&shifted.a.1));
    let sql = "SELECT p.id, p.born, v.day, v.at FROM shop.people p JOIN shop.visits v ON v.person = p.id ORDER BY v.id";
    let (seen_rows, raw_rows) = (seen.query(sql).ok().rows(), raw.query(sql).ok().rows());
    let mut offsets = std::collections::BTreeMap::new();
    for (masked, stored) in seen_rows.iter().zip(&raw_rows) {
        let text = |row: &[Option<String>], n: usize| row[n].clone().unwrap();
        let days = raw
            .query(&format!(
                "SELECT date '{}' - date '{}', date '{}' - date '{}', timestamptz '{}' - timestamptz '{}'",
                text(masked, 1),
                text(stored, 1),
                text(masked, 2),
                text(stored, 2),
                text(masked, 3),
                text(stored, 3)
            ))
            .ok()
            .rows();
        let [born, day, at] = days[0].as_slice() else { panic!() };
        let offset: i32 = born.as_deref().unwrap().parse().unwrap();
        assert!(offset != 0 && offset.abs() <= 90, "{offset}");
        assert_eq!(born, day);
        assert!(at.as_deref().unwrap().starts_with(&format!("{offset} day")), "{at:?} of {offset}");
        assert_eq!(*offsets.entry(text(masked, 0)).or_insert(offset), offset);
    }
    let different: std::collections::BTreeSet<i32> = offsets.values().copied().collect();
    assert!(offsets.len() == 30 && different.len() > 20, "{offsets:?}");
    let ends = seen.query("SELECT born FROM shop.people WHERE id > 30 ORDER BY id").ok().rows();
    assert_eq!(ends, [[None], [Some("infinity".to_owned())]]);
    assert_eq!(seen.query("SELECT day, at FROM shop.visits WHERE person IS NULL").ok().rows(), [[None, None]]);
    let view = seen.query("SELECT count(*) FROM shop.recent r JOIN shop.visits v USING (id) WHERE r.day <> v.day");
    assert_eq!(view.ok().value().as_deref(), Some("0"), "a view's date moves once");
}

/// A materialised view's columns of other names are not what the mask reads.
#[test]
fn what_a_mask_reads_is_its_own_tables() {
    let shifted = Shifted::get();
    let copied = session(&shifted.a).query("SELECT count(day), count(at), count(id) FROM shop.copied").ok().table();
    assert_eq!(copied, "0|0|201");
}

/// A condition is one on the row as it is stored, and nobody makes it true.
#[test]
fn conditions_hold_for_rows() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, land text, phone varchar(12) COLLATE \"C\", pay numeric(8,2), seen timestamptz); \
         INSERT INTO shop.t VALUES (1, 'DE', '030-1', 10, '2024-03-04 05:06:07+00'), (2, 'AT', '040-2', 20, '2024-03-04 05:06:07+00'), \
         (3, NULL, '050-3', 30, 'infinity'), (4, 'DE', NULL, NULL, NULL); \
         CREATE VIEW shop.v AS SELECT id, phone, 'DE' AS land FROM shop.t; CREATE MATERIALIZED VIEW shop.m AS SELECT id, phone, 'DE'::text AS land FROM shop.t",
    );
    let policy = r#"
version = 1
[class.phone]
columns = ["shop.t.phone"]
[class.pay]
columns = ["shop.t.pay"]
[class.seen]
columns = ["shop.t.seen"]
[role.reader]
read_only = true
[role.reader.mask]
phone = { when = "land = 'DE'", then = { keep = { last = 2 } } }
pay = { when = "pay < 15 OR land = 'AT'", then = "clear", else = { bucket = 100 } }
seen = { when = "seen < '2025-01-01 00:00:00+00'", then = { truncate = "month" }, else = "null" }
"#;
    for (condition, why) in [
        ("land::int > 5", "it could fail on a stored value"),
        ("upper(land)", "it is neither true nor false"),
        ("seen < '2025-01-01'", "could mean another time under another setting"),
        ("seen > now()", "is not on the list of functions"),
        ("seen < date '2025-01-01'", "compared by the session's own"),
    ] {
        let wrong = policy.replace("land = 'DE'", condition);
        let wrong = pgveil_policy::Policy::parse("p", &wrong).unwrap();
        let errors = pgveil_policy::Engine::new(&wrong, world.catalog(&database).into(), pgveil_tests::stage::MARKER).unwrap_err();
        assert!(errors[0].message.contains(why), "{condition}: {errors:?}");
    }
    let proxy = world.proxy(policy, &[("analyst", "reader")]);
    let stage = (proxy, database);
    let mut reader = session(&stage);
    let mut seen = |sql: &str| reader.query(sql).ok().table();
    assert_eq!(
        seen("SELECT id, phone, pay, seen AT TIME ZONE 'UTC' FROM shop.t ORDER BY id"),
        "1|***-1|10.00|2024-03-01 00:00:00\n2|[redacted]|20.00|2024-03-01 00:00:00\n3|[redacted]|0.00|∅\n4|∅|∅|∅"
    );
    assert_eq!(seen("SELECT id FROM shop.t WHERE phone LIKE '%1' OR phone LIKE '0%' ORDER BY id"), "1");
    assert_eq!(seen("SELECT id, phone FROM shop.v ORDER BY id LIMIT 3"), "1|***-1\n2|[redacted]\n3|[redacted]");
    assert_eq!(seen("SELECT DISTINCT phone FROM shop.m"), "[redacted]");
    assert_eq!(seen("SELECT id FROM (SELECT id, phone, 'DE' AS land FROM shop.t) AS t WHERE phone = '[redacted]' ORDER BY id"), "2\n3");
    let answer = reader.query("UPDATE shop.t SET land = 'DE' RETURNING phone");
    assert!(matches!(answer.sqlstate(), "42501" | "25006"), "{}", answer.message());
}

/// Where a role keeps tables, what a condition reads is the role's to write: there it is never true.
#[test]
fn nobody_makes_a_condition_true() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA shop; CREATE SCHEMA own; GRANT USAGE, CREATE ON SCHEMA own TO PUBLIC; \
         CREATE TABLE own.t (id int PRIMARY KEY, land text, phone text); INSERT INTO own.t VALUES (1, 'AT', '040-2'), (2, 'DE', '030-1'); \
         CREATE TABLE shop.t (id int, land text, phone text) PARTITION BY LIST (id); \
         CREATE TABLE own.t_1 PARTITION OF shop.t FOR VALUES IN (1); INSERT INTO shop.t VALUES (1, 'AT', '040-2'); \
         CREATE TABLE shop.u (id int, land text, phone text); INSERT INTO shop.u VALUES (1, 'DE', '030-1'), (2, 'AT', '040-2'); \
         GRANT ALL ON ALL TABLES IN SCHEMA own, shop TO PUBLIC; GRANT USAGE ON SCHEMA shop TO PUBLIC",
    );
    let policy = "version = 1\n[class.phone]\ncolumns = [\"*.*.phone\"]\n[role.reader]\nread_only = true\nwritable_schemas = [\"own\"]\n\
        [role.reader.mask]\nphone = { when = \"land = 'DE'\", then = \"clear\" }\n";
    let stage = (world.proxy(policy, &[("analyst", "reader")]), database);
    let mut reader = session(&stage);
    for (act, look) in [
        ("UPDATE own.t SET land = 'DE'", "SELECT DISTINCT phone FROM own.t"),
        ("UPDATE own.t_1 SET land = 'DE'", "SELECT DISTINCT phone FROM shop.t"),
        ("CREATE TEMP TABLE t AS SELECT * FROM own.t", "SELECT DISTINCT phone FROM pg_temp.t"),
    ] {
        reader.query(act).ok();
        assert_eq!(reader.query(look).ok().table(), "[redacted]", "{act}");
    }
    let elsewhere = reader.query("SELECT phone FROM shop.u ORDER BY id").ok().table();
    assert_eq!(elsewhere, "030-1\n[redacted]", "where it cannot write the condition holds");
}

/// Of two databases that show the same masks, under two keys, nothing differs.
#[test]
fn twins_under_two_keys() {
    let shifted = Shifted::get();
    let (mut a, mut b) = (session(&shifted.a), session(&shifted.b));
    for sql in [
        "SELECT * FROM shop.people ORDER BY id",
        "SELECT id, person, at, day FROM shop.visits ORDER BY id",
        "SELECT id FROM shop.visits WHERE day = '2020-06-01' OR day < '2020-05-20' ORDER BY id",
        "SELECT id FROM shop.visits WHERE day > '2020-06-01' LIMIT 7",
        "SELECT day, count(*) FROM shop.visits GROUP BY day",
        "SELECT DISTINCT day FROM shop.visits LIMIT 9",
        "SELECT date_trunc('month', at), count(*), min(day), max(at) FROM shop.visits GROUP BY 1 ORDER BY 1",
        "SELECT id, day - lag(day) OVER (PARTITION BY person ORDER BY day) FROM shop.visits ORDER BY id",
        "SELECT array_agg(id ORDER BY day) FROM shop.visits",
        "SELECT v FROM shop.visits v WHERE id < 9 AND cost IS NULL ORDER BY id",
        "SELECT to_jsonb(r) FROM shop.recent r ORDER BY id",
        "SELECT a.id, b.id FROM shop.visits a JOIN shop.visits b USING (day) WHERE a.id < b.id ORDER BY 1, 2",
        "SELECT day::text::int FROM shop.visits",
        "SELECT 1 / (day - '2020-06-01') FROM shop.visits",
        "SELECT id FROM shop.visits ORDER BY day, id",
        "EXPLAIN (COSTS OFF, VERBOSE) SELECT day FROM shop.visits WHERE day = '2020-06-01'",
        "COPY (SELECT id, day, at FROM shop.visits ORDER BY id) TO STDOUT (FORMAT binary)",
        "COPY shop.people TO STDOUT (FORMAT csv)",
        "SET TimeZone = 'America/New_York'",
        "SELECT id, at, at::date FROM shop.visits ORDER BY id",
        "BEGIN; DECLARE c CURSOR FOR SELECT day FROM shop.visits ORDER BY id; FETCH 5 FROM c; COMMIT",
        "CREATE TABLE own.kept AS SELECT id, person AS who, day AS shown FROM shop.visits",
        "SELECT id + 0, who + 0, shown + 0 FROM own.kept ORDER BY id",
        "DROP TABLE own.kept",
    ] {
        let answers = [a.query(sql), b.query(sql)].map(|answer| (answer.messages, answer.broken));
        assert_eq!(answers[0], answers[1], "{sql}");
    }
}

/// The keys, as they stand in what the server is sent.
fn keys() -> Vec<String> {
    ["shift of day", "noise of cost"].map(|domain| veil_key(&Key::new([0x5e; 32]), domain)).to_vec()
}

#[test]
fn the_key_does_not_come_out() {
    let shifted = Shifted::get();
    let mut session = session(&shifted.a);
    session.query("PREPARE p AS SELECT day, cost FROM shop.visits").ok();
    for sql in [
        "SELECT current_query(), day FROM shop.visits LIMIT 1",
        "SELECT query FROM pg_stat_activity",
        "SELECT statement FROM pg_prepared_statements",
        "BEGIN; DECLARE c CURSOR FOR SELECT day, cost FROM shop.visits; SELECT statement FROM pg_cursors; COMMIT",
        "EXPLAIN (VERBOSE) SELECT day, cost FROM shop.visits WHERE day > '2020-05-05' AND cost > 5",
        "EXPLAIN (VERBOSE, ANALYZE, FORMAT JSON) EXECUTE p",
        "SELECT day::int FROM shop.visits",
        "SELECT nothing_there(day) FROM shop.visits",
        "SELECT cost / 0 FROM shop.visits",
        "SET client_min_messages = debug5",
        "SET debug_print_parse = on",
        "SELECT day, cost FROM shop.visits LIMIT 1",
        "CREATE VIEW own.v AS SELECT day FROM shop.visits",
        "CREATE TEMP VIEW v AS SELECT cost FROM shop.visits",
        "CREATE VIEW own.w AS SELECT id FROM shop.visits WHERE day > '2020-05-05'",
        "CREATE MATERIALIZED VIEW own.m AS SELECT day FROM shop.visits",
        "CREATE TABLE own.t AS SELECT day AS d, cost AS c FROM shop.visits",
        "SELECT definition FROM pg_views WHERE schemaname IN ('own', 'pg_temp_3')",
        "SELECT pg_get_viewdef(oid) FROM pg_class WHERE relname IN ('v', 'w', 'm')",
        "SELECT ev_action FROM pg_rewrite",
        "SELECT adbin, pg_get_expr(adbin, adrelid) FROM pg_attrdef",
        "DROP TABLE own.t",
    ] {
        let answer = session.query(sql);
        let all = format!("{answer:?}");
        for key in keys() {
            assert!(!all.contains(&key), "{sql}: {all}");
            let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
            let bytes = format!("{:?}", key.as_bytes());
            assert!(!all.contains(&hex) && !all.contains(bytes.trim_matches(['[', ']'])), "{sql}: {all}");
        }
        if sql.contains(" VIEW ") {
            assert_eq!(answer.sqlstate(), "42501", "{sql}: {}", answer.message());
        }
    }
}

/// Values of one's own beside another's key.
#[test]
fn nobody_reads_what_his_own_values_become() {
    let shifted = Shifted::get();
    let mut session = session(&shifted.a);
    for sql in [
        "CREATE TABLE own.visits AS SELECT 7::bigint AS person, date '2000-01-01' AS day, 5::numeric AS cost",
        "CREATE TEMP TABLE visits AS SELECT 7::bigint AS person, date '2000-01-01' AS day, 5::numeric AS cost",
        "CREATE VIEW own.v AS SELECT 7 AS person, date '2000-01-01' AS day",
    ] {
        session.query(sql).ok();
    }
    assert_eq!(session.query("SELECT day, cost FROM own.visits").ok().rows(), [[None, None]]);
    let temporary = session.query("SELECT day FROM visits").ok().rows();
    assert!(temporary == [[None]] || temporary == [[Some("2000-01-01".to_owned())]], "{temporary:?}");
    assert_eq!(session.query("SELECT day FROM own.v").ok().rows(), [[Some("2000-01-01".to_owned())]]);
    for sql in [
        "INSERT INTO shop.visits (id, person, day) VALUES (999, 7, '2000-01-01')",
        "UPDATE shop.visits SET person = 7 WHERE id = 1",
        "CREATE TABLE own.child (x int) INHERITS (shop.visits)",
        "ALTER TABLE own.visits SET SCHEMA shop",
        "CREATE TABLE own.part PARTITION OF shop.visits DEFAULT",
    ] {
        let answer = session.query(sql);
        assert_ne!(answer.sqlstate(), "", "{sql}");
        assert!(matches!(answer.sqlstate(), "42501" | "25006" | "0A000"), "{sql}: {} {}", answer.sqlstate(), answer.message());
    }
    session.query("DROP TABLE own.visits").ok();
    session.query("DROP VIEW own.v").ok();
}

/// The same value moves by the same, however often and in whatever form it is asked for; different ones by different amounts.
#[test]
fn noise_cannot_be_averaged_away() {
    let shifted = Shifted::get();
    let mut seen = session(&shifted.a);
    let first = seen.query("SELECT id, cost, weight FROM shop.visits ORDER BY id").ok().rows();
    for setting in
        ["SET extra_float_digits = -10", "SET extra_float_digits = 3", "SET TimeZone = 'Asia/Tokyo'", "SET client_encoding = 'LATIN1'"]
    {
        let mut other = session(&shifted.a);
        other.query(setting);
        other.query("SET extra_float_digits = 1");
        assert_eq!(other.query("SELECT id, cost, weight FROM shop.visits ORDER BY id").ok().rows(), first, "{setting}");
    }
    let raw = direct(&shifted.a.1).query("SELECT id, cost, weight FROM shop.visits ORDER BY id").ok().rows();
    for column in [1, 2] {
        let moved: Vec<f64> = first
            .iter()
            .zip(&raw)
            .map(|(seen, raw)| [seen, raw].map(|row| row[column].as_deref().unwrap().parse::<f64>().unwrap()))
            .map(|[seen, raw]| seen - raw)
            .collect();
        assert!(moved.iter().all(|m| m.abs() <= 1000.01) && moved.iter().any(|m| *m > 500.0) && moved.iter().any(|m| *m < -500.0));
        let mean = moved.iter().sum::<f64>() / moved.len() as f64;
        assert!(mean.abs() < 200.0, "{mean}");
    }
    assert_eq!(seen.query("SELECT cost, weight FROM shop.visits WHERE id = 201").ok().rows().len(), 1);
}

/// Field by field, in whatever form the value is asked for.
#[test]
fn fields_of_a_value_show_their_masks() {
    let world = World::get();
    let database = world.database(
        "CREATE SCHEMA shop; CREATE TYPE shop.address AS (street text, zip varchar(5), floor int, since date); \
         CREATE TABLE shop.t (id int PRIMARY KEY, home shop.address); \
         INSERT INTO shop.t VALUES (1, ('Long Lane', '12345', 17, '2020-02-03')), (2, NULL), (3, (NULL, NULL, NULL, NULL))",
    );
    let policy = r#"
version = 1
[class.home]
columns = ["shop.t.home"]
[role.reader]
[role.reader.mask]
home = { fields = { zip = { keep = { first = 2 } }, floor = { bucket = 10 }, since = { truncate = "year" } } }
[role.open]
[role.open.mask]
home = { fields = { street = "null", "*" = "clear" } }
"#;
    let proxy = world.proxy(policy, &[("reader", "reader"), ("open", "open")]);
    let as_user = |user: &str| {
        Client::connect(&Login::local(proxy.addr().port(), &database, user, &proxy.password(user))).unwrap_or_else(|e| panic!("{e:?}"))
    };
    let mut reader = as_user("reader");
    let mut seen = |sql: &str| reader.query(sql).ok().table();
    let whole = "1|([redacted],12***,10,2020-01-01)\n2|∅\n3|([redacted],,,)";
    assert_eq!(seen("SELECT id, home FROM shop.t ORDER BY id"), whole);
    assert_eq!(seen("SELECT id, home::text FROM shop.t ORDER BY id"), whole);
    assert_eq!(seen("SELECT (home).street, (home).zip, (t.home).floor FROM shop.t WHERE id = 1"), "[redacted]|12***|10");
    assert_eq!(
        seen("SELECT (home).street, (home).zip, (home).floor, (home).since FROM shop.t WHERE (home).floor < 17 ORDER BY id"),
        "[redacted]|12***|10|2020-01-01"
    );
    assert_eq!(
        seen("SELECT to_jsonb(t) FROM shop.t AS t WHERE id = 1"),
        r#"{"id": 1, "home": {"zip": "12***", "floor": 10, "since": "2020-01-01", "street": "[redacted]"}}"#
    );
    assert_eq!(seen("SELECT id FROM shop.t WHERE home IS DISTINCT FROM NULL ORDER BY id"), "1\n3");
    assert_eq!(seen("SELECT count(*) FROM shop.t WHERE home = ROW('Long Lane', '12345', 17, '2020-02-03')::shop.address"), "0");
    assert_eq!(as_user("open").query("SELECT home FROM shop.t WHERE id = 1").ok().value().as_deref(), Some("(,12345,17,2020-02-03)"));
    let answer = reader.query("SELECT (home).street::int FROM shop.t");
    assert!(!format!("{answer:?}").contains("Long"), "{answer:?}");
    for (mask, why) in [
        ("{ fields = { strete = \"null\" } }", "shop.address has no field strete; its fields: street, zip, floor, since"),
        ("{ fields = { floor = { truncate = \"year\" } } }", "its field floor, of type integer: it takes date"),
    ] {
        let policy = format!("version = 1\n[class.home]\ncolumns = [\"shop.t.home\"]\n[role.reader.mask]\nhome = {mask}");
        let policy = pgveil_policy::Policy::parse("p", &policy).unwrap();
        let errors = pgveil_policy::Engine::new(&policy, world.catalog(&database).into(), pgveil_tests::stage::MARKER).unwrap_err();
        let told = errors.iter().map(ToString::to_string).collect::<String>();
        assert!(told.replace('"', "").contains(why), "{told}");
    }
}
