//! What a client says whose messages nobody judges: the texts of Query and Parse are cut out as they pass.

use super::Auditor;
use super::line::SQL_LIMIT;

/// Reads one side of a session.
#[derive(Debug)]
pub struct Tap {
    auditor: Auditor,
    head: Vec<u8>,
    /// Of the present message, still to come.
    left: usize,
    /// Its body, where it is told: no more than is told of it.
    body: Option<Vec<u8>>,
}

/// The longest name of a statement that is looked past, bytes.
const NAME: usize = 1024;

impl Tap {
    /// From the first message after the login on.
    pub fn new(auditor: Auditor) -> Self {
        Tap { auditor, head: Vec::new(), left: 0, body: None }
    }

    /// Bytes that pass.
    pub fn over(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (part, rest) = bytes.split_at_checked(self.left).unwrap_or((bytes, &[]));
                if let Some(body) = &mut self.body {
                    // Longer by the end of the text, so that it shows that it is cut.
                    let room = SQL_LIMIT.saturating_add(NAME).saturating_add(2).saturating_sub(body.len());
                    body.extend_from_slice(part.get(..room).unwrap_or(part));
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
                self.body = matches!(tag, b'Q' | b'P').then(Vec::new);
                if self.left == 0 {
                    self.told();
                }
            }
        }
    }

    // The message is whole.
    fn told(&mut self) {
        let tag = self.head.first().copied().unwrap_or_default();
        self.head.clear();
        let Some(body) = self.body.take() else { return };
        let text = |from: &[u8]| from.split(|b| *b == 0).next().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
        let (kind, sql) = match tag {
            b'P' => ("parse", body.iter().position(|b| *b == 0).and_then(|end| body.get(end.saturating_add(1)..)).map(text)),
            _ => ("query", Some(text(&body))),
        };
        let sql = sql.unwrap_or_default();
        let mut line = self.auditor.line("statement", Some("passed")).sql(&sql);
        line.kind = Some(kind.into());
        self.auditor.audit.tell(&line);
    }
}
