//! When two answers are equal, and what may differ: **all declared differences stand here**, each with its reason.

use super::speak::{Frame, Heard};

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Nothing is withheld: byte for byte.
    Admin,
    /// A role with masks, on what holds nothing protected.
    Masked,
}

/// How two answers compare.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Equal,
    /// Equal up to a refusal that Postgres does not know: its id. After it the sessions are not in the same state.
    UpTo(&'static str),
    /// What Postgres says, what pgveil says, and how many are equal before.
    Different(Vec<String>, Vec<String>, usize),
}

/// Refusals that stand where Postgres does something else, or nothing is wrong for it.
const REFUSED: &[(&str, &str)] = &[
    ("wire.function_call", "the message names a function by OID and is not judged"),
    ("wire.no_statement", "EXECUTE of a name that is not there is refused when its text is read, not when it runs"),
    ("wire.no_portal", "the portal of a simple Query that failed is still there, in vain, until its transaction ends"),
    ("cursor.unknown", "FETCH of a name that is not there is refused when its text is read, not when it runs"),
    (
        "execute.kind",
        "EXECUTE runs queries only: of a COPY or a COMMIT that was prepared under that name nothing is described before it runs",
    ),
    ("cursor.kind", "FETCH reads queries only, for the same reason"),
    ("name.relation", "names are looked up when a text is read; Postgres looks up those of a definition when it runs"),
    ("statement.stale", "what a prepared FETCH or EXECUTE leans on is another now"),
    ("text.stream", "COPY in one text with statements that hang on each other"),
];

/// Refusals in words of pgveil's where Postgres has others, with the same SQLSTATE: the catalog is looked up before the server does.
const IN_OTHER_WORDS: &[&str] = &["name.relation", "name.column"];

/// Whatever a row of a protected relation fails with.
const FAILED_ON_A_ROW: &str = "E SERROR|VERROR|C22000|Man expression of the statement fails for some row";

/// Notices that a role with masks is told; others are kept from it, since a trigger can say anything (`scrub/words.rs`).
const NOTICES: &[&str] = &["25001", "25P01", "42P06", "42P07", "42701", "42710", "57P01", "57P02"];

/// Compares what Postgres said with what pgveil did.
pub fn compare(whose: Whose, theirs: &Heard, ours: &Heard) -> Verdict {
    let shown = |heard: &Heard| -> Vec<Said> { heard.frames.iter().filter_map(|frame| said(whose, frame)).collect() };
    let (a, b) = (shown(theirs), shown(ours));
    let alike = |a: &Said, b: &Said| {
        a.text == b.text
            || a.code.is_some() && a.code == b.code && (b.withheld || IN_OTHER_WORDS.contains(&b.id.as_str()))
            // Which row fails first, and how, tells an order that follows protected values.
            || b.text == FAILED_ON_A_ROW && a.code.as_ref().is_some_and(|code| code.starts_with("22"))
    };
    let same = a.iter().zip(&b).take_while(|(a, b)| alike(a, b)).count();
    match (a.get(same), b.get(same)) {
        (None, None) if theirs.closed == ours.closed => Verdict::Equal,
        // Hung up on without a Sync the server keeps what is in its buffer; pgveil has asked for it, to know what names mean.
        (None, Some(_)) if whose == Whose::Masked && theirs.closed && ours.closed => Verdict::Equal,
        (_, Some(said)) if REFUSED.iter().any(|(id, _)| *id == said.id) => {
            Verdict::UpTo(REFUSED.iter().find(|(id, _)| *id == said.id).map_or("", |(id, _)| id))
        }
        _ => {
            let text = |all: &[Said], heard: &Heard| -> Vec<String> {
                all.iter().map(|s| s.text.clone()).chain(heard.closed.then(|| "closed".to_owned())).collect()
            };
            Verdict::Different(text(&a, theirs), text(&b, ours), same)
        }
    }
}

/// What of a message is compared.
struct Said {
    text: String,
    /// SQLSTATE of an error.
    code: Option<String>,
    /// Of a refusal.
    id: String,
    /// Only the SQLSTATE is the server's: constraints, encodings, triggers, data of a COPY may quote what is stored.
    withheld: bool,
}

fn said(whose: Whose, frame: &Frame) -> Option<Said> {
    if whose == Whose::Admin || !matches!(frame.tag, b'E' | b'N') {
        return Some(Said { text: format!("{frame:?}"), code: None, id: String::new(), withheld: false });
    }
    let fields = fields(&frame.body);
    let field = |tag: u8| fields.iter().find(|(t, _)| *t == tag).map(|(_, text)| text.clone()).unwrap_or_default();
    let code = field(b'C');
    if frame.tag == b'N' && !NOTICES.contains(&code.as_str()) && !field(b'M').ends_with("does not exist, skipping") {
        return None;
    }
    let kept: Vec<String> =
        fields.iter().filter(|(tag, _)| kept(*tag, &code)).map(|(tag, text)| format!("{}{text}", char::from(*tag))).collect();
    Some(Said {
        text: format!("{} {}", char::from(frame.tag), kept.join("|")),
        code: Some(code),
        id: field(b'R'),
        withheld: field(b'D').starts_with("pgveil withholds"),
    })
}

/// Fields of errors and notices that a role with masks is told in the server's words.
fn kept(tag: u8, code: &str) -> bool {
    match tag {
        b'S' | b'V' | b'C' => true,
        // Constraints are told by their name only: the server's words quote the row.
        b'M' => !code.starts_with("23"),
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
