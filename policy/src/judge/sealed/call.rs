//! Functions of pg_catalog that may take sealed values: those that show no more of them than which are equal or NULL.

use crate::catalog::BaseType;
use crate::judge::Judge;
use crate::judge::label::{Label, Sealed, SealedType};
use crate::judge::refuse;
use crate::{Refusal, SqlState};

use super::meet::{Clash, join};

/// What a parameter takes where an argument is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A value of the class.
    Value,
    /// An array of such.
    Array,
    /// Either; all of these alike.
    Either,
    /// Nothing sealed.
    Clear,
}

/// What a call gives where an argument is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Nothing that is sealed: a number, whether, a position.
    Clear,
    /// A value of the class.
    Value,
    /// An array of such.
    Array,
    /// What it takes, as it is.
    Same,
}

/// What must be done with a call whose arguments are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// It stays.
    No,
    /// It is asked by the keyed order. `text_of_varchar`: its result for varchar is text.
    Keyed { text_of_varchar: bool },
}

/// The parameters of a function, those after the last one being as the last, what it gives, and what becomes of it.
type Signature = (&'static [Takes], Gives, Rewrite);

/// Functions that are not here take nothing sealed.
fn signature(name: &str) -> Option<Signature> {
    use Takes::{Array, Clear, Either, Value};
    Some(match name {
        "count" | "num_nulls" | "num_nonnulls" | "pg_typeof" => (&[], Gives::Clear, Rewrite::No),
        "min" | "max" => (&[Value], Gives::Value, Rewrite::Keyed { text_of_varchar: true }),
        "mode" | "greatest" | "least" => (&[Value], Gives::Value, Rewrite::Keyed { text_of_varchar: false }),
        "array_agg" => (&[Either], Gives::Array, Rewrite::No),
        "any_value" | "first_value" | "last_value" => (&[Either], Gives::Same, Rewrite::No),
        "nth_value" => (&[Either, Clear], Gives::Same, Rewrite::No),
        "lag" | "lead" => (&[Either, Clear, Either], Gives::Same, Rewrite::No),
        "unnest" => (&[Array], Gives::Value, Rewrite::No),
        "array_append" | "array_remove" => (&[Array, Value], Gives::Array, Rewrite::No),
        "array_prepend" => (&[Value, Array], Gives::Array, Rewrite::No),
        "array_cat" => (&[Array, Array], Gives::Array, Rewrite::No),
        "array_replace" => (&[Array, Value, Value], Gives::Array, Rewrite::No),
        "trim_array" => (&[Array, Clear], Gives::Array, Rewrite::No),
        "array_position" => (&[Array, Value, Clear], Gives::Clear, Rewrite::No),
        "array_positions" => (&[Array, Value], Gives::Clear, Rewrite::No),
        "cardinality" | "array_ndims" | "array_dims" => (&[Array], Gives::Clear, Rewrite::No),
        "array_length" | "array_lower" | "array_upper" | "generate_subscripts" => (&[Array, Clear], Gives::Clear, Rewrite::No),
        _ => return None,
    })
}

impl Judge<'_> {
    /// The label of a call of a function of pg_catalog, by those of its arguments, and what must be done with it.
    ///
    /// # Errors
    /// The argument's index, and why it cannot stand there. Functions outside pg_catalog take nothing sealed: see
    /// [`Judge::nothing_sealed`].
    pub(crate) fn sealed_call(&self, name: &str, labels: &[Label]) -> Result<(Label, Rewrite), (usize, Refusal)> {
        let usage = format!("function {name}()");
        let Some((parameters, gives, rewrite)) = signature(name) else {
            return self.nothing_sealed(labels, &usage).map(|()| (Label::Clear, Rewrite::No));
        };
        if labels.iter().all(|l| l.sealed().is_none()) {
            return Ok((Label::Clear, Rewrite::No));
        }
        if parameters.is_empty() {
            return Ok((Label::Clear, Rewrite::No));
        }
        // All of the class as one value, whatever is an array taken for its elements.
        let mut class = Label::Null;
        let mut whole = Label::Null;
        for (index, label) in labels.iter().enumerate() {
            let takes = parameters.get(index).or(parameters.last()).copied().unwrap_or(Takes::Clear);
            let refused = |s: &Sealed| (index, refuse::sealed_use(self.role, s, &usage));
            let clash = |c: Clash| (index, refuse::clash(self.role, &c, &usage));
            let element = match (takes, label) {
                (Takes::Clear, Label::Clear | Label::Null) => continue,
                (Takes::Clear, Label::Sealed(s) | Label::SealedArray(s)) => return Err(refused(s)),
                (Takes::Value, Label::SealedArray(s)) | (Takes::Array, Label::Sealed(s)) => return Err(refused(s)),
                (_, Label::SealedArray(s)) => Label::Sealed(s.clone()),
                (_, other) => other.clone(),
            };
            if takes == Takes::Either {
                whole = join(whole, label.clone()).map_err(clash)?;
            }
            class = join(class, element).map_err(clash)?;
        }
        let Label::Sealed(of) = class else { return Ok((Label::Clear, rewrite)) };
        let label = match gives {
            Gives::Clear => Label::Clear,
            Gives::Value => Label::Sealed(gives_text(of, rewrite)),
            Gives::Array => Label::SealedArray(of),
            Gives::Same => whole,
        };
        Ok((label, rewrite))
    }

    /// For calls that show what they are given.
    ///
    /// # Errors
    /// The first argument that is sealed.
    pub(crate) fn nothing_sealed(&self, labels: &[Label], usage: &str) -> Result<(), (usize, Refusal)> {
        match labels.iter().enumerate().find_map(|(index, l)| l.sealed().map(|s| (index, s))) {
            Some((index, s)) => Err((index, refuse::sealed_use(self.role, s, usage))),
            None => Ok(()),
        }
    }

    /// `array_agg(DISTINCT x)` of arrays cannot be put in an order of its elements.
    pub(crate) fn no_arrays_of_arrays(&self, label: &Label) -> Result<(), Refusal> {
        match label {
            Label::SealedArray(s) => Err(Refusal::new(
                SqlState::UNSUPPORTED,
                "seal.use",
                format!(
                    "array_agg(DISTINCT …) of arrays of column {} (class {}) is not open to role {}",
                    s.column, s.spec.class, self.role
                ),
            )
            .with_detail(format!("Rule: {}.", s.rule))
            .with_hint("Use SELECT DISTINCT in a subquery, and array_agg outside.")
            .about(&s.spec.class)),
            Label::Clear | Label::Null | Label::Sealed(_) => Ok(()),
        }
    }
}

fn gives_text(of: Sealed, rewrite: Rewrite) -> Sealed {
    match rewrite {
        Rewrite::Keyed { text_of_varchar: true } if of.ty.base == BaseType::Varchar => {
            Sealed { ty: std::sync::Arc::new(SealedType { collation: of.ty.collation.clone(), ..SealedType::plain(BaseType::Text) }), ..of }
        }
        _ => of,
    }
}
