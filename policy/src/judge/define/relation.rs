//! What belongs to a relation: indexes, sequences, policies, statistics.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, CreateSeqStmt, CreateStatsStmt, IndexStmt, Node, RangeVar};

use super::Definer;
use super::table::index_elements;
use super::target::{as_range, range, string, strings};
use crate::Refusal;

impl Definer<'_> {
    /// CREATE INDEX: plain columns may be protected, expressions and conditions name none that is.
    pub(super) fn create_index(&mut self, s: &mut IndexStmt) -> Result<(), Refusal> {
        let Some(relation) = s.relation.as_mut() else { return Err(self.closed()) };
        let (_, guarded) = self.existing(relation)?;
        let elements = index_elements(&s.index_params).ok_or_else(|| self.closed())?;
        let expressions: Vec<&Node> = elements.iter().filter_map(|(_, e)| *e).chain(s.where_clause.as_deref()).collect();
        if s.unique || !expressions.is_empty() {
            self.not_filtered(&guarded)?;
        }
        // For two rows of one's choice it would tell whether they are equal.
        if s.unique && s.where_clause.is_some() && elements.iter().any(|(name, _)| guarded.columns.contains(*name)) {
            return self.not_protected(&guarded, "a unique index over chosen rows would tell which of them are equal");
        }
        expressions.into_iter().try_for_each(|e| self.expression(e, &guarded))
    }

    /// CREATE SEQUENCE
    pub(super) fn create_sequence(&mut self, s: &mut CreateSeqStmt) -> Result<(), Refusal> {
        let Some(sequence) = s.sequence.as_mut() else { return Err(self.closed()) };
        self.new_relation(sequence)?;
        self.sequence_options(&mut s.options)
    }

    /// ALTER SEQUENCE
    pub(super) fn alter_sequence(&mut self, s: &mut AlterSeqStmt) -> Result<(), Refusal> {
        let Some(sequence) = s.sequence.as_mut() else { return Err(self.closed()) };
        let (_, guarded) = self.existing(sequence)?;
        self.not_filtered(&guarded)?;
        self.sequence_options(&mut s.options)
    }

    fn sequence_options(&mut self, options: &mut [Node]) -> Result<(), Refusal> {
        for option in options {
            let Some(NodeEnum::DefElem(option)) = &mut option.node else { return Err(self.closed()) };
            match option.defname.as_str() {
                "owned_by" => {
                    let Some(NodeEnum::List(list)) = option.arg.as_mut().and_then(|a| a.node.as_mut()) else { return Err(self.closed()) };
                    let mut parts = strings(&list.items).ok_or_else(|| self.closed())?;
                    if parts == ["none"] {
                        continue;
                    }
                    let Some(column) = parts.pop() else { return Err(self.closed()) };
                    let mut table = as_range(&parts).ok_or_else(|| self.closed())?;
                    self.existing(&mut table)?;
                    list.items = [table.schemaname, table.relname, column].into_iter().map(string).collect();
                }
                "as" | "cache" | "cycle" | "increment" | "maxvalue" | "minvalue" | "start" | "restart" => {}
                _ => return Err(self.closed()),
            }
        }
        Ok(())
    }

    /// CREATE POLICY, ALTER POLICY
    pub(super) fn policy(&mut self, table: Option<&mut RangeVar>, expressions: &[Option<&Node>]) -> Result<(), Refusal> {
        let Some(table) = table else { return Err(self.closed()) };
        let (_, guarded) = self.existing(table)?;
        self.not_filtered(&guarded)?;
        self.expressions(expressions.iter().copied(), &guarded)
    }

    /// CREATE STATISTICS: what it gathers is in catalogs that show no value.
    pub(super) fn create_statistics(&mut self, s: &mut CreateStatsStmt) -> Result<(), Refusal> {
        let [relation] = s.relations.as_mut_slice() else { return Err(self.closed()) };
        let Some(relation) = range(relation) else { return Err(self.closed()) };
        let (_, guarded) = self.existing(relation)?;
        self.not_filtered(&guarded)?;
        for expression in &s.exprs {
            let Some(NodeEnum::StatsElem(element)) = &expression.node else { return Err(self.closed()) };
            self.expressions([element.expr.as_deref()], &guarded)?;
        }
        if s.defnames.is_empty() { Ok(()) } else { self.object_name(&mut s.defnames) }
    }
}
