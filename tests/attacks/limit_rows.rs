//! More rows or bytes than one statement may give: in pieces, by other doors, behind other statements.

use std::time::{Duration, Instant};

use pgveil_tests::client::{Answer, Call, Client, Message, bind};
use pgveil_tests::world::{Proxy, World};
use postgres_protocol::message::frontend;

const SCHEMA: &str = "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT n AS id, 'p' || n || '@example.org' AS email FROM generate_series(1, 100) AS n; \
                      CREATE TABLE s.done (id int)";
const MOST: usize = 10;

fn policy() -> String {
    format!(
        "version = 1\n[class.email]\ncolumns = [\"s.t.email\"]\n[role.masked]\nmask.email = \"hash\"\nlimits.rows = {MOST}\n\
         [role.clear]\ndefault = \"clear\"\nlimits = {{ rows = {MOST} }}\n[role.heir]\ninherits = [\"masked\", \"more\"]\n\
         [role.more]\nlimits.rows = 50\nlimits.bytes = 2000000\n[role.bytes]\ndefault = \"clear\"\nlimits.bytes = 600\n"
    )
}

const USERS: [(&str, &str); 5] = [("masked", "masked"), ("clear", "clear"), ("heir", "heir"), ("more", "more"), ("bytes", "bytes")];

struct Stage {
    proxy: Proxy,
    database: String,
}

impl Stage {
    fn new() -> Stage {
        Stage { proxy: World::get().proxy(&policy(), &USERS), database: World::get().database(SCHEMA) }
    }

    fn session(&self, user: &str) -> Client {
        Client::connect(&self.proxy.login(user, &self.database)).unwrap()
    }
}

/// Rows, and lines of COPY.
fn given(answer: &Answer) -> usize {
    answer.messages.iter().filter(|m| matches!(m, Message::DataRow(_) | Message::CopyData(_))).count()
}

fn over(answer: &Answer, rows: usize, what: &str) {
    assert_eq!((answer.sqlstate(), given(answer)), ("54000", rows), "{what}: {answer:?}");
    let error = answer.error().unwrap();
    assert!(error[&'M'].ends_with(&format!("a statement may give {MOST} rows at most")), "{what}: {error:?}");
    assert!(error[&'D'].starts_with("Rule: policy line ") && error.contains_key(&'H'), "{what}: {error:?}");
}

/// Parse and Bind under names, then Execute for each of the limits.
fn portal(session: &mut Client, sql: &str, limits: &[i32], syncs: bool) -> Vec<Answer> {
    session.pipeline(|out| {
        frontend::parse("", sql, [], out).unwrap();
        bind("p", "", &Call::default(), out);
        for limit in limits {
            frontend::execute("p", *limit, out).unwrap();
            if syncs {
                frontend::sync(out);
            }
        }
        if !syncs {
            frontend::sync(out);
        }
    });
    (0..if syncs { limits.len() } else { 1 }).map(|_| session.answer()).collect()
}

#[test]
fn no_statement_gives_more_rows_than_it_may() {
    let stage = Stage::new();
    for user in ["masked", "clear", "heir"] {
        let mut session = stage.session(user);
        for sql in [
            "SELECT id, email FROM s.t",
            "SELECT id FROM s.t UNION ALL SELECT id FROM s.t",
            "SELECT FROM s.t",
            "TABLE s.t",
            "VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11)",
            "SELECT generate_series(1, 1000000)",
            "SELECT oid FROM pg_catalog.pg_proc",
            "SHOW ALL",
            "INSERT INTO s.done SELECT id FROM s.t RETURNING id",
            "WITH w AS (INSERT INTO s.done SELECT id FROM s.t RETURNING id) SELECT id FROM w",
            "COPY s.t TO STDOUT",
            "COPY s.t (id) TO STDOUT",
            "COPY (SELECT id, email FROM s.t) TO STDOUT WITH (FORMAT csv)",
            "COPY (SELECT id FROM s.t) TO STDOUT WITH (FORMAT binary)",
            "PREPARE a AS SELECT id FROM s.t; EXECUTE a",
            &format!("EXPLAIN {}", ["SELECT id FROM s.t"; 11].join(" UNION ALL ")),
        ] {
            over(&session.query(sql), MOST, &format!("{user}: {sql}"));
            assert_eq!(session.status(), 'I', "{sql}");
            session.query("DEALLOCATE ALL").ok();
            if !sql.contains(';') {
                let call = Call { sql: sql.to_owned(), ..Call::default() };
                over(&session.call(&call), MOST, &format!("{user}, called: {sql}"));
            }
        }
        assert_eq!(session.query("SELECT count(*) FROM s.done").table(), "0", "{user}: what passed its limit is undone");
        // As many as it may give.
        for sql in [
            "SELECT id FROM s.t LIMIT 10",
            "COPY (SELECT id FROM s.t ORDER BY id LIMIT 10) TO STDOUT",
            "SELECT count(*), max(id) FROM s.t",
            "CREATE TEMP TABLE kept AS SELECT id, email FROM s.t",
        ] {
            session.query(sql).ok();
            let call = Call { sql: sql.replace("kept", "kept2"), ..Call::default() };
            session.call(&call).ok();
        }
        // Neither header line nor trailer is a row.
        for (form, lines) in [("FORMAT csv, HEADER", 11), ("FORMAT binary", 11)] {
            let answer = session.query(&format!("COPY (SELECT id FROM s.t LIMIT 10) TO STDOUT WITH ({form})")).ok();
            assert_eq!(given(&answer), lines, "{form}");
        }
        assert_eq!(session.query("SELECT count(*) FROM kept").table(), "100", "{user}");
    }
}

#[test]
fn in_pieces_it_is_one_statement_still() {
    let stage = Stage::new();
    for user in ["masked", "clear"] {
        let mut session = stage.session(user);
        // By the protocol, with a row limit; with and without a Sync in between.
        session.query("BEGIN").ok();
        let answers = portal(&mut session, "SELECT id, email FROM s.t", &[4, 4, 4, 4], true);
        let rows: Vec<_> = answers.iter().map(given).collect();
        assert_eq!(rows, [4, 4, 2, 0], "{user}: {answers:?}");
        assert_eq!((answers[2].sqlstate(), session.status()), ("54000", 'E'), "{user}");
        session.query("ROLLBACK").ok();
        let answers = portal(&mut session, "SELECT id, email FROM s.t", &[4, 4, 4, 4], false);
        over(&answers[0], MOST, user);
        // By cursors: forwards, backwards, binary, held, and by both doors in turn.
        for declare in ["", "SCROLL", "BINARY", "SCROLL"] {
            session.query("BEGIN").ok();
            session.query(&format!("DECLARE c {declare} CURSOR FOR SELECT id, email FROM s.t ORDER BY id")).ok();
            session.query("MOVE 20 IN c").ok();
            for fetch in ["FETCH 4 FROM c", if declare == "SCROLL" { "FETCH BACKWARD 4 FROM c" } else { "FETCH 4 FROM c" }] {
                assert_eq!(given(&session.query(fetch).ok()), 4);
            }
            over(&session.query("FETCH 4 FROM c"), 2, user);
            assert_eq!(session.query("FETCH c").sqlstate(), "25P02");
            session.query("ROLLBACK").ok();
        }
        session.query("BEGIN; DECLARE c CURSOR FOR SELECT id, email FROM s.t ORDER BY id").ok();
        assert_eq!(given(&session.query("FETCH 6 FROM c").ok()), 6);
        session.pipeline(|out| {
            frontend::execute("c", 6, out).unwrap();
            frontend::sync(out);
        });
        over(&session.answer(), 4, user);
        session.query("ROLLBACK").ok();
        session.query("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM s.t ORDER BY id; COMMIT").ok();
        assert_eq!(given(&session.query("FETCH 10 FROM h").ok()), 10);
        over(&session.query("FETCH h"), 0, user);
        over(&session.query("FETCH h"), 0, user);
        let fetch = Call { sql: "FETCH 3 FROM h".to_owned(), ..Call::default() };
        over(&session.call(&fetch), 0, user);
        session.query("CLOSE h").ok();
        // A savepoint does not give the rows back.
        session.query("BEGIN; DECLARE c CURSOR FOR SELECT id FROM s.t ORDER BY id").ok();
        session.query("SAVEPOINT x").ok();
        over(&session.query("FETCH ALL FROM c"), MOST, user);
        session.query("ROLLBACK TO x").ok();
        assert_eq!(given(&session.query("FETCH 10 FROM c")), 0, "{user}");
        session.query("ROLLBACK").ok();
    }
}

#[test]
fn what_stands_behind_it_is_not_run() {
    let stage = Stage::new();
    for user in ["masked", "clear"] {
        let mut session = stage.session(user);
        let texts = [
            "SELECT id FROM s.t; INSERT INTO s.done VALUES (1)",
            "INSERT INTO s.done VALUES (1); SELECT id FROM s.t; COMMIT; INSERT INTO s.done VALUES (2)",
            "BEGIN; INSERT INTO s.done VALUES (1); SELECT id FROM s.t; COMMIT",
            "COPY s.t TO STDOUT; INSERT INTO s.done VALUES (1)",
        ];
        for sql in texts {
            over(&session.query(sql), MOST, sql);
            let expected = if sql.starts_with("BEGIN") { 'E' } else { 'I' };
            assert_eq!(session.status(), expected, "{sql}");
            session.query("ROLLBACK");
            assert_eq!(session.query("SELECT count(*) FROM s.done").table(), "0", "{user}: {sql}");
        }
        // Each statement has a count of its own.
        assert_eq!(given(&session.query("SELECT id FROM s.t LIMIT 8; SELECT id FROM s.t LIMIT 8").ok()), 16);
        // A pipeline, without a Sync between its messages.
        session.pipeline(|out| {
            for sql in ["INSERT INTO s.done VALUES (1)", "SELECT 'before'", "SELECT id FROM s.t", "INSERT INTO s.done VALUES (2)"] {
                frontend::parse("", sql, [], out).unwrap();
                bind("", "", &Call::default(), out);
                frontend::execute("", 0, out).unwrap();
            }
            frontend::sync(out);
            frontend::query("SELECT 'after'", out).unwrap();
        });
        over(&session.answer(), MOST + 1, user);
        assert_eq!(session.answer().table(), "after");
        assert_eq!(session.query("SELECT count(*) FROM s.done").table(), "0", "{user}");
        // In a block it has failed.
        session.query("BEGIN; INSERT INTO s.done VALUES (1)").ok();
        over(&session.query("SELECT id FROM s.t"), MOST, user);
        assert_eq!(session.status(), 'E');
        assert_eq!(session.query("SELECT 1").sqlstate(), "25P02");
        assert_eq!(session.query("COMMIT").tags(), ["ROLLBACK"]);
        assert_eq!(session.query("SELECT count(*) FROM s.done").table(), "0", "{user}");
    }
}

#[test]
fn what_never_ends_is_ended() {
    let stage = Stage::new();
    for user in ["masked", "clear"] {
        let mut session = stage.session(user);
        for sql in [
            "SELECT repeat('x', 100), generate_series(1, 2000000000)",
            "COPY (SELECT repeat('x', 100), generate_series(1, 2000000000)) TO STDOUT",
            "SELECT t.id, v.n FROM s.t, generate_series(1, 20000) AS v (n)",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
        ] {
            for called in [false, true] {
                // Requests race with nothing of the next statement.
                for _ in 0..3 {
                    let begun = Instant::now();
                    let call = Call { sql: sql.to_owned(), ..Call::default() };
                    let answer = if called { session.call(&call) } else { session.query(sql) };
                    over(&answer, MOST, sql);
                    assert!(begun.elapsed() < Duration::from_secs(40), "{sql}: {:?}", begun.elapsed());
                    assert_eq!(session.query("SELECT count(*) FROM generate_series(1, 3000)").ok().table(), "3000");
                }
            }
        }
    }
}

#[test]
fn bytes_are_limited_too() {
    let stage = Stage::new();
    let mut session = stage.session("bytes");
    let bytes = |answer: &Answer| {
        let row = |row: &Vec<Option<Vec<u8>>>| 7 + row.iter().map(|v| 4 + v.as_ref().map_or(0, Vec::len)).sum::<usize>();
        answer.raw_rows().map(row).sum::<usize>()
    };
    let exact = session.query("SELECT repeat('x', 589)").ok();
    assert_eq!(bytes(&exact), 600);
    for sql in [
        "SELECT repeat('x', 590)",
        "SELECT repeat('x', 100000000)",
        "SELECT repeat('x', 50) FROM generate_series(1, 1000)",
        "SELECT string_agg(email, ',') FROM s.t",
        "COPY s.t TO STDOUT",
        "COPY (SELECT repeat('x', 596)) TO STDOUT",
    ] {
        let answer = session.query(sql);
        assert_eq!((answer.sqlstate(), answer.message()), ("54000", "role bytes: a statement may give 600 bytes of rows at most"), "{sql}");
        assert!(bytes(&answer) <= 600, "{sql}");
    }
    // What is no row must not be a way round either.
    for sql in [
        "SELECT string_agg(email, ',')::int FROM s.t",
        "SELECT set_config('application_name', string_agg(email, ','), false) FROM s.t",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(email, ',') FROM s.t); END $$",
    ] {
        let answer = session.query(sql);
        let told = format!("{:?}", answer.messages).len();
        assert!(told < 3000, "{sql}: {told} {answer:?}");
        assert!(!format!("{answer:?}").contains("p99@example.org"), "{sql}: {answer:?}");
    }
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
}

#[test]
fn another_limit_ends_the_session() {
    let stage = Stage::new();
    let (mut masked, mut more) = (stage.session("masked"), stage.session("more"));
    assert!(stage.proxy.change_policy(&policy().replace("limits.rows = 50", "limits.rows = 60")));
    assert_eq!(
        more.query("SELECT 1").message(),
        "terminating connection because the policy has changed: role \"more\" now has another limit"
    );
    assert_eq!(masked.query("SELECT 1").ok().table(), "1");
}

/// The protocol's own order of a driver that fetches as it goes.
#[test]
fn an_async_driver_goes_on() {
    let stage = Stage::new();
    let login = stage.proxy.login("masked", &stage.database);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(login.port).user(&login.user).dbname(&login.database).password(login.password.unwrap());
        let (mut client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        let code = |e: tokio_postgres::Error| e.code().unwrap().code().to_owned();
        let wide = client.prepare("SELECT id, email FROM s.t WHERE id <= $1").await.unwrap();
        assert_eq!(client.query(&wide, &[&10]).await.unwrap().len(), 10);
        assert_eq!(code(client.query(&wide, &[&11]).await.unwrap_err()), "54000");
        // Many at a time on one connection.
        let (a, b, c) = tokio::join!(client.query(&wide, &[&5]), client.query(&wide, &[&50]), client.query(&wide, &[&6]));
        assert_eq!((a.unwrap().len(), code(b.unwrap_err()).as_str(), c.unwrap().len()), (5, "54000", 6));
        let transaction = client.transaction().await.unwrap();
        let portal = transaction.bind(&wide, &[&100]).await.unwrap();
        assert_eq!(transaction.query_portal(&portal, 6).await.unwrap().len(), 6);
        assert_eq!(code(transaction.query_portal(&portal, 6).await.unwrap_err()), "54000");
        transaction.rollback().await.unwrap();
        assert_eq!(client.simple_query("SELECT 1").await.unwrap().len(), 3, "columns, a row, and its end");
        drop(client);
        driving.await.unwrap().unwrap();
    });
}

/// A request to cancel reaches a statement whose Sync is still held back.
#[test]
fn a_request_to_cancel_is_heard() {
    let stage = Stage::new();
    let mut session = stage.session("clear");
    let (process, secret) = session.key.clone().unwrap();
    let sql = "SELECT count(*) FROM generate_series(1, 2000000000)";
    for called in [false, true] {
        match called {
            true => session.put_call(&Call { sql: sql.to_owned(), ..Call::default() }),
            false => session.put_query(sql),
        }
        std::thread::sleep(Duration::from_millis(700));
        let request = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &process.to_be_bytes(), &secret].concat();
        let mut other = Client::open("127.0.0.1", stage.proxy.addr().port());
        other.send(&request);
        assert_eq!(other.byte(), None);
        assert_eq!(session.answer().sqlstate(), "57014", "called: {called}");
    }
    assert_eq!(session.query("SELECT 1").ok().table(), "1");
}
