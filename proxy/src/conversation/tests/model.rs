//! A server that keeps Postgres' rules of names, errors and Sync, under clients that send anything.

use std::collections::{HashMap, VecDeque};

use pgveil_policy::policy::{Limit, Limits};

use super::super::{Conversation, End, Out};
use super::fake::{Client, FakeJudge, Server, frames, values};

/// xorshift, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A portal of the server's.
#[derive(Clone)]
struct Portal {
    sql: String,
    hold: bool,
    /// It has outlived its transaction.
    kept: bool,
    binary: bool,
    number: usize,
    /// Rows that it has given.
    given: u64,
    /// It was bound with results in binary.
    bound_binary: bool,
}

/// The parts of Postgres that decide what a name means. A sealed column holds `RAW`, a clear one `open`.
#[derive(Default)]
struct Postgres {
    statements: HashMap<String, String>,
    portals: HashMap<String, Portal>,
    numbers: usize,
    skipping: bool,
    /// A transaction block is open; it has failed.
    block: Option<bool>,
    /// Portals from this number on are dropped by ROLLBACK TO.
    savepoint: Option<usize>,
    fails: Vec<usize>,
    seen: usize,
    /// A client speaks with it directly: its texts are as it wrote them.
    direct: bool,
    /// Rows that each query gives beside one.
    more: u64,
    /// It fails where it would give another row than so many.
    most: Option<u64>,
    /// By the portal that runs now, before it does.
    given: u64,
}

impl Postgres {
    fn takes(&mut self, tag: u8, body: &[u8], out: &mut Server) {
        self.seen += 1;
        let text = String::from_utf8_lossy(body).into_owned();
        let parts: Vec<&str> = text.split('\0').collect();
        if tag == b'S' {
            if !self.skipping {
                self.ends(true);
            }
            self.skipping = false;
            return self.ready(out);
        }
        if self.skipping {
            return;
        }
        // A Describe that fails where its Parse did not (a cancel between them) leaves a statement that has no witness: a session that
        // had already asked for it in a later segment is ended. That is a transcript of its own. Flush cannot fail.
        let fails = !matches!(tag, b'D' | b'H') && self.fails.contains(&self.seen);
        if tag == b'Q' {
            self.statements.remove("");
            self.portals.remove("");
            let texts: Vec<&str> = parts[0].split(';').map(str::trim).collect();
            let plain: Option<Vec<String>> = texts.iter().map(|text| self.text(text)).collect();
            let done = plain.filter(|_| !fails).and_then(|all| all.iter().try_for_each(|sql| self.simple(sql, out)));
            if done.is_none() {
                out.error("42601", "syntax error");
                self.failed();
            } else {
                self.ends(true);
            }
            return self.ready(out);
        }
        let done = !fails && self.extended(tag, &parts, out).is_some();
        if !done {
            out.error("42601", "it failed");
            self.failed();
            self.skipping = true;
        }
    }

    fn ready(&self, out: &mut Server) {
        out.ready(match self.block {
            None => 'I',
            Some(false) => 'T',
            Some(true) => 'E',
        });
    }

    fn failed(&mut self) {
        match self.block {
            None => self.ends(false),
            Some(_) => self.block = Some(true),
        }
    }

    /// The implicit transaction ends, if there is no other.
    fn ends(&mut self, commits: bool) {
        if self.block.is_none() {
            self.over(commits);
        }
    }

    fn over(&mut self, commits: bool) {
        self.portals.retain(|_, p| p.kept || p.hold && commits);
        self.portals.values_mut().for_each(|p| p.kept = true);
        (self.block, self.savepoint) = (None, None);
    }

    fn simple(&mut self, sql: &str, out: &mut Server) -> Option<()> {
        let format = match self.rows_of(sql) {
            Some((pattern, binary)) => {
                let format = u8::from(binary && sql.starts_with("fetch"));
                out.columns_in(format, &origins(&pattern));
                format
            }
            None => 0,
        };
        self.run(sql, format == 1, out)
    }

    fn extended(&mut self, tag: u8, parts: &[&str], out: &mut Server) -> Option<()> {
        match tag {
            b'P' => {
                let (name, sql) = (parts[0], parts[1]);
                if name.is_empty() {
                    self.statements.remove("");
                }
                let plain = self.text(sql).or(sql.starts_with("SELECT").then_some("path".to_owned()))?;
                self.alive(&plain)?;
                if self.statements.contains_key(name) {
                    return None;
                }
                self.statements.insert(name.into(), plain);
                out.bare('1');
            }
            b'B' => {
                if parts[0].is_empty() {
                    self.portals.remove("");
                }
                let sql = self.statements.get(parts[1])?.clone();
                self.alive(&sql)?;
                // What is bound to a parameter of tokens has been turned back, and nothing else.
                if let Some(value) = parts.iter().skip(2).find(|part| part.ends_with("ana")) {
                    assert_eq!(value.ends_with("tana"), self.direct || !sql.contains("token"), "{sql}: {value:?}");
                }
                self.open(parts[0], sql, false, false)?;
                let binary = parts.last() == Some(&"\u{1}");
                self.portals.entry(parts[0].into()).and_modify(|portal| portal.bound_binary = binary);
                out.bare('2');
            }
            b'D' => {
                let name = parts[0].get(1..)?;
                let (sql, binary) = if parts[0].starts_with('S') {
                    let sql = self.statements.get(name)?.clone();
                    out.parameters(0);
                    (sql, false)
                } else {
                    let portal = self.portals.get(name)?;
                    (portal.sql.clone(), portal.bound_binary)
                };
                if self.block == Some(true) && self.rows_of(&sql).is_some() {
                    return None;
                }
                match self.rows_of(&sql) {
                    Some((pattern, _)) => out.columns_in(u8::from(binary), &origins(&pattern)),
                    None => out.bare('n'),
                }
            }
            b'E' => {
                let portal = self.portals.get_mut(parts[0])?;
                let (sql, binary) = (portal.sql.clone(), portal.bound_binary);
                self.given = portal.given;
                portal.given += self.more + 1;
                let done = self.run(&sql, binary, out);
                self.given = 0;
                done?;
            }
            b'C' => {
                let name = parts[0].get(1..)?;
                if parts[0].starts_with('S') {
                    self.statements.remove(name);
                } else {
                    self.portals.remove(name);
                }
                out.bare('3');
            }
            b'H' => {}
            _ => return None,
        }
        Some(())
    }

    /// In a failed transaction nothing is run but its end.
    fn alive(&self, sql: &str) -> Option<()> {
        (self.block != Some(true) || ["commit", "rollback", "rollback to"].contains(&sql)).then_some(())
    }

    fn open(&mut self, name: &str, sql: String, hold: bool, binary: bool) -> Option<()> {
        if self.portals.contains_key(name) {
            return None;
        }
        self.numbers += 1;
        let portal = Portal { sql, hold, kept: false, binary, number: self.numbers, given: 0, bound_binary: false };
        self.portals.insert(name.into(), portal);
        Some(())
    }

    /// What comes in its place where a client's text goes through a conversation.
    fn text(&self, text: &str) -> Option<String> {
        if self.direct {
            return (!text.starts_with("deny")).then(|| text.to_owned());
        }
        let execute = || Some(format!("execute {}", text.strip_prefix("EXECUTE \"")?.strip_suffix('"')?));
        let as_it_is = ["close ", "deallocate "].iter().any(|word| text.starts_with(word));
        text.strip_prefix("sent:").or(as_it_is.then_some(text)).map(str::to_owned).or_else(execute)
    }

    /// The columns of what a text gives; whether in binary, if a simple query asks.
    fn rows_of(&self, sql: &str) -> Option<(String, bool)> {
        let of = |sql: &str| sql.strip_prefix("rows ").map(str::to_owned);
        match sql.split_once(' ')? {
            ("rows", pattern) => Some((pattern.to_owned(), false)),
            ("execute", name) => Some((of(self.statements.get(name)?)?, false)),
            ("fetch", name) => self.portals.get(name).and_then(|p| Some((of(&p.sql)?, p.binary))),
            _ => None,
        }
    }

    fn run(&mut self, sql: &str, binary: bool, out: &mut Server) -> Option<()> {
        self.alive(sql)?;
        let (word, rest) = sql.split_once(' ').unwrap_or((sql, ""));
        let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "rows" | "execute" | "fetch" => {
                let (pattern, _) = self.rows_of(sql)?;
                let raw = if binary { "RAW2" } else { "RAW" };
                let row: Vec<_> = pattern.chars().map(|c| Some(if c == 's' { raw } else { "open" })).collect();
                for n in 0..=self.more {
                    if self.most == Some(self.given + n) {
                        return None;
                    }
                    out.row(&row);
                }
                if pattern == "f" {
                    return None;
                }
            }
            "path" => out.row(&[Some(r#"["pg_catalog","public"]"#)]),
            "prepare" if self.statements.contains_key(name) => return None,
            "prepare" => drop(self.statements.insert(name.into(), more.into())),
            "declare" | "binary" if self.block.is_none() => return None,
            "declare" | "binary" | "hold" => self.open(name, more.into(), word == "hold", word == "binary")?,
            "move" => drop(self.portals.get(name).filter(|p| p.sql.starts_with("rows "))?),
            "close" if rest == "all" => self.portals.clear(),
            "close" => drop(self.portals.remove(name)?),
            "deallocate" if rest == "all" => self.statements.retain(|name, _| name.is_empty()),
            "deallocate" => drop(self.statements.remove(name)?),
            "begin" => self.block = Some(self.block.unwrap_or(false)),
            "savepoint" => {
                self.block?;
                self.savepoint = Some(self.numbers);
            }
            "rollback" if rest == "to" => {
                let from = self.savepoint?;
                self.portals.retain(|_, p| p.number <= from || p.kept);
                self.block = Some(false);
            }
            "commit" | "rollback" => {
                let commits = word == "commit" && self.block != Some(true);
                self.over(commits);
            }
            _ => {}
        }
        out.complete("DONE");
        Some(())
    }
}

fn origins(pattern: &str) -> Vec<(u32, i16)> {
    pattern.chars().map(|c| if c == 's' { (9, 1) } else { (9, 2) }).collect()
}

/// Of a parameter that holds tokens, and of others.
const TOKENS: &[&str] = &["rows token", "rows s", "rows token", "rows -", "rows token", "set x"];

const TEXTS: &[&str] = &["rows s", "rows -", "rows s-", "rows -s", "set path", "set x", "deny", "rows f", "rows s", "rows -", "create t"];

/// Of a Query only: several statements, of which later ones hang on earlier ones.
const SEVERAL: &[&str] =
    &["rows s;rows -", "set path;rows s", "create t;rows -s;set path;rows s-", "rows s;set path", "create t;rows f;rows s"];

/// Of names, and of the transactions in which they live.
const NAMED: &[&str] = &[
    "prepare a rows s",
    "prepare a rows -",
    "prepare b rows s-",
    "execute a",
    "execute b",
    "deallocate a",
    "deallocate all",
    "begin",
    "begin",
    "savepoint x",
    "rollback to",
    "commit",
    "rollback",
    "declare a rows s",
    "declare a rows -",
    "declare b rows s-",
    "hold b rows -s",
    "hold a rows s",
    "binary a rows s",
    "binary b rows -",
    "fetch a",
    "fetch b",
    "fetch a",
    "move b",
    "close a",
    "close all",
    "rows s",
    "rows -",
    "begin;declare a rows s;fetch a;close a",
    "begin;declare b rows -;fetch b;commit",
    "begin;savepoint x;binary a rows s",
    "fetch a;move a;fetch a",
    "rollback to;declare b rows s;fetch b",
    "prepare b rows -;execute b;deallocate b;prepare b rows s;execute b",
    "deny",
];

fn message(random: &mut Random, client: &mut Client, texts: &[&'static str]) {
    let name = random.one(&["", "a", "b"]);
    let other = random.one(&["", "a", "b"]);
    match random.below(13) {
        0 if random.below(2) == 0 => client.query(random.one(SEVERAL)),
        0 => client.query(random.one(texts)),
        1..=3 => client.parse(name, random.one(texts)),
        4..=5 => client.bind_value(name, other, "tana"),
        6..=7 => client.execute(name),
        8 => client.describe(['S', 'P'][random.below(2)], name),
        9 => client.close(['S', 'P'][random.below(2)], name),
        10 => client.flush(),
        _ => client.sync(),
    }
}

/// Sends all of `messages` through a conversation, in pieces and with delays by chance; what the client is told, and how it ended
/// if it did.
fn through(random: &mut Random, messages: &[u8], postgres: Postgres, seed: u64) -> (Vec<(u8, Vec<u8>)>, Option<End>) {
    through_within(random, messages, postgres, seed, None)
}

/// The same for a role whose statements may give so many rows and no more.
fn through_within(
    random: &mut Random,
    messages: &[u8],
    mut postgres: Postgres,
    seed: u64,
    rows: Option<u64>,
) -> (Vec<(u8, Vec<u8>)>, Option<End>) {
    let limits = Limits { rows: rows.map(|most| Limit { most, line: 1 }), ..Limits::default() };
    let mut conversation = Conversation::new(FakeJudge::within(limits), "KEYKEYKEY".into(), r#"["pg_catalog","public"]"#);
    let mut pulled = false;
    let (mut to_come, mut pending, mut out) = (messages.to_vec(), VecDeque::new(), Out::default());
    let (mut answers, mut told) = (Server::default(), Vec::new());
    // What the server says and does not send yet.
    let mut kept = Server::default();
    let mut turns = 0;
    while !(to_come.is_empty() && pending.is_empty() && answers.0.is_empty() && !conversation.is_under_way()) {
        turns += 1;
        assert!(turns < 20_000, "stuck, seed {seed}: {conversation:?}");
        if rows.is_some() && random.below(4) == 0 {
            if std::mem::take(&mut pulled) {
                conversation.braked();
            }
            pulled = conversation.wants_brake();
        }
        match random.below(3) {
            0 => {
                let some = (random.below(200) + 1).min(to_come.len());
                let n = if random.below(4) == 0 { to_come.len() } else { some };
                let used = match conversation.from_client(&to_come[..n], &mut out) {
                    Ok(used) => used,
                    Err(end) => return (frames(&told), Some(end)),
                };
                to_come.drain(..used);
            }
            1 => {
                if let Some((tag, body)) = pending.pop_front() {
                    let body: Vec<u8> = body;
                    postgres.takes(tag, &body, &mut kept);
                    // It is asked for it, has failed, or has no room for more.
                    let all = matches!(tag, b'S' | b'Q' | b'H') || postgres.skipping;
                    let n = if all { kept.0.len() } else { random.below(kept.0.len() + 1) };
                    if all || random.below(3) == 0 {
                        answers.0.extend(kept.0.drain(..n));
                    }
                }
            }
            _ => {
                let n = random.below(answers.0.len() + 1);
                let used = match conversation.from_server(&answers.0[..n], &mut out) {
                    Ok(used) => used,
                    Err(end) => return (frames(&told), Some(end)),
                };
                answers.0.drain(..used);
            }
        }
        pending.extend(frames(&std::mem::take(&mut out.to_server)));
        told.append(&mut out.to_client);
    }
    (frames(&told), None)
}

/// More texts than messages: most pipelines of messages alone end in an error.
fn of_names(random: &mut Random) -> Vec<u8> {
    let mut client = Client::default();
    for _ in 0..60 {
        let name = random.one(&["", "a", "b"]);
        match random.below(12) {
            0..=6 => client.query(random.one(NAMED)),
            7 => {
                // As drivers send it.
                client.parse("", random.one(NAMED));
                client.bind("", "", &[]);
                client.execute("");
                client.sync();
            }
            8 => {
                client.bind(name, random.one(&["a", "b"]), &[]);
                client.execute(name);
                client.sync();
            }
            9 => {
                client.execute(name);
                client.sync();
            }
            _ => message(random, &mut client, NAMED),
        }
    }
    client.sync();
    client.0
}

fn pipeline(random: &mut Random, texts: &[&'static str]) -> Vec<u8> {
    let mut client = Client::default();
    for _ in 0..60 {
        message(random, &mut client, texts);
    }
    client.sync();
    client.0
}

fn ended_ready(told: &[(u8, Vec<u8>)], end: Option<End>, seed: u64) {
    assert_eq!(end, None, "seed {seed}");
    assert_eq!(told.last().map(|(tag, _)| *tag), Some(b'Z'), "seed {seed} did not end ready");
}

/// Whatever is pipelined and wherever it fails, no row meets the masks of another statement, and no session is ended or stuck.
#[test]
fn rows_meet_their_own_masks_in_every_pipeline() {
    let mut masked = 0;
    for seed in 1..1500_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let messages = pipeline(&mut random, TEXTS);
        let postgres = Postgres { fails: (0..6).map(|_| random.below(120)).collect(), ..Postgres::default() };
        let (told, end) = through(&mut random, &messages, postgres, seed);
        for (tag, body) in &told {
            if *tag == b'D' {
                for value in values(body).into_iter().flatten() {
                    assert!(value == "#raw" || value == "open", "seed {seed}: {value}");
                    masked += usize::from(value == "#raw");
                }
            }
        }
        ended_ready(&told, end, seed);
    }
    assert!(masked > 500, "only {masked} masked values: the pipelines no longer reach rows");
}

/// Wherever the server's answers are cut, a token is turned back for the statement that it is bound to, and for no other.
#[test]
fn tokens_are_turned_back_for_their_own_statement_in_every_pipeline() {
    let mut found = 0;
    for seed in 1..1500_u64 {
        let mut random = Random(seed.wrapping_mul(0xC2B2_AE3D_27D4_EB4F));
        let messages = pipeline(&mut random, TOKENS);
        let postgres = Postgres { fails: (0..3).map(|_| random.below(160)).collect(), ..Postgres::default() };
        let (told, end) = through(&mut random, &messages, postgres, seed);
        assert_eq!(end, None, "seed {seed}");
        found += told.iter().filter(|(tag, body)| *tag == b'D' && values(body).len() == "token".len()).count();
    }
    assert!(found > 300, "only {found} rows were found by a token");
}

/// The same where prepared statements and cursors are made, used and ended by SQL and by messages, in transactions that fail and roll back.
#[test]
fn rows_of_names_meet_their_own_masks() {
    let (mut masked, mut binary) = (0, 0);
    for seed in 1..3000_u64 {
        let mut random = Random(seed.wrapping_mul(0xA24B_AED4_963E_E407));
        let messages = if seed % 4 == 0 { pipeline(&mut random, NAMED) } else { of_names(&mut random) };
        let postgres = Postgres { fails: (0..2).map(|_| random.below(160)).collect(), ..Postgres::default() };
        let (told, end) = through(&mut random, &messages, postgres, seed);
        for (tag, body) in &told {
            if *tag == b'D' {
                for value in values(body).into_iter().flatten() {
                    assert!(["#raw", "%raw2", "open"].contains(&value.as_str()), "seed {seed}: {value}");
                    masked += usize::from(value == "#raw");
                    binary += usize::from(value == "%raw2");
                }
            }
        }
        ended_ready(&told, end, seed);
    }
    assert!(masked > 2000 && binary > 50, "only {masked} and {binary} masked values: the pipelines no longer reach rows");
}

/// The client is told what the server would have told it: the same messages in the same order, errors in the same places.
#[test]
fn the_conversation_cannot_be_told_from_the_server() {
    for seed in 1..1500_u64 {
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let messages = pipeline(&mut random, TEXTS);
        let mut answers = Server::default();
        let mut direct = Postgres { direct: true, ..Postgres::default() };
        for (tag, body) in frames(&messages) {
            direct.takes(tag, &body, &mut answers);
        }
        let tags = |told: &[(u8, Vec<u8>)]| told.iter().map(|(tag, _)| char::from(*tag)).collect::<String>();
        let (told, end) = through(&mut random, &messages, Postgres::default(), seed);
        assert_eq!(end, None, "seed {seed}");
        assert_eq!(tags(&told), tags(&frames(&answers.0)), "seed {seed}");
    }
}

/// A statement that gives more than it may fails there, for the client and at the server, be it told so in time or not; what gives less
/// is as it was.
#[test]
fn a_limit_of_rows_cannot_be_told_from_an_error_of_the_server() {
    let mut over = 0;
    for seed in 1..1500_u64 {
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let messages = pipeline(&mut random, TEXTS);
        let (more, most) = (seed % 3, 1 + seed % 2);
        let mut answers = Server::default();
        let mut direct = Postgres { direct: true, more, most: Some(most), ..Postgres::default() };
        for (tag, body) in frames(&messages) {
            direct.takes(tag, &body, &mut answers);
        }
        let tags = |told: &[(u8, Vec<u8>)]| told.iter().map(|(tag, _)| char::from(*tag)).collect::<String>();
        let postgres = Postgres { more, ..Postgres::default() };
        let (told, end) = through_within(&mut random, &messages, postgres, seed, Some(most));
        over += told.iter().filter(|(tag, body)| *tag == b'E' && body.windows(5).any(|w| w == b"54000")).count();
        assert_eq!(end, None, "seed {seed}");
        assert_eq!(tags(&told), tags(&frames(&answers.0)), "seed {seed}");
    }
    assert!(over > 300, "{over} statements passed their limit");
}

/// Cursors and prepared statements with a limit: no name gives more rows than it may, however it is read.
#[test]
fn no_cursor_gives_more_than_its_limit() {
    let mut over = 0;
    for seed in 1..1500_u64 {
        let mut random = Random(seed.wrapping_mul(0xA24B_AED4_963E_E407));
        let messages = if seed % 4 == 0 { pipeline(&mut random, NAMED) } else { of_names(&mut random) };
        let postgres = Postgres { fails: (0..2).map(|_| random.below(160)).collect(), more: seed % 2, ..Postgres::default() };
        let (told, end) = through_within(&mut random, &messages, postgres, seed, Some(2));
        ended_ready(&told, end, seed);
        let mut rows = 0;
        for (tag, body) in &told {
            rows = if *tag == b'D' { rows + 1 } else { 0 };
            assert!(rows <= 2, "seed {seed}");
            if *tag == b'D' {
                for value in values(body).into_iter().flatten() {
                    assert!(["#raw", "%raw2", "open"].contains(&value.as_str()), "seed {seed}: {value}");
                }
            }
            over += usize::from(*tag == b'E' && body.windows(5).any(|w| w == b"54000"));
        }
    }
    assert!(over > 200, "{over} statements passed their limit");
}

/// Bytes of no meaning: an end or silence, never a panic.
#[test]
fn random_bytes_end_the_session_or_wait() {
    let mut random = Random(99);
    for _ in 0..20_000 {
        let mut conversation = Conversation::new(FakeJudge::default(), "KEYKEYKEY".into(), r#"["pg_catalog","public"]"#);
        let mut client = Client::default();
        (0..random.below(4)).for_each(|_| message(&mut random, &mut client, TEXTS));
        let mut out = Out::default();
        let _ = conversation.from_client(&client.0, &mut out);
        let tags = b"QPBDECSHXFdcfTDCIZENASt123nsRGHWKpv";
        let mut noise = Vec::new();
        for _ in 0..4 {
            let body: Vec<u8> =
                (0..random.below(30)).map(|_| u8::try_from(random.below(256)).unwrap() & [0, 1, 255][random.below(3)]).collect();
            noise.push(tags[random.below(tags.len())]);
            let length = if random.below(5) == 0 { random.below(300) } else { body.len() + 4 };
            noise.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            noise.extend_from_slice(&body);
        }
        let end =
            if random.below(2) == 0 { conversation.from_client(&noise, &mut out) } else { conversation.from_server(&noise, &mut out) };
        if let Err(End::Veto(veto)) = end {
            assert!(!veto.to_string().is_empty());
        }
    }
}
