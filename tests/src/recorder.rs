//! A socket between a driver and the proxy that keeps what the proxy sends, so that canaries are looked for there too.
//!
//! Where `PGVEIL_RECORD` names a folder, what each connection's client has sent becomes a file in it, named after the test.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::canary;

/// Listens on a port of its own and passes everything on to the proxy.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Recorder {
    /// In front of a proxy.
    pub fn before(proxy: SocketAddr) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let shared = Arc::clone(&heard);
        let test = thread::current().name().unwrap_or_default().replace("::", "-");
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(proxy).unwrap());
                let (to_server, to_client) = (Arc::clone(&shared), Arc::clone(&shared));
                let (c, s) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let file = file(&test);
                thread::spawn(move || {
                    let mut own = Vec::new();
                    pass(client, server, |bytes| {
                        to_server.lock().unwrap().sent.extend_from_slice(bytes);
                        own.extend(file.iter().flat_map(|_| bytes));
                    });
                    if let Some(file) = file {
                        std::fs::write(file, own).unwrap();
                    }
                });
                // What follows AuthenticationOk: the nonces before it are random digits.
                let (mut login, mut known) = (Vec::new(), false);
                thread::spawn(move || {
                    pass(s, c, |bytes| {
                        if known {
                            to_client.lock().unwrap().received.extend_from_slice(bytes);
                            return;
                        }
                        login.extend_from_slice(bytes);
                        if let Some(start) = login.windows(9).position(|w| w == [b'R', 0, 0, 0, 8, 0, 0, 0, 0]) {
                            known = true;
                            to_client.lock().unwrap().received.extend_from_slice(&login[start..]);
                        }
                    });
                });
            }
        });
        Recorder { address, heard }
    }

    /// Where drivers connect, in plain.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that the proxy sent so far, logins apart.
    pub fn received(&self) -> usize {
        self.heard.lock().unwrap().received.len()
    }

    /// # Panics
    /// Where a protected value was sent.
    pub fn assert_clean(&self) {
        let heard = self.heard.lock().unwrap();
        assert!(!heard.received.is_empty(), "nothing was recorded");
        canary::assert_clean(&heard.sent, &heard.received);
    }
}

/// Where a connection's bytes are kept.
fn file(test: &str) -> Option<PathBuf> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let folder = PathBuf::from(std::env::var_os("PGVEIL_RECORD")?);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder.join(format!("{test}.{:06}", NUMBER.fetch_add(1, Ordering::Relaxed))))
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut chunk = [0; 1 << 16];
    while let Ok(n) = from.read(&mut chunk) {
        if n == 0 || to.write_all(&chunk[..n]).is_err() {
            break;
        }
        keep(&chunk[..n]);
    }
    let _ = to.shutdown(Shutdown::Write);
}
