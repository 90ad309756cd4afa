//! What is to be said of a policy, without a server being asked: findings, differences, its schema.

pub mod check;
mod conditions;
pub mod diff;
pub mod finding;
pub mod lock;
pub(crate) mod looks;
pub mod schema;
