//! The connection to the database server.

mod ask;
mod login;
mod reader;
mod run;
mod scram;
mod stream;

pub use ask::Table;
pub use run::Answer;
pub use scram::Salted;
pub use stream::ServerStream;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::login::Failed;
use self::reader::{Reader, error_response, unexpected};
use crate::config::{Account, Address, UpstreamConfig, UpstreamTls};
use crate::error::UpstreamError;
use crate::keepalive::keep_alive;
use crate::login::scram::Keys;
use crate::wire::frame;

/// A logged-in server connection, idle after its first ReadyForQuery.
#[derive(Debug)]
pub struct Upstream {
    reader: Reader,
    startup: Vec<(u8, Vec<u8>)>,
    parameters: Vec<(String, String)>,
    pid: i32,
    secret: Vec<u8>,
}

/// Who logs in with the server.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// An account of the configuration.
    Account(&'a Account),
    /// The user, with the keys that it showed to us; `None` where it logged in without a password.
    User(&'a str, Option<&'a Keys>),
}

impl Who<'_> {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Who::Account(account) => &account.user,
            Who::User(name, _) => name,
        }
    }
}

impl Upstream {
    /// Connects, with TLS where the configuration says so, and logs in. `client_encoding` is UTF8 unless `parameters` say otherwise.
    ///
    /// # Errors
    /// See [`UpstreamError`]; a server that cannot be connected to in time is [`UpstreamError::Unreachable`], one that takes too long
    /// from there on [`UpstreamError::Slow`], one that does not take the user's own login [`UpstreamError::User`].
    pub async fn connect(
        config: &UpstreamConfig,
        who: Who<'_>,
        database: &str,
        parameters: &[(String, String)],
    ) -> Result<Upstream, UpstreamError> {
        let log_in = async {
            loop {
                let minor = if config.is_old.load(Ordering::Relaxed) { 0 } else { login::NEWEST_MINOR };
                match attempt(config, who, database, parameters, minor).await {
                    Ok(upstream) => return Ok(upstream),
                    Err(Failed::TooNew) => config.is_old.store(true, Ordering::Relaxed),
                    Err(Failed::Other(error)) => return Err(who.wrap(error)),
                }
            }
        };
        timeout(config.login_timeout, log_in)
            .await
            .unwrap_or_else(|_| Err(UpstreamError::Slow { address: config.address.to_string(), seconds: config.login_timeout.as_secs() }))
    }

    /// The messages of the server's startup between AuthenticationOk and ReadyForQuery, in order: types and bodies, of BackendKeyData
    /// only the type.
    pub fn startup(&self) -> &[(u8, Vec<u8>)] {
        &self.startup
    }

    /// The server's ParameterStatus messages of its startup, in order.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The server's BackendKeyData: process id and secret.
    pub fn key(&self) -> (i32, &[u8]) {
        (self.pid, &self.secret)
    }

    /// Runs one simple query of our own: the text rows of its first result. Rows of further results are dropped.
    ///
    /// # Errors
    /// [`UpstreamError::Refused`] where the server answers with an error (the connection stays usable), else see [`UpstreamError`].
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, UpstreamError> {
        let mut out = Vec::new();
        frame::put(&mut out, b'Q', |body| {
            body.extend_from_slice(sql.as_bytes());
            body.push(0);
        });
        self.reader.send(&out).await?;
        let (mut rows, mut results, mut failed) = (Vec::new(), 0_usize, None);
        loop {
            let (tag, body) = self.reader.message().await?;
            match tag {
                b'D' if results == 0 => rows.push(reader::data_row(&body).ok_or_else(|| unexpected(tag))?),
                b'C' | b'I' => results = results.saturating_add(1),
                b'E' => failed = Some(error_response(&body)),
                b'Z' => return failed.map_or(Ok(rows), Err),
                b'D' | b'T' | b'N' | b'A' | b'S' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// The connection and the bytes already read from it.
    pub fn into_parts(self) -> (ServerStream, Vec<u8>) {
        self.reader.into_parts()
    }

    /// Sends a CancelRequest for a server session and waits until the server has taken it. `still`: asked when all is ready; where it
    /// says no, nothing is sent, and the answer is false.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn cancel(config: &UpstreamConfig, pid: i32, secret: &[u8], still: impl Fn() -> bool) -> Result<bool, UpstreamError> {
        in_time(config, async {
            let mut stream = open(config, config.tls.as_ref()).await?;
            if !still() {
                return Ok(false);
            }
            let length = u32::try_from(secret.len().saturating_add(12)).map_err(|_| UpstreamError::Protocol("a secret too long".into()))?;
            let mut packet = length.to_be_bytes().to_vec();
            packet.extend_from_slice(&80_877_102_u32.to_be_bytes());
            packet.extend_from_slice(&pid.to_be_bytes());
            packet.extend_from_slice(secret);
            stream.write_all(&packet).await?;
            stream.flush().await?;
            // The server answers nothing: it closes. Some close without a farewell, which is as good.
            let _closed = stream.read(&mut [0]).await;
            Ok(true)
        })
        .await
    }
}

impl Who<'_> {
    /// What only the user's own login meets is the user's affair, not the service account's.
    fn wrap(&self, error: UpstreamError) -> UpstreamError {
        match (self, error) {
            (Who::User(user, _), UpstreamError::Refused(report)) if report.code.starts_with("28") => {
                UpstreamError::User { user: (*user).to_owned(), code: report.code.clone(), why: report.to_string() }
            }
            (Who::User(user, _), UpstreamError::Login(why)) => UpstreamError::User { user: (*user).to_owned(), code: "28P01".into(), why },
            (_, error) => error,
        }
    }
}

async fn attempt(
    config: &UpstreamConfig,
    who: Who<'_>,
    database: &str,
    parameters: &[(String, String)],
    minor: u16,
) -> Result<Upstream, Failed> {
    let own = if let Who::Account(account) = who { account.tls.as_ref() } else { None };
    let mut reader = Reader::new(in_time(config, open(config, own.or(config.tls.as_ref()))).await?);
    reader.send(&login::startup(minor, who.name(), database, parameters)).await?;
    let minor = login::authenticate(&mut reader, who, config.channel_binding, minor).await?;
    Ok(login::settle(reader, minor).await?)
}

async fn in_time<T>(config: &UpstreamConfig, work: impl Future<Output = Result<T, UpstreamError>>) -> Result<T, UpstreamError> {
    timeout(config.timeout, work).await.unwrap_or_else(|_| Err(unreachable_at(config, io::ErrorKind::TimedOut.into())))
}

fn unreachable_at(config: &UpstreamConfig, source: io::Error) -> UpstreamError {
    UpstreamError::Unreachable { address: config.address.to_string(), source }
}

/// A connection before its startup packet, inside TLS where the configuration says so.
async fn open(config: &UpstreamConfig, tls: Option<&UpstreamTls>) -> Result<ServerStream, UpstreamError> {
    let failed = |source| unreachable_at(config, source);
    let (host, port) = match &config.address {
        Address::Unix(folder, port) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            return Ok(ServerStream::Unix(UnixStream::connect(path).await.map_err(failed)?));
        }
        Address::Tcp(host, port) => (host.as_str(), *port),
    };
    // An address needs no resolver, hence no thread of its own.
    let mut socket = match host.parse() {
        Ok(ip) => TcpStream::connect(SocketAddr::new(ip, port)).await,
        Err(_) => TcpStream::connect((host, port)).await,
    }
    .map_err(failed)?;
    socket.set_nodelay(true)?;
    keep_alive(&socket)?;
    let Some(tls) = tls else { return Ok(ServerStream::Tcp(socket)) };
    let mut packet = 8_u32.to_be_bytes().to_vec();
    packet.extend_from_slice(&80_877_103_u32.to_be_bytes());
    socket.write_all(&packet).await?;
    // One byte and no more: what follows belongs to TLS, so nothing in plain can be taken for it (CVE-2021-23222).
    match socket.read_u8().await? {
        b'S' => {}
        b'N' => {
            return Err(UpstreamError::Tls("the server has TLS switched off; set upstream.tls = \"disable\" or switch it on there".into()));
        }
        _ => return Err(UpstreamError::Protocol("no answer to an SSLRequest".into())),
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|e| UpstreamError::Tls(e.to_string()))?;
    let stream = TlsConnector::from(tls.client.clone()).connect(name, socket).await.map_err(|e| UpstreamError::Tls(e.to_string()))?;
    Ok(ServerStream::Tls(Box::new(stream)))
}
