//! What may differ between the client's tree and the tree of what is sent.
//!
//! One walk over both of libpg_query's trees. Where they differ, one of the functions below that are marked *insertion* must
//! allow it; anything else is refused. They say what a rewriting may add or put in a place, not that it is right to: that is the
//! judgement's own work. What they rule out is that a text means something else than was judged.

mod channel;
mod condition;
mod keyed;
mod row;
mod window;

use condition::{conditions, guarded, tried_conditions};
use keyed::{keyed, sort_item};
use row::{attribute_call, functional_column, picked, picked_of, row_field, starred};

use super::postgres::Tree;
use crate::builtin::functions;
use crate::{Refusal, SqlState};

/// Aliases and columns that the judgement makes up begin with it.
const OURS: &str = "pgveil_";
/// The column of a derived table that holds a whole row.
const ROW: &str = "pgveil_row";
/// Aliases of derived tables that the judgement puts around a SELECT begin with it.
const WRAP: &str = "pgveil_q";

/// Columns by which a row filter's derived table says that a row is visible begin with it.
const OK: &str = "pgveil_ok";
/// `BoolTestType` in libpg_query's protobuf.
const IS_NOT_FALSE: i64 = 4;
/// `NullTestType` in libpg_query's protobuf.
const IS_NULL: i64 = 1;
const IS_NOT_NULL: i64 = 2;

/// Compares the client's tree with the tree of what is sent.
pub(super) fn compare(client: &Tree, ours: &Tree) -> Result<(), Refusal> {
    walk(client, ours).map_err(|Difference(at)| {
        let message = "pgveil's rewritten statement differs from the client's by more than pgveil adds";
        Refusal::new(SqlState::UNSUPPORTED, "read.lockstep", message)
            .with_detail(format!("They part at {at}."))
            .with_hint("This is a fault of pgveil; please report it, with the statement.")
    })
}

/// Marks the constants that begin with `marker`, which no client knows, and the cast around each.
pub(super) fn mark_holes(tree: &mut Tree, marker: &str) {
    let is_hole = tree.kind() == "TypeCast"
        && tree.field("arg").and_then(|constant| constant.field("val")).is_some_and(|value| value.text("sval").starts_with(marker));
    match tree {
        tree if is_hole => *tree = Tree::Node(HOLE, Vec::new()),
        Tree::Node(_, fields) => fields.iter_mut().for_each(|(_, value)| mark_holes(value, marker)),
        Tree::List(items) => items.iter_mut().for_each(|item| mark_holes(item, marker)),
        Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) => {}
    }
}

/// Stands for a marked constant.
const HOLE: &str = "pgveil's hole";

/// Insertion: what a token stands for, in place of the constant that the client wrote, cast or not.
fn hole(client: &Tree) -> Same {
    match client.kind() {
        "A_Const" | "AConst" => Ok(()),
        "TypeCast" => client.field("arg").map_or_else(|| part("a token"), hole),
        _ => part("a token"),
    }
}

/// Where two trees part.
#[derive(Debug)]
struct Difference(String);

type Same = Result<(), Difference>;

fn part(at: &str) -> Same {
    Err(Difference(at.to_owned()))
}

fn walk(client: &Tree, ours: &Tree) -> Same {
    match (client.kind(), ours.kind()) {
        (_, HOLE) => hole(client),
        ("RangeVar", "RangeVar") => relation(client, ours),
        ("RangeVar", "RangeSubselect") => veiled_relation(client, ours),
        ("RangeFunction", "RangeFunction") => table_function(client, ours),
        ("RangeFunction", "RangeSubselect") => veiled_settings(client, ours),
        ("RangeSubselect", "RangeSubselect") => derived_table(client, ours),
        ("ColumnRef", "ColumnRef") => column(client, ours),
        ("ColumnRef", "A_Indirection" | "AIndirection") => picked(client, ours),
        ("ColumnRef", "FuncCall") => attribute_call(client, ours),
        ("FuncCall", "ColumnRef") => functional_column(client, ours),
        ("FuncCall", "A_Indirection" | "AIndirection") => picked(client, ours),
        ("A_Indirection" | "AIndirection", _) => row_field(client, ours),
        ("RowExpr", "RowExpr") => {
            fields(client, ours, &["args"])?;
            starred(client.list("args"), ours.list("args"))
        }
        ("A_Const" | "AConst", "TypeCast") => typed_string(client, ours),
        ("FuncCall", "TypeCast") => veiled_function(client, ours).or_else(|first| keyed::extremum(client, ours).map_err(|_| first)),
        ("FuncCall" | "MinMaxExpr", "CollateClause") | ("MinMaxExpr", "TypeCast") => keyed::extremum(client, ours),
        ("FuncCall", "SubLink") => keyed::distinct_array(client, ours),
        ("FuncCall", "CaseExpr") => guarded_function(client, ours).or_else(|first| guarded(client, ours).map_err(|_| first)),
        ("FuncCall", "FuncCall") => {
            qualified(client, ours, "funcname")?;
            fields(client, ours, &["funcname", "agg_order", "args"])?;
            channel::arguments(client, ours)?;
            ordered(client.list("agg_order"), ours.list("agg_order"), Items::Sort)
        }
        ("TypeName", "TypeName") => {
            qualified(client, ours, "names")?;
            fields(client, ours, &["names"])
        }
        ("A_Expr" | "AExpr", "A_Expr" | "AExpr") => {
            qualified(client, ours, "name")?;
            fields(client, ours, &["name"])
        }
        ("SubLink", "SubLink") => {
            qualified(client, ours, "oper_name")?;
            fields(client, ours, &["oper_name"])
        }
        ("WindowDef", "WindowDef") => window::window(client, ours),
        ("SelectStmt", "SelectStmt") => select(client, ours),
        ("JoinExpr", "JoinExpr") => {
            fields(client, ours, &["quals"])?;
            conditions(client.field("quals"), ours.field("quals"))
        }
        (_, "CaseExpr") => guarded(client, ours),
        _ => plain(client, ours),
    }
}

/// No insertion here; perhaps inside.
fn plain(client: &Tree, ours: &Tree) -> Same {
    match (client, ours) {
        (Tree::Node(kind, _), Tree::Node(also, _)) if kind == also => fields(client, ours, &[]),
        (Tree::List(items), Tree::List(others)) => list(items, others),
        (Tree::Nothing, Tree::Nothing) => Ok(()),
        (Tree::Bool(value), Tree::Bool(other)) if value == other => Ok(()),
        (Tree::Int(value), Tree::Int(other)) if value == other => Ok(()),
        (Tree::Text(value), Tree::Text(other)) if value == other => Ok(()),
        _ => part(client.kind()),
    }
}

fn list(items: &[Tree], others: &[Tree]) -> Same {
    if items.len() != others.len() {
        return part("the length of a list");
    }
    items.iter().zip(others).try_for_each(|(item, other)| walk(item, other))
}

/// All fields of two nodes of one kind, but for some.
fn fields(client: &Tree, ours: &Tree, except: &[&str]) -> Same {
    let (Tree::Node(kind, of_client), Tree::Node(_, of_ours)) = (client, ours) else { return part(client.kind()) };
    let rest = |name: &str| !except.contains(&name);
    for (name, value) in of_client.iter().filter(|(name, _)| rest(name)) {
        match ours.field(name) {
            Some(other) => walk(value, other)?,
            None => return part(&format!("{kind}.{name}")),
        }
    }
    match of_ours.iter().find(|(name, _)| rest(name) && client.field(name).is_none()) {
        Some((name, _)) => part(&format!("{kind}.{name}")),
        None => Ok(()),
    }
}

/// An optional part that both have or neither has.
fn optional(client: Option<&Tree>, ours: Option<&Tree>, at: &str) -> Same {
    match (client, ours) {
        (None, None) => Ok(()),
        (Some(client), Some(ours)) => walk(client, ours),
        _ => part(at),
    }
}

fn made_up(name: &str) -> bool {
    name.starts_with(OURS)
}

/// The alias of a relation: as the client wrote it, or the relation's name, or made up. Column aliases stay, but that names may be
/// given to columns among which some are told apart by made-up ones.
fn alias(client: &Tree, ours: &Tree, own_name: &str) -> Same {
    let columns = |alias: Option<&Tree>| alias.map_or(&[] as &[Tree], |alias| alias.list("colnames")).to_vec();
    let (given, printed) = (columns(client.field("alias")), columns(ours.field("alias")));
    let apart = |name: &Tree| name.kind() == "String" && made_up(name.text("sval"));
    let kept = given.len() <= printed.len() && given.iter().zip(&printed).all(|(old, new)| old == new || apart(new));
    if given != printed && !(kept && printed.iter().any(apart)) {
        return part("the column aliases of a relation");
    }
    alias_name(client, ours, own_name)
}

/// The name of an alias alone.
fn alias_name(client: &Tree, ours: &Tree, own_name: &str) -> Same {
    let (of_client, of_ours) = (client.field("alias"), ours.field("alias"));
    let name = |alias: Option<&Tree>| alias.map(|alias| alias.text("aliasname").to_owned());
    match (name(of_client), name(of_ours)) {
        (None, None) => Ok(()),
        (Some(_), None) => part("an alias"),
        (_, Some(new)) if made_up(&new) => Ok(()),
        (Some(old), Some(new)) if old == new => Ok(()),
        (None, Some(new)) if new == own_name => Ok(()),
        _ => part("an alias"),
    }
}

/// Insertion: a relation gains its schema and an alias; a database's name in front goes. `pg_temp` is written with its number.
fn relation(client: &Tree, ours: &Tree) -> Same {
    fields(client, ours, &["catalogname", "schemaname", "alias"])?;
    let schema = client.text("schemaname");
    let (database, new) = (client.text("catalogname"), ours.text("catalogname"));
    let printed = ours.text("schemaname");
    let temporary = schema == "pg_temp" && printed.strip_prefix("pg_temp_").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if !(new.is_empty() || new == database) || !(schema.is_empty() || schema == printed || temporary) {
        return part("a relation's schema");
    }
    alias(client, ours, client.text("relname"))
}

/// Insertion: a relation becomes a derived table, which is its veil or a view's definition. It is all pgveil's.
fn veiled_relation(client: &Tree, ours: &Tree) -> Same {
    if ours.field("lateral").is_some() || ours.field("alias").is_none() {
        return part("a veil");
    }
    alias(client, ours, client.text("relname"))
}

/// Insertion: a function in FROM gains an alias, its own name or a made-up one, and names for its columns.
fn table_function(client: &Tree, ours: &Tree) -> Same {
    fields(client, ours, &["alias"])?;
    let given = client.field("alias").map_or(&[] as &[Tree], |a| a.list("colnames"));
    let printed = ours.field("alias").map_or(&[] as &[Tree], |a| a.list("colnames"));
    if printed.get(..given.len()) != Some(given) {
        return part("the column aliases of a function");
    }
    let name = called(client).and_then(|call| call.names("funcname")).and_then(|names| names.last().map(|name| (*name).to_owned()));
    alias_name(client, ours, &name.unwrap_or_default())
}

/// Insertion: the one function that a veil stands for (`pg_show_all_settings`, by the view on it).
fn veiled_settings(client: &Tree, ours: &Tree) -> Same {
    const FUNCTION: &str = "pg_show_all_settings";
    let name = called(client).and_then(|call| call.names("funcname"));
    let plain = ["lateral", "ordinality", "is_rowsfrom", "coldeflist"].iter().all(|field| client.field(field).is_none());
    if !plain || !matches!(name.as_deref(), Some([FUNCTION] | ["pg_catalog", FUNCTION])) {
        return part("a function in FROM");
    }
    if ours.field("lateral").is_some() || ours.field("alias").is_none() {
        return part("a veil");
    }
    alias(client, ours, FUNCTION)
}

/// The call of a function in FROM.
fn called(client: &Tree) -> Option<&Tree> {
    match client.list("functions") {
        [Tree::List(items)] => items.first(),
        [Tree::Node("List", _)] => client.list("functions").first().and_then(|list| list.list("items").first()),
        _ => None,
    }
}

/// Insertion: a derived table without an alias gains a made-up one, or its alias is replaced by one.
fn derived_table(client: &Tree, ours: &Tree) -> Same {
    fields(client, ours, &["alias"])?;
    alias(client, ours, "")
}

/// Insertion: a column gains a qualifier, or its qualifiers are replaced by one alias; a column that a veil exports under a
/// made-up name takes that name. A database's name in front goes.
fn column(client: &Tree, ours: &Tree) -> Same {
    if client == ours {
        return Ok(());
    }
    match (client.list("fields"), ours.list("fields")) {
        // A table that is printed under a made-up name: its whole row.
        ([old], [new]) if old.kind() == "String" && new.kind() == "String" && made_up(new.text("sval")) => Ok(()),
        // A whole row is a column of a derived table.
        ([.., star], [qualifier, new]) if is_star(star) && qualifier.kind() == "String" && new.text("sval") == ROW => Ok(()),
        // `t.*` of a table that is printed under a made-up name.
        ([.., star], [qualifier, also]) if is_star(star) && is_star(also) && made_up(qualifier.text("sval")) => Ok(()),
        ([.., old], [qualifier, new] | [qualifier, _, new]) if qualifier.kind() == "String" => {
            let renamed = old.kind() == "String" && new.kind() == "String" && made_up(new.text("sval"));
            let (before, after) = (client.list("fields"), ours.list("fields"));
            let without_database = before.len() == 4 && before.get(1..) == Some(after);
            let three = after.len() == 3 && before.len() != 3 && !without_database;
            if (old == new || renamed) && !three { Ok(()) } else { part("a column") }
        }
        _ => part("a column"),
    }
}

fn is_star(field: &Tree) -> bool {
    matches!(field.kind(), "A_Star" | "AStar")
}

/// Insertion: a cast around a string constant.
fn typed_string(client: &Tree, ours: &Tree) -> Same {
    let is_string = client.field("val").is_some_and(|value| value.kind() == "String");
    match ours.field("arg") {
        Some(arg) if is_string && arg == client => Ok(()),
        _ => part("a constant"),
    }
}

/// Insertion: a function whose result is veiled becomes a NULL of its type.
fn veiled_function(client: &Tree, ours: &Tree) -> Same {
    let names = client.names("funcname").unwrap_or_default();
    let is_veiled = names.last().is_some_and(|name| functions::veiled(name).is_some());
    let is_null = ours.field("arg").is_some_and(|arg| arg.field("isnull") == Some(&Tree::Bool(true)));
    if is_veiled && is_null { Ok(()) } else { part("a function call") }
}

/// Insertion: a setting that is asked for by a name not known yet is only shown or set if its name is on a list.
fn guarded_function(client: &Tree, ours: &Tree) -> Same {
    let names = client.names("funcname").unwrap_or_default();
    let result = match ours.list("args") {
        [when] => when.field("result"),
        _ => None,
    };
    match result {
        Some(result) if names.last().is_some_and(|name| functions::setting_rule(name).is_some()) && ours.field("defresult").is_none() => {
            walk(client, result)
        }
        _ => part("a function call"),
    }
}

/// Insertion: the name of a function, type or operator gains a schema.
fn qualified(client: &Tree, ours: &Tree, field: &str) -> Same {
    match (client.list(field), ours.list(field)) {
        (old, new) if old == new => Ok(()),
        ([old], [schema, new]) if old == new && schema.kind() == "String" => Ok(()),
        _ => part(field),
    }
}

fn select(client: &Tree, ours: &Tree) -> Same {
    let same = unwrapped(client, ours, &[]);
    match same {
        Err(first) => wrapped(client, ours).map_err(|_| first),
        Ok(()) => Ok(()),
    }
}

/// Two SELECTs, field by field, without the fields of `moved`.
fn unwrapped(client: &Tree, ours: &Tree, moved: &[&str]) -> Same {
    let mut except = vec!["target_list", "sort_clause", "group_clause", "distinct_clause", "where_clause", "having_clause"];
    except.extend(moved);
    fields(client, ours, &except)?;
    tried_conditions(client.field("where_clause"), ours.field("where_clause"))?;
    conditions(client.field("having_clause"), ours.field("having_clause"))?;
    targets(client.list("target_list"), ours.list("target_list"))?;
    if !moved.contains(&"sort_clause") {
        ordered(client.list("sort_clause"), ours.list("sort_clause"), Items::Sort)?;
    }
    let (distinct, of_ours) = (client.list("distinct_clause"), ours.list("distinct_clause"));
    if distinct.len() != of_ours.len() {
        return part("DISTINCT");
    }
    ordered(distinct, of_ours, Items::Distinct)?;
    ordered(client.list("group_clause"), ours.list("group_clause"), Items::Group)
}

/// Insertion: a SELECT becomes the only FROM item of an outer SELECT of its columns, under an alias that begins `pgveil_q`. The
/// outer one may sort, and may take over LIMIT and OFFSET with the sort.
fn wrapped(client: &Tree, ours: &Tree) -> Same {
    const LIMIT: &[&str] = &["limit_offset", "limit_count", "limit_option"];
    let known = ["target_list", "from_clause", "sort_clause", "op", "limit_offset", "limit_count", "limit_option"];
    let Tree::Node(_, outer) = ours else { return part("SelectStmt") };
    let [from] = ours.list("from_clause") else { return part("SelectStmt.from_clause") };
    let ours_only = from.kind() == "RangeSubselect"
        && from.field("lateral").is_none()
        && from.field("alias").is_some_and(|alias| alias.text("aliasname").starts_with(WRAP));
    let plain = ours.list("target_list").iter().all(|target| target.field("val").is_some_and(|value| value.kind() == "ColumnRef"));
    // SETOP_NONE is the default of `op` in meaning, though not in number.
    let no_operation = ours.field("op") == Some(&Tree::Int(1)) && ours.field("larg").is_none();
    let nothing_else = outer.iter().all(|(name, _)| known.contains(name));
    let Some(inner) = from.field("subquery").filter(|_| ours_only && plain && no_operation && nothing_else) else {
        return part("SelectStmt");
    };
    // A sort that is not inside any more has to be outside, by the same number of items or more.
    if inner.list("sort_clause").is_empty() && ours.list("sort_clause").len() < client.list("sort_clause").len() {
        return part("SelectStmt.sort_clause");
    }
    let limit_of = |select: &Tree| LIMIT.iter().any(|name| *name != "limit_option" && select.field(name).is_some());
    if limit_of(ours) {
        // LIMIT moved out, and the sort with it.
        if limit_of(inner) {
            return part("SelectStmt.limit_count");
        }
        for name in LIMIT {
            optional(client.field(name), ours.field(name), name)?;
        }
        if !inner.list("sort_clause").is_empty() {
            ordered(client.list("sort_clause"), inner.list("sort_clause"), Items::Sort)?;
        }
        unwrapped(client, inner, &["sort_clause", "limit_offset", "limit_count", "limit_option"])
    } else if !limit_of(client) && inner.list("sort_clause").is_empty() {
        unwrapped(client, inner, &["sort_clause"])
    } else {
        walk(client, inner)
    }
}

/// Insertion: a star becomes columns; a target gains an output name.
fn targets(client: &[Tree], ours: &[Tree]) -> Same {
    // The places in `ours` that the targets so far may reach up to.
    let mut reached = vec![0];
    for target in client {
        let star = target.field("val").filter(|value| matches!(value.kind(), "ColumnRef" | "AIndirection" | "A_Indirection")).is_some_and(
            |value| {
                [value.list("fields"), value.list("indirection")]
                    .iter()
                    .find_map(|steps| steps.last())
                    .is_some_and(|field| matches!(field.kind(), "A_Star" | "AStar"))
            },
        );
        let mut next = Vec::new();
        for at in reached {
            let rest = ours.get(at..).unwrap_or(&[]);
            if star {
                let is_column = |tree: &Tree| tree.kind() == "ColumnRef";
                let one = |value: &Tree| is_column(value) || picked_of(value, &is_column).is_ok();
                let run = rest.iter().take_while(|new| new.field("val").is_some_and(one)).count();
                next.extend(at..=at + run);
            }
            if rest.first().is_some_and(|new| self::target(target, new).is_ok()) {
                next.push(at + 1);
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    if reached.contains(&ours.len()) { Ok(()) } else { part("SelectStmt.target_list") }
}

fn target(client: &Tree, ours: &Tree) -> Same {
    if client.kind() != "ResTarget" || ours.kind() != "ResTarget" {
        return walk(client, ours);
    }
    let (old, new) = (client.text("name"), ours.text("name"));
    if !old.is_empty() && old != new {
        return part("an output's name");
    }
    fields(client, ours, &["name"])
}

#[derive(Clone, Copy, PartialEq)]
enum Items {
    Sort,
    Group,
    Distinct,
}

/// Insertion: items behind those of an ORDER BY or GROUP BY.
fn ordered(client: &[Tree], ours: &[Tree], items: Items) -> Same {
    let Some(first) = ours.get(..client.len()) else { return part("an ORDER BY or GROUP BY") };
    client.iter().zip(first).try_for_each(|(old, new)| match items {
        Items::Group => walk(old, new),
        Items::Distinct => walk(old, new).or_else(|first| keyed(old, new).map_err(|_| first)),
        Items::Sort => walk(old, new).or_else(|first| sort_item(old, new).map_err(|_| first)),
    })
}

#[cfg(test)]
mod tests;
