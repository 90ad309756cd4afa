//! Functions in FROM that are more than one call: ROWS FROM, XMLTABLE, and expressions that stand where a call may.

use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, TableAlias, XmlNamespaceDefinition, XmlPassingClause,
    XmlTableColumn, XmlTableColumnOption,
};

use super::expr::InScope;
use super::scope::Level;
use super::{Judge, build, output, refuse};
use crate::Refusal;
use crate::read::coded::{self, Form};

impl Judge<'_> {
    /// A function in FROM that is coded.
    pub(crate) fn coded_function(
        &mut self,
        form: Form,
        args: &mut [FunctionArg],
        ordinality: bool,
        alias: Option<&TableAlias>,
        scope: InScope,
    ) -> Result<Level, Refusal> {
        let mut names = Vec::new();
        let mut first = None;
        match (form, &mut *args) {
            (Form::Item, [FunctionArg::Unnamed(FunctionArgExpr::Expr(e))]) => {
                let (short, name) = self.expression_in_from(e, scope)?;
                first = Some(short);
                // As a function's only column, it takes the alias's name.
                names.push(alias.map_or(name, |a| a.name.value.clone()));
            }
            (Form::RowsFrom, args) => {
                for arg in args {
                    let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg else { return Err(refuse::unsupported("this in ROWS FROM")) };
                    let (short, more) = self.one_of_rows(e, scope)?;
                    first.get_or_insert(short);
                    names.extend(more);
                }
            }
            _ => return Err(refuse::unsupported("this function in FROM")),
        }
        self.function_level(&first.unwrap_or_default(), super::from::typed(names, Vec::new()), ordinality, alias)
    }

    /// One function of ROWS FROM: its name and its columns'.
    fn one_of_rows(&mut self, e: &mut Expr, scope: InScope) -> Result<(String, Vec<String>), Refusal> {
        let Expr::Function(f) = e else {
            let (short, name) = self.expression_in_from(e, scope)?;
            return Ok((short, vec![name]));
        };
        let quoted = f.name.0.iter().all(|part| part.as_ident().is_some_and(|ident| ident.quote_style.is_some()));
        match (coded::form(f), &mut f.args) {
            (Some(Form::Columns), FunctionArguments::List(list)) => {
                let Some((FunctionArg::Unnamed(FunctionArgExpr::Expr(call)), columns)) = list.args.split_first_mut() else {
                    return Err(refuse::unsupported("this in ROWS FROM"));
                };
                let (short, _) = self.rows_of_call(call, true, scope)?;
                let mut names = Vec::new();
                for column in columns {
                    let (Some(name), Some(null)) = coded::column(column) else { return Err(refuse::unsupported("this in ROWS FROM")) };
                    names.push(name.to_owned());
                    self.clear(null, None, "a column definition")?;
                }
                Ok((short, names))
            }
            (None, FunctionArguments::List(_)) if quoted => self.rows_of_call(e, false, scope),
            _ => {
                let (short, name) = self.expression_in_from(e, scope)?;
                Ok((short, vec![name]))
            }
        }
    }

    /// A plain call in ROWS FROM. `defined`: its columns are defined behind it.
    fn rows_of_call(&mut self, e: &mut Expr, defined: bool, scope: InScope) -> Result<(String, Vec<String>), Refusal> {
        let Expr::Function(f) = e else { return Err(refuse::unsupported("this in ROWS FROM")) };
        let plain = f.filter.is_none() && f.over.is_none() && f.within_group.is_empty();
        let FunctionArguments::List(list) = &mut f.args else { return Err(refuse::unsupported("this in ROWS FROM")) };
        if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() || coded::form_of_name(&f.name).is_some() {
            return Err(refuse::unsupported("this in ROWS FROM"));
        }
        // What it is defined as is not known here; its arguments and itself are judged all the same.
        let given =
            TableAlias { explicit: true, name: build::ident("pgveil"), columns: vec![super::relation::alias_column("pgveil")], at: None };
        let typed = defined.then(|| {
            let mut alias = given;
            for column in &mut alias.columns {
                column.data_type = Some(build::pg_type("text"));
            }
            alias
        });
        let level = self.table_function(&mut f.name, &mut list.args, false, typed.as_ref(), scope)?;
        let names = level.items.first().map(|item| item.cols.iter().map(|c| c.name.clone()).collect()).unwrap_or_default();
        let short = f.name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default();
        Ok((short, names))
    }

    /// An expression in the place of a function: the name of its item and of its only column.
    fn expression_in_from(&mut self, e: &mut Expr, scope: InScope) -> Result<(String, String), Refusal> {
        if let Expr::Cast { data_type: DataType::Custom(..), .. } = e
            && let Expr::Cast { data_type, .. } = e
        {
            self.data_type(data_type)?;
            let DataType::Custom(name, _) = data_type else { return Err(refuse::unsupported("this cast in FROM")) };
            let composite = match self.name_parts(name)?.as_slice() {
                [schema, name] => {
                    self.facts.catalog.types.get(schema).and_then(|types| types.get(name)).is_none_or(|found| !found.fields.is_empty())
                }
                _ => true,
            };
            if composite {
                return Err(refuse::unsupported("a cast to a row type in FROM"));
            }
        }
        let name = output::name(e);
        self.clear(e, scope, "FROM")?;
        self.note(e, scope);
        Ok((name.clone(), name))
    }

    /// XMLTABLE.
    pub(crate) fn xml_table(
        &mut self,
        namespaces: &mut [XmlNamespaceDefinition],
        row: &mut Expr,
        passing: &mut XmlPassingClause,
        columns: &mut [XmlTableColumn],
        alias: Option<&TableAlias>,
        scope: InScope,
    ) -> Result<Level, Refusal> {
        // Documents, paths and values that do not fit are errors.
        self.may_fail();
        for space in namespaces {
            self.clear(&mut space.uri, scope, "XMLTABLE")?;
        }
        match coded::lateral_path(row) {
            Some(path) => self.clear(path, scope, "XMLTABLE")?,
            None => self.clear(row, scope, "XMLTABLE")?,
        }
        for argument in &mut passing.arguments {
            self.clear(&mut argument.expr, scope, "XMLTABLE")?;
        }
        let mut names = Vec::new();
        for column in columns {
            names.push(column.name.value.clone());
            match &mut column.option {
                XmlTableColumnOption::ForOrdinality => {}
                XmlTableColumnOption::NamedInfo { r#type, path, default, nullable: _ } => {
                    self.data_type(r#type)?;
                    self.all_clear(path.iter_mut().chain(default.iter_mut()), scope, "XMLTABLE")?;
                }
            }
        }
        self.function_level("xmltable", super::from::typed(names, Vec::new()), false, alias)
    }

    /// The alias that is printed for a function.
    pub(crate) fn printed_alias(name: &ObjectName, alias: Option<&TableAlias>, level: &Level) -> Option<TableAlias> {
        if coded::form_of_name(name).is_some() && alias.is_none() {
            // Its name is the first function's; the columns are known as they are.
            return None;
        }
        let short = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default();
        Some(Self::function_alias(&short, alias, level))
    }
}
