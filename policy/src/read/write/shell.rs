//! What stands around the queries of a statement that writes, and how the statement falls into both.

mod merge;

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, Alias, DeleteStmt, InsertStmt, LimitOption, MultiAssignRef, Node, OnConflictAction, OnConflictClause, OverridingKind, RangeVar,
    ResTarget, ReturningClause, SelectStmt, SetOperation, UpdateStmt,
};

use crate::{Refusal, SqlState};

/// Which statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum Verb {
    Insert,
    Update,
    Delete,
    Merge,
    /// A query: a statement in its WITH writes.
    Select,
}

impl Verb {
    /// As a refusal calls it.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Insert => "INSERT",
            Verb::Update => "UPDATE",
            Verb::Delete => "DELETE",
            Verb::Merge => "MERGE",
            Verb::Select => "SELECT",
        }
    }
}

/// The relation that is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As it is written: `[name]` or `[schema, name]`.
    pub name: Vec<String>,
    /// Its alias.
    pub alias: Option<String>,
    /// ONLY stands before it.
    pub only: bool,
}

/// The columns that one expression of SET is assigned to: several only for `(a, b) = (SELECT …)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// Their names.
    pub columns: Vec<String>,
    /// DEFAULT stands there.
    pub default: bool,
}

/// Cells of VALUES that are DEFAULT: row and column, from 0.
pub type Defaults = BTreeSet<(usize, usize)>;

/// OVERRIDING of an INSERT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum Overriding {
    UserValue,
    SystemValue,
}

/// ON CONFLICT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Which conflicts.
    pub inferred: Inferred,
    /// DO UPDATE SET; `None` for DO NOTHING.
    pub update: Option<Vec<Assigned>>,
}

/// The conflicts that ON CONFLICT takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inferred {
    /// All.
    Any,
    /// Those of a unique index on these columns.
    Columns(Vec<String>),
    /// Those of that constraint.
    Constraint(String),
}

/// WHEN of a MERGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// MATCHED, or NOT MATCHED.
    pub matched: bool,
    /// AND stands there: its condition comes first in the select list.
    pub condition: bool,
    /// What is done.
    pub then: Then,
}

/// What a WHEN does; the expressions stand in the select list, one WHEN after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// DO NOTHING
    Nothing,
    /// DELETE
    Delete,
    /// UPDATE SET
    Update(Vec<Assigned>),
    /// INSERT
    Insert {
        /// The columns that it names; `None` where it names none.
        columns: Option<Vec<String>>,
        /// How many values there are; 0 for DEFAULT VALUES.
        width: usize,
        /// Those that are DEFAULT, from 0.
        defaults: BTreeSet<usize>,
        /// OVERRIDING.
        overriding: Option<Overriding>,
    },
}

/// What stands around the queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// Which statement.
    pub verb: Verb,
    /// Where it writes.
    pub target: Target,
    /// The columns that an INSERT names; `None` where it names none.
    pub columns: Option<Vec<String>>,
    /// Cells of its VALUES that are DEFAULT; NULL stands there in the query.
    pub defaults: Defaults,
    /// OVERRIDING.
    pub overriding: Option<Overriding>,
    /// ON CONFLICT.
    pub conflict: Option<Conflict>,
    /// SET of an UPDATE; its expressions are the first of the query's select list.
    pub assigned: Vec<Assigned>,
    /// WHEN of a MERGE.
    pub whens: Vec<When>,
    /// RETURNING stands there.
    pub returning: bool,
}

/// A statement taken apart.
#[derive(Debug)]
pub(super) struct Parts {
    pub shell: Shell,
    pub queries: Queries,
    /// Statements in its WITH that write, by their place there. In the query a placeholder stands for each.
    pub ctes: Vec<(usize, Parts)>,
    /// See [`super::Write`].
    pub shares_with: bool,
}

/// The queries, as trees.
#[derive(Debug, Default)]
pub(super) struct Queries {
    pub source: Option<Box<SelectStmt>>,
    pub action: Option<Box<SelectStmt>>,
    pub returning: Option<Box<SelectStmt>>,
}

/// Takes a statement apart; `None` for one that does not write.
pub(super) fn of(node: &NodeEnum) -> Result<Option<Parts>, Refusal> {
    let (shell, mut queries) = match node {
        NodeEnum::InsertStmt(insert) => self::insert(insert)?,
        NodeEnum::UpdateStmt(update) => self::update(update)?,
        NodeEnum::DeleteStmt(delete) => self::delete(delete)?,
        NodeEnum::MergeStmt(statement) => merge::merge(statement)?,
        NodeEnum::SelectStmt(select) if select.with_clause.as_ref().is_some_and(|w| w.ctes.iter().any(writes)) => {
            let shell = Shell::new(Verb::Select, Target { name: vec![], alias: None, only: false });
            (shell, Queries { source: Some(select.clone()), ..Queries::default() })
        }
        _ => return Ok(None),
    };
    let with = match (&mut queries.source, &mut queries.action) {
        (Some(select), _) | (None, Some(select)) => select.with_clause.as_mut(),
        (None, None) => None,
    };
    let mut ctes = Vec::new();
    for (index, cte) in with.map(|w| w.ctes.iter_mut()).into_iter().flatten().enumerate() {
        if !writes(cte) {
            continue;
        }
        let Some(NodeEnum::CommonTableExpr(cte)) = &mut cte.node else { return Err(unread("this form of WITH")) };
        let node = cte.ctequery.as_deref().and_then(|n| n.node.as_ref());
        let parts = node.map(of).transpose()?.flatten().ok_or_else(|| unread("this statement in WITH"))?;
        if !parts.ctes.is_empty() {
            let message = "WITH clause containing a data-modifying statement must be at the top level";
            return Err(Refusal::new(SqlState::UNSUPPORTED, "write.nested", message).with_hint("Put all of them into the outermost WITH."));
        }
        cte.ctequery = Some(Box::new(placeholder(index)));
        ctes.push((index, parts));
    }
    let shares_with = matches!(node, NodeEnum::InsertStmt(insert) if insert.with_clause.is_some());
    Ok(Some(Parts { shell, queries, ctes, shares_with }))
}

/// A statement in WITH that writes.
fn writes(cte: &Node) -> bool {
    let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node else { return false };
    matches!(
        cte.ctequery.as_deref().and_then(|n| n.node.as_ref()),
        Some(NodeEnum::InsertStmt(_) | NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_) | NodeEnum::MergeStmt(_))
    )
}

/// What stands for a statement in WITH, as it is printed.
pub(super) fn placeholder_text(index: usize) -> String {
    format!("VALUES ('{}')", placeholder_word(index))
}

/// The constant in it.
pub(crate) fn placeholder_word(index: usize) -> String {
    format!("pgveil_write_{index}")
}

fn placeholder(index: usize) -> Node {
    let val = Some(Val::Sval(pg_query::protobuf::String { sval: placeholder_word(index) }));
    let cell = Node { node: Some(NodeEnum::AConst(AConst { isnull: false, location: -1, val })) };
    let row = Node { node: Some(NodeEnum::List(pg_query::protobuf::List { items: vec![cell] })) };
    Node { node: Some(NodeEnum::SelectStmt(Box::new(SelectStmt { values_lists: vec![row], ..plain() }))) }
}

fn insert(statement: &InsertStmt) -> Result<(Shell, Queries), Refusal> {
    let InsertStmt { relation, cols, select_stmt, on_conflict_clause, returning_clause, with_clause, r#override } = statement;
    let relation = relation.as_ref().ok_or_else(|| unread("an INSERT without a target"))?;
    let returned = returned(returning_clause.as_ref())?;
    let mut queries = Queries::default();
    let mut defaults = Defaults::new();
    match select_stmt.as_deref().map(|s| s.node.as_ref()) {
        None if with_clause.is_some() => return Err(unread("WITH before DEFAULT VALUES")),
        None => {}
        Some(Some(NodeEnum::SelectStmt(select))) => {
            let mut select = select.clone();
            match (&select.with_clause, with_clause) {
                (_, None) => {}
                (None, Some(with)) => select.with_clause = Some(with.clone()),
                (Some(_), Some(_)) => return Err(unread("WITH both before INSERT and before its query")),
            }
            for (row, list) in select.values_lists.iter_mut().enumerate() {
                let Some(NodeEnum::List(list)) = &mut list.node else { return Err(unread("these VALUES")) };
                for (column, cell) in list.items.iter_mut().enumerate() {
                    if take_default(cell) {
                        defaults.insert((row, column));
                    }
                }
            }
            queries.source = Some(select);
        }
        Some(_) => return Err(unread("this source of an INSERT")),
    }
    let conflict = match on_conflict_clause.as_deref() {
        None => None,
        Some(clause) => Some(self::conflict(clause, relation, &mut queries)?),
    };
    let returning = returned.is_some();
    if let Some(exprs) = returned {
        queries.returning = Some(Box::new(SelectStmt { target_list: exprs, from_clause: vec![table(relation)], ..plain() }));
    }
    let named = |col: &Node| match &col.node {
        Some(NodeEnum::ResTarget(col)) if col.indirection.is_empty() => Ok(col.name.clone()),
        _ => Err(unread("a part of a column as the target of an INSERT")),
    };
    let columns: Vec<String> = cols.iter().map(named).collect::<Result<_, _>>()?;
    let overriding = overriding(*r#override)?;
    let shell = Shell {
        verb: Verb::Insert,
        target: target(relation)?,
        columns: (!columns.is_empty()).then_some(columns),
        defaults,
        overriding,
        conflict,
        assigned: vec![],
        whens: vec![],
        returning,
    };
    Ok((shell, queries))
}

fn update(statement: &UpdateStmt) -> Result<(Shell, Queries), Refusal> {
    let UpdateStmt { relation, target_list, where_clause, from_clause, returning_clause, with_clause } = statement;
    let relation = relation.as_ref().ok_or_else(|| unread("an UPDATE without a target"))?;
    let (assigned, mut items) = assignments(target_list)?;
    let returned = returned(returning_clause.as_ref())?;
    let returning = returned.is_some();
    items.extend(returned.unwrap_or_default());
    let from_clause = std::iter::once(table(relation)).chain(from_clause.iter().cloned()).collect();
    let action =
        SelectStmt { target_list: items, from_clause, where_clause: where_clause.clone(), with_clause: with_clause.clone(), ..plain() };
    let shell = Shell { assigned, returning, ..Shell::new(Verb::Update, target(relation)?) };
    Ok((shell, Queries { action: Some(Box::new(action)), ..Queries::default() }))
}

fn delete(statement: &DeleteStmt) -> Result<(Shell, Queries), Refusal> {
    let DeleteStmt { relation, using_clause, where_clause, returning_clause, with_clause } = statement;
    let relation = relation.as_ref().ok_or_else(|| unread("a DELETE without a target"))?;
    let returned = returned(returning_clause.as_ref())?;
    let returning = returned.is_some();
    let from_clause = std::iter::once(table(relation)).chain(using_clause.iter().cloned()).collect();
    let action = SelectStmt {
        target_list: returned.unwrap_or_default(),
        from_clause,
        where_clause: where_clause.clone(),
        with_clause: with_clause.clone(),
        ..plain()
    };
    let shell = Shell { returning, ..Shell::new(Verb::Delete, target(relation)?) };
    Ok((shell, Queries { action: Some(Box::new(action)), ..Queries::default() }))
}

impl Shell {
    /// A statement of nothing but its target.
    pub fn new(verb: Verb, target: Target) -> Self {
        Shell {
            verb,
            target,
            columns: None,
            defaults: Defaults::new(),
            overriding: None,
            conflict: None,
            assigned: vec![],
            whens: vec![],
            returning: false,
        }
    }
}

fn overriding(kind: i32) -> Result<Option<Overriding>, Refusal> {
    match OverridingKind::try_from(kind) {
        Ok(OverridingKind::OverridingUserValue) => Ok(Some(Overriding::UserValue)),
        Ok(OverridingKind::OverridingSystemValue) => Ok(Some(Overriding::SystemValue)),
        Ok(OverridingKind::OverridingNotSet | OverridingKind::Undefined) => Ok(None),
        Err(_) => Err(unread("this OVERRIDING")),
    }
}

fn conflict(clause: &OnConflictClause, relation: &RangeVar, queries: &mut Queries) -> Result<Conflict, Refusal> {
    let OnConflictClause { action, infer, target_list, where_clause, location: _ } = clause;
    let inferred = match infer.as_deref() {
        None => Inferred::Any,
        Some(infer) if !infer.conname.is_empty() => Inferred::Constraint(infer.conname.clone()),
        Some(infer) if infer.where_clause.is_some() => {
            return Err(unread("ON CONFLICT with a condition of an index").with_hint("Name its constraint: ON CONFLICT ON CONSTRAINT."));
        }
        Some(infer) => Inferred::Columns(infer.index_elems.iter().map(inferred_column).collect::<Result<_, _>>()?),
    };
    let update = match OnConflictAction::try_from(*action) {
        Ok(OnConflictAction::OnconflictNothing) => None,
        Ok(OnConflictAction::OnconflictUpdate) => {
            let (assigned, items) = assignments(target_list)?;
            let alias = Alias { aliasname: EXCLUDED.to_owned(), colnames: vec![] };
            let excluded = RangeVar { alias: Some(alias), location: -1, ..relation.clone() };
            let from_clause = vec![table(relation), table(&excluded)];
            let where_clause = where_clause.clone();
            queries.action = Some(Box::new(SelectStmt { target_list: items, from_clause, where_clause, ..plain() }));
            Some(assigned)
        }
        _ => return Err(unread("this ON CONFLICT")),
    };
    Ok(Conflict { inferred, update })
}

/// The row that was proposed for insertion, in ON CONFLICT DO UPDATE.
pub(crate) const EXCLUDED: &str = "excluded";

fn inferred_column(node: &Node) -> Result<String, Refusal> {
    match &node.node {
        Some(NodeEnum::IndexElem(elem))
            if elem.expr.is_none() && elem.collation.is_empty() && elem.opclass.is_empty() && !elem.name.is_empty() =>
        {
            Ok(elem.name.clone())
        }
        _ => Err(unread("ON CONFLICT with an expression, collation or operator class")
            .with_hint("Name the constraint: ON CONFLICT ON CONSTRAINT.")),
    }
}

/// The items of SET, and the expressions that are assigned.
fn assignments(list: &[Node]) -> Result<(Vec<Assigned>, Vec<Node>), Refusal> {
    let (mut assigned, mut items) = (Vec::new(), Vec::new());
    let mut rest = list.iter();
    while let Some(node) = rest.next() {
        let first = item(node)?;
        let mut columns = vec![first.name.clone()];
        let mut value = match first.val.as_deref() {
            Some(Node { node: Some(NodeEnum::MultiAssignRef(many)) }) => match several(many)? {
                Several::Cell(cell) => cell,
                Several::Query(query) => {
                    for _ in 1..many.ncolumns {
                        let next = rest.next().ok_or_else(|| unread("this assignment to several columns"))?;
                        columns.push(item(next)?.name.clone());
                    }
                    query
                }
            },
            Some(value) => value.clone(),
            None => return Err(unread("this assignment")),
        };
        let default = take_default(&mut value);
        assigned.push(Assigned { columns, default });
        let location = first.location;
        let item = ResTarget { name: String::new(), indirection: vec![], val: Some(Box::new(value)), location };
        items.push(Node { node: Some(NodeEnum::ResTarget(Box::new(item))) });
    }
    Ok((assigned, items))
}

fn item(node: &Node) -> Result<&ResTarget, Refusal> {
    match &node.node {
        Some(NodeEnum::ResTarget(item)) if item.indirection.is_empty() => Ok(item),
        _ => Err(unread("an assignment to a part of a column").with_hint("Assign the whole value.")),
    }
}

enum Several {
    Cell(Node),
    Query(Node),
}

/// What one column of `(a, b) = …` is assigned.
fn several(many: &MultiAssignRef) -> Result<Several, Refusal> {
    let source = many.source.as_deref().ok_or_else(|| unread("this assignment to several columns"))?;
    match &source.node {
        Some(NodeEnum::RowExpr(row)) if usize::try_from(many.ncolumns) == Ok(row.args.len()) => {
            let index = usize::try_from(many.colno).ok().and_then(|n| n.checked_sub(1));
            index.and_then(|n| row.args.get(n)).cloned().map(Several::Cell).ok_or_else(|| unread("this assignment to several columns"))
        }
        Some(NodeEnum::SubLink(_)) if many.colno == 1 => Ok(Several::Query(source.clone())),
        _ => Err(unread("this assignment to several columns")),
    }
}

/// Puts NULL in the place of DEFAULT.
fn take_default(node: &mut Node) -> bool {
    let Some(NodeEnum::SetToDefault(default)) = &node.node else { return false };
    let location = default.location;
    node.node = Some(NodeEnum::AConst(AConst { isnull: true, location, val: None }));
    true
}

fn returned(clause: Option<&ReturningClause>) -> Result<Option<Vec<Node>>, Refusal> {
    match clause {
        None => Ok(None),
        Some(clause) if clause.options.is_empty() => Ok(Some(clause.exprs.clone())),
        Some(_) => Err(unread("RETURNING WITH")),
    }
}

fn target(relation: &RangeVar) -> Result<Target, Refusal> {
    let RangeVar { catalogname, schemaname, relname, inh, relpersistence: _, alias, location: _ } = relation;
    let mut name = Vec::new();
    if !catalogname.is_empty() {
        name.push(catalogname.clone());
    }
    if !schemaname.is_empty() {
        name.push(schemaname.clone());
    }
    name.push(relname.clone());
    if alias.as_ref().is_some_and(|a| !a.colnames.is_empty()) {
        return Err(unread("names for the columns of what is written to"));
    }
    Ok(Target { name, alias: alias.as_ref().map(|a| a.aliasname.clone()), only: !inh })
}

/// A SELECT without a clause, as the grammar makes it.
fn plain() -> SelectStmt {
    SelectStmt { op: SetOperation::SetopNone.into(), limit_option: LimitOption::Default.into(), ..SelectStmt::default() }
}

fn table(relation: &RangeVar) -> Node {
    Node { node: Some(NodeEnum::RangeVar(relation.clone())) }
}

fn unread(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.unread", format!("pgveil does not read {what} yet")).with_hint("Write it in another way.")
}
