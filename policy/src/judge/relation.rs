//! Relations in FROM: which one a name means, and the derived table that stands for a protected one.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::{Ident, Query, TableAlias, TableAliasColumnDef, TableFactor};

use super::facts::TieBreak;
use super::facts::Veiled;
use super::label::{Label, Sealed};
use super::refuse;
use super::scope::{Col, Item, Level, RefusedColumn};
use super::{Judge, build};
use crate::builtin::catalogs::{self, CatalogRule};
use crate::catalog::{Oid, Relation, RelationKind};
use crate::plan::Origin;
use crate::policy::protection::{Action, Guard};
use crate::{Refusal, SqlState, read};

/// Views nested deeper than this are refused.
const VIEW_DEPTH: usize = 32;

impl Judge<'_> {
    /// Finds a relation as Postgres would.
    pub(crate) fn find_relation(&self, parts: &[String]) -> Result<Arc<Relation>, Refusal> {
        let missing =
            |name: String| Refusal::new(SqlState::UNDEFINED_TABLE, "name.relation", format!("relation \"{name}\" does not exist"));
        match parts {
            [name] => {
                self.path.iter().find_map(|schema| self.facts.catalog.relation(schema, name)).cloned().ok_or_else(|| missing(name.clone()))
            }
            [schema, name] => self.facts.catalog.relation(schema, name).cloned().ok_or_else(|| missing(format!("{schema}.{name}"))),
            _ => Err(refuse::unsupported("a relation's name with the database's name in it")),
        }
    }

    /// Judges a relation in FROM: returns what is printed for it and what it shows.
    pub(crate) fn relation(&mut self, parts: &[String], alias: Option<TableAlias>) -> Result<(TableFactor, Level), Refusal> {
        let relation = self.find_relation(parts)?;
        let veiled = self.stand_in(&relation)?;
        match veiled {
            None => {
                let cols = relation.columns.iter().map(|c| plain_column(&relation, c)).collect();
                let key = key_columns(&relation, &BTreeSet::new());
                let item = self.item(&relation, alias.as_ref(), cols, key, None, false)?;
                let factor = table(&relation, alias);
                Ok((factor, Level::of(item)))
            }
            Some(veiled) => {
                if veiled.protected {
                    self.touched = self.touched.saturating_add(1);
                }
                let alias = self.derived_alias(&relation.name, alias, &veiled);
                let printed = alias.name.value.clone();
                let why = veiled.protected.then(|| format!("{}.{}", relation.schema, relation.name));
                let mut item = self.item(&relation, Some(&alias), veiled.cols.clone(), veiled.key.clone(), why, true)?;
                if !alias.explicit {
                    item.relation = Some((relation.schema.clone(), relation.name.clone()));
                    item.visible.clone_from(&relation.name);
                }
                item.printed = Some(printed);
                item.whole = veiled.whole;
                let alias = TableAlias { explicit: true, ..alias };
                let factor =
                    TableFactor::Derived { lateral: false, subquery: Box::new(veiled.query.clone()), alias: Some(alias), sample: None };
                Ok((factor, Level::of(item)))
            }
        }
    }

    /// The alias of a stand-in: the user's, or the relation's name, or a new one where that is taken.
    fn derived_alias(&mut self, name: &str, alias: Option<TableAlias>, veiled: &Veiled) -> TableAlias {
        match alias {
            Some(mut a) => {
                a.explicit = true;
                if veiled.rename {
                    let given = a.columns.len();
                    a.columns.extend(veiled.cols.iter().skip(given).map(|c| alias_column(&c.name)));
                }
                a
            }
            None => {
                let printed = if self.taken(name) { self.fresh("pgveil_t") } else { name.to_owned() };
                let columns = if veiled.rename { veiled.cols.iter().map(|c| alias_column(&c.name)).collect() } else { vec![] };
                TableAlias { explicit: false, name: build::ident(printed), columns, at: None }
            }
        }
    }

    fn item(
        &self,
        relation: &Relation,
        alias: Option<&TableAlias>,
        mut cols: Vec<Col>,
        key: Vec<usize>,
        no_system_columns: Option<String>,
        lost_key: bool,
    ) -> Result<Item, Refusal> {
        rename(&mut cols, alias, &relation.name)?;
        Ok(Item {
            visible: alias.map_or_else(|| relation.name.clone(), |a| a.name.value.clone()),
            relation: alias.is_none().then(|| (relation.schema.clone(), relation.name.clone())),
            printed: None,
            cols,
            key,
            lost_key,
            bare: Default::default(),
            used: Default::default(),
            oid: Some(relation.oid),
            no_system_columns,
            whole: true,
        })
    }

    /// What stands for a relation where something of it is protected.
    pub(crate) fn stand_in(&mut self, relation: &Arc<Relation>) -> Result<Option<Arc<Veiled>>, Refusal> {
        if let Some(known) = self.facts.known_stand_in(relation.oid) {
            return known;
        }
        let made = self.make_stand_in(relation).map(|v| v.map(Arc::new));
        self.facts.remember_stand_in(relation.oid, made.clone());
        made
    }

    fn make_stand_in(&mut self, relation: &Arc<Relation>) -> Result<Option<Veiled>, Refusal> {
        if !self.facts.protects() {
            return Ok(None);
        }
        if matches!(relation.schema.as_str(), "pg_catalog" | "information_schema") {
            return self.catalog_stand_in(relation);
        }
        let guard = self.facts.guard(relation.oid).cloned();
        match relation.kind {
            RelationKind::View => {
                let expanded = self.expand(relation)?;
                match guard {
                    None => Ok(expanded),
                    Some(guard) => self.guarded(relation, &guard, expanded).map(Some),
                }
            }
            RelationKind::MaterializedView if guard.is_none() || !all_classified(relation, guard.as_ref()) => {
                match self.first_protected_source(relation.oid, &mut BTreeSet::new()) {
                    Some(source) => Err(Refusal::new(
                        SqlState::DENIED,
                        "relation.derived",
                        format!(
                            "materialised view {}.{} is computed from {source}, which is protected for role {}",
                            relation.schema, relation.name, self.role
                        ),
                    )
                    .with_hint("Query the tables it is made from, or have each of its columns named by a class of the policy.")),
                    None => guard.map(|g| self.guarded(relation, &g, None)).transpose(),
                }
            }
            RelationKind::Sequence if self.facts.filters() => Err(Refusal::new(
                SqlState::DENIED,
                "relation.sequence",
                format!("sequence {}.{} counts rows that are hidden from role {}", relation.schema, relation.name, self.role),
            )),
            RelationKind::Table
            | RelationKind::Partitioned
            | RelationKind::MaterializedView
            | RelationKind::Foreign
            | RelationKind::Sequence => guard.map(|g| self.guarded(relation, &g, None)).transpose(),
        }
    }

    /// A relation from which something is protected that this one reads, at any depth.
    fn first_protected_source(&self, oid: Oid, seen: &mut BTreeSet<Oid>) -> Option<String> {
        let relation = self.facts.catalog.relations.get(&oid)?;
        for source in &relation.reads {
            if !seen.insert(*source) {
                continue;
            }
            let built_in = self.facts.catalog.relations.get(source).is_some_and(|r| {
                matches!(r.schema.as_str(), "pg_catalog" | "information_schema")
                    && !matches!(catalogs::rule(&r.schema, &r.name), CatalogRule::Clear)
            });
            if built_in || self.facts.guard(*source).is_some() {
                return self.facts.catalog.relations.get(source).map(|r| format!("{}.{}", r.schema, r.name));
            }
            if let Some(found) = self.first_protected_source(*source, seen) {
                return Some(found);
            }
        }
        None
    }

    /// The veil: a derived table that computes the masks and applies the row filter.
    fn guarded(&mut self, relation: &Relation, guard: &Guard, inner: Option<Veiled>) -> Result<Veiled, Refusal> {
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
            match &treatment.action {
                Action::Seal(spec) => {
                    match &col.label {
                        Label::Clear | Label::Null => {}
                        Label::Sealed(s) if s.spec.class == spec.class => {
                            select.push(name);
                            continue;
                        }
                        Label::Sealed(s) => {
                            return Err(refuse::sealed_use(self.role, s, &format!("{full}, which is of another class in the policy")));
                        }
                    }
                    let sealed = Sealed { spec: Arc::clone(spec), column: full, rule: treatment.rule.clone() };
                    col.label = Label::Sealed(sealed);
                    select.push(name);
                }
                Action::Veil(sql) => {
                    if let Label::Sealed(s) = &col.label {
                        return Err(refuse::sealed_use(self.role, s, &format!("{full}, which the policy masks in another way")));
                    }
                    col.origin = Origin::Veiled { relation: relation.oid, attribute: column.number };
                    select.push(format!("{sql} AS {name}"));
                }
                Action::Refuse => {
                    col.label = Label::Clear;
                    col.origin = Origin::Computed;
                    col.refused =
                        Some(Arc::new(RefusedColumn { column: full, class: treatment.class.clone(), rule: treatment.rule.clone() }));
                    select.push(format!("CAST(NULL AS {}) AS {name}", column.data_type.base_sql));
                }
            }
        }
        let mut sql = format!("SELECT {} FROM {}.{}", select.join(", "), quote(&relation.schema), quote(&relation.name));
        if !guard.filters.is_empty() {
            let all: Vec<String> = guard.filters.iter().map(|f| format!("(\n{}\n)", f.sql)).collect();
            // A fence: nothing of the user's runs on a row that the filter removes (FINDINGS B).
            sql.push_str(&format!(" WHERE {} OFFSET 0", all.join(" AND ")));
        }
        let rule = guard.filters.first().map(|f| f.rule.as_str()).unwrap_or("a mask");
        let mut query = self.facts.trusted(relation, &sql, rule)?;
        if let Some(v) = inner {
            replace_source(&mut query, v.query, &relation.name, &cols);
        }
        let key = key_columns(relation, &changed);
        Ok(Veiled { query, cols, key, protected: true, rename: false, whole: false })
    }

    /// A catalog of Postgres' own, by the built-in rules.
    fn catalog_stand_in(&mut self, relation: &Relation) -> Result<Option<Veiled>, Refusal> {
        let masks = match catalogs::rule(&relation.schema, &relation.name) {
            CatalogRule::Clear => return Ok(None),
            CatalogRule::Refuse => {
                return Err(Refusal::new(
                    SqlState::DENIED,
                    "catalog.refused",
                    format!("{}.{} may not be read by role {}: it may hold protected data", relation.schema, relation.name, self.role),
                ));
            }
            CatalogRule::Veil(masks) => masks,
        };
        let mut select: Vec<String> = Vec::new();
        let mut cols: Vec<Col> = Vec::new();
        for column in &relation.columns {
            let name = quote(&column.name);
            let mut col = plain_column(relation, column);
            match masks.iter().find(|(masked, _)| *masked == column.name) {
                Some((_, sql)) => {
                    select.push(format!("{sql} AS {name}"));
                    col.origin = Origin::Veiled { relation: relation.oid, attribute: column.number };
                }
                None => select.push(name),
            }
            cols.push(col);
        }
        // Clients ask catalogs for their tableoid; a derived table has none of its own.
        if relation.kind == RelationKind::Table && relation.column("tableoid").is_none() {
            select.push(format!("CAST({} AS pg_catalog.oid) AS \"tableoid\"", relation.oid));
            cols.push(Col::clear("tableoid"));
        }
        let sql = format!("SELECT {} FROM {}.{}", select.join(", "), quote(&relation.schema), quote(&relation.name));
        let query = self.facts.trusted(relation, &sql, "built in")?;
        let key = key_columns(relation, &BTreeSet::new());
        Ok(Some(Veiled { query, cols, key, protected: false, rename: false, whole: false }))
    }

    /// A view's definition with veils, seals and filters inside; `None` where it reads nothing protected.
    fn expand(&mut self, view: &Arc<Relation>) -> Result<Option<Veiled>, Refusal> {
        let in_view = |r: Refusal| Refusal {
            position: None,
            detail: Some(format!("In view {}.{}. {}", view.schema, view.name, r.detail.unwrap_or_default()).trim_end().to_owned()),
            ..r
        };
        let reads_protected = self.first_protected_source(view.oid, &mut BTreeSet::new()).is_some();
        let Some(definition) = &view.definition else {
            return if reads_protected {
                Err(refuse::unsupported("a view whose definition is not known").with_hint("Query its tables."))
            } else {
                Ok(None)
            };
        };
        if !reads_protected {
            return Ok(None);
        }
        if self.depth >= VIEW_DEPTH {
            return Err(refuse::unsupported("a view nested this deep"));
        }
        let reading = read::query(definition).map_err(in_view)?;
        let mut query = (*reading.ast).clone();
        let path = ["pg_catalog".to_owned()];
        let mut inner = Judge::new(self.facts, &path, self.role, definition);
        inner.depth = self.depth.saturating_add(1);
        let cols = inner.query(&mut query, None, false).map_err(in_view)?;
        if let Some(refusal) = inner.shows_evaluation {
            return Err(in_view(refusal));
        }
        reading.print(&query).map_err(in_view)?;
        if cols.len() != view.columns.len() {
            return Err(refuse::unsupported(&format!("view {}.{}, whose columns are not as expected,", view.schema, view.name)));
        }
        let rename = cols.iter().zip(&view.columns).any(|(c, column)| c.name != column.name);
        let cols = cols
            .into_iter()
            .zip(&view.columns)
            .map(|(c, column)| Col { name: column.name.clone(), base: Some(column.data_type.base), ..c })
            .collect();
        Ok(Some(Veiled { query, cols, key: vec![], protected: true, rename, whole: true }))
    }

    /// The level of FROM with a name already taken: two printed aliases must differ.
    fn taken(&self, name: &str) -> bool {
        self.levels.last().is_some_and(|l| l.names.contains(name))
    }

    /// A new name of our own.
    pub(crate) fn fresh(&mut self, prefix: &str) -> String {
        self.next_name = self.next_name.saturating_add(1);
        format!("{prefix}{}", self.next_name)
    }

    /// An item for a subquery or CTE in FROM.
    pub(crate) fn derived_item(&self, name: &Ident, cols: Vec<Col>, alias: Option<&TableAlias>) -> Result<Item, Refusal> {
        let mut cols = cols;
        rename(&mut cols, alias, &name.value)?;
        Ok(Item {
            visible: name.value.clone(),
            relation: None,
            printed: None,
            cols,
            key: vec![],
            lost_key: false,
            bare: Default::default(),
            used: Default::default(),
            oid: None,
            no_system_columns: None,
            whole: true,
        })
    }

    /// Tie-breaks that make the order of this level's rows total, independent of what is protected (DESIGN 2.1).
    pub(crate) fn identity(&self, items: &[Rc<Item>]) -> Vec<TieBreak> {
        let mut keys = Vec::new();
        for item in items {
            let all: Vec<usize> = (0..item.cols.len()).collect();
            for index in if item.key.is_empty() { &all } else { &item.key } {
                if let Some(col) = item.cols.get(*index).filter(|c| c.refused.is_none()) {
                    let expr = self.tie_break(item.reference(col), col);
                    keys.push(TieBreak { expr, of: Some((Rc::clone(item), *index)) });
                }
            }
        }
        keys
    }

    /// One expression as a tie-break.
    pub(crate) fn tie_break(&self, expr: sqlparser::ast::Expr, col: &Col) -> sqlparser::ast::Expr {
        match &col.label {
            Label::Sealed(_) => build::keyed(expr, self.facts.marker()),
            Label::Clear | Label::Null => build::total(expr, col.base),
        }
    }
}

/// Leaves columns that nothing mentions out of the derived tables that stand for protected relations.
pub(crate) fn prune(factor: &mut TableFactor, level: &Level) {
    match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => {
            prune(&mut table_with_joins.relation, level);
            for join in &mut table_with_joins.joins {
                prune(&mut join.relation, level);
            }
        }
        TableFactor::Derived { subquery, alias: Some(alias), .. } if alias.columns.is_empty() => {
            let Some(item) = level.items.iter().find(|i| !i.whole && i.printed.as_ref() == Some(&alias.name.value)) else { return };
            let sqlparser::ast::SetExpr::Select(select) = &mut *subquery.body else { return };
            let used = item.used.borrow();
            let mut index = 0_usize;
            let keep_first = used.is_empty();
            select.projection.retain(|_| {
                let here = index;
                index = index.saturating_add(1);
                used.contains(&here) || (keep_first && here == 0)
            });
        }
        _ => {}
    }
}

/// The primary key's columns, where none of them is protected.
fn key_columns(relation: &Relation, changed: &BTreeSet<usize>) -> Vec<usize> {
    let found: Vec<usize> = relation
        .primary_key
        .iter()
        .filter_map(|n| relation.columns.iter().position(|c| c.number == *n))
        .filter(|index| !changed.contains(index))
        .collect();
    if found.len() == relation.primary_key.len() && relation.parents.is_empty() { found } else { vec![] }
}

fn all_classified(relation: &Relation, guard: Option<&Guard>) -> bool {
    relation.columns.iter().all(|c| guard.is_some_and(|g| g.columns.contains_key(&c.number)))
}

/// A column as it is stored.
fn plain_column(relation: &Relation, c: &crate::catalog::Column) -> Col {
    Col {
        name: c.name.clone(),
        label: Label::Clear,
        origin: Origin::Column { relation: relation.oid, attribute: c.number },
        refused: None,
        base: Some(c.data_type.base),
    }
}

/// Gives columns the names of an alias's column list.
pub(crate) fn rename(cols: &mut [Col], alias: Option<&TableAlias>, name: &str) -> Result<(), Refusal> {
    let given = alias.map(|a| a.columns.as_slice()).unwrap_or_default();
    if given.len() > cols.len() {
        return Err(Refusal::new(
            SqlState("42P10"),
            "name.columns",
            format!("table \"{name}\" has {} columns available but {} columns specified", cols.len(), given.len()),
        ));
    }
    for (col, new) in cols.iter_mut().zip(given) {
        col.name.clone_from(&new.name.value);
    }
    Ok(())
}

pub(crate) fn alias_column(name: &str) -> TableAliasColumnDef {
    TableAliasColumnDef { name: build::ident(name), data_type: None }
}

/// `"schema"."name" AS alias`
fn table(relation: &Relation, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Table {
        name: build::object_name(&[&relation.schema, &relation.name]),
        alias,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
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
