//! Calls of functions, and the windows behind them.

use pg_query::NodeEnum;
use pg_query::protobuf::{CoercionForm, FuncCall, NamedArgExpr, WindowDef};
use sqlparser::ast::{
    DateTimeField, DuplicateTreatment, Expr, ExtractSyntax, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, NormalizationForm, TrimWhereField, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};

use super::super::coded::{self, Form};
use super::super::normal;
use super::{Convert, Made, given, held, strings};

impl Convert<'_> {
    pub(super) fn call(&self, call: &FuncCall) -> Made<Expr> {
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group,
            agg_star,
            agg_distinct,
            func_variadic,
            funcformat,
            location,
        } = call;
        let name = strings(funcname)?;
        match CoercionForm::try_from(*funcformat) {
            Ok(CoercionForm::CoerceExplicitCall) => {}
            Ok(CoercionForm::CoerceSqlSyntax) => return self.sql_syntax(call, &name),
            _ => return self.unread("this form of a call", *location),
        }
        let mut made = args.iter().map(|arg| self.argument(held(arg)?)).collect::<Made<Vec<_>>>()?;
        if *agg_star {
            made.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
        }
        if *func_variadic {
            let last = match made.pop() {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(array))) => coded::call(Form::Variadic, vec![array]),
                Some(FunctionArg::Named { name, arg: FunctionArgExpr::Expr(array), .. }) => {
                    coded::call(Form::VariadicNamed, vec![coded::word(&name.value), array])
                }
                _ => return self.unread("this VARIADIC", *location),
            };
            made.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(last)));
        }
        let order = self.sort(agg_order)?;
        let (within_group, clauses) = match (*agg_within_group, order.is_empty()) {
            (true, _) => (order, Vec::new()),
            (false, true) => (Vec::new(), Vec::new()),
            (false, false) => (Vec::new(), vec![FunctionArgumentClause::OrderBy(order)]),
        };
        let mut function = normal::call(self.object_name(&name, *location), Vec::new());
        function.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: agg_distinct.then_some(DuplicateTreatment::Distinct),
            args: made,
            clauses,
        });
        function.within_group = within_group;
        function.filter = agg_filter.as_deref().map(|node| self.expr(held(node)?).map(Box::new)).transpose()?;
        function.over = over.as_deref().map(|window| self.over(window)).transpose()?;
        Ok(Expr::Function(function))
    }

    pub(super) fn argument(&self, node: &NodeEnum) -> Made<FunctionArg> {
        match node {
            NodeEnum::NamedArgExpr(named) => {
                let NamedArgExpr { xpr: _, arg, name, argnumber: _, location } = &**named;
                let arg = FunctionArgExpr::Expr(self.expr(given(arg.as_deref())?)?);
                Ok(FunctionArg::Named { name: self.ident(name, *location), arg, operator: FunctionArgOperator::RightArrow })
            }
            NodeEnum::ColumnRef(column) => Ok(FunctionArg::Unnamed(match self.starred(column)? {
                Some(name) if name.0.is_empty() => FunctionArgExpr::Wildcard,
                Some(name) => FunctionArgExpr::QualifiedWildcard(name),
                None => FunctionArgExpr::Expr(self.expr(node)?),
            })),
            other => Ok(FunctionArg::Unnamed(FunctionArgExpr::Expr(self.expr(other)?))),
        }
    }

    /// Calls that the grammar makes of a syntax of their own.
    fn sql_syntax(&self, call: &FuncCall, name: &[&str]) -> Made<Expr> {
        let FuncCall {
            funcname: _,
            args,
            agg_order,
            agg_filter: None,
            over: None,
            agg_within_group: false,
            agg_star: false,
            agg_distinct: false,
            func_variadic: false,
            funcformat: _,
            location,
        } = call
        else {
            return self.unread("this form of a call", call.location);
        };
        let ["pg_catalog", name] = name else { return self.unread("this form of a call", *location) };
        if !agg_order.is_empty() {
            return self.unread("this form of a call", *location);
        }
        let args = self.exprs(args)?;
        let unread = || self.unread::<Expr>(&format!("this form of {name}"), *location);
        let mut args = args.into_iter();
        let (first, second, third, fourth, more) = (args.next(), args.next(), args.next(), args.next(), args.next());
        if more.is_some() {
            return unread();
        }
        Ok(match (*name, first, second, third, fourth) {
            ("timezone", Some(zone), Some(time), None, None) => Expr::AtTimeZone { timestamp: Box::new(time), time_zone: Box::new(zone) },
            ("timezone", Some(time), None, None, None) => coded::call(Form::AtLocal, vec![time]),
            ("extract", Some(field), Some(from), None, None) => {
                let Some(field) = coded::as_word(&field).map(date_field) else { return unread() };
                Expr::Extract { field, syntax: ExtractSyntax::From, expr: Box::new(from) }
            }
            ("overlay", Some(of), Some(what), Some(from), length) => Expr::Overlay {
                expr: Box::new(of),
                overlay_what: Box::new(what),
                overlay_from: Box::new(from),
                overlay_for: length.map(Box::new),
            },
            ("position", Some(of), Some(what), None, None) => Expr::Position { expr: Box::new(what), r#in: Box::new(of) },
            ("substring", Some(of), Some(from), length, None) => Expr::Substring {
                expr: Box::new(of),
                substring_from: Some(Box::new(from)),
                substring_for: length.map(Box::new),
                special: false,
                shorthand: false,
            },
            ("btrim" | "ltrim" | "rtrim", Some(of), what, None, None) => {
                let trim_where = match *name {
                    "ltrim" => Some(TrimWhereField::Leading),
                    "rtrim" => Some(TrimWhereField::Trailing),
                    _ if what.is_some() => Some(TrimWhereField::Both),
                    _ => None,
                };
                Expr::Trim { trim_where, trim_what: what.map(Box::new), expr: Box::new(of), trim_characters: None }
            }
            ("pg_collation_for", Some(of), None, None, None) => coded::call(Form::CollationFor, vec![of]),
            ("normalize", Some(of), form, None, None) => coded::call(Form::Normalize, [of].into_iter().chain(form).collect()),
            ("is_normalized", Some(of), form, None, None) => {
                let form = match form.as_ref().map(coded::as_word) {
                    None => None,
                    Some(Some("NFC")) => Some(NormalizationForm::NFC),
                    Some(Some("NFD")) => Some(NormalizationForm::NFD),
                    Some(Some("NFKC")) => Some(NormalizationForm::NFKC),
                    Some(Some("NFKD")) => Some(NormalizationForm::NFKD),
                    Some(_) => return unread(),
                };
                Expr::IsNormalized { expr: Box::new(of), form, negated: false }
            }
            ("xmlexists", Some(path), Some(of), None, None) => coded::call(Form::XmlExists, vec![path, of]),
            ("overlaps", Some(a), Some(b), Some(c), Some(d)) => Expr::BinaryOp {
                left: Box::new(Expr::Tuple(vec![a, b])),
                op: sqlparser::ast::BinaryOperator::Overlaps,
                right: Box::new(Expr::Tuple(vec![c, d])),
            },
            ("system_user", None, None, None, None) => {
                return self.unread(
                    "system_user, which is a column's name in PostgreSQL 15 and a word of the grammar in later versions",
                    *location,
                );
            }
            _ => return unread(),
        })
    }

    fn over(&self, window: &WindowDef) -> Made<WindowType> {
        Ok(match window.name.as_str() {
            "" => WindowType::WindowSpec(self.window_spec(window)?),
            name => WindowType::NamedWindow(self.ident(name, window.location)),
        })
    }

    pub(super) fn window_spec(&self, window: &WindowDef) -> Made<WindowSpec> {
        let WindowDef { name: _, refname, partition_clause, order_clause, frame_options, start_offset, end_offset, location } = window;
        let frame = FrameOptions(*frame_options);
        let window_frame = if frame.has(NON_DEFAULT) {
            let offset = |node: Option<&pg_query::protobuf::Node>| -> Made<Option<Expr>> {
                node.map(|node| {
                    let expr = self.expr(held(node)?)?;
                    // sqlparser takes a string here for an interval.
                    let text = coded::as_word(&expr).is_some();
                    Ok(if text { coded::call(Form::Item, vec![expr]) } else { expr })
                })
                .transpose()
            };
            let units = match (frame.has(RANGE), frame.has(ROWS), frame.has(GROUPS)) {
                (true, false, false) => WindowFrameUnits::Range,
                (false, true, false) => WindowFrameUnits::Rows,
                (false, false, true) => WindowFrameUnits::Groups,
                _ => return self.unread("this window's frame", *location),
            };
            let Some(start) = frame.start(offset(start_offset.as_deref())?) else {
                return self.unread("this window's frame", *location);
            };
            let Some(end) = frame.end(offset(end_offset.as_deref())?) else { return self.unread("this window's frame", *location) };
            let exclusion = frame.exclusion();
            let (start_bound, end_bound) = match (exclusion, frame.has(BETWEEN)) {
                (None, true) => (start, Some(end)),
                (None, false) => (start, None),
                (Some(words), true) => (start, Some(excluding(end, words))),
                (Some(words), false) => (excluding(start, words), None),
            };
            Some(WindowFrame { units, start_bound, end_bound })
        } else {
            None
        };
        Ok(WindowSpec {
            window_name: (!refname.is_empty()).then(|| self.ident(refname, *location)),
            partition_by: self.exprs(partition_clause)?,
            order_by: self.sort(order_clause)?,
            window_frame,
        })
    }
}

/// A bound with EXCLUDE behind it.
fn excluding(bound: WindowFrameBound, words: &str) -> WindowFrameBound {
    let plain = |bound: &str| {
        let call = coded::call(Form::ExcludeWords, vec![coded::word(bound), coded::word(words)]);
        WindowFrameBound::Following(Some(Box::new(call)))
    };
    let with = |e: Expr| Some(Box::new(coded::call(Form::Exclude, vec![e, coded::word(words)])));
    match bound {
        WindowFrameBound::CurrentRow => plain("CURRENT ROW"),
        WindowFrameBound::Preceding(None) => plain("UNBOUNDED PRECEDING"),
        WindowFrameBound::Following(None) => plain("UNBOUNDED FOLLOWING"),
        WindowFrameBound::Preceding(Some(e)) => WindowFrameBound::Preceding(with(*e)),
        WindowFrameBound::Following(Some(e)) => WindowFrameBound::Following(with(*e)),
    }
}

// Bits of `WindowDef.frameOptions` (nodes/parsenodes.h).
const NON_DEFAULT: i32 = 0x1;
const RANGE: i32 = 0x2;
const ROWS: i32 = 0x4;
const GROUPS: i32 = 0x8;
const BETWEEN: i32 = 0x10;
const START_UNBOUNDED_PRECEDING: i32 = 0x20;
const END_UNBOUNDED_FOLLOWING: i32 = 0x100;
const START_CURRENT_ROW: i32 = 0x200;
const END_CURRENT_ROW: i32 = 0x400;
const START_OFFSET_PRECEDING: i32 = 0x800;
const END_OFFSET_PRECEDING: i32 = 0x1000;
const START_OFFSET_FOLLOWING: i32 = 0x2000;
const END_OFFSET_FOLLOWING: i32 = 0x4000;
const EXCLUDE_CURRENT_ROW: i32 = 0x8000;
const EXCLUDE_GROUP: i32 = 0x10000;
const EXCLUDE_TIES: i32 = 0x20000;

#[derive(Clone, Copy)]
struct FrameOptions(i32);

impl FrameOptions {
    fn has(self, bit: i32) -> bool {
        self.0 & bit != 0
    }

    fn start(self, offset: Option<Expr>) -> Option<WindowFrameBound> {
        Some(match offset.map(Box::new) {
            Some(e) if self.has(START_OFFSET_PRECEDING) => WindowFrameBound::Preceding(Some(e)),
            Some(e) if self.has(START_OFFSET_FOLLOWING) => WindowFrameBound::Following(Some(e)),
            None if self.has(START_UNBOUNDED_PRECEDING) => WindowFrameBound::Preceding(None),
            None if self.has(START_CURRENT_ROW) => WindowFrameBound::CurrentRow,
            _ => return None,
        })
    }

    fn end(self, offset: Option<Expr>) -> Option<WindowFrameBound> {
        Some(match offset.map(Box::new) {
            Some(e) if self.has(END_OFFSET_PRECEDING) => WindowFrameBound::Preceding(Some(e)),
            Some(e) if self.has(END_OFFSET_FOLLOWING) => WindowFrameBound::Following(Some(e)),
            None if self.has(END_UNBOUNDED_FOLLOWING) => WindowFrameBound::Following(None),
            None if self.has(END_CURRENT_ROW) => WindowFrameBound::CurrentRow,
            _ => return None,
        })
    }

    fn exclusion(self) -> Option<&'static str> {
        if self.has(EXCLUDE_CURRENT_ROW) {
            Some("EXCLUDE CURRENT ROW")
        } else if self.has(EXCLUDE_GROUP) {
            Some("EXCLUDE GROUP")
        } else if self.has(EXCLUDE_TIES) {
            Some("EXCLUDE TIES")
        } else {
            None
        }
    }
}

/// A field of EXTRACT: a word of sqlparser's, or quoted.
fn date_field(word: &str) -> DateTimeField {
    match word {
        "year" => DateTimeField::Year,
        "month" => DateTimeField::Month,
        "day" => DateTimeField::Day,
        "hour" => DateTimeField::Hour,
        "minute" => DateTimeField::Minute,
        "second" => DateTimeField::Second,
        "epoch" => DateTimeField::Epoch,
        "dow" => DateTimeField::Dow,
        "doy" => DateTimeField::Doy,
        "week" => DateTimeField::Week(None),
        "quarter" => DateTimeField::Quarter,
        "century" => DateTimeField::Century,
        "decade" => DateTimeField::Decade,
        other => DateTimeField::Custom(Ident::with_quote('\'', other)),
    }
}
