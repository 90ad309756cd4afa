//! What was protected stays so: classes and row filters stick to (OID, attribute number) once they have been seen.
//!
//! A policy names columns by patterns; a column that is renamed, a table that moves, a partition that is detached would fall out of
//! them while its values are what they were. What an earlier catalog gave therefore goes on, beside what the patterns give now. It lasts
//! as long as the process.

use std::collections::{BTreeMap, HashMap};

use super::protection::Protection;
use super::{Policy, Role};
use crate::catalog::{Catalog, Oid};

/// What earlier catalogs of one database gave under a policy. A pure value: what comes next is [`Known::and`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// Class by column.
    classes: HashMap<(Oid, i16), String>,
    /// By role: columns that were protected without a class, with the rule.
    unclassed: HashMap<String, HashMap<(Oid, i16), String>>,
    /// By role: relations that a row filter was on, with the filter's pattern and the names that its columns had.
    rows: HashMap<String, HashMap<Oid, Rows>>,
}

/// Row filters that a relation had.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rows {
    patterns: Vec<String>,
    columns: BTreeMap<i16, String>,
}

impl Known {
    /// Nothing has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.unclassed.is_empty() && self.rows.is_empty()
    }

    /// The class that a column had.
    pub(super) fn class(&self, relation: Oid, attribute: i16) -> Option<&str> {
        self.classes.get(&(relation, attribute)).map(String::as_str)
    }

    /// The rule by which a column without a class was protected for a role.
    pub(super) fn unclassed(&self, role: &Role, relation: Oid, attribute: i16) -> Option<&str> {
        self.unclassed.get(&role.name)?.get(&(relation, attribute)).map(String::as_str)
    }

    /// Whether the rule of that pattern was on a relation.
    pub(super) fn had_filter(&self, role: &Role, relation: Oid, pattern: &str) -> bool {
        self.rows.get(&role.name).and_then(|r| r.get(&relation)).is_some_and(|r| r.patterns.iter().any(|p| p == pattern))
    }

    /// A column that a filter of the relation may read has another name than it had, or its name is another column's: what it is called
    /// now.
    pub(super) fn renamed(&self, role: &Role, catalog: &Catalog, relation: Oid, filter: &str) -> Option<String> {
        let before = &self.rows.get(&role.name)?.get(&relation)?.columns;
        let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let read = |name: &str| {
            // A quoted name may hold anything.
            let plain = name.chars().all(part_of_a_name);
            !plain && filter.contains(name) || filter.split(|c| !part_of_a_name(c)).any(|word| word.eq_ignore_ascii_case(name))
        };
        let now = catalog.relations.get(&relation)?;
        before.iter().find_map(|(number, name)| {
            let is = now.attribute(*number).map(|c| c.name.as_str());
            let taken = now.column(name).is_some_and(|c| c.number != *number);
            (read(name) && (is != Some(name) || taken)).then(|| is.unwrap_or("a dropped column").to_owned())
        })
    }

    /// With what `protections`, one for each role, are on `catalog`.
    #[must_use]
    pub fn and<'p>(mut self, policy: &Policy, catalog: &Catalog, protections: impl Iterator<Item = (&'p str, &'p Protection)>) -> Known {
        for (name, protection) in protections {
            let Some(role) = policy.roles.get(name) else { continue };
            for (oid, guard) in protection.guards() {
                for (number, treatment) in &guard.columns {
                    match &treatment.class {
                        Some(class) => drop(self.classes.entry((oid, *number)).or_insert_with(|| class.clone())),
                        None => {
                            let of_role = self.unclassed.entry(role.name.clone()).or_default();
                            of_role.entry((oid, *number)).or_insert_with(|| treatment.rule.clone());
                        }
                    }
                }
                if guard.filters.is_empty() {
                    continue;
                }
                let rows = self.rows.entry(role.name.clone()).or_default().entry(oid).or_default();
                for filter in &guard.filters {
                    if !rows.patterns.contains(&filter.relation) {
                        rows.patterns.push(filter.relation.clone());
                    }
                }
                for column in catalog.relations.get(&oid).map(|r| r.columns.as_slice()).unwrap_or_default() {
                    rows.columns.entry(column.number).or_insert_with(|| column.name.clone());
                }
            }
        }
        self
    }
}
