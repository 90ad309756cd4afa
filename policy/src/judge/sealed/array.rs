//! Arrays of sealed values: how they are put together, taken apart and compared.

use std::sync::Arc;

use sqlparser::ast::{AccessExpr, BinaryOperator, DataType, Expr, Subscript, Value};

use crate::Refusal;
use crate::catalog::BaseType;
use crate::judge::expr::InScope;
use crate::judge::label::{Label, Sealed, SealedType};
use crate::judge::scope::Col;
use crate::judge::typing::{Ty, oid};
use crate::judge::{Judge, build, refuse};
use crate::mask::seal::{SealForm, SealSpec, TokenForm};
use crate::mask::token::Kind;

impl Judge<'_> {
    /// `ARRAY[…]`
    pub(crate) fn array_of(&mut self, elements: &mut [Expr], scope: InScope) -> Result<Label, Refusal> {
        let mut label = Label::Null;
        for e in &mut *elements {
            let ty = self.type_of(e, scope);
            let next = self.expr(e, scope)?;
            if let Label::SealedArray(sealed) = &next {
                self.no_domain(sealed, ty).map_err(|r| r.at(self.position(e)))?;
            }
            label = self.join(label, next, e, "an array")?;
        }
        Ok(match label {
            // Of arrays: one of more dimensions.
            Label::Sealed(s) | Label::SealedArray(s) => Label::SealedArray(s),
            Label::Clear => Label::Clear,
            Label::Null => Label::Null,
        })
    }

    /// In an array, values of a domain over arrays are elements, not one more dimension: they are not looked into there.
    fn no_domain(&self, sealed: &Sealed, ty: Option<Ty>) -> Result<(), Refusal> {
        let forms = &self.facts.catalog.forms;
        match ty.is_some_and(|ty| forms.bottom(ty.oid) != ty.oid) {
            true => Err(refuse::sealed_use(self.role, sealed, "an array, since its type is a domain")),
            false => Ok(()),
        }
    }

    /// `ARRAY(SELECT …)`
    pub(crate) fn array_of_column(&self, cols: Vec<Col>) -> Result<Label, Refusal> {
        match <[_; 1]>::try_from(cols) {
            Ok([Col { label: Label::Sealed(s), .. }]) => Ok(Label::SealedArray(s)),
            Ok([Col { label: Label::SealedArray(s), ty, .. }]) => self.no_domain(&s, ty).map(|()| Label::SealedArray(s)),
            Ok([_]) => Ok(Label::Clear),
            Err(cols) => match cols.iter().find_map(|c| c.label.sealed()) {
                Some(s) => Err(refuse::sealed_use(self.role, s, "an array")),
                None => Ok(Label::Clear),
            },
        }
    }

    /// `root[1]`, `root[1:2]`, `(root).field`; `label`: of the root. Names that may be functions' are none of it: see
    /// [`Judge::last_attribute`].
    pub(crate) fn access(&mut self, label: Label, root: &Expr, chain: &mut [AccessExpr], scope: InScope) -> Result<Label, Refusal> {
        let (mut subscripts_only, mut slices) = (true, false);
        for access in chain {
            match access {
                AccessExpr::Subscript(Subscript::Index { index }) => self.clear(index, scope, "a subscript")?,
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                    slices = true;
                    self.all_clear(lower_bound.iter_mut().chain(upper_bound.iter_mut()), scope, "a subscript")?;
                }
                AccessExpr::Subscript(Subscript::Slice { .. }) => return Err(refuse::not_yet("form.expression", "a slice with a stride")),
                AccessExpr::Dot(Expr::Identifier(_)) => subscripts_only = false,
                AccessExpr::Dot(_) => return Err(refuse::not_yet("form.expression", "this field access")),
            }
        }
        match label {
            Label::Clear | Label::Null => Ok(Label::Clear),
            Label::SealedArray(s) if subscripts_only && slices => Ok(Label::SealedArray(s)),
            Label::SealedArray(s) if subscripts_only => Ok(Label::Sealed(s)),
            Label::Sealed(s) | Label::SealedArray(s) => {
                Err(refuse::sealed_use(self.role, &s, "a subscript or field access").at(self.position(root)))
            }
        }
    }

    /// Operators that put arrays together, or say which elements they share; `None` where neither side is a sealed array.
    pub(crate) fn array_operator(&self, op: &BinaryOperator, a: &Label, b: &Label, at: &Expr) -> Option<Result<Label, Refusal>> {
        if !matches!((a, b), (Label::SealedArray(_), _) | (_, Label::SealedArray(_))) {
            return None;
        }
        let written = match op {
            BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
                [schema, name] if schema == "pg_catalog" => name.clone(),
                _ => return None,
            },
            other => other.to_string(),
        };
        let usage = format!("operator {written}");
        match written.as_str() {
            "||" => Some(self.join(as_array(a), as_array(b), at, &usage)),
            "@>" | "<@" | "&&" => Some(self.compare(a.clone(), b.clone(), at, &usage)),
            _ => None,
        }
    }

    /// `x = ANY (array)` and the like.
    pub(crate) fn compare_elements(&self, x: Label, array: Label, at: &Expr, word: &str) -> Result<Label, Refusal> {
        match array {
            Label::SealedArray(s) => self.compare(x, Label::Sealed(s), at, word),
            Label::Sealed(s) => Err(refuse::sealed_use(self.role, &s, word).at(self.position(at))),
            Label::Clear | Label::Null => self.compare(x, array, at, word),
        }
    }

    /// The label of a value that shares a place with those before it: `'{}'` beside an array is the empty one.
    pub(crate) fn joined(&mut self, before: Label, e: &mut Expr, scope: InScope, usage: &str) -> Result<Label, Refusal> {
        let next = self.expr(e, scope)?;
        let next = if matches!(before, Label::SealedArray(_)) && self.is_empty_array(e) { Label::Null } else { next };
        self.join(before, next, e, usage)
    }

    fn is_empty_array(&self, e: &Expr) -> bool {
        let is_empty = |v: &Value| matches!(v, Value::SingleQuotedString(s) if s == "{}");
        match build::bare(e) {
            Expr::Value(v) => is_empty(&v.value),
            Expr::Cast { expr, data_type: data_type @ DataType::Array(_), .. } => {
                self.fits_beside_sealed(data_type) && self.is_empty_array(expr)
            }
            Expr::TypedString(t) => {
                matches!(&t.data_type, DataType::Array(_)) && self.fits_beside_sealed(&t.data_type) && is_empty(&t.value.value)
            }
            _ => false,
        }
    }

    /// Whether a NULL of that type, in a place of sealed values too, leaves them a type in which those are equal that were: no domain,
    /// whose collation would count, no type that is shorter than they are, or blind to something in them, and none for which their seal is not made.
    pub(crate) fn fits_beside_sealed(&self, to: &DataType) -> bool {
        let Some(ty) = self.written_type(to) else { return false };
        let forms = &self.facts.catalog.forms;
        match forms.element(ty.oid).unwrap_or(ty.oid) {
            oid::TEXT | oid::VARCHAR | oid::INT4 | oid::INT8 => true,
            // int2, uuid.
            21 | 2950 => true,
            // What no text, number or uuid becomes of itself: boolean, bytea, json and jsonb, dates and times.
            oid::BOOL | 17 | 114 | oid::JSONB | oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
                true
            }
            _ => false,
        }
    }
}

/// What a cast leaves sealed: of text types to text or varchar without a length, of others to their own; of arrays likewise.
/// `None` for every other cast.
pub(crate) fn cast(label: &Label, to: &DataType) -> Option<Label> {
    match (label, to) {
        (Label::Clear | Label::Null, _) => Some(label.clone()),
        (Label::Sealed(s), to) => cast_value(s, to).map(Label::Sealed),
        (Label::SealedArray(s), DataType::Array(sqlparser::ast::ArrayElemTypeDef::SquareBracket(element, _))) => {
            // text[][] is text[] to Postgres.
            let mut element = &**element;
            while let DataType::Array(sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)) = element {
                element = inner;
            }
            cast_value(s, element).map(Label::SealedArray)
        }
        (Label::SealedArray(_), _) => None,
    }
}

fn cast_value(s: &Sealed, to: &DataType) -> Option<Sealed> {
    let base = target(to)?;
    let ty = || Arc::new(SealedType { collation: s.ty.collation.clone(), ..SealedType::plain(base) });
    // The cast of a bpchar takes its trailing blanks away.
    let form = match (&s.spec.form, base) {
        (SealForm::Text { style, .. }, BaseType::Text | BaseType::Varchar) => SealForm::Text { style: style.clone(), trim: false, pad: 0 },
        (SealForm::Token(token), BaseType::Text | BaseType::Varchar) if token.kind == Kind::Text => {
            SealForm::Token(TokenForm { trim: false, ..token.clone() })
        }
        (SealForm::Text { .. } | SealForm::Token(_) | SealForm::Uuid | SealForm::Int8, _) => {
            return (base == s.ty.base && !matches!(base, BaseType::Text | BaseType::Varchar)).then(|| s.clone());
        }
    };
    Some(Sealed { spec: Arc::new(SealSpec { form, ..s.spec.as_ref().clone() }), ty: ty(), ..s.clone() })
}

/// The type that a cast is to, where it is one that changes no value of any length.
fn target(to: &DataType) -> Option<BaseType> {
    match to {
        DataType::Text => Some(BaseType::Text),
        DataType::Varchar(None) | DataType::CharacterVarying(None) | DataType::CharVarying(None) => Some(BaseType::Varchar),
        DataType::Uuid => Some(BaseType::Uuid),
        DataType::BigInt(None) | DataType::Int8(None) => Some(BaseType::Int8),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => Some(BaseType::Int4),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => match name.to_string().as_str() {
            "\"pg_catalog\".\"text\"" => Some(BaseType::Text),
            "\"pg_catalog\".\"varchar\"" => Some(BaseType::Varchar),
            "\"pg_catalog\".\"uuid\"" => Some(BaseType::Uuid),
            "\"pg_catalog\".\"int8\"" => Some(BaseType::Int8),
            "\"pg_catalog\".\"int4\"" => Some(BaseType::Int4),
            _ => None,
        },
        _ => None,
    }
}

/// A value beside an array: as the array of one.
fn as_array(label: &Label) -> Label {
    match label {
        Label::Sealed(s) => Label::SealedArray(s.clone()),
        other => other.clone(),
    }
}
