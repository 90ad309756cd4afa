//! The table.

use std::fs;

use crate::error::BenchError;
use crate::measure::Effort;
use crate::stage::Stage;

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

/// One figure, as it is shown.
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub direct: String,
    pub pgbouncer: String,
    pub pgveil: String,
    pub ratio: String,
    pub goal: String,
    pub met: Option<&'static str>,
}

/// All of them.
pub struct Report {
    conditions: String,
    loads: [String; 2],
    rows: Vec<Row>,
}

impl Report {
    /// None yet.
    pub fn new(stage: &Stage, effort: &Effort) -> Report {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("an unknown processor", |(_, name)| name);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let conditions = format!(
            "{cores} cores of {cpu}, Linux {}, PostgreSQL {}, PgBouncer {}, pgveil {}. All on one machine, TCP over loopback, without TLS. \
             Medians of {} (pgbench, {} s each), {} (export), {} (point queries), {} (logins), {} (judging) interleaved rounds.",
            kernel.trim(),
            stage.cluster().version(),
            stage.pgbouncer_version,
            env!("CARGO_PKG_VERSION"),
            effort.pgbench_rounds,
            effort.pgbench_seconds,
            effort.export_rounds,
            effort.latency_rounds,
            effort.login_rounds,
            effort.judging_rounds,
        );
        Report { conditions, loads: [load(), String::new()], rows: Vec::new() }
    }

    /// Adds a figure, and shows it.
    pub fn add(&mut self, row: Row) {
        eprintln!("         {}: {} {} {}", row.what, row.pgveil, row.unit, row.ratio);
        self.rows.push(row);
    }

    /// All is measured.
    pub fn ended(&mut self) {
        let [_, end] = &mut self.loads;
        *end = load();
    }

    /// As Markdown that can be read as it is.
    pub fn table(&self) -> String {
        let head = ["what", "unit", "direct", "PgBouncer", "pgveil", "ratio or difference (least–most)", "goal", "met"].map(str::to_owned);
        let cells = |row: &Row| {
            let met = row.met.unwrap_or_default();
            let texts = [&row.what, row.unit, &row.direct, &row.pgbouncer, &row.pgveil, &row.ratio, &row.goal, met];
            texts.map(str::to_owned)
        };
        let lines: Vec<[String; 8]> = std::iter::once(head).chain(self.rows.iter().map(cells)).collect();
        let mut widths = [3_usize; 8];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let [start, end] = &self.loads;
        let mut out = format!("{}\nLoad (1, 5, 15 minutes) at the start {start}, at the end {end}.\n\n", self.conditions);
        for (index, line) in lines.iter().enumerate() {
            for (width, cell) in widths.iter().zip(line) {
                out.push_str(&format!("| {cell:width$} "));
            }
            out.push_str("|\n");
            if index == 0 {
                for width in widths {
                    out.push_str(&format!("|{}", "-".repeat(width.saturating_add(2))));
                }
                out.push_str("|\n");
            }
        }
        out
    }

    /// Puts the table between the markers of a file.
    pub fn write(&self, file: &'static str) -> Result<(), BenchError> {
        let text = fs::read_to_string(file).map_err(BenchError::file(file))?;
        let (before, rest) = text.split_once(BEGIN).ok_or(BenchError::Markers(file))?;
        let (_, after) = rest.split_once(END).ok_or(BenchError::Markers(file))?;
        fs::write(file, format!("{before}{BEGIN}\n{}\n{END}{after}", self.table())).map_err(BenchError::file(file))
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
