//! Two sides in memory, pipes that are narrower than a message, and what stands between.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::pump::{Between, Nothing, Pump, Stopped};
use super::turns::Turns;
use crate::conversation::{End, FULL, Out};

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work);
}

/// Far ends of both sides, and the pump between the near ends.
fn between<B: Between>(between: B, room: usize) -> (DuplexStream, DuplexStream, Pump<B, DuplexStream, DuplexStream>) {
    let (client, near_client) = duplex(room);
    let (server, near_server) = duplex(room);
    (client, server, Pump::new(between, (near_client, Vec::new()), (near_server, Vec::new()), Turns::default()))
}

#[test]
fn bytes_go_through_uncut_both_ways_in_bounded_memory() {
    run(async {
        let (mut client, mut server, mut pump) = between(Nothing::default(), 1000);
        let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let (mut got, asked) = (Vec::new(), b"a question".repeat(50_000));
        let mut heard = Vec::new();
        let upload = async {
            client.write_all(&asked).await.unwrap();
            let mut part = [0; 5000];
            while got.len() < sent.len() {
                let n = client.read(&mut part).await.unwrap();
                got.extend_from_slice(&part[..n]);
            }
            drop(client);
        };
        let download = async {
            let mut part = [0; 777];
            while heard.len() < asked.len() {
                let n = server.read(&mut part).await.unwrap();
                heard.extend_from_slice(&part[..n]);
            }
            server.write_all(&sent).await.unwrap();
            // It is told that the client has hung up, and hangs up.
            assert_eq!(server.read(&mut part).await.unwrap(), 0);
            drop(server);
        };
        let (stopped, (), ()) = tokio::join!(pump.run(), upload, download);
        assert!(matches!(stopped, Stopped::ClientGone | Stopped::ServerGone), "{stopped:?}");
        assert!(got == sent && heard == asked);
        assert!(pump.out.to_client.capacity() <= 4 * FULL && pump.out.to_server.capacity() <= 4 * FULL);
    });
}

#[test]
fn a_side_that_does_not_read_stops_the_other() {
    run(async {
        let (client, mut server, mut pump) = between(Nothing::default(), 1000);
        let flood = async {
            let mut sent = 0_usize;
            let part = [7; 1000];
            while let Ok(Ok(n)) = tokio::time::timeout(std::time::Duration::from_millis(50), server.write(&part)).await {
                sent += n;
            }
            sent
        };
        let sent = tokio::select! {
            sent = flood => sent,
            stopped = pump.run() => panic!("{stopped:?}"),
        };
        assert!(sent < 4 * FULL, "{sent} bytes were taken for a client that reads none");
        drop(client);
    });
}

#[test]
fn an_idle_session_holds_no_buffer() {
    run(async {
        let (mut client, mut server, mut pump) = between(Nothing::default(), 1000);
        let mut got = [0; 4];
        let talk = async {
            client.write_all(b"ping").await.unwrap();
            server.read_exact(&mut got).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        tokio::select! {
            () = talk => {}
            stopped = pump.run() => panic!("{stopped:?}"),
        }
        assert_eq!((&got, pump.out.to_client.capacity(), pump.out.to_server.capacity()), (b"ping", 0, 0));
    });
}

/// Takes whole pairs of bytes, and nothing while it is deaf.
#[derive(Default)]
struct Pairs {
    deaf: bool,
    carrying: bool,
    stale: bool,
    judged: bool,
}

impl Between for Pairs {
    fn from_client(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        let mut used = 0;
        for pair in bytes.chunks_exact(2) {
            match pair {
                b"??" if !self.judged => {
                    self.stale = true;
                    return Ok(used);
                }
                b"zz" => self.deaf = true,
                b"XX" => return Err(End::Terminated),
                _ => {}
            }
            out.to_server.extend_from_slice(pair);
            used += 2;
            if self.deaf {
                break;
            }
        }
        Ok(used)
    }

    fn from_server(&mut self, bytes: &[u8], out: &mut Out) -> Result<usize, End> {
        self.deaf = self.deaf && bytes.is_empty();
        out.to_client.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn carrying(&self) -> bool {
        self.carrying
    }

    fn listening(&self) -> bool {
        !self.deaf
    }

    fn wants_fresh(&self) -> bool {
        self.stale
    }

    fn refreshed(&mut self) {}

    fn hung_up(&mut self) {}

    fn cancelled(&mut self) {}
}

#[test]
fn what_is_not_taken_waits_and_comes_again() {
    run(async {
        let (mut client, mut server, mut pump) = between(Pairs::default(), 1000);
        let mut got = [0; 8];
        let talk = async {
            client.write_all(b"aazzb").await.unwrap();
            client.write_all(b"bzz??XX").await.unwrap();
            server.read_exact(&mut got[..4]).await.unwrap();
            let early = tokio::time::timeout(std::time::Duration::from_millis(20), server.read(&mut [0; 8])).await;
            assert!(early.is_err(), "nothing is taken while it does not listen");
            server.write_all(b"!").await.unwrap();
            server.read_exact(&mut got[..4]).await.unwrap();
            server.write_all(b"!").await.unwrap();
        };
        let pumping = async {
            let first = pump.run().await;
            assert!(matches!(first, Stopped::WantsFresh), "{first:?}");
            // As a conversation does: the same bytes come again, and are taken.
            pump.between.stale = false;
            pump.between.judged = true;
            pump.run().await
        };
        let (stopped, ()) = tokio::join!(pumping, talk);
        assert!(matches!(stopped, Stopped::End(End::Terminated)), "{stopped:?}");
        let mut last = [0; 2];
        server.read_exact(&mut last).await.unwrap();
        assert_eq!(&last, b"??", "what was taken before is sent");
    });
}
