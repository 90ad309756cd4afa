//! CALL: procedures that the policy names. Their code is trusted as that of functions is: it may read and write whatever it does.

use super::build;
use super::engine::{RoleEngine, Subject};
use super::named::row;
use super::rights::is_temporary;
use crate::catalog::{Function, FunctionKind};
use crate::mask::Mask;
use crate::plan::{Kind, Origin, Output, Planned};
use crate::read::Call;
use crate::{Refusal, SqlState};

/// Judges one. `text`: the client's, from where it begins.
pub(super) fn plan(role: &RoleEngine, who: &Subject, call: Call, text: &str) -> Result<Planned, Refusal> {
    let Call { name, arguments, names, variadic } = call;
    let (schema, short) = match name.as_slice() {
        [short] => (None, short),
        [schema, short] => (Some(schema), short),
        [_, schema, short] => (Some(schema), short),
        _ => return Err(super::refuse::unsupported("this procedure name")),
    };
    let all = role.facts.catalog.functions.get(short).map(Vec::as_slice).unwrap_or_default();
    let visible = |f: &&Function| match schema {
        Some(schema) => f.schema == *schema,
        None => who.search_path.contains(&f.schema) && !is_temporary(&f.schema),
    };
    let found: Vec<&Function> = all.iter().filter(visible).collect();
    let Some(first) = found.first() else {
        return Err(Refusal::new(SqlState::UNDEFINED_FUNCTION, "function.unknown", format!("procedure {} does not exist", name.join(".")))
            .with_hint("No procedure of that name is in the search path.")
            .at(Some(1)));
    };
    let denied = |why: &str| {
        let name = format!("{}.{short}", first.schema);
        let message = format!("procedure {name}() {why}; role {} may not call it", who.role);
        Refusal::new(SqlState::DENIED, "function.denied", message)
            .with_hint(format!("Name it under functions in [role.{}] of the policy if it shows no protected data.", who.role))
            .at(Some(1))
    };
    if found.iter().any(|f| f.schema != first.schema) {
        return Err(denied("exists in more than one schema of the search path").with_hint("Write its schema."));
    }
    if found.iter().any(|f| f.kind != FunctionKind::Procedure) {
        return Err(denied("is a function, or one has its name").with_hint("Call functions in a SELECT."));
    }
    if !role.facts.may_call(&first.schema, short) {
        return Err(denied("may run any code"));
    }
    if found.iter().any(|f| f.output_names.len() != first.output_names.len()) {
        return Err(denied("exists several times, with other output parameters").with_hint("Ask for procedures of different names."));
    }
    let printed = match arguments {
        None => Vec::new(),
        Some(reading) => row(role, who, &reading, text)?.1,
    };
    let last = printed.len();
    let given = printed.iter().zip(&names).zip(1..).map(|((value, name), n)| {
        let spread = if variadic && n == last { "VARIADIC " } else { "" };
        match name {
            None => format!("{spread}{value}"),
            Some(name) => format!("{spread}{} => {value}", build::ident(name)),
        }
    });
    let given: Vec<String> = given.collect();
    let text = format!("CALL {}.{}({})", build::ident(&first.schema), build::ident(short), given.join(", "));
    let output = |name: &String| Output { name: name.clone(), origin: Origin::Computed, of_view: None, mask: Mask::Clear, type_oid: None };
    // It may do what it likes with the session's settings.
    Ok(Planned { outputs: first.output_names.iter().map(output).collect(), moves_search_path: true, ..Planned::plain(Kind::Call, text) })
}
