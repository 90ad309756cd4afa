//! The SQL by which values are sampled.

use super::name;
use crate::catalog::{BaseType, Column, Relation, RelationKind};
use crate::mask::veil::identifier;

/// Rows that are looked at, at most.
pub const ROWS: u32 = 400;

/// Characters of a value that are looked at, at most.
const LENGTH: u32 = 400;

/// Pages of a table that are read, about.
const PAGES: f64 = 100.0;

/// A query whose rows are samples, and the columns that it reads, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// One statement, of columns of text.
    pub sql: String,
    /// Attribute numbers.
    pub columns: Vec<i16>,
}

/// The question for a relation's values; `None` where there is nothing to look at. `pages`: `relpages`, as far as is known.
///
/// Large tables are sampled by pages (TABLESAMPLE SYSTEM), always the same ones.
pub fn query(relation: &Relation, pages: f64) -> Option<Query> {
    let samples = match relation.kind {
        RelationKind::Table | RelationKind::Partitioned | RelationKind::MaterializedView => pages > PAGES,
        RelationKind::Foreign => false,
        RelationKind::View | RelationKind::Sequence => return None,
    };
    let columns: Vec<&Column> = relation.columns.iter().filter(|column| tells(column)).collect();
    if columns.is_empty() {
        return None;
    }
    let values: Vec<String> =
        columns.iter().map(|c| format!("pg_catalog.left(CAST({} AS pg_catalog.text), {LENGTH})", identifier(&c.name))).collect();
    let from = format!("{}.{}", identifier(&relation.schema), identifier(&relation.name));
    let sample = match samples {
        true => format!(" TABLESAMPLE SYSTEM ({:.4}) REPEATABLE (0)", (PAGES / pages * 100.0).clamp(0.0001, 100.0)),
        false => String::new(),
    };
    let sql = format!("SELECT {} FROM {from}{sample} LIMIT {ROWS}", values.join(", "));
    Some(Query { sql, columns: columns.iter().map(|c| c.number).collect() })
}

/// Its values say something that its name and type do not.
fn tells(column: &Column) -> bool {
    match column.data_type.base {
        BaseType::Text | BaseType::Varchar | BaseType::Bpchar | BaseType::Citext | BaseType::Json | BaseType::Jsonb | BaseType::Array => {
            true
        }
        BaseType::Int8 | BaseType::Numeric => true,
        BaseType::Int4 => !name::words(&column.name).iter().any(|word| word == "id"),
        BaseType::Uuid
        | BaseType::Int2
        | BaseType::Float4
        | BaseType::Float8
        | BaseType::Bool
        | BaseType::Date
        | BaseType::Timestamp
        | BaseType::Timestamptz
        | BaseType::Inet
        | BaseType::Cidr
        | BaseType::Bytea
        | BaseType::Enum
        | BaseType::Composite
        | BaseType::Other => false,
    }
}
