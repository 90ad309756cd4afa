//! From the file's text to a [`Config`] with its files loaded.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pgveil_certs::CertError;
use pgveil_certs::server::{Files, Server};
use toml_edit::DocumentMut;

use super::section::Section;
use super::{ClientCert, ClientTls, Config, UpstreamConfig};
use crate::audit::OnFailure;
use crate::error::ConfigError;

pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads a configuration file and the files it names; `PGVEIL_KEY` and `PGVEIL_UPSTREAM_PASSWORD` stand before theirs.
    ///
    /// # Errors
    /// The first fault: file, key, problem and remedy.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        Config::load_with(file, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// As [`Config::load`], with an environment of the caller's.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(file: &Path, environment: Environment<'_>) -> Result<Config, ConfigError> {
        let document = document(file)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut load = Load { folder, environment, warnings: Vec::new() };
        let mut root = Section::root(file, document.as_table());
        let mut config = load.root(&mut root, file)?;
        root.finish()?;
        config.warnings = load.warnings;
        Ok(config)
    }

    /// Only where the users file is, whatever else is wrong with the configuration.
    ///
    /// # Errors
    /// The file is unreadable or not TOML, or does not say.
    pub fn users_file(file: &Path) -> Result<PathBuf, ConfigError> {
        let document = document(file)?;
        let users = Section::root(file, document.as_table()).required("users", "users.toml")?;
        Ok(file.parent().unwrap_or(Path::new("")).join(users))
    }

    /// Only where the policy is, whatever else is wrong with the configuration.
    ///
    /// # Errors
    /// The file is unreadable or not TOML, or does not say.
    pub fn policy_file(file: &Path) -> Result<PathBuf, ConfigError> {
        let document = document(file)?;
        let policy = Section::root(file, document.as_table()).required("policy", "policy.toml")?;
        Ok(file.parent().unwrap_or(Path::new("")).join(policy))
    }

    /// Only `[upstream]` of a configuration that is no file. `name`: stands for the file in errors.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn upstream_of(name: &Path, document: &DocumentMut, environment: Environment<'_>) -> Result<UpstreamConfig, ConfigError> {
        let mut load = Load { folder: Path::new(""), environment, warnings: Vec::new() };
        let (upstream, _) = load.upstream(&mut Section::root(name, document.as_table()))?;
        Ok(upstream)
    }
}

fn document(file: &Path) -> Result<DocumentMut, ConfigError> {
    let fault =
        |key: &str, problem: String, remedy: &str| ConfigError { file: file.into(), key: key.into(), problem, remedy: remedy.into() };
    let text = fs::read_to_string(file)
        .map_err(|e| fault("(the file)", format!("cannot be read: {e}"), "name it with -c, and let pgveil's user read it"))?;
    text.parse().map_err(|e: toml_edit::TomlError| {
        let line = e.span().and_then(|span| text.get(..span.start)).map_or(0, |before| before.matches('\n').count().saturating_add(1));
        fault(&format!("line {line}"), e.message().replace('\n', ", "), "write it as TOML")
    })
}

pub(super) struct Load<'a> {
    pub(super) folder: &'a Path,
    pub(super) environment: Environment<'a>,
    pub(super) warnings: Vec<String>,
}

impl Load<'_> {
    fn root(&mut self, root: &mut Section<'_>, file: &Path) -> Result<Config, ConfigError> {
        let listen = listen(root)?;
        let policy = self.folder.join(root.required("policy", "policy.toml")?);
        if let Err(e) = fs::File::open(&policy) {
            return Err(root.fault("policy", format!("{}: {e}", policy.display()), "write a policy there"));
        }
        let users = self.folder.join(root.required("users", "users.toml")?);
        let (key, old_keys) = self.keys(root)?;
        let (mut upstream, auth) = self.upstream(root)?;
        let ignored_parameters = root.texts("ignore_startup_parameters")?;
        let (tls, client_cert) = self.tls(root)?;
        if !listen.ip().is_loopback() && !matches!(tls, ClientTls::Require(_)) {
            self.warnings.push(format!("listen = \"{listen}\" is reachable from other machines, but tls.mode is not \"require\""));
        }
        let mut audit = root.section("audit")?;
        let audit_file = audit.text("file")?.map(|path| self.folder.join(path));
        let choices = [("refuse", OnFailure::Refuse), ("continue", OnFailure::Continue)];
        let audit_on_failure = audit.choice("on_failure", &choices, OnFailure::Refuse)?;
        audit.finish()?;
        let mut limits = root.section("limits")?;
        let connections = limits.number("connections", 1..=1_000_000, 1000)?;
        let seconds = limits.number("login_seconds", 1..=3600, 60)?;
        let login_timeout = Duration::from_secs(seconds.unsigned_abs());
        upstream.login_timeout = login_timeout;
        let server_logins = limits.number("server_logins", 1..=10_000, 32)?;
        let failed = limits.number("failed_logins", 1..=1_000_000, 10)?;
        let within = limits.number("failed_login_seconds", 1..=86_400, 60)?;
        limits.finish()?;
        Ok(Config {
            file: file.into(),
            listen,
            policy,
            users,
            key,
            old_keys,
            upstream: Arc::new(upstream),
            auth: auth.map(Arc::new),
            ignored_parameters,
            tls,
            client_cert,
            audit: audit_file,
            audit_on_failure,
            max_connections: usize::try_from(connections).unwrap_or(1),
            login_timeout,
            server_logins: usize::try_from(server_logins).unwrap_or(1),
            failed_logins: u32::try_from(failed).unwrap_or(1),
            failed_within: Duration::from_secs(within.unsigned_abs()),
            order_key: None,
            asks_conditions: true,
            look_every: crate::snapshot::PERIOD,
            warnings: Vec::new(),
        })
    }

    fn tls(&mut self, root: &mut Section<'_>) -> Result<(ClientTls, ClientCert), ConfigError> {
        let mut section = root.section("tls")?;
        let default = if section.is_there() { "require" } else { "disable" };
        let mode = section.text("mode")?.unwrap_or_else(|| default.into());
        let [cert, key, client_ca, client_crl] = ["cert", "key", "client_ca", "client_crl"].map(|key| section.text(key));
        let path = |path: String| self.folder.join(path);
        let (cert, key, client_ca, client_crl) = (cert?.map(path), key?.map(path), client_ca?.map(path), client_crl?.map(path));
        let client_cert = match section.text("client_cert")?.as_deref() {
            None | Some("optional") => ClientCert::Optional,
            Some("verify-ca") => ClientCert::Ca,
            Some("verify-full") => ClientCert::Full,
            Some(other) => {
                return Err(section.fault("client_cert", format!("\"{other}\" is unknown"), "optional | verify-ca | verify-full"));
            }
        };
        let ca = "name the PEM file of the root that signs the certificates of clients";
        if client_ca.is_none() && client_cert != ClientCert::Optional {
            return Err(section.fault("client_ca", "is missing, and client_cert needs it", ca));
        }
        if client_ca.is_none() && client_crl.is_some() {
            return Err(section.fault("client_ca", "is missing, and client_crl needs it", ca));
        }
        let found = match (mode.as_str(), cert, key) {
            ("disable", _, _) if client_cert != ClientCert::Optional => {
                return Err(section.fault("client_cert", "needs TLS, and mode is \"disable\"", "write mode = \"require\""));
            }
            ("disable", _, _) => ClientTls::Disable,
            ("allow" | "require", Some(cert), Some(key)) => {
                self.warn_if_open(&key);
                let files = Files { cert, key, client_ca, client_crl };
                let server = Server::open(files.clone()).map_err(|e| {
                    let of = |file: &Option<PathBuf>| file.as_deref().is_some_and(|file| e.path() == Some(file));
                    let named = if e.path() == Some(&files.key) {
                        "key"
                    } else if of(&files.client_ca) {
                        "client_ca"
                    } else if of(&files.client_crl) {
                        "client_crl"
                    } else {
                        "cert"
                    };
                    certs(&section, named, &e)
                })?;
                let server = Arc::new(server);
                if mode == "require" { ClientTls::Require(server) } else { ClientTls::Allow(server) }
            }
            ("allow" | "require", None, _) => {
                return Err(section.fault("cert", "is missing", "write cert = \"server.crt\", a PEM file; or mode = \"disable\""));
            }
            ("allow" | "require", _, None) => return Err(section.fault("key", "is missing", "write key = \"server.key\", a PEM file")),
            _ => return Err(section.fault("mode", format!("\"{mode}\" is unknown"), "disable | allow | require")),
        };
        section.finish()?;
        Ok((found, client_cert))
    }

    /// A secret's file, without the line's end.
    pub(super) fn secret(&mut self, section: &Section<'_>, key: &str, path: &str) -> Result<String, ConfigError> {
        let path = self.folder.join(path);
        let text = fs::read_to_string(&path)
            .map_err(|e| section.fault(key, format!("{}: {e}", path.display()), "write it there, readable by pgveil's user only"))?;
        self.warn_if_open(&path);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.contains(['\n', '\0']) {
            return Err(section.fault(key, format!("{}: is not one line", path.display()), "write the secret alone into it"));
        }
        Ok(line.to_owned())
    }

    pub(super) fn warn_if_open(&mut self, path: &Path) {
        if fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o007 != 0) {
            self.warnings.push(format!("{0} can be read by everybody on this machine: chmod 600 {0}", path.display()));
        }
    }
}

fn listen(root: &mut Section<'_>) -> Result<SocketAddr, ConfigError> {
    let text = root.text("listen")?.unwrap_or_else(|| "127.0.0.1:6432".into());
    let found = text.parse().ok().or_else(|| text.to_socket_addrs().ok().and_then(|mut all| all.next()));
    found.ok_or_else(|| root.fault("listen", format!("\"{text}\" is no address with a port"), "write listen = \"127.0.0.1:6432\""))
}

/// Whether an error about a pair of files is about the key's.
pub(super) fn is_about(error: &CertError, key: &Path) -> bool {
    matches!(error, CertError::Unreadable { path, .. } | CertError::Pem { path, .. } | CertError::NoKey { path } | CertError::BadKey { path, .. } if path == key)
}

pub(super) fn certs(section: &Section<'_>, key: &str, error: &CertError) -> ConfigError {
    section.fault(key, error.to_string(), error.remedy())
}
