//! A snapshot of what the judgement needs to know of one database.
//!
//! Built from rows of `pg_catalog` by [`load`]; the judgement never asks a server.

pub mod form;
pub mod load;
pub mod own;
mod shared;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use form::Forms;
pub use shared::Shared;

/// An object identifier of Postgres.
pub type Oid = u32;

/// One database at one moment.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// The database's name.
    pub database: String,
    /// Names of all schemas.
    pub schemas: HashSet<String>,
    /// All relations that can stand in FROM, by OID.
    pub relations: Shared<HashMap<Oid, Arc<Relation>>>,
    /// The same by schema and name.
    pub relation_names: Shared<HashMap<String, Shared<HashMap<String, Oid>>>>,
    /// Names of the indexes of each table, which lie in its schema.
    pub index_names: Shared<HashMap<Oid, Vec<String>>>,
    /// Attribute numbers that partitioned tables are partitioned by; 0 stands for an expression.
    pub partition_keys: Shared<HashMap<Oid, Vec<i16>>>,
    /// Sequences, by OID.
    pub sequences: Shared<HashMap<Oid, Sequence>>,
    /// Functions and aggregates by name, in every schema.
    pub functions: Shared<HashMap<String, Vec<Function>>>,
    /// Operators outside pg_catalog, by name.
    pub foreign_operators: Shared<HashMap<String, Vec<Operator>>>,
    /// Types by schema and name (as stored: `int4`, not `integer`).
    pub types: Shared<HashMap<String, Shared<HashMap<String, Type>>>>,
    /// What types, operators and casts take and give.
    pub forms: Forms,
    /// What a session's own view of the catalog is held against.
    pub basis: Arc<load::Basis>,
}

impl Catalog {
    /// The relation of that exact schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(self.relation_names.get(schema)?.get(name)?)
    }

    /// Whether an index of that name lies in a schema, as far as is known: a new name given by another session may not be.
    pub fn has_index(&self, schema: &str, name: &str) -> bool {
        let named = |table: &Oid| self.index_names.get(table).is_some_and(|names| names.iter().any(|n| n == name));
        self.relation_names.get(schema).is_some_and(|tables| tables.values().any(named))
    }

    /// A relation's parents, theirs, and so on.
    pub fn ancestors(&self, relation: Oid) -> Vec<Oid> {
        let mut found: Vec<Oid> = Vec::new();
        let mut open = vec![relation];
        while let Some(next) = open.pop() {
            for parent in self.relations.get(&next).map(|r| r.parents.as_slice()).unwrap_or_default() {
                if !found.contains(parent) {
                    found.push(*parent);
                    open.push(*parent);
                }
            }
        }
        found
    }

    /// Adds a relation, replacing one of the same OID.
    pub fn insert(&mut self, relation: Relation) {
        self.schemas.insert(relation.schema.clone());
        self.relation_names.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), relation.oid);
        self.relations.insert(relation.oid, Arc::new(relation));
    }

    /// Takes a relation out.
    pub fn remove(&mut self, relation: Oid) {
        let Some(gone) = self.relations.remove(&relation) else { return };
        if let Some(names) = self.relation_names.get_mut(&gone.schema)
            && names.get(&gone.name) == Some(&relation)
        {
            names.remove(&gone.name);
        }
        if self.sequences.contains_key(&relation) {
            self.sequences.remove(&relation);
        }
        if self.index_names.contains_key(&relation) {
            self.index_names.remove(&relation);
        }
        if self.partition_keys.contains_key(&relation) {
            self.partition_keys.remove(&relation);
        }
    }
}

/// A table, view or other relation that can stand in FROM.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// `pg_class.oid`
    pub oid: Oid,
    /// Schema's name.
    pub schema: String,
    /// Relation's name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Live columns in order of their numbers (dropped ones left out).
    pub columns: Vec<Column>,
    /// Direct parents: of a partition, or by inheritance.
    pub parents: Vec<Oid>,
    /// Attribute numbers of the primary key. Empty where there is none, where it is deferrable, and for a plain table
    /// from which others inherit: there it is not unique.
    pub primary_key: Vec<i16>,
    /// Further sets of attribute numbers that identify a row, as the primary key does: unique indexes on columns that are NOT
    /// NULL, valid, not deferrable and without a condition. Empty where `primary_key` could not be.
    pub unique: Vec<Vec<i16>>,
    /// All indexes, of its partitions and inheritance children too (in this relation's attribute numbers); one that is not
    /// valid yet may be so when a statement runs.
    pub indexes: Vec<Index>,
    /// A view's or materialised view's query, by `pg_get_viewdef` under an empty search_path.
    pub definition: Option<String>,
    /// Relations that a view or materialised view reads directly (`pg_depend` of its rewrite rule).
    pub reads: Vec<Oid>,
    /// The database has row-level security enabled on it.
    pub row_security: bool,
}

impl Relation {
    /// The column of that exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column of that number.
    pub fn attribute(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|c| c.number == number)
    }
}

/// `pg_class.relkind` of the relations that can stand in FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// `r`
    Table,
    /// `p`
    Partitioned,
    /// `v`
    View,
    /// `m`
    MaterializedView,
    /// `f`
    Foreign,
    /// `S`
    Sequence,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// `attnum`, from 1.
    pub number: i16,
    /// `attname`
    pub name: String,
    /// Its declared type.
    pub data_type: ColumnType,
    /// `attnotnull`
    pub not_null: bool,
    /// For a generated column, the numbers of the columns it is computed from; 0 where there are none. Empty for any other column.
    pub generated_from: Vec<i16>,
}

impl Column {
    /// GENERATED ALWAYS AS (…) STORED.
    pub fn is_generated(&self) -> bool {
        !self.generated_from.is_empty()
    }
}

/// A column's declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType {
    /// `atttypid`
    pub oid: Oid,
    /// `atttypmod`, -1 where there is none.
    pub typmod: i32,
    /// As it can be written in a CAST and never resolve to a user's type: `character varying(80)`,
    /// `pg_catalog.text`, `"shop"."mood"`.
    pub sql: String,
    /// The same for the type at the bottom of domains; equal to `sql` where it is no domain.
    pub base_sql: String,
    /// What the masks go by: the built-in type at the bottom of domains.
    pub base: BaseType,
    /// `COLLATE` clause's name, quoted and qualified, where it is not the type's default.
    pub collation: Option<String>,
    /// The collation is nondeterministic: equal values may have different bytes.
    pub nondeterministic: bool,
    /// A domain, at any depth: its constraints may refuse a mask's value.
    pub is_domain: bool,
}

/// The types that masks know. Everything else is `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum BaseType {
    Text,
    Varchar,
    Bpchar,
    Citext,
    Uuid,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float4,
    Float8,
    Bool,
    Date,
    Timestamp,
    Timestamptz,
    Inet,
    Cidr,
    Json,
    Jsonb,
    Bytea,
    Array,
    Enum,
    Composite,
    Other,
}

/// What a sequence counts from, and for which column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// `seqstart`
    pub start: i64,
    /// `seqincrement` is negative.
    pub descends: bool,
    /// The relation and attribute that it belongs to: of `serial`, an identity column, or OWNED BY.
    pub owner: Option<(Oid, i16)>,
}

/// An index, as far as it can give rows an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Every attribute that it mentions, in order: keys, included columns, in expressions, in its predicate;
    /// [`Index::OF_A_CHILD`] for those that only an inheritance child has.
    pub mentions: Vec<i16>,
    /// Attributes that an index-only scan can return (plain keys and included columns).
    pub returns: Vec<i16>,
}

impl Index {
    /// Stands in `mentions` for a column that an inheritance child has and this relation has not: it may be protected.
    pub const OF_A_CHILD: i16 = 0;
}

/// A function, procedure or aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Schema's name.
    pub schema: String,
    /// `provolatile`
    pub volatility: Volatility,
    /// `prokind`
    pub kind: FunctionKind,
    /// Number of arguments, without and with those that have defaults.
    pub arguments: (u16, u16),
    /// Takes any number of further arguments.
    pub variadic: bool,
    /// `proretset`
    pub returns_set: bool,
    /// Written in C or internal and owned by an extension or Postgres itself.
    pub trusted_language: bool,
    /// Names of output columns (`OUT`, `TABLE`), empty where there are none.
    pub output_names: Vec<String>,
    /// The result's type.
    pub result: Oid,
    /// Types of the arguments, those with defaults too; a variadic one's is its array, or `any`.
    pub argument_types: Vec<Oid>,
    /// Types of the output columns, in the order of `output_names`.
    pub output_types: Vec<Oid>,
    /// The type of further arguments of a variadic function, or 0.
    pub variadic_type: Oid,
    /// `proleakproof`
    pub leakproof: bool,
}

/// `provolatile`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// `prokind`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum FunctionKind {
    Plain,
    Aggregate,
    Window,
    Procedure,
}

/// An operator outside pg_catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Schema's name.
    pub schema: String,
    /// The extension it belongs to, if any.
    pub extension: Option<String>,
}

/// A type that can be named in a cast.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// `pg_type.oid`
    pub oid: Oid,
    /// The relation whose row type it is, or 0.
    pub relation: Oid,
    /// Column names of a composite type (free-standing or a relation's row type).
    pub fields: Vec<String>,
    /// The columns of a free-standing composite type.
    pub columns: Vec<Column>,
}
