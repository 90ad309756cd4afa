//! Queries whose rows are kept in a new table: CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
//!
//! What stands around the query is read from libpg_query's tree, and printed anew around the judged text.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateTableAsStmt, DefElem, IntoClause, Node, ObjectType, OnCommitAction, RangeVar, SelectStmt, SetOperation};

use super::postgres::{Raw, Tree};
use super::{Body, Reading, agree, control, postgres};
use crate::{Refusal, SqlState};

/// A query, and what its rows are kept in.
#[derive(Debug, Clone)]
pub struct Keep {
    /// What is made.
    pub made: Made,
    /// Its rows.
    pub query: Reading,
}

/// A table or materialised view that is made of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Such as `CREATE TABLE AS`.
    pub what: &'static str,
    /// Its name.
    pub name: NewName,
    /// It is a materialised view.
    pub materialized: bool,
    unlogged: bool,
    if_not_exists: bool,
    /// Names of its columns, of the first ones, where they are written.
    pub columns: Vec<String>,
    method: String,
    options: Vec<String>,
    on_commit: &'static str,
    tablespace: String,
    /// WITH DATA
    pub with_data: bool,
}

/// The name of something that is to be created, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewName {
    /// The database's name, where one was written.
    pub database: Option<String>,
    /// Its schema, where one was written.
    pub schema: Option<String>,
    /// Its own.
    pub name: String,
    /// It is temporary: it lies in the session's own schema.
    pub temporary: bool,
}

impl NewName {
    /// Of a relation.
    pub(super) fn of(relation: &RangeVar) -> NewName {
        let database = (!relation.catalogname.is_empty()).then(|| relation.catalogname.clone());
        let schema = (!relation.schemaname.is_empty()).then(|| relation.schemaname.clone());
        let temporary = relation.relpersistence == "t" || schema.as_deref() == Some("pg_temp");
        NewName { database, schema, name: relation.relname.clone(), temporary }
    }
}

impl Made {
    /// The same without rows. `certain`: it fails where there is such a relation.
    pub fn empty(&self, certain: bool) -> Made {
        Made { if_not_exists: self.if_not_exists && !certain, with_data: false, ..self.clone() }
    }

    /// IF NOT EXISTS
    pub fn may_exist(&self) -> bool {
        self.if_not_exists
    }

    /// The whole statement, around the judged text of its query. `schema`: where it is made; `None` for the session's temporary one.
    ///
    /// # Errors
    /// `read.reprint` where Postgres' grammar reads the text otherwise.
    pub fn print(&self, schema: Option<&str>, query: &str) -> Result<String, Refusal> {
        let kind = match (schema, self.materialized, self.unlogged) {
            (None, false, _) => "TEMPORARY TABLE",
            (Some(_), false, true) => "UNLOGGED TABLE",
            (Some(_), false, false) => "TABLE",
            (_, true, _) => "MATERIALIZED VIEW",
        };
        let mut text = format!("CREATE {kind} ");
        if self.if_not_exists {
            text.push_str("IF NOT EXISTS ");
        }
        text.push_str(&format!("{}.{}", quote(schema.unwrap_or("pg_temp")), quote(&self.name.name)));
        if !self.columns.is_empty() {
            let columns: Vec<String> = self.columns.iter().map(|c| quote(c)).collect();
            text.push_str(&format!(" ({})", columns.join(", ")));
        }
        if !self.method.is_empty() {
            text.push_str(&format!(" USING {}", quote(&self.method)));
        }
        if !self.options.is_empty() {
            text.push_str(&format!(" WITH ({})", self.options.join(", ")));
        }
        text.push_str(self.on_commit);
        if !self.tablespace.is_empty() {
            text.push_str(&format!(" TABLESPACE {}", quote(&self.tablespace)));
        }
        text.push_str(&format!(" AS {query}"));
        if !self.with_data {
            text.push_str(" WITH NO DATA");
        }
        self.check(&text, query)?;
        Ok(text)
    }

    /// Nothing of the query has become part of the statement around it, or the other way round.
    fn check(&self, text: &str, query: &str) -> Result<(), Refusal> {
        let reprint = || {
            Refusal::new(SqlState::UNSUPPORTED, "read.reprint", "pgveil's rewritten statement does not read back as it was meant")
                .with_hint("Please report it, with the statement.")
        };
        let NodeEnum::CreateTableAsStmt(create) = postgres::one(text)?.ok_or_else(reprint)? else { return Err(reprint()) };
        let inner = create.query.as_ref().and_then(|q| q.node.as_ref()).ok_or_else(reprint)?;
        let skips = create.into.as_ref().is_some_and(|into| into.skip_data);
        let same = Tree::of(inner)? == Tree::of(&postgres::one(query)?.ok_or_else(reprint)?)? && skips != self.with_data;
        if same { Ok(()) } else { Err(reprint()) }
    }
}

/// A query with INTO, which stands in the first of the arms of a set operation.
pub(super) fn has_into(select: &SelectStmt) -> bool {
    first_arm(select).into_clause.is_some()
}

/// Reads a SELECT INTO.
pub(super) fn select_into(raw: &Raw, select: &SelectStmt) -> Result<Body, Refusal> {
    let mut select = select.clone();
    let mut first = &mut select;
    while is_set_operation(first) {
        match first.larg.as_deref_mut() {
            Some(arm) => first = arm,
            None => return Err(unknown("this form of SELECT INTO")),
        }
    }
    let Some(into) = first.into_clause.take() else { return Err(unknown("this form of SELECT INTO")) };
    let query = agree::reading(raw, &NodeEnum::SelectStmt(Box::new(select)))?;
    Ok(Body::Keep(Keep { made: made(&into, "SELECT INTO", false, false)?, query }))
}

/// Reads a CREATE TABLE AS or CREATE MATERIALIZED VIEW.
pub(super) fn create_as(raw: &Raw, statement: &CreateTableAsStmt) -> Result<Body, Refusal> {
    let materialized = ObjectType::try_from(statement.objtype) == Ok(ObjectType::ObjectMatview);
    let what = if materialized { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
    let Some(node @ NodeEnum::SelectStmt(select)) = statement.query.as_deref().and_then(|node| node.node.as_ref()) else {
        return Ok(Body::Other { what: "CREATE TABLE AS EXECUTE" });
    };
    let Some(into) = statement.into.as_deref().filter(|_| !has_into(select)) else { return Err(unknown(what)) };
    let query = agree::reading(raw, node)?;
    Ok(Body::Keep(Keep { made: made(into, what, materialized, statement.if_not_exists)?, query }))
}

fn made(into: &IntoClause, what: &'static str, materialized: bool, if_not_exists: bool) -> Result<Made, Refusal> {
    let IntoClause { rel, col_names, access_method, options, on_commit, table_space_name, view_query, skip_data } = into;
    let Some(rel) = rel.as_ref().filter(|_| view_query.is_none()) else { return Err(unknown(what)) };
    let columns: Result<Vec<String>, Refusal> =
        col_names.iter().map(|name| control::word(Some(name)).ok_or_else(|| unknown("these column names"))).collect();
    Ok(Made {
        what,
        name: NewName::of(rel),
        materialized,
        unlogged: rel.relpersistence == "u",
        if_not_exists,
        columns: columns?,
        method: access_method.clone(),
        options: storage_options(options)?,
        on_commit: match OnCommitAction::try_from(*on_commit) {
            Ok(OnCommitAction::OncommitNoop | OnCommitAction::Undefined) => "",
            Ok(OnCommitAction::OncommitPreserveRows) => " ON COMMIT PRESERVE ROWS",
            Ok(OnCommitAction::OncommitDeleteRows) => " ON COMMIT DELETE ROWS",
            Ok(OnCommitAction::OncommitDrop) => " ON COMMIT DROP",
            Err(_) => return Err(unknown("this ON COMMIT")),
        },
        tablespace: table_space_name.clone(),
        with_data: !skip_data,
    })
}

/// WITH (…): each option as it is printed.
pub(super) fn storage_options(options: &[Node]) -> Result<Vec<String>, Refusal> {
    let one = |option: &Node| {
        let Some(NodeEnum::DefElem(element)) = &option.node else { return Err(unknown("an option")) };
        let DefElem { defnamespace, defname, arg, .. } = &**element;
        let space = if defnamespace.is_empty() { String::new() } else { format!("{}.", quote(defnamespace)) };
        let value = match arg.as_deref() {
            None => String::new(),
            Some(arg) => format!(" = '{}'", option_value(arg).ok_or_else(|| unknown("an option's value"))?.replace('\'', "''")),
        };
        Ok(format!("{space}{}{value}", quote(defname)))
    };
    options.iter().map(one).collect()
}

fn first_arm(select: &SelectStmt) -> &SelectStmt {
    let mut first = select;
    while is_set_operation(first)
        && let Some(arm) = first.larg.as_deref()
    {
        first = arm;
    }
    first
}

fn is_set_operation(select: &SelectStmt) -> bool {
    !matches!(SetOperation::try_from(select.op), Ok(SetOperation::SetopNone | SetOperation::Undefined))
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.define", format!("pgveil does not know {what} in a statement that defines something"))
        .with_hint("Write it in another way, or ask for a role without masks.")
        .at(Some(1))
}

/// The value of a storage option: a word of the grammar stands there as the name of a type.
fn option_value(arg: &Node) -> Option<String> {
    match arg.node.as_ref()? {
        NodeEnum::TypeName(name) if name.typmods.is_empty() && name.array_bounds.is_empty() => match name.names.as_slice() {
            [word] => control::word(Some(word)),
            _ => None,
        },
        _ => control::word(Some(arg)),
    }
}
