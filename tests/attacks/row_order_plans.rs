//! Row order under plans that the server would choose on another day: the superuser sets what the planner goes by, on both twins
//! alike, and whatever plan comes of it, the analyst must get the same answers from both.

use pgveil_tests::client::Client;
use pgveil_tests::version::Feature;
use pgveil_tests::world::World;

use crate::twins::compare::Renaming;
use crate::twins::generate::{Generator, Statement};
use crate::twins::run::Pair;
use crate::twins::stage::Stage;
use crate::twins::tally::Report;

/// Settings of a database, set together. With workers the leader stays away: who is first must not be chance.
const PLANS: &[&[&str]] = &[
    &["enable_seqscan = off"],
    &["enable_seqscan = off", "enable_bitmapscan = off", "random_page_cost = 0.01", "cpu_index_tuple_cost = 0"],
    &["enable_indexscan = off", "enable_indexonlyscan = off"],
    &["enable_hashagg = off", "enable_hashjoin = off"],
    &["enable_mergejoin = off", "enable_nestloop = off", "work_mem = '64kB'", "hash_mem_multiplier = 1"],
    &["enable_sort = off", "enable_incremental_sort = off"],
    &["enable_hashjoin = off", "enable_mergejoin = off", "enable_memoize = off", "enable_material = off"],
    &[
        "force_parallel_mode = on",
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "min_parallel_index_scan_size = 0",
        "max_parallel_workers_per_gather = 1",
        "parallel_leader_participation = off",
    ],
    &["jit = on", "jit_above_cost = 0", "plan_cache_mode = force_generic_plan"],
    // What versions 16, 17 and 18 have learned; without it, as it is there from the beginning.
    &[
        "enable_hashagg = off",
        "enable_presorted_aggregate = off",
        "enable_group_by_reordering = off",
        "enable_self_join_elimination = off",
        "enable_distinct_reordering = off",
    ],
];

/// For each kind of index, protected or not: what its order could show.
const STATEMENTS: &[&str] = &[
    "SELECT id FROM shop.employees WHERE dept = 3 LIMIT 5",
    "SELECT dept, string_agg(id::text, ',' ORDER BY salary), array_agg(id), any_value(id) FROM shop.employees GROUP BY dept",
    "SELECT DISTINCT dept, boss FROM shop.employees LIMIT 5",
    "SELECT boss, dept, count(*) FROM shop.employees GROUP BY boss, dept LIMIT 5",
    "SELECT a.id, b.dept, b.email FROM shop.employees a JOIN shop.employees b USING (id) WHERE a.dept = 3 LIMIT 5",
    "SELECT dept FROM shop.employees UNION SELECT boss FROM shop.employees LIMIT 4",
    "SELECT id, name FROM shop.employees WHERE dept BETWEEN 2 AND 4",
    "SELECT id FROM shop.employees ORDER BY dept LIMIT 8",
    "SELECT DISTINCT ON (dept) dept, id FROM shop.employees ORDER BY dept",
    "SELECT dept, id, row_number() OVER (PARTITION BY dept) FROM shop.employees",
    "SELECT id FROM shop.employees WHERE dept % 3 = 1 LIMIT 9",
    "SELECT title, dept FROM shop.employees WHERE title > 'B'",
    "SELECT title FROM shop.employees LIMIT 7",
    "SELECT id, salary FROM shop.employees WHERE hired > '2015-01-01'",
    "SELECT id FROM shop.employees WHERE hired > '2015-01-01' OFFSET 2 LIMIT 3",
    "SELECT id FROM shop.employees",
    "SELECT id, name FROM shop.employees",
    "SELECT id, CASE WHEN false THEN title END FROM shop.employees",
    "SELECT id FROM shop.employees WHERE title IS NOT NULL OR true LIMIT 5",
    "SELECT x.id FROM (SELECT id, title FROM shop.employees) AS x",
    "SELECT id, email FROM shop.employees",
    "SELECT dept FROM shop.employees",
    "SELECT boss, count(*) FROM shop.employees GROUP BY boss",
    "SELECT e.id, b.id FROM shop.employees e JOIN shop.employees b ON b.id = e.boss",
    "SELECT e.id, b.email FROM shop.employees e JOIN shop.employees b ON b.id = e.boss",
    "SELECT e.id, b.salary FROM shop.employees e LEFT JOIN shop.employees b ON b.dept = e.dept AND b.id < e.id",
    "SELECT x.id FROM (SELECT id, dept FROM shop.employees) AS x WHERE x.dept = 3 LIMIT 4",
    "SELECT id FROM shop.employees WHERE boss IN (SELECT boss FROM shop.employees WHERE dept = 2)",
    "SELECT owner, source FROM shop.leads",
    "SELECT owner FROM shop.leads WHERE score = 3",
    "SELECT owner FROM shop.leads WHERE seen IS NOT NULL LIMIT 6",
    "SELECT score FROM shop.leads WHERE score > 2",
    "SELECT max(CASE WHEN id % 2 = 0 THEN 1.0 ELSE 1.00 END) FROM shop.employees GROUP BY dept ORDER BY dept",
    "SELECT string_agg(id::text, ',') FROM shop.employees WHERE dept = 3",
    "SELECT json_agg(x) FROM (SELECT id, dept FROM shop.employees ORDER BY dept) AS x",
    "SELECT json_agg(x) FROM (SELECT id, dept FROM shop.employees) AS x",
    "SELECT id FROM shop.contacts",
    "SELECT label FROM shop.contacts WHERE id < 30",
    "WITH w AS (SELECT id, boss FROM shop.employees WHERE dept < 4) SELECT w.id, c.id FROM w JOIN w AS c ON c.boss = w.id LIMIT 12",
    "SELECT id FROM shop.customers WHERE score = 7",
    "SELECT id FROM shop.orders WHERE customer_id = 4",
    "SELECT id, placed FROM shop.orders WHERE quantity > 2 LIMIT 8",
    "SELECT p.name, sum(o.amount) FROM shop.orders o JOIN shop.products p ON p.id = o.product_id GROUP BY p.name",
];

/// As this server calls it.
fn named(setting: &str) -> String {
    match World::get().has(Feature::DebugParallelQuery) {
        true => setting.replace("force_parallel_mode", "debug_parallel_query"),
        false => setting.to_owned(),
    }
}

fn name_of(setting: &str) -> &str {
    setting.split(' ').next().unwrap()
}

fn is_known(setting: &str) -> bool {
    let sql = format!("SELECT count(*) FROM pg_settings WHERE name = '{}'", name_of(setting));
    World::get().cluster().execute("postgres", &sql).unwrap().trim() == "1"
}

#[test]
fn whatever_the_plan_row_order_tells_nothing() {
    let stage = Stage::get();
    let twins = stage.fresh_twins();
    let cluster = World::get().cluster();
    let mut told = String::new();
    for (n, plan) in PLANS.iter().enumerate() {
        let plan: Vec<String> = plan.iter().map(|setting| named(setting)).filter(|setting| is_known(setting)).collect();
        for database in [&twins.a, &twins.b] {
            cluster.execute(database, "ANALYZE").unwrap();
            for setting in &plan {
                cluster.execute("postgres", &format!("ALTER DATABASE {database} SET {setting}")).unwrap();
            }
        }
        let logins = [&twins.a, &twins.b].map(|database| stage.login("analyst", database));
        let mut sessions = logins.each_ref().map(|login| Client::connect(login).unwrap());
        let mut renaming = Renaming::default();
        let mut answered = 0;
        for sql in STATEMENTS.iter().filter(|sql| !sql.contains("any_value") || World::get().has(Feature::AnyValue)) {
            let [a, b] = sessions.each_mut().map(|session| session.query(sql));
            answered += usize::from(a.error().is_none());
            if let Err(what) = renaming.same(&a, &b) {
                told += &format!("\n{plan:?}\n{sql}\n  sent: {}\n  {what}\n", stage.sent("analyst", sql));
            }
        }
        assert!(answered >= STATEMENTS.len() - 2, "{plan:?}: only {answered} are answered");
        let mut report = Report::default();
        let [a, b] = logins;
        let mut pair = Pair::plain(a, b, stage.plain(&twins.a));
        let mut generator = Generator::new(1000 + n as u64, stage.values);
        for _ in 0..60 {
            let statement: Statement = generator.statement();
            pair.note(&statement, &mut report);
        }
        for difference in report.differences {
            told += &format!("\n{plan:?}\n{difference}\n");
        }
        for database in [&twins.a, &twins.b] {
            for setting in &plan {
                let name = name_of(setting);
                cluster.execute("postgres", &format!("ALTER DATABASE {database} RESET {name}")).unwrap();
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}
