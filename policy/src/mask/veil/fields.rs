//! Masks of composite values, field by field.

use std::collections::BTreeMap;

use super::{finish, identifier};
use crate::catalog::{Catalog, Column};
use crate::mask::fit::{Action, Misfit, fit};
use crate::mask::spec::{ANY_KEY, MaskSpec};
use crate::policy::protection::redacted;

/// Stands for a field in its mask's SQL, until its value is known.
const PLACE: &str = "pgveil_field";

/// A value of the type with each field masked. A value that is NULL stays NULL.
///
/// # Errors
/// A type whose fields are not known, as a table's; fields that it does not have; masks that do not fit them.
pub fn fields(masks: &BTreeMap<String, MaskSpec>, class: &str, column: &Column, catalog: &Catalog) -> Result<String, Misfit> {
    let bottom = catalog.forms.bottom(column.data_type.oid);
    let own = catalog.types.values().flat_map(|named| named.values()).find(|ty| ty.oid == bottom && !ty.columns.is_empty());
    let Some(own) = own else {
        let help = "what fits this type: `redact`, `null`, `refuse`".to_owned();
        return Err(Misfit { why: "it takes columns of a composite type that is no table's".to_owned(), help });
    };
    if let Some(absent) = masks.keys().find(|name| *name != ANY_KEY && !own.columns.iter().any(|field| field.name == **name)) {
        let known: Vec<&str> = own.columns.iter().map(|field| field.name.as_str()).collect();
        return Err(Misfit {
            why: format!("{} has no field {absent}", column.data_type.sql),
            help: format!("its fields: {}", known.join(", ")),
        });
    }
    let masked: Result<Vec<String>, Misfit> = own
        .columns
        .iter()
        .map(|field| one(masks.get(&field.name).or_else(|| masks.get(ANY_KEY)), class, field, &identifier(&column.name)))
        .collect();
    let row = format!("CAST(ROW({}) AS {})", masked?.join(", "), column.data_type.base_sql);
    // IS NULL would be true of a value all of whose fields are NULL.
    Ok(finish(&format!("CASE WHEN {} IS DISTINCT FROM NULL THEN {row} END", identifier(&column.name)), &column.data_type))
}

fn one(mask: Option<&MaskSpec>, class: &str, field: &Column, of: &str) -> Result<String, Misfit> {
    let ty = &field.data_type;
    let about = |misfit: Misfit| Misfit { why: format!("its field {}, of type {}: {}", field.name, ty.sql, misfit.why), help: misfit.help };
    let value = format!("({of}).{}", identifier(&field.name));
    let action = match mask {
        None => Some(redacted(field)),
        Some(mask) => fit(mask, class, PLACE, ty).map_err(about)?,
    };
    match action {
        None => Ok(value),
        // The value of the type is made of the masks: they must be what the domain takes.
        Some(_) if ty.is_domain => {
            let help = "show it (`clear`), or mask the column as a whole: `redact`, `null`".to_owned();
            Err(about(Misfit { why: "a mask could break what its domain demands".to_owned(), help }))
        }
        Some(Action::Veil(sql)) => Ok(sql.replace(&identifier(PLACE), &value)),
        Some(Action::Seal(_) | Action::Refuse) => {
            let help = "write a mask that the database computes, such as `redact` or `keep`".to_owned();
            Err(about(Misfit { why: "a pseudonym is one of a whole column".to_owned(), help }))
        }
    }
}
