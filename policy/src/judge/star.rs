//! `*`, `t.*` and whole rows: which columns they stand for.

use std::rc::Rc;

use sqlparser::ast::{Expr, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions};

use super::expr::InScope;
use super::label::Label;
use super::scope::{Item, Level, Scope, Slot};
use super::{Judge, build, refuse};
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// `*` and `t.*` written out where something of the level is protected.
    pub(crate) fn expand_stars(&mut self, projection: &[SelectItem], level: &Level, scope: &Scope) -> Result<Vec<SelectItem>, Refusal> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                SelectItem::Wildcard(options) => {
                    plain_star(options)?;
                    for slot in level.slots.iter().filter(|s| s.column().is_none_or(|c| !c.hidden)) {
                        items.push(shown_as(self.slot_reference(slot, level)?, slot));
                    }
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    plain_star(options)?;
                    let named = self.row_name(kind, scope);
                    let item = self.star_item(named.as_ref().unwrap_or(kind), Some(scope))?;
                    for (index, col) in item.shown().filter(|(_, c)| !c.hidden) {
                        let slot = Slot { name: col.name.clone(), item: Rc::clone(&item), col: index, merged: None, same: true };
                        items.push(shown_as(self.slot_reference(&slot, &Level::default())?, &slot));
                    }
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => items.push(item.clone()),
                SelectItem::ExprWithAliases { .. } => return Err(refuse::not_yet("form.star", "more than one alias for an expression")),
            }
        }
        Ok(items)
    }

    /// A column written so that it means that slot.
    fn slot_reference(&self, slot: &Slot, level: &Level) -> Result<Expr, Refusal> {
        let Some(col) = slot.column() else { return Err(refuse::not_yet("form.star", "this column")) };
        if let Some(refused) = &col.refused {
            return Err(refuse::column(self.role, refused));
        }
        if slot.merged.is_some() {
            if level.slots.iter().filter(|s| s.name == slot.name).count() != 1 {
                return Err(refuse::not_yet("form.star", "* over two joins that merge columns of one name"));
            }
            return Ok(Expr::Identifier(build::ident(&slot.name)));
        }
        if col.printed.is_none() && slot.item.cols.iter().filter(|c| c.name == col.name).count() > 1 {
            return Err(Refusal::new(
                SqlState::AMBIGUOUS_COLUMN,
                "name.ambiguous",
                format!("column reference \"{}\" is ambiguous", col.name),
            )
            .with_hint("Give the columns of the subquery different names."));
        }
        Ok(slot.item.reference(col))
    }

    /// `(c).*` of an item of FROM is `c.*`.
    fn row_name(&self, kind: &SelectItemQualifiedWildcardKind, scope: &Scope) -> Option<SelectItemQualifiedWildcardKind> {
        let SelectItemQualifiedWildcardKind::Expr(Expr::Identifier(name)) = kind else { return None };
        // A column of that name would come first.
        let column = scope.levels().any(|level| level.slots.iter().any(|slot| slot.name == name.value));
        (!column).then(|| SelectItemQualifiedWildcardKind::ObjectName(vec![name.clone()].into()))
    }

    fn star_item(&mut self, kind: &SelectItemQualifiedWildcardKind, scope: InScope) -> Result<Rc<Item>, Refusal> {
        let SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
            return Err(refuse::not_yet("form.star", "* of an expression"));
        };
        let parts = self.name_parts(name)?;
        let matches = |i: &&Rc<Item>| match parts.as_slice() {
            [name] => i.visible == *name,
            [schema, name] => i.relation.as_ref().is_some_and(|(s, n)| s == schema && n == name),
            [database, schema, name] if *database == self.facts.catalog.database => {
                i.relation.as_ref().is_some_and(|(s, n)| s == schema && n == name)
            }
            _ => false,
        };
        let levels = scope.map(|s| s.levels().collect::<Vec<_>>()).unwrap_or_default();
        for (outwards, level) in levels.iter().enumerate() {
            if let Some(item) = level.items.iter().find(matches) {
                self.belongs_to(outwards, levels.len());
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
}

/// A column of `*`, under its own name.
fn shown_as(expr: Expr, slot: &Slot) -> SelectItem {
    match slot.column().and_then(|col| col.printed.as_ref()) {
        Some(_) => SelectItem::ExprWithAlias { expr, alias: build::ident(&slot.name) },
        None => SelectItem::UnnamedExpr(expr),
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
        return Err(refuse::not_yet("form.star", "this form of *"));
    }
    Ok(())
}
