//! The server's own files and programs, and large objects.

use super::*;

attacks![
    attack("a file", &["SELECT pg_read_file('PG_VERSION')"], Refused),
    attack("a file's bytes", &["SELECT pg_read_binary_file('PG_VERSION')"], Refused),
    attack("a folder", &["SELECT * FROM pg_ls_dir('.')"], Refused),
    attack("a file's size", &["SELECT * FROM pg_stat_file('PG_VERSION')"], Refused),
    attack("the server's log", &["SELECT pg_current_logfile()"], Refused),
    attack("files of logs", &["SELECT * FROM pg_ls_logdir()"], Refused),
    attack("files of the log of changes", &["SELECT * FROM pg_ls_waldir()"], Refused),
    attack("where a table lies", &["SELECT pg_relation_filepath('shop.customers') LIKE 'base%'"], Harmless),
    attack("COPY to a file", &["COPY (SELECT email FROM shop.customers) TO '/tmp/pgveil-attack'"], Refused),
    attack("COPY to a program", &["COPY (SELECT 1) TO PROGRAM 'cat > /tmp/pgveil-attack'"], Refused),
    attack("COPY from a program", &["COPY adhoc.customers FROM PROGRAM 'id'"], Refused),
    attack("COPY from a file", &["COPY adhoc.customers FROM '/etc/passwd'"], Refused),
    attack("a foreign table", &["CREATE FOREIGN TABLE adhoc.f (x text) SERVER files OPTIONS (filename '/etc/passwd')"], Refused),
    attack("a foreign table's file", &["ALTER FOREIGN TABLE shop.partners OPTIONS (SET program 'id')"], Refused),
    attack("a server", &["CREATE SERVER s FOREIGN DATA WRAPPER file_fdw"], Refused),
    attack("an extension", &["CREATE EXTENSION dblink"], Refused),
    attack("a library", &["LOAD 'auto_explain'"], Refused),
    attack("a foreign schema", &["IMPORT FOREIGN SCHEMA x FROM SERVER files INTO adhoc"], Refused),
    attack("a tablespace", &["CREATE TABLESPACE t LOCATION '/tmp'"], Refused),
    attack("a large object from a file", &["SELECT lo_import('/etc/passwd')"], Refused),
    attack("a large object into a file", &["SELECT lo_export(1, '/tmp/pgveil-attack')"], Refused),
    attack(
        "a value as a large object",
        &["SELECT lo_from_bytea(0, convert_to(email, 'UTF8')) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack("a masked value as a large object", &["SELECT lo_from_bytea(0, convert_to(full_name, 'UTF8')) FROM shop.customers"], Refused),
    attack("a large object", &["SELECT lo_create(0)"], Refused),
    attack("reading one", &["SELECT lo_get(1)"], Refused),
    attack("writing one", &["SELECT lo_put(1, 0, 'x')"], Refused),
    attack("opening one", &["SELECT loread(lo_open(1, 262144), 100)"], Refused),
    attack("all large objects", &["SELECT * FROM pg_largeobject"], Refused),
    attack("a large object's comment", &["COMMENT ON LARGE OBJECT 1 IS 'x'"], Refused),
    attack("a large object's rights", &["GRANT SELECT ON LARGE OBJECT 1 TO PUBLIC"], Refused),
    attack("the log of changes", &["SELECT * FROM pg_logical_slot_peek_changes('s', NULL, NULL)"], Refused),
    attack("a slot", &["SELECT pg_create_logical_replication_slot('s', 'test_decoding')"], Refused),
    attack(
        "a message in the log of changes",
        &["SELECT pg_logical_emit_message(false, 'x', full_name) FROM shop.customers WHERE id = {id}"],
        Refused
    ),
    attack("a publication", &["CREATE PUBLICATION p FOR TABLE shop.customers"], Refused),
    attack("a subscription", &["CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)"], Refused),
];
