//! `--database-url`: a connection URI (PostgreSQL documentation, 34.1.1.2), as far as pgveil takes one.

use std::path::Path;

use toml_edit::{DocumentMut, Table, value};

use super::passfile;
use crate::config::{Config, UpstreamConfig};
use crate::error::ConfigError;

/// Where a database is, and who logs in there.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::command) struct Target {
    /// A host, or the folder of a Unix socket.
    pub(in crate::command) host: String,
    pub(in crate::command) port: u16,
    pub(in crate::command) user: String,
    pub(in crate::command) database: String,
    pub(in crate::command) password: Option<String>,
    tls: String,
    ca: Option<String>,
    cert: Option<(String, String)>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("host", &self.host).field("user", &self.user).finish_non_exhaustive()
    }
}

const PARAMETERS: &str = "host, port, user, dbname, sslmode, sslrootcert, sslcert and sslkey";

impl Target {
    /// Reads a URL; what it leaves out comes from the environment, as for libpq.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(in crate::command) fn parse(url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Target, String> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or("--database-url begins with postgres://")?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = authority.rsplit_once('@').map_or(("", authority), |(who, place)| (who, place));
        let no_password = || {
            "no password on the command line, where everybody on this machine can read it: set PGPASSWORD, or write it to ~/.pgpass"
                .to_owned()
        };
        if who.contains(':') {
            return Err(no_password());
        }
        if place.contains(',') {
            return Err("--database-url names one host".to_owned());
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(address) => {
                let (host, port) = address.split_once(']').ok_or("an IPv6 address ends with ]")?;
                (host, port.strip_prefix(':'))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let text = |text: &str| Some(text).filter(|t| !t.is_empty()).map(decoded).transpose();
        let (mut host, mut port, mut user, mut database) = (text(host)?, port.map(str::to_owned), text(who)?, text(database)?);
        let (mut mode, mut ca, mut cert, mut key) = (None, None, None, None);
        for pair in parameters.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("the parameter {pair} of --database-url has no value"))?;
            let place = match name {
                "host" => &mut host,
                "port" => &mut port,
                "user" => &mut user,
                "dbname" => &mut database,
                "sslmode" => &mut mode,
                "sslrootcert" => &mut ca,
                "sslcert" => &mut cert,
                "sslkey" => &mut key,
                "password" => return Err(no_password()),
                other => return Err(format!("--database-url does not take the parameter {other}; known are {PARAMETERS}")),
            };
            *place = Some(decoded(value)?);
        }
        let host = host.or_else(|| environment("PGHOST")).unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = port.or_else(|| environment("PGPORT")).unwrap_or_else(|| "5432".to_owned());
        let port = port.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| format!("{port} is no port"))?;
        let user = user.or_else(|| environment("PGUSER")).or_else(|| environment("USER"));
        let user = user.ok_or("--database-url names no user: write postgres://user@host/name")?;
        let database = database.or_else(|| environment("PGDATABASE")).unwrap_or_else(|| user.clone());
        let mode = mode.or_else(|| environment("PGSSLMODE"));
        let tls = mode_of(mode, &host, ca.is_some())?;
        let cert = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => return Err("sslcert and sslkey go together".to_owned()),
        };
        let password = environment("PGPASSWORD").or_else(|| passfile::find(environment, &host, port, &database, &user));
        let ca = ca.filter(|_| tls != "require" && tls != "disable");
        Ok(Target { host, port, user, database, password, tls, ca, cert })
    }

    /// The same as the table `[upstream]` of a configuration. Paths are absolute: a file of it may lie anywhere.
    pub(in crate::command) fn table(&self) -> Table {
        let mut upstream = Table::new();
        let path = |text: &str| std::path::absolute(text).map_or_else(|_| text.to_owned(), |p| p.display().to_string());
        upstream.insert("host", value(&self.host));
        upstream.insert("port", value(i64::from(self.port)));
        upstream.insert("user", value(&self.user));
        upstream.insert("tls", value(&self.tls));
        if let Some(ca) = &self.ca {
            upstream.insert("ca", value(path(ca)));
        }
        if let Some((cert, key)) = &self.cert {
            upstream.insert("cert", value(path(cert)));
            upstream.insert("key", value(path(key)));
        }
        upstream
    }

    /// How to log in there.
    ///
    /// # Errors
    /// A file that it names is not what it should be.
    pub(in crate::command) fn upstream(&self) -> Result<UpstreamConfig, ConfigError> {
        let mut document = DocumentMut::new();
        document.insert("upstream", self.table().into());
        let environment = |name: &str| if name == "PGVEIL_UPSTREAM_PASSWORD" { self.password.clone() } else { None };
        Config::upstream_of(Path::new("--database-url"), &document, &environment)
    }
}

/// `sslmode`: none that falls back to plain where the server or somebody between says so.
fn mode_of(mode: Option<String>, host: &str, ca: bool) -> Result<String, String> {
    let here = host.starts_with('/') || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match mode.as_deref() {
        Some(mode @ ("disable" | "require")) => Ok(mode.to_owned()),
        Some(mode @ ("verify-ca" | "verify-full")) if ca => Ok(mode.to_owned()),
        Some(mode @ ("verify-ca" | "verify-full")) => {
            Err(format!("sslmode={mode} needs sslrootcert=FILE, the root that signed the server's certificate"))
        }
        Some("allow" | "prefer") if here => Ok("disable".to_owned()),
        Some(mode @ ("allow" | "prefer")) => Err(format!(
            "sslmode={mode} may end without TLS: write sslmode=verify-full&sslrootcert=FILE, or sslmode=require, which believes whoever answers"
        )),
        Some(other) => Err(format!("sslmode={other} is unknown: disable, require, verify-ca or verify-full")),
        None if ca => Ok("verify-full".to_owned()),
        None if here => Ok("disable".to_owned()),
        None => Err(format!(
            "{host} is another machine: write ?sslmode=verify-full&sslrootcert=FILE, or sslmode=require, which believes whoever answers"
        )),
    }
}

/// Without percent signs.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("{text} has a % that no two hexadecimal digits follow");
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
        out.push(high.wrapping_shl(4) | low);
    }
    String::from_utf8(out).ok().filter(|t| !t.contains('\0')).ok_or_else(|| format!("{text} is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, String> {
        Target::parse(url, &|name| (name == "PGPASSWORD").then(|| "pw".to_owned()))
    }

    #[test]
    fn a_url_is_taken_apart() {
        let target = parse("postgresql://an%40a@db.example:6000/my%20db?sslmode=verify-full&sslrootcert=/ca.pem").unwrap();
        assert_eq!(
            (target.host.as_str(), target.port, target.user.as_str(), target.database.as_str()),
            ("db.example", 6000, "an@a", "my db")
        );
        assert_eq!((target.tls.as_str(), target.ca.as_deref(), target.password.as_deref()), ("verify-full", Some("/ca.pem"), Some("pw")));
        let target = parse("postgres://ana@[::1]/").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.database.as_str(), target.tls.as_str()), ("::1", 5432, "ana", "disable"));
        let target = parse("postgres://ana@/shop?host=/var/run/postgresql").unwrap();
        assert_eq!((target.host.as_str(), target.tls.as_str()), ("/var/run/postgresql", "disable"));
        assert!(target.upstream().is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, words) in [
            ("mysql://x", "begins with postgres://"),
            ("postgres://ana:secret@h/d", "no password on the command line"),
            ("postgres://ana@h/d?password=secret", "no password on the command line"),
            ("postgres://ana@h/d", "is another machine"),
            ("postgres://ana@h/d?sslmode=prefer", "may end without TLS"),
            ("postgres://ana@h/d?sslmode=verify-full", "needs sslrootcert"),
            ("postgres://ana@h/d?sslmode=on", "is unknown"),
            ("postgres://ana@h/d?options=-csearch_path", "does not take the parameter options"),
            ("postgres://ana@h:0/d", "is no port"),
            ("postgres://ana@a,b/d", "names one host"),
            ("postgres://127.0.0.1/d", "names no user"),
            ("postgres://a%4@127.0.0.1/d", "hexadecimal"),
            ("postgres://a%ff@127.0.0.1/d", "no UTF-8"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains(words), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
