//! What expressions of the policy's own hold, each by itself over one relation.

use std::sync::Arc;

use super::Judge;
use super::facts::Facts;
use crate::catalog::{Catalog, Oid, Relation};
use crate::mask::veil::identifier;
use crate::{Refusal, read};

/// What an expression that cannot fail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// A type of pg_catalog by its name; `text` for varchar too, `inet` for cidr.
    Type(&'static str),
    /// An enum.
    Enum(Oid),
    /// Constants without a type, NULL.
    Undecided,
}

/// What each expression over the relation holds; `None` where it may fail.
///
/// # Errors
/// What cannot be read, or names what is not there.
pub(crate) fn held_over(catalog: &Catalog, relation: Relation, expressions: &[String]) -> Result<Vec<Option<Held>>, Refusal> {
    let items: Vec<String> = expressions.iter().map(|e| format!("({e}\n)")).collect();
    let sql = format!("SELECT {} FROM {}.{}", items.join(", "), identifier(&relation.schema), identifier(&relation.name));
    let mut own = catalog.clone();
    own.insert(relation);
    let facts = Facts::of_the_policy(Arc::new(own));
    let path = ["pg_catalog".to_owned()];
    let mut query = (*read::query(&sql)?.ast).clone();
    let cols = Judge::new(&facts, &path, "policy", &sql).query(&mut query, None, false)?;
    Ok(cols.into_iter().map(|c| c.holds.map(|h| h.alone())).collect())
}
