//! Functions in FROM: which columns they show. Plain calls, ROWS FROM, XMLTABLE, and expressions that stand where a call may.

use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, TableAlias, XmlNamespaceDefinition, XmlPassingClause,
    XmlTableColumn, XmlTableColumnOption,
};

use super::expr::InScope;
use super::from::with_holds;
use super::label::Label;
use super::scope::{Col, Level};
use super::typing::{Ty, oid};
use super::{Judge, build, output, refuse};
use crate::Refusal;
use crate::read::coded::{self, Form};

impl Judge<'_> {
    /// A function in FROM: judged as a call; its columns are those that it declares.
    pub(crate) fn table_function(
        &mut self,
        name: &mut ObjectName,
        args: &mut [FunctionArg],
        ordinality: bool,
        alias: Option<&TableAlias>,
        scope: InScope,
    ) -> Result<Level, Refusal> {
        if let Some(form) = coded::form_of_name(name) {
            return self.coded_function(form, args, ordinality, alias, scope);
        }
        let parts = self.name_parts(name)?;
        let written: Vec<&str> = parts.iter().map(String::as_str).collect();
        // The only function that may have more arguments in FROM than it is declared with: one array for each column.
        let arrays = matches!(written.as_slice(), ["unnest"] | ["pg_catalog", "unnest"]) && args.len() > 1;
        let facts = self.function_facts(&written, Some(if arrays { 1 } else { args.len() }))?;
        if facts.veiled.is_some() {
            return Err(refuse::not_yet("form.from", "this function in FROM"));
        }
        let short = parts.last().cloned().unwrap_or_default();
        if matches!(short.as_str(), "set_config" | "current_setting" | "pg_notify") {
            return Err(refuse::not_yet("form.from", "this function in FROM"));
        }
        self.note_evaluation_order(&facts, &short, name);
        let mut labels = Vec::new();
        for arg in args.iter_mut() {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) | FunctionArg::Named { arg: FunctionArgExpr::Expr(e), .. } => {
                    labels.push(self.expr(e, scope)?);
                    self.note(e, scope);
                }
                _ => return Err(refuse::not_yet("form.from", "* as an argument")),
            }
        }
        // Of those that take sealed values, these give rows of one column.
        let one_column = short == "generate_subscripts" || short == "unnest" && labels.len() == 1;
        let judged = if facts.schema == "pg_catalog" && one_column {
            self.sealed_call(&short, &labels).map(|(label, _)| label)
        } else {
            self.nothing_sealed(&labels, &format!("function {short}()")).map(|()| Label::Clear)
        };
        let label = judged.map_err(|(index, refusal)| match args.get(index) {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e))) => refusal.at(self.position(e)),
            _ => refusal,
        })?;
        // Of constants it fails for every row or for none.
        let constant = |a: &FunctionArg| matches!(a, FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) if is_constant(e));
        if !args.iter().all(constant) && short != "unnest" {
            self.may_fail();
        }
        let given: Vec<Option<Ty>> = args
            .iter()
            .map(|a| match a {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.type_of(e, scope),
                _ => None,
            })
            .collect();
        let defined = alias.is_some_and(|a| a.columns.iter().any(|c| c.data_type.is_some()));
        let names = if defined {
            for c in alias.map(|a| a.columns.as_slice()).unwrap_or_default() {
                if let Some(t) = &c.data_type {
                    let mut copy = t.clone();
                    self.data_type(&mut copy)?;
                }
            }
            alias.map(|a| a.columns.iter().map(|c| c.name.value.clone()).collect()).unwrap_or_default()
        } else if arrays {
            if given.iter().any(|ty| self.fields_of_elements(*ty).is_some()) {
                return Err(refuse::not_yet("form.from", "unnest() of several arrays in FROM, one of them of composite values"));
            }
            args.iter().map(|_| "unnest".to_owned()).collect()
        } else if let ("pg_catalog", "unnest", [only]) = (facts.schema.as_str(), short.as_str(), given.as_slice())
            && let Some(fields) = self.fields_of_elements(*only)
        {
            fields
        } else if facts.schema == "pg_catalog" && short.contains("_populate_record") {
            // Its columns are those of its first argument's type.
            self.cast_fields(args.first()).ok_or_else(|| {
                refuse::not_yet("form.from", &format!("{short}() in FROM of anything but a cast"))
                    .with_hint("Write its first argument as CAST(NULL AS schema.table).")
            })?
        } else {
            self.function_columns(&facts.schema, &short, args.len(), alias)?
        };
        let types = if defined {
            let columns = alias.map(|a| a.columns.as_slice()).unwrap_or_default();
            columns.iter().map(|c| self.written_type(c.data_type.as_ref()?)).collect()
        } else {
            self.function_column_types(&facts.schema, &short, &given)
        };
        if !facts.overloaded || labels.iter().any(|l| l.sealed().is_some()) {
            *name = build::object_name(&[&facts.schema, &short]);
        }
        let cols = typed(names, types).into_iter().map(|col| Col { label: label.clone(), ..col }).collect();
        let level = self.function_level(&short, cols, ordinality, alias)?;
        // What they give out is computed already; a function outside pg_catalog may be put in its place as a query.
        Ok(if facts.schema == "pg_catalog" { with_holds(level) } else { level })
    }

    /// The fields of an array's elements, where these are composite: `unnest` in FROM gives a column for each.
    pub(crate) fn fields_of_elements(&self, array: Option<Ty>) -> Option<Vec<String>> {
        let forms = &self.facts.catalog.forms;
        self.facts.fields(forms.bottom(forms.element(array?.oid)?)).cloned()
    }

    /// The fields of the composite type that an argument is cast to; the type has its schema by now.
    fn cast_fields(&self, arg: Option<&FunctionArg>) -> Option<Vec<String>> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg? else { return None };
        let Expr::Cast { data_type: sqlparser::ast::DataType::Custom(name, _), .. } = build::bare(e) else { return None };
        match self.name_parts(name).ok()?.as_slice() {
            [schema, name] => {
                let found = self.facts.catalog.types.get(schema)?.get(name)?;
                (!found.fields.is_empty()).then(|| found.fields.clone())
            }
            _ => None,
        }
    }

    fn function_columns(&self, schema: &str, short: &str, count: usize, alias: Option<&TableAlias>) -> Result<Vec<String>, Refusal> {
        let fits = |f: &&crate::catalog::Function| {
            f.schema == schema && (f.variadic || (usize::from(f.arguments.0)..=usize::from(f.arguments.1)).contains(&count))
        };
        let mut shapes: Vec<Vec<String>> = self
            .facts
            .catalog
            .functions
            .get(short)
            .into_iter()
            .flatten()
            .filter(fits)
            .map(|f| match (f.output_names.len(), self.facts.fields(f.result)) {
                (0, Some(fields)) => fields.clone(),
                (0, None) => vec![alias.map_or_else(|| short.to_owned(), |a| a.name.value.clone())],
                (_, _) => f.output_names.clone(),
            })
            .collect();
        // Its forms may differ; the names are printed with it, so that no other than these can be meant.
        shapes.sort_by_key(Vec::len);
        shapes
            .into_iter()
            .next()
            .ok_or_else(|| refuse::not_yet("form.from", &format!("function {short}() in FROM, whose columns are not known,")))
    }

    /// The alias that is printed for a function: with a name for every column, which makes what is known of them true.
    pub(crate) fn function_alias(short: &str, alias: Option<&TableAlias>, level: &Level) -> TableAlias {
        let mut printed =
            alias.cloned().unwrap_or_else(|| TableAlias { explicit: true, name: build::ident(short), columns: vec![], at: None });
        let known = level.items.first().map(|i| i.cols.as_slice()).unwrap_or_default();
        if !printed.columns.iter().any(|c| c.data_type.is_some()) {
            printed.columns.extend(known.iter().skip(printed.columns.len()).map(|c| super::relation::alias_column(&c.name)));
        }
        printed
    }

    pub(crate) fn function_level(
        &self,
        name: &str,
        mut cols: Vec<Col>,
        ordinality: bool,
        alias: Option<&TableAlias>,
    ) -> Result<Level, Refusal> {
        if ordinality {
            cols.push(Col { ty: Some(Ty::of(oid::INT8)), ..Col::clear("ordinality") });
        }
        let visible = alias.filter(|a| !coded::is_nameless(a)).map_or_else(|| build::ident(name), |a| a.name.clone());
        Ok(Level::of(self.derived_item(&visible, cols, alias)?))
    }

    /// A function in FROM that is coded.
    pub(crate) fn coded_function(
        &mut self,
        form: Form,
        args: &mut [FunctionArg],
        ordinality: bool,
        alias: Option<&TableAlias>,
        scope: InScope,
    ) -> Result<Level, Refusal> {
        let mut cols = Vec::new();
        let mut first = None;
        match (form, &mut *args) {
            (Form::Item, [FunctionArg::Unnamed(FunctionArgExpr::Expr(e))]) => {
                let (short, name) = self.expression_in_from(e, scope)?;
                first = Some(short);
                // As a function's only column, it takes the alias's name.
                cols.push(Col::clear(alias.map_or(name, |a| a.name.value.clone())));
            }
            (Form::RowsFrom, args) => {
                for arg in args {
                    let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg else { return Err(refuse::unsupported("this in ROWS FROM")) };
                    let (short, more) = self.one_of_rows(e, scope)?;
                    first.get_or_insert(short);
                    cols.extend(more);
                }
            }
            _ => return Err(refuse::unsupported("this function in FROM")),
        }
        self.function_level(&first.unwrap_or_default(), cols, ordinality, alias)
    }

    /// One function of ROWS FROM: its name and its columns.
    fn one_of_rows(&mut self, e: &mut Expr, scope: InScope) -> Result<(String, Vec<Col>), Refusal> {
        let Expr::Function(f) = e else {
            let (short, name) = self.expression_in_from(e, scope)?;
            return Ok((short, vec![Col::clear(name)]));
        };
        let quoted = f.name.0.iter().all(|part| part.as_ident().is_some_and(|ident| ident.quote_style.is_some()));
        match (coded::form(f), &mut f.args) {
            (Some(Form::Columns), FunctionArguments::List(list)) => {
                let Some((FunctionArg::Unnamed(FunctionArgExpr::Expr(call)), columns)) = list.args.split_first_mut() else {
                    return Err(refuse::unsupported("this in ROWS FROM"));
                };
                let (short, shown) = self.rows_of_call(call, true, scope)?;
                // What is defined gives a record, of which nothing is known.
                if let Some(sealed) = shown.iter().find_map(|col| col.label.sealed()) {
                    return Err(refuse::sealed_use(self.role, sealed, "a column definition"));
                }
                let mut cols = Vec::new();
                for column in columns {
                    let (Some(name), Some(null)) = coded::column(column) else { return Err(refuse::unsupported("this in ROWS FROM")) };
                    cols.push(Col::clear(name));
                    self.clear(null, None, "a column definition")?;
                }
                Ok((short, cols))
            }
            (None, FunctionArguments::List(_)) if quoted => self.rows_of_call(e, false, scope),
            _ => {
                let (short, name) = self.expression_in_from(e, scope)?;
                Ok((short, vec![Col::clear(name)]))
            }
        }
    }

    /// A plain call in ROWS FROM. `defined`: its columns are defined behind it.
    fn rows_of_call(&mut self, e: &mut Expr, defined: bool, scope: InScope) -> Result<(String, Vec<Col>), Refusal> {
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
        let shown = |c: &Col| Col { label: c.label.clone(), ty: c.ty, ..Col::clear(c.name.clone()) };
        let cols = level.items.first().map(|item| item.cols.iter().map(shown).collect()).unwrap_or_default();
        let short = f.name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default();
        Ok((short, cols))
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
        self.function_level("xmltable", typed(names, Vec::new()), false, alias)
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

/// Columns of these names, with their types where there is one for each.
pub(crate) fn typed(names: Vec<String>, types: Vec<Option<Ty>>) -> Vec<Col> {
    let certain = types.len() == names.len();
    let mut types = types.into_iter().filter(|_| certain);
    names.into_iter().map(|name| Col { ty: types.next().flatten(), ..Col::clear(name) }).collect()
}

/// A literal or parameter, cast or not.
fn is_constant(e: &Expr) -> bool {
    match build::bare(e) {
        Expr::Value(_) => true,
        Expr::Cast { expr, .. } => is_constant(expr),
        _ => false,
    }
}
