//! Which PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;

/// The folder with `initdb` and `postgres`.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    folder: PathBuf,
    version: String,
}

impl Binaries {
    /// As `pg_config` says, else the newest of the distribution's, else from PATH.
    pub fn find() -> Result<Binaries, ClusterError> {
        let configured = say(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
        let folders = configured.into_iter().chain(distribution()).chain(in_path());
        folders.into_iter().find_map(Binaries::at).ok_or(ClusterError::NoBinaries)
    }

    fn at(folder: PathBuf) -> Option<Binaries> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let version = say(Command::new(folder.join("postgres")).arg("--version"))?.split(' ').nth(2)?.to_owned();
        Some(Binaries { folder, version })
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
