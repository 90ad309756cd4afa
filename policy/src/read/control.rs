//! Statements without a query: transactions, settings, DISCARD and the like. Read from libpg_query's tree and printed in our
//! own words; never from sqlparser, never from the client's text.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AConst, ConstraintsSetStmt, DefElem, DiscardMode, DiscardStmt, Node, TransactionStmt, TransactionStmtKind, VariableSetKind,
    VariableSetStmt, a_const,
};

use super::named::ROLE;
use super::{Body, Control, Named, other};
use crate::builtin::settings;
use crate::{Kind, Refusal, SqlState};

/// Reads any statement that is neither a query nor an EXPLAIN.
pub(super) fn statement(node: &NodeEnum) -> Result<Body, Refusal> {
    match node {
        NodeEnum::TransactionStmt(statement) => transaction(statement),
        NodeEnum::VariableSetStmt(statement) => set(statement),
        NodeEnum::VariableShowStmt(statement) => show(&statement.name),
        NodeEnum::DiscardStmt(statement) => discard(statement),
        NodeEnum::ConstraintsSetStmt(statement) => constraints(statement),
        _ => Ok(Body::Other { what: other::what(node) }),
    }
}

/// A word or number that stands as an option's value.
pub(super) fn word(node: Option<&Node>) -> Option<String> {
    match node?.node.as_ref()? {
        NodeEnum::String(text) => Some(text.sval.clone()),
        NodeEnum::Integer(number) => Some(number.ival.to_string()),
        NodeEnum::Float(number) => Some(number.fval.clone()),
        NodeEnum::Boolean(value) => Some(value.boolval.to_string()),
        NodeEnum::AConst(constant) => constant_text(constant),
        _ => None,
    }
}

fn constant_text(constant: &AConst) -> Option<String> {
    match constant.val.as_ref()? {
        a_const::Val::Sval(text) => Some(text.sval.clone()),
        a_const::Val::Ival(number) => Some(number.ival.to_string()),
        a_const::Val::Fval(number) => Some(number.fval.clone()),
        a_const::Val::Boolval(value) => Some(value.boolval.to_string()),
        a_const::Val::Bsval(_) => None,
    }
}

pub(super) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn text(value: &str) -> String {
    // standard_conforming_strings is always on, so a backslash is a character like any other.
    format!("'{}'", value.replace('\'', "''"))
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "read.control", format!("pgveil does not know this form of {what}"))
}

fn transaction(statement: &TransactionStmt) -> Result<Body, Refusal> {
    let chain = if statement.chain { " AND CHAIN" } else { "" };
    let savepoint = name(&statement.savepoint_name);
    // Ends of (sub)transactions undo SET and SET LOCAL.
    let (text, moves_search_path) = match TransactionStmtKind::try_from(statement.kind) {
        Ok(TransactionStmtKind::TransStmtBegin) => (format!("BEGIN{}", modes(&statement.options)?), false),
        Ok(TransactionStmtKind::TransStmtStart) => (format!("START TRANSACTION{}", modes(&statement.options)?), false),
        Ok(TransactionStmtKind::TransStmtCommit) => (format!("COMMIT{chain}"), true),
        Ok(TransactionStmtKind::TransStmtRollback) => (format!("ROLLBACK{chain}"), true),
        Ok(TransactionStmtKind::TransStmtSavepoint) => (format!("SAVEPOINT {savepoint}"), false),
        Ok(TransactionStmtKind::TransStmtRelease) => (format!("RELEASE SAVEPOINT {savepoint}"), true),
        Ok(TransactionStmtKind::TransStmtRollbackTo) => (format!("ROLLBACK TO SAVEPOINT {savepoint}"), true),
        Ok(TransactionStmtKind::TransStmtPrepare) => return Err(two_phase("PREPARE TRANSACTION")),
        Ok(TransactionStmtKind::TransStmtCommitPrepared) => return Err(two_phase("COMMIT PREPARED")),
        Ok(TransactionStmtKind::TransStmtRollbackPrepared) => return Err(two_phase("ROLLBACK PREPARED")),
        Ok(TransactionStmtKind::Undefined) | Err(_) => return Err(unknown("transaction control")),
    };
    let read_write = writes(&statement.options);
    Ok(Body::Control(Control { text, kind: Kind::Transaction, columns: 0, moves_search_path, read_write, timeout: None }))
}

/// A transaction that is prepared outlives its session, holds its locks for everybody, and may be ended by anybody.
fn two_phase(what: &str) -> Refusal {
    Refusal::new(SqlState::DENIED, "transaction.two_phase", format!("{what} is not open to a role with masks"))
        .with_detail("A prepared transaction belongs to no session: pgveil could not tell whose it is, and its locks would stay.")
        .with_hint("End the transaction with COMMIT or ROLLBACK.")
        .at(Some(1))
}

/// READ WRITE is among the modes.
fn writes(modes: &[Node]) -> bool {
    modes.iter().any(|option| match &option.node {
        Some(NodeEnum::DefElem(element)) => mode(element) == Ok("READ WRITE"),
        _ => false,
    })
}

fn constraints(statement: &ConstraintsSetStmt) -> Result<Body, Refusal> {
    let one = |node: &Node| match &node.node {
        Some(NodeEnum::RangeVar(range)) if range.schemaname.is_empty() => Ok(name(&range.relname)),
        Some(NodeEnum::RangeVar(range)) => Ok(format!("{}.{}", name(&range.schemaname), name(&range.relname))),
        _ => Err(unknown("SET CONSTRAINTS")),
    };
    let names = statement.constraints.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let which = if names.is_empty() { "ALL".to_owned() } else { names.join(", ") };
    let when = if statement.deferred { "DEFERRED" } else { "IMMEDIATE" };
    let text = format!("SET CONSTRAINTS {which} {when}");
    Ok(Body::Control(Control { text, kind: Kind::Utility, columns: 0, moves_search_path: false, read_write: false, timeout: None }))
}

/// Modes of a transaction, each with a blank before it.
fn modes(options: &[Node]) -> Result<String, Refusal> {
    let mut modes = Vec::new();
    for option in options {
        let Some(NodeEnum::DefElem(element)) = &option.node else { return Err(unknown("transaction mode")) };
        modes.push(mode(element)?);
    }
    Ok(if modes.is_empty() { String::new() } else { format!(" {}", modes.join(", ")) })
}

fn mode(element: &DefElem) -> Result<&'static str, Refusal> {
    let value = word(element.arg.as_deref()).unwrap_or_default();
    match (element.defname.as_str(), value.as_str()) {
        ("transaction_isolation", "serializable") => Ok("ISOLATION LEVEL SERIALIZABLE"),
        ("transaction_isolation", "repeatable read") => Ok("ISOLATION LEVEL REPEATABLE READ"),
        ("transaction_isolation", "read committed") => Ok("ISOLATION LEVEL READ COMMITTED"),
        ("transaction_isolation", "read uncommitted") => Ok("ISOLATION LEVEL READ UNCOMMITTED"),
        ("transaction_read_only", "1") => Ok("READ ONLY"),
        ("transaction_read_only", "0") => Ok("READ WRITE"),
        ("transaction_deferrable", "1") => Ok("DEFERRABLE"),
        ("transaction_deferrable", "0") => Ok("NOT DEFERRABLE"),
        _ => Err(unknown("transaction mode")),
    }
}

fn set(statement: &VariableSetStmt) -> Result<Body, Refusal> {
    let local = if statement.is_local { "SET LOCAL" } else { "SET" };
    let setting = statement.name.to_ascii_lowercase();
    let set = |text: String, kind, moves_search_path, read_write| {
        Ok(Body::Control(Control { text, kind, columns: 0, moves_search_path, read_write, timeout: None }))
    };
    let done = |text: String, kind, moves_search_path| set(text, kind, moves_search_path, false);
    if setting == settings::ROLE {
        return role(statement);
    }
    match VariableSetKind::try_from(statement.kind) {
        Ok(VariableSetKind::VarResetAll) => done("RESET ALL".to_owned(), Kind::Set, true),
        Ok(VariableSetKind::VarSetMulti) => match setting.as_str() {
            "transaction" => set(format!("SET TRANSACTION{}", modes(&statement.args)?), Kind::Transaction, false, writes(&statement.args)),
            "session characteristics" => {
                let text = format!("SET SESSION CHARACTERISTICS AS TRANSACTION{}", modes(&statement.args)?);
                set(text, Kind::Set, false, writes(&statement.args))
            }
            "transaction snapshot" => {
                let snapshot = statement.args.first().and_then(|arg| word(Some(arg))).unwrap_or_default();
                // As pg_export_snapshot writes it.
                if snapshot.is_empty() || !snapshot.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
                    return Err(unknown("SET TRANSACTION SNAPSHOT"));
                }
                done(format!("SET TRANSACTION SNAPSHOT {}", text(&snapshot)), Kind::Transaction, false)
            }
            _ => Err(unknown("SET")),
        },
        // psycopg2's reset() and Npgsql's pool: it goes back to who logged in, as DISCARD ALL does. "$user" in search_path follows.
        Ok(VariableSetKind::VarReset) if setting == "session_authorization" => {
            done("RESET SESSION AUTHORIZATION".to_owned(), Kind::Set, true)
        }
        Ok(VariableSetKind::VarSetDefault) if setting == "session_authorization" => {
            done(format!("{local} SESSION AUTHORIZATION DEFAULT"), Kind::Set, true)
        }
        Ok(VariableSetKind::VarReset) => {
            settings::may_reset(&setting).map_err(|reason| refused("reset", &setting, reason))?;
            let of_this = settings::resets_to_read_write(&setting);
            set(format!("RESET {}", name(&setting)), Kind::Set, setting == "search_path", of_this)
        }
        Ok(VariableSetKind::VarSetDefault) => {
            settings::may_reset(&setting).map_err(|reason| refused("reset", &setting, reason))?;
            let of_this = settings::resets_to_read_write(&setting);
            set(format!("{local} {} TO DEFAULT", name(&setting)), Kind::Set, setting == "search_path", of_this)
        }
        Ok(VariableSetKind::VarSetValue) => {
            let values: Option<Vec<String>> = statement.args.iter().map(|arg| word(Some(arg)).or_else(|| offset(&setting, arg))).collect();
            let Some(values) = values else {
                return Err(unknown("SET").with_hint("Give the value as text, such as SET TIME ZONE 'UTC'."));
            };
            settings::may_set(&setting, &values).map_err(|reason| refused("set", &setting, reason))?;
            let read_write = values.iter().any(|value| settings::lifts_read_only(&setting, Some(value)));
            let printed: Vec<String> = values.iter().map(|value| text(value)).collect();
            let text = format!("{local} {} TO {}", name(&setting), printed.join(", "));
            let timeout = values.into_iter().next().filter(|_| setting == settings::STATEMENT_TIMEOUT);
            let moves_search_path = setting == "search_path";
            Ok(Body::Control(Control { text, kind: Kind::Set, columns: 0, moves_search_path, read_write, timeout }))
        }
        Ok(VariableSetKind::VarSetCurrent | VariableSetKind::Undefined) | Err(_) => Err(unknown("SET")),
    }
}

/// SET, SET TO DEFAULT and RESET of the role: another session begins.
fn role(statement: &VariableSetStmt) -> Result<Body, Refusal> {
    if statement.is_local {
        let message = "SET LOCAL pgveil.role is not possible: a role is one of a whole session";
        return Err(Refusal::new(SqlState::UNSUPPORTED, ROLE, message).with_hint("Say SET pgveil.role, outside a transaction."));
    }
    let asked = match VariableSetKind::try_from(statement.kind) {
        Ok(VariableSetKind::VarReset | VariableSetKind::VarSetDefault) => None,
        Ok(VariableSetKind::VarSetValue) => match statement.args.as_slice() {
            [one] => Some(word(Some(one)).ok_or_else(|| unknown("SET"))?),
            _ => return Err(unknown("SET")),
        },
        Ok(VariableSetKind::VarSetCurrent | VariableSetKind::VarSetMulti | VariableSetKind::VarResetAll | VariableSetKind::Undefined)
        | Err(_) => return Err(unknown("SET")),
    };
    Ok(Body::Named(Named::TakeRole(asked)))
}

/// `INTERVAL '+01:00' HOUR TO MINUTE` of SET TIME ZONE, as Postgres hands it on to the setting (`flatten_set_variable_args` in its guc.c).
fn offset(setting: &str, value: &Node) -> Option<String> {
    /// HOUR TO MINUTE: a bit for each of the two fields, by the numbers in Postgres' datetime.h.
    const HOUR_TO_MINUTE: &str = "3072";
    let Some(NodeEnum::TypeCast(cast)) = value.node.as_ref().filter(|_| setting == "timezone") else { return None };
    let of = cast.type_name.as_ref()?;
    let fields: Option<Vec<String>> = of.typmods.iter().map(|field| word(Some(field))).collect();
    let is_interval = of.names.last().and_then(|name| word(Some(name))).as_deref() == Some("interval");
    let constant = word(cast.arg.as_deref())?;
    // Hours and minutes, which mean the same with the fields named and without.
    let (hours, minutes) = constant.strip_prefix(['+', '-']).unwrap_or(&constant).split_once(':')?;
    let digits = |text: &str, least: usize| (least..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let plain = is_interval && fields?.iter().all(|field| field == HOUR_TO_MINUTE) && digits(hours, 1) && digits(minutes, 2);
    plain.then(|| format!("INTERVAL '{constant}'"))
}

fn refused(verb: &str, setting: &str, reason: String) -> Refusal {
    let message = format!("setting \"{setting}\" may not be {verb} through pgveil by a role with masks");
    Refusal::new(SqlState::DENIED, "setting.set", message).with_detail(reason)
}

fn show(setting: &str) -> Result<Body, Refusal> {
    let setting = setting.to_ascii_lowercase();
    if setting == "all" {
        return Ok(Body::Control(Control {
            text: show_all(),
            kind: Kind::Show,
            columns: 3,
            moves_search_path: false,
            read_write: false,
            timeout: None,
        }));
    }
    if !settings::may_show(&setting) {
        let message = format!("setting \"{setting}\" is not shown through pgveil to a role with masks");
        return Err(Refusal::new(SqlState::DENIED, "setting.show", message)
            .with_detail("Only settings that hold neither secrets nor data are shown."));
    }
    let text = format!("SHOW {}", name(&setting));
    Ok(Body::Control(Control { text, kind: Kind::Show, columns: 1, moves_search_path: false, read_write: false, timeout: None }))
}

/// SHOW ALL of the settings that may be shown: the same columns in the same order, values with their units (`ShowAllGUCConfig` in
/// Postgres' guc_funcs.c).
fn show_all() -> String {
    let shown: Vec<String> = settings::all_shown().map(text).collect();
    format!(
        "SELECT s.name, pg_catalog.current_setting(s.name) AS setting, s.short_desc AS description \
         FROM pg_catalog.pg_show_all_settings() AS s \
         WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) ANY (ARRAY[{}]) ORDER BY pg_catalog.lower(s.name) COLLATE pg_catalog.\"C\"",
        shown.join(", ")
    )
}

fn discard(statement: &DiscardStmt) -> Result<Body, Refusal> {
    let (text, moves_search_path) = match DiscardMode::try_from(statement.target) {
        Ok(DiscardMode::DiscardAll) => return Ok(Body::Named(Named::Discard)),
        Ok(DiscardMode::DiscardPlans) => ("DISCARD PLANS", false),
        Ok(DiscardMode::DiscardSequences) => ("DISCARD SEQUENCES", false),
        Ok(DiscardMode::DiscardTemp) => ("DISCARD TEMP", true),
        Ok(DiscardMode::Undefined) | Err(_) => return Err(unknown("DISCARD")),
    };
    Ok(Body::Control(Control {
        text: text.to_owned(),
        kind: Kind::Utility,
        columns: 0,
        moves_search_path,
        read_write: false,
        timeout: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{self, Statement};

    fn control(sql: &str) -> Control {
        match read::read(sql).unwrap().pop() {
            Some(Statement { body: Body::Control(control), .. }) => control,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn refusal(sql: &str) -> Refusal {
        read::read(sql).map(|statements| panic!("{sql}: {statements:?}")).unwrap_err()
    }

    #[test]
    fn transactions() {
        for (sql, text, moves) in [
            ("begin", "BEGIN", false),
            (
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;",
                "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
                false,
            ),
            ("start transaction read write", "START TRANSACTION READ WRITE", false),
            ("END", "COMMIT", true),
            ("commit and chain", "COMMIT AND CHAIN", true),
            ("abort", "ROLLBACK", true),
            ("savepoint \"a\"\"b\"", "SAVEPOINT \"a\"\"b\"", false),
            ("rollback to A", "ROLLBACK TO SAVEPOINT \"a\"", true),
            ("release a", "RELEASE SAVEPOINT \"a\"", true),
            (
                "set transaction isolation level repeatable read, read only",
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                false,
            ),
            ("set transaction snapshot '00000003-000001D5-1'", "SET TRANSACTION SNAPSHOT '00000003-000001D5-1'", false),
        ] {
            let control = control(sql);
            assert_eq!((control.text.as_str(), control.kind, control.moves_search_path), (text, Kind::Transaction, moves), "{sql}");
        }
    }

    #[test]
    fn settings() {
        for (sql, text, moves) in [
            ("SET DATESTYLE = ISO, mdy", "SET \"datestyle\" TO 'iso', 'mdy'", false),
            ("set time zone 'Europe/Berlin'", "SET \"timezone\" TO 'Europe/Berlin'", false),
            ("SET NAMES 'utf8'", "SET \"client_encoding\" TO 'utf8'", false),
            ("set local search_path = Shop, \"Odd\"", "SET LOCAL \"search_path\" TO 'shop', 'Odd'", true),
            ("set application_name = 'o''neil\\'", "SET \"application_name\" TO 'o''neil\\'", false),
            ("reset all", "RESET ALL", true),
            ("set statement_timeout to default", "SET \"statement_timeout\" TO DEFAULT", false),
            ("set tcp_user_timeout to -3", "SET \"tcp_user_timeout\" TO '-3'", false),
            ("SET row_security = off", "SET \"row_security\" TO 'off'", false),
        ] {
            let control = control(sql);
            assert_eq!((control.text.as_str(), control.kind, control.moves_search_path), (text, Kind::Set, moves), "{sql}");
        }
        for sql in [
            "SET ROLE admin",
            "SET SESSION AUTHORIZATION postgres",
            "RESET ROLE",
            "SET pgveil.\"user\" = 'boss'",
            "SET enable_seqscan = off",
            "SET plan_cache_mode = force_generic_plan",
            "SET session_replication_role = replica",
            "SET standard_conforming_strings = off",
            "SET client_encoding = 'LATIN1'",
            "SET client_min_messages = debug5",
            "SET app.tenant = '7'",
            "RESET app.tenant",
            "SET search_path = shop, pg_catalog",
            "SET search_path = shop, pg_temp",
            "SHOW data_directory",
        ] {
            assert_eq!(refusal(sql).code, SqlState::DENIED, "{sql}");
        }
        let all = control("show all");
        assert_eq!((all.columns, all.kind, all.text.contains("'timezone'")), (3, Kind::Show, true));
        assert!(!all.text.contains("data_directory"));
        assert_eq!(control("show time zone").text, "SHOW \"timezone\"");
        assert_eq!(control("show transaction isolation level").text, "SHOW \"transaction_isolation\"");
    }

    #[test]
    fn what_makes_a_transaction_write() {
        for (sql, read_write) in [
            ("begin read write", true),
            ("begin isolation level serializable, read write", true),
            ("start transaction read only", false),
            ("savepoint \"READ WRITE\"", false),
            ("set transaction read write", true),
            ("set session characteristics as transaction read write", true),
            ("set default_transaction_read_only = off", true),
            ("set local transaction_read_only to 0", true),
            ("set transaction_read_only to f", true),
            ("set transaction_read_only to on", false),
            ("set transaction_read_only to TRUE", false),
            ("set transaction_read_only to default", true),
            ("reset transaction_read_only", true),
            // Back to what the session began with.
            ("reset default_transaction_read_only", false),
            ("set default_transaction_read_only to default", false),
            ("reset all", false),
        ] {
            assert_eq!(control(sql).read_write, read_write, "{sql}");
        }
        for sql in ["prepare transaction 'x'", "commit prepared 'x'", "rollback prepared 'x'"] {
            assert_eq!(refusal(sql).id, "transaction.two_phase", "{sql}");
        }
    }

    #[test]
    fn utilities_and_others() {
        for (sql, text) in [
            ("reset session authorization", "RESET SESSION AUTHORIZATION"),
            ("set session authorization default", "SET SESSION AUTHORIZATION DEFAULT"),
            ("set local session authorization default", "SET LOCAL SESSION AUTHORIZATION DEFAULT"),
            ("discard plans", "DISCARD PLANS"),
            ("set constraints all deferred", "SET CONSTRAINTS ALL DEFERRED"),
            ("set constraints A.b, \"C\" immediate", "SET CONSTRAINTS \"a\".\"b\", \"C\" IMMEDIATE"),
        ] {
            assert_eq!(control(sql).text, text, "{sql}");
        }
        for (sql, expected) in [("load 'x'", "LOAD")] {
            match read::read(sql).unwrap().pop() {
                Some(Statement { body: Body::Other { what }, .. }) => assert_eq!(what, expected, "{sql}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}
