//! TOML to the masks that need a key in the database.

use std::ops::Range;

use toml_edit::Item;

use super::faults::Faults;
use super::masks::{arguments, number, size};
use super::parse::{key_span, pattern, strings};
use super::pattern::Pattern;
use crate::mask::MaskSpec;
use crate::mask::spec::{Noise, Shift};

/// As examples.
pub(super) const SHIFT: &str = "{ shift = { by = \"customer_id\", days = 180 } }";
pub(super) const NOISE: &str = "{ noise = { amount = 500 } }";

/// A century: no date that is not at its type's end leaves it.
const MAX_DAYS: i64 = 36_500;
const DEFAULT_DAYS: i64 = 365;
/// Parts of a value.
const FRACTIONS: std::ops::RangeInclusive<f64> = 0.001..=0.9;

pub(super) fn shift(faults: &mut Faults<'_>, item: &Item) -> Option<Shift> {
    let table = arguments(faults, item, "shift", &["by", "days"], SHIFT)?;
    let why = "a date moves by up to as many days, forth or back; by less than 7 it would hardly be hidden";
    let days = number(faults, table, "days", (7, MAX_DAYS), DEFAULT_DAYS, why);
    let Some(by) = table.get("by") else {
        let help = format!("write `{SHIFT}`: the column that says whose date it is; all dates of one move together");
        faults.add(item.span(), "`shift` without `by`", help);
        return None;
    };
    Some(Shift { by: by_of(faults, by)?, days: u32::try_from(days?).ok()? })
}

/// `"customer_id"`, `["tenant", "id"]`, `{ "shop.customers" = "id", "shop.orders" = "customer_id" }`
fn by_of(faults: &mut Faults<'_>, item: &Item) -> Option<Vec<(Option<Pattern<2>>, Vec<String>)>> {
    let Some(table) = item.as_table_like() else { return Some(vec![(None, columns(faults, item)?)]) };
    if table.is_empty() {
        faults.add(item.span(), "`by` names no table", format!("write `{SHIFT}`"));
        return None;
    }
    let mut found = Vec::new();
    for (key, item) in table.iter() {
        let relation = pattern::<2>(faults, key, key_span(table, key), "schema.table");
        let columns = columns(faults, item);
        found.push((Some(relation?), columns?));
    }
    Some(found)
}

fn columns(faults: &mut Faults<'_>, item: &Item) -> Option<Vec<String>> {
    let names: Vec<String> = match item.as_str() {
        Some(name) => vec![name.to_owned()],
        None if item.is_array() => strings(faults, item, "`by` of `shift`").into_iter().map(|(name, _)| name.to_owned()).collect(),
        None => Vec::new(),
    };
    let fits = !names.is_empty() && names.iter().all(|name| !name.is_empty() && !name.contains('\0'));
    if !fits {
        faults.add(item.span(), "`by` names no column", format!("write `{SHIFT}`, with the column's name as it is stored"));
    }
    fits.then_some(names)
}

pub(super) fn noise(faults: &mut Faults<'_>, item: &Item) -> Option<Noise> {
    let table = arguments(faults, item, "noise", &["amount", "fraction"], NOISE)?;
    let help = "write `{ noise = { amount = 500 } }`, or `{ noise = { fraction = 0.1 } }` for up to a tenth of the value";
    match (table.get("amount"), table.get("fraction")) {
        (Some(amount), None) => size(faults, amount, "the amount of `noise`", help).map(Noise::Amount),
        (None, Some(fraction)) => {
            let within = fraction.as_float().is_some_and(|f| FRACTIONS.contains(&f));
            if !within {
                faults.add(fraction.span(), "the fraction of `noise` must be a number from 0.001 to 0.9", help);
                return None;
            }
            size(faults, fraction, "the fraction of `noise`", help).map(Noise::Fraction)
        }
        (Some(_), Some(_)) => {
            faults.add(key_span(table, "fraction"), "`noise` with both an `amount` and a `fraction`", "keep one of them");
            None
        }
        (None, None) => {
            faults.add(item.span(), "`noise` without an `amount` or a `fraction`", help);
            None
        }
    }
}

/// Who may write puts a value of his own beside others' and reads what the mask does to it; or makes a condition true.
pub(super) fn refuse_writer(faults: &mut Faults<'_>, at: Option<Range<usize>>, role: &str, spec: &MaskSpec) {
    let why = match spec {
        MaskSpec::When(_) => "write what the condition reads",
        _ => "put a value of its own there, and read how it moves",
    };
    let message = format!("the mask `{spec}` is for roles that may not write: role {role} could {why}");
    let help = format!("write `read_only = true` in [role.{role}], and no `write` beside the mask; or use another mask, such as `redact`");
    faults.add(at, message, help);
}
