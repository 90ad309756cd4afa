//! Arrays of pseudonymised values where a form gives out their elements, or a row of them, or their order.

use super::*;

attacks![
    attack("ROWS FROM unnest", &["SELECT r.u FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email])) AS r(u)"], Pseudonyms),
    attack(
        "ROWS FROM unnest, by its content",
        &["SELECT c.id FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email])) AS r(u) WHERE r.u LIKE 'a%'"],
        Refused
    ),
    attack(
        "ROWS FROM unnest in capitals",
        &["SELECT upper(r.u) FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email])) AS r(u)"],
        Refused
    ),
    attack(
        "ROWS FROM unnest beside another function",
        &["SELECT r.a FROM shop.customers AS c, ROWS FROM (generate_series(1, 1), unnest(ARRAY[c.email])) WITH ORDINALITY AS r(n, a, o)"],
        Pseudonyms
    ),
    attack(
        "ROWS FROM unnest beside a guess",
        &["SELECT c.id FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email]), unnest(ARRAY['{email}'])) AS r(a, b) WHERE a = b"],
        Refused
    ),
    attack("a row of ROWS FROM", &["SELECT r FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email])) AS r(u)"], Refused),
    attack(
        "ROWS FROM unnest with a column definition",
        &["SELECT r.u FROM shop.customers AS c, ROWS FROM (unnest(ARRAY[c.email]) AS (u text)) AS r"],
        Nothing
    ),
    attack(
        "SEARCH BY an array",
        &["WITH RECURSIVE t(id, a) AS (SELECT id, ARRAY[email] FROM shop.customers UNION ALL SELECT id, a FROM t WHERE false) \
           SEARCH DEPTH FIRST BY a SET o SELECT id, o::text FROM t"],
        Refused
    ),
    attack(
        "SEARCH BREADTH BY an array",
        &["WITH RECURSIVE t(id, a) AS (SELECT id, ARRAY[email] FROM shop.customers UNION ALL SELECT id, a FROM t WHERE false) \
           SEARCH BREADTH FIRST BY id, a SET o SELECT id, o::text FROM t"],
        Refused
    ),
    attack(
        "CYCLE of an array",
        &["WITH RECURSIVE t(id, a) AS (SELECT id, ARRAY[email] FROM shop.customers UNION ALL SELECT id, a FROM t WHERE false) \
           CYCLE a SET m USING p SELECT p::text FROM t"],
        Refused
    ),
    attack("ORDER BY USING of an array", &["SELECT id, ARRAY[email] AS a FROM shop.customers ORDER BY a USING <"], Refused),
    attack("ORDER BY USING of an array by its position", &["SELECT id, ARRAY[email] FROM shop.customers ORDER BY 2 USING >"], Refused),
    attack("ORDER BY USING of an array in place", &["SELECT id FROM shop.customers ORDER BY ARRAY[email] USING <"], Refused),
    attack("a window USING an array", &["SELECT id, rank() OVER (ORDER BY ARRAY[email] USING <) FROM shop.customers"], Refused),
    attack("an aggregate USING an array", &["SELECT array_agg(id ORDER BY ARRAY[email] USING <) FROM shop.customers"], Refused),
];
