//! One connection, from its first byte to its end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use pgveil_policy::policy::user::User;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::begin::{Arrived, Begun, begin};
use super::roles::Asked;
use super::told::{Told, audited, denied, refuse, report};
use super::{Brake, Roles, Shared};
use crate::audit::Auditor;
use crate::audit::line::Who;
use crate::cancel::{CancelGuard, Refused, Still};
use crate::error::LoginError;
use crate::judgement::SessionJudge;
use crate::log;
use crate::login::{self, Arrival, Authenticated, ClientStream, Desk};
use crate::relay::{self, Left, Over};
use crate::rules::follow::Behind;
use crate::rules::{Follow, Why};
use crate::upstream::Upstream;

/// A client and a server connection, both logged in: the client has been told ParameterStatus, BackendKeyData and
/// ReadyForQuery, and the server awaits a query.
#[derive(Debug)]
pub struct Session {
    /// A number of its own, for the log.
    pub id: u64,
    /// Where the client connects from.
    pub peer: SocketAddr,
    /// Who logged in.
    pub who: Authenticated,
    /// The client's connection.
    pub client: ClientStream,
    /// Bytes already read from the client.
    pub read_ahead: Vec<u8>,
    /// The server's connection.
    pub upstream: Upstream,
    /// Registered: the pid and the secret that the client was told. Kept as long as the session lasts.
    pub cancel: CancelGuard,
    /// Turns true when the process stops: the session then ends with FATAL 57P01 at the next message boundary.
    pub stop: watch::Receiver<bool>,
    /// Among all sessions. Kept as long as the session lasts.
    pub place: OwnedSemaphorePermit,
    /// What changes of the policy mean for it.
    pub follow: Follow,
    /// Whether one has come.
    pub behind: Behind,
    /// Where it is told what it does.
    pub auditor: Option<Auditor>,
    /// What other roles its user has.
    pub roles: Roles,
}

/// Attends a connection to its end. `place`: among those that have not logged in.
pub(super) async fn attend(
    socket: TcpStream,
    peer: SocketAddr,
    id: u64,
    place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    // One policy for the whole login; if another one comes meanwhile, the session learns of it as soon as it begins.
    let mut all_rules = shared.all_rules.subscribe();
    let rules = Arc::clone(&all_rules.borrow_and_update());
    // What decides a login is not kept for as long as the session lasts.
    let arrival = {
        let protects = |role: &str| rules.protects(role);
        let suits = |role: &str, application: &str| {
            let circumstances = shared.circumstances(peer, application.to_owned());
            !matches!(rules.may_take(role, circumstances.as_ref()), Err(Why::Unmet(_)))
        };
        let refused = |error: &LoginError| {
            log::warn("login.refused", &[("id", &id), ("peer", &peer), ("error", error)]);
            let user = match error {
                LoginError::Denied { user, .. } => user.clone(),
                LoginError::TlsRequired | LoginError::Protocol(_) | LoginError::Refused(_) | LoginError::Io(_) => String::new(),
            };
            let peer = peer.to_string();
            let who = Who { session: id, user, role: None, database: None, peer, application: None, exemption: None };
            denied(&shared, who, error.to_string());
        };
        let desk = Desk {
            tls: &shared.config.tls,
            client_cert: shared.config.client_cert,
            users: &shared.users,
            lookup: shared.lookup.as_ref(),
            tries: &shared.tries,
            from: peer.ip(),
            ignored: &shared.config.ignored_parameters,
            mock: &shared.mock,
            suits: &suits,
            protects: &protects,
            refused: &refused,
        };
        tokio::select! {
            arrival = timeout(shared.config.login_timeout, Box::pin(login::arrive(socket, &desk))) => arrival,
            // It is told nothing, as by Postgres: a client that is asked for its password may take no other message.
            _ = stop.wait_for(|stop| *stop) => return,
        }
    };
    match arrival {
        Err(_) => log::warn("login.timeout", &[("id", &id), ("peer", &peer)]),
        Ok(Err(LoginError::Io(e))) => log::info("login.lost", &[("id", &id), ("peer", &peer), ("error", &e)]),
        // It has been told, and so have log and audit log.
        Ok(Err(_)) => {}
        Ok(Ok(Arrival::Gone)) => {}
        Ok(Ok(Arrival::Cancel { pid, secret, client })) => {
            // It may wait for the server; logins need the place.
            drop(place);
            Box::pin(cancel(id, peer, pid, &secret, &shared)).await;
            // Only now: a client that sees its connection closed takes the cancellation for delivered.
            drop(client);
        }
        Ok(Ok(Arrival::Session(who, client, read_ahead))) => {
            drop(place);
            let roles = Roles::of(&who, &shared.config.upstream, may_take(&who, peer, &shared));
            let arrived = Arrived { id, peer, who, client, read_ahead, all_rules, rules, roles, former: None, stop };
            // Behind a pointer: it is not kept for as long as the session lasts.
            let mut next = Some(Box::new(arrived));
            // A session for each role that the client takes.
            while let Some(arrived) = next.take() {
                next = Box::pin(session(arrived, id, &shared)).await;
            }
        }
    }
}

/// A session from its beginning to its end; gives what another one is begun with, which takes its place.
async fn session(arrived: Box<Arrived>, id: u64, shared: &Arc<Shared>) -> Option<Box<Arrived>> {
    let begun = Box::pin(begin(arrived, shared)).await?;
    let (start, told) = (Instant::now(), Told::of(&begun.0));
    let over = relay(begun, shared).await;
    match over {
        Over::Ended(ended) => {
            report(id, &told, start, &ended, shared);
            None
        }
        Over::TakesRole(left) => Box::pin(another(left, id, shared)).await,
    }
}

async fn cancel(id: u64, peer: SocketAddr, pid: i32, secret: &[u8], shared: &Shared) {
    // The client is told nothing either way, as Postgres does (55.2.9): it could otherwise try keys.
    let target = match shared.cancels.find(pid, secret, peer.ip()) {
        Ok(target) => target,
        // Said once: else whoever sends them fills the log.
        Err(Refused::Limited { first: false }) => return,
        Err(why) => return log::warn("cancel.refused", &[("id", &id), ("peer", &peer), ("pid", &pid), ("why", &why)]),
    };
    let target_pid = target.pid;
    let deliver = |server: Vec<u8>, still: Still| async move {
        Upstream::cancel(&shared.config.upstream, target_pid, &server, || still.runs()).await
    };
    match shared.cancels.forward(&target, deliver).await {
        Ok(outcome) => log::info("cancel", &[("id", &id), ("peer", &peer), ("pid", &pid), ("outcome", &format!("{outcome:?}"))]),
        Err(e) => log::error("cancel.failed", &[("id", &id), ("pid", &pid), ("error", &e)]),
    }
}

/// Makes a session ready that takes the place of one whose user takes another role; `None` where that cannot be: the client has been told why.
async fn another(left: Box<Left>, id: u64, shared: &Shared) -> Option<Box<Arrived>> {
    let Left { role, who, roles, peer, mut client, read_ahead, cancel, stop, place, auditor } = *left;
    log::info("session.role", &[("id", &id), ("user", &who.user), ("from", &who.role), ("to", &role)]);
    if let Some(auditor) = &auditor {
        let mut line = auditor.line("logout", None);
        line.why = Some(format!("SET pgveil.role to {role}"));
        auditor.audit.tell(&line);
    }
    let mut all_rules = shared.all_rules.subscribe();
    let rules = Arc::clone(&all_rules.borrow_and_update());
    let asking = audited(id, peer, &who);
    match who.in_role(role.clone(), rules.protects(&role), &shared.config.ignored_parameters) {
        Ok(who) => {
            let former = Some((cancel, place));
            Some(Box::new(Arrived { id, peer, who, client, read_ahead, all_rules, rules, roles, former, stop }))
        }
        Err(fatal) => {
            let who = Who { role: Some(role), ..asking };
            refuse(&mut client, who, (&fatal.message, &fatal), shared).await
        }
    }
}

/// The rest of a session, in room of its own: as much as its role needs.
fn relay(begun: Box<Begun>, shared: &Arc<Shared>) -> Pin<Box<dyn Future<Output = Over> + Send>> {
    let (session, database) = *begun;
    let brake = Brake::of(&session, shared);
    match database {
        None => Box::pin(relay::plain(session, brake)),
        Some(database) => {
            let user = User { name: session.who.user.clone(), attributes: session.who.attributes.clone() };
            let (asks, keys) = ((session.follow.judged_as().to_owned(), user, session.roles.clone()), shared.keys.clone());
            let judge = SessionJudge::new(Arc::clone(&database), asks, keys, session.auditor.clone());
            Box::pin(relay::masked(session, judge, (database, brake), shared.config.order_key.clone()))
        }
    }
}

/// Whether a user may take a role of theirs, by the policy of the moment.
fn may_take(who: &Authenticated, peer: SocketAddr, shared: &Arc<Shared>) -> Asked {
    let (shared, application) = (Arc::clone(shared), who.application().unwrap_or_default());
    Box::new(move |role| {
        let rules = Arc::clone(&shared.all_rules.borrow());
        rules.may_take(role, shared.circumstances(peer, application.clone()).as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::Engines;
    use crate::snapshot::Database;

    // Apart from connections, buffers and what the client has prepared.
    #[test]
    fn what_a_session_keeps_while_it_idles_is_small() {
        fn task<A, B, C, D, E, F, T: Future>(_: impl Fn(A, B, C, D, E, F) -> T) -> usize {
            size_of::<T>()
        }
        fn plain<A, B, T: Future>(_: impl Fn(A, B) -> T) -> usize {
            size_of::<T>()
        }
        fn masked<A, B, C, D, T: Future>(_: impl Fn(A, B, C, D) -> T) -> usize {
            size_of::<T>()
        }
        fn of<A, B, C, T: Future>(_: impl Fn(A, B, C) -> T) -> usize {
            size_of::<T>()
        }
        let sizes = (task(attend) + of(session), plain(relay::plain), masked(relay::masked::<SessionJudge, Database<Engines>>));
        println!("task and session, relay in plain, relay with masks: {sizes:?} bytes; {}", of(session));
        assert!(sizes.0 <= 1280 && sizes.1 <= 1312 && sizes.2 <= 2560, "{sizes:?}");
    }
}
