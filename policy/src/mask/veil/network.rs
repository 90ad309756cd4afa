//! Masks of network addresses.

use super::{column_as, finish, op};
use crate::catalog::ColumnType;

/// The network of an address; one that is a wider network already stays, without bits to the right of its mask.
pub fn network(v4: u8, v6: u8, column: &str, ty: &ColumnType) -> String {
    let value = column_as(column, "inet", ty);
    let bits = format!("CASE WHEN {} THEN {v4} ELSE {v6} END", op(&format!("pg_catalog.family({value})"), "=", "4"));
    let cut = format!(
        "CASE WHEN {} THEN pg_catalog.set_masklen({value}, {bits}) ELSE {value} END",
        op(&format!("pg_catalog.masklen({value})"), ">", &format!("({bits})"))
    );
    finish(&format!("pg_catalog.network({cut})"), ty)
}
