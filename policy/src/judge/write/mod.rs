//! Statements that write: what they may assign, which rows they see, what they give back.
//!
//! The expressions of such a statement are judged as those of queries ([`read::Write`]), in which the target stands in FROM as
//! any other relation does: a derived table computes its masks and applies its row filter. A target cannot be a derived table, so
//! this one is then put *in line* ([`inline`]): a masked column becomes its mask over the target's own columns, the row filter a condition
//! of WHERE. Rooms: `sorted`, what it returns in an order of pgveil's own; `target`, where it writes and in which columns; `assign`, what may be written there; `inline`.

mod assign;
mod inline;
mod sorted;
mod target;

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Query, SelectItem, SetExpr};

use super::engine::{RoleEngine, Subject};
use super::facts::Facts;
use super::query::mentions;
use super::scope::Col;
use super::{Cte, Judge, build, gate, refuse, statement};
use crate::catalog::Relation;
use crate::plan::{Kind, Planned, SqlText};
use crate::read::{Assigned, EXCLUDED, Reading, Sent, Shell, Target as Written, Then, Verb, When, Write};
use crate::{Refusal, SqlState};
pub(crate) use assign::Into;
pub(crate) use target::{Target, is_printed};

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
    let mut judged = judge.write(write, false).map_err(|r| r.at(Some(1)))?;
    let mut tag = None;
    if judged.sorts {
        judged = judge.sorted(judged);
        tag = Some(write.shell.verb.name());
    }
    Ok(Planned {
        text: SqlText::with_holes(&judged.sent.print().map_err(|r| r.at(Some(1)))?, facts.marker(), judge.tokens.literals()),
        outputs: statement::outputs(&judged.returned, &facts.catalog.forms),
        moves_search_path: judge.moves_search_path,
        order_is_data: judge.reads > 0,
        tokens: judge.tokens.parameters(),
        nulls: judge.tokens.nulls(),
        filtered: super::barrier::relations(&judge.barriers),
        tag,
        writes_tokens: judge.tokens.written,
        ..Planned::plain(Kind::Write, "")
    })
}

/// What became of it.
struct Judged {
    sent: Sent,
    returned: Vec<Col>,
    /// What it returns must be sorted.
    sorts: bool,
}

/// The WHENs of a MERGE.
struct Whens {
    /// Where their expressions are written to.
    into: Vec<Into>,
    /// Which of them see the source alone.
    unmatched: BTreeSet<usize>,
    /// As they are sent.
    sent: Vec<When>,
}

impl Judge<'_> {
    /// A statement in WITH that writes: what it returns.
    pub(super) fn writing_cte(&mut self, index: usize, write: &Write) -> Result<Vec<Col>, Refusal> {
        let (gates, unordered) = (self.gates.take(), self.unordered);
        let judged = self.write(write, true)?;
        (self.gates, self.unordered) = (gates, unordered);
        self.written.push((index, judged.sent));
        Ok(judged.returned)
    }

    /// `nested`: it stands in WITH, where the order of what it returns does not show by itself.
    fn write(&mut self, write: &Write, nested: bool) -> Result<Judged, Refusal> {
        let shell = &write.shell;
        if !nested {
            self.writes.clone_from(&write.ctes);
        }
        if shell.verb == Verb::Select {
            return self.query_that_writes(write);
        }
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
        let filtered = self.facts.guard(relation.oid).is_some_and(|g| !g.filters.is_empty());
        target.unsorted = shell.verb == Verb::Update && !filtered;
        let mut judged = Judged {
            sent: Sent { shell: sent, source: None, action: None, returning: None, ctes: vec![] },
            returned: vec![],
            sorts: false,
        };
        match (shell.verb, &write.action) {
            (Verb::Insert, action) => {
                (judged.sent.source, judged.sent.shell.columns) = self.insert_source(write, &relation)?;
                let frames = self.ctes.len();
                let shared = self.shared_with(write, judged.sent.source.as_ref())?;
                self.ctes.extend(shared);
                if let (Some(reading), Some(assigned)) = (action, shell.conflict.as_ref().and_then(|c| c.update.as_ref())) {
                    target.into = self.assigned(&relation, assigned)?.into_iter().map(Into::of_conflict).collect();
                    target.excluded = true;
                    judged.sent.action = Some(self.over_target(reading, &target, Filter::Applied, false)?.0);
                }
                if let Some(reading) = &write.returning {
                    let target = Target::new(&relation, &shell.target, veiled);
                    let (query, returned) = self.over_target(reading, &target, Filter::LeftOut, false)?;
                    (judged.sent.returning, judged.returned) = (Some(query), returned);
                }
                self.ctes.truncate(frames);
            }
            (Verb::Update | Verb::Delete, Some(reading)) => {
                target.into = self.assigned(&relation, &shell.assigned)?;
                let (query, cols) = self.over_target(reading, &target, Filter::Applied, true)?;
                judged.returned = cols.get(shell.assigned.len()..).unwrap_or_default().to_vec();
                judged.sent.action = Some(query);
                self.order_shows(shell, &relation)?;
                judged.sorts = self.unordered && shell.returning && !nested;
            }
            (Verb::Merge, Some(reading)) => {
                let whens = self.whens(&relation, &shell.whens)?;
                (target.into, target.unmatched, judged.sent.shell.whens) = (whens.into, whens.unmatched, whens.sent);
                judged.sent.action = Some(self.over_target(reading, &target, Filter::Applied, true)?.0);
                self.order_shows(shell, &relation)?;
            }
            (Verb::Update | Verb::Delete | Verb::Merge, None) | (Verb::Select, _) => return Err(refuse::unsupported("this statement")),
        }
        if !nested {
            judged.sent.ctes = self.take_written(write)?;
        }
        Ok(judged)
    }

    /// What ON CONFLICT and RETURNING see of the WITH before INSERT.
    fn shared_with(&mut self, write: &Write, source: Option<&Query>) -> Result<Vec<Cte>, Refusal> {
        let own = std::mem::take(&mut self.own_with);
        let parts = [&write.action, &write.returning];
        let named = |cte: &Cte| parts.iter().any(|part| part.as_ref().is_some_and(|r| mentions(&r.ast, &cte.name)));
        if !write.shares_with || !own.iter().any(named) {
            return Ok(vec![]);
        }
        // Sorted rows take WITH along, into a subquery: outside of it the same name would mean a table.
        if source.is_none_or(|s| s.with.is_none()) {
            return Err(refuse::not_yet("write.with", "in ON CONFLICT or RETURNING, the WITH of rows that pgveil must sort,")
                .with_hint("Write the subquery itself, without WITH."));
        }
        // Whether what may fail could meet hidden rows has been settled for its query already.
        if own.iter().any(|cte| named(cte) && !cte.reached.is_empty()) {
            return Err(refuse::not_yet("write.with", "in ON CONFLICT or RETURNING, a WITH over relations with row filters,")
                .with_hint("Write the subquery itself, without WITH."));
        }
        Ok(own)
    }

    /// The statements of WITH, in their order there.
    fn take_written(&mut self, write: &Write) -> Result<Vec<(usize, Sent)>, Refusal> {
        let mut written = std::mem::take(&mut self.written);
        written.sort_by_key(|(index, _)| *index);
        if written.len() != write.ctes.len() {
            return Err(refuse::unsupported("a statement in this WITH"));
        }
        Ok(written)
    }

    fn query_that_writes(&mut self, write: &Write) -> Result<Judged, Refusal> {
        let Some(reading) = &write.source else { return Err(refuse::unsupported("this statement")) };
        let mut query = (*reading.ast).clone();
        let returned = self.statement(&mut query, true)?;
        let marker = (!self.tokens.literals().is_empty()).then(|| self.facts.marker());
        reading.print_with_holes(&query, marker)?;
        gate::insert(&mut query, &self.facts.catalog)?;
        let ctes = self.take_written(write)?;
        let sent = Sent { shell: write.shell.clone(), source: Some(query), action: None, returning: None, ctes };
        Ok(Judged { sent, returned, sorts: false })
    }

    /// Judges a query over the target, and puts the target in line. Says what it shows; `unordered`, whether its rows would have to be sorted.
    fn over_target(&mut self, reading: &Reading, target: &Target, filter: Filter, order_shows: bool) -> Result<(Query, Vec<Col>), Refusal> {
        let mut query = (*reading.ast).clone();
        self.target = Some(target.clone());
        self.unordered = false;
        let cols = self.statement(&mut query, order_shows)?;
        query.order_by = None;
        let marker = (!self.tokens.literals().is_empty()).then(|| self.facts.marker());
        reading.print_with_holes(&query, marker)?;
        let SetExpr::Select(select) = &mut *query.body else { return Err(refuse::unsupported("this statement")) };
        for item in select.projection.iter_mut().take(target.into.len()) {
            if let SelectItem::ExprWithAlias { expr, .. } = item {
                *item = SelectItem::UnnamedExpr(expr.clone());
            }
        }
        // What comes into a column's place has another name, or none.
        for item in select.projection.iter_mut().skip(target.into.len()) {
            if let SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(_)) = item
                && let Expr::CompoundIdentifier(parts) = &*expr
                && let [of, column] = parts.as_slice()
                && of.value == target::PRINTED
            {
                *item = SelectItem::ExprWithAlias { alias: build::ident(&column.value), expr: expr.clone() };
            }
        }
        if target.excluded {
            inline::only_name(&query, EXCLUDED)?;
            self.inline(&mut query, 1, target, Filter::LeftOut)?;
        }
        self.inline(&mut query, 0, target, filter)?;
        gate::insert(&mut query, &self.facts.catalog)?;
        let SetExpr::Select(select) = &mut *query.body else { return Err(refuse::unsupported("this statement")) };
        for item in &mut select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && *expr == build::column(target::PRINTED, &alias.value)
            {
                *item = SelectItem::UnnamedExpr(expr.clone());
            }
        }
        if filter == Filter::LeftOut {
            // RETURNING has no condition.
            select.selection = None;
        }
        Ok((query, cols))
    }

    /// The order in which rows are written shows where the table is read as it lies, and in numbers that a new row is given.
    fn order_shows(&self, shell: &Shell, relation: &Relation) -> Result<(), Refusal> {
        // Rows of a filtered relation are always given in an order of pgveil's own; deleted ones leave no order behind.
        let filtered = self.facts.guard(relation.oid).is_some_and(|g| !g.filters.is_empty());
        let inserts = shell.whens.iter().any(|w| matches!(w.then, Then::Insert { .. }));
        let deletes = shell.verb == Verb::Delete || shell.verb == Verb::Merge && shell.whens.iter().all(|w| w.then == Then::Delete);
        if !self.unordered || deletes || filtered && !inserts {
            return Ok(());
        }
        Err(Refusal::new(
            SqlState::DENIED,
            "write.order",
            format!("the order in which rows of {}.{} would be written could follow protected values", relation.schema, relation.name),
        )
        .with_detail("A statement that writes cannot be given an order, and its plan may read an index or a join of protected columns.")
        .with_hint("Write row by row, by the primary key; or INSERT the rows, which pgveil sorts."))
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
                let columns = insert_columns(shell.columns.as_ref(), relation, width)?;
                let into = self.insert_into(relation, &columns)?;
                self.values(&mut query, &into, &shell.defaults)?;
                columns
            }
            None => {
                let cols = self.statement(&mut query, true)?;
                let columns = insert_columns(shell.columns.as_ref(), relation, cols.len())?;
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

    fn whens(&self, relation: &Relation, whens: &[When]) -> Result<Whens, Refusal> {
        let (mut into, mut unmatched) = (Vec::new(), BTreeSet::new());
        let mut sent = whens.to_vec();
        for when in &mut sent {
            let first = into.len();
            if when.condition {
                into.push(Into::Condition);
            }
            match &mut when.then {
                Then::Nothing | Then::Delete => {}
                Then::Update(assigned) => into.extend(self.assigned(relation, assigned)?),
                Then::Insert { width: 0, .. } => {}
                Then::Insert { columns, width, defaults, .. } => {
                    let named = insert_columns(columns.as_ref(), relation, *width)?;
                    let values = self.insert_into(relation, &named)?;
                    into.extend(values.into_iter().enumerate().map(|(n, i)| if defaults.contains(&n) { Into::Default } else { i }));
                    *columns = Some(named);
                }
            }
            if !when.matched {
                unmatched.extend(first..into.len());
            }
        }
        Ok(Whens { into, unmatched, sent })
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
fn insert_columns(named: Option<&Vec<String>>, relation: &Relation, width: usize) -> Result<Vec<String>, Refusal> {
    let wrong = |what: &str| Err(Refusal::new(SqlState::SYNTAX, "write.columns", format!("INSERT has more {what}")));
    match named {
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
            unsorted: false,
            into: vec![],
            unmatched: BTreeSet::new(),
        }
    }
}
