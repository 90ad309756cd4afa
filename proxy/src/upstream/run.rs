//! A statement as a client sends it, and all that comes back.

use super::Upstream;
use super::reader::{data_row, unexpected};
use crate::error::UpstreamError;
use crate::wire::answer::{self, Report};
use crate::wire::frame;

/// What came back for one statement of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Names and type OIDs of its columns; `None` where it gives no rows.
    pub columns: Option<Vec<(String, u32)>>,
    /// One value for each column, as text; `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// What COPY … TO STDOUT gave.
    pub copied: Vec<u8>,
    /// Notices that came before its end.
    pub notices: Vec<Report>,
    /// Its command tag; `None` where it failed, or there was no statement.
    pub tag: Option<String>,
    /// Why it failed.
    pub error: Option<Report>,
}

impl Upstream {
    /// Runs one simple query of a client's. COPY … FROM STDIN is ended as a failure.
    ///
    /// # Errors
    /// Only where the connection or the protocol fails: see [`UpstreamError`].
    pub async fn run(&mut self, sql: &str) -> Result<Vec<Answer>, UpstreamError> {
        let mut out = Vec::new();
        frame::put(&mut out, b'Q', |body| {
            body.extend_from_slice(sql.as_bytes());
            body.push(0);
        });
        self.reader.send(&out).await?;
        let (mut answers, mut open) = (Vec::new(), Answer::default());
        loop {
            let (tag, body) = self.reader.message().await?;
            let broken = || unexpected(tag);
            match tag {
                b'T' => {
                    let fields = answer::row_description(&body).ok_or_else(broken)?;
                    open.columns = Some(fields.iter().map(|f| (String::from_utf8_lossy(f.name).into_owned(), f.type_oid)).collect());
                }
                b'D' => open.rows.push(data_row(&body).ok_or_else(broken)?),
                b'd' => open.copied.extend_from_slice(&body),
                b'N' => open.notices.push(Report::decode(&body).ok_or_else(broken)?),
                b'C' => {
                    let text = body.strip_suffix(b"\0").ok_or_else(broken)?;
                    open.tag = Some(String::from_utf8_lossy(text).into_owned());
                    answers.push(std::mem::take(&mut open));
                }
                b'E' => {
                    open.error = Some(Report::decode(&body).ok_or_else(broken)?);
                    answers.push(std::mem::take(&mut open));
                }
                b'G' => {
                    let mut fail = Vec::new();
                    frame::put(&mut fail, b'f', |body| body.extend_from_slice(b"there is nothing to copy from here\0"));
                    self.reader.send(&fail).await?;
                }
                b'Z' => return Ok(answers),
                b'H' | b'c' | b'I' | b'S' | b'A' => {}
                other => return Err(unexpected(other)),
            }
        }
    }
}
