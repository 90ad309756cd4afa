//! An order of sealed values that shows nothing but equality: by a digest that is keyed by the session.

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor,
    TableFunctionArgs, TableWithJoins, Value,
};

use crate::Refusal;
use crate::catalog::BaseType;
use crate::judge::build;
use crate::judge::label::{Label, SealedType};
use crate::judge::query::bare_query;
use crate::judge::relation::alias_column;

/// Digits of `encode(sha256(…), 'hex')`.
const DIGITS: usize = 64;

/// What to sort by instead of a sealed value or array; `None` for what may be sorted as it is. `marker` stands for the key.
pub(crate) fn order(expr: &Expr, label: &Label, marker: &str) -> Option<Expr> {
    let text = match label {
        Label::Clear | Label::Null => return None,
        Label::Sealed(_) => build::as_text(expr.clone()),
        Label::SealedArray(_) if may_stand_in_a_subquery(expr) => return Some(elements(expr, marker)),
        // Element by element first: trailing blanks of bpchar do not count.
        Label::SealedArray(_) => build::as_text(build::cast(expr.clone(), texts())),
    };
    Some(digest(text, marker))
}

/// The digests of an array's elements, and behind them its dimensions: arrays sort as their elements do.
/// `CASE WHEN x IS NOT NULL THEN ARRAY(SELECT sha256(…) FROM unnest(x) WITH ORDINALITY …) || textsend(array_dims(x)) END`
fn elements(expr: &Expr, marker: &str) -> Expr {
    let (alias, element, place) = ("pgveil_k", "pgveil_kx", "pgveil_kn");
    let mut from = unnest(expr.clone(), alias, &[element, place]);
    if let TableFactor::Table { with_ordinality, .. } = &mut from {
        *with_ordinality = true;
    }
    let select = Select {
        projection: vec![SelectItem::UnnamedExpr(digest(build::as_text(build::column(alias, element)), marker))],
        from: vec![TableWithJoins { relation: from, joins: vec![] }],
        ..super::super::empty_select()
    };
    let mut query = bare_query(SetExpr::Select(Box::new(select)));
    let order = OrderByKind::Expressions(vec![build::ascending(build::column(alias, place))]);
    query.order_by = Some(OrderBy { kind: order, interpolate: None });
    let mut array = build::row(ObjectName(vec![]));
    if let Expr::Function(Function { name, args, .. }) = &mut array {
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new("array"))]);
        *args = FunctionArguments::Subquery(Box::new(query));
    }
    let dimensions = build::call(&["pg_catalog", "array_dims"], vec![expr.clone()]);
    let both = build::concat(array, build::call(&["pg_catalog", "textsend"], vec![dimensions]));
    build::case_when(Expr::IsNotNull(Box::new(expr.clone())), both)
}

/// Neither a window call, which must stand at its own level, nor an expression that a GROUP BY may repeat.
fn may_stand_in_a_subquery(expr: &Expr) -> bool {
    match build::bare(expr) {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => true,
        Expr::Function(f) => {
            let last = f.name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.as_str());
            f.over.is_none() && matches!(last, Some("array_agg")) || matches!(f.args, FunctionArguments::Subquery(_))
        }
        _ => false,
    }
}

/// The smallest, greatest or most frequent by the digest: `call` over the digest and behind it the value, which is cut out again.
/// Strict from the inside out: of NULL nothing remains.
pub(crate) fn extremum(mut call: Expr, ty: &SealedType, gives: BaseType, marker: &str) -> Result<Expr, Refusal> {
    let pair = |e: &Expr| {
        let hex = build::call(
            &["pg_catalog", "encode"],
            vec![digest(build::as_text(e.clone()), marker), build::as_text(build::value(Value::SingleQuotedString("hex".into())))],
        );
        build::in_c(build::concat(hex, build::as_text(e.clone())))
    };
    if let Expr::Function(Function { args: FunctionArguments::List(list), within_group, .. }) = &mut call {
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg {
                *e = pair(e);
            }
        }
        for item in within_group {
            // Most frequent first; among these, as the client sorts.
            item.expr = pair(&item.expr);
        }
    }
    let from = build::value(Value::Number(DIGITS.saturating_add(1).to_string(), false));
    let cut = build::call(&["pg_catalog", "substr"], vec![call, from]);
    let plain = SealedType::plain(gives);
    let ty = if gives == ty.base { ty } else { &plain };
    let typed = build::cast(cut, super::super::parse_type(&ty.sql)?);
    Ok(match gives {
        BaseType::Uuid | BaseType::Int4 | BaseType::Int8 => typed,
        // The C of the digest would be the result's otherwise.
        _ => build::collate(typed, collation(ty)),
    })
}

/// `array_agg(DISTINCT x)` sorts by x: its elements are taken apart and put together again in keyed order. An ORDER BY in it can
/// only be of x: how it sorts is kept.
pub(crate) fn distinct_array(mut call: Function, alias: &str, marker: &str) -> Expr {
    let mut options = OrderByOptions { sort: None, nulls_first: None };
    if let FunctionArguments::List(list) = &mut call.args {
        for clause in std::mem::take(&mut list.clauses) {
            if let FunctionArgumentClause::OrderBy(items) = clause
                && let Some(item) = items.into_iter().next()
            {
                options = item.options;
            }
        }
    }
    let name = format!("{alias}_x");
    let element = build::column(alias, &name);
    let mut again = build::call(&["pg_catalog", "array_agg"], vec![element.clone()]);
    if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut again {
        let item = OrderByExpr { expr: digest(build::as_text(element), marker), options, with_fill: None };
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![item]));
    }
    let apart = unnest(Expr::Function(call), alias, &[&name]);
    let select = Select {
        projection: vec![SelectItem::UnnamedExpr(again)],
        from: vec![TableWithJoins { relation: apart, joins: vec![] }],
        ..super::super::empty_select()
    };
    let query: Query = bare_query(SetExpr::Select(Box::new(select)));
    Expr::Subquery(Box::new(query))
}

/// `pg_catalog.unnest(array) AS alias (columns)`
fn unnest(array: Expr, alias: &str, columns: &[&str]) -> TableFactor {
    let columns = columns.iter().map(|name| alias_column(name)).collect();
    let alias = TableAlias { explicit: true, name: build::ident(alias), columns, at: None };
    let args = TableFunctionArgs { args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(array))], settings: None };
    build::table(build::object_name(&["pg_catalog", "unnest"]), Some(alias), Some(args))
}

/// `sha256(textsend(key || text))`
fn digest(text: Expr, marker: &str) -> Expr {
    let key = build::as_text(build::value(Value::SingleQuotedString(marker.to_owned())));
    let salted = Expr::Nested(Box::new(build::concat(key, text)));
    build::call(&["pg_catalog", "sha256"], vec![build::call(&["pg_catalog", "textsend"], vec![salted])])
}

fn collation(ty: &SealedType) -> ObjectName {
    let named = ty.collation.as_deref().and_then(|sql| match crate::read::expression(&format!("'' COLLATE {sql}")) {
        Ok(e) => match build::bare(&e) {
            Expr::Collate { collation, .. } => Some(collation.clone()),
            _ => None,
        },
        Err(_) => None,
    });
    named.unwrap_or_else(|| build::object_name(&["pg_catalog", "default"]))
}

/// `pg_catalog.text[]`
fn texts() -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(build::pg_type("text")), None))
}
