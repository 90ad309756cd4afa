//! TOML to masks that hang on a condition.

use toml_edit::Item;

use super::faults::Faults;
use super::masks::one_mask;
use super::parse::{key_span, known_keys, string};
use crate::mask::MaskSpec;
use crate::mask::spec::When;
use crate::mask::veil::sql::Condition;
use crate::report::looks::{Change, change};

/// As an example.
pub(super) const EXAMPLE: &str = "{ when = \"country = 'DE'\", then = { keep = { last = 2 } }, else = \"redact\" }";

/// A table with a key of a conditional mask.
pub(super) fn stands_in(item: &Item) -> bool {
    item.as_table_like().is_some_and(|table| ["when", "then", "else"].iter().any(|key| table.contains_key(key)))
}

pub(super) fn when(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    let table = item.as_table_like()?;
    known_keys(faults, table, &["when", "then", "else"], "in a mask with a condition");
    let Some(written) = table.get("when") else {
        let first = ["then", "else"].into_iter().find(|key| table.contains_key(key)).unwrap_or_default();
        faults.add(key_span(table, first), format!("`{first}` without `when`"), format!("write `{EXAMPLE}`"));
        return None;
    };
    let Some(then) = table.get("then") else {
        faults.add(item.span(), "`when` without `then`", format!("write `{EXAMPLE}`"));
        return None;
    };
    let text = string(faults, written, "`when`")?;
    let condition = match Condition::read(text) {
        Ok(condition) => condition,
        Err(misfit) => {
            faults.add(written.span(), format!("the condition `when` cannot be used: {}", misfit.why), misfit.help);
            return None;
        }
    };
    let then = branch(faults, then)?;
    let otherwise = match table.get("else") {
        Some(otherwise) => branch(faults, otherwise)?,
        None => MaskSpec::Redact(None),
    };
    // What is neither true nor false goes that way, too.
    if change(&then, &otherwise) == Change::Clearer {
        let help = format!("turn them round: `when = \"NOT ({text})\"`; `else` is also for rows of which the condition is NULL");
        faults.add(key_span(table, "else"), "`else` shows more than `then`", help);
        return None;
    }
    Some(MaskSpec::When(Box::new(When { condition, then, otherwise })))
}

fn branch(faults: &mut Faults<'_>, item: &Item) -> Option<MaskSpec> {
    let spec = one_mask(faults, item)?;
    let what = match &spec {
        spec if spec.seals() => format!("the pseudonym `{spec}`"),
        MaskSpec::Refuse => "`refuse`".to_owned(),
        _ => return Some(spec),
    };
    let help = "a whole column is a pseudonym or refused, since the database holds it as it is: use masks that it computes, such as `redact` or `keep`";
    faults.add(item.span(), format!("{what} cannot hang on a condition"), help);
    None
}
