//! What may be written to a column.
//!
//! A protected column is not written to: what a role reads of it is a mask, and writing that back would destroy the value. But a
//! token stands for a value, and is turned back. Raw values of pseudonymised columns go nowhere but into a column of their own class.

use std::sync::Arc;

use sqlparser::ast::{Expr, Query, SelectItem, SetExpr};

use super::super::expr::InScope;
use super::super::label::{Label, Sealed};
use super::super::scope::{Col, Out, Scope};
use super::super::sealed::meet;
use super::super::stand_in::sealed_type;
use super::super::{Judge, build, refuse};
use crate::catalog::{BaseType, Relation};
use crate::mask::seal::SealForm;
use crate::policy::protection::Action;
use crate::read::EXCLUDED;
use crate::{Refusal, SqlState};

/// Where a value is written to.
#[derive(Debug, Clone)]
pub(crate) enum Into {
    /// A column of which nothing is protected.
    Clear {
        /// `schema.table.column`
        column: String,
    },
    /// DEFAULT stands there: nothing of the client's is written.
    Default,
    /// Nowhere: it is a condition.
    Condition,
    /// A protected column that the policy lets the role write: what the client gives is written.
    Given {
        /// The column's name.
        name: String,
        /// Values of its class may come from elsewhere, too.
        sealed: Option<Sealed>,
        /// Where `excluded` is the row that was to be inserted.
        excluded: bool,
        /// The refusal of a value of another class.
        why: Box<Refusal>,
    },
    /// A column of tokens: they are turned back. `null`: NULL is no loss, as in a new row.
    Tokens {
        /// The column.
        sealed: Sealed,
        /// NULL may be written.
        null: bool,
    },
    /// A protected column that nothing but NULL may be written to, as in a new row.
    Null {
        /// Why not anything else.
        why: Box<Refusal>,
    },
    /// A protected column that may not be written to.
    Nothing {
        /// Why not.
        why: Box<Refusal>,
    },
}

impl Into {
    /// The same in ON CONFLICT DO UPDATE.
    pub(super) fn of_conflict(self) -> Self {
        match self {
            Into::Given { name, sealed, why, .. } => Into::Given { name, sealed, excluded: true, why },
            other => other,
        }
    }

    /// The refusal of any value.
    pub(super) fn why_not(self, role: &str) -> Box<Refusal> {
        match self {
            Into::Null { why } | Into::Nothing { why } | Into::Given { why, .. } => why,
            Into::Tokens { sealed, .. } => Box::new(protected(role, &sealed.column, Some(&sealed.spec.class), &sealed.rule)),
            Into::Clear { .. } | Into::Default | Into::Condition => Box::new(refuse::unsupported("this assignment")),
        }
    }
}

impl Judge<'_> {
    /// What may be written to a column. `new`: of a new row.
    pub(super) fn into(&self, relation: &Relation, column: &str, new: bool) -> Result<Into, Refusal> {
        let Some(found) = relation.column(column) else {
            return Err(Refusal::new(
                SqlState::UNDEFINED_COLUMN,
                "name.column",
                format!("column \"{column}\" of relation \"{}\" does not exist", relation.name),
            ));
        };
        let full = format!("{}.{}.{column}", relation.schema, relation.name);
        let Some(treatment) = self.facts.guard(relation.oid).and_then(|g| g.columns.get(&found.number)) else {
            return Ok(Into::Clear { column: full });
        };
        // What goes from array to array, or as tokens into one, is not followed.
        let is_array = found.data_type.base == BaseType::Array;
        let why = Box::new(protected(self.role, &full, treatment.class.as_deref(), &treatment.rule));
        if self.facts.rights.writes_class(treatment.class.as_deref()) {
            let sealed = match &treatment.action {
                Action::Seal(spec) if !self.facts.rights.owns(&relation.schema) && !is_array => {
                    let ty = Arc::new(sealed_type(&found.data_type));
                    Some(Sealed { spec: Arc::clone(spec), column: full, rule: treatment.rule.clone(), ty })
                }
                Action::Seal(_) | Action::Veil(_) | Action::Refuse => None,
            };
            return Ok(Into::Given { name: column.to_owned(), sealed, excluded: false, why });
        }
        if let Action::Seal(spec) = &treatment.action
            && matches!(spec.form, SealForm::Token(_))
            && !is_array
            // What lies in a role's own table it can rename, and so show.
            && !self.facts.rights.owns(&relation.schema)
        {
            let ty = Arc::new(sealed_type(&found.data_type));
            let sealed = Sealed { spec: Arc::clone(spec), column: full, rule: treatment.rule.clone(), ty };
            return Ok(Into::Tokens { sealed, null: new });
        }
        Ok(if new { Into::Null { why } } else { Into::Nothing { why } })
    }

    /// Judges an expression that is written somewhere.
    pub(super) fn assign(&mut self, e: &mut Expr, into: &Into, scope: InScope) -> Result<Label, Refusal> {
        if let Into::Tokens { sealed, .. } = into
            && let Some(label) = self.token(e, sealed)?
        {
            self.tokens.written = true;
            return Ok(label);
        }
        let at = self.position(&*e);
        // A NULL is one whatever it is cast to.
        let null = build::is_null(e) || matches!(into, Into::Null { why } if self.tokens.must_be_null(e, &why.clone().at(at)));
        let label = if null { self.expr(e, scope).map(|_| Label::Null)? } else { self.expr(e, scope)? };
        self.lands(&label, into).map_err(|r| r.at(self.position(&*e)))?;
        Ok(label)
    }

    /// Whether a value of that label may be written there.
    pub(super) fn lands(&self, label: &Label, into: &Into) -> Result<(), Refusal> {
        match (into, label) {
            (Into::Default, _) | (Into::Clear { .. } | Into::Condition, Label::Clear | Label::Null) => Ok(()),
            (Into::Condition, Label::Sealed(s) | Label::SealedArray(s)) => Err(refuse::sealed_use(self.role, s, "a condition")),
            (Into::Clear { column }, Label::Sealed(s) | Label::SealedArray(s)) => Err(sealed_write(self.role, s, column)),
            (Into::Null { .. } | Into::Tokens { null: true, .. }, Label::Null) => Ok(()),
            (Into::Given { .. }, Label::Clear | Label::Null) => Ok(()),
            (Into::Given { sealed: Some(sealed), .. }, Label::Sealed(s)) if meet::same_domain(&sealed.spec, &s.spec).is_some() => Ok(()),
            (Into::Given { name, .. }, Label::Sealed(s) | Label::SealedArray(s)) => Err(sealed_write(self.role, s, name)),
            (Into::Tokens { sealed, .. }, Label::Sealed(s)) => meet::join(Label::Sealed(sealed.clone()), Label::Sealed(s.clone()))
                .map(|_| ())
                .map_err(|c| refuse::clash(self.role, &c, "an assignment")),
            (Into::Tokens { sealed, .. }, Label::Clear | Label::Null | Label::SealedArray(_)) => {
                Err(protected(self.role, &sealed.column, Some(&sealed.spec.class), &sealed.rule))
            }
            (Into::Null { why } | Into::Nothing { why }, _) => Err((**why).clone()),
        }
    }

    /// An item of the select list that is assigned.
    pub(crate) fn assigned_item(&mut self, item: &mut SelectItem, into: &Into, scope: &Scope) -> Result<Out, Refusal> {
        let SelectItem::UnnamedExpr(expr) = item else { return Err(refuse::unsupported("this assignment")) };
        let label = match into {
            Into::Default => Label::Null,
            // The mask of what the client gave would be written instead of it.
            Into::Given { name, excluded: true, .. } if is_excluded(expr, name) => Label::Clear,
            into => self.assign(expr, into, Some(scope))?,
        };
        Ok(Out { col: Col { label, ..Col::clear("?column?") }, expr: expr.clone() })
    }

    /// VALUES of an INSERT: each cell goes to a column of its own, whatever stands above and below it.
    pub(super) fn values(
        &mut self,
        query: &mut Query,
        into: &[Into],
        defaults: &std::collections::BTreeSet<(usize, usize)>,
    ) -> Result<(), Refusal> {
        if query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some() || !query.locks.is_empty() {
            return Err(refuse::unsupported("VALUES with ORDER BY or LIMIT, as the source of an INSERT,")
                .with_hint("Write SELECT * FROM (VALUES …)."));
        }
        self.gates = None;
        let frames = self.ctes.len();
        if let Some(with) = &mut query.with {
            self.with(with, None)?;
        }
        let SetExpr::Values(values) = &mut *query.body else { return Err(refuse::unsupported("this source of an INSERT")) };
        for (row, cells) in values.rows.iter_mut().enumerate() {
            if cells.content.len() != into.len() {
                return Err(Refusal::new(SqlState::SYNTAX, "query.arms", "VALUES lists must all be the same length"));
            }
            for (column, (cell, into)) in cells.content.iter_mut().zip(into).enumerate() {
                if !defaults.contains(&(row, column)) {
                    self.assign(cell, into, None)?;
                    self.note(cell, None);
                }
            }
        }
        self.own_with = self.ctes.get(frames..).unwrap_or_default().to_vec();
        self.ctes.truncate(frames);
        match self.shows_evaluation_order.take() {
            Some(refusal) if self.reads > 0 => return Err(refusal),
            _ => {}
        }
        self.settle(query);
        Ok(())
    }
}

/// `excluded.name`
fn is_excluded(e: &Expr, name: &str) -> bool {
    matches!(e, Expr::CompoundIdentifier(parts) if matches!(parts.as_slice(), [of, column] if of.value == EXCLUDED && column.value == name))
}

/// A protected column would be written to.
fn protected(role: &str, column: &str, class: Option<&str>, rule: &str) -> Refusal {
    let class = class.map(|c| format!(" (class {c})")).unwrap_or_default();
    Refusal::new(SqlState::DENIED, "write.protected", format!("column {column}{class} is protected for role {role} and is not written to"))
        .with_detail(format!("Rule: {rule}. What the role reads of it is a mask; written back, it would destroy the value."))
        .with_hint("Leave the column out of the statement. Of a column of tokens, a token can be written; other values where the policy says write = true.")
}

/// A pseudonymised value would be written raw, where it could be read.
fn sealed_write(role: &str, sealed: &Sealed, column: &str) -> Refusal {
    Refusal::new(
        SqlState::DENIED,
        "write.sealed",
        format!(
            "column {} (class {}) is pseudonymised for role {role} and cannot be written to {column}",
            sealed.column, sealed.spec.class
        ),
    )
    .with_detail(format!("Rule: {}. Inside the database it is not a pseudonym yet.", sealed.rule))
    .with_hint("Make a table of the query by CREATE TABLE AS, which keeps pseudonyms; or leave the column out.")
    .about(&sealed.spec.class)
}
