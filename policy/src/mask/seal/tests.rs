#![expect(clippy::string_slice, reason = "a test may panic")]

use super::*;

fn sealer(class: &str, form: SealForm) -> Sealer {
    Sealer::new(&Key::new([7; 32]), &SealSpec::of(class, form))
}

fn digits(prefix: &str, length: usize, trim: bool) -> SealForm {
    SealForm::Text { style: TextStyle::Digits(Digits { prefix: prefix.into(), length }), trim, pad: 0 }
}

fn text(sealer: &Sealer, value: &[u8]) -> String {
    let mut out = Vec::new();
    sealer.text(value, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn binary(sealer: &Sealer, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sealer.binary(value, &mut out).unwrap();
    out
}

#[test]
fn pseudonyms_are_those_of_keyed_blake3() {
    let mut material = vec![7; 32];
    material.extend(b"email");
    let hash = blake3::keyed_hash(&blake3::derive_key("pgveil 2026-11 hash of text", &material), b"ana@example.org");
    let mut bits: String = hash.as_bytes().iter().map(|b| format!("{b:08b}")).collect();
    bits.truncate(16 * 5);
    let wanted: String = (0..16).map(|i| char::from(DIGITS[usize::from_str_radix(&bits[i * 5..i * 5 + 5], 2).unwrap()])).collect();
    assert_eq!(text(&sealer("email", digits("u_", 16, false)), b"ana@example.org"), format!("u_{wanted}"));
}

#[test]
fn prefix_and_length_do_not_enter_the_hash() {
    let long = text(&sealer("email", digits("", 64, false)), "zoë".as_bytes());
    assert_eq!(long.len(), 64);
    for length in [16, 20, 51, 52, 63] {
        assert_eq!(text(&sealer("email", digits("p-", length, false)), "zoë".as_bytes()), format!("p-{}", &long[..length]));
    }
}

#[test]
fn equal_values_of_all_text_types_meet_in_both_formats() {
    let (varchar, bpchar) = (sealer("email", digits("", 32, false)), sealer("email", digits("", 32, true)));
    let pseudonym = text(&varchar, b"ab");
    assert_eq!(text(&bpchar, b"ab   "), pseudonym);
    assert_eq!(binary(&bpchar, b"ab "), pseudonym.as_bytes());
    assert_ne!(text(&varchar, b"ab "), pseudonym);
    assert_ne!(text(&bpchar, b"ab\t "), pseudonym);
    assert_eq!(text(&bpchar, b"   "), text(&varchar, b""));
    assert_eq!(text(&varchar, &[b'x'; 100_000]).len(), 32);
}

#[test]
fn classes_kinds_and_keys_do_not_correlate() {
    let form = digits("", 32, false);
    let a = text(&sealer("a", form.clone()), b"12345678");
    assert_ne!(a, text(&sealer("b", form.clone()), b"12345678"));
    let other_key = Sealer::new(&Key::new([8; 32]), &SealSpec::of("a", form.clone()));
    assert_ne!(a, text(&other_key, b"12345678"));
    let number = binary(&sealer("a", SealForm::Int8), b"12345678");
    let first = binary(&sealer("a", digits("", 16, false)), b"12345678");
    let bits = i64::from_be_bytes(number.try_into().unwrap());
    let start = first.iter().take(12).fold(0i64, |n, c| n << 5 | DIGITS.iter().position(|d| d == c).unwrap() as i64);
    assert_ne!(bits >> 4, start & (i64::MAX >> 4), "the same bits in another form would link a bigint to a text");
}

#[test]
fn bigint_is_equal_in_both_formats_and_never_negative() {
    let sealer = sealer("customer", SealForm::Int8);
    for number in [0, 1, -1, i64::MAX, i64::MIN, 42] {
        let shown: i64 = text(&sealer, number.to_string().as_bytes()).parse().unwrap();
        assert!(shown >= 0);
        assert_eq!(binary(&sealer, &number.to_be_bytes()), shown.to_be_bytes());
    }
    assert_ne!(text(&sealer, b"1"), text(&sealer, b"-1"));
}

#[test]
fn uuid_is_equal_in_both_formats_and_of_version_8() {
    let sealer = sealer("device", SealForm::Uuid);
    let raw = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
    let shown = text(&sealer, b"01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!(shown.len(), 36);
    assert_eq!(&shown[14..15], "8");
    assert!(matches!(&shown[19..20], "8" | "9" | "a" | "b"));
    assert_eq!(uuid_of_text(shown.as_bytes()).unwrap().to_vec(), binary(&sealer, &raw));
    assert_eq!(shown, text(&sealer, b"01234567-89AB-CDEF-0123-456789ABCDEF"));
}

#[test]
fn a_value_of_another_type_is_an_error_and_writes_nothing() {
    let mut out = b"before".to_vec();
    let (uuid, int8) = (sealer("a", SealForm::Uuid), sealer("a", SealForm::Int8));
    for value in
        ["", "x", "01234567-89ab-cdef-0123-456789abcdeg", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdéf"]
    {
        assert_eq!(uuid.text(value.as_bytes(), &mut out), Err(UUID), "{value}");
        assert_eq!(int8.text(value.as_bytes(), &mut out), Err(BIGINT), "{value}");
    }
    assert_eq!(int8.text(b"9223372036854775808", &mut out), Err(BIGINT));
    assert_eq!(int8.binary(&[0; 4], &mut out), Err(BIGINT));
    assert_eq!(uuid.binary(&[0; 15], &mut out), Err(UUID));
    assert_eq!(out, b"before");
}

#[test]
fn no_key_shows_in_debug() {
    let shown = format!("{:?} {:?}", Key::new([7; 32]), sealer("a", SealForm::Uuid));
    assert_eq!(shown, "Key(..) Sealer { form: Uuid, .. }");
}

fn styled(style: TextStyle, trim: bool, pad: usize) -> SealForm {
    SealForm::Text { style, trim, pad }
}

fn address() -> TextStyle {
    TextStyle::Address(Digits { prefix: "u_".into(), length: 16 })
}

#[test]
fn an_address_keeps_its_domain_and_nothing_else() {
    let sealer = sealer("email", styled(address(), false, 0));
    for (value, domain) in [
        ("ana@example.org", "@example.org"),
        ("Ana.Maria+x@Mail.Example.ORG", "@Mail.Example.ORG"),
        ("\"a@b\"@example.org", "@example.org"),
        ("a@xn--mller-kva.xn--p1ai", "@xn--mller-kva.xn--p1ai"),
        ("", ""),
        ("ana", ""),
        ("@example.org", ""),
        ("ana@", ""),
        ("ana@localhost", ""),
        ("ana@example.org ", ""),
        ("ana@example.org>", ""),
        ("ana@123.456.78", ""),
        ("ana@+49.30.123456", ""),
        ("ana@-x.org", ""),
        ("ana@x..org", ""),
        ("ana@müller.de", ""),
        ("ana@x.o", ""),
    ] {
        let shown = text(&sealer, value.as_bytes());
        assert_eq!(shown.get(18..), Some(domain), "{value}");
        assert!(shown.starts_with("u_") && shown[2..18].bytes().all(|b| DIGITS.contains(&b)), "{value}: {shown}");
        assert_eq!(binary(&sealer, value.as_bytes()), shown.as_bytes());
    }
    let long = format!("a@{}.org", "x".repeat(64));
    assert_eq!(text(&sealer, long.as_bytes()).len(), 18);
    // The whole value is hashed: two of one local part are two.
    let local = |value: &str| text(&sealer, value.as_bytes())[..18].to_owned();
    assert_ne!(local("ana@example.org"), local("ana@example.net"));
    assert_ne!(local("ana@example.org"), local("Ana@example.org"));
}

#[test]
fn an_address_is_no_hash_of_the_same_class() {
    let hash = text(&sealer("email", digits("u_", 16, false)), b"ana@example.org");
    let shown = text(&sealer("email", styled(address(), false, 0)), b"ana@example.org");
    assert_ne!(&shown[..18], hash);
}

#[test]
fn a_fake_is_the_same_for_equal_values_of_all_text_types() {
    use crate::mask::fake::{FakeKind, Locale};
    for kind in FakeKind::ALL {
        for locale in Locale::ALL {
            let fake = TextStyle::Fake(Fake { kind, locale });
            let (plain, padded) = (sealer("name", styled(fake.clone(), false, 0)), sealer("name", styled(fake.clone(), true, 70)));
            let mut fakes = std::collections::BTreeSet::new();
            for n in 0..500 {
                let value = format!("value {n}");
                let shown = text(&plain, value.as_bytes());
                assert_eq!(shown, text(&plain, value.as_bytes()));
                assert_eq!(binary(&plain, value.as_bytes()), shown.as_bytes());
                let wide = text(&padded, format!("{value}   ").as_bytes());
                assert_eq!((wide.trim_end_matches(' '), wide.chars().count()), (shown.as_str(), 70));
                fakes.insert(shown);
            }
            let least = if (Fake { kind, locale }).is_unique() { 500 } else { 80 };
            assert!(fakes.len() >= least, "{kind:?} {locale:?}: {} of 500", fakes.len());
            let other = sealer("other", styled(fake, false, 0));
            let agree = (0..500).filter(|n| {
                let value = format!("value {n}");
                text(&plain, value.as_bytes()) == text(&other, value.as_bytes())
            });
            assert!(agree.count() < 25, "classes do not correlate");
        }
    }
}

/// BLAKE3's test vectors (test_vectors/test_vectors.json of its repository): key and input of its own.
#[test]
fn blake3_is_that_of_its_specification() {
    let key = b"whats the Elvish word for friend";
    let input: Vec<u8> = (0..251).cycle().take(1025).collect();
    for (length, wanted) in [
        (0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"),
        (1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"),
        (1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"),
    ] {
        assert_eq!(blake3::keyed_hash(key, &input[..length]).to_hex().as_str(), wanted);
    }
}
