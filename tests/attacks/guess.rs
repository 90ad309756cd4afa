//! Guesses: a pseudonym, or an equality, for a value that the attacker brings along.

use super::*;

attacks![
    attack("the pseudonym of a guess", &["SELECT email FROM shop.customers UNION ALL SELECT '{email}'"], Refused),
    attack("guess first", &["SELECT '{email}' UNION ALL SELECT email FROM shop.customers"], Refused),
    attack("guess in VALUES", &["VALUES ('{email}') UNION SELECT email FROM shop.customers"], Refused),
    attack(
        "guess by CTE",
        &["WITH g AS (SELECT '{email}'::text AS e) SELECT e FROM g UNION ALL SELECT email FROM shop.customers"],
        Refused
    ),
    attack("guess from an unprotected column", &["SELECT name FROM shop.products UNION ALL SELECT email FROM shop.customers"], Refused),
    attack("guess by COALESCE", &["SELECT COALESCE(NULL, '{email}', email) FROM shop.customers LIMIT 1"], Refused),
    attack("guess by CASE", &["SELECT CASE WHEN true THEN '{email}' ELSE email END FROM shop.customers LIMIT 1"], Refused),
    attack("guess in an array", &["SELECT ARRAY[email, '{email}'] FROM shop.customers LIMIT 1"], Refused),
    attack("guess appended to an array", &["SELECT array_append(array_agg(email), '{email}') FROM shop.customers"], Refused),
    attack("guess by array_cat", &["SELECT array_agg(email) || ARRAY['{email}'] FROM shop.customers"], Refused),
    attack(
        "guess as a FULL JOIN's merged column",
        &["SELECT email FROM shop.leads FULL JOIN (VALUES ('{email}')) AS g (email) USING (email)"],
        Refused
    ),
    attack(
        "guess by a recursive CTE",
        &["WITH RECURSIVE r (e) AS (SELECT '{email}'::text UNION SELECT email FROM shop.customers, r) SELECT e FROM r"],
        Refused
    ),
    attack("guess by unnest", &["SELECT count(*) FROM shop.customers WHERE email IN (SELECT unnest(ARRAY['{email}']))"], Refused),
    attack("guess of a uuid", &["SELECT device FROM shop.customers UNION ALL SELECT '{device}'::uuid"], Refused),
    attack("guess of a number", &["SELECT account FROM shop.customers UNION ALL SELECT {account}"], Refused),
    attack(
        "guess by a nested set operation",
        &["(SELECT email FROM shop.leads EXCEPT SELECT '{email}') UNION SELECT email FROM shop.leads"],
        Refused
    ),
    attack("guess by GREATEST of one", &["SELECT greatest('{email}', NULL, email) FROM shop.customers LIMIT 1"], Refused),
    attack(
        "a column of the class made unclassified",
        &["SELECT x.e FROM (SELECT email AS e FROM shop.customers) AS x UNION ALL SELECT source FROM shop.leads"],
        Refused
    ),
    attack("another class", &["SELECT device FROM shop.customers WHERE device::text = '{device}'"], Refused),
    attack("DEFAULT of a window function", &["SELECT lead(email, 1, '{email}') OVER () FROM shop.leads"], Refused),
];
