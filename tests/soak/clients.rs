//! The load: each client checks every answer, which says whose it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pgveil_tests::rng::Rng;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// Rows of `s.people`.
pub const PEOPLE: usize = 2000;

/// Logins under way at one time.
const LOGINS: usize = 32;

/// Where and as whom.
pub struct Place {
    pub port: u16,
    pub password: String,
}

/// What was done and how long it took.
#[derive(Default)]
pub struct Figures {
    counts: std::collections::BTreeMap<&'static str, usize>,
    /// Of point queries, in microseconds.
    took: Vec<u32>,
}

impl Figures {
    pub fn add(&mut self, other: Figures) {
        for (what, n) in other.counts {
            *self.counts.entry(what).or_insert(0) += n;
        }
        self.took.extend(other.took);
    }

    pub fn print(&mut self) {
        self.took.sort_unstable();
        let at = |part: f64| self.took.get((self.took.len() as f64 * part) as usize).map_or(0.0, |t| f64::from(*t) / 1000.0);
        println!("soak: {:?}", self.counts);
        println!(
            "soak: a point query took {:.1} ms (half), {:.1} (90 %), {:.1} (99 %), {:.1} (99.9 %), {:.1} (most)",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            self.took.last().map_or(0.0, |t| f64::from(*t) / 1000.0)
        );
        assert!(self.counts.values().sum::<usize>() > 0, "nothing was done");
    }
}

/// A session of the reader.
pub async fn session(place: &Place, tls: bool) -> Client {
    let mut config = Config::new();
    config.user("reader").password(&place.password).dbname("soak").ssl_mode(tokio_postgres::config::SslMode::Disable);
    let mut tcp = TcpStream::connect(("127.0.0.1", place.port)).await.expect("no connection");
    tcp.set_nodelay(true).unwrap();
    if !tls {
        let (client, connection) = config.connect_raw(tcp, NoTls).await.expect("no login");
        tokio::spawn(connection);
        return client;
    }
    tcp.write_all(&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]).await.unwrap();
    assert_eq!(tcp.read_u8().await.unwrap(), b'S');
    // The certificate is thrown away, and this is a test of load.
    static BELIEVING: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let tls = BELIEVING.get_or_init(|| pgveil_certs::client::config(pgveil_certs::Verify::Nothing).unwrap());
    let stream = tokio_rustls::TlsConnector::from(Arc::clone(tls)).connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
    let (client, connection) = config.connect_raw(stream, NoTls).await.expect("no login over TLS");
    tokio::spawn(connection);
    client
}

/// Sessions that say little; every tenth over TLS. Each has one answer to begin with.
pub async fn open_idle(place: &Arc<Place>, count: usize) -> Vec<Client> {
    let next = Arc::new(AtomicUsize::new(0));
    let openers: Vec<_> = (0..LOGINS)
        .map(|_| {
            let (place, next) = (Arc::clone(place), Arc::clone(&next));
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return mine;
                    }
                    let client = session(&place, n.is_multiple_of(10)).await;
                    point(&client, n % PEOPLE + 1).await;
                    mine.push(client);
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for opener in openers {
        all.extend(opener.await.expect("an idle client failed"));
    }
    all
}

/// Each is still there; then they leave.
pub async fn check_idle(mut sessions: Vec<Client>) {
    let mut checks = Vec::new();
    while !sessions.is_empty() {
        let some = sessions.split_off(sessions.len().saturating_sub(200));
        checks.push(tokio::spawn(async move {
            for (n, client) in some.iter().enumerate() {
                point(client, n + 1).await;
            }
            some
        }));
    }
    // All stay until the last has been asked.
    let mut asked = Vec::new();
    for check in checks {
        asked.push(check.await.expect("an idle client was forgotten"));
    }
}

async fn point(client: &Client, id: usize) {
    let row =
        client.query_one("SELECT id, name, email, note FROM s.people WHERE id = $1", &[&(id as i32)]).await.expect("a point query failed");
    assert_eq!((row.get::<_, i32>(0), row.get::<_, &str>(1), row.get::<_, &str>(3)), (id as i32, "[name]", format!("note {id}").as_str()));
    assert!(row.get::<_, &str>(2).len() == 32 && !row.get::<_, &str>(2).contains('@'), "{row:?}");
}

fn code(error: &Error) -> &str {
    error.code().map_or("no answer", |c| c.code())
}

async fn simple(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    messages
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

/// Does one thing after the other until `end`.
pub async fn work(place: Arc<Place>, number: usize, end: Instant) -> Figures {
    let mut figures = Figures::default();
    let mut rng = Rng::for_thing("soak", number as u64);
    let mut client = session(&place, number.is_multiple_of(4)).await;
    while Instant::now() < end {
        let id = 1 + rng.below(PEOPLE);
        // Whose answer it is.
        let mark = format!("{number}-{}", rng.next());
        let what = match rng.below(100) {
            0..40 => {
                let begun = Instant::now();
                point(&client, id).await;
                figures.took.push(begun.elapsed().as_micros() as u32);
                "point"
            }
            40..55 => {
                let sql = format!(
                    "SELECT '{mark}:' || count(*) FROM s.people AS p JOIN s.visits AS v ON v.email = p.email WHERE p.id BETWEEN {id} AND {}",
                    id + 9
                );
                let visits = 4 * (PEOPLE + 1 - id).min(10);
                assert_eq!(simple(&client, &sql).await, [format!("{mark}:{visits}")]);
                "join"
            }
            55..63 => {
                let sql = format!("COPY (SELECT '{mark}', id, email FROM s.people WHERE id <= 200 ORDER BY id) TO STDOUT");
                let stream = client.copy_out(&sql).await.expect("COPY failed");
                let text = collect(stream).await;
                let lines: Vec<&str> = text.lines().collect();
                assert_eq!(lines.len(), 200);
                assert!(
                    lines.iter().enumerate().all(|(n, l)| l.starts_with(&format!("{mark}\t{}\t", n + 1)) && !l.contains('@')),
                    "{text}"
                );
                "copy"
            }
            63..71 => {
                simple(&client, &format!("BEGIN; DECLARE c CURSOR FOR SELECT '{mark}:' || id FROM s.people ORDER BY id")).await;
                for n in 0..3 {
                    let expected: Vec<String> = (1..=20).map(|i| format!("{mark}:{}", 20 * n + i)).collect();
                    assert_eq!(simple(&client, "FETCH 20 FROM c").await, expected);
                }
                simple(&client, "COMMIT").await;
                "cursor"
            }
            71..79 => {
                let error = client.simple_query("SELECT 1 / 0").await.expect_err("no error");
                assert_eq!(code(&error), "22012");
                "error"
            }
            79..87 => {
                let error = client.query("SELECT secret FROM s.people", &[]).await.expect_err("no refusal");
                assert_eq!(code(&error), "42501", "{error:?}");
                "refusal"
            }
            87..93 => {
                simple(&client, "BEGIN; SAVEPOINT a").await;
                point(&client, id).await;
                client.simple_query("SELECT nothing FROM s.people").await.expect_err("no error");
                simple(&client, "ROLLBACK TO a").await;
                assert_eq!(simple(&client, &format!("SELECT '{mark}'")).await, [mark]);
                simple(&client, "COMMIT").await;
                "transaction"
            }
            93..96 => {
                let token = client.cancel_token();
                let long = client.simple_query("SELECT count(*) FROM generate_series(1, 2000000000)");
                tokio::pin!(long);
                let error = loop {
                    // Until it runs: a request that comes before it is for nothing.
                    tokio::select! {
                        ended = &mut long => break ended.expect_err("not cancelled"),
                        () = tokio::time::sleep(Duration::from_millis(100)) => cancel(&place, &token).await,
                    }
                };
                assert_eq!(code(&error), "57014", "{error:?}");
                "cancel"
            }
            _ => {
                client = session(&place, rng.chance(25)).await;
                "reconnect"
            }
        };
        *figures.counts.entry(what).or_insert(0) += 1;
        tokio::time::sleep(Duration::from_millis(rng.below(20) as u64)).await;
    }
    figures
}

/// Sends a request, and waits until the proxy has done with it: what comes next would meet one that is still under way.
async fn cancel(place: &Place, token: &tokio_postgres::CancelToken) {
    let (near, mut far) = tokio::io::duplex(64);
    token.cancel_query_raw(near, NoTls).await.expect("no request");
    let mut request = Vec::new();
    far.read_to_end(&mut request).await.unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", place.port)).await.expect("no connection");
    tcp.write_all(&request).await.expect("no cancellation");
    // It closes without a word.
    let _closed = tcp.read(&mut [0]).await;
}

async fn collect(stream: tokio_postgres::CopyOutStream) -> String {
    let mut stream = std::pin::pin!(stream);
    let mut text = Vec::new();
    while let Some(part) = std::future::poll_fn(|cx| futures_core::Stream::poll_next(stream.as_mut(), cx)).await {
        text.extend_from_slice(&part.expect("COPY broke"));
    }
    String::from_utf8(text).unwrap()
}
