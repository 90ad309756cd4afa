//! Column references: what a name means in a scope, and how it is written so that it can mean nothing else.

use std::rc::Rc;

use sqlparser::ast::{AccessExpr, Expr, Ident, ObjectName, ObjectNamePart};

use super::Judge;
use super::build;
use super::expr::InScope;
use super::label::Label;
use super::refuse;
use super::row::put_row;
use super::scope::{Col, Item, Level, SYSTEM_COLUMNS, Slot};
use super::typing::may_show_more;
use crate::{Refusal, SqlState};

/// What a reference turned out to be.
#[expect(clippy::large_enum_variant, reason = "made once for each reference, and used up at once")]
pub(crate) enum Meaning {
    /// A column.
    Column(Col),
    /// A system column of a relation from which nothing is protected.
    System,
    /// A whole row of an item.
    Row(Rc<Item>),
}

impl Judge<'_> {
    /// The parts of a dotted name.
    pub(crate) fn name_parts(&self, name: &ObjectName) -> Result<Vec<String>, Refusal> {
        name.0
            .iter()
            .map(|p| match p {
                ObjectNamePart::Identifier(i) => Ok(i.value.clone()),
                ObjectNamePart::Function(_) => Err(refuse::not_yet("form.reference", "this name")),
            })
            .collect()
    }

    /// Judges a column reference.
    pub(crate) fn reference(&mut self, e: &mut Expr, scope: InScope) -> Result<Label, Refusal> {
        self.without_database(e);
        if let Some(row) = self.find_row(e, scope) {
            let value = self.row_value(&row, false).map_err(|r| r.at(self.position(e)))?;
            put_row(e, value);
            return Ok(Label::Clear);
        }
        if let Expr::CompoundIdentifier(parts) = &*e
            && let Some(call) = self.attribute_call(parts, scope)
        {
            *e = call;
            return self.expr(e, scope);
        }
        match self.meaning(e, scope)? {
            Meaning::Column(col) => Ok(col.label),
            Meaning::System => Ok(Label::Clear),
            Meaning::Row(item) => self.whole_row(&item).map_err(|r| r.at(self.position(e))),
        }
    }

    /// A row as one value: nothing in it may be sealed or refused.
    pub(crate) fn whole_row(&mut self, item: &Item) -> Result<Label, Refusal> {
        if let Some(barrier) = item.behind.own.and_then(|n| self.barriers.get_mut(n)) {
            barrier.whole_row = true;
        }
        if item.ambiguous().next().is_some() {
            return Err(refuse::not_yet("form.reference", "a whole row in which two columns have one name")
                .with_hint("Give its columns different names."));
        }
        for (index, col) in item.shown() {
            if let Some(refused) = &col.refused {
                return Err(refuse::column(self.role, refused));
            }
            if let Some(s) = col.label.sealed() {
                return Err(refuse::sealed_use(self.role, s, "a whole row"));
            }
            self.note_read(Some(col));
            item.used.borrow_mut().insert(index);
            if self.in_aggregate == 0 {
                item.bare.borrow_mut().insert(index);
            }
        }
        Ok(Label::Clear)
    }

    /// What a reference means; rewrites its qualifier where the printed alias is another.
    pub(crate) fn meaning(&mut self, e: &mut Expr, scope: InScope) -> Result<Meaning, Refusal> {
        self.without_database(e);
        let at = self.position(e);
        let found = match e {
            Expr::Identifier(id) => self.unqualified(id, scope),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => self.qualified(None, qualifier, name, scope),
                [schema, relation, name] => self.qualified(Some(schema), relation, name, scope),
                _ => Err(refuse::not_yet("name.database", "a name with the database's name in it")),
            },
            _ => Err(refuse::not_yet("form.reference", "this reference")),
        };
        let (meaning, printed) = found.map_err(|r| r.at(at))?;
        if let Meaning::Column(col) = &meaning
            && let Some(refused) = &col.refused
        {
            return Err(refuse::column(self.role, refused).at(at));
        }
        match (printed, &mut *e) {
            (Some(alias), Expr::CompoundIdentifier(parts)) => {
                if let Some(last) = parts.pop() {
                    *parts = vec![build::ident(alias), last];
                }
            }
            (Some(alias), Expr::Identifier(id)) => *e = Expr::CompoundIdentifier(vec![build::ident(alias), id.clone()]),
            _ => {}
        }
        Ok(meaning)
    }

    /// `database.schema.table.column` of this database means the same without it.
    fn without_database(&self, e: &mut Expr) {
        if let Expr::CompoundIdentifier(parts) = e
            && let [database, schema, relation, column] = parts.as_slice()
            && database.value == self.facts.catalog.database
        {
            *parts = vec![schema.clone(), relation.clone(), column.clone()];
        }
    }

    fn unqualified(&mut self, id: &Ident, scope: InScope) -> Result<(Meaning, Option<String>), Refusal> {
        let levels: Vec<_> = scope.map(|s| s.levels().collect()).unwrap_or_default();
        if SYSTEM_COLUMNS.contains(&id.value.as_str()) {
            // Postgres finds those of a table, but not of a table in a JOIN, before a column of an outer query.
            let table = levels.iter().position(|l| l.items.iter().any(|i| i.oid.is_some()));
            let column = levels.iter().position(|l| l.slots.iter().any(|s| s.name == id.value));
            if let (Some(table), Some(column)) = (table, column)
                && table < column
            {
                return Err(refuse::not_yet(
                    "form.reference",
                    &format!("\"{}\", a system column and a column of an outer query,", id.value),
                )
                .with_hint("Write it with the name of its table."));
            }
        }
        for (outwards, level) in levels.iter().enumerate() {
            let mut found = level.slots.iter().filter(|s| s.name == id.value);
            if let Some(slot) = found.next() {
                if found.next().is_some() {
                    return Err(ambiguous(&id.value));
                }
                let inside = levels.get(..outwards).unwrap_or_default();
                // The policy's own SQL has one relation at each level.
                let printed = if self.facts.protects() { qualifier(slot, level, inside) } else { None };
                if self.facts.protects() && printed.is_none() {
                    not_hidden(&id.value, inside)?;
                }
                return Ok((self.slot(slot, outwards, levels.len())?, printed));
            }
            // System columns are found by Postgres at the innermost level that has a table.
            if SYSTEM_COLUMNS.contains(&id.value.as_str()) && level.items.iter().any(|i| i.system_columns) {
                let mut with = level.items.iter().filter(|i| i.system_columns);
                return match (with.next(), with.next()) {
                    (Some(item), None) => match item.cols.iter().position(|c| c.name == id.value) {
                        Some(col) => {
                            let slot = Slot { name: id.value.clone(), item: Rc::clone(item), col, merged: None, same: true };
                            Ok((self.slot(&slot, outwards, levels.len())?, None))
                        }
                        None => Ok((self.system(item, &id.value)?, None)),
                    },
                    _ => Err(ambiguous(&id.value)),
                };
            }
        }
        for (outwards, level) in levels.iter().enumerate() {
            if let Some(item) = level.items.iter().find(|i| i.visible == id.value) {
                self.belongs_to(outwards, levels.len());
                return Ok((Meaning::Row(Rc::clone(item)), None));
            }
        }
        Err(Refusal::new(SqlState::UNDEFINED_COLUMN, "name.column", format!("column \"{}\" does not exist", id.value)))
    }

    /// Notes for the aggregates around it that a column or row `outwards` of `visible` levels away is named.
    pub(crate) fn belongs_to(&mut self, outwards: usize, visible: usize) {
        let level = visible.saturating_sub(outwards).saturating_sub(1);
        for call in self.aggregate_calls.iter_mut().filter(|c| level < c.depth) {
            call.innermost = call.innermost.max(Some(level));
        }
    }

    /// A reference to a column `outwards` of `visible` levels away.
    fn slot(&mut self, slot: &Slot, outwards: usize, visible: usize) -> Result<Meaning, Refusal> {
        self.belongs_to(outwards, visible);
        self.note_read(slot.column());
        // An inner query's aggregate over a column from outside leaves that column bare at its own level.
        slot.mark(self.in_aggregate == 0 || outwards > 0);
        match slot.column() {
            Some(col) => {
                // What this level does with a sealed value from outside, its rows may come in the order of.
                if outwards > 0 && col.label.sealed().is_some() {
                    self.touched = self.touched.saturating_add(1);
                }
                Ok(Meaning::Column(col.clone()))
            }
            None => Err(refuse::not_yet("form.reference", "this column")),
        }
    }

    fn qualified(
        &mut self,
        schema: Option<&Ident>,
        qualifier: &Ident,
        name: &Ident,
        scope: InScope,
    ) -> Result<(Meaning, Option<String>), Refusal> {
        let mut inside: Vec<&str> = Vec::new();
        let levels: Vec<_> = scope.map(|s| s.levels().collect()).unwrap_or_default();
        for (outwards, level) in levels.iter().enumerate() {
            let matches = |i: &&Rc<Item>| match schema {
                // `*` over what is written to, or has no name, is written out with the alias that is printed.
                None => {
                    i.visible == qualifier.value
                        || i.printed.as_ref() == Some(&qualifier.value)
                            && (i.visible.is_empty() || super::write::is_printed(&qualifier.value))
                }
                Some(s) => i.relation.as_ref().is_some_and(|(rs, rn)| *rs == s.value && *rn == qualifier.value),
            };
            let mut found = level.items.iter().filter(matches);
            let Some(item) = found.next() else {
                inside.extend(level.items.iter().map(|i| i.printed.as_deref().unwrap_or(&i.visible)));
                continue;
            };
            if found.next().is_some() {
                return Err(Refusal::new(
                    SqlState("42P09"),
                    "name.ambiguous",
                    format!("table reference \"{}\" is ambiguous", qualifier.value),
                ));
            }
            let printed = item.printed.clone().filter(|p| schema.is_some() || *p != qualifier.value);
            if let Some(alias) = &printed
                && inside.contains(&alias.as_str())
            {
                return Err(refuse::not_yet("form.reference", "the same table name at two levels, once with and once without its schema,"));
            }
            if let Some(index) = item.cols.iter().position(|c| c.printed.as_ref() == Some(&name.value)) {
                let slot = Slot { name: name.value.clone(), item: Rc::clone(item), col: index, merged: None, same: true };
                return Ok((self.slot(&slot, outwards, levels.len())?, printed));
            }
            let Some(index) = item.cols.iter().position(|c| c.name == name.value) else {
                if SYSTEM_COLUMNS.contains(&name.value.as_str()) && item.system_columns {
                    return Ok((self.system(item, &name.value)?, printed));
                }
                return Err(Refusal::new(
                    SqlState::UNDEFINED_COLUMN,
                    "name.column",
                    format!("column {}.{} does not exist", qualifier.value, name.value),
                )
                .with_hint("pgveil does not read row.function as a call: write function(row)."));
            };
            if item.cols.iter().filter(|c| c.name == name.value).count() > 1 {
                return Err(ambiguous(&name.value));
            }
            let slot = Slot { name: name.value.clone(), item: Rc::clone(item), col: index, merged: None, same: true };
            return Ok((self.slot(&slot, outwards, levels.len())?, printed));
        }
        // Names of RETURNING's rows, where nothing else has them.
        if self.facts.catalog.server_version >= 180_000 && matches!(qualifier.value.as_str(), "old" | "new") {
            let which = if qualifier.value == "old" { "the old row in RETURNING" } else { "the new row in RETURNING by its name" };
            return Err(refuse::not_yet("form.reference", which)
                .with_hint("Name the column without \"old\" or \"new\" before it: it is the new one, of a DELETE the old one."));
        }
        Err(Refusal::new(SqlState::UNDEFINED_TABLE, "name.from", format!("missing FROM-clause entry for table \"{}\"", qualifier.value)))
    }

    fn system(&self, item: &Item, name: &str) -> Result<Meaning, Refusal> {
        match &item.no_system_columns {
            None => Ok(Meaning::System),
            Some(relation) => Err(Refusal::new(
                SqlState::DENIED,
                "column.system",
                format!("system column {name} of {relation} may not be read by role {}", self.role),
            )
            .with_detail("It shows where rows are stored, and with it the length of protected values and the gaps of filtered rows.")
            .with_hint("Tell rows apart by the primary key.")),
        }
    }

    /// The column that an expression shows unchanged, for its origin.
    pub(crate) fn shown(&mut self, e: &Expr, scope: InScope) -> Col {
        let mut copy = build::bare(e).clone();
        if matches!(copy, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            && let Ok(Meaning::Column(col)) = self.meaning(&mut copy, scope)
        {
            return col;
        }
        // `(c).city` shows the column itself.
        if let Expr::CompoundFieldAccess { root, access_chain } = &copy
            && let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
            && let Some(row) = self.find_row(root, scope)
            && let Some((_, col)) = row.item.shown().find(|(_, c)| c.name == field.value)
        {
            return Col { of_view: None, ..col.clone() };
        }
        Col::clear("")
    }
}

/// The alias that a column found without one is printed with, so that Postgres cannot find another. `None` where that alias
/// would not say which one: for a column merged by USING, or where the alias stands for something else too. `inside`: the levels
/// between the name and its item.
fn qualifier(slot: &Slot, level: &Level, inside: &[&Level]) -> Option<String> {
    let of = |i: &Rc<Item>| i.printed.clone().unwrap_or_else(|| i.visible.clone());
    let alias = of(&slot.item);
    let alone = level.items.iter().filter(|i| of(i) == alias).count() == 1;
    let captured = inside.iter().flat_map(|l| &l.items).any(|i| of(i) == alias);
    (slot.merged.is_none() && alone && !captured).then_some(alias)
}

/// A name without a qualifier means a column further out only where nothing between has one of that name, of those that Postgres alone
/// knows too.
fn not_hidden(name: &str, inside: &[&Level]) -> Result<(), Refusal> {
    match inside.iter().flat_map(|l| &l.items).find(|i| may_show_more(i)) {
        None => Ok(()),
        Some(item) => Err(refuse::not_yet(
            "form.reference",
            &format!("\"{name}\", a column of an outer query, in one that reads \"{}\", whose columns are not all known,", item.visible),
        )
        .with_hint(
            "Write it with the name of its table, under an alias that nothing else has; or give a function in FROM arguments of known types: CAST($1 AS text[]).",
        )),
    }
}

fn ambiguous(name: &str) -> Refusal {
    Refusal::new(SqlState::AMBIGUOUS_COLUMN, "name.ambiguous", format!("column reference \"{name}\" is ambiguous"))
}
