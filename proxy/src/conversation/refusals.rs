//! The conversation's own refusals, in Postgres' words and codes where it has them.

use std::sync::Arc;

use pgveil_policy::{Plan, Refusal, SqlState};

use crate::rows::open::Opening;
use crate::scrub::OWN_NAMES;

const INVALID_STATEMENT: SqlState = SqlState("26000");
const INVALID_CURSOR: SqlState = SqlState("34000");
const PROTOCOL: SqlState = SqlState("08P01");
const RESERVED_NAME: SqlState = SqlState("42939");
const NOT_IN_ENCODING: SqlState = SqlState("22021");

/// The plan, unless it looks names up.
pub(super) fn without_names(plan: Arc<Plan>) -> Result<Arc<Plan>, Refusal> {
    let fit = plan.statements.iter().all(|s| !s.kind.looks_names_up());
    if fit {
        return Ok(plan);
    }
    Err(Refusal::new(SqlState::UNSUPPORTED, "path.hostile", "no query is read under this search_path")
        .with_detail("pg_catalog is not searched first, or pgveil does not know what is visible because the transaction has failed.")
        .with_hint("End the transaction; then SET search_path without pg_catalog in it, or RESET search_path."))
}

/// A refusal of a part of a text. `before`: characters before the part.
pub(super) fn shifted(refusal: Refusal, before: usize) -> Refusal {
    Refusal { position: refusal.position.map(|p| p.saturating_add(before)), ..refusal }
}

/// Name under which text that cannot be parsed is sent: never made, and not the unnamed one, which a failing Parse would drop.
pub(super) const REFUSED: &[u8] = b"pgveil_refused";

/// Data that flows while a statement runs, among statements that are sent one by one.
pub(super) fn streams_among_steps() -> Refusal {
    Refusal::new(
        SqlState::UNSUPPORTED,
        "text.stream",
        "COPY, or a statement that keeps pseudonyms, stands in one text with a change of names",
    )
    .with_detail("Statements that hang on earlier ones of their text are sent one by one, and these take messages of their own.")
    .with_hint("Send it as a text of its own; BEGIN before it keeps it in one transaction with others.")
}

/// A text that is no UTF-8, from its `at`-th byte on.
pub(super) fn not_utf8(text: &[u8], at: usize) -> Refusal {
    let byte = text.get(at).copied().unwrap_or_default();
    Refusal::new(NOT_IN_ENCODING, "wire.encoding", format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}"))
}

/// A statement whose rows pass through the proxy stands beside others.
pub(super) fn carries_alone() -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "carry.alone", "a statement that keeps pseudonyms must be the only one of its text")
        .with_detail("Its rows pass through pgveil, which takes more than one message to the server.")
        .with_hint("Send it as a text of its own; BEGIN before it keeps it in one transaction with others.")
}

/// More bytes of rows at once than are kept in memory.
pub(super) fn carries_too_much(most: usize) -> Refusal {
    Refusal::new(SqlState::TOO_LARGE, "carry.large", "rows that are kept with pseudonyms grow too fast")
        .with_detail(format!("pgveil holds at most {most} bytes of such rows at once."))
        .with_hint("Keep the large columns without the pseudonyms, or the large rows in a statement of their own.")
}

/// The FunctionCall message.
pub(super) fn function_call() -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "wire.function_call", "the FunctionCall message is not available to a role with masks")
        .with_hint("Call the function in a SELECT.")
}

/// A channel that is not open, of which only the server knew which one it is.
pub(super) fn closed() -> Refusal {
    Refusal::new(SqlState::DENIED, "channel.denied", "the channel that pg_notify() is given is not open to this role")
        .with_detail("What is sent on a channel passes between sessions as it is: no mask is put on it.")
        .with_hint("The policy opens channels with `channels` of the role.")
}

/// A message whose body does not decode. `what`: Postgres' own words.
pub(super) fn malformed(what: String) -> Refusal {
    Refusal::new(PROTOCOL, "wire.malformed", what)
}

/// A name that begins as those of pgveil itself.
pub(super) fn reserved(name: &[u8]) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::new(RESERVED_NAME, "wire.reserved", format!("the name \"{name}\" is reserved"))
        .with_detail(format!("Names that begin with \"{OWN_NAMES}\" are pgveil's own."))
}

/// No such prepared statement.
pub(super) fn no_statement(name: &[u8]) -> Refusal {
    let message = match String::from_utf8_lossy(name) {
        name if name.is_empty() => "unnamed prepared statement does not exist".to_owned(),
        name => format!("prepared statement \"{name}\" does not exist"),
    };
    Refusal::new(INVALID_STATEMENT, "wire.no_statement", message)
}

/// No such portal.
pub(super) fn no_portal(name: &[u8]) -> Refusal {
    Refusal::new(INVALID_CURSOR, "wire.no_portal", format!("portal \"{}\" does not exist", String::from_utf8_lossy(name)))
}

/// No such cursor.
pub(super) fn no_cursor(name: &[u8]) -> Refusal {
    Refusal::new(INVALID_CURSOR, "cursor.unknown", format!("cursor \"{}\" does not exist", String::from_utf8_lossy(name))).with_hint(
        "Cursors are those of DECLARE and of the protocol's Bind. One that a function opened cannot be read: its rows were not judged.",
    )
}

/// A prepared statement that is none of those that EXECUTE runs.
pub(super) fn not_executed(name: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "execute.kind", format!("prepared statement \"{name}\" is not run by EXECUTE through pgveil"))
        .with_hint("EXECUTE runs queries. Bind other statements by the protocol, or send them by themselves.")
}

/// A portal of something else than a query.
pub(super) fn not_fetched(name: &str) -> Refusal {
    Refusal::new(SqlState::UNSUPPORTED, "cursor.kind", format!("FETCH and MOVE do not read portal \"{name}\" through pgveil"))
        .with_hint("They read queries. Execute the portal by the protocol.")
}

/// The argument, from 0, must be a token and is no literal.
pub(super) fn token_argument(index: usize) -> Refusal {
    let message = format!("argument {} of EXECUTE holds a token and must be a literal", index.saturating_add(1));
    Refusal::new(SqlState::DENIED, "seal.parameter", message)
        .with_detail("The parameter is compared with a column of tokens. pgveil turns tokens back before they are sent, and an expression is only known to the server.")
        .with_hint("Write the token as it was shown, in quotes, without a cast.")
}

/// More names than a session may have.
pub(super) fn too_many() -> Refusal {
    Refusal::new(SqlState::TOO_LARGE, "wire.names", "too many prepared statements or portals")
        .with_hint("Close those that are not needed any more.")
}

/// The parameter, from 0, is declared with another type than its column.
pub(super) fn token_type(index: usize) -> Refusal {
    let message =
        format!("parameter ${} holds tokens and must have the type of the column that it is compared with", index.saturating_add(1));
    Refusal::new(SqlState::DENIED, "seal.parameter", message)
        .with_hint("Leave the parameter's type to the server, or declare the column's own.")
}

/// What is bound to the parameter, from 0, is no token.
pub(super) fn no_token(index: usize) -> Refusal {
    let message =
        format!("what is bound to parameter ${} cannot be a token of the column that it is compared with", index.saturating_add(1));
    Refusal::new(SqlState::DENIED, "seal.token", message).with_hint("Bind tokens as they were shown.")
}

/// The same, or that it must be NULL.
pub(super) fn no_value(openings: &[Opening], index: usize) -> Refusal {
    let why = openings.iter().find(|o| o.index == index).and_then(|o| o.why.as_deref());
    // Where it stands in the text of a Parse is nothing to point to from a Bind.
    why.map_or_else(|| no_token(index), |why| Refusal { position: None, ..why.clone() })
}

/// A literal that is to be written to a column of tokens is none.
pub(super) fn no_such_token(class: &str) -> Refusal {
    let message = format!("what is written to a column of class {class} is not one of its tokens");
    Refusal::new(SqlState::DENIED, "seal.token", message).with_hint("Write a token as it was shown, or leave the column out.")
}

/// Formats of parameters that do not fit.
pub(super) fn bad_formats() -> Refusal {
    Refusal::new(SqlState("08P01"), "wire.bind", "bind message has parameter formats that do not fit its parameters")
}
