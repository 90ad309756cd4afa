//! What an expression inside a definition may name.

use pg_query::protobuf::Node;

use super::Definer;
use super::target::Guarded;
use crate::builtin::functions;
use crate::read::define::{Part, parts};
use crate::{Refusal, SqlState};

impl Definer<'_> {
    /// An expression over a relation's columns: no protected column, no whole row of a relation that has one; functions and operators
    /// as everywhere.
    pub(super) fn expression(&mut self, expression: &Node, guarded: &Guarded) -> Result<(), Refusal> {
        for part in parts(expression)? {
            match part {
                Part::Column(names) => self.column(&names, guarded)?,
                Part::Field(name) => {
                    self.column(std::slice::from_ref(&name), guarded)?;
                    self.attribute(name)?;
                }
                Part::Operator(names) => match names.as_slice() {
                    [op] => self.judge.operator_name(None, op)?,
                    [schema, op] => self.judge.operator_name(Some(schema), op)?,
                    _ => return Err(self.closed()),
                },
                Part::Sequence(name) => self.sequence_of_default(&name)?,
                Part::Function(names, count) => self.function(&names, count)?,
            }
        }
        Ok(())
    }

    /// Several, where they are given.
    pub(super) fn expressions<'n>(&mut self, all: impl IntoIterator<Item = Option<&'n Node>>, guarded: &Guarded) -> Result<(), Refusal> {
        all.into_iter().flatten().try_for_each(|one| self.expression(one, guarded))
    }

    fn column(&self, names: &[String], guarded: &Guarded) -> Result<(), Refusal> {
        if guarded.columns.is_empty() {
            return Ok(());
        }
        if let Some(column) = names.iter().find(|name| guarded.columns.contains(*name)) {
            return Err(self.named(column, guarded));
        }
        let own = guarded.name.rsplit('.').next().unwrap_or_default();
        // `t.function` is a call of the whole row, where `t` has no such column.
        let column = |name: &str| {
            let of = guarded.name.rsplit_once('.').and_then(|(schema, table)| self.facts.catalog.relation(schema, table));
            of.is_some_and(|relation| relation.column(name).is_some())
        };
        let calls = |name: &String| self.facts.catalog.functions.contains_key(name) && !column(name);
        let called = names.len() > 1 && names.last().is_some_and(calls);
        if called || names.last().is_none_or(String::is_empty) || matches!(names, [only] if only == own) {
            return Err(self.named("its whole row", guarded));
        }
        Ok(())
    }

    fn named(&self, column: &str, guarded: &Guarded) -> Refusal {
        let message =
            format!("{} of {}: an expression names {column}, which is protected for role {}", self.what, guarded.name, self.who.role);
        Refusal::new(SqlState::DENIED, "define.column", message)
            .with_detail("Whether it holds, fails or is equal for two rows would tell of the stored values, or it would move them.")
            .with_hint("A plain column may stand in an index or key; expressions may name the other columns.")
    }

    /// `(x).name` is a call, where the value has no such field.
    fn attribute(&mut self, name: String) -> Result<(), Refusal> {
        match self.function(&[name], 1) {
            Err(unknown) if unknown.id == "function.unknown" => Ok(()),
            judged => judged,
        }
    }

    fn function(&mut self, names: &[String], count: usize) -> Result<(), Refusal> {
        let name: Vec<&str> = names.iter().map(String::as_str).collect();
        let short = name.last().copied().unwrap_or_default();
        let of_postgres = matches!(name.as_slice(), [_] | ["pg_catalog", _]);
        if of_postgres && (functions::setting_rule(short).is_some() || functions::veiled(short).is_some()) {
            return Err(Refusal::new(
                SqlState::DENIED,
                "define.expression",
                format!("{short}() cannot stand in an expression of a definition"),
            )
            .with_hint("Write the expression without it, or ask for a role without masks."));
        }
        self.judge.function_facts(&name, Some(count)).map(|_| ())
    }

    /// `nextval('s')`: the sequence is one that the role may write, and counts no hidden rows.
    fn sequence_of_default(&mut self, name: &str) -> Result<(), Refusal> {
        let hint = "Use GENERATED AS IDENTITY, or serial.";
        if self.facts.filters() {
            return Err(self.denied("a sequence may count rows that are hidden", hint));
        }
        let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let parts: Vec<&str> = name.split('.').filter(plain).collect();
        match parts.as_slice() {
            [_] | [_, _] if parts.len() != name.split('.').count() => Err(self.denied("this name of a sequence is not read", hint)),
            [sequence] => {
                let relation = self.judge.find_relation(&[(*sequence).to_owned()])?;
                let schema = relation.schema.clone();
                self.may_define_in(&schema, self.what)
            }
            [schema, _] => self.may_define_in(schema, self.what),
            _ => Err(self.denied("this name of a sequence is not read", hint)),
        }
    }
}
