//! The one form of an AST that is judged.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments,
    GroupByExpr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectFlavor, SelectItem, SetExpr, Table, TableFactor, TableWithJoins,
    UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut, WildcardAdditionalOptions, helpers::attached_token::AttachedToken,
};

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

/// Keywords that look like a function's name before a bracket, as Postgres 15 knows them.
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
    "normalize",
    "nullif",
    "row",
    "treat",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
];

/// Brings an AST that sqlparser has just read into normal form; see [`Reading`](super::Reading).
///
/// # Errors
/// A number with a radix or underscores: Postgres 16 reads `1_000` as 1000, Postgres 14 as `1 AS _000`.
pub(super) fn after_reading(query: &mut Box<Query>) -> Result<(), String> {
    let folded = VisitMut::visit(query, &mut Fold);
    after_rewriting(query);
    match folded {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(number) => Err(*number),
    }
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

/// Names as Postgres reads them, and constants as what they stand for.
struct Fold;

impl VisitorMut for Fold {
    type Break = Box<String>;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Box<String>> {
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                // `t.a[1]` is a subscript of the column t.a; `(t).a[1]` is not.
                while let Some(AccessExpr::Dot(Expr::Identifier(next))) = access_chain.first() {
                    match &mut **root {
                        Expr::Identifier(first) => **root = Expr::CompoundIdentifier(vec![first.clone(), next.clone()]),
                        Expr::CompoundIdentifier(names) => names.push(next.clone()),
                        _ => break,
                    }
                    access_chain.remove(0);
                }
            }
            Expr::Identifier(name) if name.quote_style.is_none() && BARE.contains(&name.value.to_ascii_lowercase().as_str()) => {
                *expr = Expr::Function(Function {
                    name: ObjectName::from(vec![name.clone()]),
                    uses_odbc_syntax: false,
                    parameters: FunctionArguments::None,
                    args: FunctionArguments::None,
                    filter: None,
                    null_treatment: None,
                    over: None,
                    within_group: Vec::new(),
                });
            }
            _ => {}
        }
        if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = expr {
            list.args.iter_mut().for_each(named_argument);
        }
        if let Expr::Function(Function { name, args, .. }) = expr
            && let [ObjectNamePart::Identifier(word)] = name.0.as_mut_slice()
            && word.quote_style.is_none()
        {
            let known = if matches!(args, FunctionArguments::None) { BARE } else { CALLED };
            if known.contains(&word.value.to_ascii_lowercase().as_str()) {
                word.quote_style = KEYWORD;
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_ident(&mut self, ident: &mut Ident) -> ControlFlow<Box<String>> {
        if ident.quote_style == KEYWORD {
            ident.quote_style = None;
            ident.value.make_ascii_lowercase();
        } else if ident.quote_style.is_none() {
            ident.quote_style = Some('"');
            ident.value = fold(&ident.value);
        } else if ident.quote_style == Some('"') {
            // Read with `with_unescape(false)`, so that a quote inside is still doubled.
            ident.value = truncate(ident.value.replace("\"\"", "\""));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Box<String>> {
        value.value = match std::mem::replace(&mut value.value, Value::Null) {
            Value::SingleQuotedString(text) => Value::SingleQuotedString(text.replace("''", "'")),
            // sqlparser gives the value of these; libpg_query's tree of what is printed shows whether it is Postgres' value.
            Value::EscapedStringLiteral(text) | Value::UnicodeStringLiteral(text) => Value::SingleQuotedString(text),
            Value::Number(digits, long)
                if long || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) =>
            {
                return ControlFlow::Break(Box::new(digits));
            }
            Value::DollarQuotedString(text) => Value::SingleQuotedString(text.value),
            other => other,
        };
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Box<String>> {
        tables(&mut query.body);
        ControlFlow::Continue(())
    }
}

/// The name of a named argument is a name, not an expression; and `f(a := 1)` is the older spelling of `f(a => 1)`, which
/// sqlparser takes for an operator.
fn named_argument(argument: &mut FunctionArg) {
    let (name, arg, operator) = match argument {
        FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, operator } => (name.clone(), arg.clone(), operator.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Assignment, right })) => {
            let Expr::Identifier(name) = &**left else { return };
            (name.clone(), FunctionArgExpr::Expr(take(right)), FunctionArgOperator::RightArrow)
        }
        FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => return,
    };
    *argument = FunctionArg::Named { name, arg, operator };
}

/// `TABLE t` is `SELECT * FROM t` (gram.y, `simple_select`). sqlparser keeps its name as bare text.
fn tables(body: &mut SetExpr) {
    match body {
        SetExpr::Table(table) => *body = SetExpr::Select(Box::new(table_as_select(table))),
        SetExpr::SetOperation { left, right, .. } => {
            tables(left);
            tables(right);
        }
        SetExpr::Select(_)
        | SetExpr::Query(_)
        | SetExpr::Values(_)
        | SetExpr::Insert(_)
        | SetExpr::Update(_)
        | SetExpr::Delete(_)
        | SetExpr::Merge(_) => {}
    }
}

fn table_as_select(table: &Table) -> Select {
    // Whether a part was quoted is lost: folding is right or the trees differ.
    let part = |name: &String| ObjectNamePart::Identifier(Ident::with_quote('"', fold(name)));
    let name = ObjectName(table.schema_name.iter().chain(table.table_name.iter()).map(part).collect());
    let relation = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation, joins: Vec::new() }],
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
fn only_body(query: &Query) -> bool {
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
