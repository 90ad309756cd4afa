use pgveil_policy::{Mask, Origin, Output};

use super::super::Unsealable;
use super::*;

/// Turns a value around.
#[derive(Debug)]
struct Fake;

impl Pseudonym for Fake {
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        if value == b"bad" {
            return Err(Unsealable);
        }
        out.extend(value.iter().rev());
        Ok(())
    }

    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.text(value, out)
    }

    fn open_text(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }

    fn open_binary(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unsealable> {
        Err(Unsealable)
    }
}

/// `s` for a sealed column, `-` for another one.
fn sealing(form: CopyForm, pattern: &str, force_quote: bool, header: bool) -> Sealing {
    let pseudonyms: Vec<_> = pattern.chars().map(|c| (c == 's').then(|| Arc::new(Fake) as Arc<dyn Pseudonym>)).collect();
    let force_quote = vec![force_quote; pseudonyms.len()];
    let named = |name: &str| Output { name: name.to_owned(), origin: Origin::Computed, of_view: None, mask: Mask::Clear, type_oid: None };
    let columns = ["e,mail", "n", "c"].iter().take(pattern.len()).map(|name| named(name)).collect();
    let data = CopyData { columns, form, force_quote, header, own_header: false };
    Sealing::new(&data, pseudonyms)
}

fn text(delimiter: u8, null: &str) -> CopyForm {
    CopyForm::Text { delimiter, null: null.to_owned() }
}

fn csv(delimiter: u8, quote: u8, escape: u8, null: &str) -> CopyForm {
    CopyForm::Csv { delimiter, quote, escape, null: null.to_owned() }
}

fn sent(sealing: &Sealing, progress: &mut Progress, body: &[u8]) -> Result<Vec<u8>, RowFault> {
    let mut out = Vec::new();
    sealing.put(progress, body, &mut out)?;
    let (head, body) = frame::cut(&out, 1 << 20).unwrap().unwrap();
    assert_eq!((head.tag, head.total), (b'd', out.len()));
    Ok(body.to_vec())
}

#[test]
fn a_row_in_each_form() {
    for (form, pattern, from, to) in [
        (text(b'\t', "\\N"), "s-", &b"ab\\tc\t\\N\n"[..], &b"c\\tba\t\\N\n"[..]),
        (text(b'\t', "\\N"), "s-", b"a\\\\b\tx\\ny\n", b"b\\\\a\tx\\ny\n"),
        // A value that is the client's NULL string is none of the server's.
        (text(b'\t', "cba"), "s-", b"cba\tcba\n", b"abc\tcba\n"),
        (text(b'\t', "cba"), "s-", b"\\N\t\\N\n", b"cba\tcba\n"),
        (text(b'|', ""), "s-s", b"a|b\tc|d\t\\N\n", b"b\\|a|c\\|d|\n"),
        (text(0x01, "\\N"), "s", b"a\x01b\n", b"b\\\x01a\n"),
        (csv(b',', b'"', b'"', ""), "s-s", b"a,b\tx\"y\t\\N\n", b"\"b,a\",\"x\"\"y\",\n"),
        (csv(b',', b'"', b'"', ""), "s-", b"\t\n", b"\"\",\"\"\n"),
        (csv(b',', b'"', b'\\', "ba"), "s-", b"ab\t\\\\\"\n", b"\"ba\",\"\\\\\\\"\"\n"),
        (csv(b';', b'\'', b'\'', "n"), "s-", b"x\\ny\ta,b\n", b"'y\nx';a,b\n"),
        (csv(b',', b'"', b'"', ""), "s", b".\\\\\n", b"\"\\.\"\n"),
        (csv(b',', b'"', b'"', ""), "s-", b".\\\\\t\\\\.\n", b"\\.,\\.\n"),
        (csv(b',', b'"', b',', ""), "s-", b"a,b\tc\n", b"\"b,,a\",c\n"),
    ] {
        let sealing = sealing(form, pattern, false, false);
        let got = sent(&sealing, &mut Progress::default(), from).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(to));
    }
}

#[test]
fn the_header_passes_in_the_clients_form() {
    let sealing = sealing(csv(b',', b'"', b'"', ""), "s-", true, true);
    let mut progress = Progress::default();
    assert!(!progress.may_end(&sealing));
    assert_eq!(sent(&sealing, &mut progress, b"e,mail\tn\n").unwrap(), b"\"e,mail\",n\n");
    assert_eq!(sent(&sealing, &mut progress, b"ab\t1\n").unwrap(), b"\"ba\",\"1\"\n");
    assert!(progress.may_end(&sealing));
}

#[test]
fn a_header_that_the_server_has_not_is_written() {
    let header = |form: CopyForm, names: &[&str], own_header: bool| {
        let named =
            |name: &&str| Output { name: (*name).to_owned(), origin: Origin::Computed, of_view: None, mask: Mask::Clear, type_oid: None };
        let data =
            CopyData { columns: names.iter().map(named).collect(), form, force_quote: vec![true; names.len()], header: true, own_header };
        let sealing = Sealing::new(&data, vec![Some(Arc::new(Fake)); names.len()]);
        let mut out = Vec::new();
        sealing.put_header(&mut out);
        (out, sealing)
    };
    let body = |names: &[&str]| String::from_utf8(header(csv(b',', b'"', b'"', "null"), names, true).0.split_off(5)).unwrap();
    assert_eq!(body(&["e,mail", "n", "a\tb\\N", "null"]), "\"e,mail\",n,a\tb\\N,\"null\"\n");
    assert_eq!(body(&["\\."]), "\"\\.\"\n");
    assert_eq!(body(&["\\N", &"ä".repeat(40)]), format!("\\N,{}\n", "ä".repeat(31)));
    let (out, sealing) = header(csv(b',', b'"', b'"', ""), &["n"], true);
    assert_eq!(out[..5], [b'd', 0, 0, 0, 6]);
    // What comes then is a row.
    assert!(Progress::default().may_end(&sealing));
    assert_eq!(sent(&sealing, &mut Progress::default(), b"ab\n").unwrap(), b"\"ba\"\n");
    assert!(header(csv(b',', b'"', b'"', ""), &["n"], false).0.is_empty());
}

#[test]
fn a_row_in_the_headers_place_is_not_sent() {
    let sealing = sealing(text(b'\t', "\\N"), "s-", false, true);
    for row in [&b"ann@example.org\tn\n"[..], b"\\N\tn\n", b"\tn\n"] {
        assert_eq!(sent(&sealing, &mut Progress::default(), row), Err(RowFault::Header { column: 1 }));
    }
    // Of a long name Postgres keeps 63 bytes.
    let long = "ä".repeat(40);
    assert!(is_name(&long.as_bytes()[..62], &long) && !is_name(&long.as_bytes()[..40], &long) && !is_name(b"", "x"));
}

#[test]
fn what_the_server_would_not_send_is_not_sent() {
    let sealing = sealing(text(b'\t', "\\N"), "s-", false, false);
    let fault = |body: &[u8]| {
        let mut out = b"before".to_vec();
        let fault = sealing.put(&mut Progress::default(), body, &mut out).unwrap_err();
        assert_eq!(out, b"before");
        fault
    };
    for body in [&b""[..], b"a\tb", b"a\tb\n\n", b"a\tb\nc\td\n", b"a\rb\tc\n", b"a\\x\tb\n", b"a\\\tb\n", b"\\.\n\tb\n"] {
        assert_eq!(fault(body), RowFault::Malformed, "{body:?}");
    }
    assert_eq!(fault(b"a\n"), RowFault::Columns { judged: 2, found: 1 });
    assert_eq!(fault(b"a\tb\tc\n"), RowFault::Columns { judged: 2, found: 3 });
    assert_eq!(fault(b"bad\tb\n"), RowFault::Unsealable { column: 1, source: Unsealable });
}

#[test]
fn binary() {
    let header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    let row = |a: &[u8]| [&[0, 2, 0, 0, 0, u8::try_from(a.len()).unwrap()][..], a, &[255; 4]].concat();
    let sealing = sealing(CopyForm::Binary, "s-", false, false);
    let mut progress = Progress::default();
    assert!(sent(&sealing, &mut Progress::default(), &row(b"abc")).is_err(), "no header");
    assert_eq!(sent(&sealing, &mut progress, &[&header[..], &row(b"abc")].concat()).unwrap(), [&header[..], &row(b"cba")].concat());
    assert_eq!(sent(&sealing, &mut progress, &row(b"de")).unwrap(), row(b"ed"));
    assert!(sent(&sealing, &mut progress, &[&row(b"de")[..], b"x"].concat()).is_err());
    assert!(sent(&sealing, &mut progress, b"\0\x01\0\0\0\0").is_err());
    assert!(!progress.may_end(&sealing));
    assert_eq!(sent(&sealing, &mut progress, &[255, 255]).unwrap(), [255, 255]);
    assert!(progress.may_end(&sealing));
    assert!(sent(&sealing, &mut progress, &row(b"de")).is_err(), "after the trailer");
    let mut flagged = header.to_vec();
    flagged[11] = 1;
    assert!(sent(&sealing, &mut Progress::default(), &flagged).is_err());
}

#[test]
fn random_bytes_never_panic_and_never_pass_unsealed() {
    let mut state = 5_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (1 << 30)).unwrap()
    };
    let forms = [text(b'\t', "\\N"), text(b'|', "x"), csv(b',', b'"', b'\\', ""), CopyForm::Binary];
    for round in 0..20_000 {
        let alphabet = b"ab\t\n\\Nt|,\"\x00\x02\xff";
        let body: Vec<u8> = (0..next() % 30).map(|_| alphabet[next() % alphabet.len()]).collect();
        let sealing = sealing(forms[round % forms.len()].clone(), "s-", false, round % 3 == 0);
        let _ = sent(&sealing, &mut Progress::default(), &body);
    }
}
