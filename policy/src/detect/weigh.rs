//! Name, type and values together.

use std::collections::{BTreeMap, HashSet};

use super::dictionary::{Weight, is_person};
use super::kind::Kind;
use super::name::{self, Said};
use super::value::{self, Phone};
use super::{Suspect, national, people};
use crate::catalog::{BaseType, Column, Relation};

/// Fewer values say nothing.
const FEW: usize = 5;

/// Keys of a JSON document that are looked at.
const MOST_PATHS: usize = 200;

pub(super) fn weigh(relation: &Relation, column: &Column, values: Option<&[String]>) -> Option<Suspect> {
    let base = column.data_type.base;
    let about = About { people: is_about_people(relation), words: name::words(&column.name) };
    let said = name::said(&relation.name, &column.name).filter(|said| said.kind.fits(base));
    match base {
        BaseType::Json | BaseType::Jsonb => document(&about, said, values.unwrap_or_default()),
        BaseType::Bool => said.filter(|said| said.kind == Kind::Special && said.weight == Weight::Strong).map(|said| by_name(&about, said)),
        BaseType::Array => {
            let elements: Vec<String> = values.unwrap_or_default().iter().flat_map(|array| elements(array)).collect();
            judge(&about, base, said, &elements)
        }
        _ => judge(&about, base, said, values.unwrap_or_default()),
    }
}

/// What stands around the values.
struct About {
    /// The relation has rows about people.
    people: bool,
    /// Of the column's name.
    words: Vec<String>,
}

impl About {
    fn names_any(&self, words: &str) -> bool {
        self.words.iter().any(|word| words.split_whitespace().any(|other| word == other))
    }
}

fn is_about_people(relation: &Relation) -> bool {
    let of_people =
        |word: &String| is_person(word) || word.starts_with("address") || word.starts_with("adress") || word.starts_with("anschrift");
    let says = |column: &Column| {
        let said =
            name::said(&relation.name, &column.name).filter(|said| said.weight == Weight::Strong && said.kind.fits(column.data_type.base));
        said.is_some_and(|said| matches!(said.kind, Kind::Email | Kind::Name | Kind::Phone | Kind::NationalId | Kind::BirthDate))
            || name::words(&column.name)
                .split_last()
                .is_some_and(|(last, rest)| matches!(last.as_str(), "id" | "nr" | "no") && rest.iter().any(of_people))
    };
    name::words(&relation.name).iter().any(of_people) || relation.columns.iter().any(says)
}

/// The elements of an array in text form, as far as commas and quotes tell.
fn elements(array: &str) -> Vec<String> {
    let inner = array.trim_start_matches('{').trim_end_matches('}');
    inner
        .split(',')
        .map(|element| element.trim_matches('"').to_owned())
        .filter(|element| !element.is_empty() && element != "NULL")
        .collect()
}

fn judge(about: &About, base: BaseType, said: Option<Said>, values: &[String]) -> Option<Suspect> {
    let seen = Seen::of(values);
    let by_value = seen.as_ref().and_then(|seen| by_values(about, base, seen));
    let by_name = said.and_then(|said| match &seen {
        Some(seen) => held_against(about, base, said, seen),
        None => Some(by_name(about, said)),
    });
    let by_type = matches!(base, BaseType::Inet | BaseType::Cidr).then(|| address(about, "its type is that of addresses".to_owned()));
    [by_value, by_name, by_type].into_iter().flatten().max_by(|a, b| a.confidence.total_cmp(&b.confidence))
}

/// Addresses of machines that belong to nobody in particular are worth a look only.
fn address(about: &About, reason: String) -> Suspect {
    let machine = about.names_any("server host subnet network cidr gateway node listen bind proxy cluster range");
    Suspect { kind: Kind::Ip, confidence: if machine { 0.4 } else { 0.9 }, reason }
}

/// Where no values were seen.
fn by_name(about: &About, said: Said) -> Suspect {
    let confidence = match (said.kind, said.weight) {
        (_, Weight::Weak) => 0.2,
        (Kind::FreeText, _) => {
            if about.people {
                0.6
            } else {
                0.4
            }
        }
        (_, Weight::Medium) => {
            if said.kind == Kind::Name {
                0.65
            } else {
                0.5
            }
        }
        (Kind::Postcode | Kind::Location | Kind::Address | Kind::Device, Weight::Strong) => {
            if about.people {
                0.8
            } else {
                0.5
            }
        }
        (_, Weight::Strong) => 0.85,
    };
    Suspect { kind: said.kind, confidence, reason: format!("its name suggests {}", said.kind.words()) }
}

/// What the name says, with what the values say to it.
fn held_against(about: &About, base: BaseType, said: Said, seen: &Seen) -> Option<Suspect> {
    let plain = by_name(about, said);
    let share = seen.share(said.kind);
    let supports = |least: f32| share.is_some_and(|share| share >= least);
    let counted = seen.counted(said.kind);
    let sure = |confidence: f32| Suspect { confidence, reason: format!("{}, and {counted}", plain.reason), ..plain.clone() };
    match said.weight {
        Weight::Strong | Weight::Medium if supports(0.5) => Some(sure(if said.weight == Weight::Strong { 0.98 } else { 0.9 })),
        Weight::Weak => supports(0.5).then(|| sure(0.75)),
        Weight::Strong | Weight::Medium => {
            let contradicted = match said.kind {
                Kind::Email | Kind::Ip => share == Some(0.0),
                Kind::Phone => seen.phone + seen.digits == 0,
                // A flag, a code, a file's name.
                Kind::Name => seen.numeric * 2 > seen.count || seen.distinct < 3 && seen.count > 20,
                Kind::Card => seen.card == 0 && seen.longest < 12 && !about.names_any("cvv cvc"),
                Kind::BirthDate => crate::mask::fit::is_text(base) && seen.dates == 0,
                Kind::FreeText => seen.longest < 20,
                Kind::Secret => seen.longest < 4,
                Kind::NationalId | Kind::BankAccount => seen.longest < 4 || seen.distinct * 4 < seen.count,
                Kind::Address
                | Kind::Postcode
                | Kind::Device
                | Kind::Location
                | Kind::Pay
                | Kind::Username
                | Kind::Special
                | Kind::Document => false,
            };
            match contradicted {
                true => Some(Suspect { confidence: 0.3, reason: format!("{}, but its values do not", plain.reason), ..plain }),
                false => Some(plain),
            }
        }
    }
}

/// What the values say whatever the name is.
fn by_values(about: &About, base: BaseType, seen: &Seen) -> Option<Suspect> {
    // A few rows of one value, or a column of codes, prove nothing.
    if seen.distinct < FEW.min(3) {
        return None;
    }
    let suspect = |kind: Kind, confidence: f32| Some(Suspect { kind, confidence, reason: seen.counted(kind) });
    let at_least = |kind: Kind, least: f32| seen.share(kind).is_some_and(|share| share >= least);
    let thing = about.names_any(
        "company firm firma entreprise empresa azienda product produkt produit brand marke marque model city town stadt ville ciudad place ort country land region \
         title category team department street strasse file host domain color colour artist band project",
    );
    match () {
        () if at_least(Kind::Email, 0.8) => suspect(Kind::Email, 0.97),
        () if at_least(Kind::Secret, 0.8) => suspect(Kind::Secret, 0.95),
        () if at_least(Kind::BankAccount, 0.8) => suspect(Kind::BankAccount, 0.95),
        () if at_least(Kind::Card, 0.8) => suspect(Kind::Card, 0.95),
        () if seen.national.values().any(|count| count * 10 >= seen.count * 9) && seen.distinct >= FEW => suspect(Kind::NationalId, 0.9),
        () if at_least(Kind::Device, 0.9) => suspect(Kind::Device, 0.9),
        () if at_least(Kind::Ip, 0.9) && !about.names_any("version release build") => Some(address(about, seen.counted(Kind::Ip))),
        () if at_least(Kind::Location, 0.9) => suspect(Kind::Location, 0.85),
        () if seen.phone * 5 >= seen.count * 4 && crate::mask::fit::is_text(base) => suspect(Kind::Phone, 0.9),
        () if at_least(Kind::Address, 0.7) => suspect(Kind::Address, 0.85),
        () if at_least(Kind::Name, 0.5) && !thing && seen.distinct >= FEW => suspect(Kind::Name, if about.people { 0.85 } else { 0.7 }),
        () if seen.mentions * 50 >= seen.count && seen.longest >= 25 => Some(Suspect {
            kind: Kind::FreeText,
            confidence: 0.85,
            reason: format!("{} of {} values have an e-mail address or a telephone number in them", seen.mentions, seen.count),
        }),
        () => None,
    }
}

/// What is in a JSON document, by its keys and their values.
fn document(about: &About, said: Option<Said>, values: &[String]) -> Option<Suspect> {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for value in values {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(value) {
            leaves(&value, &mut String::new(), &mut paths);
        }
    }
    let mut found = Vec::new();
    for (path, values) in &paths {
        let key = path.rsplit('.').next().unwrap_or(path);
        let about = About { people: about.people, words: name::words(key) };
        let said = name::said("", key).filter(|said| said.kind.fits(BaseType::Text) || said.kind == Kind::Pay);
        if let Some(suspect) = judge(&about, BaseType::Text, said, values).filter(|s| s.is_likely()) {
            found.push((path.as_str(), suspect));
        }
    }
    let by_name = said.map(|said| by_name(about, said));
    if found.is_empty() {
        return by_name;
    }
    let kind = by_name.filter(|s| s.kind == Kind::Address).map_or(Kind::Document, |s| s.kind);
    let keys: Vec<String> = found.iter().take(5).map(|(path, s)| format!("{path} ({})", s.kind.class())).collect();
    let confidence = found.iter().map(|(_, s)| s.confidence).fold(0.0, f32::max);
    Some(Suspect { kind, confidence, reason: format!("its keys {}", keys.join(", ")) })
}

/// Texts and numbers in a document, by the keys that lead to them.
fn leaves(value: &serde_json::Value, path: &mut String, out: &mut BTreeMap<String, Vec<String>>) {
    use serde_json::Value;
    let text = match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let before = path.len();
                if before > 0 {
                    path.push('.');
                }
                path.push_str(key);
                leaves(value, path, out);
                path.truncate(before);
            }
            return;
        }
        Value::Array(elements) => return elements.iter().for_each(|element| leaves(element, path, out)),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Null => return,
    };
    if out.len() < MOST_PATHS || out.contains_key(path) {
        out.entry(path.clone()).or_default().push(text);
    }
}

/// How many of some values are what.
#[derive(Debug, Default)]
struct Seen {
    count: usize,
    distinct: usize,
    longest: usize,
    email: usize,
    ip: usize,
    mac: usize,
    phone: usize,
    digits: usize,
    numeric: usize,
    card: usize,
    iban: usize,
    position: usize,
    street: usize,
    secret: usize,
    named: usize,
    dates: usize,
    mentions: usize,
    national: BTreeMap<&'static str, usize>,
}

impl Seen {
    fn of(values: &[String]) -> Option<Seen> {
        let mut seen = Seen::default();
        let mut distinct = HashSet::new();
        for value in values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()) {
            seen.count += 1;
            distinct.insert(value);
            seen.longest = seen.longest.max(value.chars().count());
            seen.email += usize::from(value::is_email(value));
            seen.ip += usize::from(value::is_ip(value));
            seen.mac += usize::from(value::is_mac(value));
            seen.card += usize::from(value::is_card(value));
            seen.iban += usize::from(value::is_iban(value));
            seen.position += usize::from(value::is_position(value));
            seen.street += usize::from(value::is_street(value));
            seen.secret += usize::from(value::is_secret(value));
            seen.named += usize::from(people::is_named(value));
            seen.mentions += usize::from(value::mentions(value));
            seen.dates += usize::from(value::year_of(value).is_some());
            seen.numeric += usize::from(value.chars().all(|c| c.is_ascii_digit() || "-.".contains(c)));
            match value::phone(value) {
                Phone::Sure => seen.phone += 1,
                Phone::Perhaps => seen.digits += 1,
                Phone::No => {}
            }
            if let Some(rule) = national::id(value) {
                *seen.national.entry(rule).or_default() += 1;
            }
        }
        seen.distinct = distinct.len();
        (seen.count >= FEW).then_some(seen)
    }

    /// How many are of that kind; `None` where values do not tell.
    fn hits(&self, kind: Kind) -> Option<usize> {
        match kind {
            Kind::Email => Some(self.email),
            Kind::Name => Some(self.named),
            Kind::Phone => Some(self.phone + self.digits),
            Kind::NationalId => self.national.values().max().copied(),
            Kind::Card => Some(self.card),
            Kind::BankAccount => Some(self.iban),
            Kind::BirthDate => Some(self.dates),
            Kind::Address => Some(self.street),
            Kind::Ip => Some(self.ip),
            Kind::Device => Some(self.mac),
            Kind::Location => Some(self.position),
            Kind::Secret => Some(self.secret),
            Kind::FreeText => Some(self.mentions),
            Kind::Postcode | Kind::Pay | Kind::Username | Kind::Special | Kind::Document => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a sample has hundreds of values")]
    fn share(&self, kind: Kind) -> Option<f32> {
        self.hits(kind).map(|hits| hits as f32 / self.count as f32)
    }

    fn counted(&self, kind: Kind) -> String {
        let what = match kind {
            Kind::Email => "are e-mail addresses".to_owned(),
            Kind::Name => "have a common name of people in them".to_owned(),
            Kind::Phone => "are written as telephone numbers".to_owned(),
            Kind::NationalId => {
                let rule = self.national.iter().max_by_key(|(_, count)| **count).map_or("such a number", |(rule, _)| rule);
                format!("are, by its check, {rule}")
            }
            Kind::Card => "are numbers of payment cards by their check digit".to_owned(),
            Kind::BankAccount => "are IBANs by their check digits".to_owned(),
            Kind::BirthDate => "are days".to_owned(),
            Kind::Address => "are streets with a number".to_owned(),
            Kind::Ip => "are IP addresses".to_owned(),
            Kind::Device => "are MAC addresses".to_owned(),
            Kind::Location => "are coordinates".to_owned(),
            Kind::Secret => "are hashes of passwords, or keys".to_owned(),
            Kind::FreeText => "have an e-mail address or a telephone number in them".to_owned(),
            Kind::Postcode | Kind::Pay | Kind::Username | Kind::Special | Kind::Document => "were looked at".to_owned(),
        };
        format!("{} of {} values {what}", self.hits(kind).unwrap_or(self.count), self.count)
    }
}
