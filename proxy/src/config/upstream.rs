//! `[upstream]` and `[auth]`: the server, the accounts on it, and users that it knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pgveil_certs::Verify;
use zeroize::Zeroizing;

use super::load::{Load, certs, is_about};
use super::section::Section;
use super::{Account, Address, AuthConfig, ChannelBinding, LogsIn, UpstreamConfig, UpstreamTls};
use crate::error::ConfigError;

/// Asks the catalog itself, with all groups that somebody is in, directly or through others.
const QUERY: &str = "\
WITH RECURSIVE member (oid) AS ( \
 SELECT a.roleid FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_authid u ON u.oid = a.member WHERE u.rolname = $1 \
 UNION SELECT a.roleid FROM pg_catalog.pg_auth_members a JOIN member m ON a.member = m.oid) \
SELECT rolname, rolpassword, rolvaliduntil, ARRAY(SELECT g.rolname FROM pg_catalog.pg_authid g JOIN member USING (oid)) AS groups \
FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin";

/// How the server's certificate is verified.
enum Verified {
    Not,
    Ca(PathBuf),
    Full(PathBuf),
}

impl Load<'_> {
    pub(super) fn upstream(&mut self, root: &mut Section<'_>) -> Result<(UpstreamConfig, Option<AuthConfig>), ConfigError> {
        let mut section = root.section("upstream")?;
        let host = section.required("host", "127.0.0.1")?;
        let port = u16::try_from(section.number("port", 1..=65_535, 5432)?).unwrap_or(5432);
        let address = if host.starts_with('/') { Address::Unix(PathBuf::from(&host), port) } else { Address::Tcp(host, port) };
        let verified = self.verified(&mut section, &address)?;
        let bindings = [("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require), ("disable", ChannelBinding::Disable)];
        let channel_binding = section.choice("channel_binding", &bindings, ChannelBinding::Prefer)?;
        if channel_binding == ChannelBinding::Require && verified.is_none() {
            return Err(section.fault("channel_binding", "there is no TLS to bind to", "write tls = \"verify-full\", or leave it out"));
        }
        let (login, identity) = (self.login(&mut section)?.unwrap_or(LogsIn::Account), section.flag("identity", true)?);
        let application_name = self.application_name(&mut section)?;
        let mut account = self.account(&mut section, verified.as_ref())?;
        if let Some(password) = (self.environment)("PGVEIL_UPSTREAM_PASSWORD") {
            account.password = Some(Zeroizing::new(password));
        }
        let plain = match (&verified, &account.tls) {
            (Some(verified), None) => Some(self.shown(&section, verified, None)?),
            (_, shown) => shown.clone(),
        };
        let (mut accounts, mut logins) = (HashMap::new(), HashMap::new());
        let mut others = section.section("account")?;
        for role in others.keys() {
            let mut other = others.section(&role)?;
            let login = self.login(&mut other)?;
            if login == Some(LogsIn::User) {
                if let Some(key) = ["user", "password_file", "cert", "key"].into_iter().find(|key| other.keys().iter().any(|k| k == key)) {
                    return Err(other.fault(key, "does not go with login = \"user\"", "leave one of the two out"));
                }
            } else {
                accounts.insert(role.clone(), self.account(&mut other, verified.as_ref())?);
            }
            other.finish()?;
            logins.extend(login.map(|login| (role, login)));
        }
        section.finish()?;
        let upstream = UpstreamConfig {
            address,
            tls: plain,
            account,
            accounts,
            channel_binding,
            login,
            logins,
            identity,
            application_name,
            timeout: Duration::from_secs(15),
            login_timeout: Duration::from_secs(60),
            is_old: Arc::default(),
        };
        let auth = self.auth(root, verified.as_ref(), &upstream.account)?;
        Ok((upstream, auth))
    }

    fn login(&mut self, section: &mut Section<'_>) -> Result<Option<LogsIn>, ConfigError> {
        section.choice("login", &[("service", Some(LogsIn::Account)), ("user", Some(LogsIn::User))], None)
    }

    fn application_name(&mut self, section: &mut Section<'_>) -> Result<Option<String>, ConfigError> {
        let key = "application_name";
        let Some(template) = section.text(key)? else { return Ok(None) };
        let bare = ["{application}", "{user}", "{role}"].iter().fold(template.clone(), |rest, known| rest.replace(known, ""));
        if bare.contains(['{', '}']) || !bare.chars().all(|c| matches!(c, ' '..='~')) {
            let remedy = "write \"{application} ({user}, {role})\": these three names, and ASCII around them";
            return Err(section.fault(key, "has another name in braces, or a character that is not ASCII", remedy));
        }
        Ok(Some(template))
    }

    /// `[auth]`.
    fn auth(&mut self, root: &mut Section<'_>, verified: Option<&Verified>, service: &Account) -> Result<Option<AuthConfig>, ConfigError> {
        let mut section = root.section("auth")?;
        if !section.is_there() {
            return Ok(None);
        }
        let query = section.text("query")?.unwrap_or_else(|| QUERY.to_owned());
        if !query.contains("$1") {
            let remedy = "write $1 where the user's name belongs, without quotes";
            return Err(section.fault("query", "has no parameter $1", remedy));
        }
        let database = section.text("database")?.unwrap_or_else(|| "postgres".to_owned());
        let account = if section.keys().iter().any(|key| key == "user") { self.account(&mut section, verified)? } else { service.clone() };
        let seconds = section.number("cache_seconds", 0..=3600, 10)?;
        let default_role = section.text("default_role")?;
        let all_roles = section.flag("all_roles", false)?;
        let mut roles = section.section("roles")?;
        let mut groups = Vec::new();
        for group in roles.keys() {
            let role = roles.required(&group, "analyst")?;
            groups.push((group, role));
        }
        roles.finish()?;
        if groups.is_empty() && default_role.is_none() {
            let remedy = "write [auth.roles] with GROUP = \"ROLE\", or default_role = \"ROLE\"";
            return Err(section.fault("roles", "nothing says which role the database's users have", remedy));
        }
        section.finish()?;
        let keep = Duration::from_secs(seconds.unsigned_abs());
        Ok(Some(AuthConfig { query, database, account, keep, groups, all_roles, default_role }))
    }

    fn account(&mut self, section: &mut Section<'_>, verified: Option<&Verified>) -> Result<Account, ConfigError> {
        let user = section.required("user", "pgveil")?;
        let password = match section.text("password_file")? {
            Some(path) => Some(Zeroizing::new(self.secret(section, "password_file", &path)?)),
            None => None,
        };
        let [cert, key] = ["cert", "key"].map(|key| section.text(key));
        let tls = match (cert?, key?, verified) {
            (None, None, _) => None,
            (Some(cert), Some(key), Some(verified)) => {
                let (cert, key) = (self.folder.join(cert), self.folder.join(key));
                self.warn_if_open(&key);
                Some(self.shown(section, verified, Some((&cert, &key)))?)
            }
            (Some(_), Some(_), None) => return Err(section.fault("cert", "is not shown without TLS", "leave it out, or write tls")),
            (Some(_), None, _) => return Err(section.fault("key", "is missing", "write key = \"client.key\", a PEM file")),
            (None, Some(_), _) => return Err(section.fault("cert", "is missing", "write cert = \"client.crt\", a PEM file")),
        };
        Ok(Account { user, password, tls, salted: Arc::default() })
    }

    fn verified(&mut self, section: &mut Section<'_>, address: &Address) -> Result<Option<Verified>, ConfigError> {
        let ca = section.text("ca")?.map(|path| self.folder.join(path));
        let default = if matches!(address, Address::Unix(..)) { "disable" } else { "verify-full" };
        let mode = section.text("tls")?.unwrap_or_else(|| default.into());
        match (mode.as_str(), ca) {
            ("disable", _) => Ok(None),
            ("require" | "verify-ca" | "verify-full", _) if matches!(address, Address::Unix(..)) => {
                Err(section.fault("tls", "a Unix socket has no TLS", "write tls = \"disable\""))
            }
            ("require", Some(_)) => {
                Err(section.fault("ca", "is not looked at with tls = \"require\"", "write tls = \"verify-full\", or leave ca out"))
            }
            ("require", None) => {
                self.warnings.push("upstream.tls = \"require\" believes whoever answers; verify-full does not".into());
                Ok(Some(Verified::Not))
            }
            ("verify-ca", Some(ca)) => Ok(Some(Verified::Ca(ca))),
            ("verify-full", Some(ca)) => Ok(Some(Verified::Full(ca))),
            ("verify-ca" | "verify-full", None) => {
                let remedy =
                    "name the PEM file of the root that signed the server's certificate; or write tls = \"disable\" on a private network";
                Err(section.fault("ca", format!("is missing, and tls is \"{mode}\""), remedy))
            }
            _ => Err(section.fault("tls", format!("\"{mode}\" is unknown"), "disable | require | verify-ca | verify-full")),
        }
    }

    /// TLS that verifies as asked; `own`: a certificate and its key to show.
    fn shown(&self, section: &Section<'_>, verified: &Verified, own: Option<(&Path, &Path)>) -> Result<UpstreamTls, ConfigError> {
        let verify = match verified {
            Verified::Not => Verify::Nothing,
            Verified::Ca(ca) => Verify::Ca(ca),
            Verified::Full(ca) => Verify::Full(ca),
        };
        // First without: what fails then is about the root.
        let checked = pgveil_certs::client::config(verify).map_err(|e| (e, "ca"));
        let client = match own {
            None => checked,
            Some((_, key)) => checked.and_then(|_| {
                pgveil_certs::client::config_of(verify, own).map_err(|e| {
                    let named = if is_about(&e, key) { "key" } else { "cert" };
                    (e, named)
                })
            }),
        };
        client.map(|client| UpstreamTls { client }).map_err(|(e, key)| certs(section, key, &e))
    }
}
