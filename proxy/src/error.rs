//! Errors by whose fault they are. None falls back to forwarding.

use std::path::PathBuf;

use crate::fatal::Fatal;

/// The client (or the server) broke the protocol: FATAL 08P01, and the connection closes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A length word smaller than itself or larger than what is read.
    #[error("message of type {tag:?} has a length of {length} bytes; at most {limit} are read")]
    Length {
        /// The message's type; 0 for a startup packet.
        tag: char,
        /// Its length word.
        length: u32,
        /// The largest that is read.
        limit: usize,
    },
    /// A message's body does not decode, or has bytes left over.
    #[error("malformed message of type {tag:?}")]
    Malformed {
        /// The message's type; 0 for a startup packet.
        tag: char,
    },
    /// A message that is not legal here.
    #[error("unexpected message of type {tag:?}")]
    Unexpected {
        /// The message's type.
        tag: char,
    },
    /// A message that stands among the data of a COPY, where the server would lose its place. In its words.
    #[error("terminating connection because protocol synchronization was lost")]
    AmongData,
}

/// Login failed. The client gets one wording for every cause (28P01); the log gets this.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user, wrong password, or a proof that does not verify.
    #[error("password authentication failed for user \"{user}\": {why}")]
    Denied {
        /// As the client named itself.
        user: String,
        /// For the log only.
        why: &'static str,
    },
    /// TLS is required and the client did not ask for it.
    #[error("this server requires TLS")]
    TlsRequired,
    /// The client broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Something that it asked for in its startup packet.
    #[error("{} ({})", .0.message, .0.code)]
    Refused(Fatal),
    /// The connection failed.
    #[error("connection lost during login: {0}")]
    Io(#[from] std::io::Error),
}

/// The server's fault: 08006 or 57P01, or its own words.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be reached.
    #[error("cannot reach the database server at {address}: {source}")]
    Unreachable {
        /// Host and port, or socket.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// It was reached, and did not let us in within that time: it is overloaded, or something of its own holds logins up.
    #[error("the database server at {address} did not let a session in within {seconds} seconds")]
    Slow {
        /// Host and port, or socket.
        address: String,
        /// The limit.
        seconds: u64,
    },
    /// So many others log in with it that the turn did not come.
    #[error(
        "waited {waited} seconds to log in with the database server: {at_once} do so at one time (limits.server_logins), and took too long"
    )]
    Busy {
        /// Logins at one time.
        at_once: usize,
        /// Seconds.
        waited: u64,
    },
    /// TLS with it failed or it has none.
    #[error("TLS with the database server failed: {0}")]
    Tls(String),
    /// It refused us: an ErrorResponse during startup or of a query of our own.
    #[error("the database server says: {0}")]
    Refused(Box<Refused>),
    /// It does not take a user's own login (`upstream.login = "user"`).
    #[error("the database server does not take the login of user \"{user}\": {why}")]
    User {
        /// Who.
        user: String,
        /// SQLSTATE, of class 28.
        code: String,
        /// Why.
        why: String,
    },
    /// It asked for a way to log in that we do not speak, or for a password that we do not have, or did not prove itself.
    #[error("cannot log in to the database server: {0}")]
    Login(String),
    /// It broke the protocol.
    #[error("the database server broke the protocol: {0}")]
    Protocol(String),
    /// The policy cannot be put on a database: the policy's fault, found where the database is read.
    #[error("the policy does not fit database \"{database}\":\n{faults}")]
    Policy {
        /// Its name.
        database: String,
        /// One a line, with file, line and column.
        faults: String,
    },
    /// The connection was lost.
    #[error("connection to the database server lost: {0}")]
    Io(#[from] std::io::Error),
}

/// What an ErrorResponse says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refused {
    /// SQLSTATE.
    pub code: String,
    /// Its message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The configuration is wrong: exit 78.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {key}: {problem}\n  remedy: {remedy}", file = .file.display())]
pub struct ConfigError {
    /// The file that is wrong.
    pub file: PathBuf,
    /// The key in it, such as `upstream.port`.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}
