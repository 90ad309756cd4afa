//! Functions of pg_catalog that are answered with NULL, and of which type.

/// By the type of the NULL. What they tell: sizes of raw data, counters of rows and blocks, positions in the log, what other
/// sessions do, and the text of the statement as pgveil sent it.
#[rustfmt::skip]
pub(super) const VEILED: &[(&str, &[&str])] = &[
    ("pg_catalog._int4", &[
        "pg_blocking_pids", "pg_safe_snapshot_blocking_pids",
    ]),
    ("pg_catalog.float8", &[
        "pg_notification_queue_usage", "pg_stat_get_checkpoint_sync_time", "pg_stat_get_checkpoint_write_time",
        "pg_stat_get_checkpointer_sync_time", "pg_stat_get_checkpointer_write_time", "pg_stat_get_db_active_time",
        "pg_stat_get_db_blk_read_time", "pg_stat_get_db_blk_write_time", "pg_stat_get_db_idle_in_transaction_time",
        "pg_stat_get_db_session_time", "pg_stat_get_function_self_time", "pg_stat_get_function_total_time",
        "pg_stat_get_total_analyze_time", "pg_stat_get_total_autoanalyze_time", "pg_stat_get_total_autovacuum_time",
        "pg_stat_get_total_vacuum_time", "pg_stat_get_xact_function_self_time", "pg_stat_get_xact_function_total_time",
    ]),
    ("pg_catalog.inet", &[
        "pg_stat_get_backend_client_addr",
    ]),
    ("pg_catalog.int4", &[
        "pg_column_size", "pg_stat_get_backend_client_port", "pg_stat_get_backend_pid", "pg_stat_get_db_numbackends",
    ]),
    ("pg_catalog.int8", &[
        "pg_database_size", "pg_indexes_size", "pg_relation_size", "pg_sequence_last_value", "pg_stat_get_analyze_count",
        "pg_stat_get_autoanalyze_count", "pg_stat_get_autovacuum_count", "pg_stat_get_bgwriter_buf_written_checkpoints",
        "pg_stat_get_bgwriter_buf_written_clean", "pg_stat_get_bgwriter_maxwritten_clean",
        "pg_stat_get_bgwriter_requested_checkpoints", "pg_stat_get_bgwriter_timed_checkpoints", "pg_stat_get_blocks_fetched",
        "pg_stat_get_blocks_hit", "pg_stat_get_buf_alloc", "pg_stat_get_buf_fsync_backend", "pg_stat_get_buf_written_backend",
        "pg_stat_get_checkpointer_buffers_written", "pg_stat_get_checkpointer_num_performed",
        "pg_stat_get_checkpointer_num_requested", "pg_stat_get_checkpointer_num_timed",
        "pg_stat_get_checkpointer_restartpoints_performed", "pg_stat_get_checkpointer_restartpoints_requested",
        "pg_stat_get_checkpointer_restartpoints_timed", "pg_stat_get_checkpointer_slru_written",
        "pg_stat_get_db_blocks_fetched", "pg_stat_get_db_blocks_hit", "pg_stat_get_db_checksum_failures",
        "pg_stat_get_db_conflict_all", "pg_stat_get_db_conflict_bufferpin", "pg_stat_get_db_conflict_lock",
        "pg_stat_get_db_conflict_logicalslot", "pg_stat_get_db_conflict_snapshot", "pg_stat_get_db_conflict_startup_deadlock",
        "pg_stat_get_db_conflict_tablespace", "pg_stat_get_db_deadlocks", "pg_stat_get_db_parallel_workers_launched",
        "pg_stat_get_db_parallel_workers_to_launch", "pg_stat_get_db_sessions", "pg_stat_get_db_sessions_abandoned",
        "pg_stat_get_db_sessions_fatal", "pg_stat_get_db_sessions_killed", "pg_stat_get_db_temp_bytes",
        "pg_stat_get_db_temp_files", "pg_stat_get_db_tuples_deleted", "pg_stat_get_db_tuples_fetched",
        "pg_stat_get_db_tuples_inserted", "pg_stat_get_db_tuples_returned", "pg_stat_get_db_tuples_updated",
        "pg_stat_get_db_xact_commit", "pg_stat_get_db_xact_rollback", "pg_stat_get_dead_tuples", "pg_stat_get_function_calls",
        "pg_stat_get_ins_since_vacuum", "pg_stat_get_live_tuples", "pg_stat_get_mod_since_analyze", "pg_stat_get_numscans",
        "pg_stat_get_tuples_deleted", "pg_stat_get_tuples_fetched", "pg_stat_get_tuples_hot_updated",
        "pg_stat_get_tuples_inserted", "pg_stat_get_tuples_newpage_updated", "pg_stat_get_tuples_returned",
        "pg_stat_get_tuples_updated", "pg_stat_get_vacuum_count", "pg_stat_get_xact_blocks_fetched",
        "pg_stat_get_xact_blocks_hit", "pg_stat_get_xact_function_calls", "pg_stat_get_xact_numscans",
        "pg_stat_get_xact_tuples_deleted", "pg_stat_get_xact_tuples_fetched", "pg_stat_get_xact_tuples_hot_updated",
        "pg_stat_get_xact_tuples_inserted", "pg_stat_get_xact_tuples_newpage_updated", "pg_stat_get_xact_tuples_returned",
        "pg_stat_get_xact_tuples_updated", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size",
    ]),
    ("pg_catalog.oid", &[
        "pg_column_toast_chunk_id", "pg_relation_filenode", "pg_stat_get_backend_dbid", "pg_stat_get_backend_userid",
    ]),
    ("pg_catalog.pg_lsn", &[
        "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_lsn", "pg_last_wal_receive_lsn",
        "pg_last_wal_replay_lsn",
    ]),
    ("pg_catalog.text", &[
        "current_query", "pg_column_compression", "pg_relation_filepath", "pg_stat_get_backend_activity",
        "pg_stat_get_backend_wait_event", "pg_stat_get_backend_wait_event_type",
    ]),
    ("pg_catalog.timestamptz", &[
        "pg_last_xact_replay_timestamp", "pg_stat_get_backend_activity_start", "pg_stat_get_backend_start",
        "pg_stat_get_backend_xact_start", "pg_stat_get_bgwriter_stat_reset_time", "pg_stat_get_checkpointer_stat_reset_time",
        "pg_stat_get_db_checksum_last_failure", "pg_stat_get_db_stat_reset_time", "pg_stat_get_last_analyze_time",
        "pg_stat_get_last_autoanalyze_time", "pg_stat_get_last_autovacuum_time", "pg_stat_get_last_vacuum_time",
        "pg_stat_get_lastscan", "pg_stat_get_snapshot_timestamp",
    ]),
];
