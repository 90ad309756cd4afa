//! What an expression may show: the label that the judgement infers for it.

use std::sync::Arc;

use crate::catalog::BaseType;
use crate::mask::seal::SealSpec;

/// Where a sealed value came from, for refusals; and its type, for what pgveil writes around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sealed {
    /// How it is written for the role.
    pub spec: Arc<SealSpec>,
    /// `schema.table.column`
    pub column: String,
    /// The rule of the policy that seals it.
    pub rule: String,
    /// The type of one value, below domains; of the elements where it is an array.
    pub ty: Arc<SealedType>,
}

/// The type of a sealed value, below domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedType {
    /// Which of the types that can be sealed.
    pub base: BaseType,
    /// As it is written in a CAST, without a length.
    pub sql: String,
    /// Its collation's name, quoted and qualified, where that is not the type's default.
    pub collation: Option<String>,
}

impl SealedType {
    /// One of pg_catalog's, with the type's own collation.
    pub fn plain(base: BaseType) -> Self {
        let sql = match base {
            BaseType::Varchar => "pg_catalog.varchar",
            BaseType::Bpchar => "pg_catalog.bpchar",
            BaseType::Uuid => "pg_catalog.uuid",
            BaseType::Int8 => "pg_catalog.int8",
            BaseType::Int4 => "pg_catalog.int4",
            _ => "pg_catalog.text",
        };
        SealedType { base, sql: sql.to_owned(), collation: None }
    }
}

/// The label of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Label {
    /// Holds nothing protected (masked values count as that).
    Clear,
    /// NULL, or an array of nothing but NULLs: may stand beside anything.
    Null,
    /// Raw inside the database: only equality within its class may show.
    Sealed(Sealed),
    /// An array of such values, of any number of dimensions.
    SealedArray(Sealed),
}

impl Label {
    /// What is sealed in it, be it a value or an array of values.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Label::Sealed(s) | Label::SealedArray(s) => Some(s),
            Label::Clear | Label::Null => None,
        }
    }
}
