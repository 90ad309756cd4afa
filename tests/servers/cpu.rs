//! How long processors worked for a run: on a busy machine its minutes say nothing.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Clock ticks of `/proc` in a second (proc(5); Linux has no other value).
const TICKS: u64 = 100;

/// Servers are children of no process that waits for them: they are watched while they run.
#[derive(Debug)]
pub struct Cpu {
    binaries: PathBuf,
    before: u64,
    servers: HashMap<u32, u64>,
}

impl Cpu {
    /// From now on, with the servers that run from that folder.
    pub fn of(binaries: &Path) -> Cpu {
        Cpu { binaries: binaries.to_owned(), before: waited_for("self"), servers: HashMap::new() }
    }

    /// To be called again and again.
    pub fn look(&mut self) {
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = process.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let command = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            // A session's process calls itself by another name.
            if Path::new(command.split('\0').next().unwrap_or_default()) == self.binaries.join("postgres") {
                self.servers.insert(pid, own(pid).saturating_add(waited_for(&pid.to_string())));
            }
        }
    }

    /// Seconds: of the tests, when their process has been waited for, and of the servers when they were last looked at.
    pub fn seconds(&self) -> (u64, u64) {
        (waited_for("self").saturating_sub(self.before) / TICKS, self.servers.values().sum::<u64>() / TICKS)
    }
}

fn own(pid: u32) -> u64 {
    ticks(&pid.to_string(), 11)
}

fn waited_for(pid: &str) -> u64 {
    ticks(pid, 13)
}

/// Two fields of `/proc/PID/stat` behind the name: time as a user and as the system.
fn ticks(pid: &str, first: usize) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default().split(' ');
    fields.skip(first).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
