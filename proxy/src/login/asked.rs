//! What a StartupMessage asks for, before anybody is known.

use super::startup::{NEWEST_MINOR, Startup};
use crate::error::LoginError;
use crate::fatal::Fatal;
use crate::wire::frame;

/// What a StartupMessage asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) user: String,
    pub(super) database: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) minor: u16,
    asked_minor: u16,
    /// `_pq_.` options; we know none.
    unknown: Vec<String>,
}

impl Asked {
    pub(super) fn from(startup: Startup) -> Result<Asked, LoginError> {
        let refused = |code, message: &str| Err(LoginError::Refused(Fatal::new(code, message)));
        let (mut user, mut database) = (None, None);
        let (mut parameters, mut unknown) = (Vec::new(), Vec::new());
        for (name, value) in startup.parameters {
            match name.as_str() {
                "user" => user = Some(value),
                "database" => database = Some(value),
                "replication" if matches!(value.to_ascii_lowercase().as_str(), "false" | "off" | "no" | "0") => {}
                "replication" => return refused("0A000", "replication connections are not supported: they would bypass every mask"),
                pq if pq.starts_with("_pq_.") => unknown.push(name),
                _ => parameters.push((name, value)),
            }
        }
        let Some(user) = user.filter(|user| !user.is_empty()) else {
            return refused("28000", "no user name specified in the startup packet");
        };
        let database = database.filter(|database| !database.is_empty()).unwrap_or_else(|| user.clone());
        if database.len() > 63 {
            // The server would cut it and open another database than the one that was named.
            return refused("42622", "the database name is longer than 63 bytes");
        }
        Ok(Asked { user, database, parameters, minor: startup.minor.min(NEWEST_MINOR), asked_minor: startup.minor, unknown })
    }

    /// NegotiateProtocolVersion, where the client asked for more than we know. The version is written in full, as Postgres
    /// does, though its documentation calls it the minor one.
    pub(super) fn negotiate(&self) -> Option<Vec<u8>> {
        if self.asked_minor <= NEWEST_MINOR && self.unknown.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        frame::put(&mut out, b'v', |body| {
            body.extend_from_slice(&((3_u32 << 16) | u32::from(self.minor)).to_be_bytes());
            body.extend_from_slice(&u32::try_from(self.unknown.len()).unwrap_or(u32::MAX).to_be_bytes());
            for name in &self.unknown {
                body.extend_from_slice(name.as_bytes());
                body.push(0);
            }
        });
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(minor: u16, parameters: &[(&str, &str)]) -> Result<Asked, String> {
        let parameters = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Asked::from(Startup { minor, parameters }).map_err(|e| e.fatal().unwrap().code)
    }

    #[test]
    fn newer_versions_and_unknown_options_are_negotiated() {
        assert_eq!(asked(0, &[("user", "ana")]).unwrap().negotiate(), None);
        assert_eq!(asked(2, &[("user", "ana")]).unwrap().negotiate(), None);
        let newer = asked(9999, &[("user", "ana"), ("_pq_.x", "1"), ("a", "b")]).unwrap();
        assert_eq!(newer.negotiate().unwrap(), b"v\0\0\0\x13\0\x03\0\x02\0\0\0\x01_pq_.x\0");
        assert_eq!((newer.minor, newer.parameters.len()), (2, 1));
        assert_eq!(asked(0, &[("user", "ana"), ("_pq_.x", "1")]).unwrap().negotiate().unwrap()[5..9], [0, 3, 0, 0]);
    }

    #[test]
    fn a_startup_needs_a_user_and_no_replication() {
        assert_eq!(asked(0, &[("user", "ana")]).unwrap().database, "ana");
        assert_eq!(asked(0, &[("user", "ana"), ("database", "shop")]).unwrap().database, "shop");
        assert_eq!(asked(0, &[("database", "shop")]).unwrap_err(), "28000");
        assert_eq!(asked(0, &[("user", "")]).unwrap_err(), "28000");
        for value in ["true", "database", "1", "on", ""] {
            assert_eq!(asked(0, &[("user", "ana"), ("replication", value)]).unwrap_err(), "0A000");
        }
        assert!(asked(0, &[("user", "ana"), ("replication", "false")]).is_ok());
        assert_eq!(asked(0, &[("user", &"d".repeat(64))]).unwrap_err(), "42622");
    }
}
