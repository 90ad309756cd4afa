//! TRUNCATE, VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH MATERIALIZED VIEW.

use pg_query::NodeEnum;
use pg_query::protobuf::{ClusterStmt, DropBehavior, RefreshMatViewStmt, ReindexObjectType, ReindexStmt, TruncateStmt, VacuumStmt};

use super::Definer;
use super::target::range;
use crate::Refusal;

impl Definer<'_> {
    /// TRUNCATE: the rows that a filter hides stay.
    pub(super) fn truncate(&mut self, s: &mut TruncateStmt) -> Result<(), Refusal> {
        for relation in &mut s.relations {
            let Some(relation) = range(relation) else { return Err(self.closed()) };
            let (_, guarded) = self.existing(relation)?;
            self.not_filtered(&guarded)?;
        }
        let cascade = DropBehavior::try_from(s.behavior) == Ok(DropBehavior::DropCascade);
        if cascade && (self.facts.rights.read_only() || self.facts.filters()) {
            return Err(self.denied("CASCADE would empty every table that refers to these", "Name the tables."));
        }
        Ok(())
    }

    /// VACUUM, ANALYZE
    pub(super) fn vacuum(&mut self, s: &mut VacuumStmt) -> Result<(), Refusal> {
        if s.rels.is_empty() && self.facts.rights.read_only() {
            return Err(self.denied("it would go through the whole database", "Name your own tables."));
        }
        for relation in &mut s.rels {
            let Some(NodeEnum::VacuumRelation(one)) = &mut relation.node else { return Err(self.closed()) };
            let Some(relation) = one.relation.as_mut() else { return Err(self.closed()) };
            self.existing(relation)?;
        }
        Ok(())
    }

    /// CLUSTER: the order in which rows lie is seen wherever a query leaves it open.
    pub(super) fn cluster(&mut self, s: &mut ClusterStmt) -> Result<(), Refusal> {
        let Some(relation) = s.relation.as_mut() else {
            return Err(self.denied("it would go through the whole database", "Name a table."));
        };
        let (_, guarded) = self.existing(relation)?;
        self.not_protected(&guarded, "its rows would come in the order of an index, which may be of a protected column")
    }

    /// REINDEX
    pub(super) fn reindex(&mut self, s: &mut ReindexStmt) -> Result<(), Refusal> {
        match (ReindexObjectType::try_from(s.kind), s.relation.as_mut()) {
            (Ok(ReindexObjectType::ReindexObjectTable), Some(relation)) => self.existing(relation).map(|_| ()),
            (Ok(ReindexObjectType::ReindexObjectIndex), Some(relation)) => self.unseen(relation),
            (Ok(ReindexObjectType::ReindexObjectSchema), None) => self.schema(&s.name.clone()),
            (Ok(ReindexObjectType::ReindexObjectDatabase), None) if !self.facts.rights.read_only() => Ok(()),
            _ => Err(self.closed()),
        }
    }

    /// REFRESH MATERIALIZED VIEW: its query reads values as they are stored, which an error would show.
    pub(super) fn refresh(&mut self, s: &mut RefreshMatViewStmt) -> Result<(), Refusal> {
        let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
        self.existing(relation)?;
        self.protected = true;
        Ok(())
    }
}
