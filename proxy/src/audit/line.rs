//! What a line says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pgveil_policy::read::secrets::without_passwords;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Of a statement's text no more bytes than this are written.
pub const SQL_LIMIT: usize = 64 * 1024;

/// One line. What is `None` is left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Line<'a> {
    /// When, RFC 3339 in UTC.
    time: String,
    /// `statement`, `login`, `logout`, `policy`, `opened`, `lost`.
    event: &'static str,
    /// Who; not for events of the process.
    #[serde(flatten)]
    pub who: Option<&'a Who>,
    /// What kind of statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
    /// The schemas that names are looked up in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_path: Option<&'a [String]>,
    /// The client's text, without passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<Cow<'a, str>>,
    /// How long the text is, in bytes, where it is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    sql_bytes: Option<usize>,
    /// `sent`, `refused`, `veto`; `accepted` and `denied` of a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The stable id of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'static str>,
    /// SQLSTATE of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Protected columns among the result's, with the rule's mask.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// BLAKE3 of the policy's text, the first 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// How something ended, or why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long a session was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many lines are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
}

/// Whose line it is.
#[derive(Debug, Clone, Serialize)]
pub struct Who {
    /// The session's number in this process.
    pub session: u64,
    /// The user's name.
    pub user: String,
    /// The role that is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Where the client connects from.
    pub peer: String,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Why it sees more than its role, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
}

impl<'a> Line<'a> {
    /// Of this moment.
    pub fn new(event: &'static str, who: Option<&'a Who>) -> Self {
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        Line { time, event, who, ..Line::default() }
    }

    /// With a statement's text.
    #[must_use]
    pub fn sql(self, text: &'a str) -> Self {
        self.beginning(text, text.len())
    }

    /// With the beginning of a statement's text, which has so many bytes.
    #[must_use]
    pub fn beginning(mut self, text: &'a str, bytes: usize) -> Self {
        // Cut first: what is behind is not written, so that nobody has to read it.
        let end = (0..=SQL_LIMIT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let cut = text.get(..end).unwrap_or_default();
        self.sql_bytes = (cut.len() < text.len().max(bytes)).then_some(bytes);
        self.sql = Some(without_passwords(cut));
        self
    }

    /// With the hash of the policy.
    #[must_use]
    pub fn policy(mut self, hash: &str) -> Self {
        self.policy = Some(hash.chars().take(16).collect());
        self
    }

    /// The members of the object, without its braces.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let object = serde_json::to_vec(self).unwrap_or_default();
        object.strip_prefix(b"{").and_then(|o| o.strip_suffix(b"}")).map(<[u8]>::to_vec).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_members_in_a_fixed_order() {
        let who = Who {
            session: 3,
            user: "ana\n\"".to_owned(),
            role: Some("analyst".to_owned()),
            database: None,
            peer: "p".to_owned(),
            application: None,
            exemption: None,
        };
        let mut line = Line::new("statement", Some(&who)).sql("SELECT '\u{0}é'").policy(&"0123456789".repeat(4));
        line.time = "T".to_owned();
        line.outcome = Some("sent");
        assert_eq!(
            String::from_utf8(line.bytes()).unwrap(),
            r#""time":"T","event":"statement","session":3,"user":"ana\n\"","role":"analyst","peer":"p","sql":"SELECT '\u0000é'","outcome":"sent","policy":"0123456789012345""#
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_its_password_is_not_written() {
        let long = "é".repeat(SQL_LIMIT);
        let line = Line::new("statement", None).sql(&long);
        assert_eq!((line.sql.unwrap().len(), line.sql_bytes), (SQL_LIMIT, Some(2 * SQL_LIMIT)));
        // Cut within the constant.
        let long = format!("ALTER ROLE a PASSWORD '{}'", "secret".repeat(SQL_LIMIT));
        assert!(!Line::new("statement", None).sql(&long).sql.unwrap().contains("secret"));
    }
}
