//! WITH RECURSIVE: which query of it is judged first, and what Postgres does not do in one.

use std::collections::BTreeSet;

use sqlparser::ast::{LimitClause, Query, With};

use super::query::mentions;
use crate::{Refusal, SqlState};

/// The order in which the queries of a WITH are judged: each after those that it reads. In WITH RECURSIVE it may read later ones.
pub(crate) fn judging_order(with: &With) -> Result<Vec<usize>, Refusal> {
    let count = with.cte_tables.len();
    if !with.recursive {
        return Ok((0..count).collect());
    }
    let mut names: BTreeSet<&str> = BTreeSet::new();
    if let Some(twice) = with.cte_tables.iter().map(|c| c.alias.name.value.as_str()).find(|name| !names.insert(name)) {
        let message = format!("WITH query name \"{twice}\" specified more than once");
        return Err(Refusal::new(SqlState::DUPLICATE_ALIAS, "name.duplicate", message));
    }
    let reads = |reader: usize, read: usize| {
        let name = with.cte_tables.get(read).map(|c| c.alias.name.value.as_str()).unwrap_or_default();
        reader != read && with.cte_tables.get(reader).is_some_and(|c| mentions(&c.query, name))
    };
    let mut order: Vec<usize> = Vec::new();
    while order.len() < count {
        let ready = |index: &usize| !order.contains(index) && (0..count).all(|other| order.contains(&other) || !reads(*index, other));
        match (0..count).find(ready) {
            Some(next) => order.push(next),
            None => {
                return Err(Refusal::new(
                    SqlState::UNSUPPORTED,
                    "query.mutual_recursion",
                    "mutual recursion between WITH items is not implemented",
                )
                .with_hint("Give the queries of WITH names that nothing inside them has."));
            }
        }
    }
    Ok(order)
}

/// How many recursive queries may stand in one another's arms: each judges its arms up to three times.
const NESTED: usize = 6;

/// One recursive query more, in the arm of another.
pub(crate) fn deeper(recursions: usize) -> Result<usize, Refusal> {
    if recursions >= NESTED {
        let message = format!("more than {NESTED} recursive queries inside one another are not read by pgveil");
        return Err(Refusal::new(SqlState::TOO_COMPLEX, "query.recursive", message).with_hint("Put them beside one another in one WITH."));
    }
    Ok(recursions.saturating_add(1))
}

/// Clauses that Postgres refuses in a recursive query.
pub(crate) fn no_order(query: &Query) -> Result<(), Refusal> {
    let clause = match &query.limit_clause {
        _ if query.order_by.is_some() => "ORDER BY",
        Some(LimitClause::LimitOffset { limit: None, offset: Some(_), .. }) => "OFFSET",
        Some(_) => "LIMIT",
        None if query.fetch.is_some() => "LIMIT",
        None if !query.locks.is_empty() => "FOR UPDATE/SHARE",
        None => return Ok(()),
    };
    let message = format!("{clause} in a recursive query is not implemented");
    Err(Refusal::new(SqlState::UNSUPPORTED, "query.recursive", message)
        .with_hint("Write it behind the query that reads the recursive one."))
}
