//! Names of operators, types and objects.

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, TypeName, a_const};
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, ObjectName, ObjectNamePart, TableAlias, TableAliasColumnDef, UnaryOperator,
};

use super::{Convert, Made, held, strings};

impl Convert<'_> {
    pub(super) fn object_name(&self, parts: &[&str], location: i32) -> ObjectName {
        ObjectName(parts.iter().map(|part| ObjectNamePart::Identifier(self.ident(part, location))).collect())
    }

    pub(super) fn alias(&self, alias: Option<&Alias>) -> Made<Option<TableAlias>> {
        let Some(Alias { aliasname, colnames }) = alias else { return Ok(None) };
        let columns = strings(colnames)?.into_iter().map(|name| TableAliasColumnDef { name: self.ident(name, -1), data_type: None });
        Ok(Some(TableAlias { explicit: true, name: self.ident(aliasname, -1), columns: columns.collect(), at: None }))
    }

    /// A type, always by its name: `int` is `pg_catalog.int4` to the grammar.
    pub(super) fn type_name(&self, name: Option<&TypeName>) -> Made<DataType> {
        let Some(TypeName { names, type_oid: _, setof, pct_type, typmods, typemod: _, array_bounds, location }) = name else {
            return self.unread("a missing type", -1);
        };
        if *setof || *pct_type {
            return self.unread("this type", *location);
        }
        let mut parts = strings(names)?;
        let modifiers = typmods.iter().map(|node| self.type_modifier(node, *location)).collect::<Made<Vec<_>>>()?;
        // The type that a word without a schema means is found as Postgres finds it; a database's name in front goes.
        if parts.len() > 2 {
            parts.remove(0);
        }
        let mut made = DataType::Custom(self.object_name(&parts, *location), modifiers);
        for bound in array_bounds {
            let length = match held(bound)? {
                NodeEnum::Integer(length) => u64::try_from(length.ival).ok(),
                _ => return self.unread("this type", *location),
            };
            made = DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(made), length));
        }
        Ok(made)
    }

    fn type_modifier(&self, node: &Node, location: i32) -> Made<String> {
        match held(node)? {
            NodeEnum::AConst(constant) => match &constant.val {
                Some(a_const::Val::Ival(number)) if number.ival >= 0 => Ok(number.ival.to_string()),
                _ => self.unread("this length of a type", location),
            },
            NodeEnum::ColumnRef(column) => match strings(&column.fields)?.as_slice() {
                [word] => Ok(format!("\"{}\"", word.replace('"', "\"\""))),
                _ => self.unread("this length of a type", location),
            },
            _ => self.unread("this length of a type", location),
        }
    }

    pub(super) fn operator_parts<'n>(&self, names: &'n [Node], location: i32) -> Made<(&'n str, &'n str)> {
        match strings(names)?.as_slice() {
            [op] => Ok(("", op)),
            [schema, op] => Ok((schema, op)),
            _ => self.unread("this operator's name", location),
        }
    }
}

/// An operator between two operands.
pub(super) fn binary(schema: &str, op: &str) -> BinaryOperator {
    use BinaryOperator::*;
    match (schema, op) {
        ("", "+") => Plus,
        ("", "-") => Minus,
        ("", "*") => Multiply,
        ("", "/") => Divide,
        ("", "%") => Modulo,
        ("", "||") => StringConcat,
        ("", ">") => Gt,
        ("", "<") => Lt,
        ("", ">=") => GtEq,
        ("", "<=") => LtEq,
        ("", "=") => Eq,
        ("", "<>") => NotEq,
        ("", "|") => BitwiseOr,
        ("", "&") => BitwiseAnd,
        ("", "#") => PGBitwiseXor,
        ("", "<<") => PGBitwiseShiftLeft,
        ("", ">>") => PGBitwiseShiftRight,
        ("", "^") => PGExp,
        ("", "&&") => PGOverlap,
        ("", "~") => PGRegexMatch,
        ("", "~*") => PGRegexIMatch,
        ("", "!~") => PGRegexNotMatch,
        ("", "!~*") => PGRegexNotIMatch,
        ("", "~~") => PGLikeMatch,
        ("", "~~*") => PGILikeMatch,
        ("", "!~~") => PGNotLikeMatch,
        ("", "!~~*") => PGNotILikeMatch,
        ("", "^@") => PGStartsWith,
        ("", "->") => Arrow,
        ("", "->>") => LongArrow,
        ("", "#>") => HashArrow,
        ("", "#>>") => HashLongArrow,
        ("", "@@") => AtAt,
        ("", "@>") => AtArrow,
        ("", "<@") => ArrowAt,
        ("", "#-") => HashMinus,
        ("", "@?") => AtQuestion,
        ("", "?") => Question,
        ("", "?&") => QuestionAnd,
        ("", "?|") => QuestionPipe,
        ("", op) => PGCustomBinaryOperator(vec![op.to_owned()]),
        // As sqlparser keeps it: the words as they are written.
        ("pg_catalog", op) => PGCustomBinaryOperator(vec!["pg_catalog".to_owned(), op.to_owned()]),
        (schema, op) => PGCustomBinaryOperator(vec![format!("\"{}\"", schema.replace('"', "\"\"")), op.to_owned()]),
    }
}

/// Operators that sqlparser is known to read as one token after OPERATOR and a bracket.
pub(super) fn is_one_token(op: &str) -> bool {
    const OTHERS: &[&str] = &["-|-", "&<", "<->", "<=>", "~=", "<<|", "<^", ">^", "?||", "?-|", "##", "<<=", ">>=", "~<~", "~>~"];
    !matches!(binary("", op), BinaryOperator::PGCustomBinaryOperator(_)) || OTHERS.contains(&op)
}

/// An operator before its operand; `None` for those that sqlparser has no word for.
pub(super) fn unary(schema: &str, op: &str) -> Option<UnaryOperator> {
    match (schema, op) {
        ("", "-") => Some(UnaryOperator::Minus),
        ("", "+") => Some(UnaryOperator::Plus),
        ("", "~") => Some(UnaryOperator::BitwiseNot),
        ("", "@") => Some(UnaryOperator::PGAbs),
        ("", "|/") => Some(UnaryOperator::PGSquareRoot),
        ("", "||/") => Some(UnaryOperator::PGCubeRoot),
        _ => None,
    }
}

/// sqlparser reads ANY and ALL behind these only.
pub(super) fn quantifies(op: &BinaryOperator) -> bool {
    use BinaryOperator::*;
    matches!(
        op,
        Gt | Lt
            | GtEq
            | LtEq
            | Eq
            | NotEq
            | PGRegexMatch
            | PGRegexIMatch
            | PGRegexNotMatch
            | PGRegexNotIMatch
            | PGLikeMatch
            | PGILikeMatch
            | PGNotLikeMatch
            | PGNotILikeMatch
    )
}
