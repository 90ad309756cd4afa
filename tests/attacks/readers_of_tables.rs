//! Functions that read tables, files or other servers by name.

use super::*;

attacks![
    attack("query_to_xml", &["SELECT query_to_xml('SELECT email FROM shop.customers LIMIT 1', true, false, '')"], Refused),
    attack("table_to_xml", &["SELECT table_to_xml('shop.customers', true, false, '')"], Refused),
    attack("schema_to_xml", &["SELECT schema_to_xml('shop', true, false, '')"], Refused),
    attack("database_to_xml", &["SELECT database_to_xml(true, false, '')"], Refused),
    attack("cursor_to_xml", &["SELECT cursor_to_xml('c', 1, true, false, '')"], Refused),
    attack("query_to_xml in FROM", &["SELECT * FROM query_to_xml('SELECT ssn FROM shop.customers LIMIT 1', true, false, '')"], Refused),
    attack("query_to_xml, qualified and quoted", &["SELECT pg_catalog.\"query_to_xml\"('SELECT 1', true, false, '')"], Refused),
    attack("query_to_xml in a default argument's place", &["SELECT COALESCE(query_to_xml('SELECT 1', true, false, ''), NULL)"], Refused),
    attack("ts_stat", &["SELECT * FROM ts_stat('SELECT to_tsvector(email) FROM shop.customers')"], Refused),
    attack("ts_rewrite", &["SELECT ts_rewrite('a'::tsquery, 'SELECT email::tsquery, email::tsquery FROM shop.customers')"], Refused),
    attack("dblink", &["SELECT * FROM dblink('dbname=x', 'SELECT 1') AS t (a int)"], Harmless),
    attack("a file", &["SELECT pg_read_file('/etc/passwd')"], Refused),
    attack("a binary file", &["SELECT pg_read_binary_file('PG_VERSION')"], Refused),
    attack("a folder", &["SELECT pg_ls_dir('.')"], Refused),
    attack("a large object", &["SELECT lo_get(1)"], Refused),
    attack("import a large object", &["SELECT lo_import('/etc/passwd')"], Refused),
    attack("logical decoding", &["SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)"], Refused),
    attack("sequence values", &["SELECT currval('s')"], Harmless),
    attack("row-returning by name", &["SELECT * FROM pg_get_publication_tables('p')"], Harmless),
    attack("cancel others", &["SELECT pg_terminate_backend(1)"], Refused),
    attack("sleep", &["SELECT pg_sleep(0)"], Harmless),
    attack("rotate logs", &["SELECT pg_rotate_logfile()"], Refused),
    attack("reload", &["SELECT pg_reload_conf()"], Refused),
    attack("advisory locks talk to others", &["SELECT pg_try_advisory_lock(1)"], Harmless),
    attack("notify with a value", &["SELECT pg_notify('c', email) FROM shop.customers LIMIT 1"], Refused),
    attack("a query given to a regular function", &["SELECT pg_get_viewdef('shop.staff'::regclass) LIKE '%employees%'"], Harmless),
];
