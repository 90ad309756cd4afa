//! SQL text to a tree that two parsers agree on, and back to text.
//!
//! `sqlparser` gives the AST that is judged and rewritten. It is not Postgres, so libpg_query, which is Postgres' own
//! grammar, reads everything too: the client's text, and every text that pgveil prints. Where the two do not agree on what
//! a text means, it is refused. Rooms:
//!
//! * `limits`: how large and how deep a text may be, decided before anything recursive sees it;
//! * `postgres`: libpg_query, its words for a syntax error, and its tree without locations;
//! * `normal`: the one form of an AST that is judged; `dress`: the same AST made ready to be printed;
//! * `agree`: proofs that both readers understand a text alike;
//! * `lockstep`: what may differ between the client's tree and the tree of what is sent;
//! * `write`: INSERT, UPDATE, DELETE as a shell around queries;
//! * `places`: where a place of what is sent stands in the text of the client;
//! * `explain`: EXPLAIN, its options and its query; `keep`: queries whose rows are kept in a new table; `view`: views; `define`: statements
//!   that define things; `other`: names of statements that are not read further;
//! * `copy`: COPY and its options; `lock_table`: LOCK;
//! * `named`: PREPARE, EXECUTE, cursors; `channel`: LISTEN and NOTIFY; `procedure`: CALL;
//! * `control`: statements without a query: transactions, settings, DISCARD and the like.

mod agree;
mod channel;
pub(crate) mod coded;
mod control;
mod convert;
pub mod copy;
mod decode;
pub(crate) mod define;
#[cfg(test)]
mod differentials;
mod dress;
mod explain;
pub(crate) mod keep;
mod limits;
pub mod lock_table;
mod lockstep;
mod named;
mod normal;
mod other;
pub mod places;
mod postgres;
mod procedure;
pub mod secrets;
pub(crate) mod view;
mod void;
mod windows;
mod write;

use pg_query::NodeEnum;
use sqlparser::ast;
use sqlparser::tokenizer::Location;

use crate::{Kind, Refusal, SqlState};
pub use channel::Channel;
pub use named::{Cursor, Named, asked_role, role_alone};
pub(crate) use normal::fold;
use postgres::{Raw, Tree};
pub use procedure::Call;
pub use void::without_void;
pub use write::{Assigned, Conflict, Inferred, Overriding, Sent, Shell, Target, Then, Verb, When, Write};
pub(crate) use write::{EXCLUDED, placeholder};

/// One statement of a client's text.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Where it starts in the client's text, in characters, from 0.
    pub offset: usize,
    /// What it is.
    pub body: Body,
}

/// What a statement is, as far as the judgement must tell apart.
#[derive(Debug, Clone)]
pub enum Body {
    /// SELECT, VALUES, TABLE, without INTO.
    Query(Reading),
    /// EXPLAIN.
    Explain {
        /// All options that were given; each is understood.
        options: ExplainOptions,
        /// What is explained: where it is only planned, the query in a CREATE TABLE AS, a SELECT INTO or a DECLARE.
        of: Box<Body>,
    },
    /// A statement that makes, runs or ends what lives under a name.
    Named(Named),
    /// LISTEN, UNLISTEN, NOTIFY.
    Channel(Channel),
    /// CALL of a procedure.
    Call(Call),
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
    Keep(keep::Keep),
    /// CREATE VIEW.
    View(view::View),
    /// Any other statement that defines, alters or drops things, or keeps house among them.
    Define(define::Define),
    /// INSERT, UPDATE, DELETE, MERGE; a query with such a statement in WITH.
    Write(Box<Write>),
    /// A statement that carries no data, already printed in our own words.
    Control(Control),
    /// COPY to or from the client.
    Copy(copy::Copy),
    /// LOCK TABLE.
    Lock(lock_table::Lock),
    /// Any other statement, named for the refusal.
    Other {
        /// Such as `INSERT`, `CREATE TABLE`, `DO`.
        what: &'static str,
    },
}

/// A query that both readers understand alike.
///
/// The AST is in normal form: identifiers folded and truncated as Postgres does, each with `quote_style` `"` and the value
/// without quotes or escapes; a name with `quote_style` `None` is a keyword of the grammar (`coalesce`, `current_date`), never
/// an object's name. String constants of every spelling are `SingleQuotedString` with the value without quotes or escapes.
/// There is no `Expr::Nested`, no `::`, no `TypedString`, no `SetExpr::Table`, no parenthesised query without a reason, and no
/// named window that Postgres would take.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The query, in normal form.
    pub ast: Box<ast::Query>,
    tree: Tree,
    parameters: usize,
}

impl Reading {
    /// The number of the highest `$n`; 0 where there is none.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Prints `rewritten`, which is this reading's AST after the judgement changed it, parenthesised and with every
    /// identifier quoted, and proves that both readers understand the text as meant.
    ///
    /// # Errors
    /// `read.reprint` where sqlparser reads the printed text otherwise, `read.lockstep` where libpg_query's tree of it differs
    /// from the client's by more than the insertions that the module `lockstep` names.
    pub fn print(&self, rewritten: &ast::Query) -> Result<String, Refusal> {
        self.print_with_holes(rewritten, None)
    }

    /// Prints the values of a reading that is one row of VALUES, each by itself, with the proof of [`Reading::print`] for all.
    ///
    /// # Errors
    /// As [`Reading::print`].
    pub fn print_values(&self, rewritten: &ast::Query) -> Result<Vec<String>, Refusal> {
        let whole = self.print(rewritten)?;
        let lost = || Refusal::new(SqlState::UNSUPPORTED, "read.values", "pgveil cannot take these values apart");
        let ast::SetExpr::Values(values) = &*rewritten.body else { return Err(lost()) };
        let [row] = values.rows.as_slice() else { return Err(lost()) };
        let written = |e: &ast::Expr| decode::decode(dress::expression(e)).ok_or_else(lost);
        let parts = row.content.iter().map(written).collect::<Result<Vec<_>, _>>()?;
        if whole == format!("VALUES ({})", parts.join(", ")) { Ok(parts) } else { Err(lost()) }
    }

    /// The same, where a constant may have become one that begins with `marker`: a hole for a token.
    ///
    /// # Errors
    /// As [`Reading::print`].
    pub fn print_with_holes(&self, rewritten: &ast::Query, marker: Option<&str>) -> Result<String, Refusal> {
        deep(|| {
            let (text, mut tree) = agree::print(rewritten)?;
            if let Some(marker) = marker {
                lockstep::mark_holes(&mut tree, marker);
            }
            lockstep::compare(&self.tree, &tree)?;
            Ok(text)
        })
    }
}

/// Options of an EXPLAIN. `None` where the client did not give one; its defaults are Postgres' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplainOptions {
    /// ANALYZE: the query is run.
    pub analyze: Option<bool>,
    /// VERBOSE
    pub verbose: Option<bool>,
    /// COSTS
    pub costs: Option<bool>,
    /// BUFFERS
    pub buffers: Option<bool>,
    /// TIMING
    pub timing: Option<bool>,
    /// SUMMARY
    pub summary: Option<bool>,
    /// WAL
    pub wal: Option<bool>,
    /// SETTINGS
    pub settings: Option<bool>,
    /// FORMAT
    pub format: ExplainFormat,
    /// VEIL: not the server's plan, but what pgveil does with each column.
    pub veil: Option<bool>,
}

/// FORMAT of an EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum ExplainFormat {
    #[default]
    Text,
    Xml,
    Json,
    Yaml,
}

/// A statement that carries no data: printed by pgveil from libpg_query's tree, never from the client's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What is sent; empty for an empty statement.
    pub text: String,
    /// What kind it is, for the conversation.
    pub kind: Kind,
    /// Columns of its rows, all of them text; 0 where it gives none.
    pub columns: usize,
    /// After it, the effective search_path may be another.
    pub moves_search_path: bool,
    /// It would make a transaction, or those to come, one that may write.
    pub read_write: bool,
    /// What it sets statement_timeout to.
    pub timeout: Option<String>,
}

/// Reads a client's text. Postgres' grammar decides how many statements there are and where each ends.
///
/// # Errors
/// `42601` with Postgres' words for a syntax error, `54000`/`54001` for a text that is too large or nested too deeply, `0A000`
/// (`read.disagree`) where the two readers disagree, and the refusals of control statements.
pub fn read(sql: &str) -> Result<Vec<Statement>, Refusal> {
    read_from(sql, true)
}

fn read_from(sql: &str, client: bool) -> Result<Vec<Statement>, Refusal> {
    limits::check(sql)?;
    deep(|| {
        let mut statements = Vec::new();
        for mut raw in postgres::statements(sql)? {
            raw.client = client;
            let shift = |refusal: Refusal| Refusal { position: refusal.position.map(|p| p + raw.offset), ..refusal };
            let body = body(&raw).map_err(shift)?;
            statements.push(Statement { offset: raw.offset, body });
        }
        Ok(statements)
    })
}

/// Reads one query: a view's definition, or our own text. A closing semicolon is allowed.
///
/// # Errors
/// Those of [`read`], and `0A000` where the text is not one query.
pub fn query(sql: &str) -> Result<Reading, Refusal> {
    // Not a client's text: no place in it is one in theirs.
    let mut statements = read_from(sql, false)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement { body: Body::Query(reading), .. }), true) => Ok(reading),
        _ => Err(Refusal::new(SqlState::UNSUPPORTED, "read.query", "the text is not one query")),
    }
}

/// Reads one expression: a policy's row filter or mask.
///
/// # Errors
/// Those of [`query`], and `0A000` where the text is not one expression.
pub fn expression(sql: &str) -> Result<ast::Expr, Refusal> {
    let not_one = || Refusal::new(SqlState::UNSUPPORTED, "read.expression", "the text is not one SQL expression");
    // A line break before the bracket, so that a comment at the end cannot swallow it.
    let reading = query(&format!("SELECT ({sql}\n)"))?;
    let ast::SetExpr::Select(select) = *reading.ast.body else { return Err(not_one()) };
    let bare = reading.ast.with.is_none() && select.from.is_empty() && select.selection.is_none();
    let mut projection = select.projection;
    match (projection.pop(), projection.is_empty() && bare) {
        // `(a, b)` would be read as a row: a list of expressions is not one.
        (Some(ast::SelectItem::UnnamedExpr(expr)), true) if !matches!(expr, ast::Expr::Tuple(_)) => Ok(expr),
        _ => Err(not_one()),
    }
}

/// The stack, in bytes, of a thread on which [`deep`] costs nothing. On a thread with less, each outermost call maps and unmaps a
/// stack of this size, about 10 µs and the page faults of what is used. Pages are only taken as far as they are touched.
pub const THREAD_STACK: usize = limits::STACK;

/// Runs `f` where deep recursion cannot overflow the stack: within the limits of [`read`], parsing, printing, visiting,
/// comparing and dropping of a tree fit with room to spare. Drop what [`read`] gave inside, too.
pub fn deep<T>(f: impl FnOnce() -> T) -> T {
    limits::deep(f)
}

/// The position of a place in an AST, in the `text` of its statement: 1-based, in characters, as Postgres counts. `None` for a
/// piece that is not the client's.
pub fn position(text: &str, location: Location) -> Option<usize> {
    // The reading gives every place as the first line and the byte.
    let before = usize::try_from(location.column).ok()?.checked_sub(1).filter(|_| location.line == 1)?;
    Some(text.get(..before)?.chars().count() + 1)
}

fn body(raw: &Raw) -> Result<Body, Refusal> {
    body_of(raw, &raw.node)
}

/// What a statement is, or one inside another: `node` is of `raw`.
fn body_of(raw: &Raw, node: &NodeEnum) -> Result<Body, Refusal> {
    match node {
        NodeEnum::SelectStmt(select) if keep::has_into(select) => keep::select_into(raw, select),
        NodeEnum::ViewStmt(create) => view::create(raw, create),
        NodeEnum::CreateTableAsStmt(create) => keep::create_as(raw, create),
        node @ NodeEnum::SelectStmt(_) => match write::write(raw, node)? {
            Some(write) => Ok(Body::Write(Box::new(write))),
            None => Ok(Body::Query(agree::reading(raw, node)?)),
        },
        NodeEnum::ExplainStmt(explain) => explain::explain(raw, explain),
        NodeEnum::PrepareStmt(prepare) => named::prepare(raw, prepare),
        NodeEnum::ExecuteStmt(execute) => named::execute(raw, execute),
        NodeEnum::DeclareCursorStmt(declare) => named::declare(raw, declare),
        NodeEnum::FetchStmt(fetch) => named::fetch(fetch),
        NodeEnum::DeallocateStmt(end) => Ok(Body::Named(Named::Deallocate((!end.isall).then(|| end.name.clone())))),
        NodeEnum::ClosePortalStmt(end) => Ok(Body::Named(Named::Close((!end.portalname.is_empty()).then(|| end.portalname.clone())))),
        NodeEnum::ListenStmt(listen) => Ok(Body::Channel(Channel::Listen(listen.conditionname.clone()))),
        NodeEnum::UnlistenStmt(unlisten) => {
            let name = &unlisten.conditionname;
            Ok(Body::Channel(Channel::Unlisten((!name.is_empty()).then(|| name.clone()))))
        }
        NodeEnum::NotifyStmt(notify) => Ok(Body::Channel(Channel::Notify(notify.conditionname.clone(), notify.payload.clone()))),
        NodeEnum::CallStmt(call) => procedure::call(raw, call),
        NodeEnum::CopyStmt(statement) => copy::copy(raw, statement),
        NodeEnum::LockStmt(statement) => lock_table::lock(raw, statement),
        node => match (define::define(node), write::write(raw, node)?) {
            (Some(define), _) => Ok(Body::Define(define)),
            (None, Some(write)) => Ok(Body::Write(Box::new(write))),
            (None, None) => control::statement(node),
        },
    }
}
