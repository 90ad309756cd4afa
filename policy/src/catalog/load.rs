//! From the rows of [`QUERIES`] to a [`Catalog`].

mod place;
pub(in crate::catalog) mod queries;
mod row;
mod take;
mod type_sql;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use queries::QUERIES;
use row::Cells;
use type_sql::{Modified, TypeRow};

use super::{Catalog, Oid, Relation, Sequence};

/// The rows do not make a catalog: the server's fault or ours, never the client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Rows for a query that is not in [`QUERIES`], or a second time.
    #[error("catalog query \"{query}\" is not expected")]
    Unexpected {
        /// As it was named.
        query: String,
    },
    /// A query of [`QUERIES`] was not run.
    #[error("catalog query \"{query}\" was not run")]
    Missing {
        /// Its name.
        query: &'static str,
    },
    /// A cell is absent, NULL where it cannot be, or does not read as what it should be.
    #[error("catalog query \"{query}\": cell {cell} is not {expected}")]
    Cell {
        /// The query's name.
        query: String,
        /// From 0.
        cell: usize,
        /// What it should be.
        expected: &'static str,
    },
    /// A column has a type that the types do not name.
    #[error("type {oid} of a column is not in the catalog")]
    UnknownType {
        /// `atttypid`
        oid: Oid,
    },
}

/// Takes the rows of [`QUERIES`] and makes a [`Catalog`].
#[derive(Debug, Default)]
pub struct Builder {
    seen: HashSet<String>,
    catalog: Catalog,
    types: HashMap<Oid, Arc<TypeRow>>,
    /// Types whose rows were given.
    taken: Vec<Oid>,
    relations: HashMap<Oid, Relation>,
    columns: HashMap<Oid, Vec<ColumnRow>>,
    generated: Vec<(Oid, i16, i16)>,
    parents: Vec<(Oid, Oid)>,
    indexes: Vec<(Oid, IndexRow)>,
    reads: Vec<(Oid, Oid)>,
    horizon: Option<u32>,
    code: Option<String>,
    index_oids: HashMap<Oid, Oid>,
}

/// What of a catalog's rows says whether one session sees others: see [`super::own`].
#[derive(Debug, Default)]
pub struct Basis {
    /// Transactions before it were over when the rows were read.
    pub(super) horizon: Option<u32>,
    /// See [`queries::CODE`].
    pub(super) code: Option<String>,
    /// The table of each index.
    pub(super) indexes: HashMap<Oid, Oid>,
    types: HashMap<Oid, Arc<TypeRow>>,
}

impl Basis {
    /// The OIDs of all types.
    pub(super) fn types(&self) -> impl Iterator<Item = Oid> {
        self.types.keys().copied()
    }
}

#[derive(Debug, Clone)]
struct ColumnRow {
    number: i16,
    name: String,
    type_oid: Oid,
    typmod: i32,
    modifier: Option<Modified>,
    not_null: bool,
    collation: Option<String>,
    nondeterministic: bool,
}

#[derive(Debug, Clone)]
struct IndexRow {
    /// `indkey`: 0 stands for an expression.
    attributes: Vec<i16>,
    keys: usize,
    primary: bool,
    /// Of every row, at any time.
    unique: bool,
    depends: Vec<i16>,
    whole_row: bool,
    name: String,
}

impl Builder {
    /// Without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Upon a catalog of the same database: what is given comes in the place of what is there, `gone` is taken out.
    pub(super) fn upon(base: &Catalog, given: &HashSet<Oid>, gone: &HashSet<Oid>, gone_types: &HashSet<Oid>) -> Self {
        let mut catalog = base.clone();
        for oid in given.iter().chain(gone) {
            catalog.remove(*oid);
        }
        let mut types = base.basis.types.clone();
        for oid in gone_types {
            if let Some(row) = types.remove(oid) {
                if let Some(named) = catalog.types.get_mut(&row.schema)
                    && named.get(&row.name).is_some_and(|t| t.oid == *oid)
                {
                    named.remove(&row.name);
                }
                catalog.forms.types.remove(oid);
            }
        }
        Builder { catalog, types, ..Builder::default() }
    }

    /// A type that was given has another row than `base` knows.
    pub(super) fn changes_types_of(&self, base: &Catalog) -> bool {
        self.taken.iter().any(|oid| base.basis.types.get(oid).is_some_and(|before| self.types.get(oid) != Some(before)))
    }

    /// Takes the rows of the query of that name in [`QUERIES`], cells in text format. Control statements have none.
    ///
    /// # Errors
    /// A query that is not in the list or was given before; a cell that does not read.
    pub fn rows(&mut self, name: &str, rows: Vec<Vec<Option<String>>>) -> Result<(), LoadError> {
        if !QUERIES.iter().any(|(known, _)| *known == name) || !self.seen.insert(name.to_owned()) {
            return Err(LoadError::Unexpected { query: name.to_owned() });
        }
        for row in rows {
            let mut cells = Cells::new(name, row);
            match name {
                "version" => self.catalog.server_version = cells.number()?,
                "database" => self.catalog.database = cells.text()?,
                "schemas" => drop(self.catalog.schemas.insert(cells.text()?)),
                "types" => self.take_type(&mut cells)?,
                "relations" => self.take_relation(&mut cells)?,
                "columns" => self.take_column(&mut cells)?,
                "generated" => self.generated.push((cells.oid()?, cells.number()?, cells.number()?)),
                "partition keys" => {
                    let (table, attribute) = (cells.oid()?, cells.number()?);
                    self.catalog.partition_keys.entry(table).or_default().push(attribute);
                }
                "sequences" => {
                    let (oid, start, descends) = (cells.oid()?, cells.number()?, cells.flag()?);
                    let owner = Some((cells.oid()?, cells.number()?)).filter(|(table, _)| *table != 0);
                    self.catalog.sequences.insert(oid, Sequence { start, descends, owner });
                }
                "parents" => self.parents.push((cells.oid()?, cells.oid()?)),
                "indexes" => self.take_index(&mut cells)?,
                "horizon" => self.horizon = Some(cells.number()?),
                "code" => self.code = Some(cells.text()?),
                "index oids" => drop(self.index_oids.insert(cells.oid()?, cells.oid()?)),
                "reads" => self.reads.push((cells.oid()?, cells.oid()?)),
                "functions" => self.take_function(&mut cells)?,
                "operators" => self.take_operator(&mut cells)?,
                "casts" => self.take_cast(&mut cells)?,
                "collations" => drop(self.catalog.forms.nondeterministic.insert((cells.text()?, cells.text()?))),
                _ => return Err(LoadError::Unexpected { query: name.to_owned() }),
            }
            cells.end()?;
        }
        Ok(())
    }

    /// The catalog.
    ///
    /// # Errors
    /// A query whose rows have not been given; a column whose type is not known.
    pub fn finish(self) -> Result<Catalog, LoadError> {
        if let Some((query, _)) = QUERIES.iter().find(|(name, _)| !queries::is_control(name) && !self.seen.contains(*name)) {
            return Err(LoadError::Missing { query });
        }
        self.assemble()
    }

    /// What was given and what was there.
    pub(super) fn assemble(mut self) -> Result<Catalog, LoadError> {
        self.name_types()?;
        self.place_columns()?;
        // pg_inherits also holds the partitions of indexes.
        for (child, parent) in std::mem::take(&mut self.parents) {
            if self.relations.contains_key(&parent)
                && let Some(relation) = self.relations.get_mut(&child)
            {
                relation.parents.push(parent);
            }
        }
        for (view, read) in std::mem::take(&mut self.reads) {
            if (self.relations.contains_key(&read) || self.catalog.relations.contains_key(&read))
                && let Some(relation) = self.relations.get_mut(&view)
            {
                relation.reads.push(read);
            }
        }
        self.place_indexes();
        for (_, relation) in std::mem::take(&mut self.relations) {
            self.catalog.insert(relation);
        }
        let Builder { mut catalog, horizon, code, index_oids, types, .. } = self;
        catalog.basis = Arc::new(Basis { horizon, code, indexes: index_oids, types });
        Ok(catalog)
    }
}

#[cfg(test)]
mod tests;
