//! Errors of the data of a COPY FROM: code and line stay, the words are ours. The server's quote the line that came, values that are
//! stored already, and whatever triggers and defaults say.

use super::{Scrub, code, severity, words};
use crate::wire::answer::Report;

/// The data is not in the form that COPY reads: the message tells of its form, and of names of columns.
const BAD_FILE: &str = "22P04";

/// Classes of errors that are not the data's.
const NOT_OF_THE_DATA: &[&str] = &["08", "25", "40", "53", "54", "55", "57"];

impl Scrub {
    /// The error that the client sees after data of its own has been asked for.
    pub fn of_copied(&self, report: &Report) -> Report {
        let known = code(report.code());
        let class = known.and_then(|code| code.get(..2)).unwrap_or_default();
        let context = report.field(b'W').and_then(|context| std::str::from_utf8(context).ok()).unwrap_or_default();
        // Nothing but COPY itself has a part in it.
        let alone = context.starts_with("COPY ") && !context.contains('\n');
        let mut shown = match (known, report.field(b'M').and_then(|message| std::str::from_utf8(message).ok())) {
            _ if NOT_OF_THE_DATA.contains(&class) && alone => self.error(&without_context(report)),
            // A trigger may say so, of values that are stored.
            _ if NOT_OF_THE_DATA.contains(&class) => self.error(report),
            (Some(BAD_FILE), Some(message)) if alone && !self.tells(message.as_bytes()) => {
                Report::ours(severity(report.severity()), BAD_FILE, message)
            }
            _ => {
                let code = known.unwrap_or("XX000");
                let mut ours = Report::ours(severity(report.severity()), code, words::message(code));
                ours.fields.push((b'D', words::WITHHELD.as_bytes().to_vec()));
                ours
            }
        };
        if let Some(line) = line(context) {
            shown.fields.push((b'W', format!("COPY, line {line}").into_bytes()));
        }
        shown
    }
}

/// COPY's own context is no reason to withhold that a statement was cancelled.
fn without_context(report: &Report) -> Report {
    Report { fields: report.fields.iter().filter(|(tag, _)| *tag != b'W').cloned().collect() }
}

/// The line of the data: digits, whatever else stands there.
fn line(context: &str) -> Option<u64> {
    let of_copy = context.lines().find(|line| line.starts_with("COPY "))?;
    let (_, rest) = of_copy.split_once(", line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, message: &str, context: &str) -> (String, String) {
        let mut report = Report::ours("ERROR", code, message);
        report.fields.push((b'D', b"Key (email)=(CANARY) already exists.".to_vec()));
        report.fields.push((b'W', context.as_bytes().to_vec()));
        let shown = Scrub::new("k3yk3yQmxa8Zp0", false).of_copied(&report);
        let all = shown.fields.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect::<Vec<_>>().join("|");
        assert_eq!(shown.code(), code.as_bytes());
        assert!(!all.contains("CANARY"), "{all}");
        (String::from_utf8_lossy(shown.field(b'M').unwrap()).into_owned(), all)
    }

    #[test]
    fn the_code_and_the_line_stay() {
        let (message, all) = told("23505", "duplicate key value violates unique constraint \"u\"", "COPY t, line 3");
        assert_eq!(message, "duplicate key value violates a unique constraint");
        assert!(all.ends_with("COPY, line 3"), "{all}");
        let (message, all) = told("22P02", "invalid input syntax for type integer: \"CANARY\"", "COPY t, line 12, column a: \"CANARY\"");
        assert!(message == "a value has not the syntax of its type" && all.ends_with("COPY, line 12"), "{all}");
        told("P0001", "CANARY", "PL/pgSQL function f() line 1 at RAISE\nCOPY t, line 3: \"x\"");
        told("22P04", "CANARY", "PL/pgSQL function f() line 1 at RAISE\nCOPY t, line 3: \"x\"");
        told("ZZZZZ", "CANARY", "");
        told("55P03", "CANARY", "PL/pgSQL function f() line 1 at RAISE\nCOPY t, line 3");
    }

    #[test]
    fn faults_of_the_form_and_of_the_session_are_told() {
        assert_eq!(told("22P04", "missing data for column \"b\"", "COPY t, line 1: \"x\"").0, "missing data for column \"b\"");
        assert_eq!(told("57014", "canceling statement due to user request", "COPY t, line 1").0, "canceling statement due to user request");
    }
}
