//! Which rows an order tells apart: keys, equalities, and what hangs on them.
//!
//! An order is total where each item of FROM is *determined*: the sort keys fix one of its keys, or all of it that is used. What
//! is fixed carries over equalities: rows that agree in `o.customer_id` agree in `c.id` after `ON c.id = o.customer_id`.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{BinaryOperator, Expr, JoinConstraint, JoinOperator, Value};

use super::Judge;
use super::build;
use super::expr::InScope;
use super::facts::{GroupPart, LevelOrder, TieBreak};
use super::label::Label;
use super::scope::{Col, Item, Level, Out, Scope};
use super::sealed::keyed;
use crate::plan::Origin;

/// A column of an item of FROM.
pub(crate) type Place = (Rc<Item>, usize);

/// What the conditions of a level fix.
#[derive(Debug, Default)]
pub(crate) struct Equalities {
    /// Rows that agree in the first agree in the second.
    carried: Vec<(Place, Place)>,
    /// The same in all rows.
    fixed: Vec<Place>,
}

/// What rows are sorted by.
#[derive(Debug, Clone)]
pub(crate) struct Sorted {
    /// As it is printed, before it is keyed.
    pub expr: Expr,
    /// Values that sort alike are the same bytes.
    pub exact: bool,
}

/// Columns of a level that are fixed so far.
struct Fixed<'l> {
    items: &'l [Rc<Item>],
    columns: BTreeSet<(usize, usize)>,
    whole: BTreeSet<usize>,
}

impl Fixed<'_> {
    fn at(&self, place: &Place) -> Option<(usize, usize)> {
        self.items.iter().position(|i| Rc::ptr_eq(i, &place.0)).map(|i| (i, place.1))
    }

    fn has(&self, place: &Place) -> bool {
        self.at(place).is_some_and(|(item, col)| self.whole.contains(&item) || self.columns.contains(&(item, col)))
    }
}

impl Judge<'_> {
    /// The equalities of a join's condition. `left`: how many of the level's items stand on its left.
    pub(crate) fn note_join(&mut self, operator: &JoinOperator, joined: &Level, left: usize, parent: InScope) {
        let (to_right, to_left, constraint) = match operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) => (true, true, c),
            // A row without a partner is all NULL on the other side, which is one value too.
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (true, false, c),
            JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (false, true, c),
            _ => return,
        };
        let mut pairs = Vec::new();
        let mut conditions = 0_usize;
        match constraint {
            JoinConstraint::On(condition) => {
                let scope = Scope { level: joined, parent };
                conjuncts(condition, &mut |e| {
                    conditions = conditions.saturating_add(1);
                    if let Expr::BinaryOp { left: a, op: BinaryOperator::Eq, right: b } = build::bare(e)
                        && let (Some(a), Some(b)) = (self.locate(a, Some(&scope)), self.locate(b, Some(&scope)))
                    {
                        pairs.push((a, b));
                    }
                });
            }
            JoinConstraint::Using(names) => {
                let (l, r) = joined.items.split_at_checked(left).unwrap_or_default();
                for name in names.iter().filter_map(|n| n.0.last()?.as_ident()) {
                    conditions = conditions.saturating_add(1);
                    pairs.extend(only(l, &name.value).zip(only(r, &name.value)));
                }
            }
            JoinConstraint::Natural | JoinConstraint::None => {}
        }
        // Of two rows that agree in one condition's column, another condition could leave one without a partner.
        if !(to_right && to_left) && conditions != 1 {
            return;
        }
        let on_left = |p: &Place| joined.items.iter().take(left).any(|i| Rc::ptr_eq(i, &p.0));
        let mut carried = Vec::new();
        for (a, b) in pairs.into_iter().filter(|(a, b)| self.same_where_equal(a, b)) {
            let (a, b) = if on_left(&a) { (a, b) } else { (b, a) };
            if to_right {
                carried.push((a.clone(), b.clone()));
            }
            if to_left {
                carried.push((b, a));
            }
        }
        if let Some(level) = self.levels.last_mut() {
            level.equal.carried.extend(carried);
        }
    }

    /// The equalities of WHERE.
    pub(crate) fn note_condition(&mut self, condition: &Expr, scope: &Scope) {
        let mut found = Equalities::default();
        conjuncts(condition, &mut |e| {
            let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = build::bare(e) else { return };
            match (self.locate(left, Some(scope)), self.locate(right, Some(scope))) {
                (Some(a), Some(b)) if self.same_where_equal(&a, &b) => {
                    found.carried.push((a.clone(), b.clone()));
                    found.carried.push((b, a));
                }
                (Some(a), None) if self.fixes(&a, right) => found.fixed.push(a),
                (None, Some(b)) if self.fixes(&b, left) => found.fixed.push(b),
                _ => {}
            }
        });
        if let Some(level) = self.levels.last_mut() {
            level.equal.carried.extend(found.carried);
            level.equal.fixed.extend(found.fixed);
        }
    }

    /// Sort keys that make the order of the innermost level's rows total beyond `given`. `complete`: all that the level mentions
    /// has been seen, and its rows show nothing else.
    pub(crate) fn tie_breaks(&self, given: &[Sorted], complete: bool, scope: InScope) -> Vec<TieBreak> {
        let (Some(order), Some(scope)) = (self.levels.last(), scope) else { return vec![] };
        let items = scope.level.items.as_slice();
        let mut fixed = Fixed { items, columns: BTreeSet::new(), whole: BTreeSet::new() };
        for place in order.equal.fixed.iter().chain(&self.sorted_places(given, order, scope)) {
            fixed.columns.extend(fixed.at(place));
        }
        self.close(&mut fixed, order, complete);
        let mut breaks = Vec::new();
        match &order.groups {
            Some(groups) => {
                let given: Vec<&Expr> = given.iter().map(|s| build::bare(&s.expr)).collect();
                // First those that the others hang on.
                let (keys, others): (Vec<_>, Vec<_>) =
                    groups.iter().partition(|g| g.place.as_ref().is_some_and(|p| in_grouped_key(self, p, groups)));
                for group in keys.into_iter().chain(others) {
                    let known = group.place.as_ref().is_some_and(|p| fixed.has(p)) || given.contains(&build::bare(&group.expr));
                    if known || matches!(build::bare(&group.expr), Expr::Value(_)) {
                        continue;
                    }
                    breaks.push(TieBreak { expr: self.group_break(group), of: None });
                    if let Some(place) = &group.place {
                        fixed.columns.extend(fixed.at(place));
                        self.close(&mut fixed, order, false);
                    }
                }
            }
            None => {
                while let Some((item, columns)) = self.next_item(&mut fixed, order, complete) {
                    for index in columns {
                        if let Some(col) = item.cols.get(index).filter(|c| c.refused.is_none()) {
                            let expr = self.tie_break(item.reference(col), col);
                            breaks.push(TieBreak { expr, of: Some((Rc::clone(&item), index)) });
                        }
                    }
                }
            }
        }
        breaks
    }

    /// [`Judge::tie_breaks`] as expressions, their columns noted as used.
    pub(crate) fn row_identity(&self, given: &[Sorted], complete: bool, scope: InScope) -> Vec<Expr> {
        let note = |k: TieBreak| {
            if let Some((item, index)) = &k.of {
                item.used.borrow_mut().insert(*index);
            }
            k.expr
        };
        self.tie_breaks(given, complete, scope).into_iter().map(note).collect()
    }

    /// Whether rows that agree in `given` show the same in all outputs.
    pub(crate) fn covers(&self, outs: &[Out], given: &[Sorted]) -> bool {
        let exact: Vec<&Expr> = given.iter().filter(|s| s.exact).map(|s| build::bare(&s.expr)).collect();
        outs.iter().all(|o| exact.contains(&build::bare(&o.expr)) || matches!(build::bare(&o.expr), Expr::Value(_)))
    }

    /// The item that leaves the fewest others open, and which of its columns are to be sorted by.
    fn next_item(&self, fixed: &mut Fixed, order: &LevelOrder, complete: bool) -> Option<(Rc<Item>, Vec<usize>)> {
        let mut best: Option<(usize, usize, Vec<usize>, Fixed)> = None;
        for (index, item) in fixed.items.iter().enumerate() {
            if fixed.whole.contains(&index) {
                continue;
            }
            let mut tried = Fixed { items: fixed.items, columns: fixed.columns.clone(), whole: fixed.whole.clone() };
            tried.whole.insert(index);
            self.close(&mut tried, order, complete);
            let reach = tried.whole.len();
            if best.as_ref().is_none_or(|(most, ..)| reach > *most) {
                let open = |col: &usize| !fixed.columns.contains(&(index, *col));
                let columns = match self.shortest_key(item) {
                    Some(key) => key.into_iter().filter(open).collect(),
                    None if complete => item.used.borrow().iter().copied().filter(open).collect(),
                    None => self.all_columns(item).into_iter().filter(open).collect(),
                };
                best = Some((reach, index, columns, tried));
            }
            // Many items: the first that is open is good enough.
            if fixed.items.len() > 12 {
                break;
            }
        }
        let (_, index, columns, tried) = best?;
        fixed.columns = tried.columns;
        fixed.whole = tried.whole;
        fixed.items.get(index).map(|item| (Rc::clone(item), columns))
    }

    /// Follows equalities and keys until nothing more is fixed.
    fn close(&self, fixed: &mut Fixed, order: &LevelOrder, complete: bool) {
        loop {
            let before = (fixed.columns.len(), fixed.whole.len());
            for (from, to) in &order.equal.carried {
                if fixed.has(from) {
                    fixed.columns.extend(fixed.at(to));
                }
            }
            for (index, item) in fixed.items.iter().enumerate() {
                let known = |col: &usize| fixed.columns.contains(&(index, *col));
                if self.keys(item).iter().any(|key| key.iter().all(known)) || complete && item.used.borrow().iter().all(known) {
                    fixed.whole.insert(index);
                }
            }
            if before == (fixed.columns.len(), fixed.whole.len()) {
                return;
            }
        }
    }

    fn sorted_places(&self, given: &[Sorted], order: &LevelOrder, scope: &Scope) -> Vec<Place> {
        // Between groups a key's own order is enough.
        given.iter().filter(|s| s.exact || order.groups.is_some()).filter_map(|s| self.locate(&s.expr, Some(scope))).collect()
    }

    /// Sets of columns that identify a row of an item, as they are shown: none that a mask has changed.
    fn keys(&self, item: &Item) -> Vec<Vec<usize>> {
        let Some(relation) = item.oid.and_then(|oid| self.facts.catalog.relations.get(&oid)) else { return vec![] };
        let place = |n: &i16| {
            item.cols
                .iter()
                .position(|c| matches!(&c.origin, Origin::Column { relation: of, attribute } if *of == relation.oid && attribute == n))
        };
        std::iter::once(&relation.primary_key)
            .chain(&relation.unique)
            .filter(|key| !key.is_empty())
            .filter_map(|key| key.iter().map(place).collect())
            .collect()
    }

    /// A key to sort by: the primary key, else the shortest; none with a sealed column where another will do.
    fn shortest_key(&self, item: &Item) -> Option<Vec<usize>> {
        let sealed = |key: &Vec<usize>| key.iter().filter_map(|i| item.cols.get(*i)).filter(|c| c.label.sealed().is_some()).count();
        let refused = |key: &Vec<usize>| key.iter().filter_map(|i| item.cols.get(*i)).any(|c| c.refused.is_some());
        self.keys(item).into_iter().filter(|k| !refused(k)).min_by_key(|k| (sealed(k), k.len()))
    }

    /// Two columns whose values are the same bytes where they are equal.
    fn same_where_equal(&self, a: &Place, b: &Place) -> bool {
        let col = |p: &Place| p.0.cols.get(p.1).cloned();
        let (Some(a), Some(b)) = (col(a), col(b)) else { return false };
        let whole = |c: &Col| c.ty.is_some_and(|t| matches!(self.facts.catalog.forms.bottom(t.oid), 20 | 21 | 23));
        self.exact(&a) && self.exact(&b) && (a.ty.map(|t| t.oid) == b.ty.map(|t| t.oid) || whole(&a) && whole(&b))
    }

    /// Rows in which the column equals that expression hold one value in it.
    fn fixes(&self, place: &Place, e: &Expr) -> bool {
        let Some(col) = place.0.cols.get(place.1) else { return false };
        let mut constant = build::bare(e);
        let plain = self.exact(col) && col.label == Label::Clear;
        let collatable = col.ty.is_none_or(|t| self.facts.catalog.forms.types.get(&t.oid).is_none_or(|f| f.collatable));
        while let Expr::Cast { expr, .. } = constant {
            if collatable {
                return false;
            }
            constant = build::bare(expr);
        }
        match constant {
            // The client says which type it has, and with it which equality is meant.
            Expr::Value(v) if matches!(v.value, Value::Placeholder(_)) => plain && !collatable,
            Expr::Value(_) => plain,
            _ => false,
        }
    }

    fn group_break(&self, group: &GroupPart) -> Expr {
        keyed::order(&group.expr, &group.col.label, self.facts.marker()).unwrap_or_else(|| match group.col.ty {
            // Groups differ by the type's own equality, and with it in its order. xid, cid and aclitem have equality only.
            Some(ty) if !matches!(ty.oid, 28 | 29 | 1033) => group.expr.clone(),
            _ => build::bytewise(group.expr.clone()),
        })
    }
}

fn in_grouped_key(judge: &Judge, place: &Place, groups: &[GroupPart]) -> bool {
    let grouped =
        |index: &usize| groups.iter().filter_map(|g| g.place.as_ref()).any(|(item, col)| Rc::ptr_eq(item, &place.0) && col == index);
    judge.keys(&place.0).iter().any(|key| key.contains(&place.1) && key.iter().all(grouped))
}

/// The only column of that name among items.
fn only(items: &[Rc<Item>], name: &str) -> Option<Place> {
    let mut found =
        items.iter().flat_map(|i| i.cols.iter().enumerate().filter(|(_, c)| c.name == name).map(move |(n, _)| (Rc::clone(i), n)));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn conjuncts(e: &Expr, found: &mut impl FnMut(&Expr)) {
    match build::bare(e) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        other => found(other),
    }
}
