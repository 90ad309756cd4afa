//! A server that is none, or somebody between pgveil and the server: no password goes astray, no session begins.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::own::{Own, log, login, session};
use super::server_login::{POLICY, guarded, proxy};
use super::*;

/// Answers one connection after the other by a script; what it has heard in each.
fn server(connections: usize, script: impl Fn(usize, &mut Heard) + Send + 'static) -> (u16, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        (0..connections)
            .map(|n| {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                let mut heard = Heard { stream, bytes: Vec::new() };
                script(n, &mut heard);
                // To the end, so that nothing that is said too much is missed.
                let _closed = heard.stream.shutdown(std::net::Shutdown::Write);
                let _rest = heard.stream.read_to_end(&mut heard.bytes);
                heard.bytes
            })
            .collect()
    });
    (port, thread)
}

struct Heard {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Heard {
    fn say(&mut self, tag: u8, body: &[u8]) {
        let _closed = self.stream.write_all(&message(tag, body));
    }

    fn authentication(&mut self, kind: u8, body: &[u8]) {
        self.say(b'R', &[&[0, 0, 0, kind], body].concat());
    }

    /// The next packet or message, without its length.
    fn hear(&mut self, typed: bool) -> Vec<u8> {
        let mut head = vec![0; if typed { 5 } else { 4 }];
        if self.stream.read_exact(&mut head).is_err() {
            return Vec::new();
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        self.bytes.extend_from_slice(&body);
        body
    }

    /// Up to the client's first SCRAM message: its nonce.
    fn begin_scram(&mut self) -> String {
        self.hear(false);
        self.authentication(10, b"SCRAM-SHA-256\0\0");
        let first = String::from_utf8_lossy(&self.hear(true)).into_owned();
        first.rsplit_once(",r=").map(|(_, nonce)| nonce.to_owned()).unwrap_or_default()
    }

    fn settled(&mut self, key: &[u8]) {
        self.authentication(0, b"");
        self.say(b'S', b"client_encoding\0UTF8\0");
        self.say(b'S', b"standard_conforming_strings\0on\0");
        self.say(b'K', &[&[0, 0, 0, 7], key].concat());
        self.say(b'Z', b"I");
    }
}

fn plain(name: &str, port: u16, more: &str) -> pgveil::serve::Server {
    let upstream =
        format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"disable\"\nuser = \"pgveil\"\npassword_file = \"service\"\n{more}\n");
    Own { upstream, ..Own::new(POLICY) }.user("ana", "reader").user("boss", "admin").start(name).unwrap()
}

/// No script of these lets pgveil believe that it is logged in, and none gets the password.
#[test]
fn a_server_that_proves_nothing_gets_nothing() {
    type Script = fn(&mut Heard);
    let scripts: [(&str, &str, Script); 11] = [
        ("cleartext", "cleartext", |heard| {
            heard.hear(false);
            heard.authentication(3, b"");
        }),
        ("no proof of its own", "", |heard| {
            let nonce = heard.begin_scram();
            heard.authentication(11, format!("r={nonce}x,s=AAAA,i=1").as_bytes());
            heard.hear(true);
            heard.settled(b"1234");
        }),
        ("a wrong proof", "prove", |heard| {
            let nonce = heard.begin_scram();
            heard.authentication(11, format!("r={nonce}x,s=AAAA,i=1").as_bytes());
            heard.hear(true);
            heard.authentication(12, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
            heard.settled(b"1234");
        }),
        ("SCRAM, then done", "", |heard| {
            heard.begin_scram();
            heard.settled(b"1234");
        }),
        ("SCRAM, then cleartext", "", |heard| {
            heard.begin_scram();
            heard.authentication(3, b"");
        }),
        ("SCRAM, then MD5", "", |heard| {
            heard.begin_scram();
            heard.authentication(5, b"salt");
        }),
        ("another's nonce", "malformed", |heard| {
            heard.begin_scram();
            heard.authentication(11, b"r=mine,s=AAAA,i=1");
        }),
        ("rounds without end", "iterations", |heard| {
            let nonce = heard.begin_scram();
            heard.authentication(11, format!("r={nonce}x,s=AAAA,i=4000000000").as_bytes());
        }),
        ("Kerberos", "does not speak", |heard| {
            heard.hear(false);
            heard.authentication(7, b"");
        }),
        ("a newer version than was asked for", "", |heard| {
            heard.hear(false);
            heard.say(b'v', &[0, 3, 0, 9, 0, 0, 0, 0]);
            heard.settled(b"1234");
        }),
        ("a long key in an old version", "", |heard| {
            heard.hear(false);
            heard.say(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
            heard.settled(&[7; 32]);
        }),
    ];
    for (n, (what, why, script)) in scripts.into_iter().enumerate() {
        let (port, heard) = server(1, move |_, heard| script(heard));
        let server = plain(&format!("hostile_{n}"), port, "");
        let error = login(&server, "x", "boss", "boss", &[]).err().unwrap_or_else(|| panic!("{what}: it was believed"));
        assert_eq!((error[&'S'].as_str(), error[&'C'].as_str()), ("FATAL", "08006"), "{what}: {error:?}");
        assert!(error[&'M'].contains(why), "{what}: {error:?}");
        for bytes in heard.join().unwrap() {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains(pgveil_tests::world::SERVICE_PASSWORD), "{what}: {text}");
            assert!(!text.contains("md5"), "{what}: {text}");
        }
        assert!(!log().contains(pgveil_tests::world::SERVICE_PASSWORD));
    }
}

/// Servers from before 2018 and some poolers refuse a minor version; those since negotiate.
#[test]
fn a_server_that_knows_no_minor_versions_is_asked_again() {
    for (n, code) in ["0A000", "08P01"].into_iter().enumerate() {
        let (port, heard) = server(3, move |n, heard| {
            heard.hear(false);
            if n == 0 {
                heard.say(b'E', format!("SFATAL\0C{code}\0Munsupported frontend protocol 3.2: server supports 1.0 to 3.0\0\0").as_bytes());
            } else {
                heard.settled(b"1234");
            }
        });
        let server = plain(&format!("old_server_{n}"), port, "");
        drop(session(&server, "x", "boss", "boss"));
        drop(session(&server, "x", "boss", "boss"));
        let versions: Vec<Vec<u8>> = heard.join().unwrap().iter().map(|bytes| bytes[..4].to_vec()).collect();
        assert_eq!(versions, [[0, 3, 0, 2], [0, 3, 0, 0], [0, 3, 0, 0]], "it is remembered");
    }
    // An error that comes later is no matter of versions.
    let (port, heard) = server(1, |_, heard| {
        heard.hear(false);
        heard.authentication(0, b"");
        heard.say(b'E', b"SFATAL\0C0A000\0Mnot here\0\0");
    });
    let server = plain("old_server_late", port, "");
    let error = login(&server, "x", "boss", "boss", &[]).unwrap_err();
    assert_eq!((error[&'C'].as_str(), error[&'M'].as_str()), ("0A000", "not here"));
    assert_eq!(heard.join().unwrap().len(), 1);
}

/// From protocol 3.2 on a server's key for cancellations may have up to 256 bytes: it comes back whole, and the client never sees it.
#[test]
fn a_long_key_cancels() {
    let key: Vec<u8> = (0..=255).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = key.clone();
    let cancelled = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut first = Heard { stream, bytes: Vec::new() };
        first.hear(false);
        first.settled(&told);
        first.hear(true);
        // The session goes on while it is cancelled.
        let (stream, _) = listener.accept().unwrap();
        Heard { stream, bytes: Vec::new() }.hear(false)
    });
    let server = plain("long_key", port, "");
    let mut client = session(&server, "x", "boss", "boss");
    let (pid, secret) = client.key.clone().unwrap();
    assert_eq!((pid, secret.len()), (7, 4));
    client.put_query("SELECT 1");
    // One that comes before pgveil has seen the query is for nothing.
    for _ in 0..200 {
        let mut other = Client::open("127.0.0.1", server.addr().port());
        other.send(&packet(&[&80_877_102_u32.to_be_bytes()[..], &pid.to_be_bytes(), &secret].concat()));
        assert!(ended(&mut other));
        if cancelled.is_finished() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert!(cancelled.is_finished(), "nothing was cancelled");
    assert_eq!(cancelled.join().unwrap(), [&80_877_102_u32.to_be_bytes()[..], &7_u32.to_be_bytes(), &key].concat());
}

/// What somebody in the middle does to the server's list of mechanisms.
#[derive(Clone, Copy)]
enum Middle {
    /// Passes it on: pgveil binds to the wrong certificate.
    Passes,
    /// Takes PLUS away: pgveil says that it would have.
    TakesPlus,
    /// Asks for the password instead.
    AsksForPassword,
    /// Says that no password is needed.
    Waves,
}

/// `tls = "require"` believes whoever answers; channel binding does not, as far as it goes.
#[test]
fn somebody_in_the_middle_is_found_out_by_channel_binding() {
    let place = guarded();
    for (n, (middle, binding, believed)) in [
        (Middle::Passes, "prefer", false),
        (Middle::Passes, "require", false),
        (Middle::TakesPlus, "prefer", false),
        (Middle::TakesPlus, "require", false),
        (Middle::AsksForPassword, "require", false),
        (Middle::Waves, "require", false),
        // Without channel binding nobody notices: why it is worth having, and tls = "verify-full" more so.
        (Middle::TakesPlus, "disable", true),
    ]
    .into_iter()
    .enumerate()
    {
        let (port, told) = in_the_middle(place.cluster.port(), middle);
        let upstream = place.upstream("tls_scram", "require", &format!("channel_binding = \"{binding}\""));
        let upstream = upstream.replacen(&format!("port = {}", place.cluster.port()), &format!("port = {port}"), 1);
        let server = proxy(&format!("middle_{n}"), upstream);
        let error = match (login(&server, "postgres", "boss", "boss", &[]), believed) {
            (Ok(mut client), true) => {
                assert_eq!(client.query("SELECT session_user").table(), "tls_scram");
                continue;
            }
            (Err(error), false) => error,
            (outcome, _) => panic!("{n}: {outcome:?}"),
        };
        assert_eq!(error[&'C'], "08006", "{n}: {error:?}");
        let heard = told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(find(&heard, b"pw\0").is_none(), "{n}: the password");
    }
}

/// Ends TLS of one connection with a certificate of its own and begins it again to the server. What the client has said.
fn in_the_middle(server: u16, what: Middle) -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let folder = World::get().cluster().folder().join("middle");
    std::fs::create_dir_all(&folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let files = pgveil_certs::throwaway::Ca::new().unwrap().issue_into(&folder, &format!("middle{port}"), &[]).unwrap();
    let own = tls_server(&files);
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let heard = runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let (mut client, _) = tokio::net::TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            let ask = packet(&80_877_103_u32.to_be_bytes());
            client.read_exact(&mut [0; 8]).await.unwrap();
            client.write_all(b"S").await.unwrap();
            let mut client = tokio_rustls::TlsAcceptor::from(own).accept(client).await.unwrap();
            let mut up = tokio::net::TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            up.write_all(&ask).await.unwrap();
            assert_eq!(up.read_u8().await.unwrap(), b'S');
            let believing = pgveil_certs::client::config(pgveil_certs::Verify::Nothing).unwrap();
            let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
            let mut up = tokio_rustls::TlsConnector::from(believing).connect(name, up).await.unwrap();
            let (mut heard, mut changed) = (Vec::new(), false);
            let (mut from_client, mut from_server) = (vec![0; 8192], vec![0; 8192]);
            loop {
                tokio::select! {
                    read = client.read(&mut from_client) => {
                        let Ok(n @ 1..) = read else { break };
                        heard.extend_from_slice(&from_client[..n]);
                        if up.write_all(&from_client[..n]).await.is_err() || up.flush().await.is_err() { break }
                    }
                    read = up.read(&mut from_server) => {
                        let Ok(n @ 1..) = read else { break };
                        let mut bytes = from_server[..n].to_vec();
                        if !changed && let Some(at) = find(&bytes, b"SCRAM-SHA-256-PLUS\0") {
                            changed = true;
                            // The message begins nine bytes before its first mechanism.
                            let before = bytes[..at - 9].to_vec();
                            bytes = match what {
                                Middle::Passes => bytes,
                                Middle::TakesPlus => [before, message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0")].concat(),
                                Middle::AsksForPassword => [before, message(b'R', &[0, 0, 0, 3])].concat(),
                                Middle::Waves => [before, message(b'R', &[0; 4])].concat(),
                            };
                        }
                        if client.write_all(&bytes).await.is_err() || client.flush().await.is_err() { break }
                    }
                }
            }
            heard
        });
        let _nobody_asks = tell.send(heard);
    });
    (port, told)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|w| w == part)
}

fn tls_server(files: &pgveil_certs::throwaway::Files) -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = vec![CertificateDer::from_pem_file(&files.cert).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}
