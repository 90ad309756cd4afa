//! All that came back for one request.

use super::message::{Field, Fields, Message};

/// The messages up to and with ReadyForQuery, or up to the end of the connection.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// In the order in which they came.
    pub messages: Vec<Message>,
    /// Why no ReadyForQuery came: the connection was closed, or nothing came in time.
    pub broken: Option<String>,
}

impl Answer {
    /// All rows, of all statements, as text.
    ///
    /// # Panics
    /// Where there was an error: a test that expects one looks at [`Answer::error`].
    pub fn rows(&self) -> Vec<Vec<Option<String>>> {
        if let Some(error) = self.error() {
            panic!("rows were expected, an error came: {error:?}");
        }
        self.raw_rows().map(|row| row.iter().map(|cell| cell.as_ref().map(|v| String::from_utf8_lossy(v).into_owned())).collect()).collect()
    }

    /// All rows as bytes, whether or not an error came later.
    pub fn raw_rows(&self) -> impl Iterator<Item = &Vec<Option<Vec<u8>>>> {
        self.messages.iter().filter_map(|m| match m {
            Message::DataRow(row) => Some(row),
            _ => None,
        })
    }

    /// The rows as one text: cells divided by `|`, rows by line ends, NULL as `∅`.
    pub fn table(&self) -> String {
        let row = |cells: &Vec<Option<String>>| cells.iter().map(|c| c.as_deref().unwrap_or("∅")).collect::<Vec<_>>().join("|");
        self.rows().iter().map(row).collect::<Vec<_>>().join("\n")
    }

    /// The only cell of the only row.
    pub fn value(&self) -> Option<String> {
        let rows = self.rows();
        assert!(rows.len() == 1 && rows[0].len() == 1, "one value was expected: {rows:?}");
        rows[0][0].clone()
    }

    /// The columns of the first RowDescription.
    pub fn columns(&self) -> &[Field] {
        self.messages
            .iter()
            .find_map(|m| match m {
                Message::RowDescription(fields) => Some(fields.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The first error.
    pub fn error(&self) -> Option<&Fields> {
        self.messages.iter().find_map(|m| match m {
            Message::Error(fields) => Some(fields),
            _ => None,
        })
    }

    /// The first error's SQLSTATE, or `00000`.
    pub fn sqlstate(&self) -> &str {
        self.error().and_then(|fields| fields.get(&'C')).map_or("00000", String::as_str)
    }

    /// The first error's message, or nothing.
    pub fn message(&self) -> &str {
        self.error().and_then(|fields| fields.get(&'M')).map_or("", String::as_str)
    }

    /// Notices.
    pub fn notices(&self) -> Vec<&Fields> {
        self.messages
            .iter()
            .filter_map(|m| match m {
                Message::Notice(fields) => Some(fields),
                _ => None,
            })
            .collect()
    }

    /// Command tags.
    pub fn tags(&self) -> Vec<&str> {
        self.messages
            .iter()
            .filter_map(|m| match m {
                Message::CommandComplete(tag) => Some(tag.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The transaction's status at the end: `I`, `T` or `E`; `None` where the connection broke.
    pub fn status(&self) -> Option<char> {
        self.messages.iter().rev().find_map(|m| match m {
            Message::ReadyForQuery(status) => Some(*status),
            _ => None,
        })
    }

    /// Itself, where no error came.
    ///
    /// # Panics
    /// Where one did.
    pub fn ok(self) -> Self {
        assert!(self.error().is_none() && self.broken.is_none(), "{:?} {:?}", self.error(), self.broken);
        self
    }
}
