//! Dates and times, moved by a secret number of days.

use super::keyed::secret_number;
use super::time::{EARLIEST, from_utc, in_utc, within};
use super::{constant, identifier, op};
use crate::catalog::{BaseType, Catalog, Column, ColumnType, Relation};
use crate::mask::fit::{Misfit, is_text};
use crate::mask::spec::Shift;

/// Days are whole ones, of 24 hours: the time of day stays, in UTC. Infinities stay; what lies beyond [`EARLIEST`] and [`LATEST`] moves as
/// these do. Of NULL in `by` nothing shows.
///
/// # Errors
/// A relation that has no such column, or one whose equal values may be written in several ways.
pub fn shift(shift: &Shift, class: &str, column: &Column, relation: &Relation, catalog: &Catalog) -> Result<String, Misfit> {
    let whose = subject(by(shift, relation, catalog)?, relation)?;
    let days = i64::from(shift.days);
    let number = secret_number(&format!("shift of {class}"), &whose);
    let one_of = op(&number, "%", &constant(&days.saturating_mul(2).to_string(), "int8"));
    // From 0.5 - days to days - 0.5, rounded away from zero, since 0 days would show the date.
    let middle = constant(&format!("{}.5", days.saturating_sub(1)), super::NUMERIC);
    let offset = format!("CAST({} AS pg_catalog.int4)", op(&format!("CAST({one_of} AS pg_catalog.{})", super::NUMERIC), "-", &middle));
    let ty = &column.data_type;
    let (value, own) = in_utc(&column.name, ty);
    let within = within(&value, own, EARLIEST, LATEST);
    let moved = match ty.base {
        BaseType::Date => op(&within, "+", &offset),
        _ => op(&within, "+", &format!("pg_catalog.make_interval(0, 0, 0, {offset})")),
    };
    let shown = format!("CASE WHEN pg_catalog.isfinite({value}) THEN {moved} ELSE {value} END");
    Ok(from_utc(&shown, ty))
}

/// A century before the last timestamp.
const LATEST: &str = "294176-12-31";

/// Characters of a text that count, so that no text makes the digest's input too large.
const COUNTED: u32 = 1000;

/// The columns by which a relation's dates move: as the policy says for it, or for one that it is a part of.
fn by<'s>(shift: &'s Shift, relation: &Relation, catalog: &Catalog) -> Result<&'s [String], Misfit> {
    let above = catalog.ancestors(relation.oid);
    let above = above.iter().filter_map(|oid| catalog.relations.get(oid)).map(AsRef::as_ref);
    let family: Vec<&Relation> = std::iter::once(relation).chain(above).collect();
    let meant = |pattern: &Option<crate::policy::pattern::Pattern<2>>| match pattern {
        None => true,
        Some(pattern) => family.iter().any(|r| pattern.matches([&r.schema, &r.name])),
    };
    let mut found = shift.by.iter().filter(|(pattern, _)| meant(pattern)).map(|(_, columns)| columns.as_slice());
    let name = format!("{}.{}", relation.schema, relation.name);
    let Some(first) = found.next() else {
        let help = format!("write `by = {{ \"{name}\" = \"the column of whose it is\", … }}`");
        return Err(Misfit { why: format!("its `by` says nothing of {name}"), help });
    };
    match found.all(|other| other == first) {
        true => Ok(first),
        false => Err(Misfit { why: format!("its `by` says two things of {name}"), help: "make one pattern narrower".to_owned() }),
    }
}

/// The values of these columns as one bytea, another for each combination.
fn subject(columns: &[String], relation: &Relation) -> Result<String, Misfit> {
    let mut parts = Vec::new();
    for name in columns {
        let Some(column) = relation.column(name) else {
            let message = format!("its `by` names {name}, which {}.{} does not have", relation.schema, relation.name);
            let help = "name a column of the same table, or for each table its own: `by = { \"shop.orders\" = \"customer_id\", … }`";
            return Err(Misfit { why: message, help: help.to_owned() });
        };
        parts.push(part(column, columns.len() > 1)?);
    }
    let text = parts.into_iter().reduce(|all, next| op(&all, "||", &next)).unwrap_or_default();
    Ok(format!("pg_catalog.decode({text}, {})", constant("escape", "text")))
}

/// A column's text, with its length before it where others follow. A backslash is written twice, as decode() reads it.
fn part(column: &Column, is_one_of_several: bool) -> Result<String, Misfit> {
    let ty = &column.data_type;
    let text = match ty.base {
        BaseType::Int2 | BaseType::Int4 | BaseType::Int8 | BaseType::Uuid => {
            format!("CAST({} AS pg_catalog.text)", identifier(&column.name))
        }
        base if is_text(base) && !ty.nondeterministic => text_of(column, ty),
        _ => {
            return Err(Misfit {
                why: format!("its `by` names {}, of type {}, of which equal values may be written in several ways", column.name, ty.sql),
                help: "name a column of an integer type, uuid or a text type".to_owned(),
            });
        }
    };
    let escaped = match is_text(ty.base) {
        true => format!("pg_catalog.replace({text}, {}, {})", constant("\\", "text"), constant("\\\\", "text")),
        false => text.clone(),
    };
    if !is_one_of_several {
        return Ok(escaped);
    }
    let length = format!("CAST(pg_catalog.length({text}) AS pg_catalog.text)");
    Ok(op(&op(&length, "||", &constant(":", "text")), "||", &escaped))
}

/// In small letters where case does not count. No nondeterministic collation can be searched in.
fn text_of(column: &Column, ty: &ColumnType) -> String {
    let text = format!("CAST({} AS pg_catalog.text)", identifier(&column.name));
    let text = match ty.base {
        BaseType::Citext => format!("pg_catalog.lower(({text} COLLATE pg_catalog.\"default\"))"),
        _ => text,
    };
    format!("(pg_catalog.\"left\"({text}, {COUNTED}) COLLATE pg_catalog.\"C\")")
}
