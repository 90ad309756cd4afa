//! COPY: a table or query to the client, masked like any other result; the client's rows into columns that it may write.

use std::sync::Arc;

use super::engine::{RoleEngine, Subject};
use super::facts::Facts;
use super::stand_in::quote;
use super::statement::{self, Gate, Judgement, check_path};
use super::{Judge, refuse};
use crate::catalog::{Column, Relation, RelationKind};
use crate::mask::Mask;
use crate::plan::{CopyData, CopyForm, Kind, Origin, Output, Planned, SqlText};
use crate::read::copy::{Columns, Copied, Copy, Header, Named, Options};
use crate::read::{self, Reading};
use crate::{Refusal, SqlState};

const WRONG_OBJECT: SqlState = SqlState("42809");
const WRONG_COLUMN: SqlState = SqlState("42P10");
const COLUMN_TWICE: SqlState = SqlState("42701");
const NO_PARAMETER: SqlState = SqlState("42P02");

/// `server_version_num` from which on text may have a HEADER.
const HEADER_IN_TEXT: u32 = 150_000;
/// From which on a materialised view may be copied like a table.
const FROM_MATERIALIZED_VIEWS: u32 = 180_000;

/// Judges a COPY between server and client.
pub(super) fn plan(role: &RoleEngine, who: &Subject, copy: &Copy, text: &str) -> Result<Planned, Refusal> {
    check_path(role.facts.catalog.as_ref(), &who.search_path)?;
    judged(role, who, copy, text).map_err(|r| r.at(Some(1)))
}

fn judged(role: &RoleEngine, who: &Subject, copy: &Copy, text: &str) -> Result<Planned, Refusal> {
    match (&copy.what, copy.from) {
        (Copied::Query(reading), _) => out(role, who, reading, text, &copy.options),
        (Copied::Table { name, columns }, false) => {
            let relation = find(role, who, name, text)?;
            let sql = query_of(role, &relation, columns.as_deref()).map_err(|r| r.at(name.place))?;
            // Places in this text are none in the client's.
            let anew = |r: Refusal| Refusal { position: name.place, ..r };
            out(role, who, &read::query(&sql).map_err(anew)?, &sql, &copy.options).map_err(anew)
        }
        (Copied::Table { name, columns }, true) => {
            let relation = find(role, who, name, text)?;
            into(role, who, &relation, columns.as_deref(), &copy.options).map_err(|r| r.at(name.place))
        }
    }
}

fn find(role: &RoleEngine, who: &Subject, name: &Named, text: &str) -> Result<Arc<Relation>, Refusal> {
    Judge::new(&role.facts, &who.search_path, &who.role, text).find_relation(&name.parts).map_err(|r| r.at(name.place))
}

fn out(role: &RoleEngine, who: &Subject, reading: &Reading, text: &str, options: &Options) -> Result<Planned, Refusal> {
    if reading.parameters() > 0 {
        return Err(Refusal::new(NO_PARAMETER, "copy.parameter", "there is no parameter $1"));
    }
    let Judgement { sql, cols, moves, order_is_data, tokens, filtered } = statement::query(role, who, reading, text, Gate::Inserted)?;
    let columns = statement::outputs(&cols, &role.facts.catalog.forms);
    let force_quote = match &options.force_quote {
        Columns::All => vec![true; columns.len()],
        Columns::Named(names) => {
            let mut forced = vec![false; columns.len()];
            for name in names {
                let place = columns.iter().position(|c| c.name == *name);
                match place.and_then(|place| forced.get_mut(place)) {
                    None => return Err(no_column(name)),
                    Some(true) => return Err(twice(name)),
                    Some(forced) => *forced = true,
                }
            }
            forced
        }
    };
    let header = options.header != Header::Off;
    let mut data = CopyData { columns, form: options.form.clone(), force_quote, header, own_header: false };
    // Before, only CSV had one, which is not the form in which the server writes what is replaced on the way.
    if data.header && data.is_sealed() && role.facts.catalog.server_version < HEADER_IN_TEXT {
        if !matches!(data.form, CopyForm::Csv { .. }) {
            return Err(Refusal::new(SqlState::UNSUPPORTED, "copy.option", "COPY HEADER available only in CSV mode"));
        }
        data.own_header = true;
    }
    // What is replaced on the way is written in the client's form there.
    let mut written = words_of(&data.form_of_server());
    if data.header && !data.own_header {
        written.push("HEADER TRUE".to_owned());
    }
    if !data.is_sealed() {
        match &options.force_quote {
            Columns::All => written.push("FORCE_QUOTE *".to_owned()),
            Columns::Named(names) => written.extend(list("FORCE_QUOTE", names)),
        }
    }
    let sql = format!("COPY ({sql}) TO STDOUT ({})", written.join(", "));
    Ok(Planned {
        text: SqlText::with_holes(&sql, role.facts.marker(), tokens.literals()),
        moves_search_path: moves,
        order_is_data,
        filtered,
        copy: Some(Arc::new(data)),
        ..Planned::plain(Kind::CopyOut, "")
    })
}

fn into(role: &RoleEngine, who: &Subject, relation: &Relation, listed: Option<&[String]>, options: &Options) -> Result<Planned, Refusal> {
    let full = format!("{}.{}", relation.schema, relation.name);
    let what = match relation.kind {
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => None,
        RelationKind::View => Some("view"),
        RelationKind::MaterializedView => Some("materialized view"),
        RelationKind::Sequence => Some("sequence"),
    };
    if let Some(what) = what {
        return Err(Refusal::new(WRONG_OBJECT, "copy.relation", format!("cannot copy to {what} \"{}\"", relation.name)));
    }
    let what = format!("COPY into {full}");
    role.facts.rights.write(&relation.schema, &what)?;
    role.facts.feeds_no_filter(relation, &what, &who.role)?;
    let columns = columns_of(relation, listed)?;
    for column in &columns {
        may_write(&role.facts, &who.role, relation, column).map_err(|refusal| match listed {
            Some(_) => refusal,
            None => {
                let others = columns.iter().filter(|c| may_write(&role.facts, &who.role, relation, c).is_ok());
                let others: Vec<String> = others.map(|c| quote(&c.name)).collect();
                let message = format!("{}, and COPY without a list of columns would write to it", refusal.message);
                let hint = format!("List the columns that the rows have: COPY {full} ({}) FROM STDIN.", others.join(", "));
                Refusal { message, ..refusal }.with_hint(hint)
            }
        })?;
    }
    for name in options.force_not_null.iter().chain(&options.force_null) {
        if !columns.iter().any(|c| c.name == *name) {
            return Err(no_column(name));
        }
    }
    let mut written = words_of(&options.form);
    match options.header {
        Header::Off => {}
        Header::On => written.push("HEADER TRUE".to_owned()),
        Header::Match => written.push("HEADER MATCH".to_owned()),
    }
    if options.freeze {
        written.push("FREEZE TRUE".to_owned());
    }
    written.extend(list("FORCE_NOT_NULL", &options.force_not_null));
    written.extend(list("FORCE_NULL", &options.force_null));
    let names = if columns.is_empty() { String::new() } else { format!(" ({})", quoted(columns.iter().map(|c| c.name.as_str()))) };
    let text = format!("COPY {}.{}{names} FROM STDIN ({})", quote(&relation.schema), quote(&relation.name), written.join(", "));
    let output = |c: &&Column| Output {
        name: c.name.clone(),
        origin: Origin::Column { relation: relation.oid, attribute: c.number },
        of_view: None,
        mask: Mask::Clear,
        type_oid: None,
    };
    let data = CopyData {
        force_quote: vec![false; columns.len()],
        columns: columns.iter().map(output).collect(),
        form: options.form.clone(),
        header: options.header != Header::Off,
        own_header: false,
    };
    Ok(Planned { copy: Some(Arc::new(data)), ..Planned::plain(Kind::CopyIn, text) })
}

/// Whether the role may write to a column: not where it is masked, in the relation itself or where rows of it may come to lie.
///
/// # Errors
/// `copy.write`, with the rule.
fn may_write(facts: &Facts, role: &str, relation: &Relation, column: &Column) -> Result<(), Refusal> {
    let below = facts.catalog.relations.values().filter(|r| facts.catalog.ancestors(r.oid).contains(&relation.oid));
    let masked = std::iter::once(relation).chain(below.map(Arc::as_ref)).find_map(|r| {
        let number = r.column(&column.name)?.number;
        facts.guard(r.oid)?.columns.get(&number).map(|treatment| (r, treatment))
    });
    let Some((holder, treatment)) = masked else { return Ok(()) };
    let class = treatment.class.as_deref().map(|c| format!(" (class {c})")).unwrap_or_default();
    let message = format!("column {}.{}.{}{class} is masked for role {role}", holder.schema, holder.name, column.name);
    Err(Refusal::new(SqlState::DENIED, "copy.write", message)
        .with_detail(format!("Rule: {}. What the client has for it are masks.", treatment.rule))
        .with_hint("Leave the column out of the list."))
}

/// What COPY of a table reads: its own rows, not those of its children (PostgreSQL documentation, COPY, Notes).
fn query_of(role: &RoleEngine, relation: &Relation, listed: Option<&[String]>) -> Result<String, Refusal> {
    let what = match relation.kind {
        RelationKind::Table => None,
        RelationKind::Partitioned => Some("partitioned table"),
        RelationKind::View => Some("view"),
        RelationKind::MaterializedView if role.facts.catalog.server_version >= FROM_MATERIALIZED_VIEWS => None,
        RelationKind::MaterializedView => Some("materialized view"),
        RelationKind::Foreign => Some("foreign table"),
        RelationKind::Sequence => Some("sequence"),
    };
    if let Some(what) = what {
        return Err(Refusal::new(WRONG_OBJECT, "copy.relation", format!("cannot copy from {what} \"{}\"", relation.name))
            .with_hint("Try the COPY (SELECT ...) TO variant."));
    }
    let columns = columns_of(relation, listed)?;
    if columns.is_empty() {
        return Err(refuse::not_yet("copy.relation", "COPY of a table without columns"));
    }
    let names = quoted(columns.iter().map(|c| c.name.as_str()));
    Ok(format!("SELECT {names} FROM ONLY {}.{}", quote(&relation.schema), quote(&relation.name)))
}

/// As `CopyGetAttnums` of `src/backend/commands/copy.c` does.
fn columns_of<'a>(relation: &'a Relation, listed: Option<&[String]>) -> Result<Vec<&'a Column>, Refusal> {
    let Some(listed) = listed else { return Ok(relation.columns.iter().filter(|c| !c.is_generated()).collect()) };
    let mut columns: Vec<&Column> = Vec::with_capacity(listed.len());
    for name in listed {
        let Some(column) = relation.column(name) else {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", relation.name);
            return Err(Refusal::new(SqlState::UNDEFINED_COLUMN, "name.column", message));
        };
        if column.is_generated() {
            return Err(Refusal::new(WRONG_COLUMN, "copy.relation", format!("column \"{name}\" is a generated column"))
                .with_detail("Generated columns cannot be used in COPY.")
                .with_hint("Try the COPY (SELECT ...) TO variant."));
        }
        if columns.iter().any(|c| c.number == column.number) {
            return Err(twice(name));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn twice(name: &str) -> Refusal {
    Refusal::new(COLUMN_TWICE, "copy.relation", format!("column \"{name}\" specified more than once"))
}

fn no_column(name: &str) -> Refusal {
    Refusal::new(SqlState::UNDEFINED_COLUMN, "name.column", format!("column \"{name}\" does not exist"))
}

fn words_of(form: &CopyForm) -> Vec<String> {
    let byte = |name: &str, byte: u8| format!("{name} {}", text(&char::from(byte).to_string()));
    match form {
        CopyForm::Binary => vec!["FORMAT binary".to_owned()],
        CopyForm::Text { delimiter, null } => {
            vec!["FORMAT text".to_owned(), byte("DELIMITER", *delimiter), format!("NULL {}", text(null))]
        }
        CopyForm::Csv { delimiter, quote, escape, null } => vec![
            "FORMAT csv".to_owned(),
            byte("DELIMITER", *delimiter),
            byte("QUOTE", *quote),
            byte("ESCAPE", *escape),
            format!("NULL {}", text(null)),
        ],
    }
}

fn list(option: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{option} ({})", quoted(names.iter().map(String::as_str))))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote).collect::<Vec<_>>().join(", ")
}

/// A string constant; standard_conforming_strings is always on.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
