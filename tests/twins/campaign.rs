//! Many statements as one role: in batches, each under other settings of the planner, by several workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pgveil_tests::world::World;

use super::masked::Masked;
use super::run::Pair;
use super::stage::Stage;
use super::tally::Report;
use super::{SHOWN, keyed, statement};

/// As many as there are cores to fill: each waits for the server most of the time.
const WORKERS: usize = 2;
/// Statements under the same settings.
const BATCH: usize = 400;

/// What an administrator may have set for the database: plans, and with them what comes first, are others under each.
pub const PLANS: &[&[(&str, &str)]] = &[
    &[],
    &[("enable_seqscan", "off")],
    &[("enable_seqscan", "off"), ("enable_bitmapscan", "off"), ("enable_hashjoin", "off"), ("enable_sort", "off")],
    &[("enable_hashagg", "off"), ("enable_hashjoin", "off"), ("random_page_cost", "0.01")],
    &[("enable_nestloop", "off"), ("enable_mergejoin", "off"), ("enable_sort", "off"), ("enable_incremental_sort", "off")],
    &[("work_mem", "'64kB'"), ("hash_mem_multiplier", "1"), ("enable_indexscan", "off"), ("enable_memoize", "off")],
    &[("enable_material", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("cpu_tuple_cost", "10")],
    &[
        ("enable_partitionwise_join", "on"),
        ("enable_partitionwise_aggregate", "on"),
        ("random_page_cost", "0.001"),
        ("cpu_operator_cost", "1"),
    ],
    &[("join_collapse_limit", "1"), ("from_collapse_limit", "1"), ("cursor_tuple_fraction", "1"), ("seq_page_cost", "1000")],
    &[
        ("parallel_setup_cost", "0"),
        ("parallel_tuple_cost", "0"),
        ("min_parallel_table_scan_size", "0"),
        ("min_parallel_index_scan_size", "0"),
    ],
    &[("geqo_threshold", "2"), ("plan_cache_mode", "force_generic_plan"), ("enable_indexonlyscan", "off")],
];

/// Compiles every plan: only where there is time.
const COMPILED: &[(&str, &str)] =
    &[("jit", "on"), ("jit_above_cost", "0"), ("jit_inline_above_cost", "0"), ("jit_optimize_above_cost", "0")];

/// Runs that many statements; less where something is wrong with too many.
pub fn run(stage: &Stage, role: &str, seed: u64, count: usize) -> Report {
    let masked = Masked::make(stage, role);
    let mut report = Report::default();
    for (batch, first) in (0..count).step_by(BATCH).enumerate() {
        let compiled = std::env::var_os("PGVEIL_FUZZ").is_some() && batch % 20 == 19;
        plan(stage, role, if compiled { COMPILED } else { PLANS[batch % PLANS.len()] });
        let (next, last) = (AtomicUsize::new(first), count.min(first + BATCH));
        let reports = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..WORKERS).map(|_| scope.spawn(|| work(Pair::new(stage, role, &masked), role, seed, &next, last))).collect();
            workers.into_iter().map(|w| w.join().unwrap()).collect::<Vec<_>>()
        });
        reports.into_iter().for_each(|some| report.add(some));
        if report.differences.len() + report.wrong.len() >= SHOWN {
            break;
        }
    }
    report
}

fn work(mut pair: Pair, role: &str, seed: u64, next: &AtomicUsize, last: usize) -> Report {
    let mut report = Report::default();
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= last || report.differences.len() + report.wrong.len() >= SHOWN {
            return report;
        }
        let statement = if role == keyed::ROLE { keyed::statement(seed, n) } else { statement(seed, n) };
        // The canary speaks by panicking.
        let noted = catch_unwind(AssertUnwindSafe(|| pair.note(&statement, &mut report)));
        if let Err(why) = noted {
            let why = why.downcast_ref::<String>().map_or("", String::as_str);
            report.differences.push(format!("{}\n  {}", super::run::show(&statement), why.chars().take(2000).collect::<String>()));
            return report;
        }
    }
}

/// For the sessions that begin from now on.
pub fn plan(stage: &Stage, role: &str, settings: &[(&str, &str)]) {
    let twins = stage.twins_of(role);
    for database in [&twins.a, &twins.b] {
        let mut script = format!("ALTER DATABASE {database} RESET ALL;");
        for (name, value) in settings {
            script.push_str(&format!("ALTER DATABASE {database} SET {name} = {value};"));
        }
        World::get().cluster().execute("postgres", &script).unwrap();
        super::stage::configure(World::get(), database);
    }
}
