//! One connection, from its first byte to its end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use pgveil_policy::builtin::settings;
use pgveil_policy::policy::Circumstances;
use pgveil_policy::policy::user::User;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::roles::Asked;
use super::{Roles, Shared, identity};
use crate::audit::line::Line;
use crate::audit::{self, Auditor};
use crate::cancel::{CancelGuard, Refused, Still};
use crate::conversation::End;
use crate::error::LoginError;
use crate::fatal::Fatal;
use crate::judgement::{Engines, SessionJudge};
use crate::log;
use crate::login::{self, Arrival, Authenticated, ClientStream, Desk, farewell};
use crate::relay::{self, Ended, Left, Over};
use crate::rules::follow::Behind;
use crate::rules::{Follow, Rules, Standing, Why};
use crate::scrub::Scrub;
use crate::snapshot::Database;
use crate::upstream::{Upstream, Who};
use crate::wire::answer::Report;
use crate::wire::frame;
use crate::wire::message::put_cstring;

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

/// Bytes that a client may say before it is told that it is logged in, and that are read before that.
const EARLY: usize = 1024;

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
            let circumstances = circumstances(peer, application.to_owned(), &shared);
            !matches!(rules.may_take(role, circumstances.as_ref()), Err(Why::Unmet(_)))
        };
        let refused = |error: &LoginError| {
            log::warn("login.refused", &[("id", &id), ("peer", &peer), ("error", error)]);
            let user = match error {
                LoginError::Denied { user, .. } => user.clone(),
                LoginError::TlsRequired | LoginError::Protocol(_) | LoginError::Refused(_) | LoginError::Io(_) => String::new(),
            };
            let peer = peer.to_string();
            let who = audit::line::Who { session: id, user, role: None, database: None, peer, application: None, exemption: None };
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

/// Cancels what a session runs at the server, where a statement of its role may give so many rows or bytes and no more.
#[derive(Debug)]
pub struct Brake {
    id: u64,
    pid: i32,
    secret: Vec<u8>,
    shared: Arc<Shared>,
}

impl Brake {
    fn of(session: &Session, shared: &Arc<Shared>) -> Option<Box<Brake>> {
        let [_, rows, bytes] = session.follow.began().limits();
        rows.or(bytes)?;
        let (pid, secret) = session.upstream.key();
        Some(Box::new(Brake { id: session.id, pid, secret: secret.to_vec(), shared: Arc::clone(shared) }))
    }

    /// Ends when the server has taken it, or cannot be told: that is the log's business.
    pub async fn pull(&self) {
        let Brake { id, pid, secret, shared } = self;
        let sent = Upstream::cancel(&shared.config.upstream, *pid, secret, || true).await;
        if let Err(e) = sent {
            log::error("limit.cancel_failed", &[("id", id), ("pid", pid), ("error", &e)]);
        }
    }
}

struct Arrived {
    id: u64,
    peer: SocketAddr,
    who: Authenticated,
    client: ClientStream,
    read_ahead: Vec<u8>,
    all_rules: watch::Receiver<Arc<Rules>>,
    rules: Arc<Rules>,
    roles: Roles,
    /// What a former session of the connection leaves to this one.
    former: Option<(CancelGuard, OwnedSemaphorePermit)>,
    stop: watch::Receiver<bool>,
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
    match who.in_role(role.clone(), rules.protects(&role), &shared.config.ignored_parameters) {
        Ok(who) => {
            let former = Some((cancel, place));
            Some(Box::new(Arrived { id, peer, who, client, read_ahead, all_rules, rules, roles, former, stop }))
        }
        Err(fatal) => {
            log::warn("session.refused", &[("id", &id), ("role", &role), ("why", &fatal.message)]);
            farewell(&mut client, &fatal).await;
            None
        }
    }
}

/// A session, and what judges it: `None` where nothing is protected from its role.
type Begun = (Session, Option<Arc<Database<Engines>>>);

/// Logs in with the server and tells the client so; `None` where it could not: the client has been told why, and so has the log.
async fn begin(arrived: Box<Arrived>, shared: &Shared) -> Option<Box<Begun>> {
    let Arrived { id, peer, mut who, mut client, mut read_ahead, all_rules, rules, roles, former, mut stop } = *arrived;
    let (former, place) = former.unzip();
    let Some(place) = place.or_else(|| Arc::clone(&shared.sessions).try_acquire_owned().ok()) else {
        log::warn("session.refused", &[("id", &id), ("user", &who.user), ("why", &"limits.connections")]);
        denied(shared, audited(id, peer, &who), "limits.connections");
        farewell(&mut client, &Fatal::new("53300", "sorry, too many clients already")).await;
        return None;
    };
    let circumstances = circumstances(peer, application(&who).unwrap_or_default(), shared);
    let Some((follow, behind)) = Follow::begin(all_rules, &rules, (&who.user, &who.role), who.valid_until, circumstances) else {
        let why = "the policy has no such role";
        log::error("session.refused", &[("id", &id), ("user", &who.user), ("database", &who.database), ("error", &why)]);
        denied(shared, audited(id, peer, &who), why);
        let fatal = Fatal::new("28000", format!("role \"{}\" of user \"{}\" is not in the policy", who.role, who.user));
        farewell(&mut client, &fatal).await;
        return None;
    };
    if let Err(why) = follow.lasts() {
        log::warn("session.refused", &[("id", &id), ("user", &who.user), ("database", &who.database), ("why", &why)]);
        denied(shared, audited(id, peer, &who), why.to_string());
        farewell(&mut client, &Fatal::new("28000", why.to_string()).hint(why.hint())).await;
        return None;
    }
    let standing = follow.began();
    let opened = tokio::select! {
        opened = open(&mut who, standing, id, shared) => opened.map_err(|(fatal, why)| (fatal, Some(why))),
        _ = stop.wait_for(|stop| *stop) => Err((Fatal::shutdown(), None)),
        () = gone(&mut client, &mut read_ahead) => {
            log::info("login.lost", &[("id", &id), ("peer", &peer), ("error", &"the client left before the server let it in")]);
            return None;
        }
    };
    let (upstream, database) = match opened {
        Ok(opened) => opened,
        Err((fatal, why)) => {
            if let Some(why) = why {
                denied(shared, audited(id, peer, &who), why);
            }
            farewell(&mut client, &fatal).await;
            return None;
        }
    };
    let (pid, server_secret) = upstream.key();
    let is_first = former.is_none();
    let registered = match former {
        Some(former) => Ok(shared.cancels.replace(former, pid, server_secret)),
        None => shared.cancels.register(pid, server_secret, who.minor >= 2),
    };
    let cancel = match registered {
        Ok(cancel) => cancel,
        Err(e) => {
            log::error("session.failed", &[("id", &id), ("error", &e)]);
            farewell(&mut client, &Fatal::new("58000", "no randomness for a cancel key")).await;
            return None;
        }
    };
    let tell = async {
        client.write_all(&greeting(&upstream, is_first.then_some(&cancel), &who, standing, shared)).await?;
        client.flush().await
    };
    if let Err(e) = tell.await {
        log::info("login.lost", &[("id", &id), ("peer", &peer), ("error", &e)]);
        return None;
    }
    let tls = client.is_tls();
    log::info(
        "session.start",
        &[
            ("id", &id),
            ("peer", &peer),
            ("user", &who.user),
            ("role", &who.role),
            ("database", &who.database),
            ("tls", &tls),
            ("pid", &pid),
        ],
    );
    if let Some(reason) = follow.exemption() {
        log::warn("session.exempt", &[("id", &id), ("user", &who.user), ("role", &who.role), ("reason", &reason)]);
    }
    let who_is = || Arc::new(audit::line::Who { exemption: follow.exemption().map(str::to_owned), ..audited(id, peer, &who) });
    let auditor = shared.audit.as_ref().map(|audit| Auditor { audit: Arc::clone(audit), who: who_is() });
    if let Some(auditor) = &auditor {
        auditor.audit.tell(&auditor.line("login", Some("accepted")).policy(&rules.hash));
    }
    let session = Session { id, peer, who, client, read_ahead, upstream, cancel, stop, place, follow, behind, auditor, roles };
    Some(Box::new((session, database)))
}

/// The server's side of a session. The error is what the client is told, and why, which the log has heard already.
async fn open(
    who: &mut Authenticated,
    standing: Standing,
    id: u64,
    shared: &Shared,
) -> Result<(Upstream, Option<Arc<Database<Engines>>>), (Fatal, String)> {
    // They are needed for as long as it takes to log in with the server.
    let keys = who.keys.take();
    let database = judge_of(who, standing, shared).await.inspect_err(|(_, why)| {
        log::error("session.refused", &[("id", &id), ("user", &who.user), ("database", &who.database), ("error", why)]);
    })?;
    let parameters = parameters(who, standing, shared);
    let account = shared.config.upstream.account_of(&who.role).map_or(Who::User(&who.user, keys.as_deref()), Who::Account);
    let log_in = async {
        let _turn = shared.queue.place().await?;
        Upstream::connect(&shared.config.upstream, account, &who.database, &parameters).await
    };
    match log_in.await {
        Ok(upstream) => Ok((upstream, database)),
        Err(e) => {
            log::error("upstream.failed", &[("id", &id), ("user", &who.user), ("database", &who.database), ("error", &e)]);
            Err((e.fatal(standing.protected), e.to_string()))
        }
    }
}

/// Ends when the client has hung up and said nothing before: nobody waits for the server any more. What it does say is kept.
async fn gone(client: &mut ClientStream, said: &mut Vec<u8>) {
    if said.is_empty() {
        said.reserve(EARLY);
        if matches!(client.read_buf(said).await, Ok(0) | Err(_)) {
            return;
        }
    }
    std::future::pending().await
}

/// The rest of a session, in room of its own: as much as its role needs.
fn relay(begun: Box<Begun>, shared: &Arc<Shared>) -> Pin<Box<dyn Future<Output = Over> + Send>> {
    let (session, database) = *begun;
    match database {
        None => Box::pin(relay::plain(session)),
        Some(database) => {
            let user = User { name: session.who.user.clone(), attributes: session.who.attributes.clone() };
            let (asks, keys) = ((session.follow.judged_as().to_owned(), user, session.roles.clone()), shared.keys.clone());
            let judge = SessionJudge::new(Arc::clone(&database), asks, keys, session.auditor.clone());
            let brake = Brake::of(&session, shared);
            Box::pin(relay::masked(session, judge, (database, brake), shared.config.order_key.clone()))
        }
    }
}

/// What of a session is told when it is over.
struct Told {
    user: String,
    auditor: Option<Auditor>,
}

impl Told {
    fn of(session: &Session) -> Told {
        Told { user: session.who.user.clone(), auditor: session.auditor.clone() }
    }
}

fn report(id: u64, Told { user, auditor }: &Told, start: Instant, ended: &Ended, shared: &Shared) {
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

/// What conditions of roles ask for; `None` where they are not asked.
fn circumstances(peer: SocketAddr, application: String, shared: &Shared) -> Option<Circumstances> {
    shared.config.asks_conditions.then(|| Circumstances { from: peer.ip(), application })
}

/// Whether a user may take a role of theirs, by the policy of the moment.
fn may_take(who: &Authenticated, peer: SocketAddr, shared: &Arc<Shared>) -> Asked {
    let (shared, application) = (Arc::clone(shared), application(who).unwrap_or_default());
    Box::new(move |role| {
        let rules = Arc::clone(&shared.all_rules.borrow());
        rules.may_take(role, circumstances(peer, application.clone(), &shared).as_ref())
    })
}

fn application(who: &Authenticated) -> Option<String> {
    login::settings::application(&who.parameters)
}

fn audited(id: u64, peer: SocketAddr, who: &Authenticated) -> audit::line::Who {
    audit::line::Who {
        session: id,
        user: who.user.clone(),
        role: Some(who.role.clone()),
        database: Some(who.database.clone()),
        peer: peer.to_string(),
        application: application(who),
        exemption: None,
    }
}

fn denied(shared: &Shared, who: audit::line::Who, why: impl Into<String>) {
    if let Some(audit) = &shared.audit {
        let mut line = Line::new("login", Some(&who));
        (line.outcome, line.why) = (Some("denied"), Some(why.into()));
        audit.tell(&line);
    }
}

/// What the session begins with at the server. Of a role that may write nowhere, the transactions are read-only: RESET and DISCARD ALL go
/// back to what the startup packet said.
fn parameters(who: &Authenticated, standing: Standing, shared: &Shared) -> Vec<(String, String)> {
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

/// What judges a session: `None` where nothing is protected from its role.
async fn judge_of(who: &Authenticated, standing: Standing, shared: &Shared) -> Result<Option<Arc<Database<Engines>>>, (Fatal, String)> {
    if !standing.protected {
        return Ok(None);
    }
    match shared.engines.of(&who.database).await {
        Ok(database) => Ok(Some(database)),
        Err(e) => Err((e.fatal(true), e.to_string())),
    }
}

/// What follows AuthenticationOk, in the server's order: its settings, its notices, the key for cancellations, ReadyForQuery. A role with
/// masks is told of the settings that it may know, and of no notice: an extension or a login trigger may say anything there. `cancel`: of the
/// connection's first session; the client keeps what it was told then.
fn greeting(upstream: &Upstream, cancel: Option<&CancelGuard>, who: &Authenticated, standing: Standing, shared: &Shared) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    // Apart from connections, buffers and what the client has prepared.
    #[test]
    fn what_a_session_keeps_while_it_idles_is_small() {
        fn task<A, B, C, D, E, F, T: Future>(_: impl Fn(A, B, C, D, E, F) -> T) -> usize {
            size_of::<T>()
        }
        fn plain<A, T: Future>(_: impl Fn(A) -> T) -> usize {
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
