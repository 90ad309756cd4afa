//! Forms that versions after 15 have brought, where they meet writes, definitions, stored views and keys.

use pgveil_tests::client::Login;
use pgveil_tests::version::Feature;
use pgveil_tests::world::{Proxy, World};

use super::*;

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n\
    [class.secret]\ncolumns = [\"*.*.email\", \"*.*.grade\"]\n\
    [role.ana]\ndefault = \"clear\"\n[role.ana.mask]\nsecret = \"null\"\n\
    [role.hana]\ndefault = \"clear\"\n[role.hana.mask]\nsecret = { hash = { length = 32, prefix = \"u_\" } }\n";

/// Two databases with other secrets, and sessions of both roles on each.
fn sessions(script: impl Fn(u32) -> String) -> Vec<[Client; 2]> {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    let world = World::get();
    let proxy = PROXY.get_or_init(|| world.proxy(POLICY, &[("ana", "ana"), ("hana", "hana")]));
    let databases = [3, 7].map(|seed| world.database(&script(seed)));
    let session = |user: &str, database: &String| {
        let login = Login { canary: true, ..Login::local(proxy.addr().port(), database, user, &proxy.password(user)) };
        Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
    };
    ["ana", "hana"].map(|user| [session(user, &databases[0]), session(user, &databases[1])]).into()
}

/// What one of them was answered: the same as the other, refused or not.
fn alike([a, b]: &mut [Client; 2], sql: &str) -> Answer {
    let answers = [a.query(sql), b.query(sql)];
    if let Err(why) = Renaming::default().same(&answers[0], &answers[1]) {
        panic!("{sql}: {why}\n{answers:?}");
    }
    let [first, _] = answers;
    first
}

const WRITES: &[(u32, Attack)] = &[
    (
        17,
        attack(
            "what MERGE returns",
            &[
                "BEGIN",
                "MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN MATCHED THEN UPDATE SET score = 1 RETURNING c.ssn",
            ],
            Nothing,
        ),
    ),
    (
        17,
        attack(
            "all that MERGE returns",
            &[
                "BEGIN",
                "MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN MATCHED THEN DO NOTHING RETURNING merge_action(), *",
            ],
            Nothing,
        ),
    ),
    (
        17,
        attack(
            "MERGE in WITH",
            &[
                "BEGIN",
                "WITH m AS (MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN MATCHED THEN UPDATE SET score = 1 \
                         RETURNING c.*) SELECT ssn FROM m",
            ],
            Nothing,
        ),
    ),
    (
        17,
        attack(
            "whom a condition on the target meets",
            &[
                "BEGIN",
                "MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN NOT MATCHED BY SOURCE AND c.ssn > '5' THEN DELETE",
            ],
            Nothing,
        ),
    ),
    (
        17,
        attack(
            "a view as the target",
            &["BEGIN", "MERGE INTO shop.staff v USING shop.products p ON v.id = p.id WHEN MATCHED AND v.payroll > 5 THEN DELETE"],
            Nothing,
        ),
    ),
    (18, attack("the old value", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING old.ssn"], Nothing)),
    (18, attack("the new one", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING new.ssn"], Nothing)),
    (18, attack("both as they are", &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING old.*, new.*"], Nothing)),
    (18, attack("as one value", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING old::text"], Nothing)),
    (18, attack("through an alias", &["BEGIN", "DELETE FROM shop.customers AS new WHERE id = {id} RETURNING new.ssn"], Rows("∅"))),
    (
        18,
        attack(
            "what stood in its place",
            &[
                "BEGIN",
                "INSERT INTO shop.customers (id, country) VALUES ({id}, 'DE') ON CONFLICT (id) DO UPDATE SET score = 1 RETURNING old.ssn",
            ],
            Nothing,
        ),
    ),
    (17, attack("rows that fail are left out", &["COPY shop.leads (score) FROM STDIN (ON_ERROR ignore)"], Refused)),
    (18, attack("so many of them", &["COPY shop.leads (score) FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 3)"], Refused)),
    (18, attack("in silence", &["COPY shop.leads (score) FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY silent)"], Refused)),
];

const DEFINITIONS: &[(u32, Attack)] = &[
    (
        18,
        attack("a column computed when it is read", &["BEGIN", "ALTER TABLE shop.customers ADD c text GENERATED ALWAYS AS (ssn)"], Nothing),
    ),
    (18, attack("a check that is none", &["BEGIN", "ALTER TABLE shop.customers ADD CONSTRAINT c CHECK (ssn > '5') NOT ENFORCED"], Nothing)),
    (
        18,
        attack(
            "a key in time",
            &["BEGIN", "CREATE TABLE shop.tmp (a int4range, during daterange, PRIMARY KEY (a, during WITHOUT OVERLAPS))"],
            Harmless,
        ),
    ),
    (
        18,
        attack(
            "a reference in time",
            &["BEGIN", "ALTER TABLE shop.customers ADD FOREIGN KEY (id, PERIOD score) REFERENCES shop.products (id, PERIOD id)"],
            Nothing,
        ),
    ),
    (
        18,
        attack(
            "another name for the old row",
            &["BEGIN", "UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING WITH (OLD AS o) o.ssn"],
            Nothing,
        ),
    ),
    (
        17,
        attack(
            "an access method",
            &["BEGIN", "ALTER TABLE shop.customers SET ACCESS METHOD DEFAULT", "SELECT ssn FROM shop.customers WHERE id = {id}"],
            Rows("∅"),
        ),
    ),
];

fn since(all: &'static [(u32, Attack)]) -> Vec<Attack> {
    all.iter().filter(|(since, _)| *since <= World::get().major()).map(|(_, a)| Attack { ..*a }).collect()
}

/// As an engineer, who may write to what is not masked.
#[test]
fn writes_that_return_more() {
    run_writing("engineer", &since(WRITES));
}

/// Definitions: what names a protected column is refused, in whatever form.
#[test]
fn definitions_in_later_forms() {
    run_writing("engineer", &since(DEFINITIONS));
}

/// A view is replaced by its definition, which may be written in forms that no client may send either.
#[test]
fn stored_views_in_later_forms() {
    let major = World::get().major();
    if !World::get().has(Feature::AnyValue) {
        return;
    }
    let views = [
        (16, "constructed", "SELECT id, JSON_OBJECT('e': email) AS seen FROM s.t"),
        (16, "gathered", "SELECT JSON_ARRAYAGG(email ORDER BY id) AS seen FROM s.t"),
        (16, "nameless", "SELECT id, email AS seen FROM (SELECT id, email FROM s.t)"),
        (16, "asked", "SELECT id, email IS JSON AS seen FROM s.t"),
        (16, "random", "SELECT any_value(email) AS seen FROM s.t"),
        (17, "spread", "SELECT t.id, j.seen FROM s.t, JSON_TABLE(to_jsonb(t.email), '$' COLUMNS (seen text PATH '$')) AS j"),
        (17, "valued", "SELECT id, JSON_VALUE(to_jsonb(email), '$') AS seen FROM s.t"),
        (17, "scalar", "SELECT id, JSON_SCALAR(email) AS seen FROM s.t"),
    ];
    let views: Vec<_> = views.into_iter().filter(|(since, ..)| *since <= major).collect();
    let script = |seed: u32| {
        let made: Vec<String> = views
            .iter()
            .map(|(_, name, sql)| format!("CREATE VIEW s.{name} AS {sql}; CREATE MATERIALIZED VIEW s.{name}_kept AS {sql}"))
            .collect();
        format!(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, email text); \
             INSERT INTO s.t SELECT n, 'canary' || (n * {seed} % 101) FROM generate_series(1, 100) n; {}",
            made.join("; ")
        )
    };
    for mut both in sessions(script) {
        // They harm nobody else.
        assert_eq!(alike(&mut both, "SELECT id FROM s.t ORDER BY id LIMIT 1").ok().table(), "1");
        for (_, name, _) in &views {
            for sql in [
                format!("SELECT seen FROM s.{name}"),
                format!("SELECT count(*) FROM s.{name} WHERE seen::text LIKE '%canary7%'"),
                format!("SELECT * FROM s.{name} LIMIT 3"),
                format!("SELECT seen FROM s.{name}_kept"),
                format!("SELECT count(*) FROM s.{name}_kept WHERE seen::text LIKE '%canary7%'"),
                format!("COPY s.{name}_kept TO STDOUT"),
            ] {
                alike(&mut both, &sql);
            }
        }
    }
}

/// A key in time has no two rows that are equal in all its columns, and many that are in the first.
#[test]
fn keys_in_time() {
    if !World::get().has(Feature::KeysInTime) {
        return;
    }
    let script = |seed: u32| {
        format!(
            "CREATE SCHEMA s; \
             CREATE TABLE s.t (a int4range, during daterange, grade text, label int, PRIMARY KEY (a, during WITHOUT OVERLAPS)); \
             INSERT INTO s.t SELECT int4range(n % 5, n % 5 + 1), daterange(date '2024-01-01' + n, date '2024-01-02' + n), \
               'canary' || (n * {seed} % 101), n FROM generate_series(1, 300) n; \
             CREATE TABLE s.u (a int4range, during daterange, label int, FOREIGN KEY (a, PERIOD during) REFERENCES s.t (a, PERIOD during)); \
             INSERT INTO s.u SELECT a, during, label FROM s.t ORDER BY grade; \
             CREATE INDEX ON s.t USING gist (a) INCLUDE (label); CREATE INDEX ON s.t (grade, a); ANALYZE s.t"
        )
    };
    for mut both in sessions(script) {
        for sql in [
            "SELECT label FROM s.t ORDER BY a LIMIT 20",
            "SELECT label FROM s.t WHERE a @> 3 ORDER BY a",
            "SELECT label FROM s.t WHERE a = '[2,3)' LIMIT 7",
            "SELECT a, label FROM s.t ORDER BY a, during LIMIT 20",
            "SELECT a, during, max(grade) FROM s.t GROUP BY a, during LIMIT 5",
            "SELECT a, array_agg(label) FROM s.t GROUP BY a",
            "SELECT t.label, u.label FROM s.t JOIN s.u ON t.a = u.a AND t.during && u.during LIMIT 20",
            "SELECT DISTINCT ON (a) a, label FROM s.t",
            "SELECT label, row_number() OVER (ORDER BY a) FROM s.t",
            "SELECT range_agg(during) FROM s.t WHERE grade LIKE 'canary1%'",
        ] {
            alike(&mut both, sql);
        }
    }
}

/// A virtual column is computed from masks wherever it is read, and never copied by a whole COPY.
#[test]
fn virtual_columns_that_are_copied() {
    if !World::get().has(Feature::VirtualColumns) {
        return;
    }
    let script = |seed: u32| {
        format!(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, email text, low text GENERATED ALWAYS AS (lower(email)), \
               long int GENERATED ALWAYS AS (length(email)), at int); \
             INSERT INTO s.t (id, email, at) SELECT n, 'Canary' || (n * {seed} % 101 + 7), n FROM generate_series(1, 100) n; \
             CREATE MATERIALIZED VIEW s.m AS SELECT id, low, long FROM s.t ORDER BY long; \
             CREATE TABLE s.p (id int, email text, low text GENERATED ALWAYS AS (lower(email))) PARTITION BY RANGE (id); \
             CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (50); CREATE TABLE s.p2 PARTITION OF s.p DEFAULT; \
             INSERT INTO s.p (id, email) SELECT id, email FROM s.t; ANALYZE s.t"
        )
    };
    let [mut ana, mut hana]: [[Client; 2]; 2] = sessions(script).try_into().unwrap();
    assert_eq!(copied(&alike(&mut ana, "COPY (SELECT * FROM s.t ORDER BY id LIMIT 1) TO STDOUT")), "1\t\\N\t[redacted]\t\\N\t1\n");
    assert_eq!(copied(&alike(&mut ana, "COPY s.t TO STDOUT")).lines().next(), Some("1\t\\N\t1"));
    for both in [&mut ana, &mut hana] {
        for sql in [
            "COPY s.t TO STDOUT",
            "COPY s.t (id, low, long) TO STDOUT",
            "SELECT * FROM s.m",
            "COPY s.m TO STDOUT",
            "SELECT id FROM s.t ORDER BY long, id LIMIT 5",
            "SELECT id FROM s.t WHERE long = 8",
            "SELECT long, count(*) FROM s.t GROUP BY long",
            "SELECT low FROM s.p WHERE id < 3",
            "SELECT low FROM s.p1 LIMIT 3",
            "SELECT p::text FROM s.p LIMIT 3",
            "TABLE s.p2",
            "SELECT histogram_bounds FROM pg_stats WHERE tablename = 't'",
        ] {
            alike(both, sql);
        }
    }
}
