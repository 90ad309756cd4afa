//! Columns that show each other's values: those of one name along partitioning and inheritance.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::catalog::{Catalog, Column, Oid, Relation};

/// The families of all columns of a database.
pub(in crate::policy) struct Families<'a> {
    catalog: &'a Catalog,
    /// From a column to another of its family, nearer to the head. Columns without relatives are not here.
    toward: HashMap<(Oid, i16), (Oid, i16)>,
}

impl<'a> Families<'a> {
    pub(in crate::policy) fn of(catalog: &'a Catalog) -> Self {
        let mut families = Families { catalog, toward: HashMap::new() };
        let mut relations: Vec<&Arc<Relation>> = catalog.relations.values().collect();
        relations.sort_by_key(|r| r.oid);
        for relation in relations {
            for parent in families.parents(relation) {
                for column in &relation.columns {
                    if let Some(above) = parent.column(&column.name) {
                        let (child, parent) = (families.head(relation, column), families.head(parent, above));
                        if child != parent {
                            families.toward.insert(child, parent);
                        }
                    }
                }
            }
        }
        families
    }

    /// The one column that stands for the family: (relation, attribute).
    pub(in crate::policy) fn head(&self, relation: &Relation, column: &Column) -> (Oid, i16) {
        let mut at = (relation.oid, column.number);
        while let Some(next) = self.toward.get(&at) {
            at = *next;
        }
        at
    }

    /// A direct parent has a column of that name.
    pub(in crate::policy) fn has_parent(&self, relation: &Relation, column: &Column) -> bool {
        self.parents(relation).iter().any(|parent| parent.column(&column.name).is_some())
    }

    /// Parents, their parents, and so on; without the relation itself.
    pub(in crate::policy) fn ancestors(&self, relation: &Relation) -> Vec<&'a Relation> {
        let mut seen = HashSet::from([relation.oid]);
        let mut found = self.parents(relation);
        found.retain(|r| seen.insert(r.oid));
        let mut next = 0;
        while let Some(ancestor) = found.get(next).copied() {
            found.extend(self.parents(ancestor).into_iter().filter(|r| seen.insert(r.oid)));
            next += 1;
        }
        found
    }

    fn parents(&self, relation: &Relation) -> Vec<&'a Relation> {
        relation.parents.iter().filter_map(|oid| self.catalog.relations.get(oid)).map(Arc::as_ref).collect()
    }
}
