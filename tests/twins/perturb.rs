//! The same statement with chance in each place where SQL leaves the order of rows open: where its answer changes, no answer
//! is the right one.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, DuplicateTreatment, Expr, FunctionArgumentClause, FunctionArguments, OrderBy, OrderByExpr, OrderByKind, Query, SetExpr,
    Statement, VisitMut, VisitorMut, WindowFrameUnits, WindowType,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserOptions};

/// Functions whose answer depends on the order of rows that are equal in their window's order.
const BY_PLACE: &[&str] = &["row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];
/// Aggregates whose answer depends on the order of their input.
const IN_ORDER: &[&str] =
    &["array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "xmlagg", "min", "max", "sum", "avg"];

/// `None` where sqlparser does not read the text. What comes back may fail: not every place takes another key.
pub fn perturbed(sql: &str) -> Option<String> {
    let mut statements = parse(sql)?;
    let _ = statements.visit(&mut Perturb { drawn: 0 });
    Some(statements.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

pub fn parse(sql: &str) -> Option<Vec<Statement>> {
    let options = ParserOptions::new().with_unescape(false);
    Parser::new(&PostgreSqlDialect {}).with_options(options).try_with_sql(sql).ok()?.parse_statements().ok()
}

fn query(sql: &str) -> Option<Query> {
    match parse(sql)?.pop()? {
        Statement::Query(query) => Some(*query),
        _ => None,
    }
}

fn plain_key() -> OrderByExpr {
    sqlparser::ast::Ident::new("x").into()
}

struct Perturb {
    drawn: usize,
}

impl VisitorMut for Perturb {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let plain = match query.body.as_ref() {
            SetExpr::Select(select) => !matches!(select.distinct, Some(Distinct::Distinct)),
            _ => false,
        };
        let placed = query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some();
        if plain {
            // DISTINCT ON asks for its keys first.
            if let SetExpr::Select(select) = query.body.as_ref()
                && let Some(Distinct::On(keys)) = &select.distinct
                && query.order_by.is_none()
            {
                let keys = keys.iter().map(|expr| OrderByExpr { expr: expr.clone(), ..plain_key() }).collect();
                query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(keys), interpolate: None });
            }
            self.add(query);
        } else if placed && let Some(SetExpr::Select(mut outer)) = self::query("SELECT * FROM (SELECT 1) AS perturbed").map(|q| *q.body) {
            let inner = std::mem::replace(&mut *query.body, SetExpr::Select(outer.clone()));
            if let Some(from) = outer.from.first_mut()
                && let sqlparser::ast::TableFactor::Derived { subquery, .. } = &mut from.relation
            {
                *subquery.body = inner;
            }
            *query.body = SetExpr::Select(outer);
            self.add(query);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_ascii_lowercase();
        let name = name.rsplit('.').next().unwrap_or_default();
        if let Some(WindowType::WindowSpec(window)) = &mut function.over {
            let rows = window.window_frame.as_ref().is_some_and(|f| matches!(f.units, WindowFrameUnits::Rows));
            if rows || BY_PLACE.contains(&name) {
                window.order_by.extend(self.key());
            }
        } else if IN_ORDER.contains(&name)
            && let FunctionArguments::List(list) = &mut function.args
            && list.duplicate_treatment != Some(DuplicateTreatment::Distinct)
        {
            match list.clauses.iter_mut().find_map(|c| if let FunctionArgumentClause::OrderBy(keys) = c { Some(keys) } else { None }) {
                Some(keys) => keys.extend(self.key()),
                None => list.clauses.push(FunctionArgumentClause::OrderBy(self.key().into_iter().collect())),
            }
        }
        ControlFlow::Continue(())
    }
}

impl Perturb {
    fn add(&mut self, query: &mut Query) {
        let key = self.key();
        match &mut query.order_by {
            Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) => keys.extend(key),
            Some(_) => {}
            None => query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(key.into_iter().collect()), interpolate: None }),
        }
    }

    /// Equal keys would be drawn once only.
    fn key(&mut self) -> Option<OrderByExpr> {
        self.drawn += 1;
        match query(&format!("SELECT 1 ORDER BY pg_catalog.random() + {}", self.drawn))?.order_by?.kind {
            OrderByKind::Expressions(mut keys) => keys.pop(),
            OrderByKind::All(_) => None,
        }
    }
}
