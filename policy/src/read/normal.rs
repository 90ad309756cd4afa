//! The one form of an AST that is judged.

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArg, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName,
    ObjectNamePart, Query, Select, SelectFlavor, SetExpr, Table, TableAlias, TableFactor, TableFunctionArgs, TableSampleKind,
    UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

/// Longest identifier in bytes: `NAMEDATALEN - 1`.
const NAME_BYTES: usize = 63;

/// Marks an identifier as a keyword while names are folded. sqlparser's PostgreSQL dialect knows no backtick.
const KEYWORD: Option<char> = Some('`');

/// Keywords that are expressions by themselves (gram.y, `func_expr_common_subexpr`), as Postgres 15 knows them.
const BARE: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// Keywords that look like a function's name before a bracket.
const CALLED: &[&str] = &[
    "array",
    "coalesce",
    "current_time",
    "current_timestamp",
    "greatest",
    "grouping",
    "least",
    "localtime",
    "localtimestamp",
    "nullif",
    "row",
];

/// Brings an AST that sqlparser has just read of a text of ours into normal form; see [`Reading`](super::Reading).
pub(super) fn after_reading(query: &mut Box<Query>) {
    let _ = VisitMut::visit(query, &mut Fold);
    after_rewriting(query);
}

/// Takes out of an AST what carries no meaning: brackets, and one of two spellings. Names and constants stay.
pub(super) fn after_rewriting(query: &mut Box<Query>) {
    let _ = VisitMut::visit(query, &mut Strip);
}

/// An unquoted identifier as Postgres reads it (`downcase_truncate_identifier`): ASCII letters folded, cut at 63 bytes.
pub(crate) fn fold(name: &str) -> String {
    truncate(name.to_ascii_lowercase())
}

fn truncate(mut name: String) -> String {
    if name.len() > NAME_BYTES {
        let end = (0..=NAME_BYTES).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// Names and constants of a text of ours as what they stand for.
struct Fold;

impl VisitorMut for Fold {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && name.quote_style.is_none()
            && BARE.contains(&name.value.as_str())
        {
            let mut bare = call(ObjectName::from(vec![name.clone()]), Vec::new());
            bare.args = FunctionArguments::None;
            *expr = Expr::Function(bare);
        }
        if let Expr::Function(Function { name, args, .. }) = expr {
            if let FunctionArguments::List(list) = args {
                list.args.iter_mut().for_each(named_argument);
            }
            if let [ObjectNamePart::Identifier(word)] = name.0.as_mut_slice()
                && word.quote_style.is_none()
            {
                let known = if matches!(args, FunctionArguments::None) { BARE } else { CALLED };
                if known.contains(&word.value.as_str()) {
                    word.quote_style = KEYWORD;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_ident(&mut self, ident: &mut Ident) -> ControlFlow<()> {
        if ident.quote_style == KEYWORD {
            ident.quote_style = None;
        } else if ident.quote_style.is_none() {
            // Not one of ours: all of them are quoted.
            ident.quote_style = Some('"');
        } else if ident.quote_style == Some('"') && ident.value.contains('"') {
            // Read with `with_unescape(false)`, so that a quote inside is still doubled.
            ident.value = ident.value.replace("\"\"", "\"");
        }
        ControlFlow::Continue(())
    }

    fn post_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &mut value.value
            && text.contains('\'')
        {
            *text = text.replace("''", "'");
        }
        ControlFlow::Continue(())
    }
}

/// The name of a named argument is a name, not an expression.
fn named_argument(argument: &mut FunctionArg) {
    if let FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, operator } = argument {
        *argument = FunctionArg::Named { name: name.clone(), arg: arg.clone(), operator: operator.clone() };
    }
}

pub(super) fn token(span: Span) -> AttachedToken {
    AttachedToken(TokenWithSpan::new(Token::EOF, span))
}

/// A call of nothing but arguments.
pub(super) fn call(name: ObjectName, args: Vec<FunctionArg>) -> Function {
    Function {
        name,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, format: None }
}

pub(super) fn cast_of_null(data_type: DataType) -> Expr {
    cast(Expr::Value(Value::Null.with_empty_span()), data_type)
}

/// A relation, or a function in FROM.
pub(super) fn table(
    name: ObjectName,
    alias: Option<TableAlias>,
    args: Option<TableFunctionArgs>,
    with_ordinality: bool,
    sample: Option<TableSampleKind>,
) -> TableFactor {
    TableFactor::Table {
        name,
        alias,
        args,
        with_hints: Vec::new(),
        version: None,
        with_ordinality,
        partitions: Vec::new(),
        json_path: None,
        sample,
        index_hints: Vec::new(),
    }
}

/// A SELECT of nothing.
pub(super) fn empty_select() -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// Takes away brackets and second spellings.
struct Strip;

impl VisitorMut for Strip {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        while let Expr::Nested(inner) = expr {
            *expr = take(inner);
        }
        match expr {
            Expr::Cast { kind, .. } if *kind == CastKind::DoubleColon => *kind = CastKind::Cast,
            Expr::UnaryOp { op: UnaryOperator::Not, expr: operand } => {
                // sqlparser has two forms of NOT EXISTS, one of which it only reads.
                if let Expr::Exists { negated, .. } = &mut **operand
                    && !*negated
                {
                    *negated = true;
                    *expr = take(operand);
                }
            }
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(Expr::Value(typed.value.clone())),
                    data_type: typed.data_type.clone(),
                    format: None,
                };
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        // Comments for an extension; nothing of a comment goes upstream.
        select.optimizer_hints.clear();
        select.window_before_qualify = false;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        unwrap_operands(&mut query.body);
        if only_body(query)
            && let SetExpr::Query(inner) = &mut *query.body
        {
            let inner = std::mem::replace(&mut **inner, empty_query());
            *query = inner;
        }
        ControlFlow::Continue(())
    }
}

/// `(SELECT …) UNION …` without the brackets where they hold nothing but the SELECT.
fn unwrap_operands(body: &mut SetExpr) {
    if let SetExpr::SetOperation { left, right, .. } = body {
        for side in [left, right] {
            if let SetExpr::Query(inner) = &mut **side
                && only_body(inner)
            {
                let inner = std::mem::replace(&mut inner.body, empty_query().body);
                *side = inner;
            }
            unwrap_operands(side);
        }
    }
}

/// The query has no clause of its own.
pub(super) fn only_body(query: &Query) -> bool {
    let Query { with, body: _, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } = query;
    with.is_none()
        && order_by.is_none()
        && limit_clause.is_none()
        && fetch.is_none()
        && locks.is_empty()
        && for_clause.is_none()
        && settings.is_none()
        && format_clause.is_none()
        && pipe_operators.is_empty()
}

pub(super) fn around(body: Box<SetExpr>) -> Query {
    Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

pub(super) fn empty_query() -> Query {
    around(Box::new(SetExpr::Table(Box::new(Table { table_name: None, schema_name: None }))))
}
