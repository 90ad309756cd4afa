//! Masks that need a key in the database: one of their own, from which no other can be found.
//!
//! The key is a constant in the text that is sent. A judged text has a hole in its place, as for the session's order key; unlike that one it is
//! always the same, since a mask that were another in each session could be averaged away.

use super::{constant, op};

/// Begins the place of a key, where the key stands in a mask's SQL until the mask is put into a text. Nobody writes that by mistake.
const PLACE: &str = "\u{1}pgveil key\u{1}";

/// A mask's SQL with holes for keys, for a text whose holes begin with `marker`.
pub fn with_marker(sql: &str, marker: &str) -> String {
    sql.replace(PLACE, marker)
}

/// Whether a key stands in a mask's SQL.
pub fn is_keyed(sql: &str) -> bool {
    sql.contains(PLACE)
}

/// 32 bits that only the key tells, as an int8 from 0: of the key of a domain and `value`, a bytea.
pub(super) fn secret_number(domain: &str, value: &str) -> String {
    let digits: String = domain.bytes().map(|byte| format!("{byte:02x}")).collect();
    let key = format!("pg_catalog.decode({}, {})", constant(&format!("{PLACE}@{digits}."), "text"), constant("escape", "text"));
    let digest = format!("pg_catalog.sha256({})", op(&key, "||", value));
    let hex = format!("pg_catalog.encode(pg_catalog.\"substr\"({digest}, 1, 4), {})", constant("hex", "text"));
    format!("CAST(CAST({} AS BIT(32)) AS pg_catalog.int8)", op(&constant("x", "text"), "||", &hex))
}

/// The domain of a hole that begins so.
pub fn domain_of(digits: &str) -> Option<String> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SqlText;

    #[test]
    fn a_key_is_put_in_when_a_text_is_sent() {
        let veil = secret_number("it's of ä", "x");
        assert!(is_keyed(&veil) && !is_keyed("CAST(NULL AS pg_catalog.text)"));
        let judged = with_marker(&veil, "Marker0123456789");
        assert!(judged.contains(&SqlText::key_hole("Marker0123456789")) && !judged.contains('\u{1}'), "{judged}");
        let text = SqlText::with_holes(&format!("SELECT 'Marker0123456789', {judged}"), "Marker0123456789", &[]);
        let sent = text.render("order", |_| String::new(), |domain| format!("key of {domain}"));
        assert!(sent.starts_with("SELECT 'order', ") && sent.contains("CAST('key of it's of ä' AS pg_catalog.text)"), "{sent}");
        assert!(!sent.contains("Marker"), "{sent}");
    }
}
