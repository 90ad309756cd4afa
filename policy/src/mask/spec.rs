//! A mask as the policy writes it, before it meets a column.

use std::collections::BTreeMap;
use std::fmt;

use super::fake::Fake;
use super::veil::sql::{Condition, SqlMask};
use crate::policy::pattern::Pattern;

/// A mask as the policy writes it. Which column types it fits: [`super::fit`].
#[derive(Debug, Clone, PartialEq)]
pub enum MaskSpec {
    /// Shown as stored.
    Clear,
    /// Always NULL.
    Null,
    /// This constant, where it is one of the column's type; text types without one: [`DEFAULT_REDACTION`]; else NULL.
    Redact(Option<Constant>),
    /// Some characters at the ends stay, each other one is replaced.
    Keep(Keep),
    /// A point in time, cut to the start of its unit (in UTC).
    Truncate(Unit),
    /// A number, rounded down to a multiple of the width.
    Bucket(Width),
    /// An address, cut to its network.
    Network {
        /// Bits kept of an IPv4 address, 0 to 31.
        v4: u8,
        /// Bits kept of an IPv6 address, 0 to 127.
        v6: u8,
    },
    /// A date or time, moved by a secret number of days: one for all that belongs to the same.
    Shift(Shift),
    /// A number, moved by a secret amount: one for each value.
    Noise(Noise),
    /// A keyed pseudonym.
    Hash {
        /// For text types: written before the digits.
        prefix: String,
        /// For text types: the number of digits.
        length: usize,
    },
    /// A keyed pseudonym in place of what stands before the `@` of an e-mail address; its domain stays.
    Email {
        /// Written before the digits.
        prefix: String,
        /// The number of digits.
        length: usize,
    },
    /// A plausible value, chosen by a keyed hash.
    Fake(Fake),
    /// A keyed pseudonym that pgveil can turn back.
    Token {
        /// For text types: written before the digits.
        prefix: String,
        /// For text types: bytes that lengths are rounded up to.
        bucket: usize,
        /// For text types: what is made of digits becomes other digits.
        digits: bool,
    },
    /// A JSON object: a mask for each of some keys; keys that are not named stay.
    Json(BTreeMap<String, JsonMask>),
    /// A composite value: a mask for each of some fields, those that are not named are redacted.
    Fields(BTreeMap<String, MaskSpec>),
    /// An expression over the column.
    Sql(SqlMask),
    /// One of two masks, as a condition on the row says.
    When(Box<When>),
    /// A statement that uses the column is refused.
    Refuse,
}

/// What a value under one key of a JSON object becomes. A value of another JSON type than the mask takes becomes `null`.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonMask {
    /// Shown as stored.
    Clear,
    /// JSON `null`.
    Null,
    /// This constant, or the JSON string [`DEFAULT_REDACTION`].
    Redact(Option<Constant>),
    /// Strings only.
    Keep(Keep),
    /// Numbers only.
    Bucket(Width),
    /// Objects only; arrays too where there is a mask for [`ANY_KEY`].
    Object(BTreeMap<String, JsonMask>),
}

/// In place of a key: every key that is not named, and every element of an array.
pub const ANY_KEY: &str = "*";

/// A constant of the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constant {
    /// A text, or a date or time as ISO 8601 writes it.
    Text(String),
    /// Digits, with a sign before and a point among them.
    Number(String),
    /// true or false.
    Truth(bool),
}

impl Constant {
    /// As a text.
    pub fn text(&self) -> &str {
        match self {
            Constant::Text(text) | Constant::Number(text) => text,
            Constant::Truth(true) => "true",
            Constant::Truth(false) => "false",
        }
    }
}

/// The constant of `redact` where the policy gives none.
pub const DEFAULT_REDACTION: &str = "[redacted]";

/// The arguments of `keep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Characters that stay at the start.
    pub first: u32,
    /// Characters that stay at the end.
    pub last: u32,
    /// What each other character becomes.
    pub fill: char,
    /// Those of [`SEPARATORS`] stay, wherever they stand.
    pub separators: bool,
}

/// What divides the parts of a number, a date, an address.
pub const SEPARATORS: &str = "-./ @";

/// The arguments of `shift`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The columns whose values say what belongs to the same, and of which relations; without these, of all.
    pub by: Vec<(Option<Pattern<2>>, Vec<String>)>,
    /// A date moves by 1 to this many days, forth or back.
    pub days: u32,
}

/// The arguments of `noise`.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Up to this, up or down.
    Amount(Width),
    /// Up to this part of the value, up or down.
    Fraction(Width),
}

/// Two masks and what chooses between them.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Over the columns of the row.
    pub condition: Condition,
    /// Where it is true.
    pub then: MaskSpec,
    /// Where it is false or NULL.
    pub otherwise: MaskSpec,
}

/// The width of a bucket: positive, in decimal notation without an exponent.
#[derive(Debug, Clone, PartialEq)]
pub struct Width {
    /// As written in SQL: digits, with a point where it is no whole number.
    pub decimal: String,
    /// The same, where it is a whole number.
    pub whole: Option<i64>,
}

/// A unit of time, as `date_trunc` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Postgres' own names")]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
}

impl Unit {
    /// All units, the finest first.
    pub const ALL: [Unit; 9] =
        [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year, Unit::Decade, Unit::Century];

    /// The name in the policy and in `date_trunc`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
            Unit::Year => "year",
            Unit::Decade => "decade",
            Unit::Century => "century",
        }
    }

    /// A date has no finer part than this unit: nothing would be cut.
    pub fn keeps_whole_dates(self) -> bool {
        matches!(self, Unit::Minute | Unit::Hour | Unit::Day)
    }
}

impl MaskSpec {
    /// A pseudonym: raw in the database, replaced in the result stream.
    pub fn seals(&self) -> bool {
        matches!(self, MaskSpec::Hash { .. } | MaskSpec::Email { .. } | MaskSpec::Fake(_) | MaskSpec::Token { .. })
    }

    /// Computed in the database, by a key: of values of one's own it would show what it does to those of others.
    pub fn is_keyed_veil(&self) -> bool {
        match self {
            MaskSpec::Shift(_) | MaskSpec::Noise(_) => true,
            MaskSpec::When(when) => when.then.is_keyed_veil() || when.otherwise.is_keyed_veil(),
            _ => false,
        }
    }

    /// Whoever may write could read in it what it does to values of others: it is for roles that may not.
    pub fn is_for_readers(&self) -> bool {
        self.is_keyed_veil() || self.reads().is_some()
    }

    /// SQL or names, by which it reads other columns of the row.
    pub fn reads(&self) -> Option<String> {
        match self {
            MaskSpec::Shift(shift) => Some(shift.by.iter().flat_map(|(_, columns)| columns).cloned().collect::<Vec<_>>().join(" ")),
            MaskSpec::When(when) => {
                let branches = [&when.then, &when.otherwise].into_iter().filter_map(MaskSpec::reads);
                Some(branches.fold(when.condition.text().to_owned(), |all, next| format!("{all} {next}")))
            }
            _ => None,
        }
    }

    /// The mask's name in the policy.
    pub fn name(&self) -> &'static str {
        match self {
            MaskSpec::Clear => "clear",
            MaskSpec::Null => "null",
            MaskSpec::Redact(_) => "redact",
            MaskSpec::Keep(_) => "keep",
            MaskSpec::Truncate(_) => "truncate",
            MaskSpec::Bucket(_) => "bucket",
            MaskSpec::Network { .. } => "network",
            MaskSpec::Shift(_) => "shift",
            MaskSpec::Noise(_) => "noise",
            MaskSpec::Hash { .. } => "hash",
            MaskSpec::Email { .. } => "email",
            MaskSpec::Fake(_) => "fake",
            MaskSpec::Token { .. } => "token",
            MaskSpec::Json(_) => "json",
            MaskSpec::Fields(_) => "fields",
            MaskSpec::Sql(_) => "sql",
            MaskSpec::When(_) => "when",
            MaskSpec::Refuse => "refuse",
        }
    }
}

impl fmt::Display for MaskSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
