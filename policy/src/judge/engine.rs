//! The engine: a policy on a catalog, ready to judge for any of its roles.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use dashmap::DashMap;

use super::cache::Cache;
use super::facts::Facts;
use super::scope::Col;
use super::token::Tokens;
use super::{Judge, refuse};
use crate::catalog::form::Forms;
use crate::catalog::{Catalog, Oid};
use crate::mask::Mask;
use crate::plan::{Kind, Origin, Output, Plan, Planned, SqlText};
use crate::policy::{Policy, PolicyError, Protection, protection::Action};
use crate::read::{self, Body};
use crate::{Refusal, SqlState};

/// Who asks, and what of the session matters to the meaning of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The role of the policy that is active.
    pub role: String,
    /// Effective search_path: existing schemas in order, with pg_catalog where Postgres looks for it, as `current_schemas(true)` says.
    pub search_path: Arc<[String]>,
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
}

#[derive(Debug)]
struct RoleEngine {
    facts: Facts,
    unprotected: bool,
    cache: Cache,
    /// Classes with `otherwise = "redact"`.
    redacts: BTreeSet<String>,
    /// The facts of statements in which some of these are redacted.
    otherwise: DashMap<BTreeSet<String>, Arc<Facts>>,
}

impl RoleEngine {
    /// What is known where the pseudonyms of `classes` are redacted; `None` where the policy does not say so of all.
    fn otherwise(&self, classes: &BTreeSet<String>) -> Option<Arc<Facts>> {
        if !classes.is_subset(&self.redacts) {
            return None;
        }
        let facts = self.otherwise.entry(classes.clone()).or_insert_with(|| Arc::new(self.facts.redacting(classes)));
        Some(Arc::clone(&facts))
    }
}

impl Engine {
    /// Works out what `policy` means on `catalog`. `marker`: at least 16 letters and digits that no client can
    /// guess; it stands for the session's order key in texts that are judged.
    ///
    /// # Errors
    /// Every mask that does not fit its column, every conflict of classes.
    pub fn new(policy: &Policy, catalog: Arc<Catalog>, marker: &str) -> Result<Engine, Vec<PolicyError>> {
        let mut roles = HashMap::new();
        let mut errors = Vec::new();
        for (name, role) in &policy.roles {
            match Protection::derive(policy, &catalog, name) {
                Ok(protection) => {
                    let unprotected = protection.is_empty();
                    let facts = Facts::new(Arc::clone(&catalog), protection, role, marker.to_owned());
                    let redacts = role.masks.iter().filter(|(_, m)| m.redacts_otherwise).map(|(class, _)| class.clone()).collect();
                    let otherwise = DashMap::new();
                    roles.insert(name.clone(), RoleEngine { facts, unprotected, cache: Cache::default(), redacts, otherwise });
                }
                Err(found) => errors.extend(found.into_iter().filter(|e| !errors.contains(e)).collect::<Vec<_>>()),
            }
        }
        if errors.is_empty() { Ok(Engine { roles, catalog }) } else { Err(errors) }
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

    /// Judges one client text.
    ///
    /// # Errors
    /// A [`Refusal`] for a statement that the role may not run or that pgveil cannot judge.
    pub fn judge(&self, who: &Subject, sql: &str) -> Judged {
        let Some(role) = self.roles.get(&who.role) else {
            return Err(Refusal::new(SqlState::DENIED, "role.unknown", format!("the policy has no role {}", who.role)));
        };
        role.cache.get(&who.search_path, sql).unwrap_or_else(|| {
            let judged = judge(role, who, sql);
            role.cache.put(&who.search_path, sql, &judged);
            judged
        })
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
                (Action::Seal(spec), Some(Mask::Seal(planned))) => spec.class == planned.class,
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
        let mut statements = Vec::new();
        let read = read::read(sql)?;
        let count = read.len();
        for (index, statement) in read.into_iter().enumerate() {
            let offset = statement.offset;
            let planned = plan(role, who, statement.body, text_from(sql, offset)).map_err(|r| match r.position {
                Some(p) => Refusal { position: Some(p.saturating_add(offset)), ..r },
                None => r,
            })?;
            if planned.moves_search_path && index.saturating_add(1) < count && planned.kind != Kind::Transaction {
                return Err(Refusal::new(
                    SqlState::UNSUPPORTED,
                    "text.search_path",
                    "a change of search_path must be the last statement of a text",
                )
                .with_hint("Send the statements after it in a message of their own.")
                .at(Some(offset.saturating_add(1))));
            }
            statements.push(planned);
        }
        Ok(Arc::new(Plan { statements }))
    })
}

fn plan(role: &RoleEngine, who: &Subject, body: Body, text: &str) -> Result<Planned, Refusal> {
    match body {
        Body::Query(reading) => {
            let Judgement { sql, cols, moves, order_is_data, tokens } = query(role, who, &reading, text)?;
            Ok(Planned {
                kind: Kind::Query,
                text: SqlText::with_holes(&sql, role.facts.marker(), tokens.literals()),
                outputs: outputs(&cols, &role.facts.catalog.forms),
                moves_search_path: moves,
                order_is_data,
                tokens: tokens.parameters(),
            })
        }
        Body::Explain { options, query: reading } => {
            if options.analyze == Some(true) {
                return Err(refuse::unsupported("EXPLAIN ANALYZE")
                    .with_hint("EXPLAIN without ANALYZE shows the plan's shape.")
                    .at(Some(1)));
            }
            if options.format != read::ExplainFormat::Text {
                return Err(refuse::unsupported("EXPLAIN in another format than text").at(Some(1)));
            }
            let Judgement { sql, moves, order_is_data, tokens, .. } = query(role, who, &reading, text)?;
            let output = Output { name: "QUERY PLAN".into(), origin: Origin::Computed, mask: Mask::Clear, type_oid: None };
            Ok(Planned {
                kind: Kind::Explain,
                text: SqlText::with_holes(&format!("EXPLAIN (COSTS FALSE, FORMAT TEXT) {sql}"), role.facts.marker(), tokens.literals()),
                outputs: Arc::from([output]),
                moves_search_path: moves,
                order_is_data,
                tokens: tokens.parameters(),
            })
        }
        Body::Control(control) => {
            let shown = Output { name: String::new(), origin: Origin::Computed, mask: Mask::Clear, type_oid: None };
            let outputs: Arc<[Output]> = if control.kind == Kind::Show { Arc::from([shown]) } else { Arc::from([]) };
            Ok(Planned {
                kind: control.kind,
                text: SqlText::plain(control.text),
                outputs,
                moves_search_path: control.moves_search_path,
                order_is_data: false,
                tokens: Arc::from([]),
            })
        }
        Body::Other { what } => Err(Refusal::new(
            SqlState::DENIED,
            "statement.kind",
            format!("{what} is not open to role {}, for which columns are masked or rows filtered", who.role),
        )
        .with_hint("Queries, transactions, SET and SHOW of harmless settings and EXPLAIN are.")
        .at(Some(1))),
    }
}

/// What became of a query.
struct Judgement {
    sql: String,
    cols: Vec<Col>,
    /// A call of set_config changes search_path.
    moves: bool,
    order_is_data: bool,
    tokens: Tokens,
}

fn query(role: &RoleEngine, who: &Subject, reading: &read::Reading, text: &str) -> Result<Judgement, Refusal> {
    check_path(role.facts.catalog.as_ref(), &who.search_path)?;
    let mut redacted = BTreeSet::new();
    let mut judged = query_on(&role.facts, who, reading, text);
    // As often as there are classes: each round redacts at least one more.
    while let Err(refusal) = &judged
        && refusal.sealed.iter().any(|class| redacted.insert(class.clone()))
        && let Some(facts) = role.otherwise(&redacted)
    {
        judged = query_on(&facts, who, reading, text);
    }
    judged
}

fn query_on(facts: &Facts, who: &Subject, reading: &read::Reading, text: &str) -> Result<Judgement, Refusal> {
    let mut ast = (*reading.ast).clone();
    let mut judge = Judge::new(facts, &who.search_path, &who.role, text);
    let cols = judge.statement(&mut ast, true)?;
    let (moves, order_is_data) = (judge.moves_search_path, judge.reads > 0);
    let tokens = judge.tokens;
    let marker = (!tokens.literals().is_empty()).then(|| facts.marker());
    Ok(Judgement { sql: reading.print_with_holes(&ast, marker)?, cols, moves, order_is_data, tokens })
}

/// pg_catalog must come first: otherwise a user's type or operator could stand for one of Postgres' own.
/// Temporary schemas come before it all the same; Postgres finds no functions or operators there, but types.
fn check_path(catalog: &Catalog, path: &[String]) -> Result<(), Refusal> {
    let temporary = |s: &&String| s.starts_with("pg_temp_") || s.starts_with("pg_toast_temp_");
    let own = catalog.types.get("pg_catalog");
    let shadowing = path.iter().filter(temporary).filter_map(|s| catalog.types.get(s)).flat_map(|t| t.keys());
    let hidden = shadowing.into_iter().find(|name| own.is_some_and(|own| own.contains_key(*name)));
    if let Some(name) = hidden {
        return Err(Refusal::new(
            SqlState::DENIED,
            "path.hostile",
            format!("a temporary table or type has the name of Postgres' type {name}"),
        )
        .with_hint("Drop it, or give it another name."));
    }
    if path.iter().find(|s| !temporary(s)).is_some_and(|s| s == "pg_catalog") {
        return Ok(());
    }
    Err(Refusal::new(
        SqlState::DENIED,
        "path.hostile",
        "search_path has another schema before pg_catalog, so that names of Postgres' own could mean something else",
    )
    .with_hint("Leave pg_catalog out of search_path: Postgres then looks there first."))
}

fn outputs(cols: &[Col], forms: &Forms) -> Arc<[Output]> {
    cols.iter()
        .map(|c| Output {
            name: c.name.clone(),
            origin: c.origin.clone(),
            mask: match c.label.sealed() {
                Some(s) => Mask::Seal(Arc::clone(&s.spec)),
                None => Mask::Clear,
            },
            type_oid: c.ty.map(|t| forms.bottom(t.settled().oid)),
        })
        .collect()
}

/// The text from its `offset`-th character on.
fn text_from(sql: &str, offset: usize) -> &str {
    sql.char_indices().nth(offset).and_then(|(at, _)| sql.get(at..)).unwrap_or(sql)
}
