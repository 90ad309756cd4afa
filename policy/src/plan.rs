//! What the judgement decided: the text that goes upstream, and what happens to each column on its way back.

use std::sync::Arc;

use crate::Refusal;
use crate::catalog::Oid;
use crate::mask::Mask;
use crate::mask::seal::SealSpec;
use crate::policy::user::{User, UserValue};

mod text;

pub use text::{SqlText, Token};

/// The judged form of one client text: its statements in order. Empty for an empty text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One for each statement of the text that could be judged: all, unless there is a `rest`.
    pub statements: Vec<Planned>,
    /// Where each of them begins, in bytes of the text.
    pub starts: Vec<usize>,
    /// Where what is left begins, in bytes of the text: it is known to be SQL, but what it means hangs on what the last of `statements`
    /// leaves behind. It is to be judged when that is done.
    pub rest: Option<usize>,
}

/// One statement, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What kind of statement it is, for the conversation.
    pub kind: Kind,
    /// The text that goes upstream, without a closing semicolon.
    pub text: SqlText,
    /// One for each result column; empty where the statement returns no rows.
    pub outputs: Arc<[Output]>,
    /// After it, `search_path` may be another: it must be asked from the server again before the next judgement.
    pub moves_search_path: bool,
    /// It reads protected relations: which of their rows an expression fails on first, and how, would tell their order.
    pub order_is_data: bool,
    /// Relations that it reads and of which a row filter hides rows, in order.
    pub filtered: Vec<Oid>,
    /// Parameters that hold tokens.
    pub tokens: Arc<[TokenParameter]>,
    /// Parameters that must be NULL.
    pub nulls: Arc<[NullParameter]>,
    /// Tokens in it are written to columns: each must stand for a value.
    pub writes_tokens: bool,
    /// The command tag that the client is told with its row count, where the text that is sent is another statement.
    pub tag: Option<&'static str>,
    /// After it, the session sees another catalog: names mean something else for it, be it before it commits or for good.
    pub changes_catalog: bool,
    /// What it does with names that live in the session.
    pub act: Act,
    /// Its rows are not told but kept: see [`Carry`].
    pub carry: Option<Arc<Carry>>,
    /// What flows in a COPY; `None` for any other statement.
    pub copy: Option<Arc<CopyData>>,
}

/// What becomes of a query's rows that are kept with their pseudonyms: they pass through the proxy, into a table that is made for them.
/// [`Planned::text`] is the query, [`Planned::outputs`] are its columns; all of it runs in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carry {
    /// Makes the table, empty. Columns of pseudonyms have no length.
    pub create: SqlText,
    /// Selects the table's columns in order: never run, but its types are held against those of the query.
    pub shape: String,
    /// COPY into it from the frontend, binary.
    pub copy: String,
    /// What is done with the filled table; its tag is the client's. Without it the client is told `SELECT n`.
    pub finish: Option<SqlText>,
    /// Removes the table, where it is only a stage.
    pub drop: Option<String>,
}

impl Plan {
    /// The same for one user.
    ///
    /// # Errors
    /// What the user does not have.
    pub(crate) fn of_user(&self, user: &User) -> Result<Self, UserValue> {
        let statements = self.statements.iter().map(|one| one.of_user(user)).collect::<Result<_, _>>()?;
        Ok(Plan { statements, starts: self.starts.clone(), rest: self.rest })
    }
}

impl Planned {
    fn of_user(&self, user: &User) -> Result<Self, UserValue> {
        let act = match &self.act {
            Act::Prepare { name, statement, client } => {
                Act::Prepare { name: name.clone(), statement: Arc::new(statement.of_user(user)?), client: client.clone() }
            }
            Act::Declare { name, query, binary, hold } => {
                Act::Declare { name: name.clone(), query: Arc::new(query.of_user(user)?), binary: *binary, hold: *hold }
            }
            Act::Nothing
            | Act::Execute { .. }
            | Act::Deallocate(_)
            | Act::Fetch { .. }
            | Act::Close(_)
            | Act::Discard
            | Act::TakeRole(_) => self.act.clone(),
        };
        let carry = match &self.carry {
            None => None,
            Some(carry) => Some(Arc::new(Carry {
                create: carry.create.of_user(user)?,
                finish: carry.finish.as_ref().map(|text| text.of_user(user)).transpose()?,
                ..carry.as_ref().clone()
            })),
        };
        Ok(Planned { text: self.text.of_user(user)?, act, carry, ..self.clone() })
    }

    /// What comes after it in a text can only be judged when it is done. Of ends of transactions the conversation knows whether.
    pub fn moves_under_others(&self) -> bool {
        self.kind != Kind::Transaction && self.moves_search_path || self.changes_catalog
    }

    /// A statement that is sent as it stands: it gives no rows, reads nothing protected and moves nothing.
    pub fn plain(kind: Kind, text: impl Into<String>) -> Self {
        Planned {
            kind,
            text: SqlText::plain(text),
            outputs: Arc::from([]),
            moves_search_path: false,
            order_is_data: false,
            filtered: Vec::new(),
            tokens: Arc::from([]),
            nulls: Arc::from([]),
            writes_tokens: false,
            tag: None,
            changes_catalog: false,
            carry: None,
            copy: None,
            act: Act::Nothing,
        }
    }
}

/// What a statement does with the names of prepared statements and of cursors (portals). SQL and the wire protocol share both.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// PREPARE: the name means this statement from here on.
    Prepare {
        /// As it is stored.
        name: String,
        /// What it is.
        statement: Arc<Planned>,
        /// The client's text of the PREPARE, to judge it again.
        client: String,
    },
    /// EXECUTE, or EXPLAIN of one: what it gives is what the name means when the server runs it.
    Execute {
        /// As it is stored.
        name: String,
        /// In order.
        arguments: Arc<[Argument]>,
        /// EXPLAIN and its options, with which it is not run but planned; the rows are a plan's. Empty for an EXECUTE by itself.
        explain: String,
    },
    /// DEALLOCATE of one name, or of all.
    Deallocate(Option<String>),
    /// DECLARE: the name means these rows from here on.
    Declare {
        /// As it is stored.
        name: String,
        /// The query.
        query: Arc<Planned>,
        /// Its values come in binary where a simple query fetches them.
        binary: bool,
        /// It outlives its transaction.
        hold: bool,
    },
    /// FETCH or MOVE: what it gives is what the name means when the server runs it.
    Fetch {
        /// As it is stored.
        name: String,
        /// MOVE: no rows come.
        moves: bool,
    },
    /// CLOSE of one cursor, or of all.
    Close(Option<String>),
    /// DISCARD ALL: statements and cursors are gone.
    Discard,
    /// SET pgveil.role to one of the user's roles; RESET, to the one that the session was begun with. Another session takes its place:
    /// statements and cursors are gone.
    TakeRole(Option<String>),
}

/// An argument of EXECUTE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// As it is printed.
    pub text: String,
    /// The value of a literal, which may be a token.
    pub literal: Option<String>,
    /// It is NULL, whatever it is taken for.
    pub null: bool,
}

impl Act {
    /// An EXECUTE of this name.
    pub fn execute(name: &str, arguments: &[String]) -> String {
        let name = name.replace('"', "\"\"");
        match arguments {
            [] => format!("EXECUTE \"{name}\""),
            arguments => format!("EXECUTE \"{name}\" ({})", arguments.join(", ")),
        }
    }
}

/// What kind of statement was judged. A new kind is a new decision for the conversation: no wildcard there permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SELECT, VALUES, TABLE: rows with [`Planned::outputs`].
    Query,
    /// CREATE TABLE AS, SELECT INTO or INSERT … SELECT whose rows pass through the proxy: see [`Carry`]. No rows for the client.
    Carry,
    /// INSERT, UPDATE, DELETE: rows with [`Planned::outputs`] where it returns some. Its errors may speak of stored values.
    Write,
    /// EXPLAIN: rows of one text column that must be reduced to the plan's shape.
    Explain,
    /// EXPLAIN in another format: one row with a plan in JSON, to be cut down to its shape and told in that format.
    ExplainTree(PlanFormat),
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION.
    Transaction,
    /// SET and RESET of an allowed setting.
    Set,
    /// SHOW of an allowed setting: one text column that holds no data.
    Show,
    /// COPY … TO STDOUT: no rows, but data as [`Planned::copy`] says.
    CopyOut,
    /// COPY … FROM STDIN: takes the client's data.
    CopyIn,
    /// LOCK TABLE: no rows, no data.
    Lock,
    /// DISCARD, DEALLOCATE, CLOSE, UNLISTEN and the like: no rows, no data.
    Utility,
    /// PREPARE and DECLARE: no rows yet.
    Name,
    /// EXECUTE, FETCH and MOVE: the rows of what [`Planned::act`] names.
    Named,
    /// CALL: at most one row, of clear columns that the procedure has.
    Call,
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW: a query runs, and its rows stay in the database.
    Keep,
    /// A statement that defines, alters or drops objects, or keeps house among them: no rows.
    Define,
}

impl Kind {
    /// Names of relations or functions stand in its text: what it means hangs on the catalog and on search_path.
    pub fn looks_names_up(self) -> bool {
        match self {
            Kind::Query
            | Kind::Name
            | Kind::Named
            | Kind::Call
            | Kind::Carry
            | Kind::Write
            | Kind::Explain
            | Kind::ExplainTree(_)
            | Kind::Keep
            | Kind::Define => true,
            Kind::CopyOut | Kind::CopyIn | Kind::Lock => true,
            Kind::Transaction | Kind::Set | Kind::Show | Kind::Utility => false,
        }
    }

    /// It may give the client rows, or the data of a COPY. `columns`: it has some.
    pub fn gives_rows(self, columns: bool) -> bool {
        match self {
            Kind::Query | Kind::Explain | Kind::ExplainTree(_) | Kind::Show | Kind::CopyOut | Kind::Named => true,
            Kind::Write | Kind::Call => columns,
            Kind::Carry
            | Kind::CopyIn
            | Kind::Lock
            | Kind::Transaction
            | Kind::Set
            | Kind::Utility
            | Kind::Name
            | Kind::Keep
            | Kind::Define => false,
        }
    }

    /// PREPARE and EXECUTE can be asked for it: its rows, if any, are those of its own text.
    pub fn is_preparable(self) -> bool {
        match self {
            Kind::Query | Kind::Write => true,
            Kind::Explain
            | Kind::ExplainTree(_)
            | Kind::Carry
            | Kind::CopyOut
            | Kind::CopyIn
            | Kind::Lock
            | Kind::Transaction
            | Kind::Set
            | Kind::Show
            | Kind::Utility
            | Kind::Name
            | Kind::Named
            | Kind::Call
            | Kind::Keep
            | Kind::Define => false,
        }
    }
}

/// FORMAT of an EXPLAIN that is one value and no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum PlanFormat {
    Json,
    Xml,
    Yaml,
}

/// What flows in a COPY.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyData {
    /// One for each column. Of a COPY FROM, none has a mask.
    pub columns: Arc<[Output]>,
    /// How the client is sent or sends it.
    pub form: CopyForm,
    /// Columns whose values are quoted whatever they are; one for each column, in csv only.
    pub force_quote: Vec<bool>,
    /// Its first line holds the columns' names.
    pub header: bool,
    /// That line is not the server's: it has none in the form in which it writes this.
    pub own_header: bool,
}

impl CopyData {
    /// Values are replaced on their way to the client. The server then writes text with PostgreSQL's defaults where the form is not
    /// binary: in that, nothing of the client's decides where a value ends and which is NULL.
    pub fn is_sealed(&self) -> bool {
        self.columns.iter().any(|column| column.mask != Mask::Clear)
    }

    /// The form in which the server writes or reads it.
    pub fn form_of_server(&self) -> CopyForm {
        match &self.form {
            CopyForm::Text { .. } | CopyForm::Csv { .. } if self.is_sealed() => CopyForm::plain(),
            form => form.clone(),
        }
    }
}

/// How values are written in a COPY (PostgreSQL documentation, COPY, "File Formats").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyForm {
    /// A line for each row, with backslashes before what would end a value.
    Text {
        /// Between two values.
        delimiter: u8,
        /// For NULL, as it stands in the line.
        null: String,
    },
    /// A line for each row, with quotes around what would end a value.
    Csv {
        /// Between two values.
        delimiter: u8,
        /// Around a value.
        quote: u8,
        /// Before a quote or an escape in a quoted value.
        escape: u8,
        /// For NULL, without quotes.
        null: String,
    },
    /// PostgreSQL's own binary form.
    Binary,
}

impl CopyForm {
    /// Text with PostgreSQL's defaults.
    pub fn plain() -> Self {
        CopyForm::Text { delimiter: b'\t', null: "\\N".to_owned() }
    }
}

/// A parameter that is written to a protected column of a new row, of which NULL is no loss: anything else is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NullParameter {
    /// Of `$n`, from 0.
    pub index: usize,
    /// Why nothing else is written.
    pub why: Refusal,
}

/// A parameter that is compared with columns of tokens only: what a client binds is turned back before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenParameter {
    /// Of `$n`, from 0.
    pub index: usize,
    /// Of the columns.
    pub spec: Arc<SealSpec>,
    /// It is an array of tokens (`= ANY($1)`).
    pub array: bool,
}

/// One result column.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The column's name as the client sees it.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The view's column that it is: what the client is told as its origin, since the server sees no view.
    pub of_view: Option<(Oid, i16)>,
    /// What happens to it on its way back. `Mask::Clear` is a decision, not an absence.
    pub mask: Mask,
    /// The OID of its type as the server's RowDescription says it (below domains), where the judgement is certain of it.
    pub type_oid: Option<Oid>,
}

/// Where an output column comes from, as Postgres' RowDescription would say it without a veil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An expression, or more than one column.
    Computed,
    /// A column of a relation, as it is stored.
    Column {
        /// The relation's OID.
        relation: Oid,
        /// The attribute's number, from 1.
        attribute: i16,
    },
    /// A column that a veil computes: the server says origin (0, 0), the client is told this one.
    Veiled {
        /// The relation's OID.
        relation: Oid,
        /// The attribute's number, from 1.
        attribute: i16,
    },
}
