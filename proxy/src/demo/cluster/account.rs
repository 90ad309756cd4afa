//! As whom the server runs.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::ClusterError;

/// Another user where we are root, else ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    other: Option<(u32, u32)>,
}

impl Account {
    /// `postgres` if it exists, else `nobody`, where we are root.
    pub fn for_server() -> Result<Account, ClusterError> {
        if !is_root()? {
            return Ok(Account { other: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(ClusterError::file("/etc/passwd"))?;
        let other = ids(&passwd, "postgres").or_else(|| ids(&passwd, "nobody")).ok_or(ClusterError::NoAccount)?;
        Ok(Account { other: Some(other) })
    }

    /// Makes a program run as this user.
    pub fn enter(self, command: &mut Command) {
        if let Some((uid, gid)) = self.other {
            command.gid(gid).uid(uid);
        }
    }

    /// Makes a file or folder this user's.
    pub fn own(self, path: &Path) -> Result<(), ClusterError> {
        match self.other {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(ClusterError::file(path)),
            None => Ok(()),
        }
    }
}

/// By the owner of a file that we make: there is no safe call for it in std.
pub(super) fn is_root() -> Result<bool, ClusterError> {
    let probe = std::env::temp_dir().join(format!("pgveil-{}", crate::demo::secret::random_hex(8)?));
    fs::create_dir(&probe).map_err(ClusterError::file(&probe))?;
    let owner = fs::metadata(&probe).map(|m| m.uid());
    fs::remove_dir(&probe).map_err(ClusterError::file(&probe))?;
    Ok(owner.map_err(ClusterError::file(&probe))? == 0)
}

fn ids(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = passwd.lines().map(|line| line.split(':')).find_map(|mut f| (f.next() == Some(name)).then_some(f))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_third_and_fourth_field() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(ids(passwd, "postgres"), Some((101, 104)));
        assert_eq!(ids(passwd, "nobody"), None);
    }
}
