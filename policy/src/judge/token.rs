//! Literals and parameters beside columns of tokens: taken as tokens, and turned back before they are sent.
//!
//! A value can never be guessed: what is no token equals nothing. So every constant that is compared with such a column must
//! go this way, and what cannot – a number in another form, another type – is refused. A parameter that is compared with
//! tokens may stand nowhere else: there it would show what a token stands for.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlparser::ast::{DataType, Expr, UnaryOperator, Value};

use super::expr::InScope;
use super::label::{Label, Sealed};
use super::object::{is_own, keeps_text};
use super::sealed::meet::same_domain;
use super::{Judge, build};
use crate::mask::seal::{SealForm, SealSpec};
use crate::mask::token::Kind;
use crate::plan::{NullParameter, Token, TokenParameter};
use crate::{Refusal, SqlState};

/// The literals and parameters of one statement.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    literals: Vec<Token>,
    parameters: BTreeMap<usize, Use>,
    /// Those that must be NULL, and why.
    nulls: BTreeMap<usize, Refusal>,
    /// Some are written to columns.
    pub written: bool,
}

/// Where a parameter stands, everywhere.
#[derive(Debug)]
enum Use {
    Clear,
    Token { spec: Arc<SealSpec>, array: bool },
}

impl Tokens {
    /// Literals, in the order of their holes.
    pub fn literals(&self) -> &[Token] {
        &self.literals
    }

    /// Parameters that hold tokens.
    pub fn parameters(&self) -> Arc<[TokenParameter]> {
        let tokens = self.parameters.iter().filter_map(|(index, used)| match used {
            Use::Clear => None,
            Use::Token { spec, array } => Some(TokenParameter { index: *index, spec: Arc::clone(spec), array: *array }),
        });
        tokens.collect()
    }

    /// Parameters that must be NULL.
    pub fn nulls(&self) -> Arc<[NullParameter]> {
        self.nulls.iter().map(|(index, why)| NullParameter { index: *index, why: why.clone() }).collect()
    }

    /// A parameter, or one with its type, is to be NULL when it is bound; false where the expression is none.
    pub fn must_be_null(&mut self, e: &Expr, why: &Refusal) -> bool {
        let inner = match build::bare(e) {
            Expr::Cast { expr, format: None, .. } => build::bare(expr),
            other => other,
        };
        let Expr::Value(v) = inner else { return false };
        let Value::Placeholder(name) = &v.value else { return false };
        let Some(index) = parameter_index(name) else { return false };
        self.nulls.entry(index).or_insert_with(|| why.clone());
        true
    }
}

impl Judge<'_> {
    /// The labels of what is compared with values of these labels.
    pub(crate) fn beside(&mut self, e: &mut Expr, others: &[Label], scope: InScope) -> Result<Vec<Label>, Refusal> {
        match (e, others) {
            (Expr::Nested(inner), _) => self.beside(inner, others, scope),
            (Expr::Tuple(parts), others) if parts.len() == others.len() => {
                parts.iter_mut().zip(others).map(|(part, other)| self.one_beside(part, other, scope)).collect()
            }
            (e, [other]) => Ok(vec![self.one_beside(e, other, scope)?]),
            (e, _) => self.tuple_or_value(e, scope),
        }
    }

    fn one_beside(&mut self, e: &mut Expr, other: &Label, scope: InScope) -> Result<Label, Refusal> {
        if let Label::Sealed(sealed) = other
            && let Some(label) = self.token(e, sealed)?
        {
            return Ok(label);
        }
        self.expr(e, scope)
    }

    /// The right side of `= ANY`: a parameter or constructor of tokens. `None` where it is neither.
    pub(crate) fn tokens(&mut self, e: &mut Expr, other: &Label, scope: InScope) -> Result<Option<Label>, Refusal> {
        let Label::Sealed(sealed) = other else { return Ok(None) };
        let Some(kind) = self.token_kind(sealed) else { return Ok(None) };
        if let Expr::Array(array) = bare_mut(e) {
            for element in &mut array.elem {
                let label = self.one_beside(element, other, scope)?;
                self.join(label, other.clone(), element, "ANY")?;
            }
            return Ok(Some(other.clone()));
        }
        match operand(e, &|t| array_of(t).is_some_and(|t| same_type(t, kind))) {
            Some(Expr::Value(v)) => match &v.value {
                Value::Placeholder(name) => {
                    let name = name.clone();
                    self.token_parameter(&name, sealed, true).map_err(|r| r.at(self.position(e)))?;
                    Ok(Some(other.clone()))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Notes that a parameter's value may show.
    pub(crate) fn clear_parameter(&mut self, name: &str) -> Result<(), Refusal> {
        let Some(index) = parameter_index(name) else { return Ok(()) };
        match self.tokens.parameters.get(&index) {
            None => {
                self.tokens.parameters.insert(index, Use::Clear);
                Ok(())
            }
            Some(Use::Clear) => Ok(()),
            Some(Use::Token { .. }) => Err(two_uses(name)),
        }
    }

    /// Replaces a literal by a hole, notes a parameter; `None` where it is neither, or the column holds no tokens.
    pub(super) fn token(&mut self, e: &mut Expr, sealed: &Sealed) -> Result<Option<Label>, Refusal> {
        let Some(kind) = self.token_kind(sealed) else { return Ok(None) };
        let at = self.position(&*e);
        let Some(constant) = operand(e, &|t| same_type(t, kind)) else { return Ok(None) };
        let label = Label::Sealed(sealed.clone());
        let written = match constant {
            Expr::Value(v) => match &v.value {
                Value::Placeholder(name) => {
                    let name = name.clone();
                    self.token_parameter(&name, sealed, false).map_err(|r| r.at(at))?;
                    return Ok(Some(label));
                }
                Value::SingleQuotedString(text) => text.clone(),
                Value::Number(digits, false) => digits.clone(),
                _ => return Ok(None),
            },
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match build::bare(expr) {
                Expr::Value(v) => match &v.value {
                    Value::Number(digits, false) => format!("-{digits}"),
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        if !readable(kind, &written) {
            return Err(self.no_token(sealed, &written, kind).at(at));
        }
        let number = self.tokens.literals.len();
        self.tokens.literals.push(Token { spec: Arc::clone(&sealed.spec), text: written });
        let hole = build::value(Value::SingleQuotedString(crate::SqlText::token_hole(self.facts.marker(), number)));
        *e = build::cast(hole, build::pg_type(type_name(kind)));
        Ok(Some(label))
    }

    /// Inside a view a literal is its author's, not a token.
    fn token_kind(&self, sealed: &Sealed) -> Option<Kind> {
        match &sealed.spec.form {
            SealForm::Token(form) if self.depth == 0 => Some(form.kind),
            SealForm::Token(_) | SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 => None,
        }
    }

    fn token_parameter(&mut self, name: &str, sealed: &Sealed, array: bool) -> Result<(), Refusal> {
        let Some(index) = parameter_index(name) else { return Err(two_uses(name)) };
        let fresh = Use::Token { spec: Arc::clone(&sealed.spec), array };
        match self.tokens.parameters.get_mut(&index) {
            None => {
                self.tokens.parameters.insert(index, fresh);
                Ok(())
            }
            Some(Use::Token { spec, array: before }) if *before == array => {
                let both = same_domain(spec, &sealed.spec).ok_or_else(|| two_uses(name))?;
                *spec = Arc::new(both);
                Ok(())
            }
            Some(Use::Token { .. } | Use::Clear) => Err(two_uses(name)),
        }
    }

    fn no_token(&self, sealed: &Sealed, written: &str, kind: Kind) -> Refusal {
        let short = super::expr::shorten(written);
        let what = match kind {
            Kind::Text => "text",
            Kind::Uuid => "UUID with hyphens",
            Kind::Int4 => "whole number that an integer holds",
            Kind::Int8 => "whole number that a bigint holds",
        };
        Refusal::new(
            SqlState::DENIED,
            "seal.token",
            format!("{short} cannot be a token of column {} (class {}) for role {}", sealed.column, sealed.spec.class, self.role),
        )
        .with_detail(format!("Rule: {}. What is compared with this column is taken as a token.", sealed.rule))
        .with_hint(format!("Write the token as it was shown: a {what}."))
    }
}

/// A literal or parameter, or a row of them: what it is beside decides what it means.
pub(crate) fn is_operand(e: &Expr) -> bool {
    match build::bare(e) {
        Expr::Tuple(parts) => parts.iter().all(is_operand),
        Expr::Cast { expr, .. } => is_operand(expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => matches!(build::bare(expr), Expr::Value(_)),
        Expr::Value(_) => true,
        _ => false,
    }
}

/// The constant inside casts that do not change it.
fn operand<'e>(e: &'e Expr, keeps: &dyn Fn(&DataType) -> bool) -> Option<&'e Expr> {
    match build::bare(e) {
        Expr::Cast { expr, data_type, format: None, .. } if keeps(data_type) => operand(expr, keeps),
        constant @ (Expr::Value(_) | Expr::UnaryOp { .. }) => Some(constant),
        _ => None,
    }
}

fn bare_mut(e: &mut Expr) -> &mut Expr {
    match e {
        Expr::Nested(inner) => bare_mut(inner),
        other => other,
    }
}

fn array_of(t: &DataType) -> Option<&DataType> {
    match t {
        DataType::Array(sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)) => Some(inner),
        _ => None,
    }
}

/// A type under which a constant is compared as the column's own is. Names of a client's are not qualified yet.
fn same_type(t: &DataType, kind: Kind) -> bool {
    match kind {
        Kind::Text => keeps_text(t),
        Kind::Uuid | Kind::Int4 | Kind::Int8 => is_own(t, type_name(kind)),
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Uuid => "uuid",
        Kind::Int4 => "int4",
        Kind::Int8 => "int8",
    }
}

/// Written so that only pgveil can read it as a value of the type: no other spelling of one may pass as it is.
fn readable(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Uuid => {
            let hyphens = [8, 13, 18, 23];
            text.len() == 36
                && text.bytes().enumerate().all(|(at, byte)| if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() })
        }
        Kind::Int4 => text.parse::<i32>().is_ok(),
        Kind::Int8 => text.parse::<i64>().is_ok(),
    }
}

/// A parameter that holds tokens of this kind may be declared with this type.
pub(super) fn fits_parameter(t: &DataType, spec: &SealSpec, array: bool) -> bool {
    let SealForm::Token(form) = &spec.form else { return false };
    let fits = |t: &DataType| same_type(t, form.kind);
    if array { array_of(t).is_some_and(fits) } else { fits(t) }
}

/// The type that it is best declared with.
pub(super) fn type_name_of(spec: &SealSpec) -> &'static str {
    match &spec.form {
        SealForm::Token(form) => type_name(form.kind),
        SealForm::Text { .. } => "text",
        SealForm::Uuid => "uuid",
        SealForm::Int8 => "int8",
    }
}

fn parameter_index(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
}

fn two_uses(name: &str) -> Refusal {
    Refusal::new(
        SqlState::DENIED,
        "seal.parameter",
        format!("parameter {name} is compared with a column of tokens, and may then be used for nothing else"),
    )
    .with_detail("It is turned back before it reaches the database; anywhere else it would show what the token stands for.")
    .with_hint("Use a parameter of its own for each.")
}
