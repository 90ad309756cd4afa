//! FROM: relations, joins, subqueries, functions.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, JoinExpr, JoinType, Node, RangeFunction, RangeSubselect, RangeTableSample, RangeVar};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableAliasColumnDef,
    TableFactor, TableFunctionArgs, TableSample, TableSampleKind, TableSampleMethod, TableSampleModifier, TableSampleQuantity,
    TableSampleSeed, TableSampleSeedModifier, TableWithJoins,
};

use super::super::coded::{self, Form};
use super::super::normal;
use super::{Convert, Made, given, held, strings};

impl Convert<'_> {
    /// An item of FROM. A join's left side is written flat where it has no alias.
    pub(super) fn join_tree(&self, node: &NodeEnum) -> Made<TableWithJoins> {
        let mut joins = Vec::new();
        let mut first = node;
        let mut outermost = true;
        let relation = loop {
            match first {
                NodeEnum::JoinExpr(join) if outermost || join.alias.is_none() => {
                    if join.alias.is_some() {
                        break self.nested(first)?;
                    }
                    joins.push(self.join(join)?);
                    first = given(join.larg.as_deref())?;
                }
                other => break self.factor(other)?,
            }
            outermost = false;
        };
        joins.reverse();
        Ok(TableWithJoins { relation, joins })
    }

    /// A join and what is right of it.
    fn join(&self, join: &JoinExpr) -> Made<Join> {
        let JoinExpr { jointype, is_natural, larg: _, rarg, using_clause, join_using_alias, quals, alias: _, rtindex: _ } = join;
        let mut names: Vec<ObjectName> = Vec::new();
        if let Some(alias) = join_using_alias {
            names.push(vec![self.ident(Form::UsingAlias.name(), -1), self.ident(&alias.aliasname, -1)].into());
        }
        let after = match rarg.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::RangeVar(relation)) => relation.location,
            _ => self.start,
        };
        names.extend(strings(using_clause)?.into_iter().map(|name| self.object_name(&[name], self.place_in_using(name, after))));
        let constraint = match (is_natural, using_clause.is_empty(), quals.as_deref()) {
            (true, true, None) => JoinConstraint::Natural,
            (false, false, None) => JoinConstraint::Using(names),
            (false, true, Some(condition)) => JoinConstraint::On(self.expr(held(condition)?)?),
            (false, true, None) => JoinConstraint::None,
            _ => return self.unread("this join", -1),
        };
        let join_operator = match (JoinType::try_from(*jointype), constraint) {
            (Ok(JoinType::JoinInner), JoinConstraint::None) => JoinOperator::CrossJoin(JoinConstraint::None),
            (Ok(JoinType::JoinInner), constraint) => JoinOperator::Join(constraint),
            (Ok(JoinType::JoinLeft), constraint) => JoinOperator::Left(constraint),
            (Ok(JoinType::JoinRight), constraint) => JoinOperator::Right(constraint),
            (Ok(JoinType::JoinFull), constraint) => JoinOperator::FullOuter(constraint),
            _ => return self.unread("this join", -1),
        };
        Ok(Join { relation: self.factor(given(rarg.as_deref())?)?, global: false, join_operator })
    }

    /// The grammar keeps no place of a name in USING: it is looked for behind the word.
    fn place_in_using(&self, name: &str, after: i32) -> i32 {
        let find = || {
            let from = usize::try_from(after.checked_sub(self.start)?).ok()?;
            let lower = self.text.get(from..)?.to_ascii_lowercase();
            let word = lower.find("using")?;
            let at = from + word + lower.get(word..)?.find(&name.to_ascii_lowercase())?;
            i32::try_from(at).ok()?.checked_add(self.start)
        };
        find().unwrap_or(-1)
    }

    /// A join in brackets, with the alias that it may have.
    fn nested(&self, node: &NodeEnum) -> Made<TableFactor> {
        let NodeEnum::JoinExpr(join) = node else { return self.unread("this join", -1) };
        let mut inner = self.join_tree(given(join.larg.as_deref())?)?;
        inner.joins.push(self.join(join)?);
        Ok(TableFactor::NestedJoin { table_with_joins: Box::new(inner), alias: self.alias(join.alias.as_ref())? })
    }

    fn factor(&self, node: &NodeEnum) -> Made<TableFactor> {
        match node {
            NodeEnum::RangeVar(relation) => self.relation(relation, None),
            NodeEnum::RangeTableSample(sample) => {
                let RangeTableSample { relation, method: _, args: _, repeatable: _, location: _ } = &**sample;
                match given(relation.as_deref())? {
                    NodeEnum::RangeVar(relation) => self.relation(relation, Some(self.sample(sample)?)),
                    _ => self.unread("TABLESAMPLE of this", sample.location),
                }
            }
            NodeEnum::RangeSubselect(derived) => {
                let RangeSubselect { lateral, subquery, alias } = &**derived;
                let subquery = self.subquery(subquery.as_deref())?;
                Ok(TableFactor::Derived { lateral: *lateral, subquery, alias: self.alias(alias.as_ref())?, sample: None })
            }
            NodeEnum::RangeFunction(function) => self.function_in_from(function),
            NodeEnum::RangeTableFunc(table) => self.xml_table(table),
            NodeEnum::JoinExpr(_) => self.nested(node),
            NodeEnum::JsonTable(_) => self.unread("JSON_TABLE", -1),
            _ => self.unread("this in FROM", -1),
        }
    }

    fn relation(&self, relation: &RangeVar, sample: Option<TableSample>) -> Made<TableFactor> {
        let RangeVar { catalogname, schemaname, relname, inh, relpersistence: _, alias, location } = relation;
        let parts: Vec<&str> = [catalogname, schemaname, relname].into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let name = self.object_name(&parts, *location);
        let name = if *inh { name } else { coded::with_only(name) };
        let sample = sample.map(|sample| TableSampleKind::AfterTableAlias(Box::new(sample)));
        Ok(normal::table(name, self.alias(alias.as_ref())?, None, false, sample))
    }

    fn sample(&self, sample: &RangeTableSample) -> Made<TableSample> {
        let RangeTableSample { relation: _, method, args, repeatable, location } = sample;
        let name = match strings(method)?.as_slice() {
            ["bernoulli"] => TableSampleMethod::Bernoulli,
            ["system"] => TableSampleMethod::System,
            _ => return self.unread("this method of TABLESAMPLE", *location),
        };
        let [share] = args.as_slice() else { return self.unread("this TABLESAMPLE", *location) };
        let seed = match repeatable.as_deref().map(|node| self.expr(held(node)?)).transpose()? {
            None => None,
            Some(Expr::Value(value)) => Some(TableSampleSeed { modifier: TableSampleSeedModifier::Repeatable, value }),
            Some(_) => return self.unread("REPEATABLE of an expression", *location),
        };
        Ok(TableSample {
            modifier: TableSampleModifier::TableSample,
            name: Some(name),
            quantity: Some(TableSampleQuantity { parenthesized: true, value: self.expr(held(share)?)?, unit: None }),
            seed,
            bucket: None,
            offset: None,
        })
    }

    fn function_in_from(&self, function: &RangeFunction) -> Made<TableFactor> {
        let RangeFunction { lateral, ordinality, is_rowsfrom, functions, alias, coldeflist } = function;
        let mut calls = Vec::new();
        for item in functions {
            let NodeEnum::List(pair) = held(item)? else { return self.unread("this function in FROM", -1) };
            let [called, definitions] = pair.items.as_slice() else { return self.unread("this function in FROM", -1) };
            let definitions = match &definitions.node {
                None => &[] as &[Node],
                Some(NodeEnum::List(list)) => list.items.as_slice(),
                Some(_) => return self.unread("this function in FROM", -1),
            };
            calls.push((self.expr(held(called)?)?, definitions));
        }
        let mut alias = self.alias(alias.as_ref())?;
        let (name, args) = if *is_rowsfrom {
            let mut args = Vec::new();
            for (call, definitions) in calls {
                let call = if definitions.is_empty() {
                    call
                } else {
                    let mut parts = vec![call];
                    for (column, data_type) in self.definitions(definitions)? {
                        let null = normal::cast_of_null(data_type);
                        parts.push(coded::call(Form::Column, vec![coded::word(&column), null]));
                    }
                    coded::call(Form::Columns, parts)
                };
                args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(call)));
            }
            (self.object_name(&[Form::RowsFrom.name()], -1), args)
        } else {
            let Some((call, [])) = calls.pop() else { return self.unread("this function in FROM", -1) };
            match call {
                Expr::Function(plain)
                    if coded::form(&plain).is_none()
                        && plain.over.is_none()
                        && plain.filter.is_none()
                        && plain.within_group.is_empty()
                        && plain.name.0.iter().all(|part| part.as_ident().is_some_and(|ident| ident.quote_style.is_some()))
                        && matches!(&plain.args, FunctionArguments::List(list)
                            if list.duplicate_treatment.is_none() && list.clauses.is_empty()) =>
                {
                    let FunctionArguments::List(list) = plain.args else { return self.unread("this function in FROM", -1) };
                    (plain.name, list.args)
                }
                other => (self.object_name(&[Form::Item.name()], -1), vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(other))]),
            }
        };
        if !coldeflist.is_empty() {
            let columns = self
                .definitions(coldeflist)?
                .into_iter()
                .map(|(name, data_type)| TableAliasColumnDef { name: self.ident(&name, -1), data_type: Some(data_type) })
                .collect();
            let nameless = || TableAlias { explicit: true, name: self.ident(Form::NoName.name(), -1), columns: Vec::new(), at: None };
            let named = alias.unwrap_or_else(nameless);
            alias = Some(TableAlias { columns, ..named });
        }
        let is_unnest = matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|ident| ident.value == "unnest"));
        let plain = args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) if coded::form_of(e).is_none()));
        if is_unnest && plain && !*lateral && !args.is_empty() {
            let array_exprs = args
                .into_iter()
                .filter_map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                    _ => None,
                })
                .collect();
            return Ok(TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: *ordinality,
            });
        }
        if *lateral {
            return Ok(TableFactor::Function { lateral: true, name, args, with_ordinality: *ordinality, alias });
        }
        let args = Some(TableFunctionArgs { args, settings: None });
        Ok(normal::table(name, alias, args, *ordinality, None))
    }

    fn definitions(&self, nodes: &[Node]) -> Made<Vec<(String, sqlparser::ast::DataType)>> {
        nodes
            .iter()
            .map(|node| {
                let NodeEnum::ColumnDef(column) = held(node)? else { return self.unread("this column definition", -1) };
                let ColumnDef { colname, type_name, coll_clause, constraints, raw_default, location, .. } = &**column;
                if coll_clause.is_some() || !constraints.is_empty() || raw_default.is_some() {
                    return self.unread("a column definition with more than a type", *location);
                }
                Ok((colname.clone(), self.type_name(type_name.as_ref())?))
            })
            .collect()
    }
}
