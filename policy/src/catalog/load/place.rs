//! What the rows say together: types by name, columns, indexes and keys at their relations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::type_sql::{TypeRow, base_type, bottom, type_sql};
use super::{Builder, ColumnRow, LoadError};
use crate::catalog::form::TypeFacts;
use crate::catalog::{Column, ColumnType, Index, Oid, Relation, RelationKind, Type};

impl Builder {
    pub(super) fn name_types(&mut self) -> Result<(), LoadError> {
        for (oid, row) in self.taken.iter().filter_map(|oid| self.types.get_key_value(oid)) {
            let fields = match row.kind {
                'c' => self.columns.get(&row.relation).map(|c| c.iter().map(|c| c.name.clone()).collect()).unwrap_or_default(),
                _ => Vec::new(),
            };
            let own = self.columns.get(&row.relation).filter(|_| row.kind == 'c' && !self.relations.contains_key(&row.relation));
            let columns = own.into_iter().flatten().map(|c| column(&self.types, c.clone())).collect::<Result<_, _>>()?;
            let named = Type { oid: *oid, relation: row.relation, fields, columns };
            self.catalog.types.entry(row.schema.clone()).or_default().insert(row.name.clone(), named);
            let facts = TypeFacts {
                schema: row.schema.clone(),
                name: row.name.clone(),
                kind: row.kind,
                bottom: bottom(&self.types, *oid, None).0,
                element: row.element,
                array: row.array,
                relation: row.relation,
                category: row.category,
                preferred: row.preferred,
                collatable: row.collatable,
                nondeterministic: row.nondeterministic,
            };
            self.catalog.forms.types.insert(*oid, Arc::new(facts));
        }
        Ok(())
    }

    pub(super) fn place_columns(&mut self) -> Result<(), LoadError> {
        for (relation, rows) in std::mem::take(&mut self.columns) {
            if let Some(relation) = self.relations.get_mut(&relation) {
                for row in rows {
                    relation.columns.push(column(&self.types, row)?);
                }
            }
        }
        // Those with 0 last: it stands only where there is no other.
        self.generated.sort_by_key(|(_, _, source)| *source == 0);
        for (relation, number, source) in std::mem::take(&mut self.generated) {
            let columns = self.relations.get_mut(&relation).map(|r| r.columns.as_mut_slice()).unwrap_or_default();
            if let Some(column) = columns.iter_mut().find(|c| c.number == number)
                && (source != 0 || column.generated_from.is_empty())
            {
                column.generated_from.push(source);
            }
        }
        Ok(())
    }

    /// Gives each relation its own indexes and those of everything below it, and its primary key.
    pub(super) fn place_indexes(&mut self) {
        let mut inherited: HashSet<Oid> = HashSet::new();
        let mut above: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for relation in self.relations.values() {
            inherited.extend(&relation.parents);
            above.insert(relation.oid, self.ancestors(relation));
        }
        for (oid, row) in std::mem::take(&mut self.indexes) {
            let Some(own) = self.relations.get(&oid).cloned() else { continue };
            self.catalog.index_names.entry(oid).or_default().push(row.name);
            let every = || own.columns.iter().map(|c| c.number);
            let mut mentions: Vec<i16> = row.attributes.iter().chain(&row.depends).copied().filter(|n| *n > 0).collect();
            mentions.extend(every().filter(|_| row.whole_row));
            let index = Index { mentions: sorted(mentions), returns: sorted(row.attributes.iter().copied().filter(|n| *n > 0).collect()) };
            for ancestor in above.get(&oid).into_iter().flatten() {
                if let Some(ancestor) = self.relations.get_mut(ancestor) {
                    let index = seen_from(&index, &own, ancestor);
                    add(ancestor, index);
                }
            }
            if let Some(own) = self.relations.get_mut(&oid) {
                // A plain table's key does not hold across the tables that inherit from it.
                let unique = own.kind != RelationKind::Table || !inherited.contains(&oid);
                let keys: Vec<i16> = row.attributes.iter().copied().take(row.keys).collect();
                if row.primary && unique {
                    own.primary_key = keys;
                } else if row.unique && unique && keys.iter().all(|n| own.attribute(*n).is_some_and(|c| c.not_null)) {
                    own.unique.push(keys);
                }
                add(own, index);
            }
        }
    }

    fn ancestors(&self, relation: &Relation) -> Vec<Oid> {
        let mut found: Vec<Oid> = Vec::new();
        let mut open = relation.parents.clone();
        while let Some(parent) = open.pop() {
            if !found.contains(&parent) {
                found.push(parent);
                open.extend(self.relations.get(&parent).into_iter().flat_map(|r| &r.parents));
            }
        }
        found
    }
}

fn column(types: &HashMap<Oid, Arc<TypeRow>>, row: ColumnRow) -> Result<Column, LoadError> {
    let unknown = LoadError::UnknownType { oid: row.type_oid };
    let (bottom_oid, bottom_modifier) = bottom(types, row.type_oid, row.modifier.as_ref());
    let is_domain = bottom_oid != row.type_oid;
    let data_type = ColumnType {
        oid: row.type_oid,
        typmod: row.typmod,
        sql: type_sql(types, row.type_oid, row.modifier.as_ref()).ok_or_else(|| unknown.clone())?,
        base_sql: type_sql(types, bottom_oid, bottom_modifier).ok_or(unknown)?,
        base: base_type(types, bottom_oid),
        collation: row.collation,
        nondeterministic: row.nondeterministic,
        is_domain,
    };
    Ok(Column { number: row.number, name: row.name, data_type, not_null: row.not_null, generated_from: Vec::new() })
}

/// A descendant's index in an ancestor's attribute numbers, which go by name.
fn seen_from(index: &Index, descendant: &Relation, ancestor: &Relation) -> Index {
    let number = |n: &i16| descendant.attribute(*n).and_then(|c| ancestor.column(&c.name)).map(|c| c.number);
    Index {
        mentions: sorted(index.mentions.iter().map(|n| number(n).unwrap_or(Index::OF_A_CHILD)).collect()),
        returns: sorted(index.returns.iter().filter_map(number).collect()),
    }
}

/// The partitions of one index look the same from above.
fn add(relation: &mut Relation, index: Index) {
    if !relation.indexes.contains(&index) {
        relation.indexes.push(index);
    }
}

fn sorted(mut numbers: Vec<i16>) -> Vec<i16> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
