//! Canaries: protected text in the test databases is unmistakable, so that a leak can be seen in raw bytes.
//!
//! Every protected text is written in four letters. No word has six of them in a row, and a pseudonym, in Crockford's
//! base 32, has none. So a leak is found by its shape, whatever value it is a piece of; backwards and in either case
//! too, and in hexadecimal and base64 digits.

use std::cell::OnceCell;

use crate::rng::Rng;

/// The characters of protected text, in lower case.
pub const ALPHABET: &[u8; 4] = b"ilou";
/// A run of this many characters of the alphabet is a leak.
pub const RUN: usize = 6;
/// In digits of another base a longer run is asked for: pseudonyms are random digits.
const ENCODED_RUN: usize = 8;

/// A protected text of that length; at least [`RUN`] characters make it visible.
pub fn text(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| char::from(*rng.pick(ALPHABET))).collect()
}

/// A protected text that is another for each number below 65,536: it ends in the number, in digits of the alphabet.
pub fn numbered(rng: &mut Rng, length: usize, number: usize) -> String {
    let mut out = text(rng, length.saturating_sub(8));
    out.extend((0..8).map(|place| char::from(ALPHABET[number >> (2 * place) & 3])));
    out
}

/// The first piece of a protected text in `received` that is not also in `sent` (what somebody said himself may come back).
pub fn find(sent: &[u8], received: &[u8]) -> Option<String> {
    // Most answers hold nothing that looks like one: what was said is only read where one does.
    let known = Known { sent, runs: OnceCell::new() };
    runs(received, RUN)
        .find(|run| !known.has(run) && !repeats(run))
        .or_else(|| hex(received, &known))
        .or_else(|| base64(received, &known))
        .map(|leak| show(&leak))
}

/// # Panics
/// Where [`find`] finds something.
pub fn assert_clean(sent: &[u8], received: &[u8]) {
    if let Some(leak) = find(sent, received) {
        panic!("canary: a protected value was sent: {leak}\n--- received:\n{}", show(received));
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// One or two bytes over and over, up to one at the end: the digits of a fraction in a binary double look so.
fn repeats(run: &[u8]) -> bool {
    run.len() <= 9 && run.get(..run.len().saturating_sub(1)).is_some_and(|run| run.iter().zip(run.iter().skip(2)).all(|(a, b)| a == b))
}

fn is_canary(byte: u8) -> bool {
    ALPHABET.contains(&byte.to_ascii_lowercase())
}

/// Maximal runs of the alphabet of at least that length, in lower case.
fn runs(bytes: &[u8], least: usize) -> impl Iterator<Item = Vec<u8>> {
    bytes.split(|b| !is_canary(*b)).filter(move |run| run.len() >= least).map(<[u8]>::to_ascii_lowercase)
}

/// What the client itself has said.
struct Known<'a> {
    sent: &'a [u8],
    runs: OnceCell<Vec<Vec<u8>>>,
}

impl Known<'_> {
    fn runs(&self) -> &[Vec<u8>] {
        self.runs.get_or_init(|| {
            let mut all: Vec<Vec<u8>> = runs(self.sent, RUN).collect();
            let reversed: Vec<Vec<u8>> = all.iter().map(|run| run.iter().rev().copied().collect()).collect();
            all.extend(reversed);
            all
        })
    }

    /// Each window of it was said.
    fn has(&self, run: &[u8]) -> bool {
        run.windows(RUN).all(|w| self.runs().iter().any(|known| known.windows(RUN).any(|k| k == w)))
    }
}

fn hex(bytes: &[u8], known: &Known) -> Option<Vec<u8>> {
    for digits in bytes.split(|b| !b.is_ascii_hexdigit()).filter(|d| d.len() >= 2 * ENCODED_RUN) {
        for start in 0..2 {
            let decoded: Vec<u8> = digits[start..].chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect();
            if let Some(run) = one_case(&decoded, known) {
                return Some(run);
            }
        }
    }
    None
}

fn nibble(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

fn base64(bytes: &[u8], known: &Known) -> Option<Vec<u8>> {
    for digits in bytes.split(|b| sextet(*b).is_none()).filter(|d| d.len() >= 4 * ENCODED_RUN / 3) {
        for start in 0..4 {
            let decoded: Vec<u8> = digits
                .get(start..)
                .unwrap_or_default()
                // The last digits stand for one or two bytes; what is missing decodes to zero bytes, which are in no run.
                .chunks(4)
                .flat_map(|four| {
                    let bits = (0..4).fold(0u32, |all, n| all << 6 | four.get(n).and_then(|digit| sextet(*digit)).unwrap_or(0));
                    [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]
                })
                .collect();
            if let Some(run) = one_case(&decoded, known) {
                return Some(run);
            }
        }
    }
    None
}

fn sextet(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// A run in which all letters are of one case: random bytes make one in 10¹² places.
fn one_case(decoded: &[u8], known: &Known) -> Option<Vec<u8>> {
    runs_of(decoded, |b| ALPHABET.contains(&b))
        .chain(runs_of(decoded, |b| ALPHABET.contains(&b.to_ascii_lowercase()) && !b.is_ascii_lowercase()))
        .find(|run| !known.has(run))
}

fn runs_of(bytes: &[u8], is: impl Fn(u8) -> bool) -> impl Iterator<Item = Vec<u8>> {
    bytes.split(move |b| !is(*b)).filter(|run| run.len() >= ENCODED_RUN).map(<[u8]>::to_ascii_lowercase).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_in_every_form() {
        let text = "loiuulio";
        let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        // "loiuulio" in base64, from each of the three places where it can begin.
        let base64 = ["bG9pdXVsaW8=", "eGxvaXV1bGlv", "eHhsb2l1dWxpbw=="];
        for leak in ["loiuul", "LOIUUL", "abc luiuol.", &hex, &hex.to_uppercase(), &format!("\\xa{hex}")] {
            assert!(find(b"", leak.as_bytes()).is_some(), "{leak}");
        }
        for leak in base64 {
            assert!(find(b"", leak.as_bytes()).is_some(), "{leak}");
            assert!(find(b"", format!("x{leak}").as_bytes()).is_some(), "{leak}");
        }
        let mut bytes = vec![0; 7];
        bytes.extend(b"oiluoi");
        assert!(find(b"", &bytes).is_some());
    }

    #[test]
    fn ordinary_text_is_clean() {
        for clean in [
            "u_er2xbh74vnq7jhkdhvdpdgkmavhcgspk",
            "iloui",
            "will lull oil, louis",
            "6c6f69",
            "SELECT 1",
            "2f1c9a8e-7777-8777-9777-77a7b7c7d7e7",
        ] {
            assert_eq!(find(b"", clean.as_bytes()), None, "{clean}");
        }
    }

    #[test]
    fn what_the_client_said_may_come_back() {
        assert_eq!(find(b"select 'loiuuoil'", b"LOIUUOIL liouuiol loiuuo"), None);
        assert!(find(b"select 'loiuuoil'", b"loiuuoilul").is_some());
    }

    #[test]
    fn numbers_make_texts_differ() {
        let mut seen = std::collections::HashSet::new();
        for n in 0..5000 {
            assert!(seen.insert(numbered(&mut Rng::new(n as u64), 8 + n % 20, n)));
        }
    }
}
