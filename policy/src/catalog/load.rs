//! From the rows of [`QUERIES`] to a [`Catalog`].

pub(in crate::catalog) mod queries;
mod row;
mod type_sql;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use queries::QUERIES;
use row::Cells;
use type_sql::{Modified, TypeRow, base_type, bottom, quote, type_sql};

use super::form::{Cast, CastContext, OperatorForm, TypeFacts};
use super::{
    Catalog, Column, ColumnType, Function, FunctionKind, Index, Oid, Operator, Relation, RelationKind, Sequence, Type, Volatility,
};

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

#[derive(Debug)]
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
        self.name_types();
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

    fn take_type(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let oid = cells.oid()?;
        let row = TypeRow {
            schema: cells.text()?,
            name: cells.text()?,
            kind: cells.letter()?,
            base: cells.oid()?,
            relation: cells.oid()?,
            element: cells.oid()?,
            domain_modifier: modified(cells)?,
            extension: cells.optional()?,
            array: cells.oid()?,
            category: cells.letter()?,
            preferred: cells.flag()?,
            collatable: cells.flag()?,
            nondeterministic: cells.flag()?,
        };
        self.types.insert(oid, Arc::new(row));
        self.taken.push(oid);
        Ok(())
    }

    fn take_relation(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let oid = cells.oid()?;
        let schema = cells.text()?;
        let name = cells.text()?;
        let fault = cells.fault("a relkind");
        let kind = match cells.letter()? {
            'r' => RelationKind::Table,
            'p' => RelationKind::Partitioned,
            'v' => RelationKind::View,
            'm' => RelationKind::MaterializedView,
            'f' => RelationKind::Foreign,
            'S' => RelationKind::Sequence,
            _ => return Err(fault),
        };
        let row_security = cells.flag()?;
        let definition = cells.optional()?.map(|text| text.trim_end().trim_end_matches(';').trim().to_owned());
        let relation = Relation {
            oid,
            schema,
            name,
            kind,
            columns: Vec::new(),
            parents: Vec::new(),
            primary_key: Vec::new(),
            unique: Vec::new(),
            indexes: Vec::new(),
            definition,
            reads: Vec::new(),
            row_security,
        };
        self.relations.insert(oid, relation);
        Ok(())
    }

    fn take_column(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let relation = cells.oid()?;
        let row = ColumnRow {
            number: cells.number()?,
            name: cells.text()?,
            type_oid: cells.oid()?,
            typmod: cells.number()?,
            modifier: modified(cells)?,
            not_null: cells.flag()?,
            collation: match (cells.optional()?, cells.optional()?) {
                (Some(schema), Some(name)) => Some(format!("{}.{}", quote(&schema), quote(&name))),
                _ => None,
            },
            nondeterministic: cells.flag()?,
        };
        self.columns.entry(relation).or_default().push(row);
        Ok(())
    }

    fn take_index(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let relation = cells.oid()?;
        let row = IndexRow {
            attributes: cells.numbers()?,
            keys: cells.number()?,
            primary: cells.flag()?,
            unique: cells.flag()?,
            depends: cells.numbers()?,
            whole_row: cells.flag()?,
            name: cells.text()?,
        };
        self.indexes.push((relation, row));
        Ok(())
    }

    fn take_function(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let schema = cells.text()?;
        let name = cells.text()?;
        let volatility = volatility(cells)?;
        let fault = cells.fault("a prokind");
        let kind = match cells.letter()? {
            'f' => FunctionKind::Plain,
            'a' => FunctionKind::Aggregate,
            'w' => FunctionKind::Window,
            'p' => FunctionKind::Procedure,
            _ => return Err(fault),
        };
        let function = Function {
            schema,
            volatility,
            kind,
            arguments: (cells.number()?, cells.number()?),
            variadic: cells.flag()?,
            returns_set: cells.flag()?,
            trusted_language: cells.flag()?,
            output_names: cells.names()?,
            result: cells.oid()?,
            argument_types: cells.numbers()?,
            output_types: cells.numbers()?,
            variadic_type: cells.oid()?,
            leakproof: cells.flag()?,
        };
        self.catalog.functions.entry(name).or_default().push(function);
        Ok(())
    }

    fn take_operator(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let schema = cells.text()?;
        let name = cells.text()?;
        let extension = cells.optional()?;
        let form = OperatorForm {
            schema: schema.clone(),
            left: cells.oid()?,
            right: cells.oid()?,
            result: cells.oid()?,
            function: cells.text()?,
            leakproof: cells.flag()?,
            volatility: volatility(cells)?,
        };
        self.catalog.forms.operators.entry(name.clone()).or_default().push(form);
        if schema != "pg_catalog" {
            self.catalog.foreign_operators.entry(name).or_default().push(Operator { schema, extension });
        }
        Ok(())
    }

    fn take_cast(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let key = (cells.oid()?, cells.oid()?);
        let fault = cells.fault("a castcontext");
        let context = match cells.letter()? {
            'i' => CastContext::Implicit,
            'a' => CastContext::Assignment,
            'e' => CastContext::Explicit,
            _ => return Err(fault),
        };
        self.catalog.forms.casts.insert(key, Cast { context, binary: cells.letter()? == 'b' });
        Ok(())
    }

    fn name_types(&mut self) {
        for (oid, row) in self.taken.iter().filter_map(|oid| self.types.get_key_value(oid)) {
            let fields = match row.kind {
                'c' => self.columns.get(&row.relation).map(|c| c.iter().map(|c| c.name.clone()).collect()).unwrap_or_default(),
                _ => Vec::new(),
            };
            let named = Type { oid: *oid, relation: row.relation, fields };
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
    }

    fn place_columns(&mut self) -> Result<(), LoadError> {
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
    fn place_indexes(&mut self) {
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

fn volatility(cells: &mut Cells) -> Result<Volatility, LoadError> {
    let fault = cells.fault("a provolatile");
    match cells.letter()? {
        'i' => Ok(Volatility::Immutable),
        's' => Ok(Volatility::Stable),
        'v' => Ok(Volatility::Volatile),
        _ => Err(fault),
    }
}

fn modified(cells: &mut Cells) -> Result<Option<Modified>, LoadError> {
    Ok(match (cells.optional()?, cells.optional()?) {
        (Some(with), Some(without)) => Some(Modified { with, without }),
        _ => None,
    })
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

#[cfg(test)]
mod tests;
