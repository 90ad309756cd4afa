//! TOML to masks.

use std::collections::BTreeMap;

use toml_edit::{Item, TableLike};

use super::faults::{Faults, suggest};
use super::parse::{article, key_span, known_keys, string};
use super::{keyed, when};
use crate::mask::fake::{Fake, FakeKind, Locale};
use crate::mask::seal::{MAX_DIGITS, MIN_DIGITS};
use crate::mask::spec::{Constant, JsonMask, Keep, MaskSpec, Unit, Width};
use crate::mask::token::BUCKETS as BUCKETS_OF_TOKENS;
use crate::mask::veil::json::MAX_DEPTH;
use crate::mask::veil::sql::SqlMask;

pub(super) const MASKS: [&str; 18] = [
    "clear", "null", "redact", "keep", "truncate", "bucket", "network", "shift", "noise", "hash", "email", "fake", "token", "json",
    "fields", "sql", "when", "refuse",
];
const FIELD_MASKS: [&str; 8] = ["clear", "null", "redact", "keep", "truncate", "bucket", "network", "json"];
const JSON_MASKS: [&str; 6] = ["clear", "null", "redact", "keep", "bucket", "json"];

/// Digits of a hash where the policy does not say.
const DEFAULT_DIGITS: usize = 32;
/// The same in an e-mail address.
const DEFAULT_LOCAL_DIGITS: usize = 16;
/// Bytes that the length of a text is rounded up to in its token, where the policy does not say.
const DEFAULT_BUCKET: usize = 32;
/// The longest prefix of a hash or token.
const MAX_PREFIX: usize = 32;
/// The most characters that `keep` keeps at one end.
const MAX_KEPT: i64 = 1000;
/// Widths of buckets beyond these limits would overflow in double precision.
const BUCKETS: std::ops::RangeInclusive<f64> = 1e-6..=1e15;

/// The mask of a class, and whether `otherwise = "redact"` and `write = true` stand beside it. None, with the faults noted, where it is none.
pub(super) fn mask(faults: &mut Faults<'_>, item: &Item) -> Option<(MaskSpec, bool, bool)> {
    let (item, writes) = writes(faults, item)?;
    let (item, otherwise) = otherwise(faults, &item)?;
    let spec = match when::stands_in(&item) {
        true => when::when(faults, &item)?,
        false => one_mask(faults, &item)?,
    };
    if otherwise && !spec.seals() {
        let message = format!("`otherwise` has no meaning beside the mask `{spec}`, which no statement is refused for");
        faults.add(item.span(), message, "leave it out; it belongs to `hash`, `email`, `fake` and `token`");
        return None;
    }
    Some((spec, otherwise, writes))
}

/// Takes `write` out of a mask's table; `{ mask = "null", write = true }` is how it stands beside a mask that is a word.
fn writes<'i>(faults: &mut Faults<'_>, item: &'i Item) -> Option<(std::borrow::Cow<'i, Item>, bool)> {
    let Some(value) = item.as_table_like().and_then(|t| t.get("write")) else { return Some((std::borrow::Cow::Borrowed(item), false)) };
    let Some(writes) = value.as_bool() else {
        faults.add(value.span(), "`write` must be true or false", "write `write = true`: then the role may write columns of the class");
        return None;
    };
    let mut rest = item.clone();
    if let Some(table) = rest.as_table_like_mut() {
        table.remove("write");
        if let (Some(word), 1) = (table.get("mask").filter(|m| m.is_str()).cloned(), table.len()) {
            return Some((std::borrow::Cow::Owned(word), writes));
        }
    }
    Some((std::borrow::Cow::Owned(rest), writes))
}

/// Takes `otherwise` out of a mask's table.
fn otherwise<'i>(faults: &mut Faults<'_>, item: &'i Item) -> Option<(std::borrow::Cow<'i, Item>, bool)> {
    let Some(value) = item.as_table_like().and_then(|t| t.get("otherwise")) else { return Some((std::borrow::Cow::Borrowed(item), false)) };
    if value.as_str() != Some("redact") {
        faults.add(
            value.span(),
            "`otherwise` must be \"redact\"",
            "write `otherwise = \"redact\"`, or leave it out: then such statements are refused",
        );
        return None;
    }
    let mut rest = item.clone();
    if let Some(table) = rest.as_table_like_mut() {
        table.remove("otherwise");
    }
    Some((std::borrow::Cow::Owned(rest), true))
}

/// A mask for each field of a composite type.
fn fields(faults: &mut Faults<'_>, item: &Item) -> Option<BTreeMap<String, MaskSpec>> {
    let Some(table) = item.as_table_like().filter(|table| !table.is_empty()) else {
        let message = "`fields` takes a table with a mask for each field";
        faults.add(
            item.span(),
            message,
            "write `{ fields = { street = \"redact\", city = \"clear\" } }`; fields that are not named are redacted",
        );
        return None;
    };
    let masks: Vec<Option<(String, MaskSpec)>> =
        table.iter().map(|(name, item)| Some((name.to_owned(), mask_of(faults, item, &FIELD_MASKS)?))).collect();
    masks.into_iter().collect()
}

pub(super) fn one_mask(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    mask_of(faults, item, &MASKS)
}

fn mask_of(faults: &mut Faults<'_>, item: &Item, known: &[&'static str]) -> Option<MaskSpec> {
    let (name, argument) = call(faults, item, known)?;
    let spec = match (name, argument) {
        ("clear", None) => MaskSpec::Clear,
        ("null", None) => MaskSpec::Null,
        ("refuse", None) => MaskSpec::Refuse,
        ("redact", None) => MaskSpec::Redact(None),
        ("redact", Some(text)) => MaskSpec::Redact(Some(redaction(faults, text)?)),
        ("keep", Some(arguments)) => MaskSpec::Keep(keep(faults, arguments)?),
        ("truncate", Some(unit)) => truncate(faults, unit)?,
        ("bucket", Some(width)) => MaskSpec::Bucket(bucket(faults, width)?),
        ("shift", Some(arguments)) => MaskSpec::Shift(keyed::shift(faults, arguments)?),
        ("noise", Some(arguments)) => MaskSpec::Noise(keyed::noise(faults, arguments)?),
        ("network", Some(bits)) => network(faults, bits)?,
        ("hash", None) => MaskSpec::Hash { prefix: String::new(), length: DEFAULT_DIGITS },
        ("hash", Some(arguments)) => {
            let (prefix, length) = digits(faults, arguments, "hash", DEFAULT_DIGITS)?;
            MaskSpec::Hash { prefix, length }
        }
        ("email", None) => MaskSpec::Email { prefix: String::new(), length: DEFAULT_LOCAL_DIGITS },
        ("email", Some(arguments)) => {
            let (prefix, length) = digits(faults, arguments, "email", DEFAULT_LOCAL_DIGITS)?;
            MaskSpec::Email { prefix, length }
        }
        ("fake", Some(arguments)) => MaskSpec::Fake(fake(faults, arguments)?),
        ("token", None) => MaskSpec::Token { prefix: String::new(), bucket: DEFAULT_BUCKET, digits: false },
        ("token", Some(arguments)) => token(faults, arguments)?,
        ("sql", Some(expression)) => MaskSpec::Sql(sql(faults, expression)?),
        ("json", Some(keys)) => MaskSpec::Json(json(faults, keys, 1)?),
        ("fields", Some(masks)) => MaskSpec::Fields(fields(faults, masks)?),
        (name, argument) => return wrong_form(faults, item, name, argument.is_some()),
    };
    Some(spec)
}

fn json_mask(faults: &mut Faults<'_>, item: &Item, depth: usize) -> Option<JsonMask> {
    let (name, argument) = call(faults, item, &JSON_MASKS)?;
    let spec = match (name, argument) {
        ("clear", None) => JsonMask::Clear,
        ("null", None) => JsonMask::Null,
        ("redact", None) => JsonMask::Redact(None),
        ("redact", Some(text)) => JsonMask::Redact(Some(redaction(faults, text)?)),
        ("keep", Some(arguments)) => JsonMask::Keep(keep(faults, arguments)?),
        ("bucket", Some(width)) => JsonMask::Bucket(bucket(faults, width)?),
        ("json", Some(keys)) => JsonMask::Object(json(faults, keys, depth + 1)?),
        (name, argument) => return wrong_form(faults, item, name, argument.is_some()),
    };
    Some(spec)
}

/// The name and the argument of a mask in its short form (`"null"`) or its table form (`{ bucket = 10 }`).
fn call<'i>(faults: &mut Faults<'_>, item: &'i Item, known: &[&'static str]) -> Option<(&'static str, Option<&'i Item>)> {
    if let Some(name) = item.as_str() {
        return known_mask(faults, name, item.span(), known).map(|name| (name, None));
    }
    let Some(table) = item.as_table_like() else {
        let message = format!("a mask must be a string or a table, not {}", article(item.type_name()));
        faults.add(item.span(), message, "write a mask such as `\"redact\"` or `{ bucket = 10000 }`");
        return None;
    };
    let mut keys = table.iter();
    match (keys.next(), keys.next()) {
        (Some((name, argument)), None) => known_mask(faults, name, key_span(table, name), known).map(|name| (name, Some(argument))),
        (Some(_), Some((second, _))) => {
            faults.add(key_span(table, second), "more than one mask", "a class has one mask for a role: keep one of them");
            None
        }
        (None, _) => {
            faults.add(item.span(), "a mask without a name", "write a mask such as `\"redact\"` or `{ bucket = 10000 }`");
            None
        }
    }
}

fn known_mask(faults: &mut Faults<'_>, name: &str, at: Option<std::ops::Range<usize>>, known: &[&'static str]) -> Option<&'static str> {
    if let Some(known) = known.iter().find(|k| **k == name) {
        return Some(known);
    }
    let (message, help) = match name {
        _ if MASKS.contains(&name) => (
            format!("the mask `{name}` cannot stand under a key of a JSON object or a field"),
            format!("known there: {}", known.iter().map(|m| format!("`{m}`")).collect::<Vec<_>>().join(", ")),
        ),
        _ => (format!("unknown mask `{name}`"), suggest(name, known.iter().copied())),
    };
    faults.add(at, message, help);
    None
}

/// A known mask with an argument that it does not take, or without one that it needs.
fn wrong_form<T>(faults: &mut Faults<'_>, item: &Item, name: &str, has_argument: bool) -> Option<T> {
    let message = match has_argument {
        true => format!("the mask `{name}` takes no argument"),
        false => format!("the mask `{name}` needs an argument"),
    };
    let example = match name {
        "keep" => "{ keep = { first = 0, last = 2, fill = \"*\" } }",
        "truncate" => "{ truncate = \"year\" }",
        "bucket" => "{ bucket = 10000 }",
        "network" => "{ network = 24 }",
        "when" => when::EXAMPLE,
        "shift" => keyed::SHIFT,
        "noise" => keyed::NOISE,
        "fake" => "{ fake = \"name\" }",
        "json" => "{ json = { street = \"null\" } }",
        "fields" => "{ fields = { street = \"redact\", city = \"clear\" } }",
        "sql" => "{ sql = \"left({column}, 3) || '…'\" }",
        "null" => "\"null\"",
        "refuse" => "\"refuse\"",
        _ => "\"clear\"",
    };
    faults.add(item.span(), message, format!("write `{example}`"));
    None
}

fn redaction(faults: &mut Faults<'_>, item: &Item) -> Option<Constant> {
    if let Some(n) = item.as_integer() {
        return Some(Constant::Number(n.to_string()));
    }
    if let Some(n) = item.as_float() {
        // Beyond that, decimal notation is no use to a reader.
        if !n.is_finite() || n.abs() > 1e15 {
            faults.add(item.span(), "the number of `redact` must lie between -1e15 and 1e15", "write a number such as `0`");
            return None;
        }
        return Some(Constant::Number(n.to_string()));
    }
    if let Some(truth) = item.as_bool() {
        return Some(Constant::Truth(truth));
    }
    if let Some(time) = item.as_datetime() {
        return Some(Constant::Text(time.to_string().replace('T', " ")));
    }
    let Some(text) = item.as_str() else {
        let message =
            format!("the constant of `redact` must be a text, a number, a date, true or false, not {}", article(item.type_name()));
        faults.add(item.span(), message, "write `{ redact = \"[name]\" }`, `{ redact = 0 }` or `{ redact = \"1970-01-01\" }`");
        return None;
    };
    if text.contains('\0') || text.chars().count() > 200 {
        faults.add(item.span(), "the text of `redact` is longer than 200 characters or holds U+0000", "write a short text");
        return None;
    }
    Some(Constant::Text(text.to_owned()))
}

fn sql(faults: &mut Faults<'_>, item: &Item) -> Option<SqlMask> {
    let text = string(faults, item, "the expression of `sql`")?;
    match SqlMask::read(text) {
        Ok(mask) => Some(mask),
        Err(misfit) => {
            faults.add(item.span(), format!("the expression of `sql` cannot be a mask: {}", misfit.why), misfit.help);
            None
        }
    }
}

pub(super) fn arguments<'i>(
    faults: &mut Faults<'_>,
    item: &'i Item,
    mask: &str,
    known: &[&str],
    example: &str,
) -> Option<&'i dyn TableLike> {
    let Some(table) = item.as_table_like() else {
        let message = format!("`{mask}` takes a table, not {}", article(item.type_name()));
        faults.add(item.span(), message, format!("write `{example}`"));
        return None;
    };
    known_keys(faults, table, known, &format!("in mask `{mask}`"));
    Some(table)
}

/// A whole number within limits; `default` where the key is not there.
pub(super) fn number(
    faults: &mut Faults<'_>,
    table: &dyn TableLike,
    key: &str,
    limits: (i64, i64),
    default: i64,
    why: &str,
) -> Option<i64> {
    let Some(item) = table.get(key) else { return Some(default) };
    whole(faults, item, &format!("`{key}`"), limits, why)
}

pub(super) fn whole(faults: &mut Faults<'_>, item: &Item, what: &str, (low, high): (i64, i64), why: &str) -> Option<i64> {
    let number = item.as_integer().filter(|n| (low..=high).contains(n));
    if number.is_none() {
        let shown = item.as_integer().map_or_else(|| article(item.type_name()), |n| n.to_string());
        faults.add(item.span(), format!("{what} must be a whole number from {low} to {high}, not {shown}"), why);
    }
    number
}

fn keep(faults: &mut Faults<'_>, item: &Item) -> Option<Keep> {
    let table =
        arguments(faults, item, "keep", &["first", "last", "fill", "separators"], "{ keep = { first = 0, last = 2, fill = \"*\" } }")?;
    let why = "it is the number of characters that stay at that end";
    let first = number(faults, table, "first", (0, MAX_KEPT), 0, why);
    let last = number(faults, table, "last", (0, MAX_KEPT), 0, why);
    let fill = match table.get("fill") {
        None => Some('*'),
        Some(item) => {
            let mut characters = string(faults, item, "`fill`")?.chars();
            let fill = characters.next().filter(|c| characters.next().is_none() && !c.is_control());
            if fill.is_none() {
                faults.add(item.span(), "`fill` must be one character", "write `fill = \"*\"`");
            }
            fill
        }
    };
    let separators = truth(faults, table, "separators", "then `-`, `.`, `/`, `@` and blanks stay where they are");
    Some(Keep { first: u32::try_from(first?).ok()?, last: u32::try_from(last?).ok()?, fill: fill?, separators: separators? })
}

fn truncate(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    let name = string(faults, item, "the unit of `truncate`")?;
    let unit = Unit::ALL.into_iter().find(|unit| unit.name() == name);
    if unit.is_none() {
        faults.add(item.span(), format!("unknown unit `{name}`"), suggest(name, Unit::ALL.map(Unit::name)));
    }
    unit.map(MaskSpec::Truncate)
}

fn bucket(faults: &mut Faults<'_>, item: &Item) -> Option<Width> {
    size(faults, item, "the width of `bucket`", "write `{ bucket = 10000 }`: values are rounded down to multiples of it")
}

/// A positive number, in the notation that SQL takes.
pub(super) fn size(faults: &mut Faults<'_>, item: &Item, what: &str, help: &str) -> Option<Width> {
    let number = item.as_float().or_else(|| item.as_integer().map(|n| n as f64)).filter(|n| BUCKETS.contains(n));
    let Some(number) = number else {
        faults.add(item.span(), format!("{what} must be a number from 0.000001 to 1000000000000000"), help);
        return None;
    };
    // Whole numbers up to 1e15 are exact in an f64.
    let whole = (number.fract() == 0.0).then_some(number as i64);
    Some(Width { decimal: whole.map_or_else(|| number.to_string(), |n| n.to_string()), whole })
}

fn network(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    const WHY: &str = "it is the number of leading bits that stay; all of them would show the address";
    let (v4, v6) = if item.is_table_like() {
        let table = arguments(faults, item, "network", &["v4", "v6"], "{ network = { v4 = 24, v6 = 48 } }")?;
        let v4 = number(faults, table, "v4", (0, 31), 24, WHY);
        (v4, number(faults, table, "v6", (0, 127), 48, WHY))
    } else {
        (whole(faults, item, "`network`", (0, 31), WHY), Some(48))
    };
    Some(MaskSpec::Network { v4: u8::try_from(v4?).ok()?, v6: u8::try_from(v6?).ok()? })
}

/// The prefix and the number of digits.
fn digits(faults: &mut Faults<'_>, item: &Item, mask: &str, default: usize) -> Option<(String, usize)> {
    let example = format!("{{ {mask} = {{ length = {default}, prefix = \"u_\" }} }}");
    let table = arguments(faults, item, mask, &["length", "prefix"], &example)?;
    let limits = (MIN_DIGITS as i64, MAX_DIGITS as i64);
    let why = "a digit holds 5 bits: with fewer, different values would get equal pseudonyms; with more, nothing is won";
    let length = number(faults, table, "length", limits, default as i64, why);
    let prefix = prefix(faults, table);
    Some((prefix?.to_owned(), usize::try_from(length?).ok()?))
}

fn fake(faults: &mut Faults<'_>, item: &Item) -> Option<Fake> {
    const EXAMPLE: &str = "{ fake = { kind = \"name\", locale = \"de\" } }";
    let (kind, locale) = if item.as_str().is_some() {
        (Some(item), None)
    } else {
        let table = arguments(faults, item, "fake", &["kind", "locale"], EXAMPLE)?;
        if table.get("kind").is_none() {
            faults.add(item.span(), "`fake` without a `kind`", format!("write `{EXAMPLE}`"));
        }
        (table.get("kind"), table.get("locale"))
    };
    let locale = match locale {
        Some(item) => one_of(faults, item, "locale", &Locale::ALL, Locale::name),
        None => Some(Locale::En),
    };
    Some(Fake { kind: one_of(faults, kind?, "kind", &FakeKind::ALL, FakeKind::name)?, locale: locale? })
}

/// One of these, by its name.
fn one_of<T: Copy>(faults: &mut Faults<'_>, item: &Item, what: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let written = string(faults, item, &format!("the {what} of `fake`"))?;
    let found = all.iter().copied().find(|one| name(*one) == written);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        let known = names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        faults.add(
            item.span(),
            format!("unknown {what} `{written}`"),
            match suggest(written, names) {
                near if near.starts_with("did") => format!("{near} Known: {known}"),
                all => all,
            },
        );
    }
    found
}

fn token(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    let table = arguments(faults, item, "token", &["bucket", "prefix", "digits"], "{ token = { bucket = 32, prefix = \"t_\" } }")?;
    let limits = (*BUCKETS_OF_TOKENS.start() as i64, *BUCKETS_OF_TOKENS.end() as i64);
    let why = "it is the number of bytes that lengths are rounded up to: a token shows no more of a length than that";
    let bucket = number(faults, table, "bucket", limits, DEFAULT_BUCKET as i64, why);
    let prefix = prefix(faults, table);
    let digits = truth(faults, table, "digits", "then what is made of digits becomes as many other digits");
    Some(MaskSpec::Token { prefix: prefix?.to_owned(), bucket: usize::try_from(bucket?).ok()?, digits: digits? })
}

/// A key that is true or false; false where it is not there.
fn truth(faults: &mut Faults<'_>, table: &dyn TableLike, key: &str, why: &str) -> Option<bool> {
    let Some(item) = table.get(key) else { return Some(false) };
    let truth = item.as_bool();
    if truth.is_none() {
        faults.add(item.span(), format!("`{key}` must be true or false"), format!("write `{key} = true`: {why}"));
    }
    truth
}

/// What pseudonyms begin with; empty where nothing is said.
fn prefix<'t>(faults: &mut Faults<'_>, table: &'t dyn TableLike) -> Option<&'t str> {
    let Some(item) = table.get("prefix") else { return Some("") };
    let prefix = string(faults, item, "`prefix`")?;
    let fits = prefix.len() <= MAX_PREFIX && prefix.chars().all(|c| c.is_ascii_graphic());
    if !fits {
        let message = format!("`prefix` must be at most {MAX_PREFIX} visible ASCII characters");
        faults.add(item.span(), message, "write a short one such as `u_`");
    }
    fits.then_some(prefix)
}

fn json(faults: &mut Faults<'_>, item: &Item, depth: usize) -> Option<BTreeMap<String, JsonMask>> {
    if depth > MAX_DEPTH {
        let message = format!("`json` is nested more than {MAX_DEPTH} deep");
        faults.add(item.span(), message, "mask the object as a whole: `\"null\"`");
        return None;
    }
    let Some(table) = item.as_table_like() else {
        faults.add(
            item.span(),
            format!("`json` takes a table of keys, not {}", article(item.type_name())),
            "write `{ json = { street = \"null\" } }`",
        );
        return None;
    };
    let mut keys = BTreeMap::new();
    let mut whole = true;
    for (key, item) in table.iter() {
        match json_mask(faults, item, depth) {
            Some(mask) if !key.contains('\0') => drop(keys.insert(key.to_owned(), mask)),
            _ => whole = false,
        }
    }
    if whole && !keys.values().any(|mask| *mask != JsonMask::Clear) {
        faults.add(item.span(), "`json` masks no key", "name the keys to mask, or write `\"clear\"`");
        return None;
    }
    whole.then_some(keys)
}
