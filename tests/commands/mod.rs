//! The commands that look at a policy, as somebody runs them: what they print is compared with `golden/`, which
//! `PGVEIL_BLESS=1` writes.

mod examples;
mod golden;
mod lock;
mod scan;
mod sessions;
mod users;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use pgveil_tests::world::{SERVICE_PASSWORD, World};

/// How a run of the program ended.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Says where the child's own output begins, behind what the test harness says.
const BEGINS: &str = "\u{1}pgveil begins\u{1}\n";

/// Runs `pgveil` in a process of its own, in the folder of these tests, with an environment of nothing but what is given.
pub fn pgveil(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Run {
    use std::io::Write as _;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "commands::as_pgveil", "--nocapture", "--ignored"]).env_clear();
    command.env("PGVEIL_TEST_ARGUMENTS", arguments.join("\u{1}")).envs(environment.iter().copied());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent");
    command.current_dir(folder()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    let out = out.split_once(BEGINS).map_or(out.clone(), |(_, own)| own.to_owned());
    Run { code: output.status.code().unwrap(), out, err }
}

/// No test: the process that [`pgveil`] runs.
#[test]
#[ignore = "it is the program itself, and run by other tests"]
fn as_pgveil() {
    use std::io::Write as _;
    let Ok(arguments) = std::env::var("PGVEIL_TEST_ARGUMENTS") else { return };
    let mut out = std::io::stdout();
    out.write_all(BEGINS.as_bytes()).unwrap();
    out.flush().unwrap();
    let line = std::iter::once("pgveil").chain(arguments.split('\u{1}')).map(Into::into).collect::<Vec<_>>();
    let code = pgveil::command::run_with(line);
    let number = [0, 1, 2, 78].into_iter().find(|n| ExitCode::from(*n) == code).unwrap();
    std::process::exit(i32::from(number));
}

pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/commands"))
}

/// The database of these tests.
pub fn database() -> &'static str {
    static DATABASE: OnceLock<String> = OnceLock::new();
    DATABASE.get_or_init(|| World::get().database(include_str!("schema.sql")))
}

/// Where a database is, as the service account.
pub fn url(database: &str) -> String {
    format!("postgres://pgveil@127.0.0.1:{}/{database}", World::get().cluster().port())
}

/// With the account's password.
pub const PASSWORD: [(&str, &str); 2] = [("PGPASSWORD", SERVICE_PASSWORD), ("PGVEIL_KEY", KEY)];
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
