//! Keyed pseudonyms, computed on the result stream with keys that never enter the database.
//!
//! Keyed BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs>): a key of its own for each class and kind of value, by
//! BLAKE3's key derivation. Prefix and length are not part of what is hashed: a shorter pseudonym is the start of a longer one.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::fake::{CHOICE, Fake};
use super::token::{self, Direction, Tokens};

/// How a sealed class is written for one type. Equal specs give equal pseudonyms for equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSpec {
    /// The class. Values of different classes never correlate.
    pub class: String,
    /// The role that keeps the values in a place of its own, and may have chosen them: there they correlate with nobody else's.
    pub kept_by: Option<String>,
    /// The form of the pseudonym.
    pub form: SealForm,
}

impl SealSpec {
    /// Pseudonyms of a class.
    pub fn of(class: &str, form: SealForm) -> Self {
        SealSpec { class: class.to_owned(), kept_by: None, form }
    }

    /// Whether equal values have equal pseudonyms, where these have one form.
    pub fn shares_domain(&self, other: &SealSpec) -> bool {
        (&self.class, &self.kept_by) == (&other.class, &other.kept_by)
    }

    /// What keys are derived for.
    fn domain(&self) -> String {
        match &self.kept_by {
            None => self.class.clone(),
            Some(role) => format!("{}\0kept by {role}", self.class),
        }
    }
}

/// The form of a pseudonym, by the column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealForm {
    /// text, varchar, bpchar.
    Text {
        /// What is written in place of a value.
        style: TextStyle,
        /// bpchar: trailing blanks are not part of the value.
        trim: bool,
        /// character(n): the characters that the pseudonym is padded to with blanks, as Postgres pads its values; else 0.
        pad: usize,
    },
    /// A version-8 UUID.
    Uuid,
    /// bigint, never negative.
    Int8,
    /// One that pgveil can turn back.
    Token(TokenForm),
}

impl SealForm {
    /// Of a text type: a pseudonym is a text too.
    pub fn is_text(&self) -> bool {
        match self {
            SealForm::Text { .. } => true,
            SealForm::Token(form) => form.kind == token::Kind::Text,
            SealForm::Uuid | SealForm::Int8 => false,
        }
    }

    /// A pseudonym may be longer than the column's type says: clients are told the type without a length.
    pub fn may_outgrow(&self) -> bool {
        match self {
            SealForm::Text { style: TextStyle::Address(_), .. } => true,
            SealForm::Text { style: TextStyle::Digits(_) | TextStyle::Fake(_), .. } | SealForm::Uuid | SealForm::Int8 => false,
            SealForm::Token(form) => form.kind == token::Kind::Text,
        }
    }

    /// A text's, whatever is written in its place.
    pub fn digits(prefix: &str, length: usize) -> SealForm {
        SealForm::Text { style: TextStyle::Digits(Digits { prefix: prefix.to_owned(), length }), trim: false, pad: 0 }
    }
}

/// What is written in place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextStyle {
    /// A prefix and digits.
    Digits(Digits),
    /// The same in place of what stands before the `@` of an address, and its domain; of what is no address, digits alone.
    Address(Digits),
    /// A plausible value.
    Fake(Fake),
}

/// Keyed digits behind a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// Written before the digits.
    pub prefix: String,
    /// Number of digits after the prefix, [`MIN_DIGITS`] to [`MAX_DIGITS`].
    pub length: usize,
}

/// The form of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenForm {
    /// The kind of value.
    pub kind: token::Kind,
    /// Text: written before the digits.
    pub prefix: String,
    /// Text: bytes that its length is rounded up to, one of [`token::BUCKETS`].
    pub bucket: usize,
    /// Text: digits become digits, of the same number and with the same signs between them: see [`token`].
    pub digits: bool,
    /// bpchar: trailing blanks are not part of the value.
    pub trim: bool,
}

/// Fewer digits of 5 bits would collide: of a billion values, with 16 digits (80 bits) no two meet but by a chance of 1 in 2 million.
pub const MIN_DIGITS: usize = 16;

/// More would add nothing: BLAKE3 has a security of 128 bits against collisions.
pub const MAX_DIGITS: usize = 64;

/// 32 digits of 5 bits each: Crockford's base32 in small letters, no i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The key of all pseudonyms. Its bytes are shown nowhere and wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// A key of 32 bytes, drawn at random by whoever made it.
    pub fn new(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }

    /// Fills `out` with the key of a class for a context.
    pub(super) fn derive(&self, context: &str, class: &str, out: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.0);
        hasher.update(class.as_bytes());
        hasher.finalize_xof().fill(out);
        hasher.zeroize();
    }
}

/// The key of the veils of a domain: letters and digits, 160 bits, from which no other key can be found.
pub fn veil_key(key: &Key, domain: &str) -> String {
    let mut bytes = [0; 20];
    key.derive("pgveil 2026-11 key of a veil", domain, &mut bytes);
    let mut digits = [0; 32];
    put_digits(&bytes, &mut digits);
    bytes.zeroize();
    digits.iter().map(|digit| char::from(*digit)).collect()
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A value is not what the column's type says: the server and the plan disagree, nothing of the row may be sent.
///
/// Never holds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value of a sealed {expected} column is not a {expected}")]
pub struct SealError {
    /// The type that the seal was made for.
    pub expected: &'static str,
}

/// Computes the pseudonyms of one [`SealSpec`]. Allocates nothing per value but what `out` grows by.
#[derive(ZeroizeOnDrop)]
pub struct Sealer {
    key: [u8; 32],
    #[zeroize(skip)]
    form: SealForm,
    #[zeroize(skip)]
    tokens: Option<Tokens>,
    /// Of keys that make none any more.
    #[zeroize(skip)]
    old: Vec<Tokens>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Sealer {
    /// Derives the key of the spec's class and kind of value.
    pub fn new(key: &Key, spec: &SealSpec) -> Sealer {
        Sealer::with_old(key, &[], spec)
    }

    /// The same, and opens tokens that were made with keys of before. Those of numbers, UUIDs and digits do not tell their key: they are the
    /// newest one's.
    pub fn with_old(key: &Key, old: &[Key], spec: &SealSpec) -> Sealer {
        // One kind for all text types, so that equal values of text, varchar and bpchar meet. The others have
        // their own, so that a bigint and a text of the same eight bytes do not.
        let context = match spec.form {
            SealForm::Text { style: TextStyle::Digits(_), .. } => "pgveil 2026-11 hash of text",
            SealForm::Text { style: TextStyle::Address(_), .. } => "pgveil 2026-11 email of text",
            SealForm::Text { style: TextStyle::Fake(_), .. } => "pgveil 2026-11 fake of text",
            SealForm::Uuid => "pgveil 2026-11 hash of uuid",
            SealForm::Int8 => "pgveil 2026-11 hash of bigint",
            SealForm::Token(_) => "pgveil 2026-11 no hash",
        };
        let (mut derived, domain) = ([0; 32], spec.domain());
        key.derive(context, &domain, &mut derived);
        let tokens = match &spec.form {
            SealForm::Token(form) => Tokens::new(key, &domain, form.kind, form.digits).ok(),
            SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 => None,
        };
        let old = match &spec.form {
            SealForm::Token(TokenForm { kind: token::Kind::Text, .. }) => {
                old.iter().filter_map(|key| Tokens::new(key, &domain, token::Kind::Text, false).ok()).collect()
            }
            SealForm::Token(_) | SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 => Vec::new(),
        };
        Sealer { key: derived, form: spec.form.clone(), tokens, old }
    }

    /// Appends the pseudonym of a value in the text format of the wire, in the same format.
    ///
    /// # Errors
    /// [`SealError`] where the value is not of the sealed type; then nothing is appended.
    pub fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match &self.form {
            SealForm::Text { style, trim, pad } => self.styled(style, *trim, *pad, value, out),
            SealForm::Uuid => put_uuid(self.uuid(&uuid_of_text(value).ok_or(UUID)?), out),
            SealForm::Int8 => {
                let number = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).ok_or(BIGINT)?;
                // Writing into a Vec cannot fail.
                let _ = std::io::Write::write_fmt(out, format_args!("{}", self.int8(number)));
            }
            SealForm::Token(form) => self.token_text(form, value, Direction::Seal, out)?,
        }
        Ok(())
    }

    /// Appends the pseudonym of a value in the binary format of the wire, in the same format.
    ///
    /// # Errors
    /// [`SealError`] where the value is not of the sealed type; then nothing is appended.
    pub fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match &self.form {
            SealForm::Text { style, trim, pad } => self.styled(style, *trim, *pad, value, out),
            SealForm::Uuid => out.extend(self.uuid(&value.try_into().map_err(|_| UUID)?)),
            SealForm::Int8 => {
                let number = i64::from_be_bytes(value.try_into().map_err(|_| BIGINT)?);
                out.extend(self.int8(number).to_be_bytes());
            }
            SealForm::Token(form) => self.token_binary(form, value, Direction::Seal, out)?,
        }
        Ok(())
    }

    /// Appends the value that a token stands for, both in the text format of the wire. A text that is no token stands for a
    /// text that no column holds.
    ///
    /// # Errors
    /// [`SealError`] where this is no token's seal, or the token is no value of the column's type; then nothing is appended.
    pub fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match &self.form {
            SealForm::Token(form) => self.token_text(form, token, Direction::Open, out),
            SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 => Err(NO_TOKEN),
        }
    }

    /// The same in the binary format.
    ///
    /// # Errors
    /// As [`Sealer::open_text`].
    pub fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match &self.form {
            SealForm::Token(form) => self.token_binary(form, token, Direction::Open, out),
            SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 => Err(NO_TOKEN),
        }
    }

    fn token_text(&self, form: &TokenForm, value: &[u8], direction: Direction, out: &mut Vec<u8>) -> Result<(), SealError> {
        let tokens = self.tokens.as_ref().ok_or(NO_TOKEN)?;
        let number = || std::str::from_utf8(value).ok().map(str::trim);
        match form.kind {
            token::Kind::Text => self.token_of_text(tokens, form, value, direction, out)?,
            token::Kind::Uuid => put_uuid(tokens.uuid(uuid_of_text(value).ok_or(UUID)?, direction)?, out),
            token::Kind::Int4 => {
                let number: i32 = number().and_then(|n| n.parse().ok()).ok_or(INTEGER)?;
                let other = i32::from_be_bytes(tokens.int(number.to_be_bytes(), direction)?);
                let _ = std::io::Write::write_fmt(out, format_args!("{other}"));
            }
            token::Kind::Int8 => {
                let number: i64 = number().and_then(|n| n.parse().ok()).ok_or(BIGINT)?;
                let other = i64::from_be_bytes(tokens.int(number.to_be_bytes(), direction)?);
                let _ = std::io::Write::write_fmt(out, format_args!("{other}"));
            }
        }
        Ok(())
    }

    fn token_binary(&self, form: &TokenForm, value: &[u8], direction: Direction, out: &mut Vec<u8>) -> Result<(), SealError> {
        let tokens = self.tokens.as_ref().ok_or(NO_TOKEN)?;
        match form.kind {
            token::Kind::Text => self.token_of_text(tokens, form, value, direction, out)?,
            token::Kind::Uuid => out.extend(tokens.uuid(value.try_into().map_err(|_| UUID)?, direction)?),
            token::Kind::Int4 => out.extend(tokens.int::<4>(value.try_into().map_err(|_| INTEGER)?, direction)?),
            token::Kind::Int8 => out.extend(tokens.int::<8>(value.try_into().map_err(|_| BIGINT)?, direction)?),
        }
        Ok(())
    }

    fn token_of_text(
        &self,
        tokens: &Tokens,
        form: &TokenForm,
        value: &[u8],
        direction: Direction,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let value = if form.trim { trim_blanks(value) } else { value };
        match direction {
            Direction::Seal => tokens.text(&form.prefix, form.bucket, value, out),
            Direction::Open => tokens.open_text(&self.old, &form.prefix, value, out),
        }
    }

    fn styled(&self, style: &TextStyle, trim: bool, pad: usize, value: &[u8], out: &mut Vec<u8>) {
        let value = if trim { trim_blanks(value) } else { value };
        let start = out.len();
        match style {
            TextStyle::Digits(digits) => self.digits(digits, value, out),
            TextStyle::Address(digits) => {
                self.digits(digits, value, out);
                out.extend_from_slice(domain(value));
            }
            TextStyle::Fake(fake) => {
                let mut choice = [0; CHOICE];
                blake3::Hasher::new_keyed(&self.key).update(value).finalize_xof().fill(&mut choice);
                fake.put(&choice, put_digits, out);
            }
        }
        if pad > 0 {
            // Of UTF-8: bytes that begin a character.
            let written = out.get(start..).unwrap_or_default().iter().filter(|byte| *byte & 0xc0 != 0x80).count();
            put_blanks(pad.saturating_sub(written), out);
        }
    }

    fn digits(&self, Digits { prefix, length }: &Digits, value: &[u8], out: &mut Vec<u8>) {
        // 64 digits of 5 bits.
        let mut bytes = [0u8; MAX_DIGITS * 5 / 8];
        if length * 5 <= blake3::OUT_LEN * 8 {
            bytes.iter_mut().zip(blake3::keyed_hash(&self.key, value).as_bytes()).for_each(|(to, from)| *to = *from);
        } else {
            blake3::Hasher::new_keyed(&self.key).update(value).finalize_xof().fill(&mut bytes);
        }
        let mut digits = [0u8; MAX_DIGITS];
        put_digits(&bytes, &mut digits);
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(digits.get(..*length).unwrap_or(&digits));
    }

    fn uuid(&self, value: &[u8; 16]) -> [u8; 16] {
        let bits = u128::from_be_bytes(self.first(value));
        // RFC 9562, section 5.8: version 8 in bits 48 to 51, variant 10 in bits 64 and 65.
        let (version, variant) = (0xf << 76, 0b11 << 62);
        ((bits & !version & !variant) | 8 << 76 | 0b10 << 62).to_be_bytes()
    }

    fn int8(&self, value: i64) -> i64 {
        i64::from_be_bytes(self.first(&value.to_be_bytes())) & i64::MAX
    }

    /// The first N bytes of the keyed hash, at most 32.
    fn first<const N: usize>(&self, value: &[u8]) -> [u8; N] {
        let mut first = [0; N];
        first.iter_mut().zip(blake3::keyed_hash(&self.key, value).as_bytes()).for_each(|(to, from)| *to = *from);
        first
    }
}

const UUID: SealError = SealError { expected: "uuid" };
const BIGINT: SealError = SealError { expected: "bigint" };
const INTEGER: SealError = SealError { expected: "integer" };
const NO_TOKEN: SealError = SealError { expected: "token" };

/// Digits of 5 bits each, as many as there is room for.
fn put_digits(bytes: &[u8], digits: &mut [u8]) {
    for (eight, five) in digits.chunks_mut(8).zip(bytes.chunks_exact(5)) {
        let mut bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut written = [0; 8];
        for to in written.iter_mut().rev() {
            *to = digit(bits);
            bits >>= 5;
        }
        eight.iter_mut().zip(written).for_each(|(to, from)| *to = from);
    }
}

/// What is behind the last `@` of an address, with it: the domain (RFC 5321, section 4.1.2, of which the last label has two letters at
/// least and nothing but letters, so that a number does not pass for one). Empty where the value is no address.
fn domain(value: &[u8]) -> &[u8] {
    const LONGEST: usize = 253;
    let Some(at) = value.iter().rposition(|byte| *byte == b'@').filter(|at| *at > 0) else { return &[] };
    let (Some(domain), Some(labels)) = (value.get(at..), value.get(at.saturating_add(1)..)) else { return &[] };
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let top = labels.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_top = top.len() >= 2 && (top.iter().all(u8::is_ascii_alphabetic) || top.to_ascii_lowercase().starts_with(b"xn--"));
    let parts = labels.split(|byte| *byte == b'.');
    if is_top && labels.len() <= LONGEST && parts.clone().count() >= 2 && parts.into_iter().all(label) { domain } else { &[] }
}

fn put_blanks(count: usize, out: &mut Vec<u8>) {
    out.resize(out.len().saturating_add(count), b' ');
}

/// As Postgres writes it: 8-4-4-4-12 hexadecimal digits.
fn put_uuid(value: [u8; 16], out: &mut Vec<u8>) {
    for (i, byte) in value.into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
}

fn digit(bits: u64) -> u8 {
    // The index is taken modulo the number of digits.
    DIGITS.get((bits % 32) as usize).copied().unwrap_or(b'0')
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// What `bpchar` compares: U+0020 only.
fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// As Postgres writes it: 8-4-4-4-12 hexadecimal digits.
fn uuid_of_text(value: &[u8]) -> Option<[u8; 16]> {
    if value.len() != 36 || [8, 13, 18, 23].iter().any(|i| value.get(*i) != Some(&b'-')) {
        return None;
    }
    let mut digits = value.iter().filter(|byte| **byte != b'-');
    let mut out = [0; 16];
    for byte in &mut out {
        let high = char::from(*digits.next()?).to_digit(16)?;
        let low = char::from(*digits.next()?).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests;
