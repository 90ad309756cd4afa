//! Operators, collations and types: which of them a name means, and whether the role may use it.

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, DataType, ObjectName, UnaryOperator};

use super::{Judge, refuse};
use crate::{Refusal, SqlState};

impl Judge<'_> {
    /// Operators must be those of pg_catalog, or of an extension: another one could be anything.
    pub(crate) fn operator(&mut self, op: &BinaryOperator) -> Result<(), Refusal> {
        let (schema, name) = match op {
            BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
                [name] => (None, name.clone()),
                [schema, name] => (Some(schema.as_str()), name.clone()),
                _ => return Err(refuse::not_yet("form.name", "this operator name")),
            },
            other => (None, other.to_string()),
        };
        // The tree keeps a schema as it is written, in quotes.
        let bare = schema.map(|s| s.strip_prefix('"').and_then(|s| s.strip_suffix('"')).map_or(s.to_owned(), |s| s.replace("\"\"", "\"")));
        self.operator_name(bare.as_deref(), &name)
    }

    pub(crate) fn unary_operator(&mut self, op: &UnaryOperator) -> Result<(), Refusal> {
        match op {
            UnaryOperator::Not => Ok(()),
            other => self.operator_name(None, &other.to_string()),
        }
    }

    /// Operators that the grammar means without naming them, such as `=` in IN: found along search_path like any other.
    pub(crate) fn implied_operators(&mut self, names: &[&str]) -> Result<(), Refusal> {
        names.iter().try_for_each(|name| self.operator_name(None, name))
    }

    /// The policy's SQL and a view's definition name operators without a schema: they must mean Postgres' own here too.
    pub(crate) fn operators_inside(&mut self, of: &str, names: &BTreeSet<String>) -> Result<(), Refusal> {
        names.iter().try_for_each(|name| {
            self.operator_name(None, name).map_err(|r| Refusal {
                message: format!(
                    "search_path has an operator {name} that would stand for Postgres' own in the rules or the view behind {of}"
                ),
                ..r.with_hint("Leave that operator's schema out of search_path, and write the names of its other objects in full.")
            })
        })
    }

    pub(crate) fn operator_name(&mut self, schema: Option<&str>, name: &str) -> Result<(), Refusal> {
        if schema == Some("pg_catalog") {
            return Ok(());
        }
        if schema.is_none() && !self.operators.contains(name) {
            self.operators.insert(name.to_owned());
        }
        let known = self.facts.catalog.foreign_operators.get(name).map(Vec::as_slice).unwrap_or_default();
        let meant = |o: &&crate::catalog::Operator| match schema {
            Some(s) => o.schema == s,
            None => self.path.contains(&o.schema),
        };
        match known.iter().filter(meant).find(|o| o.extension.is_none()) {
            Some(o) => Err(Refusal::new(
                SqlState::DENIED,
                "operator.foreign",
                format!("operator {}.{name} is not one of Postgres' own and may not be used by role {}", o.schema, self.role),
            )
            .with_hint("An operator may run any code. Write OPERATOR(pg_catalog.…) for Postgres' own.")),
            None => Ok(()),
        }
    }

    pub(crate) fn collation(&self, name: &mut ObjectName) -> Result<(), Refusal> {
        let parts = self.name_parts(name)?;
        match parts.as_slice() {
            [_] => Ok(()),
            [schema, _] if schema == "pg_catalog" || self.facts.catalog.schemas.contains(schema) => Ok(()),
            _ => Err(refuse::not_yet("form.name", "this collation name")),
        }
    }

    /// Types are found as Postgres finds them and written with their schema.
    pub(crate) fn data_type(&self, t: &mut DataType) -> Result<(), Refusal> {
        match t {
            DataType::Custom(name, modifiers) => {
                let _ = modifiers;
                let parts = self.name_parts(name)?;
                match parts.as_slice() {
                    [schema, type_name] => self.known_type(schema, type_name).map(|_| ()),
                    [type_name] => {
                        for schema in self.path {
                            if self.has_type(schema, type_name) {
                                if !modifiers.is_empty() && schema == "pg_catalog" {
                                    return Ok(());
                                }
                                *name = super::build::object_name(&[schema, type_name]);
                                return Ok(());
                            }
                        }
                        // A word of the grammar (`dec`, `national character`): both readers agree that it is a type.
                        Err(Refusal::new(SqlState::UNDEFINED_OBJECT, "type.unknown", format!("type \"{type_name}\" does not exist")))
                    }
                    _ => Err(refuse::not_yet("form.type", "this type name")),
                }
            }
            DataType::Array(
                sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)
                | sqlparser::ast::ArrayElemTypeDef::AngleBracket(inner)
                | sqlparser::ast::ArrayElemTypeDef::Parenthesis(inner),
            ) => self.data_type(inner),
            DataType::Table(_)
            | DataType::NamedTable { .. }
            | DataType::Nested(_)
            | DataType::Struct(..)
            | DataType::Union(_)
            | DataType::Tuple(_)
            | DataType::Map(..)
            | DataType::Enum(..)
            | DataType::Set(_) => Err(refuse::not_yet("form.type", &format!("the type {t}"))),
            // Words of the grammar or of pg_catalog, which comes first in every path that is judged.
            _ => Ok(()),
        }
    }

    pub(super) fn has_type(&self, schema: &str, name: &str) -> bool {
        self.facts.catalog.types.get(schema).is_some_and(|t| t.contains_key(name))
    }

    fn known_type(&self, schema: &str, name: &str) -> Result<(), Refusal> {
        if self.has_type(schema, name) {
            return Ok(());
        }
        Err(Refusal::new(SqlState::UNDEFINED_OBJECT, "type.unknown", format!("type \"{schema}.{name}\" does not exist")))
    }
}

/// Casts that neither shorten nor change a text value.
pub(crate) fn keeps_text(t: &DataType) -> bool {
    is_own(t, "text") || is_own(t, "varchar")
}

/// A type of pg_catalog, without a length. A name without a schema is one: pg_catalog is the first in every path that is judged.
pub(crate) fn is_own(t: &DataType, name: &str) -> bool {
    let DataType::Custom(written, modifiers) = t else { return false };
    let parts: Option<Vec<&str>> = written.0.iter().map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
    modifiers.is_empty() && parts.is_some_and(|parts| parts == ["pg_catalog", name] || parts == [name])
}
