//! Writing, and what is kept.

use super::Kind;

#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind {
        id: "write.read_only",
        meaning: "A statement that would make transactions READ WRITE, for a role that may write nowhere.",
        why: "The policy says `read_only`, and names no `writable_schemas`.",
        instead: "Leave it out: transactions of such a role are READ ONLY.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "write.schema",
        meaning: "A statement that would write where the role may only read.",
        why: "The policy says `read_only`, and does not name the schema under `writable_schemas`.",
        instead: "Write in a schema that the policy names, or in temporary tables.",
        example: None,
        of_postgres: false,
    },
];
