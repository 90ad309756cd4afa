//! What stands for a sequence where rows are hidden from the role.
//!
//! Where a sequence has got to counts rows, hidden ones too, and any table's rows may have been numbered by it. So the role is shown the
//! state that it would be in if it had numbered what the role sees: the last number is the greatest of the visible ones in the column that it
//! belongs to. One that belongs to no column, or to a masked one, is shown as it was made. A masked dump restores it so that the next number is free.

use super::facts::Facts;
use super::stand_in::quote;
use crate::catalog::{BaseType, Relation, RelationKind};

/// The sequence as a view; `None` where nothing is known of it.
pub(super) fn definition(facts: &Facts, sequence: &Relation) -> Option<Relation> {
    let known = facts.catalog.sequences.get(&sequence.oid)?;
    let counted = known.owner.and_then(|(oid, number)| {
        let table = facts.catalog.relations.get(&oid)?;
        let column = table.attribute(number)?;
        let clear = facts.guard(oid).is_none_or(|guard| guard.unfit.is_none() && !guard.columns.contains_key(&number));
        let counts = matches!(column.data_type.base, BaseType::Int2 | BaseType::Int4 | BaseType::Int8);
        let rows = matches!(table.kind, RelationKind::Table | RelationKind::Partitioned);
        (clear && counts && rows).then_some((table, column))
    });
    // The columns of a sequence are int8, int8 and bool.
    let sql = match counted {
        None => format!(
            "SELECT CAST('{}' AS pg_catalog.int8) AS last_value, CAST('0' AS pg_catalog.int8) AS log_cnt, false AS is_called",
            known.start
        ),
        Some((table, column)) => {
            let last = format!(
                "CAST(pg_catalog.{}({}) AS pg_catalog.int8)",
                if known.descends { "min" } else { "max" },
                format_args!("t.{}", quote(&column.name))
            );
            format!(
                "SELECT coalesce({last}, CAST('{}' AS pg_catalog.int8)) AS last_value, CAST('0' AS pg_catalog.int8) AS log_cnt, \
                 {last} IS NOT NULL AS is_called FROM {}.{} AS t",
                known.start,
                quote(&table.schema),
                quote(&table.name)
            )
        }
    };
    Some(Relation {
        kind: RelationKind::View,
        definition: Some(sql),
        reads: counted.map(|(table, _)| table.oid).into_iter().collect(),
        ..sequence.clone()
    })
}
