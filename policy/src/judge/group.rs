//! GROUP BY: its keys, and the columns that hang on them.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr};

use super::facts::GroupPart;
use super::order::no_position;
use super::query::position_of;
use super::scope::{Col, Scope};
use super::typing::Ty;
use super::{Judge, build, output, refuse};
use crate::Refusal;
use crate::read::coded::{self, Form};

impl Judge<'_> {
    /// GROUP BY: sealed keys are allowed; names of the select list and positions are understood.
    pub(crate) fn group_by(
        &mut self,
        group_by: &mut GroupByExpr,
        raw: &[(Expr, Option<String>)],
        scope: &Scope,
    ) -> Result<Option<Groups>, Refusal> {
        let GroupByExpr::Expressions(items, modifiers) = group_by else { return Err(refuse::not_yet("form.group", "GROUP BY ALL")) };
        if !modifiers.is_empty() {
            return Err(refuse::not_yet("form.group", "this form of GROUP BY"));
        }
        if items.is_empty() {
            return Ok(None);
        }
        let mut groups = Groups::default();
        for item in items {
            self.group_item(item, raw, scope, &mut groups)?;
        }
        Ok(Some(groups))
    }

    fn group_item(&mut self, item: &mut Expr, raw: &[(Expr, Option<String>)], scope: &Scope, groups: &mut Groups) -> Result<(), Refusal> {
        {
            match item {
                Expr::Function(f) if matches!(coded::form(f), Some(Form::GroupDistinct)) => {}
                Expr::Function(f) if matches!(coded::form(f), Some(Form::Rollup | Form::Cube | Form::Sets | Form::EmptySet)) => {
                    groups.sets = true;
                    let FunctionArguments::List(list) = &mut f.args else { return Err(refuse::unsupported("this form of GROUP BY")) };
                    for arg in &mut list.args {
                        match arg {
                            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.group_item(e, raw, scope, groups)?,
                            _ => return Err(refuse::unsupported("this form of GROUP BY")),
                        }
                    }
                }
                Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                    groups.sets = true;
                    for e in sets.iter_mut().flatten() {
                        self.group_key(e, raw, scope, groups)?;
                    }
                }
                Expr::Tuple(parts) => {
                    for e in parts {
                        self.group_key(e, raw, scope, groups)?;
                    }
                }
                e => self.group_key(e, raw, scope, groups)?,
            }
        }
        Ok(())
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
            other => match position_of(other) {
                Some(n) => {
                    let found = raw.get(n).ok_or_else(|| no_position("GROUP BY", n).at(self.position(e)))?;
                    Some(found.0.clone())
                }
                None => None,
            },
        };
        let (label, expr) = match of_output {
            Some(mut copy) => (self.expr(&mut copy, Some(scope))?, copy),
            None => (self.expr(e, Some(scope))?, e.clone()),
        };
        self.note(&expr, Some(scope));
        let base = self.shown(&expr, Some(scope)).base;
        let place = self.locate(&expr, Some(scope)).or_else(|| self.merged_place(&expr, Some(scope)));
        let ty = self.type_of(&expr, Some(scope)).map(Ty::settled);
        groups.keys.push(GroupPart { col: Col { label, base, ty, ..Col::clear("") }, expr, place });
        Ok(())
    }
}

/// The keys of GROUP BY.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// In order.
    pub keys: Vec<GroupPart>,
    /// ROLLUP, CUBE or GROUPING SETS.
    pub sets: bool,
}
