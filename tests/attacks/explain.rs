//! What a plan shows.

use super::*;

attacks![
    attack("estimates by value", &["EXPLAIN SELECT * FROM shop.customers WHERE full_name = '{name}'"], Harmless),
    attack("estimates of a sealed column", &["EXPLAIN SELECT * FROM shop.customers WHERE email = '{email}'"], Refused),
    attack("rows removed", &["EXPLAIN ANALYZE SELECT * FROM shop.customers WHERE id < 10"], Harmless),
    attack("rows removed, in JSON", &["EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM shop.customers WHERE id < 10"], Harmless),
    attack("buffers", &["EXPLAIN (ANALYZE, BUFFERS) SELECT email FROM shop.customers WHERE id < 10"], Harmless),
    attack("verbose: the veil, the key", &["EXPLAIN VERBOSE SELECT email FROM shop.employees ORDER BY email"], Harmless),
    attack("settings", &["EXPLAIN (SETTINGS, WAL, ANALYZE) SELECT 1"], Harmless),
    attack("of an INSERT", &["EXPLAIN ANALYZE INSERT INTO adhoc.x SELECT email FROM shop.customers"], Refused),
    attack("of a CREATE TABLE AS", &["EXPLAIN ANALYZE CREATE TABLE adhoc.x AS SELECT email FROM shop.customers"], Refused),
    attack("of an EXECUTE", &["PREPARE p AS SELECT email FROM shop.customers", "EXPLAIN EXECUTE p"], Harmless),
    attack("of a DECLARE", &["EXPLAIN DECLARE c CURSOR FOR SELECT email FROM shop.customers"], Harmless),
    attack("in YAML", &["EXPLAIN (FORMAT YAML) SELECT full_name FROM shop.customers"], Harmless),
];
