//! Whole rows, in every notation: `c`, `c.*` as a value, `(c).city`, `city(c)`, `c.row_to_json`.
//!
//! A derived table's rows are records. Where one stands for a relation, a further column `pgveil_row` of it holds the row with the
//! relation's composite type, and references to whole rows mean that column. On the nullable side of a join it is NULL, as the row is.

use std::rc::Rc;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
};

use super::expr::InScope;
use super::label::Label;
use super::relation::alias_column;
use super::scope::{Item, RowType, SYSTEM_COLUMNS, Slot};
use super::{Judge, build, refuse};
use crate::Refusal;
use crate::read::coded::{self, Form};

/// The column that holds a derived table's rows with their composite type.
pub(crate) const ROW: &str = "pgveil_row";

/// A whole row that an expression is.
pub(crate) struct Row {
    /// Whose.
    pub item: Rc<Item>,
    /// How many levels outwards, and how many are visible.
    place: (usize, usize),
}

impl Judge<'_> {
    /// The item whose whole row an expression is: a name of something in FROM that is no column, or `t.*`.
    pub(crate) fn find_row(&self, e: &Expr, scope: InScope) -> Option<Row> {
        let levels: Vec<_> = scope?.levels().collect();
        let found = |matches: &dyn Fn(&Item) -> bool| {
            let outwards = levels.iter().position(|l| l.items.iter().any(|i| matches(i)))?;
            let mut items = levels.get(outwards)?.items.iter().filter(|i| matches(i));
            let captured = |item: &Item| levels.iter().take(outwards).flat_map(|l| &l.items).any(|i| alias_of(i) == alias_of(item));
            match (items.next(), items.next()) {
                (Some(item), None) if !captured(item) => Some(Row { item: Rc::clone(item), place: (outwards, levels.len()) }),
                _ => None,
            }
        };
        match build::bare(e) {
            // Columns of all levels come before rows of any.
            Expr::Identifier(id) if SYSTEM_COLUMNS.contains(&id.value.as_str()) => None,
            Expr::Identifier(id) if !levels.iter().any(|l| l.slots.iter().any(|s| s.name == id.value)) => found(&|i| i.visible == id.value),
            e => match self.name_parts(starred(e)?).ok()?.as_slice() {
                [name] => found(&|i| i.visible == *name),
                [schema, name] => found(&|i| i.relation.as_ref().is_some_and(|(s, n)| s == schema && n == name)),
                _ => None,
            },
        }
    }

    /// A whole row as a value: what is printed for it. `anything`: only whether it is NULL shows.
    pub(crate) fn row_value(&mut self, row: &Row, anything: bool) -> Result<Expr, Refusal> {
        let item = &row.item;
        self.belongs_to(row.place.0, row.place.1);
        // A further column would be in the row, or would have to pass through what makes it.
        if let Some(barrier) = item.behind.own.and_then(|n| self.barriers.get_mut(n)) {
            barrier.whole_row = true;
        }
        if anything {
            for (index, col) in item.shown() {
                self.note_read(Some(col));
                if let Some(refused) = &col.refused {
                    return Err(refuse::column(self.role, refused));
                }
                item.used.borrow_mut().insert(index);
            }
        } else {
            self.whole_row(item)?;
        }
        let Some(of) = &item.row else {
            return Ok(Expr::Identifier(build::ident(alias_of(item))));
        };
        item.used.borrow_mut().insert(of.index);
        if self.in_aggregate == 0 || row.place.0 > 0 {
            item.bare.borrow_mut().insert(of.index);
        }
        Ok(build::column(alias_of(item), ROW))
    }

    /// A column of a row, where the row has one of that name: `(c).city`, `city(c)`.
    pub(crate) fn row_field(&mut self, e: &Expr, field: &Ident, scope: InScope) -> Result<Option<(Expr, Label)>, Refusal> {
        let Some(row) = self.find_row(e, scope) else { return Ok(None) };
        let mut named = row.item.shown().filter(|(_, c)| c.name == field.value);
        let (Some((index, col)), None) = (named.next(), named.next()) else { return Ok(None) };
        if let Some(refused) = &col.refused {
            return Err(refuse::column(self.role, refused));
        }
        let (outwards, visible) = row.place;
        let label = col.label.clone();
        let expr = build::column(alias_of(&row.item), &col.name);
        let slot = Slot { name: col.name.clone(), item: Rc::clone(&row.item), col: index, merged: None, same: true };
        self.belongs_to(outwards, visible);
        self.note_read(Some(col));
        slot.mark(self.in_aggregate == 0 || outwards > 0);
        Ok(Some((expr, label)))
    }

    /// `c.row_to_json` is a call where the row has no such column (PostgreSQL documentation, 8.16.5).
    pub(crate) fn attribute_call(&self, parts: &[Ident], scope: InScope) -> Option<Expr> {
        let [qualifier, name] = parts else { return None };
        let row = self.find_row(&Expr::Identifier(qualifier.clone()), scope)?;
        let known = row.item.cols.iter().any(|c| c.name == name.value) || SYSTEM_COLUMNS.contains(&name.value.as_str());
        if known || !self.facts.catalog.functions.contains_key(&name.value) {
            return None;
        }
        let mut call = build::call(&[&name.value], vec![Expr::Identifier(qualifier.clone())]);
        if let Expr::Function(f) = &mut call {
            f.name = ObjectName::from(vec![name.clone()]);
        }
        Some(call)
    }

    /// ROW(…): what it is made of, with `t.*` written out where pgveil prints something else for `t`.
    pub(crate) fn row_parts(&mut self, args: &mut Vec<FunctionArg>, scope: InScope) -> Result<Label, Refusal> {
        let mut out = Vec::new();
        for mut arg in args.drain(..) {
            match &mut arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.clear(e, scope, "ROW")?,
                FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                    match self.find_row(&star_of(name), scope).filter(|r| r.item.printed.is_some()) {
                        Some(Row { item, place }) => {
                            self.belongs_to(place.0, place.1);
                            self.whole_row(&item)?;
                            out.extend(item.shown().map(|(_, c)| FunctionArg::Unnamed(FunctionArgExpr::Expr(item.reference(c)))));
                            continue;
                        }
                        None => {
                            self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                        }
                    }
                }
                _ => return Err(refuse::not_yet("form.call", "this argument")),
            }
            out.push(arg);
        }
        *args = out;
        Ok(Label::Clear)
    }

    /// `(c).city[1]` becomes the column `c.city`, whose label is returned, and what of the chain is left.
    pub(crate) fn field_of_row(&mut self, root: &mut Expr, chain: &mut Vec<AccessExpr>, scope: InScope) -> Result<Option<Label>, Refusal> {
        let Some(AccessExpr::Dot(Expr::Identifier(field))) = chain.first() else { return Ok(None) };
        let Some((column, label)) = self.row_field(root, &field.clone(), scope)? else { return Ok(None) };
        chain.remove(0);
        *root = column;
        Ok(Some(label))
    }
}

/// The name by which an item's columns are qualified in what is printed.
fn alias_of(item: &Item) -> &str {
    item.printed.as_deref().unwrap_or(&item.visible)
}

/// Puts what is printed for a whole row into its place; `t.*` of what keeps its name stays so.
pub(crate) fn put_row(e: &mut Expr, value: Expr) {
    match (&mut *e, value) {
        (Expr::QualifiedWildcard(name, _), Expr::Identifier(printed)) => *name = ObjectName::from(vec![printed]),
        (Expr::Function(f), Expr::Identifier(printed)) if coded::form(f) == Some(Form::WholeRow) => {
            let name = FunctionArgExpr::QualifiedWildcard(ObjectName::from(vec![printed]));
            if let FunctionArguments::List(list) = &mut f.args {
                list.args = vec![FunctionArg::Unnamed(name)];
            }
        }
        (e, value) if build::bare(e) != &value => *e = value,
        _ => {}
    }
}

/// The name before `.*`, of a row as one value.
pub(crate) fn starred(e: &Expr) -> Option<&ObjectName> {
    match e {
        Expr::QualifiedWildcard(name, _) => Some(name),
        Expr::Function(f) if coded::form(f) == Some(Form::WholeRow) => match &f.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name))] => Some(name),
                _ => None,
            },
            FunctionArguments::None | FunctionArguments::Subquery(_) => None,
        },
        _ => None,
    }
}

/// `t.*` as an expression.
pub(crate) fn star_of(name: &ObjectName) -> Expr {
    Expr::QualifiedWildcard(name.clone(), AttachedToken::empty())
}

/// Gives a derived table the column that holds its rows, where that is used.
pub(crate) fn add_row(factor: &mut TableFactor, item: &Item) {
    let (Some(of), TableFactor::Derived { subquery, .. }) = (&item.row, factor) else { return };
    if !item.used.borrow().contains(&of.index) {
        return;
    }
    let used = item.used.borrow();
    // All that it shows is used by the row itself.
    let kept = |index: &usize| item.whole || used.contains(index);
    let names: Vec<&String> = of.columns.iter().enumerate().filter(|(i, _)| kept(i)).map(|(_, name)| name).collect();
    const INNER: &str = "pgveil_v";
    let mut projection: Vec<SelectItem> = names
        .iter()
        .map(|name| SelectItem::ExprWithAlias { expr: build::column(INNER, name), alias: build::ident(name.as_str()) })
        .collect();
    let fields = item.shown().filter_map(|(i, _)| of.columns.get(i)).map(|name| build::column(INNER, name)).collect();
    projection.push(SelectItem::ExprWithAlias { expr: composite(of, fields), alias: build::ident(ROW) });
    let inner = std::mem::replace(&mut **subquery, super::query::bare_query(SetExpr::Values(super::query::empty_values())));
    let from = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(inner),
        alias: Some(TableAlias {
            explicit: true,
            name: build::ident(INNER),
            columns: names.iter().map(|name| alias_column(name)).collect(),
            at: None,
        }),
        sample: None,
    };
    let select =
        sqlparser::ast::Select { projection, from: vec![TableWithJoins { relation: from, joins: vec![] }], ..super::empty_select() };
    let outer: Query = super::query::bare_query(SetExpr::Select(Box::new(select)));
    **subquery = outer;
}

/// `CAST(ROW(…) AS "schema"."relation")`
fn composite(of: &RowType, fields: Vec<Expr>) -> Expr {
    let mut row = build::row(ObjectName(vec![]));
    if let Expr::Function(f) = &mut row {
        f.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: fields.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect(),
            clauses: vec![],
        });
    }
    build::cast(row, sqlparser::ast::DataType::Custom(build::object_name(&[&of.schema, &of.name]), vec![]))
}
