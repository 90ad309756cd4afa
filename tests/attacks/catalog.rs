//! What the catalogs, statistics and monitoring views know of the values.

use super::*;

attacks![
    attack("most common values", &["SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'"], Harmless),
    attack("histogram", &["SELECT histogram_bounds FROM pg_catalog.pg_stats WHERE tablename = 'employees'"], Harmless),
    attack("the table under pg_stats", &["SELECT stavalues1 FROM pg_statistic LIMIT 3"], Harmless),
    attack("the table under pg_stats as text", &["SELECT s::text FROM pg_statistic s LIMIT 3"], Harmless),
    attack(
        "number of distinct values",
        &["SELECT n_distinct, null_frac, avg_width, correlation FROM pg_stats WHERE tablename = 'customers'"],
        Harmless
    ),
    attack("statistics of expressions", &["SELECT * FROM pg_stats_ext_exprs"], Harmless),
    attack("extended statistics", &["SELECT * FROM pg_statistic_ext_data"], Harmless),
    attack("pg_stats_ext", &["SELECT * FROM pg_stats_ext"], Harmless),
    attack("others' statements", &["SELECT DISTINCT query IS NULL FROM pg_stat_activity"], Harmless),
    attack("others' statements by function", &["SELECT query FROM pg_stat_get_activity(NULL)"], Refused),
    attack("prepared statements of the session", &["SELECT statement FROM pg_prepared_statements"], Harmless),
    attack("cursors of the session", &["SELECT statement FROM pg_cursors"], Harmless),
    attack("passwords", &["SELECT rolpassword FROM pg_authid"], Harmless),
    attack("passwords by the old view", &["SELECT passwd FROM pg_shadow"], Harmless),
    attack("user mappings", &["SELECT umoptions FROM pg_user_mapping"], Harmless),
    attack("large objects", &["SELECT data FROM pg_largeobject"], Harmless),
    attack("row counts show hidden rows", &["SELECT reltuples FROM pg_class WHERE relname = 'customers'"], Harmless),
    attack(
        "page counts show lengths",
        &["SELECT relpages, relallvisible FROM pg_class WHERE relname IN ('customers', 'orders_q1')"],
        Harmless
    ),
    attack("live tuples", &["SELECT n_live_tup, n_tup_ins FROM pg_stat_user_tables WHERE relname = 'customers'"], Harmless),
    attack("blocks read", &["SELECT heap_blks_read + heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'customers'"], Harmless),
    attack("index scans", &["SELECT idx_tup_read FROM pg_stat_user_indexes"], Harmless),
    attack("sequence position", &["SELECT last_value FROM pg_sequences"], Harmless),
    attack("a whole row of pg_class", &["SELECT (c).reltuples, (c).relpages FROM pg_class c WHERE relname = 'customers'"], Harmless),
    attack(
        "through information_schema",
        &["SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = 'customers'"],
        Rows("t")
    ),
    attack("planner's view of the text", &["SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef LIMIT 1"], Harmless),
    attack(
        "attribute's widths",
        &["SELECT attname FROM pg_attribute WHERE attrelid = 'shop.countries'::regclass AND attnum = 1"],
        Rows("code")
    ),
    attack("database's counters", &["SELECT tup_returned FROM pg_stat_database WHERE datname = current_database()"], Harmless),
    attack("files", &["SELECT pg_relation_filepath('shop.customers')"], Harmless),
    attack("replication slots", &["SELECT * FROM pg_replication_slots"], Harmless),
    attack("server settings", &["SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'"], Harmless),
    attack("configuration files", &["SELECT * FROM pg_hba_file_rules"], Harmless),
    attack("missing values of added columns", &["SELECT attmissingval FROM pg_attribute WHERE attmissingval IS NOT NULL"], Harmless),
    attack(
        "counters stay veiled where the view is read",
        &["SELECT relname, n_live_tup, seq_scan, last_analyze FROM pg_stat_all_tables WHERE relname ~ '^(customers|orders)' ORDER BY 1"],
        Harmless
    ),
    attack(
        "rows that an index gave out",
        &["SELECT indexrelname, idx_scan, idx_tup_fetch FROM pg_stat_all_indexes WHERE relname = 'customers' ORDER BY 1"],
        Harmless
    ),
    attack(
        "blocks of the session",
        &[
            "SELECT count(*) FROM shop.customers WHERE country = 'DE'",
            "SELECT heap_blks_hit FROM pg_statio_all_tables WHERE relid = 'shop.customers'::regclass"
        ],
        Rows("∅")
    ),
    attack(
        "rows that this transaction read",
        &[
            "BEGIN",
            "SELECT count(*) FROM shop.customers",
            "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_all_tables WHERE relid = 'shop.customers'::regclass"
        ],
        Rows("∅|∅")
    ),
    attack(
        "predicate locks tell which rows and pages an index scan visited, hidden ones too",
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
            "SELECT count(*) FROM shop.customers WHERE id = {id}",
            "SELECT count(*) FROM pg_locks WHERE mode = 'SIReadLock'"
        ],
        Rows("0")
    ),
    attack(
        "… by tuple",
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
            "SELECT count(*) FROM shop.customers",
            "SELECT count(page), count(tuple), count(objid) FROM pg_locks"
        ],
        Rows("0|0|0")
    ),
    attack("the order key in the text of one's own statement", &["SELECT current_query()"], Rows("∅")),
    attack("… of a prepared one", &["SELECT count(statement) FROM pg_prepared_statements"], Rows("0")),
    attack(
        "which plan a prepared statement got follows estimates",
        &["SELECT count(generic_plans), count(custom_plans) FROM pg_prepared_statements"],
        Rows("0|0")
    ),
    attack("memory of the session's sorts and hashes", &["SELECT sum(used_bytes) FROM pg_backend_memory_contexts"], Refused),
    attack("how much was written", &["SELECT pg_current_wal_lsn()"], Rows("∅")),
    attack("statistics' contents as text", &["SELECT stxdmcv::text FROM pg_statistic_ext_data"], Harmless),
    attack("… as rows", &["SELECT * FROM pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m"], Refused),
    attack(
        "statistics' samples as rows",
        &["SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'shop.customers'::regclass"],
        Harmless
    ),
    attack(
        "a scalar counter",
        &[
            "SELECT pg_stat_get_live_tuples('shop.customers'::regclass), pg_stat_get_xact_tuples_returned('shop.customers'::regclass), pg_stat_get_db_tuples_returned(1)"
        ],
        Rows("∅|∅|∅")
    ),
    attack("a setting chosen at run time", &["SELECT set_config(name, '8kB', false) FROM pg_settings WHERE name = 'work_mem'"], Rows("∅")),
    attack(
        "a setting by a name in another case",
        &["SELECT set_config(name, 'off', false) FROM (SELECT 'Enable_SeqScan'::text AS name) s"],
        Rows("∅")
    ),
];
