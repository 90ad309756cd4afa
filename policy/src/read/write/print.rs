//! What is sent for a statement that writes, and the proof that it means what was judged.

use pg_query::NodeEnum;
use sqlparser::ast::{Expr, Query, Select, SelectItem, SetExpr};

use super::super::postgres::{self, Tree};
use super::super::{agree, decode, dress, normal};
use super::shell::{self, Assigned, Inferred, Overriding, Parts, Shell, Then, Verb, When};
use crate::{Refusal, SqlState};

/// A statement as it is sent: names of pgveil's choice, queries as they were judged.
#[derive(Debug)]
pub struct Sent {
    /// Target, columns and all else.
    pub shell: Shell,
    /// See [`super::Write`].
    pub source: Option<Query>,
    /// See [`super::Write`]. The first item of its FROM is the target.
    pub action: Option<Query>,
    /// See [`super::Write`].
    pub returning: Option<Query>,
    /// See [`super::Write`].
    pub ctes: Vec<(usize, Sent)>,
}

impl Sent {
    /// Prints the statement, and proves that Postgres' own grammar reads it as this shell and these queries.
    ///
    /// # Errors
    /// `read.reprint` where it does not.
    pub fn print(&self) -> Result<String, Refusal> {
        super::super::deep(|| {
            let text = self.text()?;
            let mut statements = postgres::statements(&text).map_err(|_| faulty("Postgres' grammar does not read it"))?;
            let (Some(raw), true) = (statements.pop(), statements.is_empty()) else { return Err(faulty("it is not one statement")) };
            let read = shell::of(&raw.node).map_err(|_| faulty("it has a form that is not known"))?;
            self.compare(read.ok_or_else(|| faulty("it is another statement"))?)?;
            Ok(text)
        })
    }

    fn compare(&self, parts: Parts) -> Result<(), Refusal> {
        let Parts { shell, queries, ctes, shares_with: _ } = parts;
        if shell != self.shell {
            return Err(faulty("its shell is another"));
        }
        let pairs = [(queries.source, &self.source), (queries.action, &self.action), (queries.returning, &self.returning)];
        for (found, meant) in pairs {
            match (found, meant) {
                (None, None) => {}
                (Some(found), Some(meant)) => {
                    let (_, tree) = agree::print(meant)?;
                    let found = Tree::of(&NodeEnum::SelectStmt(found))?;
                    if found != tree {
                        return Err(faulty(&format!("they part at {}", tree.parting(&found).unwrap_or_default())));
                    }
                }
                _ => return Err(faulty("a part of it is missing")),
            }
        }
        if ctes.len() != self.ctes.len() {
            return Err(faulty("its WITH is another"));
        }
        ctes.into_iter().zip(&self.ctes).try_for_each(
            |((at, parts), (index, sent))| {
                if at == *index { sent.compare(parts) } else { Err(faulty("its WITH is another")) }
            },
        )
    }

    fn text(&self) -> Result<String, Refusal> {
        // Cut first: what is put in may hold anything.
        let own = self.own_text()?;
        let mut rest = own.as_str();
        let mut text = String::new();
        for (index, sent) in &self.ctes {
            let placeholder = shell::placeholder_text(*index);
            let (before, after) = rest.split_once(&placeholder).ok_or_else(|| faulty("its WITH is not found"))?;
            text.push_str(before);
            text.push_str(&sent.text()?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn own_text(&self) -> Result<String, Refusal> {
        let target = self.target();
        match self.shell.verb {
            Verb::Select => fragment(self.source.clone().ok_or_else(|| faulty("it has no query"))?),
            Verb::Merge => {
                let action = self.action.as_ref().ok_or_else(|| faulty("it merges nothing"))?;
                let select = select(action)?;
                let (with, using) = (with(action)?, from(select, "USING")?);
                let on = expression(select.selection.as_ref().ok_or_else(|| faulty("it has no condition"))?)?;
                let mut items = select.projection.iter();
                let whens = self.shell.whens.iter().map(|w| when(w, &mut items)).collect::<Result<Vec<_>, _>>()?;
                Ok(format!("{with}MERGE INTO {target}{using} ON {on}{}", whens.concat()))
            }
            Verb::Insert => self.insert(&target),
            Verb::Update => {
                let action = self.action.as_ref().ok_or_else(|| faulty("it assigns nothing"))?;
                let select = select(action)?;
                let set = set(&self.shell.assigned, &select.projection)?;
                let with = with(action)?;
                let from = from(select, "FROM")?;
                let returning = returning(select, self.shell.assigned.len(), self.shell.returning)?;
                Ok(format!("{with}UPDATE {target} SET {set}{from}{}{returning}", condition(select)?))
            }
            Verb::Delete => {
                let action = self.action.as_ref().ok_or_else(|| faulty("it deletes nothing"))?;
                let select = select(action)?;
                let (with, using) = (with(action)?, from(select, "USING")?);
                let returning = returning(select, 0, self.shell.returning)?;
                Ok(format!("{with}DELETE FROM {target}{using}{}{returning}", condition(select)?))
            }
        }
    }

    fn insert(&self, target: &str) -> Result<String, Refusal> {
        let with = self.source.as_ref().map_or(Ok(String::new()), with)?;
        let mut text = format!("{with}INSERT INTO {target}");
        if let Some(columns) = &self.shell.columns {
            text.push_str(&format!(" ({})", names(columns)));
        }
        text.push_str(overriding(self.shell.overriding));
        match &self.source {
            None => text.push_str(" DEFAULT VALUES"),
            Some(source) => {
                text.push(' ');
                text.push_str(&self.rows(source)?);
            }
        }
        if let Some(conflict) = &self.shell.conflict {
            text.push_str(" ON CONFLICT");
            match &conflict.inferred {
                Inferred::Any => {}
                Inferred::Columns(columns) => text.push_str(&format!(" ({})", names(columns))),
                Inferred::Constraint(name) => text.push_str(&format!(" ON CONSTRAINT {}", name_of(name))),
            }
            match (&conflict.update, &self.action) {
                (None, None) => text.push_str(" DO NOTHING"),
                (Some(assigned), Some(action)) => {
                    let select = select(action)?;
                    text.push_str(&format!(" DO UPDATE SET {}{}", set(assigned, &select.projection)?, condition(select)?));
                }
                _ => return Err(faulty("its ON CONFLICT has no action")),
            }
        }
        if let Some(returned) = &self.returning {
            text.push_str(&returning(select(returned)?, 0, self.shell.returning)?);
        }
        Ok(text)
    }

    /// The rows of an INSERT, with DEFAULT in its places.
    fn rows(&self, source: &Query) -> Result<String, Refusal> {
        let bare = Query { with: None, ..source.clone() };
        let SetExpr::Values(values) = &*bare.body else { return fragment(bare) };
        if self.shell.defaults.is_empty() {
            return fragment(bare);
        }
        let mut rows = Vec::new();
        for (row, cells) in values.rows.iter().enumerate() {
            let mut printed = Vec::new();
            for (column, cell) in cells.content.iter().enumerate() {
                printed.push(match self.shell.defaults.contains(&(row, column)) {
                    true => "DEFAULT".to_owned(),
                    false => expression(cell)?,
                });
            }
            rows.push(format!("({})", printed.join(", ")));
        }
        Ok(format!("VALUES {}", rows.join(", ")))
    }

    fn target(&self) -> String {
        let target = &self.shell.target;
        let only = if target.only { "ONLY " } else { "" };
        let name = target.name.iter().map(|part| name_of(part)).collect::<Vec<_>>().join(".");
        let alias = target.alias.as_ref().map(|alias| format!(" AS {}", name_of(alias))).unwrap_or_default();
        format!("{only}{name}{alias}")
    }
}

fn overriding(overriding: Option<Overriding>) -> &'static str {
    match overriding {
        None => "",
        Some(Overriding::UserValue) => " OVERRIDING USER VALUE",
        Some(Overriding::SystemValue) => " OVERRIDING SYSTEM VALUE",
    }
}

/// ` WHEN MATCHED AND … THEN …`; takes its expressions.
fn when<'i>(when: &When, items: &mut impl Iterator<Item = &'i SelectItem>) -> Result<String, Refusal> {
    let matched = if when.matched { " WHEN MATCHED" } else { " WHEN NOT MATCHED" };
    let condition = match when.condition {
        true => format!(" AND {}", value(items)?),
        false => String::new(),
    };
    let then = match &when.then {
        Then::Nothing => "DO NOTHING".to_owned(),
        Then::Delete => "DELETE".to_owned(),
        Then::Update(assigned) => format!("UPDATE SET {}", set_of(assigned, items)?),
        Then::Insert { columns, width, defaults, overriding: of } => {
            let columns = columns.as_ref().map(|c| format!(" ({})", names(c))).unwrap_or_default();
            let mut values = Vec::new();
            for index in 0..*width {
                let value = value(items)?;
                values.push(if defaults.contains(&index) { "DEFAULT".to_owned() } else { value });
            }
            let values = if *width == 0 { "DEFAULT VALUES".to_owned() } else { format!("VALUES ({})", values.join(", ")) };
            format!("INSERT{columns}{} {values}", overriding(*of))
        }
    };
    Ok(format!("{matched}{condition} THEN {then}"))
}

fn value<'i>(items: &mut impl Iterator<Item = &'i SelectItem>) -> Result<String, Refusal> {
    match items.next() {
        Some(SelectItem::UnnamedExpr(value)) => expression(value),
        _ => Err(faulty("it assigns what is not there")),
    }
}

/// `"a" = x, ("b", "c") = (SELECT …)`
fn set(assigned: &[Assigned], items: &[SelectItem]) -> Result<String, Refusal> {
    set_of(assigned, &mut items.iter())
}

fn set_of<'i>(assigned: &[Assigned], items: &mut impl Iterator<Item = &'i SelectItem>) -> Result<String, Refusal> {
    let mut out = Vec::new();
    for to in assigned {
        let value = value(items)?;
        let value = if to.default { "DEFAULT".to_owned() } else { value };
        match to.columns.as_slice() {
            [one] => out.push(format!("{} = {value}", name_of(one))),
            several => out.push(format!("({}) = {value}", names(several))),
        }
    }
    Ok(out.join(", "))
}

/// The items of a select list from `first` on.
fn returning(select: &Select, first: usize, returns: bool) -> Result<String, Refusal> {
    if !returns {
        return Ok(String::new());
    }
    let items = select.projection.get(first..).unwrap_or_default().to_vec();
    let printed = fragment(of_select(Select { projection: items, ..normal::empty_select() }))?;
    printed.strip_prefix("SELECT ").map(|items| format!(" RETURNING {items}")).ok_or_else(|| faulty("its RETURNING cannot be cut out"))
}

/// What stands in FROM behind the target.
fn from(select: &Select, word: &str) -> Result<String, Refusal> {
    let items = select.from.get(1..).unwrap_or_default().to_vec();
    if items.is_empty() {
        return Ok(String::new());
    }
    let printed = fragment(of_select(Select { from: items, ..normal::empty_select() }))?;
    let items = printed.strip_prefix("SELECT").and_then(|rest| rest.trim_start().strip_prefix("FROM "));
    items.map(|items| format!(" {word} {items}")).ok_or_else(|| faulty("its FROM cannot be cut out"))
}

fn condition(select: &Select) -> Result<String, Refusal> {
    select.selection.as_ref().map_or(Ok(String::new()), |e| Ok(format!(" WHERE {}", expression(e)?)))
}

fn with(query: &Query) -> Result<String, Refusal> {
    if query.with.is_none() {
        return Ok(String::new());
    }
    let printed = fragment(Query { with: query.with.clone(), ..of_select(normal::empty_select()) })?;
    let with = printed.trim_end().strip_suffix("SELECT");
    with.map(str::to_owned).ok_or_else(|| faulty("its WITH cannot be cut out"))
}

fn select(query: &Query) -> Result<&Select, Refusal> {
    match &*query.body {
        SetExpr::Select(select) if query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none() => Ok(select),
        _ => Err(faulty("its rows would have to be sorted")),
    }
}

fn of_select(select: Select) -> Query {
    normal::around(Box::new(SetExpr::Select(Box::new(select))))
}

fn expression(e: &Expr) -> Result<String, Refusal> {
    let item = SelectItem::UnnamedExpr(e.clone());
    let printed = fragment(of_select(Select { projection: vec![item], ..normal::empty_select() }))?;
    printed.strip_prefix("SELECT ").map(str::to_owned).ok_or_else(|| faulty("an expression cannot be cut out"))
}

fn fragment(query: Query) -> Result<String, Refusal> {
    let mut meant = Box::new(query);
    normal::after_rewriting(&mut meant);
    decode::decode(dress::text(&meant)).ok_or_else(|| faulty("a form of it cannot be written"))
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| name_of(name)).collect::<Vec<_>>().join(", ")
}

fn name_of(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn faulty(why: &str) -> Refusal {
    let message = format!("pgveil's rewritten statement does not read back as it was meant ({why})");
    Refusal::new(SqlState::UNSUPPORTED, "read.reprint", message).with_hint("Please report it, with the statement.")
}
