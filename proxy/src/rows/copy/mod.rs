//! Data of a COPY on its way to the client: passed as it came, or row by row with pseudonyms in place of sealed values.
//!
//! Where values are sealed the server is asked for text with PostgreSQL's defaults (or for binary). In that form a tab always ends a
//! value and `\N` always is NULL, whatever is stored. Delimiters, quotes and NULL strings of the client's choosing, which a
//! stored value could contain or be equal to, are written here, after the values have been replaced. Rooms:
//!
//! * `plain`: text with the defaults, read; text in any form, written; `csv`: csv, written; `binary`: the binary form.

mod binary;
mod csv;
mod plain;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use pgveil_policy::{CopyData, CopyForm};

use super::{Format, Pseudonym, RowFault};
use crate::wire::frame;

/// What is done with the rows of a COPY whose values are sealed.
#[derive(Debug)]
pub struct Sealing {
    form: CopyForm,
    force_quote: Vec<bool>,
    /// The first row of the server's is one.
    header: bool,
    /// It is written here.
    own_header: bool,
    /// The columns' names: what a header says of a sealed column, which would else pass as it comes.
    names: Vec<String>,
    /// One for each column.
    seals: Vec<Option<(Arc<dyn Pseudonym>, Format)>>,
}

/// How far the data of one COPY has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Its header is behind.
    begun: bool,
    /// Its trailer is behind: nothing follows.
    ended: bool,
}

impl Progress {
    /// The data may end here.
    pub fn may_end(self, sealing: &Sealing) -> bool {
        match sealing.form {
            CopyForm::Binary => self.ended,
            CopyForm::Text { .. } | CopyForm::Csv { .. } => self.begun || !sealing.header,
        }
    }
}

impl Sealing {
    /// `pseudonyms`: one for each column of `data`.
    pub fn new(data: &CopyData, pseudonyms: Vec<Option<Arc<dyn Pseudonym>>>) -> Self {
        let format = match data.form {
            CopyForm::Binary => Format::Binary,
            CopyForm::Text { .. } | CopyForm::Csv { .. } => Format::Text,
        };
        Sealing {
            form: data.form.clone(),
            force_quote: data.force_quote.clone(),
            header: data.header && !data.own_header,
            own_header: data.own_header,
            names: data.columns.iter().map(|c| c.name.clone()).collect(),
            seals: pseudonyms.into_iter().map(|p| p.map(|p| (p, format))).collect(),
        }
    }

    /// Appends the CopyData message that comes first, where the server sends none for it.
    pub fn put_header(&self, out: &mut Vec<u8>) {
        if !self.own_header {
            return;
        }
        frame::put(out, b'd', |out| {
            for (index, name) in self.names.iter().enumerate() {
                if index > 0 {
                    out.push(self.delimiter());
                }
                let mut field = Vec::new();
                plain::put(kept(name).as_bytes(), plain::DELIMITER, &mut field);
                // What was escaped is read.
                let _written = self.value(&field, None, false, out);
            }
            out.push(b'\n');
        });
    }

    /// Appends the CopyData message that the client is sent for one of the server's, whose body is `body`. The server sends one row in
    /// each (`CopySendEndOfRow`); what is none is a fault. On a fault nothing is appended.
    ///
    /// # Errors
    /// [`RowFault`] where the row is malformed, has another number of columns, or a value cannot be sealed.
    pub fn put(&self, progress: &mut Progress, body: &[u8], out: &mut Vec<u8>) -> Result<(), RowFault> {
        let start = out.len();
        let mut done = Ok(());
        frame::put(out, b'd', |out| done = self.write(progress, body, out));
        if done.is_err() {
            out.truncate(start);
        }
        done
    }

    fn write(&self, progress: &mut Progress, body: &[u8], out: &mut Vec<u8>) -> Result<(), RowFault> {
        if self.form == CopyForm::Binary {
            return binary::write(progress, body, &self.seals, out);
        }
        let is_header = self.header && !progress.begun;
        progress.begun = true;
        let line = plain::line(body).ok_or(RowFault::Malformed)?;
        let mut columns = self.seals.iter().enumerate();
        let mut found = 0_usize;
        for field in plain::fields(line) {
            let Some((index, seal)) = columns.next() else {
                return Err(RowFault::Columns { judged: self.seals.len(), found: found.saturating_add(1) });
            };
            found = found.saturating_add(1);
            if index > 0 {
                out.push(self.delimiter());
            }
            if is_header && seal.is_some() && !self.names.get(index).is_some_and(|name| is_name(field, name)) {
                return Err(RowFault::Header { column: found });
            }
            let seal = seal.as_ref().filter(|_| !is_header).map(|(pseudonym, _)| pseudonym.as_ref());
            self.value(field, seal, !is_header && self.force_quote.get(index).copied().unwrap_or_default(), out)
                .map_err(|fault| fault.at(index))?;
        }
        if found != self.seals.len() {
            return Err(RowFault::Columns { judged: self.seals.len(), found });
        }
        out.push(b'\n');
        Ok(())
    }

    fn delimiter(&self) -> u8 {
        match &self.form {
            CopyForm::Text { delimiter, .. } | CopyForm::Csv { delimiter, .. } => *delimiter,
            CopyForm::Binary => 0,
        }
    }

    fn value(&self, field: &[u8], seal: Option<&dyn Pseudonym>, force: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
        if field == plain::NULL {
            match &self.form {
                CopyForm::Text { null, .. } | CopyForm::Csv { null, .. } => out.extend_from_slice(null.as_bytes()),
                CopyForm::Binary => {}
            }
            return Ok(());
        }
        if let (None, CopyForm::Text { delimiter: plain::DELIMITER, .. }) = (seal, &self.form) {
            out.extend_from_slice(field);
            return Ok(());
        }
        let read = plain::unescaped(field).ok_or(Fault::Malformed)?;
        // Most values stand as they are: they are written where they belong, and only taken back where they do not.
        let at = out.len();
        match seal {
            None => out.extend_from_slice(&read),
            Some(pseudonym) => pseudonym.text(&read, out).map_err(Fault::Unsealable)?,
        }
        let written = out.get(at..).unwrap_or_default();
        match &self.form {
            CopyForm::Text { delimiter, .. } => {
                if !plain::is_bare(written, *delimiter) {
                    plain::put(&out.split_off(at), *delimiter, out);
                }
            }
            CopyForm::Csv { delimiter, quote, escape, null } => {
                let alone = self.seals.len() == 1;
                let form = csv::Form { delimiter: *delimiter, quote: *quote, escape: *escape, null: null.as_bytes(), alone };
                if force || !csv::is_bare(written, &form) {
                    csv::put_quoted(&out.split_off(at), &form, out);
                }
            }
            CopyForm::Binary => {}
        }
        Ok(())
    }
}

/// Bytes that the server keeps of a name, perhaps without those of its last character.
const KEPT: usize = 63;

fn kept(name: &str) -> &str {
    name.get(..name.floor_char_boundary(KEPT)).unwrap_or(name)
}

/// As the server writes a name of a header: cut to the bytes that it keeps of one.
fn is_name(field: &[u8], name: &str) -> bool {
    let Some(said) = plain::unescaped(field) else { return false };
    let name = name.as_bytes();
    said.as_ref() == name || name.len() > KEPT && said.len() > KEPT - 4 && name.starts_with(&said)
}

enum Fault {
    Malformed,
    Unsealable(super::Unsealable),
}

impl Fault {
    fn at(self, index: usize) -> RowFault {
        match self {
            Fault::Malformed => RowFault::Malformed,
            Fault::Unsealable(source) => RowFault::Unsealable { column: index.saturating_add(1), source },
        }
    }
}
