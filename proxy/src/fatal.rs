//! What a client is told before its connection closes: the words are chosen here, by allowlist.

use crate::error::{LoginError, ProtocolError, Refused, UpstreamError};
use crate::wire::frame;

/// A FATAL ErrorResponse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// SQLSTATE.
    pub code: String,
    /// One line.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do instead.
    pub hint: Option<String>,
}

impl Fatal {
    /// Without a detail and a hint.
    pub fn new(code: &str, message: impl Into<String>) -> Fatal {
        Fatal { code: code.to_owned(), message: message.into(), detail: None, hint: None }
    }

    /// 57P01: the process stops.
    pub fn shutdown() -> Fatal {
        Fatal::new("57P01", "terminating connection because pgveil is shutting down")
    }

    /// Adds what to do instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Fatal {
        self.hint = Some(hint.into());
        self
    }

    /// The ErrorResponse.
    pub fn frame(&self) -> Vec<u8> {
        let mut out = Vec::new();
        frame::put(&mut out, b'E', |body| {
            let more = [(b'D', self.detail.as_deref()), (b'H', self.hint.as_deref())];
            let more = more.into_iter().filter_map(|(tag, text)| Some((tag, text?)));
            let fields = [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', self.code.as_str()), (b'M', self.message.as_str())];
            for (tag, text) in fields.into_iter().chain(more) {
                body.push(tag);
                // A zero byte would end the field early.
                body.extend(text.bytes().filter(|b| *b != 0));
                body.push(0);
            }
            body.push(0);
        });
        out
    }
}

impl From<&ProtocolError> for Fatal {
    fn from(error: &ProtocolError) -> Fatal {
        Fatal::new("08P01", error.to_string())
    }
}

impl LoginError {
    /// What the client is told; `None` where nobody is there any more.
    pub fn fatal(&self) -> Option<Fatal> {
        match self {
            LoginError::Denied { user, .. } => Some(Fatal::new("28P01", format!("password authentication failed for user \"{user}\""))),
            LoginError::TlsRequired => {
                Some(Fatal::new("28000", "this server takes encrypted connections only").hint("Connect with sslmode=require or higher."))
            }
            LoginError::Protocol(error) => Some(error.into()),
            LoginError::Refused(fatal) => Some(fatal.clone()),
            LoginError::Io(_) => None,
        }
    }
}

/// SQLSTATEs of a server's startup whose message holds nothing but what the client sent, or nothing at all.
const HARMLESS: &[&str] = &["22023", "3D000", "42501", "42704", "53300", "55000", "57P01", "57P02", "57P03"];

impl UpstreamError {
    /// What the client is told. `protected`: its role has masks, so addresses and accounts of the inside are none of its business.
    pub fn fatal(&self, protected: bool) -> Fatal {
        let (code, words) = match self {
            UpstreamError::Unreachable { .. } => ("08006", "cannot reach the database server"),
            UpstreamError::Slow { .. } => ("08006", "the database server is too slow to let you in"),
            UpstreamError::Busy { .. } => ("53300", "too many others are logging in with the database server; try again later"),
            UpstreamError::Tls(_) => ("08006", "no TLS connection to the database server"),
            UpstreamError::Login(_) => ("08006", "cannot log in to the database server"),
            UpstreamError::Protocol(_) => ("08006", "cannot speak with the database server"),
            UpstreamError::Policy { .. } => ("F0000", "pgveil's policy does not fit this database"),
            UpstreamError::Io(_) => ("08006", "the connection to the database server was lost"),
            // Our account, not the client's.
            UpstreamError::Refused(report) if report.code.starts_with("28") => {
                ("08006", "the database server does not accept pgveil's account")
            }
            UpstreamError::Refused(report) if !protected => {
                let Refused { code, message, detail, hint } = report.as_ref().clone();
                return Fatal { code, message, detail, hint };
            }
            // "too many connections for role": whose, is of the inside.
            UpstreamError::Refused(report) if report.code == "53300" && report.message.contains(" role ") => {
                return Fatal::new(&report.code, "sorry, too many clients already");
            }
            UpstreamError::Refused(report) if HARMLESS.contains(&report.code.as_str()) => {
                return Fatal::new(&report.code, &report.message);
            }
            UpstreamError::Refused(report) => (report.code.as_str(), "the database server refused the connection"),
            UpstreamError::User { code, .. } => (code.as_str(), "the database server does not take your login"),
        };
        if protected {
            Fatal::new(code, words).hint("pgveil's log says more: ask whoever runs it.")
        } else {
            Fatal::new(code, format!("{words}: {self}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_fields_and_no_zero_byte_in_them() {
        let bytes = Fatal::new("28000", "a\0b").hint("h").frame();
        assert_eq!(&bytes[5..], b"SFATAL\0VFATAL\0C28000\0Mab\0Hh\0\0");
        assert_eq!(frame::cut(&bytes, 1000).unwrap().unwrap().0.total, bytes.len());
    }

    #[test]
    fn a_role_with_masks_hears_nothing_of_the_inside() {
        let refused = |code: &str| {
            let report = Refused { code: code.into(), message: "inside".into(), detail: Some("inside, too".into()), hint: None };
            UpstreamError::Refused(Box::new(report))
        };
        let user = UpstreamError::User { user: "ana".into(), code: "28000".into(), why: "inside".into() };
        assert_eq!(user.fatal(true).code, "28000");
        let unreachable =
            UpstreamError::Unreachable { address: "inside:5432".into(), source: std::io::ErrorKind::ConnectionRefused.into() };
        let slow = UpstreamError::Slow { address: "inside:5432".into(), seconds: 60 };
        for error in [unreachable, slow, UpstreamError::Tls("inside".into()), user, refused("28P01"), refused("P0001"), refused("XX000")] {
            assert!(!format!("{:?}", error.fatal(true)).contains("inside"), "{error}");
            assert!(format!("{:?}", error.fatal(false)).contains("inside"), "{error}");
        }
        assert_eq!(refused("3D000").fatal(true), Fatal::new("3D000", "inside"));
        let message = "too many connections for role \"inside\"".to_owned();
        let full = UpstreamError::Refused(Box::new(Refused { code: "53300".into(), message, detail: None, hint: None }));
        assert_eq!(full.fatal(true), Fatal::new("53300", "sorry, too many clients already"));
        assert!(full.fatal(false).message.contains("inside"));
        assert_eq!(refused("3D000").fatal(false).detail.as_deref(), Some("inside, too"));
        assert_eq!(refused("28P01").fatal(true).code, "08006");
    }
}
