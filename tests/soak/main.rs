//! Thousands of clients for minutes, on the proxy in a process of its own: no answer is lost or another's, memory and file descriptors
//! stay level, and all is given back at the end.
//!
//! `PGVEIL_SOAK_MINUTES` (10), `PGVEIL_SOAK_IDLE` (5000; every tenth over TLS), `PGVEIL_SOAK_ACTIVE` (200).

mod clients;
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clients::Figures;
use pgveil::demo::cluster::{Cluster, Options};
use process::Process;

fn number(name: &str, standard: f64) -> f64 {
    std::env::var(name).map_or(standard, |n| n.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Files that this process may have open.
fn files_allowed() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|l| l.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

#[test]
fn soak() {
    let minutes = number("PGVEIL_SOAK_MINUTES", 10.0);
    let (idle, active) = (number("PGVEIL_SOAK_IDLE", 5000.0) as usize, number("PGVEIL_SOAK_ACTIVE", 200.0) as usize);
    let allowed = files_allowed();
    // Who connects again has its old session until the new one is there.
    let most = idle + 2 * active;
    // Of the proxy: two for each session.
    assert!(allowed > 2 * most + 500, "only {allowed} open files are allowed: `ulimit -n` must be more than {}", 2 * most + 500);
    let settings = [("max_connections", (most + 100).to_string()), ("shared_buffers", "64MB".to_owned())];
    let options = Options { settings: settings.map(|(n, v)| (n.to_owned(), v)).to_vec(), ..Options::default() };
    let cluster = Cluster::start(options).unwrap();
    let process = Process::start(&cluster, most + 50);
    let place = Arc::new(process.place());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // The catalog is read, the first statements are judged.
        drop(clients::session(&place, false).await);
        let start = process.sample();
        println!("soak: {idle} idle, {active} active clients, {minutes} minutes; the proxy begins with {start}");

        let begun = Instant::now();
        let sessions = clients::open_idle(&place, idle).await;
        let connected = process.sample();
        println!("soak: idle clients are connected after {:?}: {connected}", begun.elapsed());

        let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
        let workers: Vec<_> = (0..active).map(|n| tokio::spawn(clients::work(Arc::clone(&place), n, end))).collect();
        let mut samples = Vec::new();
        let begun = Instant::now();
        let every = Duration::from_secs_f64((minutes / 10.0).clamp(0.5, 2.0));
        while Instant::now() < end {
            tokio::time::sleep(every).await;
            samples.push((begun.elapsed().as_secs_f64(), process.sample()));
        }
        let mut figures = Figures::default();
        for worker in workers {
            figures.add(worker.await.expect("an active client failed"));
        }
        figures.print();
        // Nobody was forgotten meanwhile.
        clients::check_idle(sessions).await;
        level(&samples, active);
        let mut last = process.sample();
        for _ in 0..300 {
            last = process.sample();
            if last.files <= start.files + 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("soak: when all have gone: {last}");
        assert!(last.files <= start.files + 4, "file descriptors are left: {start}, then {last}");
        // What the allocator keeps of it is there for the next: as many again need no more.
        let most = samples.iter().map(|s| s.1.memory).max().unwrap_or(0);
        let again = clients::open_idle(&place, idle).await;
        let second = process.sample();
        println!("soak: as many idle clients again: {second}");
        assert!(second.memory <= most + most / 10 + 8_000, "memory was not given back: at most {most} kB, then {second}");
        clients::check_idle(again).await;
    });
    process.stop();
}

/// After a third, memory and file descriptors neither grow nor shrink but by chance.
fn level(samples: &[(f64, process::Sample)], active: usize) {
    let late = &samples[samples.len() / 3..];
    let slope = |value: &dyn Fn(&process::Sample) -> f64| {
        let n = late.len() as f64;
        let (x, y) = (late.iter().map(|s| s.0).sum::<f64>() / n, late.iter().map(|s| value(&s.1)).sum::<f64>() / n);
        let up: f64 = late.iter().map(|s| (s.0 - x) * (value(&s.1) - y)).sum();
        let across: f64 = late.iter().map(|s| (s.0 - x).powi(2)).sum();
        if across > 0.0 { up / across } else { 0.0 }
    };
    let seconds = late.last().map_or(0.0, |l| l.0) - late.first().map_or(0.0, |f| f.0);
    let (memory, files) = (slope(&|s| s.memory as f64) * seconds, slope(&|s| s.files as f64) * seconds);
    let (least, most) = (late.iter().map(|s| s.1.memory).min().unwrap_or(0), late.iter().map(|s| s.1.memory).max().unwrap_or(0));
    println!("soak: over the last {seconds:.0} s memory from {least} to {most} kB, in all {memory:+.0} kB; files {files:+.0}");
    // A leak grows with every statement: tens of thousands in each minute.
    assert!(memory < 0.1 * most as f64 + 8_000.0, "memory grows by {memory:.0} kB");
    assert!(files < active as f64 / 2.0 + 10.0, "file descriptors grow by {files:.0}");
}
