//! Which errors may be an expression's, on some row. Of a statement that reads protected relations they are all told alike.
//!
//! The order in which such a statement comes to its rows may follow raw values, and whoever writes it chooses how each row fails: with
//! the functions and casts that pass, an expression raises 42703 (`has_column_privilege`, `pg_get_serial_sequence`), 42501 (a cast to
//! `regclass` in a schema that is closed), 55000 (`pg_is_wal_replay_paused`), 55P04 (a cast to an enum), 25001 (`set_config`), XX000
//! (`setweight`) and most other codes, with words of its own in some of them. So nothing is told as it is but what an expression cannot
//! raise. Where it is the code that both have, the server's routine (field `R`, never translated) tells them apart.
//!
//! What has a position is about the statement's text: `parser_errposition` and `executor_errposition` set it where a text is analysed, or
//! its plan made ready. What runs while rows are read sets none: the grammars of types and names (`regtype`) have no text to point to,
//! and of the statements in functions the position becomes an internal one, `p`, beside `q`.

use pgveil_policy::Kind;

use super::{Scrub, code};
use crate::wire::answer::Report;

/// Classes of what comes from outside of the statement, whatever runs then: a conflict with others, no room, a request to cancel.
const FROM_OUTSIDE: &[&str] = &["40", "53", "57"];

/// The same: a lock is held by others.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Classes of errors about connections, and names of prepared statements and cursors.
const OF_THE_SESSION: &[&str] = &["08", "26", "34"];

/// Outside of a transaction, in one that has failed; in use by the session itself.
const OF_ITS_STATE: &[&str] = &["25P01", "25P02", "55006"];

/// What a statement meets before its first row, by the routine that says so.
const BEFORE_ROWS: &[(&str, &str)] = &[
    // VACUUM and its like in a transaction block. By `set_config` it would be a setting's.
    ("25001", "PreventInTransactionBlock"),
    // A materialized view without data.
    ("55000", "ExecOpenScanRelation"),
    // A portal that is done, and one that goes forward only.
    ("55000", "MarkPortalActive"),
    ("55000", "PortalRunSelect"),
    ("55000", "DoPortalRunFetch"),
    // Analysis of a text, where it has no position.
    ("54011", "free_parsestate"),
    ("42701", "transformFromClauseItem"),
    ("42703", "transformFromClauseItem"),
    // Views and policies that name themselves.
    ("42P17", "fireRIRrules"),
];

/// A name is taken, is not there, or is in use; there are too many columns.
const OF_A_DEFINITION: &[&str] =
    &["2BP01", "42701", "42710", "42830", "54011", "42P03", "42P05", "42P06", "42P07", "42P12", "42P16", "42P17"];

/// Who says that a definition names a column that is not there; and the beginning of the names of ALTER TABLE's own routines.
const COLUMNS_OF_A_DEFINITION: &[&str] =
    &["ComputeIndexAttrs", "CreateStatistics", "do_analyze_rel", "expand_col_privileges", "renameatt_internal", "transformColumnNameList"];
const ALTER_TABLE: &str = "AT";

/// What says of relations that they are not open to the account, or not its own: they are looked at before the first row is read. Not of
/// schemas, into which a cast to `regclass` looks, nor of functions, which a domain may call.
const DENIED: &[&str] = &[
    "permission denied for table ",
    "permission denied for view ",
    "permission denied for materialized view ",
    "permission denied for foreign table ",
    "permission denied for sequence ",
    "must be owner of ",
];

impl Scrub {
    /// Whether an error may be an expression's, on some row: not one of the statement as such, of the transaction, of resources or of the
    /// server. `kind`: of the statement; `None` where it is not known.
    pub fn is_of_a_row(report: &Report, kind: Option<Kind>) -> bool {
        let code = code(report.code()).unwrap_or_default();
        let class = code.get(..2).unwrap_or_default();
        if report.field(b'P').is_some() || FROM_OUTSIDE.contains(&class) || code == LOCK_NOT_AVAILABLE {
            return false;
        }
        // A function's own statements, or a worker's part of the rows.
        if report.field(b'W').is_some() || report.field(b'q').is_some() {
            return true;
        }
        let text = |tag: u8| report.field(tag).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let routine = text(b'R');
        let known = OF_THE_SESSION.contains(&class) || OF_ITS_STATE.contains(&code) || BEFORE_ROWS.contains(&(code, routine));
        let told = match (code, routine) {
            // Of a function it is said with its brackets.
            ("25006", "PreventCommandIfReadOnly") => !text(b'M').contains("()"),
            ("42501", "aclcheck_error") => DENIED.iter().any(|words| text(b'M').starts_with(words)),
            ("42703", _) => {
                let of_a_definition = routine.starts_with(ALTER_TABLE) || COLUMNS_OF_A_DEFINITION.contains(&routine);
                kind == Some(Kind::Define) && of_a_definition
            }
            // A row of a join may be too wide.
            ("54011", _) => !routine.starts_with("heap_form") && kind.is_some_and(makes_a_name),
            _ => OF_A_DEFINITION.contains(&code) && kind.is_some_and(makes_a_name),
        };
        !known && !told
    }
}

/// It makes or changes what has a name.
fn makes_a_name(kind: Kind) -> bool {
    match kind {
        // EXPLAIN looks at the name of what CREATE TABLE AS would make.
        Kind::Define | Kind::Keep | Kind::Carry | Kind::CopyIn | Kind::Name | Kind::Explain | Kind::ExplainTree(_) => true,
        Kind::Query
        | Kind::Write
        | Kind::Transaction
        | Kind::Set
        | Kind::Show
        | Kind::CopyOut
        | Kind::Lock
        | Kind::Utility
        | Kind::Named
        | Kind::Call => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(code: &str, message: &str, fields: &[(u8, &str)]) -> Report {
        let mut report = Report::ours("ERROR", code, message);
        report.fields.extend(fields.iter().map(|(tag, text)| (*tag, text.as_bytes().to_vec())));
        report
    }

    const KINDS: [Option<Kind>; 6] =
        [None, Some(Kind::Query), Some(Kind::Write), Some(Kind::Transaction), Some(Kind::Keep), Some(Kind::Define)];

    #[test]
    fn errors_of_a_row_are_all_alike() {
        for code in ["22P02", "22012", "21000", "42704", "42P01", "2201B"] {
            let failed = report(code, "division by zero", &[]);
            assert!(Scrub::is_of_a_row(&failed, Some(Kind::Query)), "{code}");
            assert_eq!(Scrub::failed_on_a_row(&failed), Scrub::failed_on_a_row(&report("22012", "", &[])), "{code}");
        }
        for code in ["57014", "53200", "40001", "25P02", "55P03"] {
            assert!(!Scrub::is_of_a_row(&report(code, "canceling statement", &[]), Some(Kind::Query)), "{code}");
        }
        let analysis = report("42883", "operator does not exist", &[(b'P', "8")]);
        assert!(!Scrub::is_of_a_row(&analysis, Some(Kind::Query)), "it has a position");
    }

    #[test]
    fn no_code_that_an_expression_can_raise_is_told() {
        for (code, message, routine) in [
            ("42703", "column \"c17\" of relation \"customers\" does not exist", "convert_column_name"),
            ("42703", "column \"c17\" of relation \"customers\" does not exist", "pg_get_serial_sequence"),
            ("42703", "column \"c17\" of relation \"customers\" does not exist", "get_object_address_attribute"),
            ("XX000", "unrecognized weight: 120", "tsvector_setweight"),
            ("55000", "recovery is not in progress", "pg_is_wal_replay_paused"),
            ("55000", "currval of sequence \"s\" is not yet defined in this session", "currval_oid"),
            ("55P04", "unsafe use of new value \"x\" of enum type mood", "enum_in"),
            ("42501", "permission denied for schema pg_toast", "aclcheck_error"),
            ("42501", "permission denied for function f", "aclcheck_error"),
            ("42501", "permission denied for sequence s", "pg_sequence_parameters"),
            ("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query", "call_enum_check_hook"),
            ("25001", "cannot export a snapshot from a subtransaction", "ExportSnapshot"),
            ("25006", "cannot execute nextval() in a read-only transaction", "PreventCommandIfReadOnly"),
            ("25006", "cannot execute NOTIFY during recovery", "PreventCommandDuringRecovery"),
            ("54011", "number of columns (1700) exceeds limit (1664)", "heap_form_minimal_tuple"),
            ("42602", "invalid name syntax", "stringToQualifiedNameList"),
            ("3F000", "schema \"c17\" does not exist", "get_namespace_oid"),
            ("58P01", "could not open file", "x"),
            ("F0000", "could not open dictionary file", "x"),
        ] {
            for kind in KINDS {
                assert!(Scrub::is_of_a_row(&report(code, message, &[(b'R', routine)]), kind), "{code} {message} {kind:?}");
            }
        }
        // Codes of definitions, of a statement that makes nothing.
        for code in OF_A_DEFINITION {
            assert!(Scrub::is_of_a_row(&report(code, "x", &[]), Some(Kind::Query)), "{code}");
            assert!(!Scrub::is_of_a_row(&report(code, "x", &[]), Some(Kind::Keep)), "{code}");
        }
        // What a function's statement says is the function's.
        for (code, routine) in
            [("25001", "PreventInTransactionBlock"), ("42P07", "heap_create_with_catalog"), ("08000", "x"), ("34000", "x")]
        {
            for more in [(b'W', "PL/pgSQL function f() line 1 at RAISE"), (b'q', "SELECT 1")] {
                assert!(Scrub::is_of_a_row(&report(code, "x", &[(b'R', routine), more]), Some(Kind::Define)), "{code}");
            }
        }
        let cancelled = report("57014", "canceling statement", &[(b'W', "parallel worker")]);
        assert!(!Scrub::is_of_a_row(&cancelled, Some(Kind::Query)));
    }

    #[test]
    fn what_comes_before_the_first_row_is_told() {
        for (code, message, routine, kind) in [
            ("25001", "VACUUM cannot run inside a transaction block", "PreventInTransactionBlock", Kind::Define),
            ("25006", "cannot execute INSERT in a read-only transaction", "PreventCommandIfReadOnly", Kind::Write),
            ("26000", "prepared statement \"p\" does not exist", "FetchPreparedStatement", Kind::Named),
            ("34000", "cursor \"c\" does not exist", "PerformPortalFetch", Kind::Named),
            ("25P01", "DECLARE CURSOR can only be used in transaction blocks", "RequireTransactionBlock", Kind::Name),
            ("42P03", "cursor \"c\" already exists", "CreatePortal", Kind::Name),
            ("42P05", "prepared statement \"p\" already exists", "StorePreparedStatement", Kind::Name),
            ("42P07", "relation \"t\" already exists", "CreateTableAsRelExists", Kind::Explain),
            ("42703", "column \"x\" of relation \"t\" does not exist", "ATExecDropColumn", Kind::Define),
            ("42703", "column \"x\" does not exist", "ComputeIndexAttrs", Kind::Define),
            ("42501", "permission denied for table orders", "aclcheck_error", Kind::Query),
            ("42501", "must be owner of table orders", "aclcheck_error", Kind::Define),
            ("55000", "materialized view \"m\" has not been populated", "ExecOpenScanRelation", Kind::Query),
            ("55000", "cursor can only scan forward", "PortalRunSelect", Kind::Query),
            ("54011", "target lists can have at most 1664 entries", "free_parsestate", Kind::Query),
        ] {
            assert!(!Scrub::is_of_a_row(&report(code, message, &[(b'R', routine)]), Some(kind)), "{code} {message}");
        }
    }
}
