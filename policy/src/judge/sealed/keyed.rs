//! An order of sealed values that shows nothing but equality: by a digest that is keyed by the session.

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    ObjectName, OrderByExpr, OrderByOptions, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins,
    Value,
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
        // Element by element first: trailing blanks of bpchar do not count.
        Label::SealedArray(_) => build::as_text(build::cast(expr.clone(), texts())),
    };
    Some(digest(text, marker))
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
    let apart = TableFactor::Table {
        name: build::object_name(&["pg_catalog", "unnest"]),
        alias: Some(TableAlias { explicit: true, name: build::ident(alias), columns: vec![alias_column(&name)], at: None }),
        args: Some(TableFunctionArgs {
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(call)))],
            settings: None,
        }),
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    let select = Select {
        projection: vec![SelectItem::UnnamedExpr(again)],
        from: vec![TableWithJoins { relation: apart, joins: vec![] }],
        ..super::super::empty_select()
    };
    let query: Query = bare_query(SetExpr::Select(Box::new(select)));
    Expr::Subquery(Box::new(query))
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
