//! The proxy: frames in, a judgement on text, frames out.

pub mod conversation;
pub mod error;
pub mod rows;
pub mod scrub;
pub mod wire;
