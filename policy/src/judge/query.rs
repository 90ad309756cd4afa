//! Queries: WITH, set operations, VALUES; and the order in which their rows may be seen.

mod items;

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
    TableAlias, TableFactor, TableWithJoins, Value,
};

use super::barrier;
use super::build;
use super::expr::InScope;
use super::holds::{Holds, comparable, unify};
use super::label::Label;
use super::lineage::is_protected;
use super::refuse;
use super::relation::alias_column;
use super::scope::Col;
use super::sealed::keyed;
use super::typing::Ty;
use super::{Cte, Judge};
use crate::plan::Origin;
use crate::read::coded::{self, Recursion};
use crate::{Refusal, SqlState};
pub(crate) use items::{append_order, order_items, position_of};
use items::{constant_limits, output_index};

impl Judge<'_> {
    /// A subquery in an expression or FROM. `order_shows`: the order of its rows can be seen.
    pub(crate) fn subquery(&mut self, query: &mut Query, scope: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        let outside = std::mem::replace(&mut self.in_aggregate, 0);
        let cols = self.query(query, scope, order_shows);
        self.in_aggregate = outside;
        cols
    }

    /// A query: judges and rewrites it, and says what it shows.
    pub(crate) fn query(&mut self, query: &mut Query, parent: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        let set_operation = matches!(*query.body, SetExpr::SetOperation { .. });
        let of_select = matches!(*query.body, SetExpr::Select(_));
        let Query { with, body: _, order_by: _, limit_clause: _, fetch: _, locks, for_clause, settings, format_clause, pipe_operators } =
            &mut *query;
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return Err(refuse::not_yet("form.query", "this clause of a query"));
        }
        let locking = !locks.is_empty();
        if locking && set_operation {
            return Err(super::lock::not_with("UNION/INTERSECT/EXCEPT"));
        }
        let frames = self.ctes.len();
        let (top, target) = (std::mem::take(&mut self.top), self.target.take());
        if let Some(with) = with {
            self.with(with, parent)?;
        }
        (self.top, self.target) = (top, target);
        let before = (self.touched, self.reads);
        let cols = self.body(query, parent, order_shows);
        if top {
            self.own_with = self.ctes.get(frames..).unwrap_or_default().to_vec();
        }
        self.ctes.truncate(frames);
        let cols = cols?;
        // Those of a SELECT are judged with its FROM.
        if locking && (self.touched > before.0 || self.reads > before.1) && !of_select {
            return Err(refuse::not_yet("order.locking", "FOR UPDATE or FOR SHARE of protected relations"));
        }
        Ok(cols)
    }

    pub(crate) fn with(&mut self, with: &mut sqlparser::ast::With, parent: InScope) -> Result<(), Refusal> {
        let writes = std::mem::take(&mut self.writes);
        if with.recursive && !writes.is_empty() {
            return Err(refuse::unsupported("WITH RECURSIVE around a statement that writes").with_hint("Leave out RECURSIVE."));
        }
        for index in super::recursive::judging_order(with)? {
            let Some(cte) = with.cte_tables.get_mut(index) else { continue };
            if let Some((_, write)) = writes.iter().find(|(at, _)| *at == index) {
                let (clause, alias) = Recursion::of(&cte.alias).ok_or_else(|| refuse::unsupported("this form of WITH"))?;
                if clause.is_some() {
                    return Err(refuse::unsupported("SEARCH or CYCLE of a query that is not recursive"));
                }
                let name = cte.alias.name.value.clone();
                let before = self.touched;
                let mut cols = self.writing_cte(index, write)?;
                super::relation::rename(&mut cols, Some(&alias), &name)?;
                self.ctes.push(Cte { name, cols, tainted: self.touched > before, reached: vec![] });
                continue;
            }
            if cte.from.is_some() {
                return Err(refuse::not_yet("form.with", "this form of WITH"));
            }
            let (clause, alias) = Recursion::of(&cte.alias).ok_or_else(|| refuse::unsupported("this form of WITH"))?;
            let name = cte.alias.name.value.clone();
            let before = self.touched;
            let first_reached = self.reached.len();
            let recursive = with.recursive && mentions(&cte.query, &name);
            if recursive {
                // The columns of a recursive CTE are those of its first arm.
                let SetExpr::SetOperation { left, op: SetOperator::Union, .. } = &*cte.query.body else {
                    return Err(refuse::not_yet("form.with", "this form of WITH RECURSIVE"));
                };
                super::recursive::no_order(&cte.query)?;
                self.recursions = super::recursive::deeper(self.recursions)?;
                let mut first = left.clone();
                let inside = self.ctes.len();
                if let Some(mut with) = cte.query.with.clone() {
                    self.with(&mut with, parent)?;
                }
                let arm = self.set_expr(&mut first, parent, false);
                self.ctes.truncate(inside);
                let mut cols = arm?;
                super::relation::rename(&mut cols, Some(&alias), &name)?;
                for c in &mut cols {
                    c.derived |= is_protected(c);
                    c.origin = Origin::Computed;
                    c.of_view = None;
                    c.base = None;
                    c.holds = c.holds.take().map(Holds::unbounded);
                    c.ty = c.ty.map(Ty::settled);
                    if c.label == Label::Null {
                        c.label = Label::Clear;
                    }
                }
                // What stands for its own rows in a recursive arm: tainted where an arm reads protected relations. Until one does it is
                // taken for untainted, since what has no end in Postgres but a LIMIT has none at all once it is sorted; of protected
                // rows that is so, and statement_timeout ends it.
                let first_tainted = self.touched > before;
                let again = (!first_tainted).then(|| cte.query.clone());
                let before_arms = self.touched;
                let added = clause.iter().flat_map(super::coded::added).map(|name| Col { hidden: true, ..Col::clear(name) });
                let seen = cols.iter().cloned().chain(added).collect();
                self.ctes.push(Cte { name: name.clone(), cols: seen, tainted: first_tainted, reached: vec![] });
                let mut whole = self.query(&mut cte.query, parent, false)?;
                let tainted = self.touched > before_arms;
                if let (true, Some(again)) = (tainted, again) {
                    cte.query = again;
                    if let Some(last) = self.ctes.last_mut() {
                        last.tainted = true;
                    }
                    whole = self.query(&mut cte.query, parent, false)?;
                }
                let stable = whole.len() == cols.len()
                    && whole.iter().zip(&cols).all(|(w, c)| match (&w.label, &c.label) {
                        (Label::Sealed(a), Label::Sealed(b)) | (Label::SealedArray(a), Label::SealedArray(b)) => {
                            a.spec == b.spec && a.ty == b.ty
                        }
                        (Label::Clear | Label::Null, Label::Clear) => true,
                        _ => false,
                    });
                if !stable {
                    return Err(refuse::not_yet("form.recursive", "a recursive query whose arms hold different protected columns"));
                }
                self.recursions = self.recursions.saturating_sub(1);
                self.note_flow(tainted);
                if let Some(last) = self.ctes.last_mut() {
                    last.cols = cols;
                    last.tainted = tainted;
                    last.reached = self.reached.get(first_reached..).unwrap_or_default().to_vec();
                    last.reached.extend(barrier::around(parent));
                }
                if !tainted {
                    self.touched = before;
                }
                if let Some(clause) = clause
                    && let Some(mut last) = self.ctes.pop()
                {
                    self.recursion(&clause, &mut last)?;
                    self.ctes.push(last);
                }
                continue;
            }
            if clause.is_some() {
                return Err(refuse::unsupported("SEARCH or CYCLE of a query that is not recursive"));
            }
            let mut cols = self.query(&mut cte.query, parent, false)?;
            let renamed = super::relation::rename(&mut cols, Some(&alias), &name);
            self.placed(renamed, &cte.alias)?;
            let mut reached = self.reached.get(first_reached..).unwrap_or_default().to_vec();
            reached.extend(barrier::around(parent));
            self.ctes.push(Cte { name, cols, tainted: self.touched > before, reached });
        }
        Ok(())
    }

    /// The CTE of that name, the innermost first.
    pub(crate) fn find_cte(&self, name: &str) -> Option<Cte> {
        self.ctes.iter().rev().find(|c| c.name == name).cloned()
    }

    fn body(&mut self, query: &mut Query, parent: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        let top = std::mem::take(&mut self.top);
        let limited = self.limits(query, parent)?;
        let before_body = self.reads;
        let order_shows = order_shows || limited;
        self.single_row = false;
        let cols = match &mut *query.body {
            SetExpr::Select(_) => {
                self.top = top;
                self.select_query(query, parent, order_shows)
            }
            SetExpr::Query(inner) if query.order_by.is_none() && !limited => self.query(inner, parent, order_shows),
            _ => {
                let before = self.touched;
                let mut cols = self.set_expr(&mut query.body, parent, false)?;
                self.single_row = false;
                let sealed = cols.iter().any(|c| c.label.sealed().is_some());
                if self.touched > before && (order_shows || sealed && query.order_by.is_some()) {
                    self.no_ties(query)?;
                    self.wrap(query, &mut cols, &[])?;
                } else {
                    self.outer_order(query, &cols)?;
                }
                Ok(cols)
            }
        };
        // Which rows are taken follows from an order.
        self.note_flow(limited && self.reads > before_body);
        cols
    }

    /// LIMIT, OFFSET, FETCH: constants, or of levels further out. True where there is one.
    fn limits(&mut self, query: &mut Query, parent: InScope) -> Result<bool, Refusal> {
        let mut limited = false;
        match &mut query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                limited = true;
                for e in limit.iter_mut().chain(offset.iter_mut().map(|Offset { value, .. }| value)) {
                    self.clear(e, parent, "LIMIT")?;
                    self.note(e, parent);
                }
            }
            Some(_) => return Err(refuse::not_yet("form.limit", "this form of LIMIT")),
        }
        if let Some(fetch) = &mut query.fetch {
            limited = true;
            if fetch.percent {
                return Err(refuse::not_yet("form.limit", "FETCH in PERCENT"));
            }
            if let Some(e) = &mut fetch.quantity {
                self.clear(e, parent, "FETCH")?;
                self.note(e, parent);
            }
        }
        Ok(limited)
    }

    /// WITH TIES cannot be kept where ties must be broken.
    pub(crate) fn no_ties(&self, query: &Query) -> Result<(), Refusal> {
        if query.fetch.as_ref().is_some_and(|f| f.with_ties) {
            return Err(refuse::not_yet("order.ties", "FETCH … WITH TIES over protected relations"));
        }
        Ok(())
    }

    /// A set operation, VALUES, or a query in parentheses.
    fn set_expr(&mut self, body: &mut SetExpr, parent: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        match body {
            SetExpr::Select(_) => {
                let select = std::mem::replace(body, SetExpr::Values(empty_values()));
                let mut query = bare_query(select);
                let cols = self.query(&mut query, parent, order_shows);
                *body = unwrap_query(query);
                cols
            }
            SetExpr::Query(inner) => self.query(inner, parent, order_shows),
            // The reading has written it as SELECT * FROM.
            SetExpr::Table(_) => Err(refuse::not_yet("form.query", "this form of TABLE")),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                match (&*op, &*set_quantifier) {
                    (
                        SetOperator::Union | SetOperator::Except | SetOperator::Intersect,
                        SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None,
                    ) => {}
                    _ => return Err(refuse::not_yet("form.set_operation", "this set operation")),
                }
                let a = self.set_expr(left, parent, false)?;
                let b = self.set_expr(right, parent, false)?;
                if !matches!((&*op, &*set_quantifier), (SetOperator::Union, SetQuantifier::All)) {
                    self.note_distinct(false, &a);
                    self.note_distinct(false, &b);
                }
                if a.len() != b.len() {
                    return Err(Refusal::new(
                        SqlState::SYNTAX,
                        "query.arms",
                        "each UNION, EXCEPT or INTERSECT query must have the same number of columns",
                    )
                    .at(self.arm_position(right, 0)));
                }
                let nothing = build::value(Value::Null);
                let word = match &*op {
                    SetOperator::Except => "EXCEPT",
                    SetOperator::Intersect => "INTERSECT",
                    _ => "UNION",
                };
                a.into_iter()
                    .zip(b)
                    .enumerate()
                    .map(|(index, (a, b))| {
                        let derived = is_protected(&a) || is_protected(&b);
                        let sources = self.sources_of(&[&a, &b]);
                        let joined = self.join(a.label, b.label, &nothing, word);
                        let label = joined.map_err(|r| r.at(self.arm_position(right, index)))?;
                        let holds = a.holds.zip(b.holds).and_then(|(a, b)| if comparable(&a, &b) { unify(a, b) } else { None });
                        if holds.is_none() {
                            self.fails = self.fails.saturating_add(1);
                        }
                        let ty = self.common_type_of(a.ty, b.ty);
                        Ok(Col { name: a.name, label, holds, ty, derived, sources, ..Col::clear("") })
                    })
                    .collect()
            }
            SetExpr::Values(values) => {
                let mut labels: Vec<Label> = vec![];
                let mut held: Vec<Option<Holds>> = vec![];
                let mut columns: Vec<Option<Vec<Ty>>> = vec![];
                for row in &mut values.rows {
                    columns.resize(row.content.len(), Some(vec![]));
                    labels.resize(row.content.len().max(labels.len()), Label::Null);
                    for (index, (e, column)) in row.content.iter_mut().zip(&mut columns).enumerate() {
                        if let Some(label) = labels.get_mut(index) {
                            *label = self.joined(label.clone(), e, parent, "VALUES")?;
                        }
                        let holds = self.note(e, parent);
                        match held.get_mut(index) {
                            None => held.push(holds),
                            Some(known) => *known = known.take().zip(holds).and_then(|(a, b)| unify(a, b)),
                        }
                        match (self.type_of(e, parent), &mut *column) {
                            (Some(ty), Some(types)) => types.push(ty),
                            _ => *column = None,
                        }
                    }
                }
                let mut held = held.into_iter();
                let typed = columns.iter().zip(labels).zip(1..).map(|((types, label), n)| {
                    let label = if label == Label::Null { Label::Clear } else { label };
                    let ty = types.as_ref().and_then(|t| self.common_type(t));
                    Col { label, ty, holds: held.next().flatten(), ..Col::clear(format!("column{n}")) }
                });
                Ok(typed.collect())
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(refuse::not_yet("statement.writes", "a statement that writes, inside WITH,"))
            }
        }
    }

    /// Where a column of a set operation's arm stands, or the arm.
    fn arm_position(&self, arm: &SetExpr, index: usize) -> Option<usize> {
        match arm {
            SetExpr::Select(s) => s.projection.get(index).and_then(|item| self.position(item)).or_else(|| self.position(&s.select_token.0)),
            other => self.position(other),
        }
    }

    /// ORDER BY of a set operation that stays as it is: names and positions of its columns only.
    fn outer_order(&self, query: &mut Query, cols: &[Col]) -> Result<(), Refusal> {
        order_items(query)?.iter().try_for_each(|item| self.placed(output_index(&item.expr, cols).map(|_| ()), &item.expr))
    }

    /// Puts the query into a FROM of its own, so that its rows can be given a total order by its columns alone.
    /// `exprs`: the expressions behind its columns, which ORDER BY may repeat; empty for set operations.
    pub(crate) fn wrap(&mut self, query: &mut Query, cols: &mut [Col], exprs: &[Expr]) -> Result<(), Refusal> {
        if cols.is_empty() {
            // Rows of nothing are all the same.
            return Ok(());
        }
        let alias = self.fresh("pgveil_q");
        let inner_names: Vec<String> = (1..=cols.len()).map(|n| format!("pgveil_c{n}")).collect();
        let mut order: Vec<OrderByExpr> = Vec::new();
        let mut sorted: BTreeSet<usize> = BTreeSet::new();
        for item in order_items(query)? {
            let index = match exprs.iter().position(|e| build::bare(e) == build::bare(&item.expr)) {
                Some(index) => index,
                None => self.placed(output_index(&item.expr, cols), &item.expr)?,
            };
            let (Some(name), Some(col)) = (inner_names.get(index), cols.get(index)) else {
                return Err(refuse::not_yet("form.order", "this ORDER BY"));
            };
            let plain = build::column(&alias, name);
            let expr = keyed::order(&plain, &col.label, self.facts.marker()).unwrap_or(plain);
            order.push(OrderByExpr { expr, ..item.clone() });
            if self.exact(col) {
                sorted.insert(index);
            }
        }
        for (_, (name, col)) in inner_names.iter().zip(&*cols).enumerate().filter(|(index, _)| !sorted.contains(index)) {
            order.push(build::ascending(self.tie_break(build::column(&alias, name), col)));
        }
        let mut inner = bare_query(std::mem::replace(&mut *query.body, SetExpr::Values(empty_values())));
        // LIMIT stays outside: a name in it that WITH gives would mean something else there.
        if query.with.is_some() && !constant_limits(query) {
            return Err(
                refuse::not_yet("order.limit", "LIMIT by an expression, with WITH over protected relations,").with_hint("Write a number.")
            );
        }
        inner.with = query.with.take();
        let projection = inner_names
            .iter()
            .zip(&*cols)
            .map(|(name, col)| SelectItem::ExprWithAlias { expr: build::column(&alias, name), alias: build::ident(&col.name) })
            .collect();
        let from = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(inner),
            alias: Some(TableAlias {
                explicit: true,
                name: build::ident(alias),
                columns: inner_names.iter().map(|n| alias_column(n)).collect(),
                at: None,
            }),
            sample: None,
        };
        let select = Select { projection, from: vec![TableWithJoins { relation: from, joins: vec![] }], ..super::empty_select() };
        *query.body = SetExpr::Select(Box::new(select));
        query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(order), interpolate: None });
        Ok(())
    }
}

/// Whether a query names a relation of that name without a schema, anywhere.
pub(crate) fn mentions(query: &Query, name: &str) -> bool {
    use sqlparser::ast::{ObjectName, Visit, Visitor};
    struct Find<'n>(&'n str);
    impl Visitor for Find<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> std::ops::ControlFlow<()> {
            match coded::without_only(relation).0.as_slice() {
                [part] if part.as_ident().is_some_and(|i| i.value == self.0) => std::ops::ControlFlow::Break(()),
                _ => std::ops::ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Find(name)).is_break()
}

pub(crate) fn empty_values() -> sqlparser::ast::Values {
    sqlparser::ast::Values { explicit_row: false, value_keyword: true, rows: vec![] }
}

/// A query of nothing but a body.
pub(crate) fn bare_query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// A body again, in parentheses where the query has gained an order.
fn unwrap_query(query: Query) -> SetExpr {
    if query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none() {
        *query.body
    } else {
        SetExpr::Query(Box::new(query))
    }
}
