//! Which relation a name means, whose it is, and what of it is protected for the role.

use std::collections::BTreeSet;
use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar};

use super::super::place;
use super::super::refuse;
use super::super::rights::is_temporary;
use super::Definer;
use crate::catalog::{Relation, RelationKind};
use crate::policy::pattern::is_system_schema;
use crate::policy::protection::Action;
use crate::{Refusal, SqlState};

/// Statements after which a relation has the rows, and a query the meaning, that it had.
const KEEP_ROWS: &[&str] =
    &["ANALYZE", "VACUUM", "COMMENT", "CREATE INDEX", "CREATE STATISTICS", "CLUSTER", "REINDEX", "GRANT", "REVOKE", "CREATE TABLE"];

/// What of a relation is protected.
#[derive(Debug, Clone, Default)]
pub(super) struct Guarded {
    /// As a refusal names it.
    pub name: String,
    /// Names of its columns that are protected, and of those of its inheritance children and partitions.
    pub columns: BTreeSet<String>,
    /// Those of them that are pseudonymised.
    pub sealed: BTreeSet<String>,
    /// Rows of it, or of such a child, are hidden; or it may not be read at all.
    pub filtered: bool,
}

impl Guarded {
    /// Something of it is protected.
    pub(super) fn is(&self) -> bool {
        self.filtered || !self.columns.is_empty()
    }
}

impl Definer<'_> {
    /// An existing relation: its name is qualified, and the role must be allowed to define things in its schema.
    pub(super) fn existing(&mut self, range: &mut RangeVar) -> Result<(Arc<Relation>, Guarded), Refusal> {
        let relation = self.find(range)?;
        let what = format!("{} {}.{}", self.what, relation.schema, relation.name);
        self.may_define_in(&relation.schema, &what)?;
        if !KEEP_ROWS.contains(&self.what) {
            self.facts.feeds_no_filter(&relation, &what, &self.who.role)?;
        }
        let guarded = self.guarded(&relation);
        self.protected |= guarded.is();
        Ok((relation, guarded))
    }

    /// An existing relation that the role need not own.
    pub(super) fn find(&mut self, range: &mut RangeVar) -> Result<Arc<Relation>, Refusal> {
        self.own_database(&mut range.catalogname)?;
        let parts = match range.schemaname.as_str() {
            "" => vec![range.relname.clone()],
            "pg_temp" => vec![self.temporary_schema().unwrap_or_else(|| "pg_temp".to_owned()), range.relname.clone()],
            schema => vec![schema.to_owned(), range.relname.clone()],
        };
        let relation = self.judge.find_relation(&parts)?;
        if is_system_schema(&relation.schema) {
            let message = format!("{} {}.{}: Postgres' own relations are not defined anew", self.what, relation.schema, relation.name);
            return Err(Refusal::new(SqlState::DENIED, "define.schema", message).with_hint("Use a relation of your own."));
        }
        range.schemaname.clone_from(&relation.schema);
        Ok(relation)
    }

    /// A relation that has no place in FROM: an index, or what is not known and so must lie where an unqualified name goes.
    pub(super) fn unseen(&mut self, range: &mut RangeVar) -> Result<(), Refusal> {
        match range.schemaname.as_str() {
            "" => {
                let catalog = &self.facts.catalog;
                let there = |s: &&String| catalog.has_index(s, &range.relname) || catalog.relation(s, &range.relname).is_some();
                if let Some(schema) = self.who.search_path.iter().find(there) {
                    range.schemaname.clone_from(schema);
                }
            }
            "pg_temp" => range.schemaname = self.temporary_schema().unwrap_or_else(|| "pg_temp".to_owned()),
            _ => {}
        }
        self.placed(range)?;
        // ALTER INDEX renames tables too.
        if self.facts.catalog.relation(&range.schemaname, &range.relname).is_some() {
            return Err(self.denied("the name is that of a relation of another kind", "Use the statement for that kind of relation."));
        }
        Ok(())
    }

    fn placed(&mut self, range: &mut RangeVar) -> Result<(), Refusal> {
        self.own_database(&mut range.catalogname)?;
        if range.schemaname.is_empty() {
            range.schemaname = place::first_of(&self.who.search_path)?;
        }
        let what = format!("{} {}.{}", self.what, range.schemaname, range.relname);
        let schema = range.schemaname.clone();
        self.may_define_in(&schema, &what)
    }

    /// The schema of something new: its name is qualified.
    pub(super) fn new_relation(&mut self, range: &mut RangeVar) -> Result<(), Refusal> {
        self.own_database(&mut range.catalogname)?;
        if range.relpersistence == "t" || range.schemaname == "pg_temp" {
            "t".clone_into(&mut range.relpersistence);
            range.schemaname = "pg_temp".to_owned();
            return self.facts.rights.write("pg_temp", &format!("{} {}", self.what, range.relname));
        }
        self.placed(range)
    }

    /// The name of a type, collation or statistics object as a list: it is qualified.
    pub(super) fn object_name(&mut self, names: &mut Vec<Node>) -> Result<(), Refusal> {
        let parts = strings(names).ok_or_else(|| self.closed())?;
        let (schema, name) = match parts.as_slice() {
            [name] => {
                let known = self.who.search_path.iter().find(|s| self.facts.catalog.types.get(*s).is_some_and(|t| t.contains_key(name)));
                let schema = match known {
                    Some(schema) if !is_system_schema(schema) => schema.clone(),
                    _ => place::first_of(&self.who.search_path)?,
                };
                (schema, name.clone())
            }
            [schema, name] => (schema.clone(), name.clone()),
            _ => return Err(refuse::not_yet("name.database", "a name with the database's name in it")),
        };
        self.may_define_in(&schema, &format!("{} {schema}.{name}", self.what))?;
        *names = [schema, name].into_iter().map(string).collect();
        Ok(())
    }

    /// Whether the role may define things in a schema; its own session's temporary one goes by its number here.
    pub(super) fn may_define_in(&self, schema: &str, what: &str) -> Result<(), Refusal> {
        if is_temporary(schema) && self.temporary_schema().as_deref() == Some(schema) {
            return self.facts.rights.write("pg_temp", what);
        }
        place::may_define_in(self.facts, schema, what)
    }

    /// The name of the session's temporary schema, where there is one.
    fn temporary_schema(&self) -> Option<String> {
        self.who.search_path.iter().find(|s| s.starts_with("pg_temp_")).cloned()
    }

    /// What of a relation is protected: by the policy, for it and those below it; of a view, what it reads.
    pub(super) fn guarded(&mut self, relation: &Arc<Relation>) -> Guarded {
        let mut guarded = Guarded { name: format!("{}.{}", relation.schema, relation.name), ..Guarded::default() };
        let catalog = Arc::clone(&self.facts.catalog);
        let below = catalog.relations.values().filter(|r| r.oid == relation.oid || catalog.ancestors(r.oid).contains(&relation.oid));
        for one in below {
            let Some(guard) = self.facts.guard(one.oid) else { continue };
            guarded.filtered |= !guard.filters.is_empty() || guard.unfit.is_some();
            for (number, treatment) in &guard.columns {
                let Some(column) = one.attribute(*number) else { continue };
                guarded.columns.insert(column.name.clone());
                if matches!(treatment.action, Action::Seal(_)) {
                    guarded.sealed.insert(column.name.clone());
                }
            }
        }
        guarded
    }

    /// The relations in a schema, by name.
    pub(super) fn inside(&self, schema: &str) -> Vec<Arc<Relation>> {
        let catalog = &self.facts.catalog;
        let names = catalog.relation_names.get(schema).into_iter().flat_map(|names| names.values());
        let mut found: Vec<Arc<Relation>> = names.filter_map(|oid| catalog.relations.get(oid).cloned()).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Somebody who reads it with the rights of its owner sees something that the role does not.
    pub(super) fn shows_protected(&mut self, relation: &Arc<Relation>) -> bool {
        if self.guarded(relation).is() {
            return true;
        }
        match relation.kind {
            RelationKind::View | RelationKind::MaterializedView => {
                let protected = |r: &Relation| self.facts.guard(r.oid).is_some();
                self.judge.first_source(relation.oid, &protected, &mut BTreeSet::new()).is_some()
            }
            RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign | RelationKind::Sequence => false,
        }
    }

    /// It stays what it is, since what is protected goes by its name.
    pub(super) fn not_protected(&self, guarded: &Guarded, why: &str) -> Result<(), Refusal> {
        if !guarded.is() {
            return Ok(());
        }
        let message = format!("{} of {}, of which something is protected for role {}: {why}", self.what, guarded.name, self.who.role);
        Err(Refusal::new(SqlState::DENIED, "define.protected", message)
            .with_hint("Somebody for whom nothing of it is protected can do it, and adapt the policy."))
    }

    /// What a statement puts into that column is not of the role's choice.
    pub(super) fn not_chosen(&self, guarded: &Guarded, column: &str) -> Result<(), Refusal> {
        if !guarded.sealed.contains(column) {
            return Ok(());
        }
        self.not_protected(guarded, &format!("{column} would show the pseudonym of a value that somebody chooses"))
    }

    /// The columns of a new relation, or of one that is called otherwise now, have no pseudonyms of others.
    pub(super) fn makes_no_guess<'c>(
        &self,
        schema: &str,
        relation: &str,
        mut columns: impl Iterator<Item = &'c str>,
    ) -> Result<(), Refusal> {
        columns.try_for_each(|column| self.facts.makes_no_guess(schema, relation, column, self.what, &self.who.role))
    }

    /// Rows of it are not hidden.
    pub(super) fn not_filtered(&self, guarded: &Guarded) -> Result<(), Refusal> {
        if !guarded.filtered {
            return Ok(());
        }
        let message = format!("{} of {}, of which rows are hidden from role {}", self.what, guarded.name, self.who.role);
        Err(Refusal::new(SqlState::DENIED, "define.filtered", message)
            .with_detail("It would change the hidden rows too, or tell of them.")
            .with_hint("Ask for a role that sees all rows."))
    }

    /// A name with the database's in it must mean this database, which Postgres checks.
    fn own_database(&self, database: &mut String) -> Result<(), Refusal> {
        if database.is_empty() || *database == self.facts.catalog.database {
            database.clear();
            return Ok(());
        }
        Err(refuse::not_yet("name.database", "a relation of another database"))
    }
}

/// A list of names.
pub(super) fn strings(names: &[Node]) -> Option<Vec<String>> {
    names
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(s)) => Some(s.sval.clone()),
            _ => None,
        })
        .collect()
}

/// A name as a node.
pub(super) fn string(name: String) -> Node {
    Node { node: Some(NodeEnum::String(pg_query::protobuf::String { sval: name })) }
}

/// A relation of a list of nodes.
pub(super) fn range(node: &mut Node) -> Option<&mut RangeVar> {
    match &mut node.node {
        Some(NodeEnum::RangeVar(range)) => Some(range),
        _ => None,
    }
}

/// A list of names as a relation's.
pub(super) fn as_range(parts: &[String]) -> Option<RangeVar> {
    let base = RangeVar { inh: true, relpersistence: "p".to_owned(), ..RangeVar::default() };
    match parts {
        [name] => Some(RangeVar { relname: name.clone(), ..base }),
        [schema, name] => Some(RangeVar { schemaname: schema.clone(), relname: name.clone(), ..base }),
        [database, schema, name] => {
            Some(RangeVar { catalogname: database.clone(), schemaname: schema.clone(), relname: name.clone(), ..base })
        }
        _ => None,
    }
}
