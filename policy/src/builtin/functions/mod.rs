//! Which functions of pg_catalog are safe for a role with masks.
//!
//! An immutable function of pg_catalog reads nothing but its arguments: allowed. A stable or volatile one is allowed where it is
//! named in `allowed`: it reads no user table, no other session's statement, no file, no large object, no statistics and no secret.
//! Those in `veiled` are answered with NULL. `refused` says why the others are not called. Decided for all of Postgres 14 to 18
//! (`pg_proc` where `provolatile <> 'i'`; a test asks the server); what no list names is refused.
//! A name counts with all its overloads, so a name is as volatile as its most volatile overload (`ts_rewrite` of a query's text
//! runs it).

mod allowed;
mod refused;
mod veiled;

use allowed::{ALLOWED, STABLE_OPERATORS_AND_CASTS};
use refused::REFUSED;
use veiled::VEILED;

/// Whether a list names the function: allowed, veiled or refused, or judged by its arguments.
pub fn decided(name: &str) -> bool {
    stable_or_volatile_allowed(name)
        || veiled(name).is_some()
        || setting_rule(name).is_some()
        || notifies(name)
        || why_refused(name).is_some()
}

/// Whether a stable or volatile function of pg_catalog may be called. `current_setting` and `set_config` have a rule of their
/// own: see [`setting_rule`].
pub fn stable_or_volatile_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok() || STABLE_OPERATORS_AND_CASTS.binary_search(&name).is_ok()
}

/// Whether a function of information_schema may be called: those that `initdb` makes for its views (clients call them too: pgjdbc
/// expands keys by `_pg_expandarray`). They read nothing but their arguments and pg_index.
pub fn information_schema_allowed(name: &str) -> bool {
    matches!(
        name,
        "_pg_char_max_length"
            | "_pg_char_octet_length"
            | "_pg_datetime_precision"
            | "_pg_expandarray"
            | "_pg_index_position"
            | "_pg_interval_type"
            | "_pg_numeric_precision"
            | "_pg_numeric_precision_radix"
            | "_pg_numeric_scale"
            | "_pg_truetypid"
            | "_pg_truetypmod"
    )
}

/// Functions that read or write a setting by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingRule {
    /// `current_setting(name [, missing_ok])`: [`super::settings::may_show`] must allow the name. One that is a parameter or a
    /// column is looked at by the server: NULL where it is not allowed.
    Shows,
    /// `set_config(name, value, is_local)`: [`super::settings::may_set_config`] must allow it. Where the name is `search_path`,
    /// the statement moves it, and it must be a literal. Other names may be parameters or columns.
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

/// A function that sends to a channel, which its first argument names: the policy must open that one to the role.
pub fn notifies(name: &str) -> bool {
    name == "pg_notify"
}

/// For a function whose result shows physical facts of raw data (sizes, counters), other sessions or pgveil's own text: the type
/// of the NULL that is answered in its place. Clients call these when they list tables, so they are not refused.
pub fn veiled(name: &str) -> Option<&'static str> {
    VEILED.iter().find(|(_, names)| names.binary_search(&name).is_ok()).map(|(sql_type, _)| *sql_type)
}

/// Why a function is neither called nor answered; `None` where no list names it.
pub fn why_refused(name: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), _) => name.starts_with(start),
        (None, Some(end)) => name.ends_with(end),
        (None, None) => name == pattern,
    };
    REFUSED.iter().find(|(_, patterns)| patterns.iter().any(|p| fits(p))).map(|(why, _)| *why)
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
            | "array_sample"
            | "array_shuffle"
            | "setseed"
            | "uuidv7"
            | "clock_timestamp"
            | "timeofday"
            | "nextval"
            | "currval"
            | "lastval"
            | "set_config"
            | "pg_notify"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_disjoint_from_what_is_veiled() {
        assert!(ALLOWED.is_sorted() && STABLE_OPERATORS_AND_CASTS.is_sorted());
        for name in ALLOWED {
            assert!(veiled(name).is_none() && setting_rule(name).is_none(), "{name}");
        }
        for (_, names) in VEILED {
            assert!(names.is_sorted() && names.iter().all(|name| why_refused(name).is_none()), "{names:?}");
        }
    }

    #[test]
    fn a_star_is_at_an_end_of_a_pattern() {
        for pattern in REFUSED.iter().flat_map(|(_, patterns)| *patterns) {
            assert!(!pattern.trim_start_matches('*').trim_end_matches('*').contains('*'), "{pattern}");
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
            let decided = why_refused(name).is_some() || veiled(name).is_some() || setting_rule(name).is_some() || notifies(name);
            assert!(decided || name == "dblink", "{name}");
        }
        for name in ["now", "to_char", "format_type", "pg_get_viewdef", "json_agg", "timestamptz_pl_interval", "version"] {
            assert!(stable_or_volatile_allowed(name), "{name}");
        }
    }
}
