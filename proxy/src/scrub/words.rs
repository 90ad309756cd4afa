//! Which words of the server pass, and ours for the others.

/// Classes of SQLSTATE whose messages hold schema text, the client's own text or masks, and nothing stored.
pub const OPEN_CLASSES: &[&str] = &[
    "08", "0A", "0B", "0L", "0P", "20", "21", "22", "24", "25", "26", "2B", "2D", "34", "3B", "3D", "3F", "40", "42", "53", "54", "55",
    "57",
];

/// Codes of open classes whose messages hold stored bytes (encoding) or what a row-security policy refused.
pub const CLOSED_CODES: &[&str] = &["22021", "22P05", "42501"];

/// Classes of open errors that hold no stored value, whatever a statement writes.
pub const NOT_OF_A_VALUE: &[&str] = &["08", "25", "26", "34", "40", "53", "55", "57"];

/// Codes of errors that a statement which writes meets in the schema, not in a row: ON CONFLICT without its index, a generated column.
pub const OF_THE_SCHEMA: &[&str] = &["42P10", "428C9", "0A000"];

/// An expression failed over a protected relation.
pub const FAILED_ON_A_ROW: &str = "an expression of the statement fails for some row";
/// Why it is not told how.
pub const FAILED_ON_A_ROW_DETAIL: &str =
    "The statement reads protected relations. Which of their rows fails first, and how, could tell their order, so it is not told.";
/// What to do.
pub const FAILED_ON_A_ROW_HINT: &str = "\
Look for a cast, a division or a subquery with several rows: try it on a constant, or leave out the values that do not fit by CASE. \
Where a table was changed meanwhile, prepare it again.";

/// SQLSTATE and message of the notices that pass.
pub const NOTICES: &[(&str, &str)] = &[
    ("25001", "there is already a transaction in progress"),
    ("25P01", "there is no transaction in progress"),
    ("25P01", "SET LOCAL can only be used in transaction blocks"),
    ("25P01", "SET TRANSACTION can only be used in transaction blocks"),
    ("25P01", "SET CONSTRAINTS can only be used in transaction blocks"),
    // The last words of a server that is stopped at once.
    ("57P01", "terminating connection due to immediate shutdown command"),
    ("57P01", "terminating connection because of unexpected SIGQUIT signal"),
    ("57P02", "terminating connection because of crash of another server process"),
];

/// Longer than any name, in bytes, with its schema.
pub const NAME: usize = 140;

/// Notices of definitions that pass, by SQLSTATE and what stands before and after a name of the client's own.
pub const NOTICES_OF_NAMES: &[(&str, &str, &str)] = &[
    ("42P06", "schema \"", "\" already exists, skipping"),
    ("42P07", "relation \"", "\" already exists, skipping"),
    ("42701", "column \"", "\" already exists, skipping"),
    ("42710", "statistics object \"", "\" already exists, skipping"),
    ("42710", "enum label \"", "\" already exists, skipping"),
    ("00000", "table \"", "\" does not exist, skipping"),
    ("00000", "view \"", "\" does not exist, skipping"),
    ("00000", "materialized view \"", "\" does not exist, skipping"),
    ("00000", "index \"", "\" does not exist, skipping"),
    ("00000", "sequence \"", "\" does not exist, skipping"),
    ("00000", "schema \"", "\" does not exist, skipping"),
    ("00000", "type \"", "\" does not exist, skipping"),
    ("00000", "relation \"", "\" does not exist, skipping"),
    ("00000", "statistics object \"", "\" does not exist, skipping"),
];

/// Parameters whose values the client is told.
pub const PARAMETERS: &[&str] = &[
    "server_version",
    "server_encoding",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
    "is_superuser",
    "session_authorization",
    "application_name",
    "in_hot_standby",
    "default_transaction_read_only",
    "scram_iterations",
    "search_path",
];

/// Said beside a message of ours.
pub const WITHHELD: &str = "pgveil withholds the server's own words for this kind of error: they may hold protected values.";

/// Our message for an SQLSTATE whose own does not pass.
pub fn message(code: &str) -> &'static str {
    match code {
        "23502" => "null value violates a not-null constraint",
        "23503" => "a foreign key constraint is violated",
        "23505" => "duplicate key value violates a unique constraint",
        "23514" => "a check constraint is violated, or no partition takes the row",
        "23P01" => "conflicting key value violates an exclusion constraint",
        "22021" => "a character is not valid in the encoding",
        "22P05" => "a character cannot be converted to the client's encoding",
        "22001" => "a value is too long for its column's type",
        "22003" => "a number is out of range",
        "22P02" => "a value has not the syntax of its type",
        "22007" | "22008" => "a date or time is not valid",
        "22012" => "division by zero",
        "428C9" => "a generated or identity column cannot be given a value",
        "21000" => "a row would be changed more than once, or a subquery gave more than one row",
        "42501" => "permission denied by the database",
        "P0001" => "a function of the database raised an error",
        other => class_message(other.get(..2).unwrap_or_default()),
    }
}

/// What is said before a constraint's name.
pub fn of_constraint(code: &str) -> &'static str {
    match code {
        "23505" => "duplicate key value violates unique constraint",
        "23503" => "insert, update or delete violates foreign key constraint",
        "23514" => "new row violates check constraint",
        "23P01" => "conflicting key value violates exclusion constraint",
        _ => "a row violates constraint",
    }
}

fn class_message(class: &str) -> &'static str {
    match class {
        "22" => "a value does not fit",
        "23" => "an integrity constraint is violated",
        "27" => "a trigger changed the data in a way that is not allowed",
        "42" => "the database did not accept the statement as it was rewritten for your role",
        "44" => "a view's WITH CHECK OPTION is violated",
        "P0" => "a function of the database failed",
        "XX" => "the database reports an internal error",
        _ => "the database reports an error",
    }
}
