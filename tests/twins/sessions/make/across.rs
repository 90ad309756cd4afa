//! What lives across messages: cursors, prepared statements in both protocols, COPY.

use super::Maker;
use super::daily;
use crate::twins::sessions::step::{Act, Step};

impl Maker<'_> {
    pub(super) fn cursors(&mut self) {
        let name = self.name();
        let options = *self.rng.pick(&["", "NO SCROLL ", "SCROLL ", "BINARY "]);
        let hold = self.rng.chance(35);
        let query = daily::query(&mut self.rng, false, true).sql;
        let outside = hold && self.rng.chance(30);
        if !outside {
            self.say("BEGIN", "BEGIN");
        }
        let hold_text = if hold { "WITH HOLD" } else { "" };
        self.say("DECLARE", format!("DECLARE {name} {options}CURSOR {hold_text} FOR {query}"));
        let scroll = options == "SCROLL ";
        let fetches = self.rng.below(3);
        self.fetches(&name, scroll, fetches);
        if !outside {
            let end = *self.rng.pick(&["COMMIT", "COMMIT", "ROLLBACK"]);
            self.say("COMMIT", end);
        }
        if hold {
            if self.rng.chance(30) {
                self.say_one("SET", &["SET search_path = adhoc", "SET datestyle = 'German'"]);
            }
            self.fetches(&name, scroll, 2);
            self.say("CLOSE", format!("CLOSE {name}"));
        }
        if self.rng.chance(15) {
            self.say("FETCH", format!("FETCH 1 FROM {name}"));
        }
    }

    fn fetches(&mut self, name: &str, scroll: bool, count: usize) {
        for _ in 0..count {
            let n = self.rng.range(1, 9);
            let forward = ["NEXT".to_owned(), format!("{n}"), format!("FORWARD {n}"), "ALL".to_owned(), "FORWARD ALL".to_owned()];
            let any = [
                "PRIOR".to_owned(),
                "LAST".to_owned(),
                "FIRST".to_owned(),
                format!("ABSOLUTE {n}"),
                format!("RELATIVE -{n}"),
                format!("BACKWARD {n}"),
            ];
            let direction = if scroll && self.rng.chance(60) { self.rng.pick(&any).clone() } else { self.rng.pick(&forward).clone() };
            let verb = if self.rng.chance(25) { "MOVE" } else { "FETCH" };
            let step = self.sent(if verb == "MOVE" { "MOVE" } else { "FETCH" }, format!("{verb} {direction} FROM {name}"));
            // The format of a cursor's rows is the Bind's.
            self.push(step);
        }
    }

    pub(super) fn prepared(&mut self) {
        let name = self.name();
        let (types, sql, values): (&str, String, Vec<&str>) = match self.rng.below(6) {
            0 => (
                "(int)",
                "SELECT id, full_name, email FROM shop.customers WHERE id < $1 ORDER BY id".to_owned(),
                vec!["20", "7", "NULL", "1 + 8"],
            ),
            1 => (
                "",
                "SELECT id, city, salary FROM customers WHERE city = $1 AND score > $2 ORDER BY id".to_owned(),
                vec!["'Graz', 3", "'Ulm', -9"],
            ),
            2 => (
                "(numeric)",
                "SELECT status, count(*) FROM shop.orders WHERE amount < $1 GROUP BY status ORDER BY 1".to_owned(),
                vec!["500", "3.5"],
            ),
            3 => ("(text)", "SELECT id FROM shop.employees WHERE name = $1 ORDER BY id".to_owned(), vec!["'[name]'", "'x'"]),
            4 => ("(int)", "UPDATE shop.products SET price = price + 1 WHERE id = $1 RETURNING id, price".to_owned(), vec!["3", "5"]),
            _ => ("", daily::query(&mut self.rng, false, false).sql, vec![""]),
        };
        let writes = sql.starts_with("UPDATE");
        if writes {
            self.say("BEGIN", "BEGIN");
        }
        let prepare = Step::simple("PREPARE", format!("PREPARE {name} {types} AS {sql}"));
        self.push(prepare);
        for _ in 0..1 + self.rng.below(3) {
            if self.rng.chance(25) {
                self.say_one("SET", &["SET search_path = adhoc, public", "SET search_path = shop", "RESET search_path"]);
            }
            let value = *self.rng.pick(&values);
            let arguments = if value.is_empty() { String::new() } else { format!("({value})") };
            let explains = self.rng.chance(10);
            let text = format!("{}EXECUTE {name}{arguments}", if explains { "EXPLAIN " } else { "" });
            let step = self.sent(if explains { "EXPLAIN EXECUTE" } else { "EXECUTE" }, text);
            self.push(if writes { step.inside() } else { step });
        }
        let all = self.rng.chance(30);
        self.say("DEALLOCATE", if all { "DEALLOCATE ALL".to_owned() } else { format!("DEALLOCATE {name}") });
        if self.rng.chance(20) {
            self.say("EXECUTE", format!("EXECUTE {name}"));
        }
        if writes {
            self.say("COMMIT", "ROLLBACK");
        }
    }

    pub(super) fn wire_prepared(&mut self) {
        let name = self.name();
        let (sql, values): (String, Vec<Vec<Option<&str>>>) = match self.rng.below(4) {
            0 => (
                "SELECT id, full_name, email, device, salary FROM shop.customers WHERE id < $1 ORDER BY id".to_owned(),
                vec![vec![Some("30")], vec![None]],
            ),
            1 => ("SELECT * FROM customers WHERE id = $1".to_owned(), vec![vec![Some("2")], vec![Some("4")]]),
            2 => ("SELECT count(*) FROM shop.orders WHERE status = $1 AND amount > $2".to_owned(), vec![vec![Some("paid"), Some("12.5")]]),
            _ => (daily::query(&mut self.rng, false, false).sql, vec![vec![]]),
        };
        self.push(Step::new("Parse", Act::Parse { name: name.clone(), sql }));
        for _ in 0..1 + self.rng.below(3) {
            if self.rng.chance(25) {
                self.say_one(
                    "SET",
                    &[
                        "SET search_path = adhoc, public",
                        "SET search_path = shop",
                        "SELECT set_config('search_path', 'public, shop', false)",
                    ],
                );
            }
            let values = self.rng.pick(&values).iter().map(|v| v.map(str::to_owned)).collect();
            let rows = *self.rng.pick(&[0, 0, 1, 3]);
            let binary = self.rng.chance(50);
            self.push(Step::new("Bind, Execute", Act::Run { name: name.clone(), values, binary, rows }));
        }
        self.push(Step::new("Close", Act::Close { name }));
    }

    pub(super) fn copy_out_of(&mut self, relation: &str) -> Step {
        let options = *self.rng.pick(&[
            "",
            " (FORMAT csv, HEADER)",
            " (FORMAT binary)",
            " WITH CSV",
            " (FORMAT text, NULL 'none')",
            " (FORMAT csv, FORCE_QUOTE *)",
        ]);
        Step::simple("COPY table TO", format!("COPY {relation} TO STDOUT{options}"))
    }

    pub(super) fn copying(&mut self) {
        match self.rng.below(3) {
            0 => {
                let table = *self.rng.pick(&[
                    "shop.customers",
                    "shop.orders_q1",
                    "shop.employees (id, name, email)",
                    "shop.products",
                    "shop.leads",
                ]);
                let step = self.copy_out_of(table);
                // As they lie in the table.
                self.push(step.unordered());
            }
            1 => {
                let query = daily::query(&mut self.rng, false, false).sql;
                let options = *self.rng.pick(&["", " (FORMAT csv, HEADER)", " (FORMAT binary)", " (FORMAT csv, DELIMITER ';')"]);
                self.say("COPY query TO", format!("COPY ({query}) TO STDOUT{options}"));
            }
            _ => {
                let bare = self.name();
                let (place, name) = if self.rng.chance(50) { ("TEMP ", bare) } else { ("", format!("adhoc.{bare}")) };
                self.say("CREATE TABLE", format!("CREATE {place}TABLE {name} (id int, label text, amount numeric)"));
                let (options, good, bad) = match self.rng.below(2) {
                    0 => ("", "1\tone\t1.5\n2\t\\N\t2\n", "1\tone\tx\n"),
                    _ => (" (FORMAT csv, HEADER)", "id,label,amount\n1,\"one, two\",1.5\n2,,2\n", "id,label,amount\n1,one\n"),
                };
                let data = if self.rng.chance(80) { good } else { bad };
                let act = Act::CopyIn { sql: format!("COPY {name} FROM STDIN{options}"), data: data.as_bytes().to_vec() };
                self.push(Step::new("COPY FROM", act));
                let step = self.sent(
                    "read one's own",
                    format!("SELECT t.*, p.name FROM {name} t LEFT JOIN shop.products p ON p.id = t.id ORDER BY t.id"),
                );
                self.push(step);
                let step = self.copy_out_of(&name);
                self.push(step);
            }
        }
    }
}
