//! Two policies: who sees more, who sees less, and who may do what.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions;
pub use super::looks::Change;
use super::looks::change;
use crate::catalog::Catalog;
use crate::mask::MaskSpec;
use crate::policy::pattern::{Pattern, is_system_schema};
use crate::policy::{DefaultMask, Exemption, Limit, Policy, PolicyError, Protection, Role, StatementKind, Unclassified};

/// One difference between two policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it means.
    pub change: Change,
    /// Whom it concerns.
    pub role: String,
    /// What it is about.
    pub subject: Subject,
    /// `schema.table.column`, a pattern, a relation, or a key of the role.
    pub name: String,
    /// As the old policy has it.
    pub before: String,
    /// As the new one has it.
    pub after: String,
    /// Lines of the two policies; 0 for none.
    pub lines: (usize, usize),
}

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A role as a whole.
    Role,
    /// What a role may do.
    Right,
    /// Which rows it sees.
    Rows,
    /// What a column looks like.
    Column,
}

impl Subject {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Role => "role",
            Subject::Right => "right",
            Subject::Rows => "rows",
            Subject::Column => "column",
        }
    }
}

/// All differences, what may show more first. With a catalog they are those of its columns and relations, else of the classes' and rows'
/// patterns by their text.
///
/// # Errors
/// A policy that does not fit the catalog.
pub fn diff(old: &Policy, new: &Policy, catalog: Option<&Catalog>) -> Result<Vec<Difference>, Vec<PolicyError>> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = old.roles.keys().chain(new.roles.keys()).collect();
    // What exemptions make of a role is said by themselves.
    for name in names.into_iter().filter(|name| [old, new].iter().all(|policy| !policy.is_of_an_exemption(name))) {
        match (old.roles.get(name), new.roles.get(name)) {
            (Some(before), Some(after)) => {
                rights(before, after, &mut found);
                let views = [View::of(old, before, catalog, new)?, View::of(new, after, catalog, old)?];
                let [before, after] = &views;
                before.columns(after, name, &mut found);
                before.rows(after, name, &mut found);
            }
            (None, Some(role)) => found.push(whole(role, Change::Clearer, ("none", "new"), (0, role.line))),
            (Some(role), None) => found.push(whole(role, Change::Masked, ("there", "gone"), (role.line, 0))),
            (None, None) => {}
        }
    }
    exemptions(old, new, &mut found);
    found.sort_by(|a, b| (a.change, &a.role, a.subject, &a.name).cmp(&(b.change, &b.role, b.subject, &b.name)));
    Ok(found)
}

fn exemptions(old: &Policy, new: &Policy, found: &mut Vec<Difference>) {
    let all: BTreeSet<(&String, &String)> = old.exemptions.iter().chain(&new.exemptions).map(|e| (&e.role, &e.user)).collect();
    for (role, user) in all {
        let (before, after) = (old.exemption(user, role), new.exemption(user, role));
        let covers = |b: &Exemption, a: &Exemption| a.until <= b.until && a.classes.iter().all(|class| b.classes.contains(class));
        let change = match (before, after) {
            (Some(b), Some(a)) if covers(b, a) && covers(a, b) => continue,
            (Some(b), Some(a)) if covers(b, a) => Change::Masked,
            (Some(_), None) => Change::Masked,
            _ => Change::Clearer,
        };
        let text = |e: Option<&Exemption>| e.map_or("—".to_owned(), |e| format!("{} until {}", e.classes.join(", "), e.written));
        let line = |e: Option<&Exemption>| e.map_or(0, |e| e.line);
        found.push(Difference {
            change,
            role: role.clone(),
            subject: Subject::Role,
            name: format!("exemption of {user}"),
            before: text(before),
            after: text(after),
            lines: (line(before), line(after)),
        });
    }
}

fn whole(role: &Role, change: Change, (before, after): (&str, &str), lines: (usize, usize)) -> Difference {
    Difference {
        change,
        role: role.name.clone(),
        subject: Subject::Role,
        name: role.name.clone(),
        before: before.to_owned(),
        after: after.to_owned(),
        lines,
    }
}

/// What a column looks like to a role.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    spec: MaskSpec,
    /// As the policy writes it.
    written: String,
    class: Option<String>,
    writes: bool,
    otherwise: bool,
    line: usize,
}

impl Look {
    fn plain(spec: MaskSpec, line: usize) -> Look {
        Look { written: format!("\"{}\"", spec.name()), spec, class: None, writes: false, otherwise: false, line }
    }

    fn change(&self, after: &Look) -> Option<Change> {
        if self.spec != after.spec {
            return Some(change(&self.spec, &after.spec));
        }
        // Pseudonyms of one class join; of another, they join with others.
        let joins = self.spec.seals() && self.class != after.class;
        if joins || beside(&self.written) != beside(&after.written) {
            return Some(Change::Other);
        }
        (self.otherwise != after.otherwise).then_some(Change::Form)
    }

    fn text(&self, other: &Look) -> String {
        match &self.class {
            Some(class) if self.class != other.class => format!("{} (class {class})", self.written),
            _ => self.written.clone(),
        }
    }
}

/// One role of one policy, laid out so that two can be compared.
struct View {
    columns: BTreeMap<String, Look>,
    /// Row filters by relation, each with its line.
    rows: BTreeMap<String, BTreeMap<String, usize>>,
}

impl View {
    fn of(policy: &Policy, role: &Role, catalog: Option<&Catalog>, other: &Policy) -> Result<View, Vec<PolicyError>> {
        match catalog {
            Some(catalog) => View::on(policy, role, catalog),
            None => Ok(View::by_patterns(policy, role, other)),
        }
    }

    fn on(policy: &Policy, role: &Role, catalog: &Catalog) -> Result<View, Vec<PolicyError>> {
        let protection = Protection::derive(policy, catalog, &role.name)?;
        let mut view = View { columns: BTreeMap::from([unlocked(policy, role)]), rows: BTreeMap::new() };
        for relation in catalog.relations.values() {
            let guard = protection.guard(relation.oid);
            if is_system_schema(&relation.schema) && guard.is_none() {
                continue;
            }
            let name = format!("{}.{}", relation.schema, relation.name);
            let parents: Vec<_> = relation.parents.iter().filter_map(|oid| catalog.relations.get(oid)).collect();
            // A child's columns and rows look as its parent's do: said there.
            for column in relation.columns.iter().filter(|c| parents.iter().all(|p| p.column(&c.name).is_none())) {
                let treatment = guard.and_then(|g| g.columns.get(&column.number));
                let look = match treatment {
                    None => Look::plain(MaskSpec::Clear, 0),
                    Some(t) => match t.class.as_ref() {
                        Some(class) => of_class(role, class),
                        None if matches!(t.action, crate::policy::protection::Action::Refuse) => {
                            Look::plain(MaskSpec::Refuse, policy.unclassified_line)
                        }
                        None => Look::plain(MaskSpec::Redact(None), policy.unclassified_line),
                    },
                };
                view.columns.insert(format!("{name}.{}", column.name), look);
            }
            if !parents.is_empty() {
                continue;
            }
            let filters = guard.map(|g| g.filters.as_slice()).unwrap_or_default();
            let line = |sql: &str, pattern: &str| {
                role.rows.iter().find(|rule| rule.sql == sql && rule.relation.to_string() == pattern).map_or(0, |rule| rule.line)
            };
            view.rows.insert(name, filters.iter().map(|f| (squeezed(&f.sql), line(&f.sql, &f.relation))).collect());
        }
        Ok(view)
    }

    fn by_patterns(policy: &Policy, role: &Role, other: &Policy) -> View {
        let everything = role.sees_everything(policy.unclassified);
        let unclassified = without_class(everything, policy.unclassified, policy.unclassified_line);
        let mut columns = BTreeMap::from([("columns without a class".to_owned(), unclassified.clone()), unlocked(policy, role)]);
        for class in policy.classes.iter().chain(&other.classes) {
            for (pattern, _) in &class.columns {
                let text = pattern.to_string();
                let exact = pattern.clone().exact().ok();
                let covers = |p: &Pattern<3>| {
                    p == pattern || exact.as_ref().is_some_and(|[schema, table, column]| p.matches([schema, table, column]))
                };
                let own = policy.classes.iter().find(|c| c.columns.iter().any(|(p, _)| covers(p)));
                let look = match own {
                    Some(class) if !everything => of_class(role, &class.name),
                    Some(_) => Look::plain(MaskSpec::Clear, 0),
                    None => unclassified.clone(),
                };
                columns.insert(text, look);
            }
        }
        let mut rows: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for rule in &role.rows {
            rows.entry(rule.relation.to_string()).or_default().insert(squeezed(&rule.sql), rule.line);
        }
        View { columns, rows }
    }

    fn columns(&self, after: &View, role: &str, found: &mut Vec<Difference>) {
        for (name, old) in &self.columns {
            let Some(new) = after.columns.get(name) else { continue };
            let difference = |change, (before, after): (String, String)| Difference {
                change,
                role: role.to_owned(),
                subject: Subject::Column,
                name: name.clone(),
                before,
                after,
                lines: (old.line, new.line),
            };
            if let Some(change) = old.change(new) {
                found.push(difference(change, (old.text(new), new.text(old))));
            }
            if old.writes != new.writes {
                let words = |writes: bool| if writes { "may be written" } else { "may not be written" }.to_owned();
                let change = if new.writes { Change::Clearer } else { Change::Masked };
                found.push(Difference { subject: Subject::Right, ..difference(change, (words(old.writes), words(new.writes))) });
            }
        }
    }

    fn rows(&self, after: &View, role: &str, found: &mut Vec<Difference>) {
        let none = BTreeMap::new();
        let relations: BTreeSet<&String> = self.rows.keys().chain(after.rows.keys()).collect();
        for relation in relations {
            let (old, new) = (self.rows.get(relation).unwrap_or(&none), after.rows.get(relation).unwrap_or(&none));
            let gone = old.keys().any(|sql| !new.contains_key(sql));
            let added = new.keys().any(|sql| !old.contains_key(sql));
            let change = match (gone, added) {
                (false, false) => continue,
                (true, false) => Change::Clearer,
                (true, true) => Change::Other,
                (false, true) => Change::Masked,
            };
            let text = |filters: &BTreeMap<String, usize>| match filters.len() {
                0 => "all rows".to_owned(),
                _ => filters.keys().cloned().collect::<Vec<_>>().join(" AND "),
            };
            let line = |filters: &BTreeMap<String, usize>| filters.values().copied().min().unwrap_or(0);
            found.push(Difference {
                change,
                role: role.to_owned(),
                subject: Subject::Rows,
                name: relation.clone(),
                before: text(old),
                after: text(new),
                lines: (line(old), line(new)),
            });
        }
    }
}

fn without_class(everything: bool, chosen: Unclassified, line: usize) -> Look {
    let spec = match chosen {
        _ if everything => MaskSpec::Clear,
        Unclassified::Clear => MaskSpec::Clear,
        Unclassified::Redact => MaskSpec::Redact(None),
        Unclassified::Refuse => MaskSpec::Refuse,
    };
    Look::plain(spec, line)
}

/// What columns without a class look like that a lock file does not have.
fn unlocked(policy: &Policy, role: &Role) -> (String, Look) {
    let (chosen, line) = match policy.unclassified_new {
        Unclassified::Clear => (policy.unclassified, policy.unclassified_line),
        chosen => (chosen, policy.unclassified_new_line),
    };
    (
        "columns without a class that are not in the lock file".to_owned(),
        without_class(role.sees_everything(policy.unclassified), chosen, line),
    )
}

fn of_class(role: &Role, class: &str) -> Look {
    let look = match role.masks.get(class) {
        Some(mask) => Look {
            written: mask.written.clone(),
            writes: mask.writes,
            otherwise: mask.redacts_otherwise,
            ..Look::plain(mask.spec.clone(), mask.line)
        },
        None => match role.default {
            DefaultMask::Clear => Look::plain(MaskSpec::Clear, role.line),
            DefaultMask::Redact => Look::plain(MaskSpec::Redact(None), role.line),
        },
    };
    Look { class: Some(class.to_owned()), ..look }
}

/// What stands beside a mask in its table and is not compared otherwise.
fn beside(written: &str) -> BTreeMap<String, String> {
    let document = format!("mask = {written}").parse::<toml_edit::DocumentMut>().ok();
    let Some(table) = document.as_ref().and_then(|d| d.get("mask")?.as_table_like()) else { return BTreeMap::new() };
    let [_, _, _, masks] = Policy::keys();
    let known = |key: &str| matches!(key, "mask" | "write" | "otherwise") || masks.contains(&key);
    table.iter().filter(|(key, _)| !known(key)).map(|(key, item)| (key.to_owned(), item.to_string())).collect()
}

fn squeezed(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a role may do.
fn rights(old: &Role, new: &Role, found: &mut Vec<Difference>) {
    let mut push = |key: &str, before: String, after: String, change: Change| {
        found.push(Difference {
            change,
            role: new.name.clone(),
            subject: Subject::Right,
            name: key.to_owned(),
            before,
            after,
            lines: (old.line, new.line),
        });
    };
    let flags = [("trusted_code", old.trusted_code, new.trusted_code, true), ("read_only", old.read_only, new.read_only, false)];
    for (key, before, after, opens) in flags {
        if before != after {
            push(key, before.to_string(), after.to_string(), if after == opens { Change::Clearer } else { Change::Masked });
        }
    }
    let limit = |limit: Option<Limit>| limit.map(|l| (i64::try_from(l.most).unwrap_or(i64::MAX), l.most.to_string()));
    let expires = |role: &Role| role.expires.as_ref().map(|e| (e.at, e.written.clone()));
    let (was, is) = (old.limits, new.limits);
    for (key, before, after) in [
        ("limits.seconds", limit(was.seconds), limit(is.seconds)),
        ("limits.rows", limit(was.rows), limit(is.rows)),
        ("limits.bytes", limit(was.bytes), limit(is.bytes)),
        ("expires", expires(old), expires(new)),
    ] {
        let (was, is) = (before.as_ref().map(|(n, _)| *n), after.as_ref().map(|(n, _)| *n));
        if was != is {
            // None is without an end.
            let opens = was.unwrap_or(i64::MAX) < is.unwrap_or(i64::MAX);
            let text = |value: Option<(i64, String)>| value.map_or_else(|| "—".to_owned(), |(_, text)| text);
            push(key, text(before), text(after), if opens { Change::Clearer } else { Change::Masked });
        }
    }
    for (key, before, after, change) in conditions::differences(&old.when, &new.when) {
        push(key, before, after, change);
    }
    let functions = |role: &Role| role.functions.iter().map(|(schema, name)| format!("{schema}.{name}")).collect::<Vec<_>>();
    let channels = |role: &Role| role.channels.iter().map(ToString::to_string).collect::<Vec<_>>();
    let statements = |role: &Role| {
        let kinds = role.statements.as_ref().map_or(StatementKind::ALL.to_vec(), |(kinds, _)| kinds.clone());
        kinds.into_iter().map(|kind| kind.word().to_owned()).collect::<Vec<_>>()
    };
    let lists = [
        ("writable_schemas", old.writable_schemas.clone(), new.writable_schemas.clone()),
        ("functions", functions(old), functions(new)),
        ("channels", channels(old), channels(new)),
        ("statements", statements(old), statements(new)),
    ];
    for (key, before, after) in lists {
        for added in after.iter().filter(|name| !before.contains(name)) {
            push(key, "—".to_owned(), added.clone(), Change::Clearer);
        }
        for removed in before.iter().filter(|name| !after.contains(name)) {
            push(key, removed.clone(), "—".to_owned(), Change::Masked);
        }
    }
}
