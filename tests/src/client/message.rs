//! What a server sends, decoded (PostgreSQL documentation, 55.7); a message that does not decode fails the test.

use std::collections::BTreeMap;

/// A backend message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `T`
    RowDescription(Vec<Field>),
    /// `D`; NULL is `None`.
    DataRow(Vec<Option<Vec<u8>>>),
    /// `C`
    CommandComplete(String),
    /// `E`: the fields by their letters.
    Error(Fields),
    /// `N`
    Notice(Fields),
    /// `S`
    ParameterStatus(String, String),
    /// `t`
    ParameterDescription(Vec<u32>),
    /// `Z`: `I`, `T` or `E`.
    ReadyForQuery(char),
    /// `A`: channel and payload.
    Notification(String, String),
    /// `d`
    CopyData(Vec<u8>),
    /// `1 2 3 I n s c G H W`, `K`, `R`, `v` and what else there may be: its type and body.
    Other(char, Vec<u8>),
}

/// Fields of an error or a notice: `S` severity, `C` SQLSTATE, `M` message, `D` detail, `H` hint, `P` position and the rest.
pub type Fields = BTreeMap<char, String>;

/// A column of a RowDescription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// OID of its table, or 0.
    pub table: u32,
    /// Number of its attribute, or 0.
    pub attribute: i16,
    /// OID of its type.
    pub type_oid: u32,
    /// `pg_type.typlen`
    pub size: i16,
    /// Its type's modifier, or -1.
    pub typmod: i32,
    /// 0 text, 1 binary.
    pub format: i16,
}

impl Message {
    /// Decodes a message's body. Nothing may be left over.
    pub fn decode(tag: u8, body: &[u8]) -> Message {
        let mut b = Reader(body);
        let message = match tag {
            b'T' => {
                let n = b.i16();
                Message::RowDescription((0..n).map(|_| b.field()).collect())
            }
            b'D' => {
                let n = b.i16();
                Message::DataRow(
                    (0..n)
                        .map(|_| match b.i32() {
                            -1 => None,
                            length => Some(b.take(length as usize).to_vec()),
                        })
                        .collect(),
                )
            }
            b'C' => Message::CommandComplete(b.string()),
            b'E' => Message::Error(b.fields()),
            b'N' => Message::Notice(b.fields()),
            b'S' => Message::ParameterStatus(b.string(), b.string()),
            b't' => {
                let n = b.i16();
                Message::ParameterDescription((0..n).map(|_| b.i32() as u32).collect())
            }
            b'Z' => Message::ReadyForQuery(char::from(b.take(1)[0])),
            b'A' => {
                b.i32();
                Message::Notification(b.string(), b.string())
            }
            b'd' => Message::CopyData(std::mem::take(&mut b.0).to_vec()),
            tag => Message::Other(char::from(tag), std::mem::take(&mut b.0).to_vec()),
        };
        assert!(b.0.is_empty(), "bytes left over in {message:?}");
        message
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        assert!(n <= self.0.len(), "a message is shorter than it says");
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        head
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn string(&mut self) -> String {
        let end = self.0.iter().position(|b| *b == 0).expect("a string without its end");
        let text = String::from_utf8_lossy(self.take(end)).into_owned();
        self.take(1);
        text
    }

    fn fields(&mut self) -> Fields {
        let mut fields = Fields::new();
        loop {
            match self.take(1)[0] {
                0 => return fields,
                letter => {
                    fields.insert(char::from(letter), self.string());
                }
            }
        }
    }

    fn field(&mut self) -> Field {
        Field {
            name: self.string(),
            table: self.i32() as u32,
            attribute: self.i16(),
            type_oid: self.i32() as u32,
            size: self.i16(),
            typmod: self.i32(),
            format: self.i16(),
        }
    }
}
