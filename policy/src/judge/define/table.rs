//! CREATE TABLE: its columns, constraints, parents and what it is like.

use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, CreateStmt, Node, TableLikeClause};

use super::Definer;
use super::target::{Guarded, range, strings};
use crate::Refusal;
use crate::catalog::Relation;

/// INCLUDING of a LIKE that brings expressions of the other table along: CONSTRAINTS, DEFAULTS, GENERATED, INDEXES, STATISTICS.
const WITH_EXPRESSIONS: u32 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7;

impl Definer<'_> {
    /// CREATE TABLE
    pub(super) fn create_table(&mut self, s: &mut CreateStmt) -> Result<(), Refusal> {
        if s.of_typename.is_some() || !s.nnconstraints.is_empty() {
            return Err(self.closed());
        }
        let partition = s.partbound.is_some();
        let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
        self.new_relation(relation)?;
        let (schema, table) = (relation.schemaname.clone(), relation.relname.clone());
        let mut guarded = Guarded { name: format!("{schema}.{table}"), ..Guarded::default() };
        for parent in &mut s.inh_relations {
            let Some(parent) = range(parent) else { return Err(self.closed()) };
            let (relation, of_parent) = self.existing(parent)?;
            self.not_filtered(&of_parent)?;
            let open = relation.columns.iter().map(|c| c.name.as_str()).filter(|name| !of_parent.sealed.contains(*name));
            self.makes_no_guess(&schema, &table, open)?;
            if partition {
                self.not_partitioned_by_protected(relation.oid, &of_parent)?;
            }
            guarded.columns.extend(of_parent.columns);
            guarded.sealed.extend(of_parent.sealed);
        }
        for element in &mut s.table_elts {
            match &mut element.node {
                Some(NodeEnum::ColumnDef(column)) => self.column_definition(column, Some((&schema, &table)), &guarded)?,
                Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint, &guarded, None)?,
                Some(NodeEnum::TableLikeClause(like)) => {
                    let relation = self.like(like)?;
                    self.makes_no_guess(&schema, &table, relation.columns.iter().map(|c| c.name.as_str()))?;
                }
                _ => return Err(self.closed()),
            }
        }
        for constraint in &mut s.constraints {
            let Some(NodeEnum::Constraint(constraint)) = &mut constraint.node else { return Err(self.closed()) };
            self.constraint(constraint, &guarded, None)?;
        }
        if let Some(spec) = &s.partspec {
            for part in &spec.part_params {
                let Some(NodeEnum::PartitionElem(part)) = &part.node else { return Err(self.closed()) };
                self.expressions([part.expr.as_deref()], &guarded)?;
            }
        }
        self.bound(s.partbound.as_ref())
    }

    /// FOR VALUES …
    pub(super) fn bound(&mut self, bound: Option<&pg_query::protobuf::PartitionBoundSpec>) -> Result<(), Refusal> {
        let Some(bound) = bound else { return Ok(()) };
        // MINVALUE and MAXVALUE look like columns.
        let data = bound.listdatums.iter().chain(&bound.lowerdatums).chain(&bound.upperdatums);
        data.into_iter().try_for_each(|datum| self.expression(datum, &Guarded::default()))
    }

    /// Whether rows of a partitioned table fit a bound tells their values of the key.
    pub(super) fn not_partitioned_by_protected(&self, parent: crate::catalog::Oid, guarded: &Guarded) -> Result<(), Refusal> {
        let keys = self.facts.catalog.partition_keys.get(&parent).map(Vec::as_slice).unwrap_or_default();
        let relation = self.facts.catalog.relations.get(&parent);
        let protected = |key: &i16| relation.and_then(|r| r.attribute(*key)).is_none_or(|c| guarded.columns.contains(&c.name));
        if guarded.is() && keys.iter().any(protected) {
            return self.not_protected(guarded, "whether the rows of a partition fit its bound would tell values of the key");
        }
        Ok(())
    }

    /// A column of a new or an existing table, which has that schema and name; `None`: of a composite type.
    pub(super) fn column_definition(
        &mut self,
        column: &mut ColumnDef,
        table: Option<(&str, &str)>,
        guarded: &Guarded,
    ) -> Result<(), Refusal> {
        match guarded.sealed.contains(&column.colname) {
            // It is the parent's; what stands beside it could be a value for it.
            true if column.raw_default.is_some() || !column.constraints.is_empty() => self.not_chosen(guarded, &column.colname)?,
            true => {}
            false => {
                if let Some((schema, table)) = table {
                    self.makes_no_guess(schema, table, std::iter::once(column.colname.as_str()))?;
                }
            }
        }
        if !column.fdwoptions.is_empty() || column.cooked_default.is_some() || column.identity_sequence.is_some() {
            return Err(self.closed());
        }
        self.expressions([column.raw_default.as_deref()], guarded)?;
        let name = column.colname.clone();
        for constraint in &mut column.constraints {
            let Some(NodeEnum::Constraint(constraint)) = &mut constraint.node else { return Err(self.closed()) };
            self.constraint(constraint, guarded, Some(&name))?;
        }
        Ok(())
    }

    /// A constraint. `column`: the one behind which it stands.
    pub(super) fn constraint(&mut self, s: &mut Constraint, guarded: &Guarded, column: Option<&str>) -> Result<(), Refusal> {
        self.expressions([s.raw_expr.as_deref(), s.where_clause.as_deref()], guarded)?;
        match ConstrType::try_from(s.contype) {
            Ok(
                ConstrType::ConstrNull
                | ConstrType::ConstrNotnull
                | ConstrType::ConstrDefault
                | ConstrType::ConstrIdentity
                | ConstrType::ConstrGenerated
                | ConstrType::ConstrCheck
                | ConstrType::ConstrPrimary
                | ConstrType::ConstrUnique
                | ConstrType::ConstrAttrDeferrable
                | ConstrType::ConstrAttrNotDeferrable
                | ConstrType::ConstrAttrDeferred
                | ConstrType::ConstrAttrImmediate,
            ) => Ok(()),
            Ok(ConstrType::ConstrExclusion) => {
                for exclusion in &s.exclusions {
                    let Some(NodeEnum::List(pair)) = &exclusion.node else { return Err(self.closed()) };
                    let [element, operator] = pair.items.as_slice() else { return Err(self.closed()) };
                    let Some(NodeEnum::IndexElem(element)) = &element.node else { return Err(self.closed()) };
                    if guarded.columns.contains(&element.name) {
                        return self.not_protected(guarded, "whether two of its values exclude each other would tell of them");
                    }
                    self.expressions([element.expr.as_deref()], guarded)?;
                    let Some(NodeEnum::List(names)) = &operator.node else { return Err(self.closed()) };
                    match strings(&names.items).as_deref() {
                        Some([op]) => self.judge.operator_name(None, op)?,
                        Some([schema, op]) => self.judge.operator_name(Some(schema), op)?,
                        _ => return Err(self.closed()),
                    }
                }
                Ok(())
            }
            Ok(ConstrType::ConstrForeign) => self.foreign_key(s, guarded, column),
            Ok(ConstrType::Undefined | ConstrType::ConstrAttrEnforced | ConstrType::ConstrAttrNotEnforced) | Err(_) => Err(self.closed()),
        }
    }

    /// A reference tells which values there are, and ON UPDATE moves them.
    fn foreign_key(&mut self, s: &mut Constraint, guarded: &Guarded, column: Option<&str>) -> Result<(), Refusal> {
        let Some(referenced) = s.pktable.as_mut() else { return Err(self.closed()) };
        // A table may refer to itself before it exists.
        let own = guarded.name.split_once('.');
        let itself = own.is_some_and(|(schema, name)| {
            referenced.relname == name && (referenced.schemaname.is_empty() || referenced.schemaname == schema)
        });
        let of_referenced = if itself && self.judge.find_relation(&[referenced.schemaname.clone(), referenced.relname.clone()]).is_err() {
            referenced.schemaname = own.map(|(schema, _)| schema.to_owned()).unwrap_or_default();
            Guarded::default()
        } else {
            self.existing(referenced)?.1
        };
        self.not_filtered(&of_referenced)?;
        let referencing = strings(&s.fk_attrs).unwrap_or_default();
        if referencing.iter().map(String::as_str).chain(column).any(|name| guarded.columns.contains(name)) {
            return self.not_protected(guarded, "whether a reference of a protected column holds would tell its values");
        }
        let named = strings(&s.pk_attrs).unwrap_or_default();
        let primary = || {
            let known = self.facts.catalog.relation(&referenced.schemaname, &referenced.relname);
            known.is_some_and(|r| r.primary_key.iter().filter_map(|n| r.attribute(*n)).any(|c| of_referenced.columns.contains(&c.name)))
        };
        if named.iter().any(|name| of_referenced.columns.contains(name)) || named.is_empty() && primary() {
            return self.not_protected(&of_referenced, "whether a reference to a protected column holds would tell its values");
        }
        Ok(())
    }

    /// LIKE: names and types of columns, and what of another table's expressions it may run on its own rows.
    fn like(&mut self, like: &mut TableLikeClause) -> Result<Arc<Relation>, Refusal> {
        let options = like.options;
        let Some(other) = like.relation.as_mut() else { return Err(self.closed()) };
        let relation = self.find(other)?;
        if options & WITH_EXPRESSIONS == 0 {
            return Ok(relation);
        }
        let what = format!("{}: LIKE {}.{} with its defaults, constraints or indexes", self.what, relation.schema, relation.name);
        self.may_define_in(&relation.schema, &what)?;
        if self.facts.filters() && !self.facts.rights.owns(&relation.schema) {
            return Err(self.denied(
                "defaults of another table may count rows that are hidden",
                "Use LIKE without INCLUDING, or with COMMENTS, IDENTITY and STORAGE.",
            ));
        }
        Ok(relation)
    }
}

/// The names that a list of index elements has, and its expressions.
pub(super) fn index_elements(params: &[Node]) -> Option<Vec<(&str, Option<&Node>)>> {
    params
        .iter()
        .map(|param| match &param.node {
            Some(NodeEnum::IndexElem(element)) => Some((element.name.as_str(), element.expr.as_deref())),
            _ => None,
        })
        .collect()
}
