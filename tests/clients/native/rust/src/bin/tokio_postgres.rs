//! What programs do with tokio-postgres. Usage: tokio_postgres PORT DATABASE USER PASSWORD ROLE [CA]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt, TryStreamExt, future};
use postgres_types::{FromSql, ToSql, Type};
use rust_clients::{Place, part, same};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

type Result<T = ()> = std::result::Result<T, tokio_postgres::Error>;

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[postgres(name = "mood", rename_all = "lowercase")]
enum Mood {
    Low,
    Mid,
    High,
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[postgres(name = "tokio_pair")]
struct Pair {
    a: i32,
    b: Option<String>,
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[postgres(name = "mail")]
struct Mail(String);

fn code<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

struct Session {
    client: Client,
    heard: UnboundedReceiver<Notification>,
    tls: Option<MakeRustlsConnect>,
}

fn tls(ca: &str, direct: bool) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    if direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    MakeRustlsConnect::new(config)
}

async fn connect(config: &Config, tls: Option<MakeRustlsConnect>) -> Result<Session> {
    let (told, heard) = unbounded_channel();
    macro_rules! driven {
        ($tls:expr) => {{
            let (client, mut connection) = config.connect($tls).await?;
            tokio::spawn(async move {
                while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                    if let AsyncMessage::Notification(notification) = message {
                        let _ = told.send(notification);
                    }
                }
            });
            client
        }};
    }
    let client = match tls.clone() {
        Some(tls) => driven!(tls),
        None => driven!(NoTls),
    };
    Ok(Session { client, heard, tls })
}

async fn rows(place: &Place, client: &Client) -> Result {
    let sql = "SELECT c.id, c.email, c.full_name, c.mood, c.device, array_agg(l.email) FROM shop.customers AS c \
               LEFT JOIN shop.leads AS l ON l.email = c.email WHERE c.id <= $1 GROUP BY c.id ORDER BY c.id";
    let statement = client.prepare(sql).await?;
    same("columns", statement.columns().iter().map(|c| (c.name(), c.type_().name())).collect::<Vec<_>>());
    for _ in 0..3 {
        let all = client.query(&statement, &[&60]).await?;
        assert!(all.len() > 10);
        for row in &all {
            place.mail(row.get(1));
            row.get::<_, Vec<Option<&str>>>(5).into_iter().for_each(|mail| assert!(mail.is_none() || mail == row.get(1)));
            assert!(!place.masked() || row.get::<_, Option<&str>>(2).is_none_or(|name| name == "[name]"));
            let (_, _): (Option<Mood>, Option<Uuid>) = (row.get(3), row.get(4));
        }
    }
    // Types that are told, and no round trip to describe.
    let typed = client.query_typed("SELECT email, $1 FROM shop.customers WHERE id < $2", &[(&"x", Type::TEXT), (&30, Type::INT4)]).await?;
    typed.iter().for_each(|row| place.mail(row.get(0)));
    let simple = client.simple_query("SELECT 1 AS a; SELECT NULL AS b, 'ä' AS c; SET application_name = 'x'; SELECT 1 WHERE false").await?;
    same("simple", simple);
    if place.masked() {
        assert_eq!(code(client.query("SELECT id FROM shop.customers WHERE email LIKE $1", &[&"a%"]).await), "42501");
        assert_eq!(code(client.simple_query("SELECT upper(email) FROM shop.customers").await), "42501");
    }
    Ok(())
}

async fn pipelined(place: &Place, client: &Client) -> Result {
    let texts = ["SELECT $1::int4 + 1", "SELECT $1::int4 * 2", "SELECT 1 / ($1::int4 - $1::int4)", "SELECT nope, $1::int4"];
    let all = future::join_all((0..60_usize).map(|n| async move {
        match client.query_one(texts[n % 4], &[&(n as i32)]).await {
            Ok(row) => row.get::<_, i32>(0).to_string(),
            Err(error) => error.code().unwrap().code().to_owned(),
        }
    }));
    same("pipelined", all.await);
    let statement = client.prepare("SELECT email, $1::int4 FROM shop.leads LIMIT 3").await?;
    let all = (0..30).map(|n: i32| {
        let statement = &statement;
        async move { client.query(statement, &[&n]).await.map(|rows| (n, rows)) }
    });
    for (n, rows) in future::try_join_all(all).await? {
        assert_eq!(rows.len(), 3);
        for row in rows {
            place.mail(row.get(0));
            assert_eq!(row.get::<_, i32>(1), n);
        }
    }
    let (a, b, c) = future::join3(
        client.batch_execute("SELECT 1; SELECT 1 / 0; SELECT 2"),
        client.query_one("SELECT 7", &[]),
        client.simple_query("SELECT 8"),
    )
    .await;
    same("beside an error", (code(a), b?.get::<_, i32>(0), c?.len()));
    Ok(())
}

async fn transactions(place: &Place, client: &mut Client) -> Result {
    client.batch_execute("DROP TABLE IF EXISTS adhoc.tokio_things; CREATE TABLE adhoc.tokio_things (id int PRIMARY KEY, t text, d float8, u uuid, l int[])").await?;
    let mut transaction = client.transaction().await?;
    same("inserted", transaction.execute("INSERT INTO adhoc.tokio_things VALUES ($1, $2), (2, NULL)", &[&1, &"x"]).await?);
    let nested = transaction.savepoint("here").await?;
    same("twice", code(nested.execute("INSERT INTO adhoc.tokio_things VALUES ($1)", &[&1]).await));
    same("failed", code(nested.query("SELECT 1", &[]).await));
    nested.rollback().await?;
    let portal = transaction.bind("SELECT id, email FROM shop.customers ORDER BY id", &[]).await?;
    let counts = transaction.bind("SELECT generate_series(1, $1::int4)", &[&10]).await?;
    for _ in 0..3 {
        let some = transaction.query_portal(&portal, 4).await?;
        assert!(some.len() == 4 && some.is_sorted_by_key(|row| row.get::<_, i32>(0)));
        some.iter().for_each(|row| place.mail(row.get(1)));
        same("counted", transaction.query_portal(&counts, 4).await?.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>());
    }
    drop(portal);
    same("the rest", transaction.query_portal(&counts, 0).await?.len());
    transaction.commit().await?;
    let read = client
        .build_transaction()
        .read_only(true)
        .isolation_level(tokio_postgres::IsolationLevel::Serializable)
        .deferrable(true)
        .start()
        .await?;
    same("read only", code(read.execute("DELETE FROM adhoc.tokio_things", &[]).await));
    drop(read);
    same("kept", client.query_one("SELECT count(*) FROM adhoc.tokio_things", &[]).await?.get::<_, i64>(0));
    Ok(())
}

async fn copies(place: &Place, client: &Client) -> Result {
    let mut sink = pin!(client.copy_in("COPY adhoc.tokio_things (id, t) FROM STDIN").await?);
    sink.send(Bytes::from_static(b"10\tten\n11\t")).await?;
    sink.send(Bytes::from_static(b"\\N\n")).await?;
    same("copied in", sink.finish().await?);
    let types = [Type::INT4, Type::TEXT, Type::FLOAT8, Type::UUID, Type::INT4_ARRAY];
    let mut writer = pin!(BinaryCopyInWriter::new(client.copy_in("COPY adhoc.tokio_things FROM STDIN (FORMAT binary)").await?, &types));
    for n in 20..24 {
        let t = (n % 2 == 0).then(|| format!("ä {n}"));
        writer.as_mut().write(&[&n, &t, &1.5_f64, &Uuid::from_u128(n as u128), &vec![Some(n), None]]).await?;
    }
    same("copied in binary", writer.finish().await?);
    part("copy dropped");
    // Dropped in the middle: CopyFail.
    {
        let mut dropped = pin!(client.copy_in("COPY adhoc.tokio_things (id) FROM STDIN").await?);
        dropped.send(Bytes::from_static(b"99\n")).await?;
    }
    part("wrong copies");
    let mut wrong = pin!(client.copy_in("COPY adhoc.tokio_things (id) FROM STDIN").await?);
    wrong.send(Bytes::from_static(b"x\n")).await?;
    same("wrong", code(wrong.finish().await));
    part("copies out");
    let text: Vec<Bytes> = client.copy_out("COPY adhoc.tokio_things TO STDOUT (FORMAT csv)").await?.try_collect().await?;
    same("copied out", String::from_utf8_lossy(&text.concat()));
    let binary = client.copy_out("COPY adhoc.tokio_things TO STDOUT (FORMAT binary)").await?;
    let rows: Vec<_> = BinaryCopyOutStream::new(binary, &types).try_collect().await?;
    same(
        "copied out binary",
        rows.iter().map(|r| (r.get::<i32>(0), r.get::<Option<String>>(1), r.get::<Option<Vec<Option<i32>>>>(4))).collect::<Vec<_>>(),
    );
    let binary = client
        .copy_out("COPY (SELECT id, email, array_agg(email) FROM shop.customers GROUP BY id ORDER BY id) TO STDOUT (FORMAT binary)")
        .await?;
    let mut rows = pin!(BinaryCopyOutStream::new(binary, &[Type::INT4, Type::TEXT, Type::TEXT_ARRAY]));
    let mut count = 0;
    while let Some(row) = rows.next().await.transpose()? {
        place.mail(row.get(1));
        row.get::<Vec<Option<String>>>(2).iter().for_each(|mail| place.mail(mail.as_deref()));
        count += 1;
    }
    assert!(count > 20, "{count}");
    part("copy out dropped");
    // Dropped in the middle: what comes still is read over.
    drop(client.copy_out("COPY shop.leads TO STDOUT").await?);
    same("after", client.query_one("SELECT 5", &[]).await?.get::<_, i32>(0));
    client.batch_execute("DROP TABLE adhoc.tokio_things").await
}

async fn types(client: &Client) -> Result {
    client.batch_execute("DROP TYPE IF EXISTS adhoc.tokio_pair; CREATE TYPE adhoc.tokio_pair AS (a int, b text)").await?;
    let sql = "SELECT $1::shop.mood, $2::adhoc.tokio_pair, $3::shop.mail, $4::shop.mood[], $5::adhoc.tokio_pair[], $6::jsonb, $7::int8[], $8::bytea, $9::timestamptz";
    let statement = client.prepare(sql).await?;
    same(
        "parameters",
        statement
            .params()
            .iter()
            .map(|t| (t.schema(), t.name(), t.kind().clone()))
            .map(|(s, n, k)| (s, n, format!("{k:?}").split('(').next().map(str::to_owned)))
            .collect::<Vec<_>>(),
    );
    let row = client
        .query_one(
            &statement,
            &[
                &Mood::Mid,
                &Pair { a: 1, b: None },
                &Mail("x".to_owned()),
                &vec![Mood::High, Mood::Low],
                &vec![Pair { a: 2, b: Some("(,\"".to_owned()) }],
                &serde_json::json!({"k": [1, null]}),
                &vec![1_i64 << 40],
                &&b"\0\xff"[..],
                &time::OffsetDateTime::UNIX_EPOCH,
            ],
        )
        .await?;
    same(
        "custom",
        (row.get::<_, Mood>(0), row.get::<_, Pair>(1), row.get::<_, Mail>(2), row.get::<_, Vec<Mood>>(3), row.get::<_, Vec<Pair>>(4)),
    );
    same(
        "others",
        (row.get::<_, serde_json::Value>(5), row.get::<_, Vec<i64>>(6), row.get::<_, Vec<u8>>(7), row.get::<_, time::OffsetDateTime>(8)),
    );
    client.batch_execute("DROP TYPE adhoc.tokio_pair").await
}

async fn cancelled(session: &Session) -> Result {
    for round in 0..2 {
        let token = session.client.cancel_token();
        let slow = session.client.query("SELECT pg_sleep(100)", &[]).fuse();
        let mut slow = pin!(slow);
        loop {
            futures_util::select_biased! {
                ended = slow => {
                    assert_eq!(ended.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
                    break;
                }
                // It may come before the query does, and ends nothing then.
                () = tokio::time::sleep(Duration::from_millis(300)).fuse() => match session.tls.clone() {
                    Some(tls) => token.cancel_query(tls).await?,
                    None => token.cancel_query(NoTls).await?,
                },
            }
        }
        same("cancelled", (round, session.client.query_one("SELECT 6", &[]).await?.get::<_, i32>(0)));
    }
    Ok(())
}

async fn notified(session: &mut Session, config: &Config) -> Result {
    let other = connect(config, session.tls.clone()).await?;
    session.client.batch_execute("LISTEN jobs").await?;
    for payload in ["one", "two"] {
        other.client.execute("SELECT pg_notify($1, $2)", &[&"jobs", &payload]).await?;
        assert_eq!(
            session.heard.recv().await.map(|n| (n.channel().to_owned(), n.payload().to_owned())),
            Some(("jobs".to_owned(), payload.to_owned()))
        );
    }
    assert_eq!(code(other.client.execute("SELECT pg_notify($1, $2)", &[&"secrets", &"x"]).await), "42501");
    session.client.batch_execute("UNLISTEN *").await
}

async fn run(place: &Place) -> Result {
    let mut config = Config::new();
    config
        .host("localhost")
        .hostaddr([127, 0, 0, 1].into())
        .port(place.port)
        .dbname(&place.database)
        .user(&place.user)
        .password(&place.password);
    let mut ways = vec![(config.clone().ssl_mode(SslMode::Disable).to_owned(), None)];
    ways.push((
        config.clone().ssl_mode(SslMode::Disable).application_name("report").options("-c search_path=shop").keepalives(false).to_owned(),
        None,
    ));
    match &place.ca {
        Some(ca) => {
            ways.push((config.clone().ssl_mode(SslMode::Require).to_owned(), Some(tls(ca, false))));
            ways.push((config.clone().ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct).to_owned(), Some(tls(ca, true))));
        }
        // So that as much is said.
        None => ways.extend(ways.clone()),
    }
    for (config, tls) in ways {
        let mut session = connect(&config, tls).await?;
        part("rows");
        rows(place, &session.client).await?;
        part("pipelined");
        pipelined(place, &session.client).await?;
        part("transactions");
        transactions(place, &mut session.client).await?;
        part("copies");
        copies(place, &session.client).await?;
        part("types");
        types(&session.client).await?;
        part("cancelled");
        cancelled(&session).await?;
        if place.masked() {
            part("notified");
            notified(&mut session, &config).await?;
        }
        let client = Arc::new(session.client);
        let tasks = (0..20).map(|n| {
            tokio::spawn({
                let client = Arc::clone(&client);
                async move { client.query_one("SELECT $1::int4", &[&n]).await.unwrap().get::<_, i32>(0) }
            })
        });
        same("tasks", future::join_all(tasks).await.into_iter().map(|n| n.unwrap()).sum::<i32>());
    }
    Ok(())
}

fn main() {
    let place = Place::of_arguments();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Err(error) = runtime.block_on(run(&place)) {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}
