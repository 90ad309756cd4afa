//! One row of a query at a time, in the order of its columns.

use std::sync::Arc;

use super::row::Cells;
use super::type_sql::{Modified, TypeRow, quote};
use super::{Builder, ColumnRow, IndexRow, LoadError};
use crate::catalog::form::{Cast, CastContext, OperatorForm};
use crate::catalog::{Function, FunctionKind, Operator, Relation, RelationKind, Volatility};

impl Builder {
    pub(super) fn take_type(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let oid = cells.oid()?;
        let row = TypeRow {
            schema: cells.text()?,
            name: cells.text()?,
            kind: cells.letter()?,
            base: cells.oid()?,
            relation: cells.oid()?,
            element: cells.oid()?,
            domain_modifier: modified(cells)?,
            extension: cells.optional()?,
            array: cells.oid()?,
            category: cells.letter()?,
            preferred: cells.flag()?,
            collatable: cells.flag()?,
            nondeterministic: cells.flag()?,
        };
        self.types.insert(oid, Arc::new(row));
        self.taken.push(oid);
        Ok(())
    }

    pub(super) fn take_relation(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let oid = cells.oid()?;
        let schema = cells.text()?;
        let name = cells.text()?;
        let fault = cells.fault("a relkind");
        let kind = match cells.letter()? {
            'r' => RelationKind::Table,
            'p' => RelationKind::Partitioned,
            'v' => RelationKind::View,
            'm' => RelationKind::MaterializedView,
            'f' => RelationKind::Foreign,
            'S' => RelationKind::Sequence,
            _ => return Err(fault),
        };
        let row_security = cells.flag()?;
        let definition = cells.optional()?.map(|text| text.trim_end().trim_end_matches(';').trim().to_owned());
        let relation = Relation {
            oid,
            schema,
            name,
            kind,
            columns: Vec::new(),
            parents: Vec::new(),
            primary_key: Vec::new(),
            unique: Vec::new(),
            indexes: Vec::new(),
            definition,
            reads: Vec::new(),
            row_security,
        };
        self.relations.insert(oid, relation);
        Ok(())
    }

    pub(super) fn take_column(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let relation = cells.oid()?;
        let row = ColumnRow {
            number: cells.number()?,
            name: cells.text()?,
            type_oid: cells.oid()?,
            typmod: cells.number()?,
            modifier: modified(cells)?,
            not_null: cells.flag()?,
            collation: match (cells.optional()?, cells.optional()?) {
                (Some(schema), Some(name)) => Some(format!("{}.{}", quote(&schema), quote(&name))),
                _ => None,
            },
            nondeterministic: cells.flag()?,
        };
        self.columns.entry(relation).or_default().push(row);
        Ok(())
    }

    pub(super) fn take_index(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let relation = cells.oid()?;
        let row = IndexRow {
            attributes: cells.numbers()?,
            keys: cells.number()?,
            primary: cells.flag()?,
            unique: cells.flag()?,
            depends: cells.numbers()?,
            whole_row: cells.flag()?,
            name: cells.text()?,
        };
        self.indexes.push((relation, row));
        Ok(())
    }

    pub(super) fn take_function(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let schema = cells.text()?;
        let name = cells.text()?;
        let volatility = volatility(cells)?;
        let fault = cells.fault("a prokind");
        let kind = match cells.letter()? {
            'f' => FunctionKind::Plain,
            'a' => FunctionKind::Aggregate,
            'w' => FunctionKind::Window,
            'p' => FunctionKind::Procedure,
            _ => return Err(fault),
        };
        let function = Function {
            schema,
            volatility,
            kind,
            arguments: (cells.number()?, cells.number()?),
            variadic: cells.flag()?,
            returns_set: cells.flag()?,
            trusted_language: cells.flag()?,
            output_names: cells.names()?,
            result: cells.oid()?,
            argument_types: cells.numbers()?,
            output_types: cells.numbers()?,
            variadic_type: cells.oid()?,
            leakproof: cells.flag()?,
        };
        self.catalog.functions.entry(name).or_default().push(function);
        Ok(())
    }

    pub(super) fn take_operator(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let schema = cells.text()?;
        let name = cells.text()?;
        let extension = cells.optional()?;
        let form = OperatorForm {
            schema: schema.clone(),
            left: cells.oid()?,
            right: cells.oid()?,
            result: cells.oid()?,
            function: cells.text()?,
            leakproof: cells.flag()?,
            volatility: volatility(cells)?,
        };
        self.catalog.forms.operators.entry(name.clone()).or_default().push(form);
        if schema != "pg_catalog" {
            self.catalog.foreign_operators.entry(name).or_default().push(Operator { schema, extension });
        }
        Ok(())
    }

    pub(super) fn take_cast(&mut self, cells: &mut Cells) -> Result<(), LoadError> {
        let key = (cells.oid()?, cells.oid()?);
        let fault = cells.fault("a castcontext");
        let context = match cells.letter()? {
            'i' => CastContext::Implicit,
            'a' => CastContext::Assignment,
            'e' => CastContext::Explicit,
            _ => return Err(fault),
        };
        self.catalog.forms.casts.insert(key, Cast { context, binary: cells.letter()? == 'b' });
        Ok(())
    }
}

fn volatility(cells: &mut Cells) -> Result<Volatility, LoadError> {
    let fault = cells.fault("a provolatile");
    match cells.letter()? {
        'i' => Ok(Volatility::Immutable),
        's' => Ok(Volatility::Stable),
        'v' => Ok(Volatility::Volatile),
        _ => Err(fault),
    }
}

fn modified(cells: &mut Cells) -> Result<Option<Modified>, LoadError> {
    Ok(match (cells.optional()?, cells.optional()?) {
        (Some(with), Some(without)) => Some(Modified { with, without }),
        _ => None,
    })
}
