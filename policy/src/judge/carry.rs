//! Queries with pseudonyms whose rows are kept: they pass through the proxy, which stores what the role would have seen.
//!
//! What is made here are the texts of the steps that the proxy takes: see [`Carry`].

use std::sync::Arc;

use super::engine::RoleEngine;
use super::label::Label;
use super::scope::Col;
use super::stand_in::quote;
use super::statement::{Judgement, outputs};
use crate::Refusal;
use crate::catalog::form::Forms;
use crate::plan::{Carry, Kind, Planned, SqlText};
use crate::read::keep::Made;

/// CREATE TABLE AS and SELECT INTO. `schema`: where the table is made; `None` for the session's temporary one.
pub(super) fn table(role: &RoleEngine, made: &Made, schema: Option<&str>, judged: &Judgement) -> Result<Planned, Refusal> {
    let catalog = &role.facts.catalog;
    let name = format!("{}.{}", quote(schema.unwrap_or("pg_temp")), quote(&made.name.name));
    let there = schema.is_some_and(|schema| catalog.relations.values().any(|r| r.schema == schema && r.name == made.name.name));
    let text = |sql: &str| SqlText::with_holes(sql, role.facts.marker(), judged.tokens.literals());
    let shape = without_lengths(&judged.sql, &judged.cols, &catalog.forms);
    // If it is there nothing is made, and no row is read.
    if !made.with_data || made.may_exist() && there {
        return Ok(Planned {
            text: text(&made.empty(false).print(schema, &shape)?),
            changes_catalog: true,
            tokens: judged.tokens.parameters(),
            filtered: judged.filtered.clone(),
            ..Planned::plain(Kind::Keep, "")
        });
    }
    let carry = Carry {
        create: text(&made.empty(true).print(schema, &shape)?),
        shape: format!("SELECT * FROM ONLY {name}"),
        copy: format!("COPY {name} FROM STDIN (FORMAT binary)"),
        finish: None,
        drop: None,
    };
    Ok(Planned {
        text: text(&judged.sql),
        outputs: outputs(&judged.cols, &catalog.forms),
        moves_search_path: judged.moves,
        order_is_data: judged.order_is_data,
        filtered: judged.filtered.clone(),
        tokens: judged.tokens.parameters(),
        changes_catalog: true,
        carry: Some(Arc::new(carry)),
        ..Planned::plain(Kind::Carry, "")
    })
}

/// The query with the types that pseudonyms of its columns fit into: they may be longer than a type's length, and need not keep to what
/// a domain demands.
fn without_lengths(sql: &str, cols: &[Col], forms: &Forms) -> String {
    let own: Vec<String> = (1..=cols.len()).map(|n| quote(&format!("pgveil_{n}"))).collect();
    let column = |(own, col): (&String, &Col)| {
        let value = format!("\"pgveil_q\".{own}");
        let value = match kept_as(col, forms) {
            Some(ty) => format!("CAST({value} AS {ty})"),
            None => value,
        };
        format!("{value} AS {}", quote(&col.name))
    };
    let columns: Vec<String> = own.iter().zip(cols).map(column).collect();
    format!("SELECT {} FROM ({sql}) AS \"pgveil_q\" ({})", columns.join(", "), own.join(", "))
}

fn kept_as(col: &Col, forms: &Forms) -> Option<String> {
    let bottom = forms.bottom(col.ty?.settled().oid);
    let oid = match &col.label {
        Label::Sealed(_) => bottom,
        Label::SealedArray(_) => forms.array_of(forms.bottom(forms.element(bottom)?))?,
        Label::Clear | Label::Null => return None,
    };
    forms.types.get(&oid).map(|ty| format!("{}.{}", quote(&ty.schema), quote(&ty.name)))
}
