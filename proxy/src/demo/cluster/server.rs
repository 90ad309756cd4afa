//! The server's process.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::ClusterError;
use super::account::Account;
use super::binaries::Binaries;
use super::folder::{CERTIFICATE, CERTIFICATE_KEY, DATA, Folder, LOG, SOCKET};

/// The shell becomes the server. Before, it leaves a watcher behind that reads a pipe whose other end only we hold: the pipe
/// ends when we close it or die in whatever way; the watcher then stops the server (fast, after ten seconds at once) and
/// removes what it was told to. It signals only the process that the server's own pid file names, as numbers are reused; and
/// it is no child of the server's, which would take notice.
const START: &str = r#"
data=$1 remove=$2 log=$3
shift 3
exec 3<&0 </dev/null >>"$log" 2>&1
(
    {
        read -r _ <&3
        told=
        for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            kill -0 $$ 2>/dev/null || break
            if [ "$(head -n 1 "$data/postmaster.pid" 2>/dev/null)" = $$ ]; then
                if [ "$try" -lt 15 ]; then kill -INT $$; else kill -QUIT $$; fi
                told=yes
            elif [ "$told" ]; then
                break
            fi
            sleep 0.7
        done
        [ -z "$remove" ] || rm -rf "$remove"
    } >/dev/null 2>&1 &
)
exec 3<&-
exec "$@"
"#;

/// For data that can be made again: nothing is forced to disk. No background work that would change plans between two runs.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
    ("shared_buffers", "128MB"),
    ("max_connections", "200"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("password_encryption", "scram-sha-256"),
];

/// A running server; stops when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Closed, it tells the watcher to stop the server.
    leash: Option<ChildStdin>,
    port: u16,
}

impl Server {
    pub fn start(
        binaries: &Binaries,
        account: &Account,
        folder: &Folder,
        settings: &[(String, String)],
        tls: bool,
        timeout: Duration,
    ) -> Result<Server, ClusterError> {
        let deadline = Instant::now() + timeout;
        // Between finding a free port and taking it another program may take it.
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port().map_err(ClusterError::file("127.0.0.1:0"))?;
            let mut server = Server::spawn(binaries, account, folder, settings, tls, port)?;
            match server.wait_until_ready(folder, deadline) {
                Ok(()) => return Ok(server),
                Err(ClusterError::NotReady { log, .. }) if tries < 3 && log.contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(
        binaries: &Binaries,
        account: &Account,
        folder: &Folder,
        settings: &[(String, String)],
        tls: bool,
        port: u16,
    ) -> Result<Server, ClusterError> {
        let log = folder.path(LOG);
        fs::write(&log, "").map_err(ClusterError::file(&log))?;
        account.own(&log)?;
        let remove = if folder.is_temporary() { folder.root().as_os_str() } else { "".as_ref() };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", START, "sh"]).arg(folder.path(DATA)).arg(remove).arg(&log);
        command.arg(binaries.program("postgres")).arg("-D").arg(folder.path(DATA)).args(["-p", &port.to_string()]);
        let mut set = |name: &str, value: &str| {
            command.args(["-c", &format!("{name}={value}")]);
        };
        for (name, value) in SETTINGS {
            set(name, value);
        }
        set("unix_socket_directories", if socket_fits(folder) { folder.path(SOCKET) } else { "".into() }.to_str().unwrap_or_default());
        if tls {
            set("ssl", "on");
            set("ssl_cert_file", &folder.path(CERTIFICATE).to_string_lossy());
            set("ssl_key_file", &folder.path(CERTIFICATE_KEY).to_string_lossy());
        }
        for (name, value) in settings {
            set(name, value);
        }
        account.enter(&mut command);
        // A group of its own: Ctrl-C in the terminal is for us, who then stop the server in good order.
        command.process_group(0).current_dir(folder.root()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(ClusterError::file("/bin/sh"))?;
        let leash = child.stdin.take();
        Ok(Server { child, leash, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As pg_ctl does: the eighth line of `postmaster.pid` says when.
    fn wait_until_ready(&mut self, folder: &Folder, deadline: Instant) -> Result<(), ClusterError> {
        let file = folder.path(DATA).join("postmaster.pid");
        let pid = self.child.id().to_string();
        loop {
            let lines = fs::read_to_string(&file).unwrap_or_default();
            let mut lines = lines.lines().map(str::trim);
            if lines.next() == Some(pid.as_str()) && lines.nth(6) == Some("ready") {
                return Ok(());
            }
            let why = match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => None,
                Ok(None) => Some("it was not ready in time"),
                Ok(Some(_)) | Err(_) => Some("it ended at once"),
            };
            if let Some(why) = why {
                return Err(ClusterError::NotReady { why, log: tail(&folder.path(LOG)) });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What happens when this process dies: the leash is let go, nobody waits.
    #[cfg(test)]
    pub fn abandon(&mut self) {
        drop(self.leash.take());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.leash.take());
        // The watcher sees to it that it ends, one way or the other.
        let _ = self.child.wait();
    }
}

/// A Unix socket's path has at most 107 bytes (sys/un.h), of which `.s.PGSQL.65535` takes some.
pub(super) fn socket_fits(folder: &Folder) -> bool {
    folder.path(SOCKET).to_str().is_some_and(|p| p.len() <= 90 && !p.contains([',', '"', '\'', ' ']))
}

/// Runs a program to its end; what it printed, or what it complained of.
pub(super) fn run_with_input(program: &'static str, mut command: Command, input: &[u8]) -> Result<String, ClusterError> {
    let failed = |e: io::Error| ClusterError::Program { program, output: e.to_string() };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A program that ends early does not read its input; its exit status tells why.
        scope.spawn(|| stdin.map(|mut pipe| pipe.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(failed)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(ClusterError::Program { program, output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).map(|line| format!("  {line}\n")).collect()
}
