//! Which columns look like personal data: by their names, by their types, and by samples of their values.
//!
//! Pure: whoever calls it takes the samples ([`sample`] has the SQL). No value leaves it: a reason tells shares and rules only.
//!
//! Names alone guess, values alone miss what is rare; a column is proposed where one of them is certain or both agree. The rules for values are
//! those of the numbers themselves (check digits), so that a random number passes them one time in ten and a column of them never.

mod dictionary;
mod kind;
mod name;
mod national;
mod people;
pub mod proposal;
pub mod sample;
mod value;
mod weigh;

pub use kind::Kind;
pub use proposal::{Proposal, propose};

use crate::catalog::{Column, Relation};

/// What a column looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// What it seems to hold.
    pub kind: Kind,
    /// 0 to 1; see [`Suspect::LIKELY`].
    pub confidence: f32,
    /// Why, for people. Holds no value.
    pub reason: String,
}

impl Suspect {
    /// From this confidence on a column is proposed; below, it is worth a look.
    pub const LIKELY: f32 = 0.6;

    /// It is proposed, not only worth a look.
    pub fn is_likely(&self) -> bool {
        self.confidence >= Self::LIKELY
    }
}

/// What a column looks like. `values`: some that are stored, as text, without NULLs; none where nobody looked.
pub fn suspect(relation: &Relation, column: &Column, values: Option<&[String]>) -> Option<Suspect> {
    weigh::weigh(relation, column, values)
}

#[cfg(test)]
mod tests;
