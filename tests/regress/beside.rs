//! Two servers side by side: one is spoken to directly, one through pgveil; and what the tests made of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pgveil::demo::cluster::{Options, SUPERUSER};
use pgveil_tests::world::{Proxy, World};

use crate::{alone, sources};

/// Of the superuser's name, so that what tests print of the session's user is the same.
const POLICY: &str = "version = 1\nunclassified = \"clear\"\n[role.admin]\ndefault = \"clear\"\n";
/// Enough of a diff to see what it is about.
const SHOWN: usize = 60;

/// A server, and how it is spoken to.
#[derive(Debug)]
pub struct Side {
    /// For people.
    pub name: &'static str,
    // Dropped in this order.
    proxy: Option<Proxy>,
    world: World,
}

/// What came of one of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it gave what its authors expect.
    pub ok: bool,
    /// What it printed.
    pub printed: Vec<u8>,
    /// How that differs from what its authors expect.
    pub diff: String,
}

/// Outcomes by the test's name.
pub type Outcomes = BTreeMap<String, Outcome>;

impl Side {
    /// A server that is spoken to directly.
    pub fn direct(settings: &[(&str, &str)]) -> Side {
        Side { name: "directly", world: world(settings), proxy: None }
    }

    /// A server that is spoken to through pgveil as a role from whom nothing is withheld.
    pub fn through(settings: &[(&str, &str)]) -> Side {
        let world = world(settings);
        let proxy = world.proxy(POLICY, &[(SUPERUSER, "admin")]);
        Side { name: "through pgveil", proxy: Some(proxy), world }
    }

    /// The server.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Where to connect.
    pub fn port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.world.cluster().port(), |proxy| proxy.addr().port())
    }

    /// Of the superuser.
    pub fn password(&self) -> String {
        self.proxy.as_ref().map_or(self.world.cluster().password().to_owned(), |proxy| proxy.password(SUPERUSER))
    }

    /// A program that connects to this side by libpq's environment.
    pub fn program(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port().to_string()).env("PGUSER", SUPERUSER);
        command.env("PGPASSWORD", self.password()).env("PGSSLMODE", "disable");
        command
    }

    /// A copy of folders and files, where the server's account can read and write.
    pub fn folder(&self, name: &str, from: &Path, items: &[&str]) -> PathBuf {
        let folder = self.world.cluster().folder().join(name);
        let all = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(&folder).unwrap();
        all(&folder);
        for item in items.iter().filter(|item| from.join(item).exists()) {
            let copied = Command::new("cp").arg("-a").arg(from.join(item)).arg(&folder).status().unwrap();
            assert!(copied.success(), "{item}");
        }
        // Some tests have the server write what they print.
        for written in ["results", "testtablespace"] {
            fs::create_dir(folder.join(written)).unwrap();
            all(&folder.join(written));
        }
        folder
    }

    /// Runs pg_regress, or one of its family, in a folder of its own: what came of each test.
    pub fn regress(&self, program: &Path, folder: &Path, schedule: &Path, arguments: &[&str]) -> Outcomes {
        let psql = self.world.cluster().psql();
        let mut command = self.program(program);
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        command.args([option("inputdir", folder), option("outputdir", folder), option("dlpath", folder), option("schedule", schedule)]);
        command.arg(option("bindir", psql.parent().unwrap()));
        command.args(["--host=127.0.0.1", "--user", SUPERUSER, "--port", &self.port().to_string()]).args(arguments);
        command.env("PG_REGRESS_DIFF_OPTS", "-U2").current_dir(folder);
        let Output { stdout, stderr, .. } = command.output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let diffs = fs::read(folder.join("regression.diffs")).unwrap_or_default();
        let diffs = parts(&String::from_utf8_lossy(&diffs));
        let outcome = |(name, ok): (String, bool)| {
            let printed = fs::read(folder.join(format!("results/{name}.out"))).unwrap_or_default();
            let diff = diffs.get(&name).cloned().unwrap_or_default();
            (name, Outcome { ok, printed, diff })
        };
        let outcomes: Outcomes = out.lines().filter_map(verdict).map(outcome).collect();
        assert!(!outcomes.is_empty(), "{} said {}:\n{out}{err}", program.display(), self.name);
        outcomes
    }
}

/// A line of pg_regress, as of version 15 (`test x ... ok`) or 16 (`not ok 3 + x`): the test, and whether it passed.
fn verdict(line: &str) -> Option<(String, bool)> {
    if let Some((name, rest)) = line.split_once(" ... ") {
        let name = name.strip_prefix("test ").unwrap_or(name).trim();
        let rest = rest.trim_start();
        let known = rest.starts_with("ok") || rest.starts_with("FAILED") || rest.starts_with("failed");
        return (known && !name.contains(' ')).then(|| (name.to_owned(), rest.starts_with("ok")));
    }
    let (rest, ok) =
        line.strip_prefix("not ok ").map(|rest| (rest, false)).or_else(|| line.strip_prefix("ok ").map(|rest| (rest, true)))?;
    let name = rest.split_whitespace().nth(2)?;
    Some((name.to_owned(), ok))
}

/// regression.diffs, by test.
fn parts(diffs: &str) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    let mut name = None;
    for line in diffs.lines() {
        if line.starts_with("diff ") {
            name = line.rsplit('/').next().and_then(|file| file.strip_suffix(".out")).map(str::to_owned);
        } else if let Some(name) = &name {
            let part = parts.entry(name.clone()).or_default();
            part.push_str(line);
            part.push('\n');
        }
    }
    parts
}

/// A family of tests that pg_regress, or one of its kind, runs.
pub struct Family {
    /// For people, and of the folder that it runs in.
    pub name: &'static str,
    /// Its folder in the sources.
    pub part: &'static str,
    /// What of the folder it reads.
    pub files: &'static [&'static str],
    /// What runs it.
    pub program: &'static str,
    /// Which tests, in which order.
    pub schedule: &'static str,
    /// What it is called with besides.
    pub arguments: &'static [&'static str],
    /// Of the server.
    pub settings: &'static [(&'static str, &'static str)],
    /// Tests that pass directly, but not through pgveil; each with the reason.
    pub exceptions: &'static [(&'static str, &'static str)],
    /// There are more tests than this.
    pub more_than: usize,
}

impl Family {
    fn run(&self, side: &Side) -> Outcomes {
        let from = sources::tree().join(self.part);
        let folder = side.folder(self.name, &from, self.files);
        side.regress(&from.join(self.program), &folder, &folder.join(self.schedule), self.arguments)
    }

    /// Runs it on both sides: what passes directly must pass through pgveil.
    pub fn compare(&self) {
        let _alone = alone();
        sources::tree();
        let (directly, through) = std::thread::scope(|scope| {
            let directly = scope.spawn(|| self.run(&Side::direct(self.settings)));
            let through = scope.spawn(|| self.run(&Side::through(self.settings)));
            (directly.join().unwrap(), through.join().unwrap())
        });
        assert!(directly.len() > self.more_than, "{}", directly.len());
        compare(&directly, &through, self.exceptions);
    }
}

/// Prints a table of both sides' outcomes; fails where a test passes directly and not through pgveil, but for the exceptions (with reasons),
/// and where one of these passes.
fn compare(directly: &Outcomes, through: &Outcomes, exceptions: &[(&str, &str)]) {
    let mut wrong = String::new();
    let (mut both, mut alike) = (0, 0);
    for (name, direct) in directly {
        let Some(proxied) = through.get(name) else {
            writeln!(wrong, "{name}: not run through pgveil").unwrap();
            continue;
        };
        let reason = exceptions.iter().find_map(|(test, reason)| (test == name).then_some(*reason));
        let same = direct.printed == proxied.printed;
        match (direct.ok, proxied.ok) {
            (true, true) => both += 1,
            (false, false) if same => {
                alike += 1;
                println!("{name}: not as expected, directly and through pgveil alike");
            }
            (false, _) => println!("{name}: not as expected directly (so nothing is asked of pgveil, which gave something else)"),
            (true, false) => println!("{name}: DIFFERS through pgveil; {}", reason.unwrap_or("no exception")),
        }
        match (direct.ok && !proxied.ok, reason) {
            (true, None) => {
                let shown: Vec<&str> = proxied.diff.lines().take(SHOWN).collect();
                writeln!(wrong, "{name} passes directly, not through pgveil:\n{}", shown.join("\n")).unwrap();
            }
            (false, Some(reason)) if direct.ok => {
                writeln!(wrong, "{name} passes: it is no exception any more ({reason})").unwrap();
            }
            _ => {}
        }
    }
    println!("{} tests: {both} pass directly and through pgveil, {alike} fail alike, {} are excepted", directly.len(), exceptions.len());
    assert!(wrong.is_empty(), "{wrong}");
}

fn world(settings: &[(&str, &str)]) -> World {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    World::start(Options { settings, ..Options::default() })
}

#[test]
fn lines_of_pg_regress() {
    assert_eq!(verdict("test tablespace                   ... ok          412 ms"), Some(("tablespace".to_owned(), true)));
    assert_eq!(verdict("     char                         ... FAILED       90 ms"), Some(("char".to_owned(), false)));
    assert_eq!(verdict("test random                       ... failed (ignored)       90 ms"), Some(("random".to_owned(), false)));
    assert_eq!(verdict("not ok 3     + char                 90 ms"), Some(("char".to_owned(), false)));
    assert_eq!(verdict("ok 1         - test_setup           90 ms"), Some(("test_setup".to_owned(), true)));
    assert_eq!(verdict("parallel group (20 tests):  char boolean"), None);
    assert_eq!(verdict("# using postmaster on 127.0.0.1, port 1"), None);
}
