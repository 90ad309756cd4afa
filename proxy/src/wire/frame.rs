//! Frames: one type byte, four bytes of length (that count themselves), a body.

use crate::error::ProtocolError;

/// Bytes of a frame before its body.
pub const HEADER: usize = 5;

/// A frame's type and its length in bytes, header included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The type byte.
    pub tag: u8,
    /// Header and body.
    pub total: usize,
}

/// Reads the head of the frame at the front of `bytes`; `None` where fewer than [`HEADER`] bytes are there.
///
/// # Errors
/// A length under 4, or a body over `limit` bytes.
pub fn head(bytes: &[u8], limit: usize) -> Result<Option<Head>, ProtocolError> {
    let Some((&[tag, a, b, c, d], _)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    let body = usize::try_from(length).ok().and_then(|n| n.checked_sub(4)).filter(|n| *n <= limit);
    match body {
        Some(body) => Ok(Some(Head { tag, total: HEADER.saturating_add(body) })),
        None => Err(ProtocolError::Length { tag: char::from(tag), length, limit }),
    }
}

/// Cuts the whole frame at the front of `bytes`: its type and body; `None` where it is not all there yet.
///
/// # Errors
/// As [`head`].
pub fn cut(bytes: &[u8], limit: usize) -> Result<Option<(Head, &[u8])>, ProtocolError> {
    let Some(head) = head(bytes, limit)? else { return Ok(None) };
    Ok(bytes.get(HEADER..head.total).map(|body| (head, body)))
}

/// Appends a frame whose body `write` fills in.
pub fn put(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len().saturating_sub(at)).unwrap_or(u32::MAX);
    if let Some(slot) = out.get_mut(at..at.saturating_add(4)) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_whole_or_not_at_all() {
        let mut out = Vec::new();
        put(&mut out, b'Q', |b| b.extend_from_slice(b"select 1\0"));
        for n in 0..out.len() {
            assert_eq!(cut(&out[..n], 100).unwrap(), None);
        }
        let (head, body) = cut(&out, 100).unwrap().unwrap();
        assert_eq!((head.tag, head.total, body), (b'Q', out.len(), &b"select 1\0"[..]));
    }

    #[test]
    fn lengths_out_of_range_are_errors() {
        assert!(head(&[b'Q', 0, 0, 0, 3], 100).is_err());
        assert!(head(&[b'Q', 0, 0, 1, 0], 100).is_err());
        assert!(head(&[b'Q', 255, 255, 255, 255], 100).is_err());
    }
}
