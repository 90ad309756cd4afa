//! Random sessions: blocks of steps that belong together, unaware of what pgveil does.
//!
//! What other sessions read is written only in transactions that are rolled back; what is a session's own has names of its own.

mod across;
pub mod daily;
mod own;
mod write;

use pgveil_tests::rng::Rng;

use super::step::{Act, Session, Step};
use crate::twins::data::Values;
use crate::twins::generate::Generator;
use own::Own;

/// Makes one session.
pub struct Maker<'a> {
    rng: Rng,
    values: &'a Values,
    /// Names of its objects begin with this.
    prefix: String,
    steps: Vec<Step>,
    own: Vec<Own>,
    names: usize,
}

/// The first letters of a session's own objects in schema `adhoc`.
pub const OWN: &str = "o_";

/// Steps of a session, about.
const MOST: usize = 14;

/// The session of that seed. `number` is in the names of its objects.
pub fn session(seed: u64, number: usize, values: &Values) -> Session {
    let mut maker = Maker { rng: Rng::new(seed), values, prefix: format!("{OWN}{number}"), steps: Vec::new(), own: Vec::new(), names: 0 };
    let blocks = 1 + maker.rng.below(3);
    for _ in 0..blocks {
        if maker.steps.len() < MOST {
            maker.block();
        }
    }
    maker.read_own();
    Session { steps: maker.steps }
}

impl Maker<'_> {
    fn block(&mut self) {
        match self.rng.below(20) {
            0 | 1 => self.plain(),
            2 | 3 => self.transaction(),
            4..=6 => self.writing(),
            7..=10 => self.own_block(),
            11 | 12 => self.cursors(),
            13 | 14 => self.prepared(),
            15 => self.wire_prepared(),
            16 | 17 => self.copying(),
            18 if self.rng.chance(50) => self.implicit(),
            18 => self.settings(),
            _ => self.small_things(),
        }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("{}_{}", self.prefix, self.names)
    }

    fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn say(&mut self, kind: &'static str, sql: impl Into<String>) {
        self.push(Step::simple(kind, sql));
    }

    fn say_one(&mut self, kind: &'static str, of: &[&'static str]) {
        let sql = *self.rng.pick(of);
        self.say(kind, sql);
    }

    /// A query: of every day, or a random one, which may fail or be refused.
    fn query(&mut self) -> Step {
        if self.rng.chance(75) {
            let query = daily::query(&mut self.rng, false, false);
            return self.sent("query", query.sql);
        }
        let statement = Generator::new(self.rng.next(), self.values).statement();
        let act = match statement.extended {
            None => Act::Simple(statement.sql),
            Some(e) => Act::Call { sql: statement.sql, values: e.values, binary: e.binary },
        };
        Step::new("random query", act)
    }

    /// In one of the two protocols.
    fn sent(&mut self, kind: &'static str, sql: String) -> Step {
        let act = if self.rng.chance(65) { Act::Simple(sql) } else { Act::Call { sql, values: Vec::new(), binary: self.rng.chance(40) } };
        Step::new(kind, act)
    }

    fn plain(&mut self) {
        for _ in 0..1 + self.rng.below(3) {
            let step = self.query();
            self.push(step);
        }
        if self.rng.chance(60) {
            let several: Vec<String> = (0..2 + self.rng.below(2)).map(|_| daily::query(&mut self.rng, false, false).sql).collect();
            self.say("several queries", several.join("; "));
        }
        if self.rng.chance(40) {
            let error = self.error();
            self.push(error);
        }
    }

    /// A statement that fails, by what it says or by what it reads.
    fn error(&mut self) -> Step {
        let sql = *self.rng.pick(&[
            "SELECT 1/0",
            "SELECT 'x'::int",
            "SELECT id / (id - id) FROM shop.products",
            "SELECT full_name::int FROM shop.customers",
            "SELECT 1 / (salary - salary) FROM shop.employees WHERE id = 4",
            "SELECT ssn::date FROM shop.customers WHERE id < 9",
            "SELECT city::int FROM shop.customers WHERE id = 8",
            "SELECT * FROM shop.nowhere",
            "SELECT nothing FROM shop.customers",
            "SELECT (SELECT id FROM shop.customers)",
            "SELEC 1",
            "SELECT email FROM shop.customers GROUP BY id, country HAVING 1",
            "SELECT nofunction(1)",
            "SELECT 1 LIMIT -1",
            "SELECT '{1,2'::int[]",
            "SELECT count(*) FROM shop.customers WHERE notes ~ '('",
        ]);
        self.sent("error", sql.to_owned())
    }

    /// Reads in a transaction: savepoints, errors, settings that are undone.
    fn transaction(&mut self) {
        let begin = *self.rng.pick(&[
            "BEGIN",
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION READ ONLY",
            "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
        ]);
        self.say("BEGIN", begin);
        for n in 0..1 + self.rng.below(3) {
            match self.rng.below(6) {
                0 | 1 => {
                    let step = self.query();
                    self.push(step);
                }
                2 | 3 => {
                    self.say("SAVEPOINT", format!("SAVEPOINT s{n}"));
                    let step = if self.rng.chance(60) { self.error() } else { self.query() };
                    self.push(step);
                    self.say("SAVEPOINT", format!("ROLLBACK TO SAVEPOINT s{n}"));
                    if self.rng.chance(40) {
                        self.say("SAVEPOINT", format!("RELEASE s{n}"));
                    }
                }
                4 => self.say_one("SET", &["SET LOCAL search_path = adhoc, shop", "SET LOCAL datestyle = 'German'"]),
                _ => {
                    let query = daily::query(&mut self.rng, false, false).sql;
                    self.say("several queries", format!("{query}; SELECT count(*) FROM customers"));
                }
            }
        }
        let end = *self.rng.pick(&["COMMIT", "ROLLBACK", "END", "COMMIT AND CHAIN; ROLLBACK", "ABORT"]);
        self.say("COMMIT", end);
    }

    fn settings(&mut self) {
        let set = *self.rng.pick(&[
            "SET search_path = adhoc, public",
            "SET search_path TO shop",
            "SET application_name = 'report'",
            "SET datestyle = 'SQL, DMY'",
            "SET timezone = 'Asia/Tokyo'",
            "SET extra_float_digits = 3",
            "SELECT set_config('search_path', 'adhoc', false)",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET intervalstyle = 'iso_8601'",
            "SET bytea_output = 'escape'",
            "SET standard_conforming_strings = on",
            "SET client_min_messages = warning",
            "SET lock_timeout = '2s'",
        ]);
        self.say("SET", set);
        self.say_one("SHOW", &["SHOW search_path", "SHOW TimeZone", "SELECT current_setting('datestyle')", "SHOW transaction_isolation"]);
        let sql = *self.rng.pick(&[
            "SELECT * FROM customers ORDER BY id LIMIT 3",
            "SELECT id, created, dob FROM shop.customers WHERE id < 12 ORDER BY id",
        ]);
        let step = self.sent("query", sql.to_owned());
        self.push(step);
        self.say_one("RESET", &["RESET ALL", "RESET search_path", "DISCARD ALL", "SET search_path TO DEFAULT"]);
        let step = self.query();
        self.push(step);
        self.say("RESET", "RESET ALL");
    }

    /// Texts of several statements: one transaction each, undone where one fails.
    fn implicit(&mut self) {
        let name = format!("adhoc.{}", self.name());
        let query = daily::query(&mut self.rng, true, false).sql;
        let fails = *self.rng.pick(&[
            "SELECT 1/0",
            "SELECT full_name::int FROM shop.customers",
            "SELECT * FROM shop.nowhere",
            "SELECT count(*) FROM shop.leads",
        ]);
        self.say(
            "several statements",
            format!("CREATE TABLE {name} AS {query}; INSERT INTO {name} TABLE {name}; {fails}; SELECT count(*) FROM {name}"),
        );
        self.say(
            "several statements",
            format!("CREATE TABLE IF NOT EXISTS {name} (id int); SELECT count(*) FROM {name}; SELECT current_schema()"),
        );
        let more = *self.rng.pick(&["ROLLBACK", "COMMIT"]);
        self.say(
            "several statements",
            format!("BEGIN; SAVEPOINT a; DROP TABLE {name}; ROLLBACK TO a; {more}; SELECT count(*) FROM {name}"),
        );
        self.say("several statements", format!("DROP TABLE IF EXISTS {name}; SHOW search_path"));
    }

    fn small_things(&mut self) {
        for _ in 0..2 + self.rng.below(3) {
            let query = daily::query(&mut self.rng, false, false).sql;
            match self.rng.below(10) {
                0 => self.say("LISTEN", "LISTEN news"),
                1 => self.say("NOTIFY", "NOTIFY news, 'hello'"),
                2 => self.say("UNLISTEN", "UNLISTEN *"),
                3 => self.say_one("DISCARD", &["DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"]),
                4 | 5 => {
                    let options = *self.rng.pick(&[
                        "",
                        "ANALYZE ",
                        "VERBOSE ",
                        "(COSTS OFF) ",
                        "(ANALYZE, TIMING OFF) ",
                        "(ANALYZE, BUFFERS, WAL, SETTINGS, SUMMARY) ",
                    ]);
                    self.say("EXPLAIN", format!("EXPLAIN {options}{query}"));
                }
                6 | 7 => {
                    let format = *self.rng.pick(&["JSON", "XML", "YAML"]);
                    let options = *self.rng.pick(&["", "ANALYZE, ", "VERBOSE, COSTS OFF, ", "ANALYZE, BUFFERS, "]);
                    let step = self.sent("EXPLAIN in a format", format!("EXPLAIN ({options}FORMAT {format}) {query}"));
                    self.push(step);
                }
                8 => {
                    self.say("BEGIN", "BEGIN");
                    let mode = *self.rng.pick(&["ACCESS SHARE", "ROW SHARE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]);
                    self.push(Step::simple("LOCK", format!("LOCK TABLE shop.customers IN {mode} MODE")).inside());
                    self.say("COMMIT", "ROLLBACK");
                }
                _ => self.say("VALUES", "VALUES (1, 'a'), (2, 'b'); TABLE shop.countries; "),
            }
        }
    }
}
