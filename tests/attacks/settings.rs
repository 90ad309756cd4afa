//! Settings that change what a mask shows, or the plan.

use super::*;

attacks![
    attack(
        "TimeZone moves a truncated time",
        &["SET TimeZone = 'FAR+167:59'", "SELECT extract(month FROM dob), extract(day FROM dob) FROM shop.customers WHERE id = {id}"],
        Rows("1|1")
    ),
    attack("DateStyle", &["SET DateStyle = 'SQL, DMY'", "SELECT left(dob::text, 5) FROM shop.customers WHERE id = {id}"], Rows("01/01")),
    attack("enable_seqscan", &["SET enable_seqscan = off"], Refused),
    attack("enable_sort", &["SET enable_sort = off"], Refused),
    attack("enable_hashagg", &["SELECT set_config('enable_hashagg', 'off', false)"], Refused),
    attack("costs", &["SET random_page_cost = 0"], Refused),
    attack("parallelism", &["SET max_parallel_workers_per_gather = 8"], Refused),
    attack("plan cache", &["SET plan_cache_mode = force_generic_plan"], Refused),
    attack("join order", &["SET join_collapse_limit = 1"], Refused),
    attack("synchronised scans", &["SET synchronize_seqscans = on"], Harmless),
    attack("session_replication_role", &["SET session_replication_role = replica"], Refused),
    attack("row_security", &["SET row_security = off"], Harmless),
    attack("another role", &["SET ROLE postgres"], Refused),
    attack("another user", &["SET SESSION AUTHORIZATION postgres"], Refused),
    attack("another user by set_config", &["SELECT set_config('role', 'postgres', false)"], Refused),
    attack("LOAD", &["LOAD 'auto_explain'"], Refused),
    attack("auto_explain", &["SET auto_explain.log_analyze = on"], Refused),
    attack("client_encoding", &["SET client_encoding = 'LATIN1'", "SELECT full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("client_encoding by NAMES", &["SET NAMES 'SQL_ASCII'", "SELECT full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("bytea_output", &["SET bytea_output = escape", "SELECT full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("xmlbinary", &["SET xmlbinary = hex"], Harmless),
    attack("quote_all_identifiers", &["SET quote_all_identifiers = on", "SELECT full_name FROM shop.customers WHERE id = {id}"], Harmless),
    attack("array_nulls", &["SET array_nulls = off", "SELECT ARRAY(SELECT email FROM shop.leads ORDER BY owner LIMIT 3)"], Harmless),
    attack("transform_null_equals", &["SET transform_null_equals = on", "SELECT count(*) FROM shop.customers WHERE ssn = NULL"], Harmless),
    attack("default_text_search_config", &["SET default_text_search_config = 'simple'"], Harmless),
    attack(
        "extra_float_digits",
        &["SET extra_float_digits = 3", "SELECT salary::float8 = floor(salary) FROM shop.customers WHERE id = {id}"],
        Harmless
    ),
    attack("lc_monetary", &["SET lc_monetary = 'C'"], Harmless),
    attack("temp_tablespaces", &["SET temp_tablespaces = ''"], Harmless),
    attack("a placeholder of one's own, read back", &["SET my.value = 'x'", "SHOW my.value"], Harmless),
    attack("all settings", &["SHOW ALL"], Harmless),
    attack("ALTER SYSTEM", &["ALTER SYSTEM SET log_statement = 'all'"], Refused),
];
