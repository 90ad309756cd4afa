//! psycopg 3, in a virtual environment that is set up here once.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgveil_tests::recorder::Recorder;

use crate::twins::stage::Stage;

/// What pip installs.
const PACKAGE: &str = "psycopg[binary]==3.2.*";

/// The environment's Python; why there is none, where that is the machine's fault.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("psycopg");
    let python = folder.join("bin/python");
    let has = |python: &Path| Command::new(python).args(["-c", "import psycopg"]).output().is_ok_and(|o| o.status.success());
    if has(&python) {
        return Ok(python);
    }
    let run = |command: &mut Command| {
        let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
        if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))) }
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]))?;
    Ok(python)
}

#[test]
fn psycopg() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            eprintln!("\n*** SKIPPED: psycopg 3 is not tested: there is no virtual environment with it ***\n*** {why} ***\n");
            return;
        }
    };
    let stage = Stage::get();
    let recorder = Recorder::before(stage.proxy.addr());
    let login = stage.login("analyst", &stage.both.a);
    let target = format!("host=127.0.0.1 port={} dbname={} user={} sslmode=disable", recorder.port(), login.database, login.user);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers/psycopg_check.py");
    let output = Command::new(python).arg(script).arg(target).env("PGPASSWORD", login.password.unwrap()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    recorder.assert_clean();
}
