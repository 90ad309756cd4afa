//! Statements that define, alter and drop things, or keep house among them: libpg_query's tree of them, whose names the judgement
//! qualifies, and which is printed from that tree; and what an expression in them names.

use pg_query::protobuf::Node;
use pg_query::{DeparseOptions, NodeEnum};

use super::other;
use super::postgres::{self, Tree};
use crate::{Refusal, SqlState};

/// A statement that defines something.
#[derive(Debug, Clone)]
pub struct Define {
    /// Its tree.
    pub node: Box<NodeEnum>,
    /// How a refusal calls it.
    pub what: &'static str,
}

/// Reads a statement that defines something; `None` for any other.
pub(super) fn define(node: &NodeEnum) -> Option<Define> {
    let known = matches!(
        node,
        NodeEnum::CreateStmt(_)
            | NodeEnum::AlterTableStmt(_)
            | NodeEnum::IndexStmt(_)
            | NodeEnum::CreateSchemaStmt(_)
            | NodeEnum::CreateSeqStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::AlterDomainStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::AlterPolicyStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::RenameStmt(_)
            | NodeEnum::AlterObjectSchemaStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::DropStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::TruncateStmt(_)
            | NodeEnum::VacuumStmt(_)
            | NodeEnum::ClusterStmt(_)
            | NodeEnum::ReindexStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::RuleStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::DoStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
    );
    known.then(|| Define { node: Box::new(node.clone()), what: other::what(node) })
}

/// Prints a statement, and proves that Postgres' grammar reads the text as that tree.
///
/// # Errors
/// `read.reprint` where it does not.
pub fn print(node: &NodeEnum) -> Result<String, Refusal> {
    let reprint = || {
        Refusal::new(SqlState::UNSUPPORTED, "read.reprint", "pgveil's rewritten statement does not read back as it was meant")
            .with_hint("Please report it, with the statement.")
            .at(Some(1))
    };
    let text = node.deparse(DeparseOptions::default()).map_err(|_| reprint())?;
    let again = postgres::one(&text).map_err(|_| reprint())?.ok_or_else(reprint)?;
    if Tree::of(&again)? == Tree::of(node)? { Ok(text) } else { Err(reprint()) }
}

/// What an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A column, with what stands before it; the last part is empty for `*`.
    Column(Vec<String>),
    /// A function, and how many arguments it is given.
    Function(Vec<String>, usize),
    /// An operator, with its schema.
    Operator(Vec<String>),
    /// The constant of a call of `nextval`: a sequence's name.
    Sequence(String),
    /// A field of a row.
    Field(String),
}

/// All that an expression names, from the outside in.
///
/// # Errors
/// `define.expression` for subqueries, parameters, and forms that are not on the list.
pub fn parts(expression: &Node) -> Result<Vec<Part>, Refusal> {
    let mut found = Vec::new();
    if let Some(node) = &expression.node {
        walk(&Tree::of(node)?, &mut found)?;
    }
    Ok(found)
}

fn walk(tree: &Tree, found: &mut Vec<Part>) -> Result<(), Refusal> {
    match tree {
        Tree::List(items) => return items.iter().try_for_each(|item| walk(item, found)),
        Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) => return Ok(()),
        Tree::Node(..) => {}
    }
    let named = |field: &str| tree.names(field).map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
    match tree.kind() {
        "ColumnRef" => {
            let fields = tree.list("fields").iter().map(|field| field.text("sval").to_owned()).collect();
            found.push(Part::Column(fields));
            return Ok(());
        }
        "FuncCall" => {
            let name = named("funcname").ok_or_else(|| unknown("this function name"))?;
            if ["agg_order", "agg_filter", "over", "agg_within_group", "agg_distinct"].iter().any(|f| tree.field(f).is_some()) {
                return Err(unknown("an aggregate or window function"));
            }
            let arguments = tree.list("args");
            let own = name.len() == 1 || name.first().is_some_and(|schema| schema == "pg_catalog");
            if let (true, Some("nextval"), [argument]) = (own, name.last().map(String::as_str), arguments)
                && let Some(sequence) = constant(argument)
            {
                found.push(Part::Sequence(sequence));
                return Ok(());
            }
            found.push(Part::Function(name, arguments.len()));
        }
        "AExpr" => {
            let name = named("name").ok_or_else(|| unknown("this operator name"))?;
            if name.last().is_some_and(|n| n.contains("BETWEEN")) {
                found.extend(["<", ">", "<=", ">="].map(|implied| Part::Operator(vec![implied.to_owned()])));
            } else {
                found.push(Part::Operator(name));
            }
        }
        "AIndirection" => {
            let fields = tree.list("indirection").iter().filter(|step| matches!(step.kind(), "String" | "AStar"));
            found.extend(fields.map(|field| Part::Field(field.text("sval").to_owned())));
        }
        "AConst" | "Integer" | "Float" | "Boolean" | "String" | "BitString" | "AStar" | "BoolExpr" | "TypeCast" | "TypeName"
        | "CaseWhen" | "CoalesceExpr" | "MinMaxExpr" | "NullTest" | "BooleanTest" | "AArrayExpr" | "RowExpr" | "AIndices"
        | "CollateClause" | "SqlValueFunction" | "List" => {}
        "CaseExpr" => {
            if tree.field("arg").is_some() {
                found.push(Part::Operator(vec!["=".to_owned()]));
            }
        }
        "SubLink" => return Err(unknown("a subquery")),
        "ParamRef" => return Err(unknown("a parameter")),
        kind => return Err(unknown(&format!("this form of an expression ({kind})"))),
    }
    let Tree::Node(_, fields) = tree else { return Ok(()) };
    fields.iter().filter(|(name, _)| !matches!(*name, "funcname" | "name")).try_for_each(|(_, value)| walk(value, found))
}

/// A constant, cast or not.
fn constant(tree: &Tree) -> Option<String> {
    match tree.kind() {
        "TypeCast" => constant(tree.field("arg")?),
        "AConst" => match tree.field("val")? {
            value if value.kind() == "String" => Some(value.text("sval").to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(
        SqlState::UNSUPPORTED,
        "define.expression",
        format!("{what} cannot stand in an expression of a definition through pgveil for a role with masks"),
    )
    .with_hint("Write the expression without it, or ask for a role without masks.")
    .at(Some(1))
}
