//! The accept loop and its workers: one single-threaded runtime per core, one task per connection.
//!
//! A connection stays on the worker that got it, so a session needs no locks and its buffers stay warm in one core's cache.

mod begin;
mod brake;
mod connection;
mod greeting;
mod identity;
mod queue;
mod roles;
mod shared;
mod told;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::{ClientTls, Config};
use crate::counters::Counters;
use crate::error::ConfigError;
use crate::fatal::Fatal;
use crate::keepalive::keep_alive;
use crate::log;
use crate::relay::FAREWELL;
use crate::rules::keep;

pub use brake::Brake;
pub use connection::Session;
pub use roles::Roles;
pub use shared::Shared;

/// The most connections at one time that have not logged in yet. Further ones get 53300 at once.
const LOGINS: usize = 512;
/// The most connections that the system holds for us until they are accepted.
const BACKLOG: i32 = 1024;
/// How long sessions may take to end after [`Server::stop`]: those whose clients do not hang up too, and their last lines of the audit log.
const GRACE: Duration = FAREWELL.saturating_add(Duration::from_secs(2));

/// A running proxy. Dropped, it stops as with [`Server::stop`] but nobody waits for it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tls: ClientTls,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// Why a proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system gave no thread or no runtime.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl Server {
    /// Binds the address and starts the workers, on threads of their own.
    ///
    /// # Errors
    /// See [`StartError`]; an address that cannot be bound is an error of the configuration's key `listen`.
    pub fn start(config: Config) -> Result<Server, StartError> {
        let fault = |e: io::Error| ConfigError {
            file: config.file.clone(),
            key: "listen".into(),
            problem: format!("cannot listen at {}: {e}", config.listen),
            remedy: "stop what listens there, or name another address or port".into(),
        };
        let listener = listen(config.listen).map_err(fault)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config)?);
        let tls = shared.config.tls.clone();
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        let mut workers = Vec::new();
        for number in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let (to, from) = mpsc::unbounded_channel();
            let (runtime, shared, stopped) = (runtime()?, Arc::clone(&shared), stopped.clone());
            let name = format!("pgveil-{number}");
            threads.push(
                thread::Builder::new()
                    .name(name)
                    .stack_size(pgveil_policy::read::THREAD_STACK)
                    .spawn(move || runtime.block_on(work(from, shared, stopped)))?,
            );
            workers.push(to);
        }
        let runtime = runtime()?;
        let own = Arc::clone(&shared);
        log::info("key", &[("id", &shared.config.key.id()), ("old", &shared.config.old_keys.len())]);
        let accepting = async move {
            tokio::select! {
                ended = accept(listener, workers, stopped) => ended,
                () = shared.engines.keep_fresh(shared.config.look_every) => Ok(()),
                () = shared.keep_policy(keep::PERIOD) => Ok(()),
            }
        };
        let accept = move || match runtime.block_on(accepting) {
            Ok(()) => {}
            Err(e) => log::error("listen.failed", &[("error", &e)]),
        };
        // It reads policies, too.
        let thread = thread::Builder::new().name("pgveil-accept".into()).stack_size(pgveil_policy::read::THREAD_STACK);
        threads.push(thread.spawn(accept)?);
        log::info("listen", &[("address", &address)]);
        Ok(Server { address, tls, stop, threads, shared: own })
    }

    /// Where it listens; with the port that the system chose where the configuration said 0.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Certificates, keys and revocation lists are read again at the next handshake, even if they look unchanged; the policy file is read
    /// now, as it is; a new audit log is begun where the old one was renamed.
    pub fn reload(&self) {
        if let Some(server) = self.tls.server() {
            server.reload();
        }
        if let Some(audit) = &self.shared.audit {
            audit.reopen();
        }
        self.shared.reload.notify_one();
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The number of the policy in force: 1 for the first.
    pub fn policy_number(&self) -> u64 {
        self.shared.rules().number
    }

    /// Accepts nothing more, tells every session 57P01, and waits up to five seconds for them to end.
    pub fn stop(mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error("worker.panicked", &[]);
            }
        }
        if let Some(audit) = &self.shared.audit {
            audit.close();
        }
        log::info("stopped", &[("address", &self.address)]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// As `TcpListener::bind`, but with room for more than 128 clients that connect at one time.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// An accepted connection on its way to a worker.
struct Accepted {
    socket: std::net::TcpStream,
    peer: SocketAddr,
    id: u64,
    place: OwnedSemaphorePermit,
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn accept(listener: TcpListener, workers: Vec<mpsc::UnboundedSender<Accepted>>, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let logins = Arc::new(Semaphore::new(LOGINS));
    let mut id = 0_u64;
    for worker in workers.iter().cycle() {
        let (socket, peer, place) = loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            };
            match accepted {
                Ok((socket, peer)) => match Arc::clone(&logins).try_acquire_owned() {
                    Ok(place) => break (socket, peer, place),
                    Err(_) => {
                        log::warn("login.flood", &[("peer", &peer), ("limit", &LOGINS)]);
                        // Best effort, without waiting: whoever floods must not hold us up.
                        let fatal = Fatal::new("53300", "too many connections are logging in").frame();
                        let _heard = socket.into_std().and_then(|mut socket| socket.write(&fatal));
                    }
                },
                Err(e) => {
                    // Most likely out of file descriptors: sessions that end give some back.
                    log::error("accept.failed", &[("error", &e)]);
                    sleep(Duration::from_millis(100)).await;
                }
            }
        };
        id = id.wrapping_add(1);
        let accepted = socket.into_std().map(|socket| Accepted { socket, peer, id, place });
        match accepted {
            Ok(accepted) => {
                if worker.send(accepted).is_err() {
                    log::error("worker.gone", &[("id", &id)]);
                }
            }
            Err(e) => log::error("accept.failed", &[("error", &e)]),
        }
    }
    Ok(())
}

async fn work(mut accepted: mpsc::UnboundedReceiver<Accepted>, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let told = stop.clone();
    loop {
        tokio::select! {
            next = accepted.recv() => match next {
                Some(Accepted { socket, peer, id, place }) => match prepare(socket) {
                    Ok(socket) => {
                        connections.spawn(connection::attend(socket, peer, id, place, Arc::clone(&shared), told.clone()));
                    }
                    Err(e) => log::error("accept.failed", &[("id", &id), ("error", &e)]),
                },
                None => break,
            },
            Some(ended) = connections.join_next() => report(&ended),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(&ended);
        }
    };
    if timeout(GRACE, all).await.is_err() {
        log::warn("stop.cut", &[("connections", &connections.len())]);
    }
}

fn prepare(socket: std::net::TcpStream) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    let socket = TcpStream::from_std(socket)?;
    keep_alive(&socket)?;
    Ok(socket)
}

fn report(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended {
        log::error("connection.panicked", &[("error", e)]);
    }
}
