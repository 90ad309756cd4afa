//! A client's connection during login: bounded reads, answers, a farewell.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::ClientStream;
use super::startup::{self, Packet};
use crate::error::{LoginError, ProtocolError};
use crate::fatal::Fatal;
use crate::wire::frame;

/// The longest message that is read during login: a SASL response.
const LONGEST_MESSAGE: usize = 2048;
/// The first byte of a TLS handshake, which no startup packet begins with: its length would be over 300 MB.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connection and what was read from it but not yet used.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: ClientStream,
    pub(super) ahead: Vec<u8>,
}

impl Connection {
    pub(super) fn plain(socket: TcpStream) -> Connection {
        Connection { stream: ClientStream::Plain(socket), ahead: Vec::new() }
    }

    /// Whether the client begins with a TLS handshake instead of a packet (PostgreSQL documentation, 55.2.10).
    pub(super) async fn begins_with_tls(socket: &TcpStream) -> Result<bool, LoginError> {
        let mut first = [0];
        Ok(socket.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE])
    }

    /// Goes on inside TLS. Nothing that came in plain goes with it (CVE-2021-23214): that must have been refused before.
    pub(super) async fn secure(socket: TcpStream, config: std::sync::Arc<rustls::ServerConfig>) -> Result<Connection, LoginError> {
        let tls = TlsAcceptor::from(config).accept(socket).await?;
        Ok(Connection { stream: ClientStream::Tls(Box::new(tls)), ahead: Vec::new() })
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
    let close = async {
        stream.write_all(&fatal.frame()).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        // Closing with unread bytes would reset the connection, and the client would lose the message.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the client heard it is its own affair.
    let _heard = timeout(Duration::from_secs(1), close).await;
}
