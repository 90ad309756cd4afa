//! Which name means which column: levels of FROM items, innermost first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::Expr;

use super::barrier::Behind;
use super::build;
use super::holds::Holds;
use super::label::Label;
use super::typing::Ty;
use crate::catalog::{BaseType, Oid};
use crate::plan::Origin;

/// Columns that every table has without declaring them (PostgreSQL documentation, 5.5).
pub(crate) const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A column as a query level sees it.
#[derive(Debug, Clone)]
pub(crate) struct Col {
    /// Its name.
    pub name: String,
    /// What it may show.
    pub label: Label,
    /// Where it comes from.
    pub origin: Origin,
    /// The view's column that it is, as RowDescription says it: a view is a relation like any other there.
    pub of_view: Option<(Oid, i16)>,
    /// The role may not read it at all: why.
    pub refused: Option<Arc<RefusedColumn>>,
    /// Its type where it is a relation's column.
    pub base: Option<BaseType>,
    /// What it holds, where what computes it cannot fail.
    pub holds: Option<Holds>,
    /// Lineage only: it is computed from something protected.
    pub derived: bool,
    /// Lineage only: the protected columns that it is computed from, as far as they are known.
    pub sources: Vec<(Oid, i16)>,
    /// Its type, where it is certain.
    pub ty: Option<Ty>,
    /// The name that it is printed under, where another column of its item has its name too.
    pub printed: Option<String>,
    /// `*` does not stand for it, as for what SEARCH and CYCLE add, inside of the query that they are about.
    pub hidden: bool,
}

impl Col {
    /// A computed column that holds nothing protected.
    pub fn clear(name: impl Into<String>) -> Self {
        Col {
            name: name.into(),
            label: Label::Clear,
            origin: Origin::Computed,
            of_view: None,
            refused: None,
            base: None,
            holds: None,
            ty: None,
            derived: false,
            sources: vec![],
            printed: None,
            hidden: false,
        }
    }
}

/// A column with mask `refuse`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RefusedColumn {
    /// `schema.table.column`
    pub column: String,
    /// Its class, where it has one.
    pub class: Option<String>,
    /// The rule that says so.
    pub rule: String,
}

/// One relation, subquery or function in FROM.
#[derive(Debug)]
pub(crate) struct Item {
    /// The name by which columns are qualified.
    pub visible: String,
    /// Schema and name, where it is a relation without an alias: it may be qualified by schema too.
    pub relation: Option<(String, String)>,
    /// The alias that is printed, where pgveil prints one: qualified references are rewritten to it.
    pub printed: Option<String>,
    /// Its columns.
    pub cols: Vec<Col>,
    /// Indexes into `cols` that identify a row and are not protected; empty where there are none such.
    pub key: Vec<usize>,
    /// The base relation that a row can be identified in for GROUP BY, where the printed form has lost its primary key.
    pub lost_key: bool,
    /// Columns that the level mentions outside of aggregates.
    pub bare: RefCell<BTreeSet<usize>>,
    /// Columns that are mentioned anywhere.
    pub used: RefCell<BTreeSet<usize>>,
    /// A base relation, protected or not; `None` for subqueries and functions.
    pub oid: Option<Oid>,
    /// It has system columns: a relation that is not a view. In anything else Postgres looks for them further out.
    pub system_columns: bool,
    /// Why system columns of it are refused; `None` where they may be read.
    pub no_system_columns: Option<String>,
    /// A subquery with an ORDER BY, which has been made total.
    pub ordered: bool,
    /// No column of what is printed for it may be left out.
    pub whole: bool,
    /// Row filters behind it.
    pub behind: Behind,
    /// How its rows keep their composite type; `None` where they have it anyway, or none.
    pub row: Option<RowType>,
    /// Columns of its relation's whole primary key, protected ones too; empty where there is none.
    pub primary: Vec<usize>,
}

/// The composite type of a relation for which a derived table stands.
#[derive(Debug, Clone)]
pub(crate) struct RowType {
    /// The relation's schema.
    pub schema: String,
    /// Its name, which is the type's.
    pub name: String,
    /// The names that the derived table gives its columns, by index.
    pub columns: Vec<String>,
    /// Stands for the whole row among the item's marks: one more than its columns. No name finds it.
    pub index: usize,
}

impl Item {
    /// The columns that `*` stands for, with their indexes: a catalog's `tableoid`, which is printed for it, is none of them.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Col)> {
        let system = |c: &Col| self.oid.is_some() && SYSTEM_COLUMNS.contains(&c.name.as_str());
        self.cols.iter().enumerate().filter(move |(_, c)| !system(c))
    }

    /// Columns that no name finds, since another one has it too: only a whole row shows them.
    pub fn ambiguous(&self) -> impl Iterator<Item = usize> {
        let twice = |c: &Col| self.cols.iter().filter(|other| other.name == c.name).count() > 1;
        self.cols.iter().enumerate().filter(move |(_, c)| twice(c)).map(|(index, _)| index)
    }

    /// A reference to one of its columns that can mean nothing else.
    pub fn reference(&self, col: &Col) -> Expr {
        let name = col.printed.as_ref().unwrap_or(&col.name);
        match (&self.printed, &self.relation) {
            (Some(alias), _) => build::column(alias, name),
            (None, Some((schema, table))) => Expr::CompoundIdentifier(vec![build::ident(schema), build::ident(table), build::ident(name)]),
            (None, None) => build::column(&self.visible, name),
        }
    }
}

/// A column that an unqualified name can mean, in the order of `*`.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Its name.
    pub name: String,
    /// Which item's.
    pub item: Rc<Item>,
    /// Which of its columns.
    pub col: usize,
    /// A column merged by USING or NATURAL: its own label and origin.
    pub merged: Option<Rc<Col>>,
    /// Where it is merged: whether it is the very column of `item`, as in an inner or left join of equal types.
    pub same: bool,
}

impl Slot {
    /// The column it shows.
    pub fn column(&self) -> Option<&Col> {
        match &self.merged {
            Some(col) => Some(col),
            None => self.item.cols.get(self.col),
        }
    }

    /// Notes that it was mentioned.
    pub fn mark(&self, bare: bool) {
        self.item.used.borrow_mut().insert(self.col);
        if bare {
            self.item.bare.borrow_mut().insert(self.col);
        }
    }
}

/// What the FROM clause of one query level shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level {
    /// Its items, left to right.
    pub items: Vec<Rc<Item>>,
    /// What unqualified names and `*` see.
    pub slots: Vec<Slot>,
}

impl Level {
    /// A level of one item.
    pub fn of(item: Item) -> Self {
        let item = Rc::new(item);
        let slots =
            item.shown().map(|(col, c)| Slot { name: c.name.clone(), item: Rc::clone(&item), col, merged: None, same: true }).collect();
        Level { items: vec![item], slots }
    }

    /// All but the first item.
    pub fn without_first(&self) -> Self {
        let items: Vec<_> = self.items.iter().skip(1).cloned().collect();
        let slots = self.slots.iter().filter(|s| items.iter().any(|i| Rc::ptr_eq(i, &s.item))).cloned().collect();
        Level { items, slots }
    }

    /// Both levels side by side.
    pub fn beside(mut self, other: Level) -> Self {
        self.items.extend(other.items);
        self.slots.extend(other.slots);
        self
    }
}

/// A level and those around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The innermost level.
    pub level: &'a Level,
    /// The levels around it, from the inside out.
    pub parent: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// This level, then those around it.
    pub fn levels(&'a self) -> impl Iterator<Item = &'a Level> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let here = next?;
            next = here.parent;
            Some(here.level)
        })
    }
}

/// One column of a query's result, with the expression that computes it at its own level.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    /// Name, label, origin.
    pub col: Col,
    /// As it is printed.
    pub expr: Expr,
}
