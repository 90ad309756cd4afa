//! A client's connection during login: bounded reads, answers, a farewell.

use std::io;
use std::time::Duration;

use pgveil_certs::server::{Loaded, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::ClientStream;
use super::startup::{self, Packet};
use crate::error::{LoginError, ProtocolError};
use crate::fatal::Fatal;
use crate::log;
use crate::wire::frame;

/// The longest message that is read during login: a SASL response.
const LONGEST_MESSAGE: usize = 2048;
/// How long a client that is turned away may take to hear it.
const LINGER: Duration = Duration::from_secs(1);
/// The first byte of a TLS handshake, which no startup packet begins with: its length would be over 300 MB.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connection and what was read from it but not yet used.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: ClientStream,
    pub(super) ahead: Vec<u8>,
    /// `tls-server-end-point` of the certificate that this very connection was shown.
    pub(super) end_point: Option<Vec<u8>>,
}

/// The certificate that a client has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// None, or no TLS.
    Nothing,
    /// One that verified; its common name, where it has exactly one.
    Certificate(Option<String>),
}

impl Connection {
    pub(super) fn plain(socket: TcpStream) -> Connection {
        Connection { stream: ClientStream::Plain(socket), ahead: Vec::new(), end_point: None }
    }

    /// Whether the client begins with a TLS handshake instead of a packet (PostgreSQL documentation, 55.2.10).
    pub(super) async fn begins_with_tls(socket: &TcpStream) -> Result<bool, LoginError> {
        let mut first = [0];
        Ok(socket.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE])
    }

    /// Goes on inside TLS. Nothing that came in plain goes with it (CVE-2021-23214): that must have been refused before.
    pub(super) async fn secure(socket: TcpStream, server: &Server) -> Result<Connection, LoginError> {
        let Loaded { config, end_point } = server.current(|error| log::warn("tls.reload", &[("error", error)]));
        let tls = match TlsAcceptor::from(config).accept(socket).into_fallible().await {
            Ok(tls) => tls,
            Err((error, mut socket)) => {
                // The alert is sent by now: that an unknown CA has signed the client's certificate, say.
                linger(&mut socket).await;
                return Err(error.into());
            }
        };
        Ok(Connection { stream: ClientStream::Tls(Box::new(tls)), ahead: Vec::new(), end_point })
    }

    /// The client's certificate, which the handshake has verified.
    pub(super) fn shown(&self) -> Shown {
        let ClientStream::Tls(stream) = &self.stream else { return Shown::Nothing };
        match stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
            Some(own) => Shown::Certificate(pgveil_certs::common_name(own)),
            None => Shown::Nothing,
        }
    }

    /// The next startup packet; `None` where the client left instead.
    pub(super) async fn packet(&mut self) -> Result<Option<Packet>, LoginError> {
        loop {
            if let Some((packet, length)) = startup::packet(&self.ahead)? {
                self.ahead.drain(..length);
                return Ok(Some(packet));
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The body of the next message, which must be a password or SASL response; `None` where the client left instead.
    pub(super) async fn response(&mut self) -> Result<Option<Vec<u8>>, LoginError> {
        loop {
            if let Some(&tag) = self.ahead.first() {
                match tag {
                    b'p' => {}
                    b'X' => return Ok(None),
                    other => return Err(ProtocolError::Unexpected { tag: char::from(other) }.into()),
                }
            }
            if let Some((head, body)) = frame::cut(&self.ahead, LONGEST_MESSAGE)? {
                let body = body.to_vec();
                self.ahead.drain(..head.total);
                return Ok(Some(body));
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), LoginError> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn read(&mut self) -> io::Result<usize> {
        // Packets are cut as they come, so no more than one packet and one such piece is ever held.
        self.ahead.reserve(1024);
        self.stream.read_buf(&mut self.ahead).await
    }
}

/// Sends a FATAL and closes so that the client gets to read it.
pub async fn farewell(stream: &mut ClientStream, fatal: &Fatal) {
    let tell = async {
        stream.write_all(&fatal.frame()).await?;
        stream.flush().await
    };
    // Whether the client heard it is its own affair.
    if let Ok(Ok(())) = timeout(LINGER, tell).await {
        linger(stream).await;
    }
}

/// Closes, and waits a little for the client to do so too: closing with unread bytes would reset the connection, and the client would lose
/// what it was sent last.
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let close = async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _closed = timeout(LINGER, close).await;
}
