//! What a session is asked: what has changed since a snapshot, and which objects there are.
//!
//! Between [`SAVE`] and [`RESTORE`] the session has an empty search_path, and the settings that enter a view's definition have the
//! values of [`crate::catalog::load::QUERIES`]. All of them are local to the transaction: whatever ends it puts the client's own
//! back.

/// Settings that enter what is read, with the values that they need.
const SETTINGS: [(&str, &str); 7] = [
    ("search_path", ""),
    ("quote_all_identifiers", "off"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "iso_8601"),
    ("extra_float_digits", "1"),
    ("timezone", "UTC"),
    ("standard_conforming_strings", "on"),
];

/// Sets what is needed, and keeps what was there in settings of pgveil's own.
pub(super) fn save() -> String {
    let one = |(name, value): (&str, &str)| {
        format!(
            "pg_catalog.set_config('pgveil.{name}', pg_catalog.current_setting('{name}'), true), \
             pg_catalog.set_config('{name}', '{value}', true)"
        )
    };
    format!("SELECT {}", SETTINGS.map(one).join(", "))
}

/// Sets what was there.
pub(super) fn restore() -> String {
    let one = |(name, _): (&str, &str)| format!("pg_catalog.set_config('{name}', pg_catalog.current_setting('pgveil.{name}'), true)");
    format!("SELECT {}", SETTINGS.map(one).join(", "))
}

/// What is not older than `horizon`, or lies in the session's temporary schema: rows of (what, OID, OID).
///
/// * `r`, `s`: a relation, permanent or the session's own; `c`: a relation something of which may be another;
/// * `i`: an index and its table; `h`, `m`: a child and its parent, permanent or the session's own; `t`, `u`: a type, likewise;
/// * `R`, `I`, `H`, `T`: sums of the OIDs of all that are permanent. What is gone left no row, but makes them smaller.
///
/// An age is compared, not a number: transaction ids go round.
pub(super) fn changes(horizon: u32) -> String {
    format!(
        "WITH horizon AS MATERIALIZED (SELECT pg_catalog.age(CAST('{horizon}' AS pg_catalog.xid)) AS age), \
         temp AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_'), \
         class AS MATERIALIZED (SELECT oid, xmin, relkind, relnamespace, \
           relnamespace NOT IN (SELECT oid FROM temp) AND relnamespace <> CAST('pg_toast' AS pg_catalog.regnamespace) AS permanent \
           FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')), \
         index AS MATERIALIZED (SELECT indexrelid, indrelid, xmin FROM pg_catalog.pg_index \
           WHERE indislive AND indrelid NOT IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 't' OR relkind IN ('r', 'm', 'p') AND NOT relnamespace NOT IN (SELECT oid FROM temp))) \
         SELECT CASE WHEN relkind = 'c' THEN 'c' WHEN permanent THEN 'r' ELSE 's' END, CAST(oid AS pg_catalog.int8), CAST(0 AS pg_catalog.int8) \
           FROM class WHERE relnamespace = pg_catalog.pg_my_temp_schema() \
             OR permanent AND pg_catalog.age(xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT DISTINCT 'c', CAST(attrelid AS pg_catalog.int8), 0 FROM pg_catalog.pg_attribute \
           WHERE attnum > 0 AND pg_catalog.age(xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT 'c', CAST(ev_class AS pg_catalog.int8), 0 FROM pg_catalog.pg_rewrite \
           WHERE pg_catalog.age(xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT 'c', CAST(seqrelid AS pg_catalog.int8), 0 FROM pg_catalog.pg_sequence \
           WHERE pg_catalog.age(xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT 'i', CAST(i.indexrelid AS pg_catalog.int8), CAST(i.indrelid AS pg_catalog.int8) \
           FROM index i WHERE pg_catalog.age(i.xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT CASE WHEN c.permanent THEN 'h' ELSE 'm' END, CAST(h.inhrelid AS pg_catalog.int8), CAST(h.inhparent AS pg_catalog.int8) \
           FROM pg_catalog.pg_inherits h JOIN class c ON c.oid = h.inhrelid \
           WHERE c.relnamespace = pg_catalog.pg_my_temp_schema() \
             OR c.permanent AND pg_catalog.age(h.xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT CASE WHEN typnamespace = pg_catalog.pg_my_temp_schema() THEN 'u' ELSE 't' END, CAST(oid AS pg_catalog.int8), 0 \
           FROM pg_catalog.pg_type WHERE typnamespace = pg_catalog.pg_my_temp_schema() \
             OR typnamespace NOT IN (SELECT oid FROM temp) AND pg_catalog.age(xmin) <= (SELECT age FROM horizon) \
         UNION ALL SELECT 'R', CAST(COALESCE(pg_catalog.sum(CAST(oid AS pg_catalog.int8)), 0) AS pg_catalog.int8), 0 \
           FROM class WHERE permanent AND relkind <> 'c' \
         UNION ALL SELECT 'I', CAST(COALESCE(pg_catalog.sum(CAST(i.indexrelid AS pg_catalog.int8)), 0) AS pg_catalog.int8), 0 \
           FROM index i \
         UNION ALL SELECT 'H', CAST(COALESCE(pg_catalog.sum(CAST(h.inhrelid AS pg_catalog.int8)), 0) AS pg_catalog.int8), 0 \
           FROM pg_catalog.pg_inherits h JOIN class c ON c.oid = h.inhrelid WHERE c.permanent \
         UNION ALL SELECT 'T', CAST(COALESCE(pg_catalog.sum(CAST(oid AS pg_catalog.int8)), 0) AS pg_catalog.int8), 0 \
           FROM pg_catalog.pg_type WHERE typnamespace NOT IN (SELECT oid FROM temp)"
    )
}

/// All that are permanent, by the letters of the sums in [`changes`]: OIDs, or pairs of them, between blanks.
pub(super) const LISTS: &str = "\
WITH temp AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_'), \
class AS MATERIALIZED (SELECT oid, relkind FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') \
  AND relnamespace NOT IN (SELECT oid FROM temp) AND relnamespace <> CAST('pg_toast' AS pg_catalog.regnamespace)) \
SELECT 'R', pg_catalog.string_agg(CAST(oid AS pg_catalog.text), ' ') FROM class WHERE relkind <> 'c' \
UNION ALL SELECT 'I', pg_catalog.string_agg(CAST(i.indexrelid AS pg_catalog.text), ' ') \
  FROM pg_catalog.pg_index i WHERE indislive \
    AND indrelid NOT IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 't' OR relkind IN ('r', 'm', 'p') AND NOT relnamespace NOT IN (SELECT oid FROM temp)) \
UNION ALL SELECT 'H', pg_catalog.string_agg(pg_catalog.concat(h.inhrelid, ' ', h.inhparent), ' ') \
  FROM pg_catalog.pg_inherits h JOIN class c ON c.oid = h.inhrelid \
UNION ALL SELECT 'T', pg_catalog.string_agg(CAST(oid AS pg_catalog.text), ' ') \
  FROM pg_catalog.pg_type WHERE typnamespace NOT IN (SELECT oid FROM temp)";
