//! `pgveil serve` as a process of its own, and what it takes of the system.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgveil::demo::cluster::Cluster;
use pgveil_certs::throwaway::Ca;

use crate::clients::{PEOPLE, Place};

const PASSWORD: &str = "reader-password";

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n\
[class.email]\ncolumns = [\"s.*.email\"]\n[class.name]\ncolumns = [\"s.people.name\"]\n[class.secret]\ncolumns = [\"s.people.secret\"]\n\
[role.reader]\ndefault = \"redact\"\n[role.reader.mask]\nemail = \"hash\"\nname = { redact = \"[name]\" }\nsecret = \"refuse\"\n";

/// The running proxy.
pub struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
}

/// What it takes.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Resident and its own, in kB: without the program, of which more is read the more of it is used.
    pub memory: usize,
    /// Open files.
    pub files: usize,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MB, {} open files", self.memory as f64 / 1024.0, self.files)
    }
}

/// Beside this test's own program: `make soak` builds it.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(|deps| deps.parent()).unwrap().join("pgveil");
    assert!(path.exists(), "{} is not there: build it with `cargo build -p pgveil`, with --release for a release test", path.display());
    path
}

impl Process {
    /// In front of that server, for so many sessions.
    pub fn start(cluster: &Cluster, sessions: usize) -> Process {
        let folder = cluster.folder().to_owned();
        cluster.execute("postgres", &format!("CREATE ROLE pgveil LOGIN PASSWORD '{PASSWORD}'")).unwrap();
        cluster.execute("postgres", "CREATE DATABASE soak").unwrap();
        let schema = format!(
            "CREATE SCHEMA s; CREATE TABLE s.people (id int PRIMARY KEY, name text, email text, secret text, note text); \
             INSERT INTO s.people SELECT n, 'Name ' || n, 'person' || n || '@example.org', 's', 'note ' || n FROM generate_series(1, {PEOPLE}) AS n; \
             CREATE TABLE s.visits (person int, email text, day date); CREATE INDEX ON s.visits (person); \
             INSERT INTO s.visits SELECT n % {PEOPLE} + 1, 'person' || (n % {PEOPLE} + 1) || '@example.org', '2024-01-01'::date + n % 360 \
             FROM generate_series(1, 4 * {PEOPLE}) AS n; ANALYZE; GRANT USAGE ON SCHEMA s TO pgveil; GRANT SELECT ON ALL TABLES IN SCHEMA s TO pgveil"
        );
        cluster.execute("soak", &schema).unwrap();
        let write = |name: &str, text: &str| pgveil::demo::secret::write_secret(&folder.join(name), text.as_bytes()).unwrap();
        let verifier = postgres_protocol::password::scram_sha_256(PASSWORD.as_bytes());
        write("soak.users", &format!("[user.reader]\nverifier = \"{verifier}\"\nroles = [\"reader\"]\n"));
        write("soak.secret", &"5e".repeat(32));
        write("soak.password", PASSWORD);
        write("soak.policy", POLICY);
        let ca = Ca::new().unwrap();
        ca.issue_into(&folder, "soak", &[]).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write(
            "soak.toml",
            &format!(
                "listen = \"127.0.0.1:{port}\"\npolicy = \"soak.policy\"\nusers = \"soak.users\"\nkey_file = \"soak.secret\"\n\
                 [upstream]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"disable\"\nuser = \"pgveil\"\npassword_file = \"soak.password\"\n\
                 [tls]\nmode = \"allow\"\ncert = \"soak.crt\"\nkey = \"soak.key\"\n[limits]\nconnections = {sessions}\n",
                cluster.port()
            ),
        );
        let log = folder.join("soak.log");
        let mut command = Command::new(binary());
        command.args(["serve", "--config"]).arg(folder.join("soak.toml")).env("PGVEIL_LOG", "warn");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let process = Process { child, port, log };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not listen: {:?}", process.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        process
    }

    /// Where and as whom clients log in.
    pub fn place(&self) -> Place {
        Place { port: self.port, password: PASSWORD.to_owned() }
    }

    /// Its log: how often it said what, by event, with the first of each.
    pub fn said(&self) -> BTreeMap<String, (usize, String)> {
        let mut events: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for line in fs::read_to_string(&self.log).unwrap_or_default().lines() {
            let event = line.split(' ').nth(2).unwrap_or_default().to_owned();
            events.entry(event).or_insert_with(|| (0, line.to_owned())).0 += 1;
        }
        events
    }

    /// As it is now.
    pub fn sample(&self) -> Sample {
        let of = |file: &str| format!("/proc/{}/{file}", self.child.id());
        let status = fs::read_to_string(of("status")).expect("the proxy has ended");
        let line = status.lines().find(|l| l.starts_with("RssAnon")).unwrap();
        Sample { memory: line.split_whitespace().nth(1).unwrap().parse().unwrap(), files: fs::read_dir(of("fd")).unwrap().count() }
    }

    /// It must still run.
    pub fn stop(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the proxy has ended by itself");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
        for (event, (count, first)) in self.said() {
            println!("soak: the log has {count} of {event}: {first}");
        }
    }
}
