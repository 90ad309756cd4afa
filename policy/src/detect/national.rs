//! Numbers by which states know people, each by its own rule.
//!
//! Those without a check digit count only in the form that nothing else has (`078-05-1120`).

use super::value::{digits, luhn};

/// Its name where a text is one. `strict`: only of those whose rule leaves little to chance, so that a column may be known by its values alone.
pub(super) fn id(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.len() > 32 || text.is_empty() {
        return None;
    }
    RULES.iter().find(|(_, rule)| rule(text)).map(|(name, _)| *name)
}

type Rule = fn(&str) -> bool;

const RULES: [(&str, Rule); 14] = [
    ("a US social security number", us_ssn),
    ("a UK national insurance number", uk_nino),
    ("a German tax id", german_tax_id),
    ("a German social insurance number", german_insurance),
    ("a French NIR", french_nir),
    ("a Spanish DNI or NIE", spanish_dni),
    ("an Italian codice fiscale", italian_code),
    ("a Polish PESEL", polish_pesel),
    ("a Dutch BSN", dutch_bsn),
    ("a Swedish personnummer", swedish),
    ("a Swiss AHV number", swiss_ahv),
    ("a Brazilian CPF", brazilian_cpf),
    ("a Turkish identity number", turkish),
    ("a Belgian register number", belgian),
];

/// Groups of digits between hyphens, of these lengths.
fn groups(text: &str, separator: char, lengths: &[usize]) -> Option<Vec<u32>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fits = parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, length)| part.len() == *length);
    fits.then(|| parts.iter().map(|part| part.parse().ok()).collect())?
}

/// Only with its hyphens; areas 000, 666 and 900 to 999 were never given.
fn us_ssn(text: &str) -> bool {
    groups(text, '-', &[3, 2, 4]).is_some_and(|parts| matches!(parts.as_slice(), [area, group, serial] if *area != 0 && *area != 666 && *area < 900 && *group != 0 && *serial != 0))
}

fn uk_nino(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    let [a, b, middle @ .., last] = letters.as_slice() else { return false };
    middle.len() == 6
        && middle.iter().all(char::is_ascii_digit)
        && "ABCEGHJKLMNOPRSTWXYZ".contains(*a)
        && "ABCEGHJKLMNPRSTWXYZ".contains(*b)
        && "ABCD".contains(*last)
}

/// ISO 7064, MOD 11,10; in its first ten digits exactly one stands twice or three times.
fn german_tax_id(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 11) else { return false };
    let Some((check, ten)) = digits.split_last() else { return false };
    let mut product = 10;
    for digit in ten {
        let sum = (digit + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    let often = (0..10).filter(|d| ten.iter().filter(|t| *t == d).count() > 1).count();
    ten.first() != Some(&0) && often == 1 && (11 - product) % 10 == *check
}

/// Two digits of the area, the birth date, the letter of the name, two digits, a check digit.
fn german_insurance(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    if letters.len() != 12 {
        return false;
    }
    let mut spread = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        match (at, letter.to_digit(10)) {
            (8, None) if letter.is_ascii_uppercase() => {
                let number = u32::from(*letter) - u32::from('A') + 1;
                spread.extend([number / 10, number % 10]);
            }
            (8, _) | (_, None) => return false,
            (_, Some(digit)) => spread.push(digit),
        }
    }
    let Some((check, rest)) = spread.split_last() else { return false };
    let sum: u32 =
        rest.iter().zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(digit, weight)| digit * weight).map(|p| p / 10 + p % 10).sum();
    sum % 10 == *check
}

/// 13 digits and the two of its check: 97 less the rest by 97.
fn french_nir(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| *c != ' ').collect();
    let compact = compact.replacen("2A", "19", 1).replacen("2B", "18", 1);
    let Some(digits) = digits(&compact).filter(|d| d.len() == 15) else { return false };
    let number = |digits: &[u32]| digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let (Some(body), Some(check)) = (digits.get(..13), digits.get(13..)) else { return false };
    matches!(digits.first(), Some(1..=4 | 7 | 8)) && 97 - number(body) % 97 == number(check)
}

fn spanish_dni(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| !" -".contains(*c)).map(|c| c.to_ascii_uppercase()).collect();
    let Some((check, body)) = letters.split_last().filter(|(_, body)| body.len() == 8) else { return false };
    let body: String = body
        .iter()
        .enumerate()
        .map(|(at, c)| match (at, c) {
            (0, 'X') => '0',
            (0, 'Y') => '1',
            (0, 'Z') => '2',
            _ => *c,
        })
        .collect();
    let rest = body.parse::<usize>().ok().map(|number| number % 23);
    rest.and_then(|rest| "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(rest)) == Some(*check)
}

/// Sixteen letters and digits in its pattern; the last by Decreto 23/12/1976.
fn italian_code(text: &str) -> bool {
    const ODD: [u32; 36] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let letters: Vec<char> = text.chars().map(|c| c.to_ascii_uppercase()).collect();
    if letters.len() != 16 {
        return false;
    }
    let Some((check, body)) = letters.split_last() else { return false };
    let letter_at = |at: usize| matches!(at, 0..=5 | 8 | 11);
    let mut sum = 0;
    for (at, letter) in body.iter().enumerate() {
        let Some(value) = letter.to_digit(36).filter(|value| if letter_at(at) { *value >= 10 } else { letter.is_ascii_alphanumeric() })
        else {
            return false;
        };
        let place = usize::try_from(value).ok();
        sum += match at % 2 {
            0 => place.and_then(|place| ODD.get(place)).copied().unwrap_or_default(),
            _ if value >= 10 => value - 10,
            _ => value,
        };
    }
    check.to_digit(36).is_some_and(|check| check == sum % 26 + 10)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// With a month that exists: centuries add 20, 40, 60 or 80 to it.
fn polish_pesel(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 11) else { return false };
    let two = |at: usize| digits.get(at).copied().unwrap_or_default() * 10 + digits.get(at + 1).copied().unwrap_or_default();
    (1..=12).contains(&(two(2) % 20))
        && (1..=31).contains(&two(4))
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn dutch_bsn(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 9 && d.iter().any(|d| *d != 0)) else { return false };
    let Some((check, rest)) = digits.split_last() else { return false };
    weighted(rest, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == *check
}

/// Six or eight digits of the birth date, four more behind a hyphen or plus.
fn swedish(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['-', '+']) else { return false };
    let date = if date.len() == 8 { date.get(2..).unwrap_or_default() } else { date };
    let number: Option<Vec<u32>> = date.chars().chain(rest.chars()).map(|c| c.to_digit(10)).collect();
    let Some(digits) = number.filter(|_| date.len() == 6 && rest.len() == 4) else { return false };
    let two = |at: usize| digits.get(at).copied().unwrap_or_default() * 10 + digits.get(at + 1).copied().unwrap_or_default();
    (1..=12).contains(&two(2)) && (1..=31).contains(&two(4)) && luhn(&digits)
}

/// Begins with 756, the country of EAN-13.
fn swiss_ahv(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 13 && d.starts_with(&[7, 5, 6])) else { return false };
    weighted(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn brazilian_cpf(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 11 && d.iter().any(|x| Some(x) != d.first())) else { return false };
    let check = |length: usize| {
        let sum: u32 = digits
            .iter()
            .take(length)
            .zip((2..=length + 1).rev())
            .map(|(digit, weight)| digit * u32::try_from(weight).unwrap_or_default())
            .sum();
        digits.get(length) == Some(&(sum * 10 % 11 % 10))
    };
    check(9) && check(10)
}

fn turkish(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 11 && d.first() != Some(&0)) else { return false };
    let (odd, even) = (weighted(&digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]), weighted(&digits, &[0, 1, 0, 1, 0, 1, 0, 1]));
    let tenth = (odd * 7 + 100 - even) % 10;
    digits.get(9) == Some(&tenth) && digits.get(10) == Some(&(digits.iter().take(10).sum::<u32>() % 10))
}

/// 97 less the rest of the first nine digits, with a 2 before them for those born from 2000 on.
fn belgian(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|d| d.len() == 11) else { return false };
    let number = |digits: &[u32]| digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let (Some(body), Some(check)) = (digits.get(..9).map(number), digits.get(9..).map(number)) else { return false };
    let two = |at: usize| digits.get(at).copied().unwrap_or_default() * 10 + digits.get(at + 1).copied().unwrap_or_default();
    two(2) <= 12 && two(4) <= 31 && (97 - body % 97 == check || 97 - (body + 2_000_000_000) % 97 == check)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the authorities' own and of the rules' descriptions.
    #[test]
    fn each_rule_knows_its_own() {
        for (text, name) in [
            ("078-05-1120", "US"),
            ("QQ123456C", "-"),
            ("AB 12 34 56 C", "UK"),
            ("86095742719", "German tax"),
            ("65 180539 W 001", "German social"),
            ("65 180539 W 002", "-"),
            ("2 55 08 14 168 025 38", "French"),
            ("12345678Z", "Spanish"),
            ("X1234567L", "Spanish"),
            ("RSSMRA85T10A562S", "Italian"),
            ("44051401359", "Polish"),
            ("111222333", "Dutch"),
            ("811228-9874", "Swedish"),
            ("756.9217.0769.85", "Swiss"),
            ("529.982.247-25", "Brazilian"),
            ("10000000146", "Turkish"),
            ("85.07.30-033 28", "Belgian"),
            ("000-12-3457", "-"),
            ("1234567890", "-"),
            ("", "-"),
        ] {
            let found = id(text).unwrap_or("-");
            assert!(found.contains(name), "{text}: {found}, not {name}");
        }
    }

    #[test]
    fn few_random_numbers_pass() {
        // A column of ids, nine and eleven digits long.
        for from in [100_000_000_u64, 10_000_000_000] {
            let passed = (from..from + 1000).filter(|n| id(&n.to_string()).is_some()).count();
            assert!(passed < 320, "{passed} of 1000");
        }
    }
}
