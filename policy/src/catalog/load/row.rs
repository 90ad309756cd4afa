//! Cells in text format, read one after another.

use super::LoadError;
use crate::catalog::Oid;

/// The cells of one row of one query.
pub(super) struct Cells<'a> {
    query: &'a str,
    cells: std::vec::IntoIter<Option<String>>,
    at: usize,
}

impl<'a> Cells<'a> {
    pub fn new(query: &'a str, row: Vec<Option<String>>) -> Self {
        Cells { query, cells: row.into_iter(), at: 0 }
    }

    pub fn optional(&mut self) -> Result<Option<String>, LoadError> {
        let cell = self.cells.next().ok_or_else(|| self.fault("there"))?;
        self.at = self.at.saturating_add(1);
        Ok(cell)
    }

    pub fn text(&mut self) -> Result<String, LoadError> {
        let fault = self.fault("text");
        self.optional()?.ok_or(fault)
    }

    pub fn number<T: std::str::FromStr>(&mut self) -> Result<T, LoadError> {
        let fault = self.fault("a number");
        self.text()?.parse().map_err(|_| fault)
    }

    pub fn oid(&mut self) -> Result<Oid, LoadError> {
        self.number()
    }

    /// NULL is false.
    pub fn flag(&mut self) -> Result<bool, LoadError> {
        let fault = self.fault("a boolean");
        match self.optional()?.as_deref() {
            Some("t" | "true") => Ok(true),
            Some("f" | "false") | None => Ok(false),
            Some(_) => Err(fault),
        }
    }

    pub fn letter(&mut self) -> Result<char, LoadError> {
        let fault = self.fault("one letter");
        let text = self.text()?;
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(letter),
            _ => Err(fault),
        }
    }

    /// Numbers between blanks; NULL is none.
    pub fn numbers<T: std::str::FromStr>(&mut self) -> Result<Vec<T>, LoadError> {
        let fault = self.fault("a list of numbers");
        let text = self.optional()?.unwrap_or_default();
        text.split_whitespace().map(|n| n.parse().map_err(|_| fault.clone())).collect()
    }

    /// A JSON array of strings; NULL is none.
    pub fn names(&mut self) -> Result<Vec<String>, LoadError> {
        let fault = self.fault("a JSON array of strings");
        match self.optional()? {
            Some(text) => serde_json::from_str(&text).map_err(|_| fault),
            None => Ok(Vec::new()),
        }
    }

    /// That the row is read to its end.
    pub fn end(&mut self) -> Result<(), LoadError> {
        match self.cells.next() {
            None => Ok(()),
            Some(_) => Err(self.fault("the end of the row")),
        }
    }

    /// The fault that the next cell would be.
    pub fn fault(&self, expected: &'static str) -> LoadError {
        LoadError::Cell { query: self.query.to_owned(), cell: self.at, expected }
    }
}
