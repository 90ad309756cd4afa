//! What stands for a relation of which something is protected: veils, seals and filters inside a subquery.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::{Query, SetExpr, TableAlias, TableFactor};

use super::barrier::{self, Barrier, has_subquery};
use super::facts::Veiled;
use super::label::{Label, Sealed, SealedType};
use super::refuse;
use super::relation::{alias_column, key_columns, plain_column};
use super::rights::is_temporary;
use super::scope::{Col, RefusedColumn};
use super::typing::Ty;
use super::{Judge, build};
use crate::builtin::catalogs::{self, CatalogRule, Shown};
use crate::catalog::{BaseType, ColumnType, Oid, Relation, RelationKind};
use crate::mask::veil::keyed;
use crate::plan::Origin;
use crate::policy::protection::{Action, Filter, Guard, Treatment};
use crate::policy::user;
use crate::{Refusal, SqlState, read};

/// Views nested deeper than this are refused.
pub(super) const VIEW_DEPTH: usize = 32;

impl Judge<'_> {
    /// What stands for a relation where something of it is protected.
    pub(crate) fn stand_in(&mut self, relation: &Arc<Relation>) -> Result<Option<Arc<Veiled>>, Refusal> {
        if let Some(known) = self.facts.known_stand_in(relation.oid) {
            return known;
        }
        let made = self.make_stand_in(relation).map(|v| v.map(Arc::new));
        // What is nested too deeply inside a view may be well by itself.
        if made.is_ok() || self.depth == 0 {
            self.facts.remember_stand_in(relation.oid, made.clone());
        }
        made
    }

    fn make_stand_in(&mut self, relation: &Arc<Relation>) -> Result<Option<Veiled>, Refusal> {
        let of_postgres = matches!(relation.schema.as_str(), "pg_catalog" | "information_schema");
        if !self.facts.protects() {
            // A view that the policy's SQL reads could be replaced as well as one of the client's.
            return if relation.kind == RelationKind::View && !of_postgres { self.expand(relation).map(Some) } else { Ok(None) };
        }
        if of_postgres {
            return self.catalog_stand_in(relation);
        }
        let guard = self.facts.guard(relation.oid).cloned();
        // Which partition a row lies in would tell the value that put it there.
        if let Some(parent) = self.facts.catalog.ancestors(relation.oid).into_iter().find(|a| self.partitioned_by_protected(*a)) {
            let parent = self.facts.catalog.relations.get(&parent).map(|r| format!("{}.{}", r.schema, r.name)).unwrap_or_default();
            return Err(Refusal::new(
                SqlState::DENIED,
                "relation.partition",
                format!("{}.{} is a partition by a column that is protected for role {}", relation.schema, relation.name, self.role),
            )
            .with_detail("Which rows are in it tells their values of that column.")
            .with_hint(format!("Query {parent}.")));
        }
        match relation.kind {
            RelationKind::View => {
                let expanded = self.expand(relation)?;
                match guard {
                    None => Ok(Some(expanded)),
                    Some(guard) => self.guarded(relation, &guard, Some(expanded)).map(Some),
                }
            }
            RelationKind::MaterializedView if guard.is_none() || !all_classified(relation, guard.as_ref()) => {
                match self.first_source(relation.oid, &|r| self.protects(r), &mut BTreeSet::new()) {
                    Some(source) => {
                        self.own_filter(relation, guard.as_ref())?;
                        self.by_lineage(relation, guard.unwrap_or_default(), &source).map(Some)
                    }
                    // A function that it calls could have read anything.
                    None => {
                        self.calls_of(relation)?;
                        guard.map(|g| self.guarded(relation, &g, None)).transpose()
                    }
                }
            }
            RelationKind::MaterializedView => {
                self.own_filter(relation, guard.as_ref())?;
                guard.map(|g| self.guarded(relation, &g, None)).transpose()
            }
            RelationKind::Sequence if self.facts.filters() => {
                match super::sequence::definition(self.facts, relation).filter(|_| guard.is_none()) {
                    Some(definition) => self.expand(&Arc::new(definition)).map(Some),
                    None => Err(Refusal::new(
                        SqlState::DENIED,
                        "relation.sequence",
                        format!("sequence {}.{} counts rows that are hidden from role {}", relation.schema, relation.name, self.role),
                    )),
                }
            }
            RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign | RelationKind::Sequence => {
                guard.map(|g| self.guarded(relation, &g, None)).transpose()
            }
        }
    }

    /// A materialised view over rows of which some are hidden must have a row filter of its own.
    fn own_filter(&self, relation: &Relation, guard: Option<&Guard>) -> Result<(), Refusal> {
        if guard.is_some_and(|g| !g.filters.is_empty()) {
            return Ok(());
        }
        let filtered = |r: &Relation| self.facts.guard(r.oid).is_some_and(|g| !g.filters.is_empty() || g.unfit.is_some());
        match self.first_source(relation.oid, &filtered, &mut BTreeSet::new()) {
            Some(source) => Err(Refusal::new(
                SqlState::DENIED,
                "relation.derived",
                format!(
                    "materialised view {}.{} is computed from {source}, of which rows are hidden from role {}",
                    relation.schema, relation.name, self.role
                ),
            )
            .with_hint("Query the tables it is made from, or have the policy give it a row filter of its own.")),
            None => Ok(()),
        }
    }

    /// Something of the relation is protected, by the policy or by a built-in rule.
    fn protects(&self, relation: &Relation) -> bool {
        let built_in = matches!(relation.schema.as_str(), "pg_catalog" | "information_schema")
            && !matches!(catalogs::rule(&relation.schema, &relation.name), CatalogRule::Clear);
        built_in || self.facts.guard(relation.oid).is_some()
    }

    /// A relation of a certain kind that this one reads, at any depth.
    pub(super) fn first_source(&self, oid: Oid, wanted: &dyn Fn(&Relation) -> bool, seen: &mut BTreeSet<Oid>) -> Option<String> {
        let catalog = &self.facts.catalog;
        for source in &catalog.relations.get(&oid)?.reads {
            if !seen.insert(*source) {
                continue;
            }
            if let Some(found) = catalog.relations.get(source).filter(|r| wanted(r)) {
                return Some(format!("{}.{}", found.schema, found.name));
            }
            if let Some(found) = self.first_source(*source, wanted, seen) {
                return Some(found);
            }
        }
        None
    }

    /// It comes with the mask of its class already, from the table that a view shows: done twice, not every mask is what it is once.
    fn has_that_mask(&self, before: Origin, treatment: &Treatment) -> bool {
        let Origin::Veiled { relation, attribute } = before else { return false };
        let there = self.facts.guard(relation).and_then(|guard| guard.columns.get(&attribute));
        let keyed = |action: &Action| matches!(action, Action::Veil(sql) if keyed::is_keyed(sql));
        treatment.class.is_some() && there.is_some_and(|there| there.class == treatment.class && keyed(&there.action))
    }

    /// The veil: a derived table that computes the masks and applies the row filter.
    pub(super) fn guarded(&mut self, relation: &Relation, guard: &Guard, inner: Option<Veiled>) -> Result<Veiled, Refusal> {
        if let Some(why) = &guard.unfit {
            let message =
                format!("{}.{} has changed, so that its row filter for role {} no longer fits", relation.schema, relation.name, self.role);
            return Err(Refusal::new(SqlState::DENIED, "relation.changed", message)
                .with_detail(format!("{why}."))
                .with_hint("Whoever keeps the policy must adapt the filter, and restart pgveil."));
        }
        let mut cols = match &inner {
            Some(v) => v.cols.clone(),
            None => relation.columns.iter().map(|c| plain_column(relation, c)).collect(),
        };
        let mut select: Vec<String> = Vec::new();
        let mut changed: BTreeSet<usize> = BTreeSet::new();
        for (index, (col, column)) in cols.iter_mut().zip(&relation.columns).enumerate() {
            let name = quote(&column.name);
            let full = format!("{}.{}.{}", relation.schema, relation.name, column.name);
            let Some(treatment) = guard.columns.get(&column.number) else {
                select.push(name);
                continue;
            };
            changed.insert(index);
            if self.facts.follows() {
                col.origin = Origin::Veiled { relation: relation.oid, attribute: column.number };
                select.push(name);
                continue;
            }
            let bottom = Ty { oid: self.facts.catalog.forms.bottom(column.data_type.oid), ..Ty::of_column(&column.data_type) };
            match &treatment.action {
                Action::Seal(spec) => {
                    match &col.label {
                        Label::Clear | Label::Null => {}
                        Label::Sealed(s) | Label::SealedArray(s) if s.spec.class == spec.class => {
                            select.push(name);
                            continue;
                        }
                        Label::Sealed(s) | Label::SealedArray(s) => {
                            return Err(refuse::sealed_use(self.role, s, &format!("{full}, which is of another class in the policy")));
                        }
                    }
                    let ty = Arc::new(sealed_type(&column.data_type));
                    if ty.base == BaseType::Citext {
                        // Equal values must have one pseudonym: Postgres compares them like this.
                        select.push(format!(
                            "CAST(pg_catalog.lower(CAST({name} AS pg_catalog.text) COLLATE pg_catalog.\"default\") AS {}) AS {name}",
                            ty.sql
                        ));
                        col.origin = Origin::Veiled { relation: relation.oid, attribute: column.number };
                    } else {
                        select.push(name);
                    }
                    let sealed = Sealed { spec: Arc::clone(spec), column: full, rule: treatment.rule.clone(), ty };
                    col.label = match column.data_type.base {
                        BaseType::Array => Label::SealedArray(sealed),
                        _ => Label::Sealed(sealed),
                    };
                }
                Action::Veil(sql) => {
                    if let Some(s) = col.label.sealed() {
                        return Err(refuse::sealed_use(self.role, s, &format!("{full}, which the policy masks in another way")));
                    }
                    let before = std::mem::replace(&mut col.origin, Origin::Veiled { relation: relation.oid, attribute: column.number });
                    col.ty = Some(bottom);
                    if self.has_that_mask(before, treatment) {
                        select.push(name);
                        continue;
                    }
                    select.push(format!("{} AS {name}", keyed::with_marker(sql, self.facts.marker())));
                }
                Action::Refuse => {
                    col.label = Label::Clear;
                    col.ty = Some(bottom);
                    col.origin = Origin::Computed;
                    col.refused =
                        Some(Arc::new(RefusedColumn { column: full, class: treatment.class.clone(), rule: treatment.rule.clone() }));
                    select.push(format!("CAST(NULL AS {}) AS {name}", column.data_type.base_sql));
                }
            }
        }
        if inner.is_none() && guard.filters.is_empty() && self.tableoid_is_clear(relation) {
            select.push("\"tableoid\"".to_owned());
            cols.push(Col::clear("tableoid"));
        }
        let mut sql = format!("SELECT {} FROM {}.{}", select.join(", "), quote(&relation.schema), quote(&relation.name));
        if !guard.filters.is_empty() {
            let one = |f: &Filter| format!("(\n{}\n)", user::with_holes(&f.sql, self.facts.marker()));
            let all: Vec<String> = guard.filters.iter().map(one).collect();
            sql.push_str(&format!(" WHERE {}", all.join(" AND ")));
        }
        let rule = guard.filters.first().map(|f| f.rule.as_str()).unwrap_or("a mask");
        let (mut query, mut operators, may_fail) = self.facts.trusted(relation, &sql, rule)?;
        let is_view = inner.is_some();
        let (mut barriers, mut fails) = (vec![], false);
        if let Some(v) = inner {
            operators.extend(v.operators);
            (barriers, fails) = (v.barriers, v.fails);
            replace_source(&mut query, v.query, &relation.name, &cols);
        }
        let filtered = !guard.filters.is_empty();
        if filtered {
            let local = !is_view && matches!(&*query.body, SetExpr::Select(s) if s.selection.as_ref().is_none_or(|f| !has_subquery(f)));
            barrier::mark(&mut query, barriers.len());
            barriers.push(Barrier { of: relation.oid, local, may_fail, ..Barrier::default() });
        }
        let key = key_columns(relation, &changed);
        // A mask's value may break the constraints of a domain that the composite type would cast it to.
        let composite = relation.columns.iter().enumerate().all(|(index, c)| !c.data_type.is_domain || !changed.contains(&index));
        let protected = true;
        Ok(Veiled {
            query,
            cols,
            key,
            protected,
            rename: false,
            operators,
            whole: false,
            barriers,
            filtered,
            fails,
            composite,
            flows: false,
        })
    }

    /// Which table a row lies in follows from no protected value.
    fn tableoid_is_clear(&self, relation: &Relation) -> bool {
        let catalog = &self.facts.catalog;
        let below = |table: &Oid| *table == relation.oid || catalog.ancestors(*table).contains(&relation.oid);
        matches!(relation.kind, RelationKind::Table | RelationKind::Partitioned)
            && !catalog.partition_keys.keys().filter(|t| below(t)).any(|t| self.partitioned_by_protected(*t))
    }

    /// A catalog of Postgres' own, by the built-in rules.
    fn catalog_stand_in(&mut self, relation: &Relation) -> Result<Option<Veiled>, Refusal> {
        let veil = match catalogs::rule(&relation.schema, &relation.name) {
            CatalogRule::Clear => return Ok(None),
            CatalogRule::Refuse(why) => {
                return Err(Refusal::new(
                    SqlState::DENIED,
                    "catalog.refused",
                    format!("{}.{} may not be read by role {}", relation.schema, relation.name, self.role),
                )
                .with_detail(format!("Rule: built in; {why}."))
                .with_hint("Names, types, definitions and comments are in the other catalogs and in information_schema."));
            }
            CatalogRule::Veil(veil) => veil,
        };
        let mut select: Vec<String> = Vec::new();
        let mut cols: Vec<Col> = Vec::new();
        for column in &relation.columns {
            let name = quote(&column.name);
            let mut col = plain_column(relation, column);
            let sql = match veil.column(&column.name) {
                Shown::AsItIs => None,
                Shown::Null => Some(format!("CAST(NULL AS {})", column.data_type.sql)),
                Shown::Computed(sql) => Some(sql.to_owned()),
            };
            match sql {
                Some(sql) => {
                    select.push(format!("{sql} AS {name}"));
                    col.origin = Origin::Veiled { relation: relation.oid, attribute: column.number };
                }
                None => select.push(name),
            }
            cols.push(col);
        }
        // Clients ask catalogs for their tableoid and xmin; a derived table has none of its own.
        if relation.kind == RelationKind::Table {
            select.push(format!("CAST({} AS pg_catalog.oid) AS \"tableoid\"", relation.oid));
            select.push("\"xmin\" AS \"xmin\"".to_owned());
            cols.extend(["tableoid", "xmin"].map(Col::clear));
        }
        let rows = veil.rows.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let sql = format!("SELECT {} FROM {}.{}{rows}", select.join(", "), quote(&relation.schema), quote(&relation.name));
        let (query, operators, _) = self.facts.trusted(relation, &sql, "built in")?;
        let key = key_columns(relation, &BTreeSet::new());
        Ok(Some(Veiled {
            query,
            cols,
            key,
            protected: false,
            rename: false,
            operators,
            whole: false,
            barriers: vec![],
            filtered: false,
            fails: false,
            composite: false,
            flows: false,
        }))
    }

    /// A view's definition with veils, seals and filters inside. Where it reads nothing protected too: it can be replaced at any time, and
    /// keeps its OID, so that only the tables below it can be told to be the same.
    fn expand(&mut self, view: &Arc<Relation>) -> Result<Veiled, Refusal> {
        let in_view = |r: Refusal| Refusal {
            position: None,
            detail: Some(format!("In view {}.{}. {}", view.schema, view.name, r.detail.unwrap_or_default()).trim_end().to_owned()),
            ..r
        };
        let reads_protected = self.first_source(view.oid, &|r| self.protects(r), &mut BTreeSet::new()).is_some();
        let Some(definition) = &view.definition else {
            return Err(refuse::not_yet("view.unknown", "a view whose definition is not known").with_hint("Query its tables."));
        };
        if self.depth >= VIEW_DEPTH {
            return Err(refuse::not_yet("view.depth", "a view nested this deep"));
        }
        let reading = read::query(definition).map_err(in_view)?;
        let mut query = (*reading.ast).clone();
        // Temporary relations are always found first: a temporary view names them without a schema.
        let temporary = is_temporary(&view.schema).then(|| view.schema.clone());
        let path: Vec<String> = temporary.into_iter().chain(["pg_catalog".to_owned()]).collect();
        let mut inner = Judge::new(self.facts, &path, self.role, definition);
        inner.depth = self.depth.saturating_add(1);
        // A view that reads nothing protected is judged too: a function that it calls could.
        let cols = inner.query(&mut query, None, false).map_err(in_view)?;
        if let Some(refusal) = inner.shows_evaluation_order {
            return Err(in_view(refusal));
        }
        if inner.moves_search_path {
            return Err(in_view(refuse::not_yet("view.setting", "a view that moves search_path")));
        }
        let protected = reads_protected || inner.reads > 0;
        reading.print(&query).map_err(in_view)?;
        if cols.len() != view.columns.len() {
            return Err(refuse::not_yet(
                "view.unknown",
                &format!("view {}.{}, whose columns are not as expected,", view.schema, view.name),
            ));
        }
        let rename = cols.iter().zip(&view.columns).any(|(c, column)| c.name != column.name);
        let cols = cols
            .into_iter()
            .zip(&view.columns)
            .map(|(c, column)| {
                // A veil takes the domain off.
                let declared = Ty { typmod: -1, ..Ty::of_column(&column.data_type) };
                let ty = c.ty.map(Ty::settled).or((!column.data_type.is_domain).then_some(declared));
                let of_view = Some((view.oid, column.number));
                Col { name: column.name.clone(), base: Some(column.data_type.base), of_view, ty, ..c }
            })
            .collect();
        Ok(Veiled {
            query,
            cols,
            key: vec![],
            protected,
            rename,
            operators: inner.operators,
            whole: true,
            barriers: inner.barriers,
            filtered: false,
            fails: inner.fails > 0,
            composite: true,
            flows: inner.flows > 0,
        })
    }
}

/// The type of a sealed column, as pgveil writes it around its values.
pub(super) fn sealed_type(ty: &ColumnType) -> SealedType {
    if let Some(element) = crate::mask::fit::element(ty) {
        return sealed_type(&element);
    }
    let collation = ty.collation.clone();
    match ty.base {
        BaseType::Citext => SealedType { base: ty.base, sql: ty.base_sql.clone(), collation },
        base => SealedType { collation, ..SealedType::plain(base) },
    }
}

fn all_classified(relation: &Relation, guard: Option<&Guard>) -> bool {
    relation.columns.iter().all(|c| guard.is_some_and(|g| g.columns.contains_key(&c.number)))
}

/// Puts `source` in the place of the only FROM item of `query`.
fn replace_source(query: &mut Query, source: Query, name: &str, cols: &[Col]) {
    if let sqlparser::ast::SetExpr::Select(select) = &mut *query.body
        && let Some(first) = select.from.first_mut()
    {
        first.relation = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(source),
            alias: Some(TableAlias {
                explicit: true,
                name: build::ident(name),
                columns: cols.iter().map(|c| alias_column(&c.name)).collect(),
                at: None,
            }),
            sample: None,
        };
    }
}

/// A quoted identifier as text.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
