//! ALTER … RENAME and SET SCHEMA: nothing protected loses the name that its class goes by.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterObjectSchemaStmt, Node, ObjectType, RenameStmt};

use super::super::place;
use super::Definer;
use crate::Refusal;

const GOES_BY_NAME: &str = "the policy knows it by its name";

impl Definer<'_> {
    /// ALTER … RENAME
    pub(super) fn rename(&mut self, s: &mut RenameStmt) -> Result<(), Refusal> {
        let kind = ObjectType::try_from(s.rename_type);
        match kind {
            Ok(ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectSequence) => {
                let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
                let (found, guarded) = self.existing(relation)?;
                self.makes_no_guess(&found.schema, &s.newname, found.columns.iter().map(|c| c.name.as_str()))?;
                self.not_protected(&guarded, GOES_BY_NAME)
            }
            Ok(ObjectType::ObjectColumn) => {
                let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
                let (found, guarded) = self.existing(relation)?;
                self.not_filtered(&guarded)?;
                self.makes_no_guess(&found.schema, &found.name, std::iter::once(s.newname.as_str()))?;
                if guarded.columns.contains(&s.subname) { self.not_protected(&guarded, GOES_BY_NAME) } else { Ok(()) }
            }
            Ok(ObjectType::ObjectTabconstraint | ObjectType::ObjectPolicy) => {
                let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
                self.existing(relation).map(|_| ())
            }
            Ok(ObjectType::ObjectIndex | ObjectType::ObjectAttribute) => {
                let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
                self.unseen(relation)
            }
            Ok(ObjectType::ObjectSchema) => {
                self.schema(&s.subname)?;
                place::may_define_in(self.facts, &s.newname, &format!("{} {}", self.what, s.newname))?;
                for relation in self.inside(&s.subname) {
                    self.makes_no_guess(&s.newname, &relation.name, relation.columns.iter().map(|c| c.name.as_str()))?;
                    let guarded = self.guarded(&relation);
                    self.not_protected(&guarded, "the policy knows it by its schema")?;
                }
                Ok(())
            }
            Ok(
                ObjectType::ObjectType
                | ObjectType::ObjectDomain
                | ObjectType::ObjectDomconstraint
                | ObjectType::ObjectCollation
                | ObjectType::ObjectStatisticExt,
            ) => self.listed_object(s.object.as_deref_mut()),
            _ => Err(self.closed()),
        }
    }

    /// ALTER … SET SCHEMA
    pub(super) fn set_schema(&mut self, s: &mut AlterObjectSchemaStmt) -> Result<(), Refusal> {
        place::may_define_in(self.facts, &s.newschema, &format!("{} {}", self.what, s.newschema))?;
        match ObjectType::try_from(s.object_type) {
            Ok(ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectSequence) => {
                let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
                let (found, guarded) = self.existing(relation)?;
                self.makes_no_guess(&s.newschema, &found.name, found.columns.iter().map(|c| c.name.as_str()))?;
                self.not_protected(&guarded, "the policy knows it by its schema")
            }
            Ok(ObjectType::ObjectType | ObjectType::ObjectDomain | ObjectType::ObjectCollation | ObjectType::ObjectStatisticExt) => {
                self.listed_object(s.object.as_deref_mut())
            }
            _ => Err(self.closed()),
        }
    }

    /// A schema that exists.
    pub(super) fn schema(&mut self, name: &str) -> Result<(), Refusal> {
        place::may_define_in(self.facts, name, &format!("{} {name}", self.what))
    }

    /// The name of a type, domain, collation or statistics object.
    pub(super) fn listed_object(&mut self, object: Option<&mut Node>) -> Result<(), Refusal> {
        match object.and_then(|o| o.node.as_mut()) {
            Some(NodeEnum::List(list)) => self.object_name(&mut list.items),
            Some(NodeEnum::TypeName(name)) => self.object_name(&mut name.names),
            _ => Err(self.closed()),
        }
    }
}
