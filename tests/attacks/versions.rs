//! What versions of PostgreSQL after 15 have brought: each attack runs where the server knows its words.

use std::fmt::Write as _;

use pgveil_tests::client::Login;
use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use super::*;

/// Since which major version, and what.
type Since = (u32, Attack);

const READS: &[Since] = &[
    (16, attack("whichever row comes first", &["SELECT any_value(id) FROM shop.employees WHERE dept = 3"], Harmless)),
    (16, attack("any value", &["SELECT any_value(email) FROM shop.customers WHERE id = {id}"], Pseudonyms)),
    (16, attack("an order by chance", &["SELECT id, array_shuffle(ARRAY[1, 2, 3, 4]) FROM shop.employees"], Refused)),
    (16, attack("a sample by chance", &["SELECT id, array_sample(ARRAY[1, 2, 3, 4], 2) FROM shop.employees"], Refused)),
    (16, attack("shuffled values", &["SELECT array_shuffle(array_agg(email)) FROM shop.customers"], Refused)),
    (16, attack("a normal variate", &["SELECT id, random_normal() FROM shop.employees"], Refused)),
    (16, attack("a subquery without a name", &["SELECT * FROM (SELECT email FROM shop.customers WHERE id = {id})"], Pseudonyms)),
    (16, attack("a function over one", &["SELECT upper(email) FROM (SELECT email FROM shop.customers WHERE id = {id})"], Refused)),
    (
        16,
        attack(
            "by the name that pgveil gives it",
            &["SELECT pgveil_t1.email FROM (SELECT email FROM shop.customers WHERE id = {id})"],
            Harmless,
        ),
    ),
    (16, attack("its order", &["SELECT id FROM (SELECT id, dept FROM shop.employees) WHERE dept = 3 LIMIT 5"], Harmless)),
    (
        16,
        attack(
            "one beside another",
            &["SELECT * FROM (SELECT id FROM shop.products WHERE id = 1), (SELECT full_name FROM shop.customers WHERE id = {id})"],
            Rows("1|[name]"),
        ),
    ),
    (16, attack("whether it is JSON", &["SELECT email IS JSON FROM shop.customers WHERE id = {id}"], Refused)),
    (16, attack("JSON_OBJECT", &["SELECT JSON_OBJECT('e': email) FROM shop.customers WHERE id = {id}"], Refused)),
    (16, attack("JSON_ARRAY", &["SELECT JSON_ARRAY(email) FROM shop.customers WHERE id = {id}"], Refused)),
    (16, attack("JSON_ARRAY of a query", &["SELECT JSON_ARRAY(SELECT email FROM shop.customers)"], Refused)),
    (16, attack("JSON_ARRAYAGG", &["SELECT JSON_ARRAYAGG(email) FROM shop.customers"], Refused)),
    (16, attack("JSON_OBJECTAGG", &["SELECT JSON_OBJECTAGG(id: email) FROM shop.customers"], Refused)),
    (16, attack("JSON_OBJECTAGG shows an order", &["SELECT JSON_OBJECTAGG(id: dept) FROM shop.employees WHERE dept = 3"], Refused)),
    (16, attack("json_agg_strict shows an order", &["SELECT json_agg_strict(id) FROM shop.employees WHERE dept = 3"], Harmless)),
    (16, attack("whether it is a number", &["SELECT pg_input_is_valid(email, 'int4') FROM shop.customers WHERE id = {id}"], Refused)),
    (16, attack("an error's words", &["SELECT pg_input_error_info(email, 'int4') FROM shop.customers WHERE id = {id}"], Refused)),
    (
        16,
        attack(
            "an error's words about a mask",
            &["SELECT pg_input_is_valid(full_name, 'int4') FROM shop.customers WHERE id = {id}"],
            Rows("f"),
        ),
    ),
    (
        16,
        attack("when a table was read", &["SELECT DISTINCT last_seq_scan FROM pg_stat_user_tables WHERE relname = 'customers'"], Rows("∅")),
    ),
    (16, attack("how much is read", &["SELECT DISTINCT reads, hits FROM pg_stat_io"], Rows("∅|∅"))),
    (16, attack("presorted aggregates", &["SET enable_presorted_aggregate = off"], Refused)),
    (16, attack("parallel queries", &["SET debug_parallel_query = on"], Refused)),
    (
        16,
        attack("what a page held", &["SELECT DISTINCT n_tup_newpage_upd FROM pg_stat_user_tables WHERE relname = 'customers'"], Rows("∅")),
    ),
    (16, attack("a list of what is written to disk", &["SELECT DISTINCT writes, extends FROM pg_stat_io"], Rows("∅|∅"))),
    (16, attack("what the server took one for", &["SELECT system_user"], Refused)),
    (16, attack("digits in groups", &["SELECT id FROM shop.employees WHERE id = 1_000"], Error("42601"))),
    (16, attack("the plan for all values", &["EXPLAIN (GENERIC_PLAN) SELECT id FROM shop.customers WHERE email = $1"], Refused)),
    (17, attack("a number in a range", &["SELECT id, random(1, 10) FROM shop.employees"], Refused)),
    (17, attack("JSON_VALUE", &["SELECT JSON_VALUE(jsonb '{}', '$.a' PASSING email AS e) FROM shop.customers"], Refused)),
    (17, attack("JSON_QUERY", &["SELECT JSON_QUERY(to_jsonb(email), '$') FROM shop.customers"], Refused)),
    (17, attack("JSON_EXISTS", &["SELECT JSON_EXISTS(jsonb '1', '$ ? (@ == $e)' PASSING email AS e) FROM shop.customers"], Refused)),
    (17, attack("JSON_SCALAR", &["SELECT JSON_SCALAR(email) FROM shop.customers"], Refused)),
    (17, attack("JSON_SERIALIZE", &["SELECT JSON_SERIALIZE(to_json(email)) FROM shop.customers"], Refused)),
    (17, attack("JSON()", &["SELECT JSON(email) FROM shop.customers"], Refused)),
    (
        17,
        attack(
            "JSON_TABLE",
            &["SELECT t.* FROM shop.customers c, JSON_TABLE(to_jsonb(c.email), '$' COLUMNS (e text PATH '$')) AS t"],
            Refused,
        ),
    ),
    (17, attack("where a value is stored", &["SELECT pg_column_toast_chunk_id(notes) FROM shop.customers WHERE id = {id}"], Rows("∅"))),
    (17, attack("as bits", &["SELECT to_bin(account) FROM shop.customers WHERE id = {id}"], Refused)),
    (17, attack("when it was made", &["SELECT uuid_extract_timestamp(device) FROM shop.customers WHERE id = {id}"], Refused)),
    (17, attack("as XML", &["SELECT xmltext(email) FROM shop.customers WHERE id = {id}"], Refused)),
    (17, attack("reordered groups", &["SET enable_group_by_reordering = off"], Refused)),
    (17, attack("the memory of a plan", &["EXPLAIN (MEMORY) SELECT email FROM shop.customers"], Refused)),
    (17, attack("the size of what is sent", &["EXPLAIN (ANALYZE, SERIALIZE) SELECT email FROM shop.customers"], Refused)),
    (17, attack("rows that fail", &["COPY shop.leads FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose)"], Refused)),
    (17, attack("a clock's zone", &["SELECT dob AT LOCAL FROM shop.customers WHERE id = {id}"], Harmless)),
    (17, attack("bounds of ranges", &["SELECT count(range_bounds_histogram) FROM pg_stats"], Rows("0"))),
    (17, attack("checkpoints", &["SELECT num_timed, buffers_written FROM pg_stat_checkpointer"], Rows("∅|∅"))),
    (17, attack("what the log held", &["SELECT * FROM pg_available_wal_summaries()"], Refused)),
    (17, attack("triggers of events", &["SET event_triggers = off"], Refused)),
    (17, attack("a statement of no time", &["SET transaction_timeout = '1min'", "SELECT upper(email) FROM shop.customers"], Refused)),
    (18, attack("sorted values", &["SELECT array_sort(array_agg(email)) FROM shop.customers"], Refused)),
    (18, attack("sorted masks", &["SELECT array_sort(array_agg(salary)) FROM shop.employees"], Harmless)),
    (18, attack("small letters", &["SELECT casefold(email) FROM shop.customers WHERE id = {id}"], Refused)),
    (18, attack("a checksum", &["SELECT crc32c(email::bytea) FROM shop.customers WHERE id = {id}"], Refused)),
    (18, attack("the greatest row", &["SELECT max(c) FROM shop.customers c"], Refused)),
    (18, attack("the greatest record", &["SELECT max(ROW(email, id)) FROM shop.customers"], Refused)),
    (
        18,
        attack(
            "the first of equal records",
            &["SELECT min(ROW(CASE WHEN id % 2 = 0 THEN 1.0 ELSE 1.00 END)) FROM shop.employees"],
            Harmless,
        ),
    ),
    (18, attack("the time of each row", &["SELECT id, uuidv7() FROM shop.employees"], Refused)),
    (18, attack("what is being read", &["SELECT * FROM pg_aios"], Refused)),
    (18, attack("the same by its function", &["SELECT * FROM pg_get_aios()"], Refused)),
    (18, attack("memory", &["SELECT * FROM pg_shmem_allocations_numa"], Refused)),
    (18, attack("what a session reads", &["SELECT * FROM pg_stat_get_backend_io(pg_backend_pid())"], Refused)),
    (18, attack("what a session writes", &["SELECT * FROM pg_stat_get_backend_wal(pg_backend_pid())"], Refused)),
    (18, attack("how many rows there were", &["SELECT * FROM pg_get_sequence_data('shop.customers_id_seq')"], Refused)),
    (18, attack("modules", &["SELECT * FROM pg_get_loaded_modules()"], Refused)),
    (
        18,
        attack(
            "how long VACUUM takes",
            &["SELECT DISTINCT total_vacuum_time FROM pg_stat_user_tables WHERE relname = 'customers'"],
            Rows("∅"),
        ),
    ),
    (18, attack("the same by its function", &["SELECT pg_stat_get_total_vacuum_time('shop.customers'::regclass)"], Rows("∅"))),
    (18, attack("made-up statistics", &["SELECT pg_restore_relation_stats('relname', 'customers')"], Refused)),
    (18, attack("no statistics", &["SELECT pg_clear_relation_stats('shop', 'customers')"], Refused)),
    (
        18,
        attack(
            "searches of an index",
            &["EXPLAIN (ANALYZE, COSTS off, SUMMARY off) SELECT id FROM shop.employees WHERE dept = 3"],
            Harmless,
        ),
    ),
    (18, attack("turned values", &["SELECT array_reverse(array_agg(email)) FROM shop.customers"], Refused)),
    (18, attack("a number's bytes", &["SELECT account::bytea FROM shop.customers WHERE id = {id}"], Refused)),
    (18, attack("bytes of a mask", &["SELECT salary::int::bytea FROM shop.employees WHERE id = 1"], Harmless)),
    (18, attack("turned bytes", &["SELECT reverse(convert_to(email, 'UTF8')) FROM shop.customers WHERE id = {id}"], Refused)),
    (18, attack("how many pages are frozen", &["SELECT DISTINCT relallfrozen FROM pg_class WHERE relname = 'customers'"], Rows("0"))),
    (18, attack("bytes that were read", &["SELECT DISTINCT read_bytes FROM pg_stat_io"], Rows("∅"))),
    (18, attack("who has asked for more processes", &["SELECT DISTINCT parallel_workers_launched FROM pg_stat_database"], Rows("∅"))),
    (18, attack("how reading is done", &["SET io_combine_limit = 1"], Refused)),
    (18, attack("failed locks in the log", &["SET log_lock_failures = on"], Refused)),
    (18, attack("a copied materialised view", &["COPY shop.by_salary TO STDOUT"], Refused)),
    (18, attack("one with pseudonyms", &["COPY shop.mails TO STDOUT"], Harmless)),
    (
        18,
        attack(
            "how much a window stored",
            &["EXPLAIN (ANALYZE, COSTS off, SUMMARY off) SELECT id, count(*) OVER (PARTITION BY salary) FROM shop.employees"],
            Harmless,
        ),
    ),
    (
        18,
        attack(
            "the same as JSON",
            &[
                "EXPLAIN (ANALYZE, FORMAT json, SUMMARY off) WITH x AS MATERIALIZED (SELECT email FROM shop.customers) SELECT count(*) FROM x a, x b",
            ],
            Harmless,
        ),
    ),
    (18, attack("self-joins", &["SET enable_self_join_elimination = off"], Refused)),
    (18, attack("reordered DISTINCT", &["SET enable_distinct_reordering = off"], Refused)),
    (
        18,
        attack(
            "a join with itself",
            &["SELECT a.id, b.email FROM shop.employees a JOIN shop.employees b ON a.id = b.id WHERE a.dept = 3 LIMIT 5"],
            Harmless,
        ),
    ),
];

const WRITES: &[Since] = &[
    (
        17,
        attack(
            "what MERGE returns",
            &[
                "BEGIN",
                "MERGE INTO shop.products p USING shop.customers c ON p.id = c.id WHEN MATCHED THEN DO NOTHING RETURNING merge_action(), c.email",
            ],
            Refused,
        ),
    ),
    (
        17,
        attack(
            "rows that are not in the source",
            &["BEGIN", "MERGE INTO shop.customers c USING shop.products p ON c.id = p.id WHEN NOT MATCHED BY SOURCE THEN DELETE"],
            Refused,
        ),
    ),
    (18, attack("the old row", &["BEGIN", "UPDATE shop.customers SET score = score WHERE id = {id} RETURNING old.email"], Refused)),
    (18, attack("the new row", &["BEGIN", "UPDATE shop.customers SET score = score WHERE id = {id} RETURNING new.ssn"], Refused)),
    (18, attack("all of the old row", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING old.*"], Nothing)),
    (18, attack("the old row as one value", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING old"], Nothing)),
    (18, attack("the old row in a function", &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING row_to_json(old)"], Nothing)),
    (
        18,
        attack(
            "the old row by another name",
            &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING WITH (OLD AS o) o.email"],
            Refused,
        ),
    ),
    (
        18,
        attack(
            "the old row in a subquery",
            &["BEGIN", "DELETE FROM shop.customers WHERE id = {id} RETURNING (SELECT lower(old.email))"],
            Refused,
        ),
    ),
    (
        18,
        attack(
            "a target that is called old",
            &["BEGIN", "DELETE FROM shop.customers AS old WHERE id = {id} RETURNING old.email"],
            Pseudonyms,
        ),
    ),
    (
        18,
        attack(
            "what was there before a conflict",
            &[
                "BEGIN",
                "INSERT INTO shop.customers (id, country) VALUES ({id}, 'DE') ON CONFLICT (id) DO UPDATE SET score = 1 RETURNING old.email",
            ],
            Refused,
        ),
    ),
];

fn these(all: &'static [Since]) -> Vec<Attack> {
    let major = World::get().major();
    let known: Vec<Attack> = all.iter().filter(|(since, _)| *since <= major).map(|(_, a)| Attack { ..*a }).collect();
    println!("PostgreSQL {major}: {} of {} attacks, by those that it knows", known.len(), all.len());
    known
}

#[test]
fn reads() {
    run("analyst", &these(READS));
}

#[test]
fn writes() {
    run("analyst", &these(WRITES));
}

/// As an engineer, from whom less is hidden, but who may write definitions.
#[test]
fn definitions() {
    let all: &[Since] = &[
        (
            18,
            attack(
                "a generated column that copies another when it is read",
                &[
                    "BEGIN",
                    "ALTER TABLE shop.customers ADD copied text GENERATED ALWAYS AS (ssn) VIRTUAL",
                    "SELECT copied FROM shop.customers",
                ],
                Nothing,
            ),
        ),
        (
            17,
            attack(
                "another expression",
                &["BEGIN", "ALTER TABLE shop.customers ALTER COLUMN score SET EXPRESSION AS (length(ssn))"],
                Nothing,
            ),
        ),
        (
            18,
            attack(
                "NOT NULL that is not checked",
                &["BEGIN", "ALTER TABLE shop.customers ADD CONSTRAINT n NOT NULL ssn NOT VALID"],
                Harmless,
            ),
        ),
    ];
    let major = World::get().major();
    let known: Vec<Attack> = all.iter().filter(|(since, _)| *since <= major).map(|(_, a)| Attack { ..*a }).collect();
    run_writing("engineer", &known);
}

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n\
    [class.secret]\ncolumns = [\"*.*.email\", \"*.*.grade\"]\n\
    [role.ana]\ndefault = \"clear\"\n[role.ana.mask]\nsecret = \"null\"\n\
    [role.hana]\ndefault = \"clear\"\n[role.hana.mask]\nsecret = { hash = {} }\n";

/// Two databases with other secrets, and sessions of a role on both.
fn sessions(user: &str, script: impl Fn(u32) -> String) -> [Client; 2] {
    static PROXY: OnceLock<pgveil_tests::world::Proxy> = OnceLock::new();
    let world = World::get();
    let proxy = PROXY.get_or_init(|| world.proxy(POLICY, &[("ana", "ana"), ("hana", "hana")]));
    [3, 7].map(|seed| {
        let database = world.database(&script(seed));
        let login = Login { canary: true, ..Login::local(proxy.addr().port(), &database, user, &proxy.password(user)) };
        Client::connect(&login).unwrap_or_else(|e| panic!("{e:?}"))
    })
}

/// From version 18 on an index is used for a condition on its second column, and gives its rows out in the order of the first.
#[test]
fn the_second_column_of_an_index() {
    let script = |seed: u32| {
        format!(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, dept int NOT NULL, grade text, label text); \
             INSERT INTO s.t SELECT n, n % 500, 'canary' || (n * {seed} % 11 % 5), 'x' || n FROM generate_series(1, 20000) n; \
             CREATE INDEX ON s.t (grade, dept); ANALYZE s.t"
        )
    };
    if World::get().has(Feature::SkipScan) {
        let database = World::get().database(&script(1));
        let plan =
            World::get().cluster().execute(&database, "SET enable_bitmapscan = off; EXPLAIN SELECT id FROM s.t WHERE dept = 3").unwrap();
        assert!(plan.contains("Index Scan using t_grade_dept_idx"), "no skip scan, so that nothing is tested:\n{plan}");
    }
    let [mut a, mut b] = sessions("ana", script);
    for sql in [
        "SELECT id FROM s.t WHERE dept = 3",
        "SELECT id, label FROM s.t WHERE dept = 3 LIMIT 5",
        "SELECT array_agg(id) FROM s.t WHERE dept = 3",
        "SELECT id, row_number() OVER () FROM s.t WHERE dept IN (3, 4)",
        "SELECT x.id FROM (SELECT id, dept FROM s.t) AS x WHERE x.dept = 3",
        "SELECT DISTINCT ON (dept) dept, id FROM s.t WHERE dept < 4",
        "SELECT dept, any_value(id) FROM s.t WHERE dept < 4 GROUP BY dept",
        "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM s.t WHERE dept = 3",
        "FETCH ALL FROM c",
    ] {
        if sql.contains("any_value") && !World::get().has(Feature::AnyValue) {
            continue;
        }
        let [a, b] = [a.query(sql), b.query(sql)];
        assert_eq!(a.table(), b.table(), "{sql}");
    }
}

/// A NOT NULL that was never checked makes no key of a unique column: among rows that are NULL the server chooses an order.
#[test]
fn a_not_null_that_is_not_valid() {
    if !World::get().has(Feature::UncheckedNotNull) {
        return;
    }
    let script = |seed: u32| {
        format!(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int UNIQUE, dept int, email text, label int); \
             INSERT INTO s.t SELECT CASE WHEN n % 2 = 0 THEN n END, n % 7, 'canary' || (n * {seed} % 101), n FROM generate_series(1, 700) n; \
             CREATE INDEX ON s.t (dept, email); ALTER TABLE s.t ADD CONSTRAINT n NOT NULL id NOT VALID; ANALYZE s.t"
        )
    };
    let [mut a, mut b] = sessions("ana", script);
    for sql in ["SELECT id, label FROM s.t WHERE dept = 3 ORDER BY id DESC LIMIT 20", "SELECT label FROM s.t WHERE dept = 3 ORDER BY id"] {
        assert_eq!(a.query(sql).table(), b.query(sql).table(), "{sql}");
    }
}

/// What is computed from a protected column when it is read is as protected as what is stored.
#[test]
fn virtual_columns() {
    if !World::get().has(Feature::VirtualColumns) {
        return;
    }
    let script = |seed: u32| {
        format!(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, email text, low text GENERATED ALWAYS AS (lower(email)) VIRTUAL, \
               twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, during int4range); \
             INSERT INTO s.t (id, email) SELECT n, 'Canary' || (n * {seed} % 101) FROM generate_series(1, 100) n; \
             CREATE VIEW s.v AS SELECT id, low, twice FROM s.t"
        )
    };
    let mut told = String::new();
    let [mut a, mut b] = sessions("ana", script);
    for (sql, expect) in [
        ("SELECT id, low, twice FROM s.t WHERE id = 2", Rows("2|[redacted]|4")),
        ("SELECT * FROM s.v WHERE id = 2", Rows("2|[redacted]|4")),
        ("SELECT count(*) FROM s.t WHERE low LIKE 'canary%'", Rows("0")),
        ("SELECT t FROM s.t AS t WHERE id = 2", Rows("(2,,[redacted],4,)")),
        ("SELECT row_to_json(t) ->> 'low' FROM s.t AS t WHERE id = 2", Rows("[redacted]")),
        ("COPY (SELECT low, twice FROM s.t WHERE id = 2) TO STDOUT", Copied("[redacted]\t4\n")),
        ("COPY (SELECT id FROM s.t ORDER BY low LIMIT 3) TO STDOUT", Harmless),
    ] {
        let answers = [a.query(sql), b.query(sql)];
        for answer in &answers {
            if let Err(why) = seen(answer, expect) {
                let _ = write!(told, "\n{sql}: {why}");
            }
        }
        assert_eq!(copied(&answers[0]), copied(&answers[1]), "{sql}");
    }
    let [mut hana, mut other] = sessions("hana", script);
    for sql in
        ["SELECT upper(low) FROM s.t", "SELECT id FROM s.t WHERE low = 'canary6'", "SELECT low || '' FROM s.v", "SELECT low FROM s.v"]
    {
        let [a, b] = [hana.query(sql), other.query(sql)];
        assert_eq!(a.table(), b.table(), "{sql}");
        assert!(!a.table().to_ascii_lowercase().contains("canary"), "{sql}");
    }
    assert!(told.is_empty(), "{told}");
}
