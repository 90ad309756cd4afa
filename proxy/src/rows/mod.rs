//! Rows: copied as they came, sealed value by value, or reduced to a plan's shape. Never materialised.

pub mod array;
pub mod copy;
pub mod explain;
pub mod open;
pub mod plan;
pub mod seal;

use std::fmt;
use std::sync::Arc;

use pgveil_policy::PlanFormat;

use crate::wire::cursor::Cursor;

/// Replaces values of one class by their pseudonyms.
pub trait Pseudonym: fmt::Debug + Send + Sync {
    /// Appends the pseudonym of a value in text format.
    ///
    /// # Errors
    /// [`Unsealable`] for bytes that are no value of the type; what was appended is then void.
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable>;

    /// Appends the pseudonym of a value in binary format.
    ///
    /// # Errors
    /// As [`Pseudonym::text`].
    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable>;

    /// Appends the value that a token stands for, in text format.
    ///
    /// # Errors
    /// [`Unsealable`] where these pseudonyms are no tokens, or the bytes are none of the type; what was appended is then void.
    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable>;

    /// The same in binary format.
    ///
    /// # Errors
    /// As [`Pseudonym::open_text`].
    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable>;
}

/// A value that is none of the type that its seal was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value is none of the type that its seal was made for")]
pub struct Unsealable;

/// How a column's values are written (PostgreSQL documentation, 55.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Format code 0.
    Text,
    /// Format code 1.
    Binary,
}

/// Result formats as a Bind names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formats {
    codes: Vec<i16>,
}

impl Formats {
    /// From Bind's codes, two bytes each.
    pub fn read(codes: &[u8]) -> Self {
        let mut c = Cursor::new(codes);
        Formats { codes: std::iter::from_fn(|| c.i16()).collect() }
    }

    /// Binary for all columns.
    pub fn binary() -> Self {
        Formats { codes: vec![1] }
    }

    /// The format of one of `columns` columns; `None` where the codes are neither none, one, nor one for each, or unknown.
    pub fn of(&self, column: usize, columns: usize) -> Option<Format> {
        let code = match self.codes.as_slice() {
            [] => 0,
            [one] => *one,
            each if each.len() == columns => *each.get(column)?,
            _ => return None,
        };
        match code {
            0 => Some(Format::Text),
            1 => Some(Format::Binary),
            _ => None,
        }
    }
}

/// What happens to each row of a result.
#[derive(Debug, Clone)]
pub enum Treatment {
    /// Sent as the bytes that came.
    Copy,
    /// Columns with a seal are replaced.
    Seal(Vec<Option<(Arc<dyn Pseudonym>, Format)>>),
    /// One text column that holds a line of a plan.
    Explain,
    /// One column that holds a plan in JSON: told in that format.
    Plan(PlanFormat),
    /// None can come: the server took formats that there are not, and says so when it is to write a row.
    Never,
}

/// A row that does not fit what was judged: nothing of it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Its body does not decode.
    #[error("malformed DataRow")]
    Malformed,
    /// It has another number of columns than was judged.
    #[error("a row of {found} columns where {judged} were judged")]
    Columns {
        /// What the plan has.
        judged: usize,
        /// What came.
        found: usize,
    },
    /// The header of a COPY says something else of a sealed column than its name.
    #[error("column {column}: the header is not its name")]
    Header {
        /// From 1.
        column: usize,
    },
    /// A value cannot be sealed.
    #[error("column {column}: {source}")]
    Unsealable {
        /// From 1.
        column: usize,
        /// Why.
        source: Unsealable,
    },
}

/// The number of columns of a DataRow's body.
pub fn columns(body: &[u8]) -> Option<usize> {
    Cursor::new(body).u16().map(usize::from)
}
