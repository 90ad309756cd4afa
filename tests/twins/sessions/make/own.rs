//! Tables and views of a session's own: made from what it sees, read, joined, changed, dropped.

use super::Maker;
use super::daily::{self, Col};
use crate::twins::generate::scope::Ty;
use crate::twins::sessions::step::{Act, Step};

/// A table or view of the session's.
#[derive(Debug, Clone)]
pub struct Own {
    /// As it is written.
    name: String,
    cols: Vec<Col>,
    view: bool,
}

impl Own {
    fn plain(&self) -> Vec<&Col> {
        self.cols.iter().filter(|c| !c.sealed).collect()
    }

    fn sealed(&self) -> Option<&Col> {
        self.cols.iter().find(|c| c.sealed)
    }

    fn number(&self) -> Option<&Col> {
        self.cols.iter().find(|c| c.ty == Ty::Int)
    }
}

pub(super) fn type_name(ty: Ty) -> &'static str {
    match ty {
        Ty::Int => "int",
        Ty::Num => "numeric",
        Ty::Text => "text",
        Ty::Bool => "boolean",
        Ty::Date => "date",
        Ty::Stamp => "timestamptz",
        Ty::Inet => "inet",
        Ty::Json => "jsonb",
        Ty::Uuid => "uuid",
        Ty::Big => "bigint",
        Ty::Mood => "shop.mood",
        Ty::Texts => "text[]",
    }
}

impl Maker<'_> {
    /// Makes a table or view, and does something with it.
    pub(super) fn own_block(&mut self) {
        let within = self.rng.chance(20);
        if within {
            self.say("BEGIN", "BEGIN");
        }
        let own = self.create();
        for _ in 0..1 + self.rng.below(3) {
            self.use_own(&own);
        }
        if within {
            let end = *self.rng.pick(&["COMMIT", "COMMIT", "ROLLBACK"]);
            self.say("COMMIT", end);
            if end == "ROLLBACK" {
                return;
            }
        }
        let dropped = self.rng.chance(25);
        if dropped {
            let what = if own.view { "VIEW" } else { "TABLE" };
            let text = if self.rng.chance(50) {
                format!("DROP {what} {}", own.name)
            } else {
                format!("DROP {what} IF EXISTS {} CASCADE", own.name)
            };
            self.say("DROP", text);
        } else {
            self.own.push(own);
        }
    }

    fn create(&mut self) -> Own {
        let clear = self.rng.chance(55);
        let query = if clear { daily::query(&mut self.rng, true, false) } else { daily::sealed(&mut self.rng) };
        let bare = self.name();
        let (place, name) = match self.rng.below(3) {
            0 => ("TEMP ", bare),
            _ => ("", format!("adhoc.{bare}")),
        };
        let cols = query.cols.clone();
        let kept = if cols.iter().any(|c| c.sealed) { " of pseudonyms" } else { "" };
        let own = |view| Own { name: name.clone(), cols: cols.clone(), view };
        match self.rng.below(8) {
            0..=2 => {
                let kind = if kept.is_empty() { "CREATE TABLE AS" } else { "CREATE TABLE AS, pseudonyms" };
                let end = if self.rng.chance(10) { " WITH NO DATA" } else { "" };
                let step = self.sent(kind, format!("CREATE {place}TABLE {name} AS {}{end}", query.sql));
                self.push(step);
                own(false)
            }
            3 => {
                let kind = if kept.is_empty() { "SELECT INTO" } else { "SELECT INTO, pseudonyms" };
                let (list, from) = query.sql.split_once(" FROM ").unwrap();
                self.say(kind, format!("{list} INTO {place}{name} FROM {from}"));
                own(false)
            }
            4 => {
                self.say("CREATE VIEW", format!("CREATE {place}VIEW {name} AS {}", query.sql));
                own(true)
            }
            _ => {
                let columns: Vec<String> = query
                    .cols
                    .iter()
                    .enumerate()
                    .map(|(n, c)| {
                        format!(
                            "{} {}{}",
                            c.name,
                            type_name(c.ty),
                            if n == 0 && c.name == "id" && self.rng.chance(50) { " PRIMARY KEY" } else { "" }
                        )
                    })
                    .collect();
                self.say("CREATE TABLE", format!("CREATE {place}TABLE {name} ({})", columns.join(", ")));
                let kind = if kept.is_empty() { "INSERT SELECT" } else { "INSERT SELECT, pseudonyms" };
                let step = self.sent(kind, format!("INSERT INTO {name} {}", query.sql));
                self.push(step);
                own(false)
            }
        }
    }

    fn use_own(&mut self, own: &Own) {
        let name = &own.name;
        let plain: Vec<String> = own.plain().iter().map(|c| c.name.clone()).collect();
        let column = self.rng.pick(&plain).clone();
        let n = self.rng.range(1, 40);
        match self.rng.below(if own.view { 5 } else { 16 }) {
            0 => {
                let step = self.sent("read one's own", format!("SELECT * FROM {name}"));
                self.push(if own.view { step.unordered() } else { step });
            }
            1 => {
                let step = self.sent("read one's own", format!("SELECT count(*), count(DISTINCT {column}) FROM {name}"));
                self.push(step);
            }
            2 => match own.sealed() {
                Some(mail) => {
                    let step = self.sent("group by stored pseudonyms", format!("SELECT {0}, count(*) FROM {name} GROUP BY {0}", mail.name));
                    self.push(step.unordered());
                }
                None => self.say("read one's own", format!("SELECT {0}, count(*) FROM {name} GROUP BY {0} ORDER BY {0}", self.json_as_text(own, &column))),
            },
            3 => match own.number() {
                Some(number) => {
                    let sql = format!(
                        "SELECT o.*, c.full_name, c.city FROM {name} o JOIN shop.customers c ON c.id = o.{} ORDER BY c.id, o.{}",
                        number.name, number.name
                    );
                    let step = self.sent("join with one's own", sql);
                    self.push(step.unordered());
                }
                None => self.say("read one's own", format!("SELECT {column} FROM {name} WHERE {column} IS NOT NULL")),
            },
            4 => self.say("read one's own", format!("TABLE {name}; SELECT count(*) FROM {name}")),
            5 => self.say("ALTER TABLE", format!("ALTER TABLE {name} ADD COLUMN extra int DEFAULT {n}")),
            6 => {
                let name_of = self.name();
                self.say("CREATE INDEX", format!("CREATE INDEX {name_of} ON {name} ({column})"));
            }
            7 => self.say("ANALYZE", format!("ANALYZE {name}")),
            8 => self.say("TRUNCATE", format!("TRUNCATE {name}")),
            9 | 10 => {
                let first = own.cols.first().unwrap();
                let set = match first.ty {
                    Ty::Int => format!("{0} = {0} + {n}", first.name),
                    _ => format!("{column} = NULL"),
                };
                let filter = own.number().map_or("true".to_owned(), |c| format!("{} > {n}", c.name));
                let kind = "UPDATE one's own";
                let step = self.sent(kind, format!("UPDATE {name} SET {set} WHERE {filter} RETURNING *"));
                self.push(step.unordered());
            }
            11 => {
                let filter = own.number().map_or("true".to_owned(), |c| format!("{} < {n}", c.name));
                let step = self.sent("DELETE of one's own", format!("DELETE FROM {name} WHERE {filter}"));
                self.push(step);
            }
            12 => {
                let filter = own.number().map_or("false".to_owned(), |c| format!("o.{} = c.id", c.name));
                self.say(
                    "DELETE USING of one's own",
                    format!("DELETE FROM {name} o USING shop.customers c WHERE {filter} AND c.salary > 50000"),
                );
            }
            13 => {
                let step = self.copy_out_of(name);
                self.push(step);
            }
            14 => match (own.sealed(), self.own.iter().find_map(|o| o.sealed().map(|c| (o.name.clone(), c.name.clone())))) {
                (Some(mail), Some((other, theirs))) => {
                    let sql = format!("SELECT count(*) FROM {name} a JOIN {other} b ON a.{} = b.{theirs}", mail.name);
                    self.say("join stored pseudonyms", sql);
                }
                (Some(mail), None) => {
                    let sql = format!("SELECT count(*) FROM {name} a JOIN shop.leads b ON a.{} = b.email", mail.name);
                    self.say("stored pseudonyms beside the column", sql);
                }
                (None, _) => self.say("ALTER TABLE", format!("ALTER TABLE {name} RENAME COLUMN {column} TO renamed; SELECT count(renamed) FROM {name}; ALTER TABLE {name} RENAME COLUMN renamed TO {column}")),
            },
            _ => {
                let list: Vec<&str> = own.cols.iter().map(|c| c.name.as_str()).collect();
                let step = self.sent("INSERT of one's own", format!("INSERT INTO {name} ({0}) SELECT {0} FROM {name}", list.join(", ")));
                self.push(step);
            }
        }
    }

    // json has no order to group by; jsonb has.
    fn json_as_text(&self, own: &Own, column: &str) -> String {
        match own.cols.iter().find(|c| c.name == column).map(|c| c.ty) {
            Some(Ty::Json) => format!("({column}::text)"),
            _ => column.to_owned(),
        }
    }

    /// What is left at the end is read once more, pseudonyms too.
    pub(super) fn read_own(&mut self) {
        for own in std::mem::take(&mut self.own) {
            let step = Step::new("read one's own", Act::Simple(format!("SELECT * FROM {}", own.name)));
            self.push(step.unordered());
        }
        if self.rng.chance(15) {
            self.say("DISCARD", "DISCARD ALL");
        }
    }
}
