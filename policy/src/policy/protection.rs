//! What a policy means for one role on one database.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::faults::suggest;
use super::known::Classed;
use super::lock;
use super::pattern::{Pattern, is_system_schema};
use super::user;
use super::{DefaultMask, Known, Policy, PolicyError, Role, RowRule, Unclassified};
use crate::catalog::{Catalog, Column, Oid, Relation, Shared};
pub use crate::mask::fit::Action;
use crate::mask::fit::fit_in;
use crate::mask::{MaskSpec, veil};

pub(super) mod family;

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

struct Derivation<'a> {
    policy: &'a Policy,
    catalog: &'a Catalog,
    /// The same, or of which it is a part.
    whole: &'a Catalog,
    role: &'a Role,
    known: &'a Known,
    families: Families<'a>,
    /// What does not fit is refused, and no error.
    tolerant: bool,
    /// Parents that a row filter below them does not hold for, with its rule.
    unheld: Vec<(Oid, String)>,
    errors: Vec<PolicyError>,
}

/// The class that a family of columns has by the first pattern, with its line, the relation that it matches in, and the name.
type First<'a> = ((&'a str, usize), &'a Relation, Arc<[String; 3]>);

/// A class that a pattern gives to a column, with the name that the pattern matches.
type Given<'a> = (&'a str, Arc<[String; 3]>);

impl<'a> Derivation<'a> {
    fn guards(&mut self) -> HashMap<Oid, Guard> {
        let mut guards: HashMap<Oid, Guard> = HashMap::new();
        let classes = self.classes();
        for relation in self.relations() {
            for column in &relation.columns {
                let own = self.known.class(relation.oid, column.number).filter(|known| self.policy.has_class(&known.class));
                let given = classes.get(&self.families.head(relation, column)).map(Vec::as_slice).unwrap_or_default();
                // The class that it had, and the one that it would have now where the former shows it to this role.
                let mut treatment = own.and_then(|own| self.treatment(relation, column, Some((&own.class, Arc::clone(&own.by)))));
                for given in given {
                    treatment = treatment.or_else(|| self.treatment(relation, column, Some(given.clone())));
                }
                if own.is_none() && given.is_empty() {
                    treatment = self.treatment(relation, column, None);
                }
                if treatment.is_none() && own.is_none() && given.is_empty() {
                    treatment = self.known.unclassed(self.role, relation.oid, column.number).map(|known| Treatment {
                        action: redacted(column),
                        class: None,
                        rule: known.rule.clone(),
                        ground: if known.derived { Ground::Derived } else { Ground::Unclassified },
                    });
                }
                if let Some(treatment) = treatment {
                    guards.entry(relation.oid).or_default().columns.insert(column.number, treatment);
                }
            }
            let filters = self.filters(relation);
            if !filters.is_empty() {
                let renamed = |f: &Filter| {
                    self.known.renamed(self.role, self.catalog, relation.oid, &user::readable(&f.sql)).map(|now| (f.rule.clone(), now))
                };
                let unfit = filters.iter().find_map(renamed);
                let guard = guards.entry(relation.oid).or_default();
                guard.unfit = unfit.map(|(rule, now)| format!("{rule} reads a column that was renamed ({now})"));
                guard.filters = filters;
            }
            if let Some(pattern) = self.known.lost_filter(self.role, relation.oid) {
                let why = format!("the policy had a row filter on {pattern}, as it was called then, and says nothing of its present name");
                guards.entry(relation.oid).or_default().unfit.get_or_insert(why);
            }
        }
        self.derived(&classes, &mut guards);
        for (parent, rule) in std::mem::take(&mut self.unheld) {
            let why = format!("{rule} holds for a table below it, and not for it");
            guards.entry(parent).or_default().unfit.get_or_insert(why);
        }
        guards
    }

    /// In a fixed order, so that errors are the same each time.
    fn relations(&self) -> Vec<&'a Relation> {
        let mut relations: Vec<&Relation> = self.catalog.relations.values().map(Arc::as_ref).collect();
        relations.sort_by_key(|r| (&r.schema, &r.name));
        relations
    }

    /// The classes of each family of columns, by its head: one, but where an earlier catalog gave another.
    fn classes(&mut self) -> HashMap<(Oid, i16), Vec<Given<'a>>> {
        let mut out: HashMap<(Oid, i16), First<'_>> = HashMap::new();
        let mut more: HashMap<(Oid, i16), Vec<Given<'a>>> = HashMap::new();
        let policy = self.policy;
        for relation in self.relations() {
            for column in &relation.columns {
                let known = self.known.class(relation.oid, column.number);
                let class = |known: &Classed| policy.classes.iter().find(|c| c.name == known.class);
                if let Some((known, class)) = known.and_then(|known| Some((known, class(known)?))) {
                    let of_family = more.entry(self.families.head(relation, column)).or_default();
                    if !of_family.iter().any(|(name, _)| *name == class.name) {
                        of_family.push((&class.name, Arc::clone(&known.by)));
                    }
                }
            }
        }
        for relation in self.relations() {
            for column in &relation.columns {
                let names = [relation.schema.as_str(), &relation.name, &column.name];
                for (class, line) in self.policy.classes.iter().flat_map(|class| {
                    class.columns.iter().filter(|(pattern, _)| pattern.matches(names)).map(|(_, line)| (class.name.as_str(), *line))
                }) {
                    let head = self.families.head(relation, column);
                    let by = || Arc::new(names.map(str::to_owned));
                    let Some(((other, at), elsewhere, _)) = out.get(&head) else {
                        out.insert(head, ((class, line), relation, by()));
                        continue;
                    };
                    if *other != class {
                        more.entry(head).or_default().push((class, by()));
                        let through = match elsewhere.oid == relation.oid {
                            true => String::new(),
                            false => format!(
                                ", through {}.{}, to which it belongs by partitioning or inheritance",
                                elsewhere.schema, elsewhere.name
                            ),
                        };
                        let message = format!(
                            "the column {} has two classes: {class} by this line, and {other} by line {at}{through}",
                            names.join(".")
                        );
                        let help =
                            "a column has one class, with its parents' and children's columns of that name: make one pattern narrower";
                        self.errors.push(self.error("class.two", (line, 0), message, help.to_owned()));
                    }
                }
            }
        }
        // What was known comes first.
        for (head, ((class, _), _, by)) in out {
            let of_family = more.entry(head).or_default();
            if !of_family.iter().any(|(name, _)| *name == class) {
                of_family.push((class, by));
            }
        }
        more
    }

    fn treatment(&mut self, relation: &Relation, column: &Column, given: Option<(&str, Arc<[String; 3]>)>) -> Option<Treatment> {
        let Some((class, by)) = given else { return self.unclassified(relation, column) };
        let ground = Ground::Name(by);
        let mask = self.role.masks.get(class);
        let by_default = match self.role.default {
            DefaultMask::Clear => MaskSpec::Clear,
            DefaultMask::Redact => MaskSpec::Redact(None),
        };
        // Of values that it puts there itself the role would read what such a mask does to those of others.
        let own = mask.is_some_and(|m| m.spec.is_keyed_veil()) && self.may_write(relation);
        let spec = mask.map(|m| &m.spec).filter(|_| !own).unwrap_or(if own { &MaskSpec::Redact(None) } else { &by_default });
        // The pseudonym of a value that the role has put there itself must be no other's.
        let domain = match spec.seals() && self.is_own(relation) {
            true => format!("{class} in what role {} keeps", self.role.name),
            false => class.to_owned(),
        };
        let action = match fit_in(spec, &domain, column, relation, self.whole) {
            Ok(action) => action?,
            Err(misfit) => {
                let message = format!(
                    "mask {spec} (role {}, class {class}) does not fit {}.{}.{} of type {}: {}",
                    self.role.name, relation.schema, relation.name, column.name, column.data_type.sql, misfit.why
                );
                let place = mask.map_or((self.role.line, 0), |m| (m.line, m.column));
                // The type has changed while the process runs: the column is not shown, all else goes on.
                if self.tolerant {
                    let rule = format!("{}:{} (role {}, class {class}); {message}", self.policy.file, place.0, self.role.name);
                    return Some(Treatment { action: Action::Refuse, class: Some(class.to_owned()), rule, ground });
                }
                // Its parent's column has the same type: said there.
                if !self.families.has_parent(relation, column) {
                    self.errors.push(self.error("mask.misfit", place, message, misfit.help));
                }
                return None;
            }
        };
        let renamed = self.role.mask_reads(class).and_then(|sql| self.known.renamed(self.role, self.catalog, relation.oid, &sql));
        if let Some(now) = renamed {
            let line = mask.map_or(0, |m| m.line);
            let rule = format!(
                "{}:{line} (role {}, class {class}), which reads a column that was renamed ({now})",
                self.policy.file, self.role.name
            );
            return Some(Treatment { action: Action::Refuse, class: Some(class.to_owned()), rule, ground });
        }
        let (line, more) = match mask {
            None => (self.role.line, ", default"),
            Some(m) if own => (m.line, "; redacted where the role may write"),
            Some(m) => (m.line, ""),
        };
        let rule = format!("{}:{line} (role {}, class {class}{more})", self.policy.file, self.role.name);
        Some(Treatment { action, class: Some(class.to_owned()), rule, ground })
    }

    /// It lies where the role keeps what it makes.
    fn is_own(&self, relation: &Relation) -> bool {
        let temporary = !self.role.never_writes() && relation.schema.starts_with("pg_temp");
        temporary || self.role.writable_schemas.contains(&relation.schema)
    }

    /// What lies in the relation may be the role's own.
    fn may_write(&self, relation: &Relation) -> bool {
        !self.role.read_only || relation.schema.starts_with("pg_temp") || self.role.writable_schemas.contains(&relation.schema)
    }

    fn unclassified(&self, relation: &Relation, column: &Column) -> Option<Treatment> {
        if is_system_schema(&relation.schema) {
            return None;
        }
        let (policy, mut why) = (self.policy, "unclassified");
        let (mut chosen, mut line) = (policy.unclassified, policy.unclassified_line);
        if policy.unclassified_new != Unclassified::Clear && self.is_new(relation, column) {
            (chosen, line, why) = (policy.unclassified_new, policy.unclassified_new_line, "unclassified_new: not in the lock file");
        }
        let action = match chosen {
            Unclassified::Clear => return None,
            Unclassified::Redact => redacted(column),
            Unclassified::Refuse => Action::Refuse,
        };
        let place = if line == 0 { policy.file.clone() } else { format!("{}:{line}", policy.file) };
        let rule = format!("{place} (role {}, {why})", self.role.name);
        Some(Treatment { action, class: None, rule, ground: Ground::Unclassified })
    }

    /// There is a lock file, and neither this column nor one that it inherits from is in it. What lies in the role's own schemas counts as
    /// its own.
    fn is_new(&self, relation: &Relation, column: &Column) -> bool {
        let Some(accepted) = self.known.accepted().filter(|_| lock::holds_data(relation)) else { return false };
        if self.role.owns(&relation.schema) {
            return false;
        }
        let of_name = |r: &Relation| r.column(&column.name).is_some_and(|above| !accepted.is_new(r, above));
        accepted.is_new(relation, column) && !self.families.ancestors(relation).iter().any(|r| of_name(r))
    }

    /// Generated columns that are computed from protected ones, at any distance, and their families.
    fn derived(&self, classes: &HashMap<(Oid, i16), Vec<Given<'a>>>, guards: &mut HashMap<Oid, Guard>) {
        let relations = self.relations();
        let mut sources: HashMap<(Oid, i16), String> = HashMap::new();
        loop {
            let before = sources.len();
            for relation in &relations {
                for column in relation.columns.iter().filter(|c| !c.generated_from.is_empty()) {
                    let head = self.families.head(relation, column);
                    if classes.contains_key(&head) || sources.contains_key(&head) {
                        continue;
                    }
                    let source = column.generated_from.iter().filter_map(|n| relation.attribute(*n)).find_map(|source| {
                        let treatment = guards.get(&relation.oid).and_then(|g| g.columns.get(&source.number));
                        let inherited = sources.get(&self.families.head(relation, source));
                        let rule = treatment.map(|t| &t.rule).or(inherited)?;
                        let name = format!("{}.{}.{}", relation.schema, relation.name, source.name);
                        Some(if rule.starts_with("derived from ") { rule.clone() } else { format!("derived from {name}; {rule}") })
                    });
                    if let Some(rule) = source {
                        sources.insert(head, rule);
                    }
                }
            }
            if sources.len() == before {
                break;
            }
        }
        for relation in relations {
            for column in &relation.columns {
                let Some(rule) = sources.get(&self.families.head(relation, column)) else { continue };
                let columns = &mut guards.entry(relation.oid).or_default().columns;
                columns.entry(column.number).or_insert_with(|| Treatment {
                    action: redacted(column),
                    class: None,
                    rule: rule.clone(),
                    ground: Ground::Derived,
                });
            }
        }
    }

    fn filters(&mut self, relation: &Relation) -> Vec<Filter> {
        let ancestors = self.families.ancestors(relation);
        let mut filters = Vec::new();
        for rule in &self.role.rows {
            let own = matches(rule, relation);
            let pattern = rule.relation.to_string();
            let had = self.known.had_filter(self.role, relation.oid, &pattern);
            if !own && !had && !ancestors.iter().any(|ancestor| matches(rule, ancestor)) {
                continue;
            }
            if own {
                self.check_parents(rule, relation);
            }
            let rule_text = format!("{}:{} (role {}, rows of {})", self.policy.file, rule.line, self.role.name, rule.relation);
            if self.tolerant {
                let held = |r: &&Relation| {
                    matches(rule, r)
                        || self.known.had_filter(self.role, r.oid, &pattern)
                        || self.families.ancestors(r).iter().any(|a| matches(rule, a))
                };
                self.unheld.extend(ancestors.iter().filter(|r| !held(r)).map(|r| (r.oid, rule_text.clone())));
            }
            filters.push(Filter { sql: rule.sql.clone(), rule: rule_text, relation: pattern });
        }
        filters
    }

    /// A scan of a parent reads its children: what the child hides, the parent must hide.
    fn check_parents(&mut self, rule: &RowRule, relation: &Relation) {
        let unfiltered: Vec<&Relation> = relation
            .parents
            .iter()
            .filter_map(|parent| self.catalog.relations.get(parent))
            .map(Arc::as_ref)
            .filter(|parent| !matches(rule, parent) && !self.families.ancestors(parent).iter().any(|a| matches(rule, a)))
            .collect();
        for parent in unfiltered {
            let message = format!(
                "the row filter on {} would not hold for who reads its parent {}.{}",
                format_args!("{}.{}", relation.schema, relation.name),
                parent.schema,
                parent.name
            );
            let help = format!("put it on the parent: `\"{}.{}\" = …`; it then holds for all its children", parent.schema, parent.name);
            self.errors.push(self.error("rows.parent", (rule.line, rule.column), message, help));
        }
    }

    fn error(&self, id: &'static str, (line, column): (usize, usize), message: String, help: String) -> PolicyError {
        PolicyError { id, file: self.policy.file.clone(), line, column, message, help: Some(help) }
    }
}

fn matches(rule: &RowRule, relation: &Relation) -> bool {
    rule.relation.matches([&relation.schema, &relation.name])
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
pub(super) mod tests;
