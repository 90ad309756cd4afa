//! Where a cluster lives, and how its data directory comes about.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::{Account, is_root};
use super::binaries::Binaries;
use super::server::run_with_input;
use super::{ClusterError, SUPERUSER};
use crate::demo::secret::{random_hex, write_secret};

pub(super) const DATA: &str = "data";
pub(super) const SOCKET: &str = "socket";
pub(super) const LOG: &str = "server.log";
pub(super) const SUPERUSER_PASSWORD: &str = "superuser.password";
pub(super) const CERTIFICATE: &str = "server.crt";
pub(super) const CERTIFICATE_KEY: &str = "server.key";

/// A folder of one cluster.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    temporary: bool,
}

/// The folder for pgveil's caches: `$XDG_CACHE_HOME/pgveil`, `~/.cache/pgveil`, or `/var/cache/pgveil` for root, whose home
/// the server's account cannot enter. `None` where there is none.
pub fn cache_home() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let xdg = variable("XDG_CACHE_HOME").map(|p| p.join("pgveil"));
    let home = variable("HOME").map(|p| p.join(".cache/pgveil"));
    if is_root().ok()? { xdg.filter(|p| is_open_to_all(p)).or_else(|| Some(PathBuf::from("/var/cache/pgveil"))) } else { xdg.or(home) }
}

impl Folder {
    /// A folder that stays, made where it is not there.
    pub fn kept(root: PathBuf, account: &Account) -> Result<Folder, ClusterError> {
        let folder = Folder { root, temporary: false };
        folder.prepare(account)?;
        Ok(folder)
    }

    /// A new folder of an unguessable name that goes with this value.
    pub fn temporary(account: &Account) -> Result<Folder, ClusterError> {
        let root = std::env::temp_dir().join(format!("pgveil-{}", random_hex(8)?));
        fs::create_dir(&root).map_err(ClusterError::file(&root))?;
        let folder = Folder { root, temporary: true };
        folder.prepare(account)?;
        Ok(folder)
    }

    fn prepare(&self, account: &Account) -> Result<(), ClusterError> {
        for path in [self.root.clone(), self.path(SOCKET)] {
            fs::create_dir_all(&path).map_err(ClusterError::file(&path))?;
            fs::set_permissions(&path, Permissions::from_mode(0o711)).map_err(ClusterError::file(&path))?;
            account.own(&path)?;
        }
        Ok(())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// The folder outlives this value.
    #[cfg(test)]
    pub fn keep(&mut self) {
        self.temporary = false;
    }

    /// Makes the data directory where there is none: from the cache, or by `initdb`, whose result is put into the cache.
    pub fn initialise(&self, binaries: &Binaries, account: &Account, cache: Option<&Path>) -> Result<(), ClusterError> {
        if self.path(DATA).join("PG_VERSION").exists() && self.path(SUPERUSER_PASSWORD).exists() {
            return Ok(());
        }
        let Some(cache) = cache.filter(|c| fs::create_dir_all(c).is_ok()) else {
            return initdb(binaries, account, &self.root);
        };
        let template = cache.join(format!("initdb-{}", binaries.build()));
        if !template.exists() {
            // Another process may be making the same: the first to rename it wins.
            let own = cache.join(format!("initdb-{}", random_hex(8)?));
            let folder = Folder { root: own, temporary: true };
            folder.prepare(account)?;
            initdb(binaries, account, folder.root())?;
            if fs::rename(folder.root(), &template).is_err() && !template.exists() {
                return copy(account, folder.root(), &self.root);
            }
        }
        copy(account, &template, &self.root)
    }

    /// Postgres accepts a key only from its own account and closed to others.
    pub fn put_certificate(&self, account: &Account, cert: &Path, key: &Path) -> Result<(), ClusterError> {
        for (from, name) in [(cert, CERTIFICATE), (key, CERTIFICATE_KEY)] {
            let to = self.path(name);
            write_secret(&to, &fs::read(from).map_err(ClusterError::file(from))?)?;
            account.own(&to)?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing is left to be told of a folder that cannot be removed.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn initdb(binaries: &Binaries, account: &Account, root: &Path) -> Result<(), ClusterError> {
    let password = root.join(SUPERUSER_PASSWORD);
    write_secret(&password, random_hex(16)?.as_bytes())?;
    account.own(&password)?;
    let attempt = |locale: &str| {
        let mut command = Command::new(binaries.program("initdb"));
        command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--username", SUPERUSER, "--locale", locale]);
        command.arg("--pwfile").arg(&password).arg("--pgdata").arg(root.join(DATA)).current_dir(root);
        account.enter(&mut command);
        run_with_input("initdb", command, b"")
    };
    // Not every system has the first.
    attempt("C.UTF-8").or_else(|_| attempt("C")).map(drop)
}

fn copy(account: &Account, from: &Path, to: &Path) -> Result<(), ClusterError> {
    let mut command = Command::new("cp");
    command.arg("-a").arg(from.join(DATA)).arg(from.join(SUPERUSER_PASSWORD)).arg(to).current_dir(to);
    account.enter(&mut command);
    run_with_input("cp", command, b"").map(drop)
}

/// Whether every account can enter the nearest folder that exists, and all above it.
fn is_open_to_all(path: &Path) -> bool {
    path.ancestors().filter_map(|p| fs::metadata(p).ok()).all(|m| m.permissions().mode() & 0o001 != 0)
}
