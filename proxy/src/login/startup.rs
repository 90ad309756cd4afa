//! The packets that come before any message: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage
//! (PostgreSQL documentation, 55.7).

use crate::error::ProtocolError;

/// The longest startup packet that is read, in bytes, its length word included (Postgres' MAX_STARTUP_PACKET_LENGTH).
pub const LONGEST: usize = 10_000;
/// The newest minor version of protocol 3 that we speak with clients.
pub const NEWEST_MINOR: u16 = 2;

const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// The longest secret of a CancelRequest from 3.2 on.
const LONGEST_SECRET: usize = 256;

/// A packet without a type byte.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    Gss,
    /// CancelRequest.
    Cancel {
        /// The server session's process id.
        pid: i32,
        /// 4 to 256 bytes.
        secret: Vec<u8>,
    },
    /// StartupMessage of protocol 3.
    Startup(Startup),
    /// StartupMessage of another major version, which is not read further.
    OtherMajor {
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
}

/// A StartupMessage of protocol 3.
#[derive(Debug, PartialEq, Eq)]
pub struct Startup {
    /// The minor version that the client asks for.
    pub minor: u16,
    /// Names and values, in order.
    pub parameters: Vec<(String, String)>,
}

/// Reads the packet at the front of `bytes` and its length; `None` where it is not all there yet.
///
/// # Errors
/// A length under 8 or over [`LONGEST`], or a body that does not decode to its last byte.
pub fn packet(bytes: &[u8]) -> Result<Option<(Packet, usize)>, ProtocolError> {
    let malformed = ProtocolError::Malformed { tag: '\0' };
    let Some((&length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(length);
    let total = usize::try_from(length).ok().filter(|n| (8..=LONGEST).contains(n));
    let Some(total) = total else { return Err(ProtocolError::Length { tag: '\0', length, limit: LONGEST }) };
    let Some(body) = rest.get(..total.saturating_sub(4)) else { return Ok(None) };
    let Some((&code, body)) = body.split_first_chunk::<4>() else { return Err(malformed) };
    let [a, b, c, d] = code;
    let found = match (u32::from_be_bytes(code), u16::from_be_bytes([a, b])) {
        (SSL, _) if body.is_empty() => Packet::Ssl,
        (GSS, _) if body.is_empty() => Packet::Gss,
        (CANCEL, _) => match body.split_first_chunk::<4>() {
            Some((pid, secret)) if (4..=LONGEST_SECRET).contains(&secret.len()) => {
                Packet::Cancel { pid: i32::from_be_bytes(*pid), secret: secret.to_vec() }
            }
            Some(_) | None => return Err(malformed),
        },
        (SSL | GSS, _) => return Err(malformed),
        (_, 3) => Packet::Startup(Startup { minor: u16::from_be_bytes([c, d]), parameters: parameters(body).ok_or(malformed)? }),
        (_, major) => Packet::OtherMajor { major, minor: u16::from_be_bytes([c, d]) },
    };
    Ok(Some((found, total)))
}

/// Pairs of zero-terminated strings, then one zero byte, then nothing.
fn parameters(mut body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    loop {
        let (name, rest) = string(body)?;
        if name.is_empty() {
            return rest.is_empty().then_some(found);
        }
        let (value, rest) = string(rest)?;
        found.push((name.to_owned(), value.to_owned()));
        body = rest;
    }
}

fn string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| *b == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(text).ok()?, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(code: u32, body: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(8 + body.len()).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn every_kind_is_read_whole_or_not_at_all() {
        let long = [vec![0, 0, 0, 9], vec![7; 32]].concat();
        let startup = |minor| {
            Packet::Startup(Startup {
                minor,
                parameters: vec![
                    ("user".into(), "ana".into()),
                    ("database".into(), String::new()),
                    ("application_name".into(), "ü".into()),
                ],
            })
        };
        let body = "user\0ana\0database\0\0application_name\0ü\0\0".as_bytes();
        for (bytes, expected) in [
            (raw(SSL, b""), Packet::Ssl),
            (raw(GSS, b""), Packet::Gss),
            (raw(CANCEL, &[0, 0, 0, 9, 1, 2, 3, 4]), Packet::Cancel { pid: 9, secret: vec![1, 2, 3, 4] }),
            (raw(CANCEL, &long), Packet::Cancel { pid: 9, secret: vec![7; 32] }),
            (raw(3 << 16, body), startup(0)),
            (raw((3 << 16) + 2, body), startup(2)),
            (raw((3 << 16) + 9999, body), startup(9999)),
            (raw(2 << 16, b"anything"), Packet::OtherMajor { major: 2, minor: 0 }),
        ] {
            for n in 0..bytes.len() {
                assert_eq!(packet(&bytes[..n]).unwrap(), None, "{expected:?} cut at {n}");
            }
            let mut more = bytes.clone();
            more.extend_from_slice(b"further bytes");
            assert_eq!(packet(&more).unwrap(), Some((expected, bytes.len())));
        }
    }

    #[test]
    fn lengths_out_of_range_are_errors() {
        for length in [0, 1, 4, 7, 10_001, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let bytes = [length.to_be_bytes().to_vec(), vec![0; 20]].concat();
            assert!(matches!(packet(&bytes), Err(ProtocolError::Length { .. })), "{length}");
        }
        let mut largest = raw(3 << 16, &[vec![b'a', 0], vec![b'v'; LONGEST - 8 - 4], vec![0, 0]].concat());
        assert_eq!(packet(&largest).unwrap().unwrap().1, LONGEST);
        largest.pop();
        assert_eq!(packet(&largest).unwrap(), None);
    }

    #[test]
    fn bodies_that_do_not_decode_to_the_end_are_errors() {
        for bytes in [
            raw(SSL, b"x"),
            raw(GSS, b"\0"),
            raw(CANCEL, b""),
            raw(CANCEL, &[0, 0, 0, 9]),
            raw(CANCEL, &[0, 0, 0, 9, 1, 2, 3]),
            raw(CANCEL, &[0; 4 + 257]),
            raw(3 << 16, b""),
            raw(3 << 16, b"user\0ana\0"),
            raw(3 << 16, b"user\0ana"),
            raw(3 << 16, b"user\0\0"),
            raw(3 << 16, b"user\0ana\0\0x"),
            raw(3 << 16, b"user\0\xff\0\0"),
        ] {
            assert_eq!(packet(&bytes), Err(ProtocolError::Malformed { tag: '\0' }), "{bytes:?}");
        }
    }
}
