//! The chain: each line ends with a digest of the one before it, made with a key that only pgveil has.
//!
//! A line is `{"seq":N,…,"prev":"…"}`. A line that is changed, put in or taken out does not fit the next one; what is cut off at the end is
//! found once the next line is written, since the process goes on from the digest that it has. Whoever has pgveil's key can make another
//! chain.

use crate::config::SecretKey;

/// What is before the first line.
pub const BEGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Hexadecimal digits of a digest.
const DIGITS: usize = BEGIN.len();

/// Makes digests.
#[derive(Clone)]
pub struct Chain {
    key: [u8; 32],
    /// Lines were written with these before.
    old: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chain(…)")
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// This line is none of ours.
    #[error("line {line} is no line of an audit log")]
    Form {
        /// From 1.
        line: usize,
    },
    /// This line was changed, or is not the one that was before the next one.
    #[error("line {line} does not follow line {before}: one of them was changed, or lines between them are gone", before = .line.saturating_sub(1))]
    Chain {
        /// From 1: the one whose `prev` does not fit.
        line: usize,
    },
    /// This line's number is not the next one.
    #[error("line {line} has number {found}, and {wanted} comes next")]
    Number {
        /// From 1.
        line: usize,
        /// Its `seq`.
        found: u64,
        /// The one after that of the line before.
        wanted: u64,
    },
    /// The last line has no end: the process or the machine went down while it was written.
    #[error("line {line} is cut short")]
    Cut {
        /// From 1.
        line: usize,
    },
}

/// Where a chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Number of the next line.
    pub next: u64,
    /// Digest of the last one.
    pub digest: String,
}

impl Default for Link {
    fn default() -> Self {
        Link { next: 1, digest: BEGIN.to_owned() }
    }
}

impl Chain {
    /// With a key derived from pgveil's.
    pub fn new(key: &SecretKey) -> Chain {
        Chain::with_old(key, &[])
    }

    /// The same, which knows lines that were written with keys of before.
    pub fn with_old(key: &SecretKey, old: &[SecretKey]) -> Chain {
        let derive = |key: &SecretKey| blake3::derive_key("pgveil 2026-11 audit log chain", &key.0);
        Chain { key: derive(key), old: old.iter().map(derive).collect() }
    }

    /// A line, with its line end, around what it says: the members of an object, without braces.
    pub fn line(&self, at: &mut Link, members: &[u8]) -> Vec<u8> {
        let mut line = format!("{{\"seq\":{},", at.next).into_bytes();
        line.extend_from_slice(members);
        line.extend_from_slice(format!(",\"prev\":\"{}\"}}", at.digest).as_bytes());
        *at = Link { next: at.next.saturating_add(1), digest: self.digest(&line) };
        line.push(b'\n');
        line
    }

    /// Goes over a file's text. The first line may continue another file: its `prev` is taken as it is.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, text: &[u8]) -> Result<Verified, Broken> {
        let mut at: Option<(Link, &[u8])> = None;
        let mut verified = Verified { lines: 0, first: None, last: Link::default() };
        for (n, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
            let number = n.saturating_add(1);
            let Some(line) = line.strip_suffix(b"\n") else { return Err(Broken::Cut { line: number }) };
            let (seq, prev) = members(line).ok_or(Broken::Form { line: number })?;
            if let Some((at, before)) = &at {
                if at.digest != prev && !self.old.iter().any(|key| digest(key, before) == prev) {
                    return Err(Broken::Chain { line: number });
                }
                if at.next != seq {
                    return Err(Broken::Number { line: number, found: seq, wanted: at.next });
                }
            } else {
                verified.first = Some((seq, prev));
            }
            at = Some((Link { next: seq.saturating_add(1), digest: self.digest(line) }, line));
            verified.lines = number;
        }
        verified.last = at.map(|(link, _)| link).unwrap_or_default();
        Ok(verified)
    }

    /// Where the chain is behind the last whole line of a file's end, and how many bytes stand behind that line.
    pub fn resume(&self, text: &[u8]) -> Option<(Link, usize)> {
        let whole = text.iter().rposition(|b| *b == b'\n')?;
        let lines = text.get(..whole)?;
        let start = lines.iter().rposition(|b| *b == b'\n').map_or(0, |at| at.saturating_add(1));
        let line = lines.get(start..)?;
        let (seq, _) = members(line)?;
        let rest = text.len().saturating_sub(whole.saturating_add(1));
        Some((Link { next: seq.saturating_add(1), digest: self.digest(line) }, rest))
    }

    fn digest(&self, line: &[u8]) -> String {
        digest(&self.key, line)
    }
}

fn digest(key: &[u8; 32], line: &[u8]) -> String {
    blake3::keyed_hash(key, line).to_hex().to_string()
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has.
    pub lines: usize,
    /// Number of the first, and its `prev`: the digest of the last line of the file before it, or [`BEGIN`].
    pub first: Option<(u64, String)>,
    /// Behind the last.
    pub last: Link,
}

/// `seq` and `prev`.
fn members(line: &[u8]) -> Option<(u64, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let (seq, _) = line.strip_prefix("{\"seq\":")?.split_once(',')?;
    let (_, prev) = line.strip_suffix("\"}")?.rsplit_once(",\"prev\":\"")?;
    let is_digest = prev.len() == DIGITS && prev.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    Some((seq.parse().ok()?, prev.to_owned())).filter(|_| is_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chain: &Chain, at: &mut Link, lines: &[&str]) -> Vec<u8> {
        lines.iter().flat_map(|line| chain.line(at, format!("\"sql\":\"{line}\"").as_bytes())).collect()
    }

    #[test]
    fn every_edit_is_found() {
        let chain = Chain::new(&SecretKey([7; 32]));
        let mut at = Link::default();
        let all = file(&chain, &mut at, &["a", "b", "c", "d"]);
        let whole = chain.verify(&all).unwrap();
        assert_eq!((whole.lines, whole.first, &whole.last), (4, Some((1, BEGIN.to_owned())), &at));
        let lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
        let without = |n: usize| [&lines[..n], &lines[n + 1..]].concat().concat();
        assert_eq!(chain.verify(&without(1)), Err(Broken::Chain { line: 2 }));
        assert_eq!(chain.verify(&without(0)).unwrap().first.unwrap().0, 2, "it may continue another file, and says where");
        assert_eq!(chain.verify(&[lines[0], lines[2], lines[1], lines[3]].concat()), Err(Broken::Chain { line: 2 }));
        for at in 0..all.len() {
            let mut edited = all.clone();
            edited[at] ^= 1;
            let last = at >= all.len() - lines[3].len();
            // Of the last line only a next one tells; and of the first one's `prev` only the file before.
            assert!(chain.verify(&edited).is_err() || last, "byte {at}");
        }
        // The last line is changed, and a next one is written.
        let mut edited = String::from_utf8(all.clone()).unwrap().replace("\"d\"", "\"x\"").into_bytes();
        edited.extend(file(&chain, &mut at, &["e"]));
        assert_eq!(chain.verify(&edited), Err(Broken::Chain { line: 5 }));
        assert_eq!(chain.verify(&all[..all.len() - 1]), Err(Broken::Cut { line: 4 }));
        assert_eq!(chain.verify(b"\n"), Err(Broken::Form { line: 1 }));
        assert_eq!(Chain::new(&SecretKey([8; 32])).verify(&all), Err(Broken::Chain { line: 2 }), "another key");
        // A new key goes on with the log.
        let later = Chain::with_old(&SecretKey([8; 32]), &[SecretKey([7; 32])]);
        let (mut at, _) = later.resume(&all).unwrap();
        let both = [all.clone(), file(&later, &mut at, &["d", "e"])].concat();
        assert_eq!(later.verify(&both).unwrap().lines, 6);
        assert!(chain.verify(&both).is_err());
        assert_eq!(chain.verify(b"").unwrap().lines, 0);
    }

    #[test]
    fn a_chain_goes_on_behind_the_last_whole_line() {
        let chain = Chain::new(&SecretKey([7; 32]));
        let mut at = Link::default();
        let mut all = file(&chain, &mut at, &["a", "b"]);
        assert_eq!(chain.resume(&all), Some((at.clone(), 0)));
        all.extend_from_slice(b"{\"seq\":3,\"sq");
        assert_eq!(chain.resume(&all), Some((at, 12)));
        assert_eq!(chain.resume(b""), None);
        assert_eq!(chain.resume(b"something else\n"), None);
    }
}
