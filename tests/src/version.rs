//! What the versions of PostgreSQL differ in, as far as tests expect it: the one list of that.

use crate::world::World;

/// Something that a version has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// MERGE.
    Merge,
    /// HEADER of a COPY in text, and HEADER MATCH.
    HeaderInText,
    /// Views that read with the reader's rights: without them a view shows what is stored.
    SecurityInvoker,
    /// A minus before the whole of an interval in ISO 8601, and the like.
    IntervalsOf15,
    /// `force_parallel_mode` is `debug_parallel_query`.
    DebugParallelQuery,
    /// Words of COPY's errors say "COPY delimiter character", and name other SQLSTATEs.
    WordsOfCopy,
    /// `any_value`, subqueries without a name, SQL/JSON constructors.
    AnyValue,
    /// Protocol 3.2.
    LongKeys,
    /// An index is used for a condition on its second column.
    SkipScan,
    /// NOT NULL … NOT VALID.
    UncheckedNotNull,
    /// Generated columns that are computed when they are read.
    VirtualColumns,
    /// WITHOUT OVERLAPS, PERIOD.
    KeysInTime,
}

impl Feature {
    /// The major version that has brought it.
    pub fn since(self) -> u32 {
        match self {
            Feature::Merge | Feature::HeaderInText | Feature::SecurityInvoker | Feature::IntervalsOf15 => 15,
            Feature::DebugParallelQuery | Feature::WordsOfCopy | Feature::AnyValue => 16,
            Feature::LongKeys | Feature::SkipScan | Feature::UncheckedNotNull | Feature::VirtualColumns | Feature::KeysInTime => 18,
        }
    }
}

impl World {
    /// Whether this server has it; where not, that is printed.
    pub fn has(&self, feature: Feature) -> bool {
        let has = self.major() >= feature.since();
        if !has {
            println!("PostgreSQL {} has no {feature:?}", self.major());
        }
        has
    }
}
