//! What was decided about a result column, in words: for `pgveil explain` and EXPLAIN (VEIL).

use super::Judge;
use super::engine::{RoleEngine, Subject};
use super::scope::Col;
use crate::catalog::{Column, Oid, Relation};
use crate::mask::Mask;
use crate::plan::{Act, Origin, Output, Planned};
use crate::policy::pattern::is_system_schema;
use crate::policy::protection::{Action, Treatment};
use crate::policy::{DefaultMask, Role};
use crate::read::Body;

/// A result column and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// As the client sees it.
    pub name: String,
    /// Its type, where it is a column's.
    pub data_type: Option<String>,
    /// `schema.table.column`; `None` for what is computed.
    pub origin: Option<String>,
    /// The view's column through which it was read.
    pub view: Option<String>,
    /// For what is computed, the protected columns that it is computed from, as they look to the role.
    pub from: Vec<String>,
    /// What the policy says that it holds.
    pub class: Option<String>,
    /// The mask's name, `clear`, or `computed`: from columns as they look to the role.
    pub mask: String,
    /// The mask as the policy writes it, where a rule names one.
    pub written: Option<String>,
    /// Why, as `policy.toml:31 (role analyst, class email)`; `None` for what is computed.
    pub rule: Option<String>,
}

/// A row filter that a statement meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// `schema.table`
    pub relation: String,
    /// As the policy writes it.
    pub condition: String,
    /// Where it stands, as `policy.toml:44 (role analyst, rows of shop.customers)`.
    pub rule: String,
}

impl Described {
    /// What it is computed from, in words.
    pub fn from_text(&self) -> Option<String> {
        (!self.from.is_empty()).then(|| format!("from {}", self.from.join(", ")))
    }
}

impl Planned {
    /// The columns that the client gets, be it at once, by COPY, or when what it names is used.
    pub fn shown(&self) -> &[Output] {
        match (&self.copy, &self.act) {
            (Some(copy), _) => &copy.columns,
            (None, Act::Prepare { statement, .. }) => statement.shown(),
            (None, Act::Declare { query, .. }) => query.shown(),
            (
                None,
                Act::Nothing
                | Act::Execute { .. }
                | Act::Deallocate(_)
                | Act::Fetch { .. }
                | Act::Close(_)
                | Act::Discard
                | Act::TakeRole(_),
            ) => &self.outputs,
        }
    }
}

impl RoleEngine {
    /// The columns of a statement, with what they are computed from, as [`RoleEngine::sources`] found it.
    pub(super) fn described(&self, outputs: &[Output], from: Option<Vec<Vec<String>>>) -> Vec<Described> {
        // Others than expected say nothing.
        let mut from = from.filter(|from| from.len() == outputs.len()).unwrap_or_default().into_iter();
        outputs.iter().map(|output| Described { from: from.next().unwrap_or_default(), ..self.describe(output) }).collect()
    }

    /// For each column of a query the protected columns that it is computed from, by following them through it; `None` for another
    /// statement, and for what cannot be followed.
    pub(super) fn sources(&self, who: &Subject, body: &Body, text: &str) -> Option<Vec<Vec<String>>> {
        let Body::Query(reading) = body else { return None };
        let mut query = (*reading.ast).clone();
        let mut judge = Judge::new(self.facts.following(), &who.search_path, &who.role, text);
        let cols = judge.query(&mut query, None, false).ok()?;
        let name = |(oid, number): &(Oid, i16)| {
            let (relation, column) = self.column(*oid, *number)?;
            Some(format!("{}.{}.{}", relation.schema, relation.name, column.name))
        };
        let names = |col: &Col| {
            let mut names: Vec<String> = col.sources.iter().filter_map(name).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        Some(cols.iter().map(names).collect())
    }

    pub(super) fn describe(&self, output: &Output) -> Described {
        let place = match output.origin {
            Origin::Computed => None,
            Origin::Column { relation, attribute } | Origin::Veiled { relation, attribute } => self.column(relation, attribute),
        };
        let name = |(relation, column): (&Relation, &Column)| format!("{}.{}.{}", relation.schema, relation.name, column.name);
        let mut described = Described {
            name: output.name.clone(),
            data_type: place.map(|(_, column)| column.data_type.sql.trim_start_matches("pg_catalog.").replace('"', "")),
            origin: place.map(name),
            view: output.of_view.and_then(|(relation, attribute)| self.column(relation, attribute)).map(name),
            from: vec![],
            class: None,
            mask: "computed".to_owned(),
            written: None,
            rule: None,
        };
        let sealed = match &output.mask {
            Mask::Seal(spec) | Mask::SealElements(spec) => Some(&spec.class),
            Mask::Clear => None,
        };
        match (place, sealed) {
            (_, Some(class)) => self.by_class(&mut described, class),
            (Some((relation, column)), None) => self.by_column(&mut described, relation, column, &output.origin),
            (None, None) => {}
        }
        described
    }

    pub(super) fn hidden(&self, planned: &Planned) -> Vec<Hidden> {
        let filters = |oid: &Oid| {
            let relation = self.facts.catalog.relations.get(oid)?;
            let guard = self.facts.guard(*oid)?;
            let name = format!("{}.{}", relation.schema, relation.name);
            let one = move |f: &crate::policy::Filter| Hidden { relation: name.clone(), condition: f.sql.clone(), rule: f.rule.clone() };
            Some(guard.filters.iter().map(one).collect::<Vec<_>>())
        };
        planned.filtered.iter().filter_map(filters).flatten().collect()
    }

    fn column(&self, relation: Oid, attribute: i16) -> Option<(&Relation, &Column)> {
        let relation = self.facts.catalog.relations.get(&relation)?;
        relation.attribute(attribute).map(|column| (relation.as_ref(), column))
    }

    fn role(&self) -> Option<&Role> {
        self.policy.roles.get(&self.name)
    }

    /// A pseudonym.
    fn by_class(&self, described: &mut Described, class: &str) {
        let Some(mask) = self.role().and_then(|role| role.masks.get(class)) else { return };
        described.class = Some(class.to_owned());
        described.mask = mask.spec.name().to_owned();
        described.written = Some(mask.written.clone());
        described.rule = Some(self.place(mask.line, &format!("class {class}")));
    }

    fn by_column(&self, described: &mut Described, relation: &Relation, column: &Column, origin: &Origin) {
        let guard = self.facts.guard(relation.oid);
        let lineage = self.facts.lineage(relation.oid);
        let treatment =
            guard.and_then(|g| g.columns.get(&column.number)).or_else(|| lineage.as_ref().and_then(|g| g.columns.get(&column.number)));
        match (treatment, origin) {
            (Some(treatment), _) => self.by_treatment(described, treatment),
            // Only Postgres' own catalogs are veiled without one.
            (None, Origin::Veiled { .. }) => {
                described.mask = "veiled".to_owned();
                described.rule = Some("built in".to_owned());
            }
            (None, Origin::Column { .. } | Origin::Computed) => self.clear(described, relation, column),
        }
    }

    fn by_treatment(&self, described: &mut Described, treatment: &Treatment) {
        described.class.clone_from(&treatment.class);
        described.rule = Some(treatment.rule.clone());
        let mask = treatment.class.as_ref().and_then(|class| self.role()?.masks.get(class));
        described.mask = match (&treatment.action, mask) {
            (Action::Refuse, _) => "refuse".to_owned(),
            // It is redacted in this statement: its mask is a pseudonym, and that is not what it became.
            (Action::Seal(_), Some(mask)) if mask.redacts_otherwise => {
                described.written = Some(mask.written.clone());
                described.rule = Some(format!("{}; otherwise = \"redact\"", treatment.rule));
                "redact".to_owned()
            }
            (Action::Veil(_) | Action::Seal(_), Some(mask)) => {
                described.written = Some(mask.written.clone());
                mask.spec.name().to_owned()
            }
            (Action::Veil(_) | Action::Seal(_), None) => "redact".to_owned(),
        };
    }

    /// A column that the role sees as it is.
    fn clear(&self, described: &mut Described, relation: &Relation, column: &Column) {
        described.mask = "clear".to_owned();
        if is_system_schema(&relation.schema) {
            described.rule = Some("built in".to_owned());
            return;
        }
        let above = self.facts.catalog.ancestors(relation.oid);
        let family = above.iter().filter_map(|oid| self.facts.catalog.relations.get(oid)).map(AsRef::as_ref);
        let named = std::iter::once(relation).chain(family).find_map(|relation| {
            let names = [relation.schema.clone(), relation.name.clone(), column.name.clone()];
            self.policy.class_of(&[&names])
        });
        let Some(role) = self.role() else { return };
        described.rule = Some(match named {
            None => match self.policy.unclassified_line {
                0 => "no class names it".to_owned(),
                line => self.place(line, "unclassified"),
            },
            Some(class) => {
                described.class = Some(class.name.clone());
                match (role.masks.get(&class.name), role.default) {
                    (Some(mask), _) => self.place(mask.line, &format!("class {}", class.name)),
                    (None, DefaultMask::Clear | DefaultMask::Redact) => self.place(role.line, &format!("class {}, default", class.name)),
                }
            }
        });
    }

    fn place(&self, line: usize, what: &str) -> String {
        format!("{}:{line} (role {}, {what})", self.policy.file, self.name)
    }
}
