//! What a message says (PostgreSQL documentation, 55.7 "Message Formats"), decoded by its type.
//!
//! Decoding borrows and never allocates by a count that the sender chose. What is decoded is the whole body: encoding it again
//! gives the same bytes, since no field is normalised and nothing may be left over. Names are byte strings.
//!
//! pgwire's codec is not used for this: on a truncated body its `get_u16` and its like panic, it takes counts as signed, replaces
//! invalid UTF-8 and accepts strings without their zero byte (read in 0.42.1).

use super::cursor::Cursor;
use super::frame;
use crate::error::ProtocolError;

/// A message from a client that has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named as in the protocol's documentation")]
pub enum Frontend<'a> {
    /// `Q`: the text, without its zero byte.
    Query { text: &'a [u8] },
    /// `P`
    Parse { name: &'a [u8], text: &'a [u8], types: &'a [u8] },
    /// `B`
    Bind(Bind<'a>),
    /// `D`
    Describe { target: Target, name: &'a [u8] },
    /// `E`: `limit` 0 is no limit.
    Execute { portal: &'a [u8], limit: i32 },
    /// `C`
    Close { target: Target, name: &'a [u8] },
    /// `S`
    Sync,
    /// `H`
    Flush,
    /// `X`
    Terminate,
    /// `F`: never forwarded, so not decoded.
    FunctionCall,
    /// `d`, `c`, `f`: outside COPY the server ignores them.
    Copy,
}

/// `B`: a portal from a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal that is made.
    pub portal: &'a [u8],
    /// The statement it is made from.
    pub statement: &'a [u8],
    /// Result-format codes, two bytes each: none, one for all columns, or one for each.
    pub result_formats: &'a [u8],
}

/// What Describe and Close are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `S`
    Statement,
    /// `P`
    Portal,
}

impl Target {
    /// As it is written.
    pub fn byte(self) -> u8 {
        match self {
            Target::Statement => b'S',
            Target::Portal => b'P',
        }
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        match cursor.u8()? {
            b'S' => Some(Target::Statement),
            b'P' => Some(Target::Portal),
            _ => None,
        }
    }
}

impl<'a> Frontend<'a> {
    /// Decodes a client's message.
    ///
    /// # Errors
    /// [`ProtocolError::Malformed`] for a body that does not decode to its end, [`ProtocolError::Unexpected`] for a type that is
    /// not legal after login.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut c = Cursor::new(body);
        let message = match tag {
            b'Q' => query(&mut c),
            b'P' => parse(&mut c),
            b'B' => bind(&mut c),
            b'D' => target_and_name(&mut c).map(|(target, name)| Frontend::Describe { target, name }),
            b'C' => target_and_name(&mut c).map(|(target, name)| Frontend::Close { target, name }),
            b'E' => execute(&mut c),
            b'S' => Some(Frontend::Sync),
            b'H' => Some(Frontend::Flush),
            // The server does not look at its body.
            b'X' => return Ok(Frontend::Terminate),
            b'F' => return Ok(Frontend::FunctionCall),
            b'd' | b'c' | b'f' => return Ok(Frontend::Copy),
            _ => return Err(ProtocolError::Unexpected { tag: char::from(tag) }),
        };
        message.and_then(|m| c.end(m)).ok_or(ProtocolError::Malformed { tag: char::from(tag) })
    }
}

/// What Postgres says of a body that does not decode, in its words (`pqformat.c`, `postgres.c`); `None` where it would lose its place, or
/// says nothing.
pub fn fault(tag: u8, body: &[u8]) -> Option<String> {
    const STRING: &str = "invalid string in message";
    const SHORT: &str = "insufficient data left in message";
    const LEFT: &str = "invalid message format";
    let mut c = Cursor::new(body);
    let (strings, subtype) = match tag {
        b'Q' | b'E' => (1, None),
        b'P' | b'B' => (2, None),
        b'H' => (0, None),
        b'D' | b'C' => match c.u8() {
            None => return Some("no data left in message".to_owned()),
            subtype => (1, subtype),
        },
        _ => return None,
    };
    for _ in 0..strings {
        if c.cstring().is_none() {
            return Some(STRING.to_owned());
        }
    }
    let all = match tag {
        b'E' => c.i32().map(drop),
        b'P' => c.u16().and_then(|count| c.bytes(usize::from(count).checked_mul(4)?)).map(drop),
        b'B' => values(&mut c).map(drop),
        _ => Some(()),
    };
    Some(match (all, c.left(), subtype) {
        (None, _, _) => SHORT.to_owned(),
        (Some(()), 0, Some(subtype)) => {
            let word = if tag == b'D' { "DESCRIBE" } else { "CLOSE" };
            format!("invalid {word} message subtype {subtype}")
        }
        (Some(()), _, _) => LEFT.to_owned(),
    })
}

fn query<'a>(c: &mut Cursor<'a>) -> Option<Frontend<'a>> {
    Some(Frontend::Query { text: c.cstring()? })
}

fn parse<'a>(c: &mut Cursor<'a>) -> Option<Frontend<'a>> {
    let (name, text) = (c.cstring()?, c.cstring()?);
    let count = usize::from(c.u16()?);
    Some(Frontend::Parse { name, text, types: c.bytes(count.checked_mul(4)?)? })
}

fn bind<'a>(c: &mut Cursor<'a>) -> Option<Frontend<'a>> {
    let (portal, statement) = (c.cstring()?, c.cstring()?);
    Some(Frontend::Bind(Bind { portal, statement, result_formats: values(c)? }))
}

/// The statement that a Bind names, whatever the rest of it is.
pub fn bound_statement(tag: u8, body: &[u8]) -> Option<&[u8]> {
    let mut c = Cursor::new(body);
    c.cstring().filter(|_| tag == b'B')?;
    c.cstring()
}

// Formats and values of parameters are read over; gives the formats of results.
fn values<'a>(c: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let formats = usize::from(c.u16()?);
    c.bytes(formats.checked_mul(2)?)?;
    for _ in 0..c.u16()? {
        c.value()?;
    }
    let count = usize::from(c.u16()?);
    c.bytes(count.checked_mul(2)?)
}

fn target_and_name<'a>(c: &mut Cursor<'a>) -> Option<(Target, &'a [u8])> {
    Some((Target::read(c)?, c.cstring()?))
}

fn execute<'a>(c: &mut Cursor<'a>) -> Option<Frontend<'a>> {
    Some(Frontend::Execute { portal: c.cstring()?, limit: c.i32()? })
}

/// Appends `Q`.
pub fn put_query(out: &mut Vec<u8>, text: &[u8]) {
    frame::put(out, b'Q', |b| put_cstring(b, text));
}

/// Appends `P`. `types`: parameter type OIDs, four bytes each.
pub fn put_parse(out: &mut Vec<u8>, name: &[u8], text: &[u8], types: &[u8]) {
    frame::put(out, b'P', |b| {
        put_cstring(b, name);
        put_cstring(b, text);
        // `types` was decoded after a 16-bit count of four-byte items.
        b.extend_from_slice(&u16::try_from(types.len() / 4).unwrap_or(u16::MAX).to_be_bytes());
        b.extend_from_slice(types);
    });
}

/// Appends `B` without parameters, all results in text.
pub fn put_bind(out: &mut Vec<u8>, portal: &[u8], statement: &[u8]) {
    frame::put(out, b'B', |b| {
        put_cstring(b, portal);
        put_cstring(b, statement);
        b.extend_from_slice(&[0; 6]);
    });
}

/// Appends `D`.
pub fn put_describe(out: &mut Vec<u8>, target: Target, name: &[u8]) {
    frame::put(out, b'D', |b| {
        b.push(target.byte());
        put_cstring(b, name);
    });
}

/// Appends `C` (Close).
pub fn put_close(out: &mut Vec<u8>, target: Target, name: &[u8]) {
    frame::put(out, b'C', |b| {
        b.push(target.byte());
        put_cstring(b, name);
    });
}

/// Appends `E` (Execute) without a row limit.
pub fn put_execute(out: &mut Vec<u8>, portal: &[u8]) {
    frame::put(out, b'E', |b| {
        put_cstring(b, portal);
        b.extend_from_slice(&[0; 4]);
    });
}

/// Appends `E` (Execute) with a row limit.
pub fn put_execute_some(out: &mut Vec<u8>, portal: &[u8], limit: i32) {
    frame::put(out, b'E', |b| {
        put_cstring(b, portal);
        b.extend_from_slice(&limit.to_be_bytes());
    });
}

/// Appends `B` without parameters, all results in binary.
pub fn put_bind_binary(out: &mut Vec<u8>, portal: &[u8], statement: &[u8]) {
    frame::put(out, b'B', |b| {
        put_cstring(b, portal);
        put_cstring(b, statement);
        b.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 1]);
    });
}

/// Appends a message without a body: `S`, `H`, `X`, `c`.
pub fn put_bare(out: &mut Vec<u8>, tag: u8) {
    frame::put(out, tag, |_| {});
}

/// Appends a string and its zero byte.
pub fn put_cstring(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out[frame::HEADER..].to_vec()
    }

    fn whole() -> Vec<(u8, Vec<u8>)> {
        let mut bind = b"p\0s\0".to_vec();
        bind.extend_from_slice(&[0, 1, 0, 1, 0, 2, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255, 0, 2, 0, 0, 0, 1]);
        vec![
            (b'Q', body(|b| put_query(b, b"select 1"))),
            (b'P', body(|b| put_parse(b, b"s", b"select $1", &[0, 0, 0, 23]))),
            (b'B', bind),
            (b'D', body(|b| put_describe(b, Target::Statement, b"s"))),
            (b'C', body(|b| put_close(b, Target::Portal, b"p"))),
            (b'E', body(|b| put_execute(b, b"p"))),
            (b'S', Vec::new()),
            (b'H', Vec::new()),
            (b'X', Vec::new()),
        ]
    }

    #[test]
    fn every_message_decodes_whole_and_in_no_part() {
        for (tag, bytes) in whole() {
            Frontend::decode(tag, &bytes).unwrap();
            for n in 0..bytes.len() {
                assert!(Frontend::decode(tag, &bytes[..n]).is_err(), "{} cut at {n}", char::from(tag));
            }
            // Postgres does not look at what else a Terminate says.
            if tag == b'X' {
                continue;
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Frontend::decode(tag, &longer).is_err(), "{} with a byte left over", char::from(tag));
        }
    }

    #[test]
    fn fields_are_where_the_protocol_has_them() {
        let messages = whole();
        assert_eq!(
            Frontend::decode(b'P', &messages[1].1).unwrap(),
            Frontend::Parse { name: b"s", text: b"select $1", types: &[0, 0, 0, 23] }
        );
        assert_eq!(
            Frontend::decode(b'B', &messages[2].1).unwrap(),
            Frontend::Bind(Bind { portal: b"p", statement: b"s", result_formats: &[0, 0, 0, 1] })
        );
    }

    #[test]
    fn counts_without_their_items_are_malformed() {
        assert!(Frontend::decode(b'P', b"\0\0\xff\xff").is_err());
        assert!(Frontend::decode(b'B', b"\0\0\0\0\xff\xff\0\0").is_err());
        assert!(Frontend::decode(b'B', b"\0\0\0\0\0\x01\x80\0\0\0\0\0").is_err());
    }

    #[test]
    fn types_of_the_login_are_not_legal_later() {
        for tag in [b'p', b'R', 0, b'Z', 255] {
            assert!(matches!(Frontend::decode(tag, b"x\0"), Err(ProtocolError::Unexpected { .. })));
        }
    }
}
