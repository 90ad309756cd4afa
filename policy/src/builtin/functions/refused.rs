//! Functions of pg_catalog that are refused, and why. A `*` stands for any beginning or end of a name.

/// By the reason, in words for people.
#[rustfmt::skip]
pub(super) const REFUSED: &[(&str, &[&str])] = &[
    ("it reads tables that are named in a text, past the policy", &[
        "query_to_xml*", "table_to_xml*", "schema_to_xml*", "database_to_xml*", "cursor_to_xml*", "ts_stat", "ts_rewrite", "currtid2",
    ]),
    ("it reads or writes large objects, which have no columns that a policy could protect", &["lo_*", "loread", "lowrite"]),
    ("it reads files of the server", &[
        "pg_read_*", "pg_ls_*", "pg_stat_file", "pg_current_logfile", "pg_hba_file_rules", "pg_ident_file_mappings",
        "pg_show_all_file_settings", "pg_config", "pg_get_loaded_modules",
    ]),
    ("it shows what other sessions do", &[
        "pg_stat_get_activity", "pg_stat_get_backend_idset", "pg_stat_get_backend_subxact", "pg_stat_get_backend_io",
        "pg_stat_get_backend_wal", "pg_stat_get_progress_info", "pg_stat_get_wal_senders",
        "pg_stat_get_wal_receiver", "pg_stat_get_subscription*", "pg_stat_get_replication_slot", "pg_get_replication_slots", "pg_lock_status",
        "pg_prepared_xact", "pg_isolation_test_session_is_blocked", "pg_get_multixact_members", "pg_xact_status", "txid_status",
        "pg_xact_commit_timestamp*", "pg_last_committed_xact", "pg_show_replication_origin_status",
    ]),
    ("it shows counters of the server, which follow raw data: the views of the same name can be read, with counters veiled", &[
        "pg_stat_get_archiver", "pg_stat_get_recovery_prefetch", "pg_stat_get_slru", "pg_stat_get_wal", "pg_stat_get_io",
        "pg_stat_have_stats", "pg_get_shmem_allocations*", "pg_get_backend_memory_contexts", "pg_get_process_memory_contexts", "pg_control_*",
        "pg_get_wal_resource_managers", "pg_get_aios", "pg_filenode_relation", "pg_get_wal_summar*", "pg_available_wal_summaries",
        "pg_wal_summary_contents",
    ]),
    ("it shows texts of statements as pgveil sent them: read the view of its name", &["pg_cursor", "pg_prepared_statement"]),
    ("it shows settings that may hold secrets: read the view pg_settings", &["pg_show_all_settings"]),
    ("it shows the contents of statistics, which are samples of raw data", &["pg_mcv_list_*", "pg_ndistinct_*", "pg_dependencies_*"]),
    ("it tells how many rows were ever inserted: pg_sequence_parameters and the view pg_sequences can be read", &["pg_get_sequence_data"]),
    ("it moves a sequence", &["nextval", "setval"]),
    ("it takes locks that other applications rely on", &["pg_advisory_*", "pg_try_advisory_*"]),
    ("it administers the server", &[
        "binary_upgrade_*", "brin_summarize_*", "brin_desummarize_range", "gin_clean_pending_list", "pg_backup_*", "pg_cancel_backend",
        "pg_terminate_backend", "pg_copy_logical_replication_slot", "pg_copy_physical_replication_slot",
        "pg_create_*", "pg_drop_replication_slot", "pg_extension_config_dump", "pg_import_system_collations",
        "pg_log_*", "pg_logical_*", "pg_nextoid", "pg_promote", "pg_reload_conf", "pg_replication_*", "pg_rotate_logfile*", "pg_stat_reset*",
        "pg_stat_force_next_flush", "pg_stat_clear_snapshot", "pg_stop_making_pinned_objects", "pg_start_backup", "pg_stop_backup", "pg_is_in_backup", "pg_switch_wal", "pg_wal_replay_*",
        "pg_sync_replication_slots", "pg_split_walfile_name",
        "pg_restore_relation_stats", "pg_restore_attribute_stats", "pg_clear_relation_stats", "pg_clear_attribute_stats",
        "pg_set_relation_stats", "pg_set_attribute_stats",
    ]),
    ("only the server calls it", &[
        "RI_FKey_*", "*_in", "*_out", "*_recv", "aclitemin", "aclitemout", "bpcharrecv", "namerecv", "textrecv", "varcharrecv",
        "regclassin", "regclassout", "regcollationin", "regcollationout", "regconfigin", "regconfigout", "regdictionaryin", "regdictionaryout", "regnamespacein", "regnamespaceout", "regoperatorin", "regoperatorout", "regoperin", "regoperout", "regprocedurein", "regprocedureout", "regprocin", "regprocout", "regrolein", "regroleout", "regtypein", "regtypeout",
        "array_send", "anyarray_send", "anycompatiblearray_send", "cstring_send", "enum_send", "multirange_send",
        "range_send", "record_send", "domain_recv", "brin_bloom_summary_send", "brin_minmax_multi_summary_send", "pg_node_tree_send", "xml_send", "*sel", "*_typanalyze", "*handler",
        "*_validator", "*_finalfn", "*_transfn", "pg_event_trigger_*", "amvalidate", "bernoulli", "system", "dsnowball_*",
        "suppress_redundant_updates_trigger", "tsvector_update_trigger*", "unique_key_recheck",
    ]),
];
