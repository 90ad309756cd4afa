//! What one value looks like.

/// An address of an e-mail (RFC 5321, without quoted local parts): one `@`, a domain of at least two labels that ends in letters.
pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim().trim_start_matches("mailto:");
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
    let mut labels = domain.split('.');
    let top = labels.next_back().unwrap_or_default();
    let label_fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let mut rest = labels.peekable();
    local_fits
        && domain.len() <= 253
        && rest.peek().is_some()
        && rest.all(label_fits)
        && label_fits(top)
        && top.len() >= 2
        && top.chars().any(char::is_alphabetic)
}

/// An IPv4 or IPv6 address, with or without a prefix length. `1.2.3` and `8.0` are versions.
pub(super) fn is_ip(text: &str) -> bool {
    let text = text.trim();
    let address = match text.split_once('/') {
        Some((address, bits)) if bits.parse::<u8>().is_ok_and(|bits| bits <= 128) => address,
        Some(_) => return false,
        None => text,
    };
    address.parse::<std::net::IpAddr>().is_ok()
}

/// Six or eight pairs of hexadecimal digits between colons, hyphens or, four by four, points.
pub(super) fn is_mac(text: &str) -> bool {
    let text = text.trim();
    let groups = |separator: char, length: usize, counts: [usize; 2]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len()) && parts.iter().all(|part| part.len() == length && part.chars().all(|c| c.is_ascii_hexdigit()))
    };
    groups(':', 2, [6, 8]) || groups('-', 2, [6, 8]) || groups('.', 4, [3, 4])
}

/// How surely a text is a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phone {
    /// No.
    No,
    /// Its digits could be anything.
    Perhaps,
    /// It is written as only telephone numbers are: `+49 …`, `(030) …`.
    Sure,
}

/// ITU-T E.164: at most 15 digits, here at least 7.
pub(super) fn phone(text: &str) -> Phone {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let body = text.split(['x', '#']).next().unwrap_or_default().trim_end().trim_end_matches("ext.").trim_end();
    let digits = body.chars().filter(char::is_ascii_digit).count();
    let separators = body.chars().filter(|c| " -./()".contains(*c)).count();
    let plus = body.starts_with('+') || body.starts_with("(+");
    let known = body.chars().all(|c| c.is_ascii_digit() || " -./()+".contains(c)) && body.matches('+').count() <= 1;
    if !known || !(7..=15).contains(&digits) || separators > digits || is_date(body) || is_ip(body) {
        return Phone::No;
    }
    let open = body.matches('(').count();
    if plus || body.starts_with("00") && separators > 0 || open == 1 && body.matches(')').count() == 1 {
        return Phone::Sure;
    }
    // A number with a decimal point, a plain number.
    if body.matches('.').count() == 1 && separators == 1 {
        return Phone::No;
    }
    let starts_with_zero = body.starts_with('0') && separators > 0;
    let american = body.split(['-', ' ', '.']).map(str::len).eq([3, 3, 4]);
    if starts_with_zero || american { Phone::Sure } else { Phone::Perhaps }
}

/// A day in the ISO form or one of the common national ones.
pub(super) fn is_date(text: &str) -> bool {
    year_of(text).is_some()
}

/// The year of a day, 1800 to 2200.
pub(super) fn year_of(text: &str) -> Option<u32> {
    let day = text.trim().split([' ', 'T']).next()?;
    let separator = day.chars().find(|c| "-./".contains(*c))?;
    let parts: Vec<u32> = day.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [a, b, c] = parts.as_slice() else { return None };
    let day_and_month = |x: u32, y: u32| (1..=31).contains(&x) && (1..=12).contains(&y) || (1..=12).contains(&x) && (1..=31).contains(&y);
    match (*a, *b, *c) {
        (year @ 1800..=2200, month, day) if day_and_month(day, month) => Some(year),
        (day, month, year @ 1800..=2200) if day_and_month(day, month) => Some(year),
        _ => None,
    }
}

/// Digits of a number that may be written with blanks, hyphens and points between them; `None` where anything else stands in it.
pub(super) fn digits(text: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for letter in text.trim().chars() {
        match letter.to_digit(10) {
            Some(digit) => found.push(digit),
            None if " -.".contains(letter) => {}
            None => return None,
        }
    }
    Some(found)
}

/// A payment card's number (ISO/IEC 7812): 13 to 19 digits, an issuer that exists, the check digit of Luhn.
pub(super) fn is_card(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let prefix = digits.iter().take(4).fold(0, |number, digit| number * 10 + digit);
    let issuer = match prefix {
        // American Express, Diners, JCB.
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&digits.len()),
        3528..=3589 => (16..=19).contains(&digits.len()),
        4000..=4999 => [13, 16, 18, 19].contains(&digits.len()),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        5000..=5099 | 5600..=6999 | 2200..=2204 | 8100..=8199 | 9792 => (12..=19).contains(&digits.len()),
        _ => false,
    };
    issuer && digits.len() >= 13 && luhn(&digits)
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u32]) -> bool {
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 }).sum();
    sum.is_multiple_of(10)
}

/// ISO 13616: two letters, two digits, the account; 97 by its check.
pub(super) fn is_iban(text: &str) -> bool {
    let text: Vec<char> = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    let starts = matches!(text.as_slice(), [a, b, c, d, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
    if !starts || !(15..=34).contains(&text.len()) || !text.iter().all(char::is_ascii_alphanumeric) {
        return false;
    }
    let moved = text.iter().skip(4).chain(text.iter().take(4));
    let rest = moved.fold(0_u32, |rest, letter| {
        let value = letter.to_digit(36).unwrap_or_default();
        if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 }
    });
    rest == 1
}

/// Two numbers, the first a latitude and the second a longitude, with decimals.
pub(super) fn is_position(text: &str) -> bool {
    let text = text.trim().trim_start_matches("POINT").trim_matches(|c| c == '(' || c == ')');
    let parts: Vec<&str> = text.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    let [a, b] = parts.as_slice() else { return false };
    let number = |text: &str, limit: f64| text.contains('.') && text.parse::<f64>().is_ok_and(|n| n.abs() <= limit);
    number(a, 180.0) && number(b, 180.0) && (number(a, 90.0) || number(b, 90.0))
}

/// A street with a number: words with letters, and a number of at most five digits at one end (or behind a comma).
pub(super) fn is_street(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(',').next().unwrap_or_default();
    let words: Vec<String> = line.split_whitespace().map(|word| super::name::words(word).concat()).collect();
    let number = |word: &str| word.chars().next().is_some_and(|c| c.is_ascii_digit()) && word.len() <= 6;
    let raw: Vec<&str> = line.split_whitespace().collect();
    let ends = raw.first().is_some_and(|w| number(w)) || raw.last().is_some_and(|w| number(w));
    ends && raw.len() >= 2
        && words.iter().any(|word| STREETS.iter().any(|street| word == street || street.len() > 4 && word.ends_with(street)))
}

const STREETS: [&str; 62] = [
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "dr",
    "boulevard",
    "blvd",
    "court",
    "ct",
    "way",
    "terrace",
    "square",
    "highway",
    "parkway",
    "strasse",
    "str",
    "weg",
    "allee",
    "platz",
    "gasse",
    "ring",
    "ufer",
    "damm",
    "steig",
    "chaussee",
    "rue",
    "place",
    "impasse",
    "chemin",
    "quai",
    "calle",
    "avenida",
    "plaza",
    "paseo",
    "carrer",
    "via",
    "viale",
    "corso",
    "piazza",
    "rua",
    "travessa",
    "straat",
    "laan",
    "gracht",
    "plein",
    "weide",
    "ulica",
    "ul",
    "aleja",
    "gatan",
    "vaegen",
    "cadde",
    "caddesi",
    "sokak",
    "sokagi",
    "view",
    "close",
];

/// A secret that a library has made: of crypt's forms, PostgreSQL's verifiers, JSON web tokens, keys with a well-known beginning.
pub(super) fn is_secret(text: &str) -> bool {
    const BEGINNINGS: [&str; 20] = [
        "$2a$",
        "$2b$",
        "$2y$",
        "$argon2",
        "$pbkdf2",
        "$scrypt$",
        "$6$",
        "$5$",
        "$1$",
        "pbkdf2_sha256$",
        "bcrypt$",
        "scrypt:",
        "SCRAM-SHA-256$",
        "{SSHA}",
        "eyJhbGciOi",
        "sk_live_",
        "ghp_",
        "AKIA",
        "xoxb-",
        "-----BEGIN",
    ];
    let text = text.trim();
    text.len() >= 16 && BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// An e-mail address, or a telephone number in its international form, between other words.
pub(super) fn mentions(text: &str) -> bool {
    let cut = |c: char| c.is_whitespace() || "<>()[]{},;:\"'".contains(c);
    text.split(cut).any(|word| is_email(word.trim_end_matches(['.', '!', '?'])))
        || text.match_indices('+').any(|(at, _)| text.get(at..).is_some_and(international))
}

fn international(text: &str) -> bool {
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || "+ -/()".contains(*c)).collect();
    phone(&number) == Phone::Sure && number.chars().filter(char::is_ascii_digit).count() >= 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_are() {
        for yes in ["ana@example.com", "a.b+c@x-y.co.uk", "jürgen@müller.de", " mailto:x@y.io "] {
            assert!(is_email(yes), "{yes}");
        }
        for no in ["", "@", "a@b", "a@b.", "a b@c.de", "a@@b.de", "a@b.1", "user@host", ".a@b.de", "@handle.x"] {
            assert!(!is_email(no), "{no}");
        }
        for yes in ["192.168.0.1", "10.0.0.0/8", "2001:db8::1", "::1/128"] {
            assert!(is_ip(yes), "{yes}");
        }
        for no in ["1.2.3", "1.2.3.4.5", "256.1.1.1", "12:30", "10.0.0.1/300", ""] {
            assert!(!is_ip(no), "{no}");
        }
        assert!(
            is_mac("08:00:2b:01:02:03")
                && is_mac("08-00-2B-01-02-03")
                && is_mac("0800.2b01.0203")
                && !is_mac("08:00:2b:01:02")
                && !is_mac("zz:00:2b:01:02:03")
        );
        assert!(
            is_card("4111 1111 1111 1111") && is_card("378282246310005") && !is_card("4111111111111112") && !is_card("1234567890123452")
        );
        assert!(
            is_iban("DE89 3704 0044 0532 0130 00")
                && is_iban("GB29NWBK60161331926819")
                && !is_iban("DE89370400440532013001")
                && !is_iban("DE")
        );
        assert!(is_position("52.5200, 13.4050") && is_position("(13.4,52.5)") && !is_position("1, 2") && !is_position("200.5, 10.1"));
        assert_eq!(year_of("1979-05-01"), Some(1979));
        assert_eq!(year_of("01.05.1979 10:00"), Some(1979));
        assert_eq!(year_of("2001-20-40"), None);
    }

    #[test]
    fn telephone_numbers_are_told_from_other_digits() {
        for sure in ["+49 30 23125 123", "(030) 1234567", "030/1234567", "212-555-0142", "+1 (212) 555-0142 x12", "0049 30 1234567"] {
            assert_eq!(phone(sure), Phone::Sure, "{sure}");
        }
        assert_eq!(phone("2125550142"), Phone::Perhaps);
        for no in [
            "2024-01-02",
            "10.0.0.1",
            "12345",
            "1234567.89",
            "not a number",
            "12345678901234567",
            "",
            "+",
            "1,234,567",
            "550e8400-e29b-41d4",
        ] {
            assert_eq!(phone(no), Phone::No, "{no}");
        }
    }

    #[test]
    fn people_are_found_in_what_people_write() {
        assert!(mentions("Please call <ana@example.com>.") && mentions("back at +49 30 23125 123, thanks"));
        assert!(!mentions("1 + 1 = 2") && !mentions("nobody@home") && !mentions(""));
        assert!(
            is_street("Hauptstraße 5")
                && is_street("12 Main Street, Springfield")
                && is_street("rue Victor Hugo 7")
                && is_street("5 rue de la Gare")
        );
        assert!(!is_street("Widget 5") && !is_street("Street") && !is_street("5") && !is_street(""));
        assert!(is_secret("$2b$12$abcdefghijklmnopqrstuv") && !is_secret("$2b$") && !is_secret("a plain text of some length"));
    }
}
