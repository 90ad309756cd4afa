//! ONLY, t*, TABLESAMPLE (FROM ONLY t is a table named only to some readers).

use super::*;

attacks![
    attack("ONLY", &["SELECT email FROM ONLY shop.contacts WHERE email IS NOT NULL LIMIT 3"], Harmless),
    attack("ONLY with parentheses", &["SELECT full_name FROM ONLY (shop.customers) WHERE id = {id}"], Harmless),
    attack("ONLY, veiled", &["SELECT full_name FROM ONLY shop.customers WHERE id = {id}"], Harmless),
    attack("ONLY and an alias", &["SELECT c.email FROM ONLY shop.customers AS c WHERE c.id = {id}"], Harmless),
    attack("ONLY unqualified", &["SELECT ssn FROM ONLY customers WHERE id = {id}"], Harmless),
    attack("t*", &["SELECT full_name FROM shop.customers * WHERE id = {id}"], Harmless),
    attack("ONLY a partitioned table has no rows", &["SELECT ship_email FROM ONLY shop.orders"], Harmless),
    attack("only as an alias", &["SELECT only.code FROM shop.countries AS \"only\" WHERE only.code = 'DE'"], Harmless),
    attack("a CTE named only", &["WITH \"only\" AS (SELECT 1 AS customers) SELECT * FROM only customers"], Harmless),
    attack("TABLE ONLY", &["TABLE ONLY shop.customers"], Harmless),
    attack("TABLESAMPLE shows pages", &["SELECT id FROM shop.customers TABLESAMPLE SYSTEM (10) REPEATABLE (1)"], Refused),
    attack("TABLESAMPLE by rows", &["SELECT id FROM shop.customers TABLESAMPLE BERNOULLI (10) REPEATABLE (1)"], Refused),
    attack(
        "in a join",
        &["SELECT c.full_name FROM shop.countries n JOIN ONLY shop.customers c ON c.country = n.code WHERE c.id = {id}"],
        Harmless
    ),
];
