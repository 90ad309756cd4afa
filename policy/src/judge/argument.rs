//! Arguments: of calls, and of grammar that looks like a call.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, ObjectName,
    SelectItemQualifiedWildcardKind,
};

use super::expr::InScope;
use super::label::Label;
use super::row::{put_row, star_of};
use super::typing::place;
use super::{Judge, refuse};
use crate::Refusal;

impl Judge<'_> {
    /// The arguments of a call. `counts`: it only counts those that are not NULL.
    pub(crate) fn arguments(&mut self, counts: bool, list: &mut FunctionArgumentList, scope: InScope, usage: &str) -> Result<(), Refusal> {
        // Whether a row is NULL is all that counting it shows.
        let anything = counts && list.duplicate_treatment.is_none();
        for arg in &mut list.args {
            let inner = match arg {
                FunctionArg::Unnamed(inner) | FunctionArg::Named { arg: inner, .. } => inner,
                FunctionArg::ExprNamed { .. } => return Err(refuse::not_yet("form.call", "this way of naming an argument")),
            };
            match inner {
                FunctionArgExpr::Expr(e) if counts => match self.find_row(e, scope).filter(|_| anything) {
                    Some(row) => {
                        let value = self.row_value(&row, true)?;
                        put_row(e, value);
                    }
                    None => {
                        self.expr(e, scope)?;
                    }
                },
                FunctionArgExpr::Expr(e) => self.clear(e, scope, usage)?,
                FunctionArgExpr::Wildcard if counts => {}
                FunctionArgExpr::QualifiedWildcard(name) => match self.find_row(&star_of(name), scope) {
                    Some(row) => match self.row_value(&row, anything)? {
                        Expr::Identifier(printed) => *name = ObjectName::from(vec![printed]),
                        value => *inner = FunctionArgExpr::Expr(value),
                    },
                    None => {
                        self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                    }
                },
                _ => return Err(refuse::not_yet("form.call", "* as an argument")),
            }
        }
        for clause in &mut list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) => {
                    for item in items {
                        self.clear(&mut item.expr, scope, usage)?;
                    }
                }
                _ => return Err(refuse::not_yet("form.call", "this clause in a call")),
            }
        }
        Ok(())
    }

    pub(crate) fn construct(&mut self, word: &str, args: &mut FunctionArguments, scope: InScope) -> Result<Label, Refusal> {
        if let ("array", FunctionArguments::Subquery(query)) = (word, &mut *args) {
            let at = place(query);
            let cols = self.subquery(query, scope, true)?;
            if let [only] = cols.as_slice() {
                self.note_subquery(at, only.ty);
            }
            return match cols.iter().find_map(|c| c.label.sealed()) {
                Some(s) => Err(refuse::sealed_use(self.role, s, "an array")),
                None => Ok(Label::Clear),
            };
        }
        let list = match args {
            FunctionArguments::None => return Ok(Label::Clear),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(refuse::not_yet("form.call", "a subquery here")),
        };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(refuse::not_yet("form.call", "this form of a call"));
        }
        if word == "nullif" {
            self.implied_operators(&["="])?;
        }
        if word == "row" {
            return self.row_parts(&mut list.args, scope);
        }
        let mut label = Label::Null;
        for arg in &mut list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => match word {
                    "coalesce" | "nullif" => {
                        let next = self.expr(e, scope)?;
                        label = self.join(label, next, e, &word.to_ascii_uppercase())?;
                    }
                    "grouping" => {
                        self.expr(e, scope)?;
                        label = Label::Clear;
                    }
                    other => {
                        self.clear(e, scope, &other.to_ascii_uppercase())?;
                        label = Label::Clear;
                    }
                },
                _ => return Err(refuse::not_yet("form.call", "this argument")),
            }
        }
        Ok(label)
    }
}
