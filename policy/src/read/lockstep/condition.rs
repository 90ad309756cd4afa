//! Insertions about conditions: gates, guards of row filters, casts that are tried.

use super::keyed::contains;
use super::{IS_NOT_FALSE, IS_NOT_NULL, IS_NULL, OK, Same, Tree, made_up, optional, part, plain, walk};
use crate::judge::gate::STALE;

/// `CASE WHEN … THEN true ELSE CAST(pg_catalog.concat('pgveil_stale') AS pg_catalog.bool) END`, which is true or raises; its condition
/// reads no column but those of pgveil's own subquery.
pub(super) fn is_gate(tree: &Tree) -> bool {
    let holds = |when: &Tree| {
        let is_true = when.field("result").and_then(|r| r.field("val")).is_some_and(|v| v.field("boolval") == Some(&Tree::Bool(true)));
        is_true && when.field("expr").is_some_and(|e| !contains(e, &foreign))
    };
    let condition = match tree.list("args") {
        [only] => holds(only),
        _ => false,
    };
    tree.kind() == "CaseExpr" && tree.field("arg").is_none() && condition && tree.field("defresult").is_some_and(|e| raises(e, STALE))
}

/// `CAST(pg_catalog.concat('word') AS pg_catalog.bool)`, which is an error that quotes the word.
pub(super) fn raises(tree: &Tree, word: &str) -> bool {
    let argument = |call: &Tree| match call.list("args") {
        [only] => only.field("val").is_some_and(|value| value.text("sval") == word),
        _ => false,
    };
    let concat = |call: &Tree| call.names("funcname").as_deref() == Some(&["pg_catalog", "concat"]) && argument(call);
    let is_bool = |of: &Tree| of.names("names").as_deref() == Some(&["pg_catalog", "bool"]);
    tree.kind() == "TypeCast" && tree.field("arg").is_some_and(concat) && tree.field("type_name").is_some_and(is_bool)
}

/// A relation, a parameter, a column that is not pgveil's own, or a function that is not Postgres' own.
pub(super) fn foreign(tree: &Tree) -> bool {
    match tree.kind() {
        "RangeVar" | "ParamRef" => true,
        "ColumnRef" => !tree.names("fields").is_some_and(|names| names.first().is_some_and(|name| made_up(name))),
        "FuncCall" => tree.names("funcname").is_none_or(|names| names.first() != Some(&"pg_catalog")),
        _ => false,
    }
}

/// Insertion: WHERE gains a gate, and `(CAST($1 AS type) IS NULL) IS NOT NULL`, which is always true, or fails.
pub(super) fn tried_conditions(client: Option<&Tree>, ours: Option<&Tree>) -> Same {
    let is_and = |tree: &Tree| tree.kind() == "BoolExpr" && tree.field("boolop") == Some(&Tree::Int(1));
    let conjuncts = |tree: Option<&Tree>| match tree {
        Some(tree) if is_and(tree) => tree.list("args").to_vec(),
        Some(tree) => vec![tree.clone()],
        None => vec![],
    };
    let mut printed = conjuncts(ours);
    let wanted = conjuncts(client);
    while printed.len() > wanted.len() && printed.last().is_some_and(|last| is_gate(last) || tries_a_cast(last)) {
        printed.pop();
    }
    if printed.len() == conjuncts(ours).len() {
        return conditions(client, ours);
    }
    if printed.len() != wanted.len() {
        return part("a condition");
    }
    wanted.iter().zip(&printed).try_for_each(|(a, b)| conditions(Some(a), Some(b)))
}

/// `(CAST($1 AS type) IS NULL) IS NOT NULL`
pub(super) fn tries_a_cast(tree: &Tree) -> bool {
    let tests = |tree: &Tree, how: i64| tree.kind() == "NullTest" && tree.field("nulltesttype") == Some(&Tree::Int(how));
    tests(tree, IS_NOT_NULL)
        && tree
            .field("arg")
            .filter(|inner| tests(inner, IS_NULL))
            .and_then(|inner| inner.field("arg"))
            .is_some_and(|cast| cast.kind() == "TypeCast" && cast.field("arg").is_some_and(|arg| arg.kind() == "ParamRef"))
}

/// Conditions joined by AND, each perhaps in a guard.
pub(super) fn conditions(client: Option<&Tree>, ours: Option<&Tree>) -> Same {
    let (Some(client), Some(ours)) = (client, ours) else { return optional(client, ours, "a condition") };
    let is_and = |tree: &Tree| tree.kind() == "BoolExpr" && tree.field("boolop") == Some(&Tree::Int(1));
    let (of_client, of_ours) = (client.list("args"), ours.list("args"));
    if is_and(client) && is_and(ours) && of_client.len() == of_ours.len() {
        return of_client.iter().zip(of_ours).try_for_each(|(a, b)| conditions(Some(a), Some(b)));
    }
    guarded_condition(client, ours)
}

/// `CASE WHEN condition THEN result END`
pub(super) fn only_case(tree: &Tree) -> Option<(&Tree, &Tree)> {
    match (tree.kind(), tree.list("args")) {
        ("CaseExpr", [when]) if tree.field("defresult").is_none() && tree.field("arg").is_none() => {
            Some((when.field("expr")?, when.field("result")?))
        }
        _ => None,
    }
}

/// Insertion: what may fail on a row that a row filter hides becomes `CASE WHEN row is visible THEN … END`; visible it is, wherever
/// the row comes out.
pub(super) fn guarded(client: &Tree, ours: &Tree) -> Same {
    match only_case(ours) {
        Some((condition, result)) if asks_for_row(condition) => match only_case(client) {
            // Its own, where what it sends is a text of pgveil's.
            Some((own, _)) if walk(own, condition).is_ok() => plain(client, ours),
            _ => walk(client, result),
        },
        _ => plain(client, ours),
    }
}

/// Insertion: a condition of WHERE, ON or HAVING becomes `CASE WHEN condition THEN true END`.
pub(super) fn guarded_condition(client: &Tree, ours: &Tree) -> Same {
    let Some((condition, result)) = only_case(ours) else { return walk(client, ours) };
    let is_true = result.field("val").is_some_and(|value| value.field("boolval") == Some(&Tree::Bool(true)));
    if is_true && walk(client, condition).is_ok() { Ok(()) } else { walk(client, ours) }
}

/// `alias.pgveil_ok1 IS NOT FALSE`, or several of them.
pub(super) fn asks_for_row(condition: &Tree) -> bool {
    match condition.kind() {
        "BooleanTest" => {
            let column = condition.field("arg").filter(|arg| arg.kind() == "ColumnRef").map(|arg| arg.list("fields"));
            let ours = matches!(column, Some([_, last]) if last.text("sval").starts_with(OK));
            ours && condition.field("booltesttype") == Some(&Tree::Int(IS_NOT_FALSE))
        }
        "BoolExpr" => {
            let all = condition.list("args");
            condition.field("boolop") == Some(&Tree::Int(1)) && !all.is_empty() && all.iter().all(asks_for_row)
        }
        _ => false,
    }
}
