//! From a policy and a catalog to what is done with each column and row, for one role.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::known::Classed;
use super::super::pattern::is_system_schema;
use super::super::{DefaultMask, Known, Policy, PolicyError, Role, RowRule, Unclassified, lock, user};
use super::family::Families;
use super::{Action, Filter, Ground, Guard, Treatment, redacted};
use crate::catalog::{Catalog, Column, Oid, Relation};
use crate::mask::MaskSpec;
use crate::mask::fit::fit_in;
use crate::mask::seal::SealSpec;

/// One derivation.
pub(super) struct Derivation<'a> {
    pub policy: &'a Policy,
    pub catalog: &'a Catalog,
    /// The same, or of which it is a part.
    pub whole: &'a Catalog,
    pub role: &'a Role,
    pub known: &'a Known,
    pub families: Families<'a>,
    /// What does not fit is refused, and no error.
    pub tolerant: bool,
    /// Parents that a row filter below them does not hold for, with its rule.
    pub unheld: Vec<(Oid, String)>,
    pub errors: Vec<PolicyError>,
}

/// The class that a family of columns has by the first pattern, with its line, the relation that it matches in, and the name.
type First<'a> = ((&'a str, usize), &'a Relation, Arc<[String; 3]>);

/// A class that a pattern gives to a column, with the name that the pattern matches.
type Given<'a> = (&'a str, Arc<[String; 3]>);

impl<'a> Derivation<'a> {
    pub fn guards(&mut self) -> HashMap<Oid, Guard> {
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
        // Of values that it puts there itself the role would read what such a mask does to those of others; or it makes a condition true.
        let own = mask.is_some_and(|m| m.spec.is_for_readers()) && self.may_write(relation);
        let spec = mask.map(|m| &m.spec).filter(|_| !own).unwrap_or(if own { &MaskSpec::Redact(None) } else { &by_default });
        let action = match fit_in(spec, class, column, relation, self.whole) {
            Ok(None) => return None,
            // The pseudonym of a value that the role has put there itself must be no other's.
            Ok(Some(Action::Seal(spec))) if self.is_own(relation) => {
                Action::Seal(Arc::new(SealSpec { kept_by: Some(self.role.name.clone()), ..spec.as_ref().clone() }))
            }
            Ok(Some(action)) => action,
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

    /// What lies in the relation, or below it, may be the role's own.
    fn may_write(&self, relation: &Relation) -> bool {
        let below = |r: &Relation| r.oid == relation.oid || self.whole.ancestors(r.oid).contains(&relation.oid);
        !self.role.read_only || self.whole.relations.values().any(|r| self.is_own(r) && below(r))
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
