//! How both connections are closed, and how what still runs at the server is undone.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};

use super::{Between, Pump, Side, Stopped};
use crate::conversation::Out;
use crate::wire::message::put_bare;

/// How long the last bytes to a server may take whose session another one replaces.
const PARTING: Duration = Duration::from_secs(1);

/// How long a message may take to end of which the client has been sent a part.
const REST: Duration = Duration::from_secs(1);

/// How long the client may wait for its last words, until the server has taken a request to cancel.
const FIRST: Duration = Duration::from_secs(1);

/// Between two such requests.
const AGAIN: Duration = Duration::from_millis(200);

/// Has what a session runs at the server cancelled.
pub trait Cancel {
    /// Ends when the server has taken the request, or cannot be told; whether it has.
    fn cancel(&self) -> impl Future<Output = bool> + Send;
}

impl<B: Between, C: AsyncRead + AsyncWrite + Unpin, S: AsyncRead + AsyncWrite + Unpin> Pump<B, C, S> {
    /// Goes on until the client can be sent another message, for a second at most; whether it can.
    pub async fn whole(&mut self) -> bool {
        self.leave();
        matches!(timeout(REST, self.run()).await, Ok(Stopped::Left))
    }

    /// Sends what is still to be sent, then closes both connections. Errors no longer matter.
    ///
    /// `running`: something runs at the server, which is to be undone. The server is then sent nothing more, and requests to cancel that
    /// until it hangs up: it may have been sent several statements, and drops a request that comes between two. The client is told nothing
    /// before the first of them has been taken. None can reach another's session: the server looks at the secret, too.
    pub async fn close(&mut self, running: Option<&impl Cancel>) {
        let Pump { out: Out { to_server, to_client }, client, server, .. } = self;
        client.inbox = Vec::new();
        let mut again = None;
        if let Some(running) = running {
            (*to_server, server.sent) = (Vec::new(), 0);
            let first = timeout(FIRST, running.cancel()).await;
            again = Some(running).filter(|_| !matches!(first, Ok(false)));
        }
        let ended = async {
            let _gone = poll_fn(|cx| server.poll_send(cx, to_server)).await;
            let _gone = poll_fn(|cx| Pin::new(&mut server.stream).poll_shutdown(cx)).await;
            if let Some(running) = again {
                server.undo(running).await;
            }
        };
        let told = async {
            let _gone = poll_fn(|cx| client.poll_send(cx, to_client)).await;
            let _gone = poll_fn(|cx| Pin::new(&mut client.stream).poll_shutdown(cx)).await;
            // Closing with unread bytes would reset the connection, and the client would lose the last message.
            client.drain().await;
        };
        tokio::join!(ended, told);
    }

    /// Ends the server's session, and gives the client back with what was read from it and not taken. It has been sent all that was for it.
    pub async fn part(mut self) -> (C, Vec<u8>) {
        put_bare(&mut self.out.to_server, b'X');
        let Pump { out, server, .. } = &mut self;
        // Nobody waits for a server that takes nothing.
        let send = async {
            let _gone = poll_fn(|cx| server.poll_send(cx, &mut out.to_server)).await;
            let _gone = poll_fn(|cx| Pin::new(&mut server.stream).poll_shutdown(cx)).await;
        };
        let _late = timeout(PARTING, send).await;
        (self.client.stream, self.client.inbox)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Side<T> {
    /// Reads what it still says, for nobody, until it hangs up.
    async fn drain(&mut self) {
        while let Ok(Ok(true)) = poll_fn(|cx| self.poll_take(cx, |bytes| Ok(bytes.len()))).await {}
    }

    /// Has what it runs cancelled again and again, until it hangs up or cannot be told.
    async fn undo(&mut self, running: &impl Cancel) {
        let mut taken = true;
        while taken {
            tokio::select! {
                biased;
                () = self.drain() => return,
                () = sleep(AGAIN) => {}
            }
            taken = tokio::select! {
                biased;
                () = self.drain() => return,
                taken = running.cancel() => taken,
            };
        }
    }
}
