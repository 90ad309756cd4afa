//! The twin test: two databases that differ only in what a role must not see give it the same answers.

pub mod compare;
pub mod data;
pub mod generate;
pub mod run;
mod shrink;
