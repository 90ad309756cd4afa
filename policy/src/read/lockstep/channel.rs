//! Insertion: a channel's name that is not known before the statement runs is looked at by the server.

use super::condition::raises;
use super::{Same, Tree, list, part, walk};
use crate::judge::channel::CLOSED;

/// The arguments of two calls. The first of pg_notify may have become a CASE that gives it where it is one of the names or patterns
/// in its conditions, and raises where it is none.
pub(super) fn arguments(client: &Tree, ours: &Tree) -> Same {
    let (before, after) = (client.list("args"), ours.list("args"));
    match (before, after) {
        ([name, payload], [case, also]) if case.kind() == "CaseExpr" && notifies(ours) && name.kind() != "CaseExpr" => {
            walk(payload, also)?;
            checked(name, case)
        }
        _ => list(before, after),
    }
}

fn notifies(call: &Tree) -> bool {
    call.names("funcname").as_deref() == Some(&["pg_catalog", "pg_notify"])
}

fn checked(name: &Tree, case: &Tree) -> Same {
    let closed = |tree: &Tree| {
        let is_text = |of: &Tree| of.names("names").as_deref() == Some(&["pg_catalog", "text"]);
        let is_raise = tree.field("arg").is_some_and(|bool| raises(bool, CLOSED));
        tree.kind() == "TypeCast" && is_raise && tree.field("type_name").is_some_and(is_text)
    };
    let each = case.list("args").iter().all(|when| {
        let gives = |result: &Tree| closed(result) || walk(name, result).is_ok();
        when.field("expr").is_some_and(|asked| asks_for(name, asked)) && when.field("result").is_some_and(gives)
    });
    let fits = case.field("arg").is_none() && each && case.field("defresult").is_some_and(closed);
    if fits { Ok(()) } else { part("a channel's name") }
}

/// `pg_catalog.texteq(CAST(name AS pg_catalog.text) COLLATE pg_catalog."C", 'constant')`, or the same with textlike.
fn asks_for(name: &Tree, asked: &Tree) -> bool {
    let [given, constant] = asked.list("args") else { return false };
    let function = matches!(asked.names("funcname").as_deref(), Some(["pg_catalog", "texteq" | "textlike"]));
    let in_c = given.kind() == "CollateClause" && given.names("collname").as_deref() == Some(&["pg_catalog", "C"]);
    let cast = given.field("arg").filter(|arg| arg.kind() == "TypeCast");
    let is_text = cast.and_then(|cast| cast.field("type_name")).and_then(|of| of.names("names"));
    let of_name = cast.and_then(|cast| cast.field("arg")).is_some_and(|arg| walk(name, arg).is_ok());
    let is_constant = constant.field("val").is_some_and(|value| value.kind() == "String");
    asked.kind() == "FuncCall" && function && in_c && is_text.as_deref() == Some(&["pg_catalog", "text"]) && of_name && is_constant
}
