//! The seal: where a sealed value may stand, and what is written so that its order does not show.
//!
//! * `meet`: which values may stand in one place or on two sides of a comparison;
//! * `call`: which functions take sealed values, and what they give;
//! * `array`: arrays of sealed values;
//! * `keyed`: an order of sealed values that shows nothing but equality.

pub(crate) mod array;
mod call;
pub(crate) mod keyed;
pub(crate) mod meet;

pub(crate) use call::Rewrite;
