//! Pieces of SQL that pgveil adds itself: everything in them is qualified.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, OrderByExpr, OrderByOptions, TableAlias, TableFactor, TableFunctionArgs, Value, ValueWithSpan,
};
use sqlparser::tokenizer::Span;

/// A quoted identifier.
pub(crate) fn ident(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

/// A quoted, dotted name.
pub(crate) fn object_name(parts: &[&str]) -> ObjectName {
    ObjectName(parts.iter().map(|p| ObjectNamePart::Identifier(ident(*p))).collect())
}

/// An item of FROM: `name AS alias`, `name(args) AS alias`.
pub(crate) fn table(name: ObjectName, alias: Option<TableAlias>, args: Option<TableFunctionArgs>) -> TableFactor {
    TableFactor::Table {
        name,
        alias,
        args,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
}

/// `"alias"."name"`
pub(crate) fn column(alias: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(alias), ident(name)])
}

/// A constant.
pub(crate) fn value(value: Value) -> Expr {
    Expr::Value(ValueWithSpan { value, span: Span::empty() })
}

/// `CAST(expr AS pg_catalog.text)`
pub(crate) fn as_text(expr: Expr) -> Expr {
    cast(expr, pg_type("text"))
}

/// `CAST(expr AS data_type)`
pub(crate) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, format: None }
}

/// A type of pg_catalog by its stored name.
pub(crate) fn pg_type(name: &str) -> DataType {
    DataType::Custom(object_name(&["pg_catalog", name]), vec![])
}

/// A call of a function.
pub(crate) fn call(name: &[&str], args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: object_name(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `ROW(name.*)`
pub(crate) fn row(name: ObjectName) -> Expr {
    let Expr::Function(mut f) = call(&["row"], vec![]) else { return value(Value::Null) };
    f.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new("row"))]);
    f.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name))],
        clauses: vec![],
    });
    Expr::Function(f)
}

/// `(a OPERATOR(pg_catalog.||) b)`
pub(crate) fn concat(a: Expr, b: Expr) -> Expr {
    let op = BinaryOperator::PGCustomBinaryOperator(vec!["pg_catalog".into(), "||".into()]);
    Expr::BinaryOp { left: Box::new(a), op, right: Box::new(b) }
}

/// `expr COLLATE collation`
pub(crate) fn collate(expr: Expr, collation: ObjectName) -> Expr {
    Expr::Collate { expr: Box::new(expr), collation }
}

/// `expr COLLATE pg_catalog."C"`
pub(crate) fn in_c(expr: Expr) -> Expr {
    collate(expr, object_name(&["pg_catalog", "C"]))
}

/// A total order for values of unknown type, finer than their own: by their text, bytewise.
pub(crate) fn bytewise(expr: Expr) -> Expr {
    in_c(as_text(expr))
}

/// `CASE WHEN condition THEN result END`
pub(crate) fn case_when(condition: Expr, result: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: None,
    }
}

/// `CASE WHEN … THEN … ELSE otherwise END`
pub(crate) fn case(conditions: Vec<CaseWhen>, otherwise: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: Some(Box::new(otherwise)),
    }
}

/// An ORDER BY item in ascending order.
pub(crate) fn ascending(expr: Expr) -> OrderByExpr {
    OrderByExpr { expr, options: OrderByOptions { sort: None, nulls_first: None }, with_fill: None }
}

/// `coalesce(expr)`: the same value, and no name alone.
pub(crate) fn itself(expr: Expr) -> Expr {
    match call(&["coalesce"], vec![expr]) {
        Expr::Function(f) => Expr::Function(Function { name: ObjectName::from(vec![Ident::new("coalesce")]), ..f }),
        other => other,
    }
}

/// Without the parentheses around it.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// Whether it is the word NULL, cast or not.
pub(crate) fn is_null(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Value(value) => matches!(value.value, Value::Null),
        Expr::Cast { expr, format: None, .. } => is_null(expr),
        _ => false,
    }
}
