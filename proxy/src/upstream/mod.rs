//! The connection to the database server.

mod stream;

pub use stream::ServerStream;

use crate::config::UpstreamConfig;
use crate::error::UpstreamError;

/// A logged-in server connection, idle after its first ReadyForQuery.
#[derive(Debug)]
pub struct Upstream {
    stream: ServerStream,
    ahead: Vec<u8>,
    parameters: Vec<(String, String)>,
    pid: i32,
    secret: Vec<u8>,
}

impl Upstream {
    /// Connects and logs in with the role's account.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn connect(
        _config: &UpstreamConfig,
        _role: &str,
        _database: &str,
        _parameters: &[(String, String)],
    ) -> Result<Upstream, UpstreamError> {
        Err(UpstreamError::Protocol("not yet".into()))
    }

    /// The server's ParameterStatus messages of its startup, in order.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The server's BackendKeyData: process id and secret.
    pub fn key(&self) -> (i32, &[u8]) {
        (self.pid, &self.secret)
    }

    /// Runs one simple query of our own: the text rows of its first result.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn query(&mut self, _sql: &str) -> Result<Vec<Vec<Option<String>>>, UpstreamError> {
        Err(UpstreamError::Protocol("not yet".into()))
    }

    /// The connection and the bytes already read from it.
    pub fn into_parts(self) -> (ServerStream, Vec<u8>) {
        (self.stream, self.ahead)
    }

    /// Sends a CancelRequest for a server session.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn cancel(_config: &UpstreamConfig, _pid: i32, _secret: &[u8]) -> Result<(), UpstreamError> {
        Err(UpstreamError::Protocol("not yet".into()))
    }
}
