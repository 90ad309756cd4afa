//! The databases: what differs between twins, and what does not.
//!
//! All randomness is drawn per table and row, so the same row has the same unprotected values in each twin.

use crate::canary;
use crate::rng::Rng;

/// Its tables, views and indexes.
pub const SCHEMA: &str = concat!(include_str!("schema.sql"), include_str!("../twins/sql/tpch.sql"));

/// Which of two twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    A,
    B,
}

/// In what the twins of a pair differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differ {
    /// Protected values.
    pub values: bool,
    /// Rows that the row filters hide: their number and their values.
    pub rows: bool,
}

/// How many rows, visible ones where a filter hides some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub customers: usize,
    pub orders: usize,
    /// By twin: customers and orders that a filter hides.
    pub hidden: [(usize, usize); 2],
    pub employees: usize,
    pub leads: usize,
    pub contacts: usize,
    /// Percent of the people of whom each table draws.
    pub people: usize,
}

impl Size {
    /// Large enough that Postgres chooses index and hash plans by itself.
    pub const LARGE: Size =
        Size { customers: 1500, orders: 2500, hidden: [(400, 500), (700, 900)], employees: 300, leads: 40, contacts: 30, people: 100 };
    /// Small enough for many statements; plans are varied by settings.
    pub const SMALL: Size =
        Size { customers: 90, orders: 140, hidden: [(24, 30), (41, 52)], employees: 40, leads: 22, contacts: 12, people: 6 };
}

const PRODUCTS: usize = 24;
/// Different values of a pseudonymised class.
const POOL: usize = 2400;

/// The countries whose customers a filtered role sees.
pub const VISIBLE: [&str; 2] = ["DE", "AT"];
const HIDDEN: [&str; 4] = ["FR", "IT", "PL", "US"];
const CITIES: [&str; 10] = ["Berlin", "Wien", "Graz", "Köln", "Mainz", "Ulm", "Bonn", "Linz", "Essen", "O'Hara \\ Bay"];
const MOODS: [&str; 3] = ["low", "mid", "high"];
const STATUSES: [&str; 4] = ["new", "paid", "sent", "lost"];

/// A pseudonymised class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    Email,
    Device,
    Account,
}

/// The values of the pseudonymised classes, by person and twin: within a twin, all of a class differ.
#[derive(Debug, Clone)]
pub struct Values {
    emails: [Vec<String>; 2],
    devices: [Vec<String>; 2],
    accounts: [Vec<String>; 2],
}

impl Default for Values {
    fn default() -> Self {
        Values::new()
    }
}

impl Values {
    /// Random values; both twins alike in nothing but their number.
    pub fn new() -> Self {
        let each = |make: fn(usize, Twin) -> String| [Twin::A, Twin::B].map(|twin| (0..POOL).map(|n| make(n, twin)).collect());
        Values { emails: each(email), devices: each(device), accounts: each(account) }
    }

    /// The same, but that a person's address has one domain in both twins.
    pub fn with_domains() -> Self {
        let address = |person: usize, twin| {
            let address = email(person, twin);
            let local = address.split_once('@').map_or("", |(local, _)| local);
            format!("{local}@{}", ["example.com", "mail.example", "post.example", "example.net"][person % 4])
        };
        Values { emails: [Twin::A, Twin::B].map(|twin| (0..POOL).map(|n| address(n, twin)).collect()), ..Values::new() }
    }

    /// The value of that person.
    pub fn of(&self, pool: Pool, person: usize, twin: Twin) -> &str {
        let twins = match pool {
            Pool::Email => &self.emails,
            Pool::Device => &self.devices,
            Pool::Account => &self.accounts,
        };
        &twins[twin as usize][person % POOL]
    }

    /// All values of one twin, by person.
    pub fn all(&self, pool: Pool, twin: Twin) -> &[String] {
        match pool {
            Pool::Email => &self.emails[twin as usize],
            Pool::Device => &self.devices[twin as usize],
            Pool::Account => &self.accounts[twin as usize],
        }
    }

    /// Gives B's values to other persons, so that a keyed order under a fixed key is the same on both twins.
    ///
    /// `a`, `b`: persons in that order. A keyed order is a random one that the promise allows; with it
    /// made equal, all that is left of order in an answer must be equal too.
    pub fn align(&mut self, pool: Pool, a: &[usize], b: &[usize]) {
        let values = match pool {
            Pool::Email => &mut self.emails[1],
            Pool::Device => &mut self.devices[1],
            Pool::Account => &mut self.accounts[1],
        };
        let before = values.clone();
        for (to, from) in a.iter().zip(b) {
            values[*to].clone_from(&before[*from]);
        }
    }
}

fn email(person: usize, twin: Twin) -> String {
    let mut rng = Rng::for_thing("email", (person * 2 + twin as usize) as u64);
    let length = 9 + rng.below(if twin == Twin::A { 12 } else { 28 });
    let local = canary::numbered(&mut rng, length, person);
    let host = canary::text(&mut rng, 6);
    format!("{local}@{host}.{}", if rng.chance(50) { "il" } else { "uo" })
}

fn device(person: usize, twin: Twin) -> String {
    let mut rng = Rng::for_thing("device", (person * 2 + twin as usize) as u64);
    let (a, b) = (rng.next(), rng.next());
    format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
}

fn account(person: usize, twin: Twin) -> String {
    let mut rng = Rng::for_thing("account", (person * 2 + twin as usize) as u64);
    // The person's number keeps them apart; none is as large as a pseudonym.
    (rng.range(1, 90_000_000) * 10_000 + person as i64).to_string()
}

/// The rows of one database of a pair, as statements.
pub fn rows(size: Size, twin: Twin, differ: Differ, values: &Values) -> Vec<String> {
    let fill = Fill { size, value: if differ.values { twin } else { Twin::A }, row: if differ.rows { twin } else { Twin::A }, values };
    let mut out = Vec::new();
    fill.countries_and_products(&mut out);
    fill.customers(&mut out);
    fill.orders(&mut out);
    fill.employees(&mut out);
    fill.leads(&mut out);
    fill.contacts(&mut out);
    fill.profiles(&mut out);
    fill.partners(&mut out);
    // Rows of other lengths leave other gaps on a page, which later rows fill: without this, the order in which a plain
    // scan finds them would be another in each twin, and only by that.
    for table in ["customers", "employees", "profiles", "orders_q1", "orders_q2", "orders_rest"] {
        out.push(format!("CLUSTER shop.{table} USING {table}_pkey"));
    }
    for view in ["staff_list", "by_salary", "well_paid", "dept_ids", "depts", "revealed"] {
        out.push(format!("REFRESH MATERIALIZED VIEW shop.{view}"));
    }
    out.extend(["lead_stats", "mails"].map(|view| format!("REFRESH MATERIALIZED VIEW shop.{view}")));
    out.push("ANALYZE".to_owned());
    out
}

struct Fill<'a> {
    size: Size,
    /// Whose protected values.
    value: Twin,
    /// Whose hidden rows.
    row: Twin,
    values: &'a Values,
}

impl Fill<'_> {
    /// For protected values: other ones in each twin.
    fn secret(&self, name: &str, row: usize) -> Rng {
        Rng::for_thing(name, (row * 2 + self.value as usize) as u64)
    }

    fn word(&self, name: &str, row: usize, least: usize, spread: usize) -> String {
        let mut rng = self.secret(name, row);
        let length = least + rng.below(if self.value == Twin::A { spread } else { spread * 2 });
        canary::text(&mut rng, length)
    }

    fn pooled(&self, rng: &mut Rng, pool: Pool, people: usize, percent_null: u64) -> String {
        let person = rng.below((people * self.size.people / 100).max(8));
        if rng.chance(percent_null) { "NULL".to_owned() } else { quote(self.values.of(pool, person, self.value)) }
    }

    /// Within a bucket of 10,000; the bucket is the row's.
    fn salary(&self, rng: &mut Rng, name: &str, row: usize) -> String {
        let bucket = rng.range(1, 9) * 10_000;
        let cents = self.secret(name, row).range(0, 999_999);
        if rng.chance(5) { "NULL".to_owned() } else { format!("{}.{:02}", bucket + cents / 100, cents % 100) }
    }

    fn countries_and_products(&self, out: &mut Vec<String>) {
        let countries = VISIBLE.iter().chain(&HIDDEN).enumerate();
        let rows = countries.map(|(n, code)| format!("({}, {}, {})", quote(code), quote(&format!("Land {n}")), n < 5)).collect();
        insert(out, "shop.countries", rows);
        let rows = (1..=PRODUCTS)
            .map(|id| {
                let mut rng = Rng::for_thing("product", id as u64);
                let tag = *rng.pick(&["red", "blue", "new", "old"]);
                format!("({id}, 'Product {}', {}.{:02}, '{{{tag},t{}}}')", rng.below(20), rng.below(900), rng.below(100), rng.below(4))
            })
            .collect();
        insert(out, "shop.products", rows);
    }

    /// Visible rows have even ids, hidden ones odd: other ids, and another number of them, in each twin.
    fn ids(&self, visible: usize, hidden: usize) -> Vec<(usize, bool)> {
        let twin = self.row as usize;
        let mut ids: Vec<(usize, bool)> = (1..=visible).map(|n| (2 * n, true)).collect();
        ids.extend((0..hidden).map(|n| (4 * n + 1 + 2 * twin, false)));
        ids.sort_unstable();
        ids
    }

    fn customer_ids(&self) -> Vec<(usize, bool)> {
        self.ids(self.size.customers, self.size.hidden[self.row as usize].0)
    }

    fn customers(&self, out: &mut Vec<String>) {
        let rows = self.customer_ids().into_iter().map(|(id, visible)| {
            let salt = if visible { 0 } else { 1_000_000 * (1 + self.row as usize) };
            let mut rng = Rng::for_thing("customer", (id + salt) as u64);
            let row = id + salt;
            let name = format!("{} {}", self.word("first", row, 6, 4), self.word("last", row, 6, 12));
            let email = self.pooled(&mut rng, Pool::Email, 1400, 5);
            let last = rng.range(10, 99);
            let phone_length = 6 + rng.below(8);
            let phone = format!("{}{last}", canary::text(&mut self.secret("phone", row), phone_length));
            let mut secret = self.secret("ssn", row);
            let ssn = match secret.below(10) {
                0 => "NULL".to_owned(),
                1 | 2 if self.value == Twin::A => quote(&"7".repeat(6 + secret.below(3))),
                _ => quote(&canary::text(&mut secret, 11)),
            };
            let year = rng.range(1940, 2005);
            let mut secret = self.secret("dob", row);
            let dob = if rng.chance(8) { "NULL".to_owned() } else { format!("'{year}-{:02}-{:02}'", secret.range(1, 12), secret.range(1, 28)) };
            let salary = self.salary(&mut rng, "customer salary", row);
            let net = (rng.range(0, 3), rng.range(0, 9));
            let ip = format!("'10.{}.{}.{}'", net.0, net.1, self.secret("ip", row).range(1, 254));
            let address = match self.secret("address", row).below(12) {
                0 => "NULL".to_owned(),
                _ => quote(&format!("{{\"street\": \"{}\", \"zip\": \"{}\"}}", self.word("street", row, 8, 30), self.word("zip", row, 6, 2))),
            };
            let notes = match self.secret("notes", row).below(6) {
                0 => "NULL".to_owned(),
                1 => quote(""),
                _ => quote(&self.word("notes", row, 6, 200)),
            };
            let device = self.pooled(&mut rng, Pool::Device, 1200, 10);
            let account = self.pooled(&mut rng, Pool::Account, 2000, 10);
            let country = *rng.pick(if visible { &VISIBLE[..] } else { &HIDDEN[..] });
            format!(
                "({id}, '{name}', {email}, '{phone}', {ssn}, {dob}, {salary}, {ip}, {address}, {notes}, {device}, {account}, '{country}', {}, '{}', {}, {}, '2024-01-01Z'::timestamptz + {} * interval '1 hour')",
                quote(rng.pick::<&str>(&CITIES)),
                rng.pick(&MOODS),
                if rng.chance(10) { "NULL".to_owned() } else { rng.range(-5, 60).to_string() },
                rng.chance(60),
                rng.below(9000),
            )
        });
        insert(out, "shop.customers", rows.collect());
    }

    fn orders(&self, out: &mut Vec<String>) {
        let customers = self.customer_ids();
        let hidden: Vec<usize> = customers.iter().filter(|c| !c.1).map(|c| c.0).collect();
        let rows = self.ids(self.size.orders, self.size.hidden[self.row as usize].1).into_iter().map(|(id, visible)| {
            let row = if visible { id } else { id + 1_000_000 * (1 + self.row as usize) };
            let mut rng = Rng::for_thing("order", row as u64);
            let customer = if visible { 2 * rng.range(1, self.size.customers as i64) as usize } else { *rng.pick(&hidden) };
            let email = self.pooled(&mut rng, Pool::Email, 1600, 12);
            let mut secret = self.secret("card", row);
            let card = if secret.chance(10) { "NULL".to_owned() } else { quote(&canary::text(&mut secret, 16)) };
            format!(
                "({id}, {customer}, {email}, {card}, {}.{:02}, {}, '{}', {}, '2024-01-01'::date + {})",
                rng.below(2000),
                rng.below(100),
                rng.range(0, 9),
                rng.pick(&STATUSES),
                if rng.chance(15) { "NULL".to_owned() } else { rng.range(1, PRODUCTS as i64).to_string() },
                rng.below(360),
            )
        });
        insert(out, "shop.orders", rows.collect());
    }

    fn employees(&self, out: &mut Vec<String>) {
        let rows = (1..=self.size.employees).map(|id| {
            let mut rng = Rng::for_thing("employee", id as u64);
            let email = self.pooled(&mut rng, Pool::Email, 800, 4);
            let boss = if id <= 5 { "NULL".to_owned() } else { rng.range(1, (id as i64 - 1).min(40)).to_string() };
            format!(
                "({id}, '{}', {email}, {}, {}, {boss}, '2010-01-01'::date + {}, 'Title {}')",
                self.word("employee", id, 6, 20),
                rng.range(1, 6),
                self.salary(&mut rng, "employee salary", id),
                rng.below(4000),
                rng.below(7),
            )
        });
        insert(out, "shop.employees", rows.collect());
    }

    fn leads(&self, out: &mut Vec<String>) {
        let rows = (0..self.size.leads).map(|n| {
            let mut rng = Rng::for_thing("lead", n as u64);
            let email = self.pooled(&mut rng, Pool::Email, 25, 10);
            let device = self.pooled(&mut rng, Pool::Device, 25, 10);
            let owner = rng.range(1, 60);
            format!(
                "({email}, '{}', {}, {device}, {owner}, '2024-03-01'::timestamp + {} * interval '1 day')",
                rng.pick(&["web", "fair", "call"]),
                rng.range(0, 5),
                rng.below(9)
            )
        });
        insert(out, "shop.leads", rows.collect());
    }

    fn profiles(&self, out: &mut Vec<String>) {
        let rows = (1..=self.size.employees).map(|id| {
            let mut rng = Rng::for_thing("profile", id as u64);
            let email = self.pooled(&mut rng, Pool::Email, 900, 8);
            let alt = self.pooled(&mut rng, Pool::Email, 900, 30);
            let salary = self.salary(&mut rng, "profile salary", id);
            let tag = *rng.pick(&["red", "blue", "new", "old"]);
            let marks: Vec<String> = (0..rng.below(4)).map(|_| rng.range(-3, 30).to_string()).collect();
            format!(
                "({id}, {}, {email}, DEFAULT, {alt}, '{}', {salary}, DEFAULT, '{{{tag},t{}}}', '{{{}}}', \
                 '{{\"k\": {}, \"list\": [{}], \"tag\": \"{tag}\"}}', {}, '2024-05-01'::timestamp + {} * interval '7 hours')",
                2 * rng.range(1, 90),
                self.word("nick", id, 6, 9),
                rng.below(3),
                marks.join(","),
                rng.below(9),
                marks.join(", "),
                rng.below(6),
                rng.below(70),
            )
        });
        insert(out, "shop.profiles", rows.collect());
    }

    /// Its rows are in its definition.
    fn partners(&self, out: &mut Vec<String>) {
        let rows = (1..=9).map(|id| {
            let mut rng = Rng::for_thing("partner", id);
            let person = rng.below(20);
            let email = self.values.of(Pool::Email, person, self.value);
            format!("{id},{},{email},{}", self.word("partner name", id as usize, 6, 9), rng.pick(&["Berlin", "Wien", "Graz"]))
        });
        let rows = rows.collect::<Vec<_>>().join("\\n");
        out.push(format!("ALTER FOREIGN TABLE shop.partners OPTIONS (SET program 'printf \"{rows}\\n\"')"));
    }

    fn contacts(&self, out: &mut Vec<String>) {
        for (table, from) in [("shop.contacts", 0), ("shop.contacts_old", 1000)] {
            let rows = (1..=self.size.contacts).map(|n| {
                let mut rng = Rng::for_thing(table, n as u64);
                let email = self.pooled(&mut rng, Pool::Email, 60, 5);
                format!("({}, 'label {}', {email})", from + n, rng.below(8))
            });
            insert(out, table, rows.collect());
        }
    }
}

/// As an SQL literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn insert(out: &mut Vec<String>, table: &str, rows: Vec<String>) {
    out.extend(rows.chunks(400).map(|some| format!("INSERT INTO {table} VALUES {}", some.join(", "))));
}
