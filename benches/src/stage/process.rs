//! Processes that end with us, in whatever way we end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// Waits on a pipe whose other end only we hold: it ends when we close it or die, and so does the program then.
const LEASH: &str =
    "exec 3<&0; \"$@\" <&- 3<&- & echo $!; exec >&-; read -r _ <&3; kill -TERM $! 2>/dev/null; sleep 1; kill -KILL $! 2>/dev/null";

/// A program that runs beside us. Dropped, it is stopped.
pub struct Process {
    shell: Child,
    leash: Option<ChildStdin>,
    pid: u32,
}

impl Process {
    /// Starts it in `folder`, as user and group `account` where we are another, with its standard error in a file there, and
    /// waits until it listens at `port`.
    pub fn start(
        program: &'static str,
        arguments: &[&str],
        folder: &Path,
        port: u16,
        account: Option<(u32, u32)>,
    ) -> Result<Process, BenchError> {
        let failed = |why: String| BenchError::Program { program, why };
        let log = folder.join(format!("{program}.err"));
        let error = File::create(&log).map_err(BenchError::file(&log))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LEASH, "sh"]).args(arguments).current_dir(folder);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(error);
        let ours = fs::metadata(&log).map_err(BenchError::file(&log))?.uid();
        if let Some((uid, gid)) = account.filter(|(uid, _)| *uid != ours) {
            command.gid(gid).uid(uid);
        }
        let mut shell = command.spawn()?;
        let leash = shell.stdin.take();
        let mut line = String::new();
        if let Some(out) = shell.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let pid = line.trim().parse().map_err(|_| failed("the shell did not start it".to_owned()))?;
        let process = Process { shell, leash, pid };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > deadline || !Path::new(&format!("/proc/{pid}")).exists() {
                return Err(failed(fs::read_to_string(&log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    /// Resident memory, kB.
    pub fn memory(&self) -> Result<f64, BenchError> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&path).map_err(BenchError::file(path))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or(BenchError::Protocol("no VmRSS"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.shell.wait();
    }
}

/// Runs a program to its end: what it printed.
pub fn output(program: &'static str, mut command: Command) -> Result<String, BenchError> {
    let done = command.output().map_err(|e| BenchError::Program { program, why: e.to_string() })?;
    if !done.status.success() {
        return Err(BenchError::Program { program, why: String::from_utf8_lossy(&done.stderr).into_owned() });
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// One that nobody listens at now.
pub fn free_port() -> Result<u16, BenchError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
