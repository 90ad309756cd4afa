//! A policy against a database: what matches nothing, what is masked without anybody having said how, what nobody can read.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Severity};
use crate::catalog::{Catalog, Relation, RelationKind};
use crate::detect::proposal::{Found, Samples};
use crate::detect::propose;
use crate::plan::Origin;
use crate::policy::pattern::is_system_schema;
use crate::policy::{Exemption, Policy, Protection, Role, RowRule, Unclassified, user};
use crate::{Engine, Subject};

/// All that can be said without asking the server anything but its catalog. `engine`: the policy on that catalog.
pub fn findings(policy: &Policy, catalog: &Catalog, engine: &Engine) -> Vec<Finding> {
    let mut found = unmatched(policy, catalog);
    for (name, role) in policy.roles.iter().filter(|(name, _)| !policy.is_of_an_exemption(name)) {
        if role.trusted_code {
            let message = format!("role {name} has trusted_code: it can read everything, whatever its masks say");
            found.push(Finding::new(Severity::Note, "role.trusted", policy, role.line, message));
        }
        found.extend(by_word(policy, role));
        if !engine.unprotected(name) && !role.sees_everything(policy.unclassified) {
            found.extend(by_default(policy, catalog, role));
            found.extend(views(policy, catalog, engine, role));
        }
    }
    merge_roles(&mut found);
    found
}

/// Conditions that any client can meet by what it says.
fn by_word(policy: &Policy, role: &Role) -> impl Iterator<Item = Finding> {
    role.when.iter().filter_map(|when| when.applications.as_ref()).map(|said| {
        let message = format!("role {} hangs on the application {said}: any client can call itself so", role.name);
        Finding::new(Severity::Note, "role.application", policy, said.line, message)
            .with_help("it keeps from mistakes only; say `networks` beside it")
    })
}

/// The longest time that an exemption may last from now on without a word, in seconds.
const LONG: i64 = 31 * 24 * 60 * 60;

/// Exemptions that have ended, and those that last long. `now`: seconds since the beginning of 1970, UTC.
pub fn exemptions(policy: &Policy, now: i64) -> Vec<Finding> {
    let finding = |e: &Exemption| {
        let of = format!("the exemption of {} in role {} for {}", e.user, e.role, e.classes.join(", "));
        let new = |id, message| Finding::new(Severity::Warning, id, policy, e.line, message);
        match e.until.saturating_sub(now) {
            ..=0 => Some(new("exemption.ended", format!("{of} has ended: {}", e.written)).with_help("remove it")),
            LONG.. => Some(
                new("exemption.long", format!("{of} lasts until {}: {}", e.written, e.reason))
                    .with_help("let it end within a month, or give the role another mask"),
            ),
            _ => None,
        }
    };
    policy.exemptions.iter().filter_map(finding).collect()
}

/// Relations of a role on which row filters of its own lie, parents only: a child is read with its parent's.
pub fn filtered<'c>(policy: &Policy, catalog: &'c Catalog, role: &str) -> Vec<&'c Relation> {
    let Ok(protection) = Protection::derive(policy, catalog, role) else { return vec![] };
    let has = |r: &&Relation| protection.guard(r.oid).is_some_and(|g| !g.filters.is_empty());
    own(catalog).into_iter().filter(|r| r.parents.is_empty()).filter(has).collect()
}

/// Columns without a class that look like personal data; `samples` of values as far as somebody took some.
pub fn suspects(policy: &Policy, catalog: &Catalog, samples: &Samples) -> Vec<Finding> {
    let proposal = propose(catalog, Some(policy), samples);
    let finding = |found: &Found, severity: Severity, words: &str| {
        let (name, pattern, s) = (found.name.join("."), found.pattern(), &found.suspect);
        let message = format!("the column {name} has no class, and {words} {}: {}", s.kind.words(), s.reason);
        let help = format!(
            "add {pattern:?} to the columns of a class, such as {}; one that every role sees as it is says that it was looked at",
            s.kind.class()
        );
        Finding::new(severity, "column.suspect", policy, policy.unclassified_line, message).with_help(help)
    };
    let likely = proposal.likely().map(|found| finding(found, Severity::Warning, "seems to hold"));
    likely.chain(proposal.unsure().map(|found| finding(found, Severity::Note, "might hold"))).collect()
}

/// Row filters for which a user's name is a pattern. It takes no database to say so.
pub fn patterns(policy: &Policy) -> Vec<Finding> {
    // What is inherited stands in one place.
    let rules: BTreeMap<(usize, usize), &RowRule> =
        policy.roles.values().flat_map(|role| &role.rows).map(|rule| ((rule.line, rule.column), rule)).collect();
    let finding = |rule: &RowRule| {
        let message =
            format!("the row filter on `{}` takes the user's name for a pattern: one that is called % sees all rows", rule.relation);
        let help = "compare it with =; {attr.NAME} may hold a pattern, which whoever keeps the users writes";
        let finding = Finding::new(Severity::Warning, "rows.pattern", policy, rule.line, message).with_help(help);
        Finding { column: rule.column, ..finding }
    };
    rules.into_values().filter(|rule| user::name_in_pattern(&rule.sql)).map(finding).collect()
}

/// Relations of users, in order.
fn own(catalog: &Catalog) -> Vec<&Relation> {
    let mut relations: Vec<&Relation> = catalog
        .relations
        .values()
        .map(AsRef::as_ref)
        .filter(|r| !is_system_schema(&r.schema) && !r.schema.starts_with("pg_temp"))
        .collect();
    relations.sort_by_key(|r| (&r.schema, &r.name));
    relations
}

/// Names in the policy that the database does not have.
fn unmatched(policy: &Policy, catalog: &Catalog) -> Vec<Finding> {
    let mut found = Vec::new();
    let relations: Vec<&Relation> = catalog.relations.values().map(AsRef::as_ref).collect();
    let all = || relations.iter().flat_map(|r| r.columns.iter().map(move |c| (r, c)));
    for class in &policy.classes {
        for (pattern, line) in &class.columns {
            if all().any(|(r, c)| pattern.matches([&r.schema, &r.name, &c.name])) {
                continue;
            }
            let text = pattern.to_string();
            let near = nearest(
                &text,
                all().filter(|(r, _)| !is_system_schema(&r.schema)).map(|(r, c)| format!("{}.{}.{}", r.schema, r.name, c.name)),
            );
            let message = format!("the pattern `{text}` of class {} matches no column", class.name);
            found.push(Finding::new(Severity::Warning, "class.unmatched", policy, *line, message).with_help(near));
        }
    }
    for (name, role) in policy.roles.iter().filter(|(name, _)| !policy.is_of_an_exemption(name)) {
        for rule in &role.rows {
            if relations.iter().any(|r| rule.relation.matches([&r.schema, &r.name])) {
                continue;
            }
            let text = rule.relation.to_string();
            let near =
                nearest(&text, relations.iter().filter(|r| !is_system_schema(&r.schema)).map(|r| format!("{}.{}", r.schema, r.name)));
            let message = format!("the row filter of role {name} on `{text}` matches no relation: it hides nothing");
            let finding = Finding::new(Severity::Warning, "rows.unmatched", policy, rule.line, message).with_help(near);
            found.push(Finding { column: rule.column, ..finding });
        }
        for schema in role.writable_schemas.iter().filter(|s| !catalog.schemas.contains(*s)) {
            let near = nearest(schema, catalog.schemas.iter().filter(|s| !is_system_schema(s)).cloned());
            let message = format!("role {name} may write the schema {schema}, which there is not");
            found.push(Finding::new(Severity::Warning, "schema.unknown", policy, role.line, message).with_help(near));
        }
        for (schema, function) in &role.functions {
            if catalog.functions.get(function).is_some_and(|all| all.iter().any(|f| f.schema == *schema)) {
                continue;
            }
            let known = catalog.functions.iter().flat_map(|(name, all)| all.iter().map(move |f| (&f.schema, name)));
            let near =
                nearest(&format!("{schema}.{function}"), known.filter(|(s, _)| !is_system_schema(s)).map(|(s, n)| format!("{s}.{n}")));
            let message = format!("role {name} may call the function {schema}.{function}, which there is not");
            found.push(Finding::new(Severity::Warning, "function.unknown", policy, role.line, message).with_help(near));
        }
    }
    found
}

/// What of the database a wrong name is most like.
fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> String {
    let wrong = wrong.to_lowercase();
    let near = known
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| distance.saturating_mul(3) <= name.chars().count())
        .min();
    match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => "nothing in this database is called like it: correct it, or remove it".to_owned(),
    }
}

/// Columns that are redacted though nobody has said so.
fn by_default(policy: &Policy, catalog: &Catalog, role: &Role) -> Vec<Finding> {
    let mut found = Vec::new();
    let Ok(protection) = Protection::derive(policy, catalog, &role.name) else { return found };
    let (mut classes, mut unclassified, mut generated) = (BTreeMap::<&str, usize>::new(), 0_usize, Vec::new());
    for relation in own(catalog).into_iter().filter(|r| r.parents.is_empty()) {
        let Some(guard) = protection.guard(relation.oid) else { continue };
        for (number, treatment) in &guard.columns {
            match &treatment.class {
                Some(class) if !role.masks.contains_key(class) => {
                    let count = classes.entry(class).or_default();
                    *count = count.saturating_add(1);
                }
                Some(_) => {}
                None if treatment.rule.starts_with("derived from ") => {
                    if let Some(column) = relation.attribute(*number) {
                        generated.push((format!("{}.{}.{}", relation.schema, relation.name, column.name), &treatment.rule));
                    }
                }
                None => unclassified = unclassified.saturating_add(1),
            }
        }
    }
    for (class, count) in classes {
        let message = format!("role {} says nothing of class {class}: {} redacted", role.name, columns(count));
        let help = format!("write {class} = \"redact\" under [role.{}.mask] to say so, or another mask", role.name);
        found.push(Finding::new(Severity::Note, "class.default", policy, role.line, message).with_help(help));
    }
    if unclassified > 0 {
        let what = match policy.unclassified {
            Unclassified::Refuse => "not shown",
            Unclassified::Clear | Unclassified::Redact => "redacted",
        };
        let message = format!("{} without a class {what} for role {}", columns(unclassified), role.name);
        found.push(Finding::new(Severity::Note, "column.unclassified", policy, policy.unclassified_line, message));
    }
    for (column, rule) in generated {
        let message = format!("the generated column {column} is redacted for role {}: {rule}", role.name);
        found.push(
            Finding::new(Severity::Note, "column.generated", policy, role.line, message)
                .with_help(format!("give it a class of its own: \"{column}\"")),
        );
    }
    found
}

fn columns(count: usize) -> String {
    if count == 1 { "1 column is".to_owned() } else { format!("{count} columns are") }
}

/// Views that the role cannot read, or of which columns are computed from what is protected.
fn views(policy: &Policy, catalog: &Catalog, engine: &Engine, role: &Role) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = ["pg_catalog".to_owned()];
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    for view in own(catalog).into_iter().filter(|r| matches!(r.kind, RelationKind::View | RelationKind::MaterializedView)) {
        let who = Subject { role: role.name.clone(), search_path: path.to_vec().into(), user: None };
        let name = format!("{}.{}", view.schema, view.name);
        let from = format!("{}.{}", quote(&view.schema), quote(&view.name));
        if let Err(refusal) = engine.judge(&who, &format!("SELECT 1 FROM {from}")) {
            // A row filter that cannot be used is a finding of its own.
            if refusal.message.starts_with("the policy's SQL for ") {
                continue;
            }
            let why = refusal.detail.map(|d| format!(" ({d})")).unwrap_or_default();
            let message = format!("role {} cannot read {name}: {}{why}", role.name, refusal.message);
            let help = refusal.hint.unwrap_or_else(|| "query the tables that it is made from".to_owned());
            found.push(Finding::new(Severity::Note, "view.refused", policy, role.line, message).with_help(help));
            continue;
        }
        if view.kind == RelationKind::View {
            continue;
        }
        // One whose columns are refused is not looked at further.
        let Ok(plan) = engine.judge(&who, &format!("SELECT * FROM {from}")) else { continue };
        for output in plan.statements.iter().flat_map(|s| s.outputs.iter()) {
            let derived = matches!(output.origin, Origin::Veiled { relation, .. } if relation == view.oid)
                && engine.describe(&role.name, output).and_then(|d| d.rule).is_some_and(|rule| rule.starts_with("derived from "));
            if derived {
                let column = format!("{name}.{}", output.name);
                let message = format!("{column} is computed from protected columns, and redacted for role {}", role.name);
                let help = format!("give it a class: \"{column}\"; one with the mask clear where it tells of nobody");
                found.push(Finding::new(Severity::Note, "view.derived", policy, role.line, message).with_help(help));
            }
        }
    }
    found
}

/// The same of several roles is said once for each role, but nothing is said twice.
fn merge_roles(found: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    found.retain(|f| seen.insert((f.id, f.line, f.message.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_any_client_meets_is_noted() {
        let text = "version = 1\n[role.r]\nwhen.networks = [\"10.0.0.0/8\"]\n[role.s]\nwhen.applications = [\"psql\"]\n[role.t]\ninherits = [\"r\", \"s\"]\n";
        let policy = Policy::parse("p", text).unwrap();
        let found: Vec<Finding> = policy.roles.values().flat_map(|role| by_word(&policy, role)).collect();
        let told: Vec<_> = found.iter().map(|f| (f.id, f.line, f.message.as_str())).collect();
        assert_eq!(
            told,
            [
                ("role.application", 5, "role s hangs on the application psql: any client can call itself so"),
                ("role.application", 5, "role t hangs on the application psql: any client can call itself so"),
            ]
        );
    }
}
