//! When two answers are equal, and what may differ: **all declared differences stand here**.

use super::speak::{Frame, Heard};

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Nothing is withheld: byte for byte.
    Admin,
    /// A role with masks, on what holds nothing protected.
    Masked,
}

/// Notices that a role with masks is told; others are kept from it, since a trigger can say anything (`scrub/words.rs`).
const NOTICES: &[&str] = &["25001", "25P01", "42P06", "42P07", "42701", "42710"];

/// What of an answer is compared.
pub fn of(whose: Whose, heard: &Heard) -> Vec<String> {
    let mut all: Vec<String> = heard.frames.iter().filter_map(|frame| shown(whose, frame)).collect();
    if heard.closed {
        all.push("closed".to_owned());
    }
    all
}

fn shown(whose: Whose, frame: &Frame) -> Option<String> {
    match (whose, frame.tag) {
        (Whose::Masked, b'E' | b'N') => {
            let fields = fields(&frame.body);
            let field = |tag: u8| fields.iter().find(|(t, _)| *t == tag).map(|(_, text)| text.as_str()).unwrap_or_default();
            let code = field(b'C').to_owned();
            if frame.tag == b'N' && !NOTICES.contains(&code.as_str()) && !field(b'M').ends_with("does not exist, skipping") {
                return None;
            }
            let kept: Vec<String> = fields
                .iter()
                .filter(|(tag, _)| kept(*tag, &code))
                .map(|(tag, text)| format!("{}{text}", char::from(*tag)))
                .collect();
            Some(format!("{} {}", char::from(frame.tag), kept.join("|")))
        }
        _ => Some(format!("{frame:?}")),
    }
}

/// Fields of errors and notices that a role with masks is told in the server's words.
fn kept(tag: u8, code: &str) -> bool {
    match tag {
        b'S' | b'V' | b'C' => true,
        // Constraints, and what triggers and functions raise, are told in pgveil's words: the server's quote stored values.
        b'M' => !code.starts_with("23") && !code.starts_with("P0"),
        b'P' => true,
        // Source file, line and routine; context; names of objects; details and hints but those about the text: never told.
        _ => false,
    }
}

fn fields(body: &[u8]) -> Vec<(u8, String)> {
    let mut all = Vec::new();
    let mut rest = body;
    while let Some((&tag, after)) = rest.split_first().filter(|(tag, _)| **tag != 0) {
        let end = after.iter().position(|b| *b == 0).expect("a field's end");
        all.push((tag, String::from_utf8_lossy(&after[..end]).into_owned()));
        rest = &after[end + 1..];
    }
    all
}
