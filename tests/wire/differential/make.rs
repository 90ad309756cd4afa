//! Random conversations: all messages of a client, in any order, right and wrong.

use pgveil_tests::rng::Rng;

use super::super::message;

/// How wild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// All that a client can send, also what is none.
    Anything,
    /// What is legal for a role with masks: no FunctionCall, whole messages only.
    Legal,
}

/// A statement, the number of its parameters and of its result columns (0 for none; the number of formats that fit).
pub type Text = (&'static str, usize, usize);

/// On relations of which nothing is protected. None has an answer that hangs on time or chance.
const TEXTS: &[Text] = &[
    ("SELECT id, t FROM w.plain ORDER BY id", 0, 2),
    ("SELECT * FROM w.plain ORDER BY id", 0, 15),
    ("SELECT * FROM w.plain WHERE id < $1 ORDER BY id", 1, 15),
    ("SELECT b, n, d, a, u, j FROM w.plain WHERE id = $1 OR t = $2 ORDER BY id", 2, 6),
    ("SELECT $1::int + $2::int AS sum", 2, 1),
    ("SELECT $1::text AS t, $2::int AS i, $3::bytea AS b", 3, 3),
    ("SELECT $1 || 'x'", 1, 1),
    ("SELECT generate_series(1, $1::int)", 1, 1),
    ("SELECT generate_series(1, 30)", 0, 1),
    ("SELECT 1", 0, 1),
    ("SELECT FROM w.plain WHERE id < 3", 0, 0),
    ("SELECT 1 WHERE false", 0, 1),
    ("VALUES (1, 'a'), (2, NULL)", 0, 2),
    ("", 0, 0),
    ("   ", 0, 0),
    ("-- nothing", 0, 0),
    (";", 0, 0),
    (";;  ;", 0, 0),
    ("SELECT 1 / 0", 0, 1),
    ("SELECT 10 / (id - 5) FROM w.plain ORDER BY id", 0, 1),
    ("SELECT 10 / ($1::int - 1)", 1, 1),
    ("SELECT nope", 0, 1),
    ("SELEC 1", 0, 0),
    ("SELECT 'unfinished", 0, 0),
    ("SELECT * FROM w.nothing", 0, 1),
    ("SELECT id, FROM w.plain", 0, 1),
    ("SELECT count(*) FROM w.sink", 0, 1),
    ("INSERT INTO w.sink VALUES ($1, $2)", 2, 0),
    ("INSERT INTO w.sink VALUES (1, 'one')", 0, 0),
    ("INSERT INTO w.sink VALUES (2, 'two') RETURNING id, t", 0, 2),
    ("UPDATE w.sink SET t = $1 WHERE id = 1", 1, 0),
    ("DELETE FROM w.sink", 0, 0),
    ("DELETE FROM w.sink RETURNING id", 0, 1),
    ("BEGIN", 0, 0),
    ("BEGIN", 0, 0),
    ("START TRANSACTION READ ONLY", 0, 0),
    ("COMMIT", 0, 0),
    ("ROLLBACK", 0, 0),
    ("SAVEPOINT s", 0, 0),
    ("ROLLBACK TO s", 0, 0),
    ("RELEASE s", 0, 0),
    ("SET application_name = 'x'", 0, 0),
    ("SET TimeZone = 'Asia/Tokyo'", 0, 0),
    ("SET LOCAL DateStyle = 'German'", 0, 0),
    ("RESET TimeZone", 0, 0),
    ("SHOW TimeZone", 0, 1),
    ("SET search_path = w, public", 0, 0),
    ("SET TimeZone = 'Nowhere'", 0, 0),
    ("DECLARE c CURSOR FOR SELECT id, t FROM w.plain ORDER BY id", 0, 0),
    ("DECLARE h CURSOR WITH HOLD FOR SELECT id FROM w.plain WHERE id < 9 ORDER BY id", 0, 0),
    ("FETCH 3 FROM c", 0, 2),
    ("FETCH ALL FROM h", 0, 1),
    ("MOVE 2 IN c", 0, 0),
    ("CLOSE c", 0, 0),
    ("CLOSE ALL", 0, 0),
    ("PREPARE a (int) AS SELECT id, t FROM w.plain WHERE id = $1", 0, 0),
    ("EXECUTE a (3)", 0, 2),
    ("EXECUTE a", 0, 2),
    ("DEALLOCATE a", 0, 0),
    ("DEALLOCATE ALL", 0, 0),
    ("COPY w.plain (id, t) TO STDOUT", 0, 2),
    ("COPY (SELECT id, 10 / (8 - id) FROM w.plain ORDER BY id) TO STDOUT (FORMAT csv, HEADER)", 0, 2),
    ("COPY w.plain (id, b, d) TO STDOUT (FORMAT binary)", 0, 3),
    ("COPY w.sink FROM STDIN", 0, 0),
    ("COPY w.sink (id) FROM STDIN (FORMAT csv)", 0, 0),
    ("COPY w.sink FROM STDIN", 0, 0),
    ("DROP TABLE IF EXISTS w.not_there", 0, 0),
    ("CREATE TEMP TABLE tt (x int)", 0, 0),
    ("CREATE TEMP TABLE IF NOT EXISTS tt (x int)", 0, 0),
    ("DROP TABLE tt", 0, 0),
];

/// What a role with masks may not do, or is told otherwise; what the answer to it shows of the server.
const ADMINS: &[Text] = &[
    ("SET nonsense = 1", 0, 0),
    ("EXPLAIN (COSTS off) SELECT id FROM w.plain", 0, 1),
    ("COPY w.loud FROM STDIN", 0, 0),
    ("INSERT INTO w.loud VALUES (1, 'x')", 0, 0),
    ("DO $$ BEGIN RAISE NOTICE 'said'; RAISE EXCEPTION 'raised'; END $$", 0, 0),
    ("LOCK TABLE w.sink", 0, 0),
    ("SET client_encoding = 'LATIN1'", 0, 0),
    ("CHECKPOINT", 0, 0),
    ("VACUUM w.sink", 0, 0),
];

/// Texts of several statements.
const SEVERAL: &[&str] = &[
    "SELECT 1; SELECT 2",
    "SELECT 1; SELECT 1 / 0; SELECT 3",
    "BEGIN; SELECT id FROM w.plain WHERE id < 4 ORDER BY id",
    "SELECT 1; COMMIT; SELECT 2",
    "INSERT INTO w.sink VALUES (7, 'x'); SELECT 1 / 0",
    "INSERT INTO w.sink VALUES (8, 'x'); COMMIT; SELECT 1 / 0",
    "BEGIN; INSERT INTO w.sink VALUES (9, 'x'); ROLLBACK; SELECT count(*) FROM w.sink",
    "SELECT 1; SELEC 2",
    "SELECT 1;; SELECT 2;",
    "COPY w.sink FROM STDIN; SELECT 5",
    "SELECT 5; COPY w.sink FROM STDIN; COPY w.sink (id) FROM STDIN",
    "COPY w.plain (id) TO STDOUT; SELECT 5",
    "SET search_path = w; SELECT count(*) FROM plain",
    "CREATE TEMP TABLE tt (x int); DROP TABLE tt",
    "DECLARE c CURSOR FOR SELECT id FROM w.plain ORDER BY id; FETCH 2 FROM c; FETCH 2 FROM c",
    "PREPARE a (int) AS SELECT $1 + 1; EXECUTE a (1); DEALLOCATE a",
    "BEGIN; BEGIN; COMMIT; COMMIT",
];

fn names() -> [Vec<u8>; 7] {
    let n = |count: usize| vec![b'n'; count];
    [vec![], b"a".to_vec(), b"b c".to_vec(), n(63), n(64), [n(70), b"x".to_vec()].concat(), b"c".to_vec()]
}

/// What is asked: statements, and texts of several. `{}` stands for a relation.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    pub texts: &'static [Text],
    pub several: &'static [&'static str],
    pub relation: &'static str,
}

/// On what holds nothing protected.
pub const PLAIN: Pool = Pool { texts: TEXTS, several: SEVERAL, relation: "" };

/// Makes one.
pub struct Maker {
    rng: Rng,
    mood: Mood,
    pool: Pool,
    names: [Vec<u8>; 7],
    /// The text that was last parsed under each name; what was last bound to each portal.
    parsed: [Text; 7],
    bound: [Text; 7],
    out: Vec<Vec<u8>>,
}

fn cstring(text: &[u8]) -> Vec<u8> {
    [text, b"\0"].concat()
}

fn u16s(all: &[u16]) -> Vec<u8> {
    let count = (all.len() as u16).to_be_bytes();
    count.into_iter().chain(all.iter().flat_map(|n| n.to_be_bytes())).collect()
}

impl Maker {
    pub fn new(seed: u64, mood: Mood, pool: Pool) -> Maker {
        Maker { rng: Rng::new(seed), mood, pool, names: names(), parsed: [("", 0, 0); 7], bound: [("", 0, 0); 7], out: Vec::new() }
    }

    /// The messages, each with its header.
    pub fn conversation(mut self) -> Vec<Vec<u8>> {
        let most = if self.rng.chance(10) { 60 } else { 14 };
        let length = 2 + self.rng.below(most);
        while self.out.len() < length {
            self.step();
        }
        self.out
    }

    fn put(&mut self, tag: u8, body: &[u8]) {
        self.out.push(message(tag, body));
    }

    fn name(&mut self) -> usize {
        if self.rng.chance(50) { 0 } else { self.rng.below(self.names.len()) }
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..14 => self.query(),
            14..34 => self.together(),
            34..42 => {
                self.parse();
            }
            42..52 => self.bind_any(),
            52..58 => self.describe(),
            58..70 => {
                let portal = self.name();
                self.execute(portal);
            }
            70..74 => self.close(),
            74..82 => self.put(b'S', b""),
            82..86 => self.put(b'H', b""),
            86..94 => self.copy(),
            _ => self.odd(),
        }
    }

    fn text(&mut self) -> Text {
        if self.mood == Mood::Anything && self.rng.chance(8) { *self.rng.pick(ADMINS) } else { *self.rng.pick(self.pool.texts) }
    }

    fn query(&mut self) {
        let text = if self.rng.chance(35) { *self.rng.pick(self.pool.several) } else { self.text().0 };
        self.put(b'Q', &cstring(text.replace("{}", self.pool.relation).as_bytes()));
        if text.contains("FROM STDIN") && (self.mood == Mood::Legal || self.rng.chance(80)) {
            self.data();
        }
    }

    fn parse(&mut self) -> usize {
        let at = self.name();
        let text = if self.rng.chance(4) { (*self.rng.pick(self.pool.several), 0, 0) } else { self.text() };
        self.parsed[at] = text;
        let mut body = [cstring(&self.names[at]), cstring(text.0.replace("{}", self.pool.relation).as_bytes())].concat();
        let types: Vec<u32> = match self.rng.below(10) {
            0 => vec![23],
            1 => vec![25, 23],
            2 => vec![0; text.1 + self.rng.below(2)],
            3 if self.rng.chance(20) => vec![999_999],
            _ => vec![],
        };
        body.extend((types.len() as u16).to_be_bytes());
        body.extend(types.iter().flat_map(|t| t.to_be_bytes()));
        self.put(b'P', &body);
        at
    }

    fn bind_any(&mut self) {
        let statement = self.name();
        let portal = self.name();
        self.bind(portal, statement);
    }

    fn bind(&mut self, portal: usize, statement: usize) {
        let (_, count, columns) = self.parsed[statement];
        self.bound[portal] = self.parsed[statement];
        let count = if self.rng.chance(5) { self.rng.below(4) } else { count };
        let formats: Vec<u16> = match self.rng.below(20) {
            0..14 => vec![],
            14..16 => vec![0],
            16 => vec![1],
            17 => (0..count).map(|_| self.rng.below(2) as u16).collect(),
            18 => vec![0; count + 1],
            _ => vec![self.rng.below(3) as u16],
        };
        let results: Vec<u16> = match self.rng.below(20) {
            0..8 => vec![],
            8..10 => vec![0],
            10..14 => vec![1],
            14..18 => (0..columns).map(|_| self.rng.below(2) as u16).collect(),
            18 => vec![1; columns + 1],
            _ => vec![self.rng.below(4) as u16],
        };
        let mut body = [cstring(&self.names[portal]), cstring(&self.names[statement]), u16s(&formats)].concat();
        body.extend((count as u16).to_be_bytes());
        for n in 0..count {
            let binary = match formats.as_slice() {
                [] => false,
                [one] => *one == 1,
                each => each.get(n) == Some(&1),
            };
            let value: Option<Vec<u8>> = match self.rng.below(10) {
                0 => None,
                1 => Some(vec![]),
                2 => Some(b"not a number".to_vec()),
                _ if binary => Some((self.rng.below(12) as u32).to_be_bytes().to_vec()),
                _ => Some(self.rng.below(12).to_string().into_bytes()),
            };
            match value {
                None => body.extend((-1_i32).to_be_bytes()),
                Some(v) => {
                    body.extend((v.len() as u32).to_be_bytes());
                    body.extend(v);
                }
            }
        }
        body.extend(u16s(&results));
        self.put(b'B', &body);
    }

    fn describe(&mut self) {
        let name = self.name();
        let target = *self.rng.pick(b"SP");
        self.put(b'D', &[&[target][..], &cstring(&self.names[name])].concat());
    }

    fn execute(&mut self, portal: usize) {
        let limit: i32 = *self.rng.pick(&[0, 0, 0, 0, 1, 2, 7, 1000, -1]);
        let body = [&cstring(&self.names[portal])[..], &limit.to_be_bytes()].concat();
        self.put(b'E', &body);
        if self.bound[portal].0.contains("FROM STDIN") && (self.mood == Mood::Legal || self.rng.chance(80)) {
            self.data();
        }
    }

    fn close(&mut self) {
        let name = self.name();
        let target = *self.rng.pick(b"SP");
        self.put(b'C', &[&[target][..], &cstring(&self.names[name])].concat());
    }

    /// As drivers do.
    fn together(&mut self) {
        let statement = self.parse();
        if self.rng.chance(30) {
            self.put(b'D', &[&b"S"[..], &cstring(&self.names[statement])].concat());
        }
        let portal = self.name();
        self.bind(portal, statement);
        if self.rng.chance(60) {
            self.put(b'D', &[&b"P"[..], &cstring(&self.names[portal])].concat());
        }
        for _ in 0..1 + self.rng.below(3) * self.rng.below(2) {
            self.execute(portal);
        }
        if self.rng.chance(15) {
            self.put(b'C', &[&b"P"[..], &cstring(&self.names[portal])].concat());
        }
        if self.rng.chance(70) {
            self.put(b'S', b"");
        }
    }

    /// The data of a COPY FROM, and its end.
    fn data(&mut self) {
        for _ in 0..self.rng.below(4) {
            let n = self.rng.below(12);
            let line = match self.rng.below(8) {
                0 => "nonsense\n".to_owned(),
                1 => format!("{n}\n"),
                2 => format!("{n}\thalf a"),
                3 => " line\n".to_owned(),
                4 => String::new(),
                _ => format!("{}\tvalue {n}\n", 100 + self.rng.below(1000)),
            };
            self.put(b'd', line.as_bytes());
            // Whether the server ignores it hangs on whether the data before it was right.
            if self.rng.chance(10) {
                let tag = *self.rng.pick(b"SH");
                self.put(tag, b"");
            }
        }
        match self.rng.below(10) {
            // What follows stands among the data, unless that was wrong.
            0 if self.mood == Mood::Anything => {}
            0..3 => self.put(b'f', b"no more\0"),
            _ => self.put(b'c', b""),
        }
    }

    fn copy(&mut self) {
        match self.rng.below(4) {
            0 => self.put(b'd', b"1\tx\n"),
            1 => self.put(b'c', b""),
            2 => self.put(b'f', b"failed\0"),
            _ => {
                if !self.pool.relation.is_empty() {
                    return;
                }
                self.put(b'Q', b"COPY w.sink FROM STDIN\0");
                self.data();
            }
        }
    }

    fn odd(&mut self) {
        if self.mood == Mood::Legal {
            return self.put(b'S', b"");
        }
        match self.rng.below(8) {
            // abs(int4), text and binary, and what is none.
            0 => self.put(b'F', b"\0\0\x05\x75\0\x01\0\0\0\x01\0\0\0\x02-5\0\0"),
            1 => self.put(b'F', b"\0\0\x05\x75\0\x01\0\x01\0\x01\0\0\0\x04\xff\xff\xff\xf0\0\x01"),
            2 => self.put(b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
            3 => {
                // A message whose body is cut or too long.
                let mut whole = Maker { rng: self.rng.clone(), out: Vec::new(), names: self.names.clone(), ..*self };
                whole.mood = Mood::Legal;
                whole.step();
                if let Some(last) = whole.out.pop() {
                    let mut body = last[5..].to_vec();
                    let tag = last[0];
                    if self.rng.chance(50) {
                        body.truncate(self.rng.below(body.len() + 1));
                    } else {
                        body.extend(b"x\0");
                    }
                    self.put(tag, &body);
                }
            }
            4 if self.rng.chance(20) => self.put([b'~', b'p', b'R', b'Z', b'1', b'T'][self.rng.clone().below(6)], b"x\0"),
            5 if self.rng.chance(20) => self.out.push(vec![b'Q', 0, 0, 0, self.rng.clone().below(4) as u8]),
            6 if self.rng.chance(20) => self.put(b'X', b""),
            _ => self.put(b'S', b""),
        }
    }
}
