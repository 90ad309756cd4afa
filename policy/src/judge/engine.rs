//! The engine: a policy on a catalog, ready to judge for any of its roles.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use dashmap::DashMap;

use super::cache::Cache;
use super::describe::{Described, Hidden};
use super::facts::{Facts, Fields};
use super::{rights, statement};
use crate::catalog::own::Own;
use crate::catalog::{BaseType, Catalog, Oid};
use crate::mask::Mask;
use crate::plan::{Kind, Origin, Output, Plan, Planned};
use crate::policy::user::{self, User, UserValue};
use crate::policy::{Known, Limits, Policy, PolicyError, Protection, protection::Action};
use crate::read;
use crate::{Refusal, SqlState};

/// Who asks, and what of the session matters to the meaning of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The role of the policy that is active.
    pub role: String,
    /// Effective search_path: existing schemas in order, with pg_catalog where Postgres looks for it, as `current_schemas(true)` says.
    pub search_path: Arc<[String]>,
    /// Who it is, for row filters that ask; where nobody is, their places stay open, and the text is only to be looked at.
    pub user: Option<Arc<User>>,
}

/// A witness against a plan: the server says that a result column is one that the plan does not know it to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veto {
    /// The result column, from 0.
    pub column: usize,
    /// The relation that it really comes from.
    pub relation: Oid,
    /// The attribute.
    pub attribute: i16,
}

pub(super) type Judged = Result<Arc<Plan>, Refusal>;

/// A policy on a catalog, ready to judge.
#[derive(Debug)]
pub struct Engine {
    roles: HashMap<String, RoleEngine>,
    catalog: Arc<Catalog>,
    known: Arc<Known>,
    policy: Arc<Policy>,
}

#[derive(Debug)]
pub(super) struct RoleEngine {
    pub facts: Facts,
    unprotected: bool,
    /// Its name.
    pub name: String,
    /// What it is a role of.
    pub policy: Arc<Policy>,
    cache: Cache,
    /// Classes with `otherwise = "redact"`.
    redacts: BTreeSet<String>,
    /// The facts of statements in which some of these are redacted.
    otherwise: DashMap<BTreeSet<String>, Arc<Facts>>,
    /// A row filter of it names who asks.
    asks: bool,
}

impl RoleEngine {
    /// What is known where the pseudonyms of `classes` are redacted; `None` where the policy does not say so of all.
    pub fn otherwise(&self, classes: &BTreeSet<String>) -> Option<Arc<Facts>> {
        if !classes.is_subset(&self.redacts) {
            return None;
        }
        let facts = self.otherwise.entry(classes.clone()).or_insert_with(|| Arc::new(self.facts.redacting(classes)));
        Some(Arc::clone(&facts))
    }

    /// The refusal of a statement for which a user lacks an attribute.
    fn lacks(&self, user: &User, value: &UserValue) -> Refusal {
        let written = value.written();
        let rows = self.policy.roles.get(&self.name).map(|role| role.rows.as_slice()).unwrap_or_default();
        let rule = rows.iter().find(|rule| user::named(&rule.sql).contains(value));
        let rule = rule.map_or_else(String::new, |rule| {
            format!("Rule: {}:{} (role {}, rows of {}). ", self.policy.file, rule.line, self.name, rule.relation)
        });
        let message = format!("a row filter of role {} asks for {written}, which user \"{}\" does not have", self.name, user.name);
        Refusal::new(SqlState::DENIED, "rows.attribute", message)
            .with_detail(format!("{rule}Without it nobody can say which rows the user sees."))
            .with_hint(
                "Whoever keeps the users gives it: attributes = { … } in the users file, or the query of [auth]. Then connect again.",
            )
    }
}

impl Engine {
    /// Works out what `policy` means on `catalog`. `marker`: at least 16 letters and digits that no client can
    /// guess; it stands for the session's order key in texts that are judged.
    ///
    /// # Errors
    /// Every mask that does not fit its column, every conflict of classes.
    pub fn new(policy: &Policy, catalog: Arc<Catalog>, marker: &str) -> Result<Engine, Vec<PolicyError>> {
        Self::renewed(policy, catalog, marker, &Known::default())
    }

    /// Whether a policy fits a database.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn check(policy: &Policy, catalog: &Catalog) -> Result<(), Vec<PolicyError>> {
        let mut errors: Vec<PolicyError> = Vec::new();
        for role in policy.roles.keys() {
            let found = Protection::derive(policy, catalog, role).err().unwrap_or_default();
            errors.extend(found.into_iter().filter(|e| !errors.contains(e)).collect::<Vec<_>>());
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The same on a later catalog of the database: what `known` says to have been protected stays so.
    ///
    /// # Errors
    /// As [`Engine::new`] where nothing is known; else none of the catalog's making: what does not fit is refused when it is asked for.
    pub fn renewed(policy: &Policy, catalog: Arc<Catalog>, marker: &str, known: &Known) -> Result<Engine, Vec<PolicyError>> {
        let mut roles = HashMap::new();
        let mut errors = Vec::new();
        let mut protections = Vec::new();
        let fields = Fields::of(&catalog);
        let shared = Arc::new(policy.clone());
        for (name, role) in &policy.roles {
            match Protection::derive_on(policy, &catalog, name, known) {
                Ok(protection) => {
                    protections.push((name.as_str(), protection.clone()));
                    let unprotected = protection.is_empty();
                    let facts = Facts::new(Arc::clone(&catalog), fields.clone(), protection, role, marker.to_owned());
                    let redacts = role.masks.iter().filter(|(_, m)| m.redacts_otherwise).map(|(class, _)| class.clone()).collect();
                    let otherwise = DashMap::new();
                    let asks = role.rows.iter().any(|rule| !user::named(&rule.sql).is_empty());
                    let (cache, policy, name) = (Cache::default(), Arc::clone(&shared), name.clone());
                    roles.insert(name.clone(), RoleEngine { facts, unprotected, name, policy, cache, redacts, otherwise, asks });
                }
                Err(found) => errors.extend(found.into_iter().filter(|e| !errors.contains(e)).collect::<Vec<_>>()),
            }
        }
        let known = known.clone().and(policy, &catalog, protections.iter().map(|(name, protection)| (*name, protection)));
        if errors.is_empty() { Ok(Engine { roles, catalog, known: Arc::new(known), policy: shared }) } else { Err(errors) }
    }

    /// The engine of one session, for its role only, on the catalog as that session sees it. `own` differs from this engine's
    /// catalog; `known`: what the session has seen to be protected that other sessions have not.
    ///
    /// # Errors
    /// A role that the policy does not have.
    pub fn upon(&self, role: &str, own: &Own, known: Known) -> Result<Engine, Vec<PolicyError>> {
        let known = known.beside(Arc::clone(&self.known));
        let unknown = || Protection::derive(&self.policy, &Catalog::default(), role).err().unwrap_or_default();
        let (Some(base), Some(rules)) = (self.roles.get(role), self.policy.roles.get(role)) else { return Err(unknown()) };
        let everything;
        let changed = match &own.changed {
            Some(changed) => changed,
            None => {
                everything = own.catalog.relations.keys().chain(self.catalog.relations.keys()).copied().collect();
                &everything
            }
        };
        let protection = match base.facts.protection() {
            Some(before) => before.upon(&self.policy, &own.catalog, changed, rules, &known),
            None => return Err(unknown()),
        };
        let known = known.and_of(&self.policy, &own.catalog, changed, role, &protection);
        let facts = base.facts.upon(Arc::clone(&own.catalog), changed, protection);
        let engine = RoleEngine {
            facts,
            unprotected: base.unprotected,
            name: base.name.clone(),
            policy: Arc::clone(&base.policy),
            cache: Cache::small(),
            redacts: base.redacts.clone(),
            otherwise: DashMap::new(),
            asks: base.asks,
        };
        Ok(Engine {
            roles: HashMap::from([(role.to_owned(), engine)]),
            catalog: Arc::clone(&own.catalog),
            known: Arc::new(known),
            policy: Arc::clone(&self.policy),
        })
    }

    /// What is protected now, and was before: for the engine on the next catalog.
    pub fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// The database that it judges for.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Whether the policy knows the role.
    pub fn knows(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }

    /// Nothing is masked, refused or filtered for this role: it is passed through untouched.
    pub fn unprotected(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|r| r.unprotected)
    }

    /// One of the role's row filters can fail on a stored value, which the server's error would then show.
    pub fn filters_may_fail(&self, role: &str) -> bool {
        self.roles.get(role).is_none_or(|r| r.facts.filters_may_fail())
    }

    /// What one statement of the role may take; nothing, where there is no such role.
    pub fn limits(&self, role: &str) -> Limits {
        self.roles.get(role).map_or_else(Limits::default, |r| r.facts.rights.limits())
    }

    /// Whether the role is told what is sent on a channel.
    pub fn hears(&self, role: &str, channel: &str) -> bool {
        self.roles.get(role).is_some_and(|r| r.facts.rights.is_heard(channel))
    }

    /// Judges one client text.
    ///
    /// # Errors
    /// A [`Refusal`] for a statement that the role may not run or that pgveil cannot judge.
    pub fn judge(&self, who: &Subject, sql: &str) -> Judged {
        let Some(role) = self.roles.get(&who.role) else {
            return Err(Refusal::new(SqlState::DENIED, "role.unknown", format!("the policy has no role {}", who.role)));
        };
        let judged = role.cache.get(&who.search_path, sql).unwrap_or_else(|| {
            let judged = judge(role, who, sql);
            role.cache.put(&who.search_path, sql, &judged);
            judged
        });
        match &who.user {
            // What is kept is everybody's; what one user is told is made of it each time.
            Some(user) if role.asks => judged.and_then(|plan| plan.of_user(user).map(Arc::new).map_err(|value| role.lacks(user, &value))),
            Some(_) | None => judged,
        }
    }

    /// What a result column is and what was decided about it, in words; `None` for a role that the policy does not have.
    pub fn describe(&self, role: &str, output: &Output) -> Option<Described> {
        self.roles.get(role).map(|role| role.describe(output))
    }

    /// The columns of each statement of a text that was judged, in words, with what they are computed from.
    pub fn explain(&self, who: &Subject, sql: &str, plan: &Plan) -> Vec<Vec<Described>> {
        let Some(role) = self.roles.get(&who.role) else { return vec![] };
        read::deep(|| {
            let read = read::read(sql).unwrap_or_default();
            let mut bodies = read.iter().map(|one| (&one.body, text_from(sql, one.offset)));
            let one = |planned: &Planned| {
                let from = bodies.next().and_then(|(body, text)| role.sources(who, body, text));
                role.described(planned.shown(), from)
            };
            plan.statements.iter().map(one).collect()
        })
    }

    /// The row filters that a statement meets.
    pub fn hidden(&self, role: &str, planned: &Planned) -> Vec<Hidden> {
        self.roles.get(role).map(|role| role.hidden(planned)).unwrap_or_default()
    }

    /// The protected columns that a result shows as they are masked, by name, with the rule's mask. What is computed from them is not here.
    pub fn protected<'a>(&self, role: &str, outputs: impl IntoIterator<Item = &'a Output>) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let (Some(engine), Some(rules)) = (self.roles.get(role), self.policy.roles.get(role)) else { return found };
        for output in outputs {
            let (relation, attribute) = match output.origin {
                Origin::Computed => continue,
                Origin::Column { relation, attribute } | Origin::Veiled { relation, attribute } => (relation, attribute),
            };
            let treatment = engine.facts.guard(relation).and_then(|g| g.columns.get(&attribute));
            let relation = self.catalog.relations.get(&relation);
            let column = relation.and_then(|r| r.attribute(attribute));
            if let (Some(treatment), Some(relation), Some(column)) = (treatment, relation, column) {
                let mask = treatment.class.as_ref().and_then(|class| rules.masks.get(class));
                let mask = mask.map_or_else(|| "redact".to_owned(), |mask| mask.spec.to_string());
                found.insert(format!("{}.{}.{}", relation.schema, relation.name, column.name), mask);
            }
        }
        found
    }

    /// Compares what the server says of a result's columns, (table OID, attribute number) each and (0, 0) for
    /// computed ones, with what the plan decided.
    ///
    /// # Errors
    /// The first column that is protected for the role and that the plan takes for something else.
    pub fn witness(&self, role: &str, outputs: &[Output], columns: &[(Oid, i16)]) -> Result<(), Veto> {
        let Some(role) = self.roles.get(role) else { return Err(Veto { column: 0, relation: 0, attribute: 0 }) };
        for (index, (relation, attribute)) in columns.iter().enumerate() {
            let Some(treatment) = role.facts.guard(*relation).and_then(|g| g.columns.get(attribute)) else { continue };
            let sound = match (&treatment.action, outputs.get(index).map(|o| &o.mask)) {
                // A citext is never sent as it is stored.
                (Action::Seal(spec), Some(Mask::Seal(planned))) => {
                    let base = role.facts.base_of(*relation, *attribute);
                    spec.shares_domain(planned) && !matches!(base, Some(BaseType::Citext | BaseType::Array))
                }
                (Action::Seal(spec), Some(Mask::SealElements(planned))) => {
                    spec.shares_domain(planned) && role.facts.base_of(*relation, *attribute) == Some(BaseType::Array)
                }
                (Action::Seal(_) | Action::Veil(_) | Action::Refuse, _) => false,
            };
            if !sound {
                return Err(Veto { column: index, relation: *relation, attribute: *attribute });
            }
        }
        Ok(())
    }
}

fn judge(role: &RoleEngine, who: &Subject, sql: &str) -> Judged {
    read::deep(|| {
        let mut plan = Plan::default();
        for one in read::read(sql)? {
            let text = text_from(sql, one.offset);
            let start = sql.len().saturating_sub(text.len());
            if plan.statements.last().is_some_and(|before: &Planned| before.moves_under_others()) {
                plan.rest = Some(start);
                break;
            }
            let planned = match statement::plan(role, who, one.body, text).and_then(|planned| no_marker(role, planned)) {
                Ok(planned) => planned,
                // The end of a transaction or savepoint may bring back what it names.
                Err(_) if plan.statements.iter().any(|before| before.kind == Kind::Transaction) => {
                    plan.rest = Some(start);
                    break;
                }
                Err(r) => {
                    let position = r.position.map(|p| p.saturating_add(one.offset));
                    return Err(rights::unnumbered(Refusal { position, ..r }));
                }
            };
            plan.statements.push(planned);
            plan.starts.push(start);
        }
        Ok(Arc::new(plan))
    })
}

/// What is stored in the database has no holes: what would be put there belongs to a session.
fn no_marker(role: &RoleEngine, planned: Planned) -> Result<Planned, Refusal> {
    if !planned.text.holds(role.facts.marker()) {
        return Ok(planned);
    }
    let message = "what the database would store goes by the order of pseudonyms, or by who asks";
    Err(Refusal::new(SqlState::DENIED, "keep.key", message).with_hint("Leave that to the query that reads it.").at(Some(1)))
}

/// The text from its `offset`-th character on.
fn text_from(sql: &str, offset: usize) -> &str {
    sql.char_indices().nth(offset).and_then(|(at, _)| sql.get(at..)).unwrap_or(sql)
}
