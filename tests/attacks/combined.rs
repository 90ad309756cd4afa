//! Forms that meet row filters, gates and row order at once: nothing runs on a row that is filtered, whatever it is spelt as.

use super::*;

attacks![
    attack(
        "ONLY, and what fails on hidden rows",
        &["SELECT count(*) > 0 FROM ONLY shop.customers c WHERE 1 / (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END) = 1"],
        Rows("t")
    ),
    attack(
        "a join with an alias",
        &["SELECT count(*) > 0 FROM (shop.customers a JOIN shop.orders b ON a.id = b.customer_id) AS \
             j(id, n, e, p, s, d, sal, ip, ad, no, dev, acc, country) WHERE 1 / (CASE WHEN j.country IN ('DE', 'AT') THEN 1 ELSE 0 END) = 1"],
        Rows("t")
    ),
    attack(
        "ROWS FROM of what fails on hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c, LATERAL ROWS FROM \
           (generate_series(1, 1 / (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END)), unnest(ARRAY[1, 2])) AS r(a, b)"],
        Rows("t")
    ),
    attack(
        "a condition on ROWS FROM",
        &["SELECT count(*) > 0 FROM shop.customers c, LATERAL ROWS FROM \
           (unnest(ARRAY[CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END]), unnest(ARRAY[1])) AS r(a, b) WHERE 1 / r.a = 1"],
        Rows("t")
    ),
    attack(
        "XML of hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c \
           WHERE xmlparse(CONTENT CASE WHEN c.country IN ('DE', 'AT') THEN '<a/>' ELSE '<a' END) IS DOCUMENT"],
        Rows("t")
    ),
    attack(
        "XMLTABLE of hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c, XMLTABLE('/a' PASSING \
           xmlparse(CONTENT CASE WHEN c.country IN ('DE', 'AT') THEN '<a/>' ELSE '<a' END) COLUMNS n FOR ORDINALITY) AS x"],
        Rows("t")
    ),
    attack(
        "XMLTABLE with a column that must not be NULL",
        &["SELECT count(*) > 0 FROM shop.customers c, XMLTABLE('/a' PASSING \
           xmlparse(CONTENT CASE WHEN c.country IN ('DE', 'AT') THEN '<a b=\"1\"/>' ELSE '<a/>' END) \
           COLUMNS b int PATH '@b' NOT NULL) AS x WHERE x.b = 1"],
        Rows("t")
    ),
    attack(
        "BETWEEN SYMMETRIC on hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c \
           WHERE c.id BETWEEN SYMMETRIC -9 AND 99999 / (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END)"],
        Rows("t")
    ),
    attack(
        "OPERATOR ANY on hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c \
           WHERE 1 OPERATOR(pg_catalog.=) ANY (ARRAY[1 / (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END)])"],
        Rows("t")
    ),
    attack(
        "a named operator on hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c \
           WHERE 1 OPERATOR(pg_catalog./) (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END) = 1"],
        Rows("t")
    ),
    attack(
        "VARIADIC on hidden rows",
        &["SELECT count(*) > 0 FROM shop.customers c \
           WHERE concat(VARIADIC ARRAY[1 / (CASE WHEN c.country IN ('DE', 'AT') THEN 1 ELSE 0 END)]) = '1'"],
        Rows("t")
    ),
    attack(
        "the path of SEARCH",
        &["WITH RECURSIVE r AS (SELECT id, CASE WHEN country IN ('DE', 'AT') THEN 1 ELSE 0 END AS n FROM shop.customers \
           UNION SELECT id, n FROM r WHERE false) SEARCH DEPTH FIRST BY n SET s \
           SELECT count(*) > 0 FROM r WHERE 1 / n = 1 AND s IS NOT NULL"],
        Rows("t")
    ),
    attack(
        "the mark of CYCLE",
        &["WITH RECURSIVE r AS (SELECT id, CASE WHEN country IN ('DE', 'AT') THEN 1 ELSE 0 END AS n FROM shop.customers \
           UNION ALL SELECT id, n FROM r) CYCLE id SET c TO 1 DEFAULT 0 USING p SELECT count(*) > 0 FROM r WHERE 1 / n = 1 AND c = 0"],
        Rows("t")
    ),
    attack(
        "the name of a USING alias",
        &["SELECT count(*) > 0 FROM shop.customers c JOIN shop.employees o USING (id) AS j \
           WHERE 1 / (CASE WHEN c.country IN ('DE', 'AT') THEN j.id / j.id ELSE 0 END) = 1"],
        Rows("t")
    ),
    attack("a row of a join's alias", &["SELECT j FROM (shop.customers a CROSS JOIN shop.countries b) AS j LIMIT 3"], Refused),
    attack("a star of a join's alias, unordered", &["SELECT j.* FROM (shop.leads a CROSS JOIN shop.countries b) AS j LIMIT 9"], Harmless),
    attack("ONLY, unordered", &["SELECT id FROM ONLY shop.customers WHERE city = 'Ulm' LIMIT 10"], Harmless),
    attack("ONLY of a table with children", &["SELECT label FROM ONLY shop.contacts LIMIT 10"], Harmless),
    attack("GROUP BY DISTINCT", &["SELECT email, count(*) FROM shop.customers GROUP BY DISTINCT ROLLUP (email), CUBE (email)"], Harmless),
    attack(
        "ORDER BY USING beside an output's name",
        &[
            "SELECT c.email AS id, count(*) FROM shop.customers c JOIN shop.orders o USING (id) GROUP BY id, c.email ORDER BY count(*) USING <"
        ],
        Harmless
    ),
    attack(
        "a window's EXCLUDE",
        &["SELECT count(*) OVER (ORDER BY city ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW), id FROM shop.customers"],
        Harmless
    ),
    attack(
        "a window's GROUPS over a join that is merged",
        &[
            "SELECT c.email AS id, sum(o.quantity) OVER (ORDER BY c.city GROUPS 1 PRECEDING) FROM shop.customers c JOIN shop.orders o USING (id)"
        ],
        Harmless
    ),
    attack(
        "DISTINCT ON a merged column that is called otherwise",
        &["SELECT DISTINCT ON (o.status) c.email AS id, o.status FROM shop.customers c JOIN shop.orders o USING (id) ORDER BY o.status"],
        Harmless
    ),
    attack("WITH TIES", &["SELECT id FROM shop.employees ORDER BY dept FETCH FIRST 3 ROWS WITH TIES"], Refused),
    attack("ORDER BY a constant cast", &["SELECT email, count(*) FROM shop.customers GROUP BY email ORDER BY '1'::int"], Harmless),
    attack("ORDER BY a negative position", &["SELECT email, count(*) FROM shop.customers GROUP BY email ORDER BY - (-1)"], Harmless),
    attack("GROUP BY a negative position", &["SELECT email, - (-1) AS n, count(*) FROM shop.customers GROUP BY email, 2"], Harmless),
];
