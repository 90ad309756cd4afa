//! Statements that write: what they may assign, which rows they see, what they give back.
//!
//! The expressions of such a statement are judged as those of queries ([`read::Write`]), in which the target stands in FROM as
//! any other relation does: a derived table computes its masks and applies its row filter. A target cannot be a derived table, so
//! this one is then put *in line* ([`inline`]): a masked column becomes its mask over the target's own columns, the row filter a condition
//! of WHERE. Rooms: `target`, where it writes and in which columns; `assign`, what may be written there; `inline`.

mod assign;
mod inline;
mod target;

use std::collections::BTreeSet;

use sqlparser::ast::{Query, SelectItem, SetExpr};

use super::engine::{RoleEngine, Subject};
use super::facts::Facts;
use super::scope::Col;
use super::{Judge, gate, refuse, statement};
use crate::catalog::Relation;
use crate::plan::{Kind, Planned, SqlText};
use crate::read::{Assigned, EXCLUDED, Reading, Sent, Shell, Target as Written, Verb, Write};
use crate::{Refusal, SqlState};
pub(crate) use assign::Into;
pub(crate) use target::Target;

/// Judges a statement that writes. `text`: the client's, from where it begins.
pub(super) fn plan(role: &RoleEngine, who: &Subject, write: &Write, text: &str) -> Result<Planned, Refusal> {
    let mut redacted = BTreeSet::new();
    let mut judged = plan_on(&role.facts, who, write, text);
    // As for a query.
    while let Err(refusal) = &judged
        && refusal.sealed.iter().any(|class| redacted.insert(class.clone()))
        && let Some(facts) = role.otherwise(&redacted)
    {
        judged = plan_on(&facts, who, write, text);
    }
    judged
}

fn plan_on(facts: &Facts, who: &Subject, write: &Write, text: &str) -> Result<Planned, Refusal> {
    let mut judge = Judge::new(facts, &who.search_path, &who.role, text);
    let judged = judge.write(write).map_err(|r| r.at(Some(1)))?;
    Ok(Planned {
        text: SqlText::with_holes(&judged.text, facts.marker(), judge.tokens.literals()),
        outputs: statement::outputs(&judged.returned, &facts.catalog.forms),
        moves_search_path: judge.moves_search_path,
        order_is_data: judged.reads > 0,
        tokens: judge.tokens.parameters(),
        ..Planned::plain(Kind::Write, "")
    })
}

/// What became of it.
struct Judged {
    text: String,
    returned: Vec<Col>,
    reads: usize,
}

impl Judge<'_> {
    fn write(&mut self, write: &Write) -> Result<Judged, Refusal> {
        let shell = &write.shell;
        let relation = self.write_target(shell)?;
        let reads_target = write.action.is_some() || write.returning.is_some();
        let veiled = reads_target && self.stand_in(&relation)?.is_some();
        let mut sent = shell.clone();
        sent.target.name = vec![relation.schema.clone(), relation.name.clone()];
        if !reads_target {
            sent.target.alias = None;
        } else if veiled {
            sent.target.alias = Some(target::PRINTED.to_owned());
        }
        let mut target = Target::new(&relation, &shell.target, veiled);
        match shell.verb {
            Verb::Insert => {
                let (source, columns) = self.insert_source(write, &relation)?;
                sent.columns = columns;
                let action = match (&write.action, shell.conflict.as_ref().and_then(|c| c.update.as_ref())) {
                    (Some(reading), Some(assigned)) => {
                        target.into = self.assigned(&relation, assigned)?;
                        target.excluded = true;
                        let (query, _, _) = self.over_target(reading, &target, assigned.len(), Filter::Applied, false)?;
                        Some(query)
                    }
                    _ => None,
                };
                let (returning, returned) = match &write.returning {
                    Some(reading) => {
                        let target = Target::new(&relation, &shell.target, veiled);
                        let (query, returned, _) = self.over_target(reading, &target, 0, Filter::LeftOut, false)?;
                        (Some(query), returned)
                    }
                    None => (None, vec![]),
                };
                let sent = Sent { shell: sent, source: source.as_ref(), action: action.as_ref(), returning: returning.as_ref() };
                Ok(Judged { text: sent.print()?, returned, reads: self.reads })
            }
            Verb::Update | Verb::Delete => {
                let Some(reading) = &write.action else { return Err(refuse::unsupported("this statement")) };
                target.into = self.assigned(&relation, &shell.assigned)?;
                let (query, cols, sorted) = self.over_target(reading, &target, shell.assigned.len(), Filter::Applied, true)?;
                if sorted {
                    self.order_shows(shell, &relation)?;
                }
                let returned = cols.get(shell.assigned.len()..).unwrap_or_default().to_vec();
                let sent = Sent { shell: sent, source: None, action: Some(&query), returning: None };
                Ok(Judged { text: sent.print()?, returned, reads: self.reads })
            }
        }
    }

    /// Judges a query over the target, and puts the target in line. Says what it shows, and whether its rows would have to be sorted.
    fn over_target(
        &mut self,
        reading: &Reading,
        target: &Target,
        assigned: usize,
        filter: Filter,
        order_shows: bool,
    ) -> Result<(Query, Vec<Col>, bool), Refusal> {
        let mut query = (*reading.ast).clone();
        self.target = Some(target.clone());
        self.unordered = false;
        let cols = self.statement(&mut query, order_shows)?;
        query.order_by = None;
        let sorted = self.unordered;
        let marker = (!self.tokens.literals().is_empty()).then(|| self.facts.marker());
        reading.print_with_holes(&query, marker)?;
        let SetExpr::Select(select) = &mut *query.body else { return Err(refuse::unsupported("this statement")) };
        for item in select.projection.iter_mut().take(assigned) {
            if let SelectItem::ExprWithAlias { expr, .. } = item {
                *item = SelectItem::UnnamedExpr(expr.clone());
            }
        }
        if target.excluded {
            inline::only_name(&query, EXCLUDED)?;
            self.inline(&mut query, 1, target, Filter::LeftOut)?;
        }
        self.inline(&mut query, 0, target, filter)?;
        gate::insert(&mut query, &self.facts.catalog)?;
        if let (Filter::LeftOut, SetExpr::Select(select)) = (filter, &mut *query.body) {
            // RETURNING has no condition.
            select.selection = None;
        }
        Ok((query, cols, sorted))
    }

    /// The order in which rows are written, or given back, follows from protected values.
    fn order_shows(&self, shell: &Shell, relation: &Relation) -> Result<(), Refusal> {
        // Rows of a filtered relation are always given in an order of pgveil's own; deleted ones leave no order behind.
        let filtered = self.facts.guard(relation.oid).is_some_and(|g| !g.filters.is_empty());
        let (what, hint) = match shell.verb {
            _ if shell.returning => ("given back by RETURNING", "Leave out RETURNING, or write row by row: by the primary key."),
            Verb::Update if !filtered => ("written", "Write row by row: by the primary key."),
            Verb::Update | Verb::Insert | Verb::Delete => return Ok(()),
        };
        Err(Refusal::new(
            SqlState::DENIED,
            "write.order",
            format!("the order in which rows of {}.{} would be {what} could follow protected values", relation.schema, relation.name),
        )
        .with_detail("A statement that writes cannot be given an order, and its plan may read an index or a join of protected columns.")
        .with_hint(hint))
    }

    /// The rows of an INSERT, and the columns that they are written to.
    fn insert_source(&mut self, write: &Write, relation: &Relation) -> Result<(Option<Query>, Option<Vec<String>>), Refusal> {
        let shell = &write.shell;
        let Some(reading) = &write.source else { return Ok((None, None)) };
        let mut query = (*reading.ast).clone();
        let first = match &*query.body {
            SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
            _ => None,
        };
        let columns = match first {
            Some(width) => {
                let columns = insert_columns(shell, relation, width)?;
                let into = self.insert_into(relation, &columns)?;
                self.values(&mut query, &into, &shell.defaults)?;
                columns
            }
            None => {
                let cols = self.statement(&mut query, true)?;
                let columns = insert_columns(shell, relation, cols.len())?;
                let into = self.insert_into(relation, &columns)?;
                cols.iter().zip(&into).try_for_each(|(col, into)| self.lands(&col.label, into))?;
                columns
            }
        };
        let marker = (!self.tokens.literals().is_empty()).then(|| self.facts.marker());
        reading.print_with_holes(&query, marker)?;
        gate::insert(&mut query, &self.facts.catalog)?;
        Ok((Some(query), Some(columns)))
    }

    fn insert_into(&self, relation: &Relation, columns: &[String]) -> Result<Vec<Into>, Refusal> {
        columns.iter().map(|column| self.into(relation, column, true)).collect()
    }

    fn assigned(&self, relation: &Relation, assigned: &[Assigned]) -> Result<Vec<Into>, Refusal> {
        let one = |a: &Assigned| match a.columns.as_slice() {
            [column] if a.default => self.into(relation, column, true).map(|_| Into::Default),
            [column] => self.into(relation, column, false),
            several => {
                let all = several.iter().map(|c| self.into(relation, c, false)).collect::<Result<Vec<_>, _>>()?;
                Ok(all.into_iter().find(|into| !matches!(into, Into::Clear { .. })).map_or_else(
                    || Into::Clear { column: several.join(", ") },
                    |protected| Into::Nothing { why: protected.why_not(self.role) },
                ))
            }
        };
        assigned.iter().map(one).collect()
    }
}

/// Whether a row filter of the target becomes a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Applied,
    /// The row is the client's own.
    LeftOut,
}

/// The columns that rows of this width are written to.
fn insert_columns(shell: &Shell, relation: &Relation, width: usize) -> Result<Vec<String>, Refusal> {
    let wrong = |what: &str| Err(Refusal::new(SqlState::SYNTAX, "write.columns", format!("INSERT has more {what}")));
    match &shell.columns {
        Some(named) if named.len() < width => wrong("expressions than target columns"),
        Some(named) if named.len() > width => wrong("target columns than expressions"),
        Some(named) => Ok(named.clone()),
        None if relation.columns.len() < width => wrong("expressions than target columns"),
        None => Ok(relation.columns.iter().take(width).map(|c| c.name.clone()).collect()),
    }
}

impl Target {
    fn new(relation: &Relation, written: &Written, veiled: bool) -> Self {
        Target {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            alias: written.alias.clone(),
            only: written.only,
            veiled,
            excluded: false,
            into: vec![],
        }
    }
}
