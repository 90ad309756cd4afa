//! Forms that sqlparser's tree has no place for: each meets a pseudonymised, a veiled or a filtered value.

use super::*;

attacks![
    attack("BETWEEN SYMMETRIC", &["SELECT id FROM shop.customers WHERE email BETWEEN SYMMETRIC 'a' AND 'm'"], Refused),
    attack("OPERATOR ANY", &["SELECT id FROM shop.customers WHERE email OPERATOR(pg_catalog.=) ANY (ARRAY['a', 'b'])"], Refused),
    attack("LIKE ALL", &["SELECT id FROM shop.customers WHERE email LIKE ALL (ARRAY['a%'])"], Refused),
    attack("LIKE ANY of a subquery", &["SELECT id FROM shop.customers WHERE email LIKE ANY (SELECT code FROM shop.countries)"], Refused),
    attack("an operator behind a quoted schema", &["SELECT id FROM shop.customers WHERE id OPERATOR(\"adhoc\".===) 1"], Refused),
    attack("ORDER BY USING", &["SELECT email FROM shop.customers ORDER BY email USING <"], Refused),
    attack("ORDER BY USING a name of the select list", &["SELECT email AS city FROM shop.customers ORDER BY city USING <"], Refused),
    attack("ORDER BY USING a position", &["SELECT email FROM shop.customers ORDER BY 1 USING >"], Refused),
    attack("ORDER BY USING under DISTINCT", &["SELECT DISTINCT email AS city FROM shop.customers ORDER BY city USING <"], Refused),
    attack(
        "ORDER BY USING of a union",
        &["SELECT email FROM shop.customers UNION SELECT email FROM shop.customers ORDER BY email USING <"],
        Refused
    ),
    attack("a window USING", &["SELECT id, row_number() OVER (ORDER BY email USING <) FROM shop.customers"], Refused),
    attack("VARIADIC", &["SELECT concat(VARIADIC ARRAY[email]) FROM shop.customers"], Refused),
    attack("xmlforest", &["SELECT xmlforest(email) FROM shop.customers"], Refused),
    attack("xmlelement's attributes", &["SELECT xmlelement(NAME a, xmlattributes(email AS b)) FROM shop.customers"], Refused),
    attack("xmlserialize keeps text", &["SELECT xmlserialize(CONTENT email AS text) FROM shop.customers"], Refused),
    attack("xml of a veiled column", &["SELECT xmlforest(full_name, ssn) FROM shop.customers WHERE id = {id}"], Harmless),
    attack(
        "XMLTABLE",
        &["SELECT x.* FROM shop.customers c, XMLTABLE('/a' PASSING xmlelement(NAME a, c.email) COLUMNS b text PATH '.') x"],
        Refused
    ),
    attack(
        "XMLTABLE of a veiled column",
        &[
            "SELECT x.* FROM shop.customers c, LATERAL XMLTABLE('/a' PASSING xmlelement(NAME a, c.full_name) COLUMNS b text PATH '.') x WHERE c.id = {id}"
        ],
        Harmless
    ),
    attack(
        "ROWS FROM",
        &["SELECT r.* FROM shop.customers c, LATERAL ROWS FROM (string_to_table(c.email, '@'), generate_series(1, 2)) r"],
        Refused
    ),
    attack(
        "ROWS FROM of a function that reads tables",
        &["SELECT * FROM ROWS FROM (query_to_xml('SELECT email FROM shop.customers', true, false, ''))"],
        Refused
    ),
    attack("an expression in FROM", &["SELECT d FROM shop.customers c, LATERAL coalesce(c.email, 'x') d"], Refused),
    attack("CAST in FROM", &["SELECT d FROM shop.customers c, LATERAL CAST(c.email AS name) d"], Refused),
    attack("the alias of USING", &["SELECT upper(j.email) FROM shop.customers a JOIN shop.customers b USING (email) AS j"], Refused),
    attack("the row of USING's alias", &["SELECT j FROM shop.customers a JOIN shop.customers b USING (email) AS j"], Refused),
    attack("the alias of a join", &["SELECT upper(j.email) FROM (shop.customers a CROSS JOIN shop.countries n) AS j"], Refused),
    attack(
        "the alias of a join, renamed",
        &["SELECT upper(j.c) FROM (shop.customers a CROSS JOIN shop.countries n) AS j(a, b, c)"],
        Harmless
    ),
    attack("the row of a join's alias", &["SELECT row_to_json(j) FROM (shop.customers a CROSS JOIN shop.countries n) AS j"], Refused),
    attack(
        "SEARCH BY a pseudonym",
        &["WITH RECURSIVE t AS (SELECT id, email FROM shop.customers UNION ALL SELECT id + 1, email FROM t WHERE false) \
           SEARCH DEPTH FIRST BY email SET o SELECT id, o FROM t"],
        Refused
    ),
    attack(
        "CYCLE of a pseudonym",
        &["WITH RECURSIVE t AS (SELECT id, email FROM shop.customers UNION ALL SELECT id + 1, email FROM t WHERE false) \
           CYCLE email SET c USING p SELECT id, p FROM t"],
        Refused
    ),
    attack(
        "SEARCH BY a veiled column",
        &["WITH RECURSIVE t AS (SELECT id, full_name FROM shop.customers UNION ALL SELECT id, full_name FROM t WHERE false) \
           SEARCH BREADTH FIRST BY full_name, id SET o SELECT o FROM t"],
        Harmless
    ),
    attack(
        "what CYCLE of a pseudonym adds, inside of the recursion",
        &["WITH RECURSIVE t AS (SELECT id, email, '' AS s FROM shop.customers UNION ALL SELECT id, email, path::text FROM t WHERE NOT c) \
           CYCLE email SET c USING path SELECT id, s FROM t"],
        Refused
    ),
    attack(
        "LIMIT by a pseudonym of a level further out",
        &[
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM generate_series(1, 200) LIMIT ascii(c.email)) s) FROM shop.customers c WHERE id = {id}"
        ],
        Refused
    ),
    attack("a row with a star", &["SELECT (c.*, 1) FROM shop.customers c"], Refused),
    attack("c.* as text", &["SELECT c.*::text FROM shop.customers c"], Refused),
    attack("(c).*", &["SELECT (c).* FROM shop.customers c WHERE id = {id}"], Harmless),
    attack(
        "GROUPING SETS in GROUPING SETS",
        &["SELECT upper(email) FROM shop.customers GROUP BY GROUPING SETS (ROLLUP (email), ())"],
        Refused
    ),
    attack("EXCLUDE", &["SELECT max(email) OVER (ORDER BY id ROWS 1 PRECEDING EXCLUDE CURRENT ROW) FROM shop.customers"], Pseudonyms),
    attack(
        "a name as long as what stands for ONLY",
        &["SELECT full_name FROM \"only!______________________________________________________________\".\"customers\""],
        Harmless
    ),
];
