//! The judgement without a server: SQL in, SQL or a refusal out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests fail by panicking"
)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "judge/case.rs"]
mod case;
#[path = "judge/engine.rs"]
mod engine;
#[path = "judge/fixture.rs"]
mod fixture;
#[path = "judge/kinds.rs"]
mod kinds;
#[path = "judge/other_policies.rs"]
mod other_policies;
#[path = "judge/sql_masks.rs"]
mod sql_masks;
#[path = "judge/tokens.rs"]
mod tokens;
#[path = "judge/users.rs"]
mod users;
#[path = "judge/words.rs"]
mod words;

/// One test for each file of cases.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// The files in `judge/cases`.
        pub const FILES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { case::check(stringify!($name)); })*
    };
}

cases! {
    gate, names, veil, seal_allowed, seal_arrays, seal_refused, from, with, sets, grouping, ordering, windows, functions, relations, statements, total_order, barrier,
    rows, shapes, keep, views, write_insert, write_update, write_filtered,
    write_merge, write_with, copy, named, define_own, define_engineer, fields, apart,
}
