//! The order of rows: where it can be seen, and what makes it total and independent of protected values.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, OrderByExpr, UnaryOperator};

use super::determined::Sorted;
use super::expr::InScope;
use super::query::position_of;
use super::scope::{Col, Item, Out, Scope};
use super::sealed::keyed;
use super::typing::oid;
use super::{Judge, build, refuse};
use crate::read::coded;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// An expression of DISTINCT ON: grouped by value, so that a sealed one is grouped by its digest.
    pub(crate) fn distinct_key(&mut self, key: &mut Expr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        let mut item = build::ascending(key.clone());
        self.order_output(&mut item, outs, scope)?;
        *key = item.expr;
        Ok(())
    }

    /// ORDER BY: a name is a column of the select list first, and only then of FROM; a number is a position.
    /// Says what is sorted by.
    pub(crate) fn order_output(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<Sorted, Refusal> {
        if let Some(operand) = coded::using_operand(&item.expr) {
            // A name or number alone is a column of the select list here, unlike in a window or an aggregate.
            return match self.placed(named_output(operand, outs), operand)? {
                Some(out) => {
                    self.using_output(&mut item.expr, out)?;
                    Ok(Sorted { expr: out.expr.clone(), exact: false })
                }
                None => Ok(Sorted { exact: false, ..self.order_item(item, Some(scope))? }),
            };
        }
        match self.placed(named_output(&item.expr, outs), &item.expr)? {
            Some(out) => {
                self.fails = self.fails.saturating_add(usize::from(out.col.holds.is_none()));
                if let Some(key) = keyed::order(&out.expr, &out.col.label, self.facts.marker()) {
                    item.expr = key;
                }
                Ok(Sorted { expr: out.expr.clone(), exact: self.exact(&out.col) })
            }
            None => self.order_item(item, Some(scope)),
        }
    }

    /// The same for a query that will be wrapped: expressions are left as they are in the select list.
    pub(crate) fn wrapped_order_item(&mut self, item: &mut OrderByExpr, outs: &[Out], scope: &Scope) -> Result<(), Refusal> {
        if let Some(out) = self.placed(named_output(&item.expr, outs), &item.expr)? {
            item.expr = out.expr.clone();
            return Ok(());
        }
        if coded::using_operand(&item.expr).is_some() {
            return Err(refuse::unsupported("ORDER BY … USING of a query that pgveil must order itself").with_hint("Write ASC or DESC."));
        }
        self.expr(&mut item.expr, Some(scope))?;
        self.note(&item.expr, Some(scope));
        Ok(())
    }

    /// Values that are equal, or sort alike, are the same bytes; of sealed ones, have the same pseudonym.
    pub(crate) fn exact(&self, col: &Col) -> bool {
        if col.label.sealed().is_some() {
            return true;
        }
        col.ty.is_some_and(|ty| {
            let ty = ty.settled();
            let forms = &self.facts.catalog.forms;
            match forms.bottom(ty.oid) {
                oid::TEXT | oid::VARCHAR => ty.deterministic,
                // Of one length, and of one scale, by their type modifiers.
                oid::BPCHAR => ty.deterministic && ty.typmod != -1,
                oid::NUMERIC => ty.typmod != -1,
                // bool, bytea, "char", name, integers, oid, date, time, timestamp, timestamptz, timetz, inet, cidr, macaddr, uuid,
                // money, bit, pg_lsn: their comparison looks at every bit.
                16..=21 | 23 | 26 | 1082 | 1083 | 1114 | 1184 | 1266 | 869 | 650 | 829 | 774 | 2950 | 790 | 1560 | 1562 | 3220 => true,
                other => forms.types.get(&other).is_some_and(|t| t.kind == 'e'),
            }
        })
    }

    /// All columns of an item that can be seen and named: a hidden `tableoid` only where its tables are many.
    pub(crate) fn all_columns(&self, item: &Item) -> Vec<usize> {
        let catalog = &self.facts.catalog;
        let many = item.oid.is_some_and(|oid| catalog.relations.values().any(|r| r.parents.contains(&oid)));
        let shown: BTreeSet<usize> = item.shown().map(|(index, _)| index).collect();
        let unnamed: BTreeSet<usize> = item.ambiguous().filter(|index| item.cols.get(*index).is_none_or(|c| c.printed.is_none())).collect();
        (0..item.cols.len()).filter(|index| (many || shown.contains(index)) && !unnamed.contains(index)).collect()
    }

    /// One expression as a tie-break.
    pub(crate) fn tie_break(&self, expr: Expr, col: &Col) -> Expr {
        if let Some(key) = keyed::order(&expr, &col.label, self.facts.marker()) {
            return key;
        }
        if self.exact(col) {
            return expr;
        }
        let forms = &self.facts.catalog.forms;
        let bottom = col.ty.map(|ty| forms.bottom(ty.settled().oid));
        // Their own order takes for equal what differs: what is sent of them in binary does not.
        let send = match bottom {
            Some(700) => "float4send",
            Some(oid::FLOAT8) => "float8send",
            Some(oid::NUMERIC) => "numeric_send",
            Some(oid::INTERVAL) => "interval_send",
            Some(oid::BPCHAR) => "bpcharsend",
            Some(oid::TEXT) => "textsend",
            Some(oid::VARCHAR) => "varcharsend",
            Some(oid::JSONB) => "jsonb_send",
            Some(114) => "json_send",
            Some(oid::RECORD) => "record_send",
            Some(other) if forms.element(other).is_some() => "array_send",
            _ => return build::bytewise(expr),
        };
        build::call(&["pg_catalog", send], vec![expr])
    }

    /// ORDER BY item that is an expression: sealed values get their keyed order. Says what is sorted by.
    pub(crate) fn order_item(&mut self, item: &mut OrderByExpr, scope: InScope) -> Result<Sorted, Refusal> {
        if item.with_fill.is_some() {
            return Err(refuse::not_yet("form.order", "WITH FILL"));
        }
        let label = self.expr(&mut item.expr, scope)?;
        self.note(&item.expr, scope);
        let col = Col { ty: self.type_of(&item.expr, scope), label, ..Col::clear("") };
        let sorted = Sorted { expr: item.expr.clone(), exact: self.exact(&col) };
        if let Some(key) = keyed::order(&item.expr, &col.label, self.facts.marker()) {
            item.expr = key;
        }
        Ok(sorted)
    }
}

/// A tie-break as an item of ORDER BY behind a select list, where a name alone is an output's before it is a column's, and a constant
/// a position: either could be a raw protected column. `None` for constants, which break no tie.
pub(crate) fn sort_key(expr: Expr, outs: &[Out]) -> Option<OrderByExpr> {
    let captured = match build::bare(&expr) {
        Expr::Identifier(id) => outs.iter().any(|o| o.col.name == id.value && build::bare(&o.expr) != build::bare(&expr)),
        e if is_constant(e) => return None,
        _ => false,
    };
    Some(build::ascending(if captured { build::itself(expr) } else { expr }))
}

/// What Postgres' grammar takes for a constant: a sign before a number becomes a part of it.
fn is_constant(e: &Expr) -> bool {
    match build::bare(e) {
        Expr::Value(_) => true,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_constant(expr),
        _ => false,
    }
}

/// The output that an ORDER BY item means by name or position.
pub(crate) fn named_output<'o>(e: &Expr, outs: &'o [Out]) -> Result<Option<&'o Out>, Refusal> {
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
            Some(n) => outs.get(n).map(Some).ok_or_else(|| no_position("ORDER BY", n)),
            None => Ok(None),
        },
    }
}

/// A position, from 0, beyond the select list.
pub(crate) fn no_position(clause: &str, position: usize) -> Refusal {
    let message = format!("{clause} position {} is not in select list", position.saturating_add(1));
    Refusal::new(SqlState("42P10"), "order.position", message)
}
