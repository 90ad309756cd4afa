//! From the first byte to a proof that a client logged in.

mod asked;
mod connection;
pub mod scram;
mod settings;
mod startup;
mod stream;
#[cfg(test)]
mod tests;

use tokio::net::TcpStream;

use self::asked::Asked;
use self::connection::Connection;
use self::scram::{Exchange, Failure, Keys};
use self::startup::{NEWEST_MINOR, Packet, Startup};
use crate::config::ClientTls;
use crate::error::{LoginError, ProtocolError};
use crate::fatal::Fatal;
use crate::lookup::Lookup;
use crate::users::Directory;
use crate::wire::frame;

pub use connection::farewell;
pub use stream::ClientStream;

/// Proof that a client logged in; only [`arrive`] makes one.
#[derive(Debug)]
pub struct Authenticated {
    /// The user's name.
    pub user: String,
    /// The first of the user's roles: the active one.
    pub role: String,
    /// The database that the client named; its user's name where it named none.
    pub database: String,
    /// The client's other startup parameters, in order, without `user`, `database` and `_pq_.` options. For a protected role
    /// all are allowed and `options` is taken apart; for others they are as they came.
    pub parameters: Vec<(String, String)>,
    /// Startup parameters that were left out, one sentence each: the client is told in notices.
    pub ignored: Vec<String>,
    /// The protocol's minor version agreed on: 0 to 2.
    pub minor: u16,
    /// What logs the user in with a server that has the same verifier; `None` where it came without a password.
    pub keys: Option<Box<Keys>>,
    #[expect(dead_code, reason = "its type is private, so that no other module can make this proof")]
    proof: Proof,
}

#[derive(Debug)]
struct Proof;

/// What the first packets lead to.
#[derive(Debug)]
pub enum Arrival {
    /// A session: who, the connection, and bytes already read past the login.
    Session(Authenticated, ClientStream, Vec<u8>),
    /// A CancelRequest.
    Cancel {
        /// The server session's process id.
        pid: i32,
        /// The secret, as the client gave it.
        secret: Vec<u8>,
        /// To be closed once the cancellation is delivered: nothing is answered.
        client: ClientStream,
    },
    /// The client left.
    Gone,
}

/// What a login is decided by.
pub struct Desk<'a> {
    /// TLS towards clients.
    pub tls: &'a ClientTls,
    /// Who may log in.
    pub users: &'a Directory,
    /// Users that the database knows; looked at for names that `users` has not.
    pub lookup: Option<&'a Lookup>,
    /// Startup parameters that are left out where they are not allowed.
    pub ignored: &'a [String],
    /// From which the exchange with unknown users is made.
    pub mock: &'a [u8; 32],
    /// Whether anything is protected from a role.
    pub protects: &'a (dyn Fn(&str) -> bool + Sync),
}

/// Speaks with a client until it is logged in (AuthenticationOk is sent), asks for a cancellation, or leaves.
///
/// # Errors
/// The client was turned away; it has been told why, the connection is closed.
pub async fn arrive(socket: TcpStream, desk: &Desk<'_>) -> Result<Arrival, LoginError> {
    let (mut connection, startup) = match open(socket, desk.tls).await? {
        Opened::Startup(connection, startup) => (connection, startup),
        Opened::Cancel { pid, secret, client } => return Ok(Arrival::Cancel { pid, secret, client }),
        Opened::Gone => return Ok(Arrival::Gone),
    };
    match log_in(&mut connection, startup, desk).await {
        Ok(Some(who)) => Ok(Arrival::Session(who, connection.stream, connection.ahead)),
        Ok(None) => Ok(Arrival::Gone),
        Err(error) => Err(turn_away(connection, error).await),
    }
}

enum Opened {
    Startup(Connection, Startup),
    Cancel { pid: i32, secret: Vec<u8>, client: ClientStream },
    Gone,
}

/// Everything up to the StartupMessage.
async fn open(socket: TcpStream, tls: &ClientTls) -> Result<Opened, LoginError> {
    let server = match tls {
        ClientTls::Disable => None,
        ClientTls::Allow(server) | ClientTls::Require(server) => Some(server),
    };
    let direct = server.is_some() && Connection::begins_with_tls(&socket).await?;
    let mut connection = match server {
        Some(server) if direct => Connection::secure(socket, server.clone()).await?,
        Some(_) | None => Connection::plain(socket),
    };
    if let (ClientStream::Tls(stream), true) = (&connection.stream, direct)
        && stream.get_ref().1.alpn_protocol() != Some(pgveil_certs::ALPN)
    {
        let fatal = Fatal::new("08P01", "direct TLS needs the ALPN protocol \"postgresql\"");
        return Err(turn_away(connection, LoginError::Refused(fatal)).await);
    }
    let (mut asked_tls, mut asked_gss) = (direct, direct);
    loop {
        let packet = match connection.packet().await {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Opened::Gone),
            Err(error) => return Err(turn_away(connection, error).await),
        };
        match packet {
            Packet::Ssl if !asked_tls => {
                asked_tls = true;
                match (server, connection) {
                    (Some(server), Connection { stream: ClientStream::Plain(socket), ahead }) if ahead.is_empty() => {
                        connection = Connection::plain(socket);
                        connection.send(b"S").await?;
                        let ClientStream::Plain(socket) = connection.stream else { return Ok(Opened::Gone) };
                        connection = Connection::secure(socket, server.clone()).await?;
                        // Inside TLS there is no GSS encryption to ask for.
                        asked_gss = true;
                    }
                    (Some(_), other) => {
                        let fatal = Fatal::new("08P01", "received unencrypted data after SSL request")
                            .hint("A client must wait for the answer; or someone on the way put it there.");
                        return Err(turn_away(other, LoginError::Refused(fatal)).await);
                    }
                    (None, other) => {
                        connection = other;
                        connection.send(b"N").await?;
                    }
                }
            }
            Packet::Gss if !asked_gss => {
                asked_gss = true;
                connection.send(b"N").await?;
            }
            Packet::Ssl | Packet::Gss => {
                return Err(turn_away(connection, ProtocolError::Unexpected { tag: '\0' }.into()).await);
            }
            Packet::Cancel { pid, secret } => return Ok(Opened::Cancel { pid, secret, client: connection.stream }),
            Packet::OtherMajor { major, minor } => {
                let fatal =
                    Fatal::new("0A000", format!("unsupported frontend protocol {major}.{minor}: pgveil speaks 3.0 to 3.{NEWEST_MINOR}"));
                return Err(turn_away(connection, LoginError::Refused(fatal)).await);
            }
            Packet::Startup(_) if matches!(tls, ClientTls::Require(_)) && !connection.stream.is_tls() => {
                return Err(turn_away(connection, LoginError::TlsRequired).await);
            }
            Packet::Startup(startup) => return Ok(Opened::Startup(connection, startup)),
        }
    }
}

async fn turn_away(mut connection: Connection, error: LoginError) -> LoginError {
    if let Some(fatal) = error.fatal() {
        farewell(&mut connection.stream, &fatal).await;
    }
    error
}

/// From the StartupMessage to AuthenticationOk; `None` where the client left, as psql does before it asks for a password.
async fn log_in(connection: &mut Connection, startup: Startup, desk: &Desk<'_>) -> Result<Option<Authenticated>, LoginError> {
    let asked = Asked::from(startup)?;
    if let Some(negotiate) = asked.negotiate() {
        connection.send(&negotiate).await?;
    }
    let users = desk.users.users();
    let found = match (users.0.get(&asked.user), desk.lookup) {
        (Some(user), _) => Ok(user.clone()),
        (None, Some(lookup)) => lookup.find(&asked.user).await,
        (None, None) => Err("no such user"),
    };
    // Made for users that exist as well, so that both ways take the same time.
    let mocked = users.0.mock(&asked.user, desk.mock, desk.lookup.and_then(Lookup::like).as_deref());
    let verifier = found.as_ref().map_or(mocked, |user| user.verifier.clone());
    let (proof, keys) = match (scram(connection, &asked.user, verifier).await, &found) {
        (Ok(Some(proof)), _) => proof,
        (Ok(None), _) => return Ok(None),
        // For the log only: the client hears the same.
        (Err(LoginError::Denied { user, .. }), Err(why)) => return Err(LoginError::Denied { user, why }),
        (Err(e), _) => return Err(e),
    };
    let user = match found {
        Ok(user) => user,
        Err(why) => return Err(LoginError::Denied { user: asked.user, why }),
    };
    let Some(role) = user.roles.first() else { return Err(LoginError::Denied { user: asked.user, why: "no role" }) };
    let (parameters, ignored) = if (desk.protects)(role) {
        settings::allowed(&asked.parameters, desk.ignored).map_err(LoginError::Refused)?
    } else {
        (asked.parameters, Vec::new())
    };
    let mut out = Vec::new();
    frame::put(&mut out, b'R', |body| {
        body.extend_from_slice(&12_i32.to_be_bytes());
        body.extend_from_slice(proof.as_bytes());
    });
    frame::put(&mut out, b'R', |body| body.extend_from_slice(&0_i32.to_be_bytes()));
    connection.send(&out).await?;
    let role = role.clone();
    let (user, database, minor) = (asked.user, asked.database, asked.minor);
    Ok(Some(Authenticated { user, role, database, parameters, ignored, minor, keys: Some(Box::new(keys)), proof: Proof }))
}

/// The server's final message, which is still to be sent, and the keys that the client's proof shows.
async fn scram(connection: &mut Connection, user: &str, verifier: scram::Verifier) -> Result<Option<(String, Keys)>, LoginError> {
    let failed = |failure| match failure {
        Failure::Malformed(why) => LoginError::Refused(Fatal::new("08P01", format!("malformed SCRAM message: {why}"))),
        Failure::Denied(why) => LoginError::Denied { user: user.to_owned(), why },
    };
    let mut out = Vec::new();
    frame::put(&mut out, b'R', |body| {
        body.extend_from_slice(&10_i32.to_be_bytes());
        body.extend_from_slice(scram::MECHANISM.as_bytes());
        body.extend_from_slice(&[0, 0]);
    });
    connection.send(&out).await?;
    let Some(body) = connection.response().await? else { return Ok(None) };
    let first = initial(&body).map_err(failed)?;
    let nonce = scram::nonce().map_err(|e| LoginError::Io(e.into()))?;
    let exchange = Exchange::start(verifier, first, &nonce).map_err(failed)?;
    out.clear();
    frame::put(&mut out, b'R', |body| {
        body.extend_from_slice(&11_i32.to_be_bytes());
        body.extend_from_slice(exchange.challenge.as_bytes());
    });
    connection.send(&out).await?;
    let Some(body) = connection.response().await? else { return Ok(None) };
    exchange.finish(&body).map(Some).map_err(failed)
}

/// The client's first SCRAM message in a SASLInitialResponse.
fn initial(body: &[u8]) -> Result<&[u8], Failure> {
    let rest = body.strip_prefix(scram::MECHANISM.as_bytes()).and_then(|rest| rest.strip_prefix(&[0]));
    let rest = rest.ok_or(Failure::Malformed("only SCRAM-SHA-256 is offered"))?;
    let (length, message) = rest.split_first_chunk::<4>().ok_or(Failure::Malformed("cut short"))?;
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) if length == message.len() => Ok(message),
        Ok(_) | Err(_) => Err(Failure::Malformed("another length, or no first message")),
    }
}
