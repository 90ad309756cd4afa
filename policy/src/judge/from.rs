//! FROM: items, joins, and what names they make visible.

use std::rc::Rc;

use sqlparser::ast::{Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins};

use super::Judge;
use super::barrier::{self, Behind, Repeat};
use super::build;
use super::expr::InScope;
use super::holds::{Holds, comparable, unify};
use super::refuse;
use super::relation::prune_tree;
use super::scope::{Col, Item, Level, Scope, Slot};
use super::sealed::meet;
use super::typing::Ty;
use super::write::Target;
use crate::plan::Origin;
use crate::read::coded::{self, Form};
use crate::{Refusal, SqlState};

/// `server_version_num` from which on a subquery in FROM needs no alias.
const NAMELESS: u32 = 160_000;

impl Judge<'_> {
    /// Judges a FROM clause; `parent` is the scope around the query, `target` what is written to.
    pub(crate) fn from(&mut self, from: &mut [TableWithJoins], parent: InScope, target: Option<&Target>) -> Result<Level, Refusal> {
        let mut level = Level::default();
        for (index, tree) in from.iter_mut().enumerate().filter(|(_, tree)| !coded::is_nothing(tree)) {
            let right = match target.and_then(|t| t.place(index).map(|place| (t, place))) {
                Some((target, place)) => self.target_item(tree, target, place)?,
                None => self.join_tree(tree, &level, parent)?,
            };
            level = level.beside(right);
        }
        Ok(level)
    }

    /// One join tree; `before` is what stands left of it in FROM, visible to LATERAL only.
    fn join_tree(&mut self, tree: &mut TableWithJoins, before: &Level, parent: InScope) -> Result<Level, Refusal> {
        let mut functions = is_function(&tree.relation);
        let first = self.factor(&mut tree.relation, before, parent);
        let mut left = self.placed(first, &tree.relation)?;
        for join in &mut tree.joins {
            let Join { relation, global: false, join_operator } = join else {
                return Err(refuse::not_yet("form.from", "this join"));
            };
            let visible = before.clone().beside(left.clone());
            let on_left = left.items.len();
            let function = is_function(relation);
            let right = self.factor(relation, &visible, parent);
            let right = self.placed(right, relation)?;
            if is_natural(join_operator) {
                // It would merge columns that are not known here.
                let known = self.no_more(functions, &left, "NATURAL JOIN").and_then(|()| self.no_more(function, &right, "NATURAL JOIN"));
                self.placed(known, relation)?;
            }
            functions |= function;
            let joined = match join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) => self.combine(left, right, c, Merge::Left, parent),
                JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => self.combine(left, right, c, Merge::Left, parent),
                JoinOperator::Right(c) | JoinOperator::RightOuter(c) => self.combine(left, right, c, Merge::Right, parent),
                JoinOperator::FullOuter(c) => self.combine(left, right, c, Merge::Both, parent),
                JoinOperator::CrossJoin(JoinConstraint::None) => Ok(left.beside(right)),
                _ => Err(refuse::not_yet("form.from", "this kind of join")),
            };
            left = self.placed(joined, relation)?;
            self.note_join(join_operator, &left, on_left, parent);
        }
        Ok(left)
    }

    fn combine(
        &mut self,
        left: Level,
        right: Level,
        constraint: &mut JoinConstraint,
        merge: Merge,
        parent: InScope,
    ) -> Result<Level, Refusal> {
        match constraint {
            JoinConstraint::None => Ok(left.beside(right)),
            JoinConstraint::On(condition) => {
                let joined = left.beside(right);
                let scope = Scope { level: &joined, parent };
                let fails = self.fails;
                self.clear(condition, Some(&scope), "a join condition")?;
                let inside = self.fails > fails;
                self.conditions(condition, Some(&scope), inside, Repeat::None);
                Ok(joined)
            }
            JoinConstraint::Using(names) if using_alias(names).is_some() => {
                let Some((alias, names)) = using_alias(names) else { return Err(refuse::unsupported("this join")) };
                let names = names.iter().map(single_name).collect::<Result<Vec<_>, _>>()?;
                let mut joined = self.merge(left, right, &names, merge)?;
                // Its columns are the merged ones; they show in `*` and without a qualifier already.
                let merged = joined.slots.iter().take(names.len()).filter_map(|s| s.merged.as_deref().cloned()).collect();
                let behind = behind_any(&joined);
                let item = Item { behind, ..self.derived_item(&alias, merged, None)? };
                let level = Level::of(item);
                self.take_names(&level)?;
                joined.items.extend(level.items);
                Ok(joined)
            }
            JoinConstraint::Using(names) => {
                let at = names.first().and_then(|name| self.name_position(name));
                let names = names.iter().map(single_name).collect::<Result<Vec<_>, _>>()?;
                self.merge(left, right, &names, merge).map_err(|r| r.at(at))
            }
            JoinConstraint::Natural => {
                let names: Vec<String> =
                    left.slots.iter().map(|s| s.name.clone()).filter(|n| right.slots.iter().any(|s| s.name == *n)).collect();
                self.merge(left, right, &names, merge)
            }
        }
    }

    /// USING and NATURAL: the named columns are compared and shown once, in front.
    fn merge(&mut self, left: Level, right: Level, names: &[String], merge: Merge) -> Result<Level, Refusal> {
        self.implied_operators(&["="])?;
        let mut slots = Vec::new();
        for name in names {
            let (a, b) = (only(&left, name)?, only(&right, name)?);
            let (Some(ca), Some(cb)) = (a.column(), b.column()) else { return Err(refuse::not_yet("form.from", "this join")) };
            for c in [ca, cb] {
                if let Some(refused) = &c.refused {
                    return Err(refuse::column(self.role, refused));
                }
            }
            self.note_read(Some(ca));
            self.note_read(Some(cb));
            a.mark(self.in_aggregate == 0);
            b.mark(self.in_aggregate == 0);
            let label = meet::join(ca.label.clone(), cb.label.clone()).map_err(|c| refuse::clash(self.role, &c, "USING"))?;
            let (origin, of_view, base) = match merge {
                Merge::Left => (ca.origin.clone(), ca.of_view, ca.base),
                Merge::Right => (cb.origin.clone(), cb.of_view, cb.base),
                Merge::Both => (Origin::Computed, None, None),
            };
            // Where the two types differ Postgres shows a common one, computed.
            let (origin, of_view) = if ca.base == cb.base { (origin, of_view) } else { (Origin::Computed, None) };
            let holds = merged_holds(ca, cb);
            if holds.is_none() && self.watches() {
                for n in left.items.iter().chain(&right.items).flat_map(|i| &i.behind.reached) {
                    if let Some(barrier) = self.barriers.get_mut(*n) {
                        barrier.fenced = true;
                    }
                }
                self.fails = self.fails.saturating_add(1);
            }
            let ty = self.common_type_of(ca.ty.map(Ty::settled), cb.ty.map(Ty::settled));
            let same_type = ca.base.is_some() && ca.base == cb.base;
            let of = if matches!(merge, Merge::Right) { b } else { a };
            let derived = ca.derived || cb.derived;
            let sources = self.sources_of(&[ca, cb]);
            let col = Col { name: name.clone(), label, origin, of_view, base, holds, ty, derived, sources, ..Col::clear("") };
            slots.push(Slot { merged: Some(Rc::new(col)), same: same_type && !matches!(merge, Merge::Both), ..of.clone() });
        }
        let joined = left.beside(right);
        slots.extend(joined.slots.into_iter().filter(|s| !names.contains(&s.name)));
        Ok(Level { items: joined.items, slots })
    }

    fn factor(&mut self, factor: &mut TableFactor, before: &Level, parent: InScope) -> Result<Level, Refusal> {
        let lateral = Scope { level: before, parent };
        if let Some(view) = view_of_function(factor) {
            *factor = view;
        }
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let only = coded::is_only(name);
                let name = coded::without_only(name);
                let parts = self.name_parts(&name)?;
                let at = self.name_position(&name);
                let level = self.table_or_cte(&parts, alias.clone(), factor, only).map_err(|r| r.at(at))?;
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::Table { sample: Some(_), .. } => self.sampled(factor),
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                with_hints,
                version: None,
                with_ordinality,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if args.settings.is_none() && with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let level = self.table_function(name, &mut args.args, *with_ordinality, alias.as_ref(), Some(&lateral))?;
                let level = self.function_item(level, &lateral)?;
                *alias = Self::printed_alias(name, alias.as_ref(), &level);
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::Function { name, args, with_ordinality, alias, lateral: _ } => {
                let level = self.table_function(name, args, *with_ordinality, alias.as_ref(), Some(&lateral))?;
                let level = self.function_item(level, &lateral)?;
                *alias = Self::printed_alias(name, alias.as_ref(), &level);
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_offset_alias: None, with_ordinality } => {
                self.function_facts(&["unnest"], Some(array_exprs.len().min(1)))?;
                // Each of them gives a column of its own.
                let mut cols = Vec::new();
                let several = array_exprs.len() > 1;
                for e in array_exprs.iter_mut() {
                    let label = self.expr(e, Some(&lateral))?;
                    let judged = self.sealed_call("unnest", &[label]).map_err(|(_, r)| r.at(self.position(&*e)))?;
                    self.note(e, Some(&lateral));
                    let array = self.type_of(e, Some(&lateral));
                    if let Some(fields) = self.fields_of_elements(array) {
                        if several {
                            let what = "unnest() of several arrays in FROM, one of them of composite values";
                            return Err(refuse::not_yet("form.from", what).at(self.position(&*e)));
                        }
                        cols.extend(fields.into_iter().map(|field| Col { label: judged.0.clone(), ..Col::clear(field) }));
                        continue;
                    }
                    let ty = self.one_column(self.call_type(Some("pg_catalog"), "unnest", &[array]));
                    cols.push(Col { label: judged.0, ty, ..Col::clear("unnest") });
                }
                if let ([only], Some(alias)) = (cols.as_mut_slice(), alias.as_ref())
                    && only.name == "unnest"
                {
                    only.name.clone_from(&alias.name.value);
                }
                let level = with_holds(self.function_level("unnest", cols, *with_ordinality, alias.as_ref())?);
                let level = self.function_item(level, &lateral)?;
                let mut names = vec![];
                let level = alone(level, |item| names = self.tell_apart(item));
                let mut printed = Self::function_alias("unnest", alias.as_ref(), &level);
                if !names.is_empty() {
                    printed.columns = names;
                }
                *alias = Some(printed);
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::Derived { lateral: is_lateral, subquery, alias, sample: None } => {
                let scope = if *is_lateral { Some(&lateral) } else { parent };
                // An aggregate around it may rest on its order.
                let ordered = subquery.order_by.is_some();
                let first = self.reached.len();
                let cols = self.subquery(subquery, scope, ordered)?;
                let mut reached = self.reached.get(first..).unwrap_or_default().to_vec();
                reached.extend(barrier::around(scope));
                let behind = Behind { own: None, reached };
                let nameless = alias.is_none();
                if nameless && self.facts.catalog.server_version < NAMELESS {
                    return Err(Refusal::new(SqlState::SYNTAX, "name.alias", "subquery in FROM must have an alias")
                        .with_hint("For example, FROM (SELECT ...) AS foo."));
                }
                let name = match &*alias {
                    Some(a) => a.name.clone(),
                    None => build::ident(self.fresh("pgveil_t")),
                };
                let given = alias.get_or_insert_with(|| TableAlias { explicit: true, name: name.clone(), columns: vec![], at: None });
                let mut item = Item { ordered, behind, ..self.derived_item(&name, cols, Some(given))? };
                if nameless {
                    // Its columns are found without a qualifier only: no name of a client's is empty.
                    item.visible = String::new();
                    item.printed = Some(name.value);
                }
                let names = self.tell_apart(&mut item);
                if let (Some(alias), false) = (alias, names.is_empty()) {
                    alias.columns = names;
                }
                let level = Level::of(item);
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.join_tree(table_with_joins, before, parent),
            TableFactor::NestedJoin { table_with_joins, alias: Some(alias) } => {
                // Names inside are those of a level of their own.
                let outside = self.levels.last_mut().map(|l| std::mem::take(&mut l.names));
                let inner = self.join_tree(table_with_joins, before, parent);
                if let (Some(level), Some(names)) = (self.levels.last_mut(), outside) {
                    level.names = names;
                }
                let inner = inner?;
                // Its columns go by their places.
                self.no_more(has_function(table_with_joins), &inner, "a join with an alias")?;
                let level = self.aliased_join(&inner, alias)?;
                // Nothing outside can name what is in it.
                prune_tree(table_with_joins, &inner);
                self.take_names(&level)?;
                Ok(level)
            }
            TableFactor::XmlTable { namespaces, row_expression, passing, columns, alias } => {
                let level = self.xml_table(namespaces, row_expression, passing, columns, alias.as_ref(), Some(&lateral))?;
                let level = self.function_item(level, &lateral)?;
                self.take_names(&level)?;
                Ok(level)
            }
            other => Err(refuse::not_yet("form.from", &format!("{} in FROM", super::expr::shorten(&other.to_string())))),
        }
    }

    fn table_or_cte(
        &mut self,
        parts: &[String],
        alias: Option<TableAlias>,
        factor: &mut TableFactor,
        only: bool,
    ) -> Result<Level, Refusal> {
        if let [name] = parts
            && let Some(cte) = self.find_cte(name)
        {
            self.touched = self.touched.saturating_add(usize::from(cte.tainted));
            let visible = alias.as_ref().map_or_else(|| build::ident(name), |a| a.name.clone());
            self.reached.extend(&cte.reached);
            let behind = Behind { own: None, reached: cte.reached };
            let mut item = Item { behind, ..self.derived_item(&visible, cte.cols, alias.as_ref())? };
            let names = self.tell_apart(&mut item);
            if let (TableFactor::Table { alias, .. }, false) = (factor, names.is_empty()) {
                let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: visible, columns: vec![], at: None });
                alias.columns = names;
            }
            return Ok(Level::of(item));
        }
        let (printed, level) = self.relation(parts, alias, only)?;
        *factor = printed;
        Ok(level)
    }

    /// Two items of one name can only be told apart by schema.
    pub(crate) fn take_names(&mut self, level: &Level) -> Result<(), Refusal> {
        // An alias like those that pgveil makes up could be taken for one of them.
        if let Some(item) = level.items.iter().find(|i| i.visible.starts_with("pgveil_")) {
            return Err(Refusal::new(SqlState("42939"), "name.reserved", format!("the name \"{}\" is reserved", item.visible))
                .with_detail("Names that begin with \"pgveil_\" are pgveil's own.")
                .with_hint("Choose another alias."));
        }
        let Some(order) = self.levels.last_mut() else { return Ok(()) };
        for item in &level.items {
            let printed = item.printed.as_ref().unwrap_or(&item.visible);
            let fresh = order.names.insert(printed.clone(), item.oid.filter(|_| item.relation.is_some())).is_none();
            if !fresh && item.relation.is_none() {
                return Err(Refusal::new(
                    SqlState::DUPLICATE_ALIAS,
                    "name.duplicate",
                    format!("table name \"{}\" specified more than once", item.visible),
                ));
            }
        }
        Ok(())
    }

    /// Where a name stands in the client's text.
    pub(crate) fn name_position(&self, name: &ObjectName) -> Option<usize> {
        let first = name.0.first().and_then(|p| p.as_ident())?;
        self.position(&Expr::Identifier(first.clone()))
    }
}

/// A function in FROM, or a join of such in brackets.
fn is_function(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { args, .. } => args.is_some(),
        TableFactor::NestedJoin { table_with_joins, alias: None } => has_function(table_with_joins),
        TableFactor::NestedJoin { alias: Some(_), .. } | TableFactor::Derived { .. } | TableFactor::XmlTable { .. } => false,
        _ => true,
    }
}

fn has_function(tree: &TableWithJoins) -> bool {
    is_function(&tree.relation) || tree.joins.iter().any(|join| is_function(&join.relation))
}

/// NATURAL, or a join that is not read.
pub(super) fn is_natural(operator: &JoinOperator) -> bool {
    match operator {
        JoinOperator::Join(c)
        | JoinOperator::Inner(c)
        | JoinOperator::Left(c)
        | JoinOperator::LeftOuter(c)
        | JoinOperator::Right(c)
        | JoinOperator::RightOuter(c)
        | JoinOperator::FullOuter(c)
        | JoinOperator::CrossJoin(c) => matches!(c, JoinConstraint::Natural),
        _ => true,
    }
}

/// What a merged column holds, where the two can be compared.
fn merged_holds(a: &Col, b: &Col) -> Option<Holds> {
    let (a, b) = (a.holds.as_ref()?, b.holds.as_ref()?);
    if comparable(a, b) { unify(a.clone(), b.clone()) } else { None }
}

/// Columns of a function's result hold what their types say.
pub(crate) fn with_holds(level: Level) -> Level {
    alone(level, |item| {
        for col in &mut item.cols {
            col.holds = col.ty.and_then(|ty| Holds::of_type(ty.oid, ty.deterministic));
        }
    })
}

/// What conditions on columns of anything in a join may reach.
pub(crate) fn behind_any(joined: &Level) -> Behind {
    Behind { own: None, reached: joined.items.iter().flat_map(|i| i.behind.reached.iter().copied()).collect() }
}

/// Changes the only item of a level that nothing refers to yet.
pub(crate) fn alone(level: Level, change: impl FnOnce(&mut Item)) -> Level {
    let Level { items, slots } = level;
    // They share the item.
    drop(slots);
    match items.into_iter().next().map(Rc::try_unwrap) {
        Some(Ok(mut item)) => {
            change(&mut item);
            Level::of(item)
        }
        // Nothing could be found in it: whoever names its columns is refused.
        Some(Err(_)) | None => Level::default(),
    }
}

/// The alias of USING, and the names behind it.
fn using_alias(names: &[ObjectName]) -> Option<(Ident, Vec<ObjectName>)> {
    let (first, rest) = names.split_first()?;
    match first.0.as_slice() {
        [form, alias] if form.as_ident()?.value == Form::UsingAlias.name() => Some((alias.as_ident()?.clone(), rest.to_vec())),
        _ => None,
    }
}

/// Which side a merged column comes from.
#[derive(Clone, Copy)]
enum Merge {
    Left,
    Right,
    Both,
}

fn single_name(name: &ObjectName) -> Result<String, Refusal> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|i| i.value.clone()).ok_or_else(|| refuse::not_yet("form.from", "this name")),
        _ => Err(refuse::not_yet("form.from", "this name in USING")),
    }
}

fn only<'l>(level: &'l Level, name: &str) -> Result<&'l Slot, Refusal> {
    let mut found = level.slots.iter().filter(|s| s.name == name);
    match (found.next(), found.next()) {
        (Some(slot), None) => Ok(slot),
        (None, _) => Err(Refusal::new(
            SqlState::UNDEFINED_COLUMN,
            "name.column",
            format!("column \"{name}\" specified in USING clause does not exist"),
        )),
        (Some(_), Some(_)) => {
            Err(Refusal::new(SqlState::AMBIGUOUS_COLUMN, "name.ambiguous", format!("common column name \"{name}\" appears more than once")))
        }
    }
}

/// pgAdmin, when it connects, reads the function behind the view `pg_settings`: the view, whose values are judged, answers in its place.
/// Its columns are the same, and pg_catalog is searched first.
fn view_of_function(factor: &TableFactor) -> Option<TableFactor> {
    const FUNCTION: &str = "pg_show_all_settings";
    let (name, alias) = match factor {
        TableFactor::Table { name, alias, args: Some(args), with_ordinality: false, sample: None, .. } if args.args.is_empty() => {
            (name, alias)
        }
        TableFactor::Function { name, alias, args, with_ordinality: false, .. } if args.is_empty() => (name, alias),
        _ => return None,
    };
    let parts: Option<Vec<&str>> = name.0.iter().map(|part| Some(part.as_ident()?.value.as_str())).collect();
    if !matches!(parts?.as_slice(), [FUNCTION] | ["pg_catalog", FUNCTION]) {
        return None;
    }
    let own = TableAlias { explicit: true, name: build::ident(FUNCTION), columns: vec![], at: None };
    let view = build::object_name(&["pg_catalog", "pg_settings"]);
    Some(build::table(view, Some(alias.clone().unwrap_or(own)), None))
}
