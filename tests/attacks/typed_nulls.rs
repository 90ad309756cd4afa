//! A NULL with a type decides which type, and whose collation, a place of pseudonymised values has: equality in it could be another one.

use super::*;

attacks![
    attack("a name", &["SELECT count(*) FROM shop.leads GROUP BY coalesce(NULL::name, email)"], Refused),
    attack(
        "a name that is compared",
        &["SELECT id FROM shop.customers WHERE coalesce(NULL::name, email) = coalesce(NULL::name, email)"],
        Refused
    ),
    attack("a short float", &["SELECT count(*) FROM shop.customers GROUP BY coalesce(NULL::float4, account)"], Refused),
    attack("a float in a CASE", &["SELECT CASE WHEN id > 0 THEN account ELSE NULL::float8 END FROM shop.customers"], Refused),
    attack("a padded text", &["SELECT count(*) FROM shop.leads GROUP BY coalesce(NULL::char(5), email)"], Refused),
    attack("an array of names", &["SELECT coalesce(NULL::name[], array_agg(email)) FROM shop.leads"], Refused),
    attack("an empty array of names", &["SELECT coalesce(array_agg(email), '{}'::name[]) FROM shop.leads"], Refused),
    attack("an array with a name in it", &["SELECT ARRAY[NULL::name, email] FROM shop.leads"], Refused),
    attack("a name in an arm of a union", &["SELECT NULL::name AS a UNION SELECT email FROM shop.leads"], Refused),
    attack("a name in VALUES", &["SELECT 1 FROM shop.leads WHERE email IN (VALUES (NULL::name))"], Refused),
    attack("a name in a list", &["SELECT a.email IN (NULL::name, (SELECT min(email) FROM shop.leads)) FROM shop.leads a"], Refused),
    attack("a name beside it in nullif", &["SELECT nullif(NULL::name, email) FROM shop.leads"], Refused),
    attack("a name before it in a window", &["SELECT lag(email, 1, NULL::name) OVER (ORDER BY score) FROM shop.leads"], Refused),
    attack("a text with a collation", &["SELECT coalesce(NULL::text COLLATE \"C\", email) FROM shop.leads"], Refused),
    attack("a name by a column of a query", &["SELECT coalesce(s.n::name, email) FROM (SELECT NULL AS n) AS s, shop.leads"], Refused),
    attack("a text", &["SELECT coalesce(NULL::text, email) FROM shop.customers WHERE id = {id}"], Pseudonyms),
    attack("a text with a length", &["SELECT coalesce(CAST(NULL AS varchar(3)), email) FROM shop.customers WHERE id = {id}"], Pseudonyms),
    attack(
        "a text in an arm of a union, as dbt writes it",
        &["SELECT CAST(NULL AS varchar(255)) AS email UNION ALL SELECT email FROM shop.customers WHERE id = {id}"],
        Pseudonyms
    ),
    attack("a number for which no seal is made", &["SELECT coalesce(NULL::numeric, account) FROM shop.customers WHERE id = {id}"], Refused),
    attack("a shorter number", &["SELECT coalesce(NULL::int2, account) = account FROM shop.customers WHERE id = {id}"], Rows("t")),
    attack("a number", &["SELECT count(*) FROM (SELECT coalesce(NULL::int, account) FROM shop.customers WHERE false) AS s"], Rows("0")),
];

const OWN: &[Attack] = &[
    attack(
        "a domain",
        &["CREATE DOMAIN adhoc.lax AS text COLLATE \"C\"", "SELECT coalesce(NULL::adhoc.lax, email) FROM shop.leads"],
        Refused,
    ),
    attack("arrays of a domain", &["SELECT coalesce(NULL::adhoc.lax[], array_agg(email)) FROM shop.leads"], Refused),
    attack("an empty array of a domain", &["SELECT coalesce(array_agg(email), '{}'::adhoc.lax[]) FROM shop.leads"], Refused),
    attack("a domain by a query", &["SELECT coalesce((SELECT NULL::adhoc.lax), email) FROM shop.leads"], Refused),
    attack("a domain by a column", &["SELECT coalesce(s.n, l.email) FROM (SELECT NULL::adhoc.lax AS n) AS s, shop.leads AS l"], Refused),
    attack("a domain by WITH", &["WITH s AS (SELECT NULL::adhoc.lax AS n) SELECT n FROM s UNION SELECT email FROM shop.leads"], Refused),
    attack(
        "a domain in a CASE that is joined by",
        &[
            "SELECT a.source, b.source FROM shop.leads a JOIN shop.leads b ON CASE WHEN true THEN a.email ELSE NULL::adhoc.lax END = b.email",
        ],
        Refused,
    ),
    attack("a domain that is left again", &["DROP DOMAIN adhoc.lax"], Harmless),
];

#[test]
fn domains() {
    run_writing("analyst", OWN);
}
