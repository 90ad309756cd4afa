//! Fakes: plausible values, chosen from lists by a keyed hash of the value.
//!
//! A fake is a pseudonym: the same value always has the same fake. Another value may have it too, where there are fewer fakes than
//! values; e-mail addresses alone have enough digits that this does not happen. Numbers and domains are those that are set aside for
//! fiction and documentation (RFC 2606; the authorities are named beside the lists). All characters are of ISO 8859-1, so that every
//! database can store them.

mod de;
mod en;
mod fr;

use std::sync::OnceLock;

/// What a fake looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fake {
    /// What it is one of.
    pub kind: FakeKind,
    /// Where it could be from.
    pub locale: Locale,
}

/// What a fake is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeKind {
    /// `Anna`
    FirstName,
    /// `Fischer`
    LastName,
    /// `Anna Fischer`
    Name,
    /// `anna.fischer.5x3q9…@example.org`
    Email,
    /// `Fischer Logistik GmbH`
    Company,
    /// `Lindenstraße 12`
    Street,
    /// `Ulm`
    City,
    /// `+49 30 23125017`
    Phone,
}

impl FakeKind {
    /// All of them.
    pub const ALL: [FakeKind; 8] = [
        FakeKind::FirstName,
        FakeKind::LastName,
        FakeKind::Name,
        FakeKind::Email,
        FakeKind::Company,
        FakeKind::Street,
        FakeKind::City,
        FakeKind::Phone,
    ];

    /// As the policy names it.
    pub fn name(self) -> &'static str {
        match self {
            FakeKind::FirstName => "first_name",
            FakeKind::LastName => "last_name",
            FakeKind::Name => "name",
            FakeKind::Email => "email",
            FakeKind::Company => "company",
            FakeKind::Street => "street",
            FakeKind::City => "city",
            FakeKind::Phone => "phone",
        }
    }
}

/// Where names, streets and numbers could be from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// English
    En,
    /// German
    De,
    /// French
    Fr,
}

impl Locale {
    /// All of them, the default first.
    pub const ALL: [Locale; 3] = [Locale::En, Locale::De, Locale::Fr];

    /// As the policy names it.
    pub fn name(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::De => "de",
            Locale::Fr => "fr",
        }
    }

    fn words(self) -> &'static Lists {
        static ALL: OnceLock<[Lists; 3]> = OnceLock::new();
        let [en, de, fr] = ALL.get_or_init(|| [&en::WORDS, &de::WORDS, &fr::WORDS].map(Lists::of));
        match self {
            Locale::En => en,
            Locale::De => de,
            Locale::Fr => fr,
        }
    }
}

/// Lists, divided by commas.
struct Words {
    first_names: &'static str,
    last_names: &'static str,
    cities: &'static str,
    streets: &'static str,
    /// The number of a house stands before its street.
    number_first: bool,
    number_between: &'static str,
    trades: &'static str,
    /// Of companies.
    legal_forms: &'static str,
    /// `#` is a digit.
    phones: &'static str,
}

#[derive(Debug)]
struct Lists {
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
    cities: Vec<&'static str>,
    /// With the place of a number.
    streets: Vec<&'static str>,
    number_first: bool,
    number_between: &'static str,
    trades: Vec<&'static str>,
    legal_forms: Vec<&'static str>,
    phones: Vec<&'static str>,
}

impl Lists {
    fn of(words: &Words) -> Lists {
        let list = |text: &'static str| text.split(',').collect();
        Lists {
            first_names: list(words.first_names),
            last_names: list(words.last_names),
            cities: list(words.cities),
            streets: list(words.streets),
            number_first: words.number_first,
            number_between: words.number_between,
            trades: list(words.trades),
            legal_forms: list(words.legal_forms),
            phones: list(words.phones),
        }
    }
}

/// Bytes that a fake is chosen by.
pub const CHOICE: usize = 64;
/// Digits of an e-mail address: 65 bits, with the names more than the 80 of the shortest hash.
const DIGITS: usize = 13;
/// RFC 2606.
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];
const HOUSES: u64 = 199;

impl Fake {
    /// Appends the fake that is chosen so. `digits`: as many keyed digits as it takes.
    pub(super) fn put(self, choice: &[u8; CHOICE], digits: impl FnOnce(&[u8], &mut [u8]), out: &mut Vec<u8>) {
        let lists = self.locale.words();
        let mut numbers = choice.chunks_exact(8).map(|eight| eight.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)));
        let mut number = || numbers.next().unwrap_or_default();
        let (first, last) = (pick(&lists.first_names, number()), pick(&lists.last_names, number()));
        let (third, fourth) = (number(), number());
        match self.kind {
            FakeKind::FirstName => out.extend_from_slice(first.as_bytes()),
            FakeKind::LastName => out.extend_from_slice(last.as_bytes()),
            FakeKind::Name => put_all(&[first, " ", last], out),
            FakeKind::Email => {
                put_address(first, out);
                out.push(b'.');
                put_address(last, out);
                out.push(b'.');
                let mut written = [0; DIGITS];
                digits(choice.get(32..).unwrap_or_default(), &mut written);
                out.extend_from_slice(&written);
                put_all(&["@", pick(&DOMAINS, third)], out);
            }
            FakeKind::Company => put_all(&[last, " ", pick(&lists.trades, third), " ", pick(&lists.legal_forms, fourth)], out),
            FakeKind::Street => {
                let (street, house) = (pick(&lists.streets, third), (fourth % HOUSES).saturating_add(1).to_string());
                let (one, other) = if lists.number_first { (house.as_str(), street) } else { (street, house.as_str()) };
                put_all(&[one, lists.number_between, other], out);
            }
            FakeKind::City => out.extend_from_slice(pick(&lists.cities, third).as_bytes()),
            FakeKind::Phone => {
                let mut rest = fourth;
                out.extend(pick(&lists.phones, third).bytes().map(|byte| match byte {
                    b'#' => {
                        let digit = rest % 10;
                        rest /= 10;
                        b'0'.saturating_add(u8::try_from(digit).unwrap_or_default())
                    }
                    other => other,
                }));
            }
        }
    }

    /// The most characters that one has.
    pub fn longest(self) -> usize {
        let lists = self.locale.words();
        let most = |list: &[&str], length: fn(&str) -> usize| list.iter().map(|word| length(word)).max().unwrap_or(0);
        let characters = |word: &str| word.chars().count();
        let in_address = |word: &str| {
            let mut out = Vec::new();
            put_address(word, &mut out);
            out.len()
        };
        let sum = |parts: &[usize]| parts.iter().fold(0_usize, |sum, part| sum.saturating_add(*part));
        match self.kind {
            FakeKind::FirstName => most(&lists.first_names, characters),
            FakeKind::LastName => most(&lists.last_names, characters),
            FakeKind::Name => sum(&[most(&lists.first_names, characters), 1, most(&lists.last_names, characters)]),
            FakeKind::Email => sum(&[
                most(&lists.first_names, in_address),
                1,
                most(&lists.last_names, in_address),
                1,
                DIGITS,
                1,
                most(&DOMAINS, characters),
            ]),
            FakeKind::Company => {
                sum(&[most(&lists.last_names, characters), 1, most(&lists.trades, characters), 1, most(&lists.legal_forms, characters)])
            }
            FakeKind::Street => sum(&[most(&lists.streets, characters), characters(lists.number_between), 3]),
            FakeKind::City => most(&lists.cities, characters),
            FakeKind::Phone => most(&lists.phones, characters),
        }
    }

    /// Two values have one fake by chance only that nobody sees.
    pub fn is_unique(self) -> bool {
        self.kind == FakeKind::Email
    }
}

fn pick<'l>(list: &[&'l str], number: u64) -> &'l str {
    let length = u64::try_from(list.len()).unwrap_or(1).max(1);
    usize::try_from(number % length).ok().and_then(|index| list.get(index)).copied().unwrap_or_default()
}

fn put_all(parts: &[&str], out: &mut Vec<u8>) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}

/// A name as it stands in an address: small ASCII letters, nothing else.
fn put_address(name: &str, out: &mut Vec<u8>) {
    for letter in name.chars() {
        let plain: &str = match letter.to_lowercase().next().unwrap_or(letter) {
            'ä' => "ae",
            'ö' => "oe",
            'ü' => "ue",
            'ß' => "ss",
            'à' | 'â' => "a",
            'ç' => "c",
            'é' | 'è' | 'ê' | 'ë' => "e",
            'î' | 'ï' => "i",
            'ô' => "o",
            'ù' | 'û' => "u",
            small => {
                if small.is_ascii_lowercase() {
                    out.extend(u8::try_from(small));
                }
                continue;
            }
        };
        out.extend_from_slice(plain.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn all() -> impl Iterator<Item = Fake> {
        FakeKind::ALL.into_iter().flat_map(|kind| Locale::ALL.map(|locale| Fake { kind, locale }))
    }

    fn put(fake: Fake, choice: &[u8; CHOICE]) -> String {
        let mut out = Vec::new();
        fake.put(choice, |_, digits| digits.fill(b'7'), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_hold_enough_words_once_each_of_latin_letters() {
        for locale in Locale::ALL {
            let lists = locale.words();
            for (list, least) in [
                (&lists.first_names, 195),
                (&lists.last_names, 195),
                (&lists.cities, 100),
                (&lists.streets, 60),
                (&lists.trades, 35),
                (&lists.legal_forms, 8),
                (&lists.phones, 5),
            ] {
                assert!(list.len() >= least, "{locale:?} {} {least}", list.len());
                assert_eq!(list.iter().collect::<HashSet<_>>().len(), list.len());
                for word in list {
                    assert!(!word.is_empty() && word.trim() == *word && word.chars().all(|c| u32::from(c) < 256), "{word}");
                }
            }
            for name in lists.first_names.iter().chain(&lists.last_names) {
                let mut out = Vec::new();
                put_address(name, &mut out);
                let letters = name.chars().filter(|c| c.is_alphabetic()).count();
                assert!(out.len() >= letters && out.iter().all(u8::is_ascii_lowercase), "{name}: {}", String::from_utf8_lossy(&out));
            }
        }
    }

    #[test]
    fn no_fake_is_longer_than_the_longest() {
        let mut state = 9_u64;
        for fake in all() {
            let mut longest = 0;
            for _ in 0..2_000 {
                let choice = std::array::from_fn(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    u8::try_from(state >> 56).unwrap()
                });
                let text = put(fake, &choice);
                longest = longest.max(text.chars().count());
                assert!(!text.contains('#') && !text.contains("  ") && !text.starts_with(' ') && !text.ends_with(' '), "{text}");
            }
            assert!(longest <= fake.longest() && longest + 8 >= fake.longest(), "{fake:?} {longest} {}", fake.longest());
        }
    }

    /// A list that is changed changes fakes that people have noted.
    #[test]
    fn the_same_choice_gives_the_same_fake_in_every_version() {
        let choice = std::array::from_fn(|n| u8::try_from(n * 37 % 251).unwrap());
        let texts: Vec<String> = all().map(|fake| put(fake, &choice)).collect();
        assert_eq!(texts, GOLDEN);
    }

    const GOLDEN: [&str; 24] = [
        "Noah",
        "Vera",
        "Éric",
        "Chen",
        "Riedel",
        "Langlois",
        "Noah Chen",
        "Vera Riedel",
        "Éric Langlois",
        "noah.chen.7777777777777@example.net",
        "vera.riedel.7777777777777@example.net",
        "eric.langlois.7777777777777@example.net",
        "Chen Catering Partners",
        "Riedel Keramik SE",
        "Langlois Logistique et Fils",
        "137 Orchard Road",
        "Hauptstraße 137",
        "137, square des Arts",
        "Durham",
        "Hagen",
        "Tarbes",
        "+1 228-555-0176",
        "+49 221 4710763",
        "+33 5 36 49 76 34",
    ];
}
