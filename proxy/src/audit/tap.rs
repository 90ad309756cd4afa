//! What a client says whose messages nobody judges: the texts of Query and Parse are cut out as they pass.

use super::Auditor;
use super::line::SQL_LIMIT;

/// Bytes of a text that are kept: one more than is told of it, so that a character shows which does not fit.
const KEPT: usize = SQL_LIMIT + 1;

/// Reads one side of a session.
#[derive(Debug)]
pub struct Tap {
    auditor: Auditor,
    head: Vec<u8>,
    /// Of the present message, still to come.
    left: usize,
    /// Its text, where it has one.
    text: Option<Box<Text>>,
}

/// The text of a message, as far as it has come.
#[derive(Debug)]
struct Text {
    kind: &'static str,
    place: Place,
    /// Its beginning: [`KEPT`] bytes at most.
    beginning: Vec<u8>,
    /// How long it is.
    bytes: usize,
}

/// What comes next of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The name of a statement, of whatever length: Postgres reads 63 bytes of it, and past the others.
    Name,
    Text,
    Rest,
}

impl Tap {
    /// From the first message after the login on.
    pub fn new(auditor: Auditor) -> Self {
        Tap { auditor, head: Vec::new(), left: 0, text: None }
    }

    /// Bytes that pass.
    pub fn over(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (part, rest) = bytes.split_at_checked(self.left).unwrap_or((bytes, &[]));
                if let Some(text) = &mut self.text {
                    text.over(part);
                }
                self.left = self.left.saturating_sub(part.len());
                bytes = rest;
                if self.left == 0 {
                    self.told();
                }
                continue;
            }
            let (part, rest) = bytes.split_at_checked(5_usize.saturating_sub(self.head.len())).unwrap_or((bytes, &[]));
            self.head.extend_from_slice(part);
            bytes = rest;
            if let [tag, a, b, c, d] = self.head.as_slice() {
                self.left = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX).saturating_sub(4);
                self.text = Text::of(*tag).map(Box::new);
                if self.left == 0 {
                    self.told();
                }
            }
        }
    }

    // The message is whole.
    fn told(&mut self) {
        self.head.clear();
        let Some(text) = self.text.take() else { return };
        let sql = String::from_utf8_lossy(&text.beginning);
        let mut line = self.auditor.line("statement", Some("passed")).beginning(&sql, text.bytes);
        line.kind = Some(text.kind.into());
        self.auditor.audit.tell(&line);
    }
}

impl Text {
    fn of(tag: u8) -> Option<Text> {
        let (kind, place) = match tag {
            b'Q' => ("query", Place::Text),
            b'P' => ("parse", Place::Name),
            _ => return None,
        };
        Some(Text { kind, place, beginning: Vec::new(), bytes: 0 })
    }

    // Name and text end with a zero byte each.
    fn over(&mut self, mut body: &[u8]) {
        if self.place == Place::Name {
            let Some(end) = body.iter().position(|b| *b == 0) else { return };
            body = body.get(end.saturating_add(1)..).unwrap_or_default();
            self.place = Place::Text;
        }
        if self.place == Place::Text {
            let end = body.iter().position(|b| *b == 0);
            let part = end.and_then(|end| body.get(..end)).unwrap_or(body);
            let room = KEPT.saturating_sub(self.beginning.len());
            self.beginning.extend_from_slice(part.get(..room).unwrap_or(part));
            self.bytes = self.bytes.saturating_add(part.len());
            if end.is_some() {
                self.place = Place::Rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::super::chain::Chain;
    use super::super::line::Who;
    use super::super::{Audit, OnFailure};
    use super::*;
    use crate::config::SecretKey;
    use crate::wire::frame;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::put(&mut out, tag, |b| b.extend_from_slice(body));
        out
    }

    fn query(sql: &str) -> Vec<u8> {
        message(b'Q', format!("{sql}\0").as_bytes())
    }

    fn parse(name: usize, sql: &str) -> Vec<u8> {
        message(b'P', format!("{}\0{sql}\0\0\0", "n".repeat(name)).as_bytes())
    }

    /// Kind, text and `sql_bytes` of each line that is written for each of these messages, when they come in pieces of each size.
    fn told(name: &str, messages: &[Vec<u8>], sizes: &[usize]) -> Vec<Vec<(String, String, Option<u64>)>> {
        let file = std::env::temp_dir().join(format!("pgveil-tap-{name}-{}", std::process::id()));
        let _old = std::fs::remove_file(&file);
        let audit = Arc::new(Audit::open(&file, Chain::new(&SecretKey([1; 32])), OnFailure::Refuse, Arc::default()).unwrap());
        let who = Arc::new(Who {
            session: 1,
            user: "otto".to_owned(),
            role: None,
            database: None,
            peer: "here".to_owned(),
            application: None,
            exemption: None,
        });
        for size in sizes {
            let mut tap = Tap::new(Auditor { audit: Arc::clone(&audit), who: Arc::clone(&who) });
            messages.concat().chunks(*size).for_each(|piece| tap.over(piece));
        }
        audit.close();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|line| line["event"] == "statement");
        let member = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
        let all: Vec<_> = lines.map(|line| (member(&line, "kind"), member(&line, "sql"), line["sql_bytes"].as_u64())).collect();
        assert_eq!(all.len() % sizes.len(), 0);
        all.chunks(all.len() / sizes.len()).map(<[_]>::to_vec).collect()
    }

    #[test]
    fn a_text_is_told_whatever_the_statement_is_called() {
        let long = format!("SELECT '{}'", "x".repeat(200_000));
        let messages = [
            parse(0, "SELECT 0"),
            parse(67_000, "SELECT 1"),
            message(b'B', b"\0\0\0"),
            parse(1030, &long),
            parse(66_000, &long),
            query("SELECT 2"),
            query(&long),
            query(""),
            message(b'Q', b"SELECT 3\0SELECT 4\0"),
            message(b'P', b"a name without an end"),
            message(b'Q', b""),
            message(b'S', b""),
        ];
        let cut = long.get(..SQL_LIMIT).unwrap();
        let parsed = |sql: &str, bytes: Option<u64>| ("parse".to_owned(), sql.to_owned(), bytes);
        let asked = |sql: &str, bytes: Option<u64>| ("query".to_owned(), sql.to_owned(), bytes);
        let expected = [
            parsed("SELECT 0", None),
            parsed("SELECT 1", None),
            parsed(cut, Some(200_009)),
            parsed(cut, Some(200_009)),
            asked("SELECT 2", None),
            asked(cut, Some(200_009)),
            asked("", None),
            asked("SELECT 3", None),
            parsed("", None),
            asked("", None),
        ];
        let sizes = [1, 2, 3, 7, 1000, 65_536, 10_000_000];
        for (size, told) in sizes.iter().zip(told("name", &messages, &sizes)) {
            assert!(told == expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        // Of one byte more than is told, of exactly that, and with the limit in the middle of a character.
        let fits = "y".repeat(SQL_LIMIT);
        let texts: Vec<String> =
            (0..4).map(|n| format!("{}{}", "y".repeat(n), "𝄞".repeat(SQL_LIMIT / 4))).chain([fits.clone(), fits + "y"]).collect();
        let messages: Vec<_> = texts.iter().map(|text| parse(3, text)).collect();
        for lines in told("cut", &messages, &[1, 1001, 10_000_000]) {
            assert_eq!(lines.len(), texts.len());
            for ((_, sql, bytes), text) in lines.into_iter().zip(&texts) {
                assert!(text.starts_with(&sql) && sql.len() > SQL_LIMIT - 4, "{} of {} bytes", sql.len(), text.len());
                assert_eq!(bytes, (text.len() > SQL_LIMIT).then_some(text.len() as u64));
            }
        }
    }
}
