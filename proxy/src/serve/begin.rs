//! The beginning of a session: who may have one, and its server's side.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::greeting::{greeting, parameters};
use super::told::{audited, denied, refuse};
use super::{Roles, Session, Shared};
use crate::audit::Auditor;
use crate::cancel::CancelGuard;
use crate::fatal::Fatal;
use crate::judgement::Engines;
use crate::log;
use crate::login::{Authenticated, ClientStream, farewell};
use crate::rules::{Follow, Rules, Standing};
use crate::snapshot::Database;
use crate::upstream::{self, Upstream};

/// Bytes that a client may say before it is told that it is logged in, and that are read before that.
const EARLY: usize = 1024;

/// A client that has logged in.
pub(super) struct Arrived {
    pub id: u64,
    pub peer: SocketAddr,
    pub who: Authenticated,
    pub client: ClientStream,
    pub read_ahead: Vec<u8>,
    pub all_rules: watch::Receiver<Arc<Rules>>,
    pub rules: Arc<Rules>,
    pub roles: Roles,
    /// What a former session of the connection leaves to this one.
    pub former: Option<(CancelGuard, OwnedSemaphorePermit)>,
    pub stop: watch::Receiver<bool>,
}

/// A session, and what judges it: `None` where nothing is protected from its role.
pub(super) type Begun = (Session, Option<Arc<Database<Engines>>>);

/// Logs in with the server and tells the client so; `None` where it could not: the client has been told why, and so has the log.
pub(super) async fn begin(arrived: Box<Arrived>, shared: &Shared) -> Option<Box<Begun>> {
    let Arrived { id, peer, mut who, mut client, mut read_ahead, all_rules, rules, roles, former, mut stop } = *arrived;
    let (former, place) = former.unzip();
    let Some(place) = place.or_else(|| Arc::clone(&shared.sessions).try_acquire_owned().ok()) else {
        let fatal = Fatal::new("53300", "sorry, too many clients already");
        return refuse(&mut client, audited(id, peer, &who), ("limits.connections", &fatal), shared).await;
    };
    let circumstances = shared.circumstances(peer, who.application().unwrap_or_default());
    let Some((follow, behind)) = Follow::begin(all_rules, &rules, (&who.user, &who.role), who.valid_until, circumstances) else {
        let fatal = Fatal::new("28000", format!("role \"{}\" of user \"{}\" is not in the policy", who.role, who.user));
        return refuse(&mut client, audited(id, peer, &who), ("the policy has no such role", &fatal), shared).await;
    };
    if let Err(why) = follow.lasts() {
        let fatal = Fatal::new("28000", why.to_string()).hint(why.hint());
        return refuse(&mut client, audited(id, peer, &who), (&fatal.message, &fatal), shared).await;
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
    let who_is = || Arc::new(crate::audit::line::Who { exemption: follow.exemption().map(str::to_owned), ..audited(id, peer, &who) });
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
    let account =
        shared.config.upstream.account_of(&who.role).map_or(upstream::Who::User(&who.user, keys.as_deref()), upstream::Who::Account);
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
