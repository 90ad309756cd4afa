//! A server that keeps Postgres' rules of names, errors and Sync, under clients that send anything.

use std::collections::{HashMap, VecDeque};

use super::super::{Conversation, End, Out, Veto};
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

/// The parts of Postgres that decide what a name means. A sealed column holds `RAW`, a clear one `open`.
#[derive(Default)]
struct Postgres {
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
    skipping: bool,
    fails: Vec<usize>,
    seen: usize,
    /// A client speaks with it directly: its texts are as it wrote them.
    direct: bool,
}

impl Postgres {
    fn takes(&mut self, tag: u8, body: &[u8], out: &mut Server) {
        self.seen += 1;
        let text = String::from_utf8_lossy(body).into_owned();
        let parts: Vec<&str> = text.split('\0').collect();
        if tag == b'S' {
            self.skipping = false;
            self.portals.clear();
            return out.ready('I');
        }
        if self.skipping {
            return;
        }
        // A Describe that fails where its Parse did not (a cancel between them) leaves a statement that has no witness: a session that
        // had already asked for it in a later segment is ended. That is a transcript of its own. Flush cannot fail.
        let fails = !matches!(tag, b'D' | b'H') && self.fails.contains(&self.seen);
        if tag == b'Q' {
            self.statements.remove("");
            self.portals.clear();
            let all: Vec<&str> = parts[0].split(';').collect();
            let done = !fails && all.iter().all(|one| self.text(one.trim_start()).and_then(|sql| Self::run(sql, true, out)).is_some());
            if !done {
                out.error("42601", "syntax error");
            }
            return out.ready('I');
        }
        let done = !fails && self.extended(tag, &parts, out).is_some();
        if !done {
            out.error("42601", "it failed");
            self.skipping = true;
        }
    }

    fn extended(&mut self, tag: u8, parts: &[&str], out: &mut Server) -> Option<()> {
        match tag {
            b'P' => {
                let (name, sql) = (parts[0], parts[1]);
                if name.is_empty() {
                    self.statements.remove("");
                }
                let plain = self.text(sql).or(sql.starts_with("SELECT").then_some("path"))?.to_owned();
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
                if self.portals.contains_key(parts[0]) {
                    return None;
                }
                self.portals.insert(parts[0].into(), sql);
                out.bare('2');
            }
            b'D' => {
                let names = if parts[0].starts_with('S') { &self.statements } else { &self.portals };
                let sql = names.get(parts[0].get(1..)?)?;
                if parts[0].starts_with('S') {
                    out.parameters(0);
                }
                Self::columns(sql, out);
            }
            b'E' => Self::run(&self.portals.get(parts[0])?.clone(), false, out)?,
            b'C' => {
                let names = if parts[0].starts_with('S') { &mut self.statements } else { &mut self.portals };
                names.remove(parts[0].get(1..)?);
                out.bare('3');
            }
            b'H' => {}
            _ => return None,
        }
        Some(())
    }

    fn columns(sql: &str, out: &mut Server) {
        match sql.strip_prefix("rows ") {
            Some(pattern) => out.columns(&pattern.chars().map(|c| if c == 's' { (9, 1) } else { (9, 2) }).collect::<Vec<_>>()),
            None => out.bare('n'),
        }
    }

    fn text<'a>(&self, text: &'a str) -> Option<&'a str> {
        if self.direct { (!text.starts_with("deny")).then_some(text) } else { text.strip_prefix("sent:") }
    }

    fn run(sql: &str, describe: bool, out: &mut Server) -> Option<()> {
        if let Some(pattern) = sql.strip_prefix("rows ") {
            if describe {
                Self::columns(sql, out);
            }
            let row: Vec<_> = pattern.chars().map(|c| Some(if c == 's' { "RAW" } else { "open" })).collect();
            out.row(&row);
            if pattern == "f" {
                return None;
            }
        } else if sql == "path" {
            out.row(&[Some(r#"["pg_catalog","public"]"#)]);
        }
        out.complete("DONE");
        Some(())
    }
}

const TEXTS: &[&str] = &["rows s", "rows -", "rows s-", "rows -s", "set path", "set x", "deny", "rows f", "rows s", "rows -", "create t"];

/// Of a Query only: several statements, of which later ones hang on earlier ones.
const SEVERAL: &[&str] =
    &["rows s;rows -", "set path;rows s", "create t;rows -s;set path;rows s-", "rows s;set path", "create t;rows f;rows s"];

fn message(random: &mut Random, client: &mut Client, texts: &[&'static str]) {
    let name = random.one(&["", "a", "b"]);
    let other = random.one(&["", "a", "b"]);
    match random.below(13) {
        0 if random.below(2) == 0 => client.query(random.one(SEVERAL)),
        0 => client.query(random.one(texts)),
        1..=3 => client.parse(name, random.one(texts)),
        4..=5 => client.bind(name, other, &[]),
        6..=7 => client.execute(name),
        8 => client.describe(['S', 'P'][random.below(2)], name),
        9 => client.close(['S', 'P'][random.below(2)], name),
        10 => client.flush(),
        _ => client.sync(),
    }
}

/// Sends all of `messages` through a conversation, in pieces and with delays by chance; what the client is told, and how it ended
/// if it did.
fn through(random: &mut Random, messages: &[u8], mut postgres: Postgres, seed: u64) -> (Vec<(u8, Vec<u8>)>, Option<End>) {
    let mut conversation = Conversation::new(FakeJudge::default(), "KEYKEYKEY".into(), r#"["pg_catalog","public"]"#);
    let (mut to_come, mut pending, mut out) = (messages.to_vec(), VecDeque::new(), Out::default());
    let (mut answers, mut told) = (Server::default(), Vec::new());
    let mut turns = 0;
    while !(to_come.is_empty() && pending.is_empty() && answers.0.is_empty() && !conversation.is_under_way()) {
        turns += 1;
        assert!(turns < 20_000, "stuck, seed {seed}: {conversation:?}");
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
                    postgres.takes(tag, &body, &mut answers);
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

fn pipeline(random: &mut Random, texts: &[&'static str]) -> Vec<u8> {
    let mut client = Client::default();
    for _ in 0..60 {
        message(random, &mut client, texts);
    }
    client.sync();
    client.0
}

/// Whatever is pipelined and wherever it fails, no row meets the masks of another statement, and no session is ended or stuck.
#[test]
fn rows_meet_their_own_masks_in_every_pipeline() {
    let (mut masked, mut moved) = (0, 0);
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
        match end {
            None => assert_eq!(told.last().map(|(tag, _)| *tag), Some(b'Z'), "seed {seed} did not end ready"),
            // A name was parsed again without a Close, and ran as its old statement, which moves search_path under what followed.
            Some(End::Veto(Veto::PathMoved)) => moved += 1,
            Some(end) => panic!("seed {seed}: {end}"),
        }
    }
    assert!(moved < 15, "{moved} sessions were ended because search_path had moved");
    assert!(masked > 500, "only {masked} masked values: the pipelines no longer reach rows");
}

/// The client is told what the server would have told it: the same messages in the same order, errors in the same places.
#[test]
fn the_conversation_cannot_be_told_from_the_server() {
    let mut moved = 0;
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
        if end == Some(End::Veto(Veto::PathMoved)) {
            // See above.
            moved += 1;
            continue;
        }
        assert_eq!(end, None, "seed {seed}");
        assert_eq!(tags(&told), tags(&frames(&answers.0)), "seed {seed}");
    }
    assert!(moved < 15, "{moved} sessions were ended because search_path had moved");
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
