//! Arrays of sealed values, and of tokens on their way back: each element replaced, everything around it as it came.

use std::sync::Arc;

use super::{Pseudonym, Unsealable};
use crate::wire::cursor::Cursor;

/// `MAXDIM` of Postgres.
const DIMENSIONS: usize = 6;

/// Replaces the elements of an array by their pseudonyms, or tokens by what they stand for. What is not an array as Postgres writes it is
/// not sent; of a client's, what Postgres reads beside that is an element's blanks around it.
#[derive(Debug)]
pub struct Elements(pub Arc<dyn Pseudonym>);

impl Pseudonym for Elements {
    /// As `array_out` writes it (PostgreSQL documentation, 8.15.6): `[0:1]={a,"b c",NULL}`. Every type that can be sealed divides by commas.
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.each_in_text(value, out, false)
    }

    /// As `array_send` writes it: dimensions, whether there are NULLs, the element's type, length and lower bound of each
    /// dimension, then the elements, each with its length.
    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.each_in_binary(value, out, false)
    }

    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.each_in_text(token, out, true)
    }

    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.each_in_binary(token, out, true)
    }
}

impl Elements {
    fn each_in_text(&self, value: &[u8], out: &mut Vec<u8>, opens: bool) -> Result<(), Unsealable> {
        let mut rest = value;
        if rest.first() == Some(&b'[') {
            let bounds = rest.iter().position(|b| *b == b'=').ok_or(Unsealable)?;
            let (head, tail) = rest.split_at_checked(bounds.saturating_add(1)).ok_or(Unsealable)?;
            if !are_bounds(head) {
                return Err(Unsealable);
            }
            out.extend_from_slice(head);
            rest = tail;
        }
        let mut text = Text { rest, element: Vec::new(), sealed: Vec::new(), pseudonym: self.0.as_ref(), opens };
        text.array(1, out)?;
        if text.rest.is_empty() { Ok(()) } else { Err(Unsealable) }
    }

    fn each_in_binary(&self, value: &[u8], out: &mut Vec<u8>, opens: bool) -> Result<(), Unsealable> {
        let mut c = Cursor::new(value);
        let dimensions = c.i32().and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= DIMENSIONS).ok_or(Unsealable)?;
        c.i32().filter(|flags| matches!(flags, 0 | 1)).ok_or(Unsealable)?;
        c.u32().ok_or(Unsealable)?;
        let mut elements = usize::from(dimensions > 0);
        for _ in 0..dimensions {
            let length = c.i32().and_then(|n| usize::try_from(n).ok()).ok_or(Unsealable)?;
            c.i32().ok_or(Unsealable)?;
            elements = elements.checked_mul(length).ok_or(Unsealable)?;
        }
        let head = value.len().saturating_sub(c.left());
        out.extend_from_slice(value.get(..head).ok_or(Unsealable)?);
        for _ in 0..elements {
            match c.value().ok_or(Unsealable)? {
                None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(element) => {
                    let at = out.len();
                    out.extend_from_slice(&[0; 4]);
                    if opens {
                        self.0.open_binary(element, out)?
                    } else {
                        self.0.binary(element, out)?
                    }
                    let length = i32::try_from(out.len().saturating_sub(at).saturating_sub(4)).map_err(|_| Unsealable)?;
                    out.get_mut(at..at.saturating_add(4)).ok_or(Unsealable)?.copy_from_slice(&length.to_be_bytes());
                }
            }
        }
        c.end(()).ok_or(Unsealable)
    }
}

/// `[0:1][-1:1]=`
fn are_bounds(head: &[u8]) -> bool {
    head.strip_suffix(b"]=").is_some_and(|h| h.iter().all(|b| b.is_ascii_digit() || b"[]:-".contains(b)))
}

/// An array in text, front to back.
struct Text<'a> {
    rest: &'a [u8],
    /// The present element without its quotes.
    element: Vec<u8>,
    /// Its pseudonym without quotes.
    sealed: Vec<u8>,
    pseudonym: &'a dyn Pseudonym,
    /// Elements are tokens of a client's.
    opens: bool,
}

impl Text<'_> {
    fn next(&mut self) -> Result<u8, Unsealable> {
        let (first, rest) = self.rest.split_first().ok_or(Unsealable)?;
        self.rest = rest;
        Ok(*first)
    }

    /// `{…}`
    fn array(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Unsealable> {
        if depth > DIMENSIONS || self.next()? != b'{' {
            return Err(Unsealable);
        }
        out.push(b'{');
        if let Some(rest) = self.rest.strip_prefix(b"}") {
            self.rest = rest;
            out.push(b'}');
            return Ok(());
        }
        loop {
            self.skip_blanks();
            match self.rest.first() {
                Some(b'{') => self.array(depth.saturating_add(1), out)?,
                Some(b'"') => {
                    self.quoted()?;
                    self.put(out)?;
                }
                _ => self.unquoted(out)?,
            }
            self.skip_blanks();
            let divider = self.next()?;
            out.push(divider);
            match divider {
                b',' => {}
                b'}' => return Ok(()),
                _ => return Err(Unsealable),
            }
        }
    }

    fn skip_blanks(&mut self) {
        if self.opens {
            self.rest = self.rest.trim_ascii_start();
        }
    }

    fn quoted(&mut self) -> Result<(), Unsealable> {
        self.element.clear();
        self.next()?;
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => {
                    let escaped = self.next()?;
                    self.element.push(escaped);
                }
                byte => self.element.push(byte),
            }
        }
    }

    fn unquoted(&mut self, out: &mut Vec<u8>) -> Result<(), Unsealable> {
        let end = self.rest.iter().position(|b| matches!(b, b',' | b'}')).ok_or(Unsealable)?;
        let (word, rest) = self.rest.split_at_checked(end).ok_or(Unsealable)?;
        self.rest = rest;
        let word = if self.opens { word.trim_ascii_end() } else { word };
        if word == b"NULL" || self.opens && word.eq_ignore_ascii_case(b"null") {
            out.extend_from_slice(word);
            return Ok(());
        }
        // Anything else that needs quotes would have them.
        if needs_quotes(word) {
            return Err(Unsealable);
        }
        self.element.clear();
        self.element.extend_from_slice(word);
        self.put(out)
    }

    /// The pseudonym of the present element, quoted where Postgres would.
    fn put(&mut self, out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.sealed.clear();
        if self.opens {
            self.pseudonym.open_text(&self.element, &mut self.sealed)?;
        } else {
            self.pseudonym.text(&self.element, &mut self.sealed)?;
        }
        if !needs_quotes(&self.sealed) {
            out.extend_from_slice(&self.sealed);
            return Ok(());
        }
        out.push(b'"');
        for byte in &self.sealed {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
        Ok(())
    }
}

/// As `array_out` decides.
fn needs_quotes(element: &[u8]) -> bool {
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(special)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns values around, in angle brackets; refuses `bad`.
    #[derive(Debug)]
    struct Fake(&'static str);

    impl Pseudonym for Fake {
        fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            if value == b"bad" {
                return Err(Unsealable);
            }
            out.extend_from_slice(self.0.as_bytes());
            out.extend(value.iter().rev());
            Ok(())
        }

        fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            self.text(value, out)
        }

        fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            self.text(token.strip_prefix(b"t").ok_or(Unsealable)?, out)
        }

        fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
            self.open_text(token, out)
        }
    }

    fn opened(value: &str) -> Option<String> {
        let mut out = Vec::new();
        Elements(Arc::new(Fake(""))).open_text(value.as_bytes(), &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn tokens_are_opened_as_a_client_writes_them() {
        for (from, to) in [
            ("{}", "{}"),
            ("{tab,NULL, null ,\"tcd\"}", "{ba,NULL,null,dc}"),
            ("{ \"t\\\"}{\" , t,a }", ""),
            ("{{tab},{\"t,}\"}}", r#"{{ba},{"},"}}"#),
            (r#"{"tllun"}"#, r#"{"null"}"#),
            // What is no token, or may be read in two ways.
            ("{ab}", ""),
            ("{tab,ab}", ""),
            ("{t\\ab}", ""),
            ("{tab} x", ""),
            ("{tbad}", ""),
        ] {
            assert_eq!(opened(from).unwrap_or_default(), to, "{from}");
        }
        let mut out = Vec::new();
        let elements = Elements(Arc::new(Fake("")));
        elements.open_binary(&array(&[3], &[Some(b"tab"), None, Some(b"tcd")]), &mut out).unwrap();
        assert_eq!(out, array(&[3], &[Some(b"ba"), None, Some(b"dc")]));
        assert!(elements.open_binary(&array(&[1], &[Some(b"ab")]), &mut Vec::new()).is_err());
    }

    fn text(prefix: &'static str, value: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        Elements(Arc::new(Fake(prefix))).text(value, &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    fn binary(value: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        Elements(Arc::new(Fake("p"))).binary(value, &mut out).ok()?;
        Some(out)
    }

    #[test]
    fn elements_are_replaced_and_all_else_stays() {
        for (from, to) in [
            ("{}", "{}"),
            ("{abc}", "{cba}"),
            ("{abc,NULL,de}", "{cba,NULL,ed}"),
            ("{{ab,cd},{NULL,ef}}", "{{ba,dc},{NULL,fe}}"),
            ("[0:1]={ab,cd}", "[0:1]={ba,dc}"),
            ("[-1:0][2:3]={{ab,cd},{ef,gh}}", "[-1:0][2:3]={{ba,dc},{fe,hg}}"),
            (r#"{"a b","c\"d","e\\f","{",""}"#, r#"{"b a","d\"c","f\\e","{",""}"#),
            (r#"{"NULL","LLUN"}"#, r#"{LLUN,"NULL"}"#),
        ] {
            assert_eq!(text("", from.as_bytes()).as_deref(), Some(to), "{from}");
        }
        assert_eq!(text("a, ", b"{xy}").as_deref(), Some(r#"{"a, yx"}"#));
    }

    #[test]
    fn what_postgres_would_not_write_is_not_sent() {
        for value in [
            "",
            "x",
            "{",
            "}",
            "{a",
            "{a,",
            "{a}x",
            "{a}}",
            "{{a}",
            "{a{b}}",
            "{\"a}",
            "{\"a\\",
            "{\"a\"b}",
            "{a,,b}",
            "{,}",
            "{null}",
            "{a b}",
            "[0:1]{a,b}",
            "[x:1]={a}",
            "[0:1={a}",
            "{bad}",
            "{{{{{{{a}}}}}}}",
            "[",
            "[=",
            "{a}[",
            "{\"a\"\"b\"}",
        ] {
            assert_eq!(text("", value.as_bytes()), None, "{value}");
        }
    }

    fn array(lengths: &[i32], elements: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        let int = |out: &mut Vec<u8>, n: i32| out.extend_from_slice(&n.to_be_bytes());
        int(&mut out, i32::try_from(lengths.len()).unwrap());
        int(&mut out, i32::from(elements.iter().any(Option::is_none)));
        int(&mut out, 25);
        for length in lengths {
            int(&mut out, *length);
            int(&mut out, 1);
        }
        for element in elements {
            match element {
                None => int(&mut out, -1),
                Some(e) => {
                    int(&mut out, i32::try_from(e.len()).unwrap());
                    out.extend_from_slice(e);
                }
            }
        }
        out
    }

    #[test]
    fn binary_arrays() {
        assert_eq!(binary(&array(&[], &[])), Some(array(&[], &[])));
        assert_eq!(binary(&array(&[2], &[Some(b"ab"), None])), Some(array(&[2], &[Some(b"pba"), None])));
        let (from, to) = ([Some(&b"a"[..]); 6], [Some(&b"pa"[..]); 6]);
        assert_eq!(binary(&array(&[2, 3], &from)), Some(array(&[2, 3], &to)));
        let whole = array(&[2, 3], &from);
        for n in 0..whole.len() {
            assert_eq!(binary(&whole[..n]), None);
        }
        assert_eq!(binary(&[&whole[..], b"x"].concat()), None);
        assert_eq!(binary(&array(&[1; 7], &[Some(b"a")])), None);
        assert_eq!(binary(&array(&[-1], &[])), None);
        assert_eq!(binary(&array(&[i32::MAX, i32::MAX, i32::MAX], &[])), None);
        assert_eq!(binary(&array(&[1], &[Some(b"bad")])), None);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut state = 11_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..20_000 {
            let length = usize::try_from(next() % 40).unwrap();
            let alphabet = b"{}\",\\[]=:ab NULL\x00\x01\xff";
            let value: Vec<u8> = (0..length).map(|_| alphabet[usize::try_from(next() % alphabet.len() as u64).unwrap()]).collect();
            let _ = (text("", &value), binary(&value));
        }
    }
}
