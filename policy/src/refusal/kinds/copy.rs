//! COPY and LOCK.

use super::Kind;

#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind {
        id: "copy.encoding",
        meaning: "COPY in another encoding than UTF-8.",
        why: "Values are compared and hashed as UTF-8.",
        instead: "Leave ENCODING out, and convert the file.",
        example: Some("COPY products TO STDOUT (ENCODING 'LATIN1')"),
        of_postgres: false,
    },
    Kind {
        id: "copy.file",
        meaning: "COPY to or from a file or program of the server.",
        why: "It would go past pgveil.",
        instead: "Copy to STDOUT and from STDIN; in psql, \\copy does.",
        example: Some("COPY customers TO '/tmp/customers'"),
        of_postgres: false,
    },
    Kind {
        id: "copy.option",
        meaning: "An option of COPY that is not PostgreSQL 15's, or does not go with the others.",
        why: "Postgres says so too.",
        instead: "See the documentation of COPY.",
        example: Some("COPY products TO STDOUT (DELIMITER 'ab')"),
        of_postgres: true,
    },
    Kind {
        id: "copy.parameter",
        meaning: "A parameter in a COPY.",
        why: "Postgres says so too.",
        instead: "Write the value into the query.",
        example: Some("COPY (SELECT $1::int) TO STDOUT"),
        of_postgres: true,
    },
    Kind {
        id: "copy.query",
        meaning: "COPY of a statement that writes.",
        why: "Only queries are copied.",
        instead: "Run the statement by itself, with RETURNING.",
        example: Some("COPY (DELETE FROM products RETURNING id) TO STDOUT"),
        of_postgres: false,
    },
    Kind {
        id: "copy.relation",
        meaning: "COPY of a view, partitioned table or the like by its name, of a generated column, or of a column twice.",
        why: "Postgres says so too.",
        instead: "COPY (SELECT …) TO STDOUT copies whatever can be queried.",
        example: Some("COPY germans TO STDOUT"),
        of_postgres: true,
    },
    Kind {
        id: "copy.where",
        meaning: "WHERE of a COPY FROM.",
        why: "Its conditions are not judged yet.",
        instead: "Copy into a temporary table, and insert from there.",
        example: Some("COPY products FROM STDIN WHERE id > 1"),
        of_postgres: false,
    },
    Kind {
        id: "copy.write",
        meaning: "COPY into a masked column, by its name or because no columns are listed.",
        why: "What the client has for it are masks, and whether a value is taken would tell of those that are stored.",
        instead: "List the other columns.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "read.copy",
        meaning: "A form of COPY that is not known.",
        why: "Only what is understood is sent.",
        instead: "Write it as PostgreSQL 15's documentation does.",
        example: None,
        of_postgres: false,
    },
    Kind {
        id: "read.lock",
        meaning: "A form of LOCK that is not known.",
        why: "Only what is understood is sent.",
        instead: "Write it as PostgreSQL 15's documentation does.",
        example: None,
        of_postgres: false,
    },
];
