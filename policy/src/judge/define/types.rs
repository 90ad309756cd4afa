//! Types, domains, collations and schemas.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterDomainStmt, CompositeTypeStmt, CreateDomainStmt, CreateRangeStmt, CreateSchemaStmt, DefineStmt, ObjectType};

use super::super::place;
use super::Definer;
use super::target::Guarded;
use crate::Refusal;
use crate::catalog::BaseType;

impl Definer<'_> {
    /// CREATE SCHEMA, with nothing in it.
    pub(super) fn create_schema(&mut self, s: &CreateSchemaStmt) -> Result<(), Refusal> {
        if s.authrole.is_some() || !s.schema_elts.is_empty() || s.schemaname.is_empty() {
            return Err(self.denied("its owner and contents are given apart", "Use CREATE SCHEMA with a name, then create in it."));
        }
        place::may_define_in(self.facts, &s.schemaname, &format!("{} {}", self.what, s.schemaname))
    }

    /// CREATE TYPE … AS (…)
    pub(super) fn composite_type(&mut self, s: &mut CompositeTypeStmt) -> Result<(), Refusal> {
        let Some(name) = s.typevar.as_mut() else { return Err(self.closed()) };
        self.new_relation(name)?;
        for attribute in &mut s.coldeflist {
            let Some(NodeEnum::ColumnDef(column)) = &mut attribute.node else { return Err(self.closed()) };
            self.column_definition(column, None, &Guarded::default())?;
        }
        Ok(())
    }

    /// CREATE TYPE … AS RANGE: without functions of one's own.
    pub(super) fn range_type(&mut self, s: &mut CreateRangeStmt) -> Result<(), Refusal> {
        for param in &s.params {
            let Some(NodeEnum::DefElem(param)) = &param.node else { return Err(self.closed()) };
            if !matches!(param.defname.as_str(), "subtype" | "subtype_opclass" | "collation" | "multirange_type_name") {
                return Err(self.closed());
            }
        }
        self.object_name(&mut s.type_name)
    }

    /// CREATE DOMAIN
    pub(super) fn create_domain(&mut self, s: &mut CreateDomainStmt) -> Result<(), Refusal> {
        self.object_name(&mut s.domainname)?;
        for constraint in &mut s.constraints {
            let Some(NodeEnum::Constraint(constraint)) = &mut constraint.node else { return Err(self.closed()) };
            self.constraint(constraint, &Guarded::default(), None)?;
        }
        Ok(())
    }

    /// ALTER DOMAIN: a new constraint is checked against all columns of the domain.
    pub(super) fn alter_domain(&mut self, s: &mut AlterDomainStmt) -> Result<(), Refusal> {
        self.object_name(&mut s.type_name)?;
        // T: default, N: drop NOT NULL, O: set NOT NULL, C: add, X: drop, V: validate a constraint.
        let tells = match s.subtype.as_str() {
            "T" => s.def.is_some(),
            kind => matches!(kind, "O" | "C" | "V"),
        };
        if tells && self.protects_a_domain() {
            return Err(self.denied(
                "protected columns may be of that domain: a new constraint would tell whether they fit, a new default would be a value of one's own choice",
                "Make another domain, or ask for a role without masks.",
            ));
        }
        match s.def.as_mut().and_then(|d| d.node.as_mut()) {
            Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint, &Guarded::default(), None),
            Some(_) => self.expressions([s.def.as_deref()], &Guarded::default()),
            None => Ok(()),
        }
    }

    /// CREATE COLLATION
    pub(super) fn define(&mut self, s: &mut DefineStmt) -> Result<(), Refusal> {
        match ObjectType::try_from(s.kind) {
            Ok(ObjectType::ObjectCollation) => self.object_name(&mut s.defnames),
            Ok(ObjectType::ObjectAggregate | ObjectType::ObjectOperator | ObjectType::ObjectType) => self.trusted(),
            _ => Err(self.closed()),
        }
    }

    /// A protected column, or one of a relation with hidden rows, is of a domain or holds one.
    fn protects_a_domain(&self) -> bool {
        self.facts.catalog.relations.values().any(|relation| {
            self.facts.guard(relation.oid).is_some_and(|guard| {
                relation.columns.iter().any(|c| {
                    let may_hold =
                        c.data_type.is_domain || matches!(c.data_type.base, BaseType::Array | BaseType::Composite | BaseType::Other);
                    may_hold && (guard.columns.contains_key(&c.number) || !guard.filters.is_empty() || guard.unfit.is_some())
                })
            })
        })
    }
}
