//! The log: one line per event to standard error, `time level event key=value …`.
//!
//! No secret, no statement's text, no protected value ever goes here. `PGVEIL_LOG` is `error`, `warn` or `info` (the default).

use std::fmt::{Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

static FILE: OnceLock<File> = OnceLock::new();

/// From now on the log of this process goes to the end of a file instead.
///
/// # Errors
/// It cannot be opened.
pub fn to_file(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // A second file in one process: the first stays.
    let _set = FILE.set(file);
    Ok(())
}

/// Something that an operator must look at.
pub fn error(event: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Error, event, fields);
}

/// Something that an operator should look at.
pub fn warn(event: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Warn, event, fields);
}

/// Something that happened.
pub fn info(event: &str, fields: &[(&str, &dyn Display)]) {
    write(Level::Info, event, fields);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warn,
    Info,
}

fn limit() -> Level {
    static LIMIT: OnceLock<Level> = OnceLock::new();
    *LIMIT.get_or_init(|| match std::env::var("PGVEIL_LOG").as_deref() {
        Ok("error") => Level::Error,
        Ok("warn") => Level::Warn,
        Ok(_) | Err(_) => Level::Info,
    })
}

fn write(level: Level, event: &str, fields: &[(&str, &dyn Display)]) {
    if level > limit() {
        return;
    }
    let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    let text = line(&time, level, event, fields);
    // Nothing can be done about a log that takes nothing any more, and sessions must not end for it.
    let _lost = match FILE.get() {
        Some(mut file) => file.write_all(text.as_bytes()),
        None => io::stderr().write_all(text.as_bytes()),
    };
}

fn line(time: &str, level: Level, event: &str, fields: &[(&str, &dyn Display)]) -> String {
    let level = match level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "INFO",
    };
    let mut text = format!("{time} {level} {event}");
    for (key, value) in fields {
        let value = value.to_string();
        let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\'));
        // Writing to a String does not fail.
        let _written = if plain { write!(text, " {key}={value}") } else { write!(text, " {key}={value:?}") };
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_a_client_calls_itself() {
        let text = line("T", Level::Warn, "login.denied", &[("id", &7), ("user", &"ana\nT INFO fake"), ("why", &"")]);
        assert_eq!(text, "T WARN login.denied id=7 user=\"ana\\nT INFO fake\" why=\"\"\n");
    }
}
