//! SELECT: its clauses in the order in which names become visible, and the order of its rows.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, NamedWindowDefinition, NamedWindowExpr, OrderByExpr, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableWithJoins, Value, WildcardAdditionalOptions, WindowFrameUnits,
};

use super::expr::InScope;
use super::facts::{LevelOrder, TieBreak};
use super::label::Label;
use super::query::{append_order, order_items, position_of};
use super::relation::prune;
use super::scope::{Col, Item, Level, Out, Scope, Slot};
use super::{Judge, build, output, refuse, windows};
use crate::plan::Origin;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// A query whose body is a SELECT.
    pub(crate) fn select_query(&mut self, query: &mut Query, parent: InScope, order_shows: bool) -> Result<Vec<Col>, Refusal> {
        let SetExpr::Select(select) = &mut *query.body else { return Err(refuse::unsupported("this query")) };
        let mut select = std::mem::replace(select, Box::new(super::empty_select()));
        self.levels.push(LevelOrder { touched_before: self.touched, ..LevelOrder::default() });
        let judged = self.select_level(&mut select, query, parent, order_shows);
        self.levels.pop();
        let (cols, wrap) = judged?;
        *query.body = SetExpr::Select(select);
        match wrap {
            None => Ok(cols),
            Some(exprs) => {
                let mut cols = cols;
                self.wrap(query, &mut cols, &exprs)?;
                Ok(cols)
            }
        }
    }

    /// Judges all clauses; the expressions of the select list are returned where the query must be wrapped to be ordered.
    fn select_level(
        &mut self,
        select: &mut Select,
        query: &mut Query,
        parent: InScope,
        order_shows: bool,
    ) -> Result<(Vec<Col>, Option<Vec<Expr>>), Refusal> {
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
            return Err(refuse::unsupported("this form of SELECT"));
        };
        if !(optimizer_hints.is_empty()
            && lateral_views.is_empty()
            && connect_by.is_empty()
            && cluster_by.is_empty()
            && distribute_by.is_empty()
            && sort_by.is_empty())
        {
            return Err(refuse::unsupported("this form of SELECT"));
        }
        if into.is_some() {
            return Err(refuse::unsupported("SELECT INTO"));
        }

        let level = self.from(from, parent)?;
        let scope = Scope { level: &level, parent };
        if let Some(condition) = selection.as_mut() {
            self.clear(condition, Some(&scope), "WHERE")?;
        }
        self.repeat_conditions(from, selection.as_ref(), &scope);
        let items = self.expand_stars(projection, &level, &scope)?;
        let raw: Vec<(Expr, Option<String>)> = items.iter().map(item_parts).collect();
        *projection = items;

        let groups = self.group_by(group_by, &raw, &scope)?;
        let identity = match &groups {
            Some(groups) => groups.keys.iter().map(|g| TieBreak { expr: self.tie_break(g.expr.clone(), &g.col), of: None }).collect(),
            None => self.identity(&level.items),
        };
        if let Some(order) = self.levels.last_mut() {
            order.identity = identity;
            order.named_rows_frame = named_window.iter().any(|NamedWindowDefinition(_, w)| match w {
                NamedWindowExpr::WindowSpec(spec) => spec.window_frame.as_ref().is_some_and(|f| f.units == WindowFrameUnits::Rows),
                NamedWindowExpr::NamedWindow(_) => false,
            });
        }
        for NamedWindowDefinition(name, window) in named_window.iter_mut() {
            match window {
                NamedWindowExpr::WindowSpec(spec) => {
                    self.window_spec(spec, Some(&scope))?;
                    if self.tainted() && windows::only_by_row(projection, query.order_by.as_ref(), &name.value, spec) {
                        spec.order_by.extend(self.row_identity().into_iter().map(build::ascending));
                        if let Some(order) = self.levels.last_mut() {
                            order.ordered_windows.insert(name.value.clone());
                        }
                    }
                }
                NamedWindowExpr::NamedWindow(_) => return Err(refuse::unsupported("this WINDOW clause")),
            }
        }
        let mut outs = Vec::new();
        for item in projection.iter_mut() {
            outs.push(self.output(item, &scope)?);
        }
        if let Some(condition) = having.as_mut() {
            self.clear(condition, Some(&scope), "HAVING")?;
        }
        if let Some(Distinct::On(keys)) = distinct.as_mut() {
            for key in keys {
                self.distinct_key(key, &outs, &scope)?;
            }
        }
        // ORDER BY may repeat a select expression: compared before it is rewritten.
        let wraps = matches!(distinct, Some(Distinct::Distinct))
            && order_shows
            && self.tainted()
            && outs.iter().any(|o| o.col.label.sealed().is_some());
        let cols: Vec<Col> = outs.iter().map(|o| o.col.clone()).collect();
        if wraps {
            let mut exprs = Vec::new();
            for item in order_items(query)? {
                self.wrapped_order_item(item, &outs, &scope)?;
            }
            for o in &outs {
                exprs.push(o.expr.clone());
            }
            self.no_ties(query)?;
            self.keep_group_keys(group_by, groups.as_ref(), &level);
            prune_all(from, &level);
            return Ok((cols, Some(exprs)));
        }
        for item in order_items(query)? {
            self.order_output(item, &outs, &scope)?;
        }
        self.keep_group_keys(group_by, groups.as_ref(), &level);
        let distinct_on = match distinct {
            Some(Distinct::On(keys)) => keys.clone(),
            _ => vec![],
        };
        let is_distinct = matches!(distinct, Some(Distinct::Distinct));
        let aggregates = self.levels.last().is_some_and(|l| l.aggregates);
        let single_row = groups.is_none() && (aggregates || having.is_some());
        let plain = groups.is_none() && distinct.is_none() && selection.is_none() && having.is_none() && query.order_by.is_none();
        let shows = order_shows || !distinct_on.is_empty();
        if shows && self.tainted() && !single_row && !(plain && self.streams(&level)) {
            self.no_ties(query)?;
            let mut more: Vec<OrderByExpr> = Vec::new();
            if query.order_by.is_none() {
                more.extend(distinct_on.into_iter().map(build::ascending));
            }
            if is_distinct {
                let given: BTreeSet<usize> = order_items(query)?.iter().filter_map(|i| position_of(&i.expr)).collect();
                let all = (0..outs.len()).filter(|n| !given.contains(n));
                more.extend(all.map(|n| build::ascending(build::value(Value::Number(n.saturating_add(1).to_string(), false)))));
            } else {
                more.extend(self.row_identity().into_iter().map(build::ascending));
                if groups.as_ref().is_some_and(|g| g.sets) {
                    more.extend(
                        outs.iter().map(|o| build::ascending(self.tie_break(o.expr.clone(), &Col { base: None, ..o.col.clone() }))),
                    );
                }
            }
            append_order(query, more);
        }
        prune_all(from, &level);
        Ok((cols, None))
    }

    /// Whether the rows of this level come in an order that no protected value can change: one table, read whole,
    /// none of whose indexes could answer alone.
    fn streams(&self, level: &Level) -> bool {
        let [item] = level.items.as_slice() else { return level.items.is_empty() };
        let Some(relation) = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)) else { return false };
        if self.facts.guard(relation.oid).is_some_and(|g| !g.filters.is_empty())
            || !matches!(relation.kind, crate::catalog::RelationKind::Table | crate::catalog::RelationKind::Partitioned)
        {
            return false;
        }
        let needed: BTreeSet<i16> = item
            .used
            .borrow()
            .iter()
            .filter_map(|i| item.cols.get(*i))
            .filter_map(|c| match &c.origin {
                Origin::Column { attribute, .. } => Some(*attribute),
                Origin::Veiled { .. } | Origin::Computed => None,
            })
            .collect();
        !needed.is_empty() && !relation.indexes.iter().any(|index| needed.iter().all(|n| index.returns.contains(n)))
    }

    /// Protected relations were seen at this level or below.
    pub(crate) fn tainted(&self) -> bool {
        self.levels.last().is_some_and(|l| self.touched > l.touched_before)
    }

    /// Keys that identify a row of the innermost level.
    pub(crate) fn row_identity(&self) -> Vec<Expr> {
        let keys = self.levels.last().map(|l| l.identity.as_slice()).unwrap_or_default();
        keys.iter()
            .map(|k| {
                if let Some((item, index)) = &k.of {
                    item.used.borrow_mut().insert(*index);
                }
                k.expr.clone()
            })
            .collect()
    }

    /// `*` and `t.*` written out where something of the level is protected.
    fn expand_stars(&mut self, projection: &[SelectItem], level: &Level, scope: &Scope) -> Result<Vec<SelectItem>, Refusal> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                SelectItem::Wildcard(options) => {
                    plain_star(options)?;
                    for slot in level.slots.iter().filter(|s| !hidden(&s.item, s.col)) {
                        items.push(SelectItem::UnnamedExpr(self.slot_reference(slot, level)?));
                    }
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    plain_star(options)?;
                    let item = self.star_item(kind, Some(scope))?;
                    for (index, col) in item.cols.iter().enumerate().filter(|(index, _)| !hidden(&item, *index)) {
                        let slot = Slot { name: col.name.clone(), item: Rc::clone(&item), col: index, merged: None };
                        items.push(SelectItem::UnnamedExpr(self.slot_reference(&slot, &Level::default())?));
                    }
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => items.push(item.clone()),
                SelectItem::ExprWithAliases { .. } => return Err(refuse::unsupported("more than one alias for an expression")),
            }
        }
        Ok(items)
    }

    /// A column written so that it means that slot.
    fn slot_reference(&self, slot: &Slot, level: &Level) -> Result<Expr, Refusal> {
        let Some(col) = slot.column() else { return Err(refuse::unsupported("this column")) };
        if let Some(refused) = &col.refused {
            return Err(refuse::column(self.role, refused));
        }
        if slot.merged.is_some() {
            if level.slots.iter().filter(|s| s.name == slot.name).count() != 1 {
                return Err(refuse::unsupported("* over two joins that merge columns of one name"));
            }
            return Ok(Expr::Identifier(build::ident(&slot.name)));
        }
        if slot.item.cols.iter().filter(|c| c.name == col.name).count() > 1 {
            return Err(Refusal::new(
                SqlState::AMBIGUOUS_COLUMN,
                "name.ambiguous",
                format!("column reference \"{}\" is ambiguous", col.name),
            )
            .with_hint("Give the columns of the subquery different names."));
        }
        Ok(slot.item.reference(col))
    }

    fn star_item(&mut self, kind: &SelectItemQualifiedWildcardKind, scope: InScope) -> Result<Rc<Item>, Refusal> {
        let SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
            return Err(refuse::unsupported("* of an expression"));
        };
        let parts = self.name_parts(name)?;
        let matches = |i: &&Rc<Item>| match parts.as_slice() {
            [name] => i.visible == *name,
            [schema, name] => i.relation.as_ref().is_some_and(|(s, n)| s == schema && n == name),
            _ => false,
        };
        let levels = scope.map(|s| s.levels().collect::<Vec<_>>()).unwrap_or_default();
        for (up, level) in levels.iter().enumerate() {
            if let Some(item) = level.items.iter().find(matches) {
                self.reach(levels.len(), up);
                return Ok(Rc::clone(item));
            }
        }
        Err(Refusal::new(SqlState::UNDEFINED_TABLE, "name.from", format!("missing FROM-clause entry for table \"{}\"", parts.join("."))))
    }

    /// `t.*` as one value.
    pub(crate) fn qualified_row(&mut self, kind: &SelectItemQualifiedWildcardKind, scope: InScope) -> Result<Label, Refusal> {
        let item = self.star_item(kind, scope)?;
        self.whole_row(&item)
    }

    fn output(&mut self, item: &mut SelectItem, scope: &Scope) -> Result<Out, Refusal> {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(e) => (e, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
            _ => return Err(refuse::unsupported("this select item")),
        };
        let name = alias.clone().unwrap_or_else(|| output::name(expr));
        let (origin, base) = self.shown(expr, Some(scope));
        let label = self.expr(expr, Some(scope))?;
        let expr = expr.clone();
        let certain = matches!(build::bare(&expr), Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        if alias.is_none() && !certain {
            // What the judgement takes for the column's name is printed, so that it cannot be another.
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: build::ident(&name) };
        }
        Ok(Out { col: Col { name, label, origin, refused: None, base }, expr })
    }

    /// GROUP BY: sealed keys are allowed; names of the select list and positions are understood.
    fn group_by(&mut self, group_by: &mut GroupByExpr, raw: &[(Expr, Option<String>)], scope: &Scope) -> Result<Option<Groups>, Refusal> {
        let GroupByExpr::Expressions(items, modifiers) = group_by else { return Err(refuse::unsupported("GROUP BY ALL")) };
        if !modifiers.is_empty() {
            return Err(refuse::unsupported("this form of GROUP BY"));
        }
        if items.is_empty() {
            return Ok(None);
        }
        let mut groups = Groups::default();
        for item in items {
            match item {
                Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                    groups.sets = true;
                    for e in sets.iter_mut().flatten() {
                        self.group_key(e, raw, scope, &mut groups)?;
                    }
                }
                Expr::Tuple(parts) => {
                    for e in parts {
                        self.group_key(e, raw, scope, &mut groups)?;
                    }
                }
                e => self.group_key(e, raw, scope, &mut groups)?,
            }
        }
        Ok(Some(groups))
    }

    fn group_key(&mut self, e: &mut Expr, raw: &[(Expr, Option<String>)], scope: &Scope, groups: &mut Groups) -> Result<(), Refusal> {
        if let Expr::Tuple(parts) = e {
            for part in parts {
                self.group_key(part, raw, scope, groups)?;
            }
            return Ok(());
        }
        // A name is a column of FROM first, and only then of the select list (the other way round than in ORDER BY).
        let of_output = match build::bare(e) {
            Expr::Identifier(id) if !scope.level.slots.iter().any(|s| s.name == id.value) => raw
                .iter()
                .find(|(expr, alias)| alias.clone().unwrap_or_else(|| output::name(expr)) == id.value)
                .map(|(expr, _)| expr.clone()),
            other => position_of(other).and_then(|n| raw.get(n)).map(|(expr, _)| expr.clone()),
        };
        let (label, expr) = match of_output {
            Some(mut copy) => (self.expr(&mut copy, Some(scope))?, copy),
            None => (self.expr(e, Some(scope))?, e.clone()),
        };
        let (_, base) = self.shown(&expr, Some(scope));
        let place = self.plain_column(&expr, Some(scope));
        groups.keys.push(GroupKey { col: Col { label, base, ..Col::clear("") }, expr, place });
        Ok(())
    }

    /// GROUP BY a primary key: the printed derived table has none, so the columns that hang on it are named too (FINDINGS A2).
    fn keep_group_keys(&mut self, group_by: &mut GroupByExpr, groups: Option<&Groups>, level: &Level) {
        let Some(groups) = groups.filter(|g| !g.sets) else { return };
        let GroupByExpr::Expressions(items, _) = group_by else { return };
        for item in level.items.iter().filter(|i| i.lost_key && !i.key.is_empty()) {
            let grouped: BTreeSet<usize> =
                groups.keys.iter().filter_map(|k| k.place.as_ref()).filter(|(i, _)| Rc::ptr_eq(i, item)).map(|(_, c)| *c).collect();
            if !item.key.iter().all(|k| grouped.contains(k)) {
                continue;
            }
            let alias = item.printed.as_deref().unwrap_or(&item.visible);
            let bare = item.bare.borrow();
            let more = bare.iter().filter(|c| !grouped.contains(c)).filter_map(|c| item.cols.get(*c));
            items.extend(more.map(|c| build::column(alias, &c.name)));
        }
    }

    /// An expression of DISTINCT ON: grouped by value, so that a sealed one is grouped by its digest.
    fn distinct_key(&mut self, key: &mut Expr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        let mut item = build::ascending(key.clone());
        self.order_output(&mut item, outs, scope)?;
        *key = item.expr;
        Ok(())
    }

    /// ORDER BY: a name is a column of the select list first, and only then of FROM; a number is a position.
    fn order_output(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        match named_output(&item.expr, outs)? {
            Some(out) => {
                if out.col.label.sealed().is_some() {
                    item.expr = build::keyed(out.expr.clone(), self.facts.marker());
                }
                Ok(())
            }
            None => self.order_item(item, Some(scope)),
        }
    }

    /// The same for a query that will be wrapped: expressions are left as they are in the select list.
    fn wrapped_order_item(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        if let Some(out) = named_output(&item.expr, outs)? {
            item.expr = out.expr.clone();
            return Ok(());
        }
        self.expr(&mut item.expr, Some(scope))?;
        Ok(())
    }
}

fn prune_all(from: &mut [TableWithJoins], level: &Level) {
    for tree in from {
        prune(&mut tree.relation, level);
        for join in &mut tree.joins {
            prune(&mut join.relation, level);
        }
    }
}

/// The keys of GROUP BY.
#[derive(Debug, Default)]
struct Groups {
    keys: Vec<GroupKey>,
    /// ROLLUP, CUBE or GROUPING SETS.
    sets: bool,
}

#[derive(Debug)]
struct GroupKey {
    col: Col,
    expr: Expr,
    place: Option<(Rc<Item>, usize)>,
}

/// The output that an ORDER BY item means by name or position.
fn named_output<'o>(e: &Expr, outs: &'o [Out]) -> Result<Option<&'o Out>, Refusal> {
    match build::bare(e) {
        Expr::Identifier(id) => {
            let mut found = outs.iter().filter(|o| o.col.name == id.value);
            let first = found.next();
            if let Some(first) = first
                && found.any(|o| build::bare(&o.expr) != build::bare(&first.expr))
            {
                return Err(Refusal::new(SqlState::AMBIGUOUS_COLUMN, "name.ambiguous", format!("ORDER BY \"{}\" is ambiguous", id.value)));
            }
            Ok(first)
        }
        other => match position_of(other) {
            Some(n) => outs.get(n).map(Some).ok_or_else(|| {
                Refusal::new(
                    SqlState("42P10"),
                    "order.position",
                    format!("ORDER BY position {} is not in select list", n.saturating_add(1)),
                )
            }),
            None => Ok(None),
        },
    }
}

/// A system column that pgveil computes itself (see `catalog_stand_in`): `*` does not show it.
fn hidden(item: &Item, col: usize) -> bool {
    item.lost_key && item.cols.get(col).is_some_and(|c| c.name == "tableoid" && c.origin == Origin::Computed)
}

fn item_parts(item: &SelectItem) -> (Expr, Option<String>) {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), Some(alias.value.clone())),
        SelectItem::UnnamedExpr(expr) => (expr.clone(), None),
        _ => (build::value(Value::Null), None),
    }
}

fn plain_star(options: &WildcardAdditionalOptions) -> Result<(), Refusal> {
    let WildcardAdditionalOptions { wildcard_token: _, opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias } = options;
    if opt_ilike.is_some()
        || opt_exclude.is_some()
        || opt_except.is_some()
        || opt_replace.is_some()
        || opt_rename.is_some()
        || opt_alias.is_some()
    {
        return Err(refuse::unsupported("this form of *"));
    }
    Ok(())
}
