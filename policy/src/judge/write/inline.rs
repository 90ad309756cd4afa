//! A target's derived table put in line: what it computes stands where its columns were named.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr, TableAlias, TableFactor, Visit, VisitMut, Visitor, VisitorMut};

use super::super::relation::table;
use super::super::{Judge, build, gate, refuse};
use super::Filter;
use super::target::{Place, Target};
use crate::catalog::Relation;
use crate::read::EXCLUDED;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// Puts the derived table of the target, or of `excluded`, in line.
    pub(super) fn inline(&self, query: &mut Query, index: usize, target: &Target, filter: Filter) -> Result<(), Refusal> {
        let Some(place) = target.place(index) else { return Ok(()) };
        let Some(printed) = target.printed(place) else { return Ok(()) };
        let Some(relation) = self.facts.catalog.relation(&target.schema, &target.name) else { return Err(unexpected()) };
        let name = match place {
            Place::Target => printed,
            Place::Excluded => EXCLUDED,
        };
        let SetExpr::Select(select) = &mut *query.body else { return Err(unexpected()) };
        let Some(item) = select.from.get_mut(index) else { return Err(unexpected()) };
        let TableFactor::Derived { subquery, alias: Some(alias), .. } = &item.relation else { return Err(unexpected()) };
        if alias.name.value != printed || !alias.columns.is_empty() || subquery.limit_clause.is_some() {
            return Err(unexpected());
        }
        let SetExpr::Select(inner) = &*subquery.body else { return Err(unexpected()) };
        let [only] = inner.from.as_slice() else { return Err(unexpected()) };
        if !matches!(only.relation, TableFactor::Table { .. }) {
            return Err(Self::no_whole_row());
        }
        let qualify = |e: &Expr| qualified(e, name, relation);
        let mut shown: HashMap<String, Expr> = HashMap::new();
        for item in &inner.projection {
            match item {
                SelectItem::UnnamedExpr(Expr::Identifier(id)) => drop(shown.insert(id.value.clone(), build::column(name, &id.value))),
                SelectItem::ExprWithAlias { expr, alias } if filter == Filter::LeftOut && is_ok(&alias.value) => {
                    let _ = expr;
                    shown.insert(alias.value.clone(), build::value(sqlparser::ast::Value::Boolean(true)));
                }
                SelectItem::ExprWithAlias { expr, alias } => drop(shown.insert(alias.value.clone(), qualify(expr)?)),
                _ => return Err(unexpected()),
            }
        }
        let condition = inner.selection.as_ref().filter(|_| filter == Filter::Applied).map(qualify).transpose()?;
        let alias = TableAlias { explicit: true, name: build::ident(name), columns: vec![], at: None };
        item.relation = table(relation, Some(alias), target.only && place == Place::Target);
        let mut put = Put { alias: printed, shown: &shown, missing: false };
        let _ = VisitMut::visit(query, &mut put);
        if put.missing {
            return Err(unexpected());
        }
        let SetExpr::Select(select) = &mut *query.body else { return Err(unexpected()) };
        let filtered = condition.into_iter().chain(select.selection.take()).reduce(and);
        select.selection = filtered;
        if place == Place::Target {
            let mut named = Named { alias: name, columns: BTreeSet::new() };
            let _ = Visit::visit(query, &mut named);
            let check = gate::names(relation, &named.columns)?;
            let SetExpr::Select(select) = &mut *query.body else { return Err(unexpected()) };
            select.selection = select.selection.take().into_iter().chain(check).reduce(and);
        }
        Ok(())
    }
}

/// Nothing else in a statement has that name: what is put in line could be taken for it.
pub(super) fn only_name(query: &Query, name: &str) -> Result<(), Refusal> {
    struct Find<'n>(&'n str);
    impl Visitor for Find<'_> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let own = match factor {
                TableFactor::Table { name, alias: None, .. } => name.0.last().and_then(|p| p.as_ident()),
                TableFactor::Table { alias: Some(a), .. } => Some(&a.name),
                TableFactor::Derived { alias: Some(a), .. }
                | TableFactor::Function { alias: Some(a), .. }
                | TableFactor::UNNEST { alias: Some(a), .. }
                | TableFactor::NestedJoin { alias: Some(a), .. } => Some(&a.name),
                _ => None,
            };
            if own.is_some_and(|id| id.value == self.0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let SetExpr::Select(select) = &*query.body else { return Err(unexpected()) };
    // The level's own items are not the ones that are looked for.
    let mut inside = select.clone();
    inside.from.clear();
    match inside.visit(&mut Find(name)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(refuse::unsupported(&format!("another table called {name} in ON CONFLICT"))),
    }
}

/// The expression of a derived table over one relation, with the relation's columns under that alias.
fn qualified(e: &Expr, alias: &str, relation: &Relation) -> Result<Expr, Refusal> {
    let mut out = e.clone();
    let mut qualify = Qualify { alias, relation, inside: vec![] };
    match VisitMut::visit(&mut out, &mut qualify) {
        ControlFlow::Continue(()) => Ok(out),
        ControlFlow::Break(()) => Err(Refusal::new(
            SqlState::UNSUPPORTED,
            "write.filter",
            format!(
                "the row filter of {}.{} has a form that pgveil cannot apply to a statement that writes",
                relation.schema, relation.name
            ),
        )
        .with_hint("Whoever keeps the policy can write it as a condition on columns, or with a subquery on one table.")),
    }
}

/// Qualifies names that mean the relation's columns. A subquery's own columns come first: its tables list them.
struct Qualify<'r> {
    alias: &'r str,
    relation: &'r Relation,
    inside: Vec<BTreeSet<String>>,
}

impl VisitorMut for Qualify<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut names = BTreeSet::new();
        let plain = query.with.is_none() && query.order_by.is_none();
        let SetExpr::Select(select) = &*query.body else { return ControlFlow::Break(()) };
        for tree in &select.from {
            for factor in std::iter::once(&tree.relation).chain(tree.joins.iter().map(|j| &j.relation)) {
                match factor {
                    // A function's too: it can only be one that a mask unnests by.
                    TableFactor::Table { alias: Some(a), .. } if !a.columns.is_empty() => {
                        names.extend(a.columns.iter().map(|c| c.name.value.clone()));
                    }
                    _ => return ControlFlow::Break(()),
                }
            }
        }
        self.inside.push(names);
        if plain { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        let column = |name: &str| self.relation.column(name).is_some();
        match e {
            Expr::Identifier(id) if id.quote_style.is_none() => {}
            Expr::Identifier(id) if self.inside.iter().any(|names| names.contains(&id.value)) => {}
            Expr::Identifier(id) if column(&id.value) || id.value == "tableoid" => *e = build::column(self.alias, &id.value),
            Expr::Identifier(_) => return ControlFlow::Break(()),
            // `customers.city`, of the relation itself or of a table inside.
            Expr::CompoundIdentifier(parts) => {
                if let [of, name] = parts.as_slice()
                    && of.value == self.relation.name
                    && column(&name.value)
                {
                    if !self.inside.is_empty() {
                        return ControlFlow::Break(());
                    }
                    *e = build::column(self.alias, &name.value);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Puts expressions in the place of a derived table's columns.
struct Put<'s> {
    alias: &'s str,
    shown: &'s HashMap<String, Expr>,
    missing: bool,
}

impl VisitorMut for Put<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, e: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = e
            && let [of, name] = parts.as_slice()
            && of.value == self.alias
        {
            match self.shown.get(&name.value) {
                Some(computed) => *e = computed.clone(),
                None => self.missing = true,
            }
        }
        ControlFlow::Continue(())
    }
}

/// The columns that are named under an alias.
struct Named<'a> {
    alias: &'a str,
    columns: BTreeSet<String>,
}

impl Visitor for Named<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = e
            && let [of, name] = parts.as_slice()
            && of.value == self.alias
        {
            self.columns.insert(name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

fn is_ok(name: &str) -> bool {
    name.starts_with("pgveil_ok")
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

fn unexpected() -> Refusal {
    refuse::unsupported("a target that pgveil's rewriting does not find again")
}
