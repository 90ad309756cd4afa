//! `pgveil audit`

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::{ConfigArgument, PROBLEMS, bad_configuration, problem};
use crate::audit::chain::{BEGIN, Chain};
use crate::config::Config;
use crate::error::ConfigError;

/// Arguments of `pgveil audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows the last lines
    Tail {
        /// How many
        #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
        lines: usize,
        /// Goes on with what is written from now on, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// The lines as they are
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Checks that no line was changed, put in or taken out. Exit code 1 where one was; the first such line is named
    ///
    /// Several files are checked as one log, in the order given. It needs pgveil's key.
    Verify {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    config: ConfigArgument,
    /// Instead of the file that the configuration names
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.action {
        Action::Tail { lines, follow, json, place } => match place.files(None) {
            Ok(files) => tail(&files, *lines, *follow, *json),
            Err(e) => bad_configuration(&e),
        },
        Action::Verify { place } => match Config::load(&place.config.config) {
            Ok(config) => match place.files(Some(&config)) {
                Ok(files) => verify(&files, &Chain::with_old(&config.key, &config.old_keys)),
                Err(e) => bad_configuration(&e),
            },
            Err(e) => bad_configuration(&e),
        },
    }
}

impl Place {
    fn files(&self, config: Option<&Config>) -> Result<Vec<PathBuf>, ConfigError> {
        if !self.files.is_empty() {
            return Ok(self.files.clone());
        }
        let loaded;
        let config = match config {
            Some(config) => config,
            None => {
                loaded = Config::load(&self.config.config)?;
                &loaded
            }
        };
        config.audit.clone().map(|file| vec![file]).ok_or_else(|| ConfigError {
            file: config.file.clone(),
            key: "audit.file".to_owned(),
            problem: "is missing: there is no audit log".to_owned(),
            remedy: "write file = \"audit.log\" below [audit], or name a file".to_owned(),
        })
    }
}

fn verify(files: &[PathBuf], chain: &Chain) -> ExitCode {
    let mut told = String::new();
    let outcome = verified(files, chain, &mut told);
    let broken = outcome.as_ref().err().map(|broken| format!("{broken}\n")).unwrap_or_default();
    let _unread = std::io::stdout().write_all(format!("{told}{broken}").as_bytes());
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) }
}

/// Tells of each file that is whole; an error is the first that is not.
fn verified(files: &[PathBuf], chain: &Chain, told: &mut String) -> Result<(), String> {
    let mut before: Option<(u64, String)> = None;
    for file in files {
        let shown = file.display();
        let text = std::fs::read(file).map_err(|e| format!("{shown}: {e}"))?;
        let verified = chain.verify(&text).map_err(|broken| format!("{shown}: {broken}"))?;
        let begins = match (&before, &verified.first) {
            (_, None) => "is empty".to_owned(),
            (Some(before), Some(first)) if before != first => {
                return Err(format!("{shown}: line 1 does not follow the file before it"));
            }
            (Some(_), Some(_)) => "follows the file before it".to_owned(),
            (None, Some((1, prev))) if prev == BEGIN => "begins a log".to_owned(),
            (None, Some((seq, _))) => format!("goes on from line {} of a log whose beginning was not named", seq.saturating_sub(1)),
        };
        if verified.first.is_some() {
            before = Some((verified.last.next, verified.last.digest.clone()));
        }
        told.push_str(&format!("{shown}: {} lines, whole; it {begins}. Digest of the last: {}\n", verified.lines, verified.last.digest));
    }
    Ok(())
}

fn tail(files: &[PathBuf], lines: usize, follow: bool, json: bool) -> ExitCode {
    let Some(file) = files.last() else { return ExitCode::SUCCESS };
    match tail_of(file, lines, follow, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => problem(&format!("{}: {e}", file.display())),
    }
}

fn tail_of(path: &Path, lines: usize, follow: bool, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let mut reader = BufReader::new(File::open(path)?);
    let mut last = std::collections::VecDeque::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.ends_with(b"\n") {
            last.push_back(std::mem::take(&mut line));
            if last.len() > lines {
                last.pop_front();
            }
        }
    }
    for line in &last {
        out.write_all(&show(line, json))?;
    }
    if !follow {
        return Ok(());
    }
    loop {
        out.flush()?;
        std::thread::sleep(Duration::from_millis(200));
        // What is there of a line is kept until the rest is.
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.ends_with(b"\n") {
                out.write_all(&show(&std::mem::take(&mut line), json))?;
            }
        }
        let here = reader.get_ref().metadata()?;
        match std::fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) != (here.dev(), here.ino()) => reader = BufReader::new(File::open(path)?),
            Ok(there) if there.len() < reader.stream_position()? => drop(reader.seek(SeekFrom::Start(0))?),
            Ok(_) | Err(_) => {}
        }
    }
}

fn show(line: &[u8], json: bool) -> Vec<u8> {
    let read: Option<Value> = if json { None } else { serde_json::from_slice(line).ok() };
    let Some(value) = read else { return line.to_vec() };
    let text = |key: &str| match value.get(key) {
        Some(Value::String(text)) => Some(printable(text)),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) | None => None,
    };
    let mut words: Vec<String> = ["time", "event", "outcome", "refusal", "session", "user", "role", "database"]
        .iter()
        .filter_map(|key| match *key {
            "session" => text(key).map(|n| format!("#{n}")),
            key => text(key),
        })
        .collect();
    if let Some(Value::Object(columns)) = value.get("columns") {
        words.push(format!(
            "[{}]",
            columns.iter().map(|(c, m)| format!("{c}: {}", m.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", ")
        ));
    }
    words.extend(["lines", "why", "sql"].iter().filter_map(|key| text(key)));
    format!("{}\n", words.join(" ")).into_bytes()
}

/// One line that does nothing to a terminal.
fn printable(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_was_changed_is_named() {
        let folder = std::env::temp_dir().join(format!("pgveil-audit-command-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let chain = Chain::new(&crate::config::SecretKey([3; 32]));
        let mut at = crate::audit::chain::Link::default();
        let mut file = |name: &str| {
            let text: Vec<u8> = (0..4).flat_map(|n| chain.line(&mut at, format!("\"sql\":\"SELECT {n}\"").as_bytes())).collect();
            let path = folder.join(name);
            std::fs::write(&path, &text).unwrap();
            (path, String::from_utf8(text).unwrap())
        };
        let ((first, text), (second, _)) = (file("1"), file("2"));
        let check = |files: &[&PathBuf]| {
            let mut told = String::new();
            verified(&files.iter().map(|f| (*f).clone()).collect::<Vec<_>>(), &chain, &mut told).map(|()| told)
        };
        let whole = check(&[&first, &second]).unwrap();
        assert!(whole.contains("1: 4 lines, whole; it begins a log") && whole.contains("2: 4 lines, whole; it follows"), "{whole}");
        assert!(check(&[&second]).unwrap().contains("goes on from line 4 of a log"));
        assert!(check(&[&second, &first]).unwrap_err().ends_with("1: line 1 does not follow the file before it"));
        std::fs::write(&first, text.replace("SELECT 2", "SELECT 7")).unwrap();
        assert!(check(&[&first]).unwrap_err().contains("line 4 does not follow line 3"));
        std::fs::write(&first, text.lines().filter(|l| !l.contains("SELECT 1")).map(|l| format!("{l}\n")).collect::<String>()).unwrap();
        assert!(check(&[&first]).unwrap_err().contains("line 2 does not follow line 1"));
        let _gone = std::fs::remove_dir_all(&folder);
    }

    #[test]
    fn a_line_is_shown_in_one_and_does_nothing_to_a_terminal() {
        let line = br#"{"seq":1,"time":"T","event":"statement","session":3,"user":"a\u001b[2Jna","sql":"SELECT\n  1","columns":{"a.b.c":"hash"},"prev":"x"}"#;
        let shown = String::from_utf8(show(line, false)).unwrap();
        assert_eq!(shown, "T statement #3 a\u{fffd}[2Jna [a.b.c: hash] SELECT 1\n");
        assert_eq!(show(line, true), line);
        assert_eq!(show(b"{ none", false), b"{ none");
    }
}
