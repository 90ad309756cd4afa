//! Physical facts: size, place, age of rows.

use super::*;

attacks![
    attack("ctid", &["SELECT ctid FROM shop.customers WHERE id = {id}"], Refused),
    attack("ctid of an alias", &["SELECT c.ctid FROM shop.customers c WHERE c.id = {id}"], Refused),
    attack("ctid in WHERE", &["SELECT id FROM shop.customers WHERE ctid = '(0,1)'"], Refused),
    attack("xmin", &["SELECT xmin FROM shop.customers WHERE id = {id}"], Refused),
    attack("tableoid", &["SELECT tableoid FROM shop.orders LIMIT 1"], Harmless),
    attack("size of a value", &["SELECT pg_column_size(notes) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("size of a sealed value", &["SELECT pg_column_size(email) FROM shop.customers WHERE id = {id}"], Refused),
    attack("size of a row", &["SELECT pg_column_size(c) FROM shop.customers c WHERE id = {id}"], Refused),
    attack("compression of a value", &["SELECT pg_column_compression(notes) FROM shop.customers WHERE id = {id}"], Harmless),
    attack("size of the table", &["SELECT pg_relation_size('shop.customers')"], Rows("∅")),
    attack("total size", &["SELECT pg_total_relation_size('shop.customers')"], Rows("∅")),
    attack("size of the table with indexes", &["SELECT pg_table_size('shop.customers'), pg_indexes_size('shop.customers')"], Rows("∅|∅")),
    attack("size of the database", &["SELECT pg_database_size(current_database())"], Rows("∅")),
    attack("size as text", &["SELECT pg_size_pretty(pg_relation_size('shop.orders_q1'))"], Rows("∅")),
    attack("counters of the session", &["SELECT pg_stat_get_tuples_fetched('shop.customers'::regclass)"], Rows("∅")),
    attack("blocks fetched in the transaction", &["SELECT pg_stat_get_xact_blocks_fetched('shop.customers'::regclass)"], Rows("∅")),
    attack("current WAL position", &["SELECT pg_current_wal_lsn() IS NOT NULL"], Harmless),
    attack("row of a certain place", &["SELECT id FROM shop.customers WHERE ctid >= '(1,1)' LIMIT 1"], Refused),
];
