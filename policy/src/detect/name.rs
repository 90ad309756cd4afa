//! What a name says: its words, in whatever case and language it is written.

use super::dictionary::{self, Entry, Weight};
use super::kind::Kind;

/// What a column's name says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    pub kind: Kind,
    pub weight: Weight,
}

/// Of a column in a relation.
pub(super) fn said(relation: &str, column: &str) -> Option<Said> {
    let words = words(column);
    if let Some(said) = phrase(&words) {
        return Some(said);
    }
    person(&words, &self::words(relation))
}

/// The strongest phrase of the dictionary in it. What stands behind the phrase may make something else of it (`email_count`).
fn phrase(words: &[String]) -> Option<Said> {
    let mut best: Option<Said> = None;
    for start in 0..words.len() {
        for end in (start + 1..=words.len().min(start + 5)).rev() {
            let joined: String = words.get(start..end).unwrap_or_default().concat();
            let Some(Entry { kind, weight, .. }) = dictionary::phrase(&joined) else { continue };
            let rest = words.get(end..).unwrap_or_default();
            if rest.iter().any(|word| dictionary::is_about(word))
                || words.get(..start).unwrap_or_default().iter().any(|w| dictionary::is_asking(w))
            {
                continue;
            }
            // `ip` is an address, and so is `ip_address`; `mac_address` is not one of a house.
            if best.is_none_or(|b| *weight > b.weight) {
                best = Some(Said { kind: *kind, weight: *weight });
            }
            break;
        }
    }
    best
}

/// `name` and its like: whose name is it? A person's where the word before it, or the table, is one of a person.
fn person(words: &[String], relation: &[String]) -> Option<Said> {
    let (last, before) = words.split_last()?;
    let compound = dictionary::NAMES.iter().find_map(|name| last.strip_suffix(name).filter(|whose| !whose.is_empty()));
    let weight = if let Some(whose) = compound {
        // kundenname, medewerkernaam
        dictionary::is_person(whose).then_some(Weight::Strong)?
    } else if dictionary::NAMES.contains(&last.as_str()) {
        match before.last() {
            Some(whose) => {
                let of_delivery = matches!(whose.as_str(), "bill" | "billing" | "ship" | "shipping");
                (of_delivery || dictionary::is_person(whose)).then_some(Weight::Strong)?
            }
            None => relation.iter().any(|word| dictionary::is_person(word)).then_some(Weight::Medium)?,
        }
    } else if before.is_empty() && dictionary::is_person(last) || before.last().is_some_and(|w| w == "by") {
        // author, created_by: a name or a number of one. Values decide.
        Weight::Weak
    } else {
        return None;
    };
    Some(Said { kind: Kind::Name, weight })
}

/// Words of a name, in small ASCII letters: at underscores and the like, between small and capital letters, between letters and digits.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let splits = before.is_some_and(|before| {
            before.is_lowercase() && letter.is_uppercase()
                || before.is_uppercase() && letter.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
                || before.is_alphabetic() != letter.is_alphabetic()
        });
        if splits && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            fold(*letter, &mut word);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    // Digits tell copies apart: address1, phone_2.
    words.retain(|word| !word.chars().all(|c| c.is_ascii_digit()));
    words
}

/// Latin letters without their accents, small; others as they are.
pub(super) fn fold(letter: char, out: &mut String) {
    for small in letter.to_lowercase() {
        match small {
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' | 'ā' => out.push('a'),
            'ä' | 'æ' => out.push_str("ae"),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' | 'đ' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => out.push('e'),
            'ğ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ł' => out.push('l'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' => out.push('o'),
            'ö' | 'ø' | 'œ' => out.push_str("oe"),
            'ř' => out.push('r'),
            'ś' | 'š' | 'ş' => out.push('s'),
            'ß' => out.push_str("ss"),
            'ť' => out.push('t'),
            'ù' | 'ú' | 'û' | 'ů' => out.push('u'),
            'ü' => out.push_str("ue"),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'ά' => out.push('α'),
            'έ' => out.push('ε'),
            'ή' => out.push('η'),
            'ί' | 'ϊ' => out.push('ι'),
            'ό' => out.push('ο'),
            'ύ' | 'ϋ' => out.push('υ'),
            'ώ' => out.push('ω'),
            // What `İ` in small letters leaves behind.
            '\u{307}' => {}
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(relation: &str, column: &str) -> Option<(Kind, Weight)> {
        said(relation, column).map(|said| (said.kind, said.weight))
    }

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("date_of_birth", "date of birth"),
            ("dateOfBirth", "date of birth"),
            ("IPAddress", "ip address"),
            ("E-Mail Adresse", "e mail adresse"),
            ("Straße", "strasse"),
            ("address2", "address"),
            ("PRÉNOM", "prenom"),
            ("", ""),
            ("__", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn columns_of_people_are_told_from_others() {
        for (relation, column, expected) in [
            ("users", "email", Kind::Email),
            ("t", "e_mail_adresse", Kind::Email),
            ("t", "courriel", Kind::Email),
            ("t", "correo_electronico", Kind::Email),
            ("t", "billingEmail2", Kind::Email),
            ("t", "ip_address", Kind::Ip),
            ("t", "mac_address", Kind::Device),
            ("t", "Geburtsdatum", Kind::BirthDate),
            ("t", "date_naissance", Kind::BirthDate),
            ("customers", "name", Kind::Name),
            ("t", "kundenname", Kind::Name),
            ("t", "nombre_completo", Kind::Name),
            ("t", "customer_name", Kind::Name),
            ("t", "homeAddressLine1", Kind::Address),
            ("t", "password_hash", Kind::Secret),
            ("t", "annual_salary", Kind::Pay),
        ] {
            assert_eq!(kind(relation, column).map(|k| k.0), Some(expected), "{relation}.{column}");
        }
    }

    #[test]
    fn what_only_sounds_like_it_is_left() {
        for (relation, column) in [
            ("products", "name"),
            ("users", "company_name"),
            ("t", "file_name"),
            ("t", "hostname"),
            ("t", "email_count"),
            ("t", "email_verified"),
            ("t", "is_email_confirmed"),
            ("t", "mail_template"),
            ("t", "shipping"),
            ("t", "description_length"),
            ("t", "phonetic"),
            ("t", "address_id"),
            ("t", "salary_grade"),
            ("t", "card_brand"),
            ("t", "ip_version"),
            ("t", "telescope"),
        ] {
            assert_eq!(kind(relation, column), None, "{relation}.{column}");
        }
    }
}
