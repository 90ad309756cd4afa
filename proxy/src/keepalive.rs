//! Whether the other side is still there, where nothing is said for long: a machine that sleeps, or a network that forgot the connection,
//! closes nothing.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// With nothing said, until it is asked for the first time.
pub const IDLE: Duration = Duration::from_secs(60);

/// Between two questions.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Questions without an answer, until the connection is lost.
pub const PROBES: u32 = 6;

/// Has the kernel ask, with what RFC 9293 (3.8.4) calls keep-alives. Postgres does so for its clients, libpq for its servers.
///
/// # Errors
/// The kernel's.
pub fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    // No TCP_USER_TIMEOUT: Linux counts the time in which a client reads nothing, too.
    SockRef::from(socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL).with_retries(PROBES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_asked() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            keep_alive(&socket).unwrap();
            let socket = SockRef::from(&socket);
            assert!(socket.keepalive().unwrap());
            assert_eq!((socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap()), (IDLE, INTERVAL));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        });
    }
}
