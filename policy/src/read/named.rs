//! What lives under a name: PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE.

use pg_query::NodeEnum;
use pg_query::protobuf::{DeclareCursorStmt, ExecuteStmt, FetchDirection, FetchStmt, List, Node, PrepareStmt, TypeCast};

use super::control::name as quoted;
use super::postgres::{self, Raw};
use super::{Body, Reading, agree, body_of};
use crate::{Refusal, SqlState};

/// A statement about a name. Names as Postgres folds and cuts them.
#[derive(Debug, Clone)]
pub enum Named {
    /// PREPARE
    Prepare {
        /// Of the statement.
        name: String,
        /// The client's text, of this statement alone.
        client: String,
        /// A row of NULLs, each cast to the type that the client declares for a parameter; `None` where it declares none.
        types: Option<Reading>,
        /// What is prepared.
        statement: Box<Body>,
    },
    /// EXECUTE
    Execute {
        /// Of the statement.
        name: String,
        /// A row of the arguments; `None` where there are none.
        arguments: Option<Reading>,
    },
    /// DEALLOCATE of one, or of all.
    Deallocate(Option<String>),
    /// DECLARE
    Declare(Cursor),
    /// FETCH or MOVE
    Fetch {
        /// Of the cursor.
        name: String,
        /// MOVE: no rows come.
        moves: bool,
        /// What is sent.
        text: String,
    },
    /// CLOSE of one cursor, or of all.
    Close(Option<String>),
    /// DISCARD ALL
    Discard,
    /// SET pgveil.role to this; `None`: RESET, or SET TO DEFAULT.
    TakeRole(Option<String>),
}

/// The role that a text asks for with SET pgveil.role, as [`Named::TakeRole`] has it; `None` where it asks for none. For texts that nobody
/// else reads.
///
/// # Errors
/// The refusal of a form that is not possible, or that stands among other statements.
pub fn asked_role(sql: &str) -> Option<Result<Option<String>, Refusal>> {
    let small = sql.to_ascii_lowercase();
    if !small.contains("pgveil") || !small.contains("role") {
        return None;
    }
    let mut statements = match super::read(sql) {
        Ok(statements) => statements,
        Err(refusal) => return (refusal.id == ROLE).then_some(Err(refusal)),
    };
    let asks = |statement: &super::Statement| matches!(statement.body, Body::Named(Named::TakeRole(_)));
    match (statements.iter().any(asks), statements.pop().map(|last| last.body)) {
        (true, Some(Body::Named(Named::TakeRole(asked)))) if statements.is_empty() => Some(Ok(asked)),
        (true, _) => Some(Err(role_alone())),
        (false, _) => None,
    }
}

/// Id of refusals of SET pgveil.role.
pub(super) const ROLE: &str = "setting.role";

/// SET pgveil.role stands among other statements, or in a transaction.
pub fn role_alone() -> Refusal {
    Refusal::new(SqlState("25001"), ROLE, "SET pgveil.role cannot run inside a transaction block, or together with other statements")
        .with_detail(
            "Another session takes the place of this one, with its own masks; transactions, cursors and temporary tables stay behind.",
        )
        .with_hint("End the transaction, and send it as a text of its own.")
}

/// A DECLARE.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Its name.
    pub name: String,
    /// What stands before the query.
    pub head: String,
    /// BINARY
    pub binary: bool,
    /// WITH HOLD
    pub hold: bool,
    /// FOR
    pub query: Reading,
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.control", format!("pgveil does not know this form of {what}"))
}

pub(super) fn prepare(raw: &Raw, statement: &PrepareStmt) -> Result<Body, Refusal> {
    let Some(inner) = statement.query.as_deref().and_then(|node| node.node.as_ref()) else { return Err(unknown("PREPARE")) };
    let types = statement.argtypes.iter().map(|node| match &node.node {
        Some(NodeEnum::TypeName(name)) => {
            let null = nulls()?;
            let cast = TypeCast { arg: Some(Box::new(null)), type_name: Some(name.clone()), location: -1 };
            Ok(Node { node: Some(NodeEnum::TypeCast(Box::new(cast))) })
        }
        _ => Err(unknown("PREPARE")),
    });
    let types = values(raw, types.collect::<Result<_, _>>()?)?;
    let statement_read = Box::new(body_of(raw, inner)?);
    Ok(Body::Named(Named::Prepare { name: statement.name.clone(), client: raw.text.to_owned(), types, statement: statement_read }))
}

pub(super) fn execute(raw: &Raw, statement: &ExecuteStmt) -> Result<Body, Refusal> {
    let arguments = values(raw, statement.params.clone())?;
    Ok(Body::Named(Named::Execute { name: statement.name.clone(), arguments }))
}

/// `CURSOR_OPT_…` of `src/include/nodes/parsenodes.h`.
const BINARY: i32 = 0x0001;
const SCROLL: i32 = 0x0002;
const NO_SCROLL: i32 = 0x0004;
const INSENSITIVE: i32 = 0x0008;
const ASENSITIVE: i32 = 0x0010;
const HOLD: i32 = 0x0020;
/// The grammar gives it to every DECLARE.
const FAST_PLAN: i32 = 0x0100;

pub(super) fn declare(raw: &Raw, statement: &DeclareCursorStmt) -> Result<Body, Refusal> {
    let DeclareCursorStmt { portalname, options, query } = statement;
    let Some(node) = query.as_deref().and_then(|node| node.node.as_ref()) else { return Err(unknown("DECLARE")) };
    let words =
        [(BINARY, " BINARY"), (INSENSITIVE, " INSENSITIVE"), (ASENSITIVE, " ASENSITIVE"), (SCROLL, " SCROLL"), (NO_SCROLL, " NO SCROLL")];
    if options & !(words.iter().fold(HOLD | FAST_PLAN, |all, (bit, _)| all | bit)) != 0 {
        return Err(unknown("DECLARE"));
    }
    let Body::Query(query) = body_of(raw, node)? else {
        return Err(Refusal::new(SqlState::SYNTAX, "cursor.query", "a cursor can only be declared for a query")
            .with_hint("SELECT, VALUES and TABLE are queries; SELECT INTO is none.")
            .at(Some(1)));
    };
    let given: String = words.iter().filter(|(bit, _)| options & bit != 0).map(|(_, word)| *word).collect();
    let (binary, hold) = (options & BINARY != 0, options & HOLD != 0);
    let holds = if hold { " WITH HOLD" } else { "" };
    let head = format!("DECLARE {}{given} CURSOR{holds} FOR ", quoted(portalname));
    Ok(Body::Named(Named::Declare(Cursor { name: portalname.clone(), head, binary, hold, query })))
}

pub(super) fn fetch(statement: &FetchStmt) -> Result<Body, Refusal> {
    let FetchStmt { direction, how_many, portalname, ismove } = statement;
    let direction = match FetchDirection::try_from(*direction) {
        Ok(FetchDirection::FetchForward) => "FORWARD",
        Ok(FetchDirection::FetchBackward) => "BACKWARD",
        Ok(FetchDirection::FetchAbsolute) => "ABSOLUTE",
        Ok(FetchDirection::FetchRelative) => "RELATIVE",
        Ok(FetchDirection::Undefined) | Err(_) => return Err(unknown("FETCH")),
    };
    // `FETCH_ALL`
    let count = if *how_many == i64::MAX { "ALL".to_owned() } else { how_many.to_string() };
    let verb = if *ismove { "MOVE" } else { "FETCH" };
    let text = format!("{verb} {direction} {count} FROM {}", quoted(portalname));
    Ok(Body::Named(Named::Fetch { name: portalname.clone(), moves: *ismove, text }))
}

/// Expressions of a statement as one row of VALUES, which is how they are judged; `None` where there are none.
pub(super) fn values(raw: &Raw, expressions: Vec<Node>) -> Result<Option<Reading>, Refusal> {
    if expressions.is_empty() {
        return Ok(None);
    }
    let mut node = one("VALUES (NULL)")?;
    let NodeEnum::SelectStmt(select) = &mut node else { return Err(unknown("VALUES")) };
    select.values_lists = vec![Node { node: Some(NodeEnum::List(List { items: expressions })) }];
    agree::reading(raw, &node).map(Some)
}

/// The constant NULL, as Postgres reads it.
fn nulls() -> Result<Node, Refusal> {
    let NodeEnum::SelectStmt(select) = one("VALUES (NULL)")? else { return Err(unknown("VALUES")) };
    match select.values_lists.into_iter().next().and_then(|list| list.node) {
        Some(NodeEnum::List(list)) => list.items.into_iter().next().ok_or_else(|| unknown("VALUES")),
        _ => Err(unknown("VALUES")),
    }
}

fn one(text: &str) -> Result<NodeEnum, Refusal> {
    postgres::statements(text)?.pop().map(|raw| raw.node).ok_or_else(|| unknown("VALUES"))
}
