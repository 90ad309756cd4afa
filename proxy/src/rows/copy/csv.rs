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

/// A value that is not NULL is written without quotes, unless they are forced.
pub fn is_bare(value: &[u8], form: &Form<'_>) -> bool {
    let breaks = |byte: &u8| *byte == form.delimiter || *byte == form.quote || matches!(byte, b'\n' | b'\r');
    // `\.` alone in a line would end the data.
    !(value == form.null || form.alone && value == b"\\." || value.iter().any(breaks))
}

/// Appends a value in quotes.
pub fn put_quoted(value: &[u8], form: &Form<'_>, out: &mut Vec<u8>) {
    out.push(form.quote);
    for byte in value {
        if *byte == form.quote || *byte == form.escape {
            out.push(form.escape);
        }
        out.push(*byte);
    }
    out.push(form.quote);
}
