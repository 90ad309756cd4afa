//! Names that Postgres could bind otherwise than the judgement does: each has a constant and a protected column to choose from.

use super::*;

attacks![
    attack(
        "a query of WITH RECURSIVE names one behind it",
        &[
            "WITH x AS (SELECT 'a'::text AS e) SELECT upper(e) FROM (WITH RECURSIVE a AS (SELECT e FROM x), x AS (SELECT email AS e FROM shop.customers) SELECT e FROM a) AS q LIMIT 2"
        ],
        Refused
    ),
    attack(
        "the same, in a condition",
        &[
            "WITH x AS (SELECT 'a'::text AS e) SELECT count(*) FROM (WITH RECURSIVE a AS (SELECT e FROM x WHERE e LIKE 'z%'), x AS (SELECT email AS e FROM shop.customers) SELECT e FROM a) AS q"
        ],
        Refused
    ),
    attack(
        "an alias that pgveil makes up, inside",
        &[
            "SELECT (SELECT upper(pgveil_t1.email) FROM shop.countries AS customers, shop.customers WHERE shop.customers.email IS NOT NULL LIMIT 1) FROM (SELECT 'k'::text AS email) AS pgveil_t1"
        ],
        Error("42939")
    ),
    attack("a CTE of such a name", &["WITH pgveil_q1 AS (SELECT 'k'::text AS pgveil_c1) SELECT pgveil_c1 FROM pgveil_q1"], Error("42939")),
    attack(
        "a system column that a veiled catalog has not got",
        &["SELECT upper((SELECT ctid::text FROM pg_class LIMIT 1)) FROM (SELECT email AS ctid FROM shop.customers) AS o LIMIT 2"],
        Refused
    ),
    attack(
        "a system column that a view has not got",
        &["SELECT upper((SELECT xmin::text FROM pg_tables LIMIT 1)) FROM (SELECT email AS xmin FROM shop.customers) AS o LIMIT 2"],
        Refused
    ),
    attack(
        "a system column that hides behind a JOIN",
        &[
            "SELECT upper((SELECT xmin::text FROM shop.countries JOIN (SELECT 1 AS one) AS d ON true LIMIT 1)) FROM (SELECT email AS xmin FROM shop.customers) AS o LIMIT 2"
        ],
        Refused
    ),
    attack(
        "two names alike in 63 bytes",
        &[
            "SELECT (SELECT upper(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX.e) FROM (SELECT email AS e FROM shop.customers) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaY LIMIT 1) FROM (SELECT 'k'::text AS e) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX"
        ],
        Refused
    ),
    attack(
        "a column's name that only Postgres knows",
        &[
            "SELECT (SELECT upper(\"case\") FROM (SELECT CAST((SELECT CASE WHEN true THEN email END) AS text) FROM shop.customers) AS q LIMIT 1) FROM (SELECT 'k'::text AS \"case\") AS o"
        ],
        Harmless
    ),
    attack(
        "a name that a star gives",
        &[
            "SELECT (SELECT upper(email) FROM (SELECT (SELECT * FROM (SELECT email FROM shop.customers LIMIT 1) AS y)) AS q) FROM (SELECT 'k'::text AS email) AS o"
        ],
        Harmless
    ),
    attack(
        "LIMIT by a CTE that would be left outside",
        &[
            "WITH x AS (SELECT 1 AS n), leads AS (SELECT email FROM shop.leads) SELECT email FROM leads UNION SELECT email FROM leads LIMIT (SELECT n FROM x)"
        ],
        Refused
    ),
];
