//! DROP, COMMENT, GRANT and REVOKE.

use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{CommentStmt, DropBehavior, DropStmt, GrantStmt, GrantTargetType, Node, ObjectType};

use super::super::place;
use super::Definer;
use super::target::{as_range, range, string, strings};
use crate::catalog::Relation;
use crate::{Refusal, SqlState};

impl Definer<'_> {
    /// DROP
    pub(super) fn drop(&mut self, s: &mut DropStmt) -> Result<(), Refusal> {
        let cascade = DropBehavior::try_from(s.behavior) == Ok(DropBehavior::DropCascade);
        let kind = ObjectType::try_from(s.remove_type);
        for object in &mut s.objects {
            match kind {
                Ok(ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectSequence) => {
                    self.drop_relation(object, s.missing_ok, cascade)?;
                }
                Ok(ObjectType::ObjectIndex) => self.listed_index(object)?,
                Ok(ObjectType::ObjectType | ObjectType::ObjectDomain | ObjectType::ObjectCollation | ObjectType::ObjectStatisticExt) => {
                    if cascade && (self.facts.rights.read_only() || self.facts.filters()) {
                        return Err(self.denied("CASCADE would drop columns of whoever uses it", "Drop what uses it first."));
                    }
                    self.listed_object(Some(object))?;
                }
                Ok(ObjectType::ObjectSchema) => self.drop_schema(object, cascade)?,
                Ok(ObjectType::ObjectPolicy) => self.of_table(object, true)?,
                Ok(
                    ObjectType::ObjectFunction
                    | ObjectType::ObjectProcedure
                    | ObjectType::ObjectRoutine
                    | ObjectType::ObjectAggregate
                    | ObjectType::ObjectOperator
                    | ObjectType::ObjectCast
                    | ObjectType::ObjectExtension
                    | ObjectType::ObjectTrigger
                    | ObjectType::ObjectRule
                    | ObjectType::ObjectEventTrigger,
                ) => self.trusted()?,
                _ => return Err(self.closed()),
            }
        }
        Ok(())
    }

    fn drop_relation(&mut self, object: &mut Node, missing_ok: bool, cascade: bool) -> Result<(), Refusal> {
        let Some(NodeEnum::List(list)) = &mut object.node else { return Err(self.closed()) };
        let mut named = strings(&list.items).as_deref().and_then(as_range).ok_or_else(|| self.closed())?;
        match self.existing(&mut named) {
            Ok((relation, guarded)) => {
                self.not_filtered(&guarded)?;
                if cascade {
                    self.takes_only_own(&relation)?;
                }
            }
            // Nothing of that name: Postgres says so, where the role could drop it.
            Err(refusal) if missing_ok && refusal.code == SqlState::UNDEFINED_TABLE => {
                let unqualified = named.schemaname.is_empty();
                if self.unseen(&mut named).is_err() {
                    if !unqualified {
                        return Err(refusal);
                    }
                    "pg_temp".clone_into(&mut named.schemaname);
                    self.may_define_in("pg_temp", self.what)?;
                }
            }
            Err(refusal) => return Err(refusal),
        }
        list.items = [named.schemaname, named.relname].into_iter().map(string).collect();
        Ok(())
    }

    fn drop_schema(&mut self, object: &Node, cascade: bool) -> Result<(), Refusal> {
        let Some(NodeEnum::String(name)) = &object.node else { return Err(self.closed()) };
        self.schema(&name.sval)?;
        if !cascade {
            return Ok(());
        }
        let inside = self.inside(&name.sval);
        for relation in inside {
            let guarded = self.guarded(&relation);
            self.not_filtered(&guarded)?;
            self.takes_only_own(&relation)?;
        }
        Ok(())
    }

    /// CASCADE drops views and children wherever they lie: a role that may write in its own schemas only drops nothing outside of them.
    fn takes_only_own(&self, relation: &Arc<Relation>) -> Result<(), Refusal> {
        if !self.facts.rights.read_only() {
            return Ok(());
        }
        let mut open = vec![relation.oid];
        let mut seen = open.clone();
        while let Some(next) = open.pop() {
            let dependants = self.facts.catalog.relations.values().filter(|r| r.reads.contains(&next) || r.parents.contains(&next));
            for dependant in dependants {
                if !self.facts.rights.owns(&dependant.schema) {
                    let name = format!("{}.{}", dependant.schema, dependant.name);
                    return Err(self.denied(
                        &format!("CASCADE would drop {name} too, which is not the role's own"),
                        "Whoever it belongs to must let go of the table first.",
                    ));
                }
                if !seen.contains(&dependant.oid) {
                    seen.push(dependant.oid);
                    open.push(dependant.oid);
                }
            }
        }
        Ok(())
    }

    fn listed_index(&mut self, object: &mut Node) -> Result<(), Refusal> {
        let Some(NodeEnum::List(list)) = &mut object.node else { return Err(self.closed()) };
        let mut named = strings(&list.items).as_deref().and_then(as_range).ok_or_else(|| self.closed())?;
        self.unseen(&mut named)?;
        list.items = [named.schemaname, named.relname].into_iter().map(string).collect();
        Ok(())
    }

    /// What is named behind its table: a column, constraint, policy.
    fn of_table(&mut self, object: &mut Node, all_rows: bool) -> Result<(), Refusal> {
        let Some(NodeEnum::List(list)) = &mut object.node else { return Err(self.closed()) };
        let mut parts = strings(&list.items).ok_or_else(|| self.closed())?;
        let Some(last) = parts.pop() else { return Err(self.closed()) };
        let mut table = as_range(&parts).ok_or_else(|| self.closed())?;
        let (_, guarded) = self.existing(&mut table)?;
        if all_rows {
            self.not_filtered(&guarded)?;
        }
        list.items = [table.schemaname, table.relname, last].into_iter().map(string).collect();
        Ok(())
    }

    /// COMMENT
    pub(super) fn comment(&mut self, s: &mut CommentStmt) -> Result<(), Refusal> {
        let Some(object) = s.object.as_deref_mut() else { return Err(self.closed()) };
        match ObjectType::try_from(s.objtype) {
            Ok(ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectSequence) => {
                let Some(NodeEnum::List(list)) = &mut object.node else { return Err(self.closed()) };
                let mut named = strings(&list.items).as_deref().and_then(as_range).ok_or_else(|| self.closed())?;
                self.existing(&mut named)?;
                list.items = [named.schemaname, named.relname].into_iter().map(string).collect();
                Ok(())
            }
            Ok(ObjectType::ObjectColumn | ObjectType::ObjectTabconstraint | ObjectType::ObjectPolicy) => self.of_table(object, false),
            Ok(ObjectType::ObjectIndex) => self.listed_index(object),
            Ok(ObjectType::ObjectType | ObjectType::ObjectDomain | ObjectType::ObjectCollation | ObjectType::ObjectStatisticExt) => {
                self.listed_object(Some(object))
            }
            Ok(ObjectType::ObjectSchema) => match &object.node {
                Some(NodeEnum::String(name)) => self.schema(&name.sval.clone()),
                _ => Err(self.closed()),
            },
            _ => Err(self.closed()),
        }
    }

    /// GRANT and REVOKE on objects: nobody is let read what the role does not see.
    pub(super) fn grant(&mut self, s: &mut GrantStmt) -> Result<(), Refusal> {
        let everything = match GrantTargetType::try_from(s.targtype) {
            Ok(GrantTargetType::AclTargetObject) => false,
            Ok(GrantTargetType::AclTargetAllInSchema) => true,
            _ => return Err(self.closed()),
        };
        let kind = ObjectType::try_from(s.objtype);
        for object in &mut s.objects {
            match (kind, everything) {
                (Ok(ObjectType::ObjectTable | ObjectType::ObjectSequence), false) => {
                    let Some(named) = range(object) else { return Err(self.closed()) };
                    let (relation, _) = self.existing(named)?;
                    self.grant_on(&relation, s.is_grant)?;
                }
                (Ok(ObjectType::ObjectTable | ObjectType::ObjectSequence), true) => {
                    let Some(NodeEnum::String(name)) = &object.node else { return Err(self.closed()) };
                    place::may_define_in(self.facts, &name.sval, &format!("{} in {}", self.what, name.sval))?;
                    for relation in self.inside(&name.sval) {
                        self.grant_on(&relation, s.is_grant)?;
                    }
                }
                (Ok(ObjectType::ObjectSchema), false) => match &object.node {
                    Some(NodeEnum::String(name)) => self.schema(&name.sval.clone())?,
                    _ => return Err(self.closed()),
                },
                (Ok(ObjectType::ObjectType | ObjectType::ObjectDomain), false) => self.listed_object(Some(object))?,
                _ => return Err(self.closed()),
            }
        }
        Ok(())
    }

    fn grant_on(&mut self, relation: &Arc<Relation>, grants: bool) -> Result<(), Refusal> {
        if !grants || !self.shows_protected(relation) {
            return Ok(());
        }
        let message = format!(
            "{} on {}.{}, of which something is protected for role {}: whoever it is granted to would read it outside of pgveil",
            self.what, relation.schema, relation.name, self.who.role
        );
        Err(Refusal::new(SqlState::DENIED, "define.protected", message)
            .with_hint("Somebody for whom nothing of it is protected can do it."))
    }
}
