//! Relations in FROM: which one a name means, and which columns of what is printed for it are needed.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::{Ident, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins};

use super::barrier::Behind;
use super::facts::Veiled;
use super::holds::Holds;
use super::label::Label;
use super::refuse;
use super::rights::is_temporary;
use super::scope::{Col, Item, Level, RowType};
use super::typing::Ty;
use super::{Judge, build};
use crate::catalog::Relation;
use crate::plan::Origin;
use crate::read::coded;
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// Finds a relation as Postgres would.
    pub(crate) fn find_relation(&self, parts: &[String]) -> Result<Arc<Relation>, Refusal> {
        let missing =
            |name: String| Refusal::new(SqlState::UNDEFINED_TABLE, "name.relation", format!("relation \"{name}\" does not exist"));
        match parts {
            [name] => {
                self.path.iter().find_map(|schema| self.facts.catalog.relation(schema, name)).cloned().ok_or_else(|| missing(name.clone()))
            }
            [schema, name] if schema == "pg_temp" => {
                let own = self.path.iter().find(|s| is_temporary(s));
                own.and_then(|own| self.facts.catalog.relation(own, name)).cloned().ok_or_else(|| missing(format!("{schema}.{name}")))
            }
            [schema, name] => self.facts.catalog.relation(schema, name).cloned().ok_or_else(|| missing(format!("{schema}.{name}"))),
            [database, schema, name] if *database == self.facts.catalog.database => {
                self.facts.catalog.relation(schema, name).cloned().ok_or_else(|| missing(format!("{schema}.{name}")))
            }
            _ => Err(refuse::not_yet("name.database", "a relation of another database")),
        }
    }

    /// Judges a relation in FROM: returns what is printed for it and what it shows.
    pub(crate) fn relation(&mut self, parts: &[String], alias: Option<TableAlias>, only: bool) -> Result<(TableFactor, Level), Refusal> {
        let relation = self.find_relation(parts)?;
        let veiled = self.stand_in(&relation)?;
        match veiled {
            None => {
                if relation.kind == crate::catalog::RelationKind::View {
                    self.fails = self.fails.saturating_add(1);
                }
                let cols = relation.columns.iter().map(|c| plain_column(&relation, c)).collect();
                let key = key_columns(&relation, &BTreeSet::new());
                let mut item = self.item(&relation, alias.as_ref(), cols, key, None, false)?;
                // Postgres tells two tables of one name apart by schema, but not a table and what stands for one.
                let alias = match alias {
                    None if self.taken(&relation) => {
                        let made_up = self.fresh("pgveil_t");
                        item.printed = Some(made_up.clone());
                        Some(TableAlias { explicit: true, name: build::ident(made_up), columns: vec![], at: None })
                    }
                    given => {
                        // The policy's SQL gains aliases behind the judgement, under which a schema cannot stand before a table.
                        if given.is_none() && !self.facts.protects() {
                            item.printed = Some(relation.name.clone());
                        }
                        given
                    }
                };
                let factor = table(&relation, alias, only);
                Ok((factor, Level::of(item)))
            }
            Some(veiled) => {
                self.operators_inside(&format!("{}.{}", relation.schema, relation.name), &veiled.operators)?;
                if veiled.protected {
                    self.touched = self.touched.saturating_add(1);
                    self.reads = self.reads.saturating_add(1);
                }
                self.note_flow(veiled.flows);
                let alias = self.derived_alias(&relation, alias, &veiled);
                let printed = alias.name.value.clone();
                // The printed derived table has none: left in, such a name would mean a column further out.
                let why = Some(format!("{}.{}", relation.schema, relation.name));
                let mut item = self.item(&relation, Some(&alias), veiled.cols.clone(), veiled.key.clone(), why, true)?;
                if veiled.composite && self.has_row_type(&relation) {
                    let columns: Vec<String> = veiled.cols.iter().map(|c| c.name.clone()).collect();
                    let row = RowType { schema: relation.schema.clone(), name: relation.name.clone(), index: columns.len(), columns };
                    item.row = Some(row);
                }
                if !alias.explicit {
                    item.relation = Some((relation.schema.clone(), relation.name.clone()));
                    item.visible.clone_from(&relation.name);
                }
                item.printed = Some(printed);
                item.whole = veiled.whole;
                let mut query = veiled.query.clone();
                let reached = self.take_barriers(&mut query, &veiled.barriers, veiled.fails);
                item.behind = Behind { own: reached.last().copied().filter(|_| veiled.filtered), reached };
                let alias = TableAlias { explicit: true, ..alias };
                if only {
                    super::coded::only(&relation, &mut query)?;
                }
                let factor = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: Some(alias), sample: None };
                Ok((factor, Level::of(item)))
            }
        }
    }

    /// The alias of a stand-in: the user's, or the relation's name, or a new one where that is taken.
    fn derived_alias(&mut self, relation: &Relation, alias: Option<TableAlias>, veiled: &Veiled) -> TableAlias {
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
                let printed = if self.taken(relation) { self.fresh("pgveil_t") } else { relation.name.clone() };
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
            system_columns: relation.kind != crate::catalog::RelationKind::View,
            no_system_columns,
            whole: true,
            ordered: false,
            behind: Behind::default(),
            row: None,
            primary: positions(relation, &relation.primary_key),
        })
    }

    /// The level of FROM has the name already, where two printed aliases must differ; or one around it has it for another
    /// relation, which may be meant here too by its schema.
    fn taken(&self, relation: &Relation) -> bool {
        let mut levels = self.levels.iter().rev();
        levels.next().is_some_and(|l| l.names.contains_key(&relation.name))
            || levels.any(|l| l.names.get(&relation.name).is_some_and(|oid| *oid != Some(relation.oid)))
    }

    /// The catalog knows the relation's composite type by its name.
    fn has_row_type(&self, relation: &Relation) -> bool {
        self.facts.catalog.types.get(&relation.schema).and_then(|t| t.get(&relation.name)).is_some_and(|t| t.relation == relation.oid)
    }

    /// A new name of our own.
    pub(crate) fn fresh(&mut self, prefix: &str) -> String {
        self.next_name = self.next_name.saturating_add(1);
        format!("{prefix}{}", self.next_name)
    }

    /// The names that are printed behind the alias of a subquery or CTE where two of its columns have one name, as PostgreSQL allows
    /// while nobody names them: `*` and tie-breaks need to tell them apart.
    pub(crate) fn tell_apart(&mut self, item: &mut Item) -> Vec<TableAliasColumnDef> {
        let twice: Vec<usize> = item.ambiguous().collect();
        if twice.is_empty() || !self.facts.protects() {
            return vec![];
        }
        for index in twice {
            let made_up = self.fresh("pgveil_d");
            if let Some(col) = item.cols.get_mut(index) {
                col.printed = Some(made_up);
            }
        }
        item.cols.iter().map(|c| alias_column(c.printed.as_ref().unwrap_or(&c.name))).collect()
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
            system_columns: false,
            no_system_columns: None,
            whole: true,
            ordered: false,
            behind: Behind::default(),
            row: None,
            primary: vec![],
        })
    }
}

/// The same for all of a join.
pub(crate) fn prune_tree(tree: &mut TableWithJoins, level: &Level) {
    prune(&mut tree.relation, level);
    for join in &mut tree.joins {
        prune(&mut join.relation, level);
    }
}

/// Leaves columns that nothing mentions out of the derived tables that stand for protected relations.
pub(crate) fn prune(factor: &mut TableFactor, level: &Level) {
    match factor {
        // One with an alias is a level of its own.
        TableFactor::NestedJoin { table_with_joins, alias: None } => prune_tree(table_with_joins, level),
        TableFactor::Derived { alias: Some(alias), .. } => {
            let Some(item) = level.items.iter().find(|i| i.printed.as_ref() == Some(&alias.name.value)) else { return };
            let named = !alias.columns.is_empty();
            if let TableFactor::Derived { subquery, .. } = factor
                && !item.whole
                && let sqlparser::ast::SetExpr::Select(select) = &mut *subquery.body
            {
                let used = item.used.borrow();
                let shown: BTreeSet<usize> = item.shown().map(|(index, _)| index).collect();
                let mut index = 0_usize;
                let keep_first = used.is_empty();
                select.projection.retain(|_| {
                    let here = index;
                    index = index.saturating_add(1);
                    // A list of names goes by place; what is behind the columns that it can name may go all the same.
                    used.contains(&here) || (keep_first && here == 0) || named && shown.contains(&here)
                });
            }
            super::row::add_row(factor, item);
        }
        _ => {}
    }
}

/// A column as it is stored.
pub(crate) fn plain_column(relation: &Relation, c: &crate::catalog::Column) -> Col {
    Col {
        name: c.name.clone(),
        label: Label::Clear,
        origin: Origin::Column { relation: relation.oid, attribute: c.number },
        of_view: None,
        refused: None,
        base: Some(c.data_type.base),
        // A view that is not expanded computes its columns in a way that is not known here.
        holds: if relation.kind == crate::catalog::RelationKind::View { None } else { Holds::column(&c.data_type) },
        derived: false,
        sources: vec![],
        printed: None,
        hidden: false,
        ty: Some(Ty::of_column(&c.data_type)),
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
pub(crate) fn table(relation: &Relation, alias: Option<TableAlias>, only: bool) -> TableFactor {
    let name = build::object_name(&[&relation.schema, &relation.name]);
    build::table(if only { coded::with_only(name) } else { name }, alias, None)
}

/// The indexes of columns by their numbers.
fn positions(relation: &Relation, numbers: &[i16]) -> Vec<usize> {
    numbers.iter().filter_map(|n| relation.columns.iter().position(|c| c.number == *n)).collect()
}

/// The primary key's columns, where none of them is protected.
pub(crate) fn key_columns(relation: &Relation, changed: &BTreeSet<usize>) -> Vec<usize> {
    let found: Vec<usize> = positions(relation, &relation.primary_key).into_iter().filter(|index| !changed.contains(index)).collect();
    if found.len() == relation.primary_key.len() { found } else { vec![] }
}
