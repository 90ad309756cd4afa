//! What an expression may show: the label that the judgement infers for it.

use std::sync::Arc;

use crate::mask::seal::{SealForm, SealSpec, TokenForm};

/// Where a sealed value came from; for refusals.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sealed {
    /// How it is written for the role.
    pub spec: Arc<SealSpec>,
    /// `schema.table.column`
    pub column: String,
    /// The rule of the policy that seals it.
    pub rule: String,
}

/// The label of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Label {
    /// Holds nothing protected (masked values count as that).
    Clear,
    /// The NULL constant: may stand beside anything.
    Null,
    /// Raw inside the database: only equality within its class may show.
    Sealed(Sealed),
}

impl Label {
    /// The sealed value, if it is one.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Label::Sealed(s) => Some(s),
            Label::Clear | Label::Null => None,
        }
    }
}

/// Two sealed values of one domain that can share a place: the spec of what that place holds.
pub(crate) fn same_domain(a: &SealSpec, b: &SealSpec) -> Option<SealSpec> {
    if a.class != b.class {
        return None;
    }
    match (&a.form, &b.form) {
        (SealForm::Text { prefix, length, trim }, SealForm::Text { prefix: other_prefix, length: other_length, trim: other_trim }) => {
            (prefix == other_prefix && length == other_length).then(|| SealSpec {
                class: a.class.clone(),
                form: SealForm::Text { prefix: prefix.clone(), length: *length, trim: *trim || *other_trim },
            })
        }
        (SealForm::Uuid, SealForm::Uuid) | (SealForm::Int8, SealForm::Int8) => Some(a.clone()),
        (SealForm::Token(one), SealForm::Token(other)) => {
            let trim = one.trim || other.trim;
            let alike = |t: &TokenForm| TokenForm { trim, ..t.clone() };
            (alike(one) == alike(other)).then(|| SealSpec { class: a.class.clone(), form: SealForm::Token(alike(one)) })
        }
        (SealForm::Text { .. } | SealForm::Uuid | SealForm::Int8 | SealForm::Token(_), _) => None,
    }
}

/// Why two labels cannot share a place (a CASE's branches, a set operation's arms, two sides of `=`).
#[derive(Debug)]
pub(crate) enum Clash {
    /// A sealed value beside something that is not.
    Unsealed(Sealed),
    /// Two sealed values of different classes or types.
    Classes(Sealed, Sealed),
}

/// The label of a place that holds either of two values.
pub(crate) fn join(a: Label, b: Label) -> Result<Label, Clash> {
    match (a, b) {
        (Label::Null, other) | (other, Label::Null) => Ok(other),
        (Label::Clear, Label::Clear) => Ok(Label::Clear),
        (Label::Sealed(s), Label::Clear) | (Label::Clear, Label::Sealed(s)) => Err(Clash::Unsealed(s)),
        (Label::Sealed(a), Label::Sealed(b)) => match same_domain(&a.spec, &b.spec) {
            Some(spec) => Ok(Label::Sealed(Sealed { spec: Arc::new(spec), ..a })),
            None => Err(Clash::Classes(a, b)),
        },
    }
}
