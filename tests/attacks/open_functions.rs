//! Functions in FROM that have more columns than the text says: of a composite type, what they give comes apart into its fields, and the type
//! comes with a parameter. A hidden column holds a guess, or moves others from their places.

use pgveil_tests::client::Call;

use super::*;

attacks![
    attack(
        "NATURAL JOIN with guesses",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT c.id, c.email FROM shop.customers AS c NATURAL JOIN unnest($1) AS u",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "guesses on the left of NATURAL JOIN",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT c.id FROM unnest($1) AS u NATURAL LEFT JOIN shop.customers AS c",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "guesses in brackets",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT c.id FROM shop.customers AS c NATURAL JOIN ((SELECT 1 AS one) AS x CROSS JOIN unnest($1) AS u)",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "a guess by coalesce",
        &["PREPARE p(shop.contacts) AS SELECT c.id FROM shop.customers AS c NATURAL JOIN coalesce($1) AS u", "EXECUTE p('(,,{email})')"],
        Nothing
    ),
    attack(
        "guesses from JSON",
        &["SELECT c.id FROM shop.customers AS c NATURAL JOIN \
             unnest(ARRAY(SELECT r FROM json_populate_recordset(CAST(NULL AS shop.contacts), '[{\"email\": \"{email}\"}]') AS r)) AS u"],
        Refused
    ),
    attack("words of a text", &["SELECT c.id FROM shop.customers AS c NATURAL JOIN unnest(to_tsvector('simple', 'a')) AS u"], Refused),
    attack(
        "the pseudonym of a guess, under an alias of both levels",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT s.email FROM shop.customers AS c, LATERAL (SELECT email FROM unnest($1) AS c) AS s",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "the pseudonym of a guess by coalesce",
        &[
            "PREPARE p(shop.contacts) AS SELECT s.email FROM shop.customers AS c, LATERAL (SELECT email FROM coalesce($1) AS c) AS s",
            "EXECUTE p('(,,{email})')"
        ],
        Nothing
    ),
    attack(
        "the pseudonym of a guess in place of a merged column",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT (SELECT email FROM unnest($1) AS u) FROM shop.customers JOIN shop.leads USING (email)",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "the pseudonym of a guess by ROWS FROM",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT s.email FROM shop.customers AS c, LATERAL (SELECT email FROM ROWS FROM (unnest($1)) AS c) AS s",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "the raw values, moved in unnest",
        &[
            "PREPARE p(shop.depts[], shop.depts[]) AS \
             SELECT u.c FROM unnest($1, (SELECT array_agg(email) FROM shop.customers), $2) AS u(a, b, c)",
            "EXECUTE p('{\"(,)\"}', '{\"(,)\"}')"
        ],
        Nothing
    ),
    attack(
        "the raw values, moved in ROWS FROM",
        &[
            "PREPARE p(shop.depts[], shop.depts[]) AS \
             SELECT r.c FROM shop.customers AS s, ROWS FROM (unnest($1), unnest(ARRAY[s.email]), unnest($2)) AS r(a, b, c)",
            "EXECUTE p('{\"(,)\"}', '{\"(,)\"}')"
        ],
        Nothing
    ),
    attack(
        "the pseudonym of a guess, moved in unnest",
        &[
            "PREPARE p(shop.contacts[]) AS SELECT u.c FROM unnest($1, ARRAY['x'], (SELECT array_agg(email) FROM shop.customers)) AS u(a, b, c)",
            "EXECUTE p('{\"(,,{email})\"}')"
        ],
        Nothing
    ),
    attack(
        "the raw values, moved in a join with an alias",
        &[
            "PREPARE p(shop.depts[]) AS SELECT j.e FROM (unnest($1) AS u CROSS JOIN shop.customers AS c) AS j(a, b, c, d, e)",
            "EXECUTE p('{\"(,)\"}')"
        ],
        Nothing
    ),
    attack("a column that only Postgres knows", &["PREPARE p(shop.contacts[]) AS SELECT u.email FROM unnest($1) AS u"], Nothing),
    attack("a star over it", &["PREPARE p(shop.contacts[]) AS SELECT * FROM unnest($1) AS u(id)", "EXECUTE p('{\"(7,b,c)\"}')"], Rows("7")),
    attack(
        "numbers that are joined with",
        &["PREPARE p(int[]) AS SELECT u.id = {id} FROM shop.customers AS c JOIN unnest($1) AS u(id) ON u.id = c.id", "EXECUTE p('{{id}}')"],
        Rows("t")
    ),
    attack(
        "numbers that are looked for",
        &["PREPARE p(int[]) AS SELECT id = {id} FROM shop.customers WHERE id IN (SELECT unnest($1))", "EXECUTE p('{{id}}')"],
        Rows("t")
    ),
    attack(
        "their pseudonyms",
        &[
            "PREPARE p(int[]) AS SELECT (SELECT email FROM unnest($1) AS u LIMIT 1) FROM shop.customers AS c WHERE id = {id}",
            "EXECUTE p('{{id}}')"
        ],
        Pseudonyms
    ),
    attack(
        "texts of a known type under an alias of both levels",
        &["SELECT s.email FROM shop.customers AS c, LATERAL (SELECT email FROM unnest(CAST('{x}' AS text[])) AS c) AS s WHERE c.id = {id}"],
        Pseudonyms
    ),
    attack("columns with numbers", &["SELECT x, n FROM unnest(ARRAY[5, 6]) WITH ORDINALITY AS u(x, n) ORDER BY n DESC"], Rows("6|2\n5|1")),
    attack("NATURAL JOIN with numbers", &["SELECT id FROM (SELECT 1 AS id) AS x NATURAL JOIN generate_series(1, 2) AS id"], Rows("1")),
    attack("NATURAL JOIN of tables", &["SELECT name FROM shop.countries NATURAL JOIN (SELECT 'DE'::char(2) AS code) AS x"], Rows("Land 0")),
];

/// The protocol's Parse says a parameter's type, too.
#[test]
fn parameters_of_a_composite_type_by_parse() {
    for sql in [
        "SELECT c.id, c.email FROM shop.customers AS c NATURAL JOIN unnest($1) AS u",
        "SELECT s.email FROM shop.customers AS c, LATERAL (SELECT email FROM unnest($1) AS c) AS s",
        "SELECT u.c FROM unnest($1, ARRAY['x'], (SELECT array_agg(email) FROM shop.customers)) AS u(a, b, c)",
    ] {
        let answers = both("analyst", |session| {
            let oid = session.query("SELECT 'shop.contacts[]'::regtype::oid").ok().value().unwrap().parse().unwrap();
            let guess = Victim::get().fill("{\"(,,{email})\"}").into_bytes();
            vec![session.call(&Call { sql: sql.to_owned(), types: vec![oid], values: vec![Some(guess)], ..Call::default() })]
        });
        for answer in answers.unwrap_or_else(|why| panic!("{sql}: {why}")) {
            assert!(matches!(answer.sqlstate(), "42501" | "0A000"), "{sql}: {answer:?}");
            assert_eq!(answer.raw_rows().count(), 0, "{sql}");
        }
    }
}

#[test]
fn parameters_of_an_array_type_by_parse() {
    const INTEGERS: u32 = 1007;
    let id = Victim::get().fill("{id}");
    for sql in [
        "SELECT u.id FROM shop.customers AS c JOIN unnest($1) AS u(id) ON u.id = c.id",
        "SELECT id FROM shop.customers WHERE id IN (SELECT unnest($1))",
        "SELECT id FROM shop.customers WHERE id = ANY ($1)",
        "SELECT * FROM unnest($1)",
        "SELECT x FROM unnest($1) WITH ORDINALITY AS u(x, n) ORDER BY n",
    ] {
        let answers = both("analyst", |session| {
            let values = vec![Some(format!("{{{id}}}").into_bytes())];
            vec![session.call(&Call { sql: sql.to_owned(), types: vec![INTEGERS], values, ..Call::default() })]
        });
        for answer in answers.unwrap_or_else(|why| panic!("{sql}: {why}")) {
            assert_eq!(answer.ok().raw_rows().map(|row| row.iter().map(cell).collect::<String>()).collect::<String>(), id, "{sql}");
        }
    }
}
