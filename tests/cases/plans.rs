//! What a row filter costs: the plan of a statement through pgveil beside that of the same statement with the filter as a plain
//! condition. Where nothing can fail, no sequential scan and no sort appears that is not there too.

use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::client::{Client, Login};
use pgveil_tests::world::World;

const SCHEMA: &str = "
CREATE SCHEMA big;
CREATE TABLE big.customers (id int PRIMARY KEY, country char(2) NOT NULL, city text, created timestamptz NOT NULL, score int, balance numeric(12,2));
INSERT INTO big.customers SELECT n, (ARRAY['DE','FR','IT','AT'])[1 + n % 4], 'city' || n % 997, timestamptz '2020-01-01 00:00Z' + n * interval '10 minutes', n % 1000, n % 5000
  FROM generate_series(1, 120000) AS n;
CREATE INDEX ON big.customers (created);
CREATE INDEX ON big.customers (city text_pattern_ops);
CREATE INDEX ON big.customers (score);
CREATE TABLE big.orders (id int PRIMARY KEY, customer_id int NOT NULL, amount numeric(10,2) NOT NULL, placed date NOT NULL);
INSERT INTO big.orders SELECT n, 1 + n * 7 % 120000, n % 900, date '2020-01-01' + n % 1500 FROM generate_series(1, 240000) AS n;
CREATE INDEX ON big.orders (customer_id);
CREATE INDEX ON big.orders (placed);
VACUUM ANALYZE big.customers;
VACUUM ANALYZE big.orders;
";

const POLICY: &str = r#"
version = 1
unclassified = "clear"
[role.local]
default = "clear"
[role.local.rows]
"big.customers" = "country IN ('DE', 'AT')"
[role.joined]
default = "clear"
[role.joined.rows]
"big.customers" = "country IN ('DE', 'AT')"
"big.orders" = "customer_id IN (SELECT id FROM big.customers WHERE country IN ('DE', 'AT'))"
"#;

const CUSTOMERS: &str = "(SELECT * FROM big.customers WHERE country IN ('DE', 'AT'))";
const ORDERS: &str = "(SELECT * FROM big.orders WHERE customer_id IN (SELECT id FROM big.customers WHERE country IN ('DE', 'AT')))";

/// With `{c}` and `{o}` for the relations.
const NOTHING_FAILS: &[&str] = &[
    "SELECT city FROM {c} AS c WHERE id = 4242",
    "SELECT city FROM {c} AS c WHERE id IN (3, 4, 4000, 90000) ORDER BY id",
    "SELECT count(*) FROM {c} AS c WHERE created >= '2020-03-01' AND created < '2020-03-05'",
    "SELECT count(*) FROM {c} AS c WHERE created BETWEEN '2020-03-01' AND '2020-03-05' AND lower(city) LIKE 'city1%'",
    "SELECT count(*) FROM {c} AS c WHERE city LIKE 'city12%' AND score % 10 = 3",
    "SELECT id, created FROM {c} AS c ORDER BY id LIMIT 10",
    "SELECT id, score FROM {c} AS c ORDER BY id DESC LIMIT 10",
    "SELECT min(id), max(created) FROM {c} AS c",
    "SELECT city, count(*) FROM {c} AS c WHERE score = 77 GROUP BY city ORDER BY city",
    "SELECT sum(c.id), sum(o.amount) FROM {o} AS o JOIN {c} AS c ON c.id = o.customer_id WHERE o.id BETWEEN 100 AND 150",
    "SELECT sum(o.id), max(c.city), count(*) FROM {o} AS o LEFT JOIN {c} AS c ON c.id = o.customer_id WHERE o.id BETWEEN 100 AND 150",
    "SELECT sum(s.n) FROM {c} AS c CROSS JOIN LATERAL (SELECT count(*) AS n FROM {o} AS o WHERE o.customer_id = c.id) AS s WHERE c.id < 60",
    "SELECT c.id, (SELECT sum(o.amount) FROM {o} AS o WHERE o.customer_id = c.id) AS total FROM {c} AS c WHERE c.id < 60 ORDER BY c.id",
    "SELECT count(*) FROM {c} AS c WHERE c.id < 500 AND EXISTS (SELECT FROM {o} AS o WHERE o.customer_id = c.id AND o.amount > 5)",
    "WITH s AS (SELECT id, city, balance * 2 AS twice FROM {c} AS c) SELECT count(*) FROM s WHERE id = 4242 AND twice > 10",
    "SELECT sum(o.amount) FROM {o} AS o WHERE o.id = 4243",
    "SELECT sum(o.amount), count(*) FROM {o} AS o WHERE o.placed = '2021-05-05'",
    "SELECT 100 / (c.id - 4241) AS x FROM {c} AS c WHERE id = 4242",
];

/// Something may fail; no scan of all rows for all that.
const SOMETHING_FAILS: &[&str] = &[
    "SELECT city FROM {c} AS c WHERE id = 4242 AND 100 / score > 0",
    "SELECT count(*) FROM {c} AS c WHERE created >= '2020-03-01' AND created < '2020-03-05' AND date_trunc('month', created) = '2020-03-01'",
    "SELECT sum(c.id), sum(o.amount) FROM {o} AS o JOIN {c} AS c ON c.id = o.customer_id WHERE o.id BETWEEN 100 AND 150 AND 100 / (c.score + 1) >= 0",
    "SELECT sum(o.amount) FROM {o} AS o WHERE o.id = 4243 AND 100 / (o.customer_id - 1) >= 0",
];

struct Bench {
    through: Login,
    plain: Login,
}

impl Bench {
    fn of(role: &str) -> Bench {
        let world = World::get();
        let database = world.database(SCHEMA);
        let proxy = Box::leak(Box::new(world.proxy(POLICY, &[("local", "local"), ("joined", "joined")])));
        let through = Login::local(proxy.addr().port(), &database, role, &proxy.password(role));
        let cluster = world.cluster();
        let plain =
            Login { port: cluster.port(), user: SUPERUSER.to_owned(), password: Some(cluster.password().to_owned()), ..through.clone() };
        Bench { through, plain }
    }
}

/// The kinds of nodes that read all of a table, or sort.
fn dear(lines: &[Vec<Option<String>>]) -> Vec<String> {
    let mut found: Vec<String> = lines
        .iter()
        .filter_map(|l| l[0].as_ref())
        .map(|l| l.trim_start_matches([' ', '-', '>']).replace("Parallel ", ""))
        .filter_map(|l| ["Seq Scan", "Sort", "Incremental Sort"].into_iter().find(|node| l.starts_with(*node)).map(str::to_owned))
        .collect();
    found.sort();
    found
}

fn compare(role: &str, orders: &str, statements: &[&str]) {
    let bench = Bench::of(role);
    let mut through = Client::connect(&bench.through).unwrap();
    let mut plain = Client::connect(&bench.plain).unwrap();
    let mut faults = Vec::new();
    for sql in statements {
        let ours = sql.replace("{c}", "big.customers").replace("{o}", "big.orders");
        let theirs = sql.replace("{c}", CUSTOMERS).replace("{o}", orders);
        let (seen, expected) = (through.query(&ours).table(), plain.query(&theirs).table());
        if seen != expected {
            faults.push(format!("{ours}\n gives\n{seen}\n instead of\n{expected}"));
        }
        let seen = through.query(&format!("EXPLAIN {ours}")).rows();
        let expected = plain.query(&format!("EXPLAIN (COSTS FALSE) {theirs}")).rows();
        let mut more = dear(&seen);
        for node in dear(&expected) {
            if let Some(at) = more.iter().position(|n| *n == node) {
                more.remove(at);
            }
        }
        if !more.is_empty() {
            let text = |plan: &[Vec<Option<String>>]| plan.iter().filter_map(|l| l[0].clone()).collect::<Vec<_>>().join("\n");
            faults.push(format!("{ours}\n has {more:?} more:\n{}\n beside\n{}", text(&seen), text(&expected)));
        }
    }
    assert!(faults.is_empty(), "{} faults as {role}:\n\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn a_filter_on_the_row_alone_costs_nothing() {
    compare("local", "big.orders", NOTHING_FAILS);
}

#[test]
fn a_filter_with_a_subquery_costs_nothing() {
    compare("joined", ORDERS, NOTHING_FAILS);
}

#[test]
fn what_may_fail_costs_no_scan() {
    compare("local", "big.orders", SOMETHING_FAILS);
    compare("joined", ORDERS, SOMETHING_FAILS);
}
