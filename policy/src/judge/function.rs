//! Function calls: which function is meant, whether the role may call it, and in which order an aggregate sees its rows.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, ObjectName, OrderByExpr,
    Value,
};

use super::build;
use super::expr::InScope;
use super::label::Label;
use super::refuse;
use super::rights::{Rights, is_temporary};
use super::scope::Col;
use super::sealed::{Rewrite, keyed};
use super::{AggregateCall, Judge, channel};
use crate::builtin::functions::{self, SettingRule};
use crate::builtin::settings;
use crate::catalog::{FunctionKind, Volatility};
use crate::read::coded;
use crate::{Refusal, SqlState};

/// What became of a call.
pub(crate) enum Judged {
    /// It stays, with this label.
    Call(Label),
    /// It is answered by this expression instead, of this label.
    Replaced(Box<Expr>, Label),
    /// It is another way to write this column.
    Column(Box<Expr>, Label),
}

/// What is known of a called function.
pub(crate) struct FunctionFacts {
    /// The schema that it is written with.
    pub schema: String,
    /// An aggregate among its forms.
    pub aggregate: bool,
    /// An extension in the search path has functions of that name too.
    pub overloaded: bool,
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
            return Err(refuse::not_yet("form.call", "this form of a call"));
        }
        let parts = self.name_parts(name)?;
        if let Some(form) = coded::form_of_name(name) {
            if filter.is_some() || over.is_some() || !within_group.is_empty() {
                return Err(refuse::unsupported("this form of a call"));
            }
            return self.coded(form, args, scope).map(Judged::Call);
        }
        let quoted = name.0.iter().any(|p| p.as_ident().is_some_and(|i| i.quote_style.is_some()));
        if let [word] = parts.as_slice()
            && !quoted
            && CONSTRUCTS.contains(&word.to_ascii_lowercase().as_str())
        {
            if filter.is_some() || over.is_some() || !within_group.is_empty() {
                return Err(refuse::not_yet("form.call", "this form of a call"));
            }
            let word = word.to_ascii_lowercase();
            let label = self.construct(&word, args, scope)?;
            return match (word.as_str(), &label) {
                ("greatest" | "least", Label::Sealed(s)) => {
                    let (ty, base) = (std::sync::Arc::clone(&s.ty), s.ty.base);
                    let keyed = keyed::extremum(Expr::Function(f.clone()), &ty, base, self.facts.marker())?;
                    Ok(Judged::Replaced(Box::new(keyed), label))
                }
                _ => Ok(Judged::Call(label)),
            };
        }
        let written: Vec<&str> = parts.iter().map(String::as_str).collect();
        let short = parts.last().cloned().unwrap_or_default();
        let list = match args {
            FunctionArguments::List(list) => list,
            FunctionArguments::None => &mut FunctionArgumentList { duplicate_treatment: None, args: vec![], clauses: vec![] },
            FunctionArguments::Subquery(_) => return Err(refuse::not_yet("form.call", "a subquery as a call's only argument")),
        };
        let count = list.args.len().saturating_add(within_group.len());
        let facts = match self.function_facts(&written, Some(count)) {
            Err(unknown) if unknown.id == "function.unknown" => {
                let plain = filter.is_none() && over.is_none() && within_group.is_empty() && list.duplicate_treatment.is_none();
                let plain = plain && list.clauses.is_empty();
                if plain && self.is_literal_cast(&parts, list) {
                    return Err(refuse::not_yet("form.call", "a cast that is written as a call").with_hint("Write CAST('…' AS …)."));
                }
                // `city(c)` is a column where there is no such function (PostgreSQL documentation, 8.16.5).
                let ([name], [FunctionArg::Unnamed(FunctionArgExpr::Expr(row))]) = (name.0.as_slice(), list.args.as_slice()) else {
                    return Err(unknown);
                };
                let field = name.as_ident().map(|field| self.row_field(row, field, scope)).transpose()?.flatten();
                let Some((column, label)) = field.filter(|_| plain) else { return Err(unknown) };
                return Ok(Judged::Column(Box::new(column), label));
            }
            other => other?,
        };
        self.special(&short, &facts, list)?;
        self.note_evaluation_order(&facts, &short, name);

        let usage = format!("function {short}()");
        let is_aggregate_call = facts.aggregate && over.is_none();
        if is_aggregate_call {
            self.in_aggregate = self.in_aggregate.saturating_add(1);
            self.aggregate_calls.push(AggregateCall { depth: scope.map_or(0, |s| s.levels().count()), innermost: None });
        }
        let counts = short == "count" && facts.schema == "pg_catalog" && list.args.len() == 1;
        let judged = self.arguments(counts, list, scope);
        if is_aggregate_call {
            self.in_aggregate = self.in_aggregate.saturating_sub(1);
        }
        let mut labels = judged?;
        let given = labels.len();
        for item in within_group.iter_mut() {
            labels.push(self.expr(&mut item.expr, scope)?);
        }
        let sealed = if facts.schema == "pg_catalog" && (within_group.is_empty() || short == "mode") {
            self.sealed_call(&short, &labels)
        } else {
            self.nothing_sealed(&labels, &usage).map(|()| (Label::Clear, Rewrite::No))
        };
        let (label, rewrite) = sealed.map_err(|refused| match within_group.get(refused.0.wrapping_sub(given)) {
            Some(item) => refused.1.at(self.position(&item.expr)),
            None => Judge::at_argument(refused, list, self),
        })?;
        if short == "any_value" && label.sealed().is_some() {
            // Whichever it is, it is the first in the order by which duplicates are found, which is that of the values themselves.
            list.duplicate_treatment = None;
        }
        if let Some(filter) = filter {
            self.clear(filter, scope, "a FILTER")?;
        }
        let rows_tainted = if is_aggregate_call { self.close_aggregate() } else { self.tainted() };
        let sensitive = functions::order_sensitive_aggregate(&short) && facts.schema == "pg_catalog";
        // Of values that are equal but differ, the first is shown.
        let shows_first = matches!(short.as_str(), "min" | "max") && facts.schema == "pg_catalog" && self.differs_where_equal(list, scope);
        // As many rows as it gives: in a select list too.
        let sets = self.facts.catalog.functions.get(&short).is_some_and(|all| all.iter().any(|f| f.returns_set));
        self.note_flow(sets && self.reads > 0);
        self.note_order(self.reads > 0 && (sensitive || over.is_some()));
        match over {
            Some(window) => self.window(&short, sensitive, facts.aggregate, window, scope)?,
            None if (sensitive || shows_first) && rows_tainted && within_group.is_empty() => self.order_arguments(list, &labels, scope),
            None => {}
        }
        if let Some(sql_type) = facts.veiled {
            let null = build::cast(build::value(Value::Null), super::parse_type(sql_type)?);
            return Ok(Judged::Replaced(Box::new(null), Label::Clear));
        }
        if !facts.overloaded || labels.iter().any(|l| l.sealed().is_some()) {
            *name = build::object_name(&[&facts.schema, &short]);
        }
        if facts.schema == "pg_catalog"
            && let Some(rule) = functions::setting_rule(&short)
            && let Some(guarded) = guarded_setting(f, rule, &self.facts.rights)
        {
            return Ok(Judged::Replaced(Box::new(guarded), Label::Clear));
        }
        if facts.schema == "pg_catalog" && functions::notifies(&short) {
            self.check_channel(f);
        }
        self.by_key(f, label, rewrite, labels.first())
    }

    /// Has the server look at a channel's name that is no literal.
    fn check_channel(&self, f: &mut Function) {
        if let FunctionArguments::List(list) = &mut f.args
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(name))) = list.args.first_mut()
            && literal_text(name).is_none()
        {
            *name = channel::checked(name, self.facts.rights.channels());
        }
    }

    /// `tsquery('a & b')`: where there is no such function, a type's name before a literal is a cast (PostgreSQL documentation, 4.2.9).
    fn is_literal_cast(&self, name: &[String], list: &FunctionArgumentList) -> bool {
        let ([name], [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))]) = (name, list.args.as_slice()) else { return false };
        let Expr::Value(value) = build::bare(argument) else { return false };
        matches!(value.value, Value::SingleQuotedString(_))
            && self.path.iter().any(|schema| !is_temporary(schema) && self.has_type(schema, name))
    }

    /// Writes a call on sealed values so that it goes by the keyed order, where it goes by an order.
    fn by_key(&mut self, f: &Function, label: Label, rewrite: Rewrite, argument: Option<&Label>) -> Result<Judged, Refusal> {
        let distinct = |f: &Function| matches!(&f.args, FunctionArguments::List(list) if list.duplicate_treatment.is_some());
        match (rewrite, &label, argument) {
            (Rewrite::Keyed { .. }, Label::Sealed(gives), Some(argument)) => {
                let ty = argument.sealed().map_or(&gives.ty, |s| &s.ty);
                let keyed = keyed::extremum(Expr::Function(f.clone()), ty, gives.ty.base, self.facts.marker())?;
                Ok(Judged::Replaced(Box::new(keyed), label))
            }
            (Rewrite::No, Label::SealedArray(_), Some(argument)) if distinct(f) && f.over.is_none() => {
                self.no_arrays_of_arrays(argument)?;
                let alias = self.fresh("pgveil_u");
                Ok(Judged::Replaced(Box::new(keyed::distinct_array(f.clone(), &alias, self.facts.marker())), label))
            }
            _ => Ok(Judged::Call(label)),
        }
    }

    /// Remembers the first call that shows in which order rows are read.
    pub(crate) fn note_evaluation_order(&mut self, facts: &FunctionFacts, short: &str, name: &ObjectName) {
        if facts.schema == "pg_catalog" && functions::shows_evaluation_order(short) && self.shows_evaluation_order.is_none() {
            let refusal = self
                .denied_function(short, "shows in which order rows are read, which protected values may decide")
                .with_hint("Call it in a query of its own.")
                .at(self.name_position(name));
            self.shows_evaluation_order = Some(refusal);
        }
    }

    /// An aggregate belongs to the innermost level that its arguments name, and makes that one a single row where it has no
    /// GROUP BY (PostgreSQL documentation, 4.2.7). True where the rows that it takes in are tainted.
    fn close_aggregate(&mut self) -> bool {
        let Some(call) = self.aggregate_calls.pop() else { return true };
        let depth = call.innermost.map_or(call.depth, |n| n.saturating_add(1));
        match self.levels.iter_mut().rev().find(|l| l.depth == depth) {
            Some(level) => {
                level.aggregates = true;
                self.touched > level.touched_before && !level.in_order
            }
            None => true,
        }
    }

    /// Which function is meant and whether the role may call it.
    pub(crate) fn function_facts(&self, name: &[&str], count: Option<usize>) -> Result<FunctionFacts, Refusal> {
        let (schema, short) = match name {
            [short] => (None, *short),
            [schema, short] => (Some(*schema), *short),
            _ => return Err(refuse::not_yet("form.call", "this function name")),
        };
        let fits = |f: &&crate::catalog::Function| {
            count.is_none_or(|n| {
                n >= usize::from(f.arguments.0).saturating_sub(usize::from(f.variadic)) && (f.variadic || n <= usize::from(f.arguments.1))
            })
        };
        let all = self.facts.catalog.functions.get(short).map(Vec::as_slice).unwrap_or_default();
        // Postgres looks for functions in pg_temp only where they are named with it (PostgreSQL documentation, 20.11.1).
        let visible = |f: &&crate::catalog::Function| match schema {
            Some("pg_temp") => is_temporary(&f.schema) && self.path.contains(&f.schema),
            Some(s) => f.schema == s,
            None => self.path.contains(&f.schema) && !is_temporary(&f.schema),
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
        let mut foreign = candidates.iter().filter(|f| f.schema != "pg_catalog");
        let overloaded = of_postgres && foreign.clone().next().is_some();
        // An extension's own overload, such as citext's max(citext), is found by Postgres, by the types of the arguments.
        if let (true, Some(other)) = (of_postgres, foreign.find(|f| !(f.trusted_language && f.volatility == Volatility::Immutable))) {
            return Err(self
                .denied_function(
                    &format!("{}.{short}", other.schema),
                    "has the name of one of Postgres' own functions and is in the search path",
                )
                .with_hint(format!("Write pg_catalog.{short}(…) for Postgres' own.")));
        }
        if of_postgres {
            let veiled = functions::veiled(short);
            let allowed = candidates.iter().all(|f| match f.volatility {
                Volatility::Immutable => !functions::immutable_refused(short),
                Volatility::Stable | Volatility::Volatile => functions::stable_or_volatile_allowed(short),
            });
            if !allowed && veiled.is_none() && functions::setting_rule(short).is_none() && !functions::notifies(short) {
                return Err(match functions::why_refused(short) {
                    Some(why) => self.denied_function(short, "is refused").with_detail(format!("Rule: built in; {why}.")),
                    None => self
                        .denied_function(short, "is not known to pgveil")
                        .with_detail("Rule: built in; a function that reads more than its arguments is only called if it is on a list."),
                }
                .with_hint("Write the query without it, or ask for a role without masks."));
            }
            let aggregate = candidates.iter().any(|f| f.kind == FunctionKind::Aggregate);
            return Ok(FunctionFacts { schema: "pg_catalog".into(), aggregate, veiled, overloaded });
        }
        for f in &candidates {
            let built_in = f.schema == "information_schema" && functions::information_schema_allowed(short);
            let named = built_in || self.facts.may_call(&f.schema, short);
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
        Ok(FunctionFacts { schema: first.schema.clone(), aggregate, veiled: None, overloaded: false })
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
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e))) => literal_text(e),
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
                if let Some(setting) = literal(0)
                    && self.facts.rights.never_writes()
                    && settings::lifts_read_only(&setting, literal(1).as_deref())
                {
                    return Err(self.facts.rights.stays_read_only(self.role));
                }
                if let Some(setting) = literal(0) {
                    self.facts.rights.lasts(&setting, literal(1).as_deref())?;
                }
                let Some(setting) = literal(0) else {
                    // Found out at run time, as for current_setting; search_path is never among the names.
                    return match list.args.first() {
                        Some(name) if steady(name) => Ok(()),
                        _ => Err(self.denied_function("set_config", "needs the setting's name as a literal, parameter or column")),
                    };
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
            "pg_notify" => match literal(0) {
                Some(channel) => self.facts.rights.hears(&channel, self.role),
                None if self.facts.rights.channels().is_empty() => {
                    let message = format!("no channel is open to role {}", self.role);
                    Err(Refusal::new(SqlState::DENIED, "channel.denied", message)
                        .with_hint(format!("The policy opens channels with `channels = […]` in [role.{}].", self.role)))
                }
                // Found out at run time: see `channel::checked`.
                None if list.args.first().is_some_and(steady) => Ok(()),
                None => Err(self.denied_function("pg_notify", "needs the channel's name as a literal, parameter or column")),
            },
            _ => Ok(()),
        }
    }
}

fn literal_text(e: &Expr) -> Option<String> {
    match build::bare(e) {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) => Some(s.clone()),
            _ => None,
        },
        _ => None,
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

/// A setting whose name is not known yet (a parameter, a column): NULL, and nothing set, where it may not be shown or set.
/// `None` for a literal.
fn guarded_setting(f: &Function, rule: SettingRule, rights: &Rights) -> Option<Expr> {
    let FunctionArguments::List(list) = &f.args else { return None };
    let argument = |index: usize| match list.args.get(index) {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(e))) => Some(e),
        _ => None,
    };
    let name = argument(0)?;
    if literal_text(name).is_some() {
        return None;
    }
    let value = argument(1).and_then(literal_text);
    let allowed = |setting: &&str| match (rule, &value) {
        (SettingRule::Shows, _) => true,
        (SettingRule::Sets, _) if *setting == "search_path" => false,
        (SettingRule::Sets, value) if rights.lasts(setting, value.as_deref()).is_err() => false,
        (SettingRule::Sets, value) if rights.never_writes() && settings::lifts_read_only(setting, value.as_deref()) => false,
        (SettingRule::Sets, Some(value)) => settings::may_set_config(setting, value).is_ok(),
        (SettingRule::Sets, None) => settings::may_set_anything(setting).is_ok(),
    };
    let shown =
        settings::all_shown().filter(allowed).map(|s| build::as_text(build::value(Value::SingleQuotedString(s.to_owned())))).collect();
    let condition = Expr::InList {
        expr: Box::new(build::call(&["pg_catalog", "lower"], vec![build::as_text(name.clone())])),
        list: shown,
        negated: false,
    };
    Some(build::case_when(condition, Expr::Function(f.clone())))
}

impl Judge<'_> {
    /// Values of the only argument can be equal and differ all the same.
    fn differs_where_equal(&self, list: &FunctionArgumentList, scope: InScope) -> bool {
        match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(e))] => {
                !matches!(build::bare(e), Expr::Value(_)) && !self.exact(&Col { ty: self.type_of(e, scope), ..Col::clear("") })
            }
            _ => false,
        }
    }

    /// Gives an aggregate whose result depends on its rows' order one that depends on nothing else: its own arguments'.
    fn order_arguments(&self, list: &mut FunctionArgumentList, labels: &[Label], scope: InScope) {
        if list.duplicate_treatment.is_some() {
            return;
        }
        let key = |(a, label): (&FunctionArg, &Label)| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => match build::bare(e) {
                Expr::Value(_) => None,
                _ => Some(self.tie_break(e.clone(), &Col { ty: self.type_of(e, scope), label: label.clone(), ..Col::clear("") })),
            },
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => Some(build::bytewise(build::row(name.clone()))),
            _ => None,
        };
        let keys: Vec<OrderByExpr> = list.args.iter().zip(labels).filter_map(key).map(build::ascending).collect();
        for clause in &mut list.clauses {
            if let FunctionArgumentClause::OrderBy(items) = clause {
                for key in keys {
                    if !items.iter().any(|i| build::bare(&i.expr) == build::bare(&key.expr)) {
                        items.push(key);
                    }
                }
                return;
            }
        }
        if !keys.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(keys));
        }
    }
}
