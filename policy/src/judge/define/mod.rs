//! Statements that define, alter and drop things, or keep house among them.
//!
//! They are read by Postgres' own grammar only, and printed from its tree with the names in it qualified. What passes is an allowlist of
//! forms that can neither show nor move a protected value: nothing protected loses the name, the schema or the parent that its class
//! goes by; expressions do not name protected columns; nothing tells the account that reads it otherwise. Rooms:
//!
//! * `target`: which relation a name means, whose it is, and what of it is protected; `expression`: what an expression may name;
//! * `table`: CREATE TABLE, its columns and constraints; `alter`: ALTER TABLE; `relation`: indexes, sequences, policies, statistics;
//! * `types`: types, domains, collations, schemas; `rename`: names and schemas; `object`: DROP, COMMENT, GRANT; `house`: VACUUM and the like.

mod alter;
mod expression;
mod house;
mod object;
mod relation;
mod rename;
mod table;
mod target;
mod types;

use pg_query::NodeEnum;

use super::Judge;
use super::engine::Subject;
use super::facts::Facts;
use super::statement::check_path;
use crate::plan::{Kind, Planned};
use crate::read::define::{Define, print};
use crate::{Refusal, SqlState};

/// One judgement of one statement.
pub(super) struct Definer<'a> {
    facts: &'a Facts,
    who: &'a Subject,
    /// For functions and operators.
    judge: Judge<'a>,
    /// How a refusal calls the statement.
    what: &'static str,
    /// It works on protected relations: an error could be about their values.
    protected: bool,
}

/// Judges a statement that defines something.
pub(super) fn plan(facts: &Facts, who: &Subject, statement: Define) -> Result<Planned, Refusal> {
    let Define { mut node, what } = statement;
    let judge = Judge::new(facts, &who.search_path, &who.role, "");
    let mut definer = Definer { facts, who, judge, what, protected: false };
    let drops = matches!(&*node, NodeEnum::DropStmt(_));
    if !drops {
        check_path(facts.catalog.as_ref(), &who.search_path)?;
    }
    definer.statement(&mut node)?;
    Ok(Planned { order_is_data: definer.protected, changes_catalog: true, ..Planned::plain(Kind::Define, print(&node)?) })
}

impl Definer<'_> {
    fn statement(&mut self, node: &mut NodeEnum) -> Result<(), Refusal> {
        match node {
            NodeEnum::CreateStmt(s) => self.create_table(s),
            NodeEnum::AlterTableStmt(s) => self.alter(s),
            NodeEnum::IndexStmt(s) => self.create_index(s),
            NodeEnum::CreateSeqStmt(s) => self.create_sequence(s),
            NodeEnum::AlterSeqStmt(s) => self.alter_sequence(s),
            NodeEnum::CreatePolicyStmt(s) => self.policy(s.table.as_mut(), &[s.qual.as_deref(), s.with_check.as_deref()]),
            NodeEnum::AlterPolicyStmt(s) => self.policy(s.table.as_mut(), &[s.qual.as_deref(), s.with_check.as_deref()]),
            NodeEnum::CreateStatsStmt(s) => self.create_statistics(s),
            NodeEnum::AlterStatsStmt(s) => self.object_name(&mut s.defnames),
            NodeEnum::CreateSchemaStmt(s) => self.create_schema(s),
            NodeEnum::CompositeTypeStmt(s) => self.composite_type(s),
            NodeEnum::CreateEnumStmt(s) => self.object_name(&mut s.type_name),
            NodeEnum::AlterEnumStmt(s) => self.object_name(&mut s.type_name),
            NodeEnum::CreateRangeStmt(s) => self.range_type(s),
            NodeEnum::CreateDomainStmt(s) => self.create_domain(s),
            NodeEnum::AlterDomainStmt(s) => self.alter_domain(s),
            NodeEnum::DefineStmt(s) => self.define(s),
            NodeEnum::RenameStmt(s) => self.rename(s),
            NodeEnum::AlterObjectSchemaStmt(s) => self.set_schema(s),
            NodeEnum::DropStmt(s) => self.drop(s),
            NodeEnum::CommentStmt(s) => self.comment(s),
            NodeEnum::GrantStmt(s) => self.grant(s),
            NodeEnum::TruncateStmt(s) => self.truncate(s),
            NodeEnum::VacuumStmt(s) => self.vacuum(s),
            NodeEnum::ClusterStmt(s) => self.cluster(s),
            NodeEnum::ReindexStmt(s) => self.reindex(s),
            NodeEnum::RefreshMatViewStmt(s) => self.refresh(s),
            NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::RuleStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::DoStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::AlterOwnerStmt(_) => self.trusted(),
            _ => Err(self.closed()),
        }
    }

    /// A code body may read everything: it passes, as it is, where the policy says so.
    fn trusted(&self) -> Result<(), Refusal> {
        if self.facts.rights.trusted_code() {
            return Ok(());
        }
        let message = format!("{} is not open to role {}: what it brings in could read everything", self.what, self.who.role);
        Err(Refusal::new(SqlState::DENIED, "define.code", message)
            .with_hint("The policy may say trusted_code = true for the role, which then can read everything."))
    }

    /// A form that is on no list.
    fn closed(&self) -> Refusal {
        let message =
            format!("this form of {} is not open to role {}, for which columns are masked or rows filtered", self.what, self.who.role);
        Refusal::new(SqlState::DENIED, "define.form", message).with_hint("Only forms that can neither show nor move a protected value are.")
    }

    /// A form that is closed for a reason.
    fn denied(&self, why: &str, hint: &str) -> Refusal {
        Refusal::new(SqlState::DENIED, "define.form", format!("{} is refused for role {}: {why}", self.what, self.who.role)).with_hint(hint)
    }
}
