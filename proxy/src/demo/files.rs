//! The demo's files: configuration, policy, users, key, certificates.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pgveil_certs::throwaway::{Ca, Files};
use postgres_protocol::password::scram_sha_256;

use super::cluster::ClusterError;
use super::secret::{random_hex, write_secret};
use super::{DemoError, sample};

/// A user of the demo.
#[derive(Debug, Clone)]
pub struct DemoUser {
    /// Name to log in with.
    pub name: &'static str,
    /// The policy's role.
    pub role: &'static str,
    /// In clear: it is printed.
    pub password: String,
}

const USERS: &[(&str, &str)] = &[("ana", "analyst"), ("eng", "engineer"), ("sec", "admin")];
const POLICY: &str = include_str!("policy.toml");

/// The folder that they are in.
#[derive(Debug)]
pub struct DemoFiles {
    folder: PathBuf,
}

impl DemoFiles {
    /// In a folder that exists.
    pub fn new(folder: &Path) -> DemoFiles {
        DemoFiles { folder: folder.to_owned() }
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the file holds, made by `make` (and closed to others) where it does not exist: passwords and keys stay the same
    /// from one start to the next.
    ///
    /// # Errors
    /// It can be neither read nor written.
    pub fn secret(&self, name: &str, make: impl FnOnce() -> Result<String, ClusterError>) -> Result<String, DemoError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make()?;
                write_secret(&path, text.as_bytes())?;
                Ok(text)
            }
            Err(source) => Err(DemoError::File { path, source }),
        }
    }

    /// A certificate of a CA whose key is gone when this returns: `ca.crt`, `server.crt`, `server.key`.
    ///
    /// # Errors
    /// They cannot be made or written.
    pub fn certificates(&self) -> Result<Files, DemoError> {
        let ca = Ca::new()?;
        ca.write_into(&self.folder, "ca")?;
        Ok(ca.issue_into(&self.folder, "server", &[])?)
    }

    /// The users, and `users.toml` for them.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn users(&self) -> Result<Vec<DemoUser>, DemoError> {
        let mut users = Vec::new();
        let mut text = "# Who may log in to the demo. The passwords are in the files beside this one.\n".to_owned();
        for (name, role) in USERS {
            let password = self.secret(&format!("{name}.password"), || random_hex(4))?;
            let verifier = scram_sha_256(password.as_bytes());
            text.push_str(&format!("\n[user.{name}]\nverifier = \"{verifier}\"\nroles = [\"{role}\"]\n"));
            users.push(DemoUser { name, role, password });
        }
        write_secret(&self.path("users.toml"), text.as_bytes())?;
        Ok(users)
    }

    /// `policy.toml`; one that is there is kept, edits and all. Whether it was written.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn policy(&self) -> Result<bool, DemoError> {
        let path = self.path("policy.toml");
        let new = !path.exists();
        if new {
            write_secret(&path, POLICY.as_bytes())?;
        }
        Ok(new)
    }

    /// `pgveil.toml` and the key; the configuration's path.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn configuration(&self, listen: SocketAddr, upstream_port: u16) -> Result<PathBuf, DemoError> {
        self.secret("pgveil.key", || random_hex(32))?;
        let (service, owner) = (sample::SERVICE, sample::OWNER);
        let text = format!(
            r#"# pgveil.toml of the demo; written at each start. Paths are relative to this file.
listen   = "{listen}"
policy   = "policy.toml"
users    = "users.toml"
key_file = "pgveil.key"             # pseudonyms are made with it

[upstream]                          # the private Postgres
host = "127.0.0.1"
port = {upstream_port}
tls  = "verify-full"
ca   = "ca.crt"
user = "{service}"                       # service account: may read all, and write to adhoc
password_file = "{service}.password"
[upstream.account.admin]            # another account for the role admin
user = "{owner}"
password_file = "{owner}.password"

[tls]                               # towards clients
mode = "require"
cert = "server.crt"
key  = "server.key"

[audit]
file = "audit.log"
"#
        );
        let path = self.path("pgveil.toml");
        write_secret(&path, text.as_bytes())?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::users::Users;

    #[test]
    fn what_is_written_loads_and_stays_the_same() {
        let folder = std::env::temp_dir().join(format!("pgveil-files-{}", random_hex(8).unwrap()));
        fs::create_dir(&folder).unwrap();
        let files = DemoFiles::new(&folder);
        files.certificates().unwrap();
        for name in [sample::SERVICE, sample::OWNER] {
            files.secret(&format!("{name}.password"), || random_hex(16)).unwrap();
        }
        assert!(files.policy().unwrap());
        let first = files.users().unwrap();
        let path = files.configuration("127.0.0.1:6432".parse().unwrap(), 5433).unwrap();
        let config = Config::load_with(&path, &|_| None).unwrap();
        assert_eq!(config.upstream.accounts["admin"].user, "shop_owner");
        assert_eq!(Users::load(&config.users).unwrap().get("ana").unwrap().roles, ["analyst"]);
        fs::write(files.path("policy.toml"), "version = 1\n").unwrap();
        assert!(!files.policy().unwrap());
        assert_eq!(files.users().unwrap()[0].password, first[0].password);
        fs::remove_dir_all(folder).unwrap();
    }
}
