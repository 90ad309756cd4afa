//! What log and audit log are told of a session.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Session, Shared};
use crate::audit::Auditor;
use crate::audit::line::{Line, Who};
use crate::conversation::End;
use crate::fatal::Fatal;
use crate::log;
use crate::login::{Authenticated, ClientStream, farewell};
use crate::relay::Ended;

/// What of a session is told when it is over.
pub(super) struct Told {
    user: String,
    auditor: Option<Auditor>,
}

impl Told {
    pub(super) fn of(session: &Session) -> Told {
        Told { user: session.who.user.clone(), auditor: session.auditor.clone() }
    }
}

/// Tells log, counters and audit log that it is over. `id`: of the connection.
pub(super) fn report(id: u64, Told { user, auditor }: &Told, start: Instant, ended: &Ended, shared: &Shared) {
    if matches!(ended, Ended::Policy(_)) {
        shared.counters.policy_ended_sessions.add();
    }
    if let Ended::End(End::Veto(veto)) = ended {
        // What came back is not what was judged: somebody should know why.
        log::error("session.veto", &[("id", &id), ("user", user), ("why", veto)]);
    }
    let how = format!("{ended:?}");
    if let Some(auditor) = auditor {
        let veto = matches!(ended, Ended::End(End::Veto(_)));
        let mut line = auditor.line("logout", veto.then_some("veto"));
        (line.seconds, line.why) = (Some(start.elapsed().as_secs()), Some(how.clone()));
        auditor.audit.tell(&line);
    }
    log::info("session.end", &[("id", &id), ("user", user), ("seconds", &start.elapsed().as_secs()), ("how", &how)]);
}

/// Who asks, for the audit log.
pub(super) fn audited(id: u64, peer: SocketAddr, who: &Authenticated) -> Who {
    Who {
        session: id,
        user: who.user.clone(),
        role: Some(who.role.clone()),
        database: Some(who.database.clone()),
        peer: peer.to_string(),
        application: who.application(),
        exemption: None,
    }
}

/// Tells the audit log that somebody does not get a session.
pub(super) fn denied(shared: &Shared, who: Who, why: impl Into<String>) {
    if let Some(audit) = &shared.audit {
        let mut line = Line::new("login", Some(&who));
        (line.outcome, line.why) = (Some("denied"), Some(why.into()));
        audit.tell(&line);
    }
}

/// Tells log, audit log and client that a session does not begin.
pub(super) async fn refuse<T>(client: &mut ClientStream, who: Who, (why, fatal): (&str, &Fatal), shared: &Shared) -> Option<T> {
    let database = who.database.as_deref().unwrap_or_default();
    log::warn("session.refused", &[("id", &who.session), ("user", &who.user), ("database", &database), ("why", &why)]);
    denied(shared, who, why);
    farewell(client, fatal).await;
    None
}
