//! Two sides in memory, pipes that are narrower than a message, and what stands between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::asks::Asks;
use super::pump::{Between, Cancel, Nothing, Pump, Stopped};
use super::turns::Turns;
use crate::conversation::{End, FULL, Out};
use crate::serve::Roles;
use crate::wire::frame;

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
            while let Ok(Ok(n)) = timeout(Duration::from_millis(50), server.write(&part)).await {
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
            sleep(Duration::from_millis(10)).await;
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
            let early = timeout(Duration::from_millis(20), server.read(&mut [0; 8])).await;
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

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, tag, |b| b.extend_from_slice(body));
    out
}

/// Of a user with several roles.
fn asking() -> Nothing {
    Nothing { asks: Some(Box::new(Asks::new(Roles::for_tests(&["admin", "analyst"])))), ..Nothing::default() }
}

/// Something that runs, and another role.
fn asked() -> [Vec<u8>; 2] {
    [message(b'Q', b"SELECT pg_sleep(9)\0"), message(b'Q', b"SET pgveil.role = 'analyst'\0")]
}

#[test]
fn what_comes_behind_a_role_that_is_asked_for_waits_in_bounded_memory() {
    run(async {
        let (mut client, mut server, mut pump) = between(asking(), 1000);
        let [first, set] = asked();
        let mut sent = 0_usize;
        let talk = async {
            client.write_all(&[first.clone(), set].concat()).await.unwrap();
            let mut got = vec![0; first.len()];
            server.read_exact(&mut got).await.unwrap();
            while sent < 100 * FULL
                && let Ok(Ok(n)) = timeout(Duration::from_millis(50), client.write(&[7; 1000])).await
            {
                sent += n;
            }
            assert!(sent < 4 * FULL, "{sent} bytes were taken that wait");
            server.write_all(&[message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat()).await.unwrap();
        };
        let (stopped, ()) = tokio::join!(pump.run(), talk);
        assert!(matches!(&stopped, Stopped::End(End::TakesRole(role)) if role == "analyst"), "{stopped:?}");
        let (mut near, mut waits) = pump.part().await;
        // The rest is still on its way.
        let mut rest = vec![0; sent - waits.len()];
        near.read_exact(&mut rest).await.unwrap();
        waits.append(&mut rest);
        assert!(waits.iter().all(|byte| *byte == 7), "nothing is lost, and nothing comes twice");
    });
}

#[test]
fn a_client_that_hangs_up_behind_a_role_is_seen() {
    run(async {
        let (mut client, mut server, mut pump) = between(asking(), 1000);
        let [first, set] = asked();
        let talk = async {
            client.write_all(&[first.clone(), set].concat()).await.unwrap();
            client.shutdown().await.unwrap();
            // It is told that nothing more comes.
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, first);
            drop(server);
        };
        let (stopped, ()) = tokio::join!(pump.run(), talk);
        assert!(matches!(stopped, Stopped::ClientGone), "{stopped:?}");
    });
}

#[test]
fn a_client_that_hangs_up_gets_the_answers_behind_a_role() {
    run(async {
        let (mut client, mut server, mut pump) = between(asking(), 1000);
        let [first, _] = asked();
        let (set, last) = (message(b'Q', b"SET pgveil.role = 'boss'\0"), message(b'Q', b"SELECT 2\0"));
        let talk = async {
            client.write_all(&[first.clone(), set, last.clone()].concat()).await.unwrap();
            client.shutdown().await.unwrap();
            let mut got = vec![0; first.len()];
            server.read_exact(&mut got).await.unwrap();
            let early = timeout(Duration::from_millis(20), server.read(&mut [0; 8])).await;
            assert!(early.is_err(), "there is more for the server");
            server.write_all(&message(b'Z', b"I")).await.unwrap();
            // Refused; what comes behind it is not.
            got.clear();
            server.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, last);
            server.write_all(&message(b'Z', b"I")).await.unwrap();
            drop(server);
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).await.unwrap();
            assert!(heard.ends_with(&message(b'Z', b"I").repeat(2)) && heard.windows(6).any(|w| w == b"C42501"));
        };
        let pumping = async {
            let stopped = pump.run().await;
            pump.close(None::<&Requests>).await;
            stopped
        };
        let (stopped, ()) = tokio::join!(pumping, talk);
        assert!(matches!(stopped, Stopped::ClientGone), "{stopped:?}");
    });
}

/// Requests to cancel that a server has taken; each takes it a while.
#[derive(Default)]
struct Requests(AtomicUsize);

impl Requests {
    fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Cancel for Requests {
    async fn cancel(&self) -> bool {
        sleep(Duration::from_millis(20)).await;
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[test]
fn what_runs_is_cancelled_until_the_server_hangs_up_and_the_client_is_told_later() {
    run(async {
        let (mut client, mut server, mut pump) = between(Nothing::default(), 1000);
        pump.out.to_client.extend_from_slice(b"told");
        pump.out.to_server.extend_from_slice(b"another statement");
        let requests = Requests::default();
        let serving = async {
            // Of the statements that it has been sent already, the first two are slow. What it says nobody reads.
            while requests.taken() < 2 {
                server.write_all(&[b'D'; 500]).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            assert!(got.is_empty(), "it is sent nothing more");
            drop(server);
        };
        let listening = async {
            let mut got = [0; 4];
            client.read_exact(&mut got).await.unwrap();
            assert!(&got == b"told" && requests.taken() > 0);
            drop(client);
        };
        let closing = timeout(Duration::from_secs(10), pump.close(Some(&requests)));
        let (closed, (), ()) = tokio::join!(closing, serving, listening);
        assert!(closed.is_ok() && requests.taken() == 2, "{}", requests.taken());
    });
}

#[test]
fn a_message_is_cut_off_or_sent_to_its_end() {
    run(async {
        let (first, second) = (message(b'D', &[1; 95]), message(b'D', &[2; 95]));
        // The client reads nothing: of the second message all is still here, or something has been sent, and its end comes or does not.
        for (room, comes, told) in [(10, false, Some(first.len())), (1000, true, Some(200)), (1000, false, None)] {
            let (mut client, mut server, mut pump) = between(Nothing::default(), room);
            let (begins, ends) = second.split_at(50);
            let begun = async {
                server.write_all(&[&first[..], begins].concat()).await.unwrap();
                sleep(Duration::from_millis(10)).await;
            };
            tokio::select! {
                () = begun => {}
                stopped = pump.run() => panic!("{stopped:?}"),
            }
            if comes {
                server.write_all(ends).await.unwrap();
            }
            assert_eq!(pump.whole().await, told.is_some());
            let listening = async {
                let mut got = Vec::new();
                client.read_to_end(&mut got).await.unwrap();
                drop(client);
                got
            };
            let ((), got) = tokio::join!(pump.close(None::<&Requests>), listening);
            let whole = [&first[..], &second].concat();
            assert!(whole.starts_with(&got) && got.len() == told.unwrap_or(150), "{} bytes with room for {room}", got.len());
        }
    });
}
