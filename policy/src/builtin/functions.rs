//! Which functions of pg_catalog are safe for a role with masks.
//!
//! An immutable function of pg_catalog reads nothing but its arguments: allowed. A stable or volatile one is allowed where it is
//! named here: it reads no user table, no other session's statement, no file, no large object, no statistics and no secret.
//! Decided for all of Postgres 15 (`pg_proc` where `provolatile <> 'i'`); what is doubtful is left out. A name counts
//! with all its overloads, so a name is as volatile as its most volatile overload (`ts_rewrite` of a query's text runs it).
//!
//! Left out on purpose, among others: `query_to_xml`, `table_to_xml`, `cursor_to_xml` and their like, `ts_stat`, `ts_rewrite`,
//! `pg_read_*`, `pg_ls_*`, `pg_stat_*`, `lo_*`, `loread`, `pg_logical_*`, `pg_show_all_settings` (the view is veiled, not the
//! function), `current_query` (holds pgveil's own text), `pg_mcv_list_items`, `pg_cursor`, `pg_prepared_statement`, `currtid2`,
//! advisory locks (other applications rely on them), `nextval` and `setval` (they write), and whatever administers the server.

/// Whether a stable or volatile function of pg_catalog may be called. `current_setting` and `set_config` have a rule of their
/// own: see [`setting_rule`].
pub fn stable_or_volatile_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok() || STABLE_OPERATORS_AND_CASTS.binary_search(&name).is_ok()
}

/// Functions that read or write a setting by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingRule {
    /// `current_setting(name [, missing_ok])`: `name` must be a literal that [`super::settings::may_show`] allows.
    Shows,
    /// `set_config(name, value, is_local)`: all literals, and [`super::settings::may_set_config`] must allow it. Where the name
    /// is `search_path`, the statement moves it.
    Sets,
}

/// The rule for `current_setting` and `set_config`; `None` for every other function.
pub fn setting_rule(name: &str) -> Option<SettingRule> {
    match name {
        "current_setting" => Some(SettingRule::Shows),
        "set_config" => Some(SettingRule::Sets),
        _ => None,
    }
}

/// For a function whose result shows physical facts of raw data (sizes, counters): the type of the NULL that is answered in its
/// place. Clients call these when they list tables, so they are not refused.
pub fn veiled(name: &str) -> Option<&'static str> {
    match name {
        "pg_table_size" | "pg_relation_size" | "pg_total_relation_size" | "pg_indexes_size" | "pg_database_size" | "pg_tablespace_size" => {
            Some("pg_catalog.int8")
        }
        "pg_column_size" => Some("pg_catalog.int4"),
        "pg_column_compression" | "pg_relation_filepath" => Some("pg_catalog.text"),
        "pg_relation_filenode" => Some("pg_catalog.oid"),
        "pg_sequence_last_value" => Some("pg_catalog.int8"),
        "pg_stat_get_live_tuples"
        | "pg_stat_get_dead_tuples"
        | "pg_stat_get_numscans"
        | "pg_stat_get_tuples_returned"
        | "pg_stat_get_tuples_fetched"
        | "pg_stat_get_tuples_inserted"
        | "pg_stat_get_tuples_updated"
        | "pg_stat_get_tuples_deleted"
        | "pg_stat_get_tuples_hot_updated"
        | "pg_stat_get_mod_since_analyze"
        | "pg_stat_get_ins_since_vacuum"
        | "pg_stat_get_blocks_fetched"
        | "pg_stat_get_blocks_hit"
        | "pg_stat_get_vacuum_count"
        | "pg_stat_get_autovacuum_count"
        | "pg_stat_get_analyze_count"
        | "pg_stat_get_autoanalyze_count" => Some("pg_catalog.int8"),
        "pg_stat_get_last_vacuum_time"
        | "pg_stat_get_last_autovacuum_time"
        | "pg_stat_get_last_analyze_time"
        | "pg_stat_get_last_autoanalyze_time" => Some("pg_catalog.timestamptz"),
        _ => None,
    }
}

/// Functions whose results, one row after another, show in which order Postgres came to the rows: a sequence of pseudo-random
/// numbers can be told from its beginning, and a clock only goes forward; what one row sets, the next can see (`set_config` by
/// `current_setting`, a transaction's number by `txid_current_if_assigned`). Where row order is tainted they are as telling as
/// `row_number() OVER ()`.
pub fn shows_evaluation_order(name: &str) -> bool {
    matches!(
        name,
        "random"
            | "random_normal"
            | "setseed"
            | "clock_timestamp"
            | "timeofday"
            | "nextval"
            | "currval"
            | "lastval"
            | "set_config"
            | "txid_current"
            | "pg_current_xact_id"
            | "pg_export_snapshot"
    )
}

/// Immutable functions of pg_catalog that are refused all the same: those that read the contents of statistics, which are
/// samples of raw data.
pub fn immutable_refused(name: &str) -> bool {
    name.starts_with("pg_mcv_list_") || name.starts_with("pg_ndistinct_") || name.starts_with("pg_dependencies_")
}

/// An aggregate of pg_catalog whose result depends on the order of its input. (Low-order bits of floating-point sums do too: a
/// declared exception.)
pub fn order_sensitive_aggregate(name: &str) -> bool {
    matches!(
        name,
        "array_agg"
            | "string_agg"
            | "json_agg"
            | "json_agg_strict"
            | "json_object_agg"
            | "json_object_agg_strict"
            | "json_object_agg_unique"
            | "json_object_agg_unique_strict"
            | "jsonb_agg"
            | "jsonb_agg_strict"
            | "jsonb_object_agg"
            | "jsonb_object_agg_strict"
            | "jsonb_object_agg_unique"
            | "jsonb_object_agg_unique_strict"
            | "xmlagg"
            | "any_value"
    )
}

/// A window function of pg_catalog that gives equal rows of the window's order one result.
pub fn peer_safe_window(name: &str) -> bool {
    matches!(name, "rank" | "dense_rank" | "percent_rank" | "cume_dist")
}

/// A window function of pg_catalog whose result depends on the order of rows that are equal in the window's order.
pub fn row_order_window(name: &str) -> bool {
    matches!(name, "row_number" | "ntile" | "lag" | "lead" | "first_value" | "last_value" | "nth_value")
}

/// Stable and volatile functions that may be called. Sorted.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    "aclexplode", "age", "array_to_json", "array_to_string", "clock_timestamp", "col_description", "concat", "concat_ws",
    "convert", "convert_from", "convert_to", "current_database", "current_schema", "current_schemas", "currval", "date_add",
    "date_part", "date_subtract", "date_trunc", "enum_first", "enum_last", "enum_range", "extract", "format", "format_type",
    "gen_random_uuid", "generate_series", "get_current_ts_config", "getdatabaseencoding", "getpgusername",
    "has_any_column_privilege", "has_column_privilege", "has_database_privilege", "has_foreign_data_wrapper_privilege",
    "has_function_privilege", "has_language_privilege", "has_parameter_privilege", "has_schema_privilege",
    "has_sequence_privilege", "has_server_privilege", "has_table_privilege", "has_tablespace_privilege", "has_type_privilege",
    "inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port", "json_agg", "json_build_array",
    "json_build_object", "json_object_agg", "json_populate_record", "json_populate_recordset", "json_to_record",
    "json_to_recordset", "json_to_tsvector", "jsonb_agg", "jsonb_build_array", "jsonb_build_object", "jsonb_object_agg",
    "jsonb_path_exists_tz", "jsonb_path_match_tz", "jsonb_path_query_array_tz", "jsonb_path_query_first_tz",
    "jsonb_path_query_tz", "jsonb_populate_record", "jsonb_populate_recordset", "jsonb_to_record", "jsonb_to_recordset",
    "jsonb_to_tsvector", "lastval", "length", "make_timestamptz", "mxid_age", "now", "obj_description", "oidvectortypes",
    "overlaps", "pg_advisory_unlock_all", "pg_available_extension_versions", "pg_available_extensions", "pg_backend_pid",
    "pg_char_to_encoding", "pg_client_encoding", "pg_collation_actual_version", "pg_collation_for", "pg_collation_is_visible",
    "pg_column_is_updatable", "pg_conf_load_time", "pg_conversion_is_visible", "pg_current_snapshot", "pg_current_xact_id",
    "pg_current_xact_id_if_assigned", "pg_database_collation_actual_version", "pg_describe_object", "pg_encoding_to_char",
    "pg_export_snapshot", "pg_extension_update_paths", "pg_function_is_visible", "pg_get_catalog_foreign_keys",
    "pg_get_constraintdef", "pg_get_expr", "pg_get_function_arg_default", "pg_get_function_arguments",
    "pg_get_function_identity_arguments", "pg_get_function_result", "pg_get_function_sqlbody", "pg_get_functiondef",
    "pg_get_indexdef", "pg_get_keywords", "pg_get_object_address", "pg_get_partition_constraintdef", "pg_get_partkeydef",
    "pg_get_publication_tables", "pg_get_replica_identity_index", "pg_get_ruledef", "pg_get_serial_sequence",
    "pg_get_statisticsobjdef", "pg_get_statisticsobjdef_columns", "pg_get_statisticsobjdef_expressions", "pg_get_triggerdef",
    "pg_get_userbyid", "pg_get_viewdef", "pg_has_role", "pg_identify_object", "pg_identify_object_as_address",
    "pg_index_column_has_property", "pg_index_has_property", "pg_indexam_has_property", "pg_is_in_recovery",
    "pg_is_other_temp_schema", "pg_jit_available", "pg_listening_channels", "pg_my_temp_schema", "pg_opclass_is_visible",
    "pg_operator_is_visible", "pg_opfamily_is_visible", "pg_options_to_table", "pg_partition_ancestors", "pg_partition_tree",
    "pg_postmaster_start_time", "pg_relation_is_publishable", "pg_relation_is_updatable", "pg_sequence_parameters",
    "pg_settings_get_flags", "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_statistics_obj_is_visible", "pg_table_is_visible",
    "pg_tablespace_location", "pg_timezone_abbrevs", "pg_timezone_names", "pg_trigger_depth", "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible", "pg_type_is_visible", "pg_typeof",
    "phraseto_tsquery", "plainto_tsquery", "quote_literal", "quote_nullable", "random", "random_normal", "row_security_active",
    "row_to_json", "setseed", "shobj_description", "statement_timestamp", "timeofday", "timezone", "to_char", "to_date",
    "to_json", "to_jsonb", "to_number", "to_regclass", "to_regcollation", "to_regnamespace", "to_regoper", "to_regoperator",
    "to_regproc", "to_regprocedure", "to_regrole", "to_regtype", "to_regtypemod", "to_timestamp", "to_tsquery", "to_tsvector",
    "transaction_timestamp", "ts_debug", "ts_headline", "ts_match_tq", "ts_match_tt", "ts_parse", "ts_token_type", "txid_current",
    "txid_current_if_assigned", "txid_current_snapshot", "version", "websearch_to_tsquery", "xml_is_well_formed",
];

/// Functions behind stable operators and casts, callable by name. Sorted.
#[rustfmt::skip]
const STABLE_OPERATORS_AND_CASTS: &[&str] = &[
    "anytextcat", "date", "date_cmp_timestamptz", "date_eq_timestamptz", "date_ge_timestamptz", "date_gt_timestamptz",
    "date_le_timestamptz", "date_lt_timestamptz", "date_ne_timestamptz", "in_range", "interval_pl_timestamptz", "money",
    "numeric", "regclass", "textanycat", "time", "timestamp", "timestamp_cmp_timestamptz", "timestamp_eq_timestamptz",
    "timestamp_ge_timestamptz", "timestamp_gt_timestamptz", "timestamp_le_timestamptz", "timestamp_lt_timestamptz",
    "timestamp_ne_timestamptz", "timestamptz", "timestamptz_cmp_date", "timestamptz_cmp_timestamp", "timestamptz_eq_date",
    "timestamptz_eq_timestamp", "timestamptz_ge_date", "timestamptz_ge_timestamp", "timestamptz_gt_date",
    "timestamptz_gt_timestamp", "timestamptz_le_date", "timestamptz_le_timestamp", "timestamptz_lt_date",
    "timestamptz_lt_timestamp", "timestamptz_mi_interval", "timestamptz_ne_date", "timestamptz_ne_timestamp",
    "timestamptz_pl_interval", "timetz", "xml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_disjoint_from_what_is_veiled() {
        assert!(ALLOWED.is_sorted() && STABLE_OPERATORS_AND_CASTS.is_sorted());
        for name in ALLOWED {
            assert!(veiled(name).is_none() && setting_rule(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_reads_elsewhere_is_not_allowed() {
        for name in [
            "query_to_xml",
            "table_to_xml",
            "database_to_xml",
            "cursor_to_xml",
            "schema_to_xml",
            "ts_stat",
            "ts_rewrite",
            "pg_read_file",
            "pg_read_binary_file",
            "pg_ls_dir",
            "pg_stat_file",
            "lo_get",
            "loread",
            "lo_import",
            "pg_stat_get_activity",
            "current_query",
            "pg_show_all_settings",
            "pg_mcv_list_items",
            "pg_logical_slot_get_changes",
            "currtid2",
            "nextval",
            "setval",
            "pg_notify",
            "pg_terminate_backend",
            "pg_advisory_lock",
            "current_setting",
            "set_config",
            "pg_cursor",
            "pg_prepared_statement",
            "pg_lock_status",
            "pg_hba_file_rules",
            "dblink",
            "pg_column_size",
            "pg_last_committed_xact",
            "pg_xact_commit_timestamp",
        ] {
            assert!(!stable_or_volatile_allowed(name), "{name}");
        }
        for name in ["now", "to_char", "format_type", "pg_get_viewdef", "json_agg", "timestamptz_pl_interval", "version"] {
            assert!(stable_or_volatile_allowed(name), "{name}");
        }
    }
}
