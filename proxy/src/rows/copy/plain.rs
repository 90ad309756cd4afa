//! Text: as the server writes it with its defaults, read; with any delimiter, written as `CopyAttributeOutText` of
//! `src/backend/commands/copyto.c` does.

use std::borrow::Cow;

/// Between two values, by default.
pub const DELIMITER: u8 = b'\t';

/// NULL, by default. No value is written so: a backslash in one is doubled.
pub const NULL: &[u8] = b"\\N";

/// What of a message's body is a line; `None` where it is not one line.
pub fn line(body: &[u8]) -> Option<&[u8]> {
    let line = body.strip_suffix(b"\n")?;
    // Those in values are escaped.
    if line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) { None } else { Some(line) }
}

/// The values of a line as they are written. A tab in a value is written `\t`.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == DELIMITER)
}

/// The value that is written so; `None` where the server would not write it.
pub fn unescaped(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = field.iter().position(|byte| *byte == b'\\') else { return Some(Cow::Borrowed(field)) };
    let mut value = Vec::with_capacity(field.len());
    value.extend_from_slice(field.get(..first)?);
    let mut rest = field.get(first..)?.iter();
    while let Some(byte) = rest.next() {
        value.push(match byte {
            b'\\' => match rest.next()? {
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                b'\\' => b'\\',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(Cow::Owned(value))
}

/// The value is written as it is.
pub fn is_bare(value: &[u8], delimiter: u8) -> bool {
    !value.iter().any(|byte| matches!(byte, 0x08..=b'\r' | b'\\') || *byte == delimiter)
}

/// Appends a value.
pub fn put(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for byte in value {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            other if *other == b'\\' || *other == delimiter => *other,
            other => {
                out.push(*other);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}
