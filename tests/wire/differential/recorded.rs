//! What real clients send: recorded conversations, whole and cut into pieces.
//!
//! An admin hears what Postgres says; an analyst hears the same however the bytes are cut, and no protected value. To record anew: run
//! `make test-clients` with `PGVEIL_RECORD=FOLDER`, then these tests with `PGVEIL_RECORD=FOLDER PGVEIL_BLESS=1`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pgveil::demo::cluster::SUPERUSER;
use pgveil_tests::canary;
use pgveil_tests::client::Login;
use pgveil_tests::stage::Stage;
use pgveil_tests::world::{Proxy, World};

use super::super::message;
use super::compare::{Verdict, Whose, compare};
use super::report;
use super::speak::{End, Heard, Line, Split};

/// Of what is kept for one client, and of one conversation in it: bytes as they are written down.
const MOST: usize = 14_000;
const MOST_OF_ONE: usize = 5_000;
/// Statements of one conversation that define something, at most.
const DEFINITIONS: usize = 2;
/// Conversations of each client in a usual run.
const USUAL: usize = 3;
/// Of a client that names what is not there: an analyst's statement that does so waits for the catalog, once a second.
const SLOW: [&str; 1] = ["tokio_postgres"];
/// The tables that pgbench makes before it begins.
const PGBENCH: &str = "\
    CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22)); \
    CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84)); \
    CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84)); \
    CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88)); \
    INSERT INTO pgbench_branches VALUES (1, 0); INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, 10) AS g (n); \
    INSERT INTO pgbench_accounts SELECT n, 1, 0 FROM generate_series(1, 100000, 7) AS g (n); \
    ALTER TABLE pgbench_history OWNER TO pgveil; ALTER TABLE pgbench_tellers OWNER TO pgveil; \
    ALTER TABLE pgbench_accounts OWNER TO pgveil; ALTER TABLE pgbench_branches OWNER TO pgveil";
/// Stands for the database's name.
const DATABASE: &[u8] = b"{database}";

/// Two copies of the database that the client's test has, behind the same policy.
struct Stand {
    proxy: &'static Proxy,
    databases: [String; 2],
}

impl Stand {
    fn of_python() -> Stand {
        static PROXY: OnceLock<Proxy> = OnceLock::new();
        let world = World::get();
        let policy = include_str!("../../clients/python/policy.toml");
        let proxy = PROXY.get_or_init(|| world.proxy(policy, &["analyst", "admin"].map(|user| (user, user))));
        let database = || {
            let name = world.database(include_str!("../../clients/python/schema.sql"));
            world.cluster().execute("postgres", &format!("GRANT CREATE, TEMP ON DATABASE {name} TO pgveil")).unwrap();
            name
        };
        Stand { proxy, databases: [database(), database()] }
    }

    fn of_others() -> Stand {
        Stand { proxy: Stage::writable().proxy, databases: [Stage::workshop(), Stage::workshop()] }
    }

    fn of_pgbench() -> Stand {
        let stand = Stand::of_others();
        for database in &stand.databases {
            World::get().cluster().execute(database, PGBENCH).unwrap();
        }
        stand
    }

    /// Straight to the first or second database.
    fn direct(&self, which: usize) -> Line {
        let cluster = World::get().cluster();
        Line::new(Login::local(cluster.port(), &self.databases[which], SUPERUSER, cluster.password()))
    }

    fn veiled(&self, role: &str, which: usize) -> Line {
        Line::new(Login::local(self.proxy.addr().port(), &self.databases[which], role, &self.proxy.password(role)))
    }

    /// Plays it there; what hangs on which of the two databases it is, is taken out.
    fn play(&self, line: &mut Line, which: usize, conversation: &[Vec<u8>], split: Split) -> Heard {
        let name = self.databases[which].as_bytes();
        let script: Vec<_> = conversation.iter().map(|m| message(m[0], &replaced(&m[1..], DATABASE, name))).collect();
        let mut heard = line.run(&script, End::Reset, split);
        for frame in &mut heard.frames {
            frame.body = replaced(&frame.body, name, DATABASE);
        }
        super::masked::without_origin(heard)
    }
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

fn file(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/differential/recorded").join(format!("{client}.txt"))
}

/// Conversations of messages: each its type and its body. Written down they are a line each, with a blank line between conversations.
fn read(text: &str) -> Vec<Vec<Vec<u8>>> {
    text.split("\n\n").map(|block| block.lines().map(unescaped).collect()).filter(|c: &Vec<_>| !c.is_empty()).collect()
}

fn written(conversation: &[Vec<u8>]) -> String {
    conversation.iter().map(|m| format!("{}\n", m.escape_ascii())).collect()
}

/// The reverse of `escape_ascii`.
fn unescaped(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().expect("what is escaped") {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next(), bytes.next()].map(|d| char::from(d.expect("a digit")));
                    u8::from_str_radix(&String::from_iter(digits), 16).expect("two digits")
                }
                other => other,
            },
            other => other,
        });
    }
    out
}

/// What a connection's bytes are after its login: where it was in plain, as the engineer, and was not a CancelRequest.
fn conversation(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (head, _) = bytes.split_first_chunk::<4>()?;
    let (startup, mut rest) = bytes.split_at_checked(u32::from_be_bytes(*head) as usize)?;
    let fields: Vec<&[u8]> = startup.get(8..)?.split(|b| *b == 0).collect();
    let field = |name: &[u8]| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    let database = field(b"database")?;
    let mut messages = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let (body, after) = after.split_at_checked(u32::from_be_bytes([head[1], head[2], head[3], head[4]]).checked_sub(4)? as usize)?;
        messages.push([&head[..1], body].concat());
        rest = after;
    }
    messages.retain(|m| m[0] != b'p' && m[0] != b'X');
    let has = |m: &[u8], text: &[u8]| m.windows(text.len()).any(|w| w == text);
    // What waits takes time; a session's reset ends each of our conversations; a value's length would be another.
    let last = messages.iter().position(|m| has(m, b"pg_sleep") || has(m, b"DISCARD") || m[0] == b'B' && has(m, database));
    messages.truncate(last.unwrap_or(messages.len()));
    // The catalog is read again after each.
    let definition = |m: &[u8]| [&b"create"[..], b"drop", b"alter"].iter().any(|word| has(&m.to_ascii_lowercase(), word));
    let third = messages.iter().enumerate().filter(|(_, m)| matches!(m[0], b'Q' | b'P') && definition(m)).nth(DEFINITIONS).map(|(n, _)| n);
    messages.truncate(third.unwrap_or(messages.len()));
    let messages = messages.into_iter().map(|m| replaced(&m, database, DATABASE)).collect();
    (field(b"user") == Some(b"engineer") && rest.is_empty()).then_some(messages)
}

/// Chooses from what was recorded: what Postgres answers alike on both databases, and has something new in it.
fn choose(client: &str, test: &str, folder: &Path, again: fn() -> Stand) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(test)));
    files.sort_by_key(|path| path.extension().map(ToOwned::to_owned));
    assert!(!files.is_empty(), "{test} was not recorded");
    let mut chosen: Vec<Vec<Vec<u8>>> = Vec::new();
    let (mut known, mut total) = (HashSet::new(), 0);
    let stand = again();
    let (mut one, mut other) = (stand.direct(0), stand.direct(1));
    for path in files {
        let Some(mut messages) = conversation(&std::fs::read(path).unwrap()) else { continue };
        let mut size = 0;
        let mut fits = |m: &Vec<u8>| {
            size += m.escape_ascii().count();
            size < MOST_OF_ONE
        };
        messages.truncate(messages.iter().take_while(|m| fits(m)).count());
        // Of what is not answered alike, its beginning.
        while messages.len() > 1 && !alike(&stand, &mut one, &mut other, &messages) {
            messages.truncate(messages.len() / 2);
        }
        let new: Vec<Vec<u8>> = messages.iter().filter(|m| matches!(m[0], b'Q' | b'P') && !known.contains(*m)).cloned().collect();
        let size: usize = messages.iter().map(|m| m.escape_ascii().count()).sum();
        if messages.len() > 1 && !new.is_empty() && total + size < MOST {
            known.extend(new);
            total += size;
            chosen.push(messages);
        }
    }
    // Numbers of objects hang on what was made before: once more, on what is fresh.
    for _ in 0..2 {
        let stand = again();
        let (mut one, mut other) = (stand.direct(0), stand.direct(1));
        chosen.retain(|messages| alike(&stand, &mut one, &mut other, messages));
    }
    let text: Vec<String> = chosen.iter().map(|messages| written(messages)).collect();
    std::fs::write(file(client), text.join("\n")).unwrap();
}

/// Postgres answers both alike, and soon.
fn alike(stand: &Stand, one: &mut Line, other: &mut Line, messages: &[Vec<u8>]) -> bool {
    let begun = Instant::now();
    let theirs = stand.play(one, 0, messages, Split::Whole);
    let quick = begun.elapsed() < Duration::from_secs(1);
    stand.play(other, 1, messages, Split::Whole) == theirs && quick
}

fn differ(client: &str, test: &str, stand: fn() -> Stand) {
    if let (Some(folder), true) = (std::env::var_os("PGVEIL_RECORD"), std::env::var_os("PGVEIL_BLESS").is_some()) {
        choose(client, test, Path::new(&folder), stand);
    }
    let mut conversations = read(&std::fs::read_to_string(file(client)).unwrap());
    // Tables are dropped last: others go by them.
    conversations.sort_by_key(|messages| messages.iter().any(|m| m.starts_with(b"Qdrop table")));
    // `make fuzz` has the time for all.
    if std::env::var_os("PGVEIL_FUZZ").is_none() {
        conversations.truncate(if SLOW.contains(&client) { 1 } else { USUAL });
    }
    assert!(!conversations.is_empty());
    let same = |n: usize, who: &str, theirs: &Heard, ours: &Heard| {
        if let Verdict::Different(theirs, ours, same) = compare(Whose::Admin, theirs, ours) {
            let script: Vec<_> = conversations[n].iter().map(|m| message(m[0], &m[1..])).collect();
            panic!("{client}, {who}, {}", report(n as u64, End::Reset, &script, &theirs, &ours, same));
        }
    };
    let own = stand();
    let (mut direct, mut veiled) = (own.direct(0), own.veiled("admin", 1));
    for (n, messages) in conversations.iter().enumerate() {
        let theirs = own.play(&mut direct, 0, messages, Split::Whole);
        same(n, "admin", &theirs, &own.play(&mut veiled, 1, messages, split(n, messages)));
    }
    let stand = stand();
    let (mut whole, mut pieces) = (stand.veiled("analyst", 0), stand.veiled("analyst", 1));
    for (n, messages) in conversations.iter().enumerate() {
        let one = stand.play(&mut whole, 0, messages, Split::Whole);
        let other = stand.play(&mut pieces, 1, messages, split(n, messages));
        same(n, "analyst, whole and in pieces", &one, &other);
        let heard: Vec<u8> = other.frames.iter().flat_map(|f| &f.body).copied().collect();
        canary::assert_clean(&messages.concat(), &heard);
    }
    println!("{client}: {} conversations, {} messages", conversations.len(), conversations.iter().map(Vec::len).sum::<usize>());
}

/// Every third as it is.
fn split(n: usize, messages: &[Vec<u8>]) -> Split {
    match (n % 3, messages.iter().map(Vec::len).sum::<usize>()) {
        (2, _) => Split::Whole,
        (_, 0..1_000) => Split::Bytes,
        _ => Split::Random(n as u64),
    }
}

#[test]
fn psql() {
    differ("psql", "native-psql-", Stand::of_others);
}

#[test]
fn pgbench() {
    differ("pgbench", "native-pgbench-", Stand::of_pgbench);
}

#[test]
fn libpq() {
    differ("libpq", "native-libpq-", Stand::of_others);
}

#[test]
fn jdbc() {
    differ("jdbc", "native-jdbc-", Stand::of_others);
}

#[test]
fn odbc() {
    differ("odbc", "native-odbc-", Stand::of_others);
}

#[test]
fn node() {
    differ("node", "native-node-", Stand::of_others);
}

#[test]
fn sqlx() {
    differ("sqlx", "native-rust-sqlx", Stand::of_others);
}

#[test]
fn tokio_postgres() {
    differ("tokio_postgres", "native-rust-tokio_postgres", Stand::of_others);
}

#[test]
fn psycopg2() {
    differ("psycopg2", "python-psycopg2-", Stand::of_python);
}

#[test]
fn psycopg3() {
    differ("psycopg3", "python-psycopg3-", Stand::of_python);
}

#[test]
fn asyncpg() {
    differ("asyncpg", "python-asyncpg-", Stand::of_python);
}

#[test]
fn sqlalchemy() {
    differ("sqlalchemy", "python-sqlalchemy-", Stand::of_python);
}

#[test]
fn django() {
    differ("django", "python-django-", Stand::of_python);
}

#[test]
fn dbt() {
    differ("dbt", "python-dbt-", Stand::of_python);
}

#[test]
fn pgcli() {
    differ("pgcli", "python-pgcli-", Stand::of_python);
}
