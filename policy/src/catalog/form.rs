//! What functions, operators and casts take and give: what the type of an expression is worked out from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Oid, Shared, Volatility};

/// Facts about the types of expressions (PostgreSQL documentation, chapter 10).
#[derive(Debug, Clone, Default)]
pub struct Forms {
    /// All types by OID.
    pub types: Shared<HashMap<Oid, Arc<TypeFacts>>>,
    /// Operators by name, in every schema.
    pub operators: Shared<HashMap<String, Vec<OperatorForm>>>,
    /// `pg_cast`: from (source, target).
    pub casts: Shared<HashMap<(Oid, Oid), Cast>>,
    /// Collations, by schema and name, under which equal values may differ in bytes.
    pub nondeterministic: Shared<HashSet<(String, String)>>,
}

impl Forms {
    /// The type below all domains; the type itself where it is none, or is not known.
    pub fn bottom(&self, oid: Oid) -> Oid {
        self.types.get(&oid).map_or(oid, |t| t.bottom)
    }

    /// The type of an array's elements, `None` for what is no true array. Domains over arrays are arrays.
    pub fn element(&self, oid: Oid) -> Option<Oid> {
        self.types.get(&self.bottom(oid)).map(|t| t.element).filter(|e| *e != 0)
    }

    /// The type of arrays of that type.
    pub fn array_of(&self, oid: Oid) -> Option<Oid> {
        self.types.get(&oid).map(|t| t.array).filter(|a| *a != 0)
    }
}

/// A type, as far as expressions are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeFacts {
    /// Schema's name.
    pub schema: String,
    /// `typname`
    pub name: String,
    /// `typtype`: `b`ase, `c`omposite, `d`omain, `e`num, `p`seudo, `r`ange, `m`ultirange.
    pub kind: char,
    /// The type at the bottom of domains; its own OID where it is no domain.
    pub bottom: Oid,
    /// Of a true array, else 0.
    pub element: Oid,
    /// The type of arrays of it, or 0.
    pub array: Oid,
    /// The relation whose row type it is, or 0.
    pub relation: Oid,
    /// `typcategory`
    pub category: char,
    /// `typispreferred`
    pub preferred: bool,
    /// Values have a collation.
    pub collatable: bool,
    /// The type's own collation is nondeterministic.
    pub nondeterministic: bool,
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorForm {
    /// Schema's name.
    pub schema: String,
    /// Type of the left operand, 0 for a prefix operator.
    pub left: Oid,
    /// Type of the right operand.
    pub right: Oid,
    /// Type of the result.
    pub result: Oid,
    /// `proname` of its function.
    pub function: String,
    /// `proleakproof` of its function.
    pub leakproof: bool,
    /// `provolatile` of its function.
    pub volatility: Volatility,
}

/// A row of `pg_cast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// `castcontext`
    pub context: CastContext,
    /// `castmethod` is `b`: the same bytes.
    pub binary: bool,
}

/// `castcontext`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastContext {
    /// `i`: wherever it fits.
    Implicit,
    /// `a`: where a value is stored into a column.
    Assignment,
    /// `e`: only where it is written.
    Explicit,
}
