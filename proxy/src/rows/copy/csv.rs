//! Csv, written as `CopyAttributeOutCSV` of `src/backend/commands/copyto.c` does.

/// How it is written.
pub struct Form<'a> {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: u8,
    pub null: &'a [u8],
    /// It is the only column.
    pub alone: bool,
}

/// Appends a value that is not NULL. `force`: in quotes whatever it is.
pub fn put(value: &[u8], form: &Form<'_>, force: bool, out: &mut Vec<u8>) {
    let breaks = |byte: &u8| *byte == form.delimiter || *byte == form.quote || matches!(byte, b'\n' | b'\r');
    // `\.` alone in a line would end the data.
    if !(force || value == form.null || form.alone && value == b"\\." || value.iter().any(breaks)) {
        out.extend_from_slice(value);
        return;
    }
    out.push(form.quote);
    for byte in value {
        if *byte == form.quote || *byte == form.escape {
            out.push(form.escape);
        }
        out.push(*byte);
    }
    out.push(form.quote);
}
