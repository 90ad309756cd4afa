//! Two answers, equal up to a renaming of pseudonyms?

use std::collections::HashMap;

use pgveil_tests::client::{Answer, Field, Message};
use pgveil_tests::rng::Rng;

/// Pseudonyms of twin A and the ones that stand for the same in twin B: a bijection that grows with each answer.
#[derive(Debug, Clone, Default)]
pub struct Renaming {
    there: HashMap<String, String>,
    back: HashMap<String, String>,
    /// OIDs of relations that the sessions made: the server counts them for both twins.
    tables: HashMap<u32, u32>,
}

/// A cell, cut where a pseudonym begins and ends. Pseudonyms are known by their prefix, version digit or magnitude: no stored
/// value has these.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Plain(Vec<u8>),
    Pseudonym(String),
    /// Two people may have one: which one it is says nothing.
    Name,
}

/// Before and after a `hash` of text; its digits are counted in the policy.
const TEXT: &str = "u_";
const PREFIX: &[u8] = TEXT.as_bytes();
/// Digits after the prefix.
const DIGITS: usize = 32;
/// Pseudonyms of bigint are random below 2⁶³, stored values are all smaller than this.
const LARGE: i64 = 1 << 44;

impl Renaming {
    /// Compares two answers and keeps what was learned of the renaming if they are equal.
    ///
    /// # Errors
    /// The first difference, in words.
    pub fn same(&mut self, a: &Answer, b: &Answer) -> Result<(), String> {
        let mut trial = Trial { known: self, there: HashMap::new(), back: HashMap::new(), tables: self.tables.clone() };
        trial.answers(a, b)?;
        let Trial { there, back, tables, .. } = trial;
        self.tables = tables;
        self.there.extend(there);
        self.back.extend(back);
        Ok(())
    }

    /// A cell of B's with A's pseudonyms, and with numbers in one spelling.
    pub fn canonical(&self, cell: &[u8], field: Option<&Field>) -> Vec<u8> {
        if let Some(rounded) = float(cell, field) {
            return rounded.into_bytes();
        }
        let mut out = replaced(&self.back, cell, field);
        match field.map(|f| (f.type_oid, f.format)) {
            Some((NUMERIC, 0)) => trimmed(&out).map_or(out, |(whole, part)| format!("{whole}.{part}").into_bytes()),
            // Digits behind the point that are shown; where there are none but zeros, nothing of the value.
            Some((NUMERIC, 1)) => {
                if let Some(scale) = out.get_mut(6..8) {
                    scale.fill(0);
                }
                out
            }
            _ => rounded(&out),
        }
    }

    /// A cell of A's with B's pseudonyms.
    pub fn applied(&self, cell: &[u8], field: Option<&Field>) -> Vec<u8> {
        replaced(&self.there, cell, field)
    }

    /// The pseudonyms of A that are known, each standing for another of its kind.
    pub fn shuffled(&self, rng: &mut Rng) -> Renaming {
        let kind = |name: &str| match name {
            text if text.starts_with(TEXT) => 0,
            address if address.contains('@') => 3,
            other => other.len() / 36 + 1,
        };
        let mut out = Renaming::default();
        for wanted in 0..4 {
            let mut names: Vec<&String> = self.there.keys().filter(|name| kind(name) == wanted).collect();
            names.sort();
            let mut others = names.clone();
            rng.shuffle(&mut others);
            for (from, to) in names.into_iter().zip(others) {
                out.there.insert(from.clone(), to.clone());
                out.back.insert(to.clone(), from.clone());
            }
        }
        out
    }

    /// How many pseudonyms were met.
    pub fn len(&self) -> usize {
        self.there.len()
    }
}

fn replaced(names: &HashMap<String, String>, cell: &[u8], field: Option<&Field>) -> Vec<u8> {
    let piece = |piece| match piece {
        Piece::Pseudonym(name) => names.get(&name).unwrap_or(&name).clone().into_bytes(),
        Piece::Plain(text) => text,
        Piece::Name => b"[some name]".to_vec(),
    };
    pieces(cell, field).into_iter().flat_map(piece).collect()
}

struct Trial<'a> {
    known: &'a Renaming,
    there: HashMap<String, String>,
    back: HashMap<String, String>,
    tables: HashMap<u32, u32>,
}

impl Trial<'_> {
    /// The same but for the OID of a relation that the session made, which is then another one's in every answer.
    fn columns(&mut self, a: &Field, b: &Field) -> bool {
        let same = if a.table == b.table {
            !self.tables.contains_key(&a.table)
        } else {
            let known = self.tables.contains_key(&a.table) || !self.tables.values().any(|known| *known == b.table);
            known && *self.tables.entry(a.table).or_insert(b.table) == b.table && a.table > 0 && b.table > 0
        };
        same && Field { table: b.table, ..a.clone() } == *b
    }

    fn answers(&mut self, a: &Answer, b: &Answer) -> Result<(), String> {
        let mut fields: &[Field] = &[];
        for (n, (left, right)) in a.messages.iter().zip(&b.messages).enumerate() {
            let differ = |what: &str| Err(format!("message {n}: {what}\n    A: {left:?}\n    B: {right:?}"));
            match (left, right) {
                (Message::RowDescription(x), Message::RowDescription(y)) => {
                    if x.len() != y.len() || !x.iter().zip(y).all(|(x, y)| self.columns(x, y)) {
                        return differ("columns differ");
                    }
                    fields = x;
                }
                (Message::DataRow(x), Message::DataRow(y)) => {
                    if x.len() != y.len() {
                        return differ("rows of different widths");
                    }
                    for (column, (x, y)) in x.iter().zip(y).enumerate() {
                        if let Err(what) = self.cells(x.as_deref(), y.as_deref(), fields.get(column)) {
                            return Err(format!("message {n}, column {column}: {what}\n    A: {}\n    B: {}", show(left), show(right)));
                        }
                    }
                }
                (Message::CopyData(x), Message::CopyData(y)) => {
                    let (x, y) = (copied(x), copied(y));
                    if x.len() != y.len() {
                        return differ("other data");
                    }
                    for (x, y) in x.into_iter().zip(y) {
                        self.cells(Some(x), Some(y), None).or_else(|_| match (any_number(x), any_number(y)) {
                            (Piece::Pseudonym(x), Piece::Pseudonym(y)) if self.rename(x.clone(), y.clone()) => Ok(()),
                            _ => differ("data differ"),
                        })?;
                    }
                }
                (x, y) if x == y => {}
                _ => return differ("messages differ"),
            }
        }
        if a.messages.len() != b.messages.len() {
            return Err(format!("{} messages on A, {} on B", a.messages.len(), b.messages.len()));
        }
        if a.broken.is_some() || b.broken.is_some() {
            return Err(format!("the connection broke: A {:?}, B {:?}", a.broken, b.broken));
        }
        Ok(())
    }

    fn cells(&mut self, a: Option<&[u8]>, b: Option<&[u8]>, field: Option<&Field>) -> Result<(), String> {
        let (Some(a), Some(b)) = (a, b) else {
            return if a == b { Ok(()) } else { Err("NULL on one side".to_owned()) };
        };
        if let (Some(a), Some(b)) = (float(a, field), float(b, field)) {
            return if a == b { Ok(()) } else { Err("floats differ".to_owned()) };
        }
        let (a, b) = (pieces(a, field), pieces(b, field));
        if a.len() != b.len() {
            return Err("another number of pseudonyms".to_owned());
        }
        for (a, b) in a.into_iter().zip(b) {
            match (a, b) {
                (Piece::Plain(a), Piece::Plain(b)) if a == b => {}
                // Open in docs/threat-model.md, "Equal values that differ": which of 1.0 and 1.00 stands for a group.
                (Piece::Plain(a), Piece::Plain(b)) if same_number(a.as_ref(), b.as_ref()) => {}
                (Piece::Plain(a), Piece::Plain(b)) if rounded(&a) == rounded(&b) => {}
                (Piece::Name, Piece::Name) => {}
                (Piece::Pseudonym(a), Piece::Pseudonym(b)) => {
                    if !self.rename(a, b) {
                        return Err("pseudonyms have another pattern of equality".to_owned());
                    }
                }
                _ => return Err("values differ".to_owned()),
            }
        }
        Ok(())
    }

    fn rename(&mut self, a: String, b: String) -> bool {
        let there = self.there.get(&a).or_else(|| self.known.there.get(&a));
        let back = self.back.get(&b).or_else(|| self.known.back.get(&b));
        match (there, back) {
            (None, None) => {
                self.there.insert(a.clone(), b.clone());
                self.back.insert(b, a);
                true
            }
            (Some(to), Some(from)) => *to == b && *from == a,
            _ => false,
        }
    }
}

/// Data of a COPY in text or csv, cut where a value may end.
fn copied(data: &[u8]) -> Vec<&[u8]> {
    data.split(|byte| b"\t\n,;|\"'{}".contains(byte)).collect()
}

fn any_number(text: &[u8]) -> Piece {
    match uuid(text) {
        Piece::Plain(_) => number(text),
        pseudonym => pseudonym,
    }
}

fn show(row: &Message) -> String {
    let Message::DataRow(cells) = row else { return format!("{row:?}") };
    let cell = |c: &Option<Vec<u8>>| c.as_ref().map_or("NULL".to_owned(), |v| String::from_utf8_lossy(v).into_owned());
    cells.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

fn pieces(cell: &[u8], field: Option<&Field>) -> Vec<Piece> {
    // Without a description (COPY) a pseudonym is known by its form alone.
    let Some(field) = field else {
        return match (uuid(cell), number(cell)) {
            (Piece::Pseudonym(name), _) | (_, Piece::Pseudonym(name)) => vec![Piece::Pseudonym(name)],
            _ => texts(cell),
        };
    };
    let (type_oid, binary) = (field.type_oid, field.format == 1);
    match (type_oid, binary) {
        (20, false) => vec![number(cell)],
        (20, true) => vec![binary_number(cell)],
        (2950, true) => vec![uuid(&spell(cell))],
        (2950, false) => vec![uuid(cell)],
        (1016 | 2951, false) => cell.split_inclusive(|b| b"{},".contains(b)).flat_map(|part| element(part, type_oid)).collect(),
        (1016 | 2951, true) => binary_elements(cell, type_oid),
        _ => texts(cell),
    }
}

/// An element of an array in text format, and the sign that ends it.
fn element(part: &[u8], array: u32) -> Vec<Piece> {
    let (value, sign) = match part.last() {
        Some(b'{' | b'}' | b',') => part.split_at(part.len() - 1),
        _ => (part, &[][..]),
    };
    let value = if array == 1016 { number(value) } else { uuid(value) };
    vec![value, Piece::Plain(sign.to_vec())]
}

/// Dimensions, then length and bytes of each element (`array_send`).
fn binary_elements(cell: &[u8], array: u32) -> Vec<Piece> {
    let Some((head, mut rest)) = cell.split_at_checked(20) else { return vec![Piece::Plain(cell.to_vec())] };
    let mut out = vec![Piece::Plain(head.to_vec())];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        out.push(Piece::Plain(length.to_vec()));
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (value, after) = after.split_at(length.min(after.len()));
        match (length, array) {
            (0, _) => {}
            (_, 1016) => out.push(binary_number(value)),
            _ => out.push(uuid(&spell(value))),
        }
        rest = after;
    }
    out
}

fn number(text: &[u8]) -> Piece {
    match std::str::from_utf8(text).ok().and_then(|t| t.parse::<i64>().ok()) {
        Some(n) if n >= LARGE => Piece::Pseudonym(n.to_string()),
        _ => Piece::Plain(text.to_vec()),
    }
}

fn binary_number(bytes: &[u8]) -> Piece {
    match bytes.try_into().map(i64::from_be_bytes) {
        Ok(n) if n >= LARGE => Piece::Pseudonym(n.to_string()),
        _ => Piece::Plain(bytes.to_vec()),
    }
}

/// Stored values are of version 4, pseudonyms of version 8 (RFC 9562).
fn uuid(text: &[u8]) -> Piece {
    match text.get(14) {
        Some(b'8') if text.len() == 36 => Piece::Pseudonym(String::from_utf8_lossy(text).into_owned()),
        _ => Piece::Plain(text.to_vec()),
    }
}

fn spell(bytes: &[u8]) -> Vec<u8> {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let cut = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-").into_bytes()
}

fn texts(cell: &[u8]) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = cell;
    while let Some((start, end, piece)) = (0..rest.len()).find_map(|at| begins(rest, at)) {
        out.push(Piece::Plain(rest[..start].to_vec()));
        out.push(piece);
        rest = &rest[end..];
    }
    out.push(Piece::Plain(rest.to_vec()));
    out
}

/// A pseudonym that begins at a place of a text: from where to where, and which.
fn begins(text: &[u8], at: usize) -> Option<(usize, usize, Piece)> {
    let rest = text.get(at..)?;
    let within = at > 0 && text[at - 1].is_ascii_alphanumeric();
    if rest.starts_with(PREFIX) {
        let end = PREFIX.len() + DIGITS;
        let digits = rest.get(PREFIX.len()..end).filter(|d| d.iter().all(u8::is_ascii_alphanumeric))?;
        return Some((at, at + end, Piece::Pseudonym(format!("{TEXT}{}", String::from_utf8_lossy(digits)))));
    }
    if within || !rest[0].is_ascii_alphabetic() {
        return None;
    }
    fake_address(rest)
        .map(|length| (at, at + length, Piece::Pseudonym(String::from_utf8_lossy(&rest[..length]).into_owned())))
        .or_else(|| fake_name(rest).map(|length| (at, at + length, Piece::Name)))
}

/// The length of `anna.fischer.5x3q9…@example.org`.
fn fake_address(text: &[u8]) -> Option<usize> {
    let word = |from: usize| text.get(from..).map(|t| t.iter().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count());
    let first = word(0)?;
    let last = word(first + 1).filter(|n| *n > 0 && text.get(first) == Some(&b'.'))? + first + 1;
    let digits = word(last + 1).filter(|n| *n == 13 && text.get(last) == Some(&b'.'))? + last + 1;
    let domain = text.get(digits..digits + 12)?;
    [&b"@example.com"[..], b"@example.net", b"@example.org"].contains(&domain).then_some(digits + 12)
}

/// The length of `Anna Fischer`. No other text of the twins has two words of letters, each with one capital.
fn fake_name(text: &[u8]) -> Option<usize> {
    // No name is longer; a text may be.
    let text = text.get(..64).unwrap_or(text).utf8_chunks().next()?.valid();
    let word = |text: &str| {
        let mut letters = text.chars();
        let capital = letters.next().filter(|c| c.is_uppercase())?;
        let small: usize = letters.take_while(|c| c.is_lowercase()).map(char::len_utf8).sum();
        (small >= 2).then_some(capital.len_utf8() + small)
    };
    let first = word(text)?;
    let last = word(text.get(first..)?.strip_prefix(' ')?)?;
    let length = first + 1 + last;
    let goes_on = text.get(length..)?.chars().next().is_some_and(char::is_alphanumeric);
    (!goes_on).then_some(length)
}

/// OID of the type.
const NUMERIC: u32 = 1700;

/// A float without its low-order bits: those of an aggregate depend on the order of its input, which is a declared exception.
fn float(cell: &[u8], field: Option<&Field>) -> Option<String> {
    let value = match field.map(|f| (f.type_oid, f.format))? {
        (700 | 701, 0) => std::str::from_utf8(cell).ok()?.parse::<f64>().ok()?,
        (700, 1) => f64::from(f32::from_be_bytes(cell.try_into().ok()?)),
        (701, 1) => f64::from_be_bytes(cell.try_into().ok()?),
        _ => return None,
    };
    // Rounding itself must not part neighbours around zero.
    Some(if value.abs() < 1e-9 { "0".to_owned() } else { format!("{value:.6e}") })
}

/// A text, JSON say, with what can only be floats in it as in [`float`]: numbers of 15 to 17 digits with a point among them.
fn rounded(cell: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cell.len());
    for token in cell.split_inclusive(|b| !b.is_ascii_digit() && *b != b'.') {
        let (number, rest) = token.split_at(token.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(token.len()));
        let text = std::str::from_utf8(number).unwrap_or_default();
        let digits = text.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
        match text.parse::<f64>() {
            Ok(value) if text.contains('.') && (15..=17).contains(&digits) => {
                let short: f64 = format!("{value:.11e}").parse().unwrap();
                out.extend_from_slice(short.to_string().as_bytes());
            }
            _ => out.extend_from_slice(number),
        }
        out.extend_from_slice(rest);
    }
    out
}

/// Equal decimal numbers with another count of zeros at the end.
fn same_number(a: &[u8], b: &[u8]) -> bool {
    trimmed(a).is_some_and(|n| Some(n) == trimmed(b))
}

/// What is before the point of a decimal number, and behind it without zeros at the end.
fn trimmed(n: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(n).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|d| d.is_ascii_digit());
    (digits(whole.strip_prefix('-').unwrap_or(whole)) && !whole.is_empty() && digits(part))
        .then(|| (whole.to_owned(), part.trim_end_matches('0').to_owned()))
}

#[test]
fn pseudonyms_are_found_in_texts() {
    let found = |text: &str| texts(text.as_bytes()).into_iter().filter(|p| !matches!(p, Piece::Plain(_))).collect::<Vec<_>>();
    let address = "anna.fischer.0123456789abc@example.org";
    assert_eq!(found(address), [Piece::Pseudonym(address.to_owned())]);
    assert_eq!(found("{\"Anna Böhm\",NULL,\"Jürgen Weiß\"}"), [Piece::Name, Piece::Name]);
    assert_eq!(found(&format!("x,{address},u_{}", "a".repeat(32))).len(), 2);
    for none in ["anna.fischer@example.org", "Title 3", "liouli ulio", "Anna fischer", "u_abc"] {
        assert_eq!(found(none), [], "{none}");
    }
}

#[test]
fn floats_in_texts_lose_their_last_bits_and_nothing_else_does() {
    let same = |a: &str, b: &str| rounded(a.as_bytes()) == rounded(b.as_bytes());
    assert!(same(r#"{"corr":0.09435195036412683,"n":1}"#, r#"{"corr":0.09435195036412684,"n":1}"#));
    assert!(same("(0.1,x)", "(0.09999999999999999,x)"));
    assert!(!same(r#"{"corr":0.09435195036412683}"#, r#"{"corr":0.09435195136412684}"#));
    assert!(!same("123456789012345678", "123456789012345679") && !same("12.34", "12.35") && !same("a0.1", "b0.1"));
}
