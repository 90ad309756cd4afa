//! What the client and the server are told when a session begins.

use pgveil_policy::builtin::settings;

use super::{Shared, identity};
use crate::cancel::CancelGuard;
use crate::login::Authenticated;
use crate::rules::Standing;
use crate::scrub::Scrub;
use crate::upstream::Upstream;
use crate::wire::answer::Report;
use crate::wire::frame;
use crate::wire::message::put_cstring;

/// What the session begins with at the server. Of a role that may write nowhere, the transactions are read-only: RESET and DISCARD ALL go
/// back to what the startup packet said.
pub(super) fn parameters(who: &Authenticated, standing: Standing, shared: &Shared) -> Vec<(String, String)> {
    let mut parameters = who.parameters.clone();
    if standing.never_writes {
        parameters.retain(|(name, _)| !settings::decides_read_only(name));
        parameters.push((settings::DEFAULT_READ_ONLY.to_owned(), "on".to_owned()));
    }
    if let Some(seconds) = standing.seconds {
        parameters.retain(|(name, value)| !settings::outlasts(name, Some(value), seconds));
        // Before the client's, which may be less.
        parameters.insert(0, (settings::STATEMENT_TIMEOUT.to_owned(), format!("{seconds}s")));
    }
    // Behind the client's, so that they stand.
    parameters.extend(identity::parameters(who, &shared.config.upstream));
    parameters
}

/// What follows AuthenticationOk, in the server's order: its settings, its notices, the key for cancellations, ReadyForQuery. A role with
/// masks is told of the settings that it may know, and of no notice: an extension or a login trigger may say anything there. `cancel`: of the
/// connection's first session; the client keeps what it was told then.
pub(super) fn greeting(
    upstream: &Upstream,
    cancel: Option<&CancelGuard>,
    who: &Authenticated,
    standing: Standing,
    shared: &Shared,
) -> Vec<u8> {
    let protected = standing.protected;
    let told = identity::told(who, &shared.config.upstream, upstream.parameters());
    let mut parameters = upstream.parameters().iter();
    let mut out = Vec::new();
    for (tag, body) in upstream.startup() {
        match tag {
            b'S' => {
                let Some((name, value)) = parameters.next() else { continue };
                let value = if name == "application_name" { told.as_ref().unwrap_or(value) } else { value };
                if !protected || Scrub::is_known(name) {
                    frame::put(&mut out, b'S', |body| [name, value].iter().for_each(|text| put_cstring(body, text.as_bytes())));
                }
            }
            b'K' => {
                if let Some(cancel) = cancel {
                    frame::put(&mut out, b'K', |body| {
                        body.extend_from_slice(&cancel.pid.to_be_bytes());
                        body.extend_from_slice(&cancel.secret);
                    });
                }
            }
            _ if protected => {}
            tag => frame::put(&mut out, *tag, |to| to.extend_from_slice(body)),
        }
    }
    for said in &who.ignored {
        Report::ours("NOTICE", "00000", said).put(&mut out, b'N');
    }
    frame::put(&mut out, b'Z', |body| body.push(b'I'));
    out
}
