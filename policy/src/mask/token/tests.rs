use super::*;

fn key() -> Key {
    Key::new([7; 32])
}

fn tokens(kind: Kind) -> Tokens {
    Tokens::new(&key(), "email", kind, false).unwrap()
}

#[test]
fn a_text_comes_back_and_its_length_shows_to_the_bucket_only() {
    let t = tokens(Kind::Text);
    let mut lengths = std::collections::BTreeSet::new();
    for n in 0..31 {
        let value = "é".repeat(n / 2) + &"a".repeat(n % 2);
        let (mut token, mut back) = (Vec::new(), Vec::new());
        t.text("t_", 32, value.as_bytes(), &mut token).unwrap();
        lengths.insert(token.len());
        assert!(token.len() <= text_length("t_", 32, value.len()));
        t.open_text(&[], "t_", &token, &mut back).unwrap();
        assert_eq!(back, value.as_bytes());
    }
    assert_eq!(lengths.len(), 1);
}

#[test]
fn what_is_no_token_stands_for_no_value() {
    let t = tokens(Kind::Text);
    let mut token = Vec::new();
    t.text("t_", 32, b"ana@example.com", &mut token).unwrap();
    let other = Tokens::new(&key(), "phone", Kind::Text, false).unwrap();
    let mut forged = token.clone();
    *forged.last_mut().unwrap() ^= 1;
    for text in [&b"ana@example.com"[..], b"", b"t_", b"t_AAAA", &forged, &token[1..]] {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        t.open_text(&[], "t_", text, &mut once).unwrap();
        t.open_text(&[], "t_", text, &mut twice).unwrap();
        assert!(once.starts_with(b"pgveil:no-such-value:"), "{text:?}");
        assert_eq!(once, twice);
    }
    let mut foreign = Vec::new();
    other.open_text(&[], "t_", &token, &mut foreign).unwrap();
    assert!(foreign.starts_with(b"pgveil:no-such-value:"), "a class opens its own tokens only");
}

#[test]
fn numbers_and_uuids_are_permuted() {
    let ints = tokens(Kind::Int4);
    let mut seen = std::collections::HashSet::new();
    for n in (-500..500).chain([i32::MIN, i32::MAX]) {
        let token = ints.int(n.to_be_bytes(), Direction::Seal).unwrap();
        assert_eq!(ints.int(token, Direction::Open).unwrap(), n.to_be_bytes());
        assert!(seen.insert(token));
    }
    let longs = tokens(Kind::Int8);
    let token = longs.int(42_i64.to_be_bytes(), Direction::Seal).unwrap();
    assert_ne!(token, 42_i64.to_be_bytes());
    assert_eq!(longs.int(token, Direction::Open).unwrap(), 42_i64.to_be_bytes());
    let uuids = tokens(Kind::Uuid);
    let token = uuids.uuid([9; 16], Direction::Seal).unwrap();
    assert_eq!(uuids.uuid(token, Direction::Open).unwrap(), [9; 16]);
    assert!(uuids.int([0; 4], Direction::Seal).is_err(), "each kind has its own keys");
}

#[test]
fn digits_become_as_many_digits_and_come_back() {
    let t = Tokens::new(&key(), "card", Kind::Text, true).unwrap();
    let mut seen = std::collections::HashSet::new();
    for value in [
        "000000",
        "123456",
        "123-456",
        "12-34-56",
        "4111 1111 1111 1111",
        "4111111111111111",
        "+49 (30) 23125.000",
        "0123456789012345678901234567890123456789",
    ] {
        let (mut token, mut back) = (Vec::new(), Vec::new());
        t.text("t_", 32, value.as_bytes(), &mut token).unwrap();
        let shape = |text: &[u8]| text.iter().map(|b| if b.is_ascii_digit() { b'0' } else { *b }).collect::<Vec<_>>();
        assert_eq!(shape(&token), shape(value.as_bytes()));
        assert_ne!(token, value.as_bytes());
        t.open_text(&[], "t_", &token, &mut back).unwrap();
        assert_eq!(back, value.as_bytes());
        let bare: Vec<u8> = token.iter().copied().filter(u8::is_ascii_digit).collect();
        assert!(seen.insert(bare), "other signs, other digits: {value}");
    }
    // Too short, too long, other letters: as every text.
    for value in
        ["", "12345", "123456a", "12345678901234567890123456789012345678901", "1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2", "１２３４５６"]
    {
        let (mut token, mut back) = (Vec::new(), Vec::new());
        t.text("t_", 32, value.as_bytes(), &mut token).unwrap();
        assert!(token.starts_with(b"t_") && token.len() > LONGEST_OF_DIGITS, "{value}");
        t.open_text(&[], "t_", &token, &mut back).unwrap();
        assert_eq!(back, value.as_bytes());
    }
}

#[test]
fn all_of_six_digits_are_permuted() {
    let t = Tokens::new(&key(), "card", Kind::Text, true).unwrap();
    let tokens: std::collections::HashSet<Vec<u8>> = (0..3000)
        .map(|n| {
            let mut token = Vec::new();
            t.text("", 32, format!("{n:06}").as_bytes(), &mut token).unwrap();
            token
        })
        .collect();
    assert_eq!(tokens.len(), 3000);
    let far = tokens.iter().filter(|t| t.as_slice() > b"500000".as_slice()).count();
    assert!((1200..1800).contains(&far), "{far} of 3000 above the middle");
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|two| u8::try_from(two[0] << 4 | two[1]).unwrap()).collect()
}

/// RFC 5297, appendix A.1.
#[test]
fn aes_siv_is_that_of_its_specification() {
    let key = bytes("fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff");
    let header = bytes("10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627");
    let plain = bytes("11223344 55667788 99aabbcc ddee");
    let sealed = bytes("85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c");
    let mut siv = aes_siv::siv::Aes128Siv::new(&Array::try_from(key.as_slice()).unwrap());
    assert_eq!(siv.encrypt([&header], &plain).unwrap(), sealed);
    assert_eq!(siv.decrypt([&header], &sealed).unwrap(), plain);
}

/// NIST, "Examples with intermediate values", FF1 samples 7, 8 and 9: AES-256.
#[test]
fn ff1_is_that_of_its_specification() {
    let key = bytes("2B7E151628AED2A6ABF7158809CF4F3C EF4359D8D580AA4F7F036D6F04FC6A94");
    let text = |digits: &str| {
        FlexibleNumeralString::from(digits.chars().map(|c| u16::try_from(c.to_digit(36).unwrap()).unwrap()).collect::<Vec<_>>())
    };
    for (radix, tweak, plain, sealed) in [
        (10, "", "0123456789", "6657667009"),
        (10, "39383736353433323130", "0123456789", "1001623463"),
        (36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ] {
        let ff1 = FF1::<aes::Aes256>::new(&key, radix).unwrap();
        let done = ff1.encrypt(&bytes(tweak), &text(plain)).unwrap();
        assert_eq!(Vec::from(done), Vec::from(text(sealed)));
    }
}

/// Tokens that people have noted must open in later versions.
#[test]
fn tokens_are_the_same_in_every_version() {
    let text = Tokens::new(&key(), "card", Kind::Text, true).unwrap();
    let written = |value: &str| {
        let mut token = Vec::new();
        text.text("t_", 16, value.as_bytes(), &mut token).unwrap();
        String::from_utf8(token).unwrap()
    };
    let int = Tokens::new(&key(), "card", Kind::Int4, false).unwrap();
    let uuid = Tokens::new(&key(), "card", Kind::Uuid, false).unwrap();
    let all = [
        written("4111 1111 1111 1111"),
        written("ana"),
        i32::from_be_bytes(int.int(42_i32.to_be_bytes(), Direction::Seal).unwrap()).to_string(),
        format!("{:032x}", u128::from_be_bytes(uuid.uuid([9; 16], Direction::Seal).unwrap())),
    ];
    assert_eq!(
        all,
        ["5794 2922 5628 8650", "t_jy_AaJww5zka72-m5VE-JIdkOvCW8Kd2Jwj3KJagOdc", "-317331376", "c6d61f7a947994b68ef554fa38218098"]
    );
}

#[test]
fn tokens_of_old_keys_open_and_are_made_no_more() {
    let of = |byte: u8| Tokens::new(&Key::new([byte; 32]), "email", Kind::Text, false).unwrap();
    let sealed = |tokens: &Tokens| {
        let mut token = Vec::new();
        tokens.text("t_", 32, b"ana@example.com", &mut token).unwrap();
        token
    };
    let opened = |old: &[Tokens], token: &[u8]| {
        let mut value = Vec::new();
        of(9).open_text(old, "t_", token, &mut value).unwrap();
        value
    };
    let token = sealed(&of(7));
    assert_ne!(token, sealed(&of(9)));
    assert_eq!(opened(&[of(8), of(7)], &token), b"ana@example.com");
    assert_eq!(opened(&[of(8), of(7)], &sealed(&of(9))), b"ana@example.com");
    // Retired: as any text that is no token, and the same whatever other keys are read.
    let retired = opened(&[of(8)], &token);
    assert!(retired.starts_with(NO_VALUE));
    assert_eq!(retired, opened(&[], &token));
    let foreign = Tokens::new(&Key::new([7; 32]), "phone", Kind::Text, false).unwrap();
    assert!(opened(&[foreign], &token).starts_with(NO_VALUE), "a class opens its own tokens only");
}
