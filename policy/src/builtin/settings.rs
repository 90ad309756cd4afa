//! Which settings a role with masks may set and see.
//!
//! Decided for each setting of Postgres 14 to 18 (`pg_settings`). What is not named here is refused: planner settings choose plans and
//! with them the order of rows, `debug_*`, `log_*` and `trace_*` put statements where they do not belong, customised settings
//! (`app.tenant`) may be read by row filters, and the rest has no use for a reader.

use crate::read::fold;

/// The role that is active: no setting of the server's own.
pub const ROLE: &str = "pgveil.role";

/// What values a setting may take.
#[derive(Clone, Copy)]
enum Values {
    Any,
    Only(&'static [&'static str]),
    SearchPath,
}

const ON_OFF: Values = Values::Only(&["on", "off", "true", "false", "yes", "no", "1", "0"]);

/// Settings that clients set, in alphabetical order.
const SETTABLE: &[(&str, Values)] = &[
    ("application_name", Values::Any),
    ("array_nulls", Values::Any),
    ("bytea_output", Values::Any),
    ("check_function_bodies", Values::Any),
    ("client_connection_check_interval", Values::Any),
    // Values are hashed as UTF-8.
    ("client_encoding", Values::Only(&["utf8", "unicode"])),
    // Below NOTICE a server may send what it logs: statements, plans, durations.
    ("client_min_messages", Values::Only(&["notice", "warning", "error"])),
    ("datestyle", Values::Any),
    ("default_table_access_method", Values::Any),
    ("default_text_search_config", Values::Any),
    ("default_toast_compression", Values::Any),
    ("default_transaction_deferrable", Values::Any),
    ("default_transaction_isolation", Values::Any),
    ("default_transaction_read_only", Values::Any),
    ("escape_string_warning", Values::Any),
    // Fewer digits would make different values equal in the text that rows are ordered by.
    ("extra_float_digits", Values::Only(&["1", "2", "3"])),
    ("idle_in_transaction_session_timeout", Values::Any),
    ("idle_session_timeout", Values::Any),
    ("intervalstyle", Values::Any),
    // asyncpg turns it off while it introspects; it changes neither rows nor their order.
    ("jit", Values::Any),
    ("lock_timeout", Values::Any),
    ("quote_all_identifiers", Values::Any),
    // pg_dump; it can only take away.
    ("restrict_nonsystem_relation_kind", Values::Any),
    // pg_dump turns it off; that only raises errors where row-level security would filter.
    ("row_security", ON_OFF),
    ("search_path", Values::SearchPath),
    // pgveil prints strings for the standard form.
    ("standard_conforming_strings", Values::Only(&["on", "true", "yes", "1"])),
    ("statement_timeout", Values::Any),
    ("synchronize_seqscans", Values::Any),
    ("synchronous_commit", Values::Any),
    ("tcp_keepalives_count", Values::Any),
    ("tcp_keepalives_idle", Values::Any),
    ("tcp_keepalives_interval", Values::Any),
    ("tcp_user_timeout", Values::Any),
    ("timezone", Values::Any),
    ("transaction_deferrable", Values::Any),
    ("transaction_isolation", Values::Any),
    ("transaction_read_only", Values::Any),
    ("transaction_timeout", Values::Any),
    ("xmlbinary", Values::Any),
    ("xmloption", Values::Any),
];

/// Further settings that are shown: they hold neither secrets nor paths nor data.
const SHOWN: &[&str] = &[
    "autovacuum",
    "block_size",
    "cursor_tuple_fraction",
    "data_checksums",
    "default_statistics_target",
    "default_tablespace",
    "default_with_oids",
    "effective_cache_size",
    "effective_io_concurrency",
    "hot_standby",
    "huge_pages_status",
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "maintenance_work_mem",
    "max_connections",
    "max_function_args",
    "max_identifier_length",
    "max_index_keys",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "max_prepared_transactions",
    "max_stack_depth",
    "max_worker_processes",
    "num_os_semaphores",
    // libpq asks before it changes a password.
    "password_encryption",
    // Who one is for pgveil: put there by it, never by a client.
    ROLE,
    "pgveil.user",
    "plan_cache_mode",
    "random_page_cost",
    "scram_iterations",
    "segment_size",
    "seq_page_cost",
    "server_encoding",
    "server_version",
    "server_version_num",
    "session_authorization",
    "session_replication_role",
    "shared_buffers",
    "ssl",
    "superuser_reserved_connections",
    "temp_buffers",
    "transform_null_equals",
    "wal_block_size",
    "wal_level",
    "wal_segment_size",
    "work_mem",
];

/// Whether a setting may be shown (SHOW, `current_setting`). Case does not count, as in Postgres.
pub fn may_show(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    settable(&name).is_some() || SHOWN.contains(&name.as_str())
}

/// Names of all settings that may be shown, in lower case.
pub fn all_shown() -> impl Iterator<Item = &'static str> {
    SETTABLE.iter().map(|(name, _)| *name).chain(SHOWN.iter().copied())
}

/// Whether a setting may go back to its default (RESET, SET … TO DEFAULT): whatever may be set.
///
/// # Errors
/// The reason why not, for the refusal's detail.
pub fn may_reset(name: &str) -> Result<(), String> {
    settable(&name.to_ascii_lowercase()).map(|_| ()).ok_or_else(|| why_not(name))
}

/// Whether a setting may be set to these values: those of a SET statement, one for each item of its list.
///
/// # Errors
/// The reason why not, for the refusal's detail.
pub fn may_set(name: &str, values: &[String]) -> Result<(), String> {
    let name = name.to_ascii_lowercase();
    match settable(&name) {
        None => Err(why_not(&name)),
        Some(Values::Any) => Ok(()),
        Some(Values::Only(allowed)) => {
            // Postgres reads no sign in the name of an encoding (`clean_encoding_name`).
            let bare = |value: &String| match name.as_str() {
                "client_encoding" => value.chars().filter(char::is_ascii_alphanumeric).collect(),
                _ => value.clone(),
            };
            let fits = |value: &String| allowed.contains(&bare(value).to_ascii_lowercase().as_str());
            if values.iter().all(fits) { Ok(()) } else { Err(format!("It may only be {} here.", allowed.join(", "))) }
        }
        Some(Values::SearchPath) => search_path(values),
    }
}

/// Whether a setting may be set to a value that is not known yet (a parameter).
///
/// # Errors
/// The reason why not, for the refusal's detail.
pub fn may_set_anything(name: &str) -> Result<(), String> {
    match settable(&name.to_ascii_lowercase()) {
        Some(Values::Any) => Ok(()),
        Some(Values::Only(_) | Values::SearchPath) => Err("Its value must be a literal here, since not every one is allowed.".to_owned()),
        None => Err(why_not(name)),
    }
}

/// The same for the one text that `set_config(name, value, …)` takes, which for `search_path` is a list in itself.
///
/// # Errors
/// The reason why not, for the refusal's detail.
pub fn may_set_config(name: &str, value: &str) -> Result<(), String> {
    if !name.eq_ignore_ascii_case("search_path") {
        return may_set(name, &[value.to_owned()]);
    }
    let items = split_identifiers(value).ok_or("It is not a list of schema names.")?;
    search_path(&items)
}

/// The setting that says whether transactions begin READ ONLY.
pub const DEFAULT_READ_ONLY: &str = "default_transaction_read_only";

/// Whether a setting decides if a transaction may write.
pub fn decides_read_only(name: &str) -> bool {
    [DEFAULT_READ_ONLY, "transaction_read_only"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a setting at this value (`None`: one that is not known yet) could let a transaction write.
pub fn lifts_read_only(name: &str, value: Option<&str>) -> bool {
    decides_read_only(name) && !value.is_some_and(|v| ["on", "true", "yes", "1"].iter().any(|on| v.eq_ignore_ascii_case(on)))
}

/// The setting that says how long a statement may take.
pub const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// Whether a setting at this value (`None`: one that is not known yet) could let a statement take longer than so many seconds.
pub fn outlasts(name: &str, value: Option<&str>, seconds: u64) -> bool {
    // Less than one would be none, which is no limit.
    let within = |ms: f64| (1.0..=f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)) * 1000.0).contains(&ms);
    name.eq_ignore_ascii_case(STATEMENT_TIMEOUT) && !value.and_then(milliseconds).is_some_and(within)
}

/// A time as Postgres reads it (PostgreSQL documentation, 20.1.1), in plain decimal notation.
fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let of_unit = match unit.trim_start() {
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * of_unit)
}

/// Whether RESET of a setting could: a session's own default comes back, but a transaction's is off.
pub fn resets_to_read_write(name: &str) -> bool {
    name.eq_ignore_ascii_case("transaction_read_only")
}

/// Splits a list of names as Postgres does (`SplitIdentifierString`); `None` where it is malformed.
pub fn split_identifiers(list: &str) -> Option<Vec<String>> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}');
    let mut rest = list.trim_start_matches(is_space);
    let mut names = Vec::new();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            loop {
                let (before, after) = quoted.split_once('"')?;
                name.push_str(before);
                let Some(more) = after.strip_prefix('"') else {
                    rest = after;
                    break;
                };
                name.push('"');
                quoted = more;
            }
            names.push(name);
        } else {
            let end = rest.find(|c: char| c == ',' || is_space(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            names.push(fold(name));
            rest = after;
        }
        rest = rest.trim_start_matches(is_space);
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start_matches(is_space),
            None if rest.is_empty() => return Some(names),
            None => return None,
        }
    }
}

fn settable(name: &str) -> Option<Values> {
    // Two names of one setting (`map_old_guc_names`).
    let name = if name == "time zone" { "timezone" } else { name };
    SETTABLE.iter().find(|(known, _)| *known == name).map(|(_, values)| *values)
}

/// pg_catalog and pg_temp are searched first where they are not named; named behind another schema, that schema's objects would
/// stand before Postgres' own.
fn search_path(items: &[String]) -> Result<(), String> {
    for special in ["pg_catalog", "pg_temp"] {
        if items.iter().skip(1).any(|item| item == special || special == "pg_temp" && item.starts_with("pg_temp_")) {
            return Err(format!(
                "{special} may only be named first: behind another schema, objects there would take the place of Postgres' own. \
                 Leave it out and it is searched first."
            ));
        }
    }
    Ok(())
}

fn why_not(name: &str) -> String {
    let planner = name.starts_with("enable_")
        || name.ends_with("_cost")
        || name.contains("parallel")
        || name.starts_with("geqo")
        || name.starts_with("jit_")
        || name.ends_with("collapse_limit")
        || matches!(
            name,
            "plan_cache_mode"
                | "work_mem"
                | "hash_mem_multiplier"
                | "temp_buffers"
                | "effective_cache_size"
                | "cursor_tuple_fraction"
                | "constraint_exclusion"
                | "default_statistics_target"
                | "seed"
        );
    match name {
        "role" | "session_authorization" => "Who one is follows from the login and the policy.".to_owned(),
        "session_replication_role" => "It switches triggers and constraints off.".to_owned(),
        ROLE => "It is chosen when a session begins, or by a SET pgveil.role of its own.".to_owned(),
        _ if name.contains('.') => "Customised settings may steer functions and row filters.".to_owned(),
        _ if planner => "It steers the planner, and plans decide in which order rows come, which can show protected values.".to_owned(),
        _ if name.starts_with("debug_") || name.starts_with("log_") || name.starts_with("trace_") => {
            "It makes the server write statements and plans where they do not belong.".to_owned()
        }
        _ => "It is not on pgveil's list of settings that are safe for a role with masks.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_schemas_is_split_as_postgres_splits_it() {
        let split = |text: &str| split_identifiers(text);
        assert_eq!(split(" A , \"B\"\"c\",d "), Some(vec!["a".to_owned(), "B\"c".to_owned(), "d".to_owned()]));
        assert_eq!(split(""), Some(vec![]));
        for malformed in ["a,", ",a", "a b", "\"a", "a,,b"] {
            assert_eq!(split(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_limit_is_not_outlasted() {
        for within in ["1", "30000", "30s", " 30 s ", "0.5min", "29999.5", "1ms"] {
            assert!(!outlasts("Statement_Timeout", Some(within), 30), "{within}");
        }
        for beyond in ["0", "-1", "0.4", "30001", "31s", "1min", "1h", "1d", "", "s", "1e9", "0x7530", "1us", "1 S", "1.2.3", "\u{661}"] {
            assert!(outlasts("statement_timeout", Some(beyond), 30), "{beyond}");
        }
        assert!(outlasts("statement_timeout", None, 30) && !outlasts("lock_timeout", Some("0"), 30));
    }

    #[test]
    fn pg_catalog_only_comes_first() {
        assert!(may_set_config("search_path", "").is_ok());
        assert!(may_set_config("search_path", "pg_catalog, shop").is_ok());
        assert!(may_set_config("Search_Path", "shop, PG_CATALOG").is_err());
        assert!(may_set_config("search_path", "shop, \"pg_temp\"").is_err());
        assert!(may_set_config("search_path", "\"$user\", public").is_ok());
    }

    #[test]
    fn encodings_are_named_as_postgres_reads_them() {
        for name in ["UTF8", "utf-8", "Utf_8", "UNICODE"] {
            assert!(may_set("client_encoding", &[name.to_owned()]).is_ok(), "{name}");
        }
        for name in ["LATIN1", "UTF16", "", "SQL_ASCII", "UTF8x"] {
            assert!(may_set("client_encoding", &[name.to_owned()]).is_err(), "{name}");
        }
    }

    #[test]
    fn who_one_is_can_be_shown_and_not_set() {
        for name in ["pgveil.user", "PGVEIL.Role"] {
            assert!(
                may_show(name)
                    && may_set(name, &["boss".to_owned()]).is_err()
                    && may_reset(name).is_err()
                    && may_set_anything(name).is_err()
            );
        }
    }

    #[test]
    fn planner_settings_are_shown_and_never_set() {
        for name in ["work_mem", "plan_cache_mode", "random_page_cost"] {
            assert!(may_show(name) && may_set(name, &["1".to_owned()]).is_err(), "{name}");
        }
        assert!(!may_show("primary_conninfo") && !may_show("app.secret") && !may_show("data_directory"));
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(SETTABLE.is_sorted_by_key(|(name, _)| *name) && SHOWN.is_sorted());
    }
}
