//! The wire protocol's bytes (PostgreSQL documentation, chapter 55): frames are cut here, by us.

pub mod answer;
pub mod cursor;
pub mod frame;
pub mod message;
