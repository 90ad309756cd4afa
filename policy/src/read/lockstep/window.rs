//! Insertions into windows.

use super::{Items, Same, Tree, fields, keyed, ordered, part, walk};

/// Frames by their options (`FRAMEOPTION_*` of `parsenodes.h`): the default one, `RANGE UNBOUNDED PRECEDING`, and the same with BETWEEN.
const UP_TO_PEERS: [i64; 3] = [0x422, 0x423, 0x433];
/// `BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING` in RANGE and GROUPS.
const WHOLE: [i64; 2] = [0x133, 0x139];
/// The same in ROWS.
const WHOLE_ROWS: i64 = 0x135;

/// Insertion: items behind those of ORDER BY. A frame of all rows becomes one in ROWS; one that ends with the last row that is
/// equal to the present one does too, if the ORDER BY moves behind PARTITION BY.
pub(super) fn window(client: &Tree, ours: &Tree) -> Same {
    fields(client, ours, &["partition_clause", "order_clause", "frame_options"])?;
    let (partition, sort) = (client.list("partition_clause"), client.list("order_clause"));
    let (new_partition, new_sort) = (ours.list("partition_clause"), ours.list("order_clause"));
    let frame = options(client);
    let same_frame = frame == options(ours);
    let all_rows = options(ours) == WHOLE_ROWS && (WHOLE.contains(&frame) || sort.is_empty() && UP_TO_PEERS.contains(&frame));
    if same_frame || all_rows {
        return each(partition, new_partition).and_then(|()| ordered(sort, new_sort, Items::Sort));
    }
    if options(ours) != WHOLE_ROWS || !UP_TO_PEERS.contains(&frame) {
        return part("a window's frame");
    }
    let (Some(first), Some(moved)) = (new_partition.get(..partition.len()), new_partition.get(partition.len()..)) else {
        return part("PARTITION BY");
    };
    each(partition, first)?;
    if moved.len() != sort.len() {
        return part("PARTITION BY");
    }
    sort.iter().zip(moved).try_for_each(|(old, new)| match old.field("node") {
        Some(old) => walk(old, new).or_else(|first| keyed(old, new).map_err(|_| first)),
        None => part("SortBy"),
    })
}

fn options(window: &Tree) -> i64 {
    match window.field("frame_options") {
        Some(Tree::Int(options)) => *options,
        _ => 0,
    }
}

fn each(client: &[Tree], ours: &[Tree]) -> Same {
    if client.len() != ours.len() {
        return part("PARTITION BY");
    }
    client.iter().zip(ours).try_for_each(|(old, new)| walk(old, new))
}
