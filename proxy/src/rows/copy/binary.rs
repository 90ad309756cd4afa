//! PostgreSQL's binary form: a header in front of the first row or of the trailer, rows that are built as a DataRow is, and a trailer.

use std::sync::Arc;

use super::Progress;
use crate::rows::{Format, Pseudonym, RowFault, seal};

/// Signature, flags and the length of what extends the header: the server sets none.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// In place of a number of columns.
const TRAILER: &[u8] = &[255, 255];

pub fn write(
    progress: &mut Progress,
    body: &[u8],
    seals: &[Option<(Arc<dyn Pseudonym>, Format)>],
    out: &mut Vec<u8>,
) -> Result<(), RowFault> {
    if progress.ended {
        return Err(RowFault::Malformed);
    }
    let row = if progress.begun {
        body
    } else {
        progress.begun = true;
        out.extend_from_slice(HEADER);
        body.strip_prefix(HEADER).ok_or(RowFault::Malformed)?
    };
    if row == TRAILER {
        progress.ended = true;
        out.extend_from_slice(TRAILER);
        return Ok(());
    }
    seal::write(out, row, seals)
}
