//! Tokens: pseudonyms that only pgveil can turn back, so that a client can search by them.
//!
//! * text: AES-SIV (RFC 5297) over the value padded to its bucket, so that a token shows no more of the length than the
//!   bucket; written in base64url (RFC 4648, section 5). A forged token does not open.
//! * text that is made of digits, where the policy says so: FF1 (NIST SP 800-38G) over its digits, so that the token has as many. The
//!   signs between them stay, and enter as the tweak: other signs, other digits. What has too few digits for FF1 goes by AES-SIV.
//! * uuid: one block of AES, a permutation of all 128-bit values.
//! * integer, bigint: FF1 over all 32 or 64 bits. Every number of the type is a token of another.
//!
//! Keys are derived by BLAKE3 for each class and kind of value. Prefix and bucket are no part of the key, but the same value
//! has other tokens under another bucket.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes_siv::siv::Aes256Siv;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fpe::ff1::{BinaryNumeralString, FF1, FlexibleNumeralString};
use zeroize::{Zeroize, Zeroizing};

use super::seal::{Key, SealError};

/// What a text that is no token is opened to begins with: it equals nothing that is stored, and is not to be stored.
pub const NO_VALUE: &[u8] = b"pgveil:no-such-value:";

/// Bytes that token buckets may have: the value and one byte of padding are rounded up to a multiple.
pub const BUCKETS: std::ops::RangeInclusive<usize> = 16..=1024;

/// Digits of a text that FF1 takes: from a million values on. At most so many that no token by AES-SIV, of which the shortest has 43
/// characters, could be one of these.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=40;
/// The most bytes of such a text, with what stands between its digits.
const LONGEST_OF_DIGITS: usize = 40;
/// What may stand between digits.
const SIGNS: &[u8] = b" -./+()";

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// text, varchar, bpchar
    Text,
    /// uuid
    Uuid,
    /// integer
    Int4,
    /// bigint
    Int8,
}

/// The keyed permutations of one class and kind of value.
pub struct Tokens(Cipher);

enum Cipher {
    /// AES-SIV's key, and the one for what is no token; what permutes digits, where these stay digits.
    Text(Zeroizing<[u8; 64]>, Zeroizing<[u8; 32]>, Option<Box<FF1<aes::Aes256>>>),
    Uuid(Box<aes::Aes256>),
    Int(Box<FF1<aes::Aes256>>),
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(..)")
    }
}

impl Tokens {
    /// Derives the keys of a class. `digits`: texts of digits become texts of digits.
    ///
    /// # Errors
    /// None in practice: keys have the lengths that the ciphers take.
    pub fn new(key: &Key, class: &str, kind: Kind, digits: bool) -> Result<Tokens, SealError> {
        let context = match kind {
            Kind::Text => "pgveil 2026-11 token of text",
            Kind::Uuid => "pgveil 2026-11 token of uuid",
            Kind::Int4 => "pgveil 2026-11 token of integer",
            Kind::Int8 => "pgveil 2026-11 token of bigint",
        };
        let mut bytes = [0u8; 96];
        key.derive(context, class, &mut bytes);
        let (first, last) = bytes.split_at(64);
        let single = bytes.first_chunk::<32>().ok_or(BROKEN)?;
        let cipher = match kind {
            Kind::Text => {
                let (first, last) = (first.try_into().map_err(|_| BROKEN)?, last.try_into().map_err(|_| BROKEN)?);
                let permutation = if digits {
                    let mut own = Zeroizing::new([0u8; 32]);
                    key.derive("pgveil 2026-11 token of digits", class, own.as_mut_slice());
                    Some(Box::new(FF1::new(own.as_slice(), 10).map_err(|_| BROKEN)?))
                } else {
                    None
                };
                Cipher::Text(Zeroizing::new(first), Zeroizing::new(last), permutation)
            }
            Kind::Uuid => Cipher::Uuid(Box::new(aes::Aes256::new(&Array::from(*single)))),
            Kind::Int4 | Kind::Int8 => Cipher::Int(Box::new(FF1::new(single, 2).map_err(|_| BROKEN)?)),
        };
        bytes.zeroize();
        Ok(Tokens(cipher))
    }

    /// Appends the token of a text. `bucket`: bytes, one of [`BUCKETS`].
    ///
    /// # Errors
    /// A value that is too long for AES-SIV, beyond what Postgres stores; tokens of another kind.
    pub fn text(&self, prefix: &str, bucket: usize, value: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let Cipher::Text(key, _, permutation) = &self.0 else { return Err(BROKEN) };
        if let Some(other) = permuted(permutation.as_deref(), value, Direction::Seal)? {
            out.extend_from_slice(&other);
            return Ok(());
        }
        let bucket = bucket.max(1);
        let padded = (value.len() / bucket + 1) * bucket;
        let mut plain = Vec::with_capacity(padded);
        plain.extend_from_slice(value);
        // ISO/IEC 7816-4: one bit, then zeros.
        plain.push(0x80);
        plain.resize(padded, 0);
        let sealed = siv(key).encrypt([[0u8; 0]; 0], &plain).map_err(|_| BROKEN)?;
        plain.zeroize();
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(URL_SAFE_NO_PAD.encode(sealed).as_bytes());
        Ok(())
    }

    /// Appends the text that a token stands for, one of `old` keys too: AES-SIV tells whose it is. Digits do not, and are these's. A text that
    /// is no token of these stands for a text that no column holds:
    /// computed by a key, the same each time, so that `=` is false and `<>` true of every value, and NULL stays NULL.
    ///
    /// # Errors
    /// Tokens of another kind.
    pub fn open_text(&self, old: &[Tokens], prefix: &str, token: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let Cipher::Text(_, absent, permutation) = &self.0 else { return Err(BROKEN) };
        if let Some(other) = permuted(permutation.as_deref(), token, Direction::Open)? {
            out.extend_from_slice(&other);
            return Ok(());
        }
        let sealed = token.strip_prefix(prefix.as_bytes()).and_then(|digits| URL_SAFE_NO_PAD.decode(digits).ok());
        let plain = sealed.and_then(|sealed| std::iter::once(self).chain(old).find_map(|tokens| tokens.unsealed(&sealed)));
        match plain {
            Some(value) => out.extend_from_slice(&value),
            None => {
                out.extend_from_slice(NO_VALUE);
                out.extend_from_slice(blake3::keyed_hash(absent, token).to_hex().as_bytes());
            }
        }
        Ok(())
    }

    /// What these have sealed by AES-SIV, without its padding.
    fn unsealed(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Cipher::Text(key, ..) = &self.0 else { return None };
        let mut plain = Zeroizing::new(siv(key).decrypt([[0u8; 0]; 0], sealed).ok()?);
        let end = plain.iter().rposition(|byte| *byte != 0)?;
        (plain.get(end) == Some(&0x80)).then(|| plain.truncate(end))?;
        Some(plain)
    }

    /// The token of a UUID, or the UUID of a token.
    ///
    /// # Errors
    /// Tokens of another kind.
    pub fn uuid(&self, value: [u8; 16], direction: Direction) -> Result<[u8; 16], SealError> {
        let Cipher::Uuid(aes) = &self.0 else { return Err(BROKEN) };
        let mut block = Array::from(value);
        match direction {
            Direction::Seal => aes.encrypt_block(&mut block),
            Direction::Open => aes.decrypt_block(&mut block),
        }
        Ok(block.0)
    }

    /// The same for an integer's or bigint's bytes.
    ///
    /// # Errors
    /// Tokens of another kind.
    pub fn int<const N: usize>(&self, value: [u8; N], direction: Direction) -> Result<[u8; N], SealError> {
        let Cipher::Int(ff1) = &self.0 else { return Err(BROKEN) };
        let bits = BinaryNumeralString::from_bytes_le(&value);
        let done = match direction {
            Direction::Seal => ff1.encrypt(&[], &bits),
            Direction::Open => ff1.decrypt(&[], &bits),
        };
        done.map_err(|_| BROKEN)?.to_bytes_le().try_into().map_err(|_| BROKEN)
    }
}

/// A text of digits with other digits; `None` where it is none, or digits are nothing special.
fn permuted(ff1: Option<&FF1<aes::Aes256>>, text: &[u8], direction: Direction) -> Result<Option<Vec<u8>>, SealError> {
    let Some(ff1) = ff1 else { return Ok(None) };
    let digits: Vec<u16> = text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u16::from(byte.wrapping_sub(b'0'))).collect();
    let fits = DIGITS.contains(&digits.len()) && text.len() <= LONGEST_OF_DIGITS;
    if !fits || !text.iter().all(|byte| byte.is_ascii_digit() || SIGNS.contains(byte)) {
        return Ok(None);
    }
    let pattern: Vec<u8> = text.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }).collect();
    let digits = FlexibleNumeralString::from(digits);
    let done = match direction {
        Direction::Seal => ff1.encrypt(&pattern, &digits),
        Direction::Open => ff1.decrypt(&pattern, &digits),
    };
    let mut others = Vec::from(done.map_err(|_| BROKEN)?).into_iter();
    let mut out = Vec::with_capacity(text.len());
    for byte in pattern {
        out.push(match byte {
            b'0' => others.next().and_then(|digit| u8::try_from(digit).ok()).ok_or(BROKEN)?.wrapping_add(b'0'),
            sign => sign,
        });
    }
    Ok(Some(out))
}

/// From a value to its token, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the token.
    Seal,
    /// To the value.
    Open,
}

/// The longest token of a text of so many bytes, in characters.
pub fn text_length(prefix: &str, bucket: usize, bytes: usize) -> usize {
    let bucket = bucket.max(1);
    let sealed = 16 + (bytes / bucket + 1) * bucket;
    prefix.chars().count() + (sealed * 4).div_ceil(3)
}

/// Made anew for each value: its encryption wants it for itself, and a `Tokens` is shared by sessions.
fn siv(key: &[u8; 64]) -> Aes256Siv {
    Aes256Siv::new(&Array::from(*key))
}

const BROKEN: SealError = SealError { expected: "token" };

#[cfg(test)]
mod tests;
