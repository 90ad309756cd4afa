//! Where what is created lies, and whether the role may create it there.

use super::engine::Subject;
use super::facts::Facts;
use super::rights::is_temporary;
use crate::policy::pattern::is_system_schema;
use crate::read::keep::NewName;
use crate::{Refusal, SqlState};

/// Where something new is created: its schema, or `None` for the session's temporary one.
pub(super) type Place = Option<String>;

/// Where a new relation goes: to the schema that it is named with, to the session's temporary one, or to the first of search_path.
/// `what`: such as `CREATE TABLE`.
///
/// # Errors
/// `write.schema`, and `define.schema` where it can be created nowhere.
pub(super) fn of_new(facts: &Facts, who: &Subject, name: &NewName, what: &str) -> Result<Place, Refusal> {
    if name.database.as_ref().is_some_and(|database| *database != facts.catalog.database) {
        return Err(super::refuse::not_yet("name.database", "a relation of another database"));
    }
    let place = match (&name.schema, name.temporary) {
        (_, true) => None,
        (Some(schema), false) => Some(schema.clone()),
        (None, false) => Some(first_of(&who.search_path)?),
    };
    let Some(schema) = place else {
        facts.rights.write("pg_temp", &format!("{what} {}", name.name))?;
        return Ok(None);
    };
    may_define_in(facts, &schema, &format!("{what} {schema}.{}", name.name))?;
    Ok(Some(schema))
}

/// Whether the role may create, alter or drop in a schema of that name.
///
/// # Errors
/// `write.schema`, and `define.schema` for a schema of Postgres' own and for another session's temporary one.
pub(super) fn may_define_in(facts: &Facts, schema: &str, what: &str) -> Result<(), Refusal> {
    if is_system_schema(schema) || is_temporary(schema) && schema != "pg_temp" {
        return Err(nowhere(format!("{what}: nothing is defined in schema {schema} through pgveil by a role with masks")));
    }
    facts.rights.write(schema, what)
}

/// The schema in which Postgres creates what is named without one.
pub(super) fn first_of(path: &[String]) -> Result<String, Refusal> {
    // pg_catalog is looked in first without being named, and temporary schemas before it.
    path.iter().find(|s| !is_system_schema(s) && !is_temporary(s) && !s.starts_with("pg_toast_temp_")).cloned().ok_or_else(|| {
        Refusal::new(SqlState("3F000"), "define.path", "no schema has been selected to create in")
            .with_hint("Write the name with its schema, or set search_path.")
    })
}

fn nowhere(message: String) -> Refusal {
    Refusal::new(SqlState::DENIED, "define.schema", message).with_hint("Write in a schema of your own, or in temporary tables.")
}
