//! What a client's message becomes: the judged text, the message as it came, or text that cannot be parsed in its place.

use std::sync::Arc;

use pgveil_policy::read::role_alone;
use pgveil_policy::{Kind, Plan, Planned, Refusal, SqlState};

use super::ledger::{Owed, Simple, Texts};
use super::named::{self, Ready};
use super::names::key;
use super::refusals::{
    REFUSED, bad_formats, carries_alone, function_call, malformed, no_portal, no_statement, no_value, not_utf8, reserved, token_type,
    too_many, without_names,
};
use super::statement::Statement;
use super::tokens::{declared_otherwise, without_void};
use super::{Conversation, End, Judge, Out, carry};
use crate::rows::Formats;
use crate::rows::open;
use crate::scrub::OWN_NAMES;
use crate::wire::frame::HEADER;
use crate::wire::message::{self, Bind, Frontend, Target};

/// Sent in place of what is refused. The server answers 42601 in every state of a transaction (it parses before it looks at that),
/// skips what it must skip, and the conversation puts the refusal where the error was.
pub const UNPARSABLE: &[u8] = b"pgveil refused this statement";

/// Whether a message is done with.
pub(super) enum Taken {
    Yes,
    /// Not yet: the same message comes again.
    Later,
}

impl<J: Judge> Conversation<J> {
    pub(super) fn message(&mut self, tag: u8, whole: &[u8], out: &mut Out) -> Result<Taken, End> {
        let body = whole.get(HEADER..).unwrap_or_default();
        let message = match Frontend::decode(tag, body) {
            Ok(message) => message,
            Err(error) => return self.malformed(tag, body, out).ok_or(error.into()),
        };
        if self.inflow.is_open() {
            self.while_copying(tag, whole, out)?;
            return Ok(Taken::Yes);
        }
        if self.skipping && !matches!(message, Frontend::Sync | Frontend::Terminate) {
            return Ok(Taken::Yes);
        }
        if self.taking && matches!(message, Frontend::Parse { .. } | Frontend::Bind(_) | Frontend::Execute { .. }) {
            self.refuse(role_alone(), out);
            return Ok(Taken::Yes);
        }
        match message {
            Frontend::Query { text } if self.taking => self.refuse_query(text, role_alone(), out),
            Frontend::Query { text } => return Ok(self.query(text, self.quiet.then(|| text.into()), out)),
            Frontend::Parse { name, text, types } => return Ok(self.parse(name, text, types, out)),
            Frontend::Bind(bind) => return Ok(self.bind(&bind, whole, out)),
            Frontend::Describe { target, name } => self.describe(target, name, whole, out),
            Frontend::Execute { portal, limit: _ } => return Ok(self.execute(portal, whole, out)),
            Frontend::Close { target, name } => self.close(target, name, whole, out),
            Frontend::Sync => {
                self.skipping = false;
                self.unsynced = false;
                self.waiting |= std::mem::take(&mut self.moving) | std::mem::take(&mut self.taking);
                self.forward(whole, Owed::Sync, out);
            }
            Frontend::Flush => out.to_server.extend_from_slice(whole),
            // What is still owed is told first.
            Frontend::Terminate if !self.ledger.is_empty() => return Ok(self.settle(out)),
            Frontend::Terminate => {
                message::put_bare(&mut out.to_server, b'X');
                return Err(End::Terminated);
            }
            Frontend::FunctionCall => self.refuse_query(b"", function_call(), out),
            // No COPY is under way, or it has failed: the server would ignore it.
            Frontend::Copy => {}
        }
        Ok(Taken::Yes)
    }

    // What the server would answer with an error, and go on. `None` where it would not.
    fn malformed(&mut self, tag: u8, body: &[u8], out: &mut Out) -> Option<Taken> {
        let refusal = malformed(message::fault(tag, body)?);
        if self.inflow.is_open() {
            return None;
        }
        match (tag, message::bound_statement(tag, body)) {
            // It is dropped unread.
            _ if self.skipping => {}
            (_, Some(name)) if self.names.statement_ahead(key(name)).is_none() => self.refuse(no_statement(name), out),
            (b'Q', _) => self.refuse_query(b"", refusal, out),
            _ => self.refuse(refusal, out),
        }
        Some(Taken::Yes)
    }

    // `again`: the text, where it may be sent again if it turns out to be stale.
    pub(super) fn query(&mut self, text: &[u8], again: Option<Box<[u8]>>, out: &mut Out) -> Taken {
        if !self.settled(out) {
            return Taken::Later;
        }
        let generation = self.judge.generation();
        let plan = match self.judged(text) {
            None => return Taken::Later,
            Some(Err(refusal)) => {
                self.refuse_query(text, refusal, out);
                return Taken::Yes;
            }
            Some(Ok(plan)) => plan,
        };
        let sql = std::str::from_utf8(text).unwrap_or_default();
        if plan.rest.is_some() && plan.statements.iter().any(named::takes_role) {
            self.refuse_query(text, role_alone(), out);
            return Taken::Yes;
        }
        if plan.statements.iter().any(|s| s.carry.is_some()) {
            match (plan.statements.as_slice(), self.note_plan(sql, &plan)) {
                ([one], Ok(())) if plan.rest.is_none() => self.carry_query(one, again, out),
                (_, Ok(())) => self.refuse_query(text, carries_alone(), out),
                (_, Err(refusal)) => self.refuse_query(text, refusal, out),
            }
            return Taken::Yes;
        }
        let stepped = self.needs_steps(&plan);
        if (stepped || named::leans(&plan)) && !self.ledger.is_empty() {
            return self.settle(out);
        }
        if stepped {
            self.begin_steps(sql, &plan, generation, out);
            return Taken::Yes;
        }
        let ready = self.ready_to_send(&plan.statements, generation);
        match ready.and_then(|ready| self.note_plan(sql, &plan).map(|()| ready)) {
            Err(refusal) => self.refuse_query(text, refusal, out),
            Ok(Ready { statements, texts }) => {
                self.waiting |= statements.iter().any(|s| self.may_move(s) || s.effect.makes());
                self.asks_for_data(&statements);
                let sent = texts.join("; ");
                message::put_query(&mut out.to_server, sent.as_bytes());
                let texts = Texts::of(text, sent);
                self.owe(Owed::Simple(Simple { statements, epoch: self.path.epoch(), text: again, texts, ..Simple::default() }));
            }
        }
        Taken::Yes
    }

    /// Has the server answer all that is owed; the message comes again when that is there. Nothing is under way then, so that
    /// names mean what is confirmed.
    pub(super) fn settle(&mut self, out: &mut Out) -> Taken {
        message::put_bare(&mut out.to_server, b'H');
        self.waiting = true;
        Taken::Later
    }

    fn parse(&mut self, name: &[u8], text: &[u8], types: &[u8], out: &mut Out) -> Taken {
        if !self.settled(out) {
            return Taken::Later;
        }
        let without = without_void(text, types);
        let text = without.as_ref().map_or(text, String::as_bytes);
        // Before it is judged: a newer basis only means that it is judged once more.
        let generation = self.judge.generation();
        let judged = if name.starts_with(OWN_NAMES.as_bytes()) {
            Some(Err(reserved(name)))
        } else if self.names.full() {
            Some(Err(too_many()))
        } else {
            self.judged(text)
        };
        let refusal = match judged {
            None => return Taken::Later,
            Some(Err(refusal)) => refusal,
            Some(Ok(plan)) => match plan.statements.as_slice() {
                [] => {
                    self.prepare(name, Texts::default(), types, Arc::new(Statement::empty()), out);
                    return Taken::Yes;
                }
                [_] if named::leans(&plan) && !self.ledger.is_empty() => return self.settle(out),
                [one] if plan.rest.is_none() => {
                    let client = std::str::from_utf8(text).unwrap_or_default();
                    match self.ready_to_prepare(one, client, generation) {
                        Err(refusal) => refusal,
                        Ok((statement, sent)) => match declared_otherwise(&statement.openings, types) {
                            Some(index) => token_type(index),
                            None => {
                                self.choosy |= statement.is_told_apart();
                                self.prepare(name, Texts::of(text, sent), types, Arc::new(statement), out);
                                return Taken::Yes;
                            }
                        },
                    }
                }
                // In Postgres' words.
                _ => Refusal::new(SqlState::SYNTAX, "wire.several", "cannot insert multiple commands into a prepared statement"),
            },
        };
        self.note_refusal(text, &refusal);
        let own = name.starts_with(OWN_NAMES.as_bytes());
        self.refuse_as(if own { REFUSED } else { name }, refusal, out);
        Taken::Yes
    }

    fn prepare(&mut self, name: &[u8], texts: Texts, types: &[u8], statement: Arc<Statement>, out: &mut Out) {
        message::put_parse(&mut out.to_server, name, texts.sent.as_bytes(), types);
        message::put_describe(&mut out.to_server, Target::Statement, name);
        self.owe(Owed::Parse { name: key(name).into(), statement: Arc::clone(&statement), epoch: self.path.epoch(), texts });
        self.owe(Owed::Witness { name: key(name).into(), statement, parameters: false });
    }

    /// What a Bind will be bound to, where that is certain. Tokens are turned back for the very statement that the server will bind
    /// them to, and for no other.
    ///
    /// # Errors
    /// It was refused, or comes again.
    pub(super) fn bindable(&mut self, bind: &Bind<'_>, out: &mut Out) -> Result<Option<Arc<Statement>>, Taken> {
        if bind.portal.starts_with(OWN_NAMES.as_bytes()) {
            self.refuse(reserved(bind.portal), out);
            return Err(Taken::Yes);
        }
        let name = key(bind.statement);
        let Some(statement) = self.names.statement_ahead(name).cloned() else {
            self.refuse(no_statement(bind.statement), out);
            return Err(Taken::Yes);
        };
        if self.names.full() {
            self.refuse(too_many(), out);
            return Err(Taken::Yes);
        }
        let judged = statement.judged.is_some() || self.names.statement(name).is_some_and(|s| s.judged.is_some());
        if (judged || self.policy_waits) && !self.settled(out) {
            return Err(Taken::Later);
        }
        if let Err(refusal) = self.still_meant(&statement) {
            self.refuse_of(Some(&statement), refusal, out);
            return Err(Taken::Yes);
        }
        let bound = match self.ledger.bound_to(name, self.names.statement(name)) {
            Ok(bound) => bound.cloned(),
            // Whichever it is, the message goes on as it is.
            Err(candidates)
                if !self.names.is_unwitnessed(name) && candidates.iter().all(|s| s.is_bound_as_it_is() && self.still_meant(s).is_ok()) =>
            {
                None
            }
            Err(_) => {
                self.unsettled = true;
                return Err(Taken::Later);
            }
        };
        if let Some(bound) = bound.as_ref().filter(|s| s.leans.is_some()) {
            if !self.ledger.is_empty() {
                return Err(self.settle(out));
            }
            if let Err(refusal) = self.still_leans(bound) {
                self.refuse_of(Some(bound), refusal, out);
                return Err(Taken::Yes);
            }
        }
        if let Some(statement) = bound.as_ref().filter(|s| s.by_sql).cloned() {
            message::put_describe(&mut out.to_server, Target::Statement, bind.statement);
            self.owe(Owed::Witness { name: name.into(), statement, parameters: false });
        }
        Ok(bound)
    }

    fn bind(&mut self, bind: &Bind<'_>, whole: &[u8], out: &mut Out) -> Taken {
        let bound = match self.bindable(bind, out) {
            Ok(bound) => bound,
            Err(taken) => return taken,
        };
        let (openings, kept) = bound.as_ref().map(|s| (s.openings.clone(), s.carry.is_some())).unwrap_or_default();
        let binary = if kept { carry::in_binary(bind, whole) } else { Vec::new() };
        let (whole, formats) = match kept {
            true => (binary.as_slice(), Formats::read(&carry::BINARY)),
            false => (whole, Formats::read(bind.result_formats)),
        };
        let owed = || Owed::Bind { portal: key(bind.portal).into(), statement: key(bind.statement).into(), formats };
        if openings.is_empty() {
            self.forward(whole, owed(), out);
            return Taken::Yes;
        }
        let body = whole.get(HEADER..).unwrap_or_default();
        match open::put_opened(&mut out.to_server, body, &openings) {
            Ok(()) => self.owe(owed()),
            Err(open::Fault::NoToken(index)) => self.refuse_of(bound.as_ref(), no_value(&openings, index), out),
            // The server says what is wrong with it, in its own words.
            Err(open::Fault::Malformed) => self.refuse(bad_formats(), out),
        }
        Taken::Yes
    }

    fn describe(&mut self, target: Target, name: &[u8], whole: &[u8], out: &mut Out) {
        match target {
            Target::Statement if self.names.statement_ahead(key(name)).is_none() => self.refuse(no_statement(name), out),
            Target::Portal if self.names.portal_ahead(key(name)).is_none() => self.refuse(no_portal(name), out),
            Target::Statement => self.forward(whole, Owed::DescribeStatement { name: key(name).into(), parameters: false }, out),
            Target::Portal => self.forward(whole, Owed::DescribePortal { name: key(name).into(), told: true }, out),
        }
    }

    fn execute(&mut self, name: &[u8], whole: &[u8], out: &mut Out) -> Taken {
        let portal = key(name);
        let Some(ahead) = self.names.portal_ahead(portal).cloned() else {
            self.refuse(no_portal(name), out);
            return Taken::Yes;
        };
        let run = self.ledger.run_by(portal, &self.names).map(|run| run.cloned());
        if ahead.carry.is_some() && !self.ledger.is_empty() {
            // What the name means must be certain; the server may keep its answers back until then.
            self.unsettled = true;
            if !std::mem::replace(&mut self.flushed, true) {
                message::put_bare(&mut out.to_server, b'H');
            }
            return Taken::Later;
        }
        self.flushed = false;
        let special = |s: &Arc<Statement>| s.leans.is_some() || s.effect.makes();
        let limited = self.limiting.is_some();
        let (run, certain) = match run {
            Some(run) => (run, true),
            None => (None, !self.choosy),
        };
        if !self.ledger.is_empty() && (!certain || run.as_ref().is_some_and(|s| s.leans.is_some())) {
            return self.settle(out);
        }
        // What it executes is run only now.
        let executes = |s: &Arc<Statement>| s.leans.as_ref().is_some_and(|l| l.on == Target::Statement);
        if run.as_ref().is_some_and(executes) && self.policy_waits && !self.settled(out) {
            return Taken::Later;
        }
        let meant = run.as_ref().unwrap_or(&ahead);
        let meant_takes_role = meant.effect.takes_role();
        if let Err(refusal) = run.as_ref().map_or(Ok(()), |s| self.still_leans(s)).and_then(|()| self.note_run(meant, None)) {
            self.refuse_of(Some(&Arc::clone(meant)), refusal, out);
            return Taken::Yes;
        }
        // Of a cursor that DECLARE made nobody has seen a description.
        if self.names.portal(portal).is_some_and(|p| p.cursor.is_some()) {
            message::put_describe(&mut out.to_server, Target::Portal, portal);
            self.owe(Owed::DescribePortal { name: portal.into(), told: false });
        }
        self.moving |= self.may_move(&ahead) || run.as_ref().is_some_and(|s| self.may_move(s));
        self.asks_for_data(std::slice::from_ref(meant));
        if ahead.carry.is_some() {
            self.carry_portal(portal, ahead, out);
            return Taken::Yes;
        }
        self.taking = meant_takes_role;
        self.forward(whole, Owed::Execute { portal: portal.into() }, out);
        // Of what is not certain rows may come.
        if run.as_ref().is_some_and(special) || limited && run.as_ref().is_none_or(|s| s.gives_rows()) {
            // What comes next may use the name: it is taken when that is there.
            message::put_bare(&mut out.to_server, b'H');
            self.waiting = true;
        } else if self.inflow.is_asked() {
            // Nothing is taken before it is known what became of it. While the server reads data it ignores this.
            message::put_bare(&mut out.to_server, b'H');
        }
        Taken::Yes
    }

    // To close what is not there is no error.
    fn close(&mut self, target: Target, name: &[u8], whole: &[u8], out: &mut Out) {
        if name.starts_with(OWN_NAMES.as_bytes()) {
            return self.refuse(reserved(name), out);
        }
        self.forward(whole, Owed::Close { target, name: key(name).into() }, out);
    }

    fn forward(&mut self, whole: &[u8], owed: Owed, out: &mut Out) {
        out.to_server.extend_from_slice(whole);
        self.owe(owed);
    }

    pub(super) fn owe(&mut self, owed: Owed) {
        self.quiet = false;
        let ends = matches!(owed, Owed::Sync | Owed::Simple(_));
        self.unsynced = !ends;
        // A transaction that ends takes back what was learnt in it: what comes next is judged when that is known.
        self.waiting |= ends && (self.path.ends_with_transaction() || self.own.ends_with_transaction());
        self.names.sent(&owed);
        self.ledger.push(owed);
    }

    pub(super) fn refuse_query(&mut self, text: &[u8], refusal: Refusal, out: &mut Out) {
        self.note_refusal(text, &refusal);
        message::put_query(&mut out.to_server, UNPARSABLE);
        self.owe(Owed::Simple(Simple { refusal: Some(refusal), ..Simple::default() }));
    }

    pub(super) fn refuse(&mut self, refusal: Refusal, out: &mut Out) {
        self.refuse_of(None, refusal, out);
    }

    // `statement`: the prepared one that it is about.
    fn refuse_of(&mut self, statement: Option<&Arc<Statement>>, refusal: Refusal, out: &mut Out) {
        self.note_refusal(statement.map_or(&[], |s| s.client.as_bytes()), &refusal);
        self.refuse_as(REFUSED, refusal, out);
    }

    pub(super) fn refuse_as(&mut self, name: &[u8], refusal: Refusal, out: &mut Out) {
        message::put_parse(&mut out.to_server, name, UNPARSABLE, &[]);
        self.owe(Owed::Refused(refusal));
    }

    // `None`: it names something unknown, and the catalog may be stale.
    pub(super) fn judged(&mut self, text: &[u8]) -> Option<Result<Arc<Plan>, Refusal>> {
        let sql = match std::str::from_utf8(text) {
            Ok(sql) => sql,
            Err(error) => return Some(Err(not_utf8(text, error.valid_up_to()))),
        };
        let judged = match self.path.schemas().filter(|_| !self.own.is_stale()) {
            Some(schemas) => self.judge.judge(schemas, sql),
            // Texts in which no name is looked up pass: they are the way back.
            None => self.judge.judge(&["pg_catalog".to_owned()], sql).and_then(without_names),
        };
        match judged {
            Err(refusal) if self.path.schemas().is_some() && is_unknown(refusal.code) && !self.fresh => {
                self.wants_fresh = true;
                None
            }
            judged => {
                self.fresh = false;
                Some(judged.and_then(|plan| self.real_tokens(&plan).map(|()| plan)))
            }
        }
    }

    fn may_move(&self, statement: &Statement) -> bool {
        match statement.kind {
            None => false,
            Some(Kind::Transaction) => self.path.ends_with_transaction() || self.own.ends_with_transaction(),
            Some(_) => statement.moves_search_path || statement.changes_catalog,
        }
    }

    pub(super) fn moves(&self, planned: &Planned) -> bool {
        match planned.kind {
            Kind::Transaction => self.path.ends_with_transaction() || self.own.ends_with_transaction(),
            _ => planned.moves_under_others(),
        }
    }
}

fn is_unknown(code: SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_FUNCTION, SqlState::UNDEFINED_OBJECT].contains(&code)
}
