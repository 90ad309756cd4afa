//! Pieces of SQL that pgveil adds itself: everything in them is qualified.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, OrderByExpr, OrderByOptions, Value, ValueWithSpan,
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

/// An order of sealed values that shows nothing but equality: a digest keyed by the session.
/// `marker` stands for the key.
pub(crate) fn keyed(expr: Expr, marker: &str) -> Expr {
    let salted = Expr::BinaryOp {
        left: Box::new(as_text(value(Value::SingleQuotedString(marker.to_owned())))),
        op: BinaryOperator::PGCustomBinaryOperator(vec!["pg_catalog".into(), "||".into()]),
        right: Box::new(as_text(expr)),
    };
    call(&["pg_catalog", "sha256"], vec![call(&["pg_catalog", "textsend"], vec![Expr::Nested(Box::new(salted))])])
}

/// A total order for values of unknown type, finer than their own: by their text, bytewise.
pub(crate) fn bytewise(expr: Expr) -> Expr {
    Expr::Collate { expr: Box::new(as_text(expr)), collation: object_name(&["pg_catalog", "C"]) }
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

/// An ORDER BY item in ascending order.
pub(crate) fn ascending(expr: Expr) -> OrderByExpr {
    OrderByExpr { expr, options: OrderByOptions { sort: None, nulls_first: None }, with_fill: None }
}

/// Without the parentheses around it.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}
