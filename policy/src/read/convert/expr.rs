//! Expressions.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AArrayExpr, AConst, AExpr, AExprKind, AIndices, AIndirection, BoolExpr, BoolExprType, BoolTestType, BooleanTest, CaseExpr, CaseWhen,
    CoalesceExpr, CoercionForm, CollateClause, ColumnRef, FuncCall, GroupingFunc, JsonIsPredicate, JsonValueType, MinMaxExpr, MinMaxOp,
    Node, NullTest, NullTestType, ParamRef, RowExpr, SqlValueFunction, SqlValueFunctionOp, SubLink, SubLinkType, TypeCast, a_const,
};
use sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen as When, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JsonKeyUniqueness,
    JsonPredicateType, ObjectName, Subscript, UnaryOperator, Value,
};

use super::super::coded::{self, Form};
use super::super::normal;
use super::{Convert, Made, given, held, names, strings};

impl Convert<'_> {
    pub(super) fn exprs(&self, nodes: &[Node]) -> Made<Vec<Expr>> {
        nodes.iter().map(|node| self.expr(held(node)?)).collect()
    }

    fn boxed(&self, node: Option<&Node>) -> Made<Box<Expr>> {
        self.expr(given(node)?).map(Box::new)
    }

    /// A `List` node.
    pub(super) fn list(&self, node: &NodeEnum) -> Made<Vec<Expr>> {
        match node {
            NodeEnum::List(list) => self.exprs(&list.items),
            _ => self.unread("this list", -1),
        }
    }

    pub(super) fn expr(&self, node: &NodeEnum) -> Made<Expr> {
        match node {
            NodeEnum::ColumnRef(column) => self.column(column),
            NodeEnum::AConst(constant) => self.constant(constant),
            NodeEnum::ParamRef(ParamRef { number, location }) => Ok(self.value(Value::Placeholder(format!("${number}")), *location)),
            NodeEnum::AExpr(operation) => self.operation(operation),
            NodeEnum::BoolExpr(condition) => self.condition(condition),
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::TypeCast(cast) => {
                let TypeCast { arg, type_name, location: _ } = &**cast;
                Ok(normal::cast(self.expr(given(arg.as_deref())?)?, self.type_name(type_name.as_ref())?))
            }
            NodeEnum::SubLink(link) => self.sub_link(link),
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::CoalesceExpr(call) => {
                let CoalesceExpr { xpr: _, coalescetype: _, coalescecollid: _, args, location } = &**call;
                Ok(self.keyword_call("coalesce", self.exprs(args)?, *location))
            }
            NodeEnum::MinMaxExpr(call) => {
                let MinMaxExpr { xpr: _, minmaxtype: _, minmaxcollid: _, inputcollid: _, op, args, location } = &**call;
                let word = match MinMaxOp::try_from(*op) {
                    Ok(MinMaxOp::IsGreatest) => "greatest",
                    Ok(MinMaxOp::IsLeast) => "least",
                    Ok(MinMaxOp::Undefined) | Err(_) => return self.unread("this expression", *location),
                };
                Ok(self.keyword_call(word, self.exprs(args)?, *location))
            }
            NodeEnum::GroupingFunc(call) => {
                let GroupingFunc { xpr: _, args, refs: _, agglevelsup: _, location } = &**call;
                Ok(self.keyword_call("grouping", self.exprs(args)?, *location))
            }
            NodeEnum::SqlvalueFunction(value) => self.value_function(value),
            NodeEnum::NullTest(test) => {
                let NullTest { xpr: _, arg, nulltesttype, argisrow: _, location } = &**test;
                let arg = self.boxed(arg.as_deref())?;
                match NullTestType::try_from(*nulltesttype) {
                    Ok(NullTestType::IsNull) => Ok(Expr::IsNull(arg)),
                    Ok(NullTestType::IsNotNull) => Ok(Expr::IsNotNull(arg)),
                    Ok(NullTestType::Undefined) | Err(_) => self.unread("this test", *location),
                }
            }
            NodeEnum::BooleanTest(test) => {
                let BooleanTest { xpr: _, arg, booltesttype, location } = &**test;
                let arg = self.boxed(arg.as_deref())?;
                Ok(match BoolTestType::try_from(*booltesttype) {
                    Ok(BoolTestType::IsTrue) => Expr::IsTrue(arg),
                    Ok(BoolTestType::IsNotTrue) => Expr::IsNotTrue(arg),
                    Ok(BoolTestType::IsFalse) => Expr::IsFalse(arg),
                    Ok(BoolTestType::IsNotFalse) => Expr::IsNotFalse(arg),
                    Ok(BoolTestType::IsUnknown) => Expr::IsUnknown(arg),
                    Ok(BoolTestType::IsNotUnknown) => Expr::IsNotUnknown(arg),
                    Ok(BoolTestType::Undefined) | Err(_) => return self.unread("this test", *location),
                })
            }
            NodeEnum::CollateClause(collate) => {
                let CollateClause { arg, collname, location } = &**collate;
                let collation = self.object_name(&strings(collname)?, *location);
                Ok(Expr::Collate { expr: self.boxed(arg.as_deref())?, collation })
            }
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::AArrayExpr(AArrayExpr { elements, list_start: _, list_end: _, location: _ }) => {
                Ok(Expr::Array(Array { elem: self.exprs(elements)?, named: true }))
            }
            NodeEnum::RowExpr(row) => self.row(row),
            NodeEnum::XmlExpr(xml) => self.xml(xml),
            NodeEnum::XmlSerialize(xml) => self.xml_serialize(xml),
            NodeEnum::JsonIsPredicate(test) => {
                let JsonIsPredicate { expr, format: _, item_type, unique_keys, location } = &**test;
                let kind = match JsonValueType::try_from(*item_type) {
                    Ok(JsonValueType::JsTypeAny) => None,
                    Ok(JsonValueType::JsTypeObject) => Some(JsonPredicateType::Object),
                    Ok(JsonValueType::JsTypeArray) => Some(JsonPredicateType::Array),
                    Ok(JsonValueType::JsTypeScalar) => Some(JsonPredicateType::Scalar),
                    Ok(JsonValueType::Undefined) | Err(_) => return self.unread("this IS JSON", *location),
                };
                let unique_keys = unique_keys.then_some(JsonKeyUniqueness::WithUniqueKeys);
                Ok(Expr::IsJson { expr: self.boxed(expr.as_deref())?, kind, unique_keys, negated: false })
            }
            NodeEnum::JsonFuncExpr(_)
            | NodeEnum::JsonParseExpr(_)
            | NodeEnum::JsonScalarExpr(_)
            | NodeEnum::JsonSerializeExpr(_)
            | NodeEnum::JsonObjectConstructor(_)
            | NodeEnum::JsonArrayConstructor(_)
            | NodeEnum::JsonArrayQueryConstructor(_)
            | NodeEnum::JsonObjectAgg(_)
            | NodeEnum::JsonArrayAgg(_) => self.unread("the SQL/JSON functions of PostgreSQL 16 and later", -1),
            _ => self.unread("this expression", -1),
        }
    }

    pub(super) fn value(&self, value: Value, location: i32) -> Expr {
        Expr::Value(value.with_span(self.span(location)))
    }

    fn constant(&self, constant: &AConst) -> Made<Expr> {
        let AConst { isnull, location, val } = constant;
        let value = |value| self.value(value, *location);
        Ok(match val {
            None if *isnull => value(Value::Null),
            None => return self.unread("this constant", *location),
            Some(a_const::Val::Ival(number)) => self.number(&i64::from(number.ival).to_string(), *location),
            Some(a_const::Val::Fval(number)) => self.number(&number.fval, *location),
            Some(a_const::Val::Boolval(truth)) => value(Value::Boolean(truth.boolval)),
            Some(a_const::Val::Sval(text)) => value(Value::SingleQuotedString(text.sval.clone())),
            Some(a_const::Val::Bsval(bits)) => match bits.bsval.split_at_checked(1) {
                Some(("b", digits)) => value(Value::SingleQuotedByteStringLiteral(digits.to_owned())),
                Some(("x", digits)) => value(Value::HexStringLiteral(digits.to_owned())),
                _ => return self.unread("this constant", *location),
            },
        })
    }

    /// Postgres' grammar takes a minus before a number into the number.
    fn number(&self, digits: &str, location: i32) -> Expr {
        match digits.strip_prefix('-') {
            Some(digits) => {
                let number = self.value(Value::Number(digits.to_owned(), false), location);
                Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number) }
            }
            None => self.value(Value::Number(digits.to_owned(), false), location),
        }
    }

    fn column(&self, column: &ColumnRef) -> Made<Expr> {
        let ColumnRef { fields, location } = column;
        if let Some(of) = self.starred(column)? {
            if of.0.is_empty() {
                return self.unread("* here", *location);
            }
            let row = FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(of));
            return Ok(coded::call_of(Form::WholeRow, vec![row]));
        }
        let names = strings(fields)?;
        let mut parts: Vec<_> = names.iter().map(|name| self.ident(name, *location)).collect();
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => Ok(Expr::Identifier(only)),
            (Some(last), false) => {
                parts.push(last);
                Ok(Expr::CompoundIdentifier(parts))
            }
            (None, _) => self.unread("this column", *location),
        }
    }

    /// The name before `.*`, which may be none; `None` where there is no star.
    pub(super) fn starred(&self, column: &ColumnRef) -> Made<Option<ObjectName>> {
        let ColumnRef { fields, location } = column;
        match fields.split_last() {
            Some((last, names)) if matches!(last.node, Some(NodeEnum::AStar(_))) => Ok(Some(self.object_name(&strings(names)?, *location))),
            _ => Ok(None),
        }
    }

    /// x of `(x).*`.
    pub(super) fn star_of(&self, indirection: &AIndirection) -> Made<Option<Expr>> {
        let AIndirection { arg, indirection: steps } = indirection;
        match steps.split_last() {
            Some((last, steps)) if matches!(last.node, Some(NodeEnum::AStar(_))) => {
                let root = self.expr(given(arg.as_deref())?)?;
                self.steps(root, steps).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn indirection(&self, indirection: &AIndirection) -> Made<Expr> {
        if let Some(of) = self.star_of(indirection)? {
            return Ok(coded::call(Form::Star, vec![of]));
        }
        let AIndirection { arg, indirection } = indirection;
        let root = self.expr(given(arg.as_deref())?)?;
        self.steps(root, indirection)
    }

    fn steps(&self, root: Expr, steps: &[Node]) -> Made<Expr> {
        if steps.is_empty() {
            return Ok(root);
        }
        let mut access_chain = Vec::with_capacity(steps.len());
        for step in steps {
            access_chain.push(match held(step)? {
                NodeEnum::String(name) => AccessExpr::Dot(Expr::Identifier(self.ident(&name.sval, -1))),
                NodeEnum::AIndices(indices) => {
                    let AIndices { is_slice, lidx, uidx } = &**indices;
                    let bound = |node: Option<&Node>| node.map(|node| self.expr(held(node)?)).transpose();
                    let (lower_bound, upper_bound) = (bound(lidx.as_deref())?, bound(uidx.as_deref())?);
                    AccessExpr::Subscript(match (is_slice, lower_bound, upper_bound) {
                        (true, lower_bound, upper_bound) => Subscript::Slice { lower_bound, upper_bound, stride: None },
                        (false, None, Some(index)) => Subscript::Index { index },
                        _ => return self.unread("this subscript", -1),
                    })
                }
                _ => return self.unread("this part of a value", -1),
            });
        }
        Ok(Expr::CompoundFieldAccess { root: Box::new(root), access_chain })
    }

    fn operation(&self, operation: &AExpr) -> Made<Expr> {
        let AExpr { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location } = operation;
        let kind = AExprKind::try_from(*kind).unwrap_or(AExprKind::Undefined);
        let (schema, op) = self.operator_parts(name, *location)?;
        let right = given(rexpr.as_deref())?;
        let Some(left) = lexpr.as_deref() else {
            let operand = self.expr(right)?;
            return match (kind, names::unary(schema, op)) {
                (AExprKind::AexprOp, Some(op)) => Ok(Expr::UnaryOp { op, expr: Box::new(operand) }),
                (AExprKind::AexprOp, None) => Ok(coded::call(Form::Prefix, vec![coded::word(schema), coded::word(op), operand])),
                _ => self.unread("this expression", *location),
            };
        };
        let left = self.expr(held(left)?)?;
        let pair = |this: &Self| <[Expr; 2]>::try_from(this.list(right)?).or_else(|_| this.unread("this BETWEEN", *location));
        match kind {
            AExprKind::AexprOp => {
                let right = self.expr(right)?;
                if !names::is_one_token(op) {
                    return Ok(coded::call(Form::Infix, vec![coded::word(schema), coded::word(op), left, right]));
                }
                Ok(Expr::BinaryOp { left: Box::new(left), op: names::binary(schema, op), right: Box::new(right) })
            }
            AExprKind::AexprOpAny => Ok(self.quantified(left, (schema, op), self.expr(right)?, false)),
            AExprKind::AexprOpAll => Ok(self.quantified(left, (schema, op), self.expr(right)?, true)),
            AExprKind::AexprDistinct => Ok(Expr::IsDistinctFrom(Box::new(left), Box::new(self.expr(right)?))),
            AExprKind::AexprNotDistinct => Ok(Expr::IsNotDistinctFrom(Box::new(left), Box::new(self.expr(right)?))),
            AExprKind::AexprNullif => Ok(self.keyword_call("nullif", vec![left, self.expr(right)?], *location)),
            AExprKind::AexprIn => Ok(Expr::InList { expr: Box::new(left), list: self.list(right)?, negated: op == "<>" }),
            AExprKind::AexprLike | AExprKind::AexprIlike => {
                let (pattern, escape_char) = self.pattern(right, "like_escape")?;
                let (negated, expr, any) = (op.starts_with('!'), Box::new(left), false);
                Ok(if kind == AExprKind::AexprLike {
                    Expr::Like { negated, any, expr, pattern, escape_char }
                } else {
                    Expr::ILike { negated, any, expr, pattern, escape_char }
                })
            }
            AExprKind::AexprSimilar => {
                let (pattern, escape_char) = self.pattern(right, "similar_to_escape")?;
                Ok(Expr::SimilarTo { negated: op.starts_with('!'), expr: Box::new(left), pattern, escape_char })
            }
            AExprKind::AexprBetween | AExprKind::AexprNotBetween => {
                let [low, high] = pair(self)?;
                let negated = kind == AExprKind::AexprNotBetween;
                Ok(Expr::Between { expr: Box::new(left), negated, low: Box::new(low), high: Box::new(high) })
            }
            AExprKind::AexprBetweenSym | AExprKind::AexprNotBetweenSym => {
                let [low, high] = pair(self)?;
                let negated = kind == AExprKind::AexprNotBetweenSym;
                let form = if negated { Form::NotBetweenSymmetric } else { Form::BetweenSymmetric };
                Ok(coded::call(form, vec![left, low, high]))
            }
            AExprKind::Undefined => self.unread("this expression", *location),
        }
    }

    /// A pattern and its ESCAPE, which the grammar puts around it as a call.
    fn pattern(&self, node: &NodeEnum, escaping: &str) -> Made<(Box<Expr>, Option<Box<Expr>>)> {
        if let NodeEnum::FuncCall(call) = node
            && strings(&call.funcname)?.as_slice() == ["pg_catalog", escaping]
        {
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
                funcformat,
                location,
            } = &**call
            else {
                return self.unread("this pattern", call.location);
            };
            if !agg_order.is_empty() || *funcformat != CoercionForm::CoerceExplicitCall as i32 {
                return self.unread("this pattern", *location);
            }
            match args.as_slice() {
                [pattern] if escaping == "similar_to_escape" => return Ok((Box::new(self.expr(held(pattern)?)?), None)),
                [pattern, escape] => {
                    return Ok((Box::new(self.expr(held(pattern)?)?), Some(Box::new(self.expr(held(escape)?)?))));
                }
                _ => {}
            }
        }
        Ok((Box::new(self.expr(node)?), None))
    }

    /// `left op ANY (right)`, of an array or, where `right` says so by its node, of a subquery.
    fn quantified(&self, left: Expr, (schema, op): (&str, &str), right: Expr, all: bool) -> Expr {
        let compare_op = names::binary(schema, op);
        if names::quantifies(&compare_op) && !matches!(right, Expr::Subquery(_)) {
            let (left, right) = (Box::new(left), Box::new(right));
            return if all { Expr::AllOp { left, compare_op, right } } else { Expr::AnyOp { left, compare_op, right, is_some: false } };
        }
        let form = if all { Form::All } else { Form::Any };
        coded::call(form, vec![coded::word(schema), coded::word(op), left, right])
    }

    fn sub_link(&self, link: &SubLink) -> Made<Expr> {
        let SubLink { xpr: _, sub_link_type, sub_link_id: _, testexpr, oper_name, subselect, location } = link;
        let subquery = self.subquery(subselect.as_deref())?;
        match SubLinkType::try_from(*sub_link_type) {
            Ok(SubLinkType::ExistsSublink) => Ok(Expr::Exists { subquery, negated: false }),
            Ok(SubLinkType::ExprSublink) => Ok(Expr::Subquery(subquery)),
            Ok(SubLinkType::ArraySublink) => {
                let mut call = normal::call(ObjectName::from(vec![self.keyword("array", *location)]), Vec::new());
                call.args = FunctionArguments::Subquery(subquery);
                Ok(Expr::Function(call))
            }
            Ok(SubLinkType::AnySublink) if oper_name.is_empty() => {
                Ok(Expr::InSubquery { expr: self.boxed(testexpr.as_deref())?, subquery, negated: false })
            }
            Ok(kind @ (SubLinkType::AnySublink | SubLinkType::AllSublink)) => {
                let (schema, op) = self.operator_parts(oper_name, *location)?;
                let left = self.boxed(testexpr.as_deref())?;
                let all = kind == SubLinkType::AllSublink;
                let compare_op = names::binary(schema, op);
                let right = Box::new(Expr::Subquery(subquery));
                Ok(match (names::quantifies(&compare_op), all) {
                    (true, true) => Expr::AllOp { left, compare_op, right },
                    (true, false) => Expr::AnyOp { left, compare_op, right, is_some: false },
                    (false, _) => {
                        let form = if all { Form::AllOf } else { Form::AnyOf };
                        coded::call(form, vec![coded::word(schema), coded::word(op), *left, *right])
                    }
                })
            }
            _ => self.unread("this subquery", *location),
        }
    }

    fn condition(&self, condition: &BoolExpr) -> Made<Expr> {
        let BoolExpr { xpr: _, boolop, args, location } = condition;
        let op = match BoolExprType::try_from(*boolop) {
            Ok(BoolExprType::AndExpr) => BinaryOperator::And,
            Ok(BoolExprType::OrExpr) => BinaryOperator::Or,
            Ok(BoolExprType::NotExpr) => {
                let [arg] = args.as_slice() else { return self.unread("this NOT", *location) };
                return Ok(match self.expr(held(arg)?)? {
                    Expr::Exists { subquery, negated: false } => Expr::Exists { subquery, negated: true },
                    Expr::InSubquery { expr, subquery, negated: false } => Expr::InSubquery { expr, subquery, negated: true },
                    expr => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) },
                });
            }
            Ok(BoolExprType::Undefined) | Err(_) => return self.unread("this condition", *location),
        };
        let mut args = args.iter();
        let mut left = self.expr(given(args.next())?)?;
        for arg in args {
            left = Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(self.expr(held(arg)?)?) };
        }
        Ok(left)
    }

    fn case(&self, case: &CaseExpr) -> Made<Expr> {
        let CaseExpr { xpr: _, casetype: _, casecollid: _, arg, args, defresult, location } = case;
        let mut conditions = Vec::with_capacity(args.len());
        for when in args {
            let NodeEnum::CaseWhen(when) = held(when)? else { return self.unread("this CASE", *location) };
            let CaseWhen { xpr: _, expr, result, location: _ } = &**when;
            conditions.push(When { condition: self.expr(given(expr.as_deref())?)?, result: self.expr(given(result.as_deref())?)? });
        }
        Ok(Expr::Case {
            case_token: normal::token(self.span(*location)),
            end_token: normal::token(self.span(*location)),
            operand: arg.as_deref().map(|arg| self.boxed(Some(arg))).transpose()?,
            conditions,
            else_result: defresult.as_deref().map(|result| self.boxed(Some(result))).transpose()?,
        })
    }

    fn value_function(&self, value: &SqlValueFunction) -> Made<Expr> {
        use SqlValueFunctionOp as Op;
        let SqlValueFunction { xpr: _, op, r#type: _, typmod, location } = value;
        let (word, digits) = match Op::try_from(*op) {
            Ok(Op::SvfopCurrentDate) => ("current_date", false),
            Ok(Op::SvfopCurrentTime) => ("current_time", false),
            Ok(Op::SvfopCurrentTimeN) => ("current_time", true),
            Ok(Op::SvfopCurrentTimestamp) => ("current_timestamp", false),
            Ok(Op::SvfopCurrentTimestampN) => ("current_timestamp", true),
            Ok(Op::SvfopLocaltime) => ("localtime", false),
            Ok(Op::SvfopLocaltimeN) => ("localtime", true),
            Ok(Op::SvfopLocaltimestamp) => ("localtimestamp", false),
            Ok(Op::SvfopLocaltimestampN) => ("localtimestamp", true),
            Ok(Op::SvfopCurrentRole) => ("current_role", false),
            Ok(Op::SvfopCurrentUser) => ("current_user", false),
            Ok(Op::SvfopUser) => ("user", false),
            Ok(Op::SvfopSessionUser) => ("session_user", false),
            Ok(Op::SvfopCurrentCatalog) => ("current_catalog", false),
            Ok(Op::SvfopCurrentSchema) => ("current_schema", false),
            Ok(Op::SqlvalueFunctionOpUndefined) | Err(_) => return self.unread("this expression", *location),
        };
        let mut call = normal::call(ObjectName::from(vec![self.keyword(word, *location)]), Vec::new());
        call.args = FunctionArguments::None;
        if digits {
            return Ok(self.keyword_call(word, vec![self.number(&typmod.to_string(), *location)], *location));
        }
        Ok(Expr::Function(call))
    }

    fn row(&self, row: &RowExpr) -> Made<Expr> {
        let RowExpr { xpr: _, args, row_typeid: _, row_format, colnames: _, location } = row;
        let args = args.iter().map(|arg| self.argument(held(arg)?)).collect::<Made<Vec<_>>>()?;
        if *row_format == CoercionForm::CoerceExplicitCall as i32 {
            let name = ObjectName::from(vec![self.keyword("row", *location)]);
            return Ok(Expr::Function(normal::call(name, args)));
        }
        let plain: Option<Vec<Expr>> = args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
                _ => None,
            })
            .collect();
        Ok(match plain {
            Some(parts) => Expr::Tuple(parts),
            None => coded::call_of(Form::Row, args),
        })
    }

    /// A call of a word of the grammar.
    pub(super) fn keyword_call(&self, word: &str, args: Vec<Expr>, location: i32) -> Expr {
        let args = args.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect();
        Expr::Function(normal::call(ObjectName::from(vec![self.keyword(word, location)]), args))
    }
}
