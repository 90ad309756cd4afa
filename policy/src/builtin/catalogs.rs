//! Which relations of pg_catalog and information_schema are safe for a role with masks.
//!
//! Schema text (names, types, defaults, checks, definitions, comments, code of functions) is public: clients introspect it.
//! Statistics, sizes, other sessions' statements, credentials and option lists that often hold them are not.

/// What a role with masks sees of a system catalog or view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogRule {
    /// As it is.
    Clear,
    /// These columns are computed: each with an SQL expression over the relation's own columns, in which every type and function
    /// is qualified. Columns that are not named are as they are.
    Veil(&'static [(&'static str, &'static str)]),
    /// It is not read.
    Refuse,
}

/// The rule for a relation of `pg_catalog` or `information_schema`; anything not known is refused.
pub fn rule(schema: &str, relation: &str) -> CatalogRule {
    let (clear, veiled): (_, Veils) = match schema {
        "pg_catalog" => (CLEAR, VEILED),
        "information_schema" => (INFORMATION_SCHEMA, INFORMATION_SCHEMA_VEILED),
        _ => return CatalogRule::Refuse,
    };
    if clear.binary_search(&relation).is_ok() {
        return CatalogRule::Clear;
    }
    veiled.iter().find(|(name, _)| *name == relation).map_or(CatalogRule::Refuse, |(_, columns)| CatalogRule::Veil(columns))
}

type Veils = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// Catalogs and views of pg_catalog that hold schema text only. Sorted.
#[rustfmt::skip]
const CLEAR: &[&str] = &[
    "pg_aggregate", "pg_am", "pg_amop", "pg_amproc", "pg_attrdef", "pg_auth_members", "pg_available_extension_versions",
    "pg_available_extensions", "pg_cast", "pg_collation", "pg_constraint", "pg_conversion", "pg_database", "pg_default_acl",
    "pg_depend", "pg_description", "pg_enum", "pg_event_trigger", "pg_extension", "pg_group", "pg_index", "pg_indexes",
    "pg_inherits", "pg_init_privs", "pg_language", "pg_largeobject_metadata", "pg_matviews", "pg_namespace", "pg_opclass",
    "pg_operator", "pg_opfamily", "pg_parameter_acl", "pg_partitioned_table", "pg_policies", "pg_policy", "pg_proc",
    "pg_publication", "pg_publication_namespace", "pg_publication_rel", "pg_publication_tables", "pg_range", "pg_rewrite",
    "pg_rules", "pg_seclabel", "pg_seclabels", "pg_sequence", "pg_shdepend", "pg_shdescription", "pg_shseclabel",
    "pg_statistic_ext", "pg_tables", "pg_tablespace", "pg_timezone_abbrevs", "pg_timezone_names", "pg_transform", "pg_trigger",
    "pg_ts_config", "pg_ts_config_map", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_type", "pg_views",
];

/// Views of information_schema that hold schema text only. Sorted.
#[rustfmt::skip]
const INFORMATION_SCHEMA: &[&str] = &[
    "administrable_role_authorizations", "applicable_roles", "attributes", "character_sets", "check_constraint_routine_usage",
    "check_constraints", "collation_character_set_applicability", "collations", "column_column_usage", "column_domain_usage",
    "column_privileges", "column_udt_usage", "columns", "constraint_column_usage", "constraint_table_usage",
    "data_type_privileges", "domain_constraints", "domain_udt_usage", "domains", "element_types", "enabled_roles",
    "foreign_data_wrappers", "foreign_servers", "foreign_tables", "information_schema_catalog_name", "key_column_usage",
    "parameters", "referential_constraints", "role_column_grants", "role_routine_grants", "role_table_grants", "role_udt_grants",
    "role_usage_grants", "routine_column_usage", "routine_privileges", "routine_routine_usage", "routine_sequence_usage",
    "routine_table_usage", "routines", "schemata", "sequences", "sql_features", "sql_implementation_info", "sql_parts",
    "sql_sizing", "table_constraints", "table_privileges", "tables", "transforms", "triggered_update_columns", "triggers",
    "udt_privileges", "usage_privileges", "user_defined_types", "user_mappings", "view_column_usage", "view_routine_usage",
    "view_table_usage", "views",
];

/// Catalogs and views of pg_catalog of which some columns are computed.
#[rustfmt::skip]
const VEILED: Veils = &[
    // A default's value as it was stored when the column was added.
    ("pg_attribute", &[
        ("attmissingval", "CAST(NULL AS pg_catalog.anyarray)"),
    ]),
    // How large raw data is.
    ("pg_class", &[
        ("relpages", "CAST(0 AS pg_catalog.int4)"),
        ("reltuples", "CAST(-1 AS pg_catalog.float4)"),
        ("relallvisible", "CAST(0 AS pg_catalog.int4)"),
    ]),
    // Settings of roles may hold secrets (customised ones).
    ("pg_db_role_setting", &[
        ("setconfig", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("pg_foreign_data_wrapper", &[
        ("fdwoptions", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("pg_foreign_server", &[
        ("srvoptions", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("pg_foreign_table", &[
        ("ftoptions", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // Settings of roles may hold secrets; the password is ******** already.
    ("pg_roles", &[
        ("rolpassword", "CAST(NULL AS pg_catalog.text)"),
        ("rolconfig", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // How many rows were ever inserted.
    ("pg_sequences", &[
        ("last_value", "CAST(NULL AS pg_catalog.int8)"),
    ]),
    // Values that only an administrator can set hold paths, commands and connection strings; customised ones hold anything.
    ("pg_settings", &[
        ("setting", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN setting END"),
        ("boot_val", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN boot_val END"),
        ("reset_val", "CASE WHEN ((pg_catalog.texteq(context, CAST('user' AS pg_catalog.text)) OR pg_catalog.texteq(context, CAST('internal' AS pg_catalog.text))) AND pg_catalog.textne(category, CAST('Customized Options' AS pg_catalog.text))) THEN reset_val END"),
        ("sourcefile", "CAST(NULL AS pg_catalog.text)"),
        ("sourceline", "CAST(NULL AS pg_catalog.int4)"),
    ]),
    // Who else is there and what they ask.
    ("pg_stat_activity", &[
        ("application_name", "CAST(NULL AS pg_catalog.text)"),
        ("client_addr", "CAST(NULL AS pg_catalog.inet)"),
        ("client_hostname", "CAST(NULL AS pg_catalog.text)"),
        ("client_port", "CAST(NULL AS pg_catalog.int4)"),
        ("backend_xid", "CAST(NULL AS pg_catalog.xid)"),
        ("backend_xmin", "CAST(NULL AS pg_catalog.xid)"),
        ("query_id", "CAST(NULL AS pg_catalog.int8)"),
        ("query", "CAST(NULL AS pg_catalog.text)"),
    ]),
    // Samples of raw data.
    ("pg_stats", &[
        ("null_frac", "CAST(NULL AS pg_catalog.float4)"),
        ("avg_width", "CAST(NULL AS pg_catalog.int4)"),
        ("n_distinct", "CAST(NULL AS pg_catalog.float4)"),
        ("most_common_vals", "CAST(NULL AS pg_catalog.anyarray)"),
        ("most_common_freqs", "CAST(NULL AS pg_catalog._float4)"),
        ("histogram_bounds", "CAST(NULL AS pg_catalog.anyarray)"),
        ("correlation", "CAST(NULL AS pg_catalog.float4)"),
        ("most_common_elems", "CAST(NULL AS pg_catalog.anyarray)"),
        ("most_common_elem_freqs", "CAST(NULL AS pg_catalog._float4)"),
        ("elem_count_histogram", "CAST(NULL AS pg_catalog._float4)"),
    ]),
    // Samples of raw data.
    ("pg_stats_ext", &[
        ("n_distinct", "CAST(NULL AS pg_catalog.pg_ndistinct)"),
        ("dependencies", "CAST(NULL AS pg_catalog.pg_dependencies)"),
        ("most_common_vals", "CAST(NULL AS pg_catalog._text)"),
        ("most_common_val_nulls", "CAST(NULL AS pg_catalog._bool)"),
        ("most_common_freqs", "CAST(NULL AS pg_catalog._float8)"),
        ("most_common_base_freqs", "CAST(NULL AS pg_catalog._float8)"),
    ]),
    // Samples of raw data.
    ("pg_stats_ext_exprs", &[
        ("null_frac", "CAST(NULL AS pg_catalog.float4)"),
        ("avg_width", "CAST(NULL AS pg_catalog.int4)"),
        ("n_distinct", "CAST(NULL AS pg_catalog.float4)"),
        ("most_common_vals", "CAST(NULL AS pg_catalog.anyarray)"),
        ("most_common_freqs", "CAST(NULL AS pg_catalog._float4)"),
        ("histogram_bounds", "CAST(NULL AS pg_catalog.anyarray)"),
        ("correlation", "CAST(NULL AS pg_catalog.float4)"),
        ("most_common_elems", "CAST(NULL AS pg_catalog.anyarray)"),
        ("most_common_elem_freqs", "CAST(NULL AS pg_catalog._float4)"),
        ("elem_count_histogram", "CAST(NULL AS pg_catalog._float4)"),
    ]),
    // A connection string with a password.
    ("pg_subscription", &[
        ("subconninfo", "CAST(NULL AS pg_catalog.text)"),
    ]),
    // Settings of roles may hold secrets.
    ("pg_user", &[
        ("passwd", "CAST(NULL AS pg_catalog.text)"),
        ("useconfig", "CAST(NULL AS pg_catalog._text)"),
    ]),
    // Options hold passwords.
    ("pg_user_mappings", &[
        ("umoptions", "CAST(NULL AS pg_catalog._text)"),
    ]),
];

/// Views of information_schema of which some columns are computed.
#[rustfmt::skip]
const INFORMATION_SCHEMA_VEILED: Veils = &[
    // Options hold hosts, paths, queries and passwords.
    ("column_options", &[
        ("option_value", "CAST(NULL AS information_schema.character_data)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("foreign_data_wrapper_options", &[
        ("option_value", "CAST(NULL AS information_schema.character_data)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("foreign_server_options", &[
        ("option_value", "CAST(NULL AS information_schema.character_data)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("foreign_table_options", &[
        ("option_value", "CAST(NULL AS information_schema.character_data)"),
    ]),
    // Options hold hosts, paths, queries and passwords.
    ("user_mapping_options", &[
        ("option_value", "CAST(NULL AS information_schema.character_data)"),
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_samples_and_statements_are_never_clear() {
        for name in [
            "pg_authid",
            "pg_shadow",
            "pg_statistic",
            "pg_statistic_ext_data",
            "pg_largeobject",
            "pg_user_mapping",
            "pg_locks",
            "pg_prepared_statements",
            "pg_cursors",
            "pg_file_settings",
            "pg_hba_file_rules",
            "pg_config",
            "pg_stat_user_tables",
            "pg_statio_all_tables",
            "pg_stat_database",
            "pg_stat_statements",
            "pg_backend_memory_contexts",
            "pg_replication_slots",
        ] {
            assert_eq!(rule("pg_catalog", name), CatalogRule::Refuse, "{name}");
        }
        for name in ["pg_stats", "pg_stat_activity", "pg_class", "pg_settings", "pg_subscription"] {
            assert!(matches!(rule("pg_catalog", name), CatalogRule::Veil(_)), "{name}");
        }
        assert_eq!(rule("information_schema", "_pg_user_mappings"), CatalogRule::Refuse);
        assert_eq!(rule("public", "pg_class"), CatalogRule::Refuse);
        assert_eq!(rule("pg_catalog", "pg_namespace"), CatalogRule::Clear);
        assert_eq!(rule("information_schema", "columns"), CatalogRule::Clear);
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(CLEAR.is_sorted() && INFORMATION_SCHEMA.is_sorted());
    }

    #[test]
    fn every_expression_is_read() {
        for (relation, columns) in VEILED.iter().chain(INFORMATION_SCHEMA_VEILED) {
            for (column, expression) in *columns {
                assert!(crate::read::expression(expression).is_ok(), "{relation}.{column}");
            }
        }
    }
}
