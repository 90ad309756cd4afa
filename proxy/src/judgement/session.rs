//! The judgement of one session.
//!
//! Its policy is the one that it has taken up last; it does so between two statements, when nothing is owed, so that an answer is of one
//! policy. What was opened under an earlier one is held against that one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use pgveil_policy::catalog::Oid;
use pgveil_policy::catalog::own::{Asking, Next, Own, Rows};
use pgveil_policy::mask::seal::{Key, SealSpec, Sealer, veil_key};
use pgveil_policy::policy::Limits;
use pgveil_policy::policy::user::User;
use pgveil_policy::{Engine, Output, Plan, Refusal, Subject};

use super::Engines;
use crate::audit::Auditor;
use crate::audit::line::Line;
use crate::config::SecretKey;
use crate::conversation::Judge;
use crate::conversation::notes::Note;
use crate::log;
use crate::rows::{Pseudonym, Unsealable};
use crate::rules::Rules;
use crate::serve::Roles;
use crate::snapshot::{Database, Shown};

/// The judgement for one session.
pub struct SessionJudge {
    database: Arc<Database<Engines>>,
    role: String,
    /// Who it is of.
    user: Arc<User>,
    /// What other roles the user has.
    roles: Roles,
    keys: Keys,
    /// The latest snapshot under the policy that it has taken up.
    latest: ArcSwap<Shown<Engines>>,
    /// What it judged by last under earlier policies.
    former: Vec<Former>,
    own: Option<OwnEngine>,
    asking: Option<(Asking, Arc<Shown<Engines>>)>,
    /// How often its own catalog was another.
    number: u64,
    /// [`Database::changes`] when it asked last.
    seen: u64,
    /// It has changed the catalog itself since then.
    changed: bool,
    /// Where it is told what it does.
    auditor: Option<Auditor>,
}

/// What pseudonyms are made from, and what they were made from before.
#[derive(Debug, Clone)]
pub struct Keys {
    newest: Key,
    old: Arc<[Key]>,
}

impl Keys {
    /// `old`: tokens made from these are still turned back.
    pub fn new(newest: &SecretKey, old: &[SecretKey]) -> Keys {
        Keys { newest: Key::new(newest.0), old: old.iter().map(|key| Key::new(key.0)).collect() }
    }
}

/// What a session judges by that sees what others do not.
struct OwnEngine {
    engine: Arc<Engine>,
    /// The policy in it.
    rules: Arc<Rules>,
    /// The number of the snapshot that it differs from.
    of: u64,
}

/// What a session judged by under an earlier policy.
struct Former {
    shared: Arc<Shown<Engines>>,
    own: Option<Arc<Engine>>,
}

/// Generations of own catalogs have this bit, so that none is a snapshot's.
const OWN: u64 = 1 << 63;

impl SessionJudge {
    /// In a database, for the role that is active and the user that has it; pseudonyms are made from `keys`. `auditor` is told of its
    /// statements.
    pub fn new(database: Arc<Database<Engines>>, (role, user, roles): (String, User, Roles), keys: Keys, auditor: Option<Auditor>) -> Self {
        let latest = ArcSwap::new(database.current());
        SessionJudge {
            database,
            role,
            user: Arc::new(user),
            roles,
            keys,
            latest,
            former: Vec::new(),
            own: None,
            asking: None,
            number: 0,
            seen: 0,
            changed: false,
            auditor,
        }
    }

    /// The snapshot of this moment, under the policy that was taken up.
    fn shared(&self) -> Arc<Shown<Engines>> {
        let (now, latest) = (self.database.current(), self.latest.load());
        if Arc::ptr_eq(&now, &latest) {
            return now;
        }
        if now.basis.number != latest.basis.number {
            return Arc::clone(&latest);
        }
        self.latest.store(Arc::clone(&now));
        now
    }

    fn with<T>(&self, ask: impl FnOnce(&Engine) -> T) -> T {
        match &self.own {
            Some(own) => ask(&own.engine),
            None => ask(&self.shared()),
        }
    }

    fn differs(&mut self, own: &Own, shared: &Arc<Shown<Engines>>, idle: bool) -> Option<Vec<String>> {
        let rules = Arc::clone(&shared.basis);
        let known = match &self.own {
            None => Default::default(),
            Some(before) if before.rules.number == rules.number => before.engine.known().as_ref().clone(),
            Some(before) => before.engine.known().under(&before.rules.policy, &rules.policy, &own.catalog),
        };
        let engine = shared.upon(&self.role, own, known).ok()?;
        if idle {
            let permanent = |oid| own.catalog.relations.get(&oid).is_some_and(|r| !r.schema.starts_with("pg_temp"));
            self.database.loader().learn(self.database.name(), &rules, engine.known().own(permanent));
            let temporary = |oid| own.catalog.relations.get(oid).is_some_and(|r| r.schema.starts_with("pg_temp"));
            let shows = own.changed.as_ref().is_none_or(|changed| changed.is_empty() || !changed.iter().all(temporary));
            // The others are to look, too: those that only look do not say so again.
            if std::mem::take(&mut self.changed) && shows && self.database.changed() == self.seen {
                self.seen = self.seen.wrapping_add(1);
            }
        }
        self.own = Some(OwnEngine { engine: Arc::new(engine), rules, of: shared.number });
        self.number = self.number.wrapping_add(1);
        Some(Vec::new())
    }
}

impl Judge for SessionJudge {
    fn judge(&self, search_path: &[String], sql: &str) -> Result<Arc<Plan>, Refusal> {
        let who = Subject { role: self.role.clone(), search_path: Arc::from(search_path), user: Some(Arc::clone(&self.user)) };
        self.with(|engine| engine.judge(&who, sql))
    }

    fn witness(&self, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize> {
        self.with(|engine| engine.witness(&self.role, outputs, origins).map_err(|veto| veto.column))
    }

    fn witness_under(&self, policy: u64, outputs: &[Output], origins: &[(Oid, i16)]) -> Result<(), usize> {
        let under = self.former.iter().find(|former| former.shared.basis.number == policy);
        let Some(former) = under else { return self.witness(outputs, origins) };
        let engine = former.own.as_deref().unwrap_or(&former.shared.snapshot);
        engine.witness(&self.role, outputs, origins).map_err(|veto| veto.column)
    }

    fn policy(&self) -> u64 {
        self.latest.load().basis.number
    }

    fn has_new_policy(&self) -> bool {
        self.database.current().basis.number != self.policy()
    }

    fn take_up(&mut self, in_use: &dyn Fn(u64) -> bool) {
        let own = self.own.as_ref().filter(|own| own.rules.number == self.policy()).map(|own| Arc::clone(&own.engine));
        let last = Former { shared: self.latest.load_full(), own };
        self.former.push(last);
        self.former.retain(|former| in_use(former.shared.basis.number));
        self.latest.store(self.database.current());
    }

    fn limits(&self) -> Limits {
        self.with(|engine| engine.limits(&self.role))
    }

    fn role(&self) -> &str {
        &self.role
    }

    fn filters_may_fail(&self) -> bool {
        self.with(|engine| engine.filters_may_fail(&self.role))
    }

    fn generation(&self) -> u64 {
        if self.own.is_some() { OWN | self.number } else { self.shared().number }
    }

    fn has_own(&self) -> bool {
        self.own.is_some()
    }

    fn own_is_outdated(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.of != self.shared().number)
            || self.seen.max(self.database.shown()) < self.database.changes()
    }

    fn has_changed(&mut self) {
        self.changed = true;
    }

    fn ask_own(&mut self) -> Vec<String> {
        self.seen = self.database.changes();
        let shared = self.shared();
        let asking = Asking::new(Arc::clone(shared.catalog()));
        let questions = asking.questions().to_vec();
        self.asking = Some((asking, shared));
        questions
    }

    fn own_answered(&mut self, answers: Vec<Rows>, idle: bool) -> Option<Vec<String>> {
        let (asking, shared) = self.asking.take()?;
        let next = match asking.answered(answers) {
            Ok(next) => next,
            Err(error) => {
                log::warn("catalog.own", &[("database", &self.database.name()), ("why", &error)]);
                return None;
            }
        };
        match next {
            Next::Ask(asking) => {
                let questions = asking.questions().to_vec();
                self.asking = Some((*asking, shared));
                Some(questions)
            }
            Next::Same => {
                self.own = None;
                self.changed = false;
                Some(Vec::new())
            }
            Next::Differs(own) => self.differs(&own, &shared, idle),
        }
    }

    fn hears(&self, channel: &str) -> bool {
        self.shared().hears(&self.role, channel)
    }

    fn notes(&self) -> bool {
        self.auditor.is_some()
    }

    fn note(&self, note: &Note<'_>) -> Result<(), Refusal> {
        let Some(auditor) = &self.auditor else { return Ok(()) };
        let mut line = Line::new("statement", Some(&auditor.who)).sql(note.sql).policy(&self.latest.load().basis.hash);
        line.kind = note.kind.map(|kind| format!("{kind:?}").to_lowercase().into());
        line.search_path = note.search_path;
        line.columns = self.with(|engine| engine.protected(&self.role, note.outputs));
        let Some(refusal) = note.refusal else {
            line.outcome = Some("sent");
            return auditor.audit.ask(&line);
        };
        (line.outcome, line.refusal, line.code) = (Some("refused"), Some(refusal.id), Some(refusal.code.0));
        auditor.audit.tell(&line);
        Ok(())
    }

    fn may_take(&self, asked: Option<&str>) -> Result<String, Refusal> {
        self.roles.may_take(asked)
    }

    fn pseudonym(&self, spec: &Arc<SealSpec>) -> Arc<dyn Pseudonym> {
        Arc::new(Hashed(Sealer::with_old(&self.keys.newest, &self.keys.old, spec)))
    }

    fn veil_key(&self, domain: &str) -> String {
        veil_key(&self.keys.newest, domain)
    }
}

#[derive(Debug)]
struct Hashed(Sealer);

impl Pseudonym for Hashed {
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.text(value, out).map_err(|_| Unsealable)
    }

    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.binary(value, out).map_err(|_| Unsealable)
    }

    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.open_text(token, out).map_err(|_| Unsealable)
    }

    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.0.open_binary(token, out).map_err(|_| Unsealable)
    }
}
