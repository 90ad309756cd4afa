//! What the server answers, and what pgveil says in its place.

use pgveil_policy::Refusal;

use super::cursor::Cursor;
use super::{frame, message::put_cstring};

/// An ErrorResponse or NoticeResponse: its fields in order, each a type byte and a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Field type and text (PostgreSQL documentation, 55.8).
    pub fields: Vec<(u8, Vec<u8>)>,
}

impl Report {
    /// Decodes the body of `E` or `N`; `None` where it is malformed.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let mut c = Cursor::new(body);
        let mut fields = Vec::new();
        loop {
            match c.u8()? {
                0 => return c.end(Report { fields }),
                tag => fields.push((tag, c.cstring()?.to_vec())),
            }
        }
    }

    /// The fields that stand whole in the front of a body. Where that is not all of them, a context is among those that it has: who it
    /// was that said so would stand behind.
    pub fn decode_front(front: &[u8]) -> Self {
        let mut c = Cursor::new(front);
        let mut report = Report::default();
        loop {
            match c.u8() {
                Some(0) => return report,
                Some(tag) => match c.cstring() {
                    Some(text) => report.fields.push((tag, text.to_vec())),
                    None => break,
                },
                None => break,
            }
        }
        report.fields.push((b'W', "…".into()));
        report
    }

    /// The text of a field.
    pub fn field(&self, tag: u8) -> Option<&[u8]> {
        self.fields.iter().find(|(t, _)| *t == tag).map(|(_, text)| text.as_slice())
    }

    /// The SQLSTATE; empty where there is none.
    pub fn code(&self) -> &[u8] {
        self.field(b'C').unwrap_or_default()
    }

    /// The severity that is never translated.
    pub fn severity(&self) -> &[u8] {
        self.field(b'V').or_else(|| self.field(b'S')).unwrap_or_default()
    }

    /// Ends the session.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity(), b"FATAL" | b"PANIC")
    }

    /// Words of our own.
    pub fn ours(severity: &str, code: &str, message: &str) -> Self {
        let fields = [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)];
        Report { fields: fields.into_iter().map(|(tag, text)| (tag, clean(text))).collect() }
    }

    /// A refusal, as the error that the client sees.
    pub fn of(refusal: &Refusal) -> Self {
        let mut report = Report::ours("ERROR", refusal.code.0, &refusal.message);
        let more = [
            (b'D', refusal.detail.clone()),
            (b'H', refusal.hint_with_id()),
            (b'P', refusal.position.map(|p| p.to_string())),
            (b'R', Some(refusal.id.to_owned())),
        ];
        report.fields.extend(more.into_iter().filter_map(|(tag, text)| Some((tag, clean(&text?)))));
        report
    }

    /// Moves its position, if it has one, so many characters on.
    pub fn shift(&mut self, characters: usize) {
        for (_, text) in self.fields.iter_mut().filter(|(tag, _)| *tag == b'P') {
            if let Some(place) = std::str::from_utf8(text).ok().and_then(|p| p.parse::<usize>().ok()) {
                *text = place.saturating_add(characters).to_string().into_bytes();
            }
        }
    }

    /// Appends it as a message of type `tag`, `E` or `N`.
    pub fn put(&self, out: &mut Vec<u8>, tag: u8) {
        frame::put(out, tag, |b| {
            for (field, text) in &self.fields {
                b.push(*field);
                put_cstring(b, text);
            }
            b.push(0);
        });
    }
}

// A zero byte would end the field, and what follows would be read as other fields.
fn clean(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| *b != 0).collect()
}

/// The channel of a NotificationResponse; `None` where it is malformed.
pub fn notification(body: &[u8]) -> Option<&[u8]> {
    let mut c = Cursor::new(body);
    let _pid = c.u32()?;
    let channel = c.cstring()?;
    let _payload = c.cstring()?;
    c.end(channel)
}

/// Transaction status of a ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `I`
    Idle,
    /// `T`
    Transaction,
    /// `E`
    Failed,
}

impl Status {
    /// Decodes the body of `Z`.
    pub fn decode(body: &[u8]) -> Option<Self> {
        match body {
            b"I" => Some(Status::Idle),
            b"T" => Some(Status::Transaction),
            b"E" => Some(Status::Failed),
            _ => None,
        }
    }

    /// Appends a ReadyForQuery.
    pub fn put(self, out: &mut Vec<u8>) {
        let byte = match self {
            Status::Idle => b'I',
            Status::Transaction => b'T',
            Status::Failed => b'E',
        };
        frame::put(out, b'Z', |b| b.push(byte));
    }
}

/// One column of a RowDescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// OID of the relation it is a column of, or 0.
    pub relation: u32,
    /// Its attribute number there, or 0.
    pub attribute: i16,
    /// OID of its type.
    pub type_oid: u32,
    /// Type length, type modifier and format code, as they came.
    pub rest: &'a [u8],
}

impl Field<'_> {
    /// Its format code says binary.
    pub fn is_binary(&self) -> bool {
        self.rest.ends_with(&[0, 1])
    }
}

/// Decodes the body of `T`; `None` where it is malformed.
pub fn row_description(body: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut c = Cursor::new(body);
    let count = c.u16()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(Field { name: c.cstring()?, relation: c.u32()?, attribute: c.i16()?, type_oid: c.u32()?, rest: c.bytes(8)? });
    }
    c.end(fields)
}

/// Appends a RowDescription.
pub fn put_row_description<'a>(out: &mut Vec<u8>, fields: impl ExactSizeIterator<Item = Field<'a>>) {
    frame::put(out, b'T', |b| {
        // Came from a RowDescription, whose count has 16 bits.
        b.extend_from_slice(&u16::try_from(fields.len()).unwrap_or(u16::MAX).to_be_bytes());
        for field in fields {
            put_cstring(b, field.name);
            b.extend_from_slice(&field.relation.to_be_bytes());
            b.extend_from_slice(&field.attribute.to_be_bytes());
            b.extend_from_slice(&field.type_oid.to_be_bytes());
            b.extend_from_slice(field.rest);
        }
    });
}

/// Decodes the body of `S` (ParameterStatus): name and value.
pub fn parameter_status(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut c = Cursor::new(body);
    let pair = (c.cstring()?, c.cstring()?);
    c.end(pair)
}

/// Decodes the body of `C` (CommandComplete): the tag.
pub fn command_tag(body: &[u8]) -> Option<&[u8]> {
    let mut c = Cursor::new(body);
    let tag = c.cstring()?;
    c.end(tag)
}

/// Decodes the body of `H` or `G`: whether all of the data is binary, and the format of each column.
pub fn copy_response(body: &[u8]) -> Option<(bool, Vec<i16>)> {
    let mut c = Cursor::new(body);
    let binary = match c.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = c.u16()?;
    let mut formats = Vec::new();
    for _ in 0..count {
        formats.push(c.i16()?);
    }
    c.end((binary, formats))
}

/// Decodes the body of `t`: it holds nothing but type OIDs.
pub fn parameter_description(body: &[u8]) -> Option<()> {
    let mut c = Cursor::new(body);
    let count = usize::from(c.u16()?);
    c.bytes(count.checked_mul(4)?)?;
    c.end(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_description_survives() {
        let fields = [
            Field { name: b"id", relation: 16384, attribute: 1, type_oid: 20, rest: &[0, 8, 255, 255, 255, 255, 0, 0] },
            Field { name: b"", relation: 0, attribute: 0, type_oid: 25, rest: &[255, 255, 255, 255, 255, 255, 0, 1] },
        ];
        let mut out = Vec::new();
        put_row_description(&mut out, fields.into_iter());
        let body = &out[frame::HEADER..];
        assert_eq!(row_description(body).unwrap(), fields);
        for n in 0..body.len() {
            assert_eq!(row_description(&body[..n]), None, "cut at {n}");
        }
    }

    #[test]
    fn a_report_survives_and_its_parts_do_not() {
        let refusal = Refusal::new(pgveil_policy::SqlState::DENIED, "name.relation", "no\0Mforged").with_hint("other").at(Some(7));
        let mut out = Vec::new();
        Report::of(&refusal).put(&mut out, b'E');
        let body = &out[frame::HEADER..];
        let report = Report::decode(body).unwrap();
        assert_eq!((report.code(), report.field(b'M'), report.field(b'P')), (&b"42501"[..], Some(&b"noMforged"[..]), Some(&b"7"[..])));
        for n in 0..body.len() {
            assert_eq!(Report::decode(&body[..n]), None, "cut at {n}");
        }
    }

    #[test]
    fn the_front_of_a_report_says_that_it_is_cut() {
        let mut out = Vec::new();
        let mut report = Report::ours("ERROR", "22012", "division by zero");
        report.fields.push((b'D', b"long".to_vec()));
        report.put(&mut out, b'E');
        let body = &out[frame::HEADER..];
        assert_eq!(Report::decode_front(body), report);
        for n in 0..body.len() {
            let front = Report::decode_front(&body[..n]);
            assert_eq!(front.field(b'W'), Some("…".as_bytes()), "cut at {n}");
            assert!(front.fields.len() <= report.fields.len() + 1);
        }
    }

    #[test]
    fn counts_without_their_items_are_malformed() {
        assert_eq!(row_description(&[255, 255]), None);
        assert_eq!(parameter_description(&[255, 255, 0]), None);
        assert_eq!(Status::decode(b"X"), None);
    }
}
