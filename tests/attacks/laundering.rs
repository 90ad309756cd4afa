//! Protected columns through CTEs, subqueries, set operations, LATERAL and VALUES.

use super::*;

attacks![
    attack("CTE", &["WITH x AS (SELECT email AS y FROM shop.customers WHERE id = {id}) SELECT y FROM x"], Pseudonyms),
    attack("CTE, expression outside", &["WITH x AS (SELECT email AS y FROM shop.customers) SELECT left(y, 1) FROM x"], Refused),
    attack(
        "materialised CTE",
        &["WITH x AS MATERIALIZED (SELECT full_name FROM shop.customers WHERE id = {id}) SELECT full_name FROM x"],
        Rows("[name]")
    ),
    attack("renamed CTE columns", &["WITH x (a, b) AS (SELECT id, email FROM shop.customers WHERE id = {id}) SELECT b FROM x"], Pseudonyms),
    attack(
        "CTE named like a table",
        &["WITH countries AS (SELECT email AS code FROM shop.customers WHERE id = {id}) SELECT code FROM countries"],
        Pseudonyms
    ),
    attack(
        "CTE that hides a protected table",
        &["WITH customers AS (SELECT 1 AS id, 'x' AS email) SELECT email FROM customers"],
        Rows("x")
    ),
    attack(
        "the hidden table inside its own CTE",
        &["WITH customers AS (SELECT email FROM shop.customers WHERE id = {id}) SELECT email FROM customers"],
        Pseudonyms
    ),
    attack(
        "recursion, one letter each round",
        &[
            "WITH RECURSIVE r (n, s) AS (SELECT 1, email FROM shop.customers WHERE id = {id} UNION ALL SELECT n + 1, substr(s, 2) FROM r WHERE n < 5) SELECT * FROM r"
        ],
        Refused
    ),
    attack(
        "recursion that carries it",
        &[
            "WITH RECURSIVE r (n, s) AS (SELECT 1, ssn::text FROM shop.customers WHERE id = {id} UNION ALL SELECT n + 1, s FROM r WHERE n < 2) SELECT * FROM r"
        ],
        Harmless
    ),
    attack("second arm of UNION", &["SELECT code FROM shop.countries WHERE false UNION SELECT email FROM shop.customers"], Refused),
    attack(
        "second arm, veiled",
        &["SELECT name FROM shop.countries WHERE false UNION SELECT full_name FROM shop.customers"],
        Rows("[name]")
    ),
    attack(
        "third arm",
        &["SELECT 'a'::text WHERE false UNION ALL SELECT NULL UNION ALL SELECT email FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack(
        "first arm names, second gives",
        &["SELECT NULL::text AS x WHERE false UNION ALL SELECT email FROM shop.customers WHERE id = {id}"],
        Pseudonyms
    ),
    attack("two classes in one column", &["SELECT email FROM shop.customers UNION SELECT device::text FROM shop.customers"], Refused),
    attack("INTERSECT with guesses", &["SELECT email FROM shop.customers INTERSECT SELECT '{email}'"], Refused),
    attack("EXCEPT guesses", &["SELECT '{email}' EXCEPT SELECT email FROM shop.customers"], Refused),
    attack("INTERSECT with VALUES", &["SELECT email FROM shop.customers INTERSECT VALUES ('{email}'), ('x')"], Refused),
    attack("LATERAL", &["SELECT l.x FROM shop.customers c, LATERAL (SELECT c.email AS x) AS l WHERE c.id = {id}"], Pseudonyms),
    attack("LATERAL VALUES", &["SELECT l.x FROM shop.customers c, LATERAL (VALUES (c.email)) AS l (x) WHERE c.id = {id}"], Harmless),
    attack("LATERAL function", &["SELECT x FROM shop.customers c, LATERAL unnest(ARRAY[c.email]) AS x WHERE c.id = {id}"], Harmless),
    attack("LATERAL split", &["SELECT x FROM shop.customers c, LATERAL string_to_table(c.email, NULL) AS x WHERE c.id = {id}"], Refused),
    attack(
        "LATERAL regexp",
        &["SELECT x FROM shop.customers c, LATERAL regexp_split_to_table(c.email, '') AS x WHERE c.id = {id}"],
        Refused
    ),
    attack("scalar subquery", &["SELECT (SELECT email FROM shop.customers WHERE id = {id})"], Pseudonyms),
    attack("scalar subquery of a veiled one", &["SELECT (SELECT full_name FROM shop.customers WHERE id = {id}) || '!'"], Rows("[name]!")),
    attack("scalar subquery in an expression", &["SELECT (SELECT email FROM shop.customers WHERE id = {id}) || ''"], Refused),
    attack("array of a subquery", &["SELECT ARRAY(SELECT email FROM shop.customers WHERE id = {id})"], Harmless),
    attack("array of a subquery as text", &["SELECT ARRAY(SELECT email FROM shop.customers WHERE id = {id})::text"], Refused),
    attack("array and out again", &["SELECT unnest(ARRAY(SELECT email FROM shop.customers WHERE id = {id}))"], Harmless),
    attack(
        "array and out again, with a test",
        &["SELECT count(*) FROM unnest(ARRAY(SELECT email FROM shop.customers)) AS x WHERE x LIKE 'l%'"],
        Refused
    ),
    attack("array indexed", &["SELECT (array_agg(email ORDER BY id))[1] FROM shop.customers"], Harmless),
    attack("array_position of a guess", &["SELECT array_position(array_agg(email), '{email}') FROM shop.customers"], Refused),
    attack("array contains a guess", &["SELECT array_agg(email) @> ARRAY['{email}'] FROM shop.customers"], Refused),
    attack("guess = ANY of an array of it", &["SELECT '{email}' = ANY (array_agg(email)) FROM shop.customers"], Refused),
    attack("VALUES with a subquery", &["VALUES ((SELECT email FROM shop.customers WHERE id = {id}))"], Harmless),
    attack("VALUES with a subquery and a guess", &["VALUES ((SELECT email FROM shop.customers WHERE id = {id})), ('{email}')"], Refused),
    attack("COALESCE with a literal", &["SELECT COALESCE(email, 'none') FROM shop.customers WHERE id = {id}"], Refused),
    attack("NULLIF against a guess", &["SELECT NULLIF(email, '{email}') FROM shop.customers WHERE id = {id}"], Refused),
    attack("CASE with a literal arm", &["SELECT CASE WHEN id = {id} THEN email ELSE 'x' END FROM shop.customers WHERE id = {id}"], Refused),
    attack(
        "CASE with another class",
        &["SELECT CASE WHEN id = {id} THEN email ELSE full_name END FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack("lag with a default", &["SELECT lag(email, 1, 'x') OVER (ORDER BY id) FROM shop.customers LIMIT 1"], Refused),
    attack(
        "outer join pads with NULL",
        &["SELECT count(*) - count(l.email) > 0 FROM shop.customers c LEFT JOIN shop.leads l ON l.email = c.email"],
        Harmless
    ),
    attack(
        "FULL JOIN USING merges with a guess",
        &["SELECT email FROM shop.customers FULL JOIN (SELECT '{email}'::text AS email) AS g USING (email)"],
        Refused
    ),
    attack(
        "NATURAL JOIN with a guess",
        &["SELECT count(*) FROM shop.customers NATURAL JOIN (SELECT '{email}'::text AS email) AS g"],
        Refused
    ),
    attack("TABLE", &["TABLE shop.leads"], Harmless),
    attack("TABLE in UNION", &["TABLE shop.countries UNION SELECT country, email, true FROM shop.customers"], Refused),
    attack(
        "EXISTS subquery with a test",
        &["SELECT id FROM shop.countries, shop.products WHERE EXISTS (SELECT 1 FROM shop.customers WHERE email LIKE 'l%') LIMIT 1"],
        Refused
    ),
    attack("JSON aggregate of a subquery", &["SELECT json_agg(x) FROM (SELECT email FROM shop.customers LIMIT 2) AS x"], Refused),
    attack("jsonb_object_agg", &["SELECT jsonb_object_agg(id, email) FROM shop.customers"], Refused),
];
