//! TLS and startup byte by byte: direct TLS and ALPN, handshakes that are split, broken or never end, protocol versions, cancellations.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::tls::proxy;
use super::*;
use pgveil_certs::Verify;
use pgveil_tests::world::Proxy;

const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
const SLEEP: &str = "SELECT pg_catalog.pg_sleep(60)";

fn ask(code: u32) -> Vec<u8> {
    packet(&code.to_be_bytes())
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream
}

/// Sends what is written one byte at a time.
#[derive(Debug)]
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Inside TLS, for the ALPN protocols named.
fn secure<S: Read + Write>(proxy: &Proxy, stream: S, alpn: &[&[u8]]) -> StreamOwned<ClientConnection, S> {
    let config = pgveil_certs::client::config(Verify::Full(proxy.ca())).unwrap();
    let mut config = (*config).clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    StreamOwned::new(ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap(), stream)
}

/// After an SSLRequest.
pub(super) fn negotiated(proxy: &Proxy) -> StreamOwned<ClientConnection, TcpStream> {
    let mut stream = connect(proxy);
    stream.write_all(&ask(SSL)).unwrap();
    assert_eq!(byte(&mut stream), Some(b'S'));
    secure(proxy, stream, &[])
}

pub(super) fn direct(proxy: &Proxy) -> StreamOwned<ClientConnection, TcpStream> {
    secure(proxy, connect(proxy), &[pgveil_certs::ALPN])
}

fn byte(stream: &mut impl Read) -> Option<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).ok().map(|()| byte[0])
}

/// The next message; `None` where the connection ends instead.
pub(super) fn next(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4];
    stream.read_exact(&mut body).ok()?;
    Some((head[0], body))
}

/// What came until ReadyForQuery, an error or the end.
pub(super) struct Session {
    messages: Vec<(u8, Vec<u8>)>,
}

impl Session {
    fn of(&self, tag: u8) -> Option<&[u8]> {
        self.messages.iter().find(|(t, _)| *t == tag).map(|(_, body)| body.as_slice())
    }

    pub(super) fn is_ready(&self) -> bool {
        self.messages.last().is_some_and(|(tag, _)| *tag == b'Z')
    }

    fn sqlstate(&self) -> Option<Fields> {
        self.of(b'E').map(|body| match Message::decode(b'E', body) {
            Message::Error(fields) => fields,
            other => panic!("{other:?}"),
        })
    }

    /// A CancelRequest with the key that the session was given.
    fn cancel(&self) -> Vec<u8> {
        packet(&[&CANCEL.to_be_bytes()[..], self.of(b'K').unwrap()].concat())
    }
}

/// Logs in as `ana`; her password is the proxy's.
pub(super) fn log_in(
    stream: &mut (impl Read + Write),
    minor: u32,
    more: &[(&str, &str)],
    database: &str,
    binding: Option<&[u8]>,
) -> Session {
    let parameters = [&[("user", "ana"), ("database", database)], more].concat();
    stream.write_all(&startup(minor, &parameters)).unwrap();
    let (mechanism, binding) = match binding {
        Some(hash) => (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash.to_vec())),
        None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    };
    let mut scram = ScramSha256::new(b"ana-password", binding);
    let mut messages = Vec::new();
    while let Some((tag, body)) = next(stream) {
        let mut out = BytesMut::new();
        match (tag, body.get(3)) {
            (b'R', Some(10)) => frontend::sasl_initial_response(mechanism, scram.message(), &mut out).unwrap(),
            (b'R', Some(11)) => {
                scram.update(&body[4..]).unwrap();
                frontend::sasl_response(scram.message(), &mut out).unwrap();
            }
            (b'R', Some(12)) => scram.finish(&body[4..]).unwrap(),
            _ => {}
        }
        messages.push((tag, body));
        stream.write_all(&out).unwrap();
        if matches!(tag, b'Z' | b'E') {
            break;
        }
    }
    Session { messages }
}

#[test]
fn direct_tls_and_its_protocol_name() {
    let (proxy, database) = proxy(|_| ());
    let hash = pgveil_certs::server::load(&files(&proxy)).unwrap().end_point.unwrap();
    assert!(log_in(&mut direct(&proxy), 0, &[], &database, None).is_ready());
    assert!(log_in(&mut direct(&proxy), 2, &[], &database, Some(&hash)).is_ready());
    let both: [&[u8]; 2] = [b"http/1.1", pgveil_certs::ALPN];
    assert!(log_in(&mut secure(&proxy, connect(&proxy), &both), 0, &[], &database, None).is_ready());
    // Without a name: an error inside TLS.
    let error = log_in(&mut secure(&proxy, connect(&proxy), &[]), 0, &[], &database, None);
    assert_eq!(error.sqlstate().map(|fields| fields[&'C'].clone()).as_deref(), Some("08P01"));
    // Another name: the handshake fails.
    let mut other = secure(&proxy, connect(&proxy), &[b"http/1.1"]);
    let why = other.write_all(b"x").and_then(|()| other.flush()).and_then(|()| other.read(&mut [0])).unwrap_err();
    assert!(why.to_string().contains("NoApplicationProtocol"), "{why}");
    // An SSLRequest inside of TLS, of either kind.
    for mut stream in [direct(&proxy), negotiated(&proxy)] {
        stream.write_all(&ask(SSL)).unwrap();
        assert_eq!(next(&mut stream).map(|(tag, _)| tag), Some(b'E'));
    }
    // Where TLS is off, a handshake is no packet.
    let (off, _) = self::proxy(|config| config.tls = pgveil::config::ClientTls::Disable);
    let mut stream = secure(&proxy, connect(&off), &[pgveil_certs::ALPN]);
    assert!(stream.write_all(b"x").and_then(|()| stream.flush()).is_err());
    all_is_well();
}

/// The files of a proxy's certificate.
fn files(proxy: &Proxy) -> pgveil_certs::server::Files {
    let stem = proxy.ca().to_str().unwrap().strip_suffix("-ca.crt").unwrap();
    pgveil_certs::server::Files { cert: format!("{stem}.crt").into(), key: format!("{stem}.key").into(), client_ca: None, client_crl: None }
}

#[test]
fn a_channel_is_bound_to_its_own_certificate_only() {
    let (proxy, database) = proxy(|_| ());
    let hash = pgveil_certs::server::load(&files(&proxy)).unwrap().end_point.unwrap();
    let session = log_in(&mut negotiated(&proxy), 0, &[], &database, Some(&hash));
    assert!(session.is_ready());
    assert_eq!(&session.messages[0].1[4..], b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", "PLUS comes first");
    let session = log_in(&mut negotiated(&proxy), 0, &[], &database, Some(&[7; 32]));
    assert_eq!(session.sqlstate().unwrap()[&'C'], "28000");
    // In plain it is neither offered nor taken.
    let session = log_in(&mut connect(&proxy), 0, &[], &database, Some(&hash));
    assert_eq!(&session.messages[0].1[4..], b"SCRAM-SHA-256\0\0");
    assert_eq!(session.sqlstate().unwrap()[&'C'], "08P01");
}

#[test]
fn encryption_is_asked_for_in_any_order_but_once() {
    let (proxy, database) = proxy(|_| ());
    let mut stream = connect(&proxy);
    stream.write_all(&ask(GSS)).unwrap();
    assert_eq!(byte(&mut stream), Some(b'N'));
    stream.write_all(&ask(SSL)).unwrap();
    assert_eq!(byte(&mut stream), Some(b'S'));
    assert!(log_in(&mut secure(&proxy, stream, &[]), 0, &[], &database, None).is_ready());
    // Without TLS here: both are declined, in both orders, and the login goes on in plain.
    let (off, database) = self::proxy(|config| config.tls = pgveil::config::ClientTls::Disable);
    for order in [[SSL, GSS], [GSS, SSL]] {
        let mut stream = connect(&off);
        for code in order {
            stream.write_all(&ask(code)).unwrap();
            assert_eq!(byte(&mut stream), Some(b'N'));
        }
        assert!(log_in(&mut stream, 0, &[], &database, None).is_ready());
    }
    // GSS inside of TLS.
    let mut stream = negotiated(&proxy);
    stream.write_all(&ask(GSS)).unwrap();
    assert_eq!(next(&mut stream).map(|(tag, _)| tag), Some(b'E'));
    // Plaintext behind the SSLRequest, also one byte of it, and a whole ClientHello.
    for more in [&startup(0, &[("user", "ana")])[..], b"\x16\x03\x01\x02\x00\x01", b"p"] {
        let mut stream = connect(&proxy);
        stream.write_all(&[&ask(SSL), more].concat()).unwrap();
        // Where both come in one read it is refused; else it is taken for the handshake, which it is not.
        let answer = byte(&mut stream);
        assert!(matches!(answer, Some(b'E' | b'S')), "{answer:?}");
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ended = stream.read_to_end(&mut rest);
        assert!(!rest.windows(5).any(|w| w == b"SCRAM"), "nobody may log in with it");
    }
    all_is_well();
}

#[test]
fn handshakes_byte_by_byte() {
    let (proxy, database) = proxy(|_| ());
    assert!(log_in(&mut secure(&proxy, Dribble(connect(&proxy)), &[pgveil_certs::ALPN]), 0, &[], &database, None).is_ready());
    let mut stream = Dribble(connect(&proxy));
    stream.write_all(&ask(SSL)).unwrap();
    assert_eq!(byte(&mut stream), Some(b'S'));
    assert!(log_in(&mut secure(&proxy, stream, &[]), 2, &[], &database, None).is_ready());
    assert!(log_in(&mut Dribble(connect(&proxy)), 0, &[], &database, None).is_ready());
}

#[test]
fn handshakes_that_are_none() {
    let (proxy, database) = proxy(|_| ());
    let hello = [&b"\x16\x03\x01\xff\xff"[..], &[0x41; 70_000]].concat();
    for garbage in [
        &hello[..],
        b"\x16",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff",
        b"\x15\x03\x01\x00\x02\x02\x28",
        &[0; 64],
    ] {
        for ask_first in [false, true] {
            let mut stream = connect(&proxy);
            if ask_first {
                stream.write_all(&ask(SSL)).unwrap();
                assert_eq!(byte(&mut stream), Some(b'S'));
            }
            // It may have hung up before all is sent.
            let _sent = stream.write_all(garbage);
            let _shut = stream.shutdown(std::net::Shutdown::Write);
            let mut rest = Vec::new();
            let _ended = stream.read_to_end(&mut rest);
            assert!(rest.len() < 1000, "{} bytes", rest.len());
        }
    }
    assert!(log_in(&mut negotiated(&proxy), 0, &[], &database, None).is_ready());
    all_is_well();
}

#[test]
fn versions_and_their_cancel_keys() {
    let (proxy, database) = proxy(|_| ());
    for (minor, key, negotiates) in [(0, 4, false), (2, 32, false), (3, 32, true), (9999, 32, true)] {
        for tls in [false, true] {
            let session = if tls {
                log_in(&mut negotiated(&proxy), minor, &[], &database, None)
            } else {
                log_in(&mut connect(&proxy), minor, &[], &database, None)
            };
            assert!(session.is_ready(), "3.{minor}");
            assert_eq!(session.of(b'K').unwrap().len(), 4 + key, "3.{minor}");
            assert_eq!(session.of(b'v'), negotiates.then_some(&[0, 3, 0, 2, 0, 0, 0, 0][..]), "3.{minor}");
        }
    }
    let options = [("_pq_.one", "1"), ("application_name", "x"), ("_pq_.two", "")];
    let session = log_in(&mut connect(&proxy), 0, &options, &database, None);
    assert!(session.is_ready());
    assert_eq!(session.of(b'v'), Some(&b"\0\x03\0\0\0\0\0\x02_pq_.one\0_pq_.two\0"[..]));
}

/// Cancels a sleep in a session; how the request is sent is `by`'s.
fn cancels(what: &str, stream: &mut (impl Read + Write + Send), minor: u32, database: &str, by: impl Fn(&[u8])) {
    let session = log_in(stream, minor, &[], database, None);
    stream.write_all(&message(b'Q', format!("{SLEEP}\0").as_bytes())).unwrap();
    // The first ones may come before the statement has begun.
    let request = session.cancel();
    let begun = Instant::now();
    let canceled = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut seen = None;
            while let Some((tag, body)) = next(stream) {
                match tag {
                    b'E' => seen = Some(body),
                    b'Z' => break,
                    _ => {}
                }
            }
            seen
        });
        while !asked.is_finished() && begun.elapsed() < Duration::from_secs(50) {
            by(&request);
            std::thread::sleep(Duration::from_millis(100));
        }
        asked.join().unwrap()
    });
    let canceled = canceled.unwrap_or_else(|| panic!("{what}: it slept to its end"));
    assert!(canceled.windows(7).any(|w| w == b"C57014\0"), "{what}: {:?}", String::from_utf8_lossy(&canceled));
}

#[test]
fn cancellations_in_plain_and_over_tls_of_both_kinds() {
    let (proxy, database) = proxy(|_| ());
    let plain = |request: &[u8]| {
        let mut stream = connect(&proxy);
        stream.write_all(request).unwrap();
        // Nothing is answered; the connection closes.
        assert_eq!(byte(&mut stream), None);
    };
    let over = |mut stream: StreamOwned<ClientConnection, TcpStream>, request: &[u8]| {
        stream.write_all(request).unwrap();
        assert_eq!(byte(&mut stream), None);
    };
    cancels("plain, 3.0", &mut connect(&proxy), 0, &database, plain);
    cancels("plain, 3.2", &mut connect(&proxy), 2, &database, plain);
    cancels("TLS", &mut negotiated(&proxy), 2, &database, |request| over(negotiated(&proxy), request));
    cancels("direct TLS", &mut direct(&proxy), 2, &database, |request| over(direct(&proxy), request));
    cancels("in plain for a session in TLS", &mut direct(&proxy), 0, &database, plain);
}

#[test]
fn a_login_that_never_ends_is_ended() {
    let (proxy, database) = proxy(|config| config.login_timeout = Duration::from_secs(1));
    let half = startup(0, &[("user", "ana"), ("database", &database)]);
    let whole = half.clone();
    let starts: [(&str, &[u8]); 6] = [
        ("nothing", b""),
        ("half a length", &half[..2]),
        ("half a packet", &half[..half.len() - 3]),
        ("no answer to SASL", &whole),
        ("half a ClientHello", b"\x16\x03\x01\x02\x00\x01\x00"),
        ("an SSLRequest alone", &ask(SSL)),
    ];
    let silent = |(what, bytes): (&str, &[u8])| {
        let mut stream = connect(&proxy);
        stream.write_all(bytes).unwrap();
        let begun = Instant::now();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let open = matches!(&ended, Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        assert!(!open && begun.elapsed() < Duration::from_secs(60), "{what}: {ended:?}");
    };
    let silent = &silent;
    std::thread::scope(|scope| {
        for start in starts {
            scope.spawn(move || silent(start));
        }
    });
    // A byte now and then does not help.
    let mut stream = Dribble(connect(&proxy));
    let begun = Instant::now();
    let mut sent = 0;
    for byte in half.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        sent += 1;
        assert!(begun.elapsed() < Duration::from_secs(60), "{sent} bytes, and it still listens");
        std::thread::sleep(Duration::from_millis(200));
        if sent > half.len() - 4 {
            // One byte short of a login, for ever.
            let mut rest = Vec::new();
            let _ended = stream.0.read_to_end(&mut rest);
            break;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    all_is_well();
}
