//! One session, one task: two connections, two bounded buffers, and a conversation between them where the role has masks.

pub mod asks;
pub mod buffers;
pub mod pump;
#[cfg(test)]
mod tests;
pub mod turns;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use crate::audit::Auditor;
use crate::audit::tap::Tap;
use crate::cancel::{Asked, CancelGuard};
use crate::conversation::server::check_setting;
use crate::conversation::{Conversation, End, Judge, path};
use crate::error::UpstreamError;
use crate::fatal::Fatal;
use crate::login::{Authenticated, ClientStream};
use crate::rules::follow::{Follow, Why};
use crate::serve::{Brake, Roles, Session};
use crate::upstream::ServerStream;
use crate::wire::message::put_bare;
use asks::Asks;
use pump::{Between, Cancel, Nothing, Pump, Stopped};
use turns::Turns;

/// How long the last bytes of a session may take.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// The longest that a session waits for a fresh catalog before an unknown name is told.
const FRESH: Duration = Duration::from_secs(30);

/// How a session ended, for the log.
#[derive(Debug)]
pub enum Ended {
    /// A side said so or the protocol was broken, or the answer did not fit: see [`End`].
    End(End),
    /// The client closed its connection.
    ClientGone,
    /// The server closed its connection.
    ServerGone,
    /// The process stops.
    Stopped,
    /// The policy has changed.
    Policy(Why),
    /// It could not begin.
    Upstream(UpstreamError),
    /// There is no secure randomness for the order key.
    NoRandomness,
}

/// How a session was over.
#[derive(Debug)]
pub enum Over {
    /// Both sides have been told.
    Ended(Ended),
    /// Its user takes another role. The server's session is over; the client waits for ReadyForQuery.
    TakesRole(Box<Left>),
}

/// What is left of a session whose user takes another role.
#[derive(Debug)]
pub struct Left {
    /// The role.
    pub role: String,
    /// The user, in the former one.
    pub who: Authenticated,
    /// All the user's roles.
    pub roles: Roles,
    /// Where the client connects from.
    pub peer: SocketAddr,
    /// The client's connection.
    pub client: ClientStream,
    /// Bytes already read from the client.
    pub read_ahead: Vec<u8>,
    /// What the client was told to cancel by.
    pub cancel: CancelGuard,
    /// See [`Session::stop`].
    pub stop: watch::Receiver<bool>,
    /// See [`Session::place`].
    pub place: OwnedSemaphorePermit,
    /// See [`Session::auditor`].
    pub auditor: Option<Auditor>,
}

/// Refreshes what the judgement of a session rests on.
pub trait Refresh {
    /// Loads a fresh catalog snapshot unless one has just been loaded. An error is the log's business: the old one stays.
    fn refresh(&self) -> impl Future<Output = ()> + Send;
}

/// Relays a session of a role from whom nothing is protected: byte for byte, both ways. `brake`: cancels what it runs.
pub fn plain(session: Session, brake: Box<Brake>) -> impl Future<Output = Over> + Send {
    let Session { client, read_ahead, upstream, stop, cancel, follow, behind, place, auditor, who, roles, peer, .. } = session;
    let turns = Turns::new(Arc::clone(&cancel.done));
    let asks = roles.are_several().then(|| Box::new(Asks::new(roles.clone())));
    let again = asks.is_some().then(|| Box::new(Again { who, roles, peer, auditor: auditor.clone() }));
    let nothing = Nothing { behind: Some(behind), tap: auditor.map(Tap::new), asks };
    let mut held = Held {
        pump: Pump::new(nothing, (client, read_ahead), upstream.into_parts(), turns),
        signals: Signals { stop, cancel, follow, brake },
        place,
        again,
    };
    async move {
        let Held { pump, signals, .. } = &mut held;
        let ended = drive(pump, signals, None::<&Never>).await;
        if let Ended::End(End::TakesRole(role)) = ended {
            return Box::pin(held.left(role)).await;
        }
        // Of other ends the client is told by the server, or not at all. A session has no room for what is done once.
        Box::pin(farewell(pump, &ended, (false, false), &*signals.brake)).await;
        Over::Ended(ended)
    }
}

/// Relays a session of a role with masks: see [`Conversation`]. `fixed`: the order key, where it is not to be random. `brake`:
/// cancels what it runs.
pub fn masked<J: Judge + Send, R: Refresh + Send + Sync>(
    session: Session,
    judge: J,
    (refresh, brake): (Arc<R>, Box<Brake>),
    fixed: Option<String>,
) -> impl Future<Output = Over> + Send {
    // Apart, here and below: what a session keeps room for, it keeps for as long as it lasts.
    let begun = Box::pin(begin(session, judge, fixed, brake));
    async move {
        let mut held = match begun.await {
            Ok(held) => held,
            Err(ended) => return Over::Ended(ended),
        };
        let Held { pump, signals, .. } = &mut held;
        let ended = drive(pump, signals, Some(refresh.as_ref())).await;
        if let Ended::End(End::TakesRole(role)) = ended {
            return Box::pin(held.left(role)).await;
        }
        let at_boundary = pump.between.at_boundary();
        Box::pin(farewell(pump, &ended, (at_boundary, true), &*signals.brake)).await;
        if matches!(ended, Ended::End(End::Veto(_))) {
            // A change of tables may be the cause: the next session is judged on what is there now.
            Box::pin(refresh.refresh()).await;
        }
        Over::Ended(ended)
    }
}

/// A session under way.
struct Held<B> {
    pump: Pump<B, ClientStream, ServerStream>,
    signals: Signals,
    place: OwnedSemaphorePermit,
    again: Option<Box<Again>>,
}

/// What another session of the same user needs, in another role.
struct Again {
    who: Authenticated,
    roles: Roles,
    peer: SocketAddr,
    auditor: Option<Auditor>,
}

impl<B: Between> Held<B> {
    async fn left(self, role: String) -> Over {
        let Held { pump, signals: Signals { stop, cancel, .. }, place, again } = self;
        // It is there wherever a role can be asked for.
        let Some(again) = again else { return Over::Ended(Ended::End(End::TakesRole(role))) };
        let Again { who, roles, peer, auditor } = *again;
        let (client, read_ahead) = pump.part().await;
        Over::TakesRole(Box::new(Left { role, who, roles, peer, client, read_ahead, cancel, stop, place, auditor }))
    }
}

/// Asks the server what a conversation has to know. Where it cannot begin, the client has been told.
async fn begin<J: Judge>(session: Session, judge: J, fixed: Option<String>, brake: Box<Brake>) -> Result<Held<Conversation<J>>, Ended> {
    let Session { mut client, read_ahead, mut upstream, stop, cancel, follow, place, who, roles, peer, auditor, .. } = session;
    let again = Some(Box::new(Again { who, roles, peer, auditor }));
    let settings = upstream.parameters().iter().try_for_each(|(name, value)| check_setting(name.as_bytes(), value.as_bytes()));
    let known = match (settings, fixed.or_else(order_key)) {
        (Err(veto), _) => Err((
            Ended::End(End::Veto(veto)),
            Fatal::new("0A000", "the database's settings do not allow masking")
                .hint("client_encoding must be UTF8 and standard_conforming_strings on, for pgveil's account too."),
        )),
        (Ok(()), None) => Err((Ended::NoRandomness, Fatal::new("XX000", "pgveil cannot begin the session"))),
        (Ok(()), Some(key)) => match upstream.query(path::QUESTION).await {
            Ok(rows) => Ok((key, rows.into_iter().flatten().flatten().next().unwrap_or_default())),
            Err(error) => {
                let fatal = error.fatal(true);
                Err((Ended::Upstream(error), fatal))
            }
        },
    };
    match known {
        Ok((key, schemas)) => {
            let between = Conversation::new(judge, key, &schemas);
            let turns = Turns::new(Arc::clone(&cancel.done));
            let pump = Pump::new(between, (client, read_ahead), upstream.into_parts(), turns);
            Ok(Held { pump, signals: Signals { stop, cancel, follow, brake }, place, again })
        }
        Err((ended, fatal)) => {
            let _late = timeout(FAREWELL, crate::login::farewell(&mut client, &fatal)).await;
            Err(ended)
        }
    }
}

/// A session's order key: 32 letters and digits, 128 bits of secure randomness; `None` where there is none.
pub fn order_key() -> Option<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// What a session hears from others than its two sides.
struct Signals {
    stop: watch::Receiver<bool>,
    cancel: CancelGuard,
    follow: Follow,
    brake: Box<Brake>,
}

async fn drive<B: Between, C, S, R: Refresh>(pump: &mut Pump<B, C, S>, signals: &mut Signals, refresh: Option<&R>) -> Ended
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let Signals { stop, cancel, follow, brake } = signals;
    let mut leaves = None;
    loop {
        // What is read here is gone before anything is waited for.
        let fresh = {
            let stopped = tokio::select! {
                biased;
                _changed = stop.wait_for(|stop| *stop) => return Ended::Stopped,
                change = follow.changed(), if leaves.is_none() => {
                    match change.why {
                        None => pump.between.goes_on_under(change.number),
                        Some(_) => pump.leave(),
                    }
                    leaves = change.why;
                    continue;
                }
                stopped = pump.run() => stopped,
                // After the pump: what the client said before is taken by now.
                asked = cancel.asked() => {
                    match asked {
                        Asked::Now(question) => {
                            let _gone = question.send(pump.turns.until(pump.between.runs()));
                        }
                        Asked::Delivered(until) if pump.turns.done() < until => pump.between.cancelled(),
                        Asked::Delivered(_) => {}
                    }
                    continue;
                }
            };
            match stopped {
                Stopped::WantsFresh => true,
                Stopped::WantsBrake => false,
                stopped => return how(stopped, leaves),
            }
        };
        if !fresh {
            if let Some(stopped) = Box::pin(pull(pump, brake, stop)).await {
                return how(stopped, leaves);
            }
            continue;
        }
        if let Some(refresh) = refresh {
            // A session has no room for what is seldom done.
            let fresh = Box::pin(timeout(FRESH, refresh.refresh()));
            tokio::select! {
                biased;
                _changed = stop.wait_for(|stop| *stop) => return Ended::Stopped,
                _in_time = fresh => {}
            }
        }
        pump.between.refreshed();
    }
}

/// `leaves`: why it was told to.
fn how(stopped: Stopped, leaves: Option<Why>) -> Ended {
    match (stopped, leaves) {
        (Stopped::Left, Some(why)) => Ended::Policy(why),
        (Stopped::End(end), _) => Ended::End(end),
        (Stopped::ClientGone, _) => Ended::ClientGone,
        (Stopped::ServerGone, _) => Ended::ServerGone,
        // Nobody told it to.
        (Stopped::Left, None) | (Stopped::WantsFresh | Stopped::WantsBrake, _) => Ended::Stopped,
    }
}

/// Has what runs cancelled, while the pump goes on; what stopped that, if anything did. Nobody else is heard meanwhile.
async fn pull<B: Between, C, S>(pump: &mut Pump<B, C, S>, brake: &Brake, stop: &mut watch::Receiver<bool>) -> Option<Stopped>
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let pulled = brake.pull();
    tokio::pin!(pulled);
    let stopped = tokio::select! {
        () = &mut pulled => None,
        _changed = stop.wait_for(|stop| *stop) => None,
        stopped = pump.run() => Some(stopped),
    };
    match stopped {
        None => {}
        // It says so again, once the server has taken the request.
        Some(Stopped::WantsFresh | Stopped::WantsBrake) => pulled.await,
        Some(stopped) => return Some(stopped),
    }
    pump.between.braked();
    None
}

#[derive(Debug)]
struct Never;

impl Refresh for Never {
    async fn refresh(&self) {}
}

// `at_boundary`: the client has been told whole messages; `speaks`: so has the server, by us.
async fn farewell<B: Between, C, S>(pump: &mut Pump<B, C, S>, ended: &Ended, (at_boundary, speaks): (bool, bool), brake: &impl Cancel)
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let whole = match ended {
        Ended::Policy(_) => true,
        Ended::Stopped => pump.whole().await,
        Ended::End(_) | Ended::ClientGone | Ended::ServerGone | Ended::Upstream(_) | Ended::NoRandomness => at_boundary,
    };
    // 57P01 means that what runs is undone. A server that works hears neither Terminate nor the end of its connection before it is done.
    let tells_so = matches!(ended, Ended::Stopped | Ended::Policy(_));
    let running = Some(brake).filter(|_| tells_so && pump.turns.until(pump.between.runs()).is_some());
    if let Some(fatal) = fatal(ended).filter(|_| whole) {
        pump.out.to_client.extend_from_slice(&fatal.frame());
    }
    if speaks && running.is_none() && !matches!(ended, Ended::End(End::Terminated) | Ended::ServerGone) {
        put_bare(&mut pump.out.to_server, b'X');
    }
    let _late = timeout(FAREWELL, pump.close(running)).await;
}

/// What the client is told; `None` where it has been told or is not there.
fn fatal(ended: &Ended) -> Option<Fatal> {
    match ended {
        Ended::End(End::Terminated | End::ServerEnded { .. } | End::TakesRole(_)) | Ended::ClientGone => None,
        Ended::End(End::Protocol(error)) => Some(error.into()),
        Ended::End(end @ End::RowTooLarge { .. }) => Some(Fatal::new("54000", end.to_string())),
        Ended::End(End::Veto(_)) => Some(
            Fatal::new("XX000", "pgveil ended the session: the server's answer is not what was judged")
                .hint("If a table was changed while you were connected, connect again. Else tell whoever runs pgveil: its log says more."),
        ),
        Ended::ServerGone => Some(Fatal::new("08006", "the connection to the database server was lost")),
        Ended::Stopped => Some(Fatal::shutdown()),
        Ended::Policy(why) => Some(why.fatal()),
        Ended::Upstream(error) => Some(error.fatal(true)),
        Ended::NoRandomness => Some(Fatal::new("XX000", "pgveil cannot begin the session")),
    }
}
