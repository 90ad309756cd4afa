//! LISTEN, UNLISTEN, NOTIFY, pg_notify: on channels that the policy opens.

use sqlparser::ast::{CaseWhen, Expr, Value};

use super::build;
use super::engine::{RoleEngine, Subject};
use crate::Refusal;
use crate::plan::{Kind, Planned};
use crate::policy::pattern::{Meant, Pattern};
use crate::read::Channel;

/// Judges one. The payload of NOTIFY is a constant of the client's own: it can hold nothing that the client does not know.
pub(super) fn plan(role: &RoleEngine, who: &Subject, channel: Channel) -> Result<Planned, Refusal> {
    let open = |name: &str| role.facts.rights.hears(name, &who.role).map_err(|r| r.at(Some(1)));
    let text = match channel {
        Channel::Listen(name) => {
            open(&name)?;
            format!("LISTEN {}", build::ident(&name))
        }
        Channel::Unlisten(None) => "UNLISTEN *".to_owned(),
        Channel::Unlisten(Some(name)) => format!("UNLISTEN {}", build::ident(&name)),
        Channel::Notify(name, payload) => {
            open(&name)?;
            let payload = if payload.is_empty() { String::new() } else { format!(", '{}'", payload.replace('\'', "''")) };
            format!("NOTIFY {}{payload}", build::ident(&name))
        }
    };
    Ok(Planned::plain(Kind::Utility, text))
}

/// What the server says when pg_notify is given a channel that is not open: it cannot be a bool. The proxy knows the error by it.
pub const CLOSED: &str = "pgveil_closed";

/// A channel's name that is not known before the statement runs, written so that it is one of these channels, or an error:
/// `CASE WHEN texteq(CAST(name AS text) COLLATE "C", 'jobs') THEN name … ELSE CAST(CAST(concat('pgveil_closed') AS bool) AS text) END`.
/// `name` must be the same wherever it is written.
pub(super) fn checked(name: &Expr, open: &[Pattern<1>]) -> Expr {
    let asked = |function: &str, text: String| {
        let text = build::value(Value::SingleQuotedString(text));
        build::call(&["pg_catalog", function], vec![build::bytewise(name.clone()), text])
    };
    let raise = || {
        let word = build::value(Value::SingleQuotedString(CLOSED.to_owned()));
        build::as_text(build::cast(build::call(&["pg_catalog", "concat"], vec![word]), build::pg_type("bool")))
    };
    let given = || name.clone();
    let (mut exact, mut like) = (Vec::new(), Vec::new());
    for pattern in open {
        match pattern.meant() {
            Meant::Name(text) => exact.push(CaseWhen { condition: asked("texteq", text), result: given() }),
            Meant::Like(text) => like.push(CaseWhen { condition: asked("textlike", text), result: given() }),
        }
    }
    if !like.is_empty() {
        // A star does not reach names that Postgres keeps for itself.
        exact.push(CaseWhen { condition: asked("textlike", "pg\\_%".to_owned()), result: raise() });
        exact.push(CaseWhen { condition: asked("texteq", "information_schema".to_owned()), result: raise() });
    }
    exact.append(&mut like);
    build::case(exact, raise())
}
