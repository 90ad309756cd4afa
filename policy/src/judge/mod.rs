//! The judgement: names, labels, veils, row order.
//!
//! [`Engine::judge`] reads a text by two readers, then walks its tree once: names are bound ([`names`], [`from`]),
//! protected relations replaced by derived tables that compute their masks ([`relation`]: veil), every expression
//! given a label that says whether it holds a pseudonymised value ([`expr`], [`function`]: seal), and the order of
//! rows made independent of protected values where it can be seen ([`select`], [`query`]).

mod build;
mod engine;
mod expr;
mod facts;
mod fence;
mod from;
mod function;
mod label;
mod names;
mod output;
mod query;
mod refuse;
mod relation;
mod scope;
mod select;
mod windows;

use sqlparser::ast::{DataType, Expr, Select, Table};

pub use engine::{Engine, Subject, Veto};
use facts::{Facts, LevelOrder};
use scope::Col;

use crate::{Refusal, read};

/// A common table expression that is in scope.
#[derive(Debug, Clone)]
pub(crate) struct Cte {
    name: String,
    cols: Vec<Col>,
    /// It reads protected relations: the order of its rows is data.
    tainted: bool,
}

/// Which query level an aggregate belongs to: that of the innermost column in its arguments, or its own where there is none
/// (PostgreSQL documentation, 4.2.7).
#[derive(Debug)]
pub(crate) struct Reach {
    /// The level it is written at, counted from the outside.
    written: usize,
    /// The deepest level of a column in its arguments, as far as not below `written`.
    deepest: Option<usize>,
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
    /// References to protected relations so far.
    touched: usize,
    /// CTEs in scope, the innermost last.
    ctes: Vec<Cte>,
    /// Query levels around the present one, the innermost last.
    levels: Vec<LevelOrder>,
    /// Aggregates around the present expression, at its level.
    in_aggregate: usize,
    /// For each aggregate whose arguments are being judged, the innermost first to last: how deep in levels it stands, and
    /// the deepest level not below it that a column in it belongs to.
    reaches: Vec<Reach>,
    /// A call whose results show in which order rows are come to.
    shows_evaluation: Option<Refusal>,
    /// Views around the present query.
    depth: usize,
    next_name: usize,
    /// A call of set_config changes search_path.
    moves_search_path: bool,
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts, path: &'a [String], role: &'a str, text: &'a str) -> Self {
        Judge {
            facts,
            path,
            role,
            text,
            touched: 0,
            ctes: vec![],
            levels: vec![],
            in_aggregate: 0,
            reaches: vec![],
            shows_evaluation: None,
            depth: 0,
            next_name: 0,
            moves_search_path: false,
        }
    }

    fn position(&self, e: &Expr) -> Option<usize> {
        refuse::position(self.text, e)
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

/// `TABLE t` as `SELECT * FROM t`.
fn select_all(t: &Table) -> Result<Select, Refusal> {
    let parts: Vec<&str> = t.schema_name.iter().chain(t.table_name.iter()).map(String::as_str).collect();
    if parts.is_empty() {
        return Err(refuse::unsupported("TABLE without a name"));
    }
    let relation = sqlparser::ast::TableFactor::Table {
        name: build::object_name(&parts),
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    Ok(Select {
        projection: vec![sqlparser::ast::SelectItem::Wildcard(sqlparser::ast::WildcardAdditionalOptions::default())],
        from: vec![sqlparser::ast::TableWithJoins { relation, joins: vec![] }],
        ..empty_select()
    })
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
