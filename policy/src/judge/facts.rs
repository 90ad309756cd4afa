//! What is known for one role on one database, and what has been worked out from it so far.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use sqlparser::ast::Query;

use super::Judge;
use super::barrier::Barrier;
use super::determined::{Equalities, Place};
use super::rights::Rights;
use super::scope::{Col, Item};
use super::total::is_total;
use crate::catalog::{BaseType, Catalog, Oid, Relation};
use crate::policy::{Protection, Role, protection::Guard, user};
use crate::{Refusal, SqlState, read};

/// The derived table that stands for a relation.
#[derive(Debug, Clone)]
pub(crate) struct Veiled {
    /// The subquery.
    pub query: Query,
    /// What it shows.
    pub cols: Vec<Col>,
    /// Columns that identify a row.
    pub key: Vec<usize>,
    /// It protects a user's relation; row order over it is data. False for Postgres' own catalogs.
    pub protected: bool,
    /// Its columns' names must be given with the alias.
    pub rename: bool,
    /// Operators in it that are named without a schema.
    pub operators: BTreeSet<String>,
    /// Its select list must stay as it is: DISTINCT or a set operation may hang on it.
    pub whole: bool,
    /// Row filters inside, in the order of their numbers.
    pub barriers: Vec<Barrier>,
    /// The last of them is its own: it is the derived table of that relation's filter.
    pub filtered: bool,
    /// Something in it may fail.
    pub fails: bool,
    /// Its rows can be cast to the relation's composite type.
    pub composite: bool,
    /// Lineage only: which rows it has follows from something protected.
    pub flows: bool,
}

type Known = Result<Option<Arc<Veiled>>, Refusal>;

/// One role on one database.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The database.
    pub catalog: Arc<Catalog>,
    protection: Option<Protection>,
    filters: bool,
    filters_may_fail: bool,
    functions: Vec<(String, String)>,
    /// What the role may write.
    pub rights: Rights,
    marker: String,
    stand_ins: DashMap<Oid, Known>,
    /// What is done with the columns of materialised views that the policy does not class completely.
    lineages: DashMap<Oid, Arc<Guard>>,
    fields: Fields,
    /// Every protected column is followed as it is, instead of being masked.
    lineage: bool,
    following: OnceLock<Box<Facts>>,
}

/// Names of composite types' fields, by type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    shared: Arc<HashMap<Oid, Vec<String>>>,
    /// Those in which a session's own catalog differs; none: the type is not composite there.
    own: HashMap<Oid, Option<Vec<String>>>,
}

impl Fields {
    /// Those of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let types = catalog.types.values().flat_map(|t| t.values()).filter(|t| !t.fields.is_empty());
        Fields { shared: Arc::new(types.map(|t| (t.oid, t.fields.clone())).collect()), own: HashMap::new() }
    }

    /// The same with the types of these relations as `catalog` has them.
    fn upon(&self, catalog: &Catalog, changed: &HashSet<Oid>) -> Self {
        let mut own: HashMap<Oid, Option<Vec<String>>> = HashMap::new();
        for (oid, facts) in catalog.forms.types.iter().filter(|(_, t)| t.relation != 0 && changed.contains(&t.relation)) {
            let named = catalog.types.get(&facts.schema).and_then(|t| t.get(&facts.name));
            own.insert(*oid, named.map(|t| t.fields.clone()).filter(|f| !f.is_empty()));
        }
        Fields { shared: Arc::clone(&self.shared), own }
    }

    fn get(&self, type_oid: Oid) -> Option<&Vec<String>> {
        match self.own.get(&type_oid) {
            Some(own) => own.as_ref(),
            None => self.shared.get(&type_oid),
        }
    }
}

impl Facts {
    /// `marker`: a text that no client can know; stands for the session's order key in printed SQL.
    pub fn new(catalog: Arc<Catalog>, fields: Fields, protection: Protection, role: &Role, marker: String) -> Self {
        let filters = catalog.relations.keys().any(|oid| protection.guard(*oid).is_some_and(|g| !g.filters.is_empty()));
        let filters_may_fail =
            catalog.relations.keys().filter_map(|oid| protection.guard(*oid)).flat_map(|g| &g.filters).any(|f| !fails_never(&f.sql));
        Facts {
            catalog,
            protection: Some(protection),
            filters,
            filters_may_fail,
            functions: role.functions.clone(),
            rights: Rights::of(role),
            marker,
            stand_ins: DashMap::new(),
            lineages: DashMap::with_shard_amount(2),
            fields,
            lineage: false,
            following: OnceLock::new(),
        }
    }

    /// The same role on a session's own catalog, in which these relations differ.
    pub fn upon(&self, catalog: Arc<Catalog>, changed: &HashSet<Oid>, protection: Protection) -> Facts {
        let filters = |filter: &dyn Fn(&str) -> bool| {
            changed.iter().filter_map(|oid| protection.guard(*oid)).flat_map(|g| &g.filters).any(|f| filter(&f.sql))
        };
        Facts {
            filters: self.filters || filters(&|_| true),
            filters_may_fail: self.filters_may_fail || filters(&|sql| !fails_never(sql)),
            functions: self.functions.clone(),
            rights: self.rights.clone(),
            marker: self.marker.clone(),
            stand_ins: DashMap::new(),
            lineages: DashMap::with_shard_amount(2),
            fields: self.fields.upon(&catalog, changed),
            lineage: false,
            following: OnceLock::new(),
            protection: Some(protection),
            catalog,
        }
    }

    /// The same role with the columns of these classes redacted, where they are pseudonymised.
    pub fn redacting(&self, classes: &BTreeSet<String>) -> Facts {
        Facts {
            catalog: Arc::clone(&self.catalog),
            protection: self.protection.as_ref().map(|p| p.redacting(&self.catalog, classes)),
            filters: self.filters,
            filters_may_fail: self.filters_may_fail,
            functions: self.functions.clone(),
            rights: self.rights.clone(),
            marker: self.marker.clone(),
            stand_ins: DashMap::new(),
            lineages: DashMap::with_shard_amount(2),
            fields: self.fields.clone(),
            lineage: self.lineage,
            following: OnceLock::new(),
        }
    }

    /// The same database with nothing protected: for the policy's own SQL.
    fn unprotected(&self) -> Facts {
        Facts {
            catalog: Arc::clone(&self.catalog),
            protection: None,
            filters: false,
            filters_may_fail: false,
            functions: self.functions.clone(),
            rights: self.rights.clone(),
            marker: self.marker.clone(),
            stand_ins: DashMap::new(),
            lineages: DashMap::with_shard_amount(2),
            fields: Fields::default(),
            lineage: false,
            following: OnceLock::new(),
        }
    }

    /// A database with nothing protected: for SQL of the policy that belongs to no role yet.
    pub fn of_the_policy(catalog: Arc<Catalog>) -> Facts {
        Facts {
            catalog,
            protection: None,
            filters: false,
            filters_may_fail: false,
            functions: vec![],
            rights: Rights::default(),
            marker: String::new(),
            stand_ins: DashMap::new(),
            lineages: DashMap::with_shard_amount(2),
            fields: Fields::default(),
            lineage: false,
            following: OnceLock::new(),
        }
    }

    /// The same database with every protected column shown as it is, and followed: for the lineage of materialised views.
    pub fn following(&self) -> &Facts {
        self.following.get_or_init(|| {
            let protection = self.protection.as_ref().map(Protection::unfiltered);
            let fields = self.fields.clone();
            Box::new(Facts { protection, fields, lineage: true, ..self.unprotected() })
        })
    }

    /// Columns are followed, not masked.
    pub fn follows(&self) -> bool {
        self.lineage
    }

    pub fn marker(&self) -> &str {
        &self.marker
    }

    pub fn protection(&self) -> Option<&Protection> {
        self.protection.as_ref()
    }

    pub fn protects(&self) -> bool {
        self.protection.is_some()
    }

    pub fn filters(&self) -> bool {
        self.filters
    }

    /// Whether a write to this relation would choose which rows of another one the role sees: a row filter of the role reads it. One whose
    /// own rows are filtered is not meant: what the role writes there are rows that it sees.
    ///
    /// # Errors
    /// `write.filter_source`. `what`: such as `INSERT into shop.regions`.
    pub fn feeds_no_filter(&self, relation: &Relation, what: &str, role: &str) -> Result<(), Refusal> {
        if self.guard(relation.oid).is_some_and(|g| !g.filters.is_empty()) {
            return Ok(());
        }
        let holds = |source: &Relation| {
            let (own, other) = (self.catalog.ancestors(relation.oid), self.catalog.ancestors(source.oid));
            source.oid == relation.oid || own.contains(&source.oid) || other.contains(&relation.oid)
        };
        let reads = |(schema, name, _): &&(String, String, usize)| {
            let mut open: Vec<Oid> = self.catalog.relation(schema, name).map(|r| r.oid).into_iter().collect();
            let mut seen = BTreeSet::new();
            while let Some(next) = open.pop() {
                let Some(source) = self.catalog.relations.get(&next).filter(|_| seen.insert(next)) else { continue };
                if holds(source) {
                    return true;
                }
                open.extend(&source.reads);
            }
            false
        };
        let Some((_, _, line)) = self.rights.filter_sources().iter().find(reads) else { return Ok(()) };
        Err(Refusal::new(SqlState::DENIED, "write.filter_source", format!("{what}: a row filter of role {role} reads it"))
            .with_detail(format!(
                "Rule: policy line {line} (role {role}, rows). What is in it decides which rows of another relation the role sees."
            ))
            .with_hint("Somebody with another role can write it."))
    }

    /// A row filter is no plain comparison: an error may come from it, with a stored value in its text.
    pub fn filters_may_fail(&self) -> bool {
        self.filters_may_fail
    }

    pub fn guard(&self, relation: Oid) -> Option<&Guard> {
        self.protection.as_ref()?.guard(relation)
    }

    /// A column that the role is about to make would be pseudonymised by its name, beside those that others have filled: it could hold a
    /// guess. What lies in the role's own schemas has pseudonyms of its own.
    ///
    /// # Errors
    /// `define.class`. `what`: such as `CREATE TABLE`.
    pub fn makes_no_guess(&self, schema: &str, relation: &str, column: &str, what: &str, role: &str) -> Result<(), Refusal> {
        let class =
            self.protection.as_ref().filter(|_| !self.rights.owns(schema)).and_then(|p| p.sealing_class([schema, relation, column]));
        let Some(class) = class else { return Ok(()) };
        let message = format!("{what}: {schema}.{relation}.{column} would be in class {class}, of which role {role} sees pseudonyms");
        Err(Refusal::new(SqlState::DENIED, "define.class", message)
            .with_detail("A value that somebody chooses would show its pseudonym.")
            .with_hint("Give the column another name, or keep the table in a schema of your own or for this session (TEMP)."))
    }

    /// A column's type, below domains.
    pub fn base_of(&self, relation: Oid, attribute: i16) -> Option<BaseType> {
        self.catalog.relations.get(&relation).and_then(|r| r.attribute(attribute)).map(|c| c.data_type.base)
    }

    pub fn may_call(&self, schema: &str, name: &str) -> bool {
        self.protection.is_none() || self.functions.iter().any(|(s, n)| s == schema && n == name)
    }

    /// Names of a composite type's fields.
    pub fn fields(&self, type_oid: Oid) -> Option<&Vec<String>> {
        self.fields.get(type_oid)
    }

    pub fn known_stand_in(&self, relation: Oid) -> Option<Known> {
        self.stand_ins.get(&relation).map(|v| v.clone())
    }

    pub fn remember_stand_in(&self, relation: Oid, known: Known) {
        self.stand_ins.insert(relation, known);
    }

    pub fn remember_lineage(&self, relation: Oid, guard: &Guard) {
        self.lineages.insert(relation, Arc::new(guard.clone()));
    }

    /// What is done with the columns of a materialised view that has been read, by its definition.
    pub fn lineage(&self, relation: Oid) -> Option<Arc<Guard>> {
        self.lineages.get(&relation).map(|guard| Arc::clone(&guard))
    }

    /// Reads SQL of the policy over one relation: it may read everything, but every name in it must be
    /// qualified, so that no search_path of a client's changes its meaning. Operators that are not are returned.
    /// The last of the answer: its condition may fail.
    pub fn trusted(&self, relation: &Relation, sql: &str, rule: &str) -> Result<(Query, BTreeSet<String>, bool), Refusal> {
        let explain = |r: Refusal| Refusal {
            position: None,
            message: format!("the policy's SQL for {}.{} cannot be used: {}", relation.schema, relation.name, r.message),
            detail: Some(format!("Rule: {rule}.")),
            ..r
        };
        let reading = read::query(sql).map_err(explain)?;
        let mut query = (*reading.ast).clone();
        let facts = self.unprotected();
        let path = ["pg_catalog".to_owned()];
        let mut judge = Judge::new(&facts, &path, "policy", sql);
        judge.query(&mut query, None, false).map_err(explain)?;
        reading.print(&query).map_err(explain)?;
        super::gate::pin(&mut query, &self.catalog);
        Ok((query, judge.operators, judge.failing_conditions))
    }
}

/// Whether a row filter is a plain comparison.
fn fails_never(filter: &str) -> bool {
    read::expression(&user::readable(filter)).is_ok_and(|e| is_total(&e))
}

/// One expression of a total order.
#[derive(Debug, Clone)]
pub(crate) struct TieBreak {
    /// As it is printed.
    pub expr: sqlparser::ast::Expr,
    /// The column that it mentions, where it is one of FROM.
    pub of: Option<(Rc<Item>, usize)>,
}

/// A key of GROUP BY.
#[derive(Debug, Clone)]
pub(crate) struct GroupPart {
    /// As it is printed.
    pub expr: sqlparser::ast::Expr,
    /// Its label and type.
    pub col: Col,
    /// The column that it is.
    pub place: Option<Place>,
}

/// The order in which a query level gives out its rows.
#[derive(Debug, Default)]
pub(crate) struct LevelOrder {
    /// How many levels are visible at this one, itself included.
    pub depth: usize,
    /// Names taken in this level's FROM, and which relation is named without an alias.
    pub names: HashMap<String, Option<Oid>>,
    /// Protected relations seen before this level began.
    pub touched_before: usize,
    /// The keys of GROUP BY, set once they are known.
    pub groups: Option<Vec<GroupPart>>,
    /// What its conditions fix.
    pub equal: Equalities,
    /// Its rows are those of one subquery, whose ORDER BY has been made total: aggregates see them in that order.
    pub in_order: bool,
    /// An aggregate is called at this level.
    pub aggregates: bool,
    /// A window function is called at this level: its rows come sorted as the window needs them.
    pub windows: bool,
}
