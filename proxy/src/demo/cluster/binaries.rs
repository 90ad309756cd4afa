//! Which PostgreSQL.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;

/// The environment variable that names a folder with `postgres` and `initdb` of another installation.
pub(super) const GIVEN: &str = "PGVEIL_POSTGRES_BIN";

/// The folder with `initdb` and `postgres`.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    folder: PathBuf,
    version: String,
    given: bool,
}

impl Binaries {
    /// Those in the folder that [`GIVEN`] names; without it as `pg_config` says, else the newest of the distribution's, else from PATH.
    pub fn find() -> Result<Binaries, ClusterError> {
        if let Some(folder) = std::env::var_os(GIVEN).filter(|f| !f.is_empty()) {
            let given = Binaries::given(PathBuf::from(&folder));
            return given.map_err(|output| ClusterError::NotGiven { folder: folder.into(), output });
        }
        let configured = say(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
        let folders = configured.into_iter().chain(distribution()).chain(in_path());
        folders.into_iter().find_map(Binaries::at).ok_or(ClusterError::NoBinaries)
    }

    /// Nothing else is looked for: who names a server does not want another one.
    fn given(folder: PathBuf) -> Result<Binaries, String> {
        let output = Command::new(folder.join("postgres")).arg("--version").output().map_err(|e| format!("postgres: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        // The server's account works in another folder.
        let absolute = std::path::absolute(&folder).map_err(|e| e.to_string())?;
        Binaries::at(absolute).map(|found| Binaries { given: true, ..found }).ok_or_else(|| "no initdb beside postgres".to_owned())
    }

    fn at(folder: PathBuf) -> Option<Binaries> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let version = say(Command::new(folder.join("postgres")).arg("--version"))?.split(' ').nth(2)?.to_owned();
        Some(Binaries { folder, version, given: false })
    }

    /// What tells one `initdb` from another: builds of one version may have other locales and libraries.
    pub fn build(&self) -> String {
        if !self.given {
            return self.version.clone();
        }
        let mut hasher = DefaultHasher::new();
        self.folder.hash(&mut hasher);
        format!("{}-{:016x}", self.version, hasher.finish())
    }

    /// Such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The server's package and the client's may be apart.
    pub fn psql(&self) -> PathBuf {
        let beside = self.program("psql");
        if beside.is_file() { beside } else { PathBuf::from("psql") }
    }
}

fn say(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn distribution() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> =
        versions.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin")))).collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, path)| path).collect()
}

fn in_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .iter()
        .flat_map(|p| std::env::split_paths(p).filter(|p| p.is_absolute()).collect::<Vec<_>>())
        .filter_map(real)
        .collect()
}

/// Where `initdb` really is: links in PATH do not have `postgres` beside them everywhere.
fn real(folder: PathBuf) -> Option<PathBuf> {
    folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned)
}
