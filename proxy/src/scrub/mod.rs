//! Errors, notices and parameters of the server, for a role with masks: what may be read in them, and our words for the rest.
//!
//! Veil and seal leave only masks in the expressions of a client, so most messages hold nothing; those that a constraint, a trigger,
//! a function's body or an encoding writes may hold a stored value. What is let through is an allowlist of classes of SQLSTATE
//! (PostgreSQL documentation, appendix A); a class that is not on it is told in our words.

mod copy;
mod row;
pub mod words;

use crate::wire::answer::Report;

/// Reads what the server says to a session with masks.
#[derive(Debug, Clone)]
pub struct Scrub {
    secret: Vec<u8>,
    filters_may_fail: bool,
}

/// How much of the session's order key may stand in a text: fewer bytes than this in a row.
const KEY_WINDOW: usize = 6;

/// Names that pgveil gives begin with this; a client's may not.
pub const OWN_NAMES: &str = "pgveil_";

impl Scrub {
    /// `order_key`: the session's, which no text may show. `filters_may_fail`: messages about values (class 22) may be about
    /// a row filter's, of any row, and are told in our words.
    pub fn new(order_key: &str, filters_may_fail: bool) -> Self {
        Scrub { secret: order_key.as_bytes().to_vec(), filters_may_fail }
    }

    /// What is protected may be another since.
    pub fn filters_may_fail(&mut self, they_may: bool) {
        self.filters_may_fail |= they_may;
    }

    /// The error that the client sees: severity and SQLSTATE as they are; message, detail and hint where they can hold no stored
    /// value; never a position (it is one in the rewritten text), a context, an internal query, an object's name or a source line.
    pub fn error(&self, report: &Report) -> Report {
        let severity = severity(report.severity());
        let Some(code) = code(report.code()) else {
            return Report::ours(severity, "XX000", words::message("XX000"));
        };
        if !self.may_pass(code, report) {
            let mut ours = Report::ours(severity, code, words::message(code));
            ours.fields.push((b'D', words::WITHHELD.as_bytes().to_vec()));
            return ours;
        }
        let mut shown = Report::ours(severity, code, "");
        shown.fields.pop();
        shown.fields.extend(report.fields.iter().filter(|(tag, _)| shows(*tag, code)).cloned());
        shown
    }

    /// One error for all that [`Scrub::is_of_a_row`]: which row fails first, and how, follows the order in which rows are read.
    pub fn failed_on_a_row(report: &Report) -> Report {
        let mut ours = Report::ours(severity(report.severity()), "22000", words::FAILED_ON_A_ROW);
        ours.fields.push((b'D', words::FAILED_ON_A_ROW_DETAIL.as_bytes().to_vec()));
        ours.fields.push((b'H', words::FAILED_ON_A_ROW_HINT.as_bytes().to_vec()));
        ours
    }

    /// A constraint refused a row.
    pub fn is_of_a_constraint(report: &Report) -> bool {
        code(report.code()).is_some_and(|c| c.starts_with("23"))
    }

    /// A constraint refused a row: which one, where the server says it by itself, but not for which values. Names are schema text.
    pub fn constraint(report: &Report) -> Report {
        let code = code(report.code()).unwrap_or("23000");
        let said = report.field(b'W').is_none() && report.field(b'q').is_none();
        let name = |tag: u8| report.field(tag).filter(|_| said).and_then(|n| std::str::from_utf8(n).ok());
        let message = match (name(b'n'), name(b'c')) {
            (Some(constraint), _) => format!("{} \"{constraint}\"", words::of_constraint(code)),
            (None, Some(column)) => format!("null value in column \"{column}\" violates not-null constraint"),
            (None, None) => words::message(code).to_owned(),
        };
        let mut ours = Report::ours(severity(report.severity()), code, &message);
        for tag in [b's', b't', b'c', b'n'] {
            if let Some(name) = name(tag) {
                // The number of a session's temporary schema is the server's.
                let temporary = tag == b's' && name.starts_with("pg_temp_");
                ours.fields.push((tag, if temporary { b"pg_temp".to_vec() } else { name.as_bytes().to_vec() }));
            }
        }
        ours
    }

    /// The same of a statement that writes: what the server says of its text passes, but not what it says while it runs, when triggers,
    /// computed columns and indexes look at stored values.
    pub fn of_a_write(&self, report: &Report) -> Report {
        let class = code(report.code()).and_then(|c| c.get(..2)).unwrap_or_default();
        let code = code(report.code()).unwrap_or("XX000");
        if report.field(b'P').is_some() || words::NOT_OF_A_VALUE.contains(&class) || words::OF_THE_SCHEMA.contains(&code) {
            return self.error(report);
        }
        let mut ours = Report::ours(severity(report.severity()), code, words::message(code));
        ours.fields.push((b'D', words::WITHHELD.as_bytes().to_vec()));
        ours
    }

    /// The notice that the client sees; `None` for all but a few that hold nothing.
    pub fn notice(&self, report: &Report) -> Option<Report> {
        let (severity, code) = (severity(report.severity()), code(report.code())?);
        let message = std::str::from_utf8(report.field(b'M')?).ok()?;
        let of_a_name = |(known, before, after): &(&str, &str, &str)| {
            let name = message.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            *known == code && name.is_some_and(|name| name.len() < words::NAME && !self.tells(name.as_bytes()))
        };
        let known = words::NOTICES.contains(&(code, message)) || words::NOTICES_OF_NAMES.iter().any(of_a_name);
        known.then(|| Report::ours(severity, code, message))
    }

    /// Whether the client is told of a parameter's value.
    pub fn parameter(&self, name: &[u8], value: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(Scrub::is_known) && !self.tells(value)
    }

    /// Whether a parameter is one whose values the client may be told.
    pub fn is_known(parameter: &str) -> bool {
        words::PARAMETERS.contains(&parameter)
    }

    fn may_pass(&self, code: &str, report: &Report) -> bool {
        let class = code.get(..2).unwrap_or_default();
        words::OPEN_CLASSES.contains(&class)
            && !words::CLOSED_CODES.contains(&code)
            && !(class == "22" && self.filters_may_fail)
            && report.field(b'W').is_none()
            && report.field(b'q').is_none()
            && report.field(b'M').is_some()
            && !report.fields.iter().any(|(_, text)| self.tells(text))
    }

    // Part of the order key is as good as all of it to one who can guess the rest; and a generated name means nothing to the reader.
    fn tells(&self, text: &[u8]) -> bool {
        let window = KEY_WINDOW.min(self.secret.len()).max(1);
        self.secret.windows(window).any(|part| contains(text, part)) || contains(text, OWN_NAMES.as_bytes())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len().max(1)).any(|w| w == part)
}

fn shows(tag: u8, code: &str) -> bool {
    match tag {
        b'M' => true,
        b'D' | b'H' => code.starts_with("42") || code.starts_with("22"),
        _ => false,
    }
}

// Under another lc_messages the field S is translated; V, and this, are not.
fn severity(said: &[u8]) -> &'static str {
    match said {
        b"FATAL" => "FATAL",
        b"PANIC" => "PANIC",
        b"WARNING" => "WARNING",
        b"NOTICE" => "NOTICE",
        b"DEBUG" => "DEBUG",
        b"INFO" => "INFO",
        b"LOG" => "LOG",
        _ => "ERROR",
    }
}

fn code(said: &[u8]) -> Option<&str> {
    let fit = said.len() == 5 && said.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if fit { std::str::from_utf8(said).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k3yk3yQmxa8Zp0";

    fn report(code: &str, fields: &[(u8, &str)]) -> Report {
        let mut report = Report::ours("ERROR", code, "");
        report.fields.pop();
        report.fields.extend(fields.iter().map(|(tag, text)| (*tag, text.as_bytes().to_vec())));
        report
    }

    fn text(report: &Report) -> String {
        report.fields.iter().map(|(_, t)| String::from_utf8_lossy(t).into_owned() + "\n").collect()
    }

    #[test]
    fn messages_that_can_hold_a_stored_value_are_told_in_our_words() {
        for (code, fields) in [
            ("23505", vec![(b'M', "duplicate key value violates \"u\""), (b'D', "Key (email)=(CANARY) already exists.")]),
            ("23514", vec![(b'M', "CANARY"), (b'D', "Failing row contains (CANARY)."), (b's', "CANARY"), (b'n', "CANARY")]),
            ("27000", vec![(b'M', "CANARY")]),
            ("44000", vec![(b'M', "CANARY")]),
            ("P0001", vec![(b'M', "CANARY"), (b'H', "CANARY")]),
            ("XX000", vec![(b'M', "CANARY")]),
            ("22P05", vec![(b'M', "CANARY")]),
            ("22021", vec![(b'M', "CANARY")]),
            ("42501", vec![(b'M', "CANARY")]),
            ("HV000", vec![(b'M', "CANARY")]),
            ("58030", vec![(b'M', "CANARY")]),
            ("38000", vec![(b'M', "CANARY")]),
            ("ZZ999", vec![(b'M', "CANARY")]),
            ("22012", vec![(b'M', "CANARY"), (b'W', "PL/pgSQL function f() line 1 at RAISE")]),
            ("22012", vec![(b'M', "CANARY"), (b'q', "SELECT 1/0")]),
            ("42601", vec![(b'M', "syntax error at or near \"k3yk3yQmxa8Zp0\""), (b'H', "CANARY")]),
            ("42601", vec![(b'M', "CANARY"), (b'D', "…Qmxa8Z…")]),
            ("42803", vec![(b'M', "CANARY pgveil_1.id must appear")]),
            ("00", vec![(b'M', "CANARY")]),
        ] {
            let seen = Scrub::new(KEY, false).error(&report(code, &fields));
            assert!(!text(&seen).contains("CANARY") && !text(&seen).contains("k3y"), "{code}: {}", text(&seen));
            assert!(!seen.field(b'M').unwrap().is_empty());
        }
    }

    #[test]
    fn other_messages_pass_without_their_place() {
        let seen = Scrub::new(KEY, false).error(&report(
            "42703",
            &[
                (b'M', "column \"x\" does not exist"),
                (b'H', "Perhaps you meant to reference the column \"c.y\"."),
                (b'P', "812"),
                (b'p', "3"),
                (b's', "shop"),
                (b't', "customers"),
                (b'c', "x"),
                (b'F', "parse_relation.c"),
                (b'L', "3656"),
                (b'R', "errorMissingColumn"),
            ],
        ));
        assert_eq!(text(&seen), "ERROR\nERROR\n42703\ncolumn \"x\" does not exist\nPerhaps you meant to reference the column \"c.y\".\n");
        let seen =
            Scrub::new(KEY, false).error(&report("40P01", &[(b'M', "deadlock detected"), (b'D', "Process 1 waits…"), (b'H', "See log")]));
        assert_eq!(text(&seen), "ERROR\nERROR\n40P01\ndeadlock detected\n");
    }

    #[test]
    fn notices_are_an_allowlist() {
        let scrub = Scrub::new(KEY, false);
        let notice = |code: &str, message: &str| scrub.notice(&report(code, &[(b'M', message), (b'W', "CANARY")]));
        assert!(notice("25P01", "there is no transaction in progress").is_some_and(|n| n.field(b'W').is_none()));
        assert_eq!(notice("25P01", "CANARY"), None);
        assert!(notice("42P07", "relation \"t\" already exists, skipping").is_some());
        assert_eq!(notice("00000", "relation \"t\" already exists, skipping"), None);
        let long = format!("relation \"{}\" already exists, skipping", "C".repeat(200));
        assert_eq!(notice("42P07", long.as_str()), None);
        assert_eq!(notice("00000", "drop cascades to table CANARY"), None);
        assert_eq!(notice("00000", "CANARY"), None);
        assert_eq!(notice("54000", "word is too long to be indexed"), None);
    }

    #[test]
    fn a_value_that_a_row_filter_failed_on_is_not_told() {
        let seen = Scrub::new(KEY, true).error(&report("22P02", &[(b'M', "invalid input syntax for type integer: \"ana@x\"")]));
        assert!(!text(&seen).contains("ana@x"), "{seen:?}");
    }

    #[test]
    fn errors_of_a_write_hold_no_stored_value() {
        let scrub = Scrub::new(KEY, false);
        let unique = report(
            "23505",
            &[(b'M', "duplicate key value violates \"u\""), (b'D', "Key (email)=(CANARY) already exists."), (b't', "leads"), (b'n', "u")],
        );
        assert!(Scrub::is_of_a_constraint(&unique));
        let seen = Scrub::constraint(&unique);
        assert_eq!(seen.field(b'M').unwrap(), b"duplicate key value violates unique constraint \"u\"");
        assert!(!text(&seen).contains("CANARY"));
        let raised = report("23505", &[(b'M', "CANARY"), (b'n', "CANARY"), (b'W', "PL/pgSQL function f() line 1 at RAISE")]);
        assert!(!text(&Scrub::constraint(&raised)).contains("CANARY"));
        let null = report("23502", &[(b'M', "null value"), (b'D', "Failing row contains (CANARY)."), (b'c', "id")]);
        assert!(
            text(&Scrub::constraint(&null)).contains("null value in column \"id\"") && !text(&Scrub::constraint(&null)).contains("CANARY")
        );
        let computed = report("22P02", &[(b'M', "invalid input syntax for type integer: \"CANARY\"")]);
        assert!(!text(&scrub.of_a_write(&computed)).contains("CANARY"));
        let of_the_text = report("22P02", &[(b'M', "invalid input syntax for type integer: \"x\""), (b'P', "9")]);
        assert!(text(&scrub.of_a_write(&of_the_text)).contains("\"x\""));
    }

    #[test]
    fn parameters_are_an_allowlist() {
        let scrub = Scrub::new(KEY, false);
        assert!(scrub.parameter(b"TimeZone", b"UTC"));
        assert!(!scrub.parameter(b"app.secret", b"x"));
        assert!(!scrub.parameter(b"application_name", b"a k3yk3yQ"));
    }
}
