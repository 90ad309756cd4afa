//! Whole rows.

use super::*;

attacks![
    attack("the row as a value", &["SELECT c FROM shop.customers c WHERE id = {id}"], Refused),
    attack("as text", &["SELECT c::text FROM shop.customers c WHERE id = {id}"], Refused),
    attack("row_to_json", &["SELECT row_to_json(c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("to_jsonb", &["SELECT to_jsonb(c) ->> 'email' FROM shop.customers c WHERE id = {id}"], Refused),
    attack("json_agg", &["SELECT json_agg(c) FROM shop.customers c"], Refused),
    attack("array_agg", &["SELECT array_agg(c) FROM shop.customers c"], Refused),
    attack("a field of the row", &["SELECT (c).email FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("a veiled field of the row", &["SELECT (c).full_name FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("all fields of the row", &["SELECT (c).* FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("ROW of all columns", &["SELECT ROW(c.*) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("hash of the row", &["SELECT hash_record(c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("order by the row", &["SELECT id FROM shop.customers c ORDER BY c"], Refused),
    attack("compare rows", &["SELECT count(*) FROM shop.customers c, shop.customers d WHERE c < d"], Refused),
    attack("largest row", &["SELECT max(c::text) FROM shop.customers c"], Refused),
    attack("concat a row", &["SELECT concat(c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("format a row", &["SELECT format('%s', c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("json keys and values", &["SELECT * FROM shop.customers c, json_each_text(row_to_json(c)) WHERE id = {id}"], Refused),
    attack("row of a subquery", &["SELECT s FROM (SELECT email FROM shop.customers WHERE id = {id}) AS s"], Refused),
    attack(
        "row of a subquery as JSON",
        &["SELECT row_to_json(s) FROM (SELECT id, email FROM shop.customers WHERE id = {id}) AS s"],
        Refused
    ),
    attack("row of a CTE", &["WITH s AS (SELECT email FROM shop.customers WHERE id = {id}) SELECT s::text FROM s"], Refused),
    attack("row of a join alias", &["SELECT j::text FROM (shop.customers CROSS JOIN (SELECT 1) AS x) AS j LIMIT 1"], Refused),
    attack("row in a subquery", &["SELECT (SELECT c FROM shop.customers c WHERE id = {id})"], Refused),
    attack("a composite by a cast", &["SELECT (ROW(1, email)::record)::text FROM shop.customers WHERE id = {id}"], Refused),
    attack("anonymous row", &["SELECT (id, email) FROM shop.customers WHERE id = {id}"], Refused),
    attack(
        "json_populate_record reversed",
        &["SELECT json_populate_record(NULL::shop.customers, row_to_json(c)) FROM shop.customers c WHERE id = {id}"],
        Refused
    ),
    attack("count of rows is no value", &["SELECT count(c) > 0 FROM shop.customers c"], Harmless),
    attack("row of an unprotected table works", &["SELECT c::text FROM shop.countries c WHERE code = 'DE'"], Rows("(DE,\"Land 0\",t)")),
    attack("record_out", &["SELECT record_out(c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("textin of a row", &["SELECT textcat(c::text, '') FROM shop.customers c WHERE id = {id}"], Refused),
    attack("EXISTS with a row", &["SELECT EXISTS (SELECT c FROM shop.customers c WHERE id = {id})"], Harmless),
    attack("row IN", &["SELECT count(*) FROM shop.customers c WHERE (id, email) IN (SELECT id, '{email}')"], Refused),
    attack("row equality", &["SELECT count(*) FROM shop.customers c WHERE (id, email) = ({id}, '{email}')"], Refused),
    attack("veiled rows are rows of masks", &["SELECT (full_name, ssn) FROM shop.customers WHERE id = {id}"], Harmless),
];
