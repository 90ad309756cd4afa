//! SELECT: its clauses in the order in which names become visible.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{
    Distinct, DuplicateTreatment, Expr, Function, FunctionArguments, OrderByExpr, Query, Select, SelectFlavor, SelectItem, SetExpr,
    TableWithJoins, Value, Visit, Visitor,
};

use super::barrier;
use super::depend::Clauses;
use super::expr::InScope;
use super::facts::LevelOrder;
use super::lock::not_with;
use super::order::named_output;
use super::query::{append_order, order_items, position_of};
use super::relation::prune_tree;
use super::scope::{Col, Item, Level, Out, Scope};
use super::taint::Demand;
use super::ties::has_ties;
use super::{Judge, build, fence, order, output, refuse};
use crate::Refusal;
use crate::plan::Origin;

/// `server_version_num` from which on the rows of a level may be sorted for an aggregate of DISTINCT values, and are then so for all
/// aggregates beside it.
const PRESORTED: u32 = 160_000;

/// Whether an aggregate of DISTINCT values stands in it.
fn has_distinct_aggregate(part: &impl Visit) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();

        fn pre_visit_expr(&mut self, e: &Expr) -> ControlFlow<()> {
            let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = e else { return ControlFlow::Continue(()) };
            if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    part.visit(&mut Find).is_break()
}

impl Judge<'_> {
    /// A query whose body is a SELECT.
    pub(crate) fn select_query(&mut self, query: &mut Query, parent: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        let SetExpr::Select(select) = &mut *query.body else { return Err(refuse::not_yet("form.select", "this query")) };
        let mut select = std::mem::replace(select, Box::new(super::empty_select()));
        let depth = parent.map_or(0, |p| p.levels().count()).saturating_add(1);
        self.levels.push(LevelOrder { depth, touched_before: self.touched, ..LevelOrder::default() });
        let judged = self.select_level(&mut select, query, parent, order_shows);
        self.levels.pop();
        let (cols, wrap) = self.placed(judged, &select.select_token.0)?;
        *query.body = SetExpr::Select(select);
        match wrap {
            None => Ok(cols),
            Some(Wrap::Distinct(exprs)) => {
                let mut cols = cols;
                self.wrap(query, &mut cols, &exprs)?;
                Ok(cols)
            }
            Some(Wrap::Ties(keys)) => {
                self.wrap_ties(query, &cols, &keys)?;
                Ok(cols)
            }
        }
    }

    /// Judges all clauses; how the query must be wrapped to be ordered.
    fn select_level(
        &mut self,
        select: &mut Select,
        query: &mut Query,
        parent: InScope,
        order_shows: bool,
    ) -> Result<(Vec<Col>, Option<Wrap>), Refusal> {
        let (top, target) = (std::mem::take(&mut self.top), self.target.take());
        let fine = self.fine.len();
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers: None,
            top: None,
            top_before_distinct: _,
            projection,
            exclude: None,
            into,
            from,
            lateral_views,
            prewhere: None,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify: None,
            window_before_qualify: _,
            value_table_mode: None,
            flavor: SelectFlavor::Standard,
        } = &mut *select
        else {
            return Err(refuse::not_yet("form.select", "this form of SELECT"));
        };
        if !(optimizer_hints.is_empty()
            && lateral_views.is_empty()
            && connect_by.is_empty()
            && cluster_by.is_empty()
            && distribute_by.is_empty()
            && sort_by.is_empty())
        {
            return Err(refuse::not_yet("form.select", "this form of SELECT"));
        }
        if into.is_some() {
            return Err(refuse::not_yet("statement.writes", "SELECT INTO"));
        }

        let barriers_before = self.barriers.len();
        let level = self.from(from, parent, target.as_ref())?;
        if !query.locks.is_empty() && distinct.is_some() {
            return Err(not_with("DISTINCT clause"));
        }
        self.locks(query, &level, barriers_before)?;
        let scope = Scope { level: &level, parent };
        if let Some(condition) = selection.as_mut() {
            let (fails, touched) = (self.fails, self.touched);
            self.clear(condition, Some(&scope), "WHERE")?;
            let inside = self.fails > fails;
            self.conditions(condition, Some(&scope), inside, fence::repeats(from));
            self.note_condition(condition, &scope);
            if target.as_ref().is_some_and(|t| t.unsorted) {
                // Asked row by row: what a subquery reads has no part in their order.
                barrier::no_joins(condition);
                self.touched = touched;
            }
        }
        let items = self.expand_stars(projection, &level, &scope)?;
        let raw: Vec<(Expr, Option<String>)> = items.iter().map(item_parts).collect();
        *projection = items;

        let groups = self.group_by(group_by, &raw, &scope)?;
        if let Some(order) = self.levels.last_mut() {
            order.groups = groups.as_ref().map(|g| g.keys.clone());
            let ordered = groups.is_none() && selection.is_none() && matches!(level.items.as_slice(), [only] if only.ordered);
            // In FROM, WHERE and GROUP BY stand none of this level.
            let parts = [has_distinct_aggregate(projection), has_distinct_aggregate(&*having)];
            let sorts = [has_distinct_aggregate(&*distinct), has_distinct_aggregate(&query.order_by)];
            let by_values = self.facts.catalog.server_version >= PRESORTED && parts.into_iter().chain(sorts).any(|found| found);
            order.in_order = ordered && !by_values;
        }
        // Before windows: a subquery in it may make the level one whose order is data.
        if let Some(condition) = having.as_mut() {
            let fails = self.fails;
            self.clear(condition, Some(&scope), "HAVING")?;
            let inside = self.fails > fails;
            self.having_conditions(condition, Some(&scope), inside);
        }
        // The reading has written out those that Postgres would take.
        if !named_window.is_empty() {
            return Err(refuse::not_yet("form.window", "this WINDOW clause"));
        }
        // Beyond its own clauses, conditions from around a subquery can reach any column that it shows.
        let outermost = order_shows && self.levels.len() == 1;
        let in_clauses: Vec<BTreeSet<usize>> = level.items.iter().map(|i| i.used.borrow().clone()).collect();
        let mut outs = Vec::new();
        // Computed last of all, unless something is sorted or grouped by them.
        let last = top && distinct.is_none();
        let mut into = target.iter().flat_map(|t| t.into.iter().enumerate().map(|(n, into)| (into, t.unmatched.contains(&n))));
        // Where no row of the target is matched, names are those of the source.
        let source = target.as_ref().filter(|t| !t.unmatched.is_empty()).map(|_| level.without_first());
        for item in projection.iter_mut() {
            let (fails, reached) = (self.fails, self.reached.len());
            let out = match into.next() {
                Some((into, unmatched)) => {
                    let level = source.as_ref().filter(|_| unmatched).unwrap_or(&level);
                    self.assigned_item(item, into, &Scope { level, parent })?
                }
                None => self.output(item, &scope)?,
            };
            if last {
                self.keep_inside(fails, reached);
            } else {
                self.fails = self.fails.saturating_add(usize::from(out.col.holds.is_none()));
            }
            outs.push(out);
        }
        if target.is_some() {
            self.no_aggregates()?;
        }
        if let Some(Distinct::On(keys)) = distinct.as_mut() {
            for key in keys {
                self.distinct_key(key, &outs, &scope)?;
            }
        }
        // ORDER BY may repeat a select expression: compared before it is rewritten.
        let wraps = matches!(distinct, Some(Distinct::Distinct))
            && (order_shows || query.order_by.is_some())
            && outs.iter().any(|o| o.col.label.sealed().is_some());
        let cols: Vec<Col> = outs.iter().map(|o| o.col.clone()).collect();
        let ties = has_ties(query);
        if distinct.is_some() {
            self.note_distinct(matches!(distinct, Some(Distinct::On(_))), &cols);
        }
        if wraps {
            let mut exprs = Vec::new();
            for item in order_items(query)? {
                self.wrapped_order_item(item, &outs, &scope)?;
            }
            for o in &outs {
                exprs.push(o.expr.clone());
            }
            self.no_ties(query)?;
            let clauses = Clauses { projection, having: having.as_mut(), distinct: distinct.as_mut(), query };
            self.keep_group_keys(group_by, groups.as_ref(), &level, clauses);
            prune_all(from, &level);
            self.fine.truncate(fine);
            self.single_row = false;
            return Ok((cols, Some(Wrap::Distinct(exprs))));
        }
        let mut given = Vec::new();
        let mut tied: Vec<Option<usize>> = Vec::new();
        let written: Vec<Expr> = order_items(query)?.iter().map(|i| i.expr.clone()).collect();
        for item in order_items(query)? {
            let named =
                self.placed(named_output(&item.expr, &outs), &item.expr)?.and_then(|out| outs.iter().position(|o| std::ptr::eq(o, out)));
            let sorted = self.order_output(item, &outs, &scope)?;
            tied.push(named.or_else(|| outs.iter().position(|o| build::bare(&o.expr) == build::bare(&sorted.expr))));
            given.push(sorted);
        }
        let clauses = Clauses { projection, having: having.as_mut(), distinct: distinct.as_mut(), query };
        self.keep_group_keys(group_by, groups.as_ref(), &level, clauses);
        let distinct_on = match distinct {
            Some(Distinct::On(keys)) => keys.clone(),
            _ => vec![],
        };
        let is_distinct = matches!(distinct, Some(Distinct::Distinct));
        let aggregates = self.levels.last().is_some_and(|l| l.aggregates);
        let single_row = groups.is_none() && (aggregates || having.is_some());
        let windows = self.levels.last().is_some_and(|l| l.windows);
        let demands: Vec<Demand> =
            match outermost && query.order_by.is_none() && distinct.is_none() && !windows && !aggregates && groups.is_none() {
                true => {
                    let shown: Vec<_> = outs.iter().filter_map(|o| self.locate(&o.expr, Some(&scope))).collect();
                    let of = |item: &Rc<Item>| {
                        let stored = |c: &usize| item.cols.get(*c).is_some_and(|c| matches!(c.origin, Origin::Column { .. }));
                        // A row that is written to is read whole: no index answers alone.
                        let whole = (0..item.cols.len()).filter(|_| target.is_some());
                        shown.iter().filter(|(i, _)| Rc::ptr_eq(i, item)).map(|(_, c)| *c).chain(whole).filter(stored).collect()
                    };
                    level.items.iter().zip(in_clauses).map(|(item, clauses)| Demand { clauses, shown: of(item) }).collect()
                }
                // Of aggregates and windows too: `min(x)` reads an index of x.
                false => level.items.iter().map(|i| Demand { clauses: i.used.borrow().clone(), shown: BTreeSet::new() }).collect(),
            };
        let plain = groups.is_none() && distinct.is_none() && having.is_none() && query.order_by.is_none() && !windows && !aggregates;
        let unmoved = self.unmoved(&level, &demands);
        let shows = order_shows || !distinct_on.is_empty();
        if shows && self.tainted() && !single_row && !unmoved && !(plain && self.scans(&level, selection.as_ref(), &demands)) {
            if target.is_some() {
                // More than one row, in an order that cannot be given.
                self.unordered |= !self.row_identity(&[], false, Some(&scope)).is_empty();
            }
            let mut more: Vec<OrderByExpr> = Vec::new();
            let sets = groups.as_ref().is_some_and(|g| g.sets);
            if query.order_by.is_none() {
                more.extend(distinct_on.iter().cloned().map(build::ascending));
            }
            if is_distinct {
                let by_position: BTreeSet<usize> = order_items(query)?.iter().filter_map(|i| position_of(&i.expr)).collect();
                let sorted = |n: &usize| {
                    by_position.contains(n)
                        || outs.get(*n).is_some_and(|o| given.iter().any(|g| build::bare(&g.expr) == build::bare(&o.expr)))
                };
                let open = (0..outs.len()).filter(|n| !sorted(n));
                more.extend(open.map(|n| build::ascending(build::value(Value::Number(n.saturating_add(1).to_string(), false)))));
            } else if !distinct_on.is_empty() || !self.covers(&outs, &given) {
                let single = distinct_on.is_empty() && !windows && !sets;
                let identity = self.row_identity(if sets { &[] } else { &given }, single, Some(&scope));
                more.extend(identity.into_iter().filter_map(|e| order::sort_key(e, &outs)));
                // Rows that are alike in all they are made from can still differ in these: by grouping set, or by their place in a window.
                if windows || sets {
                    self.fails = self.fails.saturating_add(outs.iter().filter(|o| o.col.holds.is_none()).count());
                    let shown = outs.iter().map(|o| self.tie_break(o.expr.clone(), &o.col));
                    more.extend(shown.filter_map(|e| order::sort_key(e, &outs)));
                }
            }
            if !more.is_empty() && ties {
                let keys = self.tie_keys(tied, &written)?;
                prune_all(from, &level);
                self.fine.truncate(fine);
                self.single_row = false;
                return Ok((cols, Some(Wrap::Ties(keys))));
            }
            append_order(query, more);
        }
        if unmoved && let Some(order) = self.levels.last() {
            self.touched = order.touched_before;
        }
        prune_all(from, &level);
        self.fine.truncate(fine);
        self.single_row = single_row;
        Ok((cols, None))
    }

    fn output(&mut self, item: &mut SelectItem, scope: &Scope) -> Result<Out, Refusal> {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(e) => (e, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
            _ => return Err(refuse::not_yet("form.select", "this select item")),
        };
        let name = alias.clone().unwrap_or_else(|| output::name(expr));
        let read = self.begin_output();
        let around = std::mem::take(&mut self.sources);
        let Col { origin, base, of_view, .. } = self.shown(expr, Some(scope));
        let label = self.expr(expr, Some(scope));
        let derived = self.end_output(read) && !matches!(origin, Origin::Veiled { .. });
        let sources = if derived { self.sources.clone() } else { vec![] };
        self.sources.extend(around);
        let label = label?;
        let holds = if self.watches() { self.holds(expr, Some(scope)) } else { None };
        let expr = expr.clone();
        let certain = match build::bare(&expr) {
            Expr::Identifier(id) => id.value == name,
            Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|p| p.value == name),
            _ => false,
        };
        if alias.is_none() && !certain {
            // What the judgement takes for the column's name is printed, so that it cannot be another.
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: build::ident(&name) };
        }
        let ty = self.type_of(&expr, Some(scope));
        Ok(Out {
            col: Col { name, label, origin, of_view, refused: None, base, holds, ty, derived, sources, printed: None, hidden: false },
            expr,
        })
    }
}

/// How a query is put into the FROM of an outer one that sorts.
enum Wrap {
    /// DISTINCT: the expressions of the select list, which ORDER BY may repeat.
    Distinct(Vec<Expr>),
    /// WITH TIES: the outputs that ORDER BY goes by.
    Ties(Vec<usize>),
}

fn prune_all(from: &mut [TableWithJoins], level: &Level) {
    for tree in from {
        prune_tree(tree, level);
    }
}

fn item_parts(item: &SelectItem) -> (Expr, Option<String>) {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), Some(alias.value.clone())),
        SelectItem::UnnamedExpr(expr) => (expr.clone(), None),
        _ => (build::value(Value::Null), None),
    }
}
