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
    /// The labels of a call's arguments. `counts`: it may be given `*`.
    pub(crate) fn arguments(&mut self, counts: bool, list: &mut FunctionArgumentList, scope: InScope) -> Result<Vec<Label>, Refusal> {
        // Whether a row is NULL is all that counting it shows.
        let anything = counts && list.duplicate_treatment.is_none();
        let mut labels = Vec::new();
        for arg in &mut list.args {
            let inner = match arg {
                FunctionArg::Unnamed(inner) | FunctionArg::Named { arg: inner, .. } => inner,
                FunctionArg::ExprNamed { .. } => return Err(refuse::not_yet("form.call", "this way of naming an argument")),
            };
            match inner {
                // count(DISTINCT (a, b)): of a row no more shows than that it is another.
                FunctionArgExpr::Expr(Expr::Tuple(parts)) if counts => {
                    for part in parts {
                        self.expr(part, scope)?;
                    }
                    labels.push(Label::Clear);
                }
                FunctionArgExpr::Expr(e) if counts => match self.find_row(e, scope).filter(|_| anything) {
                    Some(row) => {
                        let value = self.row_value(&row, true)?;
                        put_row(e, value);
                        labels.push(Label::Clear);
                    }
                    None => labels.push(self.expr(e, scope)?),
                },
                FunctionArgExpr::Expr(e) => labels.push(self.expr(e, scope)?),
                FunctionArgExpr::Wildcard if counts => {}
                FunctionArgExpr::QualifiedWildcard(name) => {
                    match self.find_row(&star_of(name), scope) {
                        Some(row) => match self.row_value(&row, anything)? {
                            Expr::Identifier(printed) => *name = ObjectName::from(vec![printed]),
                            value => *inner = FunctionArgExpr::Expr(value),
                        },
                        None => {
                            self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                        }
                    }
                    labels.push(Label::Clear);
                }
                _ => return Err(refuse::not_yet("form.call", "* as an argument")),
            }
        }
        for clause in &mut list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) => {
                    for item in items {
                        self.order_item(item, scope)?;
                    }
                }
                _ => return Err(refuse::not_yet("form.call", "this clause in a call")),
            }
        }
        Ok(labels)
    }

    /// Puts a refusal at the argument that it is of.
    pub(crate) fn at_argument((index, refusal): (usize, Refusal), list: &FunctionArgumentList, judge: &Judge) -> Refusal {
        match list.args.get(index) {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) | FunctionArg::Named { arg: FunctionArgExpr::Expr(e), .. }) => {
                refusal.at(judge.position(e))
            }
            _ => refusal,
        }
    }

    /// Grammar that looks like a call; `greatest` and `least` are written by the keyed order where they are of sealed values.
    pub(crate) fn construct(&mut self, word: &str, args: &mut FunctionArguments, scope: InScope) -> Result<Label, Refusal> {
        if let ("array", FunctionArguments::Subquery(query)) = (word, &mut *args) {
            let at = place(query);
            let cols = self.subquery(query, scope, true)?;
            if let [only] = cols.as_slice() {
                self.note_subquery(at, only.ty);
            }
            return self.array_of_column(cols);
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
                    "coalesce" | "nullif" => label = self.joined(label, e, scope, &word.to_ascii_uppercase())?,
                    "greatest" | "least" => {
                        let next = self.expr(e, scope)?;
                        label = self.join(label, next, e, &word.to_ascii_uppercase())?;
                        if let Label::SealedArray(s) = &label {
                            return Err(refuse::sealed_use(self.role, s, &word.to_ascii_uppercase()).at(self.position(&*e)));
                        }
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
