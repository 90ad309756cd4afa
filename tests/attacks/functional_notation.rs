//! A column as a function, a function as a column (PostgreSQL documentation, 38.5.4).

use super::*;

attacks![
    attack("email(c)", &["SELECT email(c) FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("full_name(c)", &["SELECT full_name(c) FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("ssn(customers)", &["SELECT ssn(customers) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("c.row_to_json", &["SELECT c.row_to_json FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.to_jsonb", &["SELECT c.to_jsonb FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.pg_column_size", &["SELECT c.pg_column_size FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.text", &["SELECT c.text FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.name", &["SELECT c.name FROM shop.customers c WHERE id = {id}"], Harmless),
    attack("(c).hash_record", &["SELECT (c).hash_record FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.concat", &["SELECT c.concat FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("c.quote_literal", &["SELECT c.quote_literal FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("length(c.email)", &["SELECT length(email(c)) FROM shop.customers c WHERE id = {id}"], Nothing),
    attack("nested in a filter", &["SELECT 1 FROM shop.customers c WHERE id = {id} AND email(c) LIKE 'l%'"], Nothing),
    attack("whole-column notation on a column", &["SELECT (email).length FROM shop.customers WHERE id = {id}"], Nothing),
    attack("c.count", &["SELECT c.count > 0 FROM shop.customers c"], Harmless),
    attack("c.array_agg", &["SELECT c.array_agg FROM shop.customers c"], Nothing),
    attack("c.json_agg", &["SELECT c.json_agg FROM shop.customers c"], Nothing),
    attack("text(email)", &["SELECT text(email) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("name(email)", &["SELECT name(email) FROM shop.customers WHERE id = {id}"], Nothing),
    attack("varchar(email)", &["SELECT \"varchar\"(email) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("\"char\"(email)", &["SELECT \"char\"(email) FROM shop.customers WHERE id = {id}"], Nothing),
];
