//! A DataRow with pseudonyms in place of sealed values; everything between them is copied as it came.

use std::sync::Arc;

use super::{Format, Pseudonym, RowFault};
use crate::wire::cursor::Cursor;
use crate::wire::frame::{self, HEADER};

/// Appends the DataRow whose body is `body`. On an error nothing is appended.
///
/// # Errors
/// [`RowFault`] where the row is malformed, has another number of columns than `seals`, or a value cannot be sealed.
pub fn put_sealed(out: &mut Vec<u8>, body: &[u8], seals: &[Option<(Arc<dyn Pseudonym>, Format)>]) -> Result<(), RowFault> {
    let start = out.len();
    let mut done = Ok(());
    frame::put(out, b'D', |out| done = write(out, body, seals));
    if done.is_err() {
        out.truncate(start);
    }
    done
}

/// Appends the body of that DataRow alone, which is a tuple of COPY's binary format too (PostgreSQL documentation, COPY, "Tuples").
/// On an error nothing is appended.
///
/// # Errors
/// As [`put_sealed`].
pub fn put_tuple(out: &mut Vec<u8>, body: &[u8], seals: &[Option<(Arc<dyn Pseudonym>, Format)>]) -> Result<(), RowFault> {
    let start = out.len();
    let done = write(out, body, seals);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

/// How many bytes of a row's body, of which `there` is the beginning, hold its columns up to the last one with a seal; `None` where more of
/// it must be there to say so.
///
/// # Errors
/// As [`put_sealed`].
pub fn front(there: &[u8], seals: &[Option<(Arc<dyn Pseudonym>, Format)>]) -> Result<Option<usize>, RowFault> {
    let mut c = Cursor::new(there);
    let Some(found) = c.u16().map(usize::from) else { return Ok(None) };
    if found != seals.len() {
        return Err(RowFault::Columns { judged: seals.len(), found });
    }
    for _ in 0..seals.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1)) {
        match c.i32() {
            Some(-1) => {}
            Some(length) => {
                let length = usize::try_from(length).map_err(|_| RowFault::Malformed)?;
                if c.bytes(length).is_none() {
                    return Ok(None);
                }
            }
            None => return Ok(None),
        }
    }
    Ok(Some(there.len().saturating_sub(c.left())))
}

/// Appends the beginning of the DataRow whose body has `total` bytes: its `front`, as [`front`] says. What is behind it follows as it is.
///
/// # Errors
/// As [`put_sealed`].
pub fn put_front(out: &mut Vec<u8>, front: &[u8], total: usize, seals: &[Option<(Arc<dyn Pseudonym>, Format)>]) -> Result<(), RowFault> {
    let start = out.len();
    let sealed = seals.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1));
    out.extend_from_slice(&[b'D', 0, 0, 0, 0]);
    let written = write_columns(out, front, seals, sealed).and_then(|()| {
        // The length counts itself, and not the type.
        let body = out.len().saturating_sub(start).saturating_sub(HEADER);
        let length = body.saturating_add(total.checked_sub(front.len()).ok_or(RowFault::Malformed)?).saturating_add(4);
        let length = u32::try_from(length).map_err(|_| RowFault::Malformed)?;
        let slot = out.get_mut(start.saturating_add(1)..start.saturating_add(HEADER)).ok_or(RowFault::Malformed)?;
        slot.copy_from_slice(&length.to_be_bytes());
        Ok(())
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends the body of such a row.
pub(super) fn write(out: &mut Vec<u8>, body: &[u8], seals: &[Option<(Arc<dyn Pseudonym>, Format)>]) -> Result<(), RowFault> {
    write_columns(out, body, seals, seals.len())
}

// `body` holds that many columns.
fn write_columns(out: &mut Vec<u8>, body: &[u8], seals: &[Option<(Arc<dyn Pseudonym>, Format)>], columns: usize) -> Result<(), RowFault> {
    let mut c = Cursor::new(body);
    let found = c.u16().map(usize::from).ok_or(RowFault::Malformed)?;
    if found != seals.len() {
        return Err(RowFault::Columns { judged: seals.len(), found });
    }
    let mut copied = 0;
    for (index, seal) in seals.iter().enumerate().take(columns) {
        let at = body.len().saturating_sub(c.left());
        let value = c.value().ok_or(RowFault::Malformed)?;
        if let (Some(value), Some((pseudonym, format))) = (value, seal) {
            out.extend_from_slice(body.get(copied..at).ok_or(RowFault::Malformed)?);
            put_value(out, value, pseudonym.as_ref(), *format)
                .map_err(|source| RowFault::Unsealable { column: index.saturating_add(1), source })?;
            copied = body.len().saturating_sub(c.left());
        }
    }
    out.extend_from_slice(body.get(copied..).ok_or(RowFault::Malformed)?);
    c.end(()).ok_or(RowFault::Malformed)
}

fn put_value(out: &mut Vec<u8>, value: &[u8], pseudonym: &dyn Pseudonym, format: Format) -> Result<(), super::Unsealable> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    match format {
        Format::Text => pseudonym.text(value, out)?,
        Format::Binary => pseudonym.binary(value, out)?,
    }
    let written = out.len().saturating_sub(at).saturating_sub(4);
    let length = i32::try_from(written).map_err(|_| super::Unsealable)?;
    out.get_mut(at..at.saturating_add(4)).ok_or(super::Unsealable)?.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Bytes of a DataRow up to its columns.
pub const LEAST: usize = HEADER + 2;

#[cfg(test)]
mod tests {
    use super::super::Unsealable;
    use super::*;

    /// Doubles a text, turns a binary value around.
    #[derive(Debug)]
    struct Fake;

    impl Pseudonym for Fake {
        fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            if value == b"bad" {
                out.extend_from_slice(b"half of it");
                return Err(Unsealable);
            }
            out.extend_from_slice(value);
            out.extend_from_slice(value);
            Ok(())
        }

        fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            out.extend(value.iter().rev());
            Ok(())
        }

        fn open_text(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
            Err(Unsealable)
        }

        fn open_binary(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
            Err(Unsealable)
        }
    }

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            match value {
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(v) => {
                    body.extend_from_slice(&u32::try_from(v.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(v);
                }
            }
        }
        body
    }

    #[test]
    fn a_row_in_two_parts_is_the_row() {
        let mut random = Random(7);
        for _ in 0..500 {
            let width = 1 + random.below(6);
            let pattern: String = (0..width).map(|_| ['-', 't', 'b'][random.below(3)]).collect();
            let values: Vec<Option<Vec<u8>>> = (0..width).map(|_| (random.below(4) > 0).then(|| random.bytes(20))).collect();
            let body = row(&values.iter().map(Option::as_deref).collect::<Vec<_>>());
            let seals = seals(&pattern);
            let mut whole = Vec::new();
            put_sealed(&mut whole, &body, &seals).unwrap();
            let end = front(&body, &seals).unwrap().unwrap();
            for there in 0..body.len() {
                assert_eq!(front(&body[..there], &seals).unwrap(), (there >= end.max(2)).then_some(end));
            }
            let mut parts = Vec::new();
            put_front(&mut parts, &body[..end], body.len(), &seals).unwrap();
            parts.extend_from_slice(&body[end..]);
            assert_eq!(parts, whole, "{pattern}");
        }
    }

    fn seals(pattern: &str) -> Vec<Option<(Arc<dyn Pseudonym>, Format)>> {
        let fake = || -> Arc<dyn Pseudonym> { Arc::new(Fake) };
        let one = |c| match c {
            't' => Some((fake(), Format::Text)),
            'b' => Some((fake(), Format::Binary)),
            _ => None,
        };
        pattern.chars().map(one).collect()
    }

    /// A small generator (Marsaglia's xorshift), so that a failure comes again.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % n as u64).unwrap()
        }

        fn bytes(&mut self, most: usize) -> Vec<u8> {
            (0..self.below(most + 1)).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
        }
    }

    #[test]
    fn only_sealed_columns_change() {
        let mut random = Random(42);
        for round in 0..2000 {
            let width = random.below(9);
            let pattern: String = (0..width).map(|_| ['-', 't', 'b'][random.below(3)]).collect();
            let values: Vec<Option<Vec<u8>>> = (0..width).map(|_| (random.below(4) > 0).then(|| random.bytes(40))).collect();
            let expected: Vec<Option<Vec<u8>>> = values
                .iter()
                .zip(pattern.chars())
                .map(|(value, how)| {
                    value.clone().map(|v| match how {
                        't' => [v.clone(), v].concat(),
                        'b' => v.into_iter().rev().collect(),
                        _ => v,
                    })
                })
                .collect();
            let body = row(&values.iter().map(|v| v.as_deref()).collect::<Vec<_>>());
            let mut out = b"before".to_vec();
            put_sealed(&mut out, &body, &seals(&pattern)).unwrap();
            let want = row(&expected.iter().map(|v| v.as_deref()).collect::<Vec<_>>());
            let (head, got) = frame::cut(&out[6..], 1 << 20).unwrap().unwrap();
            assert_eq!((head.tag, got), (b'D', want.as_slice()), "round {round}, {pattern}");
            assert_eq!(head.total + 6, out.len());
            for n in 0..body.len() {
                assert!(put_sealed(&mut out, &body[..n], &seals(&pattern)).is_err());
            }
            assert_eq!(head.total + 6, out.len(), "an error appends nothing");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_is_not_sent() {
        let mut out = Vec::new();
        let body = row(&[Some(b"a"), Some(b"bad")]);
        assert_eq!(put_sealed(&mut out, &body, &seals("t")), Err(RowFault::Columns { judged: 1, found: 2 }));
        assert_eq!(put_sealed(&mut out, &body, &seals("tt")), Err(RowFault::Unsealable { column: 2, source: Unsealable }));
        assert_eq!(put_sealed(&mut out, &[&body[..], b"x"].concat(), &seals("t-")), Err(RowFault::Malformed));
        assert!(out.is_empty());
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut random = Random(7);
        for _ in 0..5000 {
            let body = random.bytes(60);
            let _ = put_sealed(&mut Vec::new(), &body, &seals("t-b"));
        }
    }
}
