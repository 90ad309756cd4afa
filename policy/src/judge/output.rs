//! The name that Postgres gives a result column (FigureColname in its parser).

use sqlparser::ast::{DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SelectItem, SetExpr};

use super::build;
use crate::read::coded::{self, Form};

/// The name of an expression without an alias.
pub(crate) fn name(e: &Expr) -> String {
    figure(e).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A name and whether it is a strong one: a cast keeps a strong name, and gives its own to the rest.
fn figure(e: &Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match build::bare(e) {
        Expr::Identifier(id) => strong(&id.value),
        Expr::CompoundIdentifier(parts) => strong(&parts.last()?.value),
        Expr::Function(f) if coded::form(f).is_some() => coded_name(f),
        Expr::Function(f) => {
            let last = f.name.0.last()?.as_ident()?;
            strong(&if last.quote_style.is_some() { last.value.clone() } else { last.value.to_ascii_lowercase() })
        }
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type)?, false)),
        },
        Expr::Collate { expr, .. } => figure(expr),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Subquery(q) => subquery_name(q),
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Array(_) => strong("array"),
        Expr::BinaryOp { op: sqlparser::ast::BinaryOperator::Overlaps, .. } => strong("overlaps"),
        Expr::Tuple(_) => strong("row"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(sqlparser::ast::TrimWhereField::Leading) => "ltrim",
            Some(sqlparser::ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::IsNormalized { negated: false, .. } => strong("is_normalized"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::CompoundFieldAccess { root, access_chain } => access_chain
            .iter()
            .rev()
            .find_map(|a| match a {
                sqlparser::ast::AccessExpr::Dot(Expr::Identifier(id)) => strong(&id.value),
                _ => None,
            })
            .or_else(|| figure(root)),
        Expr::TypedString(t) => Some((type_name(&t.data_type)?, false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        _ => None,
    }
}

/// The name of a form that is coded as a call.
fn coded_name(f: &Function) -> Option<(String, bool)> {
    let name = match coded::form(f)? {
        Form::CollationFor => "pg_collation_for",
        Form::Normalize => "normalize",
        Form::AtLocal => "timezone",
        Form::XmlExists => "xmlexists",
        Form::XmlConcat => "xmlconcat",
        Form::XmlElement => "xmlelement",
        Form::XmlForest => "xmlforest",
        Form::XmlParse => "xmlparse",
        Form::XmlPi => "xmlpi",
        Form::XmlRoot => "xmlroot",
        Form::XmlSerialize => "xmlserialize",
        Form::Row => "row",
        Form::WholeRow => match &f.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name))] => {
                    return Some((name.0.last()?.as_ident()?.value.clone(), true));
                }
                _ => return None,
            },
            FunctionArguments::None | FunctionArguments::Subquery(_) => return None,
        },
        _ => return None,
    };
    Some((name.to_owned(), true))
}

fn subquery_name(q: &Query) -> Option<(String, bool)> {
    let mut body = &*q.body;
    loop {
        match body {
            SetExpr::Select(s) => {
                return match s.projection.first()? {
                    SelectItem::ExprWithAlias { alias, .. } => Some((alias.value.clone(), true)),
                    SelectItem::UnnamedExpr(e) => figure(e),
                    _ => None,
                };
            }
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = &inner.body,
            SetExpr::Values(_) => return Some(("column1".to_owned(), true)),
            _ => return None,
        }
    }
}

/// A type's stored name, as a cast lends it to a column.
fn type_name(t: &DataType) -> Option<String> {
    let name = match t {
        DataType::Custom(name, _) => return name.0.last()?.as_ident().map(|i| i.value.clone()),
        DataType::Array(sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)) => return type_name(inner),
        DataType::Integer(_) | DataType::Int(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Text => "text",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Real | DataType::Float4 => "float4",
        DataType::DoublePrecision | DataType::Float8 | DataType::Double(_) | DataType::Float(_) => "float8",
        DataType::Date => "date",
        DataType::Timestamp(_, zone) => match zone {
            sqlparser::ast::TimezoneInfo::WithTimeZone | sqlparser::ast::TimezoneInfo::Tz => "timestamptz",
            _ => "timestamp",
        },
        DataType::Time(_, zone) => match zone {
            sqlparser::ast::TimezoneInfo::WithTimeZone | sqlparser::ast::TimezoneInfo::Tz => "timetz",
            _ => "time",
        },
        DataType::Interval { .. } => "interval",
        DataType::Uuid => "uuid",
        DataType::JSON => "json",
        DataType::JSONB => "jsonb",
        DataType::Bytea => "bytea",
        DataType::Regclass => "regclass",
        other => return Some(other.to_string().to_ascii_lowercase()),
    };
    Some(name.to_owned())
}
