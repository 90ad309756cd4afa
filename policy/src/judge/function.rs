//! Function calls: which may be made, on what, and in which order aggregates and windows see their rows.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, ObjectName, OrderByExpr,
    SelectItemQualifiedWildcardKind, Value, WindowFrameUnits, WindowSpec, WindowType,
};

use super::build;
use super::expr::InScope;
use super::label::Label;
use super::refuse;
use super::{Judge, Reach};
use crate::builtin::{functions, settings};
use crate::catalog::{FunctionKind, Volatility};
use crate::{Refusal, SqlState};

/// What became of a call.
pub(crate) enum Judged {
    /// It stays, with this label.
    Call(Label),
    /// It is answered by this expression instead.
    Replaced(Box<Expr>),
}

/// A placeholder while a call is taken out of its place.
pub(crate) fn nothing() -> Function {
    Function {
        name: ObjectName(vec![]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }
}

/// What is known of a called function.
pub(crate) struct FunctionFacts {
    /// The schema that it is written with.
    pub schema: String,
    /// An aggregate among its forms.
    pub aggregate: bool,
    /// The SQL type it is answered NULL with, where its result would show physical facts.
    pub veiled: Option<&'static str>,
}

/// Grammar that looks like a call; names as sqlparser leaves them, unquoted.
const CONSTRUCTS: [&str; 18] = [
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "grouping",
    "row",
    "array",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_user",
    "session_user",
    "user",
    "current_role",
    "current_catalog",
    "current_schema",
];

impl Judge<'_> {
    /// Judges a call.
    pub(crate) fn function(&mut self, f: &mut Function, scope: InScope) -> Result<Judged, Refusal> {
        let Function { name, uses_odbc_syntax, parameters, args, filter, null_treatment, over, within_group } = f;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) || null_treatment.is_some() {
            return Err(refuse::unsupported("this form of a call"));
        }
        let parts = self.name_parts(name)?;
        let quoted = name.0.iter().any(|p| p.as_ident().is_some_and(|i| i.quote_style.is_some()));
        if let [word] = parts.as_slice()
            && !quoted
            && CONSTRUCTS.contains(&word.to_ascii_lowercase().as_str())
        {
            if filter.is_some() || over.is_some() || !within_group.is_empty() {
                return Err(refuse::unsupported("this form of a call"));
            }
            return self.construct(&word.to_ascii_lowercase(), args, scope).map(Judged::Call);
        }
        let written: Vec<&str> = parts.iter().map(String::as_str).collect();
        let short = parts.last().cloned().unwrap_or_default();
        let list = match args {
            FunctionArguments::List(list) => list,
            FunctionArguments::None => &mut FunctionArgumentList { duplicate_treatment: None, args: vec![], clauses: vec![] },
            FunctionArguments::Subquery(_) => return Err(refuse::unsupported("a subquery as a call's only argument")),
        };
        let count = list.args.len().saturating_add(within_group.len());
        let facts = self.function_facts(&written, Some(count))?;
        self.special(&short, &facts, list)?;
        self.evaluation_order(&facts.schema, &short);

        let usage = format!("function {short}()");
        let is_aggregate_call = facts.aggregate && over.is_none();
        if is_aggregate_call {
            self.in_aggregate = self.in_aggregate.saturating_add(1);
            let written = scope.map_or(0, |s| s.levels().count());
            self.reaches.push(Reach { written, deepest: None });
        }
        let counts = short == "count" && facts.schema == "pg_catalog" && list.args.len() == 1;
        let judged = self.arguments(counts, list, scope, &usage);
        if is_aggregate_call {
            self.in_aggregate = self.in_aggregate.saturating_sub(1);
            if let Some(level) = self.levels.last_mut() {
                level.aggregates = true;
            }
        }
        judged?;
        for item in within_group.iter_mut() {
            self.clear(&mut item.expr, scope, &usage)?;
        }
        if let Some(filter) = filter {
            self.clear(filter, scope, "a FILTER")?;
        }
        if is_aggregate_call
            && let Some(Reach { written, deepest: Some(deepest) }) = self.reaches.pop()
            && deepest < written
        {
            // It sees the rows of a level around it, whose order and grouping are judged there.
            return Err(refuse::unsupported(&format!("the aggregate {short}() of an outer query's columns alone"))
                .with_hint("Compute it in the outer query, in a subquery in FROM, and use its result here."));
        }
        let sensitive = functions::order_sensitive_aggregate(&short) && facts.schema == "pg_catalog";
        match over {
            Some(window) => self.window(&short, sensitive, facts.aggregate, window, scope)?,
            None if sensitive && self.tainted() && within_group.is_empty() => order_arguments(list),
            None => {}
        }
        if let Some(sql_type) = facts.veiled {
            let null = build::cast(build::value(Value::Null), super::parse_type(sql_type)?);
            return Ok(Judged::Replaced(Box::new(null)));
        }
        *name = build::object_name(&[&facts.schema, &short]);
        if facts.schema == "pg_catalog"
            && short == "current_setting"
            && let Some(guarded) = guarded_setting(f)
        {
            return Ok(Judged::Replaced(Box::new(guarded)));
        }
        Ok(Judged::Call(Label::Clear))
    }

    /// Which function is meant and whether the role may call it.
    pub(crate) fn function_facts(&self, name: &[&str], count: Option<usize>) -> Result<FunctionFacts, Refusal> {
        let (schema, short) = match name {
            [short] => (None, *short),
            [schema, short] => (Some(*schema), *short),
            _ => return Err(refuse::unsupported("this function name")),
        };
        let fits = |f: &&crate::catalog::Function| {
            count.is_none_or(|n| {
                n >= usize::from(f.arguments.0).saturating_sub(usize::from(f.variadic)) && (f.variadic || n <= usize::from(f.arguments.1))
            })
        };
        let all = self.facts.catalog.functions.get(short).map(Vec::as_slice).unwrap_or_default();
        let visible = |f: &&crate::catalog::Function| match schema {
            Some(s) => f.schema == s,
            None => self.path.contains(&f.schema),
        };
        let candidates: Vec<_> = all.iter().filter(visible).filter(fits).collect();
        let Some(first) = candidates.first() else {
            return Err(Refusal::new(
                SqlState::UNDEFINED_FUNCTION,
                "function.unknown",
                format!("function {} does not exist", name.join(".")),
            )
            .with_hint("No function of that name and number of arguments is in the search path."));
        };
        let of_postgres = candidates.iter().any(|f| f.schema == "pg_catalog");
        let foreign = candidates.iter().find(|f| f.schema != "pg_catalog");
        if let (true, Some(other)) = (of_postgres, foreign) {
            return Err(self.denied_function(
                &format!("{}.{short}", other.schema),
                "has the name of one of Postgres' own functions and is in the search path",
            ));
        }
        if of_postgres {
            let veiled = functions::veiled(short);
            let allowed = candidates.iter().all(|f| match f.volatility {
                Volatility::Immutable => !functions::immutable_refused(short),
                Volatility::Stable | Volatility::Volatile => functions::stable_or_volatile_allowed(short),
            });
            if !allowed && veiled.is_none() && !matches!(short, "set_config" | "current_setting") {
                return Err(self.denied_function(short, "is not one of the functions that are known to show no protected data"));
            }
            let aggregate = candidates.iter().any(|f| f.kind == FunctionKind::Aggregate);
            return Ok(FunctionFacts { schema: "pg_catalog".into(), aggregate, veiled });
        }
        for f in &candidates {
            let named = self.facts.may_call(&f.schema, short);
            let harmless = f.trusted_language && f.volatility == Volatility::Immutable;
            if !(named || harmless) || f.kind == FunctionKind::Procedure {
                return Err(self
                    .denied_function(&format!("{}.{short}", f.schema), "may run any code")
                    .with_hint(format!("Name it under functions in [role.{}] of the policy if it shows no protected data.", self.role)));
            }
        }
        if candidates.iter().any(|f| f.schema != first.schema) {
            return Err(self.denied_function(short, "exists in more than one schema of the search path").with_hint("Write its schema."));
        }
        let aggregate = candidates.iter().any(|f| f.kind == FunctionKind::Aggregate);
        Ok(FunctionFacts { schema: first.schema.clone(), aggregate, veiled: None })
    }

    /// Notes a call that shows in which order rows are come to. Where it stands does not matter: a subquery is evaluated
    /// again for each row of what it is joined with.
    pub(crate) fn evaluation_order(&mut self, schema: &str, short: &str) {
        if schema == "pg_catalog" && functions::shows_evaluation_order(short) && self.shows_evaluation.is_none() {
            let refusal = self
                .denied_function(short, "shows in which order rows are read, which protected values may decide")
                .with_hint("Call it in a query of its own, without protected relations.");
            self.shows_evaluation = Some(refusal);
        }
    }

    fn denied_function(&self, name: &str, why: &str) -> Refusal {
        Refusal::new(SqlState::DENIED, "function.denied", format!("function {name}() {why}; role {} may not call it", self.role))
    }

    /// Calls that are judged by the value of an argument.
    fn special(&mut self, short: &str, facts: &FunctionFacts, list: &FunctionArgumentList) -> Result<(), Refusal> {
        if facts.schema != "pg_catalog" {
            return Ok(());
        }
        let literal = |index: usize| match list.args.get(index) {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e))) => match build::bare(e) {
                Expr::Value(v) => match &v.value {
                    Value::SingleQuotedString(s) => Some(s.clone()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        match short {
            "current_setting" => match literal(0) {
                Some(setting) if settings::may_show(&setting) => Ok(()),
                Some(setting) => Err(self.denied_function("current_setting", &format!("of \"{setting}\" may show secrets"))),
                // Asked for at run time: see `guarded_setting`. There its name is written twice, so that it must be the same twice.
                None if list.args.first().is_some_and(steady) => Ok(()),
                None => Err(self.denied_function("current_setting", "needs the setting's name as a literal, parameter or column")),
            },
            "set_config" => {
                let Some(setting) = literal(0) else {
                    return Err(self.denied_function("set_config", "needs the setting's name as a literal"));
                };
                let allowed = match literal(1) {
                    Some(value) => settings::may_set_config(&setting, &value),
                    None => settings::may_set_anything(&setting),
                };
                allowed.map_err(|why| self.denied_function("set_config", "is refused here").with_detail(why))?;
                if setting.eq_ignore_ascii_case("search_path") {
                    self.moves_search_path = true;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `counts`: it is Postgres' own count of one argument, which shows no more than whether that is NULL, or equality.
    fn arguments(&mut self, counts: bool, list: &mut FunctionArgumentList, scope: InScope, usage: &str) -> Result<(), Refusal> {
        for arg in &mut list.args {
            let inner = match arg {
                FunctionArg::Unnamed(inner) | FunctionArg::Named { arg: inner, .. } => inner,
                FunctionArg::ExprNamed { .. } => return Err(refuse::unsupported("this way of naming an argument")),
            };
            match inner {
                FunctionArgExpr::Expr(e) if counts => {
                    self.expr(e, scope)?;
                }
                FunctionArgExpr::Expr(e) => self.clear(e, scope, usage)?,
                FunctionArgExpr::Wildcard if counts => {}
                FunctionArgExpr::QualifiedWildcard(name) => {
                    self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                }
                _ => return Err(refuse::unsupported("* as an argument")),
            }
        }
        for clause in &mut list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) => {
                    for item in items {
                        self.clear(&mut item.expr, scope, usage)?;
                    }
                }
                _ => return Err(refuse::unsupported("this clause in a call")),
            }
        }
        Ok(())
    }

    fn construct(&mut self, word: &str, args: &mut FunctionArguments, scope: InScope) -> Result<Label, Refusal> {
        if let ("array", FunctionArguments::Subquery(query)) = (word, &mut *args) {
            let cols = self.subquery(query, scope, true)?;
            return match cols.iter().find_map(|c| c.label.sealed()) {
                Some(s) => Err(refuse::sealed_use(self.role, s, "an array")),
                None => Ok(Label::Clear),
            };
        }
        let list = match args {
            FunctionArguments::None => return Ok(Label::Clear),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(refuse::unsupported("a subquery here")),
        };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(refuse::unsupported("this form of a call"));
        }
        let mut label = Label::Null;
        for arg in &mut list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => match word {
                    "coalesce" | "nullif" => {
                        let next = self.expr(e, scope)?;
                        label = self.join(label, next, e, &word.to_ascii_uppercase())?;
                    }
                    "grouping" => {
                        self.expr(e, scope)?;
                        label = Label::Clear;
                    }
                    other => {
                        self.clear(e, scope, &other.to_ascii_uppercase())?;
                        label = Label::Clear;
                    }
                },
                FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) if word == "row" => {
                    self.qualified_row(&SelectItemQualifiedWildcardKind::ObjectName(name.clone()), scope)?;
                    label = Label::Clear;
                }
                _ => return Err(refuse::unsupported("this argument")),
            }
        }
        Ok(label)
    }

    /// A window call: PARTITION BY may be sealed, the order must not depend on what is protected.
    fn window(&mut self, short: &str, sensitive: bool, aggregate: bool, window: &mut WindowType, scope: InScope) -> Result<(), Refusal> {
        let by_row = functions::row_order_window(short);
        match window {
            WindowType::WindowSpec(spec) => {
                self.window_spec(spec, scope)?;
                if !self.tainted() {
                    return Ok(());
                }
                let rows_frame = spec.window_frame.as_ref().is_some_and(|f| f.units == WindowFrameUnits::Rows);
                let groups_frame = spec.window_frame.as_ref().is_some_and(|f| f.units != WindowFrameUnits::Rows);
                let safe_to_order = rows_frame && !functions::peer_safe_window(short)
                    || matches!(short, "row_number" | "ntile" | "lag" | "lead" | "first_value");
                if spec.window_name.is_some() && (by_row || sensitive || rows_frame) {
                    return Err(refuse::unsupported("a window that builds on a named one, over protected relations,"));
                }
                if safe_to_order && !(groups_frame && short == "first_value") {
                    let keys = self.row_identity();
                    spec.order_by.extend(keys.into_iter().map(build::ascending));
                    return Ok(());
                }
                if by_row || sensitive || !(aggregate || functions::peer_safe_window(short)) {
                    return Err(Refusal::new(
                        SqlState::UNSUPPORTED,
                        "order.window",
                        format!("{short}() over this window depends on the order of rows that are equal in it"),
                    )
                    .with_hint("Give the window a frame in ROWS, or use the function as a plain aggregate with ORDER BY."));
                }
                Ok(())
            }
            WindowType::NamedWindow(name) => {
                let ordered = self.levels.last().is_some_and(|l| l.ordered_windows.contains(&name.value));
                if self.tainted() && !ordered && (by_row || sensitive || self.levels.last().is_some_and(|l| l.named_rows_frame)) {
                    return Err(refuse::unsupported(&format!("{short}() over a named window, over protected relations,"))
                        .with_hint("Write the window out after OVER."));
                }
                Ok(())
            }
        }
    }

    /// A window's own clauses.
    pub(crate) fn window_spec(&mut self, spec: &mut WindowSpec, scope: InScope) -> Result<(), Refusal> {
        for e in &mut spec.partition_by {
            self.expr(e, scope)?;
        }
        for item in &mut spec.order_by {
            self.order_item(item, scope)?;
        }
        if let Some(frame) = &mut spec.window_frame {
            for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
                match bound {
                    sqlparser::ast::WindowFrameBound::Preceding(Some(e)) | sqlparser::ast::WindowFrameBound::Following(Some(e)) => {
                        self.clear(e, scope, "a window frame")?;
                    }
                    sqlparser::ast::WindowFrameBound::CurrentRow
                    | sqlparser::ast::WindowFrameBound::Preceding(None)
                    | sqlparser::ast::WindowFrameBound::Following(None) => {}
                }
            }
        }
        Ok(())
    }

    /// An ORDER BY item that is an expression: sealed values get their keyed order.
    pub(crate) fn order_item(&mut self, item: &mut OrderByExpr, scope: InScope) -> Result<(), Refusal> {
        if item.with_fill.is_some() {
            return Err(refuse::unsupported("WITH FILL"));
        }
        if let Label::Sealed(_) = self.expr(&mut item.expr, scope)? {
            item.expr = build::keyed(item.expr.clone(), self.facts.marker());
        }
        Ok(())
    }
}

/// A parameter or column, cast or not: the same value wherever it is written.
fn steady(arg: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg else { return false };
    let mut e = build::bare(e);
    while let Expr::Cast { expr, .. } = e {
        e = build::bare(expr);
    }
    matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_))
}

/// A setting whose name is not known yet (a parameter, a column): NULL where it may not be shown. `None` for a literal.
fn guarded_setting(f: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &f.args else { return None };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(name))) = list.args.first() else { return None };
    if matches!(build::bare(name), Expr::Value(v) if matches!(v.value, Value::SingleQuotedString(_))) {
        return None;
    }
    let shown = settings::all_shown().map(|s| build::as_text(build::value(Value::SingleQuotedString(s.to_owned())))).collect();
    let condition = Expr::InList { expr: Box::new(build::call("lower", vec![build::as_text(name.clone())])), list: shown, negated: false };
    Some(build::case_when(condition, Expr::Function(f.clone())))
}

/// Gives an aggregate whose result depends on its rows' order one that depends on nothing else: its own arguments'.
fn order_arguments(list: &mut FunctionArgumentList) {
    if list.duplicate_treatment.is_some() {
        return;
    }
    let keys: Vec<OrderByExpr> = list
        .args
        .iter()
        .filter_map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => match build::bare(e) {
                Expr::Value(_) => None,
                _ => Some(build::ascending(build::bytewise(e.clone()))),
            },
            _ => None,
        })
        .collect();
    for clause in &mut list.clauses {
        if let FunctionArgumentClause::OrderBy(items) = clause {
            items.extend(keys);
            return;
        }
    }
    if !keys.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(keys));
    }
}
