//! What was protected stays so: classes and row filters stick to (OID, attribute number) once they have been seen.
//!
//! A policy names columns by patterns; a column that is renamed, a table that moves, a partition that is detached would fall out of
//! them while its values are what they were. What an earlier catalog gave therefore goes on, beside what the patterns give now. It lasts
//! as long as the process. What another policy changes in it: see [`Known::under`].

mod under;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::lock::{Accepted, Lock};
use super::protection::{Ground, Guard, Protection, Treatment};
use super::{Policy, Role};
use crate::catalog::{Catalog, Oid};

/// What earlier catalogs of one database gave under a policy. A pure value: what comes next is [`Known::and`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// Class by column.
    classes: HashMap<(Oid, i16), Classed>,
    /// By role: columns that were protected without a class.
    unclassed: HashMap<String, HashMap<(Oid, i16), Unclassed>>,
    /// By role: relations that a row filter was on, with the filter's pattern and the names that its columns had.
    rows: HashMap<String, HashMap<Oid, Rows>>,
    /// What all sessions know, where this is what one of them knows beside it.
    shared: Option<Arc<Known>>,
    /// What the lock file says of the database, where there is one.
    accepted: Option<Arc<Accepted>>,
}

/// The class that a column had.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classed {
    pub class: String,
    /// The name that a pattern of the class matched: see [`Ground::Name`].
    pub by: Arc<[String; 3]>,
}

/// A column that was protected without a class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unclassed {
    pub rule: String,
    /// It was computed from protected ones.
    pub derived: bool,
}

/// Row filters that a relation had.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rows {
    patterns: Vec<String>,
    columns: BTreeMap<i16, String>,
    /// Patterns of rules that a later policy has not, though no rule of it is about the relation as it is called now.
    lost: Vec<String>,
}

impl Known {
    /// Nothing has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.unclassed.is_empty() && self.rows.is_empty() && self.shared.as_ref().is_none_or(|s| s.is_empty())
    }

    /// The same beside what all sessions know.
    #[must_use]
    pub fn beside(mut self, shared: Arc<Known>) -> Known {
        self.shared = Some(shared);
        self
    }

    /// What this is beside what all sessions know, of the relations that `of` says.
    #[must_use]
    pub fn own(&self, of: impl Fn(Oid) -> bool) -> Known {
        Known {
            classes: self.classes.iter().filter(|((oid, _), _)| of(*oid)).map(|(c, class)| (*c, class.clone())).collect(),
            unclassed: self
                .unclassed
                .iter()
                .map(|(role, columns)| {
                    let columns = columns.iter().filter(|((oid, _), _)| of(*oid));
                    (role.clone(), columns.map(|(column, rule)| (*column, rule.clone())).collect())
                })
                .collect(),
            rows: self
                .rows
                .iter()
                .map(|(role, rows)| {
                    let rows = rows.iter().filter(|(oid, _)| of(**oid));
                    (role.clone(), rows.map(|(oid, rows)| (*oid, rows.clone())).collect())
                })
                .collect(),
            shared: None,
            accepted: None,
        }
    }

    /// With what a session has learned.
    #[must_use]
    pub fn learned(mut self, other: Known) -> Known {
        for (column, class) in other.classes {
            self.classes.entry(column).or_insert(class);
        }
        for (role, columns) in other.unclassed {
            let of_role = self.unclassed.entry(role).or_default();
            for (column, rule) in columns {
                of_role.entry(column).or_insert(rule);
            }
        }
        for (role, rows) in other.rows {
            let of_role = self.rows.entry(role).or_default();
            for (oid, rows) in rows {
                of_role.entry(oid).or_insert(rows);
            }
        }
        self
    }

    /// With what the lock file says of the database. `changed`: it says something else than before, so that what it accepts now counts,
    /// and not what was known of that.
    #[must_use]
    pub fn locked(mut self, lock: &Lock, changed: bool, identity: &str, catalog: &Catalog, policy: &Policy) -> Known {
        let accepted = lock.accepted(identity, &catalog.database);
        if changed {
            let is_new = |(oid, number): &(Oid, i16)| {
                let relation = catalog.relations.get(oid);
                relation.and_then(|r| Some((r, r.attribute(*number)?))).is_none_or(|(relation, column)| accepted.is_new(relation, column))
            };
            self.classes.retain(|column, _| is_new(column));
            self.unclassed.values_mut().for_each(|of_role| of_role.retain(|column, _| is_new(column)));
        }
        self.see_locked(&accepted, catalog, policy);
        self.accepted = Some(Arc::new(accepted));
        self
    }

    /// Without a lock file.
    #[must_use]
    pub fn unlocked(mut self) -> Known {
        self.accepted = None;
        self
    }

    /// What the lock file says of the database.
    pub(super) fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_deref().or_else(|| self.shared.as_ref()?.accepted())
    }

    /// The class that a column had.
    pub(super) fn class(&self, relation: Oid, attribute: i16) -> Option<&Classed> {
        let shared = || self.shared.as_ref()?.class(relation, attribute);
        self.classes.get(&(relation, attribute)).or_else(shared)
    }

    /// The rule by which a column without a class was protected for a role.
    pub(super) fn unclassed(&self, role: &Role, relation: Oid, attribute: i16) -> Option<&Unclassed> {
        let own = self.unclassed.get(&role.name).and_then(|of_role| of_role.get(&(relation, attribute)));
        own.or_else(|| self.shared.as_ref()?.unclassed(role, relation, attribute))
    }

    /// Whether the rule of that pattern was on a relation.
    pub(super) fn had_filter(&self, role: &Role, relation: Oid, pattern: &str) -> bool {
        self.rows.get(&role.name).and_then(|r| r.get(&relation)).is_some_and(|r| r.patterns.iter().any(|p| p == pattern))
            || self.shared.as_ref().is_some_and(|s| s.had_filter(role, relation, pattern))
    }

    /// The pattern of a row filter that a relation had, and that another policy has lost sight of.
    pub(super) fn lost_filter(&self, role: &Role, relation: Oid) -> Option<&str> {
        let own = self.rows.get(&role.name).and_then(|r| r.get(&relation)).and_then(|r| r.lost.first()).map(String::as_str);
        own.or_else(|| self.shared.as_ref()?.lost_filter(role, relation))
    }

    /// A column that a filter of the relation may read has another name than it had, or its name is another column's: what it is called
    /// now.
    pub(super) fn renamed(&self, role: &Role, catalog: &Catalog, relation: Oid, filter: &str) -> Option<String> {
        // What was seen first counts.
        if let Some(shared) = &self.shared
            && shared.rows.get(&role.name).is_some_and(|r| r.contains_key(&relation))
        {
            return shared.renamed(role, catalog, relation, filter);
        }
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
            for (oid, guard) in protection.guards() {
                self.see(policy, catalog, name, oid, guard);
            }
        }
        self
    }

    /// With what one role's protection says of these relations.
    #[must_use]
    pub fn and_of(mut self, policy: &Policy, catalog: &Catalog, relations: &HashSet<Oid>, role: &str, protection: &Protection) -> Known {
        for (oid, guard) in relations.iter().filter_map(|oid| Some((*oid, protection.guard(*oid)?))) {
            self.see(policy, catalog, role, oid, guard);
        }
        self
    }

    fn see(&mut self, policy: &Policy, catalog: &Catalog, role: &str, oid: Oid, guard: &Guard) {
        let Some(role) = policy.roles.get(role) else { return };
        for (number, treatment) in &guard.columns {
            match (&treatment.class, &treatment.ground) {
                (Some(class), Ground::Name(by)) => {
                    self.classes.entry((oid, *number)).or_insert_with(|| Classed { class: class.clone(), by: Arc::clone(by) });
                }
                (_, ground) => {
                    let of_role = self.unclassed.entry(role.name.clone()).or_default();
                    let derived = *ground != Ground::Unclassified;
                    of_role.entry((oid, *number)).or_insert_with(|| Unclassed { rule: treatment.rule.clone(), derived });
                }
            }
        }
        let reads = |treatment: &Treatment| treatment.class.as_ref().is_some_and(|class| role.mask_reads(class).is_some());
        if guard.filters.is_empty() && !guard.columns.values().any(reads) {
            return;
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
