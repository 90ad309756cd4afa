//! Which kinds of statements a role may send, where the policy says so.

use super::engine::RoleEngine;
use crate::policy::StatementKind;
use crate::read::copy::Copy;
use crate::read::{Body, Named, Verb, Write};
use crate::{Refusal, SqlState};

/// Whether a statement and all that stands in it are of kinds that the role may send. Transactions, settings and what only ends
/// something are nobody's to forbid.
///
/// # Errors
/// `statement.not_allowed`
pub(super) fn check(role: &RoleEngine, body: &Body) -> Result<(), Refusal> {
    let Some((allowed, line)) = role.facts.rights.statements() else { return Ok(()) };
    let Some(missing) = kinds(body).into_iter().find(|kind| !allowed.contains(kind)) else { return Ok(()) };
    let words: Vec<&str> = allowed.iter().map(|kind| kind.word()).collect();
    let message = format!("role {} may not send statements of the kind {}", role.name, missing.word());
    Err(Refusal::new(SqlState::DENIED, "statement.not_allowed", message)
        .with_detail(format!("Rule: policy line {line} (role {}, statements).", role.name))
        .with_hint(format!("It may send: {}.", words.join(", ")))
        .at(Some(1)))
}

fn kinds(body: &Body) -> Vec<StatementKind> {
    match body {
        Body::Query(_) => vec![StatementKind::Select],
        Body::Explain { of, .. } => kinds(of),
        Body::Named(named) => match named {
            Named::Prepare { statement, .. } => kinds(statement),
            Named::Declare(_) => vec![StatementKind::Select],
            // What it names was asked for when it was given the name.
            Named::Execute { .. } | Named::Fetch { .. } | Named::Deallocate(_) | Named::Close(_) | Named::Discard | Named::TakeRole(_) => {
                vec![]
            }
        },
        Body::Write(write) => written(write),
        Body::Copy(Copy { from: true, .. }) => vec![StatementKind::Copy, StatementKind::Insert],
        Body::Copy(_) => vec![StatementKind::Copy, StatementKind::Select],
        Body::Call(_) => vec![StatementKind::Call],
        Body::Keep(_) | Body::View(_) | Body::Define(_) => vec![StatementKind::Define],
        Body::Lock(_) => vec![StatementKind::Lock],
        // Channels are open by `channels`; the rest is refused, or carries no data.
        Body::Channel(_) | Body::Control(_) | Body::Other { .. } => vec![],
    }
}

fn written(write: &Write) -> Vec<StatementKind> {
    let own = match write.shell.verb {
        Verb::Insert => StatementKind::Insert,
        Verb::Update => StatementKind::Update,
        Verb::Delete => StatementKind::Delete,
        Verb::Merge => StatementKind::Merge,
        Verb::Select => StatementKind::Select,
    };
    let updates = write.shell.conflict.as_ref().is_some_and(|conflict| conflict.update.is_some());
    let inner = write.ctes.iter().flat_map(|(_, inner)| written(inner));
    std::iter::once(own).chain(updates.then_some(StatementKind::Update)).chain(inner).collect()
}
