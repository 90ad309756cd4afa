//! The judgement: names, labels, veils, row order.
//!
//! [`Engine::judge`] reads a text by two readers, then walks its tree once. Rooms:
//!
//! * `engine`: the policy on a catalog, its cache and witness; `statement`: one statement, by what it is; `rights`: what a role may write; `facts`: what is known for one role;
//! * `named`: PREPARE, EXECUTE and cursors; `channel`: LISTEN and NOTIFY; `procedure`: CALL;
//! * `query`, `select`, `from`, `group`: the clauses, in the order in which names become visible;
//! * `scope`, `names`, `star`, `output`: which column a name means, what `*` stands for, what a column is called;
//! * `sequence`: what stands for a sequence where rows are hidden;
//! * `relation`, `stand_in`: protected relations replaced by derived tables that compute their masks (veil);
//! * `expr`, `label`, `sealed`, `function`, `argument`, `object`: whether an expression holds a pseudonymised value (seal), and
//!   which functions, operators and types may be used;
//! * `alone`: what expressions of the policy hold;
//! * `barrier`, `holds`, `fence`: what of the client's may run on rows that a row filter removes;
//! * `kinds`: which kinds of statements a role may send;
//! * `define`: statements that define things; `keep`: queries whose rows are kept; `place`: where what is created lies, and whose that is;
//! * `gate`: the check that names still mean what was judged when the text runs;
//! * `copy`: COPY out and in; `lock_table`: LOCK;
//! * `coded`, `table_function`: forms that sqlparser's tree has no place for;
//! * `write`: INSERT, UPDATE, DELETE: what is assigned, and their target put in line;
//! * `token`: literals and parameters beside columns of tokens;
//! * `typing`: the type of an expression;
//! * `taint`, `order`, `determined`, `window`: the order of rows made independent of protected values where it can be seen;
//! * `build`, `refuse`: SQL of our own, and the words of refusals.

pub(crate) mod alone;
mod argument;
mod barrier;
mod build;
mod cache;
mod carry;
pub mod channel;
mod coded;
mod copy;
mod define;
mod depend;
mod describe;
mod determined;
mod engine;
mod explain;
mod expr;
mod facts;
mod fence;
mod from;
mod function;
pub mod gate;
mod group;
mod holds;
mod keep;
mod kinds;
mod label;
mod lineage;
mod lock;
mod lock_table;
mod named;
mod names;
mod object;
mod order;
mod output;
mod place;
mod procedure;
mod query;
mod recursive;
mod refuse;
mod relation;
mod rights;
mod row;
mod sample;
mod scope;
mod sealed;
mod select;
mod sequence;
mod stand_in;
mod star;
mod statement;
mod stored;
mod table_function;
mod taint;
mod ties;
mod token;
mod total;
mod typing;
mod window;
mod write;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use sqlparser::ast::{DataType, Expr, Query, Select, Spanned};

use barrier::Barrier;
pub use describe::{Described, Hidden};
pub use engine::{Engine, Subject, Veto};
use facts::{Facts, LevelOrder};
use holds::Holds;
use scope::Col;
use typing::Ty;

use crate::catalog::Oid;
use crate::{Refusal, read};

/// A common table expression that is in scope.
#[derive(Debug, Clone)]
pub(crate) struct Cte {
    name: String,
    cols: Vec<Col>,
    /// It reads protected relations: the order of its rows is data.
    tainted: bool,
    /// Barriers in it.
    reached: Vec<usize>,
}

/// An aggregate call whose arguments are being judged.
#[derive(Debug)]
pub(crate) struct AggregateCall {
    /// How many levels are visible where it stands.
    depth: usize,
    /// The innermost of these levels that its arguments name a column of, from the outside, from 0.
    innermost: Option<usize>,
}

/// One judgement of one query.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    facts: &'a Facts,
    /// Schemas in which names without one are looked up; pg_catalog among them.
    path: &'a [String],
    role: &'a str,
    /// The client's text, for positions.
    text: &'a str,
    /// Sources so far whose rows come in an order that protected values can change.
    touched: usize,
    /// References to protected relations so far.
    reads: usize,
    /// CTEs in scope, the innermost last.
    ctes: Vec<Cte>,
    /// Those that the whole statement that was judged last begins with.
    own_with: Vec<Cte>,
    /// Recursive queries around the present one.
    recursions: usize,
    /// Query levels around the present one, the innermost last.
    levels: Vec<LevelOrder>,
    /// Aggregates around the present expression, at its level.
    in_aggregate: usize,
    /// Aggregate calls around the present expression, at all levels, the innermost last.
    aggregate_calls: Vec<AggregateCall>,
    /// Views around the present query.
    depth: usize,
    next_name: usize,
    /// Operators that were named without a schema.
    operators: BTreeSet<String>,
    /// The refusal of the first call that shows in which order rows are read, should anything protected be.
    shows_evaluation_order: Option<Refusal>,
    /// A call of set_config changes search_path.
    moves_search_path: bool,
    /// References to relations with row filters, by number.
    barriers: Vec<Barrier>,
    /// Numbers of barriers, in the order in which items of FROM came to stand for them.
    reached: Vec<usize>,
    /// Expressions that may fail, so far; but for the select list of the whole statement.
    fails: usize,
    /// A condition is among them.
    failing_conditions: bool,
    /// Subqueries of expressions at this level in which nothing may fail; what one of a single row and column holds.
    fine: Vec<(Query, Option<Holds>)>,
    /// The query that is judged next is the whole statement.
    top: bool,
    /// It is over the target of a statement that writes.
    target: Option<write::Target>,
    /// Statements in the WITH that is judged next, which write; by their place there.
    writes: Vec<(usize, read::Write)>,
    /// What became of them.
    written: Vec<(usize, read::Sent)>,
    /// Rows of the target are met in an order that protected values can change.
    unordered: bool,
    /// The query that was judged last gives one row.
    single_row: bool,
    /// Casts of parameters count as what cannot fail, while this is set.
    casts_count: bool,
    /// Casts of parameters that the statement tries first of all; `None` where it cannot.
    gates: Option<Vec<Expr>>,
    /// Lineage only: outputs around the present expression, reads of protected columns inside them, and outside of any.
    in_output: usize,
    followed: usize,
    flows: usize,
    /// Lineage only: the protected columns that the output under way has read so far.
    sources: Vec<(Oid, i16)>,
    /// Literals and parameters that are compared with tokens.
    tokens: token::Tokens,
    /// Types of the subqueries in expressions that have been judged, by their place in the text.
    subquery_types: RefCell<HashMap<(u64, u64), Ty>>,
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts, path: &'a [String], role: &'a str, text: &'a str) -> Self {
        Judge {
            facts,
            path,
            role,
            text,
            touched: 0,
            reads: 0,
            ctes: vec![],
            own_with: vec![],
            recursions: 0,
            levels: vec![],
            in_aggregate: 0,
            aggregate_calls: vec![],
            depth: 0,
            next_name: 0,
            operators: BTreeSet::new(),
            shows_evaluation_order: None,
            moves_search_path: false,
            barriers: vec![],
            reached: vec![],
            fails: 0,
            failing_conditions: false,
            fine: vec![],
            top: false,
            target: None,
            writes: vec![],
            written: vec![],
            unordered: false,
            single_row: false,
            casts_count: false,
            gates: None,
            in_output: 0,
            followed: 0,
            flows: 0,
            sources: vec![],
            tokens: token::Tokens::default(),
            subquery_types: RefCell::default(),
        }
    }

    /// Judges a whole statement or view. `order_shows`: the order of its rows can be seen.
    fn statement(&mut self, query: &mut Query, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        // A clause that has no place of its own: the statement's.
        self.top = true;
        self.gates = matches!(&*query.body, sqlparser::ast::SetExpr::Select(_)).then(Vec::new);
        let cols = self.query(query, None, order_shows).map_err(|r| r.at(Some(1)))?;
        // Wherever it stands: a join may run a subquery again for each row of a protected relation.
        match self.shows_evaluation_order.take() {
            Some(refusal) if self.reads > 0 => Err(refusal),
            _ => {
                self.settle(query);
                Ok(cols)
            }
        }
    }

    fn position(&self, piece: &impl Spanned) -> Option<usize> {
        refuse::position(self.text, piece)
    }

    /// Gives a refusal that has no place yet that of a piece of the tree.
    fn placed<T>(&self, judged: Result<T, Refusal>, piece: &impl Spanned) -> Result<T, Refusal> {
        match judged {
            Err(r) if r.position.is_none() => Err(r.at(self.position(piece))),
            other => other,
        }
    }
}

/// A SELECT of nothing.
fn empty_select() -> Select {
    Select {
        select_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![],
        exclude: None,
        into: None,
        from: vec![],
        lateral_views: vec![],
        prewhere: None,
        selection: None,
        connect_by: vec![],
        group_by: sqlparser::ast::GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: sqlparser::ast::SelectFlavor::Standard,
    }
}

/// A type written by ourselves.
fn parse_type(sql: &str) -> Result<DataType, Refusal> {
    match read::expression(&format!("CAST(NULL AS {sql})"))? {
        Expr::Cast { data_type, .. } => Ok(data_type),
        Expr::Nested(inner) => match *inner {
            Expr::Cast { data_type, .. } => Ok(data_type),
            _ => Err(refuse::unsupported("this type")),
        },
        _ => Err(refuse::unsupported("this type")),
    }
}
