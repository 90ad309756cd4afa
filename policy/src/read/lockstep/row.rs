//! Insertions about whole rows, and what is picked out of them.

use super::{ROW, Same, Tree, is_star, list, made_up, part, plain, walk};

/// Insertion: a field of a whole row becomes the column that it is: `(c).city` is `c.city`.
pub(super) fn row_field(client: &Tree, ours: &Tree) -> Same {
    let same = if ours.kind() == client.kind() { plain(client, ours) } else { part("a field") };
    let (Some(row), [field, rest @ ..]) = (client.field("arg"), client.list("indirection")) else { return same };
    let is_row = row.kind() == "ColumnRef" && field.kind() == "String";
    let is_field = |column: &Tree| column.kind() == "ColumnRef" && column.list("fields").last() == Some(field);
    same.or_else(|first| match rest {
        _ if !is_row => Err(first),
        [] if is_field(ours) && ours.list("fields").len() == 2 => Ok(()),
        // A column that hangs on a grouped key.
        [] if ours.kind() == client.kind() => picked_of(ours, &is_field),
        [_, ..] if ours.kind() == client.kind() && ours.field("arg").is_some_and(is_field) => list(rest, ours.list("indirection")),
        _ => Err(first),
    })
}

/// Insertion: `city(c)` becomes the column that it is, `c.city`.
pub(super) fn functional_column(client: &Tree, ours: &Tree) -> Same {
    let name = client.names("funcname").and_then(|names| names.last().map(|n| (*n).to_owned()));
    let of_row = matches!(client.list("args"), [only] if only.kind() == "ColumnRef");
    match ours.list("fields") {
        [_, field] if of_row && name.is_some_and(|n| field.text("sval") == n) => Ok(()),
        _ => part("a function call"),
    }
}

/// Insertion: `c.row_to_json` becomes the call that it is, of the whole row.
pub(super) fn attribute_call(client: &Tree, ours: &Tree) -> Same {
    let [row, name] = client.list("fields") else { return part("a column") };
    let called = ours.names("funcname").and_then(|names| names.last().map(|n| (*n).to_owned()));
    let of_row = match ours.list("args") {
        [only] if only.kind() == "ColumnRef" => match only.list("fields") {
            [also] => also == row || made_up(also.text("sval")),
            [qualifier, column] => (qualifier == row || made_up(qualifier.text("sval"))) && column.text("sval") == ROW,
            _ => false,
        },
        _ => false,
    };
    let plain = ["over", "agg_filter"].iter().all(|name| ours.field(name).is_none());
    if of_row && plain && called.is_some_and(|n| name.text("sval") == n) { Ok(()) } else { part("a column") }
}

/// Insertion: a column that hangs on a grouped key becomes the first of its values in the group: `(array_agg(c.doc))[1]`.
pub(super) fn picked(client: &Tree, ours: &Tree) -> Same {
    picked_of(ours, &|column: &Tree| walk(client, column).is_ok())
}

pub(super) fn picked_of(ours: &Tree, fits: &dyn Fn(&Tree) -> bool) -> Same {
    let first = match ours.list("indirection") {
        [index] => index.field("is_slice").is_none() && index.field("lidx").is_none() && index.field("uidx").is_some_and(is_one),
        _ => false,
    };
    let call = ours.field("arg").filter(|arg| arg.names("funcname").as_deref() == Some(&["pg_catalog", "array_agg"]));
    match call.map(|call| call.list("args")) {
        Some([only]) if first && only.kind() == "ColumnRef" && fits(only) => Ok(()),
        _ => part("a column"),
    }
}

pub(super) fn is_one(tree: &Tree) -> bool {
    tree.field("val").and_then(|value| value.field("ival")) == Some(&Tree::Int(1))
}

/// Insertion: `t.*` inside ROW(…) becomes columns.
pub(super) fn starred(client: &[Tree], ours: &[Tree]) -> Same {
    let mut reached = vec![0];
    for arg in client {
        let star = arg.kind() == "ColumnRef" && arg.list("fields").last().is_some_and(is_star);
        let mut next = Vec::new();
        for at in reached {
            let rest = ours.get(at..).unwrap_or(&[]);
            if star {
                let run = rest.iter().take_while(|new| new.kind() == "ColumnRef").count();
                next.extend(at..=at + run);
            }
            if rest.first().is_some_and(|new| walk(arg, new).is_ok()) {
                next.push(at + 1);
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    if reached.contains(&ours.len()) { Ok(()) } else { part("a row") }
}
