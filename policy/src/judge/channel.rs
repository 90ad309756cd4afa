//! LISTEN, UNLISTEN, NOTIFY: on channels that the policy opens.

use super::build;
use super::engine::{RoleEngine, Subject};
use crate::Refusal;
use crate::plan::{Kind, Planned};
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
