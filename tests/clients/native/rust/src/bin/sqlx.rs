//! What programs do with sqlx. Usage: sqlx PORT DATABASE USER PASSWORD ROLE [CA]

use std::net::IpAddr;
use std::time::Duration;

use futures_util::{TryStreamExt, future};
use rust_clients::{Place, part, same};
use sqlx::postgres::types::PgRange;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions, PgSslMode};
use sqlx::types::{Json, Uuid, time};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, FromRow, Row, SqlSafeStr, Statement, TypeInfo};

type Result<T = ()> = std::result::Result<T, sqlx::Error>;

#[derive(Debug, PartialEq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Low,
    Mid,
    High,
}

#[derive(Debug, PartialEq, sqlx::Type)]
#[sqlx(type_name = "adhoc.sqlx_pair")]
struct Pair {
    a: i32,
    b: Option<String>,
}

#[derive(Debug, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Mail(String);

#[derive(FromRow)]
struct Customer {
    id: i32,
    email: Option<String>,
    full_name: Option<String>,
    ssn: Option<String>,
    dob: Option<time::Date>,
    device: Option<Uuid>,
    account: Option<i64>,
    mood: Option<Mood>,
}

fn code(result: Result<impl Sized>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        Err(error) => error.to_string(),
    }
}

async fn rows(place: &Place, conn: &mut PgConnection) -> Result {
    let sql = "SELECT id, email, full_name, ssn, dob, device, account, mood FROM shop.customers WHERE id <= $1 ORDER BY id";
    for _ in 0..3 {
        let all: Vec<Customer> = sqlx::query_as(sql).bind(60).fetch_all(&mut *conn).await?;
        assert!(all.len() > 10 && all.iter().any(|c| c.mood.is_some()) && all.iter().any(|c| c.device.is_some()));
        for customer in &all {
            place.mail(customer.email.as_deref());
            assert!(customer.id <= 60);
            if place.masked() {
                assert!(customer.full_name.as_deref().is_none_or(|name| name == "[name]") && customer.ssn.is_none());
                assert!(customer.dob.is_none_or(|born| born.ordinal() == 1) && customer.account.is_none_or(|a| a > 1 << 44));
            }
        }
    }
    // Without the cache of statements, and in one simple query.
    let few = sqlx::query("SELECT email FROM shop.leads WHERE score < $1").bind(50).persistent(false).fetch_all(&mut *conn).await?;
    few.iter().for_each(|row| place.mail(row.get(0)));
    let mut both =
        sqlx::raw_sql("SELECT email FROM shop.leads; SELECT count(*) FROM shop.products; SELECT 1 WHERE false").fetch_many(&mut *conn);
    let (mut mails, mut ends) = (0, 0);
    while let Some(step) = both.try_next().await? {
        match step {
            Either::Left(_) => ends += 1,
            Either::Right(row) if row.column(0).name() == "email" => {
                place.mail(row.get(0));
                mails += 1;
            }
            Either::Right(row) => same("counted", row.get::<i64, _>(0)),
        }
    }
    drop(both);
    same("several", (mails > 10, ends));
    // A stream that is dropped in the middle.
    for _ in 0..3 {
        let mut stream = sqlx::query("SELECT email FROM shop.customers").fetch(&mut *conn);
        for _ in 0..5 {
            place.mail(stream.try_next().await?.unwrap().get(0));
        }
    }
    same("one", sqlx::query_scalar::<_, i32>("SELECT $1 + 1").bind(41).fetch_one(&mut *conn).await?);
    same("none", sqlx::query("SELECT 1 WHERE false").fetch_optional(&mut *conn).await?.is_none());
    if place.masked() {
        assert_eq!(code(sqlx::query("SELECT upper(email) FROM shop.customers").fetch_all(&mut *conn).await), "42501");
        assert_eq!(code(sqlx::query("SELECT id FROM shop.customers WHERE email = $1").bind("x").fetch_all(&mut *conn).await), "42501");
    }
    Ok(())
}

/// What `query!` asks for when a program is compiled.
async fn described(conn: &mut PgConnection) -> Result {
    for sql in [
        "SELECT id, email, full_name, mood, device, created FROM shop.customers WHERE id = $1 AND city = $2",
        "SELECT c.id, p.name, count(*) AS n FROM shop.customers AS c CROSS JOIN shop.products AS p GROUP BY 1, 2",
        "SELECT $1::shop.mood AS mood, $2::shop.mail AS mail, $3::int[] AS many, 1 + $4::int8 AS sum",
        "INSERT INTO adhoc.sqlx_things (a, b) VALUES ($1, $2) RETURNING id, b",
        "UPDATE adhoc.sqlx_things SET b = $1 WHERE id = $2",
        "SELECT 1 AS one",
        "SET TIME ZONE 'UTC'",
    ] {
        let of = conn.describe(sql.into_sql_str()).await.map_err(|e| sqlx::Error::Protocol(format!("{sql}: {e}")))?;
        let columns: Vec<_> =
            of.columns().iter().enumerate().map(|(n, c)| (c.name().to_owned(), c.type_info().name().to_owned(), of.nullable(n))).collect();
        let parameters = of.parameters().map(|p| match p {
            Either::Left(types) => types.iter().map(|t| t.name().to_owned()).collect(),
            Either::Right(count) => vec![count.to_string()],
        });
        same(sql, (columns, parameters));
    }
    let statement = (&mut *conn).prepare("SELECT email, id FROM shop.customers WHERE id > $1".into_sql_str()).await?;
    same("prepared", statement.columns().iter().map(|c| (c.name(), c.type_info().name())).collect::<Vec<_>>());
    // Whether a column of an outer join can be NULL it reads from the plan's outputs, which a role with masks is not shown.
    conn.describe("SELECT c.id, p.alt FROM shop.customers AS c LEFT JOIN shop.profiles AS p ON p.email = c.email".into_sql_str()).await?;
    same("wrong", code(conn.describe("SELECT nope FROM shop.products".into_sql_str()).await));
    Ok(())
}

async fn types(conn: &mut PgConnection) -> Result {
    let row = sqlx::query(
        "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea, $9::uuid, $10::jsonb, $11::json, \
         $12::date, $13::time, $14::timestamp, $15::timestamptz, $16::int[], $17::text[], $18::uuid[], $19::int4range",
    )
    .bind(true)
    .bind(-2_i16)
    .bind(3)
    .bind(1_i64 << 53)
    .bind(1.5_f32)
    .bind(-0.25)
    .bind("ä'\\\n€")
    .bind(&[0_u8, 1, 255][..])
    .bind(Uuid::from_u128(77))
    .bind(Json(vec![Some(1), None]))
    .bind(Json("x"))
    .bind(time::Date::from_ordinal_date(2024, 60).unwrap())
    .bind(time::Time::from_hms(1, 2, 3).unwrap())
    .bind(time::PrimitiveDateTime::MIN.replace_year(2020).unwrap())
    .bind(time::OffsetDateTime::UNIX_EPOCH)
    .bind(vec![Some(1), None, Some(3)])
    .bind(["a", "b,\"c"])
    .bind([Uuid::nil()])
    .bind(PgRange::from(1..5))
    .fetch_one(&mut *conn)
    .await?;
    same("types", row.columns().iter().map(|c| c.type_info().name()).collect::<Vec<_>>());
    same(
        "numbers",
        (
            row.get::<bool, _>(0),
            row.get::<i16, _>(1),
            row.get::<i32, _>(2),
            row.get::<i64, _>(3),
            row.get::<f32, _>(4),
            row.get::<f64, _>(5),
        ),
    );
    same("texts", (row.get::<&str, _>(6), row.get::<&[u8], _>(7), row.get::<Uuid, _>(8), row.get::<Json<Vec<Option<i32>>>, _>(9)));
    same(
        "times",
        (
            row.get::<time::Date, _>(11),
            row.get::<time::Time, _>(12),
            row.get::<time::PrimitiveDateTime, _>(13),
            row.get::<time::OffsetDateTime, _>(14),
        ),
    );
    same(
        "more",
        (row.get::<Vec<Option<i32>>, _>(15), row.get::<Vec<String>, _>(16), row.get::<Vec<Uuid>, _>(17), row.get::<PgRange<i32>, _>(18)),
    );
    // These it looks up by name and by OID.
    conn.execute("DROP TYPE IF EXISTS adhoc.sqlx_pair; CREATE TYPE adhoc.sqlx_pair AS (a int, b text)").await?;
    let row = sqlx::query("SELECT $1 AS mood, $2 AS pair, $3 AS mail, ARRAY['high', 'low']::shop.mood[] AS moods")
        .bind(Mood::Mid)
        .bind(Pair { a: 7, b: None })
        .bind(Mail("x".to_owned()))
        .fetch_one(&mut *conn)
        .await?;
    same("custom", (row.get::<Mood, _>(0), row.get::<Pair, _>(1), row.get::<Mail, _>(2)));
    let address: IpAddr =
        sqlx::query_scalar::<_, sqlx::types::ipnet::IpNet>("SELECT '10.1.2.0/24'::cidr").fetch_one(&mut *conn).await?.addr();
    same("address", address);
    conn.execute("DROP TYPE adhoc.sqlx_pair").await?;
    Ok(())
}

async fn transactions(conn: &mut PgConnection) -> Result {
    conn.execute("DROP TABLE IF EXISTS adhoc.sqlx_things; CREATE TABLE adhoc.sqlx_things (id serial PRIMARY KEY, a int, b text)").await?;
    let mut outer = conn.begin().await?;
    let done = sqlx::query("INSERT INTO adhoc.sqlx_things (a, b) SELECT * FROM unnest($1::int[], $2::text[])")
        .bind(vec![1, 2, 3])
        .bind(["x", "y", "z"])
        .execute(&mut *outer)
        .await?;
    same("inserted", done.rows_affected());
    let mut inner = outer.begin().await?;
    same("deleted", sqlx::query("DELETE FROM adhoc.sqlx_things").execute(&mut *inner).await?.rows_affected());
    same("refused", code(sqlx::query("INSERT INTO adhoc.sqlx_things (id) VALUES (1), (1)").execute(&mut *inner).await));
    same("failed", code(sqlx::query("SELECT 1").execute(&mut *inner).await));
    inner.rollback().await?;
    same("back", sqlx::query_scalar::<_, i64>("SELECT count(*) FROM adhoc.sqlx_things").fetch_one(&mut *outer).await?);
    outer.commit().await?;
    // Dropped: rolled back before the next statement.
    {
        let mut dropped = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        sqlx::query("DELETE FROM adhoc.sqlx_things").execute(&mut *dropped).await?;
    }
    same("kept", sqlx::query_scalar::<_, i64>("SELECT count(*) FROM adhoc.sqlx_things").fetch_one(&mut *conn).await?);
    Ok(())
}

async fn copies(place: &Place, conn: &mut PgConnection) -> Result {
    let mut copy = conn.copy_in_raw("COPY adhoc.sqlx_things (a, b) FROM STDIN (FORMAT csv)").await?;
    copy.send(&b"10,ten\n11,\"ele"[..]).await?;
    copy.send(&b"ven\"\n12,\n"[..]).await?;
    same("copied in", copy.finish().await?);
    let mut copy = conn.copy_in_raw("COPY adhoc.sqlx_things (a, b) FROM STDIN").await?;
    copy.send(&b"99\tx\n"[..]).await?;
    same("aborted", copy.abort("no more").await.is_ok());
    let mut copy = conn.copy_in_raw("COPY adhoc.sqlx_things (a) FROM STDIN").await?;
    copy.send(&b"x\n"[..]).await?;
    same("wrong", code(copy.finish().await));
    same(
        "things",
        sqlx::query_as::<_, (Option<i32>, Option<String>)>("SELECT a, b FROM adhoc.sqlx_things ORDER BY id").fetch_all(&mut *conn).await?,
    );
    let out: Vec<_> = conn.copy_out_raw("COPY adhoc.sqlx_things (a, b) TO STDOUT (FORMAT csv, HEADER)").await?.try_collect().await?;
    same("copied out", String::from_utf8_lossy(&out.concat()));
    let out: Vec<_> =
        conn.copy_out_raw("COPY (SELECT email FROM shop.leads WHERE email IS NOT NULL) TO STDOUT").await?.try_collect().await?;
    String::from_utf8(out.concat()).unwrap().lines().for_each(|line| place.mail(Some(line)));
    let out: Vec<_> = conn.copy_out_raw("COPY shop.products TO STDOUT (FORMAT binary)").await?.try_collect().await?;
    same("bytes", out.concat().len());
    same("after", sqlx::query_scalar::<_, i32>("SELECT 5").fetch_one(&mut *conn).await?);
    conn.execute("DROP TABLE adhoc.sqlx_things").await?;
    Ok(())
}

async fn pool_and_listener(place: &Place, options: PgConnectOptions) -> Result {
    let pool: PgPool = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(120)).connect_with(options).await?;
    let all = (0..40).map(|n| sqlx::query_scalar::<_, i32>("SELECT $1 * 2").bind(n).fetch_one(&pool));
    same("pool", future::try_join_all(all).await?.iter().sum::<i32>());
    let mails = (0..20).map(|n| sqlx::query("SELECT email FROM shop.customers WHERE id > $1 LIMIT 5").bind(n).fetch_all(&pool));
    future::try_join_all(mails).await?.iter().flatten().for_each(|row| place.mail(row.get(0)));
    // A channel that only the analyst's policy opens.
    if place.masked() {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen_all(["jobs"]).await?;
        assert_eq!(code(listener.listen("secrets").await), "42501");
        sqlx::query("SELECT pg_notify($1, $2)").bind("jobs").bind("hello").execute(&pool).await?;
        let heard = listener.recv().await?;
        assert_eq!((heard.channel(), heard.payload()), ("jobs", "hello"));
        assert_eq!(code(sqlx::query("SELECT pg_notify($1, $2)").bind("secrets").bind("x").execute(&pool).await), "42501");
        let many =
            sqlx::query("SELECT pg_notify(chan, payload) FROM (VALUES ('jobs', 'notify one'), ('jobs', 'notify two')) v(chan, payload)");
        many.execute(&pool).await?;
        assert_eq!((listener.recv().await?.payload(), listener.recv().await?.payload()), ("notify one", "notify two"));
        listener.unlisten_all().await?;
    }
    let mut detached = pool.acquire().await?.detach();
    detached.execute("SET statement_timeout = '200ms'").await?;
    same("too slow", code(detached.execute("SELECT pg_sleep(100)").await));
    pool.close().await;
    Ok(())
}

async fn run(place: &Place) -> Result {
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(place.port)
        .database(&place.database)
        .username(&place.user)
        .password(&place.password);
    for options in [
        options.clone().ssl_mode(PgSslMode::Disable),
        options.clone().ssl_mode(PgSslMode::Disable).statement_cache_capacity(0),
        options.clone().ssl_mode(PgSslMode::Disable).application_name("report").extra_float_digits(2).options([("search_path", "shop")]),
    ] {
        let mut conn = options.connect().await?;
        conn.ping().await?;
        part("rows");
        rows(place, &mut conn).await?;
        part("types");
        types(&mut conn).await?;
        part("transactions");
        transactions(&mut conn).await?;
        part("described");
        described(&mut conn).await?;
        part("copies");
        copies(place, &mut conn).await?;
        conn.execute(AssertSqlSafe(format!("SET application_name = '{}'", place.role))).await?;
        conn.clear_cached_statements().await?;
        conn.close().await?;
        if place.masked() {
            // A COPY TO that fails before its data leaves the connection out of step, at Postgres too.
            let mut conn = options.connect().await?;
            assert_eq!(code(conn.copy_out_raw("COPY (SELECT upper(email) FROM shop.leads) TO STDOUT").await.map(drop)), "42501");
        }
        part("pool_and_listener");
        pool_and_listener(place, options).await?;
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
