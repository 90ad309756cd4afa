//! Catalogs and views of which some columns are shown and others computed, or some rows left out.

use super::{Columns, Veil};

const fn keep(why: &'static str, columns: &'static [&'static str]) -> Veil {
    Veil { why, columns: Columns::Keep(columns), rows: None }
}

const fn null(why: &'static str, columns: &'static [&'static str]) -> Veil {
    Veil { why, columns: Columns::Null(columns), rows: None }
}

const fn computed(why: &'static str, columns: &'static [(&'static str, &'static str)]) -> Veil {
    Veil { why, columns: Columns::Computed(columns), rows: None }
}

const SAMPLES: &str = "samples of raw data";
const COUNTERS: &str = "counters tell of rows and values that are read, written or hidden";
const PROGRESS: &str = "how large raw data is";
const POSITIONS: &str = "how much others write, and from where";
const OPTIONS: &str = "options hold hosts, paths, queries and passwords";

const TABLE: &[&str] = &["relid", "schemaname", "relname"];
const INDEX: &[&str] = &["relid", "indexrelid", "schemaname", "relname", "indexrelname"];
const FUNCTION: &[&str] = &["funcid", "schemaname", "funcname"];

/// Relations of pg_catalog.
#[rustfmt::skip]
pub(super) const VEILED: &[(&str, Veil)] = &[
    ("pg_attribute", null("a default's value as it was stored when the column was added", &["attmissingval"])),
    ("pg_authid", null("passwords", &["rolpassword"])),
    ("pg_class", computed(PROGRESS, &[
        ("relpages", "CAST(0 AS pg_catalog.int4)"),
        ("reltuples", "CAST(-1 AS pg_catalog.float4)"),
        ("relallvisible", "CAST(0 AS pg_catalog.int4)"),
        ("relallfrozen", "CAST(0 AS pg_catalog.int4)"),
    ])),
    // The text of a cursor or statement is pgveil's, with the key of sealed order in it; which plan is chosen follows estimates.
    ("pg_cursors", keep("texts hold what pgveil adds", &["name", "is_holdable", "is_binary", "is_scrollable", "creation_time"])),
    ("pg_db_role_setting", null("settings of roles may hold secrets", &["setconfig"])),
    ("pg_foreign_data_wrapper", null(OPTIONS, &["fdwoptions"])),
    ("pg_foreign_server", null(OPTIONS, &["srvoptions"])),
    ("pg_foreign_table", null(OPTIONS, &["ftoptions"])),
    // Tuples, pages and predicate locks follow the rows that a statement reads; keys of advisory locks are other applications'.
    ("pg_locks", Veil {
        why: "locks of rows and pages follow what is read, and keys of advisory locks are other applications' data",
        columns: Columns::Keep(&[
            "locktype", "database", "relation", "virtualxid", "transactionid", "virtualtransaction", "pid", "mode", "granted",
            "fastpath", "waitstart",
        ]),
        rows: Some("(pg_catalog.textne(mode, CAST('SIReadLock' AS pg_catalog.text)) AND (pg_catalog.texteq(locktype, CAST('relation' AS pg_catalog.text)) OR pg_catalog.texteq(locktype, CAST('virtualxid' AS pg_catalog.text)) OR pg_catalog.texteq(locktype, CAST('transactionid' AS pg_catalog.text))))"),
    }),
    ("pg_prepared_statements", keep("texts hold what pgveil adds", &["name", "prepare_time", "parameter_types", "result_types", "from_sql"])),
    ("pg_prepared_xacts", keep("names of transactions are other applications' data", &["transaction", "prepared", "owner", "database"])),
    ("pg_replication_slots", keep(POSITIONS, &[
        "slot_name", "plugin", "slot_type", "datoid", "database", "temporary", "active", "two_phase", "failover", "synced",
    ])),
    ("pg_roles", null("settings of roles may hold secrets", &["rolpassword", "rolconfig"])),
    ("pg_sequences", null("how many rows were ever inserted", &["last_value"])),
    // Values that only an administrator can set hold paths, commands and connection strings; customised ones hold anything.
    ("pg_settings", computed("what administrators set may hold secrets", &[
        ("setting", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN setting END"),
        ("boot_val", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN boot_val END"),
        ("reset_val", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN reset_val END"),
        ("sourcefile", "CAST(NULL AS pg_catalog.text)"),
        ("sourceline", "CAST(NULL AS pg_catalog.int4)"),
    ])),
    ("pg_shadow", keep("passwords, and settings of roles", &[
        "usename", "usesysid", "usecreatedb", "usesuper", "userepl", "usebypassrls", "valuntil",
    ])),
    ("pg_stat_activity", keep("who else is there and what they ask", &[
        "datid", "datname", "pid", "leader_pid", "usesysid", "usename", "backend_start", "xact_start", "query_start", "state_change",
        "wait_event_type", "wait_event", "state", "backend_type",
    ])),
    ("pg_stat_all_indexes", keep(COUNTERS, INDEX)),
    ("pg_stat_all_tables", keep(COUNTERS, TABLE)),
    ("pg_stat_archiver", keep(POSITIONS, &[])),
    ("pg_stat_bgwriter", keep(COUNTERS, &[])),
    ("pg_stat_checkpointer", keep(COUNTERS, &[])),
    ("pg_stat_database", keep(COUNTERS, &["datid", "datname", "numbackends"])),
    ("pg_stat_database_conflicts", keep(COUNTERS, &["datid", "datname"])),
    ("pg_stat_gssapi", keep("who else is there", &["pid", "gss_authenticated", "encrypted"])),
    ("pg_stat_io", keep(COUNTERS, &["backend_type", "object", "context"])),
    ("pg_stat_progress_analyze", keep(PROGRESS, &["pid", "datid", "datname", "relid", "phase"])),
    ("pg_stat_progress_basebackup", keep(PROGRESS, &["pid", "phase"])),
    ("pg_stat_progress_cluster", keep(PROGRESS, &["pid", "datid", "datname", "relid", "command", "phase"])),
    ("pg_stat_progress_copy", keep(PROGRESS, &["pid", "datid", "datname", "relid", "command", "type"])),
    ("pg_stat_progress_create_index", keep(PROGRESS, &["pid", "datid", "datname", "relid", "index_relid", "command", "phase"])),
    ("pg_stat_progress_vacuum", keep(PROGRESS, &["pid", "datid", "datname", "relid", "phase"])),
    ("pg_stat_recovery_prefetch", keep(COUNTERS, &[])),
    ("pg_stat_replication", keep(POSITIONS, &["pid", "usesysid", "usename", "backend_start", "state", "sync_priority", "sync_state"])),
    ("pg_stat_replication_slots", keep(COUNTERS, &["slot_name"])),
    ("pg_stat_slru", keep(COUNTERS, &["name"])),
    ("pg_stat_ssl", keep("who else is there", &["pid", "ssl", "version", "cipher", "bits"])),
    ("pg_stat_subscription", keep(POSITIONS, &["subid", "subname", "pid", "relid"])),
    ("pg_stat_subscription_stats", keep(COUNTERS, &["subid", "subname"])),
    ("pg_stat_sys_indexes", keep(COUNTERS, INDEX)),
    ("pg_stat_sys_tables", keep(COUNTERS, TABLE)),
    ("pg_stat_user_functions", keep(COUNTERS, FUNCTION)),
    ("pg_stat_user_indexes", keep(COUNTERS, INDEX)),
    ("pg_stat_user_tables", keep(COUNTERS, TABLE)),
    ("pg_stat_wal", keep(COUNTERS, &[])),
    ("pg_stat_wal_receiver", keep(POSITIONS, &["pid", "status"])),
    ("pg_stat_xact_all_tables", keep(COUNTERS, TABLE)),
    ("pg_stat_xact_sys_tables", keep(COUNTERS, TABLE)),
    ("pg_stat_xact_user_functions", keep(COUNTERS, FUNCTION)),
    ("pg_stat_xact_user_tables", keep(COUNTERS, TABLE)),
    ("pg_statio_all_indexes", keep(COUNTERS, INDEX)),
    ("pg_statio_all_sequences", keep(COUNTERS, TABLE)),
    ("pg_statio_all_tables", keep(COUNTERS, TABLE)),
    ("pg_statio_sys_indexes", keep(COUNTERS, INDEX)),
    ("pg_statio_sys_sequences", keep(COUNTERS, TABLE)),
    ("pg_statio_sys_tables", keep(COUNTERS, TABLE)),
    ("pg_statio_user_indexes", keep(COUNTERS, INDEX)),
    ("pg_statio_user_sequences", keep(COUNTERS, TABLE)),
    ("pg_statio_user_tables", keep(COUNTERS, TABLE)),
    ("pg_statistic", keep(SAMPLES, &["starelid", "staattnum", "stainherit"])),
    ("pg_statistic_ext_data", keep(SAMPLES, &["stxoid", "stxdinherit"])),
    ("pg_stats", keep(SAMPLES, &["schemaname", "tablename", "attname", "inherited"])),
    ("pg_stats_ext", keep(SAMPLES, &[
        "schemaname", "tablename", "statistics_schemaname", "statistics_name", "statistics_owner", "attnames", "exprs", "kinds",
        "inherited",
    ])),
    ("pg_stats_ext_exprs", keep(SAMPLES, &[
        "schemaname", "tablename", "statistics_schemaname", "statistics_name", "statistics_owner", "expr", "inherited",
    ])),
    ("pg_subscription", null("a connection string with a password", &["subconninfo"])),
    ("pg_subscription_rel", keep(POSITIONS, &["srsubid", "srrelid", "srsubstate"])),
    ("pg_user", null("settings of roles may hold secrets", &["passwd", "useconfig"])),
    ("pg_user_mapping", keep(OPTIONS, &["oid", "umuser", "umserver"])),
    ("pg_user_mappings", null(OPTIONS, &["umoptions"])),
];

/// Views of information_schema.
pub(super) const INFORMATION_SCHEMA_VEILED: &[(&str, Veil)] = &[
    ("column_options", null(OPTIONS, &["option_value"])),
    ("foreign_data_wrapper_options", null(OPTIONS, &["option_value"])),
    ("foreign_server_options", null(OPTIONS, &["option_value"])),
    ("foreign_table_options", null(OPTIONS, &["option_value"])),
    ("user_mapping_options", null(OPTIONS, &["option_value"])),
];
