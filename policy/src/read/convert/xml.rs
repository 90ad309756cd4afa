//! XML: its functions and XMLTABLE.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeTableFunc, RangeTableFuncCol, ResTarget, XmlExpr, XmlExprOp, XmlOptionType, XmlSerialize, a_const};
use sqlparser::ast::{
    Expr, TableFactor, XmlNamespaceDefinition, XmlPassingArgument, XmlPassingClause, XmlTableColumn, XmlTableColumnOption,
};

use super::super::coded::{self, Form};
use super::super::normal;
use super::{Convert, Made, given, held};

impl Convert<'_> {
    pub(super) fn xml(&self, xml: &XmlExpr) -> Made<Expr> {
        let XmlExpr { xpr: _, op, name, named_args, arg_names, args, xmloption, indent, r#type: _, typmod: _, location } = xml;
        if !arg_names.is_empty() || *indent {
            return self.unread("this form of XML", *location);
        }
        let content = self.exprs(args)?;
        Ok(match XmlExprOp::try_from(*op) {
            Ok(XmlExprOp::IsXmlconcat) => coded::call(Form::XmlConcat, content),
            Ok(XmlExprOp::IsXmlelement) => {
                let mut parts = vec![coded::word(name)];
                if !named_args.is_empty() {
                    parts.push(coded::call(Form::XmlAttributes, self.named(named_args)?));
                }
                parts.extend(content);
                coded::call(Form::XmlElement, parts)
            }
            Ok(XmlExprOp::IsXmlforest) => coded::call(Form::XmlForest, self.named(named_args)?),
            Ok(XmlExprOp::IsXmlparse) => {
                let (Some(of), Some(keep)) = (content.into_iter().next(), args.get(1).and_then(truth)) else {
                    return self.unread("this XMLPARSE", *location);
                };
                let whitespace = if keep { " PRESERVE WHITESPACE" } else { "" };
                coded::call(Form::XmlParse, vec![coded::word(&format!("{}{whitespace}", self.document(*xmloption)?)), of])
            }
            Ok(XmlExprOp::IsXmlpi) => coded::call(Form::XmlPi, [coded::word(name)].into_iter().chain(content).collect()),
            Ok(XmlExprOp::IsXmlroot) => {
                let standalone = match args.get(2).and_then(whole) {
                    Some(0) => ", STANDALONE YES",
                    Some(1) => ", STANDALONE NO",
                    Some(2) => ", STANDALONE NO VALUE",
                    Some(3) => "",
                    _ => return self.unread("this XMLROOT", *location),
                };
                let mut parts: Vec<Expr> = content.into_iter().take(2).collect();
                parts.push(coded::word(standalone));
                coded::call(Form::XmlRoot, parts)
            }
            Ok(XmlExprOp::IsDocument) => coded::call(Form::IsDocument, content),
            Ok(XmlExprOp::IsXmlserialize | XmlExprOp::Undefined) | Err(_) => return self.unread("this form of XML", *location),
        })
    }

    pub(super) fn xml_serialize(&self, xml: &XmlSerialize) -> Made<Expr> {
        let XmlSerialize { xmloption, expr, type_name, indent, location: _ } = xml;
        let words = format!("{}{}", self.document(*xmloption)?, if *indent { " INDENT" } else { "" });
        let cast = normal::cast(self.expr(given(expr.as_deref())?)?, self.type_name(type_name.as_ref())?);
        Ok(coded::call(Form::XmlSerialize, vec![coded::word(&words), cast]))
    }

    fn document(&self, option: i32) -> Made<&'static str> {
        match XmlOptionType::try_from(option) {
            Ok(XmlOptionType::XmloptionDocument) => Ok("DOCUMENT"),
            Ok(XmlOptionType::XmloptionContent) => Ok("CONTENT"),
            Ok(XmlOptionType::Undefined) | Err(_) => self.unread("this form of XML", -1),
        }
    }

    /// `x AS n, y`
    fn named(&self, nodes: &[Node]) -> Made<Vec<Expr>> {
        nodes
            .iter()
            .map(|node| {
                let NodeEnum::ResTarget(target) = held(node)? else { return self.unread("this form of XML", -1) };
                let ResTarget { name, indirection: _, val, location: _ } = &**target;
                let value = self.expr(given(val.as_deref())?)?;
                Ok(if name.is_empty() { value } else { coded::call(Form::Named, vec![value, coded::word(name)]) })
            })
            .collect()
    }

    pub(super) fn xml_table(&self, table: &RangeTableFunc) -> Made<TableFactor> {
        let RangeTableFunc { lateral, docexpr, rowexpr, namespaces, columns, alias, location } = table;
        let mut spaces = Vec::new();
        for node in namespaces {
            let NodeEnum::ResTarget(target) = held(node)? else { return self.unread("this XMLTABLE", *location) };
            if target.name.is_empty() {
                return self.unread("a default namespace of XMLTABLE", *location);
            }
            let uri = self.expr(given(target.val.as_deref())?)?;
            spaces.push(XmlNamespaceDefinition { uri, name: self.ident(&target.name, target.location) });
        }
        let mut made = Vec::new();
        for node in columns {
            let NodeEnum::RangeTableFuncCol(column) = held(node)? else { return self.unread("this XMLTABLE", *location) };
            let RangeTableFuncCol { colname, type_name, for_ordinality, is_not_null, colexpr, coldefexpr, location } = &**column;
            let option = if *for_ordinality {
                XmlTableColumnOption::ForOrdinality
            } else {
                let mut path = colexpr.as_deref().map(|node| self.expr(held(node)?)).transpose()?;
                let mut default = coldefexpr.as_deref().map(|node| self.expr(held(node)?)).transpose()?;
                // sqlparser would take NOT NULL for a test of the expression before it.
                let last = if default.is_some() { &mut default } else { &mut path };
                let nullable = match last.take() {
                    Some(e) if *is_not_null => {
                        *last = Some(coded::call(Form::NotNull, vec![e]));
                        true
                    }
                    other => {
                        *last = other;
                        !is_not_null
                    }
                };
                XmlTableColumnOption::NamedInfo { r#type: self.type_name(type_name.as_ref())?, path, default, nullable }
            };
            made.push(XmlTableColumn { name: self.ident(colname, *location), option });
        }
        let document = XmlPassingArgument { expr: self.expr(given(docexpr.as_deref())?)?, alias: None, by_value: false };
        let row = self.expr(given(rowexpr.as_deref())?)?;
        Ok(TableFactor::XmlTable {
            namespaces: spaces,
            row_expression: if *lateral { coded::call(Form::Lateral, vec![row]) } else { row },
            passing: XmlPassingClause { arguments: vec![document] },
            columns: made,
            alias: self.alias(alias.as_ref())?,
        })
    }
}

fn whole(node: &Node) -> Option<i32> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Ival(number)) => Some(number.ival),
            _ => None,
        },
        _ => None,
    }
}

fn truth(node: &Node) -> Option<bool> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Boolval(truth)) => Some(truth.boolval),
            _ => None,
        },
        _ => None,
    }
}
