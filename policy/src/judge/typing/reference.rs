//! Types of column references, without judging them: names as the client wrote them and as pgveil prints them.

use std::rc::Rc;

use sqlparser::ast::{Expr, Ident};

use super::Ty;
use crate::judge::expr::InScope;
use crate::judge::scope::{Item, Level};
use crate::judge::{Judge, build};

impl Judge<'_> {
    /// The type of a column that an expression names; `None` for whole rows and system columns, and where two columns of
    /// different types could be meant.
    pub(super) fn type_of_reference(&self, e: &Expr, scope: InScope) -> Option<Ty> {
        let levels: Vec<&Level> = scope?.levels().collect();
        match e {
            Expr::Identifier(id) => {
                let level = levels.iter().find(|l| l.slots.iter().any(|s| s.name == id.value))?;
                let mut found = level.slots.iter().filter(|s| s.name == id.value);
                let slot = found.next()?;
                match found.next() {
                    None => slot.column()?.ty.map(Ty::settled),
                    Some(_) => None,
                }
            }
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => {
                    let written = of(&levels, name, |i| i.visible == qualifier.value);
                    let printed = of(&levels, name, |i| i.printed.as_ref().unwrap_or(&i.visible) == &qualifier.value);
                    match (written, printed) {
                        (Some(a), Some(b)) => a.filter(|_| a == b),
                        (one, other) => one.or(other).flatten(),
                    }
                }
                [schema, relation, name] => {
                    let own = (&schema.value, &relation.value);
                    of(&levels, name, |i| i.relation.as_ref().is_some_and(|(s, r)| (s, r) == own)).flatten()
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl Judge<'_> {
    /// The column of the innermost level that an expression is; `None` too where it is not certain.
    pub(crate) fn locate(&self, e: &Expr, scope: InScope) -> Option<(Rc<Item>, usize)> {
        let level = scope?.level;
        match build::bare(e) {
            Expr::Identifier(id) => {
                let mut found = level.slots.iter().filter(|s| s.name == id.value);
                let slot = found.next().filter(|s| s.merged.is_none())?;
                found.next().is_none().then(|| (Rc::clone(&slot.item), slot.col))
            }
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => {
                    let written = place_in(level, name, |i| i.visible == qualifier.value);
                    let printed = place_in(level, name, |i| i.printed.as_ref().unwrap_or(&i.visible) == &qualifier.value);
                    match (written, printed) {
                        (Some(a), Some(b)) => (Rc::ptr_eq(&a.0, &b.0) && a.1 == b.1).then_some(a),
                        (one, other) => one.or(other),
                    }
                }
                [schema, relation, name] => {
                    let own = (&schema.value, &relation.value);
                    place_in(level, name, |i| i.relation.as_ref().is_some_and(|(s, r)| (s, r) == own))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The column of the innermost level that a name merged by USING or NATURAL stands for, where it is that very column.
    pub(crate) fn merged_place(&self, e: &Expr, scope: InScope) -> Option<(Rc<Item>, usize)> {
        let Expr::Identifier(id) = build::bare(e) else { return None };
        let mut found = scope?.level.slots.iter().filter(|s| s.name == id.value);
        let slot = found.next().filter(|s| s.merged.is_some() && s.same)?;
        found.next().is_none().then(|| (Rc::clone(&slot.item), slot.col))
    }
}

fn place_in(level: &Level, name: &Ident, wanted: impl Fn(&Rc<Item>) -> bool) -> Option<(Rc<Item>, usize)> {
    let mut items = level.items.iter().filter(|i| wanted(i));
    let item = items.next()?;
    let mut cols = item.cols.iter().enumerate().filter(|(_, c)| c.name == name.value);
    let (index, _) = cols.next()?;
    (items.next().is_none() && cols.next().is_none()).then(|| (Rc::clone(item), index))
}

/// The outer `None` where no item has that name.
fn of(levels: &[&Level], name: &Ident, wanted: impl Fn(&Rc<Item>) -> bool) -> Option<Option<Ty>> {
    let level = levels.iter().find(|l| l.items.iter().any(&wanted))?;
    let mut items = level.items.iter().filter(|i| wanted(i));
    let mut cols = items.next()?.cols.iter().filter(|c| c.name == name.value);
    let only = cols.next().filter(|_| cols.next().is_none() && items.next().is_none());
    Some(only.and_then(|c| c.ty).map(Ty::settled))
}
