//! A session without a judgement: bytes both ways.

use tokio::io::{AsyncWriteExt, copy_bidirectional};

use super::Session;
use crate::fatal::Fatal;
use crate::login::farewell;

/// Passes bytes both ways until a side closes or the process stops.
pub(super) async fn pass(session: Session) {
    let Session { mut client, read_ahead, upstream, mut stop, .. } = session;
    let (mut server, ahead) = upstream.into_parts();
    if client.write_all(&ahead).await.is_err() || server.write_all(&read_ahead).await.is_err() {
        return;
    }
    let stopped = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => false,
        _ = stop.wait_for(|stop| *stop) => true,
    };
    if stopped {
        farewell(&mut client, &Fatal::shutdown()).await;
    }
}
