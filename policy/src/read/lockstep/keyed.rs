//! Insertions of the keyed order, by which sealed values are sorted.

use super::{Difference, Same, Tree, fields, ordered, part, qualified, walk};

/// Insertion: an item of an ORDER BY becomes a keyed order of itself, a call of pg_catalog.sha256 that contains it; or, from the
/// number of an output, the column or its keyed order.
pub(super) fn sort_item(client: &Tree, ours: &Tree) -> Same {
    if client.kind() != "SortBy" || ours.kind() != "SortBy" {
        return part("SortBy");
    }
    fields(client, ours, &["node"])?;
    let (Some(old), Some(new)) = (client.field("node"), ours.field("node")) else { return part("SortBy.node") };
    let number = old.field("val").is_some_and(|value| value.kind() == "Integer");
    if number && new.kind() == "ColumnRef" { Ok(()) } else { keyed(old, new) }
}

/// Insertion: an expression becomes a keyed order of itself. A number or a name alone may mean a column of the select list, so
/// that it is the expression behind it that is found.
pub(super) fn keyed(old: &Tree, new: &Tree) -> Same {
    let number = old.field("val").is_some_and(|value| value.kind() == "Integer");
    let name = old.kind() == "ColumnRef" && old.list("fields").len() == 1;
    let fits = |tree: &Tree| if number || name { tree.kind() == "ColumnRef" } else { walk(old, tree).is_ok() };
    // Of an array: the digests of its elements.
    let result = match new.list("args") {
        [when] if new.kind() == "CaseExpr" => when.field("result").and_then(|result| result.field("lexpr")),
        _ => None,
    };
    let of_elements = result.filter(|r| r.kind() == "SubLink").and_then(|r| r.field("subselect")).map(|s| s.list("target_list"));
    let is_array_key = matches!(of_elements, Some([only]) if only.field("val").is_some_and(|v| called(v, "sha256")));
    let is_keyed = called(new, "sha256") || is_array_key;
    if is_keyed && contains(new, &fits) { Ok(()) } else { part("a sort key") }
}

pub(super) fn contains(tree: &Tree, fits: &impl Fn(&Tree) -> bool) -> bool {
    let inside = match tree {
        Tree::Node(_, fields) => fields.iter().any(|(_, value)| contains(value, fits)),
        Tree::List(items) => items.iter().any(|item| contains(item, fits)),
        Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) => false,
    };
    inside || fits(tree)
}

/// Insertion: `max(x)`, `mode()` or `greatest(x, y)` goes by a digest and cuts the value behind it out again:
/// `CAST(pg_catalog.substr(max(digest || x), 65) AS type) COLLATE …`.
pub(super) fn extremum(client: &Tree, ours: &Tree) -> Same {
    let cast = if ours.kind() == "CollateClause" { ours.field("arg") } else { Some(ours) };
    let cut = cast.filter(|c| c.kind() == "TypeCast").and_then(|c| c.field("arg")).filter(|f| called(f, "substr"));
    let Some([inner, from]) = cut.map(|cut| cut.list("args")) else { return part("a keyed call") };
    if from.field("val").and_then(|v| v.field("ival")) != Some(&Tree::Int(65)) || client.kind() != inner.kind() {
        return part("a keyed call");
    }
    fields(client, inner, &["funcname", "args", "agg_order"])?;
    if client.kind() == "FuncCall" {
        qualified(client, inner, "funcname")?;
    }
    pairs(client.list("args"), inner.list("args"))?;
    let (sorts, of_ours) = (client.list("agg_order"), inner.list("agg_order"));
    if client.field("agg_within_group") == Some(&Tree::Bool(true)) {
        let nodes = |items: &[Tree]| items.iter().filter_map(|i| i.field("node").cloned()).collect::<Vec<_>>();
        sorts.iter().zip(of_ours).try_for_each(|(old, new)| fields(old, new, &["node"]))?;
        pairs(&nodes(sorts), &nodes(of_ours))
    } else {
        ordered(sorts, of_ours, super::Items::Sort)
    }
}

/// `(digest || x) COLLATE "C"` for each x.
fn pairs(client: &[Tree], ours: &[Tree]) -> Same {
    if client.len() != ours.len() {
        return part("a keyed call");
    }
    client.iter().zip(ours).try_for_each(|(old, new)| {
        let sides = new.field("arg").filter(|_| new.kind() == "CollateClause").map(|concat| (concat.field("lexpr"), concat.field("rexpr")));
        let Some((Some(digest), Some(value))) = sides else { return part("a keyed call") };
        let fits = |tree: &Tree| walk(old, tree).is_ok();
        let is_value = value.kind() == "TypeCast" && value.field("arg").is_some_and(fits);
        if called(digest, "encode") && contains(digest, &fits) && is_value { Ok(()) } else { part("a keyed call") }
    })
}

/// Insertion: `array_agg(DISTINCT x)` is taken apart and put together in keyed order:
/// `(SELECT pg_catalog.array_agg(u.x ORDER BY pg_catalog.sha256(…u.x…)) FROM pg_catalog.unnest(array_agg(DISTINCT x)) AS u(x))`.
pub(super) fn distinct_array(client: &Tree, ours: &Tree) -> Same {
    let fault = || Err(Difference("array_agg(DISTINCT)".to_owned()));
    let Some(select) = ours.field("subselect").filter(|_| ours.field("testexpr").is_none()) else { return fault() };
    let ([target], [from]) = (select.list("target_list"), select.list("from_clause")) else { return fault() };
    let known = ["target_list", "from_clause", "op", "limit_option"];
    let Tree::Node("SelectStmt", all) = select else { return fault() };
    let Some(again) = target.field("val").filter(|v| called(v, "array_agg")) else { return fault() };
    let ([element], [sort]) = (again.list("args"), again.list("agg_order")) else { return fault() };
    let digest = sort.field("node").filter(|n| called(n, "sha256"));
    let keyed = element.kind() == "ColumnRef" && digest.is_some_and(|d| contains(d, &|tree: &Tree| tree == element));
    let function = match from.list("functions") {
        [Tree::List(items)] => items.first(),
        [list] => list.list("items").first(),
        _ => None,
    };
    let Some([inner]) = function.filter(|f| called(f, "unnest")).map(|f| f.list("args")) else { return fault() };
    let apart = from.kind() == "RangeFunction" && from.field("lateral").is_none() && from.field("ordinality").is_none();
    let distinct = client.field("agg_distinct") == Some(&Tree::Bool(true)) && inner.kind() == "FuncCall";
    if !(keyed && apart && distinct && all.iter().all(|(name, _)| known.contains(name)) && client.list("agg_order").len() <= 1) {
        return fault();
    }
    qualified(client, inner, "funcname")?;
    fields(client, inner, &["funcname", "agg_order"])?;
    if inner.list("agg_order").is_empty() { Ok(()) } else { fault() }
}

fn called(tree: &Tree, name: &str) -> bool {
    tree.kind() == "FuncCall" && tree.names("funcname").as_deref() == Some(&["pg_catalog", name])
}
