//! What a protected value looks like to a role: in SQL (veil) and in the result stream (seal).

pub mod fake;
pub mod fit;
pub mod seal;
pub mod spec;
pub mod token;
pub mod veil;

use std::sync::Arc;

use seal::SealSpec;
pub use spec::MaskSpec;

/// What happens to one result column on its way to the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Mask {
    /// Sent as it came. A decision, not an absence.
    Clear,
    /// Each value replaced by its pseudonym; NULL stays NULL.
    Seal(Arc<SealSpec>),
    /// Each element of an array replaced by its pseudonym; NULLs, dimensions and bounds stay.
    SealElements(Arc<SealSpec>),
}
