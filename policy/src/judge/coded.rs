//! Forms that sqlparser's tree has no place for: see [`coded`].

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SelectItemQualifiedWildcardKind, SetExpr, TableFactor,
    WindowFrameBound, WindowSpec,
};

use super::expr::InScope;
use super::from::behind_any;
use super::label::Label;
use super::scope::{Col, Item, Level, Out};
use super::{Cte, Judge, build, refuse};
use crate::catalog::{Relation, RelationKind};
use crate::read::coded::{self, Form, Recursion};
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// An expression that is coded as a call.
    pub(crate) fn coded(&mut self, form: Form, args: &mut FunctionArguments, scope: InScope) -> Result<Label, Refusal> {
        let FunctionArguments::List(list) = args else { return Err(refuse::unsupported("this form of SQL")) };
        if form == Form::Row {
            return self.row_parts(&mut list.args, scope);
        }
        let mut parts: Vec<&mut Expr> = Vec::new();
        for arg in &mut list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => parts.push(e),
                FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) if form == Form::WholeRow => {
                    self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                }
                _ => return Err(refuse::unsupported("this form of SQL")),
            }
        }
        let usage = match form {
            Form::BetweenSymmetric | Form::NotBetweenSymmetric => {
                self.implied_operators(&["<", ">", "<=", ">="])?;
                "BETWEEN"
            }
            Form::Any | Form::All | Form::AnyOf | Form::AllOf | Form::Infix | Form::Prefix => {
                self.named_operator(&parts)?;
                "this operator"
            }
            Form::Using => {
                self.named_operator(&parts)?;
                "ORDER BY … USING"
            }
            Form::CollationFor => "COLLATION FOR",
            Form::Normalize => "normalize()",
            Form::AtLocal => "AT LOCAL",
            Form::Variadic | Form::VariadicNamed => "VARIADIC",
            Form::XmlExists
            | Form::XmlConcat
            | Form::XmlElement
            | Form::XmlAttributes
            | Form::XmlForest
            | Form::Named
            | Form::XmlParse
            | Form::XmlPi
            | Form::XmlRoot
            | Form::XmlSerialize
            | Form::IsDocument
            | Form::NotNull => "XML",
            Form::Row | Form::WholeRow | Form::Star => "a row",
            Form::Item | Form::Exclude | Form::ExcludeWords => "a window frame",
            Form::Only
            | Form::RowsFrom
            | Form::Columns
            | Form::Column
            | Form::NoName
            | Form::Lateral
            | Form::GroupDistinct
            | Form::Rollup
            | Form::Cube
            | Form::Sets
            | Form::EmptySet
            | Form::UsingAlias
            | Form::Lock
            | Form::Nothing
            | Form::Recursion => return Err(refuse::unsupported("this form of SQL")),
        };
        self.all_clear(parts, scope, usage)
    }

    /// ORDER BY … USING of a column of the select list; `out` is what it names.
    pub(crate) fn using_output(&mut self, item: &mut Expr, out: &Out) -> Result<(), Refusal> {
        if let Some(s) = out.col.label.sealed() {
            return Err(refuse::sealed_use(self.role, s, "ORDER BY … USING"));
        }
        let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = item else {
            return Err(refuse::unsupported("this ORDER BY"));
        };
        let parts: Vec<&mut Expr> = list
            .args
            .iter_mut()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                _ => None,
            })
            .collect();
        self.named_operator(&parts)
    }

    /// The operator that the first two arguments of a form name.
    fn named_operator(&mut self, parts: &[&mut Expr]) -> Result<(), Refusal> {
        let word = |index: usize| parts.get(index).and_then(|e| coded::as_word(e)).map(str::to_owned);
        let (Some(schema), Some(op)) = (word(0), word(1)) else { return Err(refuse::unsupported("this operator name")) };
        self.operator_name(Some(schema.as_str()).filter(|s| !s.is_empty()), &op)
    }

    /// SEARCH and CYCLE add columns to a recursive query, all made of columns that they name: none of these may be sealed, since
    /// what is added shows them and their order.
    pub(crate) fn recursion(&self, clause: &Recursion, cte: &mut Cte) -> Result<(), Refusal> {
        let by = clause.search.iter().flat_map(|s| &s.by).chain(clause.cycle.iter().flat_map(|c| &c.by));
        for name in by {
            let Some(col) = cte.cols.iter().find(|c| c.name == *name) else {
                let message = format!("column \"{name}\" of SEARCH or CYCLE is not one of the WITH query's");
                return Err(Refusal::new(SqlState::SYNTAX, "name.column", message));
            };
            if let Some(refused) = &col.refused {
                return Err(refuse::column(self.role, refused));
            }
            if let Some(s) = col.label.sealed() {
                return Err(refuse::sealed_use(self.role, s, "SEARCH or CYCLE"));
            }
        }
        cte.cols.extend(added(clause).map(Col::clear));
        Ok(())
    }

    /// The columns of a join that has an alias, which hides what is in it.
    pub(crate) fn aliased_join(&self, inner: &Level, alias: &sqlparser::ast::TableAlias) -> Result<Level, Refusal> {
        let mut cols = Vec::new();
        for slot in &inner.slots {
            slot.mark(true);
            let Some(col) = slot.column() else { return Err(refuse::unsupported("this join")) };
            cols.push(Col { name: slot.name.clone(), ..col.clone() });
        }
        let behind = behind_any(inner);
        Ok(Level::of(Item { behind, ..self.derived_item(&alias.name, cols, Some(alias))? }))
    }
}

/// The columns that SEARCH and CYCLE add.
pub(crate) fn added(clause: &Recursion) -> impl Iterator<Item = &String> {
    let sequence = clause.search.iter().map(|s| &s.sequence);
    sequence.chain(clause.cycle.iter().flat_map(|c| [&c.mark, &c.path]))
}

/// Leaves out the rows of children, in what stands for a relation.
pub(crate) fn only(relation: &Relation, query: &mut Query) -> Result<(), Refusal> {
    // Postgres knows no children of these.
    if matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView) {
        return Ok(());
    }
    let unknown = || refuse::unsupported("ONLY of this relation");
    let SetExpr::Select(select) = &mut *query.body else { return Err(unknown()) };
    let [tree] = select.from.as_mut_slice() else { return Err(unknown()) };
    match &mut tree.relation {
        TableFactor::Table { name, args: None, .. }
            if tree.joins.is_empty() && *name == build::object_name(&[&relation.schema, &relation.name]) =>
        {
            *name = coded::with_only(name.clone());
            Ok(())
        }
        _ => Err(unknown()),
    }
}

/// A frame that leaves rows out that are equal to the present one in the window's order: another order would leave out others.
pub(crate) fn excludes_peers(spec: &WindowSpec) -> bool {
    let Some(frame) = &spec.window_frame else { return false };
    [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten().any(|bound| {
        match bound {
        WindowFrameBound::Preceding(Some(e)) | WindowFrameBound::Following(Some(e)) => match &**e {
            Expr::Function(f) if matches!(coded::form(f), Some(Form::Exclude | Form::ExcludeWords)) => match &f.args {
                FunctionArguments::List(list) => !list.args.last().is_some_and(|words| {
                    matches!(words, FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) if coded::as_word(e) == Some("EXCLUDE CURRENT ROW"))
                }),
                FunctionArguments::None | FunctionArguments::Subquery(_) => true,
            },
            _ => false,
        },
        WindowFrameBound::CurrentRow | WindowFrameBound::Preceding(None) | WindowFrameBound::Following(None) => false,
    }
    })
}
