//! Keyed pseudonyms, computed on the result stream with keys that never enter the database.

/// How a sealed class is written for one type. Equal specs give equal pseudonyms for equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSpec {
    /// The class: the pseudonym's domain. Values of different classes never correlate.
    pub class: String,
    /// The form of the pseudonym.
    pub form: SealForm,
}

/// The form of a pseudonym, by the column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealForm {
    /// text, varchar, bpchar, citext.
    Text {
        /// Written before the digits.
        prefix: String,
        /// Number of digits after the prefix.
        length: usize,
        /// bpchar: trailing blanks are not part of the value.
        trim: bool,
    },
    /// A version-8 UUID.
    Uuid,
    /// bigint, never negative.
    Int8,
}
