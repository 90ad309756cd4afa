//! Logins over loopback, byte by byte.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pgveil_certs::server::{Files, Server};
use pgveil_certs::throwaway::Ca;
use pgveil_certs::{Verify, client};
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::password::scram_sha_256;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;

const SSL: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];
const GSS: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 48];
const OFFER: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
const OFFER_IN_TLS: &[u8] = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";

struct Place {
    dir: PathBuf,
    users: Directory,
    tries: Tries,
    allow: ClientTls,
    require: ClientTls,
    client: Arc<rustls::ClientConfig>,
}

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let dir = std::env::temp_dir().join(format!("pgveil-login-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("users.toml");
        fs::write(&file, format!("[user.ana]\nverifier = '{}'\nroles = ['analyst', 'other']\n", scram_sha_256(b"pw"))).unwrap();
        let ca = Ca::new().unwrap();
        let root = ca.write_into(&dir, "ca").unwrap();
        let files = ca.issue_into(&dir, "server", &[]).unwrap();
        let client_ca = Some(root.clone());
        let tls = Arc::new(Server::open(Files { cert: files.cert, key: files.key, client_ca, client_crl: None }).unwrap());
        let users = Directory::open(&file).unwrap();
        let client = client::config(Verify::Full(&root)).unwrap();
        let tries = Tries::new([1; 32], 10, std::time::Duration::from_secs(600));
        Place { dir, users, tries, allow: ClientTls::Allow(tls.clone()), require: ClientTls::Require(tls), client }
    }

    /// Runs a login against what `talk` does as the client.
    async fn meet<T>(&self, tls: &ClientTls, talk: impl AsyncFnOnce(TcpStream) -> T) -> (Result<Arrival, LoginError>, T) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let desk = Desk {
            tls,
            client_cert: ClientCert::Optional,
            users: &self.users,
            lookup: None,
            tries: &self.tries,
            from: [127, 0, 0, 1].into(),
            ignored: &[],
            mock: &[7; 32],
            suits: &|_, _| true,
            protects: &|role| role == "analyst",
            refused: &|_| {},
        };
        let serve = async { arrive(listener.accept().await.unwrap().0, &desk).await };
        tokio::join!(serve, async { talk(TcpStream::connect(at).await.unwrap()).await })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).unwrap();
    }
}

fn startup(parameters: &str) -> Vec<u8> {
    let mut out = u32::try_from(9 + parameters.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(&[0, 3, 0, 0]);
    out.extend_from_slice(parameters.as_bytes());
    out.push(0);
    out
}

/// The SQLSTATE and message of a FATAL that ends the stream.
async fn fatal(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let (head, body) = frame::cut(&all, 10_000).unwrap().unwrap();
    assert_eq!((head.tag, head.total), (b'E', all.len()), "{:?}", String::from_utf8_lossy(&all));
    let field = |tag: u8| {
        let found = body.split(|b| *b == 0).find(|field| field.first() == Some(&tag)).unwrap();
        String::from_utf8(found[1..].to_vec()).unwrap()
    };
    (field(b'C'), field(b'M'))
}

async fn message(stream: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let tag = stream.read_u8().await.unwrap();
    let length = usize::try_from(stream.read_u32().await.unwrap()).unwrap();
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await.unwrap();
    (tag, body)
}

/// Startup and SCRAM up to the client's proof; the types of the messages that the server sent.
async fn prove(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), parameters: &str, password: &[u8]) -> Vec<i32> {
    stream.write_all(&startup(parameters)).await.unwrap();
    let mut kinds = Vec::new();
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    let (_, offer) = message(stream).await;
    kinds.push(i32::from_be_bytes(offer[..4].try_into().unwrap()));
    let first = scram.message().to_vec();
    let mut out = Vec::new();
    frame::put(&mut out, b'p', |body| {
        body.extend_from_slice(b"SCRAM-SHA-256\0");
        body.extend_from_slice(&u32::try_from(first.len()).unwrap().to_be_bytes());
        body.extend_from_slice(&first);
    });
    stream.write_all(&out).await.unwrap();
    let (_, challenge) = message(stream).await;
    kinds.push(i32::from_be_bytes(challenge[..4].try_into().unwrap()));
    scram.update(&challenge[4..]).unwrap();
    out.clear();
    frame::put(&mut out, b'p', |body| body.extend_from_slice(scram.message()));
    stream.write_all(&out).await.unwrap();
    kinds
}

#[tokio::test]
async fn the_right_password_logs_in_and_what_follows_is_kept() {
    let place = Place::new();
    let (arrival, ()) = place
        .meet(&ClientTls::Disable, async |mut s| {
            s.write_all(SSL).await.unwrap();
            assert_eq!(s.read_u8().await.unwrap(), b'N');
            s.write_all(GSS).await.unwrap();
            assert_eq!(s.read_u8().await.unwrap(), b'N');
            prove(&mut s, "user\0ana\0options\0-c TimeZone=UTC\0", b"pw").await;
            assert_eq!(message(&mut s).await.1[..4], [0, 0, 0, 12]);
            assert_eq!(message(&mut s).await, (b'R', vec![0; 4]));
        })
        .await;
    let Ok(Arrival::Session(who, ClientStream::Plain(_), ahead)) = arrival else { panic!("{arrival:?}") };
    assert_eq!((who.user.as_str(), who.role.as_str(), who.database.as_str(), who.minor), ("ana", "analyst", "ana", 0));
    assert_eq!(who.parameters, [("TimeZone".to_owned(), "UTC".to_owned())]);
    assert_eq!(ahead, b"");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let place = Place::new();
    for (user, why) in [("ana", "the proof does not verify"), ("eve", "no such user")] {
        let (arrival, told) = place
            .meet(&ClientTls::Disable, async |mut s| {
                assert_eq!(prove(&mut s, &format!("user\0{user}\0"), b"wrong").await, [10, 11]);
                fatal(&mut s).await
            })
            .await;
        assert_eq!(told, ("28P01".to_owned(), format!("password authentication failed for user \"{user}\"")));
        assert!(matches!(arrival, Err(LoginError::Denied { why: logged, .. }) if logged == why), "{arrival:?}");
    }
}

#[tokio::test]
async fn too_many_failures_refuse_the_right_password_too_for_a_while() {
    let place = Place::new();
    for user in ["ana", "eve"] {
        let parameters = format!("user\0{user}\0");
        for n in 0..11 {
            let (_, told) = place
                .meet(&ClientTls::Disable, async |mut s| {
                    assert_eq!(prove(&mut s, &parameters, b"wrong").await, [10, 11]);
                    fatal(&mut s).await
                })
                .await;
            assert_eq!(told.0, if n < 10 { "28P01" } else { "28000" }, "{user} {n}: {told:?}");
        }
    }
    let (arrival, told) = place
        .meet(&ClientTls::Disable, async |mut s| {
            prove(&mut s, "user\0ana\0", b"pw").await;
            fatal(&mut s).await
        })
        .await;
    assert!(told.1.contains("too many failed logins") && matches!(arrival, Err(LoginError::Refused(_))), "{told:?} {arrival:?}");
}

#[tokio::test]
async fn a_setting_is_refused_only_after_the_proof() {
    let place = Place::new();
    for (password, code) in [(&b"pw"[..], "42501"), (b"wrong", "28P01")] {
        let (_, told) = place
            .meet(&ClientTls::Disable, async |mut s| {
                prove(&mut s, "user\0ana\0enable_seqscan\0off\0", password).await;
                fatal(&mut s).await
            })
            .await;
        assert_eq!(told.0, code);
    }
}

#[tokio::test]
async fn nothing_in_plain_is_carried_into_tls() {
    let place = Place::new();
    for more in [startup("user\0ana\0"), b"x".to_vec(), GSS.to_vec()] {
        let (_, told) = place
            .meet(&place.allow, async |mut s| {
                s.write_all(&[SSL, &more].concat()).await.unwrap();
                fatal(&mut s).await
            })
            .await;
        assert_eq!(told, ("08P01".to_owned(), "received unencrypted data after SSL request".to_owned()));
    }
}

#[tokio::test]
async fn tls_is_spoken_where_asked_for_and_required_where_said() {
    let place = Place::new();
    let name = ServerName::try_from("localhost").unwrap();
    let (arrival, ()) = place
        .meet(&place.require, async |mut s| {
            s.write_all(SSL).await.unwrap();
            assert_eq!(s.read_u8().await.unwrap(), b'S');
            let mut s = TlsConnector::from(place.client.clone()).connect(name.clone(), s).await.unwrap();
            prove(&mut s, "user\0ana\0", b"pw").await;
            assert_eq!(message(&mut s).await.1[..4], [0, 0, 0, 12]);
        })
        .await;
    assert!(matches!(arrival, Ok(Arrival::Session(_, ClientStream::Tls(_), _))), "{arrival:?}");

    let (arrival, told) = place
        .meet(&place.require, async |mut s| {
            s.write_all(&startup("user\0ana\0")).await.unwrap();
            fatal(&mut s).await
        })
        .await;
    assert_eq!(told.0, "28000");
    assert!(matches!(arrival, Err(LoginError::TlsRequired)));
}

#[tokio::test]
async fn direct_tls_needs_its_protocol_name() {
    let place = Place::new();
    let name = ServerName::try_from("localhost").unwrap();
    let mut nameless = (*place.client).clone();
    nameless.alpn_protocols.clear();
    for (config, named) in [(place.client.clone(), true), (Arc::new(nameless), false)] {
        let (arrival, ()) = place
            .meet(&place.allow, async |s| {
                let mut s = TlsConnector::from(config.clone()).connect(name.clone(), s).await.unwrap();
                if named {
                    s.write_all(&startup("user\0ana\0")).await.unwrap();
                    let mut offer = vec![0; OFFER_IN_TLS.len()];
                    s.read_exact(&mut offer).await.unwrap();
                    assert_eq!(offer, OFFER_IN_TLS);
                } else {
                    assert_eq!(fatal(&mut s).await.0, "08P01");
                }
            })
            .await;
        // The client drops its TLS without a farewell, hence an error in the first case as well.
        assert!(matches!((named, arrival), (true, Err(LoginError::Io(_)) | Ok(Arrival::Gone)) | (false, Err(LoginError::Refused(_)))));
    }
}

#[tokio::test]
async fn what_is_asked_twice_or_out_of_place_ends_the_login() {
    let place = Place::new();
    let query = [startup("user\0ana\0"), b"Q\0\0\0\x0dselect 1\0".to_vec()].concat();
    let huge = [startup("user\0ana\0"), b"p\x7f\xff\xff\xff".to_vec()].concat();
    for (bytes, answered) in [
        ([SSL, SSL].concat(), &b"N"[..]),
        ([GSS, GSS].concat(), b"N"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), b""),
        (query, OFFER),
        (huge, OFFER),
    ] {
        let (arrival, told) = place
            .meet(&ClientTls::Disable, async |mut s| {
                s.write_all(&bytes).await.unwrap();
                let mut answer = vec![0; answered.len()];
                s.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, answered);
                fatal(&mut s).await
            })
            .await;
        assert_eq!(told.0, "08P01", "{bytes:?}");
        assert!(matches!(arrival, Err(LoginError::Protocol(_))), "{arrival:?}");
    }
}

#[tokio::test]
async fn a_client_may_leave_or_cancel() {
    let place = Place::new();
    for bytes in [vec![], startup("user\0ana\0")[..5].to_vec(), [startup("user\0ana\0"), b"X\0\0\0\x04".to_vec()].concat()] {
        let (arrival, ()) = place
            .meet(&ClientTls::Disable, async |mut s| {
                s.write_all(&bytes).await.unwrap();
                s.shutdown().await.unwrap();
                let mut rest = Vec::new();
                s.read_to_end(&mut rest).await.unwrap();
            })
            .await;
        assert!(matches!(arrival, Ok(Arrival::Gone)), "{arrival:?}");
    }
    let (arrival, _open) = place
        .meet(&place.require, async |mut s| {
            s.write_all(&[0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 9, 1, 2, 3, 4]).await.unwrap();
            s
        })
        .await;
    assert!(matches!(arrival, Ok(Arrival::Cancel { pid: 9, secret, .. }) if secret == [1, 2, 3, 4]));
}

#[test]
fn an_initial_response_is_read_to_its_end() {
    let good = b"SCRAM-SHA-256\0\0\0\0\x03n,,";
    assert_eq!(initial(good, None).unwrap(), (Channel::Unbound, &b"n,,"[..]));
    assert_eq!(initial(good, Some(&[7])).unwrap(), (Channel::Declined, &b"n,,"[..]));
    for n in 0..good.len() {
        assert!(initial(&good[..n], None).is_err());
    }
    assert!(initial(b"SCRAM-SHA-256\0\0\0\0\x03n,,x", None).is_err());
    assert!(initial(b"SCRAM-SHA-256\0\xff\xff\xff\xff", None).is_err());
    let plus = b"SCRAM-SHA-256-PLUS\0\0\0\0\x03n,,";
    assert!(initial(plus, None).is_err(), "not offered");
    assert_eq!(initial(plus, Some(&[7])).unwrap().0, Channel::Bound(&[7]));
    assert!(initial(b"SCRAM-SHA-1\0\0\0\0\x03n,,", Some(&[7])).is_err());
}
