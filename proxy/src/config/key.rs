//! Where the keys come from: a file, the environment, or what a program prints.
//!
//! One key in each line: the first makes pseudonyms, of those below it tokens are still turned back.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::SecretKey;
use super::load::Load;
use super::section::Section;
use crate::error::ConfigError;

/// How long the program may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The most bytes that it may print.
const LONGEST: usize = 4096;

/// The most keys whose tokens are turned back: each is tried on every text that is no token.
const MOST_OLD: usize = 8;

const REMEDY: &str = "64 hex digits in a line, such as those of: openssl rand -hex 32; keys of before in lines below";

impl Load<'_> {
    /// The key, and those of before.
    pub(super) fn keys(&mut self, root: &mut Section<'_>) -> Result<(SecretKey, Vec<SecretKey>), ConfigError> {
        let (file, command) = (root.text("key_file")?, root.texts("key_command")?);
        if file.is_some() && !command.is_empty() {
            return Err(root.fault("key_command", "stands beside key_file", "write one of them"));
        }
        let key = if command.is_empty() { "key_file" } else { "key_command" };
        let text = match ((self.environment)("PGVEIL_KEY").map(Zeroizing::new), file) {
            (Some(text), file) => {
                if file.is_some() || !command.is_empty() {
                    self.warnings.push(format!("PGVEIL_KEY is set: {key} is not read"));
                }
                text
            }
            (None, Some(path)) => {
                let path = self.folder.join(path);
                let read = fs::read_to_string(&path).map(Zeroizing::new);
                let text = read
                    .map_err(|e| root.fault(key, format!("{}: {e}", path.display()), "write it there, readable by pgveil's user only"))?;
                self.warn_if_open(&path);
                text
            }
            (None, None) if command.is_empty() => {
                return Err(root.fault(
                    key,
                    "is missing",
                    "write key_file = \"pgveil.key\", or key_command = [\"program\", \"argument\"], or set PGVEIL_KEY",
                ));
            }
            (None, None) => {
                let printed = printed(self.folder, &command, WITHIN);
                // What it printed, there too, may be a key.
                printed.map_err(|why| root.fault(key, why, "run it by hand as pgveil's user; it is to print the key and nothing else"))?
            }
        };
        let (first, old) = parse(&text).map_err(|why| root.fault(key, why, REMEDY))?;
        Ok((first, old))
    }
}

/// Keys by line, the newest first.
fn parse(text: &str) -> Result<(SecretKey, Vec<SecretKey>), String> {
    let mut keys: Vec<SecretKey> = Vec::new();
    for (number, line) in (1_usize..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = hex(line).map(SecretKey).ok_or_else(|| format!("line {number} is not 64 hex digits"))?;
        if keys.contains(&key) {
            return Err(format!("line {number} is a key that stands above it"));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err("there is no key".to_owned());
    }
    let first = keys.remove(0);
    if keys.len() > MOST_OLD {
        return Err(format!("there are more than {MOST_OLD} keys below the first"));
    }
    Ok((first, keys))
}

/// What a program prints. It is started without a shell, in `folder`, and stopped when it takes longer than `within`.
fn printed(folder: &Path, command: &[String], within: Duration) -> Result<Zeroizing<String>, String> {
    let Some((program, arguments)) = command.split_first() else { return Err("is empty".to_owned()) };
    // A path is relative to the configuration, as all are; a name is looked for on PATH.
    let path =
        if program.contains('/') { std::path::absolute(folder.join(program)).unwrap_or_else(|_| program.into()) } else { program.into() };
    let mut run = Command::new(path);
    run.args(arguments).env_remove("PGVEIL_UPSTREAM_PASSWORD").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if !folder.as_os_str().is_empty() {
        run.current_dir(folder);
    }
    let mut child = run.spawn().map_err(|e| format!("{program}: {e}"))?;
    let (to, from) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let mut text = Zeroizing::new(Vec::with_capacity(LONGEST.saturating_add(1)));
            let read = out.take(u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut text);
            // Nobody waits for it any more where it took too long.
            let _late = to.send(read.map(|_| text));
        });
    }
    let until = Instant::now() + within;
    let read = from.recv_timeout(within);
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if read.is_ok() && Instant::now() < until => thread::sleep(Duration::from_millis(5)),
            Ok(None) => break Err(format!("{program}: did not end within {} seconds", within.as_secs())),
            Err(e) => break Err(format!("{program}: {e}")),
        }
        if matches!(&read, Ok(Ok(text)) if text.len() > LONGEST) {
            break Err(format!("{program}: printed more than {LONGEST} bytes"));
        }
    };
    let status = ended.inspect_err(|_| {
        // It may have ended by itself by now.
        let _ended = child.kill().and_then(|()| child.wait());
    })?;
    if !status.success() {
        return Err(format!("{program}: {status}"));
    }
    let text = read.map_err(|_| format!("{program}: left its output open"))?.map_err(|e| format!("{program}: {e}"))?;
    match std::str::from_utf8(&text) {
        _ if text.len() > LONGEST => Err(format!("{program}: printed more than {LONGEST} bytes")),
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(format!("{program}: did not print a text")),
    }
}

fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (byte, at) in out.iter_mut().zip((0..64_usize).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at.saturating_add(2))?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        format!("{byte:02x}").repeat(32)
    }

    #[test]
    fn the_first_line_is_the_key_and_those_below_are_old() {
        let text = format!("# since November\n{}\n\n  {}\r\n{}", key(1), key(2), key(3));
        let (first, old) = parse(&text).unwrap();
        assert_eq!((first.0, old.iter().map(|k| k.0).collect::<Vec<_>>()), ([1; 32], vec![[2; 32], [3; 32]]));
        let many: Vec<String> = (0..10).map(key).collect();
        for (bad, why) in [
            (String::new(), "no key"),
            ("# nothing\n".to_owned(), "no key"),
            (format!("{}\n{}", key(1), key(2).trim_start_matches('0')), "line 2 is not 64"),
            (format!("{}\n{}", key(1), key(1)), "line 2 is a key that stands above"),
            (many.join("\n"), "more than 8"),
        ] {
            let told = parse(&bad).unwrap_err();
            assert!(told.contains(why) && !told.contains(&key(1)), "{told}");
        }
        assert_ne!(first.id(), old[0].id());
        assert_eq!(first.id().len(), 8);
    }

    #[test]
    fn a_program_prints_the_key() {
        let run = |script: &str, within| {
            let command = ["sh", "-c", script].map(str::to_owned);
            printed(Path::new(""), &command, Duration::from_millis(within)).map(|text| text.to_string())
        };
        assert_eq!(run("echo a key; echo told >&2", 9000).unwrap(), "a key\n");
        for (script, within, why) in [
            ("echo secret; exit 3", 9000, "sh: exit status: 3"),
            ("echo secret; sleep 60", 200, "did not end within"),
            ("echo secret; exec >&-; sleep 60", 200, "did not end within"),
            ("yes secret", 9000, "more than 4096 bytes"),
            ("printf 'secret\\377'", 9000, "did not print a text"),
        ] {
            let begun = Instant::now();
            let told = run(script, within).unwrap_err();
            assert!(told.contains(why) && !told.contains("secret"), "{script}: {told}");
            assert!(begun.elapsed() < Duration::from_secs(8), "{script}");
        }
        let nowhere = ["./none".to_owned()];
        assert!(printed(Path::new("/nonexistent"), &nowhere, WITHIN).unwrap_err().starts_with("./none: "));
    }
}
