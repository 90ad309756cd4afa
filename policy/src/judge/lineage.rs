//! What a materialised view holds of protected columns, by its definition.
//!
//! Its rows are raw and stored, so its definition cannot be judged in their place. It is judged all the same, with every protected
//! column shown as it is and followed: an output that is such a column has its class; one that is computed from any is *derived*; and
//! where WHERE, a join, GROUP BY, DISTINCT, a set operation, LIMIT or recursion read one, which rows there are tells of it. Such a
//! view has no masked form, and is refused.

use std::ops::ControlFlow;

use sqlparser::ast::Expr;

use super::facts::Veiled;
use super::scope::Col;
use super::stand_in::VIEW_DEPTH;
use super::{Judge, refuse};
use crate::catalog::{Oid, Relation};
use crate::mask::fit::Action;
use crate::plan::Origin;
use crate::policy::protection::{Ground, Guard, Treatment, redacted};
use crate::{Refusal, SqlState, read};

/// Where a column of a materialised view comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lineage {
    /// From nothing that is protected.
    Clear,
    /// It is that column.
    Column(Oid, i16),
    /// It is computed from protected columns.
    Derived,
}

/// A column that is followed, or computed from one.
pub(crate) fn is_protected(col: &Col) -> bool {
    col.derived || col.refused.is_some() || col.label.sealed().is_some() || matches!(col.origin, Origin::Veiled { .. })
}

impl Judge<'_> {
    /// A column is read: into an output, or where it decides about rows.
    pub(crate) fn note_read(&mut self, col: Option<&Col>) {
        let protected = self.facts.follows() && col.is_none_or(is_protected);
        if let Some(col) = col.filter(|_| protected && self.in_output > 0) {
            let sources = self.sources_of(&[col]);
            self.sources.extend(sources);
        }
        self.note_order(protected);
    }

    /// The protected columns that these come from.
    pub(crate) fn sources_of(&self, cols: &[&Col]) -> Vec<(Oid, i16)> {
        let mut found = Vec::new();
        for col in cols.iter().filter(|_| self.facts.follows()) {
            match col.origin {
                Origin::Veiled { relation, attribute } => found.push((relation, attribute)),
                Origin::Column { .. } | Origin::Computed => found.extend(&col.sources),
            }
        }
        found
    }

    /// Something shows in which order rows came, or a protected value.
    pub(crate) fn note_order(&mut self, shows: bool) {
        if shows && self.facts.follows() {
            if self.in_output > 0 {
                self.followed = self.followed.saturating_add(1);
            } else {
                self.flows = self.flows.saturating_add(1);
            }
        }
    }

    /// Something protected decides which rows there are.
    pub(crate) fn note_flow(&mut self, decides: bool) {
        if decides && self.facts.follows() {
            self.flows = self.flows.saturating_add(1);
        }
    }

    /// Rows are told apart by these columns; `by_order`: of equal ones the first is taken.
    pub(crate) fn note_distinct(&mut self, by_order: bool, cols: &[Col]) {
        self.note_flow(by_order && self.reads > 0 || cols.iter().any(is_protected));
    }

    /// An output begins; what to give to [`Judge::end_output`].
    pub(crate) fn begin_output(&mut self) -> usize {
        self.in_output = self.in_output.saturating_add(1);
        self.followed
    }

    /// It ends: whether it has read something protected.
    pub(crate) fn end_output(&mut self, reads: usize) -> bool {
        self.in_output = self.in_output.saturating_sub(1);
        self.followed > reads
    }

    /// What stands for a materialised view that the policy does not class completely; `source` is protected.
    pub(crate) fn by_lineage(&mut self, relation: &Relation, mut guard: Guard, source: &str) -> Result<Veiled, Refusal> {
        let lineage = self.lineage(relation, source)?;
        if self.facts.follows() {
            let mut followed = self.guarded(relation, &guard, None)?;
            for ((col, column), from) in followed.cols.iter_mut().zip(&relation.columns).zip(lineage) {
                match from {
                    _ if guard.columns.contains_key(&column.number) => {}
                    Lineage::Clear => {}
                    Lineage::Column(relation, attribute) => col.origin = Origin::Veiled { relation, attribute },
                    Lineage::Derived => {
                        col.derived = true;
                        col.sources = vec![(relation.oid, column.number)];
                    }
                }
            }
            return Ok(followed);
        }
        for (column, from) in relation.columns.iter().zip(lineage) {
            let treatment = match from {
                Lineage::Clear => continue,
                Lineage::Column(oid, number) => self.inherited(column, oid, number),
                Lineage::Derived => Treatment {
                    action: redacted(column),
                    class: None,
                    rule: format!("derived from {source} by materialised view {}.{}", relation.schema, relation.name),
                    ground: Ground::Derived,
                },
            };
            guard.columns.entry(column.number).or_insert(treatment);
        }
        self.facts.remember_lineage(relation.oid, &guard);
        // Even with no such column: rows lie in it in the order in which they were computed.
        self.guarded(relation, &guard, None)
    }

    /// The treatment of the column that this one is, where it fits; else it is redacted.
    fn inherited(&self, column: &crate::catalog::Column, oid: Oid, number: i16) -> Treatment {
        let from = self.facts.catalog.relations.get(&oid);
        let source = from.and_then(|r| r.attribute(number));
        let name = from.zip(source).map(|(r, c)| format!("{}.{}.{}", r.schema, r.name, c.name)).unwrap_or_default();
        let treatment = self.facts.guard(oid).and_then(|g| g.columns.get(&number));
        let same_type = source.is_some_and(|s| s.data_type == column.data_type);
        let same_name = source.is_some_and(|s| s.name == column.name);
        let action = match treatment.map(|t| &t.action) {
            Some(Action::Seal(spec)) if same_type => Action::Seal(spec.clone()),
            Some(Action::Veil(sql)) if same_type && same_name && from.is_some_and(|r| reads_only(sql, &column.name, r)) => {
                Action::Veil(sql.clone())
            }
            Some(Action::Refuse) => Action::Refuse,
            Some(Action::Seal(_) | Action::Veil(_)) | None => redacted(column),
        };
        let rule = treatment.map_or("built in", |t| t.rule.as_str());
        Treatment { action, class: treatment.and_then(|t| t.class.clone()), rule: format!("from {name}; {rule}"), ground: Ground::Derived }
    }

    /// A materialised view that reads nothing protected by itself: the functions in it must be callable for the role.
    pub(crate) fn calls_of(&self, relation: &Relation) -> Result<(), Refusal> {
        let role = self.role;
        let denied = |why: &str| {
            underived(format!("what materialised view {}.{} holds may be protected for role {role}", relation.schema, relation.name), why)
        };
        let Some(definition) = &relation.definition else { return Err(denied("Its definition is not known.")) };
        if self.depth >= VIEW_DEPTH {
            return Err(refuse::not_yet("view.depth", "a view nested this deep"));
        }
        let not_followed = |r: Refusal| denied(&format!("Its definition cannot be followed: {}.", r.message));
        let mut query = (*read::query(definition).map_err(not_followed)?.ast).clone();
        let path = ["pg_catalog".to_owned()];
        let mut inner = Judge::new(self.facts, &path, role, definition);
        inner.depth = self.depth.saturating_add(1);
        inner.query(&mut query, None, false).map(|_| ()).map_err(not_followed)
    }

    fn lineage(&self, relation: &Relation, source: &str) -> Result<Vec<Lineage>, Refusal> {
        let denied = |why: &str| {
            let message = format!(
                "materialised view {}.{} is computed from {source}, which is protected for role {}",
                relation.schema, relation.name, self.role
            );
            underived(message, why)
        };
        let Some(definition) = &relation.definition else { return Err(denied("Its definition is not known.")) };
        if self.depth >= VIEW_DEPTH {
            return Err(refuse::not_yet("view.depth", "a view nested this deep"));
        }
        let not_followed = |r: Refusal| denied(&format!("Its definition cannot be followed: {}.", r.message));
        let reading = read::query(definition).map_err(not_followed)?;
        let mut query = (*reading.ast).clone();
        let facts = if self.facts.follows() { self.facts } else { self.facts.following() };
        let path = ["pg_catalog".to_owned()];
        let mut inner = Judge::new(facts, &path, self.role, definition);
        inner.depth = self.depth.saturating_add(1);
        let cols = inner.query(&mut query, None, false).map_err(not_followed)?;
        if let Some(refusal) = inner.shows_evaluation_order.take() {
            return Err(not_followed(refusal));
        }
        if inner.flows > 0 {
            return Err(denied("Which rows it has depends on protected values, by its WHERE, joins, groups or limits."));
        }
        if cols.len() != relation.columns.len() {
            return Err(denied("Its columns are not those of its definition."));
        }
        Ok(cols
            .iter()
            .map(|col| match &col.origin {
                _ if col.derived => Lineage::Derived,
                Origin::Veiled { relation, attribute } => Lineage::Column(*relation, *attribute),
                Origin::Column { .. } | Origin::Computed if is_protected(col) => Lineage::Derived,
                Origin::Column { .. } | Origin::Computed => Lineage::Clear,
            })
            .collect())
    }
}

/// A mask reads no other column of the relation: in the materialised view there need be none, or it could be another one.
fn reads_only(sql: &str, column: &str, relation: &Relation) -> bool {
    let Ok(e) = read::expression(sql) else { return false };
    let others = sqlparser::ast::visit_expressions(&e, |e| match e {
        Expr::Identifier(id) if id.value != column && relation.column(&id.value).is_some() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    others.is_continue()
}

fn underived(message: String, why: &str) -> Refusal {
    Refusal::new(SqlState::DENIED, "relation.derived", message)
        .with_detail(why.to_owned())
        .with_hint("Query the tables it is made from, or have each of its columns named by a class of the policy.")
}
