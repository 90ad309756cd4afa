//! From the first byte to a proof that a client logged in.

mod asked;
mod connection;
pub mod scram;
pub mod settings;
pub mod startup;
mod stream;
#[cfg(test)]
mod tests;
pub mod tries;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use pgveil_policy::policy::attributes::Attributes;
use tokio::net::TcpStream;

use self::asked::Asked;
use self::connection::{Connection, Shown};
use self::scram::{Channel, Exchange, Failure, Keys};
use self::startup::{NEWEST_MINOR, Packet, Startup};
use self::tries::Tries;
use crate::config::{ClientCert, ClientTls};
use crate::error::{LoginError, ProtocolError};
use crate::fatal::Fatal;
use crate::lookup::Lookup;
use crate::users::{Auth, Directory};
use crate::wire::frame;

pub use connection::farewell;
pub use stream::ClientStream;

/// Proof that a client logged in; only [`arrive`] makes one.
#[derive(Debug)]
pub struct Authenticated {
    /// The user's name.
    pub user: String,
    /// The active one of the user's roles: the one that the client asked for, else the first whose conditions hold, else the first.
    pub role: String,
    /// All of the user's roles.
    pub roles: Arc<[String]>,
    /// When the user may no longer be there.
    pub valid_until: Option<SystemTime>,
    /// What the users file or the database says of the user, for row filters.
    pub attributes: Attributes,
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

impl Authenticated {
    /// What the client calls itself.
    pub fn application(&self) -> Option<String> {
        settings::application(&self.parameters)
    }

    /// The same user in another of the roles. `ignored`: as [`Desk::ignored`].
    ///
    /// # Errors
    /// It is none of them; a startup parameter is not allowed for it.
    pub fn in_role(mut self, role: String, protects: bool, ignored: &[String]) -> Result<Self, Fatal> {
        if !self.roles.contains(&role) {
            return Err(not_theirs(&self.user, &role, &self.roles));
        }
        self.ignored.clear();
        if protects {
            (self.parameters, self.ignored) = settings::allowed(&self.parameters, ignored)?;
        }
        Ok(Authenticated { role, ..self })
    }
}

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
    /// What certificate every login needs.
    pub client_cert: ClientCert,
    /// Who may log in.
    pub users: &'a Directory,
    /// Users that the database knows; looked at for names that `users` has not.
    pub lookup: Option<&'a Lookup>,
    /// Who has failed to.
    pub tries: &'a Tries,
    /// Where this client connects from.
    pub from: IpAddr,
    /// Startup parameters that are left out where they are not allowed.
    pub ignored: &'a [String],
    /// From which the exchange with unknown users is made.
    pub mock: &'a [u8; 32],
    /// Whether the conditions of a role hold for a client that calls itself so.
    pub suits: &'a (dyn Fn(&str, &str) -> bool + Sync),
    /// Whether anything is protected from a role.
    pub protects: &'a (dyn Fn(&str) -> bool + Sync),
    /// Is told of a client that is turned away, before the client is.
    pub refused: &'a (dyn Fn(&LoginError) + Sync),
}

/// Speaks with a client until it is logged in (AuthenticationOk is sent), asks for a cancellation, or leaves.
///
/// # Errors
/// The client was turned away; it has been told why, the connection is closed.
pub async fn arrive(socket: TcpStream, desk: &Desk<'_>) -> Result<Arrival, LoginError> {
    let (mut connection, startup) = match open(socket, desk).await? {
        Opened::Startup(connection, startup) => (connection, startup),
        Opened::Cancel { pid, secret, client } => return Ok(Arrival::Cancel { pid, secret, client }),
        Opened::Gone => return Ok(Arrival::Gone),
    };
    match log_in(&mut connection, startup, desk).await {
        Ok(Some(who)) => Ok(Arrival::Session(who, connection.stream, connection.ahead)),
        Ok(None) => Ok(Arrival::Gone),
        Err(error) => Err(turn_away(connection, error, desk).await),
    }
}

enum Opened {
    Startup(Connection, Startup),
    Cancel { pid: i32, secret: Vec<u8>, client: ClientStream },
    Gone,
}

/// Everything up to the StartupMessage.
async fn open(socket: TcpStream, desk: &Desk<'_>) -> Result<Opened, LoginError> {
    let tls = desk.tls;
    let server = tls.server();
    let direct = server.is_some() && Connection::begins_with_tls(&socket).await?;
    let mut connection = match server {
        Some(server) if direct => Connection::secure(socket, server).await?,
        Some(_) | None => Connection::plain(socket),
    };
    if let (ClientStream::Tls(stream), true) = (&connection.stream, direct)
        && stream.get_ref().1.alpn_protocol() != Some(pgveil_certs::ALPN)
    {
        let fatal = Fatal::new("08P01", "direct TLS needs the ALPN protocol \"postgresql\"");
        return Err(turn_away(connection, LoginError::Refused(fatal), desk).await);
    }
    let (mut asked_tls, mut asked_gss) = (direct, direct);
    loop {
        let packet = match connection.packet().await {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Opened::Gone),
            Err(error) => return Err(turn_away(connection, error, desk).await),
        };
        match packet {
            Packet::Ssl if !asked_tls => {
                asked_tls = true;
                match (server, connection) {
                    (Some(server), Connection { stream: ClientStream::Plain(socket), ahead, .. }) if ahead.is_empty() => {
                        connection = Connection::plain(socket);
                        connection.send(b"S").await?;
                        let ClientStream::Plain(socket) = connection.stream else { return Ok(Opened::Gone) };
                        connection = Connection::secure(socket, server).await?;
                        // Inside TLS there is no GSS encryption to ask for.
                        asked_gss = true;
                    }
                    (Some(_), other) => {
                        let fatal = Fatal::new("08P01", "received unencrypted data after SSL request")
                            .hint("A client must wait for the answer; or someone on the way put it there.");
                        return Err(turn_away(other, LoginError::Refused(fatal), desk).await);
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
                return Err(turn_away(connection, ProtocolError::Unexpected { tag: '\0' }.into(), desk).await);
            }
            Packet::Cancel { pid, secret } => return Ok(Opened::Cancel { pid, secret, client: connection.stream }),
            Packet::OtherMajor { major, minor } => {
                let fatal =
                    Fatal::new("0A000", format!("unsupported frontend protocol {major}.{minor}: pgveil speaks 3.0 to 3.{NEWEST_MINOR}"));
                return Err(turn_away(connection, LoginError::Refused(fatal), desk).await);
            }
            Packet::Startup(_) if matches!(tls, ClientTls::Require(_)) && !connection.stream.is_tls() => {
                return Err(turn_away(connection, LoginError::TlsRequired, desk).await);
            }
            Packet::Startup(startup) => return Ok(Opened::Startup(connection, startup)),
        }
    }
}

async fn turn_away(mut connection: Connection, error: LoginError, desk: &Desk<'_>) -> LoginError {
    if let Some(fatal) = error.fatal() {
        // Before the client knows: whoever stops pgveil then finds it written down.
        (desk.refused)(&error);
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
    let shown = connection.shown();
    if desk.client_cert != ClientCert::Optional && shown == Shown::Nothing {
        // Before anybody is looked up: everybody is told so.
        let fatal = Fatal::new("28000", "connection requires a valid client certificate").hint("Give one: sslcert and sslkey in libpq.");
        return Err(LoginError::Refused(fatal));
    }
    let users = desk.users.users();
    let found = match (users.0.get(&asked.user), desk.lookup) {
        (Some(user), _) => Ok(user.clone()),
        (None, Some(lookup)) => lookup.find(&asked.user).await,
        (None, None) => Err("no such user"),
    };
    let refusal = match (&found, &shown) {
        (Err(why), _) => Some(*why),
        (Ok(user), _) if !user.is_valid(SystemTime::now()) => Some("valid_until is over"),
        (Ok(user), Shown::Certificate(Some(name))) if user.is_named_by(&asked.user, name) => None,
        (Ok(user), _) if user.auth.needs_certificate() || desk.client_cert == ClientCert::Full => Some(match shown {
            Shown::Nothing => "no certificate",
            Shown::Certificate(_) => "the certificate names somebody else",
        }),
        (Ok(_), _) => None,
    };
    let proved = match (&found, refusal) {
        (Ok(user), None) if user.auth == Auth::Cert => None,
        // Everybody else has to prove a password, also whom no password helps: which one it is, is not told.
        _ => {
            // Made for users that exist as well, so that both ways take the same time.
            let mocked = users.0.mock(&asked.user, desk.mock, &desk.lookup.map(Lookup::forms).unwrap_or_default());
            let verifier = found.as_ref().ok().and_then(|user| user.verifier.clone()).unwrap_or(mocked);
            match scram(connection, &asked.user, verifier, desk).await {
                Ok(Some(proved)) => Some(proved),
                Ok(None) => return Ok(None),
                // For the log only: the client hears the same.
                Err(LoginError::Denied { user, why }) => return Err(LoginError::Denied { user, why: refusal.unwrap_or(why) }),
                Err(e) => return Err(e),
            }
        }
    };
    let known = match (&found, refusal) {
        (Ok(user), None) => Some((&user.roles, &user.attributes, user.valid_until)),
        (Ok(_) | Err(_), _) => None,
    };
    let Some((roles, attributes, valid_until)) = known else {
        return Err(LoginError::Denied { user: asked.user, why: refusal.unwrap_or("no role") });
    };
    desk.tries.forget(&asked.user, desk.from);
    let mut given = asked.parameters;
    let chosen = settings::take_role(&mut given).map_err(LoginError::Refused)?;
    let application = settings::application(&given).unwrap_or_default();
    let role = active(&asked.user, roles, chosen, |role| (desk.suits)(role, &application))?;
    let (parameters, ignored) =
        if (desk.protects)(&role) { settings::allowed(&given, desk.ignored).map_err(LoginError::Refused)? } else { (given, Vec::new()) };
    let (final_message, keys) = proved.map(|(message, keys)| (message, Box::new(keys))).unzip();
    let mut out = Vec::new();
    if let Some(proof) = final_message {
        frame::put(&mut out, b'R', |body| {
            body.extend_from_slice(&12_i32.to_be_bytes());
            body.extend_from_slice(proof.as_bytes());
        });
    }
    frame::put(&mut out, b'R', |body| body.extend_from_slice(&0_i32.to_be_bytes()));
    connection.send(&out).await?;
    let (roles, attributes) = (Arc::from(roles.as_slice()), attributes.clone());
    let (user, database, minor) = (asked.user, asked.database, asked.minor);
    Ok(Some(Authenticated { user, role, roles, valid_until, attributes, database, parameters, ignored, minor, keys, proof: Proof }))
}

/// The role that a session is begun with: one of the user's own, and where none is asked for the first that suits, else the first, which
/// is refused in its own words. Who asks has proved to be the user.
fn active(user: &str, roles: &[String], asked: Option<String>, suits: impl Fn(&str) -> bool) -> Result<String, LoginError> {
    let none = || LoginError::Denied { user: user.to_owned(), why: "no role" };
    let Some(asked) = asked else { return roles.iter().find(|role| suits(role)).or(roles.first()).cloned().ok_or_else(none) };
    if roles.contains(&asked) {
        return Ok(asked);
    }
    Err(LoginError::Refused(not_theirs(user, &asked, roles)))
}

fn not_theirs(user: &str, role: &str, roles: &[String]) -> Fatal {
    Fatal::new("28000", format!("role \"{role}\" is not one of user \"{user}\""))
        .hint(format!("Of these one can be chosen, by options='-c pgveil.role=ROLE': {}.", roles.join(", ")))
}

/// The server's final message, which is still to be sent, and the keys that the client's proof shows.
async fn scram(
    connection: &mut Connection,
    user: &str,
    verifier: scram::Verifier,
    desk: &Desk<'_>,
) -> Result<Option<(String, Keys)>, LoginError> {
    let failed = |failure| match failure {
        Failure::Malformed(why) => LoginError::Refused(Fatal::new("08P01", format!("malformed SCRAM message: {why}"))),
        Failure::Binding(why) => LoginError::Refused(
            Fatal::new("28000", format!("SCRAM channel binding failed: {why}"))
                .hint("Something between the client and pgveil ends TLS; if it is meant to, connect with channel_binding=disable."),
        ),
        Failure::Denied(why) => LoginError::Denied { user: user.to_owned(), why },
    };
    let end_point = connection.end_point.clone();
    let mut out = Vec::new();
    frame::put(&mut out, b'R', |body| {
        body.extend_from_slice(&10_i32.to_be_bytes());
        for mechanism in end_point.is_some().then_some(scram::MECHANISM_PLUS).into_iter().chain([scram::MECHANISM]) {
            body.extend_from_slice(mechanism.as_bytes());
            body.push(0);
        }
        body.push(0);
    });
    connection.send(&out).await?;
    let Some(body) = connection.response().await? else { return Ok(None) };
    let (channel, first) = initial(&body, end_point.as_deref()).map_err(failed)?;
    let nonce = scram::nonce().map_err(|e| LoginError::Io(e.into()))?;
    let exchange = Exchange::start(verifier, channel, first, &nonce).map_err(failed)?;
    out.clear();
    frame::put(&mut out, b'R', |body| {
        body.extend_from_slice(&11_i32.to_be_bytes());
        body.extend_from_slice(exchange.challenge.as_bytes());
    });
    connection.send(&out).await?;
    let Some(body) = connection.response().await? else { return Ok(None) };
    desk.tries.count(user, desk.from).map_err(|wait| {
        LoginError::Refused(
            Fatal::new("28000", format!("too many failed logins of user \"{user}\" from this address"))
                .hint(format!("Try again in {} seconds.", wait.as_secs().saturating_add(1))),
        )
    })?;
    exchange.finish(&body).map(Some).map_err(failed)
}

/// The mechanism that a SASLInitialResponse chooses, and the client's first SCRAM message in it.
fn initial<'a, 'b>(body: &'a [u8], end_point: Option<&'b [u8]>) -> Result<(Channel<'b>, &'a [u8]), Failure> {
    let cut = Failure::Malformed("cut short");
    let (mechanism, rest) = body.split_at_checked(body.iter().position(|b| *b == 0).ok_or(cut)?).ok_or(cut)?;
    let channel = match (mechanism, end_point) {
        (m, None) if m == scram::MECHANISM.as_bytes() => Channel::Unbound,
        (m, Some(_)) if m == scram::MECHANISM.as_bytes() => Channel::Declined,
        (m, Some(data)) if m == scram::MECHANISM_PLUS.as_bytes() => Channel::Bound(data),
        _ => return Err(Failure::Malformed("a mechanism that was not offered")),
    };
    let (length, message) = rest.get(1..).and_then(|rest| rest.split_first_chunk::<4>()).ok_or(cut)?;
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) if length == message.len() => Ok((channel, message)),
        Ok(_) | Err(_) => Err(Failure::Malformed("another length, or no first message")),
    }
}
