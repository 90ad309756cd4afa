//! Texts about names: PREPARE, EXECUTE, DECLARE, FETCH and their like.
//!
//! What EXECUTE and FETCH give is what a name means when the *server* runs them. So such a text is made ready, and sent, only when
//! nothing is owed: then what is confirmed is what the server has. What makes a name (PREPARE, DECLARE) is waited for before anything
//! else is taken. Between two statements of one text the names are followed as the server will; and with each answer it is
//! checked that the name means what it was taken for, or no row is passed on.

use std::collections::HashMap;
use std::sync::Arc;

use pgveil_policy::mask::token::NO_VALUE;
use pgveil_policy::read::role_alone;
use pgveil_policy::{Act, Argument, Kind, Plan, Planned, Refusal};

use super::ledger::Name;
use super::refusals::{no_cursor, no_statement, no_value, not_executed, not_fetched, reserved, token_argument, too_many};
use super::statement::{Cursor, Effect, Judged, Leans, Statement};
use super::{Conversation, Judge, stale};
use crate::scrub::OWN_NAMES;
use crate::wire::message::Target;

/// A text that is ready to be sent.
pub(super) struct Ready {
    pub statements: Vec<Arc<Statement>>,
    pub texts: Vec<String>,
}

/// What names mean after the statements of a text so far; `None`: nothing.
#[derive(Default)]
struct Here {
    statements: HashMap<Name, Option<Arc<Statement>>>,
    all_gone: bool,
    portals: HashMap<Name, Option<(Arc<Statement>, Cursor)>>,
    all_closed: bool,
}

impl Here {
    fn follow(&mut self, effect: &Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::Prepares(name, statement) => drop(self.statements.insert(name.clone(), Some(Arc::clone(statement)))),
            Effect::Declares(name, statement, cursor) => {
                self.portals.insert(name.clone(), Some((Arc::clone(statement), *cursor)));
            }
            Effect::Deallocates(name) => drop(self.statements.insert(name.clone(), None)),
            Effect::Closes(name) => drop(self.portals.insert(name.clone(), None)),
            Effect::DeallocatesAll => self.no_statements(),
            Effect::ClosesAll => self.no_portals(),
            Effect::Discards | Effect::TakesRole(_) => {
                self.no_statements();
                self.no_portals();
            }
        }
    }

    fn no_statements(&mut self) {
        self.statements.clear();
        self.all_gone = true;
    }

    fn no_portals(&mut self) {
        self.portals.clear();
        self.all_closed = true;
    }
}

/// Whether a text must find names settled.
pub(super) fn leans(plan: &Plan) -> bool {
    plan.statements.iter().any(|s| matches!(s.act, Act::Execute { .. } | Act::Fetch { .. }))
}

/// Whether a statement is SET pgveil.role.
pub(super) fn takes_role(planned: &Planned) -> bool {
    matches!(planned.act, Act::TakeRole(_))
}

impl<J: Judge> Conversation<J> {
    /// Makes a text ready. `generation`: of the judge, before it judged.
    ///
    /// # Errors
    /// Names that are not there, or not free; arguments that cannot be what they must.
    pub(super) fn ready_to_send(&self, all: &[Planned], generation: u64) -> Result<Ready, Refusal> {
        if all.len() > 1 && all.iter().any(takes_role) {
            return Err(role_alone());
        }
        let mut here = Here::default();
        let mut ready = Ready { statements: Vec::new(), texts: Vec::new() };
        for planned in all {
            let (statement, text) = self.one(planned, &here, generation)?;
            here.follow(&statement.effect);
            ready.statements.push(Arc::new(statement));
            ready.texts.push(text);
        }
        Ok(ready)
    }

    /// The same for a text that is one statement, and is prepared.
    ///
    /// # Errors
    /// As [`Conversation::ready_to_send`].
    pub(super) fn ready_to_prepare(&self, planned: &Planned, client: &str, generation: u64) -> Result<(Statement, String), Refusal> {
        let (mut statement, text) = self.one(planned, &Here::default(), generation)?;
        statement.client = Arc::from(client);
        statement.judged = Judged::of(planned, &statement.client, generation, self.path.epoch());
        Ok((statement, text))
    }

    /// Whether what a statement leans on is there still, and means still what was judged.
    ///
    /// # Errors
    /// That it is stale.
    pub(super) fn still_leans(&self, statement: &Statement) -> Result<(), Refusal> {
        let Some(leans) = &statement.leans else { return Ok(()) };
        if !self.names.bears(leans) {
            return Err(stale::refusal());
        }
        match leans.on {
            Target::Statement => self.still_meant(&leans.meant),
            // It is open already: its locks hold what it means.
            Target::Portal => Ok(()),
        }
    }

    fn one(&self, planned: &Planned, here: &Here, generation: u64) -> Result<(Statement, String), Refusal> {
        let mut statement = Statement::new(planned, &self.judge);
        let mut with = |effect: Effect| statement.effect = effect;
        match &planned.act {
            Act::Nothing => {}
            Act::Prepare { name, statement: made, client } => {
                let name = self.free(name)?;
                let mut made = Statement::new(made, &self.judge);
                made.client = Arc::from(client.as_str());
                made.judged = Judged::of(planned, &made.client, generation, self.path.epoch());
                made.by_sql = true;
                with(Effect::Prepares(name, Arc::new(made)))
            }
            Act::Declare { name, query, binary, hold } => {
                let name = self.free(name)?;
                let cursor = Cursor { binary: *binary, hold: *hold };
                with(Effect::Declares(name, Arc::new(Statement::new(query, &self.judge)), cursor))
            }
            Act::Deallocate(None) => with(Effect::DeallocatesAll),
            Act::Deallocate(Some(name)) => with(Effect::Deallocates(name.as_bytes().into())),
            Act::Close(None) => with(Effect::ClosesAll),
            Act::Close(Some(name)) => with(Effect::Closes(name.as_bytes().into())),
            Act::Discard => with(Effect::Discards),
            Act::TakeRole(asked) => with(Effect::TakesRole(self.judge.may_take(asked.as_deref())?)),
            Act::Execute { name, arguments, explain } => {
                let meant = self.statement_here(name.as_bytes(), here)?;
                if !meant.kind.is_some_and(Kind::is_preparable) {
                    return Err(not_executed(name));
                }
                let text = self.execute_text(name, arguments, &meant)?;
                let leans = Leans { on: Target::Statement, name: name.as_bytes().into(), meant, binary: false };
                return Ok(match explain.is_empty() {
                    true => (statement.leaning(leans, true), text),
                    false => (statement.planning(leans), format!("{explain}{text}")),
                });
            }
            Act::Fetch { name, moves } => {
                let (meant, cursor) = self.portal_here(name.as_bytes(), here)?;
                // Rows of EXPLAIN are more than columns with masks; those of EXECUTE and FETCH are another name's.
                if !meant.kind.is_some_and(Kind::is_preparable) {
                    return Err(not_fetched(name));
                }
                let leans = Leans { on: Target::Portal, name: name.as_bytes().into(), meant, binary: cursor.binary };
                // MOVE tells how many rows there are, and shows none.
                statement = statement.leaning(leans, !*moves);
            }
        }
        Ok((statement, self.render(planned)))
    }

    fn free(&self, name: &str) -> Result<Name, Refusal> {
        if name.starts_with(OWN_NAMES) {
            return Err(reserved(name.as_bytes()));
        }
        if self.names.full() { Err(too_many()) } else { Ok(name.as_bytes().into()) }
    }

    fn statement_here(&self, name: &[u8], here: &Here) -> Result<Arc<Statement>, Refusal> {
        match here.statements.get(name) {
            Some(Some(statement)) => Ok(Arc::clone(statement)),
            Some(None) => Err(no_statement(name)),
            None if here.all_gone => Err(no_statement(name)),
            None => {
                let statement = self.names.statement(name).ok_or_else(|| no_statement(name))?;
                self.still_meant(statement)?;
                Ok(Arc::clone(statement))
            }
        }
    }

    fn portal_here(&self, name: &[u8], here: &Here) -> Result<(Arc<Statement>, Cursor), Refusal> {
        match here.portals.get(name) {
            Some(Some((statement, cursor))) => Ok((Arc::clone(statement), *cursor)),
            Some(None) => Err(no_cursor(name)),
            None if here.all_closed => Err(no_cursor(name)),
            None => {
                let portal = self.names.portal(name).ok_or_else(|| no_cursor(name))?;
                Ok((Arc::clone(&portal.statement), portal.cursor.unwrap_or_default()))
            }
        }
    }

    /// An EXECUTE whose tokens are turned back for the very statement that it runs.
    fn execute_text(&self, name: &str, arguments: &[Argument], meant: &Statement) -> Result<String, Refusal> {
        let mut texts = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            let text = match (meant.openings.iter().find(|o| o.index == index), &argument.literal) {
                (None, _) => argument.text.clone(),
                (Some(_), None) if argument.null => argument.text.clone(),
                (Some(opening), None) if opening.why.is_some() => return Err(no_value(&meant.openings, index)),
                (Some(_), None) => return Err(token_argument(index)),
                (Some(opening), Some(token)) => {
                    let mut value = Vec::new();
                    let opened =
                        opening.pseudonym.open_text(token.as_bytes(), &mut value).ok().and_then(|()| String::from_utf8(value).ok());
                    // What is compared with a column may be any text, what is written to one may not.
                    let real = |value: &String| !opening.written || !value.as_bytes().starts_with(NO_VALUE);
                    let Some(value) = opened.filter(real) else { return Err(no_value(&meant.openings, index)) };
                    format!("'{}'", value.replace('\'', "''"))
                }
            };
            texts.push(text);
        }
        Ok(Act::execute(name, &texts))
    }
}
