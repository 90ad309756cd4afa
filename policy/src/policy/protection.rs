//! What a policy means for one role on one database.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::faults::suggest;
use super::pattern::Pattern;
use super::{Known, Policy, PolicyError, Role};
use crate::catalog::{Catalog, Column, Oid, Shared};
pub use crate::mask::fit::Action;
use crate::mask::veil;

mod derive;
pub(super) mod family;

use derive::Derivation;
use family::Families;

/// What a policy means for one role on one database.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    guards: Shared<HashMap<Oid, Arc<Guard>>>,
    /// Patterns of classes of which the role sees pseudonyms.
    sealing: Arc<[(Pattern<3>, String)]>,
    empty: bool,
}

/// What is protected of one relation. Never empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guard {
    /// By attribute number. Columns that are not here are clear.
    pub columns: BTreeMap<i16, Treatment>,
    /// A row exists if all of these are true of it.
    pub filters: Vec<Filter>,
    /// It may not be read at all: why. What protected it no longer fits it.
    pub unfit: Option<String>,
}

/// What is done with a column, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Treatment {
    /// What is done.
    pub action: Action,
    /// The column's class; None where none names it.
    pub class: Option<String>,
    /// Why, as `policy.toml:31 (role analyst, class email)`.
    pub rule: String,
    /// By what the rule was found to hold for it.
    pub ground: Ground,
}

/// By what a rule was found to hold for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// A pattern of its class matches this name: schema, relation and column. It is its own, or that of a relative by partitioning or
    /// inheritance; where the class is one that it had before, the name is one of then.
    Name(Arc<[String; 3]>),
    /// No class names it.
    Unclassified,
    /// It is computed from protected ones, or was.
    Derived,
}

/// A row filter on a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// A condition over the relation's columns, as the policy's author wrote it.
    pub sql: String,
    /// Where it stands, as `policy.toml:44 (role analyst, rows of shop.customers)`.
    pub rule: String,
    /// The pattern of its rule, as the policy writes it.
    pub relation: String,
}

impl Protection {
    /// Holds a policy against a database, for one role.
    ///
    /// # Errors
    /// A role that the policy does not have; columns of two classes; masks that do not fit a column's type; row filters of
    /// a partition or inheritance child that its parent does not have. All of them, in the order of the policy.
    pub fn derive(policy: &Policy, catalog: &Catalog, role: &str) -> Result<Protection, Vec<PolicyError>> {
        Self::derive_on(policy, catalog, role, &Known::default())
    }

    /// The same on a later catalog of a database: what was protected stays so, whatever it is called now. Where something is known, no
    /// fault of the catalog's is an error: what does not fit is refused.
    ///
    /// # Errors
    /// As [`Protection::derive`] where nothing is known; else only a role that the policy does not have.
    pub fn derive_on(policy: &Policy, catalog: &Catalog, role: &str, known: &Known) -> Result<Protection, Vec<PolicyError>> {
        let Some(role) = policy.roles.get(role) else {
            let help = suggest(role, policy.roles.keys().map(String::as_str));
            let message = format!("the policy has no role `{role}`");
            return Err(vec![PolicyError { id: "role.unknown", file: policy.file.clone(), line: 0, column: 0, message, help: Some(help) }]);
        };
        // One that is read-only or has limits is not passed through untouched either: someone must hold it to that.
        if role.sees_everything(policy.unclassified) {
            return Ok(Protection { guards: Shared::default(), sealing: Arc::default(), empty: role.is_untouched(policy.unclassified) });
        }
        let mut derivation = Derivation {
            policy,
            catalog,
            whole: catalog,
            role,
            known,
            families: Families::of(catalog),
            tolerant: !known.is_empty(),
            unheld: Vec::new(),
            errors: Vec::new(),
        };
        let guards = derivation.guards();
        let mut errors = if known.is_empty() { derivation.errors } else { vec![] };
        errors.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let sealing = policy.classes.iter().filter(|class| role.masks.get(&class.name).is_some_and(|mask| mask.spec.seals()));
        let sealing = sealing.flat_map(|class| class.columns.iter().map(|(pattern, _)| (pattern.clone(), class.name.clone()))).collect();
        Ok(Protection { guards: guards_of(guards), sealing, empty: false })
    }

    /// The same on a session's own catalog, in which these relations differ: those of them that it has, with all that they inherit
    /// from and that inherits from them, are in `changed`. No fault of the catalog's is an error: what does not fit is refused.
    pub(crate) fn upon(&self, policy: &Policy, catalog: &Catalog, changed: &HashSet<Oid>, role: &Role, known: &Known) -> Protection {
        if role.sees_everything(policy.unclassified) {
            return self.clone();
        }
        let mut part = Catalog::default();
        for relation in changed.iter().filter_map(|oid| catalog.relations.get(oid)) {
            part.relations.insert(relation.oid, Arc::clone(relation));
        }
        let mut derivation = Derivation {
            policy,
            catalog: &part,
            whole: catalog,
            role,
            known,
            families: Families::of(&part),
            tolerant: true,
            unheld: Vec::new(),
            errors: Vec::new(),
        };
        let derived = derivation.guards();
        let mut other = self.clone();
        for oid in changed.iter().filter(|oid| self.guards.contains_key(oid)) {
            other.guards.remove(oid);
        }
        if !derived.is_empty() {
            other.guards.extend(derived.into_iter().map(|(oid, guard)| (oid, Arc::new(guard))));
        }
        other
    }

    /// The role is passed through untouched: no rule masks, refuses or filters anything for it, and it may write.
    ///
    /// It goes by the policy alone: a role with a mask that matches no column of the database yet has a protection.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Relations of which something is protected.
    pub(super) fn guards(&self) -> impl Iterator<Item = (Oid, &Guard)> {
        self.guards.iter().map(|(oid, guard)| (*oid, guard.as_ref()))
    }

    /// The same columns without any row filter.
    pub(crate) fn unfiltered(&self) -> Protection {
        let unfiltered = |guard: &Guard| Guard { columns: guard.columns.clone(), filters: vec![], unfit: None };
        let guards = guards_of(self.guards.iter().map(|(oid, guard)| (*oid, unfiltered(guard))));
        Protection { guards, sealing: Arc::clone(&self.sealing), empty: self.empty }
    }

    /// The same with the columns of these classes redacted, where they are pseudonymised.
    pub fn redacting(&self, catalog: &Catalog, classes: &BTreeSet<String>) -> Protection {
        let mut other = self.clone();
        for (oid, guard) in other.guards.iter_mut() {
            let guard = Arc::make_mut(guard);
            let Some(relation) = catalog.relations.get(oid) else { continue };
            for (number, treatment) in &mut guard.columns {
                if let (Action::Seal(spec), Some(column)) = (&treatment.action, relation.attribute(*number))
                    && classes.contains(&spec.class)
                {
                    treatment.action = redacted(column);
                }
            }
        }
        other
    }

    /// The class that a column of that name would be pseudonymised by.
    pub(crate) fn sealing_class(&self, names: [&str; 3]) -> Option<&str> {
        self.sealing.iter().find(|(pattern, _)| pattern.matches(names)).map(|(_, class)| class.as_str())
    }

    /// What is protected of a relation; None where nothing is.
    pub fn guard(&self, relation: Oid) -> Option<&Guard> {
        self.guards.get(&relation).map(Arc::as_ref)
    }
}

fn guards_of(guards: impl IntoIterator<Item = (Oid, Guard)>) -> Shared<HashMap<Oid, Arc<Guard>>> {
    Shared::from(guards.into_iter().map(|(oid, guard)| (oid, Arc::new(guard))).collect::<HashMap<_, _>>())
}

/// As the mask `redact`, which fits every type.
pub(crate) fn redacted(column: &Column) -> Action {
    let ty = &column.data_type;
    Action::Veil(match crate::mask::fit::is_text(ty.base) {
        true => veil::text::redact(None, ty),
        false => veil::null(ty),
    })
}

#[cfg(test)]
pub(crate) mod tests;
