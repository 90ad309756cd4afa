//! Clients in Python, in a virtual environment that is set up once. Each has a script beside its file, which asserts what it sees;
//! it is run as the analyst, who sees masks, and as the engineer, who may write.

mod asyncpg;
mod dbt;
mod django;
mod pgcli;
mod psycopg2;
mod psycopg3;
mod sqlalchemy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Instant;

use pgveil_tests::recorder::Recorder;
use pgveil_tests::world::{Proxy, World};

const SCHEMA: &str = include_str!("schema.sql");
const POLICY: &str = include_str!("policy.toml");
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// A database of its own for one client, behind the proxy.
pub struct Ground {
    proxy: &'static Proxy,
    pub database: String,
}

impl Ground {
    pub fn new() -> Ground {
        static PROXY: OnceLock<Proxy> = OnceLock::new();
        let world = World::get();
        let proxy = PROXY.get_or_init(|| world.proxy(POLICY, &["analyst", "engineer", "admin"].map(|user| (user, user))));
        let database = world.database(SCHEMA);
        // A copy of a database does not take its rights along.
        world.cluster().execute(&database, &format!("GRANT CREATE, TEMP ON DATABASE {database} TO pgveil")).unwrap();
        Ground { proxy, database }
    }

    /// Runs a script of this folder as that role.
    pub fn script(&self, role: &str, script: &str, arguments: &[&str]) -> String {
        self.run(role, "python", &[&[script], arguments].concat())
    }

    /// Runs a program of the environment as that role, in this folder. It gets the login in libpq's variables.
    ///
    /// # Panics
    /// Where it fails, or a protected value was sent to the analyst.
    pub fn run(&self, role: &str, program: &str, arguments: &[&str]) -> String {
        let recorder = Recorder::before(self.proxy.addr());
        let folder = environment();
        let mut command = Command::new(folder.join("bin").join(program));
        command.args(arguments).current_dir(here()).env("PGVEIL_ROLE", role);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", recorder.port().to_string()).env("PGDATABASE", &self.database);
        command.env("PGUSER", role).env("PGPASSWORD", self.proxy.password(role)).env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
        command.env("HOME", folder).env("PYTHONDONTWRITEBYTECODE", "1").env("LC_ALL", "C.UTF-8").env("TERM", "dumb");
        let output = command.output().unwrap();
        let printed = text(&output);
        assert!(output.status.success(), "{role}: {program} {arguments:?}: {}\n{printed}", output.status);
        if role == "analyst" {
            recorder.assert_clean();
        }
        printed
    }
}

/// Where the scripts are.
pub fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The virtual environment with all of requirements.txt. Tests of one process wait for each other, and processes by a lock file.
fn environment() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = base.join("clients-python");
        let installed = folder.join("requirements.txt");
        let lock = fs::File::create(base.join("clients-python.lock")).unwrap();
        lock.lock().unwrap();
        if fs::read_to_string(&installed).is_ok_and(|there| there == REQUIREMENTS) {
            return folder;
        }
        let started = Instant::now();
        let run = |command: &mut Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", text(&output));
        };
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"];
        run(Command::new(folder.join("bin/python")).args(pip).arg(here().join("requirements.txt")));
        fs::write(&installed, REQUIREMENTS).unwrap();
        eprintln!("virtual environment made in {} s", started.elapsed().as_secs());
        folder
    })
}
