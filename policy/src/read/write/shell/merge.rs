//! MERGE as a shell around one query.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{CmdType, MergeMatchKind, MergeStmt, MergeWhenClause, Node, ResTarget, SelectStmt};

use super::{Queries, Shell, Then, Verb, When, assignments, overriding, plain, table, take_default, target, unread};
use crate::Refusal;

pub(super) fn merge(statement: &MergeStmt) -> Result<(Shell, Queries), Refusal> {
    let MergeStmt { relation, source_relation, join_condition, merge_when_clauses, returning_clause, with_clause } = statement;
    if returning_clause.is_some() {
        return Err(unread("RETURNING of a MERGE"));
    }
    let relation = relation.as_ref().ok_or_else(|| unread("a MERGE without a target"))?;
    let source = source_relation.as_deref().ok_or_else(|| unread("a MERGE without a source"))?;
    let (mut whens, mut items) = (Vec::new(), Vec::new());
    for node in merge_when_clauses {
        let Some(NodeEnum::MergeWhenClause(clause)) = &node.node else { return Err(unread("this MERGE")) };
        let (when, mut more) = when(clause)?;
        whens.push(when);
        items.append(&mut more);
    }
    let action = SelectStmt {
        target_list: items,
        from_clause: vec![table(relation), source.clone()],
        where_clause: join_condition.clone(),
        with_clause: with_clause.clone(),
        ..plain()
    };
    let shell = Shell { whens, ..Shell::new(Verb::Merge, target(relation)?) };
    Ok((shell, Queries { action: Some(Box::new(action)), ..Queries::default() }))
}

fn when(clause: &MergeWhenClause) -> Result<(When, Vec<Node>), Refusal> {
    let MergeWhenClause { match_kind, command_type, r#override, condition, target_list, values } = clause;
    let matched = match MergeMatchKind::try_from(*match_kind) {
        Ok(MergeMatchKind::MergeWhenMatched) => true,
        Ok(MergeMatchKind::MergeWhenNotMatchedByTarget) => false,
        _ => return Err(unread("WHEN NOT MATCHED BY SOURCE")),
    };
    let mut items: Vec<Node> = condition.iter().map(|c| item((**c).clone())).collect();
    let then = match CmdType::try_from(*command_type) {
        Ok(CmdType::CmdNothing) => Then::Nothing,
        Ok(CmdType::CmdDelete) => Then::Delete,
        Ok(CmdType::CmdUpdate) => {
            let (assigned, mut values) = assignments(target_list)?;
            items.append(&mut values);
            Then::Update(assigned)
        }
        Ok(CmdType::CmdInsert) => {
            let named = |col: &Node| match &col.node {
                Some(NodeEnum::ResTarget(col)) if col.indirection.is_empty() => Ok(col.name.clone()),
                _ => Err(unread("a part of a column as the target of an INSERT")),
            };
            let columns: Vec<String> = target_list.iter().map(named).collect::<Result<_, _>>()?;
            let mut defaults = BTreeSet::new();
            for (index, value) in values.iter().enumerate() {
                let mut value = value.clone();
                if take_default(&mut value) {
                    defaults.insert(index);
                }
                items.push(item(value));
            }
            let (columns, width) = ((!columns.is_empty()).then_some(columns), values.len());
            Then::Insert { columns, width, defaults, overriding: overriding(*r#override)? }
        }
        _ => return Err(unread("this WHEN of a MERGE")),
    };
    Ok((When { matched, condition: condition.is_some(), then }, items))
}

fn item(value: Node) -> Node {
    let item = ResTarget { name: String::new(), indirection: vec![], val: Some(Box::new(value)), location: -1 };
    Node { node: Some(NodeEnum::ResTarget(Box::new(item))) }
}
