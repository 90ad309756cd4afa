//! One question of our own with a parameter, answered in binary.

use super::Upstream;
use super::reader::{error_response, unexpected};
use crate::error::UpstreamError;
use crate::wire::cursor::Cursor;
use crate::wire::message::{Target, put_bare, put_cstring, put_describe, put_execute_some, put_parse};
use crate::wire::{answer, frame};

/// Rows in binary format, and what their columns are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Names and type OIDs.
    pub columns: Vec<(String, u32)>,
    /// One value for each column; `None` for NULL.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
}

impl Upstream {
    /// Asks with one text as the parameter $1, which is bound, never pasted. At most `limit` rows come back.
    ///
    /// # Errors
    /// [`UpstreamError::Refused`] where the server answers with an error (the connection stays usable), else see [`UpstreamError`].
    pub async fn ask(&mut self, sql: &str, parameter: &str, limit: i32) -> Result<Table, UpstreamError> {
        let too_long = |_| UpstreamError::Protocol("a parameter too long".into());
        let length = i32::try_from(parameter.len()).map_err(too_long)?;
        let mut out = Vec::new();
        put_parse(&mut out, b"", sql.as_bytes(), &[]);
        frame::put(&mut out, b'B', |body| {
            put_cstring(body, b"");
            put_cstring(body, b"");
            // No formats: text. One parameter; one format for all results: binary.
            body.extend_from_slice(&[0, 0, 0, 1]);
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(parameter.as_bytes());
            body.extend_from_slice(&[0, 1, 0, 1]);
        });
        put_describe(&mut out, Target::Portal, b"");
        put_execute_some(&mut out, b"", limit);
        put_bare(&mut out, b'S');
        self.reader.send(&out).await?;
        let (mut table, mut failed) = (Table::default(), None);
        loop {
            let (tag, body) = self.reader.message().await?;
            match tag {
                b'T' => table.columns = columns(&body).ok_or_else(|| unexpected(tag))?,
                b'D' => table.rows.push(row(&body).ok_or_else(|| unexpected(tag))?),
                b'E' => failed = Some(error_response(&body)),
                b'Z' => return failed.map_or(Ok(table), Err),
                b'1' | b'2' | b'n' | b'C' | b's' | b'I' | b'N' | b'A' | b'S' => {}
                other => return Err(unexpected(other)),
            }
        }
    }
}

fn columns(body: &[u8]) -> Option<Vec<(String, u32)>> {
    let column = |field: &answer::Field<'_>| Some((std::str::from_utf8(field.name).ok()?.to_owned(), field.type_oid));
    answer::row_description(body)?.iter().map(column).collect()
}

fn row(body: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let mut c = Cursor::new(body);
    let mut values = Vec::new();
    for _ in 0..c.u16()? {
        values.push(c.value()?.map(<[u8]>::to_vec));
    }
    c.end(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_to_its_end() {
        let good = b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff";
        assert_eq!(row(good).unwrap(), [Some(b"ab".to_vec()), None]);
        for n in 0..good.len() {
            assert_eq!(row(&good[..n]), None);
        }
        assert_eq!(row(b"\0\0x"), None);
    }
}
