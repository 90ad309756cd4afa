//! A Bind whose tokens have become the values that they stand for.

use std::sync::Arc;

use pgveil_policy::mask::seal::{SealForm, SealSpec};
use pgveil_policy::mask::token::{Kind, NO_VALUE};
use pgveil_policy::{NullParameter, Refusal};

use super::array::Elements;
use super::{Pseudonym, Unsealable};
use crate::wire::cursor::Cursor;
use crate::wire::frame;
use crate::wire::message::put_cstring;

/// A parameter that holds tokens.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Of `$n`, from 0.
    pub index: usize,
    /// What turns them back.
    pub pseudonym: Arc<dyn Pseudonym>,
    /// It is written to a column: what stands for no value is refused.
    pub written: bool,
    /// Types that a client may declare for it: under another the server would compare otherwise than by equality of the
    /// column's own type. `None`: any.
    pub types: Option<&'static [u32]>,
    /// The refusal of what does not fit, where it is not that of a bad token.
    pub why: Option<Arc<Refusal>>,
}

/// What stands for a parameter that must be NULL: NULL is passed on, and nothing else opens.
#[derive(Debug)]
struct Nothing;

impl Pseudonym for Nothing {
    fn text(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }

    fn binary(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }

    fn open_text(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }

    fn open_binary(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }
}

impl Opening {
    /// Of a parameter that is compared with columns of this seal.
    pub fn new(index: usize, pseudonym: Arc<dyn Pseudonym>, spec: &SealSpec, array: bool, written: bool) -> Self {
        let kind = match &spec.form {
            SealForm::Token(form) => form.kind,
            SealForm::Text { .. } => Kind::Text,
            SealForm::Uuid => Kind::Uuid,
            SealForm::Int8 => Kind::Int8,
        };
        let pseudonym = if array { Arc::new(Elements(pseudonym)) } else { pseudonym };
        Opening { index, pseudonym, written, types: Some(types(kind, array)), why: None }
    }

    /// Of a parameter that must be NULL.
    pub fn null(parameter: &NullParameter) -> Self {
        let why = Some(Arc::new(parameter.why.clone()));
        Opening { index: parameter.index, pseudonym: Arc::new(Nothing), written: true, types: None, why }
    }
}

/// OIDs of `src/include/catalog/pg_type.dat`; 0 leaves the choice to the server, which takes the column's own.
fn types(kind: Kind, array: bool) -> &'static [u32] {
    match (kind, array) {
        // unknown, text, varchar, bpchar
        (Kind::Text, false) => &[0, 705, 25, 1043, 1042],
        (Kind::Text, true) => &[0, 705, 1009, 1015],
        (Kind::Uuid, false) => &[0, 705, 2950],
        (Kind::Uuid, true) => &[0, 705, 2951],
        (Kind::Int4, false) => &[0, 705, 23],
        (Kind::Int4, true) => &[0, 705, 1007],
        (Kind::Int8, false) => &[0, 705, 20],
        (Kind::Int8, true) => &[0, 705, 1016],
    }
}

/// Why a Bind is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not decode, or has parameter formats that do not fit.
    Malformed,
    /// The parameter of this index cannot be a token.
    NoToken(usize),
}

/// Appends the Bind of this body with its tokens opened. On an error nothing is appended.
///
/// # Errors
/// [`Fault`]
pub fn put_opened(out: &mut Vec<u8>, body: &[u8], openings: &[Opening]) -> Result<(), Fault> {
    let start = out.len();
    let mut done = Ok(());
    frame::put(out, b'B', |out| done = write(out, body, openings));
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn write(out: &mut Vec<u8>, body: &[u8], openings: &[Opening]) -> Result<(), Fault> {
    let mut c = Cursor::new(body);
    let read = |c: &mut Cursor<'_>, out: &mut Vec<u8>| -> Option<(Vec<u16>, u16)> {
        put_cstring(out, c.cstring()?);
        put_cstring(out, c.cstring()?);
        let count = c.u16()?;
        out.extend_from_slice(&count.to_be_bytes());
        let mut formats = Vec::new();
        for _ in 0..count {
            let format = c.u16()?;
            out.extend_from_slice(&format.to_be_bytes());
            formats.push(format);
        }
        let parameters = c.u16()?;
        out.extend_from_slice(&parameters.to_be_bytes());
        Some((formats, parameters))
    };
    let (formats, parameters) = read(&mut c, out).ok_or(Fault::Malformed)?;
    for index in 0..usize::from(parameters) {
        let value = c.value().ok_or(Fault::Malformed)?;
        let Some(value) = value else {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            continue;
        };
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        match openings.iter().find(|o| o.index == index) {
            None => out.extend_from_slice(value),
            Some(opening) => {
                let format = match formats.as_slice() {
                    [] => 0,
                    [one] => *one,
                    each => *each.get(index).ok_or(Fault::Malformed)?,
                };
                open(opening, format, value, out).map_err(|_| Fault::NoToken(index))?;
                if opening.written && out.get(at.saturating_add(4)..).is_some_and(|opened| opened.starts_with(NO_VALUE)) {
                    return Err(Fault::NoToken(index));
                }
            }
        }
        let written = out.len().saturating_sub(at).saturating_sub(4);
        let length = i32::try_from(written).map_err(|_| Fault::NoToken(index))?;
        out.get_mut(at..at.saturating_add(4)).ok_or(Fault::Malformed)?.copy_from_slice(&length.to_be_bytes());
    }
    out.extend_from_slice(c.bytes(c.left()).ok_or(Fault::Malformed)?);
    Ok(())
}

fn open(opening: &Opening, format: u16, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
    match format {
        0 => opening.pseudonym.open_text(value, out),
        1 => opening.pseudonym.open_binary(value, out),
        _ => Err(Unsealable),
    }
}
