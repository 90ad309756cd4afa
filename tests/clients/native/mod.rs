//! Clients that are not written in Python, each as analyst and as engineer: what a program prints must be the same as where it talks to
//! Postgres itself, what is masked it looks at itself, and nothing that pgveil sends may hold a protected value.

mod jdbc;
mod libpq;
mod node;
mod odbc;
mod pgbench;
mod psql;
mod rust;

use std::path::{Path, PathBuf};
use std::process::Command;

use pgveil::demo::sample::SERVICE;
use pgveil_tests::recorder::Recorder;
use pgveil_tests::stage::Stage;
use pgveil_tests::world::{SERVICE_PASSWORD, World};

/// Where a program connects, with a database of its own in which it may write.
struct Place {
    /// `direct` is Postgres itself, as the service account.
    role: &'static str,
    port: u16,
    database: String,
    user: &'static str,
    password: String,
    recorder: Option<Recorder>,
}

impl Place {
    fn of(role: &'static str) -> Place {
        let (stage, database) = (Stage::writable(), Stage::workshop());
        match role {
            "direct" => {
                let port = World::get().cluster().port();
                Place { role, port, database, user: SERVICE, password: SERVICE_PASSWORD.to_owned(), recorder: None }
            }
            _ => {
                let recorder = Recorder::before(stage.proxy.addr());
                Place { role, port: recorder.port(), database, user: role, password: stage.proxy.password(role), recorder: Some(recorder) }
            }
        }
    }

    /// Port, database, user, password, role.
    fn arguments(&self) -> [String; 5] {
        [self.port.to_string(), self.database.clone(), self.user.to_owned(), self.password.clone(), self.role.to_owned()]
    }

    /// # Panics
    /// Where an analyst was sent a protected value.
    fn assert_clean(&self) {
        if let (Some(recorder), "analyst") = (&self.recorder, self.role) {
            recorder.assert_clean();
        }
    }
}

/// Runs what `program` makes of each place; what it prints must be the same everywhere, but for the database's name.
fn alike(program: impl Fn(&Place) -> Command) {
    alike_as(&["engineer", "analyst"], program);
}

/// The same for these roles.
fn alike_as(roles: &[&'static str], program: impl Fn(&Place) -> Command) {
    let said = |role| {
        let place = Place::of(role);
        let (out, err, ok) = run(&mut program(&place));
        assert!(ok, "{role}:\n{err}");
        place.assert_clean();
        out.replace(&place.database, "db")
    };
    let direct = said("direct");
    for role in roles {
        differences(role, &direct, &said(role));
    }
}

/// # Panics
/// Where two texts differ, with the first lines that do.
fn differences(role: &str, direct: &str, out: &str) {
    let (mut here, mut there) = (direct.lines(), out.lines());
    let mut found = Vec::new();
    loop {
        match (here.next(), there.next()) {
            (None, None) => break,
            (one, other) if one != other => found.push(format!("direct: {}\n{role}: {}", one.unwrap_or("-"), other.unwrap_or("-"))),
            _ => {}
        }
    }
    assert!(found.is_empty(), "{role}: {} lines differ, the first:\n{}", found.len(), found[..found.len().min(8)].join("\n"));
}

/// Standard output, standard error, and whether it went well.
fn run(command: &mut Command) -> (String, String, bool) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.success())
}

/// # Panics
/// With what it says, where it does not go well.
fn must(command: &mut Command) -> String {
    let (out, err, ok) = run(command);
    assert!(ok, "{command:?}\n{out}{err}");
    out
}

/// A file or folder beside this one.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/native").join(name)
}

/// A folder for what is installed or built, kept between runs.
fn workshop(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
