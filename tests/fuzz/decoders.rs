//! What reads bytes of either side, by itself: random bytes, and real messages with some bytes changed. Nothing panics; what fails appends
//! nothing; of a row whose columns are all sealed no byte of a value is left.

use std::sync::Arc;

use pgveil::login::startup;
use pgveil::rows::array::Elements;
use pgveil::rows::copy::{Progress, Sealing};
use pgveil::rows::open::{Opening, put_opened};
use pgveil::rows::{Format, Formats, Pseudonym, Unsealable, explain, plan, seal};
use pgveil::scrub::Scrub;
use pgveil::wire::answer::{self, Report};
use pgveil::wire::frame;
use pgveil::wire::message::Frontend;
use pgveil_policy::PlanFormat;
use pgveil_policy::mask::seal::{SealForm, SealSpec};
use pgveil_policy::{CopyData, CopyForm, Mask, Origin, Output};
use pgveil_tests::canary;
use pgveil_tests::rng::Rng;

use super::frames;

/// Gives the same for every value.
#[derive(Debug)]
struct Same;

impl Pseudonym for Same {
    fn text(&self, _: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        out.extend_from_slice(b"####");
        Ok(())
    }

    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        if value.len() % 7 == 6 { Err(Unsealable) } else { self.text(value, out) }
    }

    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.binary(token, out)
    }

    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.binary(token, out)
    }
}

fn values(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        match value {
            None => body.extend([255; 4]),
            Some(value) => {
                body.extend((value.len() as u32).to_be_bytes());
                body.extend(*value);
            }
        }
    }
    body
}

/// Messages and values as they should be; a value is `liouliou` or an array of such.
fn seeds() -> Vec<Vec<u8>> {
    let array = b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x08liouliou\xff\xff\xff\xff";
    let row = values(&[Some(b"liouliou"), None]);
    let mut startup = b"\0\0\0\0\0\x03\0\x02user\0analyst\0database\0x\0_pq_.y\x001\0\0".to_vec();
    startup[3] = startup.len() as u8;
    let bind = [&b"p\0s\0\0\x01\0\x01"[..], &values(&[Some(b"liouliou"), None]), b"\0\x01\0\x01"].concat();
    let tuple = |rows: usize| [&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..], &row.repeat(rows), b"\xff\xff"].concat();
    vec![
        row.clone(),
        values(&[Some(array), Some(b"{liouliou,\"liou,liou\",NULL}")]),
        values(&[Some(b"[0:1]={liouliou,liouliou}"), Some(b"{{liouliou},{NULL}}")]),
        array.to_vec(),
        b"{liouliou,\"li\\\"ouliou\"}".to_vec(),
        b"liouliou\t\\N\n".to_vec(),
        b"liou\\tliouliou\tliouliou\n".to_vec(),
        b"email\tname\n".to_vec(),
        tuple(0),
        row,
        startup,
        b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x09\x01\x02\x03\x04".to_vec(),
        bind,
        b"s\0SELECT 1\0\0\x01\0\0\0\x17".to_vec(),
        b"\0\x02email\0\0\0\0\x07\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0id\0\0\0\0\x07\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01"
            .to_vec(),
        b"SERROR\0VERROR\0C22P02\0Mfailed\0P7\0\0".to_vec(),
        b"client_encoding\0UTF8\0".to_vec(),
        b"\0\0\0\x07jobs\0x\0".to_vec(),
        values(&[Some(b"Seq Scan on customers  (cost=0.00..1.00 rows=1 width=4)")]),
        values(&[Some(b"  ->  Index Scan using a on b c  (actual time=0.1..0.2 rows=1 loops=1)")]),
        values(&[Some(
            b"[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"x\", \"Filter\": \"liouliou\"}, \"Execution Time\": 1.5}]",
        )]),
        b"\0\0\x02\0\0\0\0".to_vec(),
    ]
}

fn mutated(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    if rng.chance(10) {
        return (0..rng.below(80)).map(|_| rng.next() as u8).collect();
    }
    let mut bytes = rng.pick(seeds).clone();
    for _ in 0..rng.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.below(bytes.len());
        match rng.below(6) {
            0 => bytes[at] = rng.next() as u8,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, *rng.pick(b"\0\xff{}\",\\\t\n1a")),
            4 => {
                let other = rng.pick(seeds).clone();
                bytes.extend(other);
            }
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

/// Runs what appends: on a fault nothing is appended, else no value.
fn clean(what: &str, bytes: &[u8], fails: impl FnOnce(&mut Vec<u8>) -> bool) {
    let mut out = b"before".to_vec();
    let failed = fails(&mut out);
    assert!(out.starts_with(b"before"), "{what}");
    let appended = &out[6..];
    if failed {
        assert!(appended.is_empty(), "{what}: {}", bytes.escape_ascii());
    }
    if let Some(leak) = canary::find(b"", appended) {
        panic!("{what}: {leak} of {}", bytes.escape_ascii());
    }
}

fn try_all(bytes: &[u8], rng: &mut Rng) {
    let same = || -> Arc<dyn Pseudonym> { Arc::new(Same) };
    let elements = || -> Arc<dyn Pseudonym> { Arc::new(Elements(same())) };
    for (text, pseudonym) in [same(), elements()].into_iter().flat_map(|p| [(true, Arc::clone(&p)), (false, p)]) {
        let format = if text { Format::Text } else { Format::Binary };
        let seals = vec![Some((Arc::clone(&pseudonym), format)); 2];
        clean("a row", bytes, |out| seal::put_sealed(out, bytes, &seals).is_err());
        clean("a tuple", bytes, |out| seal::put_tuple(out, bytes, &seals).is_err());
        let mut out = Vec::new();
        let done = if text { pseudonym.text(bytes, &mut out) } else { pseudonym.binary(bytes, &mut out) };
        assert!(done.is_err() || canary::find(b"", &out).is_none(), "{}", bytes.escape_ascii());
        let column = Output { name: "email".into(), mask: Mask::Clear, origin: Origin::Computed, of_view: None, type_oid: None };
        for form in [CopyForm::plain(), CopyForm::Binary] {
            let data = CopyData {
                columns: vec![column.clone(), column.clone()].into(),
                form,
                force_quote: vec![false, false],
                header: rng.chance(30),
                own_header: false,
            };
            let sealing = Sealing::new(&data, vec![Some(Arc::clone(&pseudonym)); 2]);
            let mut progress = Progress::default();
            clean("copy", bytes, |out| sealing.put(&mut progress, bytes, out).is_err());
            // A second one, after whatever the first was.
            clean("copy again", bytes, |out| sealing.put(&mut progress, bytes, out).is_err());
        }
    }
    for format in [PlanFormat::Json, PlanFormat::Xml, PlanFormat::Yaml] {
        clean("a plan", bytes, |out| plan::put_plan(out, bytes, format).is_err());
    }
    let mut out = Vec::new();
    let _fault = explain::put_explained(&mut out, bytes, rng.chance(50));
    let spec = SealSpec::of("c", SealForm::Uuid);
    let openings = [Opening::new(0, same(), &spec, false, true), Opening::new(1, elements(), &spec, true, false)];
    let mut out = Vec::new();
    assert!(put_opened(&mut out, bytes, &openings).is_ok() || out.is_empty());
    for n in 0..3 {
        let _format = Formats::read(bytes).of(n, 3);
    }
    for limit in [10, 1 << 20] {
        if let Ok(Some((head, body))) = frame::cut(bytes, limit) {
            assert!(head.total <= bytes.len() && body.len() <= limit);
        }
    }
    if let Ok(Some((_, used))) = startup::packet(bytes) {
        assert!(used <= bytes.len());
    }
    for tag in *b"QPBDECSHFXdcfp?\0" {
        let _decoded = Frontend::decode(tag, bytes).is_ok();
    }
    let scrub = Scrub::new("0123456789", true);
    if let Some(report) = Report::decode(bytes) {
        for report in [scrub.error(&report), scrub.of_a_write(&report), scrub.of_copied(&report), Scrub::constraint(&report), report] {
            let mut out = Vec::new();
            report.put(&mut out, b'E');
            assert!(Report::decode(&out[5..]).is_some(), "what is told does not decode: {}", bytes.escape_ascii());
        }
    }
    if let Some((name, value)) = answer::parameter_status(bytes) {
        let _shown = scrub.parameter(name, value);
    }
    if let Some(fields) = answer::row_description(bytes) {
        let mut out = Vec::new();
        answer::put_row_description(&mut out, fields.into_iter());
        assert_eq!(&out[5..], bytes, "a RowDescription is told as it came");
    }
    let _decoded =
        (answer::notification(bytes), answer::command_tag(bytes), answer::copy_response(bytes), answer::parameter_description(bytes));
    let _wrapped = frame::cut(&frames::put(b'D', bytes), 1 << 20);
}

#[test]
fn no_bytes_bring_a_decoder_down() {
    let count = std::env::var("PGVEIL_TEXTS").map_or(20_000, |n| n.parse().expect("PGVEIL_TEXTS is a number"));
    let seeds = seeds();
    let mut seed = crate::twins::seed();
    loop {
        println!("fuzz: decoders, seed {seed}");
        let mut rng = Rng::new(seed);
        for _ in 0..count {
            let bytes = mutated(&mut rng, &seeds);
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| try_all(&bytes, &mut rng))).is_err() {
                panic!("seed {seed}: {}", bytes.escape_ascii());
            }
        }
        if std::env::var_os("PGVEIL_FUZZ").is_none() {
            return;
        }
        seed += 1;
    }
}
