//! pgveil's judgement: a statement's text and who asks in, a [`Plan`] or a [`Refusal`] out.
//!
//! Pure: no I/O, no async, no clock, no randomness. Rooms:
//!
//! * [`policy`]: the policy file, and what it means for a role on a given database ([`policy::Protection`]);
//! * [`catalog`]: a snapshot of the database's relations, functions and types;
//! * [`mask`]: what a protected value looks like: in SQL (veil) and in the result stream (seal);
//! * [`detect`]: which columns look like personal data;
//! * [`builtin`]: what pgveil itself knows of Postgres: settings, functions and catalogs that are safe;
//! * [`read`]: SQL text to a tree that two parsers agree on, and back to text;
//! * [`judge`]: names, labels, veils, row order; the [`Engine`];
//! * [`report`]: what is to be said of a policy: findings, differences, its schema.

pub mod builtin;
pub mod catalog;
pub mod detect;
pub mod judge;
pub mod mask;
pub mod plan;
pub mod policy;
pub mod read;
pub mod refusal;
pub mod report;

pub use catalog::Catalog;
pub use judge::{Described, Engine, Hidden, Subject};
pub use mask::Mask;
pub use plan::{
    Act, Argument, Carry, CopyData, CopyForm, Kind, NullParameter, Origin, Output, Plan, PlanFormat, Planned, SqlText, Token,
    TokenParameter,
};
pub use policy::{Policy, PolicyError};
pub use refusal::{Refusal, SqlState};
