//! Catalogs and views that are not read at all, and why.

/// Relations of pg_catalog. What is named in no list is refused too.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("pg_aios", "it tells which blocks of which files other sessions read"),
    ("pg_backend_memory_contexts", "sizes in memory follow raw data, and names of contexts hold texts of statements"),
    ("pg_config", "it tells how the server was built and where it lies"),
    ("pg_file_settings", "it holds the server's configuration files"),
    ("pg_hba_file_rules", "it holds the server's configuration files"),
    ("pg_ident_file_mappings", "it holds the server's configuration files"),
    ("pg_largeobject", "large objects have no columns that a policy could protect"),
    ("pg_replication_origin_status", "it tells how much others write"),
    ("pg_shmem_allocations", "it tells of the server's memory"),
    ("pg_shmem_allocations_numa", "it tells of the server's memory"),
];

/// Views of information_schema.
pub(super) const INFORMATION_SCHEMA_REFUSED: &[(&str, &str)] = &[
    ("_pg_foreign_data_wrappers", "options hold hosts, paths, queries and passwords"),
    ("_pg_foreign_servers", "options hold hosts, paths, queries and passwords"),
    ("_pg_foreign_table_columns", "options hold hosts, paths, queries and passwords"),
    ("_pg_foreign_tables", "options hold hosts, paths, queries and passwords"),
    ("_pg_user_mappings", "options hold hosts, paths, queries and passwords"),
];
