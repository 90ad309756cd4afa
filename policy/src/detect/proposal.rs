//! What was found in a whole database, and the policy that it makes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::{Kind, Suspect, suspect};
use crate::catalog::{Catalog, Column, ColumnType, Oid, Relation, RelationKind};
use crate::mask::fit::fit;
use crate::policy::Policy;
use crate::policy::pattern::is_system_schema;

/// Sampled values by relation and attribute number.
pub type Samples = HashMap<(Oid, i16), Vec<String>>;

/// What was found in a database.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposal {
    /// The database's name.
    pub database: String,
    /// By kind, then by name.
    pub found: Vec<Found>,
    /// How many relations were looked at.
    pub relations: usize,
    /// How many columns were looked at, without those that have a class already.
    pub columns: usize,
    /// How many have a class already.
    pub classified: usize,
}

/// A column that looks like personal data.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Schema, relation and column.
    pub name: [String; 3],
    /// Its type.
    pub data_type: ColumnType,
    /// What it looks like.
    pub suspect: Suspect,
}

impl Found {
    /// As a pattern of the policy that matches this column alone.
    pub fn pattern(&self) -> String {
        self.name.each_ref().map(|part| quoted(part)).join(".")
    }
}

/// Looks at all columns of tables that `policy` gives no class. Views have the classes of what they read; partitions and inheritance children those of
/// their parents.
pub fn propose(catalog: &Catalog, policy: Option<&Policy>, samples: &Samples) -> Proposal {
    let mut proposal = Proposal { database: catalog.database.clone(), ..Proposal::default() };
    for relation in catalog.relations.values().filter(|relation| is_looked_at(relation)) {
        proposal.relations += 1;
        for column in relation.columns.iter().filter(|column| !is_inherited(catalog, relation, column)) {
            if policy.is_some_and(|policy| is_classified(catalog, policy, relation, column)) {
                proposal.classified += 1;
                continue;
            }
            proposal.columns += 1;
            let values = samples.get(&(relation.oid, column.number)).map(Vec::as_slice);
            if let Some(suspect) = suspect(relation, column, values) {
                let name = [relation.schema.clone(), relation.name.clone(), column.name.clone()];
                proposal.found.push(Found { name, data_type: column.data_type.clone(), suspect });
            }
        }
    }
    proposal.found.sort_by(|a, b| (a.suspect.kind, &a.name).cmp(&(b.suspect.kind, &b.name)));
    proposal
}

/// A table of the database's users.
pub fn is_looked_at(relation: &Relation) -> bool {
    let holds = match relation.kind {
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign => true,
        RelationKind::View | RelationKind::MaterializedView | RelationKind::Sequence => false,
    };
    holds && !is_system_schema(&relation.schema) && !relation.schema.starts_with("pg_temp")
}

fn is_inherited(catalog: &Catalog, relation: &Relation, column: &Column) -> bool {
    relation.parents.iter().filter_map(|parent| catalog.relations.get(parent)).any(|parent| parent.column(&column.name).is_some())
}

/// A pattern names it, or the column of that name of a parent or child.
fn is_classified(catalog: &Catalog, policy: &Policy, relation: &Relation, column: &Column) -> bool {
    let named = |relation: &Relation| {
        let names = [relation.schema.as_str(), &relation.name, &column.name];
        policy.classes.iter().flat_map(|class| &class.columns).any(|(pattern, _)| pattern.matches(names))
    };
    let above = catalog.ancestors(relation.oid);
    let related =
        |other: &Relation| above.contains(&other.oid) || !other.parents.is_empty() && catalog.ancestors(other.oid).contains(&relation.oid);
    named(relation) || catalog.relations.values().any(|other| related(other) && named(other))
}

impl Proposal {
    /// What is proposed.
    pub fn likely(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.suspect.is_likely())
    }

    /// What is worth a look only.
    pub fn unsure(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| !found.suspect.is_likely() && found.suspect.confidence >= 0.3)
    }

    /// A whole policy to edit, or, beside one that there is, what it lacks.
    pub fn policy(&self, beside: Option<&Policy>) -> String {
        let mut out = String::new();
        let likely = self.likely().count();
        let already = if self.classified > 0 { format!("; {} have a class already", self.classified) } else { String::new() };
        let _ = writeln!(
            out,
            "# Proposed by `pgveil scan` for the database {}: {likely} of {} columns in {} tables look like personal data{already}.",
            self.database.escape_debug(),
            self.columns,
            self.relations
        );
        out.push_str(match beside {
            None => "# Read it, change it, save it as policy.toml, and run `pgveil check`. Behind each column: how sure it is (1 is certain), and why.\n\nversion = 1\nunclassified = \"clear\"\n",
            Some(_) => "# Add these to the policy, and run `pgveil check`. Behind each column: how sure it is (1 is certain), and why.\n",
        });
        let mut by_kind: BTreeMap<Kind, Vec<&Found>> = BTreeMap::new();
        self.likely().for_each(|found| by_kind.entry(found.suspect.kind).or_default().push(found));
        for (kind, columns) in &by_kind {
            let exists = beside.is_some_and(|policy| policy.classes.iter().any(|class| class.name == kind.class()));
            let hint = if exists { ": this class is in the policy, its columns grow" } else { "" };
            let _ = writeln!(out, "\n[class.{}]  # {}{hint}\ncolumns = [", kind.class(), kind.words());
            for found in columns {
                let _ =
                    writeln!(out, "    {},  # {:.2} {}", toml(&found.pattern()), found.suspect.confidence, comment(&found.suspect.reason));
            }
            out.push_str("]\n");
        }
        let unsure: Vec<&Found> = self.unsure().collect();
        if !unsure.is_empty() {
            out.push_str("\n# Worth a look, and not sure enough to be proposed:\n");
            for found in unsure {
                let (kind, s) = (found.suspect.kind.class(), &found.suspect);
                let _ = writeln!(out, "#   {}  # {kind}? {:.2} {}", toml(&found.pattern()), s.confidence, comment(&s.reason));
            }
        }
        if beside.is_none() {
            out.push_str("\n[role.admin]\ndefault = \"clear\"\n\n# What a class not named below gets: \"redact\".\n[role.analyst]\nread_only = true\n");
            if !by_kind.is_empty() {
                out.push_str("[role.analyst.mask]\n");
            }
            for (kind, columns) in &by_kind {
                let _ = writeln!(out, "{} = {}", kind.class(), mask(*kind, columns));
            }
        }
        out
    }
}

/// The most useful mask that fits all of these columns.
fn mask(kind: Kind, columns: &[&Found]) -> &'static str {
    let fits = |text: &&&str| {
        let policy = format!("version = 1\n[class.c]\ncolumns = [\"a.b.c\"]\n[role.r.mask]\nc = {text}\n");
        let Ok(policy) = Policy::parse("", &policy) else { return false };
        let Some(mask) = policy.roles.get("r").and_then(|role| role.masks.get("c")) else { return false };
        columns.iter().all(|found| fit(&mask.spec, kind.class(), &found.name[2], &found.data_type).is_ok())
    };
    kind.masks().iter().find(fits).copied().unwrap_or("\"redact\"")
}

/// A part of a pattern that is taken literally.
fn quoted(part: &str) -> String {
    let plain = !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '-');
    if plain { part.to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) }
}

fn toml(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

/// Keys of documents stand in reasons: nothing of theirs ends the line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
