//! RETURNING in an order that protected values do not change: the statement stands in WITH, and what it returns is sorted.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{Cte, OrderBy, OrderByKind, Parens, Query, Select, SelectItem, SetExpr, TableAlias, TableWithJoins, Value, With};

use super::super::query::{bare_query, empty_values};
use super::super::relation::alias_column;
use super::super::{Judge, build};
use super::Judged;
use crate::read::{Sent, Shell, Target as Written, Verb, placeholder};

const ALIAS: &str = "pgveil_w";

impl Judge<'_> {
    /// `WITH pgveil_w (pgveil_c1, …) AS (…) SELECT pgveil_c1 AS name, … FROM pgveil_w ORDER BY …`
    pub(super) fn sorted(&self, judged: Judged) -> Judged {
        let Judged { mut sent, returned, .. } = judged;
        let names: Vec<String> = (1..=returned.len()).map(|n| format!("pgveil_c{n}")).collect();
        let projection = names
            .iter()
            .zip(&returned)
            .map(|(name, col)| SelectItem::ExprWithAlias { expr: build::column(ALIAS, name), alias: build::ident(&col.name) })
            .collect();
        let order =
            names.iter().zip(&returned).map(|(name, col)| build::ascending(self.tie_break(build::column(ALIAS, name), col))).collect();
        let relation = build::table(build::object_name(&[ALIAS]), None, None);
        let select = Select { projection, from: vec![TableWithJoins { relation, joins: vec![] }], ..super::super::empty_select() };
        // Statements that write can only stand in the outermost WITH.
        let mut ctes = std::mem::take(&mut sent.ctes);
        let moved = if ctes.is_empty() { None } else { sent.action.as_mut().and_then(|a| a.with.take()) };
        let mut tables = moved.map(|w| w.cte_tables).unwrap_or_default();
        let index = tables.len();
        let mut values = empty_values();
        values.value_keyword = false;
        values.rows.push(Parens::with_empty_span(vec![build::value(Value::SingleQuotedString(placeholder(index)))]));
        tables.push(Cte {
            alias: TableAlias {
                explicit: false,
                name: build::ident(ALIAS),
                columns: names.iter().map(|n| alias_column(n)).collect(),
                at: None,
            },
            query: Box::new(bare_query(SetExpr::Values(values))),
            from: None,
            materialized: None,
            closing_paren_token: AttachedToken::empty(),
        });
        ctes.push((index, sent));
        let with = With { with_token: AttachedToken::empty(), recursive: false, cte_tables: tables };
        let query = Query {
            with: Some(with),
            order_by: Some(OrderBy { kind: OrderByKind::Expressions(order), interpolate: None }),
            ..bare_query(SetExpr::Select(Box::new(select)))
        };
        let shell = Shell::new(Verb::Select, Written { name: vec![], alias: None, only: false });
        Judged { sent: Sent { shell, source: Some(query), action: None, returning: None, ctes }, returned, sorts: false }
    }
}
