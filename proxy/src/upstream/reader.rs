//! Whole messages from the server, for the conversations of our own: startup and catalog queries.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ServerStream;
use crate::error::{Refused, UpstreamError};
use crate::wire::answer::Report;
use crate::wire::frame;

/// The longest message that is read in a conversation of our own, in bytes.
const LONGEST: usize = 64 << 20;

/// The connection and what was read from it but not yet used.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) stream: ServerStream,
    ahead: Vec<u8>,
    used: usize,
}

impl Reader {
    pub(super) fn new(stream: ServerStream) -> Reader {
        Reader { stream, ahead: Vec::new(), used: 0 }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), UpstreamError> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// The next message: its type and its body.
    pub(super) async fn message(&mut self) -> Result<(u8, Vec<u8>), UpstreamError> {
        loop {
            let fresh = self.ahead.get(self.used..).unwrap_or_default();
            let cut = frame::cut(fresh, LONGEST).map_err(|e| UpstreamError::Protocol(e.to_string()))?;
            if let Some((head, body)) = cut {
                let body = body.to_vec();
                self.used = self.used.saturating_add(head.total);
                return Ok((head.tag, body));
            }
            self.ahead.drain(..self.used);
            self.used = 0;
            self.ahead.reserve(8192);
            if self.stream.read_buf(&mut self.ahead).await? == 0 {
                return Err(UpstreamError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    pub(super) fn into_parts(mut self) -> (ServerStream, Vec<u8>) {
        self.ahead.drain(..self.used);
        self.ahead.shrink_to_fit();
        (self.stream, self.ahead)
    }
}

/// An ErrorResponse of the server.
pub(super) fn error_response(body: &[u8]) -> UpstreamError {
    let report = Report::decode(body).unwrap_or_default();
    let text = |tag: u8| report.field(tag).map(|text| String::from_utf8_lossy(text).into_owned());
    let code = text(b'C').unwrap_or_default();
    if code.len() == 5 && code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        UpstreamError::Refused(Box::new(Refused { code, message: text(b'M').unwrap_or_default(), detail: text(b'D'), hint: text(b'H') }))
    } else {
        UpstreamError::Protocol("an error without an SQLSTATE".into())
    }
}

/// A message that is not legal here, or does not decode.
pub(super) fn unexpected(tag: u8) -> UpstreamError {
    UpstreamError::Protocol(format!("unexpected or malformed message of type {:?}", char::from(tag)))
}

/// The columns of a DataRow in text format; `None` where it does not decode to its end.
pub(super) fn data_row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut columns = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        match i32::from_be_bytes(*length) {
            -1 => {
                columns.push(None);
                rest = after;
            }
            length => {
                let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                columns.push(Some(String::from_utf8(value.to_vec()).ok()?));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_to_its_end() {
        let good = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(data_row(good).unwrap(), [Some("ab".into()), None, Some(String::new())]);
        for n in 0..good.len() {
            assert_eq!(data_row(&good[..n]), None);
        }
        assert_eq!(data_row(b"\0\0x"), None);
        assert_eq!(data_row(b"\0\x01\xff\xff\xff\xfe"), None);
    }

    #[test]
    fn an_error_has_a_state_and_a_message() {
        let UpstreamError::Refused(report) = error_response(b"SFATAL\0C3D000\0Mno such\0Dd\0\0") else { panic!("another error") };
        assert_eq!(
            (report.code.as_str(), report.message.as_str(), report.detail.as_deref(), report.hint),
            ("3D000", "no such", Some("d"), None)
        );
        assert!(matches!(error_response(b"SFATAL\0C3D000\0Mno end\0"), UpstreamError::Protocol(_)));
        assert!(matches!(error_response(b"Mno code\0\0"), UpstreamError::Protocol(_)));
        assert!(matches!(error_response(b""), UpstreamError::Protocol(_)));
    }
}
