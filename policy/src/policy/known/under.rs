//! What another policy changes in what is known.
//!
//! Its author speaks of columns and relations by the names that they have now. So it decides anew about each that is still called what it
//! was called when it was found to be protected, and about each of whose present name it says something that the policy before it did not
//! say. What was renamed, moved or detached is out of its sight: the class that the *old* name has now goes on, or else the one that it had.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Classed, Known, Rows, Unclassed};
use crate::catalog::{Catalog, Column, Oid, Relation};
use crate::policy::lock::Accepted;
use crate::policy::pattern::Pattern;
use crate::policy::protection::family::Families;
use crate::policy::{Policy, RowRule};

impl Known {
    /// What is known under `new`, of what was known under `old`, on a database's catalog of this moment.
    #[must_use]
    pub fn under(&self, old: &Policy, new: &Policy, catalog: &Catalog) -> Known {
        let change = Change { old, new, catalog, families: Families::of(catalog) };
        let mut known = Known { accepted: self.accepted.clone(), ..Known::default() };
        let names = change.names_of_families(self.classes.keys().copied());
        for (column, was) in &self.classes {
            match change.class(*column, was, &names) {
                Verdict::Anew => {}
                Verdict::Class(class) => drop(known.classes.insert(*column, class)),
                Verdict::Without(rule) => known.hide(*column, &rule, new),
            }
        }
        // Which roles they were derived for hung on the old policy's masks.
        let derived = self.unclassed.values().flatten().filter(|(column, was)| was.derived && !change.is_generated(**column));
        for (column, was) in derived {
            for role in new.roles.keys() {
                known.unclassed.entry(role.clone()).or_default().entry(*column).or_insert_with(|| was.clone());
            }
        }
        for (role, relations) in &self.rows {
            let of_role = relations.iter().map(|(oid, rows)| (*oid, change.rows(role, *oid, rows)));
            known.rows.insert(role.clone(), of_role.filter(|(_, rows)| *rows != Rows::default()).collect());
        }
        known
    }

    /// Classes that the lock file keeps for columns which are called otherwise now than when they were accepted.
    pub(super) fn see_locked(&mut self, accepted: &Accepted, catalog: &Catalog, policy: &Policy) {
        let change = Change { old: policy, new: policy, catalog, families: Families::of(catalog) };
        let names = change.names_of_families(accepted.classes.keys().copied());
        for (column, (class, of)) in &accepted.classes {
            let was = Classed { class: class.clone(), by: Arc::new(of.clone()) };
            match change.class(*column, &was, &names) {
                Verdict::Anew => {}
                Verdict::Class(class) => drop(self.classes.entry(*column).or_insert(class)),
                Verdict::Without(rule) => self.hide(*column, &rule, policy),
            }
        }
    }

    fn hide(&mut self, column: (Oid, i16), rule: &str, policy: &Policy) {
        for role in policy.roles.keys() {
            let of_role = self.unclassed.entry(role.clone()).or_default();
            of_role.insert(column, Unclassed { rule: rule.to_owned(), derived: true });
        }
    }
}

struct Change<'a> {
    old: &'a Policy,
    new: &'a Policy,
    catalog: &'a Catalog,
    families: Families<'a>,
}

enum Verdict {
    /// The new policy's patterns decide, as if nothing had been known.
    Anew,
    /// It has this class.
    Class(Classed),
    /// It has a class that is no more: the rule by which it is protected.
    Without(String),
}

/// The names of all columns of a family, by its head.
type Names = HashMap<(Oid, i16), Vec<[String; 3]>>;

impl Change<'_> {
    fn find(&self, (oid, number): (Oid, i16)) -> Option<(&Relation, &Column)> {
        let relation = self.catalog.relations.get(&oid)?;
        Some((relation, relation.attribute(number)?))
    }

    fn is_generated(&self, column: (Oid, i16)) -> bool {
        self.find(column).is_some_and(|(_, column)| !column.generated_from.is_empty())
    }

    fn names_of_families(&self, columns: impl Iterator<Item = (Oid, i16)>) -> Names {
        let heads: HashSet<_> =
            columns.filter_map(|c| self.find(c)).map(|(relation, column)| self.families.head(relation, column)).collect();
        let mut names = Names::new();
        for relation in self.catalog.relations.values() {
            for column in &relation.columns {
                let head = self.families.head(relation, column);
                if heads.contains(&head) {
                    names.entry(head).or_default().push([relation.schema.clone(), relation.name.clone(), column.name.clone()]);
                }
            }
        }
        names
    }

    fn class(&self, column: (Oid, i16), was: &Classed, names: &Names) -> Verdict {
        if let Some((relation, column)) = self.find(column) {
            let here: Vec<&[String; 3]> = names.get(&self.families.head(relation, column)).into_iter().flatten().collect();
            if here.contains(&was.by.as_ref()) {
                return Verdict::Anew;
            }
            let now = self.new.class_of(&here).map(|class| &class.name);
            if now.is_some() && now != self.old.class_of(&here).map(|class| &class.name) {
                return Verdict::Anew;
            }
        }
        let class = self.new.class_of(&[&was.by]).map_or(was.class.as_str(), |class| &class.name);
        match self.new.has_class(class) {
            true => Verdict::Class(Classed { class: class.to_owned(), by: Arc::clone(&was.by) }),
            false => Verdict::Without(format!("{} (class {class}, which it had as {}, is no more)", self.new.file, was.by.join("."))),
        }
    }

    fn rows(&self, role: &str, oid: Oid, was: &Rows) -> Rows {
        // A role that is not there now may be again.
        let Some(role) = self.new.roles.get(role) else { return was.clone() };
        let before = self.old.roles.get(&role.name).map(|r| r.rows.as_slice()).unwrap_or_default();
        let Some(relation) = self.catalog.relations.get(&oid) else { return was.clone() };
        let ancestors = self.families.ancestors(relation);
        let is_about = |pattern: &Pattern<2>| {
            let matches = |r: &Relation| pattern.matches([&r.schema, &r.name]);
            matches(relation) || ancestors.iter().any(|r| matches(r))
        };
        let is_new = |rule: &&RowRule| !before.iter().any(|b| b.relation == rule.relation);
        let spoken_of = role.rows.iter().filter(is_new).any(|rule| is_about(&rule.relation));
        let mut rows = Rows { columns: was.columns.clone(), ..Rows::default() };
        for pattern in was.patterns.iter().chain(&was.lost) {
            if role.rows.iter().any(|rule| rule.relation.to_string() == *pattern) {
                rows.patterns.push(pattern.clone());
            } else if !spoken_of && !Pattern::parse(pattern).is_ok_and(|pattern| is_about(&pattern)) {
                rows.lost.push(pattern.clone());
            }
        }
        // A condition that is written anew is about columns as they are called now.
        let holds = |rule: &&RowRule| is_about(&rule.relation) || rows.patterns.contains(&rule.relation.to_string());
        let is_old = |rule: &RowRule| before.iter().any(|b| b.relation == rule.relation && b.sql == rule.sql);
        let as_before = |class: &str| self.old.roles.get(&role.name).and_then(|r| r.mask_reads(class)) == role.mask_reads(class);
        let reads = role.masks.keys().any(|class| role.mask_reads(class).is_some() && as_before(class));
        if !reads && !role.rows.iter().filter(holds).any(is_old) {
            rows.columns.clear();
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protection::tests::{catalog, classes_of, family, people, relation};
    use super::*;
    use crate::policy::Protection;

    fn policy(text: &str) -> Policy {
        Policy::parse("policy.toml", &format!("version = 1\n{text}")).unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// Under a first policy on a first catalog, then on a later one, and there under a second policy.
    fn changed(old: &str, first: Vec<Relation>, later: Vec<Relation>, new: &str) -> Protection {
        let (old, new) = (policy(old), policy(new));
        let (first, later) = (catalog(first), catalog(later));
        let protection = Protection::derive(&old, &first, "r").unwrap();
        let known = Known::default().and(&old, &first, std::iter::once(("r", &protection)));
        let protection = Protection::derive_on(&old, &later, "r", &known).unwrap();
        let known = known.and(&old, &later, std::iter::once(("r", &protection)));
        let known = known.under(&old, &new, &later);
        Protection::derive_on(&new, &later, "r", &known).unwrap()
    }

    const ROLE: &str = "[role.r]\ndefault = \"redact\"\n";

    fn with(classes: &str, role: &str) -> String {
        format!("{classes}\n{ROLE}{role}")
    }

    const EMAIL: &str = "[class.email]\ncolumns = [\"shop.people.email\"]";
    const OTHER: &str = "[class.other]\ncolumns = [\"shop.people.name\"]";

    #[test]
    fn a_class_that_is_taken_away_is_gone_and_a_renamed_column_keeps_its_own() {
        let both = format!("{EMAIL}\n{OTHER}");
        let renamed = || relation(1, "shop.people", &["id", "mail", "name"]);
        let seen = |old: &str, later: Relation, new: &str| {
            let protection = changed(&with(old, ""), vec![people()], vec![later], &with(new, ""));
            classes_of(&protection, 1).into_iter().map(|(n, c)| (n, c.map(str::to_owned))).collect::<Vec<_>>()
        };
        let class = |n: i16, class: &str| (n, Some(class.to_owned()));
        // Deliberately.
        assert_eq!(seen(&both, people(), OTHER), [class(3, "other")]);
        // Out of sight: its class is kept, also where the pattern for its old name is gone; without a class it is redacted.
        assert_eq!(seen(&both, renamed(), &both), [class(2, "email"), class(3, "other")]);
        let elsewhere = format!("[class.email]\ncolumns = [\"shop.else.email\"]\n{OTHER}");
        assert_eq!(seen(&both, renamed(), &elsewhere), [class(2, "email"), class(3, "other")]);
        assert_eq!(seen(&both, renamed(), OTHER), [(2, None), class(3, "other")]);
        // The old name's new class is its class.
        assert_eq!(seen(&both, renamed(), &both.replace("class.email", "class.mail")), [class(2, "mail"), class(3, "other")]);
        // Named by what it is called now.
        let now = format!("[class.contact]\ncolumns = [\"shop.people.mail\"]\n{OTHER}");
        assert_eq!(seen(&both, renamed(), &now), [class(2, "contact"), class(3, "other")]);
        // What the old policy said of that name already is no news.
        let public = format!("{both}\n[class.public]\ncolumns = [\"*.*.mail\"]");
        let mask = "[role.r.mask]\npublic = \"clear\"\n";
        let hidden = changed(&with(&public, mask), vec![people()], vec![renamed()], &with(&public, &format!("{mask}# touched\n")));
        assert_eq!(classes_of(&hidden, 1), [(2, Some("email")), (3, Some("other"))]);
        let shown = changed(&with(&both, ""), vec![people()], vec![renamed()], &with(&public, mask));
        assert_eq!(classes_of(&shown, 1), [(3, Some("other"))]);
    }

    #[test]
    fn a_mask_that_is_made_clear_is_clear_under_every_name() {
        let renamed = relation(1, "shop.people", &["id", "mail", "name"]);
        let clear = with(EMAIL, "[role.r.mask]\nemail = \"clear\"");
        assert!(changed(&with(EMAIL, ""), vec![people()], vec![renamed], &clear).guard(1).is_none());
    }

    #[test]
    fn swapped_columns_stay_what_they_are() {
        let both = format!("{EMAIL}\n[class.free]\ncolumns = [\"shop.people.name\"]");
        let mask = "[role.r.mask]\nfree = \"clear\"\n";
        let swapped = relation(1, "shop.people", &["id", "name", "email"]);
        let seen = changed(&with(&both, mask), vec![people()], vec![swapped], &with(&both, &format!("{mask}# touched\n")));
        // What was the name is called an e-mail address now, and masked as one.
        assert_eq!(classes_of(&seen, 1), [(2, Some("email")), (3, Some("email"))]);
    }

    #[test]
    fn a_detached_partition_keeps_its_class_and_filter_until_it_is_spoken_of() {
        let old = with("[class.c]\ncolumns = [\"shop.log.who\"]", "[role.r.rows]\n\"shop.log\" = \"id > 0\"");
        let detached = || family().into_iter().map(|r| Relation { parents: vec![], ..r }).collect::<Vec<_>>();
        let same = changed(&old, family().to_vec(), detached(), &format!("{old}\n# touched\n"));
        let of = |protection: &Protection, oid| protection.guard(oid).cloned().unwrap();
        assert!(of(&same, 11).filters.len() == 1 && of(&same, 11).unfit.is_none() && of(&same, 11).columns.contains_key(&1));
        // Its rule is gone, and nobody has said that all its rows may be seen.
        let gone = changed(&old, family().to_vec(), detached(), "[role.r]\n[class.c]\ncolumns = []");
        assert!(gone.guard(10).is_none(), "the parent is called what it was: its rule was taken away");
        assert!(of(&gone, 11).unfit.is_some() && of(&gone, 11).columns.contains_key(&1));
        let named = changed(&old, family().to_vec(), detached(), &with("", "[role.r.rows]\n\"shop.log_1\" = \"true\""));
        assert!(of(&named, 11).unfit.is_none() && of(&named, 11).filters.len() == 1);
    }

    #[test]
    fn a_filter_that_is_written_anew_is_about_columns_as_they_are_called_now() {
        let rows = |sql: &str| with("", &format!("[role.r.rows]\n\"shop.people\" = \"{sql}\""));
        let later = || vec![relation(1, "shop.people", &["id", "email", "n"])];
        let unfit = |new: &str| changed(&rows("name = 'x'"), vec![people()], later(), new).guard(1).unwrap().unfit.is_some();
        assert!(unfit(&rows("name = 'x'")));
        assert!(!unfit(&rows("n = 'x'")));
    }

    #[test]
    fn what_was_derived_stays_hidden_until_it_has_a_class() {
        let generated = || {
            let mut people = relation(1, "shop.people", &["id", "email", "name"]);
            people.columns[2].generated_from = vec![2];
            people
        };
        let old = with(EMAIL, "");
        // Its expression is dropped: what it holds stays.
        let seen = |later: Relation, new: &str| {
            classes_of(&changed(&old, vec![generated()], vec![later], new), 1).iter().map(|(n, _)| *n).collect::<Vec<_>>()
        };
        assert_eq!(seen(people(), &format!("{old}\n# touched\n")), [2, 3]);
        assert_eq!(seen(people(), &with(&format!("{EMAIL}\n{OTHER}"), "[role.r.mask]\nother = \"clear\"")), [2]);
        // While it is computed, its sources decide.
        assert_eq!(seen(generated(), &with("[class.email]\ncolumns = []", "")), Vec::<i16>::new());
    }

    #[test]
    fn columns_that_no_class_names_follow_the_policy() {
        let old = format!("unclassified = \"redact\"\n{}", with(EMAIL, ""));
        let seen = changed(&old, vec![people()], vec![people()], &with(EMAIL, ""));
        assert_eq!(classes_of(&seen, 1), [(2, Some("email"))]);
    }
}
