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
];
