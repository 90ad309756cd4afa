//! The accept loop.

use std::net::SocketAddr;

use tokio::sync::watch;

use crate::cancel::CancelGuard;
use crate::login::{Authenticated, ClientStream};
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
}
