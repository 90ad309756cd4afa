//! Row filters as barriers: what of the client's may run on rows that a filter removes.
//!
//! Each reference to a relation with a row filter is a [`Barrier`], printed as a derived table that carries its number until the
//! whole statement is judged ([`Judge::settle`]). Then it is one of these:
//!
//! * *plain*: `SELECT … WHERE filter`. Postgres pulls it up and puts the client's conditions beside the filter, in any order. Fine
//!   where these cannot fail ([`super::holds`]).
//! * *guarded*: plain, and it exports `pgveil_ok`, the filter itself; conditions that may fail stand in a CASE that asks it.
//! * *fenced*: it ends in `OFFSET 0`. Nothing gets in but conditions that cannot fail and are repeated inside.
//!
//! What runs beside the filter of one row (a *local* filter) are the conditions of WHERE, ON and HAVING that mention the
//! relation, also through the columns of subqueries: they are what the planner moves down to the scan. Select lists, sort keys and
//! arguments of functions in FROM are computed from rows that came through the scan with its filter. A filter with a subquery becomes a
//! join, and anything but the select list of the whole statement may be computed below a join.

mod settle;

use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SetExpr, TableFactor, Value, Visit, VisitMut,
    Visitor,
};

use super::expr::InScope;
use super::holds::{Holds, Place, place};
use super::scope::Item;
use super::{Judge, build};
use crate::catalog::{FunctionKind, Oid};

pub(crate) use settle::mark;
use settle::{OK, Settle, Shift};

/// One reference to a relation with a row filter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Barrier {
    /// The relation whose rows it filters.
    pub of: Oid,
    /// The filter looks at nothing but the row.
    pub local: bool,
    /// The filter may fail by itself.
    pub may_fail: bool,
    /// Something that may fail could get in.
    pub fenced: bool,
    /// Conditions ask for its `pgveil_ok`.
    pub guarded: bool,
    /// It is used as a whole row, so that it may show no further column.
    pub whole_row: bool,
    /// Conditions on its own columns that cannot fail.
    pub repeats: Vec<Expr>,
    /// It is that of what a statement writes to, printed under this alias: never a derived table in the end, so never fenced. All that
    /// may fail asks for it.
    pub target: Option<&'static str>,
}

/// The barriers behind an item of FROM.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behind {
    /// Its own, where it is printed as the derived table of a relation with a row filter.
    pub own: Option<usize>,
    /// All that conditions on its columns may reach, its own too.
    pub reached: Vec<usize>,
}

/// The relations of which rows are hidden, in order.
pub(crate) fn relations(barriers: &[Barrier]) -> Vec<Oid> {
    let mut found: Vec<Oid> = barriers.iter().map(|b| b.of).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The barriers behind everything that a query in that scope can name.
pub(crate) fn around(scope: InScope) -> Vec<usize> {
    let levels = scope.map(|s| s.levels().collect::<Vec<_>>()).unwrap_or_default();
    levels.iter().flat_map(|level| &level.items).flat_map(|i| i.behind.reached.iter().copied()).collect()
}

impl Judge<'_> {
    /// Whether it matters what can fail: some relation has a row filter, or it is asked for a row filter itself.
    pub(crate) fn watches(&self) -> bool {
        self.facts.filters() || !self.facts.protects()
    }

    /// Notes an expression that is computed somewhere in the statement.
    pub(crate) fn note(&mut self, e: &Expr, scope: InScope) -> Option<Holds> {
        if !self.watches() {
            return None;
        }
        let holds = self.holds(e, scope);
        self.fails = self.fails.saturating_add(usize::from(holds.is_none()));
        holds
    }

    /// Notes that something which may fail is computed somewhere in the statement.
    pub(crate) fn may_fail(&mut self) {
        self.fails = self.fails.saturating_add(usize::from(self.watches()));
    }

    /// Takes over the barriers of a stand-in; returns the query with their new numbers.
    pub(crate) fn take_barriers(&mut self, query: &mut Query, barriers: &[Barrier], fails: bool) -> Vec<usize> {
        let base = self.barriers.len();
        self.fails = self.fails.saturating_add(usize::from(fails));
        if base > 0 && !barriers.is_empty() {
            let _ = query.visit(&mut Shift(base));
        }
        self.barriers.extend(barriers.iter().cloned());
        let taken: Vec<usize> = (base..self.barriers.len()).collect();
        self.reached.extend(&taken);
        taken
    }

    /// Judged conditions of WHERE or ON. `inside`: something that may fail stands in a subquery of them.
    pub(crate) fn conditions(&mut self, condition: &mut Expr, scope: InScope, inside: bool, repeat: Repeat) {
        if !self.watches() {
            return;
        }
        if let Expr::BinaryOp { left, op: BinaryOperator::And, right } = condition {
            self.conditions(right, scope, inside, repeat);
            return self.conditions(left, scope, inside, repeat);
        }
        if let Expr::Nested(inner) = condition {
            return self.conditions(inner, scope, inside, repeat);
        }
        let subquery = has_subquery(condition);
        let fine = !(inside && subquery) && (self.holds(condition, scope).is_some() || self.fine_but_for_casts(condition, scope));
        if fine {
            if !subquery {
                self.repeat(condition, scope, repeat);
            }
            return;
        }
        self.fails = self.fails.saturating_add(1);
        self.failing_conditions = true;
        if !subquery
            && repeat != Repeat::Having
            && let Some(side) = self.failing_side(condition, scope)
        {
            return self.guard(side, scope, repeat, false);
        }
        let plain = matches!(condition, Expr::BinaryOp { op, .. } if is_comparison(op));
        self.guard(condition, scope, repeat, !plain);
    }

    /// The side of a comparison that may fail, where the other speaks of nothing that is filtered: the other may still be found
    /// by an index or a hash.
    fn failing_side<'e>(&self, condition: &'e mut Expr, scope: InScope) -> Option<&'e mut Expr> {
        let Expr::BinaryOp { left, op, right } = condition else { return None };
        if !is_comparison(op) {
            return None;
        }
        let (side, other) = match (self.holds(left, scope).is_some(), self.holds(right, scope).is_some()) {
            (false, true) => (left, right),
            (true, false) => (right, left),
            (true, true) | (false, false) => return None,
        };
        let unfiltered = |e: &Expr| {
            let mut all = true;
            for_each(e, &mut |e| {
                if matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                    all &= matches!(place(e, scope), Some(Place::Column(item, _, _)) if item.behind.reached.is_empty());
                }
            });
            all
        };
        // A constant on the other side leaves nothing to be found.
        let mut columns = false;
        for_each(other, &mut |e| columns |= matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
        (columns && unfiltered(other) && !unfiltered(side)).then_some(&mut **side)
    }

    /// Puts a guard around an expression that may fail, and fences what cannot be asked. `conceal`: it is a condition of which the
    /// planner might try an operator.
    fn guard(&mut self, expr: &mut Expr, scope: InScope, repeat: Repeat, conceal: bool) {
        let subquery = has_subquery(expr);
        let mentioned = self.mentioned(expr, scope);
        let mut asked: Vec<Expr> = Vec::new();
        for (item, outwards) in &mentioned {
            for n in &item.behind.reached {
                if let Some(barrier) = self.barriers.get_mut(*n)
                    && let Some(alias) = barrier.target
                {
                    barrier.guarded = true;
                    let ok = Expr::IsNotFalse(Box::new(build::column(alias, &format!("{OK}{n}"))));
                    if !asked.contains(&ok) {
                        asked.push(ok);
                    }
                }
            }
            let is_target = |n: &usize| self.barriers.get(*n).is_some_and(|b| b.target.is_some());
            let own = item.behind.own.filter(|n| !subquery && *outwards == 0 && repeat != Repeat::Having && !is_target(n));
            let guardable = own.filter(|n| self.barriers.get(*n).is_some_and(|b| b.local && !b.may_fail));
            for n in &item.behind.reached {
                if Some(*n) != guardable
                    && let Some(barrier) = self.barriers.get_mut(*n)
                {
                    barrier.fenced = true;
                }
            }
            if let Some(n) = own
                && let Some(barrier) = self.barriers.get_mut(n)
            {
                barrier.guarded = true;
                let alias = item.printed.as_ref().unwrap_or(&item.visible);
                asked.push(Expr::IsNotFalse(Box::new(build::column(alias, &format!("{OK}{n}")))));
            }
        }
        if mentioned.iter().all(|(i, _)| i.behind.reached.is_empty()) {
            return;
        }
        let judged = std::mem::replace(expr, build::value(Value::Null));
        *expr = match asked.into_iter().reduce(both) {
            Some(visible) => build::case_when(visible, judged),
            None if conceal => hidden(judged),
            None => judged,
        };
    }

    /// A cast of a parameter fails or not, whatever is stored: the statement tries it before it reads anything, so that it
    /// cannot fail later.
    fn fine_but_for_casts(&mut self, condition: &Expr, scope: InScope) -> bool {
        let (mut casts, mut perhaps) = (Vec::new(), false);
        for_each(condition, &mut |e| match e {
            Expr::Cast { expr, .. } if matches!(build::bare(expr), Expr::Value(v) if matches!(v.value, Value::Placeholder(_))) => {
                casts.push(e.clone());
            }
            // Postgres may not come to it there.
            Expr::BinaryOp { op: BinaryOperator::Or, .. } | Expr::Case { .. } => perhaps = true,
            Expr::Function(f) => perhaps |= f.name.0.last().and_then(|p| p.as_ident()).is_some_and(|i| i.quote_style.is_none()),
            _ => {}
        });
        if casts.is_empty() || perhaps || self.gates.is_none() {
            return false;
        }
        self.casts_count = true;
        let fine = self.holds(condition, scope).is_some();
        self.casts_count = false;
        if let Some(gates) = self.gates.as_mut().filter(|_| fine) {
            for cast in casts {
                if !gates.contains(&cast) {
                    gates.push(cast);
                }
            }
        }
        fine
    }

    /// HAVING: without an aggregate of its own level, a condition is moved to WHERE.
    pub(crate) fn having_conditions(&mut self, condition: &mut Expr, scope: InScope, inside: bool) {
        if !self.watches() {
            return;
        }
        if let Expr::BinaryOp { left, op: BinaryOperator::And, right } = condition {
            self.having_conditions(right, scope, inside);
            return self.having_conditions(left, scope, inside);
        }
        if self.has_own_aggregate(condition, scope) {
            if inside || self.holds(condition, scope).is_none() {
                self.fails = self.fails.saturating_add(1);
            }
        } else {
            self.conditions(condition, scope, inside, Repeat::Having);
        }
    }

    /// Something that may fail is compared with a subquery's column, or merged in a join: it may run wherever the barriers from
    /// `from` on in `reached` are.
    pub(crate) fn fence_reached(&mut self, from: usize) {
        self.fails = self.fails.saturating_add(1);
        for n in self.reached.get(from..).unwrap_or_default() {
            if let Some(barrier) = self.barriers.get_mut(*n) {
                barrier.fenced = true;
            }
        }
    }

    /// What may fail in a subquery that is computed last of all matters only to the barriers inside it: those from `reached` on.
    pub(crate) fn keep_inside(&mut self, fails: usize, reached: usize) {
        if self.fails > fails {
            self.fails = fails;
            for n in self.reached.get(reached..).unwrap_or_default() {
                if let Some(barrier) = self.barriers.get_mut(*n) {
                    barrier.fenced |= !barrier.local;
                }
            }
        }
    }

    /// The items that a condition may be moved to, with how many levels out they are: a subquery in FROM that is LATERAL is
    /// put in the place where it stands, so that its conditions may be moved to what stands beside it.
    fn mentioned(&self, condition: &Expr, scope: InScope) -> Vec<(Rc<Item>, usize)> {
        let all = || {
            let levels = scope.map(|s| s.levels().collect::<Vec<_>>()).unwrap_or_default();
            levels.iter().enumerate().flat_map(|(n, level)| level.items.iter().map(move |i| (Rc::clone(i), n))).collect()
        };
        let mut found: Vec<(Rc<Item>, usize)> = Vec::new();
        let mut certain = true;
        for_each(condition, &mut |e| match e {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => match place(e, scope) {
                Some(Place::Column(item, outwards, _)) => {
                    if !found.iter().any(|(i, _)| Rc::ptr_eq(i, &item)) {
                        found.push((item, outwards));
                    }
                }
                Some(Place::Merged(_)) | None => certain = false,
            },
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => certain = false,
            Expr::Function(f) => match &f.args {
                FunctionArguments::None => {}
                FunctionArguments::Subquery(_) => certain = false,
                FunctionArguments::List(list) => {
                    certain &= list.args.iter().all(|a| matches!(a, FunctionArg::Unnamed(FunctionArgExpr::Expr(_))));
                }
            },
            _ => {}
        });
        if certain && !found.is_empty() { found } else { all() }
    }

    /// An aggregate that is computed at the innermost level: all columns in it are of that level.
    fn has_own_aggregate(&self, condition: &Expr, scope: InScope) -> bool {
        let mut found = false;
        for_each(condition, &mut |e| {
            let Expr::Function(f) = e else { return };
            let name = f.name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.as_str()).unwrap_or_default();
            let known = self.facts.catalog.functions.get(name).map(Vec::as_slice).unwrap_or_default();
            let aggregate = !known.is_empty() && known.iter().all(|k| k.kind == FunctionKind::Aggregate) && f.over.is_none();
            let FunctionArguments::List(list) = &f.args else { return };
            let own = list.args.iter().all(|a| match a {
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => true,
                FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => {
                    let (mut columns, mut outside) = (0_usize, has_subquery(arg));
                    for_each(arg, &mut |e| {
                        if matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                            columns = columns.saturating_add(1);
                            outside |= !matches!(place(e, scope), Some(Place::Column(_, 0, _)));
                        }
                    });
                    columns > 0 && !outside
                }
                _ => false,
            });
            found |= aggregate && own && !list.args.is_empty();
        });
        found
    }

    /// Every barrier becomes what it has to be.
    pub(crate) fn settle(&mut self, query: &mut Query) {
        if self.barriers.is_empty() {
            return;
        }
        for barrier in &mut self.barriers {
            barrier.fenced |= barrier.may_fail || !barrier.local && self.fails > 0 || barrier.guarded && barrier.whole_row;
            barrier.fenced &= barrier.target.is_none();
            barrier.whole_row &= barrier.target.is_none();
        }
        let _ = VisitMut::visit(query, &mut Settle(&self.barriers));
        let gates = self.gates.take().unwrap_or_default();
        if let (false, Some(select)) = (gates.is_empty(), first_select(query)) {
            // Always true. Without a column in it, it is asked once, before anything is read.
            let tried = gates.into_iter().map(|cast| Expr::IsNotNull(Box::new(Expr::IsNull(Box::new(cast)))));
            select.selection = select.selection.take().into_iter().chain(tried).reduce(both);
        }
    }
}

/// The statement's SELECT, within the one that was put around it to sort.
fn first_select(query: &mut Query) -> Option<&mut Select> {
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let wrapped = matches!(select.from.as_slice(), [only] if matches!(&only.relation,
        TableFactor::Derived { alias: Some(alias), .. } if alias.name.value.starts_with("pgveil_q")));
    if !wrapped {
        return Some(select);
    }
    match &mut select.from.first_mut()?.relation {
        TableFactor::Derived { subquery, .. } => match &mut *subquery.body {
            SetExpr::Select(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a condition may be repeated inside a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// WHERE of a level without outer joins.
    Any,
    /// WHERE of a level with outer joins: only what is not true of a row of NULLs.
    Strict,
    /// ON: no.
    None,
    /// HAVING: no; and no guard, which would have to be grouped by.
    Having,
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq | BinaryOperator::NotEq | BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq
    )
}

/// What gives true or false by its form. Other expressions may be one side of a comparison.
fn is_condition(e: &Expr) -> bool {
    matches!(
        e,
        Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::BinaryOp { .. }
            | Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Not, .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::InList { .. }
            | Expr::Between { .. }
    )
}

fn both(a: Expr, b: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(a), op: BinaryOperator::And, right: Box::new(b) }
}

/// Keeps the subqueries of conditions from becoming joins.
pub(crate) fn no_joins(condition: &mut Expr) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            no_joins(left);
            no_joins(right);
        }
        Expr::Nested(inner) => no_joins(inner),
        other if has_subquery(other) && !matches!(other, Expr::Case { .. }) => {
            let judged = std::mem::replace(other, build::value(Value::Null));
            *other = hidden(judged);
        }
        _ => {}
    }
}

/// `CASE WHEN condition THEN true END`: the same as the condition, where it stands; but the planner does not try it on the values in its
/// statistics, which are those of hidden rows too.
fn hidden(condition: Expr) -> Expr {
    build::case_when(condition, build::value(Value::Boolean(true)))
}

/// Whether a query stands anywhere in it.
pub(crate) fn has_subquery(e: &Expr) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    e.visit(&mut Find).is_break()
}

/// Every expression in it, those in subqueries too.
pub(crate) fn for_each(e: &Expr, act: &mut impl FnMut(&Expr)) {
    struct Each<'f, F>(&'f mut F);
    impl<F: FnMut(&Expr)> Visitor for Each<'_, F> {
        type Break = ();
        fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
            (self.0)(e);
            ControlFlow::Continue(())
        }
    }
    let _ = e.visit(&mut Each(act));
}
