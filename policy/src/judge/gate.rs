//! The gate: a text checks, each time it runs, that its names still mean what was judged.
//!
//! Between the judgement and the execution somebody else may rename tables and columns into each other's places. Each SELECT therefore
//! gains a condition over the relations that it names. It is worked out under the statement's own locks, so that nothing can change
//! behind it (PostgreSQL documentation, 13.3.1):
//!
//! * The relation's OID, for every relation outside Postgres' own schemas. `CAST('"s"."t"' AS regclass)` is looked up when the text is
//!   analysed, as FROM is, and again with it whenever a prepared statement must be planned anew; the planner folds the comparison away.
//! * Attribute numbers, where columns of it are protected or a policy's SQL reads them. They are *pinned*: FROM lists names for them,
//!   which Postgres gives to columns by their place, so that a column's own name means nothing. A place is still that of the same
//!   attribute if no attribute before it has been dropped, since new ones come last. `has_column_privilege` is NULL for one that is
//!   dropped (from PostgreSQL 14 on) and reads the system cache, which is fresh even under an old snapshot; it takes 0.1 µs, once.
//!
//! A condition that does not hold raises: rows would be missing in silence otherwise. The proxy knows the error by [`STALE`].

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, Ident, Query, Select, SetExpr, TableAlias, TableFactor, TableWithJoins,
    Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::from::is_natural;
use super::relation::alias_column;
use super::stand_in::quote;
use super::{build, refuse};
use crate::catalog::{Catalog, Relation};
use crate::policy::pattern::is_system_schema;
use crate::read::coded;
use crate::{Refusal, read};

/// What the server's error of a gate has in its message, with SQLSTATE 22P02.
pub const STALE: &str = "pgveil_stale";

/// More attributes than this are checked by a subquery over all of them: it costs 25 µs to plan, a check of its own 4 µs.
const SINGLY: usize = 6;

/// Pins the columns of every relation in the policy's own SQL.
pub(super) fn pin(query: &mut Query, catalog: &Catalog) {
    let _ = VisitMut::visit(query, &mut Pin { catalog });
}

/// Gives each SELECT its gate.
///
/// # Errors
/// A relation that is printed and not known.
pub(super) fn insert(query: &mut Query, catalog: &Catalog) -> Result<(), Refusal> {
    let mut rows = WholeRows::default();
    let _ = Visit::visit(query, &mut rows);
    match VisitMut::visit(query, &mut Insert { catalog, rows }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => Err(*refusal),
    }
}

struct Pin<'a> {
    catalog: &'a Catalog,
}

impl VisitorMut for Pin<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let catalog = self.catalog;
        let _: Result<(), Refusal> = tables(&mut select.from, &mut |factor| {
            if let Some((relation, alias)) = known(factor, catalog)?
                && relation.kind != crate::catalog::RelationKind::View
            {
                let alias = alias.get_or_insert_with(|| TableAlias {
                    explicit: true,
                    name: build::ident(&relation.name),
                    columns: vec![],
                    at: None,
                });
                let given = alias.columns.len();
                alias.columns.extend(relation.columns.iter().skip(given).map(|c| alias_column(&c.name)));
            }
            Ok(())
        });
        ControlFlow::Continue(())
    }
}

struct Insert<'a> {
    catalog: &'a Catalog,
    rows: WholeRows,
}

impl VisitorMut for Insert<'_> {
    type Break = Box<Refusal>;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Box<Refusal>> {
        let mentioned = Mentioned::of(query);
        match self.body(&mut query.body, &mentioned) {
            Ok(()) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(Box::new(refusal)),
        }
    }
}

impl Insert<'_> {
    // Arms that are queries of their own have been visited.
    fn body(&self, body: &mut SetExpr, mentioned: &Mentioned) -> Result<(), Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, mentioned),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, mentioned)?;
                self.body(right, mentioned)
            }
            SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
            SetExpr::Table(_) | SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(refuse::unsupported("this form of a query"))
            }
        }
    }

    fn select(&self, select: &mut Select, mentioned: &Mentioned) -> Result<(), Refusal> {
        let natural = select.from.iter().any(has_natural);
        let mut listed = BTreeSet::new();
        for tree in &select.from {
            self.in_rows(tree, false, &mut listed);
        }
        let mut checks: Vec<Expr> = Vec::new();
        tables(&mut select.from, &mut |factor| {
            let Some((relation, alias)) = known(factor, self.catalog)? else { return Ok(()) };
            let visible = alias.as_ref().map_or(&relation.name, |a| &a.name.value);
            let whole = natural || self.rows.names.contains(visible) || listed.contains(visible);
            let mut new = vec![is_it(relation)];
            match alias {
                Some(a) if !a.columns.is_empty() && a.columns.len() == relation.columns.len() => {
                    let needed = if whole { relation.columns.len() } else { mentioned.up_to(&a.columns) };
                    // All or none: a column behind the list would keep its own name, which may be one of these by then.
                    if needed == 0 {
                        a.columns.clear();
                    }
                    new.extend(live(relation, needed)?);
                }
                _ if whole => {
                    new.extend(live(relation, relation.columns.len())?);
                    new.extend(no_more(relation));
                }
                _ => {}
            }
            for check in new {
                if !checks.contains(&check) {
                    checks.push(check);
                }
            }
            Ok(())
        })?;
        let Some(gate) = checks.into_iter().reduce(and).map(or_raise) else { return Ok(()) };
        select.selection = Some(match select.selection.take() {
            Some(condition) => and(condition, gate),
            None => gate,
        });
        Ok(())
    }
}

impl Insert<'_> {
    /// Tables in joins whose alias lists names or stands for whole rows: their columns show by their places. `inside`: in such a join.
    fn in_rows(&self, tree: &TableWithJoins, inside: bool, found: &mut BTreeSet<String>) {
        for factor in std::iter::once(&tree.relation).chain(tree.joins.iter().map(|j| &j.relation)) {
            match factor {
                TableFactor::NestedJoin { table_with_joins, alias } => {
                    let shows = |a: &TableAlias| !a.columns.is_empty() || self.rows.names.contains(&a.name.value);
                    self.in_rows(table_with_joins, inside || alias.as_ref().is_some_and(shows), found);
                }
                TableFactor::Table { name, alias, .. } if inside => {
                    let own = name.0.last().and_then(|p| p.as_ident());
                    found.extend(alias.as_ref().map(|a| &a.name).or(own).map(|id| id.value.clone()));
                }
                _ => {}
            }
        }
    }
}

/// A check that columns of a relation still have these names, for a target that no list of names can be given to; `None` where nothing
/// is named.
pub(super) fn names(relation: &Relation, columns: &BTreeSet<String>) -> Result<Option<Expr>, Refusal> {
    let known: Vec<_> = relation.columns.iter().filter(|c| columns.contains(&c.name)).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let text = |s: &str| format!("CAST('{}' AS \"pg_catalog\".\"text\")", s.replace('\'', "''"));
    let (schema, name) = (text(&relation.schema), text(&relation.name));
    let rows: Vec<String> = known.iter().map(|c| format!("({}, CAST('{}' AS \"pg_catalog\".\"int4\"))", text(&c.name), c.number)).collect();
    let check = format!(
        "NOT EXISTS (SELECT FROM (VALUES {}) AS \"pgveil_n\"(\"pgveil_n\", \"pgveil_a\"), \
         LATERAL \"pg_catalog\".\"pg_get_object_address\"('table column', ARRAY[{schema}, {name}, \"pgveil_n\".\"pgveil_n\"], '{{}}') \
         AS \"pgveil_o\"(\"pgveil_c\", \"pgveil_o\", \"pgveil_s\") \
         WHERE \"pgveil_o\".\"pgveil_o\" OPERATOR(\"pg_catalog\".<>) CAST('{}' AS \"pg_catalog\".\"oid\") \
         OR \"pgveil_o\".\"pgveil_s\" OPERATOR(\"pg_catalog\".<>) \"pgveil_n\".\"pgveil_a\")",
        rows.join(", "),
        relation.oid
    );
    read::expression(&check).map(or_raise).map(Some)
}

/// `CAST('"s"."t"' AS regclass) = CAST('16386' AS oid)`
fn is_it(relation: &Relation) -> Expr {
    let name = format!("{}.{}", quote(&relation.schema), quote(&relation.name));
    equal(build::cast(string(&name), build::pg_type("regclass")), oid(relation))
}

/// None of its first columns has been dropped.
fn live(relation: &Relation, columns: usize) -> Result<Vec<Expr>, Refusal> {
    let numbers: Vec<String> = relation.columns.iter().take(columns).map(|c| c.number.to_string()).collect();
    if numbers.len() <= SINGLY {
        return Ok(numbers.iter().map(|n| is_live(relation, build::cast(string(n), build::pg_type("int2")))).collect());
    }
    let text = format!(
        "NOT EXISTS (SELECT FROM \"pg_catalog\".\"unnest\"(CAST('{{{}}}' AS \"pg_catalog\".\"_int2\")) AS \"pgveil_n\"(\"pgveil_n\") \
         WHERE \"pg_catalog\".\"has_column_privilege\"(CAST('{}' AS \"pg_catalog\".\"oid\"), \"pgveil_n\".\"pgveil_n\", 'SELECT') IS NULL)",
        numbers.join(","),
        relation.oid
    );
    read::expression(&text).map(|e| vec![e])
}

fn is_live(relation: &Relation, number: Expr) -> Expr {
    let asked = build::call(&["pg_catalog", "has_column_privilege"], vec![oid(relation), number, string("SELECT")]);
    Expr::IsNotNull(Box::new(asked))
}

/// It has as many columns as are known: another number of NULLs cannot be cast to its rows' type. Where a column is of a domain, NULL
/// may be no value of it, and nothing is asked.
fn no_more(relation: &Relation) -> Option<Expr> {
    if relation.columns.is_empty() || relation.columns.iter().any(|c| c.data_type.is_domain) {
        return None;
    }
    let Expr::Function(mut row) = build::call(&["row"], relation.columns.iter().map(|_| build::value(Value::Null)).collect()) else {
        return None;
    };
    row.name = sqlparser::ast::ObjectName(vec![sqlparser::ast::ObjectNamePart::Identifier(Ident::new("row"))]);
    let row_type = sqlparser::ast::DataType::Custom(build::object_name(&[&relation.schema, &relation.name]), vec![]);
    Some(Expr::IsNull(Box::new(build::cast(Expr::Function(row), row_type))))
}

/// `CASE WHEN check THEN true ELSE CAST(concat('pgveil_stale') AS bool) END`: `concat` is stable, so that no planner works it out.
fn or_raise(check: Expr) -> Expr {
    let raise = build::cast(build::call(&["pg_catalog", "concat"], vec![string(STALE)]), build::pg_type("bool"));
    build::case(vec![CaseWhen { condition: check, result: build::value(Value::Boolean(true)) }], raise)
}

fn oid(relation: &Relation) -> Expr {
    build::cast(string(&relation.oid.to_string()), build::pg_type("oid"))
}

fn string(text: &str) -> Expr {
    build::value(Value::SingleQuotedString(text.to_owned()))
}

fn equal(left: Expr, right: Expr) -> Expr {
    let op = BinaryOperator::PGCustomBinaryOperator(vec!["pg_catalog".into(), "=".into()]);
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

/// Calls `each` for every table, view or function that stands in FROM itself; subqueries there have their own.
fn tables(from: &mut [TableWithJoins], each: &mut impl FnMut(&mut TableFactor) -> Result<(), Refusal>) -> Result<(), Refusal> {
    for tree in from {
        for factor in std::iter::once(&mut tree.relation).chain(tree.joins.iter_mut().map(|j| &mut j.relation)) {
            match factor {
                TableFactor::NestedJoin { table_with_joins, .. } => tables(std::slice::from_mut(table_with_joins), each)?,
                other => each(other)?,
            }
        }
    }
    Ok(())
}

/// The relation that a factor names; `None` for a CTE, a function, a subquery and Postgres' own relations.
type Named<'f> = Option<(&'f Relation, &'f mut Option<TableAlias>)>;

fn known<'f>(factor: &'f mut TableFactor, catalog: &'f Catalog) -> Result<Named<'f>, Refusal> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return Ok(None) };
    let name = coded::without_only(name);
    let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
    match parts.as_slice() {
        // Relations are printed with their schema, so that this is a CTE.
        [_] if name.0.len() == 1 => Ok(None),
        [schema, _] if name.0.len() == 2 && is_system_schema(schema) => Ok(None),
        [schema, relation] if name.0.len() == 2 => match catalog.relation(schema, relation) {
            Some(relation) => Ok(Some((relation, alias))),
            None => Err(refuse::unsupported("a relation that is not known")),
        },
        _ => Err(refuse::unsupported("a relation's name of this form")),
    }
}

fn has_natural(tree: &TableWithJoins) -> bool {
    let inside = |factor: &TableFactor| matches!(factor, TableFactor::NestedJoin { table_with_joins, .. } if has_natural(table_with_joins));
    inside(&tree.relation) || tree.joins.iter().any(|j| is_natural(&j.join_operator) || inside(&j.relation))
}

/// Names that may stand for whole rows, anywhere in a statement: those written as expressions without a qualifier, or before `.*`.
#[derive(Default)]
struct WholeRows {
    names: BTreeSet<String>,
}

impl Visitor for WholeRows {
    type Break = ();

    fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
        match e {
            Expr::Identifier(id) => drop(self.names.insert(id.value.clone())),
            Expr::QualifiedWildcard(name, _) => self.starred(name),
            Expr::Function(f) => {
                if let sqlparser::ast::FunctionArguments::List(list) = &f.args {
                    for arg in &list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = arg {
                            self.starred(name);
                        }
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl WholeRows {
    fn starred(&mut self, name: &sqlparser::ast::ObjectName) {
        self.names.extend(name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.clone()));
    }
}

/// Every name in a query but those that FROM gives to columns.
struct Mentioned {
    names: BTreeSet<String>,
}

impl Mentioned {
    fn of(query: &Query) -> Self {
        let mut mentioned = Mentioned { names: BTreeSet::new() };
        let pinned = |query: &Query| match &*query.body {
            SetExpr::Select(select) => select.from.iter().any(is_pinned),
            _ => true,
        };
        if pinned(query) {
            let mut bare = query.clone();
            let _ = VisitMut::visit(&mut bare, &mut Unpin);
            let _ = Visit::visit(&bare, &mut mentioned);
        }
        mentioned
    }

    /// How many of these columns there are up to the last that is mentioned.
    fn up_to(&self, columns: &[sqlparser::ast::TableAliasColumnDef]) -> usize {
        columns.iter().rposition(|c| self.names.contains(&c.name.value)).map_or(0, |last| last.saturating_add(1))
    }
}

impl Visitor for Mentioned {
    type Break = ();

    fn post_visit_ident(&mut self, id: &Ident) -> ControlFlow<()> {
        self.names.insert(id.value.clone());
        ControlFlow::Continue(())
    }
}

fn is_pinned(tree: &TableWithJoins) -> bool {
    let pinned = |factor: &TableFactor| match factor {
        TableFactor::Table { alias: Some(a), .. } => !a.columns.is_empty(),
        TableFactor::NestedJoin { table_with_joins, .. } => is_pinned(table_with_joins),
        _ => false,
    };
    pinned(&tree.relation) || tree.joins.iter().any(|j| pinned(&j.relation))
}

struct Unpin;

impl VisitorMut for Unpin {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { alias: Some(a), .. } = factor {
            a.columns.clear();
        }
        ControlFlow::Continue(())
    }
}
