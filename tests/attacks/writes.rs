//! Values that leave by writing them somewhere.

use super::*;

attacks![
    attack(
        "a copy of the table",
        &["CREATE TABLE adhoc.t1 AS SELECT id, email FROM shop.customers", "SELECT email FROM adhoc.t1 LIMIT 1"],
        Harmless
    ),
    attack("SELECT INTO", &["SELECT email INTO adhoc.t2 FROM shop.customers", "SELECT email FROM adhoc.t2 LIMIT 1"], Harmless),
    attack(
        "a temporary copy",
        &["CREATE TEMP TABLE t3 AS SELECT email FROM shop.customers", "SELECT (SELECT email FROM t3 LIMIT 1)"],
        Harmless
    ),
    attack(
        "INSERT ... SELECT",
        &["CREATE TABLE adhoc.t4 (e text)", "INSERT INTO adhoc.t4 SELECT email FROM shop.customers", "SELECT e FROM adhoc.t4 LIMIT 1"],
        Harmless
    ),
    attack("INSERT RETURNING", &["INSERT INTO shop.leads (email) SELECT email FROM shop.customers RETURNING email"], Refused),
    attack("UPDATE a clear column", &["UPDATE shop.customers SET city = email WHERE id = {id}"], Refused),
    attack("UPDATE RETURNING", &["UPDATE shop.customers SET score = score WHERE id = {id} RETURNING email"], Refused),
    attack("UPDATE as an oracle", &["UPDATE shop.customers SET score = 1 WHERE email LIKE 'l%'"], Refused),
    attack("DELETE RETURNING", &["DELETE FROM shop.customers WHERE id = {id} RETURNING *"], Refused),
    attack("DELETE USING", &["DELETE FROM adhoc.t USING shop.customers c WHERE c.email LIKE 'l%'"], Refused),
    attack(
        "MERGE",
        &["MERGE INTO shop.leads l USING shop.customers c ON l.email = c.email WHEN MATCHED THEN UPDATE SET source = c.email"],
        Refused
    ),
    attack(
        "ON CONFLICT DO UPDATE returns a hidden row",
        &["INSERT INTO shop.customers (id, country, created) VALUES (1, 'DE', now()) ON CONFLICT (id) DO UPDATE SET score = 1 RETURNING *"],
        Refused
    ),
    attack(
        "ON CONFLICT DO NOTHING as an oracle",
        &["INSERT INTO shop.customers (id, country, created) VALUES (3, 'DE', now()) ON CONFLICT DO NOTHING RETURNING id"],
        Refused
    ),
    attack(
        "a data-modifying CTE",
        &["WITH x AS (UPDATE shop.customers SET score = 1 WHERE id = {id} RETURNING email) SELECT * FROM x"],
        Refused
    ),
    attack("a data-modifying CTE, not read", &["WITH x AS (INSERT INTO adhoc.t SELECT email FROM shop.customers) SELECT 1"], Refused),
    attack("a materialised view", &["CREATE MATERIALIZED VIEW adhoc.m AS SELECT email FROM shop.customers"], Refused),
    attack("a sequence as a letter box", &["SELECT setval('s', (SELECT account FROM shop.customers WHERE id = {id}))"], Refused),
    attack("NOTIFY", &["NOTIFY c, 'x'"], Harmless),
    attack("LISTEN", &["LISTEN c"], Harmless),
    attack("LOCK", &["LOCK TABLE shop.customers"], Refused),
    attack("TRUNCATE", &["TRUNCATE shop.customers"], Refused),
    attack("COMMENT", &["COMMENT ON TABLE shop.customers IS 'x'"], Refused),
    attack("GRANT", &["GRANT SELECT ON shop.customers TO PUBLIC"], Refused),
    attack("SECURITY LABEL", &["SECURITY LABEL ON TABLE shop.customers IS 'x'"], Refused),
    attack("VACUUM VERBOSE counts rows", &["VACUUM VERBOSE shop.customers"], Refused),
    attack("ANALYZE VERBOSE counts rows", &["ANALYZE VERBOSE shop.customers"], Refused),
    attack("CALL", &["CALL adhoc.p()"], Refused),
    attack("REFRESH", &["REFRESH MATERIALIZED VIEW adhoc.m"], Refused),
    attack("PREPARE TRANSACTION", &["BEGIN", "PREPARE TRANSACTION 'x'"], Refused),
];
