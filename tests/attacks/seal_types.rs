//! Casts and types that show a piece of a sealed value, or make unequal values equal.

use super::*;

attacks![
    attack("the first letter as \"char\"", &["SELECT email::\"char\" FROM shop.customers WHERE id = {id}"], Refused),
    attack("a prefix by varchar(3)", &["SELECT email::varchar(3) FROM shop.customers WHERE id = {id}"], Refused),
    attack("a prefix by char(3)", &["SELECT email::char(3) FROM shop.customers WHERE id = {id}"], Refused),
    attack("a prefix by name", &["SELECT email::name FROM shop.customers WHERE id = {id}"], Refused),
    attack("groups by a prefix", &["SELECT count(*) FROM shop.customers GROUP BY email::varchar(1)"], Refused),
    attack("varchar without length keeps the value", &["SELECT email::varchar FROM shop.customers WHERE id = {id}"], Harmless),
    attack("bytea", &["SELECT email::bytea FROM shop.customers WHERE id = {id}"], Refused),
    attack("uuid as text", &["SELECT device::text FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as text", &["SELECT account::text FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as numeric", &["SELECT account::numeric FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as int: overflow tells", &["SELECT account::int FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as float", &["SELECT account::float8 FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as bits", &["SELECT account::bit(64) FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as oid", &["SELECT account::oid FROM shop.customers WHERE id = {id}"], Refused),
    attack("number as money", &["SELECT account::text::money FROM shop.customers WHERE id = {id}"], Refused),
    attack("sum", &["SELECT sum(account) FROM shop.customers WHERE id = {id}"], Refused),
    attack("bit_and", &["SELECT bit_and(account) FROM shop.customers WHERE id = {id}"], Refused),
    attack("citext", &["SELECT email::citext FROM shop.customers WHERE id = {id}"], Harmless),
    attack(
        "equality under another collation",
        &["SELECT count(*) FROM shop.customers a, shop.leads b WHERE a.email COLLATE \"C\" = b.email"],
        Harmless
    ),
    attack("min of e-mails", &["SELECT min(email) FROM shop.leads"], Harmless),
    attack("count of distinct ones", &["SELECT count(DISTINCT email) FROM shop.leads"], Harmless),
    attack("array of them in JSON", &["SELECT to_json(array_agg(email)) FROM shop.leads"], Refused),
    attack("array slice", &["SELECT (array_agg(email ORDER BY owner))[1:2] FROM shop.leads"], Harmless),
    attack("array with the null string", &["SELECT array_to_string(ARRAY[email], ',', 'x') FROM shop.leads"], Refused),
    attack("array order", &["SELECT array_agg(email ORDER BY email) FROM shop.leads"], Harmless),
    attack("array comparison", &["SELECT array_agg(email) < ARRAY['m'] FROM shop.leads"], Refused),
    attack("cardinality is a count", &["SELECT cardinality(array_agg(email)) FROM shop.leads"], Harmless),
    attack("arrays grouped", &["SELECT array_agg(email ORDER BY owner), score FROM shop.leads GROUP BY score ORDER BY 1"], Harmless),
    attack("two arrays equal", &["SELECT (SELECT array_agg(email ORDER BY owner) FROM shop.leads) = ARRAY['{email}']"], Refused),
];
