//! Texts to be judged: what people send, changed by tokens and by bytes; soups of tokens; nesting and chains at the limits.

use pgveil_tests::rng::Rng;

use crate::twins::mutate;

pub struct Texts {
    rng: Rng,
    seeds: Vec<Vec<String>>,
}

/// Pieces of SQL, in no order.
const SOUP: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "shop.customers",
    "customers",
    "c",
    "email",
    "id",
    "(",
    ")",
    ",",
    "*",
    "=",
    "<>",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "IS",
    "IN",
    "ANY",
    "ALL",
    "LIKE",
    "~",
    "||",
    "::text",
    "::int",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "WITH",
    "RECURSIVE",
    "AS",
    "UNION",
    "EXCEPT",
    "ORDER BY",
    "GROUP BY",
    "LIMIT",
    "1",
    "'x'",
    "$1",
    "\"q\"",
    "LATERAL",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "NATURAL",
    "ROW",
    "ARRAY",
    "[",
    "]",
    "OVER",
    "PARTITION BY",
    "count(*)",
    "row_to_json",
    "array_agg",
    "DISTINCT",
    "VALUES",
    "TABLE",
    "ONLY",
    "FILTER",
    "WITHIN GROUP",
    "COLLATE",
    "\"C\"",
    "AT TIME ZONE",
    "interval '1 day'",
    ";",
    ".",
    "-",
    "- -",
    "--",
    "/*",
    "*/",
    "@",
    "!",
    "|/",
    "^",
    "U&\"x\"",
    "E'\\n'",
    "$$a$$",
    "1e5",
    "0x1F",
    "1_0",
    "ISNULL",
    "BETWEEN",
    "SIMILAR TO",
    "ESCAPE",
    "EXISTS",
    "GROUPING SETS",
    "ROLLUP",
    "FETCH FIRST",
    "FOR UPDATE",
    "TABLESAMPLE",
    "XMLTABLE",
    "ROWS FROM",
    "unnest",
    "SHOW",
    "SET",
    "BEGIN",
    "COMMIT",
    "EXPLAIN",
    "current_date",
    "pg_class",
    "\u{e9}",
    "\u{1f600}",
    "\u{a0}",
    "\\",
    "'",
    "\"",
    "$",
    "SEARCH",
    "CYCLE",
    "MATERIALIZED",
    "WINDOW",
    "w",
    "RANGE",
    "ROWS",
    "PRECEDING",
    "shop",
    "pg_catalog",
];

impl Texts {
    pub fn new(seed: u64) -> Texts {
        Texts { rng: Rng::new(seed), seeds: mutate::seeds().iter().map(|seed| tokens(&seed.sql)).collect() }
    }

    pub fn next(&mut self) -> String {
        match self.rng.below(100) {
            0..=14 => self.rng.pick(&self.seeds).join(" "),
            15..=39 => self.tokens_changed(),
            40..=54 => self.bytes_changed(),
            55..=64 => self.soup(),
            65..=66 => self.limits(),
            _ => mutate::mutant(&mut self.rng).sql,
        }
    }

    fn tokens_changed(&mut self) -> String {
        let mut text = self.rng.pick(&self.seeds).clone();
        for _ in 0..1 + self.rng.below(4) {
            if text.is_empty() {
                break;
            }
            let (at, to) = (self.rng.below(text.len()), self.rng.below(text.len()));
            match self.rng.below(7) {
                0 => drop(text.remove(at)),
                1 => text.swap(at, to),
                2 => text.insert(at, text[to].clone()),
                3 => text[at] = (*self.rng.pick(SOUP)).to_owned(),
                4 => text.insert(at, (*self.rng.pick(SOUP)).to_owned()),
                5 => {
                    let other = self.rng.pick(&self.seeds);
                    let from = self.rng.below(other.len());
                    let piece = other[from..(from + 6).min(other.len())].to_vec();
                    text.splice(at..at, piece);
                }
                _ => {
                    let (from, to) = (at.min(to), at.max(to));
                    text.drain(from..to.min(from + 5));
                }
            }
        }
        text.join(" ")
    }

    fn bytes_changed(&mut self) -> String {
        let mut bytes = self.rng.pick(&self.seeds).join(" ").into_bytes();
        for _ in 0..1 + self.rng.below(5) {
            if bytes.is_empty() {
                break;
            }
            let at = self.rng.below(bytes.len());
            match self.rng.below(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = (self.rng.next() % 128) as u8,
                2 => bytes.insert(at, *self.rng.pick(b"'\"\\$;.-/*()[]{}%&|<>=!@#^~`?:,\n\t\0 x0")),
                _ => bytes.insert(at, (self.rng.next() % 256) as u8),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn soup(&mut self) -> String {
        let length = 1 + self.rng.below(40);
        (0..length).map(|_| *self.rng.pick(SOUP)).collect::<Vec<_>>().join(" ")
    }

    /// Nested or chained as deeply as is allowed, and more.
    fn limits(&mut self) -> String {
        let n = *self.rng.pick(&[20, 90, 149, 150, 151, 290, 299, 300, 301, 600, 1000, 1990, 2000, 2010, 5000, 30_000]);
        let around = |before: &str, middle: &str, after: &str| format!("{}{middle}{}", before.repeat(n), after.repeat(n));
        match self.rng.below(18) {
            0 => format!("SELECT {}", around("(", "1", ")")),
            1 => format!("SELECT {}", around("CASE WHEN true THEN ", "1", " END")),
            2 => around("SELECT * FROM (", "SELECT id FROM shop.customers", ") AS q"),
            3 => format!("SELECT {} 1", "NOT ".repeat(n)),
            4 => format!("SELECT {} 1", "- ".repeat(n)),
            5 => format!("SELECT id FROM shop.customers WHERE {}", vec!["id = 1"; n].join(" OR ")),
            6 => vec!["SELECT email FROM shop.leads"; n.min(3000)].join(" UNION "),
            7 => format!("SELECT {}", vec!["'a'"; n].join(" || ")),
            8 => format!("SELECT ARRAY[{}]", vec!["1"; n].join(", ")),
            9 => format!("SELECT {}", around("ARRAY[", "1", "]")),
            10 => format!("SELECT 1{}", "::text".repeat(n)),
            11 => format!("SELECT {}", around("lower(", "'a'", ")")),
            12 => format!(
                "SELECT * FROM {}",
                vec!["shop.products"; n.min(400)]
                    .iter()
                    .enumerate()
                    .map(|(i, t)| format!("{t} t{i}"))
                    .collect::<Vec<_>>()
                    .join(" CROSS JOIN ")
            ),
            13 => format!("WITH {} SELECT 1", (0..n.min(3000)).map(|i| format!("c{i} AS (SELECT {i})")).collect::<Vec<_>>().join(", ")),
            14 => format!("SELECT {}", (0..n).map(|i| format!("id AS x{i}")).collect::<Vec<_>>().join(", ")) + " FROM shop.customers",
            15 => format!("SELECT id FROM shop.customers WHERE id IN ({})", vec!["7"; n].join(", ")),
            16 => format!("SELECT {}x{} FROM shop.customers", "(".repeat(n), ").a".repeat(n)),
            _ => format!("SELECT '{{}}'::int{}", "[1]".repeat(n)),
        }
    }
}

/// Words, quoted pieces and signs.
fn tokens(sql: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut token = c.to_string();
        if c == '\'' || c == '"' {
            for d in chars.by_ref() {
                token.push(d);
                if d == c {
                    break;
                }
            }
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            while let Some(d) = chars.next_if(|d| d.is_alphanumeric() || "_$.".contains(*d)) {
                token.push(d);
            }
        } else if "<>=!|~@#&*:-".contains(c) {
            while let Some(d) = chars.next_if(|d| "<>=!|~@#&*:->".contains(*d)) {
                token.push(d);
            }
        }
        out.push(token);
    }
    out
}
