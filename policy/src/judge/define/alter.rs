//! ALTER TABLE and its like: one command after another.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ObjectType, TypeName};

use super::Definer;
use super::target::{Guarded, strings};
use crate::Refusal;
use crate::catalog::{Relation, RelationKind};

impl Definer<'_> {
    /// ALTER TABLE, INDEX, SEQUENCE, VIEW, MATERIALIZED VIEW, and TYPE of a composite type.
    pub(super) fn alter(&mut self, s: &mut AlterTableStmt) -> Result<(), Refusal> {
        let kind = ObjectType::try_from(s.objtype);
        let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
        let (found, guarded) = match kind {
            Ok(ObjectType::ObjectIndex | ObjectType::ObjectType) => {
                self.unseen(relation)?;
                (None, Guarded::default())
            }
            Ok(ObjectType::ObjectTable | ObjectType::ObjectSequence | ObjectType::ObjectView | ObjectType::ObjectMatview) => {
                let (found, guarded) = self.existing(relation)?;
                (Some(found), guarded)
            }
            _ => return Err(self.closed()),
        };
        self.not_filtered(&guarded)?;
        for command in &mut s.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &mut command.node else { return Err(self.closed()) };
            self.command(command, found.as_deref(), &guarded)?;
        }
        Ok(())
    }

    fn command(&mut self, s: &mut AlterTableCmd, relation: Option<&Relation>, guarded: &Guarded) -> Result<(), Refusal> {
        use AlterTableType as T;
        match T::try_from(s.subtype) {
            Ok(T::AtAddColumn) => match s.def.as_mut().and_then(|d| d.node.as_mut()) {
                Some(NodeEnum::ColumnDef(column)) => {
                    self.column_definition(column, relation.map(|r| (r.schema.as_str(), r.name.as_str())), guarded)
                }
                _ => Err(self.closed()),
            },
            Ok(T::AtColumnDefault | T::AtSetExpression) => {
                if s.def.is_some() {
                    self.not_chosen(guarded, &s.name)?;
                }
                self.expressions([s.def.as_deref()], guarded)
            }
            Ok(T::AtAddIdentity | T::AtSetIdentity) => self.not_chosen(guarded, &s.name),
            Ok(T::AtAddConstraint) => match s.def.as_mut().and_then(|d| d.node.as_mut()) {
                Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint, guarded, None),
                _ => Err(self.closed()),
            },
            Ok(T::AtAlterColumnType) => match s.def.as_ref().and_then(|d| d.node.as_ref()) {
                Some(NodeEnum::ColumnDef(definition)) => self.column_type(&s.name, definition, guarded),
                _ => Err(self.closed()),
            },
            // A generated column is protected as what it is computed from: it would keep the values, and lose that.
            Ok(T::AtDropExpression) if guarded.columns.contains(&s.name) => {
                self.not_protected(guarded, "the column would keep values that it is computed from, and not its protection")
            }
            Ok(
                T::AtDropExpression
                | T::AtDropNotNull
                | T::AtSetNotNull
                | T::AtSetStatistics
                | T::AtSetOptions
                | T::AtResetOptions
                | T::AtSetStorage
                | T::AtSetCompression
                | T::AtDropColumn
                | T::AtAlterConstraint
                | T::AtValidateConstraint
                | T::AtDropConstraint
                | T::AtDropCluster
                | T::AtSetLogged
                | T::AtSetUnLogged
                | T::AtSetAccessMethod
                | T::AtSetTableSpace
                | T::AtReplicaIdentity
                | T::AtEnableRowSecurity
                | T::AtForceRowSecurity
                | T::AtDropIdentity
                | T::AtEnableTrig
                | T::AtDisableTrig
                | T::AtEnableTrigAll
                | T::AtDisableTrigAll
                | T::AtEnableTrigUser
                | T::AtDisableTrigUser,
            ) => Ok(()),
            Ok(T::AtDisableRowSecurity | T::AtNoForceRowSecurity) => {
                self.not_protected(guarded, "the database's own row security would not hold any more")
            }
            Ok(T::AtClusterOn) => {
                self.not_protected(guarded, "its rows would come in the order of an index, which may be of a protected column")
            }
            // What a view says of whose rights it is read with stays as pgveil made it.
            Ok(T::AtSetRelOptions | T::AtResetRelOptions) if relation.is_none_or(|r| r.kind != RelationKind::View) => Ok(()),
            Ok(T::AtAddInherit) => {
                self.not_protected(guarded, "its rows would be read under another name")?;
                let Some(NodeEnum::RangeVar(parent)) = s.def.as_mut().and_then(|d| d.node.as_mut()) else { return Err(self.closed()) };
                let (_, of_parent) = self.existing(parent)?;
                self.not_filtered(&of_parent)?;
                self.holds_no_guess(&of_parent)
            }
            Ok(T::AtDropInherit) => {
                let Some(NodeEnum::RangeVar(parent)) = s.def.as_mut().and_then(|d| d.node.as_mut()) else { return Err(self.closed()) };
                self.existing(parent)?;
                self.not_protected(guarded, "what is protected in it may be so by its parent")
            }
            Ok(T::AtAttachPartition) => {
                let Some(NodeEnum::PartitionCmd(command)) = s.def.as_mut().and_then(|d| d.node.as_mut()) else { return Err(self.closed()) };
                let Some(child) = command.name.as_mut() else { return Err(self.closed()) };
                let (_, of_child) = self.existing(child)?;
                self.not_protected(&of_child, "its rows would be read under another name")?;
                self.holds_no_guess(guarded)?;
                if let Some(parent) = relation {
                    self.not_partitioned_by_protected(parent.oid, guarded)?;
                }
                self.bound(command.bound.as_ref())
            }
            Ok(T::AtDetachPartition | T::AtDetachPartitionFinalize) => {
                let Some(NodeEnum::PartitionCmd(command)) = s.def.as_mut().and_then(|d| d.node.as_mut()) else { return Err(self.closed()) };
                let Some(child) = command.name.as_mut() else { return Err(self.closed()) };
                let (_, of_child) = self.existing(child)?;
                self.not_protected(&of_child, "what is protected in it may be so by its parent")
            }
            _ => Err(self.closed()),
        }
    }

    /// Rows that somebody has filled do not come to stand among those of it.
    fn holds_no_guess(&self, parent: &Guarded) -> Result<(), Refusal> {
        match parent.sealed.first() {
            Some(column) => self.not_chosen(parent, column),
            None => Ok(()),
        }
    }

    /// ALTER COLUMN … TYPE: whether the values of a protected column fit a type would tell of them, so that it must take all of them.
    fn column_type(&mut self, column: &str, definition: &ColumnDef, guarded: &Guarded) -> Result<(), Refusal> {
        self.expressions([definition.raw_default.as_deref()], guarded)?;
        let to_text = definition.type_name.as_ref().is_some_and(takes_any_text);
        if !guarded.columns.contains(column) || to_text && definition.raw_default.is_none() && definition.coll_clause.is_none() {
            return Ok(());
        }
        self.not_protected(guarded, &format!("whether the values of {column} fit another type than text would tell of them"))
    }
}

/// text, or varchar without a length.
fn takes_any_text(name: &TypeName) -> bool {
    let parts = strings(&name.names).unwrap_or_default();
    let own = match parts.as_slice() {
        [only] => Some(only),
        [schema, only] if schema == "pg_catalog" => Some(only),
        _ => None,
    };
    own.is_some_and(|n| n == "text" || n == "varchar") && name.typmods.is_empty() && name.array_bounds.is_empty()
}
