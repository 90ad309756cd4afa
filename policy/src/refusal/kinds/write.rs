//! Writing, and what is kept.

use super::Kind;

#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind {
        id: "define.path",
        meaning: "Something would be created without a schema, and search_path names none.",
        why: "It is Postgres' own answer.",
        instead: "Write the name with its schema, or set search_path.",
        example: None,
        of_postgres: true,
    },
    Kind {
        id: "define.schema",
        meaning: "Something would be created, altered or dropped in a schema of Postgres' own, or in another session's temporary one.",
        why: "Names there mean what Postgres says.",
        instead: "Use a schema of your own, or temporary tables.",
        example: Some("CREATE TABLE pg_catalog.t AS SELECT 1 AS a"),
        of_postgres: false,
    },
    Kind {
        id: "keep.filtered",
        meaning: "A materialised view would be made of a relation of which rows are hidden from the role.",
        why: "A materialised view says nothing of whose rows it holds; it could not be read again by the role itself.",
        instead: "CREATE TABLE AS keeps the rows that the role sees; a view shows each reader their own.",
        example: Some("CREATE MATERIALIZED VIEW adhoc.m AS SELECT city FROM customers"),
        of_postgres: false,
    },
    Kind {
        id: "keep.key",
        meaning: "A view or materialised view would sort by a pseudonymised column, or take its minimum or maximum.",
        why: "They are ordered by a key that belongs to one session; a stored text must not hold it.",
        instead: "Leave the sorting to the query that reads the view, or keep the rows with CREATE TABLE AS.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "keep.sealed",
        meaning: "A pseudonymised column would be kept.",
        why: "Inside the database it is stored as it is; its pseudonyms are made on the way to the client.",
        instead: "Leave the column out, or keep what is computed from it, such as counts.",
        example: Some("CREATE MATERIALIZED VIEW adhoc.m AS SELECT email FROM customers"),
        of_postgres: false,
    },
    Kind {
        id: "keep.setting",
        meaning: "A view or materialised view would move search_path whenever it is read.",
        why: "Names in the statements after it would mean something else than pgveil judged.",
        instead: "SET search_path.",
        example: Some("CREATE VIEW adhoc.v AS SELECT set_config('search_path', 'crm', false) AS s"),
        of_postgres: false,
    },
    Kind {
        id: "keep.token",
        meaning: "A literal or parameter is compared with a column of tokens in a text that is stored.",
        why: "The token would be turned back, and the stored text would hold the value.",
        instead: "Compare in the query that reads the view.",
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
